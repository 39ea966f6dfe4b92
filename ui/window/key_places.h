// SPDX-License-Identifier: GPL-3.0-or-later
// Keys by their place on the keyboard, for layouts that print something else there than commands are called
// by. X11 and Wayland number places in the same way. Pure functions.
#pragma once

class QKeyEvent;

namespace limn {

// The Latin letter on the key's place where a layout of another script is used, as printed on such keyboards
// beside their own (a Qt::Key); 0 for other keys.
int latinKey(const QKeyEvent& event);

// 1 to 9 for the digit that is pressed, also where a layout needs Shift to print it (AZERTY); 0 for other
// keys.
int digitKey(const QKeyEvent& event);

} // namespace limn
