// SPDX-License-Identifier: GPL-3.0-or-later
// CIELAB against published values, the wand against flood filling by its definition.
#include "app/document/wand.h"
#include "tests/app/document/document_builders.h"

#include <QtTest/QTest>

#include <deque>

using namespace limn;
using namespace limn::test;

namespace {

ImagePtr image(Random& random, Size size, int colors) {
    auto result = std::make_shared<Image>();
    result->size = size;
    std::vector<std::array<std::uint8_t, 3>> palette;
    for (int i = 0; i < colors; ++i)
        palette.push_back({static_cast<std::uint8_t>(between(random, 0, 255)),
                           static_cast<std::uint8_t>(between(random, 0, 255)),
                           static_cast<std::uint8_t>(between(random, 0, 255))});
    const LabelMap places = blobs(random, size, colors - 1, 14);
    for (const std::uint8_t place : places.labels)
        for (const std::uint8_t value : palette[place])
            result->rgb.push_back(
                static_cast<std::uint8_t>(std::clamp(value + between(random, -3, 3), 0, 255)));
    return result;
}

// As the tiles store it.
std::array<int, 3> stored(const Lab& lab) {
    return {static_cast<int>(std::lround(lab.lightness * LabImage::kScale)),
            static_cast<int>(std::lround(lab.a * LabImage::kScale)),
            static_cast<int>(std::lround(lab.b * LabImage::kScale))};
}

} // namespace

class TestWand : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void labOfKnownColours_data();
    void labOfKnownColours();
    void agreesWithFloodFilling();
    void crossesTiles();
    void optionsChangeTheSelection();
    void outsideGivesNothing();
    void preparedOnceForAll();
};

// Values of sRGB's corners with D65 as tables of colour conversions print them to two digits.
void TestWand::labOfKnownColours_data() {
    QTest::addColumn<int>("red");
    QTest::addColumn<int>("green");
    QTest::addColumn<int>("blue");
    QTest::addColumn<double>("lightness");
    QTest::addColumn<double>("a");
    QTest::addColumn<double>("b");
    QTest::newRow("black") << 0 << 0 << 0 << 0.0 << 0.0 << 0.0;
    QTest::newRow("white") << 255 << 255 << 255 << 100.0 << 0.0 << 0.0;
    QTest::newRow("grey") << 119 << 119 << 119 << 50.03 << 0.0 << 0.0;
    QTest::newRow("red") << 255 << 0 << 0 << 53.24 << 80.09 << 67.20;
    QTest::newRow("green") << 0 << 255 << 0 << 87.73 << -86.18 << 83.18;
    QTest::newRow("blue") << 0 << 0 << 255 << 32.30 << 79.19 << -107.86;
    QTest::newRow("yellow") << 255 << 255 << 0 << 97.14 << -21.55 << 94.48;
}

void TestWand::labOfKnownColours() {
    QFETCH(int, red);
    QFETCH(int, green);
    QFETCH(int, blue);
    QFETCH(double, lightness);
    QFETCH(double, a);
    QFETCH(double, b);
    const Lab lab = labOfSrgb(static_cast<std::uint8_t>(red), static_cast<std::uint8_t>(green),
                              static_cast<std::uint8_t>(blue));
    QVERIFY2(std::abs(lab.lightness - lightness) < 0.02, QByteArray::number(lab.lightness));
    QVERIFY2(std::abs(lab.a - a) < 0.03, QByteArray::number(lab.a));
    QVERIFY2(std::abs(lab.b - b) < 0.03, QByteArray::number(lab.b));
}

void TestWand::agreesWithFloodFilling() {
    Random random(61);
    for (int round = 0; round < 250; ++round) {
        const Size size = randomSize(random);
        const ImagePtr picture = image(random, size, 4);
        const LabImage lab(picture);
        WandOptions options;
        options.tolerance = between(random, 0.0, 60.0);
        options.sampleSize = 1 + 2 * between(random, 0, 2);
        options.connected = round % 3 != 0;
        if (round % 4 == 0)
            options.limits = Rect{between(random, -4, 20), between(random, -4, 20), between(random, 1, 40),
                                  between(random, 1, 40)};
        const int seedX = between(random, 0, size.width - 1);
        const int seedY = between(random, 0, size.height - 1);
        const Rect limits = options.limits ? intersected(*options.limits, whole(size)) : whole(size);
        LabelMap expected(size);
        if (!intersected(limits, {seedX, seedY, 1, 1}).empty()) {
            const std::array<int, 3> seed = stored(lab.mean(seedX, seedY, options.sampleSize));
            const auto near = [&](int x, int y) {
                const std::uint8_t* rgb = picture->pixel(x, y);
                const std::array<int, 3> c = stored(labOfSrgb(rgb[0], rgb[1], rgb[2]));
                const double dl = (c[0] - seed[0]) / 64.0;
                const double da = (c[1] - seed[1]) / 64.0;
                const double db = (c[2] - seed[2]) / 64.0;
                return std::sqrt(dl * dl + da * da + db * db) <= options.tolerance;
            };
            std::deque<std::pair<int, int>> queue;
            const auto visit = [&](int x, int y, bool always) {
                if (!intersected(limits, {x, y, 1, 1}).empty() && expected.at(x, y) == 0 &&
                    (always || near(x, y))) {
                    expected.at(x, y) = 1;
                    queue.emplace_back(x, y);
                }
            };
            if (options.connected) {
                visit(seedX, seedY, true);
                while (!queue.empty()) {
                    const auto [x, y] = queue.front();
                    queue.pop_front();
                    visit(x - 1, y, false);
                    visit(x + 1, y, false);
                    visit(x, y - 1, false);
                    visit(x, y + 1, false);
                }
            } else {
                for (int y = 0; y < size.height; ++y)
                    for (int x = 0; x < size.width; ++x)
                        visit(x, y, false);
            }
        }
        const PixelArea found = wandArea(lab, seedX, seedY, options);
        QVERIFY2(difference(found, expected).isEmpty(),
                 "round " + QByteArray::number(round) + " " + difference(found, expected));
    }
}

