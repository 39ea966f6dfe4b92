// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/measure/measurements.h"

#include "app/document/mask_ops.h"
#include "app/document/wand.h"
#include "inference/engine.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <utility>

namespace limn {

namespace {

constexpr double kPi = std::numbers::pi;
// Areas beyond this are folded, and their colours averaged, on a regular grid of about as many pixels.
constexpr double kMostSamples = 1e6;
constexpr double kLeastRingPx = 3.0;

// Width and height of a pixel in the unit that shape figures are computed in.
struct Pitch {
    double x = 1.0;
    double y = 1.0;
};

bool usable(const Spacing& spacing) {
    return std::isfinite(spacing.xMm) && std::isfinite(spacing.yMm) && spacing.xMm > 0.0 &&
           spacing.yMm > 0.0 && !spacing.source.empty();
}

// Pixel sides and diagonal neighbour pairs that lie across the border.
struct Crossings {
    double alongX = 0.0; // pairs (x, y), (x + 1, y)
    double alongY = 0.0;
    double falling = 0.0; // pairs (x, y), (x + 1, y + 1)
    double rising = 0.0;  // pairs (x, y), (x + 1, y - 1)
};

// The area's pixels with a rim of empty ones around them.
LabelMap rimmed(const PixelArea& area) {
    const Rect box = area.bounds();
    return area.toMask({box.x - 1, box.y - 1, box.width + 2, box.height + 2});
}

Crossings crossingsOf(const LabelMap& mask, const CancelToken* cancel) {
    Crossings sum;
    const int width = mask.size.width;
    for (int y = 0; y + 1 < mask.size.height && !wasCancelled(cancel); ++y) {
        const std::uint8_t* here = &mask.labels[static_cast<std::size_t>(y) * width];
        const std::uint8_t* below = here + width;
        std::uint32_t alongX = 0;
        std::uint32_t alongY = 0;
        std::uint32_t falling = 0;
        std::uint32_t rising = 0;
        for (int x = 0; x + 1 < width; ++x) {
            alongX += here[x] ^ here[x + 1];
            alongY += here[x] ^ below[x];
            falling += here[x] ^ below[x + 1];
            rising += below[x] ^ here[x + 1];
        }
        sum.alongX += alongX;
        sum.alongY += alongY;
        sum.falling += falling;
        sum.rising += rising;
    }
    return sum;
}

// Cauchy-Crofton: the length of a curve is half the integral, over all directions, of the number of its
// crossings with lines of that direction per distance between the lines. Four directions stand for all, each
// for the angles nearest to it; with square pixels each has a quarter.
double croftonPerimeter(const Crossings& n, const Pitch& pitch) {
    const double diagonal = std::hypot(pitch.x, pitch.y);
    const double angle = std::atan2(pitch.y, pitch.x); // of the diagonals against the x axis
    const double cell = pitch.x * pitch.y;
    return 0.5 * (angle * (cell / pitch.x) * n.alongX + (kPi / 2.0 - angle) * (cell / pitch.y) * n.alongY +
                  kPi / 4.0 * (cell / diagonal) * (n.falling + n.rising));
}

double cross(const Point& o, const Point& a, const Point& b) {
    return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

// Convex hull of the pixels' corners (Andrew's monotone chain), in units of the pitch.
std::vector<Point> hullOf(const PixelArea& area, const Pitch& pitch) {
    std::vector<Point> corners;
    const std::vector<Span>& spans = area.spans();
    for (std::size_t i = 0; i < spans.size();) {
        const int y = spans[i].y;
        const double left = spans[i].begin * pitch.x;
        double right = left;
        for (; i < spans.size() && spans[i].y == y; ++i)
            right = spans[i].end * pitch.x;
        for (const double edge : {y * pitch.y, (y + 1) * pitch.y}) {
            corners.push_back({left, edge});
            corners.push_back({right, edge});
        }
    }
    std::sort(corners.begin(), corners.end(),
              [](const Point& a, const Point& b) { return a.x != b.x ? a.x < b.x : a.y < b.y; });
    corners.erase(std::unique(corners.begin(), corners.end()), corners.end());
    std::vector<Point> hull(2 * corners.size());
    std::size_t size = 0;
    for (const Point& p : corners) {
        while (size >= 2 && cross(hull[size - 2], hull[size - 1], p) <= 0.0)
            --size;
        hull[size++] = p;
    }
    const std::size_t lower = size + 1;
    for (std::size_t i = corners.size() - 1; i-- > 0;) {
        while (size >= lower && cross(hull[size - 2], hull[size - 1], corners[i]) <= 0.0)
            --size;
        hull[size++] = corners[i];
    }
    hull.resize(size - 1);
    return hull;
}

double polygonSize(const std::vector<Point>& ring) {
    double sum = 0.0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Point& a = ring[i];
        const Point& b = ring[(i + 1) % ring.size()];
        sum += a.x * b.y - a.y * b.x;
    }
    return std::abs(sum) / 2.0;
}

struct Diameters {
    Point from, to; // of the longest diameter
    double length = 0.0;
    Point acrossFrom, acrossTo;
    double across = 0.0;
};

Diameters diametersOf(const std::vector<Point>& hull) {
    Diameters d;
    for (std::size_t i = 0; i < hull.size(); ++i)
        for (std::size_t j = i + 1; j < hull.size(); ++j) {
            const double length = std::hypot(hull[j].x - hull[i].x, hull[j].y - hull[i].y);
            if (length > d.length) {
                d.length = length;
                d.from = hull[i];
                d.to = hull[j];
            }
        }
    if (d.length == 0.0)
        return d;
    const Point normal{-(d.to.y - d.from.y) / d.length, (d.to.x - d.from.x) / d.length};
    double least = 0.0;
    double most = 0.0;
    for (const Point& p : hull) {
        const double offset = (p.x - d.from.x) * normal.x + (p.y - d.from.y) * normal.y;
        least = std::min(least, offset);
        most = std::max(most, offset);
    }
    const Point middle{(d.from.x + d.to.x) / 2.0, (d.from.y + d.to.y) / 2.0};
    d.across = most - least;
    d.acrossFrom = {middle.x + least * normal.x, middle.y + least * normal.y};
    d.acrossTo = {middle.x + most * normal.x, middle.y + most * normal.y};
    return d;
}

struct Moments {
    double count = 0.0;
    Point centroid;  // pixels, of pixel centres
    double xx = 0.0; // central, in units of the pitch, per pixel
    double xy = 0.0;
    double yy = 0.0;
};

Moments momentsOf(const PixelArea& area, const Pitch& pitch) {
    Moments m;
    double sumX = 0.0;
    double sumY = 0.0;
    for (const Span& span : area.spans()) {
        const double n = span.end - span.begin;
        m.count += n;
        sumX += n * (span.begin + span.end) / 2.0;
        sumY += n * (span.y + 0.5);
    }
    m.centroid = {sumX / m.count, sumY / m.count};
    for (const Span& span : area.spans()) {
        const double n = span.end - span.begin;
        const double x = ((span.begin + span.end) / 2.0 - m.centroid.x) * pitch.x;
        const double y = (span.y + 0.5 - m.centroid.y) * pitch.y;
        // A run of n centres one pitch apart varies by (n^2 - 1) / 12 around its middle.
        m.xx += n * (x * x + (n * n - 1.0) / 12.0 * pitch.x * pitch.x);
        m.xy += n * x * y;
        m.yy += n * y * y;
    }
    m.xx /= m.count;
    m.xy /= m.count;
    m.yy /= m.count;
    return m;
}

int strideFor(double pixels) {
    return std::max(1, static_cast<int>(std::ceil(std::sqrt(pixels / kMostSamples))));
}

// Calls work(x, y) for the pixels of the area on a grid that is anchored in the image.
template<typename Work>
void onGrid(const PixelArea& area, int stride, Work work) {
    for (const Span& span : area.spans()) {
        if (span.y % stride != 0)
            continue;
        for (int x = (span.begin + stride - 1) / stride * stride; x < span.end; x += stride)
            work(x, span.y);
    }
}

// Share of the area, in %, whose mirror image over the axis through the centroid falls outside it.
double unsharedPercent(const PixelArea& area, const LabelMap& mask, const Point& centroid, double angle,
                       const Pitch& pitch) {
    const Rect box = area.bounds();
    const double cosine = std::cos(2.0 * angle);
    const double sine = std::sin(2.0 * angle);
    std::size_t sampled = 0;
    std::size_t outside = 0;
    onGrid(area, strideFor(static_cast<double>(area.pixels())), [&](int x, int y) {
        const double dx = (x + 0.5 - centroid.x) * pitch.x;
        const double dy = (y + 0.5 - centroid.y) * pitch.y;
        const double mirroredX = centroid.x + (cosine * dx + sine * dy) / pitch.x;
        const double mirroredY = centroid.y + (sine * dx - cosine * dy) / pitch.y;
        const int column = static_cast<int>(std::floor(mirroredX)) - box.x + 1;
        const int row = static_cast<int>(std::floor(mirroredY)) - box.y + 1;
        ++sampled;
        if (column < 0 || row < 0 || column >= mask.size.width || row >= mask.size.height ||
            mask.at(column, row) == 0)
            ++outside;
    });
    return sampled == 0 ? 0.0 : 100.0 * static_cast<double>(outside) / static_cast<double>(sampled);
}

std::optional<ColorStatistics> colorsOf(const PixelArea& area, const Image& image) {
    std::array<double, 6> sum{};
    std::array<double, 6> squares{};
    std::size_t count = 0;
    onGrid(area, strideFor(static_cast<double>(area.pixels())), [&](int x, int y) {
        const std::uint8_t* rgb = image.pixel(x, y);
        const Lab lab = labOfSrgb(rgb[0], rgb[1], rgb[2]);
        const std::array<double, 6> values{static_cast<double>(rgb[0]),
                                           static_cast<double>(rgb[1]),
                                           static_cast<double>(rgb[2]),
                                           lab.lightness,
                                           lab.a,
                                           lab.b};
        for (std::size_t i = 0; i < values.size(); ++i) {
            sum[i] += values[i];
            squares[i] += values[i] * values[i];
        }
        ++count;
    });
    if (count == 0)
        return std::nullopt;
    ColorStatistics statistics;
    statistics.pixels = area.pixels();
    const auto n = static_cast<double>(count);
    for (std::size_t i = 0; i < 3; ++i) {
        statistics.meanRgb[i] = sum[i] / n;
        statistics.stdRgb[i] =
            std::sqrt(std::max(0.0, squares[i] / n - statistics.meanRgb[i] * statistics.meanRgb[i]));
        statistics.meanLab[i] = sum[i + 3] / n;
        statistics.stdLab[i] =
            std::sqrt(std::max(0.0, squares[i + 3] / n - statistics.meanLab[i] * statistics.meanLab[i]));
    }
    return statistics;
}

// `others`: labelled pixels that the ring leaves out; null: none.
LabelMeasurements measure(const PixelArea& area, Size imageSize, const MeasureOptions& options,
                          const TileMap* others, const CancelToken* cancel) {
    LabelMeasurements m;
    if (options.spacing && usable(*options.spacing))
        m.spacing = options.spacing;
    const Pitch mm = m.spacing ? Pitch{m.spacing->xMm, m.spacing->yMm} : Pitch{};
    const auto inMm = [&](double value) { return m.spacing ? std::optional<double>(value) : std::nullopt; };
    if (area.empty()) {
        for (Measure* measure : {&m.area, &m.perimeter, &m.crackLength, &m.longestDiameter.length,
                                 &m.widthAcross.length, &m.equivalentDiameter})
            measure->mm = inMm(0.0);
        return m;
    }
    const auto pixels = static_cast<double>(area.pixels());
    m.bounds = area.bounds();
    m.area = {pixels, inMm(pixels * mm.x * mm.y)};
    m.percentOfImage = 100.0 * pixels / static_cast<double>(imageSize.pixels());
    m.equivalentDiameter = {std::sqrt(4.0 * pixels / kPi), inMm(std::sqrt(4.0 * pixels * mm.x * mm.y / kPi))};

    const LabelMap mask = rimmed(area);
    const Crossings border = crossingsOf(mask, cancel);
    m.perimeter = {croftonPerimeter(border, {}), inMm(croftonPerimeter(border, mm))};
    m.crackLength = {border.alongX + border.alongY, inMm(border.alongX * mm.y + border.alongY * mm.x)};

    const Rect image{0, 0, imageSize.width, imageSize.height};
    const PixelArea holes = holesOf(area, image, cancel);
    m.parts = static_cast<int>(countParts(area, Connectivity::Eight, cancel));
    m.holes = static_cast<int>(countParts(holes, Connectivity::Four, cancel));
    if (wasCancelled(cancel))
        return m;

    const double cell = mm.x * mm.y;
    const double perimeter = croftonPerimeter(border, mm);
    m.circularity = 4.0 * kPi * pixels * cell / (perimeter * perimeter);
    const PixelArea filled = area.united(holes);
    const double outer =
        holes.empty() ? perimeter : croftonPerimeter(crossingsOf(rimmed(filled), cancel), mm);
    m.borderIrregularity = outer * outer / (4.0 * kPi * static_cast<double>(filled.pixels()) * cell);

    if (wasCancelled(cancel))
        return m;
    const std::vector<Point> hull = hullOf(area, mm);
    m.convexity = pixels * cell / polygonSize(hull);
    const Diameters longest = diametersOf(hull);
    const auto toPixels = [&](const Point& p) { return Point{p.x / mm.x, p.y / mm.y}; };
    m.longestDiameter = {
        toPixels(longest.from), toPixels(longest.to), {longest.length, inMm(longest.length)}};
    m.widthAcross = {
        toPixels(longest.acrossFrom), toPixels(longest.acrossTo), {longest.across, inMm(longest.across)}};
    if (m.spacing) {
        const Diameters inPixels = diametersOf(hullOf(area, {}));
        m.longestDiameter.length.px = inPixels.length;
        m.widthAcross.length.px = inPixels.across;
    }

    const Moments moments = momentsOf(area, mm);
    m.centroid = moments.centroid;
    const double angle = 0.5 * std::atan2(2.0 * moments.xy, moments.xx - moments.yy);
    // Turned in the geometry of millimetres, drawn in that of pixels.
    const auto direction = [&mm](double turned) {
        const Point p{std::cos(turned) / mm.x, std::sin(turned) / mm.y};
        const double length = std::hypot(p.x, p.y);
        return Point{p.x / length, p.y / length};
    };
    m.principalAxes = {direction(angle), direction(angle + kPi / 2.0)};
    m.asymmetryMajor = unsharedPercent(area, mask, moments.centroid, angle, mm);
    m.asymmetryMinor = unsharedPercent(area, mask, moments.centroid, angle + kPi / 2.0, mm);
    m.asymmetryPercent = (m.asymmetryMajor + m.asymmetryMinor) / 2.0;

    if (!wasCancelled(cancel) && options.image && options.image->size == imageSize &&
        options.image->rgb.size() == imageSize.pixels() * 3) {
        m.inside = colorsOf(area, *options.image);
        const double width = std::max(kLeastRingPx, options.ringShare * m.equivalentDiameter.px);
        PixelArea ring = grown(area, width, image, cancel).subtracted(area);
        if (others)
            ring = ring.intersected(areaOf(*others, 0));
        m.ring = colorsOf(ring, *options.image);
        if (m.inside && m.ring)
            m.contrast = std::hypot(m.inside->meanLab[0] - m.ring->meanLab[0],
                                    m.inside->meanLab[1] - m.ring->meanLab[1],
                                    m.inside->meanLab[2] - m.ring->meanLab[2]);
    }
    return m;
}

// Shortest text that reads back as the same number, with a dot in every locale.
std::string number(double value) {
    if (!std::isfinite(value))
        return {};
    std::array<char, 32> buffer{};
    const double rounded = std::round(value * 1e6) / 1e6;
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), rounded == 0.0 ? 0.0 : rounded);
    return std::string(buffer.data(), end.ptr);
}

