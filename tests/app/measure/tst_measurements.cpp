// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of shapes whose size is known by arithmetic, plain per-pixel versions for the rest, and the CSV
// file.
#include "app/measure/measurements.h"
#include "tests/app/document/document_builders.h"

#include <QString>
#include <QtTest/QTest>

#include <numbers>

using namespace limn;
using namespace limn::test;

namespace {

PixelArea disc(double x, double y, double radius, Size size) {
    std::vector<Span> spans;
    for (int row = 0; row < size.height; ++row)
        for (int column = 0; column < size.width; ++column)
            if (std::hypot(column + 0.5 - x, row + 0.5 - y) <= radius)
                spans.push_back({row, column, column + 1});
    return PixelArea(std::move(spans));
}

bool near(double a, double b, double share) {
    return std::abs(a - b) <= share * std::abs(b);
}

const Spacing kTenth{0.1, 0.1, "DICOM Pixel Spacing"};

} // namespace

class TestMeasurements : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rectangle();
    void disc_data();
    void disc();
    void singlePixel();
    void absentLabel();
    void millimetresNeedASource_data();
    void millimetresNeedASource();
    void unequalSpacing();
    void asymmetryOfKnownShapes();
    void principalAxesFollowTheShape();
    void asymmetryAgreesWithPlainFolding();
    void partsAndHoles();
    void crackLengthAgreesWithCounting();
    void raggedEdgesAreIrregular();
    void colours();
    void csvRowsFitTheHeader();
    void aSetTokenEndsIt();
};

void TestMeasurements::rectangle() {
    const Size size{200, 100};
    const LabelMeasurements m = measureArea(PixelArea::rectangle({30, 20, 100, 50}), size);
    QCOMPARE(m.area.px, 5000.0);
    QVERIFY(!m.area.mm);
    QCOMPARE(m.percentOfImage, 25.0);
    QCOMPARE(m.crackLength.px, 300.0);
    // Four directions alone see a rectangle 5.6 % short; that is the estimator, not the shape.
    QVERIFY2(near(m.perimeter.px, 300.0, 0.06), QByteArray::number(m.perimeter.px));
    QCOMPARE(m.longestDiameter.length.px, std::hypot(100.0, 50.0));
    QCOMPARE(m.widthAcross.length.px, 2.0 * 100.0 * 50.0 / std::hypot(100.0, 50.0));
    QCOMPARE(m.equivalentDiameter.px, std::sqrt(4.0 * 5000.0 / std::numbers::pi));
    QCOMPARE(m.asymmetryPercent, 0.0);
    QCOMPARE(m.convexity, 1.0);
    QCOMPARE(m.parts, 1);
    QCOMPARE(m.holes, 0);
    QVERIFY((m.centroid == Point{80.0, 45.0}));
    QVERIFY((m.bounds == Rect{30, 20, 100, 50}));
    // The drawn axes lie on the shape's corners.
    QCOMPARE(std::hypot(m.longestDiameter.to.x - m.longestDiameter.from.x,
                        m.longestDiameter.to.y - m.longestDiameter.from.y),
             m.longestDiameter.length.px);
    QCOMPARE(std::hypot(m.widthAcross.to.x - m.widthAcross.from.x, m.widthAcross.to.y - m.widthAcross.from.y),
             m.widthAcross.length.px);
}

void TestMeasurements::disc_data() {
    QTest::addColumn<double>("radius");
    QTest::addColumn<double>("x");
    QTest::newRow("twenty") << 20.0 << 100.0;
    QTest::newRow("fiftyOffGrid") << 50.3 << 100.37;
    QTest::newRow("ninety") << 90.0 << 100.5;
}

void TestMeasurements::disc() {
    QFETCH(double, radius);
    QFETCH(double, x);
    const LabelMeasurements m = measureArea(::disc(x, 100.0, radius, {200, 200}), {200, 200});
    QVERIFY(near(m.area.px, std::numbers::pi * radius * radius, 0.01));
    QVERIFY2(near(m.perimeter.px, 2.0 * std::numbers::pi * radius, 0.02), QByteArray::number(m.perimeter.px));
    QVERIFY2(near(m.circularity, 1.0, 0.04), QByteArray::number(m.circularity));
    QVERIFY(near(m.borderIrregularity, 1.0, 0.04));
    // Between the corners of pixels, so up to a pixel more at each end.
    QVERIFY(std::abs(m.longestDiameter.length.px - 2.0 * radius) < 2.0);
    QVERIFY(std::abs(m.widthAcross.length.px - 2.0 * radius) < 2.0);
    QVERIFY(near(m.equivalentDiameter.px, 2.0 * radius, 0.01));
    QVERIFY2(m.asymmetryPercent < 4.0, QByteArray::number(m.asymmetryPercent));
    QVERIFY(m.convexity > 0.96);
}

