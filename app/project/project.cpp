// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/project.h"

#include "app/project/annotation_conversion.h"
#include "app/project/file_scan.h"
#include "io/images/image_reader.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QElapsedTimer>
#include <QEvent>
#include <QFileInfo>
#include <QStandardPaths>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace limn {

namespace {

const std::string kEnding = ".limn";
const std::string kImageFolderSetting = "image-folder";
// Records of files are handed over in portions, so that the list fills while files are still being read.
constexpr std::size_t kFactsPortion = 64;

QString fromUtf8(const std::string& text) {
    return QString::fromStdString(text);
}

std::string absolute(const std::string& path) {
    return QDir::cleanPath(QFileInfo(fromUtf8(path)).absoluteFilePath()).toStdString();
}

Result<FileFacts> probeFile(const std::string& path) {
    const Result<ImageProbe> probe = probeImage(path);
    if (!probe)
        return probe.error();
    return FileFacts{probe->size, probe->spacing, {}};
}

// The project file of a folder: the one that is there (its namesake first, then the newest), else NAME.limn.
std::string projectFileOf(const std::string& folder) {
    const QDir dir(fromUtf8(folder));
    const QString wanted =
        (dir.dirName().isEmpty() ? QStringLiteral("project") : dir.dirName()) + fromUtf8(kEnding);
    if (dir.exists(wanted))
        return dir.filePath(wanted).toStdString();
    QStringList there = dir.entryList({QStringLiteral("*.limn")}, QDir::Files, QDir::Time);
    // Copies of damaged files lie beside their project.
    there.erase(
        std::remove_if(there.begin(), there.end(),
                       [](const QString& name) { return name.contains(QStringLiteral(".damaged-")); }),
        there.end());
    return dir.filePath(there.isEmpty() ? wanted : there.first()).toStdString();
}

std::string fallbackFileOf(const std::string& folder, const std::string& fallbackFolder) {
    const QString base =
        fallbackFolder.empty()
            ? QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + QStringLiteral("/projects")
            : fromUtf8(fallbackFolder);
    const QByteArray hash =
        QCryptographicHash::hash(QByteArray::fromStdString(folder), QCryptographicHash::Sha256)
            .toHex()
            .left(8);
    return QDir(base)
        .filePath(QDir(fromUtf8(folder)).dirName() + QLatin1Char('-') + QString::fromLatin1(hash) +
                  fromUtf8(kEnding))
        .toStdString();
}

} // namespace

