// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: every item is reported exactly once, with its own result whatever the batch size and the threads;
// a failure touches no other item; a cancel ends the run. Images are made in memory.
#include "app/cli/prediction_pipeline.h"
#include "inference/plain/suitable_batch.h"
#include "tests/app/cli/fake_engine.h"

#include <QTest>

#include <condition_variable>
#include <map>
#include <mutex>

using namespace limn;

namespace {

constexpr Size kSize{40, 30};

// Item i holds a dark rectangle i + 1 wide and 10 high.
Image pictureOf(std::size_t item) {
    return pictureWith(kSize, {2, 5, static_cast<int>(item) + 1, 10});
}

struct Outcome {
    std::map<std::size_t, std::size_t> area; // by item: pixels with a probability of at least one half
    std::map<std::size_t, std::optional<Error>> reported;
    std::size_t reports = 0;
    std::size_t pixelsSeen = 0;
    PipelineTimes times;
};

Outcome runItems(Engine& engine, std::size_t items, const PipelineOptions& options,
                 const std::function<Result<Image>(std::size_t)>& read, const CancelToken* cancel = nullptr,
                 const std::function<void(std::size_t)>& onDone = {}) {
    Outcome outcome;
    std::mutex mutex;
    PipelineSteps steps;
    steps.read = read;
    steps.finish = [&](std::size_t item, Image image, Proposal proposal) -> Result<void> {
        std::size_t area = 0;
        for (std::uint16_t value : proposal.probability.values)
            area += value >= 32768;
        std::lock_guard lock(mutex);
        outcome.area[item] = area;
        outcome.pixelsSeen += image.rgb.size();
        return {};
    };
    steps.done = [&](std::size_t item, const std::optional<Error>& error) {
        ++outcome.reports;
        outcome.reported[item] = error;
        if (onDone)
            onDone(item);
    };
    outcome.times = runPipeline(engine, items, options, steps, cancel);
    return outcome;
}

PipelineOptions optionsOf(int batch, int threads) {
    PipelineOptions options;
    options.batch = batch;
    options.readers = threads;
    options.finishers = threads;
    options.predict.inputSize = 120; // three and four times the picture's sides: nothing is lost
    return options;
}

} // namespace

class PredictionPipelineTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // Each image goes through the engine that was chosen for it, and a batch holds images of one alone.
    // Cores take whole images, as many as their memory allows; a GPU is busy with sixteen.
    void batchesSuitTheDevice() {
        QCOMPARE(suitableBatch("cuda:0", 256, 0), 16);
        QCOMPARE(suitableBatch("cpu", 256, 1), 2);
        QCOMPARE(suitableBatch("cpu", 256, 8), 16);
        QCOMPARE(suitableBatch("cpu", 256, 256), 64);
        QCOMPARE(suitableBatch("cpu", 1024, 8), 4);
        QCOMPARE(suitableBatch("cpu", 4096, 8), 1);
        QVERIFY(suitableBatch("cpu", 256, 0) >= 2);
    }

    void severalEngines() {
        for (const int batch : {1, 4}) {
            FakeEngine engines[2];
            std::mutex mutex;
            std::map<std::size_t, int> reports;
            PipelineSteps steps;
            steps.read = [](std::size_t item) -> Result<Image> { return pictureOf(item % 20); };
            steps.choose = [](std::size_t item, const Image& image) -> std::size_t {
                return image.rgb.empty() ? 0 : item % 3 == 0;
            };
            steps.done = [&](std::size_t item, const std::optional<Error>& error) {
                std::lock_guard lock(mutex);
                reports[item] += error ? 100 : 1;
            };
            engines[1].setModelHash('b');
            std::map<std::size_t, std::string> hash;
            steps.finish = [&](std::size_t item, Image, Proposal proposal) -> Result<void> {
                std::lock_guard lock(mutex);
                hash[item] = proposal.model.sha256;
                return {};
            };
            runPipeline(std::vector<Engine*>{&engines[0], &engines[1]}, 31, optionsOf(batch, 3), steps);
            QCOMPARE(reports.size(), std::size_t(31));
            for (const auto& [item, count] : reports) {
                QCOMPARE(count, 1);
                QCOMPARE(hash[item], std::string(64, item % 3 == 0 ? 'b' : 'a'));
            }
            std::size_t through[2] = {0, 0};
            for (int i = 0; i < 2; ++i)
                for (const std::size_t images : engines[i].batches) {
                    through[i] += images;
                    QVERIFY(images <= static_cast<std::size_t>(batch));
                }
            QCOMPARE(through[0], std::size_t(20));
            QCOMPARE(through[1], std::size_t(11));
            // Full but for the last ones.
            QCOMPARE(engines[0].batches.size(), std::size_t((20 + batch - 1) / batch));
            QCOMPARE(engines[1].batches.size(), std::size_t((11 + batch - 1) / batch));
        }
    }

    void everyItemOnce_data() {
        QTest::addColumn<int>("items");
        QTest::addColumn<int>("batch");
        QTest::addColumn<int>("threads");
        QTest::newRow("nothing") << 0 << 4 << 2;
        QTest::newRow("one") << 1 << 1 << 1;
        QTest::newRow("oneInAWideBatch") << 1 << 16 << 3;
        QTest::newRow("oneThread") << 30 << 1 << 1;
        QTest::newRow("lastBatchNotFull") << 30 << 7 << 3;
        QTest::newRow("batchAboveTheQueue") << 30 << 30 << 4;
    }
    void everyItemOnce() {
        QFETCH(int, items);
        QFETCH(int, batch);
        QFETCH(int, threads);
        FakeEngine engine;
        const std::size_t count = static_cast<std::size_t>(items);
        const Outcome outcome = runItems(engine, count, optionsOf(batch, threads),
                                         [](std::size_t item) { return pictureOf(item); });
        QCOMPARE(outcome.reports, count);
        QCOMPARE(outcome.reported.size(), count);
        for (std::size_t i = 0; i < count; ++i) {
            QVERIFY(!outcome.reported.at(i));
            QCOMPARE(outcome.area.at(i), 10 * (i + 1));
        }
        std::size_t images = 0;
        for (std::size_t size : engine.batches) {
            QVERIFY(size <= static_cast<std::size_t>(batch));
            images += size;
        }
        QCOMPARE(images, count);
        QCOMPARE(engine.batches.size(), (count + batch - 1) / batch);
    }

    void unreadableItemsAreLeftOut() {
        FakeEngine engine;
        const Outcome outcome = runItems(engine, 9, optionsOf(2, 2), [](std::size_t item) -> Result<Image> {
            if (item % 3 == 0)
                return Error{ErrorCode::FileEmpty, {"file " + std::to_string(item)}};
            return pictureOf(item);
        });
        QCOMPARE(outcome.reports, std::size_t{9});
        for (std::size_t i = 0; i < 9; ++i) {
            QCOMPARE(outcome.reported.at(i).has_value(), i % 3 == 0);
            QCOMPARE(outcome.area.contains(i), i % 3 != 0);
        }
        QCOMPARE(outcome.reported.at(3)->arguments.front(), std::string("file 3"));
    }

    void tooLargeBatchIsTriedOneByOne() {
        FakeEngine engine;
        engine.beforeRun = [](std::size_t images) -> Result<void> {
            if (images > 1)
                return Error{ErrorCode::OutOfMemory, {"a batch", "more than there is"}};
            return {};
        };
        const Outcome outcome =
            runItems(engine, 5, optionsOf(5, 2), [](std::size_t item) { return pictureOf(item); });
        QCOMPARE(outcome.reports, std::size_t{5});
        for (std::size_t i = 0; i < 5; ++i) {
            QVERIFY(!outcome.reported.at(i));
            QCOMPARE(outcome.area.at(i), 10 * (i + 1));
        }
        QCOMPARE(engine.batches, (std::vector<std::size_t>{5, 1, 1, 1, 1, 1}));
    }

    void networkFailureOfOne() {
        FakeEngine engine;
        std::size_t runs = 0;
        engine.beforeRun = [&runs](std::size_t) -> Result<void> {
            if (++runs == 2)
                return Error{ErrorCode::ComputationFailed, {"The network", "a test wants it"}};
            return {};
        };
        const Outcome outcome =
            runItems(engine, 4, optionsOf(1, 1), [](std::size_t item) { return pictureOf(item); });
        QCOMPARE(outcome.reports, std::size_t{4});
        QCOMPARE(outcome.area.size(), std::size_t{3});
        QVERIFY(outcome.reported.at(1));
        QCOMPARE(outcome.reported.at(1)->code, ErrorCode::ComputationFailed);
    }

    void cancelEndsTheRun() {
        FakeEngine engine;
        CancelToken cancel;
        const Outcome outcome = runItems(
            engine, 1000, optionsOf(2, 2), [](std::size_t item) { return pictureOf(item % 20); }, &cancel,
            [&cancel](std::size_t) { cancel.cancel(); });
        QCOMPARE(outcome.reports, std::size_t{1000});
        QCOMPARE(outcome.reported.size(), std::size_t{1000});
        QVERIFY(outcome.area.size() < 100); // what was under way when the first one ended
        std::size_t cancelled = 0;
        for (const auto& [item, error] : outcome.reported)
            cancelled += error && error->code == ErrorCode::Cancelled;
        QCOMPARE(cancelled + outcome.area.size(), std::size_t{1000});
    }

    void pixelsAreKeptOnlyWhenAskedFor() {
        FakeEngine engine;
        PipelineOptions options = optionsOf(1, 1);
        const auto read = [](std::size_t item) { return pictureOf(item); };
        QCOMPARE(runItems(engine, 3, options, read).pixelsSeen, std::size_t{0});
        options.keepPixels = true;
        QCOMPARE(runItems(engine, 3, options, read).pixelsSeen, 3 * kSize.pixels() * 3);
    }

    // The reading of one image waits until another one is finished: only a pipeline that overlaps its stages
    // ends.
    void stagesOverlap() {
        FakeEngine engine;
        std::mutex mutex;
        std::condition_variable firstDone;
        bool isDone = false;
        const Outcome outcome = runItems(
            engine, 2, optionsOf(1, 2),
            [&](std::size_t item) {
                if (item == 1) {
                    std::unique_lock lock(mutex);
                    firstDone.wait(lock, [&] { return isDone; });
                }
                return pictureOf(item);
            },
            nullptr,
            [&](std::size_t item) {
                if (item == 0) {
                    std::lock_guard lock(mutex);
                    isDone = true;
                    firstDone.notify_all();
                }
            });
        QCOMPARE(outcome.area.size(), std::size_t{2});
    }
};

QTEST_GUILESS_MAIN(PredictionPipelineTest)
#include "tst_prediction_pipeline.moc"
