// SPDX-License-Identifier: GPL-3.0-or-later
// What the canvas tells a tool, and what a tool may draw over it. A tool is given whole gestures: press,
// moves, release, or cancel. GUI thread.
#pragma once

#include "ui/canvas/view_transform.h"

#include <QCursor>
#include <QPointF>
#include <QString>

class QKeyEvent;
class QPainter;

namespace limn {

struct CanvasPointer {
    QPointF image;         // continuous image coordinates, may lie outside the image
    QPointF device;        // physical pixels of the view
    double ratio = 1.0;    // physical pixels a logical one
    double pressure = 1.0; // 1 for a mouse
    bool opposite = false; // Ctrl, right button or the pen's eraser end: subtract instead of add
    bool shift = false;
    int clicks = 1; // 2 for a double click
};

class CanvasTool {
public:
    virtual ~CanvasTool() = default;

    virtual void press(const CanvasPointer& pointer) = 0;
    virtual void move(const CanvasPointer& pointer) = 0;
    virtual void release(const CanvasPointer& pointer) = 0;
    // The pointer moves without a button.
    virtual void hover(const CanvasPointer& pointer) {}
    // Drops the gesture in progress, and edits of ended ones that are still computed. True when there were
    // any.
    virtual bool cancel() { return false; }
    // Another tool is taken: drops the gesture in progress alone.
    virtual void putAway() { cancel(); }
    // Ends a gesture of several clicks. True when there was one.
    virtual bool finish() { return false; }
    virtual bool stepBack() { return false; }
    // A gesture of several clicks was begun and waits for its end: what would leave the image says so
    // instead.
    virtual bool unfinished() const { return false; }
    // Another image comes: what is remembered of this one is forgotten.
    virtual void leaveImage() {}

    // Decorations in device pixels; `pointer` is null while the pointer is elsewhere.
    virtual void paint(QPainter& painter, const ViewTransform& view, const CanvasPointer* pointer,
                       double pixelRatio) const {}
    // How far decorations reach around the pointer, device pixels; negative: anywhere in the view.
    virtual double reach(const ViewTransform& view, double pixelRatio) const { return 24.0 * pixelRatio; }
    virtual QCursor cursor() const { return Qt::CrossCursor; }
    // A right click without a drag opens the menu; tools whose right drag means nothing take none of it.
    virtual bool usesRightDrag() const { return true; }
};

} // namespace limn
