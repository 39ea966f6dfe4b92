// SPDX-License-Identifier: GPL-3.0-or-later
// Input, view and painting of the canvas.
#include "ui/canvas/canvas_view.h"

#include "ui/canvas/slider_keys.h"

#include <QApplication>
#include <QFontMetrics>
#include <QKeyEvent>
#include <QLocale>
#include <QMouseEvent>
#include <QOpenGLContext>
#include <QPainter>
#include <QPainterPath>
#include <QSignalBlocker>
#include <QSlider>
#include <QTimer>
#include <QTouchEvent>

#include <cmath>

namespace limn {
namespace {

constexpr double kNotchFactor = 1.189207115002721; // 2^(1/4): four notches double
constexpr double kGridZoom = 16.0;
constexpr double kMenuDrag = 4.0; // logical pixels that turn a right click into a drag
constexpr double kDividerGrip = 6.0;
constexpr double kFinger = 20.0; // two taps closer than this are on the same place
constexpr int kFlashMs = 900;

} // namespace

// Painted by the window's backing store above VTK's frame; lets every event through to the canvas.
class CanvasOverlay : public QWidget {
public:
    explicit CanvasOverlay(CanvasView* canvas) : QWidget(canvas), m_canvas(canvas) {
        setAttribute(Qt::WA_TransparentForMouseEvents);
        setAttribute(Qt::WA_NoSystemBackground);
        setFocusPolicy(Qt::NoFocus);
        setObjectName(QStringLiteral("canvasOverlay"));
    }

protected:
    void paintEvent(QPaintEvent* event) override {
        QPainter painter(this);
        m_canvas->paintOverlay(painter, event->rect());
    }

private:
    CanvasView* m_canvas;
};

// The divider for the keyboard and for screen readers: a slider whose handle the canvas has painted already.
class DividerHandle : public QSlider {
public:
    explicit DividerHandle(CanvasView* canvas) : QSlider(Qt::Horizontal, canvas) {
        setObjectName(QStringLiteral("dividerHandle"));
        setAttribute(Qt::WA_TransparentForMouseEvents);
        setFocusPolicy(Qt::TabFocus);
        setLayoutDirection(Qt::LeftToRight);
        setRange(2, 98);
        setPageStep(10);
        setFixedSize(22, 40);
        hide();
    }

protected:
    void paintEvent(QPaintEvent*) override {
        if (!hasFocus())
            return;
        QPainter painter(this);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 4));
        painter.drawRoundedRect(QRectF(rect()).adjusted(2, 2, -2, -2), 9, 9);
        painter.setPen(QPen(QColor(0xF0, 0xE4, 0x42), 2));
        painter.drawRoundedRect(QRectF(rect()).adjusted(2, 2, -2, -2), 9, 9);
    }
    bool event(QEvent* event) override { return keepsSliderKey(event) || QSlider::event(event); }
};

CanvasView::CanvasView(QWidget* parent) : QOpenGLWidget(parent) {
    setUpdateBehavior(QOpenGLWidget::PartialUpdate);
    setMouseTracking(true);
    setTabletTracking(true);
    setFocusPolicy(Qt::StrongFocus);
    setAttribute(Qt::WA_AcceptTouchEvents);
    setMinimumSize(160, 120);
    m_overlayWidget = new CanvasOverlay(this);
    m_dividerHandle = new DividerHandle(this);
    m_dividerHandle->setAccessibleName(tr("Divider of the comparison"));
    connect(m_dividerHandle, &QSlider::valueChanged, this, [this](int percent) {
        setDivider(percent / 100.0);
        Q_EMIT dividerMoved(m_divider);
    });
}

QWidget* CanvasView::dividerHandle() const {
    return m_dividerHandle;
}

void CanvasView::placeDividerHandle() {
    if (m_divider < 0) {
        if (m_dividerHandle->hasFocus())
            setFocus();
        m_dividerHandle->hide();
        return;
    }
    const QSignalBlocker blocker(m_dividerHandle);
    m_dividerHandle->setValue(static_cast<int>(std::lround(m_divider * 100)));
    m_dividerHandle->move(static_cast<int>(std::lround(m_divider * width())) - m_dividerHandle->width() / 2,
                          (height() - m_dividerHandle->height()) / 2);
    m_dividerHandle->show();
}

CanvasView::~CanvasView() {
    // The base class destroys the context, when the members that would answer its signal are gone.
    if (context())
        disconnect(context(), nullptr, this, nullptr);
    releaseContext();
}

void CanvasView::releaseContext() {
    if (!context())
        return;
    makeCurrent();
    m_renderer.release();
    doneCurrent();
}

