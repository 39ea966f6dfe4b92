// SPDX-License-Identifier: GPL-3.0-or-later
// Writing annotations as files that other programs read: which images, which formats and options, where; what
// that will come to, before it begins; then progress, cancel, and a list of what was written and what was
// not. The work is done in the background (app/export); the window goes on, and so does the export when the
// dialog is closed meanwhile: it is hidden then, and comes back with show(). GUI thread.
#pragma once

#include "app/export/export_job.h"
#include "ui/session/review_session.h"

#include <QDialog>
#include <QElapsedTimer>

#include <memory>
#include <optional>
#include <vector>

class QCheckBox;
class QComboBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QSpinBox;
class QStackedWidget;
class QTreeWidget;

namespace limn {

class ElidedLabel;

class ExportDialog : public QDialog {
    Q_OBJECT

public:
    // What was selected in the list; offered first when `startWithSelection`.
    ExportDialog(ReviewSession& session, std::vector<ImageId> selected, bool startWithSelection,
                 QWidget* parent = nullptr);

    // As chosen now; what the job and the copied command get.
    ExportOptions options() const;

    bool isRunning() const { return m_job && m_job->isRunning(); }
    const ExportProgress& progress() const { return m_lastProgress; }
    // Not before it runs for a while.
    std::optional<double> secondsLeft() const;
    QString folder() const;
    void cancelJob();

    void reject() override;

Q_SIGNALS:
    void progressed();
    // The export is over while nobody looked at the dialog.
    void endedUnseen(const QString& summary, bool trouble);

protected:
    void closeEvent(QCloseEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    enum class Which { Accepted, AcceptedAndSubmitted, Listed, Selected, Everything };
    void makeForm();
    void makeResults();
    void fitForm();
    void refreshPlan();
    void refreshPresets();
    void usePreset(const QString& name);
    void savePreset();
    void leavePresetName();
    void removePreset();
    void applyOptions(const ExportOptions& options);
    void start(const ExportOptions& options);
    void showProgress(const ExportProgress& progress);
    void showReport(const Result<ExportReport>& report);
    void showFailures();
    void tellEnd(bool trouble);

    ReviewSession& m_session;
    std::vector<ImageId> m_selected;
    QStackedWidget* m_pages;
    QWidget* m_form; // scrolled
    QComboBox* m_preset;
    QPushButton* m_removePreset;
    QStackedWidget* m_presetRows;
    QLineEdit* m_presetName;
    QComboBox* m_which;
    std::vector<std::pair<ExportFormat, QCheckBox*>> m_formats;
    QComboBox* m_person;
    QComboBox* m_labels;
    QComboBox* m_names;
    QSpinBox* m_longestSide;
    QCheckBox* m_withoutPeople;
    QCheckBox* m_wholeLabels;
    QComboBox* m_existing;
    QLineEdit* m_folder;
    QLabel* m_plan;
    QPushButton* m_copy;
    QLabel* m_summary;
    ElidedLabel* m_where;
    QProgressBar* m_progress;
    QTreeWidget* m_report;
    QCheckBox* m_failuresOnly;
    QPushButton* m_retry;
    QPushButton* m_openFolder;
    QPushButton* m_back;
    QPushButton* m_cancel;
    QPushButton* m_start;
    std::unique_ptr<ExportJob> m_job;
    ExportProgress m_lastProgress;
    std::optional<ExportReport> m_last;
    QElapsedTimer m_clock; // of the job
};

} // namespace limn