std::string number(const std::optional<double>& value) {
    return value ? number(*value) : std::string();
}

std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string result = "\"";
    for (const char c : text) {
        if (c == '"')
            result += '"';
        result += c;
    }
    return result + '"';
}

std::string joined(const std::vector<std::string>& fields) {
    std::string line;
    for (const std::string& field : fields) {
        if (&field != &fields.front())
            line += ',';
        line += quoted(field);
    }
    return line;
}

} // namespace

LabelMeasurements measureLabel(const TileMap& labels, std::uint8_t label, const MeasureOptions& options,
                               const CancelToken* cancel) {
    LabelMeasurements m =
        measure(areaOf(labels, label, nullptr, cancel), labels.size(), options, &labels, cancel);
    m.label = label;
    return m;
}

LabelMeasurements measureArea(const PixelArea& area, Size imageSize, const MeasureOptions& options,
                              const CancelToken* cancel) {
    return measure(area.intersected({0, 0, imageSize.width, imageSize.height}), imageSize, options, nullptr,
                   cancel);
}

std::vector<LabelMeasurements> measureAll(const TileMap& labels, const MeasureOptions& options) {
    std::vector<LabelMeasurements> all;
    const std::array<std::size_t, 256> counts = labels.histogram();
    for (std::size_t value = 1; value < counts.size(); ++value)
        if (counts[value] > 0)
            all.push_back(measureLabel(labels, static_cast<std::uint8_t>(value), options));
    return all;
}

