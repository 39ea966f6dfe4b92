// SPDX-License-Identifier: GPL-3.0-or-later
// Where a parser's bytes come from: a file, read piece by piece so that it never lies in memory twice, or a
// span. Also the few checked steps that every parser here shares. Private to inference/plain; any thread.
#pragma once

#include "io/core/result.h"

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace limn {

class ByteSource {
public:
    // Errors: FileNotFound, FileNotReadable, FileEmpty.
    static Result<ByteSource> open(const std::string& path);
    // The bytes must outlive the source.
    static ByteSource over(std::span<const unsigned char> bytes, std::string name);

    const std::string& name() const { return m_name; }
    std::uint64_t size() const { return m_size; }
    // Fills `out` from this offset on. Errors: FileTruncated (the range leaves the file), FileNotReadable.
    Result<void> read(std::uint64_t offset, std::span<unsigned char> out) const;

private:
    struct Closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::string m_name;
    std::uint64_t m_size = 0;
    std::span<const unsigned char> m_bytes;
    std::unique_ptr<std::FILE, Closer> m_file; // null: m_bytes
};

// a * b and a + b without overflow.
std::optional<std::uint64_t> checkedProduct(std::uint64_t a, std::uint64_t b);
std::optional<std::uint64_t> checkedSum(std::uint64_t a, std::uint64_t b);

// Text from a file for a message: at most 80 bytes, all but printable ASCII replaced.
std::string shownName(std::string_view text);

} // namespace limn
