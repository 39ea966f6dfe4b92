// SPDX-License-Identifier: GPL-3.0-or-later
// A combo box that may be narrower than its choices: what is chosen ends in an ellipsis then, and is whole in
// the tool tip and in the list. GUI thread.
#pragma once

#include <QComboBox>

namespace limn {

class ElidedComboBox : public QComboBox {
public:
    // Room for that many letters at the least.
    explicit ElidedComboBox(int letters, QWidget* parent = nullptr);
    void showPopup() override;
    // What is chosen, as far as there is room for it.
    QString shownText() const;

protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
};

} // namespace limn
