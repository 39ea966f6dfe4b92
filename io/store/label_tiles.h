// SPDX-License-Identifier: GPL-3.0-or-later
// A layer of 8-bit values (labels, provenance) cut in square tiles that are shared and never changed: how an
// annotation travels from the document to the store. Two layers that share a tile's pointer are known to be
// equal there without looking, so that a stroke's save writes the touched tiles alone. Plain C++20, any
// thread.
#pragma once

#include "io/core/image.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace limn {

// tileSize * tileSize values, row by row; what lies outside the image is 0. A plain pointer, so that a tile
// of any owner can be shared without copying (aliasing constructor of shared_ptr).
using TileBytes = std::shared_ptr<const std::uint8_t>;

// A copy of tileSize * tileSize bytes.
TileBytes copyTile(const std::uint8_t* bytes, int tileSize);

struct LabelTiles {
    static constexpr int kDefaultTileSize = 512;

    Size size;
    int tileSize = kDefaultTileSize;
    std::vector<TileBytes> tiles; // tilesAcross() * tilesDown(), row by row; null: all zeros

    LabelTiles() = default;
    // All zeros.
    explicit LabelTiles(Size imageSize, int tile = kDefaultTileSize);

    int tilesAcross() const { return (size.width + tileSize - 1) / tileSize; }
    int tilesDown() const { return (size.height + tileSize - 1) / tileSize; }
    bool empty() const { return tiles.empty(); }
};

// Cuts a map. Tiles that are equal to those of `previous` (same size and tile size) share its pointers.
LabelTiles tilesFromLabelMap(const LabelMap& map, const LabelTiles* previous = nullptr,
                             int tileSize = LabelTiles::kDefaultTileSize);
LabelMap labelMapFromTiles(const LabelTiles& tiles);

// By value: a null tile equals one of zeros. Different sizes or tile sizes are different.
bool sameContent(const LabelTiles& a, const LabelTiles& b);

// Indices of tiles whose bytes differ. With another size or tile size every tile of `now` counts.
std::vector<int> changedTiles(const LabelTiles& before, const LabelTiles& now);

} // namespace limn
