// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles of the overlay. A tile samples its sources at two samples per device pixel (one on dense screens),
// measures each sample's distance to the nearest crack between different classes, and turns distances into
// coverage: that gives smooth lines of constant width whatever the zoom.
#include "ui/canvas/overlay_compositor.h"

#include <QPainter>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace limn {
namespace {

constexpr int kTile = 256; // device pixels
constexpr QRgb kCasing = qRgb(0x10, 0x10, 0x10);
constexpr int kFar = 255;               // distance beyond every line
constexpr double kDistanceUnits = 32.0; // stored steps per device pixel
constexpr std::size_t kKeptTiles = 512;

struct LineMetrics {
    int samplesPerPixel; // samples per device pixel, each axis
    double core;         // half width of the core, device pixels
    double casing;       // half width with casing
    int dashPeriod;      // device pixels
    int dashOn;
    int dotPeriod;
    int dotOn;

    int margin() const { return static_cast<int>(std::ceil((casing + 0.5) * samplesPerPixel)) + 4; }
};

LineMetrics metricsFor(qreal ratio) {
    // On dense screens a logical pixel is several device pixels; lines keep their logical width.
    const double width = std::max(1.0, std::round(ratio));
    return {ratio >= 1.5 ? 1 : 2,
            1.0 * width,
            2.0 * width,
            static_cast<int>(12 * width),
            static_cast<int>(7 * width),
            static_cast<int>(7 * width),
            static_cast<int>(2 * width)};
}

struct Stamp {
    int radius = 0; // samples
    // Distance from sample (dx, dy) to a crack between sample (0, 0) and (1, 0).
    std::vector<std::uint8_t> distance; // (2 radius + 2) x (2 radius + 1)
    int width() const { return 2 * radius + 2; }
};

Stamp makeStamp(const LineMetrics& m) {
    Stamp stamp;
    stamp.radius = static_cast<int>(std::ceil((m.casing + 0.5) * m.samplesPerPixel));
    const int w = stamp.width();
    stamp.distance.assign(static_cast<std::size_t>(w) * (2 * stamp.radius + 1), kFar);
    for (int dy = -stamp.radius; dy <= stamp.radius; ++dy) {
        for (int dx = -stamp.radius; dx <= stamp.radius + 1; ++dx) {
            const double x = dx - 0.5;
            const double y = std::max(0.0, std::abs(dy) - 0.5);
            const double d = std::hypot(x, y) / m.samplesPerPixel;
            stamp.distance[static_cast<std::size_t>(dy + stamp.radius) * w + dx + stamp.radius] =
                static_cast<std::uint8_t>(std::min<double>(kFar, std::round(d * kDistanceUnits)));
        }
    }
    return stamp;
}

// Coverage of core and casing by distance, 0..255.
struct Coverage {
    std::array<std::uint8_t, 256> core{};
    std::array<std::uint8_t, 256> line{};
};

Coverage makeCoverage(const LineMetrics& m) {
    Coverage c;
    for (int i = 0; i < 255; ++i) {
        const double d = i / kDistanceUnits;
        const auto ramp = [&](double half) {
            return static_cast<std::uint8_t>(
                std::lround(255 * std::clamp((half - d) * m.samplesPerPixel + 0.5, 0.0, 1.0)));
        };
        c.core[static_cast<std::size_t>(i)] = ramp(m.core);
        c.line[static_cast<std::size_t>(i)] = ramp(m.casing);
    }
    return c;
}

int positiveModulo(int a, int b) {
    const int r = a % b;
    return r < 0 ? r + b : r;
}

// Source over, premultiplied, 8 bit.
QRgb over(QRgb top, QRgb bottom) {
    const unsigned inverse = 255 - qAlpha(top);
    const auto mix = [inverse](int t, int b) { return t + static_cast<int>((b * inverse + 127) / 255); };
    return qRgba(mix(qRed(top), qRed(bottom)), mix(qGreen(top), qGreen(bottom)),
                 mix(qBlue(top), qBlue(bottom)), mix(qAlpha(top), qAlpha(bottom)));
}

} // namespace

void OverlayLayer::setAll(QRgb rgb, int fillAlpha, LineStyle style) {
    for (std::size_t i = 1; i < 256; ++i) {
        color[i] = rgb;
        fill[i] = static_cast<std::uint8_t>(fillAlpha);
        line[i] = style;
    }
}

void OverlayCompositor::setLayers(std::vector<OverlayLayer> layers) {
    m_layers = std::move(layers);
    invalidateAll();
}

