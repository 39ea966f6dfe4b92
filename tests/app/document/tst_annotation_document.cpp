// SPDX-License-Identifier: GPL-3.0-or-later
// The document against a naive model: plain arrays, plain rules, whole copies for undo. What is promised: one
// step a gesture, cancelled gestures leave no byte changed, locked labels stay, provenance follows, proposals
// never write.
#include "app/document/annotation_document.h"
#include "app/document/proposal_ops.h"
#include "app/document/shapes.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

using namespace limn;
using namespace limn::test;

namespace {

struct NaiveState {
    LabelMap labels;
    LabelMap kinds; // ProvenanceKind of each pixel
    bool mark = false;
    bool operator==(const NaiveState&) const = default;
};

// Everything that a document does, one pixel at a time.
struct Naive {
    NaiveState now;
    std::vector<NaiveState> history;
    std::size_t position = 0;
    std::array<bool, 256> locked{};

    explicit Naive(Size size) : now{LabelMap(size), LabelMap(size), false} { history.push_back(now); }

    static std::uint8_t hand(std::uint8_t kind) {
        const auto k = static_cast<ProvenanceKind>(kind);
        return static_cast<std::uint8_t>(k == ProvenanceKind::Model || k == ProvenanceKind::ModelEdited
                                             ? ProvenanceKind::ModelEdited
                                             : ProvenanceKind::Manual);
    }
    void set(std::size_t i, std::uint8_t value, bool byModel) {
        now.labels.labels[i] = value;
        now.kinds.labels[i] =
            byModel ? static_cast<std::uint8_t>(ProvenanceKind::Model) : hand(now.kinds.labels[i]);
        if (value != 0)
            now.mark = false;
    }
    void paint(const LabelMap& mask, const EditRules& rules, bool byModel = false) {
        for (std::size_t i = 0; i < mask.labels.size(); ++i) {
            const std::uint8_t old = now.labels.labels[i];
            if (mask.labels[i] == 0 || old == rules.label || locked[rules.label] || locked[old] ||
                (rules.over == Over::Background && old != 0))
                continue;
            set(i, rules.label, byModel);
        }
    }
    void erase(const LabelMap& mask, const EditRules& rules, bool labelOnly, bool byModel = false) {
        for (std::size_t i = 0; i < mask.labels.size(); ++i) {
            const std::uint8_t old = now.labels.labels[i];
            if (mask.labels[i] == 0 || old == 0 || locked[old] || (labelOnly && old != rules.label))
                continue;
            set(i, 0, byModel);
        }
    }
    void replace(std::uint8_t from, std::uint8_t to, const LabelMap& mask) {
        for (std::size_t i = 0; i < mask.labels.size(); ++i)
            if (mask.labels[i] != 0 && now.labels.labels[i] == from && !locked[from] && !locked[to])
                set(i, to, false);
    }
    // The model decides: also what has the label already.
    void claim(const LabelMap& mask, std::uint8_t value) {
        for (std::size_t i = 0; i < mask.labels.size(); ++i)
            if (mask.labels[i] != 0 && now.labels.labels[i] == value && !locked[value])
                now.kinds.labels[i] = static_cast<std::uint8_t>(ProvenanceKind::Model);
    }
    bool finish() {
        if (now == history[position])
            return false;
        history.resize(position + 1);
        history.push_back(now);
        ++position;
        return true;
    }
    void cancel() { now = history[position]; }
    bool undo() {
        if (position == 0)
            return false;
        now = history[--position];
        return true;
    }
    bool redo() {
        if (position + 1 == history.size())
            return false;
        now = history[++position];
        return true;
    }
};

LabelMap kindsOf(const AnnotationDocument& document) {
    LabelMap kinds = document.provenance().toLabelMap();
    for (std::uint8_t& value : kinds.labels)
        value = static_cast<std::uint8_t>(document.sources()[value].kind);
    return kinds;
}

QByteArray difference(const AnnotationDocument& document, const NaiveState& expected) {
    const QByteArray labels = test::difference(document.labels().toLabelMap(), expected.labels);
    if (!labels.isEmpty())
        return "labels: " + labels;
    const QByteArray kinds = test::difference(kindsOf(document), expected.kinds);
    if (!kinds.isEmpty())
        return "provenance: " + kinds;
    return document.noLesion() == expected.mark ? QByteArray() : QByteArray("mark");
}

ProposalPtr randomProposal(Random& random, Size size) {
    const LabelMap high = blobs(random, size, 1, 4);
    std::vector<float> probabilities;
    for (const std::uint8_t value : high.labels)
        probabilities.push_back(value ? 0.9f : 0.2f);
    return proposal(whole(size), probabilities);
}

const Brush kSmallBrush{BrushShape::Round, 5.0};

PixelArea dab(double x, double y, double diameter, const Rect& bounds) {
    const BrushSample sample{{x, y}, 1.0};
    return brushArea({BrushShape::Round, diameter}, sample, sample, bounds);
}

} // namespace

class TestAnnotationDocument : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void randomWalkAgreesWithNaiveModel_data();
    void randomWalkAgreesWithNaiveModel();
    void twoHundredStepsGoBackAndForth();
    void oneStrokeIsOneStep();
    void droppedStrokeLeavesBytes();
    void secondStrokeIsRefused();
    void strokeOutlivesDocument();
    void lockedLabelsStay();
    void overBackgroundAlone();
    void snapshotsNeverChange();
    void snapshotsAreReadInOtherThreads();
    void snapshotHasNoOpenStroke();
    void thresholdChangesNoByte();
    void proposalsAreUsed();
    void replaceKeepsOutsideTheExtent();
    void provenanceOfAreas();
    void noLesionMark();
    void observersHearOfChanges();
    void dirtyRectanglesHoldEveryChange();
    void savedDocumentsOpenAgain();
    void damagedSnapshotsAreRefused_data();
    void damagedSnapshotsAreRefused();
    void historiesRestAndResume();
    void restoreIsAStep();
    void importIsAStep();
    void labelsAreKept();
    void undoBringsLabelsBack();
    void sourcesNeverOverflow();
};

