// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of product_kernels.cu as plain C++ for the processor, cut into the same blocks and parts of the
// depth: they prove indices and the order of sums where no GPU is at hand.
//
// Arguments, layouts and sizes are those of the launchers in product_kernels.h, in host memory; bfloat16 as
// its 16 bits. One thread; reentrant. Returns 0, or 1 (cudaErrorInvalidValue) for what the launchers refuse.
#pragma once

#include "inference/cuda/product_kernels.h"

#include <cstdint>

namespace limn::gpu {

// out: float, not yet rounded to an element.
int smallProductHost(std::int64_t rows, int columns, int depth, const std::uint16_t* a,
                     const std::uint16_t* weight, float* out);

// out: float, as above; null where no LayerNorm is wanted.
int smallProductNormHost(std::int64_t rows, int columns, const std::uint16_t* a, const std::uint16_t* weight,
                         const float* x, const float* normWeight, const float* normBias, float* sum,
                         float* out);

} // namespace limn::gpu
