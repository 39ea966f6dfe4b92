// SPDX-License-Identifier: GPL-3.0-or-later
// Preprocessing agrees with the golden values (computed in float64 by the reference), with a slow definition
// written here on its own, and keeps its promises at the edges: one pixel, regions, constant images. Speed is
// printed, and bounded loosely, because machines differ.
#include "inference/plain/resample.h"
#include "inference/plain/tensor_file.h"
#include "tests/inference/parity_table.h"

#include <QtCore/QElapsedTimer>
#include <QtCore/QFileInfo>
#include <QtTest/QTest>

#include <algorithm>
#include <cmath>
#include <random>

using namespace limn;

namespace {

const std::string kGolden = LIMN_SHARED_DIR "/golden/preprocess_256.safetensors";

std::vector<std::uint8_t> randomBytes(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<std::uint8_t> bytes(count);
    for (std::uint8_t& byte : bytes)
        byte = static_cast<std::uint8_t>(random() >> 24);
    return bytes;
}

Image randomImage(int width, int height, unsigned seed) {
    Image image;
    image.size = {width, height};
    image.rgb = randomBytes(image.size.pixels() * 3, seed);
    image.path = "random";
    return image;
}

// The weight of input sample `from` for output `to`, by the definition in the header.
double weightOf(int from, int to, int in, int out, ResizeMode mode) {
    const double scale = static_cast<double>(in) / out;
    if (mode == ResizeMode::Plain) {
        const double position = std::clamp(scale * (to + 0.5) - 0.5, 0.0, in - 1.0);
        return std::max(0.0, 1.0 - std::fabs(from - position));
    }
    const double halfWidth = std::max(1.0, scale);
    return std::max(0.0, 1.0 - std::fabs(from + 0.5 - scale * (to + 0.5)) / halfWidth);
}

double slowSample(const Image& image, const Rect& region, Size out, ResizeMode mode, int c, int x, int y) {
    double sum = 0.0;
    double total = 0.0;
    for (int v = 0; v < region.height; ++v) {
        const double wy = weightOf(v, y, region.height, out.height, mode);
        if (wy == 0.0)
            continue;
        for (int u = 0; u < region.width; ++u) {
            const double w = wy * weightOf(u, x, region.width, out.width, mode);
            sum += w * image.pixel(region.x + u, region.y + v)[c];
            total += w;
        }
    }
    return sum / total;
}

} // namespace

class TestResample : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void preprocessingAgreesWithTheReference();
    void resizingAgreesWithItsDefinition_data();
    void resizingAgreesWithItsDefinition();
    void theStretchUsesTheRegionAlone();
    void constantImagesGiveZero();
    void badRequestsGetASentence();
    void planesAndColoursAgree();
    void mapsGrowByTheDefinition();
    void mapsAreClampedAndRounded();
    void threadsDoNotChangeTheMap();
    void rowsAreThoseOfTheMap();
    void rowsLeaveOutWhatIsBelow();
    void rowsGiveTheSameInput();
    void largeImagesAreQuick();
};

