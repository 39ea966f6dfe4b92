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

#include <cuda_runtime.h>

#include <cmath>

namespace limn::gpu {

namespace {

constexpr unsigned kFullWarp = 0xffffffffu;
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

__device__ __forceinline__ void multiply(float (&sum)[4], const std::uint32_t (&a)[4], uint2 b) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
}

// A 16x16 operand from shared memory; each lane brings the address of its row (laneRow) and half (laneHalf).
__device__ __forceinline__ void loadOperand(std::uint32_t (&a)[4], std::uint32_t address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                 : "r"(address)
                 : "memory");
}
__device__ __forceinline__ int laneRow(int lane) {
    return lane & 15;
}
__device__ __forceinline__ int laneHalf(int lane) {
    return (lane >> 4) * 16; // bytes
}

__device__ __forceinline__ std::uint32_t sharedAddress(const void* pointer) {
    return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ void copyAsync(void* target, const void* source) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(sharedAddress(target)), "l"(source)
                 : "memory");
}
__device__ __forceinline__ void commitCopies() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}
template<int kPending>
__device__ __forceinline__ void waitForCopies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

__device__ __forceinline__ float maximum(float a, float b) {
    return fmaxf(a, b);
}

// ---------------------------------------------------------------------------------------------------- pool
__global__ void __launch_bounds__(kPoolThreads) poolKernel(const Arguments a) {
    __shared__ float4 sums[kPoolThreads];
    __shared__ float4 maxima[kPoolThreads];
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
// A block is one level of one image.
constexpr int kGateThreads = 768;
constexpr int kGateWarps = kGateThreads / 32;

__global__ void __launch_bounds__(kGateThreads) gateKernel(const Arguments a) {
    __shared__ float mean[kGateThreads];
    __shared__ float largest[kGateThreads];
    __shared__ float hidden[kGateThreads / 16];
    const int level = kHeadLevels - 1 - static_cast<int>(blockIdx.x); // the longest first
    const int image = blockIdx.y;
    const int channels = headChannels(level);
    const int pixels = a.level[level].pixels;
    const int chunks = poolChunks(level, pixels);
    const int groups = kGateThreads / channels;
    const int group = threadIdx.x / channels;
    const int channel = threadIdx.x - group * channels;
    {
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
    }
    const float* fc1 = a.weights->fc1 + firstAttentionWeight(level);
    const float* fc2 = a.weights->fc2 + firstAttentionWeight(level);
    const int lane = threadIdx.x & 31;
    for (int h = threadIdx.x / 32; h < channels / 16; h += kGateWarps) {
        float ofMean = 0.0f;
        float ofLargest = 0.0f;
#pragma unroll 8
        for (int i = lane; i < channels; i += 32) {
            const float weight = fc1[h * channels + i];
            ofMean += weight * mean[i];
            ofLargest += weight * largest[i];
        }
#pragma unroll
        for (int offset = 16; offset > 0; offset /= 2) {
            ofMean += __shfl_xor_sync(kFullWarp, ofMean, offset);
            ofLargest += __shfl_xor_sync(kFullWarp, ofLargest, offset);
        }
        // fc2 is linear and has no bias: its two results are summed before it.
        if (lane == 0)
            hidden[h] = maximum(ofMean, 0.0f) + maximum(ofLargest, 0.0f);
    }
    __syncthreads();
    if (group == 0) {
        float sum = 0.0f;
#pragma unroll 8
        for (int h = 0; h < channels / 16; ++h)
            sum += fc2[h * channels + channel] * hidden[h];
        a.gate[static_cast<std::int64_t>(image) * kGates + firstGate(level) + channel] = sigmoid(sum);
    }
}

// ------------------------------------------------------------------------------------------------- squeeze
// A warp takes 16 pixels and 96 channels; at level l, 2^l warps share the pixels.
constexpr int kSqueezeWarps = 8;
constexpr int kSqueezeStride = kDecoder + 8; // floats of a row: neighbouring rows fall on different banks

__global__ void __launch_bounds__(kSqueezeWarps * 32) squeezeKernel(const Arguments a) {
    __shared__ float parts[kSqueezeWarps][16][kSqueezeStride];
    __shared__ float2 partStats[kSqueezeWarps][16];
    const int level = levelOfBlock(a, blockIdx.x);
    const int image = blockIdx.y;
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
                     *reinterpret_cast<const uint2*>(fragments.at[firstStep + step][tile][lane]));
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
    const int cellY = blockIdx.x / a.level[3].width;
    const int cellX = blockIdx.x - cellY * a.level[3].width;
    const int thread = threadIdx.x;

    for (int i = thread; i < kHeadLevels * 49; i += kPyramidThreads)
        taps[i] = reinterpret_cast<const float2*>(a.weights->spatial)[i];
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
// A block makes kRows x 16 pixels of one level. All four sources, resized, lie in shared memory with one
// pixel around them; a tap of a convolution then is an operand whose rows are shifted. The weights of the 36
// taps of a level stream through kStages buffers.
constexpr int kInfuseColumns = 16;
constexpr int kStages = 4;
constexpr int kTapBytes = sizeof(Fragments<kTapSteps, kDecoderTiles>);
constexpr int kTaps = kHeadLevels * 9;

template<int kRows, int kRowsPerWarp, int kParts>
struct Infuse {
    static constexpr int kThreads = kRows / kRowsPerWarp * kParts * 32;
    static constexpr int kHaloWidth = kInfuseColumns + 2;
    static constexpr int kHalo = (kRows + 2) * kHaloWidth;
    static constexpr int kSourceBytes = kHalo * kTilePixelBytes;
    static constexpr int kTiles = kDecoderTiles / kParts; // n tiles of a warp
    static constexpr int kSharedBytes = kHeadLevels * kSourceBytes + kStages * kTapBytes;
};

__device__ __forceinline__ uint4 interpolate(const std::uint16_t* map, int width, Lerp down, Lerp right) {
    const auto load = [&](int row, int column) {
        return *reinterpret_cast<const uint4*>(map + (row * width + column) * kDecoder);
    };
    const uint4 a = load(down.first, right.first);
    const uint4 b = load(down.first, right.second);
    const uint4 c = load(down.second, right.first);
    const uint4 d = load(down.second, right.second);
    const auto both = [&](std::uint32_t p, std::uint32_t q, std::uint32_t r, std::uint32_t s) {
        return packBf16(
            bilinear(lowBf16(p), lowBf16(q), lowBf16(r), lowBf16(s), right.weight, down.weight),
            bilinear(highBf16(p), highBf16(q), highBf16(r), highBf16(s), right.weight, down.weight));
    };
    return make_uint4(both(a.x, b.x, c.x, d.x), both(a.y, b.y, c.y, d.y), both(a.z, b.z, c.z, d.z),
                      both(a.w, b.w, c.w, d.w));
}

template<int kRows, int kRowsPerWarp, int kParts>
__global__ void __launch_bounds__(Infuse<kRows, kRowsPerWarp, kParts>::kThreads, 2)
    infuseKernel(const Arguments a) {
    using Shape = Infuse<kRows, kRowsPerWarp, kParts>;
    extern __shared__ __align__(16) unsigned char shared[];
    __shared__ float halves[2][kRows * kInfuseColumns];
    unsigned char* const taps = shared + kHeadLevels * Shape::kSourceBytes;
    const int level = levelOfBlock(a, blockIdx.x);
    const int image = blockIdx.y;
    const Level& size = a.level[level];
    const int tile = blockIdx.x - size.firstBlock;
    const int tilesX = (size.width + kInfuseColumns - 1) / kInfuseColumns;
    const int firstY = tile / tilesX * kRows;
    const int firstX = tile % tilesX * kInfuseColumns;

    const auto* weights = reinterpret_cast<const unsigned char*>(a.weights->sdi[level]);
    const auto fetch = [&](int tap) {
        if (tap < kTaps)
            for (int i = threadIdx.x; i < kTapBytes / 16; i += Shape::kThreads)
                copyAsync(taps + tap % kStages * kTapBytes + i * 16, weights + tap * kTapBytes + i * 16);
        commitCopies();
    };
#pragma unroll
    for (int tap = 0; tap < kStages - 1; ++tap)
        fetch(tap);

    for (int source = 0; source < kHeadLevels; ++source) {
        unsigned char* const target = shared + source * Shape::kSourceBytes;
        const Level& from = a.level[source];
        const std::uint16_t* map =
            source < level ? a.pooled[pooledPair(source, level)] + firstPixel(size, image) * kDecoder
                           : a.translated[source] + firstPixel(from, image) * kDecoder;
        const float scaleY = alignedScale(from.height, size.height);
        const float scaleX = alignedScale(from.width, size.width);
#pragma unroll 2
        for (int i = threadIdx.x; i < Shape::kHalo * kVectors; i += Shape::kThreads) {
            const int pixel = i / kVectors;
            const int vector = i - pixel * kVectors;
            const int y = firstY + pixel / Shape::kHaloWidth - 1;
            const int x = firstX + pixel % Shape::kHaloWidth - 1;
            uint4 value = make_uint4(0, 0, 0, 0);
            if (y >= 0 && y < size.height && x >= 0 && x < size.width) {
                if (source <= level)
                    value =
                        *reinterpret_cast<const uint4*>(map + (y * size.width + x) * kDecoder + vector * 8);
                else
                    value = interpolate(map + vector * 8, from.width, alignedLerp(y, scaleY, from.height),
                                        alignedLerp(x, scaleX, from.width));
            }
            *reinterpret_cast<uint4*>(target + pixel * kTilePixelBytes + vector * 16) = value;
        }
    }

    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x & 31;
    const int part = warp % kParts;
    const int firstRow = warp / kParts * kRowsPerWarp;
    const int quad = lane & 3;
    const std::uint32_t operandBase = sharedAddress(shared) +
                                      (firstRow * Shape::kHaloWidth + laneRow(lane)) * kTilePixelBytes +
                                      laneHalf(lane);
    float product[kRowsPerWarp][Shape::kTiles][4];
    int tap = 0;
    for (int source = 0; source < kHeadLevels; ++source) {
        float sum[kRowsPerWarp][Shape::kTiles][4];
#pragma unroll
        for (int n = 0; n < Shape::kTiles; ++n) {
            const float2 bias = *reinterpret_cast<const float2*>(a.weights->sdiBias[level][source] +
                                                                 (part * Shape::kTiles + n) * 8 + quad * 2);
#pragma unroll
            for (int m = 0; m < kRowsPerWarp; ++m) {
                sum[m][n][0] = sum[m][n][2] = bias.x;
                sum[m][n][1] = sum[m][n][3] = bias.y;
            }
        }
        for (int y = 0; y < 3; ++y)
#pragma unroll
            for (int x = 0; x < 3; ++x, ++tap) {
                waitForCopies<kStages - 2>();
                __syncthreads(); // tap's weights are whole, and everybody is done with the buffer filled next
                fetch(tap + kStages - 1);
                const auto* fragments =
                    reinterpret_cast<const uint2*>(taps + tap % kStages * kTapBytes) + lane;
                const std::uint32_t operandAt = operandBase + source * Shape::kSourceBytes +
                                                (y * Shape::kHaloWidth + x) * kTilePixelBytes;
#pragma unroll
                for (int step = 0; step < kTapSteps; ++step) {
                    std::uint32_t operand[kRowsPerWarp][4];
#pragma unroll
                    for (int m = 0; m < kRowsPerWarp; ++m)
                        loadOperand(operand[m],
                                    operandAt + m * Shape::kHaloWidth * kTilePixelBytes + step * 32);
#pragma unroll
                    for (int n = 0; n < Shape::kTiles; ++n) {
                        const uint2 b = fragments[(step * kDecoderTiles + part * Shape::kTiles + n) * kLanes];
#pragma unroll
                        for (int m = 0; m < kRowsPerWarp; ++m)
                            multiply(sum[m][n], operand[m], b);
                    }
                }
            }
#pragma unroll
        for (int m = 0; m < kRowsPerWarp; ++m)
#pragma unroll
            for (int n = 0; n < Shape::kTiles; ++n)
#pragma unroll
                for (int i = 0; i < 4; ++i)
                    product[m][n][i] = source == 0 ? sum[m][n][i] : product[m][n][i] * sum[m][n][i];
    }

    if (level > 0) {
        std::uint16_t* out = a.infused[level] + firstPixel(size, image) * kDecoder;
#pragma unroll
        for (int m = 0; m < kRowsPerWarp; ++m)
#pragma unroll
            for (int r = 0; r < 2; ++r) {
                const int y = firstY + firstRow + m;
                const int x = firstX + (lane >> 2) + r * 8;
                if (y >= size.height || x >= size.width)
                    continue;
#pragma unroll
                for (int n = 0; n < Shape::kTiles; ++n)
                    *reinterpret_cast<std::uint32_t*>(out + (y * size.width + x) * kDecoder +
                                                      (part * Shape::kTiles + n) * 8 + quad * 2) =
                        packBf16(product[m][n][r * 2], product[m][n][r * 2 + 1]);
            }
        return;
    }
    // The finest level feeds the last head alone: one number per pixel, each half of the channels summed for
    // itself whatever the parts, so that every shape of block makes the same bits.
    constexpr int kHalfTiles = kDecoderTiles / 2;
#pragma unroll
    for (int m = 0; m < kRowsPerWarp; ++m)
#pragma unroll
        for (int r = 0; r < 2; ++r)
#pragma unroll
            for (int half = 0; half < Shape::kTiles / kHalfTiles; ++half) {
                const int channelHalf = part + half;
                float sum = 0.0f;
#pragma unroll
                for (int n = 0; n < kHalfTiles; ++n) {
                    const float2 head = *reinterpret_cast<const float2*>(
                        a.weights->quarterHead + (channelHalf * kHalfTiles + n) * 8 + quad * 2);
                    sum += product[m][half * kHalfTiles + n][r * 2] * head.x;
                    sum += product[m][half * kHalfTiles + n][r * 2 + 1] * head.y;
                }
                sum += __shfl_xor_sync(kFullWarp, sum, 1);
                sum += __shfl_xor_sync(kFullWarp, sum, 2);
                if (quad == 0)
                    halves[channelHalf][(firstRow + m) * kInfuseColumns + (lane >> 2) + r * 8] = sum;
            }
    __syncthreads();
    for (int i = threadIdx.x; i < kRows * kInfuseColumns; i += Shape::kThreads) {
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
constexpr int kHalfTiles = kDecoderTiles / 2;

__global__ void __launch_bounds__(kRefineThreads) refineKernel(const Arguments a) {
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
                    multiply(sum[n], operand,
                             *reinterpret_cast<const uint2*>(
                                 a.weights->deconv[0][phase]
                                     .at[tap * kTapSteps + step][half * kHalfTiles + n][lane]));
            }
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
                    const uint2 b = *reinterpret_cast<const uint2*>(
                        a.weights->deconv[1][phase].at[tap * kTapSteps + step][half * kHalfTiles + n][lane]);
                    multiply(sum[0][n], operand[0], b);
                    multiply(sum[1][n], operand[1], b);
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
                         *reinterpret_cast<const uint2*>(a.weights->functionals.at[step][n][lane]));
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

// Sets every level's first block, and returns the number of blocks.
template<typename Blocks>
unsigned layOut(Arguments& a, Blocks blocksOf) {
    int total = 0;
    for (int level = 0; level < kHeadLevels; ++level) {
        a.level[level].firstBlock = total;
        total += blocksOf(level);
    }
    return static_cast<unsigned>(total);
}

int divideUp(int count, int size) {
    return (count + size - 1) / size;
}

template<int kRows, int kRowsPerWarp, int kParts>
cudaError_t launchInfuse(Arguments a, int batch, cudaStream_t stream) {
    using Shape = Infuse<kRows, kRowsPerWarp, kParts>;
    const unsigned blocks = layOut(a, [&a](int level) {
        return divideUp(a.level[level].height, kRows) * divideUp(a.level[level].width, kInfuseColumns);
    });
    auto* const kernel = &infuseKernel<kRows, kRowsPerWarp, kParts>;
    const cudaError_t code =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Shape::kSharedBytes);
    if (code != cudaSuccess)
        return code;
    kernel<<<dim3(blocks, batch), Shape::kThreads, Shape::kSharedBytes, stream>>>(a);
    return cudaGetLastError();
}

// Large tiles read the weights less often and suit many images; small ones spread one image over the GPU.
cudaError_t launchInfuse(const Arguments& a, int batch, cudaStream_t stream) {
    int device = 0;
    int multiprocessors = 0;
    int shared = 0;
    if (cudaError_t code = cudaGetDevice(&device); code != cudaSuccess)
        return code;
    if (cudaError_t code = cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device);
        code != cudaSuccess)
        return code;
    if (cudaError_t code = cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
        code != cudaSuccess)
        return code;
    using Large = Infuse<8, 2, 1>;
    constexpr int kStatic = 2 * 8 * kInfuseColumns * static_cast<int>(sizeof(float));
    const std::int64_t largeTiles =
        static_cast<std::int64_t>(a.level[0].pixels) * batch / (8 * kInfuseColumns);
    if (largeTiles >= 2 * static_cast<std::int64_t>(multiprocessors) &&
        shared >= Large::kSharedBytes + kStatic)
        return launchInfuse<8, 2, 1>(a, batch, stream);
    return launchInfuse<4, 1, 2>(a, batch, stream);
}

} // namespace

