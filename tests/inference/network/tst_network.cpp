// SPDX-License-Identifier: GPL-3.0-or-later
// The network against values that the released Python model gave in double precision, and its own promises:
// equal results for any number of threads and any split of a batch, any image size, gradients that agree with
// finite differences through a whole block, and the weights that a file holds, or a refusal.
#include "inference/network/cuda_plugin.h"
#include "inference/network/ss2d_core.h"
#include "inference/scan/selective_scan.h"
#include "inference/scan/thread_pool.h"
#include "inference/training/loss.h"
#include "tests/inference/network/network_fixture.h"
#include "tests/inference/parity_table.h"
#include "tests/inference/verify_result.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>
#include <nlohmann/json.hpp>

#include <QtTest/QTest>

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

using namespace limn;
using namespace limn::testing;
using at::Tensor;

namespace {

VmUnetV2 formulaNetwork(bool allOutputs = false, Taps taps = Taps::StageInputs) {
    VmUnetV2Options options;
    options.config.taps = taps;
    options.allOutputs = allOutputs;
    VmUnetV2 network(options);
    fillByFormula(*network, "");
    network->eval();
    return network;
}

VmUnetV2 smallNetwork(const std::vector<int>& depths, Taps taps = Taps::StageInputs) {
    VmUnetV2Options options;
    options.config.depths = depths;
    options.config.taps = taps;
    options.config.classes = 3;
    VmUnetV2 network(options);
    network->initialise(3);
    // Batch normalisation that does something.
    for (const auto& item : network->named_buffers())
        if (item.value().scalar_type() == at::kFloat)
            item.value().uniform_(0.5, 1.5);
    network->eval();
    return network;
}

// Golden samples are stored with flat indices into the channels-last or channels-first output of the module.
Tensor samplesOf(const TensorFile& golden, const std::string& module, const Tensor& found) {
    return found.cpu().contiguous().flatten().index_select(0,
                                                           tensorOf(golden, module + ".index").to(at::kLong));
}

std::vector<double> valuesOf(const Tensor& tensor) {
    const Tensor values = tensor.detach().to(at::kCPU, at::kDouble).contiguous();
    return {values.const_data_ptr<double>(), values.const_data_ptr<double>() + values.numel()};
}

// One to three changes that leave a file which can be read: of shapes, kinds of numbers and names.
void mutate(TensorFile& file, std::mt19937& random) {
    const auto below = [&](std::size_t limit) { return static_cast<std::size_t>(random() % limit); };
    const auto any = [&]() -> StoredTensor& {
        // Half of all changes are of the few tensors whose shape depends on the configuration, or that are
        // dead in some networks.
        std::vector<StoredTensor*> special;
        for (StoredTensor& tensor : file.tensors)
            if (tensor.name.starts_with("seg_outs.") || tensor.name.starts_with("deconv") ||
                tensor.name.starts_with("vmunet.layers.3.") || tensor.name.ends_with("embed.proj.weight"))
                special.push_back(&tensor);
        return below(2) == 0 || special.empty() ? file.tensors[below(file.tensors.size())]
                                                : *special[below(special.size())];
    };
    for (std::size_t changes = 1 + below(3); changes > 0; --changes) {
        StoredTensor& tensor = any();
        switch (below(8)) {
        case 0: // a dimension longer or shorter
            if (!tensor.shape.empty()) {
                std::int64_t& extent = tensor.shape[below(tensor.shape.size())];
                const std::int64_t others[] = {0, 1, extent - 1, extent + 1, extent * 2, extent * 3};
                extent = others[below(6)];
            }
            break;
        case 1: // the same numbers in another shape
            tensor.shape = {tensor.count()};
            break;
        case 2:
            tensor.shape.push_back(1);
            break;
        case 3:
            std::reverse(tensor.shape.begin(), tensor.shape.end());
            break;
        case 4:
            tensor.dtype = static_cast<DType>(below(10));
            break;
        case 5:
            std::swap(tensor.name, any().name);
            break;
        case 6:
            tensor.name += "x";
            break;
        default:
            std::swap(tensor, file.tensors.back());
            file.tensors.pop_back();
            break;
        }
    }
    for (StoredTensor& tensor : file.tensors)
        tensor.bytes.resize(static_cast<std::size_t>(tensor.count()) * sizeOf(tensor.dtype));
}

const char* noGpu() {
    static const std::string text = "No GPU can be used here: " + cudaSupport().reason + ".";
    return text.c_str();
}

// Bytes of LibTorch's arrays that were taken and not given back while it stands.
class TakenBytes : public c10::MemoryReportingInfoBase {
public:
    void reportMemoryUsage(void*, std::int64_t size, std::size_t, std::size_t, c10::Device) override {
        m_now += size;
        m_peak = std::max(m_peak, m_now);
    }
    bool memoryProfilingEnabled() const override { return true; }
    std::int64_t now() const { return m_now; }
    std::int64_t peak() const { return m_peak; }

private:
    std::int64_t m_now = 0;
    std::int64_t m_peak = 0;
};

} // namespace

class TestNetwork : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void ss2dAgreesWithGolden_data();
    void ss2dAgreesWithGolden();
    void normInsideTheBranchIsLayerNorm();
    void gradientsAreFiniteDifferences_data();
    void gradientsAreFiniteDifferences();
    void blockKeepsLittleForItsBackwardRun();
    void trainingRunsOnSeveralThreads();
    void wholeNetworkAgreesWithGolden_data();
    void wholeNetworkAgreesWithGolden();
    void trainingStepAgreesWithGolden_data();
    void trainingStepAgreesWithGolden();
    void anySizeGivesItsOwnSize_data();
    void anySizeGivesItsOwnSize();
    void threadsAndBatchSplitsDoNotMatter_data();
    void threadsAndBatchSplitsDoNotMatter();
    void trainingStepDoesNotDependOnThreads();
    void packedNetworkDoesNotDependOnWhatRanBefore();
    void packedNetworkAgreesWithModules_data();
    void packedNetworkAgreesWithModules();
    void otherInputChannelsAreComputed_data();
    void otherInputChannelsAreComputed();
    void stageOutputsUseTheFourthStage();
    void weightsSurviveStoringAndLoading();
    void theListOfTensorsIsTheModules_data();
    void theListOfTensorsIsTheModules();
    void headsOfOtherShapesAreNamed();
    void mutatedNetworksAreLoadedOrRefused();
    void checkpointsGiveTheirOwnLogits_data();
    void checkpointsGiveTheirOwnLogits();
    void cleanupTestCase() { m_parity.print(); }

