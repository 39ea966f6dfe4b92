// SPDX-License-Identifier: GPL-3.0-or-later
// Annotations of a project as files that other programs read: one way for the window and for limn-cli, so
// that both write the same bytes. Files appear complete or not at all; source images are only read.
//
//     auto* job = new ExportJob(project, options, this);
//     connect(job, &ExportJob::progressed, ...);
//     connect(job, &ExportJob::finished, ...);   // always comes, also after cancel()
//     job->start();
//
// Besides the files of the formats the folder gets export_report.csv and export_report.json.
#pragma once

#include "app/export/export_report.h"
#include "app/project/project.h"
#include "io/core/result.h"
#include "io/store/project_store.h"

#include <QObject>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace limn {

struct ExportProgress {
    std::size_t done = 0; // images
    std::size_t total = 0;
    std::size_t failed = 0;
    std::size_t files = 0;
    std::int64_t bytes = 0;
    std::string image; // path of the one that was done last
};

// Writes what the options say. Blocks; used by limn-cli and by ExportJob, in the thread that opened the
// store. `goOn` is asked after each image, from this thread; false ends the export: what was written stays,
// each file whole, tables are not written, the report says so. Files are encoded by several threads; the
// result does not depend on how many.
// Errors, before anything is written: those of the store, FileNotWritable (the folder cannot be made),
// InvalidArgument (no such person, no format, a size below 0). Later trouble is in the report.
// `notes` are sentences that the caller wants in the report too.
Result<ExportReport> runExport(ProjectStore& store, const ExportOptions& options,
                               const std::function<bool(const ExportProgress&)>& goOn = {},
                               std::vector<std::string> notes = {});

// An export of an open project in the background. It first waits until what was drawn is saved (at most 10 s;
// the report notes what is not), then reads through a connection of its own, so that saving goes on.
// One thread, that of the project, calls everything and gets the signals.
class ExportJob : public QObject {
    Q_OBJECT
public:
    // The project must outlive the job.
    ExportJob(Project& project, ExportOptions options, QObject* parent = nullptr);
    // Cancels, and waits for the image in hand.
    ~ExportJob() override;

    void start(); // once
    void cancel();
    bool isRunning() const { return m_running; }
    const ExportOptions& options() const { return m_options; }

Q_SIGNALS:
    void progressed(const limn::ExportProgress& progress); // at most 20 times a second
    void finished(const limn::Result<limn::ExportReport>& report);

private:
    struct Shared;
    Project& m_project;
    ExportOptions m_options;
    std::shared_ptr<Shared> m_shared;
    std::thread m_thread;
    bool m_running = false;
};

} // namespace limn
