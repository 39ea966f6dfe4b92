// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/training/train.h"

#include "inference/network/cuda_plugin.h"
#include "inference/network/device.h"
#include "inference/network/vm_unet_v2.h"
#include "inference/plain/metrics.h"
#include "inference/plain/resample.h"
#include "inference/plain/tensor_set.h"
#include "inference/training/batches.h"
#include "inference/training/curve.h"
#include "inference/training/loss.h"
#include "io/core/hashing.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/utils.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numbers>
#include <optional>

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

// As few digits as bring the same number back when they are read.
std::string allDigits(double value) {
    char text[32];
    const std::to_chars_result end = std::to_chars(text, text + sizeof text, value);
    return std::string(text, end.ptr);
}

// What decides the weights besides the step, by name, as the state in last/ keeps it. A run goes on only
// where all of it is the same.
std::map<std::string, std::string> settingsOf(const TrainingSet& set, const TrainOptions& o) {
    const AugmentOptions& a = o.augmentation;
    std::string sizes = std::to_string(o.inputSize);
    for (const auto& [from, size] : o.sizeSchedule)
        sizes += ", " + threeDigits(from) + ":" + std::to_string(size);
    std::string augmentation;
    for (const auto& [name, value] : {std::pair<const char*, double>{"flip", a.flipProbability},
                                      {"turn", a.rotationProbability},
                                      {"degrees", a.rotationDegrees},
                                      {"zoom", a.logScale},
                                      {"aspect", a.logAspect},
                                      {"shift", a.shift},
                                      {"shear", a.shear},
                                      {"colour", a.colour},
                                      {"blur", a.blurProbability},
                                      {"noise", a.noiseProbability},
                                      {"artefacts", a.artefactProbability},
                                      {"cutout", a.cutoutProbability},
                                      {"paste", a.pasteProbability},
                                      {"calm from", o.calmFrom}})
        augmentation += (augmentation.empty() ? "" : ", ") + std::string(name) + " " + threeDigits(value);
    std::string drawn = threeDigits(o.drawnShare) + " until " + threeDigits(o.drawnUntil);
    for (const DrawnKind kind : o.drawnKinds)
        drawn += kind == DrawnKind::Dermoscopy ? " dermoscopy" : " endoscopy";
    // FNV-1a of names and sizes, in order.
    std::uint64_t hash = kFnvBasis;
    for (const TrainingSample& sample : set.training) {
        const std::string text = sample.name + ":" + std::to_string(sample.size.width) + "x" +
                                 std::to_string(sample.size.height) + ";";
        hash = fnv1a(text, hash);
    }
    std::string depths;
    for (const int depth : o.config.depths)
        depths += (depths.empty() ? "" : ",") + std::to_string(depth);
    return {
        {"epochs", std::to_string(o.epochs)},
        {"batch", std::to_string(o.batch)},
        {"input sizes", sizes},
        {"seed", std::to_string(o.seed)},
        {"network", depths + " " + std::string(nameOf(o.config.taps))},
        {"learning rate", allDigits(o.learningRate) + " to " + allDigits(o.finalLearningRate) +
                              (o.cosineOverWholeRun ? " over the run" : " in periods") + ", warm-up " +
                              threeDigits(o.warmUpSteps)},
        {"weight decay", allDigits(o.weightDecay) + (o.decayEverything ? " of all" : " of matrices")},
        {"gradient clip", allDigits(o.gradientClip)},
        {"averaging", allDigits(o.averaging)},
        {"drop path", allDigits(o.dropPath)},
        {"loss weights", "heads " + allDigits(o.headWeight) + ", border " + allDigits(o.boundaryWeight) +
                             ", pooled Dice " + allDigits(o.pooledDice)},
        {"augmentation", augmentation},
        {"drawn images", drawn},
        {"training pairs", std::to_string(set.training.size()) + ", " + std::to_string(hash)},
    };
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
    std::string lastFolder() const {
        return (std::filesystem::path(m_options.outputFolder) / "last").string();
    }
    double learningRateAt(std::int64_t step) const;
    void applyGradients(double learningRate);
    Tensor sent(const Tensor& host) const;
    Tensor lossOf(const Batch& batch);
    ValidationScores validate(int side);
    bool weightsAreFinite() const;
    Error brokenLoss(const std::string& what, double learningRate, const Batch* batch) const;
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
    // Of the epoch that an earlier piece of the run began; added to this piece's part in the figures.
    double m_lossSumBefore = 0.0;
    std::int64_t m_stepsBefore = 0;
    int m_savedEpoch = -1;        // finished epochs in last/; < 0: this run has written none
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
    std::optional<TensorFile> initial;
    if (!m_options.initialModel.empty()) {
        Result<TensorFile> file = readCheckpoint(m_options.initialModel);
        if (!file)
            return file.error();
        // Before a network is made.
        if (Result<void> fits = checkAgainst(network.config, *file, network.allOutputs); !fits)
            return fits;
        initial = std::move(*file);
    }
    m_network = VmUnetV2(network);
    m_network->initialise(m_options.seed);

    const std::filesystem::path folder(m_options.outputFolder);
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
        return Error{ErrorCode::FileNotWritable, {m_options.outputFolder, failure.message()}};

    if (initial) {
        if (Result<void> loaded = loadWeights(m_network, *initial); !loaded)
            return loaded;
        initial.reset();
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

    if (m_options.resume && hasTensorSet(lastFolder())) {
        const Result<TensorFile> state = readTensorSet(lastFolder());
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

// To the device without waiting for it: what is computed there meanwhile goes on. Pinned memory is given back
// only when the copy is done.
Tensor Trainer::sent(const Tensor& host) const {
    return m_device.is_cuda() ? host.pin_memory().to(m_device, /*non_blocking=*/true) : host;
}

Tensor Trainer::lossOf(const Batch& batch) {
    const Tensor bytes = at::from_blob(const_cast<std::uint8_t*>(batch.planes.data()),
                                       {batch.count, 3, batch.side, batch.side}, at::kByte);
    const Tensor masks = at::from_blob(const_cast<std::uint8_t*>(batch.masks.data()),
                                       {batch.count, 1, batch.side, batch.side}, at::kByte);
    const Tensor images = stretched(sent(bytes));
    Tensor target = sent(masks).to(at::kFloat).div_(255.0);
    if (m_options.boundaryWeight <= 0.0)
        target = target.ge(0.5).to(at::kFloat);
    const VmUnetV2Impl::Output output = m_network->forward(images);
    const LossParts main =
        m_options.boundaryWeight > 0.0
            ? segmentationLoss(output.logits, target, m_options.boundaryWeight, m_options.pooledDice)
            : releasedLoss(output.logits, target);
    Tensor loss = main.bce + main.dice;
    for (const Tensor& head : output.heads) {
        const Tensor small = at::adaptive_avg_pool2d(target, {head.size(2), head.size(3)});
        const LossParts parts = segmentationLoss(head, small, 0.0, m_options.pooledDice);
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

bool Trainer::weightsAreFinite() const {
    const torch::NoGradGuard noGradients;
    const Tensor norm = at::stack(at::_foreach_norm(m_parameters, 2.0)).norm();
    return std::isfinite(norm.item<double>());
}

Error Trainer::brokenLoss(const std::string& what, double learningRate, const Batch* batch) const {
    std::string text =
        what + " step " + std::to_string(m_step) + " (learning rate " + threeDigits(learningRate);
    if (batch != nullptr) {
        text += ", samples ";
        for (std::size_t i = 0; i < std::min<std::size_t>(4, batch->names.size()); ++i)
            text += (i > 0 ? ", " : "") + batch->names[i];
        if (batch->names.size() > 4)
            text += ", ...";
    }
    text += "); ";
    if (m_savedEpoch >= 0)
        text += "the last good weights, after " + std::to_string(m_savedEpoch) + " whole epochs, stay in " +
                lastFolder();
    else
        text += "no weights had been written yet; try a lower learning rate";
    return Error{ErrorCode::ComputationFailed, {"Training", text}};
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
    for (const auto& [name, value] : settingsOf(m_set, m_options))
        file.metadata["setting: " + name] = value;
    file.metadata["taps"] = std::string(nameOf(m_options.config.taps));
    file.metadata["step"] = std::to_string(m_step);
    file.metadata["epoch_loss_sum"] = allDigits(m_lossSumBefore);
    file.metadata["epoch_steps"] = std::to_string(m_stepsBefore);
    file.metadata["seconds"] = allDigits(m_secondsBefore);
    file.metadata["best_epoch"] = std::to_string(m_bestEpoch);
    file.metadata["best_dsc"] = allDigits(m_best.dsc);
    file.metadata["best_miou"] = allDigits(m_best.miou);
    file.metadata["best_loss"] = allDigits(m_best.loss);
    // Random numbers on the device (drop path) go on where they were.
    const at::Generator generator = at::globalContext().defaultGenerator(m_device);
    const Tensor random = generator.get_state().to(at::kCPU).to(at::kFloat);
    file.tensors.push_back(
        StoredTensor::fromFloat("random_state", random.sizes().vec(),
                                {random.data_ptr<float>(), static_cast<std::size_t>(random.numel())}));
    Result<void> written = writeTensorSet(lastFolder(), file);
    if (written)
        m_savedEpoch = static_cast<int>(m_step / m_maker.stepsPerEpoch());
    return written;
}

Result<void> Trainer::restoreState(const TensorFile& file) {
    const auto fact = [&file](const std::string& key) {
        const auto found = file.metadata.find(key);
        return found == file.metadata.end() ? std::string() : found->second;
    };
    if (fact("format") != "limn-training-state")
        return Error{ErrorCode::CheckpointInvalid, {file.source, "it is not the state of a training run"}};
    for (const auto& [name, wanted] : settingsOf(m_set, m_options)) {
        const std::string found = fact("setting: " + name);
        if (found != wanted)
            return Error{ErrorCode::CheckpointMismatch,
                         {file.source, name + ": the run began with '" + found + "', now '" + wanted +
                                           "' is asked for; resume with the settings that it began with"}};
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
        if (stored->copyTo({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())}))
            target.copy_(values);
        else
            missing = name;
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
        Tensor values = at::empty(generator.get_state().sizes(), at::kFloat);
        if (random->copyTo({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())}))
            generator.set_state(values.to(at::kByte));
    }
    m_lossSumBefore = std::strtod(fact("epoch_loss_sum").c_str(), nullptr);
    m_stepsBefore = std::strtoll(fact("epoch_steps").c_str(), nullptr, 10);
    m_savedEpoch = static_cast<int>(m_step / m_maker.stepsPerEpoch());
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
    for (const auto& [setting, value] : settingsOf(m_set, m_options)) {
        std::string name = setting;
        std::replace(name.begin(), name.end(), ' ', '_');
        facts[name] = value;
    }
    facts["epoch"] = std::to_string(m_bestEpoch);
    facts["step"] = std::to_string(m_step);
    if (!m_set.validation.empty()) {
        facts["validation_dsc"] = threeDigits(m_best.dsc);
        facts["validation_miou"] = threeDigits(m_best.miou);
    }
    facts["training_samples"] = std::to_string(m_set.training.size());
    facts["validation_samples"] = std::to_string(m_set.validation.size());
    facts["input_size"] = std::to_string(m_options.inputSize);
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
    report.lastPath = lastFolder();
    const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    // On the processor the network itself wants the cores; one thread keeps up with it.
    const int automatic = m_device.is_cuda() ? std::max(1, cores - 1) : 1;
    BatchQueue queue(m_maker, m_step, m_options.workers > 0 ? m_options.workers : automatic);

    const auto start = Clock::now();
    auto lastSave = start;
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
            stopped = m_observer.stopAsked() || (m_options.timeLimitMinutes > 0.0 &&
                                                 secondsSince(start) > m_options.timeLimitMinutes * 60.0);
            if (m_step % kCheckEvery == 0 || epochEnds || stopped || !m_device.is_cuda()) {
                loss = (m_lossSumBefore + lossSum.item<double>()) /
                       static_cast<double>(m_stepsBefore + stepsOfEpoch);
                if (!std::isfinite(loss))
                    return brokenLoss("the loss stopped being a number at or before", progress.learningRate,
                                      batch.get());
            }
            if (secondsSince(lastReport) > kReportSeconds) {
                describe();
                m_observer.progress(progress);
                lastReport = Clock::now();
            }
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
        // The loss is of the weights before the last step: what is written is looked at itself.
        if ((validates || stopped) && !weightsAreFinite())
            return brokenLoss("the weights stopped being numbers at or before", progress.learningRate,
                              nullptr);
        m_lossSumBefore = epochEnded ? 0.0 : m_lossSumBefore + lossSum.item<double>();
        m_stepsBefore = epochEnded ? 0 : m_stepsBefore + stepsOfEpoch;
        if (validates) {
            progress.validated = true;
            progress.scores = validate(m_options.inputSize);
            if (!std::isfinite(progress.scores.loss))
                return brokenLoss("the validation loss is no number after", progress.learningRate, nullptr);
            progress.isBest = progress.scores.dsc >= m_best.dsc;
            if (progress.isBest) {
                m_best = progress.scores;
                m_bestEpoch = epoch;
                if (Result<void> saved = saveBest(); !saved)
                    return saved.error();
            }
            const bool isKnown = !m_set.validation.empty();
            const auto known = [isKnown](double score) {
                return isKnown ? score : std::numeric_limits<double>::quiet_NaN();
            };
            m_curve.push_back({epoch, loss, known(progress.scores.loss), known(progress.scores.dsc),
                               known(progress.scores.miou), progress.learningRate, progress.imagesPerSecond,
                               progress.deviceIdleShare});
            if (Result<void> saved = writeCurve(m_options.outputFolder, m_curve); !saved)
                return saved.error();
        }
        const bool isOver = stopped || m_step >= m_maker.totalSteps();
        if (isOver || (validates && secondsSince(lastSave) >= m_options.saveEverySeconds)) {
            if (Result<void> saved = saveState(); !saved)
                return saved.error();
            lastSave = Clock::now();
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
    const auto within = [](double value, double low, double high) { return value >= low && value <= high; };
    if (options.outputFolder.empty())
        return Error{ErrorCode::InvalidArgument, {"The folder of the run", "no name", "a folder's name"}};
    if (options.batch < 1 || options.batch > 4096)
        return refuse("The batch size", options.batch, "1 to 4096");
    if (options.epochs < 1 || options.epochs > 1000000)
        return refuse("The number of epochs", options.epochs, "1 to 1000000");
    if (options.inputSize < 32 || options.inputSize > 2048)
        return refuse("The input size", options.inputSize, "32 to 2048");
    for (const auto& [from, size] : options.sizeSchedule) {
        if (size < 32 || size > 2048)
            return refuse("An input size of the schedule", size, "32 to 2048");
        if (!within(from, 0.0, 1.0))
            return refuse("The share of the run at which the input size changes", from, "0 to 1");
    }
    // Not above 0 catches what is no number too.
    if (!(options.learningRate > 0.0) || !std::isfinite(options.learningRate))
        return refuse("The learning rate", options.learningRate, "above 0");
    for (const auto& [what, value] :
         {std::pair<const char*, double>{"The final learning rate", options.finalLearningRate},
          {"The weight decay", options.weightDecay},
          {"The number of warm-up steps", options.warmUpSteps},
          {"The largest norm of the gradients", options.gradientClip},
          {"The weight of the heads", options.headWeight},
          {"The weight of the border", options.boundaryWeight},
          {"The time limit", options.timeLimitMinutes},
          {"The time between two states", options.saveEverySeconds}})
        if (!(value >= 0.0) || !std::isfinite(value))
            return refuse(what, value, "0 or more");
    for (const auto& [what, value] :
         {std::pair<const char*, double>{"The drop path probability", options.dropPath},
          {"The decay of the averaged weights", options.averaging}})
        if (!(value >= 0.0 && value < 1.0))
            return refuse(what, value, "at least 0 and below 1");
    for (const auto& [what, value] :
         {std::pair<const char*, double>{"The share of drawn pictures", options.drawnShare},
          {"The share of the run with drawn pictures", options.drawnUntil},
          {"The share of the run before pictures are changed little", options.calmFrom},
          {"The probability of a pasted area", options.augmentation.pasteProbability},
          {"The share of the pooled Dice loss", options.pooledDice}})
        if (!within(value, 0.0, 1.0))
            return refuse(what, value, "0 to 1");
    if (options.workers < 0 || options.workers > 1024)
        return refuse("The number of workers", options.workers, "0 to 1024");
    const NetworkConfig& config = options.config;
    if (config.inputChannels != 3 || config.classes != 1)
        return Error{ErrorCode::InvalidArgument,
                     {"The network",
                      std::to_string(config.inputChannels) + " channels in, " +
                          std::to_string(config.classes) + " classes out",
                      "3 and 1: training works on colour pictures with one mask"}};
    const bool fourthMayMiss = config.taps == Taps::StageInputs;
    bool depthsAreRight = config.depths.size() == kStageChannels.size();
    for (std::size_t i = 0; depthsAreRight && i < config.depths.size(); ++i)
        depthsAreRight = config.depths[i] >= (i == 3 && fourthMayMiss ? 0 : 1) && config.depths[i] <= 64;
    if (!depthsAreRight)
        return Error{ErrorCode::InvalidArgument, {"The depths of the stages", "others", "four of 1 to 64"}};
    for (const std::vector<TrainingSample>* samples : {&set.training, &set.validation})
        for (const TrainingSample& sample : *samples)
            if (sample.size.width < 1 || sample.size.height < 1 ||
                sample.rgb.size() != sample.size.pixels() * 3 || sample.mask.size() != sample.size.pixels())
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
