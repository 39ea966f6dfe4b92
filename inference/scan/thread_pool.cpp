// SPDX-License-Identifier: GPL-3.0-or-later
// Kept threads that help the caller of runParallel(), unless another library lends its own. A caller works
// through its own units too, so a call ends even when every helper is busy elsewhere.
#include "inference/scan/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "hwy/cache_control.h"

namespace limn::scan {
namespace {

constexpr int kMostThreads = 256;
// Looks for more work before a thread sleeps, 30 to 100 microseconds: the network's calls follow each other
// faster than a sleeping thread wakes, and a longer wait would take the processor from others.
constexpr int kSpins = 2000;

thread_local LentThreads::Lend t_lend = nullptr;
thread_local const std::function<bool()>* t_stop = nullptr;

struct Job {
    const std::function<void(std::int64_t, int)>* unit = nullptr;
    const std::function<bool()>* stop = nullptr;
    std::int64_t count = 0;
    std::atomic<std::int64_t> next{0};
    int invited = 0;            // helpers that may still join; guarded by the pool's mutex
    int joined = 1;             // participants so far, the caller being the first
    std::atomic<int> active{0}; // helpers inside the job; changed under the pool's mutex

    void work(int participant) {
        // For the units that ask in their middle, whichever thread they run on.
        const std::function<bool()>* const before = std::exchange(t_stop, stop);
        while (!stopWanted()) {
            const std::int64_t index = next.fetch_add(1, std::memory_order_relaxed);
            if (index >= count)
                break;
            (*unit)(index, participant);
        }
        t_stop = before;
    }
};

class Pool {
public:
    static Pool& instance() {
        static Pool pool;
        return pool;
    }

    ~Pool() {
        {
            const std::lock_guard lock(m_mutex);
            m_stop = true;
        }
        m_wake.notify_all();
        for (std::thread& thread : m_threads)
            thread.join();
    }

    void run(Job& job, int helpers) {
        {
            const std::lock_guard lock(m_mutex);
            // A system that gives no more threads leaves the work to those that exist.
            try {
                while (static_cast<int>(m_threads.size()) < helpers)
                    m_threads.emplace_back([this] { serve(); });
            } catch (const std::exception&) {
                helpers = static_cast<int>(m_threads.size());
            }
            job.invited = helpers;
            if (helpers > 0) {
                m_jobs.push_back(&job);
                m_open.store(true, std::memory_order_release);
            }
        }
        if (helpers == 1)
            m_wake.notify_one();
        else if (helpers > 1)
            m_wake.notify_all();
        job.work(0);
        {
            const std::lock_guard lock(m_mutex);
            std::erase(m_jobs, &job);
            m_open.store(!m_jobs.empty(), std::memory_order_release);
        }
        for (int i = 0; i < kSpins && job.active.load(std::memory_order_acquire) > 0; ++i)
            hwy::Pause();
        std::unique_lock lock(m_mutex);
        m_done.wait(lock, [&job] { return job.active == 0; });
    }

private:
    void serve() {
        std::unique_lock lock(m_mutex);
        for (;;) {
            if (m_jobs.empty()) {
                lock.unlock();
                for (int i = 0; i < kSpins && !m_open.load(std::memory_order_acquire); ++i)
                    hwy::Pause();
                lock.lock();
            }
            m_wake.wait(lock, [this] { return m_stop || !m_jobs.empty(); });
            if (m_stop)
                return;
            Job& job = *m_jobs.front();
            const int participant = job.joined++;
            job.active++;
            if (--job.invited == 0) {
                m_jobs.pop_front();
                m_open.store(!m_jobs.empty(), std::memory_order_release);
            }
            lock.unlock();
            job.work(participant);
            lock.lock();
            if (--job.active == 0)
                m_done.notify_all();
        }
    }

    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::condition_variable m_done;
    std::deque<Job*> m_jobs;         // with helpers still invited
    std::atomic<bool> m_open{false}; // whether there are any; to look at without the mutex
    std::vector<std::thread> m_threads;
    bool m_stop = false;
};

} // namespace

bool stopWanted() {
    return t_stop != nullptr && (*t_stop)();
}

LentThreads::LentThreads(Lend lend) : m_before(t_lend) {
    t_lend = lend;
}

LentThreads::~LentThreads() {
    t_lend = m_before;
}

StopWhen::StopWhen(std::function<bool()> stop) : m_stop(std::move(stop)), m_before(t_stop) {
    t_stop = &m_stop;
}

StopWhen::~StopWhen() {
    t_stop = m_before;
}

int resolveThreads(int threads) {
    if (threads <= 0)
        threads = static_cast<int>(std::thread::hardware_concurrency());
    return std::clamp(threads, 1, kMostThreads);
}

void runParallel(int threads, std::int64_t count, const std::function<void(std::int64_t, int)>& unit) {
    if (count <= 0)
        return;
    Job job;
    job.unit = &unit;
    job.stop = t_stop;
    job.count = count;
    const int helpers = static_cast<int>(std::min<std::int64_t>(resolveThreads(threads), count)) - 1;
    if (helpers == 0)
        job.work(0);
    else if (t_lend != nullptr)
        t_lend(helpers + 1, [&job](int participant) { job.work(participant); });
    else
        Pool::instance().run(job, helpers);
}

} // namespace limn::scan
