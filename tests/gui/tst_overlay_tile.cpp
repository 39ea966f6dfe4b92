// SPDX-License-Identifier: GPL-3.0-or-later
// Short cuts of the overlay change no pixel: a tile drawn with summaries of blocks equals one that looked at
// every pixel, and summaries are never wrong, whatever was edited. Data is drawn here by rule.
#include "ui/canvas/overlay_compositor.h"

#include <QPainter>
#include <QTest>

#include <cmath>
#include <random>

using namespace limn;

namespace {

// Hides every short cut of another source.
class EveryPixel : public ClassSource {
public:
    explicit EveryPixel(ClassSourcePtr source) : m_source(std::move(source)) {}
    void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const override {
        m_source->sampleRow(y, xs, count, out);
    }
    Rect bounds() const override { return m_source->bounds(); }
    int uniformClass(const Rect&) const override { return kMixed; }

private:
    ClassSourcePtr m_source;
};

void paintDisc(TileMap& map, double cx, double cy, double radius, std::uint8_t value) {
    LabelMap plain = map.toLabelMap();
    for (int y = 0; y < plain.size.height; ++y) {
        for (int x = 0; x < plain.size.width; ++x) {
            if (std::hypot(x + 0.5 - cx, y + 0.5 - cy) < radius)
                plain.at(x, y) = value;
        }
    }
    map = TileMap(plain);
}

ProposalPtr hill(Size size, Rect extent) {
    auto p = std::make_shared<Proposal>();
    p->extent = extent;
    p->probability.size = {extent.width, extent.height};
    p->probability.values.resize(p->probability.size.pixels());
    for (int y = 0; y < extent.height; ++y) {
        for (int x = 0; x < extent.width; ++x) {
            const double d = std::hypot(x + extent.x - size.width * 0.5, y + extent.y - size.height * 0.45);
            const double wave = 0.1 * std::sin(x * 0.11) * std::cos(y * 0.07);
            p->probability.values[static_cast<std::size_t>(y) * extent.width + x] =
                static_cast<std::uint16_t>(std::lround(65535 * std::clamp(1.2 - d / 260 + wave, 0.0, 1.0)));
        }
    }
    return p;
}

QImage whole(const OverlayTile& tile) {
    QImage image(OverlayTile::kSide, OverlayTile::kSide, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    for (int y = 0; tile.solid != 0 && y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x)
            reinterpret_cast<QRgb*>(image.scanLine(y))[x] = tile.solid;
    }
    if (!tile.image.isNull()) {
        QPainter painter(&image);
        painter.setCompositionMode(QPainter::CompositionMode_Source);
        painter.drawImage(tile.offset, tile.image);
    }
    return image;
}

} // namespace

