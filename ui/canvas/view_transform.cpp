// SPDX-License-Identifier: GPL-3.0-or-later
// Zoom, pan and their limits. Header for what is promised.
#include "ui/canvas/view_transform.h"

#include <algorithm>
#include <cmath>

namespace limn {
namespace {

constexpr double kFitMargin = 12.0; // device pixels left free on each side by fit()
constexpr double kMaxFitZoom = 8.0; // tiny images are not blown up to coarse squares
constexpr double kKeptInView = 0.2; // a fifth of the image (or of the view, if smaller) stays visible

} // namespace

ViewTransform::ViewTransform(Size image, QSize viewport) : m_image(image), m_viewport(viewport) {
    fit();
}

double ViewTransform::fitZoom() const {
    if (empty())
        return 1.0;
    const double w = std::max(1.0, m_viewport.width() - 2 * kFitMargin);
    const double h = std::max(1.0, m_viewport.height() - m_topTaken - 2 * kFitMargin);
    return std::min({w / m_image.width, h / m_image.height, kMaxFitZoom});
}

double ViewTransform::minimumZoom() const {
    return std::min(fitZoom(), 1.0) / 4.0;
}

QPoint ViewTransform::origin() const {
    return {static_cast<int>(std::lround(m_offset.x())), static_cast<int>(std::lround(m_offset.y()))};
}

QPointF ViewTransform::toDevice(QPointF image) const {
    return image * m_zoom + QPointF(origin());
}

QPointF ViewTransform::toImage(QPointF device) const {
    return (device - QPointF(origin())) / m_zoom;
}

QRectF ViewTransform::toDevice(const QRectF& image) const {
    return QRectF(toDevice(image.topLeft()), toDevice(image.bottomRight()));
}

Rect ViewTransform::visibleImageRect() const {
    if (empty())
        return {};
    const QPointF a = toImage({0, 0});
    const QPointF b = toImage({double(m_viewport.width()), double(m_viewport.height())});
    const int x0 = std::clamp(static_cast<int>(std::floor(a.x())), 0, m_image.width);
    const int y0 = std::clamp(static_cast<int>(std::floor(a.y())), 0, m_image.height);
    const int x1 = std::clamp(static_cast<int>(std::ceil(b.x())), 0, m_image.width);
    const int y1 = std::clamp(static_cast<int>(std::ceil(b.y())), 0, m_image.height);
    return {x0, y0, x1 - x0, y1 - y0};
}

void ViewTransform::setViewport(QSize viewport) {
    if (viewport == m_viewport)
        return;
    const QPointF center =
        toImage(QPointF(m_viewport.width() / 2.0, m_viewport.height() / 2.0)); // kept in the middle
    const bool hadView = !m_viewport.isEmpty();
    m_viewport = viewport;
    if (m_fitted || !hadView)
        fit();
    else
        centerOn(center);
}

void ViewTransform::setImageSize(Size image) {
    m_image = image;
    fit();
}

void ViewTransform::fit() {
    m_zoom = fitZoom();
    m_offset = QPointF((m_viewport.width() - m_image.width * m_zoom) / 2.0,
                       (m_viewport.height() + m_topTaken - m_image.height * m_zoom) / 2.0);
    m_fitted = true;
    m_anchored = false;
}

void ViewTransform::zoomTo(double zoom, QPointF aboutDevice) {
    zoom = std::clamp(zoom, minimumZoom(), kMaxZoom);
    // What is drawn counts (origin in whole pixels), and only the first step of a row of them looks at it, so
    // that roundings do not add up.
    if (!m_anchored || m_anchorDevice != aboutDevice) {
        m_anchorDevice = aboutDevice;
        m_anchorImage = toImage(aboutDevice);
        m_anchored = true;
    }
    m_zoom = zoom;
    m_offset = aboutDevice - m_anchorImage * m_zoom;
    m_fitted = false;
    clampOffset();
}

void ViewTransform::panBy(QPointF deviceDelta) {
    m_offset += deviceDelta;
    m_fitted = false;
    m_anchored = false;
    clampOffset();
}

void ViewTransform::centerOn(QPointF image) {
    m_offset = QPointF(m_viewport.width() / 2.0, m_viewport.height() / 2.0) - image * m_zoom;
    m_anchored = false;
    clampOffset();
}

void ViewTransform::reveal(const QRectF& image) {
    const QRectF device = toDevice(image);
    const QRectF view(0, 0, m_viewport.width(), m_viewport.height());
    if (view.contains(device))
        return;
    if (device.width() > view.width() || device.height() > view.height()) {
        if (!view.intersects(device))
            centerOn(image.center());
        return;
    }
    constexpr double kMargin = 40.0;
    QPointF delta;
    if (device.left() < view.left())
        delta.setX(view.left() - device.left() + kMargin);
    else if (device.right() > view.right())
        delta.setX(view.right() - device.right() - kMargin);
    if (device.top() < view.top())
        delta.setY(view.top() - device.top() + kMargin);
    else if (device.bottom() > view.bottom())
        delta.setY(view.bottom() - device.bottom() - kMargin);
    panBy(delta);
}

void ViewTransform::clampOffset() {
    const auto clampAxis = [](double offset, double length, double view) {
        const double kept = std::min(length, view) * kKeptInView;
        return std::clamp(offset, kept - length, view - kept);
    };
    const QPointF wanted = m_offset;
    m_offset.setX(clampAxis(m_offset.x(), m_image.width * m_zoom, m_viewport.width()));
    m_offset.setY(clampAxis(m_offset.y(), m_image.height * m_zoom, m_viewport.height()));
    if (m_offset != wanted)
        m_anchored = false;
}

} // namespace limn
