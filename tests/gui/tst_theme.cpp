// SPDX-License-Identifier: GPL-3.0-or-later
// Colours: what is read has contrast on every surface, dark and light follow the desktop, and a desktop of
// high contrast wins over the setting.
#include "tests/gui/gui_test.h"

#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QLabel>
#include <QSettings>
#include <QTest>

using namespace limn;

class TestTheme : public QObject {
    Q_OBJECT

    static QPalette desktop(const QColor& window, const QColor& text) {
        QPalette palette;
        palette.setColor(QPalette::Window, window);
        palette.setColor(QPalette::WindowText, text);
        return palette;
    }

private Q_SLOTS:
    void cleanup() {
        Theme::instance().setMode(Theme::Mode::System);
        Theme::instance().setSystemPalette(desktop(QColor(0xEF, 0xEF, 0xEF), Qt::black));
    }

    void contrastByTheBook() {
        QCOMPARE(qRound(contrastOf(Qt::black, Qt::white) * 10), 210);
        QCOMPARE(qRound(contrastOf(QColor(0x77, 0x77, 0x77), Qt::white) * 100), 448);
        QCOMPARE(contrastOf(Qt::red, Qt::red), 1.0);
    }

    void everythingThatIsReadHasContrast() {
        for (const Theme::Mode mode : {Theme::Mode::Dark, Theme::Mode::Light}) {
            Theme& theme = Theme::instance();
            theme.setMode(mode);
            for (const char* surface : {"window", "panel", "raised"}) {
                const auto check = [&](const char* token, double least) {
                    const double contrast = contrastOf(theme.color(token), theme.color(surface));
                    QVERIFY2(contrast >= least,
                             qPrintable(QStringLiteral("%1 on %2: %3")
                                            .arg(QLatin1String(token), QLatin1String(surface))
                                            .arg(contrast)));
                };
                for (const char* text : {"text", "muted", "accent", "ok", "warn", "error"})
                    check(text, 5);
                for (const char* line : {"border", "focus"})
                    check(line, 3);
            }
            QVERIFY(contrastOf(theme.color("onAccent"), theme.color("accent")) >= 5);
            for (const char* text : {"text", "muted"})
                QVERIFY(contrastOf(theme.color(text), theme.color("accentSoft")) >= 4.5);
        }
    }

    void darkAndLightFollowTheDesktop() {
        Theme& theme = Theme::instance();
        theme.setMode(Theme::Mode::System);
        theme.setSystemPalette(desktop(QColor(0x20, 0x22, 0x24), QColor(0xF0, 0xF0, 0xF0)));
        QVERIFY(theme.dark() && !theme.highContrast());
        theme.setSystemPalette(desktop(QColor(0xF6, 0xF5, 0xF4), QColor(0x2E, 0x34, 0x36)));
        QVERIFY(!theme.dark() && !theme.highContrast());
        theme.setMode(Theme::Mode::Dark);
        QVERIFY(theme.dark());
        theme.setSystemPalette(desktop(QColor(0xF6, 0xF5, 0xF4), QColor(0x2E, 0x34, 0x36)));
        QVERIFY(theme.dark()); // chosen
    }

    // A window is told of the change, and colours are those that the desktop has then.
    void aChangeWhileRunningIsTaken() {
        Theme& theme = Theme::instance();
        theme.setSystemPalette(desktop(QColor(0x20, 0x22, 0x24), QColor(0xF0, 0xF0, 0xF0)));
        QVERIFY(theme.dark());
        QLabel window(QStringLiteral("text"));
        window.show();
        QVERIFY(QTest::qWaitForWindowExposed(&window));
        QEvent change(QEvent::ThemeChange);
        QApplication::sendEvent(window.windowHandle(), &change);
        QTRY_VERIFY(!theme.dark()); // the test's server has no desktop: Qt's own light colours
        QVERIFY(contrastOf(window.palette().color(QPalette::WindowText),
                           window.palette().color(QPalette::Window)) > 5);
    }

    void highContrastWins() {
        Theme& theme = Theme::instance();
        theme.setMode(Theme::Mode::Dark);
        theme.setSystemPalette(desktop(Qt::white, Qt::black));
        QVERIFY(theme.highContrast() && !theme.dark());
        for (const char* line : {"text", "muted", "border", "line"}) {
            for (const char* surface : {"window", "panel", "raised"})
                QCOMPARE(qRound(contrastOf(theme.color(line), theme.color(surface))), 21);
        }
        theme.setSystemPalette(desktop(Qt::black, Qt::white));
        QVERIFY(theme.highContrast() && theme.dark());
        QCOMPARE(theme.color("window"), QColor(Qt::black));
        QVERIFY(contrastOf(theme.color("accent"), theme.color("panel")) >= 5);
    }
};

LIMN_GUI_TEST_MAIN(TestTheme)
#include "tst_theme.moc"
