// SPDX-License-Identifier: GPL-3.0-or-later
// Opening a project: which file, where else when there is no room, and what is read of it.
#include "app/project/project_state.h"

#include <QCryptographicHash>
#include <QStandardPaths>

#include <algorithm>

namespace limn {

const std::string kImageFolderSetting = "image-folder";

namespace {

const std::string kEnding = ".limn";

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

Result<std::string> findProjectFile(const std::string& folder, const std::string& fallbackFolder) {
    const std::string path = absolutePathOf(folder);
    for (const std::string& file : {projectFileOf(path), fallbackFileOf(path, fallbackFolder)}) {
        if (QFileInfo::exists(fromUtf8(file)))
            return file;
    }
    return Error{ErrorCode::FileNotFound, {projectFileOf(path)}};
}

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
    if (const int taken = result.strokesReplayed() + result.decisionsReplayed(); taken > 0)
        openNotices.push_back({ProjectNotice::Kind::StrokesTaken, 0, std::to_string(taken)});
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
    opened->imageFolder = folder != opened->settings.end() ? folder->second : absolutePathOf(openFolder);
    if (!options.person.empty()) {
        // Where nothing can be written a new name has no number; it gets one when saving works.
        const Result<PersonId> id = (*store)->person(options.person);
        opened->person = id ? *id : kUnnumbered;
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
    const bool recovered = std::any_of(news.begin(), news.end(), [](const ProjectNotice& one) {
        return one.kind == ProjectNotice::Kind::Recovered;
    });
    // The same project again, to be written to now or at another place: the worklist knows more than the
    // store, which has yet to take what waits.
    if (!first && !recovered)
        opened.worklist = std::move(now.worklist);
    now = std::move(opened);
    open = true;
    openError.reset();
    // From the first moment on: an empty list is not yet a folder without images.
    if (first)
        beginScan();
    Q_EMIT project->opened();
    for (ProjectNotice& one : news)
        notice(std::move(one));
    if (!first)
        return;
    if (options.scanFolder)
        project->rescan();
    endScan();
}

} // namespace limn