private:
    // Rows of tests that compare with golden values: the processor, and a GPU where one is.
    static void addDevices() {
        QTest::addColumn<bool>("onGpu");
        QTest::newRow("processor") << false;
        QTest::newRow("GPU") << true;
    }
    void noteParity(const std::string& file, const std::string& what, const Tensor& found,
                    const Tensor& expected) {
        m_parity.add(file, what, valuesOf(found), valuesOf(expected));
    }
    ParityTable m_parity;
};

void TestNetwork::initTestCase() {
    cudaSupport(); // first of all: see cuda_plugin.h
    // Comparisons are of float32 arithmetic, on a GPU too.
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
}

void TestNetwork::ss2dAgreesWithGolden_data() {
    addDevices();
}

void TestNetwork::ss2dAgreesWithGolden() {
    QFETCH(bool, onGpu);
    if (onGpu && cudaSupport().plugin == nullptr)
        QSKIP(noGpu());
    if (!hasGolden("ss2d.safetensors"))
        QSKIP("shared/golden is not beside the project.");
    const Result<TensorFile> golden = readSafetensors(goldenPath("ss2d.safetensors"));
    QVERIFY(golden.ok());
    Ss2d module(32, 2);
    fillByFormula(*module, "ss2d.");
    const c10::Device device(onGpu ? c10::kCUDA : c10::kCPU);
    module->to(device);
    const Tensor x = tensorOf(*golden, "x").to(device, at::kFloat).requires_grad_(true);
    const Tensor y = module->forward(x);
    y.backward(tensorOf(*golden, "dy").to(device, at::kFloat));
    // Float32 sums of some hundred terms: a few 1e-6 of the largest value. 2e-5 leaves room for the order of
    // summing. A GPU's exponential and logarithm are within 2^-22 of a value.
    const double tolerance = onGpu ? 1e-4 : 2e-5;
    const char* file = onGpu ? "ss2d.safetensors, on a GPU" : "ss2d.safetensors";
    const auto check = [&](const char* what, const Tensor& found, const Tensor& expected) {
        const Difference difference = differenceOf(found, expected);
        qInfo().noquote() << sentence(what, difference);
        noteParity(file, what, found, expected);
        return difference.relative <= tolerance;
    };
    QVERIFY(check("y", y, tensorOf(*golden, "y")));
    QVERIFY(check("grad_x", x.grad(), tensorOf(*golden, "grad_x")));
    for (const auto& item : module->named_parameters())
        QVERIFY2(check(item.key().c_str(), item.value().grad(), tensorOf(*golden, "grad." + item.key())),
                 item.key().c_str());
}

void TestNetwork::normInsideTheBranchIsLayerNorm() {
    VssBlock block(32, 2, 0.0);
    fillByFormula(*block, "block.");
    const Tensor gradOut = formula("gradient", {2, 5, 7, 32});
    const auto run = [&](bool inside) {
        const Tensor x = formula("input", {2, 5, 7, 32}).requires_grad_(true);
        const Tensor y = inside ? block->forward(x) : x + block->self_attention->forward(block->ln_1(x));
        y.backward(gradOut);
        std::vector<std::pair<std::string, Tensor>> results{{"y", y}, {"x", x.grad()}};
        for (const auto& item : block->named_parameters()) {
            results.emplace_back(item.key(), item.value().grad());
            item.value().mutable_grad() = Tensor();
        }
        return results;
    };
    const auto found = run(true);
    const auto expected = run(false);
    for (std::size_t i = 0; i < found.size(); ++i) {
        const Difference difference = differenceOf(found[i].second, expected[i].second);
        qInfo().noquote() << sentence(found[i].first.c_str(), difference);
        QVERIFY(expected[i].second.abs().max().item<double>() > 0.0);
        // The same steps in the same order; a sum may be cut differently.
        QVERIFY2(difference.relative <= 1e-6, found[i].first.c_str());
    }
}

void TestNetwork::gradientsAreFiniteDifferences_data() {
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::newRow("two pixels") << 1 << 2;
    QTest::newRow("tall") << 7 << 3;
    QTest::newRow("wide") << 2 << 9;
}

// A whole block: norm, projections, convolution, the scan along its paths, gate. The slope of a random sum of
// its output along a random direction, of its input and of every parameter.
void TestNetwork::gradientsAreFiniteDifferences() {
    QFETCH(int, height);
    QFETCH(int, width);
    at::manual_seed(5);
    VssBlock block(32, 2, 0.0);
    fillByFormula(*block, "block.");
    Tensor x = formula("input", {2, height, width, 32}).requires_grad_(true);
    const Tensor weights = at::randn({2, height, width, 32});
    const auto terms = [&] { return block->forward(x).to(at::kDouble) * weights; };
    const auto sum = [&] { return terms().sum(); };
    sum().backward();
    std::vector<std::pair<std::string, Tensor>> inputs{{"input", x}};
    for (const auto& item : block->named_parameters())
        inputs.emplace_back(item.key(), item.value());
    const torch::NoGradGuard noGradients;
    // Every output is rounded by itself, by some 6e-8 of it.
    const double rounding = 3e-7 * terms().norm().item<double>();
    for (auto& [name, value] : inputs) {
        const Tensor gradient = value.grad().to(at::kDouble);
        // Along the gradient itself, a little turned: a direction by chance may have next to no slope.
        const Tensor direction = gradient / gradient.norm() +
                                 at::randn_like(gradient) / std::sqrt(static_cast<double>(gradient.numel()));
        const double slope = (gradient * direction).sum().item<double>();
        const double step = 1e-3 * value.norm().item<double>() / direction.norm().item<double>();
        const Tensor before = value.clone();
        value.copy_(before + step * direction);
        const double after = sum().item<double>();
        value.copy_(before - step * direction);
        const double found = (after - sum().item<double>()) / (2.0 * step);
        value.copy_(before);
        qInfo("%s: slope %.6g, by differences %.6g, rounding %.2g", name.c_str(), slope, found,
              rounding / step);
        QVERIFY2(slope > 0.0, name.c_str());
        // What the differences leave out is of the step's square: 1e-6 of the value's, times a curvature that
        // may be some hundred times the slope where the direction lies in a few numbers.
        QVERIFY2(std::abs(found - slope) <= 1e-3 * slope + rounding / step, name.c_str());
    }
}

