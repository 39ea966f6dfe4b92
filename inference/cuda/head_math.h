// SPDX-License-Identifier: GPL-3.0-or-later
// Sizes and arithmetic of the decoder's kernels, for device and host.
#pragma once

#include "inference/cuda/scan_math.h"

#include <cstdint>

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#endif

namespace limn::gpu {

inline constexpr int kHeadLevels = 4;
inline constexpr int kDecoder = 48; // channels of the decoder
inline constexpr int kLanes = 32;
inline constexpr int kStepK = 16;                   // k of one mma
inline constexpr int kTapSteps = kDecoder / kStepK; // mma steps over the decoder's channels
inline constexpr int kDecoderTiles = kDecoder / 8;  // n tiles of one mma
inline constexpr int kSqueezeSteps = 6;             // mma steps of one warp's slice of a level's channels
inline constexpr int kSliceChannels = kSqueezeSteps * kStepK; // 96: level l has 2^l slices
inline constexpr int kMaxHeadBatch = 65535;                   // a grid's second dimension
inline constexpr int kGates = 96 + 192 + 384 + 768;
// fc1 of all levels: channels^2 / 16 each.
inline constexpr int kSqueezeWeights = (96 * 96 + 192 * 192 + 384 * 384 + 768 * 768) / 16;
// fc2 of all levels, the hidden channels in groups of 8, the last filled up.
inline constexpr int kExciteWeights = 96 * 8 + 192 * 16 + 384 * 24 + 768 * 48;

// Linear functions of a pixel of y at 1/8 of the image's size: 16 taps of deconv4 followed by the last head
// (which together are one transposed convolution with one output channel), and head 2.
inline constexpr int kFunctionals = 17;
inline constexpr int kFunctionalTiles = 3;   // n tiles, the rest zeros
inline constexpr int kFunctionalStride = 20; // floats per pixel where they are stored

LIMN_HOST_DEVICE constexpr int headChannels(int level) {
    return kSliceChannels << level;
}
// First gate of a level: 96 + 192 + ...
LIMN_HOST_DEVICE constexpr int firstGate(int level) {
    return kSliceChannels * ((1 << level) - 1);
}
// First weight of a level in fc1: 576 (1 + 4 + 16 + ...).
LIMN_HOST_DEVICE constexpr int firstSqueezeWeight(int level) {
    return kSliceChannels * kSliceChannels / 16 * ((1 << 2 * level) - 1) / 3;
}
LIMN_HOST_DEVICE constexpr int exciteGroups(int level) {
    return (headChannels(level) / 16 + 7) / 8;
}
// First weight of a level in fc2.
LIMN_HOST_DEVICE constexpr int firstExciteWeight(int level) {
    return level == 0 ? 0
                      : firstExciteWeight(level - 1) + headChannels(level - 1) * exciteGroups(level - 1) * 8;
}
LIMN_HOST_DEVICE constexpr int firstSqueezeStep(int level) {
    return kSqueezeSteps * ((1 << level) - 1);
}
// Of a finer source resized to a level.
LIMN_HOST_DEVICE constexpr int pooledPair(int source, int level) {
    return level * (level - 1) / 2 + source;
}

// Pixel rows of one block of the pooling: 6144 values at every level.
inline constexpr int kPoolThreads = 192;
inline constexpr int kPoolRowsPerThread = 8;
LIMN_HOST_DEVICE constexpr int poolRows(int level) {
    return kPoolThreads * 4 * kPoolRowsPerThread / headChannels(level);
}
LIMN_HOST_DEVICE constexpr int poolChunks(int level, int pixels) {
    return (pixels + poolRows(level) - 1) / poolRows(level);
}

// Register pairs of an mma's B fragment: register r of a lane holds k = fragmentK(lane, r) and the next one,
// of column fragmentN(lane).
LIMN_HOST_DEVICE constexpr int fragmentK(int lane, int registerIndex) {
    return (lane & 3) * 2 + registerIndex * 8;
}
LIMN_HOST_DEVICE constexpr int fragmentN(int lane) {
    return lane >> 2;
}
// The squeezing product reads four neighbouring channels per lane, so that its loads are 16 bytes wide: k of
// the fragment stands for another channel. Both operands follow this order.
LIMN_HOST_DEVICE constexpr int squeezeChannel(int k) {
    return (k & 7) / 2 * 4 + (k >> 3) * 2 + (k & 1);
}

// Kernel index of a transposed 4x4 convolution with stride 2 and padding 1: an output of this parity has two
// inputs in a row, the first of them at (output - 1) >> 1 for odd and even outputs alike when `tap` counts
// from there: even outputs 2i have inputs i - 1 (index 3) and i (1), odd outputs 2i + 1 inputs i (2), i + 1
// (0).
LIMN_HOST_DEVICE constexpr int deconvIndex(int parity, int tap) {
    return 3 - parity - 2 * tap;
}

// bfloat16 as its bits, rounded to nearest even.
LIMN_HOST_DEVICE std::uint16_t toBf16(float value) {
#if defined(__CUDA_ARCH__)
    return __bfloat16_as_ushort(__float2bfloat16_rn(value));
#else
    const std::uint32_t bits = floatToBits(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#endif
}
LIMN_HOST_DEVICE float fromBf16(std::uint16_t bits) {
    return bitsToFloat(static_cast<std::uint32_t>(bits) << 16);
}
LIMN_HOST_DEVICE float roundBf16(float value) {
    return fromBf16(toBf16(value));
}
LIMN_HOST_DEVICE std::uint32_t packBf16(float low, float high) {
#if defined(__CUDA_ARCH__)
    std::uint32_t result;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(result) : "f"(high), "f"(low));
    return result;
#else
    return toBf16(low) | static_cast<std::uint32_t>(toBf16(high)) << 16;
#endif
}
LIMN_HOST_DEVICE float lowBf16(std::uint32_t pair) {
    return bitsToFloat(pair << 16);
}
LIMN_HOST_DEVICE float highBf16(std::uint32_t pair) {
    return bitsToFloat(pair & 0xffff0000u);
}

// Where a resized pixel lies between two source pixels.
struct Lerp {
    int first;
    int second;
    float weight; // of the second
};

// Corners aligned; `scale` is (source - 1) / (target - 1) in float32.
LIMN_HOST_DEVICE Lerp alignedLerp(int target, float scale, int source) {
    const float position = static_cast<float>(target) * scale;
    int first = static_cast<int>(position);
    first = first < source - 1 ? first : source - 1;
    return {first, first < source - 1 ? first + 1 : first, position - static_cast<float>(first)};
}
LIMN_HOST_DEVICE float alignedScale(int source, int target) {
    return target > 1 ? static_cast<float>(source - 1) / static_cast<float>(target - 1) : 0.0f;
}

LIMN_HOST_DEVICE float bilinear(float a, float b, float c, float d, float right, float down) {
    const float top = (1.0f - right) * a + right * b;
    const float bottom = (1.0f - right) * c + right * d;
    return (1.0f - down) * top + down * bottom;
}

// Four-fold upsampling with half-pixel centres: target 4 q + phase lies between q - 1 and q (phases 0 and 1)
// or q and q + 1 (2 and 3), clamped to the map.
LIMN_HOST_DEVICE constexpr int upsampleFirst(int phase) {
    return phase < 2 ? -1 : 0;
}
LIMN_HOST_DEVICE constexpr float upsampleWeight(int phase) {
    return phase == 0 ? 0.625f : phase == 1 ? 0.875f : phase == 2 ? 0.125f : 0.375f;
}

} // namespace limn::gpu
