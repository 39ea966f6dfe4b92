// SPDX-License-Identifier: GPL-3.0-or-later
// Writing a file so that a reader, a crash or a full disk never sees half of it: temporary file in the same
// folder, flush to disk, rename over the old one, flush of the folder. Any thread; plain POSIX.
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

} // namespace limn
