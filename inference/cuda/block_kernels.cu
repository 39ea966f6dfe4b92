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

// A thread owns a pair of channels and a strip of kStrip pixels of one row: it slides a 3x3 window along it.
// Strips lie behind each other row by row. Short ones read more, but give more threads.
template<int kStrip>
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

template<typename T, bool kSilu, int kStrip>
__device__ __forceinline__ void convolveStrip(const T* image, std::int64_t stride, int height, int width,
                                              const StripPlace<kStrip>& place, const float2 (&weight)[9],
                                              float2 bias, float2 (&out)[kStrip]) {
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

template<typename T, int kStrip>
__device__ __forceinline__ void storeStrip(T* target, std::int64_t stride, int width, int x0,
                                           const float2 (&values)[kStrip]) {
#pragma unroll
    for (int i = 0; i < kStrip; ++i)
        if (x0 + i < width)
            storePair(target + i * stride, values[i]);
}

template<typename T, int kStrip>
__global__ void __launch_bounds__(kThreads)
    depthwiseForwardKernel(const T* __restrict__ x, std::int64_t xStride, const float* __restrict__ weight,
                           const float* __restrict__ bias, T* __restrict__ out, int height, int width,
                           int channels) {
    const StripPlace<kStrip> place(width);
    allowNext();
    if (place.channel >= channels || place.y >= height)
        return;
    float2 own[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        own[i] = make_float2(weight[place.channel * 9 + i], weight[(place.channel + 1) * 9 + i]);
    const float2 ownBias = make_float2(bias[place.channel], bias[place.channel + 1]);
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    waitForPrevious();
    float2 result[kStrip];
    convolveStrip<T, true>(x + firstRow * xStride + place.channel, xStride, height, width, place, own,
                           ownBias, result);
    storeStrip(out + (firstRow + static_cast<std::int64_t>(place.y) * width + place.x0) * channels +
                   place.channel,
               channels, width, place.x0, result);
}

// Backward, first part: the gradient before SiLU, and a row's share of the gradients of weights and bias.
// One block row = one image row; the shares are summed by the caller. A thread has a pair of channels.
// gradPre may be a part of gradOut: a thread has read all parts of a place before it writes there, and no
// other reads it.
template<int kParts>
__global__ void __launch_bounds__(kThreads)
    depthwiseBackwardPreKernel(const float* __restrict__ x, std::int64_t xStride,
                               const float* __restrict__ weight, const float* __restrict__ bias,
                               const float* gradOut, float* gradPre, float* __restrict__ partial, int height,
                               int width, int channels) {
    const int channel = 2 * (blockIdx.x * blockDim.x + threadIdx.x);
    const int y = blockIdx.y;
    if (channel >= channels)
        return;
    float2 own[9];
#pragma unroll
    for (int i = 0; i < 9; ++i)
        own[i] = make_float2(weight[channel * 9 + i], weight[(channel + 1) * 9 + i]);
    const float2 ownBias = make_float2(bias[channel], bias[channel + 1]);
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.z) * height * width;
    const float* image = x + firstRow * xStride + channel;
    const auto pixel = [&](int row, int column) {
        return row >= 0 && row < height && column < width
                   ? loadPair(image + (static_cast<std::int64_t>(row) * width + column) * xStride)
                   : make_float2(0.0f, 0.0f);
    };
    float2 gradWeight[9] = {};
    float2 gradBias = make_float2(0.0f, 0.0f);
    float2 window[3][3];
#pragma unroll
    for (int r = 0; r < 3; ++r) {
        window[r][1] = make_float2(0.0f, 0.0f);
        window[r][2] = pixel(y + r - 1, 0);
    }
    const std::int64_t first = (firstRow + static_cast<std::int64_t>(y) * width) * channels + channel;
    const std::int64_t partSize = static_cast<std::int64_t>(gridDim.z) * height * width * channels;
#pragma unroll 4
    for (int column = 0; column < width; ++column) {
        const std::int64_t index = first + static_cast<std::int64_t>(column) * channels;
        float2 out[kParts];
#pragma unroll
        for (int part = 0; part < kParts; ++part)
            out[part] = loadPair(gradOut + part * partSize + index);
        if constexpr (kParts == 4) {
            out[0].x = (out[0].x + out[1].x) + (out[2].x + out[3].x);
            out[0].y = (out[0].y + out[1].y) + (out[2].y + out[3].y);
        }
        float2 sum = ownBias;
#pragma unroll
        for (int r = 0; r < 3; ++r) {
            window[r][0] = window[r][1];
            window[r][1] = window[r][2];
            window[r][2] = pixel(y + r - 1, column + 1);
#pragma unroll
            for (int c = 0; c < 3; ++c) {
                sum.x += own[r * 3 + c].x * window[r][c].x;
                sum.y += own[r * 3 + c].y * window[r][c].y;
            }
        }
        const float2 grad = make_float2(out[0].x * siluSlope(sum.x), out[0].y * siluSlope(sum.y));
        storePair(gradPre + index, grad);
        gradBias.x += grad.x;
        gradBias.y += grad.y;
#pragma unroll
        for (int r = 0; r < 3; ++r)
#pragma unroll
            for (int c = 0; c < 3; ++c) {
                gradWeight[r * 3 + c].x += grad.x * window[r][c].x;
                gradWeight[r * 3 + c].y += grad.y * window[r][c].y;
            }
    }
    float* target =
        partial + ((static_cast<std::int64_t>(blockIdx.z) * height + y) * channels + channel) * 10;
#pragma unroll
    for (int i = 0; i < 9; ++i) {
        target[i] = gradWeight[i].x;
        target[10 + i] = gradWeight[i].y;
    }
    target[9] = gradBias.x;
    target[19] = gradBias.y;
}

// Backward, second part: the input's gradient is the correlation with the turned kernel.
__global__ void __launch_bounds__(kThreads)
    depthwiseBackwardInputKernel(const float* __restrict__ gradPre, const float* __restrict__ weight,
                                 float* __restrict__ gradX, std::int64_t gradXStride, int height, int width,
                                 int channels) {
    const StripPlace<kStrip> place(width);
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

// A row stays in the registers of a warp or, of few rows, of a block; all its loads are under way before the
// first sum.
template<typename T, int kPairs, int kWarps, int kParts>
__global__ void __launch_bounds__(kThreads)
    normGateForwardKernel(const T* __restrict__ y, const T* __restrict__ z, std::int64_t zStride,
                          const float* __restrict__ weight, const float* __restrict__ bias,
                          T* __restrict__ out, float* __restrict__ sumOut, std::int64_t rows, int channels) {
    __shared__ float sumParts[kWarps];
    const RowPlace<kThreads, kWarps> place;
    const std::int64_t row = place.row;
    allowNext();
    if (row >= rows)
        return;
    waitForPrevious();
    SharedRow<kPairs, kWarps> values(place.lane);
    float2 gate[kPairs];
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        const int channel = values.channelOf(i);
        values.value[i] = gate[i] = make_float2(0.0f, 0.0f);
        if (!values.has(i, channels))
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
            if (values.has(i, channels))
                storePair(sumOut + row * channels + values.channelOf(i), values.value[i]);
    }
    values.normalise(channels, kNormEpsilon, sumParts);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        const int channel = values.channelOf(i);
        if (!values.has(i, channels))
            continue;
        const float2 scale = loadPair(weight + channel);
        const float2 shift = loadPair(bias + channel);
        storePair(out + row * channels + channel,
                  make_float2((values.value[i].x * scale.x + shift.x) * silu(gate[i].x),
                              (values.value[i].y * scale.y + shift.y) * silu(gate[i].y)));
    }
}

