// SPDX-License-Identifier: GPL-3.0-or-later
// Launchers of what stands between the matrix products of the encoder in the fused path: patch embedding,
// LayerNorm with the residual sum before it, patch merging. The residual stream is float32, what feeds a
// matrix product is bfloat16. Conventions: kernels.h.
#pragma once

#include "inference/cuda/kernels.h"

namespace limn::gpu {

inline constexpr int kPatchSide = 4;
inline constexpr int kPatchInputs = 3 * kPatchSide * kPatchSide; // channels x rows x columns of a patch
inline constexpr int kPatchChannels = 96;

// Convolution 4x4 with stride 4, bias, LayerNorm (epsilon 1e-5) over the channels.
//   images: [batch][3][height][width], sides multiples of 4; weight: [96][3][4][4]; out: [batch][height / 4 *
//   width / 4][96]
int patchEmbed(int batch, int height, int width, const float* images, const float* weight, const float* bias,
               const float* normWeight, const float* normBias, float* out, Stream stream);

// x + branch, and its LayerNorm (epsilon 1e-5).
//   x: float [rows][channels]; branch: null or bfloat16 [rows][channels]; sum: null, or float
//   [rows][channels] (may be x); out: bfloat16 [rows][channels]. channels even, <= 1536
int addNorm(std::int64_t rows, int channels, const float* x, const void* branch, const float* weight,
            const float* bias, float* sum, void* out, Stream stream);

// Patch merging up to its matrix product: the four pixels (0,0), (1,0), (0,1), (1,1) (row, column) of each
// 2x2 block of x + branch behind each other, and their common LayerNorm.
//   x: float, branch: null or bfloat16 [batch][height][width][channels], sides even; out: bfloat16
//   [batch][height / 2
//   * width / 2][4 channels]. channels even, <= 384
int mergeNorm(int batch, int height, int width, int channels, const float* x, const void* branch,
              const float* weight, const float* bias, void* out, Stream stream);

} // namespace limn::gpu
