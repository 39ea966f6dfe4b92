// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder in seven launches, each over all levels and images at once:
//   pool      sums and maxima per channel of rows of pixels                     reads the features once
//   gate      channel attention: the pooled values through fc1, ReLU, fc2       latency; tiny
//   squeeze   mean and maximum over gated channels, and Translayer's product    reads the features again
//   pyramid   7x7 convolution, spatial gate, shift; block means for SDI
//   infuse    SDI: all sixteen 3x3 convolutions and their products              the tensor cores' work
//   refine    deconv2 and deconv3 with their additions, and kFunctionals
//   assemble  deconv4 with the last head (as functionals), both four-fold upsamplings, deconv6, sigmoid
// The spatial gate is one number per pixel and Translayer is linear, so the gate is applied to the product's
// result and the features are read twice instead of three times. deconv4 and the last head are linear as
// well: together they have one output channel, and the 48 channels at 1/4 of the image's size are never made.
// With one image, launches and their latencies are the limit; with many, the features' bytes (pool, squeeze)
// and the tensor cores (infuse).
#include "inference/cuda/head_kernels.h"
#include "inference/cuda/head_math.h"
#include "inference/cuda/head_weights.h"
#include "inference/cuda/kernel_tools.cuh"

#include <cuda_runtime.h>

#include <cmath>

namespace limn::gpu {

namespace {

constexpr int kPixelBytes = kDecoder * 2;  // of a stored map
constexpr int kVectors = kPixelBytes / 16; // 16-byte vectors of a pixel
constexpr int kTilePixelBytes =
    kPixelBytes + 16; // in shared memory: eight neighbours fall on different banks

struct Level {
    int height;
    int width;
    int pixels;
    int firstBlock; // of this level in the running launch
};

struct Arguments {
    Level level[kHeadLevels];
    const float* features[kHeadLevels];
    const HeadWeights* weights;
    float* partial[kHeadLevels];
    float2* stats[kHeadLevels];
    std::uint16_t* squeezed[kHeadLevels];
    std::uint16_t* translated[kHeadLevels];
    std::uint16_t* pooled[6];
    std::uint16_t* infused[kHeadLevels];
    float* gate;
    float* quarter;
    float* refined;
    float* probabilities;
};

__device__ __forceinline__ int levelOfBlock(const Arguments& a, int block) {
    int level = 0;
    while (level < kHeadLevels - 1 && block >= a.level[level + 1].firstBlock)
        ++level;
    return level;
}

__device__ __forceinline__ std::int64_t firstPixel(const Level& level, int image) {
    return static_cast<std::int64_t>(image) * level.pixels;
}

// A lane's row and half in loadOperand().
__device__ __forceinline__ int laneRow(int lane) {
    return lane & 15;
}
__device__ __forceinline__ int laneHalf(int lane) {
    return (lane >> 4) * 16; // bytes
}

__device__ __forceinline__ float maximum(float a, float b) {
    return fmaxf(a, b);
}

// ---------------------------------------------------------------------------------------------------- pool
__global__ void __launch_bounds__(kPoolThreads) poolKernel(const Arguments a) {
    __shared__ float4 sums[kPoolThreads];
    __shared__ float4 maxima[kPoolThreads];
    // In this order: squeeze reads the features before it waits.
    waitForPrevious();
    allowNext();
    const int level = levelOfBlock(a, blockIdx.x);
    const int image = blockIdx.y;
    const int chunk = blockIdx.x - a.level[level].firstBlock;
    const int pixels = a.level[level].pixels;
    const int columns = headChannels(level) / 4;
    const int groups = kPoolThreads / columns;
    const int group = threadIdx.x / columns;
    const int column = threadIdx.x - group * columns;
    const int first = chunk * poolRows(level) + group;
    const auto* source = reinterpret_cast<const float4*>(a.features[level]) +
                         firstPixel(a.level[level], image) * columns + column;
    float4 value[kPoolRowsPerThread];
    bool inside[kPoolRowsPerThread];
#pragma unroll
    for (int i = 0; i < kPoolRowsPerThread; ++i) {
        const int row = first + i * groups;
        inside[i] = row < pixels;
        value[i] = source[static_cast<std::int64_t>(inside[i] ? row : 0) * columns];
    }
    float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 largest = make_float4(-HUGE_VALF, -HUGE_VALF, -HUGE_VALF, -HUGE_VALF);
#pragma unroll
    for (int i = 0; i < kPoolRowsPerThread; ++i) {
        if (!inside[i])
            continue;
        sum.x += value[i].x;
        sum.y += value[i].y;
        sum.z += value[i].z;
        sum.w += value[i].w;
        largest.x = maximum(largest.x, value[i].x);
        largest.y = maximum(largest.y, value[i].y);
        largest.z = maximum(largest.z, value[i].z);
        largest.w = maximum(largest.w, value[i].w);
    }
    sums[threadIdx.x] = sum;
    maxima[threadIdx.x] = largest;
    __syncthreads();
    if (group != 0)
        return;
    for (int g = 1; g < groups; ++g) {
        const float4 s = sums[g * columns + column];
        const float4 m = maxima[g * columns + column];
        sum.x += s.x;
        sum.y += s.y;
        sum.z += s.z;
        sum.w += s.w;
        largest.x = maximum(largest.x, m.x);
        largest.y = maximum(largest.y, m.y);
        largest.z = maximum(largest.z, m.z);
        largest.w = maximum(largest.w, m.w);
    }
    const int chunks = poolChunks(level, pixels);
    auto* target = reinterpret_cast<float4*>(a.partial[level]) +
                   (static_cast<std::int64_t>(image) * chunks + chunk) * 2 * columns + column;
    target[0] = sum;
    target[columns] = largest;
}

// ---------------------------------------------------------------------------------------------------- gate
// A block is one level of one image. Its time is that of reading the coarsest level's weights, so each thread
// has its part of them in registers before the pooled values are there: of fc1 two rows per warp, of fc2 one
// channel per thread.
constexpr int kGateThreads = 768;
constexpr int kGateWarps = kGateThreads / 32;
constexpr int kMaxHidden = 768 / 16;
constexpr int kGateRows = kMaxHidden / kGateWarps;
constexpr int kRowVectors = 768 / 8 / 32; // 16-byte vectors of a row of fc1 per lane
constexpr int kMaxExciteGroups = kMaxHidden / 8;

__device__ __forceinline__ void unpack(uint4 packed, float (&out)[8]) {
    const std::uint32_t pairs[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        out[2 * i] = lowBf16(pairs[i]);
        out[2 * i + 1] = highBf16(pairs[i]);
    }
}

__global__ void __launch_bounds__(kGateThreads) gateKernel(const Arguments a) {
    __shared__ __align__(16) float mean[kGateThreads];
    __shared__ __align__(16) float largest[kGateThreads];
    __shared__ float hidden[kMaxHidden];
    allowNext();
    const int level = kHeadLevels - 1 - static_cast<int>(blockIdx.x); // the longest first
    const int image = blockIdx.y;
    const int channels = headChannels(level);
    const int lane = threadIdx.x & 31;
    const int warp = threadIdx.x / 32;
    const uint4 zero = make_uint4(0, 0, 0, 0);
    uint4 fc1[kGateRows][kRowVectors];
    uint4 fc2[kMaxExciteGroups];
    const auto* squeezing = reinterpret_cast<const uint4*>(a.weights->fc1 + firstSqueezeWeight(level));
    const auto* exciting = reinterpret_cast<const uint4*>(a.weights->fc2 + firstExciteWeight(level));
#pragma unroll
    for (int r = 0; r < kGateRows; ++r)
#pragma unroll
        for (int v = 0; v < kRowVectors; ++v) {
            const int row = warp + r * kGateWarps;
            const int vector = lane + v * 32;
            fc1[r][v] = row < channels / 16 && vector < channels / 8
                            ? squeezing[row * (channels / 8) + vector]
                            : zero;
        }
#pragma unroll
    for (int g = 0; g < kMaxExciteGroups; ++g)
        fc2[g] = g < exciteGroups(level) && static_cast<int>(threadIdx.x) < channels
                     ? exciting[g * channels + threadIdx.x]
                     : zero;
    waitForPrevious();

    const int pixels = a.level[level].pixels;
    const int chunks = poolChunks(level, pixels);
    const int groups = kGateThreads / channels;
    const int group = threadIdx.x / channels;
    const int channel = threadIdx.x - group * channels;
    const float* partial =
        a.partial[level] + static_cast<std::int64_t>(image) * chunks * 2 * channels + channel;
    float sum = 0.0f;
    float most = -HUGE_VALF;
#pragma unroll 8
    for (int chunk = group; chunk < chunks; chunk += groups) {
        sum += partial[static_cast<std::int64_t>(chunk) * 2 * channels];
        most = maximum(most, partial[(static_cast<std::int64_t>(chunk) * 2 + 1) * channels]);
    }
    mean[threadIdx.x] = sum;
    largest[threadIdx.x] = most;
    if (threadIdx.x < kMaxHidden)
        hidden[threadIdx.x] = 0.0f;
    __syncthreads();
    if (group == 0) {
        for (int g = 1; g < groups; ++g) {
            sum += mean[g * channels + channel];
            most = maximum(most, largest[g * channels + channel]);
        }
        mean[channel] = sum / static_cast<float>(pixels);
        largest[channel] = most;
    }
    __syncthreads();

#pragma unroll
    for (int r = 0; r < kGateRows; ++r) {
        float ofMean = 0.0f;
        float ofLargest = 0.0f;
#pragma unroll
        for (int v = 0; v < kRowVectors; ++v) {
            const int first = (lane + v * 32) * 8;
            if (first >= channels)
                continue;
            float weight[8];
            unpack(fc1[r][v], weight);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                ofMean += weight[i] * mean[first + i];
                ofLargest += weight[i] * largest[first + i];
            }
        }
#pragma unroll
        for (int offset = 16; offset > 0; offset /= 2) {
            ofMean += __shfl_xor_sync(kFullWarp, ofMean, offset);
            ofLargest += __shfl_xor_sync(kFullWarp, ofLargest, offset);
        }
        // fc2 is linear and has no bias: its two results are summed before it.
        const int row = warp + r * kGateWarps;
        if (lane == 0 && row < channels / 16)
            hidden[row] = maximum(ofMean, 0.0f) + maximum(ofLargest, 0.0f);
    }
    __syncthreads();
    if (group == 0) {
        float before = 0.0f;
#pragma unroll
        for (int g = 0; g < kMaxExciteGroups; ++g) {
            float weight[8];
            unpack(fc2[g], weight);
#pragma unroll
            for (int i = 0; i < 8; ++i)
                before += weight[i] * hidden[g * 8 + i];
        }
        a.gate[static_cast<std::int64_t>(image) * kGates + firstGate(level) + channel] = sigmoid(before);
    }
}

// ------------------------------------------------------------------------------------------------- squeeze
// A warp takes 16 pixels and 96 channels; at level l, 2^l warps share the pixels.
constexpr int kSqueezeWarps = 8;
constexpr int kSqueezeStride = kDecoder + 8; // floats of a row: neighbouring rows fall on different banks

__global__ void __launch_bounds__(kSqueezeWarps * 32) squeezeKernel(const Arguments a) {
    __shared__ float parts[kSqueezeWarps][16][kSqueezeStride];
    __shared__ float2 partStats[kSqueezeWarps][16];
    allowNext();
    const int level = levelOfBlock(a, blockIdx.x);
    // The last image first: of a large batch, the second cache still holds what pool read last.
    const int image = gridDim.y - 1 - blockIdx.y;
    const int channels = headChannels(level);
    const int pixels = a.level[level].pixels;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int slices = 1 << level;
    const int slice = warp & (slices - 1);
    const int blockPixels = kSqueezeWarps * 16 >> level;
    const int firstOfBlock = (blockIdx.x - a.level[level].firstBlock) * blockPixels;
    const int quad = lane & 3;
    const std::int64_t base = firstPixel(a.level[level], image);
    const float* row[2];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const int pixel = min(firstOfBlock + (warp >> level) * 16 + (lane >> 2) + r * 8, pixels - 1);
        row[r] = a.features[level] + (base + pixel) * channels + slice * kSliceChannels + quad * 4;
    }
    float4 value[kSqueezeSteps][2];
#pragma unroll
    for (int step = 0; step < kSqueezeSteps; ++step)
#pragma unroll
        for (int r = 0; r < 2; ++r)
            value[step][r] = *reinterpret_cast<const float4*>(row[r] + step * kStepK);
    waitForPrevious();

