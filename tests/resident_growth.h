// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory a piece of work takes, counted by the system: LibTorch's arrays too.
#pragma once

#include "io/core/resident_memory.h"

namespace limn::testing {

// What `work` took at most beyond what was there before. Where the system does not let the mark be reset: by
// how much it passed the mark.
template<typename Work>
std::int64_t residentGrowth(const Work& work) {
    resetPeakResidentBytes();
    const std::int64_t before = peakResidentBytes();
    work();
    return peakResidentBytes() - before;
}

} // namespace limn::testing
