// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/sql_project_store.h"

#include "io/store/blob_codec.h"
#include "io/store/schema.h"
#include "io/store/stroke_journal.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSysInfo>

#include <set>
#include <utility>

namespace limn {

std::string StoreHolder::text() const {
    std::string words = person.empty() ? std::string("another program") : person;
    if (!host.empty())
        words += " on " + host;
    if (processId != 0)
        words += ", process " + std::to_string(processId);
    return words;
}

Result<std::unique_ptr<ProjectStore>> ProjectStore::open(const std::string& path,
                                                         const StoreOptions& options) {
    Result<std::unique_ptr<SqlProjectStore>> store = SqlProjectStore::openFile(path, options);
    if (!store)
        return store.error();
    return std::unique_ptr<ProjectStore>(std::move(*store));
}

Result<std::unique_ptr<ProjectStore>> ProjectStore::openInMemory(const StoreOptions& options) {
    Result<std::unique_ptr<SqlConnection>> connection = openSqliteInMemory();
    if (!connection)
        return connection.error();
    Result<std::unique_ptr<SqlProjectStore>> store =
        SqlProjectStore::openConnection(std::move(*connection), options);
    if (!store)
        return store.error();
    return std::unique_ptr<ProjectStore>(std::move(*store));
}

Result<std::unique_ptr<SqlProjectStore>>
SqlProjectStore::openConnection(std::unique_ptr<SqlConnection> connection, const StoreOptions& options) {
    std::unique_ptr<SqlProjectStore> store(new SqlProjectStore);
    store->m_options = options;
    store->m_sql = std::move(connection);
    if (Result<void> ready = store->bringUpToDate(false); !ready)
        return ready.error();
    return store;
}

Result<std::unique_ptr<SqlProjectStore>> SqlProjectStore::openFile(const std::string& path,
                                                                   const StoreOptions& options) {
    const QFileInfo info(QString::fromStdString(path));
    if (info.isDir())
        return Error{ErrorCode::NotAFile, {path}};
    if (!info.exists() && (!options.create || options.readOnly))
        return Error{ErrorCode::FileNotFound, {path}};

    std::unique_ptr<SqlProjectStore> store(new SqlProjectStore);
    store->m_path = path;
    store->m_options = options;
    if (options.readOnly) {
        store->m_access = StoreAccess::ReadOnlyFolder;
        if (Result<void> opened = store->openForReading(); !opened)
            return opened.error();
        store->m_holder = holderOf(path);
        store->readHolder();
        return store;
    }
    SqliteHold hold = takeHold(path, options.takeOver);
    if (hold.lock && info.exists() && !info.isWritable()) {
        hold.lock.reset();
        hold.folderWritable = false;
        hold.reason = "the file is read-only";
    }
    if (hold.lock) {
        store->m_lock = std::move(hold.lock);
        if (Result<void> opened = store->openHeld(); !opened)
            return opened.error();
        return store;
    }
    if (!info.exists())
        return Error{ErrorCode::FileNotWritable,
                     {path, hold.reason.empty() ? hold.other->text() : hold.reason}};
    store->m_access = hold.other ? StoreAccess::ReadOnlyHeld : StoreAccess::ReadOnlyFolder;
    store->m_holder = hold.other;
    if (Result<void> opened = store->openForReading(); !opened)
        return opened.error();
    store->readHolder();
    return store;
}

SqlProjectStore::~SqlProjectStore() {
    if (m_sql && m_access == StoreAccess::ReadWrite && !m_path.empty())
        (void)m_sql->run("DELETE FROM holder").ok();
    // Closing writes the log into the file; the lock goes after it.
    m_sql.reset();
    m_lock.reset();
}

Result<void> SqlProjectStore::openHeld() {
    if (const std::optional<std::string> damage = visibleDamage(m_path)) {
        if (Result<void> recovered = recover(*damage); !recovered)
            return recovered;
    }
    for (int attempt = 0;; ++attempt) {
        std::optional<std::string> damage;
        const auto failed = [&](const Error& error) {
            if (error.code == ErrorCode::StoreInvalid && attempt == 0 && !m_recovery) {
                damage = error.arguments.back();
                return false;
            }
            return true;
        };
        Result<std::unique_ptr<SqlConnection>> connection =
            openSqliteFile(m_path, SqliteMode::Write, m_options.busyTimeoutMs);
        if (!connection) {
            if (failed(connection.error()))
                return connection.error();
        } else {
            m_sql = std::move(*connection);
            if (m_options.fullCheck) {
                const Result<std::optional<std::string>> hidden = hiddenDamage(*m_sql);
                if (!hidden)
                    return hidden.error();
                damage = *hidden;
            }
            if (!damage) {
                const Result<SchemaState> state = schemaState(*m_sql);
                if (!state) {
                    if (failed(state.error()))
                        return state.error();
                } else {
                    // A sound database with other tables is somebody else's: it is not touched.
                    Result<QSqlQuery> tables = m_sql->run("SELECT count(*) FROM sqlite_master");
                    if (state->version == 0 && tables && tables->next() && tables->value(0).toInt() > 0)
                        return Error{ErrorCode::StoreInvalid,
                                     {m_path, "it is the database of another program"}};
                    tables = Error{};
                    if (Result<void> ready = bringUpToDate(true); !ready) {
                        if (failed(ready.error()))
                            return ready;
                    } else {
                        // What every session reads: damage there is noticed now, not in the middle of work.
                        for (const char* look : {"SELECT sum(length(path)) FROM images",
                                                 "SELECT sum(length(label_table)) FROM annotations"}) {
                            const Result<QSqlQuery> read = m_sql->run(look);
                            if (!read && failed(read.error()))
                                return read.error();
                        }
                    }
                }
            }
        }
        if (!damage)
            break;
        m_sql.reset();
        if (m_recovery)
            return Error{ErrorCode::StoreInvalid, {m_path, *damage}};
        if (Result<void> recovered = recover(*damage); !recovered)
            return recovered;
    }
    if (m_access != StoreAccess::ReadWrite)
        return {};
    noteHolder();
    // Strokes that cannot be taken now (a full disk) stay in the journal for the next opening.
    m_journalIsNeeded = !replayJournal();
    return {};
}

Result<void> SqlProjectStore::recover(const std::string& cause) {
    const Result<StoreRecovery> recovered = recoverSqliteFile(m_path, cause);
    if (!recovered)
        return recovered.error();
    m_recovery = *recovered;
    return {};
}

Result<void> SqlProjectStore::openForReading() {
    Result<std::unique_ptr<SqlConnection>> connection =
        openSqliteFile(m_path, SqliteMode::Read, m_options.busyTimeoutMs);
    if (!connection && m_access != StoreAccess::ReadOnlyHeld) {
        // SQLite makes files beside a database with a log even to read it: impossible in a read-only folder.
        const QFileInfo log(QString::fromStdString(m_path) + QStringLiteral("-wal"));
        if (log.size() > 0)
            return openCopyForReading();
        connection = openSqliteFile(m_path, SqliteMode::ReadImmutable, m_options.busyTimeoutMs);
    }
    if (!connection)
        return connection.error();
    m_sql = std::move(*connection);
    const Result<SchemaState> state = schemaState(*m_sql);
    if (!state)
        return state.error();
    switch (schemaFit(*state, storeMigrations())) {
    case SchemaFit::Empty:
        return Error{ErrorCode::StoreInvalid, {m_path, "it holds no project"}};
    case SchemaFit::Older:
        m_sql.reset();
        return openCopyForReading();
    case SchemaFit::NewerRefused:
        return Error{
            ErrorCode::StoreTooNew,
            {m_path, std::to_string(state->version), std::to_string(storeMigrations().back().version)}};
    case SchemaFit::Current:
        // Strokes that a program left behind when it was killed; a living one brings them in by itself.
        if (QFileInfo::exists(QString::fromStdString(StrokeJournal::pathOf(m_path))) &&
            m_access != StoreAccess::ReadOnlyHeld && !holderOf(m_path)) {
            m_sql.reset();
            return openCopyForReading();
        }
        break;
    case SchemaFit::NewerReadable:
        break;
    }
    return {};
}

Result<void> SqlProjectStore::openCopyForReading() {
    auto scratch = std::make_unique<QTemporaryDir>();
    const std::string copy = scratch->filePath(QStringLiteral("project.limn")).toStdString();
    if (Result<void> copied = copySqliteFiles(m_path, copy); !copied)
        return copied;
    QFile::setPermissions(QString::fromStdString(copy), QFile::ReadOwner | QFile::WriteOwner);
    QFile::setPermissions(QString::fromStdString(copy + "-wal"), QFile::ReadOwner | QFile::WriteOwner);
    Result<std::unique_ptr<SqlConnection>> connection =
        openSqliteFile(copy, SqliteMode::Write, m_options.busyTimeoutMs);
    if (!connection)
        return connection.error();
    m_scratch = std::move(scratch);
    m_sql = std::move(*connection);
    if (Result<void> migrated = migrate(*m_sql, storeMigrations(), nowMs()); !migrated)
        return migrated;
    // The copy is ours to write to, whatever the file is.
    const StoreAccess access = std::exchange(m_access, StoreAccess::ReadWrite);
    Result<void> replayed = replayJournal();
    m_access = access;
    return replayed;
}

Result<void> SqlProjectStore::bringUpToDate(bool mayCopyAside) {
    const Result<SchemaState> state = schemaState(*m_sql);
    if (!state)
        return state.error();
    switch (schemaFit(*state, storeMigrations())) {
    case SchemaFit::Current:
        return {};
    case SchemaFit::NewerRefused:
        return Error{
            ErrorCode::StoreTooNew,
            {m_path, std::to_string(state->version), std::to_string(storeMigrations().back().version)}};
    case SchemaFit::NewerReadable:
        m_access = StoreAccess::ReadOnlyNewer;
        return {};
    case SchemaFit::Older:
        if (mayCopyAside) {
            const std::string aside = m_path + ".schema-" + std::to_string(state->version);
            if (!QFileInfo::exists(QString::fromStdString(aside))) {
                if (Result<void> copied = copySqlite(*m_sql, aside); !copied)
                    return copied;
            }
        }
        break;
    case SchemaFit::Empty:
        break;
    }
    return migrate(*m_sql, storeMigrations(), nowMs());
}

void SqlProjectStore::noteHolder() {
    // Tells others who holds the file; the lock file alone decides. So a full disk is no reason to fail here.
    (void)run("INSERT INTO holder (id, host, process_id, person, since_ms) VALUES (1, ?, ?, ?, ?) "
              "ON CONFLICT (id) DO UPDATE SET host = excluded.host, process_id = excluded.process_id, "
              "person = excluded.person, since_ms = excluded.since_ms",
              {QSysInfo::machineHostName(), number(QCoreApplication::applicationPid()),
               text(m_options.person), number(nowMs())})
        .ok();
}

void SqlProjectStore::readHolder() {
    if (!m_holder)
        return;
    Result<QSqlQuery> query =
        m_sql->run("SELECT host, process_id, person, since_ms FROM holder WHERE id = 1");
    if (!query || !query->next())
        return;
    const bool same = m_holder->processId == 0 || m_holder->processId == query->value(1).toLongLong();
    if (!same)
        return;
    m_holder = StoreHolder{query->value(0).toString().toStdString(), query->value(1).toLongLong(),
                           query->value(2).toString().toStdString(), query->value(3).toLongLong()};
}

Result<void> SqlProjectStore::tryToHold() {
    if (m_access == StoreAccess::ReadWrite)
        return {};
    const auto refused = [&]() -> Error {
        if (m_access == StoreAccess::ReadOnlyHeld)
            return {ErrorCode::StoreHeld,
                    {m_path, m_holder ? m_holder->text() : std::string("another program")}};
        return {ErrorCode::StoreReadOnly, {m_path}};
    };
    if (m_options.readOnly || m_access == StoreAccess::ReadOnlyNewer)
        return refused();
    SqliteHold hold = takeHold(m_path, false);
    if (!hold.lock || !QFileInfo(QString::fromStdString(m_path)).isWritable())
        return refused();
    std::unique_ptr<SqlConnection> reading = std::move(m_sql);
    const StoreAccess before = m_access;
    m_lock = std::move(hold.lock);
    m_access = StoreAccess::ReadWrite;
    if (Result<void> opened = openHeld(); !opened) {
        m_sql = std::move(reading);
        m_access = before;
        m_lock.reset();
        return opened;
    }
    reading.reset();
    m_scratch.reset();
    m_holder.reset();
    return {};
}

Result<void> SqlProjectStore::copyTo(const std::string& path) {
    return copySqlite(*m_sql, path);
}

Result<void> SqlProjectStore::write(const std::function<Result<void>()>& body) {
    if (m_access == StoreAccess::ReadOnlyHeld)
        return Error{ErrorCode::StoreHeld,
                     {m_path, m_holder ? m_holder->text() : std::string("another program")}};
    if (m_access != StoreAccess::ReadWrite)
        return Error{ErrorCode::StoreReadOnly, {m_path}};
    SqlTransaction transaction(*m_sql);
    if (Result<void> begun = transaction.begin(); !begun)
        return begun;
    if (Result<void> done = body(); !done)
        return done;
    return transaction.commit();
}

Result<void> SqlProjectStore::run(const std::string& sql, std::initializer_list<QVariant> values) {
    const Result<QSqlQuery> ran = m_sql->run(sql, values);
    if (!ran)
        return ran.error();
    return {};
}

Result<void> SqlProjectStore::note(const HistoryRecord& record) {
    return run("INSERT INTO history (time_ms, person_id, image_id, what, from_text, to_text, note) "
               "VALUES (?, ?, ?, ?, ?, ?, ?)",
               {number(record.timeMs ? record.timeMs : nowMs()), number(record.person), number(record.image),
                text(record.what), text(record.from), text(record.to), text(record.note)});
}

Error SqlProjectStore::notThere(const std::string& what, std::int64_t id) const {
    return {ErrorCode::InvalidArgument, {what, std::to_string(id), "one that the project holds"}};
}

Result<std::optional<std::string>> SqlProjectStore::setting(const std::string& name) {
    Result<QSqlQuery> query = m_sql->run("SELECT value FROM settings WHERE name = ?", {text(name)});
    if (!query)
        return query.error();
    if (query->next())
        return std::optional<std::string>(query->value(0).toString().toStdString());
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return std::optional<std::string>();
}

Result<std::map<std::string, std::string>> SqlProjectStore::settings() {
    Result<QSqlQuery> query = m_sql->run("SELECT name, value FROM settings");
    if (!query)
        return query.error();
    std::map<std::string, std::string> all;
    while (query->next())
        all[query->value(0).toString().toStdString()] = query->value(1).toString().toStdString();
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return all;
}

Result<void> SqlProjectStore::setSetting(const std::string& name, const std::string& value) {
    return write([&] {
        return run("INSERT INTO settings (name, value) VALUES (?, ?) "
                   "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                   {text(name), text(value)});
    });
}

Result<std::vector<PersonRecord>> SqlProjectStore::people() {
    Result<QSqlQuery> query = m_sql->run("SELECT id, name FROM people WHERE id > 0 ORDER BY id");
    if (!query)
        return query.error();
    std::vector<PersonRecord> all;
    while (query->next())
        all.push_back({query->value(0).toLongLong(), query->value(1).toString().toStdString()});
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return all;
}

Result<PersonId> SqlProjectStore::person(const std::string& name) {
    if (name.empty())
        return Error{ErrorCode::InvalidArgument, {"a person's name", "empty", "at least one letter"}};
    const auto find = [&]() -> Result<PersonId> {
        Result<QSqlQuery> query = m_sql->run("SELECT id FROM people WHERE name = ?", {text(name)});
        if (!query)
            return query.error();
        return query->next() ? query->value(0).toLongLong() : PersonId{0};
    };
    Result<PersonId> known = find();
    if (!known || *known != 0)
        return known;
    const Result<void> written = write([&]() -> Result<void> {
        if (Result<void> added =
                run("INSERT INTO people (name) VALUES (?) ON CONFLICT (name) DO NOTHING", {text(name)});
            !added)
            return added;
        known = find();
        if (!known)
            return known.error();
        return {};
    });
    if (!written)
        return written.error();
    return known;
}

Result<std::vector<LabelSetRecord>> SqlProjectStore::labelSets() {
    Result<QSqlQuery> query = m_sql->run(
        "SELECT s.name, l.value, l.name, l.colour, l.code_scheme, l.code_value, l.code_meaning, l.locked, "
        "l.visible FROM label_sets s LEFT JOIN labels l ON l.set_id = s.id ORDER BY s.id, l.position");
    if (!query)
        return query.error();
    std::vector<LabelSetRecord> sets;
    while (query->next()) {
        const std::string name = query->value(0).toString().toStdString();
        if (sets.empty() || sets.back().name != name)
            sets.push_back({name, {}});
        if (query->isNull(1))
            continue;
        LabelRecord label;
        label.value = query->value(1).toInt();
        label.name = query->value(2).toString().toStdString();
        label.colour = static_cast<std::uint32_t>(query->value(3).toLongLong());
        label.codeScheme = query->value(4).toString().toStdString();
        label.codeValue = query->value(5).toString().toStdString();
        label.codeMeaning = query->value(6).toString().toStdString();
        label.locked = query->value(7).toInt() != 0;
        label.visible = query->value(8).toInt() != 0;
        sets.back().labels.push_back(std::move(label));
    }
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return sets;
}

Result<void> SqlProjectStore::setLabelSet(const LabelSetRecord& set) {
    std::set<int> values;
    for (const LabelRecord& label : set.labels) {
        if (label.value < 1 || label.value > 255 || !values.insert(label.value).second)
            return Error{
                ErrorCode::InvalidArgument,
                {"the value of label " + label.name, std::to_string(label.value), "from 1 to 255, and once"}};
    }
    return write([&]() -> Result<void> {
        if (Result<void> added = run("INSERT INTO label_sets (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
                                     {text(set.name)});
            !added)
            return added;
        Result<QSqlQuery> query = m_sql->run("SELECT id FROM label_sets WHERE name = ?", {text(set.name)});
        if (!query)
            return query.error();
        query->next();
        const std::int64_t id = query->value(0).toLongLong();
        query->finish();
        if (Result<void> removed = run("DELETE FROM labels WHERE set_id = ?", {number(id)}); !removed)
            return removed;
        int position = 0;
        for (const LabelRecord& label : set.labels) {
            if (Result<void> added =
                    run("INSERT INTO labels (set_id, position, value, name, colour, code_scheme, code_value, "
                        "code_meaning, locked, visible) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        {number(id), position++, label.value, text(label.name), number(label.colour),
                         text(label.codeScheme), text(label.codeValue), text(label.codeMeaning),
                         label.locked ? 1 : 0, label.visible ? 1 : 0});
                !added)
                return added;
        }
        return {};
    });
}

Result<void> SqlProjectStore::removeLabelSet(const std::string& name) {
    return write([&] { return run("DELETE FROM label_sets WHERE name = ?", {text(name)}); });
}

Result<std::int64_t> SqlProjectStore::addCalibration(const CalibrationRecord& record) {
    if (!(record.spacing.xMm > 0.0) || !(record.spacing.yMm > 0.0))
        return Error{ErrorCode::InvalidArgument,
                     {"the spacing",
                      std::to_string(record.spacing.xMm) + " x " + std::to_string(record.spacing.yMm) + " mm",
                      "greater than 0"}};
    std::int64_t id = 0;
    const Result<void> written = write([&]() -> Result<void> {
        const Result<QSqlQuery> added = m_sql->run(
            "INSERT INTO calibrations (image_id, camera, spacing_x_mm, spacing_y_mm, source, person_id, "
            "made_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            {record.image ? number(record.image) : QVariant(QMetaType::fromType<qlonglong>()),
             text(record.camera), record.spacing.xMm, record.spacing.yMm, text(record.spacing.source),
             number(record.person), number(record.timeMs ? record.timeMs : nowMs())});
        if (!added)
            return added.error();
        id = added->lastInsertId().toLongLong();
        return note({0, 0, record.person, record.image, "calibrated", "",
                     std::to_string(record.spacing.xMm) + " x " + std::to_string(record.spacing.yMm) + " mm",
                     record.camera});
    });
    if (!written)
        return written.error();
    return id;
}

