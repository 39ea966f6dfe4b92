// SPDX-License-Identifier: GPL-3.0-or-later
// Windows, gestures and clocks of window tests.
#include "tests/gui/window_fixture.h"

#include <QFile>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace limn {

void writeDrawnImages(const QString& folder, int count, Size size) {
    for (int i = 0; i < count; ++i) {
        const DrawnImage drawn = drawImage(i % 2 == 0 ? DrawnKind::Dermoscopy : DrawnKind::Endoscopy, size,
                                           static_cast<std::uint64_t>(i + 3));
        const QImage image(drawn.image.rgb.data(), size.width, size.height, size.width * 3,
                           QImage::Format_RGB888);
        QVERIFY(image.save(QStringLiteral("%1/case-%2.png").arg(folder).arg(i + 1, 3, 10, QLatin1Char('0'))));
    }
}

double runQueueMs(int threadId) {
    const std::string path = "/proc/self/task/" + std::to_string(threadId) + "/schedstat";
    std::FILE* file = std::fopen(path.c_str(), "r");
    if (!file)
        return 0;
    unsigned long long ran = 0, waited = 0;
    const int read = std::fscanf(file, "%llu %llu", &ran, &waited);
    std::fclose(file);
    return read == 2 ? static_cast<double>(waited) / 1e6 : 0;
}

double threadProcessorMs() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double quantile(std::vector<double> values, double q) {
    if (values.empty())
        return 0;
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

// ------------------------------------------------------------------------------------------------- window

ModelChoice WindowFixture::fakeModel(int delayMs, const QString& name, ImageKind kind) {
    return {name, QString(),
            [delayMs, name]() -> Result<std::unique_ptr<Engine>> {
                return std::unique_ptr<Engine>(std::make_unique<FakeEngine>(delayMs, name.toStdString()));
            },
            kind};
}

void WindowFixture::show(std::vector<ModelChoice> models) {
    m_window = std::make_unique<MainWindow>();
    m_window->resize(1280, 800);
    m_window->move(0, 0);
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
    m_window->activateWindow(); // keys need it, and the server has no window manager
    QVERIFY(QTest::qWaitForWindowActive(m_window.get()));
    m_window->setModels(std::move(models));
}

void WindowFixture::openFolder(const QString& folder, bool waitForProposal) {
    m_window->open({folder});
    QTRY_VERIFY_WITH_TIMEOUT(session().ready() && session().painted(), 30000);
    QTRY_VERIFY_WITH_TIMEOUT(!waitForProposal || document()->proposal() != nullptr, 30000);
    canvas()->setFocus();
}

void WindowFixture::close() {
    if (m_window)
        m_window->close();
    m_window.reset();
}

void WindowFixture::press(QPoint at, Qt::KeyboardModifiers modifiers) {
    QTest::mousePress(canvas(), Qt::LeftButton, modifiers, at);
}

// QTest::mouseMove() sends no buttons.
void WindowFixture::move(QPoint at, Qt::KeyboardModifiers modifiers) {
    QMouseEvent event(QEvent::MouseMove, at, canvas()->mapToGlobal(at), Qt::NoButton, Qt::LeftButton,
                      modifiers);
    QApplication::sendEvent(canvas(), &event);
}

void WindowFixture::release(QPoint at, Qt::KeyboardModifiers modifiers) {
    QTest::mouseRelease(canvas(), Qt::LeftButton, modifiers, at);
}

void WindowFixture::stroke(const std::vector<QPoint>& points, Qt::KeyboardModifiers modifiers) {
    press(points.front(), modifiers);
    for (const QPoint& point : points)
        move(point, modifiers);
    release(points.back(), modifiers);
}

void WindowFixture::key(Qt::Key key, Qt::KeyboardModifiers modifiers) {
    QTest::keyClick(canvas(), key, modifiers);
}

// ------------------------------------------------------------------------------------------------- clocks

RendererClock::RendererClock(CanvasView* canvas) : m_canvas(canvas) {
    m_begin = QObject::connect(canvas, &QOpenGLWidget::aboutToCompose, canvas, [this] { m_clock.start(); });
    m_end = QObject::connect(canvas, &QOpenGLWidget::frameSwapped, canvas, [this] {
        if (m_clock.isValid())
            m_composedNs += m_clock.nsecsElapsed();
        m_clock.invalidate();
    });
}

EventLoopProbe::EventLoopProbe(QObject* receiver, const RendererClock& renderer) {
    const int guiThread = static_cast<int>(syscall(SYS_gettid));
    using Clock = std::chrono::steady_clock;
    m_thread = std::thread([this, receiver, &renderer, guiThread, alive = m_alive] {
        while (!m_stop) {
            std::this_thread::sleep_for(std::chrono::milliseconds(4));
            if (m_stop || m_waiting.exchange(true))
                continue;
            const Clock::time_point posted = Clock::now();
            const double queuedBefore = runQueueMs(guiThread);
            const double renderedBefore = renderer.totalMs();
            QMetaObject::invokeMethod(
                receiver,
                [this, &renderer, posted, queuedBefore, renderedBefore, guiThread, alive] {
                    if (!*alive)
                        return;
                    const double ms =
                        std::chrono::duration<double, std::milli>(Clock::now() - posted).count();
                    const double others = runQueueMs(guiThread) - queuedBefore;
                    const double rendered = renderer.totalMs() - renderedBefore;
                    m_latencies.push_back(ms);
                    m_ownLatencies.push_back(std::max(0.0, ms - others - rendered));
                    m_waiting = false;
                },
                Qt::QueuedConnection);
        }
    });
}

void EventLoopProbe::stop() {
    m_stop = true;
    if (m_thread.joinable())
        m_thread.join();
    *m_alive = false;
}

} // namespace limn