void OverlayCompositor::setPixelRatio(qreal ratio) {
    if (ratio == m_pixelRatio)
        return;
    m_pixelRatio = ratio;
    invalidateAll();
}

void OverlayCompositor::invalidateAll() {
    m_tiles.clear();
}

void OverlayCompositor::invalidate(const Rect& imageRect) {
    if (m_zoom <= 0 || imageRect.empty())
        return;
    const int margin = metricsFor(m_pixelRatio).margin();
    const auto tileOf = [](double device) { return static_cast<int>(std::floor(device / kTile)); };
    const int c0 = tileOf(imageRect.x * m_zoom - margin);
    const int c1 = tileOf(imageRect.right() * m_zoom + margin);
    const int r0 = tileOf(imageRect.y * m_zoom - margin);
    const int r1 = tileOf(imageRect.bottom() * m_zoom + margin);
    if (static_cast<long>(c1 - c0 + 1) * (r1 - r0 + 1) > m_tiles.size()) {
        m_tiles.removeIf([&](QHash<QPoint, QImage>::iterator it) {
            return it.key().x() >= c0 && it.key().x() <= c1 && it.key().y() >= r0 && it.key().y() <= r1;
        });
        return;
    }
    for (int r = r0; r <= r1; ++r) {
        for (int c = c0; c <= c1; ++c)
            m_tiles.remove({c, r});
    }
}

QRect OverlayCompositor::affectedDeviceRect(const ViewTransform& view, const Rect& imageRect) const {
    const int margin = metricsFor(m_pixelRatio).margin();
    const QRectF device = view.toDevice(QRectF(imageRect.x, imageRect.y, imageRect.width, imageRect.height));
    return device.toAlignedRect().adjusted(-margin, -margin, margin, margin);
}

int OverlayCompositor::takeDrawnTileCount() {
    return std::exchange(m_drawnTiles, 0);
}

void OverlayCompositor::paint(QPainter& painter, const ViewTransform& view, const QRect& deviceClip) {
    if (view.empty() || m_layers.empty())
        return;
    if (view.zoom() != m_zoom || !(view.imageSize() == m_image)) {
        m_zoom = view.zoom();
        m_image = view.imageSize();
        invalidateAll();
    }
    const QPoint origin = view.origin();
    const int margin = static_cast<int>(std::ceil(metricsFor(m_pixelRatio).casing + 1));
    const QRect imageOnScreen = QRect(0, 0, static_cast<int>(std::ceil(m_image.width * m_zoom)),
                                      static_cast<int>(std::ceil(m_image.height * m_zoom)))
                                    .adjusted(-margin, -margin, margin, margin);
    const QRect wanted = deviceClip.intersected(QRect(QPoint(0, 0), view.viewport()))
                             .translated(-origin)
                             .intersected(imageOnScreen);
    if (wanted.isEmpty())
        return;
    const auto tileOf = [](int device) {
        return device >= 0 ? device / kTile : -((-device + kTile - 1) / kTile);
    };
    const int c0 = tileOf(wanted.left());
    const int c1 = tileOf(wanted.right());
    const int r0 = tileOf(wanted.top());
    const int r1 = tileOf(wanted.bottom());
    if (static_cast<std::size_t>(m_tiles.size()) > kKeptTiles) {
        m_tiles.removeIf([&](QHash<QPoint, QImage>::iterator it) {
            return it.key().x() < c0 - 1 || it.key().x() > c1 + 1 || it.key().y() < r0 - 1 ||
                   it.key().y() > r1 + 1;
        });
    }
    for (int r = r0; r <= r1; ++r) {
        for (int c = c0; c <= c1; ++c) {
            auto it = m_tiles.find({c, r});
            if (it == m_tiles.end()) {
                it = m_tiles.insert({c, r}, drawTile(c, r));
                ++m_drawnTiles;
            }
            if (!it->isNull())
                painter.drawImage(origin + QPoint(c * kTile, r * kTile), *it);
        }
    }
}

