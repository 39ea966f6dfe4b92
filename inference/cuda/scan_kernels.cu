// SPDX-License-Identifier: GPL-3.0-or-later
// Selective scan over four paths, the forward run. Formula and layouts: scan/selective_scan.h.
//
// Two kernels. With many rows (a row: one channel along one path of one image) scanRowsKernel gives a row to
// two neighbouring threads, each with eight of the sixteen states in registers, which walk it from end to
// end. With few rows scanPiecesKernel cuts rows into pieces of at most 32 steps, up to four per warp, and
// reads each piece twice: once from a state of zero to see what it does to the state before it, then, when
// the warps of a cluster of blocks have put these together, once more for y. That takes each exponential
// twice, but every scheduler of the GPU has work.
//
// Both read rows in raster order through an index, so that no path needs a flipped or transposed copy, and
// stage projected rows (dt, B, C) in shared memory, where all lanes read the same words. The step's size is
// found once per step and channel.
//
// What limits both: the exponential unit, which makes 16 numbers a clock, and close behind it the rate at
// which instructions are issued: some 8 a state. Where a piece is read twice, a part of the exponentials is
// computed on the multiply-add pipes instead.
//
// Order of summing: over four states, over two such sums, over both: always the same, so that bits are equal
// every run.
#include "inference/cuda/kernel_tools.cuh"
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <cooperative_groups.h>

namespace limn::gpu {

namespace {

struct ForwardArguments {
    ScanProblem problem;
    int clusterBlocks;
    int pieceShape;
    int pieceSteps;
    void* y;
    float* saved;
};

constexpr int kShare = 2; // threads that share a row in scanRowsKernel
constexpr int kRowThreads = kRowChannels * kShare;
constexpr int kGroupSteps = kPieceGroup; // steps whose sizes are found together
constexpr int kGroups = kTileSteps / kGroupSteps;
constexpr int kOwnSteps = kGroupSteps / kShare; // of a group, per thread
constexpr int kVectors = kStates / kQuadStates; // a row's states as vectors of four

// Base pointers are the same for a whole block, and offsets are unsigned 32-bit numbers of bytes: one
// instruction reads or writes.
template<typename T>
__device__ __forceinline__ T* at(T* base, std::uint32_t bytes) {
    using Byte = std::conditional_t<std::is_const_v<T>, const char, char>;
    return reinterpret_cast<T*>(reinterpret_cast<Byte*>(base) + bytes);
}

__device__ __forceinline__ void loadFour(const float* source, float (&out)[kQuadStates]) {
    const float4 vector = *reinterpret_cast<const float4*>(source);
    out[0] = vector.x;
    out[1] = vector.y;
    out[2] = vector.z;
    out[3] = vector.w;
}

__device__ __forceinline__ void storeFour(float* target, const float (&values)[kQuadStates]) {
    *reinterpret_cast<float4*>(target) = make_float4(values[0], values[1], values[2], values[3]);
}

// Four of a step's products of dt and weights, added to `sum`.
__device__ __forceinline__ float addProjected(const float* dt, const float* weight, float sum) {
    const float4 four = *reinterpret_cast<const float4*>(dt);
    sum += weight[0] * four.x;
    sum += weight[1] * four.y;
    sum += weight[2] * four.z;
    sum += weight[3] * four.w;
    return sum;
}

// The step's size before softplus, from a staged row's dt.
template<int kRank>
__device__ __forceinline__ float projectStep(const float (&dt)[kRank], const float (&weight)[kRank],
                                             float bias) {
    float raw = bias;
#pragma unroll
    for (int r = 0; r < kRank; r += 4)
        raw = addProjected(dt + r, weight + r, raw);
    return raw;
}

// The same in all lanes, which the compiler does not know of threadIdx.x / 32.
__device__ __forceinline__ int warpIndex() {
    return __shfl_sync(kFullWarp, static_cast<int>(threadIdx.x) / 32, 0);
}

// Copies to shared memory without waiting, and without a register in between: a load that a warp waits for in
// the middle of its steps costs more than everything else here.
template<int kBytes>
__device__ __forceinline__ void copyAhead(void* target, const void* source, bool exists = true) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(sharedAddress(target)), "l"(source),
                 "n"(kBytes), "r"(exists ? kBytes : 0)
                 : "memory");
}

// What a block reads and writes of one path of one image, and how it gets there.
template<typename T, int kRank>
struct PathArrays {
    const ScanProblem& p;
    const T* u;
    T* y;
    const float* projected;
    std::uint32_t projectedBytes; // of a row
    std::uint32_t pixelBytes;     // of a row of u and of y
    int path;
    int length;

