// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/result_record.h"

#include "app/project/file_scan.h"
#include "inference/plain/sha256.h"
#include "io/images/atomic_file.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QUuid>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <unistd.h>
#include <zlib.h>

namespace limn {

namespace {

constexpr const char* kFolder = "/segment.record";
constexpr qint64 kLongestLine = 1 << 20;
constexpr int kMostListings = 10; // of a folder that other runs change meanwhile

struct Fingerprint {
    std::int64_t bytes = 0;
    std::uint32_t crc = 0;
    bool operator==(const Fingerprint&) const = default;
};

// One line of the record.
struct Entry {
    InputFile image;
    std::size_t settings = 0; // index into Contents::settings
    std::vector<std::pair<std::string, Fingerprint>> files;
    bool operator==(const Entry&) const = default;

    const Fingerprint* file(const std::string& ending) const {
        for (const auto& [known, fingerprint] : files)
            if (known == ending)
                return &fingerprint;
        return nullptr;
    }
};

std::uint32_t crcOf(const unsigned char* bytes, std::size_t count) {
    return static_cast<std::uint32_t>(crc32_z(0, bytes, count));
}

// Whether a PNG or JPEG file has its end.
bool isWhole(const QByteArray& end, const std::string& ending) {
    return ending.ends_with(".png") ? end.endsWith(QByteArray("IEND\xAE\x42\x60\x82", 8))
                                    : end.endsWith(QByteArray("\xFF\xD9", 2));
}

// A file where a result belongs, looked at no closer than is needed.
class Found {
public:
    explicit Found(const std::string& path) : m_path(QString::fromStdString(path)) {
        // What is no file, or a link that leads nowhere, is in the way as well.
        const QFileInfo info(m_path);
        m_exists = info.exists() || info.isSymLink();
        m_isFile = info.isFile();
        m_bytes = info.size();
    }
    bool exists() const { return m_exists; }
    bool hasSizeOf(const Fingerprint& fingerprint) const { return m_isFile && m_bytes == fingerprint.bytes; }
    bool is(const Fingerprint& fingerprint) {
        if (!hasSizeOf(fingerprint))
            return false;
        if (!m_crc) {
            QFile file(m_path);
            if (!file.open(QIODevice::ReadOnly))
                return false;
            const QByteArray all = file.readAll();
            m_bytes = all.size();
            m_crc = crcOf(reinterpret_cast<const unsigned char*>(all.constData()),
                          static_cast<std::size_t>(m_bytes));
        }
        return *m_crc == fingerprint.crc && m_bytes == fingerprint.bytes;
    }
    bool isCut(const std::string& ending) const {
        constexpr qint64 kEnd = 16;
        QFile file(m_path);
        return m_isFile && file.open(QIODevice::ReadOnly) && file.seek(std::max<qint64>(0, m_bytes - kEnd)) &&
               !isWhole(file.read(kEnd), ending);
    }

private:
    QString m_path;
    bool m_exists = false;
    bool m_isFile = false;
    qint64 m_bytes = 0;
    std::optional<std::uint32_t> m_crc;
};

// The same bytes, at another path or another time.
bool isSameContent(const InputFile& known, InputFile& image) {
    return known.bytes == image.bytes && !known.sha256.empty() && known.sha256 == image.hash();
}

bool isSameImage(const InputFile& known, InputFile& image) {
    return known.path == image.path || isSameContent(known, image);
}

bool looksUnchanged(const InputFile& known, const InputFile& image) {
    return known.path == image.path && known.bytes == image.bytes && known.modifiedMs == image.modifiedMs &&
           !known.sha256.empty();
}

std::string textOf(const nlohmann::json& json) {
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string lineOf(const std::string& name, const Entry& entry) {
    nlohmann::json files = nlohmann::json::object();
    for (const auto& [ending, fingerprint] : entry.files)
        files[ending] = {{"bytes", fingerprint.bytes}, {"crc32", fingerprint.crc}};
    return textOf({{"name", name},
                   {"image", entry.image.path},
                   {"bytes", entry.image.bytes},
                   {"modified_ms", entry.image.modifiedMs},
                   {"sha256", entry.image.sha256},
                   {"files", files}});
}

// Throws what nlohmann::json throws about a line that is not as lineOf() writes it.
std::pair<std::string, Entry> entryOf(const nlohmann::json& line) {
    Entry entry;
    line.at("image").get_to(entry.image.path);
    line.at("bytes").get_to(entry.image.bytes);
    line.at("modified_ms").get_to(entry.image.modifiedMs);
    line.at("sha256").get_to(entry.image.sha256);
    for (const auto& [ending, file] : line.at("files").items())
        entry.files.emplace_back(
            ending, Fingerprint{file.at("bytes").get<std::int64_t>(), file.at("crc32").get<std::uint32_t>()});
    return {line.at("name").get<std::string>(), std::move(entry)};
}

} // namespace

Result<InputFile> InputFile::at(const std::string& path) {
    const Result<FileStamp> stamp = fileStamp(path);
    if (!stamp)
        return stamp.error();
    const QString canonical = QFileInfo(QString::fromStdString(path)).canonicalFilePath();
    return InputFile{canonical.toStdString(), stamp->bytes, stamp->modifiedMs, {}};
}

const std::string& InputFile::hash() {
    if (sha256.empty())
        if (Result<std::string> whole = sha256OfFile(path); whole)
            sha256 = std::move(*whole);
    return sha256;
}

void InputFile::keepHashOfWhatWasRead() {
    hash();
    const Result<InputFile> now = at(path);
    if (!now || now->bytes != bytes || now->modifiedMs != modifiedMs)
        sha256.clear();
}

struct ResultRecord::Contents {
    std::string folder; // of the results
    std::vector<std::string> settings;
    std::size_t ownSettings = 0;
    std::unordered_map<std::string, std::vector<Entry>> entries; // by name; as it was when this run began

