// SPDX-License-Identifier: GPL-3.0-or-later
// Brush capsules and polygons against their definitions, evaluated pixel by pixel; ties by hand-made cases.
#include "app/document/shapes.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <optional>

using namespace limn;
using namespace limn::test;

namespace {

// Pixels whose answer hangs on the last bits of a double are left out of random comparisons.
constexpr double kDoubt = 1e-6;

// Distance from p to the nearest disc of the family c(t) = a + t (b - a), r(t) = ra + t (rb - ra), minus its
// radius, by golden-section search of a convex function.
double outsideRoundCone(Point p, Point a, double ra, Point b, double rb) {
    const auto at = [&](double t) {
        return std::hypot(p.x - a.x - t * (b.x - a.x), p.y - a.y - t * (b.y - a.y)) - ra - t * (rb - ra);
    };
    double low = 0.0;
    double high = 1.0;
    const double ratio = (std::sqrt(5.0) - 1.0) / 2.0;
    for (int i = 0; i < 90; ++i) {
        const double left = high - ratio * (high - low);
        const double right = low + ratio * (high - low);
        at(left) < at(right) ? high = right : low = left;
    }
    return std::min({at(0.0), at(1.0), at((low + high) / 2)});
}

// The same with squares: the largest of |dx|, |dy| in place of the distance; convex too.
double outsideSquareCone(Point p, Point a, double ra, Point b, double rb) {
    const auto at = [&](double t) {
        return std::max(std::abs(p.x - a.x - t * (b.x - a.x)), std::abs(p.y - a.y - t * (b.y - a.y))) - ra -
               t * (rb - ra);
    };
    double low = 0.0;
    double high = 1.0;
    for (int i = 0; i < 120; ++i) {
        const double left = low + (high - low) / 3.0;
        const double right = high - (high - low) / 3.0;
        at(left) < at(right) ? high = right : low = left;
    }
    return std::min({at(0.0), at(1.0), at((low + high) / 2)});
}

// Winding number by summed angles, an approach other than crossings.
int windingNumber(const Ring& ring, Point p) {
    double angle = 0.0;
    for (std::size_t i = 0; i < ring.size(); ++i) {
        const Point a{ring[i].x - p.x, ring[i].y - p.y};
        const Point b{ring[(i + 1) % ring.size()].x - p.x, ring[(i + 1) % ring.size()].y - p.y};
        angle += std::atan2(a.x * b.y - a.y * b.x, a.x * b.x + a.y * b.y);
    }
    return static_cast<int>(std::lround(angle / (2.0 * 3.14159265358979323846)));
}

} // namespace

class TestShapes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void brushAgreesWithDefinition_data();
    void brushAgreesWithDefinition();
    void dabSizes_data();
    void dabSizes();
    void strokesHaveNoGap();
    void pressureScalesTheDiameter();
    void badPointsGiveNothing();
    void polygonAgreesWithWindingNumbers();
    void tiesGoRightAndDown();
    void polygonsThatShareEdgesShareNoPixel();
};

void TestShapes::brushAgreesWithDefinition_data() {
    QTest::addColumn<int>("shape");
    QTest::newRow("round") << int(BrushShape::Round);
    QTest::newRow("square") << int(BrushShape::Square);
}

void TestShapes::brushAgreesWithDefinition() {
    QFETCH(int, shape);
    Random random(31);
    for (int round = 0; round < 600; ++round) {
        const Size size = randomSize(random);
        Brush brush;
        brush.shape = static_cast<BrushShape>(shape);
        brush.diameterPx = between(random, 1.0, round % 3 ? 12.0 : 60.0);
        brush.pressureSetsSize = round % 2 == 0;
        const auto sample = [&] {
            return BrushSample{
                {between(random, -15.0, size.width + 15.0), between(random, -15.0, size.height + 15.0)},
                between(random, 0.0, 1.0)};
        };
        const BrushSample from = sample();
        const BrushSample to = round % 7 == 0 ? from : sample();
        const double ra = brushDiameter(brush, from.pressure) / 2;
        const double rb = brushDiameter(brush, to.pressure) / 2;
        const LabelMap found = brushArea(brush, from, to, whole(size)).toMask(whole(size));
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x) {
                const Point centre{x + 0.5, y + 0.5};
                const double outside = shape == int(BrushShape::Round)
                                           ? outsideRoundCone(centre, from.position, ra, to.position, rb)
                                           : outsideSquareCone(centre, from.position, ra, to.position, rb);
                const auto holds = [&](const BrushSample& s) {
                    return std::floor(s.position.x) == x && std::floor(s.position.y) == y;
                };
                const bool expected = outside <= 0.0 || holds(from) || holds(to);
                if (std::abs(outside) > kDoubt && (found.at(x, y) != 0) != expected)
                    QFAIL(qPrintable(QStringLiteral("round %1 pixel (%2, %3) outside by %4, found %5")
                                         .arg(round)
                                         .arg(x)
                                         .arg(y)
                                         .arg(outside)
                                         .arg(found.at(x, y))));
            }
    }
}

