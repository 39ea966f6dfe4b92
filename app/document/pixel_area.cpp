// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/pixel_area.h"

#include "app/document/runs.h"
#include "inference/engine.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>
#include <numeric>

namespace limn {

namespace {

bool readingOrder(const Span& a, const Span& b) {
    return a.y != b.y ? a.y < b.y : a.begin < b.begin;
}

// Appends to spans in canonical order, merging with the last one where they touch.
void append(std::vector<Span>& spans, const Span& span) {
    if (!spans.empty() && spans.back().y == span.y && spans.back().end >= span.begin)
        spans.back().end = std::max(spans.back().end, span.end);
    else
        spans.push_back(span);
}

[[maybe_unused]] bool canonical(const std::vector<Span>& spans) {
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (spans[i].begin >= spans[i].end)
            return false;
        if (i > 0 && (spans[i].y < spans[i - 1].y ||
                      (spans[i].y == spans[i - 1].y && spans[i].begin <= spans[i - 1].end)))
            return false;
    }
    return true;
}

// Runs of a value, or of everything but that value.
std::vector<Span> spansOfRows(const LabelMap& map, int left, int top, std::uint8_t value, bool wanted) {
    std::vector<Span> spans;
    const int width = map.size.width;
    for (int y = 0; y < map.size.height; ++y) {
        const std::uint8_t* row = map.labels.data() + static_cast<std::size_t>(y) * width;
        int x = 0;
        while (x < width) {
            const int begin = wanted ? firstEqual(row, x, width, value) : firstOther(row, x, width, value);
            if (begin == width)
                break;
            x = wanted ? firstOther(row, begin, width, value) : firstEqual(row, begin, width, value);
            spans.push_back({y + top, begin + left, x + left});
        }
    }
    return spans;
}

// Sets of span indices that are joined, as a forest with path halving.
class Joined {
public:
    explicit Joined(std::size_t count) : m_parent(count) {
        std::iota(m_parent.begin(), m_parent.end(), std::uint32_t{0});
    }
    std::uint32_t find(std::uint32_t i) {
        while (m_parent[i] != i) {
            m_parent[i] = m_parent[m_parent[i]];
            i = m_parent[i];
        }
        return i;
    }
    // The root is always the smallest index, which is the first span in reading order.
    void join(std::uint32_t a, std::uint32_t b) {
        a = find(a);
        b = find(b);
        if (a < b)
            m_parent[b] = a;
        else
            m_parent[a] = b;
    }

private:
    std::vector<std::uint32_t> m_parent;
};

// Joins spans of neighbouring rows that touch; each row is walked once beside the row above it.
Joined joinSpans(const std::vector<Span>& spans, Connectivity connectivity,
                 const CancelToken* cancel = nullptr) {
    const int reach = connectivity == Connectivity::Eight ? 1 : 0;
    Joined joined(spans.size());
    std::size_t aboveBegin = 0;
    std::size_t aboveEnd = 0;
    std::size_t rowBegin = 0;
    while (rowBegin < spans.size() && !wasCancelled(cancel)) {
        std::size_t rowEnd = rowBegin;
        while (rowEnd < spans.size() && spans[rowEnd].y == spans[rowBegin].y)
            ++rowEnd;
        if (aboveEnd > aboveBegin && spans[aboveBegin].y + 1 == spans[rowBegin].y) {
            std::size_t above = aboveBegin;
            std::size_t here = rowBegin;
            while (above < aboveEnd && here < rowEnd) {
                if (spans[above].begin < spans[here].end + reach &&
                    spans[here].begin < spans[above].end + reach)
                    joined.join(static_cast<std::uint32_t>(above), static_cast<std::uint32_t>(here));
                if (spans[above].end < spans[here].end)
                    ++above;
                else
                    ++here;
            }
        }
        aboveBegin = rowBegin;
        aboveEnd = rowEnd;
        rowBegin = rowEnd;
    }
    return joined;
}

// Pixels of the part that each root stands for; 0 for spans that are no roots.
std::vector<std::size_t> partSizes(Joined& joined, const std::vector<Span>& spans) {
    std::vector<std::size_t> sizes(spans.size(), 0);
    for (std::uint32_t i = 0; i < spans.size(); ++i)
        sizes[joined.find(i)] += static_cast<std::size_t>(spans[i].end - spans[i].begin);
    return sizes;
}

// The spans of the parts that are wanted of a root.
template<typename Wanted>
PixelArea gather(Joined& joined, const std::vector<Span>& spans, Wanted wanted) {
    std::vector<Span> some;
    for (std::uint32_t i = 0; i < spans.size(); ++i)
        if (wanted(joined.find(i)))
            some.push_back(spans[i]);
    return PixelArea::fromCanonical(std::move(some));
}

// What lies inside rect and not in the area.
std::vector<Span> complement(const PixelArea& area, const Rect& rect) {
    std::vector<Span> spans;
    if (rect.empty())
        return spans;
    const std::vector<Span>& in = area.spans();
    std::size_t i = 0;
    for (int y = rect.y; y < rect.bottom(); ++y) {
        while (i < in.size() && in[i].y < y)
            ++i;
        int x = rect.x;
        for (; i < in.size() && in[i].y == y; ++i) {
            const int begin = std::min(in[i].begin, rect.right());
            if (begin > x)
                spans.push_back({y, x, begin});
            x = std::max(x, in[i].end);
        }
        if (x < rect.right())
            spans.push_back({y, x, rect.right()});
    }
    return spans;
}

} // namespace

