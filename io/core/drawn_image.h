// SPDX-License-Identifier: GPL-3.0-or-later
// Draws dermoscopy-like and endoscopy-like images together with their true masks: demo images, test inputs
// and pre-training material that belong to nobody. Not a simulation of optics or of disease, and no real
// photograph is involved. Plain C++20, no library; pure functions, safe to call from any number of threads at
// once.
#pragma once

#include "io/core/image.h"

#include <cstdint>

namespace limn {

enum class DrawnKind { Dermoscopy, Endoscopy };

struct DrawnImage {
    Image image;   // sRGB; path and format are empty, no spacing
    LabelMap mask; // 1 inside the lesion or the polyp(s), 0 elsewhere; exactly the image's size, never all 0
                   // at ordinary sizes (both sides at least 32 pixels)
};

// One seed is one scene. It is described in normalised coordinates (the image's rectangle is the unit square,
// squashed or stretched with it), so the same seed shows the same scene at 256 x 256 as at 4000 x 3000; only
// structures finer than a pixel, such as pores and sensor noise, follow the pixel grid. A quarter of the
// seeds or so carries each kind of artefact: hairs, ruler marks, gel bubbles, dark corners, colour casts.
//
// The same seed and size give the same bytes on every machine: integer generator of our own, no
// std::distributions, no library transcendental functions.
//
// A size with a side below 1 gives an empty image and mask. About 8 ms for 256 x 256 on one core; a few
// seconds for 12 megapixels.
DrawnImage drawImage(DrawnKind kind, Size size, std::uint64_t seed);

} // namespace limn
