// SPDX-License-Identifier: GPL-3.0-or-later
// The window for everybody: every control has a name for a screen reader, Tab and F6 go through the panes in
// their order, the focus is seen, and in a pseudo-language, longer by two fifths, nothing is left
// untranslated and nothing is cut.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"
#include "tests/gui/window_geometry.h"

#include "ui/canvas/canvas_view.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/panels/elided_combo_box.h"
#include "ui/panels/label_panel.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSlider>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QApplication>
#include <QComboBox>
#include <QDir>
#include <QFile>
#include <QHeaderView>
#include <QHelpEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QTabBar>
#include <QTabWidget>
#include <QTest>
#include <QToolTip>
#include <QTranslator>

using namespace limn;

namespace {

// Every text between brackets, with accents, and longer by 40 % in tildes: what stays as it was in the source
// is seen at once.
class PseudoTranslator : public QTranslator {
public:
    PseudoTranslator() { (void)m_german.load(QStringLiteral(":/translations/limn_de.qm")); }
    bool isEmpty() const override { return false; }
    // What was asked for and is not there in German.
    const QStringList& withoutGerman() const { return m_withoutGerman; }
    QString translate(const char* context, const char* source, const char* comment, int n) const override {
        // Qt's own texts come with Qt.
        const bool own = *context != 'Q' || qstrcmp(context, "QObject") == 0;
        if (own && m_german.translate(context, source, comment, n).isEmpty() &&
            !m_withoutGerman.contains(QLatin1String(source)))
            m_withoutGerman.append(QLatin1String(source));
        QString text;
        const QString from = QString::fromUtf8(source);
        // Rich text and places for arguments stay whole.
        for (qsizetype i = 0; i < from.size(); ++i) {
            if (from[i] == QLatin1Char('<')) {
                const qsizetype end = from.indexOf(QLatin1Char('>'), i);
                if (end > 0) {
                    text += from.mid(i, end - i + 1);
                    i = end;
                    continue;
                }
            }
            if (from[i] == QLatin1Char('%') && i + 1 < from.size()) {
                text += from.mid(i, 2);
                ++i;
                continue;
            }
            static const QString plain = QStringLiteral("aeiouAEIOUcn");
            static const QString marked = QString::fromUtf8("áéíóúÁÉÍÓÚçñ");
            const qsizetype at = plain.indexOf(from[i]);
            text += at < 0 ? from[i] : marked[at];
        }
        const int longer = (static_cast<int>(from.size()) * 2 + 4) / 5;
        return QStringLiteral("[%1%2]").arg(text, QString(longer, QLatin1Char('~')));
    }

private:
    QTranslator m_german;
    mutable QStringList m_withoutGerman;
};

bool hasLetters(const QString& text) {
    return std::any_of(text.begin(), text.end(), [](QChar c) { return c.isLetter(); });
}

bool isControl(const QWidget* widget) {
    if (qobject_cast<const QScrollBar*>(widget) || qobject_cast<const QHeaderView*>(widget))
        return false;
    // The field inside a spin box or an editable box is its owner's.
    if (qobject_cast<const QLineEdit*>(widget) &&
        (qobject_cast<const QAbstractSpinBox*>(widget->parentWidget()) ||
         qobject_cast<const QComboBox*>(widget->parentWidget())))
        return false;
    // Buttons that Qt makes inside its own controls.
    if (widget->objectName().startsWith(QLatin1String("qt_")) ||
        qobject_cast<const QTabBar*>(widget->parentWidget()) ||
        qobject_cast<const QLineEdit*>(widget->parentWidget()) ||
        qobject_cast<const QMenuBar*>(widget->parentWidget()))
        return false;
    return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
           qobject_cast<const QComboBox*>(widget) || qobject_cast<const QAbstractSlider*>(widget) ||
           qobject_cast<const QAbstractSpinBox*>(widget) || qobject_cast<const QAbstractItemView*>(widget) ||
           qobject_cast<const QPlainTextEdit*>(widget);
}

} // namespace

class TestReach : public QObject, private WindowDriver {
    Q_OBJECT

