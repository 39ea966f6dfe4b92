// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/run_deflate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

namespace limn::images {

namespace {

constexpr std::size_t kBlockTokens = std::size_t{1} << 16;
constexpr std::uint32_t kAdlerPrime = 65521;

constexpr int kRepeat = 256; // in tokens
constexpr int kLeastRepeat = 3;
constexpr int kMostRepeat = 258;

// Alphabets of RFC 1951. Of the distances only the first is used: the byte before.
constexpr int kEndOfBlock = 256;
constexpr int kLiteralSymbols = 286;
constexpr int kMostLiteralBits = 15;
constexpr int kLengthSymbols = 19;
constexpr int kMostLengthBits = 7;
constexpr std::array<int, kLengthSymbols> kLengthOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                          11, 4,  12, 3, 13, 2, 14, 1, 15};

struct Bits {
    std::uint32_t bits = 0;
    int count = 0;
};

// Lengths of the best prefix code for symbols that occur so often, none above `most` bits; 0 where a symbol
// does not occur.
std::vector<int> codeLengths(std::vector<std::uint32_t> counts, int most) {
    std::vector<std::size_t> leaves;
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0)
            leaves.push_back(i);
    std::vector<int> lengths(counts.size(), 0);
    if (leaves.size() == 1)
        lengths[leaves.front()] = 1;
    while (leaves.size() > 1) {
        std::stable_sort(leaves.begin(), leaves.end(),
                         [&](std::size_t a, std::size_t b) { return counts[a] < counts[b]; });
        // The two lightest trees are joined until one is left. Joined ones come about in the order of their
        // weights, so that the lightest is always the first of the leaves or the first of the joined.
        const std::size_t trees = 2 * leaves.size() - 1;
        std::vector<std::uint64_t> weights(trees, 0);
        std::vector<std::size_t> parents(trees, 0);
        std::vector<int> depths(trees, 0);
        for (std::size_t i = 0; i < leaves.size(); ++i)
            weights[i] = counts[leaves[i]];
        std::size_t nextLeaf = 0;
        std::size_t nextJoined = leaves.size();
        for (std::size_t tree = leaves.size(); tree < trees; ++tree) {
            for (int i = 0; i < 2; ++i) {
                const bool isLeaf = nextLeaf < leaves.size() &&
                                    (nextJoined >= tree || weights[nextLeaf] <= weights[nextJoined]);
                const std::size_t lightest = isLeaf ? nextLeaf++ : nextJoined++;
                weights[tree] += weights[lightest];
                parents[lightest] = tree;
            }
        }
        for (std::size_t tree = trees - 1; tree-- > 0;)
            depths[tree] = depths[parents[tree]] + 1;
        if (*std::max_element(depths.begin(), depths.end()) <= most) {
            for (std::size_t i = 0; i < leaves.size(); ++i)
                lengths[leaves[i]] = depths[i];
            break;
        }
        // Rare symbols count as less rare, which makes the tree flatter.
        for (std::uint32_t& count : counts)
            count = (count + 1) / 2;
    }
    return lengths;
}

// Codes of such lengths, in the order that the standard fixes, with their first bit lowest.
std::vector<Bits> codesOf(const std::vector<int>& lengths) {
    std::vector<Bits> codes(lengths.size());
    std::uint32_t next = 0;
    for (int length = 1; length <= kMostLiteralBits; ++length) {
        next <<= 1;
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            if (lengths[i] != length)
                continue;
            std::uint32_t reversed = 0;
            for (int bit = 0; bit < length; ++bit)
                reversed |= (next >> bit & 1u) << (length - 1 - bit);
            codes[i] = {reversed, length};
            ++next;
        }
    }
    return codes;
}

struct Extra {
    int symbol;
    Bits bits; // behind the symbol's code
};

// A repetition of 3 to 258 bytes.
Extra repetition(int length) {
    if (length == kMostRepeat)
        return {285, {}};
    const auto above = static_cast<unsigned>(length - kLeastRepeat);
    if (above < 8)
        return {257 + static_cast<int>(above), {}};
    const int extra = std::bit_width(above) - 3;
    return {261 + 4 * extra + static_cast<int>(above >> extra & 3u), {above & ((1u << extra) - 1u), extra}};
}

// The lengths of codes in their own alphabet: runs of zeros are short.
std::vector<Extra> packedLengths(const std::vector<int>& lengths) {
    std::vector<Extra> packed;
    for (std::size_t i = 0; i < lengths.size();) {
        std::size_t zeros = 0;
        while (i + zeros < lengths.size() && zeros < 138 && lengths[i + zeros] == 0)
            ++zeros;
        if (zeros < 3) {
            packed.push_back({lengths[i++], {}});
            continue;
        }
        const auto count = static_cast<std::uint32_t>(zeros);
        packed.push_back(zeros <= 10 ? Extra{17, {count - 3, 3}} : Extra{18, {count - 11, 7}});
        i += zeros;
    }
    return packed;
}

} // namespace

