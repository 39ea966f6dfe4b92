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

bool isPossible(const ScanPlan& plan, bool keepStates) {
    if (plan.clusterBlocks == 0)
        return true;
    return plan.pieceShape >= 0 && plan.pieceShape < kPieceShapeCount && plan.pieceSteps <= kTileSteps &&
           (!keepStates || plan.pieceSteps == kTileSteps);
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
    // Pieces are read twice: that pays where whole rows would leave half of the multiprocessors idle,
    // and asks for more shared memory than smaller GPUs have.
    if (2 * blocksOf(kRowChannels) > gpu.multiprocessors)
        return plan;
    const int elementBytes = problem.element == Element::Float32 ? 4 : 2;
    // What a round costs beside its steps: staging, and putting the pieces together. In steps, as measured.
    constexpr int kRoundCost = 5;
    // A multiprocessor does less at a time with few warps: as if it had these beside them.
    constexpr int kIdleWarps = 4;
    constexpr int kSystemBytes = 1024; // of a block's shared memory
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (int number = 0; number < kPieceShapeCount; ++number) {
        const PieceShape& shape = kPieceShapes[number];
        const bool isPaired = number == kPairedShape;
        const std::int64_t bytes = shape.sharedBytes(elementBytes, paddedRank(problem.rank));
        if (bytes > gpu.sharedBytes ||
            (isPaired && 2 * (bytes + kSystemBytes) > gpu.sharedBytes + kSystemBytes))
            continue;
        for (int size = 0; (1 << size) <= kMaxClusterBlocks; ++size) {
            const int active = isPaired ? gpu.activePairs[size] : gpu.activeClusters[size];
            if (active <= 0)
                continue;
            const std::int64_t clusters = blocksOf(shape.channels());
            const int pieces = shape.pieces() << size;
            const int rounds = divideUp(length, pieces * kTileSteps);
            const int steps = keepStates
                                  ? kTileSteps
                                  : divideUp(divideUp(length, rounds * pieces), kPieceGroup) * kPieceGroup;
            const int blocksTogether = isPaired && (clusters << size) > gpu.multiprocessors ? 2 : 1;
            const int warps = shape.warps() * blocksTogether;
            const std::int64_t cost = std::int64_t{divideUp(clusters, active)} * rounds *
                                      (steps + kRoundCost) * (warps + kIdleWarps);
            if (cost >= least)
                continue;
            least = cost;
            plan.clusterBlocks = 1 << size;
            plan.pieceShape = number;
            plan.pieceSteps = steps;
        }
    }
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
