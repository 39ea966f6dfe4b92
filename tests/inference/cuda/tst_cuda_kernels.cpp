// SPDX-License-Identifier: GPL-3.0-or-later
// The CUDA kernels by themselves on a GPU: the selective scan, both ways, against golden values; activations
// of 16 bits against float32. Skipped, saying why, where no GPU can be used.
#include "inference/network/cuda_plugin.h"
#include "inference/network/device.h"
#include "tests/inference/cuda/scan_problem.h"
#include "tests/inference/network/network_fixture.h"
#include "tests/inference/scan/golden_scan.h"

#include <QtTest/QTest>

#include <cmath>

using namespace limn;
using namespace limn::test;
using namespace limn::testing;
using at::Tensor;

namespace {

Tensor onTheGpu(const std::vector<float>& values) {
    return at::from_blob(const_cast<float*>(values.data()), {static_cast<std::int64_t>(values.size())},
                         at::kFloat)
        .cuda();
}

std::vector<float> fromTheGpu(const Tensor& values) {
    const Tensor host = values.to(at::kFloat).cpu().contiguous().flatten();
    return {host.const_data_ptr<float>(), host.const_data_ptr<float>() + host.numel()};
}

// NaN everywhere at first, so that what is not written, or read before it is written, shows.
Tensor unwritten(std::vector<std::int64_t> sizes, at::ScalarType type = at::kFloat) {
    return at::full(sizes, std::nan(""), at::TensorOptions().device(at::kCUDA).dtype(type));
}

void check(int code) {
    TORCH_CHECK(code == 0, cudaSupport().plugin->errorText(code));
}

gpu::Element elementOf(at::ScalarType type) {
    return type == at::kFloat      ? gpu::Element::Float32
           : type == at::kBFloat16 ? gpu::Element::BFloat16
                                   : gpu::Element::Float16;
}

// One scan with its arrays on the GPU.
class GpuScan {
public:
    GpuScan(const ScanArrays& arrays, at::ScalarType type)
        : m_shape(arrays.shape)
        , m_type(type)
        , m_u(onTheGpu(arrays.u).to(type))
        , m_projected(onTheGpu(arrays.projected))
        , m_dtWeight(onTheGpu(arrays.dtWeight))
        , m_dtBias(onTheGpu(arrays.dtBias))
        , m_a(onTheGpu(arrays.a))
        , m_d(onTheGpu(arrays.d))
        , m_dy(onTheGpu(arrays.dy))
        , m_problem(problemOf(m_shape, elementOf(type))) {
        m_problem.u = m_u.const_data_ptr();
        m_problem.projected = m_projected.const_data_ptr<float>();
        m_problem.dtWeight = m_dtWeight.const_data_ptr<float>();
        m_problem.dtBias = m_dtBias.const_data_ptr<float>();
        m_problem.a = m_a.const_data_ptr<float>();
        m_problem.d = m_d.const_data_ptr<float>();
    }

    // As the network runs it, or with rows walked whole whatever the GPU.
    gpu::ScanPlan plan(bool whole, bool keepStates) const {
        const gpu::Plugin& plugin = *cudaSupport().plugin;
        return plugin.planScan(m_problem, whole ? gpu::GpuShape{0, false} : plugin.shape(), keepStates);
    }

    // [directions][batch * length][channels]
    Tensor forward(const gpu::ScanPlan& plan, Tensor* saved = nullptr) const {
        const gpu::Plugin& plugin = *cudaSupport().plugin;
        Tensor parts = unwritten({m_shape.directions, rows(), m_shape.channels}, m_type);
        if (saved != nullptr)
            *saved = unwritten({plan.savedFloats});
        check(plugin.scanForward(m_problem, plan, parts.mutable_data_ptr(),
                                 saved != nullptr ? saved->mutable_data_ptr<float>() : nullptr,
                                 plugin.currentStream()));
        return parts;
    }

    ScanResults forwardAndBackward(const gpu::ScanPlan& plan) const {
        const gpu::Plugin& plugin = *cudaSupport().plugin;
        Tensor saved;
        ScanResults out;
        out.y = fromTheGpu(forward(plan, &saved).sum(0));
        const gpu::ScanBackwardSizes sizes = plugin.scanBackwardSizes(m_problem);
        Tensor gradU = unwritten({m_shape.directions, rows() * m_shape.channels});
        Tensor partialProjected = unwritten({sizes.partialProjected});
        Tensor partialSums =
            unwritten({m_shape.batch, m_shape.directions * m_shape.channels, 18 + m_shape.rank});
        Tensor gradProjected = at::empty_like(m_projected);
        TORCH_CHECK(gradU.numel() == sizes.gradU && partialSums.numel() == sizes.partialSums,
                    "the sizes of the backward run's arrays are others than their description");
        check(plugin.scanBackward(m_problem, m_dy.const_data_ptr<float>(), saved.const_data_ptr<float>(),
                                  gradU.mutable_data_ptr<float>(), partialProjected.mutable_data_ptr<float>(),
                                  partialSums.mutable_data_ptr<float>(), plugin.currentStream()));
        check(plugin.sumPartialProjected(m_problem, partialProjected.const_data_ptr<float>(),
                                         gradProjected.mutable_data_ptr<float>(), plugin.currentStream()));
        const Tensor sums = partialSums.sum(0);
        out.gradU = fromTheGpu(gradU.sum(0));
        out.gradProjected = fromTheGpu(gradProjected);
        out.gradA = fromTheGpu(sums.narrow(1, 0, kScanStates));
        out.gradD = fromTheGpu(sums.select(1, kScanStates));
        out.gradBias = fromTheGpu(sums.select(1, kScanStates + 1));
        return out;
    }

private:
    std::int64_t rows() const { return m_shape.batch * m_shape.length(); }

