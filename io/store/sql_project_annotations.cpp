// SPDX-License-Identifier: GPL-3.0-or-later
// The statements about annotations, their tiles and kept versions.
#include "io/store/annotation_json.h"
#include "io/store/blob_codec.h"
#include "io/store/sql_project_store.h"

#include <algorithm>
#include <numeric>

namespace limn {

namespace {

constexpr int kLabelLayer = 0;
constexpr int kProvenanceLayer = 1;

// Limits of what is read back, checked before anything is allocated.
constexpr int kLeastTile = 16;
constexpr int kLargestTile = 4096;
constexpr std::int64_t kMostPixels = std::int64_t{1} << 31;

bool isZero(const TileBytes& tile, std::size_t count) {
    return !tile ||
           std::all_of(tile.get(), tile.get() + count, [](std::uint8_t value) { return value == 0; });
}

bool fits(const LabelTiles& tiles) {
    return tiles.size.width > 0 && tiles.size.height > 0 && tiles.tileSize >= kLeastTile &&
           tiles.tileSize <= kLargestTile &&
           tiles.tiles.size() == static_cast<std::size_t>(tiles.tilesAcross()) * tiles.tilesDown();
}

std::vector<int> allTiles(const LabelTiles& tiles) {
    std::vector<int> all(tiles.tiles.size());
    std::iota(all.begin(), all.end(), 0);
    return all;
}

QVariant threshold(const std::optional<double>& value) {
    return value ? QVariant(*value) : QVariant(QMetaType::fromType<double>());
}

std::optional<double> threshold(const QSqlQuery& query, int column) {
    return query.isNull(column) ? std::nullopt : std::optional<double>(query.value(column).toDouble());
}

const std::string kInfoColumns =
    "SELECT id, image_id, person_id, version, revision, threshold, no_lesion, saved_ms FROM annotations ";

AnnotationInfo readInfo(const QSqlQuery& query) {
    AnnotationInfo info;
    info.id = query.value(0).toLongLong();
    info.image = query.value(1).toLongLong();
    info.person = query.value(2).toLongLong();
    info.version = query.value(3).toInt();
    info.revision = query.value(4).toLongLong();
    info.threshold = threshold(query, 5);
    info.noLesion = query.value(6).toInt() != 0;
    info.savedMs = query.value(7).toLongLong();
    return info;
}

Error damaged(const std::string& file, const std::string& image) {
    return {ErrorCode::StoreInvalid, {file, "an annotation of " + image + " is damaged"}};
}

// Columns width, height, tile_size, has_provenance, label_table, provenance, threshold, no_lesion from
// `first`.
bool readContent(const QSqlQuery& query, int first, StoredAnnotation& annotation) {
    const Size size{query.value(first).toInt(), query.value(first + 1).toInt()};
    const int tileSize = query.value(first + 2).toInt();
    if (size.width <= 0 || size.height <= 0 || tileSize < kLeastTile || tileSize > kLargestTile ||
        std::int64_t{size.width} * size.height > kMostPixels)
        return false;
    annotation.labels = LabelTiles(size, tileSize);
    if (query.value(first + 3).toInt() != 0)
        annotation.provenanceMap = LabelTiles(size, tileSize);
    auto labels = labelTableFromJson(query.value(first + 4).toString().toStdString());
    auto provenance = provenanceFromJson(query.value(first + 5).toString().toStdString());
    if (!labels || !provenance)
        return false;
    annotation.labelTable = std::move(*labels);
    annotation.provenance = std::move(*provenance);
    annotation.threshold = threshold(query, first + 6);
    annotation.noLesion = query.value(first + 7).toInt() != 0;
    return true;
}

} // namespace

Result<void> SqlProjectStore::writeTiles(AnnotationId id, int layer, const LabelTiles& tiles,
                                         const std::vector<int>& which, int& written) {
    if (which.empty())
        return {};
    Result<QSqlQuery> put =
        m_sql->prepare("INSERT INTO tiles (annotation_id, layer, tile, data) VALUES (?, ?, ?, ?) "
                       "ON CONFLICT (annotation_id, layer, tile) DO UPDATE SET data = excluded.data");
    if (!put)
        return put.error();
    Result<QSqlQuery> clear =
        m_sql->prepare("DELETE FROM tiles WHERE annotation_id = ? AND layer = ? AND tile = ?");
    if (!clear)
        return clear.error();
    const std::size_t count = static_cast<std::size_t>(tiles.tileSize) * tiles.tileSize;
    for (int tile : which) {
        const TileBytes& bytes = tiles.tiles[static_cast<std::size_t>(tile)];
        Result<void> ran;
        if (isZero(bytes, count)) {
            ran = m_sql->runAgain(*clear, {number(id), layer, tile});
        } else {
            const QByteArray blob = packBytes({bytes.get(), count});
            if (blob.isEmpty())
                return Error{ErrorCode::OutOfMemory,
                             {"saving an annotation", std::to_string(count) + " bytes"}};
            ran = m_sql->runAgain(*put, {number(id), layer, tile, blob});
        }
        if (!ran)
            return ran;
        ++written;
    }
    return {};
}

Result<SavedAnnotation> SqlProjectStore::saveRow(const StoredAnnotation& snapshot,
                                                 const StoredAnnotation* previous, bool asVersion) {
    const bool withProvenance = !snapshot.provenanceMap.empty();
    if (!fits(snapshot.labels) ||
        (withProvenance &&
         (!fits(snapshot.provenanceMap) || snapshot.provenanceMap.size != snapshot.labels.size ||
          snapshot.provenanceMap.tileSize != snapshot.labels.tileSize)))
        return Error{
            ErrorCode::InvalidArgument,
            {"the annotation's size",
             std::to_string(snapshot.labels.size.width) + " x " + std::to_string(snapshot.labels.size.height),
             "at least 1 x 1, with all its tiles"}};
    SavedAnnotation saved;
    saved.savedMs = nowMs();
    const Result<void> done = write([&]() -> Result<void> {
        Result<QSqlQuery> image =
            m_sql->run("SELECT width, height, path, (SELECT name FROM people WHERE id = "
                       "images.last_editor) FROM images WHERE id = ?",
                       {number(snapshot.image)});
        if (!image)
            return image.error();
        if (!image->next())
            return notThere("the image", snapshot.image);
        const Size size{image->value(0).toInt(), image->value(1).toInt()};
        const std::string path = image->value(2).toString().toStdString();
        const std::string editor = image->value(3).toString().toStdString();
        image->finish();
        if (size.pixels() > 0 && !(size == snapshot.labels.size))
            return Error{ErrorCode::InvalidArgument,
                         {"the annotation of " + path,
                          std::to_string(snapshot.labels.size.width) + " x " +
                              std::to_string(snapshot.labels.size.height),
                          "as large as the image, " + std::to_string(size.width) + " x " +
                              std::to_string(size.height)}};

        saved.version = snapshot.version;
        if (asVersion) {
            Result<QSqlQuery> highest = m_sql->run(
                "SELECT coalesce(max(version), 0) FROM annotations WHERE image_id = ? AND person_id = ?",
                {number(snapshot.image), number(snapshot.person)});
            if (!highest)
                return highest.error();
            highest->next();
            saved.version = highest->value(0).toInt() + 1;
        }
        Result<QSqlQuery> stored = m_sql->run(
            "SELECT id, revision FROM annotations WHERE image_id = ? AND person_id = ? AND version = ?",
            {number(snapshot.image), number(snapshot.person), saved.version});
        if (!stored)
            return stored.error();
        std::int64_t revision = 0;
        if (stored->next()) {
            saved.id = stored->value(0).toLongLong();
            revision = stored->value(1).toLongLong();
        }
        if (Result<void> ended = m_sql->ended(*stored); !ended)
            return ended;
        stored->finish();
        const bool isNew = saved.id == 0;
        if (!isNew && revision != snapshot.revision)
            return Error{ErrorCode::StoreStale,
                         {path, editor.empty() ? std::string("somebody else") : editor}};
        saved.revision = (isNew ? (asVersion ? 0 : snapshot.revision) : revision) + 1;

        const std::string labelTable = labelTableToJson(snapshot.labelTable);
        const std::string provenance = provenanceToJson(snapshot.provenance);
        if (isNew) {
            const Result<QSqlQuery> added = m_sql->run(
                "INSERT INTO annotations (image_id, person_id, version, revision, width, height, tile_size, "
                "has_provenance, label_table, provenance, threshold, no_lesion, saved_ms) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                {number(snapshot.image), number(snapshot.person), saved.version, number(saved.revision),
                 snapshot.labels.size.width, snapshot.labels.size.height, snapshot.labels.tileSize,
                 withProvenance ? 1 : 0, text(labelTable), text(provenance), threshold(snapshot.threshold),
                 snapshot.noLesion ? 1 : 0, number(saved.savedMs)});
            if (!added)
                return added.error();
            saved.id = added->lastInsertId().toLongLong();
        } else {
            if (Result<void> updated =
                    run("UPDATE annotations SET revision = ?, width = ?, height = ?, tile_size = ?, "
                        "has_provenance = ?, label_table = ?, provenance = ?, threshold = ?, no_lesion = ?, "
                        "saved_ms = ? WHERE id = ?",
                        {number(saved.revision), snapshot.labels.size.width, snapshot.labels.size.height,
                         snapshot.labels.tileSize, withProvenance ? 1 : 0, text(labelTable), text(provenance),
                         threshold(snapshot.threshold), snapshot.noLesion ? 1 : 0, number(saved.savedMs),
                         number(saved.id)});
                !updated)
                return updated;
        }

        const auto comparable = [&](const LabelTiles& before, const LabelTiles& now) {
            return before.size == now.size && before.tileSize == now.tileSize &&
                   before.tiles.size() == now.tiles.size();
        };
        const bool known = !isNew && previous && previous->revision == revision &&
                           comparable(previous->labels, snapshot.labels) &&
                           comparable(previous->provenanceMap, snapshot.provenanceMap);
        if (!isNew && !known) {
            if (Result<void> cleared = run("DELETE FROM tiles WHERE annotation_id = ?", {number(saved.id)});
                !cleared)
                return cleared;
        }
        const auto which = [&](const LabelTiles& now, const LabelTiles* before) {
            if (known)
                return changedTiles(*before, now);
            // Nothing is stored: tiles of zeros need no row.
            std::vector<int> all = allTiles(now);
            const std::size_t count = static_cast<std::size_t>(now.tileSize) * now.tileSize;
            std::erase_if(all,
                          [&](int tile) { return isZero(now.tiles[static_cast<std::size_t>(tile)], count); });
            return all;
        };
        if (Result<void> labels = writeTiles(saved.id, kLabelLayer, snapshot.labels,
                                             which(snapshot.labels, previous ? &previous->labels : nullptr),
                                             saved.tilesWritten);
            !labels)
            return labels;
        if (withProvenance) {
            if (Result<void> layer =
                    writeTiles(saved.id, kProvenanceLayer, snapshot.provenanceMap,
                               which(snapshot.provenanceMap, previous ? &previous->provenanceMap : nullptr),
                               saved.tilesWritten);
                !layer)
                return layer;
        }

        if (Result<void> touched =
                run("UPDATE images SET no_lesion = ?, last_editor = ?, last_edit_ms = ? WHERE id = ?",
                    {snapshot.noLesion ? 1 : 0, number(snapshot.person), number(saved.savedMs),
                     number(snapshot.image)});
            !touched)
            return touched;
        const ImageFigures& figures = snapshot.figures;
        if (figures.areaPixels || figures.change || figures.uncertainty) {
            if (Result<void> set =
                    run("UPDATE images SET area_pixels = coalesce(?, area_pixels), change_percent = "
                        "coalesce(?, change_percent), uncertainty = coalesce(?, uncertainty) WHERE id = ?",
                        {figures.areaPixels ? number(*figures.areaPixels)
                                            : QVariant(QMetaType::fromType<qlonglong>()),
                         threshold(figures.change), threshold(figures.uncertainty), number(snapshot.image)});
                !set)
                return set;
        }
        // One line a sitting: every stroke has its revision, but history is for people.
        if (!m_edited.count(saved.id)) {
            return note({0, saved.savedMs, snapshot.person, snapshot.image,
                         asVersion ? "kept as second version" : "edited", std::to_string(revision),
                         std::to_string(saved.revision), ""});
        }
        return {};
    });
    if (!done)
        return done.error();
    m_edited.insert(saved.id);
    return saved;
}

