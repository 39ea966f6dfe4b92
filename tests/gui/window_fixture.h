// SPDX-License-Identifier: GPL-3.0-or-later
// What tests and measurements of the whole window share: drawn folders, a window on them with engines of the
// test, gestures with real events, and clocks that tell own work from the software renderer's and from time
// that the machine gave to others.
#pragma once

#include "app/document/annotation_document.h"
#include "io/core/drawn_image.h"
#include "tests/gui/fake_engine.h"
#include "ui/canvas/canvas_view.h"
#include "ui/window/main_window.h"

#include <QApplication>
#include <QElapsedTimer>
#include <QMouseEvent>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace limn {

// DIR/case-001.png and so on, of alternating kinds.
void writeDrawnImages(const QString& folder, int count, Size size);

// Milliseconds in which the thread was ready to run and the processor was given to another.
double runQueueMs(int threadId);

class WindowFixture {
public:
    // An empty window with these models, on the screen and active.
    void show(std::vector<ModelChoice> models);
    // Opens the folder and waits until its first image with its outline is on the screen (without an
    // outline when the engine is slow).
    void openFolder(const QString& folder, bool waitForProposal = true);
    void close();

    static ModelChoice fakeModel(int delayMs, const QString& name = QStringLiteral("drawn-disc"),
                                 ImageKind kind = ImageKind::Unknown);

    MainWindow& window() const { return *m_window; }
    ReviewSession& session() const { return m_window->session(); }
    CanvasView* canvas() const { return &m_window->canvas(); }
    AnnotationDocument* document() const { return session().document(); }
    bool painted() const { return session().painted() && document() && document()->proposal(); }
    QPoint at(double x, double y) const {
        return (canvas()->view().toDevice(QPointF(x, y)) / canvas()->devicePixelRatioF()).toPoint();
    }
    void press(QPoint at, Qt::KeyboardModifiers modifiers = {});
    void move(QPoint at, Qt::KeyboardModifiers modifiers = {});
    void release(QPoint at, Qt::KeyboardModifiers modifiers = {});
    void stroke(const std::vector<QPoint>& points, Qt::KeyboardModifiers modifiers = {});
    void key(Qt::Key key, Qt::KeyboardModifiers modifiers = {});

private:
    std::unique_ptr<MainWindow> m_window;
};

// Time that Qt and VTK spend on rendering, as counted by the two canvases' signals. GUI thread; the sum may
// be read anywhere.
class RendererClock {
public:
    explicit RendererClock(CanvasView* canvas);
    ~RendererClock() {
        QObject::disconnect(m_begin);
        QObject::disconnect(m_end);
    }
    double totalMs() const {
        return static_cast<double>(m_composedNs.load()) / 1e6 + m_canvas->totalFrameMs();
    }

private:
    CanvasView* m_canvas;
    QElapsedTimer m_clock;
    std::atomic<qint64> m_composedNs{0};
    QMetaObject::Connection m_begin, m_end;
};

// One action: what it cost in all, of that the program's own work, and of that the renderer's.
struct Cost {
    double ownMs = 0;
    double rendererMs = 0;
    double processorMs = 0; // of the GUI thread, renderer's calls included
};
// Runs it, and the events that it leaves, until the loop has nothing more to do at once.
template<typename Action>
Cost costOf(const RendererClock& renderer, Action action);

double threadProcessorMs();

template<typename Action>
Cost costOf(const RendererClock& renderer, Action action) {
    const double rendererBefore = renderer.totalMs();
    const double processorBefore = threadProcessorMs();
    QElapsedTimer clock;
    clock.start();
    action();
    QCoreApplication::processEvents();
    Cost cost;
    const double all = static_cast<double>(clock.nsecsElapsed()) / 1e6;
    cost.rendererMs = renderer.totalMs() - rendererBefore;
    cost.ownMs = std::max(0.0, all - cost.rendererMs);
    cost.processorMs = threadProcessorMs() - processorBefore;
    return cost;
}

// How long an event waits until it is handled, probed every few milliseconds from another thread.
class EventLoopProbe {
public:
    EventLoopProbe(QObject* receiver, const RendererClock& renderer);
    ~EventLoopProbe() { stop(); }
    void stop();
    // All of them in ms: as measured; and without the software renderer and what the machine gave to others.
    const std::vector<double>& latencies() const { return m_latencies; }
    const std::vector<double>& ownLatencies() const { return m_ownLatencies; }

private:
    std::atomic<bool> m_stop{false};
    std::atomic<bool> m_waiting{false};
    std::vector<double> m_latencies; // GUI thread
    std::vector<double> m_ownLatencies;
    std::shared_ptr<bool> m_alive = std::make_shared<bool>(true);
    std::thread m_thread;
};

double quantile(std::vector<double> values, double q);

} // namespace limn