// A training step's memory is what the blocks keep between forward and backward run: their input and output,
// the sum of the paths, the projected rows and the scan's states.
void TestNetwork::blockKeepsLittleForItsBackwardRun() {
    constexpr std::int64_t kSide = 32, kChannels = 32, kRank = 2, kRows = 2 * kSide * kSide;
    VssBlock block(kChannels, kRank, 0.0);
    fillByFormula(*block, "block.");
    const Tensor x = formula("input", {2, kSide, kSide, kChannels});
    ScanShape scan;
    scan.batch = 2;
    scan.height = scan.width = kSide;
    scan.channels = 2 * kChannels;
    scan.rank = scan.rankStride = kRank;
    scan.directions = 4;
    const auto taken = std::make_shared<TakenBytes>();
    const c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, taken);
    const Tensor y = block->forward(x);
    const std::int64_t kept = taken->now();
    // The processor keeps the input's projection as well, which a GPU makes again.
    const std::int64_t output = kRows * kChannels, inner = kRows * 4 * kChannels, sum = kRows * 2 * kChannels,
                       projected = kRows * scan.projectedWidth(), states = scanBorderCount(scan),
                       rates = 4 * 2 * kChannels * kScanStates;
    qInfo("kept %lld bytes, %.2f floats a row", static_cast<long long>(kept),
          static_cast<double>(kept) / (4 * kRows));
    QVERIFY(kept > 0);
    // Arrays are rounded up to 64 bytes.
    QVERIFY(kept <= 4 * (output + inner + sum + projected + states + rates) + 4096);
    y.backward(at::ones_like(y));
    QVERIFY(block->ln_1->weight.grad().defined());
}

// The block's kernels on LibTorch's threads, forward and backward.
void TestNetwork::trainingRunsOnSeveralThreads() {
    const int before = at::get_num_threads();
    at::set_num_threads(2);
    VssBlock block(96, 6, 0.0);
    fillByFormula(*block, "block.");
    const Tensor x = formula("input", {1, 32, 32, 96}).requires_grad_(true);
    std::mutex mutex;
    std::set<std::thread::id> threads;
    const scan::StopWhen watch([&] {
        const std::lock_guard lock(mutex);
        threads.insert(std::this_thread::get_id());
        return false;
    });
    // On a busy machine a thread may come too late for any unit of a call.
    const auto comes = [&](const std::function<void()>& work) {
        threads.clear();
        for (int i = 0; i < 50 && threads.size() < 2; ++i)
            work();
        return threads.size() >= 2;
    };
    const bool forward = comes([&] { block->forward(x); });
    const Tensor y = block->forward(x);
    const bool backward = comes([&] { y.backward(at::ones_like(y), true); });
    at::set_num_threads(before);
    QVERIFY(forward);
    QVERIFY(backward);
}

// Packed: the encoder that proposals on the processor use; otherwise that of training.
void TestNetwork::wholeNetworkAgreesWithGolden_data() {
    QTest::addColumn<bool>("packed");
    QTest::addColumn<bool>("onGpu");
    QTest::newRow("modules") << false << false;
    QTest::newRow("packed") << true << false;
    QTest::newRow("modules on a GPU") << false << true;
}

void TestNetwork::wholeNetworkAgreesWithGolden() {
    QFETCH(bool, packed);
    QFETCH(bool, onGpu);
    if (onGpu && cudaSupport().plugin == nullptr)
        QSKIP(noGpu());
    if (!hasGolden("network_256.safetensors"))
        QSKIP("shared/golden is not beside the project.");
    const Result<TensorFile> golden = readSafetensors(goldenPath("network_256.safetensors"));
    QVERIFY(golden.ok());
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = formulaNetwork();
    if (packed)
        network->packForProcessor();
    const Tensor bytes = tensorOf(*golden, "image"); // [256, 256, 3]
    Tensor images = bytes.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat);
    const Tensor low = images.min();
    const c10::Device device(onGpu ? c10::kCUDA : c10::kCPU);
    images = ((images - low) * (255.0 / (images.max() - low))).contiguous().to(device);
    network->to(device);

    // Rounding grows from block to block through 13 blocks with random weights; 1e-4 of a module's largest
    // value is asked of float32 code, and the probability itself within 1e-4.
    constexpr double kTolerance = 1e-4;
    std::vector<std::pair<std::string, Tensor>> modules;
    const std::vector<Tensor> features = network->encode(images);
    DecoderSteps steps;
    const Tensor logits = network->decode(features, &steps).logits;
    modules.emplace_back("vmunet.patch_embed", features[0]);
    modules.emplace_back("vmunet.layers.0", features[1]);
    modules.emplace_back("vmunet.layers.1", features[2]);
    modules.emplace_back("vmunet.layers.2", features[3]);
    for (const std::size_t level : {0, 3}) {
        const std::string number = std::to_string(level + 1);
        modules.emplace_back("ca_" + number, steps.channelFactors[level]);
        modules.emplace_back("sa_" + number, steps.pixelFactors[level]);
        modules.emplace_back("Translayer_" + number, steps.translated[level]);
    }
    for (std::size_t level = 0; level < 4; ++level)
        modules.emplace_back("sdi_" + std::to_string(level + 1), steps.infused[level]);
    modules.emplace_back("deconv6", steps.refinement);
    // Every module that the file holds is looked at.
    std::size_t held = 0;
    for (const StoredTensor& stored : golden->tensors)
        held += stored.name.ends_with(".samples");
    QCOMPARE(modules.size(), held);
    const std::string way = packed ? "packed: " : onGpu ? "on a GPU: " : "modules: ";
    for (const auto& [name, value] : modules) {
        const Tensor found = samplesOf(*golden, name, value);
        const Tensor expected = tensorOf(*golden, name + ".samples");
        const Difference difference = differenceOf(found, expected);
        noteParity("network_256.safetensors", way + name, found, expected);
        qInfo().noquote() << sentence(name.c_str(), difference);
        QVERIFY2(difference.relative <= kTolerance, name.c_str());
        // Of all values, not of samples alone: their mean and standard deviation, to the same share of the
        // latter.
        const Tensor all = value.to(at::kCPU, at::kDouble);
        const Tensor moments = at::stack({all.mean(), all.std(true)});
        const Tensor expectedMoments = tensorOf(*golden, name + ".mean_std");
        noteParity("network_256.safetensors", way + name + ", mean and deviation", moments, expectedMoments);
        const double error = (moments - expectedMoments).abs().max().item<double>();
        qInfo("%s: mean and deviation differ by %.3g of the deviation", name.c_str(),
              error / expectedMoments[1].item<double>());
        QVERIFY2(error <= kTolerance * expectedMoments[1].item<double>(), name.c_str());
    }
    // The network takes these very steps; a GPU's libraries may choose another algorithm the second time.
    const Tensor again = network->forward(images).logits;
    QVERIFY(onGpu ? differenceOf(again, logits).relative <= kTolerance : at::equal(again, logits));
    const Tensor probability = at::sigmoid(logits);
    const Tensor expected = tensorOf(*golden, "probability");
    const Difference difference = differenceOf(probability, expected);
    noteParity("network_256.safetensors", way + "probability", probability, expected);
    qInfo().noquote() << sentence("probability", difference);
    QVERIFY(difference.absolute <= 1e-4);
}

