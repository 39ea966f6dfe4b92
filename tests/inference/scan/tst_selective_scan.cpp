// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan on the processor: golden values, gradients against finite differences of the definition
// in double precision, equal bits for any number of threads and split of a batch, odd sizes, extreme inputs,
// and every instruction set that the machine has.
#include "inference/scan/selective_scan.h"
#include "tests/inference/parity_table.h"
#include "tests/inference/scan/golden_scan.h"
#include "tests/inference/scan/scan_test_tools.h"

#include <QtTest>

#include <cfloat>
#include <thread>

using namespace limn;
using namespace limn::test;

namespace {

// Around arrays that are written to.
constexpr float kGuard = 12345.0f;
constexpr std::size_t kMargin = 64;

struct Problem : ScanArrays {
    ScanInputs inputs() const {
        return {u.data(), projected.data(), dtWeight.data(), dtBias.data(), a.data(), d.data()};
    }
    std::vector<float> forward(int threads) const {
        std::vector<float> y(u.size(), NAN);
        selectiveScanForwardCpu(shape, inputs(), y.data(), threads);
        return y;
    }
    std::vector<float> reference() const {
        std::vector<float> y(u.size(), NAN);
        selectiveScanForwardReference(shape, inputs(), y.data());
        return y;
    }
};

struct Gradients {
    std::vector<float> u, projected, dtWeight, dtBias, a, d;

    std::vector<std::pair<const char*, std::vector<float>*>> all() {
        return {{"u", &u}, {"projected", &projected}, {"dtWeight", &dtWeight}, {"dtBias", &dtBias}, {"a", &a},
                {"d", &d}};
    }
};

Gradients backward(const Problem& problem, int threads, const float* borders = nullptr) {
    Gradients out;
    out.u.assign(problem.u.size(), NAN);
    out.projected.assign(problem.projected.size(), NAN);
    out.dtWeight.assign(problem.dtWeight.size(), NAN);
    out.dtBias.assign(problem.dtBias.size(), NAN);
    out.a.assign(problem.a.size(), NAN);
    out.d.assign(problem.d.size(), NAN);
    const ScanGradients gradients{out.u.data(),      out.projected.data(), out.dtWeight.data(),
                                  out.dtBias.data(), out.a.data(),         out.d.data()};
    selectiveScanBackwardCpu(problem.shape, problem.inputs(), problem.dy.data(), gradients, threads, borders);
    return out;
}

// Steps between 0.001 and 0.1.
Problem randomProblem(std::int64_t batch, std::int64_t height, std::int64_t width, std::int64_t channels,
                      std::int64_t rank, std::int64_t rankStride, std::int64_t directions, unsigned seed) {
    return {randomScan({batch, height, width, channels, rank, rankStride, directions}, -4, 0, seed)};
}

// The definition once more, with double inputs and written without the library's index helpers: loss =
// sum(y dy) for finite differences.
struct DoubleProblem {
    ScanShape shape;
    std::vector<double> u, projected, dtWeight, dtBias, a, d, dy;

    explicit DoubleProblem(const Problem& p)
        : shape(p.shape)
        , u(widened(p.u))
        , projected(widened(p.projected))
        , dtWeight(widened(p.dtWeight))
        , dtBias(widened(p.dtBias))
        , a(widened(p.a))
        , d(widened(p.d))
        , dy(widened(p.dy)) {}

    double loss() const {
        const std::int64_t height = shape.height, width = shape.width, channels = shape.channels;
        double sum = 0.0;
        for (std::int64_t item = 0; item < shape.batch; ++item)
            for (std::int64_t k = 0; k < shape.directions; ++k) {
                std::vector<std::int64_t> path;
                if (k % 2 == 0) {
                    for (std::int64_t row = 0; row < height; ++row)
                        for (std::int64_t column = 0; column < width; ++column)
                            path.push_back(row * width + column);
                } else {
                    for (std::int64_t column = 0; column < width; ++column)
                        for (std::int64_t row = 0; row < height; ++row)
                            path.push_back(row * width + column);
                }
                if (k >= 2)
                    std::reverse(path.begin(), path.end());
                for (std::int64_t c = 0; c < channels; ++c) {
                    const std::int64_t kc = k * channels + c;
                    double h[kScanStates] = {};
                    for (const std::int64_t pixel : path) {
                        const std::int64_t row = item * height * width + pixel;
                        const double* slice =
                            projected.data() + row * shape.projectedWidth() + k * shape.sliceWidth();
                        double argument = dtBias[static_cast<std::size_t>(kc)];
                        for (std::int64_t r = 0; r < shape.rank; ++r)
                            argument += dtWeight[static_cast<std::size_t>(kc * shape.rank + r)] * slice[r];
                        const double step = argument > 0 ? argument + std::log1p(std::exp(-argument))
                                                         : std::log1p(std::exp(argument));
                        const std::size_t at = static_cast<std::size_t>(row * channels + c);
                        double y = d[static_cast<std::size_t>(kc)] * u[at];
                        for (int n = 0; n < kScanStates; ++n) {
                            h[n] = std::exp(step * a[static_cast<std::size_t>(kc * kScanStates + n)]) * h[n] +
                                   step * u[at] * slice[shape.rankStride + n];
                            y += slice[shape.rankStride + kScanStates + n] * h[n];
                        }
                        sum += y * dy[at];
                    }
                }
            }
        return sum;
    }
};

} // namespace

