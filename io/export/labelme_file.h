// SPDX-License-Identifier: GPL-3.0-or-later
// labelme's JSON, one file an image. A region without holes becomes shapes of type "polygon" (one for each
// part), a region with holes one of type "mask": two points that are the first and last pixel of the
// patch, both inclusive, and the patch as a base64 PNG. Pure functions, any thread.
#pragma once

#include "io/core/result.h"
#include "io/export/exported_regions.h"

#include <optional>
#include <string>
#include <vector>

namespace limn {

struct LabelmeShape {
    ExportedRegion region;
    LabelMap patch;           // of region.bounds, 0 and other values; empty when the region has no hole
    std::optional<int> group; // parts of one label that belong together share it
    std::string description;  // such as the terminology code
};

// The text of the file: UTF-8, indented by 2. image.file is the path from the JSON file to the image.
// `flags` are true for the whole image ("no_lesion", "flagged"). Errors: those of the PNG.
Result<std::string> labelmeText(const ExportedImageFacts& image, const std::vector<LabelmeShape>& shapes,
                                const std::vector<std::string>& flags);

} // namespace limn
