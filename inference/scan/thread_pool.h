// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the independent units of one call on several threads, which are kept, because a call lasts
// milliseconds. Units must not depend on which thread runs them or in which order. Any thread may call, also
// several at once and from inside a unit.
#pragma once

#include <cstdint>
#include <functional>

namespace limn::scan {

// The number of threads meant by `threads`: itself, or the number of cores when it is <= 0.
int resolveThreads(int threads);

// Calls unit(index, participant) once for every index in [0, count) and returns when all have ended. The
// calling thread takes part; `participant` in [0, threads) tells the threads of this call apart, so that each
// can have scratch memory of its own. Units must not throw.
void runParallel(int threads, std::int64_t count,
                 const std::function<void(std::int64_t index, int participant)>& unit);

// While it lives, calls from this thread run on the threads of another library instead of the scan's own:
// lend(participants, work) calls work(i) once for every i in [0, participants), side by side where it can,
// and returns when all have ended. For calls between that library's own: threads of two pools would stand in
// each other's way, because those of OpenMP go on spinning for a while after their work.
class LentThreads {
public:
    using Lend = void (*)(int participants, const std::function<void(int participant)>& work);
    explicit LentThreads(Lend lend);
    ~LentThreads();
    LentThreads(const LentThreads&) = delete;
    LentThreads& operator=(const LentThreads&) = delete;

private:
    Lend m_before;
};

// While it lives, calls of runParallel() from this thread stop between two units as soon as `stop` gives
// true, and long units in their middle; `stop` is asked by every thread of a call. What the left-out units
// were to write is then not written: the caller must ask again before it uses any result.
class StopWhen {
public:
    explicit StopWhen(std::function<bool()> stop);
    ~StopWhen();
    StopWhen(const StopWhen&) = delete;
    StopWhen& operator=(const StopWhen&) = delete;

private:
    std::function<bool()> m_stop;
    const std::function<bool()>* m_before;
};

// From inside a unit: whether its call is to stop. For units that take longer than a person waits.
bool stopWanted();

} // namespace limn::scan
