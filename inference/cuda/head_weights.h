// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder's weights in the order in which its kernels read them, and the packing from a checkpoint's
// tensors. One plain struct without pointers: its bytes are copied to the device as they are.
//
// A matrix operand of the tensor cores (mma.sync m16n8k16) lies as fragments [k / 16][n / 8][lane][register],
// a register holding two bfloat16 of neighbouring k, the lower k in the low half (fragmentK and fragmentN of
// head_math.h).
#pragma once

#include "inference/cuda/head_math.h"

#include <cstdint>
#include <functional>
#include <string>

namespace limn::gpu {

template<int kSteps, int kTiles>
struct Fragments {
    std::uint32_t at[kSteps][kTiles][kLanes][2];
};

struct alignas(16) HeadWeights {
    Fragments<kSqueezeSteps*(1 + 2 + 4 + 8), kDecoderTiles> squeeze; // Translayer times BatchNorm's scale
    Fragments<kTapSteps, kDecoderTiles> sdi[kHeadLevels][kHeadLevels][9]; // [level][source][tap]
    Fragments<4 * kTapSteps, kDecoderTiles> deconv[2][4]; // deconv2, 3: [row parity * 2 + column parity]
    Fragments<kTapSteps, kFunctionalTiles> functionals;
    std::uint16_t fc1[kSqueezeWeights];       // bf16 [channels / 16][channels] of each level
    std::uint16_t fc2[kExciteWeights];        // bf16 [groups of 8 hidden][channels][8]
    float spatial[kHeadLevels][49][2];        // 7x7 taps of the mean and of the maximum
    float squeezeBias[kHeadLevels][kDecoder]; // BatchNorm's shift
    float sdiBias[kHeadLevels][kHeadLevels][kDecoder];
    float quarterHead[kDecoder]; // seg_outs.3
    float quarterBias;
    float eighthBias;    // seg_outs.2
    float halfKernel[9]; // deconv6
    float halfBias;
};

// Returns the values of a tensor by its released name, or null when there is none of so many values.
using FindTensor = std::function<const float*(const std::string& name, std::int64_t count)>;

// Folds BatchNorm (running statistics, epsilon 1e-5) into Translayer, and the last head into deconv4. Returns
// the name of the first tensor that is missing; empty when all is well.
std::string packHeadWeights(const FindTensor& find, HeadWeights& out);

} // namespace limn::gpu