class TestSelectiveScan : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void golden_data();
    void golden();
    void forwardMatchesDefinition_data();
    void forwardMatchesDefinition();
    void gradientsMatchFiniteDifferences_data();
    void gradientsMatchFiniteDifferences();
    void paddingOfProjectedGetsZero();
    void anyNumberOfThreadsGivesSameBits_data();
    void anyNumberOfThreadsGivesSameBits();
    void anySplitOfBatchGivesSameBits();
    void bordersOfForwardRunGiveSameBits();
    void callersAtTheSameTimeGetSameBits();
    void writesStayInside();
    void smallStepsKeepRelativeAccuracy();
    void hugeStepForgetsExactly();
    void extremeInputsStayFinite_data();
    void extremeInputsStayFinite();
    void everyInstructionSetAgrees();
    void emptyBatchClearsParameterGradients();
    void cleanupTestCase() { m_parity.print(); }

private:
    limn::testing::ParityTable m_parity;
};

void TestSelectiveScan::golden_data() {
    QTest::addColumn<int>("number");
    QTest::addColumn<qint64>("target");
    for (const std::int64_t target : availableTargets())
        for (int i = 0; i < GoldenScan::kCases; ++i)
            QTest::addRow("case%d, %s", i, hwy::TargetName(target)) << i << static_cast<qint64>(target);
}

// Tolerance 1e-4 relative, and where values are near zero 2e-6 of the array's largest: single precision
// rounds each of up to 1100 dependent steps by 6e-8, and gradients are sums of that many terms of either
// sign.
void TestSelectiveScan::golden() {
    if (!QFile::exists(QString::fromUtf8(GoldenScan::path())))
        QSKIP("shared/golden/selective_scan.safetensors is missing");
    const Result<TensorFile> file = readSafetensors(GoldenScan::path());
    QVERIFY2(file, file ? "" : file.error().message().c_str());
    QFETCH(int, number);
    QFETCH(qint64, target);
    const OnlyTargets only(target);
    GoldenScan golden(*file, number);
    for (std::int64_t g = 0; g < golden.groups(); ++g) {
        const Problem problem{golden.group(g)};
        const Gradients gradients = backward(problem, 2);
        golden.add(g, {problem.forward(2), gradients.u, gradients.projected, gradients.a, gradients.d,
                       gradients.dtBias});
    }
    golden.eachResult([this](const std::string& name, const std::vector<float>& found,
                             const std::vector<double>& expected) {
        const Comparison result = compare(name, found, expected, 1e-4, 2e-6 * largestMagnitude(expected));
        m_parity.add("selective_scan.safetensors", name, found, expected);
        qInfo("%s: largest difference %.2g (largest value %.2g)", name.c_str(), result.absolute,
              largestMagnitude(expected));
        QVERIFY2(result.failure.empty(), result.failure.c_str());
    });
}

void TestSelectiveScan::forwardMatchesDefinition_data() {
    QTest::addColumn<QList<int>>("sizes"); // batch, height, width, channels, rank, rankStride, directions
    QTest::newRow("one pixel, one channel") << QList<int>{1, 1, 1, 1, 1, 1, 4};
    QTest::newRow("one row") << QList<int>{1, 1, 37, 5, 1, 1, 4};
    QTest::newRow("one column") << QList<int>{1, 37, 1, 5, 2, 4, 4};
    QTest::newRow("7 x 5, channels over a vector") << QList<int>{2, 7, 5, 33, 3, 3, 4};
    QTest::newRow("exactly one tile") << QList<int>{1, 4, 8, 16, 6, 8, 4};
    QTest::newRow("one step over a tile") << QList<int>{1, 3, 11, 17, 6, 8, 4};
    QTest::newRow("one direction") << QList<int>{1, 9, 13, 8, 5, 5, 1};
    QTest::newRow("two directions") << QList<int>{3, 9, 13, 15, 5, 6, 2};
    QTest::newRow("network's first stage, smaller") << QList<int>{1, 24, 40, 192, 6, 8, 4};
    QTest::newRow("network's third stage, smaller") << QList<int>{1, 8, 6, 768, 24, 24, 4};
}

