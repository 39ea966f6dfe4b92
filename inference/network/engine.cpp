// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/engine.h"

#include "inference/network/device.h"
#include "inference/network/graph_runner.h"
#include "inference/network/vm_unet_v2.h"
#include "inference/plain/groups.h"
#include "inference/plain/resample.h"
#include "inference/plain/suitable_batch.h"
#include "inference/scan/thread_pool.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

namespace limn {

namespace {

using at::Tensor;
using Clock = std::chrono::steady_clock;

constexpr int kImageChannels = 3;
constexpr int kLargestWarmUp = 1024; // images at once

double millisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string firstLine(const std::exception& failure) {
    const std::string text = failure.what();
    return text.substr(0, text.find('\n'));
}

Rect extentOf(const Image& image, const PredictOptions& options) {
    const Rect whole{0, 0, image.size.width, image.size.height};
    return options.region ? intersected(*options.region, whole) : whole;
}

Result<void> checkRequest(const Image& image, const PredictOptions& options) {
    if (Result<void> valid = checkInputSize(options.inputSize); !valid)
        return valid;
    if (image.size.pixels() == 0 || image.rgb.size() != image.size.pixels() * 3)
        return Error{ErrorCode::InvalidArgument, {"The image", "empty", "at least one pixel"}};
    if (extentOf(image, options).empty())
        return Error{ErrorCode::InvalidArgument, {"The region", "outside the image", "a part of it"}};
    return {};
}

struct NetworkMaps {
    std::vector<FloatMap> probability;
    std::vector<FloatMap> spread; // with flipAverage
    std::vector<std::string> notes;
};

// Where the network computes, and in which numbers: "fp32", "tf32" or "bf16".
struct Place {
    DeviceInfo device;
    std::string precision;
};

class TorchEngine final : public Engine {
public:
    // fallBack: why the device is the processor though a GPU was asked for; empty: it is what was asked for.
    TorchEngine(ModelInfo model, VmUnetV2 network, c10::Device device, DeviceInfo deviceInfo,
                std::string precision, std::string fallBack)
        : m_model(std::move(model))
        , m_network(std::move(network))
        , m_device(device)
        , m_place{std::move(deviceInfo), std::move(precision)}
        , m_fallBack(std::move(fallBack)) {}

    const ModelInfo& model() const override { return m_model; }
    DeviceInfo device() const override { return place().device; }
    Result<void> warmUp(int inputSize, int batch) override;
    Result<Proposal> predict(const Image& image, const PredictOptions& options,
                             const CancelToken* cancel) override;
    std::vector<Result<Proposal>> predictBatch(std::span<const ImagePtr> images,
                                               const PredictOptions& options,
                                               const CancelToken* cancel) override;
    Result<std::vector<float>> preprocess(const Image& image, const PredictOptions& options) const override;
    Result<std::vector<FloatMap>> run(std::span<const std::vector<float>> inputs,
                                      const PredictOptions& options, const CancelToken* cancel) override;
    Proposal finish(const Image& image, FloatMap network, const PredictOptions& options) const override;
    std::vector<std::string> notes() const override;

private:
    Result<NetworkMaps> runMaps(std::span<const std::vector<float>> inputs, const PredictOptions& options,
                                const CancelToken* cancel);
    // One group of inGroups(): appends its maps.
    Result<GroupOutcome> runGroup(std::span<const std::vector<float>> inputs, const PredictOptions& options,
                                  const CancelToken* cancel, NetworkMaps& maps);
    Result<void> moveToProcessor(GroupOutcome outcome);
    // predictBatch() of some images; results are in their order.
    void predictSome(std::span<const ImagePtr> images, const PredictOptions& options,
                     const CancelToken* cancel, std::span<Result<Proposal>> results);
    Place place() const {
        const std::scoped_lock lock(m_placeMutex);
        return m_place;
    }
    Tensor probabilities(const Tensor& images, const CancelToken* cancel);

