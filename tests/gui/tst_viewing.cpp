// SPDX-License-Identifier: GPL-3.0-or-later
// Looking at an image in the window: that it stays still when messages come, zooming and panning by hand,
// styles, comparisons, held keys, read-outs, whose outline is whose; checked on views and pixels.
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSettings>
#include <QTest>
#include <QToolButton>
#include <QWheelEvent>

using namespace limn;

namespace {

constexpr QRgb kLabel = qRgb(0x56, 0xB4, 0xE9);
constexpr QRgb kSecondSide = qRgb(0xE6, 0x9F, 0x00);
constexpr QRgb kProposal = qRgb(0xF0, 0xE4, 0x42);

int count(const QImage& frame, QRgb color) {
    int found = 0;
    for (int y = 0; y < frame.height(); ++y) {
        for (int x = 0; x < frame.width(); ++x)
            found += frame.pixel(x, y) == color;
    }
    return found;
}

} // namespace

class TestViewing : public QObject, private WindowDriver {
    Q_OBJECT

    // Where a point of the image is on the screen.
    QPoint onScreen(double x, double y) const { return canvas()->mapToGlobal(at(x, y)); }
    void wheel(QPoint angle, Qt::KeyboardModifiers modifiers = {}, QPoint pixels = {},
               Qt::ScrollPhase phase = Qt::NoScrollPhase) {
        const QPointF local(canvas()->width() / 2.0, canvas()->height() / 2.0);
        QWheelEvent event(local, canvas()->mapToGlobal(local), pixels, angle, Qt::NoButton, modifiers, phase,
                          false);
        QApplication::sendEvent(canvas(), &event);
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    // A message that comes in the middle of a stroke moves neither the image nor the stroke.
    void theImageStaysWhereItIsWhenAMessageComes() {
        QSettings().remove(QStringLiteral("person")); // the first edit asks for the name
        open(2);
        session().setUsesProposalFirst(false);
        const QPoint before = onScreen(320, 240);
        const double zoom = canvas()->view().zoom();
        const QSize size = canvas()->size();
        m_window->toolSettings().brushPx = 4;
        QTest::mousePress(canvas(), Qt::LeftButton, {}, at(100, 240));
        for (int x = 110; x <= 500; x += 10) {
            const QPoint local = at(x, 240);
            QMouseEvent move(QEvent::MouseMove, local, canvas()->mapToGlobal(local), Qt::NoButton,
                             Qt::LeftButton, {});
            QApplication::sendEvent(canvas(), &move);
        }
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(500, 240));
        auto* banner = part("banner");
        QTRY_VERIFY(banner->isVisible());
        QTest::qWait(100);
        QVERIFY2(m_window->bannerText().contains(QLatin1String("Your edits are saved under this name")),
                 qPrintable(m_window->bannerText()));
        QCOMPARE(onScreen(320, 240), before);
        QCOMPARE(canvas()->view().zoom(), zoom);
        QCOMPARE(canvas()->size(), size);
        QVERIFY(banner->height() >= 30 && banner->isVisibleTo(m_window.get()));
        shot(QStringLiteral("banner-over-the-canvas"));
        // The whole image, when it is asked for, is below it.
        const auto imageTop = [this] { return canvas()->mapTo(m_window.get(), at(0, 0)).y(); };
        const auto bannerBottom = [&] {
            return banner->mapTo(m_window.get(), QPoint(0, banner->height())).y();
        };
        key(Qt::Key_Home);
        QVERIFY2(imageTop() >= bannerBottom(),
                 qPrintable(QStringLiteral("%1 above %2").arg(imageTop()).arg(bannerBottom())));
        const QPoint below = onScreen(320, 240);
        part<QLineEdit>("bannerEntry")->setText(QStringLiteral("Ana"));
        QTest::keyClick(part<QLineEdit>("bannerEntry"), Qt::Key_Return);
        QTRY_VERIFY(!banner->isVisible());
        QCOMPARE(session().personName(), QStringLiteral("Ana"));
        QCOMPARE(onScreen(320, 240), below);
        QVERIFY(canvas()->hasFocus());
        // The next image has all of the room.
        key(Qt::Key_Right);
        QTRY_VERIFY(session().currentRow() == 1 && decidable());
        QCOMPARE(onScreen(320, 240), before);
    }