    std::mutex mutex; // of what follows
    QFile file;
    bool isTorn = false; // the last line of `file` is not whole

    std::string pathOf(const std::string& name, const std::string& ending) const {
        return folder + "/" + name + ending;
    }
    std::size_t indexOf(const std::string& text) {
        const auto at = std::find(settings.begin(), settings.end(), text);
        if (at == settings.end()) {
            settings.push_back(text);
            return settings.size() - 1;
        }
        return static_cast<std::size_t>(at - settings.begin());
    }
    const std::vector<Entry>& entriesOf(const std::string& name) const {
        static const std::vector<Entry> none;
        const auto at = entries.find(name);
        return at == entries.end() ? none : at->second;
    }

    // False where it vanished. What is no line of ours is passed over: a kill may leave half of one.
    Result<bool> read(const QString& path) {
        QFile in(path);
        if (!in.open(QIODevice::ReadOnly)) {
            if (!QFileInfo::exists(path))
                return false;
            return Error{ErrorCode::FileNotReadable, {path.toStdString(), in.errorString().toStdString()}};
        }
        std::optional<std::size_t> current;
        while (!in.atEnd()) {
            const QByteArray text = in.readLine(kLongestLine);
            const nlohmann::json line = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
            try {
                if (line.is_object() && line.contains("settings")) {
                    current = indexOf(line["settings"].dump());
                } else if (line.is_object() && current) {
                    auto [name, entry] = entryOf(line);
                    entry.settings = *current;
                    entries[name].push_back(std::move(entry));
                }
            } catch (const nlohmann::json::exception&) {
                continue;
            }
        }
        return true;
    }

    Result<void> readAll() {
        const QDir record(QString::fromStdString(folder + kFolder));
        for (int listing = 0; listing < kMostListings; ++listing) {
            entries.clear();
            bool isAll = true;
            for (const QString& name : record.entryList({QStringLiteral("*.jsonl")}, QDir::Files)) {
                const Result<bool> there = read(record.filePath(name));
                if (!there)
                    return there.error();
                isAll &= *there;
            }
            if (isAll)
                break;
        }
        return {};
    }

