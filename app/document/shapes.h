// SPDX-License-Identifier: GPL-3.0-or-later
// Geometry to pixels: brush capsules and polygons. Pure functions without an annotation, any thread. Points
// are continuous image coordinates; a pixel is inside when its centre is. Results are clipped to `clip`,
// which is the image's rectangle as a rule; points may lie anywhere outside it. Points that are not finite
// give nothing.
#pragma once

#include "app/document/pixel_area.h"

#include <span>

namespace limn {

enum class BrushShape { Round, Square };

constexpr double kSmallestBrushPx = 1.0;
constexpr double kLargestBrushPx = 2000.0;

struct Brush {
    BrushShape shape = BrushShape::Round;
    double diameterPx = 24.0;      // kSmallestBrushPx..kLargestBrushPx, clamped
    bool pressureSetsSize = false; // a pen's pressure 0..1 scales the diameter
    double sizeAtNoPressure = 0.3; // share of diameterPx at pressure 0; linear up to 1 at pressure 1
};

// One position of the pointer.
struct BrushSample {
    Point position;
    double pressure = 1.0; // 0..1; 1 for a mouse
};

// Diameter in image pixels at this pressure, never below 1.
double brushDiameter(const Brush& brush, double pressure);

// Pixels that the brush covers on its way from one sample to the next (equal samples: one dab).
//
// Round: the convex hull of both discs (radii r = diameter / 2 by their pressures), borders included. Square:
// the convex hull of both axis-parallel squares, where [centre - r, centre + r) is half open, so that a
// square of whole diameter d always covers d x d pixels. In both cases the pixels that hold the two samples
// are added, so that a 1-px brush marks the pixel under the pointer. Consecutive results share a sample, so
// the union over a gesture has no gap at any speed: it is 8-connected.
PixelArea brushArea(const Brush& brush, const BrushSample& from, const BrushSample& to, const Rect& clip);

enum class FillRule {
    NonZero, // a loop drawn twice in the same direction stays filled: lasso and polygon tools
    EvenOdd, // every crossing changes inside and outside: rings with holes in any direction
};

// A closed ring without the first point repeated at the end.
using Ring = std::vector<Point>;

// Pixels whose centre is inside the rings taken together. A centre exactly on an edge belongs to the area on
// its right (or below for a horizontal edge), so that polygons that share an edge share no pixel and leave
// none out. Rings of fewer than three points add nothing.
PixelArea polygonArea(std::span<const Ring> rings, FillRule rule, const Rect& clip);
PixelArea polygonArea(const Ring& ring, FillRule rule, const Rect& clip);

} // namespace limn