Result<SavedAnnotation> SqlProjectStore::saveAnnotation(const StoredAnnotation& snapshot,
                                                        const StoredAnnotation* previous) {
    return saveRow(snapshot, previous, false);
}

Result<SavedAnnotation> SqlProjectStore::saveAsVersion(const StoredAnnotation& snapshot) {
    return saveRow(snapshot, nullptr, true);
}

Result<void> SqlProjectStore::readTiles(const std::string& table, const std::string& owner, std::int64_t id,
                                        int layer, const std::string& imagePath, LabelTiles& tiles) {
    if (tiles.empty())
        return {};
    Result<QSqlQuery> query =
        m_sql->run("SELECT tile, data FROM " + table + " WHERE " + owner + " = ? AND layer = ? ORDER BY tile",
                   {number(id), layer});
    if (!query)
        return query.error();
    const std::size_t count = static_cast<std::size_t>(tiles.tileSize) * tiles.tileSize;
    while (query->next()) {
        const int tile = query->value(0).toInt();
        const auto bytes = unpackBytes(query->value(1).toByteArray(), count);
        if (tile < 0 || tile >= static_cast<int>(tiles.tiles.size()) || !bytes)
            return damaged(m_path, imagePath);
        tiles.tiles[static_cast<std::size_t>(tile)] = copyTile(bytes->data(), tiles.tileSize);
    }
    return m_sql->ended(*query);
}

