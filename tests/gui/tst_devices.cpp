// SPDX-License-Identifier: GPL-3.0-or-later
// Pens and fingers on the canvas: a pen's other end erases, its buttons pan, and once a pen was seen a finger
// draws no more; two fingers pan and zoom.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QAbstractButton>
#include <QApplication>
#include <QLineEdit>
#include <QPointingDevice>
#include <QPushButton>
#include <QSettings>
#include <QTabletEvent>
#include <QTest>

using namespace limn;

class TestDevices : public QObject, private WindowDriver {
    Q_OBJECT

    // A pen's event, and the mouse event that Qt makes of one that was not taken.
    void pen(QEvent::Type type, QPoint at, QPointingDevice::PointerType end, Qt::MouseButton button,
             Qt::MouseButtons buttons) {
        const QPointingDevice device(QStringLiteral("pen"), 7, QInputDevice::DeviceType::Stylus, end,
                                     QInputDevice::Capability::Position | QInputDevice::Capability::Pressure,
                                     1, 3);
        const QPointF there = canvas()->mapToGlobal(at);
        QTabletEvent tablet(type, &device, at, there, buttons ? 0.5 : 0, 0, 0, 0, 0, 0, {}, button, buttons);
        QApplication::sendEvent(canvas(), &tablet);
        if (tablet.isAccepted())
            return;
        const QEvent::Type mouseType = type == QEvent::TabletPress     ? QEvent::MouseButtonPress
                                       : type == QEvent::TabletRelease ? QEvent::MouseButtonRelease
                                                                       : QEvent::MouseMove;
        QMouseEvent mouse(mouseType, at, at, there, button, buttons, {}, &device);
        QApplication::sendEvent(canvas(), &mouse);
    }
    void penDrag(QPoint from, QPoint to, QPointingDevice::PointerType end, Qt::MouseButton button) {
        pen(QEvent::TabletMove, from, end, Qt::NoButton, {});
        pen(QEvent::TabletPress, from, end, button, button);
        for (int i = 1; i <= 8; ++i)
            pen(QEvent::TabletMove, from + (to - from) * i / 8, end, Qt::NoButton, button);
        pen(QEvent::TabletRelease, to, end, button, {});
    }
    void fingers(const QList<QPoint>& from, const QList<QPoint>& to) {
        const auto all = [&](double share, auto act) {
            auto sequence = QTest::touchEvent(canvas(), m_screen);
            for (int i = 0; i < from.size(); ++i)
                act(sequence, i, (from[i] + (to[i] - from[i]) * share));
            sequence.commit();
        };
        all(0, [this](auto& s, int i, QPoint at) { s.press(i, at, canvas()); });
        for (int step = 1; step <= 8; ++step)
            all(step / 8.0, [this](auto& s, int i, QPoint at) { s.move(i, at, canvas()); });
        all(1, [this](auto& s, int i, QPoint at) { s.release(i, at, canvas()); });
        QCoreApplication::processEvents();
    }

    QPointingDevice* m_screen = QTest::createTouchDevice();

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void aPenDrawsErasesAndPans() {
        using Pointer = QPointingDevice::PointerType;
        open(1);
        session().setUsesProposalFirst(false);
        key(Qt::Key_B);
        QVERIFY(!m_window->toolSettings().pressure);
        m_window->toolSettings().brushPx = 30;
        penDrag(at(100, 100), at(300, 100), Pointer::Pen, Qt::LeftButton);
        const std::size_t drawn = painted();
        QVERIFY2(drawn > 200 * 29, qPrintable(QString::number(drawn))); // the whole size at half the pressure
        penDrag(at(150, 100), at(200, 100), Pointer::Eraser, Qt::LeftButton);
        const std::size_t left = painted();
        QVERIFY(left < drawn);
        QCOMPARE(document()->history().undoCount(), std::size_t(2));
        // The buttons at its side pan, in the air and on the surface.
        canvas()->zoomTo(4);
        for (const Qt::MouseButton barrel : {Qt::RightButton, Qt::MiddleButton}) {
            const QPoint before = canvas()->view().origin();
            penDrag({300, 300}, {340, 320}, Pointer::Pen, barrel);
            QCOMPARE(canvas()->view().origin() - before, QPoint(40, 20));
            QVERIFY(!canvas()->gestureActive());
        }
        const QPoint before = canvas()->view().origin();
        pen(QEvent::TabletPress, {300, 300}, Pointer::Pen, Qt::LeftButton, Qt::LeftButton | Qt::RightButton);
        pen(QEvent::TabletMove, {280, 310}, Pointer::Pen, Qt::NoButton, Qt::LeftButton | Qt::RightButton);
        pen(QEvent::TabletRelease, {280, 310}, Pointer::Pen, Qt::LeftButton, Qt::RightButton);
        QCOMPARE(canvas()->view().origin() - before, QPoint(-20, 10));
        QCOMPARE(painted(), left);
        QCOMPARE(document()->history().undoCount(), std::size_t(2));
        QVERIFY(!QApplication::activePopupWidget());
        // The tip draws again.
        canvas()->fit();
        penDrag(at(100, 300), at(300, 300), Pointer::Pen, Qt::LeftButton);
        QVERIFY(painted() > left);
    }

