// SPDX-License-Identifier: GPL-3.0-or-later
// Export dialog.
#include "ui/dialogs/export_dialog.h"

#include "app/cli/project_export.h"

#include <QComboBox>
#include <QDesktopServices>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QPlainTextEdit>
#include <QPointer>
#include <QProgressBar>
#include <QPushButton>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>
#include <QtConcurrent>

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
        if (m_running && m_cancelled)
            m_cancelled->store(true);
        else
            close();
    });
    connect(m_openFolder, &QPushButton::clicked, this,
            [this] { QDesktopServices::openUrl(QUrl::fromLocalFile(m_folder->text())); });
    refresh();
}

ExportDialog::~ExportDialog() {
    if (m_cancelled)
        m_cancelled->store(true);
}

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
    if (m_running || !m_session.hasProject())
        return;
    const QString folder = m_folder->text().trimmed();
    if (folder.isEmpty())
        return;
    m_running = true;
    m_start->setEnabled(false);
    m_cancel->setText(tr("Cancel"));
    m_progress->setRange(0, 0);
    m_progress->show();
    // What was drawn last has to be in the store first.
    const QPointer<ExportDialog> self(this);
    m_session.project()->saver().post([](ProjectStore&) { return Result<void>(); },
                                      [self, folder](const Result<void>&) {
                                          QMetaObject::invokeMethod(
                                              qApp,
                                              [self, folder] {
                                                  if (self)
                                                      self->run(folder);
                                              },
                                              Qt::QueuedConnection);
                                      });
}

void ExportDialog::run(const QString& folder) {
    if (!m_session.hasProject())
        return;
    m_cancelled = std::make_shared<std::atomic<bool>>(false);
    ProjectExportOptions options;
    options.output = folder.toStdString();
    if (m_which->currentIndex() == 0)
        options.states = {ReviewState::Accepted};
    else if (m_which->currentIndex() == 1)
        options.states = {ReviewState::Accepted, ReviewState::Submitted};
    const std::string file = m_session.project()->filePath();
    Saver* saver = &m_session.project()->saver();
    const QPointer<ExportDialog> self(this);
    const auto goOn = [cancelled = m_cancelled, self](std::size_t done, std::size_t total) {
        QMetaObject::invokeMethod(
            qApp,
            [self, done, total] {
                if (self) {
                    self->m_progress->setRange(0, static_cast<int>(total));
                    self->m_progress->setValue(static_cast<int>(done));
                }
            },
            Qt::QueuedConnection);
        return !cancelled->load();
    };
    QtConcurrent::run([file, saver, options, goOn]() -> Result<ProjectExportSummary> {
        if (file.empty()) {
            // A project in memory is in the saver's hands alone.
            std::optional<Result<ProjectExportSummary>> summary;
            saver->wait([&](const Result<ProjectStore*>& store) {
                summary = store ? exportProject(**store, options, goOn)
                                : Result<ProjectExportSummary>(store.error());
            });
            return *summary;
        }
        // A reader of its own, so that saving goes on meanwhile.
        StoreOptions reading;
        reading.create = false;
        reading.readOnly = true;
        Result<std::unique_ptr<ProjectStore>> store = ProjectStore::open(file, reading);
        if (!store)
            return store.error();
        return exportProject(**store, options, goOn);
    }).then(this, [this](const Result<ProjectExportSummary>& result) {
        m_running = false;
        m_progress->hide();
        m_start->setEnabled(true);
        m_cancel->setText(tr("Close"));
        m_report->show();
        if (!result) {
            m_report->setPlainText(result.error().code == ErrorCode::Cancelled
                                       ? tr("Stopped. Files that were written are whole and stay.")
                                       : QString::fromStdString(result.error().message()));
            return;
        }
        QStringList lines;
        lines.append(tr("%n annotations were written.", nullptr, static_cast<int>(result->written)));
        if (result->unannotated > 0)
            lines.append(tr("%n images have no annotation.", nullptr, static_cast<int>(result->unannotated)));
        for (const auto& [name, error] : result->failed)
            lines.append(QStringLiteral("%1: %2").arg(QString::fromStdString(name),
                                                      QString::fromStdString(error.message())));
        m_report->setPlainText(lines.join(QLatin1Char('\n')));
        m_openFolder->show();
    });
}

} // namespace limn
