// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: a program that is killed (SIGKILL) at any instant while it edits and saves loses at most the
// stroke that was not finished, or the decision that was not. A child of this program draws a known series of
// strokes on three images, between them decides about them (states, flags, comments), and tells through a
// pipe when a stroke or decision is handed over, when it is in the journal and when it is in the project
// file; it is killed at a random instant, the project is reopened and compared with the series made here.
// Every run goes on with the same project. The child works in one of three ways: it waits for each act to be
// saved; it acts every 25 ms, faster than a person, and waits for nothing; it acts as fast as the machine
// can. What is in the journal is never lost; in the first two ways nothing but the act in hand is.
//
// 42 kills; LIMN_FULL=1 makes it 201, and LIMN_KILLS any other number.
#include "app/project/saver.h"
#include "tests/io/store/store_testing.h"

#include <QCoreApplication>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{1500, 1100};
constexpr int kImages = 3;

// How much slower everything is, so that as much happens before a kill.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kSlowness = 10;
#else
constexpr int kSlowness = 1;
#endif
constexpr int kPersonMs = 25 * kSlowness;   // between two acts
constexpr int kLongestMs = 120 * kSlowness; // from the first act to the kill

// Stroke number n (from 1) of an image: some rectangles, and its number in the first four pixels.
void drawStroke(LabelMap& map, int image, int n) {
    Random random(static_cast<std::uint64_t>(image) * 1'000'003u + static_cast<std::uint64_t>(n));
    for (int i = 0; i < 3; ++i)
        fillRect(map, {random.below(1500), random.below(1100), 1 + random.below(300), 1 + random.below(300)},
                 static_cast<std::uint8_t>(random.below(4)));
    for (int byte = 0; byte < 4; ++byte)
        map.labels[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(n >> (8 * byte));
}

int strokesIn(const LabelMap& map) {
    int n = 0;
    for (int byte = 0; byte < 4; ++byte)
        n |= map.labels[static_cast<std::size_t>(byte)] << (8 * byte);
    return n;
}

// Decision number n (from 1) about an image; its note is n.
DecisionRecord decision(ImageId image, int n) {
    DecisionRecord made;
    made.images = {image};
    made.note = std::to_string(n);
    const bool odd = (n / 3) % 2 == 1;
    if (n % 3 == 1) {
        made.state = odd ? ReviewState::Rejected : ReviewState::InProgress;
    } else if (n % 3 == 2) {
        made.kind = DecisionRecord::Kind::Flag;
        made.flagged = !odd;
    } else {
        made.kind = DecisionRecord::Kind::Comment;
    }
    return made;
}

// Notes of the decisions about an image, oldest first.
std::vector<int> decisionsIn(ProjectStore& store, ImageId image) {
    std::vector<int> notes;
    for (const HistoryRecord& line : take(store.history(image, 1'000'000))) {
        if (line.what == "state" || line.what == "flag" || line.what == "comment")
            notes.push_back(std::stoi(line.note));
    }
    std::reverse(notes.begin(), notes.end());
    return notes;
}

enum class Pace { Patient, Person, Machine };

// What the child says: stroke n of an image is handed over ('h'), in the journal ('j') or in the file ('d');
// decision n is ('H', 'J', 'D').
struct Message {
    char what;
    char image;
    char pad[2];
    std::int32_t number;
};

void say(char what, int image, int number) {
    const Message message{what, static_cast<char>(image), {}, number};
    (void)!::write(STDOUT_FILENO, &message, sizeof message); // small writes to a pipe are whole
}

// The child: draws and decides until it is killed.
int workForEver(const std::string& path, Pace pace) {
    SaverCallbacks callbacks;
    callbacks.journaled = [](const StoredAnnotation& snapshot, bool onDisk) {
        if (!onDisk)
            say('j', static_cast<int>(snapshot.image), strokesIn(labelMapFromTiles(snapshot.labels)));
    };
    callbacks.saved = [](const StoredAnnotation& snapshot, const SavedAnnotation&, bool) {
        say('d', static_cast<int>(snapshot.image), strokesIn(labelMapFromTiles(snapshot.labels)));
    };
    callbacks.decisionJournaled = [](const DecisionRecord& made, bool onDisk) {
        if (!onDisk)
            say('J', static_cast<int>(made.images.front()), std::stoi(made.note));
    };
    Saver saver([path](bool) { return ProjectStore::open(path, {.person = "child"}); }, callbacks);
    std::array<LabelMap, kImages + 1> maps;
    std::array<LabelTiles, kImages + 1> tiles;
    std::array<int, kImages + 1> strokes{};
    std::array<int, kImages + 1> decisions{};
    for (int image = 1; image <= kImages; ++image) {
        maps[image] = LabelMap(kSize);
        saver.load(image, kAgreed, 0, [&, image](const Result<StoredAnnotationPtr>& read) {
            if (read && *read)
                maps[image] = labelMapFromTiles((*read)->labels);
        });
    }
    saver.wait([&](const Result<ProjectStore*>& store) {
        for (int image = 1; image <= kImages; ++image)
            decisions[image] = static_cast<int>(decisionsIn(**store, image).size());
    });
    for (int image = 1; image <= kImages; ++image)
        strokes[image] = strokesIn(maps[image]);
    say('b', 0, 0);
    for (int turn = 0;; ++turn) {
        const int image = 1 + turn % kImages;
        if (turn % 5 == 4) {
            const int n = ++decisions[image];
            say('H', image, n);
            saver.decide(decision(image, n), [image, n](const Result<void>& made) {
                if (made)
                    say('D', image, n);
            });
        } else {
            drawStroke(maps[image], image, ++strokes[image]);
            StoredAnnotation snapshot = annotationOf(image, kAgreed, maps[image], &tiles[image]);
            tiles[image] = snapshot.labels;
            say('h', image, strokes[image]);
            saver.save(std::make_shared<const StoredAnnotation>(std::move(snapshot)));
        }
        if (pace == Pace::Patient && saver.flush(60000).waiting != 0)
            return 1;
        if (pace == Pace::Person)
            std::this_thread::sleep_for(std::chrono::milliseconds(kPersonMs));
    }
}

int killsWanted() {
    if (qEnvironmentVariableIsSet("LIMN_KILLS"))
        return qEnvironmentVariableIntValue("LIMN_KILLS");
    return qEnvironmentVariableIntValue("LIMN_FULL") == 1 ? 201 : 42;
}

} // namespace

