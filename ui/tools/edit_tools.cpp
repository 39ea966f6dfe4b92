// SPDX-License-Identifier: GPL-3.0-or-later
// Brush, eraser, contour; what all tools share.
#include "ui/tools/edit_tools.h"

#include "ui/theme/theme.h"

#include <QGuiApplication>
#include <QHash>
#include <QPainter>
#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace limn {
namespace {

const QColor kCasing(0x10, 0x10, 0x10);

// The cursor of round and square tools: a light line in a dark one, with what the tool does in the middle.
enum class Mark { None, Cross, Minus, Barred, Out };

void paintToolCursor(QPainter& painter, QPointF at, double diameter, bool square, Mark mark, double ratio) {
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    const auto outline = [&] {
        const QRectF r(at.x() - diameter / 2, at.y() - diameter / 2, diameter, diameter);
        if (square)
            painter.drawRect(r);
        else
            painter.drawEllipse(r);
    };
    if (diameter >= 3 * ratio) {
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10, 220), 3.5 * ratio));
        outline();
        painter.setPen(QPen(Qt::white, 1.5 * ratio));
        outline();
    }
    const double arm = 5 * ratio;
    const auto lines = [&](const QVector<QLineF>& list) {
        painter.setPen(QPen(QColor(0x10, 0x10, 0x10, 220), 3.4 * ratio, Qt::SolidLine, Qt::RoundCap));
        painter.drawLines(list);
        painter.setPen(QPen(Qt::white, 1.4 * ratio, Qt::SolidLine, Qt::RoundCap));
        painter.drawLines(list);
    };
    if (diameter < 6 * ratio)
        lines({QLineF(at.x() - 9 * ratio, at.y(), at.x() - 4 * ratio, at.y()),
               QLineF(at.x() + 4 * ratio, at.y(), at.x() + 9 * ratio, at.y()),
               QLineF(at.x(), at.y() - 9 * ratio, at.x(), at.y() - 4 * ratio),
               QLineF(at.x(), at.y() + 4 * ratio, at.x(), at.y() + 9 * ratio)});
    if (mark == Mark::Minus)
        lines({QLineF(at.x() - arm, at.y(), at.x() + arm, at.y())});
    if (mark == Mark::Out)
        lines({QLineF(at.x() - arm, at.y() + arm, at.x() + arm, at.y() - arm),
               QLineF(at.x(), at.y() - arm, at.x() + arm, at.y() - arm),
               QLineF(at.x() + arm, at.y(), at.x() + arm, at.y() - arm)});
    if (mark == Mark::Barred) {
        const double d = std::max(diameter, 16 * ratio) / 2 * 0.707;
        lines({QLineF(at.x() - d, at.y() + d, at.x() + d, at.y() - d)});
    }
}

} // namespace

void paintCasedPath(QPainter& painter, const QPolygonF& device, bool closed, const QColor& core,
                    double pixelRatio, const QVector<qreal>& dash) {
    if (device.size() < 2)
        return;
    QPainterPath path;
    path.addPolygon(device);
    if (closed)
        path.closeSubpath();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setBrush(Qt::NoBrush);
    QPen casing(kCasing, 4 * pixelRatio, Qt::SolidLine, Qt::FlatCap, Qt::RoundJoin);
    QPen line(core, 2 * pixelRatio, Qt::SolidLine, Qt::FlatCap, Qt::RoundJoin);
    if (!dash.isEmpty()) {
        QVector<qreal> c, l;
        for (const qreal d : dash) {
            c.append(d / 4.0);
            l.append(d / 2.0);
        }
        casing.setDashPattern(c);
        line.setDashPattern(l);
    }
    painter.strokePath(path, casing);
    painter.strokePath(path, line);
}

