// SPDX-License-Identifier: GPL-3.0-or-later
// The CUDA kernels around the scan on the processor: the host versions of the depthwise convolution and of
// LayerNorm with its gate against the processor's own, at odd sizes, with strides. Needs no GPU.
#include "inference/cuda/block_host.h"
#include "inference/cuda/scan_plan.h"
#include "inference/scan/selective_scan.h"
#include "tests/inference/scan/scan_test_tools.h"

#include <QtTest>

using namespace limn;
using namespace limn::test;

namespace {

// As large as the gradients beside it, so that these are compared as closely as they deserve.
constexpr float kUntouched = 1.25f;

std::vector<float> filled(std::int64_t count, float value) {
    return std::vector<float>(static_cast<std::size_t>(count), value);
}

// Sums of [parts][channels][width] over the parts, for some columns of each channel.
std::vector<float> sumOfParts(const std::vector<float>& partial, std::int64_t parts, std::int64_t channels,
                              std::int64_t width, std::int64_t firstColumn, std::int64_t columns) {
    std::vector<float> out = filled(channels * columns, 0.0f);
    for (std::int64_t part = 0; part < parts; ++part)
        for (std::int64_t c = 0; c < channels; ++c)
            for (std::int64_t i = 0; i < columns; ++i)
                out[static_cast<std::size_t>(c * columns + i)] +=
                    partial[static_cast<std::size_t>((part * channels + c) * width + firstColumn + i)];
    return out;
}

bool agrees(const char* what, const std::vector<float>& found, const std::vector<float>& expected,
            double rtol) {
    const Comparison result = compare(what, found, expected, rtol, 0.1 * rtol * largestMagnitude(expected));
    qInfo("%s: largest difference %.2g of %.2g, %.0f %% of what is allowed", what, result.absolute,
          largestMagnitude(expected), result.relative / rtol * 100.0);
    if (!result.failure.empty())
        qWarning("%s", result.failure.c_str());
    return result.failure.empty();
}

} // namespace

class TestBlockHost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void depthwise_data();
    void depthwise();
    void normGate_data();
    void normGate();
    void layerNorm_data();
    void layerNorm();
    void normGateOfLevelRowsStaysFinite();
    void refusesTooManyChannels();
};

void TestBlockHost::depthwise_data() {
    QTest::addColumn<QList<int>>("sizes"); // batch, height, width, channels, stride
    QTest::newRow("one pixel") << QList<int>{1, 1, 1, 1, 1};
    QTest::newRow("one row, one strip and a pixel") << QList<int>{2, 1, 9, 5, 7};
    QTest::newRow("one column") << QList<int>{1, 13, 1, 33, 66};
    QTest::newRow("7 x 8, whole strips") << QList<int>{3, 7, 8, 32, 64};
    QTest::newRow("11 x 19") << QList<int>{2, 11, 19, 45, 90};
}

