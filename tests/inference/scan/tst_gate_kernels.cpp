// SPDX-License-Identifier: GPL-3.0-or-later
// The fused steps around the scan: depthwise convolution with SiLU, and LayerNorm with the SiLU gate. Against
// double precision and finite differences, with strides, odd sizes, any number of threads, every instruction
// set.
#include "inference/scan/selective_scan.h"
#include "tests/inference/scan/scan_test_tools.h"

#include <QtTest>

#include <cfloat>

using namespace limn;
using namespace limn::test;

namespace {

constexpr float kUntouched = 777.0f;

double silu(double x) {
    return x / (1.0 + std::exp(-x));
}

struct Depthwise {
    std::int64_t batch = 1, height = 1, width = 1, channels = 1, stride = 1;
    std::vector<float> x, weight, bias, dOut;

    Depthwise(std::int64_t b, std::int64_t h, std::int64_t w, std::int64_t c, std::int64_t s)
        : batch(b)
        , height(h)
        , width(w)
        , channels(c)
        , stride(s)
        , x(randomFloats(b * h * w * s, -2, 2, 1))
        , weight(randomFloats(c * 9, -1, 1, 2))
        , bias(randomFloats(c, -1, 1, 3))
        , dOut(randomFloats(b * h * w * c, -1, 1, 4)) {}

    std::vector<float> forward(int threads) const {
        std::vector<float> out(dOut.size(), NAN);
        depthwiseSiluForwardCpu(batch, height, width, channels, x.data(), stride, weight.data(), bias.data(),
                                out.data(), threads);
        return out;
    }
    // dx (other columns kUntouched), dWeight, dBias
    std::vector<std::vector<float>> backward(int threads) const {
        std::vector<std::vector<float>> out = {std::vector<float>(x.size(), kUntouched),
                                               std::vector<float>(weight.size(), NAN),
                                               std::vector<float>(bias.size(), NAN)};
        depthwiseSiluBackwardCpu(batch, height, width, channels, x.data(), stride, weight.data(), bias.data(),
                                 dOut.data(), out[0].data(), out[1].data(), out[2].data(), threads);
        return out;
    }
};

std::vector<double> depthwiseDefinition(const Depthwise& p, const std::vector<double>& x,
                                        const std::vector<double>& weight, const std::vector<double>& bias) {
    std::vector<double> out;
    for (std::int64_t item = 0; item < p.batch; ++item)
        for (std::int64_t row = 0; row < p.height; ++row)
            for (std::int64_t column = 0; column < p.width; ++column)
                for (std::int64_t c = 0; c < p.channels; ++c) {
                    double sum = bias[static_cast<std::size_t>(c)];
                    for (std::int64_t i = 0; i < 9; ++i) {
                        const std::int64_t y = row + i / 3 - 1, xx = column + i % 3 - 1;
                        if (y >= 0 && y < p.height && xx >= 0 && xx < p.width)
                            sum += weight[static_cast<std::size_t>(c * 9 + i)] *
                                   x[static_cast<std::size_t>(
                                       ((item * p.height + y) * p.width + xx) * p.stride + c)];
                    }
                    out.push_back(silu(sum));
                }
    return out;
}

struct Gate {
    std::int64_t rows = 1, channels = 1, stride = 1;
    std::vector<float> y, z, weight, bias, dOut;

    Gate(std::int64_t r, std::int64_t c, std::int64_t s)
        : rows(r)
        , channels(c)
        , stride(s)
        , y(randomFloats(r * c, -2, 3, 5))
        , z(randomFloats(r * s, -3, 3, 6))
        , weight(randomFloats(c, 0.5f, 1.5f, 7))
        , bias(randomFloats(c, -1, 1, 8))
        , dOut(randomFloats(r * c, -1, 1, 9)) {}