RunDeflater::RunDeflater() : m_bytes{0x78, 0x01} {
    m_tokens.reserve(kBlockTokens);
}

void RunDeflater::add(std::uint8_t value, std::size_t count) {
    if (count == 0)
        return;
    if (value != m_value) {
        endRun();
        m_value = value;
    }
    m_count += count;
}

void RunDeflater::endRun() {
    for (std::size_t left = m_count; left > 0;) {
        // As if each byte had been added to the sums; few enough at once for 64 bits.
        const std::uint64_t count = std::min<std::size_t>(left, std::size_t{1} << 20);
        m_sumOfSums = static_cast<std::uint32_t>(
            (m_sumOfSums + count * m_sum + m_value * (count * (count + 1) / 2)) % kAdlerPrime);
        m_sum = static_cast<std::uint32_t>((m_sum + count * m_value) % kAdlerPrime);
        left -= count;
    }
    if (m_count > 0) {
        token(m_value);
        --m_count;
    }
    while (m_count >= kLeastRepeat) {
        const std::size_t length = std::min<std::size_t>(m_count, kMostRepeat);
        token(kRepeat + static_cast<int>(length));
        m_count -= length;
    }
    for (; m_count > 0; --m_count)
        token(m_value);
}

void RunDeflater::token(int value) {
    if (m_tokens.size() == kBlockTokens)
        endBlock(false);
    m_tokens.push_back(static_cast<std::uint16_t>(value));
}

void RunDeflater::endBlock(bool isLast) {
    std::vector<std::uint32_t> counts(kLiteralSymbols, 0);
    for (const std::uint16_t each : m_tokens)
        ++counts[each < kRepeat ? each : repetition(each - kRepeat).symbol];
    counts[kEndOfBlock] = 1;
    std::vector<int> lengths = codeLengths(counts, kMostLiteralBits);
    while (lengths.size() > kEndOfBlock + 1 && lengths.back() == 0)
        lengths.pop_back();
    const std::vector<Bits> codes = codesOf(lengths);

    // The block's head: the lengths of all codes, in a code of their own.
    const std::size_t literals = lengths.size();
    lengths.push_back(1); // of the one distance
    const std::vector<Extra> packed = packedLengths(lengths);
    std::vector<std::uint32_t> lengthCounts(kLengthSymbols, 0);
    for (const Extra& each : packed)
        ++lengthCounts[each.symbol];
    const std::vector<int> lengthLengths = codeLengths(lengthCounts, kMostLengthBits);
    const std::vector<Bits> lengthCodes = codesOf(lengthLengths);
    int shown = kLengthSymbols;
    while (shown > 4 && lengthLengths[kLengthOrder[shown - 1]] == 0)
        --shown;
    put(isLast ? 1 : 0, 1);
    put(2, 2); // codes of its own
    put(static_cast<std::uint32_t>(literals - 257), 5);
    put(0, 5);
    put(static_cast<std::uint32_t>(shown - 4), 4);
    for (int i = 0; i < shown; ++i)
        put(static_cast<std::uint32_t>(lengthLengths[kLengthOrder[i]]), 3);
    for (const Extra& each : packed) {
        put(lengthCodes[each.symbol].bits, lengthCodes[each.symbol].count);
        put(each.bits.bits, each.bits.count);
    }

    for (const std::uint16_t each : m_tokens) {
        if (each < kRepeat) {
            put(codes[each].bits, codes[each].count);
            continue;
        }
        const Extra repeat = repetition(each - kRepeat);
        put(codes[repeat.symbol].bits, codes[repeat.symbol].count);
        put(repeat.bits.bits, repeat.bits.count);
        put(0, 1); // the distance
    }
    put(codes[kEndOfBlock].bits, codes[kEndOfBlock].count);
    m_tokens.clear();
}

void RunDeflater::put(std::uint32_t bits, int count) {
    m_bits |= static_cast<std::uint64_t>(bits) << m_bitCount;
    m_bitCount += count;
    for (; m_bitCount >= 8; m_bitCount -= 8) {
        m_bytes.push_back(static_cast<unsigned char>(m_bits));
        m_bits >>= 8;
    }
}

std::vector<unsigned char> RunDeflater::finish() {
    endRun();
    endBlock(true);
    if (m_bitCount > 0)
        put(0, 8 - m_bitCount);
    for (const std::uint32_t half : {m_sumOfSums, m_sum}) {
        m_bytes.push_back(static_cast<unsigned char>(half >> 8));
        m_bytes.push_back(static_cast<unsigned char>(half));
    }
    return std::move(m_bytes);
}

} // namespace limn::images