void CanvasView::setImage(ImagePyramidPtr pyramid, bool keepView) {
    cancelGesture();
    m_pyramid = std::move(pyramid);
    if (context())
        makeCurrent();
    m_renderer.setPyramid(m_pyramid);
    if (context())
        doneCurrent();
    const Size size = m_pyramid ? m_pyramid->size : Size{};
    ViewTransform next = m_view;
    if (!keepView || !(m_view.imageSize() == size))
        next.setImageSize(size);
    m_overlay.invalidateAll();
    m_secondOverlay.invalidateAll();
    m_announceImage = m_pyramid != nullptr;
    m_view = next;
    m_sceneDirty = true;
    update();
    updateOverlay();
    Q_EMIT viewChanged();
    Q_EMIT pointerMoved();
}

void CanvasView::setBackground(const QColor& color) {
    m_renderer.setBackground(color);
    m_sceneDirty = true;
    update();
}

void CanvasView::applyView(const ViewTransform& view) {
    if (view == m_view)
        return;
    m_view = view;
    m_sceneDirty = true;
    update();
    updateOverlay();
    Q_EMIT viewChanged();
    Q_EMIT pointerMoved();
}

void CanvasView::setView(const ViewTransform& view) {
    ViewTransform next = view;
    next.setTopTaken(static_cast<int>(std::lround(m_topTaken * devicePixelRatioF())));
    next.setViewport(m_view.viewport());
    applyView(next);
}

void CanvasView::fit() {
    ViewTransform next = m_view;
    next.fit();
    applyView(next);
}

void CanvasView::zoomTo(double zoom) {
    ViewTransform next = m_view;
    const QPointF about = m_pointer
                              ? device(*m_pointer)
                              : QPointF(m_view.viewport().width() / 2.0, m_view.viewport().height() / 2.0);
    next.zoomTo(zoom, about);
    applyView(next);
}

void CanvasView::zoomStep(int steps) {
    zoomTo(m_view.zoom() * std::pow(2.0, steps / 2.0));
}

void CanvasView::toggleFit() {
    if (m_view.fitted())
        zoomTo(1.0);
    else
        fit();
}

void CanvasView::reveal(const Rect& imageRect, bool flash) {
    ViewTransform next = m_view;
    next.reveal(QRectF(imageRect.x, imageRect.y, imageRect.width, imageRect.height));
    const bool moved = !(next == m_view);
    applyView(next);
    if (flash && moved) {
        m_flash = imageRect;
        m_flashClock.start();
        updateOverlay();
        QTimer::singleShot(kFlashMs, this, [this] {
            m_flash = {};
            updateOverlay();
        });
    }
}

void CanvasView::overlayChanged(const Rect& imageRect) {
    m_overlay.invalidate(imageRect);
    m_secondOverlay.invalidate(imageRect);
    const QRect deviceRect = m_overlay.affectedDeviceRect(m_view, imageRect);
    const double ratio = devicePixelRatioF();
    m_overlayWidget->update(QRectF(deviceRect.x() / ratio, deviceRect.y() / ratio, deviceRect.width() / ratio,
                                   deviceRect.height() / ratio)
                                .toAlignedRect());
}

void CanvasView::overlayChanged() {
    m_overlay.invalidateAll();
    m_secondOverlay.invalidateAll();
    updateOverlay();
}

void CanvasView::setDivider(double share) {
    if (share == m_divider)
        return;
    m_divider = share < 0 ? -1.0 : std::clamp(share, 0.02, 0.98);
    placeDividerHandle();
    updateOverlay();
    updateCursor();
}

void CanvasView::setTool(CanvasTool* tool) {
    dropGesture();
    m_tool = tool;
    updateCursor();
    updateOverlay();
}

void CanvasView::updateOverlay() {
    m_overlayWidget->update();
}

void CanvasView::updateDecorations() {
    if (!m_tool || !m_pointer) {
        updateOverlay();
        return;
    }
    const double reach = m_tool->reach(m_view, devicePixelRatioF());
    if (reach < 0) {
        updateOverlay();
        return;
    }
    const double r = reach / devicePixelRatioF() + 4;
    m_overlayWidget->update(QRectF(m_pointer->x() - r, m_pointer->y() - r, 2 * r, 2 * r).toAlignedRect());
}

void CanvasView::setGridVisible(bool on) {
    m_grid = on;
    updateOverlay();
}

void CanvasView::setScaleBarSpacing(double mmPerPixel) {
    m_spacingMm = mmPerPixel;
    updateOverlay();
}

void CanvasView::setScaleBarVisible(bool on) {
    m_scaleBar = on;
    updateOverlay();
}

void CanvasView::setCornerTaken(const QRect& place) {
    if (m_cornerTaken == place)
        return;
    m_cornerTaken = place;
    updateOverlay();
}

