// SPDX-License-Identifier: GPL-3.0-or-later
// The two steps around the scan of a VSS block, fused: depthwise 3x3 convolution with SiLU before it,
// LayerNorm with the SiLU gate after it; forward and backward. Sums over rows are made in pieces of a fixed
// size and added in a fixed order, whatever the number of threads.
#include "inference/scan/linear.h"
#include "inference/scan/selective_scan.h"
#include "inference/scan/thread_pool.h"

#include <algorithm>
#include <cmath>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inference/scan/gate_kernels.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "inference/scan/scan_math-inl.h"

#ifndef LIMN_GATE_KERNELS_ONCE
#define LIMN_GATE_KERNELS_ONCE
namespace limn::scan {

// One image of a depthwise convolution.
struct Plane {
    std::int64_t height = 0;
    std::int64_t width = 0;
    std::int64_t channels = 0;
    std::int64_t stride = 0;     // of a row of x
    const float* x = nullptr;    // [height * width][stride]
    const float* taps = nullptr; // [9][channels]
    const float* bias = nullptr; // [channels]
};

struct NormGate {
    std::int64_t channels = 0;
    const float* y = nullptr; // [rows][channels]
    const float* z = nullptr; // [rows][zStride]
    std::int64_t zStride = 0;
    const float* weight = nullptr;
    const float* bias = nullptr;
};

constexpr float kNormEpsilon = 1e-5f;

} // namespace limn::scan
#endif

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

template<bool kWhole>
HWY_INLINE Vec loadLanes(Tag d, const float* from, std::size_t part) {
    if constexpr (kWhole)
        return hn::LoadU(d, from);
    else
        return loadPart(d, from, part);
}

// sum_i taps[i] * values[pixel + offset i] over the nine neighbours that lie in the image; `values` has rows
// of `stride` floats. A direction of -1 takes the taps the other way round, which is the convolution's
// transpose.
template<bool kWhole, int kDirection>
HWY_INLINE Vec convolve(Tag d, const Plane& plane, const float* values, std::int64_t stride,
                        const float* taps, std::int64_t row, std::int64_t column, std::size_t part, Vec sum) {
    const float* centre = values + (row * plane.width + column) * stride;
    const bool inside = row > 0 && row + 1 < plane.height && column > 0 && column + 1 < plane.width;
    for (int i = 0; i < 9; ++i) {
        const int dy = kDirection * (i / 3 - 1);
        const int dx = kDirection * (i % 3 - 1);
        if (!inside &&
            (row + dy < 0 || row + dy >= plane.height || column + dx < 0 || column + dx >= plane.width))
            continue;
        sum = hn::MulAdd(loadLanes<kWhole>(d, centre + (dy * plane.width + dx) * stride, part),
                         loadLanes<kWhole>(d, taps + i * plane.channels, part), sum);
    }
    return sum;
}

template<bool kWhole>
HWY_INLINE void depthwisePixel(Tag d, const Plane& plane, std::int64_t row, std::int64_t column,
                               std::int64_t channel, std::size_t part, float* out) {
    const Vec sum = convolve<kWhole, 1>(d, plane, plane.x + channel, plane.stride, plane.taps + channel, row,
                                        column, part, loadLanes<kWhole>(d, plane.bias + channel, part));
    storePart(d, hn::Mul(sum, sigmoid(d, sum)), out + (row * plane.width + column) * plane.channels + channel,
              part);
}

