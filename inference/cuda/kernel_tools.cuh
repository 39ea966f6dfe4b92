// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernels share: conversions, pairs of neighbouring channels, sums over a warp, sizes of grids.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

namespace limn::gpu {

inline constexpr unsigned kFullWarp = 0xffffffffu;

template<typename T>
__device__ __forceinline__ float toFloat(T value) {
    return static_cast<float>(value);
}
template<typename T>
__device__ __forceinline__ T fromFloat(float value) {
    return static_cast<T>(value);
}

// Two neighbouring channels; their address must be a multiple of both elements' size.
__device__ __forceinline__ float2 loadPair(const float* source) {
    return *reinterpret_cast<const float2*>(source);
}
__device__ __forceinline__ float2 loadPair(const __nv_bfloat16* source) {
    return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(source));
}
__device__ __forceinline__ void storePair(float* target, float2 value) {
    *reinterpret_cast<float2*>(target) = value;
}
__device__ __forceinline__ void storePair(__nv_bfloat16* target, float2 value) {
    *reinterpret_cast<__nv_bfloat162*>(target) = __float22bfloat162_rn(value);
}

__device__ __forceinline__ float sumOverWarp(float value) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2)
        value += __shfl_xor_sync(kFullWarp, value, offset);
    return value;
}

inline int blocksFor(std::int64_t count, int perBlock) {
    return static_cast<int>((count + perBlock - 1) / perBlock);
}

// Calls function with the number of pairs per lane (as a compile-time constant) that holds a row of
// `channels` in a warp's registers; cudaErrorInvalidValue where none does.
template<typename Function>
int withPairsPerLane(int channels, Function function) {
    if (channels <= 128)
        return function(std::integral_constant<int, 2>{});
    if (channels <= 192)
        return function(std::integral_constant<int, 3>{});
    if (channels <= 384)
        return function(std::integral_constant<int, 6>{});
    if (channels <= 768)
        return function(std::integral_constant<int, 12>{});
    if (channels <= 1536)
        return function(std::integral_constant<int, 24>{});
    return static_cast<int>(cudaErrorInvalidValue);
}

// A row's pairs in a warp's registers: lane l holds pairs l, l + 32, ... (channels 2 l, 2 l + 1, ...).
template<int kPairs>
struct WarpRow {
    float2 value[kPairs];

    __device__ __forceinline__ static bool has(int i, int lane, int channels) {
        return 2 * (lane + 32 * i) < channels;
    }
    __device__ __forceinline__ static int channelOf(int i, int lane) { return 2 * (lane + 32 * i); }

    // Afterwards the values have mean 0 and variance 1 over the row (pairs that do not exist hold 0 before
    // and are not to be read after). Population variance, as LayerNorm has it.
    __device__ __forceinline__ void normalise(int lane, int channels, float epsilon) {
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < kPairs; ++i)
            sum += value[i].x + value[i].y;
        const float mean = sumOverWarp(sum) / channels;
        float squares = 0.0f;
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
            value[i].x -= mean;
            value[i].y -= mean;
            if (has(i, lane, channels))
                squares += value[i].x * value[i].x + value[i].y * value[i].y;
        }
        const float scale = rsqrtf(sumOverWarp(squares) / channels + epsilon);
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
            value[i].x *= scale;
            value[i].y *= scale;
        }
    }
};

} // namespace limn::gpu
