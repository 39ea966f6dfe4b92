// SPDX-License-Identifier: GPL-3.0-or-later
// Display, environment and pictures of window tests.
#include "tests/gui/gui_test.h"

#include "ui/theme/application_setup.h"

#include <QDir>
#include <QImage>
#include <QSettings>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <sys/prctl.h>
#include <unistd.h>

namespace limn {

bool startDisplay(QSize screen) {
    if (std::getenv("DISPLAY") != nullptr)
        return true;
    const std::string geometry =
        std::to_string(screen.width()) + "x" + std::to_string(screen.height()) + "x24";
    int channel[2];
    if (pipe(channel) != 0)
        return false;
    const pid_t child = fork();
    if (child < 0)
        return false;
    if (child == 0) {
        // The server ends with the test, however the test ends.
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        close(channel[0]);
        if (std::freopen("/dev/null", "w", stderr) == nullptr)
            _exit(127);
        const std::string number = std::to_string(channel[1]);
        execlp("Xvfb", "Xvfb", "-displayfd", number.c_str(), "-screen", "0", geometry.c_str(), "-nolisten",
               "tcp", static_cast<char*>(nullptr));
        _exit(127);
    }
    close(channel[1]);
    std::string display;
    char c = 0;
    while (read(channel[0], &c, 1) == 1 && c != '\n')
        display += c;
    close(channel[0]);
    if (display.empty()) {
        std::fprintf(stderr, "No display: set DISPLAY, or install Xvfb (Debian package xvfb).\n");
        return false;
    }
    setenv("DISPLAY", (":" + display).c_str(), 1);
    return true;
}

void prepareGuiTest(const char* name) {
    setenv("LIBGL_ALWAYS_SOFTWARE", "1", 0);
    setenv("QT_QPA_PLATFORM", "xcb", 0);
    static QTemporaryDir home;
    for (const char* variable : {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"})
        setenv(variable, home.filePath(QLatin1String(variable)).toUtf8().constData(), 1);
    prepareOpenGL();
    Q_UNUSED(name);
}

int runGuiTest(QObject* test, int argc, char** argv) {
    QTEST_SET_MAIN_SOURCE_PATH
    return QTest::qExec(test, argc, argv);
}

QString keepScreenshot(const QImage& image, const QString& name) {
    QDir folder(QCoreApplication::applicationDirPath());
    folder.mkpath(QStringLiteral("screenshots"));
    const QString path = folder.filePath(QStringLiteral("screenshots/%1.png").arg(name));
    image.save(path);
    return path;
}

} // namespace limn
