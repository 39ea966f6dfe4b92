// SPDX-License-Identifier: GPL-3.0-or-later
// Units of one call on several threads: each runs once, and a call that is stopped ends between two units.
#include "inference/scan/thread_pool.h"

#include <QtTest>

#include <atomic>
#include <thread>
#include <vector>

using namespace limn;

class TestThreadPool : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyUnitRunsOnce_data();
    void everyUnitRunsOnce();
    void stopsBetweenUnits_data();
    void stopsBetweenUnits();
    void longUnitsLearnOfIt();
    void stopEndsWithItsScope();
};

void TestThreadPool::everyUnitRunsOnce_data() {
    QTest::addColumn<int>("threads");
    QTest::newRow("one thread") << 1;
    QTest::newRow("two threads") << 2;
    QTest::newRow("more threads than cores") << 9;
}

void TestThreadPool::everyUnitRunsOnce() {
    QFETCH(int, threads);
    std::vector<std::atomic<int>> times(1000);
    std::atomic<bool> participantsAreRight{true};
    scan::runParallel(threads, 1000, [&](std::int64_t index, int participant) {
        ++times[static_cast<std::size_t>(index)];
        if (participant < 0 || participant >= threads)
            participantsAreRight = false;
    });
    QVERIFY(participantsAreRight);
    for (const std::atomic<int>& each : times)
        QCOMPARE(each.load(), 1);
}

void TestThreadPool::stopsBetweenUnits_data() {
    everyUnitRunsOnce_data();
}

void TestThreadPool::stopsBetweenUnits() {
    QFETCH(int, threads);
    std::atomic<bool> asked{false};
    std::atomic<int> done{0};
    const scan::StopWhen stop([&asked] { return asked.load(); });
    scan::runParallel(threads, 100000, [&](std::int64_t, int) {
        if (++done == 10)
            asked = true;
    });
    // Every thread may have begun one more when the tenth ended.
    QVERIFY(done >= 10);
    QVERIFY(done <= 10 + threads);
    const int before = done;
    scan::runParallel(threads, 1000, [&](std::int64_t, int) { ++done; });
    QCOMPARE(done.load(), before);
}

// Units that would never end by themselves, on the caller's thread and on the others.
void TestThreadPool::longUnitsLearnOfIt() {
    for (const int threads : {1, 2, 4}) {
        std::atomic<bool> asked{false};
        std::atomic<int> begun{0};
        {
            const scan::StopWhen stop([&asked] { return asked.load(); });
            scan::runParallel(threads, threads, [&](std::int64_t, int) {
                if (++begun == threads)
                    asked = true;
                while (!scan::stopWanted())
                    std::this_thread::yield();
            });
        }
        QCOMPARE(begun.load(), threads);
        QVERIFY(!scan::stopWanted());
        // The kept threads have forgotten it.
        std::atomic<int> wanted{0};
        scan::runParallel(threads, 200, [&](std::int64_t, int) { wanted += scan::stopWanted(); });
        QCOMPARE(wanted.load(), 0);
    }
}

void TestThreadPool::stopEndsWithItsScope() {
    {
        const scan::StopWhen stop([] { return true; });
    }
    std::atomic<int> done{0};
    scan::runParallel(2, 50, [&](std::int64_t, int) { ++done; });
    QCOMPARE(done.load(), 50);
}

QTEST_APPLESS_MAIN(TestThreadPool)
#include "tst_thread_pool.moc"