    const float* gates = a.gate + static_cast<std::int64_t>(image) * kGates + firstGate(level) +
                         slice * kSliceChannels + quad * 4;
    const auto& fragments = a.weights->squeeze;
    const int firstStep = firstSqueezeStep(level) + slice * kSqueezeSteps;
    float sum[kDecoderTiles][4] = {};
    float total[2] = {0.0f, 0.0f};
    float largest[2] = {-HUGE_VALF, -HUGE_VALF};
#pragma unroll
    for (int step = 0; step < kSqueezeSteps; ++step) {
        const float4 gate = *reinterpret_cast<const float4*>(gates + step * kStepK);
        std::uint32_t operand[4];
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            float4 v = value[step][r];
            v.x *= gate.x;
            v.y *= gate.y;
            v.z *= gate.z;
            v.w *= gate.w;
            total[r] += (v.x + v.y) + (v.z + v.w);
            largest[r] = maximum(largest[r], maximum(maximum(v.x, v.y), maximum(v.z, v.w)));
            operand[r] = packBf16(v.x, v.y);
            operand[2 + r] = packBf16(v.z, v.w);
        }
#pragma unroll
        for (int tile = 0; tile < kDecoderTiles; ++tile)
            multiply(sum[tile], operand,
                     __ldg(reinterpret_cast<const uint2*>(fragments.at[firstStep + step][tile][lane])));
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const int inTile = (lane >> 2) + r * 8;
#pragma unroll
        for (int offset = 1; offset < 4; offset *= 2) {
            total[r] += __shfl_xor_sync(kFullWarp, total[r], offset);
            largest[r] = maximum(largest[r], __shfl_xor_sync(kFullWarp, largest[r], offset));
        }
        if (quad == 0)
            partStats[warp][inTile] = make_float2(total[r], largest[r]);
#pragma unroll
        for (int tile = 0; tile < kDecoderTiles; ++tile)
            *reinterpret_cast<float2*>(&parts[warp][inTile][tile * 8 + quad * 2]) =
                make_float2(sum[tile][r * 2], sum[tile][r * 2 + 1]);
    }
    __syncthreads();

    for (int i = threadIdx.x; i < blockPixels * kVectors; i += kSqueezeWarps * 32) {
        const int local = i / kVectors;
        const int pixel = firstOfBlock + local;
        if (pixel >= pixels)
            break;
        const int first = (i - local * kVectors) * 8;
        const int firstWarp = local / 16 << level;
        float out[8] = {};
        for (int s = 0; s < slices; ++s)
#pragma unroll
            for (int n = 0; n < 8; ++n)
                out[n] += parts[firstWarp + s][local & 15][first + n];
        *reinterpret_cast<uint4*>(a.squeezed[level] + (base + pixel) * kDecoder + first) =
            make_uint4(packBf16(out[0], out[1]), packBf16(out[2], out[3]), packBf16(out[4], out[5]),
                       packBf16(out[6], out[7]));
    }
    const int pixel = firstOfBlock + static_cast<int>(threadIdx.x);
    if (static_cast<int>(threadIdx.x) < blockPixels && pixel < pixels) {
        const int firstWarp = threadIdx.x / 16 << level;
        float2 both = make_float2(0.0f, -HUGE_VALF);
        for (int s = 0; s < slices; ++s) {
            const float2 part = partStats[firstWarp + s][threadIdx.x & 15];
            both.x += part.x;
            both.y = maximum(both.y, part.y);
        }
        a.stats[level][base + pixel] = make_float2(both.x / static_cast<float>(channels), both.y);
    }
}

