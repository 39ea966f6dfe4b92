// SPDX-License-Identifier: GPL-3.0-or-later
// Drawing of a tile. Its sources are sampled at two samples per device pixel (one on dense screens) where
// they are not of one class; each sample near a crack between different classes gets its distance to it, and
// distances become coverage: that gives smooth lines of constant width whatever the zoom. Work is done block
// by block, so that areas without an edge cost next to nothing.
#include "ui/canvas/overlay_tile.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace limn {
namespace {

constexpr int kTile = OverlayTile::kSide;
constexpr QRgb kCasing = qRgb(0x10, 0x10, 0x10);
constexpr int kFar = 255;               // distance beyond every line
constexpr double kDistanceUnits = 32.0; // stored steps per device pixel
constexpr int kBlock = 32;              // samples a side of a block
constexpr int kDirection = 4;           // samples around a crack that tell where its edge runs
constexpr int kLane = 16;               // samples that a vector instruction takes at once
// More cracks than this in a tile are noise: one sample a pixel then shows as much, at an eighth of the work.
constexpr std::size_t kMostCracks = 24000;
// With more cracks than samples divided by this, looking around each sample costs less than stamping.
constexpr std::size_t kDense = 12;
constexpr int kProbes = 8; // rows that tell whether sampling a whole tile finely is worth it
constexpr std::uint16_t kNoCrack = 0xffff;

struct LineMetrics {
    int samplesPerPixel; // samples per device pixel, each axis
    double core;         // half width of the core, device pixels
    double casing;       // half width with casing
    int dashPeriod;      // device pixels
    int dashOn;
    int dotPeriod;
    int dotOn;

    int radius() const { return static_cast<int>(std::ceil((casing + 0.5) * samplesPerPixel)); }
    // Samples around the tile that are looked at.
    int margin() const { return radius() + kDirection; }
};

LineMetrics metricsFor(qreal ratio, int samplesPerPixel) {
    // On dense screens a logical pixel is several device pixels; lines keep their logical width, in whole
    // device pixels, so that they stay sharp.
    const double width = std::max(1.0, std::round(ratio));
    return {samplesPerPixel,
            1.0 * width,
            2.0 * width,
            static_cast<int>(12 * width),
            static_cast<int>(7 * width),
            static_cast<int>(7 * width),
            static_cast<int>(2 * width)};
}

int usualSamples(qreal ratio) {
    return ratio >= 1.5 ? 1 : 2;
}

// Distances of the samples around one crack to it. Rows are padded with kFar to whole lanes.
struct Stamp {
    int left = 0, top = 0; // samples from the crack's first sample to the stamp's corner
    int rows = 0;
    int stride = 0;
    std::vector<std::uint8_t> distance;
};

Stamp makeStamp(const LineMetrics& m, bool vertical) {
    // Between samples (0, 0) and (1, 0), or (0, 0) and (0, 1).
    const int r = m.radius();
    Stamp stamp;
    stamp.left = stamp.top = r;
    const int columns = vertical ? 2 * r + 2 : 2 * r + 1;
    stamp.rows = vertical ? 2 * r + 1 : 2 * r + 2;
    stamp.stride = (columns + kLane - 1) / kLane * kLane;
    stamp.distance.assign(static_cast<std::size_t>(stamp.stride) * stamp.rows, kFar);
    for (int j = 0; j < stamp.rows; ++j) {
        for (int i = 0; i < columns; ++i) {
            const int along = vertical ? j - r : i - r;
            const int across = vertical ? i - r : j - r;
            const double d =
                std::hypot(across - 0.5, std::max(0.0, std::abs(along) - 0.5)) / m.samplesPerPixel;
            stamp.distance[static_cast<std::size_t>(j) * stamp.stride + i] =
                static_cast<std::uint8_t>(std::min<double>(kFar, std::round(d * kDistanceUnits)));
        }
    }
    return stamp;
}

// Nearer cracks win. On copies, so that the compiler needs not think of overlapping rows.
void stampLane(std::uint8_t* distance, std::uint8_t* edge, const std::uint8_t* from, std::uint8_t c) {
    std::array<std::uint8_t, kLane> d, e, f;
    std::memcpy(d.data(), distance, kLane);
    std::memcpy(e.data(), edge, kLane);
    std::memcpy(f.data(), from, kLane);
    for (std::size_t i = 0; i < kLane; ++i) {
        e[i] = f[i] < d[i] ? c : e[i];
        d[i] = std::min(d[i], f[i]);
    }
    std::memcpy(distance, d.data(), kLane);
    std::memcpy(edge, e.data(), kLane);
}

// Everything about lines that depends on the screen alone.
struct LineTables {
    qreal ratio = 0;
    int samples = 0;
    LineMetrics metrics{};
    Stamp vertical;
    Stamp horizontal;
    std::array<std::uint8_t, 256> core{}; // coverage by distance, 0..255
    std::array<std::uint8_t, 256> line{};

