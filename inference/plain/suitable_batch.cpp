// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/suitable_batch.h"

#include <algorithm>
#include <cstdint>
#include <thread>

namespace limn {

int suitableBatch(const std::string& device, int inputSize, int threads) {
    constexpr int kGpuBatch = 16;
    constexpr int kImagesPerCore = 2;
    constexpr std::int64_t kProcessorPixels = std::int64_t{64} * 256 * 256;
    if (device != "cpu")
        return kGpuBatch;
    const std::int64_t cores =
        threads > 0 ? threads : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    const std::int64_t most = kProcessorPixels / (std::int64_t{inputSize} * inputSize);
    return static_cast<int>(std::clamp<std::int64_t>(most, 1, kImagesPerCore * cores));
}

} // namespace limn