void CanvasView::setTopTaken(int pixels) {
    if (m_topTaken == pixels)
        return;
    m_topTaken = pixels;
    m_view.setTopTaken(static_cast<int>(std::lround(pixels * devicePixelRatioF())));
    updateOverlay();
}

void CanvasView::setEmptyText(const QString& text) {
    m_emptyText = text;
    updateOverlay();
}

void CanvasView::setMarked(const QVector<QLineF>& lines, QPointF center, double diameter) {
    m_markedLines = lines;
    m_markedCenter = center;
    m_markedDiameter = diameter;
    updateOverlay();
}

void CanvasView::setCaptions(const QString& left, const QString& right) {
    m_leftCaption = left;
    m_rightCaption = right;
    updateOverlay();
}

void CanvasView::setLegend(std::vector<QRgb> colors, const QString& least, const QString& greatest) {
    m_legend = std::move(colors);
    m_legendLeast = least;
    m_legendGreatest = greatest;
    updateOverlay();
}

std::optional<QPoint> CanvasView::pointerPixel() const {
    if (!m_pointer || m_view.empty())
        return std::nullopt;
    const QPointF p = m_view.toImage(device(*m_pointer));
    const QPoint pixel(static_cast<int>(std::floor(p.x())), static_cast<int>(std::floor(p.y())));
    if (pixel.x() < 0 || pixel.y() < 0 || pixel.x() >= m_view.imageSize().width ||
        pixel.y() >= m_view.imageSize().height)
        return std::nullopt;
    return pixel;
}

bool CanvasView::cancelGesture() {
    const bool had = m_gesture || m_rightPending;
    const bool toolHad = m_tool && m_tool->cancel();
    dropGesture();
    return had || toolHad;
}

void CanvasView::finishGesture() {
    if (!m_tool)
        return;
    if (std::exchange(m_gesture, false))
        m_tool->release(m_lastPointer);
    m_tool->finish();
    updateDecorations();
}

void CanvasView::dropGesture() {
    if (m_tool)
        m_tool->putAway();
    m_gesture = false;
    m_rightPending = false;
    m_movingDivider = false;
    updateOverlay();
}

QImage CanvasView::grabImage() {
    return grab().toImage();
}

// ---------------------------------------------------------------------------------------------- painting

void CanvasView::initializeGL() {
    // The widget may get another context when it moves to another top-level window.
    connect(context(), &QOpenGLContext::aboutToBeDestroyed, this, &CanvasView::releaseContext,
            Qt::UniqueConnection);
    m_renderer.initialize();
    m_renderer.setPyramid(m_pyramid);
    m_sceneDirty = true;
}

void CanvasView::resizeGL(int, int) {
    m_sceneDirty = true;
}

void CanvasView::resizeEvent(QResizeEvent* event) {
    QOpenGLWidget::resizeEvent(event);
    m_overlayWidget->setGeometry(rect());
    placeDividerHandle();
    ViewTransform next = m_view;
    next.setTopTaken(static_cast<int>(std::lround(m_topTaken * devicePixelRatioF())));
    next.setViewport((QSizeF(size()) * devicePixelRatioF()).toSize());
    m_overlay.setPixelRatio(devicePixelRatioF());
    m_secondOverlay.setPixelRatio(devicePixelRatioF());
    m_sceneDirty = true;
    applyView(next);
}

void CanvasView::paintGL() {
    if (!m_sceneDirty)
        return;
    QElapsedTimer clock;
    clock.start();
    m_renderer.render(m_view, defaultFramebufferObject());
    m_sceneDirty = false;
    m_lastFrameMs = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    m_totalFrameMs = m_totalFrameMs + m_lastFrameMs;
}

