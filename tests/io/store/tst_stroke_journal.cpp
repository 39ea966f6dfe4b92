// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: what was appended is read back and gives the same annotation, from its base and from any state
// behind it; a file that is cut or torn anywhere gives its whole records and no others; the next round leaves
// nothing of the last; opening a project takes over what a killed program left, never twice, beside a save
// that came between and never for what was removed; a reader sees it too; a foreign journal is kept aside.
// Decisions come back too, once, in their order and between the strokes that they were made between; what can
// never be taken is kept aside.
#include "io/store/stroke_journal.h"
#include "tests/io/store/store_testing.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <deque>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{700, 600};

// A series of states of one image, each made of the one before by a stroke.
class Series {
public:
    explicit Series(ImageId image, std::uint64_t seed) : m_image(image), m_random(seed), m_map(kSize) {}

    const StoredAnnotation& next() {
        for (int i = 0; i < 2; ++i)
            fillRect(
                m_map,
                {m_random.below(700), m_random.below(600), 1 + m_random.below(200), 1 + m_random.below(200)},
                static_cast<std::uint8_t>(m_random.below(4)));
        m_map.labels[0] = static_cast<std::uint8_t>(m_states.size() + 1);
        StoredAnnotation now =
            annotationOf(m_image, kAgreed, m_map, m_states.empty() ? nullptr : &m_states.back().labels);
        now.provenanceMap = tilesFromLabelMap(m_map, m_states.empty() ? nullptr : &m_states.back().labels);
        now.threshold = 0.01 * static_cast<double>(m_states.size());
        m_states.push_back(now);
        return m_states.back();
    }
    const StoredAnnotation& at(std::size_t i) const { return m_states[i]; }

private:
    ImageId m_image;
    Random m_random;
    LabelMap m_map;
    std::deque<StoredAnnotation> m_states; // states that were given out stay where they are
};

bool same(const StoredAnnotation& a, const StoredAnnotation& b) {
    return sameContent(a.labels, b.labels) && sameContent(a.provenanceMap, b.provenanceMap) &&
           a.labelTable == b.labelTable && a.provenance == b.provenance && a.threshold == b.threshold;
}

DecisionRecord decided(DecisionRecord::Kind kind, TimeMs timeMs) {
    DecisionRecord decision;
    decision.kind = kind;
    decision.images = {1};
    decision.timeMs = timeMs;
    return decision;
}

StrokeJournal::Place after(const StoredAnnotation* before, bool starts, std::int64_t base) {
    return {before, starts, base, 1};
}

} // namespace

class TestStrokeJournal : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir;
    int m_count = 0;

    std::string newPath() { return m_dir.filePath(QStringLiteral("p%1.limn").arg(++m_count)).toStdString(); }
    std::string newProject() {
        const std::string path = newPath();
        (void)take(take(ProjectStore::open(path, {}))->addImages(imageRecords(2, kSize), kNobody));
        return path;
    }
    static StoredAnnotationPtr stored(const std::string& path, int version = 0) {
        return take(take(ProjectStore::open(path, {}))->annotation(1, kAgreed, version));
    }

