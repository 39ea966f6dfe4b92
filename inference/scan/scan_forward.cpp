// SPDX-License-Identifier: GPL-3.0-or-later
// The forward scan on the processor. A unit of work is one group of channels of one image: a thread runs its
// four directions one after the other and adds them into y, so that the order of every sum is fixed.
#include "inference/scan/selective_scan.h"

#include "inference/scan/scan_tile.h"
#include "inference/scan/thread_pool.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inference/scan/scan_forward.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "inference/scan/scan_tile-inl.h"

#ifndef LIMN_SCAN_FORWARD_ONCE
#define LIMN_SCAN_FORWARD_ONCE
namespace limn::scan {

// Channels of a unit: a cache line of each row, or two where that leaves work enough for every thread.
constexpr int kForwardGroup = 32;
constexpr int kNarrowGroup = 16;

struct ForwardScratch {
    explicit ForwardScratch(const ScanShape& shape) : group(shape) {}
    StagedGroup<kForwardGroup> group;
    alignas(64) float states[kScanStates * kForwardGroup]; // [16][kForwardGroup]
    alignas(64) float y[kTile * kForwardGroup];
};

} // namespace limn::scan
#endif

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

// Four states of one vector of channels through the tile; adds C h to scratch.y.
HWY_INLINE void runStates(ForwardScratch& scratch, int v, int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kForwardGroup>& group = scratch.group;
    float* states = scratch.states + state * kForwardGroup + v * lanes;
    const float* HWY_RESTRICT decays = group.decays;
    const float* HWY_RESTRICT stepInput = group.stepInput + v * lanes;
    const float* HWY_RESTRICT b = group.coefficients + state;
    const float* HWY_RESTRICT c = b + kScanStates;
    float* HWY_RESTRICT y = scratch.y + v * lanes;
    Vec h0 = hn::Load(d, states);
    Vec h1 = hn::Load(d, states + kForwardGroup);
    Vec h2 = hn::Load(d, states + 2 * kForwardGroup);
    Vec h3 = hn::Load(d, states + 3 * kForwardGroup);
    for (int t = 0; t < group.steps; ++t) {
        const Vec x = hn::Load(d, stepInput);
        h0 = hn::MulAdd(hn::Load(d, decays), h0, hn::Mul(x, hn::Set(d, b[0])));
        h1 = hn::MulAdd(hn::Load(d, decays + lanes), h1, hn::Mul(x, hn::Set(d, b[1])));
        h2 = hn::MulAdd(hn::Load(d, decays + 2 * lanes), h2, hn::Mul(x, hn::Set(d, b[2])));
        h3 = hn::MulAdd(hn::Load(d, decays + 3 * lanes), h3, hn::Mul(x, hn::Set(d, b[3])));
        const Vec y01 = hn::MulAdd(h1, hn::Set(d, c[1]), hn::MulAdd(h0, hn::Set(d, c[0]), hn::Load(d, y)));
        const Vec y23 = hn::MulAdd(h3, hn::Set(d, c[3]), hn::Mul(h2, hn::Set(d, c[2])));
        hn::Store(hn::Add(y01, y23), d, y);
        decays += kStateBlock * lanes;
        stepInput += kForwardGroup;
        b += 2 * kScanStates;
        c += 2 * kScanStates;
        y += kForwardGroup;
    }
    hn::Store(h0, d, states);
    hn::Store(h1, d, states + kForwardGroup);
    hn::Store(h2, d, states + 2 * kForwardGroup);
    hn::Store(h3, d, states + 3 * kForwardGroup);
}

