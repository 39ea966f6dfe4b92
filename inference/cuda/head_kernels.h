// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder of VM-UNetV2 for inference with one class, as CUDA kernels: from the encoder's four feature
// maps to the probability map in seven launches. Plain functions over device pointers, as in kernels.h.
//
// Sizes: height and width are the padded image's, multiples of 32. Level l (0 the finest) has the image's
// size divided by 4, 8, 16, 32 and 96, 192, 384, 768 channels. All maps are channels-last in raster order,
// [batch][pixels][channels]. Sums are float32; stored intermediates and the operands of matrix products are
// bfloat16. Results are the same bits from run to run, and for an image alone or in a batch.
#pragma once

#include "inference/cuda/kernels.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace limn::gpu {

struct HeadWeights; // head_weights.h: packed on the host, copied to the device as it is (16-byte aligned)

struct HeadProblem {
    int batch = 1; // 1 to 65535
    int height = 32;
    int width = 32;
    std::array<const float*, 4>
        features{}; // [batch][pixels of level l][channels of level l], 16-byte aligned
    const HeadWeights* weights = nullptr;
};

// Where each intermediate lies in the scratch memory, in bytes from its start (multiples of 256).
struct HeadScratch {
    std::array<std::int64_t, 4>
        partial{};                       // float [batch][chunks][2][channels]: sums and maxima of pixel rows
    std::int64_t gate = 0;               // float [batch][1440]: channel gates, level after level
    std::array<std::int64_t, 4> stats{}; // float [batch][pixels][2]: mean and maximum over gated channels
    std::array<std::int64_t, 4> squeezed{};   // bf16 [batch][pixels][48]: Translayer before the spatial gate
    std::array<std::int64_t, 4> translated{}; // bf16 [batch][pixels][48]
    // bf16 [batch][pixels of level][48]: block means of a finer source; pairs (source, level) in the order
    // (0,1), (0,2), (1,2), (0,3), (1,3), (2,3)
    std::array<std::int64_t, 6> pooled{};
    std::array<std::int64_t, 4> infused{}; // bf16 [batch][pixels][48]: products of SDI; level 0 is not stored
    std::int64_t quarter = 0;              // float [batch][pixels of level 0]: head 3 of SDI's product alone
    std::int64_t refined = 0;              // float [batch][pixels of level 1][20]: kFunctionals of y
    std::int64_t bytes = 0;
};
HeadScratch planHeadScratch(int batch, int height, int width);

inline constexpr int kHeadSteps = 7; // launches: pool, gate, squeeze, pyramid, infuse, refine, assemble

// probabilities: float [batch][height][width]. scratch: planHeadScratch().bytes, 256-byte aligned, any
// content. Returns 0 or a cudaError_t; cudaErrorInvalidValue for sizes outside those above. Steps [firstStep,
// endStep) alone serve measurements.
int headForward(const HeadProblem& problem, void* scratch, float* probabilities, Stream stream,
                int firstStep = 0, int endStep = kHeadSteps);

} // namespace limn::gpu
