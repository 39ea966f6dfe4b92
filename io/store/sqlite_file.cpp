// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/sqlite_file.h"

#include "io/store/annotation_json.h"
#include "io/store/blob_codec.h"
#include "io/store/schema.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlError>
#include <QStorageInfo>
#include <QSysInfo>
#include <QUrl>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>

namespace limn {

namespace {

QString fromUtf8(const std::string& text) {
    return QString::fromStdString(text);
}

// Length and places of the header: sqlite.org/fileformat2.html, 1.3.
constexpr qint64 kHeaderBytes = 100;
constexpr std::size_t kLargestTileBytes = std::size_t{4096} * 4096;
constexpr char kMagic[] = "SQLite format 3"; // with its final zero: 16 bytes

std::uint32_t bigEndian(const QByteArray& bytes, int at, int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i)
        value = (value << 8) | static_cast<std::uint8_t>(bytes[at + i]);
    return value;
}

QString logOf(const std::string& path) {
    return fromUtf8(path) + QStringLiteral("-wal");
}

Result<void> copyOne(const QString& from, const QString& to) {
    QFile source(from);
    if (!source.copy(to)) {
        QFile::remove(to);
        const QStorageInfo storage(QFileInfo(to).absolutePath());
        if (storage.isValid() && storage.bytesAvailable() < source.size())
            return Error{ErrorCode::DiskFull, {to.toStdString()}};
        return Error{ErrorCode::FileNotWritable, {to.toStdString(), source.errorString().toStdString()}};
    }
    return {};
}

void removeLogs(const QString& path) {
    QFile::remove(path + QStringLiteral("-wal"));
    QFile::remove(path + QStringLiteral("-shm"));
}

// Columns of a table, as its own database knows them.
Result<std::vector<std::string>> columnsOf(SqlConnection& connection, const std::string& table) {
    Result<QSqlQuery> query = connection.run("SELECT name FROM pragma_table_info(?)", {text(table)});
    if (!query)
        return query.error();
    std::vector<std::string> names;
    while (query->next())
        names.push_back(query->value(0).toString().toStdString());
    if (Result<void> ended = connection.ended(*query); !ended)
        return ended.error();
    return names;
}

// Copies one table row by row. A page that cannot be read ends a query; the range of row numbers behind it is
// then halved until the readable parts are found, so that one bad page costs its own rows alone.
class TableRescue {
public:
    TableRescue(SqlConnection& damaged, SqlConnection& fresh, std::string table,
                std::vector<std::string> columns)
        : m_damaged(damaged), m_fresh(fresh), m_table(std::move(table)), m_columns(std::move(columns)) {}

    Result<void> run() {
        std::string names;
        std::string places;
        for (const std::string& column : m_columns) {
            names += (names.empty() ? "" : ", ") + column;
            places += places.empty() ? "?" : ", ?";
        }
        m_select =
            "SELECT rowid, " + names + " FROM " + m_table + " WHERE rowid BETWEEN ? AND ? ORDER BY rowid";
        Result<QSqlQuery> insert = m_fresh.prepare("INSERT INTO " + m_table + " (" + names + ") VALUES (" +
                                                   places + ") ON CONFLICT DO NOTHING");
        if (!insert)
            return insert.error();
        m_insert = std::move(*insert);
        // The highest row number: along the right edge of the tree, else as high as a number of ours gets.
        std::int64_t last = std::int64_t{1} << 40;
        if (Result<QSqlQuery> highest = m_damaged.run("SELECT max(rowid) FROM " + m_table);
            highest && highest->next())
            last = highest->value(0).toLongLong();
        return range(0, last);
    }

