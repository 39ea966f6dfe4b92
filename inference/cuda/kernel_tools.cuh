// SPDX-License-Identifier: GPL-3.0-or-later
// What the kernels share: conversions, pairs of neighbouring channels, sums over a warp, sizes of grids.
#pragma once

#include "inference/cuda/scan_plan.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
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
// 16 bits of this kind end at 65504: what is beyond becomes that, never infinite.
inline constexpr float kLargestHalf = 65504.0f;
__device__ __forceinline__ float withinHalf(float value) {
    return fminf(fmaxf(value, -kLargestHalf), kLargestHalf);
}
template<>
__device__ __forceinline__ __half fromFloat<__half>(float value) {
    return __float2half_rn(withinHalf(value));
}

// Two neighbouring channels; their address must be a multiple of both elements' size.
__device__ __forceinline__ float2 loadPair(const float* source) {
    return *reinterpret_cast<const float2*>(source);
}
__device__ __forceinline__ float2 loadPair(const __nv_bfloat16* source) {
    return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(source));
}
__device__ __forceinline__ float2 loadPair(const __half* source) {
    return __half22float2(*reinterpret_cast<const __half2*>(source));
}
__device__ __forceinline__ void storePair(float* target, float2 value) {
    *reinterpret_cast<float2*>(target) = value;
}
__device__ __forceinline__ void storePair(__nv_bfloat16* target, float2 value) {
    *reinterpret_cast<__nv_bfloat162*>(target) = __float22bfloat162_rn(value);
}
__device__ __forceinline__ void storePair(__half* target, float2 value) {
    *reinterpret_cast<__half2*>(target) = __floats2half2_rn(withinHalf(value.x), withinHalf(value.y));
}

__device__ __forceinline__ float sumOverWarp(float value) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2)
        value += __shfl_xor_sync(kFullWarp, value, offset);
    return value;
}

// A kernel may start while the one before it still runs (launchEarly): it must not touch what that one makes,
// or write anything, before waitForPrevious(). allowNext() gives the next kernel leave to start the same way
// once all blocks of this one have come so far. GPUs before compute capability 9.0 run one kernel after the
// other.
__device__ __forceinline__ void waitForPrevious() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void allowNext() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

__device__ __forceinline__ std::uint32_t sharedAddress(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}
// 16 bytes into shared memory without waiting; zeros when not `inside` (the source must be readable memory).
__device__ __forceinline__ void copyOrClear(void* target, const void* source, bool inside) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(sharedAddress(target)), "l"(source),
                 "r"(inside ? 16 : 0)
                 : "memory");
}
// Copies so far, of this thread, are a group.
__device__ __forceinline__ void closeGroup() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// All groups but the last kPending.
template<int kPending>
__device__ __forceinline__ void waitForGroups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}
// All copies of this thread, in groups or not.
__device__ __forceinline__ void waitForCopies() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}

// A 16x16 operand from shared memory; each lane brings the address of a row's half.
__device__ __forceinline__ void loadOperand(std::uint32_t (&a)[4], std::uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                 : "r"(address)
                 : "memory");
}
// 16x16 times 16x8 in bfloat16, added to sums in float32.
__device__ __forceinline__ void multiply(float (&sum)[4], const std::uint32_t (&a)[4], uint2 b) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
}

// Takes a type out of deduction, so that arguments are converted to the kernel's parameters.
template<typename T>
struct SameType {
    using type = T;
};

struct LaunchShape {
    dim3 grid;
    dim3 block;
    int sharedBytes = 0;   // dynamic
    int clusterBlocks = 1; // neighbours along x that form a cluster
};

// The kernel must call waitForPrevious(). Returns 0 or the cudaError_t.
template<typename... Parameters>
int launchEarly(void (*kernel)(Parameters...), const LaunchShape& shape, void* stream,
                typename SameType<Parameters>::type... parameters) {
    constexpr int kAlwaysAllowed = 48 * 1024;
    int device = 0;
    int major = 0;
    cudaError_t code = cudaGetDevice(&device);
    if (code == cudaSuccess)
        code = cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    if (code == cudaSuccess && shape.sharedBytes > kAlwaysAllowed)
        code = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shape.sharedBytes);
    if (code != cudaSuccess)
        return static_cast<int>(code);
    cudaLaunchAttribute attributes[2]{};
    cudaLaunchConfig_t config{};
    config.gridDim = shape.grid;
    config.blockDim = shape.block;
    config.dynamicSmemBytes = static_cast<std::size_t>(shape.sharedBytes);
    config.stream = static_cast<cudaStream_t>(stream);
    config.attrs = attributes;
    if (major >= 9) {
        attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attributes[0].val.programmaticStreamSerializationAllowed = 1;
        config.numAttrs = 1;
    }
    if (shape.clusterBlocks > 1) {
        cudaLaunchAttribute& cluster = attributes[config.numAttrs++];
        cluster.id = cudaLaunchAttributeClusterDimension;
        cluster.val.clusterDim.x = static_cast<unsigned>(shape.clusterBlocks);
        cluster.val.clusterDim.y = 1;
        cluster.val.clusterDim.z = 1;
    }
    return static_cast<int>(cudaLaunchKernelEx(&config, kernel, parameters...));
}