    // The launcher has seen to it that an image's bytes can be counted in 32 bits.
    __device__ __forceinline__ PathArrays(const ForwardArguments& arguments, int pathIndex, int image)
        : p(arguments.problem), path(pathIndex), length(p.height * p.width) {
        const int slice = p.rankStride + 2 * kStates;
        u = static_cast<const T*>(p.u) + static_cast<std::int64_t>(image) * length * p.channels;
        y = static_cast<T*>(arguments.y) +
            (static_cast<std::int64_t>(path) * p.batch + image) * length * p.channels;
        projected =
            p.projected + static_cast<std::int64_t>(image) * length * (p.directions * slice) + path * slice;
        projectedBytes = p.directions * slice * sizeof(float);
        pixelBytes = p.channels * sizeof(T);
    }

    // In raster order; of a step past the end, the last step's.
    __device__ __forceinline__ std::uint32_t rowOf(int step) const {
        return rasterRow(path, min(step, length - 1), p.height, p.width);
    }

    // A warp's share of staging projected rows: those of kSteps steps from firstStep on, whose raster row the
    // lane of that number holds. dt beyond the rank is left alone: zeros from clearPadding.
    template<int kSteps>
    __device__ __forceinline__ void stageProjected(float (*dt)[kRank], float (*bc)[2 * kStates],
                                                   std::uint32_t rowOfLane, int firstStep, int lane) const {
        static_assert(kSteps * kRank % 32 == 0);
        const std::uint32_t offsetOfLane = rowOfLane * projectedBytes;
#pragma unroll
        for (int i = 0; i < kSteps * kRank / 32; ++i) {
            const int index = lane + 32 * i;
            const int step = firstStep + index / kRank;
            const int column = index % kRank;
            const std::uint32_t offset = __shfl_sync(kFullWarp, offsetOfLane, step);
            if (column < p.rank)
                copyAhead<4>(&dt[step][column], at(projected, offset + column * sizeof(float)));
        }
#pragma unroll
        for (int i = 0; i < kSteps; ++i)
            copyAhead<4>(&bc[firstStep + i][lane],
                         at(projected, __shfl_sync(kFullWarp, offsetOfLane, firstStep + i) +
                                           (p.rankStride + lane) * sizeof(float)));
    }
    __device__ __forceinline__ void clearPadding(float (*dt)[kRank], int rows, int thread,
                                                 int threads) const {
        for (int i = thread; i < rows * kRank; i += threads)
            if (i % kRank >= p.rank)
                dt[i / kRank][i % kRank] = 0.0f;
    }
    // What stageProjected brought, when it has arrived, by the same warp.
    template<int kSteps>
    __device__ __forceinline__ static void clampStaged(float (*bc)[2 * kStates], int firstStep, int lane) {
#pragma unroll
        for (int i = 0; i < kSteps; ++i) {
            float& value = bc[firstStep + i][lane];
            value = clampInput(value);
        }
    }

    // Of kSteps steps from firstStep on (see stageProjected), the input's kChannels channels from
    // firstChannel on; zeros for channels that do not exist.
    template<int kSteps, int kChannels>
    __device__ __forceinline__ void stageInput(T (*target)[kChannels], std::uint32_t rowOfLane,
                                               int firstChannel, int firstStep, int lane) const {
        constexpr int kVector = 16 / sizeof(T);
        constexpr int kRowVectors = kChannels / kVector;
        static_assert(kSteps * kRowVectors % 32 == 0);
        const std::uint32_t offsetOfLane = rowOfLane * pixelBytes;
        if (p.channels % kVector == 0) {
#pragma unroll
            for (int i = 0; i < kSteps * kRowVectors / 32; ++i) {
                const int index = lane + 32 * i;
                const int step = firstStep + index / kRowVectors;
                const int local = index % kRowVectors * kVector;
                const bool exists = firstChannel + local < p.channels;
                const std::uint32_t offset = __shfl_sync(kFullWarp, offsetOfLane, step);
                copyAhead<16>(&target[step][local],
                              at(u, offset + (exists ? firstChannel + local : 0) * sizeof(T)), exists);
            }
            return;
        }
        for (int i = 0; i < kSteps; ++i) {
            const std::uint32_t offset = __shfl_sync(kFullWarp, offsetOfLane, firstStep + i);
            for (int local = lane; local < kChannels; local += 32)
                target[firstStep + i][local] = firstChannel + local < p.channels
                                                   ? *at(u, offset + (firstChannel + local) * sizeof(T))
                                                   : T(0.0f);
        }
    }

