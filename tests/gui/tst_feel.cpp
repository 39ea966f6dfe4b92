// SPDX-License-Identifier: GPL-3.0-or-later
// What makes the window dependable under the hands: nothing that was pressed vanishes, the loop goes on while
// disk and model are slow, held keys end, read-outs are the file's, and each image gets the model made for
// it.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_fixture.h"

#include "app/project/saver.h"
#include "io/store/project_store.h"
#include "ui/session/work_pools.h"
#include "ui/theme/application_setup.h"

#include <QLabel>
#include <QMenu>
#include <QSlider>
#include <QThreadPool>
#include <QToolButton>

#include <algorithm>
#include <random>

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace limn;

namespace {

// What holds a thread up until it is opened, or at the end of its scope.
class Gate {
public:
    ~Gate() { open(); }
    void open() { *m_open = true; }
    std::function<void()> waiting() const {
        return [open = m_open] {
            while (!*open)
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
        };
    }

private:
    std::shared_ptr<std::atomic<bool>> m_open = std::make_shared<std::atomic<bool>>(false);
};

// The threads on which selections are computed begin none before it is opened.
class HeldThreads : public Gate {
public:
    HeldThreads() {
        QThreadPool* pool = QThreadPool::globalInstance();
        for (int i = 0; i < pool->maxThreadCount(); ++i)
            pool->start(waiting());
    }
};

} // namespace

class TestFeel : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder;
    WindowFixture m;

    void open(int images = 3, Size size = {640, 480}, int delayMs = 0) {
        m_folder = std::make_unique<QTemporaryDir>();
        writeDrawnImages(m_folder->path(), images, size);
        m.show({WindowFixture::fakeModel(delayMs)});
        m.openFolder(m_folder->path(), delayMs == 0);
        m.session().setUsesProposalFirst(false);
    }
    // What the project file holds, read by a second connection.
    LabelMap stored(ImageId id) {
        m.session().waitUntilSaved(10000);
        StoreOptions options;
        options.create = false;
        options.readOnly = true;
        auto store = ProjectStore::open(m.session().project()->filePath(), options);
        if (!store)
            return {};
        auto annotation = (*store)->annotation(id, m.session().project()->currentPerson());
        return annotation && *annotation ? labelMapFromTiles((*annotation)->labels) : LabelMap();
    }
    ReviewState stateOf(ImageId id) const { return m.session().record(id)->state; }
    std::size_t drawn() const { return m.document()->labels().histogram()[1]; }
    // A ring by eye: four strokes of the brush around the middle.
    void drawRing() {
        m.window().toolSettings().brushPx = 20;
        m.stroke({m.at(200, 150), m.at(400, 150), m.at(400, 300), m.at(200, 300), m.at(200, 150)});
    }

