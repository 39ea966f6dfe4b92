// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: every format and variant opens through readImage with each pixel at its place, in sRGB, the right
// way up; probeImage says the same without decoding. Files are written by the codec libraries
// (sample_files.h); expected values come from the pattern itself or from the standard's formula.
#include "io/images/image_reader.h"
#include "sample_files.h"

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include <exiv2/exiv2.hpp>
#include <tiffio.h>
#include <zlib.h>

using namespace limn;
using namespace limn::testing;

namespace {

std::string failure(const Result<Image>& image) {
    return image ? std::string() : image.error().message();
}

// What readImageRows() makes of a file as a picture, to stand beside readImage()'s.
Result<Image> readByRows(const std::string& path) {
    std::vector<std::uint8_t> rgb;
    std::size_t rowBytes = 0;
    const RowSink sink = {[&](Size size) { rowBytes = static_cast<std::size_t>(size.width) * 3; },
                          [&](const std::uint8_t* rows, int count) {
                              rgb.insert(rgb.end(), rows, rows + rowBytes * static_cast<std::size_t>(count));
                          }};
    Result<Image> image = readImageRows(path, sink);
    if (image) {
        if (!image->rgb.empty())
            return Error{ErrorCode::InvalidArgument, {"The picture", "in memory", "handed on"}};
        image->rgb = std::move(rgb);
    }
    return image;
}

} // namespace