    // The same for a piece of a number of steps that is known at run time, a multiple of kPieceGroup, by the
    // kAcross warps that share it. The lane of a step's number holds its raster row. dt beyond the rank
    // becomes zero.
    template<int kAcross>
    __device__ __forceinline__ void stagePieceProjected(float* dt, float* bc, std::uint32_t rowOfLane,
                                                        int across, int steps, int lane) const {
        const std::uint32_t offsetOfLane = rowOfLane * projectedBytes;
#pragma unroll 4
        for (int first = across * 32; first < steps * kRank; first += kAcross * 32) {
            const int index = first + lane;
            const int step = index / kRank;
            const int column = index % kRank;
            const std::uint32_t offset = __shfl_sync(kFullWarp, offsetOfLane, step);
            if (step >= steps)
                continue;
            if (column < p.rank)
                copyAhead<4>(dt + index, at(projected, offset + column * sizeof(float)));
            else
                dt[index] = 0.0f;
        }
#pragma unroll 4
        for (int step = across; step < steps; step += kAcross)
            copyAhead<4>(bc + step * 2 * kStates + lane,
                         at(projected, __shfl_sync(kFullWarp, offsetOfLane, step) +
                                           (p.rankStride + lane) * sizeof(float)));
    }
    // What this thread's stagePieceProjected brought, when it has arrived.
    template<int kAcross>
    __device__ __forceinline__ static void clampPiece(float* bc, int across, int steps, int lane) {
#pragma unroll 4
        for (int step = across; step < steps; step += kAcross) {
            float& value = bc[step * 2 * kStates + lane];
            value = clampInput(value);
        }
    }
    // A warp's own channels of a piece; a step is a row of 32 elements of target.
    template<int kChannels>
    __device__ __forceinline__ void stagePieceInput(T* target, std::uint32_t rowOfLane, int firstChannel,
                                                    int steps, int lane) const {
        constexpr int kBytes = kChannels * sizeof(T) < 16 ? kChannels * sizeof(T) : 16;
        constexpr int kVector = kBytes / sizeof(T);
        constexpr int kRowVectors = kChannels / kVector;
        const std::uint32_t offsetOfLane = rowOfLane * pixelBytes;
        if (p.channels % kVector == 0) {
#pragma unroll 4
            for (int first = 0; first < steps * kRowVectors; first += 32) {
                const int step = (first + lane) / kRowVectors;
                const int local = (first + lane) % kRowVectors * kVector;
                const bool exists = firstChannel + local < p.channels;
                const std::uint32_t offset = __shfl_sync(kFullWarp, offsetOfLane, step);
                if (step < steps)
                    copyAhead<kBytes>(target + step * 32 + local,
                                      at(u, offset + (exists ? firstChannel + local : 0) * sizeof(T)),
                                      exists);
            }
            return;
        }
        for (int step = 0; step < steps; ++step) {
            const std::uint32_t offset = __shfl_sync(kFullWarp, offsetOfLane, step);
            if (lane < kChannels)
                target[step * 32 + lane] = firstChannel + lane < p.channels
                                               ? *at(u, offset + (firstChannel + lane) * sizeof(T))
                                               : T(0.0f);
        }
    }
};

// What makes a step's size of its dt. Zeros for channels that do not exist.
template<int kRank>
struct StepWeights {
    float weight[kRank];
    float bias;

    __device__ __forceinline__ StepWeights(const ScanProblem& p, std::int64_t index, bool valid) {
#pragma unroll
        for (int r = 0; r < kRank; ++r)
            weight[r] = valid && r < p.rank ? p.dtWeight[index * p.rank + r] : 0.0f;
        bias = valid ? p.dtBias[index] : 0.0f;
    }
};

__device__ __forceinline__ void loadRates(const ScanProblem& p, std::int64_t index, int firstState,
                                          bool valid, float (&a2)[kQuadStates]) {
    float4 rates = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (valid)
        rates = *reinterpret_cast<const float4*>(p.a + index * kStates + firstState);
    a2[0] = rates.x * kLog2E;
    a2[1] = rates.y * kLog2E;
    a2[2] = rates.z * kLog2E;
    a2[3] = rates.w * kLog2E;
}

template<typename T, int kRank>
struct RowsShared {
    // Three of each: one that is read, one that a slower warp may still read, one that is written.
    float dt[3][kTileSteps][kRank];
    float bc[3][kTileSteps][2 * kStates];
    T u[3][kTileSteps][kRowChannels];
};

