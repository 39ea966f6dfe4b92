// SPDX-License-Identifier: GPL-3.0-or-later
// Looking at image files: which there are, what they hold, whether they changed. Plain functions for a
// background thread; they never write to a file. `goOn` is asked often; false ends early.
#pragma once

#include "io/core/result.h"
#include "io/store/records.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace limn {

using GoOn = std::function<bool()>;

// True for the endings of the formats that io/images reads, in any case. What the file holds is seen when it
// is opened.
bool hasImageEnding(const std::string& path);

// Whether a folder holds what an export wrote (masks and overlays, which are no images to work on), and no
// other images beside.
bool isExportFolder(const std::string& folder);

// Files named, and image files in folders named (searched through, in natural order within a folder, hidden
// ones and what was exported there left out), as absolute paths. `portion` gets the first few at once, then
// hundreds.
void listImageFiles(const std::vector<std::string>& paths,
                    const std::function<void(std::vector<std::string>)>& portion, const GoOn& goOn);

struct FileStamp {
    std::int64_t bytes = 0;
    TimeMs modifiedMs = 0;
    bool operator==(const FileStamp&) const = default;
};
// Errors: FileNotFound, NotAFile, FileNotReadable.
Result<FileStamp> fileStamp(const std::string& path);
// SHA-256 of the whole file, 64 lower-case hexadecimal digits. Errors: as above, Cancelled.
Result<std::string> fileSha256(const std::string& path, const GoOn& goOn);

// One thread that runs jobs in order; urgent ones first. Destroying it drops what waits and asks the running
// job to end.
class BackgroundWorker {
public:
    using Job = std::function<void(const GoOn&)>;

    BackgroundWorker();
    ~BackgroundWorker();
    BackgroundWorker(const BackgroundWorker&) = delete;
    BackgroundWorker& operator=(const BackgroundWorker&) = delete;

    void post(Job job);
    void postUrgent(Job job);
    bool idle() const;

private:
    void run();

    mutable std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Job> m_urgent;
    std::deque<Job> m_jobs;
    bool m_running = false;
    bool m_stopping = false;
    std::thread m_thread;
};

} // namespace limn
