// SPDX-License-Identifier: GPL-3.0-or-later
// Products over packed weights against double precision: odd sizes, strides, bias and addition in place, rows
// that are made on the way, equal bits for any number of threads and any neighbours, every instruction set.
#include "inference/scan/linear.h"
#include "tests/inference/scan/scan_test_tools.h"

#include <QtTest>

using namespace limn;
using namespace limn::test;

namespace {

constexpr float kUntouched = 777.0f;

struct Product {
    std::int64_t rows = 1, inputs = 1, outputs = 1, xStride = 1, outStride = 1;
    std::vector<float> x, weight, bias, add;

    Product(std::int64_t r, std::int64_t k, std::int64_t n)
        : rows(r)
        , inputs(k)
        , outputs(n)
        , xStride(k + 3)
        , outStride(n + 5)
        , x(randomFloats(r * xStride, -1, 1, 1))
        , weight(randomFloats(n * k, -1, 1, 2))
        , bias(randomFloats(n, -1, 1, 3))
        , add(randomFloats(r * outStride, -1, 1, 4)) {}

    LinearRows problem(std::vector<float>& out) const {
        LinearRows p;
        p.rows = rows;
        p.x = x.data();
        p.xStride = xStride;
        p.bias = bias.data();
        p.out = out.data();
        p.outStride = outStride;
        return p;
    }
    PackedWeights packed() const { return PackedWeights(weight.data(), outputs, inputs); }
    // Adds to `add` in place: columns beyond the outputs stay as they are.
    std::vector<float> run(int threads) const {
        std::vector<float> out = add;
        LinearRows p = problem(out);
        p.add = out.data();
        linearForwardCpu(p, packed(), threads);
        return out;
    }
    std::vector<double> definition() const {
        std::vector<double> out = widened(add);
        for (std::int64_t row = 0; row < rows; ++row)
            for (std::int64_t n = 0; n < outputs; ++n) {
                double sum = bias[static_cast<std::size_t>(n)];
                for (std::int64_t k = 0; k < inputs; ++k)
                    sum += static_cast<double>(x[static_cast<std::size_t>(row * xStride + k)]) *
                           weight[static_cast<std::size_t>(n * inputs + k)];
                out[static_cast<std::size_t>(row * outStride + n)] += sum;
            }
        return out;
    }
};

} // namespace

