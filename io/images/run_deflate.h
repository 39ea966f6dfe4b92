// SPDX-License-Identifier: GPL-3.0-or-later
// A zlib stream (RFC 1950 and 1951) of bytes that come in long runs, as a mask's do. The runs are packed as
// they are given, with codes made for them; nothing is searched for, which is what zlib spends its time on.
// Every reader of zlib streams takes the result. Internal to io/images.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace limn::images {

class RunDeflater {
public:
    RunDeflater();

    // The next `count` bytes are `value`. Runs of one value that follow each other are one run.
    void add(std::uint8_t value, std::size_t count);
    // The whole stream. Once, after the last add().
    std::vector<unsigned char> finish();

private:
    void endRun();
    void token(int value);
    void endBlock(bool isLast);
    void put(std::uint32_t bits, int count);

    std::vector<unsigned char> m_bytes;
    std::uint64_t m_bits = 0; // not yet in m_bytes, the first one lowest
    int m_bitCount = 0;
    std::vector<std::uint16_t>
        m_tokens; // of the current block: a byte, or kRepeat + how often the last one comes again
    std::uint8_t m_value = 0;
    std::size_t m_count = 0; // of the run that may go on
    std::uint32_t m_sum = 1; // Adler-32: its low and its high half
    std::uint32_t m_sumOfSums = 0;
};

} // namespace limn::images
