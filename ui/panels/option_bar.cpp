// SPDX-License-Identifier: GPL-3.0-or-later
// Options by tool.
#include "ui/panels/option_bar.h"

#include "ui/panels/elided_label.h"
#include "ui/panels/line_layout.h"
#include "ui/theme/isolated.h"
#include "ui/theme/theme.h"

#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QSlider>
#include <QToolButton>

#include <cmath>

namespace limn {
namespace {

// Sizes span three decades: the slider is logarithmic.
constexpr int kSliderSteps = 300;

int toSlider(double v, double lo, double hi) {
    return static_cast<int>(std::lround(kSliderSteps * std::log(v / lo) / std::log(hi / lo)));
}

double fromSlider(int s, double lo, double hi) {
    const double v = lo * std::pow(hi / lo, static_cast<double>(s) / kSliderSteps);
    return v < 10 ? std::round(v * 2) / 2 : std::round(v);
}

constexpr int kBetween = 9;

} // namespace

OptionBar::OptionBar(ToolSettings& settings, QWidget* parent) : QFrame(parent), m_settings(settings) {
    setObjectName(QStringLiteral("optionBar"));
    m_layout = new LineLayout(this);
    m_layout->setContentsMargins(12, 5, 12, 5);
    m_layout->setSpacing(kBetween);
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
    setMinimumHeight(42);
}

void OptionBar::setTool(ToolId tool, const QString& name) {
    m_tool = tool;
    m_name = name;
    rebuild();
}

void OptionBar::refresh() {
    m_updating = true;
    for (const auto& f : m_refresh)
        f();
    m_updating = false;
}

void OptionBar::setRuler(double lengthPx) {
    if ((lengthPx > 0) != (m_ruler > 0) || lengthPx != m_ruler) {
        m_ruler = lengthPx;
        if (m_tool == ToolId::Ruler)
            rebuild();
    }
}

QHBoxLayout* OptionBar::addTogether(QWidget* label, QWidget* field) {
    auto* group = new QWidget;
    auto* line = new QHBoxLayout(group);
    line->setContentsMargins(0, 0, 0, 0);
    line->setSpacing(kBetween);
    line->addWidget(label);
    line->addWidget(field);
    m_layout->addWidget(group);
    return line;
}

QDoubleSpinBox* OptionBar::addNumber(const QString& name, double minimum, double maximum, int decimals,
                                     const QString& suffix, std::function<double()> get,
                                     std::function<void(double)> set, bool slider) {
    auto* label = new ElidedLabel(name);
    label->setProperty("muted", true);
    auto* box = new QDoubleSpinBox;
    box->setRange(minimum, maximum);
    box->setDecimals(decimals);
    setUnit(box, suffix);
    box->setButtonSymbols(QAbstractSpinBox::NoButtons);
    box->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed); // as wide as its longest number
    box->setAlignment(Qt::AlignRight);
    box->setKeyboardTracking(false);
    box->setAccessibleName(name);
    box->setFocusPolicy(Qt::StrongFocus);
    if (auto* field = box->findChild<QLineEdit*>())
        connect(field, &QLineEdit::returnPressed, this,
                [this] { QMetaObject::invokeMethod(this, &OptionBar::finished, Qt::QueuedConnection); });
    QHBoxLayout* line = addTogether(label, box);
    QSlider* s = nullptr;
    if (slider) {
        s = new QSlider(Qt::Horizontal);
        s->setRange(0, kSliderSteps);
        s->setFixedWidth(120);
        s->setAccessibleName(name);
        s->setFocusPolicy(Qt::StrongFocus);
        line->addWidget(s);
        connect(s, &QSlider::valueChanged, this, [=, this](int v) {
            if (m_updating)
                return;
            set(fromSlider(v, minimum, maximum));
            refresh();
            Q_EMIT changed();
        });
    }
    connect(box, &QDoubleSpinBox::valueChanged, this, [=, this](double v) {
        if (m_updating)
            return;
        set(v);
        refresh();
        Q_EMIT changed();
    });
    m_refresh.push_back([=] {
        box->setValue(get());
        if (s)
            s->setValue(toSlider(std::max(get(), minimum), minimum, maximum));
    });
    return box;
}

