// SPDX-License-Identifier: GPL-3.0-or-later
// An 8-bit plane (label values, or provenance sources) cut in tiles that copies share. A TileMap is a value:
// copying costs one pointer a tile, and a copy never changes when the original is written to. That makes
// snapshots for saving and undo cheap. Copies may be read in any thread; one TileMap object is written by one
// thread at a time (only AnnotationDocument writes to one).
//
// Pixel convention of io/core/image.h. Tile (tx, ty) covers columns [tx * kTileSize, ...) and rows
// [ty * kTileSize, ...); tiles at the right and lower edge hold zeros beyond the image.
#pragma once

#include "io/core/image.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace limn {

constexpr int kTileSize = 512;
constexpr std::size_t kTilePixels = static_cast<std::size_t>(kTileSize) * kTileSize;

// Row-major bytes of one tile; row y begins at y * kTileSize.
using Tile = std::array<std::uint8_t, kTilePixels>;
// Null stands for a tile of zeros.
using TilePtr = std::shared_ptr<const Tile>;

// A tile whose bytes are not set yet, for a writer that sets them all before sharing it. The memory of
// dropped tiles is kept for new ones (up to 32 MB): a fresh quarter of a megabyte costs the system more than
// its copying. Any thread.
std::shared_ptr<Tile> newTile();
// Such tiles need not be kept: null stands for them. Quick where the first bytes tell.
bool isZero(const Tile& tile);

class TileMap {
public:
    TileMap() = default;
    // All zero. Width and height from 0 (an empty map) up.
    explicit TileMap(Size size);
    // Cuts a label map into tiles.
    explicit TileMap(const LabelMap& map);

    Size size() const { return m_size; }
    Rect bounds() const { return {0, 0, m_size.width, m_size.height}; }
    int tileColumns() const { return m_columns; }
    int tileRows() const { return m_rows; }
    int tileCount() const { return m_columns * m_rows; }
    int tileIndex(int x, int y) const { return (y / kTileSize) * m_columns + x / kTileSize; }
    // In image pixels, clipped to the image.
    Rect tileRect(int index) const;

    // The tile's bytes, kTileSize a row; a tile of zeros is given for null, so never null.
    const std::uint8_t* tileBytes(int index) const;
    const TilePtr& tile(int index) const { return m_tiles[static_cast<std::size_t>(index)]; }

    // x and y inside the image.
    std::uint8_t at(int x, int y) const {
        const TilePtr& t = m_tiles[static_cast<std::size_t>(tileIndex(x, y))];
        return t ? (*t)[static_cast<std::size_t>(y % kTileSize) * kTileSize + x % kTileSize] : 0;
    }
    // 0 outside the image.
    std::uint8_t atOrZero(int x, int y) const {
        return x >= 0 && y >= 0 && x < m_size.width && y < m_size.height ? at(x, y) : 0;
    }

    // Copies rect (inside the image) to rows of `stride` bytes.
    void read(const Rect& rect, std::uint8_t* out, std::size_t stride) const;
    LabelMap toLabelMap() const;
    // rect is clipped to the image; the result has the clipped size.
    LabelMap crop(const Rect& rect) const;

    // How often each of the 256 values occurs inside the image.
    std::array<std::size_t, 256> histogram() const;
    // Smallest rectangle that holds every pixel of this value; empty when there is none.
    Rect boundsOf(std::uint8_t value) const;
    bool allZero() const;

    // True when both have the same size and bytes; tiles that are shared are not compared byte by byte.
    bool operator==(const TileMap& other) const;
    // Indices of tiles that are not the same object in both maps of equal size: what has to be saved or drawn
    // again. A tile named here may still hold the same bytes.
    static std::vector<int> differentTiles(const TileMap& a, const TileMap& b);

    // Bytes of the tiles held (shared ones counted in full).
    std::size_t memoryBytes() const;

    // Replaces one tile. Padding beyond the image must be zero.
    void setTile(int index, TilePtr tile) { m_tiles[static_cast<std::size_t>(index)] = std::move(tile); }

private:
    Size m_size;
    int m_columns = 0;
    int m_rows = 0;
    std::vector<TilePtr> m_tiles;
};

} // namespace limn