// Tolerance: 1e-4 of the range 0..255. Ours adds at most 31 + 31 products in float32 (unit 6e-8), which stays
// below 1e-3 of one step in 255.
void TestResample::preprocessingAgreesWithTheReference() {
    if (!QFileInfo::exists(QString::fromStdString(kGolden)))
        QSKIP("The golden values (../shared/golden) are not here.");
    const Result<TensorFile> golden = readSafetensors(kGolden);
    QVERIFY2(golden.ok(), golden.ok() ? "" : golden.error().message().c_str());
    testing::ParityTable parity;
    for (int number = 0; number < 4; ++number) {
        const std::string name = "case" + std::to_string(number);
        const StoredTensor* stored = golden->find(name + ".image");
        QVERIFY(stored);
        Image image;
        image.size = {static_cast<int>(stored->shape[1]), static_cast<int>(stored->shape[0])};
        image.rgb = stored->bytes;
        for (const ResizeMode mode : {ResizeMode::Plain, ResizeMode::Antialias}) {
            PredictOptions options;
            options.resize = mode;
            const Result<std::vector<float>> planes = preprocess(image, options);
            QVERIFY(planes.ok());
            const StoredTensor* expected =
                golden->find(name + (mode == ResizeMode::Plain ? ".plain" : ".antialias"));
            QVERIFY(expected && expected->shape == (std::vector<std::int64_t>{3, 86, 52}));
            const std::vector<float> values = expected->toFloat();
            std::size_t i = 0;
            std::vector<float> found;
            for (int c = 0; c < 3; ++c) {
                for (int y = 0; y < 256; y += 3) {
                    for (int x = 0; x < 256; x += 5, ++i) {
                        found.push_back((*planes)[(static_cast<std::size_t>(c) * 256 + y) * 256 + x]);
                        const double difference = std::fabs(values[i] - found.back());
                        if (difference > 255 * 1e-4)
                            QFAIL(
                                qPrintable(QStringLiteral("case %1, mode %2, channel %3, (%4, %5): off by %6")
                                               .arg(number)
                                               .arg(int(mode))
                                               .arg(c)
                                               .arg(x)
                                               .arg(y)
                                               .arg(difference)));
                    }
                }
            }
            QCOMPARE(i, values.size());
            parity.add("preprocess_256.safetensors",
                       name + (mode == ResizeMode::Plain ? ".plain" : ".antialias"), found, values);
        }
    }
    parity.print();
}

void TestResample::resizingAgreesWithItsDefinition_data() {
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("outWidth");
    QTest::addColumn<int>("outHeight");
    QTest::newRow("onePixel") << 1 << 1 << 5 << 3;
    QTest::newRow("oneColumn") << 1 << 40 << 4 << 7;
    QTest::newRow("oneRowToOne") << 40 << 1 << 1 << 1;
    QTest::newRow("same") << 9 << 9 << 9 << 9;
    QTest::newRow("growing") << 7 << 5 << 31 << 16;
    QTest::newRow("shrinking") << 50 << 33 << 8 << 9;
    QTest::newRow("oneAxisGrows") << 4 << 61 << 13 << 10;
    QTest::newRow("slightlySmaller") << 17 << 18 << 16 << 16;
    QTest::newRow("far") << 97 << 64 << 2 << 1;
    QTest::newRow("rowsFar") << 9 << 211 << 7 << 3;
    QTest::newRow("rowsFourTimes") << 9 << 32 << 9 << 8;
    QTest::newRow("rowsUnevenly") << 10 << 131 << 11 << 27;
}

void TestResample::resizingAgreesWithItsDefinition() {
    QFETCH(int, width);
    QFETCH(int, height);
    QFETCH(int, outWidth);
    QFETCH(int, outHeight);
    const Image image = randomImage(width + 5, height + 3, 7);
    const Rect region{3, 1, width, height};
    const Size out{outWidth, outHeight};
    for (const ResizeMode mode : {ResizeMode::Plain, ResizeMode::Antialias}) {
        std::vector<float> planes(out.pixels() * 3);
        resizeRgb(image.rgb, image.size, region, out, mode, planes);
        for (int c = 0; c < 3; ++c) {
            for (int y = 0; y < outHeight; ++y) {
                for (int x = 0; x < outWidth; ++x) {
                    const double expected = slowSample(image, region, out, mode, c, x, y);
                    const double found = planes[(static_cast<std::size_t>(c) * outHeight + y) * outWidth + x];
                    // Float32 sums of at most 200 products of 255: below 1e-3.
                    if (std::fabs(expected - found) > 1e-3)
                        QFAIL(qPrintable(QStringLiteral("mode %1, channel %2, (%3, %4): %5, expected %6")
                                             .arg(int(mode))
                                             .arg(c)
                                             .arg(x)
                                             .arg(y)
                                             .arg(found)
                                             .arg(expected)));
                }
            }
        }
    }
}