// A warp has 16 channels, a block 64. What 32 steps need is staged at a time, while the 32 before them are
// computed: one barrier a tile. Of a group of four steps each thread of a pair finds the size of two, one
// group ahead of its use, and hands it to the other by shuffles. The two sums of y are combined by two
// shuffles a group; each thread ends up with two of its steps and writes them.
template<typename T, int kRank>
__global__ void __launch_bounds__(kRowThreads, kRank <= 12   ? 3
                                               : kRank <= 24 ? 4
                                                             : 3)
    scanRowsKernel(const __grid_constant__ ForwardArguments arguments) {
    constexpr int kWarps = kRowThreads / 32;
    constexpr int kStagedSteps = kTileSteps / kWarps;
    constexpr int kOwnVectors = kVectors / kShare;
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    auto& s = *reinterpret_cast<RowsShared<T, kRank>*>(sharedBytes);

    const ScanProblem& p = arguments.problem;
    const PathArrays<T, kRank> arrays(arguments, blockIdx.y, blockIdx.z);
    const int length = arrays.length;
    const int warp = warpIndex();
    const int lane = threadIdx.x % 32;
    const int firstChannel = blockIdx.x * kRowChannels;
    std::uint32_t rowOfLane = arrays.rowOf(lane);
    const auto stage = [&](int buffer) {
        arrays.template stageProjected<kStagedSteps>(s.dt[buffer], s.bc[buffer], rowOfLane,
                                                     warp * kStagedSteps, lane);
        arrays.template stageInput<kStagedSteps, kRowChannels>(s.u[buffer], rowOfLane, firstChannel,
                                                               warp * kStagedSteps, lane);
    };
    const auto finishStaging = [&](int buffer) {
        waitForCopies();
        arrays.template clampStaged<kStagedSteps>(s.bc[buffer], warp * kStagedSteps, lane);
        __syncthreads();
    };
    const int share = threadIdx.x % kShare;
    const int firstState = share * kOwnVectors * kQuadStates;
    const int local = threadIdx.x / kShare;
    const int channel = firstChannel + local;
    const bool valid = channel < p.channels;
    const std::int64_t channelIndex =
        static_cast<std::int64_t>(arrays.path) * p.channels + (valid ? channel : 0);
    const StepWeights<kRank> row(p, channelIndex, valid);
    const float skip = valid ? p.d[channelIndex] : 0.0f;
    float a2[kOwnVectors][kQuadStates];
    float h[kOwnVectors][kQuadStates] = {};
#pragma unroll
    for (int v = 0; v < kOwnVectors; ++v)
        loadRates(p, channelIndex, firstState + v * kQuadStates, valid, a2[v]);
    const std::uint32_t channelOffset = (valid ? channel : 0) * sizeof(T);
    const int tilesOfRow = (length + kTileSteps - 1) / kTileSteps;
    float* saved = arguments.saved == nullptr || !valid
                       ? nullptr
                       : arguments.saved +
                             ((static_cast<std::int64_t>(blockIdx.z) * p.directions + arrays.path) *
                                  tilesOfRow * p.channels +
                              channel) *
                                 kStates +
                             firstState;

    struct Own {
        float u[kOwnSteps];
        float delta[kOwnSteps];
    };
    // Steps past the end change nothing: a decay of 1 and nothing added.
    const auto findSizes = [&](int buffer, int firstOfTile, int tile) {
        Own own;
#pragma unroll
        for (int i = 0; i < kOwnSteps; ++i) {
            const int step = firstOfTile + i * kShare + share;
            const float size = softplus(projectStep<kRank>(s.dt[buffer][step], row.weight, row.bias));
            own.delta[i] = tile + step < length ? size : 0.0f;
            own.u[i] = toFloat(s.u[buffer][step][local]);
        }
        return own;
    };

    arrays.clearPadding(s.dt[0], 3 * kTileSteps, threadIdx.x, kRowThreads);
    waitForPrevious();
    stage(0);
    finishStaging(0);
    Own next = findSizes(0, 0, 0);
    int buffer = 0;

    for (int tile = 0; tile < length; tile += kTileSteps) {
        const bool isLast = tile + kTileSteps >= length;
        const int nextBuffer = buffer == 2 ? 0 : buffer + 1;
        const std::uint32_t pixelOffset = rowOfLane * arrays.pixelBytes;
        rowOfLane = arrays.rowOf(tile + kTileSteps + lane);
        if (!isLast)
            stage(nextBuffer);
        if (saved != nullptr) {
#pragma unroll
            for (int v = 0; v < kOwnVectors; ++v)
                storeFour(saved + v * kQuadStates, h[v]);
            saved += static_cast<std::int64_t>(p.channels) * kStates;
        }

#pragma unroll 2
        for (int group = 0; group < kGroups; ++group) {
            if (group == kGroups - 1 && !isLast)
                finishStaging(nextBuffer);
            const Own here = next;
            float deltaU[kOwnSteps];
#pragma unroll
            for (int i = 0; i < kOwnSteps; ++i)
                deltaU[i] = clampInput(here.delta[i] * here.u[i]);
            // One group ahead, so that their latency is hidden by this group's states.
            const bool nextIsHere = group + 1 < kGroups;
            next = findSizes(nextIsHere ? buffer : nextBuffer, (group + 1) % kGroups * kGroupSteps,
                             nextIsHere ? tile : tile + kTileSteps);

            float part[kGroupSteps];
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j) {
                const float stepDelta = __shfl_sync(kFullWarp, here.delta[j / kShare], j % kShare, kShare);
                const float stepDeltaU = __shfl_sync(kFullWarp, deltaU[j / kShare], j % kShare, kShare);
                const float* rows = s.bc[buffer][group * kGroupSteps + j];
                float sum[kOwnVectors];
#pragma unroll
                for (int v = 0; v < kOwnVectors; ++v) {
                    float b[kQuadStates];
                    float c[kQuadStates];
                    loadFour(rows + firstState + v * kQuadStates, b);
                    loadFour(rows + kStates + firstState + v * kQuadStates, c);
                    sum[v] = stepStates<0>(h[v], a2[v], stepDelta, stepDeltaU, b, c);
                }
                part[j] = sum[0] + sum[1];
            }
#pragma unroll
            for (int i = 0; i < kOwnSteps; ++i) {
                const float mine = share == 0 ? part[i * kShare] : part[i * kShare + 1];
                const float others = share == 0 ? part[i * kShare + 1] : part[i * kShare];
                const float sum = mine + __shfl_xor_sync(kFullWarp, others, 1);
                const int step = group * kGroupSteps + i * kShare + share;
                const T value = fromFloat<T>(sum + skip * here.u[i]);
                T* target = at(arrays.y, __shfl_sync(kFullWarp, pixelOffset, step) + channelOffset);
                if (valid && tile + step < length)
                    *target = value;
            }
        }
        buffer = nextBuffer;
    }
    allowNext(); // not earlier: see scanPiecesKernel
}

