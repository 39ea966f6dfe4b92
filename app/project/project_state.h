// SPDX-License-Identifier: GPL-3.0-or-later
// What a Project is made of, for the project_*.cpp files alone: what the owner's thread knows, the saver and
// the worker. Members say which thread uses them.
#pragma once

#include "app/project/file_scan.h"
#include "app/project/project.h"

#include <QCoreApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QEvent>
#include <QFileInfo>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_set>

namespace limn {

// What the saver's thread read of the store when it was opened.
struct OpenedProject {
    std::string filePath;
    std::string imageFolder;
    StoreAccess access = StoreAccess::ReadWrite;
    std::vector<PersonRecord> people;
    PersonId person = kNobody;
    std::map<std::string, std::string> settings;
    std::vector<LabelSetRecord> labelSets;
    Worklist worklist;
    std::vector<ProjectNotice> notices;
};

// Who did something, also when the store could not take the name yet.
struct Actor {
    PersonId id = kNobody;
    std::string name;

    Result<PersonId> in(ProjectStore& store) const {
        if (id > 0 || name.empty())
            return id > 0 ? id : kNobody;
        return store.person(name);
    }
};

inline QString fromUtf8(const std::string& text) {
    return QString::fromStdString(text);
}

inline std::string absolutePathOf(const std::string& path) {
    return QDir::cleanPath(QFileInfo(fromUtf8(path)).absoluteFilePath()).toStdString();
}

extern const std::string kImageFolderSetting;

// Asks the owner's event loop to look into the mailbox.
inline const QEvent::Type kDelivery = static_cast<QEvent::Type>(QEvent::registerEventType());

struct Project::State {
    std::string askedPath;
    ProjectOptions options;

    // Of the owner's thread.
    bool open = false;
    std::optional<Error> openError;
    OpenedProject now;
    std::vector<ProjectNotice> notices;
    std::vector<Skipped> skipped;
    SaveStatus saveStatus;
    int scans = 0; // running: searches, looks at files, and changes they posted
    int filesToLookAt = 0;
    int filesLookedAt = 0;
    std::unordered_set<std::string> waitingPaths; // handed to the store, not yet in the worklist

    // Of the saver's thread: what its Open function found out.
    std::vector<ProjectNotice> openNotices;
    std::string openPath;
    std::string openFolder;

    // What other threads have for the owner, oldest first. Handed over under a lock of our own, and not
    // inside Qt's events, so that the thread sanitizer sees it and waiting needs no event loop.
    std::mutex mailboxMutex;
    std::condition_variable mailboxChanged;
    std::deque<std::function<void()>> mailbox;

    std::unique_ptr<Saver> saver;
    std::unique_ptr<BackgroundWorker> worker;

    Project* project = nullptr;

    void toOwner(std::function<void()> call) {
        {
            const std::lock_guard lock(mailboxMutex);
            mailbox.push_back(std::move(call));
        }
        mailboxChanged.notify_all();
        QCoreApplication::postEvent(project, new QEvent(kDelivery)); // one for each call
    }

    // Runs the oldest call, in the owner's thread. False: there is none.
    bool deliverOne() {
        std::function<void()> call;
        {
            const std::lock_guard lock(mailboxMutex);
            if (mailbox.empty())
                return false;
            call = std::move(mailbox.front());
            mailbox.pop_front();
        }
        call();
        return true;
    }

    // Delivers what comes until `done`, in the owner's thread. False: the time was over before.
    bool deliverUntil(const std::function<bool()>& done, std::optional<int> timeoutMs) {
        QElapsedTimer timer;
        timer.start();
        for (;;) {
            while (deliverOne()) {
            }
            if (done())
                return true;
            std::unique_lock lock(mailboxMutex);
            const auto news = [&] { return !mailbox.empty(); };
            if (!timeoutMs) {
                mailboxChanged.wait(lock, news);
                continue;
            }
            const qint64 left = *timeoutMs - timer.elapsed();
            if (left <= 0 || !mailboxChanged.wait_for(lock, std::chrono::milliseconds(left), news))
                return false;
        }
    }

    std::string absolutePath(const std::string& path) const {
        return QDir::cleanPath(QDir(fromUtf8(now.imageFolder)).absoluteFilePath(fromUtf8(path)))
            .toStdString();
    }
    std::string relativePath(const std::string& path) const {
        return QDir(fromUtf8(now.imageFolder)).relativeFilePath(fromUtf8(path)).toStdString();
    }

    Result<std::unique_ptr<ProjectStore>> openStore(bool fullCheck);
    Result<std::unique_ptr<ProjectStore>> openElsewhere(const std::string& folder, const StoreOptions& store,
                                                        const Error& why);
    void readStore(const Result<ProjectStore*>& store);
    void takeOver(OpenedProject opened);

    Actor actor() const { return {now.person, options.person}; }
    Result<void> readPeople(ProjectStore& store, const std::string& name);
    void refreshPeople();

    void notice(const ProjectNotice& notice);
    // Posts a change, done by who works now. When it is refused, the records of `touched` are read again.
    void change(std::function<Result<void>(ProjectStore&, PersonId by)> act,
                std::vector<ImageId> touched = {});
    // The same of a decision of who works now; the journal has it at once.
    void decide(DecisionRecord decision);
    void reload(std::vector<ImageId> ids);
    void edit(ImageId id, const std::function<void(ImageRecord&)>& change);

    void beginScan() { ++scans; }
    void endScan();
    // What a search does with files that the project does not hold.
    enum class Search {
        Add,         // they are new
        AddOrFollow, // those that hold a missing image are that image; the others are new
        Follow,      // the same, and the others are let be
    };
    void search(std::vector<std::string> paths, Search how);
    void follow(const std::vector<std::pair<ImageId, std::string>>& moved);
    void noteGone(const std::vector<ImageId>& ids);
    void found(const std::vector<std::string>& paths);
    void lookAt(const std::vector<ImageId>& ids, bool urgent);
    void looked(std::vector<ImageRecord> records);
    // saysMissing: false where a search for moved files follows, which says what it did not find.
    void checkKnown(const std::vector<ImageId>& ids, bool saysMissing);
};

} // namespace limn
