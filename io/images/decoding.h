// SPDX-License-Identifier: GPL-3.0-or-later
// What the formats' readers and the common last steps say to each other. Internal to io/images.
//
// A format has two functions: readXHeader judges the file's claims with the bounded cursor alone, and decodeX
// lets a codec library fill Samples whose size is known to be reasonable. present() makes the Image out of
// them.
#pragma once

#include "io/core/image.h"
#include "io/core/result.h"
#include "io/images/file_bytes.h"
#include "io/images/image_reader.h"

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn::images {

struct Header {
    std::string format;
    Size size; // as stored, before the orientation is applied
    int bitsPerSample = 8;
    int channels = 3; // as ImageProbe::channels
    int orientation = 1;
    int frameCount = 1;
    std::optional<Spacing> spacing; // along the stored axes
    std::vector<unsigned char> iccProfile;
};

enum class ColourModel { Grey, Rgb, Cmyk };

// What became of an ICC profile. None: there is none, or it gives sRGB already (no colour moves by more than
// one level of 255). Unusable: it is damaged, or for another kind of colour.
enum class ProfileUse { None, Converted, Unusable };

// Samples shown between low (black) and high (white), in the samples' own units.
struct Window {
    double low = 0.0;
    double high = 0.0;
};

// What a codec gave: rows top to bottom as stored, interleaved, in one of the three vectors (see `largest`).
struct Samples {
    Size size;
    int channels = 0; // 1..4, alpha included
    ColourModel model = ColourModel::Rgb;
    bool hasAlpha = false; // the last channel
    bool isPremultiplied = false;
    bool isInverted = false;      // zero is white (grey), or no ink is 255 (CMYK as Adobe writes it)
    bool isOffset = false;        // u16 holds signed samples with 32768 added
    int bitsStored = 0;           // of u16; 0 where the file does not say
    std::optional<Window> window; // for u16 (offset included) and f32
    // Largest of u16 where the decoder found it on the way; then u8 (or `rgb`) holds u16 as shown from 0 to
    // 65535.
    int largest = -1;
    std::vector<std::uint8_t> u8;
    std::vector<std::uint16_t> u16;
    std::vector<float> f32;
    // Where the decoder went beyond its samples while it was at work: three a pixel, instead of u8. Finished:
    // in sRGB and the right way up, and `profile` says what became of the ICC profile. Else: deep grey
    // samples as shown.
    std::vector<std::uint8_t> rgb;
    bool isFinished = false;
    bool isHandedOn = false; // finished, and given to a sink instead of `rgb`
    ProfileUse profile = ProfileUse::None;
    std::vector<std::string> notes;
};

// FileTooLarge or FileCorrupt (a side of zero) unless the picture may be allocated.
Result<void> checkSize(const FileBytes& file, std::uint64_t width, std::uint64_t height);

// InvalidArgument, naming the file, unless 0 <= frame < count.
Result<void> checkFrame(const FileBytes& file, int frame, int count);

// --- JPEG (libjpeg-turbo) ---
struct JpegHeader : Header {
    bool isAdobe = false; // an Adobe marker: CMYK samples are stored inverted
};
// For decoding, the whole file is walked, so that missing data are known before a decoder makes room for the
// picture; for probing, the walk ends where the pixels begin.
enum class HeaderUse { Probe, Decode };
Result<JpegHeader> readJpegHeader(const FileBytes& file, HeaderUse use);
// `halvings` from 0 to 3: the samples have that fraction of the header's size, rounded up. Where there is a
// sink, colour pictures that need no turning go there; it is for whole pictures alone (no halvings).
Result<Samples> decodeJpeg(const FileBytes& file, const JpegHeader& header, int halvings = 0,
                           const RowSink* sink = nullptr);
// Judges the frame header of a JPEG stream inside another file, at [offset, offset + length). Gives width,
// height and components; nothing when there is no frame header.
struct JpegFrame {
    int width = 0;
    int height = 0;
    int components = 0;
    int bits = 0;
};
std::optional<JpegFrame> findJpegFrame(const FileBytes& file, std::uint64_t offset, std::uint64_t length);

// --- PNG (libpng) ---
struct PngHeader : Header {
    bool isPalette = false;
    bool hasTransparency = false; // tRNS
    int significantBits = 0;      // sBIT when equal for all channels
};
Result<PngHeader> readPngHeader(const FileBytes& file);
Result<Samples> decodePng(const FileBytes& file, const PngHeader& header);
// Grey or palette samples of at most 8 bits as they are stored, for label maps.
Result<LabelMap> decodePngLabels(const FileBytes& file, const PngHeader& header);

// --- TIFF (libtiff) ---
struct TiffHeader : Header {
    int directory = 0; // index of the page's directory in the file
    int photometric = 0;
    int compression = 1;
    int samplesPerPixel = 1;
    int sampleFormat = 1; // 1 unsigned, 2 signed, 3 floating point
    int extraSample =
        -1; // meaning of the first extra sample: 1 premultiplied alpha, 2 alpha, 0 unknown; -1 none
    bool isPlanar = false;
    bool isTiled = false;
};
Result<TiffHeader> readTiffHeader(const FileBytes& file, int page);
Result<Samples> decodeTiff(const FileBytes& file, const TiffHeader& header);

// --- BMP ---
struct BmpHeader : Header {
    int bitsPerPixel = 24;
    bool isTopDown = false;
    int paletteColours = 0;
    std::uint64_t paletteStart = 0;
    std::uint64_t dataStart = 0;
};
Result<BmpHeader> readBmpHeader(const FileBytes& file);
Result<Samples> decodeBmp(const FileBytes& file, const BmpHeader& header);

// --- NRRD, MetaImage (ITK) ---
struct ItkHeader : Header {
    int slices = 1;
    std::string packedPath; // the file with zlib or gzip data; empty where the pixels are not compressed
    std::uint64_t packedOffset = 0;
    std::uint64_t unpackedBytes = 0;
};
Result<ItkHeader> readNrrdHeader(const FileBytes& file);
Result<ItkHeader> readMetaHeader(const FileBytes& file);
Result<Samples> decodeWithItk(const FileBytes& file, const ItkHeader& header, int slice);

// --- DICOM (DCMTK; JPEG 2000 by OpenJPEG) ---
// Red, green or blue of a palette (PS3.3 C.7.6.3.1.5).
struct DicomPalette {
    int first = 0; // stored value of the first entry
    std::vector<std::uint8_t> entries;
};
struct DicomFragment {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};
struct DicomHeader : Header {
    std::string transferSyntax;
    std::string photometric;
    int samplesPerPixel = 1;
    int bitsAllocated = 8;
    int bitsStored = 8;
    bool isSigned = false;
    bool isPlanar = false;
    std::endian order = std::endian::little;
    std::optional<Window> window; // in stored values, the rescale already taken out
    std::array<DicomPalette, 3> palette;
    DicomFragment pixels;                 // uncompressed pixel data
    std::vector<DicomFragment> fragments; // compressed pixel data, without the offset table
};
Result<DicomHeader> readDicomHeader(const FileBytes& file);
Result<Samples> decodeDicom(const FileBytes& file, const DicomHeader& header, int frame);
// A frame of JPEG 2000 as interleaved samples of bitsAllocated, in native order; JPEG 2000's own colour
// transforms are undone.
Result<std::vector<std::uint8_t>> decodeJpeg2000(const FileBytes& file, const DicomHeader& header, int frame);

// --- Common steps ---
// EXIF orientation 1..8 of a TIFF-structured EXIF block (without "Exif\0\0"), read by exiv2; 1 when there is
// none.
int exifOrientation(const std::vector<unsigned char>& exif);

// The size after an orientation, and spacing along the new axes.
Size orientedSize(Size size, int orientation);
std::optional<Spacing> orientedSpacing(const std::optional<Spacing>& spacing, int orientation);

// Puts `count` stored rows of RGB, from the row `first` on, where they belong in a picture of orientedSize().
void placeRgbRows(const std::uint8_t* rows, int first, int count, Size stored, int orientation,
                  std::uint8_t* picture);

// Applies an orientation to interleaved samples of 1 or 3 channels.
void orient(std::vector<std::uint8_t>& samples, Size size, int channels, int orientation);
void orient(std::vector<std::uint16_t>& samples, Size size, int channels, int orientation);

// 8-bit RGB by a profile to sRGB, a part at a time; one object may serve several threads at once.
class RgbToSrgb {
public:
    explicit RgbToSrgb(const std::vector<unsigned char>& iccProfile);
    ~RgbToSrgb();

    ProfileUse use() const;
    // In place; changes nothing unless use() is Converted.
    void convert(std::uint8_t* rgb, std::size_t pixels) const;

private:
    class Impl;
    std::unique_ptr<const Impl> m_impl;
};

// The same for a whole picture.
ProfileUse convertToSrgb(std::vector<std::uint8_t>& rgb, const std::vector<unsigned char>& iccProfile);
// Grey samples to RGB through a grey profile; Unusable leaves `rgb` empty.
ProfileUse greyToSrgb(const std::vector<std::uint8_t>& grey, std::vector<std::uint8_t>& rgb,
                      const std::vector<unsigned char>& iccProfile);
// CMYK (0 = no ink) to RGB, through the profile where it is a CMYK one, else by (1 - ink) * (1 - black).
ProfileUse cmykToSrgb(const std::vector<std::uint8_t>& cmyk, std::vector<std::uint8_t>& rgb,
                      const std::vector<unsigned char>& iccProfile);

// Samples to the picture as a person sees it. `header.size` must be the samples' size.
Result<Image> present(const FileBytes& file, const Header& header, Samples samples, int frame);

} // namespace limn::images
