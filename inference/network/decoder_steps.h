// SPDX-License-Identifier: GPL-3.0-or-later
// What the decoder makes on its way from feature maps to logits, for those who compare two ways to compute
// it. LibTorch's headers stay inside inference/.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>

namespace limn {

// Level 0 is the finest, 3 the coarsest. All channels-first, by the names of the released modules.
struct DecoderSteps {
    std::array<at::Tensor, 4> channelFactors; // ca_1..4: [b, c, 1, 1]
    std::array<at::Tensor, 4> pixelFactors;   // sa_1..4: [b, 1, h, w]
    std::array<at::Tensor, 4> translated;     // Translayer_1..4: [b, 48, h, w]
    std::array<at::Tensor, 4> infused;        // sdi_1..4: [b, 48, h, w]
    at::Tensor refinement;                    // deconv6: [b, classes, 4 h, 4 w] of level 0's h and w
};

} // namespace limn
