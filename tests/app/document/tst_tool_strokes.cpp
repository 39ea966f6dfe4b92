// SPDX-License-Identifier: GPL-3.0-or-later
// Brush, eraser and contour push as gestures: what a person sees at begin, on the way, at the end and on Esc.
#include "app/document/tool_strokes.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

using namespace limn;
using namespace limn::test;

namespace {

PixelArea disc(double x, double y, double diameter, const Rect& bounds) {
    const BrushSample sample{{x, y}, 1.0};
    return brushArea({BrushShape::Round, diameter}, sample, sample, bounds);
}

BrushSample at(double x, double y) {
    return {{x, y}, 1.0};
}

constexpr auto kPaint = BrushStroke::Effect::Paint;
constexpr auto kErase = BrushStroke::Effect::Erase;

} // namespace

class TestToolStrokes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void brushAndEraser();
    void flickHasNoGap();
    void startsOutside();
    void onePixelImage();
    void lockedLabelsStay();
    void cancelLeavesBytes();
    void badPositionsAreLeftOut();
    void contourPressChangesNothing();
    void contourPushesOut();
    void contourPushesIn();
    void contourMakesNoIslands();
    void contourMakesNoHoles();
    void contourSmoothsTheArcAlone();
    void contourRespectsLocks();
};

void TestToolStrokes::brushAndEraser() {
    AnnotationDocument document({60, 40});
    Brush brush;
    brush.diameterPx = 10.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {}, at(10, 20));
    QVERIFY(stroke);
    QVERIFY(areaOf(document.labels(), 1) == disc(10, 20, 10, document.bounds())); // a dab at the press
    stroke->extend(at(40, 20));
    QVERIFY(stroke->lastSample().position == (Point{40, 20}));
    QVERIFY(!BrushStroke::begin(document, kPaint, brush, {}, at(1, 1)));
    QVERIFY(stroke->finish());
    const PixelArea drawn = areaOf(document.labels(), 1);
    QVERIFY(drawn == brushArea(brush, at(10, 20), at(40, 20), document.bounds()));
    brush.diameterPx = 4.0;
    auto eraser = BrushStroke::begin(document, kErase, brush, {}, at(25, 20));
    QVERIFY(eraser->finish());
    QVERIFY(areaOf(document.labels(), 1) == drawn.subtracted(disc(25, 20, 4, document.bounds())));
    QVERIFY((document.history().undoKinds() ==
             std::vector<StepKind>{StepKind::EraserStroke, StepKind::BrushStroke}));
    document.undo();
    QVERIFY(areaOf(document.labels(), 1) == drawn);
}

void TestToolStrokes::flickHasNoGap() {
    AnnotationDocument document({2200, 1200});
    Brush brush;
    brush.diameterPx = 1.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {}, at(20.3, 30.9));
    stroke->extend(at(2020.7, 40.1)); // 2000 px in one event
    stroke->extend(at(1000.0, 1100.0));
    QVERIFY(stroke->finish());
    const PixelArea line = areaOf(document.labels(), 1);
    QCOMPARE(connectedParts(line).size(), std::size_t{1});
    QVERIFY(line.contains(20, 30) && line.contains(2020, 40));
}

void TestToolStrokes::startsOutside() {
    AnnotationDocument document({50, 50});
    Brush brush;
    brush.diameterPx = 6.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {}, at(-40, 25));
    QCOMPARE(stroke->total().changedPixels, std::size_t{0});
    stroke->extend(at(10, 25));
    stroke->extend(at(10, 400));
    QVERIFY(stroke->finish());
    QVERIFY(document.labels().at(0, 25) == 1);
    QVERIFY(document.labels().at(10, 49) == 1);
    QVERIFY((areaOf(document.labels(), 1).bounds() == Rect{0, 22, 13, 28}));
    // Wholly outside: no step.
    auto outside = BrushStroke::begin(document, kPaint, brush, {}, at(-40, -25));
    outside->extend(at(-20, 400));
    QVERIFY(!outside->finish());
    QCOMPARE(document.history().undoCount(), std::size_t{1});
}

void TestToolStrokes::onePixelImage() {
    AnnotationDocument document({1, 1});
    Brush brush;
    brush.diameterPx = 1.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {}, at(0.01, 0.99));
    QVERIFY(stroke->finish());
    QCOMPARE(int(document.labels().at(0, 0)), 1);
    brush.diameterPx = 2000.0;
    auto eraser = BrushStroke::begin(document, kErase, brush, {}, at(700, 0));
    QVERIFY(eraser->finish());
    QCOMPARE(int(document.labels().at(0, 0)), 0);
    auto push = ContourPush::begin(document, {}, {}, {0.5, 0.5});
    push->extend({3, 3});
    QVERIFY(!push->finish());
    document.undo();
    auto inside = ContourPush::begin(document, {}, {}, {0.5, 0.5});
    QVERIFY(inside->pushesOut());
    inside->extend({3, 3});
    QVERIFY(!inside->finish());
    QCOMPARE(int(document.labels().at(0, 0)), 1);
}