Result<std::optional<CalibrationRecord>> SqlProjectStore::calibration(ImageId image,
                                                                      const std::string& camera) {
    // An image's own comes before its camera's.
    Result<QSqlQuery> query =
        m_sql->run("SELECT id, image_id, camera, spacing_x_mm, spacing_y_mm, source, person_id, made_ms FROM "
                   "calibrations "
                   "WHERE image_id = ? OR (image_id IS NULL AND camera <> '' AND camera = ?) "
                   "ORDER BY CASE WHEN image_id IS NULL THEN 1 ELSE 0 END, id DESC LIMIT 1",
                   {number(image), text(camera)});
    if (!query)
        return query.error();
    if (!query->next()) {
        if (Result<void> ended = m_sql->ended(*query); !ended)
            return ended.error();
        return std::optional<CalibrationRecord>();
    }
    CalibrationRecord record;
    record.id = query->value(0).toLongLong();
    record.image = query->value(1).toLongLong();
    record.camera = query->value(2).toString().toStdString();
    record.spacing = {query->value(3).toDouble(), query->value(4).toDouble(),
                      query->value(5).toString().toStdString()};
    record.person = query->value(6).toLongLong();
    record.timeMs = query->value(7).toLongLong();
    return std::optional<CalibrationRecord>(record);
}