#define READ(image, path)                                                                                    \
    const Result<Image> image##Result = readImage(path);                                                     \
    QVERIFY2(image##Result.ok(), failure(image##Result).c_str());                                            \
    const Image& image = *image##Result;                                                                     \
    const Result<Image> image##Rows = readByRows(path);                                                      \
    QVERIFY2(image##Rows.ok(), failure(image##Rows).c_str());                                                \
    QVERIFY(image##Rows->rgb == image.rgb && image##Rows->size == image.size);                               \
    QVERIFY(image##Rows->notes == image.notes && image##Rows->format == image.format)

class TestImageReader : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::string file(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

private Q_SLOTS:
    // --- PNG ---
    void pngRgb() {
        const auto rgb = patternRgb();
        writePngFile(file("a.png"), {.data = rgb.data()});
        READ(image, file("a.png"));
        QCOMPARE(image.format, std::string("PNG"));
        QVERIFY(image.size == kSize);
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        QVERIFY(!image.deep);
        QVERIFY(!image.spacing);
        QVERIFY(image.notes.empty());
        // The four corners, by hand.
        QCOMPARE(int(image.pixel(0, 0)[0]), 0);
        QCOMPARE(int(image.pixel(36, 0)[0]), 255);
        QCOMPARE(int(image.pixel(36, 0)[1]), 0);
        QCOMPARE(int(image.pixel(0, 22)[1]), 255);
        QCOMPARE(int(image.pixel(0, 22)[0]), 0);
        QCOMPARE(int(image.pixel(36, 22)[0]), 255);
    }
    void pngInterlaced() {
        const auto rgb = patternRgb();
        writePngFile(file("i.png"), {.data = rgb.data(), .interlaced = true});
        READ(image, file("i.png"));
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
    }
    void pngGrey() {
        const auto grey = patternGrey();
        writePngFile(file("g.png"), {.colourType = 0, .data = grey.data()});
        READ(image, file("g.png"));
        QCOMPARE(difference(image.rgb, greyToRgb(grey), kSize), QString());
    }
    void pngFewBits_data() {
        QTest::addColumn<int>("bits");
        for (int bits : {1, 2, 4})
            QTest::addRow("%d bits", bits) << bits;
    }
    void pngFewBits() {
        QFETCH(int, bits);
        auto grey = patternGrey();
        const int top = (1 << bits) - 1;
        for (auto& value : grey)
            value = static_cast<std::uint8_t>(value % (top + 1));
        writePngFile(file("b.png"), {.bits = bits, .colourType = 0, .data = grey.data()});
        for (auto& value : grey)
            value = static_cast<std::uint8_t>(value * 255 / top);
        READ(image, file("b.png"));
        QCOMPARE(difference(image.rgb, greyToRgb(grey), kSize), QString());
    }
    void pngPalette() {
        std::vector<std::uint8_t> palette;
        for (int i = 0; i < 256; ++i)
            palette.insert(palette.end(),
                           {std::uint8_t(i), std::uint8_t(255 - i), std::uint8_t(i * 7 % 256)});
        const auto indices = patternGrey();
        writePngFile(file("p.png"), {.colourType = 3, .data = indices.data(), .palette = palette});
        std::vector<std::uint8_t> expected;
        for (std::uint8_t index : indices)
            expected.insert(expected.end(), palette.begin() + index * 3, palette.begin() + index * 3 + 3);
        READ(image, file("p.png"));
        QCOMPARE(difference(image.rgb, expected, kSize), QString());
    }
    void pngPaletteWithTransparentEntry() {
        const std::vector<std::uint8_t> indices{0, 1, 1, 0};
        writePngFile(file("pt.png"), {.size = {2, 2},
                                      .colourType = 3,
                                      .data = indices.data(),
                                      .palette = {200, 100, 50, 10, 20, 30},
                                      .paletteAlpha = {0}});
        READ(image, file("pt.png"));
        QCOMPARE(difference(image.rgb, {255, 255, 255, 10, 20, 30, 10, 20, 30, 255, 255, 255}, {2, 2}),
                 QString());
    }
    void alphaIsLaidOverWhite() {
        const std::vector<std::uint8_t> rgba{200, 100, 50, 255, 200, 100, 50, 0, 0, 0, 0, 128, 255, 0, 0, 51};
        writePngFile(file("al.png"), {.size = {4, 1}, .colourType = 6, .data = rgba.data()});
        READ(image, file("al.png"));
        // c * a + 255 * (1 - a), by hand
        QCOMPARE(difference(image.rgb, {200, 100, 50, 255, 255, 255, 127, 127, 127, 255, 204, 204}, {4, 1}),
                 QString());
        const std::vector<std::uint8_t> greyAlpha{0, 255, 0, 0, 100, 255, 0, 128};
        writePngFile(file("ga.png"), {.size = {4, 1}, .colourType = 4, .data = greyAlpha.data()});
        READ(grey, file("ga.png"));
        QCOMPARE(difference(grey.rgb, greyToRgb({0, 255, 100, 127}), {4, 1}), QString());
    }
    void png16KeepsItsSamples() {
        const auto deep = pattern16(kSize, 3, 65535);
        writePngFile(file("d.png"), {.bits = 16, .data = deep.data()});
        READ(image, file("d.png"));
        QVERIFY(image.deep);
        QCOMPARE(image.deep->channels, 3);
        QCOMPARE(image.deep->bitsStored, 16);
        QVERIFY(image.deep->samples == deep);
        for (std::size_t i = 0; i < deep.size(); ++i)
            if (image.rgb[i] != std::lround(deep[i] / 257.0))
                QFAIL(qPrintable(
                    QStringLiteral("sample %1: %2 shown as %3").arg(i).arg(deep[i]).arg(image.rgb[i])));
    }
    void png16WithSignificantBits() {
        // 12 significant bits are stored scaled up; libpng's shift gives them back.
        auto deep = pattern16(kSize, 1, 4095);
        const auto original = deep;
        for (auto& value : deep)
            value = static_cast<std::uint16_t>(value << 4 | value >> 8);
        writePngFile(file("s.png"),
                     {.bits = 16, .colourType = 0, .data = deep.data(), .significantBits = 12});
        READ(image, file("s.png"));
        QVERIFY(image.deep);
        QCOMPARE(image.deep->bitsStored, 12);
        QVERIFY(image.deep->samples == original);
        QCOMPARE(int(image.rgb.back()), 255);
    }
    void every16BitValueIsRoundedToNearest() {
        std::vector<std::uint16_t> all(65536);
        for (int i = 0; i < 65536; ++i)
            all[i] = static_cast<std::uint16_t>(i);
        writePngFile(file("all.png"), {.size = {256, 256}, .bits = 16, .colourType = 0, .data = all.data()});
        READ(image, file("all.png"));
        int wrong = 0;
        for (int i = 0; i < 65536; ++i)
            wrong += image.rgb[static_cast<std::size_t>(i) * 3] != std::lround(i * 255.0 / 65535.0);
        QCOMPARE(wrong, 0);
    }

    // --- JPEG ---
    void jpeg_data() {
        QTest::addColumn<bool>("progressive");
        QTest::addColumn<bool>("subsampled");
        QTest::newRow("baseline") << false << false;
        QTest::newRow("progressive") << true << false;
        QTest::newRow("subsampled") << false << true;
    }
    void jpeg() {
        QFETCH(bool, progressive);
        QFETCH(bool, subsampled);
        const Size size{61, 43};
        const auto rgb = smoothRgb(size);
        writeJpegFile(
            file("a.jpg"),
            {.size = size, .data = rgb.data(), .progressive = progressive, .subsampled = subsampled});
        READ(image, file("a.jpg"));
        QCOMPARE(image.format, std::string("JPEG"));
        QCOMPARE(difference(image.rgb, rgb, size, 4), QString());
    }
    void jpegGrey() {
        const Size size{61, 43};
        std::vector<std::uint8_t> grey;
        for (int i = 0; i < 61 * 43; ++i)
            grey.push_back(static_cast<std::uint8_t>(20 + i % 61 * 3));
        writeJpegFile(file("g.jpg"), {.size = size, .channels = 1, .data = grey.data()});
        READ(image, file("g.jpg"));
        QCOMPARE(difference(image.rgb, greyToRgb(grey), size, 3), QString());
    }
    void jpegCmyk_data() {
        QTest::addColumn<bool>("adobe");
        QTest::newRow("inverted, as Adobe writes") << true;
        QTest::newRow("plain") << false;
    }
    void jpegCmyk() {
        QFETCH(bool, adobe);
        // Three flat fields: pure cyan ink, half black, paper.
        const Size size{48, 16};
        std::vector<std::uint8_t> cmyk;
        for (int i = 0; i < 48 * 16; ++i) {
            const int field = i % 48 / 16;
            for (int ink : {field == 0 ? 255 : 0, 0, 0, field == 1 ? 128 : 0})
                cmyk.push_back(static_cast<std::uint8_t>(adobe ? 255 - ink : ink));
        }
        writeJpegFile(file("c.jpg"), {.size = size, .channels = 4, .data = cmyk.data(), .adobe = adobe});
        READ(image, file("c.jpg"));
        const auto close = [&](int x, int red, int green, int blue) {
            const std::uint8_t* pixel = image.pixel(x, 8);
            return std::abs(pixel[0] - red) <= 3 && std::abs(pixel[1] - green) <= 3 &&
                   std::abs(pixel[2] - blue) <= 3;
        };
        QVERIFY(close(8, 0, 255, 255));
        QVERIFY(close(24, 127, 127, 127));
        QVERIFY(close(40, 255, 255, 255));
        QVERIFY(!image.notes.empty());
    }
    void exifOrientation_data() {
        QTest::addColumn<int>("orientation");
        for (int orientation = 1; orientation <= 8; ++orientation)
            QTest::addRow("%d", orientation) << orientation;
    }
    void exifOrientation() {
        QFETCH(int, orientation);
        const Size size{61, 43};
        const auto rgb = smoothRgb(size);
        const std::string path = file("e.jpg");
        writeJpegFile(path, {.size = size, .data = rgb.data()});
        {
            Exiv2::ExifData data;
            data["Exif.Image.Orientation"] = static_cast<std::uint16_t>(orientation);
            data["Exif.Image.Make"] = "Drawn";
            const auto exif = Exiv2::ImageFactory::open(path);
            exif->setExifData(data);
            exif->writeMetadata();
        }
        const Bytes before = readBytes(path);
        READ(image, path);
        const Size expected = orientation >= 5 ? Size{43, 61} : size;
        QVERIFY(image.size == expected);
        QCOMPARE(difference(image.rgb, orientedPicture(rgb, size, orientation), expected, 4), QString());
        const Result<ImageProbe> probe = probeImage(path);
        QVERIFY(probe.ok());
        QCOMPARE(probe->orientation, orientation);
        QVERIFY(probe->size == expected);
        QVERIFY(readBytes(path) == before);
    }
    void pngExifOrientation() {
        const auto rgb = patternRgb();
        for (int orientation = 1; orientation <= 8; ++orientation) {
            writePngFile(file("o.png"), {.data = rgb.data(), .exif = exifBlock(orientation)});
            READ(image, file("o.png"));
            QCOMPARE(difference(image.rgb, orientedPicture(rgb, kSize, orientation), image.size), QString());
        }
    }
    void orientationTurnsDeepSamplesToo() {
        const auto deep = pattern16(kSize, 1, 65535);
        writePngFile(file("do.png"),
                     {.bits = 16, .colourType = 0, .data = deep.data(), .exif = exifBlock(6)});
        READ(image, file("do.png"));
        QVERIFY(image.deep);
        // A quarter turn clockwise: the stored left column, from bottom to top, becomes the top row.
        for (int x = 0; x < image.size.width; ++x)
            QCOMPARE(image.deep->samples[x], deep[static_cast<std::size_t>(22 - x) * 37]);
    }

    // --- Colour profiles ---
    void linearProfileIsConverted_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"icc.png", "icc.jpg", "icc.tif", "icc.dcm"})
            QTest::newRow(name) << QString::fromLatin1(name);
    }
    void linearProfileIsConverted() {
        QFETCH(QString, name);
        const Size size{61, 43};
        const auto rgb = smoothRgb(size);
        const std::string path = file(name.toStdString());
        const Bytes icc = linearRgbProfile();
        if (name.endsWith(QStringLiteral("png")))
            writePngFile(path, {.size = size, .data = rgb.data(), .icc = icc});
        else if (name.endsWith(QStringLiteral("jpg")))
            writeJpegFile(path, {.size = size, .data = rgb.data(), .icc = icc});
        else if (name.endsWith(QStringLiteral("tif")))
            writeTiffFile(path, {{.size = size, .data = rgb.data(), .icc = icc}});
        else
            writeDicomFile(path, {.size = size, .pixels = rgb, .icc = icc});
        std::vector<std::uint8_t> expected;
        for (std::uint8_t value : rgb)
            expected.push_back(static_cast<std::uint8_t>(srgbOfLinear(value)));
        READ(image, path);
        QCOMPARE(difference(image.rgb, expected, size, 5), QString());
    }
    void everyValueOfALinearProfileIsRight() {
        // All greys, then each channel alone, against the standard's curve: not more than one level off.
        const Size size{256, 4};
        std::vector<std::uint8_t> rgb(size.pixels() * 3);
        for (std::size_t row = 0; row < 4; ++row)
            for (std::size_t value = 0; value < 256; ++value)
                for (std::size_t channel = 0; channel < 3; ++channel)
                    if (row == 0 || row == channel + 1)
                        rgb[(row * 256 + value) * 3 + channel] = static_cast<std::uint8_t>(value);
        writePngFile(file("values.png"), {.size = size, .data = rgb.data(), .icc = linearRgbProfile()});
        std::vector<std::uint8_t> expected;
        for (std::uint8_t value : rgb)
            expected.push_back(static_cast<std::uint8_t>(srgbOfLinear(value)));
        READ(image, file("values.png"));
        QCOMPARE(difference(image.rgb, expected, size, 1), QString());
    }
    void profileAndOrientationOfLargeJpegs_data() {
        QTest::addColumn<int>("orientation");
        for (int orientation = 1; orientation <= 8; ++orientation)
            QTest::addRow("%d", orientation) << orientation;
    }
    void profileAndOrientationOfLargeJpegs() {
        // Several bands of rows, the last of them not full.
        QFETCH(int, orientation);
        const Size size{1101, 707};
        const auto rgb = smoothRgb(size);
        writeJpegFile(
            file("large.jpg"),
            {.size = size, .data = rgb.data(), .icc = linearRgbProfile(), .exif = exifBlock(orientation)});
        std::vector<std::uint8_t> expected;
        for (std::uint8_t value : orientedPicture(rgb, size, orientation))
            expected.push_back(static_cast<std::uint8_t>(srgbOfLinear(value)));
        READ(image, file("large.jpg"));
        const Size turned = orientation >= 5 ? Size{707, 1101} : size;
        QVERIFY(image.size == turned);
        QVERIFY(image.notes.empty());
        QCOMPARE(difference(image.rgb, expected, turned, 12), QString());
    }
    void previewsCoverTheImage_data() {
        QTest::addColumn<int>("orientation");
        QTest::addColumn<bool>("cut");
        QTest::addColumn<bool>("progressive");
        for (int orientation = 1; orientation <= 8; ++orientation) {
            QTest::addRow("%d", orientation) << orientation << false << false;
            QTest::addRow("%d, last pixels cut", orientation) << orientation << true << false;
        }
        QTest::addRow("progressive") << 1 << true << true;
    }
    void previewsCoverTheImage() {
        QFETCH(int, orientation);
        QFETCH(bool, cut);
        QFETCH(bool, progressive);
        // Waves that a shift by one pixel moves by up to ten levels.
        const Size size = cut ? Size{1101, 707} : Size{1104, 704};
        std::vector<std::uint8_t> rgb;
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x)
                for (const double wave : {std::sin(x * 0.1), std::sin(y * 0.1), std::sin((x + y) * 0.05)})
                    rgb.push_back(static_cast<std::uint8_t>(std::lround(127 + 100 * wave)));
        writeJpegFile(
            file("waves.jpg"),
            {.size = size, .data = rgb.data(), .progressive = progressive, .exif = exifBlock(orientation)});
        READ(image, file("waves.jpg"));
        const std::optional<ImagePreview> preview = readImagePreview(file("waves.jpg"), 150);
        if (cut && orientation != 1 && orientation != 5) {
            // A cut pixel at the side that turning brings to the left or the top: nothing rather than a
            // shift.
            QVERIFY(!preview);
            return;
        }
        QVERIFY(preview.has_value());
        QCOMPARE(preview->halvings, 2);
        QVERIFY(preview->imageSize == image.size);
        QVERIFY((preview->size == Size{(image.size.width + 3) / 4, (image.size.height + 3) / 4}));
        QCOMPARE(preview->rgb.size(), preview->size.pixels() * 3);
        int worst = 0;
        for (int y = 0; y < preview->size.height; ++y)
            for (int x = 0; x < preview->size.width; ++x)
                for (int c = 0; c < 3; ++c) {
                    int sum = 0, count = 0;
                    for (int iy = 4 * y; iy < std::min(4 * y + 4, image.size.height); ++iy)
                        for (int ix = 4 * x; ix < std::min(4 * x + 4, image.size.width); ++ix, ++count)
                            sum += image.pixel(ix, iy)[c];
                    const std::size_t at = (static_cast<std::size_t>(y) * preview->size.width + x) * 3 + c;
                    worst = std::max(worst, std::abs(preview->rgb[at] - sum / count));
                }
        QVERIFY2(worst <= 8, qPrintable(QString::number(worst)));
    }
    void previewsHaveTheImagesColours() {
        const Size size{1101, 707};
        const auto rgb = smoothRgb(size);
        writeJpegFile(file("colours.jpg"), {.size = size, .data = rgb.data(), .icc = linearRgbProfile()});
        READ(image, file("colours.jpg"));
        const std::optional<ImagePreview> preview = readImagePreview(file("colours.jpg"), 300);
        QVERIFY(preview.has_value());
        QCOMPARE(preview->halvings, 1);
        std::vector<std::uint8_t> expected;
        for (int y = 0; y < preview->size.height; ++y)
            for (int x = 0; x < preview->size.width; ++x)
                expected.insert(expected.end(), image.pixel(2 * x, 2 * y), image.pixel(2 * x, 2 * y) + 3);
        QCOMPARE(difference(preview->rgb, expected, preview->size, 12), QString());
    }
    void previewsThatWouldBringNothingAreLeftOut() {
        const Size size{1101, 707};
        const auto rgb = smoothRgb(size);
        writeJpegFile(file("whole.jpg"), {.size = size, .data = rgb.data()});
        QVERIFY(readImagePreview(file("whole.jpg"), 500).has_value());
        QVERIFY(!readImagePreview(file("whole.jpg"), 600)); // coarser than what is looked at
        writePngFile(file("whole.png"), {.size = size, .data = rgb.data()});
        QVERIFY(!readImagePreview(file("whole.png"), 200));
        writeJpegFile(file("small.jpg"), {.data = patternRgb().data()});
        QVERIFY(!readImagePreview(file("small.jpg"), 1));
        QVERIFY(!readImagePreview(file("missing.jpg"), 200));
        Bytes half = readBytes(file("whole.jpg"));
        half.resize(half.size() / 2);
        writeBytes(file("half.jpg"), half);
        QVERIFY(!readImagePreview(file("half.jpg"), 200)); // no picture with invented parts
        // Large pictures are worth half the pixels of the view.
        const Size large{2400, 1800};
        const auto much = smoothRgb(large);
        writeJpegFile(file("large.jpg"), {.size = large, .data = much.data()});
        const std::optional<ImagePreview> preview = readImagePreview(file("large.jpg"), 2000);
        QVERIFY(preview && preview->halvings == 1);
    }
    void srgbProfileChangesNothing() {
        const auto rgb = patternRgb();
        writePngFile(file("srgb.png"), {.data = rgb.data(), .icc = srgbProfile()});
        READ(image, file("srgb.png"));
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
    }
    void greyProfileIsConverted() {
        const auto grey = patternGrey();
        writePngFile(file("gicc.png"), {.colourType = 0, .data = grey.data(), .icc = linearGreyProfile()});
        std::vector<std::uint8_t> expected;
        for (std::uint8_t value : grey)
            expected.push_back(static_cast<std::uint8_t>(srgbOfLinear(value)));
        READ(image, file("gicc.png"));
        QCOMPARE(difference(image.rgb, greyToRgb(expected), kSize, 3), QString());
    }
    void damagedProfileIsSaid() {
        const auto rgb = patternRgb();
        Bytes icc = linearRgbProfile();
        std::fill(icc.begin() + 128, icc.end(), static_cast<unsigned char>(0xAA));
        const Size size{61, 43};
        const auto smooth = smoothRgb(size);
        writeJpegFile(file("bad.jpg"), {.size = size, .data = smooth.data(), .icc = icc});
        READ(image, file("bad.jpg"));
        QCOMPARE(difference(image.rgb, smooth, size, 4), QString());
        QCOMPARE(image.notes.size(), std::size_t{1});
    }

    // --- TIFF ---
    void tiff_data() {
        QTest::addColumn<int>("compression");
        QTest::addColumn<int>("tile");
        QTest::addColumn<bool>("planar");
        QTest::addColumn<bool>("bigEndian");
        QTest::addColumn<bool>("bigTiff");
        QTest::newRow("strips") << 1 << 0 << false << false << false;
        QTest::newRow("LZW") << 5 << 0 << false << false << false;
        QTest::newRow("Deflate, tiles") << 8 << 16 << false << false << false;
        QTest::newRow("PackBits, planes") << 32773 << 0 << true << false << false;
        QTest::newRow("big endian, planes in tiles") << 1 << 16 << true << true << false;
        QTest::newRow("BigTIFF") << 5 << 0 << false << false << true;
    }
    void tiff() {
        QFETCH(int, compression);
        QFETCH(int, tile);
        QFETCH(bool, planar);
        QFETCH(bool, bigEndian);
        QFETCH(bool, bigTiff);
        for (int bits : {8, 16}) {
            const auto rgb = patternRgb();
            auto deep = pattern16(kSize, 3, 65535);
            const auto planes = [&](auto values) {
                if (!planar)
                    return values;
                auto result = values;
                for (std::size_t i = 0; i < kSize.pixels(); ++i)
                    for (std::size_t channel = 0; channel < 3; ++channel)
                        result[channel * kSize.pixels() + i] = values[i * 3 + channel];
                return result;
            };
            const auto rgbPlanes = planes(rgb);
            const auto deepPlanes = planes(deep);
            TiffSpec spec{.bits = bits, .compression = compression, .tile = tile, .planar = planar};
            spec.bigEndian = bigEndian;
            spec.bigTiff = bigTiff;
            spec.horizontalPrediction = compression == 5;
            spec.data = bits == 8 ? static_cast<const void*>(rgbPlanes.data()) : deepPlanes.data();
            writeTiffFile(file("t.tif"), {spec});
            READ(image, file("t.tif"));
            QCOMPARE(image.format, std::string("TIFF"));
            if (bits == 8) {
                QCOMPARE(difference(image.rgb, rgb, kSize), QString());
            } else {
                QVERIFY(image.deep);
                QVERIFY(image.deep->samples == deep);
                QCOMPARE(int(image.rgb[3]), int(std::lround(deep[3] / 257.0)));
            }
        }
    }
    void tiffJpegInside() {
        const Size size{64, 48};
        const auto rgb = smoothRgb(size);
        writeTiffFile(file("tj.tif"), {{.size = size,
                                        .photometric = PHOTOMETRIC_YCBCR,
                                        .compression = COMPRESSION_JPEG,
                                        .rowsPerStrip = 16,
                                        .data = rgb.data()}});
        READ(image, file("tj.tif"));
        QCOMPARE(difference(image.rgb, rgb, size, 6), QString());
    }
    void tiffPaletteAndInvertedGrey() {
        const auto grey = patternGrey();
        std::vector<std::uint16_t> palette(768);
        std::vector<std::uint8_t> expected;
        for (int i = 0; i < 256; ++i) {
            palette[i] = static_cast<std::uint16_t>(i * 257);
            palette[256 + i] = static_cast<std::uint16_t>((255 - i) * 257);
            palette[512 + i] = 257 * 9;
        }
        for (std::uint8_t value : grey)
            expected.insert(expected.end(), {value, std::uint8_t(255 - value), std::uint8_t{9}});
        writeTiffFile(file("tp.tif"),
                      {{.channels = 1, .photometric = 3, .data = grey.data(), .palette = palette}});
        READ(image, file("tp.tif"));
        QCOMPARE(difference(image.rgb, expected, kSize), QString());
        auto inverted = grey;
        for (auto& value : inverted)
            value = static_cast<std::uint8_t>(255 - value);
        writeTiffFile(file("tw.tif"), {{.channels = 1, .photometric = 0, .data = inverted.data()}});
        READ(white, file("tw.tif"));
        QCOMPARE(difference(white.rgb, greyToRgb(grey), kSize), QString());
    }
    void tiffOneBit() {
        // 37 columns: five bytes a row, the last three bits unused.
        std::vector<std::uint8_t> packed(23 * 5);
        std::vector<std::uint8_t> expected;
        for (int y = 0; y < 23; ++y)
            for (int x = 0; x < 37; ++x) {
                const bool set = (x * 3 + y) % 5 < 2;
                if (set)
                    packed[y * 5 + x / 8] |= static_cast<std::uint8_t>(0x80 >> (x % 8));
                expected.push_back(set ? 255 : 0);
            }
        writeTiffFile(file("t1.tif"), {{.bits = 1,
                                        .channels = 1,
                                        .photometric = 1,
                                        .compression = COMPRESSION_CCITTFAX4,
                                        .data = packed.data()}});
        READ(image, file("t1.tif"));
        QCOMPARE(difference(image.rgb, greyToRgb(expected), kSize), QString());
    }
    void tiffCmykAndAlpha() {
        const std::vector<std::uint8_t> cmyk{255, 0, 0, 0, 0, 0, 0, 255, 0, 0, 0, 0};
        writeTiffFile(file("tc.tif"),
                      {{.size = {3, 1}, .channels = 4, .photometric = 5, .data = cmyk.data()}});
        READ(image, file("tc.tif"));
        QCOMPARE(difference(image.rgb, {0, 255, 255, 0, 0, 0, 255, 255, 255}, {3, 1}), QString());
        const std::vector<std::uint8_t> rgba{200, 100, 50, 255, 0, 0, 0, 128};
        writeTiffFile(file("ta.tif"),
                      {{.size = {2, 1}, .channels = 4, .extraSample = 2, .data = rgba.data()}});
        READ(alpha, file("ta.tif"));
        QCOMPARE(difference(alpha.rgb, {200, 100, 50, 127, 127, 127}, {2, 1}), QString());
        const std::vector<std::uint8_t> premultiplied{100, 50, 25, 128, 0, 0, 0, 0};
        writeTiffFile(file("tm.tif"),
                      {{.size = {2, 1}, .channels = 4, .extraSample = 1, .data = premultiplied.data()}});
        READ(pre, file("tm.tif"));
        QCOMPARE(difference(pre.rgb, {227, 177, 152, 255, 255, 255}, {2, 1}), QString());
    }
    void tiffSignedAndFloat() {
        const std::vector<std::int16_t> values{-1000, 0, 1000, 500};
        writeTiffFile(file("ts.tif"), {{.size = {4, 1},
                                        .bits = 16,
                                        .channels = 1,
                                        .photometric = 1,
                                        .sampleFormat = 2,
                                        .data = values.data()}});
        READ(image, file("ts.tif"));
        QCOMPARE(difference(image.rgb, greyToRgb({0, 128, 255, 191}), {4, 1}), QString());
        QVERIFY(image.deep);
        QCOMPARE(int(image.deep->samples[0]), 32768 - 1000);
        QVERIFY(!image.notes.empty());
        const std::vector<float> floats{0.0F, 0.25F, 1.0F, std::nanf("")};
        writeTiffFile(file("tf.tif"), {{.size = {4, 1},
                                        .bits = 32,
                                        .channels = 1,
                                        .photometric = 1,
                                        .sampleFormat = 3,
                                        .data = floats.data()}});
        READ(real, file("tf.tif"));
        QCOMPARE(difference(real.rgb, greyToRgb({0, 64, 255, 0}), {4, 1}), QString());
        QVERIFY(!real.deep);
    }
    void deepSamplesOfFewerBitsAreWindowed() {
        const auto deep = pattern16(kSize, 1, 4095);
        writeTiffFile(file("t12.tif"), {{.bits = 16, .channels = 1, .photometric = 1, .data = deep.data()}});
        READ(image, file("t12.tif"));
        QCOMPARE(image.deep->bitsStored, 12);
        for (std::size_t i = 0; i < deep.size(); ++i)
            if (image.rgb[i * 3] != std::lround(deep[i] * 255.0 / 4095.0))
                QFAIL("a 12-bit sample is not shown from 0 to 4095");
        QCOMPARE(image.notes.size(), std::size_t{1});
    }
    void tiffPages() {
        const auto first = patternRgb();
        const auto second = patternRgb({20, 10});
        writeTiffFile(
            file("pages.tif"),
            {{.data = first.data()}, {.size = {20, 10}, .data = second.data()}, {.data = first.data()}});
        READ(image, file("pages.tif"));
        QCOMPARE(image.frameCount, 3);
        QCOMPARE(image.notes.at(0), std::string("The first of 3 pages is shown."));
        QCOMPARE(difference(image.rgb, first, kSize), QString());
        const Result<Image> page = readImage(file("pages.tif"), {.frame = 1});
        QVERIFY(page.ok());
        QCOMPARE(page->frame, 1);
        QCOMPARE(difference(page->rgb, second, {20, 10}), QString());
        const Result<Image> none = readImage(file("pages.tif"), {.frame = 3});
        QVERIFY(!none.ok());
        QVERIFY(none.error().code == ErrorCode::InvalidArgument);
        QVERIFY(none.error().message().find("pages.tif") != std::string::npos);
    }
    void tiffOrientation() {
        const auto rgb = patternRgb();
        for (int orientation = 1; orientation <= 8; ++orientation) {
            writeTiffFile(file("to.tif"), {{.orientation = orientation, .data = rgb.data()}});
            READ(image, file("to.tif"));
            QCOMPARE(difference(image.rgb, orientedPicture(rgb, kSize, orientation), image.size), QString());
        }
    }
    void tiffSpacing_data() {
        QTest::addColumn<double>("x");
        QTest::addColumn<double>("y");
        QTest::addColumn<int>("unit");
        QTest::addColumn<QString>("description");
        QTest::addColumn<double>("xMm");
        QTest::addColumn<double>("yMm");
        QTest::newRow("screen resolution is none") << 72.0 << 72.0 << 2 << QString() << 0.0 << 0.0;
        QTest::newRow("print resolution in cm is none") << 118.11 << 118.11 << 3 << QString() << 0.0 << 0.0;
        QTest::newRow("a real one") << 500.0 << 250.0 << 3 << QString() << 0.02 << 0.04;
        QTest::newRow("no unit is none") << 500.0 << 500.0 << 1 << QString() << 0.0 << 0.0;
        QTest::newRow("ImageJ") << 50.0 << 50.0 << 1 << QStringLiteral("ImageJ=1.53\nunit=mm\n") << 0.02
                                << 0.02;
    }
    void tiffSpacing() {
        QFETCH(double, x);
        QFETCH(double, y);
        QFETCH(int, unit);
        QFETCH(QString, description);
        QFETCH(double, xMm);
        QFETCH(double, yMm);
        const auto rgb = patternRgb();
        writeTiffFile(file("sp.tif"), {{.data = rgb.data(),
                                        .xResolution = x,
                                        .yResolution = y,
                                        .resolutionUnit = unit,
                                        .description = description.toStdString()}});
        READ(image, file("sp.tif"));
        QCOMPARE(image.spacing.has_value(), xMm > 0.0);
        if (image.spacing) {
            QVERIFY(std::abs(image.spacing->xMm - xMm) < 1e-6);
            QVERIFY(std::abs(image.spacing->yMm - yMm) < 1e-6);
            QVERIFY(!image.spacing->source.empty());
        }
    }

    // --- BMP ---
    void bmp_data() {
        QTest::addColumn<int>("bits");
        QTest::addColumn<bool>("topDown");
        QTest::newRow("8 bits") << 8 << false;
        QTest::newRow("24 bits") << 24 << false;
        QTest::newRow("24 bits from the top") << 24 << true;
        QTest::newRow("32 bits") << 32 << false;
    }
    void bmp() {
        QFETCH(int, bits);
        QFETCH(bool, topDown);
        const auto rgb = patternRgb();
        const auto grey = patternGrey();
        std::vector<std::uint8_t> samples = bits == 8 ? grey : rgb;
        if (bits == 32) {
            samples.clear();
            for (std::size_t i = 0; i < kSize.pixels(); ++i)
                samples.insert(samples.end(),
                               {rgb[i * 3], rgb[i * 3 + 1], rgb[i * 3 + 2], std::uint8_t{255}});
        }
        writeBytes(file("b.bmp"), bmpBytes(kSize, bits, samples, topDown));
        READ(image, file("b.bmp"));
        QCOMPARE(image.format, std::string("BMP"));
        QVERIFY(!image.spacing);
        QCOMPARE(difference(image.rgb, bits == 8 ? greyToRgb(grey) : rgb, kSize), QString());
    }

    // --- NRRD and MetaImage ---
    void nrrd_data() {
        QTest::addColumn<QString>("encoding");
        QTest::addColumn<bool>("detached");
        QTest::newRow("raw") << QStringLiteral("raw") << false;
        QTest::newRow("gzip") << QStringLiteral("gzip") << false;
        QTest::newRow("detached") << QStringLiteral("raw") << true;
    }
    void nrrd() {
        QFETCH(QString, encoding);
        QFETCH(bool, detached);
        const auto rgb = patternRgb();
        std::string header =
            "NRRD0004\n# drawn\ntype: unsigned char\ndimension: 3\nsizes: 3 37 23\nencoding: " +
            encoding.toStdString() + "\nkinds: RGB-color domain domain\nspacings: nan 0.02 0.04\n";
        Bytes pixels(rgb.begin(), rgb.end());
        if (encoding == QStringLiteral("gzip")) {
            const std::string packed = file("packed.gz");
            gzFile out = gzopen(packed.c_str(), "wb");
            gzwrite(out, rgb.data(), static_cast<unsigned>(rgb.size()));
            gzclose(out);
            pixels = readBytes(packed);
        }
        const std::string path = file(detached ? "n.nhdr" : "n.nrrd");
        if (detached) {
            header += "data file: n.raw\n";
            writeBytes(file("n.raw"), pixels);
            writeBytes(path, Bytes(header.begin(), header.end()));
        } else {
            header += "\n";
            Bytes bytes(header.begin(), header.end());
            bytes.insert(bytes.end(), pixels.begin(), pixels.end());
            writeBytes(path, bytes);
        }
        READ(image, path);
        QCOMPARE(image.format, std::string("NRRD"));
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        QVERIFY(image.spacing);
        QCOMPARE(image.spacing->xMm, 0.02);
        QCOMPARE(image.spacing->yMm, 0.04);
    }
    void nrrdDeepVolume() {
        const auto first = pattern16(kSize, 1, 65535);
        auto second = first;
        std::reverse(second.begin(), second.end());
        const std::string header =
            "NRRD0004\ntype: ushort\ndimension: 3\nsizes: 37 23 2\nencoding: raw\nendian: little\n"
            "space: left-posterior-superior\nspace directions: (1,0,0) (0,1,0) (0,0,1)\n\n";
        Bytes bytes(header.begin(), header.end());
        for (const auto* slice : {&first, static_cast<const std::vector<std::uint16_t>*>(&second)})
            for (std::uint16_t value : *slice)
                bytes.insert(bytes.end(),
                             {static_cast<unsigned char>(value), static_cast<unsigned char>(value >> 8)});
        writeBytes(file("v.nrrd"), bytes);
        const Result<Image> image = readImage(file("v.nrrd"), {.frame = 1});
        QVERIFY2(image.ok(), failure(image).c_str());
        QCOMPARE(image->frameCount, 2);
        QVERIFY(image->deep && image->deep->samples == second);
        QVERIFY(!image->spacing); // exactly 1 is what writers put there without knowing
    }
    void metaImage_data() {
        QTest::addColumn<bool>("compressed");
        QTest::addColumn<bool>("detached");
        QTest::newRow("local") << false << false;
        QTest::newRow("compressed") << true << false;
        QTest::newRow("detached") << false << true;
    }
    void metaImage() {
        QFETCH(bool, compressed);
        QFETCH(bool, detached);
        const auto rgb = patternRgb();
        Bytes pixels(rgb.begin(), rgb.end());
        std::string header =
            "ObjectType = Image\nNDims = 2\nBinaryData = True\nBinaryDataByteOrderMSB = False\n";
        if (compressed) {
            uLongf count = compressBound(pixels.size());
            Bytes packed(count);
            compress(packed.data(), &count, pixels.data(), pixels.size());
            packed.resize(count);
            pixels = packed;
            header += "CompressedData = True\nCompressedDataSize = " + std::to_string(pixels.size()) + "\n";
        } else {
            header += "CompressedData = False\n";
        }
        header += "TransformMatrix = 1 0 0 1\nOffset = 0 0\nElementSpacing = 0.02 0.04\nDimSize = 37 23\n"
                  "ElementNumberOfChannels = 3\nElementType = MET_UCHAR\nElementDataFile = ";
        header += detached ? "m.raw\n" : "LOCAL\n";
        Bytes bytes(header.begin(), header.end());
        if (detached)
            writeBytes(file("m.raw"), pixels);
        else
            bytes.insert(bytes.end(), pixels.begin(), pixels.end());
        const std::string path = file(detached ? "m.mhd" : "m.mha");
        writeBytes(path, bytes);
        READ(image, path);
        QCOMPARE(image.format, std::string("MetaImage"));
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        QVERIFY(image.spacing);
        QCOMPARE(image.spacing->xMm, 0.02);
        QCOMPARE(image.spacing->yMm, 0.04);
    }

    // --- Probing ---
    void probeSaysWhatReadingFinds() {
        const auto rgb = patternRgb();
        const auto deep = pattern16(kSize, 3, 65535);
        writePngFile(file("pr.png"), {.bits = 16, .data = deep.data()});
        writeTiffFile(file("pr.tif"), {{.orientation = 6,
                                        .data = rgb.data(),
                                        .xResolution = 500,
                                        .yResolution = 250,
                                        .resolutionUnit = 3}});
        const Result<ImageProbe> png = probeImage(file("pr.png"));
        QVERIFY(png.ok());
        QCOMPARE(png->bitsPerSample, 16);
        QCOMPARE(png->channels, 3);
        QVERIFY(png->size == kSize);
        const Result<ImageProbe> tiff = probeImage(file("pr.tif"));
        QVERIFY(tiff.ok());
        QCOMPARE(tiff->orientation, 6);
        QVERIFY((tiff->size == Size{23, 37}));
        // Turned by a quarter: what was along x is along y.
        QVERIFY(tiff->spacing && std::abs(tiff->spacing->yMm - 0.02) < 1e-6 &&
                std::abs(tiff->spacing->xMm - 0.04) < 1e-6);
        READ(image, file("pr.tif"));
        QVERIFY(image.spacing && image.spacing->xMm == tiff->spacing->xMm);
    }

    void probingDecodesNothing() {
        // Everything behind the headers is gone or wrong, and probing does not notice.
        const Size size{400, 300};
        const auto rgb = smoothRgb(size);
        const auto spoil = [&](const std::string& name, std::size_t keep) {
            Bytes bytes = readBytes(file(name));
            QVERIFY(keep < bytes.size());
            std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(keep), bytes.end(),
                      static_cast<unsigned char>(0xFF));
            writeBytes(file(name), bytes);
            const Result<ImageProbe> probe = probeImage(file(name));
            QVERIFY2(probe.ok(), probe.ok() ? "" : probe.error().message().c_str());
            QVERIFY(probe->size == size);
            const Result<Image> image = readImage(file(name));
            QVERIFY(!image.ok() || image->rgb != rgb);
        };
        writeJpegFile(file("spoilt.jpg"), {.size = size, .data = rgb.data()});
        const Bytes jpeg = readBytes(file("spoilt.jpg"));
        const Bytes scan{0xFF, 0xDA};
        const auto found = std::search(jpeg.begin(), jpeg.end(), scan.begin(), scan.end());
        QVERIFY(found != jpeg.end());
        spoil("spoilt.jpg", static_cast<std::size_t>(found - jpeg.begin()) + 14);
        writeBytes(file("spoilt.bmp"), bmpBytes(size, 24, rgb));
        spoil("spoilt.bmp", 60);
        writeDicomFile(file("spoilt.dcm"), {.size = size, .pixels = rgb});
        spoil("spoilt.dcm", readBytes(file("spoilt.dcm")).size() - rgb.size() / 2);
        const std::string nrrd = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 400 300\nencoding: raw\n"
                                 "kinds: RGB-color domain domain\n\n";
        Bytes bytes(nrrd.size() + rgb.size());
        std::copy(rgb.begin(), rgb.end(), std::copy(nrrd.begin(), nrrd.end(), bytes.begin()));
        writeBytes(file("spoilt.nrrd"), bytes);
        spoil("spoilt.nrrd", nrrd.size());
    }

    // --- Names and places ---
    void everyFormatUnderAnyName() {
        const Size size{40, 24};
        const auto rgb = patternRgb(size);
        QVERIFY(QDir(m_folder.path()).mkpath(QString::fromUtf8("\xD0\xBF\xD0\xB0\xD0\xBF\xD0\xBA\xD0\xB0")));
        const std::string stem = file("\xD0\xBF\xD0\xB0\xD0\xBF\xD0\xBA\xD0\xB0/L\xC3\xA4sion 1\xE2\x81\x84"
                                      "2");
        writeTiffFile(stem + ".tif", {{.size = size, .data = rgb.data()}});
        writeBytes(stem + ".bmp", bmpBytes(size, 24, rgb));
        writeDicomFile(stem + ".dcm", {.size = size, .pixels = rgb});
        writeDicomFile(stem + " rle.dcm", {.size = size, .pixels = rgb}, DicomSyntax::Rle);
        writeDicomJpeg2000(stem + " j2k.dcm", size, 3, 8, rgb.data());
        const std::string nrrd = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 40 24\nencoding: raw\n"
                                 "kinds: RGB-color domain domain\n\n";
        Bytes bytes(nrrd.begin(), nrrd.end());
        bytes.insert(bytes.end(), rgb.begin(), rgb.end());
        writeBytes(stem + ".nrrd", bytes);
        for (const char* ending : {".tif", ".bmp", ".dcm", " rle.dcm", " j2k.dcm", ".nrrd"}) {
            READ(image, stem + ending);
            QCOMPARE(image.path, stem + ending);
            QCOMPARE(difference(image.rgb, rgb, size), QString());
        }
        const auto smooth = smoothRgb(size);
        writeJpegFile(stem + ".jpg", {.size = size, .data = smooth.data()});
        READ(jpeg, stem + ".jpg");
        QCOMPARE(difference(jpeg.rgb, smooth, size, 4), QString());
    }
    void otherAlphabetsAndLinks() {
        const auto rgb = patternRgb();
        const std::string name = file("L\xC3\xA4sion \xE7\x9A\xAE\xE8\x86\x9A \xF0\x9F\x94\x8D.png");
        writePngFile(name, {.data = rgb.data()});
        READ(image, name);
        QCOMPARE(image.path, name);
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        const std::string link = file("link.png");
        QCOMPARE(::symlink(name.c_str(), link.c_str()), 0);
        READ(linked, link);
        QCOMPARE(linked.path, link);
        QCOMPARE(difference(linked.rgb, rgb, kSize), QString());
        const std::string meta = file("\xC3\xA9tude.mha");
        const std::string header = "ObjectType = Image\nNDims = 2\nDimSize = 2 1\nElementType = "
                                   "MET_UCHAR\nElementDataFile = LOCAL\n";
        Bytes bytes(header.begin(), header.end());
        bytes.insert(bytes.end(), {10, 20});
        writeBytes(meta, bytes);
        READ(itk, meta);
        QCOMPARE(difference(itk.rgb, {10, 10, 10, 20, 20, 20}, {2, 1}), QString());
    }
    void readOnlyFolder() {
        const auto rgb = patternRgb();
        const std::string folder = file("readonly");
        QCOMPARE(::mkdir(folder.c_str(), 0755), 0);
        const std::string path = folder + "/a.png";
        writePngFile(path, {.data = rgb.data()});
        QCOMPARE(::chmod(path.c_str(), 0444), 0);
        QCOMPARE(::chmod(folder.c_str(), 0555), 0);
        {
            READ(image, path);
            QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        }
        QCOMPARE(QDir(QString::fromStdString(folder)).entryList(QDir::Files).size(), 1);
        QCOMPARE(::chmod(folder.c_str(), 0755), 0);
    }
    void nameWithoutEndingIsReadByContent() {
        const auto rgb = patternRgb();
        writePngFile(file("IM000001"), {.data = rgb.data()});
        READ(image, file("IM000001"));
        QCOMPARE(image.format, std::string("PNG"));
    }
};

QTEST_GUILESS_MAIN(TestImageReader)
#include "tst_image_reader.moc"
