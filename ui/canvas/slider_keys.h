// SPDX-License-Identifier: GPL-3.0-or-later
// A slider with the focus keeps its own keys.
#pragma once

class QEvent;

namespace limn {

// For a slider's events: takes a ShortcutOverride for a key that moves a slider, so that the key moves it and
// does not go to another image. False, with nothing done, for any other event.
bool keepsSliderKey(QEvent* event);

} // namespace limn
