// SPDX-License-Identifier: GPL-3.0-or-later
// What a person feels, measured: own work per event on a 4096 x 4096 image, printed as a table beside the
// software renderer's frame; the event loop while a slow model runs; and a long sitting whose memory stays
// flat. Limits here are wide, since machines that test may be busy; the table is what to read.
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"

#include "io/core/drawn_image.h"
#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QFile>
#include <QMouseEvent>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include <unistd.h>

using namespace limn;

namespace {

class Times {
public:
    void add(double ms) { m_ms.push_back(ms); }
    double quantile(double q) {
        std::sort(m_ms.begin(), m_ms.end());
        return m_ms.empty() ? 0.0 : m_ms[static_cast<std::size_t>(q * static_cast<double>(m_ms.size() - 1))];
    }
    std::size_t count() const { return m_ms.size(); }

private:
    std::vector<double> m_ms;
};

void printRow(const char* what, Times& times, const char* budget) {
    std::printf("| %-44s | %7.1f | %7.1f | %-22s |\n", what, times.quantile(0.5), times.quantile(0.95),
                budget);
    std::fflush(stdout);
}

double milliseconds(const QElapsedTimer& clock) {
    return static_cast<double>(clock.nsecsElapsed()) / 1e6;
}

double residentMb() {
    QFile file(QStringLiteral("/proc/self/statm"));
    if (!file.open(QIODevice::ReadOnly))
        return 0;
    return file.readAll().split(' ').at(1).toDouble() * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

void saveImage(const QString& path, const std::vector<std::uint8_t>& rgb, Size size) {
    const QImage image(rgb.data(), size.width, size.height, size.width * 3, QImage::Format_RGB888);
    QVERIFY(image.save(path));
}

} // namespace

class TestBars : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<MainWindow> m_window;

    CanvasView* canvas() const { return &m_window->canvas(); }
    AnnotationDocument* document() const { return m_window->session().document(); }

    void open(int delayMs) {
        m_window = std::make_unique<MainWindow>();
        m_window->resize(1280, 800);
        m_window->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
        m_window->activateWindow(); // keys need it, and the server has no window manager
        QVERIFY(QTest::qWaitForWindowActive(m_window.get()));
        m_window->setModels(
            {{QStringLiteral("drawn-disc"), QString(), [delayMs]() -> Result<std::unique_ptr<Engine>> {
                  return std::unique_ptr<Engine>(std::make_unique<FakeEngine>(delayMs));
              }}});
        m_window->session().setUsesProposalFirst(false);
        m_window->open({m_folder->path()});
        QTRY_VERIFY_WITH_TIMEOUT(m_window->session().ready(), 20000);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->session().painted(), 20000);
        canvas()->setFocus();
    }
    // One move of the pressed pointer with everything that it makes the program do, painting included.
    double moveTo(QPoint at) {
        QElapsedTimer clock;
        clock.start();
        QMouseEvent move(QEvent::MouseMove, at, canvas()->mapToGlobal(at), Qt::NoButton, Qt::LeftButton, {});
        QApplication::sendEvent(canvas(), &move);
        const double edit = milliseconds(clock);
        QCoreApplication::processEvents();
        return edit + canvas()->lastOverlayMs();
    }