QImage OverlayCompositor::drawTile(int column, int row) const {
    const LineMetrics metrics = metricsFor(m_pixelRatio);
    static thread_local qreal stampRatio = 0;
    static thread_local Stamp stamp;
    static thread_local Coverage coverage;
    if (stampRatio != m_pixelRatio) {
        stamp = makeStamp(metrics);
        coverage = makeCoverage(metrics);
        stampRatio = m_pixelRatio;
    }
    const int ss = metrics.samplesPerPixel;
    const int margin = metrics.margin();
    const int n = kTile * ss + 2 * margin;
    const auto cell = [n](int x, int y) { return static_cast<std::size_t>(y) * n + x; };

    // Columns and rows of the image under each sample; -1 outside of it.
    static thread_local std::vector<int> xs, ys, xsInside;
    static thread_local std::vector<std::uint8_t> grid, distance, edgeClass;
    xs.resize(static_cast<std::size_t>(n));
    ys.resize(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
        const double offset = (i - margin + 0.5) / ss;
        const auto clip = [](double v, int length) {
            const int p = static_cast<int>(std::floor(v));
            return p >= 0 && p < length ? p : -1;
        };
        xs[static_cast<std::size_t>(i)] = clip((column * kTile + offset) / m_zoom, m_image.width);
        ys[static_cast<std::size_t>(i)] = clip((row * kTile + offset) / m_zoom, m_image.height);
    }
    int first = 0;
    while (first < n && xs[static_cast<std::size_t>(first)] < 0)
        ++first;
    int last = n;
    while (last > first && xs[static_cast<std::size_t>(last - 1)] < 0)
        --last;
    if (first == last)
        return {};

    QImage image;
    const auto ensureImage = [&] {
        if (image.isNull()) {
            image = QImage(kTile, kTile, QImage::Format_ARGB32_Premultiplied);
            image.fill(Qt::transparent);
        }
    };

    for (const OverlayLayer& layer : m_layers) {
        if (!layer.source)
            continue;
        const Rect bounds = layer.source->bounds();
        grid.assign(static_cast<std::size_t>(n) * n, 0);
        bool any = false;
        int previousY = -2;
        for (int y = 0; y < n; ++y) {
            const int imageY = ys[static_cast<std::size_t>(y)];
            if (imageY < bounds.y || imageY >= bounds.bottom()) {
                previousY = -2;
                continue;
            }
            std::uint8_t* out = grid.data() + cell(first, y);
            if (imageY == previousY)
                std::memcpy(out, grid.data() + cell(first, y - 1), static_cast<std::size_t>(last - first));
            else
                layer.source->sampleRow(imageY, xs.data() + first, last - first, out);
            previousY = imageY;
            if (!any) {
                for (int x = first; x < last && !any; ++x)
                    any = grid[cell(x, y)] != 0;
            }
        }
        if (!any)
            continue;

        // Fill, with hatching where asked for.
        std::array<QRgb, 256> premultiplied{};
        bool fills = false;
        for (std::size_t i = 1; i < 256; ++i) {
            const QRgb c = layer.color[i];
            premultiplied[i] = qPremultiply(qRgba(qRed(c), qGreen(c), qBlue(c), layer.fill[i]));
            fills = fills || layer.fill[i] != 0 || layer.hatch[i] != 0;
        }
        if (fills) {
            ensureImage();
            for (int py = 0; py < kTile; ++py) {
                auto* line = reinterpret_cast<QRgb*>(image.scanLine(py));
                const std::uint8_t* g = grid.data() + cell(margin, margin + py * ss);
                for (int px = 0; px < kTile; ++px) {
                    QRgb color;
                    const std::uint8_t a = g[px * ss];
                    if (ss == 1) {
                        color = premultiplied[a];
                    } else {
                        const std::uint8_t b = g[px * 2 + 1], c = g[px * 2 + n], e = g[px * 2 + n + 1];
                        if (a == b && a == c && a == e) {
                            color = premultiplied[a];
                        } else {
                            const QRgb q[4] = {premultiplied[a], premultiplied[b], premultiplied[c],
                                               premultiplied[e]};
                            color =
                                qRgba((qRed(q[0]) + qRed(q[1]) + qRed(q[2]) + qRed(q[3]) + 2) / 4,
                                      (qGreen(q[0]) + qGreen(q[1]) + qGreen(q[2]) + qGreen(q[3]) + 2) / 4,
                                      (qBlue(q[0]) + qBlue(q[1]) + qBlue(q[2]) + qBlue(q[3]) + 2) / 4,
                                      (qAlpha(q[0]) + qAlpha(q[1]) + qAlpha(q[2]) + qAlpha(q[3]) + 2) / 4);
                        }
                    }
                    if (layer.hatch[a] != 0) {
                        const int gx = column * kTile + px;
                        const int gy = row * kTile + py;
                        const int phase = positiveModulo(layer.hatch[a] == 1 ? gx + gy : gx - gy, 8);
                        if (phase < 2) {
                            const QRgb c = layer.color[a];
                            color = qPremultiply(qRgba(qRed(c), qGreen(c), qBlue(c), 210));
                        }
                    }
                    if (color != 0)
                        line[px] = over(color, line[px]);
                }
            }
        }
        if (layer.bands)
            continue;

        // Distances to cracks. Outside the image counts as class 0, so that an area is closed at its border.
        bool lines = false;
        const int r = stamp.radius;
        const int sw = stamp.width();
        const int on = metrics.dashOn, period = metrics.dashPeriod;
        const auto styleOf = [&](std::uint8_t c) { return c == 0 ? LineStyle::None : layer.line[c]; };
        const auto mark = [&](int x, int y, bool vertical, std::uint8_t a, std::uint8_t b) {
            const std::uint8_t c = styleOf(a) != LineStyle::None ? a : b;
            const LineStyle style = styleOf(c);
            if (style == LineStyle::None)
                return;
            if (style != LineStyle::Solid) {
                // The dash's phase runs along the axis that the edge follows more closely.
                int across = 0, along = 0;
                const auto inside = [&](int sx, int sy) {
                    return grid[cell(std::clamp(sx, 0, n - 1), std::clamp(sy, 0, n - 1))] == c ? 1 : 0;
                };
                for (int k = -4; k <= 4; k += 2) {
                    across += inside(x + 4, y + k) - inside(x - 4, y + k);
                    along += inside(x + k, y + 4) - inside(x + k, y - 4);
                }
                const bool followsY =
                    std::abs(across) == std::abs(along) ? vertical : std::abs(across) > std::abs(along);
                const int gx = column * kTile + (x - margin) / ss;
                const int gy = row * kTile + (y - margin) / ss;
                const bool dashed = style == LineStyle::Dashed;
                if (positiveModulo(followsY ? gy : gx, dashed ? period : metrics.dotPeriod) >=
                    (dashed ? on : metrics.dotOn))
                    return;
            }
            if (!lines) {
                lines = true;
                distance.assign(static_cast<std::size_t>(n) * n, kFar);
                edgeClass.resize(static_cast<std::size_t>(n) * n);
            }
            // The stamp is written for vertical cracks; horizontal ones read it transposed.
            for (int i = -r; i <= r; ++i) {
                for (int j = -r; j <= r + 1; ++j) {
                    const int sx = vertical ? x + j : x + i;
                    const int sy = vertical ? y + i : y + j;
                    if (sx < 0 || sy < 0 || sx >= n || sy >= n)
                        continue;
                    const std::uint8_t dist = stamp.distance[static_cast<std::size_t>(i + r) * sw + j + r];
                    std::uint8_t& old = distance[cell(sx, sy)];
                    if (dist < old) {
                        old = dist;
                        edgeClass[cell(sx, sy)] = c;
                    }
                }
            }
        };
        for (int y = 0; y + 1 < n; ++y) {
            const std::uint8_t* g = grid.data() + cell(0, y);
            const bool sameBelow = std::memcmp(g, g + n, static_cast<std::size_t>(n)) == 0;
            for (int x = 0; x + 1 < n; ++x) {
                if (g[x] != g[x + 1])
                    mark(x, y, true, g[x], g[x + 1]);
            }
            if (!sameBelow) {
                for (int x = 0; x < n; ++x) {
                    if (g[x] != g[x + n])
                        mark(x, y, false, g[x], g[x + n]);
                }
            }
        }
        if (!lines)
            continue;
        ensureImage();
        const int perPixel = ss * ss;
        for (int py = 0; py < kTile; ++py) {
            auto* line = reinterpret_cast<QRgb*>(image.scanLine(py));
            for (int px = 0; px < kTile; ++px) {
                int red = 0, green = 0, blue = 0, alpha = 0;
                for (int sy = 0; sy < ss; ++sy) {
                    for (int sx = 0; sx < ss; ++sx) {
                        const std::size_t i = cell(margin + px * ss + sx, margin + py * ss + sy);
                        if (distance[i] == kFar)
                            continue;
                        const int whole = coverage.line[distance[i]];
                        const int core = std::min<int>(whole, coverage.core[distance[i]]);
                        const QRgb c = layer.color[edgeClass[i]];
                        red += core * qRed(c) + (whole - core) * qRed(kCasing);
                        green += core * qGreen(c) + (whole - core) * qGreen(kCasing);
                        blue += core * qBlue(c) + (whole - core) * qBlue(kCasing);
                        alpha += whole;
                    }
                }
                if (alpha == 0)
                    continue;
                const int scale = 255 * perPixel;
                line[px] = over(qRgba(red / scale, green / scale, blue / scale, alpha / perPixel), line[px]);
            }
        }
    }
    return image;
}

} // namespace limn