// ------------------------------------------------------------------------------------------------- pyramid
// A block is one pixel of the coarsest level and all pixels above it: 64 + 16 + 4 + 1.
constexpr int kPyramidThreads = 256;
constexpr int kCellPixels = 85;
constexpr int kWindows = 14 * 14 + 10 * 10 + 8 * 8 + 7 * 7; // a level's part of the cell with 3 around it

struct CellPixel {
    int level;
    int row; // within the cell
    int column;
};
__device__ __forceinline__ CellPixel cellPixel(int index) {
    if (index < 64)
        return {0, index >> 3, index & 7};
    if (index < 80)
        return {1, (index - 64) >> 2, index & 3};
    if (index < 84)
        return {2, (index - 80) >> 1, index & 1};
    return {3, 0, 0};
}
__device__ __forceinline__ int windowSide(int level) {
    return (8 >> level) + 6;
}
__device__ __forceinline__ int firstWindow(int level) {
    return level == 0 ? 0 : level == 1 ? 196 : level == 2 ? 296 : 360;
}

__global__ void __launch_bounds__(kPyramidThreads) pyramidKernel(const Arguments a) {
    __shared__ float2 window[kWindows];
    __shared__ float2 taps[kHeadLevels * 49];
    __shared__ float spatial[kCellPixels];
    __shared__ __align__(16) float values[kCellPixels][kDecoder];
    __shared__ float quadrants[2][4][kDecoder];
    const int image = blockIdx.y;
    allowNext();
    const int cellY = blockIdx.x / a.level[3].width;
    const int cellX = blockIdx.x - cellY * a.level[3].width;
    const int thread = threadIdx.x;

    for (int i = thread; i < kHeadLevels * 49; i += kPyramidThreads)
        taps[i] = reinterpret_cast<const float2*>(a.weights->spatial)[i];
    waitForPrevious();
    for (int i = thread; i < kWindows; i += kPyramidThreads) {
        const int level = i < 196 ? 0 : i < 296 ? 1 : i < 360 ? 2 : 3;
        const int side = windowSide(level);
        const int local = i - firstWindow(level);
        const int row = (cellY * 8 >> level) + local / side - 3;
        const int column = (cellX * 8 >> level) + local % side - 3;
        const Level& size = a.level[level];
        window[i] = row >= 0 && row < size.height && column >= 0 && column < size.width
                        ? a.stats[level][firstPixel(size, image) + row * size.width + column]
                        : make_float2(0.0f, 0.0f);
    }
    __syncthreads();

    // Four threads share a pixel's seven rows of taps.
    for (int first = 0; first < kCellPixels * 4; first += kPyramidThreads) {
        const int index = min((first + thread) >> 2, kCellPixels - 1);
        const CellPixel p = cellPixel(index);
        const int side = windowSide(p.level);
        const float2* corner = window + firstWindow(p.level) + p.row * side + p.column;
        float sum = 0.0f;
        for (int r = thread & 3; r < 7; r += 4)
#pragma unroll
            for (int c = 0; c < 7; ++c) {
                const float2 tap = taps[p.level * 49 + r * 7 + c];
                const float2 both = corner[r * side + c];
                sum += tap.x * both.x + tap.y * both.y;
            }
        sum += __shfl_xor_sync(kFullWarp, sum, 1);
        sum += __shfl_xor_sync(kFullWarp, sum, 2);
        if ((thread & 3) == 0 && first + thread < kCellPixels * 4)
            spatial[index] = sigmoid(sum);
    }
    __syncthreads();

    for (int i = thread; i < kCellPixels * kVectors; i += kPyramidThreads) {
        const int index = i / kVectors;
        const int first = (i - index * kVectors) * 8;
        const CellPixel p = cellPixel(index);
        const Level& size = a.level[p.level];
        const std::int64_t at = (firstPixel(size, image) + ((cellY * 8 >> p.level) + p.row) * size.width +
                                 (cellX * 8 >> p.level) + p.column) *
                                    kDecoder +
                                first;
        const uint4 packed = *reinterpret_cast<const uint4*>(a.squeezed[p.level] + at);
        const std::uint32_t pairs[4] = {packed.x, packed.y, packed.z, packed.w};
        const float* bias = a.weights->squeezeBias[p.level] + first;
        const float gate = spatial[index];
        std::uint32_t out[4];
#pragma unroll
        for (int n = 0; n < 4; ++n) {
            const float low = gate * lowBf16(pairs[n]) + bias[2 * n];
            const float high = gate * highBf16(pairs[n]) + bias[2 * n + 1];
            values[index][first + 2 * n] = low;
            values[index][first + 2 * n + 1] = high;
            out[n] = packBf16(low, high);
        }
        *reinterpret_cast<uint4*>(a.translated[p.level] + at) = make_uint4(out[0], out[1], out[2], out[3]);
    }
    __syncthreads();

    // Means of 2x2, 4x4 and 8x8 blocks, each sum made of the four below it. A thread is one channel of one
    // quadrant of the cell.
    const int channel = thread % kDecoder;
    const int quadrant = thread / kDecoder;
    const auto put = [&](int source, int level, int row, int column, float value) {
        const Level& size = a.level[level];
        a.pooled[pooledPair(source, level)]
                [(firstPixel(size, image) + ((cellY * 8 >> level) + row) * size.width + (cellX * 8 >> level) +
                  column) *
                     kDecoder +
                 channel] = toBf16(value);
    };
    const auto sumOfFour = [&](int first, int stride) {
        return (values[first][channel] + values[first + 1][channel]) +
               (values[first + stride][channel] + values[first + stride + 1][channel]);
    };
    if (quadrant < 4) {
        const int row = quadrant >> 1;
        const int column = quadrant & 1;
        float sums[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int y = row * 2 + (i >> 1); // at level 1
            const int x = column * 2 + (i & 1);
            sums[i] = sumOfFour(y * 2 * 8 + x * 2, 8);
            put(0, 1, y, x, sums[i] / 4.0f);
        }
        const float ofFinest = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        const float ofSecond = sumOfFour(64 + row * 2 * 4 + column * 2, 4);
        put(0, 2, row, column, ofFinest / 16.0f);
        put(1, 2, row, column, ofSecond / 4.0f);
        quadrants[0][quadrant][channel] = ofFinest;
        quadrants[1][quadrant][channel] = ofSecond;
    }
    __syncthreads();
    if (quadrant < 2) {
        const float(&q)[4][kDecoder] = quadrants[quadrant];
        const float sum = (q[0][channel] + q[1][channel]) + (q[2][channel] + q[3][channel]);
        put(quadrant, 3, 0, 0, sum / (quadrant == 0 ? 64.0f : 16.0f));
    } else if (quadrant == 2) {
        put(2, 3, 0, 0, sumOfFour(80, 2) / 4.0f);
    }
}

