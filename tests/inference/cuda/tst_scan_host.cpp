// SPDX-License-Identifier: GPL-3.0-or-later
// The CUDA scan's arithmetic on the processor: host versions of the kernels against golden values and against
// the processor's own scan, with rows walked whole and cut into pieces; the accuracy of the exponential and
// of softplus over their whole range; paths and plans. Needs no GPU: tst_cuda compares the kernels
// themselves.
#include "inference/cuda/scan_host.h"
#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"
#include "tests/inference/cuda/scan_problem.h"
#include "tests/inference/scan/golden_scan.h"

#include <QtTest>

#include <cfloat>
#include <limits>
#include <set>

using namespace limn;
using namespace limn::test;

namespace {

std::size_t at(std::int64_t index) {
    return static_cast<std::size_t>(index);
}

struct Problem : ScanArrays {
    explicit Problem(ScanArrays arrays) : ScanArrays(std::move(arrays)) {}

    gpu::ScanProblem problem() const {
        gpu::ScanProblem out = problemOf(shape, element);
        out.u = u.data();
        out.projected = projected.data();
        out.dtWeight = dtWeight.data();
        out.dtBias = dtBias.data();
        out.a = a.data();
        out.d = d.data();
        return out;
    }
    std::int64_t rows() const { return shape.batch * shape.length(); }

    gpu::Element element = gpu::Element::Float32;
};

// Steps between 0.001 and 1.
Problem randomProblem(int batch, int height, int width, int channels, int rank, int rankStride,
                      int directions, unsigned seed) {
    return Problem(randomScan({batch, height, width, channels, rank, rankStride, directions}, -5, -1, seed));
}

std::int64_t tilesOf(const gpu::ScanProblem& problem) {
    return (static_cast<std::int64_t>(problem.height) * problem.width + gpu::kTileSteps - 1) /
           gpu::kTileSteps;
}

// As an H200 was found.
constexpr gpu::GpuShape kLargeGpu{132, true, 227 * 1024, {132, 66, 30, 15}, {264, 132, 62, 30}};

// clusterBlocks 0: rows are walked whole.
gpu::ScanPlan planWith(const gpu::ScanProblem& problem, int clusterBlocks, int pieceShape = 0) {
    gpu::ScanPlan plan = gpu::planScan(problem, gpu::GpuShape{0, false}, true);
    plan.clusterBlocks = clusterBlocks;
    plan.pieceShape = pieceShape;
    plan.pieceSteps = clusterBlocks > 0 ? gpu::kTileSteps : 0;
    return plan;
}

// NaN everywhere at first, so that what is not written, or read before it is written, shows.
std::vector<float> unwritten(std::int64_t count) {
    return std::vector<float>(at(count), NAN);
}

struct Forward {
    std::vector<float> y; // summed over directions
    std::vector<float> saved;
};

Forward forwardOnHost(const Problem& p, const gpu::ScanPlan& plan) {
    Forward out;
    const std::int64_t part = p.rows() * p.shape.channels;
    std::vector<float> parts = unwritten(part * p.shape.directions);
    out.saved = unwritten(plan.savedFloats);
    const int code = gpu::scanForwardHost(p.problem(), plan, parts.data(), out.saved.data());
    if (code != 0)
        qFatal("the host version refused the problem");
    out.y.assign(parts.begin(), parts.begin() + part);
    for (std::int64_t i = part; i < part * p.shape.directions; ++i)
        out.y[at(i % part)] += parts[at(i)];
    return out;
}

struct Gradients {
    std::vector<float> u, projected, dtWeight, dtBias, a, d;

