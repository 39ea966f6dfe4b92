// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/label_tiles.h"

#include <algorithm>
#include <cstring>

namespace limn {

namespace {

bool isZero(const TileBytes& tile, std::size_t count) {
    return !tile ||
           std::all_of(tile.get(), tile.get() + count, [](std::uint8_t value) { return value == 0; });
}

bool sameTile(const TileBytes& a, const TileBytes& b, std::size_t count) {
    if (a == b)
        return true;
    if (!a || !b)
        return isZero(a ? a : b, count);
    return std::memcmp(a.get(), b.get(), count) == 0;
}

} // namespace

TileBytes copyTile(const std::uint8_t* bytes, int tileSize) {
    const std::size_t count = static_cast<std::size_t>(tileSize) * tileSize;
    std::shared_ptr<std::uint8_t[]> copy(new std::uint8_t[count]);
    std::memcpy(copy.get(), bytes, count);
    return TileBytes(copy, copy.get());
}

LabelTiles::LabelTiles(Size imageSize, int tile) : size(imageSize), tileSize(tile) {
    tiles.resize(static_cast<std::size_t>(tilesAcross()) * static_cast<std::size_t>(tilesDown()));
}

LabelTiles tilesFromLabelMap(const LabelMap& map, const LabelTiles* previous, int tileSize) {
    LabelTiles result(map.size, tileSize);
    const bool comparable = previous && previous->size == map.size && previous->tileSize == tileSize &&
                            previous->tiles.size() == result.tiles.size();
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(tileSize) * tileSize);
    for (int ty = 0; ty < result.tilesDown(); ++ty) {
        for (int tx = 0; tx < result.tilesAcross(); ++tx) {
            const int x0 = tx * tileSize;
            const int y0 = ty * tileSize;
            const int width = std::min(tileSize, map.size.width - x0);
            const int height = std::min(tileSize, map.size.height - y0);
            std::fill(bytes.begin(), bytes.end(), std::uint8_t{0});
            bool any = false;
            for (int y = 0; y < height; ++y) {
                const std::uint8_t* row =
                    map.labels.data() + static_cast<std::size_t>(y0 + y) * map.size.width + x0;
                std::memcpy(bytes.data() + static_cast<std::size_t>(y) * tileSize, row, width);
                any = any || std::any_of(row, row + width, [](std::uint8_t value) { return value != 0; });
            }
            const std::size_t index = static_cast<std::size_t>(ty) * result.tilesAcross() + tx;
            if (comparable && previous->tiles[index] &&
                std::memcmp(previous->tiles[index].get(), bytes.data(), bytes.size()) == 0)
                result.tiles[index] = previous->tiles[index];
            else if (any)
                result.tiles[index] = copyTile(bytes.data(), tileSize);
        }
    }
    return result;
}

LabelMap labelMapFromTiles(const LabelTiles& tiles) {
    LabelMap map(tiles.size);
    for (int ty = 0; ty < tiles.tilesDown(); ++ty) {
        for (int tx = 0; tx < tiles.tilesAcross(); ++tx) {
            const TileBytes& tile = tiles.tiles[static_cast<std::size_t>(ty) * tiles.tilesAcross() + tx];
            if (!tile)
                continue;
            const int x0 = tx * tiles.tileSize;
            const int y0 = ty * tiles.tileSize;
            const int width = std::min(tiles.tileSize, map.size.width - x0);
            const int height = std::min(tiles.tileSize, map.size.height - y0);
            for (int y = 0; y < height; ++y)
                std::memcpy(map.labels.data() + static_cast<std::size_t>(y0 + y) * map.size.width + x0,
                            tile.get() + static_cast<std::size_t>(y) * tiles.tileSize, width);
        }
    }
    return map;
}

bool sameContent(const LabelTiles& a, const LabelTiles& b) {
    return a.size == b.size && a.tileSize == b.tileSize && changedTiles(a, b).empty();
}

std::vector<int> changedTiles(const LabelTiles& before, const LabelTiles& now) {
    const bool comparable =
        before.size == now.size && before.tileSize == now.tileSize && before.tiles.size() == now.tiles.size();
    const std::size_t count = static_cast<std::size_t>(now.tileSize) * now.tileSize;
    std::vector<int> changed;
    for (std::size_t i = 0; i < now.tiles.size(); ++i) {
        if (!comparable || !sameTile(before.tiles[i], now.tiles[i], count))
            changed.push_back(static_cast<int>(i));
    }
    return changed;
}

} // namespace limn