    // Beside the image's upper corners nothing is under the message; other pages are pushed down by it.
    void whatStandsInTheCornersIsBelowTheMessage() {
        open(1);
        key(Qt::Key_R);
        drag({{100, 100}, {300, 300}});
        auto* mini = part("miniBar");
        auto* banner = part("banner");
        QVERIFY(mini->isVisible());
        key(Qt::Key_Escape);
        key(Qt::Key_R);
        drag({{120, 100}, {300, 300}});
        trigger("runAll");
        session().setUsesProposalFirst(false);
        key(Qt::Key_Escape);
        drag({{120, 100}, {300, 300}});
        Q_EMIT session().reopened(ReviewState::Accepted);
        QTRY_VERIFY(banner->isVisible());
        const auto placeIn = [this](const QWidget* w) {
            return QRect(w->mapTo(m_window.get(), QPoint(0, 0)), w->size());
        };
        QVERIFY(!placeIn(mini).intersects(placeIn(banner)));
        key(Qt::Key_G);
        auto* grid = part("grid");
        QTRY_VERIFY(grid->isVisible());
        QTRY_VERIFY(!placeIn(grid).intersects(placeIn(banner)));
        key(Qt::Key_G);
    }

    void panningByHand() {
        open(1);
        canvas()->zoomTo(4.0);
        session().setUsesProposalFirst(false);
        const auto origin = [this] { return canvas()->view().origin(); };
        QPoint before = origin();
        QTest::keyPress(canvas(), Qt::Key_Space);
        drag({{320, 240}, {330, 250}});
        QTest::keyRelease(canvas(), Qt::Key_Space);
        QVERIFY(origin() != before);
        QCOMPARE(document()->history().undoCount(), std::size_t(0));
        // A touchpad's scroll pans, a wheel zooms; the setting turns the wheel round, Ctrl always zooms.
        before = origin();
        wheel({0, 40}, {}, {0, 25}, Qt::ScrollUpdate);
        QCOMPARE(origin() - before, QPoint(0, 25));
        QCOMPARE(canvas()->view().zoom(), 4.0);
        canvas()->setWheelPans(true);
        before = origin();
        wheel({0, -120});
        QCOMPARE(origin() - before, QPoint(0, -80));
        QCOMPARE(canvas()->view().zoom(), 4.0);
        wheel({0, 480}, Qt::ControlModifier);
        QVERIFY(std::abs(canvas()->view().zoom() - 8.0) < 1e-9); // four notches double
        for (int i = 0; i < 40; ++i)
            wheel({0, 120}, Qt::ControlModifier);
        QCOMPARE(canvas()->view().zoom(), 64.0);
    }

    void theNextImageKeepsTheZoomWhereThatIsWanted() {
        QSettings().setValue(QStringLiteral("view/keepZoom"), true);
        open(2);
        canvas()->zoomTo(3.0);
        const ViewTransform view = canvas()->view();
        key(Qt::Key_Right);
        QTRY_VERIFY(session().currentRow() == 1 && decidable());
        QCOMPARE(canvas()->view().zoom(), 3.0);
        QCOMPARE(canvas()->view().origin(), view.origin());
    }

    void pixelsHaveAGridFromSixteenTimesOn() {
        open(1);
        canvas()->setScaleBarVisible(false);
        m_window->setTool(ToolId::Region); // no circle
        const auto darkerOnEdges = [this](double zoom) {
            canvas()->zoomTo(zoom);
            const QImage with = canvas()->grabImage();
            canvas()->setGridVisible(false);
            const QImage without = canvas()->grabImage();
            canvas()->setGridVisible(true);
            return with != without;
        };
        QVERIFY(!darkerOnEdges(15.0));
        QVERIFY(darkerOnEdges(16.0));
    }

    void theScaleBarIsOneTwoOrFive() {
        open(1);
        for (const double zoom : {0.13, 0.5, 1.0, 1.7, 3.0, 8.0, 40.0}) {
            canvas()->zoomTo(zoom);
            const QString text = canvas()->scaleBarText();
            QVERIFY2(text.endsWith(QLatin1String(" px")), qPrintable(text));
            const double length = QLocale().toDouble(text.chopped(3));
            const double mantissa = length / std::pow(10.0, std::floor(std::log10(length)));
            QVERIFY2(std::abs(mantissa - 1) < 1e-9 || std::abs(mantissa - 2) < 1e-9 ||
                         std::abs(mantissa - 5) < 1e-9,
                     qPrintable(text));
        }
        session().calibrate({0.1, 0.1, "by a test"}, false);
        QVERIFY2(canvas()->scaleBarText().endsWith(QLatin1String(" mm")),
                 qPrintable(canvas()->scaleBarText()));
        session().removeCalibration();
        QVERIFY(canvas()->scaleBarText().endsWith(QLatin1String(" px")));
    }

