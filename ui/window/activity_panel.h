// SPDX-License-Identifier: GPL-3.0-or-later
// What goes on beside the window and what it said: tasks with their progress and a way to stop them, the last
// proposals with device and milliseconds of each stage, and all messages of this sitting. Opened over the
// window, closed by Esc or a click elsewhere. GUI thread.
#pragma once

#include "ui/session/review_session.h"
#include "ui/window/banner_bar.h"

#include <QFrame>

#include <functional>
#include <optional>
#include <vector>

class QLabel;
class QListWidget;
class QProgressBar;
class QTabWidget;
class QToolButton;
class QTreeWidget;
class QVBoxLayout;

namespace limn {

class ElidedLabel;

struct Task {
    QString id;     // stays the same while it runs
    QString title;  // "Proposals"
    QString detail; // "case-012, dermoscopy, cpu"
    int done = 0;
    int total = 0;                // 0: not known
    std::function<void()> cancel; // empty: it cannot be stopped
    std::optional<double> secondsLeft{};
};

class ActivityPanel : public QFrame {
    Q_OBJECT

public:
    explicit ActivityPanel(ReviewSession& session, QWidget* parent);

    void setTasks(const std::vector<Task>& tasks);
    void addMessage(Banner::Kind kind, const QString& text);
    // All so far, the newest last.
    const QStringList& messages() const { return m_messages; }
    // Above the point, its right edge there.
    void popUp(const QPoint& bottomRight);
    void refreshRuns();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

private:
    struct Row {
        QString id;
        QWidget* widget;
        QLabel* title;
        ElidedLabel* detail;
        QProgressBar* progress;
        QToolButton* cancel;
        std::function<void()> run;
    };
    Row makeRow(const QString& id);
    void leave();

    ReviewSession& m_session;
    QTabWidget* m_tabs;
    QVBoxLayout* m_tasks;
    QLabel* m_nothing;
    QTreeWidget* m_runs;
    QListWidget* m_list;
    std::vector<std::unique_ptr<Row>> m_rows;
    QDateTime m_newestRun; // shown
    QStringList m_messages;
};

} // namespace limn
