// SPDX-License-Identifier: GPL-3.0-or-later
// The small matrix products' plan and host version against LibTorch's product in double precision.
#include "inference/cuda/product_host.h"
#include "inference/cuda/product_plan.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <QtTest/QTest>

using namespace limn;
using at::Tensor;

namespace {

const std::uint16_t* bitsOf(const Tensor& half) {
    return static_cast<const std::uint16_t*>(half.const_data_ptr());
}

} // namespace

class TestProductHost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agrees_data();
    void agrees();
    void normalisedAgrees_data();
    void normalisedAgrees();
    void plansCoverTheResult();
    void refusals();
};

void TestProductHost::agrees_data() {
    QTest::addColumn<int>("rows");
    QTest::addColumn<int>("columns");
    QTest::addColumn<int>("depth");
    QTest::newRow("one row") << 1 << 8 << 192;
    QTest::newRow("rows not of a tile") << 77 << 176 << 384;
    QTest::newRow("large tiles") << 641 << 584 << 96;
    QTest::newRow("third stage") << 256 << 224 << 768;
}

void TestProductHost::agrees() {
    QFETCH(int, rows);
    QFETCH(int, columns);
    QFETCH(int, depth);
    const Tensor a = at::randn({rows, depth}).to(at::kBFloat16);
    const Tensor weight = at::randn({columns, depth}).to(at::kBFloat16);
    const Tensor expected = at::mm(a.to(at::kDouble), weight.to(at::kDouble).t());
    Tensor found = at::full({rows, columns}, std::nan(""), at::kFloat);
    QCOMPARE(gpu::smallProductHost(rows, columns, depth, bitsOf(a), bitsOf(weight),
                                   found.mutable_data_ptr<float>()),
             0);
    // Sums of up to 768 terms in float32.
    QVERIFY((found.to(at::kDouble) - expected).abs().max().item<double>() <=
            2e-6 * expected.abs().max().item<double>());
}

void TestProductHost::normalisedAgrees_data() {
    QTest::addColumn<int>("rows");
    QTest::addColumn<int>("columns");
    QTest::addColumn<bool>("addsX");
    QTest::newRow("one row, first stage") << 1 << 96 << true;
    QTest::newRow("second stage") << 37 << 192 << true;
    QTest::newRow("merging") << 20 << 384 << false;
}

void TestProductHost::normalisedAgrees() {
    QFETCH(int, rows);
    QFETCH(int, columns);
    QFETCH(bool, addsX);
    const Tensor a = at::randn({rows, 2 * columns}).to(at::kBFloat16);
    const Tensor weight = at::randn({columns, 2 * columns}).mul_(0.1).to(at::kBFloat16);
    const Tensor x = at::randn({rows, columns});
    const Tensor normWeight = at::rand({columns}).add_(0.5);
    const Tensor normBias = at::randn({columns});
    Tensor expectedSum = at::mm(a.to(at::kDouble), weight.to(at::kDouble).t());
    if (addsX)
        expectedSum = expectedSum + x.to(at::kDouble);
    const Tensor expected =
        at::layer_norm(expectedSum, {columns}, normWeight.to(at::kDouble), normBias.to(at::kDouble), 1e-5);
    const auto in = [](const Tensor& tensor) { return tensor.const_data_ptr<float>(); };
    Tensor sum = at::full({rows, columns}, std::nan(""), at::kFloat);
    Tensor found = sum.clone();
    QCOMPARE(gpu::smallProductNormHost(rows, columns, bitsOf(a), bitsOf(weight), addsX ? in(x) : nullptr,
                                       in(normWeight), in(normBias), sum.mutable_data_ptr<float>(),
                                       found.mutable_data_ptr<float>()),
             0);
    QVERIFY((sum.to(at::kDouble) - expectedSum).abs().max().item<double>() <= 1e-5);
    QVERIFY((found.to(at::kDouble) - expected).abs().max().item<double>() <= 2e-5);
    // The sum in x's place, and no LayerNorm.
    Tensor inPlace = x.clone();
    QCOMPARE(gpu::smallProductNormHost(rows, columns, bitsOf(a), bitsOf(weight),
                                       addsX ? in(inPlace) : nullptr, nullptr, nullptr,
                                       inPlace.mutable_data_ptr<float>(), nullptr),
             0);
    QVERIFY(at::equal(inPlace, sum));
}

void TestProductHost::plansCoverTheResult() {
    bool large = false;
    bool shared = false;
    for (const std::int64_t rows : {1, 31, 64, 256, 1000, 4096, 8192})
        for (const int columns : {8, 96, 152, 384, 1536})
            for (const int depth : {96, 192, 384, 768}) {
                const gpu::ProductPlan plan = gpu::planProduct(rows, columns, depth);
                QCOMPARE(plan.tile, plan.sumsShared ? gpu::kWarpTile : 2 * gpu::kWarpTile);
                QVERIFY(plan.blocksDown * plan.tile >= rows && (plan.blocksDown - 1) * plan.tile < rows);
                QVERIFY(plan.blocksAcross * plan.tile >= columns &&
                        (plan.blocksAcross - 1) * plan.tile < columns);
                QVERIFY(!plan.sumsShared || depth % (gpu::kProductWarps * gpu::kProductStep) == 0);
                (plan.sumsShared ? shared : large) = true;
            }
    QVERIFY(large && shared);
}

void TestProductHost::refusals() {
    QVERIFY(gpu::isSmallProduct(4096, 152, 192));
    QVERIFY(!gpu::isSmallProduct(0, 152, 192));
    QVERIFY(gpu::isSmallProduct(2 * 4096, 384, 96));
    QVERIFY(!gpu::isSmallProduct(3 * 4096, 384, 96));
    QVERIFY(!gpu::isSmallProduct(4096, 150, 192));
    QVERIFY(!gpu::isSmallProduct(4096, 152, 100));
    const std::uint16_t half = 0;
    float value = 0.0f;
    QVERIFY(gpu::smallProductHost(1, 7, 192, &half, &half, &value) != 0);
    QVERIFY(gpu::smallProductHost(1, 8, 100, &half, &half, &value) != 0);
    QCOMPARE(gpu::smallProductHost(0, 8, 192, &half, &half, &value), 0);
    QVERIFY(gpu::isSmallProductNorm(256, 384, 768));
    QVERIFY(!gpu::isSmallProductNorm(32 * 256, 384, 768));
    QVERIFY(!gpu::isSmallProductNorm(256, 288, 576));
    QVERIFY(!gpu::isSmallProductNorm(256, 384, 384));
    QVERIFY(gpu::smallProductNormHost(1, 8, &half, &half, nullptr, nullptr, nullptr, &value, nullptr) != 0);
}

QTEST_APPLESS_MAIN(TestProductHost)
#include "tst_product_host.moc"
