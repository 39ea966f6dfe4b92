// SPDX-License-Identifier: GPL-3.0-or-later
// What a person feels, measured, as a table: the program's own work for each action beside what the software
// renderer adds to it, on a 4096 x 4096 image; opening, starting, memory; and how long an event waits while a
// real network runs on the processor. Run by hand on a quiet machine: the table is what to read, and a limit
// is checked here only where even a busy machine keeps it.
#include "tests/gui/gui_test.h"
#include "tests/gui/window_fixture.h"

#include "app/models/model_lookup.h"
#include "ui/panels/measure_panel.h"
#include "ui/panels/worklist_pane.h"
#include "ui/session/model_choices.h"
#include "ui/theme/application_setup.h"

#include <QAbstractButton>
#include <QComboBox>
#include <QFile>
#include <QLineEdit>
#include <QListView>
#include <QProcess>
#include <QSignalSpy>

#include <cstdio>
#include <random>

#include <unistd.h>

using namespace limn;

namespace {

class Costs {
public:
    void add(const Cost& cost) {
        m_own.push_back(cost.ownMs);
        m_renderer.push_back(cost.rendererMs);
        m_processor.push_back(cost.processorMs);
    }
    double own(double q) const { return quantile(m_own, q); }
    void print(const char* what, const char* budget) const {
        std::printf("| %-46s | %8.1f | %8.1f | %8.1f | %8.1f | %-18s |\n", what, own(0.5), own(0.95),
                    quantile(m_renderer, 0.5), quantile(m_processor, 0.5), budget);
        std::fflush(stdout);
    }

private:
    std::vector<double> m_own, m_renderer, m_processor;
};

void printOne(const char* what, double median, double high, const char* budget) {
    std::printf("| %-46s | %8.1f | %8.1f | %8s | %8s | %-18s |\n", what, median, high, "", "", budget);
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

// Noise-free colour ramps: decoding is not what is measured.
QImage ramps(Size size) {
    QImage image(size.width, size.height, QImage::Format_RGB888);
    for (int y = 0; y < size.height; ++y) {
        std::uint8_t* p = image.scanLine(y);
        for (int x = 0; x < size.width; ++x, p += 3) {
            p[0] = static_cast<std::uint8_t>(x >> 4);
            p[1] = static_cast<std::uint8_t>(y >> 4);
            p[2] = 120;
        }
    }
    return image;
}

} // namespace

class TestBars : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder;
    WindowFixture m;

    void printHead(const char* what) {
        std::printf("| %-46s | %8s | %8s | %8s | %8s | %-18s |\n", what, "own, med", "own, 95%", "renderer",
                    "cpu time", "budget (own)");
    }

