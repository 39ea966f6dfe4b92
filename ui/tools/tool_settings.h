// SPDX-License-Identifier: GPL-3.0-or-later
// Options of the tools, kept between runs. Sizes are image pixels. GUI thread.
#pragma once

#include "app/document/shapes.h"
#include "app/document/tool_strokes.h"
#include "app/document/wand.h"

#include <QSettings>
#include <QString>

namespace limn {

enum class ToolId { Brush, Eraser, Lasso, Polygon, Wand, Contour, Region, Ruler };

struct ToolSettings {
    double brushPx = 24;
    double eraserPx = 24;
    BrushShape shape = BrushShape::Round;
    bool overBackground = false;
    bool pressure = false;
    bool subtract = false; // the option bar's Add / Subtract; Ctrl or the right button turn it round
    WandOptions wand;
    bool wandViewOnly = false;
    ContourOptions contour;

    void load() {
        const QSettings s;
        brushPx = std::clamp(s.value(QStringLiteral("tools/brush"), 24).toDouble(), kSmallestBrushPx,
                             kLargestBrushPx);
        eraserPx = std::clamp(s.value(QStringLiteral("tools/eraser"), 24).toDouble(), kSmallestBrushPx,
                              kLargestBrushPx);
        shape =
            s.value(QStringLiteral("tools/square"), false).toBool() ? BrushShape::Square : BrushShape::Round;
        pressure = s.value(QStringLiteral("tools/pressure"), false).toBool();
        wand.tolerance =
            std::clamp(s.value(QStringLiteral("tools/wandTolerance"), 10).toDouble(), 0.0, 200.0);
        wand.sampleSize = s.value(QStringLiteral("tools/wandSample"), 3).toInt();
        wand.connected = s.value(QStringLiteral("tools/wandConnected"), true).toBool();
        wand.fillHoles = s.value(QStringLiteral("tools/wandFill"), true).toBool();
        wand.smoothingPx =
            std::clamp(s.value(QStringLiteral("tools/wandSmoothing"), 1).toDouble(), 0.0, 20.0);
        wandViewOnly = s.value(QStringLiteral("tools/wandView"), false).toBool();
        contour.diameterPx = std::clamp(s.value(QStringLiteral("tools/contour"), 60).toDouble(), 1.0, 2000.0);
        contour.smoothingPx =
            std::clamp(s.value(QStringLiteral("tools/contourSmoothing"), 1).toDouble(), 0.0, 5.0);
    }
    void save() const {
        QSettings s;
        s.setValue(QStringLiteral("tools/brush"), brushPx);
        s.setValue(QStringLiteral("tools/eraser"), eraserPx);
        s.setValue(QStringLiteral("tools/square"), shape == BrushShape::Square);
        s.setValue(QStringLiteral("tools/pressure"), pressure);
        s.setValue(QStringLiteral("tools/wandTolerance"), wand.tolerance);
        s.setValue(QStringLiteral("tools/wandSample"), wand.sampleSize);
        s.setValue(QStringLiteral("tools/wandConnected"), wand.connected);
        s.setValue(QStringLiteral("tools/wandFill"), wand.fillHoles);
        s.setValue(QStringLiteral("tools/wandSmoothing"), wand.smoothingPx);
        s.setValue(QStringLiteral("tools/wandView"), wandViewOnly);
        s.setValue(QStringLiteral("tools/contour"), contour.diameterPx);
        s.setValue(QStringLiteral("tools/contourSmoothing"), contour.smoothingPx);
    }
};

} // namespace limn
