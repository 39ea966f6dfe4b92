// SPDX-License-Identifier: GPL-3.0-or-later
// The program `limn`: arguments, the application, one window.
#include "ui/session/model_choices.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QCommandLineParser>
#include <QTimer>

int main(int argc, char** argv) {
    limn::prepareOpenGL();
    QApplication application(argc, argv);
    limn::prepareApplication(application);
    QApplication::setApplicationVersion(QStringLiteral(LIMN_VERSION));

    QCommandLineParser parser;
    parser.setApplicationDescription(QApplication::translate(
        "main", "Review and correct segmentations of dermoscopy and endoscopy images."));
    parser.addHelpOption();
    parser.addVersionOption();
    parser.addPositionalArgument(
        QStringLiteral("FILE"),
        QApplication::translate("main", "Images, a folder of images, or a project (NAME.limn)."),
        QStringLiteral("[FILE...]"));
    const QCommandLineOption demo(QStringLiteral("demo"),
                                  QApplication::translate("main", "Open the demo images."));
    const QCommandLineOption device(
        QStringLiteral("device"),
        QApplication::translate("main", "Where the model runs: auto, cpu, cuda, cuda:N."),
        QStringLiteral("DEVICE"));
    parser.addOption(demo);
    parser.addOption(device);
    parser.process(application);

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