// -------------------------------------------------------------------------------------------------- infuse
// A block makes 4 or 8 rows of 16 pixels of one level. All four sources, resized, lie in shared memory with
// one pixel around them; a tap of a convolution then is an operand whose rows are shifted. A warp makes one
// source's term for 64 pixels and 24 channels at a time: its weights come from the first cache straight into
// registers, one tap ahead, so that nothing but the product of the terms needs a barrier. Shared memory's
// bandwidth limits it: 12 mma (78 cycles of a quarter of the multiprocessor) read 2816 bytes (22 cycles of
// the whole).
constexpr int kInfuseColumns = 16;
constexpr int kInfuseThreads = kHeadLevels * 2 * 32; // two warps per source
constexpr int kWarpRows = 4;
constexpr int kHaloWidth = kInfuseColumns + 2;
constexpr int kHalfTiles = kDecoderTiles / 2;        // n tiles of a warp
constexpr int kTermVectors = kWarpRows * kHalfTiles; // float4 of a thread's part of a term

template<int kRowBlocks>
struct Infuse {
    static constexpr int kRows = kRowBlocks * kWarpRows;
    static constexpr int kHalo = (kRows + 2) * kHaloWidth;
    static constexpr int kSourceBytes = kHalo * kTilePixelBytes;
    static constexpr int kTermBytes = kTermVectors * kLanes * 16; // of one warp
    static constexpr int kSharedBytes = kHeadLevels * kSourceBytes + 2 * 2 * kTermBytes;
};

struct Corners {
    uint4 value[4];
    float right;
    float down;
};

__device__ __forceinline__ uint4 interpolate(const Corners& from) {
    const auto both = [&from](std::uint32_t p, std::uint32_t q, std::uint32_t r, std::uint32_t s) {
        return packBf16(bilinear(lowBf16(p), lowBf16(q), lowBf16(r), lowBf16(s), from.right, from.down),
                        bilinear(highBf16(p), highBf16(q), highBf16(r), highBf16(s), from.right, from.down));
    };
    const uint4(&v)[4] = from.value;
    return make_uint4(both(v[0].x, v[1].x, v[2].x, v[3].x), both(v[0].y, v[1].y, v[2].y, v[3].y),
                      both(v[0].z, v[1].z, v[2].z, v[3].z), both(v[0].w, v[1].w, v[2].w, v[3].w));
}

// One warp's term: 4 rows of 16 pixels, 24 channels. `operandAt`: this lane's row of the first tap's operand.
__device__ __forceinline__ void convolve(float (&sum)[kWarpRows][kHalfTiles][4], std::uint32_t operandAt,
                                         const std::uint32_t* weights, const float* bias) {
#pragma unroll
    for (int n = 0; n < kHalfTiles; ++n) {
        const float2 b = __ldg(reinterpret_cast<const float2*>(bias + n * 8));
#pragma unroll
        for (int m = 0; m < kWarpRows; ++m) {
            sum[m][n][0] = sum[m][n][2] = b.x;
            sum[m][n][1] = sum[m][n][3] = b.y;
        }
    }
    const auto* fragments = reinterpret_cast<const uint2*>(weights);
    constexpr int kStepPairs = kDecoderTiles * kLanes;
    uint2 operandB[kTapSteps][kHalfTiles];
#pragma unroll
    for (int step = 0; step < kTapSteps; ++step)
#pragma unroll
        for (int n = 0; n < kHalfTiles; ++n)
            operandB[step][n] = __ldg(fragments + step * kStepPairs + n * kLanes);
#pragma unroll 1
    for (int y = 0; y < 3; ++y) {
#pragma unroll
        for (int x = 0; x < 3; ++x) {
            // The last tap loads itself again.
            if (x < 2 || y < 2)
                fragments += kTapSteps * kStepPairs;
#pragma unroll
            for (int step = 0; step < kTapSteps; ++step) {
                std::uint32_t operandA[kWarpRows][4];
#pragma unroll
                for (int m = 0; m < kWarpRows; ++m)
                    loadOperand(operandA[m], operandAt + (m * kHaloWidth + x) * kTilePixelBytes + step * 32);
#pragma unroll
                for (int n = 0; n < kHalfTiles; ++n) {
#pragma unroll
                    for (int m = 0; m < kWarpRows; ++m)
                        multiply(sum[m][n], operandA[m], operandB[step][n]);
                    operandB[step][n] = __ldg(fragments + step * kStepPairs + n * kLanes);
                }
            }
        }
        operandAt += kHaloWidth * kTilePixelBytes;
    }
}

