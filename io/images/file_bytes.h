// SPDX-License-Identifier: GPL-3.0-or-later
// Reading a file of unknown honesty: every access is checked against the true size before anything is copied,
// so that headers can be judged before a decoder library sees them. Internal to io/images. One object belongs
// to one thread.
#pragma once

#include "io/core/result.h"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn::images {

class FileBytes {
public:
    // Opens for reading alone. Errors: FileNotFound, NotAFile (folder, pipe, device), FileNotReadable,
    // FileEmpty.
    static Result<FileBytes> open(const std::string& path);

    FileBytes(FileBytes&& other) noexcept;
    FileBytes& operator=(FileBytes&& other) noexcept;
    FileBytes(const FileBytes&) = delete;
    FileBytes& operator=(const FileBytes&) = delete;
    ~FileBytes();

    const std::string& path() const { return m_path; }
    std::uint64_t size() const { return m_size; }

    // Copies exactly `count` bytes; false, with nothing promised about `out`, when they are not all there.
    bool read(std::uint64_t offset, void* out, std::size_t count) const;
    // Copies up to `count` bytes, fewer at the end of the file.
    std::size_t readSome(std::uint64_t offset, void* out, std::size_t count) const;

    // An error about this file; the path becomes the first argument.
    Error error(ErrorCode code, std::string what = {}, std::string more = {}) const;
    Error truncated(std::string what) const { return error(ErrorCode::FileTruncated, std::move(what)); }
    Error corrupt(std::string what) const { return error(ErrorCode::FileCorrupt, std::move(what)); }
    Error notHandled(std::string what) const { return error(ErrorCode::FeatureNotHandled, std::move(what)); }

private:
    FileBytes() = default;

    std::string m_path;
    std::uint64_t m_size = 0;
    int m_descriptor = -1;
    mutable std::vector<unsigned char> m_cache; // small reads come from here
    mutable std::uint64_t m_cacheStart = 0;
};

// Reads numbers one after the other. After a read past the end (or past `limit`) `failed()` stays true and
// every further read gives zero, so that a header can be read straight through and judged once.
class ByteCursor {
public:
    ByteCursor(const FileBytes& file, std::uint64_t offset, std::endian order)
        : ByteCursor(file, offset, order, file.size()) {}
    ByteCursor(const FileBytes& file, std::uint64_t offset, std::endian order, std::uint64_t limit)
        : m_file(&file)
        , m_position(offset)
        , m_limit(limit < file.size() ? limit : file.size())
        , m_order(order) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    // Up to 64 MB; empty when they are not all there.
    std::vector<unsigned char> bytes(std::uint64_t count);
    std::string text(std::uint64_t count);
    void skip(std::uint64_t count);

    bool failed() const { return m_failed; }
    bool atEnd() const { return m_position >= m_limit; }
    std::uint64_t position() const { return m_position; }
    std::uint64_t left() const { return m_position < m_limit ? m_limit - m_position : 0; }

private:
    std::uint64_t number(std::size_t width);

    const FileBytes* m_file;
    std::uint64_t m_position;
    std::uint64_t m_limit;
    std::endian m_order;
    bool m_failed = false;
};

// a * b, or nothing when it does not fit into 64 bits.
std::optional<std::uint64_t> multiplied(std::uint64_t a, std::uint64_t b);

// "16000 x 12000 pixels"
std::string sizeText(std::uint64_t width, std::uint64_t height);

} // namespace limn::images
