// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan's backward run over four paths. Formula and layouts: scan/selective_scan.h; who owns
// which channels and states: scan_kernels.cu.
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <cuda_runtime.h>

namespace limn::gpu {

namespace {

constexpr unsigned kFullWarp = 0xffffffffu;

struct BackwardArguments {
    ScanProblem problem;
    const float* dy;
    const float* saved;
    float* gradDt;
    float* gradU;
    float* partialBc;
    float* partialSums;
};

template<int kRank>
struct BackwardShared {
    float projected[kTileSteps][kRank + 2 * kStates];
    float weight[kRank][kBackwardChannels];
    float2 steps[kTileSteps][kBackwardChannels];
    float u[kTileSteps][kBackwardChannels + 8];
    float dy[kTileSteps][kBackwardChannels + 8];
    float bc[kBackwardChannels / 8][kReverseSteps][2 * kStates];
    int row[kTileSteps];
};

// A block owns 64 channels of one path of one image and walks its tiles from the last to the first. In a tile
// it first runs forward from the saved state, noting the state at every 8th step, then takes the groups of 8
// from the last: their states and decays are recomputed into registers, then run in reverse.
template<int kRank>
__global__ void __launch_bounds__(kBackwardChannels* kQuads, 2)
    scanBackwardKernel(const __grid_constant__ BackwardArguments arguments) {
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    BackwardShared<kRank>& s = *reinterpret_cast<BackwardShared<kRank>*>(sharedBytes);
    constexpr int kSlice = kRank + 2 * kStates;
    constexpr int kWarps = kBackwardChannels * kQuads / 32;
    constexpr int kGroups = kTileSteps / kReverseSteps;

    const ScanProblem& p = arguments.problem;
    const int length = p.height * p.width;
    const int path = blockIdx.y;
    const int image = blockIdx.z;
    const int thread = threadIdx.x;
    const int warp = thread / 32;
    const int lane = thread % 32;
    const int firstChannel = blockIdx.x * kBackwardChannels;
    const int sliceIn = p.rankStride + 2 * kStates;
    const std::int64_t projectedWidth = static_cast<std::int64_t>(p.directions) * sliceIn;

    // As loader: warp w takes channels (w % 2) * 32 + lane of steps w / 2, w / 2 + 4, ...
    const int loadLocal = (warp & 1) * 32 + lane;
    const int loadChannel = firstChannel + loadLocal;
    const bool loadValid = loadChannel < p.channels;
    const std::int64_t loadIndex =
        static_cast<std::int64_t>(path) * p.channels + (loadValid ? loadChannel : 0);
    if (warp < 2) {
        for (int r = 0; r < kRank; ++r)
            s.weight[r][loadLocal] = loadValid && r < p.rank ? p.dtWeight[loadIndex * p.rank + r] : 0.0f;
    }
    const float bias = loadValid ? p.dtBias[loadIndex] : 0.0f;

    const int quad = thread % kQuads;
    const int localChannel = thread / kQuads;
    const int channel = firstChannel + localChannel;
    const bool valid = channel < p.channels;
    const std::int64_t channelIndex = static_cast<std::int64_t>(path) * p.channels + (valid ? channel : 0);
    float a[kQuadStates];
    float gradA[kQuadStates] = {};
    float carried[kQuadStates] = {};
#pragma unroll
    for (int n = 0; n < kQuadStates; ++n)
        a[n] = valid ? p.a[channelIndex * kStates + quad * kQuadStates + n] : 0.0f;
    const float skip = valid ? p.d[channelIndex] : 0.0f;
    float gradSkip = 0.0f;
    float gradBias = 0.0f;

    const std::int64_t imageRows = static_cast<std::int64_t>(image) * length;
    const float* u = static_cast<const float*>(p.u) + imageRows * p.channels;
    const float* dy = arguments.dy + imageRows * p.channels;
    const float* projected = static_cast<const float*>(p.projected) + imageRows * projectedWidth +
                             static_cast<std::int64_t>(path) * sliceIn;
    const std::int64_t pathRows = (static_cast<std::int64_t>(path) * p.batch + image) * length;
    float* gradDt = arguments.gradDt + pathRows * p.channels;
    float* gradU = arguments.gradU + pathRows * p.channels;
    float* partialBc =
        arguments.partialBc +
        ((static_cast<std::int64_t>(blockIdx.x) * p.batch + image) * length * p.directions + path) *
            (2 * kStates);
    const int tiles = (length + kTileSteps - 1) / kTileSteps;
    const std::int64_t imagePath = static_cast<std::int64_t>(image) * p.directions + path;

    for (int tile = tiles - 1; tile >= 0; --tile) {
        const int begin = tile * kTileSteps;
        __syncthreads();
        // Rows first (each by the even warp of its pair), then what needs them.
        for (int step = warp; step < kTileSteps; step += kWarps) {
            const int t = begin + step;
            const bool inside = t < length;
            const int row = rasterRow(path, inside ? t : length - 1, p.height, p.width);
            if (lane == 0)
                s.row[step] = row;
            const float* source = projected + row * projectedWidth;
            for (int column = lane; column < kSlice; column += 32) {
                const bool isStep = column < kRank;
                const bool exists = inside && (!isStep || column < p.rank);
                const int from = isStep ? column : column - kRank + p.rankStride;
                const float value = exists ? source[from] : 0.0f;
                s.projected[step][column] = isStep ? value : clampInput(value);
            }
        }
        __syncthreads();
        {
            constexpr int kOwnSteps = kTileSteps / (kWarps / 2);
            float raw[kOwnSteps];
#pragma unroll
            for (int i = 0; i < kOwnSteps; ++i)
                raw[i] = bias;
#pragma unroll 4
            for (int r = 0; r < kRank; ++r) {
                const float weight = s.weight[r][loadLocal];
#pragma unroll
                for (int i = 0; i < kOwnSteps; ++i)
                    raw[i] += weight * s.projected[warp / 2 + i * (kWarps / 2)][r];
            }
#pragma unroll
            for (int i = 0; i < kOwnSteps; ++i) {
                const int step = warp / 2 + i * (kWarps / 2);
                const bool inside = begin + step < length && loadValid;
                const std::int64_t index = static_cast<std::int64_t>(s.row[step]) * p.channels + loadChannel;
                const float uValue = inside ? u[index] : 0.0f;
                const float delta = inside ? softplus(raw[i]) : 0.0f;
                s.steps[step][loadLocal] = make_float2(delta, clampInput(delta * uValue));
                s.u[step][loadLocal] = uValue;
                s.dy[step][loadLocal] = inside ? dy[index] : 0.0f;
            }
        }
        __syncthreads();

        float noted[kGroups][kQuadStates];
        {
            float h[kQuadStates] = {};
            if (valid) {
                const std::int64_t index = (imagePath * tiles + tile) * p.channels + channel;
                const float4 state =
                    *reinterpret_cast<const float4*>(arguments.saved + index * kStates + quad * kQuadStates);
                h[0] = state.x;
                h[1] = state.y;
                h[2] = state.z;
                h[3] = state.w;
            }
#pragma unroll
            for (int group = 0; group < kGroups; ++group) {
#pragma unroll
                for (int n = 0; n < kQuadStates; ++n)
                    noted[group][n] = h[n];
                if (group == kGroups - 1)
                    break;
#pragma unroll
                for (int j = 0; j < kReverseSteps; ++j) {
                    const int step = group * kReverseSteps + j;
                    const float2 size = s.steps[step][localChannel];
                    const float4 bRow =
                        *reinterpret_cast<const float4*>(&s.projected[step][kRank + quad * kQuadStates]);
                    const float b[kQuadStates] = {bRow.x, bRow.y, bRow.z, bRow.w};
#pragma unroll
                    for (int n = 0; n < kQuadStates; ++n)
                        h[n] = exp2Unit(size.x * (a[n] * kLog2E)) * h[n] + size.y * b[n];
                }
            }
        }

#pragma unroll
        for (int group = kGroups - 1; group >= 0; --group) {
            const int first = group * kReverseSteps;
            float states[kReverseSteps + 1][kQuadStates];
            float decays[kReverseSteps][kQuadStates];
#pragma unroll
            for (int n = 0; n < kQuadStates; ++n)
                states[0][n] = noted[group][n];
#pragma unroll
            for (int j = 0; j < kReverseSteps; ++j) {
                const float2 size = s.steps[first + j][localChannel];
                const float4 bRow =
                    *reinterpret_cast<const float4*>(&s.projected[first + j][kRank + quad * kQuadStates]);
                const float b[kQuadStates] = {bRow.x, bRow.y, bRow.z, bRow.w};
#pragma unroll
                for (int n = 0; n < kQuadStates; ++n) {
                    decays[j][n] = exp2Unit(size.x * (a[n] * kLog2E));
                    states[j + 1][n] = decays[j][n] * states[j][n] + size.y * b[n];
                }
            }
#pragma unroll
            for (int half = 1; half >= 0; --half) {
                ReverseSums sums[4];
#pragma unroll
                for (int i = 3; i >= 0; --i) {
                    const int j = half * 4 + i;
                    const int step = first + j;
                    const float2 size = s.steps[step][localChannel];
                    const float4 bRow =
                        *reinterpret_cast<const float4*>(&s.projected[step][kRank + quad * kQuadStates]);
                    const float4 cRow = *reinterpret_cast<const float4*>(
                        &s.projected[step][kRank + kStates + quad * kQuadStates]);
                    const float b[kQuadStates] = {bRow.x, bRow.y, bRow.z, bRow.w};
                    const float c[kQuadStates] = {cRow.x, cRow.y, cRow.z, cRow.w};
                    float gradB[kQuadStates];
                    float gradC[kQuadStates];
                    sums[i] = reverseStates(carried, gradA, gradB, gradC, states[j + 1], states[j], decays[j],
                                            a, b, c, size.x, size.y, s.dy[step][localChannel]);
                    // Sum over the warp's 8 channels (lane bits 2..4), halving the eight values at each
                    // exchange: the lane with bits (x4 x3 x2) = v ends with value v of B0..B3, C0..C3.
                    const bool bit4 = (lane & 16) != 0;
                    const bool bit3 = (lane & 8) != 0;
                    const bool bit2 = (lane & 4) != 0;
                    float four[4];
#pragma unroll
                    for (int n = 0; n < 4; ++n)
                        four[n] = (bit4 ? gradC[n] : gradB[n]) +
                                  __shfl_xor_sync(kFullWarp, bit4 ? gradB[n] : gradC[n], 16);
                    float two[2];
#pragma unroll
                    for (int n = 0; n < 2; ++n)
                        two[n] = (bit3 ? four[n + 2] : four[n]) +
                                 __shfl_xor_sync(kFullWarp, bit3 ? four[n] : four[n + 2], 8);
                    const float one =
                        (bit2 ? two[1] : two[0]) + __shfl_xor_sync(kFullWarp, bit2 ? two[0] : two[1], 4);
                    const int state = quad * kQuadStates + ((lane >> 2) & 3);
                    s.bc[warp][j][(bit4 ? kStates : 0) + state] = one;
                }
                // Over the quad: thread q keeps step first + half * 4 + q.
                const bool odd = (lane & 1) != 0;
                const bool upper = (lane & 2) != 0;
                float own[2];
#pragma unroll
                for (int which = 0; which < 2; ++which) {
                    const float v0 = which == 0 ? sums[0].deltaU : sums[0].delta;
                    const float v1 = which == 0 ? sums[1].deltaU : sums[1].delta;
                    const float v2 = which == 0 ? sums[2].deltaU : sums[2].delta;
                    const float v3 = which == 0 ? sums[3].deltaU : sums[3].delta;
                    float low = (odd ? v1 : v0) + __shfl_xor_sync(kFullWarp, odd ? v0 : v1, 1);
                    float high = (odd ? v3 : v2) + __shfl_xor_sync(kFullWarp, odd ? v2 : v3, 1);
                    own[which] = (upper ? high : low) + __shfl_xor_sync(kFullWarp, upper ? low : high, 2);
                }
                const int step = first + half * 4 + quad;
                if (valid && begin + step < length) {
                    const float delta = s.steps[step][localChannel].x;
                    const float uValue = s.u[step][localChannel];
                    const float dyValue = s.dy[step][localChannel];
                    const float gradRaw = (own[1] + uValue * own[0]) * softplusSlope(delta);
                    const std::int64_t index = static_cast<std::int64_t>(s.row[step]) * p.channels + channel;
                    gradDt[index] = gradRaw;
                    gradU[index] = delta * own[0] + skip * dyValue;
                    gradBias += gradRaw;
                    gradSkip += dyValue * uValue;
                }
            }
            __syncthreads();
            {
                const int step = thread / (2 * kStates);
                const int column = thread % (2 * kStates);
                float sum = 0.0f;
#pragma unroll
                for (int w = 0; w < kWarps; ++w)
                    sum += s.bc[w][step][column];
                if (begin + first + step < length)
                    partialBc[static_cast<std::int64_t>(s.row[first + step]) * p.directions * (2 * kStates) +
                              column] = sum;
            }
            __syncthreads();
        }
    }

    // Over the quad for the two sums per channel.
    for (int offset = 1; offset < kQuads; offset *= 2) {
        gradSkip += __shfl_xor_sync(kFullWarp, gradSkip, offset);
        gradBias += __shfl_xor_sync(kFullWarp, gradBias, offset);
    }
    if (valid) {
        float* target = arguments.partialSums + (imagePath * p.channels + channel) * kPartialSums;
#pragma unroll
        for (int n = 0; n < kQuadStates; ++n)
            target[quad * kQuadStates + n] = gradA[n];
        if (quad == 0) {
            target[16] = gradSkip;
            target[17] = gradBias;
        }
    }
}

__global__ void sumPartialBcKernel(const float* __restrict__ partial, float* __restrict__ out, int blocks,
                                   std::int64_t rowsTimesPaths, int slice, int rankStride) {
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    const std::int64_t rowPath = index / (2 * kStates);
    const int column = static_cast<int>(index % (2 * kStates));
    if (rowPath >= rowsTimesPaths)
        return;
    float sum = 0.0f;
    for (int block = 0; block < blocks; ++block)
        sum += partial[(block * rowsTimesPaths + rowPath) * (2 * kStates) + column];
    out[rowPath * slice + rankStride + column] = sum;
}

__global__ void sumFourKernel(const float* __restrict__ parts, std::int64_t count, float* __restrict__ out) {
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index < count)
        out[index] =
            (parts[index] + parts[count + index]) + (parts[2 * count + index] + parts[3 * count + index]);
}

template<int kRank>
int launchBackward(const BackwardArguments& arguments, cudaStream_t stream) {
    const ScanProblem& p = arguments.problem;
    const dim3 grid((p.channels + kBackwardChannels - 1) / kBackwardChannels, p.directions, p.batch);
    constexpr int bytes = static_cast<int>(sizeof(BackwardShared<kRank>));
    const cudaError_t allowed =
        cudaFuncSetAttribute(scanBackwardKernel<kRank>, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (allowed != cudaSuccess)
        return static_cast<int>(allowed);
    scanBackwardKernel<kRank><<<grid, kBackwardChannels * kQuads, bytes, stream>>>(arguments);
    return static_cast<int>(cudaGetLastError());
}

bool empty(const ScanProblem& p) {
    return p.batch <= 0 || p.height <= 0 || p.width <= 0 || p.channels <= 0;
}

int blocksFor(std::int64_t count, int threads) {
    return static_cast<int>((count + threads - 1) / threads);
}

} // namespace

int scanBackward(const ScanProblem& problem, const float* dy, const float* saved, float* gradDt, float* gradU,
                 float* partialBc, float* partialSums, Stream stream) {
    if (empty(problem))
        return 0;
    if (problem.element != Element::Float32)
        return static_cast<int>(cudaErrorInvalidValue);
    const BackwardArguments arguments{problem, dy, saved, gradDt, gradU, partialBc, partialSums};
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    if (problem.rank <= 8)
        return launchBackward<8>(arguments, cudaStream);
    if (problem.rank <= 12)
        return launchBackward<12>(arguments, cudaStream);
    if (problem.rank <= 24)
        return launchBackward<24>(arguments, cudaStream);
    if (problem.rank <= 48)
        return launchBackward<48>(arguments, cudaStream);
    return static_cast<int>(cudaErrorInvalidValue);
}

int sumPartialBc(const ScanProblem& problem, const float* partialBc, float* gradProjected, Stream stream) {
    if (empty(problem))
        return 0;
    const std::int64_t rowsTimesPaths =
        static_cast<std::int64_t>(problem.batch) * problem.height * problem.width * problem.directions;
    const int blocks = (problem.channels + kBackwardChannels - 1) / kBackwardChannels;
    sumPartialBcKernel<<<blocksFor(rowsTimesPaths * 2 * kStates, 256), 256, 0,
                         static_cast<cudaStream_t>(stream)>>>(
        partialBc, gradProjected, blocks, rowsTimesPaths, problem.rankStride + 2 * kStates,
        problem.rankStride);
    return static_cast<int>(cudaGetLastError());
}

int sumFour(const float* parts, std::int64_t count, float* out, Stream stream) {
    if (count <= 0)
        return 0;
    sumFourKernel<<<blocksFor(count, 256), 256, 0, static_cast<cudaStream_t>(stream)>>>(parts, count, out);
    return static_cast<int>(cudaGetLastError());
}

} // namespace limn::gpu
