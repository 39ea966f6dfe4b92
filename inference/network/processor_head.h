// SPDX-License-Identifier: GPL-3.0-or-later
// From feature maps to logits, for proposals on the processor: channel and spatial attention, the
// infusion of all levels into each, transposed convolutions. The same arithmetic as the modules of
// vm_unet_v2, without gradients, channels-last throughout, convolutions as products over packed weights.
// LibTorch's headers stay inside inference/.
#pragma once

#include "inference/network/decoder_steps.h"
#include "inference/scan/linear.h"

#include <ATen/core/Tensor.h>

#include <array>
#include <vector>

namespace limn {

class ProcessorHead {
public:
    static constexpr int kLevels = 4;

    struct Product {
        PackedWeights weights;
        at::Tensor bias; // [outputs], or undefined
    };
    struct Level {
        at::Tensor squeeze;  // [c / 16, c]
        at::Tensor excite;   // [c, c / 16]
        at::Tensor spatial;  // [2, 7, 7]
        Product translation; // [48][c], batch normalisation drawn in
    };
    // Tensors are contiguous float32 on the processor and must not change afterwards.
    struct Parts {
        std::array<Level, kLevels> levels;
        std::array<std::array<Product, kLevels>, kLevels> infusions; // [48][3 x 3 x 48], of [level][source]
        std::array<std::array<PackedWeights, 4>, 3> deconvolutions;  // [48][2 x 2 x 48], by parity of (y, x)
        Product eighth; // [classes][48], on the map at an eighth of the image's size
        Product quarter;
        at::Tensor refinement; // [3, 3]: transposed convolution of the former, stride 2, for every class
        float refinementBias = 0.0f;
    };
    // weight: [48, 48, 3, 3] of a convolution, as the products read it.
    static PackedWeights packConvolution(const at::Tensor& weight);
    // weight: [48, 48, 4, 4] of a transposed convolution with stride 2 and padding 1.
    static std::array<PackedWeights, 4> packDeconvolution(const at::Tensor& weight);

    explicit ProcessorHead(Parts parts) : m_parts(std::move(parts)) {}

    // features: four maps [batch, h, w, c] float32, contiguous, each half as high and wide as the one before.
    // Result: [batch, classes, 4 h, 4 w] of the first one's h and w. steps: keeps what is made on the way,
    // where it is given.
    at::Tensor logits(const std::vector<at::Tensor>& features, int threads,
                      DecoderSteps* steps = nullptr) const;
    std::int64_t classes() const { return m_parts.quarter.weights.outputs(); }

private:
    Parts m_parts;
};

} // namespace limn
