// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/tile_map.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

namespace limn {

namespace {

const Tile& zeroTile() {
    static const Tile tile{};
    return tile;
}

class TilePool {
public:
    Tile* take() {
        const std::lock_guard lock(m_mutex);
        if (m_free.empty())
            return std::make_unique_for_overwrite<Tile>().release();
        Tile* tile = m_free.back().release();
        m_free.pop_back();
        return tile;
    }
    void give(Tile* tile) {
        std::unique_ptr<Tile> owned(tile);
        const std::lock_guard lock(m_mutex);
        if (m_free.size() < kKept)
            m_free.push_back(std::move(owned));
    }

private:
    static constexpr std::size_t kKept = 128;
    std::mutex m_mutex;
    std::vector<std::unique_ptr<Tile>> m_free;
};

} // namespace

bool isZero(const Tile& tile) {
    return std::memcmp(tile.data(), zeroTile().data(), kTilePixels) == 0;
}

std::shared_ptr<Tile> newTile() {
    // Each tile holds the pool, so that tiles which outlive the program's static objects can still be given
    // back.
    static const auto pool = std::make_shared<TilePool>();
    return {pool->take(), [pool = pool](Tile* tile) { pool->give(tile); }};
}

TileMap::TileMap(Size size)
    : m_size(size)
    , m_columns((size.width + kTileSize - 1) / kTileSize)
    , m_rows((size.height + kTileSize - 1) / kTileSize)
    , m_tiles(static_cast<std::size_t>(m_columns) * static_cast<std::size_t>(m_rows)) {}

TileMap::TileMap(const LabelMap& map) : TileMap(map.size) {
    for (int index = 0; index < tileCount(); ++index) {
        const Rect rect = tileRect(index);
        std::shared_ptr<Tile> tile = newTile();
        // Zeros beyond the image.
        if (rect.width < kTileSize || rect.height < kTileSize)
            tile->fill(0);
        for (int y = 0; y < rect.height; ++y)
            std::memcpy(tile->data() + static_cast<std::size_t>(y) * kTileSize,
                        map.labels.data() + static_cast<std::size_t>(rect.y + y) * m_size.width + rect.x,
                        static_cast<std::size_t>(rect.width));
        if (!isZero(*tile))
            setTile(index, std::move(tile));
    }
}

Rect TileMap::tileRect(int index) const {
    const int x = (index % m_columns) * kTileSize;
    const int y = (index / m_columns) * kTileSize;
    return {x, y, std::min(kTileSize, m_size.width - x), std::min(kTileSize, m_size.height - y)};
}

const std::uint8_t* TileMap::tileBytes(int index) const {
    const TilePtr& t = tile(index);
    return t ? t->data() : zeroTile().data();
}

void TileMap::read(const Rect& rect, std::uint8_t* out, std::size_t stride) const {
    if (rect.empty())
        return;
    for (int row = rect.y / kTileSize; row <= (rect.bottom() - 1) / kTileSize; ++row)
        for (int column = rect.x / kTileSize; column <= (rect.right() - 1) / kTileSize; ++column) {
            const int index = row * m_columns + column;
            const Rect part = intersected(rect, tileRect(index));
            const std::uint8_t* bytes = tileBytes(index);
            for (int y = part.y; y < part.bottom(); ++y)
                std::memcpy(out + static_cast<std::size_t>(y - rect.y) * stride + (part.x - rect.x),
                            bytes + static_cast<std::size_t>(y % kTileSize) * kTileSize + part.x % kTileSize,
                            static_cast<std::size_t>(part.width));
        }
}

LabelMap TileMap::toLabelMap() const {
    return crop(bounds());
}

LabelMap TileMap::crop(const Rect& rect) const {
    const Rect inside = intersected(rect, bounds());
    LabelMap map(Size{inside.width, inside.height});
    read(inside, map.labels.data(), static_cast<std::size_t>(inside.width));
    return map;
}

std::array<std::size_t, 256> TileMap::histogram() const {
    std::array<std::size_t, 256> counts{};
    for (int index = 0; index < tileCount(); ++index) {
        const Rect rect = tileRect(index);
        if (!tile(index)) {
            counts[0] += static_cast<std::size_t>(rect.width) * rect.height;
            continue;
        }
        // Four counters, so that runs of one value do not wait for the last increment.
        std::array<std::array<std::uint32_t, 256>, 4> partial{};
        for (int y = 0; y < rect.height; ++y) {
            const std::uint8_t* row = tileBytes(index) + static_cast<std::size_t>(y) * kTileSize;
            for (int x = 0; x < rect.width; ++x)
                ++partial[static_cast<std::size_t>(x & 3)][row[x]];
        }
        for (std::size_t value = 0; value < 256; ++value)
            counts[value] += partial[0][value] + partial[1][value] + partial[2][value] + partial[3][value];
    }
    return counts;
}

Rect TileMap::boundsOf(std::uint8_t value) const {
    Rect box;
    for (int index = 0; index < tileCount(); ++index) {
        if (!tile(index) && value != 0)
            continue;
        const Rect rect = tileRect(index);
        const std::uint8_t* bytes = tileBytes(index);
        for (int y = 0; y < rect.height; ++y) {
            const std::uint8_t* row = bytes + static_cast<std::size_t>(y) * kTileSize;
            const void* first = std::memchr(row, value, static_cast<std::size_t>(rect.width));
            if (!first)
                continue;
            int last = rect.width - 1;
            while (row[last] != value)
                --last;
            const int begin = static_cast<int>(static_cast<const std::uint8_t*>(first) - row);
            box = united(box, {rect.x + begin, rect.y + y, last - begin + 1, 1});
        }
    }
    return box;
}

bool TileMap::allZero() const {
    return std::all_of(m_tiles.begin(), m_tiles.end(), [](const TilePtr& t) { return !t || isZero(*t); });
}

bool TileMap::operator==(const TileMap& other) const {
    if (m_size != other.m_size)
        return false;
    for (int index = 0; index < tileCount(); ++index)
        if (tile(index) != other.tile(index) &&
            std::memcmp(tileBytes(index), other.tileBytes(index), kTilePixels) != 0)
            return false;
    return true;
}

std::vector<int> TileMap::differentTiles(const TileMap& a, const TileMap& b) {
    std::vector<int> indices;
    for (int index = 0; index < a.tileCount(); ++index)
        if (a.tile(index) != b.tile(index))
            indices.push_back(index);
    return indices;
}

std::size_t TileMap::memoryBytes() const {
    return static_cast<std::size_t>(
               std::count_if(m_tiles.begin(), m_tiles.end(), [](const TilePtr& t) { return t != nullptr; })) *
           kTilePixels;
}

} // namespace limn
