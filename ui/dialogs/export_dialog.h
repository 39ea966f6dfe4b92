// SPDX-License-Identifier: GPL-3.0-or-later
// Writing annotations as files that other programs read: which, where, progress, cancel, and a list of what
// was written and what was not. Works in the background; the window goes on. GUI thread.
#pragma once

#include "app/export/export_job.h"
#include "ui/session/review_session.h"

#include <QDialog>

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
    void showReport(const Result<ExportReport>& report);
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
    std::unique_ptr<ExportJob> m_job;
};

} // namespace limn