Result<void> SqlProjectStore::removeCalibration(std::int64_t id, PersonId by) {
    return write([&]() -> Result<void> {
        Result<QSqlQuery> query = m_sql->run(
            "SELECT image_id, spacing_x_mm, spacing_y_mm FROM calibrations WHERE id = ?", {number(id)});
        if (!query)
            return query.error();
        if (!query->next())
            return notThere("the calibration", id);
        const HistoryRecord line{0,
                                 0,
                                 by,
                                 query->value(0).toLongLong(),
                                 "calibration removed",
                                 query->value(1).toString().toStdString() + " x " +
                                     query->value(2).toString().toStdString() + " mm",
                                 "",
                                 ""};
        query->finish();
        if (Result<void> removed = run("DELETE FROM calibrations WHERE id = ?", {number(id)}); !removed)
            return removed;
        return note(line);
    });
}

Result<std::vector<HistoryRecord>> SqlProjectStore::history(ImageId image, int limit, std::int64_t beforeId) {
    const std::string columns =
        "SELECT id, time_ms, person_id, image_id, what, from_text, to_text, note FROM history ";
    const qlonglong before = beforeId > 0 ? beforeId : std::numeric_limits<qlonglong>::max();
    Result<QSqlQuery> query =
        image ? m_sql->run(columns + "WHERE image_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
                           {number(image), before, limit})
              : m_sql->run(columns + "WHERE id < ? ORDER BY id DESC LIMIT ?", {before, limit});
    if (!query)
        return query.error();
    std::vector<HistoryRecord> lines;
    while (query->next()) {
        lines.push_back({query->value(0).toLongLong(), query->value(1).toLongLong(),
                         query->value(2).toLongLong(), query->value(3).toLongLong(),
                         query->value(4).toString().toStdString(), query->value(5).toString().toStdString(),
                         query->value(6).toString().toStdString(), query->value(7).toString().toStdString()});
    }
    if (Result<void> ended = m_sql->ended(*query); !ended)
        return ended.error();
    return lines;
}

Result<void> SqlProjectStore::addHistory(const HistoryRecord& record) {
    return write([&] { return note(record); });
}

} // namespace limn
