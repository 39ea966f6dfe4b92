// SPDX-License-Identifier: GPL-3.0-or-later
// Finding the ends of runs of equal bytes, eight at a time. Internal to app/document, any thread.
#pragma once

#include <cstdint>
#include <cstring>

namespace limn {

// First index in [from, end) whose byte has the value; `end` when none has.
inline int firstEqual(const std::uint8_t* bytes, int from, int end, std::uint8_t value) {
    if (from >= end)
        return end;
    const void* found = std::memchr(bytes + from, value, static_cast<std::size_t>(end - from));
    return found ? static_cast<int>(static_cast<const std::uint8_t*>(found) - bytes) : end;
}

// First index in [from, end) whose byte has another value; `end` when all have it.
inline int firstOther(const std::uint8_t* bytes, int from, int end, std::uint8_t value) {
    const std::uint64_t all = value * std::uint64_t{0x0101010101010101u};
    int x = from;
    for (; x + 8 <= end; x += 8) {
        std::uint64_t word;
        std::memcpy(&word, bytes + x, 8);
        if (word != all)
            break;
    }
    while (x < end && bytes[x] == value)
        ++x;
    return x;
}

} // namespace limn
