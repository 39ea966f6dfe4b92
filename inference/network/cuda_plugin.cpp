// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/cuda_plugin.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/util/Exception.h>

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace limn {

namespace {

std::filesystem::path folderOf(const void* address) {
    Dl_info info{};
    if (dladdr(address, &info) == 0 || info.dli_fname == nullptr)
        return {};
    std::error_code ignored;
    return std::filesystem::absolute(info.dli_fname, ignored).parent_path();
}

CudaSupport load() {
    CudaSupport support;
    const char* disabled = std::getenv("LIMN_DISABLE_CUDA");
    if (disabled != nullptr && disabled[0] == '1') {
        support.reason = "LIMN_DISABLE_CUDA=1 is set";
        return support;
    }
    // The driver comes first: without it, loading hundreds of megabytes of CUDA libraries would be for
    // nothing.
    if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_GLOBAL) == nullptr) {
        support.reason = "no NVIDIA driver was found (libcuda.so.1 is missing)";
        return support;
    }
    // LibTorch's allocator then grows what it holds page by page, in place of keeping blocks of past sizes: a
    // quarter less memory for a training step. It reads this when it first allocates; a person's own choice
    // stays.
    if (std::getenv("PYTORCH_CUDA_ALLOC_CONF") == nullptr && std::getenv("PYTORCH_ALLOC_CONF") == nullptr)
        setenv("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", 0);
    const std::filesystem::path torchFolder = folderOf(reinterpret_cast<const void*>(&at::globalContext));
    for (const char* name : {"libc10_cuda.so", "libtorch_cuda.so"}) {
        if (dlopen(name, RTLD_NOW | RTLD_GLOBAL) != nullptr)
            continue;
        if (dlopen((torchFolder / name).c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
            support.reason = std::string("LibTorch's CUDA half could not be loaded: ") + dlerror();
            return support;
        }
    }
    const std::filesystem::path ownFolder = folderOf(reinterpret_cast<const void*>(&cudaSupport));
    std::vector<std::filesystem::path> places = {ownFolder / "liblimn_cuda.so",
                                                 ownFolder / "../lib/limn/liblimn_cuda.so",
                                                 ownFolder / "../inference/cuda/liblimn_cuda.so"};
    if (const char* given = std::getenv("LIMN_CUDA_LIBRARY"))
        places.insert(places.begin(), given);
    void* library = nullptr;
    std::string lastError = "it was not found beside the program";
    for (const auto& place : places) {
        std::error_code ignored;
        if (!std::filesystem::exists(place, ignored))
            continue;
        library = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library != nullptr)
            break;
        lastError = dlerror();
    }
    if (library == nullptr) {
        support.reason = "the library liblimn_cuda.so could not be loaded: " + lastError;
        return support;
    }
    const auto entry = reinterpret_cast<gpu::PluginEntry>(dlsym(library, gpu::kPluginEntry));
    const gpu::Plugin* plugin = entry != nullptr ? entry() : nullptr;
    if (plugin == nullptr || plugin->version != gpu::kPluginVersion) {
        support.reason = "liblimn_cuda.so belongs to another version of this program";
        return support;
    }
    try {
        support.devices = at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
    } catch (const std::exception& failure) {
        support.reason = failure.what();
        return support;
    }
    if (support.devices == 0) {
        support.reason = "the NVIDIA driver reports no GPU";
        return support;
    }
    support.plugin = plugin;
    return support;
}

} // namespace

const CudaSupport& cudaSupport() {
    static const CudaSupport support = load();
    return support;
}

void checkLaunch(int code, const char* kernel) {
    TORCH_CHECK(code == 0, "the GPU kernel ", kernel,
                " could not be started: ", cudaSupport().plugin->errorText(code));
}

} // namespace limn