// See PieceShape. The warps across share what is staged of dt, B and C; a lane has one channel of one piece
// with all its states.
template<typename T, int kRank, int kShape>
struct PiecesShared {
    static constexpr PieceShape kOwn = kPieceShapes[kShape];
    static constexpr int kPieces = kOwn.pieces();
    static constexpr int kChannels = kOwn.channels();
    static constexpr int kWarps = kOwn.warps();
    union OfPiece {
        float dt[kTileSteps * kRank + kPiecePadding];
        // When dt has done its work. At a piece's end, from zero; then before a piece, with zero before the
        // block's first.
        float state[kStates][kChannels];
    };
    OfPiece ofPiece[kPieces];
    float bc[kPieces][kTileSteps * 2 * kStates + kPiecePadding];
    std::uint32_t pixelOffset[kPieces][kTileSteps];
    float delta[kWarps][kTileSteps][32];
    T u[kWarps][kTileSteps][32];
    // A copy for even and one for odd rounds: slower warps and blocks still read the last one's.
    float deltaSum[2][kPieces][kChannels];
    float blockState[2][kStates][kChannels];
    float blockDelta[2][kChannels];
    float start[kStates][kChannels]; // before the block's first piece
};

// Of the warps that share a piece; barrier 0 is __syncthreads.
template<int kAcross>
__device__ __forceinline__ void waitForNeighbours(int along) {
    if constexpr (kAcross == 1)
        __syncwarp();
    else
        asm volatile("bar.sync %0, %1;" ::"r"(along + 1), "n"(kAcross * 32) : "memory");
}

