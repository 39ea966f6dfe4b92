// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan's backward run over four paths. Formula, layouts and the order of work: README.md.
#include "inference/cuda/kernel_tools.cuh"
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

namespace limn::gpu {

namespace {

struct BackwardArguments {
    ScanProblem problem;
    const float* dy;
    const float* saved;
    float* gradU;
    float* partialProjected;
    float* partialSums;
};

// Steps whose states a thread holds in registers at a time, and steps whose gradients of B and C a block sums
// before it writes them.
constexpr int kGroupSteps = kReverseSteps;
constexpr int kSumSteps = 8;
constexpr int kGroups = kTileSteps / kGroupSteps;
constexpr int kWarpPairs = 32 / kQuads; // pairs of channels of a warp
constexpr int kColumns = 2 * kStates;   // of B and C

template<int kRank>
struct BackwardShared {
    static constexpr int kThreads = kBackwardChannels / kPair * kQuads;
    static constexpr int kWarps = kThreads / 32;
    float projected[kTileSteps][kRank + kColumns]; // dt padded to kRank, B, C
    // Rows end in one access more, so that threads with neighbouring rows do not meet in one bank.
    float weight[kRank][kBackwardChannels + 4];
    float2 steps[kTileSteps][kBackwardChannels]; // delta, delta u
    // dy; once a step is done, dL/d(step before softplus) in its place.
    float dy[kTileSteps][kBackwardChannels + 4];
    float4 notes[kGroups - 2][kPair][kThreads];        // states before groups 1 to kGroups - 2
    float4 stage[kWarps][2][kWarpPairs][kColumns / 4]; // a warp's gradients of B and C at two steps
    float2 bc[kWarps][kSumSteps][kColumns / 2];
};

// The same place `row` rows further on. One instruction, which the compiler would otherwise spread over five.
template<typename T>
__device__ __forceinline__ T* rowOf(T* first, int row, int rowBytes) {
    T* result;
    asm("mad.wide.s32 %0, %1, %2, %3;" : "=l"(result) : "r"(row), "r"(rowBytes), "l"(first));
    __builtin_assume(__isGlobal(result));
    return result;
}

__device__ __forceinline__ void unpack(const float4& from, float (&to)[kQuadStates]) {
    to[0] = from.x;
    to[1] = from.y;
    to[2] = from.z;
    to[3] = from.w;
}

// One step forward of a thread's states.
template<bool kKeep>
__device__ __forceinline__ void
advance(const float (&before)[kPair][kQuadStates], float (&after)[kPair][kQuadStates],
        float (&decay)[kPair][kQuadStates], const float (&a2)[kPair][kQuadStates], const float4& size,
        const float4& bRow) {
    float b[kQuadStates];
    unpack(bRow, b);
#pragma unroll
    for (int k = 0; k < kPair; ++k) {
        const float delta = k == 0 ? size.x : size.z;
        const float deltaU = k == 0 ? size.y : size.w;
#pragma unroll
        for (int n = 0; n < kQuadStates; ++n) {
            const float factor = exp2Unit(delta * a2[k][n]);
            if (kKeep)
                decay[k][n] = factor;
            after[k][n] = factor * before[k][n] + deltaU * b[n];
        }
    }
}

// A block owns kBackwardChannels channels of one path of one image and walks its tiles from the last to the
// first. A thread has four states of two neighbouring channels, so that B and C are read once for both and
// their gradients are summed over both before they leave the thread; a warp has 16 channels. In a tile the
// block first runs forward from the saved state, noting the state at every fourth step, then takes the groups
// of four from the last: their states and decays are recomputed into registers, then run in reverse.
// kMinBlocks: blocks on a multiprocessor, which bounds the registers; as many as the shared memory lets in.
template<int kRank, int kMinBlocks>
__global__ void __launch_bounds__(kBackwardChannels / kPair * kQuads, kMinBlocks)
    scanBackwardKernel(const __grid_constant__ BackwardArguments arguments) {
    using Shared = BackwardShared<kRank>;
    constexpr int kThreads = Shared::kThreads;
    constexpr int kWarps = Shared::kWarps;
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    Shared& s = *reinterpret_cast<Shared*>(sharedBytes);

    const ScanProblem& p = arguments.problem;
    const int length = p.height * p.width;
    const int path = blockIdx.y;
    const int image = blockIdx.z;
    const int thread = threadIdx.x;
    const int warp = thread / 32;
    const int lane = thread % 32;
    const int firstChannel = blockIdx.x * kBackwardChannels;
    const int sliceIn = p.rankStride + kColumns;
    const int projectedWidth = p.directions * sliceIn;
    const int projectedBytes = projectedWidth * static_cast<int>(sizeof(float));
    const int rowBytes = p.channels * static_cast<int>(sizeof(float));
    const std::int64_t pathChannels = static_cast<std::int64_t>(path) * p.channels;

    for (int index = thread; index < kRank * kBackwardChannels; index += kThreads) {
        const int r = index % kRank;
        const int local = index / kRank;
        const bool exists = r < p.rank && firstChannel + local < p.channels;
        s.weight[r][local] = exists ? p.dtWeight[(pathChannels + firstChannel + local) * p.rank + r] : 0.0f;
    }

    const int quad = lane % kQuads;
    const int pair = lane / kQuads;
    const int local = (warp * kWarpPairs + pair) * kPair;
    const int channel = firstChannel + local;
    const bool valid[kPair] = {channel < p.channels, channel + 1 < p.channels};
    // Two channels are read and written at once where that is aligned.
    const bool together = p.channels % kPair == 0;
    float a2[kPair][kQuadStates];
    float gradA[kPair][kQuadStates] = {};
    float carried[kPair][kQuadStates] = {};
    float skip[kPair];
    float gradSkip[kPair] = {};
    float gradBias[kPair] = {};
#pragma unroll
    for (int k = 0; k < kPair; ++k) {
        skip[k] = valid[k] ? p.d[pathChannels + channel + k] : 0.0f;
#pragma unroll
        for (int n = 0; n < kQuadStates; ++n)
            a2[k][n] = valid[k]
                           ? p.a[(pathChannels + channel + k) * kStates + quad * kQuadStates + n] * kLog2E
                           : 0.0f;
    }

    // Of the gradient of the step weights, a thread sums this part.
    constexpr int kWeights = kRank * kBackwardChannels / kThreads;
    const int weightLocal = thread % kBackwardChannels;
    const int weightFirst = thread / kBackwardChannels * kWeights;
    float gradWeight[kWeights] = {};

    const std::int64_t imageRows = static_cast<std::int64_t>(image) * length;
    const float* u = static_cast<const float*>(p.u) + imageRows * p.channels;
    const float* dy = arguments.dy + imageRows * p.channels;
    const float* projected =
        p.projected + imageRows * projectedWidth + static_cast<std::int64_t>(path) * sliceIn;
    const float* bcLane = projected + p.rankStride + lane;
    const std::int64_t pathRows = (static_cast<std::int64_t>(path) * p.batch + image) * length;
    const float* ownUs = u + channel;
    float* ownGradU = arguments.gradU + pathRows * p.channels + channel;
    float* partial = arguments.partialProjected +
                     (static_cast<std::int64_t>(blockIdx.x) * p.batch + image) * length * projectedWidth +
                     static_cast<std::int64_t>(path) * sliceIn;
    const int tiles = (length + kTileSteps - 1) / kTileSteps;
    const std::int64_t imagePath = static_cast<std::int64_t>(image) * p.directions + path;
    const float* saved =
        arguments.saved + (imagePath * tiles * p.channels + channel) * kStates + quad * kQuadStates;

    for (int tile = tiles - 1; tile >= 0; --tile) {
        const int begin = tile * kTileSteps;
        const float* tileSaved = saved + static_cast<std::int64_t>(tile) * p.channels * kStates;
        // Lane i of every warp knows the row of step i.
        const int rowOfLane = rasterRow(path, min(begin + lane, length - 1), p.height, p.width);
        __syncthreads(); // the previous tile has been read
#pragma unroll
        for (int i = 0; i < kTileSteps / kWarps; ++i) {
            const int step = warp + i * kWarps;
            const float value =
                clampInput(*rowOf(bcLane, __shfl_sync(kFullWarp, rowOfLane, step), projectedBytes));
            s.projected[step][kRank + lane] = begin + step < length ? value : 0.0f;
        }
        static_assert(kTileSteps * kRank % kThreads == 0);
#pragma unroll
        for (int i = 0; i < kTileSteps * kRank / kThreads; ++i) {
            const unsigned index = thread + i * kThreads;
            const int step = index / kRank;
            const int r = index % kRank;
            const float value = *rowOf(projected + min(r, p.rank - 1),
                                       __shfl_sync(kFullWarp, rowOfLane, step), projectedBytes);
            s.projected[step][r] = r < p.rank ? value : 0.0f;
        }
        __syncthreads();
        {
            // As loader: a channel per lane, with every kStepStride-th step.
            constexpr int kParts = kBackwardChannels / 32;
            constexpr int kStepStride = kWarps / kParts;
            constexpr int kOwnSteps = kTileSteps / kStepStride;
            const int loadLocal = warp / kStepStride * 32 + lane;
            const int loadChannel = firstChannel + loadLocal;
            const bool loadValid = loadChannel < p.channels;
            const int nearest = min(loadChannel, p.channels - 1);
            const float bias = p.dtBias[pathChannels + nearest];
            const float* uLane = u + nearest;
            const float* dyLane = dy + nearest;
            float uValue[kOwnSteps];
            float raw[kOwnSteps];
#pragma unroll
            for (int i = 0; i < kOwnSteps; ++i) {
                const int step = warp % kStepStride + i * kStepStride;
                const int row = __shfl_sync(kFullWarp, rowOfLane, step);
                const bool inside = begin + step < length && loadValid;
                uValue[i] = *rowOf(uLane, row, rowBytes);
                const float dyValue = *rowOf(dyLane, row, rowBytes);
                s.dy[step][loadLocal] = inside ? dyValue : 0.0f;
                raw[i] = bias;
            }
#pragma unroll 1
            for (int r = 0; r < kRank; r += 4) {
                float weight[4];
#pragma unroll
                for (int e = 0; e < 4; ++e)
                    weight[e] = s.weight[r + e][loadLocal];
#pragma unroll
                for (int i = 0; i < kOwnSteps; ++i) {
                    const int step = warp % kStepStride + i * kStepStride;
                    const float4 part = *reinterpret_cast<const float4*>(&s.projected[step][r]);
                    raw[i] += weight[0] * part.x;
                    raw[i] += weight[1] * part.y;
                    raw[i] += weight[2] * part.z;
                    raw[i] += weight[3] * part.w;
                }
            }
#pragma unroll
            for (int i = 0; i < kOwnSteps; ++i) {
                const int step = warp % kStepStride + i * kStepStride;
                const bool inside = begin + step < length && loadValid;
                const float delta = softplus(raw[i]);
                const float2 size = make_float2(delta, clampInput(delta * uValue[i]));
                s.steps[step][loadLocal] = inside ? size : make_float2(0.0f, 0.0f);
            }
        }
        __syncthreads();

        const auto sizeAt = [&](int step) { return *reinterpret_cast<const float4*>(&s.steps[step][local]); };
        const auto bAt = [&](int step) {
            return *reinterpret_cast<const float4*>(&s.projected[step][kRank + quad * kQuadStates]);
        };
        const auto cAt = [&](int step) {
            return *reinterpret_cast<const float4*>(&s.projected[step][kRank + kStates + quad * kQuadStates]);
        };
        const auto loadSaved = [&](float(&h)[kPair][kQuadStates]) {
#pragma unroll
            for (int k = 0; k < kPair; ++k)
                unpack(valid[k] ? *reinterpret_cast<const float4*>(tileSaved + k * kStates)
                                : make_float4(0.0f, 0.0f, 0.0f, 0.0f),
                       h[k]);
        };

        float start[kPair][kQuadStates]; // the state before the group that is taken next
        loadSaved(start);
#pragma unroll 1
        for (int group = 0; group < kGroups - 1; ++group) {
            if (group > 0) {
#pragma unroll
                for (int k = 0; k < kPair; ++k)
                    s.notes[group - 1][k][thread] =
                        make_float4(start[k][0], start[k][1], start[k][2], start[k][3]);
            }
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j) {
                const int step = group * kGroupSteps + j;
                advance<false>(start, start, start, a2, sizeAt(step), bAt(step));
            }
        }

#pragma unroll 1
        for (int group = kGroups - 1; group >= 0; --group) {
            const int first = group * kGroupSteps;
            // The step that this thread of the quad finishes, and what it needs from device memory for that.
            const int ownStep = first + quad;
            const bool ownInside = begin + ownStep < length;
            const int ownRow = __shfl_sync(kFullWarp, rowOfLane, ownStep);
            float ownU[kPair] = {};
            if (ownInside) {
                const float* from = rowOf(ownUs, ownRow, rowBytes);
                if (together) {
                    if (valid[0]) {
                        const float2 both = *reinterpret_cast<const float2*>(from);
                        ownU[0] = both.x;
                        ownU[1] = both.y;
                    }
                } else {
#pragma unroll
                    for (int k = 0; k < kPair; ++k)
                        if (valid[k])
                            ownU[k] = from[k];
                }
            }
            float states[kGroupSteps + 1][kPair][kQuadStates];
            float decays[kGroupSteps][kPair][kQuadStates];
            if (group == 0) {
                loadSaved(start);
            } else if (group < kGroups - 1) {
#pragma unroll
                for (int k = 0; k < kPair; ++k)
                    unpack(s.notes[group - 1][k][thread], start[k]);
            }
#pragma unroll
            for (int k = 0; k < kPair; ++k)
#pragma unroll
                for (int n = 0; n < kQuadStates; ++n)
                    states[0][k][n] = start[k][n];
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j)
                advance<true>(states[j], states[j + 1], decays[j], a2, sizeAt(first + j), bAt(first + j));

            // Per step: dL/d(delta u) of both channels, then dL/d delta through the decays (over ln 2).
            float sums[kGroupSteps][2 * kPair];
#pragma unroll
            for (int j = kGroupSteps - 1; j >= 0; --j) {
                const int step = first + j;
                const float4 size = sizeAt(step);
                const float2 dyPair = *reinterpret_cast<const float2*>(&s.dy[step][local]);
                float b[kQuadStates];
                float c[kQuadStates];
                unpack(bAt(step), b);
                unpack(cAt(step), c);
                float gradB[kQuadStates];
                float gradC[kQuadStates];
#pragma unroll
                for (int k = 0; k < kPair; ++k) {
                    const float delta = k == 0 ? size.x : size.z;
                    const float deltaU = k == 0 ? size.y : size.w;
                    const float dyValue = k == 0 ? dyPair.x : dyPair.y;
                    const ReverseSums added =
                        k == 0 ? reverseStates<false>(carried[k], gradA[k], gradB, gradC, states[j + 1][k],
                                                      states[j][k], decays[j][k], a2[k], b, c, delta, deltaU,
                                                      dyValue)
                               : reverseStates<true>(carried[k], gradA[k], gradB, gradC, states[j + 1][k],
                                                     states[j][k], decays[j][k], a2[k], b, c, delta, deltaU,
                                                     dyValue);
                    sums[j][k] = added.deltaU;
                    sums[j][kPair + k] = added.delta;
                }
                // Odd pairs are turned by half a row, so that eight threads write to all 32 banks.
                const int turn = (pair & 1) * kQuads;
                float4* target = s.stage[warp][j & 1][pair];
                target[quad ^ turn] = make_float4(gradB[0], gradB[1], gradB[2], gradB[3]);
                target[(kQuads + quad) ^ turn] = make_float4(gradC[0], gradC[1], gradC[2], gradC[3]);
                if ((j & 1) == 0) {
                    // Two steps are there: half a warp sums each, two columns a thread.
                    __syncwarp();
                    const int which = lane / 16;
                    const int column = lane % 16;
                    const float2* source = reinterpret_cast<const float2*>(s.stage[warp][which]);
                    float2 sum = source[column];
#pragma unroll
                    for (int other = 1; other < kWarpPairs; ++other) {
                        const float2 value =
                            source[other * (kColumns / 2) + (column ^ (other & 1) * (2 * kQuads))];
                        sum.x += value.x;
                        sum.y += value.y;
                    }
                    s.bc[warp][(step & (kSumSteps - 1)) + which][column] = sum;
                    __syncwarp();
                }
            }

            // Over the quad: two exchanges leave thread q with the sums of step first + q.
            float own[2 * kPair];
            const bool odd = (lane & 1) != 0;
            const bool upper = (lane & 2) != 0;
#pragma unroll
            for (int which = 0; which < 2 * kPair; ++which) {
                const float low = (odd ? sums[1][which] : sums[0][which]) +
                                  __shfl_xor_sync(kFullWarp, odd ? sums[0][which] : sums[1][which], 1);
                const float high = (odd ? sums[3][which] : sums[2][which]) +
                                   __shfl_xor_sync(kFullWarp, odd ? sums[2][which] : sums[3][which], 1);
                own[which] = (upper ? high : low) + __shfl_xor_sync(kFullWarp, upper ? low : high, 2);
            }
            if (ownInside) {
                const float4 size = sizeAt(ownStep);
                const float2 dyPair = *reinterpret_cast<const float2*>(&s.dy[ownStep][local]);
                float raw[kPair];
                float input[kPair];
#pragma unroll
                for (int k = 0; k < kPair; ++k) {
                    const float delta = k == 0 ? size.x : size.z;
                    const float dyValue = k == 0 ? dyPair.x : dyPair.y;
                    raw[k] = (own[kPair + k] * kLn2 + ownU[k] * own[k]) * softplusSlope(delta);
                    input[k] = delta * own[k] + skip[k] * dyValue;
                    gradBias[k] += raw[k];
                    gradSkip[k] += dyValue * ownU[k];
                }
                // The four threads of the quad have read dy above.
                *reinterpret_cast<float2*>(&s.dy[ownStep][local]) = make_float2(raw[0], raw[1]);
                float* target = rowOf(ownGradU, ownRow, rowBytes);
                if (together) {
                    if (valid[0])
                        *reinterpret_cast<float2*>(target) = make_float2(input[0], input[1]);
                } else {
#pragma unroll
                    for (int k = 0; k < kPair; ++k)
                        if (valid[k])
                            target[k] = input[k];
                }
            }

            if (first % kSumSteps == 0) {
                __syncthreads();
                // A thread has two columns of one step.
                static_assert(kThreads >= kSumSteps * kColumns / 2);
                const int step = thread / (kColumns / 2);
                const int column = thread % (kColumns / 2);
                const int row = __shfl_sync(kFullWarp, rowOfLane, first + step % kSumSteps);
                if (step < kSumSteps && begin + first + step < length) {
                    float2 sum = s.bc[0][step][column];
#pragma unroll
                    for (int w = 1; w < kWarps; ++w) {
                        sum.x += s.bc[w][step][column].x;
                        sum.y += s.bc[w][step][column].y;
                    }
                    float* target = rowOf(partial + p.rankStride + 2 * column, row, projectedBytes);
                    target[0] = sum.x;
                    target[1] = sum.y;
                }
                __syncthreads();
            }
        }