PixelArea::PixelArea(std::vector<Span> spans) {
    std::erase_if(spans, [](const Span& s) { return s.begin >= s.end; });
    if (!std::is_sorted(spans.begin(), spans.end(), readingOrder))
        std::sort(spans.begin(), spans.end(), readingOrder);
    m_spans.reserve(spans.size());
    for (const Span& span : spans)
        append(m_spans, span);
}

PixelArea PixelArea::rectangle(const Rect& rect) {
    PixelArea area;
    if (rect.empty())
        return area;
    area.m_spans.reserve(static_cast<std::size_t>(rect.height));
    for (int y = rect.y; y < rect.bottom(); ++y)
        area.m_spans.push_back({y, rect.x, rect.right()});
    return area;
}

PixelArea PixelArea::ofMask(const LabelMap& map, int left, int top) {
    return fromCanonical(spansOfRows(map, left, top, 0, false));
}

PixelArea PixelArea::ofValue(const LabelMap& map, std::uint8_t value, int left, int top) {
    return fromCanonical(spansOfRows(map, left, top, value, true));
}

PixelArea PixelArea::fromCanonical(std::vector<Span> spans) {
    assert(canonical(spans));
    PixelArea area;
    area.m_spans = std::move(spans);
    return area;
}

std::size_t PixelArea::pixels() const {
    std::size_t count = 0;
    for (const Span& span : m_spans)
        count += static_cast<std::size_t>(span.end - span.begin);
    return count;
}

Rect PixelArea::bounds() const {
    if (m_spans.empty())
        return {};
    int left = std::numeric_limits<int>::max();
    int right = std::numeric_limits<int>::min();
    for (const Span& span : m_spans) {
        left = std::min(left, span.begin);
        right = std::max(right, span.end);
    }
    return {left, m_spans.front().y, right - left, m_spans.back().y + 1 - m_spans.front().y};
}

bool PixelArea::contains(int x, int y) const {
    auto after = std::upper_bound(m_spans.begin(), m_spans.end(), Span{y, x, x}, readingOrder);
    if (after == m_spans.begin())
        return false;
    const Span& span = *std::prev(after);
    return span.y == y && span.begin <= x && x < span.end;
}

LabelMap PixelArea::toMask(const Rect& rect) const {
    LabelMap mask(Size{std::max(0, rect.width), std::max(0, rect.height)});
    for (const Span& span : m_spans) {
        const int begin = std::max(span.begin, rect.x);
        const int end = std::min(span.end, rect.right());
        if (span.y >= rect.y && span.y < rect.bottom() && begin < end)
            std::memset(&mask.at(begin - rect.x, span.y - rect.y), 1, static_cast<std::size_t>(end - begin));
    }
    return mask;
}

PixelArea PixelArea::intersected(const PixelArea& other) const {
    std::vector<Span> spans;
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < m_spans.size() && j < other.m_spans.size()) {
        const Span& a = m_spans[i];
        const Span& b = other.m_spans[j];
        if (a.y != b.y) {
            a.y < b.y ? ++i : ++j;
            continue;
        }
        const int begin = std::max(a.begin, b.begin);
        const int end = std::min(a.end, b.end);
        if (begin < end)
            spans.push_back({a.y, begin, end});
        a.end < b.end ? ++i : ++j;
    }
    return fromCanonical(std::move(spans));
}

PixelArea PixelArea::intersected(const Rect& rect) const {
    std::vector<Span> spans;
    for (const Span& span : m_spans) {
        const int begin = std::max(span.begin, rect.x);
        const int end = std::min(span.end, rect.right());
        if (span.y >= rect.y && span.y < rect.bottom() && begin < end)
            spans.push_back({span.y, begin, end});
    }
    return fromCanonical(std::move(spans));
}

PixelArea PixelArea::united(const PixelArea& other) const {
    std::vector<Span> all;
    all.reserve(m_spans.size() + other.m_spans.size());
    std::merge(m_spans.begin(), m_spans.end(), other.m_spans.begin(), other.m_spans.end(),
               std::back_inserter(all), readingOrder);
    return PixelArea(std::move(all));
}