    void prepare(qreal wantedRatio, int wantedSamples) {
        if (ratio == wantedRatio && samples == wantedSamples)
            return;
        ratio = wantedRatio;
        samples = wantedSamples;
        metrics = metricsFor(ratio, samples);
        vertical = makeStamp(metrics, true);
        horizontal = makeStamp(metrics, false);
        for (int i = 0; i < kFar; ++i) {
            const double d = i / kDistanceUnits;
            const auto ramp = [&](double half) {
                return static_cast<std::uint8_t>(
                    std::lround(255 * std::clamp((half - d) * samples + 0.5, 0.0, 1.0)));
            };
            core[static_cast<std::size_t>(i)] = ramp(metrics.core);
            line[static_cast<std::size_t>(i)] = ramp(metrics.casing);
        }
        core[kFar] = line[kFar] = 0;
    }
};

int positiveModulo(int a, int b) {
    const int r = a % b;
    return r < 0 ? r + b : r;
}

// Source over, premultiplied, 8 bit.
QRgb over(QRgb top, QRgb bottom) {
    if (bottom == 0)
        return top;
    const unsigned inverse = 255 - qAlpha(top);
    const auto mix = [inverse](int t, int b) { return t + static_cast<int>((b * inverse + 127) / 255); };
    return qRgba(mix(qRed(top), qRed(bottom)), mix(qGreen(top), qGreen(bottom)),
                 mix(qBlue(top), qBlue(bottom)), mix(qAlpha(top), qAlpha(bottom)));
}

// Premultiplied colours of a layer's fill.
struct FillColors {
    std::array<QRgb, 256> color{};
    bool any = false;
    bool hatched = false;

    explicit FillColors(const OverlayLayer& layer) {
        for (std::size_t i = 1; i < 256; ++i) {
            const QRgb c = layer.color[i];
            color[i] = qPremultiply(qRgba(qRed(c), qGreen(c), qBlue(c), layer.fill[i]));
            hatched = hatched || layer.hatch[i] != 0;
            any = any || layer.fill[i] != 0 || hatched;
        }
    }
};

// Image columns (or rows) under the samples of a tile; `first` to `last` lie in the image.
struct Axis {
    std::vector<int> at;
    int first = 0;
    int last = 0;

    // Sample i lies at (start + (i + 0.5) / samplesPerPixel) device pixels.
    void fill(int count, double start, int samplesPerPixel, double zoom, int length) {
        at.resize(static_cast<std::size_t>(count));
        first = count;
        last = 0;
        for (int i = 0; i < count; ++i) {
            const double v = std::floor((start + (i + 0.5) / samplesPerPixel) / zoom);
            if (v >= 0 && v < length) {
                at[static_cast<std::size_t>(i)] = static_cast<int>(v);
                first = std::min(first, i);
                last = i + 1;
            }
        }
        first = std::min(first, last);
    }
    bool empty() const { return first >= last; }
    bool complete() const { return first == 0 && last == static_cast<int>(at.size()); }
    int operator[](int i) const { return at[static_cast<std::size_t>(i)]; }
};

// The rectangle of image pixels under samples [x0, x1) x [y0, y1), all of them in the image.
Rect imageRect(const Axis& xs, const Axis& ys, int x0, int x1, int y0, int y1) {
    return {xs[x0], ys[y0], xs[x1 - 1] - xs[x0] + 1, ys[y1 - 1] - ys[y0] + 1};
}

class TilePainter {
public:
    // False: too many cracks for this number of samples (and nothing is promised about the picture).
    bool draw(const std::vector<OverlayLayer>& layers, const OverlayTilePlace& place, int samples,
              bool boundCracks);
    OverlayTile take() const;

private:
    static constexpr int kPixelBlocks = kTile / 16; // of the picture, for knowing what was drawn

    std::size_t cell(int x, int y) const { return static_cast<std::size_t>(y) * m_n + x; }
    std::size_t lineCell(int x, int y) const {
        return static_cast<std::size_t>(y + m_pad) * m_lineStride + x + m_pad;
    }
    void fillAll(QRgb color);
    bool looksLikeNoise(const OverlayLayer& layer) const;
    void sampleGrid(const OverlayLayer& layer);
    void paintFill(const OverlayLayer& layer, const FillColors& fills);
    void paintBands(const OverlayLayer& layer, const FillColors& fills);
    std::size_t countCracks() const;
    bool findLines(const OverlayLayer& layer, bool boundCracks);
    void stampCracks(const OverlayLayer& layer);
    void mark(const OverlayLayer& layer, int x, int y, bool vertical);
    void lookAround(const OverlayLayer& layer);
    int crackClass(const OverlayLayer& layer, int x, int y, bool vertical) const;
    void beginLines(std::uint8_t blocks);
    void paintLines(const OverlayLayer& layer);
    void begin();
    void touched(int y0, int y1, int x0, int x1);