std::string ProjectNotice::sentence() const {
    switch (kind) {
    case Kind::ProjectElsewhere:
        return "The folder is read-only: the project is kept in " + argument + ".";
    case Kind::HeldByOther:
        return "This project is open elsewhere (" + argument +
               "). You can look at everything; changes stay in memory until it is closed there.";
    case Kind::ReadOnly:
        return argument + " is read-only: changes stay in memory until it can be written to.";
    case Kind::InMemoryAlone:
        return "No place was found to keep the project: " + argument +
               " Everything stays in memory until you save it elsewhere.";
    case Kind::Recovered:
        return "The project file was damaged. What could be read is here; the damaged file was kept as " +
               argument + ".";
    case Kind::NewerSchema:
        return argument + " was made by a newer version of this program; it can be looked at, not changed.";
    case Kind::FilesSkipped:
        return argument + " could not be read as images. The others are fine.";
    case Kind::FileChanged:
        return argument +
               " was changed by another program after it was annotated. Look whether the annotation still "
               "fits.";
    case Kind::FileMissing:
        return argument + " is no longer where it was. Its annotations are kept.";
    case Kind::FileMoved:
        return "An image was found again at " + argument + ".";
    case Kind::SecondVersion:
        return "This annotation was saved by " + argument +
               " meanwhile. Yours is kept as a second version beside it.";
    }
    return {};
}

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

    // Counts what was posted to the owner, so that wait functions know when to deliver.
    std::mutex postedMutex;
    std::condition_variable postedChanged;
    std::size_t posted = 0;

    std::unique_ptr<Saver> saver;
    std::unique_ptr<BackgroundWorker> worker;

    Project* project = nullptr;

    void toOwner(std::function<void()> call) {
        QMetaObject::invokeMethod(project, std::move(call), Qt::QueuedConnection);
        {
            const std::lock_guard lock(postedMutex);
            ++posted;
        }
        postedChanged.notify_all();
    }

    // Delivers what comes until `done`, in the owner's thread. False: the time was over before.
    bool deliverUntil(const std::function<bool()>& done, std::optional<int> timeoutMs) {
        QElapsedTimer timer;
        timer.start();
        std::size_t seen = 0;
        for (;;) {
            {
                const std::lock_guard lock(postedMutex);
                seen = posted;
            }
            QCoreApplication::sendPostedEvents(project, QEvent::MetaCall);
            if (done())
                return true;
            std::unique_lock lock(postedMutex);
            const auto news = [&] { return posted != seen; };
            if (!timeoutMs) {
                postedChanged.wait(lock, news);
                continue;
            }
            const qint64 left = *timeoutMs - timer.elapsed();
            if (left <= 0 || !postedChanged.wait_for(lock, std::chrono::milliseconds(left), news))
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

    void notice(ProjectNotice notice);
    void change(Saver::Change change, std::vector<ImageId> touched = {});
    void reload(std::vector<ImageId> ids);
    void edit(ImageId id, const std::function<void(ImageRecord&)>& change);

    void beginScan() { ++scans; }
    void endScan();
    void search(std::vector<std::string> paths, bool lookForMoved);
    void found(std::vector<std::string> paths);
    void lookAt(std::vector<ImageId> ids, bool urgent);
    void looked(std::vector<ImageRecord> records);
    void checkKnown(std::vector<ImageId> ids);
};

// On the saver's thread.
Result<std::unique_ptr<ProjectStore>> Project::State::openStore(bool fullCheck) {
    openNotices.clear();
    StoreOptions store;
    store.person = options.person;
    store.readOnly = options.readOnly;
    store.takeOver = options.takeOver;
    store.fullCheck = fullCheck;

    const QFileInfo info(fromUtf8(askedPath));
    const bool isFolder = info.isDir();
    if (!isFolder && !fromUtf8(askedPath).endsWith(fromUtf8(kEnding)))
        return info.exists() ? Error{ErrorCode::StoreInvalid,
                                     {askedPath, "it is neither a folder nor a project file (.limn)"}}
                             : Error{ErrorCode::FileNotFound, {askedPath}};
    // A project file that does not exist is made only for a folder.
    store.create = isFolder;
    openPath = isFolder ? projectFileOf(askedPath) : askedPath;
    openFolder = isFolder ? askedPath : QFileInfo(fromUtf8(askedPath)).absolutePath().toStdString();
    Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(openPath, store);
    if (!opened) {
        const ErrorCode code = opened.error().code;
        const bool noRoom = code == ErrorCode::FileNotWritable || code == ErrorCode::DiskFull ||
                            (code == ErrorCode::FileNotFound && options.readOnly);
        if (!isFolder || !noRoom)
            return opened;
        opened = openElsewhere(askedPath, store, opened.error());
        if (!opened)
            return opened;
    }
    ProjectStore& result = **opened;
    if (result.recovery())
        openNotices.push_back({ProjectNotice::Kind::Recovered, 0, result.recovery()->damagedCopy});
    switch (result.access()) {
    case StoreAccess::ReadWrite:
        break;
    case StoreAccess::ReadOnlyHeld:
        openNotices.push_back({ProjectNotice::Kind::HeldByOther, 0, result.holder()->text()});
        break;
    case StoreAccess::ReadOnlyFolder:
        openNotices.push_back({ProjectNotice::Kind::ReadOnly, 0, openPath});
        break;
    case StoreAccess::ReadOnlyNewer:
        openNotices.push_back({ProjectNotice::Kind::NewerSchema, 0, openPath});
        break;
    }
    return opened;
}

Result<std::unique_ptr<ProjectStore>>
Project::State::openElsewhere(const std::string& folder, const StoreOptions& store, const Error& why) {
    StoreOptions elsewhere = store;
    elsewhere.create = true;
    elsewhere.readOnly = false;
    const std::string path = fallbackFileOf(folder, options.fallbackFolder);
    QDir().mkpath(QFileInfo(fromUtf8(path)).absolutePath());
    Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(path, elsewhere);
    if (opened && (*opened)->access() == StoreAccess::ReadWrite) {
        if (Result<void> set = (*opened)->setSetting(kImageFolderSetting, folder); set) {
            openPath = path;
            openNotices.push_back({ProjectNotice::Kind::ProjectElsewhere, 0, path});
            return opened;
        }
    } else if (opened) {
        openPath = path;
        return opened; // held by another program: its notice says so
    }
    openPath.clear();
    Result<std::unique_ptr<ProjectStore>> memory = ProjectStore::openInMemory(elsewhere);
    if (memory)
        openNotices.push_back({ProjectNotice::Kind::InMemoryAlone, 0, why.message()});
    return memory;
}

// On the saver's thread, after each opening.
void Project::State::readStore(const Result<ProjectStore*>& store) {
    const auto failed = [this](const Error& error) {
        toOwner([this, error] {
            openError = error;
            Q_EMIT project->openFailed(error);
        });
    };
    if (!store)
        return failed(store.error());
    auto opened = std::make_shared<OpenedProject>();
    opened->filePath = openPath;
    opened->access = (*store)->access();
    opened->notices = openNotices;
    auto settings = (*store)->settings();
    if (!settings)
        return failed(settings.error());
    opened->settings = std::move(*settings);
    const auto folder = opened->settings.find(kImageFolderSetting);
    opened->imageFolder = folder != opened->settings.end() ? folder->second : absolute(openFolder);
    if (!options.person.empty()) {
        // Where nothing can be written a new name has no number; it gets one when saving works.
        if (const Result<PersonId> id = (*store)->person(options.person); id)
            opened->person = *id;
    }
    auto people = (*store)->people();
    if (!people)
        return failed(people.error());
    opened->people = std::move(*people);
    auto sets = (*store)->labelSets();
    if (!sets)
        return failed(sets.error());
    opened->labelSets = std::move(*sets);
    auto images = (*store)->images();
    if (!images)
        return failed(images.error());
    opened->worklist.reset(std::move(*images));
    toOwner([this, opened] { takeOver(std::move(*opened)); });
}

void Project::State::takeOver(OpenedProject opened) {
    const bool first = !open;
    std::vector<ProjectNotice> news = std::move(opened.notices);
    now = std::move(opened);
    open = true;
    openError.reset();
    Q_EMIT project->opened();
    for (ProjectNotice& one : news)
        notice(std::move(one));
    if (first && options.scanFolder)
        project->rescan();
}

void Project::State::notice(ProjectNotice notice) {
    notices.push_back(notice);
    Q_EMIT project->noticed(notice);
}

// Posts a change; what it was refused for is told, and the records are read again.
void Project::State::change(Saver::Change change, std::vector<ImageId> touched) {
    saver->post(std::move(change), [this, touched = std::move(touched)](const Result<void>& result) {
        if (!result && !touched.empty())
            toOwner([this, touched] { reload(touched); });
    });
}

void Project::State::reload(std::vector<ImageId> ids) {
    saver->read([this, ids = std::move(ids)](const Result<ProjectStore*>& store) {
        if (!store)
            return;
        std::vector<ImageRecord> records;
        for (ImageId id : ids) {
            const Result<std::optional<ImageRecord>> record = (*store)->image(id);
            if (record && *record)
                records.push_back(**record);
        }
        toOwner([this, ids, records] {
            for (const ImageRecord& record : records)
                now.worklist.update(record);
            Q_EMIT project->imagesChanged(ids);
        });
    });
}

// Changes one record of the worklist; the caller tells.
void Project::State::edit(ImageId id, const std::function<void(ImageRecord&)>& change) {
    if (const ImageRecord* record = now.worklist.find(id)) {
        ImageRecord changed = *record;
        change(changed);
        now.worklist.update(changed);
    }
}

void Project::State::endScan() {
    if (--scans == 0) {
        filesToLookAt = 0;
        filesLookedAt = 0;
        Q_EMIT project->scanFinished();
    }
}

// Looks for image files in the background. Those that are not in the project are added, or, when an image of
// the same content is missing, are that image.
void Project::State::search(std::vector<std::string> paths, bool lookForMoved) {
    struct Missing {
        ImageId id;
        std::string sha256;
        std::int64_t bytes;
    };
    auto known = std::make_shared<std::unordered_set<std::string>>();
    auto candidates = std::make_shared<std::vector<std::pair<Missing, std::string>>>();
    for (ImageId id : now.worklist.select({})) {
        const ImageRecord* record = now.worklist.find(id);
        const std::string path = absolutePath(record->path);
        known->insert(path);
        if (lookForMoved && !record->sha256.empty())
            candidates->push_back({{id, record->sha256, record->fileBytes}, path});
    }
    beginScan();
    worker->post([this, known, candidates, paths = std::move(paths)](const GoOn& goOn) {
        std::vector<Missing> missing;
        for (const auto& [file, path] : *candidates) {
            if (!goOn())
                return;
            if (!fileStamp(path))
                missing.push_back(file);
        }
        const auto portion = [&](std::vector<std::string> files) {
            std::vector<std::string> fresh;
            std::vector<std::pair<ImageId, std::string>> moved;
            for (std::string& file : files) {
                if (known->count(file))
                    continue;
                const auto same = [&](const Missing& one) {
                    const Result<FileStamp> stamp = fileStamp(file);
                    if (!stamp || stamp->bytes != one.bytes)
                        return false;
                    const Result<std::string> hash = fileSha256(file, goOn);
                    return hash && *hash == one.sha256;
                };
                const auto it = std::find_if(missing.begin(), missing.end(), same);
                if (it == missing.end()) {
                    fresh.push_back(std::move(file));
                } else {
                    moved.emplace_back(it->id, std::move(file));
                    missing.erase(it);
                }
            }
            toOwner([this, fresh = std::move(fresh), moved = std::move(moved)]() mutable {
                for (const auto& [id, path] : moved) {
                    const std::string relative = relativePath(path);
                    edit(id, [&](ImageRecord& record) {
                        record.path = relative;
                        record.trouble.clear();
                    });
                    change([id = id, relative, by = now.person](
                               ProjectStore& store) { return store.moveImage(id, relative, by); },
                           {id});
                    Q_EMIT project->imagesChanged({id});
                    notice({ProjectNotice::Kind::FileMoved, id, path});
                }
                found(std::move(fresh));
            });
        };
        listImageFiles(paths, portion, goOn);
        std::vector<ImageId> gone;
        for (const Missing& one : missing)
            gone.push_back(one.id);
        toOwner([this, gone] {
            for (ImageId id : gone) {
                const ImageRecord* record = now.worklist.find(id);
                if (!record || !record->trouble.empty())
                    continue;
                const std::string path = absolutePath(record->path);
                ImageRecord changed = *record;
                changed.trouble = Error{ErrorCode::FileNotFound, {path}}.message();
                looked({changed});
                notice({ProjectNotice::Kind::FileMissing, id, path});
            }
            endScan();
        });
    });
}

// Adds files to the store; their records come to the worklist when they have their numbers.
void Project::State::found(std::vector<std::string> paths) {
    std::vector<ImageRecord> records;
    for (const std::string& path : paths) {
        ImageRecord record;
        record.path = relativePath(path);
        if (now.worklist.findPath(record.path) || !waitingPaths.insert(record.path).second)
            continue;
        records.push_back(std::move(record));
    }
    if (records.empty())
        return;
    beginScan();
    auto added = std::make_shared<std::vector<ImageRecord>>();
    auto wanted = std::make_shared<const std::vector<ImageRecord>>(std::move(records));
    const auto finish = [this, added, wanted](const Result<void>&) {
        toOwner([this, added, wanted] {
            for (const ImageRecord& record : *wanted)
                waitingPaths.erase(record.path);
            std::vector<ImageId> ids;
            for (const ImageRecord& record : *added)
                ids.push_back(record.id);
            now.worklist.add(std::move(*added));
            if (!ids.empty()) {
                Q_EMIT project->imagesAdded(ids);
                lookAt(std::move(ids), false);
            }
            endScan();
        });
    };
    saver->post(
        [added, wanted, by = now.person](ProjectStore& store) -> Result<void> {
            added->clear();
            const Result<std::vector<ImageId>> ids = store.addImages(*wanted, by);
            if (!ids)
                return ids.error();
            for (ImageId id : *ids) {
                if (id == 0)
                    continue;
                const Result<std::optional<ImageRecord>> record = store.image(id);
                if (!record)
                    return record.error();
                if (*record)
                    added->push_back(**record);
            }
            return {};
        },
        finish);
}

// Size, spacing and hash of files, in the background.
void Project::State::lookAt(std::vector<ImageId> ids, bool urgent) {
    struct File {
        ImageRecord record;
        std::string path;
    };
    auto files = std::make_shared<std::vector<File>>();
    for (ImageId id : ids) {
        if (const ImageRecord* record = now.worklist.find(id))
            files->push_back({*record, absolutePath(record->path)});
    }
    if (files->empty())
        return;
    beginScan();
    filesToLookAt += static_cast<int>(files->size());
    BackgroundWorker::Job job = [this, files, probe = options.probe](const GoOn& goOn) {
        std::vector<ImageRecord> done;
        std::vector<Skipped> broken;
        const auto give = [&](bool last) {
            toOwner([this, done = std::move(done), broken = std::move(broken), last]() mutable {
                filesLookedAt += static_cast<int>(done.size());
                for (Skipped& one : broken)
                    skipped.push_back(std::move(one));
                if (!broken.empty())
                    notice({ProjectNotice::Kind::FilesSkipped, 0, std::to_string(skipped.size())});
                looked(std::move(done));
                Q_EMIT project->scanProgress(filesLookedAt, filesToLookAt);
                if (last)
                    endScan();
            });
            done.clear();
            broken.clear();
        };
        for (const File& file : *files) {
            if (!goOn())
                return;
            ImageRecord record = file.record;
            const Result<FileStamp> stamp = fileStamp(file.path);
            const Result<FileFacts> facts = stamp ? probe(file.path) : Result<FileFacts>(stamp.error());
            const Result<std::string> hash =
                facts ? fileSha256(file.path, goOn) : Result<std::string>(facts.error());
            if (hash) {
                record.trouble.clear();
                record.fileBytes = stamp->bytes;
                record.fileModifiedMs = stamp->modifiedMs;
                record.sha256 = *hash;
                record.size = facts->size;
                record.spacing = facts->spacing;
                if (record.modality.empty())
                    record.modality = facts->modality;
            } else {
                record.trouble = hash.error().message();
                broken.push_back({file.path, hash.error()});
            }
            done.push_back(std::move(record));
            if (done.size() >= kFactsPortion)
                give(false);
        }
        give(true);
    };
    if (urgent)
        worker->postUrgent(std::move(job));
    else
        worker->post(std::move(job));
}

// Takes facts of files into worklist and store. Other members may have changed meanwhile: they stay.
void Project::State::looked(std::vector<ImageRecord> records) {
    if (records.empty())
        return;
    std::vector<ImageId> ids;
    for (const ImageRecord& record : records) {
        ids.push_back(record.id);
        edit(record.id, [&](ImageRecord& mine) {
            mine.sha256 = record.sha256;
            mine.size = record.size;
            mine.spacing = record.spacing;
            mine.modality = record.modality;
            mine.fileBytes = record.fileBytes;
            mine.fileModifiedMs = record.fileModifiedMs;
            mine.trouble = record.trouble;
        });
    }
    auto facts = std::make_shared<const std::vector<ImageRecord>>(std::move(records));
    change([facts](ProjectStore& store) { return store.updateFileFacts(*facts); });
    Q_EMIT project->imagesChanged(ids);
}

// Compares source files with what was noted of them.
void Project::State::checkKnown(std::vector<ImageId> ids) {
    struct File {
        ImageRecord record;
        std::string path;
    };
    auto files = std::make_shared<std::vector<File>>();
    std::vector<ImageId> neverLookedAt;
    for (ImageId id : ids) {
        const ImageRecord* record = now.worklist.find(id);
        if (!record)
            continue;
        if (record->sha256.empty())
            neverLookedAt.push_back(id);
        else
            files->push_back({*record, absolutePath(record->path)});
    }
    lookAt(std::move(neverLookedAt), false);
    if (files->empty())
        return;
    beginScan();
    worker->postUrgent([this, files](const GoOn& goOn) {
        std::vector<ImageRecord> changed;
        std::vector<ImageId> toRead;
        std::vector<ProjectNotice> news;
        for (const File& file : *files) {
            if (!goOn())
                return;
            const Result<FileStamp> stamp = fileStamp(file.path);
            ImageRecord record = file.record;
            if (!stamp) {
                record.trouble = stamp.error().message();
                if (record.trouble != file.record.trouble) {
                    changed.push_back(record);
                    news.push_back({ProjectNotice::Kind::FileMissing, record.id, file.path});
                }
                continue;
            }
            const bool sameStamp = *stamp == FileStamp{record.fileBytes, record.fileModifiedMs};
            if (sameStamp && record.trouble.empty())
                continue;
            const Result<std::string> hash = fileSha256(file.path, goOn);
            if (!hash) {
                record.trouble = hash.error().message();
                if (record.trouble != file.record.trouble)
                    changed.push_back(record);
                continue;
            }
            if (*hash == record.sha256) {
                // Touched or brought back, not changed.
                record.trouble.clear();
                record.fileBytes = stamp->bytes;
                record.fileModifiedMs = stamp->modifiedMs;
                changed.push_back(record);
            } else if (record.lastEditMs == 0) {
                toRead.push_back(record.id); // nobody annotated it: it is simply read again
            } else {
                record.trouble = Error{ErrorCode::FileChanged, {file.path}}.message();
                if (record.trouble != file.record.trouble) {
                    changed.push_back(record);
                    news.push_back({ProjectNotice::Kind::FileChanged, record.id, file.path});
                }
            }
        }
        toOwner([this, changed, toRead, news] {
            looked(changed);
            lookAt(toRead, true);
            for (const ProjectNotice& one : news)
                notice(one);
            endScan();
        });
    });
}

Project::Project(std::unique_ptr<State> state) : m_state(std::move(state)) {
    m_state->project = this;
    // Values of queued signals.
    qRegisterMetaType<limn::Error>("limn::Error");
    qRegisterMetaType<limn::SaveStatus>("limn::SaveStatus");
    qRegisterMetaType<limn::ProjectNotice>("limn::ProjectNotice");
    qRegisterMetaType<std::vector<limn::ImageId>>("std::vector<limn::ImageId>");

    State* const s = m_state.get();
    SaverCallbacks callbacks;
    callbacks.opened = [s](const Result<ProjectStore*>& store) { s->readStore(store); };
    callbacks.saved = [s](const StoredAnnotation& snapshot, const SavedAnnotation& saved,
                          bool asSecondVersion) {
        s->toOwner([s, image = snapshot.image, person = snapshot.person, saved, asSecondVersion] {
            s->edit(image, [&](ImageRecord& record) { record.lastEditMs = saved.savedMs; });
            if (asSecondVersion)
                s->notice({ProjectNotice::Kind::SecondVersion, image, "another program"});
            Q_EMIT s->project->annotationSaved(image, person, saved.revision);
        });
    };
    callbacks.refused = [s](const Error& error) {
        s->toOwner([s, error] { Q_EMIT s->project->changeRefused(error); });
    };
    callbacks.status = [s](const SaveStatus& status) {
        s->toOwner([s, status] {
            s->saveStatus = status;
            Q_EMIT s->project->saveStatusChanged(status);
        });
    };
    s->worker = std::make_unique<BackgroundWorker>();
    s->saver = std::make_unique<Saver>([s](bool fullCheck) { return s->openStore(fullCheck); },
                                       std::move(callbacks), s->options.saver);
}

std::unique_ptr<Project> Project::open(const std::string& path, const ProjectOptions& options) {
    auto state = std::make_unique<State>();
    state->askedPath = absolute(path);
    state->options = options;
    if (!state->options.probe)
        state->options.probe = probeFile;
    return std::unique_ptr<Project>(new Project(std::move(state)));
}

Project::~Project() {
    // The threads first: they call into the state.
    m_state->worker.reset();
    m_state->saver.reset();
}

Result<void> Project::waitUntilOpen() {
    m_state->deliverUntil([this] { return m_state->open || m_state->openError; }, {});
    if (m_state->openError)
        return *m_state->openError;
    return {};
}

Result<void> Project::waitUntilSettled(std::optional<int> timeoutMs) {
    const auto settled = [this] {
        const SaveStatus status = m_state->saver->status();
        return m_state->scans == 0 && (status.waiting == 0 || status.trouble);
    };
    if (!m_state->deliverUntil(settled, timeoutMs))
        return Error{ErrorCode::Cancelled, {"Waiting for the project's files"}};
    return {};
}

SaveStatus Project::waitUntilSaved(int timeoutMs) {
    return m_state->saver->flush(timeoutMs);
}

bool Project::isOpen() const {
    return m_state->open;
}

std::string Project::name() const {
    const std::string& path = m_state->now.filePath.empty() ? m_state->askedPath : m_state->now.filePath;
    return QFileInfo(fromUtf8(path)).completeBaseName().toStdString();
}

std::string Project::filePath() const {
    return m_state->now.filePath;
}

std::string Project::imageFolder() const {
    return m_state->now.imageFolder;
}

StoreAccess Project::access() const {
    return m_state->now.access;
}

const std::vector<ProjectNotice>& Project::notices() const {
    return m_state->notices;
}

SaveStatus Project::saveStatus() const {
    return m_state->saveStatus;
}

const Worklist& Project::worklist() const {
    return m_state->now.worklist;
}

std::string Project::absolutePath(ImageId image) const {
    const ImageRecord* record = m_state->now.worklist.find(image);
    return record ? m_state->absolutePath(record->path) : std::string();
}

const std::vector<PersonRecord>& Project::people() const {
    return m_state->now.people;
}

PersonId Project::currentPerson() const {
    return m_state->now.person;
}

void Project::setPerson(const std::string& name) {
    State* const s = m_state.get();
    s->options.person = name;
    for (const PersonRecord& person : s->now.people) {
        if (person.name == name) {
            s->now.person = person.id;
            Q_EMIT peopleChanged();
            return;
        }
    }
    s->saver->post([s, name](ProjectStore& store) -> Result<void> {
        const Result<PersonId> id = store.person(name);
        if (!id)
            return id.error();
        s->toOwner([s, name, id = *id] {
            s->now.people.push_back({id, name});
            if (s->options.person == name)
                s->now.person = id;
            Q_EMIT s->project->peopleChanged();
        });
        return {};
    });
}

std::string Project::personName(PersonId id) const {
    for (const PersonRecord& person : m_state->now.people) {
        if (person.id == id)
            return person.name;
    }
    return {};
}

std::string Project::setting(const std::string& name, const std::string& fallback) const {
    const auto found = m_state->now.settings.find(name);
    return found == m_state->now.settings.end() ? fallback : found->second;
}

void Project::setSetting(const std::string& name, const std::string& value) {
    m_state->now.settings[name] = value;
    m_state->change([name, value](ProjectStore& store) { return store.setSetting(name, value); });
}

const std::vector<LabelSetRecord>& Project::labelSets() const {
    return m_state->now.labelSets;
}

void Project::setLabelSet(const LabelSetRecord& set) {
    auto& sets = m_state->now.labelSets;
    const auto found = std::find_if(sets.begin(), sets.end(),
                                    [&](const LabelSetRecord& one) { return one.name == set.name; });
    if (found == sets.end())
        sets.push_back(set);
    else
        *found = set;
    m_state->change([set](ProjectStore& store) { return store.setLabelSet(set); });
    Q_EMIT labelSetsChanged();
}

void Project::addFiles(std::vector<std::string> paths) {
    m_state->search(std::move(paths), false);
}

void Project::removeImages(std::vector<ImageId> ids) {
    std::erase_if(ids, [this](ImageId id) { return !m_state->now.worklist.find(id); });
    if (ids.empty())
        return;
    m_state->now.worklist.remove(ids);
    m_state->change(
        [ids, by = m_state->now.person](ProjectStore& store) { return store.removeImages(ids, by); });
    Q_EMIT imagesRemoved(ids);
}

void Project::rescan() {
    m_state->checkKnown(m_state->now.worklist.select({}));
    if (QFileInfo(fromUtf8(m_state->now.imageFolder)).isDir())
        m_state->search({m_state->now.imageFolder}, true);
}

void Project::checkSource(ImageId image) {
    m_state->checkKnown({image});
}

void Project::acceptSource(ImageId image) {
    m_state->lookAt({image}, true);
}

const std::vector<Project::Skipped>& Project::skippedFiles() const {
    return m_state->skipped;
}

bool Project::isScanning() const {
    return m_state->scans > 0;
}

Result<void> Project::setState(const std::vector<ImageId>& ids, ReviewState to, const std::string& reason) {
    if (to == ReviewState::Rejected && reason.empty())
        return Error{ErrorCode::InvalidArgument, {"the reason of a rejection", "empty", "given"}};
    for (ImageId id : ids) {
        const ImageRecord* record = m_state->now.worklist.find(id);
        if (!record)
            return Error{ErrorCode::InvalidArgument,
                         {"the image", std::to_string(id), "one that the project holds"}};
        if (!mayFollow(record->state, to))
            return Error{ErrorCode::InvalidArgument,
                         {"the new state of " + record->path, std::string(reviewStateName(to)),
                          "one that may follow " + std::string(reviewStateName(record->state))}};
    }
    for (ImageId id : ids) {
        m_state->edit(id, [&](ImageRecord& record) {
            record.state = to;
            record.reason = to == ReviewState::Rejected ? reason : std::string();
        });
    }
    const bool keeps =
        to == ReviewState::Submitted || to == ReviewState::Accepted || to == ReviewState::Rejected;
    m_state->change(
        [ids, to, reason, keeps, by = m_state->now.person](ProjectStore& store) -> Result<void> {
            for (ImageId id : ids) {
                if (!keeps)
                    break;
                const Result<std::vector<AnnotationInfo>> annotations = store.annotationsOf(id);
                if (!annotations)
                    return annotations.error();
                for (const AnnotationInfo& info : *annotations) {
                    if (info.person != by || info.version != 0)
                        continue;
                    const Result<std::int64_t> kept =
                        store.keepVersion(info.id, std::string(reviewStateName(to)), by);
                    if (!kept)
                        return kept.error();
                }
            }
            return store.setState(ids, to, reason, by);
        },
        ids);
    Q_EMIT imagesChanged(ids);
    return {};
}

void Project::setFlag(ImageId image, bool flagged, const std::string& note) {
    m_state->edit(image, [&](ImageRecord& record) {
        record.flagged = flagged;
        record.flagNote = note;
    });
    m_state->change([image, flagged, note, by = m_state->now.person](
                        ProjectStore& store) { return store.setFlag(image, flagged, note, by); },
                    {image});
    Q_EMIT imagesChanged({image});
}

void Project::assign(const std::vector<ImageId>& ids, PersonId person) {
    for (ImageId id : ids)
        m_state->edit(id, [&](ImageRecord& record) { record.assignee = person; });
    m_state->change([ids, person,
                     by = m_state->now.person](ProjectStore& store) { return store.assign(ids, person, by); },
                    ids);
    Q_EMIT imagesChanged(ids);
}

void Project::setFigures(ImageId image, const ImageFigures& figures) {
    m_state->edit(image, [&](ImageRecord& record) {
        record.uncertainty = figures.uncertainty.value_or(record.uncertainty);
        record.areaPixels = figures.areaPixels.value_or(record.areaPixels);
        record.change = figures.change.value_or(record.change);
    });
    m_state->change([image, figures](ProjectStore& store) { return store.setFigures(image, figures); });
    Q_EMIT imagesChanged({image});
}

void Project::noteProposal(ImageId image, double uncertainty) {
    ImageFigures figures;
    figures.uncertainty = uncertainty;
    setFigures(image, figures);
    const ImageRecord* record = m_state->now.worklist.find(image);
    if (record && record->state == ReviewState::New)
        (void)setState({image}, ReviewState::Proposed).ok(); // New may become Proposed
}

void Project::saveAnnotation(ImageId image, const AnnotationSnapshot& snapshot, const ImageFigures& figures) {
    auto stored = std::make_shared<StoredAnnotation>(toStored(snapshot, image, m_state->now.person));
    stored->figures = figures;
    m_state->saver->save(stored);
    const ImageRecord* record = m_state->now.worklist.find(image);
    if (!record)
        return;
    const ReviewState before = record->state;
    m_state->edit(image, [&](ImageRecord& mine) {
        mine.noLesion = snapshot.noLesion;
        mine.lastEditor = m_state->now.person;
        mine.lastEditMs = QDateTime::currentMSecsSinceEpoch();
        mine.uncertainty = figures.uncertainty.value_or(mine.uncertainty);
        mine.areaPixels = figures.areaPixels.value_or(mine.areaPixels);
        mine.change = figures.change.value_or(mine.change);
    });
    if (before != ReviewState::InProgress)
        (void)setState({image}, ReviewState::InProgress).ok(); // every state may go there
    else
        Q_EMIT imagesChanged({image});
}

void Project::saveAnnotationOf(ImageId image, PersonId person, const AnnotationSnapshot& snapshot) {
    m_state->saver->save(std::make_shared<StoredAnnotation>(toStored(snapshot, image, person)));
}

namespace {

Result<std::optional<LoadedAnnotation>> loadedFrom(const Result<StoredAnnotationPtr>& stored) {
    if (!stored)
        return stored.error();
    if (!*stored)
        return std::optional<LoadedAnnotation>();
    const StoredAnnotation& found = **stored;
    LoadedAnnotation loaded;
    loaded.info = {found.id,       found.image,     found.person,   found.version,
                   found.revision, found.threshold, found.noLesion, found.savedMs};
    loaded.snapshot = fromStored(found);
    return std::optional<LoadedAnnotation>(std::move(loaded));
}

} // namespace

void Project::loadAnnotation(ImageId image, PersonId person, int version,
                             std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done) {
    State* const s = m_state.get();
    s->saver->load(image, person, version, [s, done](const Result<StoredAnnotationPtr>& stored) {
        auto loaded = std::make_shared<const Result<std::optional<LoadedAnnotation>>>(loadedFrom(stored));
        s->toOwner([loaded, done] { done(*loaded); });
    });
}

void Project::listAnnotations(ImageId image,
                              std::function<void(const Result<std::vector<AnnotationInfo>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, done](const Result<ProjectStore*>& store) {
        Result<std::vector<AnnotationInfo>> list =
            store ? (*store)->annotationsOf(image) : Result<std::vector<AnnotationInfo>>(store.error());
        s->toOwner([list = std::move(list), done] { done(list); });
    });
}