template<int kRowBlocks>
__global__ void __launch_bounds__(kInfuseThreads, 2) infuseKernel(const Arguments a) {
    using Shape = Infuse<kRowBlocks>;
    extern __shared__ __align__(16) unsigned char shared[];
    __shared__ float halves[2][Shape::kRows * kInfuseColumns];
    const int level = levelOfBlock(a, blockIdx.x);
    const int image = blockIdx.y;
    const Level& size = a.level[level];
    const int tile = blockIdx.x - size.firstBlock;
    const int tilesX = (size.width + kInfuseColumns - 1) / kInfuseColumns;
    const int firstY = tile / tilesX * Shape::kRows;
    const int firstX = tile % tilesX * kInfuseColumns;
    allowNext();
    waitForPrevious();

    // Staging. Sources as fine as the level or finer are copied.
    constexpr int kItems = Shape::kHalo * kVectors;
    for (int source = 0; source <= level; ++source) {
        const std::uint16_t* map =
            (source < level ? a.pooled[pooledPair(source, level)] : a.translated[level]) +
            firstPixel(size, image) * kDecoder;
        for (int i = threadIdx.x; i < kItems; i += kInfuseThreads) {
            const int pixel = i / kVectors;
            const int vector = i - pixel * kVectors;
            const int y = firstY + pixel / kHaloWidth - 1;
            const int x = firstX + pixel % kHaloWidth - 1;
            const bool inside = y >= 0 && y < size.height && x >= 0 && x < size.width;
            copyOrClear(shared + source * Shape::kSourceBytes + pixel * kTilePixelBytes + vector * 16,
                        map + (inside ? (y * size.width + x) * kDecoder + vector * 8 : 0), inside);
        }
    }
    closeGroup();
    // Coarser sources are interpolated, three vectors of a thread at a time, so that twelve loads are under
    // way.
    constexpr int kAtOnce = 3;
    float scaleY[kHeadLevels];
    float scaleX[kHeadLevels];
#pragma unroll
    for (int source = 1; source < kHeadLevels; ++source) {
        scaleY[source] = alignedScale(a.level[source].height, size.height);
        scaleX[source] = alignedScale(a.level[source].width, size.width);
    }
    const int coarser = (kHeadLevels - 1 - level) * kItems;
    for (int first = threadIdx.x; first < coarser; first += kAtOnce * kInfuseThreads) {
        Corners corners[kAtOnce];
        bool inside[kAtOnce];
        unsigned char* target[kAtOnce];
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j) {
            const int i = first + j * kInfuseThreads;
            const int relative = i / kItems;
            const int source = level + 1 + relative;
            const int item = i - relative * kItems;
            const int pixel = item / kVectors;
            const int vector = item - pixel * kVectors;
            const int y = firstY + pixel / kHaloWidth - 1;
            const int x = firstX + pixel % kHaloWidth - 1;
            target[j] = i < coarser
                            ? shared + source * Shape::kSourceBytes + pixel * kTilePixelBytes + vector * 16
                            : nullptr;
            inside[j] = i < coarser && y >= 0 && y < size.height && x >= 0 && x < size.width;
            if (inside[j]) {
                const Level& from = a.level[source];
                const Lerp down = alignedLerp(y,
                                              source == 1   ? scaleY[1]
                                              : source == 2 ? scaleY[2]
                                                            : scaleY[3],
                                              from.height);
                const Lerp right = alignedLerp(x,
                                               source == 1   ? scaleX[1]
                                               : source == 2 ? scaleX[2]
                                                             : scaleX[3],
                                               from.width);
                const std::uint16_t* map =
                    a.translated[source] + firstPixel(from, image) * kDecoder + vector * 8;
                corners[j].right = right.weight;
                corners[j].down = down.weight;
#pragma unroll
                for (int corner = 0; corner < 4; ++corner)
                    corners[j].value[corner] = *reinterpret_cast<const uint4*>(
                        map + ((corner < 2 ? down.first : down.second) * from.width +
                               (corner % 2 == 0 ? right.first : right.second)) *
                                  kDecoder);
            }
        }
#pragma unroll
        for (int j = 0; j < kAtOnce; ++j)
            if (target[j] != nullptr)
                *reinterpret_cast<uint4*>(target[j]) =
                    inside[j] ? interpolate(corners[j]) : make_uint4(0, 0, 0, 0);
    }
    waitForGroups<0>();
    __syncthreads();

    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int quad = lane & 3;
    const int source = warp >> 1;
    const int sub = warp & 1;
    const int firstRow = kRowBlocks == 2 ? sub * kWarpRows : 0;
    auto* const terms = reinterpret_cast<float4*>(shared + kHeadLevels * Shape::kSourceBytes) + lane;
    const auto term = [&](int slot, int i) -> float4& {
        return terms[((slot * 2 + sub) * kTermVectors + i) * kLanes];
    };
    // A block of four rows has its channels' halves in two warps, one of eight rows its rows.
#pragma unroll 1
    for (int pass = 0; pass < kRowBlocks; ++pass) {
        const int half = kRowBlocks == 2 ? pass : sub;
        float sum[kWarpRows][kHalfTiles][4];
        convolve(sum,
                 sharedAddress(shared) + source * Shape::kSourceBytes +
                     (firstRow * kHaloWidth + laneRow(lane)) * kTilePixelBytes + laneHalf(lane),
                 a.weights->sdi[level][source][0].at[0][half * kHalfTiles][lane],
                 a.weights->sdiBias[level][source] + half * kHalfTiles * 8 + quad * 2);

        // (term 0 * term 1) * (term 2 * term 3)
        const auto store = [&](int slot) {
#pragma unroll
            for (int i = 0; i < kTermVectors; ++i) {
                const float(&s)[4] = sum[i / kHalfTiles][i % kHalfTiles];
                term(slot, i) = make_float4(s[0], s[1], s[2], s[3]);
            }
        };
        const auto multiplyBy = [&](int slot) {
#pragma unroll
            for (int i = 0; i < kTermVectors; ++i) {
                float(&s)[4] = sum[i / kHalfTiles][i % kHalfTiles];
                const float4 t = term(slot, i);
                s[0] *= t.x;
                s[1] *= t.y;
                s[2] *= t.z;
                s[3] *= t.w;
            }
        };
        if (source % 2 == 1)
            store(source / 2);
        __syncthreads();
        if (source % 2 == 0)
            multiplyBy(source / 2);
        if (source == 2)
            store(1); // each thread its own place
        __syncthreads();
        if (source == 0)
            multiplyBy(1);
        __syncthreads(); // the next pass fills the places again
        if (source != 0)
            continue;

        float2 head[kHalfTiles];
#pragma unroll
        for (int n = 0; n < kHalfTiles; ++n)
            head[n] = *reinterpret_cast<const float2*>(a.weights->quarterHead + (half * kHalfTiles + n) * 8 +
                                                       quad * 2);
#pragma unroll
        for (int m = 0; m < kWarpRows; ++m)
#pragma unroll
            for (int r = 0; r < 2; ++r) {
                const int row = firstRow + m;
                const int column = (lane >> 2) + r * 8;
                if (level > 0) {
                    if (firstY + row >= size.height || firstX + column >= size.width)
                        continue;
                    std::uint16_t* out =
                        a.infused[level] +
                        (firstPixel(size, image) + (firstY + row) * size.width + firstX + column) * kDecoder +
                        half * kHalfTiles * 8 + quad * 2;
#pragma unroll
                    for (int n = 0; n < kHalfTiles; ++n)
                        *reinterpret_cast<std::uint32_t*>(out + n * 8) =
                            packBf16(sum[m][n][r * 2], sum[m][n][r * 2 + 1]);
                } else {
                    // The finest level feeds the last head alone: one number per pixel.
                    float total = 0.0f;
#pragma unroll
                    for (int n = 0; n < kHalfTiles; ++n) {
                        total += sum[m][n][r * 2] * head[n].x;
                        total += sum[m][n][r * 2 + 1] * head[n].y;
                    }
                    total += __shfl_xor_sync(kFullWarp, total, 1);
                    total += __shfl_xor_sync(kFullWarp, total, 2);
                    if (quad == 0)
                        halves[half][row * kInfuseColumns + column] = total;
                }
            }
    }
    if (level > 0)
        return;
    __syncthreads();
    for (int i = threadIdx.x; i < Shape::kRows * kInfuseColumns; i += kInfuseThreads) {
        const int y = firstY + i / kInfuseColumns;
        const int x = firstX + i % kInfuseColumns;
        if (y < size.height && x < size.width)
            a.quarter[firstPixel(size, image) + y * size.width + x] = halves[0][i] + halves[1][i];
    }
}