// Tolerance: up to 91 dependent steps, each rounded by 6e-8.
void TestSelectiveScan::forwardMatchesDefinition() {
    QFETCH(QList<int>, sizes);
    const Problem problem =
        randomProblem(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], 11);
    const std::vector<float> expected = problem.reference();
    const Comparison result =
        compare("y", problem.forward(2), expected, 1e-5, 1e-6 * largestMagnitude(expected));
    QVERIFY2(result.failure.empty(), result.failure.c_str());
    // The definition in the library and the one in this test agree.
    const DoubleProblem wide(problem);
    double loss = 0.0;
    double size = 0.0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        loss += static_cast<double>(expected[i]) * wide.dy[i];
        size += std::fabs(static_cast<double>(expected[i]) * wide.dy[i]);
    }
    QVERIFY(std::fabs(loss - wide.loss()) <= 1e-7 * size);
}

void TestSelectiveScan::gradientsMatchFiniteDifferences_data() {
    QTest::addColumn<QList<int>>("sizes");
    QTest::newRow("3 x 4") << QList<int>{1, 3, 4, 5, 2, 2, 4};
    QTest::newRow("one pixel, one channel") << QList<int>{1, 1, 1, 1, 1, 1, 4};
    QTest::newRow("one row, padded slices") << QList<int>{2, 1, 6, 3, 3, 8, 4};
    QTest::newRow("one column") << QList<int>{1, 6, 1, 2, 1, 2, 4};
    QTest::newRow("several tiles") << QList<int>{1, 7, 13, 9, 2, 4, 4};
    QTest::newRow("several groups of channels") << QList<int>{2, 3, 2, 101, 6, 6, 4};
    QTest::newRow("more groups than parts") << QList<int>{1, 2, 3, 870, 5, 8, 2};
    QTest::newRow("one direction") << QList<int>{1, 6, 7, 4, 2, 2, 1};
}

// Central differences in double precision are good to 1e-8; the rest is single precision's, as in golden().
void TestSelectiveScan::gradientsMatchFiniteDifferences() {
    QFETCH(QList<int>, sizes);
    const Problem problem =
        randomProblem(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], 23);
    Gradients gradients = backward(problem, 2);
    DoubleProblem wide(problem);
    const auto loss = [&wide] { return wide.loss(); };
    const std::pair<std::vector<float>*, std::vector<double>*> arrays[] = {
        {&gradients.u, &wide.u},
        {&gradients.projected, &wide.projected},
        {&gradients.dtWeight, &wide.dtWeight},
        {&gradients.dtBias, &wide.dtBias},
        {&gradients.a, &wide.a},
        {&gradients.d, &wide.d}};
    const std::size_t steps = problem.u.size();
    const std::size_t most =
        steps > 500 ? 40 : 400; // elements of each array; a loss costs 64 exponentials a step
    for (std::size_t i = 0; i < std::size(arrays); ++i) {
        std::vector<float> found;
        std::vector<double> expected;
        for (const std::size_t element : someElements(arrays[i].first->size(), most)) {
            found.push_back((*arrays[i].first)[element]);
            expected.push_back(differenceQuotient(*arrays[i].second, element, loss));
        }
        const Comparison result = compare(gradients.all()[i].first, found, expected, 1e-4,
                                          1e-5 * largestMagnitude(expected) + 1e-8);
        QVERIFY2(result.failure.empty(), result.failure.c_str());
    }
}

