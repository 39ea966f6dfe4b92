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

// One seed is one scene, described in normalised coordinates with the shape of a 4:3 picture. Every size from
// square to 4:3 shows exactly this rectangle, squeezed sideways when narrower, so that a seed shows the same
// scene at 256 x 256 as at 4000 x 3000. Wider sizes, such as 1920 x 1080, show more at the sides, and upright
// ones more above and below, undistorted. Only structures finer than a pixel and sensor noise follow the
// pixel grid.
//
// Seeds differ in size (about 1.5 to 70 % of the picture, half of them below 12 %), place, number (endoscopy:
// one polyp in five of six), outline, contrast from hardly visible to black on white, skin or mucosa, light,
// sharpness, and artefacts (hairs, rulers, ink, stickers, bubbles, dark corners, captions, residue).
//
// The same seed and size give the same bytes on every machine: integer generator of our own, no
// std::distributions, no library transcendental functions. The tests pin them.
//
// A size with a side below 1 gives an empty image and mask. 10 to 20 ms for 256 x 256 on one core, 2 to 4 s
// for 12 megapixels.
DrawnImage drawImage(DrawnKind kind, Size size, std::uint64_t seed);

} // namespace limn
