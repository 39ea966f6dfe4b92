// SPDX-License-Identifier: GPL-3.0-or-later
// How much memory a piece of work takes, counted by the system: LibTorch's arrays too. Linux alone.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace limn::testing {

// The most that this program had in memory so far; 0 where the system does not tell.
inline std::int64_t mostResidentBytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::int64_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes)
            return kibibytes * 1024;
    }
    return 0;
}

// What `work` took at most beyond what was there before. Where the system does not let the mark be reset: by
// how much it passed the mark.
template<typename Work>
std::int64_t residentGrowth(const Work& work) {
    std::ofstream("/proc/self/clear_refs") << "5";
    const std::int64_t before = mostResidentBytes();
    work();
    return mostResidentBytes() - before;
}

} // namespace limn::testing
