// SPDX-License-Identifier: GPL-3.0-or-later
// How long work that is done part by part will still take. Pure function.
#pragma once

#include <cstddef>
#include <optional>

namespace limn {

// Seconds for the parts that are left, by what the others took; none in the first 10 s, in which the estimate
// would jump.
inline std::optional<double> secondsLeft(double seconds, std::size_t done, std::size_t left) {
    constexpr double kBeforeEstimate = 10.0;
    if (left == 0 || done == 0 || seconds < kBeforeEstimate)
        return std::nullopt;
    return seconds / static_cast<double>(done) * static_cast<double>(left);
}

} // namespace limn
