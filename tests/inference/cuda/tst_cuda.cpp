// SPDX-License-Identifier: GPL-3.0-or-later
// The GPU against the processor on fresh random inputs, and against golden values; two equal runs give equal
// bits. Skipped, saying why, where no GPU can be used.
#include "inference/network/cuda_plugin.h"
#include "inference/network/fused_network.h"
#include "inference/network/graph_runner.h"
#include "inference/network/ss2d_core.h"
#include "tests/inference/cuda/head_fixture.h"
#include "tests/inference/network/network_fixture.h"

#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>

#include <QtTest/QTest>

using namespace limn;
using namespace limn::testing;
using at::Tensor;

namespace {

// channels: of the block's inner part; the block itself has half of them.
Ss2dWeights randomWeights(std::int64_t channels, std::int64_t rank) {
    const std::int64_t outside = channels / 2;
    Ss2dWeights w;
    w.inputNormWeight = at::rand({outside}).add_(0.5);
    w.inputNormBias = at::randn({outside}).mul_(0.1);
    w.inProjection = at::randn({2 * channels, outside}).mul_(1.0 / std::sqrt(static_cast<double>(outside)));
    w.outProjection = at::randn({outside, channels}).mul_(1.0 / std::sqrt(static_cast<double>(channels)));
    w.convWeight = at::randn({channels, 1, 3, 3}).mul_(0.4);
    w.convBias = at::randn({channels}).mul_(0.1);
    w.projection = at::randn({4, rank + 32, channels}).mul_(1.0 / std::sqrt(static_cast<double>(channels)));
    w.dtWeight = at::randn({4, channels, rank}).mul_(1.0 / std::sqrt(static_cast<double>(rank)));
    w.dtBias = at::rand({4, channels}).mul_(4.0).sub_(6.0);
    w.logRates = at::rand({4 * channels, 16}).mul_(2.75);
    w.skip = at::rand({4 * channels}).add_(0.5);
    w.normWeight = at::rand({channels}).add_(0.5);
    w.normBias = at::randn({channels}).mul_(0.1);
    return w;
}

std::vector<Tensor*> members(Ss2dWeights& w) {
    return {&w.inputNormWeight, &w.inputNormBias, &w.inProjection, &w.convWeight, &w.convBias,
            &w.projection,      &w.dtWeight,      &w.dtBias,       &w.logRates,   &w.skip,
            &w.normWeight,      &w.normBias,      &w.outProjection};
}

constexpr const char* kNames[] = {
    "ln_1.weight",     "ln_1.bias",       "in_proj.weight", "conv2d.weight", "conv2d.bias",
    "x_proj_weight",   "dt_projs_weight", "dt_projs_bias",  "A_logs",        "Ds",
    "out_norm.weight", "out_norm.bias",   "out_proj.weight"};

Tensor packedWeightsOnTheGpu(const VmUnetV2& network) {
    const auto weights = packedWeights(network);
    return at::from_blob(weights.get(), {static_cast<std::int64_t>(sizeof(gpu::HeadWeights))}, at::kByte)
        .cuda();
}

// The scratch holds NaN everywhere at first, so that a value read before it was written shows.
Tensor decodeOnTheGpu(const Tensor& weights, const std::vector<Tensor>& features) {
    const gpu::Plugin& plugin = *cudaSupport().plugin;
    gpu::HeadProblem problem;
    problem.batch = static_cast<int>(features[0].size(0));
    problem.height = static_cast<int>(features[0].size(1)) * 4;
    problem.width = static_cast<int>(features[0].size(2)) * 4;
    for (std::size_t level = 0; level < features.size(); ++level)
        problem.features[level] = features[level].data_ptr<float>();
    problem.weights = static_cast<const gpu::HeadWeights*>(weights.data_ptr());
    const gpu::HeadScratch plan = plugin.planHeadScratch(problem.batch, problem.height, problem.width);
    const Tensor scratch = at::full({plan.bytes}, 0xff, weights.options());
    const Tensor out =
        at::full({problem.batch, 1, problem.height, problem.width}, std::nan(""), features[0].options());
    const int code = plugin.headForward(problem, scratch.data_ptr(), out.data_ptr<float>(),
                                        plugin.currentStream(), 0, gpu::kHeadSteps);
    TORCH_CHECK(code == 0, plugin.errorText(code));
    return out;
}

} // namespace

