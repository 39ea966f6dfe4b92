// SPDX-License-Identifier: GPL-3.0-or-later
// The canvas: the image drawn by VTK, overlays and decorations on top, zoom and pan. It edits nothing;
// pointer gestures go to the tool that was set. GUI thread.
//
// VTK renders only when the view or the image changed: its frame is kept, and overlays are painted by a child
// widget above it, so that a stroke costs the tiles it touched and nothing else.
#pragma once

#include "ui/canvas/canvas_tool.h"
#include "ui/canvas/image_pyramid.h"
#include "ui/canvas/image_renderer.h"
#include "ui/canvas/overlay_compositor.h"

#include <QElapsedTimer>
#include <QLineF>
#include <QOpenGLWidget>

#include <atomic>
#include <optional>

class QTouchEvent;

namespace limn {

class CanvasOverlay;
class DividerHandle;

class CanvasView : public QOpenGLWidget {
    Q_OBJECT

public:
    explicit CanvasView(QWidget* parent = nullptr);
    ~CanvasView() override;

    // Null shows nothing. The view is fitted unless keepView and the sizes are equal.
    void setImage(ImagePyramidPtr pyramid, bool keepView);
    ImagePyramidPtr image() const { return m_pyramid; }
    void setBackground(const QColor& color);

    const ViewTransform& view() const { return m_view; }
    void setView(const ViewTransform& view);
    void fit();
    void zoomTo(double zoom);
    void zoomStep(int steps); // one step is a factor of 2^(1/2)
    // 100 % and back to the whole image.
    void toggleFit();
    void reveal(const Rect& imageRect, bool flash);

    OverlayCompositor& overlay() { return m_overlay; }
    // Shown right of the divider while swiping; its layers replace the first compositor's there.
    OverlayCompositor& secondOverlay() { return m_secondOverlay; }
    void overlayChanged(const Rect& imageRect);
    void overlayChanged();
    // Share of the width, 0..1; negative: no swipe.
    void setDivider(double share);
    double divider() const { return m_divider; }
    // Stands on the divider while swiping: with the focus there, arrows move it. Takes no mouse.
    QWidget* dividerHandle() const;

    // Not owned; null: the pointer pans.
    void setTool(CanvasTool* tool);
    CanvasTool* tool() const { return m_tool; }
    void toolChanged() {
        updateCursor();
        updateOverlay();
    }
    // Redraws what the tool draws around the pointer, or everywhere.
    void updateDecorations();

