// SPDX-License-Identifier: GPL-3.0-or-later
// What the forward and the backward scan do alike for a tile of steps: gather the inputs along the path, make
// the steps (softplus of a small matrix product) and the decays. Included by the kernels only, once for each
// instruction set; works on the scratch of one thread.

#if defined(LIMN_SCAN_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LIMN_SCAN_TILE_INL_H
#undef LIMN_SCAN_TILE_INL_H
#else
#define LIMN_SCAN_TILE_INL_H
#endif

#include "inference/scan/scan_math-inl.h"
#include "inference/scan/scan_tile.h"

#include <algorithm>
#include <iterator>

#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

template<int kGroup>
int vectorsOf(const StagedGroup<kGroup>& group) {
    const int lanes = static_cast<int>(hn::Lanes(Tag()));
    return (group.channels + lanes - 1) / lanes;
}

// Parameters of up to `mostChannels` channels in one direction, transposed so that channels lie side by side.
template<int kGroup>
void stageParameters(const ScanShape& shape, const ScanInputs& inputs, std::int64_t batchItem,
                     std::int64_t firstChannel, int mostChannels, int direction, StagedGroup<kGroup>& group) {
    group.batchItem = batchItem;
    group.firstChannel = firstChannel;
    group.channels = static_cast<int>(std::min<std::int64_t>(mostChannels, shape.channels - firstChannel));
    group.direction = direction;
    group.uSource = inputs.u + batchItem * shape.length() * shape.channels + firstChannel;
    group.uStride = shape.channels;
    group.pitch = shape.width;
    group.uIsNear = false;
    const std::int64_t first = direction * shape.channels + firstChannel;
    constexpr float kOverLn2 = 1.44269504f;
    std::fill_n(group.weight.get(), static_cast<std::size_t>(group.paddedRank) * kGroup, 0.0f);
    for (int c = 0; c < kGroup; ++c) {
        const bool exists = c < group.channels;
        for (int n = 0; n < kScanStates; ++n)
            group.rates[n * kGroup + c] =
                exists ? std::clamp(inputs.a[(first + c) * kScanStates + n], -kMostRate, 0.0f) * kOverLn2
                       : 0.0f;
        group.bias[c] = exists ? std::clamp(inputs.dtBias[first + c], -kMostStepInput, kMostStepInput) : 0.0f;
        group.skip[c] = exists ? std::clamp(inputs.d[first + c], -kMostValue, kMostValue) : 0.0f;
        if (exists)
            for (std::int64_t r = 0; r < shape.rank; ++r)
                group.weight[r * kGroup + c] = std::clamp(inputs.dtWeight[(first + c) * shape.rank + r],
                                                          -kMostStepInput, kMostStepInput);
    }
}

// Reads the group's channels of each of the tile's pixels into [kTile][kGroup], limited in magnitude.
template<int kGroup>
HWY_INLINE void stageRows(const StagedGroup<kGroup>& group, const float* from, std::int64_t stride,
                          float limit, float* to) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const int vectors = vectorsOf(group);
    for (int t = 0; t < group.steps; ++t) {
        const float* row = from + group.places[t] * stride;
        for (int v = 0; v < vectors; ++v) {
            const Vec value =
                loadPart(d, row + v * lanes, static_cast<std::size_t>(group.channels - v * lanes));
            hn::Store(clampTo(d, value, limit), d, to + t * kGroup + v * lanes);
        }
    }
}

