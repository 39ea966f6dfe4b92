// SPDX-License-Identifier: GPL-3.0-or-later
// The statements about images and their review.
#include "io/store/sql_project_store.h"

#include <algorithm>
#include <iterator>
#include <thread>
#include <tuple>

namespace limn {

namespace {

// Images from which on they are read in two threads.
constexpr std::int64_t kWorthAThread = 10000;

const std::string kColumns = "SELECT id, path, sha256, width, height, spacing_x_mm, spacing_y_mm, "
                             "spacing_source, modality, file_bytes, "
                             "file_modified_ms, position, trouble, state, reason, flagged, flag_note, "
                             "no_lesion, assignee, uncertainty, "
                             "area_pixels, change_percent, last_editor, last_edit_ms, added_ms, "
                             "CASE WHEN state = 5 THEN (SELECT person_id FROM history WHERE image_id = "
                             "images.id AND what = 'state' ORDER BY id DESC LIMIT 1) END FROM images ";

ImageRecord readImage(const QSqlQuery& query) {
    ImageRecord record;
    record.id = query.value(0).toLongLong();
    record.path = query.value(1).toString().toStdString();
    record.sha256 = query.value(2).toString().toStdString();
    record.size = {query.value(3).toInt(), query.value(4).toInt()};
    if (!query.isNull(5))
        record.spacing = Spacing{query.value(5).toDouble(), query.value(6).toDouble(),
                                 query.value(7).toString().toStdString()};
    record.modality = query.value(8).toString().toStdString();
    record.fileBytes = query.value(9).toLongLong();
    record.fileModifiedMs = query.value(10).toLongLong();
    record.position = query.value(11).toLongLong();
    record.trouble = query.value(12).toString().toStdString();
    record.state = reviewStateFromNumber(query.value(13).toInt()).value_or(ReviewState::New);
    record.reason = query.value(14).toString().toStdString();
    record.flagged = query.value(15).toInt() != 0;
    record.flagNote = query.value(16).toString().toStdString();
    record.noLesion = query.value(17).toInt() != 0;
    record.assignee = query.value(18).toLongLong();
    record.uncertainty = query.value(19).toDouble();
    record.areaPixels = query.value(20).toLongLong();
    record.change = query.value(21).toDouble();
    record.lastEditor = query.value(22).toLongLong();
    record.lastEditMs = query.value(23).toLongLong();
    record.addedMs = query.value(24).toLongLong();
    record.rejectedBy = query.value(25).toLongLong();
    return record;
}

// Those with numbers from `first` to `last`, appended.
Result<void> readImages(SqlConnection& sql, std::int64_t first, std::int64_t last,
                        std::vector<ImageRecord>& images) {
    Result<QSqlQuery> query =
        sql.run(kColumns + "WHERE id BETWEEN ? AND ? ORDER BY id", {number(first), number(last)});
    if (!query)
        return query.error();
    while (query->next())
        images.push_back(readImage(*query));
    return sql.ended(*query);
}

QVariant millimetres(const std::optional<Spacing>& spacing, double Spacing::*axis) {
    return spacing ? QVariant(*spacing.*axis) : QVariant(QMetaType::fromType<double>());
}

} // namespace

Result<std::vector<ImageRecord>> SqlProjectStore::images() {
    // Of a large project one half is read through a second connection at the same time. This thread is the
    // one that writes, so nothing changes between the two.
    Result<QSqlQuery> middle = m_sql->run("SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM images");
    if (!middle)
        return middle.error();
    middle->next();
    const std::int64_t first = middle->value(0).toLongLong();
    const std::int64_t last = middle->value(1).toLongLong();
    middle->finish();
    std::vector<ImageRecord> all;
    if (last - first < kWorthAThread || m_path.empty() || m_scratch || m_access != StoreAccess::ReadWrite) {
        if (Result<void> read = readImages(*m_sql, first, last, all); !read)
            return read.error();
    } else {
        const std::int64_t half = first + (last - first) / 2;
        std::vector<ImageRecord> upper;
        Result<void> upperRead;
        std::thread helper([&, path = m_path, wait = m_options.busyTimeoutMs] {
            const Result<std::unique_ptr<SqlConnection>> own = openSqliteFile(path, SqliteMode::Read, wait);
            upperRead = own ? readImages(**own, half + 1, last, upper) : Result<void>(own.error());
        });
        const Result<void> lowerRead = readImages(*m_sql, first, half, all);
        helper.join();
        if (!lowerRead)
            return lowerRead.error();
        if (!upperRead)
            return upperRead.error();
        all.insert(all.end(), std::make_move_iterator(upper.begin()), std::make_move_iterator(upper.end()));
    }
    const auto inOrder = [](const ImageRecord& a, const ImageRecord& b) {
        return std::tie(a.position, a.id) < std::tie(b.position, b.id);
    };
    if (!std::is_sorted(all.begin(), all.end(), inOrder))
        std::sort(all.begin(), all.end(), inOrder);
    return all;
}

Result<std::optional<ImageRecord>> SqlProjectStore::image(ImageId id) {
    Result<QSqlQuery> query = m_sql->run(kColumns + "WHERE id = ?", {number(id)});
    if (!query)
        return query.error();
    if (query->next())
        return std::optional<ImageRecord>(readImage(*query));
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return std::optional<ImageRecord>();
}

Result<std::string> SqlProjectStore::imagePath(ImageId id) {
    Result<QSqlQuery> query = m_sql->run("SELECT path FROM images WHERE id = ?", {number(id)});
    if (!query)
        return query.error();
    if (!query->next())
        return notThere("the image", id);
    return query->value(0).toString().toStdString();
}

Result<std::vector<ImageId>> SqlProjectStore::addImages(std::span<const ImageRecord> records, PersonId by) {
    std::vector<ImageId> ids;
    const Result<void> written = write([&]() -> Result<void> {
        Result<QSqlQuery> last = m_sql->run("SELECT coalesce(max(position), 0) FROM images");
        if (!last)
            return last.error();
        last->next();
        std::int64_t position = last->value(0).toLongLong();
        last->finish();
        Result<QSqlQuery> insert = m_sql->prepare("INSERT INTO images (path, sha256, width, height, "
                                                  "spacing_x_mm, spacing_y_mm, spacing_source, modality, "
                                                  "file_bytes, file_modified_ms, position, trouble, "
                                                  "added_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                                                  "ON CONFLICT (path) DO NOTHING");
        if (!insert)
            return insert.error();
        const std::int64_t now = nowMs();
        for (const ImageRecord& record : records) {
            position = record.position ? record.position : position + 1;
            Result<void> ran = m_sql->runAgain(
                *insert,
                {text(record.path), text(record.sha256), record.size.width, record.size.height,
                 millimetres(record.spacing, &Spacing::xMm), millimetres(record.spacing, &Spacing::yMm),
                 text(record.spacing ? record.spacing->source : std::string()), text(record.modality),
                 number(record.fileBytes), number(record.fileModifiedMs), number(position),
                 text(record.trouble), number(record.addedMs ? record.addedMs : now)});
            if (!ran)
                return ran;
            const bool added = insert->numRowsAffected() > 0;
            ids.push_back(added ? insert->lastInsertId().toLongLong() : ImageId{0});
            if (!added)
                continue;
            if (Result<void> noted = note({0, now, by, ids.back(), "added", "", record.path, ""}); !noted)
                return noted;
        }
        return {};
    });
    if (!written)
        return written.error();
    return ids;
}

Result<void> SqlProjectStore::removeImages(std::span<const ImageId> ids, PersonId by) {
    return write([&]() -> Result<void> {
        for (ImageId id : ids) {
            const Result<std::string> path = imagePath(id);
            if (!path)
                return path.error();
            if (Result<void> removed = run("DELETE FROM images WHERE id = ?", {number(id)}); !removed)
                return removed;
            if (Result<void> noted = note({0, 0, by, id, "removed", *path, "", ""}); !noted)
                return noted;
        }
        return {};
    });
}

Result<void> SqlProjectStore::updateFileFacts(std::span<const ImageRecord> records) {
    return write([&]() -> Result<void> {
        Result<QSqlQuery> update = m_sql->prepare(
            "UPDATE images SET sha256 = ?, width = ?, height = ?, spacing_x_mm = ?, spacing_y_mm = ?, "
            "spacing_source = ?, modality = ?, file_bytes = ?, file_modified_ms = ?, trouble = ? WHERE id = "
            "?");
        if (!update)
            return update.error();
        for (const ImageRecord& record : records) {
            Result<void> ran = m_sql->runAgain(
                *update,
                {text(record.sha256), record.size.width, record.size.height,
                 millimetres(record.spacing, &Spacing::xMm), millimetres(record.spacing, &Spacing::yMm),
                 text(record.spacing ? record.spacing->source : std::string()), text(record.modality),
                 number(record.fileBytes), number(record.fileModifiedMs), text(record.trouble),
                 number(record.id)});
            if (!ran)
                return ran;
        }
        return {};
    });
}

Result<void> SqlProjectStore::moveImage(ImageId id, const std::string& newPath, PersonId by) {
    return write([&]() -> Result<void> {
        const Result<std::string> path = imagePath(id);
        if (!path)
            return path.error();
        Result<QSqlQuery> taken =
            m_sql->run("SELECT id FROM images WHERE path = ? AND id <> ?", {text(newPath), number(id)});
        if (!taken)
            return taken.error();
        if (taken->next())
            return Error{ErrorCode::InvalidArgument, {"the path", newPath, "one that no other image has"}};
        taken->finish();
        if (Result<void> moved =
                run("UPDATE images SET path = ?, trouble = '' WHERE id = ?", {text(newPath), number(id)});
            !moved)
            return moved;
        return note({0, 0, by, id, "moved", *path, newPath, ""});
    });
}

Result<std::vector<ImageId>> SqlProjectStore::imagesWithHash(const std::string& sha256) {
    Result<QSqlQuery> query =
        m_sql->run("SELECT id FROM images WHERE sha256 = ? ORDER BY id", {text(sha256)});
    if (!query)
        return query.error();
    std::vector<ImageId> ids;
    while (query->next())
        ids.push_back(query->value(0).toLongLong());
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return ids;
}

Result<void> SqlProjectStore::setFigures(ImageId id, const ImageFigures& figures) {
    return write([&]() -> Result<void> {
        if (figures.uncertainty) {
            if (Result<void> ran =
                    run("UPDATE images SET uncertainty = ? WHERE id = ?", {*figures.uncertainty, number(id)});
                !ran)
                return ran;
        }
        if (figures.areaPixels) {
            if (Result<void> ran = run("UPDATE images SET area_pixels = ? WHERE id = ?",
                                       {number(*figures.areaPixels), number(id)});
                !ran)
                return ran;
        }
        if (figures.change) {
            if (Result<void> ran =
                    run("UPDATE images SET change_percent = ? WHERE id = ?", {*figures.change, number(id)});
                !ran)
                return ran;
        }
        return {};
    });
}

Result<void> SqlProjectStore::changeState(ImageId id, ReviewState to, const std::string& reason, PersonId by,
                                          TimeMs timeMs) {
    Result<QSqlQuery> query = m_sql->run("SELECT state, path FROM images WHERE id = ?", {number(id)});
    if (!query)
        return query.error();
    if (!query->next())
        return notThere("the image", id);
    const ReviewState from = reviewStateFromNumber(query->value(0).toInt()).value_or(ReviewState::New);
    const std::string path = query->value(1).toString().toStdString();
    query->finish();
    if (!mayFollow(from, to))
        return Error{ErrorCode::InvalidArgument,
                     {"the new state of " + path, std::string(reviewStateName(to)),
                      "one that may follow " + std::string(reviewStateName(from))}};
    const std::string kept = to == ReviewState::Rejected ? reason : std::string();
    if (Result<void> set = run("UPDATE images SET state = ?, reason = ? WHERE id = ?",
                               {static_cast<int>(to), text(kept), number(id)});
        !set)
        return set;
    return note({0, timeMs, by, id, "state", std::string(reviewStateName(from)),
                 std::string(reviewStateName(to)), reason});
}

Result<void> SqlProjectStore::changeFlag(ImageId id, bool flagged, const std::string& flagNote, PersonId by,
                                         TimeMs timeMs) {
    Result<QSqlQuery> query = m_sql->run("SELECT flagged FROM images WHERE id = ?", {number(id)});
    if (!query)
        return query.error();
    if (!query->next())
        return notThere("the image", id);
    const std::string before = query->value(0).toInt() ? "flagged" : "";
    query->finish();
    if (Result<void> set = run("UPDATE images SET flagged = ?, flag_note = ? WHERE id = ?",
                               {flagged ? 1 : 0, text(flagNote), number(id)});
        !set)
        return set;
    return note({0, timeMs, by, id, "flag", before, flagged ? "flagged" : "", flagNote});
}

Result<void> SqlProjectStore::changeAssignee(ImageId id, PersonId to, PersonId by, TimeMs timeMs) {
    Result<QSqlQuery> query = m_sql->run("SELECT (SELECT name FROM people WHERE id = images.assignee), "
                                         "(SELECT name FROM people WHERE id = ?) FROM images WHERE id = ?",
                                         {number(to), number(id)});
    if (!query)
        return query.error();
    if (!query->next())
        return notThere("the image", id);
    if (query->isNull(1))
        return notThere("the person", to);
    const HistoryRecord line{0,
                             timeMs,
                             by,
                             id,
                             "assigned",
                             query->value(0).toString().toStdString(),
                             query->value(1).toString().toStdString(),
                             ""};
    query->finish();
    if (Result<void> set = run("UPDATE images SET assignee = ? WHERE id = ?", {number(to), number(id)}); !set)
        return set;
    return note(line);
}

Result<void> SqlProjectStore::setState(std::span<const ImageId> ids, ReviewState to,
                                       const std::string& reason, PersonId by) {
    if (to == ReviewState::Rejected && reason.empty())
        return Error{ErrorCode::InvalidArgument, {"the reason of a rejection", "empty", "given"}};
    return write([&]() -> Result<void> {
        for (ImageId id : ids) {
            if (Result<void> changed = changeState(id, to, reason, by, 0); !changed)
                return changed;
        }
        return {};
    });
}

Result<void> SqlProjectStore::setFlag(ImageId id, bool flagged, const std::string& flagNote, PersonId by) {
    return write([&] { return changeFlag(id, flagged, flagNote, by, 0); });
}

Result<void> SqlProjectStore::assign(std::span<const ImageId> ids, PersonId to, PersonId by) {
    return write([&]() -> Result<void> {
        for (ImageId id : ids) {
            if (Result<void> changed = changeAssignee(id, to, by, 0); !changed)
                return changed;
        }
        return {};
    });
}

Result<std::vector<ImageId>> SqlProjectStore::takeNext(PersonId to, int count) {
    std::vector<ImageId> ids;
    const Result<void> written = write([&]() -> Result<void> {
        Result<QSqlQuery> person =
            m_sql->run("SELECT name FROM people WHERE id = ? AND id > 0", {number(to)});
        if (!person)
            return person.error();
        if (!person->next())
            return notThere("the person", to);
        const std::string name = person->value(0).toString().toStdString();
        person->finish();
        Result<QSqlQuery> query =
            m_sql->run("SELECT id FROM images WHERE assignee = 0 AND state IN (0, 1) AND "
                       "trouble = '' ORDER BY position, id LIMIT ?" +
                           skipLockedRows(m_sql->dialect()),
                       {count});
        if (!query)
            return query.error();
        while (query->next())
            ids.push_back(query->value(0).toLongLong());
        if (Result<void> ended = m_sql->ended(*query); !ended)
            return ended;
        query->finish();
        for (ImageId id : ids) {
            if (Result<void> set =
                    run("UPDATE images SET assignee = ? WHERE id = ?", {number(to), number(id)});
                !set)
                return set;
            if (Result<void> noted = note({0, 0, to, id, "assigned", "", name, "taken"}); !noted)
                return noted;
        }
        return {};
    });
    if (!written)
        return written.error();
    return ids;
}

} // namespace limn