private Q_SLOTS:
    void cleanup() {
        m.close();
        m_folder.reset();
    }

    // ------------------------------------------------------------------------------------- decisions

    void aDecisionDuringAStrokeSaysWhyAndLosesNeither() {
        open();
        const ImageId id = m.session().current();
        m.press(m.at(100, 100));
        m.move(m.at(200, 100));
        m.key(Qt::Key_A);
        QCOMPARE(m.session().current(), id);
        QVERIFY(stateOf(id) != ReviewState::Accepted);
        QVERIFY2(m.window().statusText().contains(QLatin1String("Nothing was decided")),
                 qPrintable(m.window().statusText()));
        m.key(Qt::Key_Right); // leaving it says so as well
        QCOMPARE(m.session().current(), id);
        m.move(m.at(300, 100));
        m.release(m.at(300, 100));
        QCOMPARE(m.document()->history().undoCount(), std::size_t(1));
        QVERIFY(drawn() > 0);
        m.key(Qt::Key_A);
        QTRY_COMPARE(stateOf(id), ReviewState::Accepted);
        QVERIFY(m.session().current() != id);
    }

    void anOpenPolygonIsNotThrownAway() {
        open();
        const ImageId id = m.session().current();
        m.key(Qt::Key_P);
        for (const QPoint& p : {m.at(100, 100), m.at(200, 100), m.at(200, 200)})
            QTest::mouseClick(m.canvas(), Qt::LeftButton, {}, p);
        m.key(Qt::Key_A);
        QCOMPARE(m.session().current(), id);
        QVERIFY2(m.window().statusText().contains(QLatin1String("Enter closes it")),
                 qPrintable(m.window().statusText()));
        m.key(Qt::Key_Return);
        QVERIFY(drawn() > 4000);
        m.key(Qt::Key_A);
        QTRY_COMPARE(stateOf(id), ReviewState::Accepted);
    }

    void aDecisionWaitsForAnEditThatIsComputed() {
        open();
        const ImageId id = m.session().current();
        drawRing();
        const std::size_t ring = drawn();
        // An edit that takes its time, whatever the machine: then the clean-up, and the decision at once.
        const ReviewSession::EditTicket slow = m.session().editBegins();
        m.window().commands().action(QStringLiteral("clean"))->trigger();
        m.window().commands().action(QStringLiteral("accept"))->trigger();
        QTest::qWait(100);
        QVERIFY(stateOf(id) != ReviewState::Accepted);
        QCOMPARE(m.session().current(), id);
        m.session().editEnds(slow);
        QTRY_COMPARE(stateOf(id), ReviewState::Accepted);
        QVERIFY(m.session().current() != id);
        const LabelMap file = stored(id);
        QVERIFY(static_cast<std::size_t>(std::count(file.labels.begin(), file.labels.end(), 1)) > 2 * ring);
        QCOMPARE(stateOf(id), ReviewState::Accepted);
    }

    void leavingWaitsForTheWand() {
        open();
        const ImageId id = m.session().current();
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        const bool computing = m.session().editPending(); // not on a machine that was faster than this line
        m.window().commands().action(QStringLiteral("next"))->trigger();
        QCOMPARE(m.session().current() == id, computing);
        QTRY_VERIFY(m.session().current() != id);
        const LabelMap file = stored(id);
        QVERIFY(std::count(file.labels.begin(), file.labels.end(), 1) > 0);
    }

    // ------------------------------------------------------------------------------------------ wand

    void aPressAfterADroppedGestureCounts() {
        open(1);
        HeldThreads held;
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.key(Qt::Key_Escape);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        held.open();
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(1));
        QVERIFY(drawn() > 0);
        QVERIFY(!m.session().editPending());
    }

    void anotherToolKeepsWhatWasReleased() {
        open(1);
        HeldThreads held;
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        m.key(Qt::Key_B);
        QVERIFY(m.window().tool() == ToolId::Brush);
        QVERIFY(m.session().editPending());
        held.open();
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(1));
        QVERIFY(drawn() > 0);
        // A stroke that is drawn when the selection comes is neither cut short nor in its way.
        m.key(Qt::Key_Z, Qt::ControlModifier);
        HeldThreads heldAgain;
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        m.key(Qt::Key_B);
        m.press(m.at(40, 40));
        m.move(m.at(60, 40));
        heldAgain.open();
        QTest::qWait(150);
        QVERIFY(m.session().editPending());
        QCOMPARE(m.document()->history().undoCount(), std::size_t(0));
        m.release(m.at(60, 40));
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(2));
        QVERIFY(!m.session().editPending());
    }

    void quickSelectionsAllCount() {
        open(1);
        m.key(Qt::Key_W);
        for (const QPoint& seed : {m.at(320.5, 240.5), m.at(10.5, 10.5)}) {
            m.press(seed);
            m.release(seed);
        }
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(2));
        const std::uint8_t corner = m.document()->labels().at(10, 10);
        m.key(Qt::Key_Z, Qt::ControlModifier); // the last is undone first
        QVERIFY(corner == 1 && m.document()->labels().at(10, 10) == 0);
        QCOMPARE(m.document()->labels().at(320, 240), std::uint8_t(1));
    }

    void escapeDropsWhatIsStillComputed() {
        open(1);
        HeldThreads held;
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        QVERIFY(m.session().editPending());
        m.key(Qt::Key_Escape);
        QVERIFY(!m.session().editPending());
        held.open();
        m.key(Qt::Key_B);
        drawRing();
        Gate gate;
        m.session().pools().cleaning.run(gate.waiting());
        m.window().commands().action(QStringLiteral("clean"))->trigger();
        QVERIFY(m.session().editPending());
        m.key(Qt::Key_Escape);
        gate.open();
        QTRY_VERIFY(!m.session().editPending());
        QTest::qWait(100);
        QCOMPARE(m.document()->history().undoCount(), std::size_t(1)); // the ring
    }

    void quittingKeepsWhatWasReleased() {
        open(1);
        const ImageId id = m.session().current();
        HeldThreads held;
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        QVERIFY(m.session().editPending());
        QTimer::singleShot(50, &m.session(), [&held] { held.open(); });
        m.window().close();
        QVERIFY(!m.session().editPending());
        const LabelMap file = stored(id);
        QVERIFY(std::count(file.labels.begin(), file.labels.end(), 1) > 0);
    }

    // The picture that the wand compares in is made while the wand is chosen, not by the first press.
    void theWandIsReadyBeforeTheFirstPress() {
        open(3);
        const std::vector<ImageId> list = m.session().list();
        QTest::qWait(200);
        QVERIFY(!m.session().labImage()->prepared());
        m.key(Qt::Key_W);
        QTRY_VERIFY(m.session().labImage()->prepared());
        m.key(Qt::Key_Right);
        QTRY_VERIFY(m.session().current() == list[1] && m.painted());
        QTRY_VERIFY(m.session().labImage()->prepared());
        m.key(Qt::Key_B);
        m.key(Qt::Key_Right);
        QTRY_VERIFY(m.session().current() == list[2] && m.painted());
        QTest::qWait(200);
        QVERIFY(!m.session().labImage()->prepared());
    }

    // -------------------------------------------------------------------------- behind the window

    // What takes long behind the window holds up neither an edit nor the other work there.
    void figuresHoldUpNothing() {
        open(1);
        Gate gate;
        for (int i = 0; i < 8; ++i)
            m.session().pools().measuring.run(gate.waiting());
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(1));
        m.key(Qt::Key_Z, Qt::ControlModifier);
        m.key(Qt::Key_B);
        drawRing();
        m.window().commands().action(QStringLiteral("clean"))->trigger();
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(2));
        for (int i = 0; i < 8; ++i)
            m.session().pools().cleaning.run(gate.waiting());
        m.session().runProposal();
        QTRY_VERIFY(!m.session().proposalPending());
        m.key(Qt::Key_W);
        m.press(m.at(10, 10));
        m.release(m.at(10, 10));
        QTRY_COMPARE(m.document()->history().undoCount(), std::size_t(3));
        gate.open();
    }

    void workBehindTheWindowStepsBack() {
        open(1);
        const auto niceness = [] {
            return getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
        };
        const int own = niceness();
        for (WorkPool* pool : {&m.session().pools().cleaning, &m.session().pools().preparing,
                               &m.session().pools().measuring}) {
            QFuture<int> there = pool->run(niceness);
            QTRY_VERIFY(there.isFinished());
            QVERIFY(there.result() > own);
            // Whoever waits for it may be given the work; the window's thread stays what it is.
            pool->run(niceness).waitForFinished();
            QCOMPARE(niceness(), own);
        }
    }

    // Work of a project that was closed ends no edit of the next one.
    void anEditOfAClosedProjectEndsNoOther() {
        open(1);
        drawRing();
        Gate gate;
        m.session().pools().cleaning.run(gate.waiting());
        HeldThreads held;
        m.window().commands().action(QStringLiteral("clean"))->trigger();
        m.key(Qt::Key_W);
        m.press(m.at(320, 240));
        m.release(m.at(320, 240));
        QVERIFY(m.session().editPending());
        m.session().closeProject();
        QVERIFY(!m.session().editPending());
        const ReviewSession::EditTicket ticket = m.session().editBegins();
        gate.open();
        held.open();
        QTest::qWait(300);
        QVERIFY(m.session().editPending());
        m.session().editEnds(ticket);
        QVERIFY(!m.session().editPending());
    }

    // A drag on the slider is answered after its last step, not after each of them.
    void aDraggedSliderComputesItsLastStep() {
        open(1, {1200, 900});
        LabelMap noise(m.document()->size());
        std::mt19937 random(9);
        for (std::uint8_t& value : noise.labels)
            value = random() & 1;
        QVERIFY(m.document()->import(noise).ok());
        m.window().commands().action(QStringLiteral("smooth"))->trigger();
        auto* slider = m.window().findChild<QSlider*>(QStringLiteral("cleanUpSlider"));
        auto* effect = m.window().findChild<QLabel*>(QStringLiteral("cleanUpEffect"));
        // Wide radii take long.
        slider->setValue(180);
        QTRY_VERIFY_WITH_TIMEOUT(effect->text().contains(QLatin1String("px")), 60000);
        const auto answerMs = [&](int steps) {
            effect->clear();
            QElapsedTimer clock;
            for (int i = 0; i < steps; ++i) {
                clock.start();
                slider->setValue(slider->value() == 180 ? 181 : 180);
                // Longer than the panel waits for the next step before it computes.
                QTest::qWait(60);
            }
            while (effect->text().isEmpty() && clock.elapsed() < 60000)
                QTest::qWait(1);
            return static_cast<double>(clock.nsecsElapsed()) / 1e6;
        };
        const double one = answerMs(1);
        const double many = answerMs(24);
        QVERIFY2(many < 4 * one, qPrintable(QStringLiteral("%1 and %2 ms").arg(one).arg(many)));
    }

    // ------------------------------------------------------------------------------------- decisions

    void anImageThatWasNotSeenIsNotDecided() {
        open();
        const std::vector<ImageId> list = m.session().list();
        m.window().commands().action(QStringLiteral("next"))->trigger();
        QCOMPARE(m.session().current(), list[1]);
        QVERIFY(!m.session().painted());
        m.window().commands().action(QStringLiteral("accept"))->trigger();
        QCOMPARE(m.session().current(), list[1]);
        QVERIFY(stateOf(list[0]) != ReviewState::Accepted && stateOf(list[1]) != ReviewState::Accepted);
        QVERIFY2(m.window().statusText().contains(QLatin1String("not on the screen yet")),
                 qPrintable(m.window().statusText()));
        QTRY_VERIFY(m.painted());
        m.key(Qt::Key_A);
        QTRY_COMPARE(stateOf(list[1]), ReviewState::Accepted);
    }

    void whileTheProposalIsComputedTheReasonIsSaid() {
        open(2, {320, 240}, 1500);
        const ImageId id = m.session().current();
        QVERIFY(m.session().proposalPending());
        m.key(Qt::Key_A);
        QCOMPARE(m.session().current(), id);
        QVERIFY2(m.window().statusText().contains(QLatin1String("still being computed")),
                 qPrintable(m.window().statusText()));
        // With something drawn there is nothing to wait for.
        m.stroke({m.at(100, 100), m.at(200, 100)});
        m.key(Qt::Key_A);
        QTRY_COMPARE(stateOf(id), ReviewState::Accepted);
    }

    void aKeyHeldDownDecidesOneImage() {
        open(5, {320, 240});
        const std::vector<ImageId> list = m.session().list();
        QTest::keyPress(m.canvas(), Qt::Key_A);
        for (int i = 0; i < 40; ++i) {
            QKeyEvent again(QEvent::KeyPress, Qt::Key_A, Qt::NoModifier, QStringLiteral("a"), true);
            QApplication::sendEvent(m.canvas(), &again);
            QTest::qWait(10);
        }
        QTest::keyRelease(m.canvas(), Qt::Key_A);
        QCOMPARE(std::count_if(list.begin(), list.end(),
                               [this](ImageId id) { return stateOf(id) == ReviewState::Accepted; }),
                 std::ptrdiff_t(1));
    }

    // ----------------------------------------------------------------------------------- slow machines

    // The disk takes 2 s for everything, the model 2 s for an image: strokes are whole, in the file at the
    // end, and the loop never stops for them.
    void slowDiskAndModel() {
        open(4, {640, 480}, 2000);
        const ImageId id = m.session().current();
        Saver& saver = m.session().project()->saver();
        const auto slow = [&saver] {
            saver.post([](ProjectStore&) -> Result<void> {
                std::this_thread::sleep_for(std::chrono::seconds(2));
                return {};
            });
        };
        slow();
        QVERIFY(m.session().proposalPending());
        RendererClock renderer(m.canvas());
        EventLoopProbe probe(m.canvas(), renderer);
        m.window().toolSettings().brushPx = 24;
        m.press(m.at(80, 200));
        for (int i = 0; i <= 60; ++i) {
            m.move(m.at(80 + 8 * i, 200 + (i % 7) * 4));
            QTest::qWait(12);
        }
        m.release(m.at(560, 200));
        QCOMPARE(m.document()->history().undoCount(), std::size_t(1));
        slow();
        const LabelMap drawnMap = m.document()->labels().toLabelMap();
        // No gap along the stroke.
        for (int x = 80; x <= 560; ++x) {
            bool any = false;
            for (int y = 190; y < 240; ++y)
                any = any || drawnMap.at(x, y) == 1;
            QVERIFY2(any, qPrintable(QString::number(x)));
        }
        m.key(Qt::Key_Z, Qt::ControlModifier);
        m.key(Qt::Key_Y, Qt::ControlModifier);
        slow();
        m.key(Qt::Key_Right);
        QTest::qWait(700);
        m.key(Qt::Key_Left);
        QTest::qWait(700);
        probe.stop();
        const double worst = quantile(probe.ownLatencies(), 1.0);
        std::printf("loop with a slow disk and a slow model: %zu probes, own median %.1f, worst %.1f ms "
                    "(with renderer and other programs: median %.1f, worst %.1f)\n",
                    probe.ownLatencies().size(), quantile(probe.ownLatencies(), 0.5), worst,
                    quantile(probe.latencies(), 0.5), quantile(probe.latencies(), 1.0));
        QVERIFY(probe.ownLatencies().size() > 20);
        QVERIFY2(worst < 50, qPrintable(QString::number(worst)));
        QTRY_VERIFY_WITH_TIMEOUT(m.session().current() == id && m.document(), 10000);
        QVERIFY(m.document()->labels().toLabelMap() == drawnMap);
        QVERIFY(m.session().waitUntilSaved(20000).waiting == 0);
        QVERIFY(stored(id) == drawnMap);
    }

    // ------------------------------------------------------------------------------------------- canvas

    void heldKeysEndWithTheFocus() {
        open(1);
        m.key(Qt::Key_U);
        QTest::qWait(50);
        const QImage shown = m.canvas()->grabImage();
        QWidget other;
        other.resize(200, 100);
        other.move(0, 0);
        other.show();
        QVERIFY(QTest::qWaitForWindowExposed(&other));
        for (const Qt::Key held : {Qt::Key_H, Qt::Key_Q}) {
            m.window().activateWindow();
            QVERIFY(QTest::qWaitForWindowActive(&m.window()));
            m.canvas()->setFocus();
            QTest::keyPress(m.canvas(), held);
            QVERIFY(m.canvas()->grabImage() != shown);
            other.activateWindow();
            QVERIFY(QTest::qWaitForWindowActive(&other));
            QTest::keyRelease(&other, held); // the window never hears of it
            m.window().activateWindow();
            QVERIFY(QTest::qWaitForWindowActive(&m.window()));
            QVERIFY(m.canvas()->grabImage() == shown);
        }
        // Space: the drag after coming back paints, and does not pan.
        m.canvas()->setFocus();
        QTest::keyPress(m.canvas(), Qt::Key_Space);
        other.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&other));
        m.window().activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&m.window()));
        m.canvas()->setFocus();
        const ViewTransform view = m.canvas()->view();
        const std::size_t steps = m.document()->history().undoCount();
        m.stroke({m.at(20, 20), m.at(60, 20)});
        QVERIFY(m.canvas()->view() == view);
        QCOMPARE(m.document()->history().undoCount(), steps + 1);
    }

    void cornerReadOutsAreTheFiles() {
        m_folder = std::make_unique<QTemporaryDir>();
        const QSize size(97, 61);
        QImage image(size, QImage::Format_RGB888);
        for (int y = 0; y < size.height(); ++y) {
            for (int x = 0; x < size.width(); ++x)
                image.setPixel(x, y, qRgb(x * 2, 255 - y * 3, (x * 7 + y * 13) % 256));
        }
        QVERIFY(image.save(m_folder->filePath(QStringLiteral("corners.png"))));
        m.show({WindowFixture::fakeModel(0)});
        m.openFolder(m_folder->path());
        auto* label = m.window().findChild<QLabel*>(QStringLiteral("pointerLabel"));
        for (const QPoint& corner : {QPoint(0, 0), QPoint(96, 0), QPoint(0, 60), QPoint(96, 60)}) {
            QTest::mouseMove(m.canvas(), m.at(corner.x() + 0.5, corner.y() + 0.5));
            const QRgb c = image.pixel(corner);
            const QString expected = QStringLiteral("x %1  y %2   RGB %3 %4 %5")
                                         .arg(corner.x())
                                         .arg(corner.y())
                                         .arg(qRed(c))
                                         .arg(qGreen(c))
                                         .arg(qBlue(c));
            QTRY_VERIFY2(label->text().startsWith(expected),
                         qPrintable(label->text() + QStringLiteral(" instead of ") + expected));
        }
    }

    // --------------------------------------------------------------------------------------------- models

    void eachImageGetsTheModelMadeForIt() {
        m_folder = std::make_unique<QTemporaryDir>();
        writeDrawnImages(m_folder->path(), 6, {320, 240}); // dermoscopy and endoscopy by turns
        const std::vector<ModelChoice> models = {
            WindowFixture::fakeModel(0, QStringLiteral("dermoscopy"), ImageKind::Dermoscopy),
            WindowFixture::fakeModel(0, QStringLiteral("polyp"), ImageKind::Endoscopy)};
        m.show(models);
        m.openFolder(m_folder->path());
        QVERIFY(m.session().modelIsAutomatic());
        const auto modelButton = [this] {
            return m.window().findChild<QToolButton*>(QStringLiteral("modelButton"));
        };
        const std::vector<ImageId> list = m.session().list();
        int polyps = 0;
        for (std::size_t i = 0; i < list.size(); ++i) {
            QTRY_VERIFY(m.session().current() == list[i] && m.painted());
            // How often the guess is right is measured in its own test.
            const bool endoscopy = guessImageKind(*m.session().pyramid()->image) == ImageKind::Endoscopy;
            const std::string expected = endoscopy ? "polyp" : "dermoscopy";
            polyps += endoscopy;
            QCOMPARE(m.document()->proposal()->model.name, expected);
            QTRY_VERIFY2(modelButton()->text().startsWith(QString::fromStdString(expected) +
                                                          QStringLiteral(" (automatic)")),
                         qPrintable(modelButton()->text()));
            if (i + 1 < list.size())
                m.key(Qt::Key_Right);
        }
        QVERIFY(polyps > 0 && polyps < static_cast<int>(list.size()));
        QCOMPARE(m.document()->proposal()->model.name, std::string("polyp"));
        keepScreenshot(m.window().grab().toImage(), QStringLiteral("automatic-model"));

        // One click for this image alone; it stays with the image.
        const auto choose = [&](const char* name) {
            Q_EMIT modelButton()->menu()->aboutToShow();
            auto* action = modelButton()->menu()->findChild<QAction*>(QLatin1String(name));
            QVERIFY2(action, name);
            action->trigger();
        };
        const ImageId last = list.back();
        choose("imageModel:dermoscopy");
        QTRY_COMPARE(m.document()->proposal()->model.name, std::string("dermoscopy"));
        QTRY_VERIFY2(modelButton()->text().startsWith(QLatin1String("dermoscopy (this image)")),
                     qPrintable(modelButton()->text()));
        m.session().waitUntilSaved(5000);
        m.close();
        m.show(models);
        m.openFolder(m_folder->path());
        m.session().show(last);
        QTRY_VERIFY(m.session().current() == last && m.painted());
        QCOMPARE(m.document()->proposal()->model.name, std::string("dermoscopy"));
        choose("imageModelAsAll");
        QTRY_COMPARE(m.document()->proposal()->model.name, std::string("polyp"));
        // For all images; and back.
        choose("model:dermoscopy");
        QTRY_COMPARE(m.document()->proposal()->model.name, std::string("dermoscopy"));
        QVERIFY(!m.session().modelIsAutomatic());
        choose("modelAutomatic");
        QTRY_COMPARE(m.document()->proposal()->model.name, std::string("polyp"));
    }
};

LIMN_GUI_TEST_MAIN(TestFeel)
#include "tst_feel.moc"
