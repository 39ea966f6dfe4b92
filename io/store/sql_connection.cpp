// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/sql_connection.h"

#include <QSqlError>

#include <atomic>

namespace limn {

namespace {

// SQLite's primary result codes (sqlite.org/rescode.html); the driver gives extended ones, whose low byte is
// the primary code.
constexpr int kBusy = 5;
constexpr int kLocked = 6;
constexpr int kReadOnly = 8;
constexpr int kIoError = 10;
constexpr int kCorrupt = 11;
constexpr int kFull = 13;
constexpr int kCannotOpen = 14;
constexpr int kNotADatabase = 26;

Error sqliteError(int code, const std::string& file, const QString& words) {
    const std::string reason = words.toStdString();
    switch (code & 0xff) {
    case kBusy:
    case kLocked:
        return {ErrorCode::StoreBusy, {file}};
    case kReadOnly:
        return {ErrorCode::StoreReadOnly, {file}};
    case kFull:
        return {ErrorCode::DiskFull, {file}};
    case kIoError:
    case kCannotOpen:
        return {ErrorCode::FileNotWritable, {file, reason}};
    case kCorrupt:
    case kNotADatabase:
        return {ErrorCode::StoreInvalid, {file, reason}};
    default:
        return {ErrorCode::StoreInvalid, {file, reason + " (" + std::to_string(code) + ")"}};
    }
}

Error errorFrom(SqlDialect dialect, const std::string& file, const QSqlError& error) {
    const QString words = error.databaseText().isEmpty() ? error.text() : error.databaseText();
    if (dialect == SqlDialect::Sqlite) {
        bool isNumber = false;
        const int code = error.nativeErrorCode().toInt(&isNumber);
        return sqliteError(isNumber ? code : 0, file, words);
    }
    // PostgreSQL's SQLSTATE: 53100 disk full, 55P03 lock not available.
    if (error.nativeErrorCode() == QStringLiteral("53100"))
        return {ErrorCode::DiskFull, {file}};
    if (error.nativeErrorCode() == QStringLiteral("55P03"))
        return {ErrorCode::StoreBusy, {file}};
    return {ErrorCode::StoreInvalid, {file, words.toStdString()}};
}

QString newName() {
    static std::atomic<int> count{0};
    return QStringLiteral("limn-store-%1").arg(++count);
}

} // namespace

SqlConnection::SqlConnection(SqlDialect dialect, std::string file, QString name)
    : m_dialect(dialect), m_file(std::move(file)), m_name(std::move(name)) {}

SqlConnection::~SqlConnection() {
    m_database.close();
    // The handle must be gone before the connection is removed.
    m_database = QSqlDatabase();
    QSqlDatabase::removeDatabase(m_name);
}

Result<std::unique_ptr<SqlConnection>>
SqlConnection::openSqlite(const QString& databaseName, const QString& options, const std::string& file) {
    std::unique_ptr<SqlConnection> connection(new SqlConnection(SqlDialect::Sqlite, file, newName()));
    connection->m_database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connection->m_name);
    connection->m_database.setDatabaseName(databaseName);
    connection->m_database.setConnectOptions(options);
    if (!connection->m_database.open())
        return errorFrom(SqlDialect::Sqlite, file, connection->m_database.lastError());
    return connection;
}

Result<std::unique_ptr<SqlConnection>>
SqlConnection::openPostgresql(const QString& databaseName, const QString& host, const QString& user) {
    std::unique_ptr<SqlConnection> connection(
        new SqlConnection(SqlDialect::Postgresql, databaseName.toStdString(), newName()));
    connection->m_database = QSqlDatabase::addDatabase(QStringLiteral("QPSQL"), connection->m_name);
    connection->m_database.setDatabaseName(databaseName);
    connection->m_database.setHostName(host);
    connection->m_database.setUserName(user);
    if (!connection->m_database.open())
        return errorFrom(SqlDialect::Postgresql, connection->m_file, connection->m_database.lastError());
    return connection;
}

Error SqlConnection::errorOf(const QSqlQuery& query) const {
    return errorFrom(m_dialect, m_file, query.lastError());
}

Result<QSqlQuery> SqlConnection::prepare(const std::string& sql) {
    QSqlQuery query(m_database);
    query.setForwardOnly(true);
    if (!query.prepare(QString::fromStdString(sql)))
        return errorOf(query);
    return query;
}

Result<void> SqlConnection::runAgain(QSqlQuery& query, std::initializer_list<QVariant> values) {
    int place = 0;
    for (const QVariant& value : values)
        query.bindValue(place++, value);
    if (!query.exec())
        return errorOf(query);
    return {};
}

Result<QSqlQuery> SqlConnection::run(const std::string& sql, std::initializer_list<QVariant> values) {
    if (values.size() == 0) {
        // PostgreSQL prepares queries alone: no BEGIN, no CREATE TABLE.
        QSqlQuery query(m_database);
        query.setForwardOnly(true);
        if (!query.exec(QString::fromStdString(sql)))
            return errorOf(query);
        return query;
    }
    Result<QSqlQuery> query = prepare(sql);
    if (!query)
        return query;
    if (Result<void> ran = runAgain(*query, values); !ran)
        return ran.error();
    return query;
}

Result<void> SqlConnection::ended(const QSqlQuery& query) {
    if (query.lastError().type() != QSqlError::NoError)
        return errorOf(query);
    return {};
}

SqlTransaction::~SqlTransaction() {
    // SQLite may have rolled back by itself after an I/O error: a second rollback fails and does no harm.
    if (m_open)
        (void)m_connection.run("ROLLBACK").ok();
}

Result<void> SqlTransaction::begin() {
    const Result<QSqlQuery> begun = m_connection.run(beginWriting(m_connection.dialect()));
    if (!begun)
        return begun.error();
    m_open = true;
    return {};
}

Result<void> SqlTransaction::commit() {
    const Result<QSqlQuery> done = m_connection.run("COMMIT");
    if (!done)
        return done.error();
    m_open = false;
    return {};
}

} // namespace limn
