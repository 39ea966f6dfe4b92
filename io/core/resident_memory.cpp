// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/core/resident_memory.h"

#include <fstream>
#include <string>

namespace limn {

std::int64_t peakResidentBytes() {
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
        std::int64_t kibibytes = 0;
        if (word == "VmHWM:" && status >> kibibytes)
            return kibibytes * 1024;
    }
    return 0;
}

void resetPeakResidentBytes() {
    std::ofstream("/proc/self/clear_refs") << "5";
}

} // namespace limn