void TestToolStrokes::lockedLabelsStay() {
    AnnotationDocument document({40, 40}, {label(1), label(2)});
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({10, 0, 10, 40}));
    QVERIFY(document.setLabel(label(2, true)));
    Brush brush;
    brush.diameterPx = 8.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {.label = 1}, at(2, 20));
    stroke->extend(at(38, 20));
    QVERIFY(stroke->total().protectedPixels > 0);
    stroke->finish();
    auto eraser = BrushStroke::begin(document, kErase, brush, {.label = 1}, at(2, 20));
    eraser->extend(at(38, 20));
    eraser->finish();
    QCOMPARE(document.labels().histogram()[1], std::size_t{0});
    QCOMPARE(document.labels().histogram()[2], std::size_t{400});
}

void TestToolStrokes::cancelLeavesBytes() {
    Random random(101);
    const Size size{600, 60};
    AnnotationDocument document(size, {label(1), label(2)});
    QVERIFY(document.import(blobs(random, size, 2, 9)));
    const AnnotationSnapshot before = document.snapshot();
    Brush brush;
    brush.diameterPx = 40.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {}, at(490, 20));
    stroke->extend(at(540, 50));
    stroke->cancel();
    QVERIFY(!stroke->active());
    stroke->extend(at(5, 5));
    QVERIFY(document.labels() == before.labels && document.provenance() == before.provenance);
    {
        auto push = ContourPush::begin(document, {}, {}, {490, 20});
        push->extend({530, 40});
    }
    QVERIFY(document.labels() == before.labels && document.provenance() == before.provenance);
    QCOMPARE(document.history().undoCount(), std::size_t{1});
}

void TestToolStrokes::badPositionsAreLeftOut() {
    AnnotationDocument document({40, 40});
    Brush brush;
    brush.diameterPx = 3.0;
    auto stroke = BrushStroke::begin(document, kPaint, brush, {}, at(5, 5));
    stroke->extend(at(std::nan(""), 5));
    stroke->extend(at(30, 5));
    stroke->finish();
    QVERIFY(areaOf(document.labels(), 1) == brushArea(brush, at(5, 5), at(30, 5), document.bounds()));
    QVERIFY(!ContourPush::begin(document, {}, {}, {std::nan(""), 1}));
    QVERIFY(!document.strokeOpen());
}

void TestToolStrokes::contourPressChangesNothing() {
    AnnotationDocument document({200, 200});
    document.paint(StepKind::Lasso, {}, disc(100, 100, 100, document.bounds()));
    const TileMap before = document.labels();
    for (const Point press :
         {Point{100, 100}, Point{140, 100}, Point{148.9, 100}, Point{20, 20}, Point{152, 100}}) {
        auto push = ContourPush::begin(document, {.diameterPx = 60.0, .smoothingPx = 0.0}, {}, press);
        QVERIFY(push->diameterPx() <= 60.0);
        push->extend(press);
        QVERIFY(!push->finish());
        QVERIFY(document.labels() == before);
    }
}

void TestToolStrokes::contourPushesOut() {
    AnnotationDocument document({300, 200});
    document.paint(StepKind::Lasso, {}, disc(100, 100, 100, document.bounds()));
    const PixelArea before = areaOf(document.labels(), 1);
    auto push = ContourPush::begin(document, {.diameterPx = 40.0, .smoothingPx = 0.0}, {}, {100, 100});
    QVERIFY(push->pushesOut());
    QCOMPARE(push->diameterPx(), 40.0);
    push->extend({150, 100});
    push->extend({170, 100});
    QVERIFY(push->finish());
    const PixelArea after = areaOf(document.labels(), 1);
    QVERIFY(before.subtracted(after).empty());
    QVERIFY(after.contains(189, 100));
    QVERIFY(!after.contains(191, 100));
    QCOMPARE(connectedParts(after).size(), std::size_t{1});
    QVERIFY(document.history().undoKind() == StepKind::ContourPush);
    document.undo();
    QVERIFY(areaOf(document.labels(), 1) == before);
}

void TestToolStrokes::contourPushesIn() {
    AnnotationDocument document({300, 200}, {label(1), label(2)});
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({140, 0, 60, 200}));
    document.paint(StepKind::Lasso, {.label = 1, .over = Over::Background},
                   disc(100, 100, 100, document.bounds()));
    const std::size_t others = document.labels().histogram()[2];
    auto push = ContourPush::begin(document, {.diameterPx = 30.0, .smoothingPx = 0.0}, {}, {100, 20});
    QVERIFY(!push->pushesOut());
    push->extend({100, 60});
    QVERIFY(push->finish());
    const PixelArea after = areaOf(document.labels(), 1);
    QVERIFY(!after.contains(100, 74));
    QVERIFY(after.contains(100, 76));
    // Another label is not pushed.
    auto through = ContourPush::begin(document, {.diameterPx = 30.0, .smoothingPx = 0.0}, {}, {260, 150});
    through->extend({160, 150});
    QVERIFY(!through->finish());
    QCOMPARE(document.labels().histogram()[2], others);
}

