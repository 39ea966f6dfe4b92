// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the table of plugin.h. The only file of the CUDA library that sees LibTorch.
#include "inference/cuda/plugin.h"

#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdio>

namespace {

limn::gpu::Stream currentStream() {
    return c10::cuda::getCurrentCUDAStream().stream();
}

int multiprocessors() {
    return at::cuda::getCurrentDeviceProperties()->multiProcessorCount;
}

int deviceName(int device, char* name, std::size_t capacity, std::int64_t* memoryBytes) {
    cudaDeviceProp properties{};
    const cudaError_t code = cudaGetDeviceProperties(&properties, device);
    if (code == cudaSuccess) {
        std::snprintf(name, capacity, "%s", properties.name);
        *memoryBytes = static_cast<std::int64_t>(properties.totalGlobalMem);
    }
    return static_cast<int>(code);
}

void synchronise() {
    cudaDeviceSynchronize();
}

std::int64_t peakMemory() {
    using namespace c10::cuda::CUDACachingAllocator;
    return getDeviceStats(c10::cuda::current_device()).reserved_bytes[0].peak;
}

void resetPeakMemory() {
    c10::cuda::CUDACachingAllocator::emptyCache();
    c10::cuda::CUDACachingAllocator::resetPeakStats(c10::cuda::current_device());
}

const char* errorText(int code) {
    return cudaGetErrorString(static_cast<cudaError_t>(code));
}

constexpr limn::gpu::Plugin kPlugin = {
    limn::gpu::kPluginVersion,
    &limn::gpu::planScan,
    &limn::gpu::scanForward,
    &limn::gpu::scanBackwardSizes,
    &limn::gpu::scanBackward,
    &limn::gpu::sumPartialBc,
    &limn::gpu::sumFour,
    &limn::gpu::depthwiseSiluForward,
    &limn::gpu::depthwisePartials,
    &limn::gpu::depthwiseSiluBackward,
    &limn::gpu::normGateForward,
    &limn::gpu::normGatePartials,
    &limn::gpu::normGateBackward,
    &currentStream,
    &multiprocessors,
    &deviceName,
    &synchronise,
    &peakMemory,
    &resetPeakMemory,
    &errorText,
};

} // namespace

extern "C" __attribute__((visibility("default"))) const limn::gpu::Plugin* limnCudaPlugin() {
    return &kPlugin;
}
