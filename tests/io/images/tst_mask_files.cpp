// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: masks, label maps and probabilities come back exactly, as independent PNG readers see them too.
// PNG headers are judged by hand from the PNG specification.
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"
#include "sample_files.h"

#include <QDir>
#include <QFile>
#include <QImage>
#include <QTemporaryDir>
#include <QTest>

#include <numeric>
#include <random>

using namespace limn;
using namespace limn::testing;

namespace {

LabelMap drawnLabels() {
    LabelMap labels(kSize);
    for (int y = 0; y < kSize.height; ++y)
        for (int x = 0; x < kSize.width; ++x)
            labels.at(x, y) = static_cast<std::uint8_t>((x / 5 + y / 4) % 7 == 0 ? 0 : (x * y) % 256);
    labels.at(0, 0) = 1;
    labels.at(36, 0) = 2;
    labels.at(0, 22) = 3;
    labels.at(36, 22) = 255;
    return labels;
}

} // namespace

class TestMaskFiles : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::string file(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

private Q_SLOTS:
    void labelMapRoundTrip() {
        const LabelMap labels = drawnLabels();
        QVERIFY(writeLabelMap(file("l.png"), labels).ok());
        const Result<LabelMap> back = readLabelMap(file("l.png"));
        QVERIFY2(back.ok(), back.ok() ? "" : back.error().message().c_str());
        QVERIFY(*back == labels);
        // An independent reader sees the same values at the same places, in an 8-bit grey file.
        const Bytes bytes = readBytes(file("l.png"));
        QCOMPARE(int(bytes[24]), 8); // IHDR: bit depth
        QCOMPARE(int(bytes[25]), 0); // IHDR: colour type grey
        const QImage picture(QString::fromStdString(file("l.png")));
        QCOMPARE(picture.size(), QSize(37, 23));
        QCOMPARE(qRed(picture.pixel(36, 0)), 2);
        QCOMPARE(qRed(picture.pixel(0, 22)), 3);
        QCOMPARE(qRed(picture.pixel(36, 22)), 255);
    }
    void maskIsZeroAnd255() {
        const LabelMap labels = drawnLabels();
        QVERIFY(writeMask(file("m.png"), labels).ok());
        const Result<Image> picture = readImage(file("m.png"));
        QVERIFY(picture.ok());
        LabelMap expected(kSize);
        for (std::size_t i = 0; i < labels.labels.size(); ++i) {
            expected.labels[i] = labels.labels[i] != 0 ? 1 : 0;
            const int shown = picture->rgb[i * 3];
            if (shown != (labels.labels[i] != 0 ? 255 : 0))
                QFAIL("a mask holds another value than 0 and 255");
        }
        const Result<LabelMap> mask = readMask(file("m.png"));
        QVERIFY(mask.ok());
        QVERIFY(*mask == expected);
    }
    void maskMadeWhileItIsWritten() {
        const Size size{37, 23};
        LabelMap labels(size);
        for (std::size_t i = 0; i < labels.labels.size(); ++i)
            labels.labels[i] = static_cast<std::uint8_t>(i * 7 % 5 == 0 ? 0 : i % 256);
        QVERIFY(writeMask(file("whole.png"), labels).ok());
        std::vector<int> asked;
        const Result<void> written = writeMask(file("rows.png"), size, [&](int y, std::uint8_t* row) {
            asked.push_back(y);
            std::copy_n(labels.labels.data() + static_cast<std::size_t>(y) * 37, 37, row);
        });
        QVERIFY(written.ok());
        std::vector<int> each(23);
        std::iota(each.begin(), each.end(), 0);
        QVERIFY(asked == each);
        const Result<LabelMap> whole = readLabelMap(file("whole.png"));
        const Result<LabelMap> rows = readLabelMap(file("rows.png"));
        QVERIFY(whole.ok() && rows.ok());
        QVERIFY(*rows == *whole);
        QVERIFY(!writeMask(file("none.png"), Size{0, 5}, [](int, std::uint8_t*) {}).ok());
    }

    // Masks are packed by code of our own. What libpng and zlib make of it is judged by libpng with all
    // checks on (QImage), at sizes where runs end at rows, at words and in between.
    void masksOfManyShapes_data() {
        QTest::addColumn<int>("width");
        QTest::addColumn<int>("height");
        QTest::addColumn<int>("kind");
        int kind = 0;
        for (const char* name : {"empty", "full", "disc", "stripes", "noise", "corner"}) {
            for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {8, 8}, {259, 2}, {1000, 700}})
                QTest::addRow("%s %d x %d", name, width, height) << width << height << kind;
            ++kind;
        }
    }
    void masksOfManyShapes() {
        QFETCH(int, width);
        QFETCH(int, height);
        QFETCH(int, kind);
        std::mt19937 random(5);
        LabelMap labels(Size{width, height});
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                const int dx = 2 * x - width;
                const int dy = 2 * y - height;
                const bool shapes[] = {false,
                                       true,
                                       dx * dx + dy * dy < width * height,
                                       x % 5 < 2,
                                       random() % 2 == 0,
                                       x + 1 == width && y + 1 == height};
                labels.at(x, y) = static_cast<std::uint8_t>(shapes[kind] ? 1 + random() % 255 : 0);
            }
        }
        QVERIFY(writeMask(file("shape.png"), labels).ok());
        const QImage picture(QString::fromStdString(file("shape.png")));
        QCOMPARE(picture.size(), QSize(width, height));
        QCOMPARE(picture.format(), QImage::Format_Grayscale8);
        const Result<LabelMap> read = readLabelMap(file("shape.png"));
        QVERIFY2(read.ok(), read.ok() ? "" : read.error().message().c_str());
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                const int expected = labels.at(x, y) != 0 ? 255 : 0;
                if (picture.scanLine(y)[x] != expected || read->at(x, y) != expected)
                    QFAIL(qPrintable(QStringLiteral("(%1, %2) differs").arg(x).arg(y)));
            }
        }
    }

    void masksOfOtherKinds() {
        // 0 and 1 in PNG, lossy JPEG, one-bit PNG: all are masks somebody has.
        LabelMap expected(kSize);
        for (int y = 5; y < 20; ++y)
            for (int x = 8; x < 30; ++x)
                expected.at(x, y) = 1;
        QVERIFY(writeLabelMap(file("01.png"), expected).ok());
        std::vector<std::uint8_t> wide(expected.labels);
        for (auto& value : wide)
            value = static_cast<std::uint8_t>(value * 255);
        writeJpegFile(file("m.jpg"), {.channels = 1, .data = wide.data(), .quality = 95});
        writePngFile(file("bit.png"), {.bits = 1, .colourType = 0, .data = expected.labels.data()});
        for (const char* name : {"01.png", "m.jpg", "bit.png"}) {
            const Result<LabelMap> mask = readMask(file(name));
            QVERIFY2(mask.ok(), name);
            QVERIFY2(*mask == expected, name);
        }
    }
    void paletteIndicesAreLabels() {
        const std::vector<std::uint8_t> indices{0, 1, 2, 1};
        writePngFile(file("pal.png"), {.size = {2, 2},
                                       .bits = 2,
                                       .colourType = 3,
                                       .data = indices.data(),
                                       .palette = {0, 0, 0, 255, 0, 0, 0, 255, 0}});
        const Result<LabelMap> labels = readLabelMap(file("pal.png"));
        QVERIFY(labels.ok());
        QVERIFY(labels->labels == indices);
    }
    void colourIsNoLabelMap() {
        const auto rgb = patternRgb();
        writePngFile(file("rgb.png"), {.data = rgb.data()});
        const Result<LabelMap> labels = readLabelMap(file("rgb.png"));
        QVERIFY(!labels.ok());
        QVERIFY(labels.error().code == ErrorCode::FeatureNotHandled);
        QVERIFY(labels.error().message().find("rgb.png") != std::string::npos);
    }
    void probabilityIs16Bit() {
        ProbabilityMap map;
        map.size = kSize;
        map.values = pattern16(kSize, 1, 65535);
        QVERIFY(writeProbability(file("p.png"), map).ok());
        QCOMPARE(int(readBytes(file("p.png"))[24]), 16);
        const Result<Image> image = readImage(file("p.png"));
        QVERIFY(image.ok());
        QVERIFY(image->deep && image->deep->samples == map.values);
    }
    void pictures() {
        Image image;
        image.size = {61, 43};
        image.rgb = smoothRgb(image.size);
        QVERIFY(writePng(file("a.png"), image).ok());
        const Result<Image> png = readImage(file("a.png"));
        QVERIFY(png.ok());
        QCOMPARE(difference(png->rgb, image.rgb, image.size), QString());
        QVERIFY(writeJpeg(file("a.jpg"), image, 95).ok());
        const Result<Image> jpeg = readImage(file("a.jpg"));
        QVERIFY(jpeg.ok());
        QCOMPARE(difference(jpeg->rgb, image.rgb, image.size, 8), QString());
        const Result<void> quality = writeJpeg(file("b.jpg"), image, 0);
        QVERIFY(!quality.ok() && quality.error().code == ErrorCode::InvalidArgument);
        image.rgb.pop_back();
        const Result<void> wrong = writePng(file("b.png"), image);
        QVERIFY(!wrong.ok() && wrong.error().code == ErrorCode::InvalidArgument);
        QVERIFY(!QFile::exists(QString::fromStdString(file("b.png"))));
    }

    void emptyMapIsRefused() {
        const Result<void> written = writeLabelMap(file("empty.png"), LabelMap{});
        QVERIFY(!written.ok() && written.error().code == ErrorCode::InvalidArgument);
    }
};

QTEST_GUILESS_MAIN(TestMaskFiles)
#include "tst_mask_files.moc"
