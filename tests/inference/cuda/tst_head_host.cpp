// SPDX-License-Identifier: GPL-3.0-or-later
// The decoder's kernels on the processor against the LibTorch module, on random features, weights and
// BatchNorm statistics. Needs no GPU.
#include "inference/cuda/head_host.h"
#include "tests/inference/cuda/head_fixture.h"

#include <QtTest/QTest>

#include <cstring>
#include <vector>

using namespace limn;
using namespace limn::testing;
using at::Tensor;

namespace {

// Scratch that holds NaN everywhere, so that a value read before it was written shows.
std::vector<unsigned char> poisonedScratch(int batch, int height, int width) {
    return std::vector<unsigned char>(
        static_cast<std::size_t>(gpu::planHeadScratch(batch, height, width).bytes), 0xff);
}

Tensor decodeOnHost(const gpu::HeadWeights& weights, const std::vector<Tensor>& features) {
    gpu::HeadProblem problem;
    problem.batch = static_cast<int>(features[0].size(0));
    problem.height = static_cast<int>(features[0].size(1)) * 4;
    problem.width = static_cast<int>(features[0].size(2)) * 4;
    for (std::size_t level = 0; level < features.size(); ++level)
        problem.features[level] = features[level].data_ptr<float>();
    problem.weights = &weights;
    std::vector<unsigned char> scratch = poisonedScratch(problem.batch, problem.height, problem.width);
    Tensor out = at::full({problem.batch, 1, problem.height, problem.width}, std::nan(""), at::kFloat);
    const int code = gpu::headForwardHost(problem, scratch.data(), out.data_ptr<float>());
    TORCH_CHECK(code == 0, "headForwardHost returned ", code);
    return out;
}

} // namespace

class TestHeadHost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithTheModule_data();
    void agreesWithTheModule();
    void anImageIsTheSameAloneAndInABatch();
    void namesAMissingTensor();
    void refusesOtherSizes_data();
    void refusesOtherSizes();
};

void TestHeadHost::agreesWithTheModule_data() {
    QTest::addColumn<int>("batch");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    for (const int batch : {1, 3}) {
        QTest::addRow("32x32, batch %d", batch) << batch << 32 << 32;
        QTest::addRow("64x96, batch %d", batch) << batch << 64 << 96;
        QTest::addRow("256x256, batch %d", batch) << batch << 256 << 256;
    }
    QTest::newRow("tall") << 1 << 160 << 32;
}

void TestHeadHost::agreesWithTheModule() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = networkWithRandomDecoder();
    const std::vector<Tensor> features = randomFeatures(batch, height, width);
    const Tensor expected = at::sigmoid(network->decode(features).logits);
    const Tensor found = decodeOnHost(*packedWeights(network), features);
    const Difference difference = differenceOf(found, expected);
    const double spread = expected.std().item<double>();
    const double error = (found - expected).norm().item<double>() / expected.norm().item<double>();
    qInfo().noquote() << sentence(QTest::currentDataTag(), difference)
                      << QStringLiteral("; norm of the differences %1 of the norm; spread %2")
                             .arg(error, 0, 'g', 3)
                             .arg(spread, 0, 'g', 3);
    QVERIFY(spread > 0.1); // else a wrong result could hide behind saturated probabilities
    // bfloat16 has 8 bits: 2^-9 of a value is lost at each of about ten roundings, four of them in factors
    // that are multiplied with each other.
    QVERIFY(error <= 6e-3);
    QVERIFY(difference.absolute <= 0.05);
}

void TestHeadHost::anImageIsTheSameAloneAndInABatch() {
    const torch::NoGradGuard noGradients;
    VmUnetV2 network = networkWithRandomDecoder();
    const auto weights = packedWeights(network);
    const std::vector<Tensor> features = randomFeatures(3, 64, 32);
    const Tensor together = decodeOnHost(*weights, features);
    std::vector<Tensor> alone;
    for (const Tensor& map : features)
        alone.push_back(map.narrow(0, 2, 1).contiguous());
    QVERIFY(at::equal(decodeOnHost(*weights, alone), together.narrow(0, 2, 1)));
}

void TestHeadHost::namesAMissingTensor() {
    VmUnetV2 network = networkWithRandomDecoder();
    TensorFile file = storeWeights(network);
    for (StoredTensor& tensor : file.tensors)
        if (tensor.name == "Translayer_3.bn.running_var")
            tensor.name = "elsewhere";
    TensorSource source(std::move(file));
    auto weights = std::make_unique<gpu::HeadWeights>();
    const auto find = [&source](const std::string& name, std::int64_t count) {
        return source.find(name, count);
    };
    QCOMPARE(QString::fromStdString(gpu::packHeadWeights(find, *weights)),
             QStringLiteral("Translayer_3.bn.running_var"));
}

void TestHeadHost::refusesOtherSizes_data() {
    QTest::addColumn<int>("batch");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("width");
    QTest::newRow("no image") << 0 << 32 << 32;
    QTest::newRow("too many images") << 65536 << 32 << 32;
    QTest::newRow("no row") << 1 << 0 << 32;
    QTest::newRow("height") << 1 << 48 << 32;
    QTest::newRow("width") << 1 << 32 << 100;
}

void TestHeadHost::refusesOtherSizes() {
    QFETCH(int, batch);
    QFETCH(int, height);
    QFETCH(int, width);
    gpu::HeadProblem problem;
    problem.batch = batch;
    problem.height = height;
    problem.width = width;
    QCOMPARE(gpu::headForwardHost(problem, nullptr, nullptr), 1);
}

QTEST_APPLESS_MAIN(TestHeadHost)
#include "tst_head_host.moc"
