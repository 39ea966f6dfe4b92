// SPDX-License-Identifier: GPL-3.0-or-later
// Work over many items in groups that become smaller where memory is short, so that what is done stays done.
#pragma once

#include "io/core/result.h"

#include <algorithm>
#include <cstddef>

namespace limn {

enum class GroupOutcome {
    Done,
    OutOfMemory, // nothing of the group is done
    DeviceFailed // nothing of the group is done, and the device is of no more use
};

// Covers 0..count in order. runGroup(first, size) -> Result<GroupOutcome>; an error ends the whole at once.
// Where memory is short, the group is halved; where one item alone is too much or the device fails,
// giveUpDevice(outcome) -> Result<void> must arrange for another device, from which no other outcome than
// Done or an error may come. largest: the most items that fit, 0 while nothing is known; written when a group
// did not fit, so that later calls need not find out again. One thread.
template<typename RunGroup, typename GiveUpDevice>
Result<void> inGroups(std::size_t count, std::size_t& largest, RunGroup runGroup, GiveUpDevice giveUpDevice) {
    std::size_t done = 0;
    while (done < count) {
        std::size_t size = count - done;
        if (largest > 0)
            size = std::min(size, largest);
        const Result<GroupOutcome> outcome = runGroup(done, size);
        if (!outcome)
            return outcome.error();
        if (*outcome == GroupOutcome::Done) {
            done += size;
        } else if (*outcome == GroupOutcome::OutOfMemory && size > 1) {
            largest = (size + 1) / 2;
        } else if (Result<void> other = giveUpDevice(*outcome); !other) {
            return other;
        }
    }
    return {};
}

} // namespace limn