void CanvasView::paintOverlay(QPainter& painter, const QRect& logicalClip) {
    QElapsedTimer clock;
    clock.start();
    const double ratio = devicePixelRatioF();
    painter.setLayoutDirection(Qt::LeftToRight); // figures on an image, which is never mirrored
    painter.save();
    painter.scale(1 / ratio, 1 / ratio);
    const QRect clip = QRectF(logicalClip.x() * ratio, logicalClip.y() * ratio, logicalClip.width() * ratio,
                              logicalClip.height() * ratio)
                           .toAlignedRect();
    const QSize viewport = m_view.viewport();
    if (m_divider >= 0) {
        const int x = static_cast<int>(std::lround(m_divider * viewport.width()));
        const QRect left = clip.intersected(QRect(0, 0, x, viewport.height()));
        const QRect right = clip.intersected(QRect(x, 0, viewport.width() - x, viewport.height()));
        painter.setClipRect(left);
        m_overlay.paint(painter, m_view, left);
        painter.setClipRect(right);
        m_secondOverlay.paint(painter, m_view, right);
        painter.setClipping(false);
        painter.fillRect(QRectF(x - 2 * ratio, 0, 4 * ratio, viewport.height()), QColor(0x10, 0x10, 0x10));
        painter.fillRect(QRectF(x - ratio, 0, 2 * ratio, viewport.height()), Qt::white);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10), ratio));
        painter.setBrush(Qt::white);
        const QPointF grip(x, viewport.height() / 2.0);
        painter.drawRoundedRect(QRectF(grip.x() - 7 * ratio, grip.y() - 16 * ratio, 14 * ratio, 32 * ratio),
                                7 * ratio, 7 * ratio);
        painter.drawLine(grip + QPointF(-2 * ratio, -6 * ratio), grip + QPointF(-2 * ratio, 6 * ratio));
        painter.drawLine(grip + QPointF(2 * ratio, -6 * ratio), grip + QPointF(2 * ratio, 6 * ratio));
        painter.setRenderHint(QPainter::Antialiasing, false);
    } else {
        m_overlay.paint(painter, m_view, clip);
    }
    if (!m_view.empty() && m_grid && m_view.zoom() >= kGridZoom)
        paintGrid(painter);
    if (!m_flash.empty()) {
        const QRectF r = m_view.toDevice(QRectF(m_flash.x, m_flash.y, m_flash.width, m_flash.height))
                             .adjusted(-6 * ratio, -6 * ratio, 6 * ratio, 6 * ratio);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 5 * ratio));
        painter.drawRoundedRect(r, 6 * ratio, 6 * ratio);
        painter.setPen(QPen(QColor(0xF0, 0xE4, 0x42), 3 * ratio));
        painter.drawRoundedRect(r, 6 * ratio, 6 * ratio);
        painter.setRenderHint(QPainter::Antialiasing, false);
    }
    if (!m_view.empty() && (!m_markedLines.isEmpty() || m_markedDiameter > 0)) {
        QPainterPath path;
        for (const QLineF& line : m_markedLines) {
            path.moveTo(m_view.toDevice(line.p1()));
            path.lineTo(m_view.toDevice(line.p2()));
        }
        const double radius = m_markedDiameter * m_view.zoom() / 2;
        if (radius > 0)
            path.addEllipse(m_view.toDevice(m_markedCenter), radius, radius);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.strokePath(path, QPen(QColor(0x10, 0x10, 0x10), 4 * ratio, Qt::SolidLine, Qt::RoundCap));
        painter.strokePath(path, QPen(Qt::white, 2 * ratio, Qt::SolidLine, Qt::RoundCap));
        painter.setRenderHint(QPainter::Antialiasing, false);
    }
    if (m_tool && !m_view.empty()) {
        std::optional<CanvasPointer> pointer;
        if (m_pointer && !m_panning && !m_spaceHeld)
            pointer = m_gesture ? m_lastPointer : pointerAt(*m_pointer, QApplication::keyboardModifiers());
        painter.save();
        m_tool->paint(painter, m_view, pointer ? &*pointer : nullptr, ratio);
        painter.restore();
    }
    painter.restore();
    if (!m_view.empty() && m_scaleBar)
        paintScaleBar(painter);
    if (!m_view.empty())
        paintCaptions(painter);
    if (!m_view.empty() && !m_legend.empty())
        paintLegend(painter);
    if (m_view.empty() && !m_emptyText.isEmpty()) {
        // On a tag of its own, as captions are: the canvas is a middle grey.
        constexpr int kFlags = Qt::AlignCenter | Qt::TextWordWrap;
        const QRect box =
            QFontMetrics(painter.font()).boundingRect(rect().adjusted(40, 40, -40, -40), kFlags, m_emptyText);
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(Qt::NoPen);
        painter.setBrush(QColor(0x10, 0x10, 0x10, 190));
        painter.drawRoundedRect(box.adjusted(-12, -8, 12, 8), 5, 5);
        painter.setPen(Qt::white);
        painter.drawText(box, kFlags, m_emptyText);
    }
    m_lastOverlayMs = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    if (m_announceImage && !m_sceneDirty) {
        m_announceImage = false;
        QTimer::singleShot(0, this, [this, painted = m_pyramid] {
            if (painted == m_pyramid) // else the image that took its place will say so
                Q_EMIT imagePainted();
        });
    }
}

void CanvasView::paintGrid(QPainter& painter) const {
    const Rect visible = m_view.visibleImageRect();
    if (visible.empty())
        return;
    const QPoint origin = m_view.origin();
    const double zoom = m_view.zoom();
    const double top = origin.y() + visible.y * zoom;
    const double bottom = origin.y() + visible.bottom() * zoom;
    const double left = origin.x() + visible.x * zoom;
    const double right = origin.x() + visible.right() * zoom;
    QVector<QLineF> lines;
    lines.reserve(visible.width + visible.height + 2);
    for (int x = visible.x; x <= visible.right(); ++x)
        lines.append(QLineF(origin.x() + x * zoom, top, origin.x() + x * zoom, bottom));
    for (int y = visible.y; y <= visible.bottom(); ++y)
        lines.append(QLineF(left, origin.y() + y * zoom, right, origin.y() + y * zoom));
    painter.setPen(QPen(QColor(0, 0, 0, 60), 1));
    painter.drawLines(lines);
}

