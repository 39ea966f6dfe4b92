// SPDX-License-Identifier: GPL-3.0-or-later
// The training losses against their definitions, written out pixel by pixel in double precision.
#include "inference/training/loss.h"

#include <ATen/Functions.h>

#include <QtTest/QTest>

#include <cmath>
#include <vector>

using namespace limn;

namespace {

constexpr int kPictures = 3;
constexpr int kSide = 40;
constexpr int kPixels = kSide * kSide;

struct Example {
    std::vector<float> logits = std::vector<float>(kPictures * kPixels);
    std::vector<float> target = std::vector<float>(kPictures * kPixels);

    at::Tensor tensorOf(const std::vector<float>& values) const {
        return at::from_blob(const_cast<float*>(values.data()), {kPictures, 1, kSide, kSide}, at::kFloat);
    }
};

// Squares of very different size, and a guess that is partly wrong.
Example example() {
    Example e;
    for (int n = 0; n < kPictures; ++n)
        for (int y = 0; y < kSide; ++y)
            for (int x = 0; x < kSide; ++x) {
                const int i = n * kPixels + y * kSide + x;
                const int side = 4 + 14 * n;
                e.target[i] = x >= 3 && x < 3 + side && y >= 5 && y < 5 + side ? 1.0f : 0.0f;
                e.logits[i] = 2.5f * std::sin(0.37f * static_cast<float>(x + 2 * y + n));
            }
    return e;
}

double dice(const Example& e, int firstPicture, int pictures) {
    double overlap = 0.0;
    double areas = 0.0;
    for (int i = firstPicture * kPixels; i < (firstPicture + pictures) * kPixels; ++i) {
        const double p = 1.0 / (1.0 + std::exp(-static_cast<double>(e.logits[i])));
        overlap += p * e.target[i];
        areas += p + e.target[i];
    }
    return 1.0 - (2.0 * overlap + 1.0) / (areas + 1.0);
}

double crossEntropy(const Example& e, double boundaryWeight) {
    double sum = 0.0;
    for (int n = 0; n < kPictures; ++n) {
        double weighted = 0.0;
        double weights = 0.0;
        for (int y = 0; y < kSide; ++y)
            for (int x = 0; x < kSide; ++x) {
                const auto at = [&](int column, int row) {
                    return static_cast<double>(e.target[n * kPixels + row * kSide + column]);
                };
                double around = 0.0;
                int count = 0;
                for (int v = std::max(0, y - 15); v <= std::min(kSide - 1, y + 15); ++v)
                    for (int u = std::max(0, x - 15); u <= std::min(kSide - 1, x + 15); ++u, ++count)
                        around += at(u, v);
                const double weight = 1.0 + boundaryWeight * std::abs(around / count - at(x, y));
                const double p =
                    1.0 / (1.0 + std::exp(-static_cast<double>(e.logits[n * kPixels + y * kSide + x])));
                weighted -= weight * (at(x, y) * std::log(p) + (1.0 - at(x, y)) * std::log(1.0 - p));
                weights += weight;
            }
        sum += weighted / weights / kPictures;
    }
    return sum;
}

} // namespace

class LossTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void agreesWithItsDefinition_data() {
        QTest::addColumn<double>("boundaryWeight");
        QTest::addColumn<double>("pooledDice");
        QTest::newRow("plain") << 0.0 << 0.0;
        QTest::newRow("boundary") << 4.0 << 0.0;
        QTest::newRow("pooled") << 4.0 << 1.0;
        QTest::newRow("halfPooled") << 0.0 << 0.5;
    }
    void agreesWithItsDefinition() {
        QFETCH(double, boundaryWeight);
        QFETCH(double, pooledDice);
        const Example e = example();
        const LossParts found =
            segmentationLoss(e.tensorOf(e.logits), e.tensorOf(e.target), boundaryWeight, pooledDice);
        const double each = (dice(e, 0, 1) + dice(e, 1, 1) + dice(e, 2, 1)) / 3.0;
        const double together = dice(e, 0, 3);
        QVERIFY(std::abs(each - together) > 0.05); // the example tells them apart
        const double expected = (1.0 - pooledDice) * each + pooledDice * together;
        QVERIFY2(std::abs(found.dice.item<double>() - expected) < 1e-5,
                 qPrintable(QStringLiteral("%1, expected %2").arg(found.dice.item<double>()).arg(expected)));
        QVERIFY(std::abs(found.bce.item<double>() - crossEntropy(e, boundaryWeight)) < 1e-5);
    }

    void releasedLossIsBothUnweighted() {
        const Example e = example();
        const LossParts found = releasedLoss(e.tensorOf(e.logits), e.tensorOf(e.target));
        QVERIFY(std::abs(found.bce.item<double>() - crossEntropy(e, 0.0)) < 1e-9);
        QVERIFY(std::abs(found.dice.item<double>() - (dice(e, 0, 1) + dice(e, 1, 1) + dice(e, 2, 1)) / 3.0) <
                1e-9);
    }
};

QTEST_GUILESS_MAIN(LossTest)
#include "tst_loss.moc"
