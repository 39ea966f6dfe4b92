// SPDX-License-Identifier: GPL-3.0-or-later
// The program `limn`: arguments, the application, one window.
#include "ui/session/model_choices.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QTimer>

#include <memory>

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
    parser.addOption(demo);
    parser.addOption(device);
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
    });
    return QApplication::exec();
}