// kColumns pixels of one row side by side, all with their neighbours inside the image: taps are read once for
// all of them. The order of every sum is that of depthwisePixel().
template<int kColumns>
HWY_INLINE void depthwiseColumns(Tag d, const Plane& plane, std::int64_t row, std::int64_t column,
                                 std::int64_t channel, float* out) {
    const Vec bias = hn::LoadU(d, plane.bias + channel);
    Vec sums[kColumns];
#pragma GCC unroll 8
    for (int i = 0; i < kColumns; ++i)
        sums[i] = bias;
    for (int dy = 0; dy < 3; ++dy) {
        const float* x = plane.x + ((row + dy - 1) * plane.width + column - 1) * plane.stride + channel;
        const float* taps = plane.taps + 3 * dy * plane.channels + channel;
        const Vec left = hn::LoadU(d, taps);
        const Vec middle = hn::LoadU(d, taps + plane.channels);
        const Vec right = hn::LoadU(d, taps + 2 * plane.channels);
        Vec values[kColumns + 2];
#pragma GCC unroll 8
        for (int i = 0; i < kColumns + 2; ++i)
            values[i] = hn::LoadU(d, x + i * plane.stride);
#pragma GCC unroll 8
        for (int i = 0; i < kColumns; ++i) {
            sums[i] = hn::MulAdd(values[i], left, sums[i]);
            sums[i] = hn::MulAdd(values[i + 1], middle, sums[i]);
            sums[i] = hn::MulAdd(values[i + 2], right, sums[i]);
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < kColumns; ++i)
        hn::StoreU(hn::Mul(sums[i], sigmoid(d, sums[i])), d,
                   out + (row * plane.width + column + i) * plane.channels + channel);
}

// Rows [firstRow, lastRow) of one image; out: [height * width][channels].
void depthwiseRows(const Plane& plane, std::int64_t firstRow, std::int64_t lastRow, float* out) {
    const Tag d;
    constexpr std::int64_t kColumns = 4;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t whole = plane.channels / lanes * lanes;
    for (std::int64_t row = firstRow; row < lastRow; ++row) {
        const bool inside = row > 0 && row + 1 < plane.height;
        std::int64_t column = 0;
        while (column < plane.width) {
            const bool several = inside && column > 0 && column + kColumns < plane.width;
            for (std::int64_t channel = 0; channel < whole; channel += lanes) {
                if (several)
                    depthwiseColumns<kColumns>(d, plane, row, column, channel, out);
                else
                    depthwisePixel<true>(d, plane, row, column, channel, static_cast<std::size_t>(lanes),
                                         out);
            }
            const std::int64_t end = column + (several ? kColumns : 1);
            for (; column < end; ++column)
                if (whole < plane.channels)
                    depthwisePixel<false>(d, plane, row, column, whole,
                                          static_cast<std::size_t>(plane.channels - whole), out);
        }
    }
}

// One vector of channels of one image; see depthwiseBackwardChannels(). `slopes` has rows of `width` floats.
template<bool kWhole>
HWY_INLINE void depthwiseBackwardVector(Tag d, const Plane& plane, std::int64_t channel, std::size_t part,
                                        const float* dOut, float* slopes, std::int64_t width, float* dx,
                                        float* sums) {
    const float* x = plane.x + channel;
    const float* taps = plane.taps + channel;
    const Vec bias = loadLanes<kWhole>(d, plane.bias + channel, part);
    Vec biasSum = hn::Zero(d);
    for (std::int64_t row = 0; row < plane.height; ++row) {
        // A row's sum first: the error grows with the side, not with the area.
        Vec rowSum = hn::Zero(d);
        for (std::int64_t column = 0; column < plane.width; ++column) {
            const std::int64_t pixel = row * plane.width + column;
            const Vec sum = convolve<kWhole, 1>(d, plane, x, plane.stride, taps, row, column, part, bias);
            const Vec slope = hn::Mul(loadLanes<kWhole>(d, dOut + pixel * plane.channels + channel, part),
                                      siluSlope(d, sum, sigmoid(d, sum)));
            storePart(d, slope, slopes + pixel * width, part);
            rowSum = hn::Add(rowSum, slope);
        }
        biasSum = hn::Add(biasSum, rowSum);
    }
    storePart(d, biasSum, sums + 9 * plane.channels + channel, part);
    for (int dy = -1; dy <= 1; ++dy) {
        Vec left = hn::Zero(d), middle = hn::Zero(d), right = hn::Zero(d);
        for (std::int64_t row = std::max(0, -dy); row < std::min(plane.height, plane.height - dy); ++row) {
            const float* xRow = x + (row + dy) * plane.width * plane.stride;
            const float* slopeRow = slopes + row * plane.width * width;
            Vec rowLeft = hn::Zero(d), rowMiddle = hn::Zero(d), rowRight = hn::Zero(d);
            Vec before = hn::Zero(d); // x left of the column
            Vec here = loadLanes<kWhole>(d, xRow, part);
            for (std::int64_t column = 0; column < plane.width; ++column) {
                const Vec slope = loadLanes<kWhole>(d, slopeRow + column * width, part);
                const Vec after = column + 1 < plane.width
                                      ? loadLanes<kWhole>(d, xRow + (column + 1) * plane.stride, part)
                                      : hn::Zero(d);
                rowLeft = hn::MulAdd(before, slope, rowLeft);
                rowMiddle = hn::MulAdd(here, slope, rowMiddle);
                rowRight = hn::MulAdd(after, slope, rowRight);
                before = here;
                here = after;
            }
            left = hn::Add(left, rowLeft);
            middle = hn::Add(middle, rowMiddle);
            right = hn::Add(right, rowRight);
        }
        float* to = sums + (dy + 1) * 3 * plane.channels + channel;
        storePart(d, left, to, part);
        storePart(d, middle, to + plane.channels, part);
        storePart(d, right, to + 2 * plane.channels, part);
    }
    for (std::int64_t row = 0; row < plane.height; ++row)
        for (std::int64_t column = 0; column < plane.width; ++column)
            storePart(d, convolve<kWhole, -1>(d, plane, slopes, width, taps, row, column, part, hn::Zero(d)),
                      dx + (row * plane.width + column) * plane.stride + channel, part);
}

// Channels [firstChannel, lastChannel) of one image. slopes: [height * width][lastChannel - firstChannel],
// filled with the gradient of the convolution's sums. sums: [10][channels]: the nine taps' and the bias's
// gradient.
void depthwiseBackwardChannels(const Plane& plane, std::int64_t firstChannel, std::int64_t lastChannel,
                               const float* dOut, float* slopes, float* dx, float* sums) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t width = lastChannel - firstChannel;
    for (std::int64_t channel = firstChannel; channel < lastChannel; channel += lanes) {
        const std::size_t part = static_cast<std::size_t>(std::min(lanes, lastChannel - channel));
        float* own = slopes + channel - firstChannel;
        if (part == static_cast<std::size_t>(lanes))
            depthwiseBackwardVector<true>(d, plane, channel, part, dOut, own, width, dx, sums);
        else
            depthwiseBackwardVector<false>(d, plane, channel, part, dOut, own, width, dx, sums);
    }
}

