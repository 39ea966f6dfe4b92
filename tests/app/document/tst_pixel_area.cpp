// SPDX-License-Identifier: GPL-3.0-or-later
// Pixel areas against masks: set operations, parts and holes are compared with plain per-pixel versions on
// random masks.
#include "app/document/pixel_area.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <deque>

using namespace limn;
using namespace limn::test;

namespace {

// Flood filling by a queue: the definition of a part.
LabelMap partOf(const LabelMap& mask, int x, int y, bool diagonal) {
    LabelMap part(mask.size);
    std::deque<std::pair<int, int>> queue{{x, y}};
    part.at(x, y) = 1;
    while (!queue.empty()) {
        const auto [px, py] = queue.front();
        queue.pop_front();
        for (int dy = -1; dy <= 1; ++dy)
            for (int dx = -1; dx <= 1; ++dx) {
                if ((!diagonal && dx != 0 && dy != 0) || px + dx < 0 || py + dy < 0 ||
                    px + dx >= mask.size.width || py + dy >= mask.size.height)
                    continue;
                if ((mask.at(px + dx, py + dy) != 0) == (mask.at(x, y) != 0) &&
                    part.at(px + dx, py + dy) == 0) {
                    part.at(px + dx, py + dy) = 1;
                    queue.emplace_back(px + dx, py + dy);
                }
            }
    }
    return part;
}

LabelMap binary(LabelMap map) {
    for (std::uint8_t& v : map.labels)
        v = v != 0 ? 1 : 0;
    return map;
}

} // namespace

class TestPixelArea : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void spansBecomeCanonical();
    void setOperationsAgreeWithMasks();
    void partsAgreeWithFloodFilling();
    void holesAgreeWithFloodFilling();
    void largestPartComesFirst();
    void partsByCountAndSizeAgreeWithAreas();
};

void TestPixelArea::spansBecomeCanonical() {
    const PixelArea area({{2, 5, 7}, {1, 0, 3}, {2, 7, 9}, {1, 2, 4}, {3, 4, 4}});
    QCOMPARE(area.spans().size(), std::size_t{2});
    QVERIFY(area.spans()[0] == (Span{1, 0, 4}));
    QVERIFY(area.spans()[1] == (Span{2, 5, 9}));
    QCOMPARE(area.pixels(), std::size_t{8});
    QVERIFY(area.bounds() == (Rect{0, 1, 9, 2}));
    QVERIFY(area.contains(3, 1));
    QVERIFY(!area.contains(4, 1));
    QVERIFY(PixelArea().bounds().empty());
}

void TestPixelArea::setOperationsAgreeWithMasks() {
    Random random(11);
    for (int round = 0; round < 400; ++round) {
        const Size size = randomSize(random);
        const LabelMap a = binary(noise(random, size, 1, between(random, 0.0, 1.0)));
        const LabelMap b = binary(blobs(random, size, 1, 5));
        const PixelArea areaA = PixelArea::ofMask(a);
        const PixelArea areaB = PixelArea::ofMask(b);
        LabelMap both(size), either(size), only(size);
        for (std::size_t i = 0; i < size.pixels(); ++i) {
            both.labels[i] = a.labels[i] & b.labels[i];
            either.labels[i] = a.labels[i] | b.labels[i];
            only.labels[i] = a.labels[i] & static_cast<std::uint8_t>(1 - b.labels[i]);
        }
        const QByteArray where = "round " + QByteArray::number(round) + " ";
        QVERIFY2(difference(areaA, a).isEmpty(), where + difference(areaA, a));
        QVERIFY2(difference(areaA.intersected(areaB), both).isEmpty(), where + "and");
        QVERIFY2(difference(areaA.united(areaB), either).isEmpty(), where + "or");
        QVERIFY2(difference(areaA.subtracted(areaB), only).isEmpty(), where + "without");
        // Equal sets have equal spans.
        QVERIFY2(areaA.united(areaB) == PixelArea::ofMask(either), where);
        const Rect rect{between(random, -3, 10), between(random, -3, 10), between(random, 0, 20),
                        between(random, 0, 20)};
        QVERIFY2(areaA.intersected(rect) == areaA.intersected(PixelArea::rectangle(rect)), where);
        QCOMPARE(areaA.toMask(rect).labels, areaA.intersected(rect).toMask(rect).labels);
    }
}