// -------------------------------------------------------------------------------------------------- refine
// A block makes 8 x 16 pixels of y at level 1, from 6 x 10 at level 2, from 4 x 6 at level 3. A warp has one
// of the four parities of a transposed convolution (a 2x2 convolution each) and half of the channels.
constexpr int kRefineRows = 8;
constexpr int kRefineColumns = 16;
constexpr int kMiddleRows = kRefineRows / 2 + 2;
constexpr int kMiddleColumns = kRefineColumns / 2 + 2;
constexpr int kCoarseRows = kMiddleRows / 2 + 1;
constexpr int kCoarseColumns = kMiddleColumns / 2 + 1;
constexpr int kRefineThreads = 256;

// A warp's weights of one transposed convolution: 12 steps, half of the channels.
struct PhaseWeights {
    uint2 at[4 * kTapSteps][kHalfTiles];
};
__device__ __forceinline__ PhaseWeights loadPhase(const Fragments<4 * kTapSteps, kDecoderTiles>& from,
                                                  int half, int lane) {
    PhaseWeights out;
#pragma unroll
    for (int step = 0; step < 4 * kTapSteps; ++step)
#pragma unroll
        for (int n = 0; n < kHalfTiles; ++n)
            out.at[step][n] = *reinterpret_cast<const uint2*>(from.at[step][half * kHalfTiles + n][lane]);
    return out;
}

__global__ void __launch_bounds__(kRefineThreads, 2) refineKernel(const Arguments a) {
    __shared__ __align__(16) unsigned char coarse[kCoarseRows * kCoarseColumns * kTilePixelBytes];
    __shared__ __align__(16) unsigned char middle[kMiddleRows * kMiddleColumns * kTilePixelBytes];
    __shared__ __align__(16) unsigned char fine[kRefineRows * kRefineColumns * kTilePixelBytes];
    const int image = blockIdx.y;
    const int tilesX = (a.level[1].width + kRefineColumns - 1) / kRefineColumns;
    const int firstY = static_cast<int>(blockIdx.x) / tilesX * kRefineRows;
    const int firstX = static_cast<int>(blockIdx.x) % tilesX * kRefineColumns;
    const int middleY = firstY / 2 - 1; // of the first staged pixel
    const int middleX = firstX / 2 - 1;
    const int coarseY = firstY / 4 - 1;
    const int coarseX = firstX / 4 - 1;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int quad = lane & 3;
    const int half = warp & 1;
    const int parityY = warp >> 2;
    const int parityX = (warp >> 1) & 1;
    const int phase = parityY * 2 + parityX;
    allowNext();
    // Weights are read ahead, each set once per warp.
    PhaseWeights weights = loadPhase(a.weights->deconv[0][phase], half, lane);
    waitForPrevious();

    for (int i = threadIdx.x; i < kCoarseRows * kCoarseColumns * kVectors; i += kRefineThreads) {
        const int pixel = i / kVectors;
        const int vector = i - pixel * kVectors;
        const int y = coarseY + pixel / kCoarseColumns;
        const int x = coarseX + pixel % kCoarseColumns;
        const Level& size = a.level[3];
        uint4 value = make_uint4(0, 0, 0, 0);
        if (y >= 0 && y < size.height && x >= 0 && x < size.width)
            value = *reinterpret_cast<const uint4*>(
                a.infused[3] + (firstPixel(size, image) + y * size.width + x) * kDecoder + vector * 8);
        *reinterpret_cast<uint4*>(coarse + pixel * kTilePixelBytes + vector * 16) = value;
    }
    __syncthreads();

    // Level 2. The staged rows begin at an odd one: parity 1 has the even places. 3 x 5 pixels of each
    // parity.
    {
        constexpr int kAcross = kMiddleColumns / 2;
        constexpr int kCount = kMiddleRows / 2 * kAcross;
        const int place = min(laneRow(lane), kCount - 1);
        const std::uint32_t base = sharedAddress(coarse) +
                                   (place / kAcross * kCoarseColumns + place % kAcross) * kTilePixelBytes +
                                   laneHalf(lane);
        float sum[kHalfTiles][4] = {};
#pragma unroll
        for (int tap = 0; tap < 4; ++tap)
#pragma unroll
            for (int step = 0; step < kTapSteps; ++step) {
                std::uint32_t operand[4];
                loadOperand(operand,
                            base + (tap / 2 * kCoarseColumns + tap % 2) * kTilePixelBytes + step * 32);
#pragma unroll
                for (int n = 0; n < kHalfTiles; ++n)
                    multiply(sum[n], operand, weights.at[tap * kTapSteps + step][n]);
            }
        weights = loadPhase(a.weights->deconv[1][phase], half, lane);
        const Level& size = a.level[2];
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int index = (lane >> 2) + r * 8;
            if (index >= kCount)
                continue;
            const int row = index / kAcross * 2 + 1 - parityY;
            const int column = index % kAcross * 2 + 1 - parityX;
            const int y = middleY + row;
            const int x = middleX + column;
            const bool inside = y >= 0 && y < size.height && x >= 0 && x < size.width;
            const std::uint16_t* addend =
                a.infused[2] + (firstPixel(size, image) + (inside ? y * size.width + x : 0)) * kDecoder;
#pragma unroll
            for (int n = 0; n < kHalfTiles; ++n) {
                const int channel = (half * kHalfTiles + n) * 8 + quad * 2;
                const std::uint32_t pair = *reinterpret_cast<const std::uint32_t*>(addend + channel);
                // Outside the map there is nothing, not what the convolution would make there.
                *reinterpret_cast<std::uint32_t*>(middle + (row * kMiddleColumns + column) * kTilePixelBytes +
                                                  channel * 2) =
                    inside ? packBf16(sum[n][r * 2] + lowBf16(pair), sum[n][r * 2 + 1] + highBf16(pair)) : 0u;
            }
        }
    }
    __syncthreads();

    // Level 1: 4 x 8 pixels of each parity.
    {
        constexpr int kAcross = kRefineColumns / 2;
        float sum[2][kHalfTiles][4] = {};
        std::uint32_t base[2];
#pragma unroll
        for (int m = 0; m < 2; ++m) {
            const int place = m * 16 + laneRow(lane);
            base[m] =
                sharedAddress(middle) +
                ((place / kAcross + parityY) * kMiddleColumns + place % kAcross + parityX) * kTilePixelBytes +
                laneHalf(lane);
        }
#pragma unroll
        for (int tap = 0; tap < 4; ++tap)
#pragma unroll
            for (int step = 0; step < kTapSteps; ++step) {
                std::uint32_t operand[2][4];
#pragma unroll
                for (int m = 0; m < 2; ++m)
                    loadOperand(operand[m],
                                base[m] + (tap / 2 * kMiddleColumns + tap % 2) * kTilePixelBytes + step * 32);
#pragma unroll
                for (int n = 0; n < kHalfTiles; ++n) {
                    multiply(sum[0][n], operand[0], weights.at[tap * kTapSteps + step][n]);
                    multiply(sum[1][n], operand[1], weights.at[tap * kTapSteps + step][n]);
                }
            }
        const Level& size = a.level[1];
#pragma unroll
        for (int m = 0; m < 2; ++m)
#pragma unroll
            for (int r = 0; r < 2; ++r) {
                const int place = m * 16 + (lane >> 2) + r * 8;
                const int row = place / kAcross * 2 + parityY;
                const int column = place % kAcross * 2 + parityX;
                const bool inside = firstY + row < size.height && firstX + column < size.width;
                const std::uint16_t* addend =
                    a.infused[1] +
                    (firstPixel(size, image) + (inside ? (firstY + row) * size.width + firstX + column : 0)) *
                        kDecoder;
#pragma unroll
                for (int n = 0; n < kHalfTiles; ++n) {
                    const int channel = (half * kHalfTiles + n) * 8 + quad * 2;
                    const std::uint32_t pair = *reinterpret_cast<const std::uint32_t*>(addend + channel);
                    *reinterpret_cast<std::uint32_t*>(
                        fine + (row * kRefineColumns + column) * kTilePixelBytes + channel * 2) =
                        packBf16(sum[m][n][r * 2] + lowBf16(pair), sum[m][n][r * 2 + 1] + highBf16(pair));
                }
            }
    }
    __syncthreads();

    // The functionals: a warp has one row of the tile.
    {
        const std::uint32_t base =
            sharedAddress(fine) + (warp * kRefineColumns + laneRow(lane)) * kTilePixelBytes + laneHalf(lane);
        float sum[kFunctionalTiles][4] = {};
#pragma unroll
        for (int step = 0; step < kTapSteps; ++step) {
            std::uint32_t operand[4];
            loadOperand(operand, base + step * 32);
#pragma unroll
            for (int n = 0; n < kFunctionalTiles; ++n)
                multiply(sum[n], operand,
                         __ldg(reinterpret_cast<const uint2*>(a.weights->functionals.at[step][n][lane])));
        }
        const Level& size = a.level[1];
        const int y = firstY + warp;
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            const int x = firstX + (lane >> 2) + r * 8;
            if (y >= size.height || x >= size.width)
                continue;
            float* out = a.refined + (firstPixel(size, image) + y * size.width + x) * kFunctionalStride;
#pragma unroll
            for (int n = 0; n < kFunctionalTiles; ++n)
                if (n * 8 + quad * 2 < kFunctionals)
                    *reinterpret_cast<float2*>(out + n * 8 + quad * 2) =
                        make_float2(sum[n][r * 2], sum[n][r * 2 + 1]);
        }
    }
}

