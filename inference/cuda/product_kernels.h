// SPDX-License-Identifier: GPL-3.0-or-later
// Launcher of matrix products with few rows, as one image brings them. A library's products are made for
// large ones: of a product that takes two microseconds, starting it is the greater part. These start while
// the kernel before them ends and fetch the weights meanwhile. For GPUs with clusters (GpuShape).
// Conventions: kernels.h.
#pragma once

#include "inference/cuda/kernels.h"

namespace limn::gpu {

// Whether smallProduct knows these sizes and is made for them.
bool isSmallProduct(std::int64_t rows, int columns, int depth);

// out[row][column] = sum over k of a[row][k] * weight[column][k], summed in float32.
//   a: bfloat16 [rows][depth]; weight: bfloat16 [columns][depth]; out: `element` (Float32 or BFloat16)
//   [rows][columns], all with
//   addresses that are multiples of 16. Equal bits from run to run.
int smallProduct(Element element, std::int64_t rows, int columns, int depth, const void* a,
                 const void* weight, void* out, Stream stream);

// The sum of a small product and x, and the sum's LayerNorm (epsilon 1e-5), in one step.
//   columns: 96, 192 or 384; depth: twice as many. a, weight: as above. x: null, or float [rows][columns];
//   sum: float [rows][columns], may be x; out: bfloat16 [rows][columns], null where no LayerNorm is wanted.
bool isSmallProductNorm(std::int64_t rows, int columns, int depth);
int smallProductNorm(std::int64_t rows, int columns, const void* a, const void* weight, const float* x,
                     const float* normWeight, const float* normBias, float* sum, void* out, Stream stream);

} // namespace limn::gpu