void TestShapes::dabSizes_data() {
    QTest::addColumn<int>("shape");
    QTest::addColumn<double>("diameter");
    QTest::addColumn<double>("x");
    QTest::addColumn<int>("pixels");
    const int discs = int(BrushShape::Round);
    const int squares = int(BrushShape::Square);
    QTest::newRow("onePixelAtCentre") << discs << 1.0 << 10.5 << 1;
    QTest::newRow("onePixelAtCorner") << discs << 1.0 << 10.0 << 1;
    QTest::newRow("twoAtCentreIsAPlus") << discs << 2.0 << 10.5 << 5;
    QTest::newRow("twoAtCornerIsFour") << discs << 2.0 << 10.0 << 4;
    QTest::newRow("radiusFiveHoldsThreeFourFive")
        << discs << 10.0 << 10.5 << 81; // lattice points in a disc of 5
    QTest::newRow("squareOfOne") << squares << 1.0 << 10.25 << 1;
    QTest::newRow("squareOfFourAtCentre") << squares << 4.0 << 10.5 << 16;
    QTest::newRow("squareOfFourAtCorner") << squares << 4.0 << 10.0 << 16;
    QTest::newRow("belowTheLeast") << discs << 0.01 << 10.5 << 1;
    QTest::newRow("notANumber") << discs << std::nan("") << 10.5 << 1;
}

void TestShapes::dabSizes() {
    QFETCH(int, shape);
    QFETCH(double, diameter);
    QFETCH(double, x);
    QFETCH(int, pixels);
    Brush brush;
    brush.shape = static_cast<BrushShape>(shape);
    brush.diameterPx = diameter;
    const BrushSample sample{{x, x}, 1.0};
    QCOMPARE(brushArea(brush, sample, sample, {0, 0, 30, 30}).pixels(), static_cast<std::size_t>(pixels));
}

// A flick from event to event must be one 8-connected piece, from one pixel wide to large.
void TestShapes::strokesHaveNoGap() {
    Random random(32);
    for (int round = 0; round < 300; ++round) {
        Brush brush;
        brush.shape = round % 2 ? BrushShape::Round : BrushShape::Square;
        brush.diameterPx = round % 3 ? 1.0 : between(random, 1.0, 5.0);
        brush.pressureSetsSize = true;
        BrushSample last{{between(random, 0.0, 300.0), between(random, 0.0, 300.0)}, 1.0};
        PixelArea all = brushArea(brush, last, last, {0, 0, 300, 300});
        for (int event = 0; event < 6; ++event) {
            const BrushSample next{{between(random, 0.0, 300.0), between(random, 0.0, 300.0)},
                                   between(random, 0.0, 1.0)};
            all = all.united(brushArea(brush, last, next, {0, 0, 300, 300}));
            last = next;
        }
        QCOMPARE(connectedParts(all, Connectivity::Eight).size(), std::size_t{1});
    }
    Brush wide;
    wide.diameterPx = 3.0;
    const PixelArea flick = brushArea(wide, {{5.0, 5.0}, 1.0}, {{2005.0, 700.0}, 1.0}, {0, 0, 2048, 1024});
    QCOMPARE(connectedParts(flick, Connectivity::Four).size(), std::size_t{1});
    QVERIFY(flick.bounds().width >= 2000);
}

