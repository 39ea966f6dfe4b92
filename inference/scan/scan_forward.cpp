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
    alignas(64) float y[kTileFloats<kForwardGroup>];
};

} // namespace limn::scan
#endif

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

// States that are kept in registers at a time, beside the seven constants of the power.
#if HWY_TARGET <= HWY_AVX3
constexpr int kForwardBlock = 16;
#else
constexpr int kForwardBlock = 4;
#endif
// Powers that are computed side by side, so that one's waits are filled by the others.
constexpr int kChains = 4;

// Steps between the request for a row of y and its use. Rows of a column of the image often lie a multiple of
// 4096 bytes apart, where the first-level cache holds no more than eight of them.
constexpr int kSoon = 6;

// Where a tile's results go.
struct Outputs {
    float* y = nullptr; // row 0 of the unit's channels
    std::int64_t stride = 0;
    bool add = false; // to what other directions left there
};

// What runStates() asks the caches for on its way: the rows of the next tile, shared out among the calls of
// this one.
struct Ahead {
    const ScanShape* shape = nullptr;
    const ScanInputs* inputs = nullptr;
    int call = 0; // of `calls` for this tile
    int calls = 1;
};

// kForwardBlock states of one vector of channels through the tile. The first block begins a step's sum with
// D u, the last one hands it on; scratch.y keeps it between blocks.
template<bool kInRange>
HWY_INLINE void runStates(ForwardScratch& scratch, const Outputs& outputs, const Ahead& ahead, int v,
                          int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kForwardGroup>& group = scratch.group;
    float* states = scratch.states + state * kForwardGroup + v * lanes;
    const float* HWY_RESTRICT rates = group.rates + state * kForwardGroup + v * lanes;
    const float* HWY_RESTRICT b = group.coefficients + state;
    const float* HWY_RESTRICT c = b + kScanStates;
    const std::size_t part = static_cast<std::size_t>(group.channels - v * lanes);
    const bool isFirst = state == 0;
    const bool isLast = state + kForwardBlock == kScanStates;
    const Vec skip = hn::Load(d, group.skip + v * lanes);
    Vec h[kForwardBlock];
#pragma GCC unroll 16
    for (int n = 0; n < kForwardBlock; ++n)
        h[n] = hn::Load(d, states + n * kForwardGroup);
    int nextStep = ahead.call * kTile / ahead.calls;
    int untilNext = (nextStep + 1) * ahead.calls - ahead.call * kTile;
    // What is in y is read a step before it is written: rows may lie so that a load has to wait for the store
    // before it.
    float* to = outputs.y + v * lanes;
    const bool reads = isLast && outputs.add;
    Vec there = reads ? loadPart(d, to + group.rows[0] * outputs.stride, part) : hn::Zero(d);
    for (int t = 0; t < group.steps; ++t) {
        const Vec own = there;
        if (isLast)
            hwy::Prefetch(to + group.rows[t + kSoon] * outputs.stride);
        if (reads)
            there = loadPart(d, to + group.rows[t + 1] * outputs.stride, part);
        if (--untilNext == 0) {
            prefetchSteps(*ahead.shape, *ahead.inputs, group, nullptr, nextStep, nextStep + 1);
            ++nextStep;
            untilNext = ahead.calls;
        }
        const int at = t * kForwardGroup + v * lanes;
        const Vec s = hn::Load(d, group.step + at);
        const Vec x = hn::Load(d, group.stepInput + at);
        Vec sum = isFirst ? hn::Mul(skip, hn::Load(d, group.u + at)) : hn::Load(d, scratch.y + at);
#pragma GCC unroll 16
        for (int n = 0; n < kForwardBlock; n += kChains) {
            Vec decay[kChains];
            decaysOf<kInRange>(d, s, rates + n * kForwardGroup, kForwardGroup, decay);
#pragma GCC unroll 16
            for (int i = 0; i < kChains; ++i) {
                h[n + i] = hn::MulAdd(decay[i], h[n + i], hn::Mul(x, hn::Set(d, b[n + i])));
                sum = hn::MulAdd(h[n + i], hn::Set(d, c[n + i]), sum);
            }
        }
        b += 2 * kScanStates;
        c += 2 * kScanStates;
        if (isLast) {
            storePart(d, hn::Add(own, sum), to + group.rows[t] * outputs.stride, part);
        } else {
            hn::Store(sum, d, scratch.y + at);
        }
    }
#pragma GCC unroll 16
    for (int n = 0; n < kForwardBlock; ++n)
        hn::Store(h[n], d, states + n * kForwardGroup);
}

void forwardUnit(const ScanShape& shape, const ScanInputs& inputs, float* y, float* borders,
                 std::int64_t batchItem, std::int64_t firstChannel, int mostChannels,
                 ForwardScratch& scratch) {
    StagedGroup<kForwardGroup>& group = scratch.group;
    const std::int64_t length = shape.length();
    Outputs outputs;
    outputs.y = y + batchItem * length * shape.channels + firstChannel;
    outputs.stride = shape.channels;
    for (int direction = 0; direction < shape.directions; ++direction) {
        stageParameters(shape, inputs, batchItem, firstChannel, mostChannels, direction, group);
        outputs.add = direction > 0;
        const int vectors = vectorsOf(group);
        std::fill(std::begin(scratch.states), std::end(scratch.states), 0.0f);
        // A unit of a large image takes a tenth of a second: longer than a cancel may wait.
        for (std::int64_t first = 0; first < length && !stopWanted(); first += kTile) {
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
            Ahead ahead{&shape, &inputs, 0, vectors * (kScanStates / kForwardBlock)};
            for (int v = 0; v < vectors; ++v) {
                const bool inRange = powersInRange(group, v);
                for (int state = 0; state < kScanStates; state += kForwardBlock, ++ahead.call) {
                    if (inRange)
                        runStates<true>(scratch, outputs, ahead, v, state);
                    else
                        runStates<false>(scratch, outputs, ahead, v, state);
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
