// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/export_job.h"

#include <QMetaObject>

#include <chrono>
#include <utility>

namespace limn {

namespace {

constexpr int kSavePatienceMs = 10000;
constexpr std::chrono::milliseconds kBetweenReports{50};

} // namespace

// What both threads hold.
struct ExportJob::Shared {
    std::atomic<bool> cancelled{false};
};

ExportJob::ExportJob(Project& project, ExportOptions options, QObject* parent)
    : QObject(parent)
    , m_project(project)
    , m_options(std::move(options))
    , m_shared(std::make_shared<Shared>()) {}

ExportJob::~ExportJob() {
    cancel();
    if (m_thread.joinable())
        m_thread.join();
}

void ExportJob::cancel() {
    m_shared->cancelled = true;
}

void ExportJob::start() {
    if (m_thread.joinable())
        return;
    m_running = true;
    m_thread = std::thread([this, file = m_project.filePath(), saver = &m_project.saver(),
                            options = m_options, shared = m_shared] {
        auto last = std::chrono::steady_clock::now() - kBetweenReports;
        const auto goOn = [&](const ExportProgress& progress) {
            const auto now = std::chrono::steady_clock::now();
            if (now - last >= kBetweenReports || progress.done == progress.total) {
                last = now;
                QMetaObject::invokeMethod(
                    this, [this, progress] { Q_EMIT progressed(progress); }, Qt::QueuedConnection);
            }
            return !shared->cancelled.load();
        };
        // What was drawn last has to be in the store first.
        SaveStatus saved;
        for (int waited = 0; waited < kSavePatienceMs && !shared->cancelled; waited += 100) {
            saved = saver->flush(100);
            if (saved.waiting == 0 || saved.trouble)
                break;
        }
        std::vector<std::string> notes;
        if (saved.waiting > 0)
            notes.push_back(std::to_string(saved.waiting) +
                            " changes are not saved yet and are missing in the export" +
                            (saved.trouble ? ": " + saved.trouble->message() : std::string(".")));
        std::optional<Result<ExportReport>> report;
        if (file.empty()) {
            // A project in memory is in the saver's hands alone.
            saver->wait([&](const Result<ProjectStore*>& store) {
                report =
                    store ? runExport(**store, options, goOn, notes) : Result<ExportReport>(store.error());
            });
        } else {
            StoreOptions reading;
            reading.create = false;
            reading.readOnly = true;
            Result<std::unique_ptr<ProjectStore>> store = ProjectStore::open(file, reading);
            report = store ? runExport(**store, options, goOn, notes) : Result<ExportReport>(store.error());
        }
        QMetaObject::invokeMethod(
            this,
            [this, report = std::move(*report)] {
                m_thread.join();
                m_running = false;
                Q_EMIT finished(report);
            },
            Qt::QueuedConnection);
    });
}

} // namespace limn