    ModelInfo m_model;
    VmUnetV2 m_network;
    c10::Device m_device; // of the thread that runs the network
    mutable std::mutex m_placeMutex;
    Place m_place;                         // written when the GPU is given up; finish() reads it meanwhile
    std::unique_ptr<GraphRunner> m_graphs; // on a GPU
    std::string m_fallBack;      // why the processor took over from the GPU, as a sentence; empty: it did not
    std::string m_deviceFailure; // what the device said last
    std::vector<std::string> m_notes; // of groups that were too large
    int m_largestSide = 0;            // the input size that m_largestGroup is for
    std::size_t m_largestGroup = 0;   // images that fit the GPU at once; 0: all so far
};

// Not to be used where `cancel` asks by then: the processor stops in the middle.
Tensor TorchEngine::probabilities(const Tensor& images, const CancelToken* cancel) {
    const c10::InferenceMode inference;
    // Global switches of LibTorch: set before every run, so that another engine's choice does not matter.
    const std::string precision = place().precision;
    at::globalContext().setAllowTF32CuBLAS(precision != "fp32");
    at::globalContext().setAllowTF32CuDNN(precision != "fp32");
    if (!m_device.is_cuda()) {
        const scan::StopWhen stop([cancel] { return cancel != nullptr && cancel->cancelled(); });
        Tensor map = m_network->forward(images).logits.contiguous();
        float* values = map.mutable_data_ptr<float>();
        // Not LibTorch's: its threads would spin beside those that read and write images.
        std::transform(values, values + map.numel(), values,
                       [](float logit) { return 1.0f / (1.0f + std::exp(-logit)); });
        return map;
    }
    if (!m_graphs)
        m_graphs = std::make_unique<GraphRunner>(m_network, precision == "bf16");
    return m_graphs->probabilities(images).to(at::kCPU).contiguous();
}

Result<NetworkMaps> TorchEngine::runMaps(std::span<const std::vector<float>> inputs,
                                         const PredictOptions& options, const CancelToken* cancel) {
    const int side = options.inputSize;
    NetworkMaps maps;
    if (side != m_largestSide) {
        m_largestSide = side;
        m_largestGroup = 0;
    }
    const std::size_t fitted = m_largestGroup;
    const Result<void> all = inGroups(
        inputs.size(), m_largestGroup,
        [&](std::size_t first, std::size_t size) {
            return runGroup(inputs.subspan(first, size), options, cancel, maps);
        },
        [this](GroupOutcome outcome) { return moveToProcessor(outcome); });
    if (!all)
        return all.error();
    if (m_largestGroup != fitted && m_fallBack.empty())
        m_notes.push_back("Too little GPU memory for " + std::to_string(inputs.size()) +
                          " images at once: they are run " + std::to_string(m_largestGroup) + " at a time.");
    if (!m_fallBack.empty())
        maps.notes.push_back(m_fallBack);
    return maps;
}

Result<GroupOutcome> TorchEngine::runGroup(std::span<const std::vector<float>> inputs,
                                           const PredictOptions& options, const CancelToken* cancel,
                                           NetworkMaps& maps) {
    const std::int64_t side = options.inputSize;
    const std::size_t values = static_cast<std::size_t>(side) * side * 3;
    if (cancel != nullptr && cancel->cancelled())
        return Error{ErrorCode::Cancelled, {"The proposal"}};
    try {
        const c10::InferenceMode inference;
        Tensor images = at::empty({static_cast<std::int64_t>(inputs.size()), 3, side, side}, at::kFloat);
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            if (inputs[i].size() != values)
                return Error{ErrorCode::InvalidArgument,
                             {"The prepared input", std::to_string(inputs[i].size()) + " values",
                              std::to_string(values) + " values"}};
            std::copy(inputs[i].begin(), inputs[i].end(), images.data_ptr<float>() + i * values);
        }
        std::vector<Tensor> runs;
        const std::vector<std::vector<std::int64_t>> mirrorings =
            options.flipAverage ? std::vector<std::vector<std::int64_t>>{{}, {3}, {2}, {2, 3}}
                                : std::vector<std::vector<std::int64_t>>{{}};
        for (const auto& axes : mirrorings) {
            const Tensor map = probabilities(axes.empty() ? images : images.flip(axes), cancel);
            if (cancel != nullptr && cancel->cancelled())
                return Error{ErrorCode::Cancelled, {"The proposal"}};
            runs.push_back(axes.empty() ? map : map.flip(axes));
        }
        const Tensor all = options.flipAverage ? at::stack(runs) : Tensor();
        const Tensor mean = options.flipAverage ? all.mean(0).contiguous() : runs.front();
        const Tensor deviation = options.flipAverage ? all.std(0, false).contiguous() : Tensor();
        const auto mapOf = [&](const Tensor& tensor, std::size_t i) {
            FloatMap map;
            map.size = {static_cast<int>(side), static_cast<int>(side)};
            // One class; of several the first is the proposal.
            const Tensor plane = tensor.select(0, static_cast<std::int64_t>(i)).select(0, 0).contiguous();
            map.values.assign(plane.const_data_ptr<float>(), plane.const_data_ptr<float>() + plane.numel());
            return map;
        };
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            maps.probability.push_back(mapOf(mean, i));
            if (options.flipAverage)
                maps.spread.push_back(mapOf(deviation, i));
        }
        return GroupOutcome::Done;
    } catch (const c10::OutOfMemoryError&) {
        if (m_device.is_cuda()) {
            m_graphs.reset();
            return GroupOutcome::OutOfMemory;
        }
    } catch (const std::bad_alloc&) {
    } catch (const std::exception& failure) {
        m_deviceFailure = firstLine(failure);
        if (m_device.is_cuda())
            return GroupOutcome::DeviceFailed;
        return Error{ErrorCode::ComputationFailed, {"The network", m_deviceFailure}};
    }
    return Error{ErrorCode::OutOfMemory,
                 {"a network input of " + std::to_string(side) + " x " + std::to_string(side),
                  "choose a smaller input size"}};
}

