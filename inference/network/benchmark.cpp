// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/benchmark.h"

#include "inference/network/cuda_plugin.h"
#include "inference/network/device.h"
#include "inference/network/graph_runner.h"
#include "inference/network/ss2d_core.h"
#include "inference/scan/linear.h"
#include "inference/scan/selective_scan.h"
#include "inference/training/loss.h"
#include "io/core/resident_memory.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/utils.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>

namespace limn {

namespace {

using at::Tensor;
using Clock = std::chrono::steady_clock;

constexpr int kLargestInput = 4096;
constexpr int kWarmUps = 3;
constexpr int kInputSets = 4; // rotated, so that no run finds its input in a cache
constexpr int kScansInGraph = 10;
constexpr int kRunsInRow = 8;
constexpr int kSpecialFunctionsPerClock = 16; // results a clock and multiprocessor (Volta to Hopper)

Times timesOf(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    Times times;
    times.medianMs = n % 2 == 1 ? values[n / 2] : 0.5 * (values[n / 2 - 1] + values[n / 2]);
    times.minimumMs = values.front();
    times.maximumMs = values.back();
    return times;
}

class Bench {
public:
    Bench(const BenchmarkOptions& options, c10::Device device) : m_options(options), m_device(device) {}
    Result<BenchmarkReport> run();

private:
    // One timed call: by events on a GPU, by the clock on the processor.
    double timed(const std::function<void()>& body) const;
    Times repeated(const std::function<void(int)>& body) const {
        return repeated(m_options.runs, kWarmUps, body);
    }
    Times repeated(int runs, int warmUps, const std::function<void(int)>& body) const;
    // On a GPU the body is recorded once and replayed.
    Times repeatedBackToBack(const std::function<void(int)>& body) const;
    Times repeatedGraph(const std::function<void()>& body) const;
    Tensor random(at::IntArrayRef shape) const {
        return at::randn(shape, at::TensorOptions().device(m_device));
    }
    void timeProducts(BenchmarkReport& report, const NetworkConfig& config, at::ScalarType type);
    void timeScans(BenchmarkReport& report, const NetworkConfig& config, at::ScalarType type);
    void timeScaling(BenchmarkReport& report, VmUnetV2& network);
    void timeTraining(BenchmarkReport& report, const NetworkConfig& config);

