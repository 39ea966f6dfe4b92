// SPDX-License-Identifier: GPL-3.0-or-later
// Where SQLite and PostgreSQL differ, and nothing else: column types, the start of a writing transaction, row
// locks, append-only tables. Every other statement of the store runs on both as it stands (upserts with
// ON CONFLICT, no rowid, no untyped columns). Any thread.
#pragma once

#include <string>
#include <vector>

namespace limn {

enum class SqlDialect { Sqlite, Postgresql };

// Replaces in a statement of the schema: {id} a primary key that counts up and never comes again, {blob}
// bytes.
std::string inDialect(SqlDialect dialect, const std::string& statement);

// Begins a transaction that will write. SQLite takes its write lock here, so that a busy database is noticed
// before any work.
std::string beginWriting(SqlDialect dialect);

// Behind a SELECT of rows that are about to be changed: rows that another transaction took are left out.
// Empty on SQLite, where the writing transaction is alone.
std::string skipLockedRows(SqlDialect dialect);

// A query with one row when the table named by its one value exists.
std::string tableExistsQuery(SqlDialect dialect);

// Statements that make the table refuse every UPDATE and DELETE.
std::vector<std::string> appendOnly(SqlDialect dialect, const std::string& table);

} // namespace limn
