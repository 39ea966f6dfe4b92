// SPDX-License-Identifier: GPL-3.0-or-later
// Small hashes and a counter's random numbers that are equal on every machine and for ever: fingerprints of
// names, held-out parts, drawings. Not for security. Plain C++20; pure functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace limn {

inline constexpr std::uint64_t kFnvBasis = 0xCBF29CE484222325ull;

// FNV-1a of 64 bits; `hash` goes on from an earlier part.
template<class Bytes>
constexpr std::uint64_t fnv1a(const Bytes& bytes, std::uint64_t hash = kFnvBasis) {
    for (const auto byte : bytes)
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ull;
    return hash;
}
constexpr std::uint64_t fnv1a(const char* text, std::uint64_t hash = kFnvBasis) {
    return fnv1a(std::string_view(text), hash);
}

// The step of splitmix64's counter (Steele, Lea, Flood 2014) and what makes a number of it.
inline constexpr std::uint64_t kSplitMixStep = 0x9E3779B97F4A7C15ull;

constexpr std::uint64_t splitMixNumber(std::uint64_t counter) {
    counter = (counter ^ (counter >> 30)) * 0xBF58476D1CE4E5B9ull;
    counter = (counter ^ (counter >> 27)) * 0x94D049BB133111EBull;
    return counter ^ (counter >> 31);
}

// The next number of the stream whose counter is `state`.
constexpr std::uint64_t splitMixNext(std::uint64_t& state) {
    return splitMixNumber(state += kSplitMixStep);
}

} // namespace limn