void TestNetwork::trainingStepAgreesWithGolden_data() {
    addDevices();
}

void TestNetwork::trainingStepAgreesWithGolden() {
    QFETCH(bool, onGpu);
    if (onGpu && cudaSupport().plugin == nullptr)
        QSKIP(noGpu());
    if (!hasGolden("train_step_128.safetensors"))
        QSKIP("shared/golden is not beside the project.");
    const Result<TensorFile> golden = readSafetensors(goldenPath("train_step_128.safetensors"));
    QVERIFY(golden.ok());
    VmUnetV2 network = formulaNetwork();
    network->train();
    const c10::Device device(onGpu ? c10::kCUDA : c10::kCPU);
    network->to(device);
    const Tensor images = tensorOf(*golden, "input").to(device, at::kFloat);
    const Tensor target = tensorOf(*golden, "mask").to(device, at::kFloat);
    const Tensor losses = tensorOf(*golden, "losses");
    const std::string where = onGpu ? ", on a GPU" : "";
    // Of a tensor's largest gradient. Forward and backward through 13 blocks make about a thousand roundings
    // of 6e-8 out of one: 5e-5 is found on the processor. A GPU's exponential and logarithm are within 2^-22
    // of a value, four roundings.
    const double gradientTolerance = onGpu ? 2e-3 : 5e-4;
    // Norms average the roundings of their numbers, but some are of few numbers that nearly cancel.
    const double normTolerance = onGpu ? 2e-3 : 5e-4;
    const std::string firstStep = "train_step_128.safetensors, first step" + where;
    const std::string laterSteps = "train_step_128.safetensors, steps after AdamW's first" + where;

    std::vector<Tensor> parameters = network->parameters();
    std::vector<Tensor> first, second, counts;
    for (const Tensor& p : parameters) {
        first.push_back(at::zeros_like(p));
        second.push_back(at::zeros_like(p));
        counts.push_back(at::zeros({}, p.options()));
    }
    for (int step = 0; step < 3; ++step) {
        for (Tensor& p : parameters)
            p.mutable_grad() = Tensor();
        const LossParts parts = releasedLoss(network->forward(images).logits, target);
        (parts.bce + parts.dice).backward();
        // Step 0 differs by float32 rounding alone. AdamW's first step moves every weight by the full rate in
        // the direction of its gradient's sign, so that rounding of tiny gradients shows from step 1 on: a
        // weight that went the other way is off by 2e-3, a fiftieth of weights of about 0.1. 3e-3 is found.
        const double tolerance = step == 0 ? 1e-4 : 0.05;
        const double found[2] = {parts.bce.item<double>(), parts.dice.item<double>()};
        for (int k = 0; k < 2; ++k) {
            const double expected = losses[step][k].item<double>();
            m_parity.add(step == 0 ? firstStep : laterSteps, k == 0 ? "bce" : "dice", std::vector{found[k]},
                         std::vector{expected});
            qInfo("step %d, %s: %.7f, expected %.7f", step, k == 0 ? "bce" : "dice", found[k], expected);
            QVERIFY(std::abs(found[k] - expected) <= tolerance * std::abs(expected));
        }
        if (step == 0) {
            const auto names =
                nlohmann::json::parse(golden->metadata.at("grad_norm_names")).get<std::vector<std::string>>();
            const Tensor norms = tensorOf(*golden, "grad_norm");
            const auto byName = network->named_parameters();
            QCOMPARE(names.size(), parameters.size());
            const double largestNorm = norms.max().item<double>();
            double worst = 0.0;
            std::vector<double> foundNorms;
            for (std::size_t i = 0; i < names.size(); ++i) {
                const Tensor* parameter = byName.find(names[i]);
                QVERIFY2(parameter != nullptr, names[i].c_str());
                const double expected = norms[static_cast<std::int64_t>(i)].item<double>();
                const double norm = parameter->grad().norm().item<double>();
                foundNorms.push_back(norm);
                // Norms that are zero but for rounding (a bias before batch normalisation) are held against
                // the largest norm instead of their own.
                const double error = std::abs(norm - expected) / (expected + 1e-6 * largestNorm);
                worst = std::max(worst, error);
                QVERIFY2(error <= normTolerance,
                         qPrintable(QStringLiteral("%1: gradient norm %2, expected %3")
                                        .arg(QString::fromStdString(names[i]))
                                        .arg(norm)
                                        .arg(expected)));
            }
            qInfo("largest relative error of a gradient norm: %.3g", worst);
            m_parity.add(firstStep, "gradient norms", foundNorms, valuesOf(norms));
            for (const StoredTensor& stored : golden->tensors) {
                const std::string begin = "grad.";
                const std::string end = ".samples";
                if (!stored.name.starts_with(begin) || !stored.name.ends_with(end))
                    continue;
                const std::string name =
                    stored.name.substr(begin.size(), stored.name.size() - begin.size() - end.size());
                const Tensor index = tensorOf(*golden, "grad." + name + ".index").to(at::kLong);
                const Tensor gradient =
                    byName[name].grad().cpu().contiguous().flatten().index_select(0, index);
                const Tensor expected = tensorOf(*golden, stored.name);
                const Difference difference = differenceOf(gradient, expected);
                noteParity(firstStep, "gradient of " + name, gradient, expected);
                qInfo().noquote() << sentence(name.c_str(), difference);
                QVERIFY2(difference.relative <= gradientTolerance, name.c_str());
            }
        }
        const torch::NoGradGuard noGradients;
        std::vector<Tensor> gradients;
        for (const Tensor& p : parameters)
            gradients.push_back(p.grad());
        at::_foreach_add_(counts, 1.0);
        at::_fused_adamw_(parameters, gradients, first, second, {}, counts, 1e-3, 0.9, 0.999, 1e-2, 1e-8,
                          false, false);
    }
    const Difference mean = differenceOf(network->named_buffers()["Translayer_3.bn.running_mean"],
                                         tensorOf(*golden, "bn_running_mean.Translayer_3"));
    qInfo().noquote() << sentence("running mean after three steps", mean);
    noteParity(laterSteps, "running mean", network->named_buffers()["Translayer_3.bn.running_mean"],
               tensorOf(*golden, "bn_running_mean.Translayer_3"));
    // A running mean takes a tenth of each step's mean: of the two later steps, which may be off by the
    // losses' 0.05, a fifth. 6e-4 is found.
    QVERIFY(mean.relative <= 0.01);
}