    std::vector<float> forward(int threads) const {
        std::vector<float> out(y.size(), NAN);
        normGateForwardCpu(rows, channels, y.data(), z.data(), stride, weight.data(), bias.data(), out.data(),
                           threads);
        return out;
    }
    // dy, dz (other columns kUntouched), dWeight, dBias
    std::vector<std::vector<float>> backward(int threads) const {
        std::vector<std::vector<float>> out = {
            std::vector<float>(y.size(), NAN), std::vector<float>(z.size(), kUntouched),
            std::vector<float>(weight.size(), NAN), std::vector<float>(bias.size(), NAN)};
        normGateBackwardCpu(rows, channels, y.data(), z.data(), stride, weight.data(), bias.data(),
                            dOut.data(), out[0].data(), out[1].data(), out[2].data(), out[3].data(), threads);
        return out;
    }
};

std::vector<double> gateDefinition(const Gate& p, const std::vector<double>& y, const std::vector<double>& z,
                                   const std::vector<double>& weight, const std::vector<double>& bias) {
    std::vector<double> out;
    for (std::int64_t row = 0; row < p.rows; ++row) {
        const double* values = y.data() + row * p.channels;
        double mean = 0.0, variance = 0.0;
        for (std::int64_t c = 0; c < p.channels; ++c)
            mean += values[c] / static_cast<double>(p.channels);
        for (std::int64_t c = 0; c < p.channels; ++c)
            variance += (values[c] - mean) * (values[c] - mean) / static_cast<double>(p.channels);
        for (std::int64_t c = 0; c < p.channels; ++c) {
            const std::size_t at = static_cast<std::size_t>(c);
            out.push_back(((values[c] - mean) / std::sqrt(variance + 1e-5) * weight[at] + bias[at]) *
                          silu(z[static_cast<std::size_t>(row * p.stride + c)]));
        }
    }
    return out;
}

double weighted(const std::vector<double>& values, const std::vector<float>& weights) {
    double sum = 0.0;
    for (std::size_t i = 0; i < values.size(); ++i)
        sum += values[i] * static_cast<double>(weights[i]);
    return sum;
}

// Finite differences of `loss` in some elements of `values`, against `found`. Elements that the operator must
// leave alone (columns beyond `channels` in rows of `stride`) are compared with kUntouched instead.
std::string checkGradient(const std::string& what, const std::vector<float>& found,
                          std::vector<double>& values, const std::function<double()>& loss,
                          std::int64_t channels, std::int64_t stride) {
    std::vector<float> used;
    std::vector<double> expected;
    for (const std::size_t element : someElements(values.size(), 300)) {
        used.push_back(found[element]);
        expected.push_back(static_cast<std::int64_t>(element) % stride < channels
                               ? differenceQuotient(values, element, loss)
                               : static_cast<double>(kUntouched));
    }
    double largest = 0.0;
    for (const double value : expected)
        largest = value == static_cast<double>(kUntouched) ? largest : std::max(largest, std::fabs(value));
    // Differences in double precision are good to 1e-8; sums of up to a few hundred terms in single precision
    // to 1e-5 of the largest.
    return compare(what, used, expected, 1e-4, 1e-5 * largest + 1e-8).failure;
}

} // namespace

class TestGateKernels : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void depthwise_data();
    void depthwise();
    void gate_data();
    void gate();
    void anyNumberOfThreadsGivesSameBits();
    void anySplitOfBatchGivesSameBits();
    void largeValuesStayFinite();
    void constantRowIsNormalisedToItsBias();
    void everyInstructionSetAgrees();
};

void TestGateKernels::depthwise_data() {
    QTest::addColumn<QList<int>>("sizes"); // batch, height, width, channels, stride
    QTest::newRow("one pixel") << QList<int>{1, 1, 1, 1, 1};
    QTest::newRow("one row") << QList<int>{1, 1, 9, 5, 11};
    QTest::newRow("one column") << QList<int>{1, 9, 1, 33, 40};
    QTest::newRow("7 x 5") << QList<int>{2, 7, 5, 19, 38};
    QTest::newRow("17 x 11, whole vectors") << QList<int>{1, 17, 11, 32, 64};
}