// ------------------------------------------------------------------------------------------------ assemble
// A block makes 32 x 32 pixels of the result from 10 x 10 of the map at 1/4 and 6 x 6 of the map at 1/8 (with
// one pixel around each, clamped to the map).
constexpr int kAssembleSide = 32;
constexpr int kQuarterSide = kAssembleSide / 4 + 2;
constexpr int kEighthSide = kAssembleSide / 8 + 2;
constexpr int kHalfSide = kAssembleSide / 2 + 1;
constexpr int kAssembleThreads = kAssembleSide * kAssembleSide / 4;

__global__ void __launch_bounds__(kAssembleThreads) assembleKernel(const Arguments a, int height, int width) {
    __shared__ float quarter[kQuarterSide][kQuarterSide];
    __shared__ float eighth[kEighthSide][kEighthSide];
    __shared__ float half[kHalfSide][kHalfSide + 1];
    const int image = blockIdx.y;
    const int tilesX = width / kAssembleSide;
    const int firstY = static_cast<int>(blockIdx.x) / tilesX * kAssembleSide;
    const int firstX = static_cast<int>(blockIdx.x) % tilesX * kAssembleSide;
    const int thread = threadIdx.x;
    const HeadWeights& weights = *a.weights;
    const Level& fine = a.level[0];
    const Level& coarse = a.level[1];
    const float* refined = a.refined + firstPixel(coarse, image) * kFunctionalStride;
    waitForPrevious();

    if (thread < kQuarterSide * kQuarterSide) {
        const int row = thread / kQuarterSide;
        const int column = thread - row * kQuarterSide;
        const int y = min(max(firstY / 4 + row - 1, 0), fine.height - 1);
        const int x = min(max(firstX / 4 + column - 1, 0), fine.width - 1);
        float sum = a.quarter[firstPixel(fine, image) + y * fine.width + x] + weights.quarterBias;
#pragma unroll
        for (int tap = 0; tap < 4; ++tap) {
            const int from = (y + 1) / 2 - 1 + tap / 2;
            const int fromX = (x + 1) / 2 - 1 + tap % 2;
            if (from >= 0 && from < coarse.height && fromX >= 0 && fromX < coarse.width)
                sum += refined[(from * coarse.width + fromX) * kFunctionalStride +
                               deconvIndex(y & 1, tap / 2) * 4 + deconvIndex(x & 1, tap % 2)];
        }
        quarter[row][column] = sum;
    } else if (thread < kQuarterSide * kQuarterSide + kEighthSide * kEighthSide) {
        const int index = thread - kQuarterSide * kQuarterSide;
        const int row = index / kEighthSide;
        const int column = index - row * kEighthSide;
        const int y = min(max(firstY / 8 + row - 1, 0), coarse.height - 1);
        const int x = min(max(firstX / 8 + column - 1, 0), coarse.width - 1);
        eighth[row][column] = refined[(y * coarse.width + x) * kFunctionalStride + 16] + weights.eighthBias;
    }
    __syncthreads();

    // The map at 1/8 upsampled to 1/2; nothing lies beyond the image's end.
    for (int i = thread; i < kHalfSide * kHalfSide; i += kAssembleThreads) {
        const int row = i / kHalfSide;
        const int column = i - row * kHalfSide;
        const int y = row / 4 + 1 + upsampleFirst(row & 3);
        const int x = column / 4 + 1 + upsampleFirst(column & 3);
        const bool inside = firstY / 2 + row < height / 2 && firstX / 2 + column < width / 2;
        half[row][column] =
            inside ? bilinear(eighth[y][x], eighth[y][x + 1], eighth[y + 1][x], eighth[y + 1][x + 1],
                              upsampleWeight(column & 3), upsampleWeight(row & 3))
                   : 0.0f;
    }
    __syncthreads();

    // Four neighbours in a row per thread: deconv6 has, of each of its two halves' rows, one row of taps for
    // even rows and two for odd ones.
    const int row = thread / (kAssembleSide / 4);
    const int group = thread - row * (kAssembleSide / 4);
    const int y = row / 4 + 1 + upsampleFirst(row & 3);
    const float down = upsampleWeight(row & 3);
    const bool odd = (row & 1) != 0;
    const float* upper = weights.halfKernel + (odd ? 6 : 3);
    float out[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int x = group + 1 + upsampleFirst(i);
        const int j = group * 2 + i / 2;
        float sum = weights.halfBias;
        if (i % 2 == 0) {
            sum += upper[1] * half[row / 2][j];
            if (odd)
                sum += weights.halfKernel[1] * half[row / 2 + 1][j];
        } else {
            sum += upper[2] * half[row / 2][j] + upper[0] * half[row / 2][j + 1];
            if (odd)
                sum += weights.halfKernel[2] * half[row / 2 + 1][j] +
                       weights.halfKernel[0] * half[row / 2 + 1][j + 1];
        }
        out[i] = sigmoid(bilinear(quarter[y][x], quarter[y][x + 1], quarter[y + 1][x], quarter[y + 1][x + 1],
                                  upsampleWeight(i), down) +
                         sum);
    }
    *reinterpret_cast<float4*>(a.probabilities +
                               (static_cast<std::int64_t>(image) * height + firstY + row) * width + firstX +
                               group * 4) = make_float4(out[0], out[1], out[2], out[3]);
}