void TestResample::theStretchUsesTheRegionAlone() {
    Image image = randomImage(64, 64, 3);
    for (std::uint8_t& value : image.rgb)
        value = static_cast<std::uint8_t>(100 + value % 50);
    image.rgb[0] = 0;
    image.rgb[1] = 255;
    PredictOptions options;
    options.inputSize = 32;
    options.resize = ResizeMode::Plain;
    options.region = Rect{32, 32, 32, 32};
    const Result<std::vector<float>> planes = preprocess(image, options);
    QVERIFY(planes.ok());
    const auto [low, high] = std::minmax_element(planes->begin(), planes->end());
    QCOMPARE(*low, 0.0f);
    QCOMPARE(*high, 255.0f);
    // A region that hangs over the border is clipped to the image.
    options.region = Rect{32, 32, 1000, 1000};
    QVERIFY(*preprocess(image, options) == *planes);
}

void TestResample::constantImagesGiveZero() {
    Image image;
    image.size = {40, 30};
    image.rgb.assign(image.size.pixels() * 3, 77);
    const Result<std::vector<float>> planes = preprocess(image, {});
    QVERIFY(planes.ok());
    QCOMPARE(planes->size(), std::size_t(256 * 256 * 3));
    QVERIFY(std::all_of(planes->begin(), planes->end(), [](float value) { return value == 0.0f; }));
}

void TestResample::badRequestsGetASentence() {
    const Image image = randomImage(10, 10, 1);
    PredictOptions options;
    for (const int size : {31, 4097, 0, -5}) {
        options.inputSize = size;
        QVERIFY(preprocess(image, options).error().code == ErrorCode::InvalidArgument);
    }
    options.inputSize = 32;
    QCOMPARE(preprocess(image, options)->size(), std::size_t(32 * 32 * 3));
    options.region = Rect{10, 0, 5, 5};
    QVERIFY(preprocess(image, options).error().code == ErrorCode::InvalidArgument);
    options.region.reset();
    Image broken = image;
    broken.rgb.pop_back();
    QVERIFY(preprocess(broken, options).error().code == ErrorCode::InvalidArgument);
    QVERIFY(preprocess(Image{}, options).error().code == ErrorCode::InvalidArgument);
}

void TestResample::planesAndColoursAgree() {
    const Image image = randomImage(37, 53, 9);
    std::vector<std::uint8_t> green;
    for (std::size_t i = 1; i < image.rgb.size(); i += 3)
        green.push_back(image.rgb[i]);
    const Size out{16, 20};
    std::vector<float> colours(out.pixels() * 3);
    std::vector<float> plane(out.pixels());
    const Rect region{2, 3, 30, 40};
    resizeRgb(image.rgb, image.size, region, out, ResizeMode::Antialias, colours);
    resizePlane(green, image.size, region, out, ResizeMode::Antialias, plane);
    QVERIFY(
        std::equal(plane.begin(), plane.end(), colours.begin() + static_cast<std::ptrdiff_t>(out.pixels())));
}

void TestResample::mapsGrowByTheDefinition() {
    FloatMap map;
    map.size = {16, 12};
    std::mt19937 random(5);
    for (std::size_t i = 0; i < map.size.pixels(); ++i)
        map.values.push_back(static_cast<float>(random() % 1000) / 999.0f);
    for (const Size out : {Size{61, 47}, Size{5, 3}, Size{16, 12}, Size{1, 1}, Size{1, 40}}) {
        const ProbabilityMap probability = toProbabilityMap(map, out);
        const FloatMap floats = resized(map, out);
        QVERIFY(probability.size == out && floats.size == out);
        for (int y = 0; y < out.height; ++y) {
            for (int x = 0; x < out.width; ++x) {
                double expected = 0.0;
                for (int v = 0; v < 12; ++v)
                    for (int u = 0; u < 16; ++u)
                        expected += weightOf(v, y, 12, out.height, ResizeMode::Plain) *
                                    weightOf(u, x, 16, out.width, ResizeMode::Plain) * map.values[v * 16 + u];
                const std::size_t i = static_cast<std::size_t>(y) * out.width + x;
                // Float32 within 65535 has steps of 1/256 of a level; half a level is the rounding itself.
                QVERIFY(std::fabs(probability.values[i] - expected * 65535.0) < 0.52);
                QVERIFY(std::fabs(floats.values[i] - expected) < 1e-6);
            }
        }
    }
}