    OverlayTilePlace m_place;
    LineTables m_tables;
    int m_ss = 2;
    int m_margin = 0;
    int m_n = 0; // samples a side, margins included
    int m_blocks = 0;
    Axis m_xs, m_ys;
    Axis m_pixelXs, m_pixelYs;
    std::vector<std::uint8_t> m_grid;
    std::vector<std::int16_t> m_blockClass; // of blocks of samples; kMixed where they differ

    // Lines: distances and classes of nearest cracks, with room around for stamps.
    int m_pad = 0;
    int m_lineStride = 0;
    std::vector<std::uint8_t> m_distance;
    std::vector<std::uint8_t> m_edgeClass;
    std::vector<std::uint8_t> m_lineBlocks; // of blocks of samples: a line passes
    bool m_lines = false;
    std::vector<std::uint16_t> m_cracksRight, m_cracksBelow; // their classes, with room around
    std::vector<std::uint16_t> m_nearest;                    // of one row: distance * 256 + class

    std::vector<QRgb> m_picture;
    QRgb m_solid = 0;
    bool m_begun = false;
    int m_left = 0, m_right = 0, m_top = 0, m_bottom = 0; // of what was drawn, half open
};

void TilePainter::begin() {
    if (m_begun)
        return;
    m_begun = true;
    m_picture.assign(static_cast<std::size_t>(kTile) * kTile, m_solid);
    if (m_solid != 0)
        touched(0, kTile, 0, kTile);
    m_solid = 0;
}

void TilePainter::touched(int y0, int y1, int x0, int x1) {
    if (m_left >= m_right) {
        m_left = x0;
        m_right = x1;
        m_top = y0;
        m_bottom = y1;
        return;
    }
    m_left = std::min(m_left, x0);
    m_right = std::max(m_right, x1);
    m_top = std::min(m_top, y0);
    m_bottom = std::max(m_bottom, y1);
}

bool TilePainter::draw(const std::vector<OverlayLayer>& layers, const OverlayTilePlace& place, int samples,
                       bool boundCracks) {
    m_place = place;
    m_tables.prepare(place.pixelRatio, samples);
    m_ss = samples;
    m_margin = m_tables.metrics.margin();
    m_n = kTile * m_ss + 2 * m_margin;
    m_blocks = (m_n + kBlock - 1) / kBlock;
    m_begun = false;
    m_solid = 0;
    m_left = m_right = m_top = m_bottom = 0;
    const double outside = static_cast<double>(m_margin) / m_ss;
    m_xs.fill(m_n, place.column * kTile - outside, m_ss, place.zoom, place.image.width);
    m_ys.fill(m_n, place.row * kTile - outside, m_ss, place.zoom, place.image.height);
    if (m_xs.empty() || m_ys.empty())
        return true;
    m_pixelXs.at.clear();
    for (const OverlayLayer& layer : layers) {
        if (!layer.source)
            continue;
        const FillColors fills(layer);
        const int whole =
            layer.source->uniformClass(imageRect(m_xs, m_ys, m_xs.first, m_xs.last, m_ys.first, m_ys.last));
        if (whole == 0)
            continue;
        if (layer.bands) {
            if (fills.any)
                paintBands(layer, fills);
            continue;
        }
        if (whole > 0 && m_xs.complete() && m_ys.complete() &&
            layer.hatch[static_cast<std::size_t>(whole)] == 0) {
            fillAll(fills.color[static_cast<std::size_t>(whole)]);
            continue;
        }
        if (boundCracks && looksLikeNoise(layer))
            return false;
        sampleGrid(layer);
        if (fills.any)
            paintFill(layer, fills);
        if (!findLines(layer, boundCracks))
            return false;
        if (m_lines)
            paintLines(layer);
    }
    return true;
}

OverlayTile TilePainter::take() const {
    OverlayTile tile;
    tile.solid = m_solid;
    if (!m_begun || m_left >= m_right)
        return tile;
    tile.offset = {m_left, m_top};
    tile.image = QImage(m_right - m_left, m_bottom - m_top, QImage::Format_ARGB32_Premultiplied);
    for (int y = m_top; y < m_bottom; ++y)
        std::memcpy(tile.image.scanLine(y - m_top),
                    m_picture.data() + static_cast<std::size_t>(y) * kTile + m_left,
                    static_cast<std::size_t>(m_right - m_left) * sizeof(QRgb));
    return tile;
}

void TilePainter::fillAll(QRgb color) {
    if (color == 0)
        return;
    if (!m_begun) {
        m_solid = over(color, m_solid);
        return;
    }
    for (QRgb& pixel : m_picture)
        pixel = over(color, pixel);
    touched(0, kTile, 0, kTile);
}

// Classes of all samples; 0 outside of the image, so that an area is closed at its border.
void TilePainter::sampleGrid(const OverlayLayer& layer) {
    m_grid.resize(static_cast<std::size_t>(m_n) * m_n);
    m_blockClass.assign(static_cast<std::size_t>(m_blocks) * m_blocks, 0);
    for (int by = 0; by < m_blocks; ++by) {
        const int top = by * kBlock;
        const int bottom = std::min(m_n, top + kBlock);
        const int y0 = std::max(top, m_ys.first);
        const int y1 = std::min(bottom, m_ys.last);
        for (int bx = 0; bx < m_blocks; ++bx) {
            const int left = bx * kBlock;
            const int right = std::min(m_n, left + kBlock);
            const int x0 = std::max(left, m_xs.first);
            const int x1 = std::min(right, m_xs.last);
            int c = 0;
            if (x0 < x1 && y0 < y1) {
                c = layer.source->uniformClass(imageRect(m_xs, m_ys, x0, x1, y0, y1));
                const bool complete = x0 == left && x1 == right && y0 == top && y1 == bottom;
                if (c > 0 && !complete)
                    c = ClassSource::kMixed;
            }
            m_blockClass[static_cast<std::size_t>(by) * m_blocks + bx] = static_cast<std::int16_t>(c);
            const std::size_t width = static_cast<std::size_t>(right - left);
            for (int y = top; y < bottom; ++y) {
                std::uint8_t* out = m_grid.data() + cell(left, y);
                if (c != ClassSource::kMixed) {
                    std::memset(out, c, width);
                } else if (y < y0 || y >= y1) {
                    std::memset(out, 0, width);
                } else if (y > y0 && m_ys[y] == m_ys[y - 1]) {
                    std::memcpy(out, out - m_n, width);
                } else {
                    if (x0 > left || x1 < right)
                        std::memset(out, 0, width);
                    layer.source->sampleRow(m_ys[y], m_xs.at.data() + x0, x1 - x0, out + (x0 - left));
                }
            }
        }
    }
}

void TilePainter::paintFill(const OverlayLayer& layer, const FillColors& fills) {
    const int perBlock = kBlock / m_ss;
    const int ss = m_ss;
    for (int top = 0; top < kTile; top += perBlock) {
        for (int left = 0; left < kTile; left += perBlock) {
            // The samples of these pixels lie in up to four blocks.
            const int x0 = (m_margin + left * ss) / kBlock;
            const int x1 = (m_margin + (left + perBlock) * ss - 1) / kBlock;
            const int y0 = (m_margin + top * ss) / kBlock;
            const int y1 = (m_margin + (top + perBlock) * ss - 1) / kBlock;
            const int c = m_blockClass[static_cast<std::size_t>(y0) * m_blocks + x0];
            const bool same = c != ClassSource::kMixed &&
                              c == m_blockClass[static_cast<std::size_t>(y0) * m_blocks + x1] &&
                              c == m_blockClass[static_cast<std::size_t>(y1) * m_blocks + x0] &&
                              c == m_blockClass[static_cast<std::size_t>(y1) * m_blocks + x1];
            if (same && fills.color[static_cast<std::size_t>(c)] == 0 &&
                layer.hatch[static_cast<std::size_t>(c)] == 0)
                continue;
            begin();
            touched(top, top + perBlock, left, left + perBlock);
            for (int py = top; py < top + perBlock; ++py) {
                QRgb* line = m_picture.data() + static_cast<std::size_t>(py) * kTile;
                const std::uint8_t* g = m_grid.data() + cell(m_margin, m_margin + py * ss);
                for (int px = left; px < left + perBlock; ++px) {
                    const std::uint8_t a = g[px * ss];
                    QRgb color = fills.color[a];
                    if (ss == 2) {
                        const std::uint8_t b = g[px * 2 + 1], d = g[px * 2 + m_n], e = g[px * 2 + m_n + 1];
                        if (a != b || a != d || a != e) {
                            const QRgb q[4] = {color, fills.color[b], fills.color[d], fills.color[e]};
                            color =
                                qRgba((qRed(q[0]) + qRed(q[1]) + qRed(q[2]) + qRed(q[3]) + 2) / 4,
                                      (qGreen(q[0]) + qGreen(q[1]) + qGreen(q[2]) + qGreen(q[3]) + 2) / 4,
                                      (qBlue(q[0]) + qBlue(q[1]) + qBlue(q[2]) + qBlue(q[3]) + 2) / 4,
                                      (qAlpha(q[0]) + qAlpha(q[1]) + qAlpha(q[2]) + qAlpha(q[3]) + 2) / 4);
                        }
                    }
                    if (fills.hatched && layer.hatch[a] != 0) {
                        const int gx = m_place.column * kTile + px;
                        const int gy = m_place.row * kTile + py;
                        if (positiveModulo(layer.hatch[a] == 1 ? gx + gy : gx - gy, 8) < 2) {
                            const QRgb c2 = layer.color[a];
                            color = qPremultiply(qRgba(qRed(c2), qGreen(c2), qBlue(c2), 210));
                        }
                    }
                    if (color != 0)
                        line[px] = over(color, line[px]);
                }
            }
        }
    }
}

// A quantity's steps, one sample a pixel: neighbours differ by little.
void TilePainter::paintBands(const OverlayLayer& layer, const FillColors& fills) {
    if (m_pixelXs.at.empty()) {
        m_pixelXs.fill(kTile, m_place.column * kTile, 1, m_place.zoom, m_place.image.width);
        m_pixelYs.fill(kTile, m_place.row * kTile, 1, m_place.zoom, m_place.image.height);
    }
    if (m_pixelXs.empty() || m_pixelYs.empty())
        return;
    begin();
    touched(m_pixelYs.first, m_pixelYs.last, m_pixelXs.first, m_pixelXs.last);
    std::array<std::uint8_t, kTile> classes;
    const int width = m_pixelXs.last - m_pixelXs.first;
    int previous = -1;
    for (int y = m_pixelYs.first; y < m_pixelYs.last; ++y) {
        if (m_pixelYs[y] != previous)
            layer.source->sampleRow(m_pixelYs[y], m_pixelXs.at.data() + m_pixelXs.first, width,
                                    classes.data());
        previous = m_pixelYs[y];
        QRgb* line = m_picture.data() + static_cast<std::size_t>(y) * kTile + m_pixelXs.first;
        for (int x = 0; x < width; ++x) {
            const QRgb color = fills.color[classes[static_cast<std::size_t>(x)]];
            if (color != 0)
                line[x] = over(color, line[x]);
        }
    }
}

// A few rows of samples tell noise from outlines, so that it need not be sampled twice.
bool TilePainter::looksLikeNoise(const OverlayLayer& layer) const {
    std::array<std::uint8_t, 4 * kTile> row;
    const int width = std::min(m_xs.last - m_xs.first, static_cast<int>(row.size()));
    std::size_t changes = 0;
    for (int i = 0; i < kProbes; ++i) {
        const int y = m_ys.first + (m_ys.last - m_ys.first) * (2 * i + 1) / (2 * kProbes);
        layer.source->sampleRow(m_ys[y], m_xs.at.data() + m_xs.first, width, row.data());
        for (int x = 1; x < width; ++x)
            changes += row[static_cast<std::size_t>(x)] != row[static_cast<std::size_t>(x) - 1];
    }
    // Both directions, and twice as many as the bound, since rows differ.
    return changes * 2 * static_cast<std::size_t>(m_ys.last - m_ys.first) / kProbes > 2 * kMostCracks;
}

std::size_t TilePainter::countCracks() const {
    std::size_t cracks = 0;
    for (int y = 0; y < m_n; ++y) {
        const std::uint8_t* g = m_grid.data() + cell(0, y);
        unsigned inRow = 0;
        for (int x = 0; x + 1 < m_n; ++x)
            inRow += g[x] != g[x + 1];
        if (y + 1 < m_n) {
            for (int x = 0; x < m_n; ++x)
                inRow += g[x] != g[x + m_n];
        }
        cracks += inRow;
    }
    return cracks;
}

bool TilePainter::findLines(const OverlayLayer& layer, bool boundCracks) {
    m_lines = false;
    bool styled = false;
    for (std::size_t i = 1; i < 256 && !styled; ++i)
        styled = layer.line[i] != LineStyle::None;
    if (!styled)
        return true;
    const std::size_t cracks = countCracks();
    if (boundCracks && cracks > kMostCracks)
        return false;
    if (cracks > m_grid.size() / kDense)
        lookAround(layer);
    else if (cracks > 0)
        stampCracks(layer);
    return true;
}

// Row by row; a stretch that equals the one beside and below it holds no crack.
void TilePainter::stampCracks(const OverlayLayer& layer) {
    constexpr int kStretch = 64;
    for (int y = 0; y < m_n; ++y) {
        const std::uint8_t* g = m_grid.data() + cell(0, y);
        const bool below = y + 1 < m_n;
        for (int x0 = 0; x0 < m_n; x0 += kStretch) {
            const int x1 = std::min(m_n, x0 + kStretch);
            const int last = std::min(m_n - 1, x1); // of those with a right neighbour
            const auto width = static_cast<std::size_t>(x1 - x0);
            if (std::memcmp(g + x0, g + x0 + 1, static_cast<std::size_t>(last - x0)) != 0) {
                for (int x = x0; x < last; ++x) {
                    if (g[x] != g[x + 1])
                        mark(layer, x, y, true);
                }
            }
            if (below && std::memcmp(g + x0, g + x0 + m_n, width) != 0) {
                for (int x = x0; x < x1; ++x) {
                    if (g[x] != g[x + m_n])
                        mark(layer, x, y, false);
                }
            }
        }
    }
}

// The class whose line runs along the crack right of sample (x, y), or below it; 0 where none does.
int TilePainter::crackClass(const OverlayLayer& layer, int x, int y, bool vertical) const {
    const std::uint8_t a = m_grid[cell(x, y)];
    const std::uint8_t b = vertical ? m_grid[cell(x + 1, y)] : m_grid[cell(x, y + 1)];
    const auto styleOf = [&](std::uint8_t c) { return c == 0 ? LineStyle::None : layer.line[c]; };
    const std::uint8_t c = styleOf(a) != LineStyle::None ? a : b;
    const LineStyle style = styleOf(c);
    if (style == LineStyle::None)
        return 0;
    if (style != LineStyle::Solid) {
        // The dash's phase runs along the axis that the edge follows more closely.
        int across = 0, along = 0;
        const auto inside = [&](int sx, int sy) {
            return m_grid[cell(std::clamp(sx, 0, m_n - 1), std::clamp(sy, 0, m_n - 1))] == c ? 1 : 0;
        };
        for (int k = -kDirection; k <= kDirection; k += 2) {
            across += inside(x + kDirection, y + k) - inside(x - kDirection, y + k);
            along += inside(x + k, y + kDirection) - inside(x + k, y - kDirection);
        }
        const bool followsY =
            std::abs(across) == std::abs(along) ? vertical : std::abs(across) > std::abs(along);
        const int gx = m_place.column * kTile + (x - m_margin) / m_ss;
        const int gy = m_place.row * kTile + (y - m_margin) / m_ss;
        const LineMetrics& m = m_tables.metrics;
        const bool dashed = style == LineStyle::Dashed;
        if (positiveModulo(followsY ? gy : gx, dashed ? m.dashPeriod : m.dotPeriod) >=
            (dashed ? m.dashOn : m.dotOn))
            return 0;
    }
    return c;
}

// Room for distances around all samples; what the widest stamp row writes from the last sample on still ends
// inside.
void TilePainter::beginLines(std::uint8_t blocks) {
    m_lines = true;
    m_pad = m_tables.vertical.left + 1;
    m_lineStride = m_n + m_pad + std::max(m_tables.vertical.stride, m_tables.horizontal.stride);
    const std::size_t cells =
        static_cast<std::size_t>(m_lineStride) * static_cast<std::size_t>(m_n + 2 * m_pad + 1);
    m_distance.assign(cells, kFar);
    m_edgeClass.resize(cells);
    m_lineBlocks.assign(static_cast<std::size_t>(m_blocks) * m_blocks, blocks);
}

// Where cracks are everywhere: each sample takes the nearest of those within a line's reach, row by row,
// which touches nothing twice.
void TilePainter::lookAround(const OverlayLayer& layer) {
    beginLines(1);
    const int pad = m_pad;
    const int stride = m_n + 2 * pad;
    const auto at = [&](int x, int y) {
        return static_cast<std::size_t>(y + pad) * static_cast<std::size_t>(stride) +
               static_cast<std::size_t>(x + pad);
    };
    const std::size_t cells = static_cast<std::size_t>(stride) * static_cast<std::size_t>(stride);
    m_cracksRight.assign(cells, kNoCrack);
    m_cracksBelow.assign(cells, kNoCrack);
    bool solid = true;
    std::array<std::uint8_t, 256> styled{}; // the class where it has a line, else 0
    for (std::size_t i = 1; i < 256; ++i) {
        styled[i] = layer.line[i] == LineStyle::None ? 0 : static_cast<std::uint8_t>(i);
        solid = solid && (styled[i] == 0 || layer.line[i] == LineStyle::Solid);
    }
    // As crackClass(), without branches that noise would mislead.
    const auto solidCrack = [&](std::uint8_t one, std::uint8_t other) {
        const unsigned c = styled[one] != 0 ? styled[one] : styled[other];
        return static_cast<std::uint16_t>(one != other && c != 0 ? c : kNoCrack);
    };
    const auto anyCrack = [&](int x, int y, bool vertical) {
        const int c = crackClass(layer, x, y, vertical);
        return c == 0 ? kNoCrack : static_cast<std::uint16_t>(c);
    };
    for (int y = 0; y < m_n; ++y) {
        const std::uint8_t* g = m_grid.data() + cell(0, y);
        std::uint16_t* right = m_cracksRight.data() + at(0, y);
        std::uint16_t* below = m_cracksBelow.data() + at(0, y);
        for (int x = 0; x + 1 < m_n; ++x) {
            if (solid)
                right[x] = solidCrack(g[x], g[x + 1]);
            else if (g[x] != g[x + 1])
                right[x] = anyCrack(x, y, true);
        }
        if (y + 1 == m_n)
            break;
        for (int x = 0; x < m_n; ++x) {
            if (solid)
                below[x] = solidCrack(g[x], g[x + m_n]);
            else if (g[x] != g[x + m_n])
                below[x] = anyCrack(x, y, false);
        }
    }
    struct Place {
        const std::uint16_t* first; // of the cracks that the first row's first sample looks at
        std::uint16_t distance;
    };
    std::vector<Place> places;
    const auto add = [&](const Stamp& stamp, const std::vector<std::uint16_t>& cracks) {
        for (int j = 0; j < stamp.rows; ++j) {
            for (int i = 0; i < stamp.stride; ++i) {
                const std::uint8_t d = stamp.distance[static_cast<std::size_t>(j) * stamp.stride + i];
                if (m_tables.line[d] != 0)
                    places.push_back({cracks.data() + at(stamp.left - i, stamp.top - j),
                                      static_cast<std::uint16_t>(d << 8)});
            }
        }
    };
    add(m_tables.vertical, m_cracksRight);
    add(m_tables.horizontal, m_cracksBelow);
    m_nearest.resize(static_cast<std::size_t>(m_n));
    for (int y = 0; y < m_n; ++y) {
        std::fill(m_nearest.begin(), m_nearest.end(), kNoCrack);
        std::uint16_t* nearest = m_nearest.data();
        for (const Place& place : places) {
            const std::uint16_t* cracks = place.first + static_cast<std::size_t>(y) * stride;
            for (int x = 0; x < m_n; ++x)
                nearest[x] = std::min<std::uint16_t>(nearest[x], cracks[x] | place.distance);
        }
        std::uint8_t* distance = m_distance.data() + lineCell(0, y);
        std::uint8_t* edge = m_edgeClass.data() + lineCell(0, y);
        for (int x = 0; x < m_n; ++x) {
            distance[x] = static_cast<std::uint8_t>(nearest[x] >> 8); // kFar without a crack
            edge[x] = static_cast<std::uint8_t>(nearest[x]);
        }
    }
}

void TilePainter::mark(const OverlayLayer& layer, int x, int y, bool vertical) {
    const int found = crackClass(layer, x, y, vertical);
    if (found == 0)
        return;
    const auto c = static_cast<std::uint8_t>(found);
    if (!m_lines)
        beginLines(0);
    const Stamp& stamp = vertical ? m_tables.vertical : m_tables.horizontal;
    for (int j = 0; j < stamp.rows; ++j) {
        std::uint8_t* distance = m_distance.data() + lineCell(x - stamp.left, y - stamp.top + j);
        std::uint8_t* edge = m_edgeClass.data() + lineCell(x - stamp.left, y - stamp.top + j);
        const std::uint8_t* from = stamp.distance.data() + static_cast<std::size_t>(j) * stamp.stride;
        for (int i = 0; i < stamp.stride; i += kLane)
            stampLane(distance + i, edge + i, from + i, c);
    }
    const int bx0 = std::max(0, x - stamp.left) / kBlock;
    const int bx1 = std::min(m_n - 1, x + stamp.left + 1) / kBlock;
    const int by0 = std::max(0, y - stamp.top) / kBlock;
    const int by1 = std::min(m_n - 1, y + stamp.top + 1) / kBlock;
    for (int by = by0; by <= by1; ++by) {
        for (int bx = bx0; bx <= bx1; ++bx)
            m_lineBlocks[static_cast<std::size_t>(by) * m_blocks + bx] = 1;
    }
}

void TilePainter::paintLines(const OverlayLayer& layer) {
    begin();
    const int ss = m_ss;
    const int perPixel = ss * ss;
    const int scale = 255 * perPixel;
    for (int by = 0; by < m_blocks; ++by) {
        for (int bx = 0; bx < m_blocks; ++bx) {
            if (m_lineBlocks[static_cast<std::size_t>(by) * m_blocks + bx] == 0)
                continue;
            // Pixels whose first sample lies in the block, and so once each. The last rows and columns of a
            // block may belong to a pixel that began in the block before: that one was marked as well, since
            // stamps reach further than a pixel.
            const auto firstPixel = [&](int block) {
                return std::clamp((block * kBlock - m_margin + ss - 1) / ss, 0, kTile);
            };
            const int px0 = bx * kBlock <= m_margin ? 0 : firstPixel(bx);
            const int px1 = (bx + 1) * kBlock <= m_margin ? 0 : firstPixel(bx + 1);
            const int py0 = by * kBlock <= m_margin ? 0 : firstPixel(by);
            const int py1 = (by + 1) * kBlock <= m_margin ? 0 : firstPixel(by + 1);
            if (px0 >= px1 || py0 >= py1)
                continue;
            touched(py0, py1, px0, px1);
            for (int py = py0; py < py1; ++py) {
                QRgb* line = m_picture.data() + static_cast<std::size_t>(py) * kTile;
                for (int px = px0; px < px1; ++px) {
                    if (ss == 1) {
                        // In noise most pixels are nothing but core.
                        const std::size_t i = lineCell(m_margin + px, m_margin + py);
                        if (m_tables.core[m_distance[i]] == 255) {
                            line[px] = layer.color[m_edgeClass[i]] | 0xff000000;
                            continue;
                        }
                    }
                    int red = 0, green = 0, blue = 0, alpha = 0;
                    for (int sy = 0; sy < ss; ++sy) {
                        for (int sx = 0; sx < ss; ++sx) {
                            const std::size_t i = lineCell(m_margin + px * ss + sx, m_margin + py * ss + sy);
                            const std::uint8_t distance = m_distance[i];
                            const int whole = m_tables.line[distance];
                            if (whole == 0)
                                continue;
                            const int core = std::min<int>(whole, m_tables.core[distance]);
                            const QRgb c = layer.color[m_edgeClass[i]];
                            red += core * qRed(c) + (whole - core) * qRed(kCasing);
                            green += core * qGreen(c) + (whole - core) * qGreen(kCasing);
                            blue += core * qBlue(c) + (whole - core) * qBlue(kCasing);
                            alpha += whole;
                        }
                    }
                    if (alpha != 0)
                        line[px] =
                            over(qRgba(red / scale, green / scale, blue / scale, alpha / perPixel), line[px]);
                }
            }
        }
    }
}

} // namespace

