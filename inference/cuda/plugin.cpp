// SPDX-License-Identifier: GPL-3.0-or-later
// Fills the table of plugin.h. The only file of the CUDA library that sees LibTorch.
#include "inference/cuda/plugin.h"

#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdio>
#include <map>
#include <memory>

namespace {

limn::gpu::Stream currentStream() {
    return c10::cuda::getCurrentCUDAStream().stream();
}

limn::gpu::GpuShape shapeOf(const cudaDeviceProp& properties) {
    limn::gpu::GpuShape shape;
    shape.multiprocessors = properties.multiProcessorCount;
    shape.clusters = properties.major >= 9;
    shape.sharedBytes = static_cast<int>(properties.sharedMemPerBlockOptin);
    limn::gpu::countActiveClusters(shape);
    return shape;
}

limn::gpu::GpuShape shape() {
    thread_local std::map<int, limn::gpu::GpuShape> shapes; // asking takes longer than a kernel
    const int device = c10::cuda::current_device();
    const auto known = shapes.find(device);
    if (known != shapes.end())
        return known->second;
    return shapes[device] = shapeOf(*at::cuda::getCurrentDeviceProperties());
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

int clockKilohertz() {
    int value = 0;
    cudaDeviceGetAttribute(&value, cudaDevAttrClockRate, c10::cuda::current_device());
    return value;
}

double memoryBytesPerSecond() {
    int kilohertz = 0;
    int bits = 0;
    const int device = c10::cuda::current_device();
    cudaDeviceGetAttribute(&kilohertz, cudaDevAttrMemoryClockRate, device);
    cudaDeviceGetAttribute(&bits, cudaDevAttrGlobalMemoryBusWidth, device);
    return 2.0 * kilohertz * 1000.0 * bits / 8.0; // two transfers a clock
}

// Graphs share a pool while at least one lives; LibTorch refuses a pool whose last graph is gone, so the next
// graph after that begins a new one. Recording is for one thread at a time.
at::cuda::MempoolId_t graphPool = {0, 0};
int liveGraphs = 0;

void* captureGraph(void (*body)(void*), void* context, char* error, std::size_t capacity) {
    constexpr int kWarmUps = 3;
    if (liveGraphs == 0)
        graphPool = at::cuda::graph_pool_handle();
    std::unique_ptr<at::cuda::CUDAGraph> graph;
    const char* phase = "before recording";
    try {
        cudaDeviceSynchronize();
        const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool());
        for (int i = 0; i < kWarmUps; ++i)
            body(context);
        cudaDeviceSynchronize();
        // The graph's memory comes from a pool of its own: what the plain runs held would stand idle beside
        // it.
        c10::cuda::CUDACachingAllocator::emptyCache();
        graph = std::make_unique<at::cuda::CUDAGraph>();
        phase = "at the start of recording";
        graph->capture_begin(graphPool, cudaStreamCaptureModeThreadLocal);
        phase = "while recording";
        try {
            body(context);
        } catch (...) {
            // LibTorch's random generators stay in recording mode until the recording is ended.
            try {
                graph->capture_end();
            } catch (const std::exception&) {
                cudaGetLastError();
            }
            throw;
        }
        phase = "at the end of recording";
        graph->capture_end();
        ++liveGraphs;
        return graph.release();
    } catch (const std::exception& failure) {
        std::snprintf(error, capacity, "%s: %s", phase, failure.what());
        cudaGetLastError();
        return nullptr;
    }
}

int replayGraph(void* graph) {
    try {
        static_cast<at::cuda::CUDAGraph*>(graph)->replay();
        return 0;
    } catch (const std::exception&) {
        const cudaError_t code = cudaGetLastError();
        return static_cast<int>(code != cudaSuccess ? code : cudaErrorUnknown);
    }
}

void releaseGraph(void* graph) {
    delete static_cast<at::cuda::CUDAGraph*>(graph);
    --liveGraphs;
}

double timeOnDevice(void (*body)(void*), void* context) {
    at::cuda::CUDAEvent begin(cudaEventDefault);
    at::cuda::CUDAEvent end(cudaEventDefault);
    begin.record();
    body(context);
    end.record();
    end.synchronize();
    return begin.elapsed_time(end);
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
    &limn::gpu::sumPartialProjected,
    &limn::gpu::depthwiseSiluForward,
    &limn::gpu::depthwisePartials,
    &limn::gpu::depthwiseSiluBackward,
    &limn::gpu::normGateForward,
    &limn::gpu::normPartials,
    &limn::gpu::normGateBackward,
    &limn::gpu::layerNormForward,
    &limn::gpu::layerNormBackward,
    &limn::gpu::patchEmbed,
    &limn::gpu::addNorm,
    &limn::gpu::mergeNorm,
    &limn::gpu::isSmallProduct,
    &limn::gpu::smallProduct,
    &limn::gpu::isSmallProductNorm,
    &limn::gpu::smallProductNorm,
    &limn::gpu::planHeadScratch,
    &limn::gpu::headForward,
    &currentStream,
    &shape,
    &deviceName,
    &synchronise,
    &peakMemory,
    &resetPeakMemory,
    &clockKilohertz,
    &memoryBytesPerSecond,
    &captureGraph,
    &replayGraph,
    &releaseGraph,
    &timeOnDevice,
    &errorText,
};

} // namespace

extern "C" __attribute__((visibility("default"))) const limn::gpu::Plugin* limnCudaPlugin() {
    return &kPlugin;
}