template<typename T, int kRank, int kShape>
__global__ void __launch_bounds__(kPieceShapes[kShape].threads(),
                                  kShape == kPairedShape && kRank <= 24 ? 2 : 1)
    scanPiecesKernel(const __grid_constant__ ForwardArguments arguments) {
    using Shared = PiecesShared<T, kRank, kShape>;
    constexpr int kPieces = Shared::kPieces;
    constexpr int kChannels = Shared::kChannels;
    constexpr int kAcross = Shared::kOwn.across;
    constexpr int kLanePieces = Shared::kOwn.lanePieces;
    constexpr int kLaneChannels = 32 / kLanePieces;
    constexpr int kThreadsOfBlock = Shared::kOwn.threads();
    // Between pieces a thread carries some states of a channel.
    constexpr int kOwnStates = kStates * kChannels / kThreadsOfBlock;
    static_assert(kOwnStates * kThreadsOfBlock == kStates * kChannels && kThreadsOfBlock % kChannels == 0);
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    Shared& s = *reinterpret_cast<Shared*>(sharedBytes);
#if __CUDA_ARCH__ >= 900
    namespace cg = cooperative_groups;
    const auto cluster = cg::this_cluster();
    const int block = static_cast<int>(cluster.block_rank());
    const int blocks = arguments.clusterBlocks;
#else
    constexpr int block = 0;
    constexpr int blocks = 1;
#endif
    const auto waitForCluster = [&] {
#if __CUDA_ARCH__ >= 900
        if (blocks > 1) {
            cluster.sync();
            return;
        }
#endif
        __syncthreads();
    };
    const auto ofBlock = [&](float* own, int other) {
#if __CUDA_ARCH__ >= 900
        if (blocks > 1)
            return *cluster.map_shared_rank(own, other);
#endif
        return *own;
    };

    const ScanProblem& p = arguments.problem;
    const PathArrays<T, kRank> arrays(arguments, blockIdx.y, blockIdx.z);
    const int length = arrays.length;
    const int warp = warpIndex();
    const int lane = threadIdx.x % 32;
    const int along = warp / kAcross;
    const int across = warp % kAcross;
    const int firstPiece = along * kLanePieces; // of the warp
    const int piece = firstPiece + lane / kLaneChannels;
    const int firstChannel = blockIdx.x / blocks * kChannels;
    const int local = across * kLaneChannels + lane % kLaneChannels;
    const int pieceSteps = arguments.pieceSteps;
    const int roundSteps = blocks * kPieces * pieceSteps;
    const int firstOfBlock = block * kPieces * pieceSteps;
    const float* dt = s.ofPiece[piece].dt;
    const float* bc = s.bc[piece];
    const auto stage = [&](int round) {
        if (round + firstOfBlock + firstPiece * pieceSteps >= length)
            return;
#pragma unroll
        for (int i = 0; i < kLanePieces; ++i) {
            const int staged = firstPiece + i;
            const std::uint32_t rowOfLane = arrays.rowOf(round + firstOfBlock + staged * pieceSteps + lane);
            arrays.template stagePieceProjected<kAcross>(s.ofPiece[staged].dt, s.bc[staged], rowOfLane,
                                                         across, pieceSteps, lane);
            arrays.template stagePieceInput<kLaneChannels>(&s.u[warp][0][i * kLaneChannels], rowOfLane,
                                                           firstChannel + across * kLaneChannels, pieceSteps,
                                                           lane);
            if (across == 0)
                s.pixelOffset[staged][lane] = rowOfLane * arrays.pixelBytes;
        }
    };
    const int channel = firstChannel + local;
    const bool valid = channel < p.channels;
    const std::int64_t channelIndex =
        static_cast<std::int64_t>(arrays.path) * p.channels + (valid ? channel : 0);
    const float skip = valid ? p.d[channelIndex] : 0.0f;
    float a2[kVectors][kQuadStates];
#pragma unroll
    for (int v = 0; v < kVectors; ++v)
        loadRates(p, channelIndex, v * kQuadStates, valid, a2[v]);
    const int ownLocal = threadIdx.x % kChannels;
    const int firstOwn = threadIdx.x / kChannels * kOwnStates;
    float ownRates[kOwnStates];
    float rowState[kOwnStates] = {};
#pragma unroll
    for (int i = 0; i < kOwnStates; ++i)
        ownRates[i] =
            firstChannel + ownLocal < p.channels
                ? p.a[(static_cast<std::int64_t>(arrays.path) * p.channels + firstChannel + ownLocal) *
                          kStates +
                      firstOwn + i] *
                      kLog2E
                : 0.0f;
    const std::uint32_t channelOffset = (valid ? channel : 0) * sizeof(T);
    const int tilesOfRow = (length + kTileSteps - 1) / kTileSteps;
    const StepWeights<kRank> row(p, channelIndex, valid);

    waitForPrevious();
    int parity = 0;
    for (int round = 0; round < length; round += roundSteps, parity ^= 1) {
        const int begin = round + firstOfBlock + piece * pieceSteps;
        const int steps = max(0, min(length - begin, pieceSteps));
        // The warp's first piece has at least as many steps as its second.
        const int warpSteps =
            max(0, min(length - (round + firstOfBlock + firstPiece * pieceSteps), pieceSteps));
        const int groups = (warpSteps + kGroupSteps - 1) / kGroupSteps;
        if (round > 0)
            waitForNeighbours<kAcross>(along); // they still read the last round's
        stage(round);
        waitForCopies();
        if (warpSteps > 0) {
#pragma unroll
            for (int i = 0; i < kLanePieces; ++i)
                arrays.template clampPiece<kAcross>(s.bc[firstPiece + i], across, pieceSteps, lane);
        }
        waitForNeighbours<kAcross>(along);

        // The steps' sizes. Those past the end change nothing: a decay of 1 and nothing added.
        float deltaSum = 0.0f;
        for (int group = 0; group < groups; ++group) {
            float size[kGroupSteps];
            // Four sums side by side, for few warps to hide the latency of each.
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j)
                size[j] = row.bias;
#pragma unroll
            for (int r = 0; r < kRank; r += 4)
#pragma unroll
                for (int j = 0; j < kGroupSteps; ++j)
                    size[j] =
                        addProjected(dt + (group * kGroupSteps + j) * kRank + r, &row.weight[r], size[j]);
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j)
                size[j] = softplus(size[j]);
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j) {
                const int step = group * kGroupSteps + j;
                size[j] = step < steps ? size[j] : 0.0f;
                deltaSum += size[j];
                s.delta[warp][step][lane] = size[j];
            }
        }

        // First reading: from a state of zero.
        float h[kVectors][kQuadStates] = {};
        for (int group = 0; group < groups; ++group) {
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j) {
                const int step = group * kGroupSteps + j;
                const float size = s.delta[warp][step][lane];
                const float deltaU = clampInput(size * toFloat(s.u[warp][step][lane]));
#pragma unroll
                for (int v = 0; v < kVectors; ++v) {
                    float b[kQuadStates];
                    loadFour(bc + step * 2 * kStates + v * kQuadStates, b);
                    if (v == 0)
                        advanceStates<kPolynomialDecays>(h[v], a2[v], size, deltaU, b);
                    else
                        advanceStates<0>(h[v], a2[v], size, deltaU, b);
                }
            }
        }
        auto& state = s.ofPiece[piece].state;
        waitForNeighbours<kAcross>(along); // the states' memory is where they read dt