void TestNetwork::anySizeGivesItsOwnSize_data() {
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::newRow("onePixel") << 1 << 1;
    QTest::newRow("multipleOf32") << 32 << 64;
    QTest::newRow("oddAndWide") << 33 << 97;
    QTest::newRow("tall") << 130 << 31;
}

void TestNetwork::anySizeGivesItsOwnSize() {
    QFETCH(int, height);
    QFETCH(int, width);
    const torch::NoGradGuard noGradients;
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    options.config.classes = 3;
    VmUnetV2 network(options);
    network->initialise(7);
    network->eval();
    const Tensor logits = network->forward(at::full({2, 3, height, width}, 100.0)).logits;
    QCOMPARE(logits.sizes().vec(), (std::vector<std::int64_t>{2, 3, height, width}));
    QVERIFY(logits.isfinite().all().item<bool>());
    // A grey image is the same as its three equal channels.
    const Tensor grey = network->forward(at::full({1, 1, height, width}, 100.0)).logits;
    QVERIFY(at::equal(grey[0], logits[0]) || differenceOf(grey[0], logits[0]).relative < 1e-6);
    // A wrong number of channels is refused, also by the packed network, which would read or write beside
    // them.
    QVERIFY_EXCEPTION_THROWN(network->forward(at::zeros({1, 2, height, width})), c10::Error);
    VmUnetV2 packed = network;
    packed->packForProcessor();
    for (const int channels : {2, 4})
        QVERIFY_EXCEPTION_THROWN(packed->forward(at::zeros({1, channels, height, width})), c10::Error);
}

void TestNetwork::threadsAndBatchSplitsDoNotMatter_data() {
    QTest::addColumn<bool>("packed");
    QTest::newRow("modules") << false;
    QTest::newRow("packed") << true;
}

void TestNetwork::threadsAndBatchSplitsDoNotMatter() {
    QFETCH(bool, packed);
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = smallNetwork({1, 1, 2, 0});
    if (packed)
        network->packForProcessor();
    const Tensor images = at::rand({3, 3, 64, 96}).mul_(255.0);
    const int before = at::get_num_threads();
    at::set_num_threads(1);
    const std::vector<Tensor> oneFeatures = network->encode(images);
    const Tensor one = network->forward(images).logits;
    at::set_num_threads(2); // a whole image for each, then the third shared
    const Tensor shared = network->forward(images).logits;
    at::set_num_threads(4);
    const std::vector<Tensor> manyFeatures = network->encode(images);
    const Tensor many = network->forward(images).logits;
    at::set_num_threads(before);
    // Our own operators give the same bits; LibTorch's matrix products may split sums by thread count.
    QVERIFY(differenceOf(many, one).relative <= 2e-6);
    QVERIFY(differenceOf(shared, one).relative <= 2e-6);
    for (int i = 0; i < 3; ++i)
        QVERIFY(differenceOf(network->forward(images.narrow(0, i, 1)).logits, one.narrow(0, i, 1)).relative <=
                2e-6);
    if (!packed)
        return;
    QVERIFY(at::equal(many, one));
    QVERIFY(at::equal(shared, one));
    for (int i = 0; i < 3; ++i)
        QVERIFY(at::equal(network->forward(images.narrow(0, i, 1)).logits, one.narrow(0, i, 1)));
    for (std::size_t level = 0; level < oneFeatures.size(); ++level) {
        QVERIFY(at::equal(manyFeatures[level], oneFeatures[level]));
        for (int i = 0; i < 3; ++i)
            QVERIFY(at::equal(network->encode(images.narrow(0, i, 1))[level],
                              oneFeatures[level].narrow(0, i, 1)));
    }
}

// Forward and backward of a step with all heads, as training runs it.
void TestNetwork::trainingStepDoesNotDependOnThreads() {
    VmUnetV2Options options;
    options.config.depths = {1, 1, 2, 0};
    options.allOutputs = true;
    VmUnetV2 network(options);
    network->initialise(3);
    at::manual_seed(6);
    const Tensor images = at::rand({2, 3, 64, 96}).mul_(255.0);
    const Tensor target = at::rand({2, 1, 64, 96}).round_();
    const TensorFile begin = storeWeights(network);
    const int before = at::get_num_threads();
    // Loss, gradients and running statistics after it.
    const auto stepWith = [&](int threads) {
        std::vector<std::pair<std::string, Tensor>> results;
        at::set_num_threads(threads);
        if (!loadWeights(network, begin).ok())
            return results;
        network->train();
        for (const auto& item : network->named_parameters())
            item.value().mutable_grad() = Tensor();
        const VmUnetV2Impl::Output output = network->forward(images);
        const LossParts parts = releasedLoss(output.logits, target);
        Tensor loss = parts.bce + parts.dice;
        for (const Tensor& head : output.heads)
            loss = loss + head.square().mean();
        loss.backward();
        results.emplace_back("loss", loss.detach());
        for (const auto& item : network->named_parameters())
            if (item.value().grad().defined())
                results.emplace_back(item.key(), item.value().grad());
        for (const auto& item : network->named_buffers())
            if (item.value().scalar_type() == at::kFloat)
                results.emplace_back(item.key(), item.value().clone());
        return results;
    };
    const auto one = stepWith(1);
    QVERIFY(one.size() > 100);
    for (const int threads : {1, 2, 4}) {
        const auto several = stepWith(threads);
        at::set_num_threads(before);
        QCOMPARE(several.size(), one.size());
        double worst = 0.0;
        for (std::size_t i = 0; i < one.size(); ++i) {
            QCOMPARE(several[i].first, one[i].first);
            const Difference difference = differenceOf(several[i].second, one[i].second);
            worst = std::max(worst, difference.relative);
            if (threads == 1)
                QVERIFY2(difference.absolute == 0.0, one[i].first.c_str());
            // LibTorch's products and convolutions split their sums by the number of threads: roundings of
            // 6e-8, which pass through the network forward and backward and come out some ten times larger.
            QVERIFY2(difference.relative <= 5e-5, qPrintable(sentence(one[i].first.c_str(), difference)));
        }
        qInfo("%d threads: %.3g of an array's largest value at most", threads, worst);
    }
}