void TestAnnotationDocument::randomWalkAgreesWithNaiveModel_data() {
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("height");
    QTest::addColumn<int>("steps");
    QTest::newRow("acrossATileBorder") << 540 << 12 << 10000;
    QTest::newRow("small") << 37 << 29 << 3000;
    QTest::newRow("onePixel") << 1 << 1 << 1000;
}

void TestAnnotationDocument::randomWalkAgreesWithNaiveModel() {
    QFETCH(int, width);
    QFETCH(int, height);
    QFETCH(int, steps);
    Random random(91);
    const Size size{width, height};
    AnnotationDocument document(size, {label(1), label(2), label(3)});
    document.setPerson("Ana");
    Naive naive(size);
    std::uint64_t revision = document.revision();
    std::vector<std::pair<AnnotationSnapshot, LabelMap>> kept;
    for (int step = 0; step < steps; ++step) {
        EditRules rules;
        rules.label = static_cast<std::uint8_t>(between(random, 1, 3));
        rules.over = between(random, 0, 3) == 0 ? Over::Background : Over::Anything;
        rules.eraseLabelOnly = between(random, 0, 1) == 0;
        LabelMap scope(size, 1);
        if (between(random, 0, 4) == 0) {
            const Rect rect{between(random, -2, width), between(random, -2, height), between(random, 0, 60),
                            between(random, 0, 20)};
            rules.scope = std::make_shared<PixelArea>(PixelArea::rectangle(intersected(rect, whole(size))));
            scope = rules.scope->toMask(whole(size));
        }
        const auto inScope = [&](const PixelArea& area) {
            LabelMap mask = area.toMask(whole(size));
            for (std::size_t i = 0; i < mask.labels.size(); ++i)
                mask.labels[i] &= scope.labels[i];
            return mask;
        };
        bool changed = false;
        switch (between(random, 0, 11)) {
        case 0:
        case 1:
        case 2:
        case 3: { // a stroke of several events, now and then dropped
            const bool paints = between(random, 0, 2) != 0;
            auto stroke =
                document.beginStroke(paints ? StepKind::BrushStroke : StepKind::EraserStroke, rules);
            BrushSample last{{between(random, -5.0, width + 5.0), between(random, -5.0, height + 5.0)}, 1.0};
            for (int event = between(random, 1, 3); event > 0; --event) {
                const BrushSample next{{last.position.x + between(random, -30.0, 30.0),
                                        last.position.y + between(random, -8.0, 8.0)},
                                       1.0};
                const PixelArea area = brushArea(kSmallBrush, last, next, document.bounds());
                if (paints) {
                    stroke->paint(area);
                    naive.paint(inScope(area), rules);
                } else {
                    stroke->erase(area);
                    naive.erase(inScope(area), rules, rules.eraseLabelOnly);
                }
                last = next;
            }
            if (between(random, 0, 4) == 0) {
                stroke->cancel();
                naive.cancel();
            } else {
                changed = stroke->finish();
                QCOMPARE(changed, naive.finish());
            }
            break;
        }
        case 4: {
            const Ring ring{{between(random, -9.0, width + 9.0), between(random, -9.0, height + 9.0)},
                            {between(random, -9.0, width + 9.0), between(random, -9.0, height + 9.0)},
                            {between(random, -9.0, width + 9.0), between(random, -9.0, height + 9.0)}};
            const PixelArea area = polygonArea(ring, FillRule::NonZero, document.bounds());
            document.paint(StepKind::Polygon, rules, area);
            naive.paint(inScope(area), rules);
            changed = naive.finish();
            break;
        }
        case 5: {
            const MaskEdit edit = between(random, 0, 1)
                                      ? clean(document.labels(), rules.label, rules.scope.get())
                                      : grow(document.labels(), rules.label, 1.5, rules.scope.get());
            document.apply(StepKind::Clean, rules, edit);
            naive.paint(inScope(edit.add), rules);
            naive.erase(inScope(edit.remove), rules, true);
            changed = naive.finish();
            break;
        }
        case 6: {
            const auto from = static_cast<std::uint8_t>(between(random, 1, 3));
            document.replaceLabel(from, rules);
            if (from != rules.label)
                naive.replace(from, rules.label, scope);
            changed = naive.finish();
            break;
        }
        case 7: {
            document.setProposal(randomProposal(random, size));
            const bool replaces = between(random, 0, 1) == 0;
            document.useProposal(rules, replaces ? UseMode::Replace : UseMode::Add);
            const LabelMap inside = inScope(proposalArea(*document.proposal(), 0.5));
            LabelMap outside = scope;
            for (std::size_t i = 0; i < outside.labels.size(); ++i)
                outside.labels[i] &= static_cast<std::uint8_t>(1 - inside.labels[i]);
            naive.paint(inside, rules, true);
            if (replaces) {
                naive.claim(inside, rules.label);
                naive.erase(outside, rules, true, true);
            }
            changed = naive.finish();
            break;
        }
        case 8: {
            const auto value = static_cast<std::uint8_t>(between(random, 1, 3));
            const bool lock = between(random, 0, 2) == 0;
            QVERIFY(document.setLabel(label(value, lock)));
            naive.locked[value] = lock;
            revision = document.revision();
            if (between(random, 0, 9) == 0) {
                document.clearLabel(rules);
                naive.erase(scope, rules, true);
                changed = naive.finish();
            } else if (between(random, 0, 9) == 0 && document.markNoLesion()) {
                naive.erase(LabelMap(size, 1), {}, false);
                naive.now.mark = true;
                changed = naive.finish();
            }
            break;
        }
        case 9:
            changed = document.redo();
            QCOMPARE(changed, naive.redo());
            break;
        default:
            changed = document.undo();
            QCOMPARE(changed, naive.undo());
        }
        const QByteArray found = difference(document, naive.now);
        QVERIFY2(found.isEmpty(), "step " + QByteArray::number(step) + " " + found);
        QCOMPARE(document.revision() != revision, changed);
        revision = document.revision();
        QCOMPARE(document.history().undoCount(), naive.position);
        QCOMPARE(document.history().redoCount(), naive.history.size() - 1 - naive.position);
        if (step % 97 == 0)
            kept.emplace_back(document.snapshot(), naive.now.labels);
    }
    for (const auto& [snapshot, labels] : kept)
        QVERIFY2(test::difference(snapshot.labels.toLabelMap(), labels).isEmpty(), "a snapshot changed");
}