void CanvasView::paintCaptions(QPainter& painter) const {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const QFontMetrics metrics(painter.font());
    const auto tag = [&](const QString& text, double x, bool rightOfIt) {
        if (text.isEmpty())
            return;
        const double w = metrics.horizontalAdvance(text) + 20;
        const QRectF box(rightOfIt ? x : x - w, m_topTaken + 12, w, metrics.height() + 8);
        painter.setPen(Qt::NoPen);
        painter.setBrush(QColor(0x10, 0x10, 0x10, 190));
        painter.drawRoundedRect(box, 5, 5);
        painter.setPen(Qt::white);
        painter.drawText(box, Qt::AlignCenter, text);
    };
    if (m_divider >= 0) {
        tag(m_leftCaption, m_divider * width() - 10, false);
        tag(m_rightCaption, m_divider * width() + 10, true);
    } else {
        tag(m_leftCaption, 12, true);
    }
    painter.restore();
}

void CanvasView::paintLegend(QPainter& painter) const {
    constexpr int kBar = 160;
    painter.save();
    const QFontMetrics metrics(painter.font());
    const int left = metrics.horizontalAdvance(m_legendLeast);
    const int right = metrics.horizontalAdvance(m_legendGreatest);
    const double height = metrics.height() + 12;
    // Below the captions, which move with the divider.
    const double top = m_topTaken + (m_leftCaption.isEmpty() ? 12 : 12 + metrics.height() + 14);
    const QRectF box(width() - 12 - (kBar + left + right + 36), top, kBar + left + right + 36, height);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(0x10, 0x10, 0x10, 190));
    painter.drawRoundedRect(box, 5, 5);
    const QRectF bar(box.left() + left + 18, box.center().y() - 6, kBar, 12);
    QLinearGradient gradient(bar.topLeft(), bar.topRight());
    for (std::size_t i = 0; i < m_legend.size(); ++i)
        gradient.setColorAt(static_cast<double>(i) /
                                static_cast<double>(std::max<std::size_t>(1, m_legend.size() - 1)),
                            QColor(m_legend[i]));
    painter.setBrush(gradient);
    painter.drawRect(bar);
    painter.setPen(Qt::white);
    painter.drawText(QRectF(box.left() + 10, box.top(), left + 2, box.height()), Qt::AlignVCenter,
                     m_legendLeast);
    painter.drawText(QRectF(bar.right() + 8, box.top(), right + 2, box.height()), Qt::AlignVCenter,
                     m_legendGreatest);
    painter.restore();
}

CanvasView::ScaleBar CanvasView::scaleBar() const {
    if (m_view.empty() || !m_scaleBar)
        return {};
    // The longest of 1, 2, 5 x 10^n that fits.
    constexpr double kLongest = 140;
    const double ratio = devicePixelRatioF();
    const double unitsPerLogical = ratio / m_view.zoom() * (m_spacingMm > 0 ? m_spacingMm : 1.0);
    const double longest = kLongest * unitsPerLogical;
    const double decade = std::pow(10.0, std::floor(std::log10(longest)));
    double length = decade;
    if (5 * decade <= longest)
        length = 5 * decade;
    else if (2 * decade <= longest)
        length = 2 * decade;
    if (m_spacingMm <= 0 && length < 1)
        length = 1;
    ScaleBar scale;
    scale.length = length / unitsPerLogical;
    const QLocale locale;
    scale.text = m_spacingMm > 0 ? tr("%1 mm").arg(locale.toString(length, 'g', 3))
                                 : tr("%1 px").arg(locale.toString(length, 'g', 6));
    const QFontMetrics metrics(font());
    const double textWidth = metrics.horizontalAdvance(scale.text);
    const double boxHeight = metrics.height() + 10;
    // Not under what lies in the other corner; the same at every zoom, as if it were as long as it can be.
    const bool lifted = !m_cornerTaken.isEmpty() && 12 + kLongest + textWidth + 26 + 8 > m_cornerTaken.left();
    const double bottom = lifted ? m_cornerTaken.top() - 8 : height() - 12;
    scale.box = QRectF(12, bottom - boxHeight, scale.length + textWidth + 26, boxHeight);
    return scale;
}

