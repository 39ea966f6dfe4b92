// SPDX-License-Identifier: GPL-3.0-or-later
// A button that does what a command does, and shows the command's key at its far edge where there is room.
// GUI thread.
#pragma once

#include "ui/panels/icon_button.h"

class QAction;

namespace limn {

class KeyButton : public IconButton {
    Q_OBJECT

public:
    explicit KeyButton(QAction* action, QWidget* parent = nullptr);
    // Where the key is drawn; empty: there is no key, or no room for it.
    QRect keyPlace() const;

protected:
    void paintEvent(QPaintEvent* event) override;

private:
    QString key() const;

    QAction* m_action;
};

} // namespace limn
