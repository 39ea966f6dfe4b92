// SPDX-License-Identifier: GPL-3.0-or-later
// Writing annotations as files that other programs read: which, where, progress, cancel, and a list of what
// was written and what was not. Works in the background; the window goes on. GUI thread.
#pragma once

#include "ui/session/review_session.h"

#include <QDialog>

#include <atomic>
#include <memory>

class QComboBox;
class QLabel;
class QLineEdit;
class QPlainTextEdit;
class QProgressBar;
class QPushButton;

namespace limn {

class ExportDialog : public QDialog {
    Q_OBJECT

public:
    ExportDialog(ReviewSession& session, std::vector<ImageId> selected, QWidget* parent = nullptr);
    ~ExportDialog() override;

private:
    void start();
    void run(const QString& folder);
    void refresh();

    ReviewSession& m_session;
    QComboBox* m_which;
    QLineEdit* m_folder;
    QLabel* m_summary;
    QProgressBar* m_progress;
    QPlainTextEdit* m_report;
    QPushButton* m_start;
    QPushButton* m_cancel;
    QPushButton* m_openFolder;
    std::shared_ptr<std::atomic<bool>> m_cancelled;
    bool m_running = false;
};

} // namespace limn