// ---------------------------------------------------------------------------------------------- launching

// What the choice of launches depends on.
struct Device {
    int multiprocessors = 0;
    int sharedBytes = 0; // most that a block can have
};

cudaError_t readDevice(Device& out) {
    int device = 0;
    cudaError_t code = cudaGetDevice(&device);
    const auto read = [&](int& value, cudaDeviceAttr attribute) {
        if (code == cudaSuccess)
            code = cudaDeviceGetAttribute(&value, attribute, device);
    };
    read(out.multiprocessors, cudaDevAttrMultiProcessorCount);
    read(out.sharedBytes, cudaDevAttrMaxSharedMemoryPerBlockOptin);
    return code;
}

// Sets every level's first block, and returns the number of blocks.
template<typename Blocks>
int layOut(Arguments& a, Blocks blocksOf) {
    int total = 0;
    for (int level = 0; level < kHeadLevels; ++level) {
        a.level[level].firstBlock = total;
        total += blocksOf(level);
    }
    return total;
}

int divideUp(int count, int size) {
    return (count + size - 1) / size;
}

LaunchShape shapeOf(int blocks, int batch, int threads, int sharedBytes = 0) {
    LaunchShape shape;
    shape.grid = dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(batch));
    shape.block = dim3(static_cast<unsigned>(threads));
    shape.sharedBytes = sharedBytes;
    return shape;
}

template<int kRowBlocks>
int launchInfuse(Arguments a, int batch, Stream stream) {
    using Shape = Infuse<kRowBlocks>;
    const int blocks = layOut(a, [&a](int level) {
        return divideUp(a.level[level].height, Shape::kRows) * divideUp(a.level[level].width, kInfuseColumns);
    });
    return launchEarly(&infuseKernel<kRowBlocks>, shapeOf(blocks, batch, kInfuseThreads, Shape::kSharedBytes),
                       stream, a);
}

// Large tiles read the weights half as often and suit many images; small ones spread one image over the GPU.
bool wantsLargeTiles(const Arguments& a, int batch, const Device& device) {
    using Large = Infuse<2>;
    constexpr int kPixels = Large::kRows * kInfuseColumns;
    constexpr int kBytes = Large::kSharedBytes + 2 * kPixels * static_cast<int>(sizeof(float));
    const std::int64_t tiles = static_cast<std::int64_t>(a.level[0].pixels) * batch / kPixels;
    return tiles >= 2 * static_cast<std::int64_t>(device.multiprocessors) && device.sharedBytes >= kBytes;
}

int launchStep(int step, Arguments a, const HeadProblem& problem, const Device& device, Stream stream) {
    const int batch = problem.batch;
    switch (step) {
    case 0: {
        const int blocks = layOut(a, [&a](int level) { return poolChunks(level, a.level[level].pixels); });
        return launchEarly(&poolKernel, shapeOf(blocks, batch, kPoolThreads), stream, a);
    }
    case 1:
        return launchEarly(&gateKernel, shapeOf(kHeadLevels, batch, kGateThreads), stream, a);
    case 2: {
        const int blocks = layOut(
            a, [&a](int level) { return divideUp(a.level[level].pixels, kSqueezeWarps * 16 >> level); });
        return launchEarly(&squeezeKernel, shapeOf(blocks, batch, kSqueezeWarps * 32), stream, a);
    }
    case 3:
        return launchEarly(&pyramidKernel, shapeOf(a.level[3].pixels, batch, kPyramidThreads), stream, a);
    case 4:
        return wantsLargeTiles(a, batch, device) ? launchInfuse<2>(a, batch, stream)
                                                 : launchInfuse<1>(a, batch, stream);
    case 5: {
        const int blocks =
            divideUp(a.level[1].height, kRefineRows) * divideUp(a.level[1].width, kRefineColumns);
        return launchEarly(&refineKernel, shapeOf(blocks, batch, kRefineThreads), stream, a);
    }
    default: {
        const int blocks = problem.height / kAssembleSide * (problem.width / kAssembleSide);
        return launchEarly(&assembleKernel, shapeOf(blocks, batch, kAssembleThreads), stream, a,
                           problem.height, problem.width);
    }
    }
}

} // namespace

int headForward(const HeadProblem& problem, void* scratch, float* probabilities, Stream stream, int firstStep,
                int endStep) {
    if (problem.batch < 1 || problem.batch > kMaxHeadBatch || problem.height < 32 || problem.width < 32 ||
        problem.height % 32 != 0 || problem.width % 32 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
    Device device;
    if (const cudaError_t code = readDevice(device); code != cudaSuccess)
        return static_cast<int>(code);
    const HeadScratch plan = planHeadScratch(problem.batch, problem.height, problem.width);
    const auto at = [scratch](std::int64_t offset) { return static_cast<char*>(scratch) + offset; };
    const auto map = [&at](std::int64_t offset) { return reinterpret_cast<std::uint16_t*>(at(offset)); };
    Arguments a{};
    for (int level = 0; level < kHeadLevels; ++level) {
        const int height = problem.height >> (level + 2);
        const int width = problem.width >> (level + 2);
        a.level[level] = {height, width, height * width, 0};
        a.features[level] = problem.features[level];
        a.partial[level] = reinterpret_cast<float*>(at(plan.partial[level]));
        a.stats[level] = reinterpret_cast<float2*>(at(plan.stats[level]));
        a.squeezed[level] = map(plan.squeezed[level]);
        a.translated[level] = map(plan.translated[level]);
        a.infused[level] = map(plan.infused[level]);
    }
    for (int pair = 0; pair < 6; ++pair)
        a.pooled[pair] = map(plan.pooled[pair]);
    a.weights = problem.weights;
    a.gate = reinterpret_cast<float*>(at(plan.gate));
    a.quarter = reinterpret_cast<float*>(at(plan.quarter));
    a.refined = reinterpret_cast<float*>(at(plan.refined));
    a.probabilities = probabilities;
    for (int step = firstStep; step < endStep; ++step)
        if (const int code = launchStep(step, a, problem, device, stream); code != 0)
            return code;
    return 0;
}

} // namespace limn::gpu
