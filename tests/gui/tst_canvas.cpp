// SPDX-License-Identifier: GPL-3.0-or-later
// The canvas shows the image's own pixels: frames grabbed from a real window are compared with the image at
// several zooms, and zoom and pan keep what is under the pointer. Images are made here by rule.
#include "app/models/model_lookup.h"
#include "inference/engine.h"
#include "tests/gui/gui_test.h"
#include "ui/canvas/canvas_view.h"
#include "ui/theme/application_setup.h"

#include <QApplication>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>

#include <cmath>

using namespace limn;

namespace {

// Every pixel differs from its neighbours, and colours tell the position: red by column, green by row.
ImagePtr testImage(int width, int height) {
    auto image = std::make_shared<Image>();
    image->size = {width, height};
    image->rgb.resize(image->size.pixels() * 3);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            std::uint8_t* p = image->rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3;
            p[0] = static_cast<std::uint8_t>((x * 7) % 256);
            p[1] = static_cast<std::uint8_t>((y * 5) % 256);
            p[2] = static_cast<std::uint8_t>((x + y) % 2 == 0 ? 200 : 60);
        }
    }
    return image;
}

// Smooth in both directions, so that averaging has one right answer.
ImagePtr smoothImage(int width, int height) {
    auto image = std::make_shared<Image>();
    image->size = {width, height};
    image->rgb.resize(image->size.pixels() * 3);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            std::uint8_t* p = image->rgb.data() + (static_cast<std::size_t>(y) * width + x) * 3;
            p[0] = static_cast<std::uint8_t>(255 * x / width);
            p[1] = static_cast<std::uint8_t>(255 * y / height);
            p[2] = static_cast<std::uint8_t>(127 + 100 * std::sin(x * 0.01) * std::cos(y * 0.01));
        }
    }
    return image;
}

void sendWheel(QWidget* widget, QPointF at, int delta, Qt::KeyboardModifiers modifiers = Qt::NoModifier) {
    QWheelEvent event(at, widget->mapToGlobal(at), {}, {0, delta}, Qt::NoButton, modifiers, Qt::NoScrollPhase,
                      false);
    QApplication::sendEvent(widget, &event);
}

} // namespace

class TestCanvas : public QObject {
    Q_OBJECT

    std::unique_ptr<CanvasView> m_canvas;

    void show(ImagePtr image) {
        m_canvas = std::make_unique<CanvasView>();
        m_canvas->setBackground(QColor(0x30, 0x30, 0x30));
        m_canvas->setScaleBarVisible(false);
        m_canvas->setGridVisible(false);
        m_canvas->resize(760, 600);
        m_canvas->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_canvas.get()));
        QSignalSpy painted(m_canvas.get(), &CanvasView::imagePainted);
        m_canvas->setImage(buildPyramid(std::move(image)), false);
        QVERIFY(painted.wait(5000));
    }

    // The greatest difference between the frame and the image's pixel under each device pixel's centre.
    int worstDifference(const QImage& frame, bool nearest, QPoint* where) const {
        const ViewTransform& view = m_canvas->view();
        const Image& image = *m_canvas->image()->image;
        int worst = 0;
        for (int y = 0; y < frame.height(); ++y) {
            for (int x = 0; x < frame.width(); ++x) {
                const QPointF p = view.toImage(QPointF(x + 0.5, y + 0.5));
                const int ix = static_cast<int>(std::floor(p.x()));
                const int iy = static_cast<int>(std::floor(p.y()));
                QRgb expected = qRgb(0x30, 0x30, 0x30);
                if (ix >= 0 && iy >= 0 && ix < image.size.width && iy < image.size.height) {
                    const std::uint8_t* c = image.pixel(ix, iy);
                    expected = qRgb(c[0], c[1], c[2]);
                } else if (!nearest) {
                    continue;
                }
                const QRgb found = frame.pixel(x, y);
                const int d = std::max({std::abs(qRed(found) - qRed(expected)),
                                        std::abs(qGreen(found) - qGreen(expected)),
                                        std::abs(qBlue(found) - qBlue(expected))});
                if (d > worst) {
                    worst = d;
                    *where = {x, y};
                }
            }
        }
        return worst;
    }