        // The tile's dL/d(step before softplus) times the weights: this block's share of the gradient of dt.
        {
            constexpr int kStepsOfThread = kRank % 8 == 0 ? 2 : 1;
            constexpr int kStepThreads = kTileSteps / kStepsOfThread;
            constexpr int kRankThreads = kThreads / kStepThreads;
            constexpr int kRanks = kRank / kRankThreads;
            static_assert(kRanks * kRankThreads == kRank);
            const int step = thread / kRankThreads;
            const int r = thread % kRankThreads;
            float sum[kStepsOfThread][kRanks] = {};
#pragma unroll 2
            for (int c = 0; c < kBackwardChannels; c += 4) {
                float4 weight[kRanks];
#pragma unroll
                for (int i = 0; i < kRanks; ++i)
                    weight[i] = *reinterpret_cast<const float4*>(&s.weight[r + i * kRankThreads][c]);
#pragma unroll
                for (int m = 0; m < kStepsOfThread; ++m) {
                    const float4 grad = *reinterpret_cast<const float4*>(&s.dy[step + m * kStepThreads][c]);
#pragma unroll
                    for (int i = 0; i < kRanks; ++i) {
                        sum[m][i] += grad.x * weight[i].x;
                        sum[m][i] += grad.y * weight[i].y;
                        sum[m][i] += grad.z * weight[i].z;
                        sum[m][i] += grad.w * weight[i].w;
                    }
                }
            }
#pragma unroll
            for (int m = 0; m < kStepsOfThread; ++m) {
                const int ownStep = step + m * kStepThreads;
                float* target = rowOf(partial, __shfl_sync(kFullWarp, rowOfLane, ownStep), projectedBytes);
#pragma unroll
                for (int i = 0; i < kRanks; ++i)
                    if (begin + ownStep < length && r + i * kRankThreads < p.rank)
                        target[r + i * kRankThreads] = sum[m][i];
            }
        }
        // ... times dt: the gradient of the weights, a channel and part of its weights per thread.
#pragma unroll 4
        for (int step = 0; step < kTileSteps; ++step) {
            const float grad = s.dy[step][weightLocal];
#pragma unroll
            for (int i = 0; i < kWeights; ++i)
                gradWeight[i] += grad * s.projected[step][weightFirst + i];
        }
    }

