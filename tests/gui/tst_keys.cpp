// SPDX-License-Identifier: GPL-3.0-or-later
// Keys: each does what it is documented to do, wherever in the window the focus is; the editor finds a
// command, records another key for it, names a clash and swaps, and sets everything back.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"

#include <QApplication>
#include <QKeyEvent>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSettings>
#include <QTest>
#include <QTreeWidget>

#include <map>

using namespace limn;

namespace {

// A key as the server sends it: what the layout prints, and its place (evdev's number and 8).
void pressPlace(QWidget* widget, int key, quint32 place, const QString& text,
                Qt::KeyboardModifiers modifiers = {}) {
    for (const QEvent::Type type : {QEvent::KeyPress, QEvent::KeyRelease}) {
        QKeyEvent event(type, key, modifiers, place, 0, 0, text);
        QApplication::sendEvent(widget, &event);
    }
    QCoreApplication::processEvents();
}

constexpr quint32 kPlaceOf1 = 10, kPlaceOf2 = 11, kPlaceOfB = 56;

} // namespace

class TestKeys : public QObject, private WindowDriver {
    Q_OBJECT

    void addSecondLabel() {
        Label second;
        second.value = 2;
        second.name = "Second";
        QVERIFY(document()->setLabel(second).ok());
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void everyKeyIsThere() {
        showWindow();
        const std::map<const char*, const char*> wanted = {
            {"B", "brush"},
            {"E", "eraser"},
            {"L", "lasso"},
            {"P", "polygon"},
            {"W", "wand"},
            {"C", "contour"},
            {"R", "region"},
            {"M", "ruler"},
            {"S", "smaller"},
            {"D", "larger"},
            {"[", "smaller"},
            {"]", "larger"},
            {"1", "label1"},
            {"9", "label9"},
            {"Num+9", "label9"},
            {"F", "fillHoles"},
            {"Shift+F", "smooth"},
            {"K", "keepLargest"},
            {"Shift+K", "specks"},
            {"Del", "clearLabel"},
            {"Ctrl+Z", "undo"},
            {"Ctrl+Shift+Z", "redo"},
            {"Ctrl+Y", "redo"},
            {"T", "threshold"},
            {"U", "useProposal"},
            {"V", "uncertaintyLayer"},
            {"F5", "runProposal"},
            {"Shift+F5", "runHere"},
            {"O", "outlineStyle"},
            {"I", "readOut"},
            {"Y", "compareNext"},
            {"Shift+Y", "comparePrevious"},
            {"G", "grid"},
            {"Z", "toggleFit"},
            {"Home", "fit"},
            {"Ctrl++", "zoomIn"},
            {"Ctrl+-", "zoomOut"},
            {"Right", "next"},
            {"PgDown", "next"},
            {"Left", "previous"},
            {"PgUp", "previous"},
            {"N", "nextUndone"},
            {"Shift+N", "previousUndone"},
            {"A", "accept"},
            {"X", "reject"},
            {"Shift+A", "takeBack"},
            {"Shift+X", "flag"},
            {"Ctrl+O", "openFolder"},
            {"Ctrl+Shift+O", "openProject"},
            {"Ctrl+S", "saveNow"},
            {"Ctrl+E", "export"},
            {"Ctrl+F", "find"},
            {"F6", "nextPane"},
            {"Shift+F6", "previousPane"},
            {"F1", "keys"},
            {"F9", "panels"},
            {"F11", "fullScreen"},
            {"Ctrl+,", "settings"},
            {"Ctrl+Q", "quit"},
        };
        for (const auto& [key, id] : wanted) {
            const Command* command =
                m_window->commands().commandFor(QKeySequence(QLatin1String(key), QKeySequence::PortableText));
            QVERIFY2(command && command->id == QLatin1String(id), key);
        }
        QStringList held;
        for (const HeldKey& key : m_window->commands().held())
            held.append(key.keys);
        for (const char* key : {"hold H", "hold Q", "hold Space"})
            QVERIFY2(held.contains(QLatin1String(key)), key);
        // No command has but a key that some layouts lack.
        for (const Command& command : m_window->commands().all()) {
            if (command.defaults.isEmpty())
                continue;
            QVERIFY2(std::any_of(command.defaults.begin(), command.defaults.end(),
                                 [](const QKeySequence& key) {
                                     const QString text = key.toString(QKeySequence::PortableText);
                                     return !text.contains(QLatin1Char('[')) &&
                                            !text.contains(QLatin1Char(']')) &&
                                            !text.contains(QLatin1String("Alt+"));
                                 }),
                     qPrintable(command.id));
        }
    }

    // A list would look for a name that begins with the letter.
    void keysWorkWhileAListHasTheFocus() {
        open(2, {320, 240});
        session().setUsesProposalFirst(false);
        addSecondLabel();
        m_window->commands().action(QStringLiteral("grid"))->setChecked(true);
        for (const char* name : {"worklist", "grid"}) {
            auto* list = part<QListView>(name);
            list->setFocus();
            QVERIFY2(list->hasFocus(), name);
            m_window->setTool(ToolId::Lasso);
            pressPlace(list, 0x418, kPlaceOfB, QString(QChar(0x438))); // Russian
            QCOMPARE(m_window->tool(), ToolId::Brush);
            pressPlace(list, Qt::Key_Eacute, kPlaceOf2, QString(QChar(0xE9))); // French
            QCOMPARE(int(session().activeLabel()), 2);
            pressPlace(list, Qt::Key_Ampersand, kPlaceOf1, QStringLiteral("&"));
            QCOMPARE(int(session().activeLabel()), 1);
        }
    }

    void aKeyThatWasTakenAwayDoesNothing() {
        open(1, {320, 240});
        addSecondLabel();
        m_window->commands().setKeys(QStringLiteral("label2"), {});
        pressPlace(canvas(), Qt::Key_2, kPlaceOf2, QStringLiteral("2"));
        QCOMPARE(int(session().activeLabel()), 1);
        // Given to another command, its place is that one's, whatever is printed there.
        m_window->commands().setKeys(QStringLiteral("lasso"), {QKeySequence(Qt::Key_2)});
        pressPlace(canvas(), Qt::Key_Eacute, kPlaceOf2, QString(QChar(0xE9)));
        QCOMPARE(int(session().activeLabel()), 1);
        QCOMPARE(m_window->tool(), ToolId::Lasso);
    }

    void theEditorNamesAClashAndSwaps() {
        open(1, {320, 240});
        trigger("keys");
        auto* tree = part<QTreeWidget>("keysTree");
        QVERIFY(tree && tree->isVisible());
        const auto rows = [tree] {
            QList<QTreeWidgetItem*> visible;
            for (int g = 0; g < tree->topLevelItemCount(); ++g) {
                for (int i = 0; i < tree->topLevelItem(g)->childCount(); ++i) {
                    if (!tree->topLevelItem(g)->child(i)->isHidden())
                        visible.append(tree->topLevelItem(g)->child(i));
                }
            }
            return visible;
        };
        QVERIFY(rows().size() > 80); // all commands, and what is held
        QCOMPARE(part<QKeySequenceEdit>("recordKey")->findChild<QLineEdit*>()->placeholderText(),
                 QStringLiteral("Press the new key"));
        QTest::keyClicks(part<QLineEdit>("keysSearch"), QStringLiteral("brush"));
        QCOMPARE(rows().size(), 1);
        QCOMPARE(rows().first()->text(1), QStringLiteral("B"));
        tree->setCurrentItem(rows().first());
        auto* record = part<QKeySequenceEdit>("recordKey");
        record->setFocus();
        QTest::keyClick(record, Qt::Key_L);
        QTRY_VERIFY(part<QPushButton>("keysSwap")->isVisible());
        QVERIFY(!part<QPushButton>("keysSet")->isVisible());
        QVERIFY2(part<QLabel>("keysMessage")->text().contains(QLatin1String("Lasso")),
                 qPrintable(part<QLabel>("keysMessage")->text()));
        keepScreenshot(part<QWidget>("keysDialog")->grab().toImage(), QStringLiteral("keys-clash"));
        QTest::mouseClick(part<QPushButton>("keysSwap"), Qt::LeftButton);
        const auto keyOf = [this](const char* id) {
            return m_window->commands().action(QLatin1String(id))->shortcut().toString();
        };
        QCOMPARE(keyOf("brush"), QStringLiteral("L"));
        QCOMPARE(keyOf("lasso"), QStringLiteral("B"));
        QVERIFY(
            m_window->commands().action(QStringLiteral("brush"))->toolTip().contains(QLatin1String("(L)")));
        // A free key, of its own.
        QTRY_VERIFY(record->keySequence().isEmpty());
        record->setFocus();
        QTest::keyClick(record, Qt::Key_J);
        QTRY_VERIFY(part<QPushButton>("keysSet")->isEnabled());
        QTest::mouseClick(part<QPushButton>("keysSet"), Qt::LeftButton);
        QCOMPARE(keyOf("brush"), QStringLiteral("J"));
        const QByteArray chosen = m_window->commands().exportKeys();
        part<QWidget>("keysDialog")->close();
        // They work, and are there after a restart.
        m_window->setTool(ToolId::Wand);
        key(Qt::Key_J);
        QCOMPARE(m_window->tool(), ToolId::Brush);
        openFolder();
        m_window->setTool(ToolId::Wand);
        key(Qt::Key_B);
        QCOMPARE(m_window->tool(), ToolId::Lasso);
        // All of them back; and taken from a file again.
        trigger("keys");
        QTest::mouseClick(part<QPushButton>("keysReset"), Qt::LeftButton);
        QCOMPARE(keyOf("brush"), QStringLiteral("B"));
        QVERIFY(QSettings().allKeys().filter(QStringLiteral("keys/")).isEmpty());
        QVERIFY(!m_window->commands().importKeys("no keys"));
        QVERIFY(m_window->commands().importKeys(chosen));
        QCOMPARE(keyOf("brush"), QStringLiteral("J"));
        QCOMPARE(keyOf("lasso"), QStringLiteral("B"));
        part<QWidget>("keysDialog")->close();
    }
};

LIMN_GUI_TEST_MAIN(TestKeys)
#include "tst_keys.moc"
