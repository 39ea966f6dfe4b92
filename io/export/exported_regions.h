// SPDX-License-Identifier: GPL-3.0-or-later
// What the export formats are made of: the areas of an annotation as polygons along pixel sides. Plain
// values, any thread.
#pragma once

#include "io/core/image.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace limn {

// A corner of a pixel: continuous image coordinates that are whole numbers.
struct Corner {
    int x = 0;
    int y = 0;
    bool operator==(const Corner&) const = default;
};
// Closed, without the first corner repeated. A pixel belongs to it when its centre is inside.
using CornerRing = std::vector<Corner>;

// A label's area, or one connected part of it.
struct ExportedRegion {
    std::uint8_t value = 1;         // of the label map
    int category = 1;               // COCO's category_id
    std::string label;              // name
    std::vector<CornerRing> outers; // at least one; one for each part
    std::vector<CornerRing> holes;
    Rect bounds;                // smallest rectangle of whole pixels
    std::size_t areaPixels = 0; // counted in the mask, never from the polygon
};

// An image with its regions.
struct ExportedImageFacts {
    std::int64_t id = 0;
    std::string file; // as the format's readers will look for it: relative, with '/'
    Size size;        // of the label map that the regions were taken from
};

} // namespace limn