// Zeros where the row has no such pair.
template<int kPairs>
__device__ __forceinline__ void loadRow(const float* source, int channels, const SharedRow<kPairs, 1>& row,
                                        float2 (&out)[kPairs]) {
#pragma unroll
    for (int i = 0; i < kPairs; ++i)
        out[i] = row.has(i, channels) ? loadPair(source + row.channelOf(i)) : make_float2(0.0f, 0.0f);
}

template<int kPairs>
__device__ __forceinline__ void storeRow(float* target, int channels, const SharedRow<kPairs, 1>& row,
                                         const float2 (&values)[kPairs]) {
#pragma unroll
    for (int i = 0; i < kPairs; ++i)
        if (row.has(i, channels))
            storePair(target + row.channelOf(i), values[i]);
}

// The rows of a warp whose sums over rows it keeps in registers.
struct WarpRows {
    std::int64_t part;
    std::int64_t begin;
    std::int64_t end;
    __device__ __forceinline__ WarpRows(std::int64_t rows, std::int64_t rowsPerWarp)
        : part(static_cast<std::int64_t>(blockIdx.x) * (kThreads / 32) + threadIdx.x / 32)
        , begin(part * rowsPerWarp)
        , end(begin + rowsPerWarp < rows ? begin + rowsPerWarp : rows) {}
};

