// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/row_follower.h"

#include <system_error>
#include <utility>

namespace limn::images {

RowFollower::RowFollower(std::size_t rowBytes, int rowsPerBand, Use use)
    : m_rowBytes(rowBytes), m_rowsPerBand(rowsPerBand), m_use(std::move(use)) {
    try {
        m_thread = std::thread([this] { follow(); });
    } catch (const std::system_error&) {
        // no thread to be had: bandIsFull() does the work
    }
}

RowFollower::~RowFollower() {
    stop(true);
}

std::uint8_t* RowFollower::nextBand() {
    std::vector<std::uint8_t>& band = m_bands[m_filled % kBands];
    if (m_thread.joinable()) {
        std::unique_lock lock(m_mutex);
        m_changed.wait(lock, [&] { return m_handed - m_used < kBands; });
    }
    band.resize(m_rowBytes * static_cast<std::size_t>(m_rowsPerBand));
    return band.data();
}

void RowFollower::bandIsFull(int rows) {
    m_rows[m_filled % kBands] = rows;
    if (!m_thread.joinable()) {
        m_use(m_bands[m_filled % kBands].data(), m_firstRow, rows);
        m_firstRow += rows;
        return;
    }
    ++m_filled;
    const std::lock_guard lock(m_mutex);
    m_handed = m_filled;
    m_changed.notify_all();
}

void RowFollower::finish() {
    stop(false);
    if (m_problem)
        std::rethrow_exception(std::exchange(m_problem, nullptr));
}

void RowFollower::stop(bool isAbandoned) {
    if (!m_thread.joinable())
        return;
    {
        const std::lock_guard lock(m_mutex);
        m_isOver = true;
        m_isAbandoned = isAbandoned;
        m_changed.notify_all();
    }
    m_thread.join();
}

void RowFollower::follow() {
    std::unique_lock lock(m_mutex);
    while (true) {
        m_changed.wait(lock, [&] { return m_isOver || m_used < m_handed; });
        if (m_isAbandoned || m_used == m_handed)
            return;
        const std::size_t band = m_used % kBands;
        // After a failure the bands are only counted, so that the decoder does not wait for ever.
        if (!m_problem) {
            lock.unlock();
            std::exception_ptr problem;
            try {
                m_use(m_bands[band].data(), m_firstRow, m_rows[band]);
                m_firstRow += m_rows[band];
            } catch (...) {
                problem = std::current_exception();
            }
            lock.lock();
            m_problem = problem;
        }
        ++m_used;
        m_changed.notify_all();
    }
}

} // namespace limn::images
