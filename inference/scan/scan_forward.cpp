// SPDX-License-Identifier: GPL-3.0-or-later
// The forward scan on the processor. A unit of work is one group of channels of one image: a thread runs its
// four directions one after the other and adds them into y, so that the order of every sum is fixed. Where
// there are too few of these for the threads, each direction is a unit, and their results are added in the
// same order.
#include "inference/scan/selective_scan.h"

#include "inference/scan/scan_tile.h"
#include "inference/scan/thread_pool.h"

#include <algorithm>
#include <iterator>
#include <memory>

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

// In the network's maps the pixels of a column lie a multiple of 4096 bytes apart, of which caches hold only
// a few. A unit's part of a small map is therefore copied to where they do not: with one pixel between its
// rows.
inline std::int64_t nearPitch(const ScanShape& shape) {
    return shape.width + 1;
}

// Pixels of such a copy; 0: the map is too large for it to stay in the second cache.
inline std::int64_t nearPixels(const ScanShape& shape) {
    constexpr std::int64_t kMost = 64 * 65;
    const std::int64_t pixels = shape.height * nearPitch(shape);
    return pixels <= kMost ? pixels : 0;
}

struct ForwardScratch {
    StagedGroup<kForwardGroup> group;
    // A unit's u, and its y while directions are added: [2][height][nearPitch][kForwardGroup].
    hwy::AlignedFreeUniquePtr<float[]> near;
    std::int64_t roomForPixels = 0;                        // in each of near's two
    alignas(64) float states[kScanStates * kForwardGroup]; // [16][kForwardGroup]
    alignas(64) float y[kTileFloats<kForwardGroup>];

    void fit(const ScanShape& shape) {
        group.fit(shape);
        if (nearPixels(shape) <= roomForPixels)
            return;
        roomForPixels = nearPixels(shape);
        near = hwy::AllocateAligned<float>(static_cast<std::size_t>(2 * roomForPixels * kForwardGroup));
    }

    // This thread's, a megabyte at most.
    static ForwardScratch& own(const ScanShape& shape) {
        thread_local const hwy::AlignedUniquePtr<ForwardScratch> scratch =
            hwy::MakeUniqueAligned<ForwardScratch>();
        scratch->fit(shape);
        return *scratch;
    }
};

} // namespace limn::scan
#endif

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

#if HWY_TARGET <= HWY_AVX3
// With 32 registers the states of one vector of channels stay in them, beside the seven constants of the
// power. Powers that are computed side by side, so that one's waits are filled by the others.
constexpr int kChains = 4;
#else
// With 16 registers the powers of kStateBlock states are made first, and then two vectors of channels run
// through these states: they share the coefficients that are spread over the lanes.
constexpr int kVectorsAtOnce = 2;
static_assert(kVectorsAtOnce * hn::MaxLanes(Tag()) <= kMostLanes);
#endif

// Steps between the request for a row of y and its use.
constexpr int kSoon = 6;

// Where a tile's results go.
struct Outputs {
    float* y = nullptr;      // pixel 0 of the unit's channels
    std::int64_t stride = 0; // from pixel to pixel; they lie as those of the group's uSource
    bool add = false;        // to what other directions left there
};

// What runStates() asks the caches for on its way: the rows of the next tile, shared out among the calls of
// this one.
struct Ahead {
    const ScanShape* shape = nullptr;
    const ScanInputs* inputs = nullptr;
    int call = 0; // of `calls` for this tile
    int calls = 1;
};

// The requests for the next tile's rows that fall to one call.
class Requests {
public:
    Requests(const Ahead& ahead, const StagedGroup<kForwardGroup>& group)
        : m_ahead(ahead)
        , m_group(group)
        , m_step(ahead.call * kTile / ahead.calls)
        , m_untilNext((m_step + 1) * ahead.calls - ahead.call * kTile) {}
    HWY_INLINE void afterStep() {
        if (--m_untilNext > 0)
            return;
        prefetchSteps(*m_ahead.shape, *m_ahead.inputs, m_group, nullptr, m_step, m_step + 1);
        ++m_step;
        m_untilNext = m_ahead.calls;
    }

private:
    const Ahead& m_ahead;
    const StagedGroup<kForwardGroup>& m_group;
    int m_step;
    int m_untilNext;
};