    if (firstChannel + weightLocal < p.channels) {
        float* target = arguments.partialSums +
                        (imagePath * p.channels + firstChannel + weightLocal) * (kPartialSums + p.rank) +
                        kPartialSums;
#pragma unroll
        for (int i = 0; i < kWeights; ++i)
            if (weightFirst + i < p.rank)
                target[weightFirst + i] = gradWeight[i];
    }
    // Over the quad for the two sums per channel.
#pragma unroll
    for (int k = 0; k < kPair; ++k) {
#pragma unroll
        for (int offset = 1; offset < kQuads; offset *= 2) {
            gradSkip[k] += __shfl_xor_sync(kFullWarp, gradSkip[k], offset);
            gradBias[k] += __shfl_xor_sync(kFullWarp, gradBias[k], offset);
        }
        if (!valid[k])
            continue;
        float* target =
            arguments.partialSums + (imagePath * p.channels + channel + k) * (kPartialSums + p.rank);
#pragma unroll
        for (int n = 0; n < kQuadStates; ++n)
            target[quad * kQuadStates + n] = gradA[k][n];
        if (quad == 0) {
            target[kStates] = gradSkip[k];
            target[kStates + 1] = gradBias[k];
        }
    }
}

__global__ void sumPartialProjectedKernel(const float* __restrict__ partial, float* __restrict__ out,
                                          int blocks, std::int64_t count, int rank, int rankStride) {
    const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (index >= count)
        return;
    const int column = static_cast<int>(index % (rankStride + kColumns));
    float sum = 0.0f;
    if (column < rank || column >= rankStride)
        for (int block = 0; block < blocks; ++block)
            sum += partial[block * count + index];
    out[index] = sum;
}