class TestCuda : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void agreesWithTheProcessor_data();
    void agreesWithTheProcessor();
    void gradientsAgreeWithTheProcessor_data();
    void gradientsAgreeWithTheProcessor();
    void smallProductsAgree_data();
    void smallProductsAgree();
    void smallProductsWithNormAgree_data();
    void smallProductsWithNormAgree();
    void runsAreEqual();
    void recordedRunsEqualPlainRuns();
    void fusedNetworkAgreesWithTheNetwork_data();
    void fusedNetworkAgreesWithTheNetwork();
    void networkAgreesWithTheProcessor_data();
    void networkAgreesWithTheProcessor();
    void wholeNetworkAgreesWithGolden();
    void fusedDecoderAgreesWithTheModule_data();
    void fusedDecoderAgreesWithTheModule();
    void fusedDecoderIsTheSameAloneAndInABatch();
};

void TestCuda::initTestCase() {
    if (cudaSupport().plugin == nullptr)
        QSKIP(qPrintable(QStringLiteral("No GPU can be used here: %1.")
                             .arg(QString::fromStdString(cudaSupport().reason))));
    // Comparisons are of the kernels' arithmetic: matrix products in full float32.
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
}

void TestCuda::agreesWithTheProcessor_data() {
    QTest::addColumn<int>("batch");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("channels");
    QTest::addColumn<int>("rank");
    QTest::newRow("onePixel") << 1 << 1 << 1 << 32 << 2;
    QTest::newRow("oneRow") << 2 << 1 << 33 << 32 << 6;
    QTest::newRow("oneColumn") << 2 << 67 << 1 << 32 << 6;
    QTest::newRow("notSquare") << 3 << 7 << 5 << 64 << 6;
    QTest::newRow("channelsNotOfABlock") << 2 << 9 << 11 << 40 << 5;
    QTest::newRow("stage1") << 1 << 64 << 64 << 192 << 6;
    QTest::newRow("stage2") << 2 << 32 << 32 << 384 << 12;
    QTest::newRow("stage3") << 2 << 16 << 16 << 768 << 24;
    QTest::newRow("stage4") << 2 << 8 << 8 << 1536 << 48;
    QTest::newRow("stage2OfOneImage") << 1 << 32 << 32 << 384 << 12;
    QTest::newRow("stage3OfOneImage") << 1 << 16 << 16 << 768 << 24;
    QTest::newRow("largeRankInPieces") << 1 << 5 << 29 << 100 << 48;
    QTest::newRow("piecesNotFull") << 1 << 23 << 31 << 132 << 12;
    QTest::newRow("stage3At224") << 1 << 14 << 14 << 768 << 24;
    QTest::newRow("longRowsInChunks") << 1 << 200 << 333 << 64 << 6;
    QTest::newRow("largeBatch") << 70 << 8 << 8 << 96 << 6;
    QTest::newRow("stage1At2048") << 1 << 512 << 512 << 192 << 6;
}

void TestCuda::agreesWithTheProcessor() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    QFETCH(int, channels);
    QFETCH(int, rank);
    const torch::NoGradGuard noGradients;
    Ss2dWeights w = randomWeights(channels, rank);
    const Tensor x = at::randn({batch, height, width, channels / 2});
    const Tensor expected = ss2dBranch(x, w);
    for (Tensor* t : members(w))
        *t = t->cuda();
    const Tensor found = ss2dBranch(x.cuda(), w);
    const Difference difference = differenceOf(found, expected);
    qInfo().noquote() << sentence(QTest::currentDataTag(), difference);
    // ex2.approx and lg2.approx are within 2^-22 of a value; over a row's sums some 1e-5 of the largest value
    // remain, and LayerNorm multiplies differences where a row's spread is small.
    QVERIFY(difference.relative <= 2e-4);
}

void TestCuda::gradientsAgreeWithTheProcessor_data() {
    agreesWithTheProcessor_data();
}