// Tolerance: nine multiply-adds and an exponential, each to 1e-7, relative to the largest value.
void TestGateKernels::depthwise() {
    QFETCH(QList<int>, sizes);
    const Depthwise p(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]);
    std::vector<double> x = widened(p.x), weight = widened(p.weight), bias = widened(p.bias);
    const std::vector<double> expected = depthwiseDefinition(p, x, weight, bias);
    const Comparison forward =
        compare("out", p.forward(2), expected, 1e-5, 1e-6 * largestMagnitude(expected));
    QVERIFY2(forward.failure.empty(), forward.failure.c_str());
    const auto loss = [&] { return weighted(depthwiseDefinition(p, x, weight, bias), p.dOut); };
    const std::vector<std::vector<float>> gradients = p.backward(2);
    std::string failure = checkGradient("dx", gradients[0], x, loss, p.channels, p.stride);
    QVERIFY2(failure.empty(), failure.c_str());
    failure = checkGradient("dWeight", gradients[1], weight, loss, 9, 9);
    QVERIFY2(failure.empty(), failure.c_str());
    failure = checkGradient("dBias", gradients[2], bias, loss, 1, 1);
    QVERIFY2(failure.empty(), failure.c_str());
}

void TestGateKernels::gate_data() {
    QTest::addColumn<QList<int>>("sizes"); // rows, channels, stride
    QTest::newRow("one value") << QList<int>{1, 1, 1};
    QTest::newRow("5 channels") << QList<int>{3, 5, 5};
    QTest::newRow("33 channels, wide rows") << QList<int>{7, 33, 70};
    QTest::newRow("whole vectors") << QList<int>{70, 32, 64};
    QTest::newRow("network's width") << QList<int>{3, 192, 384};
}

void TestGateKernels::gate() {
    QFETCH(QList<int>, sizes);
    const Gate p(sizes[0], sizes[1], sizes[2]);
    std::vector<double> y = widened(p.y), z = widened(p.z), weight = widened(p.weight),
                        bias = widened(p.bias);
    const std::vector<double> expected = gateDefinition(p, y, z, weight, bias);
    const Comparison forward =
        compare("out", p.forward(2), expected, 1e-5, 2e-6 * largestMagnitude(expected));
    QVERIFY2(forward.failure.empty(), forward.failure.c_str());
    const auto loss = [&] { return weighted(gateDefinition(p, y, z, weight, bias), p.dOut); };
    const std::vector<std::vector<float>> gradients = p.backward(2);
    std::string failure = checkGradient("dy", gradients[0], y, loss, p.channels, p.channels);
    QVERIFY2(failure.empty(), failure.c_str());
    failure = checkGradient("dz", gradients[1], z, loss, p.channels, p.stride);
    QVERIFY2(failure.empty(), failure.c_str());
    failure = checkGradient("dWeight", gradients[2], weight, loss, 1, 1);
    QVERIFY2(failure.empty(), failure.c_str());
    failure = checkGradient("dBias", gradients[3], bias, loss, 1, 1);
    QVERIFY2(failure.empty(), failure.c_str());
}

void TestGateKernels::anyNumberOfThreadsGivesSameBits() {
    const Depthwise depthwise(2, 33, 21, 75, 150);
    const Gate gate(517, 75, 150);
    const std::vector<float> convolved = depthwise.forward(1), gated = gate.forward(1);
    const auto depthwiseGradients = depthwise.backward(1), gateGradients = gate.backward(1);
    for (const int threads : {2, 7, 0}) {
        QVERIFY(sameBits(depthwise.forward(threads), convolved));
        QVERIFY(sameBits(gate.forward(threads), gated));
        const auto others = depthwise.backward(threads);
        for (std::size_t i = 0; i < others.size(); ++i)
            QVERIFY(sameBits(others[i], depthwiseGradients[i]));
        const auto gateOthers = gate.backward(threads);
        for (std::size_t i = 0; i < gateOthers.size(); ++i)
            QVERIFY(sameBits(gateOthers[i], gateGradients[i]));
    }
}

