// SPDX-License-Identifier: GPL-3.0-or-later
// Drawn images: the same bytes for the same seed, masks that agree with the picture, one scene at every size.
#include "io/core/drawn_artefacts.h"
#include "io/core/drawn_image.h"
#include "io/core/hashing.h"

#include <QtTest>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

using namespace limn;

namespace {

constexpr DrawnKind kKinds[] = {DrawnKind::Dermoscopy, DrawnKind::Endoscopy};

const char* nameOf(DrawnKind kind) {
    return kind == DrawnKind::Dermoscopy ? "dermoscopy" : "endoscopy";
}

double areaOf(const LabelMap& mask) {
    const auto inside = std::count(mask.labels.begin(), mask.labels.end(), std::uint8_t{1});
    return static_cast<double>(inside) / static_cast<double>(mask.labels.size());
}

double diceOf(const LabelMap& a, const LabelMap& b) {
    std::size_t both = 0;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < a.labels.size(); ++i) {
        both += a.labels[i] & b.labels[i];
        sum += static_cast<std::size_t>(a.labels[i]) + b.labels[i];
    }
    return sum == 0 ? 1.0 : 2.0 * static_cast<double>(both) / static_cast<double>(sum);
}

// The pixel whose centre lies nearest to that of each pixel of a smaller grid.
LabelMap subsampled(const LabelMap& mask, Size size) {
    LabelMap out(size);
    for (int y = 0; y < size.height; ++y)
        for (int x = 0; x < size.width; ++x)
            out.at(x, y) = mask.at((2 * x + 1) * mask.size.width / (2 * size.width),
                                   (2 * y + 1) * mask.size.height / (2 * size.height));
    return out;
}

} // namespace

class TestDrawnImage : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void bytesArePinned_data();
    void bytesArePinned();
    void sameFromManyThreads();
    void maskIsBinaryAndOfPlausibleSize();
    void lesionDiffersFromSurround();
    void sameSceneAtTwoSizes();
    void anySize_data();
    void anySize();
    void artefactsArePinned_data();
    void artefactsArePinned();
    void artefactsAtAnySize();
};

void TestDrawnImage::bytesArePinned_data() {
    QTest::addColumn<int>("kind");
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("height");
    QTest::addColumn<quint64>("seed");
    QTest::addColumn<quint64>("picture");
    QTest::addColumn<quint64>("mask");
    QTest::newRow("dermoscopy 64x64")
        << 0 << 64 << 64 << quint64(1) << quint64(0x554D6F9F87F404B8ull) << quint64(0x1C25DBA2FAD35ADFull);
    QTest::newRow("dermoscopy 160x120")
        << 0 << 160 << 120 << quint64(2) << quint64(0x9106AED6B06C364Full) << quint64(0xD30F4651E35228D3ull);
    QTest::newRow("dermoscopy 96x54")
        << 0 << 96 << 54 << quint64(3) << quint64(0x7D69356B64DCDD42ull) << quint64(0x8ADC58C4007DEBFEull);
    QTest::newRow("dermoscopy 33x71") << 0 << 33 << 71 << quint64(123456789) << quint64(0x7ED95F458B8EA2CDull)
                                      << quint64(0x8348B058E6DD7E3Full);
    QTest::newRow("endoscopy 64x64") << 1 << 64 << 64 << quint64(1) << quint64(0x7A29DDFE7389D166ull)
                                     << quint64(0xC31468B10DA96E99ull);
    QTest::newRow("endoscopy 160x120")
        << 1 << 160 << 120 << quint64(2) << quint64(0x5886E20F638F09A2ull) << quint64(0x152F4DB110324F1Cull);
    QTest::newRow("endoscopy 96x54") << 1 << 96 << 54 << quint64(3) << quint64(0xC93F8351BC34C14Eull)
                                     << quint64(0x78D9355532420FB9ull);
    QTest::newRow("endoscopy 33x71") << 1 << 33 << 71 << quint64(123456789) << quint64(0xB16EC6C6BE443C2Cull)
                                     << quint64(0x010E7A9625CFCF69ull);
}

void TestDrawnImage::bytesArePinned() {
    QFETCH(int, kind);
    QFETCH(int, width);
    QFETCH(int, height);
    QFETCH(quint64, seed);
    QFETCH(quint64, picture);
    QFETCH(quint64, mask);
    const DrawnImage drawn = drawImage(static_cast<DrawnKind>(kind), {width, height}, seed);
    QCOMPARE(quint64(fnv1a(drawn.image.rgb)), picture);
    QCOMPARE(quint64(fnv1a(drawn.mask.labels)), mask);
}