void TestCuda::gradientsAgreeWithTheProcessor() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    QFETCH(int, channels);
    QFETCH(int, rank);
    Ss2dWeights cpu = randomWeights(channels, rank);
    Ss2dWeights gpu = cpu;
    for (Tensor* t : members(gpu))
        *t = t->cuda().requires_grad_(true);
    for (Tensor* t : members(cpu))
        t->requires_grad_(true);
    Tensor x = at::randn({batch, height, width, channels / 2});
    const Tensor gradOut = at::randn({batch, height, width, channels / 2});
    Tensor xGpu = x.cuda().requires_grad_(true);
    x.requires_grad_(true);
    ss2dBranch(x, cpu).backward(gradOut);
    ss2dBranch(xGpu, gpu).backward(gradOut.cuda());
    const auto check = [](const char* what, const Tensor& found, const Tensor& expected) {
        const Difference difference = differenceOf(found, expected);
        qInfo().noquote() << sentence(what, difference);
        // Sums over every pixel of the batch: rounding grows with the square root of their number.
        return difference.relative <= 2e-3;
    };
    QVERIFY(check("x", xGpu.grad(), x.grad()));
    const auto cpuMembers = members(cpu);
    const auto gpuMembers = members(gpu);
    for (std::size_t i = 0; i < cpuMembers.size(); ++i)
        QVERIFY2(check(kNames[i], gpuMembers[i]->grad(), cpuMembers[i]->grad()), kNames[i]);
}

void TestCuda::smallProductsAgree_data() {
    QTest::addColumn<int>("rows");
    QTest::addColumn<int>("columns");
    QTest::addColumn<int>("depth");
    QTest::newRow("oneRow") << 1 << 8 << 192;
    QTest::newRow("rowsNotOfATile") << 77 << 176 << 384;
    QTest::newRow("columnsNotOfATile") << 300 << 152 << 192;
    QTest::newRow("stage1In") << 4096 << 384 << 96;
    QTest::newRow("stage1Steps") << 4096 << 152 << 192;
    QTest::newRow("stage1Out") << 4096 << 96 << 192;
    QTest::newRow("stage2In") << 1024 << 768 << 192;
    QTest::newRow("stage3In") << 256 << 1536 << 384;
    QTest::newRow("stage3Steps") << 256 << 224 << 768;
    QTest::newRow("stage3Out") << 256 << 384 << 768;
    QTest::newRow("wideAndDeep") << 600 << 600 << 768;
}

void TestCuda::smallProductsAgree() {
    QFETCH(int, rows);
    QFETCH(int, columns);
    QFETCH(int, depth);
    const gpu::Plugin& plugin = *cudaSupport().plugin;
    if (!plugin.shape().clusters)
        QSKIP("Small products are for GPUs of compute capability 9.0 and later.");
    const Tensor a = at::randn({rows, depth}).to(at::kBFloat16).cuda();
    const Tensor weight = at::randn({columns, depth}).to(at::kBFloat16).cuda();
    const Tensor expected = at::mm(a.to(at::kDouble), weight.to(at::kDouble).t());
    for (const bool half : {false, true}) {
        const auto options = a.options().dtype(half ? at::kBFloat16 : at::kFloat);
        const auto product = [&] {
            Tensor out = at::full({rows, columns}, std::nan(""), options);
            const int code = plugin.smallProduct(half ? gpu::Element::BFloat16 : gpu::Element::Float32, rows,
                                                 columns, depth, a.data_ptr(), weight.data_ptr(),
                                                 out.data_ptr(), plugin.currentStream());
            TORCH_CHECK(code == 0, plugin.errorText(code));
            return out;
        };
        const Tensor found = product();
        const Difference difference = differenceOf(found.to(at::kDouble), expected);
        qInfo().noquote() << sentence(half ? "bfloat16" : "float32", difference);
        // Sums of up to 768 terms in float32; rounded to 8 bits.
        QVERIFY(difference.absolute <= (half ? 0.004 : 2e-6) * expected.abs().max().item<double>());
        QVERIFY(at::equal(product(), found));
    }
}

