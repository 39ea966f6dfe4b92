// SPDX-License-Identifier: GPL-3.0-or-later
// Which tiles of the overlay are kept, drawn and painted.
#include "ui/canvas/overlay_compositor.h"

#include <QPainter>
#include <QThread>
#include <QThreadPool>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>

namespace limn {
namespace {

constexpr int kTile = OverlayTile::kSide;
constexpr std::size_t kKeptTiles = 512;
constexpr std::size_t kWorthHelp = 3; // fewer tiles are drawn sooner than a thread wakes
constexpr int kMostHelpers = 7;

QThreadPool& helpers() {
    static QThreadPool pool;
    static const bool once = [] {
        pool.setMaxThreadCount(std::clamp(QThread::idealThreadCount() - 1, 0, kMostHelpers));
        return true;
    }();
    Q_UNUSED(once);
    return pool;
}

// One drawing of several tiles, shared between the GUI thread and helpers. A helper that comes late finds
// nothing left and touches nothing but this, so that the GUI thread waits only for tiles that were begun.
struct Drawing {
    std::vector<OverlayLayer> layers;
    std::vector<OverlayTilePlace> places;
    std::vector<OverlayTile> tiles;
    std::atomic<std::size_t> next{0};
    std::size_t finished = 0;
    std::mutex mutex;
    std::condition_variable done;

    void work() {
        std::size_t drawn = 0;
        for (std::size_t i = next.fetch_add(1); i < places.size(); i = next.fetch_add(1)) {
            tiles[i] = drawOverlayTile(layers, places[i]);
            ++drawn;
        }
        if (drawn == 0)
            return;
        const std::lock_guard lock(mutex);
        finished += drawn;
        if (finished == places.size())
            done.notify_one();
    }
};

} // namespace

void OverlayCompositor::setLayers(std::vector<OverlayLayer> layers) {
    m_layers = std::move(layers);
    m_tiles.clear();
}

void OverlayCompositor::setPixelRatio(qreal ratio) {
    if (ratio == m_pixelRatio)
        return;
    m_pixelRatio = ratio;
    m_tiles.clear();
}

void OverlayCompositor::invalidateAll() {
    for (const OverlayLayer& layer : m_layers) {
        if (layer.source)
            layer.source->changed(layer.source->bounds());
    }
    m_tiles.clear();
}

void OverlayCompositor::invalidate(const Rect& imageRect) {
    if (imageRect.empty())
        return;
    for (const OverlayLayer& layer : m_layers) {
        if (layer.source)
            layer.source->changed(imageRect);
    }
    if (m_zoom <= 0)
        return;
    const int reach = overlayReach(m_pixelRatio);
    const auto tileOf = [](double device) { return static_cast<int>(std::floor(device / kTile)); };
    const int c0 = tileOf(imageRect.x * m_zoom - reach);
    const int c1 = tileOf(imageRect.right() * m_zoom + reach);
    const int r0 = tileOf(imageRect.y * m_zoom - reach);
    const int r1 = tileOf(imageRect.bottom() * m_zoom + reach);
    if (static_cast<long>(c1 - c0 + 1) * (r1 - r0 + 1) > m_tiles.size()) {
        m_tiles.removeIf([&](QHash<QPoint, OverlayTile>::iterator it) {
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
    const int reach = overlayReach(m_pixelRatio);
    const QRectF device = view.toDevice(QRectF(imageRect.x, imageRect.y, imageRect.width, imageRect.height));
    return device.toAlignedRect().adjusted(-reach, -reach, reach, reach);
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
        m_tiles.clear();
    }
    const QPoint origin = view.origin();
    const int reach = overlayReach(m_pixelRatio);
    const QRect imageOnScreen = QRect(0, 0, static_cast<int>(std::ceil(m_image.width * m_zoom)),
                                      static_cast<int>(std::ceil(m_image.height * m_zoom)))
                                    .adjusted(-reach, -reach, reach, reach);
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
        m_tiles.removeIf([&](QHash<QPoint, OverlayTile>::iterator it) {
            return it.key().x() < c0 - 1 || it.key().x() > c1 + 1 || it.key().y() < r0 - 1 ||
                   it.key().y() > r1 + 1;
        });
    }
    std::vector<QPoint> missing;
    for (int r = r0; r <= r1; ++r) {
        for (int c = c0; c <= c1; ++c) {
            if (!m_tiles.contains({c, r}))
                missing.emplace_back(c, r);
        }
    }
    if (!missing.empty())
        draw(missing);
    for (int r = r0; r <= r1; ++r) {
        for (int c = c0; c <= c1; ++c) {
            const OverlayTile& tile = m_tiles[{c, r}];
            const QPoint at = origin + QPoint(c * kTile, r * kTile);
            if (tile.solid != 0)
                painter.fillRect(QRect(at, QSize(kTile, kTile)),
                                 QColor::fromRgba(qUnpremultiply(tile.solid)));
            if (!tile.image.isNull())
                painter.drawImage(at + tile.offset, tile.image);
        }
    }
}

void OverlayCompositor::draw(const std::vector<QPoint>& tiles) {
    auto drawing = std::make_shared<Drawing>();
    Rect looked;
    for (const QPoint& tile : tiles) {
        drawing->places.push_back({tile.x(), tile.y(), m_zoom, m_image, m_pixelRatio});
        looked = united(looked, overlayTileImageRect(drawing->places.back()));
    }
    for (const OverlayLayer& layer : m_layers) {
        if (layer.source)
            layer.source->prepare(looked);
    }
    drawing->layers = m_layers;
    drawing->tiles.resize(tiles.size());
    if (tiles.size() >= kWorthHelp) {
        const int wanted = std::min<int>(helpers().maxThreadCount(), static_cast<int>(tiles.size()) - 1);
        for (int i = 0; i < wanted; ++i)
            helpers().start([drawing] { drawing->work(); });
    }
    drawing->work();
    {
        std::unique_lock lock(drawing->mutex);
        drawing->done.wait(lock, [&] { return drawing->finished == tiles.size(); });
    }
    for (std::size_t i = 0; i < tiles.size(); ++i)
        m_tiles.insert(tiles[i], std::move(drawing->tiles[i]));
    m_drawnTiles += static_cast<int>(tiles.size());
}

} // namespace limn
