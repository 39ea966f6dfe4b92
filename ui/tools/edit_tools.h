// SPDX-License-Identifier: GPL-3.0-or-later
// The canvas tools: gestures in, calls of the annotation document out. They hold no editing logic of their
// own. GUI thread.
#pragma once

#include "ui/canvas/canvas_tool.h"
#include "ui/session/review_session.h"
#include "ui/tools/tool_settings.h"

#include <QCoreApplication>
#include <QLineF>
#include <QPolygonF>

#include <deque>
#include <functional>
#include <memory>
#include <optional>

namespace limn {

// The translation context of what tools say.
struct Tools {
    Q_DECLARE_TR_FUNCTIONS(Tools)
};

// What tools need from the window.
struct ToolHost {
    ReviewSession* session = nullptr;
    ToolSettings* settings = nullptr;
    // A remark in the status line, with a link that does something about it.
    std::function<void(const QString& text, const QString& remedy, std::function<void()> run)> say;
    std::function<void()> redraw;                // decorations changed away from the pointer
    std::function<void(PixelArea)> preview;      // outlined as a proposal of the gesture; empty: none
    std::function<void()> usedProposalFirst;     // announce it
    std::function<void()> locked;                // the active label is locked
    std::function<void(const QLineF&)> measured; // image coordinates; null line: none
    std::function<Rect()> visible;               // image pixels in view
    std::function<void()> optionsChanged;        // a tool changed its own settings

    AnnotationDocument* document() const { return session->document(); }
    EditRules rules() const;
    // No edit may begin: the active label is locked, or there is nothing to edit yet.
    bool barred() const;
    // Whether an edit may begin; says why not.
    bool mayEdit() const;
    // Says why a finished edit had no effect.
    void explain(const EditOutcome& outcome) const;
    // A cross with the tool's icon beside it, and a minus while a press would take away; barred while the
    // active label is locked.
    QCursor editCursor(const QString& icon) const;
};

// A cross whose middle is the pixel pointed at, with an icon of resources/icons beside it; light in a dark
// casing, as everything on an image.
QCursor crossCursor(const QString& icon, bool minus);

class BrushTool : public CanvasTool {
public:
    BrushTool(ToolHost& host, bool eraser) : m_host(host), m_eraser(eraser) {}
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    bool cancel() override;
    void leaveImage() override { m_lastEnd.reset(); }
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform& view, double pixelRatio) const override;
    QCursor cursor() const override { return Qt::BlankCursor; }

private:
    double diameter() const { return m_eraser ? m_host.settings->eraserPx : m_host.settings->brushPx; }
    bool erases(const CanvasPointer& pointer) const;
    BrushSample sample(const CanvasPointer& pointer) const;

    ToolHost& m_host;
    bool m_eraser;
    std::unique_ptr<BrushStroke> m_stroke;
    std::optional<BrushSample> m_lastEnd;
};

class ContourTool : public CanvasTool {
public:
    explicit ContourTool(ToolHost& host) : m_host(host) {}
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    bool cancel() override;
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform& view, double pixelRatio) const override;
    QCursor cursor() const override { return Qt::BlankCursor; }
    bool usesRightDrag() const override { return false; }

private:
    ToolHost& m_host;
    std::unique_ptr<ContourPush> m_push;
};

class LassoTool : public CanvasTool {
public:
    explicit LassoTool(ToolHost& host) : m_host(host) {}
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    bool cancel() override;
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform&, double pixelRatio) const override {
        return m_points.isEmpty() ? 24.0 * pixelRatio : -1.0;
    }
    QCursor cursor() const override { return m_host.editCursor(QStringLiteral("lasso")); }

private:
    ToolHost& m_host;
    QPolygonF m_points; // image coordinates
    bool m_keepInside = false;
};

