// SPDX-License-Identifier: GPL-3.0-or-later
// Masks to polygons: outlines that follow the cracks between pixels, so that their vertices are pixel corners
// (whole numbers) and polygonArea() of them gives back exactly the same pixels. Pure functions, any thread.
#pragma once

#include "app/document/pixel_area.h"
#include "app/document/shapes.h"

#include <vector>

namespace limn {

// One 8-connected part. Rings hold corners only (no vertex in the middle of a straight run), without the
// first one repeated. On screen (y down) the outer ring runs clockwise and holes run counter-clockwise, so
// FillRule EvenOdd and NonZero both give the part back. Where pixels of a part touch at a corner alone, the
// outer ring passes that corner twice.
struct PolygonPart {
    Ring outer;
    std::vector<Ring> holes;
};

// Parts in reading order of their first pixel; holes of a part likewise.
std::vector<PolygonPart> outlinesOf(const PixelArea& area);

// All rings of all parts, outer before its holes: what polygonArea() takes.
std::vector<Ring> ringsOf(const std::vector<PolygonPart>& parts);

// The way back: the pixels of the parts, clipped.
PixelArea areaOf(const std::vector<PolygonPart>& parts, const Rect& clip);

} // namespace limn
