// SPDX-License-Identifier: GPL-3.0-or-later
// Times of the network on one device, all ratios from one run. No LibTorch type here.
#pragma once

#include "io/core/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace limn {

struct BenchmarkOptions {
    std::string model; // a checkpoint; empty: random weights of the released size
    std::string device = "auto";
    std::string precision = "auto"; // as EngineOptions::precision
    int batch = 1;
    int inputSize = 256;
    int runs = 30;           // counted runs, at least 20; three more go before
    int threads = 0;         // processor threads; 0: all
    bool training = false;   // also a training step: forward, loss, backward, AdamW
    bool sequential = false; // also the scan one step after the other in double precision (the definition)
    bool scaling = false;    // processor: also the network at 2, 4 and 8 times the side (4096 at most)
};

struct Times {
    double medianMs = 0.0;
    double minimumMs = 0.0;
    double maximumMs = 0.0;
};

struct StageScan {
    std::int64_t length = 0;
    std::int64_t channels = 0;
    int blocks = 0; // of the network that have this shape
    Times forward;  // one block, the whole batch
};

// The network at another input size, in fewer runs.
struct SizeTimes {
    int inputSize = 0;
    Times network;
    std::int64_t peakMemoryBytes = 0; // the most that the process had in memory during these runs
};

struct BenchmarkReport {
    std::string device;
    std::string precision;
    int threads = 0;            // of the processor; 0 on a GPU
    std::string instructionSet; // that the scan chose on the processor, such as "AVX2"; empty on a GPU
    int batch = 0;
    int inputSize = 0;
    // GPU: why runs could not be recorded and were timed launch by launch; empty: they were recorded.
    std::string recordingFailure;
    // GPU: replays of a recorded graph, eight one after the other between two events, so that the device does
    // not wait for the processor. Image to probabilities; processor: to logits.
    Times network;
    Times withoutScan;   // the same network with the scan left out
    Times productsAlone; // its matrix products and convolutions alone, one after the other
    Times scansAlone;    // the scans of all blocks alone
    std::vector<StageScan> stages;
    std::vector<SizeTimes> scaling; // empty unless asked for
    Times trainingForward;          // forward with gradients to come; these three are 0 unless asked for
    Times forwardBackward;          // forward, loss, backward
    Times trainingStep;             // the same and AdamW
    double sequentialScanMs = 0.0;  // 0 unless asked for: all scans of one image, by the definition
    double imagesPerSecond = 0.0;   // from the median
    // GPU: of LibTorch's allocator. Processor: the most that the process had in memory until the end of the
    // network's runs, and during training.
    std::int64_t peakMemoryBytes = 0;
    std::int64_t trainingPeakMemoryBytes = 0;
    // Roofline, for the whole batch.
    double multiplyAdds = 0.0;       // of products and convolutions
    double scanStates = 0.0;         // each needs one exponential
    double exponentialLimitMs = 0.0; // GPU: all of them on the special-function units; 0 on the processor
    // GPU: bytes of the arrays between the encoder's steps, each written once and read once by each step that
    // wants it, of the weights, and of what the decoder reads of the encoder; and the time that they take at
    // the memory's rate. 0 on the processor. Small arrays stay in the second cache, so a batch of one can be
    // faster.
    double bytes = 0.0;
    double memoryLimitMs = 0.0;
};

// Errors: InvalidArgument, DeviceNotAvailable, OutOfMemory, ComputationFailed and those of reading a
// checkpoint.
Result<BenchmarkReport> benchmark(const BenchmarkOptions& options);

} // namespace limn