#if HWY_TARGET <= HWY_AVX3
// All states of one vector of channels through the tile.
template<bool kInRange>
HWY_NOINLINE void runStates(ForwardScratch& scratch, const Outputs& outputs, const Ahead& ahead, int v) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kForwardGroup>& group = scratch.group;
    float* states = scratch.states + v * lanes;
    const float* HWY_RESTRICT rates = group.rates + v * lanes;
    const float* HWY_RESTRICT b = group.coefficients;
    const float* HWY_RESTRICT c = b + kScanStates;
    const std::size_t part = static_cast<std::size_t>(group.channels - v * lanes);
    const Vec skip = hn::Load(d, group.skip + v * lanes);
    Vec h[kScanStates];
#pragma GCC unroll 16
    for (int n = 0; n < kScanStates; ++n)
        h[n] = hn::Load(d, states + n * kForwardGroup);
    Requests requests(ahead, group);
    // What is in y is read a step before it is written: rows may lie so that a load has to wait for the store
    // before it.
    float* to = outputs.y + v * lanes;
    Vec there = outputs.add ? loadPart(d, to + group.places[0] * outputs.stride, part) : hn::Zero(d);
    for (int t = 0; t < group.steps; ++t) {
        const Vec own = there;
        const int next = std::min(t + 1, group.steps - 1);
        hwy::Prefetch(to + group.places[std::min(t + kSoon, group.steps - 1)] * outputs.stride);
        if (outputs.add)
            there = loadPart(d, to + group.places[next] * outputs.stride, part);
        requests.afterStep();
        const int at = t * kForwardGroup + v * lanes;
        const Vec s = hn::Load(d, group.step + at);
        const Vec x = hn::Load(d, group.stepInput + at);
        Vec sum = hn::Mul(skip, hn::Load(d, group.u + at));
#pragma GCC unroll 16
        for (int n = 0; n < kScanStates; n += kChains) {
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
        storePart(d, hn::Add(own, sum), to + group.places[t] * outputs.stride, part);
    }
#pragma GCC unroll 16
    for (int n = 0; n < kScanStates; ++n)
        hn::Store(h[n], d, states + n * kForwardGroup);
}

HWY_INLINE void runTile(ForwardScratch& scratch, const Outputs& outputs, Ahead& ahead) {
    const int vectors = vectorsOf(scratch.group);
    ahead.calls = vectors;
    for (int v = 0; v < vectors; ++v, ++ahead.call) {
        if (powersInRange(scratch.group, v))
            runStates<true>(scratch, outputs, ahead, v);
        else
            runStates<false>(scratch, outputs, ahead, v);
    }
}
#else
// The decays of kStateBlock states of kVectors vectors of channels at every step of the tile,
// [kTile][kStateBlock] [kVectors][lanes]. Nothing here waits for the step before.
template<bool kInRange, int kVectors>
HWY_NOINLINE void makeDecays(StagedGroup<kForwardGroup>& group, int v, int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const float* HWY_RESTRICT rates = group.rates + state * kForwardGroup + v * lanes;
    const float* HWY_RESTRICT steps = group.step + v * lanes;
    float* HWY_RESTRICT decays = group.decays;
    for (int t = 0; t < group.steps; ++t) {
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i) {
            Vec decay[kStateBlock];
            decaysOf<kInRange>(d, hn::Load(d, steps + i * lanes), rates + i * lanes, kForwardGroup, decay);
#pragma GCC unroll 4
            for (int n = 0; n < kStateBlock; ++n)
                hn::Store(decay[n], d, decays + (n * kVectors + i) * lanes);
        }
        steps += kForwardGroup;
        decays += kStateBlock * kVectors * lanes;
    }
}

