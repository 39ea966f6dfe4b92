// SPDX-License-Identifier: GPL-3.0-or-later
// Export dialog.
#include "ui/dialogs/export_dialog.h"

#include <QComboBox>
#include <QDesktopServices>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>

namespace limn {

ExportDialog::ExportDialog(ReviewSession& session, std::vector<ImageId>, QWidget* parent)
    : QDialog(parent), m_session(session) {
    setWindowTitle(tr("Export"));
    setObjectName(QStringLiteral("exportDialog"));
    resize(560, 420);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 16, 16, 16);
    layout->setSpacing(12);
    auto* form = new QFormLayout;
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(10);
    m_which = new QComboBox;
    m_which->setObjectName(QStringLiteral("exportWhich"));
    m_which->addItem(tr("Accepted images"));
    m_which->addItem(tr("Accepted and submitted images"));
    m_which->addItem(tr("All images with an annotation"));
    form->addRow(tr("Which"), m_which);
    auto* what = new QLabel(tr(
        "Masks (PNG, 0 and 255), label maps (PNG), and one table of labels, areas, states and models (CSV)"));
    what->setWordWrap(true);
    what->setProperty("muted", true);
    form->addRow(tr("What"), what);
    auto* row = new QHBoxLayout;
    m_folder = new QLineEdit(QDir::toNativeSeparators(
        QString::fromStdString(session.project()->imageFolder()) + QStringLiteral("/export")));
    m_folder->setObjectName(QStringLiteral("exportFolder"));
    auto* choose = new QPushButton(tr("Choose…"));
    row->addWidget(m_folder, 1);
    row->addWidget(choose);
    form->addRow(tr("Where"), row);
    layout->addLayout(form);
    m_summary = new QLabel;
    m_summary->setWordWrap(true);
    layout->addWidget(m_summary);
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->hide();
    layout->addWidget(m_progress);
    m_report = new QPlainTextEdit;
    m_report->setObjectName(QStringLiteral("exportReport"));
    m_report->setReadOnly(true);
    m_report->hide();
    layout->addWidget(m_report, 1);
    layout->addStretch();
    auto* buttons = new QHBoxLayout;
    m_openFolder = new QPushButton(tr("Open folder"));
    m_openFolder->hide();
    m_cancel = new QPushButton(tr("Close"));
    m_start = new QPushButton(tr("Export"));
    m_start->setObjectName(QStringLiteral("exportStart"));
    m_start->setProperty("primary", true);
    m_start->setDefault(true);
    buttons->addWidget(m_openFolder);
    buttons->addStretch();
    buttons->addWidget(m_cancel);
    buttons->addWidget(m_start);
    layout->addLayout(buttons);
    connect(choose, &QPushButton::clicked, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(this, tr("Export into"), m_folder->text());
        if (!folder.isEmpty())
            m_folder->setText(QDir::toNativeSeparators(folder));
    });
    connect(m_which, &QComboBox::activated, this, &ExportDialog::refresh);
    connect(m_start, &QPushButton::clicked, this, &ExportDialog::start);
    connect(m_cancel, &QPushButton::clicked, this, [this] {
        if (m_job && m_job->isRunning())
            m_job->cancel();
        else
            close();
    });
    connect(m_openFolder, &QPushButton::clicked, this,
            [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(m_folder->text())); });
    refresh();
}

ExportDialog::~ExportDialog() = default;

void ExportDialog::refresh() {
    if (!m_session.hasProject())
        return;
    const WorklistCounts counts = m_session.project()->worklist().counts();
    const auto of = [&](ReviewState s) { return counts.byState[static_cast<std::size_t>(s)]; };
    std::size_t images = of(ReviewState::Accepted);
    if (m_which->currentIndex() == 1)
        images += of(ReviewState::Submitted);
    else if (m_which->currentIndex() == 2)
        images = counts.total - of(ReviewState::New) - of(ReviewState::Proposed);
    const QLocale locale;
    QString text = tr("%n images", nullptr, static_cast<int>(images)) + QStringLiteral(", ") +
                   tr("%n files", nullptr, static_cast<int>(images * 2 + 1));
    if (counts.total > images)
        text += QStringLiteral("; ") +
                tr("%1 others left out").arg(locale.toString(qulonglong(counts.total - images)));
    m_summary->setText(text + QStringLiteral(". ") + tr("Files of the same names are replaced."));
}

void ExportDialog::start() {
    const QString folder = m_folder->text().trimmed();
    if ((m_job && m_job->isRunning()) || !m_session.hasProject() || folder.isEmpty())
        return;
    ExportOptions options;
    options.folder = folder.toStdString();
    if (m_which->currentIndex() == 0)
        options.states = {ReviewState::Accepted};
    else if (m_which->currentIndex() == 1)
        options.states = {ReviewState::Accepted, ReviewState::Submitted};
    m_start->setEnabled(false);
    m_cancel->setText(tr("Cancel"));
    m_progress->setRange(0, 0);
    m_progress->show();
    m_job = std::make_unique<ExportJob>(*m_session.project(), options);
    connect(m_job.get(), &ExportJob::progressed, this, [this](const ExportProgress& progress) {
        m_progress->setRange(0, static_cast<int>(progress.total));
        m_progress->setValue(static_cast<int>(progress.done));
    });
    connect(m_job.get(), &ExportJob::finished, this, &ExportDialog::showReport);
    m_job->start();
}

void ExportDialog::showReport(const Result<ExportReport>& report) {
    m_progress->hide();
    m_start->setEnabled(true);
    m_cancel->setText(tr("Close"));
    m_report->show();
    if (!report) {
        m_report->setPlainText(QString::fromStdString(report.error().message()));
        return;
    }
    QStringList lines;
    if (report->cancelled)
        lines.append(tr("Stopped. Files that were written are whole and stay."));
    lines.append(
        tr("%n annotations were written.", nullptr, static_cast<int>(report->count(ExportResult::Written))));
    if (const std::size_t bare = report->count(ExportResult::Unannotated))
        lines.append(tr("%n images have no annotation.", nullptr, static_cast<int>(bare)));
    for (const ExportedImage& image : report->images)
        if (image.result == ExportResult::Failed)
            lines.append(QStringLiteral("%1: %2").arg(QString::fromStdString(image.path),
                                                      QString::fromStdString(image.reason)));
    if (report->stopped)
        lines.append(QString::fromStdString(report->stopped->message()));
    m_report->setPlainText(lines.join(QLatin1Char('\n')));
    m_openFolder->show();
}

} // namespace limn