// Tolerance (of the value, and a tenth of it of the largest value): ten products, and SiLU of them; the
// weights' gradients are sums over up to 418 pixels of either sign.
void TestBlockHost::depthwise() {
    QFETCH(QList<int>, sizes);
    const int batch = sizes[0], height = sizes[1], width = sizes[2], channels = sizes[3], stride = sizes[4];
    const std::int64_t rows = static_cast<std::int64_t>(batch) * height * width;
    const std::vector<float> x = randomFloats(rows * stride, -2, 2, 1),
                             weight = randomFloats(channels * 9, -1, 1, 2),
                             bias = randomFloats(channels, -1, 1, 3),
                             gradOut = randomFloats(rows * channels, -1, 1, 4);
    std::vector<float> expected = filled(rows * channels, NAN), found = expected;
    depthwiseSiluForwardCpu(batch, height, width, channels, x.data(), stride, weight.data(), bias.data(),
                            expected.data(), 1);
    QCOMPARE(gpu::depthwiseSiluForwardHost(batch, height, width, channels, x.data(), stride, weight.data(),
                                           bias.data(), found.data()),
             0);
    QVERIFY(agrees("output", found, expected, 1e-6));

    std::vector<float> expectedX = filled(rows * stride, kUntouched), foundX = expectedX;
    std::vector<float> expectedWeight = filled(channels * 9, NAN), expectedBias = filled(channels, NAN);
    depthwiseSiluBackwardCpu(batch, height, width, channels, x.data(), stride, weight.data(), bias.data(),
                             gradOut.data(), expectedX.data(), expectedWeight.data(), expectedBias.data(), 1);
    const int parts = gpu::depthwisePartials(batch, height);
    std::vector<float> gradPre = filled(rows * channels, NAN);
    std::vector<float> partial = filled(static_cast<std::int64_t>(parts) * channels * 10, NAN);
    QCOMPARE(gpu::depthwiseSiluBackwardHost(batch, height, width, channels, x.data(), stride, weight.data(),
                                            bias.data(), gradOut.data(), 1, gradPre.data(), foundX.data(),
                                            stride, partial.data()),
             0);
    // Columns beyond the channels are untouched in both.
    QVERIFY(agrees("gradient of x", foundX, expectedX, 5e-6));
    QVERIFY(
        agrees("gradient of weight", sumOfParts(partial, parts, channels, 10, 0, 9), expectedWeight, 2e-5));
    QVERIFY(agrees("gradient of bias", sumOfParts(partial, parts, channels, 10, 9, 1), expectedBias, 2e-5));

    // The same gradient in four parts.
    std::vector<float> four = randomFloats(4 * rows * channels, -1, 1, 19);
    for (std::size_t i = 0; i < gradOut.size(); ++i)
        four[i] = gradOut[i] -
                  (four[i + gradOut.size()] + four[i + 2 * gradOut.size()] + four[i + 3 * gradOut.size()]);
    std::vector<float> fromFour = filled(rows * stride, kUntouched);
    QCOMPARE(gpu::depthwiseSiluBackwardHost(batch, height, width, channels, x.data(), stride, weight.data(),
                                            bias.data(), four.data(), 4, gradPre.data(), fromFour.data(),
                                            stride, partial.data()),
             0);
    QVERIFY(agrees("gradient of x from four parts", fromFour, expectedX, 2e-5));
    QVERIFY(gpu::depthwiseSiluBackwardHost(batch, height, width, channels, x.data(), stride, weight.data(),
                                           bias.data(), four.data(), 2, gradPre.data(), fromFour.data(),
                                           stride, partial.data()) != 0);
}

void TestBlockHost::normGate_data() {
    QTest::addColumn<QList<int>>("sizes"); // rows, channels, stride
    QTest::newRow("one row, one channel") << QList<int>{1, 1, 1};
    QTest::newRow("less than a warp") << QList<int>{3, 17, 34};
    QTest::newRow("one channel over a warp") << QList<int>{5, 33, 33};
    QTest::newRow("first stage") << QList<int>{37, 192, 384};
    QTest::newRow("fourth stage") << QList<int>{7, 1536, 3072};
    QTest::newRow("several rows for each warp, the last with none") << QList<int>{4099, 40, 80};
}