inline int blocksFor(std::int64_t count, int perBlock) {
    return static_cast<int>((count + perBlock - 1) / perBlock);
}

// Sums over the kWarps warps of a block that share a row, in a fixed order; all get the result.
template<int kWarps>
__device__ __forceinline__ float sumOverRow(float value, float (&parts)[kWarps], int lane, int warp) {
    float sum = sumOverWarp(value);
    if constexpr (kWarps > 1) {
        __syncthreads(); // what was read of `parts` before
        if (lane == 0)
            parts[warp] = sum;
        __syncthreads();
        sum = parts[0];
#pragma unroll
        for (int other = 1; other < kWarps; ++other)
            sum += parts[other];
    }
    return sum;
}

// Calls function with the pairs per lane (as a compile-time constant) that hold a row of `channels` in the
// registers of kWarps warps; cudaErrorInvalidValue where none do.
template<int kWarps, typename Function>
int withPairs(int channels, Function function) {
    if (channels <= 0 || channels % 2 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
    if (channels <= 128 * kWarps)
        return function(std::integral_constant<int, 2>{});
    if (channels <= 192 * kWarps)
        return function(std::integral_constant<int, 3>{});
    if (channels <= 384 * kWarps)
        return function(std::integral_constant<int, 6>{});
    if constexpr (kWarps == 1) {
        if (channels <= 768)
            return function(std::integral_constant<int, 12>{});
        if (channels <= kMaxNormChannels)
            return function(std::integral_constant<int, kMaxNormChannels / 64>{});
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

// The same with the number of a row's warps as a second constant: four where rows are few, since their
// latency counts then.
template<typename Function>
int withRowShape(std::int64_t rows, int channels, Function function) {
    constexpr int kFewRows = 1024;
    const auto with = [&](auto warps) {
        return withPairs<decltype(warps)::value>(channels,
                                                 [&](auto pairs) { return function(pairs, warps); });
    };
    return rows <= kFewRows && channels > 192 ? with(std::integral_constant<int, 4>{})
                                              : with(std::integral_constant<int, 1>{});
}

// A row's pairs in the registers of kWarps warps: the lane counted through all of them holds pairs l, l + 32
// kWarps, ... (channels 2 l, 2 l + 1, ...).
template<int kPairs, int kWarps>
struct SharedRow {
    float2 value[kPairs];
    int lane; // counted through the row's warps

    __device__ __forceinline__ explicit SharedRow(int rowLane) : lane(rowLane) {}

    __device__ __forceinline__ bool has(int i, int channels) const {
        return 2 * (lane + 32 * kWarps * i) < channels;
    }
    __device__ __forceinline__ int channelOf(int i) const { return 2 * (lane + 32 * kWarps * i); }

    // Afterwards the values have mean 0 and variance 1 over the row (pairs that do not exist hold 0 before
    // and are not to be read after). Population variance, as LayerNorm has it. All threads of the row's warps
    // must call it. Returns what they were scaled by, 1 / sqrt(variance + epsilon).
    __device__ __forceinline__ float normalise(int channels, float epsilon, float (&parts)[kWarps]) {
        const int warp = lane / 32;
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < kPairs; ++i)
            sum += value[i].x + value[i].y;
        const float mean = sumOverRow<kWarps>(sum, parts, lane % 32, warp) / channels;
        float squares = 0.0f;
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
            value[i].x -= mean;
            value[i].y -= mean;
            if (has(i, channels))
                squares += value[i].x * value[i].x + value[i].y * value[i].y;
        }
        const float scale = rsqrtf(sumOverRow<kWarps>(squares, parts, lane % 32, warp) / channels + epsilon);
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
            value[i].x *= scale;
            value[i].y *= scale;
        }
        return scale;
    }
};

// LayerNorm's end: normalises the row, then weight and bias, to `out`, the row's first place.
template<typename T, int kPairs, int kWarps>
__device__ __forceinline__ void
normaliseAndStore(SharedRow<kPairs, kWarps>& row, int channels, const float* __restrict__ weight,
                  const float* __restrict__ bias, T* __restrict__ out, float (&sumParts)[kWarps]) {
    row.normalise(channels, kNormEpsilon, sumParts);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        const int channel = row.channelOf(i);
        if (!row.has(i, channels))
            continue;
        const float2 scale = loadPair(weight + channel);
        const float2 shift = loadPair(bias + channel);
        storePair(out + channel,
                  make_float2(row.value[i].x * scale.x + shift.x, row.value[i].y * scale.y + shift.y));
    }
}

// A thread's place where rows have kWarps warps each and blocks kThreads threads.
template<int kThreads, int kWarps>
struct RowPlace {
    std::int64_t row;
    int lane; // counted through the row's warps
    __device__ __forceinline__ RowPlace()
        : row(static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32 / kWarps) + threadIdx.x / (32 * kWarps))
        , lane(threadIdx.x % (32 * kWarps)) {}
};

} // namespace limn::gpu