void TestNetwork::packedNetworkDoesNotDependOnWhatRanBefore() {
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = smallNetwork({1, 1, 1, 0});
    network->packForProcessor();
    const Tensor images = at::rand({1, 3, 64, 64}).mul_(255.0);
    const Tensor first = network->forward(images).logits;
    network->forward(at::full({2, 3, 96, 32}, 255.0));
    network->forward(at::rand({1, 3, 64, 64}).mul_(1e6));
    QVERIFY(at::equal(network->forward(images).logits, first));
}

void TestNetwork::packedNetworkAgreesWithModules_data() {
    QTest::addColumn<bool>("stageOutputs");
    QTest::newRow("stage inputs") << false;
    QTest::newRow("stage outputs") << true;
}

void TestNetwork::packedNetworkAgreesWithModules() {
    QFETCH(bool, stageOutputs);
    VmUnetV2 network = smallNetwork({2, 1, 1, 1}, stageOutputs ? Taps::StageOutputs : Taps::StageInputs);
    const Tensor images = at::rand({2, 3, 64, 96}).mul_(255.0);
    const Tensor odd = at::rand({1, 3, 70, 33}).mul_(255.0);
    std::vector<Tensor> modules, packed;
    {
        const torch::NoGradGuard noGradients;
        modules = network->encode(images);
        const Tensor logits = network->forward(images).logits;
        const Tensor oddLogits = network->forward(odd).logits;
        network->packForProcessor();
        packed = network->encode(images);
        // Twice what is asked of the features below: the decoder multiplies four maps made of them, so that
        // their errors add up.
        for (const auto& [input, expected] : {std::pair(images, logits), std::pair(odd, oddLogits)}) {
            const Difference difference = differenceOf(network->forward(input).logits, expected);
            qInfo().noquote() << sentence("logits", difference);
            QVERIFY(difference.relative <= 1e-5);
        }
        QCOMPARE(logits.size(1), std::int64_t{3});
    }
    QCOMPARE(packed.size(), modules.size());
    // Other orders of summing in products and norms: some roundings of 6e-8 through five blocks.
    for (std::size_t level = 0; level < packed.size(); ++level) {
        QCOMPARE(packed[level].sizes().vec(), modules[level].sizes().vec());
        QVERIFY(differenceOf(packed[level], modules[level]).relative <= 5e-6);
    }
    // Packed weights are for proposals: what gradients are asked of goes through the modules.
    network->forward(images).logits.sum().backward();
    QVERIFY(network->named_parameters()["vmunet.patch_embed.proj.weight"].grad().defined());
    // They follow the weights when asked to.
    const torch::NoGradGuard noGradients;
    network->named_parameters()["vmunet.layers.0.blocks.0.self_attention.out_proj.weight"].mul_(3.0);
    QVERIFY(at::equal(network->encode(images)[2], packed[2]));
    network->packForProcessor();
    QVERIFY(differenceOf(network->encode(images)[2], packed[2]).relative > 1e-4);
}

void TestNetwork::otherInputChannelsAreComputed_data() {
    QTest::addColumn<int>("channels");
    for (const int channels : {1, 2, 4, 64})
        QTest::addRow("%d", channels) << channels;
}

// The engine takes colour images; the network takes what its first weights say.
void TestNetwork::otherInputChannelsAreComputed() {
    QFETCH(int, channels);
    const torch::NoGradGuard noGradients;
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    options.config.inputChannels = channels;
    VmUnetV2 network(options);
    fillByFormula(*network, "");
    network->eval();
    const Tensor images = at::rand({2, channels, 40, 96}).mul_(255.0);
    const Tensor logits = network->forward(images).logits;
    QCOMPARE(logits.sizes().vec(), (std::vector<std::int64_t>{2, 1, 40, 96}));
    network->packForProcessor();
    const Tensor packed = network->forward(images).logits;
    // Products with weights in another order: some roundings of 6e-8 through three blocks and the decoder.
    QVERIFY(differenceOf(packed, logits).relative <= 1e-5);
    // Every channel counts, and each on its own: the patch embedding sums over them.
    for (int channel = 0; channel < channels; ++channel) {
        Tensor without = images.clone();
        without.select(1, channel).zero_();
        QVERIFY(differenceOf(network->forward(without).logits, packed).absolute > 0.0);
    }
    const Result<TensorFile> file = parseCheckpoint(*packSafetensors(storeWeights(network)), "channels");
    LIMN_VERIFY_OK(file);
    QCOMPARE(configOf(*file)->inputChannels, channels);
    for (const int other : {channels - 1, channels + 1})
        if (other > 0)
            QVERIFY_EXCEPTION_THROWN(network->forward(at::zeros({1, other, 32, 32})), c10::Error);
}

