// SPDX-License-Identifier: GPL-3.0-or-later
// Every tool with real events: adding, subtracting, dropping, locks, starts outside, images of one pixel,
// undo; what its options and keys do; what is said where nothing can be done.
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QTest>
#include <QTimer>
#include <QToolButton>
#include <QWheelEvent>

using namespace limn;

class TestTools : public QObject, private WindowDriver {
    Q_OBJECT

    LabelMap labels() const { return document()->labels().toLabelMap(); }
    std::size_t steps() const { return document()->history().undoCount(); }
    bool says(const char* words) const { return m_window->statusText().contains(QLatin1String(words)); }
    void followRemedy() {
        Q_EMIT part<QLabel>("messageLabel")->linkActivated(QStringLiteral("remedy"));
        QCoreApplication::processEvents();
    }
    void settle() { QTRY_VERIFY(!session().editPending()); }
    void wheel(int delta, Qt::KeyboardModifiers modifiers = {}, QPoint angle = {}) {
        const QPointF local(canvas()->width() / 2.0, canvas()->height() / 2.0);
        QWheelEvent event(local, canvas()->mapToGlobal(local), {}, angle.isNull() ? QPoint(0, delta) : angle,
                          Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
        QApplication::sendEvent(canvas(), &event);
    }
    void moveTo(QPointF image, Qt::MouseButton button = Qt::LeftButton) {
        const QPoint local = at(image.x(), image.y());
        QMouseEvent event(QEvent::MouseMove, local, canvas()->mapToGlobal(local), Qt::NoButton, button, {});
        QApplication::sendEvent(canvas(), &event);
    }

    // A bar from (200, 180) to (440, 300), as one step.
    void paintBar() {
        m_window->setTool(ToolId::Brush);
        m_window->toolSettings().brushPx = 120;
        drag({{260, 240}, {380, 240}});
        m_window->toolSettings().brushPx = 40;
        m_window->toolSettings().eraserPx = 40;
        QVERIFY(painted() > 15000);
    }
    // A gesture of the tool that adds above the bar, or takes out of it. Eraser and contour know one of the
    // two by themselves.
    void gesture(ToolId tool, bool subtract, Qt::MouseButton button = Qt::LeftButton) {
        m_window->setTool(tool);
        const bool opposite =
            button == Qt::LeftButton && tool != ToolId::Contour && subtract != (tool == ToolId::Eraser);
        const Qt::KeyboardModifiers modifiers = opposite ? Qt::ControlModifier : Qt::NoModifier;
        const QList<QPointF> strip = {{300, 60}, {340, 60}, {340, 240}, {300, 240}};
        switch (tool) {
        case ToolId::Brush:
        case ToolId::Eraser:
            drag({{320, 240}, {320, 60}}, modifiers, button);
            break;
        case ToolId::Lasso:
            drag(strip, modifiers, button);
            break;
        case ToolId::Polygon:
            for (const QPointF& p : strip)
                QTest::mouseClick(canvas(), Qt::LeftButton, modifiers, at(p.x(), p.y()));
            key(Qt::Key_Return);
            break;
        case ToolId::Wand:
            // There and back: at the tolerance that it began with, and no click.
            drag(subtract ? QList<QPointF>{{320, 240}, {330, 240}, {320, 240}} : QList<QPointF>{{20, 20}},
                 modifiers, button);
            break;
        case ToolId::Contour:
            drag(subtract ? QList<QPointF>{{320, 100}, {320, 150}, {320, 220}}
                          : QList<QPointF>{{320, 240}, {320, 190}, {320, 120}});
            break;
        default:
            QFAIL("no tool that edits");
        }
        settle();
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void everyTool_data() {
        QTest::addColumn<int>("number");
        for (const auto& [name, tool] :
             std::initializer_list<std::pair<const char*, ToolId>>{{"brush", ToolId::Brush},
                                                                   {"eraser", ToolId::Eraser},
                                                                   {"lasso", ToolId::Lasso},
                                                                   {"polygon", ToolId::Polygon},
                                                                   {"wand", ToolId::Wand},
                                                                   {"contour", ToolId::Contour}})
            QTest::newRow(name) << static_cast<int>(tool);
    }
    void everyTool() {
        QFETCH(int, number);
        const ToolId tool = static_cast<ToolId>(number);
        open(1);
        session().setUsesProposalFirst(false);
        paintBar();
        const LabelMap bar = labels();
        const std::size_t area = painted();

        gesture(tool, false);
        QVERIFY2(painted() > area, "adding adds");
        QCOMPARE(steps(), std::size_t(2));
        const LabelMap added = labels();
        key(Qt::Key_Z, Qt::ControlModifier);
        QVERIFY2(labels() == bar, "undo of an addition");
        key(Qt::Key_Y, Qt::ControlModifier);
        QVERIFY2(labels() == added, "redo of an addition");
        key(Qt::Key_Z, Qt::ControlModifier);

        gesture(tool, true);
        QVERIFY2(painted() < area, "subtracting takes away");
        const LabelMap cut = labels();
        key(Qt::Key_Z, Qt::ControlModifier);
        QVERIFY2(labels() == bar, "undo of a subtraction");
        // The right button does the same as Ctrl; the eraser, which takes away by itself, paints with it.
        if (tool == ToolId::Brush || tool == ToolId::Lasso || tool == ToolId::Wand) {
            gesture(tool, true, Qt::RightButton);
            QVERIFY2(labels() == cut, "the right button subtracts");
            key(Qt::Key_Z, Qt::ControlModifier);
        }
        QCOMPARE(steps(), std::size_t(1));

        // Esc drops the gesture: no byte, no step.
        m_window->setTool(tool);
        QTest::mousePress(canvas(), Qt::LeftButton, {}, at(320, 100));
        moveTo({320, 200});
        moveTo({360, 200});
        if (tool == ToolId::Polygon) {
            QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(360, 200));
            QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(420, 240));
        }
        key(Qt::Key_Escape);
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(360, 200));
        settle();
        QVERIFY2(labels() == bar, "Esc drops it");
        QCOMPARE(steps(), std::size_t(1));