// kStateBlock states of kVectors vectors of channels through the tile. The first block begins a step's sum
// with D u, the last one hands it on; scratch.y keeps it between blocks.
template<int kVectors>
HWY_NOINLINE void runStates(ForwardScratch& scratch, const Ahead& ahead, int v, int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kForwardGroup>& group = scratch.group;
    float* states = scratch.states + state * kForwardGroup + v * lanes;
    const float* HWY_RESTRICT decays = group.decays;
    const float* HWY_RESTRICT b = group.coefficients + state;
    const float* HWY_RESTRICT c = b + kScanStates;
    const bool isFirst = state == 0;
    Vec h[kStateBlock][kVectors];
#pragma GCC unroll 4
    for (int n = 0; n < kStateBlock; ++n)
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i)
            h[n][i] = hn::Load(d, states + n * kForwardGroup + i * lanes);
    Requests requests(ahead, group);
    for (int t = 0; t < group.steps; ++t) {
        requests.afterStep();
        const int at = t * kForwardGroup + v * lanes;
        Vec x[kVectors], sum[kVectors];
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i) {
            x[i] = hn::Load(d, group.stepInput + at + i * lanes);
            sum[i] = isFirst ? hn::Mul(hn::Load(d, group.skip + (v + i) * lanes),
                                       hn::Load(d, group.u + at + i * lanes))
                             : hn::Load(d, scratch.y + at + i * lanes);
        }
#pragma GCC unroll 4
        for (int n = 0; n < kStateBlock; ++n) {
            const Vec in = hn::Set(d, b[n]);
            const Vec out = hn::Set(d, c[n]);
#pragma GCC unroll 4
            for (int i = 0; i < kVectors; ++i) {
                h[n][i] =
                    hn::MulAdd(h[n][i], hn::Load(d, decays + (n * kVectors + i) * lanes), hn::Mul(x[i], in));
                sum[i] = hn::MulAdd(h[n][i], out, sum[i]);
            }
        }
        decays += kStateBlock * kVectors * lanes;
        b += 2 * kScanStates;
        c += 2 * kScanStates;
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i)
            hn::Store(sum[i], d, scratch.y + at + i * lanes);
    }
#pragma GCC unroll 4
    for (int n = 0; n < kStateBlock; ++n)
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i)
            hn::Store(h[n][i], d, states + n * kForwardGroup + i * lanes);
}

// Hands the tile's sums of kVectors vectors of channels on.
template<int kVectors>
HWY_NOINLINE void addSums(const ForwardScratch& scratch, const Outputs& outputs, int v) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kForwardGroup>& group = scratch.group;
    for (int t = 0; t < group.steps; ++t) {
        float* to = outputs.y + group.places[t] * outputs.stride + v * lanes;
#pragma GCC unroll 4
        for (int i = 0; i < kVectors; ++i) {
            const std::size_t part = static_cast<std::size_t>(group.channels - (v + i) * lanes);
            Vec sum = hn::Load(d, scratch.y + t * kForwardGroup + (v + i) * lanes);
            if (outputs.add)
                sum = hn::Add(loadPart(d, to + i * lanes, part), sum);
            storePart(d, sum, to + i * lanes, part);
        }
    }
}

template<int kVectors>
HWY_INLINE void runVectors(ForwardScratch& scratch, const Outputs& outputs, Ahead& ahead, int v) {
    bool inRange = true;
    for (int i = 0; i < kVectors; ++i)
        inRange = inRange && powersInRange(scratch.group, v + i);
    for (int state = 0; state < kScanStates; state += kStateBlock, ++ahead.call) {
        if (inRange)
            makeDecays<true, kVectors>(scratch.group, v, state);
        else
            makeDecays<false, kVectors>(scratch.group, v, state);
        runStates<kVectors>(scratch, ahead, v, state);
    }
    addSums<kVectors>(scratch, outputs, v);
}

