// SPDX-License-Identifier: GPL-3.0-or-later
// Draws overlays (outlines, fills, colour-mapped views) over the image, at the resolution of the screen: only
// what is visible is ever looked at, and of that only what lies along outlines, so that a threshold step or a
// colour change costs the length of the outlines in the window and not the size of the image. Tiles of 256
// device pixels are anchored to the image at the present zoom: panning reuses them, an edit redraws only
// those it touched, and several are drawn in parallel. GUI thread.
//
// Outlines have a core of 2 device pixels (logical pixels on dense screens) in a casing of 1 on either side,
// centred on the cracks between pixels, at every zoom.
#pragma once

#include "ui/canvas/class_source.h"
#include "ui/canvas/overlay_tile.h"
#include "ui/canvas/view_transform.h"

#include <QHash>
#include <QPoint>

#include <vector>

class QPainter;

namespace limn {

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
    void draw(const std::vector<QPoint>& tiles);

    std::vector<OverlayLayer> m_layers;
    QHash<QPoint, OverlayTile> m_tiles;
    double m_zoom = 0.0;
    Size m_image;
    qreal m_pixelRatio = 1.0;
    int m_drawnTiles = 0;
};

} // namespace limn
