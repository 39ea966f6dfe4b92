// SPDX-License-Identifier: GPL-3.0-or-later
// What stands around the scan in a VSS block, fused and channels-last: depthwise 3x3 with SiLU, and the sum
// of the four directions with LayerNorm and the SiLU gate. Memory-bound: neighbouring threads take
// neighbouring channels, every array is read once per use, and sums over rows go through per-block parts in a
// fixed order.
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <type_traits>

namespace limn::gpu {

namespace {

constexpr unsigned kFullWarp = 0xffffffffu;

template<typename T>
__device__ __forceinline__ float toFloat(T value) {
    return static_cast<float>(value);
}

int blocksFor(std::int64_t count, int threads) {
    return static_cast<int>((count + threads - 1) / threads);
}

// A thread owns one channel and a strip of 8 pixels of one row: it slides a 3x3 window along it.
template<typename T, bool kSilu>
__device__ __forceinline__ void convolveStrip(const T* image, std::int64_t stride, int height, int width,
                                              int y, int x0, const float (&weight)[9], float bias,
                                              float (&out)[kStrip]) {
    float window[3][3];
#pragma unroll
    for (int r = 0; r < 3; ++r) {
        const int row = y + r - 1;
        const bool rowInside = row >= 0 && row < height;
#pragma unroll
        for (int c = 0; c < 2; ++c) {
            const int column = x0 + c - 1;
            window[r][c + 1] =
                rowInside && column >= 0 && column < width
                    ? toFloat(image[(static_cast<std::int64_t>(row) * width + column) * stride])
                    : 0.0f;
        }
    }
#pragma unroll
    for (int i = 0; i < kStrip; ++i) {
        float sum = bias;
#pragma unroll
        for (int r = 0; r < 3; ++r) {
            const int row = y + r - 1;
            const int column = x0 + i + 1;
            window[r][0] = window[r][1];
            window[r][1] = window[r][2];
            window[r][2] = row >= 0 && row < height && column < width
                               ? toFloat(image[(static_cast<std::int64_t>(row) * width + column) * stride])
                               : 0.0f;
#pragma unroll
            for (int c = 0; c < 3; ++c)
                sum += weight[r * 3 + c] * window[r][c];
        }
        out[i] = kSilu ? silu(sum) : sum;
    }
}

template<typename T>
__global__ void __launch_bounds__(kThreads)
    depthwiseForwardKernel(const T* __restrict__ x, std::int64_t xStride, const float* __restrict__ weight,
                           const float* __restrict__ bias, T* __restrict__ out, int height, int width,
                           int channels) {
    const int channel = blockIdx.x * 32 + threadIdx.x;
    const int strips = (width + kStrip - 1) / kStrip;
    const int strip = blockIdx.y * blockDim.y + threadIdx.y;
    const int y = strip / strips;
    const int x0 = (strip - y * strips) * kStrip;
    if (channel >= channels || y >= height)
        return;
    float own[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        own[i] = weight[channel * 9 + i];
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    float result[kStrip];
    convolveStrip<T, true>(x + firstRow * xStride + channel, xStride, height, width, y, x0, own,
                           bias[channel], result);
    T* target = out + (firstRow + static_cast<std::int64_t>(y) * width + x0) * channels + channel;
#pragma unroll
    for (int i = 0; i < kStrip; ++i)
        if (x0 + i < width)
            target[static_cast<std::int64_t>(i) * channels] = static_cast<T>(result[i]);
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
    const int channel = blockIdx.x * 32 + threadIdx.x;
    const int strips = (width + kStrip - 1) / kStrip;
    const int strip = blockIdx.y * blockDim.y + threadIdx.y;
    const int y = strip / strips;
    const int x0 = (strip - y * strips) * kStrip;
    if (channel >= channels || y >= height)
        return;
    float turned[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        turned[i] = weight[channel * 9 + 8 - i];
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    float result[kStrip];
    convolveStrip<float, false>(gradPre + firstRow * channels + channel, channels, height, width, y, x0,
                                turned, 0.0f, result);
    float* target = gradX + (firstRow + static_cast<std::int64_t>(y) * width + x0) * gradXStride + channel;
#pragma unroll
    for (int i = 0; i < kStrip; ++i)
        if (x0 + i < width)
            target[i * gradXStride] = result[i];
}

__device__ __forceinline__ float sumOverWarp(float value) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2)
        value += __shfl_xor_sync(kFullWarp, value, offset);
    return value;
}

// One warp per row; kPerLane * 32 >= channels values of the row stay in registers.
template<typename T, int kPerLane>
__global__ void __launch_bounds__(kThreads)
    normGateForwardKernel(const T* __restrict__ y, int parts, const T* __restrict__ z, std::int64_t zStride,
                          const float* __restrict__ weight, const float* __restrict__ bias,
                          T* __restrict__ out, float* __restrict__ sumOut, std::int64_t rows, int channels) {
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    if (row >= rows)
        return;
    float value[kPerLane];
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
        const int channel = lane + i * 32;
        value[i] = 0.0f;
        if (channel < channels) {
            for (int part = 0; part < parts; ++part)
                value[i] += toFloat(y[(part * rows + row) * channels + channel]);
            if (sumOut != nullptr)
                sumOut[row * channels + channel] = value[i];
        }
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
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
        const int channel = lane + i * 32;
        if (channel < channels) {
            const float normalised = (value[i] - mean) * scale * weight[channel] + bias[channel];
            out[row * channels + channel] =
                static_cast<T>(normalised * silu(toFloat(z[row * zStride + channel])));
        }
    }
}

// A block walks `rowsPerBlock` rows, one warp a row at a time, and keeps its sums for weight and bias in
// registers.
template<int kPerLane>
__global__ void __launch_bounds__(kThreads)
    normGateBackwardKernel(const float* __restrict__ y, const float* __restrict__ z, std::int64_t zStride,
                           const float* __restrict__ weight, const float* __restrict__ bias,
                           const float* __restrict__ gradOut, float* __restrict__ gradY,
                           float* __restrict__ gradZ, std::int64_t gradZStride, float* __restrict__ partial,
                           std::int64_t rows, int channels, std::int64_t rowsPerWarp) {
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
    const dim3 grid((channels + 31) / 32, blocksFor(strips, kThreads / 32), batch);
    depthwiseForwardKernel<T><<<grid, block, 0, stream>>>(static_cast<const T*>(x), xStride, weight, bias,
                                                          static_cast<T*>(out), height, width, channels);
    return static_cast<int>(cudaGetLastError());
}

template<typename T>
int normGateForwardTyped(std::int64_t rows, int channels, int parts, const void* y, const void* z,
                         std::int64_t zStride, const float* weight, const float* bias, void* out, float* sum,
                         cudaStream_t stream) {
    return withPerLane(channels, [&](auto perLane) {
        normGateForwardKernel<T, decltype(perLane)::value>
            <<<blocksFor(rows, kThreads / 32), kThreads, 0, stream>>>(
                static_cast<const T*>(y), parts, static_cast<const T*>(z), zStride, weight, bias,
                static_cast<T*>(out), sum, rows, channels);
        return static_cast<int>(cudaGetLastError());
    });
}

} // namespace

