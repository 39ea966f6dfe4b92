// SPDX-License-Identifier: GPL-3.0-or-later
// Button with icon and words.
#include "ui/panels/icon_button.h"

#include <QStyleOptionButton>
#include <QStylePainter>

namespace limn {
namespace {

constexpr int kBetween = 4;

} // namespace

int IconButton::contentWidth() const {
    const int words = fontMetrics().size(Qt::TextShowMnemonic, text()).width();
    return words + (icon().isNull() ? 0 : iconSize().width() + kBetween);
}

void IconButton::paintEvent(QPaintEvent* event) {
    if (layoutDirection() == Qt::LeftToRight || icon().isNull() || text().isEmpty()) {
        QPushButton::paintEvent(event);
        return;
    }
    QStyleOptionButton option;
    initStyleOption(&option);
    option.icon = QIcon();
    option.text.clear();
    QStylePainter painter(this);
    painter.drawControl(QStyle::CE_PushButton, option);
    const QRect both =
        QStyle::alignedRect(layoutDirection(), Qt::AlignCenter, {contentWidth(), height()}, rect());
    const QSize size = iconSize();
    icon().paint(
        &painter,
        QRect(both.right() + 1 - size.width(), (height() - size.height()) / 2, size.width(), size.height()),
        Qt::AlignCenter, isEnabled() ? QIcon::Normal : QIcon::Disabled);
    const QRect words(both.left(), 0, both.width() - size.width() - kBetween, height());
    style()->drawItemText(&painter, words, Qt::AlignCenter | Qt::TextShowMnemonic, palette(), isEnabled(),
                          text(), QPalette::ButtonText);
}

} // namespace limn
