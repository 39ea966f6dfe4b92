// SPDX-License-Identifier: GPL-3.0-or-later
// COCO's JSON for detection and segmentation: info, licenses, images, categories, annotations. Coordinates
// are those of io/core/image.h: origin top left, pixel (x, y) covers [x, x+1) x [y, y+1).
//
// Of each region: polygons (iscrowd 0) when it has no hole, else run lengths {"size": [height, width],
// "counts": ...} with iscrowd 0, which pycocotools tells apart by type. area is the number of pixels; bbox is
// [x, y, width, height] in whole pixels. Pieces are made one image at a time, so that a large project is
// never held as a tree. One thread at a time.
#pragma once

#include "io/export/coco_runs.h"
#include "io/export/exported_regions.h"

#include <cstdint>
#include <string>
#include <vector>

namespace limn {

struct CocoCategory {
    int id = 1;
    std::string name;
    std::string supercategory; // such as the terminology code; may be empty
};

enum class CocoCounts {
    Text, // the compressed text of coco_runs.h
    List, // a list of numbers
};

class CocoFile {
public:
    explicit CocoFile(CocoCounts counts = CocoCounts::Text) : m_counts(counts) {}

    // A region with holes is written as `runs`, which must then be those of its pixels in the whole image.
    struct Piece {
        ExportedRegion region;
        CocoRuns runs;
    };
    void addImage(const ExportedImageFacts& image, const std::vector<Piece>& pieces);
    std::size_t annotations() const { return static_cast<std::size_t>(m_nextId - 1); }

    // The whole file. `date` is an ISO date and time, may be empty.
    std::string text(const std::vector<CocoCategory>& categories, const std::string& description,
                     const std::string& date) const;

private:
    CocoCounts m_counts;
    std::int64_t m_nextId = 1;
    std::string m_images;
    std::string m_annotations;
};

} // namespace limn
