// SPDX-License-Identifier: GPL-3.0-or-later
// What has to be set before and after the QApplication is made, the same for the program and for its tests.
#pragma once

class QApplication;

namespace limn {

// The OpenGL format that VTK needs, for every window. Before the QApplication.
void prepareOpenGL();
// Names for settings, the look, the fonts and the translation. After the QApplication.
void prepareApplication(QApplication& application);

} // namespace limn
