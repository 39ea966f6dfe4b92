// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/training/batches.h"
#include "io/core/hashing.h"

#include <algorithm>
#include <numeric>

namespace limn {

namespace {

constexpr int kBatchesAhead = 6;

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    return splitMixNumber(a + kSplitMixStep * (b + 1));
}

double unit(std::uint64_t bits) {
    return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

// Place `position` of the order that `seed` shuffles [0, count) into, without storing the order: a Feistel
// network over the next power of four, walked until it lands inside (Black and Rogaway 2002).
std::uint64_t shuffledIndex(std::uint64_t position, std::uint64_t count, std::uint64_t seed) {
    int half = 1;
    while ((1ull << (2 * half)) < count)
        ++half;
    const std::uint64_t mask = (1ull << half) - 1;
    std::uint64_t value = position;
    do {
        std::uint64_t left = value >> half;
        std::uint64_t right = value & mask;
        for (std::uint64_t round = 0; round < 4; ++round) {
            const std::uint64_t next = left ^ (mixed(seed + round, right) & mask);
            left = right;
            right = next;
        }
        value = (left << half) | right;
    } while (value >= count);
    return value;
}

} // namespace

BatchMaker::BatchMaker(const TrainingSet& set, const TrainOptions& options)
    : m_set(set)
    , m_options(options)
    , m_calmAugmentation(calmAugmentation(options.augmentation))
    , m_stepsPerEpoch(std::max<std::int64_t>(1, static_cast<std::int64_t>(set.training.size()) /
                                                    std::max(1, options.batch))) {}

int BatchMaker::sideAt(std::int64_t step) const {
    // By whole epochs, so that a resumed run agrees with an unbroken one.
    const double done = static_cast<double>(step / m_stepsPerEpoch) / m_options.epochs;
    int side = m_options.inputSize;
    for (const auto& [from, size] : m_options.sizeSchedule)
        if (done >= from)
            side = size;
    return side;
}

Batch BatchMaker::emptyBatch(std::int64_t step) const {
    Batch batch;
    batch.side = sideAt(step);
    batch.count = m_options.batch;
    const std::size_t pixels = static_cast<std::size_t>(batch.side) * batch.side;
    batch.planes.resize(pixels * 3 * batch.count);
    batch.masks.resize(pixels * batch.count);
    batch.names.resize(batch.count);
    return batch;
}

void BatchMaker::fill(std::int64_t step, int slot, Batch& batch) const {
    const std::size_t pixels = static_cast<std::size_t>(batch.side) * batch.side;
    const std::span<std::uint8_t> planes(batch.planes.data() + pixels * 3 * slot, pixels * 3);
    const std::span<std::uint8_t> mask(batch.masks.data() + pixels * slot, pixels);
    const std::uint64_t seed = mixed(mixed(m_options.seed, step), slot);

    const double done = static_cast<double>(step) / static_cast<double>(totalSteps());
    const double drawnShare = m_options.drawnUntil > 0.0
                                  ? m_options.drawnShare * std::max(0.0, 1.0 - done / m_options.drawnUntil)
                                  : 0.0;
    const bool isCalm = done >= m_options.calmFrom;
    const AugmentOptions& augmentation = isCalm ? m_calmAugmentation : m_options.augmentation;
    if (!m_options.drawnKinds.empty() && unit(mixed(seed, 1)) < drawnShare) {
        const std::uint64_t drawSeed = mixed(seed, 2);
        const DrawnKind kind = m_options.drawnKinds[mixed(seed, 3) % m_options.drawnKinds.size()];
        DrawnImage drawn = drawImage(kind, {batch.side, batch.side}, drawSeed);
        batch.names[slot] = "drawn-" + std::to_string(drawSeed);
        TrainingSample sample{batch.names[slot], drawn.image.size, std::move(drawn.image.rgb),
                              std::move(drawn.mask.labels)};
        augment(sample, augmentation, batch.side, mixed(seed, 4), planes, mask);
        return;
    }
    const std::uint64_t count = m_set.training.size();
    const std::int64_t epoch = step / m_stepsPerEpoch;
    const std::uint64_t position =
        (static_cast<std::uint64_t>(step % m_stepsPerEpoch) * m_options.batch + slot) % count;
    const TrainingSample& sample =
        m_set.training[shuffledIndex(position, count, mixed(m_options.seed, 0x65706F6368ull + epoch))];
    batch.names[slot] = sample.name;
    const bool isPasted = unit(mixed(seed, 5)) < augmentation.pasteProbability;
    const TrainingSample* donor = isPasted ? &m_set.training[mixed(seed, 6) % count] : nullptr;
    augment(sample, augmentation, batch.side, mixed(seed, 4), planes, mask, donor);
}

BatchQueue::BatchQueue(const BatchMaker& maker, std::int64_t firstStep, int threads)
    : m_maker(maker), m_nextToMake(firstStep), m_nextToGive(firstStep) {
    for (int i = 0; i < std::max(1, threads); ++i)
        m_threads.emplace_back([this] { work(); });
}

BatchQueue::~BatchQueue() {
    {
        const std::lock_guard lock(m_mutex);
        m_stop = true;
    }
    m_wake.notify_all();
    for (std::thread& thread : m_threads)
        thread.join();
}

void BatchQueue::work() {
    std::unique_lock lock(m_mutex);
    while (true) {
        Pending* mine = nullptr;
        std::int64_t step = 0;
        m_wake.wait(lock, [&] {
            if (m_stop)
                return true;
            for (auto& [number, pending] : m_pending) {
                if (pending.given < m_maker.slots()) {
                    mine = &pending;
                    step = number;
                    return true;
                }
            }
            return m_nextToMake < m_nextToGive + kBatchesAhead;
        });
        if (m_stop)
            return;
        if (mine == nullptr) {
            step = m_nextToMake++;
            mine = &m_pending[step];
            mine->batch = std::make_unique<Batch>(m_maker.emptyBatch(step));
            m_wake.notify_all();
        }
        const int slot = mine->given++;
        Batch& batch = *mine->batch;
        lock.unlock();
        m_maker.fill(step, slot, batch);
        lock.lock();
        if (++mine->finished == m_maker.slots())
            m_ready.notify_all();
    }
}

std::unique_ptr<Batch> BatchQueue::next() {
    std::unique_lock lock(m_mutex);
    m_ready.wait(lock, [this] {
        const auto found = m_pending.find(m_nextToGive);
        return found != m_pending.end() && found->second.finished == m_maker.slots();
    });
    const auto found = m_pending.find(m_nextToGive);
    std::unique_ptr<Batch> batch = std::move(found->second.batch);
    m_pending.erase(found);
    ++m_nextToGive;
    m_wake.notify_all();
    return batch;
}

} // namespace limn
