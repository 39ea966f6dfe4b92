// SPDX-License-Identifier: GPL-3.0-or-later
// The window on small and large screens, at fractions and multiples of the pixel, with larger text, from
// right to left and in German: nothing is cut, covered or coarse in any of its states. The scale of the
// screen is fixed before a program starts, so that each case runs in a process of its own, on an X server of
// its own.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"
#include "tests/gui/window_geometry.h"

#include "ui/canvas/canvas_view.h"
#include "ui/dialogs/export_dialog.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QAbstractItemView>
#include <QApplication>
#include <QDoubleSpinBox>
#include <QFile>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QLocale>
#include <QProcess>
#include <QPushButton>
#include <QRegularExpression>
#include <QScreen>
#include <QSettings>
#include <QTabWidget>
#include <QTest>
#include <QTextLayout>
#include <QToolButton>

#include <cstdlib>

using namespace limn;

namespace {

struct Case {
    const char* name;
    QSize screen;          // of the X server
    const char* scale;     // QT_SCALE_FACTOR
    int textPercent;       // the setting
    bool mirrored = false; // from right to left
    const char* language = "en_US.UTF-8";
    bool fingers = false; // the setting
};

const Case kCases[] = {
    {"1280x800", {1280, 800}, "1", 100},
    {"1280x800-text-150", {1280, 800}, "1", 150},
    {"1280x800-mirrored-text-150", {1280, 800}, "1", 150, true},
    {"1920x1200-scale-1.5", {1920, 1200}, "1.5", 100},
    {"1280x800-german-text-150", {1280, 800}, "1", 150, false, "de_DE.UTF-8"},
    {"1920x1200-text-200", {1920, 1200}, "1", 200},
    {"1280x800-fingers", {1280, 800}, "1", 100, false, "en_US.UTF-8", true},
    {"3840x2160", {3840, 2160}, "1", 100},
    {"3840x2160-scale-2", {3840, 2160}, "2", 100},
    {"3840x2400-scale-3", {3840, 2400}, "3", 100},
};
constexpr char kCaseVariable[] = "LIMN_SIZES_CASE";

} // namespace

// In the process of its own.
class TestOneSize : public QObject, private WindowDriver {
    Q_OBJECT

public:
    explicit TestOneSize(const Case& which) : m_case(which) {}

private:
    const Case& m_case;
    QStringList m_problems;