QCursor crossCursor(const QString& icon, bool minus) {
    constexpr int kSide = 34;
    constexpr QPointF kMiddle(11.5, 11.5);
    const qreal ratio = qApp->devicePixelRatio();
    static QHash<QString, QCursor> made;
    const QString key = QStringLiteral("%1/%2/%3").arg(icon).arg(minus).arg(ratio);
    if (const auto found = made.constFind(key); found != made.constEnd())
        return *found;
    const auto inOneColor = [&](const QColor& color) {
        QPixmap picture = Theme::pixmap(icon, "text", 15, ratio);
        QPainter painter(&picture);
        painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
        painter.fillRect(QRect(0, 0, 15, 15), color);
        return picture;
    };
    QPixmap pixmap(QSize(kSide, kSide) * ratio);
    pixmap.setDevicePixelRatio(ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    QVector<QLineF> lines;
    for (const QPointF& way : {QPointF(1, 0), QPointF(-1, 0), QPointF(0, 1), QPointF(0, -1)})
        lines.append(QLineF(kMiddle + way * 3, kMiddle + way * 9));
    if (minus)
        lines.append(QLineF(kMiddle + QPointF(6, -6), kMiddle + QPointF(13, -6)));
    painter.setPen(QPen(kCasing, 3.2, Qt::SolidLine, Qt::RoundCap));
    painter.drawLines(lines);
    painter.setPen(QPen(Qt::white, 1.2, Qt::SolidLine, Qt::RoundCap));
    painter.drawLines(lines);
    const QPointF corner(17, 17);
    const QPixmap casing = inOneColor(kCasing);
    for (int dx = -1; dx <= 1; ++dx) {
        for (int dy = -1; dy <= 1; ++dy)
            painter.drawPixmap(corner + QPointF(dx, dy), casing);
    }
    painter.drawPixmap(corner, inOneColor(Qt::white));
    painter.end();
    const QCursor cursor(pixmap, 11, 11);
    made.insert(key, cursor);
    return cursor;
}

QCursor ToolHost::editCursor(const QString& icon) const {
    if (barred())
        return Qt::ForbiddenCursor;
    const bool control = QGuiApplication::keyboardModifiers().testFlag(Qt::ControlModifier);
    return crossCursor(icon, settings->subtract != control);
}

EditRules ToolHost::rules() const {
    EditRules rules;
    rules.label = session->activeLabel();
    rules.over = settings->overBackground ? Over::Background : Over::Anything;
    rules.scope = session->scope();
    return rules;
}

bool ToolHost::barred() const {
    const AnnotationDocument* d = document();
    return !d || !session->pyramid() || d->isLocked(session->activeLabel());
}

bool ToolHost::mayEdit() const {
    if (!barred())
        return true;
    if (document() && session->pyramid())
        locked();
    else
        say(Tools::tr("The image is still being opened."), {}, {});
    return false;
}

void ToolHost::explain(const EditOutcome& outcome) const {
    if (outcome.changedPixels > 0)
        return;
    if (outcome.protectedPixels > 0) {
        say(Tools::tr("No effect: a locked label or the rule \"over background\" protects what is there."),
            Tools::tr("Allow it"), [this] {
                settings->overBackground = false;
                optionsChanged();
                AnnotationDocument* d = document();
                for (Label label : d ? d->labelTable() : std::vector<Label>()) {
                    label.locked = false;
                    (void)d->setLabel(label).ok(); // it is one of the table
                }
            });
    } else if (session->scope()) {
        say(Tools::tr("No effect: edits act inside the region alone."), Tools::tr("End the region"),
            [this] { session->setScope(nullptr); });
    }
}

// ---------------------------------------------------------------------------------------- brush, eraser

bool BrushTool::erases(const CanvasPointer& pointer) const {
    const bool base = m_eraser || m_host.settings->subtract;
    return base != pointer.opposite;
}

BrushSample BrushTool::sample(const CanvasPointer& pointer) const {
    return {{pointer.image.x(), pointer.image.y()}, m_host.settings->pressure ? pointer.pressure : 1.0};
}

void BrushTool::press(const CanvasPointer& pointer) {
    if (!m_host.mayEdit())
        return;
    if (m_host.session->useProposalBeforeFirstStroke())
        m_host.usedProposalFirst();
    Brush brush;
    brush.shape = m_host.settings->shape;
    brush.diameterPx = diameter();
    brush.pressureSetsSize = m_host.settings->pressure;
    const auto effect = erases(pointer) ? BrushStroke::Effect::Erase : BrushStroke::Effect::Paint;
    const bool line = pointer.shift && m_lastEnd;
    m_stroke = BrushStroke::begin(*m_host.document(), effect, brush, m_host.rules(),
                                  line ? *m_lastEnd : sample(pointer));
    if (m_stroke && line)
        m_stroke->extend(sample(pointer));
}

void BrushTool::move(const CanvasPointer& pointer) {
    if (m_stroke)
        m_stroke->extend(sample(pointer));
}

void BrushTool::release(const CanvasPointer& pointer) {
    if (!m_stroke)
        return;
    m_stroke->extend(sample(pointer));
    m_lastEnd = m_stroke->lastSample();
    const EditOutcome outcome = m_stroke->total();
    m_stroke->finish();
    m_stroke.reset();
    m_host.explain(outcome);
}

bool BrushTool::cancel() {
    if (!m_stroke)
        return false;
    m_stroke->cancel();
    m_stroke.reset();
    return true;
}

double BrushTool::reach(const ViewTransform& view, double pixelRatio) const {
    // The line from the last stroke's end goes anywhere.
    if (m_lastEnd && !m_stroke && QGuiApplication::keyboardModifiers().testFlag(Qt::ShiftModifier))
        return -1.0;
    return diameter() * view.zoom() / 2 + 24 * pixelRatio;
}

void BrushTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
                      double pixelRatio) const {
    if (!pointer)
        return;
    const Mark mark = m_host.barred() ? Mark::Barred : erases(*pointer) ? Mark::Minus : Mark::None;
    paintToolCursor(painter, pointer->device, diameter() * view.zoom(),
                    m_host.settings->shape == BrushShape::Square, mark, pixelRatio);
    if (pointer->shift && m_lastEnd && !m_stroke)
        paintCasedPath(painter,
                       QPolygonF({view.toDevice(QPointF(m_lastEnd->position.x, m_lastEnd->position.y)),
                                  pointer->device}),
                       false, Qt::white, pixelRatio, {8 * pixelRatio, 6 * pixelRatio});
}

