// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/canvas/slider_keys.h"

#include <QKeyEvent>

namespace limn {

bool keepsSliderKey(QEvent* event) {
    if (event->type() != QEvent::ShortcutOverride)
        return false;
    switch (static_cast<QKeyEvent*>(event)->key()) {
    case Qt::Key_Left:
    case Qt::Key_Right:
    case Qt::Key_Up:
    case Qt::Key_Down:
    case Qt::Key_PageUp:
    case Qt::Key_PageDown:
    case Qt::Key_Home:
    case Qt::Key_End:
        event->accept();
        return true;
    default:
        return false;
    }
}

} // namespace limn
