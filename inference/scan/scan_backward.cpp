// SPDX-License-Identifier: GPL-3.0-or-later
// Gradients of the scan on the processor. A unit of work is one part of the channels of one image, in all
// four directions, or in one where there are too few of these for the threads. States are recomputed: a first
// run keeps those at the tiles' borders, then the tiles are taken from the last to the first, each run
// forward once more and then backward. Sums over channels are made inside a unit first and then over the
// parts, in a fixed order whatever the number of threads.
//
// With g = dy, a = exp(delta A), carry = a[t+1] * dh[t+1] (0 after the last step):
//     dh = g C + carry            dC = sum_d g h               dB = sum_d dh delta u
//     q = a dh h[t-1]             dA = sum_t delta q           d delta = sum_n A q + u sum_n B dh
//     du = g D + delta sum_n B dh d argument = d delta * sigmoid(argument)
#include "inference/scan/selective_scan.h"

#include "inference/scan/scan_tile.h"
#include "inference/scan/thread_pool.h"

#include <algorithm>
#include <memory>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inference/scan/scan_backward.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "inference/scan/scan_tile-inl.h"

#ifndef LIMN_SCAN_BACKWARD_ONCE
#define LIMN_SCAN_BACKWARD_ONCE
namespace limn::scan {

// Sums over lanes and over groups are paid for once a group; 96 divides the network's 192, 384 and 768
// channels.
constexpr int kBackwardGroup = 96;
constexpr std::int64_t kMostParts = 8;

struct BackwardScratch {
    StagedGroup<kBackwardGroup> group;
    // Sums over the steps, per channel.
    hwy::AlignedFreeUniquePtr<float[]> weightGradient;            // [paddedRank][kBackwardGroup]
    alignas(64) float rateGradient[kScanStates * kBackwardGroup]; // [16][kBackwardGroup]
    alignas(64) float biasGradient[kBackwardGroup];
    alignas(64) float skipGradient[kBackwardGroup];
    alignas(64) float carry[kScanStates * kBackwardGroup];
    alignas(64) float states[kScanStates * kBackwardGroup];
    // Per step of the tile, [kTile][kBackwardGroup].
    alignas(64) float dy[kTileFloats<kBackwardGroup>];
    alignas(64) float sigmoids[kTileFloats<kBackwardGroup>];
    alignas(64) float rateTerm[kTileFloats<kBackwardGroup>];  // sum_n A / ln 2 * q
    alignas(64) float inputTerm[kTileFloats<kBackwardGroup>]; // sum_n B dh
    alignas(64) float argument[kTileFloats<kBackwardGroup>];  // gradient of softplus's argument
    // Per step of the tile, [kTile][kStateBlock][lanes].
    alignas(64) float before[kTile * kStateBlock * kMostLanes]; // states before the step
    alignas(64) float forB[kTile * kStateBlock * kMostLanes];   // dB and dC, lane by lane
    alignas(64) float forC[kTile * kStateBlock * kMostLanes];
    hwy::AlignedFreeUniquePtr<float[]> featureGradient;
    int roomForRank = 0;

    void fit(const ScanShape& shape) {
        group.fit(shape);
        if (group.paddedRank <= roomForRank)
            return;
        roomForRank = group.paddedRank;
        weightGradient = hwy::AllocateAligned<float>(static_cast<std::size_t>(roomForRank) * kBackwardGroup);
        featureGradient = hwy::AllocateAligned<float>(static_cast<std::size_t>(roomForRank));
    }

    // This thread's, a quarter of a megabyte.
    static BackwardScratch& own(const ScanShape& shape) {
        thread_local const hwy::AlignedUniquePtr<BackwardScratch> scratch =
            hwy::MakeUniqueAligned<BackwardScratch>();
        scratch->fit(shape);
        return *scratch;
    }
};

// Where a unit leaves its results.
struct UnitGradients {
    float* u = nullptr;         // [length][channels] of this image
    float* projected = nullptr; // [length][projectedWidth] of this image and part
    float* dtWeight = nullptr;  // the four of this image
    float* dtBias = nullptr;
    float* a = nullptr;
    float* d = nullptr;
};

} // namespace limn::scan
#endif

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

