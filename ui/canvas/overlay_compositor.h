// SPDX-License-Identifier: GPL-3.0-or-later
// Draws overlays (outlines, fills, colour-mapped views) over the image, at the resolution of the screen: only
// what is visible is ever looked at, so that the cost of a threshold step or a colour change depends on the
// window and not on the image. Tiles of 256 device pixels are anchored to the image at the present zoom:
// panning reuses them, an edit redraws only those it touched. GUI thread.
//
// Outlines have a core of 2 device pixels (logical pixels on dense screens) in a casing of 1 on either side,
// centred on the cracks between pixels, at every zoom.
#pragma once

#include "ui/canvas/class_source.h"
#include "ui/canvas/view_transform.h"

#include <QColor>
#include <QHash>
#include <QImage>
#include <QPoint>

#include <array>
#include <vector>

class QPainter;

namespace limn {

enum class LineStyle { None, Solid, Dashed, Dotted };

struct OverlayLayer {
    ClassSourcePtr source;
    std::array<QRgb, 256> color{};         // opaque; of outline and fill
    std::array<std::uint8_t, 256> fill{};  // opacity of the fill, 0..255
    std::array<LineStyle, 256> line{};     // outline style per class
    std::array<std::uint8_t, 256> hatch{}; // 0 none, 1 rising, 2 falling: adds to the fill
    bool bands = false;                    // classes are steps of one quantity: no outlines, fill only

    // The same style for every class from 1 on.
    void setAll(QRgb rgb, int fillAlpha, LineStyle style);
};

class OverlayCompositor {
public:
    // Bottom layer first. Everything is redrawn at the next paint.
    void setLayers(std::vector<OverlayLayer> layers);
    const std::vector<OverlayLayer>& layers() const { return m_layers; }
    void setPixelRatio(qreal ratio);

    // The pixels of this rectangle of the image changed.
    void invalidate(const Rect& imageRect);
    void invalidateAll();
    // The device rectangle that such a change may alter, lines' width included.
    QRect affectedDeviceRect(const ViewTransform& view, const Rect& imageRect) const;

    // The painter's coordinates are device pixels of the view.
    void paint(QPainter& painter, const ViewTransform& view, const QRect& deviceClip);

    // Tiles drawn since the last call; for tests and measurements.
    int takeDrawnTileCount();

private:
    QImage drawTile(int column, int row) const;

    std::vector<OverlayLayer> m_layers;
    QHash<QPoint, QImage> m_tiles; // null image: nothing to show there
    double m_zoom = 0.0;
    Size m_image;
    qreal m_pixelRatio = 1.0;
    int m_drawnTiles = 0;
};

} // namespace limn
