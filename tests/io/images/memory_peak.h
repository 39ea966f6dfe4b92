// SPDX-License-Identifier: GPL-3.0-or-later
// What a program has held in memory at most, from the kernel: reset, work, ask.
#pragma once

#include <fstream>
#include <string>

namespace limn::testing {

// Of the resident memory, since the program began or the last reset.
inline long peakKilobytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0)
            return std::stol(line.substr(6));
    return 0;
}

inline void resetPeak() {
    std::ofstream("/proc/self/clear_refs") << "5";
}

} // namespace limn::testing