class TestKill : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void atMostTheUnfinishedActIsMissing() {
        QTemporaryDir dir;
        const std::string path = dir.filePath(QStringLiteral("kill.limn")).toStdString();
        (void)take(take(ProjectStore::open(path, {}))->addImages(imageRecords(kImages, kSize), kNobody));
        const std::string program = QCoreApplication::applicationFilePath().toStdString();

        std::array<LabelMap, kImages + 1> model;
        model.fill(LabelMap(kSize));
        std::array<int, kImages + 1> drawn{};   // strokes in the model
        std::array<int, kImages + 1> decided{}; // decisions that were in the store the last time
        const std::uint64_t seed = 20261123;
        Random random(seed);
        int strokesOnDisk = 0;
        int missingInAll = 0;
        int mostAtMachinePace = 0;
        int replayed = 0;
        int decisionsReplayed = 0;
        const int kills = killsWanted();
        QVERIFY(kills > 0);
        for (int kill = 0; kill < kills; ++kill) {
            const Pace pace = static_cast<Pace>(kill % 3);
            const std::string paceText = std::to_string(kill % 3);
            int ends[2];
            QVERIFY(::pipe(ends) == 0);
            const pid_t child = ::fork();
            if (child == 0) {
                ::dup2(ends[1], STDOUT_FILENO);
                ::close(ends[0]);
                ::close(ends[1]);
                ::execl(program.c_str(), program.c_str(), "--work", path.c_str(), paceText.c_str(),
                        static_cast<char*>(nullptr));
                ::_exit(127);
            }
            ::close(ends[1]);
            std::array<int, kImages + 1> handed = drawn;
            std::array<int, kImages + 1> onDisk = drawn; // in the journal or in the file
            std::array<int, kImages + 1> decisionsHanded = decided;
            std::array<int, kImages + 1> decisionsOnDisk = decided;
            QElapsedTimer timer;
            timer.start();
            bool begun = false;
            bool alive = true;
            // Up to kLongestMs after it is ready, at any microsecond.
            double killAtMs = 1e9;
            for (;;) {
                pollfd wait{ends[0], POLLIN, 0};
                const double now = timer.nsecsElapsed() / 1e6;
                if (alive && now >= killAtMs) {
                    ::kill(child, SIGKILL);
                    alive = false;
                }
                if (alive && ::poll(&wait, 1, begun ? 1 : 60000) == 0) {
                    QVERIFY2(begun, "the child did not begin within 60 s");
                    continue;
                }
                Message message;
                const ssize_t got = ::read(ends[0], &message, sizeof message);
                if (got != static_cast<ssize_t>(sizeof message))
                    break; // the child is dead and the pipe is empty
                if (!begun) {
                    begun = true;
                    killAtMs = timer.nsecsElapsed() / 1e6 + random.below(1000 * kLongestMs) / 1000.0;
                }
                const std::size_t image = static_cast<std::size_t>(message.image);
                if (message.what == 'h')
                    handed[image] = message.number;
                else if (message.what == 'H')
                    decisionsHanded[image] = message.number;
                else if (message.what == 'd' || message.what == 'j')
                    onDisk[image] = std::max(onDisk[image], message.number);
                else if (message.what == 'D' || message.what == 'J')
                    decisionsOnDisk[image] = std::max(decisionsOnDisk[image], message.number);
            }
            ::close(ends[0]);
            int status = 0;
            ::waitpid(child, &status, 0);
            QVERIFY2(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the child ended by itself");

            const auto store = take(ProjectStore::open(path, {}));
            QVERIFY(!store->recovery());
            QVERIFY(store->access() == StoreAccess::ReadWrite);
            int missing = 0;
            for (int image = 1; image <= kImages; ++image) {
                const std::size_t i = static_cast<std::size_t>(image);
                const StoredAnnotationPtr read = take(store->annotation(image, kAgreed));
                const LabelMap map = read ? labelMapFromTiles(read->labels) : LabelMap(kSize);
                const int strokes = strokesIn(map);
                const std::string where =
                    "seed " + std::to_string(seed) + ", kill " + std::to_string(kill) + ", image " +
                    std::to_string(image) + ": " + std::to_string(strokes) + " strokes, said to be safe " +
                    std::to_string(onDisk[i]) + ", handed over " + std::to_string(handed[i]);
                QVERIFY2(strokes >= onDisk[i] && strokes <= handed[i], where.c_str());
                while (drawn[i] < strokes)
                    drawStroke(model[i], image, ++drawn[i]);
                const auto different =
                    std::mismatch(map.labels.begin(), map.labels.end(), model[i].labels.begin()).first;
                QVERIFY2(different == map.labels.end(), (where + ", first difference at pixel " +
                                                         std::to_string(different - map.labels.begin()))
                                                            .c_str());
                missing += handed[i] - strokes;

                const std::vector<int> decisions = decisionsIn(*store, image);
                const int count = static_cast<int>(decisions.size());
                const std::string decisionsWhere = "kill " + std::to_string(kill) + ", image " +
                                                   std::to_string(image) + ": " + std::to_string(count) +
                                                   " decisions, said to be safe " +
                                                   std::to_string(decisionsOnDisk[i]) + ", handed over " +
                                                   std::to_string(decisionsHanded[i]);
                QVERIFY2(count >= decisionsOnDisk[i] && count <= decisionsHanded[i], decisionsWhere.c_str());
                // In their order, each once, and the image is as the last ones say.
                const ImageRecord record = take(store->image(image)).value();
                ReviewState state = ReviewState::New;
                bool flagged = false;
                for (int n = 1; n <= count; ++n) {
                    QCOMPARE(decisions[static_cast<std::size_t>(n - 1)], n);
                    const DecisionRecord made = decision(image, n);
                    state = made.kind == DecisionRecord::Kind::State ? made.state : state;
                    flagged = made.kind == DecisionRecord::Kind::Flag ? made.flagged : flagged;
                }
                QVERIFY2(record.state == state && record.flagged == flagged, decisionsWhere.c_str());
                missing += decisionsHanded[i] - count;
                decided[i] = count;
            }
            replayed += store->strokesReplayed();
            decisionsReplayed += store->decisionsReplayed();
            // Nobody draws faster than that.
            if (pace != Pace::Machine)
                QVERIFY2(missing <= 1,
                         qPrintable(QStringLiteral("kill %1: %2 missing").arg(kill).arg(missing)));
            else
                mostAtMachinePace = std::max(mostAtMachinePace, missing);
            missingInAll += missing;
            if (kill % 10 == 9)
                QVERIFY(take(store->verify()).empty());
        }
        int decisionsOnDisk = 0;
        for (std::size_t image = 1; image <= kImages; ++image) {
            strokesOnDisk += drawn[image];
            decisionsOnDisk += decided[image];
        }
        QVERIFY(strokesOnDisk > kills);
        QVERIFY(decisionsOnDisk > 0);
        QVERIFY(replayed > 0);
        qInfo(
            "%d kills, %d strokes and %d decisions kept, %d and %d of them out of the journal; not kept: %d "
            "in all, at most %d in a run that acts as fast as the machine can",
            kills, strokesOnDisk, decisionsOnDisk, replayed, decisionsReplayed, missingInAll,
            mostAtMachinePace);
    }
};

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    if (argc == 4 && std::strcmp(argv[1], "--work") == 0)
        return workForEver(argv[2], static_cast<Pace>(std::atoi(argv[3])));
    TestKill test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_kill.moc"