// What was finished is kept; the rest, and all later runs, go to the processor.
Result<void> TorchEngine::moveToProcessor(GroupOutcome outcome) {
    try {
        const c10::InferenceMode inference;
        m_graphs.reset();
        m_network->to(c10::Device(c10::kCPU));
        m_network->packForProcessor();
    } catch (const std::exception& failure) {
        return Error{ErrorCode::ComputationFailed, {"The GPU", firstLine(failure)}};
    }
    m_fallBack = outcome == GroupOutcome::OutOfMemory
                     ? "Too little GPU memory: this run uses the processor and takes longer."
                     : "The GPU failed (" + m_deviceFailure + "): the processor goes on from here.";
    m_device = c10::Device(c10::kCPU);
    m_largestGroup = 0;
    Place processor{describeDevice(m_device), "fp32"};
    const std::scoped_lock lock(m_placeMutex);
    m_place = std::move(processor);
    return {};
}

std::vector<std::string> TorchEngine::notes() const {
    std::vector<std::string> all = m_notes;
    if (!m_fallBack.empty())
        all.push_back(m_fallBack);
    return all;
}

Result<std::vector<float>> TorchEngine::preprocess(const Image& image, const PredictOptions& options) const {
    if (Result<void> valid = checkRequest(image, options); !valid)
        return valid.error();
    return limn::preprocess(image, options);
}

Result<std::vector<FloatMap>> TorchEngine::run(std::span<const std::vector<float>> inputs,
                                               const PredictOptions& options, const CancelToken* cancel) {
    Result<NetworkMaps> maps = runMaps(inputs, options, cancel);
    if (!maps)
        return maps.error();
    return std::move(maps->probability);
}