void TestAnnotationDocument::twoHundredStepsGoBackAndForth() {
    Random random(92);
    const Size size{1100, 700};
    AnnotationDocument document(size, {label(1), label(2)});
    document.setProposal(randomProposal(random, size));
    std::vector<AnnotationSnapshot> states{document.snapshot()};
    while (states.size() <= 200) {
        EditRules rules;
        rules.label = static_cast<std::uint8_t>(between(random, 1, 2));
        switch (between(random, 0, 5)) {
        case 0:
            document.useProposal(rules, UseMode::Add);
            break;
        case 1:
            document.erase(
                StepKind::EraserStroke, rules,
                dab(between(random, 0.0, 1100.0), between(random, 0.0, 700.0), 300, document.bounds()));
            break;
        case 2:
            document.apply(StepKind::Clean, rules, clean(document.labels(), rules.label));
            break;
        case 3:
            document.apply(StepKind::Shrink, rules, shrink(document.labels(), rules.label, 3.0));
            break;
        default:
            document.paint(
                StepKind::BrushStroke, rules,
                dab(between(random, 0.0, 1100.0), between(random, 0.0, 700.0), 150, document.bounds()));
        }
        if (document.revision() != states.back().revision)
            states.push_back(document.snapshot());
    }
    const auto same = [&](const AnnotationSnapshot& state) {
        return document.labels() == state.labels && document.provenance() == state.provenance;
    };
    for (int pass = 0; pass < 2; ++pass) {
        for (std::size_t i = states.size() - 1; i > 0; --i) {
            QVERIFY(document.undo());
            QVERIFY2(same(states[i - 1]), QByteArray::number(int(i)));
        }
        QVERIFY(!document.undo());
        for (std::size_t i = 1; i < states.size(); ++i) {
            QVERIFY(document.redo());
            QVERIFY2(same(states[i]), QByteArray::number(int(i)));
        }
        QVERIFY(!document.redo());
    }
}

void TestAnnotationDocument::oneStrokeIsOneStep() {
    AnnotationDocument document({50, 50});
    QVERIFY(document.untouched());
    auto stroke = document.beginStroke(StepKind::BrushStroke, {});
    for (int x = 0; x < 40; ++x)
        stroke->paint(dab(x, 20, 6, document.bounds()));
    QCOMPARE(document.history().undoCount(), std::size_t{0});
    QVERIFY(stroke->finish());
    QVERIFY(!stroke->active());
    QVERIFY(!stroke->finish());
    QCOMPARE(document.history().undoCount(), std::size_t{1});
    QVERIFY(document.history().undoKind() == StepKind::BrushStroke);
    QVERIFY(!document.untouched());
    QVERIFY(document.undo());
    QVERIFY(document.labels().allZero());
    QVERIFY(!document.untouched()); // somebody was here
    // A gesture that changes nothing, or takes its own change back, is no step.
    auto idle = document.beginStroke(StepKind::EraserStroke, {});
    idle->erase(dab(20, 20, 9, document.bounds()));
    QVERIFY(!idle->finish());
    auto undone = document.beginStroke(StepKind::BrushStroke, {});
    undone->paint(PixelArea::rectangle({1, 1, 3, 3}));
    const std::uint64_t revision = document.revision();
    undone->cancel();
    QCOMPARE(document.revision(), revision);
    QCOMPARE(document.history().redoCount(), std::size_t{1}); // still there to be redone
}

void TestAnnotationDocument::droppedStrokeLeavesBytes() {
    Random random(93);
    const Size size{600, 30};
    AnnotationDocument document(size, {label(1), label(2)});
    QVERIFY(document.import(noise(random, size, 2, 0.5)));
    const AnnotationSnapshot before = document.snapshot();
    {
        auto stroke = document.beginStroke(StepKind::BrushStroke, {});
        stroke->paint(PixelArea::rectangle({0, 0, 600, 30}));
        stroke->erase(PixelArea::rectangle({100, 0, 300, 9}));
        QVERIFY(!(document.labels() == before.labels));
    } // destroyed unfinished
    QVERIFY(document.labels() == before.labels);
    QVERIFY(document.provenance() == before.provenance);
    // The very same tiles: nothing to save, nothing to draw.
    QVERIFY(TileMap::differentTiles(document.labels(), before.labels).empty());
    QCOMPARE(document.revision(), before.revision);
    QVERIFY(!document.strokeOpen());
}