void Project::loadHistory(ImageId image, int limit,
                          std::function<void(const Result<std::vector<HistoryRecord>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, limit, done](const Result<ProjectStore*>& store) {
        Result<std::vector<HistoryRecord>> lines =
            store ? (*store)->history(image, limit) : Result<std::vector<HistoryRecord>>(store.error());
        s->toOwner([lines = std::move(lines), done] { done(lines); });
    });
}

void Project::listKeptVersions(ImageId image,
                               std::function<void(const Result<std::vector<KeptVersion>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, done](const Result<ProjectStore*>& store) {
        Result<std::vector<KeptVersion>> list =
            store ? (*store)->keptVersions(image) : Result<std::vector<KeptVersion>>(store.error());
        s->toOwner([list = std::move(list), done] { done(list); });
    });
}

void Project::loadKeptVersion(std::int64_t keptId,
                              std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, keptId, done](const Result<ProjectStore*>& store) {
        const Result<StoredAnnotationPtr> stored =
            store ? (*store)->keptAnnotation(keptId) : Result<StoredAnnotationPtr>(store.error());
        auto loaded = std::make_shared<const Result<std::optional<LoadedAnnotation>>>(loadedFrom(stored));
        s->toOwner([loaded, done] { done(*loaded); });
    });
}

void Project::addCalibration(const CalibrationRecord& record) {
    CalibrationRecord mine = record;
    mine.person = m_state->now.person;
    m_state->change([mine](ProjectStore& store) -> Result<void> {
        const Result<std::int64_t> added = store.addCalibration(mine);
        if (!added)
            return added.error();
        return {};
    });
}