void TestCuda::smallProductsWithNormAgree_data() {
    QTest::addColumn<int>("rows");
    QTest::addColumn<int>("columns");
    for (const int columns : {96, 192, 384})
        for (const int rows : {1, 77, 37748736 / columns / columns})
            QTest::addRow("%dx%d", rows, columns) << rows << columns;
}

void TestCuda::smallProductsWithNormAgree() {
    QFETCH(int, rows);
    QFETCH(int, columns);
    const gpu::Plugin& plugin = *cudaSupport().plugin;
    if (!plugin.shape().clusters)
        QSKIP("Small products are for GPUs of compute capability 9.0 and later.");
    const Tensor a = at::randn({rows, 2 * columns}).to(at::kBFloat16).cuda();
    const Tensor weight = at::randn({columns, 2 * columns}).mul_(0.1).to(at::kBFloat16).cuda();
    const Tensor x = at::randn({rows, columns}).cuda();
    const Tensor normWeight = at::rand({columns}).add_(0.5).cuda();
    const Tensor normBias = at::randn({columns}).cuda();
    for (const bool addsX : {true, false})
        for (const bool normalises : {true, false}) {
            Tensor expectedSum = at::mm(a.to(at::kDouble), weight.to(at::kDouble).t());
            if (addsX)
                expectedSum = expectedSum + x.to(at::kDouble);
            const Tensor expected = at::layer_norm(expectedSum, {columns}, normWeight.to(at::kDouble),
                                                   normBias.to(at::kDouble), 1e-5);
            Tensor sum = x.clone(); // the sum takes x's place
            Tensor out = at::full({rows, columns}, std::nan(""), a.options());
            const int code = plugin.smallProductNorm(
                rows, columns, a.data_ptr(), weight.data_ptr(), addsX ? sum.data_ptr<float>() : nullptr,
                normWeight.data_ptr<float>(), normBias.data_ptr<float>(), sum.data_ptr<float>(),
                normalises ? out.data_ptr() : nullptr, plugin.currentStream());
            QCOMPARE(code, 0);
            const Difference ofSum = differenceOf(sum.to(at::kDouble), expectedSum);
            QVERIFY(ofSum.absolute <= 2e-6 * expectedSum.abs().max().item<double>());
            if (!normalises)
                continue;
            const Difference difference = differenceOf(out.to(at::kDouble), expected);
            qInfo().noquote() << sentence("normalised, bfloat16", difference);
            QVERIFY(difference.absolute <= 0.004 * expected.abs().max().item<double>());
        }
}

void TestCuda::runsAreEqual() {
    Ss2dWeights w = randomWeights(192, 6);
    for (Tensor* t : members(w))
        *t = t->cuda().requires_grad_(true);
    const Tensor x = at::randn({2, 31, 33, 96}).cuda().requires_grad_(true);
    const Tensor gradOut = at::randn({2, 31, 33, 96}).cuda();
    std::vector<Tensor> first;
    for (int run = 0; run < 3; ++run) {
        std::vector<Tensor> results;
        results.push_back(ss2dBranch(x, w));
        results[0].backward(gradOut);
        results.push_back(x.grad().clone());
        x.mutable_grad() = Tensor();
        for (Tensor* t : members(w)) {
            results.push_back(t->grad().clone());
            t->mutable_grad() = Tensor();
        }
        if (run == 0)
            first = results;
        for (std::size_t i = 0; i < results.size(); ++i)
            QVERIFY2(at::equal(results[i], first[i]), i < 2 ? "output or input gradient" : kNames[i - 2]);
    }
}

void TestCuda::recordedRunsEqualPlainRuns() {
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    VmUnetV2 network(options);
    network->initialise(9);
    network->eval();
    network->to(c10::Device(c10::kCUDA, 0));
    const c10::InferenceMode inference;
    GraphRunner graphs(network);
    // More shapes than graphs are kept, and the first again: recording, replay and eviction.
    for (const int side : {64, 96, 64, 128, 160, 192, 224, 256, 64}) {
        for (const int batch : {1, 3}) {
            const Tensor images = at::rand({batch, 3, side, side}).mul_(255.0);
            const Tensor plain = at::sigmoid(network->forward(images.cuda()).logits);
            const Tensor recorded = graphs.probabilities(images).clone();
            QVERIFY2(graphs.failure().empty(), graphs.failure().c_str());
            QVERIFY(differenceOf(recorded, plain).absolute <= 1e-6);
        }
    }
    // All graphs gone, then a new one: LibTorch refuses a memory pool whose last graph is gone.
    graphs.forget();
    const Tensor images = at::rand({1, 3, 64, 64}).mul_(255.0);
    const Tensor plain = at::sigmoid(network->forward(images.cuda()).logits);
    QVERIFY(differenceOf(graphs.probabilities(images), plain).absolute <= 1e-6);
    QVERIFY2(graphs.failure().empty(), graphs.failure().c_str());
}