// Asks the caches for what stageTile() will read for steps [from, to) of the next tile, and for the same rows
// of `more` ([batch][length][channels]; may be null). The strides between rows are too large for the
// processor to foresee. A few steps at a time: the caches take only so many requests at once.
template<int kGroup>
HWY_INLINE void prefetchSteps(const ScanShape& shape, const ScanInputs& inputs,
                              const StagedGroup<kGroup>& group, const float* more, int from, int to) {
    constexpr int kLine = 16; // floats
    const std::int64_t item = group.batchItem * shape.length();
    const std::int64_t projectedWidth = shape.projectedWidth();
    const int sliceWidth = static_cast<int>(shape.sliceWidth());
    const float* slices = inputs.projected + item * projectedWidth + group.direction * sliceWidth;
    for (int t = from; t < std::min(to, group.nextSteps); ++t) {
        const std::int64_t row = group.rows[kTile + t];
        const float* slice = slices + row * projectedWidth;
        for (int i = 0; i < sliceWidth; i += kLine)
            hwy::Prefetch(slice + i);
        hwy::Prefetch(slice + sliceWidth - 1);
        const std::int64_t at = (item + row) * shape.channels + group.firstChannel;
        for (int c = 0; c < group.channels; c += kLine) {
            if (!group.uIsNear)
                hwy::Prefetch(inputs.u + at + c);
            if (more != nullptr)
                hwy::Prefetch(more + at + c);
        }
    }
}

inline constexpr int kStepsAtOnce = 4;
static_assert(kTile % kStepsAtOnce == 0);

// The arguments of softplus for kVectors vectors of channels from `v` on: bias and product of the features.
template<int kVectors, int kGroup>
HWY_INLINE void stepArguments(StagedGroup<kGroup>& group, int rank, int steps, int v) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    for (int t = 0; t < steps; t += kStepsAtOnce) {
        const float* HWY_RESTRICT features = group.features.get() + t * group.paddedRank;
        const float* HWY_RESTRICT weights = group.weight.get() + v * lanes;
        Vec sums[kStepsAtOnce][kVectors];
#pragma GCC unroll 4
        for (int i = 0; i < kStepsAtOnce; ++i)
#pragma GCC unroll 2
            for (int j = 0; j < kVectors; ++j)
                sums[i][j] = hn::Load(d, group.bias + (v + j) * lanes);
        for (int r = 0; r < rank; ++r) {
            Vec w[kVectors];
#pragma GCC unroll 2
            for (int j = 0; j < kVectors; ++j)
                w[j] = hn::Load(d, weights + j * lanes);
            weights += kGroup;
#pragma GCC unroll 4
            for (int i = 0; i < kStepsAtOnce; ++i) {
                const Vec feature = hn::Set(d, features[i * group.paddedRank + r]);
#pragma GCC unroll 2
                for (int j = 0; j < kVectors; ++j)
                    sums[i][j] = hn::MulAdd(w[j], feature, sums[i][j]);
            }
        }
#pragma GCC unroll 4
        for (int i = 0; i < kStepsAtOnce; ++i)
#pragma GCC unroll 2
            for (int j = 0; j < kVectors; ++j)
                hn::Store(sums[i][j], d, group.step + (t + i) * kGroup + (v + j) * lanes);
    }
}

// From arguments to steps, and steps times u, for kStepsAtOnce steps of one vector of channels.
template<int kGroup>
HWY_INLINE void makeSteps(StagedGroup<kGroup>& group, int at, float* sigmoids) {
    const Tag d;
    Vec arguments[kStepsAtOnce], steps[kStepsAtOnce], slopes[kStepsAtOnce];
#pragma GCC unroll 4
    for (int i = 0; i < kStepsAtOnce; ++i)
        arguments[i] = hn::Load(d, group.step + at + i * kGroup);
    softplus(d, arguments, steps, sigmoids != nullptr ? slopes : nullptr);
#pragma GCC unroll 4
    for (int i = 0; i < kStepsAtOnce; ++i) {
        const Vec step = hn::Min(steps[i], hn::Set(d, kMostStep));
        if (sigmoids != nullptr)
            hn::Store(slopes[i], d, sigmoids + at + i * kGroup);
        hn::Store(step, d, group.step + at + i * kGroup);
        hn::Store(clampTo(d, hn::Mul(step, hn::Load(d, group.u + at + i * kGroup)), kMostValue), d,
                  group.stepInput + at + i * kGroup);
    }
}

