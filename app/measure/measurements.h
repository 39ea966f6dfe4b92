// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of a label's area: size, shape, colour. Pure functions of masks and images, any thread. Lengths and
// areas are in pixels; millimetres only with a Spacing, which names its source.
//
// With a Spacing whose x and y differ, shape figures (diameters, perimeter, asymmetry, circularity, border
// irregularity) are computed in millimetre geometry, and the pixel figures in pixel geometry beside them.
#pragma once

#include "app/document/pixel_area.h"
#include "app/document/tile_map.h"
#include "io/core/image.h"

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace limn {

// A length or area of which the millimetre figure is there only with a Spacing.
struct Measure {
    double px = 0.0;          // px or px^2
    std::optional<double> mm; // mm or mm^2
};

// Mean and standard deviation (of the population) per channel.
struct ColorStatistics {
    std::array<double, 3> meanRgb{}; // 0..255, sRGB values
    std::array<double, 3> stdRgb{};
    std::array<double, 3> meanLab{}; // CIELAB, D65
    std::array<double, 3> stdLab{};
    std::size_t pixels = 0;
};

// Two points and their distance; points in continuous image coordinates, for drawing.
struct Axis {
    Point from;
    Point to;
    Measure length;
};

struct LabelMeasurements {
    std::uint8_t label = 0;
    Measure area; // pixel count; mm^2 = count * xMm * yMm
    double percentOfImage = 0.0;
    // Cauchy-Crofton estimate from the boundary crossings of lines in 4 directions; unlike the crack length
    // it converges to the length of a smooth edge. Holes' edges count.
    Measure perimeter;
    Measure crackLength; // sum of pixel sides between inside and outside
    // Between pixel corners: the greatest distance of any two, and the extent at right angles to it.
    Axis longestDiameter;
    Axis widthAcross;
    Measure equivalentDiameter; // of the disc of equal area: sqrt(4 A / pi)
    // Unshared area after folding on a principal axis through the centroid, in % of the area: 0 for a shape
    // that is its own mirror image, up to 100. Per axis |S xor mirror(S)| / (2 |S|) * 100.
    double asymmetryMajor = 0.0; // folded on the longer principal axis
    double asymmetryMinor = 0.0;
    double asymmetryPercent = 0.0; // mean of both
    // Directions of the two axes in image coordinates, of length 1, the longer first; for drawing.
    std::array<Point, 2> principalAxes{};
    double circularity = 0.0; // 4 pi A / P^2, P the Crofton perimeter; 1 for a disc
    // Border irregularity as the compactness index P^2 / (4 pi A) (Lee, McLean, Atkins, "Irregularity index:
    // a new border irregularity measure for cutaneous melanocytic lesions", Med. Image Anal. 7 (2003) 47-64,
    // which lists it as the classical measure); 1 for a disc, larger for a ragged edge. Outer edges alone.
    double borderIrregularity = 0.0;
    double convexity = 0.0; // area / area of the convex hull of the pixels' corners, 0..1
    int parts = 0;          // 8-connected
    int holes = 0;          // 4-connected background enclosed by the label
    Point centroid;         // continuous coordinates
    Rect bounds;
    std::optional<ColorStatistics> inside;
    std::optional<ColorStatistics> ring; // background around the label, see MeasureOptions
    std::optional<double> contrast;      // dE*ab between the mean colours of inside and ring
    std::optional<Spacing> spacing;      // as given
};

struct MeasureOptions {
    const Image* image = nullptr;   // for colour figures; must have the map's size
    std::optional<Spacing> spacing; // none: no millimetres
    // The ring holds background pixels at most this far from the label, as a share of its equivalent diameter
    // (at least 3 px).
    double ringShare = 0.1;
};

// Figures of one label. An absent label gives zeros, without colours. The spacing is ignored unless both
// figures are finite and positive and its source is named. A token that is set meanwhile ends it soon; what
// it gives then is of no use.
LabelMeasurements measureLabel(const TileMap& labels, std::uint8_t label, const MeasureOptions& options = {},
                               const CancelToken* cancel = nullptr);
// The same for any set of pixels in an image of this size; the ring then holds pixels outside the area.
LabelMeasurements measureArea(const PixelArea& area, Size imageSize, const MeasureOptions& options = {},
                              const CancelToken* cancel = nullptr);
// Every label value that occurs, ascending.
std::vector<LabelMeasurements> measureAll(const TileMap& labels, const MeasureOptions& options = {});

// One CSV file per project: header once, one row per image and label. Dot as decimal mark, fields quoted by
// RFC 4180, millimetre fields empty without a spacing. No line end at the end.
std::string measurementCsvHeader();
std::string measurementCsvRow(const std::string& imageName, const std::string& labelName,
                              const LabelMeasurements& measurements);

} // namespace limn
