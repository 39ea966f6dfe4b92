// SPDX-License-Identifier: GPL-3.0-or-later
// Writing a file so that a reader, a crash or a full disk never sees half of it: a temporary file without a
// name, flush to disk, its name (over an old file by renaming), flush of the folder. Where the file system
// knows no files without a name (network drives) it is called .limn-*.part meanwhile, and a kill may leave
// it. Any thread; Linux.
#pragma once

#include "io/core/result.h"

#include <span>
#include <string>

namespace limn {

// Replaces (or makes) the file at `path` (UTF-8) by `bytes`. A symbolic link is followed: the file it points
// to is replaced and the link stays. The permissions of a replaced file are kept. After a failure the old
// file is unchanged and no temporary file is left. Errors: FileNotWritable, DiskFull, NotAFile.
Result<void> writeFileAtomically(const std::string& path, std::span<const unsigned char> bytes);

// The same where nothing may be replaced: false, and nothing is written, if there is something at `path`
// already. Errors: FileNotWritable, DiskFull.
Result<bool> writeNewFile(const std::string& path, std::span<const unsigned char> bytes);

// Removes the temporary files of killed programs from a folder, when work in it begins. Of this machine:
// those that no living process holds. Of others that share the folder, and from before a restart: those of
// more than a day ago. What cannot be removed stays.
void removeAbandonedFiles(const std::string& folder);

} // namespace limn