Proposal TorchEngine::finish(const Image& image, FloatMap network, const PredictOptions& options) const {
    Proposal proposal;
    proposal.extent = extentOf(image, options);
    const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    proposal.probability =
        toProbabilityMap(network, {proposal.extent.width, proposal.extent.height}, threads);
    proposal.network = std::move(network);
    proposal.model = m_model.identity;
    proposal.options = options;
    const Place where = place();
    proposal.device = where.device.id;
    proposal.precision = where.precision;
    proposal.defaultThreshold = m_model.defaultThreshold;
    return proposal;
}

Result<Proposal> TorchEngine::predict(const Image& image, const PredictOptions& options,
                                      const CancelToken* cancel) {
    const auto start = Clock::now();
    Result<std::vector<float>> input = preprocess(image, options);
    if (!input)
        return input.error();
    const double preprocessMs = millisecondsSince(start);
    const auto networkStart = Clock::now();
    Result<NetworkMaps> maps = runMaps({&*input, 1}, options, cancel);
    if (!maps)
        return maps.error();
    const double networkMs = millisecondsSince(networkStart);
    const auto finishStart = Clock::now();
    Proposal proposal = finish(image, std::move(maps->probability.front()), options);
    if (options.flipAverage)
        proposal.spread = std::move(maps->spread.front());
    proposal.notes = std::move(maps->notes);
    proposal.times = {preprocessMs, networkMs, millisecondsSince(finishStart)};
    return proposal;
}

std::vector<Result<Proposal>> TorchEngine::predictBatch(std::span<const ImagePtr> images,
                                                        const PredictOptions& options,
                                                        const CancelToken* cancel) {
    std::vector<Result<Proposal>> results(images.size(), Error{ErrorCode::Cancelled, {"The proposal"}});
    // Each image is ready, and the next can be cancelled, before all are.
    const int batch = suitableBatch(m_device.is_cuda() ? "cuda" : "cpu", std::max(1, options.inputSize),
                                    at::get_num_threads());
    for (std::size_t first = 0; first < images.size() && !wasCancelled(cancel);) {
        const std::size_t some = std::min(images.size() - first, static_cast<std::size_t>(batch));
        predictSome(images.subspan(first, some), options, cancel, std::span(results).subspan(first, some));
        first += some;
    }
    return results;
}

void TorchEngine::predictSome(std::span<const ImagePtr> images, const PredictOptions& options,
                              const CancelToken* cancel, std::span<Result<Proposal>> results) {
    std::vector<std::vector<float>> inputs;
    std::vector<std::size_t> places;
    std::vector<double> preprocessMs;
    for (std::size_t i = 0; i < images.size(); ++i) {
        const auto start = Clock::now();
        Result<std::vector<float>> input =
            images[i] ? preprocess(*images[i], options)
                      : Result<std::vector<float>>(
                            Error{ErrorCode::InvalidArgument, {"The image", "missing", "an image"}});
        if (!input) {
            results[i] = input.error();
            continue;
        }
        inputs.push_back(std::move(*input));
        places.push_back(i);
        preprocessMs.push_back(millisecondsSince(start));
    }
    if (inputs.empty())
        return;
    const auto start = Clock::now();
    Result<NetworkMaps> maps = runMaps(inputs, options, cancel);
    const double networkMs = millisecondsSince(start) / static_cast<double>(inputs.size());
    if (!maps && inputs.size() > 1 && maps.error().code != ErrorCode::Cancelled) {
        // One of them may be to blame.
        for (std::size_t i = 0; i < images.size(); ++i)
            predictSome(images.subspan(i, 1), options, cancel, results.subspan(i, 1));
        return;
    }
    for (std::size_t j = 0; j < places.size(); ++j) {
        if (!maps) {
            results[places[j]] = maps.error();
            continue;
        }
        const auto finishStart = Clock::now();
        Proposal proposal = finish(*images[places[j]], std::move(maps->probability[j]), options);
        if (options.flipAverage)
            proposal.spread = std::move(maps->spread[j]);
        proposal.notes = maps->notes;
        proposal.times = {preprocessMs[j], networkMs, millisecondsSince(finishStart)};
        results[places[j]] = std::move(proposal);
    }
}