    std::int64_t rows() const { return m_rows; }
    bool lostSome() const { return m_lostSome; }

private:
    // A value may come out of a damaged page although its row does not. A tile that cannot be unpacked would
    // make its whole annotation unreadable, and so would a broken list: the tile goes, the list becomes
    // empty.
    QVariant mended(const std::string& column, const QVariant& value, bool& sound) {
        const bool isTile = m_table == "tiles" || m_table == "kept_tiles";
        if (isTile && column == "data" && !isSoundBlob(value.toByteArray(), kLargestTileBytes))
            sound = false;
        const bool isAnnotation = m_table == "annotations" || m_table == "kept_versions";
        const bool brokenList =
            isAnnotation &&
            ((column == "label_table" && !labelTableFromJson(value.toString().toStdString())) ||
             (column == "provenance" && !provenanceFromJson(value.toString().toStdString())));
        if (!brokenList)
            return value;
        m_lostSome = true;
        return QStringLiteral("[]");
    }

    Result<void> range(std::int64_t first, std::int64_t last) {
        // Each row that was read pays for further tries; a table of which nothing can be read is soon given
        // up.
        if (first > last || m_tries > kMostTries + m_rows)
            return {};
        ++m_tries;
        std::int64_t next = first;
        Result<QSqlQuery> query = m_damaged.run(m_select, {number(first), number(last)});
        if (query) {
            while (query->next()) {
                next = query->value(0).toLongLong() + 1;
                bool sound = true;
                for (int i = 0; i < static_cast<int>(m_columns.size()); ++i)
                    m_insert.bindValue(
                        i, mended(m_columns[static_cast<std::size_t>(i)], query->value(i + 1), sound));
                if (!sound) {
                    m_lostSome = true;
                    continue;
                }
                if (m_insert.exec()) {
                    ++m_rows;
                    continue;
                }
                const Error error = m_fresh.errorOf(m_insert);
                // A row that breaks a rule is damage too; a full disk is not.
                if (error.code != ErrorCode::StoreInvalid)
                    return error;
                m_lostSome = true;
            }
            if (m_damaged.ended(*query))
                return {};
        }
        m_lostSome = true;
        query = Error{}; // its statement must be over before the next
        if (first == last || next > last)
            return {};
        const std::int64_t middle = next + (last - next) / 2;
        if (Result<void> lower = range(next, middle); !lower)
            return lower;
        return range(middle + 1, last);
    }

    static constexpr std::int64_t kMostTries = 5000;

