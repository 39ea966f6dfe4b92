// SPDX-License-Identifier: GPL-3.0-or-later
// The branch of a VSS block as one differentiable operator, on the processor or on a GPU: LayerNorm, the
// projection to the convolution's input and the gate, depthwise convolution and SiLU, the projection to
// steps, B and C, the scan along four paths, LayerNorm and the gate, the projection back. For the backward
// run it keeps its input, the sum of the paths, the scan's projected rows and states, and makes the rest
// again. LibTorch's headers stay inside inference/.
#pragma once

#include <ATen/core/Tensor.h>

namespace limn {

inline constexpr double kLayerNormEpsilon = 1e-5; // of every LayerNorm of the released network

// c: channels of the block; d: of its inner part.
struct Ss2dWeights {
    at::Tensor inputNormWeight; // [c]; undefined, like the bias: the input is taken as it is
    at::Tensor inputNormBias;   // [c]
    at::Tensor inProjection;    // [2 d, c]: the convolution's input, then the gate
    at::Tensor convWeight;      // [d, 1, 3, 3]
    at::Tensor convBias;        // [d]
    at::Tensor projection;      // [4, r + 32, d]
    at::Tensor dtWeight;        // [4, d, r]
    at::Tensor dtBias;          // [4, d]
    at::Tensor logRates;        // [4 d, 16]; A = -exp(logRates)
    at::Tensor skip;            // [4 d]
    at::Tensor normWeight;      // [d]
    at::Tensor normBias;        // [d]
    at::Tensor outProjection;   // [c, d]
};

// x: [batch, height, width, c] float32; the result has the same shape. Gradients flow to x and to every
// weight when gradients are on. Throws c10::Error, as LibTorch does; callers at the edge of inference/ turn
// that into a Result.
at::Tensor ss2dBranch(const at::Tensor& x, const Ss2dWeights& weights);

// While one lives, the scan is not run and y is u, but for factors. For benchmark's "the same network without
// the scan"; per thread.
class ScanLeftOut {
public:
    ScanLeftOut();
    ~ScanLeftOut();
    ScanLeftOut(const ScanLeftOut&) = delete;
    ScanLeftOut& operator=(const ScanLeftOut&) = delete;

private:
    bool m_before;
};
bool scanIsLeftOut();

} // namespace limn
