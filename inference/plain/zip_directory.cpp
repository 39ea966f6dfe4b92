// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/zip_directory.h"

#include <zlib.h>

#include <algorithm>
#include <cassert>
#include <cstring>

namespace limn {

namespace {

constexpr std::uint32_t kLocalSignature = 0x04034b50;
constexpr std::uint32_t kCentralSignature = 0x02014b50;
constexpr std::uint32_t kEndSignature = 0x06054b50;
constexpr std::uint32_t kEnd64Signature = 0x06064b50;
constexpr std::uint32_t kLocator64Signature = 0x07064b50;
constexpr std::size_t kLocalBytes = 30;
constexpr std::size_t kCentralBytes = 46;
constexpr std::size_t kEndBytes = 22;
constexpr std::size_t kEnd64Bytes = 56;
constexpr std::size_t kLocator64Bytes = 20;
constexpr std::size_t kMaxComment = 65535;
// A network's directory takes some 100 bytes an entry; these leave room for 30 times the largest known.
constexpr std::uint64_t kMaxDirectoryBytes = 4u << 20;
constexpr std::uint64_t kMaxEntries = 32768;

template<typename T>
T valueAt(std::span<const unsigned char> bytes, std::size_t offset) {
    assert(offset + sizeof(T) <= bytes.size());
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof(T));
    return value;
}

struct Extent {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    std::uint64_t entries = 0;
};

// Reads the record at the file's end that says where the directory lies.
Result<Extent> findDirectory(const ByteSource& source) {
    const std::uint64_t tailSize = std::min<std::uint64_t>(source.size(), kEndBytes + kMaxComment);
    std::vector<unsigned char> tail(tailSize);
    const std::uint64_t tailOffset = source.size() - tailSize;
    if (Result<void> read = source.read(tailOffset, tail); !read)
        return read.error();
    std::size_t end = tail.size();
    for (std::size_t at = tail.size() >= kEndBytes ? tail.size() - kEndBytes + 1 : 0; at-- > 0;) {
        if (valueAt<std::uint32_t>(tail, at) == kEndSignature) {
            end = at;
            break;
        }
    }
    if (end == tail.size()) {
        return Error{ErrorCode::FileTruncated,
                     {source.name(), "the zip directory that belongs at its end is missing"}};
    }
    Extent extent{valueAt<std::uint32_t>(tail, end + 16), valueAt<std::uint32_t>(tail, end + 12),
                  valueAt<std::uint16_t>(tail, end + 10)};

    const std::uint64_t endOffset = tailOffset + end;
    if (endOffset < kLocator64Bytes)
        return extent;
    unsigned char locator[kLocator64Bytes];
    if (Result<void> read = source.read(endOffset - kLocator64Bytes, locator); !read)
        return read.error();
    if (valueAt<std::uint32_t>(locator, 0) != kLocator64Signature)
        return extent;
    const std::uint64_t end64Offset = valueAt<std::uint64_t>(locator, 8);
    unsigned char end64[kEnd64Bytes];
    if (Result<void> read = source.read(end64Offset, end64); !read)
        return read.error();
    if (valueAt<std::uint32_t>(end64, 0) != kEnd64Signature)
        return Error{ErrorCode::FileCorrupt,
                     {source.name(), "its zip64 directory is not where it should be"}};
    return Extent{valueAt<std::uint64_t>(end64, 48), valueAt<std::uint64_t>(end64, 40),
                  valueAt<std::uint64_t>(end64, 32)};
}

// The zip64 extra field holds, in this order, those of the three numbers that did not fit into 32 bits.
bool applyZip64(std::span<const unsigned char> extra, std::uint64_t& size, std::uint64_t& packedSize,
                std::uint64_t& offset) {
    constexpr std::uint64_t kElsewhere = 0xffffffff;
    if (size != kElsewhere && packedSize != kElsewhere && offset != kElsewhere)
        return true;
    while (extra.size() >= 4) {
        const auto id = valueAt<std::uint16_t>(extra, 0);
        const std::size_t length = valueAt<std::uint16_t>(extra, 2);
        extra = extra.subspan(4);
        if (length > extra.size())
            return false;
        if (id != 0x0001) {
            extra = extra.subspan(length);
            continue;
        }
        std::span<const unsigned char> field = extra.first(length);
        for (std::uint64_t* number : {&size, &packedSize, &offset}) {
            if (*number != kElsewhere)
                continue;
            if (field.size() < 8)
                return false;
            *number = valueAt<std::uint64_t>(field, 0);
            field = field.subspan(8);
        }
        return true;
    }
    return false;
}

} // namespace