void forwardUnit(const ScanShape& shape, const ScanInputs& inputs, float* y, float* borders,
                 std::int64_t batchItem, std::int64_t firstChannel, int mostChannels,
                 ForwardScratch& scratch) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    StagedGroup<kForwardGroup>& group = scratch.group;
    const std::int64_t length = shape.length();
    float* out = y + batchItem * length * shape.channels + firstChannel;
    for (int direction = 0; direction < shape.directions; ++direction) {
        stageParameters(shape, inputs, batchItem, firstChannel, mostChannels, direction, group);
        const int vectors = vectorsOf(group);
        std::fill(std::begin(scratch.states), std::end(scratch.states), 0.0f);
        for (std::int64_t first = 0; first < length; first += kTile) {
            const int steps = static_cast<int>(std::min<std::int64_t>(kTile, length - first));
            if (borders != nullptr) {
                float* border =
                    borders + borderOffset(shape, batchItem, direction, first / kTile) + firstChannel;
                for (int n = 0; n < kScanStates; ++n)
                    std::copy_n(scratch.states + n * kForwardGroup, group.channels,
                                border + n * shape.channels);
            }
            const std::int64_t next = first + kTile < length ? first + kTile : -1;
            stageTile(shape, inputs, first, steps, next, group, nullptr);
            const int blocks = vectors * (kScanStates / kStateBlock);
            int block = 0;
            for (int v = 0; v < vectors; ++v) {
                const Vec skip = hn::Load(d, group.skip + v * lanes);
                for (int t = 0; t < steps; ++t) {
                    const int at = t * kForwardGroup + v * lanes;
                    hn::Store(hn::Mul(skip, hn::Load(d, group.u + at)), d, scratch.y + at);
                }
                for (int state = 0; state < kScanStates; state += kStateBlock) {
                    prefetchSteps(shape, inputs, group, y, block * kTile / blocks,
                                  (block + 1) * kTile / blocks);
                    ++block;
                    fillDecays(group, v, state);
                    runStates(scratch, v, state);
                }
                const std::size_t part = static_cast<std::size_t>(group.channels - v * lanes);
                for (int t = 0; t < steps; ++t) {
                    float* to = out + group.rows[t] * shape.channels + v * lanes;
                    Vec sum = hn::Load(d, scratch.y + t * kForwardGroup + v * lanes);
                    if (direction > 0)
                        sum = hn::Add(loadPart(d, to, part), sum);
                    storePart(d, sum, to, part);
                }
            }
        }
    }
}

const char* instructionSet() {
    return hwy::TargetName(HWY_TARGET);
}

} // namespace HWY_NAMESPACE
} // namespace limn::scan
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace limn {
namespace scan {
HWY_EXPORT(forwardUnit);
HWY_EXPORT(instructionSet);
} // namespace scan

const char* scanInstructionSet() {
    using namespace scan;
    return HWY_DYNAMIC_DISPATCH(instructionSet)();
}

std::int64_t scanBorderCount(const ScanShape& shape) {
    return shape.batch * shape.directions * scan::tileCount(shape) * kScanStates * shape.channels;
}

void selectiveScanForwardCpu(const ScanShape& shape, const ScanInputs& inputs, float* y, int threads,
                             float* borders) {
    using namespace scan;
    if (shape.batch <= 0 || shape.length() <= 0 || shape.channels <= 0)
        return;
    threads = resolveThreads(threads);
    // No sum goes over channels, so that the results do not depend on this choice.
    const std::int64_t wideUnits = shape.batch * ((shape.channels + kForwardGroup - 1) / kForwardGroup);
    const int width = wideUnits % threads == 0 || wideUnits >= 6 * threads ? kForwardGroup : kNarrowGroup;
    const std::int64_t groups = (shape.channels + width - 1) / width;
    std::vector<hwy::AlignedUniquePtr<ForwardScratch>> scratch(static_cast<std::size_t>(threads));
    runParallel(threads, shape.batch * groups, [&](std::int64_t unit, int participant) {
        hwy::AlignedUniquePtr<ForwardScratch>& own = scratch[static_cast<std::size_t>(participant)];
        if (!own)
            own = hwy::MakeUniqueAligned<ForwardScratch>(shape);
        HWY_DYNAMIC_DISPATCH(forwardUnit)
        (shape, inputs, y, borders, unit / groups, unit % groups * width, width, *own);
    });
}

} // namespace limn
#endif