// Four states of one vector of channels through the tile, without outputs.
template<bool kInRange>
HWY_INLINE void advanceStates(BackwardScratch& scratch, int v, int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kBackwardGroup>& group = scratch.group;
    float* states = scratch.states + state * kBackwardGroup + v * lanes;
    const float* HWY_RESTRICT rates = group.rates + state * kBackwardGroup + v * lanes;
    const float* HWY_RESTRICT steps = group.step + v * lanes;
    const float* HWY_RESTRICT stepInput = group.stepInput + v * lanes;
    const float* HWY_RESTRICT b = group.coefficients + state;
    Vec h[kStateBlock];
#pragma GCC unroll 4
    for (int n = 0; n < kStateBlock; ++n)
        h[n] = hn::Load(d, states + n * kBackwardGroup);
    for (int t = 0; t < group.steps; ++t) {
        Vec decay[kStateBlock];
        decaysOf<kInRange>(d, hn::Load(d, steps), rates, kBackwardGroup, decay);
        const Vec x = hn::Load(d, stepInput);
#pragma GCC unroll 4
        for (int n = 0; n < kStateBlock; ++n)
            h[n] = hn::MulAdd(decay[n], h[n], hn::Mul(x, hn::Set(d, b[n])));
        steps += kBackwardGroup;
        stepInput += kBackwardGroup;
        b += 2 * kScanStates;
    }
#pragma GCC unroll 4
    for (int n = 0; n < kStateBlock; ++n)
        hn::Store(h[n], d, states + n * kBackwardGroup);
}

// The same from the tile's border states, keeping the decays and the states before each step; and g h into
// forC.
template<bool kInRange>
HWY_INLINE void replayStates(BackwardScratch& scratch, const float* border, int v, int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    StagedGroup<kBackwardGroup>& group = scratch.group;
    border += state * kBackwardGroup + v * lanes;
    const float* HWY_RESTRICT rates = group.rates + state * kBackwardGroup + v * lanes;
    const float* HWY_RESTRICT steps = group.step + v * lanes;
    const float* HWY_RESTRICT stepInput = group.stepInput + v * lanes;
    const float* HWY_RESTRICT dy = scratch.dy + v * lanes;
    const float* HWY_RESTRICT b = group.coefficients + state;
    float* HWY_RESTRICT decays = group.decays;
    float* HWY_RESTRICT before = scratch.before;
    float* HWY_RESTRICT forC = scratch.forC;
    Vec h[kStateBlock];
#pragma GCC unroll 4
    for (int n = 0; n < kStateBlock; ++n)
        h[n] = hn::Load(d, border + n * kBackwardGroup);
    for (int t = 0; t < group.steps; ++t) {
        Vec decay[kStateBlock];
        decaysOf<kInRange>(d, hn::Load(d, steps), rates, kBackwardGroup, decay);
        const Vec x = hn::Load(d, stepInput);
        const Vec g = hn::Load(d, dy);
#pragma GCC unroll 4
        for (int n = 0; n < kStateBlock; ++n) {
            hn::Store(decay[n], d, decays + n * lanes);
            hn::Store(h[n], d, before + n * lanes);
            h[n] = hn::MulAdd(decay[n], h[n], hn::Mul(x, hn::Set(d, b[n])));
            hn::Store(hn::MulAdd(g, h[n], hn::Load(d, forC + n * lanes)), d, forC + n * lanes);
        }
        decays += kStateBlock * lanes;
        before += kStateBlock * lanes;
        forC += kStateBlock * lanes;
        steps += kBackwardGroup;
        stepInput += kBackwardGroup;
        dy += kBackwardGroup;
        b += 2 * kScanStates;
    }
}

// One state of reverseStates() at one step.
HWY_INLINE void reverseOne(Tag d, Vec g, Vec step, Vec x, Vec rate, const float* decay, const float* before,
                           float b, float c, float* forB, Vec& carry, Vec& rateSum, Vec& rateTerm,
                           Vec& inputTerm) {
    const Vec gradient = hn::MulAdd(g, hn::Set(d, c), carry);
    carry = hn::Mul(gradient, hn::Load(d, decay));
    const Vec q = clampTo(d, hn::Mul(carry, hn::Load(d, before)), kMostProduct);
    rateSum = hn::MulAdd(step, q, rateSum);
    rateTerm = hn::MulAdd(rate, q, rateTerm);
    inputTerm = hn::MulAdd(hn::Set(d, b), gradient, inputTerm);
    hn::Store(hn::MulAdd(gradient, x, hn::Load(d, forB)), d, forB);
}

