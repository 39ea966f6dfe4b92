// SPDX-License-Identifier: GPL-3.0-or-later
// Lasso, polygon, wand, region, ruler.
#include "ui/tools/edit_tools.h"

#include <QApplication>
#include <QLocale>
#include <QPainter>
#include <QTimer>
#include <QtConcurrent>

#include <algorithm>
#include <cmath>

namespace limn {
namespace {

constexpr double kGrip = 8.0;               // logical pixels around a corner
constexpr double kDrag = 4.0;               // logical pixels that make a click a drag
constexpr double kTolerancePerPixel = 0.15; // dE per device pixel of drag
constexpr int kRetryMs = 20;

Ring ringOf(const QPolygonF& points) {
    Ring ring;
    ring.reserve(static_cast<std::size_t>(points.size()));
    for (const QPointF& p : points)
        ring.push_back({p.x(), p.y()});
    return ring;
}

QPolygonF deviceOf(const QPolygonF& points, const ViewTransform& view) {
    QPolygonF out;
    out.reserve(points.size());
    for (const QPointF& p : points)
        out.append(view.toDevice(p));
    return out;
}

void paintTag(QPainter& painter, QPointF at, const QString& text, double ratio) {
    QFont font = painter.font();
    font.setPointSizeF(font.pointSizeF() * ratio);
    painter.setFont(font);
    const QFontMetricsF metrics(font);
    const QRectF box(at.x(), at.y(), metrics.horizontalAdvance(text) + 14 * ratio,
                     metrics.height() + 6 * ratio);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(QColor(0x10, 0x10, 0x10, 215));
    painter.drawRoundedRect(box, 4 * ratio, 4 * ratio);
    painter.setPen(Qt::white);
    painter.drawText(box, Qt::AlignCenter, text);
}

} // namespace

// -------------------------------------------------------------------------------------------------- lasso

void LassoTool::press(const CanvasPointer& pointer) {
    m_points.clear();
    m_keepInside = pointer.shift;
    if (m_host.mayEdit())
        m_points.append(pointer.image);
}

void LassoTool::move(const CanvasPointer& pointer) {
    if (m_points.isEmpty())
        return;
    m_points.append(pointer.image);
    m_host.redraw();
}

void LassoTool::release(const CanvasPointer& pointer) {
    if (m_points.isEmpty())
        return;
    m_points.append(pointer.image);
    const QPolygonF points = std::exchange(m_points, {});
    m_host.redraw();
    AnnotationDocument* document = m_host.document();
    const PixelArea area = polygonArea(ringOf(points), FillRule::NonZero, document->bounds());
    if (area.empty())
        return;
    if (m_host.session->useProposalBeforeFirstStroke())
        m_host.usedProposalFirst();
    EditOutcome outcome;
    if (m_keepInside)
        outcome = document->apply(StepKind::KeepInside, m_host.rules(),
                                  keepInside(document->labels(), m_host.session->activeLabel(), area,
                                             m_host.session->scope().get()));
    else if (m_host.settings->subtract != pointer.opposite)
        outcome = document->erase(StepKind::Lasso, m_host.rules(), area);
    else
        outcome = document->paint(StepKind::Lasso, m_host.rules(), area);
    m_host.explain(outcome);
}

bool LassoTool::cancel() {
    const bool had = !m_points.isEmpty();
    m_points.clear();
    return had;
}

void LassoTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer*,
                      double pixelRatio) const {
    paintCasedPath(painter, deviceOf(m_points, view), true, Qt::white, pixelRatio,
                   {8 * pixelRatio, 5 * pixelRatio});
}

// ------------------------------------------------------------------------------------------------ polygon

int PolygonTool::pointNear(const CanvasPointer& pointer) const {
    for (int i = 0; i < static_cast<int>(m_devicePoints.size()); ++i) {
        if (QLineF(m_devicePoints[i], pointer.device).length() <= kGrip * pointer.ratio)
            return i;
    }
    return -1;
}

void PolygonTool::press(const CanvasPointer& pointer) {
    if (!m_host.mayEdit())
        return;
    if (pointer.clicks == 2) {
        finish();
        return;
    }
    const int near = pointNear(pointer);
    if (near == 0 && m_points.size() >= 3) {
        finish();
        return;
    }
    if (near >= 0) {
        m_dragged = near;
        return;
    }
    if (m_points.isEmpty())
        m_subtract = m_host.settings->subtract != pointer.opposite;
    m_points.append(pointer.image);
    m_dragged = static_cast<int>(m_points.size()) - 1;
    m_host.redraw();
}

