// SPDX-License-Identifier: GPL-3.0-or-later
// What is peculiar to a store that is one SQLite file: how it is opened, who holds it, how damage is found,
// and how the readable rows of a damaged file get into a new one. Inside io/store alone; any one thread.
#pragma once

#include "io/core/result.h"
#include "io/store/project_store.h"
#include "io/store/sql_connection.h"

#include <QLockFile>

#include <memory>
#include <optional>
#include <string>

namespace limn {

// Holding a project file: a lock file NAME.limn.lock beside it, which the system's process table makes stale
// when its owner died.
struct SqliteHold {
    std::unique_ptr<QLockFile> lock;  // null: not held by us
    std::optional<StoreHolder> other; // who holds it, when somebody else does
    bool folderWritable = true;
    std::string reason; // why the folder is not writable
};
SqliteHold takeHold(const std::string& path, bool takeOver);
// Who holds it now, without trying to. Nothing: nobody, or a program that died.
std::optional<StoreHolder> holderOf(const std::string& path);

enum class SqliteMode {
    Write,
    Read,          // another process may write meanwhile
    ReadImmutable, // nobody writes: for a folder where SQLite cannot make its own files
};
// Opens with the settings that the store relies on: write-ahead log, synchronous=FULL (a commit returns when
// the log is on disk), foreign keys. Errors: StoreInvalid for damage, StoreBusy, FileNotWritable, DiskFull.
Result<std::unique_ptr<SqlConnection>> openSqliteFile(const std::string& path, SqliteMode mode,
                                                      int busyTimeoutMs);
Result<std::unique_ptr<SqlConnection>> openSqliteInMemory();

// Cheap: header and length. A sentence's middle ("it ends after 3 of 12 pages"), or nothing.
std::optional<std::string> visibleDamage(const std::string& path);
// Reads every page.
Result<std::optional<std::string>> hiddenDamage(SqlConnection& connection);

// Copies the file (and its log) to NAME.damaged-YYYYMMDD-hhmmss.limn, writes all rows that can be read to a
// new file and puts that in its place. On Error the file at `path` is as it was. The hold must be ours.
Result<StoreRecovery> recoverSqliteFile(const std::string& path, const std::string& cause);

// A consistent copy of an open database, also of one in memory or on a full disk.
Result<void> copySqlite(SqlConnection& connection, const std::string& target);

// The file and its log, byte by byte; only while nobody has it open for writing.
Result<void> copySqliteFiles(const std::string& from, const std::string& to);

std::int64_t nowMs();

} // namespace limn
