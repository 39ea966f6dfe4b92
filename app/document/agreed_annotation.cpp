// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/agreed_annotation.h"

#include <algorithm>
#include <array>
#include <optional>

namespace limn {

namespace {

constexpr std::size_t kMostSources = 256;

// Writes pixels into planes whose tiles others share: each touched tile is copied once.
class PlaneWriter {
public:
    explicit PlaneWriter(TileMap& map) : m_map(map), m_own(static_cast<std::size_t>(map.tileCount())) {}
    ~PlaneWriter() {
        for (int i = 0; i < m_map.tileCount(); ++i)
            if (m_own[static_cast<std::size_t>(i)])
                m_map.setTile(i, m_own[static_cast<std::size_t>(i)]);
    }
    PlaneWriter(const PlaneWriter&) = delete;
    PlaneWriter& operator=(const PlaneWriter&) = delete;

    void set(int x, int y, std::uint8_t value) {
        const int index = m_map.tileIndex(x, y);
        std::shared_ptr<Tile>& own = m_own[static_cast<std::size_t>(index)];
        if (!own) {
            own = newTile();
            std::copy_n(m_map.tileBytes(index), kTilePixels, own->begin());
        }
        (*own)[static_cast<std::size_t>(y % kTileSize) * kTileSize + x % kTileSize] = value;
    }

private:
    TileMap& m_map;
    std::vector<std::shared_ptr<Tile>> m_own;
};

// Entries of one table of sources in another, added there when they are new. A full table gives none (0).
class SourceTranslation {
public:
    SourceTranslation(const std::vector<ProvenanceSource>& from, std::vector<ProvenanceSource>& into)
        : m_from(from), m_into(into) {}
    std::uint8_t operator[](std::uint8_t entry) {
        if (entry == 0 || entry >= m_from.size())
            return 0;
        std::optional<std::uint8_t>& known = m_known[entry];
        if (!known) {
            auto at = std::find(m_into.begin(), m_into.end(), m_from[entry]);
            if (at == m_into.end() && m_into.size() < kMostSources)
                at = m_into.insert(m_into.end(), m_from[entry]);
            known = at == m_into.end() ? std::uint8_t{0} : static_cast<std::uint8_t>(at - m_into.begin());
        }
        return *known;
    }

private:
    const std::vector<ProvenanceSource>& m_from;
    std::vector<ProvenanceSource>& m_into;
    std::array<std::optional<std::uint8_t>, kMostSources> m_known{};
};

void addLabelsOf(const AnnotationSnapshot& from, AnnotationSnapshot& into) {
    for (const Label& label : from.labelTable) {
        const bool known = std::any_of(into.labelTable.begin(), into.labelTable.end(),
                                       [&](const Label& l) { return l.value == label.value; });
        if (!known)
            into.labelTable.push_back(label);
    }
}

} // namespace

AnnotationSnapshot commonPart(const AnnotationSnapshot& first, const AnnotationSnapshot& second) {
    AnnotationSnapshot common = first;
    addLabelsOf(second, common);
    common.noLesion = first.noLesion && second.noLesion;
    common.threshold.reset();
    PlaneWriter labels(common.labels);
    PlaneWriter provenance(common.provenance);
    for (const int index : TileMap::differentTiles(first.labels, second.labels)) {
        const Rect rect = first.labels.tileRect(index);
        const std::uint8_t* a = first.labels.tileBytes(index);
        const std::uint8_t* b = second.labels.tileBytes(index);
        for (int y = 0; y < rect.height; ++y, a += kTileSize, b += kTileSize) {
            for (int x = 0; x < rect.width; ++x) {
                if (a[x] != b[x]) {
                    labels.set(rect.x + x, rect.y + y, 0);
                    provenance.set(rect.x + x, rect.y + y, 0);
                }
            }
        }
    }
    return common;
}

AnnotationSnapshot withAreaOf(const AnnotationSnapshot& into, const AnnotationSnapshot& from,
                              const PixelArea& area) {
    AnnotationSnapshot result = into;
    addLabelsOf(from, result);
    if (result.sources.empty())
        result.sources.emplace_back();
    PlaneWriter labels(result.labels);
    PlaneWriter provenance(result.provenance);
    SourceTranslation source(from.sources, result.sources);
    bool drawn = false;
    const PixelArea inside = area.intersected(into.labels.bounds());
    for (const Span& span : inside.spans()) {
        for (int x = span.begin; x < span.end; ++x) {
            const std::uint8_t value = from.labels.at(x, span.y);
            drawn = drawn || value != 0;
            labels.set(x, span.y, value);
            provenance.set(x, span.y, source[from.provenance.at(x, span.y)]);
        }
    }
    result.noLesion = into.noLesion && !drawn;
    return result;
}

} // namespace limn
