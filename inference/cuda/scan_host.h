// SPDX-License-Identifier: GPL-3.0-or-later
// The scan's kernels as plain C++ for the processor: the same tiles, pieces of rows, vectors of states,
// groups of the reverse run, saved states and order of summing, made of the same functions (scan_math.h).
// They prove the kernels' arithmetic and indices where no GPU is at hand; they are not meant to be fast
// (selective_scan.h is).
//
// Arguments, layouts and sizes are those of the launchers in kernels.h, in host memory; float32 only. What
// differs from a GPU: exp2 and log2 come from the C library instead of ex2.approx and lg2.approx (2^-22), and
// products are not fused with sums.
// One thread each; reentrant. Each returns 0, or 1 (cudaErrorInvalidValue) for what the launchers refuse: a
// rank above 48, another element type than float32.
#pragma once

#include "inference/cuda/kernels.h"

namespace limn::gpu {

// y: [directions][batch][length][channels]; saved: null or ScanPlan::savedFloats floats,
// [batch][directions][tiles][channels][16], the states before every 32nd step. Also refused: `saved` with a
// plan whose pieces have another length.
int scanForwardHost(const ScanProblem& problem, const ScanPlan& plan, float* y, float* saved);

// Output sizes: scanBackwardSizes().
int scanBackwardHost(const ScanProblem& problem, const float* dy, const float* saved, float* gradU,
                     float* partialProjected, float* partialSums);

int sumPartialProjectedHost(const ScanProblem& problem, const float* partialProjected, float* gradProjected);

} // namespace limn::gpu
