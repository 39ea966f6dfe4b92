// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/byte_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

namespace limn {

Result<ByteSource> ByteSource::open(const std::string& path) {
    ByteSource source;
    source.m_name = path;
    struct stat facts = {};
    // Asked before opening: opening a pipe would wait for a writer.
    if (::stat(path.c_str(), &facts) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return Error{ErrorCode::FileNotFound, {path}};
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    }
    if (!S_ISREG(facts.st_mode)) {
        return Error{ErrorCode::FileNotReadable,
                     {path, S_ISDIR(facts.st_mode) ? "it is a folder" : "it is not a regular file"}};
    }
    if (facts.st_size == 0)
        return Error{ErrorCode::FileEmpty, {path}};
    source.m_file.reset(std::fopen(path.c_str(), "rbe"));
    if (!source.m_file)
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    source.m_size = static_cast<std::uint64_t>(facts.st_size);
    return source;
}

ByteSource ByteSource::over(std::span<const unsigned char> bytes, std::string name) {
    ByteSource source;
    source.m_name = std::move(name);
    source.m_bytes = bytes;
    source.m_size = bytes.size();
    return source;
}

Result<void> ByteSource::read(std::uint64_t offset, std::span<unsigned char> out) const {
    if (offset > m_size || out.size() > m_size - offset) {
        return Error{ErrorCode::FileTruncated,
                     {m_name, "bytes up to " + std::to_string(offset) + " + " + std::to_string(out.size()) +
                                  " are needed, and there are " + std::to_string(m_size)}};
    }
    if (!m_file) {
        std::copy_n(m_bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
        return {};
    }
    std::size_t done = 0;
    while (done < out.size()) {
        const ssize_t got = ::pread(::fileno(m_file.get()), out.data() + done, out.size() - done,
                                    static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return Error{ErrorCode::FileNotReadable, {m_name, std::strerror(errno)}};
        if (got == 0)
            return Error{ErrorCode::FileChanged, {m_name}};
        done += static_cast<std::size_t>(got);
    }
    return {};
}

std::optional<std::uint64_t> checkedProduct(std::uint64_t a, std::uint64_t b) {
    if (a != 0 && b > std::numeric_limits<std::uint64_t>::max() / a)
        return std::nullopt;
    return a * b;
}

std::optional<std::uint64_t> checkedSum(std::uint64_t a, std::uint64_t b) {
    if (b > std::numeric_limits<std::uint64_t>::max() - a)
        return std::nullopt;
    return a + b;
}

std::string shownName(std::string_view text) {
    constexpr std::size_t kMost = 80;
    std::string shown = "\"";
    for (const char c : text.substr(0, kMost)) {
        const auto byte = static_cast<unsigned char>(c);
        shown += byte < 0x20 || byte >= 0x7f ? '?' : c;
    }
    return shown + (text.size() > kMost ? "...\"" : "\"");
}

} // namespace limn
