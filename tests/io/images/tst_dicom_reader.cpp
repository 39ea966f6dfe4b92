// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the DICOM objects of dermoscopy and endoscopy open with the right pixels for every photometric
// interpretation and transfer syntax, frame by frame, with the spacing's row value along y. Files are written
// by DCMTK and, for JPEG 2000, by ITK's GDCM, neither of which unpacks JPEG 2000 for the reader.
#include "io/images/image_reader.h"
#include "sample_files.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace limn;
using namespace limn::testing;

namespace {

Bytes bytesOf(const std::vector<std::uint16_t>& values) {
    Bytes bytes(values.size() * 2);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

Bytes planesOf(const std::vector<std::uint8_t>& rgb) {
    Bytes planes(rgb.size());
    const std::size_t pixels = rgb.size() / 3;
    for (std::size_t i = 0; i < pixels; ++i)
        for (std::size_t channel = 0; channel < 3; ++channel)
            planes[channel * pixels + i] = rgb[i * 3 + channel];
    return planes;
}

// JPEG's YCbCr (ITU-T T.871, 7), in floating point.
std::vector<std::uint8_t> yccOf(const std::vector<std::uint8_t>& rgb) {
    std::vector<std::uint8_t> ycc;
    const auto put = [&](double value) {
        ycc.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L)));
    };
    for (std::size_t i = 0; i < rgb.size(); i += 3) {
        const double r = rgb[i];
        const double g = rgb[i + 1];
        const double b = rgb[i + 2];
        put(0.299 * r + 0.587 * g + 0.114 * b);
        put(-0.168736 * r - 0.331264 * g + 0.5 * b + 128);
        put(0.5 * r - 0.418688 * g - 0.081312 * b + 128);
    }
    return ycc;
}

} // namespace

