// SPDX-License-Identifier: GPL-3.0-or-later
// Writing a file that appears complete or not at all: a temporary file beside it, fsync, rename. Plain C++20,
// any thread; several writers of one path do not mix their bytes, the last rename wins.
#pragma once

#include "io/core/result.h"

#include <cstddef>
#include <span>
#include <string>

namespace limn {

class WholeFile {
public:
    explicit WholeFile(std::string target);
    WholeFile(const WholeFile&) = delete;
    WholeFile& operator=(const WholeFile&) = delete;
    ~WholeFile(); // what was not finished is removed

    // False once something failed; finish() says what.
    bool write(const void* data, std::size_t size);
    // To its final name, and to the disk. Errors: FileNotWritable, DiskFull.
    Result<void> finish();

private:
    std::string m_target;
    std::string m_path;
    int m_descriptor = -1;
    int m_failure = 0; // errno of the first failure
};

// All at once. Errors: FileNotWritable, DiskFull.
Result<void> writeWholeFile(const std::string& path, std::span<const unsigned char> bytes);

} // namespace limn
