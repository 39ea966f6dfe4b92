// SPDX-License-Identifier: GPL-3.0-or-later
// Application-wide set-up.
#include "ui/theme/application_setup.h"

#include "ui/theme/theme.h"

#include <QApplication>
#include <QLibraryInfo>
#include <QLocale>
#include <QSettings>
#include <QSurfaceFormat>
#include <QTranslator>

namespace limn {

void prepareOpenGL() {
    QSurfaceFormat format;
    format.setRenderableType(QSurfaceFormat::OpenGL);
    format.setVersion(3, 2);
    format.setProfile(QSurfaceFormat::CoreProfile);
    format.setSwapBehavior(QSurfaceFormat::DoubleBuffer);
    format.setRedBufferSize(8);
    format.setGreenBufferSize(8);
    format.setBlueBufferSize(8);
    format.setAlphaBufferSize(8);
    format.setDepthBufferSize(24);
    format.setStencilBufferSize(8);
    format.setSamples(0);
    QSurfaceFormat::setDefaultFormat(format);
}

void prepareApplication(QApplication& application) {
    QApplication::setOrganizationName(QStringLiteral("Limn"));
    QApplication::setApplicationName(QStringLiteral("limn"));
    QApplication::setApplicationDisplayName(QStringLiteral("Limn"));
    QApplication::setDesktopFileName(QStringLiteral("limn"));

    const QString chosen = QSettings().value(QStringLiteral("language")).toString();
    const QLocale locale = chosen.isEmpty() ? QLocale() : QLocale(chosen);
    auto* own = new QTranslator(&application);
    if (own->load(locale, QStringLiteral("limn"), QStringLiteral("_"), QStringLiteral(":/translations")) ||
        own->load(QStringLiteral(":/translations/limn_en.qm"))) {
        QApplication::installTranslator(own);
        auto* qt = new QTranslator(&application);
        if (qt->load(locale, QStringLiteral("qtbase"), QStringLiteral("_"),
                     QLibraryInfo::path(QLibraryInfo::TranslationsPath)))
            QApplication::installTranslator(qt);
    }
    Theme::install(application);
}

} // namespace limn