void TestGateKernels::anySplitOfBatchGivesSameBits() {
    const Depthwise whole(3, 9, 10, 20, 40);
    const std::vector<float> out = whole.forward(2);
    const std::vector<float> dx = whole.backward(2)[0];
    std::vector<float> joined, joinedDx;
    for (std::ptrdiff_t item = 0; item < 3; ++item) {
        Depthwise part = whole;
        part.batch = 1;
        const auto cut = [&](std::vector<float>& values) {
            const std::ptrdiff_t one = static_cast<std::ptrdiff_t>(values.size()) / 3;
            values = std::vector<float>(values.begin() + item * one, values.begin() + (item + 1) * one);
        };
        cut(part.x);
        cut(part.dOut);
        const std::vector<float> partOut = part.forward(1), partDx = part.backward(1)[0];
        joined.insert(joined.end(), partOut.begin(), partOut.end());
        joinedDx.insert(joinedDx.end(), partDx.begin(), partDx.end());
    }
    QVERIFY(sameBits(joined, out));
    QVERIFY(sameBits(joinedDx, dx));
}

void TestGateKernels::largeValuesStayFinite() {
    Depthwise depthwise(1, 6, 6, 9, 9);
    Gate gate(6, 9, 9);
    for (const float size : {1e-45f, 1e-20f, 200.0f, 1e15f}) {
        for (std::size_t i = 0; i < depthwise.x.size(); ++i)
            depthwise.x[i] = i % 3 == 0 ? size : -size;
        for (std::size_t i = 0; i < gate.y.size(); ++i) {
            gate.y[i] = i % 4 == 0 ? size : -size;
            gate.z[i] = i % 3 == 0 ? size : -size;
        }
        const auto finite = [](const std::vector<float>& values) {
            return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
        };
        QVERIFY(finite(depthwise.forward(1)));
        QVERIFY(finite(gate.forward(1)));
        for (const std::vector<float>& gradient : depthwise.backward(1))
            QVERIFY(finite(gradient));
        for (const std::vector<float>& gradient : gate.backward(1))
            QVERIFY(finite(gradient));
    }
}

void TestGateKernels::constantRowIsNormalisedToItsBias() {
    Gate gate(2, 48, 48);
    std::fill(gate.y.begin(), gate.y.end(), 0.75f); // a mean without rounding
    std::vector<double> expected;
    for (std::size_t i = 0; i < gate.y.size(); ++i)
        expected.push_back(static_cast<double>(gate.bias[i % 48]) * silu(static_cast<double>(gate.z[i])));
    const Comparison result = compare("out", gate.forward(1), expected, 1e-6, 1e-7);
    QVERIFY2(result.failure.empty(), result.failure.c_str());
}

void TestGateKernels::everyInstructionSetAgrees() {
    const Depthwise depthwise(1, 9, 8, 37, 37);
    const Gate gate(9, 37, 37);
    const auto depthwiseBest = depthwise.backward(1), gateBest = gate.backward(1);
    const std::vector<float> convolved = depthwise.forward(1), gated = gate.forward(1);
    for (const std::int64_t target : availableTargets()) {
        const OnlyTargets only(target);
        const auto check = [](const std::vector<float>& found, const std::vector<float>& expected) {
            return compare(scanInstructionSet(), found, expected, 1e-4, 1e-5 * largestMagnitude(expected))
                .failure;
        };
        std::vector<std::string> failures = {check(depthwise.forward(2), convolved),
                                             check(gate.forward(2), gated)};
        const auto depthwiseFound = depthwise.backward(2), gateFound = gate.backward(2);
        for (std::size_t i = 0; i < depthwiseFound.size(); ++i)
            failures.push_back(check(depthwiseFound[i], depthwiseBest[i]));
        for (std::size_t i = 0; i < gateFound.size(); ++i)
            failures.push_back(check(gateFound[i], gateBest[i]));
        for (const std::string& failure : failures)
            QVERIFY2(failure.empty(), failure.c_str());
    }
}

QTEST_APPLESS_MAIN(TestGateKernels)
#include "tst_gate_kernels.moc"