void TestShapes::pressureScalesTheDiameter() {
    Brush brush;
    brush.diameterPx = 100.0;
    QCOMPARE(brushDiameter(brush, 0.0), 100.0); // off by default
    brush.pressureSetsSize = true;
    QCOMPARE(brushDiameter(brush, 0.0), 30.0);
    QCOMPARE(brushDiameter(brush, 0.5), 65.0);
    QCOMPARE(brushDiameter(brush, 1.0), 100.0);
    QCOMPARE(brushDiameter(brush, 7.0), 100.0);
    brush.diameterPx = 5000.0;
    QCOMPARE(brushDiameter(brush, 1.0), kLargestBrushPx);
    brush.diameterPx = 1.0;
    QCOMPARE(brushDiameter(brush, 0.0), kSmallestBrushPx);
}

void TestShapes::badPointsGiveNothing() {
    const double infinity = std::numeric_limits<double>::infinity();
    QVERIFY(brushArea({}, {{std::nan(""), 0.0}, 1.0}, {{1.0, 1.0}, 1.0}, {0, 0, 9, 9}).empty());
    QVERIFY(brushArea({}, {{0.0, 0.0}, 1.0}, {{infinity, 1.0}, 1.0}, {0, 0, 9, 9}).empty());
    QVERIFY(brushArea({}, {{-1e300, 0.0}, 1.0}, {{-1e300, 1.0}, 1.0}, {0, 0, 9, 9}).empty());
    QVERIFY(brushArea({}, {{4.0, 4.0}, 1.0}, {{4.0, 4.0}, 1.0}, {}).empty());
    QVERIFY(polygonArea(Ring{{0, 0}, {5, std::nan("")}, {5, 5}}, FillRule::NonZero, {0, 0, 9, 9}).empty());
    QVERIFY(polygonArea(Ring{{0, 0}, {5, 5}}, FillRule::NonZero, {0, 0, 9, 9}).empty());
    // Far away, but crossing the image.
    QVERIFY(!brushArea({}, {{-1e6, 4.0}, 1.0}, {{1e6, 4.0}, 1.0}, {0, 0, 9, 9}).empty());
}

void TestShapes::polygonAgreesWithWindingNumbers() {
    Random random(33);
    for (int round = 0; round < 400; ++round) {
        const Size size = randomSize(random);
        Ring ring;
        const int corners = between(random, 3, 9);
        for (int i = 0; i < corners; ++i)
            ring.push_back(
                {between(random, -10.0, size.width + 10.0), between(random, -10.0, size.height + 10.0)});
        LabelMap nonZero(size), evenOdd(size);
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x) {
                const int winding = windingNumber(ring, {x + 0.5, y + 0.5});
                nonZero.at(x, y) = winding != 0 ? 1 : 0;
                evenOdd.at(x, y) = winding % 2 != 0 ? 1 : 0;
            }
        const PixelArea a = polygonArea(ring, FillRule::NonZero, whole(size));
        const PixelArea b = polygonArea(ring, FillRule::EvenOdd, whole(size));
        QVERIFY2(difference(a, nonZero).isEmpty(), difference(a, nonZero));
        QVERIFY2(difference(b, evenOdd).isEmpty(), difference(b, evenOdd));
    }
}

void TestShapes::tiesGoRightAndDown() {
    // Edges through pixel centres: the left and the upper edge hold them, the right and the lower one do not.
    const Ring square{{1.5, 1.5}, {3.5, 1.5}, {3.5, 3.5}, {1.5, 3.5}};
    const PixelArea area = polygonArea(square, FillRule::NonZero, {0, 0, 9, 9});
    QVERIFY(area == PixelArea::rectangle({1, 1, 2, 2}));
}

void TestShapes::polygonsThatShareEdgesShareNoPixel() {
    Random random(34);
    const Rect clip{0, 0, 64, 64};
    for (int round = 0; round < 200; ++round) {
        // A square fanned into four triangles around a point, on halves so that many centres are ties.
        const Point middle{between(random, 2, 126) / 2.0, between(random, 2, 126) / 2.0};
        const Ring corners{{0, 0}, {64, 0}, {64, 64}, {0, 64}};
        std::size_t sum = 0;
        PixelArea all;
        for (std::size_t i = 0; i < 4; ++i) {
            const PixelArea part =
                polygonArea(Ring{corners[i], corners[(i + 1) % 4], middle}, FillRule::NonZero, clip);
            sum += part.pixels();
            all = all.united(part);
        }
        QCOMPARE(sum, std::size_t{64 * 64});
        QCOMPARE(all.pixels(), std::size_t{64 * 64});
    }
}

QTEST_APPLESS_MAIN(TestShapes)
#include "tst_shapes.moc"
