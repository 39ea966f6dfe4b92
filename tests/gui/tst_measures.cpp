// SPDX-License-Identifier: GPL-3.0-or-later
// Figures and steps in the real window: measurements in pixels and, with a source, in millimetres;
// calibration of one image, of all images of its size, and its removal; the warning for endoscopy; holes
// filled up to a size, shown first; an edit of a decided image; and two hundred mixed steps undone and
// redone.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"
#include "tests/gui/window_geometry.h"

#include "ui/canvas/canvas_view.h"
#include "ui/panels/measure_panel.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"

#include <QClipboard>
#include <QDoubleSpinBox>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QRandomGenerator>
#include <QSlider>
#include <QSplitter>
#include <QTest>

using namespace limn;

class TestMeasures : public QObject, private WindowDriver {
    Q_OBJECT

    template<class T>
    T* part(const char* name) const {
        return m_window->findChild<T*>(QLatin1String(name));
    }
    MeasurePanel* panel() const { return m_window->findChild<MeasurePanel*>(); }
    void drawRectangle(Rect rect) {
        QVERIFY(document()
                    ->apply(StepKind::Polygon, {.label = 1}, {PixelArea::rectangle(rect), PixelArea()})
                    .changedPixels > 0);
    }
    bool millimetresShown() const { return panel()->tableText().contains(QLatin1String(" mm")); }
    // Both ends of a line of 200 image pixels, said to be 10 mm long.
    void calibrate() {
        key(Qt::Key_M);
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(100, 300));
        QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(300, 300));
        QTRY_VERIFY(part<QDoubleSpinBox>("calibrationLength"));
        part<QDoubleSpinBox>("calibrationLength")->setValue(10);
        QTest::mouseClick(part<QPushButton>("calibrateButton"), Qt::LeftButton);
        canvas()->setFocus();
    }
    void showImage(ImageId id) {
        session().show(id);
        QTRY_VERIFY_WITH_TIMEOUT(session().current() == id && decidable(), 10000);
        QTest::qWait(100); // calibrations come from the store
    }
    void removeCalibration() {
        QTest::mouseClick(part<QPushButton>("unitChip"), Qt::LeftButton);
        QTRY_VERIFY(m_window->findChild<QMenu*>(QStringLiteral("unitMenu")));
        auto* menu = m_window->findChild<QMenu*>(QStringLiteral("unitMenu"));
        QAction* remove = menu->findChild<QAction*>(QStringLiteral("removeCalibration"));
        QVERIFY(remove && remove->isEnabled());
        remove->trigger();
        menu->close();
    }