private Q_SLOTS:
    void recordsComeBackFromEveryState() {
        const std::string path = newPath() + "-strokes";
        const auto journal = take(StrokeJournal::open(path, "me"));
        Series series(1, 5);
        for (int i = 0; i < 12; ++i) {
            const StoredAnnotation& now = series.next();
            take(journal->append(
                now, after(i ? &series.at(static_cast<std::size_t>(i) - 1) : nullptr, i == 0, 7)));
        }
        take(journal->sync());
        const JournalContent content = take(readJournal(path));
        QCOMPARE(content.project, std::string("me"));
        QCOMPARE(content.records.size(), std::size_t{12});
        QVERIFY(content.records[0].whole && content.records[0].startsChain);
        QCOMPARE(content.records[3].baseRevision, std::int64_t{7});
        QVERIFY(!content.records[3].whole);
        for (std::size_t from = 0; from < 12; ++from) {
            // From any state, all records lead to the last one: they state values.
            StoredAnnotation state = series.at(from);
            for (const JournalRecord& record : content.records)
                QVERIFY(applyRecord(record, state));
            QVERIFY(same(state, series.at(11)));
        }
        StoredAnnotation other = annotationOf(1, kAgreed, LabelMap({10, 10}));
        QVERIFY(!applyRecord(content.records[3], other));
    }

    void aTornFileGivesItsWholeRecords() {
        const std::string path = newPath() + "-strokes";
        Series series(1, 6);
        std::vector<std::uint64_t> ends;
        {
            const auto journal = take(StrokeJournal::open(path, "me"));
            for (int i = 0; i < 4; ++i) {
                const StoredAnnotation& now = series.next();
                take(journal->append(
                    now, after(i ? &series.at(static_cast<std::size_t>(i) - 1) : nullptr, i == 0, 0)));
                ends.push_back(journal->bytes());
            }
        }
        QFile file(QString::fromStdString(path));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray bytes = file.read(static_cast<qint64>(ends.back()));
        file.close();
        const auto recordsOf = [&](const QByteArray& content) {
            QFile target(QString::fromStdString(path));
            if (!target.open(QIODevice::WriteOnly | QIODevice::Truncate) ||
                target.write(content) != content.size())
                throw std::runtime_error("the test could not write its file");
            target.close();
            return take(readJournal(path)).records.size();
        };
        Random random(4);
        for (int i = 0; i < 60; ++i) {
            const std::uint64_t cut = static_cast<std::uint64_t>(random.below(static_cast<int>(ends.back())));
            const std::size_t whole = static_cast<std::size_t>(
                std::count_if(ends.begin(), ends.end(), [&](std::uint64_t end) { return end <= cut; }));
            QCOMPARE(recordsOf(bytes.left(static_cast<qsizetype>(cut))), whole);
            // A flipped bit costs the record that it is in, and what follows.
            QByteArray flipped = bytes;
            flipped[static_cast<qsizetype>(cut)] =
                static_cast<char>(flipped[static_cast<qsizetype>(cut)] ^ 4);
            if (cut >= 4096)
                QCOMPARE(recordsOf(flipped), whole);
        }
        QCOMPARE(recordsOf(bytes), std::size_t{4});
        QCOMPARE(recordsOf(QByteArray(5000, 'x')), std::size_t{0});
        QCOMPARE(recordsOf(QByteArray()), std::size_t{0});
        QVERIFY(take(readJournal(path + "-none")).records.empty());
    }

    void anotherRoundLeavesNothingOfTheLast() {
        const std::string path = newPath() + "-strokes";
        const auto journal = take(StrokeJournal::open(path, "me"));
        Series series(1, 7);
        for (int i = 0; i < 6; ++i)
            take(journal->append(series.next(), after(nullptr, true, i)));
        for (int round = 0; round < 3; ++round) {
            journal->restart();
            take(journal->append(series.next(), after(nullptr, true, 100 + round)));
            const JournalContent content = take(readJournal(path));
            QCOMPARE(content.records.size(), std::size_t{1});
            QCOMPARE(content.records[0].baseRevision, std::int64_t{100 + round});
        }
    }

    void openingTakesOverWhatAKilledProgramLeft() {
        const std::string path = newProject();
        Series series(1, 8);
        {
            const auto store = take(ProjectStore::open(path, {}));
            const auto journal = take(store->startJournal());
            // The first is in the file, two more are in the journal alone.
            take(journal->append(series.next(), after(nullptr, true, 0)));
            (void)take(store->saveAnnotation(series.at(0)));
            take(journal->append(series.next(), after(&series.at(0), false, 0)));
            take(journal->append(series.next(), after(&series.at(1), false, 0)));
        }
        // A reader sees the strokes and takes nothing away.
        {
            const auto reader = take(ProjectStore::open(path, {.create = false, .readOnly = true}));
            QCOMPARE(reader->strokesReplayed(), 3);
            QVERIFY(same(*take(reader->annotation(1, kAgreed)), series.at(2)));
            QVERIFY(reader->setSetting("a", "b").error().code == ErrorCode::StoreReadOnly);
        }
        {
            const auto store = take(ProjectStore::open(path, {}));
            QCOMPARE(store->strokesReplayed(), 3);
            const StoredAnnotationPtr read = take(store->annotation(1, kAgreed));
            QVERIFY(same(*read, series.at(2)));
            QCOMPARE(read->revision, std::int64_t{2});
        }
        // Once.
        const auto again = take(ProjectStore::open(path, {}));
        QCOMPARE(again->strokesReplayed(), 0);
        QCOMPARE(take(again->annotation(1, kAgreed))->revision, std::int64_t{2});
        QVERIFY(take(again->verify()).empty());
    }

    void aSaveThatCameBetweenIsNotOverwritten() {
        const std::string path = newProject();
        Series mine(1, 9);
        Series theirs(1, 10);
        {
            const auto store = take(ProjectStore::open(path, {}));
            const auto journal = take(store->startJournal());
            take(journal->append(mine.next(), after(nullptr, true, 0)));
            StoredAnnotation other = theirs.next();
            for (int i = 0; i < 3; ++i) {
                other.revision = i;
                (void)take(store->saveAnnotation(other));
            }
        }
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(same(*take(store->annotation(1, kAgreed)), theirs.at(0)));
        QVERIFY(same(*take(store->annotation(1, kAgreed, 1)), mine.at(0)));
    }

    void whatWasRemovedStaysRemoved() {
        const std::string path = newProject();
        Series series(1, 11);
        Series second(2, 12);
        {
            const auto store = take(ProjectStore::open(path, {}));
            const AnnotationId id = take(store->saveAnnotation(series.next())).id;
            const auto journal = take(store->startJournal());
            take(journal->append(series.next(), after(&series.at(0), true, 1)));
            take(journal->append(second.next(), after(nullptr, true, 0)));
            take(store->removeAnnotation(id, kNobody));
            const ImageId image = 2;
            take(store->removeImages(std::span(&image, 1), kNobody));
        }
        const auto store = take(ProjectStore::open(path, {}));
        QCOMPARE(store->strokesReplayed(), 0);
        QVERIFY(!take(store->annotation(1, kAgreed)));
        QCOMPARE(take(store->images()).size(), std::size_t{1});
    }

    void aNewPersonIsMade() {
        const std::string path = newProject();
        Series series(1, 13);
        {
            const auto store = take(ProjectStore::open(path, {}));
            const auto journal = take(store->startJournal());
            StoredAnnotation now = series.next();
            now.person = kUnnumbered;
            now.personName = "Zo\xc3\xab";
            take(journal->append(now, after(nullptr, true, 0)));
        }
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(same(*take(store->annotation(1, take(store->person("Zo\xc3\xab")))), series.at(0)));
    }

    void decisionsComeBack() {
        const std::string path = newPath() + "-strokes";
        const auto journal = take(StrokeJournal::open(path, "me"));
        std::vector<DecisionRecord> all = {
            decided(DecisionRecord::Kind::State, 1000), decided(DecisionRecord::Kind::Flag, 1001),
            decided(DecisionRecord::Kind::Comment, 1002), decided(DecisionRecord::Kind::Assignment, 1003)};
        all[0].images = {5, 9};
        all[0].state = ReviewState::Rejected;
        all[0].note = "blurred; \"\xc3\xa4\"\n";
        all[1].flagged = true;
        all[2].person = kUnnumbered;
        all[2].personName = "Zo\xc3\xab";
        all[2].note = std::string(3000, 'x');
        all[3].assignee = kUnnumbered;
        all[3].assigneeName = "Bo";
        for (const DecisionRecord& decision : all)
            take(journal->append(decision));
        const JournalContent content = take(readJournal(path));
        QCOMPARE(content.records.size(), all.size());
        for (std::size_t i = 0; i < all.size(); ++i)
            QVERIFY(content.records[i].decision == all[i]);
    }

    void decisionsAreTakenBetweenTheirStrokes() {
        const std::string path = newProject();
        Series series(1, 15);
        for (int i = 0; i < 4; ++i)
            (void)series.next();
        const auto state = [](TimeMs time, ReviewState to) {
            DecisionRecord decision = decided(DecisionRecord::Kind::State, time);
            decision.person = kAgreed; // whose annotation is kept
            decision.state = to;
            return decision;
        };
        // In the file: the first stroke and that the image is in progress. In the journal alone: a stroke,
        // its acceptance, a remark, the reopening and two more strokes.
        DecisionRecord comment = decided(DecisionRecord::Kind::Comment, 3000);
        comment.person = kUnnumbered;
        comment.personName = "Bo";
        comment.note = "the border is unsure";
        {
            const auto store = take(ProjectStore::open(path, {}));
            const auto journal = take(store->startJournal());
            take(journal->append(series.at(0), after(nullptr, true, 0)));
            (void)take(store->saveAnnotation(series.at(0)));
            take(journal->append(state(1000, ReviewState::InProgress)));
            take(store->decide(state(1000, ReviewState::InProgress)));
            take(journal->append(series.at(1), after(&series.at(0), false, 0)));
            take(journal->append(state(2000, ReviewState::Accepted)));
            take(journal->append(comment));
            take(journal->append(state(4000, ReviewState::InProgress)));
            take(journal->append(series.at(2), after(&series.at(1), false, 0)));
            take(journal->append(series.at(3), after(&series.at(2), false, 0)));
        }
        std::vector<HistoryRecord> lines;
        for (int opening = 0; opening < 2; ++opening) {
            const auto store = take(ProjectStore::open(path, {}));
            QCOMPARE(store->decisionsReplayed(), opening == 0 ? 3 : 0);
            QVERIFY(same(*take(store->annotation(1, kAgreed)), series.at(3)));
            QVERIFY(take(store->image(1))->state == ReviewState::InProgress);
            const std::vector<KeptVersion> kept = take(store->keptVersions(1));
            QCOMPARE(kept.size(), std::size_t{1});
            QCOMPARE(kept[0].what, std::string("accepted"));
            QVERIFY(same(*take(store->keptAnnotation(kept[0].id)), series.at(1)));
            lines = take(store->history(1, 100));
            std::vector<TimeMs> times;
            for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
                if (line->what == "state" || line->what == "comment")
                    times.push_back(line->timeMs);
            }
            QCOMPARE(times, (std::vector<TimeMs>{1000, 2000, 3000, 4000}));
            QVERIFY(take(store->verify()).empty());
        }
        const auto said = std::find_if(lines.begin(), lines.end(),
                                       [](const HistoryRecord& line) { return line.what == "comment"; });
        QCOMPARE(said->note, comment.note);
        QCOMPARE(said->person, take(take(ProjectStore::open(path, {}))->person("Bo")));
    }

    // The store has the decision and strokes behind it: nothing is brought back to what was before.
    void aDecisionThatTheStoreHasIsNotMadeAgain() {
        const std::string path = newProject();
        Series series(1, 16);
        for (int i = 0; i < 3; ++i)
            (void)series.next();
        DecisionRecord flag = decided(DecisionRecord::Kind::Flag, 1000);
        flag.images = {1, 2};
        flag.flagged = true;
        {
            const auto store = take(ProjectStore::open(path, {}));
            const auto journal = take(store->startJournal());
            take(journal->append(series.at(0), after(nullptr, true, 0)));
            take(journal->append(flag));
            take(journal->append(series.at(1), after(&series.at(0), false, 0)));
            take(journal->append(series.at(2), after(&series.at(1), false, 0)));
            (void)take(store->saveAnnotation(series.at(0)));
            take(store->decide(flag));
            StoredAnnotation second = series.at(1);
            second.revision = 1;
            (void)take(store->saveAnnotation(second));
            take(store->setFlag(1, false, "", kNobody)); // by another program, later
        }
        const auto store = take(ProjectStore::open(path, {}));
        QCOMPARE(store->decisionsReplayed(), 0);
        QVERIFY(same(*take(store->annotation(1, kAgreed)), series.at(2)));
        QVERIFY(!take(store->image(1))->flagged);
        QVERIFY(take(store->image(2))->flagged);
    }

    void whatCanNeverBeTakenIsKeptAsideAndStopsNothing() {
        const std::string path = newProject();
        Series series(2, 17);
        {
            const auto store = take(ProjectStore::open(path, {}));
            const auto journal = take(store->startJournal());
            // Another size than the image's.
            take(journal->append(annotationOf(1, kAgreed, LabelMap({40, 30}, 1)), after(nullptr, true, 0)));
            DecisionRecord forbidden = decided(DecisionRecord::Kind::State, 1000);
            forbidden.state = ReviewState::New; // it is new
            take(journal->append(forbidden));
            take(journal->append(series.next(), after(nullptr, true, 0)));
        }
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(same(*take(store->annotation(2, kAgreed)), series.at(0)));
        QVERIFY(!take(store->annotation(1, kAgreed)));
        QVERIFY(take(store->startJournal()) != nullptr);
        const QFileInfo file(QString::fromStdString(StrokeJournal::pathOf(path)));
        QCOMPARE(file.dir().entryList({file.fileName() + QStringLiteral("-refused-*")}).size(), 1);
    }

    void anotherProjectsJournalIsKeptAside() {
        const std::string path = newProject();
        (void)stored(path);
        Series series(1, 14);
        {
            const auto journal = take(StrokeJournal::open(StrokeJournal::pathOf(path), "somebody"));
            take(journal->append(series.next(), after(nullptr, true, 0)));
        }
        QVERIFY(!stored(path));
        QVERIFY(QFileInfo::exists(QString::fromStdString(StrokeJournal::pathOf(path) + "-of-somebody")));
    }

    void withoutAFileThereIsNone() {
        const auto memory = take(ProjectStore::openInMemory({}));
        QVERIFY(memory->startJournal().error().code == ErrorCode::StoreReadOnly);
        const std::string path = newProject();
        const auto reader = take(ProjectStore::open(path, {.create = false, .readOnly = true}));
        QVERIFY(reader->startJournal().error().code == ErrorCode::StoreReadOnly);
        QVERIFY(StrokeJournal::open(m_dir.path().toStdString() + "/no/such/journal", "me").error().code ==
                ErrorCode::FileNotWritable);
    }
};

QTEST_GUILESS_MAIN(TestStrokeJournal)
#include "tst_stroke_journal.moc"
