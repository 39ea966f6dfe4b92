// SPDX-License-Identifier: GPL-3.0-or-later
// The paper's figures agree with the golden file; distances with a brute-force search; everything else with
// cases small enough to count by hand.
#include "inference/plain/metrics.h"
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

LabelMap rectangle(Size size, const Rect& inside, std::uint8_t value = 1) {
    LabelMap map(size);
    for (int y = inside.y; y < inside.bottom(); ++y)
        for (int x = inside.x; x < inside.right(); ++x)
            map.at(x, y) = value;
    return map;
}

bool isBoundary(const LabelMap& map, int x, int y) {
    const auto at = [&](int u, int v) {
        return u >= 0 && v >= 0 && u < map.size.width && v < map.size.height && map.at(u, v) != 0;
    };
    return at(x, y) && (!at(x - 1, y) || !at(x + 1, y) || !at(x, y - 1) || !at(x, y + 1));
}

struct Slow {
    double hd95;
    double boundaryF;
};

// Every pair of boundary pixels.
Slow slowScores(const LabelMap& a, const LabelMap& b, double tolerance) {
    const auto points = [](const LabelMap& map) {
        std::vector<std::pair<int, int>> found;
        for (int y = 0; y < map.size.height; ++y)
            for (int x = 0; x < map.size.width; ++x)
                if (isBoundary(map, x, y))
                    found.emplace_back(x, y);
        return found;
    };
    const auto distances = [](const auto& from, const auto& to) {
        std::vector<double> result;
        for (const auto& p : from) {
            double least = INFINITY;
            for (const auto& q : to)
                least = std::min(least, std::hypot(p.first - q.first, p.second - q.second));
            result.push_back(least);
        }
        return result;
    };
    const auto share = [&](const std::vector<double>& values) {
        const auto near =
            std::count_if(values.begin(), values.end(), [&](double d) { return d <= tolerance + 1e-9; });
        return static_cast<double>(near) / static_cast<double>(values.size());
    };
    std::vector<double> all = distances(points(a), points(b));
    const std::vector<double> back = distances(points(b), points(a));
    const double precision = share(all);
    const double recall = share(back);
    all.insert(all.end(), back.begin(), back.end());
    std::sort(all.begin(), all.end());
    const double rank = 0.95 * static_cast<double>(all.size() - 1);
    const auto low = static_cast<std::size_t>(rank);
    const double high = all[std::min(low + 1, all.size() - 1)];
    return {all[low] + (high - all[low]) * (rank - static_cast<double>(low)),
            precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0.0};
}

} // namespace

class TestMetrics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void figuresAgreeWithThePaperCode();
    void ratiosWithoutADenominatorAreZero();
    void distancesAgreeWithASearch();
    void scoresAgreeWithASearch();
    void emptyMasksHaveDefinedScores();
    void handMadeScores();
    void sizesMustAgree();
    void intervalsOfAMean();
    void histogramsAgreeWithDirectCounting();
    void calibrationByHand();
    void largeMasksAreQuick();
};

// The confusion counts are integers and must be equal; the ratios are one division in double: 1e-12.
void TestMetrics::figuresAgreeWithThePaperCode() {
    const std::string path = LIMN_SHARED_DIR "/golden/metrics.safetensors";
    if (!QFileInfo::exists(QString::fromStdString(path)))
        QSKIP("The golden values (../shared/golden) are not here.");
    const Result<TensorFile> golden = readSafetensors(path);
    QVERIFY(golden.ok());
    const std::vector<float> probability = golden->find("probability")->toFloat();
    const std::vector<unsigned char>& truth = golden->find("mask")->bytes;
    const auto count = [&](const char* key) { return std::stoull(golden->metadata.at(key)); };
    const auto figure = [&](const char* key) { return std::stod(golden->metadata.at(key)); };

    const Confusion whole = confusionOf(probability, truth);
    QCOMPARE(whole, (Confusion{count("tp"), count("fp"), count("tn"), count("fn")}));
    testing::ParityTable parity;
    for (const auto& [name, found] : {std::pair{"miou", whole.miou()},
                                      {"dsc", whole.dsc()},
                                      {"accuracy", whole.accuracy()},
                                      {"specificity", whole.specificity()},
                                      {"sensitivity", whole.sensitivity()}}) {
        parity.add("metrics.safetensors", name, std::vector{found}, std::vector{figure(name)});
        QVERIFY2(std::fabs(found - figure(name)) < 1e-12, name);
    }
    parity.print();

    // Image by image the same comes out.
    Confusion sum;
    const std::size_t pixels = 40 * 30;
    for (std::size_t i = 0; i < 5; ++i)
        sum += confusionOf(std::span(probability).subspan(i * pixels, pixels),
                           std::span(truth).subspan(i * pixels, pixels));
    QCOMPARE(sum, whole);
}

