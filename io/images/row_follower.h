// SPDX-License-Identifier: GPL-3.0-or-later
// What comes after decoding (colours, turning, widening), on a second thread while the decoder is still at
// work and the rows lie in the processor's cache. Internal to io/images.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace limn::images {

// A few bands of rows go round between the decoder (the thread that owns this object) and the follower:
//   decoder:  band = nextBand(); fill it; bandIsFull(rows); ...; finish()
//   follower: use(band, rows), in the same order
// Where no thread can be had, `use` runs on the decoder's thread. What `use` throws comes out of finish().
class RowFollower {
public:
    // use(bytes of the band, first row, rows)
    using Use = std::function<void(std::uint8_t*, int, int)>;

    RowFollower(std::size_t rowBytes, int rowsPerBand, Use use);
    // Ends the thread, also when the decoder gave up.
    ~RowFollower();
    RowFollower(const RowFollower&) = delete;
    RowFollower& operator=(const RowFollower&) = delete;

    int rowsPerBand() const { return m_rowsPerBand; }
    std::size_t rowBytes() const { return m_rowBytes; }

    // Memory for rowsPerBand() rows; waits while the follower is a few bands behind.
    std::uint8_t* nextBand();
    void bandIsFull(int rows);
    // Waits until the follower has used every band.
    void finish();

private:
    void follow();
    void stop(bool isAbandoned);

    static constexpr std::size_t kBands = 4;
    std::size_t m_rowBytes;
    int m_rowsPerBand;
    Use m_use;
    std::vector<std::uint8_t> m_bands[kBands];
    int m_rows[kBands] = {};
    std::size_t m_filled = 0; // bands that the decoder has handed over; the decoder's own count
    int m_firstRow = 0;       // of the next band to be used
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::size_t m_handed = 0; // under the mutex from here on
    std::size_t m_used = 0;
    bool m_isOver = false;      // no further bands
    bool m_isAbandoned = false; // what is left is not used
    std::exception_ptr m_problem;
    std::thread m_thread;
};

} // namespace limn::images