    // Who comes with a finger is asked once.
    void fingersAreOfferedLargerButtons() {
        Theme::instance().setForFingers(false);
        open(1);
        fingers({at(100, 100)}, {at(200, 100)});
        QVERIFY2(m_window->bannerText().startsWith(QLatin1String("Larger buttons")),
                 qPrintable(m_window->bannerText()));
        auto* use = m_window->findChild<QPushButton*>(QStringLiteral("bannerAction0"));
        QCOMPARE(use->text(), QStringLiteral("Use them"));
        QTest::mouseClick(use, Qt::LeftButton);
        QVERIFY(Theme::instance().forFingers());
        QTest::qWait(100);
        QStringList small;
        for (const QAbstractButton* button : m_window->findChildren<QAbstractButton*>()) {
            // The tools stand above each other, and have to fit; fields have their own.
            if (button->isVisible() && button->parentWidget()->objectName() != QLatin1String("toolRail") &&
                !qobject_cast<QLineEdit*>(button->parentWidget()) &&
                !button->objectName().startsWith(QLatin1String("qt_")) && button->height() < 44)
                small.append(button->objectName() + QLatin1Char(' ') + button->text() + QLatin1Char(' ') +
                             QString::number(button->height()));
        }
        QVERIFY2(small.isEmpty(), qPrintable(small.join(QLatin1Char('\n'))));
        shot(QStringLiteral("for-fingers"));
        Theme::instance().setForFingers(false);
        closeWindow();
        openFolder();
        fingers({at(100, 100)}, {at(200, 100)});
        QVERIFY2(m_window->bannerText().isEmpty(), qPrintable(m_window->bannerText()));
    }

    void fingersDrawUntilAPenWasSeen() {
        using Pointer = QPointingDevice::PointerType;
        QSettings().setValue(QStringLiteral("fingersOffered"), true);
        open(1);
        session().setUsesProposalFirst(false);
        key(Qt::Key_B);
        m_window->toolSettings().brushPx = 30;
        const ViewTransform fitted = canvas()->view();
        fingers({at(100, 100)}, {at(300, 100)});
        const std::size_t drawn = painted();
        QVERIFY(drawn > 200 * 29);
        QCOMPARE(document()->history().undoCount(), std::size_t(1));
        QVERIFY(canvas()->view() == fitted);
        // Two of them, moved apart, enlarge what is between them.
        const QPoint middle = at(320, 240);
        const QPointF between = canvas()->view().toImage(middle);
        fingers({middle - QPoint(50, 0), middle + QPoint(50, 0)},
                {middle - QPoint(100, 0), middle + QPoint(100, 0)});
        QVERIFY2(std::abs(canvas()->view().zoom() / fitted.zoom() - 2) < 0.02,
                 qPrintable(QString::number(canvas()->view().zoom())));
        const QPointF after = canvas()->view().toImage(middle);
        QVERIFY2(
            QLineF(after, between).length() < 2, // fingers are on whole pixels

            qPrintable(QStringLiteral("%1, %2").arg(after.x() - between.x()).arg(after.y() - between.y())));
        const QPoint origin = canvas()->view().origin();
        fingers({middle - QPoint(50, 0), middle + QPoint(50, 0)},
                {middle - QPoint(20, -30), middle + QPoint(80, 30)});
        QCOMPARE(canvas()->view().origin() - origin, QPoint(30, 30));
        QCOMPARE(painted(), drawn);
        QCOMPARE(document()->history().undoCount(), std::size_t(1));
        // A tap is a click.
        fingers({middle}, {middle});
        QVERIFY(painted() > drawn);
        key(Qt::Key_Z, Qt::ControlModifier);
        // Now there is a pen: the hand beside it draws nothing.
        pen(QEvent::TabletMove, middle, Pointer::Pen, Qt::NoButton, {});
        const QPoint there = canvas()->view().origin();
        fingers({middle}, {middle + QPoint(40, 10)});
        QCOMPARE(canvas()->view().origin() - there, QPoint(40, 10));
        QCOMPARE(painted(), drawn);
        QCOMPARE(document()->history().undoCount(), std::size_t(1));
    }
};

LIMN_GUI_TEST_MAIN(TestDevices)
#include "tst_devices.moc"