void TestWand::crossesTiles() {
    auto picture = std::make_shared<Image>();
    picture->size = {1100, 530};
    picture->rgb.assign(picture->size.pixels() * 3, 200);
    for (int y = 0; y < 530; ++y)
        for (int channel = 0; channel < 3; ++channel)
            picture->rgb[(static_cast<std::size_t>(y) * 1100 + 700) * 3 + static_cast<std::size_t>(channel)] =
                20;
    const LabImage lab(picture);
    WandOptions options;
    options.tolerance = 5.0;
    QVERIFY(wandArea(lab, 3, 3, options) == PixelArea::rectangle({0, 0, 700, 530}));
    QVERIFY(wandArea(lab, 1099, 529, options) == PixelArea::rectangle({701, 0, 399, 530}));
    QVERIFY(wandArea(lab, 700, 0, options) == PixelArea::rectangle({700, 0, 1, 530}));
    options.connected = false;
    QCOMPARE(wandArea(lab, 3, 3, options).pixels(), std::size_t{1099 * 530});
}

void TestWand::optionsChangeTheSelection() {
    auto picture = std::make_shared<Image>();
    picture->size = {40, 40};
    picture->rgb.assign(picture->size.pixels() * 3, 180);
    for (int channel = 0; channel < 3; ++channel)
        picture->rgb[(20 * 40 + 20) * 3 + static_cast<std::size_t>(channel)] = 10;
    const LabImage lab(picture);
    WandOptions options;
    QCOMPARE(wandArea(lab, 0, 0, options).pixels(), std::size_t{1599});
    options.fillHoles = true;
    QCOMPARE(wandArea(lab, 0, 0, options).pixels(), std::size_t{1600});
    options.fillHoles = false;
    options.smoothingPx = 2.0;
    QCOMPARE(wandArea(lab, 0, 0, options).pixels(), std::size_t{1600});
    // The mean of 3 x 3 around the dark pixel is nearer to its surroundings than the pixel itself.
    options = {};
    QCOMPARE(wandArea(lab, 20, 20, options).pixels(), std::size_t{1});
    options.sampleSize = 3;
    QCOMPARE(wandArea(lab, 20, 20, options).pixels(), std::size_t{1600});
}

void TestWand::outsideGivesNothing() {
    auto picture = std::make_shared<Image>();
    picture->size = {1, 1};
    picture->rgb = {1, 2, 3};
    const LabImage lab(picture);
    QVERIFY(wandArea(lab, 0, 0, {}) == PixelArea::rectangle({0, 0, 1, 1}));
    QVERIFY(wandArea(lab, -1, 0, {}).empty());
    QVERIFY(wandArea(lab, 0, 1, {}).empty());
    WandOptions elsewhere;
    elsewhere.limits = Rect{5, 5, 2, 2};
    QVERIFY(wandArea(lab, 0, 0, elsewhere).empty());
    WandOptions strange;
    strange.tolerance = std::nan("");
    QCOMPARE(wandArea(lab, 0, 0, strange).pixels(), std::size_t{1});
}

void TestWand::preparedOnceForAll() {
    // Dark at the left, within the first tiles.
    auto image = std::make_shared<Image>();
    image->size = {1300, 700};
    for (std::size_t i = 0; i < image->size.pixels(); ++i)
        image->rgb.insert(image->rgb.end(), 3, i % 1300 < 500 ? 60 : 200);
    const LabImage lab(image);
    QVERIFY(!lab.prepared());
    CancelToken token;
    token.cancel();
    lab.prepareAll(&token);
    QVERIFY(!lab.prepared());
    WandOptions options;
    QVERIFY(wandArea(lab, 200, 300, options, &token).empty());
    const PixelArea area = wandArea(lab, 200, 300, options);
    QCOMPARE(area.pixels(), std::size_t(500 * 700));
    QVERIFY(!lab.prepared()); // what the selection needed alone
    lab.prepareAll();
    QVERIFY(lab.prepared());
    QVERIFY(wandArea(lab, 200, 300, options) == area);
}

QTEST_APPLESS_MAIN(TestWand)
#include "tst_wand.moc"
