// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/training/train.h"

#include "inference/network/cuda_plugin.h"
#include "inference/network/device.h"
#include "inference/network/vm_unet_v2.h"
#include "inference/plain/metrics.h"
#include "inference/plain/resample.h"
#include "inference/training/batches.h"
#include "inference/training/curve.h"
#include "inference/training/loss.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numbers>

namespace limn {

namespace {

using at::Tensor;
using Clock = std::chrono::steady_clock;

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;
constexpr int kPaperPeriod = 50; // epochs; CosineAnnealingLR's T_max
constexpr int kCheckEvery = 10;  // steps between looks at the loss; each look waits for the device
constexpr double kReportSeconds = 5.0;

double secondsSince(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string threeDigits(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g", value);
    return text;
}

// Batch bytes to what the network takes: each picture stretched to 0..255 by its own least and greatest
// value.
Tensor stretched(const Tensor& bytes) {
    Tensor images = bytes.to(at::kFloat);
    const Tensor low = images.amin({1, 2, 3}, true);
    const Tensor span = images.amax({1, 2, 3}, true) - low;
    return (images - low) * (255.0 / span.clamp_min(1.0));
}

class Trainer {
public:
    Trainer(const TrainingSet& set, const TrainOptions& options, TrainObserver& observer, c10::Device device)
        : m_set(set), m_options(options), m_observer(observer), m_device(device), m_maker(set, options) {}

    Result<void> prepare();
    Result<TrainReport> run();

private:
    double learningRateAt(std::int64_t step) const;
    void applyGradients(double learningRate);
    Tensor lossOf(const Batch& batch);
    ValidationScores validate(int side);
    Result<void> saveState();
    Result<void> restoreState(const TensorFile& file);
    Result<void> saveBest();

    const TrainingSet& m_set;
    const TrainOptions& m_options;
    TrainObserver& m_observer;
    c10::Device m_device;
    BatchMaker m_maker;
    VmUnetV2 m_network{nullptr};
    VmUnetV2 m_averaged{nullptr}; // the same network with averaged weights; validation and shipping use it
    std::vector<std::string> m_names;
    std::vector<Tensor> m_parameters, m_firstMoments, m_secondMoments, m_counts;
    std::vector<std::size_t> m_decayed, m_undecayed; // indices into the lists above
    std::int64_t m_step = 0;
    double m_secondsBefore = 0.0; // of earlier pieces of this run
    ValidationScores m_best;
    int m_bestEpoch = 0;
    std::vector<CurvePoint> m_curve;
};

Result<void> Trainer::prepare() {
    VmUnetV2Options network;
    network.config = m_options.config;
    network.dropPath = m_options.dropPath;
    network.allOutputs = m_options.headWeight > 0.0;
    m_network = VmUnetV2(network);
    m_network->initialise(m_options.seed);

    const std::filesystem::path folder(m_options.outputFolder);
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
        return Error{ErrorCode::FileNotWritable, {m_options.outputFolder, failure.message()}};

    if (!m_options.initialModel.empty()) {
        const Result<TensorFile> file = readCheckpoint(m_options.initialModel);
        if (!file)
            return file.error();
        if (Result<void> loaded = loadWeights(m_network, *file); !loaded)
            return loaded;
    }
    m_network->to(m_device);
    m_averaged = VmUnetV2(network);
    m_averaged->to(m_device);
    m_averaged->eval();

    for (const auto& item : m_network->named_parameters()) {
        const bool isMatrix = item.value().dim() > 1 && !item.key().ends_with("A_logs");
        (m_options.decayEverything || isMatrix ? m_decayed : m_undecayed).push_back(m_parameters.size());
        m_names.push_back(item.key());
        m_parameters.push_back(item.value());
        m_firstMoments.push_back(at::zeros_like(item.value()));
        m_secondMoments.push_back(at::zeros_like(item.value()));
        m_counts.push_back(at::zeros({}, item.value().options()));
    }
    const torch::NoGradGuard noGradients;
    const auto averaged = m_averaged->named_parameters();
    for (std::size_t i = 0; i < m_parameters.size(); ++i)
        averaged[m_names[i]].copy_(m_parameters[i]);

    const std::string last = (folder / "last.safetensors").string();
    if (m_options.resume && std::filesystem::exists(last)) {
        const Result<TensorFile> state = readSafetensors(last);
        if (!state)
            return state.error();
        return restoreState(*state);
    }
    return {};
}

double Trainer::learningRateAt(std::int64_t step) const {
    const double high = m_options.learningRate;
    const double low = m_options.finalLearningRate;
    if (static_cast<double>(step) < m_options.warmUpSteps)
        return high * static_cast<double>(step + 1) / m_options.warmUpSteps;
    double phase = 0.0;
    if (m_options.cosineOverWholeRun) {
        const double total = static_cast<double>(m_maker.totalSteps()) - m_options.warmUpSteps;
        phase = (static_cast<double>(step) - m_options.warmUpSteps) / std::max(1.0, total);
    } else {
        phase = static_cast<double>(step / m_maker.stepsPerEpoch()) / kPaperPeriod;
    }
    return low + 0.5 * (high - low) * (1.0 + std::cos(std::numbers::pi * phase));
}

Tensor Trainer::lossOf(const Batch& batch) {
    const Tensor bytes = at::from_blob(const_cast<std::uint8_t*>(batch.planes.data()),
                                       {batch.count, 3, batch.side, batch.side}, at::kByte);
    const Tensor masks = at::from_blob(const_cast<std::uint8_t*>(batch.masks.data()),
                                       {batch.count, 1, batch.side, batch.side}, at::kByte);
    const Tensor images = stretched(bytes.to(m_device));
    Tensor target = masks.to(m_device).to(at::kFloat).div_(255.0);
    if (m_options.boundaryWeight <= 0.0)
        target = target.ge(0.5).to(at::kFloat);
    const VmUnetV2Impl::Output output = m_network->forward(images);
    const LossParts main = m_options.boundaryWeight > 0.0
                               ? segmentationLoss(output.logits, target, m_options.boundaryWeight)
                               : releasedLoss(output.logits, target);
    Tensor loss = main.bce + main.dice;
    for (const Tensor& head : output.heads) {
        const Tensor small = at::adaptive_avg_pool2d(target, {head.size(2), head.size(3)});
        const LossParts parts = segmentationLoss(head, small);
        loss = loss + m_options.headWeight * (parts.bce + parts.dice);
    }
    return loss;
}

void Trainer::applyGradients(double learningRate) {
    const torch::NoGradGuard noGradients;
    std::vector<Tensor> gradients;
    for (Tensor& parameter : m_parameters)
        gradients.push_back(parameter.grad().defined() ? parameter.grad() : at::zeros_like(parameter));
    if (m_options.gradientClip > 0.0) {
        // On the device throughout: no wait for the norm.
        const Tensor norm = at::stack(at::_foreach_norm(gradients, 2.0)).norm();
        at::_foreach_mul_(gradients, (m_options.gradientClip / (norm + 1e-6)).clamp_max(1.0));
    }
    at::_foreach_add_(m_counts, 1.0);
    const auto update = [&](const std::vector<std::size_t>& indices, double decay) {
        if (indices.empty())
            return;
        std::vector<Tensor> values, grads, first, second, counts;
        for (const std::size_t i : indices) {
            values.push_back(m_parameters[i]);
            grads.push_back(gradients[i]);
            first.push_back(m_firstMoments[i]);
            second.push_back(m_secondMoments[i]);
            counts.push_back(m_counts[i]);
        }
        at::_fused_adamw_(values, grads, first, second, {}, counts, learningRate, kBeta1, kBeta2, decay,
                          kEpsilon, false, false);
    };
    update(m_decayed, m_options.weightDecay);
    update(m_undecayed, 0.0);
    for (Tensor& parameter : m_parameters)
        parameter.mutable_grad() = Tensor();

    const double steps = static_cast<double>(m_step);
    // Early averages would remember the random start for long: the decay grows as (1 + n) / (10 + n).
    const double decay =
        m_options.averaging > 0.0 ? std::min(m_options.averaging, (1.0 + steps) / (10.0 + steps)) : 0.0;
    at::_foreach_lerp_(m_averaged->parameters(), m_network->parameters(), 1.0 - decay);
    const auto buffers = m_averaged->named_buffers();
    for (const auto& item : m_network->named_buffers())
        buffers[item.key()].copy_(item.value());
}

ValidationScores Trainer::validate(int side) {
    const torch::NoGradGuard noGradients;
    ValidationScores scores;
    if (m_set.validation.empty())
        return scores;
    const std::size_t pixels = static_cast<std::size_t>(side) * side;
    const int batchSize = std::max(1, std::min<int>(m_options.batch, 32));
    Confusion confusion;
    double lossSum = 0.0;
    for (std::size_t begin = 0; begin < m_set.validation.size(); begin += batchSize) {
        const std::size_t count = std::min<std::size_t>(batchSize, m_set.validation.size() - begin);
        std::vector<float> planes(pixels * 3 * count);
        std::vector<float> masks(pixels * count);
        at::parallel_for(0, static_cast<std::int64_t>(count), 1, [&](std::int64_t from, std::int64_t to) {
            for (std::int64_t i = from; i < to; ++i)
                plainSample(m_set.validation[begin + i], side, {planes.data() + i * pixels * 3, pixels * 3},
                            {masks.data() + i * pixels, pixels});
        });
        const auto n = static_cast<std::int64_t>(count);
        const Tensor images = at::from_blob(planes.data(), {n, 3, side, side}, at::kFloat).to(m_device);
        const Tensor target =
            at::from_blob(masks.data(), {n, 1, side, side}, at::kFloat).to(m_device).ge(0.5);
        const Tensor logits = m_averaged->forward(images).logits;
        const LossParts parts = segmentationLoss(logits, target.to(at::kFloat));
        lossSum += (parts.bce + parts.dice).item<double>() * static_cast<double>(count);
        const Tensor inside = logits.ge(0.0);
        const auto number = [](const Tensor& mask) {
            return static_cast<std::uint64_t>(mask.sum().item<std::int64_t>());
        };
        Confusion part;
        part.truePositive = number(inside & target);
        part.falsePositive = number(inside & ~target);
        part.falseNegative = number(~inside & target);
        part.trueNegative = pixels * count - part.truePositive - part.falsePositive - part.falseNegative;
        confusion += part;
    }
    scores.dsc = confusion.dsc();
    scores.miou = confusion.miou();
    scores.loss = lossSum / static_cast<double>(m_set.validation.size());
    return scores;
}

Result<void> Trainer::saveState() {
    TensorFile file = storeWeights(m_network);
    const auto add = [&file](const std::string& name, const Tensor& value) {
        const Tensor copy = value.detach().to(at::kCPU).contiguous();
        file.tensors.push_back(StoredTensor::fromFloat(
            name, copy.sizes().vec(), {copy.data_ptr<float>(), static_cast<std::size_t>(copy.numel())}));
    };
    const auto averaged = m_averaged->named_parameters();
    for (std::size_t i = 0; i < m_names.size(); ++i) {
        add("optimizer.first." + m_names[i], m_firstMoments[i]);
        add("optimizer.second." + m_names[i], m_secondMoments[i]);
        add("averaged." + m_names[i], averaged[m_names[i]]);
    }
    file.metadata["format"] = "limn-training-state";
    file.metadata["taps"] = std::string(nameOf(m_options.config.taps));
    file.metadata["step"] = std::to_string(m_step);
    file.metadata["steps_per_epoch"] = std::to_string(m_maker.stepsPerEpoch());
    file.metadata["epochs"] = std::to_string(m_options.epochs);
    file.metadata["seed"] = std::to_string(m_options.seed);
    file.metadata["seconds"] = std::to_string(m_secondsBefore);
    file.metadata["best_epoch"] = std::to_string(m_bestEpoch);
    file.metadata["best_dsc"] = std::to_string(m_best.dsc);
    file.metadata["best_miou"] = std::to_string(m_best.miou);
    file.metadata["best_loss"] = std::to_string(m_best.loss);
    // Random numbers on the device (drop path) go on where they were.
    const at::Generator generator = at::globalContext().defaultGenerator(m_device);
    const Tensor random = generator.get_state().to(at::kCPU).to(at::kFloat);
    file.tensors.push_back(
        StoredTensor::fromFloat("random_state", random.sizes().vec(),
                                {random.data_ptr<float>(), static_cast<std::size_t>(random.numel())}));
    return writeSafetensors((std::filesystem::path(m_options.outputFolder) / "last.safetensors").string(),
                            file);
}

Result<void> Trainer::restoreState(const TensorFile& file) {
    const auto fact = [&file](const char* key) {
        const auto found = file.metadata.find(key);
        return found == file.metadata.end() ? std::string() : found->second;
    };
    for (const auto& [key, wanted] : {std::pair<const char*, std::string>{"format", "limn-training-state"},
                                      {"steps_per_epoch", std::to_string(m_maker.stepsPerEpoch())},
                                      {"epochs", std::to_string(m_options.epochs)},
                                      {"seed", std::to_string(m_options.seed)},
                                      {"taps", std::string(nameOf(m_options.config.taps))}}) {
        if (fact(key) != wanted)
            return Error{ErrorCode::CheckpointMismatch,
                         {file.source, std::string("its ") + key + " is '" + fact(key) +
                                           "', this run's is '" + wanted +
                                           "'; resume with the settings that the run began with"}};
    }
    if (Result<void> loaded = loadWeights(m_network, file); !loaded)
        return loaded;
    const torch::NoGradGuard noGradients;
    std::string missing;
    const auto copyInto = [&](const std::string& name, const Tensor& target) {
        const StoredTensor* stored = file.find(name);
        if (stored == nullptr || stored->shape != target.sizes().vec()) {
            missing = name;
            return;
        }
        Tensor values = at::empty(target.sizes(), at::kFloat);
        stored->copyTo({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
        target.copy_(values);
    };
    const auto averaged = m_averaged->named_parameters();
    m_step = std::strtoll(fact("step").c_str(), nullptr, 10);
    for (std::size_t i = 0; i < m_names.size(); ++i) {
        copyInto("optimizer.first." + m_names[i], m_firstMoments[i]);
        copyInto("optimizer.second." + m_names[i], m_secondMoments[i]);
        copyInto("averaged." + m_names[i], averaged[m_names[i]]);
        m_counts[i].fill_(static_cast<double>(m_step));
    }
    const auto buffers = m_averaged->named_buffers();
    for (const auto& item : m_network->named_buffers())
        buffers[item.key()].copy_(item.value());
    if (!missing.empty())
        return Error{ErrorCode::CheckpointInvalid, {file.source, "it lacks the tensor " + missing}};
    if (const StoredTensor* random = file.find("random_state")) {
        at::Generator generator = at::globalContext().defaultGenerator(m_device);
        Tensor values = at::empty(random->shape, at::kFloat);
        random->copyTo({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
        if (generator.get_state().numel() == values.numel())
            generator.set_state(values.to(at::kByte));
    }
    m_secondsBefore = std::strtod(fact("seconds").c_str(), nullptr);
    m_bestEpoch = static_cast<int>(std::strtol(fact("best_epoch").c_str(), nullptr, 10));
    m_best.dsc = std::strtod(fact("best_dsc").c_str(), nullptr);
    m_best.miou = std::strtod(fact("best_miou").c_str(), nullptr);
    m_best.loss = std::strtod(fact("best_loss").c_str(), nullptr);
    m_curve = readCurve((std::filesystem::path(m_options.outputFolder) / "metrics.csv").string(),
                        static_cast<int>(m_step / m_maker.stepsPerEpoch()));
    return {};
}

Result<void> Trainer::saveBest() {
    std::map<std::string, std::string> facts = m_options.facts;
    facts["epoch"] = std::to_string(m_bestEpoch);
    facts["step"] = std::to_string(m_step);
    facts["validation_dsc"] = threeDigits(m_best.dsc);
    facts["validation_miou"] = threeDigits(m_best.miou);
    facts["training_samples"] = std::to_string(m_set.training.size());
    facts["validation_samples"] = std::to_string(m_set.validation.size());
    facts["batch"] = std::to_string(m_options.batch);
    facts["input_size"] = std::to_string(m_options.inputSize);
    facts["seed"] = std::to_string(m_options.seed);
    const Result<TensorFile> packed =
        packForShipping(storeWeights(m_averaged), m_options.config, StoredPrecision::F16, std::move(facts));
    if (!packed)
        return packed.error();
    return writeSafetensors((std::filesystem::path(m_options.outputFolder) / "best.safetensors").string(),
                            *packed);
}

Result<TrainReport> Trainer::run() {
    TrainReport report;
    report.device = describeDevice(m_device).name;
    report.bestPath = (std::filesystem::path(m_options.outputFolder) / "best.safetensors").string();
    report.lastPath = (std::filesystem::path(m_options.outputFolder) / "last.safetensors").string();
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    // On the processor the network itself wants the cores; one thread keeps up with it.
    const int automatic = m_device.is_cuda() ? std::max(1, cores - 1) : 1;
    BatchQueue queue(m_maker, m_step, m_options.workers > 0 ? m_options.workers : automatic);

    const auto start = Clock::now();
    const double secondsBefore = m_secondsBefore;
    double totalWait = 0.0;
    std::int64_t stepsHere = 0;
    bool stopped = false;
    m_network->train();
    while (m_step < m_maker.totalSteps() && !stopped) {
        const auto epochStart = Clock::now();
        auto lastReport = epochStart;
        double waited = 0.0;
        Tensor lossSum = at::zeros({}, at::TensorOptions().device(m_device));
        std::int64_t stepsOfEpoch = 0;
        double loss = 0.0;
        TrainProgress progress;
        progress.epochs = m_options.epochs;
        progress.stepsPerEpoch = m_maker.stepsPerEpoch();
        const auto describe = [&] {
            const double seconds = secondsSince(epochStart);
            progress.epoch = static_cast<int>(m_step / m_maker.stepsPerEpoch());
            progress.step = m_step;
            progress.loss = loss;
            progress.imagesPerSecond =
                static_cast<double>(stepsOfEpoch * m_options.batch) / std::max(1e-9, seconds);
            progress.deviceIdleShare = waited / std::max(1e-9, seconds);
            progress.secondsLeft = secondsSince(start) /
                                   static_cast<double>(std::max<std::int64_t>(1, stepsHere)) *
                                   static_cast<double>(m_maker.totalSteps() - m_step);
        };
        do {
            const auto asked = Clock::now();
            const std::unique_ptr<Batch> batch = queue.next();
            waited += secondsSince(asked);
            progress.inputSize = batch->side;
            progress.learningRate = learningRateAt(m_step);
            const Tensor stepLoss = lossOf(*batch);
            stepLoss.backward();
            const torch::NoGradGuard noGradients;
            lossSum.add_(stepLoss.detach().to(at::kFloat));
            ++m_step;
            ++stepsOfEpoch;
            ++stepsHere;
            const bool epochEnds = m_step % m_maker.stepsPerEpoch() == 0;
            applyGradients(progress.learningRate);
            if (m_step % kCheckEvery == 0 || epochEnds || !m_device.is_cuda()) {
                loss = lossSum.item<double>() / static_cast<double>(stepsOfEpoch);
                if (!std::isfinite(loss)) {
                    std::string samples;
                    for (std::size_t i = 0; i < std::min<std::size_t>(4, batch->names.size()); ++i)
                        samples += (i > 0 ? ", " : "") + batch->names[i];
                    return Error{ErrorCode::ComputationFailed,
                                 {"Training", "the loss stopped being a number at or before step " +
                                                  std::to_string(m_step) + " (learning rate " +
                                                  threeDigits(progress.learningRate) + ", samples " +
                                                  samples +
                                                  ", ...); the weights of the last finished epoch are in " +
                                                  report.lastPath}};
                }
            }
            if (secondsSince(lastReport) > kReportSeconds) {
                describe();
                m_observer.progress(progress);
                lastReport = Clock::now();
            }
            stopped = m_observer.stopAsked() || (m_options.timeLimitMinutes > 0.0 &&
                                                 secondsSince(start) > m_options.timeLimitMinutes * 60.0);
            if (epochEnds)
                break;
        } while (!stopped);

        totalWait += waited;
        m_secondsBefore = secondsBefore + secondsSince(start);
        const bool epochEnded = m_step % m_maker.stepsPerEpoch() == 0;
        describe();
        const int epoch = progress.epoch;
        const bool validates = epochEnded && (epoch % std::max(1, m_options.validateEvery) == 0 ||
                                              m_step >= m_maker.totalSteps());
        if (validates) {
            progress.validated = true;
            progress.scores = validate(m_options.inputSize);
            progress.isBest = progress.scores.dsc >= m_best.dsc;
            if (progress.isBest) {
                m_best = progress.scores;
                m_bestEpoch = epoch;
                if (Result<void> saved = saveBest(); !saved)
                    return saved.error();
            }
            m_curve.push_back({epoch, loss, progress.scores.loss, progress.scores.dsc, progress.scores.miou,
                               progress.learningRate, progress.imagesPerSecond, progress.deviceIdleShare});
            if (Result<void> saved = writeCurve(m_options.outputFolder, m_curve); !saved)
                return saved.error();
        }
        if (validates || stopped) {
            if (Result<void> saved = saveState(); !saved)
                return saved.error();
        }
        m_observer.progress(progress);
    }
    const double seconds = secondsSince(start);
    report.epochsDone = static_cast<int>(m_step / m_maker.stepsPerEpoch());
    report.finished = m_step >= m_maker.totalSteps();
    report.best = m_best;
    report.bestEpoch = m_bestEpoch;
    report.seconds = secondsBefore + seconds;
    report.imagesPerSecond = static_cast<double>(stepsHere * m_options.batch) / std::max(1e-9, seconds);
    report.deviceIdleShare = totalWait / std::max(1e-9, seconds);
    return report;
}

Result<void> checkOptions(const TrainingSet& set, const TrainOptions& options) {
    if (set.training.empty())
        return Error{ErrorCode::InvalidArgument, {"The number of training pairs", "0", "at least 1"}};
    const auto refuse = [](const char* what, double found, const char* allowed) {
        return Error{ErrorCode::InvalidArgument, {what, threeDigits(found), allowed}};
    };
    if (options.batch < 1 || options.batch > 4096)
        return refuse("The batch size", options.batch, "1 to 4096");
    if (options.epochs < 1)
        return refuse("The number of epochs", options.epochs, "at least 1");
    if (options.inputSize < 32 || options.inputSize > 2048)
        return refuse("The input size", options.inputSize, "32 to 2048");
    for (const auto& [from, size] : options.sizeSchedule)
        if (size < 32 || size > 2048)
            return refuse("An input size of the schedule", size, "32 to 2048");
    for (const TrainingSample& sample : set.training)
        if (sample.rgb.size() != sample.size.pixels() * 3 || sample.mask.size() != sample.size.pixels() ||
            sample.size.pixels() == 0)
            return Error{ErrorCode::InvalidArgument,
                         {"The pixel data of " + sample.name, "incomplete", "whole"}};
    return {};
}

} // namespace

TrainOptions recipeOptions(Recipe recipe) {
    TrainOptions options;
    options.augmentation = paperAugmentation();
    if (recipe == Recipe::Paper)
        return options;
    options.augmentation = strongAugmentation();
    options.batch = 48;
    options.finalLearningRate = 1e-6;
    options.weightDecay = 0.05;
    options.decayEverything = false;
    options.warmUpSteps = 300;
    options.cosineOverWholeRun = true;
    options.gradientClip = 1.0;
    options.averaging = 0.999;
    options.headWeight = 0.3;
    options.boundaryWeight = 4.0;
    options.drawnShare = 0.5;
    options.drawnKinds = {DrawnKind::Dermoscopy, DrawnKind::Endoscopy};
    options.sizeSchedule = {{0.0, 192}, {0.4, 256}};
    return options;
}

Result<TrainReport> train(const TrainingSet& set, const TrainOptions& options, TrainObserver& observer) {
    if (Result<void> valid = checkOptions(set, options); !valid)
        return valid.error();
    const Result<c10::Device> device = resolveDevice(options.device);
    if (!device)
        return device.error();
    try {
        at::manual_seed(options.seed);
        // Matrix products in TF32 on GPUs: their inputs keep 10 bits, sums stay float32; accuracy does not
        // suffer.
        at::globalContext().setAllowTF32CuBLAS(true);
        at::globalContext().setAllowTF32CuDNN(true);
        at::globalContext().setDeterministicCuDNN(true);
        Trainer trainer(set, options, observer, *device);
        if (Result<void> prepared = trainer.prepare(); !prepared)
            return prepared.error();
        return trainer.run();
    } catch (const c10::OutOfMemoryError&) {
        return Error{ErrorCode::OutOfMemory,
                     {"training with batch " + std::to_string(options.batch), "use a smaller --batch"}};
    } catch (const std::exception& failure) {
        const std::string text = failure.what();
        return Error{ErrorCode::ComputationFailed, {"Training", text.substr(0, text.find('\n'))}};
    }
}

TrainingSample shrunkForTraining(const std::string& name, const Image& image, const LabelMap& mask,
                                 int longest) {
    TrainingSample sample;
    sample.name = name;
    const int side = std::max(image.size.width, image.size.height);
    if (side <= longest) {
        sample.size = image.size;
        sample.rgb = image.rgb;
        sample.mask.resize(mask.labels.size());
        for (std::size_t i = 0; i < mask.labels.size(); ++i)
            sample.mask[i] = mask.labels[i] != 0 ? 1 : 0;
        return sample;
    }
    const double scale = static_cast<double>(longest) / side;
    sample.size = {std::max(1, static_cast<int>(std::lround(image.size.width * scale))),
                   std::max(1, static_cast<int>(std::lround(image.size.height * scale)))};
    const Rect whole{0, 0, image.size.width, image.size.height};
    const std::size_t pixels = sample.size.pixels();
    std::vector<float> planes(pixels * 3);
    resizeRgb(image.rgb, image.size, whole, sample.size, ResizeMode::Antialias, planes);
    sample.rgb.resize(pixels * 3);
    for (std::size_t i = 0; i < pixels; ++i)
        for (std::size_t c = 0; c < 3; ++c)
            sample.rgb[i * 3 + c] =
                static_cast<std::uint8_t>(std::lround(std::clamp(planes[c * pixels + i], 0.0f, 255.0f)));
    std::vector<std::uint8_t> scaled(mask.labels.size());
    for (std::size_t i = 0; i < scaled.size(); ++i)
        scaled[i] = mask.labels[i] != 0 ? 255 : 0;
    std::vector<float> share(pixels);
    resizePlane(scaled, mask.size, whole, sample.size, ResizeMode::Antialias, share);
    sample.mask.resize(pixels);
    for (std::size_t i = 0; i < pixels; ++i)
        sample.mask[i] = share[i] >= 127.5f ? 1 : 0;
    return sample;
}

} // namespace limn