// Four states of one vector of channels from the tile's last step to its first.
HWY_INLINE void reverseStates(BackwardScratch& scratch, int v, int state) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kBackwardGroup>& group = scratch.group;
    const int offset = state * kBackwardGroup + v * lanes;
    float* carries = scratch.carry + offset;
    float* sums = scratch.rateGradient + offset;
    const float* rates = group.rates + offset;
    Vec c0 = hn::Load(d, carries);
    Vec c1 = hn::Load(d, carries + kBackwardGroup);
    Vec c2 = hn::Load(d, carries + 2 * kBackwardGroup);
    Vec c3 = hn::Load(d, carries + 3 * kBackwardGroup);
    Vec s0 = hn::Zero(d), s1 = hn::Zero(d), s2 = hn::Zero(d), s3 = hn::Zero(d);
    for (int t = group.steps - 1; t >= 0; --t) {
        const int at = t * kBackwardGroup + v * lanes;
        const float* decays = group.decays + t * kStateBlock * lanes;
        const float* before = scratch.before + t * kStateBlock * lanes;
        float* forB = scratch.forB + t * kStateBlock * lanes;
        const float* b = group.coefficients + t * 2 * kScanStates + state;
        const float* c = b + kScanStates;
        const Vec g = hn::Load(d, scratch.dy + at);
        const Vec step = hn::Load(d, group.step + at);
        const Vec x = hn::Load(d, group.stepInput + at);
        Vec rateTerm = hn::Load(d, scratch.rateTerm + at);
        Vec inputTerm = hn::Load(d, scratch.inputTerm + at);
        reverseOne(d, g, step, x, hn::Load(d, rates), decays, before, b[0], c[0], forB, c0, s0, rateTerm,
                   inputTerm);
        reverseOne(d, g, step, x, hn::Load(d, rates + kBackwardGroup), decays + lanes, before + lanes, b[1],
                   c[1], forB + lanes, c1, s1, rateTerm, inputTerm);
        reverseOne(d, g, step, x, hn::Load(d, rates + 2 * kBackwardGroup), decays + 2 * lanes,
                   before + 2 * lanes, b[2], c[2], forB + 2 * lanes, c2, s2, rateTerm, inputTerm);
        reverseOne(d, g, step, x, hn::Load(d, rates + 3 * kBackwardGroup), decays + 3 * lanes,
                   before + 3 * lanes, b[3], c[3], forB + 3 * lanes, c3, s3, rateTerm, inputTerm);
        hn::Store(rateTerm, d, scratch.rateTerm + at);
        hn::Store(inputTerm, d, scratch.inputTerm + at);
    }
    hn::Store(c0, d, carries);
    hn::Store(c1, d, carries + kBackwardGroup);
    hn::Store(c2, d, carries + 2 * kBackwardGroup);
    hn::Store(c3, d, carries + 3 * kBackwardGroup);
    hn::Store(hn::Add(hn::Load(d, sums), s0), d, sums);
    hn::Store(hn::Add(hn::Load(d, sums + kBackwardGroup), s1), d, sums + kBackwardGroup);
    hn::Store(hn::Add(hn::Load(d, sums + 2 * kBackwardGroup), s2), d, sums + 2 * kBackwardGroup);
    hn::Store(hn::Add(hn::Load(d, sums + 3 * kBackwardGroup), s3), d, sums + 3 * kBackwardGroup);
}

// Asks the caches for what finishSteps() will add to, for steps [from, to) of the tile.
HWY_INLINE void prefetchGradients(const ScanShape& shape, const StagedGroup<kBackwardGroup>& group,
                                  const float* du, int from, int to) {
    constexpr int kLine = 16; // floats
    const float* origin = du + group.firstChannel;
    for (int t = from; t < to; ++t)
        for (int c = 0; c < group.channels; c += kLine)
            hwy::Prefetch(origin + group.rows[t] * shape.channels + c);
}