// ------------------------------------------------------------------------------------------------ contour

void ContourTool::press(const CanvasPointer& pointer) {
    if (!m_host.mayEdit())
        return;
    if (m_host.session->useProposalBeforeFirstStroke())
        m_host.usedProposalFirst();
    m_push = ContourPush::begin(*m_host.document(), m_host.settings->contour, m_host.rules(),
                                {pointer.image.x(), pointer.image.y()});
}

void ContourTool::move(const CanvasPointer& pointer) {
    if (m_push)
        m_push->extend({pointer.image.x(), pointer.image.y()});
}

void ContourTool::release(const CanvasPointer& pointer) {
    if (!m_push)
        return;
    m_push->extend({pointer.image.x(), pointer.image.y()});
    m_push->finish();
    m_push.reset();
}

bool ContourTool::cancel() {
    if (!m_push)
        return false;
    m_push->cancel();
    m_push.reset();
    return true;
}

double ContourTool::reach(const ViewTransform& view, double pixelRatio) const {
    return m_host.settings->contour.diameterPx * view.zoom() / 2 + 24 * pixelRatio;
}

void ContourTool::paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
                        double pixelRatio) const {
    if (!pointer)
        return;
    const double diameter = m_push ? m_push->diameterPx() : m_host.settings->contour.diameterPx;
    Mark mark = Mark::Out;
    if (const AnnotationDocument* document = m_host.document()) {
        const bool inside = document->labels().atOrZero(static_cast<int>(std::floor(pointer->image.x())),
                                                        static_cast<int>(std::floor(pointer->image.y()))) ==
                            m_host.session->activeLabel();
        const bool out = m_push ? m_push->pushesOut() : inside;
        mark = m_host.barred() ? Mark::Barred : out ? Mark::Out : Mark::Minus;
    }
    paintToolCursor(painter, pointer->device, diameter * view.zoom(), false, mark, pixelRatio);
}

} // namespace limn
