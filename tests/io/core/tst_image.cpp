// SPDX-License-Identifier: GPL-3.0-or-later
// Rectangles and thresholds of the shared pixel types.
#include "io/core/image.h"

#include <QtTest/QTest>

using namespace limn;

class TestImage : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void rectanglesAreHalfOpen();
    void thresholdsAgreeWithProbabilities_data();
    void thresholdsAgreeWithProbabilities();
};

void TestImage::rectanglesAreHalfOpen() {
    QVERIFY(intersected({0, 0, 4, 4}, {4, 0, 4, 4}).empty());
    QCOMPARE(intersected({0, 0, 4, 4}, {3, 1, 9, 2}), (Rect{3, 1, 1, 2}));
    QCOMPARE(united({0, 0, 1, 1}, {}), (Rect{0, 0, 1, 1}));
    QCOMPARE(united({0, 0, 1, 1}, {5, -2, 1, 1}), (Rect{0, -2, 6, 3}));
}

void TestImage::thresholdsAgreeWithProbabilities_data() {
    QTest::addColumn<double>("threshold");
    QTest::addColumn<quint32>("first");
    QTest::newRow("zeroTakesEverything") << 0.0 << 0u;
    QTest::newRow("oneTakesOnlyCertain") << 1.0 << 65535u;
    QTest::newRow("half") << 0.5 << 32768u;
    QTest::newRow("storedValueIsInside") << 0.2 << 13107u; // 13107 / 65535 is exactly one fifth
    QTest::newRow("aboveOneTakesNothing") << 1.01 << 65536u;
    QTest::newRow("belowZeroTakesEverything") << -0.5 << 0u;
}

void TestImage::thresholdsAgreeWithProbabilities() {
    QFETCH(double, threshold);
    QFETCH(quint32, first);
    QCOMPARE(ProbabilityMap::firstInside(threshold), first);
}

QTEST_APPLESS_MAIN(TestImage)
#include "tst_image.moc"
