// SPDX-License-Identifier: GPL-3.0-or-later
// Above the canvas while two people's annotations are made into one: which area is shown, and whose to take.
// GUI thread.
#pragma once

#include "ui/session/agreement_work.h"

#include <QFrame>

class QLabel;
class QPushButton;

namespace limn {

class Commands;

class AgreementBar : public QFrame {
    Q_OBJECT

public:
    AgreementBar(AgreementWork& work, ImageVersions& versions, Commands& commands, QWidget* parent = nullptr);

private:
    void refresh();

    AgreementWork& m_work;
    ImageVersions& m_versions;
    QLabel* m_text;
    QPushButton* m_first;
    QPushButton* m_second;
    QPushButton* m_byHand;
};

} // namespace limn
