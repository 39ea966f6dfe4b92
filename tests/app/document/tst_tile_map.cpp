// SPDX-License-Identifier: GPL-3.0-or-later
// Tiles against the plain label map they stand for; copies share tiles and never change with the original.
#include "app/document/tile_map.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

using namespace limn;
using namespace limn::test;

class TestTileMap : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void roundTrips_data();
    void roundTrips();
    void copiesShareAndStay();
};

void TestTileMap::roundTrips_data() {
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("height");
    QTest::newRow("empty") << 0 << 0;
    QTest::newRow("onePixel") << 1 << 1;
    QTest::newRow("exactlyOneTile") << 512 << 512;
    QTest::newRow("onePixelMore") << 513 << 513;
    QTest::newRow("wideAndLow") << 1300 << 3;
}

void TestTileMap::roundTrips() {
    QFETCH(int, width);
    QFETCH(int, height);
    Random random(21);
    const LabelMap map = noise(random, {width, height}, 7, 0.4);
    const TileMap tiles(map);
    QVERIFY2(difference(tiles.toLabelMap(), map).isEmpty(), difference(tiles.toLabelMap(), map));
    std::array<std::size_t, 256> counts{};
    for (const std::uint8_t value : map.labels)
        ++counts[value];
    QVERIFY(tiles.histogram() == counts);
    for (int round = 0; round < 20 && width > 0; ++round) {
        const Rect rect = intersected({between(random, -5, width), between(random, -5, height),
                                       between(random, 1, 600), between(random, 1, 600)},
                                      whole(map.size));
        const LabelMap crop = tiles.crop(rect);
        for (int y = 0; y < rect.height; ++y)
            for (int x = 0; x < rect.width; ++x)
                if (crop.at(x, y) != map.at(rect.x + x, rect.y + y))
                    QFAIL("crop differs");
    }
    if (width > 0) {
        LabelMap single({width, height});
        single.at(width - 1, height - 1) = 9;
        QVERIFY(TileMap(single).boundsOf(9) == (Rect{width - 1, height - 1, 1, 1}));
        QCOMPARE(int(TileMap(single).at(width - 1, height - 1)), 9);
        QCOMPARE(int(TileMap(single).atOrZero(width, 0)), 0);
    }
    QVERIFY(TileMap(Size{width, height}).allZero());
    QVERIFY(TileMap(Size{width, height}).boundsOf(3).empty());
}

void TestTileMap::copiesShareAndStay() {
    Random random(22);
    const LabelMap map = noise(random, {1100, 700}, 3, 0.5);
    TileMap tiles(map);
    const TileMap copy = tiles;
    QVERIFY(TileMap::differentTiles(tiles, copy).empty());
    tiles.setTile(2, std::make_shared<const Tile>());
    QVERIFY(TileMap::differentTiles(tiles, copy) == std::vector<int>{2});
    QVERIFY(!(tiles == copy));
    QVERIFY2(difference(copy.toLabelMap(), map).isEmpty(), "the copy changed");
    TileMap zeros(Size{1100, 700});
    QCOMPARE(zeros.memoryBytes(), std::size_t{0});
    zeros.setTile(0, std::make_shared<const Tile>());
    // A tile of zeros and no tile are the same bytes.
    QVERIFY(zeros == TileMap(Size{1100, 700}));
}

QTEST_APPLESS_MAIN(TestTileMap)
#include "tst_tile_map.moc"