void TestSelectiveScan::paddingOfProjectedGetsZero() {
    Problem problem = randomProblem(1, 3, 5, 4, 3, 7, 4, 5);
    const std::vector<float> clean = problem.forward(1);
    const std::int64_t slice = problem.shape.sliceWidth();
    const auto isPadding = [&](std::size_t i) {
        const std::int64_t column = static_cast<std::int64_t>(i) % slice;
        return column >= problem.shape.rank && column < problem.shape.rankStride;
    };
    for (std::size_t i = 0; i < problem.projected.size(); ++i)
        if (isPadding(i))
            problem.projected[i] = NAN; // never read
    QVERIFY(sameBits(problem.forward(1), clean));
    const Gradients gradients = backward(problem, 1);
    bool zero = true;
    for (std::size_t i = 0; i < gradients.projected.size(); ++i)
        zero = zero && (!isPadding(i) || gradients.projected[i] == 0.0f);
    QVERIFY(zero);
    QVERIFY(allFinite(gradients.projected));
}

void TestSelectiveScan::anyNumberOfThreadsGivesSameBits_data() {
    QTest::addColumn<QList<int>>("sizes"); // batch, height, width, channels, rank, rankStride, directions
    QTest::newRow("four directions") << QList<int>{3, 9, 7, 500, 6, 8, 4};
    QTest::newRow("two directions") << QList<int>{1, 9, 7, 40, 6, 8, 2};
    QTest::newRow("one direction") << QList<int>{1, 9, 7, 40, 6, 8, 1};
    // So many parameters that the backward run takes one image after the other.
    QTest::newRow("many parameters") << QList<int>{3, 1, 2, 16384, 512, 512, 4};
}

// From one to more threads than there are groups of channels, where each direction has its own.
void TestSelectiveScan::anyNumberOfThreadsGivesSameBits() {
    QFETCH(QList<int>, sizes);
    const Problem problem =
        randomProblem(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], 31);
    const std::vector<float> y = problem.forward(1);
    Gradients gradients = backward(problem, 1);
    for (const int threads : {2, 7, 64, 0}) {
        QVERIFY(sameBits(problem.forward(threads), y));
        Gradients others = backward(problem, threads);
        for (std::size_t i = 0; i < others.all().size(); ++i)
            QVERIFY2(sameBits(*others.all()[i].second, *gradients.all()[i].second), others.all()[i].first);
    }
}

void TestSelectiveScan::anySplitOfBatchGivesSameBits() {
    const Problem whole = randomProblem(4, 6, 11, 70, 6, 6, 4, 37);
    const std::vector<float> y = whole.forward(2);
    const Gradients gradients = backward(whole, 2);
    const std::vector<std::vector<std::int64_t>> splits = {{1, 1, 1, 1}, {3, 1}, {2, 2}};
    for (const std::vector<std::int64_t>& split : splits) {
        std::vector<float> joinedY, joinedU, joinedProjected;
        std::vector<float> sumOfA(gradients.a.size(), 0.0f);
        std::int64_t start = 0;
        for (const std::int64_t items : split) {
            Problem part = whole;
            part.shape.batch = items;
            const auto cut = [&](std::vector<float>& values) {
                const std::int64_t one = static_cast<std::int64_t>(values.size()) / 4;
                values =
                    std::vector<float>(values.begin() + start * one, values.begin() + (start + items) * one);
            };
            cut(part.u);
            cut(part.projected);
            cut(part.dy);
            const std::vector<float> partY = part.forward(3);
            const Gradients partGradients = backward(part, 3);
            joinedY.insert(joinedY.end(), partY.begin(), partY.end());
            joinedU.insert(joinedU.end(), partGradients.u.begin(), partGradients.u.end());
            joinedProjected.insert(joinedProjected.end(), partGradients.projected.begin(),
                                   partGradients.projected.end());
            for (std::size_t i = 0; i < sumOfA.size(); ++i)
                sumOfA[i] += partGradients.a[i];
            start += items;
        }
        QVERIFY(sameBits(joinedY, y));
        QVERIFY(sameBits(joinedU, gradients.u));
        QVERIFY(sameBits(joinedProjected, gradients.projected));
        // The parameters' gradients are sums over the batch, from the first image to the last: image by image
        // the bits are the same; sums of sums round differently.
        if (split.size() == 4)
            QVERIFY(sameBits(sumOfA, gradients.a));
        const Comparison result =
            compare("a", sumOfA, gradients.a, 1e-5, 1e-6 * largestMagnitude(gradients.a));
        QVERIFY2(result.failure.empty(), result.failure.c_str());
    }
}

