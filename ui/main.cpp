// SPDX-License-Identifier: GPL-3.0-or-later
// The program `limn`: arguments, the application, one window.
#include "ui/session/model_choices.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QFile>
#include <QTimer>
#include <QWindow>

#include <cstdio>
#include <memory>

#include <time.h>
#include <unistd.h>

namespace {

// Since the kernel made the process: loading of libraries is part of what a person waits for.
double millisecondsSinceStart() {
    QFile stat(QStringLiteral("/proc/self/stat"));
    if (!stat.open(QIODevice::ReadOnly))
        return -1;
    const QByteArray text = stat.readAll();
    // The name in brackets may hold spaces; the start time is the 20th field behind it.
    const QList<QByteArray> fields = text.mid(text.lastIndexOf(')') + 2).split(' ');
    if (fields.size() < 20)
        return -1;
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const double started = fields.at(19).toDouble() * 1000.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
    return static_cast<double>(now.tv_sec) * 1000.0 + static_cast<double>(now.tv_nsec) / 1e6 - started;
}

} // namespace

int main(int argc, char** argv) {
    // Help and version need no display.
    bool textOnly = false;
    for (int i = 1; i < argc; ++i) {
        const QByteArray argument(argv[i]);
        textOnly = textOnly || argument == "-h" || argument == "--help" || argument == "-v" ||
                   argument == "--version";
    }
    std::unique_ptr<QCoreApplication> application;
    if (textOnly) {
        application = std::make_unique<QCoreApplication>(argc, argv);
    } else {
        limn::prepareOpenGL();
        auto gui = std::make_unique<QApplication>(argc, argv);
        limn::prepareApplication(*gui);
        application = std::move(gui);
    }
    QCoreApplication::setApplicationName(QStringLiteral("limn"));
    QCoreApplication::setApplicationVersion(QStringLiteral(LIMN_VERSION));

    QCommandLineParser parser;
    parser.setApplicationDescription(QCoreApplication::translate(
        "main", "Review and correct segmentations of dermoscopy and endoscopy images."));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(
        QStringLiteral("FILE"),
        QCoreApplication::translate("main", "Images, a folder of images, or a project (NAME.limn)."),
        QStringLiteral("[FILE...]"));
    const QCommandLineOption demo(QStringLiteral("demo"),
                                  QCoreApplication::translate("main", "Open the demo images."));
    const QCommandLineOption device(
        QStringLiteral("device"),
        QCoreApplication::translate("main", "Where the model runs: auto, cpu, cuda, cuda:N."),
        QStringLiteral("DEVICE"));
    QCommandLineOption printStart(
        QStringLiteral("print-start"),
        QCoreApplication::translate(
            "main", "Print the milliseconds from the program's start to a window that answers, and end."));
    parser.addOption(demo);
    parser.addOption(device);
    parser.addOption(printStart);
    parser.process(*application);

    limn::MainWindow window;
    window.show();
    // After the first frame, so that nothing stands between the person and a usable window.
    QTimer::singleShot(0, &window, [&] {
        window.setModels(limn::findModelChoices(parser.isSet(device) ? parser.value(device)
                                                                     : window.session().deviceChoice()));
        if (parser.isSet(demo))
            window.commands().action(QStringLiteral("openDemo"))->trigger();
        else
            window.open(parser.positionalArguments());
        // A window that was painted, in a loop that goes round again: now a click would be answered.
        if (parser.isSet(printStart)) {
            auto* poll = new QTimer(&window);
            QObject::connect(poll, &QTimer::timeout, &window, [&window, poll] {
                if (!window.windowHandle() || !window.windowHandle()->isExposed())
                    return;
                poll->stop();
                window.repaint();
                QTimer::singleShot(0, &window, [] {
                    std::printf("%.0f\n", millisecondsSinceStart());
                    std::fflush(stdout);
                    QCoreApplication::quit();
                });
            });
            poll->start(1);
        }
    });
    return QApplication::exec();
}
