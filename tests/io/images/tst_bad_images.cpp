// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: whatever a file claims or lacks, reading it ends within a second and 200 MB in a picture of the
// claimed size or in an error that names the file. Damaged files are made from good ones of every format: cut
// off, and mutated at random with a fixed seed, for 10 seconds or LIMN_MUTATION_SECONDS.
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"
#include "sample_files.h"
#include "tests/resident_growth.h"

#include <QDir>
#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <optional>
#include <random>

#include <zlib.h>

using namespace limn;
using namespace limn::testing;

namespace {

// In every build: a file costs a sanitizer build some 30 ms and 6 MB at most.
constexpr qint64 kMaxMilliseconds = 1000;
constexpr long kMaxKilobytes = 200 * 1024;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsInstrumented = true;
#else
constexpr bool kIsInstrumented = false;
#endif

constexpr unsigned kSeed = 20240611;
constexpr int kMutationSeconds = 10; // of the whole run over all readers

// Time, and memory beyond what was held before.
struct Cost {
    qint64 milliseconds = 0;
    long kilobytes = 0;
};

template<typename Work>
Cost costOf(const Work& work) {
    QElapsedTimer timer;
    qint64 milliseconds = 0;
    const std::int64_t bytes = residentGrowth([&] {
        timer.start();
        work();
        milliseconds = timer.elapsed();
    });
    return {milliseconds, static_cast<long>(bytes / 1024)};
}

Cost mostEver; // of all files that were judged

// Empty when the file was refused (or, with `mayRead`, read) as promised.
QString judge(const std::string& path, bool mayRead) {
    std::optional<Result<Image>> read;
    std::optional<Result<ImageProbe>> probed;
    bool rowsAreRead = false;
    const Cost cost = costOf([&] {
        read.emplace(readImage(path));
        probed.emplace(probeImage(path));
        rowsAreRead = readImageRows(path, {[](Size) {}, [](const std::uint8_t*, int) {}}).ok();
    });
    mostEver = {std::max(mostEver.milliseconds, cost.milliseconds),
                std::max(mostEver.kilobytes, cost.kilobytes)};
    const Result<Image>& image = *read;
    const Result<ImageProbe>& probe = *probed;
    if (rowsAreRead != image.ok())
        return QStringLiteral("row by row it is judged otherwise");
    if (cost.milliseconds > kMaxMilliseconds)
        return QStringLiteral("took %1 ms").arg(cost.milliseconds);
    if (cost.kilobytes > kMaxKilobytes)
        return QStringLiteral("took %1 KB").arg(cost.kilobytes);
    if (image.ok()) {
        if (!mayRead)
            return QStringLiteral("was read as if nothing were wrong");
        if (image->rgb.size() != image->size.pixels() * 3)
            return QStringLiteral("gave %1 samples for %2 x %3")
                .arg(image->rgb.size())
                .arg(image->size.width)
                .arg(image->size.height);
        if (image->deep && image->deep->samples.size() != image->size.pixels() * image->deep->channels)
            return QStringLiteral("gave another number of deep samples");
        if (!probe.ok())
            return QStringLiteral("can be read but not probed");
        return {};
    }
    const std::string message = image.error().message();
    if (message.find(path) == std::string::npos)
        return QStringLiteral("the error does not name the file: ") + QString::fromStdString(message);
    for (const char* place : {"%1", "%2", "%3"})
        if (message.find(place) != std::string::npos)
            return QStringLiteral("the error is not filled in: ") + QString::fromStdString(message);
    return {};
}

void put32(Bytes& bytes, std::size_t at, std::uint32_t value, bool big) {
    for (int i = 0; i < 4; ++i)
        bytes[at + i] = static_cast<unsigned char>(value >> (big ? 24 - 8 * i : 8 * i));
}

void fixPngChecksum(Bytes& png) {
    put32(png, 29, static_cast<std::uint32_t>(crc32(0, png.data() + 12, 17)), true);
}

} // namespace

#if defined(__SANITIZE_ADDRESS__)
// Freed memory is held back for a while, and counts: 32 MB of it, not 256.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
    return "quarantine_size_mb=32";
}
#endif

