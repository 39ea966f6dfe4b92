// SPDX-License-Identifier: GPL-3.0-or-later
// Where an image lies in a view: zoom and offset, and the two mappings between image and device pixels. Plain
// value type, GUI thread or tests.
//
// Coordinates: image coordinates are continuous (pixel (x, y) covers [x, x+1) x [y, y+1), origin top left);
// device coordinates are physical pixels of the view, origin at its top left. Zoom is device pixels per image
// pixel: 1.0 is "100 %" on every screen.
#pragma once

#include "io/core/image.h"

#include <QPointF>
#include <QRect>
#include <QRectF>
#include <QSize>

namespace limn {

class ViewTransform {
public:
    static constexpr double kMaxZoom = 64.0;
    // Below this zoom pixels are averaged, from it on they are shown as squares.
    static constexpr double kCrispZoom = 2.0;

    ViewTransform() = default;
    ViewTransform(Size image, QSize viewport);

    Size imageSize() const { return m_image; }
    QSize viewport() const { return m_viewport; }
    double zoom() const { return m_zoom; }
    bool empty() const { return m_image.width <= 0 || m_image.height <= 0 || m_viewport.isEmpty(); }
    // True while the view follows the viewport's size because fit() was the last zoom command.
    bool fitted() const { return m_fitted; }
    // The zoom at which the whole image is visible with a small margin; a small image is enlarged at most 8x.
    double fitZoom() const;
    double minimumZoom() const;

    // Device position of the image's top left corner. Whole pixels, so that squares of pixels stay sharp.
    QPoint origin() const;
    QPointF toDevice(QPointF image) const;
    QPointF toImage(QPointF device) const;
    QRectF toDevice(const QRectF& image) const;
    // The part of the image that can be seen, in whole pixels, clipped to the image.
    Rect visibleImageRect() const;

    void setViewport(QSize viewport);
    void setImageSize(Size image);
    // Device pixels along the upper edge that something lies over: fit() leaves them free. What is shown
    // stays where it is.
    void setTopTaken(int pixels) { m_topTaken = pixels; }
    void fit();
    // The image point under the device point stays there, as far as the pan limits allow.
    void zoomTo(double zoom, QPointF aboutDevice);
    void zoomBy(double factor, QPointF aboutDevice) { zoomTo(m_zoom * factor, aboutDevice); }
    void panBy(QPointF deviceDelta);
    void centerOn(QPointF image);
    // Moves as little as needed to bring the rectangle (image pixels) into view.
    void reveal(const QRectF& image);

    bool operator==(const ViewTransform&) const = default;

private:
    void clampOffset();

    Size m_image;
    QSize m_viewport;
    int m_topTaken = 0;
    double m_zoom = 1.0;
    QPointF m_offset; // unrounded
    // The point that the last zoom kept in place: further zooming about the same place does not drift.
    bool m_anchored = false;
    QPointF m_anchorDevice;
    QPointF m_anchorImage;
    bool m_fitted = true;
};

} // namespace limn
