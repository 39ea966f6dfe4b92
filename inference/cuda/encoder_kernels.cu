// SPDX-License-Identifier: GPL-3.0-or-later
// Between the encoder's matrix products, in the fused path. All are limited by memory: one warp holds a row
// (of a merging: four) in registers, so that every array is read and written once.
#include "inference/cuda/encoder_kernels.h"
#include "inference/cuda/kernel_tools.cuh"
#include "inference/cuda/scan_plan.h"

namespace limn::gpu {

namespace {

constexpr int kWarps = kThreads / 32;
constexpr int kPatchesOfWarp = 8;
constexpr int kChannelsOfLane = kPatchChannels / 32;

using Half = __nv_bfloat16;

// A warp makes 8 patches at once: every weight read from shared memory serves all of them.
__global__ void __launch_bounds__(kThreads)
    patchEmbedKernel(int patches, int height, int width, const float* __restrict__ images,
                     const float* __restrict__ weight, const float* __restrict__ bias,
                     const float* __restrict__ normWeight, const float* __restrict__ normBias,
                     float* __restrict__ out) {
    // One column more, so that the transposing stores below fall on different banks.
    __shared__ float sWeight[kPatchInputs][kPatchChannels + 1];
    __shared__ __align__(16) float sInput[kWarps][kPatchInputs][kPatchesOfWarp];
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    allowNext();
    // All under way before the first is needed.
    constexpr int kWeightsOfThread = kPatchInputs * kPatchChannels / kThreads;
    static_assert(kWeightsOfThread * kThreads == kPatchInputs * kPatchChannels);
    float own[kWeightsOfThread];
#pragma unroll
    for (int i = 0; i < kWeightsOfThread; ++i)
        own[i] = weight[threadIdx.x + i * kThreads];
#pragma unroll
    for (int i = 0; i < kWeightsOfThread; ++i) {
        const int index = threadIdx.x + i * kThreads;
        sWeight[index % kPatchInputs][index / kPatchInputs] = own[i];
    }
    waitForPrevious();

    const int columns = width / kPatchSide;
    const int patchesOfImage = columns * (height / kPatchSide);
    const int first = (blockIdx.x * kWarps + warp) * kPatchesOfWarp;
#pragma unroll
    for (int i = lane; i < kPatchesOfWarp * kPatchInputs; i += 32) {
        // Neighbouring lanes read neighbouring pixels: four of a patch's row, then the next patch.
        const int x = i % kPatchSide;
        const int patch = i / kPatchSide % kPatchesOfWarp;
        const int plane = i / (kPatchSide * kPatchesOfWarp); // channel * 4 + row
        const int index = first + patch;
        float value = 0.0f;
        if (index < patches) {
            const int image = index / patchesOfImage;
            const int place = index - image * patchesOfImage;
            const int row = place / columns * kPatchSide + plane % kPatchSide;
            const int column = place % columns * kPatchSide + x;
            const std::int64_t planeIndex = static_cast<std::int64_t>(image) * 3 + plane / kPatchSide;
            value = images[(planeIndex * height + row) * width + column];
        }
        sInput[warp][plane * kPatchSide + x][patch] = value;
    }
    __syncthreads();

    float sum[kPatchesOfWarp][kChannelsOfLane];
#pragma unroll
    for (int c = 0; c < kChannelsOfLane; ++c) {
        const float own = bias[lane + 32 * c];
#pragma unroll
        for (int patch = 0; patch < kPatchesOfWarp; ++patch)
            sum[patch][c] = own;
    }
#pragma unroll 4
    for (int i = 0; i < kPatchInputs; ++i) {
        const float4 low = *reinterpret_cast<const float4*>(&sInput[warp][i][0]);
        const float4 high = *reinterpret_cast<const float4*>(&sInput[warp][i][4]);
        const float input[kPatchesOfWarp] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
        for (int c = 0; c < kChannelsOfLane; ++c) {
            const float own = sWeight[i][lane + 32 * c];
#pragma unroll
            for (int patch = 0; patch < kPatchesOfWarp; ++patch)
                sum[patch][c] += own * input[patch];
        }
    }

#pragma unroll
    for (int patch = 0; patch < kPatchesOfWarp; ++patch) {
        float(&values)[kChannelsOfLane] = sum[patch];
        const float mean = sumOverWarp(values[0] + values[1] + values[2]) / kPatchChannels;
        float squares = 0.0f;
#pragma unroll
        for (int c = 0; c < kChannelsOfLane; ++c)
            squares += (values[c] - mean) * (values[c] - mean);
        const float scale = rsqrtf(sumOverWarp(squares) / kPatchChannels + kNormEpsilon);
        if (first + patch >= patches)
            continue;
#pragma unroll
        for (int c = 0; c < kChannelsOfLane; ++c) {
            const int channel = lane + 32 * c;
            out[static_cast<std::int64_t>(first + patch) * kPatchChannels + channel] =
                (values[c] - mean) * scale * normWeight[channel] + normBias[channel];
        }
    }
}

template<int kPairs, int kWarps>
__global__ void __launch_bounds__(kThreads)
    addNormKernel(std::int64_t rows, int channels, const float* x, const Half* __restrict__ branch,
                  const float* __restrict__ weight, const float* __restrict__ bias, float* sum,
                  Half* __restrict__ out) {
    __shared__ float sumParts[kWarps];
    const RowPlace<kThreads, kWarps> place;
    const std::int64_t row = place.row;
    allowNext();
    if (row >= rows)
        return;
    waitForPrevious();
    SharedRow<kPairs, kWarps> values(place.lane);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        values.value[i] = make_float2(0.0f, 0.0f);
        if (!values.has(i, channels))
            continue;
        const std::int64_t index = row * channels + values.channelOf(i);
        values.value[i] = loadPair(x + index);
        if (branch != nullptr) {
            const float2 own = loadPair(branch + index);
            values.value[i].x += own.x;
            values.value[i].y += own.y;
        }
    }
    if (sum != nullptr) {
#pragma unroll
        for (int i = 0; i < kPairs; ++i)
            if (values.has(i, channels))
                storePair(sum + row * channels + values.channelOf(i), values.value[i]);
    }
    normaliseAndStore(values, channels, weight, bias, out + row * channels, sumParts);
}

template<int kPairs, int kWarps>
__global__ void __launch_bounds__(kThreads)
    mergeNormKernel(std::int64_t rows, int width, int channels, const float* __restrict__ x,
                    const Half* __restrict__ branch, const float* __restrict__ weight,
                    const float* __restrict__ bias, Half* __restrict__ out) {
    __shared__ float sumParts[kWarps];
    const RowPlace<kThreads, kWarps> place;
    const std::int64_t row = place.row;
    allowNext();
    if (row >= rows)
        return;
    waitForPrevious();
    const int halfWidth = width / 2;
    const std::int64_t blockRow = row / halfWidth; // counted through all images: heights are even
    const int column = static_cast<int>(row - blockRow * halfWidth) * 2;
    const std::int64_t corner = (blockRow * 2 * width + column) * channels;
    SharedRow<kPairs, kWarps> values(place.lane);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        values.value[i] = make_float2(0.0f, 0.0f);
        if (!values.has(i, 4 * channels))
            continue;
        const int channel = values.channelOf(i);
        const int neighbour = channel / channels; // a pair lies in one: channels are even
        const std::int64_t pixel = static_cast<std::int64_t>(neighbour & 1) * width + (neighbour >> 1);
        const std::int64_t index = corner + pixel * channels + (channel - neighbour * channels);
        const float2 own = loadPair(x + index);
        const float2 added = branch != nullptr ? loadPair(branch + index) : make_float2(0.0f, 0.0f);
        values.value[i] = make_float2(own.x + added.x, own.y + added.y);
    }
    normaliseAndStore(values, 4 * channels, weight, bias, out + row * 4 * channels, sumParts);
}

