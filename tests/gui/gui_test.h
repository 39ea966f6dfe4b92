// SPDX-License-Identifier: GPL-3.0-or-later
// Main function of window tests: brings an X server of its own when there is no display, chooses software
// rendering and an own settings folder, then runs the test class in a QApplication as the program makes it.
#pragma once

#include <QSize>
#include <QString>

class QImage;
class QObject;

namespace limn {

// Forks an Xvfb that ends with this process, and sets DISPLAY. False when none could be started.
bool startDisplay(QSize screen = {1920, 1200});
// Before the QApplication: environment, OpenGL format, settings in a temporary folder.
void prepareGuiTest(const char* name);
int runGuiTest(QObject* test, int argc, char** argv);

// Writes a picture into the build folder's "screenshots" and returns its path.
QString keepScreenshot(const QImage& image, const QString& name);

} // namespace limn

#define LIMN_GUI_TEST_MAIN(TestClass)                                                                        \
    int main(int argc, char** argv) {                                                                        \
        if (!limn::startDisplay())                                                                           \
            return 1;                                                                                        \
        limn::prepareGuiTest(#TestClass);                                                                    \
        QApplication application(argc, argv);                                                                \
        limn::prepareApplication(application);                                                               \
        TestClass test;                                                                                      \
        return limn::runGuiTest(&test, argc, argv);                                                          \
    }
