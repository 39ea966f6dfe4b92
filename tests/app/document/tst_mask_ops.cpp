// SPDX-License-Identifier: GPL-3.0-or-later
// Clean-up operations against plain per-pixel definitions and, independently, against ITK's filters, on
// random maps down to one pixel. Locked labels and scopes are the document's test.
#include "app/document/mask_ops.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <itkBinaryFillholeImageFilter.h>
#include <itkImage.h>
#include <itkSignedMaurerDistanceMapImageFilter.h>

using namespace limn;
using namespace limn::test;

namespace {

using BytePlane = itk::Image<unsigned char, 2>;
using FloatPlane = itk::Image<float, 2>;

BytePlane::Pointer planeOf(const LabelMap& mask) {
    const auto plane = BytePlane::New();
    plane->SetRegions(BytePlane::SizeType{{static_cast<itk::SizeValueType>(mask.size.width),
                                           static_cast<itk::SizeValueType>(mask.size.height)}});
    plane->Allocate();
    std::copy(mask.labels.begin(), mask.labels.end(), plane->GetBufferPointer());
    return plane;
}

// 1 where the map holds the label.
LabelMap maskOf(const LabelMap& map, std::uint8_t label) {
    LabelMap mask(map.size);
    for (std::size_t i = 0; i < map.labels.size(); ++i)
        mask.labels[i] = map.labels[i] == label ? 1 : 0;
    return mask;
}

LabelMap after(const LabelMap& map, std::uint8_t label, const MaskEdit& edit) {
    PixelArea area = PixelArea::ofValue(map, label);
    return area.united(edit.add).subtracted(edit.remove).toMask(whole(map.size));
}

// The label grown by the definition: any pixel with one of the label within reach.
LabelMap grownPlainly(const LabelMap& mask, double px) {
    LabelMap out(mask.size);
    const int reach = static_cast<int>(px);
    for (int y = 0; y < mask.size.height; ++y)
        for (int x = 0; x < mask.size.width; ++x)
            for (int dy = -reach; dy <= reach; ++dy)
                for (int dx = -reach; dx <= reach; ++dx)
                    if (dx * dx + dy * dy <= px * px && x + dx >= 0 && y + dy >= 0 &&
                        x + dx < mask.size.width && y + dy < mask.size.height && mask.at(x + dx, y + dy) != 0)
                        out.at(x, y) = 1;
    return out;
}

LabelMap inverted(LabelMap mask) {
    for (std::uint8_t& v : mask.labels)
        v = 1 - v;
    return mask;
}

} // namespace

class TestMaskOps : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void growAndShrinkAgreeWithDefinition();
    void growAgreesWithItk();
    void fillHolesAgreesWithItk();
    void smallHolesAlone();
    void keepLargestAndSpecks();
    void cleanIsOnePartWithoutHoles();
    void smoothAgreesWithGaussian();
    void scopeLimitsWhatChanges();
    void areaCrossesTiles();
    void absentLabelsGiveNothing();
    void aSetTokenEndsIt();
};

void TestMaskOps::growAndShrinkAgreeWithDefinition() {
    Random random(51);
    for (int round = 0; round < 250; ++round) {
        const Size size = randomSize(random);
        const LabelMap map =
            round % 2 ? noise(random, size, 2, between(random, 0.0, 0.9)) : blobs(random, size, 2, 6);
        const double px = round % 4 == 0 ? between(random, 1, 6) : between(random, 0.2, 7.0);
        const LabelMap mask = maskOf(map, 1);
        const LabelMap grownMap = after(map, 1, grow(TileMap(map), 1, px));
        QVERIFY2(difference(grownMap, grownPlainly(mask, px)).isEmpty(),
                 "grow by " + QByteArray::number(px) + " " + difference(grownMap, grownPlainly(mask, px)));
        const LabelMap shrunkMap = after(map, 1, shrink(TileMap(map), 1, px));
        const LabelMap expected = inverted(grownPlainly(inverted(mask), px));
        QVERIFY2(difference(shrunkMap, expected).isEmpty(),
                 "shrink by " + QByteArray::number(px) + " " + difference(shrunkMap, expected));
    }
}

void TestMaskOps::growAgreesWithItk() {
    Random random(52);
    for (int round = 0; round < 10; ++round) {
        LabelMap mask = blobs(random, {150, 97}, 1, 8);
        mask.at(75, 40) = 1;
        const auto distance = itk::SignedMaurerDistanceMapImageFilter<BytePlane, FloatPlane>::New();
        distance->SetInput(planeOf(mask));
        distance->SquaredDistanceOn();
        distance->UseImageSpacingOff();
        distance->Update();
        const float* squares = distance->GetOutput()->GetBufferPointer();
        const double px = between(random, 1, 20);
        LabelMap expected(mask.size);
        for (std::size_t i = 0; i < expected.labels.size(); ++i)
            expected.labels[i] = mask.labels[i] != 0 || squares[i] <= px * px ? 1 : 0;
        const PixelArea found = grown(PixelArea::ofMask(mask), px, whole(mask.size));
        QVERIFY2(difference(found, expected).isEmpty(), difference(found, expected));
    }
}