void OverlayLayer::setAll(QRgb rgb, int fillAlpha, LineStyle style) {
    for (std::size_t i = 1; i < 256; ++i) {
        color[i] = rgb;
        fill[i] = static_cast<std::uint8_t>(fillAlpha);
        line[i] = style;
    }
}

OverlayTile drawOverlayTile(const std::vector<OverlayLayer>& layers, const OverlayTilePlace& place) {
    static thread_local TilePainter painter;
    const int samples = usualSamples(place.pixelRatio);
    if (!painter.draw(layers, place, samples, samples > 1))
        painter.draw(layers, place, 1, false);
    return painter.take();
}

Rect overlayTileImageRect(const OverlayTilePlace& place) {
    const double reach = overlayReach(place.pixelRatio);
    const auto range = [&](int tile, int length) {
        const double a = std::floor((tile * kTile - reach) / place.zoom);
        const double b = std::ceil(((tile + 1) * kTile + reach) / place.zoom);
        const int from = static_cast<int>(std::clamp<double>(a, 0, length));
        return std::pair{from, static_cast<int>(std::clamp<double>(b, from, length))};
    };
    const auto [x0, x1] = range(place.column, place.image.width);
    const auto [y0, y1] = range(place.row, place.image.height);
    return {x0, y0, x1 - x0, y1 - y0};
}

int overlayReach(qreal pixelRatio) {
    const LineMetrics usual = metricsFor(pixelRatio, usualSamples(pixelRatio));
    const LineMetrics coarse = metricsFor(pixelRatio, 1);
    return std::max((usual.margin() + usual.samplesPerPixel - 1) / usual.samplesPerPixel, coarse.margin());
}

} // namespace limn