void TestAnnotationDocument::secondStrokeIsRefused() {
    AnnotationDocument document({20, 20});
    auto stroke = document.beginStroke(StepKind::BrushStroke, {});
    QVERIFY(!document.beginStroke(StepKind::BrushStroke, {}));
    stroke->paint(PixelArea::rectangle({0, 0, 5, 5}));
    QVERIFY(!document.undo());
    QCOMPARE(document.paint(StepKind::Lasso, {}, PixelArea::rectangle({9, 9, 3, 3})).changedPixels,
             std::size_t{0});
    QVERIFY(!document.markNoLesion());
    QVERIFY(!document.import(LabelMap({20, 20})));
    QVERIFY(stroke->finish());
    QCOMPARE(document.labels().histogram()[1], std::size_t{25});
}

void TestAnnotationDocument::strokeOutlivesDocument() {
    auto document = std::make_unique<AnnotationDocument>(Size{20, 20});
    auto stroke = document->beginStroke(StepKind::BrushStroke, {});
    document.reset();
    QVERIFY(!stroke->active());
    QCOMPARE(stroke->paint(PixelArea::rectangle({0, 0, 5, 5})).changedPixels, std::size_t{0});
    QVERIFY(!stroke->finish());
}

void TestAnnotationDocument::lockedLabelsStay() {
    AnnotationDocument document({10, 10}, {label(1), label(2)});
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({0, 0, 10, 5}));
    QVERIFY(document.setLabel(label(2, true)));
    QVERIFY(document.isLocked(2));
    const EditOutcome over =
        document.paint(StepKind::Lasso, {.label = 1}, PixelArea::rectangle({0, 0, 10, 10}));
    QCOMPARE(over.changedPixels, std::size_t{50});
    QCOMPARE(over.protectedPixels, std::size_t{50});
    QCOMPARE(document.erase(StepKind::EraserStroke, {}, PixelArea::rectangle({0, 0, 10, 5})).changedPixels,
             std::size_t{0});
    // Painting a locked label has no effect either, and the outcome says that something was in the way.
    const EditOutcome into =
        document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({0, 5, 10, 5}));
    QCOMPARE(into.changedPixels, std::size_t{0});
    QCOMPARE(into.protectedPixels, std::size_t{50});
    QCOMPARE(document.clearLabel({.label = 2}).changedPixels, std::size_t{0});
    QCOMPARE(document.replaceLabel(2, {.label = 1}).changedPixels, std::size_t{0});
    QCOMPARE(document.replaceLabel(1, {.label = 2}).changedPixels, std::size_t{0});
    QVERIFY(!document.markNoLesion());
    document.setProposal(proposal({0, 0, 10, 10}, std::vector<float>(100, 0.1f)));
    QCOMPARE(document.useProposal({.label = 2}, UseMode::Replace).changedPixels, std::size_t{0});
    QCOMPARE(document.labels().histogram()[2], std::size_t{50});
    QCOMPARE(document.history().undoCount(), std::size_t{2});
}

void TestAnnotationDocument::overBackgroundAlone() {
    AnnotationDocument document({10, 10}, {label(1), label(2)});
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({0, 0, 10, 5}));
    const EditOutcome outcome = document.paint(StepKind::Lasso, {.label = 1, .over = Over::Background},
                                               PixelArea::rectangle({0, 0, 10, 10}));
    QCOMPARE(outcome.changedPixels, std::size_t{50});
    QCOMPARE(document.labels().histogram()[2], std::size_t{50});
    // Areas that reach beyond the image are cut.
    QCOMPARE(
        document.erase(StepKind::EraserStroke, {}, PixelArea::rectangle({-50, -50, 200, 200})).changedPixels,
        std::size_t{100});
    QCOMPARE(document.paint(StepKind::Lasso, {.label = 0}, PixelArea::rectangle({0, 0, 9, 9})).changedPixels,
             std::size_t{0});
}

void TestAnnotationDocument::snapshotsNeverChange() {
    Random random(94);
    AnnotationDocument document({700, 600});
    std::vector<std::pair<AnnotationSnapshot, LabelMap>> kept;
    for (int i = 0; i < 30; ++i) {
        document.paint(StepKind::BrushStroke, {},
                       dab(between(random, 0.0, 700.0), between(random, 0.0, 600.0), 80, document.bounds()));
        if (i % 4 == 0)
            document.undo();
        kept.emplace_back(document.snapshot(), document.labels().toLabelMap());
    }
    for (const auto& [snapshot, labels] : kept)
        QVERIFY(test::difference(snapshot.labels.toLabelMap(), labels).isEmpty());
}

