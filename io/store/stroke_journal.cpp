// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/stroke_journal.h"

#include "io/store/annotation_json.h"
#include "io/store/blob_codec.h"

#include <nlohmann/json.hpp>

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace limn {

namespace {

using Json = nlohmann::json;

constexpr char kMagic[] = "limn journal 1\n"; // 16 bytes with its final zero
constexpr std::size_t kIdentityBytes = 64;
constexpr std::uint64_t kFirstRecord = 4096;
constexpr std::uint64_t kReserved = 1 << 18;
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;

// Of a record: mark, length of the payload, number, check sum of all of it; each little-endian.
constexpr std::uint32_t kRecordMark = 0x314a524c; // "LRJ1"
constexpr std::size_t kRecordHeader = 4 + 4 + 8 + 4;
constexpr std::size_t kRunHeader = 1 + 4 + 4 + 4;

// Limits of what is read back, as in the store.
constexpr int kLeastTile = 16;
constexpr int kLargestTile = 4096;
constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

Error writeError(const std::string& path, int number) {
    if (number == ENOSPC || number == EDQUOT)
        return {ErrorCode::DiskFull, {path}};
    return {ErrorCode::FileNotWritable, {path, std::strerror(number)}};
}

// Bytes in a QByteArray: GCC 12 warns wrongly of vectors that grow by single bytes.
template<typename T>
void put(QByteArray& bytes, T value) {
    char text[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i)
        text[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
    bytes.append(text, sizeof(T));
}

template<typename T>
T get(const std::uint8_t* bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
        value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
    return static_cast<T>(value);
}

std::uint32_t checkSum(const std::uint8_t* bytes, std::size_t count) {
    return static_cast<std::uint32_t>(::crc32(0, bytes, static_cast<uInt>(count)));
}

int writeAt(int descriptor, const std::uint8_t* bytes, std::size_t count, std::uint64_t at) {
    while (count > 0) {
        const ssize_t wrote = ::pwrite(descriptor, bytes, count, static_cast<off_t>(at));
        if (wrote < 0) {
            if (errno == EINTR)
                continue;
            return errno;
        }
        bytes += wrote;
        count -= static_cast<std::size_t>(wrote);
        at += static_cast<std::uint64_t>(wrote);
    }
    return 0;
}

// The runs of one layer where `now` differs from `before` (null: zeros), row by row of each tile.
void putRuns(QByteArray& bytes, int layer, const LabelTiles& now, const LabelTiles* before) {
    const std::size_t side = static_cast<std::size_t>(now.tileSize);
    const std::vector<std::uint8_t> zeros(side, 0);
    for (std::size_t tile = 0; tile < now.tiles.size(); ++tile) {
        const TileBytes& mine = now.tiles[tile];
        const TileBytes theirs = before ? before->tiles[tile] : nullptr;
        if (mine == theirs)
            continue;
        for (std::size_t y = 0; y < side; ++y) {
            const std::uint8_t* a = mine ? mine.get() + y * side : zeros.data();
            const std::uint8_t* b = theirs ? theirs.get() + y * side : zeros.data();
            if (std::memcmp(a, b, side) == 0)
                continue;
            const std::uint8_t* first = std::mismatch(a, a + side, b).first;
            const std::uint8_t* last = a + side;
            while (last[-1] == b[last - 1 - a])
                --last;
            put<std::uint8_t>(bytes, static_cast<std::uint8_t>(layer));
            put<std::uint32_t>(bytes, static_cast<std::uint32_t>(tile));
            put<std::uint32_t>(bytes,
                               static_cast<std::uint32_t>(y * side + static_cast<std::size_t>(first - a)));
            put<std::uint32_t>(bytes, static_cast<std::uint32_t>(last - first));
            bytes.append(reinterpret_cast<const char*>(first), last - first);
        }
    }
}

bool sameShape(const LabelTiles& a, const LabelTiles& b) {
    return a.size == b.size && a.tileSize == b.tileSize && a.tiles.size() == b.tiles.size();
}

std::string factsOf(const StoredAnnotation& now, const StrokeJournal::Place& place) {
    Json json = {{"image", now.image},
                 {"person", now.person},
                 {"name", now.personName},
                 {"version", now.version},
                 {"base", place.baseRevision},
                 {"saves", place.saves},
                 {"starts", place.startsChain},
                 {"whole", place.before == nullptr},
                 {"width", now.labels.size.width},
                 {"height", now.labels.size.height},
                 {"tile", now.labels.tileSize},
                 {"layers", now.provenanceMap.empty() ? 1 : 2},
                 {"labels", labelTableToJson(now.labelTable)},
                 {"provenance", provenanceToJson(now.provenance)},
                 {"no_lesion", now.noLesion}};
    if (now.threshold)
        json["threshold"] = *now.threshold;
    if (now.figures.uncertainty)
        json["uncertainty"] = *now.figures.uncertainty;
    if (now.figures.areaPixels)
        json["area"] = *now.figures.areaPixels;
    if (now.figures.change)
        json["change"] = *now.figures.change;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

constexpr const char* kDecisionKinds[] = {"state", "flag", "comment", "assignment"};

std::string factsOf(const DecisionRecord& decision) {
    const Json json = {{"decision", kDecisionKinds[static_cast<std::size_t>(decision.kind)]},
                       {"images", decision.images},
                       {"person", decision.person},
                       {"name", decision.personName},
                       {"time", decision.timeMs},
                       {"state", reviewStateName(decision.state)},
                       {"flagged", decision.flagged},
                       {"assignee", decision.assignee},
                       {"assignee_name", decision.assigneeName},
                       {"note", decision.note}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A payload: length of the facts, the facts, then the runs of a stroke to the end.
QByteArray beginPayload(const std::string& facts) {
    QByteArray payload;
    put<std::uint32_t>(payload, static_cast<std::uint32_t>(facts.size()));
    payload.append(facts.data(), static_cast<qsizetype>(facts.size()));
    return payload;
}

bool readDecision(const Json& json, DecisionRecord& decision) {
    const std::string kind = json.at("decision").get<std::string>();
    const auto found = std::find(std::begin(kDecisionKinds), std::end(kDecisionKinds), kind);
    const auto state = reviewStateFromName(json.at("state").get<std::string>());
    if (found == std::end(kDecisionKinds) || !state)
        return false;
    decision.kind = static_cast<DecisionRecord::Kind>(found - std::begin(kDecisionKinds));
    decision.images = json.at("images").get<std::vector<ImageId>>();
    decision.person = json.at("person").get<PersonId>();
    decision.personName = json.at("name").get<std::string>();
    decision.timeMs = json.at("time").get<TimeMs>();
    decision.state = *state;
    decision.flagged = json.at("flagged").get<bool>();
    decision.assignee = json.at("assignee").get<PersonId>();
    decision.assigneeName = json.at("assignee_name").get<std::string>();
    decision.note = json.at("note").get<std::string>();
    return true;
}

template<typename T>
std::optional<T> optionalOf(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found == json.end() ? std::nullopt : std::optional<T>(found->get<T>());
}

bool readFacts(const std::string& text, JournalRecord& record) {
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
        return false;
    try {
        if (json.contains("decision"))
            return readDecision(json, record.decision.emplace());
        StoredAnnotation& annotation = record.annotation;
        annotation.image = json.at("image").get<ImageId>();
        annotation.person = json.at("person").get<PersonId>();
        annotation.personName = json.at("name").get<std::string>();
        annotation.version = json.at("version").get<int>();
        annotation.noLesion = json.at("no_lesion").get<bool>();
        annotation.threshold = optionalOf<double>(json, "threshold");
        annotation.figures.uncertainty = optionalOf<double>(json, "uncertainty");
        annotation.figures.areaPixels = optionalOf<std::int64_t>(json, "area");
        annotation.figures.change = optionalOf<double>(json, "change");
        record.baseRevision = json.at("base").get<std::int64_t>();
        record.saves = json.at("saves").get<std::int64_t>();
        record.startsChain = json.at("starts").get<bool>();
        record.whole = json.at("whole").get<bool>();
        auto labels = labelTableFromJson(json.at("labels").get<std::string>());
        auto provenance = provenanceFromJson(json.at("provenance").get<std::string>());
        const Size size{json.at("width").get<int>(), json.at("height").get<int>()};
        const int tile = json.at("tile").get<int>();
        if (!labels || !provenance || size.width <= 0 || size.height <= 0 || tile < kLeastTile ||
            tile > kLargestTile || std::int64_t{size.width} * size.height > kMostPixels || record.saves < 1)
            return false;
        annotation.labelTable = std::move(*labels);
        annotation.provenance = std::move(*provenance);
        annotation.labels = LabelTiles(size, tile);
        if (json.at("layers").get<int>() == 2)
            annotation.provenanceMap = LabelTiles(size, tile);
    } catch (const Json::exception&) {
        return false;
    }
    return true;
}

bool readPayload(const std::vector<std::uint8_t>& bytes, JournalRecord& record) {
    if (bytes.size() < 4)
        return false;
    const std::size_t facts = get<std::uint32_t>(bytes.data());
    if (facts > bytes.size() - 4 ||
        !readFacts(std::string(reinterpret_cast<const char*>(bytes.data()) + 4, facts), record))
        return false;
    if (record.decision)
        return bytes.size() == 4 + facts;
    const LabelTiles& shape = record.annotation.labels;
    const std::size_t tileBytes = static_cast<std::size_t>(shape.tileSize) * shape.tileSize;
    for (std::size_t at = 4 + facts; at < bytes.size();) {
        if (bytes.size() - at < kRunHeader)
            return false;
        JournalRecord::Run run;
        run.layer = bytes[at];
        run.tile = static_cast<int>(get<std::uint32_t>(&bytes[at + 1]));
        run.first = get<std::uint32_t>(&bytes[at + 5]);
        const std::size_t count = get<std::uint32_t>(&bytes[at + 9]);
        at += kRunHeader;
        const bool layerFits = run.layer == 0 || (run.layer == 1 && !record.annotation.provenanceMap.empty());
        if (!layerFits || run.tile < 0 || static_cast<std::size_t>(run.tile) >= shape.tiles.size() ||
            run.first > tileBytes || count > tileBytes - run.first || count > bytes.size() - at)
            return false;
        run.values.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                          bytes.begin() + static_cast<std::ptrdiff_t>(at + count));
        at += count;
        record.runs.push_back(std::move(run));
    }
    return true;
}

void setRuns(const JournalRecord& record, int layer, LabelTiles& tiles) {
    const std::size_t count = static_cast<std::size_t>(tiles.tileSize) * tiles.tileSize;
    // Tiles are shared with others: each is copied once, at its first run.
    std::vector<std::uint8_t*> own(tiles.tiles.size(), nullptr);
    for (const JournalRecord::Run& run : record.runs) {
        if (run.layer != layer)
            continue;
        const std::size_t tile = static_cast<std::size_t>(run.tile);
        if (!own[tile]) {
            auto fresh = std::make_shared<std::vector<std::uint8_t>>(count, std::uint8_t{0});
            if (tiles.tiles[tile])
                std::copy_n(tiles.tiles[tile].get(), count, fresh->begin());
            own[tile] = fresh->data();
            tiles.tiles[tile] = TileBytes(fresh, fresh->data());
        }
        std::copy(run.values.begin(), run.values.end(), own[tile] + run.first);
    }
}

} // namespace

std::string StrokeJournal::pathOf(const std::string& projectFile) {
    return projectFile + "-strokes";
}

Result<std::unique_ptr<StrokeJournal>> StrokeJournal::open(const std::string& path,
                                                           const std::string& project) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return writeError(path, errno);
    std::unique_ptr<StrokeJournal> journal(new StrokeJournal(path, descriptor));
    std::vector<std::uint8_t> fresh(kReserved, 0);
    std::copy_n(kMagic, sizeof kMagic, fresh.begin());
    std::copy_n(project.begin(), std::min(project.size(), kIdentityBytes), fresh.begin() + sizeof kMagic);
    if (const int number = writeAt(descriptor, fresh.data(), fresh.size(), 0))
        return writeError(path, number);
    if (::fsync(descriptor) != 0)
        return writeError(path, errno);
    // The name must outlive a power failure too.
    const std::size_t slash = path.rfind('/');
    const int folder = ::open(slash == std::string::npos ? "." : path.substr(0, slash + 1).c_str(),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)::fsync(folder); // some file systems refuse it and need it not
        ::close(folder);
    }
    journal->m_end = kFirstRecord;
    return journal;
}

StrokeJournal::~StrokeJournal() {
    if (m_descriptor >= 0)
        ::close(m_descriptor);
}

Result<void> StrokeJournal::append(const StoredAnnotation& now, const Place& place) {
    const bool follows = place.before && sameShape(place.before->labels, now.labels) &&
                         place.before->provenanceMap.empty() == now.provenanceMap.empty();
    Place mine = place;
    if (!follows)
        mine.before = nullptr;
    QByteArray payload = beginPayload(factsOf(now, mine));
    putRuns(payload, 0, now.labels, mine.before ? &mine.before->labels : nullptr);
    if (!now.provenanceMap.empty())
        putRuns(payload, 1, now.provenanceMap, mine.before ? &mine.before->provenanceMap : nullptr);
    return appendPayload(payload);
}

Result<void> StrokeJournal::append(const DecisionRecord& decision) {
    return appendPayload(beginPayload(factsOf(decision)));
}

Result<void> StrokeJournal::appendPayload(const QByteArray& payload) {
    const QByteArray packed = packBytes({reinterpret_cast<const std::uint8_t*>(payload.constData()),
                                         static_cast<std::size_t>(payload.size())});
    if (packed.isEmpty() || static_cast<std::uint64_t>(packed.size()) > kMostBytes)
        return Error{ErrorCode::OutOfMemory, {"saving a stroke", std::to_string(payload.size()) + " bytes"}};

    QByteArray record;
    record.reserve(static_cast<qsizetype>(kRecordHeader) + packed.size());
    put<std::uint32_t>(record, kRecordMark);
    put<std::uint32_t>(record, static_cast<std::uint32_t>(packed.size()));
    put<std::uint64_t>(record, m_number + 1);
    record.append(packed);
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(record.constData());
    put<std::uint32_t>(record, checkSum(bytes, static_cast<std::size_t>(record.size())));
    bytes = reinterpret_cast<const std::uint8_t*>(record.constData());
    const std::size_t count = static_cast<std::size_t>(record.size());
    if (const int number = writeAt(m_descriptor, bytes, count, m_end))
        return writeError(m_path, number);
    m_end += count;
    ++m_number;
    return {};
}

Result<void> StrokeJournal::sync() {
    if (::fdatasync(m_descriptor) != 0)
        return writeError(m_path, errno);
    return {};
}

void StrokeJournal::restart() {
    m_end = kFirstRecord;
}

void StrokeJournal::remove() {
    ::unlink(m_path.c_str());
}

Result<JournalContent> readJournal(const std::string& path) {
    JournalContent content;
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        if (errno == ENOENT)
            return content;
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    }
    struct Closer {
        int descriptor;
        ~Closer() { ::close(descriptor); }
    } const closer{descriptor};
    struct stat info {};
    if (::fstat(descriptor, &info) != 0)
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    const std::uint64_t size = std::min(static_cast<std::uint64_t>(info.st_size), kMostBytes);
    const auto read = [&](std::uint64_t at, std::size_t count) -> std::vector<std::uint8_t> {
        std::vector<std::uint8_t> bytes;
        if (at > size || count > size - at)
            return bytes;
        bytes.resize(count);
        for (std::size_t done = 0; done < count;) {
            const ssize_t got =
                ::pread(descriptor, bytes.data() + done, count - done, static_cast<off_t>(at + done));
            if (got < 0 && errno == EINTR)
                continue;
            if (got <= 0)
                return {};
            done += static_cast<std::size_t>(got);
        }
        return bytes;
    };
    const std::vector<std::uint8_t> head = read(0, sizeof kMagic + kIdentityBytes);
    if (head.empty() || std::memcmp(head.data(), kMagic, sizeof kMagic) != 0)
        return content;
    content.project.assign(reinterpret_cast<const char*>(head.data()) + sizeof kMagic, kIdentityBytes);
    content.project.resize(std::strlen(content.project.c_str()));

    for (std::uint64_t at = kFirstRecord;;) {
        const std::vector<std::uint8_t> header = read(at, 16);
        if (header.empty() || get<std::uint32_t>(header.data()) != kRecordMark)
            break;
        const std::size_t length = get<std::uint32_t>(&header[4]);
        const std::uint64_t number = get<std::uint64_t>(&header[8]);
        // What an earlier round left behind has a smaller number.
        if (!content.records.empty() && number != content.records.back().number + 1)
            break;
        const std::vector<std::uint8_t> whole = read(at, kRecordHeader + length);
        if (whole.empty() || get<std::uint32_t>(&whole[16 + length]) != checkSum(whole.data(), 16 + length))
            break;
        const QByteArray packed(reinterpret_cast<const char*>(&whole[16]), static_cast<qsizetype>(length));
        const auto payload = unpackAll(packed, kMostBytes);
        JournalRecord record;
        record.number = number;
        if (!payload || !readPayload(*payload, record))
            break;
        if (record.whole) {
            setRuns(record, 0, record.annotation.labels);
            if (!record.annotation.provenanceMap.empty())
                setRuns(record, 1, record.annotation.provenanceMap);
            record.runs.clear();
        }
        content.records.push_back(std::move(record));
        at += kRecordHeader + length;
    }
    return content;
}

bool applyRecord(const JournalRecord& record, StoredAnnotation& annotation) {
    const StoredAnnotation& now = record.annotation;
    const bool fits = record.whole || (sameShape(now.labels, annotation.labels) &&
                                       now.provenanceMap.empty() == annotation.provenanceMap.empty());
    if (!fits)
        return false;
    LabelTiles labels = record.whole ? LabelTiles(now.labels) : std::move(annotation.labels);
    LabelTiles provenance =
        record.whole ? LabelTiles(now.provenanceMap) : std::move(annotation.provenanceMap);
    if (!record.whole) {
        setRuns(record, 0, labels);
        if (!provenance.empty())
            setRuns(record, 1, provenance);
    }
    const AnnotationId id = annotation.id;
    const std::int64_t revision = annotation.revision;
    annotation = now;
    annotation.id = id;
    annotation.revision = revision;
    annotation.labels = std::move(labels);
    annotation.provenanceMap = std::move(provenance);
    return true;
}

} // namespace limn