#define READ(image, ...)                                                                                     \
    const Result<Image> image##Result = readImage(__VA_ARGS__);                                              \
    QVERIFY2(image##Result.ok(), image##Result.ok() ? "" : image##Result.error().message().c_str());         \
    const Image& image = *image##Result

class TestDicomReader : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::string file(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

private Q_SLOTS:
    void objectKinds_data() {
        QTest::addColumn<QString>("sopClass");
        QTest::newRow("VL Photographic") << QStringLiteral("1.2.840.10008.5.1.4.1.1.77.1.4");
        QTest::newRow("Dermoscopic Photography") << QStringLiteral("1.2.840.10008.5.1.4.1.1.77.1.7");
        QTest::newRow("VL Endoscopic") << QStringLiteral("1.2.840.10008.5.1.4.1.1.77.1.1");
        QTest::newRow("Secondary Capture") << QStringLiteral("1.2.840.10008.5.1.4.1.1.7");
    }
    void objectKinds() {
        QFETCH(QString, sopClass);
        const auto rgb = patternRgb();
        writeDicomFile(file("k.dcm"), {.sopClass = sopClass.toStdString(), .pixels = rgb});
        READ(image, file("k.dcm"));
        QCOMPARE(image.format, std::string("DICOM"));
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        QCOMPARE(image.frameCount, 1);
        QVERIFY(!image.spacing);
        const Result<ImageProbe> probe = probeImage(file("k.dcm"));
        QVERIFY(probe.ok());
        QVERIFY(probe->size == kSize);
        QCOMPARE(probe->channels, 3);
    }
    void rgb_data() {
        QTest::addColumn<int>("syntax");
        QTest::addColumn<bool>("planar");
        QTest::addColumn<int>("tolerance");
        QTest::newRow("implicit") << int(DicomSyntax::Implicit) << false << 0;
        QTest::newRow("explicit, planes") << int(DicomSyntax::Explicit) << true << 0;
        QTest::newRow("big endian") << int(DicomSyntax::BigEndian) << false << 0;
        QTest::newRow("RLE") << int(DicomSyntax::Rle) << false << 0;
        QTest::newRow("RLE, planes") << int(DicomSyntax::Rle) << true << 0;
        QTest::newRow("JPEG baseline") << int(DicomSyntax::JpegBaseline) << false << 8;
        QTest::newRow("JPEG lossless") << int(DicomSyntax::JpegLossless) << false << 0;
        QTest::newRow("JPEG-LS") << int(DicomSyntax::JpegLs) << false << 0;
    }
    void rgb() {
        QFETCH(int, syntax);
        QFETCH(bool, planar);
        QFETCH(int, tolerance);
        const Size size{62, 43};
        const auto rgb = tolerance == 0 ? patternRgb(size) : smoothRgb(size);
        writeDicomFile(file("r.dcm"),
                       {.size = size, .planar = planar, .pixels = planar ? planesOf(rgb) : rgb},
                       static_cast<DicomSyntax>(syntax));
        READ(image, file("r.dcm"));
        QCOMPARE(difference(image.rgb, rgb, size, tolerance), QString());
    }
    void jpeg2000() {
        const auto rgb = patternRgb();
        writeDicomJpeg2000(file("j.dcm"), kSize, 3, 8, rgb.data());
        READ(image, file("j.dcm"));
        QCOMPARE(difference(image.rgb, rgb, kSize), QString());
        const auto deep = pattern16(kSize, 1, 65535);
        writeDicomJpeg2000(file("j16.dcm"), kSize, 1, 16, deep.data());
        READ(grey, file("j16.dcm"));
        QVERIFY(grey.deep);
        QVERIFY(grey.deep->samples == deep);
    }
    void jpeg2000Frames() {
        const auto first = patternRgb();
        auto second = first;
        std::reverse(second.begin(), second.end());
        Bytes pixels(first.begin(), first.end());
        pixels.insert(pixels.end(), second.begin(), second.end());
        writeDicomJpeg2000(file("jf.dcm"), kSize, 3, 8, pixels.data(), 2);
        READ(one, file("jf.dcm"));
        QCOMPARE(one.frameCount, 2);
        QCOMPARE(difference(one.rgb, first, kSize), QString());
        READ(two, file("jf.dcm"), {.frame = 1});
        QCOMPARE(difference(two.rgb, second, kSize), QString());
    }
    void damagedJpeg2000IsSaidInASentence() {
        const auto rgb = patternRgb();
        writeDicomJpeg2000(file("broken.dcm"), kSize, 3, 8, rgb.data());
        Bytes bytes = readBytes(file("broken.dcm"));
        // The marker behind the size segment of the codestream becomes one that does not exist.
        const Bytes start{0xFF, 0x4F, 0xFF, 0x51};
        const auto stream = std::search(bytes.begin(), bytes.end(), start.begin(), start.end());
        QVERIFY(stream != bytes.end());
        const auto quantisation = std::find(stream + 4, bytes.end(), static_cast<unsigned char>(0x5C));
        QVERIFY(quantisation != bytes.end());
        *quantisation = 0x01;
        writeBytes(file("broken.dcm"), bytes);
        const Result<Image> image = readImage(file("broken.dcm"));
        QVERIFY(!image.ok());
        const std::string message = image.error().message();
        QVERIFY2(message.find("broken.dcm") != std::string::npos, message.c_str());
        QVERIFY2(message.find("OpenJPEG says: ") != std::string::npos, message.c_str());
        QVERIFY2(message.find('\n') == std::string::npos, message.c_str());
    }
    void ybrFull() {
        const Size size{62, 43};
        const auto rgb = smoothRgb(size);
        writeDicomFile(file("y.dcm"), {.size = size, .photometric = "YBR_FULL", .pixels = yccOf(rgb)});
        READ(image, file("y.dcm"));
        QCOMPARE(difference(image.rgb, rgb, size, 2), QString());
    }
    void ybrFull422() {
        // Uncompressed: two luma samples, then the colour of both; neighbours in a pair share their colour
        // here.
        const Size size{62, 43};
        auto rgb = smoothRgb(size);
        for (std::size_t i = 0; i + 5 < rgb.size(); i += 6)
            std::copy_n(rgb.begin() + static_cast<std::ptrdiff_t>(i), 3,
                        rgb.begin() + static_cast<std::ptrdiff_t>(i) + 3);
        const auto ycc = yccOf(rgb);
        Bytes pixels;
        for (std::size_t i = 0; i < ycc.size(); i += 6)
            pixels.insert(pixels.end(), {ycc[i], ycc[i + 3], ycc[i + 1], ycc[i + 2]});
        writeDicomFile(file("y2.dcm"), {.size = size, .photometric = "YBR_FULL_422", .pixels = pixels});
        READ(image, file("y2.dcm"));
        QCOMPARE(difference(image.rgb, rgb, size, 2), QString());
    }
    void palette() {
        const auto indices = patternGrey();
        std::vector<std::uint16_t> table(768);
        std::vector<std::uint8_t> expected;
        for (int i = 0; i < 256; ++i) {
            table[i] = static_cast<std::uint16_t>(i * 257);
            table[256 + i] = static_cast<std::uint16_t>((255 - i) * 257);
            table[512 + i] = static_cast<std::uint16_t>(i * 3 % 256 * 257);
        }
        for (std::uint8_t index : indices)
            expected.insert(expected.end(),
                            {index, std::uint8_t(255 - index), std::uint8_t(index * 3 % 256)});
        for (DicomSyntax syntax : {DicomSyntax::Explicit, DicomSyntax::Rle, DicomSyntax::Implicit}) {
            writeDicomFile(
                file("p.dcm"),
                {.photometric = "PALETTE COLOR", .samplesPerPixel = 1, .pixels = indices, .palette = table},
                syntax);
            READ(image, file("p.dcm"));
            QCOMPARE(difference(image.rgb, expected, kSize), QString());
        }
    }
    void monochrome_data() {
        QTest::addColumn<bool>("inverted");
        QTest::newRow("MONOCHROME2") << false;
        QTest::newRow("MONOCHROME1") << true;
    }
    void monochrome() {
        QFETCH(bool, inverted);
        const auto grey = patternGrey();
        auto stored = grey;
        if (inverted)
            for (auto& value : stored)
                value = static_cast<std::uint8_t>(255 - value);
        writeDicomFile(file("m.dcm"), {.photometric = inverted ? "MONOCHROME1" : "MONOCHROME2",
                                       .samplesPerPixel = 1,
                                       .pixels = stored});
        READ(image, file("m.dcm"));
        QCOMPARE(difference(image.rgb, greyToRgb(grey), kSize), QString());
    }
    void deepMonochrome_data() {
        QTest::addColumn<int>("syntax");
        QTest::newRow("little endian") << int(DicomSyntax::Explicit);
        QTest::newRow("big endian") << int(DicomSyntax::BigEndian);
        QTest::newRow("JPEG lossless") << int(DicomSyntax::JpegLossless);
        QTest::newRow("RLE") << int(DicomSyntax::Rle);
    }
    void deepMonochrome() {
        QFETCH(int, syntax);
        const auto deep = pattern16(kSize, 1, 4095);
        writeDicomFile(file("d.dcm"),
                       {.photometric = "MONOCHROME2",
                        .samplesPerPixel = 1,
                        .bitsAllocated = 16,
                        .bitsStored = 12,
                        .pixels = bytesOf(deep)},
                       static_cast<DicomSyntax>(syntax));
        READ(image, file("d.dcm"));
        QVERIFY(image.deep);
        QCOMPARE(image.deep->bitsStored, 12);
        QVERIFY(image.deep->samples == deep);
        QCOMPARE(int(image.rgb.back()), 255);
    }
    void windowAndRescale() {
        // Stored 0..3 stand for -1000, 0, 1000, 2000; the window shows 0 (black) to 1000 (white): centre
        // 500.5, width 1001.
        const std::vector<std::uint16_t> stored{0, 1, 2, 3};
        writeDicomFile(file("w.dcm"), {.size = {4, 1},
                                       .photometric = "MONOCHROME2",
                                       .samplesPerPixel = 1,
                                       .bitsAllocated = 16,
                                       .bitsStored = 16,
                                       .pixels = bytesOf(stored),
                                       .windowCenter = "500.5",
                                       .windowWidth = "1001",
                                       .rescaleSlope = "1000",
                                       .rescaleIntercept = "-1000"});
        READ(image, file("w.dcm"));
        QCOMPARE(difference(image.rgb, greyToRgb({0, 0, 255, 255}), {4, 1}), QString());
        QVERIFY(image.deep && image.deep->samples == stored);
        QVERIFY(!image.notes.empty());
    }
    void signedSamples() {
        const std::vector<std::int16_t> values{-2000, -1000, 0, 2000};
        Bytes bytes(8);
        std::memcpy(bytes.data(), values.data(), 8);
        writeDicomFile(file("s.dcm"), {.size = {4, 1},
                                       .photometric = "MONOCHROME2",
                                       .samplesPerPixel = 1,
                                       .bitsAllocated = 16,
                                       .bitsStored = 16,
                                       .isSigned = true,
                                       .pixels = bytes});
        READ(image, file("s.dcm"));
        QCOMPARE(difference(image.rgb, greyToRgb({0, 64, 128, 255}), {4, 1}), QString());
        QCOMPARE(int(image.deep->samples[0]), 32768 - 2000);
    }
    void frames_data() {
        QTest::addColumn<int>("syntax");
        QTest::addColumn<int>("tolerance");
        QTest::newRow("explicit") << int(DicomSyntax::Explicit) << 0;
        QTest::newRow("RLE") << int(DicomSyntax::Rle) << 0;
        QTest::newRow("JPEG baseline") << int(DicomSyntax::JpegBaseline) << 8;
    }
    void frames() {
        QFETCH(int, syntax);
        QFETCH(int, tolerance);
        const Size size{62, 43};
        const auto first = smoothRgb(size);
        auto second = first;
        std::reverse(second.begin(), second.end());
        auto third = first;
        for (auto& value : third)
            value = static_cast<std::uint8_t>(255 - value);
        Bytes pixels;
        for (const auto* part : {&first, static_cast<const std::vector<std::uint8_t>*>(&second),
                                 static_cast<const std::vector<std::uint8_t>*>(&third)})
            pixels.insert(pixels.end(), part->begin(), part->end());
        writeDicomFile(file("f.dcm"), {.size = size, .frames = 3, .pixels = pixels},
                       static_cast<DicomSyntax>(syntax));
        READ(one, file("f.dcm"));
        QCOMPARE(one.frameCount, 3);
        QCOMPARE(one.notes.at(0), std::string("The first of 3 frames is shown."));
        QCOMPARE(difference(one.rgb, first, size, tolerance), QString());
        READ(two, file("f.dcm"), {.frame = 1});
        QCOMPARE(difference(two.rgb, second, size, tolerance), QString());
        READ(three, file("f.dcm"), {.frame = 2});
        QCOMPARE(three.frame, 2);
        QCOMPARE(difference(three.rgb, third, size, tolerance), QString());
        const Result<Image> none = readImage(file("f.dcm"), {.frame = 3});
        QVERIFY(!none.ok() && none.error().code == ErrorCode::InvalidArgument);
        const Result<Image> negative = readImage(file("f.dcm"), {.frame = -1});
        QVERIFY(!negative.ok() && negative.error().code == ErrorCode::InvalidArgument);
    }
    void rowSpacingIsAlongY() {
        writeDicomFile(file("sp.dcm"), {.pixels = patternRgb(), .pixelSpacing = "0.04\\0.02"});
        READ(image, file("sp.dcm"));
        QVERIFY(image.spacing);
        QCOMPARE(image.spacing->xMm, 0.02);
        QCOMPARE(image.spacing->yMm, 0.04);
        QCOMPARE(image.spacing->source, std::string("DICOM Pixel Spacing"));
        writeDicomFile(file("zero.dcm"), {.pixels = patternRgb(), .pixelSpacing = "0\\0"});
        READ(zero, file("zero.dcm"));
        QVERIFY(!zero.spacing);
    }
    void withoutPixels() {
        writeDicomFile(file("sr.dcm"), {.sopClass = "1.2.840.10008.5.1.4.1.1.88.33"});
        const Result<Image> image = readImage(file("sr.dcm"));
        QVERIFY(!image.ok());
        QVERIFY(image.error().code == ErrorCode::FormatUnknown);
        QVERIFY(image.error().message().find("sr.dcm") != std::string::npos);
        QVERIFY(image.error().message().find("no pixels") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestDicomReader)
#include "tst_dicom_reader.moc"
