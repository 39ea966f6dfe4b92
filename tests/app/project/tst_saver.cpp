// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: saves are taken at once and written in order, newer ones replace waiting ones but never across a
// change, trouble is said and passes without loss, each stroke is in the journal at once and comes back after
// the program was killed, a stale save becomes a second version, damage found while
// working is recovered. Trouble is made with a store opened from a path that another one holds, and with a
// gate that keeps the saver's thread busy. The same of decisions. No sleeps: everything is waited for.
#include "app/project/saver.h"
#include "io/store/sql_connection.h"
#include "tests/io/store/store_testing.h"

#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{600, 600};

// What the callbacks said, for any thread.
struct Heard {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::int64_t> revisions;
    std::vector<bool> second;
    std::vector<Error> refused;
    std::vector<SaveStatus> statuses;
    int opened = 0;
    std::vector<std::uint8_t> journaled; // values that are in the journal and on the disk
    std::vector<std::string> decisions;  // notes of decisions that are there

    SaverCallbacks callbacks() {
        SaverCallbacks all;
        all.opened = [this](const Result<ProjectStore*>&) { tell([this] { ++opened; }); };
        all.saved = [this](const StoredAnnotation&, const SavedAnnotation& saved, bool asSecond) {
            tell([&] {
                revisions.push_back(saved.revision);
                second.push_back(asSecond);
            });
        };
        all.journaled = [this](const StoredAnnotation& annotation, bool onDisk) {
            if (onDisk)
                tell([&] { journaled.push_back(labelMapFromTiles(annotation.labels).at(5, 5)); });
        };
        all.decisionJournaled = [this](const DecisionRecord& decision, bool onDisk) {
            if (onDisk)
                tell([&] { decisions.push_back(decision.note); });
        };
        all.refused = [this](const Error& error) { tell([&] { refused.push_back(error); }); };
        all.status = [this](const SaveStatus& status) { tell([&] { statuses.push_back(status); }); };
        return all;
    }
    template<typename F>
    void tell(F change) {
        const std::lock_guard lock(mutex);
        change();
        changed.notify_all();
    }
    SaveStatus lastStatus() {
        const std::lock_guard lock(mutex);
        return statuses.back();
    }
    template<typename F>
    bool waitFor(F condition) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, std::chrono::seconds(20), condition);
    }
};

StoredAnnotationPtr snapshotOf(ImageId image, std::uint8_t value) {
    return std::make_shared<const StoredAnnotation>(annotationOf(image, kAgreed, LabelMap(kSize, value)));
}

// Keeps the saver's thread busy until it is opened.
class Gate {
public:
    explicit Gate(Saver& saver) {
        saver.read([this](const Result<ProjectStore*>&) {
            m_entered.set_value();
            m_open.get_future().wait();
        });
        m_entered.get_future().wait();
    }
    void open() { m_open.set_value(); }

private:
    std::promise<void> m_entered;
    std::promise<void> m_open;
};

// Another program's connection, which keeps writers out until it is told ROLLBACK.
std::unique_ptr<SqlConnection> lockedByAnother(const std::string& path) {
    auto theirs = take(SqlConnection::openSqlite(QString::fromStdString(path), QString(), path));
    (void)take(theirs->run("BEGIN IMMEDIATE"));
    return theirs;
}

} // namespace

class TestSaver : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir;
    int m_count = 0;

    std::string newProject() {
        const std::string path = m_dir.filePath(QStringLiteral("p%1.limn").arg(++m_count)).toStdString();
        (void)take(take(ProjectStore::open(path, {}))->addImages(imageRecords(3, kSize), kNobody));
        return path;
    }
    static Saver::Open opener(const std::string& path) {
        return [path](bool fullCheck) {
            StoreOptions options;
            options.busyTimeoutMs = 10;
            options.fullCheck = fullCheck;
            return ProjectStore::open(path, options);
        };
    }
    static std::uint8_t storedValue(const std::string& path, ImageId image, int version = 0) {
        const auto store = take(ProjectStore::open(path, {}));
        const StoredAnnotationPtr read = take(store->annotation(image, kAgreed, version));
        return read ? labelMapFromTiles(read->labels).at(5, 5) : 0;
    }

    // What a program that is killed now leaves behind, as the next one finds it.
    std::string leftBehind(const std::string& path) {
        const std::string copy = m_dir.filePath(QStringLiteral("left%1.limn").arg(++m_count)).toStdString();
        for (const char* part : {"", "-wal", "-strokes"})
            QFile::copy(QString::fromStdString(path + part), QString::fromStdString(copy + part));
        return copy;
    }