    // Three images of 4096 x 4096, the first with its outline on the screen.
    void openLarge() {
        const QImage image = ramps({4096, 4096});
        for (const char* name : {"a.bmp", "b.bmp", "c.bmp"})
            QVERIFY(image.save(m_folder->filePath(QLatin1String(name))));
        m.show({WindowFixture::fakeModel(0)});
        m.openFolder(m_folder->path());
        m.session().setUsesProposalFirst(false);
        m.session().setPersonName(QStringLiteral("Bench"));
        QTest::qWait(1500);
    }

private Q_SLOTS:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }
    void cleanup() {
        m.close();
        m_folder.reset();
    }

    void start() {
        const QString program = QCoreApplication::applicationDirPath() + QStringLiteral("/../../bin/limn");
        if (!QFile::exists(program))
            QSKIP("the program limn is not built");
        writeDrawnImages(m_folder->path(), 3, {1024, 768});
        printHead("start, ms");
        for (const bool folder : {false, true}) {
            std::vector<double> times;
            for (int i = 0; i < 6; ++i) {
                QProcess process;
                process.start(program, folder ? QStringList{QStringLiteral("--print-start"), m_folder->path()}
                                              : QStringList{QStringLiteral("--print-start")});
                QVERIFY(process.waitForFinished(60000));
                const double ms = process.readAllStandardOutput().trimmed().toDouble();
                QVERIFY(ms > 0);
                if (i > 0) // the first reads the libraries from the disk
                    times.push_back(ms);
            }
            printOne(folder ? "process begins, to a window with a folder" : "process begins, to a window",
                     quantile(times, 0.5), quantile(times, 1.0), "1500");
        }
    }

    void workPerEvent() {
        openLarge();
        RendererClock renderer(m.canvas());
        printHead("4096 x 4096, ms");

        for (const double zoom : {0.0, 1.0}) {
            const bool fit = zoom == 0;
            if (!fit)
                m.canvas()->zoomTo(zoom);
            QTest::qWait(200);
            m.window().toolSettings().brushPx = 500;
            Costs brush;
            m.press({300, 200});
            QCoreApplication::processEvents();
            for (int i = 0; i < 120; ++i)
                brush.add(costOf(renderer, [&] { m.move({300 + i * 3, 200 + (i * 7) % 160}); }));
            m.release({500, 300});
            QTest::qWait(400);
            brush.print(fit ? "brush 500 px, fit" : "brush 500 px, 100 %", "16, 95 %: 33");
            Costs undo, redo;
            for (int i = 0; i < 12; ++i) {
                undo.add(costOf(renderer, [&] { m.key(Qt::Key_Z, Qt::ControlModifier); }));
                QTest::qWait(30);
                redo.add(costOf(renderer, [&] { m.key(Qt::Key_Y, Qt::ControlModifier); }));
                QTest::qWait(30);
            }
            undo.print(fit ? "undo of it, fit" : "undo of it, 100 %", "30");
            redo.print(fit ? "redo of it, fit" : "redo of it, 100 %", "30");
            Costs threshold;
            for (int i = 0; i < 40; ++i)
                threshold.add(costOf(
                    renderer, [&] { m.document()->setThreshold(0.3f + 0.01f * static_cast<float>(i)); }));
            threshold.print(fit ? "threshold step, fit" : "threshold step, 100 %", "16");
            QVERIFY2(brush.own(0.5) < 100 && threshold.own(0.5) < 100, "an event takes far too long");
        }
        m.canvas()->fit();
        QTest::qWait(200);
        Costs color, style, bare, heat, pan, zoom;
        for (int i = 0; i < 20; ++i) {
            color.add(costOf(renderer, [&] {
                Label label = m.document()->labelTable().front();
                label.color.red = static_cast<std::uint8_t>(i * 10);
                (void)m.document()->setLabel(label).ok();
            }));
        }
        color.print("label colour", "16");
        for (int i = 0; i < 21; ++i)
            style.add(costOf(
                renderer, [&] { m.window().commands().action(QStringLiteral("outlineStyle"))->trigger(); }));
        style.print("outline, fill and opacity", "16");
        for (int i = 0; i < 20; ++i) {
            bare.add(costOf(renderer, [&] { QTest::keyPress(m.canvas(), Qt::Key_H); }));
            bare.add(costOf(renderer, [&] { QTest::keyRelease(m.canvas(), Qt::Key_H); }));
        }
        bare.print("hold H", "16");
        for (int i = 0; i < 10; ++i)
            heat.add(costOf(renderer, [&] { m.key(Qt::Key_V); }));
        heat.print("probability layer on, off", "16");
        m.canvas()->zoomTo(1.0);
        for (int i = 0; i < 30; ++i) {
            pan.add(costOf(renderer, [&] {
                ViewTransform view = m.canvas()->view();
                view.panBy({i % 2 == 0 ? 57.0 : -43.0, 31});
                m.canvas()->setView(view);
            }));
            zoom.add(costOf(renderer, [&] {
                ViewTransform view = m.canvas()->view();
                view.zoomBy(i % 8 < 4 ? 1.19 : 1 / 1.19, {300, 300});
                m.canvas()->setView(view);
            }));
        }
        pan.print("pan", "16");
        zoom.print("zoom by a notch", "16");
    }

    void largeSteps() {
        openLarge();
        RendererClock renderer(m.canvas());
        printHead("4096 x 4096, ms");
        // The heaviest step that can be made: every second pixel of the image by chance.
        {
            LabelMap noise(m.document()->size());
            std::mt19937 random(5);
            for (std::uint8_t& v : noise.labels)
                v = random() & 1;
            Costs imported;
            imported.add(costOf(renderer, [&] { (void)m.document()->import(noise).ok(); }));
            imported.print("import of noise over all", "50");
            QTest::qWait(2500);
            // Twice: with the step before still being written to the disk, and at leisure.
            for (const bool busy : {true, false}) {
                Costs undo, redo;
                const auto pause = [&] {
                    if (!busy)
                        QVERIFY(m.session().waitUntilSaved(20000).waiting == 0);
                    QTest::qWait(300);
                };
                for (int i = 0; i < 8; ++i) {
                    pause();
                    undo.add(costOf(renderer, [&] { m.document()->undo(); }));
                    pause();
                    redo.add(costOf(renderer, [&] { m.document()->redo(); }));
                }
                undo.print(busy ? "undo of noise over all, the last step not saved"
                                : "undo of noise over all",
                           "30");
                redo.print(busy ? "redo of it, the last step not saved yet"
                                : "redo of it (noise is drawn again)",
                           "30");
            }
            m.document()->undo();
            QTest::qWait(1000);
        }
        // A large smooth area, which is what people make.
        {
            Costs first, undo, redo;
            first.add(costOf(renderer, [&] { m.key(Qt::Key_U); }));
            first.print("\"use proposal\" by its key", "50");
            QTest::qWait(800);
            for (int i = 0; i < 8; ++i) {
                undo.add(costOf(renderer, [&] { m.key(Qt::Key_Z, Qt::ControlModifier); }));
                QTest::qWait(60);
                redo.add(costOf(renderer, [&] { m.key(Qt::Key_Y, Qt::ControlModifier); }));
                QTest::qWait(60);
            }
            undo.print("undo of \"use proposal\"", "30");
            redo.print("redo of \"use proposal\"", "30");
        }
        {
            std::vector<double> preview, commit;
            const auto pressToPreview = [&] {
                QElapsedTimer clock;
                clock.start();
                m.press({400, 300});
                while (m.canvas()->overlay().layers().size() < 3 && clock.elapsed() < 5000)
                    QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
                return milliseconds(clock);
            };
            m.key(Qt::Key_W);
            QTest::qWait(700); // to the first press, as a hand needs
            for (int i = 0; i < 6; ++i) {
                preview.push_back(pressToPreview());
                QElapsedTimer clock;
                clock.start();
                m.release({400, 300});
                while (m.session().editPending() && clock.elapsed() < 5000)
                    QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
                commit.push_back(milliseconds(clock));
                m.key(Qt::Key_Z, Qt::ControlModifier);
                QTest::qWait(200);
            }
            printOne("wand: first press to preview on the screen", preview.front(), preview.front(), "100");
            printOne("wand: later presses", quantile(preview, 0.5), quantile(preview, 1.0), "100");
            printOne("wand: release to the edit", quantile(commit, 0.5), quantile(commit, 1.0), "1000");
            m.key(Qt::Key_B);
            m.key(Qt::Key_Right);
            QTRY_VERIFY_WITH_TIMEOUT(m.painted(), 10000);
            QTest::qWait(1000);
            m.key(Qt::Key_W);
            const double atOnce = pressToPreview();
            printOne("wand: chosen and pressed at once", atOnce, atOnce, "");
            m.release({400, 300});
            m.key(Qt::Key_B);
        }
    }

    void nextImage() {
        openLarge();
        const double memory = residentMb();
        printHead("4096 x 4096, ms");
        std::vector<double> next;
        for (int i = 0; i < 8; ++i) {
            QTest::qWait(1200);
            QElapsedTimer clock;
            clock.start();
            m.key(i % 4 < 2 ? Qt::Key_Right : Qt::Key_Left);
            while (!m.session().painted() && clock.elapsed() < 5000)
                QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
            next.push_back(milliseconds(clock));
        }
        printOne("next image, prefetched, image and outline", quantile(next, 0.5), quantile(next, 1.0),
                 "100");
        printOne("memory, MB, one image of 4096 x 4096 shown", memory, residentMb(), "");
    }

    // Figures of what was drawn follow the stroke's end.
    void figures() {
        openLarge();
        m.key(Qt::Key_U);
        m.window().toolSettings().brushPx = 500;
        auto* panel = m.window().findChild<MeasurePanel*>();
        std::vector<double> times;
        for (int i = 0; i < 10; ++i) {
            QTest::qWait(300);
            QSignalSpy measured(panel, &MeasurePanel::measured);
            m.press(m.at(500 + 300 * i, 700));
            m.move(m.at(600 + 300 * i, 900));
            m.release(m.at(600 + 300 * i, 900));
            QElapsedTimer clock;
            clock.start();
            while (measured.isEmpty() && clock.elapsed() < 5000)
                QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
            times.push_back(milliseconds(clock));
        }
        printHead("4096 x 4096, ms");
        printOne("stroke's end to its figures", quantile(times, 0.5), quantile(times, 1.0), "100");
    }

    // A list of 10,000 images: one file, by many names.
    void longList() {
        constexpr int kImages = 10000;
        writeDrawnImages(m_folder->path(), 1, {320, 240});
        const QByteArray first = m_folder->filePath(QStringLiteral("case-001.png")).toUtf8();
        for (int i = 2; i <= kImages; ++i) {
            const QByteArray next =
                m_folder->filePath(QStringLiteral("case-%1.png").arg(i, 5, 10, QLatin1Char('0'))).toUtf8();
            QCOMPARE(::link(first.constData(), next.constData()), 0);
        }
        m.show({WindowFixture::fakeModel(0)});
        m.openFolder(m_folder->path());
        QTRY_COMPARE_WITH_TIMEOUT(m.session().list().size(), std::size_t(kImages), 60000);
        QTRY_VERIFY_WITH_TIMEOUT(!m.session().project()->isScanning(), 240000);
        QTest::qWait(2000);
        const auto timed = [](auto act) {
            QElapsedTimer clock;
            clock.start();
            act();
            QCoreApplication::processEvents();
            return milliseconds(clock);
        };
        std::vector<double> sorts, filters;
        auto* order = m.window().findChild<QComboBox*>(QStringLiteral("worklistOrder"));
        for (int i = 1; i <= order->count(); ++i) {
            order->setCurrentIndex(i % order->count());
            sorts.push_back(timed([&] { Q_EMIT order->activated(i % order->count()); }));
        }
        auto* search = m.window().findChild<QLineEdit*>(QStringLiteral("worklistSearch"));
        for (const char* text : {"case-0", "case-00", "77", ""})
            filters.push_back(timed([&] { search->setText(QLatin1String(text)); }));
        for (const char* chip : {"chipTodo", "chipAll"})
            filters.push_back(
                timed([&] { m.window().findChild<QAbstractButton*>(QLatin1String(chip))->click(); }));
        printHead("10,000 images, ms");
        printOne("sort", quantile(sorts, 0.5), quantile(sorts, 1.0), "100");
        printOne("filter", quantile(filters, 0.5), quantile(filters, 1.0), "100");
        auto* grid = m.window().findChild<QListView*>(QStringLiteral("grid"));
        auto* model = qobject_cast<WorklistModel*>(grid->model());
        const auto allThere = [&] {
            for (int row = 0; row < model->rowCount(); ++row) {
                const QRect place = grid->visualRect(model->index(row));
                if (place.top() > grid->viewport()->height())
                    break;
                if (place.bottom() >= 0 && model->thumbnailAt(row).width() <= 1)
                    return false;
            }
            return true;
        };
        QElapsedTimer clock;
        clock.start();
        m.window().commands().action(QStringLiteral("grid"))->setChecked(true);
        do {
            QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
        } while (!allThere() && clock.elapsed() < 10000);
        const double shown = milliseconds(clock);
        printOne("grid, every picture in view", shown, shown, "1000");
    }

    void openAPhotograph() {
        const Size size{4000, 3000};
        const DrawnImage drawn = drawImage(DrawnKind::Dermoscopy, size, 9);
        const QImage image(drawn.image.rgb.data(), size.width, size.height, size.width * 3,
                           QImage::Format_RGB888);
        // Enough of them that the shown one is never a neighbour of the one before.
        for (int i = 0; i < 25; ++i)
            QVERIFY(image.save(m_folder->filePath(QStringLiteral("%1.jpg").arg(i, 2, 10, QLatin1Char('0'))),
                               "JPEG", 92));
        m.show({WindowFixture::fakeModel(0)});
        m.openFolder(m_folder->path());
        QTRY_COMPARE_WITH_TIMEOUT(m.session().list().size(), std::size_t(25), 20000);
        QTest::qWait(4000);
        const std::vector<ImageId> list = m.session().list();
        std::vector<double> decoded, first, whole;
        for (const std::size_t at : {5u, 10u, 15u, 20u, 24u, 12u, 7u, 17u, 22u, 2u}) {
            QElapsedTimer clock;
            double ready = 0, seen = 0, complete = 0;
            QObject listener;
            connect(&m.session(), &ReviewSession::imageReady, &listener,
                    [&] { ready = milliseconds(clock); });
            connect(m.canvas(), &CanvasView::imagePainted, &listener, [&] {
                if (seen == 0)
                    seen = milliseconds(clock);
                if (m.canvas()->image() == m.session().pyramid())
                    complete = milliseconds(clock);
            });
            clock.start();
            m.session().show(list[at]);
            while (complete == 0 && clock.elapsed() < 10000)
                QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
            QVERIFY(complete > 0);
            decoded.push_back(ready);
            first.push_back(seen);
            whole.push_back(complete);
            QTest::qWait(1500);
        }
        printHead("12-megapixel JPEG, ms");
        printOne("not prefetched, to first pixels, renderer too", quantile(first, 0.5), quantile(first, 0.95),
                 "150");
        printOne("the same, until the whole image is decoded", quantile(decoded, 0.5),
                 quantile(decoded, 0.95), "");
        printOne("the same, until the whole image is shown", quantile(whole, 0.5), quantile(whole, 0.95),
                 "1000");
    }

    void eventsWhileANetworkRuns() {
        std::vector<ModelChoice> models = findModelChoices(QStringLiteral("cpu"));
        if (models.empty())
            QSKIP("no model file is installed");
        models.resize(1);
        writeDrawnImages(m_folder->path(), 4, {1024, 768});
        m.show(models);
        PredictOptions options;
        options.inputSize = 1024; // some seconds of full load
        m.session().setPredictOptions(options);
        m.openFolder(m_folder->path(), false);
        QTRY_VERIFY_WITH_TIMEOUT(m.session().modelInfo().has_value(), 60000);
        m.session().runProposal();
        RendererClock renderer(m.canvas());
        QVERIFY(m.session().proposalPending());
        EventLoopProbe probe(m.canvas(), renderer);
        QElapsedTimer clock;
        clock.start();
        Costs moves;
        for (int i = 0; clock.elapsed() < 6000 && (m.session().proposalPending() || clock.elapsed() < 1500);
             ++i) {
            QTest::mouseMove(m.canvas(), {200 + i % 300, 300});
            QTest::qWait(16);
        }
        const double ran = milliseconds(clock);
        probe.stop();
        const bool stillRunning = m.session().proposalPending();
        clock.start();
        m.session().cancelRuns();
        while (m.session().proposalProgress().running && clock.elapsed() < 10000)
            QCoreApplication::processEvents(QEventLoop::AllEvents, 2);
        const double cancelled = milliseconds(clock);
        printHead("a network on the processor, ms");
        printOne("event waits (own), a 1024 px proposal runs", quantile(probe.ownLatencies(), 0.5),
                 quantile(probe.ownLatencies(), 0.95), "95 %: 16");
        printOne("event waits (all), a 1024 px proposal runs", quantile(probe.latencies(), 0.5),
                 quantile(probe.latencies(), 0.95), "95 %: 16");
        printOne("the longest of them (own, all)", quantile(probe.ownLatencies(), 1.0),
                 quantile(probe.latencies(), 1.0), "50");
        if (stillRunning)
            printOne("cancel, until the network has stopped", cancelled, cancelled, "100");
        std::printf("(%zu events in %.0f ms of computing)\n", probe.latencies().size(), ran);
        QVERIFY(probe.latencies().size() > 50);
    }
};

LIMN_GUI_TEST_MAIN(TestBars)
#include "bench_window.moc"