// What the code between construction and text() writes to standard error, whichever library writes it.
class ErrorOutput {
public:
    explicit ErrorOutput(const std::string& path) : m_path(path) {
        std::fflush(stderr);
        m_saved = ::dup(2);
        const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600);
        ::dup2(file, 2);
        ::close(file);
    }
    ~ErrorOutput() { restore(); }
    QString text() {
        restore();
        const Bytes bytes = readBytes(m_path);
        return QString::fromUtf8(reinterpret_cast<const char*>(bytes.data()),
                                 static_cast<qsizetype>(bytes.size()));
    }

private:
    void restore() {
        if (m_saved < 0)
            return;
        std::fflush(stderr);
        ::dup2(m_saved, 2);
        ::close(m_saved);
        m_saved = -1;
    }
    std::string m_path;
    int m_saved = -1;
};

class TestBadImages : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::vector<std::string> m_good; // one file of each format and compression
    std::string file(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }

private Q_SLOTS:
    void initTestCase() {
        const Size size{96, 64};
        const auto rgb = smoothRgb(size);
        const auto busy = patternRgb(size);
        const auto deep = pattern16(size, 3, 65535);
        const auto grey = patternGrey(size);
        const auto add = [&](const std::string& name) {
            m_good.push_back(file(name));
            return file(name);
        };
        writePngFile(add("rgb.png"),
                     {.size = size, .data = busy.data(), .icc = linearRgbProfile(), .exif = exifBlock(6)});
        writePngFile(add("deep.png"), {.size = size, .bits = 16, .data = deep.data(), .interlaced = true});
        writeJpegFile(add("base.jpg"), {.size = size,
                                        .data = rgb.data(),
                                        .quality = 90,
                                        .subsampled = true,
                                        .icc = linearRgbProfile(),
                                        .exif = exifBlock(3)});
        writeJpegFile(add("progressive.jpg"),
                      {.size = size, .data = busy.data(), .quality = 90, .progressive = true});
        std::vector<std::uint8_t> cmyk(size.pixels() * 4);
        for (std::size_t i = 0; i < cmyk.size(); ++i)
            cmyk[i] = static_cast<std::uint8_t>(i * 5);
        writeJpegFile(add("cmyk.jpg"), {.size = size, .channels = 4, .data = cmyk.data()});
        writeTiffFile(add("strips.tif"),
                      {{.size = size, .data = busy.data()}, {.size = size, .data = rgb.data()}});
        writeTiffFile(add("lzw.tif"), {{.size = size,
                                        .bits = 16,
                                        .compression = 5,
                                        .horizontalPrediction = true,
                                        .data = deep.data()}});
        writeTiffFile(add("tiles.tif"), {{.size = size,
                                          .compression = 8,
                                          .tile = 32,
                                          .bigEndian = true,
                                          .bigTiff = true,
                                          .data = busy.data()}});
        writeTiffFile(
            add("jpeg.tif"),
            {{.size = size, .photometric = 6, .compression = 7, .rowsPerStrip = 16, .data = rgb.data()}});
        writeBytes(add("rgb.bmp"), bmpBytes(size, 24, busy));
        writeBytes(add("grey.bmp"), bmpBytes(size, 8, grey));
        const std::string nrrd = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 3 96 64\nencoding: raw\nkinds: "
                                 "RGB-color domain domain\n\n";
        Bytes bytes(nrrd.begin(), nrrd.end());
        bytes.insert(bytes.end(), busy.begin(), busy.end());
        writeBytes(add("raw.nrrd"), bytes);
        const std::string packedFile = file("packed.gz");
        gzFile out = gzopen(packedFile.c_str(), "wb");
        gzwrite(out, busy.data(), static_cast<unsigned>(busy.size()));
        gzclose(out);
        const Bytes packed = readBytes(packedFile);
        std::string zipped = nrrd;
        zipped.replace(zipped.find("raw"), 3, "gzip");
        bytes.assign(zipped.begin(), zipped.end());
        bytes.insert(bytes.end(), packed.begin(), packed.end());
        writeBytes(add("gzip.nrrd"), bytes);
        uLongf count = compressBound(busy.size());
        Bytes deflated(count);
        compress(deflated.data(), &count, busy.data(), busy.size());
        const std::string meta =
            "ObjectType = Image\nNDims = 2\nBinaryData = True\nCompressedData = True\nCompressedDataSize = " +
            std::to_string(count) +
            "\nDimSize = 96 64\nElementNumberOfChannels = 3\nElementType = MET_UCHAR\nElementDataFile = "
            "LOCAL\n";
        bytes.assign(meta.begin(), meta.end());
        bytes.insert(bytes.end(), deflated.begin(), deflated.begin() + static_cast<std::ptrdiff_t>(count));
        writeBytes(add("zlib.mha"), bytes);
        const std::string plain = "ObjectType = Image\nNDims = 2\nElementSpacing = 0.02 0.04\nDimSize = 96 "
                                  "64\nElementNumberOfChannels = 3\n"
                                  "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n";
        bytes.assign(plain.begin(), plain.end());
        bytes.insert(bytes.end(), busy.begin(), busy.end());
        writeBytes(add("raw.mha"), bytes);
        writeDicomFile(add("explicit.dcm"), {.size = size, .pixels = busy, .icc = linearRgbProfile()});
        writeDicomFile(add("implicit.dcm"), {.size = size, .pixels = busy, .pixelSpacing = "0.1\\0.2"},
                       DicomSyntax::Implicit);
        writeDicomFile(add("rle.dcm"), {.size = size, .pixels = rgb}, DicomSyntax::Rle);
        writeDicomFile(add("jpeg.dcm"), {.size = size, .pixels = rgb}, DicomSyntax::JpegBaseline);
        writeDicomFile(add("lossless.dcm"), {.size = size, .pixels = rgb}, DicomSyntax::JpegLossless);
        writeDicomFile(add("jpegls.dcm"), {.size = size, .pixels = rgb}, DicomSyntax::JpegLs);
        writeDicomJpeg2000(add("j2k.dcm"), size, 3, 8, rgb.data());
        for (const std::string& path : m_good) {
            const Result<Image> image = readImage(path);
            QVERIFY2(image.ok(), image.ok() ? "" : image.error().message().c_str());
        }
    }

    void cleanupTestCase() {
        qInfo("at most %lld ms and %ld KB for a file", static_cast<long long>(mostEver.milliseconds),
              mostEver.kilobytes);
    }

    // What the limits are held against: a cost that is there is seen.
    void costsAreMeasured() {
        const Cost cost = costOf([] {
            const std::vector<unsigned char> large(std::size_t{64} << 20, 1);
            QTest::qSleep(large.back() * 50);
        });
        QVERIFY2(cost.kilobytes >= 63 * 1024, qPrintable(QString::number(cost.kilobytes)));
        QVERIFY(cost.milliseconds >= 50);
    }

    void truncatedAtEverySixteenth() {
        for (const std::string& path : m_good) {
            const Bytes whole = readBytes(path);
            for (int part = 0; part < 16; ++part) {
                const std::size_t length = whole.size() * static_cast<std::size_t>(part) / 16;
                const std::size_t slash = path.rfind('/');
                const std::string cut = path.substr(0, slash + 1) + "cut-" + path.substr(slash + 1);
                writeBytes(cut, Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
                const QString problem = judge(cut, false);
                QVERIFY2(problem.isEmpty(), qPrintable(QStringLiteral("%1 cut to %2 of %3 bytes %4")
                                                           .arg(QString::fromStdString(cut))
                                                           .arg(length)
                                                           .arg(whole.size())
                                                           .arg(problem)));
            }
        }
    }

    void readersPrintNothing() {
        // A person who runs a batch sees our sentences, not the libraries' own.
        ErrorOutput errors(file("stderr.txt"));
        int refused = 0;
        for (const std::string& path : m_good) {
            const Bytes whole = readBytes(path);
            const std::string damaged = file("printing" + path.substr(path.rfind('.')));
            for (std::size_t part = 1; part < 24; ++part) {
                Bytes bytes = whole;
                for (std::size_t i = bytes.size() * part / 24; i < bytes.size(); i += 97)
                    bytes[i] ^= static_cast<unsigned char>(part * 37);
                writeBytes(damaged, bytes);
                refused += readImage(damaged).ok() ? 0 : 1;
            }
        }
        QCOMPARE(errors.text(), QString());
        QVERIFY(refused > 0);
    }

    void claims_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("code");
        const auto row = [](const char* name, ErrorCode code) {
            QTest::newRow(name) << QString::fromLatin1(name) << int(code);
        };

        writeBytes(file("empty.png"), {});
        row("empty.png", ErrorCode::FileEmpty);
        row("missing.png", ErrorCode::FileNotFound);
        QDir(m_folder.path()).mkdir(QStringLiteral("folder.png"));
        row("folder.png", ErrorCode::NotAFile);
        ::mkfifo(file("pipe.png").c_str(), 0600);
        row("pipe.png", ErrorCode::NotAFile);
        const std::string text = "This is a letter, no picture.\n";
        writeBytes(file("letter.jpg"), Bytes(text.begin(), text.end()));
        row("letter.jpg", ErrorCode::FormatMismatch);
        writeBytes(file("letter.txt"), Bytes(text.begin(), text.end()));
        row("letter.txt", ErrorCode::FormatUnknown);
        writeBytes(file("png.jpg"), readBytes(file("rgb.png")));
        row("png.jpg", ErrorCode::FormatMismatch);
        writeBytes(file("jpeg.dcm.png"), readBytes(file("jpeg.dcm")));
        row("jpeg.dcm.png", ErrorCode::FormatMismatch);

        Bytes png = readBytes(file("rgb.png"));
        png.resize(100);
        put32(png, 16, 65535, true);
        put32(png, 20, 65535, true);
        fixPngChecksum(png);
        writeBytes(file("65535.png"), png);
        row("65535.png", ErrorCode::FileTooLarge);
        png = readBytes(file("rgb.png"));
        put32(png, 16, 20000, true);
        put32(png, 20, 20000, true);
        fixPngChecksum(png);
        writeBytes(file("20000.png"), png);
        row("20000.png", ErrorCode::FileTooLarge);
        put32(png, 16, 16000, true);
        put32(png, 20, 16000, true);
        fixPngChecksum(png);
        writeBytes(file("16000.png"), png); // allowed by its size, not by its data
        row("16000.png", ErrorCode::FileTruncated);
        put32(png, 16, 0, true);
        fixPngChecksum(png);
        writeBytes(file("nowidth.png"), png);
        row("nowidth.png", ErrorCode::FileCorrupt);

        for (int side : {20000, 16000}) {
            Bytes jpeg = readBytes(file("progressive.jpg"));
            for (std::size_t i = 0; i + 9 < jpeg.size(); ++i)
                if (jpeg[i] == 0xFF && jpeg[i + 1] == 0xC2) {
                    jpeg[i + 5] = jpeg[i + 7] = static_cast<unsigned char>(side >> 8);
                    jpeg[i + 6] = jpeg[i + 8] = static_cast<unsigned char>(side);
                    break;
                }
            writeBytes(file(std::to_string(side) + ".jpg"), jpeg);
        }
        row("20000.jpg", ErrorCode::FileTooLarge);
        row("16000.jpg", ErrorCode::FileTruncated);

        for (const char* name : {"20000", "16000"}) {
            Bytes bmp = readBytes(file("rgb.bmp"));
            put32(bmp, 18, static_cast<std::uint32_t>(std::atoi(name)), false);
            put32(bmp, 22, static_cast<std::uint32_t>(std::atoi(name)), false);
            writeBytes(file(std::string(name) + ".bmp"), bmp);
            const auto claimIn = [&](const std::string& from, const std::string& what) {
                const Bytes bytes = readBytes(file(from));
                std::string content(bytes.begin(), bytes.end());
                content.replace(content.find(what), what.size(), std::string(name) + " " + name);
                writeBytes(file(std::string(name) + from.substr(from.rfind('.'))),
                           Bytes(content.begin(), content.end()));
            };
            claimIn("gzip.nrrd", "96 64");
            claimIn("zlib.mha", "96 64");
            Bytes dicom = readBytes(file("rle.dcm"));
            for (std::size_t i = 0; i + 10 < dicom.size(); ++i)
                if (dicom[i] == 0x28 && dicom[i + 1] == 0 && (dicom[i + 2] == 0x10 || dicom[i + 2] == 0x11) &&
                    dicom[i + 3] == 0 && dicom[i + 4] == 'U') {
                    dicom[i + 8] = static_cast<unsigned char>(std::atoi(name));
                    dicom[i + 9] = static_cast<unsigned char>(std::atoi(name) >> 8);
                }
            writeBytes(file(std::string(name) + ".dcm"), dicom);
            // TIFF: width and height are the first two entries of the first directory (SHORT).
            Bytes tiff = readBytes(file("lzw.tif"));
            std::size_t at = tiff[4] | tiff[5] << 8 | tiff[6] << 16;
            const int entries = tiff[at] | tiff[at + 1] << 8;
            for (int i = 0; i < entries; ++i) {
                const std::size_t entry = at + 2 + static_cast<std::size_t>(i) * 12;
                const int tag = tiff[entry] | tiff[entry + 1] << 8;
                if (tag == 256 || tag == 257) {
                    tiff[entry + 2] = 4;
                    put32(tiff, entry + 8, static_cast<std::uint32_t>(std::atoi(name)), false);
                }
            }
            writeBytes(file(std::string(name) + ".tif"), tiff);
        }
        for (const char* name : {"20000.bmp", "20000.nrrd", "20000.mha", "20000.dcm", "20000.tif"})
            row(name, ErrorCode::FileTooLarge);
        for (const char* name : {"16000.bmp", "16000.nrrd", "16000.mha", "16000.dcm"})
            row(name, ErrorCode::FileTruncated);
        row("16000.tif", ErrorCode::FileCorrupt); // too few strips for so many rows

        // MetaIO knows three spellings of "local"; another one is a file's name to it.
        const Bytes metaImage = readBytes(file("raw.mha"));
        std::string spelled(metaImage.begin(), metaImage.end());
        spelled.replace(spelled.find("LOCAL"), 5, "LOCAl");
        writeBytes(file("spelled.mha"), Bytes(spelled.begin(), spelled.end()));
        row("spelled.mha", ErrorCode::FileCorrupt);

        const std::string outside =
            "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 4 4\nencoding: raw\ndata file: ../../etc/passwd\n";
        writeBytes(file("outside.nhdr"), Bytes(outside.begin(), outside.end()));
        row("outside.nhdr", ErrorCode::FeatureNotHandled);
        const std::string absolute = "ObjectType = Image\nNDims = 2\nDimSize = 4 4\nElementType = "
                                     "MET_UCHAR\nElementDataFile = /etc/passwd\n";
        writeBytes(file("absolute.mhd"), Bytes(absolute.begin(), absolute.end()));
        row("absolute.mhd", ErrorCode::FeatureNotHandled);
        writeDicomFile(file("report.dcm"), {.sopClass = "1.2.840.10008.5.1.4.1.1.88.11"});
        row("report.dcm", ErrorCode::FormatUnknown);
        writeDicomFile(file("nopixels.dcm"), {});
        row("nopixels.dcm", ErrorCode::FormatUnknown);
        // A TIFF whose directory points to itself.
        Bytes circle{'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 8, 0, 0, 0};
        writeBytes(file("circle.tif"), circle);
        row("circle.tif", ErrorCode::FileCorrupt);
        // JPEG inside DICOM that is larger than the object says: a decoder must not write past its buffer.
        Bytes nested = readBytes(file("jpeg.dcm"));
        for (std::size_t i = 0; i + 10 < nested.size(); ++i)
            if (nested[i] == 0xFF && nested[i + 1] == 0xC0 && nested[i + 2] == 0) {
                nested[i + 5] = 0x20;
                nested[i + 7] = 0x20;
                break;
            }
        writeBytes(file("nested.dcm"), nested);
        row("nested.dcm", ErrorCode::FileCorrupt);
        // RLE segments (PS3.5 G.5) that lie elsewhere than in their frame: a decoder must not follow them.
        const Bytes segments = readBytes(file("rle.dcm"));
        const Bytes start{3, 0, 0, 0, 64, 0, 0, 0}; // three of them, the first after the header
        const auto found = std::search(segments.begin(), segments.end(), start.begin(), start.end());
        QVERIFY(found != segments.end());
        const auto header = static_cast<std::size_t>(found - segments.begin());
        const auto segmentRow = [&](const char* name, std::size_t place, std::uint32_t value) {
            Bytes changed = segments;
            put32(changed, header + place, value, false);
            writeBytes(file(name), changed);
            row(name, ErrorCode::FileCorrupt);
        };
        segmentRow("many segments.dcm", 0, 200);
        segmentRow("one segment.dcm", 0, 1);
        segmentRow("segment in the header.dcm", 4, 10);
        segmentRow("segment far away.dcm", 8, 0x70000000);
        segmentRow("segments in another order.dcm", 8, 60);
    }
    void claims() {
        QFETCH(QString, name);
        QFETCH(int, code);
        const std::string path = file(name.toStdString());
        const QString problem = judge(path, false);
        QVERIFY2(problem.isEmpty(), qPrintable(problem));
        const Result<Image> image = readImage(path);
        QVERIFY(!image.ok());
        QVERIFY2(int(image.error().code) == code, image.error().message().c_str());
    }

    void withoutPermission() {
        const std::string path = file("secret.png");
        writeBytes(path, readBytes(file("rgb.png")));
        QCOMPARE(::chmod(path.c_str(), 0), 0);
        const bool isRoot = ::geteuid() == 0;
        if (isRoot) // root may read everything: be nobody for a moment
            QCOMPARE(::seteuid(65534), 0);
        const QString problem = judge(path, false);
        const Result<Image> image = readImage(path);
        if (isRoot)
            QCOMPARE(::seteuid(0), 0);
        QVERIFY2(problem.isEmpty(), qPrintable(problem));
        QVERIFY(!image.ok());
        QVERIFY2(image.error().code == ErrorCode::FileNotReadable, image.error().message().c_str());
        QVERIFY(image.error().message().find(path) != std::string::npos);
    }

    void mutations() {
        std::mt19937 random(kSeed);
        const int asked = qEnvironmentVariableIntValue("LIMN_MUTATION_SECONDS");
        const qint64 enough = 1000 * (asked > 0 ? asked : kMutationSeconds);
        QElapsedTimer timer;
        timer.start();
        int runs = 0;
        int read = 0;
        std::optional<ErrorOutput> errors;
        if (!kIsInstrumented) // a sanitizer's findings are to be seen
            errors.emplace(file("mutants-stderr.txt"));
        // Round by round over all files: each of them has been tried when time is up.
        for (int round = 0; timer.elapsed() < enough; ++round)
            for (const std::string& path : m_good) {
                Bytes bytes = readBytes(path);
                const unsigned changes = 1 + random() % 8;
                for (unsigned i = 0; i < changes && !bytes.empty(); ++i) {
                    // Half of the changes go where the headers are.
                    const std::size_t span =
                        random() % 2 == 0 ? std::min<std::size_t>(bytes.size(), 700) : bytes.size();
                    const std::size_t at = random() % span;
                    switch (random() % 6) {
                    case 0:
                        bytes[at] ^= static_cast<unsigned char>(1u << random() % 8);
                        break;
                    case 1:
                        bytes[at] = 0xFF;
                        break;
                    case 2:
                        bytes[at] = 0;
                        break;
                    case 3:
                        bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
                        break;
                    case 4:
                        bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                     static_cast<unsigned char>(random()));
                        break;
                    default:
                        bytes[at] = static_cast<unsigned char>(random());
                        break;
                    }
                }
                const std::size_t slash = path.rfind('/');
                const std::string mutant = path.substr(0, slash + 1) + "mutant-" + path.substr(slash + 1);
                writeBytes(mutant, bytes);
                const QString problem = judge(mutant, true);
                QVERIFY2(problem.isEmpty(), qPrintable(QStringLiteral("%1, seed %2, round %3: %4")
                                                           .arg(QString::fromStdString(path))
                                                           .arg(kSeed)
                                                           .arg(round)
                                                           .arg(problem)));
                read += readImage(mutant).ok() ? 1 : 0;
                ++runs;
            }
        if (errors)
            QCOMPARE(errors->text(), QString());
        qInfo("%d mutants of %zu files, %d could be read", runs, m_good.size(), read);
        QVERIFY(runs >= static_cast<int>(m_good.size()));
        QVERIFY(read > 0 && read < runs);
    }
};

QTEST_GUILESS_MAIN(TestBadImages)
#include "tst_bad_images.moc"