void TestMeasurements::singlePixel() {
    const LabelMeasurements m = measureArea(PixelArea::rectangle({0, 0, 1, 1}), {1, 1});
    QCOMPARE(m.area.px, 1.0);
    QCOMPARE(m.percentOfImage, 100.0);
    QCOMPARE(m.crackLength.px, 4.0);
    QCOMPARE(m.longestDiameter.length.px, std::sqrt(2.0));
    QCOMPARE(m.asymmetryPercent, 0.0);
    QVERIFY(std::isfinite(m.circularity) && m.circularity > 0.0);
}

void TestMeasurements::absentLabel() {
    MeasureOptions options;
    options.spacing = kTenth;
    for (const Size size : {Size{0, 0}, Size{5, 5}}) {
        const LabelMeasurements m = measureLabel(TileMap(size), 3, options);
        QCOMPARE(int(m.label), 3);
        QCOMPARE(m.area.px, 0.0);
        QCOMPARE(m.area.mm.value_or(-1.0), 0.0);
        QCOMPARE(m.percentOfImage, 0.0);
        QCOMPARE(m.parts, 0);
        QVERIFY(!m.inside && !m.ring && !m.contrast);
    }
    QVERIFY(measureAll(TileMap(Size{5, 5})).empty());
}

void TestMeasurements::millimetresNeedASource_data() {
    QTest::addColumn<double>("x");
    QTest::addColumn<double>("y");
    QTest::addColumn<QString>("source");
    QTest::addColumn<bool>("usable");
    QTest::newRow("fromFile") << 0.1 << 0.1 << "TIFF resolution" << true;
    QTest::newRow("noSource") << 0.1 << 0.1 << "" << false;
    QTest::newRow("zero") << 0.0 << 0.1 << "TIFF resolution" << false;
    QTest::newRow("negative") << 0.1 << -0.1 << "TIFF resolution" << false;
    QTest::newRow("notANumber") << std::nan("") << 0.1 << "TIFF resolution" << false;
}

void TestMeasurements::millimetresNeedASource() {
    QFETCH(double, x);
    QFETCH(double, y);
    QFETCH(QString, source);
    QFETCH(bool, usable);
    MeasureOptions options;
    options.spacing = Spacing{x, y, source.toStdString()};
    const LabelMeasurements m = measureArea(PixelArea::rectangle({0, 0, 100, 50}), {100, 50}, options);
    QCOMPARE(m.area.px, 5000.0);
    QCOMPARE(m.spacing.has_value(), usable);
    for (const Measure* measure : {&m.area, &m.perimeter, &m.crackLength, &m.longestDiameter.length,
                                   &m.widthAcross.length, &m.equivalentDiameter})
        QCOMPARE(measure->mm.has_value(), usable);
    if (usable) {
        QVERIFY(near(*m.area.mm, 50.0, 1e-12));
        QVERIFY(near(*m.crackLength.mm, 30.0, 1e-12));
        QVERIFY(near(*m.longestDiameter.length.mm, std::hypot(10.0, 5.0), 1e-12));
        QVERIFY(near(*m.perimeter.mm, m.perimeter.px * 0.1, 1e-12));
    }
}