#pragma unroll
        for (int n = 0; n < kStates; ++n)
            state[n][local] = h[n / kQuadStates][n % kQuadStates];
        s.deltaSum[parity][piece][local] = deltaSum;
        __syncthreads();

        // Of the block's pieces.
        {
            float value[kOwnStates] = {};
            float sum = 0.0f;
#pragma unroll
            for (int w = 0; w < kPieces; ++w) {
                const float size = s.deltaSum[parity][w][ownLocal];
                sum += size;
#pragma unroll
                for (int i = 0; i < kOwnStates; ++i) {
                    float& place = s.ofPiece[w].state[firstOwn + i][ownLocal];
                    const float end = place;
                    place = value[i];
                    value[i] = exp2Unit(size * ownRates[i]) * value[i] + end;
                }
            }
#pragma unroll
            for (int i = 0; i < kOwnStates; ++i)
                s.blockState[parity][firstOwn + i][ownLocal] = value[i];
            if (firstOwn == 0)
                s.blockDelta[parity][ownLocal] = sum;
        }
        waitForCluster();
        // Of the cluster's blocks, a few at a time, so that their latencies overlap; in the last round only
        // those before this one matter.
        constexpr int kAtOnce = 4;
        const int needed = round + roundSteps < length ? blocks : block + 1;
        for (int first = 0; first < needed; first += kAtOnce) {
            float size[kAtOnce];
            float end[kAtOnce][kOwnStates];
#pragma unroll
            for (int i = 0; i < kAtOnce; ++i) {
                const int other = min(first + i, needed - 1);
                size[i] = ofBlock(&s.blockDelta[parity][ownLocal], other);
#pragma unroll
                for (int n = 0; n < kOwnStates; ++n)
                    end[i][n] = ofBlock(&s.blockState[parity][firstOwn + n][ownLocal], other);
            }
#pragma unroll
            for (int i = 0; i < kAtOnce; ++i) {
                if (first + i >= needed)
                    break;
#pragma unroll
                for (int n = 0; n < kOwnStates; ++n) {
                    if (first + i == block)
                        s.start[firstOwn + n][ownLocal] = rowState[n];
                    rowState[n] = exp2Unit(size[i] * ownRates[n]) * rowState[n] + end[i][n];
                }
            }
        }
        __syncthreads();
        float before = 0.0f;
        for (int w = 0; w < piece; ++w)
            before += s.deltaSum[parity][w][local];
#pragma unroll
        for (int n = 0; n < kStates; ++n)
            h[n / kQuadStates][n % kQuadStates] =
                exp2Unit(before * a2[n / kQuadStates][n % kQuadStates]) * s.start[n][local] + state[n][local];
        if (arguments.saved != nullptr && valid && steps > 0) {
            float* target =
                arguments.saved +
                (((static_cast<std::int64_t>(blockIdx.z) * p.directions + arrays.path) * tilesOfRow +
                  begin / kTileSteps) *
                     p.channels +
                 channel) *
                    kStates;
#pragma unroll
            for (int v = 0; v < kVectors; ++v)
                storeFour(target + v * kQuadStates, h[v]);
        }

        // Second reading: from the state that is really there.
        for (int group = 0; group < groups; ++group) {
#pragma unroll
            for (int j = 0; j < kGroupSteps; ++j) {
                const int step = group * kGroupSteps + j;
                const float size = s.delta[warp][step][lane];
                const float u = toFloat(s.u[warp][step][lane]);
                const float deltaU = clampInput(size * u);
                float sum[kVectors];
#pragma unroll
                for (int v = 0; v < kVectors; ++v) {
                    float b[kQuadStates];
                    float c[kQuadStates];
                    loadFour(bc + step * 2 * kStates + v * kQuadStates, b);
                    loadFour(bc + step * 2 * kStates + kStates + v * kQuadStates, c);
                    sum[v] = v == 0 ? stepStates<kPolynomialDecays>(h[v], a2[v], size, deltaU, b, c)
                                    : stepStates<0>(h[v], a2[v], size, deltaU, b, c);
                }
                const T value = fromFloat<T>(((sum[0] + sum[1]) + (sum[2] + sum[3])) + skip * u);
                if (valid && step < steps)
                    *at(arrays.y, s.pixelOffset[piece][step] + channelOffset) = value;
            }
        }
    }
    // Not earlier: the blocks of the next kernel would take room on some multiprocessors and not on others,
    // and those of a next scan would then be spread badly.
    allowNext();
    // Others may still read this block's states.
    waitForCluster();
}

