// SPDX-License-Identifier: GPL-3.0-or-later
// The CUDA kernels between the encoder's matrix products, on the processor: their host versions against
// LibTorch's operators. Needs no GPU: tst_cuda compares the whole fused network.
#include "inference/cuda/encoder_host.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <QtTest/QTest>

using namespace limn;
using at::Tensor;

namespace {

const float* in(const Tensor& tensor) {
    return tensor.const_data_ptr<float>();
}

const std::uint16_t* bitsOf(const Tensor& half) {
    return static_cast<const std::uint16_t*>(half.const_data_ptr());
}

std::uint16_t* bitsOf(Tensor& half) {
    return static_cast<std::uint16_t*>(half.mutable_data_ptr());
}

Tensor normalised(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    return at::layer_norm(x, {x.size(-1)}, weight, bias, 1e-5);
}

double largest(const Tensor& difference) {
    return difference.to(at::kDouble).abs().max().item<double>();
}

// Half a step of bfloat16 at values up to 8, and one more where float32's rounding decides a tie.
constexpr double kHalfTolerance = 0.04;

} // namespace

class TestEncoderHost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void patchEmbedding();
    void residualSum_data();
    void residualSum();
    void merging();
    void refusals();
};

void TestEncoderHost::patchEmbedding() {
    const Tensor images = at::rand({2, 3, 12, 20}).mul_(255.0);
    const Tensor weight = at::randn({gpu::kPatchChannels, 3, 4, 4}).mul_(0.05);
    const Tensor bias = at::randn({gpu::kPatchChannels});
    const Tensor normWeight = at::rand({gpu::kPatchChannels}).add_(0.5);
    const Tensor normBias = at::randn({gpu::kPatchChannels});
    const Tensor expected =
        normalised(at::conv2d(images, weight, bias, 4).permute({0, 2, 3, 1}), normWeight, normBias);
    Tensor found = at::full({2, 3, 5, gpu::kPatchChannels}, std::nan(""), at::kFloat);
    QCOMPARE(gpu::patchEmbedHost(2, 12, 20, in(images), in(weight), in(bias), in(normWeight), in(normBias),
                                 found.mutable_data_ptr<float>()),
             0);
    QVERIFY(largest(found - expected) <= 2e-5);
}

void TestEncoderHost::residualSum_data() {
    QTest::addColumn<bool>("hasBranch");
    QTest::addColumn<bool>("keepsSum");
    QTest::newRow("first block") << false << false;
    QTest::newRow("later block") << true << true;
    QTest::newRow("sum not wanted") << true << false;
}

void TestEncoderHost::residualSum() {
    QFETCH(bool, hasBranch);
    QFETCH(bool, keepsSum);
    const Tensor x = at::randn({7, 96});
    const Tensor branch = at::randn({7, 96}).to(at::kBFloat16);
    const Tensor weight = at::rand({96}).add_(0.5);
    const Tensor bias = at::randn({96});
    const Tensor sum = hasBranch ? x + branch.to(at::kFloat) : x;
    Tensor foundSum = at::full({7, 96}, std::nan(""), at::kFloat);
    Tensor found = at::empty({7, 96}, at::kBFloat16).fill_(std::nan(""));
    QCOMPARE(gpu::addNormHost(7, 96, in(x), hasBranch ? bitsOf(branch) : nullptr, in(weight), in(bias),
                              keepsSum ? foundSum.mutable_data_ptr<float>() : nullptr, bitsOf(found)),
             0);
    if (keepsSum)
        QCOMPARE(largest(foundSum - sum), 0.0);
    QVERIFY(largest(found.to(at::kFloat) - normalised(sum, weight, bias)) <= kHalfTolerance);
}

void TestEncoderHost::merging() {
    const Tensor x = at::randn({2, 4, 6, 10});
    const Tensor branch = at::randn({2, 4, 6, 10}).to(at::kBFloat16);
    const Tensor weight = at::rand({40}).add_(0.5);
    const Tensor bias = at::randn({40});
    // (0,0), (1,0), (0,1), (1,1) as (row, column): the column is the slower of the two.
    const Tensor neighbours = (x + branch.to(at::kFloat))
                                  .view({2, 2, 2, 3, 2, 10})
                                  .permute({0, 1, 3, 4, 2, 5})
                                  .reshape({2, 2, 3, 40});
    Tensor found = at::empty({2, 2, 3, 40}, at::kBFloat16).fill_(std::nan(""));
    QCOMPARE(gpu::mergeNormHost(2, 4, 6, 10, in(x), bitsOf(branch), in(weight), in(bias), bitsOf(found)), 0);
    QVERIFY(largest(found.to(at::kFloat) - normalised(neighbours, weight, bias)) <= kHalfTolerance);
    // x with the branch in it already.
    const Tensor sum = x + branch.to(at::kFloat);
    Tensor again = at::empty_like(found);
    QCOMPARE(gpu::mergeNormHost(2, 4, 6, 10, in(sum), nullptr, in(weight), in(bias), bitsOf(again)), 0);
    QVERIFY(at::equal(again, found));
}

void TestEncoderHost::refusals() {
    float value = 0.0f;
    std::uint16_t half = 0;
    QVERIFY(gpu::addNormHost(1, 3, &value, nullptr, &value, &value, nullptr, &half) != 0);
    QVERIFY(gpu::mergeNormHost(1, 3, 2, 2, &value, &half, &value, &value, &half) != 0);
    QVERIFY(gpu::mergeNormHost(1, 2, 2, 1000, &value, &half, &value, &value, &half) != 0);
}

QTEST_APPLESS_MAIN(TestEncoderHost)
#include "tst_encoder_host.moc"