// A disc in millimetres is an ellipse in pixels of 0.1 x 0.2 mm; the shape figures are those of the disc.
void TestMeasurements::unequalSpacing() {
    std::vector<Span> spans;
    for (int row = 0; row < 200; ++row)
        for (int column = 0; column < 400; ++column)
            if (std::hypot((column + 0.5) * 0.1 - 20.0, (row + 0.5) * 0.2 - 20.0) <= 15.0)
                spans.push_back({row, column, column + 1});
    MeasureOptions options;
    options.spacing = Spacing{0.1, 0.2, "calibration"};
    const LabelMeasurements m = measureArea(PixelArea(std::move(spans)), {400, 200}, options);
    QVERIFY(near(*m.area.mm, std::numbers::pi * 225.0, 0.01));
    QVERIFY2(near(*m.perimeter.mm, 2.0 * std::numbers::pi * 15.0, 0.04), QByteArray::number(*m.perimeter.mm));
    QVERIFY2(near(m.circularity, 1.0, 0.08), QByteArray::number(m.circularity));
    QVERIFY(near(*m.longestDiameter.length.mm, 30.0, 0.02));
    QVERIFY(near(*m.widthAcross.length.mm, 30.0, 0.02));
    QVERIFY(near(m.longestDiameter.length.px, 300.0, 0.02));
    QVERIFY(near(m.widthAcross.length.px, 150.0, 0.02));
    QVERIFY(near(*m.equivalentDiameter.mm, 30.0, 0.01));
}

void TestMeasurements::asymmetryOfKnownShapes() {
    // A square with one corner block: symmetric about the diagonal, not about the other one.
    const PixelArea kite =
        PixelArea::rectangle({20, 20, 40, 40}).united(PixelArea::rectangle({60, 60, 20, 20}));
    const LabelMeasurements m = measureArea(kite, {100, 100});
    QCOMPARE(m.asymmetryMajor, 0.0);
    QVERIFY2(m.asymmetryMinor > 10.0, QByteArray::number(m.asymmetryMinor));
    QCOMPARE(m.asymmetryPercent, m.asymmetryMinor / 2.0);
    // An isosceles triangle: folded on its long axis it is its own image.
    std::vector<Span> spans;
    for (int row = 0; row < 120; ++row)
        spans.push_back({row, 100 - row / 4 - 1, 100 + row / 4 + 1});
    const LabelMeasurements triangle = measureArea(PixelArea(std::move(spans)), {200, 120});
    QCOMPARE(triangle.asymmetryMajor, 0.0);
    QVERIFY(triangle.asymmetryMinor > 20.0);
}

void TestMeasurements::principalAxesFollowTheShape() {
    // A bar that falls by one row for every two columns.
    std::vector<Span> spans;
    for (int row = 0; row < 60; ++row)
        spans.push_back({row + 10, 10 + 2 * row, 10 + 2 * row + 24});
    const PixelArea bar(std::move(spans));
    const auto direction = [](const Point& p) { return std::atan2(p.y, p.x) * 180 / std::numbers::pi; };
    const LabelMeasurements m = measureArea(bar, {200, 100});
    QVERIFY2(std::abs(direction(m.principalAxes[0]) - 26.6) < 3.0,
             QByteArray::number(direction(m.principalAxes[0])));
    QVERIFY(std::abs(m.principalAxes[0].x * m.principalAxes[1].x +
                     m.principalAxes[0].y * m.principalAxes[1].y) < 1e-9);
    QVERIFY(std::abs(std::hypot(m.principalAxes[0].x, m.principalAxes[0].y) - 1) < 1e-9);
    // Pixels twice as high as wide: the same bar falls by 45 degrees, and is drawn as before.
    MeasureOptions options;
    options.spacing = Spacing{0.1, 0.2, "DICOM Pixel Spacing"};
    const LabelMeasurements high = measureArea(bar, {200, 100}, options);
    QVERIFY2(std::abs(direction(high.principalAxes[0]) - 26.6) < 4.0,
             QByteArray::number(direction(high.principalAxes[0])));
}