void TestMaskOps::fillHolesAgreesWithItk() {
    Random random(53);
    for (int round = 0; round < 60; ++round) {
        const Size size{between(random, 3, 60), between(random, 3, 60)};
        const LabelMap map = round % 2 ? noise(random, size, 2, 0.8) : blobs(random, size, 2, 14);
        const auto filter = itk::BinaryFillholeImageFilter<BytePlane>::New();
        filter->SetInput(planeOf(maskOf(map, 2)));
        filter->SetForegroundValue(1);
        filter->FullyConnectedOff(); // holes are 4-connected, the label 8-connected: ITK's word for it
        filter->Update();
        LabelMap expected(size);
        std::copy_n(filter->GetOutput()->GetBufferPointer(), size.pixels(), expected.labels.begin());
        const LabelMap found = after(map, 2, fillHoles(TileMap(map), 2));
        QVERIFY2(difference(found, expected).isEmpty(), difference(found, expected));
    }
}

void TestMaskOps::smallHolesAlone() {
    LabelMap map({20, 10}, 1);
    map.at(3, 3) = 0;
    for (int x = 8; x < 12; ++x)
        map.at(x, 5) = 2; // a hole may hold another label
    QCOMPARE(fillHoles(TileMap(map), 1).add.pixels(), std::size_t{5});
    QCOMPARE(fillHoles(TileMap(map), 1, nullptr, 3).add.pixels(), std::size_t{1});
    QCOMPARE(fillHoles(TileMap(map), 1, nullptr, 4).add.pixels(), std::size_t{5});
}

void TestMaskOps::keepLargestAndSpecks() {
    LabelMap map({12, 6});
    for (int x = 0; x < 5; ++x)
        map.at(x, 0) = 1;
    map.at(5, 1) = 1; // touches by its corner: same part
    map.at(9, 3) = map.at(10, 3) = 1;
    map.at(0, 5) = 1;
    const TileMap tiles(map);
    QVERIFY(keepLargest(tiles, 1).remove == PixelArea({{3, 9, 11}, {5, 0, 1}}));
    QVERIFY(keepLargest(tiles, 1).add.empty());
    QVERIFY(removeSmall(tiles, 1, 2).remove == PixelArea({{5, 0, 1}}));
    QVERIFY(removeSmall(tiles, 1, 3).remove == PixelArea({{3, 9, 11}, {5, 0, 1}}));
    QVERIFY(removeSmall(tiles, 1, 0).empty());
    // Inside a scope its own parts count.
    const PixelArea scope = PixelArea::rectangle({8, 2, 4, 4}).united(PixelArea::rectangle({0, 5, 1, 1}));
    QVERIFY(keepLargest(tiles, 1, &scope).remove == PixelArea({{5, 0, 1}}));
}

void TestMaskOps::cleanIsOnePartWithoutHoles() {
    Random random(54);
    for (int round = 0; round < 150; ++round) {
        const Size size = randomSize(random);
        const LabelMap map = noise(random, size, 2, 0.75);
        const PixelArea cleaned = PixelArea::ofMask(after(map, 1, clean(TileMap(map), 1)));
        QVERIFY(connectedParts(cleaned).size() <= 1);
        QVERIFY(holesOf(cleaned, whole(size)).empty());
        const std::vector<PixelArea> parts = connectedParts(PixelArea::ofValue(map, 1));
        if (!parts.empty()) {
            QVERIFY(parts.front().subtracted(cleaned).empty());
            QVERIFY(cleaned == parts.front().united(holesOf(parts.front(), whole(size))));
        }
    }
}

void TestMaskOps::smoothAgreesWithGaussian() {
    Random random(55);
    for (int round = 0; round < 25; ++round) {
        const Size size =
            round < 5 ? randomSize(random) : Size{between(random, 30, 60), between(random, 30, 60)};
        const LabelMap map = blobs(random, size, 2, 6);
        // Both ways of computing it: sums up to 5, the recursive filter beyond.
        const double sigma = between(random, 0.8, 8.0);
        const LabelMap found = after(map, 1, smooth(TileMap(map), 1, sigma));
        // The sampled Gaussian over the mask, its border continued.
        const int reach = static_cast<int>(5 * sigma);
        std::vector<double> kernel;
        double sum = 0.0;
        for (int d = -reach; d <= reach; ++d) {
            kernel.push_back(std::exp(-d * d / (2 * sigma * sigma)));
            sum += kernel.back();
        }
        std::vector<double> across(size.pixels());
        const auto index = [&](int x, int y) { return static_cast<std::size_t>(y) * size.width + x; };
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x)
                for (int d = -reach; d <= reach; ++d)
                    across[index(x, y)] += kernel[static_cast<std::size_t>(d + reach)] / sum *
                                           (map.at(std::clamp(x + d, 0, size.width - 1), y) == 1 ? 1.0 : 0.0);
        int doubtful = 0;
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x) {
                double value = 0.0;
                for (int d = -reach; d <= reach; ++d)
                    value += kernel[static_cast<std::size_t>(d + reach)] / sum *
                             across[index(x, std::clamp(y + d, 0, size.height - 1))];
                // The recursive filter is an approximation to within about one percent.
                if (std::abs(value - 0.5) < 0.02)
                    ++doubtful;
                else if ((found.at(x, y) != 0) != (value > 0.5))
                    QFAIL(qPrintable(QStringLiteral("round %1 sigma %2 (%3, %4): %5, found %6")
                                         .arg(round)
                                         .arg(sigma)
                                         .arg(x)
                                         .arg(y)
                                         .arg(value)
                                         .arg(found.at(x, y))));
            }
        QVERIFY(doubtful <= static_cast<int>(size.pixels() / 5 + 4));
    }
    QVERIFY(smooth(TileMap(LabelMap({9, 9}, 1)), 1, 2.0).empty());
    QVERIFY(smooth(TileMap(LabelMap({9, 9}, 1)), 1, std::nan("")).empty());
}

