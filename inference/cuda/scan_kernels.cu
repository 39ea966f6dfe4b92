// SPDX-License-Identifier: GPL-3.0-or-later
// Selective scan over four paths, the forward run. Formula and layouts: scan/selective_scan.h.
//
// A channel of one path belongs to four neighbouring threads, each with four of its sixteen states in
// registers; a warp holds 8 channels, a block 32. The projected rows (dt, B, C) of 32 steps are staged in
// shared memory, fetched into registers while the 32 before them are computed: one barrier a tile. Steps go
// in groups of four: each thread of a quad reads u and finds the size of one of them (once per channel, not
// once per state), one and two groups ahead of its use, and hands it to the other three by shuffles. Rows are
// read in raster order through an index, so that no path needs a flipped or transposed copy. The four partial
// sums of y are combined by three shuffles for every group; thread q ends up with the group's step q and
// writes it.
//
// What limits it: instructions, some 13 a state: one exponential, four of multiply-add class, the rest shared
// by the states of a step (projection to the step's size, softplus, addresses, shuffles). The exponential
// unit alone would allow 8.
//
// Order of summing: over states first (4 in a thread, then over the quad), always the same: equal bits every
// run.
#include "inference/cuda/kernel_tools.cuh"
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

namespace limn::gpu {

namespace {

struct ForwardArguments {
    ScanProblem problem;
    int chunks;
    int chunkSteps;
    void* y;
    float* saved;
    float* chunkState; // [batch][directions][chunks][channels][16]
    float* chunkDelta; // [batch][directions][chunks][channels]
};

constexpr int kForwardThreads = kForwardChannels * kQuads;
constexpr int kForwardWarps = kForwardThreads / 32;
constexpr int kStagedSteps = kTileSteps / kForwardWarps; // steps of a tile that one warp stages
constexpr int kGroups = kTileSteps / kQuads;             // a group: as many steps as threads share a channel
constexpr int kGroupsBeforeStore = kGroups - 2; // a tile's last two groups read ahead into the next tile

// Base pointers are the same for a whole block, and offsets are unsigned 32-bit numbers of bytes: one
// instruction reads or writes.
template<typename T>
__device__ __forceinline__ T* at(T* base, std::uint32_t bytes) {
    using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
    return reinterpret_cast<T*>(reinterpret_cast<Byte*>(base) + bytes);
}

// A tile's projected rows on their way from global memory: fetched while the tile before it is computed. In
// shared memory columns up to kRank are dt (padded with zeros), then come 16 of B, then 16 of C.
template<int kRank>
struct StagedTile {
    static constexpr int kSlice = kRank + 2 * kStates;
    static constexpr int kColumns = (kSlice + 31) / 32; // of a row, per lane

    std::uint32_t column[kColumns]; // in bytes from a row's beginning
    bool exists[kColumns];
    float value[kStagedSteps][kColumns];

    __device__ __forceinline__ StagedTile(int rank, int rankStride, int lane) {
#pragma unroll
        for (int c = 0; c < kColumns; ++c) {
            const int own = lane + 32 * c;
            column[c] = (own < kRank ? own : own - kRank + rankStride) * sizeof(float);
            exists[c] = own < kSlice && (own >= kRank || own < rank);
        }
    }

    // rowOffset: where the row of the tile's step number `lane` begins, in bytes.
    __device__ __forceinline__ void fetch(const float* projected, std::uint32_t rowOffset, int warp) {
#pragma unroll
        for (int i = 0; i < kStagedSteps; ++i) {
            const std::uint32_t offset = __shfl_sync(kFullWarp, rowOffset, warp * kStagedSteps + i);
#pragma unroll
            for (int c = 0; c < kColumns; ++c)
                value[i][c] = exists[c] ? *at(projected, offset + column[c]) : 0.0f;
        }
    }