LaunchShape shapeOfRows(std::int64_t rows, int warps) {
    LaunchShape shape;
    shape.grid = dim3(blocksFor(rows, kWarps / warps));
    shape.block = dim3(kThreads);
    return shape;
}

} // namespace

int patchEmbed(int batch, int height, int width, const float* images, const float* weight, const float* bias,
               const float* normWeight, const float* normBias, float* out, Stream stream) {
    const int patches = batch * (height / kPatchSide) * (width / kPatchSide);
    if (patches <= 0)
        return 0;
    LaunchShape shape;
    shape.grid = dim3(blocksFor(patches, kWarps * kPatchesOfWarp));
    shape.block = dim3(kThreads);
    return launchEarly(&patchEmbedKernel, shape, stream, patches, height, width, images, weight, bias,
                       normWeight, normBias, out);
}

int addNorm(std::int64_t rows, int channels, const float* x, const void* branch, const float* weight,
            const float* bias, float* sum, void* out, Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    if (channels % 2 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
    return withRowShape(rows, channels, [&](auto pairs, auto warps) {
        return launchEarly(&addNormKernel<decltype(pairs)::value, decltype(warps)::value>,
                           shapeOfRows(rows, decltype(warps)::value), stream, rows, channels, x,
                           static_cast<const Half*>(branch), weight, bias, sum, static_cast<Half*>(out));
    });
}

int mergeNorm(int batch, int height, int width, int channels, const float* x, const void* branch,
              const float* weight, const float* bias, void* out, Stream stream) {
    const std::int64_t rows = static_cast<std::int64_t>(batch) * (height / 2) * (width / 2);
    if (rows <= 0 || channels <= 0)
        return 0;
    if (channels % 2 != 0 || height % 2 != 0 || width % 2 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
    return withRowShape(rows, 4 * channels, [&](auto pairs, auto warps) {
        return launchEarly(&mergeNormKernel<decltype(pairs)::value, decltype(warps)::value>,
                           shapeOfRows(rows, decltype(warps)::value), stream, rows, width, channels, x,
                           static_cast<const Half*>(branch), weight, bias, static_cast<Half*>(out));
    });
}

} // namespace limn::gpu
