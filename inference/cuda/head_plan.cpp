// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/head_kernels.h"
#include "inference/cuda/head_math.h"

namespace limn::gpu {

HeadScratch planHeadScratch(int batch, int height, int width) {
    constexpr std::int64_t kAlignment = 256;
    HeadScratch plan;
    const auto take = [&plan](std::int64_t bytes) {
        const std::int64_t begin = plan.bytes;
        plan.bytes += (bytes + kAlignment - 1) / kAlignment * kAlignment;
        return begin;
    };
    const auto pixels = [=](int level) {
        return static_cast<std::int64_t>(height >> (level + 2)) * (width >> (level + 2)) * batch;
    };
    constexpr std::int64_t kPixelBytes = kDecoder * sizeof(std::uint16_t);
    for (int level = 0; level < kHeadLevels; ++level) {
        const auto slot = static_cast<std::size_t>(level);
        const std::int64_t chunks = poolChunks(level, static_cast<int>(pixels(level) / batch));
        plan.partial[slot] =
            take(chunks * batch * 2 * headChannels(level) * static_cast<std::int64_t>(sizeof(float)));
        plan.stats[slot] = take(pixels(level) * 2 * static_cast<std::int64_t>(sizeof(float)));
        plan.squeezed[slot] = take(pixels(level) * kPixelBytes);
        plan.translated[slot] = take(pixels(level) * kPixelBytes);
        for (int source = 0; source < level; ++source)
            plan.pooled[static_cast<std::size_t>(pooledPair(source, level))] =
                take(pixels(level) * kPixelBytes);
        if (level > 0)
            plan.infused[slot] = take(pixels(level) * kPixelBytes);
    }
    plan.gate = take(static_cast<std::int64_t>(batch) * kGates * static_cast<std::int64_t>(sizeof(float)));
    plan.quarter = take(pixels(0) * static_cast<std::int64_t>(sizeof(float)));
    plan.refined = take(pixels(1) * kFunctionalStride * static_cast<std::int64_t>(sizeof(float)));
    return plan;
}

} // namespace limn::gpu