template<int kPairs>
struct NormSums {
    float2 weight[kPairs] = {};
    float2 bias[kPairs] = {};

    __device__ __forceinline__ void add(int i, float2 grad, float2 value) {
        weight[i].x += grad.x * value.x;
        weight[i].y += grad.y * value.y;
        bias[i].x += grad.x;
        bias[i].y += grad.y;
    }
    // [part][channels][2]
    __device__ __forceinline__ void store(float* partial, std::int64_t part, int channels,
                                          const SharedRow<kPairs, 1>& row) const {
#pragma unroll
        for (int i = 0; i < kPairs; ++i)
            if (row.has(i, channels))
                *reinterpret_cast<float4*>(partial + (part * channels + row.channelOf(i)) * 2) =
                    make_float4(weight[i].x, bias[i].x, weight[i].y, bias[i].y);
    }
};

// From dL/d(normalised value) to dL/d(value), in place: values are normalised, of scale 1 / deviation.
template<int kPairs>
__device__ __forceinline__ void throughNorm(const SharedRow<kPairs, 1>& row, float scale, int channels,
                                            float2 (&grad)[kPairs]) {
    float sum = 0.0f;
    float sumValue = 0.0f;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        if (!row.has(i, channels))
            continue;
        sum += grad[i].x + grad[i].y;
        sumValue += grad[i].x * row.value[i].x + grad[i].y * row.value[i].y;
    }
    sum = sumOverWarp(sum) / channels;
    sumValue = sumOverWarp(sumValue) / channels;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
        grad[i].x = scale * (grad[i].x - sum - row.value[i].x * sumValue);
        grad[i].y = scale * (grad[i].y - sum - row.value[i].y * sumValue);
    }
}

// A warp takes one row at a time; all that it reads of a row is under way before the first sum.
template<int kPairs>
__global__ void __launch_bounds__(kThreads)
    normGateBackwardKernel(const float* __restrict__ y, const float* __restrict__ z, std::int64_t zStride,
                           const float* __restrict__ weight, const float* __restrict__ bias,
                           const float* __restrict__ gradOut, float* __restrict__ out,
                           float* __restrict__ gradY, float* __restrict__ gradZ, std::int64_t gradZStride,
                           float* __restrict__ partial, std::int64_t rows, int channels,
                           std::int64_t rowsPerWarp) {
    const WarpRows own(rows, rowsPerWarp);
    SharedRow<kPairs, 1> values(threadIdx.x % 32);
    NormSums<kPairs> sums;
    float unused[1];
    for (std::int64_t row = own.begin; row < own.end; ++row) {
        float2 gate[kPairs];
        float2 grad[kPairs];
        loadRow(y + row * channels, channels, values, values.value);
        loadRow(z + row * zStride, channels, values, gate);
        loadRow(gradOut + row * channels, channels, values, grad);
        const float scale = values.normalise(channels, kNormEpsilon, unused);
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
            if (!values.has(i, channels))
                continue;
            const int channel = values.channelOf(i);
            const float2 value = values.value[i];
            const float2 ownWeight = loadPair(weight + channel);
            const float2 ownBias = loadPair(bias + channel);
            const float2 normalised =
                make_float2(value.x * ownWeight.x + ownBias.x, value.y * ownWeight.y + ownBias.y);
            const float2 open = make_float2(silu(gate[i].x), silu(gate[i].y));
            storePair(out + row * channels + channel,
                      make_float2(normalised.x * open.x, normalised.y * open.y));
            storePair(gradZ + row * gradZStride + channel,
                      make_float2(grad[i].x * normalised.x * siluSlope(gate[i].x),
                                  grad[i].y * normalised.y * siluSlope(gate[i].y)));
            const float2 after = make_float2(grad[i].x * open.x, grad[i].y * open.y);
            sums.add(i, after, value);
            grad[i] = make_float2(after.x * ownWeight.x, after.y * ownWeight.y);
        }
        throughNorm(values, scale, channels, grad);
        storeRow(gradY + row * channels, channels, values, grad);
    }
    sums.store(partial, own.part, channels, values);
}

