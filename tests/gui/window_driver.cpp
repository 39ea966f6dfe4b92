// SPDX-License-Identifier: GPL-3.0-or-later
// Hands of the window tests.
#include "tests/gui/window_driver.h"

#include "io/core/drawn_image.h"
#include "io/store/project_store.h"
#include "tests/gui/fake_engine.h"
#include "tests/gui/gui_test.h"
#include "ui/canvas/canvas_view.h"

#include <QApplication>
#include <QSettings>
#include <QTest>

namespace limn {

void WindowDriver::drawImages(const QString& folder, int count, Size size) {
    for (int i = 0; i < count; ++i) {
        const DrawnImage drawn = drawImage(i % 2 == 0 ? DrawnKind::Dermoscopy : DrawnKind::Endoscopy, size,
                                           static_cast<std::uint64_t>(i + 3));
        const QImage image(drawn.image.rgb.data(), size.width, size.height, size.width * 3,
                           QImage::Format_RGB888);
        QVERIFY(image.save(QStringLiteral("%1/case-%2.png").arg(folder).arg(i + 1, 3, 10, QLatin1Char('0'))));
    }
}

QString WindowDriver::sharedFolder() {
    return qEnvironmentVariable("LIMN_SHARED_DIR", QStringLiteral(LIMN_SHARED_DIR));
}

ModelChoice WindowDriver::discModel(int delayMs) {
    return {QStringLiteral("drawn-disc"), QString(), [delayMs]() -> Result<std::unique_ptr<Engine>> {
                return std::unique_ptr<Engine>(std::make_unique<FakeEngine>(delayMs));
            }};
}

void WindowDriver::beginTest() {
    QSettings().clear();
    QSettings().setValue(QStringLiteral("person"), QStringLiteral("Ana"));
}

void WindowDriver::endTest() {
    closeWindow();
    m_folder.reset();
}

void WindowDriver::open(int images, Size size, int delayMs) {
    m_folder = std::make_unique<QTemporaryDir>();
    drawImages(m_folder->path(), images, size);
    openFolder(delayMs);
}

void WindowDriver::openFolder(int delayMs) {
    showWindow();
    m_window->setModels({discModel(delayMs)});
    m_window->open({m_folder->path()});
    QTRY_VERIFY_WITH_TIMEOUT(session().ready(), 10000);
    QTRY_VERIFY_WITH_TIMEOUT(delayMs > 0 || document()->proposal() != nullptr, 10000);
    QTRY_VERIFY_WITH_TIMEOUT(session().painted(), 10000);
    canvas()->setFocus();
}

void WindowDriver::showWindow(QSize size) {
    m_window = std::make_unique<MainWindow>();
    m_window->resize(size);
    m_window->move(0, 0);
    m_window->show();
    QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
    m_window->activateWindow(); // keys need it, and the server has no window manager
    QVERIFY(QTest::qWaitForWindowActive(m_window.get()));
}

void WindowDriver::closeWindow() {
    if (m_window)
        m_window->close();
    m_window.reset();
}

QPoint WindowDriver::at(double x, double y) const {
    return (canvas()->view().toDevice(QPointF(x, y)) / canvas()->devicePixelRatioF()).toPoint();
}

void WindowDriver::drag(const QList<QPointF>& points, Qt::KeyboardModifiers modifiers,
                        Qt::MouseButton button) {
    QTest::mousePress(canvas(), button, modifiers, at(points.first().x(), points.first().y()));
    for (const QPointF& p : points) {
        // QTest::mouseMove sends no buttons.
        const QPoint local = at(p.x(), p.y());
        QMouseEvent move(QEvent::MouseMove, local, canvas()->mapToGlobal(local), Qt::NoButton, button,
                         modifiers);
        QApplication::sendEvent(canvas(), &move);
    }
    QTest::mouseRelease(canvas(), button, modifiers, at(points.last().x(), points.last().y()));
}

void WindowDriver::key(Qt::Key k, Qt::KeyboardModifiers modifiers) {
    QWidget* focus = QApplication::focusWidget();
    QTest::keyClick(focus ? focus : static_cast<QWidget*>(canvas()), k, modifiers);
    QCoreApplication::processEvents();
}

bool WindowDriver::decidable() const {
    return session().ready() && session().painted() && document() && document()->proposal();
}

LabelMap WindowDriver::stored(ImageId id) {
    session().waitUntilSaved(5000);
    StoreOptions reading;
    reading.create = false;
    reading.readOnly = true;
    auto store = ProjectStore::open(session().project()->filePath(), reading);
    if (!store)
        return {};
    auto annotation = (*store)->annotation(id, session().project()->currentPerson());
    if (!annotation || !*annotation)
        return {};
    return labelMapFromTiles((*annotation)->labels);
}

QString WindowDriver::shot(const QString& name) {
    QTest::qWait(30);
    return keepScreenshot(m_window->grab().toImage(), name);
}

} // namespace limn