    std::vector<std::pair<const char*, const std::vector<float>*>> all() const {
        return {{"u", &u}, {"projected", &projected}, {"dtWeight", &dtWeight}, {"dtBias", &dtBias}, {"a", &a},
                {"d", &d}};
    }
};

// The kernel's parts are put together as its caller does: sums over directions and images.
Gradients backwardOnHost(const Problem& p, const std::vector<float>& saved) {
    const gpu::ScanProblem problem = p.problem();
    const gpu::ScanBackwardSizes sizes = gpu::scanBackwardSizes(problem);
    std::vector<float> gradU = unwritten(sizes.gradU), partialProjected = unwritten(sizes.partialProjected),
                       partialSums = unwritten(sizes.partialSums);
    if (gpu::scanBackwardHost(problem, p.dy.data(), saved.data(), gradU.data(), partialProjected.data(),
                              partialSums.data()) != 0)
        qFatal("the host version refused the problem");

    const ScanShape shape = p.shape;
    const std::int64_t values = p.rows() * shape.channels, kc = shape.directions * shape.channels;
    Gradients out;
    out.projected = unwritten(static_cast<std::int64_t>(p.projected.size()));
    if (gpu::sumPartialProjectedHost(problem, partialProjected.data(), out.projected.data()) != 0)
        qFatal("the host version refused the problem");
    out.u.assign(gradU.begin(), gradU.begin() + values);
    for (std::int64_t i = values; i < sizes.gradU; ++i)
        out.u[at(i % values)] += gradU[at(i)];
    out.dtWeight.assign(at(kc * shape.rank), 0.0f);
    out.a.assign(at(kc * kScanStates), 0.0f);
    out.d.assign(at(kc), 0.0f);
    out.dtBias.assign(at(kc), 0.0f);
    for (std::int64_t i = 0; i < shape.batch * kc; ++i) {
        const float* part = partialSums.data() + i * (gpu::kPartialSums + shape.rank);
        for (std::int64_t n = 0; n < kScanStates; ++n)
            out.a[at(i % kc * kScanStates + n)] += part[n];
        out.d[at(i % kc)] += part[kScanStates];
        out.dtBias[at(i % kc)] += part[kScanStates + 1];
        for (std::int64_t r = 0; r < shape.rank; ++r)
            out.dtWeight[at(i % kc * shape.rank + r)] += part[gpu::kPartialSums + r];
    }
    return out;
}

Gradients backwardOfProcessor(const Problem& p) {
    Gradients out;
    out.u = unwritten(static_cast<std::int64_t>(p.u.size()));
    out.projected = unwritten(static_cast<std::int64_t>(p.projected.size()));
    out.dtWeight = unwritten(static_cast<std::int64_t>(p.dtWeight.size()));
    out.dtBias = unwritten(static_cast<std::int64_t>(p.dtBias.size()));
    out.a = unwritten(static_cast<std::int64_t>(p.a.size()));
    out.d = unwritten(static_cast<std::int64_t>(p.d.size()));
    const ScanInputs inputs{p.u.data(),      p.projected.data(), p.dtWeight.data(),
                            p.dtBias.data(), p.a.data(),         p.d.data()};
    selectiveScanBackwardCpu(p.shape, inputs, p.dy.data(),
                             {out.u.data(), out.projected.data(), out.dtWeight.data(), out.dtBias.data(),
                              out.a.data(), out.d.data()},
                             1);
    return out;
}

// The largest |found / expected - 1| over `count` evenly spread x in [low, high].
template<typename Found, typename Expected>
double largestRelativeError(double low, double high, int count, Found found, Expected expected) {
    double largest = 0.0;
    for (int i = 0; i < count; ++i) {
        const float x = static_cast<float>(low + (high - low) * i / (count - 1));
        const double right = expected(static_cast<double>(x));
        const double error = std::fabs(static_cast<double>(found(x)) - right) / right;
        if (!(error <= largest))
            largest = error; // a NaN stays
        if (std::isnan(error))
            break;
    }
    return largest;
}

} // namespace

class TestScanHost : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void golden_data();
    void golden();
    void agreesWithTheProcessor_data();
    void agreesWithTheProcessor();
    void extremeInputsGiveFiniteOutput_data();
    void extremeInputsGiveFiniteOutput();
    void refusesWhatTheKernelsRefuse();
    void softplusIsAccurate();
    void gatesAreAccurate();
    void functionsNeverGiveNaN();
    void pathsVisitEveryPixelInOrder();
    void plansCoverTheRow();
    void shortPiecesAgree();
};

void TestScanHost::golden_data() {
    QTest::addColumn<int>("number");
    for (int i = 0; i < 8; ++i)
        QTest::addRow("case%d", i) << i;
}

