// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: a program that is killed (SIGKILL) at any instant while it edits and saves loses at most the
// stroke that was not finished. A child of this program draws a known series of strokes on three images and
// tells through a pipe when a stroke is handed over, when it is in the journal and when it is in the project
// file; it is killed at a random instant, the project is reopened and compared with the series drawn here.
// Every run goes on with the same project. The child draws in one of three ways: it waits for each stroke to
// be saved; it draws one every 25 ms, faster than a person, and waits for nothing; it draws as fast as the
// machine can. What is in the journal is never lost; in the first two ways nothing but the stroke in hand is.
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

enum class Pace { Patient, Person, Machine };

// What the child says: stroke n of an image is handed over ('h'), in the journal ('j') or in the file ('d').
struct Message {
    char what;
    char image;
    char pad[2];
    std::int32_t stroke;
};

void say(char what, int image, int stroke) {
    const Message message{what, static_cast<char>(image), {}, stroke};
    (void)!::write(STDOUT_FILENO, &message, sizeof message); // small writes to a pipe are whole
}

// The child: draws until it is killed.
int drawForEver(const std::string& path, Pace pace) {
    SaverCallbacks callbacks;
    callbacks.journaled = [](const StoredAnnotation& snapshot, bool onDisk) {
        if (!onDisk)
            say('j', static_cast<int>(snapshot.image), strokesIn(labelMapFromTiles(snapshot.labels)));
    };
    callbacks.saved = [](const StoredAnnotation& snapshot, const SavedAnnotation&, bool) {
        say('d', static_cast<int>(snapshot.image), strokesIn(labelMapFromTiles(snapshot.labels)));
    };
    Saver saver([path](bool) { return ProjectStore::open(path, {.person = "child"}); }, callbacks);
    std::array<LabelMap, kImages + 1> maps;
    std::array<LabelTiles, kImages + 1> tiles;
    std::array<int, kImages + 1> strokes{};
    for (int image = 1; image <= kImages; ++image) {
        maps[image] = LabelMap(kSize);
        saver.load(image, kAgreed, 0, [&, image](const Result<StoredAnnotationPtr>& read) {
            if (read && *read)
                maps[image] = labelMapFromTiles((*read)->labels);
        });
    }
    saver.wait([](const Result<ProjectStore*>&) {});
    for (int image = 1; image <= kImages; ++image)
        strokes[image] = strokesIn(maps[image]);
    say('b', 0, 0);
    for (int turn = 0;; ++turn) {
        const int image = 1 + turn % kImages;
        drawStroke(maps[image], image, ++strokes[image]);
        StoredAnnotation snapshot = annotationOf(image, kAgreed, maps[image], &tiles[image]);
        tiles[image] = snapshot.labels;
        say('h', image, strokes[image]);
        saver.save(std::make_shared<const StoredAnnotation>(std::move(snapshot)));
        if (pace == Pace::Patient && saver.flush(60000).waiting != 0)
            return 1;
        if (pace == Pace::Person)
            std::this_thread::sleep_for(std::chrono::milliseconds(25));
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
    void atMostTheUnfinishedStrokeIsMissing() {
        QTemporaryDir dir;
        const std::string path = dir.filePath(QStringLiteral("kill.limn")).toStdString();
        (void)take(take(ProjectStore::open(path, {}))->addImages(imageRecords(kImages, kSize), kNobody));
        const std::string program = QCoreApplication::applicationFilePath().toStdString();

        std::array<LabelMap, kImages + 1> model;
        model.fill(LabelMap(kSize));
        std::array<int, kImages + 1> drawn{}; // strokes in the model
        const std::uint64_t seed = 20261123;
        Random random(seed);
        int strokesOnDisk = 0;
        int missingInAll = 0;
        int mostAtMachinePace = 0;
        int replayed = 0;
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
                ::execl(program.c_str(), program.c_str(), "--draw", path.c_str(), paceText.c_str(),
                        static_cast<char*>(nullptr));
                ::_exit(127);
            }
            ::close(ends[1]);
            std::array<int, kImages + 1> handed = drawn;
            std::array<int, kImages + 1> onDisk = drawn; // in the journal or in the file
            QElapsedTimer timer;
            timer.start();
            bool begun = false;
            bool alive = true;
            // Up to 120 ms after its first stroke, at any microsecond.
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
                    killAtMs = timer.nsecsElapsed() / 1e6 + random.below(120000) / 1000.0;
                }
                if (message.what == 'h')
                    handed[static_cast<std::size_t>(message.image)] = message.stroke;
                else if (message.what == 'd' || message.what == 'j')
                    onDisk[static_cast<std::size_t>(message.image)] =
                        std::max(onDisk[static_cast<std::size_t>(message.image)], message.stroke);
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
            }
            replayed += store->strokesReplayed();
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
        for (int image = 1; image <= kImages; ++image)
            strokesOnDisk += drawn[static_cast<std::size_t>(image)];
        QVERIFY(strokesOnDisk > kills);
        QVERIFY(replayed > 0);
        qInfo("%d kills, %d strokes kept, %d of them out of the journal; not kept: %d in all, at most %d in "
              "a run "
              "that draws as fast as the machine can",
              kills, strokesOnDisk, replayed, missingInAll, mostAtMachinePace);
    }
};

int main(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    if (argc == 4 && std::strcmp(argv[1], "--draw") == 0)
        return drawForEver(argv[2], static_cast<Pace>(std::atoi(argv[3])));
    TestKill test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_kill.moc"