void PolygonTool::move(const CanvasPointer& pointer) {
    if (m_dragged >= 0 && m_dragged < m_points.size()) {
        m_points[m_dragged] = pointer.image;
        m_host.redraw();
    }
}

void PolygonTool::release(const CanvasPointer&) {
    m_dragged = -1;
}

void PolygonTool::hover(const CanvasPointer&) {
    if (!m_points.isEmpty())
        m_host.redraw();
}

bool PolygonTool::cancel() {
    const bool had = !m_points.isEmpty();
    m_points.clear();
    m_devicePoints.clear();
    m_dragged = -1;
    return had;
}

bool PolygonTool::finish() {
    if (m_points.isEmpty())
        return false;
    const QPolygonF points = std::exchange(m_points, {});
    m_devicePoints.clear();
    m_dragged = -1;
    m_host.redraw();
    AnnotationDocument* document = m_host.document();
    if (!document || points.size() < 3)
        return true;
    const PixelArea area = polygonArea(ringOf(points), FillRule::NonZero, document->bounds());
    if (area.empty())
        return true;
    if (m_host.session->useProposalBeforeFirstStroke())
        m_host.usedProposalFirst();
    m_host.explain(m_subtract ? document->erase(StepKind::Polygon, m_host.rules(), area)
                              : document->paint(StepKind::Polygon, m_host.rules(), area));
    return true;
}

bool PolygonTool::stepBack() {
    if (m_points.isEmpty())
        return false;
    m_points.removeLast();
    m_host.redraw();
    return true;
}

void PolygonTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
                        double pixelRatio) const {
    if (m_points.isEmpty())
        return;
    QPolygonF device = deviceOf(m_points, view);
    m_devicePoints = device;
    QPolygonF line = device;
    if (pointer && m_dragged < 0)
        line.append(pointer->device);
    paintCasedPath(painter, line, true, Qt::white, pixelRatio, {8 * pixelRatio, 5 * pixelRatio});
    paintCasedPath(painter, device, false, Qt::white, pixelRatio);
    for (int i = 0; i < device.size(); ++i) {
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 1.5 * pixelRatio));
        painter.setBrush(i == 0 ? QColor(0xF0, 0xE4, 0x42) : QColor(Qt::white));
        painter.drawEllipse(device[i], 4.5 * pixelRatio, 4.5 * pixelRatio);
    }
}

// --------------------------------------------------------------------------------------------------- wand

WandTool::~WandTool() {
    if (m_preview)
        m_preview->cancel.cancel();
    for (const Commit& edit : m_commits)
        edit.run->cancel.cancel();
}

void WandTool::press(const CanvasPointer& pointer) {
    if (!m_host.mayEdit())
        return;
    m_seed = {static_cast<int>(std::floor(pointer.image.x())),
              static_cast<int>(std::floor(pointer.image.y()))};
    const Size size = m_host.document()->size();
    if (m_seed.x() < 0 || m_seed.y() < 0 || m_seed.x() >= size.width || m_seed.y() >= size.height)
        return;
    m_lab = m_host.session->labImage();
    m_pressDevice = pointer.device;
    m_startTolerance = m_host.settings->wand.tolerance;
    m_opposite = pointer.opposite;
    m_active = true;
    preview();
}

void WandTool::move(const CanvasPointer& pointer) {
    if (!m_active)
        return;
    const double tolerance = std::clamp(
        m_startTolerance + (pointer.device.x() - m_pressDevice.x()) * kTolerancePerPixel, 0.0, 150.0);
    if (tolerance == m_host.settings->wand.tolerance)
        return;
    m_host.settings->wand.tolerance = tolerance;
    m_host.optionsChanged();
    preview();
}

void WandTool::release(const CanvasPointer&) {
    if (!m_active)
        return;
    m_active = false;
    // What is shown, or about to be, is what is meant; else it is computed now.
    if (m_preview->selection != selection()) {
        m_preview->cancel.cancel();
        start(m_preview);
    }
    m_commits.push_back({std::exchange(m_preview, nullptr), m_host.rules(),
                         m_host.settings->subtract != m_opposite, m_host.session->editBegins()});
    commitReady();
}