    SqlConnection& m_damaged;
    SqlConnection& m_fresh;
    std::string m_table;
    std::vector<std::string> m_columns;
    std::string m_select;
    QSqlQuery m_insert;
    std::int64_t m_rows = 0;
    std::int64_t m_tries = 0;
    bool m_lostSome = false;
};

// Rows whose owner was lost: an annotation is somebody's work, so its image gets a line again; tiles without
// an annotation cannot be placed.
Result<void> mendReferences(SqlConnection& fresh, std::int64_t now) {
    const char* const statements[] = {
        "INSERT INTO people (id, name) SELECT DISTINCT person_id, 'person ' || person_id FROM annotations "
        "WHERE person_id NOT IN (SELECT id FROM people)",
        "INSERT INTO people (id, name) SELECT DISTINCT person_id, 'person ' || person_id FROM history "
        "WHERE person_id NOT IN (SELECT id FROM people)",
        "INSERT INTO images (id, path, width, height, state, trouble) "
        "SELECT image_id, 'recovered-' || image_id, max(width), max(height), 2, "
        "'The entry of this image was damaged; its annotation was recovered.' FROM annotations "
        "WHERE image_id NOT IN (SELECT id FROM images) GROUP BY image_id",
        "UPDATE images SET assignee = 0 WHERE assignee NOT IN (SELECT id FROM people)",
        "UPDATE images SET last_editor = 0 WHERE last_editor NOT IN (SELECT id FROM people)",
        "DELETE FROM tiles WHERE annotation_id NOT IN (SELECT id FROM annotations)",
        "DELETE FROM kept_versions WHERE annotation_id NOT IN (SELECT id FROM annotations)",
        "UPDATE kept_versions SET kept_by = 0 WHERE kept_by NOT IN (SELECT id FROM people)",
        "DELETE FROM kept_tiles WHERE kept_id NOT IN (SELECT id FROM kept_versions)",
        "DELETE FROM labels WHERE set_id NOT IN (SELECT id FROM label_sets)",
        "DELETE FROM calibrations WHERE image_id IS NOT NULL AND image_id NOT IN (SELECT id FROM images)",
        "UPDATE calibrations SET person_id = 0 WHERE person_id NOT IN (SELECT id FROM people)",
        "DELETE FROM holder",
    };
    for (const char* statement : statements) {
        if (const Result<QSqlQuery> ran = fresh.run(statement); !ran)
            return ran.error();
    }
    const Result<QSqlQuery> noted =
        fresh.run("INSERT INTO history (time_ms, person_id, image_id, what, from_text, to_text, note) "
                  "VALUES (?, 0, 0, 'recovered', '', '', '')",
                  {number(now)});
    if (!noted)
        return noted.error();
    return {};
}

Result<StoreRecovery> fillFresh(SqlConnection& fresh, const std::string& damagedPath,
                                StoreRecovery recovery) {
    const std::int64_t now = nowMs();
    if (Result<void> made = migrate(fresh, storeMigrations(), now); !made)
        return made.error();
    if (const Result<QSqlQuery> off = fresh.run("PRAGMA foreign_keys = OFF"); !off)
        return off.error();
    SqlTransaction transaction(fresh);
    if (Result<void> begun = transaction.begin(); !begun)
        return begun.error();
    const Result<std::unique_ptr<SqlConnection>> damaged = SqlConnection::openSqlite(
        fromUtf8(damagedPath), QStringLiteral("QSQLITE_BUSY_TIMEOUT=1000"), damagedPath);
    // Makes SQLite read a file that is shorter than its header says, and one with an odd schema.
    if (damaged)
        (void)(*damaged)->run("PRAGMA writable_schema = ON").ok();
    for (const char* table : storeTables()) {
        Result<std::vector<std::string>> there =
            damaged ? columnsOf(**damaged, table) : Result<std::vector<std::string>>(damaged.error());
        if (!there || there->empty()) {
            recovery.tablesWithLosses.emplace_back(table);
            continue;
        }
        const Result<std::vector<std::string>> ours = columnsOf(fresh, table);
        if (!ours)
            return ours.error();
        std::vector<std::string> common;
        std::copy_if(there->begin(), there->end(), std::back_inserter(common), [&](const std::string& name) {
            return std::find(ours->begin(), ours->end(), name) != ours->end();
        });
        TableRescue rescue(**damaged, fresh, table, common);
        if (Result<void> ran = rescue.run(); !ran)
            return ran.error();
        recovery.rowsRead += rescue.rows();
        if (rescue.lostSome())
            recovery.tablesWithLosses.emplace_back(table);
    }
    if (Result<void> mended = mendReferences(fresh, now); !mended)
        return mended.error();
    if (Result<void> committed = transaction.commit(); !committed)
        return committed.error();
    // The new file takes the old one's place as a single file: without a log beside it.
    if (const Result<QSqlQuery> whole = fresh.run("PRAGMA journal_mode = DELETE"); !whole)
        return whole.error();
    return recovery;
}

} // namespace

std::int64_t nowMs() {
    return QDateTime::currentMSecsSinceEpoch();
}

SqliteHold takeHold(const std::string& path, bool takeOver) {
    SqliteHold hold;
    auto lock = std::make_unique<QLockFile>(fromUtf8(path) + QStringLiteral(".lock"));
    // Never stale by age: only when its process is gone.
    lock->setStaleLockTime(0);
    bool locked = lock->tryLock(0);
    if (!locked && takeOver && lock->error() == QLockFile::LockFailedError && lock->removeStaleLockFile())
        locked = lock->tryLock(0);
    if (locked) {
        hold.lock = std::move(lock);
        return hold;
    }
    if (lock->error() == QLockFile::LockFailedError) {
        StoreHolder holder;
        qint64 processId = 0;
        QString host;
        QString program;
        if (lock->getLockInfo(&processId, &host, &program)) {
            holder.host = host.toStdString();
            holder.processId = processId;
        }
        hold.other = holder;
        return hold;
    }
    hold.folderWritable = false;
    hold.reason = lock->error() == QLockFile::PermissionError ? "the folder is read-only"
                                                              : "no file could be made in the folder";
    return hold;
}