PixelArea PixelArea::subtracted(const PixelArea& other) const {
    std::vector<Span> spans;
    std::size_t j = 0;
    for (const Span& span : m_spans) {
        while (j < other.m_spans.size() &&
               (other.m_spans[j].y < span.y ||
                (other.m_spans[j].y == span.y && other.m_spans[j].end <= span.begin)))
            ++j;
        int x = span.begin;
        for (std::size_t k = j;
             k < other.m_spans.size() && other.m_spans[k].y == span.y && other.m_spans[k].begin < span.end;
             ++k) {
            if (other.m_spans[k].begin > x)
                spans.push_back({span.y, x, other.m_spans[k].begin});
            x = std::max(x, other.m_spans[k].end);
        }
        if (x < span.end)
            spans.push_back({span.y, x, span.end});
    }
    return fromCanonical(std::move(spans));
}

std::vector<PixelArea> connectedParts(const PixelArea& area, Connectivity connectivity) {
    const std::vector<Span>& spans = area.spans();
    Joined joined = joinSpans(spans, connectivity);
    std::vector<std::uint32_t> partOfRoot(spans.size(), 0);
    std::vector<std::vector<Span>> parts;
    for (std::uint32_t i = 0; i < spans.size(); ++i) {
        const std::uint32_t root = joined.find(i);
        if (root == i) {
            partOfRoot[i] = static_cast<std::uint32_t>(parts.size());
            parts.emplace_back();
        }
        parts[partOfRoot[root]].push_back(spans[i]);
    }
    std::vector<PixelArea> areas;
    areas.reserve(parts.size());
    for (std::vector<Span>& part : parts)
        areas.push_back(PixelArea::fromCanonical(std::move(part)));
    std::vector<std::size_t> sizes(areas.size());
    std::transform(areas.begin(), areas.end(), sizes.begin(), [](const PixelArea& a) { return a.pixels(); });
    std::vector<std::size_t> order(areas.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
    std::vector<PixelArea> sorted;
    sorted.reserve(areas.size());
    for (std::size_t i : order)
        sorted.push_back(std::move(areas[i]));
    return sorted;
}

PixelArea connectedPart(const PixelArea& area, int x, int y, Connectivity connectivity) {
    const std::vector<Span>& spans = area.spans();
    auto after = std::upper_bound(spans.begin(), spans.end(), Span{y, x, x}, readingOrder);
    if (after == spans.begin() || !area.contains(x, y))
        return {};
    Joined joined = joinSpans(spans, connectivity);
    const std::uint32_t wanted = joined.find(static_cast<std::uint32_t>(std::prev(after) - spans.begin()));
    return gather(joined, spans, [wanted](std::uint32_t root) { return root == wanted; });
}

std::size_t countParts(const PixelArea& area, Connectivity connectivity, const CancelToken* cancel) {
    Joined joined = joinSpans(area.spans(), connectivity, cancel);
    std::size_t count = 0;
    for (std::uint32_t i = 0; i < area.spans().size(); ++i)
        count += joined.find(i) == i;
    return count;
}

PixelArea largestPart(const PixelArea& area, Connectivity connectivity, const CancelToken* cancel) {
    const std::vector<Span>& spans = area.spans();
    Joined joined = joinSpans(spans, connectivity, cancel);
    if (spans.empty() || wasCancelled(cancel))
        return {};
    const std::vector<std::size_t> sizes = partSizes(joined, spans);
    const auto largest =
        static_cast<std::uint32_t>(std::max_element(sizes.begin(), sizes.end()) - sizes.begin());
    return gather(joined, spans, [largest](std::uint32_t root) { return root == largest; });
}

PixelArea partsUpTo(const PixelArea& area, std::size_t mostPixels, Connectivity connectivity,
                    const CancelToken* cancel) {
    const std::vector<Span>& spans = area.spans();
    Joined joined = joinSpans(spans, connectivity, cancel);
    if (wasCancelled(cancel))
        return {};
    const std::vector<std::size_t> sizes = partSizes(joined, spans);
    return gather(joined, spans, [&](std::uint32_t root) { return sizes[root] <= mostPixels; });
}

PixelArea holesOf(const PixelArea& area, const Rect& bounds, const CancelToken* cancel) {
    // Only the rectangle around the area, with a rim of one pixel, can hold a hole. The rim is clipped to the
    // bounds, so that an area at their border encloses nothing against it.
    const Rect box = area.bounds();
    const Rect search = intersected({box.x - 1, box.y - 1, box.width + 2, box.height + 2}, bounds);
    const std::vector<Span> outside = complement(area, search);
    Joined joined = joinSpans(outside, Connectivity::Four, cancel);
    if (wasCancelled(cancel))
        return {};
    std::vector<bool> open(outside.size(), false);
    for (std::uint32_t i = 0; i < outside.size(); ++i) {
        const Span& span = outside[i];
        if (span.y == search.y || span.y == search.bottom() - 1 || span.begin == search.x ||
            span.end == search.right())
            open[joined.find(i)] = true;
    }
    return gather(joined, outside, [&](std::uint32_t root) { return !open[root]; });
}

} // namespace limn