// What a saver does: snapshots are read in its thread while strokes, undo and redo go on here. (Under the
// thread sanitizer this is the proof that no byte is written while it is read.)
void TestAnnotationDocument::snapshotsAreReadInOtherThreads() {
    Random random(99);
    const Size size{1000, 700};
    AnnotationDocument document(size);
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::pair<AnnotationSnapshot, std::size_t>> waiting;
    bool done = false;
    int wrong = 0;
    std::thread saver([&] {
        std::unique_lock lock(mutex);
        for (;;) {
            wake.wait(lock, [&] { return done || !waiting.empty(); });
            if (waiting.empty())
                return;
            const auto [snapshot, expected] = std::move(waiting.front());
            waiting.pop_front();
            lock.unlock();
            const bool same = snapshot.labels.histogram()[1] == expected;
            lock.lock();
            wrong += same ? 0 : 1;
        }
    });
    for (int step = 0; step < 200; ++step) {
        auto stroke = document.beginStroke(StepKind::BrushStroke, {});
        const PixelArea area =
            dab(between(random, 0.0, 1000.0), between(random, 0.0, 700.0), 120, document.bounds());
        if (step % 3 == 0)
            stroke->erase(area);
        else
            stroke->paint(area);
        stroke->finish();
        if (step % 5 == 0)
            document.undo();
        const std::size_t expected = document.labels().histogram()[1];
        const std::lock_guard lock(mutex);
        waiting.emplace_back(document.snapshot(), expected);
        wake.notify_one();
    }
    {
        const std::lock_guard lock(mutex);
        done = true;
    }
    wake.notify_one();
    saver.join();
    QCOMPARE(wrong, 0);
}

void TestAnnotationDocument::snapshotHasNoOpenStroke() {
    AnnotationDocument document({30, 30});
    document.markNoLesion();
    auto stroke = document.beginStroke(StepKind::BrushStroke, {});
    stroke->paint(PixelArea::rectangle({0, 0, 9, 9}));
    QVERIFY(!document.noLesion());
    const AnnotationSnapshot open = document.snapshot();
    QVERIFY(open.labels.allZero());
    QVERIFY(open.noLesion);
    stroke->finish();
    QCOMPARE(document.snapshot().labels.histogram()[1], std::size_t{81});
    QVERIFY(!document.snapshot().noLesion);
}

void TestAnnotationDocument::thresholdChangesNoByte() {
    Random random(95);
    AnnotationDocument document({64, 64});
    document.setProposal(randomProposal(random, {64, 64}));
    document.useProposal({}, UseMode::Add);
    const AnnotationSnapshot before = document.snapshot();
    int heard = 0;
    document.addObserver([&](const DocumentChange& change) {
        ++heard;
        QVERIFY(change.threshold && !change.pixels && !change.content);
    });
    document.setThreshold(0.95f);
    document.setThreshold(0.05f);
    document.setThreshold(0.05f);
    QCOMPARE(heard, 2);
    QVERIFY(document.labels() == before.labels);
    QCOMPARE(document.revision(), before.revision);
    QCOMPARE(document.threshold(), 0.05f);
    document.setThreshold(std::nanf(""));
    QCOMPARE(document.threshold(), 0.0f);
    document.setThreshold(5.0f);
    QCOMPARE(document.threshold(), 1.0f);
    QVERIFY(document.thresholdMoved());
    document.resetThreshold();
    QCOMPARE(document.threshold(), 0.5f);
}

void TestAnnotationDocument::proposalsAreUsed() {
    AnnotationDocument document({4, 1}, {label(1), label(2)});
    document.setProposal(proposal({0, 0, 4, 1}, {0.9f, 0.6f, 0.1f, 0.8f}));
    QVERIFY(!document.hasHandEdits());
    document.paint(StepKind::Lasso, {.label = 1}, PixelArea::rectangle({2, 0, 1, 1}));
    QVERIFY(document.hasHandEdits());
    const PixelArea left = PixelArea::rectangle({0, 0, 2, 1});
    QVERIFY(!document.hasHandEdits(&left));
    QCOMPARE(document.useProposal({}, UseMode::Add).changedPixels, std::size_t{3});
    QVERIFY((document.labels().toLabelMap().labels == std::vector<std::uint8_t>{1, 1, 1, 1}));
    document.setThreshold(0.7f);
    QCOMPARE(document.useProposal({}, UseMode::Replace).changedPixels, std::size_t{2});
    QVERIFY((document.labels().toLabelMap().labels == std::vector<std::uint8_t>{1, 0, 0, 1}));
    QVERIFY(!document.hasHandEdits());
    document.undo();
    QVERIFY((document.labels().toLabelMap().labels == std::vector<std::uint8_t>{1, 1, 1, 1}));
    document.clearLabel({});
    QCOMPARE(document.useProposalPart({.label = 2}, 3, 0).changedPixels, std::size_t{1});
    QVERIFY((document.labels().toLabelMap().labels == std::vector<std::uint8_t>{0, 0, 0, 2}));
    document.setProposal(nullptr);
    QCOMPARE(document.useProposal({}, UseMode::Add).changedPixels, std::size_t{0});
}

void TestAnnotationDocument::replaceKeepsOutsideTheExtent() {
    AnnotationDocument document({6, 1});
    document.paint(StepKind::Lasso, {}, PixelArea::rectangle({0, 0, 6, 1}));
    document.setProposal(proposal({2, 0, 2, 1}, {0.1f, 0.9f}));
    document.useProposal({}, UseMode::Replace);
    QVERIFY((document.labels().toLabelMap().labels == std::vector<std::uint8_t>{1, 1, 0, 1, 1, 1}));
}