// clusterBlocks 0: rows are not cut.
template<typename T, int kRank>
int launchForward(const ForwardArguments& arguments, Stream stream) {
    const ScanProblem& p = arguments.problem;
    const auto launch = [&](auto* kernel, std::size_t sharedBytes, int channels, int threads, int cluster) {
        LaunchShape shape;
        shape.clusterBlocks = cluster;
        shape.grid = dim3(static_cast<unsigned>(blocksFor(p.channels, channels) * cluster),
                          static_cast<unsigned>(p.directions), static_cast<unsigned>(p.batch));
        shape.block = dim3(static_cast<unsigned>(threads));
        shape.sharedBytes = static_cast<int>(sharedBytes);
        return launchEarly(kernel, shape, stream, arguments);
    };
    const auto launchPieces = [&](auto number) {
        constexpr int kShape = decltype(number)::value;
        using Shared = PiecesShared<T, kRank, kShape>;
        static_assert(sizeof(Shared) == kPieceShapes[kShape].sharedBytes(sizeof(T), kRank));
        return launch(&scanPiecesKernel<T, kRank, kShape>, sizeof(Shared), Shared::kChannels,
                      Shared::kOwn.threads(), arguments.clusterBlocks);
    };
    if (arguments.clusterBlocks == 0)
        return launch(&scanRowsKernel<T, kRank>, sizeof(RowsShared<T, kRank>), kRowChannels, kRowThreads, 1);
    switch (arguments.pieceShape) {
    case 0:
        return launchPieces(std::integral_constant<int, 0>{});
    case 1:
        return launchPieces(std::integral_constant<int, 1>{});
    case 2:
        return launchPieces(std::integral_constant<int, 2>{});
    default:
        return launchPieces(std::integral_constant<int, kPairedShape>{});
    }
}

template<typename T>
int launchForwardForRank(const ForwardArguments& arguments, Stream stream) {
    const int rank = arguments.problem.rank;
    if (rank > kMaxRank)
        return static_cast<int>(cudaErrorInvalidValue);
    switch (paddedRank(rank)) {
    case 8:
        return launchForward<T, 8>(arguments, stream);
    case 12:
        return launchForward<T, 12>(arguments, stream);
    case 24:
        return launchForward<T, 24>(arguments, stream);
    default:
        return launchForward<T, kMaxRank>(arguments, stream);
    }
}

bool empty(const ScanProblem& p) {
    return p.batch <= 0 || p.height <= 0 || p.width <= 0 || p.channels <= 0;
}

} // namespace

int countActiveClusters(GpuShape& gpu) {
    const auto count = [&](auto* kernel, int threads, std::size_t sharedBytes, int(&active)[4]) {
        cudaError_t code = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                static_cast<int>(sharedBytes));
        for (int size = 1; code == cudaSuccess && (1 << size) <= kMaxClusterBlocks; ++size) {
            cudaLaunchAttribute attribute{};
            attribute.id = cudaLaunchAttributeClusterDimension;
            attribute.val.clusterDim.x = 1u << size;
            attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
            cudaLaunchConfig_t config{};
            config.gridDim = dim3(1u << size, static_cast<unsigned>(2 * gpu.multiprocessors));
            config.blockDim = dim3(static_cast<unsigned>(threads));
            config.dynamicSmemBytes = sharedBytes;
            config.attrs = &attribute;
            config.numAttrs = 1;
            code = cudaOccupancyMaxActiveClusters(&active[size], kernel, &config);
        }
        return code;
    };
    gpu.activeClusters[0] = gpu.multiprocessors;
    gpu.activePairs[0] = 2 * gpu.multiprocessors;
    if (!gpu.clusters)
        return 0;
    const cudaError_t code = count(&scanPiecesKernel<__nv_bfloat16, 24, 0>, kPieceShapes[0].threads(),
                                   sizeof(PiecesShared<__nv_bfloat16, 24, 0>), gpu.activeClusters);
    return static_cast<int>(
        code != cudaSuccess
            ? code
            : count(&scanPiecesKernel<__nv_bfloat16, 8, kPairedShape>, kPieceShapes[kPairedShape].threads(),
                    sizeof(PiecesShared<__nv_bfloat16, 8, kPairedShape>), gpu.activePairs));
}

int scanForward(const ScanProblem& problem, const ScanPlan& plan, void* y, float* saved, Stream stream) {
    if (empty(problem))
        return 0;
    if (!offsetsFit(problem) || !isPossible(plan, saved != nullptr))
        return static_cast<int>(cudaErrorInvalidValue);
    const ForwardArguments arguments{problem, plan.clusterBlocks, plan.pieceShape, plan.pieceSteps, y, saved};
    switch (problem.element) {
    case Element::Float32:
        return launchForwardForRank<float>(arguments, stream);
    case Element::BFloat16:
        return launchForwardForRank<__nv_bfloat16>(arguments, stream);
    case Element::Float16:
        return launchForwardForRank<__half>(arguments, stream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

} // namespace limn::gpu
