// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/scan_plan.h"

#include "inference/cuda/kernels.h"

#include <algorithm>
#include <limits>

namespace limn::gpu {

namespace {

int divideUp(std::int64_t count, int size) {
    return static_cast<int>((count + size - 1) / size);
}

} // namespace

bool offsetsFit(const ScanProblem& problem) {
    const std::int64_t widest = std::max<std::int64_t>(
        problem.channels, static_cast<std::int64_t>(problem.directions) * (problem.rankStride + 2 * kStates));
    return static_cast<std::int64_t>(problem.height) * problem.width * widest <=
           std::numeric_limits<std::int32_t>::max();
}

ScanPlan planScan(const ScanProblem& problem, const GpuShape& gpu, bool keepStates) {
    ScanPlan plan;
    const int length = problem.height * problem.width;
    const std::int64_t rows =
        static_cast<std::int64_t>(problem.batch) * problem.directions * problem.channels;
    plan.savedFloats = rows * divideUp(length, kTileSteps) * kStates;
    const auto blocksOf = [&](int channels) {
        return static_cast<std::int64_t>(divideUp(problem.channels, channels)) * problem.directions *
               problem.batch;
    };
    // Pieces are read twice: that pays where whole rows would leave half of the multiprocessors idle.
    if (2 * blocksOf(kRowChannels) > gpu.multiprocessors)
        return plan;
    constexpr int kBlockSteps = kPieceWarps * kTileSteps;
    plan.clusterBlocks = gpu.clusters ? std::min(divideUp(length, kBlockSteps), kMaxClusterBlocks) : 1;
    plan.pieceSteps = kTileSteps;
    if (keepStates)
        return plan; // which are kept at every 32nd step
    if (gpu.clusters && 2 * plan.clusterBlocks <= kMaxClusterBlocks &&
        plan.clusterBlocks * blocksOf(kPieceChannels) < gpu.multiprocessors)
        plan.clusterBlocks *= 2;
    const int rounds = divideUp(length, plan.clusterBlocks * kBlockSteps);
    const int steps = divideUp(length, rounds * plan.clusterBlocks * kPieceWarps);
    plan.pieceSteps = divideUp(steps, kPieceGroup) * kPieceGroup;
    return plan;
}

ScanBackwardSizes scanBackwardSizes(const ScanProblem& problem) {
    const std::int64_t rows = static_cast<std::int64_t>(problem.batch) * problem.height * problem.width;
    const std::int64_t blocks = (problem.channels + kBackwardChannels - 1) / kBackwardChannels;
    ScanBackwardSizes sizes;
    sizes.gradU = rows * problem.directions * problem.channels;
    sizes.partialProjected = blocks * rows * problem.directions * (problem.rankStride + 2 * kStates);
    sizes.partialSums = static_cast<std::int64_t>(problem.batch) * problem.directions * problem.channels *
                        (kPartialSums + problem.rank);
    return sizes;
}

int depthwisePartials(int batch, int height) {
    return batch * height;
}

int normPartials(std::int64_t rows) {
    const std::int64_t warps = std::min<std::int64_t>(kMaxPartialWarps, rows);
    return static_cast<int>((warps + kThreads / 32 - 1) / (kThreads / 32) * (kThreads / 32));
}

} // namespace limn::gpu
