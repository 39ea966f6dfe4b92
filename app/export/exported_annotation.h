// SPDX-License-Identifier: GPL-3.0-or-later
// Which annotation of an image counts, and its areas as regions. Plain functions; those with a store run in
// its thread, the others in any.
#pragma once

#include "app/document/pixel_area.h"
#include "io/core/result.h"
#include "io/export/exported_regions.h"
#include "io/store/project_store.h"

#include <optional>
#include <string>
#include <vector>

namespace limn {

// The folder that the images' paths are relative to. Errors: those of the store.
Result<std::string> imageFolderOf(ProjectStore& store);

// Of an image's annotations the agreed one, else the last editor's, else the newest. With a person: the
// newest version of that one's. Null: there is none.
const AnnotationInfo* shownAnnotation(const ImageRecord& image,
                                      const std::vector<AnnotationInfo>& annotations,
                                      std::optional<PersonId> person = {});

// Regions of the label's pixels: each 8-connected part one, in reading order, or all parts together. Label
// and category are left to the caller. `areas` gets the pixels of each region.
std::vector<ExportedRegion> regionsOf(const PixelArea& area, std::uint8_t value, bool wholeLabel,
                                      std::vector<PixelArea>& areas);

// The nearest pixel of each new pixel's centre.
LabelMap resizedLabels(const LabelMap& map, Size size);
// Each new pixel is the mean of the area that it covers. Precondition: not larger than the image.
Image shrunkImage(const Image& image, Size size);
// The same for a proposal.
ProbabilityMap shrunkProbability(const ProbabilityMap& map, Size size);
// The size with this longest side and the same shape, at least 1 x 1; the same size when it is not longer.
Size sizeWithin(Size size, int longestSide);

} // namespace limn
