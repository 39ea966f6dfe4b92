// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/measure/agreement.h"

#include "inference/plain/metrics.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <map>
#include <utility>

namespace limn {

namespace {

// Where any of the two is inside, with a pixel of background around it where the image goes on, so that the
// part has the same boundaries as the whole image.
Rect partThatMatters(const TileMap& first, const TileMap& second) {
    Rect part;
    for (const TileMap* map : {&first, &second}) {
        const std::array<std::size_t, 256> counts = map->histogram();
        for (int value = 1; value < 256; ++value)
            if (counts[static_cast<std::size_t>(value)] > 0)
                part = united(part, map->boundsOf(static_cast<std::uint8_t>(value)));
    }
    if (part.empty())
        return part;
    return intersected({part.x - 1, part.y - 1, part.width + 2, part.height + 2}, first.bounds());
}

} // namespace

Agreement agreementOf(const TileMap& first, const TileMap& second) {
    assert(first.size() == second.size());
    const Rect part = partThatMatters(first, second);
    Agreement agreement;
    if (part.empty()) {
        agreement.dice = agreement.iou = 1.0;
        return agreement;
    }
    const LabelMap a = first.crop(part);
    const LabelMap b = second.crop(part);
    for (std::size_t i = 0; i < a.labels.size(); ++i) {
        const bool inA = a.labels[i] != 0;
        const bool inB = b.labels[i] != 0;
        agreement.both += inA && inB;
        agreement.onlyFirst += inA && !inB;
        agreement.onlySecond += inB && !inA;
    }
    const std::size_t both = agreement.both;
    if (both + agreement.onlyFirst == 0 || both + agreement.onlySecond == 0) {
        agreement.hd95Px = std::hypot(first.size().width, first.size().height);
        return agreement;
    }
    if (const Result<ImageScores> scores = scoreMask(a, b)) {
        agreement.dice = scores->dice;
        agreement.iou = scores->iou;
        agreement.hd95Px = scores->hd95;
    }
    return agreement;
}

std::vector<DisputedArea> disputedAreas(const TileMap& first, const TileMap& second) {
    assert(first.size() == second.size());
    std::map<std::pair<std::uint8_t, std::uint8_t>, std::vector<Span>> spans;
    for (const int index : TileMap::differentTiles(first, second)) {
        const Rect rect = first.tileRect(index);
        const std::uint8_t* a = first.tileBytes(index);
        const std::uint8_t* b = second.tileBytes(index);
        for (int y = 0; y < rect.height; ++y, a += kTileSize, b += kTileSize) {
            for (int x = 0; x < rect.width;) {
                if (a[x] == b[x]) {
                    ++x;
                    continue;
                }
                const int begin = x;
                while (x < rect.width && a[x] == a[begin] && b[x] == b[begin])
                    ++x;
                spans[{a[begin], b[begin]}].push_back({rect.y + y, rect.x + begin, rect.x + x});
            }
        }
    }
    std::vector<std::pair<std::size_t, DisputedArea>> found;
    for (auto& [values, runs] : spans) {
        for (PixelArea& part : connectedParts(PixelArea(std::move(runs)))) {
            const std::size_t pixels = part.pixels();
            found.push_back({pixels, {std::move(part), values.first, values.second}});
        }
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        const Span& p = a.second.area.spans().front();
        const Span& q = b.second.area.spans().front();
        return a.first != b.first ? a.first > b.first : p.y != q.y ? p.y < q.y : p.begin < q.begin;
    });
    std::vector<DisputedArea> areas;
    areas.reserve(found.size());
    for (auto& [pixels, area] : found)
        areas.push_back(std::move(area));
    return areas;
}

} // namespace limn