std::optional<StoreHolder> holderOf(const std::string& path) {
    const QLockFile lock(fromUtf8(path) + QStringLiteral(".lock"));
    qint64 processId = 0;
    QString host;
    QString program;
    if (!lock.getLockInfo(&processId, &host, &program))
        return std::nullopt;
    const bool isGone = host == QSysInfo::machineHostName() &&
                        ::kill(static_cast<pid_t>(processId), 0) != 0 && errno == ESRCH;
    if (isGone)
        return std::nullopt;
    StoreHolder holder;
    holder.host = host.toStdString();
    holder.processId = processId;
    return holder;
}

Result<std::unique_ptr<SqlConnection>> openSqliteFile(const std::string& path, SqliteMode mode,
                                                      int busyTimeoutMs) {
    QString name = fromUtf8(path);
    QString options = QStringLiteral("QSQLITE_BUSY_TIMEOUT=%1").arg(busyTimeoutMs);
    if (mode != SqliteMode::Write)
        options += QStringLiteral(";QSQLITE_OPEN_READONLY");
    if (mode == SqliteMode::ReadImmutable) {
        options += QStringLiteral(";QSQLITE_OPEN_URI");
        name = QStringLiteral("file:") +
               QString::fromLatin1(QUrl::toPercentEncoding(QFileInfo(name).absoluteFilePath(), "/")) +
               QStringLiteral("?immutable=1");
    }
    Result<std::unique_ptr<SqlConnection>> connection = SqlConnection::openSqlite(name, options, path);
    if (!connection)
        return connection;
    SqlConnection& sql = **connection;
    // The first statement reads the header: a file that is no database fails here.
    if (const Result<QSqlQuery> read = sql.run("SELECT count(*) FROM sqlite_master"); !read)
        return read.error();
    std::vector<std::string> settings = {"PRAGMA foreign_keys = ON", "PRAGMA trusted_schema = OFF",
                                         "PRAGMA cell_size_check = ON"};
    if (mode == SqliteMode::Write) {
        // Where a write-ahead log is impossible (some network file systems) SQLite keeps its other journal,
        // which is as safe and slower.
        settings.push_back("PRAGMA journal_mode = WAL");
        // FULL: a stroke that was reported as saved outlives a power failure, not only the program's death.
        settings.push_back("PRAGMA synchronous = FULL");
        settings.push_back("PRAGMA journal_size_limit = 67108864");
    }
    for (const std::string& setting : settings) {
        if (const Result<QSqlQuery> ran = sql.run(setting); !ran)
            return ran.error();
    }
    return connection;
}

Result<std::unique_ptr<SqlConnection>> openSqliteInMemory() {
    Result<std::unique_ptr<SqlConnection>> connection =
        SqlConnection::openSqlite(QStringLiteral(":memory:"), QString(), "in memory");
    if (!connection)
        return connection;
    if (const Result<QSqlQuery> on = (*connection)->run("PRAGMA foreign_keys = ON"); !on)
        return on.error();
    return connection;
}

std::optional<std::string> visibleDamage(const std::string& path) {
    QFile file(fromUtf8(path));
    if (!file.open(QIODevice::ReadOnly) || file.size() == 0)
        return std::nullopt; // what cannot be opened is not damage; an empty file is a new one
    const QByteArray header = file.read(kHeaderBytes);
    if (header.size() < kHeaderBytes || std::memcmp(header.constData(), kMagic, sizeof kMagic) != 0)
        return "its first bytes are not those of a project file";
    // While a log lies beside it, the file alone may rightly be behind its own header.
    if (QFileInfo(logOf(path)).size() > 0)
        return std::nullopt;
    const std::uint32_t rawPageBytes = bigEndian(header, 16, 2);
    const qint64 pageBytes = rawPageBytes == 1 ? 65536 : rawPageBytes;
    const qint64 pages = bigEndian(header, 28, 4);
    const bool countIsValid = bigEndian(header, 24, 4) == bigEndian(header, 92, 4);
    if (countIsValid && pages * pageBytes > file.size())
        return "it ends after " + std::to_string(file.size()) + " of " + std::to_string(pages * pageBytes) +
               " bytes";
    return std::nullopt;
}

