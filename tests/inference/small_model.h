// SPDX-License-Identifier: GPL-3.0-or-later
// Writes a small network with random numbers of a fixed seed as a model file, so that programs can be driven
// whole. It segments nothing useful.
#pragma once

#include "inference/plain/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace limn {

inline NetworkConfig smallConfig() {
    NetworkConfig config;
    config.depths = {1, 1, 1, 1};
    return config;
}

inline Result<void> writeSmallModel(const std::string& path, const NetworkConfig& config = smallConfig(),
                                    StoredPrecision precision = StoredPrecision::F32) {
    TensorFile file;
    file.source = path;
    std::mt19937 random(7);
    for (const TensorSpec& spec : expectedTensors(config)) {
        if (spec.shape.empty())
            continue; // a counter that no network needs
        std::int64_t count = 1;
        for (std::int64_t side : spec.shape)
            count *= side;
        std::vector<float> values(static_cast<std::size_t>(count));
        const std::string& name = spec.name;
        const bool isScale = name.ends_with("running_var") || name.ends_with("norm.weight") ||
                             name.ends_with("bn.weight") || name.ends_with("ln_1.weight") ||
                             name.ends_with("Ds");
        // Small enough that nothing overflows on its way through the network.
        const double spread =
            0.5 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, count / spec.shape.front())));
        for (float& value : values)
            value =
                isScale
                    ? 1.0f
                    : static_cast<float>((static_cast<double>(random()) / 4294967296.0 * 2.0 - 1.0) * spread);
        file.tensors.push_back(StoredTensor::fromFloat(spec.name, spec.shape, values));
    }
    Result<TensorFile> packed = packForShipping(file, config, precision, {});
    if (!packed)
        return packed.error();
    return writeSafetensors(path, *packed);
}

} // namespace limn