Result<StoredAnnotationPtr> SqlProjectStore::annotation(ImageId image, PersonId person, int version) {
    Result<QSqlQuery> query = m_sql->run(
        "SELECT a.id, a.revision, a.saved_ms, i.path, a.width, a.height, a.tile_size, a.has_provenance, "
        "a.label_table, a.provenance, a.threshold, a.no_lesion FROM annotations a "
        "JOIN images i ON i.id = a.image_id WHERE a.image_id = ? AND a.person_id = ? AND a.version = ?",
        {number(image), number(person), version});
    if (!query)
        return query.error();
    if (!query->next()) {
        if (Result<void> ended = m_sql->ended(*query); !ended)
            return ended.error();
        return StoredAnnotationPtr();
    }
    auto annotation = std::make_shared<StoredAnnotation>();
    annotation->id = query->value(0).toLongLong();
    annotation->image = image;
    annotation->person = person;
    annotation->version = version;
    annotation->revision = query->value(1).toLongLong();
    annotation->savedMs = query->value(2).toLongLong();
    const std::string path = query->value(3).toString().toStdString();
    if (!readContent(*query, 4, *annotation))
        return damaged(m_path, path);
    query->finish();
    if (Result<void> read =
            readTiles("tiles", "annotation_id", annotation->id, kLabelLayer, path, annotation->labels);
        !read)
        return read.error();
    if (Result<void> read = readTiles("tiles", "annotation_id", annotation->id, kProvenanceLayer, path,
                                      annotation->provenanceMap);
        !read)
        return read.error();
    return StoredAnnotationPtr(annotation);
}