int headForward(const HeadProblem& problem, void* scratch, float* probabilities, Stream streamIn,
                int firstStep, int endStep) {
    if (problem.batch < 1 || problem.batch > kMaxHeadBatch || problem.height < 32 || problem.width < 32 ||
        problem.height % 32 != 0 || problem.width % 32 != 0)
        return static_cast<int>(cudaErrorInvalidValue);
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

    const auto stream = static_cast<cudaStream_t>(streamIn);
    const auto batch = static_cast<unsigned>(problem.batch);
    for (int step = firstStep; step < endStep; ++step) {
        cudaError_t code = cudaSuccess;
        if (step == 0) {
            const unsigned blocks =
                layOut(a, [&a](int level) { return poolChunks(level, a.level[level].pixels); });
            poolKernel<<<dim3(blocks, batch), kPoolThreads, 0, stream>>>(a);
        } else if (step == 1) {
            gateKernel<<<dim3(kHeadLevels, batch), kGateThreads, 0, stream>>>(a);
        } else if (step == 2) {
            const unsigned blocks = layOut(
                a, [&a](int level) { return divideUp(a.level[level].pixels, kSqueezeWarps * 16 >> level); });
            squeezeKernel<<<dim3(blocks, batch), kSqueezeWarps * 32, 0, stream>>>(a);
        } else if (step == 3) {
            pyramidKernel<<<dim3(static_cast<unsigned>(a.level[3].pixels), batch), kPyramidThreads, 0,
                            stream>>>(a);
        } else if (step == 4) {
            code = launchInfuse(a, problem.batch, stream);
        } else if (step == 5) {
            const int blocks =
                divideUp(a.level[1].height, kRefineRows) * divideUp(a.level[1].width, kRefineColumns);
            refineKernel<<<dim3(static_cast<unsigned>(blocks), batch), kRefineThreads, 0, stream>>>(a);
        } else if (step == 6) {
            const int blocks = problem.height / kAssembleSide * (problem.width / kAssembleSide);
            assembleKernel<<<dim3(static_cast<unsigned>(blocks), batch), kAssembleThreads, 0, stream>>>(
                a, problem.height, problem.width);
        }
        if (code == cudaSuccess)
            code = cudaGetLastError();
        if (code != cudaSuccess)
            return static_cast<int>(code);
    }
    return 0;
}

} // namespace limn::gpu