void TestSelectiveScan::bordersOfForwardRunGiveSameBits() {
    const Problem problem = randomProblem(2, 9, 11, 133, 6, 8, 4, 39);
    std::vector<float> borders(static_cast<std::size_t>(scanBorderCount(problem.shape)), NAN);
    std::vector<float> y(problem.u.size(), NAN);
    selectiveScanForwardCpu(problem.shape, problem.inputs(), y.data(), 2, borders.data());
    QVERIFY(sameBits(y, problem.forward(2)));
    QVERIFY(allFinite(borders));
    Gradients expected = backward(problem, 2);
    Gradients found = backward(problem, 2, borders.data());
    for (std::size_t i = 0; i < found.all().size(); ++i)
        QVERIFY2(sameBits(*found.all()[i].second, *expected.all()[i].second), found.all()[i].first);
}

void TestSelectiveScan::callersAtTheSameTimeGetSameBits() {
    const Problem problem = randomProblem(1, 16, 12, 96, 6, 6, 4, 41);
    const std::vector<float> y = problem.forward(1);
    const Gradients gradients = backward(problem, 1);
    std::vector<char> same(6, 0);
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < same.size(); ++i)
        callers.emplace_back([&, i] {
            bool equal = true;
            for (int round = 0; round < 4; ++round)
                equal = equal && sameBits(problem.forward(3), y) &&
                        sameBits(backward(problem, 3).projected, gradients.projected);
            same[i] = equal;
        });
    for (std::thread& caller : callers)
        caller.join();
    QVERIFY(std::all_of(same.begin(), same.end(), [](char equal) { return equal != 0; }));
}

void TestSelectiveScan::writesStayInside() {
    for (const std::int64_t channels : {1, 5, 33}) {
        const Problem problem = randomProblem(1, 5, 7, channels, 3, 3, 4, 43);
        const auto guarded = [](std::size_t size) { return std::vector<float>(size + 2 * kMargin, kGuard); };
        std::vector<float> y = guarded(problem.u.size()), du = guarded(problem.u.size()),
                           dProjected = guarded(problem.projected.size()),
                           dWeight = guarded(problem.dtWeight.size()), dBias = guarded(problem.dtBias.size()),
                           da = guarded(problem.a.size()), dd = guarded(problem.d.size());
        selectiveScanForwardCpu(problem.shape, problem.inputs(), y.data() + kMargin, 2);
        const ScanGradients gradients{du.data() + kMargin,      dProjected.data() + kMargin,
                                      dWeight.data() + kMargin, dBias.data() + kMargin,
                                      da.data() + kMargin,      dd.data() + kMargin};
        selectiveScanBackwardCpu(problem.shape, problem.inputs(), problem.dy.data(), gradients, 2);
        for (const std::vector<float>* array : {&y, &du, &dProjected, &dWeight, &dBias, &da, &dd}) {
            const auto untouched = [](float value) { return value == kGuard; };
            QVERIFY(std::all_of(array->begin(), array->begin() + kMargin, untouched));
            QVERIFY(std::all_of(array->end() - kMargin, array->end(), untouched));
            QVERIFY(std::none_of(array->begin() + kMargin, array->end() - kMargin, untouched));
        }
    }
}

// softplus(x) = exp(x) (1 + ...) for x far below 0: y, proportional to the step there, keeps its digits.
// Tolerance: four roundings of an exponential with 2e-7.
void TestSelectiveScan::smallStepsKeepRelativeAccuracy() {
    for (const float bias : {-5.0f, -16.5f, -20.5f, -40.0f, -80.0f}) {
        Problem problem = randomProblem(1, 1, 1, 64, 1, 1, 1, 47);
        std::fill(problem.dtWeight.begin(), problem.dtWeight.end(), 0.0f);
        std::fill(problem.d.begin(), problem.d.end(), 0.0f);
        for (std::size_t i = 0; i < problem.dtBias.size(); ++i)
            problem.dtBias[i] = bias - static_cast<float>(i) / 64.0f;
        std::fill(problem.projected.begin() + 1, problem.projected.end(), 0.0f);
        problem.projected[1] = 1.0f;               // B of state 0
        problem.projected[1 + kScanStates] = 1.0f; // C of state 0
        const Comparison result = compare("y", problem.forward(1), problem.reference(), 1e-6, 0.0);
        QVERIFY2(result.failure.empty(), result.failure.c_str());
    }
}