void TestMetrics::ratiosWithoutADenominatorAreZero() {
    const Confusion none;
    QCOMPARE(none.miou() + none.dsc() + none.accuracy() + none.specificity() + none.sensitivity(), 0.0);
    const Confusion background{0, 0, 10, 0};
    QCOMPARE(background.accuracy(), 1.0);
    QCOMPARE(background.specificity(), 1.0);
    QCOMPARE(background.sensitivity(), 0.0);
    const std::vector<float> odd{NAN, 0.5f, INFINITY, 0.49999f};
    const std::vector<std::uint8_t> truth{1, 255, 1, 0};
    QCOMPARE(confusionOf(odd, truth), (Confusion{2, 0, 1, 1}));
}

void TestMetrics::distancesAgreeWithASearch() {
    std::mt19937 random(3);
    for (const Size size : {Size{1, 1}, Size{1, 17}, Size{23, 1}, Size{19, 13}, Size{13, 31}}) {
        for (const unsigned rarity : {1u, 2u, 9u, 60u, 100000u}) {
            std::vector<std::uint8_t> features(size.pixels());
            for (std::uint8_t& feature : features)
                feature = random() % rarity == 0 ? 200 : 0;
            const std::vector<std::int64_t> found = squaredDistances(features, size);
            QCOMPARE(found.size(), size.pixels());
            for (int y = 0; y < size.height; ++y) {
                for (int x = 0; x < size.width; ++x) {
                    std::int64_t least = kNoFeature;
                    for (int v = 0; v < size.height; ++v)
                        for (int u = 0; u < size.width; ++u)
                            if (features[static_cast<std::size_t>(v) * size.width + u])
                                least = std::min<std::int64_t>(least, (x - u) * (x - u) + (y - v) * (y - v));
                    QCOMPARE(found[static_cast<std::size_t>(y) * size.width + x], least);
                }
            }
        }
    }
}

void TestMetrics::scoresAgreeWithASearch() {
    std::mt19937 random(8);
    for (int round = 0; round < 60; ++round) {
        const Size size{1 + static_cast<int>(random() % 30), 1 + static_cast<int>(random() % 25)};
        LabelMap a(size);
        LabelMap b(size);
        const unsigned rarity = 1 + random() % 12;
        for (std::size_t i = 0; i < size.pixels(); ++i) {
            a.labels[i] = random() % rarity == 0 ? 3 : 0;
            b.labels[i] = random() % 3 == 0 ? a.labels[i] : (random() % rarity == 0);
        }
        a.labels[random() % size.pixels()] = 1;
        b.labels[random() % size.pixels()] = 1;
        const double share = 0.01 * static_cast<double>(random() % 20);
        const Result<ImageScores> found = scoreMask(a, b, share);
        QVERIFY(found.ok());
        const Slow expected = slowScores(a, b, share * std::hypot(size.width, size.height));
        QVERIFY2(std::fabs(found->hd95 - expected.hd95) < 1e-9,
                 qPrintable(QStringLiteral("round %1").arg(round)));
        QVERIFY2(std::fabs(found->boundaryF - expected.boundaryF) < 1e-9,
                 qPrintable(QStringLiteral("round %1").arg(round)));
        const Confusion confusion = confusionOf(a.labels, b.labels);
        QCOMPARE(found->dice, confusion.dsc());
        QCOMPARE(found->iou, confusion.miou());
    }
}

