// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: filters combine, words are found in any case, orders are natural and stable with unknown figures
// last, counts agree with filters. Expected lists are made by hand, and by a plain loop for a random
// worklist.
#include "app/project/worklist.h"
#include "tests/io/store/store_testing.h"

#include <QElapsedTimer>
#include <QTest>

#include <algorithm>

using namespace limn;
using namespace limn::testing;

namespace {

ImageRecord recordOf(ImageId id, const std::string& path) {
    ImageRecord record;
    record.id = id;
    record.path = path;
    record.position = id;
    return record;
}

} // namespace

class TestWorklist : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void namesAreInNaturalOrder() {
        Worklist list;
        list.reset({recordOf(1, "img10.png"), recordOf(2, "IMG2.png"), recordOf(3, "img1.png"),
                    recordOf(4, "img002b.png"), recordOf(5, "a/img3.png")});
        QCOMPARE(list.select({}, WorklistOrder::Name), (std::vector<ImageId>{5, 3, 2, 4, 1}));
        QCOMPARE(list.select({}, WorklistOrder::Name, true), (std::vector<ImageId>{1, 4, 2, 3, 5}));
        list.add({recordOf(6, "img1a.png")});
        QCOMPARE(list.select({}, WorklistOrder::Name), (std::vector<ImageId>{5, 3, 6, 2, 4, 1}));
    }

    void wordsAreFoundInAnyCaseAndAllMustBeThere() {
        Worklist list;
        list.reset({recordOf(1, "Arm/Nevus_01.png"), recordOf(2, "arm/other.png"),
                    recordOf(3, "R\xc3\x9c"
                                "CKEN/nevus.png")});
        WorklistFilter filter;
        filter.text = "nevus";
        QCOMPARE(list.select(filter), (std::vector<ImageId>{1, 3}));
        filter.text = " ARM  nevus ";
        QCOMPARE(list.select(filter), std::vector<ImageId>{1});
        filter.text = "r\xc3\xbc"
                      "cken";
        QCOMPARE(list.select(filter), std::vector<ImageId>{3});
        filter.text = "absent";
        QVERIFY(list.select(filter).empty());
    }

    void unknownFiguresComeLastBothWays() {
        Worklist list;
        std::vector<ImageRecord> records;
        for (ImageId id = 1; id <= 4; ++id)
            records.push_back(recordOf(id, std::to_string(id)));
        records[0].uncertainty = 5.0;
        records[2].uncertainty = 50.0;
        list.reset(records);
        QCOMPARE(list.select({}, WorklistOrder::Uncertainty), (std::vector<ImageId>{1, 3, 2, 4}));
        QCOMPARE(list.select({}, WorklistOrder::Uncertainty, true), (std::vector<ImageId>{3, 1, 2, 4}));
    }

    void filtersAgreeWithAPlainLoop() {
        Random random(7);
        std::vector<ImageRecord> records;
        for (ImageId id = 1; id <= 2000; ++id) {
            ImageRecord record =
                recordOf(id, "case" + std::to_string(random.below(500)) + "_" + std::to_string(id));
            record.state = kReviewStates[static_cast<std::size_t>(random.below(6))];
            record.flagged = random.below(5) == 0;
            record.noLesion = random.below(7) == 0;
            record.assignee = random.below(3);
            record.lastEditMs = random.below(3) ? random.below(100000) : 0;
            if (random.below(20) == 0)
                record.trouble = "broken";
            records.push_back(record);
        }
        Worklist list;
        list.reset(records);
        WorklistFilter filter;
        filter.states = {ReviewState::New, ReviewState::Rejected};
        filter.flagged = false;
        filter.noLesion = false;
        filter.unusable = false;
        filter.assignee = 1;
        filter.text = "case4";
        std::vector<ImageRecord> expected;
        for (const ImageRecord& record : records) {
            if ((record.state == ReviewState::New || record.state == ReviewState::Rejected) &&
                !record.flagged && !record.noLesion && record.trouble.empty() && record.assignee == 1 &&
                record.path.find("case4") != std::string::npos)
                expected.push_back(record);
        }
        QVERIFY(expected.size() > 10);
        std::stable_sort(expected.begin(), expected.end(), [](const ImageRecord& a, const ImageRecord& b) {
            const bool aKnown = a.lastEditMs > 0;
            const bool bKnown = b.lastEditMs > 0;
            return aKnown != bKnown ? aKnown : aKnown && a.lastEditMs > b.lastEditMs;
        });
        std::vector<ImageId> ids;
        for (const ImageRecord& record : expected)
            ids.push_back(record.id);
        QCOMPARE(list.select(filter, WorklistOrder::LastEdit, true), ids);
        QCOMPARE(list.counts(filter).total, ids.size());
        const WorklistCounts all = list.counts();
        QCOMPARE(all.total, records.size());
        std::size_t sum = 0;
        for (std::size_t count : all.byState)
            sum += count;
        QCOMPARE(sum, all.total);
    }

    // Ten thousand rows by each order, within what a person takes for at once. The best of three, since
    // others may have the machine.
    void tenThousandRowsAreSortedAtOnce() {
        Random random(11);
        std::vector<ImageRecord> records;
        for (ImageId id = 1; id <= 10000; ++id) {
            ImageRecord record = recordOf(id, "Case " + std::to_string(random.below(100000)) + ".jpg");
            record.state = kReviewStates[static_cast<std::size_t>(random.below(6))];
            record.uncertainty = random.below(1000) / 10.0;
            record.areaPixels = random.below(1000000);
            record.change = random.below(1000) / 10.0;
            record.lastEditMs = random.below(100000);
            records.push_back(record);
        }
        for (const WorklistOrder order :
             {WorklistOrder::Project, WorklistOrder::Name, WorklistOrder::State, WorklistOrder::Uncertainty,
              WorklistOrder::Area, WorklistOrder::Change, WorklistOrder::LastEdit}) {
            double best = 1e9;
            for (int i = 0; i < 3; ++i) {
                Worklist list;
                list.reset(records);
                list.add({recordOf(10001, "one more.jpg")}); // names have to be ranked again
                QElapsedTimer clock;
                clock.start();
                QCOMPARE(list.select({}, order, true).size(), std::size_t(10001));
                best = std::min(best, static_cast<double>(clock.nsecsElapsed()) / 1e6);
            }
            QVERIFY2(best < 100,
                     qPrintable(QStringLiteral("order %1: %2 ms").arg(static_cast<int>(order)).arg(best)));
        }
    }

    void whatWaitsForWhom() {
        constexpr PersonId ana = 1, ben = 2;
        const auto waits = [](ReviewState state, PersonId editor, PersonId assignee, PersonId person) {
            ImageRecord record = recordOf(1, "a");
            record.state = state;
            record.lastEditor = editor;
            record.assignee = assignee;
            return waitsFor(record, person);
        };
        QVERIFY(waits(ReviewState::New, kNobody, kNobody, ana));
        QVERIFY(waits(ReviewState::Proposed, kNobody, ana, ana));
        QVERIFY(!waits(ReviewState::Proposed, kNobody, ana, ben));
        QVERIFY(waits(ReviewState::InProgress, ana, kNobody, ana));
        QVERIFY(!waits(ReviewState::Submitted, ana, kNobody, ana));
        QVERIFY(waits(ReviewState::Submitted, ana, kNobody, ben));
        QVERIFY(waits(ReviewState::Rejected, ana, kNobody, ana));
        QVERIFY(waits(ReviewState::Rejected, ana, ben, ana));
        QVERIFY(!waits(ReviewState::Rejected, ana, kNobody, ben));
        QVERIFY(!waits(ReviewState::Rejected, kNobody, kNobody, ana));
        QVERIFY(!waits(ReviewState::Accepted, ana, kNobody, ana));
        // One's own rejection is a decision, another's is work.
        ImageRecord rejected = recordOf(1, "a");
        rejected.state = ReviewState::Rejected;
        rejected.lastEditor = rejected.rejectedBy = ana;
        QVERIFY(!waitsFor(rejected, ana) && !sentBack(rejected));
        rejected.rejectedBy = ben;
        QVERIFY(waitsFor(rejected, ana) && !waitsFor(rejected, ben) && sentBack(rejected));
        Worklist three;
        ImageRecord own = rejected, unedited = rejected;
        own.rejectedBy = ana;
        own.id = 2;
        unedited.lastEditor = kNobody;
        unedited.id = 3;
        three.reset({rejected, own, unedited});
        QCOMPARE(three.counts().sentBack, std::size_t(1));
        QCOMPARE(three.counts().todo(), std::size_t(1));
        ImageRecord broken = recordOf(1, "a");
        broken.trouble = "broken";
        QVERIFY(!waitsFor(broken, ana));

        Worklist list;
        std::vector<ImageRecord> records = {recordOf(1, "a"), recordOf(2, "b"), recordOf(3, "c"),
                                            recordOf(4, "d")};
        records[0].assignee = ana;
        records[1].lastEditor = ana;
        records[2].lastEditor = ana;
        records[2].assignee = ben;
        records[3].state = ReviewState::Accepted;
        list.reset(records);
        WorklistFilter filter;
        filter.mine = ana;
        QCOMPARE(list.select(filter), (std::vector<ImageId>{1, 2}));
        filter = {};
        filter.todoOf = ana;
        QCOMPARE(list.select(filter), (std::vector<ImageId>{1, 2}));
        QCOMPARE(list.counts(filter).total, std::size_t(2));
    }

    void changesAreSeenAtOnce() {
        Worklist list;
        list.reset({recordOf(1, "a"), recordOf(2, "b"), recordOf(3, "c")});
        const std::size_t before = list.changeNumber();
        ImageRecord renamed = *list.find(2);
        renamed.path = "z";
        QVERIFY(list.update(renamed));
        QVERIFY(!list.update(recordOf(9, "none")));
        QVERIFY(list.changeNumber() != before);
        QVERIFY(!list.findPath("b"));
        QCOMPARE(list.findPath("z")->id, ImageId(2));
        const ImageId gone[] = {1, 77};
        list.remove(gone);
        QVERIFY(!list.find(1));
        QCOMPARE(list.select({}, WorklistOrder::Name, true), (std::vector<ImageId>{2, 3}));
        list.add({recordOf(4, "y"), [] {
                      ImageRecord early = recordOf(5, "x");
                      early.position = 0;
                      return early;
                  }()});
        QCOMPARE(list.select({}), (std::vector<ImageId>{5, 2, 3, 4}));
    }
};

QTEST_APPLESS_MAIN(TestWorklist)
#include "tst_worklist.moc"
