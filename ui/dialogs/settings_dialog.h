// SPDX-License-Identifier: GPL-3.0-or-later
// Settings; each takes effect at once. GUI thread.
#pragma once

#include <QDialog>

namespace limn {

class ReviewSession;

class SettingsDialog : public QDialog {
    Q_OBJECT

public:
    explicit SettingsDialog(ReviewSession& session, QWidget* parent = nullptr);

Q_SIGNALS:
    void viewChanged();
};

} // namespace limn
