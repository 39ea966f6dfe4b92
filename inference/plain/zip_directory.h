// SPDX-License-Identifier: GPL-3.0-or-later
// The directory of a zip file whose entries are stored uncompressed, as torch.save writes them (zip64 too).
// Bounded: no more is kept than the directory's own size, which is limited. Private to inference/plain; any
// thread. Layout: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
#pragma once

#include "inference/plain/byte_source.h"

#include <map>
#include <vector>

namespace limn {

struct ZipEntry {
    std::uint64_t headerOffset = 0;
    std::uint64_t size = 0;
    std::uint32_t crc = 0; // 0: the writer left it out
    bool stored = true;    // neither compressed nor encrypted
};

class ZipDirectory {
public:
    // Errors: FileTruncated, FileCorrupt, FileTooLarge, FileNotReadable.
    static Result<ZipDirectory> read(const ByteSource& source);

    const std::map<std::string, ZipEntry, std::less<>>& entries() const { return m_entries; }
    const ZipEntry* find(std::string_view name) const;

    // Where an entry's bytes begin; they lie within the file, and are not compressed. Errors: FileTruncated,
    // FileCorrupt, FeatureNotHandled, FileNotReadable.
    static Result<std::uint64_t> dataOffset(const ByteSource& source, const ZipEntry& entry,
                                            std::string_view name);
    // Fills `out`, of the entry's size, and compares the checksum. Errors: those of dataOffset().
    static Result<void> readAll(const ByteSource& source, const ZipEntry& entry, std::string_view name,
                                std::span<unsigned char> out);

private:
    std::map<std::string, ZipEntry, std::less<>> m_entries;
};

} // namespace limn
