// SPDX-License-Identifier: GPL-3.0-or-later
// What goes on beside the window: shown in the status line when it takes long enough to be noticed, listed in
// a panel, cancelled together or one by one, and asked about before it would be lost.
#include "ui/window/main_window.h"

#include "ui/canvas/canvas_view.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/panels/worklist_pane.h"
#include "ui/session/sentences.h"
#include "ui/window/activity_panel.h"
#include "ui/window/banner_bar.h"

#include <QDir>
#include <QFileInfo>
#include <QLabel>
#include <QLocale>
#include <QMessageBox>
#include <QProgressBar>
#include <QPushButton>
#include <QStatusBar>
#include <QToolButton>

#include <algorithm>

namespace limn {
namespace {

// What is over sooner is not shown, so that nothing flickers.
constexpr int kShownAfterMs = 300;
constexpr int kCountedAfterMs = 1000;

} // namespace

std::vector<Task> MainWindow::tasks(bool all) const {
    std::vector<Task> list;
    const QLocale locale;
    const BackgroundWork work = m_session->backgroundWork();
    const ProposalProgress& proposals = m_session->proposalProgress();
    const auto stopRuns = [session = m_session.get()] { session->cancelRuns(); };
    if (m_export && m_export->isRunning()) {
        const ExportProgress& progress = m_export->progress();
        list.push_back({QStringLiteral("export"), tr("Export"), QDir::toNativeSeparators(m_export->folder()),
                        static_cast<int>(progress.done), static_cast<int>(progress.total),
                        [dialog = m_export] {
                            if (dialog)
                                dialog->cancelJob();
                        },
                        m_export->secondsLeft()});
    }
    const bool computing = work.proposalsTotal > 0 || m_session->proposalPending();
    const bool beforehand = proposals.waiting > 0 || proposals.running;
    if (!m_session->models().empty() && (computing || (all && beforehand))) {
        QStringList parts;
        const ImageRecord* r = proposals.running ? m_session->record(*proposals.running) : nullptr;
        if (r)
            parts.append(QFileInfo(QString::fromStdString(r->path)).completeBaseName());
        if (const std::optional<ModelInfo> model = m_session->modelInfo())
            parts.append(QString::fromStdString(model->identity.name));
        else
            parts.append(tr("loading the model"));
        if (!m_session->finishedRuns().empty() && !m_session->finishedRuns().front().device.isEmpty())
            parts.append(m_session->finishedRuns().front().device);
        if (proposals.waiting > 0)
            parts.append(tr("%n waiting", nullptr, static_cast<int>(proposals.waiting)));
        if (proposals.failed > 0)
            parts.append(tr("%n failed", nullptr, static_cast<int>(proposals.failed)));
        list.push_back({QStringLiteral("proposals"),
                        work.proposalsTotal > 0 ? tr("Proposals") : tr("Proposal"),
                        parts.join(QStringLiteral(" · ")), work.proposalsDone, work.proposalsTotal, stopRuns,
                        proposals.secondsLeft});
    }
    if (m_session->hasProject() && m_session->project()->isScanning())
        list.push_back(
            {QStringLiteral("files"),
             tr("Reading files"),
             work.filesTotal > 0
                 ? tr("%1 of %2").arg(locale.toString(work.filesDone), locale.toString(work.filesTotal))
                 : QString(),
             work.filesDone,
             work.filesTotal,
             {}});
    if (all && m_session->hasProject()) {
        const SaveStatus saving = m_session->project()->saveStatus();
        if (saving.waiting > 0)
            list.push_back({QStringLiteral("saving"),
                            tr("Saving"),
                            saving.trouble ? tr("waiting for disk space or permission")
                                           : tr("%n changes", nullptr, static_cast<int>(saving.waiting)),
                            0,
                            0,
                            {}});
    }
    return list;
}

void MainWindow::refreshTasks() {
    const std::vector<Task> waitedFor = tasks(false);
    if (waitedFor.empty())
        m_busy.invalidate();
    else if (!m_busy.isValid())
        m_busy.start();
    const qint64 ms = waitedFor.empty() ? -1 : m_busy.elapsed();
    m_taskProgress->setVisible(ms >= kShownAfterMs);
    m_taskLabel->setVisible(ms >= kCountedAfterMs);
    m_cancelTasks->setVisible(
        ms >= kCountedAfterMs &&
        std::any_of(waitedFor.begin(), waitedFor.end(), [](const Task& task) { return bool(task.cancel); }));
    if (ms >= 0 && ms < kCountedAfterMs)
        m_taskTimer.start(static_cast<int>((ms < kShownAfterMs ? kShownAfterMs : kCountedAfterMs) - ms));
    if (!waitedFor.empty()) {
        const Task& first = waitedFor.front();
        const QLocale locale;
        QString text = first.title;
        if (first.total > 0)
            text = tr("%1: %2 of %3")
                       .arg(first.title, locale.toString(first.done), locale.toString(first.total));
        if (first.secondsLeft)
            text += QStringLiteral(" · ") + timeLeftText(*first.secondsLeft);
        m_taskLabel->setText(text);
        m_taskProgress->setRange(0, first.total);
        m_taskProgress->setValue(first.done);
    }
    if (m_activity->isVisible()) {
        m_activity->setTasks(tasks(true));
        m_activity->refreshRuns();
    }
    refreshModelLine();
}

void MainWindow::cancelTasks() {
    for (const Task& task : tasks(false)) {
        if (task.cancel)
            task.cancel();
    }
}

void MainWindow::showActivity() {
    if (m_activity->isVisible()) {
        m_activity->hide();
        m_canvas->setFocus();
        return;
    }
    m_activity->setTasks(tasks(true));
    m_activity->popUp(QPoint(layoutDirection() == Qt::RightToLeft ? m_activity->width() + 8 : width() - 8,
                             statusBar()->y() - 6));
}

bool MainWindow::mayStopTasks(const QString& stop) {
    QStringList lost;
    const QLocale locale;
    if (m_export && m_export->isRunning())
        lost.append(tr("Export: %1 of %2 images are written. These files stay.")
                        .arg(locale.toString(qulonglong(m_export->progress().done)),
                             locale.toString(qulonglong(m_export->progress().total))));
    if (const BackgroundWork work = m_session->backgroundWork(); work.proposalsTotal > 0)
        lost.append(tr("Proposals: %1 of %2 are done. These are kept.")
                        .arg(locale.toString(work.proposalsDone), locale.toString(work.proposalsTotal)));
    if (lost.isEmpty())
        return true;
    QMessageBox box(QMessageBox::Question, tr("Tasks are still running"), lost.join(QLatin1Char('\n')),
                    QMessageBox::NoButton, this);
    box.setObjectName(QStringLiteral("tasksQuestion"));
    QPushButton* agreed = box.addButton(stop, QMessageBox::DestructiveRole);
    QPushButton* stay = box.addButton(tr("Keep working"), QMessageBox::RejectRole);
    box.setDefaultButton(stay);
    box.exec();
    // Asked once: what goes on is over now.
    if (box.clickedButton() != agreed)
        return false;
    cancelTasks();
    return true;
}

void MainWindow::showExport(bool selection) {
    if (!m_session->hasProject())
        return;
    // One at a time: the running one comes back.
    if (!m_export || !m_export->isRunning()) {
        if (m_export)
            m_export->deleteLater();
        const std::vector<ImageId> selected = selection ? selectedImages() : m_worklist->selected();
        m_export = new ExportDialog(*m_session, selected, selection, this);
        m_export->setAttribute(Qt::WA_DeleteOnClose);
        connect(m_export, &ExportDialog::progressed, this, &MainWindow::refreshTasks);
        connect(m_export, &ExportDialog::endedUnseen, this, [this](const QString& summary, bool trouble) {
            const auto look = [dialog = m_export] {
                if (dialog)
                    dialog->show();
            };
            if (!trouble) {
                m_toast->show(tr("Export: %1").arg(summary), tr("Show"), look);
                return;
            }
            m_banners->show({QStringLiteral("export"),
                             Banner::Kind::Warning,
                             tr("Export: %1").arg(summary),
                             {{tr("Show"), look, false}},
                             {},
                             {},
                             {}});
        });
    }
    m_export->show();
    m_export->raise();
    m_export->activateWindow();
}

} // namespace limn