void TestMeasurements::asymmetryAgreesWithPlainFolding() {
    Random random(111);
    for (int round = 0; round < 30; ++round) {
        const Size size{80, 60};
        const LabelMap map = blobs(random, size, 1, 6);
        const PixelArea area = PixelArea::ofMask(map);
        if (area.pixels() < 20)
            continue;
        double n = 0, cx = 0, cy = 0, xx = 0, xy = 0, yy = 0;
        const auto each = [&](auto work) {
            for (int y = 0; y < size.height; ++y)
                for (int x = 0; x < size.width; ++x)
                    if (map.at(x, y) != 0)
                        work(x + 0.5, y + 0.5);
        };
        each([&](double x, double y) { n += 1, cx += x, cy += y; });
        cx /= n;
        cy /= n;
        each([&](double x, double y) {
            xx += (x - cx) * (x - cx), xy += (x - cx) * (y - cy), yy += (y - cy) * (y - cy);
        });
        // The eigenvector of the larger eigenvalue, by its own formula.
        const double larger = (xx + yy) / 2 + std::sqrt((xx - yy) * (xx - yy) / 4 + xy * xy);
        double ux = larger - yy, uy = xy;
        if (std::hypot(ux, uy) < 1e-9)
            continue; // no axis stands out
        const double length = std::hypot(ux, uy);
        ux /= length;
        uy /= length;
        const auto unshared = [&](double ax, double ay) {
            double outside = 0;
            each([&](double x, double y) {
                const double along = (x - cx) * ax + (y - cy) * ay;
                const int mx = static_cast<int>(std::floor(2 * (cx + along * ax) - x));
                const int my = static_cast<int>(std::floor(2 * (cy + along * ay) - y));
                if (mx < 0 || my < 0 || mx >= size.width || my >= size.height || map.at(mx, my) == 0)
                    outside += 1;
            });
            return 100 * outside / n;
        };
        const LabelMeasurements m = measureArea(area, size);
        // A mirrored centre that lands on a pixel's side may round either way.
        QVERIFY2(std::abs(m.asymmetryMajor - unshared(ux, uy)) < 0.5, QByteArray::number(round));
        QVERIFY2(std::abs(m.asymmetryMinor - unshared(-uy, ux)) < 0.5, QByteArray::number(round));
    }
}

void TestMeasurements::partsAndHoles() {
    PixelArea area = PixelArea::rectangle({2, 2, 10, 10}).subtracted(PixelArea::rectangle({4, 4, 2, 2}));
    area = area.subtracted(
        PixelArea::rectangle({6, 6, 1, 1})); // touches the first hole by its corner: two holes
    area = area.united(PixelArea::rectangle({12, 12, 3, 3})); // touches by its corner: same part
    area = area.united(PixelArea::rectangle({17, 0, 1, 1}));
    const LabelMeasurements m = measureArea(area, {20, 20});
    QCOMPARE(m.parts, 2);
    QCOMPARE(m.holes, 2);
    // Holes lengthen the perimeter, but not the border irregularity.
    const LabelMeasurements ring =
        measureArea(::disc(50, 50, 40, {100, 100}).subtracted(::disc(50, 50, 20, {100, 100})), {100, 100});
    QVERIFY(near(ring.perimeter.px, 2.0 * std::numbers::pi * 60.0, 0.03));
    QVERIFY(near(ring.borderIrregularity, 1.0, 0.04));
    QVERIFY(ring.circularity < 0.5);
}

void TestMeasurements::crackLengthAgreesWithCounting() {
    Random random(112);
    for (int round = 0; round < 60; ++round) {
        const Size size = randomSize(random);
        const LabelMap map = noise(random, size, 1, 0.5);
        const auto at = [&](int x, int y) {
            return x >= 0 && y >= 0 && x < size.width && y < size.height && map.at(x, y) != 0;
        };
        double sides = 0;
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x)
                if (at(x, y))
                    sides += !at(x - 1, y) + !at(x + 1, y) + !at(x, y - 1) + !at(x, y + 1);
        QCOMPARE(measureLabel(TileMap(map), 1).crackLength.px, sides);
    }
}

void TestMeasurements::raggedEdgesAreIrregular() {
    PixelArea comb = PixelArea::rectangle({20, 20, 60, 30});
    for (int x = 20; x < 80; x += 4)
        comb = comb.united(PixelArea::rectangle({x, 50, 2, 20}));
    const LabelMeasurements ragged = measureArea(comb, {100, 100});
    const LabelMeasurements even = measureArea(PixelArea::rectangle({20, 20, 60, 40}), {100, 100});
    QVERIFY(ragged.borderIrregularity > 4.0 * even.borderIrregularity);
    QVERIFY(ragged.convexity < 0.9);
}