Result<void> TorchEngine::warmUp(int inputSize, int batch) {
    PredictOptions options;
    options.inputSize = inputSize;
    if (Result<void> valid = checkInputSize(options.inputSize); !valid)
        return valid;
    if (batch < 1 || batch > kLargestWarmUp)
        return Error{ErrorCode::InvalidArgument,
                     {"The batch size", std::to_string(batch), "1 to " + std::to_string(kLargestWarmUp)}};
    try {
        const std::size_t values = static_cast<std::size_t>(inputSize) * inputSize * 3;
        const std::vector<std::vector<float>> inputs(static_cast<std::size_t>(batch),
                                                     std::vector<float>(values, 0.0f));
        const Result<NetworkMaps> maps = runMaps(inputs, options, nullptr);
        if (!maps)
            return maps.error();
        return {};
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory,
                     {std::to_string(batch) + " empty inputs of " + std::to_string(inputSize) + " x " +
                          std::to_string(inputSize),
                      "choose a smaller batch or input size"}};
    }
}

} // namespace

Result<std::unique_ptr<Engine>> Engine::load(const std::string& path, const EngineOptions& options) {
    const Result<c10::Device> device = resolveDevice(options.device);
    if (!device)
        return device.error();
    Result<ModelInfo> info = readModelInfo(path);
    if (!info)
        return info.error();
    const Result<TensorFile> file = readCheckpoint(path);
    if (!file)
        return file.error();
    const Result<NetworkConfig> config = configOf(*file);
    if (!config)
        return config.error();
    if (config->inputChannels != kImageChannels)
        return Error{ErrorCode::CheckpointMismatch,
                     {path, "it takes images of " + std::to_string(config->inputChannels) +
                                (config->inputChannels == 1 ? " channel" : " channels") +
                                ", and pictures have three, red, green and blue"}};
    if (Result<void> fits = checkAgainst(*config, *file); !fits) // before a network is made
        return fits.error();
    const Result<std::string> precision = choosePrecision(options.precision, *device, *config);
    if (!precision)
        return precision.error();
    try {
        if (options.threads > 0)
            at::set_num_threads(options.threads);
        // Weights are ordinary tensors made outside inference mode, so that any thread may use them.
        const auto networkOn = [&](c10::Device target) -> Result<VmUnetV2> {
            VmUnetV2 network(VmUnetV2Options{*config, 0.0, false});
            if (Result<void> loaded = loadWeights(network, *file); !loaded)
                return loaded.error();
            network->eval();
            for (at::Tensor& parameter : network->parameters())
                parameter.requires_grad_(false);
            network->to(target);
            if (target.is_cpu())
                network->packForProcessor();
            return network;
        };
        const auto engineOf = [&](VmUnetV2 network, c10::Device target, std::string numbers,
                                  std::string fallBack) -> std::unique_ptr<Engine> {
            return std::make_unique<TorchEngine>(std::move(*info), std::move(network), target,
                                                 describeDevice(target), std::move(numbers),
                                                 std::move(fallBack));
        };
        std::string gpuFailure;
        try {
            Result<VmUnetV2> network = networkOn(*device);
            if (!network)
                return network.error();
            return engineOf(std::move(*network), *device, *precision, {});
        } catch (const std::exception& failure) {
            if (device->is_cpu())
                throw;
            gpuFailure = firstLine(failure);
        }
        // Such as a GPU whose memory other programs have taken.
        const c10::Device processor(c10::kCPU);
        Result<VmUnetV2> network = networkOn(processor);
        if (!network)
            return network.error();
        return engineOf(std::move(*network), processor, "fp32",
                        "The GPU cannot take the network (" + gpuFailure +
                            "): this run uses the processor and takes longer.");
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory, {"the network's weights", path}};
    } catch (const std::exception& failure) {
        return Error{ErrorCode::ComputationFailed, {"Loading " + path, firstLine(failure)}};
    }
}

} // namespace limn
