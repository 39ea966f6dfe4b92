// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/product_plan.h"

#include "inference/cuda/product_kernels.h"

namespace limn::gpu {

bool isSmallProduct(std::int64_t rows, int columns, int depth) {
    const bool isDepthOfAStage = depth == 96 || depth == 192 || depth == 384 || depth == 768;
    return rows > 0 && columns > 0 && columns % kColumnGroup == 0 && isDepthOfAStage &&
           rows <= kMostMultiplyAdds / columns / depth;
}

bool isSmallProductNorm(std::int64_t rows, int columns, int depth) {
    const bool isStage =
        columns == kNormTileColumns || columns == 2 * kNormTileColumns || columns == 4 * kNormTileColumns;
    return rows > 0 && isStage && depth == 2 * columns && rows <= kMostMultiplyAdds / columns / depth;
}

ProductPlan planProduct(std::int64_t rows, int columns, int depth) {
    constexpr std::int64_t kEnoughBlocks = 90;
    const auto cut = [&](int tile) {
        return ProductPlan{tile == kWarpTile, tile, (rows + tile - 1) / tile, (columns + tile - 1) / tile};
    };
    const ProductPlan large = cut(2 * kWarpTile);
    const bool canShare = depth % (kProductWarps * kProductStep) == 0;
    return canShare && large.blocksDown * large.blocksAcross < kEnoughBlocks ? cut(kWarpTile) : large;
}

} // namespace limn::gpu