// What follows from the sums over states: du, the argument's gradient, and the parameters' sums over steps.
// `add`: to what other directions left in du.
HWY_INLINE void finishSteps(const ScanShape& shape, BackwardScratch& scratch, float* du, bool add) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kBackwardGroup>& group = scratch.group;
    float* origin = du + group.firstChannel;
    const int vectors = vectorsOf(group);
    for (int v = 0; v < vectors; ++v) {
        const std::size_t part = static_cast<std::size_t>(group.channels - v * lanes);
        const Vec skip = hn::Load(d, group.skip + v * lanes);
        Vec skipSum = hn::Zero(d);
        Vec biasSum = hn::Zero(d);
        for (int t = 0; t < group.steps; ++t) {
            const int at = t * kBackwardGroup + v * lanes;
            const Vec g = hn::Load(d, scratch.dy + at);
            const Vec u = hn::Load(d, group.u + at);
            const Vec inputTerm = clampTo(d, hn::Load(d, scratch.inputTerm + at), kMostProduct);
            const Vec stepGradient = hn::MulAdd(hn::Load(d, scratch.rateTerm + at), hn::Set(d, 0.693147181f),
                                                hn::Mul(u, inputTerm));
            const Vec argument =
                clampTo(d, hn::Mul(stepGradient, hn::Load(d, scratch.sigmoids + at)), kMostArgumentGradient);
            hn::Store(argument, d, scratch.argument + at);
            biasSum = hn::Add(biasSum, argument);
            skipSum = hn::MulAdd(g, u, skipSum);
            Vec sum = hn::MulAdd(hn::Load(d, group.step + at), inputTerm, hn::Mul(g, skip));
            float* to = origin + group.rows[t] * shape.channels + v * lanes;
            if (add)
                sum = hn::Add(loadPart(d, to, part), sum);
            storePart(d, sum, to, part);
        }
        float* bias = scratch.biasGradient + v * lanes;
        float* skips = scratch.skipGradient + v * lanes;
        hn::Store(hn::Add(hn::Load(d, bias), biasSum), d, bias);
        hn::Store(hn::Add(hn::Load(d, skips), skipSum), d, skips);
        for (int r = 0; r < shape.rank; r += 4) {
            const float* features = group.features.get() + r;
            float* weight = scratch.weightGradient.get() + r * kBackwardGroup + v * lanes;
            Vec w0 = hn::Zero(d), w1 = hn::Zero(d), w2 = hn::Zero(d), w3 = hn::Zero(d);
            for (int t = 0; t < group.steps; ++t) {
                const Vec argument = hn::Load(d, scratch.argument + t * kBackwardGroup + v * lanes);
                w0 = hn::MulAdd(argument, hn::Set(d, features[0]), w0);
                w1 = hn::MulAdd(argument, hn::Set(d, features[1]), w1);
                w2 = hn::MulAdd(argument, hn::Set(d, features[2]), w2);
                w3 = hn::MulAdd(argument, hn::Set(d, features[3]), w3);
                features += group.paddedRank;
            }
            hn::Store(hn::Add(hn::Load(d, weight), w0), d, weight);
            hn::Store(hn::Add(hn::Load(d, weight + kBackwardGroup), w1), d, weight + kBackwardGroup);
            hn::Store(hn::Add(hn::Load(d, weight + 2 * kBackwardGroup), w2), d, weight + 2 * kBackwardGroup);
            hn::Store(hn::Add(hn::Load(d, weight + 3 * kBackwardGroup), w3), d, weight + 3 * kBackwardGroup);
        }
    }
}