void TestCuda::fusedNetworkAgreesWithTheNetwork_data() {
    QTest::addColumn<int>("batch");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::addColumn<bool>("stageOutputs");
    QTest::newRow("square") << 1 << 64 << 64 << false;
    QTest::newRow("notSquare") << 2 << 64 << 160 << false;
    QTest::newRow("padded") << 3 << 50 << 33 << false;
    QTest::newRow("stageOutputs") << 2 << 96 << 64 << true;
    QTest::newRow("released") << 2 << 256 << 256 << false;
}

void TestCuda::fusedNetworkAgreesWithTheNetwork() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    QFETCH(bool, stageOutputs);
    VmUnetV2Options options;
    options.config.depths = {2, 1, 3, stageOutputs ? 1 : 0};
    options.config.taps = stageOutputs ? Taps::StageOutputs : Taps::StageInputs;
    VmUnetV2 network(options);
    network->initialise(7);
    fillByFormula(*network, "");
    network->eval();
    network->to(c10::Device(c10::kCUDA, 0));
    const c10::InferenceMode inference;
    const Tensor images = at::rand({batch, 3, height, width}).mul_(255.0).cuda();
    const Tensor expected = at::sigmoid(network->forward(images).logits);
    FusedNetwork fused(network);
    const Difference difference = differenceOf(fused.probabilities(images), expected);
    qInfo().noquote() << sentence("probability, bfloat16", difference);
    // bfloat16 keeps 8 bits of every factor of a product; random weights through all blocks leave some 1e-2.
    QVERIFY(difference.absolute <= 8e-2);
    // The same image alone and in a batch, and the same bits from run to run.
    QVERIFY(at::equal(fused.probabilities(images), fused.probabilities(images)));
    const Tensor first = fused.probabilities(images.narrow(0, 0, 1).contiguous());
    QVERIFY(differenceOf(first, fused.probabilities(images).narrow(0, 0, 1)).absolute <= 2e-2);
}

void TestCuda::networkAgreesWithTheProcessor_data() {
    QTest::addColumn<int>("batch");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::addColumn<bool>("stageOutputs");
    QTest::newRow("onePixel") << 1 << 1 << 1 << false;
    QTest::newRow("odd") << 3 << 50 << 33 << true;
    QTest::newRow("wide") << 2 << 7 << 1999 << false;
    QTest::newRow("70 at once") << 70 << 32 << 32 << false;
    QTest::newRow("2048 x 2048") << 1 << 2048 << 2048 << true;
}

void TestCuda::networkAgreesWithTheProcessor() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    QFETCH(bool, stageOutputs);
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, stageOutputs ? 1 : 0};
    options.config.taps = stageOutputs ? Taps::StageOutputs : Taps::StageInputs;
    VmUnetV2 network(options);
    network->initialise(11);
    fillByFormula(*network, "");
    network->eval();
    const c10::InferenceMode inference;
    const Tensor images = at::rand({batch, 3, height, width}).mul_(255.0);
    const Tensor expected = at::sigmoid(network->forward(images).logits);
    network->to(c10::Device(c10::kCUDA, 0));
    const Difference exact = differenceOf(at::sigmoid(network->forward(images.cuda()).logits), expected);
    qInfo().noquote() << sentence("probability, float32", exact);
    // Sums over up to 262,144 steps in other orders; products of four SDI terms multiply what differs.
    QVERIFY(exact.absolute <= 1e-3);
    const Difference rounded = differenceOf(FusedNetwork(network).probabilities(images.cuda()), expected);
    qInfo().noquote() << sentence("probability, bfloat16", rounded);
    // bfloat16 keeps 8 bits of every factor of a product.
    QVERIFY(rounded.absolute <= 1e-1);
}

