// SPDX-License-Identifier: GPL-3.0-or-later
// The kernels of block_kernels.cu as plain C++ for the processor: the same strips, parts and order of
// summing, made of the same functions (scan_math.h). They prove arithmetic and indices where no GPU is at
// hand; they are not meant to be fast.
//
// Arguments, layouts and sizes are those of the launchers in kernels.h, in host memory; float32 only. One
// thread each; reentrant. Each returns 0, or 1 (cudaErrorInvalidValue) for more channels than the kernels
// take.
#pragma once

#include "inference/cuda/kernels.h"

namespace limn::gpu {

int depthwiseSiluForwardHost(int batch, int height, int width, int channels, const float* x,
                             std::int64_t xStride, const float* weight, const float* bias, float* out);

// gradOut: 1 or 4 parts; gradPre: scratch [batch][length][channels]; partial:
// [depthwisePartials()][channels][10].
int depthwiseSiluBackwardHost(int batch, int height, int width, int channels, const float* x,
                              std::int64_t xStride, const float* weight, const float* bias,
                              const float* gradOut, int parts, float* gradPre, float* gradX,
                              std::int64_t gradXStride, float* partial);

// sum: null, or [rows][channels].
int normGateForwardHost(std::int64_t rows, int channels, int parts, const float* y, const float* z,
                        std::int64_t zStride, const float* weight, const float* bias, float* out, float* sum);

// out: what the forward run gave. partial: [normPartials()][channels][2].
int normGateBackwardHost(std::int64_t rows, int channels, const float* y, const float* z,
                         std::int64_t zStride, const float* weight, const float* bias, const float* gradOut,
                         float* out, float* gradY, float* gradZ, std::int64_t gradZStride, float* partial);

// partial: [normPartials()][channels][2].
int layerNormForwardHost(std::int64_t rows, int channels, const float* x, const float* weight,
                         const float* bias, float* out);
int layerNormBackwardHost(std::int64_t rows, int channels, const float* x, const float* weight,
                          const float* gradOut, float* gradX, float* partial);

} // namespace limn::gpu
