// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder's kernels (head_kernels.cu) as plain C++ for the processor, on the same packed weights and the
// same scratch layout, rounding to bfloat16 where the kernels do. Sums run in another order than the tensor
// cores', so that a stored value may be one bfloat16 step apart. Not meant to be fast.
#pragma once

#include "inference/cuda/head_kernels.h"

namespace limn::gpu {

// Arguments as headForward's, in host memory. One thread; reentrant.
int headForwardHost(const HeadProblem& problem, void* scratch, float* probabilities, int firstStep = 0,
                    int endStep = kHeadSteps);

} // namespace limn::gpu