void TestCuda::wholeNetworkAgreesWithGolden() {
    if (!hasGolden("network_256.safetensors"))
        QSKIP("shared/golden is not beside the project.");
    const Result<TensorFile> golden = readSafetensors(goldenPath("network_256.safetensors"));
    QVERIFY(golden.ok());
    const torch::NoGradGuard noGradients;
    VmUnetV2 network(VmUnetV2Options{});
    fillByFormula(*network, "");
    network->eval();
    network->to(c10::Device(c10::kCUDA, 0));
    Tensor images = tensorOf(*golden, "image").permute({2, 0, 1}).unsqueeze(0).to(at::kFloat);
    const Tensor low = images.min();
    images = ((images - low) * (255.0 / (images.max() - low))).contiguous().cuda();
    const Tensor expected = tensorOf(*golden, "probability");
    for (const bool tf32 : {false, true}) {
        at::globalContext().setAllowTF32CuBLAS(tf32);
        at::globalContext().setAllowTF32CuDNN(tf32);
        const Difference difference = differenceOf(at::sigmoid(network->forward(images).logits), expected);
        qInfo().noquote() << sentence(tf32 ? "probability, TF32" : "probability, float32", difference);
        // TF32 keeps 10 bits of every factor; through 13 blocks of random weights some 1e-2 remain.
        QVERIFY(difference.absolute <= (tf32 ? 5e-2 : 2e-4));
    }
    const Difference difference = differenceOf(FusedNetwork(network).probabilities(images), expected);
    qInfo().noquote() << sentence("probability, bfloat16", difference);
    QVERIFY(difference.absolute <= 1e-1);
}

void TestCuda::fusedDecoderAgreesWithTheModule_data() {
    QTest::addColumn<int>("batch");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::newRow("onePixelAtTheCoarsestLevel") << 1 << 32 << 32;
    QTest::newRow("notSquare") << 3 << 64 << 96;
    QTest::newRow("tilesNotFull") << 2 << 224 << 352;
    QTest::newRow("oneImage") << 1 << 256 << 256;
    QTest::newRow("largeTiles") << 32 << 256 << 256;
}

void TestCuda::fusedDecoderAgreesWithTheModule() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = networkWithRandomDecoder();
    const Tensor weights = packedWeightsOnTheGpu(network);
    network->to(c10::Device(c10::kCUDA, 0));
    std::vector<Tensor> features = randomFeatures(batch, height, width);
    for (Tensor& map : features)
        map = map.cuda();
    const Tensor expected = at::sigmoid(network->decode(features).logits);
    const Tensor found = decodeOnTheGpu(weights, features);
    QVERIFY(expected.std().item<double>() > 0.1); // else saturated probabilities could hide a wrong result
    const Difference difference = differenceOf(found, expected);
    const double error = (found - expected).norm().item<double>() / expected.norm().item<double>();
    qInfo().noquote() << sentence(QTest::currentDataTag(), difference)
                      << QStringLiteral("; norm of the differences %1 of the norm").arg(error, 0, 'g', 3);
    // As for the host version: about ten roundings to bfloat16.
    QVERIFY(error <= 6e-3);
    QVERIFY(difference.absolute <= 0.05);
    QVERIFY(at::equal(decodeOnTheGpu(weights, features), found));
}

void TestCuda::fusedDecoderIsTheSameAloneAndInABatch() {
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = networkWithRandomDecoder();
    const Tensor weights = packedWeightsOnTheGpu(network);
    std::vector<Tensor> features = randomFeatures(32, 256, 256);
    std::vector<Tensor> alone;
    for (Tensor& map : features) {
        map = map.cuda();
        alone.push_back(map.narrow(0, 17, 1).contiguous());
    }
    QVERIFY(at::equal(decodeOnTheGpu(weights, alone), decodeOnTheGpu(weights, features).narrow(0, 17, 1)));
}

QTEST_APPLESS_MAIN(TestCuda)
#include "tst_cuda.moc"