void TestPixelArea::partsAgreeWithFloodFilling() {
    Random random(12);
    for (int round = 0; round < 300; ++round) {
        const Size size = randomSize(random);
        const LabelMap mask = binary(noise(random, size, 1, between(random, 0.2, 0.7)));
        const PixelArea area = PixelArea::ofMask(mask);
        for (const Connectivity connectivity : {Connectivity::Four, Connectivity::Eight}) {
            PixelArea together;
            for (const PixelArea& part : connectedParts(area, connectivity)) {
                const Span& first = part.spans().front();
                const LabelMap expected =
                    partOf(mask, first.begin, first.y, connectivity == Connectivity::Eight);
                QVERIFY2(difference(part, expected).isEmpty(), difference(part, expected));
                QVERIFY(connectedPart(area, first.begin, first.y, connectivity) == part);
                QVERIFY(together.intersected(part).empty());
                together = together.united(part);
            }
            QVERIFY(together == area);
        }
    }
    QVERIFY(connectedPart(PixelArea::rectangle({0, 0, 2, 2}), 5, 5).empty());
}

void TestPixelArea::holesAgreeWithFloodFilling() {
    Random random(13);
    for (int round = 0; round < 300; ++round) {
        const Size size = randomSize(random);
        const LabelMap mask =
            round % 2 ? binary(noise(random, size, 1, 0.6)) : binary(blobs(random, size, 1, 12));
        LabelMap expected(size, 1);
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x) {
                if (mask.at(x, y) != 0)
                    expected.at(x, y) = 0;
                const bool border = x == 0 || y == 0 || x == size.width - 1 || y == size.height - 1;
                if (mask.at(x, y) == 0 && border && expected.at(x, y) != 0) {
                    const LabelMap open = partOf(mask, x, y, false);
                    for (std::size_t i = 0; i < size.pixels(); ++i)
                        if (open.labels[i] != 0)
                            expected.labels[i] = 0;
                }
            }
        const PixelArea holes = holesOf(PixelArea::ofMask(mask), whole(size));
        QVERIFY2(difference(holes, expected).isEmpty(), difference(holes, expected));
    }
}

void TestPixelArea::largestPartComesFirst() {
    const PixelArea area({{0, 0, 1}, {0, 4, 9}, {5, 2, 4}, {6, 2, 4}, {9, 0, 1}});
    const std::vector<PixelArea> parts = connectedParts(area);
    QCOMPARE(parts.size(), std::size_t{4});
    QCOMPARE(parts[0].pixels(), std::size_t{5});
    QCOMPARE(parts[1].pixels(), std::size_t{4});
    QCOMPARE(parts[2].spans().front().y, 0);
    QCOMPARE(parts[3].spans().front().y, 9);
}

void TestPixelArea::partsByCountAndSizeAgreeWithAreas() {
    Random random(29);
    for (int round = 0; round < 400; ++round) {
        const Size size = randomSize(random);
        const LabelMap map = binary(round % 2 == 0 ? noise(random, size, 1, between(random, 0.0, 1.0))
                                                   : blobs(random, size, 1, 5));
        const PixelArea area = PixelArea::ofMask(map);
        for (const Connectivity connectivity : {Connectivity::Four, Connectivity::Eight}) {
            const std::vector<PixelArea> parts = connectedParts(area, connectivity);
            QCOMPARE(countParts(area, connectivity), parts.size());
            QVERIFY(largestPart(area, connectivity) == (parts.empty() ? PixelArea() : parts.front()));
            const auto most = static_cast<std::size_t>(between(random, 0, 40));
            PixelArea small;
            for (const PixelArea& part : parts)
                if (part.pixels() <= most)
                    small = small.united(part);
            QVERIFY(partsUpTo(area, most, connectivity) == small);
        }
    }
}

QTEST_APPLESS_MAIN(TestPixelArea)
#include "tst_pixel_area.moc"
