// SPDX-License-Identifier: GPL-3.0-or-later
// YOLO's segmentation text: one file an image, one line a polygon, `class x1 y1 x2 y2 ...` with coordinates
// divided by the image's width and height (0 to 1), written with as many digits as give the same pixel
// corner back for every size that Limn reads. Holes cannot be said: they are left out, and become part of the
// polygon. Pure functions, any thread.
#pragma once

#include "io/export/exported_regions.h"

#include <string>
#include <vector>

namespace limn {

// A line for each outer ring. `classes` has the class of each region, counted from 0.
std::string yoloText(const ExportedImageFacts& image, const std::vector<ExportedRegion>& regions,
                     const std::vector<int>& classes);

// data.yaml: where images and labels are, and the names by class.
std::string yoloDataText(const std::vector<std::string>& names);

} // namespace limn
