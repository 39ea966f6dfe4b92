// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/outline.h"

#include <algorithm>
#include <utility>

namespace limn {

namespace {

// Unit steps along pixel sides, clockwise on screen: right, down, left, up.
struct Step {
    int x;
    int y;
};
constexpr Step kSteps[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};

// A part's pixels with a rim of one empty pixel, and which upper pixel sides were walked already.
class Walk {
public:
    explicit Walk(const PixelArea& part)
        : m_box(part.bounds())
        , m_mask(part.toMask({m_box.x - 1, m_box.y - 1, m_box.width + 2, m_box.height + 2}))
        , m_walked(m_mask.size) {}

    const Rect& box() const { return m_box; }

    // Pixel coordinates of the part's box.
    bool inside(int x, int y) const { return m_mask.at(x + 1, y + 1) != 0; }
    bool opensRing(int x, int y) const {
        return inside(x, y) && !inside(x, y - 1) && m_walked.at(x + 1, y + 1) == 0;
    }

    // Follows the border from the upper left corner of a pixel, to the right, with the part on the right
    // hand.
    Ring ring(int startX, int startY) {
        Ring ring;
        int x = startX;
        int y = startY;
        int heading = 0;
        do {
            if (heading == 0)
                m_walked.at(x + 1, y + 1) = 1;
            x += kSteps[heading].x;
            y += kSteps[heading].y;
            const int turn = turnAt(x, y, heading);
            if (turn != 0)
                ring.push_back({static_cast<double>(m_box.x + x), static_cast<double>(m_box.y + y)});
            heading = (heading + turn + 4) % 4;
        } while (x != startX || y != startY || heading != 0);
        // The start was a corner and closed the ring: it is the natural first vertex.
        std::rotate(ring.begin(), std::prev(ring.end()), ring.end());
        return ring;
    }

private:
    // At a corner: -1 left, 0 straight on, 1 right. Where two pixels touch at the corner alone the way leads
    // left, which keeps them in one ring: parts are 8-connected.
    int turnAt(int x, int y, int heading) const {
        // The two pixels ahead of the corner, left and right of the heading.
        const Step ahead = kSteps[heading];
        const Step right = kSteps[(heading + 1) % 4];
        const auto pixel = [&](int side) {
            const int dx = ahead.x + side * right.x;
            const int dy = ahead.y + side * right.y;
            return inside(x + (dx < 0 ? -1 : 0), y + (dy < 0 ? -1 : 0));
        };
        if (pixel(-1))
            return -1;
        return pixel(1) ? 0 : 1;
    }

    Rect m_box;
    LabelMap m_mask;
    LabelMap m_walked;
};

bool readingOrder(const PixelArea& a, const PixelArea& b) {
    const Span& first = a.spans().front();
    const Span& second = b.spans().front();
    return first.y != second.y ? first.y < second.y : first.begin < second.begin;
}

} // namespace

std::vector<PolygonPart> outlinesOf(const PixelArea& area) {
    std::vector<PixelArea> parts = connectedParts(area, Connectivity::Eight);
    std::sort(parts.begin(), parts.end(), readingOrder);
    std::vector<PolygonPart> outlines;
    outlines.reserve(parts.size());
    for (const PixelArea& part : parts) {
        Walk walk(part);
        PolygonPart outline;
        const Span& first = part.spans().front();
        outline.outer = walk.ring(first.begin - walk.box().x, 0);
        // Every further ring has an upper pixel side below a hole.
        for (const Span& span : part.spans())
            for (int x = span.begin - walk.box().x; x < span.end - walk.box().x; ++x)
                if (walk.opensRing(x, span.y - walk.box().y))
                    outline.holes.push_back(walk.ring(x, span.y - walk.box().y));
        outlines.push_back(std::move(outline));
    }
    return outlines;
}

std::vector<Ring> ringsOf(const std::vector<PolygonPart>& parts) {
    std::vector<Ring> rings;
    for (const PolygonPart& part : parts) {
        rings.push_back(part.outer);
        rings.insert(rings.end(), part.holes.begin(), part.holes.end());
    }
    return rings;
}

PixelArea areaOf(const std::vector<PolygonPart>& parts, const Rect& clip) {
    const std::vector<Ring> rings = ringsOf(parts);
    return polygonArea(rings, FillRule::EvenOdd, clip);
}

} // namespace limn