// Mean and reciprocal standard deviation of one row of y. Two passes: the variance of the differences from
// the mean does not cancel.
HWY_INLINE void rowMoments(const float* y, std::int64_t channels, float* mean, float* scale) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    Vec sum = hn::Zero(d);
    for (std::int64_t c = 0; c < channels; c += lanes)
        sum = hn::Add(sum, loadPart(d, y + c, static_cast<std::size_t>(channels - c)));
    *mean = hn::GetLane(hn::SumOfLanes(d, sum)) / static_cast<float>(channels);
    const Vec centre = hn::Set(d, *mean);
    Vec squares = hn::Zero(d);
    std::int64_t c = 0;
    for (; c + lanes <= channels; c += lanes) {
        const Vec difference = hn::Sub(hn::LoadU(d, y + c), centre);
        squares = hn::MulAdd(difference, difference, squares);
    }
    float sumOfSquares = hn::GetLane(hn::SumOfLanes(d, squares));
    for (; c < channels; ++c)
        sumOfSquares += (y[c] - *mean) * (y[c] - *mean);
    *scale = 1.0f / std::sqrt(sumOfSquares / static_cast<float>(channels) + kNormEpsilon);
}

void normRows(std::int64_t rows, std::int64_t channels, const float* x, const float* weight,
              const float* bias, float* out) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t row = 0; row < rows; ++row) {
        const float* from = x + row * channels;
        float mean = 0.0f;
        float scale = 0.0f;
        rowMoments(from, channels, &mean, &scale);
        for (std::int64_t c = 0; c < channels; c += lanes) {
            const std::size_t part = static_cast<std::size_t>(channels - c);
            const Vec hat =
                hn::Mul(hn::Sub(loadPart(d, from + c, part), hn::Set(d, mean)), hn::Set(d, scale));
            storePart(d, hn::MulAdd(hat, loadPart(d, weight + c, part), loadPart(d, bias + c, part)),
                      out + row * channels + c, part);
        }
    }
}

void normGateRows(const NormGate& norm, std::int64_t firstRow, std::int64_t lastRow, float* out) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    for (std::int64_t row = firstRow; row < lastRow; ++row) {
        const float* y = norm.y + row * norm.channels;
        const float* z = norm.z + row * norm.zStride;
        float mean = 0.0f;
        float scale = 0.0f;
        rowMoments(y, norm.channels, &mean, &scale);
        for (std::int64_t c = 0; c < norm.channels; c += lanes) {
            const std::size_t part = static_cast<std::size_t>(norm.channels - c);
            const Vec hat = hn::Mul(hn::Sub(loadPart(d, y + c, part), hn::Set(d, mean)), hn::Set(d, scale));
            const Vec n =
                hn::MulAdd(hat, loadPart(d, norm.weight + c, part), loadPart(d, norm.bias + c, part));
            const Vec gate = loadPart(d, z + c, part);
            storePart(d, hn::Mul(n, hn::Mul(gate, sigmoid(d, gate))), out + row * norm.channels + c, part);
        }
    }
}

