// SPDX-License-Identifier: GPL-3.0-or-later
// Prepares batches on several threads ahead of the device. Plain C++20.
#pragma once

#include "inference/training/train.h"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

namespace limn {

struct Batch {
    int side = 0;
    int count = 0;
    std::vector<std::uint8_t> planes; // [count][3][side][side]
    std::vector<std::uint8_t> masks;  // [count][1][side][side], 255 is inside
    std::vector<std::string> names;
};

// Makes batch number `step` of a run, a pure function of the options and the step.
class BatchMaker {
public:
    BatchMaker(const TrainingSet& set, const TrainOptions& options);

    std::int64_t stepsPerEpoch() const { return m_stepsPerEpoch; }
    std::int64_t totalSteps() const { return m_stepsPerEpoch * m_options.epochs; }
    int sideAt(std::int64_t step) const;
    int slots() const { return m_options.batch; }
    // Fills one slot; different slots may be filled at once.
    void fill(std::int64_t step, int slot, Batch& batch) const;
    Batch emptyBatch(std::int64_t step) const;

private:
    const TrainingSet& m_set;
    const TrainOptions& m_options;
    AugmentOptions m_calmAugmentation;
    std::int64_t m_stepsPerEpoch;
};

// Keeps a few batches ready from `firstStep` on. next() gives them in order.
class BatchQueue {
public:
    BatchQueue(const BatchMaker& maker, std::int64_t firstStep, int threads);
    ~BatchQueue();
    BatchQueue(const BatchQueue&) = delete;
    BatchQueue& operator=(const BatchQueue&) = delete;

    std::unique_ptr<Batch> next();

private:
    struct Pending {
        std::unique_ptr<Batch> batch;
        int given = 0;
        int finished = 0;
    };
    void work();

    const BatchMaker& m_maker;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_ready;
    std::map<std::int64_t, Pending> m_pending;
    std::int64_t m_nextToMake;
    std::int64_t m_nextToGive;
    bool m_stop = false;
    std::vector<std::thread> m_threads;
};

} // namespace limn
