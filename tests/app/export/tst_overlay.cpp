// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the outline lies on the mask's border with a dark casing on both sides, the inside is tinted,
// everything else is untouched; reducing averages. Pictures are made in memory.
#include "app/export/overlay.h"
#include "tests/app/cli/fake_engine.h"

#include <QTest>

using namespace limn;

namespace {

std::array<int, 3> colorAt(const Image& image, int x, int y) {
    const std::uint8_t* pixel = image.pixel(x, y);
    return {pixel[0], pixel[1], pixel[2]};
}

Image grey(Size size, std::uint8_t value) {
    Image image;
    image.size = size;
    image.rgb.assign(size.pixels() * 3, value);
    return image;
}

} // namespace

class OverlayTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void outlineCasingAndTint() {
        const Size size{60, 40};
        Image image = grey(size, 100);
        drawOverlay(image, maskWith(size, {20, 10, 20, 20}), {{255, 221, 0}, 0.5});
        const std::array<int, 3> core{255, 221, 0};
        const std::array<int, 3> casing{20, 20, 20};
        // Across the left border, which lies between columns 19 and 20.
        QCOMPARE(colorAt(image, 17, 20), (std::array<int, 3>{100, 100, 100}));
        QCOMPARE(colorAt(image, 18, 20), casing);
        QCOMPARE(colorAt(image, 19, 20), core);
        QCOMPARE(colorAt(image, 20, 20), core);
        QCOMPARE(colorAt(image, 21, 20), casing);
        QCOMPARE(colorAt(image, 30, 20), (std::array<int, 3>{178, 161, 50}));
        QCOMPARE(colorAt(image, 0, 0), (std::array<int, 3>{100, 100, 100}));
    }

    void emptyMaskChangesNothing() {
        Image image = grey({33, 21}, 70);
        drawOverlay(image, LabelMap({33, 21}));
        QCOMPARE(image.rgb, grey({33, 21}, 70).rgb);
    }

    // Beyond the image is outside: the border of a mask that touches the edge is drawn along the edge.
    void fullMaskIsOutlinedAlongTheEdge() {
        Image image = grey({33, 21}, 70);
        drawOverlay(image, LabelMap({33, 21}, 1), {{255, 0, 0}, 0.0});
        QCOMPARE(colorAt(image, 0, 0), (std::array<int, 3>{255, 0, 0}));
        QCOMPARE(colorAt(image, 32, 10), (std::array<int, 3>{255, 0, 0}));
        QCOMPARE(colorAt(image, 16, 10), (std::array<int, 3>{70, 70, 70}));
    }

    void reducingAverages() {
        Image image = pictureWith({4, 2}, {0, 0, 1, 2}); // one black column of four
        const Image small = reducedImage(image, 2);
        QCOMPARE(small.size, (Size{2, 1}));
        QCOMPARE(colorAt(small, 0, 0), (std::array<int, 3>{128, 128, 128}));
        QCOMPARE(colorAt(small, 1, 0), (std::array<int, 3>{255, 255, 255}));
        QCOMPARE(reducedImage(image, 4).rgb, image.rgb);
        // A rest at the right edge is a narrower block.
        QCOMPARE(reducedImage(pictureWith({5, 2}, {4, 0, 1, 2}), 3).size, (Size{3, 1}));
        QCOMPARE(colorAt(reducedImage(pictureWith({5, 2}, {4, 0, 1, 2}), 3), 2, 0),
                 (std::array<int, 3>{0, 0, 0}));

        const LabelMap mask = reducedMask(maskWith({4, 2}, {0, 0, 1, 2}), 2);
        QCOMPARE(mask.labels, (std::vector<std::uint8_t>{1, 0}));
    }
};

QTEST_GUILESS_MAIN(OverlayTest)
#include "tst_overlay.moc"
