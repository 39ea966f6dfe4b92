// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/large_memory.h"

#include <cstdint>

#include <sys/mman.h>

namespace limn::images {

void preferLargePages(void* start, std::size_t bytes) {
    constexpr std::uintptr_t kPage = std::uintptr_t{2} << 20;
    const auto first = reinterpret_cast<std::uintptr_t>(start);
    const std::uintptr_t begin = (first + kPage - 1) & ~(kPage - 1);
    const std::uintptr_t end = (first + bytes) & ~(kPage - 1);
    if (begin < end)
        ::madvise(static_cast<char*>(start) + (begin - first), end - begin, MADV_HUGEPAGE);
}

} // namespace limn::images