    // What is wrong with replacing a file, if anything is; `matches` says how closely it is looked at.
    template<typename Matches>
    std::optional<Error> obstacle(const std::string& name, const std::string& ending, InputFile& image,
                                  const Found& found, const Matches& matches) const {
        if (!found.exists())
            return std::nullopt;
        std::vector<const Entry*> candidates; // whose result it may be
        bool wasResult = false;
        for (const Entry& entry : entriesOf(name)) {
            const Fingerprint* file = entry.file(ending);
            wasResult |= file != nullptr;
            if (file != nullptr && matches(*file))
                candidates.push_back(&entry);
            else if (file != nullptr && found.isCut(ending) && isSameImage(entry.image, image))
                return std::nullopt;
        }
        // By its place first: that needs no reading.
        for (const Entry* entry : candidates)
            if (entry->image.path == image.path)
                return std::nullopt;
        for (const Entry* entry : candidates)
            if (isSameContent(entry->image, image))
                return std::nullopt;
        std::string reason = "it is no result of limn-cli segment";
        if (!candidates.empty())
            reason = "it is the result of another image, " + candidates.front()->image.path;
        else if (wasResult)
            reason = "it was changed since limn-cli wrote it";
        return Error{ErrorCode::FileNotWritable,
                     {pathOf(name, ending), reason + "; give another --output, or move it away"}};
    }

    Result<void> start() {
        const QString record = QString::fromStdString(folder + kFolder);
        if (!QDir().mkpath(record))
            return Error{ErrorCode::FileNotWritable, {folder + kFolder, "the folder cannot be made here"}};
        removeAbandonedFiles(folder + kFolder);
        file.setFileName(record + QLatin1Char('/') + QUuid::createUuid().toString(QUuid::WithoutBraces) +
                         QStringLiteral(".jsonl"));
        const std::string first = textOf({{"settings", nlohmann::json::parse(settings[ownSettings])}});
        if (Result<void> begun =
                writeFileAtomically(file.fileName().toStdString(),
                                    {reinterpret_cast<const unsigned char*>(first.data()), first.size()});
            !begun)
            return begun;
        if (!file.open(QIODevice::WriteOnly | QIODevice::Append | QIODevice::Unbuffered))
            return writeError();
        return {};
    }

    Error writeError() const {
        if (file.error() == QFileDevice::ResourceError)
            return {ErrorCode::DiskFull, {file.fileName().toStdString()}};
        return {ErrorCode::FileNotWritable,
                {file.fileName().toStdString(), file.errorString().toStdString()}};
    }

    Result<void> append(const std::string& line) {
        std::string text;
        if (isTorn)
            text.push_back('\n');
        text += line;
        isTorn =
            file.write(text.data(), static_cast<qint64>(text.size())) != static_cast<qint64>(text.size());
        if (isTorn)
            return writeError();
        return {};
    }

    bool isKnown(const std::string& name, const Entry& entry) const {
        const std::vector<Entry>& known = entriesOf(name);
        return std::find(known.begin(), known.end(), entry) != known.end();
    }

    // The file that has the line.
    Result<int> add(const std::string& name, const Entry& entry) {
        const std::lock_guard lock(mutex);
        if (!file.isOpen())
            if (Result<void> started = start(); !started)
                return started.error();
        if (Result<void> appended = append(lineOf(name, entry)); !appended)
            return appended.error();
        return file.handle();
    }