    // What a screen reader would call the controls, those without a name.
    static QStringList nameless(QWidget* root) {
        QStringList found;
        for (QWidget* widget : root->findChildren<QWidget*>()) {
            // Views inside popups and combo boxes are their owner's.
            if (!isControl(widget) || !widget->isVisibleTo(root) ||
                qobject_cast<QComboBox*>(widget->parentWidget()))
                continue;
            if (widget->window() != root->window())
                continue;
            QAccessibleInterface* accessible = QAccessible::queryAccessibleInterface(widget);
            if (!accessible || accessible->text(QAccessible::Name).trimmed().isEmpty())
                found.append(nameOf(widget));
        }
        return found;
    }
    QWidget* openDialog(const char* command) {
        m_window->commands().action(QLatin1String(command))->trigger();
        QTest::qWait(50);
        return m_window->findChild<QWidget*>(QLatin1String(command) + QLatin1String("Dialog"));
    }
    static QStringList untranslated(QWidget* root, const QStringList& data) {
        QStringList found;
        const auto check = [&](const QWidget* widget, const QString& text) {
            if (!hasLetters(text) || text.contains(QLatin1Char('[')))
                return;
            for (const QString& known : data) {
                if (text.contains(known))
                    return;
            }
            found.append(nameOf(widget) + QStringLiteral(": ") + text);
        };
        for (const QWidget* widget : root->findChildren<QWidget*>()) {
            if (!widget->isVisibleTo(root))
                continue;
            check(widget, textOf(widget));
            check(widget, widget->toolTip());
            if (auto* line = qobject_cast<const QLineEdit*>(widget))
                check(widget, line->placeholderText());
            if (auto* box = qobject_cast<const QComboBox*>(widget)) {
                for (int i = 0; i < box->count(); ++i)
                    check(widget, box->itemText(i));
            }
            if (auto* tabs = qobject_cast<const QTabBar*>(widget)) {
                for (int i = 0; i < tabs->count(); ++i)
                    check(widget, tabs->tabText(i));
            }
        }
        return found;
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void everyControlHasAName() {
        open(3, {320, 240});
        key(Qt::Key_A);
        QTRY_VERIFY(decidable());
        key(Qt::Key_X, Qt::ShiftModifier);
        QStringList missing;
        for (const ToolId tool : {ToolId::Brush, ToolId::Eraser, ToolId::Lasso, ToolId::Polygon, ToolId::Wand,
                                  ToolId::Contour, ToolId::Region, ToolId::Ruler}) {
            m_window->setTool(tool);
            missing += nameless(m_window.get());
        }
        trigger("compareDifference");
        missing += nameless(m_window.get());
        for (const char* id : {"keys", "settings", "export"}) {
            QWidget* dialog = openDialog(id);
            QVERIFY2(dialog, id);
            missing += nameless(dialog);
            dialog->close();
        }
        missing.removeDuplicates();
        QVERIFY2(missing.isEmpty(), qPrintable(missing.join(QLatin1Char('\n'))));
    }

    // 28 pixels each way at the least, for hands that tremble.
    void targetsAreLargeEnough() {
        open(3, {320, 240});
        key(Qt::Key_A);
        QTRY_VERIFY(decidable());
        session().addComment(QStringLiteral("A comment."));
        drag({{100, 100}, {200, 100}});
        QStringList small;
        const auto look = [&](QWidget* root) {
            QTest::qWait(50);
            for (const QWidget* widget : root->findChildren<QWidget*>()) {
                if (!isControl(widget) || !widget->isVisibleTo(root) || widget->window() != root->window() ||
                    qobject_cast<const QAbstractItemView*>(widget))
                    continue;
                if (widget->height() < 28 || widget->width() < 28)
                    small.append(QStringLiteral("%1: %2 x %3")
                                     .arg(nameOf(widget))
                                     .arg(widget->width())
                                     .arg(widget->height()));
            }
        };
        for (const ToolId tool : {ToolId::Brush, ToolId::Wand, ToolId::Contour, ToolId::Ruler}) {
            m_window->setTool(tool);
            look(m_window.get());
        }
        m_window->setModels({}); // a banner
        for (const char* command : {"compareDifference", "specks", "activity"}) {
            m_window->commands().action(QLatin1String(command))->trigger();
            look(m_window.get());
        }
        trigger("activity");
        for (const char* id : {"keys", "settings", "export"}) {
            QWidget* dialog = openDialog(id);
            QVERIFY2(dialog, id);
            auto* tabs = dialog->findChild<QTabWidget*>();
            for (int i = 0; i < (tabs ? tabs->count() : 1); ++i) {
                if (tabs)
                    tabs->setCurrentIndex(i);
                look(dialog);
            }
            for (const QAbstractItemView* view : dialog->findChildren<QAbstractItemView*>()) {
                const QModelIndex first = view->model()->index(0, 0);
                if (!qobject_cast<const QHeaderView*>(view) && view->isVisibleTo(dialog) &&
                    view->visualRect(first).height() < 28)
                    small.append(nameOf(view) + QStringLiteral(": rows"));
            }
            dialog->close();
        }
        closeWindow();
        showWindow();
        m_window->setModels({});
        look(m_window.get());
        small.removeDuplicates();
        for (const QString& one : small)
            qWarning("%s", qPrintable(one));
        QVERIFY2(small.isEmpty(), qPrintable(small.join(QLatin1Char('\n'))));
    }

    // Words on the canvas, which is a middle grey, in both themes.
    void wordsOnTheCanvasAreRead() {
        open(2, {320, 240});
        m_window->findChild<QLineEdit*>(QStringLiteral("worklistSearch"))->setText(QStringLiteral("no such"));
        QTRY_VERIFY(session().list().empty());
        canvas()->setImage(nullptr, false);
        canvas()->setEmptyText(QStringLiteral("||||||||||||||||||||||||"));
        for (const Theme::Mode mode : {Theme::Mode::Dark, Theme::Mode::Light}) {
            Theme::instance().setMode(mode);
            QTest::qWait(50);
            const QImage frame = canvas()->grabImage();
            // The least and the most of light where the words stand.
            QColor darkest = Qt::white, lightest = Qt::black;
            for (int x = frame.width() / 2 - 20; x < frame.width() / 2 + 20; ++x) {
                const QColor c = frame.pixelColor(x, frame.height() / 2);
                darkest = c.lightness() < darkest.lightness() ? c : darkest;
                lightest = c.lightness() > lightest.lightness() ? c : lightest;
            }
            QVERIFY2(contrastOf(darkest, lightest) >= 5,
                     qPrintable(darkest.name() + QLatin1Char(' ') + lightest.name()));
        }
        Theme::instance().setMode(Theme::Mode::System);
    }

    void theGermanTranslationIsComplete() {
        for (const char* name : {"limn_de.ts", "limn_en.ts"}) {
            QFile file(QStringLiteral(LIMN_SOURCE_DIR "/resources/translations/") + QLatin1String(name));
            QVERIFY(file.open(QIODevice::ReadOnly));
            QVERIFY2(!file.readAll().contains("unfinished"), name);
        }
    }

    void theCanvasTellsImageStateLabelAndArea() {
        open(2, {320, 240});
        session().setUsesProposalFirst(false);
        QTRY_VERIFY(canvas()->accessibleDescription().contains(QLatin1String("case-001.png")));
        drag({{100, 100}, {200, 100}});
        QTRY_VERIFY2(canvas()->accessibleDescription().contains(
                         tr("%n pixels annotated", nullptr, static_cast<int>(painted()))
                             .section(QLatin1Char(' '), 0, 0)),
                     qPrintable(canvas()->accessibleDescription()));
        const QString text = canvas()->accessibleDescription();
        QVERIFY2(text.contains(QLatin1String("in progress")) && text.contains(QLatin1String("Lesion")),
                 qPrintable(text));
    }

    void tabAndF6GoThroughThePanes() {
        open(2, {320, 240});
        // F6: list, tools, options, canvas, panels, review, and round.
        const auto paneOf = [this](const QWidget* widget) -> QString {
            for (const char* name :
                 {"worklistPane", "toolRail", "optionBar", "canvas", "reviewBar", "sidePane"}) {
                auto* pane = m_window->findChild<QWidget*>(QLatin1String(name));
                if (pane && (pane == widget || pane->isAncestorOf(widget)))
                    return QLatin1String(name);
            }
            return QStringLiteral("?");
        };
        m_window->findChild<QWidget*>(QStringLiteral("worklist"))->setFocus();
        QStringList visited;
        for (int i = 0; i < 6; ++i) {
            key(Qt::Key_F6);
            visited.append(paneOf(QApplication::focusWidget()));
        }
        QCOMPARE(visited, (QStringList{QStringLiteral("toolRail"), QStringLiteral("optionBar"),
                                       QStringLiteral("canvas"), QStringLiteral("sidePane"),
                                       QStringLiteral("reviewBar"), QStringLiteral("worklistPane")}));
        key(Qt::Key_F6, Qt::ShiftModifier);
        QCOMPARE(paneOf(QApplication::focusWidget()), QStringLiteral("reviewBar"));
        // Tab is never taken: a whole round comes back, and meets the panes in this order.
        m_window->findChild<QWidget*>(QStringLiteral("worklist"))->setFocus();
        QWidget* start = QApplication::focusWidget();
        QStringList order;
        int stops = 0;
        do {
            QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
            QVERIFY(QApplication::focusWidget());
            const QString pane = paneOf(QApplication::focusWidget());
            if (order.isEmpty() || order.last() != pane)
                order.append(pane);
        } while (QApplication::focusWidget() != start && ++stops < 200);
        QCOMPARE(QApplication::focusWidget(), start);
        order.removeAll(QStringLiteral("?"));
        order.removeDuplicates();
        const QStringList wanted = {QStringLiteral("toolRail"), QStringLiteral("optionBar"),
                                    QStringLiteral("canvas"), QStringLiteral("sidePane"),
                                    QStringLiteral("reviewBar")};
        order.removeAll(QStringLiteral("worklistPane"));
        QCOMPARE(order, wanted);
    }

    void theDividerIsMovedByKeys() {
        open(3, {320, 240});
        const ImageId id = session().current();
        auto* handle = canvas()->dividerHandle();
        QVERIFY(!handle->isVisible());
        trigger("compareSwipe");
        QVERIFY(handle->isVisible());
        canvas()->setFocus();
        QTest::keyClick(canvas(), Qt::Key_Tab);
        QCOMPARE(QApplication::focusWidget(), handle);
        const QImage before = canvas()->grabImage();
        for (int i = 0; i < 5; ++i)
            key(Qt::Key_Right);
        QVERIFY(std::abs(canvas()->divider() - 0.55) < 0.001);
        QVERIFY(std::abs(handle->geometry().center().x() - 0.55 * canvas()->width()) < 3);
        key(Qt::Key_PageDown);
        QVERIFY(std::abs(canvas()->divider() - 0.45) < 0.001);
        QCOMPARE(session().current(), id);
        QVERIFY(canvas()->grabImage() != before);
        shot(QStringLiteral("divider-by-keys"));
        // Gone with the comparison; the keys go to the image again.
        trigger("compareOff");
        QVERIFY(!handle->isVisible() && canvas()->hasFocus());
        key(Qt::Key_Right);
        QTRY_VERIFY(session().current() != id);
    }

    void aLabelIsNamedInItsPlace() {
        open(1, {320, 240});
        const auto field = [this] { return m_window->findChild<QLineEdit*>(QStringLiteral("labelName")); };
        const auto nameOfLabel = [this](std::uint8_t value) {
            const Label* label = document()->findLabel(value);
            return label ? QString::fromStdString(label->name) : QString();
        };
        QTest::mouseClick(m_window->findChild<QWidget*>(QStringLiteral("addLabel")), Qt::LeftButton);
        QVERIFY(field() && field()->hasFocus());
        QTest::keyClicks(field(), QStringLiteral("Hair b"));
        key(Qt::Key_Return);
        QVERIFY(!field());
        QCOMPARE(nameOfLabel(2), QStringLiteral("Hair b"));
        QVERIFY(canvas()->hasFocus());
        // Esc drops what was typed; leaving the field keeps it.
        auto* panel = m_window->findChild<LabelPanel*>();
        panel->rename(2);
        QTest::keyClicks(field(), QStringLiteral("no"));
        key(Qt::Key_Escape);
        QVERIFY(!field());
        QCOMPARE(nameOfLabel(2), QStringLiteral("Hair b"));
        panel->rename(1);
        QTest::keyClicks(field(), QStringLiteral("Naevus"));
        canvas()->setFocus();
        QVERIFY(!field());
        QCOMPARE(nameOfLabel(1), QStringLiteral("Naevus"));
    }

    // What has no room in a box ends in an ellipsis, is whole in its tool tip, and in the list that opens.
    void aNarrowBoxSaysThatItGoesOn() {
        ElidedComboBox box(6);
        box.addItem(QStringLiteral("Reihenfolge"));
        box.resize(300, 30);
        box.show();
        QVERIFY(QTest::qWaitForWindowExposed(&box));
        QCOMPARE(box.shownText(), QStringLiteral("Reihenfolge"));
        box.resize(90, 30);
        const QString shown = box.shownText();
        QVERIFY2(shown.endsWith(QChar(0x2026)) && shown.size() < 11, qPrintable(shown));
        const QImage narrow = box.grab().toImage();
        box.setItemText(0, shown);
        QVERIFY(box.grab().toImage() == narrow);
        box.setItemText(0, QStringLiteral("Reihenfolge"));
        QHelpEvent ask(QEvent::ToolTip, QPoint(5, 5), box.mapToGlobal(QPoint(5, 5)));
        QApplication::sendEvent(&box, &ask);
        QCOMPARE(QToolTip::text(), QStringLiteral("Reihenfolge"));
        QToolTip::hideText();
        box.showPopup();
        QTRY_VERIFY(box.view()->isVisible());
        QVERIFY(box.view()->width() >= box.view()->fontMetrics().horizontalAdvance(box.itemText(0)) + 8);
        box.hidePopup();
    }

    void theCursorTellsWhatAPressWouldDo() {
        open(1, {320, 240});
        const auto picture = [this] { return canvas()->cursor().pixmap().toImage(); };
        QList<QImage> seen;
        for (const Qt::Key tool : {Qt::Key_L, Qt::Key_P, Qt::Key_W, Qt::Key_R}) {
            key(tool);
            QTest::mouseMove(canvas(), at(100, 100));
            QVERIFY(!picture().isNull() && !seen.contains(picture()));
            seen.append(picture());
        }
        key(Qt::Key_L);
        const QImage adds = picture();
        m_window->toolSettings().subtract = true;
        canvas()->toolChanged();
        QVERIFY(!picture().isNull() && picture() != adds);
        // A locked label bars it.
        const std::uint8_t label = session().activeLabel();
        QTest::mouseClick(m_window->findChild<QWidget*>(QStringLiteral("lock%1").arg(label)), Qt::LeftButton);
        QVERIFY(document()->isLocked(label));
        QTRY_COMPARE(canvas()->cursor().shape(), Qt::ForbiddenCursor);
        m_window->toolSettings().subtract = false;
    }

    void theFocusIsSeen() {
        open(1, {320, 240});
        m_window->findChild<QWidget*>(QStringLiteral("worklist"))->setFocus();
        const auto ringPixels = [this] {
            const QImage frame = m_window->grab().toImage();
            const QRect area(canvas()->mapTo(m_window.get(), QPoint(0, 0)), canvas()->size());
            const QRgb wanted = Theme::instance().color("focus").rgb();
            int found = 0;
            for (int x = area.left(); x <= area.right(); ++x)
                found += frame.pixel(x, area.top()) == wanted;
            return found;
        };
        QCOMPARE(ringPixels(), 0);
        for (int i = 0; i < 3; ++i)
            key(Qt::Key_F6);
        QVERIFY(canvas()->hasFocus());
        QTest::qWait(50);
        QVERIFY(ringPixels() > canvas()->width() * 9 / 10);
        shot(QStringLiteral("focus-ring"));
        QTest::mouseClick(canvas(), Qt::MiddleButton);
        QCOMPARE(ringPixels(), 0);
        // Lists and tabs of dialogs have one, too.
        trigger("keys");
        trigger("settings");
        for (const auto& [name, widget] :
             {std::pair<const char*, QWidget*>{
                  "keysDialog", m_window->findChild<QAbstractItemView*>(QStringLiteral("keysTree"))},
              {"settingsDialog",
               m_window->findChild<QWidget*>(QStringLiteral("settingsDialog"))->findChild<QTabBar*>()}}) {
            auto* dialog = m_window->findChild<QWidget*>(QLatin1String(name));
            const auto focusPixels = [dialog, widget = widget] {
                QTest::qWait(50);
                const QImage frame = widget->grab().toImage();
                const QRgb wanted = Theme::instance().color("focus").rgb();
                int found = 0;
                for (int y = 0; y < frame.height(); ++y) {
                    for (int x = 0; x < frame.width(); ++x)
                        found += frame.pixel(x, y) == wanted;
                }
                return found;
            };
            dialog->activateWindow();
            QVERIFY(QTest::qWaitForWindowActive(dialog));
            dialog->findChildren<QPushButton*>().last()->setFocus();
            QTRY_VERIFY2(!widget->hasFocus(), name);
            const int before = focusPixels(); // the light theme has one colour for this and the chosen tab
            widget->setFocus(Qt::TabFocusReason);
            QVERIFY2(focusPixels() > before + 100, name);
            dialog->close();
        }
    }

    void aPseudoLanguageShowsNothingCutOrUntranslated() {
        PseudoTranslator pseudo;
        QCoreApplication::installTranslator(&pseudo);
        open(3, {320, 240});
        session().addComment(QStringLiteral("DATA"));
        key(Qt::Key_A);
        QTRY_VERIFY(decidable());
        drag({{100, 100}, {200, 100}});
        QTest::qWait(400);
        const QStringList data = {QStringLiteral("case-"),
                                  QStringLiteral("Ana"),
                                  QStringLiteral("DATA"),
                                  QStringLiteral("Lesion"),
                                  QStringLiteral("drawn-disc"),
                                  QStringLiteral("English"),
                                  QStringLiteral("Deutsch"),
                                  m_folder->path().section(QLatin1Char('/'), -1),
                                  QStringLiteral("px"),
                                  QStringLiteral("cpu"),
                                  QDir::tempPath()};
        QStringList problems;
        const auto look = [&](QWidget* root, const char* what) {
            QTest::qWait(30);
            // Layouts of what has just changed may be waiting.
            for (int i = 0; i < 10 && !cutTexts(root).isEmpty(); ++i)
                QTest::qWait(100);
            for (const QString& text : untranslated(root, data))
                problems.append(QStringLiteral("untranslated in %1: %2").arg(QLatin1String(what), text));
            for (const QString& text : cutTexts(root))
                problems.append(QStringLiteral("cut in %1: %2").arg(QLatin1String(what), text));
        };
        for (const ToolId tool : {ToolId::Brush, ToolId::Eraser, ToolId::Lasso, ToolId::Polygon, ToolId::Wand,
                                  ToolId::Contour, ToolId::Region, ToolId::Ruler}) {
            m_window->setTool(tool);
            look(m_window.get(), "window");
        }
        shot(QStringLiteral("pseudo"));
        trigger("compareDifference");
        QTest::qWait(300);
        look(m_window.get(), "comparison");
        shot(QStringLiteral("pseudo-comparison"));
        trigger("compareOff");
        key(Qt::Key_F, Qt::ShiftModifier);
        look(m_window.get(), "clean-up");
        key(Qt::Key_Escape);
        key(Qt::Key_X);
        look(m_window.get(), "rejection");
        shot(QStringLiteral("pseudo-reject"));
        key(Qt::Key_Escape);
        for (const char* id : {"keys", "settings", "export"}) {
            QWidget* dialog = openDialog(id);
            QVERIFY2(dialog, id);
            if (auto* tabs = dialog->findChild<QTabWidget*>()) {
                for (int i = 0; i < tabs->count(); ++i) {
                    tabs->setCurrentIndex(i);
                    look(dialog, id);
                }
            } else {
                look(dialog, id);
            }
            keepScreenshot(dialog->grab().toImage(), QStringLiteral("pseudo-") + QLatin1String(id));
            dialog->close();
        }
        // Menus: every entry is translated.
        for (const QMenu* menu : m_window->menuBar()->findChildren<QMenu*>()) {
            for (const QAction* action : menu->actions()) {
                const QString text = action->text();
                if (!hasLetters(text) || text.contains(QLatin1Char('[')))
                    continue;
                if (std::none_of(data.begin(), data.end(),
                                 [&](const QString& d) { return text.contains(d); }) &&
                    !text.contains(QLatin1Char('/')))
                    problems.append(QStringLiteral("untranslated in the menu: ") + text);
            }
        }
        closeWindow();
        showWindow();
        m_window->setModels({});
        look(m_window.get(), "start page");
        shot(QStringLiteral("pseudo-start"));
        QCoreApplication::removeTranslator(&pseudo);
        for (const QString& text : pseudo.withoutGerman())
            problems.append(QStringLiteral("not in German: ") + text);
        problems.removeDuplicates();
        for (const QString& problem : problems)
            qWarning("%s", qPrintable(problem)); // a failure's own message is cut off
        QVERIFY2(problems.isEmpty(), qPrintable(problems.join(QLatin1Char('\n'))));
    }
};

LIMN_GUI_TEST_MAIN(TestReach)
#include "tst_reach.moc"
