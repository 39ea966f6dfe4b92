// SPDX-License-Identifier: GPL-3.0-or-later
// The history by itself: bytes before and after, names, memory bound, what is forgotten when.
#include "app/document/undo_history.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <set>

using namespace limn;
using namespace limn::test;

namespace {

std::vector<int> allTiles(const TileMap& map) {
    std::vector<int> tiles(static_cast<std::size_t>(map.tileCount()));
    for (std::size_t i = 0; i < tiles.size(); ++i)
        tiles[i] = static_cast<int>(i);
    return tiles;
}

AnnotationPlanes planes(const LabelMap& labels, const LabelMap& provenance) {
    return {TileMap(labels), TileMap(provenance)};
}

} // namespace

class TestUndoHistory : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyKindHasAName();
    void bytesComeBack_data();
    void bytesComeBack();
    void nothingChangedIsNoStep();
    void recordingForgetsRedo();
    void memoryBoundDropsTheOldest();
    void dirtyRectanglesHoldTheDifference();
};

void TestUndoHistory::everyKindHasAName() {
    std::set<std::string_view> names;
    for (const StepKind kind : allStepKinds())
        names.insert(stepName(kind));
    QCOMPARE(names.size(), allStepKinds().size());
    QVERIFY(!names.contains(std::string_view{}));
}

void TestUndoHistory::bytesComeBack_data() {
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("values");
    QTest::addColumn<double>("share");
    QTest::newRow("onePixel") << 1 << 1 << 1 << 1.0;
    QTest::newRow("oneValue") << 700 << 520 << 1 << 0.5;
    QTest::newRow("manyValues") << 700 << 520 << 255 << 0.5;
    QTest::newRow("sparse") << 1025 << 513 << 3 << 0.0001;
    QTest::newRow("lastColumn") << 513 << 3 << 2 << 0.7;
}

void TestUndoHistory::bytesComeBack() {
    QFETCH(int, width);
    QFETCH(int, height);
    QFETCH(int, values);
    QFETCH(double, share);
    Random random(81);
    const Size size{width, height};
    std::vector<AnnotationPlanes> states{{TileMap(size), TileMap(size)}};
    UndoHistory history;
    for (int step = 0; step < 6; ++step) {
        states.push_back(planes(noise(random, size, values, share), noise(random, size, values, share)));
        const AnnotationPlanes& before = states[states.size() - 2];
        if (!history.record(StepKind::Wand, before, states.back(), allTiles(before.labels), false, step == 3))
            states.pop_back();
    }
    AnnotationPlanes now = states.back();
    for (int pass = 0; pass < 2; ++pass) {
        for (std::size_t i = states.size() - 1; i > 0; --i) {
            history.undo(now);
            QVERIFY(now == states[i - 1]);
        }
        QVERIFY(!history.canUndo());
        QCOMPARE(now.labels.memoryBytes(), std::size_t{0}); // no tile of zeros is kept
        for (std::size_t i = 1; i < states.size(); ++i) {
            history.redo(now);
            QVERIFY(now == states[i]);
        }
        QVERIFY(!history.canRedo());
    }
}

void TestUndoHistory::nothingChangedIsNoStep() {
    const AnnotationPlanes zero{TileMap(Size{9, 9}), TileMap(Size{9, 9})};
    AnnotationPlanes same = zero;
    same.labels.setTile(0, std::make_shared<const Tile>()); // other tile, same bytes
    UndoHistory history;
    QVERIFY(!history.record(StepKind::Wand, zero, same, {0}, false, false));
    QCOMPARE(history.memoryBytes(), std::size_t{0});
    // A mark alone is a step.
    QVERIFY(history.record(StepKind::MarkNoLesion, zero, same, {0}, false, true));
    AnnotationPlanes now = same;
    QCOMPARE(history.undo(now).mark, false);
    QCOMPARE(history.redo(now).mark, true);
}

void TestUndoHistory::recordingForgetsRedo() {
    const AnnotationPlanes a = planes(LabelMap({4, 4}, 0), LabelMap({4, 4}, 0));
    const AnnotationPlanes b = planes(LabelMap({4, 4}, 1), LabelMap({4, 4}, 1));
    UndoHistory history;
    QVERIFY(history.record(StepKind::Lasso, a, b, {0}, false, false));
    QVERIFY(history.record(StepKind::Polygon, b, a, {0}, false, false));
    QVERIFY((history.undoKinds() == std::vector<StepKind>{StepKind::Polygon, StepKind::Lasso}));
    AnnotationPlanes now = a;
    history.undo(now);
    QVERIFY(history.redoKinds() == std::vector<StepKind>{StepKind::Polygon});
    QVERIFY(history.undoKind() == StepKind::Lasso);
    QVERIFY(history.redoKind() == StepKind::Polygon);
    QVERIFY(history.record(StepKind::Grow, b, a, {0}, false, false));
    QVERIFY(!history.canRedo());
    QCOMPARE(history.undoCount(), std::size_t{2});
    history.clear();
    QVERIFY(!history.canUndo());
    QCOMPARE(history.memoryBytes(), std::size_t{0});
}

void TestUndoHistory::memoryBoundDropsTheOldest() {
    Random random(82);
    const Size size{256, 256};
    UndoHistory history(40000);
    AnnotationPlanes now{TileMap(size), TileMap(size)};
    std::vector<AnnotationPlanes> states{now};
    for (int step = 0; step < 30; ++step) {
        const AnnotationPlanes next = planes(noise(random, size, 1, 0.5), LabelMap(size));
        QVERIFY(history.record(StepKind::Wand, now, next, {0}, false, false));
        now = next;
        states.push_back(now);
        QVERIFY(history.memoryBytes() <= history.limitBytes());
    }
    QVERIFY(history.undoCount() >= 2);
    QVERIFY(history.undoCount() < 30);
    std::size_t at = states.size() - 1;
    while (history.canUndo()) {
        history.undo(now);
        QVERIFY(now == states[--at]);
    }
    while (history.canRedo()) {
        history.redo(now);
        QVERIFY(now == states[++at]);
    }
    QCOMPARE(at, states.size() - 1);
    // The newest step stays even when it alone is larger than the limit.
    history.setLimitBytes(10);
    QCOMPARE(history.undoCount(), std::size_t{1});
    history.undo(now);
    QVERIFY(now == states[states.size() - 2]);
}

void TestUndoHistory::dirtyRectanglesHoldTheDifference() {
    const Size size{1100, 600};
    LabelMap changed(size);
    changed.at(511, 511) = changed.at(512, 511) = changed.at(1099, 599) = 1;
    const AnnotationPlanes before{TileMap(size), TileMap(size)};
    const AnnotationPlanes after = planes(changed, changed);
    UndoHistory history;
    QVERIFY(history.record(StepKind::Wand, before, after, allTiles(before.labels), false, false));
    AnnotationPlanes now = after;
    const UndoHistory::Change change = history.undo(now);
    QCOMPARE(change.dirty.size(), std::size_t{3});
    for (const auto& [x, y] : {std::pair{511, 511}, {512, 511}, {1099, 599}})
        QVERIFY(std::any_of(change.dirty.begin(), change.dirty.end(), [x = x, y = y](const Rect& r) {
            return !intersected(r, {x, y, 1, 1}).empty();
        }));
    for (const Rect& rect : change.dirty)
        QVERIFY(rect.width <= 8 && rect.height == 1 && rect.right() <= size.width);
}

QTEST_APPLESS_MAIN(TestUndoHistory)
#include "tst_undo_history.moc"
