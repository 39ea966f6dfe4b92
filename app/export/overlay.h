// SPDX-License-Identifier: GPL-3.0-or-later
// Draws masks over pictures for STEM_overlay.jpg and reports. Not the window's canvas. Any thread.
#pragma once

#include "io/core/image.h"

#include <array>
#include <cstdint>

namespace limn {

struct OverlayStyle {
    std::array<std::uint8_t, 3> color{255, 221, 0};
    double tint = 0.15; // share of the colour inside the mask
};

// Draws the mask's outline (a core in the colour with a dark casing on both sides, as wide as the picture's
// size asks for) and a light tint inside. Precondition: equal sizes, image.rgb complete.
void drawOverlay(Image& image, const LabelMap& mask, const OverlayStyle& style = {});

// The image reduced to at most `longestSide` pixels by averaging blocks; a smaller one comes back as it is.
// `mask` likewise (a block counts as inside when at least half of it is).
Image reducedImage(const Image& image, int longestSide);
LabelMap reducedMask(const LabelMap& mask, int longestSide);

} // namespace limn