void Project::findCalibration(ImageId image, const std::string& camera,
                              std::function<void(const Result<std::optional<CalibrationRecord>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, camera, done](const Result<ProjectStore*>& store) {
        Result<std::optional<CalibrationRecord>> found =
            store ? (*store)->calibration(image, camera)
                  : Result<std::optional<CalibrationRecord>>(store.error());
        s->toOwner([found = std::move(found), done] { done(found); });
    });
}

void Project::retrySaving() {
    m_state->saver->retryNow();
}

void Project::saveElsewhere(const std::string& path, std::function<void(const Result<void>&)> done) {
    State* const s = m_state.get();
    const std::string target = absolute(path);
    const std::string folder = s->now.imageFolder;
    s->saver->read([s, target, folder, done](const Result<ProjectStore*>& store) {
        Result<void> copied = store ? (*store)->copyTo(target) : Result<void>(store.error());
        if (copied) {
            s->saver->reopen([s, target, folder](bool fullCheck) -> Result<std::unique_ptr<ProjectStore>> {
                s->openNotices.clear();
                s->openPath = target;
                s->openFolder = folder;
                StoreOptions options;
                options.person = s->options.person;
                options.create = false;
                options.fullCheck = fullCheck;
                Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(target, options);
                // Paths of images are relative to the folder they were in.
                if (opened) {
                    if (Result<void> set = (*opened)->setSetting(kImageFolderSetting, folder); !set)
                        return set.error();
                }
                return opened;
            });
        }
        s->toOwner([copied, done] { done(copied); });
    });
}

Saver& Project::saver() {
    return *m_state->saver;
}

} // namespace limn