    BenchmarkOptions m_options;
    c10::Device m_device;
};

double Bench::timed(const std::function<void()>& body) const {
    if (m_device.is_cuda())
        return cudaSupport().plugin->timeOnDevice(
            [](void* context) { (*static_cast<const std::function<void()>*>(context))(); },
            const_cast<std::function<void()>*>(&body));
    const auto start = Clock::now();
    body();
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Times Bench::repeated(int runs, int warmUps, const std::function<void(int)>& body) const {
    std::vector<double> values;
    for (int i = -warmUps; i < runs; ++i) {
        const double ms = timed([&] { body((i + warmUps) % kInputSets); });
        if (i >= 0)
            values.push_back(ms);
    }
    return timesOf(values);
}

Times divided(Times times, int by) {
    times.medianMs /= by;
    times.minimumMs /= by;
    times.maximumMs /= by;
    return times;
}

// Of recorded runs several between two events, as images come one after the other: the device does not wait
// for the processor to start them.
Times Bench::repeatedBackToBack(const std::function<void(int)>& body) const {
    const int times = m_device.is_cuda() ? kRunsInRow : 1;
    return divided(repeated([&](int set) {
                       for (int i = 0; i < times; ++i)
                           body((set + i) % kInputSets);
                   }),
                   times);
}

Times Bench::repeatedGraph(const std::function<void()>& body) const {
    if (!m_device.is_cuda())
        return repeated([&](int) { body(); });
    const gpu::Plugin* plugin = cudaSupport().plugin;
    char reason[1024] = {};
    void* graph = plugin->captureGraph(
        [](void* context) {
            const c10::InferenceMode inference;
            (*static_cast<const std::function<void()>*>(context))();
        },
        const_cast<std::function<void()>*>(&body), reason, sizeof reason);
    if (graph == nullptr)
        return repeated([&](int) { body(); });
    const Times times = repeatedBackToBack([&](int) { plugin->replayGraph(graph); });
    plugin->releaseGraph(graph);
    return times;
}

// The shapes of one stage at an input size.
struct Stage {
    std::int64_t rows; // pixels of one image
    std::int64_t side;
    std::int64_t channels; // model width
    std::int64_t rank;
    int blocks;
};

std::vector<Stage> stagesOf(const NetworkConfig& config, int inputSize) {
    std::vector<Stage> stages;
    const int count = config.taps == Taps::StageOutputs ? 4 : 3;
    std::int64_t side = (inputSize + 31) / 32 * 8;
    for (int i = 0; i < count; ++i, side /= 2)
        stages.push_back({side * side, side, kStageChannels[i], kStageRanks[i], config.depths[i]});
    return stages;
}

// See BenchmarkReport::bytes. element: bytes of a number between the steps of a block.
double bytesOf(const NetworkConfig& config, int inputSize, double batch, double element) {
    constexpr double kFloat = sizeof(float);
    double total = 0.0;
    for (const Stage& s : stagesOf(config, inputSize)) {
        const auto channels = static_cast<double>(s.channels);
        const double inner = 2.0 * channels;
        const double projected = 4.0 * (static_cast<double>(s.rank) + 2.0 * kStateSize);
        const double sumAndNorm =
            channels * (2.0 * kFloat + 2.0 * element); // x and branch in, x and result out
        const double inProjection = element * (channels + 2.0 * inner);
        const double convolution = element * 2.0 * inner;
        const double projection = element * inner + kFloat * projected;
        const double scan = element * 5.0 * inner + kFloat * projected; // one part of y per direction
        const double gate = element * 6.0 * inner;
        const double outProjection = element * (inner + channels);
        const double block =
            batch * static_cast<double>(s.rows) *
            (sumAndNorm + inProjection + convolution + projection + scan + gate + outProjection);
        const double weights = element * inner * (3.0 * channels + projected) +
                               kFloat * inner * (9.0 + 4.0 * (static_cast<double>(s.rank) + kStateSize));
        const double features = 2.0 * kFloat * batch * static_cast<double>(s.rows) * channels;
        total += s.blocks * (block + weights) + features;
    }
    return total;
}

void Bench::timeProducts(BenchmarkReport& report, const NetworkConfig& config, at::ScalarType type) {
    const std::int64_t n = m_options.batch;
    std::vector<std::function<void()>> work;
    double multiplyAdds = 0.0;
    const auto product = [&](std::int64_t rows, std::int64_t in, std::int64_t out, int times) {
        const Tensor a = random({n * rows, in}).to(type);
        const Tensor b = random({out, in}).to(type);
        if (m_device.is_cpu()) {
            // On the processor convolutions are products too, by the same kernel as in the network.
            const auto packed = std::make_shared<const PackedWeights>(b.const_data_ptr<float>(), out, in);
            Tensor result = at::empty({n * rows, out}, a.options());
            LinearRows problem;
            problem.rows = n * rows;
            problem.x = a.const_data_ptr<float>();
            problem.xStride = in;
            problem.out = result.mutable_data_ptr<float>();
            problem.outStride = out;
            for (int i = 0; i < times; ++i)
                work.push_back([a, result, packed, problem] {
                    linearForwardCpu(problem, *packed, at::get_num_threads());
                });
        }
        for (int i = 0; i < times && !m_device.is_cpu(); ++i)
            work.push_back([a, b] { at::mm(a, b.t()); });
        multiplyAdds += static_cast<double>(n * rows * in * out * times);
    };
    const auto convolution = [&](std::int64_t in, std::int64_t out, std::int64_t side, std::int64_t kernel,
                                 std::int64_t stride, std::int64_t groups, int times) {
        if (m_device.is_cpu() && groups == 1) {
            product(side * side / (stride * stride), in * kernel * kernel, out, times);
            return;
        }
        const Tensor x = random({n, in, side, side}).to(type).contiguous(at::MemoryFormat::ChannelsLast);
        const Tensor w = random({out, in / groups, kernel, kernel}).to(type);
        const std::int64_t padding = stride == kernel ? 0 : kernel / 2;
        if (m_device.is_cpu()) {
            const Tensor bias = random({out});
            Tensor result = at::empty({n, side, side, out}, x.options());
            for (int i = 0; i < times; ++i)
                work.push_back([=]() mutable {
                    depthwiseSiluForwardCpu(n, side, side, out, x.const_data_ptr<float>(), in,
                                            w.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                                            result.mutable_data_ptr<float>(), at::get_num_threads());
                });
        }
        for (int i = 0; i < times && !m_device.is_cpu(); ++i)
            work.push_back([=] {
                at::conv2d(x, w, {}, at::IntArrayRef{stride, stride}, at::IntArrayRef{padding, padding},
                           at::IntArrayRef{1, 1}, groups);
            });
        const std::int64_t outSide = side / stride;
        multiplyAdds +=
            static_cast<double>(n * outSide * outSide * out * (in / groups) * kernel * kernel * times);
    };
    const std::vector<Stage> stages = stagesOf(config, m_options.inputSize);
    const std::int64_t first = stages.front().side;
    convolution(config.inputChannels, kStageChannels[0], first * 4, 4, 4, 1, 1);
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const Stage& s = stages[i];
        const std::int64_t inner = 2 * s.channels;
        product(s.rows, s.channels, 2 * inner, s.blocks);
        convolution(inner, inner, s.side, 3, 1, inner, s.blocks);
        product(s.rows, inner, 4 * (s.rank + 2 * kStateSize), s.blocks);
        product(s.rows, inner, s.channels, s.blocks);
        if (i < 3)
            product(s.rows / 4, 4 * s.channels, 2 * s.channels, 1);
    }
    for (int level = 0; level < 4; ++level) {
        const std::int64_t side = std::max<std::int64_t>(1, first >> level);
        convolution(kStageChannels[level], kDecoderChannels, side, 1, 1, 1, 1);
        convolution(kDecoderChannels, kDecoderChannels, side, 3, 1, 1, 4);
        if (level > 0 && m_device.is_cpu()) {
            product(side * side, 4 * kDecoderChannels, kDecoderChannels, 4); // one for each parity of (y, x)
        } else if (level > 0) {
            const Tensor x = random({n, kDecoderChannels, side, side}).to(type);
            const Tensor w = random({kDecoderChannels, kDecoderChannels, 4, 4}).to(type);
            work.push_back([=] {
                at::conv_transpose2d(x, w, {}, at::IntArrayRef{2, 2}, at::IntArrayRef{1, 1});
            });
            multiplyAdds += static_cast<double>(n * side * side * kDecoderChannels * kDecoderChannels * 16);
        }
    }
    report.productsAlone = repeatedGraph([&] {
        for (const auto& each : work)
            each();
    });
    report.multiplyAdds = multiplyAdds;
}

void Bench::timeScans(BenchmarkReport& report, const NetworkConfig& config, at::ScalarType type) {
    struct Prepared {
        Tensor u, projected, dtWeight, dtBias, rates, skip, parts;
        ScanShape shape;
    };
    const auto runOne = [this](Prepared& p) {
        const auto in = [](const Tensor& t) { return t.const_data_ptr<float>(); };
        if (!m_device.is_cuda()) {
            selectiveScanForwardCpu(
                p.shape, {in(p.u), in(p.projected), in(p.dtWeight), in(p.dtBias), in(p.rates), in(p.skip)},
                p.parts.mutable_data_ptr<float>(), at::get_num_threads());
            return;
        }
        const gpu::Plugin* plugin = cudaSupport().plugin;
        gpu::ScanProblem problem;
        problem.batch = static_cast<int>(p.shape.batch);
        problem.height = static_cast<int>(p.shape.height);
        problem.width = static_cast<int>(p.shape.width);
        problem.channels = static_cast<int>(p.shape.channels);
        problem.rank = static_cast<int>(p.shape.rank);
        problem.rankStride = problem.rank;
        problem.element = p.u.scalar_type() == at::kBFloat16 ? gpu::Element::BFloat16 : gpu::Element::Float32;
        problem.u = p.u.const_data_ptr();
        problem.projected = in(p.projected);
        problem.dtWeight = in(p.dtWeight);
        problem.dtBias = in(p.dtBias);
        problem.a = in(p.rates);
        problem.d = in(p.skip);
        const gpu::ScanPlan plan = plugin->planScan(problem, plugin->shape(), false);
        const int code =
            plugin->scanForward(problem, plan, p.parts.mutable_data_ptr(), nullptr, plugin->currentStream());
        TORCH_CHECK(code == 0, plugin->errorText(code));
    };
    std::vector<Prepared> all;
    std::vector<int> blocks;
    for (const Stage& s : stagesOf(config, m_options.inputSize)) {
        Prepared p;
        p.shape.batch = m_options.batch;
        p.shape.height = p.shape.width = s.side;
        p.shape.channels = 2 * s.channels;
        p.shape.rank = p.shape.rankStride = s.rank;
        const std::int64_t rows = p.shape.batch * s.rows;
        p.u = random({rows, p.shape.channels}).to(type);
        p.projected = random({rows, p.shape.projectedWidth()});
        p.dtWeight = random({4, p.shape.channels, s.rank}).mul_(0.2);
        p.dtBias = random({4, p.shape.channels}).sub_(4.0);
        p.rates = random({4 * p.shape.channels, kStateSize}).exp_().neg_();
        p.skip = random({4 * p.shape.channels});
        p.parts = at::empty({m_device.is_cuda() ? 4 : 1, rows, p.shape.channels}, p.u.options());
        StageScan stage;
        stage.length = s.rows;
        stage.channels = p.shape.channels;
        stage.blocks = s.blocks;
        // One scan of a small image takes little more than starting a graph.
        const int times = m_device.is_cuda() ? kScansInGraph : 1;
        stage.forward = divided(repeatedGraph([&] {
                                    for (int i = 0; i < times; ++i)
                                        runOne(p);
                                }),
                                times);
        report.stages.push_back(stage);
        report.scanStates += static_cast<double>(rows * p.shape.channels * 4 * kStateSize * s.blocks);
        if (m_options.sequential && !m_device.is_cuda()) {
            ScanShape single = p.shape;
            single.batch = 1;
            std::vector<float> y(static_cast<std::size_t>(s.rows * p.shape.channels));
            const auto in = [](const Tensor& t) { return t.const_data_ptr<float>(); };
            const double ms = timed([&] {
                selectiveScanForwardReference(
                    single, {in(p.u), in(p.projected), in(p.dtWeight), in(p.dtBias), in(p.rates), in(p.skip)},
                    y.data());
            });
            report.sequentialScanMs += ms * s.blocks;
        }
        all.push_back(std::move(p));
        blocks.push_back(s.blocks);
    }
    report.scansAlone = repeatedGraph([&] {
        for (std::size_t i = 0; i < all.size(); ++i)
            for (int block = 0; block < blocks[i]; ++block)
                runOne(all[i]);
    });
}

void Bench::timeScaling(BenchmarkReport& report, VmUnetV2& network) {
    constexpr int kRuns = 20; // over the factor: the largest takes seconds
    constexpr int kLeastRuns = 3;
    for (const int factor : {2, 4, 8}) {
        SizeTimes size;
        size.inputSize = m_options.inputSize * factor;
        if (size.inputSize > kLargestInput)
            break;
        resetPeakResidentBytes();
        const Tensor images =
            at::rand({m_options.batch, network->config().inputChannels, size.inputSize, size.inputSize},
                     at::TensorOptions().device(m_device))
                .mul_(255.0);
        size.network =
            repeated(std::max(kLeastRuns, kRuns / factor), 1, [&](int) { network->forward(images); });
        size.peakMemoryBytes = peakResidentBytes();
        report.scaling.push_back(size);
    }
}

void Bench::timeTraining(BenchmarkReport& report, const NetworkConfig& config) {
    VmUnetV2 network(VmUnetV2Options{config, 0.2, false});
    network->initialise(1);
    network->to(m_device);
    network->train();
    const std::int64_t side = m_options.inputSize;
    std::vector<Tensor> parameters = network->parameters();
    std::vector<Tensor> first, second, counts;
    for (const Tensor& p : parameters) {
        first.push_back(at::zeros_like(p));
        second.push_back(at::zeros_like(p));
        counts.push_back(at::zeros({}, p.options()));
    }
    std::vector<Tensor> images, targets;
    for (int i = 0; i < kInputSets; ++i) {
        images.push_back(at::rand({m_options.batch, config.inputChannels, side, side},
                                  at::TensorOptions().device(m_device))
                             .mul_(255.0));
        targets.push_back(
            at::rand({m_options.batch, config.classes, side, side}, at::TensorOptions().device(m_device))
                .round_());
    }
    if (m_device.is_cuda())
        cudaSupport().plugin->resetPeakMemory();
    else
        resetPeakResidentBytes();
    report.trainingForward = repeated([&](int set) { network->forward(images[set]); });
    report.forwardBackward = repeated([&](int set) {
        for (Tensor& p : parameters)
            p.mutable_grad() = Tensor();
        const LossParts parts = segmentationLoss(network->forward(images[set]).logits, targets[set]);
        (parts.bce + parts.dice).backward();
    });
    report.trainingStep = repeated([&](int set) {
        for (Tensor& p : parameters)
            p.mutable_grad() = Tensor();
        const LossParts parts = segmentationLoss(network->forward(images[set]).logits, targets[set]);
        (parts.bce + parts.dice).backward();
        const torch::NoGradGuard noGradients;
        std::vector<Tensor> gradients;
        for (const Tensor& p : parameters)
            gradients.push_back(p.grad());
        at::_foreach_add_(counts, 1.0);
        at::_fused_adamw_(parameters, gradients, first, second, {}, counts, 1e-3, 0.9, 0.999, 1e-2, 1e-8,
                          false, false);
    });
    report.trainingPeakMemoryBytes =
        m_device.is_cuda() ? cudaSupport().plugin->peakMemory() : peakResidentBytes();
}

Result<BenchmarkReport> Bench::run() {
    BenchmarkReport report;
    report.device = describeDevice(m_device).name;
    if (m_device.is_cpu()) {
        report.threads = at::get_num_threads();
        report.instructionSet = scanInstructionSet();
    }
    report.batch = m_options.batch;
    report.inputSize = m_options.inputSize;

    VmUnetV2Options networkOptions;
    TensorFile file;
    if (!m_options.model.empty()) {
        Result<TensorFile> read = readCheckpoint(m_options.model);
        if (!read)
            return read.error();
        const Result<NetworkConfig> config = configOf(*read);
        if (!config)
            return config.error();
        if (Result<void> fits = checkAgainst(*config, *read); !fits) // before a network is made
            return fits.error();
        networkOptions.config = *config;
        file = std::move(*read);
    }
    const Result<std::string> precision =
        choosePrecision(m_options.precision, m_device, networkOptions.config);
    if (!precision)
        return precision.error();
    report.precision = *precision;
    const bool fused = *precision == "bf16";
    at::globalContext().setAllowTF32CuBLAS(*precision != "fp32");
    at::globalContext().setAllowTF32CuDNN(*precision != "fp32");
    VmUnetV2 network(networkOptions);
    network->initialise(1);
    if (!m_options.model.empty())
        if (Result<void> loaded = loadWeights(network, file); !loaded)
            return loaded.error();
    network->eval();
    for (Tensor& parameter : network->parameters())
        parameter.requires_grad_(false);
    network->to(m_device);
    if (m_device.is_cpu())
        network->packForProcessor();

    {
        const c10::InferenceMode inference;
        std::vector<Tensor> inputs;
        for (int i = 0; i < kInputSets; ++i)
            inputs.push_back(at::rand({m_options.batch, networkOptions.config.inputChannels,
                                       m_options.inputSize, m_options.inputSize},
                                      at::TensorOptions().device(m_device))
                                 .mul_(255.0));
        if (m_device.is_cuda()) {
            cudaSupport().plugin->resetPeakMemory();
            GraphRunner graphs(network, fused);
            report.network = repeatedBackToBack([&](int set) { graphs.probabilities(inputs[set]); });
            report.peakMemoryBytes = cudaSupport().plugin->peakMemory();
            report.recordingFailure = graphs.failure();
        } else {
            report.network = repeated([&](int set) { network->forward(inputs[set]); });
            report.peakMemoryBytes = peakResidentBytes();
            if (m_options.scaling)
                timeScaling(report, network);
        }
        const ScanLeftOut leftOut;
        GraphRunner graphs(network, fused);
        report.withoutScan = repeatedBackToBack([&](int set) {
            if (m_device.is_cuda())
                graphs.probabilities(inputs[set]);
            else
                network->forward(inputs[set]);
        });
    }
    {
        const c10::InferenceMode inference;
        timeProducts(report, networkOptions.config, fused ? at::kBFloat16 : at::kFloat);
        timeScans(report, networkOptions.config, fused ? at::kBFloat16 : at::kFloat);
    }
    if (m_options.training)
        timeTraining(report, networkOptions.config);
    report.imagesPerSecond = 1000.0 * m_options.batch / report.network.medianMs;
    if (m_device.is_cuda()) {
        const gpu::Plugin* plugin = cudaSupport().plugin;
        const double perMs = static_cast<double>(kSpecialFunctionsPerClock) *
                             plugin->shape().multiprocessors * plugin->clockKilohertz();
        report.exponentialLimitMs = perMs > 0.0 ? report.scanStates / perMs : 0.0;
        report.bytes =
            bytesOf(networkOptions.config, m_options.inputSize, m_options.batch, fused ? 2.0 : 4.0);
        const double bytesPerMs = plugin->memoryBytesPerSecond() / 1000.0;
        report.memoryLimitMs = bytesPerMs > 0.0 ? report.bytes / bytesPerMs : 0.0;
    }
    return report;
}

} // namespace

Result<BenchmarkReport> benchmark(const BenchmarkOptions& options) {
    const auto refuse = [](const char* what, int found, const char* allowed) {
        return Error{ErrorCode::InvalidArgument, {what, std::to_string(found), allowed}};
    };
    if (options.batch < 1 || options.batch > 1024)
        return refuse("The batch size", options.batch, "1 to 1024");
    if (options.inputSize < 32 || options.inputSize > kLargestInput)
        return refuse("The input size", options.inputSize, "32 to 4096");
    if (options.runs < 20)
        return refuse("The number of runs", options.runs, "at least 20");
    const Result<c10::Device> device = resolveDevice(options.device);
    if (!device)
        return device.error();
    try {
        if (options.threads > 0)
            at::set_num_threads(options.threads);
        return Bench(options, *device).run();
    } catch (const c10::OutOfMemoryError&) {
        return Error{
            ErrorCode::OutOfMemory,
            {"a batch of " + std::to_string(options.batch), "use a smaller --batch or --input-size"}};
    } catch (const std::exception& failure) {
        const std::string text = failure.what();
        return Error{ErrorCode::ComputationFailed, {"The benchmark", text.substr(0, text.find('\n'))}};
    }
}

} // namespace limn