void TestResample::mapsAreClampedAndRounded() {
    const FloatMap map{{6, 1}, {NAN, -1.0f, 2.0f, 0.5f, 1.0f / 65535.0f * 0.499f, 1.0f / 65535.0f * 0.501f}};
    const ProbabilityMap probability = toProbabilityMap(map, {6, 1});
    QVERIFY(probability.values == (std::vector<std::uint16_t>{0, 0, 65535, 32768, 0, 1}));
    const FloatMap one{{1, 1}, {1.0f}};
    const ProbabilityMap ones = toProbabilityMap(one, {100, 100});
    QVERIFY(std::all_of(ones.values.begin(), ones.values.end(), [](std::uint16_t v) { return v == 65535; }));
}

void TestResample::threadsDoNotChangeTheMap() {
    FloatMap map;
    map.size = {64, 64};
    for (const std::uint8_t byte : randomBytes(map.size.pixels(), 11))
        map.values.push_back(static_cast<float>(byte) / 255.0f);
    const ProbabilityMap one = toProbabilityMap(map, {301, 211});
    for (const int threads : {0, 2, 3, 7, 1000})
        QVERIFY(toProbabilityMap(map, {301, 211}, threads).values == one.values);
}

void TestResample::rowsAreThoseOfTheMap() {
    FloatMap map;
    map.size = {64, 48};
    for (const std::uint8_t byte : randomBytes(map.size.pixels(), 12))
        map.values.push_back(static_cast<float>(byte) / 200.0f - 0.1f); // some beyond 0 and 1
    for (const Size out : {Size{301, 211}, Size{20, 9}, Size{64, 48}, Size{1, 1}}) {
        const ProbabilityMap whole = toProbabilityMap(map, out);
        ProbabilityRows rows(map, out);
        std::vector<std::uint16_t> row(static_cast<std::size_t>(out.width));
        const auto check = [&](int y) {
            rows.make(y, row.data());
            const auto first = whole.values.begin() + static_cast<std::ptrdiff_t>(y) * out.width;
            return std::equal(row.begin(), row.end(), first);
        };
        for (int y = 0; y < out.height; ++y)
            QVERIFY(check(y));
        for (int y = out.height - 1; y >= 0; y -= 3)
            QVERIFY(check(y));
    }
}

