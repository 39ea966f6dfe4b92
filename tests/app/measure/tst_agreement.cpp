// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: overlap figures and the boundary distance are those of the whole image, though only a part is
// looked at; the disputed areas are exactly the differing pixels, by size, each with one pair of values.
#include "app/measure/agreement.h"
#include "inference/plain/metrics.h"

#include <QTest>

#include <cmath>
#include <cstdint>
#include <random>

using namespace limn;

namespace {

LabelMap blank(Size size) {
    LabelMap map;
    map.size = size;
    map.labels.assign(size.pixels(), 0);
    return map;
}

void fill(LabelMap& map, const Rect& rect, std::uint8_t value) {
    for (int y = rect.y; y < rect.y + rect.height; ++y)
        for (int x = rect.x; x < rect.x + rect.width; ++x)
            map.labels[static_cast<std::size_t>(y) * map.size.width + x] = value;
}

} // namespace

class TestAgreement : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void twoRectangles() {
        LabelMap a = blank({1200, 700});
        LabelMap b = a;
        fill(a, {500, 100, 100, 50}, 1);
        fill(b, {510, 100, 100, 50}, 2); // another label is inside as well
        const Agreement agreement = agreementOf(TileMap(a), TileMap(b));
        QCOMPARE(agreement.both, std::size_t(4500));
        QCOMPARE(agreement.onlyFirst, std::size_t(500));
        QCOMPARE(agreement.onlySecond, std::size_t(500));
        QCOMPARE(agreement.dice, 0.9);
        QCOMPARE(agreement.iou, 4500.0 / 5500.0);
        const Result<ImageScores> whole = scoreMask(a, b);
        QVERIFY(whole.ok());
        QCOMPARE(agreement.hd95Px, whole->hd95);
    }

    void thePartGivesWhatTheWholeGives_data() {
        QTest::addColumn<int>("seed");
        for (int seed = 1; seed <= 12; ++seed)
            QTest::newRow(qPrintable(QString::number(seed))) << seed;
    }
    void thePartGivesWhatTheWholeGives() {
        QFETCH(int, seed);
        std::mt19937 random(static_cast<unsigned>(seed));
        const auto below = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
        LabelMap a = blank({90, 70});
        LabelMap b = a;
        for (LabelMap* map : {&a, &b})
            for (int k = 0; k < 3; ++k)
                fill(*map, {below(60), below(50), 1 + below(30), 1 + below(20)}, 1); // some touch the border
        const Agreement agreement = agreementOf(TileMap(a), TileMap(b));
        const Result<ImageScores> whole = scoreMask(a, b);
        QVERIFY(whole.ok());
        QCOMPARE(agreement.dice, whole->dice);
        QCOMPARE(agreement.iou, whole->iou);
        QCOMPARE(agreement.hd95Px, whole->hd95);
    }

    void nothingAgreesWithNothing() {
        const TileMap none(blank({30, 40}));
        QCOMPARE(agreementOf(none, none).dice, 1.0);
        QCOMPARE(agreementOf(none, none).hd95Px, 0.0);
        LabelMap some = blank({30, 40});
        fill(some, {1, 1, 2, 2}, 1);
        const Agreement one = agreementOf(TileMap(some), none);
        QCOMPARE(one.dice, 0.0);
        QCOMPARE(one.onlyFirst, std::size_t(4));
        QCOMPARE(one.hd95Px, 50.0);
    }

    void disputedAreasAreTheDifference() {
        LabelMap a = blank({1100, 600}); // tiles end at 512
        LabelMap b = a;
        fill(a, {500, 500, 40, 40}, 1);
        fill(b, {500, 500, 40, 40}, 1);
        fill(b, {505, 505, 30, 20}, 2);  // 600 pixels: 1 against 2, over four tiles
        fill(a, {10, 10, 5, 5}, 3);      // 25: 3 against nothing
        fill(b, {15, 15, 5, 5}, 3);      // 25, touching by a corner, the other way round: an area of its own
        fill(a, {1090, 590, 10, 10}, 1); // 100 in the last corner
        const std::vector<DisputedArea> areas = disputedAreas(TileMap(a), TileMap(b));
        QCOMPARE(areas.size(), std::size_t(4));
        QCOMPARE(areas[0].area, PixelArea::rectangle({505, 505, 30, 20}));
        QCOMPARE(int(areas[0].first), 1);
        QCOMPARE(int(areas[0].second), 2);
        QCOMPARE(areas[1].area.pixels(), std::size_t(100));
        QCOMPARE(areas[2].area, PixelArea::rectangle({10, 10, 5, 5}));
        QCOMPARE(int(areas[2].first), 3);
        QCOMPARE(int(areas[2].second), 0);
        QCOMPARE(int(areas[3].second), 3);
        QVERIFY(disputedAreas(TileMap(a), TileMap(a)).empty());
    }
};

QTEST_GUILESS_MAIN(TestAgreement)
#include "tst_agreement.moc"
