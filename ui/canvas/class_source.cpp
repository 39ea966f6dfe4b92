// SPDX-License-Identifier: GPL-3.0-or-later
// Sampling loops of the overlay's sources.
#include "ui/canvas/class_source.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace limn {

int ClassSource::uniformClass(const Rect& rect) const {
    return intersected(rect, bounds()).empty() ? 0 : kMixed;
}

void ClassSource::changed(const Rect&) {}

void ClassSource::prepare(const Rect&) {}

int LabelSource::uniformClass(const Rect& rect) const {
    return m_blocks.classOf(rect);
}

void LabelSource::sampleRow(int y, const int* xs, int count, std::uint8_t* out) const {
    const TileMap& map = m_map();
    const int tileRow = y / kTileSize;
    const std::size_t rowOffset = static_cast<std::size_t>(y % kTileSize) * kTileSize;
    int tileColumn = -1;
    const std::uint8_t* row = nullptr;
    for (int i = 0; i < count; ++i) {
        const int c = xs[i] / kTileSize;
        if (c != tileColumn) {
            tileColumn = c;
            row = map.tileBytes(tileRow * map.tileColumns() + c) + rowOffset;
        }
        out[i] = row[xs[i] - c * kTileSize];
    }
}

AreaSource::AreaSource(PixelArea area) : m_area(std::move(area)), m_bounds(m_area.bounds()) {
    const std::vector<Span>& spans = m_area.spans();
    m_firstOfRow.reserve(static_cast<std::size_t>(m_bounds.height) + 1);
    std::size_t i = 0;
    for (int y = m_bounds.y; y < m_bounds.bottom(); ++y) {
        while (i < spans.size() && spans[i].y < y)
            ++i;
        m_firstOfRow.push_back(i);
    }
    m_firstOfRow.push_back(spans.size());
}

void AreaSource::sampleRow(int y, const int* xs, int count, std::uint8_t* out) const {
    std::memset(out, 0, static_cast<std::size_t>(count));
    if (y < m_bounds.y || y >= m_bounds.bottom())
        return;
    const std::size_t row = static_cast<std::size_t>(y - m_bounds.y);
    const int* end = xs + count;
    for (std::size_t s = m_firstOfRow[row]; s < m_firstOfRow[row + 1]; ++s) {
        const Span& span = m_area.spans()[s];
        const int* a = std::lower_bound(xs, end, span.begin);
        const int* b = std::lower_bound(a, end, span.end);
        std::memset(out + (a - xs), 1, static_cast<std::size_t>(b - a));
    }
}

ThresholdSource::ThresholdSource(ProposalPtr proposal, double threshold)
    : m_proposal(std::move(proposal))
    , m_blocks(ProbabilityBlocks::of(m_proposal))
    , m_firstInside(ProbabilityMap::firstInside(threshold)) {}

int ThresholdSource::uniformClass(const Rect& rect) const {
    const Rect& extent = m_proposal->extent;
    const Rect inside = intersected(rect, extent);
    if (inside.empty())
        return 0;
    const int found = m_blocks->classOf(
        {inside.x - extent.x, inside.y - extent.y, inside.width, inside.height}, m_firstInside);
    return found == 0 || inside == rect ? found : kMixed;
}

void ThresholdSource::sampleRow(int y, const int* xs, int count, std::uint8_t* out) const {
    const Rect& extent = m_proposal->extent;
    if (y < extent.y || y >= extent.bottom()) {
        std::memset(out, 0, static_cast<std::size_t>(count));
        return;
    }
    const std::uint16_t* row =
        m_proposal->probability.values.data() + static_cast<std::size_t>(y - extent.y) * extent.width;
    for (int i = 0; i < count; ++i) {
        const int x = xs[i] - extent.x;
        out[i] = x >= 0 && x < extent.width && row[x] >= m_firstInside ? 1 : 0;
    }
}

void ProbabilitySource::sampleRow(int y, const int* xs, int count, std::uint8_t* out) const {
    const Rect& extent = m_proposal->extent;
    if (y < extent.y || y >= extent.bottom()) {
        std::memset(out, 0, static_cast<std::size_t>(count));
        return;
    }
    const std::uint16_t* row =
        m_proposal->probability.values.data() + static_cast<std::size_t>(y - extent.y) * extent.width;
    for (int i = 0; i < count; ++i) {
        const int x = xs[i] - extent.x;
        out[i] =
            x >= 0 && x < extent.width
                ? static_cast<std::uint8_t>(1 + (static_cast<std::uint32_t>(row[x]) * 254 + 32767) / 65535)
                : std::uint8_t{0};
    }
}

int DifferenceSource::uniformClass(const Rect& rect) const {
    const int first = m_first->uniformClass(rect);
    const int second = m_second->uniformClass(rect);
    if (first == kMixed || second == kMixed)
        return kMixed;
    return first != 0 && second != 0 ? kBoth : first != 0 ? kOnlyFirst : second != 0 ? kOnlySecond : 0;
}

void DifferenceSource::changed(const Rect& rect) {
    m_first->changed(rect);
    m_second->changed(rect);
}

void DifferenceSource::prepare(const Rect& rect) {
    m_first->prepare(rect);
    m_second->prepare(rect);
}

void DifferenceSource::sampleRow(int y, const int* xs, int count, std::uint8_t* out) const {
    thread_local std::vector<std::uint8_t> second;
    second.resize(static_cast<std::size_t>(count));
    m_first->sampleRow(y, xs, count, out);
    m_second->sampleRow(y, xs, count, second.data());
    for (int i = 0; i < count; ++i) {
        const bool a = out[i] != 0;
        const bool b = second[static_cast<std::size_t>(i)] != 0;
        out[i] = a && b ? kBoth : a ? kOnlyFirst : b ? kOnlySecond : std::uint8_t{0};
    }
}

} // namespace limn