void TestMeasurements::colours() {
    Image image;
    image.size = {60, 60};
    LabelMap map(image.size);
    for (int y = 0; y < 60; ++y)
        for (int x = 0; x < 60; ++x) {
            const bool inside = x >= 20 && x < 40 && y >= 20 && y < 40;
            map.at(x, y) = inside ? 1 : (x < 20 ? 2 : 0);
            // Red alternates inside; another label lies at the left; everything else is white.
            const auto red = static_cast<std::uint8_t>(inside ? (x % 2 ? 110 : 90) : (x < 20 ? 0 : 255));
            const auto other = static_cast<std::uint8_t>(inside ? 50 : (x < 20 ? 0 : 255));
            image.rgb.insert(image.rgb.end(), {red, other, other});
        }
    MeasureOptions options;
    options.image = &image;
    const LabelMeasurements m = measureLabel(TileMap(map), 1, options);
    QVERIFY(m.inside && m.ring && m.contrast);
    QCOMPARE(m.inside->pixels, std::size_t{400});
    QCOMPARE(m.inside->meanRgb[0], 100.0);
    QCOMPARE(m.inside->stdRgb[0], 10.0);
    QCOMPARE(m.inside->meanRgb[1], 50.0);
    QCOMPARE(m.inside->stdRgb[1], 0.0);
    // The ring leaves the other label out, so it is pure white.
    QCOMPARE(m.ring->meanRgb[0], 255.0);
    QVERIFY(std::abs(m.ring->meanLab[0] - 100.0) < 0.01);
    QVERIFY(std::abs(*m.contrast - std::hypot(100.0 - m.inside->meanLab[0], m.inside->meanLab[1],
                                              m.inside->meanLab[2])) < 0.05);
    // Three pixels wide at least, and Euclidean: 3 rows above and below, 3 columns at the right, parts of two
    // corners.
    QVERIFY(m.ring->pixels > 20 * 6 + 20 * 3);
    QVERIFY(m.ring->pixels < 20 * 6 + 20 * 3 + 18 + 1);
    image.size = {60, 59}; // does not fit: no colours rather than wrong ones
    QVERIFY(!measureLabel(TileMap(map), 1, options).inside);
}

void TestMeasurements::csvRowsFitTheHeader() {
    const QString header = QString::fromStdString(measurementCsvHeader());
    const qsizetype fields = header.count(QLatin1Char(',')) + 1;
    QVERIFY(header.startsWith(QStringLiteral("image,label,label_name,area_px,area_mm2,")));
    QVERIFY(!header.contains(QLatin1Char('\n')));
    const LabelMeasurements plain = measureArea(PixelArea::rectangle({0, 0, 100, 50}), {200, 50});
    const QString row = QString::fromStdString(measurementCsvRow("a.png", "Lesion", plain));
    QCOMPARE(row.count(QLatin1Char(',')) + 1, fields);
    QVERIFY(row.startsWith(QStringLiteral("a.png,0,Lesion,5000,,50,")));
    QVERIFY(row.endsWith(QStringLiteral(",,,")));
    MeasureOptions options;
    options.spacing = kTenth;
    const LabelMeasurements calibrated =
        measureArea(PixelArea::rectangle({0, 0, 100, 50}), {200, 50}, options);
    const QString inMm = QString::fromStdString(measurementCsvRow("a.png", "Lesion", calibrated));
    QVERIFY(inMm.startsWith(QStringLiteral("a.png,0,Lesion,5000,50,50,")));
    QVERIFY(inMm.endsWith(QStringLiteral(",0.1,0.1,DICOM Pixel Spacing")));
    // RFC 4180: quotes around commas and quotes, quotes doubled.
    const QString quoted = QString::fromStdString(measurementCsvRow("a,\"b\".png", "Le\nsion", plain));
    QVERIFY(quoted.startsWith(QStringLiteral("\"a,\"\"b\"\".png\",0,\"Le\nsion\",5000")));
}

// Noise has as many parts and as much edge as there can be: figures of it take long, and are not waited for.
void TestMeasurements::aSetTokenEndsIt() {
    Random random(31);
    const Size size{1600, 1600};
    const TileMap labels(noise(random, size, 1, 0.5));
    Image image;
    image.size = size;
    image.rgb.resize(size.pixels() * 3, 90);
    MeasureOptions options;
    options.image = &image;
    const StopTimes times =
        stopTimes([&](const CancelToken* token) { (void)measureLabel(labels, 1, options, token); });
    QVERIFY2(times.afterStopMs < times.wholeMs / 4,
             qPrintable(QStringLiteral("%1 of %2 ms").arg(times.afterStopMs).arg(times.wholeMs)));
}

QTEST_APPLESS_MAIN(TestMeasurements)
#include "tst_measurements.moc"