    void setGridVisible(bool on);
    void setWheelPans(bool on) { m_wheelPans = on; }
    // Millimetres per pixel along x; 0 shows pixels.
    void setScaleBarSpacing(double mmPerPixel);
    void setScaleBarVisible(bool on);
    // What lies over the lower right corner, in the canvas's coordinates: the scale bar keeps clear of it.
    void setCornerTaken(const QRect& place);
    // Pixels along the upper edge that lie under something, such as a message: the image stays where it is,
    // and is fitted below from then on, as is what stands in the upper corners.
    void setTopTaken(int pixels);
    int topTaken() const { return m_topTaken; }
    QRectF scaleBarPlace() const { return scaleBar().box; } // empty: it is not drawn
    QString scaleBarText() const { return scaleBar().text; }
    // Shown while there is no image.
    void setEmptyText(const QString& text);
    const QString& emptyText() const { return m_emptyText; }
    // Lines and a circle in image coordinates over everything, such as diameters; none, and 0: nothing.
    void setMarked(const QVector<QLineF>& lines, QPointF center = {}, double diameter = 0);
    // What is seen: at the upper left, and right of the divider. Empty for none.
    void setCaptions(const QString& left, const QString& right);
    // Colours from the least to the greatest value, with words for both ends; no colours for none.
    void setLegend(std::vector<QRgb> colors, const QString& least, const QString& greatest);
    std::optional<QPoint> pointerPixel() const;
    bool gestureActive() const { return m_gesture || m_panning; }
    // Drops the gesture in progress, and edits of ended ones that are still computed. True when there were
    // any.
    bool cancelGesture();
    // The gesture in progress alone.
    void dropGesture();
    // Ends the gesture in progress where it is, though the button is still down, and one of several clicks.
    void finishGesture();
    QImage grabImage();
    // Of VTK's frames: the last one, and all since the beginning. The sum may be read in any thread.
    double lastFrameMs() const { return m_lastFrameMs; }
    double totalFrameMs() const { return m_totalFrameMs; }
    double lastOverlayMs() const { return m_lastOverlayMs; }

Q_SIGNALS:
    void viewChanged();
    void pointerMoved(); // pointerPixel() changed
    void imagePainted(); // a new image is on the screen, with its overlay
    void contextMenuRequested(const QPoint& globalPosition);
    void dividerMoved(double share);
    void filesDropped(const QStringList& paths);
    void toolWheel(int steps, Qt::KeyboardModifiers modifiers);

protected:
    void initializeGL() override;
    void paintGL() override;
    void resizeGL(int width, int height) override;
    bool event(QEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void tabletEvent(QTabletEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void keyReleaseEvent(QKeyEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

private:
    friend class CanvasOverlay;
    void applyView(const ViewTransform& view);
    void placeDividerHandle();
    void paintOverlay(QPainter& painter, const QRect& logicalClip);
    struct ScaleBar {
        QRectF box;
        double length = 0; // of the line
        QString text;
    };
    ScaleBar scaleBar() const;
    void paintScaleBar(QPainter& painter) const;
    void paintCaptions(QPainter& painter) const;
    void paintLegend(QPainter& painter) const;
    void paintGrid(QPainter& painter) const;
    void updateOverlay();
    void updateCursor();
    void setPointer(QPointF logical);
    void touch(QTouchEvent& event);
    void releaseContext();
    CanvasPointer pointerAt(QPointF logical, Qt::KeyboardModifiers modifiers) const;
    QPointF device(QPointF logical) const { return logical * devicePixelRatioF(); }
    bool nearDivider(QPointF logical) const;

    ImageRenderer m_renderer;
    ImagePyramidPtr m_pyramid;
    ViewTransform m_view;
    OverlayCompositor m_overlay;
    OverlayCompositor m_secondOverlay;
    CanvasOverlay* m_overlayWidget = nullptr;
    DividerHandle* m_dividerHandle = nullptr;
    CanvasTool* m_tool = nullptr;
    bool m_sceneDirty = true;
    bool m_announceImage = false;
    bool m_grid = true;
    bool m_wheelPans = false;
    bool m_scaleBar = true;
    QRect m_cornerTaken;
    int m_topTaken = 0;
    double m_spacingMm = 0.0;
    double m_divider = -1.0;
    bool m_movingDivider = false;
    QString m_emptyText;
    QVector<QLineF> m_markedLines;
    QPointF m_markedCenter;
    double m_markedDiameter = 0;
    QString m_leftCaption;
    QString m_rightCaption;
    std::vector<QRgb> m_legend;
    QString m_legendLeast;
    QString m_legendGreatest;

    std::optional<QPointF> m_pointer; // logical pixels
    CanvasPointer m_lastPointer;
    bool m_gesture = false;
    Qt::MouseButton m_gestureButton = Qt::NoButton;
    bool m_rightPending = false; // a right press that may become a menu or an opposite drag
    QPointF m_pressPosition;
    CanvasPointer m_pressPointer;
    bool m_panning = false;
    bool m_spaceHeld = false;
    QPointF m_panFrom;
    std::optional<double> m_pen; // pressure of the pen while one is down
    bool m_penEraser = false;
    bool m_penBarrel = false; // a button at its side is held
    bool m_penSeen = false;
    enum class Touch { None, Waits, Draws, Moves };
    Touch m_touch = Touch::None;
    qsizetype m_fingers = 0; // with the two below: at the last event that moved the view
    QPointF m_touchMiddle;
    double m_touchSpan = 0;
    QElapsedTimer m_tapClock; // since a finger was lifted, and where
    QPointF m_tap;
    double m_wheelRest = 0.0;
    Rect m_flash;
    QElapsedTimer m_flashClock;
    double m_lastFrameMs = 0.0;
    std::atomic<double> m_totalFrameMs{0.0};
    double m_lastOverlayMs = 0.0;
};

} // namespace limn