void CanvasView::paintScaleBar(QPainter& painter) const {
    const ScaleBar scale = scaleBar();
    const QRectF& box = scale.box;
    const double bar = scale.length;
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(0x10, 0x10, 0x10, 190));
    painter.drawRoundedRect(box, 5, 5);
    painter.setRenderHint(QPainter::Antialiasing, false);
    painter.setPen(QPen(Qt::white, 2));
    const double y = box.center().y();
    const double x = box.left() + 9;
    painter.drawLine(QLineF(x, y, x + bar, y));
    painter.drawLine(QLineF(x, y - 4, x, y + 4));
    painter.drawLine(QLineF(x + bar, y - 4, x + bar, y + 4));
    painter.drawText(QRectF(x + bar + 8, box.top(), box.right() - x - bar - 8, box.height()),
                     Qt::AlignVCenter, scale.text);
    painter.restore();
}

// ------------------------------------------------------------------------------------------------- input

CanvasPointer CanvasView::pointerAt(QPointF logical, Qt::KeyboardModifiers modifiers) const {
    CanvasPointer p;
    p.device = device(logical);
    p.ratio = devicePixelRatioF();
    p.image = m_view.toImage(p.device);
    p.shift = modifiers.testFlag(Qt::ShiftModifier);
    p.opposite = modifiers.testFlag(Qt::ControlModifier) || m_penEraser;
    p.pressure = m_pen.value_or(1.0);
    return p;
}

void CanvasView::setPointer(QPointF logical) {
    const double reach = m_tool ? m_tool->reach(m_view, devicePixelRatioF()) : 0.0;
    const auto refresh = [&](const std::optional<QPointF>& at) {
        if (!m_tool || !at)
            return;
        if (reach < 0) {
            updateOverlay();
            return;
        }
        const double r = reach / devicePixelRatioF() + 4;
        m_overlayWidget->update(QRectF(at->x() - r, at->y() - r, 2 * r, 2 * r).toAlignedRect());
    };
    refresh(m_pointer);
    m_pointer = logical;
    refresh(m_pointer);
    Q_EMIT pointerMoved();
}

bool CanvasView::nearDivider(QPointF logical) const {
    return m_divider >= 0 && std::abs(logical.x() - m_divider * width()) <= kDividerGrip;
}

void CanvasView::updateCursor() {
    if (m_panning)
        setCursor(Qt::ClosedHandCursor);
    else if (m_spaceHeld)
        setCursor(Qt::OpenHandCursor);
    else if (m_movingDivider || (m_pointer && nearDivider(*m_pointer)))
        setCursor(Qt::SplitHCursor);
    else if (m_view.empty() || !m_tool)
        setCursor(Qt::ArrowCursor);
    else
        setCursor(m_tool->cursor());
}

void CanvasView::mousePressEvent(QMouseEvent* event) {
    event->accept();
    setPointer(event->position());
    if (m_view.empty() || m_gesture || m_panning)
        return;
    if (event->button() == Qt::MiddleButton || m_penBarrel ||
        (event->button() == Qt::LeftButton && (m_spaceHeld || !m_tool))) {
        m_panning = true;
        m_gestureButton = event->button();
        m_panFrom = device(event->position());
        updateCursor();
        return;
    }
    if (event->button() == Qt::LeftButton && nearDivider(event->position())) {
        m_movingDivider = true;
        m_gestureButton = event->button();
        return;
    }
    if (!m_tool)
        return;
    CanvasPointer pointer = pointerAt(event->position(), event->modifiers());
    if (event->button() == Qt::RightButton) {
        pointer.opposite = true;
        m_rightPending = true;
        m_pressPosition = event->position();
        m_pressPointer = pointer;
        m_gestureButton = event->button();
        return;
    }
    if (event->button() != Qt::LeftButton)
        return;
    m_gesture = true;
    m_gestureButton = event->button();
    m_pressPointer = pointer;
    m_lastPointer = pointer;
    m_tool->press(pointer);
    updateDecorations();
}

void CanvasView::mouseMoveEvent(QMouseEvent* event) {
    setPointer(event->position());
    if (m_panning) {
        ViewTransform next = m_view;
        next.panBy(device(event->position()) - m_panFrom);
        m_panFrom = device(event->position());
        applyView(next);
        return;
    }
    if (m_movingDivider) {
        setDivider(event->position().x() / std::max(1, width()));
        Q_EMIT dividerMoved(m_divider);
        return;
    }
    if (!m_tool || m_view.empty()) {
        updateCursor();
        return;
    }
    if (m_rightPending) {
        const QPointF moved = event->position() - m_pressPosition;
        if (std::hypot(moved.x(), moved.y()) < kMenuDrag || !m_tool->usesRightDrag())
            return;
        m_rightPending = false;
        m_gesture = true;
        m_lastPointer = m_pressPointer;
        m_tool->press(m_pressPointer);
    }
    CanvasPointer pointer = pointerAt(event->position(), event->modifiers());
    if (m_gesture) {
        // Add or subtract is decided at the press, and holds for the gesture.
        pointer.opposite = m_pressPointer.opposite;
        m_lastPointer = pointer;
        m_tool->move(pointer);
    } else {
        updateCursor();
        m_tool->hover(pointer);
    }
}

