// SPDX-License-Identifier: GPL-3.0-or-later
// Threads for work behind the window, apart from each other by what waits for it: figures that take seconds
// delay no clean-up, and neither delays a proposal or an edit, because each pool has one thread of its own at
// a lower priority. What became needless is stopped by the CancelToken that its work was given: whoever
// starts work sets it before going, since a pool that goes waits for its work.
#pragma once

#include <QThreadPool>
#include <QtConcurrent>

#include <utility>

namespace limn {

class WorkPool {
public:
    // `niceness` as nice(2) has it: 0 as the window itself, 19 only when nothing else wants the processor.
    explicit WorkPool(int niceness) : m_niceness(niceness) { m_pool.setMaxThreadCount(1); }

    // One after the other, in this order.
    template<typename Work>
    auto run(Work work) {
        return QtConcurrent::run(&m_pool, [this, work = std::move(work)] {
            lowerPriority();
            return work();
        });
    }

private:
    // Of the calling thread, for good; not of one that waits for a future and so does the work itself.
    void lowerPriority() const;

    int m_niceness;
    QThreadPool m_pool;
};

struct WorkPools {
    WorkPool measuring{15}; // figures of the shown annotation
    WorkPool cleaning{5};   // clean-ups and their previews
    WorkPool preparing{10}; // of the shown image for the wand
};

} // namespace limn
