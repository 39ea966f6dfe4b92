// SPDX-License-Identifier: GPL-3.0-or-later
// Masks as run lengths in COCO's sense. Pixels are numbered down the columns: pixel (x, y) has number
// x * height + y. Runs alternate, the first counts background pixels (0 when pixel 0 is inside). The sum of
// all runs is width * height. Pure functions, any thread.
#pragma once

#include "io/core/image.h"
#include "io/core/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace limn {

using CocoRuns = std::vector<std::uint32_t>;

// Runs of an image's mask, given as a patch: pixels of the patch that differ from 0 are inside, everything
// outside the patch is background. Precondition: the patch lies inside the image.
CocoRuns cocoRuns(const LabelMap& patch, int left, int top, Size image);
// The same where the patch is the whole image.
CocoRuns cocoRuns(const LabelMap& mask);

// The mask (0 and 1) of the runs. Error: InvalidArgument when their sum is not the number of pixels.
Result<LabelMap> maskFromCocoRuns(const CocoRuns& runs, Size size);

// The "compressed" text: from the fourth run on, the difference to the run two before; each number in groups
// of 5 bits, lowest first, bit 6 set when more follow, sign carried by bit 5 of the last group; 48 added.
std::string cocoRunText(const CocoRuns& runs);
// Error: InvalidArgument for characters outside '0'..'o', a number that does not end, or a negative run.
Result<CocoRuns> cocoRunsFromText(const std::string& text);

} // namespace limn
