// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory this program has held at most, counted by the system: that of libraries too. Linux; any
// thread.
#pragma once

#include <cstdint>

namespace limn {

// Of the resident memory, since the program began or the last reset. Not getrusage()'s, which keeps that of
// whoever started it. 0 where the system does not tell.
std::int64_t peakResidentBytes();

// From now on peakResidentBytes() tells of what follows, where the system lets it be reset.
void resetPeakResidentBytes();

} // namespace limn