// Tolerance 1e-5 relative, and where values are near zero 1e-6 of the array's largest: single precision
// rounds each of up to 1100 dependent steps by 6e-8, the exponent delta * (A log2 e) is rounded twice, and
// gradients are sums of that many terms of either sign. Found: at most half of that.
void TestScanHost::golden() {
    if (!QFile::exists(QString::fromUtf8(GoldenScan::path())))
        QSKIP("shared/golden/selective_scan.safetensors is missing");
    const Result<TensorFile> file = readSafetensors(GoldenScan::path());
    QVERIFY2(file, file ? "" : file.error().message().c_str());
    QFETCH(int, number);
    // Whole rows; pieces of one block, of as many as a cluster has.
    for (const auto& [clusterBlocks, pieceShape] :
         {std::pair{0, 0}, std::pair{1, 2}, std::pair{gpu::kMaxClusterBlocks, 3}}) {
        GoldenScan golden(*file, number);
        for (std::int64_t g = 0; g < golden.groups(); ++g) {
            const Problem problem(golden.group(g));
            const Forward forward =
                forwardOnHost(problem, planWith(problem.problem(), clusterBlocks, pieceShape));
            const Gradients gradients = backwardOnHost(problem, forward.saved);
            golden.add(
                g, {forward.y, gradients.u, gradients.projected, gradients.a, gradients.d, gradients.dtBias});
        }
        QString figures;
        golden.eachResult([&figures](const std::string& name, const std::vector<float>& found,
                                     const std::vector<double>& expected) {
            const double largest = largestMagnitude(expected);
            const Comparison result = compare(name, found, expected, 1e-5, 1e-6 * largest);
            figures += QString::asprintf(" %s %.1e of %.2g;", name.c_str(), result.absolute, largest);
            QVERIFY2(result.failure.empty(), result.failure.c_str());
        });
        qInfo("%d blocks share a row, largest differences:%s", clusterBlocks, qPrintable(figures));
    }
}

void TestScanHost::agreesWithTheProcessor_data() {
    QTest::addColumn<QList<int>>("sizes"); // batch, height, width, channels, rank, rankStride, directions
    QTest::addColumn<int>("clusterBlocks");
    const QList<int> odd = {2, 23, 31, 70, 6, 8, 4};
    QTest::newRow("one pixel, one channel") << QList<int>{1, 1, 1, 1, 1, 1, 4} << 0;
    QTest::newRow("one pixel, in pieces") << QList<int>{1, 1, 1, 1, 1, 1, 4} << 2;
    QTest::newRow("one row in two pieces") << QList<int>{1, 1, 37, 5, 1, 2, 4} << 1;
    QTest::newRow("one column in three pieces") << QList<int>{2, 67, 1, 33, 6, 8, 4} << 1;
    QTest::newRow("7 x 5, part of a block") << QList<int>{3, 7, 5, 40, 5, 5, 4} << 0;
    QTest::newRow("exactly one tile and one block") << QList<int>{1, 4, 8, 64, 8, 8, 4} << 0;
    QTest::newRow("two tiles, one channel over a block") << QList<int>{1, 8, 8, 65, 9, 12, 4} << 1;
    QTest::newRow("one step over a tile") << QList<int>{1, 3, 11, 17, 12, 12, 4} << 0;
    QTest::newRow("23 x 31, whole rows") << odd << 0;
    QTest::newRow("23 x 31, one block, three rounds") << odd << 1;
    QTest::newRow("23 x 31, two blocks, two rounds") << odd << 2;
    QTest::newRow("23 x 31, three blocks, one round") << odd << 3;
    QTest::newRow("37 x 53, eight blocks, one round") << QList<int>{1, 37, 53, 33, 24, 24, 4} << 8;
    QTest::newRow("rank of the third stage") << QList<int>{1, 9, 7, 96, 24, 24, 4} << 1;
    QTest::newRow("rank of the fourth stage") << QList<int>{1, 6, 11, 129, 48, 48, 4} << 1;
    QTest::newRow("one direction") << QList<int>{1, 9, 13, 8, 5, 5, 1} << 1;
    QTest::newRow("two directions") << QList<int>{3, 9, 13, 15, 5, 6, 2} << 2;
}