HWY_INLINE void runTile(ForwardScratch& scratch, const Outputs& outputs, Ahead& ahead) {
    const int vectors = vectorsOf(scratch.group);
    ahead.calls = (vectors + 1) / kVectorsAtOnce * (kScanStates / kStateBlock);
    int v = 0;
    for (; v + 1 < vectors; v += kVectorsAtOnce)
        runVectors<kVectorsAtOnce>(scratch, outputs, ahead, v);
    if (v < vectors)
        runVectors<1>(scratch, outputs, ahead, v);
}
#endif

// Copies `channels` floats of each pixel between a map and a unit's own copy.
HWY_INLINE void copyPixels(const ScanShape& shape, int channels, const float* from, std::int64_t fromPitch,
                           std::int64_t fromStride, float* to, std::int64_t toPitch, std::int64_t toStride) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    for (std::int64_t row = 0; row < shape.height; ++row)
        for (std::int64_t column = 0; column < shape.width; ++column) {
            const float* source = from + (row * fromPitch + column) * fromStride;
            float* target = to + (row * toPitch + column) * toStride;
            for (int c = 0; c < channels; c += lanes) {
                const std::size_t part = static_cast<std::size_t>(channels - c);
                storePart(d, loadPart(d, source + c, part), target + c, part);
            }
        }
}

void forwardUnit(const ScanShape& shape, const ScanInputs& inputs, float* y, float* borders,
                 std::int64_t batchItem, std::int64_t firstChannel, int mostChannels, Directions directions,
                 ForwardScratch& scratch) {
    StagedGroup<kForwardGroup>& group = scratch.group;
    const std::int64_t length = shape.length();
    const int channels =
        static_cast<int>(std::min<std::int64_t>(mostChannels, shape.channels - firstChannel));
    float* ownY = y + batchItem * length * shape.channels + firstChannel;
    Outputs outputs{ownY, shape.channels, false};
    float* const near = nearPixels(shape) > 0 ? scratch.near.get() : nullptr;
    if (near != nullptr) {
        copyPixels(shape, channels, inputs.u + batchItem * length * shape.channels + firstChannel,
                   shape.width, shape.channels, near, nearPitch(shape), kForwardGroup);
        outputs = {near + nearPixels(shape) * kForwardGroup, kForwardGroup, false};
    }
    for (int direction = directions.first; direction < directions.end; ++direction) {
        stageParameters(shape, inputs, batchItem, firstChannel, mostChannels, direction, group);
        if (near != nullptr) {
            group.uSource = near;
            group.uStride = kForwardGroup;
            group.pitch = nearPitch(shape);
            group.uIsNear = true;
        }
        outputs.add = direction > directions.first;
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
            Ahead ahead{&shape, &inputs, 0, 1};
            runTile(scratch, outputs, ahead);
        }
    }
    if (near != nullptr)
        copyPixels(shape, channels, outputs.y, nearPitch(shape), kForwardGroup, ownY, shape.width,
                   shape.channels);
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
    const std::int64_t units = shape.batch * groups;
    const auto run = [&](std::int64_t unit, Directions directions, float* to) {
        HWY_DYNAMIC_DISPATCH(forwardUnit)
        (shape, inputs, to, borders, unit / groups, unit % groups * width, width, directions,
         ForwardScratch::own(shape));
    };
    const int directions = static_cast<int>(shape.directions);
    // Fewer would gain less than the sums of directions cost.
    if (directions == 1 || 2 * units > threads) {
        runParallel(threads, units, [&](std::int64_t unit, int) { run(unit, {0, directions}, y); });
        return;
    }
    const std::int64_t size = shape.batch * shape.length() * shape.channels;
    const auto others =
        std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>((directions - 1) * size));
    runParallel(threads, units * directions, [&](std::int64_t part, int) {
        const int direction = static_cast<int>(part / units);
        float* to = direction == 0 ? y : others.get() + (direction - 1) * size;
        run(part % units, {direction, direction + 1}, to);
    });
    addAllInOrder(threads, y, others.get(), directions - 1, size);
}

} // namespace limn
#endif
