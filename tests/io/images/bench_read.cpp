// SPDX-License-Identifier: GPL-3.0-or-later
// Time and memory of readImage beside the bare codec on the same file in the same run: a 12-megapixel JPEG
// and 24-megapixel 16-bit TIFFs. Prints a table; no test, for its figures depend on the machine. The best of
// several runs counts, and both sides alternate, so that a busy machine does not favour one.
#include "io/images/image_reader.h"
#include "sample_files.h"
#include "tests/resident_growth.h"

#include <QTemporaryDir>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>

#include <jpeglib.h>
#include <tiffio.h>

using namespace limn;
using namespace limn::testing;

namespace {

// Wall time, and processor time of all threads together: the second is what a busy machine does not distort.
struct Times {
    double wallMs = 1e9;
    double processorMs = 1e9;
};

Times timed(const std::function<void()>& work) {
    const std::clock_t processor = std::clock();
    const auto start = std::chrono::steady_clock::now();
    work();
    const double wall =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return {wall, (std::clock() - processor) * 1000.0 / CLOCKS_PER_SEC};
}

Times best(const Times& a, const Times& b) {
    return {std::min(a.wallMs, b.wallMs), std::min(a.processorMs, b.processorMs)};
}

void bareJpeg(const std::string& path) {
    std::FILE* file = std::fopen(path.c_str(), "rb");
    jpeg_error_mgr errors;
    jpeg_decompress_struct info;
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_stdio_src(&info, file);
    jpeg_read_header(&info, TRUE);
    jpeg_start_decompress(&info);
    const std::size_t rowBytes = std::size_t{info.output_width} * 3;
    const std::unique_ptr<JSAMPLE[]> pixels(new JSAMPLE[rowBytes * info.output_height]);
    while (info.output_scanline < info.output_height) {
        JSAMPROW row = pixels.get() + rowBytes * info.output_scanline;
        jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    std::fclose(file);
}

void bareTiff(const std::string& path) {
    TIFF* tiff = TIFFOpen(path.c_str(), "r");
    std::uint32_t height = 0;
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    const auto rowBytes = static_cast<std::size_t>(TIFFScanlineSize(tiff));
    const std::unique_ptr<unsigned char[]> pixels(new unsigned char[rowBytes * height]);
    unsigned char* target = pixels.get();
    for (std::uint32_t strip = 0; strip < TIFFNumberOfStrips(tiff); ++strip)
        target += TIFFReadEncodedStrip(tiff, strip, target, -1);
    TIFFClose(tiff);
}

void measure(const char* name, const std::string& path, const std::function<void(const std::string&)>& bare) {
    constexpr int kRuns = 7;
    Times ours;
    Times codec;
    std::optional<Error> failed;
    const std::int64_t ourPeak = residentGrowth([&] {
        const Result<Image> image = readImage(path);
        if (!image)
            failed = image.error();
    });
    if (failed) {
        std::printf("%s: %s\n", name, failed->message().c_str());
        return;
    }
    const std::int64_t codecPeak = residentGrowth([&] { bare(path); });
    for (int run = 0; run < kRuns; ++run) {
        std::optional<Result<Image>>
            image; // freed outside of the measured part, as the codec's buffer is not used on
        ours = best(ours, timed([&] { image.emplace(readImage(path)); }));
        image.reset();
        codec = best(codec, timed([&] { bare(path); }));
    }
    std::printf("| %-38s | %8.1f | %8.1f | %5.2f | %8.1f | %8.1f | %5.2f | %7.1f | %7.1f |\n", name,
                ours.wallMs, codec.wallMs, ours.wallMs / codec.wallMs, ours.processorMs, codec.processorMs,
                ours.processorMs / codec.processorMs, static_cast<double>(ourPeak) / 1048576.0,
                static_cast<double>(codecPeak) / 1048576.0);
}

} // namespace

int main() {
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    const QTemporaryDir folder;
    const auto file = [&](const char* name) { return folder.path().toStdString() + "/" + name; };
    const Size twelve{4000, 3000};
    std::vector<std::uint8_t> rgb = smoothRgb(twelve);
    std::uint32_t noise = 1; // sensor noise, so that the entropy coder has work to do
    for (auto& value : rgb) {
        noise = noise * 1664525u + 1013904223u;
        value = static_cast<std::uint8_t>(value + (noise >> 28));
    }
    writeJpegFile(file("12.jpg"), {.size = twelve, .data = rgb.data(), .quality = 90, .subsampled = true});
    writeJpegFile(
        file("12o.jpg"),
        {.size = twelve, .data = rgb.data(), .quality = 90, .subsampled = true, .exif = exifBlock(6)});
    writeJpegFile(
        file("12p.jpg"),
        {.size = twelve, .data = rgb.data(), .quality = 90, .subsampled = true, .icc = linearRgbProfile()});

    const Size large{6000, 4000};
    std::vector<std::uint16_t> deep(large.pixels() * 3);
    for (std::size_t i = 0; i < deep.size(); ++i) {
        noise = noise * 1664525u + 1013904223u;
        deep[i] = static_cast<std::uint16_t>(i / 3 % 6000 * 10 + (noise >> 26));
    }
    deep[0] = 65535;
    writeTiffFile(file("24.tif"), {{.size = large, .bits = 16, .rowsPerStrip = 16, .data = deep.data()}});
    writeTiffFile(file("24z.tif"), {{.size = large,
                                     .bits = 16,
                                     .compression = 8,
                                     .rowsPerStrip = 16,
                                     .horizontalPrediction = true,
                                     .data = deep.data()}});
    writeTiffFile(file("24g.tif"), {{.size = large,
                                     .bits = 16,
                                     .channels = 1,
                                     .photometric = 1,
                                     .rowsPerStrip = 16,
                                     .data = deep.data()}});
    deep = {};
    rgb = {};
    std::printf(
        "| file | readImage ms | codec ms | ratio | readImage processor ms | codec processor ms | ratio | "
        "readImage peak MB | codec peak MB |\n|---|---|---|---|---|---|---|---|---|\n");
    measure("TIFF 24 MP RGB 16 bit, uncompressed", file("24.tif"), bareTiff);
    measure("TIFF 24 MP grey 16 bit, uncompressed", file("24g.tif"), bareTiff);
    measure("TIFF 24 MP RGB 16 bit, Deflate", file("24z.tif"), bareTiff);
    measure("JPEG 12 MP", file("12.jpg"), bareJpeg);
    measure("JPEG 12 MP, quarter turn", file("12o.jpg"), bareJpeg);
    measure("JPEG 12 MP, colour profile", file("12p.jpg"), bareJpeg);
    return 0;
}
