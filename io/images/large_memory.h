// SPDX-License-Identifier: GPL-3.0-or-later
// Memory for whole pictures. Touching fresh memory page by page costs more than decoding does (72 MB in pages
// of 4 KB: 40 ms on a virtual machine; in pages of 2 MB: 10 ms), and the system gives large pages only where
// it is asked for them. Internal to io/images.
#pragma once

#include <cstddef>
#include <vector>

namespace limn::images {

// Asks for large pages in [start, start + bytes); where the system has none nothing changes. Any thread.
void preferLargePages(void* start, std::size_t bytes);

// An empty vector with room for `count` values. Filling it by appending writes each value once; resize()
// would write zeros first.
template<typename T>
void reserveLarge(std::vector<T>& values, std::size_t count) {
    values = {};
    values.reserve(count);
    preferLargePages(values.data(), count * sizeof(T));
}

// The same, filled with zeros.
template<typename T>
void resizeLarge(std::vector<T>& values, std::size_t count) {
    reserveLarge(values, count);
    values.resize(count);
}

} // namespace limn::images
