// SPDX-License-Identifier: GPL-3.0-or-later
// The losses of training. LibTorch's headers stay inside inference/.
#pragma once

#include <ATen/core/Tensor.h>

namespace limn {

struct LossParts {
    at::Tensor bce;  // scalar
    at::Tensor dice; // scalar
};

// Binary cross-entropy over all pixels and soft Dice per sample (smooth 1), as the released code computes
// them from sigmoid(logits); both [b, 1, h, w], target in [0, 1]. With boundaryWeight > 0 a pixel counts 1 +
// boundaryWeight * |mean of the target around it (31 x 31) - target| in the cross-entropy, so that pixels
// near the border count more (the weighting of F3Net, Wei et al. 2020, and PraNet, Fan et al. 2020).
LossParts segmentationLoss(const at::Tensor& logits, const at::Tensor& target, double boundaryWeight = 0.0);

} // namespace limn
