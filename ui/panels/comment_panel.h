// SPDX-License-Identifier: GPL-3.0-or-later
// What people remarked about the shown image, and why it is flagged. GUI thread.
#pragma once

#include "ui/session/review_session.h"

#include <QTimer>
#include <QWidget>

class QLineEdit;
class QVBoxLayout;

namespace limn {

class CommentPanel : public QWidget {
    Q_OBJECT

public:
    explicit CommentPanel(ReviewSession& session, QWidget* parent = nullptr);
    QLineEdit* entry() const { return m_entry; }

Q_SIGNALS:
    void finished(); // the person is done with writing

private:
    void load();
    void show(const std::vector<HistoryRecord>& comments);
    void refreshFlag();

    ReviewSession& m_session;
    QLineEdit* m_flagNote;
    QVBoxLayout* m_rows;
    QLineEdit* m_entry;
    QTimer m_timer;
};

} // namespace limn