void TestMetrics::emptyMasksHaveDefinedScores() {
    const Size size{30, 40};
    const LabelMap empty(size);
    const LabelMap some = rectangle(size, {3, 3, 5, 5});
    const ImageScores both = *scoreMask(empty, empty);
    QVERIFY(both.dice == 1.0 && both.iou == 1.0 && both.hd95 == 0.0 && both.boundaryF == 1.0);
    for (const ImageScores& one : {*scoreMask(empty, some), *scoreMask(some, empty)})
        QVERIFY(one.dice == 0.0 && one.iou == 0.0 && one.hd95 == 50.0 && one.boundaryF == 0.0);
}

void TestMetrics::handMadeScores() {
    const Size size{100, 100};
    const LabelMap a = rectangle(size, {10, 10, 20, 20});
    const ImageScores same = *scoreMask(a, rectangle(size, {10, 10, 20, 20}, 255));
    QVERIFY(same.dice == 1.0 && same.iou == 1.0 && same.hd95 == 0.0 && same.boundaryF == 1.0);
    // Moved by 5: overlap 15 x 20 of 2 x 400. Tolerance 0.0075 * 141.4 = 1.06 pixels.
    const ImageScores moved = *scoreMask(a, rectangle(size, {15, 10, 20, 20}));
    QCOMPARE(moved.dice, 2.0 * 300 / 800);
    QCOMPARE(moved.iou, 300.0 / 500);
    QCOMPARE(moved.hd95, 5.0);
    // Touching the image's border, all of it inside: the boundary is the image's rim.
    const ImageScores full = *scoreMask(rectangle(size, {0, 0, 100, 100}), rectangle(size, {0, 0, 100, 100}));
    QCOMPARE(full.boundaryF, 1.0);
    // Two single pixels, 3 and 4 apart.
    const ImageScores pixels = *scoreMask(rectangle(size, {0, 0, 1, 1}), rectangle(size, {3, 4, 1, 1}));
    QVERIFY(pixels.hd95 == 5.0 && pixels.dice == 0.0 && pixels.boundaryF == 0.0);
    QCOMPARE(
        scoreMask(rectangle(size, {0, 0, 1, 1}), rectangle(size, {3, 4, 1, 1}), 5.01 / std::sqrt(2.0) / 100)
            ->boundaryF,
        1.0);
}

void TestMetrics::sizesMustAgree() {
    QVERIFY(scoreMask(LabelMap({3, 4}), LabelMap({4, 3})).error().code == ErrorCode::InvalidArgument);
    QVERIFY(scoreMask(LabelMap(), LabelMap()).error().code == ErrorCode::InvalidArgument);
    QVERIFY(scoreMask(LabelMap({3, 4}), LabelMap({3, 4}), -1.0).error().code == ErrorCode::InvalidArgument);
    QVERIFY(scoreMask(LabelMap({3, 4}), LabelMap({3, 4}), NAN).error().code == ErrorCode::InvalidArgument);
}

// The mean of n values has standard error s / sqrt(n), so that the interval should be close to +-1.96 of it:
// with 2000 resamples its ends vary by some 4 %, 15 % is allowed.
void TestMetrics::intervalsOfAMean() {
    std::mt19937 random(1);
    std::normal_distribution<double> normal(0.8, 0.1);
    std::vector<double> values(400);
    double sum = 0.0;
    double squares = 0.0;
    for (double& value : values) {
        value = normal(random);
        sum += value;
        squares += value * value;
    }
    const double mean = sum / 400;
    const double error = std::sqrt((squares / 400 - mean * mean) / 400);
    const MeanInterval interval = bootstrapMean(values);
    QVERIFY(std::fabs(interval.mean - mean) < 1e-12);
    QVERIFY(std::fabs((mean - interval.low) / (1.96 * error) - 1) < 0.15);
    QVERIFY(std::fabs((interval.high - mean) / (1.96 * error) - 1) < 0.15);
    const MeanInterval again = bootstrapMean(values);
    QVERIFY(again.low == interval.low && again.high == interval.high);
    QVERIFY(bootstrapMean(values, 43).low != interval.low);
    const MeanInterval one = bootstrapMean(std::vector<double>{0.25});
    QVERIFY(one.mean == 0.25 && one.low == 0.25 && one.high == 0.25);
    const MeanInterval none = bootstrapMean({});
    QVERIFY(none.mean == 0.0 && none.low == 0.0 && none.high == 0.0);
}

