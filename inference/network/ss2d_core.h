// SPDX-License-Identifier: GPL-3.0-or-later
// The inner part of an SS2D block as one differentiable operator, on the processor or on a GPU: depthwise
// convolution and SiLU, the projection to steps, B and C, the scan along four paths, LayerNorm and the gate.
// LibTorch's headers stay inside inference/.
#pragma once

#include <ATen/core/Tensor.h>

namespace limn {

struct Ss2dWeights {
    at::Tensor convWeight; // [d, 1, 3, 3]
    at::Tensor convBias;   // [d]
    at::Tensor projection; // [4, r + 32, d]
    at::Tensor dtWeight;   // [4, d, r]
    at::Tensor dtBias;     // [4, d]
    at::Tensor logRates;   // [4 d, 16]; A = -exp(logRates)
    at::Tensor skip;       // [4 d]
    at::Tensor normWeight; // [d]
    at::Tensor normBias;   // [d]
};

// xz: [batch, height, width, 2 d] float32, contiguous: the convolution's input, then the gate. Result:
// [batch, height, width, d]. Gradients flow to xz and to every weight when gradients are on. Throws
// c10::Error, as LibTorch does; callers at the edge of inference/ turn that into a Result.
at::Tensor ss2dCore(const at::Tensor& xz, const Ss2dWeights& weights);

// With this on, the scan is not run and y is u, but for factors. For benchmark's "the same network without
// the scan"; per thread.
class ScanLeftOut {
public:
    ScanLeftOut();
    ~ScanLeftOut();
    ScanLeftOut(const ScanLeftOut&) = delete;
    ScanLeftOut& operator=(const ScanLeftOut&) = delete;
};
bool scanIsLeftOut();

} // namespace limn
