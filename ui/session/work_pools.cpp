// SPDX-License-Identifier: GPL-3.0-or-later
// Priorities of threads.
#include "ui/session/work_pools.h"

#include <QThread>

#include <unistd.h>

namespace limn {

// Qt's own priorities of threads have no effect under Linux's usual scheduling.
void WorkPool::lowerPriority() const {
    thread_local bool lowered = false;
    if (m_pool.contains(QThread::currentThread()) && !std::exchange(lowered, true))
        (void)nice(m_niceness); // Linux: of this thread alone, counted from what it began with
}

} // namespace limn