    __device__ __forceinline__ void store(float (*rows)[kSlice], int warp, int lane) const {
#pragma unroll
        for (int i = 0; i < kStagedSteps; ++i)
#pragma unroll
            for (int c = 0; c < kColumns; ++c) {
                const int column = lane + 32 * c;
                if (column < kSlice)
                    rows[warp * kStagedSteps + i][column] =
                        column < kRank ? value[i][c] : clampInput(value[i][c]);
            }
    }
};

// kRank: rank rounded up to a multiple of 4; kStatesOnly: the first of the two runs over a chunked row, which
// only finds the state that a chunk started from zero ends with, and the sum of its steps.
template<typename T, int kRank, bool kStatesOnly>
__global__ void __launch_bounds__(kForwardThreads, kRank <= 12   ? 6
                                                   : kRank <= 24 ? 5
                                                                 : 3)
    scanForwardKernel(const __grid_constant__ ForwardArguments arguments) {
    constexpr int kSlice = kRank + 2 * kStates;
    // Three: one that is read, one that a slower warp may still read, one that is written.
    __shared__ __align__(16) float sProjected[3][kTileSteps][kSlice];

    const ScanProblem& p = arguments.problem;
    const int length = p.height * p.width;
    const int chunksHere = kStatesOnly ? arguments.chunks - 1 : arguments.chunks;
    const int path = blockIdx.y / chunksHere;
    const int chunk = blockIdx.y - path * chunksHere;
    const int image = blockIdx.z;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    const int quad = threadIdx.x % kQuads;
    const int channel = blockIdx.x * kForwardChannels + threadIdx.x / kQuads;
    const bool valid = channel < p.channels;
    const int sliceIn = p.rankStride + 2 * kStates;
    const std::int64_t channelIndex = static_cast<std::int64_t>(path) * p.channels + (valid ? channel : 0);
    float weight[kRank];
#pragma unroll
    for (int r = 0; r < kRank; ++r)
        weight[r] = valid && r < p.rank ? p.dtWeight[channelIndex * p.rank + r] : 0.0f;
    const float bias = valid ? p.dtBias[channelIndex] : 0.0f;
    float a2[kQuadStates];
    float h[kQuadStates];
#pragma unroll
    for (int n = 0; n < kQuadStates; ++n) {
        a2[n] = valid ? p.a[channelIndex * kStates + quad * kQuadStates + n] * kLog2E : 0.0f;
        h[n] = 0.0f;
    }
    const float skip = valid ? p.d[channelIndex] : 0.0f;
    const std::int64_t imagePath = static_cast<std::int64_t>(image) * p.directions + path;

    if (!kStatesOnly && chunk > 0 && valid) {
        for (int before = 0; before < chunk; ++before) {
            const std::int64_t index = (imagePath * arguments.chunks + before) * p.channels + channel;
            const float sum = arguments.chunkDelta[index];
            const float4 state =
                *reinterpret_cast<const float4*>(arguments.chunkState + index * kStates + quad * kQuadStates);
            const float end[kQuadStates] = {state.x, state.y, state.z, state.w};
#pragma unroll
            for (int n = 0; n < kQuadStates; ++n)
                h[n] = exp2Unit(sum * a2[n]) * h[n] + end[n];
        }
    }

    // The launcher has seen to it that an image's bytes can be counted in 32 bits.
    const T* u = static_cast<const T*>(p.u) + static_cast<std::int64_t>(image) * length * p.channels;
    T* y = static_cast<T*>(arguments.y) +
           (static_cast<std::int64_t>(path) * p.batch + image) * length * p.channels;
    const float* projected =
        p.projected + static_cast<std::int64_t>(image) * length * (p.directions * sliceIn) + path * sliceIn;
    const std::uint32_t projectedBytes = p.directions * sliceIn * sizeof(float);
    const std::uint32_t pixelBytes = p.channels * sizeof(T);
    const std::uint32_t channelOffset = (valid ? channel : 0) * sizeof(T);
    const int begin = chunk * arguments.chunkSteps;
    const int end = min(length, begin + arguments.chunkSteps);
    const int tilesOfRow = (length + kTileSteps - 1) / kTileSteps;

    // Each thread prepares one step of a group: the step itself (its size, and that times u), and y's place.
    struct Own {
        float u;
        std::uint32_t offset;
    };
    const auto fetchOwn = [&](std::uint32_t pixelOffset, int group) {
        Own own;
        own.offset = __shfl_sync(kFullWarp, pixelOffset, group * kQuads + quad) + channelOffset;
        own.u = toFloat(*at(u, own.offset));
        return own;
    };
    // Steps past the end change nothing: a decay of 1 and nothing added.
    const auto stepSize = [&](const float* row, int t) {
        float raw = bias;
#pragma unroll
        for (int r = 0; r < kRank; r += 4) {
            const float4 dt = *reinterpret_cast<const float4*>(row + r);
            raw += weight[r] * dt.x;
            raw += weight[r + 1] * dt.y;
            raw += weight[r + 2] * dt.z;
            raw += weight[r + 3] * dt.w;
        }
        return t < end ? softplus(raw) : 0.0f;
    };

    StagedTile<kRank> staged(p.rank, p.rankStride, lane);
    std::uint32_t rowOfLane = rasterRow(path, min(begin + lane, end - 1), p.height, p.width);
    staged.fetch(projected, rowOfLane * projectedBytes, warp);
    std::uint32_t pixelOffset = rowOfLane * pixelBytes;
    Own own = fetchOwn(pixelOffset, 0);
    Own ahead = fetchOwn(pixelOffset, 1);
    staged.store(sProjected[0], warp, lane);
    __syncthreads();
    float delta = stepSize(sProjected[0][quad], begin + quad);
    float deltaSum = 0.0f;
    int buffer = 0;

    for (int tile = begin; tile < end; tile += kTileSteps) {
        const bool isLast = tile + kTileSteps >= end;
        const int nextBuffer = buffer == 2 ? 0 : buffer + 1;
        rowOfLane = rasterRow(path, min(tile + kTileSteps + lane, end - 1), p.height, p.width);
        const std::uint32_t pixelOffsetOfNext = rowOfLane * pixelBytes;
        if (!isLast)
            staged.fetch(projected, rowOfLane * projectedBytes, warp);

        if (!kStatesOnly && arguments.saved != nullptr && valid) {
            const std::int64_t index = (imagePath * tilesOfRow + tile / kTileSteps) * p.channels + channel;
            *reinterpret_cast<float4*>(arguments.saved + index * kStates + quad * kQuadStates) =
                make_float4(h[0], h[1], h[2], h[3]);
        }

#pragma unroll 2
        for (int group = 0; group < kGroups; ++group) {
            if (group == kGroupsBeforeStore && !isLast) {
                staged.store(sProjected[nextBuffer], warp, lane);
                __syncthreads();
            }
            // Two groups ahead: u; one ahead: the size of its step, so that its latency is hidden by this
            // group's states.
            const Own here = own;
            const float ownDelta = delta;
            const float ownDeltaU = clampInput(delta * here.u);
            own = ahead;
            const int fetched = group + 2;
            ahead = fetchOwn(fetched < kGroups ? pixelOffset : pixelOffsetOfNext, fetched % kGroups);
            const bool nextIsHere = group + 1 < kGroups;
            delta =
                stepSize(sProjected[nextIsHere ? buffer : nextBuffer][(group + 1) % kGroups * kQuads + quad],
                         tile + (group + 1) * kQuads + quad);

            const float(*rows)[kSlice] = &sProjected[buffer][group * kQuads];
            float part[kQuads];
#pragma unroll
            for (int j = 0; j < kQuads; ++j) {
                const float stepDelta = __shfl_sync(kFullWarp, ownDelta, j, kQuads);
                const float stepDeltaU = __shfl_sync(kFullWarp, ownDeltaU, j, kQuads);
                const float4 bRow = *reinterpret_cast<const float4*>(&rows[j][kRank + quad * kQuadStates]);
                const float b[kQuadStates] = {bRow.x, bRow.y, bRow.z, bRow.w};
                if (kStatesOnly) {
#pragma unroll
                    for (int n = 0; n < kQuadStates; ++n)
                        h[n] = exp2Unit(stepDelta * a2[n]) * h[n] + stepDeltaU * b[n];
                } else {
                    const float4 cRow =
                        *reinterpret_cast<const float4*>(&rows[j][kRank + kStates + quad * kQuadStates]);
                    const float c[kQuadStates] = {cRow.x, cRow.y, cRow.z, cRow.w};
                    part[j] = stepStates(h, a2, stepDelta, stepDeltaU, b, c);
                }
            }
            if (kStatesOnly) {
                deltaSum += ownDelta;
            } else {
                // Sum over the quad and hand out: thread q keeps the group's step q.
                const bool odd = (lane & 1) != 0;
                float low = odd ? part[1] : part[0];
                float high = odd ? part[3] : part[2];
                low += __shfl_xor_sync(kFullWarp, odd ? part[0] : part[1], 1);
                high += __shfl_xor_sync(kFullWarp, odd ? part[2] : part[3], 1);
                const bool upper = (lane & 2) != 0;
                float sum = upper ? high : low;
                sum += __shfl_xor_sync(kFullWarp, upper ? low : high, 2);
                if (valid && tile + group * kQuads + quad < end)
                    *at(y, here.offset) = fromFloat<T>(sum + skip * here.u);
            }
        }
        pixelOffset = pixelOffsetOfNext;
        buffer = nextBuffer;
    }

    if (kStatesOnly) {
        deltaSum += __shfl_xor_sync(kFullWarp, deltaSum, 1);
        deltaSum += __shfl_xor_sync(kFullWarp, deltaSum, 2);
        if (valid) {
            const std::int64_t index = (imagePath * arguments.chunks + chunk) * p.channels + channel;
            *reinterpret_cast<float4*>(arguments.chunkState + index * kStates + quad * kQuadStates) =
                make_float4(h[0], h[1], h[2], h[3]);
            if (quad == 0)
                arguments.chunkDelta[index] = deltaSum;
        }
    }
}

template<typename T, int kRank>
int launchForward(const ForwardArguments& arguments, cudaStream_t stream) {
    const ScanProblem& p = arguments.problem;
    const dim3 grid((p.channels + kForwardChannels - 1) / kForwardChannels, p.directions * arguments.chunks,
                    p.batch);
    if (arguments.chunks > 1) {
        // Nobody asks what state the last chunk ends with.
        const dim3 before(grid.x, p.directions * (arguments.chunks - 1), grid.z);
        scanForwardKernel<T, kRank, true><<<before, kForwardThreads, 0, stream>>>(arguments);
    }
    scanForwardKernel<T, kRank, false><<<grid, kForwardThreads, 0, stream>>>(arguments);
    return static_cast<int>(cudaGetLastError());
}

template<typename T>
int launchForwardForRank(const ForwardArguments& arguments, cudaStream_t stream) {
    // The ranks of the network's stages (6, 12, 24, 48), rounded up to a multiple of 4.
    const int rank = arguments.problem.rank;
    if (rank <= 8)
        return launchForward<T, 8>(arguments, stream);
    if (rank <= 12)
        return launchForward<T, 12>(arguments, stream);
    if (rank <= 24)
        return launchForward<T, 24>(arguments, stream);
    if (rank <= 48)
        return launchForward<T, 48>(arguments, stream);
    return static_cast<int>(cudaErrorInvalidValue);
}

bool empty(const ScanProblem& p) {
    return p.batch <= 0 || p.height <= 0 || p.width <= 0 || p.channels <= 0;
}

} // namespace

int scanForward(const ScanProblem& problem, const ScanPlan& plan, void* y, float* saved, float* scratch,
                Stream stream) {
    if (empty(problem))
        return 0;
    if (!offsetsFit(problem))
        return static_cast<int>(cudaErrorInvalidValue);
    ForwardArguments arguments{problem, plan.chunks, plan.chunkSteps, y, saved, nullptr, nullptr};
    if (plan.chunks > 1) {
        arguments.chunkState = scratch;
        arguments.chunkDelta = scratch + static_cast<std::int64_t>(problem.batch) * problem.directions *
                                             problem.channels * plan.chunks * kStates;
    }
    const auto cudaStream = static_cast<cudaStream_t>(stream);
    switch (problem.element) {
    case Element::Float32:
        return launchForwardForRank<float>(arguments, cudaStream);
    case Element::BFloat16:
        return launchForwardForRank<__nv_bfloat16>(arguments, cudaStream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

} // namespace limn::gpu
