// SPDX-License-Identifier: GPL-3.0-or-later
// Finds and loads the CUDA library and LibTorch's CUDA half at run time. Thread-safe; loaded once, never
// unloaded.
#pragma once

#include "inference/cuda/plugin.h"

#include <string>

namespace limn {

struct CudaSupport {
    const gpu::Plugin* plugin = nullptr; // null: not usable
    std::string reason;                  // why not, as a sentence's end: "no NVIDIA driver was found"
    int devices = 0;
};

// Loads on the first call, which must come before anything else asks LibTorch about CUDA (its settings for
// TF32 do): LibTorch looks for its CUDA half once, and it is there only after this. LIMN_DISABLE_CUDA=1 in
// the environment keeps everything on the processor.
const CudaSupport& cudaSupport();

// Throws c10::Error naming the kernel where a launcher of the plugin (which must be there) gave an error
// code.
void checkLaunch(int code, const char* kernel);

} // namespace limn
