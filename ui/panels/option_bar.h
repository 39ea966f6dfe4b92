// SPDX-License-Identifier: GPL-3.0-or-later
// The options of the chosen tool, in a row above the canvas. GUI thread.
#pragma once

#include "ui/tools/tool_settings.h"

#include <QFrame>
#include <QLineF>

#include <functional>

class QLabel;
class QPushButton;
class QDoubleSpinBox;
class QHBoxLayout;
class QSlider;
class QToolButton;

namespace limn {

class LineLayout;

class OptionBar : public QFrame {
    Q_OBJECT

public:
    OptionBar(ToolSettings& settings, QWidget* parent = nullptr);
    void setTool(ToolId tool, const QString& name);
    // The settings were changed elsewhere (keys, wheel, a drag).
    void refresh();
    // The ruler's line: with a length the calibration field is offered.
    void setRuler(double lengthPx);

Q_SIGNALS:
    void changed();
    // Other controls than before: the order of the Tab key has to be set again.
    void rebuilt();
    // Enter was pressed in a field.
    void finished();
    // The ruler's line is this long.
    void calibrated(double millimetres);

private:
    // On one line of the bar, whatever has room there.
    QHBoxLayout* addTogether(QWidget* label, QWidget* field);
    QDoubleSpinBox* addNumber(const QString& name, double minimum, double maximum, int decimals,
                              const QString& suffix, std::function<double()> get,
                              std::function<void(double)> set, bool slider);
    void addToggle(const QString& name, const QString& tip, std::function<bool()> get,
                   std::function<void(bool)> set);
    void rebuild();

    ToolSettings& m_settings;
    ToolId m_tool = ToolId::Brush;
    QString m_name;
    double m_ruler = 0;
    LineLayout* m_layout;
    std::vector<std::function<void()>> m_refresh;
    bool m_updating = false;
};

} // namespace limn