private Q_SLOTS:
    void init() { beginTest(); }
    void cleanup() { endTest(); }

    void pixelsAndMillimetresWithASource() {
        open(5, {640, 480}); // dermoscopy, endoscopy, dermoscopy, ...
        const std::vector<ImageId> list = session().list();
        session().setUsesProposalFirst(false);
        drawRectangle({100, 100, 100, 50});
        QTRY_VERIFY(panel()->measurements() && panel()->measurements()->area.px == 5000);
        QVERIFY2(panel()->tableText().startsWith(QLatin1String("Area\t5,000 px")),
                 qPrintable(panel()->tableText()));
        QVERIFY(!millimetresShown());
        QVERIFY(part<QPushButton>("unitChip")->text().contains(QLatin1String("px")));
        calibrate();
        // The click on the canvas hits whole widget pixels: the line is 200 pixels but for one or two.
        QTRY_VERIFY(panel()->measurements()->area.mm.has_value());
        QVERIFY(std::abs(*panel()->measurements()->area.mm - 5000 * 0.05 * 0.05) < 0.5);
        QVERIFY(millimetresShown() && panel()->tableText().contains(QLatin1String("5,000 px")));
        QVERIFY2(part<QPushButton>("unitChip")->text().contains(QLatin1String("by Ana")),
                 qPrintable(part<QPushButton>("unitChip")->text()));
        QVERIFY(!part<QLabel>("onePlane")->isVisible());
        QVERIFY2(m_window->bannerText().contains(QStringLiteral("4 others of 640 × 480")),
                 qPrintable(m_window->bannerText()));
        shot(QStringLiteral("measures-calibrated"));
        trigger("copyMeasurements");
        QVERIFY(QGuiApplication::clipboard()->text().contains(QStringLiteral("mm²")));
        // Only this image, until somebody says otherwise.
        showImage(list[2]);
        QVERIFY(!session().spacing());
        showImage(list[0]);
        QTRY_VERIFY(session().spacing());
        removeCalibration();
        QTRY_VERIFY(!session().spacing());
        QTRY_VERIFY(!millimetresShown());
        QVERIFY(part<QPushButton>("unitChip")->text().contains(QLatin1String("px")));
        showImage(list[2]);
        showImage(list[0]);
        QVERIFY(!session().spacing()); // also in the project

        // All images of this size.
        calibrate();
        QTest::mouseClick(part<QPushButton>("bannerAction0"), Qt::LeftButton);
        showImage(list[2]);
        QTRY_VERIFY(session().spacing());
        QVERIFY(session().calibration() && session().calibration()->image == 0);
        // An endoscope's picture says that they hold in one plane only.
        showImage(list[1]);
        QTRY_VERIFY(session().spacing());
        QCOMPARE(session().imageKind(), ImageKind::Endoscopy);
        QTRY_VERIFY(part<QLabel>("onePlane")->isVisible());
        shot(QStringLiteral("measures-endoscopy"));
        // Its own calibration is asked for nobody else, and warned of.
        calibrate();
        QVERIFY2(m_window->bannerText().contains(QLatin1String("one plane only")),
                 qPrintable(m_window->bannerText()));
        QVERIFY(session().calibration()->image == list[1]);
        // Without it the size's comes back.
        removeCalibration();
        QTRY_VERIFY(session().calibration() && session().calibration()->image == 0);
        removeCalibration();
        QTRY_VERIFY(!session().spacing());
        showImage(list[2]);
        QVERIFY(!session().spacing());
    }

    void millimetresStandBesideThePixelsOrAboveThem() {
        open(1, {640, 480});
        session().setUsesProposalFirst(false);
        drawRectangle({100, 100, 200, 100});
        auto* pane = part<QWidget>("sidePane");
        for (const int percent : {100, 150, 200}) {
            Theme::instance().setTextPercent(percent);
            QTest::qWait(100);
            const int without = pane->width();
            calibrate();
            QTRY_VERIFY(panel()->measurements() && panel()->measurements()->area.mm);
            QTest::qWait(100);
            QVERIFY2(pane->width() == without, qPrintable(QString::number(percent)));
            QTRY_VERIFY(cutTexts(panel()).isEmpty());
            shot(QStringLiteral("measures-mm-%1").arg(percent));
            // Wide enough for both, they are on one line.
            const auto lineOf = [this](const QString& unit) {
                for (const QLabel* label : panel()->findChildren<QLabel*>()) {
                    if (label->property("row").toInt() == 0 && label->text().endsWith(unit))
                        return label->mapTo(panel(), QPoint(0, 0)).y();
                }
                return -1;
            };
            auto* splitter = part<QSplitter>("mainSplitter");
            const QList<int> before = splitter->sizes();
            splitter->setSizes({before[0], before[1] - 300, before[2] + 300});
            if (percent < 200) // which leaves no such room
                QTRY_COMPARE(lineOf(QStringLiteral("mm²")), lineOf(QStringLiteral(" px")));
            splitter->setSizes({before[0], before[1] + 300, 0}); // as narrow as it can be
            QTRY_VERIFY(lineOf(QStringLiteral("mm²")) < lineOf(QStringLiteral(" px")));
            QTRY_VERIFY(cutTexts(panel()).isEmpty());
            splitter->setSizes(before);
            removeCalibration();
            QTRY_VERIFY(!session().spacing());
        }
        Theme::instance().setTextPercent(100);
    }

    void aFigureThatIsPointedAtIsDrawn() {
        open(1, {640, 480});
        session().setUsesProposalFirst(false);
        drawRectangle({100, 100, 200, 100});
        QTRY_VERIFY(panel()->measurements() && panel()->measurements()->area.px == 20000);
        QTest::qWait(100);
        const QImage plain = canvas()->grabImage();
        const auto pointAt = [this](QWidget* label, QEvent::Type type) {
            if (type == QEvent::Enter) {
                QEnterEvent enter(QPointF(3, 3), QPointF(3, 3), label->mapToGlobal(QPointF(3, 3)));
                QApplication::sendEvent(label, &enter);
            } else {
                QEvent leave(QEvent::Leave);
                QApplication::sendEvent(label, &leave);
            }
            QTest::qWait(60);
        };
        const auto white = [](const QImage& image, const QPoint& p) {
            // A line of two pixels may lie between them.
            for (int dx = -1; dx <= 1; ++dx) {
                for (int dy = -1; dy <= 1; ++dy) {
                    if (qGray(image.pixel(p + QPoint(dx, dy))) > 250)
                        return true;
                }
            }
            return false;
        };
        QStringList same;
        for (QLabel* label : panel()->findChildren<QLabel*>()) {
            if (!label->property("row").isValid() || label->toolTip().isEmpty() || !label->isVisible())
                continue;
            pointAt(label, QEvent::Enter);
            const QImage pointed = canvas()->grabImage();
            if (pointed == plain)
                same.append(label->text());
            if (label->property("row").toInt() == 3) { // the diagonal, past its middle where two lines cross
                QVERIFY(white(pointed, at(150, 125)) || white(pointed, at(150, 175)));
                shot(QStringLiteral("measures-longest"));
            }
            if (label->property("row").toInt() == 6) // both axes of the rectangle
                QVERIFY(white(pointed, at(120, 150)) && white(pointed, at(200, 110)));
            if (label->property("row").toInt() == 5) // a circle of the same area
                QVERIFY(white(pointed, at(200 + std::sqrt(20000 / 3.14159265), 150)));
            pointAt(label, QEvent::Leave);
            if (canvas()->grabImage() != plain)
                same.append(label->text() + QStringLiteral(" stays"));
        }
        QVERIFY2(same.isEmpty(), qPrintable(same.join(QStringLiteral(", "))));
    }

    void holesAreFilledUpToASize() {
        open(1, {640, 480});
        session().setUsesProposalFirst(false);
        drawRectangle({100, 100, 300, 200});
        const MaskEdit cut{PixelArea(), PixelArea::rectangle({150, 150, 10, 10})};
        const MaskEdit large{PixelArea(), PixelArea::rectangle({250, 150, 60, 60})};
        QCOMPARE(document()->apply(StepKind::EraserStroke, {.label = 1}, cut).changedPixels,
                 std::size_t(100));
        QCOMPARE(document()->apply(StepKind::EraserStroke, {.label = 1}, large).changedPixels,
                 std::size_t(3600));
        const LabelMap before = document()->labels().toLabelMap();
        auto* effect = part<QLabel>("cleanUpEffect");
        key(Qt::Key_F);
        QVERIFY(part<QWidget>("cleanUpBar")->isVisible());
        QTRY_VERIFY2(effect->text().contains(QLatin1String("3,700")), qPrintable(effect->text())); // any size
        const QImage shown = canvas()->grabImage();
        shot(QStringLiteral("measures-holes"));
        part<QDoubleSpinBox>("cleanUpValue")->setValue(500);
        QTRY_VERIFY2(effect->text().contains(QLatin1String("adds 100 px")), qPrintable(effect->text()));
        QTest::qWait(50);
        QVERIFY(canvas()->grabImage() != shown);              // the preview is on the picture
        QVERIFY(document()->labels().toLabelMap() == before); // and nowhere else
        key(Qt::Key_Escape);
        QVERIFY(document()->labels().toLabelMap() == before);
        // The slider's end is any size; the key once more applies.
        key(Qt::Key_F);
        auto* slider = part<QSlider>("cleanUpSlider");
        slider->setValue(slider->maximum());
        QCOMPARE(part<QDoubleSpinBox>("cleanUpValue")->value(), 0.0);
        part<QDoubleSpinBox>("cleanUpValue")->setValue(500);
        canvas()->setFocus();
        key(Qt::Key_F);
        QTRY_COMPARE(painted(), std::size_t(300 * 200 - 3600));
        QVERIFY(!part<QWidget>("cleanUpBar")->isVisible());
        QCOMPARE(int(document()->labels().at(155, 155)), 1);
        QCOMPARE(int(document()->labels().at(280, 180)), 0);
        key(Qt::Key_Z, Qt::ControlModifier);
        QVERIFY(document()->labels().toLabelMap() == before);
    }

    void anEditOfADecidedImageSaysThatItOpensIt() {
        open(2, {640, 480});
        session().setUsesProposalFirst(false);
        session().setAutoAdvance(false);
        const ImageId id = session().current();
        key(Qt::Key_A);
        QTRY_COMPARE(session().record(id)->state, ReviewState::Accepted);
        drag({{100, 100}, {140, 100}});
        QCOMPARE(session().record(id)->state, ReviewState::InProgress);
        QVERIFY2(m_window->bannerText().contains(QLatin1String("your edit opened it again")),
                 qPrintable(m_window->bannerText()));
        QTest::mouseClick(part<QPushButton>("bannerAction0"), Qt::LeftButton);
        QTRY_COMPARE(session().record(id)->state, ReviewState::Accepted);
        QVERIFY(!m_window->bannerText().contains(QLatin1String("opened it again")));
    }

    // Every tool and clean-up in turn, two hundred steps with LIMN_FULL=1 (each draws frames), else fifty:
    // undone to nothing and redone to the same bytes, also after leaving the image in the middle; a dropped
    // gesture adds none.
    void mixedStepsUndoneAndRedone() {
        const std::size_t wanted = qEnvironmentVariableIsSet("LIMN_FULL") ? 200 : 50;
        open(2, {640, 480});
        session().setUsesProposalFirst(false);
        const ImageId id = session().current();
        QRandomGenerator random(7);
        const auto point = [&random] { return QPointF(30 + random.bounded(580), 30 + random.bounded(420)); };
        std::vector<LabelMap> after{document()->labels().toLabelMap()};
        const auto steps = [this] { return document()->history().undoCount(); };
        while (steps() < wanted) {
            const std::size_t had = steps();
            const QPointF p = point();
            switch (random.bounded(9)) {
            case 0:
            case 1:
                key(Qt::Key_B);
                drag({p, point(), point()});
                break;
            case 2:
                key(Qt::Key_E);
                drag({p, point()});
                break;
            case 3:
                key(Qt::Key_L);
                drag({p, p + QPointF(60, 0), p + QPointF(60, 50), p + QPointF(0, 50)});
                break;
            case 4:
                key(Qt::Key_P);
                for (const QPointF& corner : {p, p + QPointF(50, 5), p + QPointF(20, 45)})
                    QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(corner.x(), corner.y()));
                key(Qt::Key_Return);
                break;
            case 5:
                key(Qt::Key_C);
                drag({p, p + QPointF(10, 0), p + QPointF(20, 0)});
                break;
            case 6:
                trigger("clean");
                QTRY_VERIFY(!session().editPending());
                break;
            case 7:
                key(Qt::Key_U);
                if (m_window->bannerText().contains(QLatin1String("edits by hand")))
                    key(Qt::Key_Return);
                break;
            default:
                // A gesture that is dropped.
                key(Qt::Key_B);
                QTest::mousePress(canvas(), Qt::LeftButton, {}, at(p.x(), p.y()));
                key(Qt::Key_Escape);
                QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(p.x(), p.y()));
                QCOMPARE(steps(), had);
                break;
            }
            QVERIFY(steps() <= had + 1);
            if (steps() > had)
                after.push_back(document()->labels().toLabelMap());
        }
        QCOMPARE(after.size(), wanted + 1);
        for (std::size_t i = wanted; i > wanted / 2; --i) {
            key(Qt::Key_Z, Qt::ControlModifier);
            QVERIFY2(document()->labels().toLabelMap() == after[i - 1], qPrintable(QString::number(i)));
        }
        key(Qt::Key_B); // arrows belong to the window again
        canvas()->setFocus();
        key(Qt::Key_Right);
        QTRY_VERIFY_WITH_TIMEOUT(session().current() != id && decidable(), 10000);
        key(Qt::Key_Left);
        QTRY_VERIFY_WITH_TIMEOUT(session().current() == id && decidable(), 10000);
        for (std::size_t i = wanted / 2; i > 0; --i) {
            key(Qt::Key_Z, Qt::ControlModifier);
            QVERIFY2(document()->labels().toLabelMap() == after[i - 1], qPrintable(QString::number(i)));
        }
        QCOMPARE(steps(), std::size_t(0));
        for (std::size_t i = 1; i <= wanted; ++i) {
            key(Qt::Key_Y, Qt::ControlModifier);
            QVERIFY2(document()->labels().toLabelMap() == after[i], qPrintable(QString::number(i)));
        }
        QVERIFY(stored(id) == after.back());
    }
};

LIMN_GUI_TEST_MAIN(TestMeasures)
#include "tst_measures.moc"