template<int kRank, int kMinBlocks>
int launchBackward(const BackwardArguments& arguments, cudaStream_t stream) {
    const ScanProblem& p = arguments.problem;
    const dim3 grid((p.channels + kBackwardChannels - 1) / kBackwardChannels, p.directions, p.batch);
    using Shared = BackwardShared<kRank>;
    constexpr int bytes = static_cast<int>(sizeof(Shared));
    const auto kernel = scanBackwardKernel<kRank, kMinBlocks>;
    const cudaError_t allowed =
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    if (allowed != cudaSuccess)
        return static_cast<int>(allowed);
    kernel<<<grid, Shared::kThreads, bytes, stream>>>(arguments);
    return static_cast<int>(cudaGetLastError());
}

bool empty(const ScanProblem& p) {
    return p.batch <= 0 || p.height <= 0 || p.width <= 0 || p.channels <= 0;
}

} // namespace

int scanBackward(const ScanProblem& problem, const float* dy, const float* saved, float* gradU,
                 float* partialProjected, float* partialSums, Stream stream) {
    if (empty(problem))
        return 0;
    if (problem.element != Element::Float32)
        return static_cast<int>(cudaErrorInvalidValue);
    const BackwardArguments arguments{problem, dy, saved, gradU, partialProjected, partialSums};
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    if (problem.rank <= 8)
        return launchBackward<8, 3>(arguments, cudaStream);
    if (problem.rank <= 12)
        return launchBackward<12, 3>(arguments, cudaStream);
    if (problem.rank <= 24)
        return launchBackward<24, 3>(arguments, cudaStream);
    if (problem.rank <= 48)
        return launchBackward<48, 2>(arguments, cudaStream);
    return static_cast<int>(cudaErrorInvalidValue);
}

int sumPartialProjected(const ScanProblem& problem, const float* partialProjected, float* gradProjected,
                        Stream stream) {
    if (empty(problem))
        return 0;
    const std::int64_t count = static_cast<std::int64_t>(problem.batch) * problem.height * problem.width *
                               problem.directions * (problem.rankStride + kColumns);
    const int blocks = (problem.channels + kBackwardChannels - 1) / kBackwardChannels;
    sumPartialProjectedKernel<<<blocksFor(count, 256), 256, 0, static_cast<cudaStream_t>(stream)>>>(
        partialProjected, gradProjected, blocks, count, problem.rank, problem.rankStride);
    return static_cast<int>(cudaGetLastError());
}

} // namespace limn::gpu