    ScanShape m_shape;
    at::ScalarType m_type;
    Tensor m_u, m_projected, m_dtWeight, m_dtBias, m_a, m_d, m_dy;
    gpu::ScanProblem m_problem;
};

// What rounding to a type changes a number by at most, relative to it: it keeps 8 or 11 bits.
double roundingOf(at::ScalarType type) {
    return type == at::kBFloat16 ? std::ldexp(1.0, -8) : std::ldexp(1.0, -11);
}

void addSixteenBitTypes() {
    QTest::newRow("bfloat16") << static_cast<int>(at::kBFloat16);
    QTest::newRow("float16") << static_cast<int>(at::kHalf);
}

} // namespace

class TestCudaKernels : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase();
    void scanAgreesWithGolden_data();
    void scanAgreesWithGolden();
    void scanTakesSixteenBits_data();
    void scanTakesSixteenBits();
    void float16NeverBecomesInfinite();
    void convolutionTakesSixteenBits_data() { sixteenBits(); }
    void convolutionTakesSixteenBits();
    void gateTakesSixteenBits_data() { sixteenBits(); }
    void gateTakesSixteenBits();

private:
    static void sixteenBits() {
        QTest::addColumn<int>("typeNumber");
        addSixteenBitTypes();
    }
};

void TestCudaKernels::initTestCase() {
    if (cudaSupport().plugin == nullptr)
        QSKIP(qPrintable(QStringLiteral("No GPU can be used here: %1.")
                             .arg(QString::fromStdString(cudaSupport().reason))));
    at::manual_seed(3);
}

void TestCudaKernels::scanAgreesWithGolden_data() {
    QTest::addColumn<int>("number");
    QTest::addColumn<bool>("whole");
    for (int i = 0; i < GoldenScan::kCases; ++i) {
        QTest::addRow("case%d, whole rows", i) << i << true;
        QTest::addRow("case%d, as planned", i) << i << false;
    }
}

// Tolerance: the host version of the same arithmetic keeps 1e-5, relative; the GPU's ex2.approx and
// lg2.approx are within 2^-22 of a value, which dependent steps add up. Near zero a twentieth of that of the
// array's largest.
void TestCudaKernels::scanAgreesWithGolden() {
    if (!hasGolden("selective_scan.safetensors"))
        QSKIP("shared/golden is not beside the project.");
    const Result<TensorFile> file = readSafetensors(GoldenScan::path());
    QVERIFY2(file, file ? "" : file.error().message().c_str());
    QFETCH(int, number);
    QFETCH(bool, whole);
    GoldenScan golden(*file, number);
    for (std::int64_t g = 0; g < golden.groups(); ++g) {
        const GpuScan scan(golden.group(g), at::kFloat);
        golden.add(g, scan.forwardAndBackward(scan.plan(whole, true)));
    }
    golden.eachResult(
        [](const std::string& name, const std::vector<float>& found, const std::vector<double>& expected) {
            const double largest = largestMagnitude(expected);
            const Comparison result = compare(name, found, expected, 1e-4, 5e-6 * largest);
            qInfo("%s: largest difference %.2g (largest value %.2g)", name.c_str(), result.absolute, largest);
            QVERIFY2(result.failure.empty(), result.failure.c_str());
        });
}

void TestCudaKernels::scanTakesSixteenBits_data() {
    QTest::addColumn<int>("typeNumber");
    QTest::addColumn<QList<int>>("sizes"); // batch, height, width, channels, rank
    QTest::addColumn<bool>("whole");
    const std::pair<const char*, QList<int>> shapes[] = {
        {"one pixel", {1, 1, 1, 32, 6}},
        {"23 x 31, channels not of a block", {3, 23, 31, 70, 6}},
        {"stage 1 of one image", {1, 64, 64, 192, 6}},
        {"stage 2", {4, 32, 32, 384, 12}},
        {"stage 3 of one image", {1, 16, 16, 768, 24}},
        {"rank 48", {1, 9, 13, 132, 48}}};
    for (const auto type : {at::kBFloat16, at::kHalf})
        for (const auto& [name, sizes] : shapes)
            for (const bool whole : {true, false})
                QTest::addRow("%s, %s, %s", at::toString(type), name, whole ? "whole rows" : "as planned")
                    << static_cast<int>(type) << sizes << whole;
}