void TestSelectiveScan::hugeStepForgetsExactly() {
    Problem problem = randomProblem(1, 1, 50, 40, 1, 1, 1, 53);
    std::fill(problem.dtWeight.begin(), problem.dtWeight.end(), 0.0f);
    std::fill(problem.dtBias.begin(), problem.dtBias.end(), 1e4f);
    const std::vector<float> y = problem.forward(1);
    Problem other = problem;
    const std::size_t half = other.u.size() / 2;
    for (std::size_t i = 0; i < half; ++i)
        other.u[i] = -3.0f * other.u[i] + 1.0f;
    const std::vector<float> otherY = other.forward(1);
    QVERIFY(std::equal(y.begin() + static_cast<std::ptrdiff_t>(half), y.end(),
                       otherY.begin() + static_cast<std::ptrdiff_t>(half)));
    const Comparison result = compare("y", y, problem.reference(), 1e-5, 1e-6 * largestMagnitude(y));
    QVERIFY2(result.failure.empty(), result.failure.c_str());
}

void TestSelectiveScan::extremeInputsStayFinite_data() {
    QTest::addColumn<float>("size"); // of every input
    QTest::addColumn<qint64>("target");
    for (const std::int64_t target : availableTargets())
        for (const float size : {0.0f, 1e-45f, 1e-30f, 100.0f, 3000.0f, 1e6f, 1e12f, 1e20f, 1e30f, FLT_MAX})
            QTest::addRow("%g, %s", static_cast<double>(size), hwy::TargetName(target))
                << size << static_cast<qint64>(target);
}

// Also with rates of 0, where an infinite product would become NaN, and with states that last from the first
// step to the last.
void TestSelectiveScan::extremeInputsStayFinite() {
    QFETCH(float, size);
    QFETCH(qint64, target);
    const OnlyTargets only(target);
    for (const bool lasting : {false, true}) {
        Problem problem = randomProblem(1, 6, 12, 21, 5, 5, 4, 59);
        roughen(problem, size);
        if (lasting)
            std::fill(problem.a.begin(), problem.a.end(), 0.0f);
        for (std::size_t i = 0; i < problem.dy.size(); ++i)
            problem.dy[i] = i % 3 == 0 ? problem.dy[i] : (i % 3 == 1 ? size : -size);
        QVERIFY(allFinite(problem.forward(1)));
        Gradients gradients = backward(problem, 1);
        for (const auto& [name, values] : gradients.all())
            QVERIFY2(allFinite(*values), name);
    }
}

// Each instruction set rounds differently (with and without fused multiply-add, lanes summed in another
// order): the differences stay those of single precision.
void TestSelectiveScan::everyInstructionSetAgrees() {
    const Problem problem = randomProblem(2, 7, 11, 70, 6, 8, 4, 67);
    const std::vector<float> expected = problem.reference();
    Gradients best = backward(problem, 2);
    QStringList names;
    for (const std::int64_t target : availableTargets()) {
        const OnlyTargets only(target);
        names << QString::fromLatin1(scanInstructionSet());
        const Comparison y = compare(std::string("y, ") + scanInstructionSet(), problem.forward(2), expected,
                                     1e-5, 1e-6 * largestMagnitude(expected));
        QVERIFY2(y.failure.empty(), y.failure.c_str());
        Gradients gradients = backward(problem, 2);
        for (std::size_t i = 0; i < gradients.all().size(); ++i) {
            const auto [name, values] = gradients.all()[i];
            const std::vector<float>& other = *best.all()[i].second;
            const Comparison result = compare(std::string(name) + ", " + scanInstructionSet(), *values, other,
                                              1e-4, 1e-5 * largestMagnitude(other));
            QVERIFY2(result.failure.empty(), result.failure.c_str());
        }
    }
    names.removeDuplicates();
    qInfo("instruction sets: %s", qPrintable(names.join(QStringLiteral(", "))));
    QCOMPARE(static_cast<std::size_t>(names.size()), availableTargets().size());
}

void TestSelectiveScan::emptyBatchClearsParameterGradients() {
    Problem problem = randomProblem(1, 2, 2, 3, 1, 1, 4, 71);
    problem.shape.batch = 0;
    const Gradients gradients = backward(problem, 2);
    const auto isZero = [](float value) { return value == 0.0f; };
    QVERIFY(std::all_of(gradients.a.begin(), gradients.a.end(), isZero));
    QVERIFY(std::all_of(gradients.dtWeight.begin(), gradients.dtWeight.end(), isZero));
    QVERIFY(std::all_of(gradients.dtBias.begin(), gradients.dtBias.end(), isZero));
    QVERIFY(std::all_of(gradients.d.begin(), gradients.d.end(), isZero));
}

QTEST_APPLESS_MAIN(TestSelectiveScan)
#include "tst_selective_scan.moc"
