// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: cutting a map into tiles and joining them again is the identity for every size; tiles that did
// not change keep their pointer; the list of changed tiles names exactly those that differ. Maps are drawn
// here.
#include "io/store/label_tiles.h"
#include "tests/io/store/store_testing.h"

#include <QTest>

using namespace limn;
using namespace limn::testing;

class TestLabelTiles : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void roundTrip_data() {
        QTest::addColumn<int>("width");
        QTest::addColumn<int>("height");
        QTest::newRow("onePixel") << 1 << 1;
        QTest::newRow("exactlyOneTile") << 32 << 32;
        QTest::newRow("onePastATile") << 33 << 32;
        QTest::newRow("oneShortOfATile") << 31 << 64;
        QTest::newRow("manyTiles") << 100 << 75;
    }
    void roundTrip() {
        QFETCH(int, width);
        QFETCH(int, height);
        LabelMap map({width, height});
        Random random(1);
        for (std::uint8_t& value : map.labels)
            value = static_cast<std::uint8_t>(random.below(256));
        QVERIFY(labelMapFromTiles(tilesFromLabelMap(map, nullptr, 32)) == map);
    }

    void zerosNeedNoTiles() {
        const LabelTiles tiles = tilesFromLabelMap(LabelMap({100, 100}), nullptr, 32);
        QCOMPARE(tiles.tiles.size(), std::size_t(16));
        for (const TileBytes& tile : tiles.tiles)
            QVERIFY(!tile);
        QVERIFY(labelMapFromTiles(tiles) == LabelMap({100, 100}));
    }

    void unchangedTilesAreShared() {
        LabelMap map({100, 100}, 1);
        const LabelTiles before = tilesFromLabelMap(map, nullptr, 32);
        map.at(40, 40) = 2; // tile (1, 1) = 5
        const LabelTiles now = tilesFromLabelMap(map, &before, 32);
        QCOMPARE(changedTiles(before, now), std::vector<int>{5});
        for (std::size_t i = 0; i < now.tiles.size(); ++i)
            QCOMPARE(now.tiles[i] == before.tiles[i], i != 5);
        QVERIFY(!sameContent(before, now));
        QVERIFY(sameContent(before, tilesFromLabelMap(LabelMap({100, 100}, 1), nullptr, 32)));
    }

    void nullEqualsZeros() {
        LabelTiles withNull({32, 32}, 32);
        LabelTiles withZeros({32, 32}, 32);
        const std::vector<std::uint8_t> zeros(32 * 32, 0);
        withZeros.tiles[0] = copyTile(zeros.data(), 32);
        QVERIFY(changedTiles(withNull, withZeros).empty());
        QVERIFY(changedTiles(withZeros, withNull).empty());
    }

    void anotherSizeChangesEverything() {
        const LabelTiles before = tilesFromLabelMap(LabelMap({64, 64}, 1), nullptr, 32);
        const LabelTiles now = tilesFromLabelMap(LabelMap({64, 65}, 1), nullptr, 32);
        QCOMPARE(changedTiles(before, now).size(), now.tiles.size());
    }
};

QTEST_APPLESS_MAIN(TestLabelTiles)
#include "tst_label_tiles.moc"