class TestOverlayTile : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void labelBlocksAreNeverWrong() {
        std::mt19937 random(7);
        TileMap map(Size{1300, 700});
        LabelBlocks blocks;
        blocks.refresh(map, map.bounds());
        QCOMPARE(blocks.classOf(map.bounds()), 0);
        int uniform = 0;
        for (int round = 0; round < 25; ++round) {
            const int x = static_cast<int>(random() % 1300), y = static_cast<int>(random() % 700);
            const int r = 5 + static_cast<int>(random() % 200);
            paintDisc(map, x, y, r, static_cast<std::uint8_t>(random() % 3));
            blocks.markStale({x - r - 1, y - r - 1, 2 * r + 2, 2 * r + 2});
            // Not all of it is brought up to date: the rest has to say that it does not know.
            blocks.refresh(map, {static_cast<int>(random() % 650), 0, 650, 700});
            for (int i = 0; i < 60; ++i) {
                Rect rect{static_cast<int>(random() % 1300), static_cast<int>(random() % 700), 0, 0};
                rect.width = 1 + static_cast<int>(random() % static_cast<unsigned>(1300 - rect.x));
                rect.height = 1 + static_cast<int>(random() % static_cast<unsigned>(700 - rect.y));
                if (i % 2 == 0) {
                    rect.width = std::min(rect.width, 40);
                    rect.height = std::min(rect.height, 40);
                }
                const int c = blocks.classOf(rect);
                if (c == BlockClasses::kMixed)
                    continue;
                ++uniform;
                const LabelMap crop = map.crop(rect);
                QVERIFY(std::all_of(crop.labels.begin(), crop.labels.end(),
                                    [c](std::uint8_t v) { return v == c; }));
            }
        }
        QVERIFY2(uniform > 200, qPrintable(QString::number(uniform)));
    }

    void probabilityBlocksAreNeverWrong() {
        const Size size{900, 611};
        const ProposalPtr proposal = hill(size, {0, 0, size.width, size.height});
        const auto blocks = ProbabilityBlocks::of(proposal);
        QVERIFY(ProbabilityBlocks::of(proposal) == blocks);
        std::mt19937 random(3);
        int uniform = 0;
        for (int i = 0; i < 3000; ++i) {
            const std::uint32_t first = i % 50 == 0   ? 0
                                        : i % 50 == 1 ? 65536
                                                      : static_cast<std::uint32_t>(random() % 65536);
            Rect rect{static_cast<int>(random() % 900), static_cast<int>(random() % 611), 0, 0};
            rect.width = 1 + static_cast<int>(random() % static_cast<unsigned>(900 - rect.x));
            rect.height = 1 + static_cast<int>(random() % static_cast<unsigned>(611 - rect.y));
            if (i % 2 == 0) {
                rect.width = std::min(rect.width, 60);
                rect.height = std::min(rect.height, 60);
            }
            const int c = blocks->classOf(rect, first);
            if (c == BlockClasses::kMixed)
                continue;
            ++uniform;
            for (int y = rect.y; y < rect.bottom(); ++y) {
                for (int x = rect.x; x < rect.right(); ++x)
                    QCOMPARE(proposal->probability.values[static_cast<std::size_t>(y) * size.width + x] >=
                                 first,
                             c == 1);
            }
        }
        QVERIFY2(uniform > 300, qPrintable(QString::number(uniform)));
    }

    void shortCutsChangeNoPixel_data() {
        QTest::addColumn<double>("zoom");
        QTest::addColumn<double>("ratio");
        for (const double ratio : {1.0, 1.5, 2.0, 3.0}) {
            for (const double zoom : {0.11, 0.37, 1.0, 2.7, 16.0})
                QTest::addRow("zoom %g, ratio %g", zoom, ratio) << zoom << ratio;
        }
    }
    void shortCutsChangeNoPixel() {
        QFETCH(double, zoom);
        QFETCH(double, ratio);
        const Size size{1100, 950};
        TileMap map(size);
        paintDisc(map, 400, 420, 260, 1);
        paintDisc(map, 700, 500, 150, 2);
        paintDisc(map, 420, 400, 40, 0);
        paintDisc(map, 1090, 10, 90, 3); // over the image's corner
        const auto labels = std::make_shared<LabelSource>([&map]() -> const TileMap& { return map; });
        labels->prepare(map.bounds());
        const ProposalPtr proposal = hill(size, {100, 50, 900, 800});
        const auto threshold = std::make_shared<ThresholdSource>(proposal, 0.5);
        const auto difference = std::make_shared<DifferenceSource>(labels, threshold);

        std::vector<OverlayLayer> layers(3);
        layers[0].source = threshold;
        layers[0].setAll(qRgb(0xF0, 0xE4, 0x42), 60, LineStyle::Dashed);
        layers[1].source = labels;
        layers[1].setAll(qRgb(0x56, 0xB4, 0xE9), 90, LineStyle::Solid);
        layers[1].color[2] = qRgb(0xE6, 0x9F, 0x00);
        layers[1].fill[2] = 0;
        layers[1].line[3] = LineStyle::Dotted;
        layers[2].source = difference;
        layers[2].setAll(qRgb(0xFF, 0xFF, 0xFF), 30, LineStyle::None);
        layers[2].hatch[DifferenceSource::kOnlyFirst] = 1;
        layers[2].hatch[DifferenceSource::kOnlySecond] = 2;
        std::vector<OverlayLayer> plain = layers;
        for (OverlayLayer& layer : plain)
            layer.source = std::make_shared<EveryPixel>(layer.source);

        const int columns = static_cast<int>(std::ceil(size.width * zoom / OverlayTile::kSide));
        const int rows = static_cast<int>(std::ceil(size.height * zoom / OverlayTile::kSide));
        int drawn = 0;
        const int step = std::max(1, columns / 6);
        for (int r = -1; r <= rows; r += step) {
            for (int c = -1; c <= columns; c += step) {
                const OverlayTilePlace place{c, r, zoom, size, ratio};
                const OverlayTile tile = drawOverlayTile(layers, place);
                QVERIFY2(whole(tile) == whole(drawOverlayTile(plain, place)),
                         qPrintable(QStringLiteral("tile %1, %2").arg(c).arg(r)));
                drawn += !tile.image.isNull() || tile.solid != 0;
                // Layers one by one: nothing hides behind another.
                for (std::size_t i = 0; i < layers.size(); ++i)
                    QVERIFY(whole(drawOverlayTile({layers[i]}, place)) ==
                            whole(drawOverlayTile({plain[i]}, place)));
            }
        }
        QVERIFY(drawn > 0);
    }

    // Noise, where every sample lies beside a crack, takes no longer than a frame may.
    void noiseIsBounded() {
        const Size size{512, 512};
        LabelMap noise(size);
        std::mt19937 random(1);
        for (std::uint8_t& v : noise.labels)
            v = random() % 2;
        const TileMap map(noise);
        OverlayLayer layer;
        layer.source = std::make_shared<LabelSource>([&map]() -> const TileMap& { return map; });
        layer.setAll(qRgb(0x56, 0xB4, 0xE9), 90, LineStyle::Solid);
        QElapsedTimer clock;
        clock.start();
        const OverlayTile tile = drawOverlayTile({layer}, {0, 0, 1.0, size, 1.0});
        QVERIFY2(clock.elapsed() < 400, qPrintable(QString::number(clock.elapsed())));
        QVERIFY(!tile.image.isNull());
    }

    // What the compositor puts together from tiles drawn in several threads is the same at every run, and an
    // edit told by its rectangle shows as one drawn from the start.
    void editsToldByTheirRectangleAreAllThatIsNeeded() {
        const Size size{2000, 1600};
        TileMap map(size);
        const ViewTransform view(size, {900, 700});
        const auto layersOf = [](const TileMap& m) {
            std::vector<OverlayLayer> layers(1);
            layers[0].source = std::make_shared<LabelSource>([&m]() -> const TileMap& { return m; });
            layers[0].setAll(qRgb(0x56, 0xB4, 0xE9), 70, LineStyle::Solid);
            return layers;
        };
        const auto picture = [&](OverlayCompositor& compositor) {
            QImage image(view.viewport(), QImage::Format_ARGB32_Premultiplied);
            image.fill(Qt::transparent);
            QPainter painter(&image);
            compositor.paint(painter, view, image.rect());
            return image;
        };
        OverlayCompositor kept;
        kept.setLayers(layersOf(map));
        picture(kept);
        std::mt19937 random(11);
        for (int i = 0; i < 12; ++i) {
            const int x = static_cast<int>(random() % 2000), y = static_cast<int>(random() % 1600);
            const int r = 10 + static_cast<int>(random() % 300);
            paintDisc(map, x, y, r, static_cast<std::uint8_t>(i % 3 == 2 ? 0 : 1));
            kept.invalidate({x - r - 1, y - r - 1, 2 * r + 2, 2 * r + 2});
            OverlayCompositor fresh;
            fresh.setLayers(layersOf(map));
            QVERIFY(picture(kept) == picture(fresh));
        }
    }
};

QTEST_GUILESS_MAIN(TestOverlayTile)
#include "tst_overlay_tile.moc"