private Q_SLOTS:
    void cleanup() { m_canvas.reset(); }

    void pixelsAreExact_data() {
        QTest::addColumn<int>("width");
        QTest::addColumn<int>("height");
        QTest::addColumn<double>("zoom");
        QTest::newRow("100 %, inside one tile") << 400 << 300 << 1.0;
        QTest::newRow("100 %, across tiles") << 1300 << 1100 << 1.0;
        QTest::newRow("200 %") << 700 << 520 << 2.0;
        QTest::newRow("400 %") << 300 << 200 << 4.0;
        QTest::newRow("3200 %") << 64 << 64 << 32.0;
        QTest::newRow("6400 %, one pixel") << 1 << 1 << 64.0;
        QTest::newRow("a broken zoom, 317 %") << 300 << 200 << 3.17;
    }
    void pixelsAreExact() {
        QFETCH(int, width);
        QFETCH(int, height);
        QFETCH(double, zoom);
        show(testImage(width, height));
        m_canvas->zoomTo(zoom);
        QTest::qWait(0);
        const QImage frame = m_canvas->grabImage();
        QCOMPARE(frame.size(), QSize(760, 600));
        QPoint where;
        const int worst = worstDifference(frame, true, &where);
        keepScreenshot(frame, QStringLiteral("canvas-%1").arg(qRound(zoom * 100)));
        if (std::abs(zoom - std::round(zoom)) < 1e-9) {
            QVERIFY2(
                worst <= 1,
                qPrintable(
                    QStringLiteral("at %1, %2: differs by %3").arg(where.x()).arg(where.y()).arg(worst)));
            return;
        }
        // Where a pixel's edge falls between device pixels, rounding may go either way: count instead.
        const ViewTransform& view = m_canvas->view();
        const Image& image = *m_canvas->image()->image;
        int wrong = 0, total = 0;
        for (int y = 0; y < frame.height(); ++y) {
            for (int x = 0; x < frame.width(); ++x) {
                const QPointF p = view.toImage(QPointF(x + 0.5, y + 0.5));
                const double fx = p.x() - std::floor(p.x()), fy = p.y() - std::floor(p.y());
                if (p.x() < 0 || p.y() < 0 || p.x() >= image.size.width || p.y() >= image.size.height ||
                    fx < 0.02 || fx > 0.98 || fy < 0.02 || fy > 0.98)
                    continue;
                ++total;
                const std::uint8_t* c = image.pixel(static_cast<int>(p.x()), static_cast<int>(p.y()));
                wrong += frame.pixel(x, y) != qRgb(c[0], c[1], c[2]);
            }
        }
        QVERIFY(total > 10000);
        QCOMPARE(wrong, 0);
    }

    void zoomedOutIsTheAverage_data() {
        QTest::addColumn<double>("zoom");
        QTest::newRow("50 %") << 0.5;
        QTest::newRow("25 %") << 0.25;
        QTest::newRow("33 %") << 1.0 / 3;
        QTest::newRow("12.5 %") << 0.125;
    }
    void zoomedOutIsTheAverage() {
        QFETCH(double, zoom);
        show(smoothImage(2001, 1503));
        m_canvas->zoomTo(zoom);
        QTest::qWait(0);
        const QImage frame = m_canvas->grabImage();
        QPoint where;
        // A device pixel averages up to 8 image pixels of a gradient that changes by less than 1 a pixel.
        const int worst = worstDifference(frame, false, &where);
        QVERIFY2(
            worst <= 8,
            qPrintable(QStringLiteral("at %1, %2: differs by %3").arg(where.x()).arg(where.y()).arg(worst)));
    }

    // What is shown while the image is decoded lies where the image will lie, at every zoom.
    void aPreviewLiesWhereTheImageWill_data() {
        QTest::addColumn<int>("halvings");
        QTest::addColumn<double>("zoom"); // 0: the whole image
        for (const int halvings : {1, 2}) {
            for (const double zoom : {0.0, 0.25, 1.0})
                QTest::addRow("%d halvings, zoom %.2f", halvings, zoom) << halvings << zoom;
        }
    }
    void aPreviewLiesWhereTheImageWill() {
        QFETCH(int, halvings);
        QFETCH(double, zoom);
        // Waves: a shift by one of the image's pixels is up to ten levels.
        auto image = std::make_shared<Image>();
        image->size = {2001, 1503};
        for (int y = 0; y < image->size.height; ++y) {
            for (int x = 0; x < image->size.width; ++x) {
                for (const double wave : {std::sin(x * 0.1), std::sin(y * 0.1), std::sin((x + y) * 0.05)})
                    image->rgb.push_back(static_cast<std::uint8_t>(std::lround(127 + 100 * wave)));
            }
        }
        const ImagePyramidPtr whole = buildPyramid(image);
        const ImagePyramid::Level& level = whole->levels[static_cast<std::size_t>(halvings)];
        ImagePreview preview{image->size, halvings, level.size, {}};
        preview.rgb.assign(level.rgb, level.rgb + level.size.pixels() * 3);
        show(image);
        if (zoom > 0)
            m_canvas->zoomTo(zoom);
        const ViewTransform view = m_canvas->view();
        const QImage expected = m_canvas->grabImage();
        m_canvas->setImage(buildPreviewPyramid(std::move(preview)), true);
        QVERIFY(m_canvas->view() == view);
        const QImage frame = m_canvas->grabImage();
        QVERIFY(frame.size() == expected.size());
        int worst = 0;
        for (int y = 0; y < frame.height(); ++y) {
            for (int x = 0; x < frame.width(); ++x) {
                const QRgb a = frame.pixel(x, y), b = expected.pixel(x, y);
                worst = std::max({worst, std::abs(qRed(a) - qRed(b)), std::abs(qGreen(a) - qGreen(b)),
                                  std::abs(qBlue(a) - qBlue(b))});
            }
        }
        QVERIFY2(worst <= 6, qPrintable(QString::number(worst)));
        m_canvas->setImage(whole, true);
        QVERIFY(m_canvas->view() == view);
        QVERIFY(m_canvas->grabImage() == expected);
    }

    void fitShowsTheWholeImageAtItsAspect() {
        show(smoothImage(3000, 1000));
        const QRectF device = m_canvas->view().toDevice(QRectF(0, 0, 3000, 1000));
        QVERIFY(QRectF(0, 0, 760, 600).contains(device));
        QVERIFY(device.width() > 700);
        QVERIFY(std::abs(device.width() / device.height() - 3.0) < 0.01);
        const QImage frame = m_canvas->grabImage();
        QCOMPARE(frame.pixel(2, 300), qRgb(0x30, 0x30, 0x30));
        QCOMPARE(frame.pixel(380, 20), qRgb(0x30, 0x30, 0x30));
    }

    void wheelKeepsThePointUnderThePointer() {
        show(testImage(1300, 1100));
        const QPointF at(231, 377);
        const QPointF before = m_canvas->view().toImage(at);
        for (int i = 0; i < 20; ++i) {
            sendWheel(m_canvas.get(), at, 120);
            const QPointF now = m_canvas->view().toDevice(before);
            QVERIFY2(std::hypot(now.x() - at.x(), now.y() - at.y()) <= 1.0, qPrintable(QString::number(i)));
        }
        QVERIFY(std::abs(m_canvas->view().zoom() - std::pow(2.0, 5) * m_canvas->view().fitZoom()) < 0.01);
        for (int i = 0; i < 20; ++i)
            sendWheel(m_canvas.get(), at, -120);
        const QPointF now = m_canvas->view().toDevice(before);
        QVERIFY(std::hypot(now.x() - at.x(), now.y() - at.y()) <= 1.0);
    }

    void aFifthStaysInView() {
        show(testImage(400, 300));
        m_canvas->zoomTo(1.0);
        QTest::mousePress(m_canvas.get(), Qt::MiddleButton, {}, {380, 300});
        QTest::mouseMove(m_canvas.get(), {5, 5});
        QTest::mouseRelease(m_canvas.get(), Qt::MiddleButton, {}, {5, 5});
        for (int i = 0; i < 4; ++i) {
            QTest::mousePress(m_canvas.get(), Qt::MiddleButton, {}, {700, 580});
            QTest::mouseMove(m_canvas.get(), {5, 5});
            QTest::mouseRelease(m_canvas.get(), Qt::MiddleButton, {}, {5, 5});
        }
        const Rect visible = m_canvas->view().visibleImageRect();
        QVERIFY(visible.width >= 79 && visible.width <= 81);
        QVERIFY(visible.height >= 59 && visible.height <= 61);
    }

    void panMovesByWholePixels() {
        show(testImage(1300, 1100));
        m_canvas->zoomTo(1.0);
        const QPoint before = m_canvas->view().origin();
        QTest::mousePress(m_canvas.get(), Qt::MiddleButton, {}, {300, 300});
        QTest::mouseMove(m_canvas.get(), {337, 289});
        QTest::mouseRelease(m_canvas.get(), Qt::MiddleButton, {}, {337, 289});
        QCOMPARE(m_canvas->view().origin() - before, QPoint(37, -11));
        QPoint where;
        QVERIFY(worstDifference(m_canvas->grabImage(), true, &where) <= 1);
    }

    // The core of an outline is 2 px of the label's colour on the crack, with 1 px of casing on both sides.
    void outlineHasCoreAndCasingAtEveryZoom_data() {
        QTest::addColumn<double>("zoom");
        QTest::newRow("25 %") << 0.25;
        QTest::newRow("37 %, cracks between device pixels") << 0.37;
        QTest::newRow("50 %") << 0.5;
        QTest::newRow("100 %") << 1.0;
        QTest::newRow("173 %, cracks between device pixels") << 1.73;
        QTest::newRow("200 %") << 2.0;
        QTest::newRow("800 %") << 8.0;
        QTest::newRow("3200 %") << 32.0;
    }
    void outlineHasCoreAndCasingAtEveryZoom() {
        QFETCH(double, zoom);
        auto white = std::make_shared<Image>();
        white->size = {1000, 800};
        white->rgb.assign(white->size.pixels() * 3, 255);
        show(white);
        LabelMap map(white->size);
        for (int y = 300; y < 500; ++y) {
            for (int x = 480; x < 1000; ++x)
                map.at(x, y) = 1;
        }
        const TileMap tiles(map);
        OverlayLayer layer;
        layer.source = std::make_shared<LabelSource>([&]() -> const TileMap& { return tiles; });
        layer.setAll(qRgb(0x56, 0xB4, 0xE9), 0, LineStyle::Solid);
        m_canvas->overlay().setLayers({layer});
        m_canvas->overlayChanged();
        ViewTransform view = m_canvas->view();
        view.zoomTo(zoom, {0, 0});
        view.centerOn({480, 400});
        m_canvas->setView(view);
        const QImage frame = m_canvas->grabImage();
        keepScreenshot(frame, QStringLiteral("outline-%1").arg(qRound(zoom * 100)));
        const double exact = m_canvas->view().toDevice(QPointF(480, 400)).x();
        const int edge = qRound(exact);
        const int row = 300;
        if (std::abs(exact - edge) > 0.01) {
            // Shared between neighbouring pixels, the widths stay: core, casing, and nothing beyond two
            // pixels.
            for (int x = edge - 8; x <= edge + 8; ++x) {
                const double d = std::abs(x + 0.5 - exact);
                const QRgb c = frame.pixel(x, row);
                const QByteArray where = QByteArray::number(d);
                if (d < 0.4)
                    QVERIFY2(c == qRgb(0x56, 0xB4, 0xE9), where);
                else if (std::abs(d - 1.5) < 0.2)
                    QVERIFY2(qRed(c) < 0x56 && qBlue(c) < 0x80, where);
                else if (d > 2.8)
                    QVERIFY2(c == qRgb(255, 255, 255), where);
            }
            m_canvas->overlay().setLayers({});
            return;
        }
        QCOMPARE(frame.pixel(edge - 1, row), qRgb(0x56, 0xB4, 0xE9));
        QCOMPARE(frame.pixel(edge, row), qRgb(0x56, 0xB4, 0xE9));
        QCOMPARE(frame.pixel(edge - 2, row), qRgb(0x10, 0x10, 0x10));
        QCOMPARE(frame.pixel(edge + 1, row), qRgb(0x10, 0x10, 0x10));
        QCOMPARE(frame.pixel(edge - 4, row), qRgb(255, 255, 255));
        QCOMPARE(frame.pixel(edge + 3, row), qRgb(255, 255, 255));
        m_canvas->overlay().setLayers({});
    }

    // VTK, Qt and LibTorch share one process: a network runs, and the next frame is what it was.
    void aNetworkRunsBesideTheCanvas() {
        const std::vector<ModelFile> models = listModels();
        QVERIFY2(!models.empty(), "the models of resources/models were not found");
        show(testImage(400, 300));
        const QImage before = m_canvas->grabImage();
        EngineOptions options;
        options.device = "cpu";
        Result<std::unique_ptr<Engine>> engine = Engine::load(models.front().path, options);
        QVERIFY2(engine.ok(), engine ? "" : engine.error().message().c_str());
        PredictOptions predict;
        predict.inputSize = 64;
        const Result<Proposal> proposal = (*engine)->predict(*m_canvas->image()->image, predict);
        QVERIFY2(proposal.ok(), proposal ? "" : proposal.error().message().c_str());
        QCOMPARE(proposal->probability.size.width, 400);
        QCOMPARE(proposal->probability.size.height, 300);
        m_canvas->zoomTo(2.0);
        m_canvas->fit();
        QVERIFY(m_canvas->grabImage() == before);
    }

    // An edit redraws the tiles that it touched and no other.
    void anEditDrawsOnlyItsTiles() {
        show(testImage(1300, 1100));
        TileMap tiles{Size{1300, 1100}};
        OverlayLayer layer;
        layer.source = std::make_shared<LabelSource>([&]() -> const TileMap& { return tiles; });
        layer.setAll(qRgb(0x56, 0xB4, 0xE9), 64, LineStyle::Solid);
        m_canvas->overlay().setLayers({layer});
        m_canvas->zoomTo(1.0);
        QTest::qWait(20);
        m_canvas->grabImage();
        QVERIFY(m_canvas->overlay().takeDrawnTileCount() >= 6);
        m_canvas->grabImage();
        QCOMPARE(m_canvas->overlay().takeDrawnTileCount(), 0);
        const Rect visible = m_canvas->view().visibleImageRect();
        m_canvas->overlayChanged(
            Rect{(visible.x / 256 + 1) * 256 + 100, (visible.y / 256 + 1) * 256 + 100, 20, 20});
        m_canvas->grabImage();
        QCOMPARE(m_canvas->overlay().takeDrawnTileCount(), 1);
        m_canvas->overlay().setLayers({});
    }
};

LIMN_GUI_TEST_MAIN(TestCanvas)
#include "tst_canvas.moc"