void TestMaskOps::scopeLimitsWhatChanges() {
    Random random(56);
    for (int round = 0; round < 80; ++round) {
        const Size size{between(random, 1, 40), between(random, 1, 40)};
        const TileMap map(blobs(random, size, 2, 10));
        const PixelArea scope = PixelArea::ofMask(blobs(random, size, 1, 3));
        for (const bool scoped : {false, true}) {
            const PixelArea* s = scoped ? &scope : nullptr;
            const std::vector<MaskEdit> edits{fillHoles(map, 1, s),      keepLargest(map, 1, s),
                                              clean(map, 1, s),          smooth(map, 1, 1.5, s),
                                              grow(map, 1, 2.0, s),      shrink(map, 1, 2.0, s),
                                              removeSmall(map, 1, 5, s), keepInside(map, 1, scope, s)};
            for (const MaskEdit& edit : edits) {
                QVERIFY(edit.add.intersected(edit.remove).empty());
                QVERIFY(edit.remove.subtracted(areaOf(map, 1)).empty());
                QVERIFY(edit.add.intersected(areaOf(map, 1)).empty());
                if (scoped) {
                    QVERIFY(edit.add.subtracted(scope).empty());
                    QVERIFY(edit.remove.subtracted(scope).empty());
                }
            }
            if (scoped) {
                QVERIFY(edits[4].add == grow(map, 1, 2.0).add.intersected(scope));
                QVERIFY(edits[0].add == fillHoles(map, 1).add.intersected(scope));
                // An approximation that starts elsewhere may differ by a rounding, not by more.
                const PixelArea all = smooth(map, 1, 1.5).add.intersected(scope);
                QVERIFY(edits[3].add.subtracted(all).united(all.subtracted(edits[3].add)).pixels() <= 2);
            }
        }
    }
}

void TestMaskOps::areaCrossesTiles() {
    Random random(57);
    const LabelMap map = blobs(random, {1200, 600}, 3, 12);
    for (std::uint8_t label = 0; label < 4; ++label)
        QVERIFY(areaOf(TileMap(map), label) == PixelArea::ofValue(map, label));
}

void TestMaskOps::absentLabelsGiveNothing() {
    for (const Size size : {Size{0, 0}, Size{1, 1}, Size{7, 3}}) {
        const TileMap map(size);
        QVERIFY(fillHoles(map, 4).empty());
        QVERIFY(keepLargest(map, 4).empty());
        QVERIFY(removeSmall(map, 4, 9).empty());
        QVERIFY(clean(map, 4).empty());
        QVERIFY(smooth(map, 4, 2.0).empty());
        QVERIFY(grow(map, 4, 3.0).empty());
        QVERIFY(shrink(map, 4, 3.0).empty());
    }
    QVERIFY(grow(TileMap(LabelMap({5, 5}, 1)), 1, -1.0).empty());
    QVERIFY(grow(TileMap(LabelMap({5, 5}, 1)), 1, std::nan("")).empty());
}

void TestMaskOps::aSetTokenEndsIt() {
    Random random(37);
    const TileMap labels(noise(random, {1600, 1600}, 1, 0.5));
    const StopTimes times =
        stopTimes([&](const CancelToken* token) { (void)smooth(labels, 1, 30.0, nullptr, token); });
    QVERIFY2(times.afterStopMs < times.wholeMs / 4,
             qPrintable(QStringLiteral("%1 of %2 ms").arg(times.afterStopMs).arg(times.wholeMs)));
    // Set before the work begins: nothing is given.
    CancelToken token;
    token.cancel();
    QVERIFY(keepLargest(labels, 1, nullptr, &token).empty());
    QVERIFY(removeSmall(labels, 1, 50, nullptr, &token).empty());
    QVERIFY(fillHoles(labels, 1, nullptr, 0, &token).empty());
    QVERIFY(clean(labels, 1, nullptr, &token).empty());
}

QTEST_APPLESS_MAIN(TestMaskOps)
#include "tst_mask_ops.moc"