    void look(QWidget* root, const QString& what) {
        QTest::qWait(20);
        // Layouts of what has just changed may be waiting.
        for (int i = 0; i < 10 && !(cutTexts(root) + overlaps(root)).isEmpty(); ++i)
            QTest::qWait(50);
        if (m_window->width() > m_window->screen()->availableSize().width())
            m_problems.append(
                QStringLiteral("wider than the screen (%1): %2").arg(what).arg(m_window->width()));
        const QRect viewBar = part("viewBar")->geometry().translated(-canvas()->pos());
        if (part("viewBar")->isVisible() && canvas()->scaleBarPlace().intersects(viewBar))
            m_problems.append(QStringLiteral("the scale bar is covered (%1)").arg(what));
        for (const QString& text : cutTexts(root))
            m_problems.append(QStringLiteral("cut (%1): %2").arg(what, text));
        for (const QString& text : overlaps(root))
            m_problems.append(QStringLiteral("covered (%1): %2").arg(what, text));
        for (const QString& text : coarseIcons(root))
            m_problems.append(QStringLiteral("coarse (%1): %2").arg(what, text));
    }
    void keep(QWidget* widget, const char* state) {
        keepScreenshot(widget->grab().toImage(),
                       QStringLiteral("sizes-%1-%2").arg(QLatin1String(m_case.name), QLatin1String(state)));
    }
    void run(const char* command) { m_window->commands().action(QLatin1String(command))->trigger(); }
    template<typename T = QWidget>
    T* part(const char* name) const {
        return m_window->findChild<T*>(QLatin1String(name));
    }
    QRect placeOf(const char* name) const {
        const QWidget* widget = part(name);
        return {widget->mapTo(m_window.get(), QPoint(0, 0)), widget->size()};
    }
    void fillScreen() {
        m_window->resize(m_window->screen()->availableSize());
        QTest::qWait(50);
        QTRY_COMPARE(m_window->size(), m_window->screen()->availableSize());
    }
    // What is on the screen, without asking the window to paint itself.
    QImage screenOfCanvas() const {
        return m_window->screen()
            ->grabWindow(m_window->winId(), placeOf("canvas").x(), placeOf("canvas").y(), canvas()->width(),
                         canvas()->height())
            .toImage();
    }
    // The same once it stays as it is: a busy machine paints late.
    QImage settledScreenOfCanvas() const {
        QImage screen = screenOfCanvas();
        int same = 0;
        for (int i = 0; same < 3 && i < 100; ++i) {
            QTest::qWait(25);
            const QImage next = screenOfCanvas();
            same = next == screen ? same + 1 : 0;
            screen = next;
        }
        return screen;
    }
    // What hands do depends on the pixel alone: at its size, and at the largest.
    bool handsToo() const {
        return m_case.textPercent == 100 && !m_case.fingers &&
               (m_case.screen.width() == 1280 || m_case.scale == QByteArray("3"));
    }
    void finish() {
        m_problems.removeDuplicates();
        const QStringList problems = std::exchange(m_problems, {});
        for (const QString& problem : problems)
            qWarning("%s", qPrintable(problem)); // a failure's own message is cut off
        QVERIFY2(problems.isEmpty(), qPrintable(problems.join(QLatin1Char('\n'))));
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void theStartPage() {
        QTemporaryDir here;
        QSettings().setValue(QStringLiteral("recent"),
                             QStringList{here.path(), QStringLiteral("/not/there/any-more/and-long-names/of"
                                                                     "-folders/that-were-moved/somewhere"
                                                                     "/else/on/another/disk/nevi.limn")});
        showWindow(m_case.screen);
        m_window->setModels({discModel(0)});
        fillScreen();
        look(m_window.get(), QStringLiteral("start page"));
        keep(m_window.get(), "start");
        finish();
    }

    void everyStateOfTheWindow() {
        open(7, {640, 480});
        fillScreen();
        keep(m_window.get(), "proposal");
        look(m_window.get(), QStringLiteral("proposal"));
        key(Qt::Key_A);
        QTRY_VERIFY(decidable());
        look(m_window.get(), QStringLiteral("toast"));
        QTRY_VERIFY(part("toast")->isVisible());
        for (const char* beside : {"worklistPane", "sidePane", "reviewBar"})
            QVERIFY2(!placeOf("toast").intersects(placeOf(beside)), beside);
        session().addComment(QStringLiteral("The border at the left is hard to see on this image."));
        key(Qt::Key_X, Qt::ShiftModifier);
        drag({{100, 100}, {200, 100}});
        drag({{400, 300}, {420, 300}});
        QTest::qWait(300);
        for (const ToolId tool : {ToolId::Eraser, ToolId::Lasso, ToolId::Polygon, ToolId::Wand,
                                  ToolId::Contour, ToolId::Region, ToolId::Ruler, ToolId::Brush}) {
            // Frames of many pixels take the software renderer long; there is room for every option then.
            if (m_case.screen.width() >= 3840 && tool != ToolId::Wand && tool != ToolId::Brush)
                continue;
            m_window->setTool(tool);
            look(m_window.get(), QStringLiteral("tool %1").arg(static_cast<int>(tool)));
        }
        keep(m_window.get(), "edited");
        key(Qt::Key_M);
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(100, 300));
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(300, 300));
        look(m_window.get(), QStringLiteral("ruler's line"));
        QTRY_VERIFY(part("calibrateButton"));
        QTest::mouseClick(part("calibrateButton"), Qt::LeftButton);
        QTRY_VERIFY(!m_window->bannerText().isEmpty());
        QTest::qWait(200);
        look(m_window.get(), QStringLiteral("calibrated, with a banner"));
        keep(m_window.get(), "banner");
        canvas()->setFocus();
        m_window->setTool(ToolId::Brush);
        run("uncertaintyLayer");
        for (const char* compare : {"compareSide", "compareSwipe", "compareDifference"}) {
            run(compare);
            QTest::qWait(150);
            look(m_window.get(), QLatin1String(compare));
            keep(m_window.get(), compare);
        }
        run("compareOff");
        run("uncertaintyLayer");
        for (const char* cleanUp : {"smooth", "fillHoles", "specks"}) {
            run(cleanUp);
            look(m_window.get(), QLatin1String(cleanUp));
        }
        keep(m_window.get(), "clean-up");
        key(Qt::Key_Escape);
        key(Qt::Key_X);
        look(m_window.get(), QStringLiteral("rejection"));
        auto* popover = part("popover");
        QVERIFY(popover->isVisible());
        auto* reasons = part<QAbstractItemView>("rejectReasons");
        QVERIFY2(reasons->sizeHintForColumn(0) <= reasons->viewport()->width(), "a reason is cut");
        if (!m_window->rect().contains(popover->geometry()))
            m_problems.append(QStringLiteral("the reasons stick out of the window"));
        keep(m_window.get(), "rejection");
        key(Qt::Key_Escape);
        run("activity");
        look(m_window.get(), QStringLiteral("tasks"));
        keep(m_window.get(), "tasks");
        run("activity");
        run("grid");
        look(m_window.get(), QStringLiteral("grid"));
        keep(m_window.get(), "grid");
        run("grid");
        finish();
    }

    void theDialogs() {
        open(3, {640, 480});
        fillScreen();
        key(Qt::Key_A);
        QTRY_VERIFY(decidable());
        for (const char* id : {"keys", "settings", "export"}) {
            run(id);
            QTest::qWait(50);
            auto* dialog = part<QWidget>((QByteArray(id) + "Dialog").constData());
            QVERIFY2(dialog, id);
            if (auto* tabs = dialog->findChild<QTabWidget*>()) {
                for (int i = 0; i < tabs->count(); ++i) {
                    tabs->setCurrentIndex(i);
                    look(dialog, QStringLiteral("%1, page %2").arg(QLatin1String(id)).arg(i));
                    keep(dialog, (QByteArray(id) + QByteArray::number(i)).constData());
                }
            } else {
                look(dialog, QLatin1String(id));
                keep(dialog, id);
            }
            if (dialog->width() > m_window->width() || dialog->height() > m_window->height())
                m_problems.append(QStringLiteral("%1 is larger than the screen: %2 x %3")
                                      .arg(QLatin1String(id))
                                      .arg(dialog->width())
                                      .arg(dialog->height()));
            if (auto* start = dialog->findChild<QPushButton*>(QStringLiteral("exportStart"))) {
                QTest::mouseClick(start, Qt::LeftButton);
                QTRY_VERIFY(dialog->findChild<QWidget*>(QStringLiteral("exportReport"))->isVisible());
                look(dialog, QStringLiteral("results of the export"));
                keep(dialog, "export-results");
            }
            dialog->close();
        }
        finish();
    }

    void iconsGrowWithTheText() {
        open(1, {640, 480});
        fillScreen();
        int seen = 0;
        for (const QAbstractButton* button : m_window->findChildren<QAbstractButton*>()) {
            if (!button->isVisible() || button->icon().isNull() ||
                qobject_cast<QLineEdit*>(button->parentWidget()))
                continue;
            // The tools stand above each other, and have to fit.
            const bool tool = button->parentWidget()->objectName() == QLatin1String("toolRail");
            const int least = tool ? 22 + (m_case.textPercent - 100) / 25 : 13 * m_case.textPercent / 100;
            QVERIFY2(button->iconSize().height() >= least && button->width() >= button->iconSize().width(),
                     qPrintable(nameOf(button)));
            ++seen;
        }
        QVERIFY(seen > 20);
    }

    // In the order in which it is written, whatever the direction around.
    void figuresStandBeforeTheirUnits() {
        open(1, {640, 480});
        fillScreen();
        QStringList figures = {part<QToolButton>("zoomLabel")->text()};
        for (const QDoubleSpinBox* field : m_window->findChildren<QDoubleSpinBox*>()) {
            if (field->isVisible() && !field->suffix().isEmpty())
                figures.append(field->text());
        }
        QVERIFY(figures.size() > 1);
        for (const QString& figure : figures) {
            static const QRegularExpression digit(QStringLiteral("\\d"));
            static const QRegularExpression unit(QStringLiteral("[p%]"));
            QTextLayout layout(figure, m_window->font());
            QTextOption option;
            option.setTextDirection(m_window->layoutDirection());
            layout.setTextOption(option);
            layout.beginLayout();
            QTextLine line = layout.createLine();
            layout.endLayout();
            // Behind the first digit: before it, the cursor may be at either end of the figure.
            QVERIFY2(line.cursorToX(static_cast<int>(figure.indexOf(digit) + 1)) <
                         line.cursorToX(static_cast<int>(figure.indexOf(unit))),
                     qPrintable(figure));
        }
    }

    void theCanvasHasTheRoom() {
        open(1, {640, 480});
        fillScreen();
        const double share = static_cast<double>(canvas()->width()) / m_window->width();
        if (m_case.screen.width() >= 3840 && m_case.scale != QByteArray("3"))
            QVERIFY2(share > 0.7, qPrintable(QString::number(share)));
        else if (m_case.textPercent == 100 && !m_case.fingers)
            QVERIFY2(canvas()->width() >= 760 && canvas()->height() >= 600,
                     qPrintable(QStringLiteral("%1 x %2").arg(canvas()->width()).arg(canvas()->height())));
        // As many pixels as the screen has there.
        const QImage frame = canvas()->grabFramebuffer();
        QVERIFY(std::abs(frame.width() - canvas()->width() * canvas()->devicePixelRatioF()) < 1);
    }

    void mirroredAroundTheImage() {
        open(3, {640, 480});
        fillScreen();
        QTest::qWait(300); // small pictures
        const bool mirrored = m_case.mirrored;
        QCOMPARE(placeOf("worklistPane").center().x() > placeOf("canvas").center().x(), mirrored);
        QCOMPARE(placeOf("reviewBar").center().x() < placeOf("canvas").center().x(), mirrored);
        // The image itself and what lies along it never turn round.
        QCOMPARE(canvas()->layoutDirection(), Qt::LeftToRight);
        QCOMPARE(part("threshold")->layoutDirection(), Qt::LeftToRight);
        // A row's small picture is where its language begins.
        auto* list = part<QListView>("worklist");
        const QImage row = list->viewport()->grab(list->visualRect(list->model()->index(1, 0))).toImage();
        const auto coloured = [&row](double from, double to) {
            int count = 0;
            for (int x = static_cast<int>(row.width() * from); x < static_cast<int>(row.width() * to); ++x) {
                const QColor color = row.pixelColor(x, row.height() / 2);
                count += color.saturation() > 60 && color.value() > 60;
            }
            return count;
        };
        QVERIFY(mirrored ? coloured(0.7, 1) > 3 * coloured(0, 0.3) + 10
                         : coloured(0, 0.3) > 3 * coloured(0.7, 1) + 10);
    }

    void nothingIsLeftBehindByThePointer() {
        if (!handsToo())
            return;
        open(1, {640, 480});
        fillScreen();
        session().setUsesProposalFirst(false);
        drag({{200, 200}, {220, 200}});
        for (const ToolId tool : {ToolId::Brush, ToolId::Eraser, ToolId::Wand, ToolId::Contour, ToolId::Lasso,
                                  ToolId::Polygon, ToolId::Region, ToolId::Ruler}) {
            m_window->setTool(tool);
            for (const QPointF& p : {QPointF(100, 80), QPointF(350, 150), QPointF(500, 400)}) {
                QTest::mouseMove(canvas(), at(p.x(), p.y()));
                QTest::qWait(30);
            }
            const QImage drawnInParts = settledScreenOfCanvas();
            canvas()->updateDecorations();
            canvas()->toolChanged();
            QVERIFY2(drawnInParts == settledScreenOfCanvas(),
                     qPrintable(QString::number(static_cast<int>(tool))));
        }
    }

    void aCornerOfAPolygonIsHitBesideIt() {
        if (!handsToo())
            return;
        open(1, {640, 480});
        fillScreen();
        session().setUsesProposalFirst(false);
        key(Qt::Key_P);
        const QPoint first = at(100, 100);
        for (const QPoint& p : {first, at(300, 100), at(300, 300)})
            QTest::mouseClick(canvas(), Qt::LeftButton, {}, p);
        QTest::qWait(50);
        QCOMPARE(painted(), std::size_t(0));
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, first + QPoint(5, -4));
        QTRY_VERIFY(painted() > 15000);
    }

    void aTremblingHandMeasuresWithTwoClicks() {
        if (!handsToo())
            return;
        open(1, {640, 480});
        fillScreen();
        key(Qt::Key_M);
        const QPoint from = at(100, 300);
        const QPoint aside = from + QPoint(2, 1);
        QTest::mousePress(canvas(), Qt::LeftButton, {}, from);
        QMouseEvent move(QEvent::MouseMove, aside, canvas()->mapToGlobal(aside), Qt::NoButton, Qt::LeftButton,
                         {});
        QApplication::sendEvent(canvas(), &move);
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, aside);
        QTest::qWait(30);
        QVERIFY2(!part("calibrateButton"), "a click that trembled was taken for a line");
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(300, 300));
        QTRY_VERIFY(part("calibrateButton"));
    }
};