void TestMetrics::histogramsAgreeWithDirectCounting() {
    std::mt19937 random(4);
    ProbabilityMap probability;
    probability.size = {50, 40};
    LabelMap truth(probability.size);
    std::vector<float> floats;
    for (std::size_t i = 0; i < truth.labels.size(); ++i) {
        probability.values.push_back(static_cast<std::uint16_t>(random()));
        floats.push_back(static_cast<float>(probability.values[i]) / 65535.0f);
        truth.labels[i] = random() % 2 ? 9 : 0;
    }
    ProbabilityHistogram histogram;
    histogram.add(probability, truth);
    ProbabilityHistogram fromFloats;
    fromFloats.add(floats, truth.labels);
    const std::vector<ProbabilityHistogram::Point> curve = histogram.thresholdCurve(20);
    QCOMPARE(curve.size(), std::size_t(19));
    for (std::size_t i = 0; i < curve.size(); ++i) {
        QCOMPARE(curve[i].threshold, static_cast<double>(i + 1) / 20);
        QCOMPARE(curve[i].confusion, confusionOf(probability, truth, curve[i].threshold));
        QCOMPARE(fromFloats.at(curve[i].threshold), curve[i].confusion);
    }
    fromFloats += histogram;
    QCOMPARE(fromFloats.at(0.5).total(), std::uint64_t(4000));
    QCOMPARE(histogram.at(0.0).trueNegative + histogram.at(0.0).falseNegative, std::uint64_t(0));
    QCOMPARE(histogram.at(1.1).truePositive + histogram.at(1.1).falsePositive, std::uint64_t(0));
}

void TestMetrics::calibrationByHand() {
    ProbabilityHistogram histogram;
    QCOMPARE(histogram.expectedCalibrationError(), 0.0);
    // Ten pixels of 0.25, three of them inside; ten of 1.0, all inside; NaN and -1 count as 0.
    std::vector<float> probability(10, 0.25f);
    probability.insert(probability.end(), 10, 1.0f);
    std::vector<std::uint8_t> truth{1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    histogram.add(probability, truth);
    const std::vector<ProbabilityHistogram::Bin> bins = histogram.calibration(10);
    QCOMPARE(bins.size(), std::size_t(10));
    QCOMPARE(bins[2].count, std::uint64_t(10));
    QCOMPARE(bins[2].positiveShare, 0.3);
    QVERIFY(std::fabs(bins[2].meanProbability - 0.25) < 1.0 / 65535);
    QCOMPARE(bins[9].count, std::uint64_t(10));
    QCOMPARE(bins[9].meanProbability, 1.0);
    QVERIFY(bins[9].low == 0.9 && bins[9].high == 1.0);
    QVERIFY(std::fabs(histogram.expectedCalibrationError(10) - 0.5 * 0.05) < 1.0 / 65535);
    const std::vector<float> odd{NAN, -1.0f};
    const std::vector<std::uint8_t> outside{0, 0};
    histogram.add(odd, outside);
    QCOMPARE(histogram.calibration(10)[0].count, std::uint64_t(2));
}

void TestMetrics::largeMasksAreQuick() {
    const Size size{4000, 3000};
    LabelMap a(size);
    LabelMap b(size);
    for (int y = 0; y < size.height; ++y) {
        for (int x = 0; x < size.width; ++x) {
            a.at(x, y) = std::hypot(x - 2000, y - 1500) < 1200;
            b.at(x, y) = std::hypot(x - 2040, y - 1510) < 1250;
        }
    }
    QElapsedTimer timer;
    timer.start();
    const Result<ImageScores> scores = scoreMask(a, b);
    qInfo("12 megapixels scored in %lld ms: dice %.4f, hd95 %.1f, boundary F %.3f",
          static_cast<long long>(timer.elapsed()), scores->dice, scores->hd95, scores->boundaryF);
    QVERIFY(scores.ok() && scores->hd95 > 50 && scores->hd95 < 95);
    QVERIFY(timer.elapsed() < 10000);
}

QTEST_APPLESS_MAIN(TestMetrics)
#include "tst_metrics.moc"