    void outlineFillAndBoth() {
        open(1);
        key(Qt::Key_U);
        canvas()->setScaleBarVisible(false);
        m_window->setTool(ToolId::Region);
        const QPoint middle = at(320, 240) * canvas()->devicePixelRatio();
        const QRgb bare = canvas()->grabImage().pixel(middle);
        QVERIFY(count(canvas()->grabImage(), kLabel) > 200);
        key(Qt::Key_O);
        QImage frame = canvas()->grabImage();
        QVERIFY(count(frame, kLabel) > 200);
        // A quarter of the label's colour over the image.
        const auto mixed = [](int a, int b, double share) { return a + (b - a) * share; };
        const QRgb filled = frame.pixel(middle);
        QVERIFY(std::abs(qRed(filled) - mixed(qRed(bare), 0x56, 0.25)) <= 2);
        QVERIFY(std::abs(qBlue(filled) - mixed(qBlue(bare), 0xE9, 0.25)) <= 2);
        key(Qt::Key_O);
        frame = canvas()->grabImage();
        QVERIFY(frame.pixel(middle) != filled && frame.pixel(middle) != bare);
        key(Qt::Key_O);
        QCOMPARE(canvas()->grabImage().pixel(middle), bare);
    }

    // A letter that is typed elsewhere ends nothing by its release: the focus's going does.
    void heldKeysEndWhenATextFieldTakesTheFocus() {
        open(1);
        key(Qt::Key_U);
        const QImage shown = canvas()->grabImage();
        for (const Qt::Key held : {Qt::Key_H, Qt::Key_Q}) {
            canvas()->setFocus();
            QTest::keyPress(canvas(), held);
            QVERIFY(canvas()->grabImage() != shown);
            auto* search = part<QLineEdit>("worklistSearch");
            search->setFocus();
            QTest::keyRelease(search, held);
            QVERIFY(canvas()->grabImage() == shown);
        }
    }

    void theCircleIsTheBrushAndTellsWhatItDoes() {
        open(1);
        canvas()->setScaleBarVisible(false);
        canvas()->zoomTo(1.0);
        m_window->setTool(ToolId::Brush);
        const QPoint place = at(480, 150); // on the dark lesion
        const auto look = [&](double size) {
            m_window->toolSettings().brushPx = size;
            canvas()->toolChanged();
            QTest::mouseMove(canvas(), place + QPoint(1, 0));
            QTest::mouseMove(canvas(), place);
            QTest::qWait(20);
            return canvas()->grabImage();
        };
        const auto bright = [&](const QImage& frame, QPoint at) {
            int most = 0;
            for (int dx = -2; dx <= 2; ++dx) {
                for (int dy = -2; dy <= 2; ++dy)
                    most = std::max(most, qGray(frame.pixel(at + QPoint(dx, dy))));
            }
            return most;
        };
        const auto dark = [&](const QImage& frame, QPoint at) {
            int least = 255;
            for (int d = 1; d <= 4; ++d)
                least = std::min(least, qGray(frame.pixel(at + QPoint(0, -d))));
            return least;
        };
        // Light on the circle's edge, dark beside it, at its true size.
        QImage frame = look(80);
        keepScreenshot(frame, QStringLiteral("cursor-circle"));
        QVERIFY2(bright(frame, place + QPoint(0, -40)) > 180, "no light line");
        QVERIFY2(dark(frame, place + QPoint(0, -40)) < 60, "no dark line");
        QVERIFY(bright(frame, place + QPoint(0, -20)) < 180);
        // Under six pixels a cross shows where it is.
        frame = look(2);
        QVERIFY(bright(frame, place + QPoint(7, 0)) > 180);
        // A minus while it takes away.
        const int without = bright(look(80), place);
        m_window->toolSettings().subtract = true;
        QVERIFY(bright(look(80), place) > 180 && without < 180);
        m_window->toolSettings().subtract = false;
        // Barred while the label is locked.
        const QPoint diagonal = place + QPoint(14, -14);
        QVERIFY(bright(look(80), diagonal) < 180);
        Label label = document()->labelTable().front();
        label.locked = true;
        QVERIFY(document()->setLabel(label).ok());
        QVERIFY(bright(look(80), diagonal) > 180);
    }