int depthwiseSiluForward(Element element, int batch, int height, int width, int channels, const void* x,
                         std::int64_t xStride, const float* weight, const float* bias, void* out,
                         Stream stream) {
    if (batch <= 0 || height <= 0 || width <= 0 || channels <= 0)
        return 0;
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
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    const dim3 rowGrid((channels + kThreads - 1) / kThreads, height, batch);
    depthwiseBackwardPreKernel<<<rowGrid, kThreads, 0, cudaStream>>>(
        x, xStride, weight, bias, gradOut, gradPre, partial, height, width, channels);
    const int strips = (width + kStrip - 1) / kStrip * height;
    const dim3 block(32, kThreads / 32);
    const dim3 grid((channels + 31) / 32, blocksFor(strips, kThreads / 32), batch);
    depthwiseBackwardInputKernel<<<grid, block, 0, cudaStream>>>(gradPre, weight, gradX, gradXStride, height,
                                                                 width, channels);
    return static_cast<int>(cudaGetLastError());
}

int normGateForward(Element element, std::int64_t rows, int channels, int parts, const void* y, const void* z,
                    std::int64_t zStride, const float* weight, const float* bias, void* out, float* sum,
                    Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
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
                     const float* weight, const float* bias, const float* gradOut, float* gradY, float* gradZ,
                     std::int64_t gradZStride, float* partial, Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    const int warps = normGatePartials(rows);
    const std::int64_t rowsPerWarp = (rows + warps - 1) / warps;
    return withPerLane(channels, [&](auto perLane) {
        normGateBackwardKernel<decltype(perLane)::value>
            <<<warps / (kThreads / 32), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
                y, z, zStride, weight, bias, gradOut, gradY, gradZ, gradZStride, partial, rows, channels,
                rowsPerWarp);
        return static_cast<int>(cudaGetLastError());
    });
}

} // namespace limn::gpu
