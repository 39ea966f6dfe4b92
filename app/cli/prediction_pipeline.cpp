// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/prediction_pipeline.h"

#include "app/cli/bounded_queue.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace limn {

namespace {

using Clock = std::chrono::steady_clock;

// Of each of the two queues. A 12-megapixel image is 36 MB.
constexpr std::size_t kQueueBytes = std::size_t{512} << 20;

struct Prepared {
    std::size_t item = 0;
    std::size_t engine = 0;
    Image image;
    std::vector<float> input;
};

struct Predicted {
    std::size_t item = 0;
    std::size_t engine = 0;
    Image image;
    FloatMap map;
};

std::size_t bytesOf(const Image& image) {
    return image.rgb.size() + (image.deep ? image.deep->samples.size() * sizeof(std::uint16_t) : 0);
}

int threadsOf(int wanted) {
    if (wanted > 0)
        return wanted;
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 16);
}

double since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

class Busy {
public:
    void add(double ms) {
        std::lock_guard lock(m_mutex);
        m_ms += ms;
    }
    double ms() const { return m_ms; }

private:
    std::mutex m_mutex;
    double m_ms = 0.0;
};

class Pipeline {
public:
    Pipeline(const std::vector<Engine*>& engines, std::size_t items, const PipelineOptions& options,
             const PipelineSteps& steps, const CancelToken* cancel)
        : m_engines(engines)
        , m_items(items)
        , m_options(options)
        , m_steps(steps)
        , m_cancel(cancel)
        , m_batch(static_cast<std::size_t>(std::max(1, options.batch)))
        , m_prepared(std::max<std::size_t>(4, 2 * m_batch), kQueueBytes)
        , m_predicted(std::max<std::size_t>(4, 2 * m_batch), kQueueBytes) {}

    PipelineTimes run() {
        const Clock::time_point begin = Clock::now();
        const int readers = threadsOf(m_options.readers);
        const int finishers = threadsOf(m_options.finishers);
        m_readersLeft = readers;
        std::vector<std::thread> threads;
        threads.reserve(static_cast<std::size_t>(readers) + static_cast<std::size_t>(finishers));
        for (int i = 0; i < readers; ++i)
            threads.emplace_back([this] { readAll(); });
        for (int i = 0; i < finishers; ++i)
            threads.emplace_back([this] { finishAll(); });
        predictAll();
        m_predicted.close();
        for (std::thread& thread : threads)
            thread.join();
        return {m_reading.ms(), m_network.ms(), m_finishing.ms(), since(begin)};
    }

private:
    bool cancelled() const { return m_cancel && m_cancel->cancelled(); }

    void report(std::size_t item, const std::optional<Error>& error) {
        std::lock_guard lock(m_doneMutex);
        m_steps.done(item, error);
    }
    void reportCancelled(std::size_t item) { report(item, Error{ErrorCode::Cancelled, {"The run"}}); }

    Result<PreparedImage> prepare(std::size_t item) {
        if (m_steps.prepare)
            return m_steps.prepare(item);
        Result<Image> image = m_steps.read(item);
        if (!image)
            return image.error();
        const std::size_t engine = m_steps.choose ? m_steps.choose(item, *image) : 0;
        Result<std::vector<float>> input = m_engines[engine]->preprocess(*image, m_options.predict);
        if (!input)
            return input.error();
        return PreparedImage{std::move(*image), std::move(*input), engine};
    }

    void readAll() {
        for (std::size_t item = m_next++; item < m_items; item = m_next++) {
            if (cancelled()) {
                reportCancelled(item);
                continue;
            }
            const Clock::time_point begin = Clock::now();
            std::optional<Error> error;
            Prepared prepared;
            prepared.item = item;
            try {
                Result<PreparedImage> read = prepare(item);
                if (read) {
                    prepared.image = std::move(read->image);
                    prepared.input = std::move(read->input);
                    prepared.engine = read->engine;
                    if (!m_options.keepPixels) {
                        prepared.image.rgb = {};
                        prepared.image.deep = nullptr;
                    }
                } else {
                    error = read.error();
                }
            } catch (const std::bad_alloc&) {
                error =
                    Error{ErrorCode::OutOfMemory, {"reading an image", "image " + std::to_string(item + 1)}};
            }
            m_reading.add(since(begin));
            if (error) {
                report(item, error);
                continue;
            }
            const std::size_t bytes = bytesOf(prepared.image) + prepared.input.size() * sizeof(float);
            m_prepared.push(std::move(prepared), bytes);
        }
        if (--m_readersLeft == 0)
            m_prepared.close();
    }

