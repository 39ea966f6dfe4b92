// SPDX-License-Identifier: GPL-3.0-or-later
// The word of a state for a person to read, the same everywhere. GUI thread.
#pragma once

#include "app/project/worklist.h"

#include <QString>

namespace limn {

QString stateWord(ReviewState state);

} // namespace limn
