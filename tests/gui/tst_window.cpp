// SPDX-License-Identifier: GPL-3.0-or-later
// The window as a person uses it: real mouse and key events, checked on what lies in the project file
// afterwards and on pixels of grabbed frames. Images are drawn by our generator; proposals come from a drawn
// disc.
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"
#include "tests/gui/window_driver.h"

#include "io/store/project_store.h"
#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"
#include "ui/theme/theme.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QDir>
#include <QElapsedTimer>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QSignalSpy>
#include <QSlider>
#include <QTemporaryDir>
#include <QTest>

#include <map>

using namespace limn;

namespace {

StoreOptions readOnlyStore() {
    StoreOptions options;
    options.create = false;
    options.readOnly = true;
    return options;
}

} // namespace

class TestWindow : public QObject, private WindowDriver {
    Q_OBJECT

private Q_SLOTS:
    void cleanup() {
        closeWindow();
        m_folder.reset();
    }

    void startsEmptyWithAWayForward() {
        m_window = std::make_unique<MainWindow>();
        m_window->resize(1280, 800);
        m_window->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
        m_window->setModels({});
        for (const char* name : {"startOpenFolder", "startOpenProject", "startDemo"}) {
            auto* button = m_window->findChild<QPushButton*>(QLatin1String(name));
            QVERIFY2(button && button->isVisible() && button->isEnabled(), name);
        }
        shot(QStringLiteral("start"));
    }

    void everyCommandIsListedAndNoKeyIsTakenTwice() {
        m_window = std::make_unique<MainWindow>();
        std::map<QString, QString> keys;
        for (const Command& c : m_window->commands().all()) {
            for (const QKeySequence& key : c.action->shortcuts()) {
                const QString text = key.toString(QKeySequence::PortableText);
                QVERIFY2(!keys.count(text),
                         qPrintable(text + QLatin1String(": ") + c.id + QLatin1String(" and ") + keys[text]));
                keys[text] = c.id;
            }
        }
        for (const QAction* action : m_window->actions())
            QVERIFY2(m_window->commands().action(action->objectName()) == action, qPrintable(action->text()));
        QVERIFY(keys.size() > 50);
    }

    void aFolderBecomesAProjectAndItsProposalAppears() {
        open();
        QCOMPARE(m_window->session().list().size(), std::size_t(3));
        QVERIFY(document()->proposal());
        QVERIFY(document()->untouched());
        QVERIFY(m_window->findChild<QPushButton*>(QStringLiteral("acceptButton"))->isEnabled());
        QTRY_COMPARE(m_window->session().record(m_window->session().current())->state, ReviewState::Proposed);
        // The dashed outline in its colour is on the screen.
        const QImage frame = m_window->canvas().grabImage();
        int yellow = 0;
        for (int y = 0; y < frame.height(); ++y) {
            for (int x = 0; x < frame.width(); ++x)
                yellow += frame.pixel(x, y) == qRgb(0xF0, 0xE4, 0x42);
        }
        QVERIFY2(yellow > 200, qPrintable(QString::number(yellow)));
        QTest::qWait(400);
        shot(QStringLiteral("proposal"));
    }