// Tolerances. Output: the exponent is rounded twice and part of the exponentials come from a polynomial
// (2e-7); the processor's scan rounds in other places. Gradients: sums over up to 2000 rows of terms of
// either sign, in another order. Found: at most half of what is allowed.
void TestScanHost::agreesWithTheProcessor() {
    QFETCH(QList<int>, sizes);
    QFETCH(int, clusterBlocks);
    const Problem problem =
        randomProblem(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[5], sizes[6], 23);
    const gpu::ScanPlan plan = planWith(problem.problem(), clusterBlocks);
    std::vector<float> expected = unwritten(problem.rows() * problem.shape.channels);
    const ScanInputs inputs{problem.u.data(),      problem.projected.data(), problem.dtWeight.data(),
                            problem.dtBias.data(), problem.a.data(),         problem.d.data()};
    selectiveScanForwardCpu(problem.shape, inputs, expected.data(), 1);
    const Forward found = forwardOnHost(problem, plan);
    const Comparison y = compare("y", found.y, expected, 5e-6, 5e-7 * largestMagnitude(expected));
    qInfo("y: largest difference %.2g (largest value %.2g), %.0f %% of what is allowed", y.absolute,
          largestMagnitude(expected), y.relative / 5e-6 * 100.0);
    QVERIFY2(y.failure.empty(), y.failure.c_str());
    QVERIFY(allFinite(found.saved));

    const Gradients expectedGradients = backwardOfProcessor(problem);
    const Gradients gradients = backwardOnHost(problem, found.saved);
    for (std::size_t i = 0; i < gradients.all().size(); ++i) {
        const auto [name, values] = gradients.all()[i];
        const std::vector<float>& right = *expectedGradients.all()[i].second;
        const Comparison result = compare(name, *values, right, 1e-5, 1e-6 * largestMagnitude(right));
        qInfo("gradient of %s: largest difference %.2g (largest value %.2g), %.0f %% of what is allowed",
              name, result.absolute, largestMagnitude(right), result.relative / 1e-5 * 100.0);
        QVERIFY2(result.failure.empty(), result.failure.c_str());
    }
}

void TestScanHost::extremeInputsGiveFiniteOutput_data() {
    QTest::addColumn<float>("size");
    QTest::newRow("1e-38") << 1e-38f;
    QTest::newRow("1e-20") << 1e-20f;
    QTest::newRow("1e9") << 1e9f;
    QTest::newRow("1e15") << 1e15f;
    QTest::newRow("1e18") << 1e18f;
}

// Up to 1e18, so that products of two inputs (D u, weights times features) stay floats.
void TestScanHost::extremeInputsGiveFiniteOutput() {
    QFETCH(float, size);
    Problem problem = randomProblem(1, 6, 12, 21, 5, 5, 4, 59);
    roughen(problem, size);
    for (const int clusterBlocks : {0, 1}) {
        const Forward found = forwardOnHost(problem, planWith(problem.problem(), clusterBlocks));
        QVERIFY(allFinite(found.y));
        QVERIFY(allFinite(found.saved));
    }
}

void TestScanHost::refusesWhatTheKernelsRefuse() {
    Problem problem = randomProblem(1, 2, 3, 4, 49, 49, 4, 71);
    const gpu::ScanPlan plan = gpu::planScan(problem.problem(), kLargeGpu, false);
    std::vector<float> y = unwritten(6 * 4 * 4);
    QVERIFY(gpu::scanForwardHost(problem.problem(), plan, y.data(), nullptr) != 0);
    QVERIFY(gpu::scanBackwardHost(problem.problem(), nullptr, nullptr, nullptr, nullptr, nullptr) != 0);
    QVERIFY(std::all_of(y.begin(), y.end(), [](float value) { return std::isnan(value); }));
    problem = randomProblem(1, 2, 3, 4, 48, 48, 4, 71);
    problem.element = gpu::Element::BFloat16;
    QVERIFY(gpu::scanForwardHost(problem.problem(), plan, y.data(), nullptr) != 0);
    problem.element = gpu::Element::Float32;
    QCOMPARE(gpu::scanForwardHost(problem.problem(), plan, y.data(), nullptr), 0);
    QVERIFY(allFinite(y));
    problem.shape.batch = 0;
    QCOMPARE(gpu::scanForwardHost(problem.problem(), plan, nullptr, nullptr), 0);
}