void TestDrawnImage::sameFromManyThreads() {
    for (const DrawnKind kind : kKinds) {
        const DrawnImage expected = drawImage(kind, {96, 72}, 77);
        std::array<DrawnImage, 4> results;
        std::vector<std::thread> threads;
        for (DrawnImage& result : results)
            threads.emplace_back([&result, kind] { result = drawImage(kind, {96, 72}, 77); });
        for (std::thread& thread : threads)
            thread.join();
        for (const DrawnImage& result : results) {
            QVERIFY2(result.image.rgb == expected.image.rgb, nameOf(kind));
            QVERIFY2(result.mask == expected.mask, nameOf(kind));
        }
        const DrawnImage other = drawImage(kind, {96, 72}, 78);
        QVERIFY2(other.image.rgb != expected.image.rgb, nameOf(kind));
    }
}

void TestDrawnImage::maskIsBinaryAndOfPlausibleSize() {
    for (const DrawnKind kind : kKinds) {
        std::vector<double> areas;
        for (std::uint64_t seed = 0; seed < 120; ++seed) {
            const DrawnImage drawn = drawImage(kind, {64, 64}, seed);
            QCOMPARE(drawn.mask.labels.size(), std::size_t(64 * 64));
            QVERIFY(*std::max_element(drawn.mask.labels.begin(), drawn.mask.labels.end()) == 1);
            const double area = areaOf(drawn.mask);
            QVERIFY2(
                area > 0.002 && area < 0.9,
                qPrintable(QStringLiteral("%1 %2: %3").arg(QLatin1String(nameOf(kind))).arg(seed).arg(area)));
            areas.push_back(area);
        }
        // Variety counts: small, middle and large lesions are all there.
        std::sort(areas.begin(), areas.end());
        QVERIFY2(areas[6] < 0.05, nameOf(kind));
        QVERIFY2(areas[60] > 0.06 && areas[60] < 0.2, nameOf(kind));
        QVERIFY2(areas[113] > 0.25, nameOf(kind));
    }
}

void TestDrawnImage::lesionDiffersFromSurround() {
    // Mean colour inside against that of a band around; some lesions are faint on purpose, most are not.
    constexpr Size kSize{96, 96};
    constexpr int kBand = 8;
    for (const DrawnKind kind : kKinds) {
        int clear = 0;
        int darker = 0;
        constexpr int kCount = 60;
        for (std::uint64_t seed = 500; seed < 500 + kCount; ++seed) {
            const DrawnImage drawn = drawImage(kind, kSize, seed);
            std::array<double, 3> inside{};
            std::array<double, 3> around{};
            double insideCount = 0.0;
            double aroundCount = 0.0;
            for (int y = 0; y < kSize.height; ++y) {
                for (int x = 0; x < kSize.width; ++x) {
                    const std::uint8_t* p = drawn.image.pixel(x, y);
                    if (drawn.mask.at(x, y)) {
                        for (std::size_t k = 0; k < 3; ++k)
                            inside[k] += p[k];
                        insideCount += 1.0;
                        continue;
                    }
                    bool near = false;
                    for (int dy = -kBand; dy <= kBand && !near; dy += 2)
                        for (int dx = -kBand; dx <= kBand && !near; dx += 2)
                            near = x + dx >= 0 && y + dy >= 0 && x + dx < kSize.width &&
                                   y + dy < kSize.height && drawn.mask.at(x + dx, y + dy);
                    if (!near)
                        continue;
                    for (std::size_t k = 0; k < 3; ++k)
                        around[k] += p[k];
                    aroundCount += 1.0;
                }
            }
            QVERIFY(insideCount > 0.0 && aroundCount > 0.0);
            double distance = 0.0;
            double brightness = 0.0;
            for (std::size_t k = 0; k < 3; ++k) {
                const double d = inside[k] / insideCount - around[k] / aroundCount;
                distance += d * d;
                brightness += d;
            }
            clear += std::sqrt(distance) > 10.0;
            darker += brightness < 0.0;
        }
        QVERIFY2(clear >= kCount * 8 / 10,
                 qPrintable(QStringLiteral("%1: %2").arg(QLatin1String(nameOf(kind))).arg(clear)));
        // Moles are darker than skin; polyps mostly brighter than the wall around them.
        if (kind == DrawnKind::Dermoscopy)
            QVERIFY2(darker >= kCount * 85 / 100, qPrintable(QString::number(darker)));
        else
            QVERIFY2(darker <= kCount * 55 / 100, qPrintable(QString::number(darker)));
    }
}

