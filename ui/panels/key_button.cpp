// SPDX-License-Identifier: GPL-3.0-or-later
// Button with its key.
#include "ui/panels/key_button.h"

#include "ui/theme/theme.h"

#include <QAction>
#include <QPainter>
#include <QStyle>

namespace limn {
namespace {

constexpr int kEdge = 5; // between the button's end and the key's frame
constexpr int kInside = 4;
constexpr int kFromText = 2;

} // namespace

KeyButton::KeyButton(QAction* action, QWidget* parent) : IconButton(parent), m_action(action) {
    connect(this, &QPushButton::clicked, action, &QAction::trigger);
    connect(action, &QAction::changed, this, qOverload<>(&QWidget::update));
}

QString KeyButton::key() const {
    return m_action->shortcut().toString(QKeySequence::NativeText);
}

QRect KeyButton::keyPlace() const {
    const QString text = key();
    if (text.isEmpty())
        return {};
    const QFontMetrics metrics = fontMetrics();
    const int height = metrics.height() + 2;
    const int width = metrics.horizontalAdvance(text) + 2 * kInside;
    // Icon and words stand in the middle.
    if ((this->width() + contentWidth()) / 2 + kFromText + width + kEdge > this->width())
        return {};
    const QRect place(this->width() - kEdge - width, (this->height() - height) / 2, width, height);
    return QStyle::visualRect(layoutDirection(), rect(), place);
}

void KeyButton::paintEvent(QPaintEvent* event) {
    IconButton::paintEvent(event);
    const QRect place = keyPlace();
    if (place.isEmpty())
        return;
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QColor color = Theme::instance().color(!isEnabled()                   ? "disabled"
                                           : property("primary").toBool() ? "onAccent"
                                                                          : "muted");
    painter.setPen(color);
    painter.drawText(place, Qt::AlignCenter, key());
    color.setAlphaF(0.5f);
    painter.setPen(color);
    painter.drawRoundedRect(QRectF(place).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
}

} // namespace limn