void TestNetwork::stageOutputsUseTheFourthStage() {
    const torch::NoGradGuard noGradients;
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 1};
    options.config.taps = Taps::StageOutputs;
    VmUnetV2 network(options);
    network->initialise(5);
    network->eval();
    const Tensor images = at::rand({1, 3, 64, 64}).mul_(255.0);
    const std::vector<Tensor> features = network->encode(images);
    const std::int64_t sides[4] = {16, 8, 4, 2};
    for (int level = 0; level < 4; ++level)
        QCOMPARE(features[level].sizes().vec(),
                 (std::vector<std::int64_t>{1, sides[level], sides[level], kStageChannels[level]}));
    const Tensor before = network->forward(images).logits;
    network->named_parameters()["vmunet.layers.3.blocks.0.self_attention.out_proj.weight"].mul_(3.0);
    QVERIFY(differenceOf(network->forward(images).logits, before).absolute > 0.0);
}

void TestNetwork::weightsSurviveStoringAndLoading() {
    const torch::NoGradGuard noGradients;
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    VmUnetV2 first(options);
    first->initialise(11);
    const TensorFile file = storeWeights(first);
    VmUnetV2 second(options);
    second->initialise(12);
    const Result<void> loaded = loadWeights(second, file);
    QVERIFY2(loaded.ok(), loaded.ok() ? "" : loaded.error().message().c_str());
    first->eval();
    second->eval();
    const Tensor images = at::rand({1, 3, 32, 32}).mul_(255.0);
    QVERIFY(at::equal(first->forward(images).logits, second->forward(images).logits));

    TensorFile broken = file;
    broken.tensors.front().shape.push_back(1);
    broken.tensors.erase(broken.tensors.begin() + 1);
    const Result<void> refused = loadWeights(second, broken);
    QVERIFY(!refused.ok());
    QCOMPARE(refused.error().code, ErrorCode::CheckpointMismatch);
    QVERIFY(refused.error().message().find(file.tensors[0].name) != std::string::npos);
    QVERIFY(refused.error().message().find(file.tensors[1].name) != std::string::npos);
}

// What checkAgainst() asks of a file is what loadWeights() copies into.
void TestNetwork::theListOfTensorsIsTheModules_data() {
    QTest::addColumn<int>("classes");
    QTest::addColumn<bool>("stageOutputs");
    for (const int classes : {1, 2, 3, 255})
        for (const bool stageOutputs : {false, true})
            QTest::addRow("%d classes, %s", classes, stageOutputs ? "stage outputs" : "stage inputs")
                << classes << stageOutputs;
}

void TestNetwork::theListOfTensorsIsTheModules() {
    QFETCH(int, classes);
    QFETCH(bool, stageOutputs);
    VmUnetV2Options options;
    options.config.depths = {1, 2, 1, 1};
    options.config.inputChannels = 4;
    options.config.classes = classes;
    options.config.taps = stageOutputs ? Taps::StageOutputs : Taps::StageInputs;
    std::map<std::string, std::vector<std::int64_t>> expected;
    for (const TensorSpec& spec : expectedTensors(options.config))
        expected[spec.name] = spec.shape;
    for (const bool allOutputs : {false, true}) {
        options.allOutputs = allOutputs;
        const VmUnetV2 network(options);
        std::map<std::string, std::vector<std::int64_t>> found;
        for (const auto& item : network->named_parameters())
            found[item.key()] = item.value().sizes().vec();
        for (const auto& item : network->named_buffers())
            found[item.key()] = item.value().sizes().vec();
        for (const auto& [name, shape] : found) {
            QVERIFY2(expected.contains(name), name.c_str());
            QVERIFY2(expected[name] == shape, name.c_str());
        }
        for (const auto& [name, shape] : expected)
            QVERIFY2(found.contains(name) || !isLive(options.config, name), name.c_str());
    }
}

// Heads that cannot reach the output may be anything in a file, unless the network has them: for training
// with supervision of all outputs.
void TestNetwork::headsOfOtherShapesAreNamed() {
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    options.allOutputs = true;
    VmUnetV2 all(options);
    all->initialise(3);
    options.allOutputs = false;
    VmUnetV2 fused(options);
    const TensorFile good = storeWeights(all);
    const auto with = [&good](const std::string& name, DType dtype, const std::vector<std::int64_t>& shape) {
        TensorFile file = good;
        StoredTensor& tensor = *std::find_if(file.tensors.begin(), file.tensors.end(),
                                             [&](const StoredTensor& t) { return t.name == name; });
        tensor = {name, dtype, shape, {}};
        tensor.bytes.resize(static_cast<std::size_t>(tensor.count()) * sizeOf(dtype));
        return file;
    };
    const std::vector<std::pair<TensorFile, std::string>> files{
        {with("seg_outs.0.weight", DType::F32, {96, 48, 3, 3}),
         "seg_outs.0.weight is [96, 48, 3, 3] (expected [1, 48, 1, 1])"},
        {with("seg_outs.0.weight", DType::F32, {7}), "seg_outs.0.weight is [7] (expected [1, 48, 1, 1])"},
        {with("seg_outs.1.weight", DType::F16, {48}), "seg_outs.1.weight is [48] (expected [1, 48, 1, 1])"},
        {with("seg_outs.1.bias", DType::I32, {1}),
         "seg_outs.1.bias holds I32 (expected floating-point numbers)"}};
    for (const auto& [file, words] : files) {
        const Result<void> loaded = loadWeights(all, file);
        QVERIFY(!loaded.ok());
        QCOMPARE(loaded.error().code, ErrorCode::CheckpointMismatch);
        QVERIFY2(loaded.error().message().find(words) != std::string::npos, loaded.error().message().c_str());
        LIMN_VERIFY_OK(loadWeights(fused, file));
    }
    // A file of our own lacks them; they keep what they began with.
    TensorFile shipped = good;
    std::erase_if(shipped.tensors, [&](const StoredTensor& t) { return !isLive(options.config, t.name); });
    QVERIFY(shipped.tensors.size() < good.tensors.size());
    LIMN_VERIFY_OK(loadWeights(all, shipped));
    // In one error with the others.
    TensorFile several = files[0].first;
    std::erase_if(several.tensors, [](const StoredTensor& t) { return t.name == "deconv2.weight"; });
    const Result<void> loaded = loadWeights(all, several);
    QVERIFY(!loaded.ok());
    for (const char* name : {"seg_outs.0.weight is", "deconv2.weight is missing"})
        QVERIFY2(loaded.error().message().find(name) != std::string::npos, loaded.error().message().c_str());
    // A file whose names alone were read holds no numbers to copy.
    TensorFile names = good;
    for (StoredTensor& tensor : names.tensors)
        tensor.bytes.clear();
    const Result<void> empty = loadWeights(fused, names);
    QVERIFY(!empty.ok());
    QCOMPARE(empty.error().code, ErrorCode::CheckpointInvalid);
}