bool WandTool::cancel() {
    const bool had = m_active || !m_commits.empty();
    dropGesture();
    for (const Commit& edit : std::exchange(m_commits, {})) {
        edit.run->cancel.cancel();
        m_host.session->editEnds(edit.ticket);
    }
    return had;
}

void WandTool::putAway() {
    dropGesture();
}

void WandTool::dropGesture() {
    if (std::exchange(m_active, false) && m_host.settings->wand.tolerance != m_startTolerance) {
        m_host.settings->wand.tolerance = m_startTolerance;
        m_host.optionsChanged();
    }
    if (m_preview)
        m_preview->cancel.cancel();
    m_preview.reset();
    m_host.preview({});
}

WandTool::Selection WandTool::selection() const {
    Selection selection{m_lab, m_seed, m_host.settings->wand};
    if (m_host.settings->wandViewOnly)
        selection.options.limits = m_host.visible();
    return selection;
}

// In its place before the computation begins: a quick one is there at once.
void WandTool::start(std::shared_ptr<Run>& place) {
    const auto run = std::make_shared<Run>();
    run->selection = selection();
    place = run;
    QtConcurrent::run([run] {
        const Selection& s = run->selection;
        return wandArea(*s.lab, s.seed.x(), s.seed.y(), s.options, &run->cancel);
    }).then(this, [this, run](PixelArea area) {
        if (run->cancel.cancelled())
            return;
        run->area = std::move(area);
        if (run == m_preview) {
            m_host.preview(*run->area);
            preview(); // the tolerance may have moved on meanwhile
        }
        commitReady();
    });
}

// One at a time, so that a quick drag shows areas on its way.
void WandTool::preview() {
    if (!m_preview || (m_preview->area && m_preview->selection != selection()))
        start(m_preview);
}

void WandTool::commitReady() {
    while (!m_commits.empty() && m_commits.front().run->area) {
        const AnnotationDocument* document = m_host.document();
        // Drawn with another tool meanwhile: after that stroke.
        if (document && document->strokeOpen()) {
            QTimer::singleShot(kRetryMs, this, &WandTool::commitReady);
            return;
        }
        const Commit edit = std::move(m_commits.front());
        m_commits.pop_front();
        if (!m_active)
            m_host.preview({});
        commit(edit);
        m_host.session->editEnds(edit.ticket);
    }
}

void WandTool::commit(const Commit& edit) {
    AnnotationDocument* document = m_host.document();
    // The image may have been left while the area was computed.
    if (!document || m_host.session->labImage() != edit.run->selection.lab)
        return;
    if (m_host.session->useProposalBeforeFirstStroke())
        m_host.usedProposalFirst();
    const PixelArea& area = *edit.run->area;
    m_host.explain(edit.subtract ? document->erase(StepKind::Wand, edit.rules, area)
                                 : document->paint(StepKind::Wand, edit.rules, area));
}

double WandTool::reach(const ViewTransform&, double pixelRatio) const {
    // The tag beside the pointer is as wide as its text.
    const QFontMetricsF metrics(QApplication::font());
    return m_active ? -1.0 : (45 + metrics.horizontalAdvance(QStringLiteral("ΔE 150.0"))) * pixelRatio;
}

void WandTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
                     double pixelRatio) const {
    if (!pointer)
        return;
    const QLocale locale;
    paintTag(painter, pointer->device + QPointF(25, 7) * pixelRatio,
             QStringLiteral("ΔE %1").arg(locale.toString(m_host.settings->wand.tolerance, 'f', 1)),
             pixelRatio);
    if (m_active) {
        const QPointF seed = view.toDevice(QPointF(m_seed) + QPointF(0.5, 0.5));
        painter.setRenderHint(QPainter::Antialiasing);
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 2 * pixelRatio));
        painter.setBrush(QColor(0xF0, 0xE4, 0x42));
        painter.drawEllipse(seed, 4 * pixelRatio, 4 * pixelRatio);
    }
}

// ------------------------------------------------------------------------------------------------- region

void RegionTool::press(const CanvasPointer& pointer) {
    if (!m_host.document())
        return;
    m_active = true;
    m_freehand = pointer.shift;
    m_points = {pointer.image, pointer.image};
}

void RegionTool::move(const CanvasPointer& pointer) {
    if (!m_active)
        return;
    if (m_freehand)
        m_points.append(pointer.image);
    else
        m_points[1] = pointer.image;
    m_host.redraw();
}