// Everything per step for steps [first, first + count); `next` is the first step of the tile after it in the
// order of work, or negative. `sigmoids` ([kTile][kGroup], the derivative of softplus) may be null.
template<int kGroup>
HWY_NOINLINE void stageTile(const ScanShape& shape, const ScanInputs& inputs, std::int64_t first, int count,
                            std::int64_t next, StagedGroup<kGroup>& group, float* sigmoids) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const int vectors = vectorsOf(group);
    group.steps = count;
    pathPlaces(shape, group.direction, first, count, shape.width, group.rows);
    pathPlaces(shape, group.direction, first, count, group.pitch, group.places);
    group.nextSteps = next < 0 ? 0 : static_cast<int>(std::min<std::int64_t>(kTile, shape.length() - next));
    pathPlaces(shape, group.direction, next, group.nextSteps, shape.width, group.rows + kTile);
    stageRows(group, group.uSource, group.uStride, kMostValue, group.u);

    const int rank = static_cast<int>(shape.rank);
    const int paddedRank = group.paddedRank;
    const float* slices = inputs.projected + group.batchItem * shape.length() * shape.projectedWidth() +
                          group.direction * shape.sliceWidth();
    for (int t = 0; t < count; ++t) {
        const float* slice = slices + group.rows[t] * shape.projectedWidth();
        float* features = group.features.get() + t * paddedRank;
        // Whole vectors may be read beyond the features: B and C follow. They become 0.
        for (int r = 0; r < rank; r += lanes) {
            const auto mask = hn::FirstN(d, static_cast<std::size_t>(rank - r));
            const Vec value = clampTo(d, hn::LoadU(d, slice + r), kMostStepInput);
            hn::Store(hn::IfThenElseZero(mask, value), d, features + r);
        }
        const float* coefficients = slice + shape.rankStride;
        for (int n = 0; n < 2 * kScanStates; n += lanes)
            hn::Store(clampTo(d, hn::LoadU(d, coefficients + n), kMostCoefficient), d,
                      group.coefficients + t * 2 * kScanStates + n);
    }
    // What follows goes over kStepsAtOnce steps at a time.
    const int padded = (count + kStepsAtOnce - 1) / kStepsAtOnce * kStepsAtOnce;
    std::fill_n(group.features.get() + count * paddedRank,
                static_cast<std::size_t>(padded - count) * paddedRank, 0.0f);
    std::fill_n(group.u + count * kGroup, static_cast<std::size_t>(padded - count) * kGroup, 0.0f);
    int v = 0;
    for (; v + 1 < vectors; v += 2)
        stepArguments<2>(group, rank, padded, v);
    if (v < vectors)
        stepArguments<1>(group, rank, padded, v);
    for (v = 0; v < vectors; ++v)
        for (int t = 0; t < padded; t += kStepsAtOnce)
            makeSteps(group, t * kGroup + v * lanes, sigmoids);
}

// Whether every step * A of the tile lies in the range of powersOfTwoInRange(), for all states of vector v.
template<int kGroup>
HWY_INLINE bool powersInRange(const StagedGroup<kGroup>& group, int v) {
    const Tag d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    Vec longest = hn::Zero(d);
    for (int t = 0; t < group.steps; ++t)
        longest = hn::Max(longest, hn::Load(d, group.step + t * kGroup + v * lanes));
    Vec fastest = hn::Zero(d);
    for (int n = 0; n < kScanStates; ++n)
        fastest = hn::Min(fastest, hn::Load(d, group.rates + n * kGroup + v * lanes));
    return hn::AllTrue(d, hn::Ge(hn::Mul(longest, fastest), hn::Set(d, kSmallestPower)));
}

// exp(step * A) of kCount states of one vector; their rates lie `stride` floats apart.
template<bool kInRange, int kCount>
HWY_INLINE void decaysOf(Tag d, Vec step, const float* rates, int stride, Vec (&decay)[kCount]) {
    Vec powers[kCount];
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        powers[i] = hn::Mul(step, hn::Load(d, rates + i * stride));
    if (kInRange)
        powersOfTwoInRange(d, powers, decay);
    else
        powersOfTwo(d, powers, decay);
}

} // namespace HWY_NAMESPACE
} // namespace limn::scan
HWY_AFTER_NAMESPACE();

#endif