// Against float32 on the same rounded input: the state is float32 in both, so that y differs by its own
// rounding alone.
void TestCudaKernels::scanTakesSixteenBits() {
    QFETCH(int, typeNumber);
    QFETCH(QList<int>, sizes);
    QFETCH(bool, whole);
    const auto type = static_cast<at::ScalarType>(typeNumber);
    ScanArrays arrays =
        randomScan({sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], sizes[4], 4}, -5, -1, 5);
    const GpuScan narrow(arrays, type);
    arrays.u = fromTheGpu(onTheGpu(arrays.u).to(type));
    const GpuScan wide(arrays, at::kFloat);
    const std::vector<float> found = fromTheGpu(narrow.forward(narrow.plan(whole, false)));
    const std::vector<float> expected = fromTheGpu(wide.forward(wide.plan(whole, false)));
    const Comparison result =
        compare("y", found, expected, 1.01 * roundingOf(type), 1e-6 * largestMagnitude(expected));
    qInfo("largest difference %.2g (largest value %.2g)", result.absolute, largestMagnitude(expected));
    QVERIFY2(result.failure.empty(), result.failure.c_str());
}

// 65504 is its largest number.
void TestCudaKernels::float16NeverBecomesInfinite() {
    ScanArrays arrays = randomScan({1, 8, 12, 64, 6, 6, 4}, -1, 3, 9);
    for (float& value : arrays.u)
        value *= 30000.0f;
    for (float& value : arrays.projected)
        value *= 50.0f;
    const GpuScan scan(arrays, at::kHalf);
    const Tensor y = scan.forward(scan.plan(true, false)).to(at::kFloat).abs();
    QVERIFY(y.isfinite().all().item<bool>());
    QCOMPARE(y.max().item<float>(), 65504.0f);
}

void TestCudaKernels::convolutionTakesSixteenBits() {
    QFETCH(int, typeNumber);
    const auto type = static_cast<at::ScalarType>(typeNumber);
    const gpu::Plugin& plugin = *cudaSupport().plugin;
    constexpr int kBatch = 3, kHeight = 7, kWidth = 19, kChannels = 70;
    const Tensor x = at::randn({kBatch, kHeight, kWidth, 2 * kChannels}).cuda().to(type);
    const Tensor weight = at::randn({kChannels, 1, 3, 3}).mul_(0.4).cuda();
    const Tensor bias = at::randn({kChannels}).cuda();
    const auto run = [&](const Tensor& input) {
        Tensor out = unwritten({kBatch, kHeight, kWidth, kChannels}, input.scalar_type());
        check(plugin.depthwiseSiluForward(elementOf(input.scalar_type()), kBatch, kHeight, kWidth, kChannels,
                                          input.const_data_ptr(), 2 * kChannels,
                                          weight.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                                          out.mutable_data_ptr(), plugin.currentStream()));
        return fromTheGpu(out);
    };
    const std::vector<float> expected = run(x.to(at::kFloat));
    const Comparison result =
        compare("out", run(x), expected, 1.01 * roundingOf(type), 1e-6 * largestMagnitude(expected));
    QVERIFY2(result.failure.empty(), result.failure.c_str());
}

void TestCudaKernels::gateTakesSixteenBits() {
    QFETCH(int, typeNumber);
    const auto type = static_cast<at::ScalarType>(typeNumber);
    const gpu::Plugin& plugin = *cudaSupport().plugin;
    const Tensor weight = at::rand({768}).add_(0.5).cuda();
    const Tensor bias = at::randn({768}).cuda();
    for (const auto& [rows, channels] : {std::pair{5, 70}, std::pair{300, 192}, std::pair{77, 768}})
        for (const int parts : {1, 4}) {
            const Tensor y = at::randn({parts, rows, channels}).cuda().to(type);
            const Tensor z = at::randn({rows, 2 * channels}).cuda().to(type);
            const auto run = [&, rows = rows, channels = channels](const Tensor& ofY, const Tensor& ofZ) {
                Tensor out = unwritten({rows, channels}, ofY.scalar_type());
                check(plugin.normGateForward(elementOf(ofY.scalar_type()), rows, channels, parts,
                                             ofY.const_data_ptr(), ofZ.const_data_ptr(), 2 * channels,
                                             weight.const_data_ptr<float>(), bias.const_data_ptr<float>(),
                                             out.mutable_data_ptr(), nullptr, plugin.currentStream()));
                return fromTheGpu(out);
            };
            const std::vector<float> expected = run(y.to(at::kFloat), z.to(at::kFloat));
            const Comparison result = compare("out", run(y, z), expected, 1.01 * roundingOf(type),
                                              1e-6 * largestMagnitude(expected));
            QVERIFY2(result.failure.empty(), result.failure.c_str());
        }
}

QTEST_APPLESS_MAIN(TestCudaKernels)
#include "tst_cuda_kernels.moc"
