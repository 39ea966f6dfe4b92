// SPDX-License-Identifier: GPL-3.0-or-later
// How a small product is cut into blocks, for the kernels and for their host version. Pure.
#pragma once

#include <cstdint>

namespace limn::gpu {

inline constexpr int kProductWarps = 4; // of a block
inline constexpr int kWarpTile = 32;    // rows, and columns, of what a warp makes
inline constexpr int kProductStep = 16; // of the depth, of one instruction
inline constexpr int kColumnGroup = 8;  // columns come in groups of these
// Beyond this a library's product is faster: twice what one 256 x 256 image brings.
inline constexpr std::int64_t kMostMultiplyAdds = 302'000'000;

// With sumsShared a block's warps make one tile of 32 x 32 together, each a quarter of the depth; without,
// two by two of them make one of 64 x 64.
struct ProductPlan {
    bool sumsShared = false;
    int tile = 0; // rows, and columns, of a block
    std::int64_t blocksDown = 0;
    int blocksAcross = 0;
};

// Of products with a LayerNorm: a block has 16 rows and 96 columns, three warps across by four that take a
// quarter of the depth each; a cluster has whole rows.
inline constexpr int kNormTileRows = 16;
inline constexpr int kNormWarpsAcross = 3;
inline constexpr int kNormTileColumns = kNormWarpsAcross * kWarpTile;

// Small tiles where large ones would leave multiprocessors of a large GPU idle.
ProductPlan planProduct(std::int64_t rows, int columns, int depth);

} // namespace limn::gpu