void TestAnnotationDocument::provenanceOfAreas() {
    AnnotationDocument document({10, 10}, {label(1), label(2)});
    std::int64_t time = 1000;
    document.setClock([&] { return time; });
    document.setPerson("Ana");
    QVERIFY(document.labelProvenance(1).kind == ProvenanceKind::None);
    std::vector<float> half(100, 0.0f);
    std::fill(half.begin(), half.begin() + 50, 1.0f);
    document.setProposal(proposal({0, 0, 10, 10}, half, "dermoscopy"));
    document.useProposal({}, UseMode::Add);
    QVERIFY(document.labelProvenance(1).kind == ProvenanceKind::Model);
    const ProvenanceSource& model = document.sourceAt(0, 0);
    QCOMPARE(QString::fromStdString(model.model.name), QStringLiteral("dermoscopy"));
    QCOMPARE(model.threshold, 0.5f);
    QCOMPARE(QString::fromStdString(model.person), QStringLiteral("Ana"));
    QCOMPARE(model.firstTimeMs, std::int64_t{1000});

    // Erasing a corner of it by hand makes it edited, although each remaining pixel is the model's.
    time = 2000;
    document.setPerson("Ben");
    document.erase(StepKind::EraserStroke, {}, PixelArea::rectangle({0, 0, 2, 2}));
    LabelProvenance provenance = document.labelProvenance(1);
    QVERIFY(provenance.kind == ProvenanceKind::ModelEdited);
    QCOMPARE(provenance.erasedModelPixels, std::size_t{4});
    QCOMPARE(provenance.pixels[static_cast<std::size_t>(ProvenanceKind::Model)], std::size_t{46});
    const ProvenanceSource& erased = document.sourceAt(0, 0);
    QVERIFY(erased.kind == ProvenanceKind::ModelEdited);
    QCOMPARE(QString::fromStdString(erased.person), QStringLiteral("Ben"));
    QCOMPARE(QString::fromStdString(erased.model.name), QStringLiteral("dermoscopy"));
    QVERIFY(document.undo());
    QVERIFY(document.labelProvenance(1).kind == ProvenanceKind::Model);

    // Another label where no model was is manual; beside model pixels of the same label it makes an edited
    // area.
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({0, 7, 3, 3}));
    QVERIFY(document.labelProvenance(2).kind == ProvenanceKind::Manual);
    document.paint(StepKind::Lasso, {.label = 1}, PixelArea::rectangle({5, 7, 3, 3}));
    provenance = document.labelProvenance(1);
    QVERIFY(provenance.kind == ProvenanceKind::ModelEdited);
    QCOMPARE(provenance.pixels[static_cast<std::size_t>(ProvenanceKind::Manual)], std::size_t{9});
    // The same person at the same threshold is one source, whose times widen.
    const std::size_t sources = document.sources().size();
    time = 3000;
    document.paint(StepKind::Lasso, {.label = 2}, PixelArea::rectangle({0, 6, 1, 1}));
    QCOMPARE(document.sources().size(), sources);
    QCOMPARE(document.sourceAt(0, 6).firstTimeMs, std::int64_t{2000});
    QCOMPARE(document.sourceAt(0, 6).lastTimeMs, std::int64_t{3000});
}

void TestAnnotationDocument::noLesionMark() {
    AnnotationDocument document({8, 8});
    document.paint(StepKind::BrushStroke, {}, PixelArea::rectangle({1, 1, 4, 4}));
    QVERIFY(document.markNoLesion());
    QVERIFY(document.noLesion());
    QVERIFY(document.labels().allZero());
    QVERIFY(document.history().undoKind() == StepKind::MarkNoLesion);
    QVERIFY(document.markNoLesion()); // again: nothing more to do
    QCOMPARE(document.history().undoCount(), std::size_t{2});
    document.undo();
    QVERIFY(!document.noLesion());
    QCOMPARE(document.labels().histogram()[1], std::size_t{16});
    document.redo();
    QVERIFY(document.noLesion());
    document.paint(StepKind::BrushStroke, {}, PixelArea::rectangle({1, 1, 1, 1}));
    QVERIFY(!document.noLesion());
    document.undo();
    QVERIFY(document.noLesion());
    QVERIFY(document.removeNoLesionMark());
    QVERIFY(!document.noLesion());
    QVERIFY(!document.removeNoLesionMark());
    AnnotationDocument empty({8, 8});
    QVERIFY(empty.markNoLesion());
    QVERIFY(!empty.untouched());
    QVERIFY(empty.undo());
    QVERIFY(!empty.noLesion());
}

void TestAnnotationDocument::observersHearOfChanges() {
    AnnotationDocument document({600, 20});
    std::vector<DocumentChange> changes;
    const int id = document.addObserver([&](const DocumentChange& change) { changes.push_back(change); });
    auto stroke = document.beginStroke(StepKind::BrushStroke, {});
    stroke->paint(PixelArea::rectangle({500, 3, 30, 4}));
    QCOMPARE(changes.size(), std::size_t{1});
    QVERIFY(changes[0].pixels && !changes[0].content);
    QVERIFY((changes[0].dirty == std::vector<Rect>{{500, 3, 12, 4}, {512, 3, 18, 4}}));
    stroke->paint(PixelArea::rectangle({500, 3, 30, 4})); // nothing new
    QCOMPARE(changes.size(), std::size_t{1});
    stroke->finish();
    QCOMPARE(changes.size(), std::size_t{2});
    QVERIFY(changes[1].content && changes[1].history && !changes[1].pixels);
    QVERIFY((document.lastChange() == Rect{500, 3, 30, 4}));
    document.undo();
    QVERIFY(changes[2].pixels && changes[2].content && changes[2].history);
    QVERIFY(document.setLabel(label(5)));
    QVERIFY(changes[3].labels && changes[3].content);
    document.setProposal(proposal({0, 0, 1, 1}, {0.5f}));
    QVERIFY(changes[4].proposal && !changes[4].content);
    document.removeObserver(id);
    document.redo();
    QCOMPARE(changes.size(), std::size_t{5});
}