void TestToolStrokes::contourMakesNoIslands() {
    AnnotationDocument document({300, 120});
    // A bar, and a part of its own far away that must stay.
    document.paint(StepKind::Lasso, {}, PixelArea::rectangle({20, 50, 200, 20}));
    document.paint(StepKind::Lasso, {}, PixelArea::rectangle({270, 5, 6, 6}));
    auto push = ContourPush::begin(document, {.diameterPx = 30.0, .smoothingPx = 0.0}, {}, {80, 10});
    push->extend({80, 110}); // cuts the bar in two unequal pieces
    QVERIFY(push->finish());
    const auto parts = connectedParts(areaOf(document.labels(), 1));
    QCOMPARE(parts.size(), std::size_t{2});
    QVERIFY((parts[0].bounds() == Rect{95, 50, 125, 20}));
    QVERIFY((parts[1].bounds() == Rect{270, 5, 6, 6}));
    QCOMPARE(document.history().undoCount(), std::size_t{3});
}

void TestToolStrokes::contourMakesNoHoles() {
    AnnotationDocument document({200, 200});
    // A "C" whose mouth is pushed shut; an old hole stays.
    PixelArea shape = disc(100, 100, 140, document.bounds())
                          .subtracted(disc(100, 100, 60, document.bounds()))
                          .subtracted(PixelArea::rectangle({100, 94, 100, 12}));
    const PixelArea oldHole = PixelArea::rectangle({50, 100, 3, 3});
    shape = shape.subtracted(oldHole);
    document.paint(StepKind::Lasso, {}, shape);
    auto push = ContourPush::begin(document, {.diameterPx = 20.0, .smoothingPx = 0.0}, {}, {150, 75});
    QVERIFY(push->pushesOut());
    push->extend({150, 115});
    QVERIFY(push->finish());
    const PixelArea after = areaOf(document.labels(), 1);
    QVERIFY(holesOf(after, document.bounds()) == oldHole);
    QVERIFY(after.contains(100, 100));
}

void TestToolStrokes::contourSmoothsTheArcAlone() {
    AnnotationDocument document({400, 200});
    // A comb on the left keeps its teeth; the pushed arc on the right gets round.
    PixelArea shape = PixelArea::rectangle({50, 40, 250, 100});
    for (int y = 40; y < 140; y += 2)
        shape = shape.united(PixelArea::rectangle({45, y, 5, 1}));
    document.paint(StepKind::Lasso, {}, shape);
    auto push = ContourPush::begin(document, {.diameterPx = 30.0, .smoothingPx = 3.0}, {}, {280, 90});
    push->extend({310, 90});
    QVERIFY(push->finish());
    const PixelArea after = areaOf(document.labels(), 1);
    const Rect left{0, 0, 250, 200};
    QVERIFY(after.intersected(left) == shape.intersected(left));
    QVERIFY(after.contains(318, 90));
    // The notch between bar and bulge is filled a little: smoothing added pixels that the disc did not cover.
    PixelArea plain = shape;
    const BrushSample from{{280, 90}, 1.0};
    const BrushSample to{{310, 90}, 1.0};
    plain = plain.united(brushArea({BrushShape::Round, push->diameterPx()}, from, to, document.bounds()));
    QVERIFY(!after.subtracted(plain).empty());
}

void TestToolStrokes::contourRespectsLocks() {
    AnnotationDocument document({200, 100}, {label(1), label(2)});
    document.paint(StepKind::Lasso, {.label = 1}, PixelArea::rectangle({20, 20, 60, 60}));
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({80, 20, 60, 60}));
    QVERIFY(document.setLabel(label(2, true)));
    auto push =
        ContourPush::begin(document, {.diameterPx = 20.0, .smoothingPx = 2.0}, {.label = 1}, {60, 50});
    push->extend({110, 50});
    push->finish();
    QCOMPARE(document.labels().histogram()[2], std::size_t{3600});
    QVERIFY(document.setLabel(label(1, true)));
    const TileMap before = document.labels();
    auto inwards =
        ContourPush::begin(document, {.diameterPx = 20.0, .smoothingPx = 2.0}, {.label = 1}, {5, 50});
    inwards->extend({40, 50});
    QVERIFY(!inwards->finish());
    QVERIFY(document.labels() == before);
}

QTEST_APPLESS_MAIN(TestToolStrokes)
#include "tst_tool_strokes.moc"
