// SPDX-License-Identifier: GPL-3.0-or-later
// Groups that become smaller where memory is short, and what happens when a device is lost.
#include "inference/plain/groups.h"

#include <QtTest>

#include <utility>
#include <vector>

using namespace limn;

namespace {

// A device with room for `room` items, which fails for good at item `failsAt`; the other one has room for
// all.
struct Devices {
    std::size_t room = 1000;
    std::size_t failsAt = 1000;
    bool onOther = false;
    std::vector<std::size_t> done; // every item, in the order in which it was done
    std::vector<std::size_t> tried;
    std::vector<GroupOutcome> givenUp;

    Result<void> run(std::size_t count, std::size_t& largest) {
        return inGroups(
            count, largest,
            [this](std::size_t first, std::size_t size) -> Result<GroupOutcome> {
                tried.push_back(size);
                if (!onOther && size > room)
                    return GroupOutcome::OutOfMemory;
                if (!onOther && first + size > failsAt)
                    return GroupOutcome::DeviceFailed;
                for (std::size_t i = first; i < first + size; ++i)
                    done.push_back(i);
                return GroupOutcome::Done;
            },
            [this](GroupOutcome outcome) -> Result<void> {
                givenUp.push_back(outcome);
                onOther = true;
                return {};
            });
    }
};

std::vector<std::size_t> firstItems(std::size_t count) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < count; ++i)
        out.push_back(i);
    return out;
}

} // namespace

class TestGroups : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void oneGroupWhereThereIsRoom();
    void halvesUntilAGroupFits();
    void remembersWhatFits();
    void givesUpTheDeviceWhereOneItemDoesNotFit();
    void keepsWhatWasDoneWhenTheDeviceFails();
    void endsAtAnError();
};

void TestGroups::oneGroupWhereThereIsRoom() {
    Devices devices;
    std::size_t largest = 0;
    QVERIFY(devices.run(37, largest));
    QCOMPARE(devices.tried, std::vector<std::size_t>{37});
    QCOMPARE(largest, std::size_t{0});
    QVERIFY(devices.run(0, largest));
    QCOMPARE(devices.tried.size(), std::size_t{1});
}

void TestGroups::halvesUntilAGroupFits() {
    Devices devices;
    devices.room = 6;
    std::size_t largest = 0;
    QVERIFY(devices.run(21, largest));
    QCOMPARE(devices.tried, (std::vector<std::size_t>{21, 11, 6, 6, 6, 3}));
    QCOMPARE(devices.done, firstItems(21));
    QVERIFY(devices.givenUp.empty());
}

void TestGroups::remembersWhatFits() {
    Devices devices;
    devices.room = 6;
    std::size_t largest = 0;
    QVERIFY(devices.run(12, largest));
    QCOMPARE(largest, std::size_t{6});
    devices.tried.clear();
    QVERIFY(devices.run(12, largest));
    QCOMPARE(devices.tried, (std::vector<std::size_t>{6, 6}));
}

void TestGroups::givesUpTheDeviceWhereOneItemDoesNotFit() {
    Devices devices;
    devices.room = 0;
    std::size_t largest = 0;
    QVERIFY(devices.run(5, largest));
    QCOMPARE(devices.givenUp, std::vector<GroupOutcome>{GroupOutcome::OutOfMemory});
    QCOMPARE(devices.done, firstItems(5));
}

void TestGroups::keepsWhatWasDoneWhenTheDeviceFails() {
    Devices devices;
    devices.room = 4;
    devices.failsAt = 9;
    std::size_t largest = 4;
    QVERIFY(devices.run(14, largest));
    QCOMPARE(devices.givenUp, std::vector<GroupOutcome>{GroupOutcome::DeviceFailed});
    // Nothing is lost and nothing done twice.
    QCOMPARE(devices.done, firstItems(14));
    QCOMPARE(devices.tried, (std::vector<std::size_t>{4, 4, 4, 4, 2}));
}

void TestGroups::endsAtAnError() {
    std::size_t largest = 0;
    int calls = 0;
    const Result<void> result = inGroups(
        9, largest,
        [&calls](std::size_t, std::size_t) -> Result<GroupOutcome> {
            if (++calls == 2)
                return Error{ErrorCode::Cancelled, {"The proposal"}};
            return GroupOutcome::OutOfMemory;
        },
        [](GroupOutcome) -> Result<void> { return {}; });
    QVERIFY(!result);
    QCOMPARE(result.error().code, ErrorCode::Cancelled);
    QCOMPARE(calls, 2);
    const Result<void> noOther = inGroups(
        1, largest,
        [](std::size_t, std::size_t) -> Result<GroupOutcome> { return GroupOutcome::DeviceFailed; },
        [](GroupOutcome) -> Result<void> {
            return Error{ErrorCode::ComputationFailed, {"The GPU", "gone"}};
        });
    QVERIFY(!noOther);
}

QTEST_APPLESS_MAIN(TestGroups)
#include "tst_groups.moc"
