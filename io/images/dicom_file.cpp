// SPDX-License-Identifier: GPL-3.0-or-later
// DICOM pixels: uncompressed frames straight from their place in the file, JPEG, JPEG-LS and RLE by DCMTK's
// codecs, JPEG 2000 by OpenJPEG.
#include "io/images/decoding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include <dcmtk/config/osconfig.h>

#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmdata/dcpixel.h>
#include <dcmtk/dcmdata/dcrledrg.h>
#include <dcmtk/dcmjpeg/djdecode.h>
#include <dcmtk/dcmjpls/djdecode.h>
#include <dcmtk/oflog/oflog.h>

namespace limn::images {

namespace {

void prepareDcmtk() {
    static std::once_flag done;
    std::call_once(done, [] {
        OFLog::configure(OFLogger::OFF_LOG_LEVEL);
        DcmRLEDecoderRegistration::registerCodecs();
        DJDecoderRegistration::registerCodecs(); // colour by the photometric interpretation
        DJLSDecoderRegistration::registerCodecs();
    });
}

bool isNative(const std::string& syntax) {
    return syntax == "1.2.840.10008.1.2" || syntax == "1.2.840.10008.1.2.1" ||
           syntax == "1.2.840.10008.1.2.2";
}

bool isJpeg2000(const std::string& syntax) {
    return syntax == "1.2.840.10008.1.2.4.90" || syntax == "1.2.840.10008.1.2.4.91";
}

bool isRle(const std::string& syntax) {
    return syntax == "1.2.840.10008.1.2.5";
}

// JPEG process 1, 2 and 4, 14, 14 first order, JPEG-LS lossless and near-lossless.
bool isJpegFamily(const std::string& syntax) {
    for (const char* known : {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57",
                              "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"})
        if (syntax == known)
            return true;
    return false;
}

// A frame of plain samples with its colour model ("RGB", "YBR_FULL", "MONOCHROME2", ...).
struct RawFrame {
    std::vector<std::uint8_t> bytes;
    std::string model;
    bool isPlanar = false; // all red, all green, all blue
};

std::size_t frameBytes(const DicomHeader& header, int samplesPerPixel) {
    return header.size.pixels() * static_cast<std::size_t>(samplesPerPixel) *
           static_cast<std::size_t>(header.bitsAllocated / 8);
}

Result<RawFrame> readNative(const FileBytes& file, const DicomHeader& header, int frame) {
    RawFrame raw;
    raw.model = header.photometric;
    raw.isPlanar = header.isPlanar;
    const std::size_t bytes =
        frameBytes(header, header.photometric == "YBR_FULL_422" ? 2 : header.samplesPerPixel);
    raw.bytes.resize(bytes);
    if (!file.read(header.pixels.offset + bytes * static_cast<std::uint64_t>(frame), raw.bytes.data(), bytes))
        return file.truncated("the pixels of frame " + std::to_string(frame + 1) + " are missing");
    if (header.bitsAllocated == 16 && header.order != std::endian::native)
        for (std::size_t i = 0; i + 1 < bytes; i += 2)
            std::swap(raw.bytes[i], raw.bytes[i + 1]);
    return raw;
}

// The compressed stream says its own size; it must be the data set's, or a decoder could write past its
// buffer.
Result<void> checkJpegFrames(const FileBytes& file, const DicomHeader& header) {
    bool found = false;
    for (const DicomFragment& fragment : header.fragments) {
        unsigned char mark[2] = {};
        if (fragment.length < 2 || !file.read(fragment.offset, mark, 2) || mark[0] != 0xFF || mark[1] != 0xD8)
            continue; // a later part of a frame
        const std::optional<JpegFrame> jpeg = findJpegFrame(file, fragment.offset, fragment.length);
        if (!jpeg)
            return file.corrupt("its JPEG pixel data have no frame header");
        if (jpeg->width != header.size.width || jpeg->height != header.size.height ||
            jpeg->components != header.samplesPerPixel)
            return file.corrupt("its JPEG pixel data are of " + sizeText(jpeg->width, jpeg->height) +
                                " with " + std::to_string(jpeg->components) +
                                " components, its header says " +
                                sizeText(header.size.width, header.size.height) + " with " +
                                std::to_string(header.samplesPerPixel));
        if (jpeg->bits > header.bitsAllocated)
            return file.corrupt("its JPEG pixel data have " + std::to_string(jpeg->bits) + " bits a sample");
        found = true;
    }
    if (!found)
        return file.corrupt("its pixel data hold no JPEG stream");
    return {};
}

// An RLE frame is one fragment and begins with the places of its segments, one for each byte of a pixel
// (PS3.5 A.4.2, G.5). DCMTK follows them wherever they lead.
Result<void> checkRleFrames(const FileBytes& file, const DicomHeader& header) {
    constexpr std::uint64_t kHeaderBytes = 64;
    const int expected = header.samplesPerPixel * header.bitsAllocated / 8;
    if (header.fragments.size() != static_cast<std::size_t>(header.frameCount))
        return file.corrupt("its " + std::to_string(header.frameCount) + " RLE frames lie in " +
                            std::to_string(header.fragments.size()) + " parts");
    for (const DicomFragment& fragment : header.fragments) {
        ByteCursor places(file, fragment.offset, std::endian::little, fragment.offset + fragment.length);
        const std::uint32_t segments = places.u32();
        if (segments != static_cast<std::uint32_t>(expected))
            return file.corrupt("an RLE frame has " + std::to_string(segments) + " segments instead of " +
                                std::to_string(expected));
        std::uint64_t least = kHeaderBytes;
        for (int segment = 1; segment <= expected; ++segment) {
            const std::uint64_t begin = places.u32();
            if (begin < least || begin >= fragment.length)
                return file.corrupt("segment " + std::to_string(segment) +
                                    " of an RLE frame does not lie in the frame");
            least = begin + 1;
        }
    }
    return {};
}

// RLE packs at most 128 bytes into 2 (PS3.5 G.3.1), JPEG a block of 64 samples into one bit.
Result<void> checkCompressedSize(const FileBytes& file, const DicomHeader& header, std::uint64_t ratio) {
    std::uint64_t bytes = 0;
    for (const DicomFragment& fragment : header.fragments)
        bytes += fragment.length;
    const std::uint64_t needed =
        frameBytes(header, header.samplesPerPixel) / ratio * static_cast<std::uint64_t>(header.frameCount);
    if (bytes < needed)
        return file.truncated("its pixels need at least " + std::to_string(needed) + " compressed bytes, " +
                              std::to_string(bytes) + " are there");
    return {};
}

Result<RawFrame> readWithDcmtk(const FileBytes& file, const DicomHeader& header, int frame) {
    prepareDcmtk();
    DcmFileFormat format;
    OFCondition state = format.loadFile(file.path().c_str());
    if (state.bad())
        return file.corrupt(std::string("DCMTK says: ") + state.text());
    DcmDataset* dataset = format.getDataset();
    DcmElement* element = nullptr;
    state = dataset->findAndGetElement(DCM_PixelData, element);
    auto* pixels = dynamic_cast<DcmPixelData*>(element);
    if (state.bad() || pixels == nullptr)
        return file.corrupt("DCMTK finds no pixel data in it");
    RawFrame raw;
    const std::size_t bytes = frameBytes(header, header.samplesPerPixel);
    if (bytes >= 0xFFFFFFF0u)
        return file.error(ErrorCode::FileTooLarge, std::to_string(bytes) + " bytes in a frame",
                          "4294967279 bytes");
    Uint32 known = 0;
    if (pixels->getUncompressedFrameSize(dataset, known).bad() || known < bytes || known > bytes + 1)
        return file.corrupt("DCMTK finds another frame size in it than its header says");
    raw.bytes.resize(bytes + (bytes & 1)); // DCMTK wants an even length
    Uint32 startFragment = 0;
    OFString model;
    state = pixels->getUncompressedFrame(dataset, static_cast<Uint32>(frame), startFragment, raw.bytes.data(),
                                         static_cast<Uint32>(raw.bytes.size()), model);
    if (state.bad())
        return file.corrupt(std::string("its pixel data cannot be unpacked (DCMTK says: ") + state.text() +
                            ")");
    raw.bytes.resize(bytes);
    raw.model.assign(model.data(), model.size()); // DCMTK may have a string type of its own
    raw.isPlanar = header.isPlanar;
    return raw;
}

Result<RawFrame> readJpeg2000(const FileBytes& file, const DicomHeader& header, int frame) {
    Result<std::vector<std::uint8_t>> bytes = decodeJpeg2000(file, header, frame);
    if (!bytes)
        return bytes.error();
    // The decoder undoes JPEG 2000's own colour transforms (PS3.5 A.4.4).
    const bool isOwnTransform = header.photometric == "YBR_RCT" || header.photometric == "YBR_ICT";
    return RawFrame{std::move(*bytes), isOwnTransform ? "RGB" : header.photometric};
}

std::uint8_t clamped(int value) {
    return static_cast<std::uint8_t>(std::clamp(value, 0, 255));
}

// PS3.3 C.7.6.3.1.2: the full-range YCbCr of JPEG, in 16-bit fixed point.
void toRgb(int y, int blueDifference, int redDifference, std::uint8_t* rgb) {
    const int cb = blueDifference - 128;
    const int cr = redDifference - 128;
    rgb[0] = clamped(y + ((91881 * cr + 32768) >> 16));              // 1.402
    rgb[1] = clamped(y - ((22554 * cb + 46802 * cr + 32767) >> 16)); // 0.344136, 0.714136
    rgb[2] = clamped(y + ((116130 * cb + 32768) >> 16));             // 1.772
}

Result<Samples> colourSamples(const FileBytes& file, const DicomHeader& header, RawFrame raw) {
    Samples samples;
    samples.size = header.size;
    samples.channels = 3;
    samples.model = ColourModel::Rgb;
    const std::size_t pixels = header.size.pixels();
    if (raw.model == "YBR_FULL_422" && isNative(header.transferSyntax)) {
        // C.7.6.3.1.2: two pixels share their colour: Y1 Y2 Cb Cr.
        if (header.size.width % 2 != 0)
            return file.corrupt("its YBR_FULL_422 pixels have an odd number of columns");
        samples.u8.resize(pixels * 3);
        for (std::size_t i = 0; i + 1 < pixels; i += 2) {
            const std::uint8_t* from = raw.bytes.data() + i * 2;
            toRgb(from[0], from[2], from[3], samples.u8.data() + i * 3);
            toRgb(from[1], from[2], from[3], samples.u8.data() + i * 3 + 3);
        }
        return samples;
    }
    if (raw.isPlanar) {
        const std::size_t width = static_cast<std::size_t>(header.bitsAllocated / 8);
        std::vector<std::uint8_t> mixed(raw.bytes.size());
        for (std::size_t i = 0; i < pixels; ++i)
            for (std::size_t channel = 0; channel < 3; ++channel)
                std::copy_n(raw.bytes.data() + (channel * pixels + i) * width, width,
                            mixed.data() + (i * 3 + channel) * width);
        raw.bytes = std::move(mixed);
    }
    if (header.bitsAllocated == 16) {
        samples.u16.resize(pixels * 3);
        std::copy_n(raw.bytes.data(), raw.bytes.size(), reinterpret_cast<std::uint8_t*>(samples.u16.data()));
        const auto mask = static_cast<std::uint16_t>((1u << header.bitsStored) - 1);
        for (std::uint16_t& value : samples.u16)
            value &= mask;
        samples.bitsStored = header.bitsStored;
        return samples;
    }
    if (raw.model == "YBR_FULL" || raw.model == "YBR_FULL_422")
        for (std::size_t i = 0; i < pixels; ++i) {
            std::uint8_t* pixel = raw.bytes.data() + i * 3;
            toRgb(pixel[0], pixel[1], pixel[2], pixel);
        }
    else if (raw.model != "RGB")
        return file.notHandled("the colour model " + raw.model + " of its unpacked pixels");
    samples.u8 = std::move(raw.bytes);
    return samples;
}

Result<Samples> greySamples(const DicomHeader& header, RawFrame raw) {
    Samples samples;
    samples.size = header.size;
    samples.channels = 1;
    samples.model = ColourModel::Grey;
    samples.isInverted = header.photometric == "MONOCHROME1";
    samples.window = header.window;
    const std::size_t pixels = header.size.pixels();
    const unsigned mask = (1u << header.bitsStored) - 1;
    const unsigned sign = 1u << (header.bitsStored - 1);
    const auto stored = [&](std::size_t i) -> unsigned {
        if (header.bitsAllocated == 8)
            return raw.bytes[i] & mask;
        std::uint16_t value;
        std::memcpy(&value, raw.bytes.data() + i * 2, 2);
        return value & mask;
    };
    if (header.isSigned) {
        samples.isOffset = true;
        samples.bitsStored = 16;
        samples.u16.resize(pixels);
        for (std::size_t i = 0; i < pixels; ++i) {
            const auto value = static_cast<int>(stored(i) ^ sign) - static_cast<int>(sign);
            samples.u16[i] = static_cast<std::uint16_t>(value + 32768);
        }
        if (samples.window)
            samples.window = Window{samples.window->low + 32768.0, samples.window->high + 32768.0};
        return samples;
    }
    if (header.bitsStored > 8) {
        samples.bitsStored = header.bitsStored;
        samples.u16.resize(pixels);
        for (std::size_t i = 0; i < pixels; ++i)
            samples.u16[i] = static_cast<std::uint16_t>(stored(i));
        return samples;
    }
    // Up to 8 bits: the window is applied here, and nothing deeper is kept.
    std::uint8_t table[256] = {};
    const Window window = header.window.value_or(Window{0.0, static_cast<double>(mask)});
    for (int value = 0; value <= static_cast<int>(mask); ++value)
        table[value] = clamped(
            static_cast<int>(std::floor((value - window.low) / (window.high - window.low) * 255.0 + 0.5)));
    samples.u8.resize(pixels);
    for (std::size_t i = 0; i < pixels; ++i)
        samples.u8[i] = table[stored(i)];
    return samples;
}

Result<Samples> paletteSamples(const DicomHeader& header, const RawFrame& raw) {
    Samples samples;
    samples.size = header.size;
    samples.channels = 3;
    samples.model = ColourModel::Rgb;
    const std::size_t pixels = header.size.pixels();
    const int mask = (1 << header.bitsStored) - 1;
    samples.u8.resize(pixels * 3);
    for (std::size_t i = 0; i < pixels; ++i) {
        int index = raw.bytes[i * static_cast<std::size_t>(header.bitsAllocated / 8)];
        if (header.bitsAllocated == 16) {
            std::uint16_t value;
            std::memcpy(&value, raw.bytes.data() + i * 2, 2);
            index = value;
        }
        index &= mask;
        for (std::size_t channel = 0; channel < 3; ++channel) {
            const DicomPalette& palette = header.palette[channel];
            // C.7.6.3.1.5: values outside of the table take its first or last entry.
            const int at = std::clamp(index - palette.first, 0, static_cast<int>(palette.entries.size()) - 1);
            samples.u8[i * 3 + channel] = palette.entries[static_cast<std::size_t>(at)];
        }
    }
    return samples;
}

} // namespace

Result<Samples> decodeDicom(const FileBytes& file, const DicomHeader& header, int frame) {
    const std::string& syntax = header.transferSyntax;
    const bool isCompressed = !header.fragments.empty();
    if (isNative(syntax) == isCompressed)
        return file.corrupt("its pixel data do not fit its transfer syntax " + syntax);
    Result<RawFrame> raw = file.notHandled("the DICOM transfer syntax " + syntax);
    if (isNative(syntax)) {
        raw = readNative(file, header, frame);
    } else if (isJpeg2000(syntax)) {
        if (Result<void> size = checkCompressedSize(file, header, 20000); !size)
            return size.error();
        raw = readJpeg2000(file, header, frame);
    } else if (isJpegFamily(syntax)) {
        if (Result<void> frames = checkJpegFrames(file, header); !frames)
            return frames.error();
        if (Result<void> size = checkCompressedSize(file, header, 1024); !size)
            return size.error();
        raw = readWithDcmtk(file, header, frame);
    } else if (isRle(syntax)) {
        if (Result<void> frames = checkRleFrames(file, header); !frames)
            return frames.error();
        if (Result<void> size = checkCompressedSize(file, header, 64); !size)
            return size.error();
        raw = readWithDcmtk(file, header, frame);
    }
    if (!raw)
        return raw.error();
    if (header.photometric == "PALETTE COLOR")
        return paletteSamples(header, *raw);
    return header.samplesPerPixel == 3 ? colourSamples(file, header, std::move(*raw))
                                       : greySamples(header, std::move(*raw));
}

} // namespace limn::images
