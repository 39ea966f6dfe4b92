// SPDX-License-Identifier: GPL-3.0-or-later
// What happened to the shown image: who, when, what; kept versions can be taken back. GUI thread.
#pragma once

#include "ui/session/review_session.h"

#include <QTimer>
#include <QWidget>

class QVBoxLayout;

namespace limn {

class HistoryPanel : public QWidget {
    Q_OBJECT

public:
    explicit HistoryPanel(ReviewSession& session, QWidget* parent = nullptr);

private:
    void load();
    void show(const std::vector<HistoryRecord>& lines, const std::vector<KeptVersion>& versions);

    ReviewSession& m_session;
    QVBoxLayout* m_rows;
    QTimer m_timer;
};

} // namespace limn