    void predictAll() {
        // A batch for each engine; those that are not full at the end run then.
        std::vector<std::vector<Prepared>> batches(m_engines.size());
        while (std::optional<Prepared> next = m_prepared.pop()) {
            std::vector<Prepared>& batch = batches[next->engine];
            batch.push_back(std::move(*next));
            if (batch.size() == m_batch) {
                predict(batch);
                batch.clear();
            }
        }
        for (std::vector<Prepared>& batch : batches)
            if (!batch.empty())
                predict(batch);
    }

    void predict(std::vector<Prepared>& batch) {
        if (cancelled()) {
            for (const Prepared& prepared : batch)
                reportCancelled(prepared.item);
            return;
        }
        std::vector<std::vector<float>> inputs;
        inputs.reserve(batch.size());
        for (Prepared& prepared : batch)
            inputs.push_back(std::move(prepared.input));

        const Clock::time_point begin = Clock::now();
        Result<std::vector<FloatMap>> maps =
            m_engines[batch.front().engine]->run(inputs, m_options.predict, m_cancel);
        m_network.add(since(begin));
        if (maps) {
            for (std::size_t i = 0; i < batch.size(); ++i)
                hand(batch[i], std::move((*maps)[i]));
            return;
        }
        if (batch.size() == 1) {
            report(batch[0].item, maps.error());
            return;
        }
        // One of them may be to blame, or the batch was too large for the memory.
        for (std::size_t i = 0; i < batch.size(); ++i) {
            std::vector<Prepared> one(1);
            one[0].item = batch[i].item;
            one[0].engine = batch[i].engine;
            one[0].image = std::move(batch[i].image);
            one[0].input = std::move(inputs[i]);
            predict(one);
        }
    }

    void hand(Prepared& prepared, FloatMap map) {
        Predicted predicted{prepared.item, prepared.engine, std::move(prepared.image), std::move(map)};
        const std::size_t bytes = bytesOf(predicted.image) + predicted.map.values.size() * sizeof(float);
        m_predicted.push(std::move(predicted), bytes);
    }

    Result<void> finish(Predicted& predicted) {
        if (m_steps.finishMap)
            return m_steps.finishMap(predicted.item, std::move(predicted.image), std::move(predicted.map));
        Proposal proposal =
            m_engines[predicted.engine]->finish(predicted.image, std::move(predicted.map), m_options.predict);
        return m_steps.finish(predicted.item, std::move(predicted.image), std::move(proposal));
    }

    void finishAll() {
        while (std::optional<Predicted> next = m_predicted.pop()) {
            const Clock::time_point begin = Clock::now();
            std::optional<Error> error;
            try {
                Result<void> finished = finish(*next);
                if (!finished)
                    error = finished.error();
            } catch (const std::bad_alloc&) {
                error = Error{ErrorCode::OutOfMemory,
                              {"a mask of the image's size", "image " + std::to_string(next->item + 1)}};
            }
            m_finishing.add(since(begin));
            report(next->item, error);
        }
    }

    const std::vector<Engine*> m_engines;
    const std::size_t m_items;
    const PipelineOptions& m_options;
    const PipelineSteps& m_steps;
    const CancelToken* const m_cancel;
    const std::size_t m_batch;
    BoundedQueue<Prepared> m_prepared;
    BoundedQueue<Predicted> m_predicted;
    std::atomic<std::size_t> m_next{0};
    std::atomic<int> m_readersLeft{0};
    std::mutex m_doneMutex;
    Busy m_reading;
    Busy m_network;
    Busy m_finishing;
};

} // namespace

PipelineTimes runPipeline(Engine& engine, std::size_t items, const PipelineOptions& options,
                          const PipelineSteps& steps, const CancelToken* cancel) {
    return Pipeline({&engine}, items, options, steps, cancel).run();
}

PipelineTimes runPipeline(const std::vector<Engine*>& engines, std::size_t items,
                          const PipelineOptions& options, const PipelineSteps& steps,
                          const CancelToken* cancel) {
    return Pipeline(engines, items, options, steps, cancel).run();
}

} // namespace limn