    // To the disk. Threads that wait here wait together, not one after the other.
    Result<void> addForGood(const std::string& name, const Entry& entry) {
        const Result<int> descriptor = add(name, entry);
        if (!descriptor)
            return descriptor.error();
        if (::fdatasync(*descriptor) != 0)
            return Error{ErrorCode::FileNotWritable, {folder + kFolder, qt_error_string().toStdString()}};
        return {};
    }
};

ResultRecord::ResultRecord(std::unique_ptr<Contents> contents) : m_contents(std::move(contents)) {}
ResultRecord::~ResultRecord() = default;

Result<std::unique_ptr<ResultRecord>> ResultRecord::open(const std::string& folder,
                                                         const std::string& settings) {
    auto contents = std::make_unique<Contents>();
    contents->folder = folder;
    contents->ownSettings = contents->indexOf(settings);
    if (Result<void> read = contents->readAll(); !read)
        return read.error();
    return std::unique_ptr<ResultRecord>(new ResultRecord(std::move(contents)));
}

std::optional<Error> ResultRecord::obstacle(const std::string& name, const std::vector<std::string>& endings,
                                            InputFile& image) const {
    for (const std::string& ending : endings) {
        const Found found(m_contents->pathOf(name, ending));
        if (std::optional<Error> problem = m_contents->obstacle(
                name, ending, image, found, [&](const Fingerprint& file) { return found.hasSizeOf(file); }))
            return problem;
    }
    return std::nullopt;
}

bool ResultRecord::isComplete(const std::string& name, const std::vector<std::string>& endings,
                              InputFile& image) {
    const std::vector<Entry>& entries = m_contents->entriesOf(name);
    if (entries.empty())
        return false;
    std::vector<Found> found;
    for (const std::string& ending : endings)
        found.emplace_back(m_contents->pathOf(name, ending));
    const auto isThere = [&](const Entry& entry) {
        for (std::size_t i = 0; i < endings.size(); ++i) {
            const Fingerprint* file = entry.file(endings[i]);
            if (file == nullptr || !found[i].hasSizeOf(*file))
                return false;
            // Of another result that is as long only the bytes tell: a kill may have left that one.
            const bool isUnclear = std::any_of(entries.begin(), entries.end(), [&](const Entry& other) {
                const Fingerprint* old = other.file(endings[i]);
                return old != nullptr && old->bytes == file->bytes && old->crc != file->crc;
            });
            if (isUnclear && !found[i].is(*file))
                return false;
        }
        return true;
    };
    std::vector<const Entry*> candidates;
    for (const Entry& entry : entries)
        if (entry.settings == m_contents->ownSettings && isThere(entry))
            candidates.push_back(&entry);
    for (const Entry* entry : candidates)
        if (looksUnchanged(entry->image, image))
            return true;
    for (const Entry* entry : candidates) {
        if (!isSameContent(entry->image, image))
            continue;
        Entry here = *entry;
        here.image = image;
        // Where this cannot be kept, the next run reads the image again.
        static_cast<void>(m_contents->add(name, here));
        return true;
    }
    return false;
}

Result<void> ResultRecord::write(const std::string& name, InputFile& image,
                                 const std::vector<ResultFile>& files) {
    Entry entry;
    entry.image = image;
    entry.settings = m_contents->ownSettings;
    for (const ResultFile& file : files)
        entry.files.emplace_back(file.ending, Fingerprint{static_cast<std::int64_t>(file.bytes.size()),
                                                          crcOf(file.bytes.data(), file.bytes.size())});
    enum class Way { Add, Replace, Keep };
    std::vector<Way> ways;
    for (std::size_t i = 0; i < files.size(); ++i) {
        Found found(m_contents->pathOf(name, files[i].ending));
        if (!found.exists()) {
            ways.push_back(Way::Add);
        } else if (found.is(entry.files[i].second)) {
            ways.push_back(Way::Keep);
        } else {
            if (std::optional<Error> problem =
                    m_contents->obstacle(name, files[i].ending, image, found,
                                         [&](const Fingerprint& file) { return found.is(file); }))
                return *problem;
            ways.push_back(Way::Replace);
        }
    }
    if (!m_contents->isKnown(name, entry))
        if (Result<void> added = m_contents->addForGood(name, entry); !added)
            return added;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const std::string path = m_contents->pathOf(name, files[i].ending);
        if (ways[i] == Way::Replace) {
            if (Result<void> written = writeFileAtomically(path, files[i].bytes); !written)
                return written;
        } else if (ways[i] == Way::Add) {
            const Result<bool> written = writeNewFile(path, files[i].bytes);
            if (!written)
                return written.error();
            // The same command may run twice at once; both write the same.
            if (!*written && !Found(path).is(entry.files[i].second))
                return Error{ErrorCode::FileNotWritable,
                             {path, "another program has made a file of this name since the run began"}};
        }
    }
    return {};
}

} // namespace limn