void OptionBar::addToggle(const QString& name, const QString& tip, std::function<bool()> get,
                          std::function<void(bool)> set) {
    auto* box = new QCheckBox(name);
    box->setToolTip(tip);
    box->setFocusPolicy(Qt::StrongFocus);
    m_layout->addWidget(box);
    connect(box, &QCheckBox::toggled, this, [=, this](bool on) {
        if (m_updating)
            return;
        set(on);
        Q_EMIT changed();
    });
    m_refresh.push_back([=] { box->setChecked(get()); });
}

void OptionBar::rebuild() {
    while (QLayoutItem* item = m_layout->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    m_refresh.clear();
    auto* title = new ElidedLabel(m_name); // the rail shows which tool it is as well
    title->setProperty("heading", true);
    m_layout->addWidget(title);

    const auto addSubtract = [this] {
        auto* frame = new QWidget;
        auto* layout = new QHBoxLayout(frame);
        layout->setContentsMargins(0, 0, 0, 0);
        layout->setSpacing(2);
        auto* group = new QButtonGroup(frame);
        QToolButton* buttons[2];
        for (int i = 0; i < 2; ++i) {
            buttons[i] = new QToolButton;
            buttons[i]->setText(i == 0 ? tr("Add") : tr("Subtract"));
            buttons[i]->setProperty("segment", true);
            buttons[i]->setCheckable(true);
            buttons[i]->setFocusPolicy(Qt::TabFocus);
            buttons[i]->setToolTip(tr("Ctrl or the right button does the opposite"));
            group->addButton(buttons[i], i);
            layout->addWidget(buttons[i]);
        }
        m_layout->addWidget(frame);
        connect(group, &QButtonGroup::idClicked, this, [this](int id) {
            m_settings.subtract = id == 1;
            Q_EMIT changed();
        });
        m_refresh.push_back([this, add = buttons[0], subtract = buttons[1]] {
            add->setChecked(!m_settings.subtract);
            subtract->setChecked(m_settings.subtract);
        });
    };
    const auto addOver = [this] {
        addToggle(
            tr("Over background only"), tr("Other labels are not painted over"),
            [this] { return m_settings.overBackground; },
            [this](bool on) { m_settings.overBackground = on; });
    };
    const auto hint = [this](const QString& text) {
        auto* label = new ElidedLabel(text);
        label->setProperty("muted", true);
        m_layout->addWidget(label);
    };

    switch (m_tool) {
    case ToolId::Brush:
    case ToolId::Eraser: {
        const bool eraser = m_tool == ToolId::Eraser;
        QDoubleSpinBox* size = addNumber(
            tr("Size"), kSmallestBrushPx, kLargestBrushPx, 1, tr(" px"),
            [this, eraser] { return eraser ? m_settings.eraserPx : m_settings.brushPx; },
            [this, eraser](double v) { (eraser ? m_settings.eraserPx : m_settings.brushPx) = v; }, true);
        size->setObjectName(QStringLiteral("brushSize"));
        size->setToolTip(tr("S smaller, D larger, Shift + wheel"));
        if (!eraser)
            addSubtract();
        addToggle(
            tr("Square"), tr("Square instead of round"),
            [this] { return m_settings.shape == BrushShape::Square; },
            [this](bool on) { m_settings.shape = on ? BrushShape::Square : BrushShape::Round; });
        addToggle(
            tr("Pressure"), tr("A pen's pressure sets 30 to 100 % of the size"),
            [this] { return m_settings.pressure; }, [this](bool on) { m_settings.pressure = on; });
        if (!eraser)
            addOver();
        break;
    }
    case ToolId::Lasso:
        addSubtract();
        addOver();
        hint(tr("Draw around an area. With Shift, only what lies inside is kept."));
        break;
    case ToolId::Polygon:
        addSubtract();
        addOver();
        hint(tr("Click the corners. Enter, a double click or the first corner closes the shape; Backspace "
                "removes the last corner."));
        break;
    case ToolId::Wand: {
        addNumber(
            tr("Tolerance"), 0, 150, 1, QString(), [this] { return m_settings.wand.tolerance; },
            [this](double v) { m_settings.wand.tolerance = v; }, false)
            ->setToolTip(tr("CIELAB distance. Press in the image and drag right or left"));
        addNumber(
            tr("Smoothing"), 0, 20, 1, tr(" px"), [this] { return m_settings.wand.smoothingPx; },
            [this](double v) { m_settings.wand.smoothingPx = v; }, false)
            ->setToolTip(tr("How round the edge of the selection is made"));
        auto* label = new ElidedLabel(tr("Sample"));
        label->setProperty("muted", true);
        auto* sample = new QComboBox;
        for (const int n : {1, 3, 5})
            sample->addItem(QStringLiteral("%1 × %1").arg(n), n);
        sample->setFocusPolicy(Qt::StrongFocus);
        sample->setAccessibleName(tr("Sample size"));
        addTogether(label, sample);
        connect(sample, &QComboBox::activated, this, [this, sample] {
            m_settings.wand.sampleSize = sample->currentData().toInt();
            Q_EMIT changed();
        });
        m_refresh.push_back(
            [this, sample] { sample->setCurrentIndex(sample->findData(m_settings.wand.sampleSize)); });
        addSubtract();
        addToggle(
            tr("Connected"), tr("Only what is connected to the pixel you press"),
            [this] { return m_settings.wand.connected; },
            [this](bool on) { m_settings.wand.connected = on; });
        addToggle(
            tr("Fill holes"), tr("Holes in the selection are filled"),
            [this] { return m_settings.wand.fillHoles; },
            [this](bool on) { m_settings.wand.fillHoles = on; });
        addToggle(
            tr("View only"), tr("Only the part of the image in view"),
            [this] { return m_settings.wandViewOnly; }, [this](bool on) { m_settings.wandViewOnly = on; });
        break;
    }
    case ToolId::Contour:
        addNumber(
            tr("Size"), 2, kLargestBrushPx, 0, tr(" px"), [this] { return m_settings.contour.diameterPx; },
            [this](double v) { m_settings.contour.diameterPx = v; }, true);
        addNumber(
            tr("Smoothing"), 0, 5, 1, tr(" px"), [this] { return m_settings.contour.smoothingPx; },
            [this](double v) { m_settings.contour.smoothingPx = v; }, false);
        hint(tr("Drag from inside to push the edge out, from outside to push it in."));
        break;
    case ToolId::Region:
        hint(
            tr("Drag a rectangle, or with Shift any shape: whatever edits then acts inside it alone. A click "
               "removes it."));
        break;
    case ToolId::Ruler:
        if (m_ruler > 0) {
            auto* label = new QLabel(isolated(tr("%1 px =").arg(QLocale().toString(m_ruler, 'f', 1))));
            auto* box = new QDoubleSpinBox;
            box->setObjectName(QStringLiteral("calibrationLength"));
            box->setRange(0.01, 10000);
            box->setDecimals(2);
            box->setValue(10);
            setUnit(box, tr(" mm"));
            box->setAccessibleName(tr("Length of the line"));
            box->setButtonSymbols(QAbstractSpinBox::NoButtons);
            box->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
            box->setAlignment(Qt::AlignRight);
            auto* button = new QPushButton(tr("Calibrate"));
            button->setObjectName(QStringLiteral("calibrateButton"));
            m_layout->addWidget(label);
            m_layout->addWidget(box);
            m_layout->addWidget(button);
            connect(button, &QPushButton::clicked, this, [this, box] { Q_EMIT calibrated(box->value()); });
        } else {
            hint(tr("Click both ends of a length. A known length calibrates the image."));
        }
        break;
    }
    refresh();
    Q_EMIT rebuilt();
}

} // namespace limn
