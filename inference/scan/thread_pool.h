// SPDX-License-Identifier: GPL-3.0-or-later
// Runs the independent units of one call on several threads. The threads are made once and kept, because a
// call lasts milliseconds. Units must not depend on which thread runs them or in which order. Internal to the
// scan; any thread may call, also several at once and from inside a unit.
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

} // namespace limn::scan