// Adds the gradient of the step features to the rows of `projected`.
HWY_INLINE void addFeatureGradients(const ScanShape& shape, BackwardScratch& scratch, float* projected) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const StagedGroup<kBackwardGroup>& group = scratch.group;
    const int vectors = vectorsOf(group);
    const int rank = static_cast<int>(shape.rank);
    float* sums = scratch.featureGradient.get();
    for (int t = 0; t < group.steps; ++t) {
        const float* argument = scratch.argument + t * kBackwardGroup;
        std::fill_n(sums, group.paddedRank, 0.0f);
        for (int r = 0; r < rank; r += 4) {
            const float* weight = group.weight.get() + r * kBackwardGroup;
            Vec f0 = hn::Zero(d), f1 = hn::Zero(d), f2 = hn::Zero(d), f3 = hn::Zero(d);
            for (int v = 0; v < vectors; ++v) {
                const Vec g = hn::Load(d, argument + v * lanes);
                const float* w = weight + v * lanes;
                f0 = hn::MulAdd(g, hn::Load(d, w), f0);
                f1 = hn::MulAdd(g, hn::Load(d, w + kBackwardGroup), f1);
                f2 = hn::MulAdd(g, hn::Load(d, w + 2 * kBackwardGroup), f2);
                f3 = hn::MulAdd(g, hn::Load(d, w + 3 * kBackwardGroup), f3);
            }
            addSumsOfFour(d, f0, f1, f2, f3, sums + r);
        }
        float* to = projected + group.rows[t] * shape.projectedWidth() + group.direction * shape.sliceWidth();
        for (int r = 0; r < rank; ++r)
            to[r] += sums[r];
    }
}

