// SPDX-License-Identifier: GPL-3.0-or-later
// Selective scan over four paths, the forward run. Formula and layouts: scan/selective_scan.h.
//
// A channel of one path belongs to four neighbouring threads, each with four of its sixteen states in
// registers; a warp holds 8 channels. Steps are staged 32 at a time in shared memory: the projected rows (dt,
// B, C), the step sizes (computed there once per channel, not once per state) and u. Rows are read in raster
// order through an index, so that no path needs a flipped or transposed copy. The four partial sums of y are
// combined by three shuffles for every four steps; thread q ends up with step 4 i + q and writes it.
//
// Order of summing: over states first (4 in a thread, then over the quad), always the same: equal bits every
// run.
#include "inference/cuda/kernels.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

namespace limn::gpu {

namespace {

constexpr unsigned kFullWarp = 0xffffffffu;

template<typename T>
__device__ __forceinline__ float toFloat(T value) {
    return static_cast<float>(value);
}
template<typename T>
__device__ __forceinline__ T fromFloat(float value) {
    return static_cast<T>(value);
}

struct ForwardArguments {
    ScanProblem problem;
    int chunks;
    int chunkSteps;
    void* y;
    float* saved;
    float* chunkState; // [batch][directions][chunks][channels][16]
    float* chunkDelta; // [batch][directions][chunks][channels]
};

// kRank: rank rounded up to a multiple of 4; kStatesOnly: the first of the two runs over a chunked row, which
// only finds the state that a chunk started from zero ends with, and the sum of its steps.
template<typename T, int kRank, bool kStatesOnly>
__global__ void __launch_bounds__(kForwardChannels* kQuads)
    scanForwardKernel(const __grid_constant__ ForwardArguments arguments) {
    constexpr int kSlice = kRank + 2 * kStates;
    constexpr int kURow = kForwardChannels + 8; // rows of u start 8 banks apart: a quad reads 4 rows at once
    __shared__ __align__(16) float sProjected[kTileSteps][kSlice];
    __shared__ __align__(16) float2 sSteps[kTileSteps][kForwardChannels];
    __shared__ float sU[kStatesOnly ? 1 : kTileSteps][kURow];
    __shared__ int sRow[kTileSteps];

    const ScanProblem& p = arguments.problem;
    const int length = p.height * p.width;
    const int path = blockIdx.y / arguments.chunks;
    const int chunk = blockIdx.y - path * arguments.chunks;
    const int image = blockIdx.z;
    const int thread = threadIdx.x;
    const int warp = thread / 32;
    const int lane = thread % 32;
    const int firstChannel = blockIdx.x * kForwardChannels;
    const int sliceIn = p.rankStride + 2 * kStates;
    const std::int64_t projectedWidth = static_cast<std::int64_t>(p.directions) * sliceIn;

    // As loader: one channel per lane.
    const int loadChannel = firstChannel + lane;
    const bool loadValid = loadChannel < p.channels;
    const std::int64_t loadIndex =
        static_cast<std::int64_t>(path) * p.channels + (loadValid ? loadChannel : 0);
    float weight[kRank];
#pragma unroll
    for (int r = 0; r < kRank; ++r)
        weight[r] = loadValid && r < p.rank ? p.dtWeight[loadIndex * p.rank + r] : 0.0f;
    const float bias = loadValid ? p.dtBias[loadIndex] : 0.0f;

    // As scanner: a channel per quad of threads.
    const int quad = thread % kQuads;
    const int localChannel = thread / kQuads;
    const int channel = firstChannel + localChannel;
    const bool valid = channel < p.channels;
    const std::int64_t channelIndex = static_cast<std::int64_t>(path) * p.channels + (valid ? channel : 0);
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

    const T* u = static_cast<const T*>(p.u) + static_cast<std::int64_t>(image) * length * p.channels;
    const T* projected = static_cast<const T*>(p.projected) +
                         static_cast<std::int64_t>(image) * length * projectedWidth +
                         static_cast<std::int64_t>(path) * sliceIn;
    T* y = static_cast<T*>(arguments.y) +
           (static_cast<std::int64_t>(path) * p.batch + image) * length * p.channels;
    const int begin = chunk * arguments.chunkSteps;
    const int end = min(length, begin + arguments.chunkSteps);
    const int tilesOfRow = (length + kTileSteps - 1) / kTileSteps;
    float deltaSum = 0.0f;

    for (int tile = begin; tile < end; tile += kTileSteps) {
        __syncthreads(); // the previous tile has been read
#pragma unroll
        for (int i = 0; i < kTileSteps / 4; ++i) {
            const int step = warp + 4 * i;
            const int t = tile + step;
            const bool inside = t < end;
            const int row = rasterRow(path, inside ? t : end - 1, p.height, p.width);
            if (lane == 0)
                sRow[step] = row;
            const T* source = projected + row * projectedWidth;
#pragma unroll
            for (int column = lane; column < kSlice; column += 32) {
                // Columns up to kRank are dt (padded with zeros), then 16 of B, then 16 of C.
                const bool isStep = column < kRank;
                const bool exists = inside && (!isStep || column < p.rank);
                const int from = isStep ? column : column - kRank + p.rankStride;
                const float value = exists ? toFloat(source[from]) : 0.0f;
                sProjected[step][column] = isStep ? value : clampInput(value);
            }
            const float uValue = inside && loadValid
                                     ? toFloat(u[static_cast<std::int64_t>(row) * p.channels + loadChannel])
                                     : 0.0f;
            __syncwarp();
            float raw = bias;
#pragma unroll
            for (int r = 0; r < kRank; ++r)
                raw += weight[r] * sProjected[step][r];
            // Steps past the end change nothing: a decay of 1 and nothing added.
            const float delta = inside ? softplus(raw) : 0.0f;
            sSteps[step][lane] = make_float2(delta, clampInput(delta * uValue));
            if (!kStatesOnly)
                sU[step][lane] = uValue;
        }
        __syncthreads();

        if (!kStatesOnly && arguments.saved != nullptr && valid) {
            const std::int64_t index = (imagePath * tilesOfRow + tile / kTileSteps) * p.channels + channel;
            *reinterpret_cast<float4*>(arguments.saved + index * kStates + quad * kQuadStates) =
                make_float4(h[0], h[1], h[2], h[3]);
        }

#pragma unroll 2
        for (int group = 0; group < kTileSteps; group += 4) {
            float part[4];
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const float2 step = sSteps[group + j][localChannel];
                const float4 bRow =
                    *reinterpret_cast<const float4*>(&sProjected[group + j][kRank + quad * kQuadStates]);
                const float b[kQuadStates] = {bRow.x, bRow.y, bRow.z, bRow.w};
                if (kStatesOnly) {
                    deltaSum += step.x;
#pragma unroll
                    for (int n = 0; n < kQuadStates; ++n)
                        h[n] = exp2Unit(step.x * a2[n]) * h[n] + step.y * b[n];
                } else {
                    const float4 cRow = *reinterpret_cast<const float4*>(
                        &sProjected[group + j][kRank + kStates + quad * kQuadStates]);
                    const float c[kQuadStates] = {cRow.x, cRow.y, cRow.z, cRow.w};
                    part[j] = (j & 1) != 0 ? stepStates<true>(h, a2, step.x, step.y, b, c)
                                           : stepStates<false>(h, a2, step.x, step.y, b, c);
                }
            }
            if (!kStatesOnly) {
                // Sum over the quad and hand out: thread q keeps step group + q.
                const bool odd = (lane & 1) != 0;
                float low = odd ? part[1] : part[0];
                float high = odd ? part[3] : part[2];
                low += __shfl_xor_sync(kFullWarp, odd ? part[0] : part[1], 1);
                high += __shfl_xor_sync(kFullWarp, odd ? part[2] : part[3], 1);
                const bool upper = (lane & 2) != 0;
                float own = upper ? high : low;
                own += __shfl_xor_sync(kFullWarp, upper ? low : high, 2);
                const int step = group + quad;
                if (valid && tile + step < end)
                    y[static_cast<std::int64_t>(sRow[step]) * p.channels + channel] =
                        fromFloat<T>(own + skip * sU[step][localChannel]);
            }
        }
    }

    if (kStatesOnly && valid) {
        const std::int64_t index = (imagePath * arguments.chunks + chunk) * p.channels + channel;
        *reinterpret_cast<float4*>(arguments.chunkState + index * kStates + quad * kQuadStates) =
            make_float4(h[0], h[1], h[2], h[3]);
        if (quad == 0)
            arguments.chunkDelta[index] = deltaSum;
    }
}

template<typename T, int kRank>
int launchForward(const ForwardArguments& arguments, cudaStream_t stream) {
    const ScanProblem& p = arguments.problem;
    const dim3 grid((p.channels + kForwardChannels - 1) / kForwardChannels, p.directions * arguments.chunks,
                    p.batch);
    if (arguments.chunks > 1)
        scanForwardKernel<T, kRank, true><<<grid, kForwardChannels * kQuads, 0, stream>>>(arguments);
    scanForwardKernel<T, kRank, false><<<grid, kForwardChannels * kQuads, 0, stream>>>(arguments);
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
    case Element::Float16:
        return launchForwardForRank<__half>(arguments, cudaStream);
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

} // namespace limn::gpu
