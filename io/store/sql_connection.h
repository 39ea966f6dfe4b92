// SPDX-License-Identifier: GPL-3.0-or-later
// One Qt SQL connection with errors as sentences and transactions as guards. Inside io/store alone. Used by
// the thread that made it.
#pragma once

#include "io/core/result.h"
#include "io/store/sql_dialect.h"

#include <QSqlDatabase>
#include <QSqlQuery>
#include <QString>
#include <QVariant>

#include <initializer_list>
#include <memory>
#include <string>

namespace limn {

class SqlConnection {
public:
    // `file` is what error sentences name. `options` are the driver's connect options.
    static Result<std::unique_ptr<SqlConnection>> openSqlite(const QString& databaseName,
                                                             const QString& options, const std::string& file);
    static Result<std::unique_ptr<SqlConnection>> openPostgresql(const QString& databaseName,
                                                                 const QString& host, const QString& user);
    ~SqlConnection();
    SqlConnection(const SqlConnection&) = delete;
    SqlConnection& operator=(const SqlConnection&) = delete;

    SqlDialect dialect() const { return m_dialect; }
    const std::string& file() const { return m_file; }

    // Prepares and runs a statement with its values in order. The query may be read from.
    Result<QSqlQuery> run(const std::string& sql, std::initializer_list<QVariant> values = {});
    // For statements that run many times: prepare once, then runAgain() with each set of values.
    Result<QSqlQuery> prepare(const std::string& sql);
    Result<void> runAgain(QSqlQuery& query, std::initializer_list<QVariant> values);
    // After a loop over next(): whether it ended early.
    Result<void> ended(const QSqlQuery& query);

    // The Error that the last failed statement of this query stands for.
    Error errorOf(const QSqlQuery& query) const;

private:
    SqlConnection(SqlDialect dialect, std::string file, QString name);

    SqlDialect m_dialect;
    std::string m_file;
    QString m_name;
    QSqlDatabase m_database;
};

// Rolls back unless committed.
class SqlTransaction {
public:
    explicit SqlTransaction(SqlConnection& connection) : m_connection(connection) {}
    ~SqlTransaction();
    SqlTransaction(const SqlTransaction&) = delete;
    SqlTransaction& operator=(const SqlTransaction&) = delete;

    Result<void> begin();
    Result<void> commit();

private:
    SqlConnection& m_connection;
    bool m_open = false;
};

inline QVariant text(const std::string& value) {
    // A null text would break NOT NULL columns.
    return value.empty() ? QVariant(QStringLiteral("")) : QVariant(QString::fromStdString(value));
}
inline QVariant number(std::int64_t value) {
    return QVariant(static_cast<qlonglong>(value));
}

} // namespace limn
