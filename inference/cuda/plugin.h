// SPDX-License-Identifier: GPL-3.0-or-later
// What the CUDA library (limn_cuda, loaded at run time) offers to limn_inference: a table of plain functions.
// The table has a version, so that a library of another build is refused instead of misread.
#pragma once

#include "inference/cuda/encoder_kernels.h"
#include "inference/cuda/head_kernels.h"
#include "inference/cuda/kernels.h"
#include "inference/cuda/product_kernels.h"

#include <cstddef>
#include <cstdint>

namespace limn::gpu {

inline constexpr std::uint32_t kPluginVersion = 7;
inline constexpr const char* kPluginEntry = "limnCudaPlugin";

struct Plugin {
    std::uint32_t version;

    decltype(&gpu::planScan) planScan;
    decltype(&gpu::scanForward) scanForward;
    decltype(&gpu::scanBackwardSizes) scanBackwardSizes;
    decltype(&gpu::scanBackward) scanBackward;
    decltype(&gpu::sumPartialProjected) sumPartialProjected;
    decltype(&gpu::depthwiseSiluForward) depthwiseSiluForward;
    decltype(&gpu::depthwisePartials) depthwisePartials;
    decltype(&gpu::depthwiseSiluBackward) depthwiseSiluBackward;
    decltype(&gpu::normGateForward) normGateForward;
    decltype(&gpu::normPartials) normPartials;
    decltype(&gpu::normGateBackward) normGateBackward;
    decltype(&gpu::layerNormForward) layerNormForward;
    decltype(&gpu::layerNormBackward) layerNormBackward;
    decltype(&gpu::patchEmbed) patchEmbed;
    decltype(&gpu::addNorm) addNorm;
    decltype(&gpu::mergeNorm) mergeNorm;
    decltype(&gpu::isSmallProduct) isSmallProduct;
    decltype(&gpu::smallProduct) smallProduct;
    decltype(&gpu::isSmallProductNorm) isSmallProductNorm;
    decltype(&gpu::smallProductNorm) smallProductNorm;
    decltype(&gpu::planHeadScratch) planHeadScratch;
    decltype(&gpu::headForward) headForward;

    // LibTorch's current stream of the current device.
    Stream (*currentStream)();
    GpuShape (*shape)(); // of the current device
    // Name (cut to `capacity`, ended by 0) and memory of a device; 0 or an error code.
    int (*deviceName)(int device, char* name, std::size_t capacity, std::int64_t* memoryBytes);
    void (*synchronise)();
    // Most memory that LibTorch's allocator held since resetPeakMemory(), in bytes.
    std::int64_t (*peakMemory)();
    void (*resetPeakMemory)();
    int (*clockKilohertz)();
    double (*memoryBytesPerSecond)(); // the most that the memory can do; 0 if it is not known

    // Records what body(context) does on the device into a graph (after three plain runs, so that handles and
    // workspaces exist). Null on failure, with the reason in `error`. All graphs share one memory pool: their
    // outputs must be copied before another one is replayed.
    void* (*captureGraph)(void (*body)(void*), void* context, char* error, std::size_t capacity);
    int (*replayGraph)(void* graph);
    void (*releaseGraph)(void* graph);
    // Milliseconds between two events around body(context) on the current stream; waits for them.
    double (*timeOnDevice)(void (*body)(void*), void* context);

    // The sentence for a launcher's error code.
    const char* (*errorText)(int code);
};

using PluginEntry = const Plugin* (*)();

} // namespace limn::gpu
