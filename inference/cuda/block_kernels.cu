// SPDX-License-Identifier: GPL-3.0-or-later
// What stands around the scan in a VSS block, fused and channels-last: depthwise 3x3 with SiLU, and the sum
// of the four directions with LayerNorm and the SiLU gate. Memory-bound: neighbouring threads take
// neighbouring channels, every array is read once per use, and sums over rows go through per-block parts in a
// fixed order.
#include "inference/cuda/kernel_tools.cuh"
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <type_traits>

namespace limn::gpu {

namespace {

// A thread owns a pair of channels and a strip of 8 pixels of one row: it slides a 3x3 window along it.
// Strips lie behind each other row by row.
struct StripPlace {
    __device__ __forceinline__ StripPlace(int width) {
        const int strips = (width + kStrip - 1) / kStrip;
        const int strip = blockIdx.y * blockDim.y + threadIdx.y;
        channel = 2 * (blockIdx.x * 32 + threadIdx.x);
        y = strip / strips;
        x0 = (strip - y * strips) * kStrip;
    }
    int channel;
    int y;
    int x0;
};

template<typename T, bool kSilu>
__device__ __forceinline__ void convolveStrip(const T* image, std::int64_t stride, int height, int width,
                                              const StripPlace& place, const float2 (&weight)[9], float2 bias,
                                              float2 (&out)[kStrip]) {
    const auto pixel = [&](int row, int column) {
        return row >= 0 && row < height && column >= 0 && column < width
                   ? loadPair(image + (static_cast<std::int64_t>(row) * width + column) * stride)
                   : make_float2(0.0f, 0.0f);
    };
    float2 window[3][3];
#pragma unroll
    for (int r = 0; r < 3; ++r)
#pragma unroll
        for (int c = 0; c < 2; ++c)
            window[r][c + 1] = pixel(place.y + r - 1, place.x0 + c - 1);
#pragma unroll
    for (int i = 0; i < kStrip; ++i) {
        float2 sum = bias;
#pragma unroll
        for (int r = 0; r < 3; ++r) {
            window[r][0] = window[r][1];
            window[r][1] = window[r][2];
            window[r][2] = pixel(place.y + r - 1, place.x0 + i + 1);
#pragma unroll
            for (int c = 0; c < 3; ++c) {
                sum.x += weight[r * 3 + c].x * window[r][c].x;
                sum.y += weight[r * 3 + c].y * window[r][c].y;
            }
        }
        out[i] = kSilu ? make_float2(silu(sum.x), silu(sum.y)) : sum;
    }
}

template<typename T>
__device__ __forceinline__ void storeStrip(T* target, std::int64_t stride, int width, int x0,
                                           const float2 (&values)[kStrip]) {
#pragma unroll
    for (int i = 0; i < kStrip; ++i)
        if (x0 + i < width)
            storePair(target + i * stride, values[i]);
}

template<typename T>
__global__ void __launch_bounds__(kThreads)
    depthwiseForwardKernel(const T* __restrict__ x, std::int64_t xStride, const float* __restrict__ weight,
                           const float* __restrict__ bias, T* __restrict__ out, int height, int width,
                           int channels) {
    const StripPlace place(width);
    if (place.channel >= channels || place.y >= height)
        return;
    float2 own[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        own[i] = make_float2(weight[place.channel * 9 + i], weight[(place.channel + 1) * 9 + i]);
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    float2 result[kStrip];
    convolveStrip<T, true>(x + firstRow * xStride + place.channel, xStride, height, width, place, own,
                           make_float2(bias[place.channel], bias[place.channel + 1]), result);
    storeStrip(out + (firstRow + static_cast<std::int64_t>(place.y) * width + place.x0) * channels +
                   place.channel,
               channels, width, place.x0, result);
}

// Backward, first part: the gradient before SiLU, and a row's share of the gradients of weights and bias.
// One block row = one image row; the parts are summed by the caller.
__global__ void __launch_bounds__(kThreads)
    depthwiseBackwardPreKernel(const float* __restrict__ x, std::int64_t xStride,
                               const float* __restrict__ weight, const float* __restrict__ bias,
                               const float* __restrict__ gradOut, float* __restrict__ gradPre,
                               float* __restrict__ partial, int height, int width, int channels) {
    const int channel = blockIdx.x * blockDim.x + threadIdx.x;
    const int y = blockIdx.y;
    if (channel >= channels)
        return;
    float own[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        own[i] = weight[channel * 9 + i];
    const float ownBias = bias[channel];
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    const float* image = x + firstRow * xStride + channel;
    float gradWeight[9] = {};
    float gradBias = 0.0f;
    float window[3][3];
#pragma unroll
    for (int r = 0; r < 3; ++r) {
        const int row = y + r - 1;
        window[r][1] = 0.0f;
        window[r][2] =
            row >= 0 && row < height ? image[static_cast<std::int64_t>(row) * width * xStride] : 0.0f;
    }
    for (int column = 0; column < width; ++column) {
        float sum = ownBias;
#pragma unroll
        for (int r = 0; r < 3; ++r) {
            const int row = y + r - 1;
            window[r][0] = window[r][1];
            window[r][1] = window[r][2];
            window[r][2] = row >= 0 && row < height && column + 1 < width
                               ? image[(static_cast<std::int64_t>(row) * width + column + 1) * xStride]
                               : 0.0f;
#pragma unroll
            for (int c = 0; c < 3; ++c)
                sum += own[r * 3 + c] * window[r][c];
        }
        const std::int64_t index =
            (firstRow + static_cast<std::int64_t>(y) * width + column) * channels + channel;
        const float grad = gradOut[index] * siluSlope(sum);
        gradPre[index] = grad;
        gradBias += grad;
#pragma unroll
        for (int r = 0; r < 3; ++r)
#pragma unroll
            for (int c = 0; c < 3; ++c)
                gradWeight[r * 3 + c] += grad * window[r][c];
    }
    float* target =
        partial + ((static_cast<std::int64_t>(blockIdx.z) * height + y) * channels + channel) * 10;
#pragma unroll
    for (int i = 0; i < 9; ++i)
        target[i] = gradWeight[i];
    target[9] = gradBias;
}

// Backward, second part: the input's gradient is the correlation with the turned kernel.
__global__ void __launch_bounds__(kThreads)
    depthwiseBackwardInputKernel(const float* __restrict__ gradPre, const float* __restrict__ weight,
                                 float* __restrict__ gradX, std::int64_t gradXStride, int height, int width,
                                 int channels) {
    const StripPlace place(width);
    if (place.channel >= channels || place.y >= height)
        return;
    float2 turned[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        turned[i] = make_float2(weight[place.channel * 9 + 8 - i], weight[(place.channel + 1) * 9 + 8 - i]);
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    float2 result[kStrip];
    convolveStrip<float, false>(gradPre + firstRow * channels + place.channel, channels, height, width, place,
                                turned, make_float2(0.0f, 0.0f), result);
    storeStrip(gradX + (firstRow + static_cast<std::int64_t>(place.y) * width + place.x0) * gradXStride +
                   place.channel,
               gradXStride, width, place.x0, result);
}

// One warp per row, which stays in registers; all its loads are under way before the first sum.
template<typename T, int kPairs, int kParts>
__global__ void __launch_bounds__(kThreads)
    normGateForwardKernel(const T* __restrict__ y, const T* __restrict__ z, std::int64_t zStride,
                          const float* __restrict__ weight, const float* __restrict__ bias,
                          T* __restrict__ out, float* __restrict__ sumOut, std::int64_t rows, int channels) {
    using Row = WarpRow<kPairs>;
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    if (row >= rows)
        return;
    Row values;
    float2 gate[kPairs];
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        const int channel = Row::channelOf(i, lane);
        values.value[i] = gate[i] = make_float2(0.0f, 0.0f);
        if (!Row::has(i, lane, channels))
            continue;
        gate[i] = loadPair(z + row * zStride + channel);
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
            const float2 own = loadPair(y + (part * rows + row) * channels + channel);
            values.value[i].x += own.x;
            values.value[i].y += own.y;
        }
    }
    if (sumOut != nullptr) {
#pragma unroll
        for (int i = 0; i < kPairs; ++i)
            if (Row::has(i, lane, channels))
                storePair(sumOut + row * channels + Row::channelOf(i, lane), values.value[i]);
    }
    values.normalise(lane, channels, kNormEpsilon);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        const int channel = Row::channelOf(i, lane);
        if (!Row::has(i, lane, channels))
            continue;
        const float2 scale = loadPair(weight + channel);
        const float2 shift = loadPair(bias + channel);
        storePair(out + row * channels + channel,
                  make_float2((values.value[i].x * scale.x + shift.x) * silu(gate[i].x),
                              (values.value[i].y * scale.y + shift.y) * silu(gate[i].y)));
    }
}

// A block walks `rowsPerBlock` rows, one warp a row at a time, and keeps its sums for weight and bias in
// registers.
template<int kPerLane>
__global__ void __launch_bounds__(kThreads)
    normGateBackwardKernel(const float* __restrict__ y, const float* __restrict__ z, std::int64_t zStride,
                           const float* __restrict__ weight, const float* __restrict__ bias,
                           const float* __restrict__ gradOut, float* __restrict__ out,
                           float* __restrict__ gradY, float* __restrict__ gradZ, std::int64_t gradZStride,
                           float* __restrict__ partial, std::int64_t rows, int channels,
                           std::int64_t rowsPerWarp) {
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    const std::int64_t part = static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + warp;
    const std::int64_t begin = part * rowsPerWarp;
    const std::int64_t end = begin + rowsPerWarp < rows ? begin + rowsPerWarp : rows;
    float gradWeight[kPerLane] = {};
    float gradBias[kPerLane] = {};
    for (std::int64_t row = begin; row < end; ++row) {
        float value[kPerLane];
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
            const int channel = lane + i * 32;
            value[i] = channel < channels ? y[row * channels + channel] : 0.0f;
            sum += value[i];
        }
        const float mean = sumOverWarp(sum) / channels;
        float squares = 0.0f;
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
            const float difference = lane + i * 32 < channels ? value[i] - mean : 0.0f;
            squares += difference * difference;
        }
        const float scale = rsqrtf(sumOverWarp(squares) / channels + kNormEpsilon);
        float sumGrad = 0.0f;
        float sumGradValue = 0.0f;
        float gradNormalised[kPerLane];
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
            const int channel = lane + i * 32;
            gradNormalised[i] = 0.0f;
            value[i] = (value[i] - mean) * scale;
            if (channel < channels) {
                const float zValue = z[row * zStride + channel];
                const float grad = gradOut[row * channels + channel];
                const float gate = silu(zValue);
                const float normalised = value[i] * weight[channel] + bias[channel];
                out[row * channels + channel] = normalised * gate;
                gradZ[row * gradZStride + channel] = grad * normalised * siluSlope(zValue);
                const float gradAfter = grad * gate;
                gradWeight[i] += gradAfter * value[i];
                gradBias[i] += gradAfter;
                gradNormalised[i] = gradAfter * weight[channel];
                sumGrad += gradNormalised[i];
                sumGradValue += gradNormalised[i] * value[i];
            }
        }
        sumGrad = sumOverWarp(sumGrad) / channels;
        sumGradValue = sumOverWarp(sumGradValue) / channels;
#pragma unroll
        for (int i = 0; i < kPerLane; ++i) {
            const int channel = lane + i * 32;
            if (channel < channels)
                gradY[row * channels + channel] =
                    scale * (gradNormalised[i] - sumGrad - value[i] * sumGradValue);
        }
    }
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
        const int channel = lane + i * 32;
        if (channel < channels) {
            partial[(part * channels + channel) * 2] = gradWeight[i];
            partial[(part * channels + channel) * 2 + 1] = gradBias[i];
        }
    }
}

