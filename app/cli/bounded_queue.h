// SPDX-License-Identifier: GPL-3.0-or-later
// A queue between the stages of a pipeline, bounded by a number of items and by their bytes, so that a fast
// stage waits for a slow one instead of filling the memory. Any number of threads on either side.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace limn {

template<typename T>
class BoundedQueue {
public:
    // One item is always let in, however large it is.
    BoundedQueue(std::size_t maxItems, std::size_t maxBytes) : m_maxItems(maxItems), m_maxBytes(maxBytes) {}

    // Waits for room.
    void push(T item, std::size_t bytes) {
        std::unique_lock lock(m_mutex);
        m_room.wait(lock, [&] {
            return m_items.empty() || (m_items.size() < m_maxItems && m_bytes + bytes <= m_maxBytes);
        });
        m_bytes += bytes;
        m_items.emplace_back(std::move(item), bytes);
        m_more.notify_one();
    }

    // No push follows; waiting pop() calls end when the queue is empty.
    void close() {
        std::lock_guard lock(m_mutex);
        m_closed = true;
        m_more.notify_all();
    }

    // Waits for an item. Nothing: the queue is closed and empty.
    std::optional<T> pop() {
        std::unique_lock lock(m_mutex);
        m_more.wait(lock, [&] { return !m_items.empty() || m_closed; });
        if (m_items.empty())
            return std::nullopt;
        std::pair<T, std::size_t> front = std::move(m_items.front());
        m_items.pop_front();
        m_bytes -= front.second;
        // All: items differ in size, so which of the waiting ones fits is not known here.
        m_room.notify_all();
        return std::move(front.first);
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_room;
    std::condition_variable m_more;
    std::deque<std::pair<T, std::size_t>> m_items;
    std::size_t m_maxItems;
    std::size_t m_maxBytes;
    std::size_t m_bytes = 0;
    bool m_closed = false;
};

} // namespace limn