Result<std::optional<std::string>> hiddenDamage(SqlConnection& connection) {
    Result<QSqlQuery> check = connection.run("PRAGMA quick_check(1)");
    if (!check) {
        if (check.error().code == ErrorCode::StoreInvalid)
            return std::optional<std::string>(check.error().arguments.back());
        return check.error();
    }
    if (!check->next())
        return std::optional<std::string>("its own check gave no answer");
    const std::string answer = check->value(0).toString().toStdString();
    if (answer == "ok")
        return std::optional<std::string>();
    return std::optional<std::string>(answer);
}

Result<void> copySqliteFiles(const std::string& from, const std::string& to) {
    if (Result<void> copied = copyOne(fromUtf8(from), fromUtf8(to)); !copied)
        return copied;
    if (QFileInfo(logOf(from)).size() > 0) {
        if (Result<void> copied = copyOne(logOf(from), logOf(to)); !copied) {
            QFile::remove(fromUtf8(to));
            return copied;
        }
    }
    return {};
}

Result<StoreRecovery> recoverSqliteFile(const std::string& path, const std::string& cause) {
    const QFileInfo info(fromUtf8(path));
    const QString stem = info.dir().filePath(info.completeBaseName());
    const QString stamp = QDateTime::currentDateTime().toString(QStringLiteral("yyyyMMdd-hhmmss"));
    QString aside = stem + QStringLiteral(".damaged-") + stamp + QStringLiteral(".limn");
    for (int i = 2; QFileInfo::exists(aside); ++i)
        aside = stem + QStringLiteral(".damaged-%1-%2.limn").arg(stamp).arg(i);

    StoreRecovery recovery;
    recovery.damagedCopy = aside.toStdString();
    recovery.cause = cause;
    if (Result<void> copied = copySqliteFiles(path, recovery.damagedCopy); !copied)
        return copied.error();

    // Reading goes to a second copy: SQLite writes to a file with a log even while it only reads.
    const QString scratch = stem + QStringLiteral(".recovering-from");
    const QString fresh = stem + QStringLiteral(".recovering-to");
    const auto clearScratch = [&] {
        for (const QString& name : {scratch, fresh}) {
            QFile::remove(name);
            removeLogs(name);
        }
    };
    clearScratch();
    if (Result<void> copied = copySqliteFiles(path, scratch.toStdString()); !copied)
        return copied.error();
    Result<StoreRecovery> filled = Error{};
    {
        const Result<std::unique_ptr<SqlConnection>> target =
            openSqliteFile(fresh.toStdString(), SqliteMode::Write, 1000);
        if (!target) {
            clearScratch();
            return target.error();
        }
        filled = fillFresh(**target, scratch.toStdString(), recovery);
    }
    if (!filled) {
        clearScratch();
        return filled;
    }
    // The log belongs to the damaged file and must not be applied to the new one.
    removeLogs(info.filePath());
    // rename() replaces in one step; QFile::rename() would refuse an existing target.
    if (std::rename(QFile::encodeName(fresh).constData(), QFile::encodeName(info.filePath()).constData()) !=
        0) {
        clearScratch();
        return Error{ErrorCode::FileNotWritable, {path, "the recovered file could not be put in its place"}};
    }
    clearScratch();
    return filled;
}

Result<void> copySqlite(SqlConnection& connection, const std::string& target) {
    if (QFileInfo::exists(fromUtf8(target)))
        return Error{ErrorCode::FileNotWritable, {target, "a file of this name exists"}};
    const Result<QSqlQuery> copied = connection.run("VACUUM INTO ?", {text(target)});
    if (!copied) {
        QFile::remove(fromUtf8(target));
        Error error = copied.error();
        // Trouble with writing is the target's, not the open file's.
        if (error.code == ErrorCode::DiskFull || error.code == ErrorCode::FileNotWritable)
            error.arguments[0] = target;
        return error;
    }
    return {};
}

} // namespace limn
