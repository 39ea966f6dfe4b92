// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/scan_plan.h"

#include "inference/cuda/kernels.h"

#include <algorithm>
#include <limits>

namespace limn::gpu {

namespace {

constexpr std::int64_t kLeastCutLength = 256;

} // namespace

bool offsetsFit(const ScanProblem& problem) {
    const std::int64_t widest = std::max<std::int64_t>(
        problem.channels, static_cast<std::int64_t>(problem.directions) * (problem.rankStride + 2 * kStates));
    return static_cast<std::int64_t>(problem.height) * problem.width * widest <=
           std::numeric_limits<std::int32_t>::max();
}

ScanPlan planScan(const ScanProblem& problem, int multiprocessors) {
    ScanPlan plan;
    const std::int64_t length = static_cast<std::int64_t>(problem.height) * problem.width;
    const std::int64_t tiles = (length + kTileSteps - 1) / kTileSteps;
    const std::int64_t blocks =
        static_cast<std::int64_t>((problem.channels + kForwardChannels - 1) / kForwardChannels) *
        problem.directions * problem.batch;
    // A second run over the row costs about three quarters of the first, so a row is only cut where its
    // blocks (4 warps each) would leave most of the multiprocessors' schedulers idle, and is long enough for
    // two launches.
    std::int64_t chunks = 1;
    if (blocks < multiprocessors && length >= kLeastCutLength)
        chunks = std::min<std::int64_t>(
            {(3 * static_cast<std::int64_t>(multiprocessors) + blocks / 2) / blocks, tiles / 2, 64});
    const std::int64_t tilesPerChunk = (tiles + chunks - 1) / chunks;
    plan.chunkSteps = static_cast<int>(tilesPerChunk * kTileSteps);
    plan.chunks = static_cast<int>((tiles + tilesPerChunk - 1) / tilesPerChunk);
    const std::int64_t rows =
        static_cast<std::int64_t>(problem.batch) * problem.directions * problem.channels;
    plan.scratchFloats = plan.chunks > 1 ? rows * plan.chunks * (kStates + 1) : 0;
    plan.savedFloats = rows * tiles * kStates;
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

int normGatePartials(std::int64_t rows) {
    const std::int64_t warps = std::min<std::int64_t>(kMaxPartialWarps, rows);
    return static_cast<int>((warps + kThreads / 32 - 1) / (kThreads / 32) * (kThreads / 32));
}

} // namespace limn::gpu