// Calls function with the number of values per lane (as a compile-time constant) that holds a row of
// `channels`.
template<typename Function>
int withPerLane(int channels, Function function) {
    if (channels <= 64)
        return function(std::integral_constant<int, 2>{});
    if (channels <= 192)
        return function(std::integral_constant<int, 6>{});
    if (channels <= 384)
        return function(std::integral_constant<int, 12>{});
    if (channels <= 768)
        return function(std::integral_constant<int, 24>{});
    if (channels <= kMaxNormChannels)
        return function(std::integral_constant<int, kMaxNormChannels / 32>{});
    return static_cast<int>(cudaErrorInvalidValue);
}

template<typename T>
int depthwiseForwardTyped(int batch, int height, int width, int channels, const void* x, std::int64_t xStride,
                          const float* weight, const float* bias, void* out, cudaStream_t stream) {
    const int strips = (width + kStrip - 1) / kStrip * height;
    const dim3 block(32, kThreads / 32);
    const dim3 grid((channels + 63) / 64, blocksFor(strips, kThreads / 32), batch);
    depthwiseForwardKernel<T><<<grid, block, 0, stream>>>(static_cast<const T*>(x), xStride, weight, bias,
                                                          static_cast<T*>(out), height, width, channels);
    return static_cast<int>(cudaGetLastError());
}

