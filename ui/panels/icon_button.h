// SPDX-License-Identifier: GPL-3.0-or-later
// A button with an icon and words that stay together from right to left, too: there, Qt's style sheets leave
// the icon in the middle and put the words at the far edge. GUI thread.
#pragma once

#include <QPushButton>

namespace limn {

class IconButton : public QPushButton {
    Q_OBJECT

public:
    using QPushButton::QPushButton;

protected:
    void paintEvent(QPaintEvent* event) override;
    // Of icon and words together, as they are drawn.
    int contentWidth() const;
};

} // namespace limn