void CanvasView::mouseReleaseEvent(QMouseEvent* event) {
    setPointer(event->position());
    if (event->button() != m_gestureButton)
        return;
    m_gestureButton = Qt::NoButton;
    if (m_panning) {
        m_panning = false;
        updateCursor();
        updateDecorations();
        return;
    }
    if (m_movingDivider) {
        m_movingDivider = false;
        updateCursor();
        return;
    }
    if (m_rightPending) {
        m_rightPending = false;
        Q_EMIT contextMenuRequested(event->globalPosition().toPoint());
        return;
    }
    if (m_gesture && m_tool) {
        m_gesture = false;
        CanvasPointer pointer = pointerAt(event->position(), event->modifiers());
        pointer.opposite = m_pressPointer.opposite;
        m_tool->release(pointer);
        updateDecorations();
    }
}

void CanvasView::mouseDoubleClickEvent(QMouseEvent* event) {
    event->accept();
    setPointer(event->position());
    if (!m_tool || m_view.empty() || event->button() != Qt::LeftButton || m_spaceHeld)
        return;
    CanvasPointer pointer = pointerAt(event->position(), event->modifiers());
    pointer.clicks = 2;
    m_gesture = true;
    m_gestureButton = event->button();
    m_pressPointer = pointer;
    m_lastPointer = pointer;
    m_tool->press(pointer);
    updateDecorations();
}

void CanvasView::tabletEvent(QTabletEvent* event) {
    // Pen events carry pressure; the mouse events that Qt makes of them when they are ignored do the rest.
    m_penSeen = true;
    m_penBarrel = event->buttons() & (Qt::RightButton | Qt::MiddleButton);
    m_penEraser = event->pointerType() == QPointingDevice::PointerType::Eraser;
    if (event->type() == QEvent::TabletRelease) {
        m_pen.reset();
        m_penEraser = false;
    } else if (event->pressure() > 0) {
        m_pen = event->pressure();
    }
    event->ignore();
}

// One finger is a mouse, unless there is a pen: then the hand that draws may rest on the screen, and fingers
// only move the view. Two fingers pan and zoom.
void CanvasView::touch(QTouchEvent& event) {
    event.accept();
    QList<QPointF> fingers;
    for (const QEventPoint& point : event.points()) {
        if (point.state() != QEventPoint::Released)
            fingers.append(point.position());
    }
    const auto mouse = [&](QEvent::Type type, QPointF at, Qt::MouseButtons buttons) {
        return QMouseEvent(type, at, mapToGlobal(at), Qt::LeftButton, buttons, event.modifiers());
    };
    if (event.type() == QEvent::TouchCancel) {
        if (m_touch == Touch::Draws)
            dropGesture();
        m_touch = Touch::None;
        return;
    }
    if (m_touch == Touch::None) {
        if (fingers.isEmpty() || m_gesture || m_panning) // the pen or the mouse is at work
            return;
        setFocus(Qt::MouseFocusReason);
        m_fingers = 0;
        m_touch = fingers.size() == 1 && !m_penSeen && m_tool ? Touch::Waits : Touch::Moves;
        m_touchMiddle = fingers.first();
        if (m_touch == Touch::Waits)
            return;
    }
    if (m_touch == Touch::Waits && fingers.size() < 2) {
        // It presses when it moves or is lifted: until then it may be the first of two.
        if (!fingers.isEmpty() && QLineF(m_touchMiddle, fingers.first()).length() < kMenuDrag)
            return;
        const bool twice = m_tapClock.isValid() &&
                           m_tapClock.elapsed() < QApplication::doubleClickInterval() &&
                           QLineF(m_tap, m_touchMiddle).length() < kFinger;
        QMouseEvent press = mouse(twice ? QEvent::MouseButtonDblClick : QEvent::MouseButtonPress,
                                  m_touchMiddle, Qt::LeftButton);
        twice ? mouseDoubleClickEvent(&press) : mousePressEvent(&press);
        m_touch = Touch::Draws;
        m_tap = m_touchMiddle;
    }
    if (m_touch == Touch::Draws && fingers.size() < 2) {
        if (!fingers.isEmpty())
            m_tap = fingers.first();
        QMouseEvent next = fingers.isEmpty() ? mouse(QEvent::MouseButtonRelease, m_tap, Qt::NoButton)
                                             : mouse(QEvent::MouseMove, m_tap, Qt::LeftButton);
        fingers.isEmpty() ? mouseReleaseEvent(&next) : mouseMoveEvent(&next);
        if (fingers.isEmpty()) {
            m_touch = Touch::None;
            m_tapClock.start();
        }
        return;
    }
    if (m_touch == Touch::Draws) { // two fingers mean no stroke
        m_panning = false;
        dropGesture();
    }
    m_touch = Touch::Moves;
    QPointF middle;
    for (const QPointF& finger : fingers)
        middle += finger / static_cast<double>(fingers.size());
    const double span = fingers.size() > 1 ? QLineF(fingers[0], fingers[1]).length() : 0;
    if (fingers.size() == m_fingers && !m_view.empty()) {
        ViewTransform next = m_view;
        next.panBy(device(middle - m_touchMiddle));
        if (span > 0 && m_touchSpan > 0)
            next.zoomBy(span / m_touchSpan, device(middle));
        applyView(next);
    }
    m_fingers = fingers.size();
    m_touchMiddle = middle;
    m_touchSpan = span;
    if (fingers.isEmpty())
        m_touch = Touch::None;
}