    void differencesAreHatchedInBothColours() {
        open(1);
        session().setUsesProposalFirst(false);
        m_window->toolSettings().brushPx = 100;
        drag({{250, 240}, {290, 240}}); // reaches over the proposal's disc, and leaves some of it
        drag({{100, 240}, {250, 240}});
        m_window->setTool(ToolId::Region);
        canvas()->setScaleBarVisible(false);
        trigger("compareDifference");
        QTRY_VERIFY(part<QLabel>("compareFigures")->text().contains(QLatin1String("HD95")));
        const QImage frame = canvas()->grabImage();
        // Inside of each area both shades: hatches over a fill.
        const auto shades = [&](QPointF a, QPointF b) {
            QSet<QRgb> seen;
            const QPoint from = at(a.x(), a.y()), to = at(b.x(), b.y());
            for (int x = from.x(); x < to.x(); ++x) {
                const QColor c = frame.pixelColor(x, from.y());
                seen.insert(qRgb(c.red() / 32, c.green() / 32, c.blue() / 32));
            }
            return seen.size();
        };
        QVERIFY(count(frame, kLabel) > 100);      // edge of what only A has
        QVERIFY(count(frame, kSecondSide) > 100); // and of what only B has
        QVERIFY2(shades({120, 240}, {190, 240}) >= 2, "only A is not hatched");
        QVERIFY2(shades({370, 240}, {420, 240}) >= 2, "only B is not hatched");
        trigger("compareOff");
    }

    void theStatusLineTellsProbabilityLabelAndWhereItIsFrom() {
        open(1);
        auto* line = part<QLabel>("pointerLabel");
        const auto pointAt = [this](double x, double y) {
            QTest::mouseMove(canvas(), at(x, y) + QPoint(1, 1));
            QTest::mouseMove(canvas(), at(x, y));
        };
        pointAt(320, 240);
        QTRY_VERIFY2(line->text().contains(QLatin1String("p ") + QLocale().toString(1.0, 'f', 2)),
                     qPrintable(line->text()));
        key(Qt::Key_U);
        pointAt(321, 240);
        const QString name = QString::fromStdString(document()->labelTable().front().name);
        QTRY_VERIFY2(line->text().contains(name + QStringLiteral(" (model)")), qPrintable(line->text()));
        drag({{60, 60}, {90, 60}});
        pointAt(75, 60);
        QTRY_VERIFY2(line->text().contains(name + QStringLiteral(" (by hand)")), qPrintable(line->text()));
        key(Qt::Key_I);
        QVERIFY(line->text().isEmpty());
    }

    // Proposal dashed, one's own solid, another person's dotted until one has changed it.
    void theLineTellsWhoseOutlineItIs() {
        open(1);
        session().setUsesProposalFirst(false);
        canvas()->setScaleBarVisible(false);
        key(Qt::Key_U);
        m_window->setTool(ToolId::Region);
        const int solid = count(canvas()->grabImage(), kLabel);
        QVERIFY(solid > 500);
        session().waitUntilSaved(5000);
        closeWindow();
        QSettings().setValue(QStringLiteral("person"), QStringLiteral("Ben"));
        openFolder();
        session().setUsesProposalFirst(false);
        canvas()->setScaleBarVisible(false);
        m_window->setTool(ToolId::Region);
        QTRY_VERIFY(session().showsOthers());
        const int dotted = count(canvas()->grabImage(), kLabel);
        shot(QStringLiteral("outline-of-another"));
        QVERIFY2(dotted > solid / 8 && dotted < solid * 3 / 4,
                 qPrintable(QStringLiteral("%1 of %2").arg(dotted).arg(solid)));
        m_window->setTool(ToolId::Brush);
        m_window->toolSettings().brushPx = 2;
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(20, 20));
        m_window->setTool(ToolId::Region);
        QVERIFY(!session().showsOthers());
        QVERIFY(count(canvas()->grabImage(), kLabel) > solid * 9 / 10);
        key(Qt::Key_Delete);
        const int dashed = count(canvas()->grabImage(), kProposal);
        QVERIFY(dashed > 100);
    }
};

LIMN_GUI_TEST_MAIN(TestViewing)
#include "tst_viewing.moc"
