// SPDX-License-Identifier: GPL-3.0-or-later
// Image files of every kind, written with the codec libraries themselves, so that the readers are judged by
// an independent writer. For tests alone; failures abort, for they are mistakes of the test.
#pragma once

#include "io/core/image.h"

#include <QString>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace limn::testing {

using Bytes = std::vector<unsigned char>;

// Every pixel differs from its neighbours and the four corners are unmistakable. Odd sizes catch padding
// mistakes.
inline constexpr Size kSize{37, 23};
std::vector<std::uint8_t> patternRgb(Size size = kSize);
std::vector<std::uint8_t> patternGrey(Size size = kSize);
// Smooth in x and y, for lossy codecs: no step is larger than a few levels.
std::vector<std::uint8_t> smoothRgb(Size size);
// 16-bit samples that reach 0 and `top`.
std::vector<std::uint16_t> pattern16(Size size, int channels, int top);
std::vector<std::uint8_t> greyToRgb(const std::vector<std::uint8_t>& grey);

void writeBytes(const std::string& path, const Bytes& bytes);
Bytes readBytes(const std::string& path);

// An EXIF block that holds nothing but the orientation.
Bytes exifBlock(int orientation);
// Profiles: sRGB's primaries with a linear curve, sRGB itself, and a linear grey one.
Bytes linearRgbProfile();
Bytes srgbProfile();
Bytes linearGreyProfile();
// What a linear value looks like in sRGB (IEC 61966-2-1).
int srgbOfLinear(int value);

struct PngSpec {
    Size size = kSize;
    int bits = 8;
    int colourType = 2;         // 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha
    const void* data = nullptr; // 16-bit samples in native order; fewer than 8 bits: one byte a pixel
    std::vector<std::uint8_t> palette{}; // RGB
    std::vector<std::uint8_t> paletteAlpha{};
    Bytes icc{};
    Bytes exif{};
    int significantBits = 0;
    bool interlaced = false;
};
void writePngFile(const std::string& path, const PngSpec& spec);

struct JpegSpec {
    Size size = kSize;
    int channels = 3; // 1 grey, 3 RGB, 4 CMYK
    const std::uint8_t* data = nullptr;
    int quality = 100;
    bool progressive = false;
    bool adobe = true; // for CMYK
    bool subsampled = false;
    Bytes icc{};
    Bytes exif{};
};
void writeJpegFile(const std::string& path, const JpegSpec& spec);

struct TiffSpec {
    Size size = kSize;
    int bits = 8;
    int channels = 3;
    int photometric = 2;
    int compression = 1;
    int sampleFormat = 1;
    int extraSample = -1;
    int orientation = 1;
    int tile = 0; // side of tiles, 0 for strips
    int rowsPerStrip = 5;
    bool planar = false;
    bool bigEndian = false;
    bool bigTiff = false;
    bool horizontalPrediction = false;
    const void* data = nullptr;           // rows as libtiff takes them; planar: plane after plane
    std::vector<std::uint16_t> palette{}; // all red, all green, all blue
    Bytes icc{};
    double xResolution = 0.0;
    double yResolution = 0.0;
    int resolutionUnit = 2;
    std::string description{};
};
void writeTiffFile(const std::string& path, const std::vector<TiffSpec>& pages);

// Uncompressed BMP: 8 (grey palette), 24 or 32 bits.
Bytes bmpBytes(Size size, int bits, const std::vector<std::uint8_t>& samples, bool topDown = false);

struct DicomSpec {
    Size size = kSize;
    std::string sopClass = "1.2.840.10008.5.1.4.1.1.77.1.4"; // VL Photographic
    std::string photometric = "RGB";
    int samplesPerPixel = 3;
    int bitsAllocated = 8;
    int bitsStored = 8;
    bool isSigned = false;
    bool planar = false;
    int frames = 1;
    Bytes pixels{};                       // native order; empty leaves the pixel data out
    std::vector<std::uint16_t> palette{}; // 256 red, 256 green, 256 blue, 16 bits each
    std::string pixelSpacing{};
    std::string windowCenter{};
    std::string windowWidth{};
    std::string rescaleSlope{};
    std::string rescaleIntercept{};
    Bytes icc{};
};
enum class DicomSyntax { Implicit, Explicit, BigEndian, JpegBaseline, JpegLossless, JpegLs, Rle };
void writeDicomFile(const std::string& path, const DicomSpec& spec,
                    DicomSyntax syntax = DicomSyntax::Explicit);
// JPEG 2000 (lossless), written by ITK's GDCM. `channels` 1 or 3; 16-bit samples in native order, frame after
// frame.
void writeDicomJpeg2000(const std::string& path, Size size, int channels, int bits, const void* data,
                        int frames = 1);

// Empty when both pictures agree within `tolerance`; else where and how they first differ.
QString difference(const std::vector<std::uint8_t>& found, const std::vector<std::uint8_t>& expected,
                   Size size, int tolerance = 0);

// The picture as EXIF defines it: where each stored pixel goes, written down without the reader's code.
std::vector<std::uint8_t> orientedPicture(const std::vector<std::uint8_t>& rgb, Size size, int orientation);

} // namespace limn::testing