void CanvasView::wheelEvent(QWheelEvent* event) {
    event->accept();
    if (m_view.empty())
        return;
    setPointer(event->position());
    const Qt::KeyboardModifiers modifiers = event->modifiers();
    const bool touchpad = !event->pixelDelta().isNull() && event->phase() != Qt::NoScrollPhase;
    if (modifiers & Qt::ShiftModifier && !touchpad) {
        const int delta = event->angleDelta().y() != 0 ? event->angleDelta().y() : event->angleDelta().x();
        m_wheelRest += delta / 120.0;
        const int steps = static_cast<int>(m_wheelRest);
        m_wheelRest -= steps;
        if (steps != 0)
            Q_EMIT toolWheel(steps, modifiers);
        return;
    }
    const bool zooms = modifiers & Qt::ControlModifier || (!touchpad && !m_wheelPans);
    ViewTransform next = m_view;
    if (zooms) {
        const double notches = event->angleDelta().y() / 120.0;
        if (notches == 0)
            return;
        next.zoomBy(std::pow(kNotchFactor, notches), device(event->position()));
    } else {
        const QPointF delta = touchpad ? QPointF(event->pixelDelta()) * devicePixelRatioF()
                                       : QPointF(event->angleDelta()) / 120.0 * 80.0 * devicePixelRatioF();
        next.panBy(delta);
    }
    applyView(next);
}

bool CanvasView::event(QEvent* event) {
    switch (event->type()) {
    case QEvent::TouchBegin:
    case QEvent::TouchUpdate:
    case QEvent::TouchEnd:
    case QEvent::TouchCancel:
        touch(*static_cast<QTouchEvent*>(event));
        return true;
    default:
        break;
    }
    if (event->type() == QEvent::NativeGesture) {
        auto* gesture = static_cast<QNativeGestureEvent*>(event);
        if (gesture->gestureType() == Qt::ZoomNativeGesture && !m_view.empty()) {
            ViewTransform next = m_view;
            next.zoomBy(1.0 + gesture->value(), device(gesture->position()));
            applyView(next);
            return true;
        }
    }
    if (event->type() == QEvent::PaletteChange)
        m_sceneDirty = true;
    return QOpenGLWidget::event(event);
}

void CanvasView::leaveEvent(QEvent* event) {
    QOpenGLWidget::leaveEvent(event);
    if (m_gesture)
        return;
    updateDecorations();
    m_pointer.reset();
    Q_EMIT pointerMoved();
}

void CanvasView::focusOutEvent(QFocusEvent* event) {
    m_spaceHeld = false;
    m_panning = false;
    updateCursor();
    QOpenGLWidget::focusOutEvent(event);
}

void CanvasView::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Space) {
        if (!event->isAutoRepeat()) {
            m_spaceHeld = true;
            updateCursor();
            updateDecorations();
        }
        event->accept();
        return;
    }
    // What a modifier changes may reach across the view, as the line of a shifted click does.
    if (event->key() == Qt::Key_Control || event->key() == Qt::Key_Shift) {
        updateCursor();
        updateOverlay();
    }
    QOpenGLWidget::keyPressEvent(event);
}

void CanvasView::keyReleaseEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Space && !event->isAutoRepeat()) {
        m_spaceHeld = false;
        updateCursor();
        updateDecorations();
        event->accept();
        return;
    }
    // What a modifier changes may reach across the view, as the line of a shifted click does.
    if (event->key() == Qt::Key_Control || event->key() == Qt::Key_Shift) {
        updateCursor();
        updateOverlay();
    }
    QOpenGLWidget::keyReleaseEvent(event);
}

} // namespace limn
