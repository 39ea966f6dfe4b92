// SPDX-License-Identifier: GPL-3.0-or-later
// The losses of training. LibTorch's headers stay inside inference/.
#pragma once

#include <ATen/core/Tensor.h>

namespace limn {

struct LossParts {
    at::Tensor bce;  // scalar
    at::Tensor dice; // scalar
};

// The released code's losses on sigmoid(logits): binary cross-entropy over all pixels (LibTorch's, whose
// logarithms stop at -100) and soft Dice per sample (smooth 1). Both tensors [b, 1, h, w], target 0 or 1.
// Computed in double precision, where the sigmoid rounds to 0 or 1 only beyond logits of 36, as the golden
// values were.
LossParts releasedLoss(const at::Tensor& logits, const at::Tensor& target);

// The same two, stable for any logit, target in [0, 1]. With boundaryWeight > 0 a pixel counts
// 1 + boundaryWeight * |mean of the target around it (31 x 31) - target| in the cross-entropy, so that pixels
// near the border count more (the weighting of F3Net, Wei et al. 2020, and PraNet, Fan et al. 2020). The Dice
// is each picture's own, so that a small area counts as much as a large one, but for this share of it, which
// is over all pixels of the batch, as the paper's figures are over all pixels of a set.
LossParts segmentationLoss(const at::Tensor& logits, const at::Tensor& target, double boundaryWeight = 0.0,
                           double pooledDice = 0.0);

} // namespace limn
