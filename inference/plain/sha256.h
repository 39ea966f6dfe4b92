// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 (FIPS 180-4) of a file, for model identities. Plain C++20, any thread.
#pragma once

#include "io/core/result.h"

#include <span>
#include <string>

namespace limn {

// 64 lower-case hexadecimal digits.
std::string sha256Hex(std::span<const unsigned char> bytes);

// Reads the file in pieces; errors: FileNotFound, FileNotReadable.
Result<std::string> sha256OfFile(const std::string& path);

} // namespace limn