// sums: [2][channels], the gradients of weight and bias over these rows.
void normGateBackwardRows(const NormGate& norm, std::int64_t firstRow, std::int64_t lastRow,
                          const float* dOut, float* dy, float* dz, float* sums) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t channels = norm.channels;
    std::fill_n(sums, 2 * channels, 0.0f);
    for (std::int64_t row = firstRow; row < lastRow; ++row) {
        const float* y = norm.y + row * channels;
        const float* z = norm.z + row * norm.zStride;
        const float* g = dOut + row * channels;
        float* dyRow = dy + row * channels;
        float mean = 0.0f;
        float scale = 0.0f;
        rowMoments(y, channels, &mean, &scale);
        // With hat = (y - mean) * scale and p = d out / d hat: dy = scale (p - mean(p) - hat mean(p hat)).
        Vec pSum = hn::Zero(d);
        Vec pHatSum = hn::Zero(d);
        for (std::int64_t c = 0; c < channels; c += lanes) {
            const std::size_t part = static_cast<std::size_t>(channels - c);
            const Vec hat = hn::Mul(hn::Sub(loadPart(d, y + c, part), hn::Set(d, mean)), hn::Set(d, scale));
            const Vec weight = loadPart(d, norm.weight + c, part);
            const Vec n = hn::MulAdd(hat, weight, loadPart(d, norm.bias + c, part));
            const Vec gate = loadPart(d, z + c, part);
            const Vec s = sigmoid(d, gate);
            const Vec gradient = loadPart(d, g + c, part);
            storePart(d, hn::Mul(hn::Mul(gradient, n), siluSlope(d, gate, s)), dz + row * norm.zStride + c,
                      part);
            const Vec dn = hn::Mul(gradient, hn::Mul(gate, s));
            float* weightSum = sums + c;
            float* biasSum = sums + channels + c;
            storePart(d, hn::MulAdd(dn, hat, loadPart(d, weightSum, part)), weightSum, part);
            storePart(d, hn::Add(dn, loadPart(d, biasSum, part)), biasSum, part);
            const Vec p = hn::Mul(dn, weight); // 0 beyond the last channel
            storePart(d, p, dyRow + c, part);
            pSum = hn::Add(pSum, p);
            pHatSum = hn::MulAdd(p, hat, pHatSum);
        }
        const float inverse = 1.0f / static_cast<float>(channels);
        const Vec pMean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, pSum)) * inverse);
        const Vec pHatMean = hn::Set(d, hn::GetLane(hn::SumOfLanes(d, pHatSum)) * inverse);
        for (std::int64_t c = 0; c < channels; c += lanes) {
            const std::size_t part = static_cast<std::size_t>(channels - c);
            const Vec hat = hn::Mul(hn::Sub(loadPart(d, y + c, part), hn::Set(d, mean)), hn::Set(d, scale));
            const Vec p = hn::Sub(loadPart(d, dyRow + c, part), pMean);
            storePart(d, hn::Mul(hn::Set(d, scale), hn::NegMulAdd(hat, pHatMean, p)), dyRow + c, part);
        }
    }
}

} // namespace HWY_NAMESPACE
} // namespace limn::scan
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace limn {
namespace scan {
HWY_EXPORT(depthwiseRows);
HWY_EXPORT(depthwiseBackwardChannels);
HWY_EXPORT(normRows);
HWY_EXPORT(normGateRows);
HWY_EXPORT(normGateBackwardRows);

namespace {

std::vector<float> transposedTaps(const float* weight, std::int64_t channels) {
    std::vector<float> taps(static_cast<std::size_t>(9 * channels));
    for (std::int64_t c = 0; c < channels; ++c)
        for (std::int64_t tap = 0; tap < 9; ++tap)
            taps[static_cast<std::size_t>(tap * channels + c)] = weight[c * 9 + tap];
    return taps;
}

} // namespace
} // namespace scan

void depthwiseSiluForwardCpu(std::int64_t batch, std::int64_t height, std::int64_t width,
                             std::int64_t channels, const float* x, std::int64_t xStride, const float* weight,
                             const float* bias, float* out, int threads) {
    using namespace scan;
    const std::vector<float> taps = transposedTaps(weight, channels);
    const std::int64_t rows = std::max<std::int64_t>(1, std::min<std::int64_t>(8, height / 8));
    const std::int64_t pieces = (height + rows - 1) / rows;
    runParallel(threads, batch * pieces, [&](std::int64_t unit, int) {
        const std::int64_t item = unit / pieces;
        const std::int64_t first = unit % pieces * rows;
        const Plane plane{height,      width, channels, xStride, x + item * height * width * xStride,
                          taps.data(), bias};
        HWY_DYNAMIC_DISPATCH(depthwiseRows)
        (plane, first, std::min(height, first + rows), out + item * height * width * channels);
    });
}

void depthwiseSiluBackwardCpu(std::int64_t batch, std::int64_t height, std::int64_t width,
                              std::int64_t channels, const float* x, std::int64_t xStride,
                              const float* weight, const float* bias, const float* dOut, float* dx,
                              float* dWeight, float* dBias, int threads) {
    using namespace scan;
    const std::vector<float> taps = transposedTaps(weight, channels);
    constexpr std::int64_t kGroup = 16;
    const std::int64_t groups = (channels + kGroup - 1) / kGroup;
    threads = resolveThreads(threads);
    std::vector<std::vector<float>> slopes(static_cast<std::size_t>(threads));
    std::vector<float> sums(static_cast<std::size_t>(batch * 10 * channels));
    runParallel(threads, batch * groups, [&](std::int64_t unit, int participant) {
        const std::int64_t item = unit / groups;
        const std::int64_t first = unit % groups * kGroup;
        std::vector<float>& own = slopes[static_cast<std::size_t>(participant)];
        own.resize(static_cast<std::size_t>(height * width * kGroup));
        const Plane plane{height,      width, channels, xStride, x + item * height * width * xStride,
                          taps.data(), bias};
        HWY_DYNAMIC_DISPATCH(depthwiseBackwardChannels)
        (plane, first, std::min(channels, first + kGroup), dOut + item * height * width * channels,
         own.data(), dx + item * height * width * xStride, sums.data() + item * 10 * channels);
    });
    std::fill_n(dWeight, channels * 9, 0.0f);
    std::fill_n(dBias, channels, 0.0f);
    for (std::int64_t item = 0; item < batch; ++item) {
        const float* own = sums.data() + item * 10 * channels;
        for (std::int64_t c = 0; c < channels; ++c) {
            for (std::int64_t tap = 0; tap < 9; ++tap)
                dWeight[c * 9 + tap] += own[tap * channels + c];
            dBias[c] += own[9 * channels + c];
        }
    }
}

void layerNormRows(std::int64_t rows, std::int64_t channels, const float* x, const float* weight,
                   const float* bias, float* out) {
    using namespace scan;
    HWY_DYNAMIC_DISPATCH(normRows)(rows, channels, x, weight, bias, out);
}

void normGateRowsInto(std::int64_t first, std::int64_t last, std::int64_t channels, const float* y,
                      const float* z, std::int64_t zStride, const float* weight, const float* bias,
                      float* to) {
    using namespace scan;
    const NormGate norm{channels, y + first * channels, z + first * zStride, zStride, weight, bias};
    HWY_DYNAMIC_DISPATCH(normGateRows)(norm, 0, last - first, to);
}

void normGateForwardCpu(std::int64_t rows, std::int64_t channels, const float* y, const float* z,
                        std::int64_t zStride, const float* weight, const float* bias, float* out,
                        int threads) {
    using namespace scan;
    constexpr std::int64_t kRows = 32;
    const NormGate norm{channels, y, z, zStride, weight, bias};
    runParallel(threads, (rows + kRows - 1) / kRows, [&](std::int64_t unit, int) {
        HWY_DYNAMIC_DISPATCH(normGateRows)(norm, unit * kRows, std::min(rows, (unit + 1) * kRows), out);
    });
}

void normGateBackwardCpu(std::int64_t rows, std::int64_t channels, const float* y, const float* z,
                         std::int64_t zStride, const float* weight, const float* bias, const float* dOut,
                         float* dy, float* dz, float* dWeight, float* dBias, int threads) {
    using namespace scan;
    constexpr std::int64_t kRows = 64;
    const std::int64_t pieces = (rows + kRows - 1) / kRows;
    const NormGate norm{channels, y, z, zStride, weight, bias};
    std::vector<float> sums(static_cast<std::size_t>(pieces * 2 * channels));
    runParallel(threads, pieces, [&](std::int64_t unit, int) {
        HWY_DYNAMIC_DISPATCH(normGateBackwardRows)
        (norm, unit * kRows, std::min(rows, (unit + 1) * kRows), dOut, dy, dz,
         sums.data() + unit * 2 * channels);
    });
    std::fill_n(dWeight, channels, 0.0f);
    std::fill_n(dBias, channels, 0.0f);
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const float* own = sums.data() + piece * 2 * channels;
        for (std::int64_t c = 0; c < channels; ++c) {
            dWeight[c] += own[c];
            dBias[c] += own[channels + c];
        }
    }
}

} // namespace limn
#endif