private Q_SLOTS:
    void cleanup() {
        if (m_window)
            m_window->close();
        m_window.reset();
        m_folder.reset();
    }

    void workPerEvent() {
        m_folder = std::make_unique<QTemporaryDir>();
        const Size size{4096, 4096};
        // Noise-free colour ramps: decoding is not what is measured.
        std::vector<std::uint8_t> rgb(size.pixels() * 3);
        for (int y = 0; y < size.height; ++y) {
            for (int x = 0; x < size.width; ++x) {
                std::uint8_t* p = rgb.data() + (static_cast<std::size_t>(y) * size.width + x) * 3;
                p[0] = static_cast<std::uint8_t>(x >> 4);
                p[1] = static_cast<std::uint8_t>(y >> 4);
                p[2] = 120;
            }
        }
        saveImage(m_folder->filePath(QStringLiteral("a.bmp")), rgb, size);
        saveImage(m_folder->filePath(QStringLiteral("b.bmp")), rgb, size);
        open(0);
        QTRY_VERIFY_WITH_TIMEOUT(document() && document()->proposal(), 20000);
        std::printf("| %-44s | %7s | %7s | %-22s |\n", "own work, ms (4096 x 4096)", "median", "95 %",
                    "budget");

        for (const double zoom : {0.0, 1.0}) {
            if (zoom > 0)
                canvas()->zoomTo(zoom);
            m_window->toolSettings().brushPx = 500;
            Times brush, undo, redo;
            QTest::mousePress(canvas(), Qt::LeftButton, {}, {300, 200});
            for (int i = 0; i < 120; ++i)
                brush.add(moveTo({300 + i * 3, 200 + (i * 7) % 160}));
            QTest::mouseRelease(canvas(), Qt::LeftButton, {}, {500, 300});
            printRow(zoom > 0 ? "brush 500 px, pointer to pixel, 100 %"
                              : "brush 500 px, pointer to pixel, fit",
                     brush, "16, 95 %: 33");
            for (int i = 0; i < 10; ++i) {
                QElapsedTimer clock;
                clock.start();
                document()->undo();
                QCoreApplication::processEvents();
                undo.add(milliseconds(clock));
                clock.start();
                document()->redo();
                QCoreApplication::processEvents();
                redo.add(milliseconds(clock));
            }
            printRow(zoom > 0 ? "undo, painted, 100 %" : "undo, painted, fit", undo, "30");
            printRow(zoom > 0 ? "redo, painted, 100 %" : "redo, painted, fit", redo, "30");
            Times threshold;
            for (int i = 0; i < 40; ++i) {
                QElapsedTimer clock;
                clock.start();
                document()->setThreshold(0.3f + 0.01f * static_cast<float>(i));
                const double set = milliseconds(clock);
                QCoreApplication::processEvents();
                threshold.add(set + canvas()->lastOverlayMs());
            }
            printRow(zoom > 0 ? "threshold step, 100 %" : "threshold step, fit", threshold, "16");
            QVERIFY2(brush.quantile(0.5) < 100, "a brush event takes far too long");
            QVERIFY2(threshold.quantile(0.5) < 150, "a threshold step takes far too long");
        }
        Times color;
        for (int i = 0; i < 20; ++i) {
            QElapsedTimer clock;
            clock.start();
            Label label = document()->labelTable().front();
            label.color.red = static_cast<std::uint8_t>(i * 10);
            QVERIFY(document()->setLabel(label).ok());
            const double set = milliseconds(clock);
            QCoreApplication::processEvents();
            color.add(set + canvas()->lastOverlayMs());
        }
        printRow("label colour", color, "16");
        Times frame;
        for (int i = 0; i < 20; ++i) {
            ViewTransform view = canvas()->view();
            view.panBy({i % 2 == 0 ? 7.0 : -7.0, 3});
            canvas()->setView(view);
            QTest::qWait(5);
            frame.add(canvas()->lastFrameMs());
        }
        printRow("VTK's frame, software renderer", frame, "(not counted)");
        Times next;
        for (int i = 0; i < 6; ++i) {
            QTest::qWait(300);
            QElapsedTimer clock;
            clock.start();
            m_window->session().step(i % 2 == 0 ? 1 : -1);
            while (!m_window->session().painted() && clock.elapsed() < 5000)
                QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
            next.add(milliseconds(clock));
        }
        printRow("next image, prefetched, to image and outline", next, "100");
    }

    void theEventLoopGoesOnWhileTheModelRuns() {
        m_folder = std::make_unique<QTemporaryDir>();
        for (int i = 0; i < 4; ++i) {
            const DrawnImage drawn =
                drawImage(DrawnKind::Dermoscopy, {640, 480}, static_cast<std::uint64_t>(i));
            saveImage(m_folder->filePath(QStringLiteral("%1.png").arg(i)), drawn.image.rgb, drawn.image.size);
        }
        open(2000);
        QVERIFY(m_window->session().proposalPending());
        Times gaps;
        QElapsedTimer total;
        total.start();
        QElapsedTimer gap;
        while (total.elapsed() < 1500) {
            gap.start();
            QTest::mouseMove(canvas(), {200 + static_cast<int>(total.elapsed() / 10), 300});
            QCoreApplication::processEvents(QEventLoop::AllEvents, 1);
            gaps.add(milliseconds(gap));
            QTest::qSleep(1);
        }
        printRow("event loop's pause while a model runs", gaps, "95 %: 16");
        QVERIFY(m_window->session().proposalPending());
        // A stroke drawn meanwhile is whole.
        QTest::mousePress(canvas(), Qt::LeftButton, {}, {300, 300});
        moveTo({400, 300});
        QTest::mouseRelease(canvas(), Qt::LeftButton, {}, {400, 300});
        QCOMPARE(document()->history().undoCount(), std::size_t(1));
    }

    void aLongSittingStaysFlat() {
        const int images = qEnvironmentVariableIntValue("LIMN_SOAK_IMAGES") > 0
                               ? qEnvironmentVariableIntValue("LIMN_SOAK_IMAGES")
                               : 120;
        m_folder = std::make_unique<QTemporaryDir>();
        const DrawnImage drawn = drawImage(DrawnKind::Dermoscopy, {480, 360}, 5);
        for (int i = 0; i < images; ++i)
            saveImage(m_folder->filePath(QStringLiteral("case-%1.png").arg(i, 4, 10, QLatin1Char('0'))),
                      drawn.image.rgb, drawn.image.size);
        open(0);
        QTRY_COMPARE_WITH_TIMEOUT(m_window->session().list().size(), static_cast<std::size_t>(images), 30000);
        double early = 0;
        for (int i = 0; i < images; ++i) {
            QTRY_VERIFY_WITH_TIMEOUT(m_window->session().painted() && document() && document()->proposal(),
                                     10000);
            for (int stroke = 0; stroke < 3; ++stroke) {
                QTest::mousePress(canvas(), Qt::LeftButton, {}, {250, 250 + stroke * 40});
                moveTo({320, 260 + stroke * 40});
                QTest::mouseRelease(canvas(), Qt::LeftButton, {}, {380, 250 + stroke * 40});
            }
            QTest::keyClick(canvas(), Qt::Key_Z, Qt::ControlModifier);
            const ImageId id = m_window->session().current();
            QTest::keyClick(canvas(), Qt::Key_A);
            QTRY_COMPARE(m_window->session().record(id)->state, ReviewState::Accepted);
            if (i == images / 3)
                early = residentMb();
        }
        const double late = residentMb();
        std::printf("soak: %d images, %.0f MB after a third, %.0f MB at the end\n", images, early, late);
        QVERIFY2(late < early * 1.25 + 40, qPrintable(QStringLiteral("%1 MB to %2 MB").arg(early).arg(late)));
        m_window->session().waitUntilSaved(10000);
        QCOMPARE(m_window->session().project()->worklist().counts().byState[4],
                 static_cast<std::size_t>(images));
    }
};

LIMN_GUI_TEST_MAIN(TestBars)
#include "bench_window.moc"
