// SPDX-License-Identifier: GPL-3.0-or-later
// Keys as keyboards send them: B, 1 and Ctrl+Z by their places on US, German, French and Russian layouts, and
// 1 on the number pad. Real key events of an X server of this test's own, whose layout is set by setxkbmap.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"

#include <QApplication>
#include <QLibrary>
#include <QProcess>
#include <QSettings>
#include <QStandardPaths>
#include <QTest>

#include <cstdlib>

using namespace limn;

namespace {

// Key codes of the X server (evdev codes + 8) are places on the keyboard, whatever is printed on them.
constexpr unsigned kPlaceOf1 = 10;
constexpr unsigned kPlaceOf2 = 11;
constexpr unsigned kControl = 37;
constexpr unsigned kKeypad2 = 88;
constexpr unsigned kNumLock = 77;

class FakeKeyboard {
public:
    FakeKeyboard() : m_x11(QStringLiteral("X11"), 6), m_xtest(QStringLiteral("Xtst"), 6) {
        const auto open = reinterpret_cast<void* (*)(const char*)>(m_x11.resolve("XOpenDisplay"));
        m_sync = reinterpret_cast<int (*)(void*, int)>(m_x11.resolve("XSync"));
        m_fake = reinterpret_cast<int (*)(void*, unsigned, int, unsigned long)>(
            m_xtest.resolve("XTestFakeKeyEvent"));
        if (open && m_sync && m_fake)
            m_display = open(nullptr);
    }
    bool works() const { return m_display != nullptr; }
    void press(unsigned code, unsigned with = 0) {
        if (with)
            m_fake(m_display, with, 1, 0);
        m_fake(m_display, code, 1, 0);
        m_fake(m_display, code, 0, 0);
        if (with)
            m_fake(m_display, with, 0, 0);
        m_sync(m_display, 0);
        QTest::qWait(60);
    }

private:
    QLibrary m_x11;
    QLibrary m_xtest;
    void* m_display = nullptr;
    int (*m_sync)(void*, int) = nullptr;
    int (*m_fake)(void*, unsigned, int, unsigned long) = nullptr;
};

} // namespace

class TestKeyboardLayouts : public QObject, private WindowDriver {
    Q_OBJECT

private Q_SLOTS:
    void cleanup() {
        closeWindow();
        m_folder.reset();
    }

    void keysWorkOnEveryLayout_data() {
        QTest::addColumn<QString>("layout");
        QTest::addColumn<int>("placeOfB");
        QTest::addColumn<int>("placeOfZ"); // where Z is printed; by the Latin letter of the key in Russian
        QTest::newRow("US") << QStringLiteral("us") << 56 << 52;
        QTest::newRow("German") << QStringLiteral("de") << 56 << 29;
        QTest::newRow("French") << QStringLiteral("fr") << 56 << 25;
        QTest::newRow("Russian") << QStringLiteral("ru") << 56 << 52;
    }
    void keysWorkOnEveryLayout() {
        QFETCH(QString, layout);
        QFETCH(int, placeOfB);
        QFETCH(int, placeOfZ);
        FakeKeyboard keyboard;
        QVERIFY2(keyboard.works(), "keys cannot be sent: there is no libXtst (package libxtst6)");
        QVERIFY2(!QStandardPaths::findExecutable(QStringLiteral("setxkbmap")).isEmpty(),
                 "layouts cannot be set: there is no setxkbmap (package x11-xkb-utils)");
        QCOMPARE(QProcess::execute(QStringLiteral("setxkbmap"), {layout}), 0);
        open(2, {320, 240});
        m_window->session().setUsesProposalFirst(false);
        Label second;
        second.value = 2;
        second.name = "Second";
        QVERIFY(document()->setLabel(second).ok());
        QTest::qWait(300); // the new layout's notice
        m_window->setTool(ToolId::Lasso);
        keyboard.press(static_cast<unsigned>(placeOfB));
        QTRY_COMPARE(m_window->tool(), ToolId::Brush);
        // The digits by their places: on a French keyboard they need Shift to print.
        keyboard.press(kPlaceOf2);
        QTRY_COMPARE(int(session().activeLabel()), 2);
        keyboard.press(kPlaceOf1);
        QTRY_COMPARE(int(session().activeLabel()), 1);
        keyboard.press(kNumLock);
        keyboard.press(kKeypad2);
        QTRY_COMPARE(int(session().activeLabel()), 2);
        keyboard.press(kNumLock);
        drag({{100, 100}, {200, 100}});
        QVERIFY(document()->history().canUndo());
        keyboard.press(static_cast<unsigned>(placeOfZ), kControl);
        QTRY_VERIFY(!document()->history().canUndo());
        QVERIFY(document()->history().canRedo());
    }
};

int main(int argc, char** argv) {
    // Never the layout of the display that somebody works at.
    unsetenv("DISPLAY");
    if (!limn::startDisplay())
        return 1;
    limn::prepareGuiTest("TestKeyboardLayouts");
    QApplication application(argc, argv);
    limn::prepareApplication(application);
    TestKeyboardLayouts test;
    return limn::runGuiTest(&test, argc, argv);
}
#include "tst_keyboard_layouts.moc"