// exp(x) comes from 2^(x log2 e), whose exponent is rounded at 2^-18 for x near -87: 4e-6 * ln 2 relative.
// Above x = -3.5 the logarithm of 1 + e takes over, where 1 + e is rounded by 6e-8 of a result of 0.03.
void TestScanHost::softplusIsAccurate() {
    const auto right = [](double x) {
        return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    };
    const double low = largestRelativeError(-87.0, -3.4, 1'000'003, gpu::softplus, right);
    const double middle = largestRelativeError(-3.5, 20.0, 1'000'003, gpu::softplus, right);
    const double high = largestRelativeError(20.0, 1000.0, 100'003, gpu::softplus, right);
    qInfo("softplus: largest relative error %.3g below -3.4, %.3g up to 20, %.3g above", low, middle, high);
    QVERIFY(low <= 5e-6);
    QVERIFY(middle <= 2.5e-6);
    QVERIFY(high <= 2e-7);
    for (const float x : {-88.0f, -100.0f, -1000.0f, -FLT_MAX})
        QVERIFY(gpu::softplus(x) >= 0.0f && gpu::softplus(x) < 2e-38f);
    for (const float x : {20.5f, 1e9f, FLT_MAX})
        QCOMPARE(gpu::softplus(x), x);

    const auto slope = [](double delta) { return -std::expm1(-delta); };
    const double slopeError =
        std::max({largestRelativeError(1e-30, 1e-3, 100'003, gpu::softplusSlope, slope),
                  largestRelativeError(1e-3, 1.0, 1'000'003, gpu::softplusSlope, slope),
                  largestRelativeError(1.0, 1000.0, 100'003, gpu::softplusSlope, slope)});
    qInfo("softplusSlope: largest relative error %.3g", slopeError);
    // 1 - exp(-1/8) = 0.12 loses three bits.
    QVERIFY(slopeError <= 1e-6);
    QCOMPARE(gpu::softplusSlope(0.0f), 0.0f);
    QCOMPARE(gpu::softplusSlope(std::numeric_limits<float>::infinity()), 1.0f);
}

void TestScanHost::gatesAreAccurate() {
    double siluError = 0.0, slopeError = 0.0, sigmoidError = 0.0;
    for (double x = -120.0; x <= 120.0; x += 0.0007) {
        const float input = static_cast<float>(x);
        const double wide = input;
        const double s = 1.0 / (1.0 + std::exp(-wide));
        sigmoidError = std::max(sigmoidError, std::fabs(gpu::sigmoid(input) - s));
        siluError =
            std::max(siluError, std::fabs(gpu::silu(input) - wide * s) / std::max(1.0, std::fabs(wide)));
        slopeError = std::max(slopeError, std::fabs(gpu::siluSlope(input) - s * (1.0 + wide * (1.0 - s))));
    }
    qInfo("largest error: sigmoid %.3g, silu %.3g (of max(1, |x|)), its slope %.3g", sigmoidError, siluError,
          slopeError);
    QVERIFY(sigmoidError <= 2e-7);
    QVERIFY(siluError <= 2e-7);
    // x (1 - s): s is rounded by 6e-8, times an x of up to 17.
    QVERIFY(slopeError <= 2e-6);
}

void TestScanHost::functionsNeverGiveNaN() {
    std::vector<float> values = {0.0f, FLT_TRUE_MIN, FLT_MIN, FLT_EPSILON, 1e9f, FLT_MAX};
    for (float size = 1e-44f; size < 1e38f; size *= 1.37f)
        values.push_back(size);
    for (const float size : values)
        for (const float x : {size, -size}) {
            QVERIFY(std::isfinite(gpu::softplus(x)) && gpu::softplus(x) >= 0.0f);
            QVERIFY(gpu::softplusSlope(size) >= 0.0f && gpu::softplusSlope(size) <= 1.0f);
            QVERIFY(gpu::sigmoid(x) >= 0.0f && gpu::sigmoid(x) <= 1.0f);
            QVERIFY(std::isfinite(gpu::silu(x)) && std::isfinite(gpu::siluSlope(x)));
            QVERIFY(std::fabs(gpu::clampInput(x)) <= gpu::kInputLimit);
        }
    const float infinity = std::numeric_limits<float>::infinity();
    QCOMPARE(gpu::clampInput(infinity), gpu::kInputLimit);
    QCOMPARE(gpu::clampInput(-infinity), -gpu::kInputLimit);
    QCOMPARE(std::fabs(gpu::clampInput(std::numeric_limits<float>::quiet_NaN())), gpu::kInputLimit);
}

void TestScanHost::pathsVisitEveryPixelInOrder() {
    for (const auto& [height, width] :
         std::vector<std::pair<int, int>>{{1, 1}, {1, 9}, {9, 1}, {7, 5}, {5, 7}, {33, 64}}) {
        std::vector<int> columns;
        for (int x = 0; x < width; ++x)
            for (int y = 0; y < height; ++y)
                columns.push_back(y * width + x);
        const int length = height * width;
        int wrong = 0;
        for (int step = 0; step < length; ++step) {
            const int back = length - 1 - step;
            wrong += gpu::rasterRow(0, step, height, width) != step;
            wrong += gpu::rasterRow(1, step, height, width) != columns[at(step)];
            wrong += gpu::rasterRow(2, step, height, width) != back;
            wrong += gpu::rasterRow(3, step, height, width) != columns[at(back)];
        }
        QCOMPARE(wrong, 0);
    }
}

void TestScanHost::plansCoverTheRow() {
    gpu::ScanProblem problem;
    int cut = 0;
    int whole = 0;
    for (const int batch : {1, 3, 70})
        for (const int height : {1, 7, 64, 333, 2048})
            for (const int width : {1, 5, 64, 2048})
                for (const int channels : {1, 33, 192, 1536})
                    for (const int multiprocessors : {0, 1, 20, 132})
                        for (const bool clusters : {false, true})
                            for (const bool keepStates : {false, true}) {
                                problem.batch = batch;
                                problem.height = height;
                                problem.width = width;
                                problem.channels = channels;
                                const gpu::GpuShape shape{
                                    multiprocessors,
                                    clusters,
                                    kLargeGpu.sharedBytes,
                                    {std::max(1, multiprocessors), clusters ? multiprocessors / 2 : 0,
                                     clusters ? multiprocessors / 4 : 0, 0},
                                    {std::max(2, 2 * multiprocessors), clusters ? multiprocessors : 0, 0,
                                     clusters ? multiprocessors / 4 : 0}};
                                const gpu::ScanPlan plan = gpu::planScan(problem, shape, keepStates);
                                const std::int64_t rows = std::int64_t{4} * batch * channels;
                                QCOMPARE(plan.savedFloats, rows * tilesOf(problem) * kScanStates);
                                QVERIFY(plan.clusterBlocks >= 0 &&
                                        plan.clusterBlocks <= gpu::kMaxClusterBlocks);
                                QVERIFY(clusters || plan.clusterBlocks <= 1);
                                QVERIFY(multiprocessors > 0 || plan.clusterBlocks == 0);
                                ++(plan.clusterBlocks > 0 ? cut : whole);
                                if (plan.clusterBlocks == 0)
                                    continue;
                                QVERIFY(plan.pieceSteps > 0);
                                QVERIFY(gpu::isPossible(plan, keepStates));
                                QVERIFY(plan.pieceSteps % gpu::kPieceGroup == 0);
                            }
    QVERIFY(cut > 0 && whole > 0);

    // One 256 x 256 image: at every stage blocks that all run at once.
    for (const auto& [side, channels, rank, pieceShape, clusterBlocks] :
         {std::array{64, 192, 6, gpu::kPairedShape, 8}, std::array{32, 384, 12, 2, 2},
          std::array{16, 768, 24, 1, 2}}) {
        problem.batch = 1;
        problem.height = problem.width = side;
        problem.channels = channels;
        problem.rank = rank;
        problem.element = gpu::Element::BFloat16;
        const gpu::ScanPlan plan = gpu::planScan(problem, kLargeGpu, false);
        QCOMPARE(plan.pieceShape, pieceShape);
        QCOMPARE(plan.clusterBlocks, clusterBlocks);
        // A GPU of compute capability 8.6 has too little shared memory for pieces.
        QCOMPARE(gpu::planScan(problem, {132, false, 99 * 1024, {132}, {264}}, false).clusterBlocks, 0);
    }
}

// Shorter pieces than those whose states are kept give the same output.
void TestScanHost::shortPiecesAgree() {
    const Problem problem = randomProblem(1, 23, 31, 40, 6, 6, 4, 83);
    const std::int64_t size = problem.rows() * problem.shape.channels * problem.shape.directions;
    std::vector<float> expected = unwritten(size);
    QCOMPARE(
        gpu::scanForwardHost(problem.problem(), planWith(problem.problem(), 0), expected.data(), nullptr), 0);
    for (const int steps : {4, 12, 28})
        for (const auto& [clusterBlocks, pieceShape] : {std::pair{1, 0}, std::pair{3, 1}, std::pair{8, 3}}) {
            gpu::ScanPlan plan = planWith(problem.problem(), clusterBlocks, pieceShape);
            plan.pieceSteps = steps;
            std::vector<float> found = unwritten(size);
            QCOMPARE(gpu::scanForwardHost(problem.problem(), plan, found.data(), nullptr), 0);
            const Comparison result = compare("y", found, expected, 5e-6, 5e-7 * largestMagnitude(expected));
            QVERIFY2(result.failure.empty(), result.failure.c_str());
            std::vector<float> saved(at(plan.savedFloats));
            QVERIFY(gpu::scanForwardHost(problem.problem(), plan, found.data(), saved.data()) != 0);
        }
}

QTEST_APPLESS_MAIN(TestScanHost)
#include "tst_scan_host.moc"