void TestDrawnImage::sameSceneAtTwoSizes() {
    for (const DrawnKind kind : kKinds) {
        for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
            const DrawnImage small = drawImage(kind, {256, 256}, seed);
            const DrawnImage large = drawImage(kind, {1000, 750}, seed);
            const double dice = diceOf(small.mask, subsampled(large.mask, small.mask.size));
            QVERIFY2(
                dice > 0.97,
                qPrintable(QStringLiteral("%1 %2: %3").arg(QLatin1String(nameOf(kind))).arg(seed).arg(dice)));
            // The pictures agree too: mean colours of an 8 x 8 grid of tiles.
            double worst = 0.0;
            const auto tileMean = [](const Image& image, int i, int j, int channel) {
                const int x0 = image.size.width * i / 8;
                const int x1 = image.size.width * (i + 1) / 8;
                const int y0 = image.size.height * j / 8;
                const int y1 = image.size.height * (j + 1) / 8;
                double sum = 0.0;
                for (int y = y0; y < y1; ++y)
                    for (int x = x0; x < x1; ++x)
                        sum += image.pixel(x, y)[channel];
                return sum / ((x1 - x0) * (y1 - y0));
            };
            for (int j = 0; j < 8; ++j)
                for (int i = 0; i < 8; ++i)
                    for (int c = 0; c < 3; ++c)
                        worst = std::max(
                            worst, std::abs(tileMean(small.image, i, j, c) - tileMean(large.image, i, j, c)));
            QVERIFY2(worst < 12.0,
                     qPrintable(
                         QStringLiteral("%1 %2: %3").arg(QLatin1String(nameOf(kind))).arg(seed).arg(worst)));
        }
    }
}

void TestDrawnImage::anySize_data() {
    QTest::addColumn<int>("width");
    QTest::addColumn<int>("height");
    QTest::newRow("1x1") << 1 << 1;
    QTest::newRow("2x1") << 2 << 1;
    QTest::newRow("1x7") << 1 << 7;
    QTest::newRow("17x13") << 17 << 13;
    QTest::newRow("5000x10") << 5000 << 10;
    QTest::newRow("10x3000") << 10 << 3000;
    QTest::newRow("nothing") << 0 << 5;
    QTest::newRow("negative") << -3 << 5;
}

void TestDrawnImage::anySize() {
    QFETCH(int, width);
    QFETCH(int, height);
    const bool empty = width < 1 || height < 1;
    for (const DrawnKind kind : kKinds) {
        for (std::uint64_t seed = 0; seed < 12; ++seed) {
            const DrawnImage drawn = drawImage(kind, {width, height}, seed);
            const Size expected = empty ? Size{} : Size{width, height};
            QVERIFY(drawn.image.size == expected);
            QVERIFY(drawn.mask.size == expected);
            QCOMPARE(drawn.image.rgb.size(), expected.pixels() * 3);
            QCOMPARE(drawn.mask.labels.size(), expected.pixels());
        }
    }
}

void TestDrawnImage::artefactsArePinned_data() {
    QTest::addColumn<int>("which");
    QTest::addColumn<quint64>("picture");
    QTest::newRow("hairs") << 0 << quint64(0x89FCE6A28CFFF98Full);
    QTest::newRow("specular lights") << 1 << quint64(0x6C334FAC5263BD4Eull);
    QTest::newRow("ruler marks") << 2 << quint64(0x324C2866B9F06856ull);
    QTest::newRow("bubbles") << 3 << quint64(0x9B190ED3BD7B8B53ull);
}

namespace {
using Artefact = void (*)(std::uint8_t*, Size, std::uint64_t);
constexpr Artefact kArtefacts[] = {drawHairs, drawSpecularLights, drawRulerMarks, drawBubbles};
} // namespace

void TestDrawnImage::artefactsArePinned() {
    QFETCH(int, which);
    QFETCH(quint64, picture);
    constexpr Size kSize{160, 120};
    const std::vector<std::uint8_t> before(kSize.pixels() * 3, 128);
    std::vector<std::uint8_t> first = before;
    std::vector<std::uint8_t> second = before;
    kArtefacts[which](first.data(), kSize, 5);
    kArtefacts[which](second.data(), kSize, 6);
    QCOMPARE(quint64(fnv1a(first)), picture);
    QVERIFY(first != before);
    QVERIFY(first != second);
    // They are small things: most of the picture stays as it was.
    std::size_t changed = 0;
    for (std::size_t i = 0; i < first.size(); ++i)
        changed += first[i] != before[i];
    QVERIFY2(changed < first.size() / 2, qPrintable(QString::number(changed)));
}

void TestDrawnImage::artefactsAtAnySize() {
    for (const Artefact draw : kArtefacts) {
        for (const Size size : {Size{1, 1}, Size{300, 2}, Size{3, 200}}) {
            // A guard behind the picture shows a write past its end.
            std::vector<std::uint8_t> rgb(size.pixels() * 3 + 16, 77);
            for (std::uint64_t seed = 0; seed < 8; ++seed)
                draw(rgb.data(), size, seed);
            QVERIFY(std::all_of(rgb.end() - 16, rgb.end(), [](std::uint8_t v) { return v == 77; }));
        }
        std::uint8_t untouched = 9;
        draw(&untouched, {0, 4}, 1);
        QCOMPARE(untouched, std::uint8_t(9));
    }
}

QTEST_APPLESS_MAIN(TestDrawnImage)
#include "tst_drawn_image.moc"
