// SPDX-License-Identifier: GPL-3.0-or-later
// A proposal through a threshold: tile, area and part against the comparison pixel by pixel.
#include "app/document/proposal_ops.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <numeric>

using namespace limn;
using namespace limn::test;

class TestProposalOps : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void tilesAndAreasAgreeWithComparison();
    void partIsTheConnectedOne();
    void uncertainty_data();
    void uncertainty();
    void histogramCounts();
};

void TestProposalOps::tilesAndAreasAgreeWithComparison() {
    Random random(71);
    for (int round = 0; round < 200; ++round) {
        const Size size = randomSize(random);
        const Rect extent = round % 2 ? whole(size) : Rect{3, 5, size.width, size.height};
        std::vector<float> probabilities;
        for (std::size_t i = 0; i < size.pixels(); ++i)
            probabilities.push_back(static_cast<float>(between(random, 0, 10)) / 10.0f);
        const ProposalPtr p = proposal(extent, probabilities);
        const double threshold = round % 3 ? between(random, 0, 10) / 10.0 : between(random, -0.2, 1.2);
        const Rect rect{between(random, -5, 20), between(random, -5, 20), between(random, 0, 30),
                        between(random, 0, 30)};
        LabelMap tile({7, 7}, 9); // a used buffer
        thresholdTile(*p, threshold, rect, tile);
        QCOMPARE(tile.size.width, rect.width);
        for (int y = 0; y < rect.height; ++y)
            for (int x = 0; x < rect.width; ++x) {
                const float value = probabilityAt(*p, rect.x + x, rect.y + y);
                const bool inside = value >= 0.0f && value + 1e-5 >= threshold;
                if ((tile.at(x, y) != 0) != inside)
                    QFAIL(qPrintable(QStringLiteral("p %1 at threshold %2").arg(value).arg(threshold)));
            }
        const PixelArea area = proposalArea(*p, threshold);
        const Rect around{0, 0, 60, 60};
        thresholdTile(*p, threshold, around, tile);
        QVERIFY(area == PixelArea::ofMask(tile));
        const PixelArea scope = PixelArea::rectangle(rect);
        QVERIFY(proposalArea(*p, threshold, &scope) == area.intersected(scope));
    }
}

void TestProposalOps::partIsTheConnectedOne() {
    const ProposalPtr p = proposal({10, 20, 4, 2}, {0.9f, 0.1f, 0.0f, 0.8f, 0.1f, 0.9f, 0.0f, 0.8f});
    QVERIFY(proposalPart(*p, 0.5, 10, 20) == PixelArea({{20, 10, 11}, {21, 11, 12}}));
    QVERIFY(proposalPart(*p, 0.5, 13, 21) == PixelArea({{20, 13, 14}, {21, 13, 14}}));
    QVERIFY(proposalPart(*p, 0.5, 11, 20).empty());
    QVERIFY(proposalPart(*p, 0.5, 0, 0).empty());
    QVERIFY(probabilityAt(*p, 9, 20) < 0.0f);
    QVERIFY(std::abs(probabilityAt(*p, 13, 20) - 0.8f) < 1e-4f);
}

void TestProposalOps::uncertainty_data() {
    QTest::addColumn<QList<float>>("values");
    QTest::addColumn<double>("percent");
    QTest::newRow("certain") << QList<float>{0.0f, 0.1f, 0.9f, 1.0f} << 0.0;
    QTest::newRow("quarterChanges") << QList<float>{0.9f, 0.9f, 0.8f, 0.6f} << 25.0;
    QTest::newRow("moreThanAll") << QList<float>{0.6f, 0.4f, 0.4f, 0.0f} << 300.0;
    QTest::newRow("nothingAtOneHalf") << QList<float>{0.4f, 0.4f, 0.0f, 0.0f} << 100.0;
    QTest::newRow("nothingAtAll") << QList<float>{0.0f, 0.2f, 0.0f, 0.0f} << 0.0;
}

void TestProposalOps::uncertainty() {
    QFETCH(QList<float>, values);
    QFETCH(double, percent);
    QCOMPARE(proposalUncertainty(*proposal({0, 0, 2, 2}, {values.begin(), values.end()})), percent);
}

void TestProposalOps::histogramCounts() {
    const ProposalPtr p = proposal({0, 0, 5, 1}, {0.0f, 0.24f, 0.26f, 0.99f, 1.0f});
    QVERIFY((probabilityHistogram(*p, 4) == std::vector<std::size_t>{2, 1, 0, 2}));
    const std::vector<std::size_t> fine = probabilityHistogram(*p, 65536);
    QCOMPARE(std::accumulate(fine.begin(), fine.end(), std::size_t{0}), std::size_t{5});
    QCOMPARE(fine.back(), std::size_t{1});
}

QTEST_APPLESS_MAIN(TestProposalOps)
#include "tst_proposal_ops.moc"
