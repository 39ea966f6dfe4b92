// SPDX-License-Identifier: GPL-3.0-or-later
// A set of pixels as horizontal runs: what every tool and clean-up hands to the annotation document, what the
// window previews, and what limits an operation to a region. Plain values without an image, any thread.
#pragma once

#include "io/core/image.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace limn {

class CancelToken;

// Continuous image coordinates: pixel (x, y) covers [x, x+1) x [y, y+1), its centre is (x + 0.5, y + 0.5).
struct Point {
    double x = 0.0;
    double y = 0.0;
    bool operator==(const Point&) const = default;
};

// Pixels [begin, end) of row y.
struct Span {
    int y = 0;
    int begin = 0;
    int end = 0;
    bool operator==(const Span&) const = default;
};

// Spans are sorted by row, then column, never empty, and neither overlap nor touch: equal sets of pixels have
// equal spans.
class PixelArea {
public:
    PixelArea() = default;
    // Any spans, in any order; overlaps are merged and empty ones dropped.
    explicit PixelArea(std::vector<Span> spans);
    static PixelArea rectangle(const Rect& rect);
    // The pixels of `map` that differ from 0 (or that equal `value`), moved by (left, top).
    static PixelArea ofMask(const LabelMap& map, int left = 0, int top = 0);
    static PixelArea ofValue(const LabelMap& map, std::uint8_t value, int left = 0, int top = 0);
    // For builders that produce spans in canonical order already; checked in debug builds.
    static PixelArea fromCanonical(std::vector<Span> spans);

    const std::vector<Span>& spans() const { return m_spans; }
    bool empty() const { return m_spans.empty(); }
    std::size_t pixels() const;
    Rect bounds() const;
    bool contains(int x, int y) const;

    // Mask (0 / 1) of the pixels inside rect, rect.width x rect.height.
    LabelMap toMask(const Rect& rect) const;

    PixelArea intersected(const PixelArea& other) const;
    PixelArea intersected(const Rect& rect) const;
    PixelArea united(const PixelArea& other) const;
    PixelArea subtracted(const PixelArea& other) const;

    bool operator==(const PixelArea&) const = default;

private:
    std::vector<Span> m_spans;
};

// Which pixels count as neighbours. Parts of a label use Eight and holes use Four throughout the program, so
// that a part's outline and the holes in it never cross.
enum class Connectivity { Four, Eight };

// Functions that may take long take a token: when it is set meanwhile they end soon, and what they give is
// incomplete and of no use.

// Connected parts, largest first (equal sizes: the one whose first pixel comes first in reading order).
std::vector<PixelArea> connectedParts(const PixelArea& area, Connectivity connectivity = Connectivity::Eight);
// The part that holds pixel (x, y); empty when the pixel is not in the area.
PixelArea connectedPart(const PixelArea& area, int x, int y, Connectivity connectivity = Connectivity::Eight);
// What connectedParts() would tell, without making an area of every part: how many there are, the first of
// them (empty when there is none), and the pixels of all that have at most this many pixels.
std::size_t countParts(const PixelArea& area, Connectivity connectivity = Connectivity::Eight,
                       const CancelToken* cancel = nullptr);
PixelArea largestPart(const PixelArea& area, Connectivity connectivity = Connectivity::Eight,
                      const CancelToken* cancel = nullptr);
PixelArea partsUpTo(const PixelArea& area, std::size_t mostPixels,
                    Connectivity connectivity = Connectivity::Eight, const CancelToken* cancel = nullptr);
// Pixels that are not in the area and that no path of 4-neighbours joins to the outside of `bounds`. Pixels
// at the border of `bounds` count as joined to the outside.
PixelArea holesOf(const PixelArea& area, const Rect& bounds, const CancelToken* cancel = nullptr);

} // namespace limn
