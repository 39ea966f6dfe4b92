// SPDX-License-Identifier: GPL-3.0-or-later
// Makes files as Python's torch.save would: a zip of stored entries around a pickle, byte by byte, so that
// tests can also make those that torch.save never would. For tests alone.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace torchfile {

using Bytes = std::vector<unsigned char>;

template<typename T>
void put(Bytes& bytes, T value) {
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof(T));
    std::memcpy(bytes.data() + at, &value, sizeof(T));
}

inline void put(Bytes& bytes, const std::string& text) {
    bytes.insert(bytes.end(), text.begin(), text.end());
}

// CRC-32 of ISO 3309, bit by bit.
inline std::uint32_t crcOf(const Bytes& bytes) {
    std::uint32_t crc = 0xffffffffu;
    for (const unsigned char byte : bytes) {
        crc ^= byte;
        for (int i = 0; i < 8; ++i)
            crc = (crc >> 1) ^ (crc & 1u ? 0xedb88320u : 0u);
    }
    return ~crc;
}

struct Part {
    std::string name;
    Bytes bytes;
    std::uint16_t method = 0;     // 8: deflate (the bytes are stored as they are all the same)
    std::uint32_t crcMistake = 0; // added to the right checksum
};

// With zip64, sizes and offsets go to the extra field, and the directory is found through the 64-bit record.
inline Bytes zipOf(const std::vector<Part>& parts, bool zip64 = false) {
    constexpr std::uint32_t kElsewhere = 0xffffffffu;
    Bytes file;
    Bytes directory;
    for (const Part& part : parts) {
        const auto size = static_cast<std::uint32_t>(part.bytes.size());
        const auto offset = static_cast<std::uint32_t>(file.size());
        const std::uint32_t crc = crcOf(part.bytes) + part.crcMistake;
        put<std::uint32_t>(file, 0x04034b50);
        for (const std::uint16_t field :
             {std::uint16_t(20), std::uint16_t(0), part.method, std::uint16_t(0), std::uint16_t(0)})
            put(file, field);
        put(file, crc);
        put(file, size);
        put(file, size);
        put<std::uint16_t>(file, static_cast<std::uint16_t>(part.name.size()));
        put<std::uint16_t>(file, 0);
        put(file, part.name);
        file.insert(file.end(), part.bytes.begin(), part.bytes.end());

        put<std::uint32_t>(directory, 0x02014b50);
        for (const std::uint16_t field : {std::uint16_t(20), std::uint16_t(20), std::uint16_t(0), part.method,
                                          std::uint16_t(0), std::uint16_t(0)})
            put(directory, field);
        put(directory, crc);
        put(directory, zip64 ? kElsewhere : size);
        put(directory, zip64 ? kElsewhere : size);
        put<std::uint16_t>(directory, static_cast<std::uint16_t>(part.name.size()));
        put<std::uint16_t>(directory, zip64 ? 4 + 2 + 4 + 24 : 0);
        for (int i = 0; i < 3; ++i)
            put<std::uint16_t>(directory, 0); // comment, disk, attributes
        put<std::uint32_t>(directory, 0);
        put(directory, zip64 ? kElsewhere : offset);
        put(directory, part.name);
        if (zip64) {
            put<std::uint16_t>(directory, 0x7777); // a field of somebody else's
            put<std::uint16_t>(directory, 2);
            put<std::uint16_t>(directory, 0);
            put<std::uint16_t>(directory, 0x0001);
            put<std::uint16_t>(directory, 24);
            put<std::uint64_t>(directory, size);
            put<std::uint64_t>(directory, size);
            put<std::uint64_t>(directory, offset);
        }
    }
    const std::uint64_t directoryOffset = file.size();
    file.insert(file.end(), directory.begin(), directory.end());
    if (zip64) {
        const std::uint64_t recordOffset = file.size();
        put<std::uint32_t>(file, 0x06064b50);
        put<std::uint64_t>(file, 44);
        put<std::uint32_t>(file, 45 << 16 | 45);
        put<std::uint64_t>(file, 0);
        put<std::uint64_t>(file, parts.size());
        put<std::uint64_t>(file, parts.size());
        put<std::uint64_t>(file, directory.size());
        put<std::uint64_t>(file, directoryOffset);
        put<std::uint32_t>(file, 0x07064b50);
        put<std::uint32_t>(file, 0);
        put<std::uint64_t>(file, recordOffset);
        put<std::uint32_t>(file, 1);
    }
    put<std::uint32_t>(file, 0x06054b50);
    put<std::uint32_t>(file, 0);
    put<std::uint16_t>(file, zip64 ? 0xffff : static_cast<std::uint16_t>(parts.size()));
    put<std::uint16_t>(file, zip64 ? 0xffff : static_cast<std::uint16_t>(parts.size()));
    put<std::uint32_t>(file, zip64 ? kElsewhere : static_cast<std::uint32_t>(directory.size()));
    put<std::uint32_t>(file, zip64 ? kElsewhere : static_cast<std::uint32_t>(directoryOffset));
    put<std::uint16_t>(file, 0);
    return file;
}

// Writes opcodes; calls can be chained.
class Pickle {
public:
    Bytes bytes;

    Pickle() { op("\x80\x02"); }

    Pickle& op(const std::string& opcodes) {
        put(bytes, opcodes);
        return *this;
    }
    Pickle& text(const std::string& value) {
        op("X");
        put(bytes, static_cast<std::uint32_t>(value.size()));
        return op(value);
    }
    Pickle& integer(std::int64_t value) {
        op("\x8a\x08");
        put(bytes, value);
        return *this;
    }
    Pickle& global(const std::string& module, const std::string& name) {
        return op("c" + module + "\n" + name + "\n");
    }
    Pickle& tuple(const std::vector<std::int64_t>& values) {
        op("(");
        for (const std::int64_t value : values)
            integer(value);
        return op("t");
    }
    Pickle& orderedDict() { return global("collections", "OrderedDict").op(")R"); }
    // A call of torch._utils._rebuild_tensor_v2.
    Pickle& tensor(const std::string& storage, const std::string& key, std::int64_t count,
                   const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& stride,
                   std::int64_t offset = 0, const std::string& location = "cuda:0") {
        global("torch._utils", "_rebuild_tensor_v2").op("((").text("storage").global("torch", storage);
        text(key).text(location).integer(count).op("tQ").integer(offset).tuple(shape).tuple(stride).op(
            "\x89");
        return orderedDict().op("tR");
    }
    Bytes done() {
        op(".");
        return bytes;
    }
};

inline Bytes textBytes(const std::string& text) {
    return {text.begin(), text.end()};
}

inline Bytes fileOf(const Bytes& pickle, const std::vector<Bytes>& storages, bool zip64 = false) {
    std::vector<Part> parts{{"best/data.pkl", pickle}, {"best/byteorder", textBytes("little")}};
    for (std::size_t i = 0; i < storages.size(); ++i)
        parts.push_back({std::string("best/data/").append(std::to_string(i)), storages[i]});
    parts.push_back({"best/version", textBytes("3\n")});
    return zipOf(parts, zip64);
}

} // namespace torchfile
