// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/product_host.h"

#include "inference/cuda/head_math.h"
#include "inference/cuda/product_plan.h"
#include "inference/cuda/scan_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace limn::gpu {

namespace {

// The depth in parts of equal size, each summed by itself.
float sumInParts(const std::uint16_t* row, const std::uint16_t* column, int depth, int parts) {
    float sum = 0.0f;
    for (int part = 0; part < parts; ++part) {
        float own = 0.0f;
        for (int k = part * (depth / parts); k < (part + 1) * (depth / parts); ++k)
            own += fromBf16(row[k]) * fromBf16(column[k]);
        sum = part == 0 ? own : sum + own;
    }
    return sum;
}

} // namespace

int smallProductHost(std::int64_t rows, int columns, int depth, const std::uint16_t* a,
                     const std::uint16_t* weight, float* out) {
    if (rows <= 0 || columns <= 0)
        return 0;
    if (!isSmallProduct(rows, columns, depth))
        return 1;
    const ProductPlan plan = planProduct(rows, columns, depth);
    const int parts = plan.sumsShared ? kProductWarps : 1;
    for (std::int64_t down = 0; down < plan.blocksDown; ++down)
        for (int across = 0; across < plan.blocksAcross; ++across) {
            const std::int64_t lastRow = std::min(rows, (down + 1) * plan.tile);
            const int lastColumn = std::min(columns, (across + 1) * plan.tile);
            for (std::int64_t row = down * plan.tile; row < lastRow; ++row)
                for (int column = across * plan.tile; column < lastColumn; ++column)
                    out[row * columns + column] =
                        sumInParts(a + row * depth, weight + std::int64_t{column} * depth, depth, parts);
        }
    return 0;
}

int smallProductNormHost(std::int64_t rows, int columns, const std::uint16_t* a, const std::uint16_t* weight,
                         const float* x, const float* normWeight, const float* normBias, float* sum,
                         float* out) {
    if (rows <= 0 || columns <= 0)
        return 0;
    if (!isSmallProductNorm(rows, columns, 2 * columns))
        return 1;
    const int depth = 2 * columns;
    const int blocks = columns / kNormTileColumns;
    struct Moments {
        float mean;
        float squares; // sum of squared differences
    };
    std::vector<Moments> ofBlocks(static_cast<std::size_t>(blocks));
    for (std::int64_t row = 0; row < rows; ++row) {
        float* values = sum + row * columns;
        for (int column = 0; column < columns; ++column) {
            const float product =
                sumInParts(a + row * depth, weight + std::int64_t{column} * depth, depth, kProductWarps);
            values[column] = (x != nullptr ? x[row * columns + column] : 0.0f) + product;
        }
        if (out == nullptr)
            continue;
        float mean = 0.0f;
        for (int block = 0; block < blocks; ++block) {
            const float* own = values + block * kNormTileColumns;
            Moments& moments = ofBlocks[static_cast<std::size_t>(block)];
            moments.mean = std::accumulate(own, own + kNormTileColumns, 0.0f) / kNormTileColumns;
            moments.squares = 0.0f;
            for (int column = 0; column < kNormTileColumns; ++column)
                moments.squares += (own[column] - moments.mean) * (own[column] - moments.mean);
            mean += moments.mean / static_cast<float>(blocks);
        }
        float squares = 0.0f;
        for (const Moments& moments : ofBlocks)
            squares += moments.squares + kNormTileColumns * (moments.mean - mean) * (moments.mean - mean);
        const float factor = 1.0f / std::sqrt(squares / static_cast<float>(columns) + kNormEpsilon);
        for (int column = 0; column < columns; ++column)
            out[row * columns + column] =
                (values[column] - mean) * factor * normWeight[column] + normBias[column];
    }
    return 0;
}

} // namespace limn::gpu