Result<ZipDirectory> ZipDirectory::read(const ByteSource& source) {
    const Result<Extent> extent = findDirectory(source);
    if (!extent)
        return extent.error();
    if (extent->size > kMaxDirectoryBytes || extent->entries > kMaxEntries) {
        return Error{ErrorCode::FileTooLarge,
                     {source.name(),
                      "a zip directory of " + std::to_string(extent->entries) + " entries in " +
                          std::to_string(extent->size) + " bytes",
                      std::to_string(kMaxEntries) + " in " + std::to_string(kMaxDirectoryBytes)}};
    }
    // Before allocating: does it lie within the file?
    const std::optional<std::uint64_t> end = checkedSum(extent->offset, extent->size);
    if (!end || *end > source.size())
        return Error{ErrorCode::FileCorrupt, {source.name(), "its zip directory lies outside the file"}};
    std::vector<unsigned char> bytes(extent->size);
    if (Result<void> read = source.read(extent->offset, bytes); !read)
        return read.error();

    ZipDirectory directory;
    std::span<const unsigned char> rest = bytes;
    for (std::uint64_t i = 0; i < extent->entries; ++i) {
        if (rest.size() < kCentralBytes || valueAt<std::uint32_t>(rest, 0) != kCentralSignature) {
            return Error{ErrorCode::FileCorrupt,
                         {source.name(), "entry " + std::to_string(i) + " of its zip directory is broken"}};
        }
        const std::size_t nameBytes = valueAt<std::uint16_t>(rest, 28);
        const std::size_t extraBytes = valueAt<std::uint16_t>(rest, 30);
        const std::size_t commentBytes = valueAt<std::uint16_t>(rest, 32);
        if (rest.size() - kCentralBytes < nameBytes + extraBytes + commentBytes) {
            return Error{ErrorCode::FileCorrupt,
                         {source.name(), "entry " + std::to_string(i) + " of its zip directory is cut off"}};
        }
        ZipEntry entry;
        const bool encrypted = valueAt<std::uint16_t>(rest, 8) & 1u;
        const auto method = valueAt<std::uint16_t>(rest, 10);
        entry.crc = valueAt<std::uint32_t>(rest, 16);
        std::uint64_t packedSize = valueAt<std::uint32_t>(rest, 20);
        entry.size = valueAt<std::uint32_t>(rest, 24);
        entry.headerOffset = valueAt<std::uint32_t>(rest, 42);
        const bool extraFits = applyZip64(rest.subspan(kCentralBytes + nameBytes, extraBytes), entry.size,
                                          packedSize, entry.headerOffset);
        entry.stored = !encrypted && method == 0;
        std::string name(reinterpret_cast<const char*>(rest.data()) + kCentralBytes, nameBytes);
        if (!extraFits || (entry.stored && packedSize != entry.size)) {
            return Error{ErrorCode::FileCorrupt,
                         {source.name(), "its zip entry " + shownName(name) + " has impossible sizes"}};
        }
        if (!directory.m_entries.emplace(name, entry).second)
            return Error{ErrorCode::FileCorrupt,
                         {source.name(), "its zip entry " + shownName(name) + " is there twice"}};
        rest = rest.subspan(kCentralBytes + nameBytes + extraBytes + commentBytes);
    }
    return directory;
}

const ZipEntry* ZipDirectory::find(std::string_view name) const {
    const auto found = m_entries.find(name);
    return found == m_entries.end() ? nullptr : &found->second;
}

Result<std::uint64_t> ZipDirectory::dataOffset(const ByteSource& source, const ZipEntry& entry,
                                               std::string_view name) {
    if (!entry.stored) {
        return Error{ErrorCode::FeatureNotHandled,
                     {source.name(), "its part " + shownName(name) +
                                         " is compressed or encrypted; torch.save does neither"}};
    }
    unsigned char header[kLocalBytes];
    if (Result<void> read = source.read(entry.headerOffset, header); !read)
        return read.error();
    if (valueAt<std::uint32_t>(header, 0) != kLocalSignature) {
        return Error{ErrorCode::FileCorrupt,
                     {source.name(), "its part " + shownName(name) + " is not where the directory says"}};
    }
    // The offset lies within the file, so that these small additions cannot overflow.
    const std::uint64_t begin = entry.headerOffset + kLocalBytes + valueAt<std::uint16_t>(header, 26) +
                                valueAt<std::uint16_t>(header, 28);
    if (begin > source.size() || entry.size > source.size() - begin)
        return Error{ErrorCode::FileTruncated,
                     {source.name(), "its part " + shownName(name) + " is not there in full"}};
    return begin;
}

Result<void> ZipDirectory::readAll(const ByteSource& source, const ZipEntry& entry, std::string_view name,
                                   std::span<unsigned char> out) {
    assert(out.size() == entry.size);
    const Result<std::uint64_t> begin = dataOffset(source, entry, name);
    if (!begin)
        return begin.error();
    if (Result<void> read = source.read(*begin, out); !read)
        return read.error();
    if (entry.crc != 0 && ::crc32_z(0, out.data(), out.size()) != entry.crc) {
        return Error{ErrorCode::FileCorrupt,
                     {source.name(), "the checksum of its part " + shownName(name) + " does not match"}};
    }
    return {};
}

} // namespace limn