template<typename T>
int normGateForwardTyped(std::int64_t rows, int channels, int parts, const void* y, const void* z,
                         std::int64_t zStride, const float* weight, const float* bias, void* out, float* sum,
                         cudaStream_t stream) {
    const auto launch = [&](auto pairs, auto partCount) {
        normGateForwardKernel<T, decltype(pairs)::value, decltype(partCount)::value>
            <<<blocksFor(rows, kThreads / 32), kThreads, 0, stream>>>(
                static_cast<const T*>(y), static_cast<const T*>(z), zStride, weight, bias,
                static_cast<T*>(out), sum, rows, channels);
        return static_cast<int>(cudaGetLastError());
    };
    return withPairsPerLane(channels, [&](auto pairs) {
        return parts == 4 ? launch(pairs, std::integral_constant<int, 4>{})
                          : launch(pairs, std::integral_constant<int, 1>{});
    });
}

} // namespace

int depthwiseSiluForward(Element element, int batch, int height, int width, int channels, const void* x,
                         std::int64_t xStride, const float* weight, const float* bias, void* out,
                         Stream stream) {
    if (batch <= 0 || height <= 0 || width <= 0 || channels <= 0)
        return 0;
    if (channels % 2 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    switch (element) {
    case Element::Float32:
        return depthwiseForwardTyped<float>(batch, height, width, channels, x, xStride, weight, bias, out,
                                            cudaStream);
    case Element::BFloat16:
        return depthwiseForwardTyped<__nv_bfloat16>(batch, height, width, channels, x, xStride, weight, bias,
                                                    out, cudaStream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

int depthwiseSiluBackward(int batch, int height, int width, int channels, const float* x,
                          std::int64_t xStride, const float* weight, const float* bias, const float* gradOut,
                          float* gradPre, float* gradX, std::int64_t gradXStride, float* partial,
                          Stream stream) {
    if (batch <= 0 || height <= 0 || width <= 0 || channels <= 0)
        return 0;
    if (channels % 2 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    const dim3 rowGrid((channels + kThreads - 1) / kThreads, height, batch);
    depthwiseBackwardPreKernel<<<rowGrid, kThreads, 0, cudaStream>>>(
        x, xStride, weight, bias, gradOut, gradPre, partial, height, width, channels);
    const int strips = (width + kStrip - 1) / kStrip * height;
    const dim3 block(32, kThreads / 32);
    const dim3 grid((channels + 63) / 64, blocksFor(strips, kThreads / 32), batch);
    depthwiseBackwardInputKernel<<<grid, block, 0, cudaStream>>>(gradPre, weight, gradX, gradXStride, height,
                                                                 width, channels);
    return static_cast<int>(cudaGetLastError());
}

int normGateForward(Element element, std::int64_t rows, int channels, int parts, const void* y, const void* z,
                    std::int64_t zStride, const float* weight, const float* bias, void* out, float* sum,
                    Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    if (channels % 2 != 0 || (parts != 1 && parts != 4))
        return static_cast<int>(cudaErrorInvalidValue);
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    switch (element) {
    case Element::Float32:
        return normGateForwardTyped<float>(rows, channels, parts, y, z, zStride, weight, bias, out, sum,
                                           cudaStream);
    case Element::BFloat16:
        return normGateForwardTyped<__nv_bfloat16>(rows, channels, parts, y, z, zStride, weight, bias, out,
                                                   sum, cudaStream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

int normGateBackward(std::int64_t rows, int channels, const float* y, const float* z, std::int64_t zStride,
                     const float* weight, const float* bias, const float* gradOut, float* out, float* gradY,
                     float* gradZ, std::int64_t gradZStride, float* partial, Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    const int warps = normGatePartials(rows);
    const std::int64_t rowsPerWarp = (rows + warps - 1) / warps;
    return withPerLane(channels, [&](auto perLane) {
        normGateBackwardKernel<decltype(perLane)::value>
            <<<warps / (kThreads / 32), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
                y, z, zStride, weight, bias, gradOut, out, gradY, gradZ, gradZStride, partial, rows, channels,
                rowsPerWarp);
        return static_cast<int>(cudaGetLastError());
    });
}

} // namespace limn::gpu