// A window that draws the dirty rectangles alone must show the truth.
void TestAnnotationDocument::dirtyRectanglesHoldEveryChange() {
    Random random(96);
    const Size size{1100, 40};
    AnnotationDocument document(size, {label(1), label(2)});
    LabelMap shown(size);
    document.addObserver([&](const DocumentChange& change) {
        for (const Rect& rect : change.dirty)
            document.labels().read(rect, &shown.at(rect.x, rect.y), static_cast<std::size_t>(size.width));
    });
    for (int step = 0; step < 300; ++step) {
        EditRules rules;
        rules.label = static_cast<std::uint8_t>(between(random, 1, 2));
        auto stroke = document.beginStroke(StepKind::BrushStroke, rules);
        stroke->paint(dab(between(random, 0.0, 1100.0), between(random, 0.0, 40.0), 30, document.bounds()));
        stroke->erase(dab(between(random, 0.0, 1100.0), between(random, 0.0, 40.0), 60, document.bounds()));
        if (step % 3 == 0)
            stroke->cancel();
        else
            stroke->finish();
        if (step % 4 == 0)
            document.undo();
        if (step % 16 == 0)
            document.redo();
        if (step % 50 == 0) {
            LabelMap map = noise(random, size, 2, 0.1);
            QVERIFY(document.import(map));
        }
        QVERIFY2(test::difference(shown, document.labels().toLabelMap()).isEmpty(),
                 test::difference(shown, document.labels().toLabelMap()));
    }
}

void TestAnnotationDocument::savedDocumentsOpenAgain() {
    Random random(97);
    const Size size{600, 40};
    AnnotationDocument document(size, {label(1), label(2)});
    document.setPerson("Ana");
    document.setProposal(randomProposal(random, size));
    document.setThreshold(0.25f);
    document.useProposal({}, UseMode::Add);
    document.paint(StepKind::BrushStroke, {.label = 2}, PixelArea::rectangle({500, 5, 30, 9}));
    const AnnotationSnapshot saved = document.snapshot();
    const auto opened = AnnotationDocument::open(size, saved);
    QVERIFY(opened);
    QVERIFY((*opened)->labels() == saved.labels);
    QVERIFY((*opened)->provenance() == saved.provenance);
    QVERIFY((*opened)->sources() == saved.sources);
    QVERIFY((*opened)->labelTable() == saved.labelTable);
    QCOMPARE((*opened)->threshold(), 0.25f);
    QCOMPARE((*opened)->revision(), saved.revision);
    QVERIFY(!(*opened)->untouched());
    QVERIFY(!(*opened)->undo());
    const auto fresh = AnnotationDocument::open(size, AnnotationDocument(size).snapshot());
    QVERIFY(fresh);
    QVERIFY((*fresh)->untouched());
}

void TestAnnotationDocument::damagedSnapshotsAreRefused_data() {
    QTest::addColumn<int>("damage");
    QTest::newRow("otherSize") << 0;
    QTest::newRow("provenanceOfOtherSize") << 1;
    QTest::newRow("noTable") << 2;
    QTest::newRow("sourceBeyondTable") << 3;
    QTest::newRow("labelZero") << 4;
    QTest::newRow("tableTooLong") << 5;
}

void TestAnnotationDocument::damagedSnapshotsAreRefused() {
    QFETCH(int, damage);
    const Size size{30, 30};
    AnnotationDocument document(size);
    document.paint(StepKind::BrushStroke, {}, PixelArea::rectangle({1, 1, 4, 4}));
    AnnotationSnapshot snapshot = document.snapshot();
    if (damage == 0)
        snapshot.labels = TileMap(Size{30, 31});
    if (damage == 1)
        snapshot.provenance = TileMap(Size{31, 30});
    if (damage == 2)
        snapshot.sources.clear();
    if (damage == 3)
        snapshot.provenance = TileMap(LabelMap(size, 2));
    if (damage == 4)
        snapshot.labelTable.push_back(label(0));
    if (damage == 5)
        snapshot.sources.resize(257);
    const auto opened = AnnotationDocument::open(size, snapshot);
    QVERIFY(!opened);
    QVERIFY(opened.error().code == ErrorCode::InvalidArgument);
    QVERIFY(!opened.error().message().empty());
}

// While an annotation is out of memory, its steps are kept; they fit it alone.
void TestAnnotationDocument::historiesRestAndResume() {
    AnnotationDocument first({700, 600});
    const PixelArea left = PixelArea::rectangle({10, 10, 200, 300});
    const PixelArea right = PixelArea::rectangle({480, 480, 100, 100}); // across tiles
    (void)first.paint(StepKind::BrushStroke, {}, left);
    (void)first.paint(StepKind::Lasso, {}, right);
    const LabelMap both = first.labels().toLabelMap();
    (void)first.erase(StepKind::EraserStroke, {}, left);
    QVERIFY(first.undo()); // one to redo
    const AnnotationSnapshot saved = first.snapshot();
    AnnotationDocument::RestingHistory resting = first.restHistory();
    QVERIFY(!first.history().canUndo() && !first.history().canRedo());

    auto again = AnnotationDocument::open({700, 600}, saved);
    QVERIFY(again.ok());
    AnnotationDocument& document = **again;
    QVERIFY(document.resumeHistory(resting));
    QVERIFY(!document.untouched());
    QCOMPARE(document.history().undoCount(), std::size_t(2));
    QVERIFY(document.redo());
    QCOMPARE(document.labels().at(100, 100), std::uint8_t(0));
    for (int i = 0; i < 3; ++i)
        QVERIFY(document.undo());
    QVERIFY(document.labels().allZero());
    QVERIFY(document.redo() && document.redo());
    QVERIFY(document.labels().toLabelMap() == both);

    // Another annotation, or steps of its own: it stays as it is.
    QVERIFY(!document.resumeHistory(resting));
    auto other = AnnotationDocument::open({700, 600}, saved);
    QVERIFY(other.ok());
    (void)(*other)->paint(StepKind::BrushStroke, {}, PixelArea::rectangle({0, 0, 1, 1}));
    AnnotationDocument changed({700, 600});
    QVERIFY(!changed.resumeHistory(resting));
    QVERIFY(!(*other)->resumeHistory(resting));
    QCOMPARE((*other)->history().undoCount(), std::size_t(1));
}