class TestSizes : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void nothingIsCutOrCovered_data() {
        QTest::addColumn<int>("index");
        for (std::size_t i = 0; i < std::size(kCases); ++i)
            QTest::newRow(kCases[i].name) << static_cast<int>(i);
    }
    void nothingIsCutOrCovered() {
        QFETCH(int, index);
        const Case& one = kCases[index];
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.remove(QStringLiteral("DISPLAY"));
        environment.insert(QLatin1String(kCaseVariable), QString::number(index));
        environment.insert(QStringLiteral("QT_SCALE_FACTOR"), QLatin1String(one.scale));
        environment.insert(QStringLiteral("LC_ALL"), QLatin1String(one.language));
        QProcess process;
        process.setProcessEnvironment(environment);
        process.setProcessChannelMode(QProcess::MergedChannels);
        process.start(QCoreApplication::applicationFilePath(), {});
        QVERIFY(process.waitForFinished(240000));
        const QByteArray output = process.readAll();
        QVERIFY2(process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0, output.constData());
    }
};

int main(int argc, char** argv) {
    bool child = false;
    const int index = qEnvironmentVariableIntValue(kCaseVariable, &child);
    if (!child || index < 0 || index >= static_cast<int>(std::size(kCases))) {
        QCoreApplication application(argc, argv);
        TestSizes test;
        return runGuiTest(&test, argc, argv);
    }
    const Case& one = kCases[index];
    if (!startDisplay(one.screen))
        return 1;
    prepareGuiTest("TestOneSize");
    QApplication application(argc, argv);
    prepareApplication(application);
    Theme::instance().setTextPercent(one.textPercent);
    Theme::instance().setForFingers(one.fingers);
    if (one.mirrored)
        QGuiApplication::setLayoutDirection(Qt::RightToLeft);
    TestOneSize test(one);
    return runGuiTest(&test, argc, argv);
}
#include "tst_sizes.moc"
