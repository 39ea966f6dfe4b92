// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of encoder_kernels.cu as plain C++ for the processor, made of the same arithmetic and rounded
// to bfloat16 where they round: they prove arithmetic and indices where no GPU is at hand.
//
// Arguments, layouts and sizes are those of the launchers in encoder_kernels.h, in host memory; bfloat16 as
// its 16 bits. One thread each; reentrant. Each returns 0, or 1 (cudaErrorInvalidValue) for what the
// launchers refuse.
#pragma once

#include "inference/cuda/encoder_kernels.h"

#include <cstdint>

namespace limn::gpu {

int patchEmbedHost(int batch, int height, int width, const float* images, const float* weight,
                   const float* bias, const float* normWeight, const float* normBias, float* out);

int addNormHost(std::int64_t rows, int channels, const float* x, const std::uint16_t* branch,
                const float* weight, const float* bias, float* sum, std::uint16_t* out);

int mergeNormHost(int batch, int height, int width, int channels, const float* x, const std::uint16_t* branch,
                  const float* weight, const float* bias, std::uint16_t* out);

} // namespace limn::gpu