template<int kPairs>
__global__ void __launch_bounds__(kThreads)
    layerNormForwardKernel(const float* __restrict__ x, const float* __restrict__ weight,
                           const float* __restrict__ bias, float* __restrict__ out, std::int64_t rows,
                           int channels) {
    const RowPlace<kThreads, 1> place;
    if (place.row >= rows)
        return;
    SharedRow<kPairs, 1> values(place.lane);
    loadRow(x + place.row * channels, channels, values, values.value);
    float unused[1];
    normaliseAndStore(values, channels, weight, bias, out + place.row * channels, unused);
}

template<int kPairs>
__global__ void __launch_bounds__(kThreads)
    layerNormBackwardKernel(const float* __restrict__ x, const float* __restrict__ weight,
                            const float* __restrict__ gradOut, float* __restrict__ gradX,
                            float* __restrict__ partial, std::int64_t rows, int channels,
                            std::int64_t rowsPerWarp) {
    const WarpRows own(rows, rowsPerWarp);
    SharedRow<kPairs, 1> values(threadIdx.x % 32);
    NormSums<kPairs> sums;
    float unused[1];
    for (std::int64_t row = own.begin; row < own.end; ++row) {
        float2 grad[kPairs];
        loadRow(x + row * channels, channels, values, values.value);
        loadRow(gradOut + row * channels, channels, values, grad);
        const float scale = values.normalise(channels, kNormEpsilon, unused);
#pragma unroll
        for (int i = 0; i < kPairs; ++i) {
            if (!values.has(i, channels))
                continue;
            sums.add(i, grad[i], values.value[i]);
            const float2 ownWeight = loadPair(weight + values.channelOf(i));
            grad[i] = make_float2(grad[i].x * ownWeight.x, grad[i].y * ownWeight.y);
        }
        throughNorm(values, scale, channels, grad);
        storeRow(gradX + row * channels, channels, values, grad);
    }
    sums.store(partial, own.part, channels, values);
}

template<typename T, int kStrip>
int depthwiseForwardTyped(int batch, int height, int width, int channels, const T* x, std::int64_t xStride,
                          const float* weight, const float* bias, T* out, Stream stream) {
    const int strips = (width + kStrip - 1) / kStrip * height;
    LaunchShape shape;
    shape.block = dim3(32, kThreads / 32);
    shape.grid = dim3((channels + 63) / 64, blocksFor(strips, kThreads / 32), batch);
    return launchEarly(&depthwiseForwardKernel<T, kStrip>, shape, stream, x, xStride, weight, bias, out,
                       height, width, channels);
}

template<typename T>
int depthwiseForwardTyped(int batch, int height, int width, int channels, const void* x, std::int64_t xStride,
                          const float* weight, const float* bias, void* out, Stream stream) {
    const auto launch = [&](auto strip) {
        return depthwiseForwardTyped<T, decltype(strip)::value>(batch, height, width, channels,
                                                                static_cast<const T*>(x), xStride, weight,
                                                                bias, static_cast<T*>(out), stream);
    };
    // Threads that a large GPU wants to have under way.
    constexpr std::int64_t kEnough = 90000;
    const std::int64_t pixelPairs = static_cast<std::int64_t>(batch) * height * width * (channels / 2);
    if (pixelPairs >= kEnough * 8)
        return launch(std::integral_constant<int, 8>{});
    if (pixelPairs >= kEnough * 4)
        return launch(std::integral_constant<int, 4>{});
    return launch(std::integral_constant<int, 2>{});
}