// Only what can reach a value is computed, and that is exactly what the whole map has there.
void TestResample::rowsLeaveOutWhatIsBelow() {
    FloatMap blob; // one spot, as a proposal has it, and one pixel in a corner
    blob.size = {64, 48};
    for (int y = 0; y < 48; ++y)
        for (int x = 0; x < 64; ++x)
            blob.values.push_back(
                std::exp(-static_cast<float>((x - 30) * (x - 30) + (y - 20) * (y - 20)) / 60.0f));
    blob.values.back() = 0.9f;
    FloatMap noise;
    noise.size = {64, 48};
    for (const std::uint8_t byte : randomBytes(noise.size.pixels(), 12))
        noise.values.push_back(static_cast<float>(byte) / 200.0f - 0.1f);
    for (const FloatMap* each : {&blob, &noise}) {
        const FloatMap& map = *each;
        for (const Size out : {Size{301, 211}, Size{20, 9}, Size{64, 48}, Size{1, 1}, Size{129, 2}}) {
            const ProbabilityMap whole = toProbabilityMap(map, out);
            for (const std::uint32_t least : {0u, 1u, 20000u, 32768u, 65535u, 65536u}) {
                ProbabilityRows rows(map, out, least);
                std::size_t computed = 0;
                const auto check = [&](int y) {
                    std::vector<std::uint16_t> row(static_cast<std::size_t>(out.width), 12345);
                    const Columns columns = rows.make(y, row.data());
                    for (int x = 0; x < out.width; ++x) {
                        const std::uint16_t value = whole.values[static_cast<std::size_t>(y) * out.width + x];
                        if (x >= columns.begin && x < columns.end) {
                            if (row[x] != value)
                                return false;
                            ++computed;
                        } else if (row[x] != 12345 || value >= least) {
                            return false;
                        }
                    }
                    return true;
                };
                for (int y = 0; y < out.height; ++y)
                    QVERIFY(check(y));
                if (least == 0)
                    QCOMPARE(computed, out.pixels());
                if (each == &blob && least >= 32768 && out.width == 301)
                    QVERIFY(computed < out.pixels() / 4);
                for (int y = out.height - 1; y >= 0; y -= 3)
                    QVERIFY(check(y));
            }
        }
    }
}

void TestResample::rowsGiveTheSameInput() {
    for (const Size size : {Size{301, 211}, Size{40, 33}, Size{32, 32}, Size{5, 4}, Size{1, 1}, Size{33, 700},
                            Size{50, 3301}}) {
        for (const ResizeMode mode : {ResizeMode::Plain, ResizeMode::Antialias}) {
            Image image = randomImage(size.width, size.height, 5);
            for (std::uint8_t& value : image.rgb)
                value = static_cast<std::uint8_t>(20 + value % 180);
            PredictOptions options;
            options.inputSize = 64;
            options.resize = mode;
            InputRows rows(size, options.inputSize, mode);
            const std::uint8_t* from = image.rgb.data();
            for (int y = 0, count = 1; y < size.height; y += count, count = count % 7 + 1) {
                count = std::min(count, size.height - y);
                rows.add(from, count);
                from += static_cast<std::ptrdiff_t>(count) * size.width * 3;
            }
            const Result<std::vector<float>> whole = preprocess(image, options);
            QVERIFY(whole.ok());
            QVERIFY(rows.finish() == *whole);
        }
    }
    InputRows constant(Size{9, 9}, 32, ResizeMode::Antialias);
    const std::vector<std::uint8_t> grey(9 * 9 * 3, 77);
    constant.add(grey.data(), 9);
    QVERIFY(constant.finish() == std::vector<float>(32 * 32 * 3, 0.0f));
}

void TestResample::largeImagesAreQuick() {
    const Image image = randomImage(4000, 3000, 1);
    FloatMap map;
    map.size = {256, 256};
    map.values.assign(map.size.pixels(), 0.25f);
    const auto best = [](const auto& work) {
        qint64 least = INT64_MAX;
        for (int i = 0; i < 5; ++i) {
            QElapsedTimer timer;
            timer.start();
            work();
            least = std::min(least, timer.nsecsElapsed());
        }
        return static_cast<double>(least) * 1e-6;
    };
    PredictOptions options;
    const double antialias = best([&] { QVERIFY(preprocess(image, options).ok()); });
    options.resize = ResizeMode::Plain;
    const double plain = best([&] { QVERIFY(preprocess(image, options).ok()); });
    const double growing = best([&] { QVERIFY(toProbabilityMap(map, image.size).values[0] == 16384); });
    qInfo("12 megapixels: antialias %.1f ms, plain %.1f ms; map to 12 megapixels %.1f ms", antialias, plain,
          growing);
    // Ten times the budgets of 30 and 40 ms: busy machines and sanitizers, not a missed vectorisation, are
    // let off.
    QVERIFY(antialias < 300 && plain < 300 && growing < 400);
}

QTEST_APPLESS_MAIN(TestResample)
#include "tst_resample.moc"