class TestLinear : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void matchesDefinition_data() {
        QTest::addColumn<QList<int>>("sizes"); // rows, inputs, outputs
        QTest::newRow("one by one") << QList<int>{1, 1, 1};
        QTest::newRow("less than a block") << QList<int>{3, 7, 5};
        QTest::newRow("one output over a panel") << QList<int>{13, 48, 33};
        QTest::newRow("half a panel") << QList<int>{29, 31, 16};
        QTest::newRow("many panels, few rows") << QList<int>{4, 96, 300};
        QTest::newRow("network's projection") << QList<int>{130, 192, 152};
        QTest::newRow("network's merging") << QList<int>{16, 1536, 768};
    }
    // Tolerance: a running sum of up to 1536 terms up to 1, each rounded by 6e-8 of the sum so far.
    void matchesDefinition() {
        QFETCH(QList<int>, sizes);
        const Product product(sizes[0], sizes[1], sizes[2]);
        const std::vector<double> expected = product.definition();
        const Comparison result =
            compare("out", product.run(2), expected, 1e-5, 2e-6 * largestMagnitude(expected));
        QVERIFY2(result.failure.empty(), result.failure.c_str());
    }

    void columnsBesideTheOutputsStay() {
        const Product product(40, 20, 37);
        std::vector<float> out(static_cast<std::size_t>(product.rows * product.outStride), kUntouched);
        linearForwardCpu(product.problem(out), product.packed(), 2);
        for (std::int64_t row = 0; row < product.rows; ++row)
            for (std::int64_t n = 0; n < product.outStride; ++n) {
                const float value = out[static_cast<std::size_t>(row * product.outStride + n)];
                QCOMPARE(value == kUntouched, n >= product.outputs);
            }
    }

    void anyNumberOfThreadsGivesSameBits() {
        const Product product(100, 65, 200);
        const std::vector<float> one = product.run(1);
        for (const int threads : {2, 3, 16, 64})
            QVERIFY(sameBits(product.run(threads), one));
    }

    void resultsMayBeMultiplied() {
        const Product product(20, 30, 48);
        const std::vector<float> sums = product.run(2);
        std::vector<float> out = product.add;
        const std::vector<float> factors = randomFloats(static_cast<std::int64_t>(out.size()), -2, 2, 9);
        LinearRows p = product.problem(out);
        p.add = out.data();
        p.times = factors.data();
        linearForwardCpu(p, product.packed(), 2);
        for (std::int64_t row = 0; row < product.rows; ++row)
            for (std::int64_t n = 0; n < product.outputs; ++n) {
                const std::size_t at = static_cast<std::size_t>(row * product.outStride + n);
                QCOMPARE(out[at], sums[at] * factors[at]);
            }
    }

    // A row's result depends on nothing but the row.
    void anySplitOfRowsGivesSameBits() {
        const Product product(50, 33, 70);
        const std::vector<float> all = product.run(2);
        std::vector<float> parts = product.add;
        for (const auto& [first, last] : {std::pair<int, int>{0, 1}, {1, 14}, {14, 33}, {33, 50}}) {
            LinearRows p = product.problem(parts);
            p.rows = last - first;
            p.x += first * p.xStride;
            p.out += first * p.outStride;
            p.add = p.out;
            linearForwardCpu(p, product.packed(), 2);
        }
        QVERIFY(sameBits(parts, all));
    }

    void rowsMayBeMadeOnTheWay() {
        const Product product(300, 48, 96);
        const std::vector<float> expected = product.run(2);
        for (const int threads : {1, 4, 32}) {
            std::vector<float> out = product.add;
            LinearRows p = product.problem(out);
            p.add = out.data();
            p.x = nullptr;
            p.make = [&product](std::int64_t first, std::int64_t last, float* to) {
                for (std::int64_t row = first; row < last; ++row, to += product.inputs)
                    std::copy_n(product.x.data() + row * product.xStride, product.inputs, to);
            };
            linearForwardCpu(p, product.packed(), threads);
            QVERIFY(sameBits(out, expected));
        }
    }

    void everyInstructionSetAgrees() {
        const Product product(31, 100, 77);
        const std::vector<double> expected = product.definition();
        for (const std::int64_t target : availableTargets()) {
            const OnlyTargets only(target);
            const Comparison result = compare(scanInstructionSet(), product.run(2), expected, 1e-5,
                                              1e-6 * largestMagnitude(expected));
            QVERIFY2(result.failure.empty(), result.failure.c_str());
        }
    }

    void layerNormMatchesDefinition_data() {
        QTest::addColumn<int>("channels");
        for (const int channels : {1, 5, 96, 193})
            QTest::addRow("%d channels", channels) << channels;
    }
    void layerNormMatchesDefinition() {
        QFETCH(int, channels);
        constexpr std::int64_t kRows = 9;
        const std::vector<float> x = randomFloats(kRows * channels, 90, 110, 5);
        const std::vector<float> weight = randomFloats(channels, -1, 1, 6);
        const std::vector<float> bias = randomFloats(channels, -1, 1, 7);
        std::vector<double> expected;
        for (std::int64_t row = 0; row < kRows; ++row) {
            const float* values = x.data() + row * channels;
            double mean = 0, variance = 0;
            for (int c = 0; c < channels; ++c)
                mean += values[c] / static_cast<double>(channels);
            for (int c = 0; c < channels; ++c)
                variance += (values[c] - mean) * (values[c] - mean) / channels;
            for (int c = 0; c < channels; ++c)
                expected.push_back((values[c] - mean) / std::sqrt(variance + 1e-5) *
                                       weight[static_cast<std::size_t>(c)] +
                                   bias[static_cast<std::size_t>(c)]);
        }
        for (const std::int64_t target : availableTargets()) {
            const OnlyTargets only(target);
            std::vector<float> out = x; // in place
            layerNormRows(kRows, channels, out.data(), weight.data(), bias.data(), out.data());
            // A sum of 193 numbers near 100, one after the other, is off by up to 1e-2: that is 5e-5 in the
            // mean, over a deviation of about 6.
            const Comparison result = compare(scanInstructionSet(), out, expected, 1e-5, 1e-5);
            QVERIFY2(result.failure.empty(), result.failure.c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TestLinear)
#include "tst_linear.moc"