// Without `borders` of a forward run the states before each tile are kept in `ownBorders`, [tiles][16]
// [kBackwardGroup].
void backwardGroup(const ScanShape& shape, const ScanInputs& inputs, const float* dy, const float* borders,
                   float* ownBorders, const UnitGradients& gradients, std::int64_t batchItem,
                   std::int64_t firstChannel, Directions directions, BackwardScratch& scratch) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    StagedGroup<kBackwardGroup>& group = scratch.group;
    const std::int64_t length = shape.length();
    const std::int64_t tiles = tileCount(shape);
    constexpr int kBorder = kScanStates * kBackwardGroup;
    for (int direction = directions.first; direction < directions.end; ++direction) {
        stageParameters(shape, inputs, batchItem, firstChannel, kBackwardGroup, direction, group);
        const int vectors = vectorsOf(group);
        const int blocks = vectors * (kScanStates / kStateBlock);
        std::fill_n(scratch.weightGradient.get(), static_cast<std::size_t>(group.paddedRank) * kBackwardGroup,
                    0.0f);
        std::fill(std::begin(scratch.rateGradient), std::end(scratch.rateGradient), 0.0f);
        std::fill(std::begin(scratch.biasGradient), std::end(scratch.biasGradient), 0.0f);
        std::fill(std::begin(scratch.skipGradient), std::end(scratch.skipGradient), 0.0f);
        std::fill(std::begin(scratch.carry), std::end(scratch.carry), 0.0f);
        std::fill(std::begin(scratch.states), std::end(scratch.states), 0.0f);

        for (std::int64_t tile = 0; borders == nullptr && tile < tiles; ++tile) {
            std::copy_n(scratch.states, kBorder, ownBorders + tile * kBorder);
            if (tile + 1 == tiles)
                break;
            stageTile(shape, inputs, tile * kTile, kTile, (tile + 1) * kTile, group, nullptr);
            int block = 0;
            for (int v = 0; v < vectors; ++v) {
                const bool inRange = powersInRange(group, v);
                for (int state = 0; state < kScanStates; state += kStateBlock) {
                    prefetchSteps(shape, inputs, group, nullptr, block * kTile / blocks,
                                  (block + 1) * kTile / blocks);
                    ++block;
                    if (inRange)
                        advanceStates<true>(scratch, v, state);
                    else
                        advanceStates<false>(scratch, v, state);
                }
            }
        }

        for (std::int64_t tile = tiles - 1; tile >= 0; --tile) {
            const std::int64_t first = tile * kTile;
            const int steps = static_cast<int>(std::min<std::int64_t>(kTile, length - first));
            const float* border = scratch.states;
            if (borders == nullptr) {
                border = ownBorders + tile * kBorder;
            } else {
                const float* from = borders + borderOffset(shape, batchItem, direction, tile) + firstChannel;
                for (int n = 0; n < kScanStates; ++n)
                    std::copy_n(from + n * shape.channels, group.channels,
                                scratch.states + n * kBackwardGroup);
            }
            stageTile(shape, inputs, first, steps, first - kTile, group, scratch.sigmoids);
            stageRows(group, dy + batchItem * length * shape.channels + firstChannel, shape.channels,
                      kMostOutputGradient, scratch.dy);
            bool inRange[kBackwardGroup];
            for (int v = 0; v < vectors; ++v)
                inRange[v] = powersInRange(group, v);
            int block = 0;
            std::fill(std::begin(scratch.rateTerm), std::end(scratch.rateTerm), 0.0f);
            std::fill(std::begin(scratch.inputTerm), std::end(scratch.inputTerm), 0.0f);
            for (int state = 0; state < kScanStates; state += kStateBlock) {
                std::fill(std::begin(scratch.forB), std::end(scratch.forB), 0.0f);
                std::fill(std::begin(scratch.forC), std::end(scratch.forC), 0.0f);
                for (int v = 0; v < vectors; ++v) {
                    prefetchSteps(shape, inputs, group, dy, block * kTile / blocks,
                                  (block + 1) * kTile / blocks);
                    ++block;
                    if (state + kStateBlock == kScanStates)
                        prefetchGradients(shape, group, gradients.u, v * kTile / vectors,
                                          (v + 1) * kTile / vectors);
                    if (inRange[v])
                        replayStates<true>(scratch, border, v, state);
                    else
                        replayStates<false>(scratch, border, v, state);
                    reverseStates(scratch, v, state);
                }
                for (int t = 0; t < steps; ++t) {
                    float* to = gradients.projected + group.rows[t] * shape.projectedWidth() +
                                direction * shape.sliceWidth() + shape.rankStride + state;
                    const float* b = scratch.forB + t * kStateBlock * lanes;
                    const float* c = scratch.forC + t * kStateBlock * lanes;
                    addSumsOfFour(d, hn::Load(d, b), hn::Load(d, b + lanes), hn::Load(d, b + 2 * lanes),
                                  hn::Load(d, b + 3 * lanes), to);
                    addSumsOfFour(d, hn::Load(d, c), hn::Load(d, c + lanes), hn::Load(d, c + 2 * lanes),
                                  hn::Load(d, c + 3 * lanes), to + kScanStates);
                }
            }
            finishSteps(shape, scratch, gradients.u, direction > directions.first);
            addFeatureGradients(shape, scratch, gradients.projected);
        }

        const std::int64_t at = direction * shape.channels + firstChannel;
        for (int c = 0; c < group.channels; ++c) {
            gradients.d[at + c] = scratch.skipGradient[c];
            gradients.dtBias[at + c] = scratch.biasGradient[c];
            for (int n = 0; n < kScanStates; ++n)
                gradients.a[(at + c) * kScanStates + n] = scratch.rateGradient[n * kBackwardGroup + c];
            for (std::int64_t r = 0; r < shape.rank; ++r)
                gradients.dtWeight[(at + c) * shape.rank + r] =
                    scratch.weightGradient[static_cast<std::size_t>(r * kBackwardGroup + c)];
        }
    }
}

} // namespace HWY_NAMESPACE
} // namespace limn::scan
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace limn {
namespace scan {
HWY_EXPORT(backwardGroup);
} // namespace scan

void selectiveScanBackwardCpu(const ScanShape& shape, const ScanInputs& inputs, const float* dy,
                              const ScanGradients& gradients, int threads, const float* borders) {
    using namespace scan;
    const std::int64_t kc = shape.directions * shape.channels;
    std::fill_n(gradients.dtWeight, kc * shape.rank, 0.0f);
    std::fill_n(gradients.dtBias, kc, 0.0f);
    std::fill_n(gradients.a, kc * kScanStates, 0.0f);
    std::fill_n(gradients.d, kc, 0.0f);
    if (shape.batch <= 0 || shape.length() <= 0 || shape.channels <= 0)
        return;

    const std::int64_t groups = (shape.channels + kBackwardGroup - 1) / kBackwardGroup;
    const std::int64_t parts = std::min(groups, kMostParts);
    const std::int64_t pixels = shape.length();
    const std::int64_t projectedSize = pixels * shape.projectedWidth();
    const int directions = static_cast<int>(shape.directions);
    const std::int64_t parameters = kc * (shape.rank + kScanStates + 2);
    threads = resolveThreads(threads);

    // Images are taken in runs, so that scratch memory stays near 128 MB (or that of one image). Sums over
    // the images go from the first to the last, wherever a run ends.
    constexpr std::int64_t kMostScratch = 32 << 20;
    const std::int64_t scratchOfOne = (parts - 1) * projectedSize + parameters;
    const std::int64_t run = std::clamp<std::int64_t>(kMostScratch / scratchOfOne, 1, shape.batch);
    // The first part writes to gradients.projected itself.
    const auto partSums =
        std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(run * (parts - 1) * projectedSize));
    std::vector<float> parameterSums(static_cast<std::size_t>(run * parameters));
    std::vector<hwy::AlignedFreeUniquePtr<float[]>> ownBorders(static_cast<std::size_t>(threads));

    for (std::int64_t start = 0; start < shape.batch; start += run) {
        const std::int64_t items = std::min(run, shape.batch - start);
        const std::int64_t units = items * parts;
        const auto runUnit = [&](std::int64_t unit, Directions own, float* u, int participant) {
            hwy::AlignedFreeUniquePtr<float[]>& states = ownBorders[static_cast<std::size_t>(participant)];
            if (borders == nullptr && !states)
                states = hwy::AllocateAligned<float>(
                    static_cast<std::size_t>(tileCount(shape) * kScanStates * kBackwardGroup));
            const std::int64_t item = unit / parts;
            const std::int64_t part = unit % parts;
            UnitGradients results;
            results.u = u + item * pixels * shape.channels;
            results.projected = part == 0 ? gradients.projected + (start + item) * projectedSize
                                          : partSums.get() + (item * (parts - 1) + part - 1) * projectedSize;
            for (std::int64_t row = 0; row < pixels; ++row)
                std::fill_n(results.projected + row * shape.projectedWidth() + own.first * shape.sliceWidth(),
                            (own.end - own.first) * shape.sliceWidth(), 0.0f);
            results.dtWeight = parameterSums.data() + item * parameters;
            results.dtBias = results.dtWeight + kc * shape.rank;
            results.a = results.dtBias + kc;
            results.d = results.a + kc * kScanStates;
            for (std::int64_t group = part * groups / parts; group < (part + 1) * groups / parts; ++group)
                HWY_DYNAMIC_DISPATCH(backwardGroup)
            (shape, inputs, dy, borders, states.get(), results, start + item, group * kBackwardGroup, own,
             BackwardScratch::own(shape));
        };
        float* const ownU = gradients.u + start * pixels * shape.channels;
        // Where a fifth of the threads' time would go unused otherwise.
        const std::int64_t rounds = (units + threads - 1) / threads;
        if (directions > 1 && 5 * units < 4 * rounds * threads) {
            const std::int64_t size = items * pixels * shape.channels;
            const auto others =
                std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>((directions - 1) * size));
            runParallel(threads, units * directions, [&](std::int64_t each, int participant) {
                const int direction = static_cast<int>(each / units);
                float* u = direction == 0 ? ownU : others.get() + (direction - 1) * size;
                runUnit(each % units, {direction, direction + 1}, u, participant);
            });
            addAllInOrder(threads, ownU, others.get(), directions - 1, size);
        } else {
            runParallel(threads, units, [&](std::int64_t unit, int participant) {
                runUnit(unit, {0, directions}, ownU, participant);
            });
        }
        // Over the parts of each image.
        for (std::int64_t item = 0; item < items && parts > 1; ++item)
            addAllInOrder(threads, gradients.projected + (start + item) * projectedSize,
                          partSums.get() + item * (parts - 1) * projectedSize, parts - 1, projectedSize);
        const float* sums = parameterSums.data();
        addInOrder(gradients.dtWeight, sums, items, parameters, 0, kc * shape.rank);
        addInOrder(gradients.dtBias, sums + kc * shape.rank, items, parameters, 0, kc);
        addInOrder(gradients.a, sums + kc * (shape.rank + 1), items, parameters, 0, kc * kScanStates);
        addInOrder(gradients.d, sums + kc * (shape.rank + 1 + kScanStates), items, parameters, 0, kc);
    }
}

} // namespace limn
#endif