// Tolerance: sums over up to 1536 channels; the weights' gradients are sums over up to 4099 rows of either
// sign.
void TestBlockHost::normGate() {
    QFETCH(QList<int>, sizes);
    const std::int64_t rows = sizes[0], stride = sizes[2];
    const int channels = sizes[1];
    const std::int64_t count = rows * channels;
    const std::vector<float> parts = randomFloats(4 * count, -2, 3, 5),
                             z = randomFloats(rows * stride, -3, 3, 6),
                             weight = randomFloats(channels, 0.5f, 1.5f, 7),
                             bias = randomFloats(channels, -1, 1, 8), gradOut = randomFloats(count, -1, 1, 9);
    std::vector<float> sum = filled(count, NAN), found = filled(count, NAN), expected = filled(count, NAN);
    QCOMPARE(gpu::normGateForwardHost(rows, channels, 4, parts.data(), z.data(), stride, weight.data(),
                                      bias.data(), found.data(), sum.data()),
             0);
    std::vector<float> expectedSum(parts.begin(), parts.begin() + count);
    for (std::int64_t i = count; i < 4 * count; ++i)
        expectedSum[static_cast<std::size_t>(i % count)] += parts[static_cast<std::size_t>(i)];
    QVERIFY(sameBits(sum, expectedSum));
    normGateForwardCpu(rows, channels, sum.data(), z.data(), stride, weight.data(), bias.data(),
                       expected.data(), 1);
    QVERIFY(agrees("output", found, expected, 2e-6));

    std::vector<float> expectedY = filled(count, NAN), foundY = expectedY, again = expectedY;
    std::vector<float> expectedZ = filled(rows * stride, kUntouched), foundZ = expectedZ;
    std::vector<float> expectedWeight = filled(channels, NAN), expectedBias = filled(channels, NAN);
    normGateBackwardCpu(rows, channels, sum.data(), z.data(), stride, weight.data(), bias.data(),
                        gradOut.data(), expectedY.data(), expectedZ.data(), expectedWeight.data(),
                        expectedBias.data(), 1);
    const int warps = gpu::normPartials(rows);
    std::vector<float> partial = filled(static_cast<std::int64_t>(warps) * channels * 2, NAN);
    QCOMPARE(gpu::normGateBackwardHost(rows, channels, sum.data(), z.data(), stride, weight.data(),
                                       bias.data(), gradOut.data(), again.data(), foundY.data(),
                                       foundZ.data(), stride, partial.data()),
             0);
    QVERIFY(agrees("output of the backward run", again, expected, 2e-6));
    QVERIFY(agrees("gradient of y", foundY, expectedY, 2e-6));
    QVERIFY(agrees("gradient of z", foundZ, expectedZ, 5e-6));
    QVERIFY(
        agrees("gradient of weight", sumOfParts(partial, warps, channels, 2, 0, 1), expectedWeight, 2e-5));
    QVERIFY(agrees("gradient of bias", sumOfParts(partial, warps, channels, 2, 1, 1), expectedBias, 2e-5));
}

void TestBlockHost::layerNorm_data() {
    QTest::addColumn<QList<int>>("sizes"); // rows, channels
    QTest::newRow("one row, eight channels") << QList<int>{1, 8};
    QTest::newRow("less than a warp") << QList<int>{3, 34};
    QTest::newRow("one pair over a warp") << QList<int>{5, 66};
    QTest::newRow("first stage") << QList<int>{37, 96};
    QTest::newRow("fourth stage") << QList<int>{7, 768};
    QTest::newRow("several rows for each warp, the last with none") << QList<int>{4099, 40};
}

