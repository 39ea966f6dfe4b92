// SPDX-License-Identifier: GPL-3.0-or-later
// Weights and images made by a rule, so that expected values need no stored weights (the rule stands in the
// README of the golden values: FNV-1a of the tensor's name, splitmix64, a range by the name's last part).
// Plain C++20.
#pragma once

#include "io/core/hashing.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace limn::testing {

// Value i of a stream, in [0, 1).
inline double unitAt(std::uint64_t seed, std::uint64_t i) {
    return static_cast<double>(splitMixNumber(seed + (i + 1) * kSplitMixStep) >> 40) * 0x1.0p-24;
}

inline std::vector<float> formulaTensor(const std::string& name, const std::vector<std::int64_t>& shape) {
    std::int64_t count = 1;
    for (const std::int64_t extent : shape)
        count *= extent;
    const std::string last = name.substr(name.rfind('.') + 1);
    double low = 0.0;
    double high = 0.0;
    if (last == "A_logs") {
        high = 2.75;
    } else if (last == "Ds") {
        low = 0.5;
        high = 1.5;
    } else if (last == "dt_projs_bias") {
        low = -6.75;
        high = -2.25;
    } else if (last == "running_mean" || last == "bias") {
        low = -0.125;
        high = 0.125;
    } else if (last == "running_var" || (last == "weight" && shape.size() == 1)) {
        low = 0.5;
        high = 1.5;
    } else {
        std::int64_t fanIn = 1;
        for (std::size_t i = 1; i < shape.size(); ++i)
            fanIn *= shape[i];
        if (last == "x_proj_weight" || last == "dt_projs_weight")
            fanIn = shape.back();
        high = std::sqrt(3.0 / static_cast<double>(fanIn));
        if (name.find(".convs.") != std::string::npos)
            high *= 2.0;
        low = -high;
    }
    const std::uint64_t seed = fnv1a(name);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(low + (high - low) * unitAt(seed, i));
    return values;
}

} // namespace limn::testing
