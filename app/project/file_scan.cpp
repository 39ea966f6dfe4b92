// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/file_scan.h"

#include "app/project/worklist.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>

#include <algorithm>
#include <array>
#include <utility>

namespace limn {

namespace {

constexpr std::array kEndings = {"png", "jpg", "jpeg",  "jpe",  "tif",  "tiff", "bmp",
                                 "dib", "dcm", "dicom", "nrrd", "nhdr", "mha",  "mhd"};

constexpr QLatin1String kExportReport("/export_report.json"); // app/export writes it
constexpr qint64 kLongestReport = qint64{256} << 20;
constexpr std::size_t kFirstPortion = 16;
constexpr std::size_t kPortion = 500;
constexpr qint64 kReadBytes = 1 << 20;

// Collects paths and hands them over in portions: a small one first, so that something can be shown.
class Portions {
public:
    explicit Portions(const std::function<void(std::vector<std::string>)>& portion) : m_portion(portion) {}
    void add(std::string path) {
        m_paths.push_back(std::move(path));
        if (m_paths.size() >= (m_given ? kPortion : kFirstPortion))
            give();
    }
    void give() {
        if (m_paths.empty())
            return;
        m_given = true;
        m_portion(std::move(m_paths));
        m_paths.clear();
    }

private:
    const std::function<void(std::vector<std::string>)>& m_portion;
    std::vector<std::string> m_paths;
    bool m_given = false;
};

// QCollator's numeric mode depends on how Qt was built; this order is the worklist's own.
void sortNaturally(QStringList& names) {
    std::vector<std::pair<std::string, QString>> keyed;
    for (const QString& name : names)
        keyed.emplace_back(naturalSortKey(name.toStdString()), name);
    std::sort(keyed.begin(), keyed.end());
    for (qsizetype i = 0; i < names.size(); ++i)
        names[i] = keyed[static_cast<std::size_t>(i)].second;
}

// Absolute paths of what was exported into a folder, by the report there.
QSet<QString> exportedInto(const QString& folder) {
    QSet<QString> paths;
    QFile report(folder + kExportReport);
    if (report.size() > kLongestReport || !report.open(QIODevice::ReadOnly))
        return paths;
    const QDir dir(folder);
    for (const QJsonValue image :
         QJsonDocument::fromJson(report.readAll()).object().value(QLatin1String("images")).toArray()) {
        for (const QJsonValue file : image.toObject().value(QLatin1String("files")).toArray())
            paths.insert(dir.absoluteFilePath(file.toString()));
    }
    return paths;
}

// Depth first, files of a folder before its subfolders. Links to folders are not followed, so there are no
// circles. `exported` are no images to work on, nor is what lies in a folder that is nothing but an export.
void listFolder(const QString& folder, QSet<QString> exported, bool named, Portions& portions,
                const GoOn& goOn) {
    QStringList files;
    QStringList folders;
    QDirIterator entries(folder, QDir::Files | QDir::Dirs | QDir::NoDotAndDotDot | QDir::Readable);
    while (entries.hasNext()) {
        entries.next();
        if (!goOn())
            return;
        const QFileInfo info = entries.fileInfo();
        if (info.isDir()) {
            if (!info.isSymLink() && !isExportFolder(info.absoluteFilePath().toStdString()))
                folders << info.fileName();
        } else if (hasImageEnding(info.fileName().toStdString())) {
            files << info.fileName();
        }
    }
    sortNaturally(files);
    sortNaturally(folders);
    const QDir dir(folder);
    const auto mine = [&](const QString& file) { return !exported.contains(dir.absoluteFilePath(file)); };
    // Whoever names a folder that holds an export and nothing else wants to see that.
    if (named && std::none_of(files.begin(), files.end(), mine))
        exported.clear();
    for (const QString& file : files) {
        if (mine(file))
            portions.add(dir.absoluteFilePath(file).toStdString());
    }
    for (const QString& sub : folders) {
        QSet<QString> more = exportedInto(dir.absoluteFilePath(sub));
        listFolder(dir.absoluteFilePath(sub), more.unite(exported), false, portions, goOn);
    }
}

} // namespace

bool isExportFolder(const std::string& folder) {
    const QDir dir(QString::fromStdString(folder));
    if (!QFileInfo::exists(dir.path() + kExportReport))
        return false;
    const QSet<QString> exported = exportedInto(dir.path());
    const QStringList names = dir.entryList(QDir::Files);
    return std::none_of(names.begin(), names.end(), [&](const QString& name) {
        return hasImageEnding(name.toStdString()) && !exported.contains(dir.absoluteFilePath(name));
    });
}

bool hasImageEnding(const std::string& path) {
    const std::size_t dot = path.rfind('.');
    if (dot == std::string::npos)
        return false;
    std::string ending = path.substr(dot + 1);
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

void listImageFiles(const std::vector<std::string>& paths,
                    const std::function<void(std::vector<std::string>)>& portion, const GoOn& goOn) {
    Portions portions(portion);
    for (const std::string& path : paths) {
        if (!goOn())
            return;
        const QFileInfo info(QString::fromStdString(path));
        if (info.isDir())
            listFolder(info.absoluteFilePath(), exportedInto(info.absoluteFilePath()), true, portions, goOn);
        else
            portions.add(QDir::cleanPath(info.absoluteFilePath()).toStdString());
    }
    portions.give();
}

Result<FileStamp> fileStamp(const std::string& path) {
    const QFileInfo info(QString::fromStdString(path));
    if (!info.exists())
        return Error{ErrorCode::FileNotFound, {path}};
    if (!info.isFile())
        return Error{ErrorCode::NotAFile, {path}};
    return FileStamp{info.size(), info.lastModified().toMSecsSinceEpoch()};
}

Result<std::string> fileSha256(const std::string& path, const GoOn& goOn) {
    if (const Result<FileStamp> stamp = fileStamp(path); !stamp)
        return stamp.error();
    QFile file(QString::fromStdString(path));
    if (!file.open(QIODevice::ReadOnly))
        return Error{ErrorCode::FileNotReadable, {path, file.errorString().toStdString()}};
    QCryptographicHash hash(QCryptographicHash::Sha256);
    QByteArray bytes;
    while (!file.atEnd()) {
        if (!goOn())
            return Error{ErrorCode::Cancelled, {"Reading " + path}};
        bytes = file.read(kReadBytes);
        if (bytes.isEmpty() && file.error() != QFileDevice::NoError)
            return Error{ErrorCode::FileNotReadable, {path, file.errorString().toStdString()}};
        hash.addData(bytes);
    }
    return hash.result().toHex().toStdString();
}

BackgroundWorker::BackgroundWorker() : m_thread([this] { run(); }) {}

BackgroundWorker::~BackgroundWorker() {
    {
        const std::lock_guard lock(m_mutex);
        m_stopping = true;
        m_jobs.clear();
        m_urgent.clear();
    }
    m_wake.notify_all();
    m_thread.join();
}

void BackgroundWorker::post(Job job) {
    {
        const std::lock_guard lock(m_mutex);
        m_jobs.push_back(std::move(job));
    }
    m_wake.notify_all();
}

void BackgroundWorker::postUrgent(Job job) {
    {
        const std::lock_guard lock(m_mutex);
        m_urgent.push_back(std::move(job));
    }
    m_wake.notify_all();
}

bool BackgroundWorker::idle() const {
    const std::lock_guard lock(m_mutex);
    return !m_running && m_jobs.empty() && m_urgent.empty();
}

void BackgroundWorker::run() {
    const GoOn goOn = [this] {
        const std::lock_guard lock(m_mutex);
        return !m_stopping;
    };
    for (;;) {
        Job job;
        {
            std::unique_lock lock(m_mutex);
            m_running = false;
            m_wake.wait(lock, [this] { return m_stopping || !m_jobs.empty() || !m_urgent.empty(); });
            if (m_stopping)
                return;
            std::deque<Job>& from = m_urgent.empty() ? m_jobs : m_urgent;
            job = std::move(from.front());
            from.pop_front();
            m_running = true;
        }
        job(goOn);
    }
}

} // namespace limn