private Q_SLOTS:
    void strokesAreInTheJournalBeforeTheFile() {
        const std::string path = newProject();
        Heard heard;
        std::string left;
        {
            Saver saver(opener(path), heard.callbacks());
            Gate gate(saver); // nothing reaches the file
            saver.save(snapshotOf(1, 3));
            saver.save(snapshotOf(2, 4));
            QVERIFY(heard.waitFor([&] { return heard.journaled.size() == 2; }));
            saver.save(snapshotOf(1, 5));
            QVERIFY(heard.waitFor([&] { return heard.journaled.size() == 3; }));
            QVERIFY(heard.revisions.empty());
            left = leftBehind(path);
            gate.open();
        }
        QCOMPARE(storedValue(left, 1), std::uint8_t(5));
        QCOMPARE(storedValue(left, 2), std::uint8_t(4));
        // Who ended in peace left no journal.
        QVERIFY(!QFile::exists(QString::fromStdString(path + "-strokes")));
        QCOMPARE(storedValue(path, 1), std::uint8_t(5));
    }

    // The store has a state that the next one takes back in part, and the journal's thread was slow: what
    // comes back is the last state all the same.
    void theStoreIsNeverBesideTheJournal() {
        const std::string path = newProject();
        std::promise<void> journalMayGoOn;
        std::promise<void> storeMayGoOn;
        std::promise<void> storeIsThere;
        std::promise<void> allJournaled;
        SaverCallbacks callbacks;
        callbacks.journaled = [&, wait = journalMayGoOn.get_future().share()](const StoredAnnotation& one,
                                                                              bool onDisk) {
            const std::uint8_t value = labelMapFromTiles(one.labels).at(0, 0);
            if (!onDisk && value == 1)
                wait.wait();
            if (!onDisk && value == 3)
                allJournaled.set_value();
        };
        LabelMap map(kSize, 5);
        const auto state = [&](std::uint8_t number) {
            map.at(0, 0) = number;
            return std::make_shared<const StoredAnnotation>(annotationOf(1, kAgreed, map));
        };
        std::string left;
        {
            Saver saver(opener(path), callbacks);
            saver.wait([](const Result<ProjectStore*>&) {});
            saver.save(state(1));
            fillRect(map, {100, 100, 300, 300}, 9);
            saver.save(state(2));
            saver.post([&](ProjectStore&) -> Result<void> {
                storeIsThere.set_value();
                storeMayGoOn.get_future().wait();
                return {};
            });
            fillRect(map, {100, 100, 300, 300}, 5);
            saver.save(state(3));
            journalMayGoOn.set_value();
            storeIsThere.get_future().wait();
            allJournaled.get_future().wait();
            left = leftBehind(path);
            storeMayGoOn.set_value();
        }
        const auto store = take(ProjectStore::open(left, {}));
        QVERIFY(labelMapFromTiles(take(store->annotation(1, kAgreed))->labels) == map);
    }

    void decisionsAreInTheJournalBeforeTheFile() {
        const std::string path = newProject();
        const auto reject = [](ImageId image, const std::string& reason) {
            DecisionRecord decision;
            decision.images = {image};
            decision.state = ReviewState::Rejected;
            decision.note = reason;
            return decision;
        };
        DecisionRecord open;
        open.images = {1};
        open.state = ReviewState::InProgress;
        Heard heard;
        std::string left;
        std::vector<bool> done;
        const auto note = [&](const Result<void>& result) { done.push_back(result.ok()); };
        {
            Saver saver(opener(path), heard.callbacks());
            Gate gate(saver); // nothing reaches the file
            saver.save(snapshotOf(1, 3));
            saver.decide(reject(1, "blurred"), note);
            saver.decide(open, note); // at the same instant, on any clock
            saver.decide(reject(1, "dark"), note);
            saver.decide(reject(2, "hair"), note);
            saver.decide(reject(2, "not allowed"), note);
            QCOMPARE(saver.status().waiting, std::size_t(6));
            QVERIFY(heard.waitFor([&] { return heard.decisions.size() == 5; }));
            left = leftBehind(path);
            gate.open();
        }
        QCOMPARE(done, (std::vector<bool>{true, true, true, true, false}));
        QCOMPARE(heard.refused.size(), std::size_t(1));
        QVERIFY(!QFile::exists(QString::fromStdString(path + "-strokes")));
        // The file that was written in peace, and the one whose program was killed before.
        for (const std::string& file : {path, left}) {
            const auto store = take(ProjectStore::open(file, {}));
            QCOMPARE(store->decisionsReplayed(), file == left ? 4 : 0);
            QCOMPARE(take(store->image(1))->reason, std::string("dark"));
            QCOMPARE(take(store->image(2))->reason, std::string("hair"));
            const std::vector<HistoryRecord> lines = take(store->history(1, 100));
            QCOMPARE(std::count_if(lines.begin(), lines.end(),
                                   [](const HistoryRecord& line) { return line.what == "state"; }),
                     3);
            QCOMPARE(take(store->keptVersions(1)).size(), std::size_t(2));
            QVERIFY(take(store->verify()).empty());
        }
    }

    // Decisions that wait for a locked database outlive strokes that begin the journal again and again.
    void aDecisionThatWaitsStaysInTheJournal() {
        const std::string path = newProject();
        Heard heard;
        std::string left;
        {
            Saver saver(opener(path), heard.callbacks(), {std::chrono::milliseconds(5)});
            saver.save(snapshotOf(1, 1));
            QCOMPARE(saver.flush(20000).waiting, std::size_t(0));
            auto theirs = lockedByAnother(path);
            DecisionRecord flag;
            flag.kind = DecisionRecord::Kind::Flag;
            flag.images = {2};
            flag.flagged = true;
            flag.note = "ask";
            saver.decide(flag);
            QVERIFY(heard.waitFor([&] { return heard.decisions.size() == 1; }));
            saver.save(snapshotOf(1, 2));
            QVERIFY(heard.waitFor([&] { return heard.journaled.back() == 2; }));
            left = leftBehind(path);
            (void)take(theirs->run("ROLLBACK"));
            QVERIFY(heard.waitFor([&] { return heard.statuses.back() == SaveStatus(); }));
        }
        for (const std::string& file : {path, left}) {
            QCOMPARE(storedValue(file, 1), std::uint8_t(2));
            QCOMPARE(take(take(ProjectStore::open(file, {}))->image(2))->flagNote, std::string("ask"));
        }
    }

    void aLockedDatabaseLosesNothing() {
        const std::string path = newProject();
        Heard heard;
        std::string left;
        {
            Saver saver(opener(path), heard.callbacks(), {std::chrono::milliseconds(5)});
            saver.save(snapshotOf(1, 1));
            QCOMPARE(saver.flush(20000).waiting, std::size_t(0));
            auto theirs = lockedByAnother(path);
            saver.save(snapshotOf(1, 2));
            QVERIFY(heard.waitFor([&] { return heard.statuses.back().trouble.has_value(); }));
            QVERIFY(heard.lastStatus().trouble->code == ErrorCode::StoreBusy);
            QVERIFY(heard.lastStatus().trouble->message().find("locked by another program") !=
                    std::string::npos);
            saver.save(snapshotOf(1, 3)); // editing goes on
            QVERIFY(heard.waitFor([&] { return heard.journaled.back() == 3; }));
            left = leftBehind(path);
            (void)take(theirs->run("ROLLBACK"));
            QVERIFY(heard.waitFor([&] { return heard.statuses.back() == SaveStatus(); }));
        }
        QCOMPARE(storedValue(path, 1), std::uint8_t(3));
        QCOMPARE(storedValue(left, 1), std::uint8_t(3));
        QVERIFY(heard.refused.empty());
    }

    void aCopyElsewhereGoesOnFromWhatItHolds() {
        const std::string path = newProject();
        const std::string copy = path + ".copy.limn";
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks());
            saver.save(snapshotOf(1, 1));
            (void)saver.flush(20000);
            saver.save(snapshotOf(1, 2));
            (void)saver.flush(20000);
            saver.wait([&](const Result<ProjectStore*>& store) { take((*store)->copyTo(copy)); });
            saver.reopen(opener(copy));
            QVERIFY(heard.waitFor([&] { return heard.opened == 2; }));
            saver.save(snapshotOf(1, 3));
            (void)saver.flush(20000);
        }
        // Not a second version: nobody else saved.
        QCOMPARE(heard.revisions, (std::vector<std::int64_t>{1, 2, 3}));
        QCOMPARE(heard.second, (std::vector<bool>{false, false, false}));
        QCOMPARE(storedValue(path, 1), std::uint8_t(2));
        QCOMPARE(storedValue(copy, 1), std::uint8_t(3));
    }

    void tilesOfManyImagesAreNotKept() {
        const std::string path = newProject();
        (void)take(take(ProjectStore::open(path, {}))->addImages(imageRecords(12, kSize), kNobody));
        Heard heard;
        Saver saver(opener(path), heard.callbacks());
        std::vector<std::weak_ptr<const std::uint8_t>> tiles;
        for (ImageId image = 1; image <= 12; ++image) {
            const StoredAnnotationPtr snapshot = snapshotOf(image, 7);
            tiles.push_back(snapshot->labels.tiles[0]);
            saver.save(snapshot);
            QCOMPARE(saver.flush(20000).waiting, std::size_t(0));
        }
        saver.wait([](const Result<ProjectStore*>&) {});
        const auto kept =
            std::count_if(tiles.begin(), tiles.end(), [](const auto& tile) { return !tile.expired(); });
        QVERIFY2(kept <= 6, qPrintable(QString::number(kept)));
        // Saves go on from what the store holds all the same.
        saver.save(snapshotOf(1, 8));
        QCOMPARE(saver.flush(20000).waiting, std::size_t(0));
        QVERIFY(std::find(heard.second.begin(), heard.second.end(), true) == heard.second.end());
        QCOMPARE(heard.revisions.back(), std::int64_t(2));
    }

    void savesReachTheDiskAndRevisionsGrow() {
        const std::string path = newProject();
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks());
            for (std::uint8_t value = 1; value <= 3; ++value) {
                saver.save(snapshotOf(1, value));
                const SaveStatus status = saver.flush(20000);
                QCOMPARE(status.waiting, std::size_t(0));
                QVERIFY(!status.trouble);
            }
        }
        QCOMPARE(heard.revisions, (std::vector<std::int64_t>{1, 2, 3}));
        QVERIFY(heard.statuses.back() == SaveStatus());
        QCOMPARE(storedValue(path, 1), std::uint8_t(3));
    }

    void newerSnapshotsReplaceWaitingOnes() {
        const std::string path = newProject();
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks());
            Gate gate(saver);
            for (std::uint8_t value = 1; value <= 50; ++value) {
                saver.save(snapshotOf(1, value));
                saver.save(snapshotOf(2, value));
            }
            QCOMPARE(saver.status().waiting, std::size_t(2));
            QVERIFY(heard.waitFor(
                [&] { return std::count(heard.journaled.begin(), heard.journaled.end(), 50) == 2; }));
            gate.open();
        }
        QCOMPARE(heard.revisions.size(), std::size_t(2));
        QCOMPARE(storedValue(path, 1), std::uint8_t(50));
        QCOMPARE(storedValue(path, 2), std::uint8_t(50));
    }

    void aChangeFindsWhatWasThereWhenItWasPosted() {
        const std::string path = newProject();
        std::uint8_t seen = 0;
        {
            Saver saver(opener(path), {});
            Gate gate(saver);
            saver.save(snapshotOf(1, 1));
            saver.post([&](ProjectStore& store) -> Result<void> {
                const Result<StoredAnnotationPtr> read = store.annotation(1, kAgreed);
                if (!read)
                    return read.error();
                seen = labelMapFromTiles((*read)->labels).at(5, 5);
                return {};
            });
            saver.save(snapshotOf(1, 2));
            QCOMPARE(saver.status().waiting, std::size_t(3));
            gate.open();
        }
        QCOMPARE(seen, std::uint8_t(1));
        QCOMPARE(storedValue(path, 1), std::uint8_t(2));
    }

    void waitingSnapshotsAreLoaded() {
        const std::string path = newProject();
        Saver saver(opener(path), {});
        Gate gate(saver);
        const StoredAnnotationPtr mine = snapshotOf(1, 9);
        saver.save(mine);
        std::promise<StoredAnnotationPtr> loaded;
        saver.load(1, kAgreed, 0, [&](const Result<StoredAnnotationPtr>& read) { loaded.set_value(*read); });
        gate.open();
        QVERIFY(loaded.get_future().get() == mine);
    }

    void troubleIsSaidAndPasses() {
        const std::string path = newProject();
        auto holder = std::make_unique<std::unique_ptr<ProjectStore>>(take(ProjectStore::open(path, {})));
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks(), {std::chrono::milliseconds(5)});
            saver.save(snapshotOf(1, 4));
            QVERIFY(heard.waitFor([&] { return !heard.statuses.empty() && heard.statuses.back().trouble; }));
            QVERIFY(heard.lastStatus().trouble->code == ErrorCode::StoreHeld);
            saver.save(snapshotOf(1, 5)); // editing goes on
            const SaveStatus status = saver.flush(20000);
            QVERIFY(status.trouble);
            QCOMPARE(status.waiting, std::size_t(1));
            holder.reset(); // the other program closes
            QVERIFY(heard.waitFor([&] { return heard.statuses.back() == SaveStatus(); }));
        }
        QCOMPARE(storedValue(path, 1), std::uint8_t(5));
        QVERIFY(heard.refused.empty());
    }

    void openingIsTriedAgain() {
        const std::string path = newProject();
        Heard heard;
        std::atomic<int> calls{0};
        {
            Saver saver(
                [&](bool fullCheck) -> Result<std::unique_ptr<ProjectStore>> {
                    if (++calls < 3)
                        return Error{ErrorCode::DiskFull, {path}};
                    return opener(path)(fullCheck);
                },
                heard.callbacks(), {std::chrono::milliseconds(5)});
            saver.save(snapshotOf(1, 6));
            QVERIFY(heard.waitFor([&] { return !heard.revisions.empty(); }));
        }
        QCOMPARE(storedValue(path, 1), std::uint8_t(6));
        QCOMPARE(heard.opened, 3);
    }

    void aStaleSaveBecomesASecondVersion() {
        const std::string path = newProject();
        {
            const auto store = take(ProjectStore::open(path, {}));
            (void)take(store->saveAnnotation(annotationOf(1, kAgreed, LabelMap(kSize, 1))));
        }
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks());
            saver.save(snapshotOf(1, 7)); // never loaded: made from revision 0
            (void)saver.flush(20000);
            saver.save(snapshotOf(1, 8)); // goes on in the second version
            (void)saver.flush(20000);
        }
        QCOMPARE(heard.second, (std::vector<bool>{true, false}));
        QCOMPARE(storedValue(path, 1), std::uint8_t(1));
        QCOMPARE(storedValue(path, 1, 1), std::uint8_t(8));
    }

    void afterALoadSavesGoOnFromThere() {
        const std::string path = newProject();
        {
            const auto store = take(ProjectStore::open(path, {}));
            (void)take(store->saveAnnotation(annotationOf(1, kAgreed, LabelMap(kSize, 1))));
        }
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks());
            saver.load(1, kAgreed, 0, [](const Result<StoredAnnotationPtr>&) {});
            saver.wait([](const Result<ProjectStore*>&) {});
            saver.save(snapshotOf(1, 2));
        }
        QCOMPARE(heard.second, std::vector<bool>{false});
        QCOMPARE(storedValue(path, 1), std::uint8_t(2));
    }

    void whatCanNeverBeStoredIsRefusedAndTheRestGoesOn() {
        const std::string path = newProject();
        Heard heard;
        std::optional<Error> told;
        {
            Saver saver(opener(path), heard.callbacks());
            saver.save(snapshotOf(99, 1));
            saver.post([](ProjectStore& store) { return store.setFlag(99, true, "", kNobody); },
                       [&](const Result<void>& result) { told = result.error(); });
            saver.save(snapshotOf(2, 3));
        }
        QCOMPARE(heard.refused.size(), std::size_t(2));
        QVERIFY(told && told->code == ErrorCode::InvalidArgument);
        QCOMPARE(storedValue(path, 2), std::uint8_t(3));
    }

    void reopeningTakesWhatWaitsAlong() {
        const std::string path = newProject();
        const std::string other = newProject();
        auto holder = std::make_unique<std::unique_ptr<ProjectStore>>(take(ProjectStore::open(path, {})));
        Heard heard;
        {
            Saver saver(opener(path), heard.callbacks(), {std::chrono::milliseconds(5)});
            saver.save(snapshotOf(1, 4));
            QVERIFY(heard.waitFor([&] { return !heard.statuses.empty() && heard.statuses.back().trouble; }));
            saver.reopen(opener(other));
            QVERIFY(heard.waitFor([&] { return heard.statuses.back() == SaveStatus(); }));
        }
        holder.reset();
        QCOMPARE(storedValue(path, 1), std::uint8_t(0));
        QCOMPARE(storedValue(other, 1), std::uint8_t(4));
    }
};

QTEST_GUILESS_MAIN(TestSaver)
#include "tst_saver.moc"