// What is loaded from a file, or why it is not, when one thing and another in it is wrong; as programs do it:
// configuration, check, network, weights.
void TestNetwork::mutatedNetworksAreLoadedOrRefused() {
    constexpr unsigned kMutations = 240;
    std::vector<TensorFile> good;
    for (const int classes : {1, 3}) {
        VmUnetV2Options options;
        options.config.depths = {1, 1, 1, 0};
        options.config.classes = classes;
        options.allOutputs = true;
        VmUnetV2 network(options);
        network->initialise(17);
        TensorFile file = storeWeights(network);
        for (StoredTensor& tensor : file.tensors)
            tensor = tensor.converted(DType::F16);
        file.tensors.push_back(StoredTensor::fromFloat("deconv5.weight", {2, 3}, std::vector<float>(6)));
        file.tensors.push_back(StoredTensor::fromFloat("vmunet.layers.3.blocks.1.ln_1.bias", {1}, {{0.0f}}));
        good.push_back(std::move(file));
    }
    // Networks are kept by what they are made from.
    std::map<std::string, VmUnetV2> networks;
    const auto networkOf = [&networks](const NetworkConfig& config, bool allOutputs) {
        std::string key = allOutputs ? "all " : "fused ";
        for (const int number : config.depths)
            key += std::to_string(number) + " ";
        key += std::to_string(config.classes) + " " + std::to_string(config.inputChannels);
        auto known = networks.find(key);
        if (known == networks.end())
            known = networks.emplace(key, VmUnetV2(VmUnetV2Options{config, 0.0, allOutputs})).first;
        return known->second;
    };
    int loaded = 0;
    for (unsigned i = 0; i < kMutations; ++i) {
        std::mt19937 random(i);
        const bool allOutputs = i % 4 < 2;
        TensorFile mutant = good[i % 2];
        mutate(mutant, random);
        const Result<std::vector<unsigned char>> bytes = packSafetensors(mutant);
        LIMN_VERIFY_OK(bytes);
        const Result<TensorFile> file = parseCheckpoint(*bytes, "mutant.safetensors");
        LIMN_VERIFY_OK(file);
        const Result<NetworkConfig> config = configOf(*file);
        Result<void> fits = config ? checkAgainst(*config, *file, allOutputs) : config.error();
        if (fits) {
            VmUnetV2 network = networkOf(*config, allOutputs);
            fits = loadWeights(network, *file);
            LIMN_VERIFY_OK(fits); // what passes the check can be loaded
            ++loaded;
            const auto holds = [&](const auto& items) {
                for (const auto& item : items) {
                    const StoredTensor* stored = file->find(item.key());
                    if (stored == nullptr || item.value().scalar_type() != at::kFloat)
                        continue;
                    const std::vector<float> values = stored->toFloat();
                    const float* found = item.value().template const_data_ptr<float>();
                    if (stored->shape != item.value().sizes().vec() ||
                        std::memcmp(found, values.data(), values.size() * sizeof(float)) != 0)
                        return false;
                }
                return true;
            };
            QVERIFY2(holds(network->named_parameters()) && holds(network->named_buffers()),
                     qPrintable(QString::number(i)));
        } else {
            const std::string message = fits.error().message();
            QVERIFY2(message.starts_with("mutant.safetensors") && message.size() < 4000, message.c_str());
        }
    }
    qInfo("%d of %u loaded, into %d networks", loaded, kMutations, static_cast<int>(networks.size()));
    // Both happen often, or the mutations would test little.
    QVERIFY(loaded > 20 && loaded < 200);
}

void TestNetwork::checkpointsGiveTheirOwnLogits_data() {
    QTest::addColumn<int>("classes");
    QTest::addColumn<DType>("dtype");
    for (const int classes : {1, 2, 3, 255})
        for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16})
            QTest::addRow("%d classes, %s", classes, nameOf(dtype).data()) << classes << dtype;
}

// A checkpoint of any number of classes, in any kind of number, gives the network that its numbers make when
// they are set one by one; for proposals on the processor too.
void TestNetwork::checkpointsGiveTheirOwnLogits() {
    QFETCH(int, classes);
    QFETCH(DType, dtype);
    const torch::NoGradGuard noGradients;
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    options.config.classes = classes;
    VmUnetV2 expected(options);
    fillByFormula(*expected, "");
    TensorFile stored = storeWeights(expected);
    for (StoredTensor& tensor : stored.tensors)
        tensor = tensor.converted(dtype);
    const auto fill = [&stored](const auto& items) {
        for (const auto& item : items) {
            if (item.value().scalar_type() != at::kFloat)
                continue;
            const std::vector<float> values = stored.find(item.key())->toFloat();
            item.value().copy_(
                at::from_blob(const_cast<float*>(values.data()), item.value().sizes(), at::kFloat));
        }
    };
    fill(expected->named_parameters());
    fill(expected->named_buffers());
    expected->eval();

    const Result<std::vector<unsigned char>> bytes = packSafetensors(stored);
    LIMN_VERIFY_OK(bytes);
    const Result<TensorFile> file = parseCheckpoint(*bytes, "classes.safetensors");
    LIMN_VERIFY_OK(file);
    const Result<NetworkConfig> config = configOf(*file);
    LIMN_VERIFY_OK(config);
    QVERIFY(*config == options.config);
    VmUnetV2 loaded(VmUnetV2Options{*config, 0.0, false});
    LIMN_VERIFY_OK(loadWeights(loaded, *file));
    loaded->eval();
    const Tensor images = at::rand({1, 3, 32, 64}).mul_(255.0);
    const Tensor logits = expected->forward(images).logits;
    QCOMPARE(logits.size(1), std::int64_t{classes});
    QVERIFY(at::equal(loaded->forward(images).logits, logits));
    // Products with weights in another order: some roundings of 6e-8 through three blocks and the decoder.
    loaded->packForProcessor();
    QVERIFY(differenceOf(loaded->forward(images).logits, logits).relative <= 1e-5);
}

QTEST_APPLESS_MAIN(TestNetwork)
#include "tst_network.moc"
