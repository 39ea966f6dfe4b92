// SPDX-License-Identifier: GPL-3.0-or-later
// Masks to polygons and back: the same pixels for every mask, under both fill rules; rings are well formed.
#include "app/document/outline.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

using namespace limn;
using namespace limn::test;

namespace {

// Shoelace; positive for clockwise on screen (y down).
double signedArea(const Ring& ring) {
    double sum = 0.0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Point& a = ring[i];
        const Point& b = ring[(i + 1) % ring.size()];
        sum += a.x * b.y - a.y * b.x;
    }
    return sum / 2.0;
}

} // namespace

class TestOutline : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void singlePixel();
    void ringWithHole();
    void cornersThatTouchStayOnePart();
    void everyMaskComesBack();
};

void TestOutline::singlePixel() {
    const auto parts = outlinesOf(PixelArea::rectangle({3, 5, 1, 1}));
    QCOMPARE(parts.size(), std::size_t{1});
    QVERIFY(parts[0].holes.empty());
    QVERIFY((parts[0].outer == Ring{{3, 5}, {4, 5}, {4, 6}, {3, 6}}));
    QVERIFY(outlinesOf({}).empty());
}

void TestOutline::ringWithHole() {
    const PixelArea area = PixelArea::rectangle({0, 0, 5, 4}).subtracted(PixelArea::rectangle({2, 1, 2, 2}));
    const auto parts = outlinesOf(area);
    QCOMPARE(parts.size(), std::size_t{1});
    QVERIFY((parts[0].outer == Ring{{0, 0}, {5, 0}, {5, 4}, {0, 4}}));
    QCOMPARE(parts[0].holes.size(), std::size_t{1});
    QCOMPARE(signedArea(parts[0].outer), 20.0);
    QCOMPARE(signedArea(parts[0].holes[0]), -4.0);
}

void TestOutline::cornersThatTouchStayOnePart() {
    const auto parts = outlinesOf(PixelArea({{0, 0, 1}, {1, 1, 2}}));
    QCOMPARE(parts.size(), std::size_t{1});
    QCOMPARE(parts[0].outer.size(), std::size_t{8}); // the corner (1, 1) twice
    // Two holes that touch at a corner are two holes: the background is 4-connected.
    const PixelArea ring = PixelArea::rectangle({0, 0, 4, 4}).subtracted(PixelArea({{1, 1, 2}, {2, 2, 3}}));
    QCOMPARE(outlinesOf(ring)[0].holes.size(), std::size_t{2});
}

void TestOutline::everyMaskComesBack() {
    Random random(41);
    for (int round = 0; round < 600; ++round) {
        const Size size = randomSize(random);
        const LabelMap mask =
            round % 2 ? noise(random, size, 1, between(random, 0.0, 1.0)) : blobs(random, size, 1, 9);
        const PixelArea area = PixelArea::ofMask(mask);
        const auto parts = outlinesOf(area);
        QCOMPARE(parts.size(), connectedParts(area).size());
        QVERIFY2(areaOf(parts, whole(size)) == area, QByteArray::number(round));
        QVERIFY2(polygonArea(ringsOf(parts), FillRule::NonZero, whole(size)) == area,
                 QByteArray::number(round));
        double sum = 0.0;
        for (const Ring& ring : ringsOf(parts)) {
            sum += signedArea(ring);
            for (std::size_t i = 0; i < ring.size(); ++i) {
                const Point& a = ring[i];
                const Point& b = ring[(i + 1) % ring.size()];
                const Point& c = ring[(i + 2) % ring.size()];
                // Sides are axis-parallel and turn at every vertex.
                const bool across = a.y == b.y && a.x != b.x && b.x == c.x;
                const bool down = a.x == b.x && a.y != b.y && b.y == c.y;
                if (!across && !down)
                    QFAIL("a side is slanted or a vertex lies within a straight run");
            }
        }
        QCOMPARE(sum, static_cast<double>(area.pixels()));
        for (const PolygonPart& part : parts) {
            QVERIFY(signedArea(part.outer) > 0.0);
            for (const Ring& hole : part.holes)
                QVERIFY(signedArea(hole) < 0.0);
        }
    }
}

QTEST_APPLESS_MAIN(TestOutline)
#include "tst_outline.moc"
