// SPDX-License-Identifier: GPL-3.0-or-later
// Words of the states.
#include "ui/session/state_words.h"

#include <QCoreApplication>

namespace limn {

QString stateWord(ReviewState state) {
    switch (state) {
    case ReviewState::New:
        return QCoreApplication::translate("States", "new");
    case ReviewState::Proposed:
        return QCoreApplication::translate("States", "proposed");
    case ReviewState::InProgress:
        return QCoreApplication::translate("States", "in progress");
    case ReviewState::Submitted:
        return QCoreApplication::translate("States", "submitted");
    case ReviewState::Accepted:
        return QCoreApplication::translate("States", "accepted");
    case ReviewState::Rejected:
        return QCoreApplication::translate("States", "rejected");
    }
    return {};
}

} // namespace limn