// Against the definition in double; the weights' gradients are sums over up to 4099 rows of either sign.
void TestBlockHost::layerNorm() {
    QFETCH(QList<int>, sizes);
    const std::int64_t rows = sizes[0];
    const int channels = sizes[1];
    const std::int64_t count = rows * channels;
    const std::vector<float> x = randomFloats(count, -2, 3, 15),
                             weight = randomFloats(channels, 0.5f, 1.5f, 16),
                             bias = randomFloats(channels, -1, 1, 17),
                             gradOut = randomFloats(count, -1, 1, 18);
    std::vector<float> expected = filled(count, NAN), expectedX = expected;
    std::vector<double> weightSums(static_cast<std::size_t>(channels)), biasSums = weightSums;
    for (std::int64_t row = 0; row < rows; ++row) {
        const auto at = [&](int c) { return static_cast<std::size_t>(row * channels + c); };
        double mean = 0.0, variance = 0.0, meanGrad = 0.0, meanGradValue = 0.0;
        for (int c = 0; c < channels; ++c)
            mean += x[at(c)] / static_cast<double>(channels);
        for (int c = 0; c < channels; ++c)
            variance += (x[at(c)] - mean) * (x[at(c)] - mean) / channels;
        const double scale = 1.0 / std::sqrt(variance + 1e-5);
        const auto value = [&](int c) { return (x[at(c)] - mean) * scale; };
        for (int c = 0; c < channels; ++c) {
            const auto channel = static_cast<std::size_t>(c);
            expected[at(c)] = static_cast<float>(value(c) * weight[channel] + bias[channel]);
            weightSums[channel] += gradOut[at(c)] * value(c);
            biasSums[channel] += gradOut[at(c)];
            meanGrad += gradOut[at(c)] * weight[channel] / static_cast<double>(channels);
            meanGradValue += gradOut[at(c)] * weight[channel] * value(c) / channels;
        }
        for (int c = 0; c < channels; ++c)
            expectedX[at(c)] =
                static_cast<float>(scale * (gradOut[at(c)] * weight[static_cast<std::size_t>(c)] - meanGrad -
                                            value(c) * meanGradValue));
    }
    std::vector<float> found = filled(count, NAN), foundX = found;
    QCOMPARE(gpu::layerNormForwardHost(rows, channels, x.data(), weight.data(), bias.data(), found.data()),
             0);
    QVERIFY(agrees("output", found, expected, 2e-6));
    const int warps = gpu::normPartials(rows);
    std::vector<float> partial = filled(static_cast<std::int64_t>(warps) * channels * 2, NAN);
    QCOMPARE(gpu::layerNormBackwardHost(rows, channels, x.data(), weight.data(), gradOut.data(),
                                        foundX.data(), partial.data()),
             0);
    QVERIFY(agrees("gradient of x", foundX, expectedX, 1e-5));
    QVERIFY(agrees("gradient of weight", sumOfParts(partial, warps, channels, 2, 0, 1),
                   std::vector<float>(weightSums.begin(), weightSums.end()), 2e-5));
    QVERIFY(agrees("gradient of bias", sumOfParts(partial, warps, channels, 2, 1, 1),
                   std::vector<float>(biasSums.begin(), biasSums.end()), 2e-5));
}

// Equal values in a row: the variance is 0, epsilon alone scales.
void TestBlockHost::normGateOfLevelRowsStaysFinite() {
    const std::vector<float> y = filled(2 * 70, 3.0f), z = randomFloats(2 * 70, -100, 100, 11),
                             weight = filled(70, 1.0f), bias = randomFloats(70, -1, 1, 12);
    std::vector<float> out = filled(2 * 70, NAN);
    QCOMPARE(gpu::normGateForwardHost(2, 70, 1, y.data(), z.data(), 70, weight.data(), bias.data(),
                                      out.data(), nullptr),
             0);
    QVERIFY(std::all_of(out.begin(), out.end(), [](float v) { return std::isfinite(v); }));
}

void TestBlockHost::refusesTooManyChannels() {
    std::vector<float> none;
    QVERIFY(gpu::normGateForwardHost(1, gpu::kMaxNormChannels + 1, 1, none.data(), none.data(), 0,
                                     none.data(), none.data(), none.data(), nullptr) != 0);
    QVERIFY(gpu::normGateBackwardHost(1, gpu::kMaxNormChannels + 1, none.data(), none.data(), 0, none.data(),
                                      none.data(), none.data(), none.data(), none.data(), none.data(), 0,
                                      none.data()) != 0);
    QVERIFY(gpu::layerNormForwardHost(1, gpu::kMaxNormChannels + 2, none.data(), none.data(), none.data(),
                                      none.data()) != 0);
    QVERIFY(gpu::layerNormForwardHost(1, 3, none.data(), none.data(), none.data(), none.data()) != 0);
    QVERIFY(gpu::layerNormBackwardHost(1, gpu::kMaxNormChannels + 2, none.data(), none.data(), none.data(),
                                       none.data(), none.data()) != 0);
    QCOMPARE(gpu::normPartials(1), 4);
    QCOMPARE(gpu::normPartials(5), 8);
    QCOMPARE(gpu::normPartials(1'000'000), gpu::kMaxPartialWarps);
}

QTEST_APPLESS_MAIN(TestBlockHost)
#include "tst_block_host.moc"