Result<std::vector<AnnotationInfo>> SqlProjectStore::annotationsOf(ImageId image) {
    Result<QSqlQuery> query =
        m_sql->run(kInfoColumns + "WHERE image_id = ? ORDER BY person_id, version", {number(image)});
    if (!query)
        return query.error();
    std::vector<AnnotationInfo> all;
    while (query->next())
        all.push_back(readInfo(*query));
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return all;
}

Result<std::vector<AnnotationInfo>> SqlProjectStore::allAnnotations() {
    Result<QSqlQuery> query = m_sql->run(kInfoColumns + "ORDER BY image_id, person_id, version");
    if (!query)
        return query.error();
    std::vector<AnnotationInfo> all;
    while (query->next())
        all.push_back(readInfo(*query));
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return all;
}

Result<void> SqlProjectStore::removeAnnotation(AnnotationId id, PersonId by) {
    return write([&]() -> Result<void> {
        Result<QSqlQuery> query = m_sql->run(
            "SELECT image_id, person_id, version, revision FROM annotations WHERE id = ?", {number(id)});
        if (!query)
            return query.error();
        if (!query->next())
            return notThere("the annotation", id);
        const HistoryRecord line{0,
                                 0,
                                 by,
                                 query->value(0).toLongLong(),
                                 "annotation removed",
                                 query->value(3).toString().toStdString(),
                                 "",
                                 "of person " + query->value(1).toString().toStdString() + ", version " +
                                     query->value(2).toString().toStdString()};
        query->finish();
        if (Result<void> removed = run("DELETE FROM annotations WHERE id = ?", {number(id)}); !removed)
            return removed;
        return note(line);
    });
}