template<typename T>
int normGateForwardTyped(std::int64_t rows, int channels, int parts, const void* y, const void* z,
                         std::int64_t zStride, const float* weight, const float* bias, void* out, float* sum,
                         Stream stream) {
    return withRowShape(rows, channels, [&](auto pairs, auto warps) {
        constexpr int kPairs = decltype(pairs)::value;
        constexpr int kWarps = decltype(warps)::value;
        LaunchShape shape;
        shape.block = dim3(kThreads);
        shape.grid = dim3(blocksFor(rows, kThreads / 32 / kWarps));
        const auto kernel = parts == 4 ? &normGateForwardKernel<T, kPairs, kWarps, 4>
                                       : &normGateForwardKernel<T, kPairs, kWarps, 1>;
        return launchEarly(kernel, shape, stream, static_cast<const T*>(y), static_cast<const T*>(z), zStride,
                           weight, bias, static_cast<T*>(out), sum, rows, channels);
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
    switch (element) {
    case Element::Float32:
        return depthwiseForwardTyped<float>(batch, height, width, channels, x, xStride, weight, bias, out,
                                            stream);
    case Element::BFloat16:
        return depthwiseForwardTyped<__nv_bfloat16>(batch, height, width, channels, x, xStride, weight, bias,
                                                    out, stream);
    case Element::Float16:
        return depthwiseForwardTyped<__half>(batch, height, width, channels, x, xStride, weight, bias, out,
                                             stream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

int depthwiseSiluBackward(int batch, int height, int width, int channels, const float* x,
                          std::int64_t xStride, const float* weight, const float* bias, const float* gradOut,
                          int parts, float* gradPre, float* gradX, std::int64_t gradXStride, float* partial,
                          Stream stream) {
    if (batch <= 0 || height <= 0 || width <= 0 || channels <= 0)
        return 0;
    if (channels % 2 != 0 || (parts != 1 && parts != 4))
        return static_cast<int>(cudaErrorInvalidValue);
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    const dim3 rowGrid(blocksFor(channels, 2 * kThreads), height, batch);
    const auto pre = parts == 4 ? &depthwiseBackwardPreKernel<4> : &depthwiseBackwardPreKernel<1>;
    pre<<<rowGrid, kThreads, 0, cudaStream>>>(x, xStride, weight, bias, gradOut, gradPre, partial, height,
                                              width, channels);
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
    switch (element) {
    case Element::Float32:
        return normGateForwardTyped<float>(rows, channels, parts, y, z, zStride, weight, bias, out, sum,
                                           stream);
    case Element::BFloat16:
        return normGateForwardTyped<__nv_bfloat16>(rows, channels, parts, y, z, zStride, weight, bias, out,
                                                   sum, stream);
    case Element::Float16:
        return normGateForwardTyped<__half>(rows, channels, parts, y, z, zStride, weight, bias, out, sum,
                                            stream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

int normGateBackward(std::int64_t rows, int channels, const float* y, const float* z, std::int64_t zStride,
                     const float* weight, const float* bias, const float* gradOut, float* out, float* gradY,
                     float* gradZ, std::int64_t gradZStride, float* partial, Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    const int warps = normPartials(rows);
    return withPairs<1>(channels, [&](auto pairs) {
        normGateBackwardKernel<decltype(pairs)::value>
            <<<warps / (kThreads / 32), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
                y, z, zStride, weight, bias, gradOut, out, gradY, gradZ, gradZStride, partial, rows, channels,
                (rows + warps - 1) / warps);
        return static_cast<int>(cudaGetLastError());
    });
}

int layerNormForward(std::int64_t rows, int channels, const float* x, const float* weight, const float* bias,
                     float* out, Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    return withPairs<1>(channels, [&](auto pairs) {
        layerNormForwardKernel<decltype(pairs)::value>
            <<<blocksFor(rows, kThreads / 32), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
                x, weight, bias, out, rows, channels);
        return static_cast<int>(cudaGetLastError());
    });
}

int layerNormBackward(std::int64_t rows, int channels, const float* x, const float* weight,
                      const float* gradOut, float* gradX, float* partial, Stream stream) {
    if (rows <= 0 || channels <= 0)
        return 0;
    const int warps = normPartials(rows);
    return withPairs<1>(channels, [&](auto pairs) {
        layerNormBackwardKernel<decltype(pairs)::value>
            <<<warps / (kThreads / 32), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
                x, weight, gradOut, gradX, partial, rows, channels, (rows + warps - 1) / warps);
        return static_cast<int>(cudaGetLastError());
    });
}

} // namespace limn::gpu