    // A photograph on a slow disk takes seconds to appear.
    void whileTheFirstImageIsReadTheCanvasSaysSo() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {640, 480});
        showWindow();
        m_window->setModels({discModel(0)});
        QStringList texts;
        connect(&session(), &ReviewSession::currentChanged, this, [&] {
            if (session().current() != 0 && !session().pyramid())
                texts.append(canvas()->emptyText());
        });
        m_window->open({m_folder->path()});
        QTRY_VERIFY_WITH_TIMEOUT(session().ready(), 10000);
        QCOMPARE(texts, QStringList{MainWindow::tr("Opening…")});
        QVERIFY(canvas()->emptyText().isEmpty());
    }

    void aBrushStrokeIsOneStepAndIsSaved() {
        open();
        m_window->session().setUsesProposalFirst(false);
        key(Qt::Key_B);
        const ImageId id = m_window->session().current();
        drag({{100, 100}, {180, 120}, {260, 100}});
        QVERIFY(painted() > 3000);
        QCOMPARE(document()->history().undoCount(), std::size_t(1));
        QVERIFY(document()->labels().at(180, 118) == 1);
        const LabelMap file = stored(id);
        QVERIFY(file == document()->labels().toLabelMap());
        shot(QStringLiteral("brush"));
        key(Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(painted(), std::size_t(0));
        QVERIFY(stored(id) == document()->labels().toLabelMap());
        key(Qt::Key_Z, Qt::ControlModifier | Qt::ShiftModifier);
        QVERIFY(document()->labels().toLabelMap() == file);
    }

    void oppositeDragErasesAndEscapeDropsTheGesture() {
        open();
        m_window->session().setUsesProposalFirst(false);
        drag({{100, 100}, {300, 100}});
        const std::size_t before = painted();
        drag({{150, 100}, {200, 100}}, Qt::ControlModifier);
        const std::size_t cut = painted();
        QVERIFY(cut < before);
        drag({{220, 100}, {250, 100}}, {}, Qt::RightButton);
        QVERIFY(painted() < cut);
        const LabelMap kept = document()->labels().toLabelMap();
        QTest::mousePress(canvas(), Qt::LeftButton, {}, at(100, 300));
        QTest::mouseMove(canvas(), at(200, 300));
        QTest::keyClick(canvas(), Qt::Key_Escape);
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, at(200, 300));
        QVERIFY(document()->labels().toLabelMap() == kept);
        QCOMPARE(document()->history().undoCount(), std::size_t(3));
    }

    void theFirstStrokeUsesTheProposalAsAStepOfItsOwn() {
        open();
        m_window->session().setUsesProposalFirst(true);
        drag({{40, 40}, {80, 40}});
        QCOMPARE(document()->history().undoCount(), std::size_t(2));
        const double radius = FakeEngine::radiusFor({640, 480});
        QVERIFY(painted() > static_cast<std::size_t>(3.0 * radius * radius));
        shot(QStringLiteral("used-and-stroke"));
    }

    void toolsDraw_data() {
        QTest::addColumn<int>("tool");
        for (const auto& [name, key] : std::initializer_list<std::pair<const char*, Qt::Key>>{
                 {"lasso", Qt::Key_L}, {"polygon", Qt::Key_P}, {"wand", Qt::Key_W}, {"contour", Qt::Key_C}})
            QTest::newRow(name) << static_cast<int>(key);
    }
    void toolsDraw() {
        QFETCH(int, tool);
        open(1);
        m_window->session().setUsesProposalFirst(false);
        if (tool == Qt::Key_C)
            drag({{200, 200}, {300, 200}});
        const std::size_t before = painted();
        key(static_cast<Qt::Key>(tool));
        switch (tool) {
        case Qt::Key_L:
            drag({{100, 100}, {200, 100}, {200, 200}, {100, 200}});
            QVERIFY(painted() > 9000 && painted() < 11000);
            break;
        case Qt::Key_P:
            for (const QPointF& p :
                 {QPointF(100, 100), QPointF(200, 100), QPointF(200, 200), QPointF(100, 200)})
                QTest::mouseClick(canvas(), Qt::LeftButton, {}, at(p.x(), p.y()));
            QCOMPARE(painted(), std::size_t(0));
            QTest::keyClick(canvas(), Qt::Key_Return);
            QVERIFY(painted() > 9000 && painted() < 11000);
            break;
        case Qt::Key_W:
            drag({{320, 240}, {360, 240}});
            QTRY_VERIFY(painted() > 0);
            QVERIFY(document()->labels().at(320, 240) == 1);
            break;
        default:
            // From inside the edge moves out.
            drag({{250, 200}, {250, 215}, {250, 230}, {250, 245}});
            QVERIFY(painted() > before);
            break;
        }
        QCOMPARE(document()->history().undoCount(), std::size_t(tool == Qt::Key_C ? 2 : 1));
        shot(QStringLiteral("tool-%1").arg(QChar(tool)));
        key(Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(painted(), before);
    }

    void usingInARegionStaysInside() {
        open(1);
        key(Qt::Key_R);
        drag({{320, 100}, {500, 400}});
        QVERIFY(m_window->session().scope() != nullptr);
        shot(QStringLiteral("region"));
        key(Qt::Key_U);
        QVERIFY(painted() > 0);
        QCOMPARE(document()->labels().at(318, 240), std::uint8_t(0));
        QCOMPARE(document()->labels().at(322, 240), std::uint8_t(1));
        key(Qt::Key_Escape);
        QVERIFY(m_window->session().scope() == nullptr);
    }

    void theThresholdChangesNoByte() {
        open(1);
        key(Qt::Key_U);
        const LabelMap before = document()->labels().toLabelMap();
        const QImage frame = canvas()->grabImage();
        auto* slider = m_window->findChild<QSlider*>(QStringLiteral("threshold"));
        slider->setValue(20);
        QCOMPARE(document()->threshold(), 0.2f);
        QVERIFY(document()->labels().toLabelMap() == before);
        QVERIFY(canvas()->grabImage() != frame);
    }

    void aLockedLabelSaysSo() {
        open(1);
        m_window->session().setUsesProposalFirst(false);
        drag({{100, 100}, {200, 100}});
        Label label = document()->labelTable().front();
        label.locked = true;
        QVERIFY(document()->setLabel(label).ok());
        const LabelMap before = document()->labels().toLabelMap();
        drag({{100, 150}, {200, 150}});
        QVERIFY(document()->labels().toLabelMap() == before);
        QVERIFY2(m_window->statusText().contains(QLatin1String("locked")),
                 qPrintable(m_window->statusText()));
    }

    void imagesAreDecidedByOneKeyEach() {
        open(6, {320, 240});
        const std::vector<ImageId> list = m_window->session().list();
        for (std::size_t i = 0; i < list.size(); ++i) {
            QTRY_COMPARE(m_window->session().current(), list[i]);
            QTRY_VERIFY(m_window->session().painted() && document() && document()->proposal());
            if (i == 2) {
                key(Qt::Key_X);
                QTRY_VERIFY(QApplication::focusWidget() &&
                            QApplication::focusWidget()->objectName() == QLatin1String("rejectReasons"));
                shot(QStringLiteral("reject"));
                QTest::keyClick(QApplication::focusWidget(), Qt::Key_2);
                QTest::keyClick(QApplication::focusWidget(), Qt::Key_Return);
            } else {
                key(Qt::Key_A);
            }
        }
        QTRY_COMPARE(m_window->session().record(list.back())->state, ReviewState::Accepted);
        QCOMPARE(m_window->session().record(list[2])->state, ReviewState::Rejected);
        QVERIFY(!m_window->session().record(list[2])->reason.empty());
        QVERIFY(stored(list[0]).labels.size() == 320 * 240);
        QVERIFY(m_window->session().waitUntilSaved(5000).waiting == 0);
        auto store = ProjectStore::open(m_window->session().project()->filePath(), readOnlyStore());
        QVERIFY(store.ok());
        for (std::size_t i = 0; i < list.size(); ++i) {
            const auto record = (*store)->image(list[i]);
            QVERIFY(record && *record);
            QCOMPARE((*record)->state, i == 2 ? ReviewState::Rejected : ReviewState::Accepted);
        }
        shot(QStringLiteral("decided"));
        // Shift+A returns and takes the last decision back.
        key(Qt::Key_A, Qt::ShiftModifier);
        QTRY_COMPARE(m_window->session().record(list.back())->state, ReviewState::InProgress);
    }

    void aHeldKeyDecidesOneImage() {
        open(4, {320, 240});
        const std::vector<ImageId> list = m_window->session().list();
        QTest::keyPress(canvas(), Qt::Key_A);
        for (int i = 0; i < 10; ++i) {
            QKeyEvent again(QEvent::KeyPress, Qt::Key_A, Qt::NoModifier, QStringLiteral("a"), true);
            QApplication::sendEvent(canvas(), &again);
            QTest::qWait(10);
        }
        QTest::keyRelease(canvas(), Qt::Key_A);
        int accepted = 0;
        for (const ImageId id : list)
            accepted += m_window->session().record(id)->state == ReviewState::Accepted;
        QCOMPARE(accepted, 1);
    }

    void aBrokenImageSaysWhyAndTheNextOpens() {
        m_folder = std::make_unique<QTemporaryDir>();
        drawImages(m_folder->path(), 2, {320, 240});
        QFile whole(m_folder->filePath(QStringLiteral("case-002.png")));
        QVERIFY(whole.open(QIODevice::ReadOnly));
        const QByteArray bytes = whole.readAll();
        QFile broken(m_folder->filePath(QStringLiteral("case-001b.png")));
        QVERIFY(broken.open(QIODevice::WriteOnly));
        broken.write(bytes.left(bytes.size() / 2));
        broken.close();
        openFolder();
        QTRY_COMPARE(m_window->session().list().size(), std::size_t(3));
        ImageId bad = 0;
        for (const ImageId id : m_window->session().list()) {
            if (m_window->session().record(id)->path == "case-001b.png")
                bad = id;
        }
        QVERIFY(bad != 0);
        m_window->session().show(bad);
        QTRY_VERIFY(m_window->session().imageError().has_value());
        auto* text = m_window->findChild<QLabel*>(QStringLiteral("errorText"));
        QVERIFY(text->isVisible());
        QVERIFY2(text->text().contains(QLatin1String("case-001b.png")), qPrintable(text->text()));
        shot(QStringLiteral("broken"));
        key(Qt::Key_Right);
        QTRY_VERIFY(m_window->session().ready());
    }

    void holdingHShowsTheBareImage() {
        open(1);
        key(Qt::Key_U);
        m_window->canvas().setScaleBarVisible(false);
        QTest::keyPress(canvas(), Qt::Key_H);
        const QImage bare = canvas()->grabImage();
        QTest::keyRelease(canvas(), Qt::Key_H);
        const QImage drawn = canvas()->grabImage();
        QVERIFY(bare != drawn);
        const auto blue = [](const QImage& image) {
            int n = 0;
            for (int y = 0; y < image.height(); ++y) {
                for (int x = 0; x < image.width(); ++x)
                    n += image.pixel(x, y) == qRgb(0x56, 0xB4, 0xE9);
            }
            return n;
        };
        QCOMPARE(blue(bare), 0);
        QVERIFY(blue(drawn) > 200);
    }

    void leavingAndReturningKeepsStepsAndBytes() {
        open(2);
        m_window->session().setUsesProposalFirst(false);
        const ImageId first = m_window->session().current();
        drag({{100, 100}, {200, 100}});
        drag({{100, 200}, {200, 200}});
        const LabelMap both = document()->labels().toLabelMap();
        key(Qt::Key_Right);
        QTRY_VERIFY(m_window->session().current() != first && m_window->session().ready());
        key(Qt::Key_Left);
        QTRY_VERIFY(m_window->session().current() == first && m_window->session().ready());
        QVERIFY(document()->labels().toLabelMap() == both);
        key(Qt::Key_Z, Qt::ControlModifier);
        key(Qt::Key_Z, Qt::ControlModifier);
        QCOMPARE(painted(), std::size_t(0));
        key(Qt::Key_Y, Qt::ControlModifier);
        key(Qt::Key_Y, Qt::ControlModifier);
        QVERIFY(document()->labels().toLabelMap() == both);
    }

    void aSecondStartFindsEverything() {
        open(2);
        m_window->session().setUsesProposalFirst(false);
        const ImageId id = m_window->session().current();
        drag({{100, 100}, {200, 150}});
        const LabelMap kept = document()->labels().toLabelMap();
        m_window->close();
        m_window.reset();
        openFolder();
        m_window->session().show(id);
        QTRY_VERIFY(m_window->session().ready() && m_window->session().current() == id);
        QVERIFY(document()->labels().toLabelMap() == kept);
        QCOMPARE(m_window->session().record(id)->state, ReviewState::InProgress);
    }

    void comparisons() {
        open(1);
        key(Qt::Key_U);
        m_window->session().setUsesProposalFirst(false);
        drag({{200, 300}, {400, 420}});
        QTest::qWait(200);
        key(Qt::Key_Y);
        QTest::qWait(200);
        auto* second = m_window->findChild<CanvasView*>(QStringLiteral("secondCanvas"));
        QVERIFY(second->isVisible());
        // The whole image was seen before: it is in both halves.
        for (const CanvasView* half :
             {static_cast<const CanvasView*>(canvas()), static_cast<const CanvasView*>(second)}) {
            const QRectF image = half->view().toDevice(QRectF(0, 0, 640, 480));
            const QRectF seen(QPointF(0, 0), QSizeF(half->size()) * half->devicePixelRatioF());
            QVERIFY2(seen.contains(image), qPrintable(QStringLiteral("%1 x %2 at %3, %4 in %5 x %6")
                                                          .arg(image.width())
                                                          .arg(image.height())
                                                          .arg(image.x())
                                                          .arg(image.y())
                                                          .arg(seen.width())
                                                          .arg(seen.height())));
        }
        shot(QStringLiteral("compare-side"));
        key(Qt::Key_Y);
        QVERIFY(canvas()->divider() > 0.4);
        shot(QStringLiteral("compare-swipe"));
        key(Qt::Key_Y);
        shot(QStringLiteral("compare-difference"));
        key(Qt::Key_Y);
        QVERIFY(canvas()->divider() < 0);
        key(Qt::Key_V);
        shot(QStringLiteral("probability"));
    }

    void lightThemeDialogsAndGrid() {
        open(5);
        key(Qt::Key_U);
        QTest::qWait(300);
        Theme::instance().setMode(Theme::Mode::Light);
        shot(QStringLiteral("light"));
        Theme::instance().setMode(Theme::Mode::Dark);
        shot(QStringLiteral("dark"));
        for (const char* id : {"keys", "settings", "export"}) {
            m_window->commands().action(QLatin1String(id))->trigger();
            QTest::qWait(60);
            QWidget* dialog = m_window->findChild<QWidget*>(QLatin1String(id) + QLatin1String("Dialog"));
            QVERIFY2(dialog && dialog->isVisible(), id);
            keepScreenshot(dialog->grab().toImage(), QStringLiteral("dialog-") + QLatin1String(id));
            dialog->close();
        }
        key(Qt::Key_G);
        QTest::qWait(400);
        shot(QStringLiteral("grid"));
        key(Qt::Key_G);
    }
};

LIMN_GUI_TEST_MAIN(TestWindow)
#include "tst_window.moc"