Result<std::int64_t> SqlProjectStore::addKeptVersion(AnnotationId id, const std::string& what, PersonId by,
                                                     TimeMs timeMs) {
    const Result<QSqlQuery> added =
        m_sql->run("INSERT INTO kept_versions (annotation_id, revision, kept_by, what, kept_ms, width, "
                   "height, tile_size, has_provenance, label_table, provenance, threshold, no_lesion) SELECT "
                   "id, revision, CAST(? AS BIGINT), CAST(? AS TEXT), CAST(? AS BIGINT), width, height, "
                   "tile_size, has_provenance, label_table, provenance, threshold, no_lesion FROM "
                   "annotations WHERE id = ?",
                   {number(by), text(what), number(timeMs ? timeMs : nowMs()), number(id)});
    if (!added)
        return added.error();
    if (added->numRowsAffected() < 1)
        return notThere("the annotation", id);
    const std::int64_t kept = added->lastInsertId().toLongLong();
    if (Result<void> copied = run("INSERT INTO kept_tiles (kept_id, layer, tile, data) SELECT "
                                  "CAST(? AS BIGINT), layer, tile, data FROM tiles WHERE annotation_id = ?",
                                  {number(kept), number(id)});
        !copied)
        return copied.error();
    return kept;
}

Result<std::int64_t> SqlProjectStore::keepVersion(AnnotationId id, const std::string& what, PersonId by) {
    std::int64_t kept = 0;
    const Result<void> done = write([&]() -> Result<void> {
        const Result<std::int64_t> added = addKeptVersion(id, what, by, 0);
        if (!added)
            return added.error();
        kept = *added;
        return {};
    });
    if (!done)
        return done.error();
    return kept;
}

Result<std::vector<KeptVersion>> SqlProjectStore::keptVersions(ImageId image) {
    Result<QSqlQuery> query = m_sql->run(
        "SELECT k.id, k.annotation_id, k.revision, k.kept_by, k.what, k.kept_ms FROM kept_versions k "
        "JOIN annotations a ON a.id = k.annotation_id WHERE a.image_id = ? ORDER BY k.id",
        {number(image)});
    if (!query)
        return query.error();
    std::vector<KeptVersion> all;
    while (query->next()) {
        all.push_back({query->value(0).toLongLong(), query->value(1).toLongLong(),
                       query->value(2).toLongLong(), query->value(3).toLongLong(),
                       query->value(4).toString().toStdString(), query->value(5).toLongLong()});
    }
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return all;
}

Result<StoredAnnotationPtr> SqlProjectStore::keptAnnotation(std::int64_t keptId) {
    Result<QSqlQuery> query = m_sql->run(
        "SELECT a.id, a.image_id, a.person_id, a.version, a.revision, k.kept_ms, i.path, k.width, k.height, "
        "k.tile_size, k.has_provenance, k.label_table, k.provenance, k.threshold, k.no_lesion FROM "
        "kept_versions k "
        "JOIN annotations a ON a.id = k.annotation_id JOIN images i ON i.id = a.image_id WHERE k.id = ?",
        {number(keptId)});
    if (!query)
        return query.error();
    if (!query->next()) {
        if (Result<void> ended = m_sql->ended(*query); !ended)
            return ended.error();
        return notThere("the kept version", keptId);
    }
    auto annotation = std::make_shared<StoredAnnotation>();
    annotation->id = query->value(0).toLongLong();
    annotation->image = query->value(1).toLongLong();
    annotation->person = query->value(2).toLongLong();
    annotation->version = query->value(3).toInt();
    annotation->revision = query->value(4).toLongLong();
    annotation->savedMs = query->value(5).toLongLong();
    const std::string path = query->value(6).toString().toStdString();
    if (!readContent(*query, 7, *annotation))
        return damaged(m_path, path);
    query->finish();
    if (Result<void> read = readTiles("kept_tiles", "kept_id", keptId, kLabelLayer, path, annotation->labels);
        !read)
        return read.error();
    if (Result<void> read =
            readTiles("kept_tiles", "kept_id", keptId, kProvenanceLayer, path, annotation->provenanceMap);
        !read)
        return read.error();
    return StoredAnnotationPtr(annotation);
}

} // namespace limn
