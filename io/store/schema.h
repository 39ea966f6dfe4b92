// SPDX-License-Identifier: GPL-3.0-or-later
// The tables of a project store as numbered migrations, and the framework that applies them. A released
// migration is never changed: a new one follows it. Inside io/store alone; the thread of the connection.
#pragma once

#include "io/core/result.h"
#include "io/store/sql_connection.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace limn {

struct Migration {
    int version = 0; // 1, 2, 3, ...
    std::string description;
    // The oldest schema version whose programs may still read (not write) the result.
    int oldestReader = 0;
    std::function<std::vector<std::string>(SqlDialect)> statements;
};

// All, in order. The last one's version is what this program writes.
std::span<const Migration> storeMigrations();

struct SchemaState {
    int version = 0; // 0: no schema yet
    int oldestReader = 0;
};

enum class SchemaFit {
    Empty, // no schema: apply all
    Older, // apply the rest
    Current,
    NewerReadable, // read, do not write
    NewerRefused,
};

Result<SchemaState> schemaState(SqlConnection& connection);
SchemaFit schemaFit(const SchemaState& state, std::span<const Migration> known);

// Applies what is missing, each migration in a transaction of its own: a failing one leaves the schema at the
// version before it. Errors: those of the statements.
Result<void> migrate(SqlConnection& connection, std::span<const Migration> migrations, std::int64_t nowMs);

// Names of all tables of the newest schema, parents before children.
std::span<const char* const> storeTables();

} // namespace limn
