// SPDX-License-Identifier: GPL-3.0-or-later
// One loop over the pixels of a large picture, cut in a few parts on threads of their own. Internal to
// io/images.
#pragma once

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace limn::images {

// Calls work(begin, end) for parts that cover [0, count). Small counts stay on the calling thread: starting a
// thread costs about as much as 100,000 pixels.
template<typename Work>
void inParallel(std::size_t count, const Work& work) {
    constexpr std::size_t kPixelsPerThread = 1u << 20;
    constexpr std::size_t kMaxThreads = 4; // memory bandwidth is used up by then
    const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
    const std::size_t parts =
        std::clamp<std::size_t>(count / kPixelsPerThread, 1, std::min(cores, kMaxThreads));
    std::vector<std::thread> threads;
    std::size_t begin = 0;
    for (std::size_t part = 0; part + 1 < parts; ++part) {
        const std::size_t end = count / parts * (part + 1);
        try {
            threads.emplace_back([&work, begin, end] { work(begin, end); });
        } catch (const std::system_error&) {
            break; // no thread to be had: the rest is done here
        }
        begin = end;
    }
    work(begin, count);
    for (std::thread& thread : threads)
        thread.join();
}

} // namespace limn::images