class PolygonTool : public CanvasTool {
public:
    explicit PolygonTool(ToolHost& host) : m_host(host) {}
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    void hover(const CanvasPointer& pointer) override;
    bool cancel() override;
    bool finish() override;
    bool stepBack() override;
    bool unfinished() const override { return !m_points.isEmpty(); }
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform&, double pixelRatio) const override {
        return m_points.isEmpty() ? 24.0 * pixelRatio : -1.0;
    }
    QCursor cursor() const override { return m_host.editCursor(QStringLiteral("polygon")); }

private:
    int pointNear(const CanvasPointer& pointer) const;

    ToolHost& m_host;
    QPolygonF m_points;
    mutable QPolygonF m_devicePoints; // where they were drawn last
    int m_dragged = -1;
    bool m_subtract = false;
};

// Press sets the seed, dragging right or left changes the tolerance, release commits. The area is computed in
// another thread: while the button is down the newest tolerance counts, and what was released is committed in
// its order, whatever is pressed or chosen meanwhile.
class WandTool : public QObject, public CanvasTool {
    Q_OBJECT

public:
    explicit WandTool(ToolHost& host) : m_host(host) {}
    ~WandTool() override;
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    bool cancel() override;
    void putAway() override;
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform& view, double pixelRatio) const override;
    QCursor cursor() const override { return m_host.editCursor(QStringLiteral("wand")); }

private:
    // What an area is computed of.
    struct Selection {
        std::shared_ptr<const LabImage> lab;
        QPoint seed;
        WandOptions options;
        bool operator==(const Selection&) const = default;
    };
    // One computation, and its area when it is there.
    struct Run {
        Selection selection;
        CancelToken cancel;
        std::optional<PixelArea> area;
    };
    // A gesture that ended.
    struct Commit {
        std::shared_ptr<Run> run;
        EditRules rules;
        bool subtract = false;
        ReviewSession::EditTicket ticket = 0;
    };
    Selection selection() const;
    // May have the area at its return, and have told of it.
    void start(std::shared_ptr<Run>& place);
    void preview();
    void dropGesture();
    void commitReady();
    void commit(const Commit& edit);

    ToolHost& m_host;
    bool m_active = false;
    bool m_opposite = false;
    QPoint m_seed;
    QPointF m_pressDevice;
    double m_startTolerance = 10;
    std::shared_ptr<const LabImage> m_lab;
    std::shared_ptr<Run> m_preview; // of the gesture in progress: the last one begun
    std::deque<Commit> m_commits;   // in the order of their releases
};

class RegionTool : public CanvasTool {
public:
    explicit RegionTool(ToolHost& host) : m_host(host) {}
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    bool cancel() override;
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform&, double pixelRatio) const override {
        return m_active ? -1.0 : 24.0 * pixelRatio;
    }
    QCursor cursor() const override { return crossCursor(QStringLiteral("region"), false); }
    bool usesRightDrag() const override { return false; }

private:
    ToolHost& m_host;
    bool m_active = false;
    bool m_freehand = false;
    QPolygonF m_points;
};

class RulerTool : public CanvasTool {
public:
    explicit RulerTool(ToolHost& host) : m_host(host) {}
    void press(const CanvasPointer& pointer) override;
    void move(const CanvasPointer& pointer) override;
    void release(const CanvasPointer& pointer) override;
    void hover(const CanvasPointer& pointer) override;
    bool cancel() override;
    void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
               double pixelRatio) const override;
    double reach(const ViewTransform&, double pixelRatio) const override {
        return m_line.isNull() && !m_first ? 24.0 * pixelRatio : -1.0;
    }
    bool usesRightDrag() const override { return false; }
    void leaveImage() override { clear(); }
    QLineF line() const { return m_line; } // image coordinates

private:
    void clear();

    ToolHost& m_host;
    QLineF m_line;
    bool m_first = false;  // one end was set, the other follows the pointer
    bool m_second = false; // the other is being set
    QPointF m_pressDevice;
};

// A line of 2 px in a casing of 1 px, as every outline on the canvas; `dash` in device pixels.
void paintCasedPath(QPainter& painter, const QPolygonF& device, bool closed, const QColor& core,
                    double pixelRatio, const QVector<qreal>& dash = {});

} // namespace limn