void TestAnnotationDocument::restoreIsAStep() {
    AnnotationDocument document({30, 30}, {label(1), label(2)});
    document.setPerson("Ana");
    document.paint(StepKind::BrushStroke, {.label = 2}, PixelArea::rectangle({1, 1, 4, 4}));
    const AnnotationSnapshot early = document.snapshot();
    document.setPerson("Ben");
    document.clearLabel({.label = 2});
    document.markNoLesion();
    const AnnotationSnapshot late = document.snapshot();
    QVERIFY(document.restore(early));
    QVERIFY(document.labels() == early.labels);
    QVERIFY(!document.noLesion());
    QCOMPARE(QString::fromStdString(document.sourceAt(2, 2).person), QStringLiteral("Ana"));
    QVERIFY(document.history().undoKind() == StepKind::RestoreVersion);
    document.undo();
    QVERIFY(document.labels() == late.labels);
    QVERIFY(document.noLesion());

    // Another person's version: its sources and labels join the tables.
    AnnotationDocument other({30, 30}, {label(7)});
    other.setPerson("Cleo");
    other.paint(StepKind::BrushStroke, {.label = 7}, PixelArea::rectangle({9, 9, 4, 4}));
    QVERIFY(document.restore(other.snapshot()));
    QVERIFY(document.findLabel(7));
    QCOMPARE(QString::fromStdString(document.sourceAt(9, 9).person), QStringLiteral("Cleo"));
    QVERIFY(document.labels() == other.labels());
    QVERIFY(!document.restore(AnnotationDocument({5, 5}).snapshot()));
}

void TestAnnotationDocument::importIsAStep() {
    Random random(98);
    AnnotationDocument document({530, 20});
    document.setPerson("Ana");
    const LabelMap map = noise(random, {530, 20}, 4, 0.4);
    QVERIFY(document.import(map));
    QVERIFY(test::difference(document.labels().toLabelMap(), map).isEmpty());
    QCOMPARE(document.labelTable().size(), std::size_t{4}); // rows for the values that had none
    QVERIFY(document.labelProvenance(4).kind == ProvenanceKind::Manual);
    QCOMPARE(document.history().undoCount(), std::size_t{1});
    document.undo();
    QVERIFY(document.labels().allZero());
    QVERIFY(!document.import(LabelMap({3, 3})));
}

void TestAnnotationDocument::labelsAreKept() {
    AnnotationDocument document({9, 9});
    QCOMPARE(document.labelTable().size(), std::size_t{1});
    QVERIFY(!document.setLabel(label(0)));
    const std::optional<Label> next = document.suggestLabel();
    QVERIFY(next);
    QCOMPARE(int(next->value), 2);
    QVERIFY(!(next->color == document.labelTable()[0].color));
    QVERIFY(document.setLabel(*next));
    document.paint(StepKind::BrushStroke, {.label = 2}, PixelArea::rectangle({0, 0, 2, 2}));
    QVERIFY(!document.removeLabel(2));
    QVERIFY(!document.removeLabel(9));
    document.clearLabel({.label = 2});
    QVERIFY(document.removeLabel(2));
    QVERIFY(!document.removeLabel(1)); // the last one
    for (int value = 2; value < 256; ++value)
        QVERIFY(document.setLabel(label(static_cast<std::uint8_t>(value))));
    QVERIFY(!document.suggestLabel());
}

void TestAnnotationDocument::undoBringsLabelsBack() {
    AnnotationDocument document({9, 9}, {label(1), label(2)});
    document.paint(StepKind::BrushStroke, {.label = 2}, PixelArea::rectangle({0, 0, 2, 2}));
    document.clearLabel({.label = 2});
    QVERIFY(document.removeLabel(2));
    QVERIFY(!document.findLabel(2));
    document.undo();
    QVERIFY(document.findLabel(2));
    QCOMPARE(QString::fromStdString(document.findLabel(2)->name), QStringLiteral("L2"));
}

void TestAnnotationDocument::sourcesNeverOverflow() {
    AnnotationDocument document({400, 1});
    document.setProposal(proposal({0, 0, 400, 1}, std::vector<float>(400, 1.0f)));
    for (int i = 0; i < 400; ++i) {
        document.setThreshold(static_cast<float>(i) / 400.0f);
        EditRules rules;
        rules.scope = std::make_shared<PixelArea>(PixelArea::rectangle({i, 0, 1, 1}));
        QCOMPARE(document.useProposal(rules, UseMode::Add).changedPixels, std::size_t{1});
    }
    document.setPerson("Ana");
    document.erase(StepKind::EraserStroke, {}, PixelArea::rectangle({0, 0, 1, 1}));
    QVERIFY(document.sources().size() <= 256);
    QVERIFY(document.labelProvenance(1).pixels[static_cast<std::size_t>(ProvenanceKind::Model)] == 399);
}

QTEST_APPLESS_MAIN(TestAnnotationDocument)
#include "tst_annotation_document.moc"
