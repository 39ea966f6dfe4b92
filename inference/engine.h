// SPDX-License-Identifier: GPL-3.0-or-later
// The engine: an Image in, a Proposal out. The one header of inference/ that app/ needs; it names no LibTorch
// type.
//
//     Result<std::unique_ptr<Engine>> engine = Engine::load("dermoscopy.safetensors", {});
//     Result<Proposal> proposal = (*engine)->predict(image, PredictOptions{});
//
// Threads: an Engine is used by one thread at a time (one inference thread in the program); different engines
// may run in different threads. A CancelToken may be set from any thread. Results depend on the image, the
// model, the device and the options alone, never on what ran before.
#pragma once

#include "io/core/image.h"
#include "io/core/result.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace limn {

// Who made a proposal; goes into every export.
struct ModelIdentity {
    std::string name;   // "dermoscopy", or the file's stem
    std::string sha256; // of the checkpoint file, 64 lower-case hexadecimal digits

    bool operator==(const ModelIdentity&) const = default;
};

enum class ResizeMode {
    Antialias, // triangle filter widened by the scale when shrinking
    Plain,     // two-tap bilinear, as the released Python code does it
};

// A set flag makes predict() and run() return ErrorCode::Cancelled at the next stage, on the processor also
// in the middle of the network; predictBatch() keeps what it has finished and returns Cancelled for the rest.
class CancelToken {
public:
    void cancel() { m_cancelled.store(true, std::memory_order_relaxed); }
    bool cancelled() const { return m_cancelled.load(std::memory_order_relaxed); }

private:
    std::atomic<bool> m_cancelled{false};
};
// Whether a token that may be missing is set.
inline bool wasCancelled(const CancelToken* token) {
    return token != nullptr && token->cancelled();
}

struct PredictOptions {
    int inputSize = 256; // the image is squashed to inputSize x inputSize; 32..4096
    ResizeMode resize = ResizeMode::Antialias;
    bool flipAverage = false;   // mean over the four mirrorings, with their spread
    std::optional<Rect> region; // only this part of the image (clipped to it); empty: the whole image
};

struct StageTimes {
    double preprocessMs = 0.0;
    double networkMs = 0.0;
    double postprocessMs = 0.0;
};

// The probability map that a model made of an image or a region of it. Never changed afterwards.
struct Proposal {
    Rect extent;                    // in image pixels; the whole image unless a region was asked for
    ProbabilityMap probability;     // extent.width x extent.height
    FloatMap network;               // the network's own resolution (inputSize x inputSize), [0, 1]
    std::optional<FloatMap> spread; // network's resolution: standard deviation over the mirrorings
    ModelIdentity model;
    PredictOptions options;
    std::string device;    // "cpu", "cuda:0"
    std::string precision; // "fp32", "tf32", "bf16"
    StageTimes times;
    float defaultThreshold = 0.5f;  // the model's own
    std::vector<std::string> notes; // sentences, such as a fall-back to the processor
};

using ProposalPtr = std::shared_ptr<const Proposal>;

// What a checkpoint says of itself; read without loading the network.
struct ModelInfo {
    ModelIdentity identity;
    std::string path;
    std::vector<int> depths; // VSS blocks of each stage, such as 2, 2, 9, 2
    int inputChannels = 3;
    int classes = 1;
    std::string taps;                // "stage-inputs" or "stage-outputs"
    std::int64_t parameters = 0;     // stored in the file
    std::int64_t liveParameters = 0; // that reach the output
    std::string precision;           // of the stored numbers: "fp32", "fp16", ...
    float defaultThreshold = 0.5f;
    std::vector<std::pair<std::string, std::string>> facts; // training facts of our own files
    // Which tensors are missing or mis-shaped, so that no network can be loaded from the file; empty: none.
    std::string mismatch;
};

struct DeviceInfo {
    std::string id;   // "cpu", "cuda:0": what EngineOptions::device takes
    std::string name; // "AMD EPYC, 2 threads, AVX2", "NVIDIA H100 80GB HBM3"
    bool usable = true;
    std::string reason; // why it is not usable
    std::int64_t memoryBytes = 0;
};

// The processor first, then GPUs; where no GPU can be used, one entry "cuda" says why.
std::vector<DeviceInfo> listDevices();

struct EngineOptions {
    std::string device = "auto";    // "auto" (a usable GPU, else the processor), "cpu", "cuda", "cuda:N"
    std::string precision = "auto"; // GPU: "fp32", "tf32", "bf16"; the processor computes in fp32
    int threads = 0;                // processor threads; 0: as many as there are cores
};

class Engine {
public:
    // Reads a checkpoint (.safetensors or .pth) of a network for colour images: three input channels. What it
    // holds is checked before a network is made. Errors: FileNotFound, CheckpointInvalid, CheckpointMismatch,
    // DeviceNotAvailable, OutOfMemory.
    static Result<std::unique_ptr<Engine>> load(const std::string& path, const EngineOptions& options);

    virtual ~Engine() = default;

    virtual const ModelInfo& model() const = 0;
    // Any thread. Another one from the moment on when the processor takes over from a GPU.
    virtual DeviceInfo device() const = 0;

    // Runs once on `batch` (1..1024) empty inputs, so that the first real image does not pay for start-up.
    // Errors: InvalidArgument (input size, batch), OutOfMemory, ComputationFailed.
    virtual Result<void> warmUp(int inputSize, int batch) = 0;

    // Errors: InvalidArgument (empty region, input size), OutOfMemory, ComputationFailed, Cancelled.
    virtual Result<Proposal> predict(const Image& image, const PredictOptions& options,
                                     const CancelToken* cancel = nullptr) = 0;

    // One result per image, in order; all with the same options. A failure of one does not touch the others.
    virtual std::vector<Result<Proposal>> predictBatch(std::span<const ImagePtr> images,
                                                       const PredictOptions& options,
                                                       const CancelToken* cancel = nullptr) = 0;

    // The two outer stages alone, so that a pipeline can run them on other threads beside the network:
    // thread-safe. preprocess() gives inputSize * inputSize * 3 floats (planes R, G, B; 0..255).
    virtual Result<std::vector<float>> preprocess(const Image& image,
                                                  const PredictOptions& options) const = 0;
    // Network only: inputs of preprocess() of equal size; one map (probabilities) per input.
    virtual Result<std::vector<FloatMap>> run(std::span<const std::vector<float>> inputs,
                                              const PredictOptions& options,
                                              const CancelToken* cancel = nullptr) = 0;
    // Network map to image resolution.
    virtual Proposal finish(const Image& image, FloatMap network, const PredictOptions& options) const = 0;

    // Sentences about what was done otherwise than asked since the engine was loaded: fewer images at once,
    // or the processor instead of a GPU. Not while a run is going on.
    virtual std::vector<std::string> notes() const { return {}; }
};

// Reads what a checkpoint holds, without making a network of it.
Result<ModelInfo> readModelInfo(const std::string& path);

} // namespace limn
