// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products over packed weights. A block of rows meets a panel of 32 outputs; the sums of the block
// stay in registers over all inputs. A unit of work is a run of rows whose inputs stay in the second-level
// cache while the panels pass by.
#include "inference/scan/linear.h"

#include "inference/scan/thread_pool.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "inference/scan/linear_kernels.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"
#include "inference/scan/scan_math-inl.h"

#ifndef LIMN_LINEAR_KERNELS_ONCE
#define LIMN_LINEAR_KERNELS_ONCE
namespace limn::scan {

// Rows of inputs against one panel.
struct PanelProduct {
    std::int64_t rows = 0;
    std::int64_t inputs = 0;
    std::int64_t outputs = 0; // of the panel's 32, those that exist
    const float* x = nullptr;
    std::int64_t xStride = 0;
    const float* panel = nullptr;
    const float* bias = nullptr;
    const float* add = nullptr;
    const float* times = nullptr;
    float* out = nullptr;
    std::int64_t outStride = 0;
};

} // namespace limn::scan
#endif

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

// Sums in registers: rows times two vectors, beside two vectors of weights and one of the input.
#if HWY_TARGET <= HWY_AVX3 || HWY_TARGET == HWY_NEON
constexpr int kMostRows = 12;
#else
constexpr int kMostRows = 6;
#endif

// kRows rows from `row` on against kVectors vectors of outputs from `column` on.
template<int kRows, int kVectors>
HWY_INLINE void multiplyBlock(const PanelProduct& p, std::int64_t row, std::int64_t column) {
    const Tag d;
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const float* HWY_RESTRICT x = p.x + row * p.xStride;
    const float* HWY_RESTRICT weights = p.panel + column;
    Vec sums[kVectors][kRows];
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v)
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r)
            sums[v][r] = hn::Zero(d);
    for (std::int64_t k = 0; k < p.inputs; ++k) {
        Vec w[kVectors];
#pragma GCC unroll 2
        for (int v = 0; v < kVectors; ++v)
            w[v] = hn::Load(d, weights + v * lanes);
        weights += PackedWeights::kPanel;
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
            const Vec value = hn::Set(d, x[r * p.xStride + k]);
#pragma GCC unroll 2
            for (int v = 0; v < kVectors; ++v)
                sums[v][r] = hn::MulAdd(value, w[v], sums[v][r]);
        }
    }
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
        const std::int64_t first = column + v * lanes;
        const std::size_t part = static_cast<std::size_t>(p.outputs - first);
        const Vec bias = p.bias != nullptr ? loadPart(d, p.bias + first, part) : hn::Zero(d);
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
            const std::int64_t at = (row + r) * p.outStride + first;
            Vec sum = hn::Add(sums[v][r], bias);
            if (p.add != nullptr)
                sum = hn::Add(sum, loadPart(d, p.add + at, part));
            if (p.times != nullptr)
                sum = hn::Mul(sum, loadPart(d, p.times + at, part));
            storePart(d, sum, p.out + at, part);
        }
    }
}

template<int kRows>
HWY_INLINE void multiplyBlocks(const PanelProduct& p, std::int64_t& row) {
    const std::int64_t lanes = static_cast<std::int64_t>(hn::Lanes(Tag()));
    for (; row + kRows <= p.rows; row += kRows) {
        std::int64_t column = 0;
        for (; column + lanes < p.outputs; column += 2 * lanes)
            multiplyBlock<kRows, 2>(p, row, column);
        if (column < p.outputs)
            multiplyBlock<kRows, 1>(p, row, column);
    }
}

void multiplyPanel(const PanelProduct& p) {
    std::int64_t row = 0;
    multiplyBlocks<kMostRows>(p, row);
    multiplyBlocks<4>(p, row);
    multiplyBlocks<1>(p, row);
}

} // namespace HWY_NAMESPACE
} // namespace limn::scan
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace limn {
namespace scan {
HWY_EXPORT(multiplyPanel);

namespace {

// Where this thread makes its rows: kept for its next calls, because with many threads fresh memory from the
// system costs more than the work in it.
float* madeRows(std::size_t count) {
    thread_local hwy::AlignedFreeUniquePtr<float[]> rows;
    thread_local std::size_t room = 0;
    if (count > room) {
        rows = hwy::AllocateAligned<float>(count);
        room = count;
    }
    return rows.get();
}

} // namespace
} // namespace scan

PackedWeights::PackedWeights(const float* weight, std::int64_t outputs, std::int64_t inputs)
    : m_outputs(outputs)
    , m_inputs(inputs)
    , m_values(hwy::AllocateAligned<float>(static_cast<std::size_t>(panels() * inputs * kPanel))) {
    for (std::int64_t p = 0; p < panels(); ++p)
        for (std::int64_t k = 0; k < inputs; ++k)
            for (std::int64_t i = 0; i < kPanel; ++i) {
                const std::int64_t output = p * kPanel + i;
                m_values[static_cast<std::size_t>((p * inputs + k) * kPanel + i)] =
                    output < outputs ? weight[output * inputs + k] : 0.0f;
            }
}

void linearForwardCpu(const LinearRows& rows, const PackedWeights& weights, int threads) {
    using namespace scan;
    if (rows.rows <= 0 || weights.outputs() <= 0)
        return;
    threads = resolveThreads(threads);
    // Inputs of a unit: half of a small second-level cache. Whole blocks of 12 rows.
    constexpr std::int64_t kMostInputs = 48 << 10;
    constexpr std::int64_t kBlock = 12;
    const std::int64_t fitting = std::max<std::int64_t>(1, kMostInputs / weights.inputs() / kBlock) * kBlock;
    const std::int64_t fair = (rows.rows + threads - 1) / threads;
    const std::int64_t run = std::min(fitting, (fair + kBlock - 1) / kBlock * kBlock);
    const std::int64_t runs = (rows.rows + run - 1) / run;
    // Where there are fewer runs than threads, the outputs are shared out too.
    const std::int64_t columns =
        std::min(weights.panels(), std::max<std::int64_t>(1, (threads + runs - 1) / runs));
    runParallel(threads, runs * columns, [&](std::int64_t unit, int) {
        const std::int64_t first = unit / columns * run;
        const std::int64_t last = std::min(rows.rows, first + run);
        PanelProduct product;
        product.rows = last - first;
        product.inputs = weights.inputs();
        product.x = rows.x + first * rows.xStride;
        product.xStride = rows.xStride;
        if (rows.make) {
            float* const own = madeRows(static_cast<std::size_t>(run * weights.inputs()));
            rows.make(first, last, own);
            product.x = own;
            product.xStride = weights.inputs();
        }
        product.outStride = rows.outStride;
        const std::int64_t part = unit % columns;
        const std::int64_t end = (part + 1) * weights.panels() / columns;
        for (std::int64_t p = part * weights.panels() / columns; p < end; ++p) {
            const std::int64_t column = p * PackedWeights::kPanel;
            const std::int64_t at = first * rows.outStride + column;
            product.outputs = std::min(PackedWeights::kPanel, weights.outputs() - column);
            product.panel = weights.panel(p);
            product.bias = rows.bias != nullptr ? rows.bias + column : nullptr;
            product.add = rows.add != nullptr ? rows.add + at : nullptr;
            product.times = rows.times != nullptr ? rows.times + at : nullptr;
            product.out = rows.out + at;
            HWY_DYNAMIC_DISPATCH(multiplyPanel)(product);
        }
    });
}

} // namespace limn
#endif