        // Begun outside the image: what lies inside counts, and nothing else happens.
        m_window->setTool(tool);
        if (tool == ToolId::Polygon) {
            for (const QPointF& p : {QPointF(-6, 300), QPointF(60, 300), QPointF(60, 340), QPointF(-6, 340)})
                QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(p.x(), p.y()));
            key(Qt::Key_Return);
        } else {
            drag({{-6, 300}, {60, 300}, {60, 340}, {-6, 340}},
                 tool == ToolId::Eraser ? Qt::ControlModifier : Qt::NoModifier);
        }
        settle();
        if (tool == ToolId::Wand || tool == ToolId::Contour) {
            QVERIFY2(labels() == bar, "there is no seed, and no edge, outside");
        } else {
            QVERIFY2(painted() > area, "the part inside is drawn");
            const bool line = tool == ToolId::Brush || tool == ToolId::Eraser;
            QCOMPARE(document()->labels().at(1, line ? 300 : 320), std::uint8_t(1));
            key(Qt::Key_Z, Qt::ControlModifier);
        }
        QVERIFY(labels() == bar);

        // A locked label stays, and the status line says why and how it is unlocked.
        Label label = document()->labelTable().front();
        label.locked = true;
        QVERIFY(document()->setLabel(label).ok());
        gesture(tool, false);
        gesture(tool, true);
        QVERIFY2(labels() == bar, "a locked label stays");
        QVERIFY2(says("locked") && says("Unlock"), qPrintable(m_window->statusText()));
        followRemedy();
        QVERIFY(!document()->isLocked(label.value));
        gesture(tool, false);
        QVERIFY2(labels() == added, "and unlocked it is drawn on");
    }

    void anImageOfOnePixel_data() { everyTool_data(); }
    void anImageOfOnePixel() {
        QFETCH(int, number);
        const ToolId tool = static_cast<ToolId>(number);
        m_folder = std::make_unique<QTemporaryDir>();
        QImage one(1, 1, QImage::Format_RGB888);
        one.fill(QColor(180, 120, 100));
        QVERIFY(one.save(m_folder->filePath(QStringLiteral("one.png"))));
        openFolder();
        session().setUsesProposalFirst(false);
        m_window->setTool(tool);
        const auto act = [&](bool erase) {
            const bool opposite = erase != (tool == ToolId::Eraser);
            const Qt::KeyboardModifiers modifiers = opposite ? Qt::ControlModifier : Qt::NoModifier;
            if (tool == ToolId::Polygon) {
                for (const QPointF& p : {QPointF(-1, -1), QPointF(2, -1), QPointF(2, 2), QPointF(-1, 2)})
                    QTest::mouseClick(canvas(), Qt::LeftButton, modifiers, at(p.x(), p.y()));
                key(Qt::Key_Return);
            } else if (tool == ToolId::Lasso) {
                drag({{-1, -1}, {2, -1}, {2, 2}, {-1, 2}}, modifiers);
            } else {
                drag({{0.5, 0.5}}, modifiers);
            }
            settle();
        };
        act(false);
        if (tool == ToolId::Contour) {
            QCOMPARE(steps(), std::size_t(0)); // there is no edge to push
            return;
        }
        QCOMPARE(painted(), std::size_t(1));
        QCOMPARE(steps(), std::size_t(1));
        act(true);
        QCOMPARE(painted(), std::size_t(0));
        key(Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(painted(), std::size_t(1));
        key(Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(painted(), std::size_t(0));
        QVERIFY(document()->size() == (Size{1, 1}));
    }

    // ------------------------------------------------------------------------------------------ options

    void enterEndsAGestureWhereItIs() {
        open(1);
        session().setUsesProposalFirst(false);
        m_window->setTool(ToolId::Brush);
        QTest::mousePress(canvas(), Qt::LeftButton, {}, at(100, 100));
        moveTo({200, 100});
        key(Qt::Key_Return);
        QCOMPARE(steps(), std::size_t(1));
        QVERIFY(!canvas()->gestureActive());
        const LabelMap ended = labels();
        moveTo({300, 300});
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(300, 300));
        QVERIFY(labels() == ended);
        QCOMPARE(steps(), std::size_t(1));
        // A loop closes where it is.
        m_window->setTool(ToolId::Lasso);
        QTest::mousePress(canvas(), Qt::LeftButton, {}, at(300, 300));
        for (const QPointF& p : {QPointF(400, 300), QPointF(400, 400), QPointF(300, 400)})
            moveTo(p);
        key(Qt::Key_Enter);
        QCOMPARE(document()->labels().at(350, 350), std::uint8_t(1));
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(500, 400));
        QCOMPARE(steps(), std::size_t(2));
    }

    void aShiftedClickDrawsFromTheLastEndOfThisImageAlone() {
        open(2);
        session().setUsesProposalFirst(false);
        m_window->toolSettings().brushPx = 10;
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(100, 100));
        QTest::mouseClick(canvas(), Qt::LeftButton, Qt::ShiftModifier, at(300, 100));
        QCOMPARE(document()->labels().at(200, 100), std::uint8_t(1));
        QCOMPARE(steps(), std::size_t(2));
        key(Qt::Key_Right);
        QTRY_VERIFY(session().currentRow() == 1 && decidable());
        QTest::mouseClick(canvas(), Qt::LeftButton, Qt::ShiftModifier, at(300, 300));
        QVERIFY2(painted() < 200, "a line came from where the image before was drawn on");
    }

    void sizesSquaresAndWhatIsPaintedOver() {
        open(1);
        session().setUsesProposalFirst(false);
        ToolSettings& options = m_window->toolSettings();
        options.brushPx = 20;
        options.eraserPx = 50;
        m_window->setTool(ToolId::Brush);
        key(Qt::Key_D);
        QVERIFY(options.brushPx > 20);
        key(Qt::Key_S);
        QCOMPARE(options.brushPx, 20.0);
        wheel(120, Qt::ShiftModifier);
        QVERIFY(options.brushPx > 20);
        QCOMPARE(options.eraserPx, 50.0); // its own size
        m_window->setTool(ToolId::Eraser);
        key(Qt::Key_S);
        QVERIFY(options.eraserPx < 50);
        m_window->setTool(ToolId::Brush);
        auto* field = part<QDoubleSpinBox>("brushSize");
        QCOMPARE(field->minimum(), 1.0);
        QCOMPARE(field->maximum(), 2000.0);
        field->setValue(30);
        QCOMPARE(options.brushPx, 30.0);
        options.shape = BrushShape::Square;
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(100, 100));
        QCOMPARE(painted(), std::size_t(900));
        options.shape = BrushShape::Round;
        // Over background only: the first label stays, and where nothing else is left the line says so.
        std::optional<Label> second = document()->suggestLabel();
        QVERIFY(second && document()->setLabel(*second).ok());
        session().setActiveLabel(second->value);
        options.overBackground = true;
        const LabelMap before = labels();
        options.brushPx = 6;
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(100, 100));
        QVERIFY(labels() == before);
        QVERIFY2(says("over background"), qPrintable(m_window->statusText()));
        followRemedy();
        QVERIFY(!options.overBackground);
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(100, 100));
        QCOMPARE(document()->labels().at(100, 100), second->value);
    }

    void aLassoWithShiftKeepsTheInside() {
        open(1);
        session().setUsesProposalFirst(false);
        paintBar();
        m_window->setTool(ToolId::Lasso);
        // Read at the press, as the opposite is.
        QTest::mousePress(canvas(), Qt::LeftButton, Qt::ShiftModifier, at(300, 100));
        for (const QPointF& p : {QPointF(340, 100), QPointF(340, 400), QPointF(300, 400)})
            moveTo(p);
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(300, 400));
        QCOMPARE(document()->labels().at(320, 240), std::uint8_t(1));
        QCOMPARE(document()->labels().at(250, 240), std::uint8_t(0));
        QCOMPARE(document()->labels().at(390, 240), std::uint8_t(0));
        QCOMPARE(document()->history().undoKind(), StepKind::KeepInside);
    }

    void cornersOfAPolygonAreDraggedTakenBackAndClosedByADoubleClick() {
        open(1);
        session().setUsesProposalFirst(false);
        m_window->setTool(ToolId::Polygon);
        const auto click = [this](double x, double y) {
            QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(x, y));
            QTest::qWait(30); // corners are hit where they were drawn
        };
        click(100, 100);
        click(200, 100);
        click(600, 470);
        key(Qt::Key_Backspace); // that one was wrong
        click(200, 200);
        click(100, 200);
        drag({{200, 200}, {300, 200}}); // the third corner goes elsewhere
        QTest::qWait(30);
        QTest::mouseDClick(canvas(), Qt::LeftButton, {}, at(100, 150));
        QCOMPARE(steps(), std::size_t(1));
        QCOMPARE(document()->labels().at(220, 190), std::uint8_t(1)); // beyond the third corner's first place
        QCOMPARE(document()->labels().at(500, 400), std::uint8_t(0));
        QVERIFY(painted() > 13000 && painted() < 17000);
    }

    void aRightClickOpensTheMenu() {
        open(1);
        session().setUsesProposalFirst(false);
        bool shown = false;
        QTimer poll;
        connect(&poll, &QTimer::timeout, this, [&] {
            if (QWidget* menu = QApplication::activePopupWidget()) {
                shown = menu->actions().contains(m_window->commands().action(QStringLiteral("undo")));
                menu->close();
            }
        });
        poll.start(20);
        QTest::mousePress(canvas(), Qt::RightButton, {}, at(100, 100));
        const QPoint near = at(100, 100) + QPoint(2, 1);
        QMouseEvent move(QEvent::MouseMove, near, canvas()->mapToGlobal(near), Qt::NoButton, Qt::RightButton,
                         {});
        QApplication::sendEvent(canvas(), &move);
        QTest::mouseRelease(canvas(), Qt::RightButton, {}, near);
        QVERIFY(shown);
        QCOMPARE(steps(), std::size_t(0));
    }

    void cleaningActsInsideTheRegionAlone() {
        open(1);
        session().setUsesProposalFirst(false);
        m_window->toolSettings().brushPx = 12;
        // Two rings; the region is around the left one.
        for (const double x : {150.0, 450.0})
            drag({{x - 50, 190}, {x + 50, 190}, {x + 50, 290}, {x - 50, 290}, {x - 50, 190}});
        const LabelMap rings = labels();
        const auto undo = [&] {
            key(Qt::Key_Z, Qt::ControlModifier);
            QVERIFY(labels() == rings);
        };
        key(Qt::Key_R);
        QVERIFY(!part("miniBar")->isVisible());
        drag({{60, 100}, {260, 400}});
        QVERIFY(part("miniBar")->isVisible());
        for (const char* id : {"useProposal", "runHere", "fillHoles", "keepLargest", "clearLabel"}) {
            bool there = false;
            for (const QToolButton* button : part("miniBar")->findChildren<QToolButton*>())
                there = there || button->defaultAction() == m_window->commands().action(QLatin1String(id));
            QVERIFY2(there, id);
        }
        key(Qt::Key_F);
        QTRY_VERIFY(part<QLabel>("cleanUpEffect")->text().contains(QLatin1String("adds")));
        key(Qt::Key_Return);
        settle();
        QCOMPARE(document()->labels().at(150, 240), std::uint8_t(1));
        QCOMPARE(document()->labels().at(450, 240), std::uint8_t(0));
        undo();
        key(Qt::Key_K);
        settle();
        QVERIFY2(labels() == rings, "one part inside, and the one outside does not count");
        key(Qt::Key_Delete);
        QCOMPARE(document()->labels().at(100, 240), std::uint8_t(0));
        QCOMPARE(document()->labels().at(400, 240), std::uint8_t(1));
        undo();
        // A stroke outside does nothing, and the status line says why.
        key(Qt::Key_B);
        drag({{400, 60}, {500, 60}});
        QVERIFY(labels() == rings);
        QVERIFY2(says("region"), qPrintable(m_window->statusText()));
        followRemedy();
        QVERIFY(!session().scope());
        QVERIFY(!part("miniBar")->isVisible());
        // Freehand, and Esc ends it.
        key(Qt::Key_R);
        drag({{100, 100}, {200, 100}, {150, 200}}, Qt::ShiftModifier);
        QVERIFY(session().scope() && session().scope()->pixels() < 7000);
        key(Qt::Key_Escape);
        QVERIFY(!session().scope());
    }

    // ----------------------------------------------------------------------------------------- proposals

    void theThresholdByKeyWheelAndDoubleClickIsKeptWithItsImage() {
        open(2);
        const float own = document()->proposal()->defaultThreshold;
        auto* slider = part<QSlider>("threshold");
        // Also with the side panels away.
        m_window->commands().action(QStringLiteral("panels"))->setChecked(false);
        QVERIFY(!slider->isVisible());
        key(Qt::Key_T);
        QVERIFY(slider->isVisible());
        QTRY_VERIFY(slider->hasFocus());
        key(Qt::Key_Right);
        QVERIFY(std::abs(document()->threshold() - own - 0.01f) < 1e-4f);
        key(Qt::Key_PageUp);
        QVERIFY(std::abs(document()->threshold() - own - 0.11f) < 1e-4f);
        QTest::mouseDClick(slider, Qt::LeftButton, {}, QPoint(20, slider->height() / 2));
        QCOMPARE(document()->threshold(), own);
        canvas()->setFocus();
        const ViewTransform view = canvas()->view();
        QTest::keyPress(canvas(), Qt::Key_T);
        for (int i = 0; i < 5; ++i)
            wheel(120);
        QTest::keyRelease(QApplication::focusWidget(), Qt::Key_T);
        QVERIFY(std::abs(document()->threshold() - own - 0.05f) < 1e-4f);
        QVERIFY(canvas()->view() == view);
        wheel(120); // zooms again
        QVERIFY(canvas()->view() != view);
        QCOMPARE(steps(), std::size_t(0));
        canvas()->setFocus();
        const ImageId first = session().current();
        key(Qt::Key_Right);
        QTRY_VERIFY(session().current() != first && decidable());
        QCOMPARE(document()->threshold(), own);
        session().waitUntilSaved(5000);
        closeWindow();
        openFolder();
        session().show(first);
        QTRY_VERIFY(session().current() == first && decidable());
        QVERIFY(std::abs(document()->threshold() - own - 0.05f) < 1e-4f);
    }

    void runningAgainSaysSoAndInARegionGivesAFurtherProposal() {
        open(1);
        const ProposalPtr whole = document()->proposal();
        key(Qt::Key_F5);
        QVERIFY2(says("there already"), qPrintable(m_window->statusText()));
        key(Qt::Key_R);
        drag({{240, 180}, {400, 300}});
        key(Qt::Key_F5, Qt::ShiftModifier);
        QVERIFY2(says("trained on whole images"), qPrintable(m_window->statusText()));
        QTRY_COMPARE(session().proposals().size(), std::size_t(2));
        QTRY_VERIFY(document()->proposal() != whole);
        const Rect extent = document()->proposal()->extent;
        QCOMPARE(extent.width, extent.height); // squared, with a margin
        QVERIFY(extent.width > 160 && extent.x < 240 && extent.right() > 400);
        auto* choice = part<QComboBox>("proposalChoice");
        QVERIFY(choice->isVisible());
        QVERIFY2(choice->currentText().contains(QLatin1String("detail 3.")),
                 qPrintable(choice->currentText()));
        QVERIFY(session().proposals().front() == whole); // the first stays
        Q_EMIT choice->activated(0);
        QVERIFY(document()->proposal() == whole);
        QVERIFY(document()->untouched());
    }

    void usingOverHandEditsAsks() {
        open(1);
        session().setUsesProposalFirst(false);
        drag({{60, 60}, {120, 60}});
        const LabelMap before = labels();
        key(Qt::Key_U);
        QVERIFY(m_window->bannerText().contains(QLatin1String("edits by hand")));
        QVERIFY(labels() == before);
        key(Qt::Key_Escape); // as Cancel
        QVERIFY(m_window->bannerText().isEmpty());
        QVERIFY(labels() == before);
        key(Qt::Key_U);
        key(Qt::Key_Return);
        QCOMPARE(document()->labels().at(90, 60), std::uint8_t(1));
        QCOMPARE(document()->labels().at(320, 240), std::uint8_t(1));
        key(Qt::Key_Z, Qt::ControlModifier);
        key(Qt::Key_U);
        QTest::mouseClick(part<QPushButton>("bannerAction1"), Qt::LeftButton); // Replace
        QCOMPARE(document()->labels().at(90, 60), std::uint8_t(0));
        QCOMPARE(document()->labels().at(320, 240), std::uint8_t(1));
        QCOMPARE(steps(), std::size_t(2));
    }

    void withoutAProposalTheRemedyIsALink() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 1, {320, 240});
        showWindow();
        m_window->setModels({});
        m_window->open({m_folder->path()});
        QTRY_VERIFY(session().ready() && session().painted());
        canvas()->setFocus();
        for (const Qt::Key k : {Qt::Key_U, Qt::Key_T, Qt::Key_F5}) {
            key(k);
            QVERIFY2(says("Choose a model"), qPrintable(m_window->statusText()));
        }
        QVERIFY(part<QPushButton>("chooseModel")->isVisible());
        key(Qt::Key_7);
        QVERIFY(says("no label 7") && says("Add a label"));
        const std::size_t labelsBefore = document()->labelTable().size();
        followRemedy();
        QCOMPARE(document()->labelTable().size(), labelsBefore + 1);
        key(Qt::Key_Escape);
        key(Qt::Key_P);
        for (const QPointF& p : {QPointF(50, 50), QPointF(150, 50), QPointF(150, 150)})
            QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(p.x(), p.y()));
        key(Qt::Key_A);
        QVERIFY2(says("not closed yet") && says("Close it"), qPrintable(m_window->statusText()));
        followRemedy();
        QVERIFY(document()->labels().histogram()[0] < 320u * 240u - 4000u);
    }

    // --------------------------------------------------------------------------------------------- undo

    // As many images as one likes lie between.
    // A mark of no lesion takes every label away, so that a locked one stops it.
    void noLesionOverALockedLabelOffersToUnlockIt() {
        open(1);
        session().setUsesProposalFirst(false);
        paintBar();
        const LabelMap bar = labels();
        Label label = document()->labelTable().front();
        label.locked = true;
        QVERIFY(document()->setLabel(label).ok());
        trigger("noLesion");
        QVERIFY(!document()->noLesion());
        QVERIFY2(labels() == bar, "a locked label stays");
        QVERIFY2(says("locked") && says("Unlock"), qPrintable(m_window->statusText()));
        followRemedy();
        trigger("noLesion");
        QVERIFY(document()->noLesion());
    }

    void undoIsKeptHoweverManyImagesComeBetween() {
        open(36, {64, 48});
        session().setUsesProposalFirst(false);
        const std::vector<ImageId> list = session().list();
        m_window->toolSettings().brushPx = 6;
        drag({{10, 10}, {40, 10}});
        drag({{10, 30}, {40, 30}});
        const LabelMap both = labels();
        for (std::size_t i = 1; i < list.size(); ++i) {
            key(Qt::Key_Right);
            QTRY_VERIFY(session().current() == list[i] && decidable());
            drag({{10, 20}, {20, 20}});
        }
        session().show(list[0]);
        QTRY_VERIFY(session().current() == list[0] && decidable());
        QVERIFY(labels() == both);
        QCOMPARE(steps(), std::size_t(2));
        key(Qt::Key_Z, Qt::ControlModifier);
        key(Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(painted(), std::size_t(0));
        key(Qt::Key_Y, Qt::ControlModifier);
        key(Qt::Key_Y, Qt::ControlModifier);
        QVERIFY(labels() == both);
        QVERIFY(stored(list[0]) == both);
    }

    void undoIsNamedAndShown() {
        open(1);
        session().setUsesProposalFirst(false);
        const QAction* undo = m_window->commands().action(QStringLiteral("undo"));
        const QAction* redo = m_window->commands().action(QStringLiteral("redo"));
        QVERIFY(!undo->isEnabled() && !redo->isEnabled());
        drag({{40, 40}, {60, 40}});
        QCOMPARE(undo->text().remove(QLatin1Char('&')), QStringLiteral("Undo brush stroke"));
        key(Qt::Key_E);
        drag({{40, 40}, {44, 40}});
        QCOMPARE(undo->text().remove(QLatin1Char('&')), QStringLiteral("Undo eraser stroke"));
        // What is out of view comes into view, and is pointed at.
        canvas()->zoomTo(4);
        ViewTransform view = canvas()->view();
        view.centerOn({600, 440});
        canvas()->setView(view);
        QVERIFY(canvas()->view().visibleImageRect().x > 100);
        key(Qt::Key_Z, Qt::ControlModifier);
        const Rect visible = canvas()->view().visibleImageRect();
        QVERIFY(visible.x <= 40 && visible.y <= 40);
        QCOMPARE(canvas()->view().zoom(), 4.0);
        int flash = 0;
        const QImage frame = canvas()->grabImage();
        for (int y = 0; y < frame.height(); ++y) {
            for (int x = 0; x < frame.width(); ++x)
                flash += frame.pixel(x, y) == qRgb(0xF0, 0xE4, 0x42);
        }
        QVERIFY2(flash > 50, qPrintable(QString::number(flash)));
        QCOMPARE(redo->text().remove(QLatin1Char('&')), QStringLiteral("Redo eraser stroke"));
    }
};

LIMN_GUI_TEST_MAIN(TestTools)
#include "tst_tools.moc"
