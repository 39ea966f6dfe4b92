// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/file_bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace limn::images {

namespace {

constexpr std::size_t kCacheBytes = 16 * 1024;
constexpr std::uint64_t kMaxHeaderPart = 64u << 20;

} // namespace

Result<FileBytes> FileBytes::open(const std::string& path) {
    FileBytes file;
    file.m_path = path;
    if (path.find('\0') != std::string::npos)
        return Error{ErrorCode::FileNotFound, {path.substr(0, path.find('\0'))}};
    // O_NONBLOCK: opening a pipe must not wait for somebody to write into it.
    file.m_descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file.m_descriptor < 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return Error{ErrorCode::FileNotFound, {path}};
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    }
    struct stat info {};
    if (::fstat(file.m_descriptor, &info) != 0)
        return Error{ErrorCode::FileNotReadable, {path, std::strerror(errno)}};
    if (!S_ISREG(info.st_mode))
        return Error{ErrorCode::NotAFile, {path}};
    if (info.st_size == 0)
        return Error{ErrorCode::FileEmpty, {path}};
    file.m_size = static_cast<std::uint64_t>(info.st_size);
    return file;
}

FileBytes::FileBytes(FileBytes&& other) noexcept
    : m_path(std::move(other.m_path))
    , m_size(other.m_size)
    , m_descriptor(std::exchange(other.m_descriptor, -1))
    , m_cache(std::move(other.m_cache))
    , m_cacheStart(other.m_cacheStart) {}

FileBytes& FileBytes::operator=(FileBytes&& other) noexcept {
    std::swap(m_path, other.m_path);
    std::swap(m_size, other.m_size);
    std::swap(m_descriptor, other.m_descriptor);
    std::swap(m_cache, other.m_cache);
    std::swap(m_cacheStart, other.m_cacheStart);
    return *this;
}

FileBytes::~FileBytes() {
    if (m_descriptor >= 0)
        ::close(m_descriptor);
}

std::size_t FileBytes::readSome(std::uint64_t offset, void* out, std::size_t count) const {
    if (offset >= m_size)
        return 0;
    count = static_cast<std::size_t>(std::min<std::uint64_t>(count, m_size - offset));
    auto* target = static_cast<unsigned char*>(out);
    if (count < kCacheBytes / 4) {
        const bool cached = offset >= m_cacheStart && offset + count <= m_cacheStart + m_cache.size();
        if (!cached) {
            m_cache.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kCacheBytes, m_size - offset)));
            const ssize_t got =
                ::pread(m_descriptor, m_cache.data(), m_cache.size(), static_cast<off_t>(offset));
            m_cache.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
            m_cacheStart = offset;
            count = std::min(count, m_cache.size());
        }
        if (count != 0)
            std::memcpy(target, m_cache.data() + (offset - m_cacheStart), count);
        return count;
    }
    std::size_t done = 0;
    while (done < count) {
        const ssize_t got =
            ::pread(m_descriptor, target + done, count - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

bool FileBytes::read(std::uint64_t offset, void* out, std::size_t count) const {
    if (offset > m_size || count > m_size - offset)
        return false;
    return readSome(offset, out, count) == count;
}

Error FileBytes::error(ErrorCode code, std::string what, std::string more) const {
    Error result{code, {m_path}};
    if (!what.empty())
        result.arguments.push_back(std::move(what));
    if (!more.empty())
        result.arguments.push_back(std::move(more));
    return result;
}

std::uint64_t ByteCursor::number(std::size_t width) {
    unsigned char raw[8] = {};
    if (m_failed || left() < width || !m_file->read(m_position, raw, width)) {
        m_failed = true;
        return 0;
    }
    m_position += width;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i)
        value = value << 8 | raw[m_order == std::endian::big ? i : width - 1 - i];
    return value;
}

std::vector<unsigned char> ByteCursor::bytes(std::uint64_t count) {
    if (m_failed || count > left() || count > kMaxHeaderPart) {
        m_failed = true;
        return {};
    }
    std::vector<unsigned char> result(static_cast<std::size_t>(count));
    if (!result.empty() && !m_file->read(m_position, result.data(), result.size())) {
        m_failed = true;
        return {};
    }
    m_position += count;
    return result;
}

std::string ByteCursor::text(std::uint64_t count) {
    const std::vector<unsigned char> raw = bytes(count);
    return {raw.begin(), raw.end()};
}

void ByteCursor::skip(std::uint64_t count) {
    if (m_failed || count > left())
        m_failed = true;
    else
        m_position += count;
}

std::optional<std::uint64_t> multiplied(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(a, b, &product))
        return std::nullopt;
    return product;
}

std::string sizeText(std::uint64_t width, std::uint64_t height) {
    return std::to_string(width) + " x " + std::to_string(height) + " pixels";
}

} // namespace limn::images
