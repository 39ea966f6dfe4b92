// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace limn {

namespace {

// Pointers are never this far away; beyond it a pixel is no longer told apart from its neighbour by a double.
constexpr double kFarthest = 1e9;

bool finite(const Point& p) {
    return std::isfinite(p.x) && std::isfinite(p.y);
}

Point nearer(const Point& p) {
    return {std::clamp(p.x, -kFarthest, kFarthest), std::clamp(p.y, -kFarthest, kFarthest)};
}

struct Interval {
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    void add(double x) {
        low = std::min(low, x);
        high = std::max(high, x);
    }
    bool empty() const { return low > high; }
};

// First whole number not below / first one above, cut to the range that a span can have.
int clampedCeil(double x, int low, int high) {
    return static_cast<int>(std::clamp(std::ceil(x), static_cast<double>(low), static_cast<double>(high)));
}
int clampedAbove(double x, int low, int high) {
    return static_cast<int>(
        std::clamp(std::floor(x) + 1.0, static_cast<double>(low), static_cast<double>(high)));
}

void addSegment(Interval& interval, const Point& a, const Point& b, double y) {
    const Point& top = a.y < b.y ? a : b;
    const Point& bottom = a.y < b.y ? b : a;
    if (y < top.y || y > bottom.y || top.y == bottom.y)
        return;
    interval.add(top.x + (y - top.y) * (bottom.x - top.x) / (bottom.y - top.y));
}

void addDisc(Interval& interval, const Point& centre, double radius, double y) {
    const double dy = y - centre.y;
    if (std::abs(dy) > radius)
        return;
    const double half = std::sqrt(radius * radius - dy * dy);
    interval.add(centre.x - half);
    interval.add(centre.x + half);
}

// Row by row the hull of two discs is the smallest interval around both discs' chords and the two outer
// tangents.
std::vector<Span> roundHull(const Point& a, double ra, const Point& b, double rb, const Rect& clip) {
    std::vector<Span> spans;
    const double top = std::min(a.y - ra, b.y - rb);
    const double bottom = std::max(a.y + ra, b.y + rb);
    const int firstRow = clampedCeil(top - 0.5, clip.y, clip.bottom());
    const int endRow = clampedAbove(bottom - 0.5, clip.y, clip.bottom());
    const double dx = b.x - a.x;
    const double dy = b.y - a.y;
    const double distance = std::hypot(dx, dy);
    const bool tangents = distance > std::abs(ra - rb);
    std::array<std::array<Point, 2>, 2> tangent{};
    if (tangents) {
        const double sine = (ra - rb) / distance;
        const double cosine = std::sqrt(std::max(0.0, 1.0 - sine * sine));
        const double ux = dx / distance;
        const double uy = dy / distance;
        for (std::size_t side = 0; side < 2; ++side) {
            const double sign = side == 0 ? 1.0 : -1.0;
            const double nx = sine * ux - sign * cosine * uy;
            const double ny = sine * uy + sign * cosine * ux;
            tangent[side] = {Point{a.x + ra * nx, a.y + ra * ny}, Point{b.x + rb * nx, b.y + rb * ny}};
        }
    }
    spans.reserve(static_cast<std::size_t>(std::max(0, endRow - firstRow)));
    for (int row = firstRow; row < endRow; ++row) {
        const double y = row + 0.5;
        Interval interval;
        addDisc(interval, a, ra, y);
        addDisc(interval, b, rb, y);
        if (tangents)
            for (const auto& line : tangent)
                addSegment(interval, line[0], line[1], y);
        if (interval.empty())
            continue;
        const int begin = clampedCeil(interval.low - 0.5, clip.x, clip.right());
        const int end = clampedAbove(interval.high - 0.5, clip.x, clip.right());
        if (begin < end)
            spans.push_back({row, begin, end});
    }
    return spans;
}

std::vector<Span> squareHull(const Point& a, double ra, const Point& b, double rb, const Rect& clip) {
    std::vector<Span> spans;
    const int firstRow = clampedCeil(std::min(a.y - ra, b.y - rb) - 0.5, clip.y, clip.bottom());
    const int endRow = clampedCeil(std::max(a.y + ra, b.y + rb) - 0.5, clip.y, clip.bottom());
    constexpr std::array<std::array<double, 2>, 4> kCorners{{{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}};
    for (int row = firstRow; row < endRow; ++row) {
        const double y = row + 0.5;
        Interval interval;
        for (const auto& [centre, radius] : {std::pair{a, ra}, std::pair{b, rb}})
            if (y >= centre.y - radius && y < centre.y + radius) {
                interval.add(centre.x - radius);
                interval.add(centre.x + radius);
            }
        for (const auto& corner : kCorners)
            addSegment(interval, {a.x + corner[0] * ra, a.y + corner[1] * ra},
                       {b.x + corner[0] * rb, b.y + corner[1] * rb}, y);
        if (interval.empty())
            continue;
        const int begin = clampedCeil(interval.low - 0.5, clip.x, clip.right());
        const int end = clampedCeil(interval.high - 0.5, clip.x, clip.right());
        if (begin < end)
            spans.push_back({row, begin, end});
    }
    return spans;
}

struct Crossing {
    int row;
    double x;
    int direction;
};

} // namespace

double brushDiameter(const Brush& brush, double pressure) {
    const double full = std::isfinite(brush.diameterPx)
                            ? std::clamp(brush.diameterPx, kSmallestBrushPx, kLargestBrushPx)
                            : kSmallestBrushPx;
    if (!brush.pressureSetsSize || !std::isfinite(pressure))
        return full;
    const double least = std::clamp(brush.sizeAtNoPressure, 0.0, 1.0);
    return std::max(kSmallestBrushPx, full * (least + (1.0 - least) * std::clamp(pressure, 0.0, 1.0)));
}

PixelArea brushArea(const Brush& brush, const BrushSample& from, const BrushSample& to, const Rect& clip) {
    if (!finite(from.position) || !finite(to.position) || clip.empty())
        return {};
    const Point a = nearer(from.position);
    const Point b = nearer(to.position);
    const double ra = brushDiameter(brush, from.pressure) / 2.0;
    const double rb = brushDiameter(brush, to.pressure) / 2.0;
    PixelArea area = PixelArea::fromCanonical(
        brush.shape == BrushShape::Round ? roundHull(a, ra, b, rb, clip) : squareHull(a, ra, b, rb, clip));
    for (const Point& p : {a, b}) {
        const Rect pixel =
            intersected({static_cast<int>(std::floor(p.x)), static_cast<int>(std::floor(p.y)), 1, 1}, clip);
        if (!pixel.empty() && !area.contains(pixel.x, pixel.y))
            area = area.united(PixelArea::rectangle(pixel));
    }
    return area;
}

PixelArea polygonArea(std::span<const Ring> rings, FillRule rule, const Rect& clip) {
    std::vector<Crossing> crossings;
    for (const Ring& ring : rings) {
        if (ring.size() < 3)
            continue;
        if (!std::all_of(ring.begin(), ring.end(), finite))
            return {};
        for (std::size_t i = 0; i < ring.size(); ++i) {
            const Point a = nearer(ring[i]);
            const Point b = nearer(ring[(i + 1) % ring.size()]);
            const int direction = a.y < b.y ? 1 : -1;
            const Point& top = direction > 0 ? a : b;
            const Point& bottom = direction > 0 ? b : a;
            // Rows whose centre y has top.y <= y < bottom.y. The crossing is computed from the upper end in
            // both directions, so that polygons which share an edge agree on it.
            const int first = clampedCeil(top.y - 0.5, clip.y, clip.bottom());
            const int end = clampedCeil(bottom.y - 0.5, clip.y, clip.bottom());
            for (int row = first; row < end; ++row) {
                const double y = row + 0.5;
                const double x = top.x + (y - top.y) * ((bottom.x - top.x) / (bottom.y - top.y));
                crossings.push_back({row, x, direction});
            }
        }
    }
    std::sort(crossings.begin(), crossings.end(), [](const Crossing& a, const Crossing& b) {
        return a.row != b.row ? a.row < b.row : a.x < b.x;
    });
    std::vector<Span> spans;
    std::size_t i = 0;
    while (i < crossings.size()) {
        const int row = crossings[i].row;
        int winding = 0;
        double from = 0.0;
        for (; i < crossings.size() && crossings[i].row == row; ++i) {
            const int next = rule == FillRule::NonZero ? winding + crossings[i].direction : 1 - winding;
            if (winding == 0) {
                from = crossings[i].x;
            } else if (next == 0) {
                const int begin = clampedCeil(from - 0.5, clip.x, clip.right());
                const int end = clampedCeil(crossings[i].x - 0.5, clip.x, clip.right());
                if (begin < end)
                    spans.push_back({row, begin, end});
            }
            winding = next;
        }
    }
    return PixelArea(std::move(spans));
}

PixelArea polygonArea(const Ring& ring, FillRule rule, const Rect& clip) {
    return polygonArea(std::span<const Ring>(&ring, 1), rule, clip);
}

} // namespace limn