void RegionTool::release(const CanvasPointer& pointer) {
    if (!m_active)
        return;
    move(pointer);
    m_active = false;
    AnnotationDocument* document = m_host.document();
    if (!document)
        return;
    PixelArea area;
    if (m_freehand) {
        area = polygonArea(ringOf(m_points), FillRule::NonZero, document->bounds());
    } else {
        const QRectF r = QRectF(m_points[0], m_points[1]).normalized();
        const int x0 = static_cast<int>(std::floor(r.left()));
        const int y0 = static_cast<int>(std::floor(r.top()));
        const Rect rect{x0, y0, static_cast<int>(std::ceil(r.right())) - x0,
                        static_cast<int>(std::ceil(r.bottom())) - y0};
        // A click without a drag takes the region away.
        if (r.width() * r.height() >= 4)
            area = PixelArea::rectangle(intersected(rect, document->bounds()));
    }
    m_points.clear();
    m_host.session->setScope(area.empty() ? nullptr : std::make_shared<const PixelArea>(std::move(area)));
    m_host.redraw();
}

bool RegionTool::cancel() {
    const bool had = m_active;
    m_active = false;
    m_points.clear();
    return had;
}

void RegionTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer*,
                       double pixelRatio) const {
    if (!m_active || m_points.size() < 2)
        return;
    QPolygonF device = deviceOf(m_points, view);
    if (!m_freehand) {
        const QRectF r = QRectF(device[0], device[1]).normalized();
        device = QPolygonF({r.topLeft(), r.topRight(), r.bottomRight(), r.bottomLeft()});
    }
    paintCasedPath(painter, device, true, Qt::white, pixelRatio, {6 * pixelRatio, 4 * pixelRatio});
}

// -------------------------------------------------------------------------------------------------- ruler

void RulerTool::press(const CanvasPointer& pointer) {
    m_pressDevice = pointer.device;
    m_second = m_first;
    if (m_second) {
        m_line.setP2(pointer.image);
        return;
    }
    m_line = QLineF(pointer.image, pointer.image);
    m_first = true;
    m_host.measured({});
    m_host.redraw();
}

void RulerTool::move(const CanvasPointer& pointer) {
    m_line.setP2(pointer.image);
    m_host.redraw();
}

void RulerTool::release(const CanvasPointer& pointer) {
    if (!m_first)
        return;
    m_line.setP2(pointer.image);
    // Two clicks or one drag; a hand that trembles has not dragged.
    const bool dragged = QLineF(m_pressDevice, pointer.device).length() >= kDrag * pointer.ratio;
    if (dragged || (m_second && m_line.length() > 0.01)) {
        m_first = false;
        m_host.measured(m_line);
    }
    m_host.redraw();
}

void RulerTool::hover(const CanvasPointer& pointer) {
    if (m_first) {
        m_line.setP2(pointer.image);
        m_host.redraw();
    }
}

void RulerTool::clear() {
    m_line = {};
    m_first = false;
}

bool RulerTool::cancel() {
    const bool had = m_first || !m_line.isNull();
    clear();
    m_host.measured({});
    return had;
}

void RulerTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer*,
                      double pixelRatio) const {
    if (m_line.isNull())
        return;
    const QPointF a = view.toDevice(m_line.p1());
    const QPointF b = view.toDevice(m_line.p2());
    paintCasedPath(painter, QPolygonF({a, b}), false, Qt::white, pixelRatio);
    painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 1.5 * pixelRatio));
    painter.setBrush(Qt::white);
    painter.drawEllipse(a, 4 * pixelRatio, 4 * pixelRatio);
    painter.drawEllipse(b, 4 * pixelRatio, 4 * pixelRatio);
    const QLocale locale;
    QString text = Tools::tr("%1 px").arg(locale.toString(m_line.length(), 'f', 1));
    if (const std::optional<Spacing> spacing = m_host.session->spacing()) {
        const double mm = std::hypot(m_line.dx() * spacing->xMm, m_line.dy() * spacing->yMm);
        text += Tools::tr(" = %1 mm").arg(locale.toString(mm, 'f', 2));
    }
    paintTag(painter, (a + b) / 2 + QPointF(10, 10) * pixelRatio, text, pixelRatio);
}

} // namespace limn