std::string measurementCsvHeader() {
    std::vector<std::string> fields{"image",
                                    "label",
                                    "label_name",
                                    "area_px",
                                    "area_mm2",
                                    "percent_of_image",
                                    "perimeter_px",
                                    "perimeter_mm",
                                    "longest_diameter_px",
                                    "longest_diameter_mm",
                                    "width_across_px",
                                    "width_across_mm",
                                    "equivalent_diameter_px",
                                    "equivalent_diameter_mm",
                                    "asymmetry_percent",
                                    "asymmetry_major_percent",
                                    "asymmetry_minor_percent",
                                    "circularity",
                                    "border_irregularity",
                                    "convexity",
                                    "parts",
                                    "holes",
                                    "centroid_x",
                                    "centroid_y"};
    for (const char* where : {"inside", "ring"})
        for (const char* what : {"mean", "std"})
            for (const char* channel : {"red", "green", "blue", "lightness", "a", "b"})
                fields.push_back(std::string(where) + "_" + what + "_" + channel);
    for (const char* field : {"contrast_de", "spacing_x_mm", "spacing_y_mm", "spacing_source"})
        fields.emplace_back(field);
    return joined(fields);
}

std::string measurementCsvRow(const std::string& imageName, const std::string& labelName,
                              const LabelMeasurements& m) {
    std::vector<std::string> fields{imageName, std::to_string(m.label), labelName};
    fields.push_back(number(m.area.px));
    fields.push_back(number(m.area.mm));
    fields.push_back(number(m.percentOfImage));
    for (const Measure* measure :
         {&m.perimeter, &m.longestDiameter.length, &m.widthAcross.length, &m.equivalentDiameter}) {
        fields.push_back(number(measure->px));
        fields.push_back(number(measure->mm));
    }
    for (const double value : {m.asymmetryPercent, m.asymmetryMajor, m.asymmetryMinor, m.circularity,
                               m.borderIrregularity, m.convexity})
        fields.push_back(number(value));
    fields.push_back(std::to_string(m.parts));
    fields.push_back(std::to_string(m.holes));
    const bool any = m.area.px > 0.0;
    fields.push_back(any ? number(m.centroid.x) : std::string());
    fields.push_back(any ? number(m.centroid.y) : std::string());
    for (const std::optional<ColorStatistics>& colors : {m.inside, m.ring})
        for (const auto& [rgb, lab] : {std::pair{&ColorStatistics::meanRgb, &ColorStatistics::meanLab},
                                       std::pair{&ColorStatistics::stdRgb, &ColorStatistics::stdLab}}) {
            for (std::size_t i = 0; i < 3; ++i)
                fields.push_back(colors ? number(((*colors).*rgb)[i]) : std::string());
            for (std::size_t i = 0; i < 3; ++i)
                fields.push_back(colors ? number(((*colors).*lab)[i]) : std::string());
        }
    fields.push_back(number(m.contrast));
    fields.push_back(m.spacing ? number(m.spacing->xMm) : std::string());
    fields.push_back(m.spacing ? number(m.spacing->yMm) : std::string());
    fields.push_back(m.spacing ? m.spacing->source : std::string());
    return joined(fields);
}

} // namespace limn
