// SPDX-License-Identifier: GPL-3.0-or-later
// Above the canvas while two things are compared: which is A, which is B, how well they agree, and what the
// colours mean. GUI thread.
#pragma once

#include "ui/session/comparison.h"

#include <QFrame>

class QComboBox;
class QLabel;
class QToolButton;

namespace limn {

class CompareBar : public QFrame {
    Q_OBJECT

public:
    CompareBar(Comparison& comparison, QWidget* parent = nullptr);
    // The colours are explained where both masks are drawn over each other.
    void setDifferenceShown(bool on);

Q_SIGNALS:
    void closed();

private:
    void refreshChoices();
    void refreshFigures();

    Comparison& m_comparison;
    QComboBox* m_boxes[2];
    QLabel* m_figures;
    QLabel* m_keys[3];
    bool m_difference = false;
};

} // namespace limn
