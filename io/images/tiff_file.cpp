// SPDX-License-Identifier: GPL-3.0-or-later
// TIFF by libtiff, the library that ITK's TIFFImageIO wraps. ITK's class is not used: it cannot read 16-bit
// tiles, CMYK or a chosen page by itself, and copies each sample once more.
#include "io/images/decoding.h"
#include "io/images/large_memory.h"
#include "io/images/row_follower.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <tiffio.h>

namespace limn::images {

namespace {

struct Stream {
    const FileBytes* file;
    std::uint64_t position = 0;
    std::string message;
};

tmsize_t readStream(thandle_t handle, void* out, tmsize_t count) {
    auto* stream = static_cast<Stream*>(handle);
    const std::size_t got =
        stream->file->readSome(stream->position, out, static_cast<std::size_t>(std::max<tmsize_t>(count, 0)));
    stream->position += got;
    return static_cast<tmsize_t>(got);
}

tmsize_t writeStream(thandle_t, void*, tmsize_t) {
    return 0;
}

toff_t seekStream(thandle_t handle, toff_t offset, int whence) {
    auto* stream = static_cast<Stream*>(handle);
    stream->position = whence == SEEK_SET   ? offset
                       : whence == SEEK_CUR ? stream->position + offset
                                            : stream->file->size() + offset;
    return stream->position;
}

int closeStream(thandle_t) {
    return 0;
}

toff_t sizeOfStream(thandle_t handle) {
    return static_cast<Stream*>(handle)->file->size();
}

int keepMessage(TIFF*, void* data, const char*, const char* format, va_list arguments) {
    char text[256];
    std::vsnprintf(text, sizeof text, format, arguments);
    auto* stream = static_cast<Stream*>(data);
    if (stream->message.empty())
        stream->message = text;
    return 1; // handled: nothing is printed
}

int dropMessage(TIFF*, void*, const char*, const char*, va_list) {
    return 1;
}

struct TiffCloser {
    void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using TiffHandle = std::unique_ptr<TIFF, TiffCloser>;

TiffHandle openTiff(Stream& stream) {
    TIFFOpenOptions* options = TIFFOpenOptionsAlloc();
    TIFFOpenOptionsSetErrorHandlerExtR(options, keepMessage, &stream);
    TIFFOpenOptionsSetWarningHandlerExtR(options, dropMessage, nullptr);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, tmsize_t{1} << 30);
    TIFF* tiff = TIFFClientOpenExt(stream.file->path().c_str(), "rm", &stream, readStream, writeStream,
                                   seekStream, closeStream, sizeOfStream, nullptr, nullptr, options);
    TIFFOpenOptionsFree(options);
    return TiffHandle(tiff);
}

// One sample of a decoded row, as libtiff leaves it: native byte order, packed from the high bit where it is
// not of whole bytes.
template<typename Out>
Out sampleAt(const std::uint8_t* row, std::size_t index, const TiffHeader& header) {
    const int bits = header.bitsPerSample;
    if (bits == 8)
        return static_cast<Out>(row[index]);
    if (bits == 16) {
        std::uint16_t value;
        std::memcpy(&value, row + index * 2, 2);
        return static_cast<Out>(value);
    }
    if (bits == 32) {
        if (header.sampleFormat == 3) {
            float value;
            std::memcpy(&value, row + index * 4, 4);
            return static_cast<Out>(value);
        }
        std::uint32_t value;
        std::memcpy(&value, row + index * 4, 4);
        return header.sampleFormat == 2 ? static_cast<Out>(static_cast<std::int32_t>(value))
                                        : static_cast<Out>(value);
    }
    if (bits == 64) {
        double value;
        std::memcpy(&value, row + index * 8, 8);
        return static_cast<Out>(value);
    }
    std::uint32_t value = 0;
    for (std::size_t bit = index * bits; bit < (index + 1) * bits; ++bit)
        value = value << 1 | (row[bit / 8] >> (7 - bit % 8) & 1);
    return static_cast<Out>(value);
}

// A strip or tile at (x, y) of the picture, holding `stride` samples a pixel from channel `first` on.
struct Chunk {
    const std::uint8_t* data = nullptr;
    std::size_t rowBytes = 0;
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
    int first = 0;
    int stride = 1;
};

template<typename Out>
void spread(const Chunk& chunk, const TiffHeader& header, int channels, std::vector<Out>& target) {
    const int copied = std::min(chunk.stride, channels - chunk.first);
    for (int row = 0; row < chunk.height; ++row) {
        const std::uint8_t* from = chunk.data + chunk.rowBytes * row;
        Out* to = target.data() +
                  ((static_cast<std::size_t>(chunk.y) + row) * header.size.width + chunk.x) * channels +
                  chunk.first;
        for (int column = 0; column < chunk.width; ++column)
            for (int channel = 0; channel < copied; ++channel)
                to[static_cast<std::size_t>(column) * channels + channel] =
                    sampleAt<Out>(from, static_cast<std::size_t>(column) * chunk.stride + channel, header);
    }
}

// Calls use(chunk) for every strip or tile, one after the other; false when the decoder fails.
template<typename Use>
bool eachChunk(TIFF* tiff, const TiffHeader& header, int planes, const Use& use) {
    const int width = header.size.width;
    const int height = header.size.height;
    const int stride = header.isPlanar ? 1 : header.samplesPerPixel;
    Chunk chunk;
    chunk.stride = stride;
    if (header.isTiled) {
        std::uint32_t tileWidth = 0;
        std::uint32_t tileHeight = 0;
        TIFFGetField(tiff, TIFFTAG_TILEWIDTH, &tileWidth);
        TIFFGetField(tiff, TIFFTAG_TILELENGTH, &tileHeight);
        std::vector<std::uint8_t> buffer(static_cast<std::size_t>(TIFFTileSize(tiff)));
        chunk.rowBytes = static_cast<std::size_t>(TIFFTileRowSize(tiff));
        if (tileWidth == 0 || tileHeight == 0 || buffer.size() < chunk.rowBytes * tileHeight ||
            chunk.rowBytes * 8 < std::size_t{tileWidth} * stride * header.bitsPerSample)
            return false;
        chunk.data = buffer.data();
        for (int plane = 0; plane < planes; ++plane)
            for (int y = 0; y < height; y += static_cast<int>(tileHeight))
                for (int x = 0; x < width; x += static_cast<int>(tileWidth)) {
                    const std::uint32_t tile =
                        TIFFComputeTile(tiff, static_cast<std::uint32_t>(x), static_cast<std::uint32_t>(y), 0,
                                        static_cast<std::uint16_t>(plane));
                    const auto size = static_cast<tmsize_t>(buffer.size());
                    if (TIFFReadEncodedTile(tiff, tile, buffer.data(), size) != size)
                        return false;
                    chunk.x = x;
                    chunk.y = y;
                    chunk.width = std::min(width - x, static_cast<int>(tileWidth));
                    chunk.height = std::min(height - y, static_cast<int>(tileHeight));
                    chunk.first = plane;
                    use(chunk);
                }
        return true;
    }
    std::uint32_t rowsPerStrip = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rowsPerStrip);
    const int rows =
        static_cast<int>(std::clamp<std::uint32_t>(rowsPerStrip, 1, static_cast<std::uint32_t>(height)));
    chunk.rowBytes = static_cast<std::size_t>(TIFFScanlineSize(tiff));
    if (chunk.rowBytes * 8 < static_cast<std::size_t>(width) * stride * header.bitsPerSample)
        return false;
    // Rows are taken one at a time, so that a picture in a single strip is not held twice.
    std::vector<std::uint8_t> buffer(chunk.rowBytes);
    chunk.data = buffer.data();
    chunk.width = width;
    chunk.height = 1;
    for (int plane = 0; plane < planes; ++plane)
        for (int y = 0; y < height; ++y) {
            if (TIFFReadScanline(tiff, buffer.data(), static_cast<std::uint32_t>(y),
                                 static_cast<std::uint16_t>(plane)) != 1)
                return false;
            chunk.y = y;
            chunk.first = plane;
            use(chunk);
        }
    return rows > 0;
}

// Whole strips straight into the picture: interleaved samples of 8 or 16 bits, all of them wanted.
bool readStrips(TIFF* tiff, const TiffHeader& header, std::uint8_t* target) {
    std::uint32_t rowsPerStrip = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rowsPerStrip);
    const auto height = static_cast<std::uint32_t>(header.size.height);
    rowsPerStrip = std::clamp<std::uint32_t>(rowsPerStrip, 1, height);
    const tmsize_t rowBytes = TIFFScanlineSize(tiff);
    if (rowBytes !=
        static_cast<tmsize_t>(header.size.width) * header.samplesPerPixel * (header.bitsPerSample / 8))
        return false;
    std::uint32_t strip = 0;
    for (std::uint32_t y = 0; y < height; y += rowsPerStrip, ++strip) {
        const tmsize_t bytes = rowBytes * std::min(rowsPerStrip, height - y);
        if (TIFFReadEncodedStrip(tiff, strip, target, bytes) != bytes)
            return false;
        target += bytes;
    }
    return true;
}

// round(v * 255 / 65535) = round(v / 257), exactly.
std::uint8_t shown(std::uint16_t value) {
    return static_cast<std::uint8_t>((value * 255u + 32895u) >> 16);
}

// Unsigned 16-bit samples in small strips: each is kept here, and measured and shown by a follower while it
// is in the processor's cache. Memory is touched once; filling the vectors with zeros first would cost as
// much as reading.
bool appendStrips(TIFF* tiff, const TiffHeader& header, Samples& samples) {
    std::uint32_t rowsPerStrip = 0;
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ROWSPERSTRIP, &rowsPerStrip);
    const auto height = static_cast<std::uint32_t>(header.size.height);
    rowsPerStrip = std::clamp<std::uint32_t>(rowsPerStrip, 1, height);
    const std::size_t inRow =
        static_cast<std::size_t>(header.size.width) * static_cast<std::size_t>(samples.channels);
    if (TIFFScanlineSize(tiff) != static_cast<tmsize_t>(inRow * 2))
        return false;
    // Plain grey goes all the way to the picture.
    const bool isPlainGrey = samples.channels == 1 && !samples.isInverted && header.iccProfile.empty();
    reserveLarge(samples.u16, inRow * height);
    reserveLarge(isPlainGrey ? samples.rgb : samples.u8, inRow * height * (isPlainGrey ? 3 : 1));
    std::vector<std::uint8_t> part;
    std::uint16_t largest = 0;
    RowFollower follower(inRow * 2, static_cast<int>(rowsPerStrip), [&](std::uint8_t* rows, int, int count) {
        const std::uint16_t* from = reinterpret_cast<const std::uint16_t*>(rows);
        const std::size_t values = inRow * static_cast<std::size_t>(count);
        std::uint16_t top = 0;
        for (std::size_t i = 0; i < values; ++i)
            top = std::max(top, from[i]);
        largest = std::max(largest, top);
        part.resize(values * (isPlainGrey ? 3 : 1));
        std::uint8_t* to = part.data();
        if (isPlainGrey) {
            for (std::size_t i = 0; i < values; ++i, to += 3)
                to[0] = to[1] = to[2] = shown(from[i]);
            samples.rgb.insert(samples.rgb.end(), part.begin(), part.end());
        } else {
            for (std::size_t i = 0; i < values; ++i)
                to[i] = shown(from[i]);
            samples.u8.insert(samples.u8.end(), part.begin(), part.end());
        }
    });
    std::uint32_t strip = 0;
    for (std::uint32_t y = 0; y < height; y += rowsPerStrip, ++strip) {
        const std::uint32_t rows = std::min(rowsPerStrip, height - y);
        const std::size_t count = inRow * rows;
        const auto bytes = static_cast<tmsize_t>(count * 2);
        std::uint8_t* band = follower.nextBand();
        if (TIFFReadEncodedStrip(tiff, strip, band, bytes) != bytes)
            return false;
        const std::uint16_t* from = reinterpret_cast<const std::uint16_t*>(band);
        samples.u16.insert(samples.u16.end(), from, from + count);
        follower.bandIsFull(static_cast<int>(rows));
    }
    follower.finish();
    samples.largest = largest;
    return true;
}

// A strip that fits into a processor's cache twice, as most writers choose it (8 KB to 1 MB).
bool hasSmallStrips(TIFF* tiff) {
    return TIFFStripSize(tiff) <= (tmsize_t{2} << 20);
}

// What has no path of its own (subsampled YCbCr, CIE L*a*b*, LogLuv, old JPEG) as libtiff converts it to
// 8-bit RGBA.
Result<Samples> decodeAsRgba(const FileBytes& file, const TiffHeader& header, TIFF* tiff, Stream& stream) {
    char reason[1024] = {};
    if (TIFFRGBAImageOK(tiff, reason) == 0)
        return file.notHandled(std::string("TIFF of a kind that libtiff cannot show (") + reason + ")");
    Samples samples;
    samples.size = header.size;
    samples.channels = 4;
    samples.hasAlpha = true;
    samples.isPremultiplied = true; // libtiff's RGBA always is
    std::vector<std::uint32_t> raster(header.size.pixels());
    // Asking for the file's own orientation keeps the rows as stored; our own step turns them.
    if (TIFFReadRGBAImageOriented(tiff, static_cast<std::uint32_t>(header.size.width),
                                  static_cast<std::uint32_t>(header.size.height), raster.data(),
                                  header.orientation, 1) != 1)
        return file.corrupt("the TIFF decoder says: " + stream.message);
    samples.u8.resize(raster.size() * 4);
    for (std::size_t i = 0; i < raster.size(); ++i) {
        samples.u8[i * 4] = static_cast<std::uint8_t>(TIFFGetR(raster[i]));
        samples.u8[i * 4 + 1] = static_cast<std::uint8_t>(TIFFGetG(raster[i]));
        samples.u8[i * 4 + 2] = static_cast<std::uint8_t>(TIFFGetB(raster[i]));
        samples.u8[i * 4 + 3] = static_cast<std::uint8_t>(TIFFGetA(raster[i]));
    }
    return samples;
}

// Palette indices in u8 or u16 to RGB. TIFF's colour maps have 16-bit entries; some writers use 8 bits of
// them.
Result<void> applyPalette(const FileBytes& file, TIFF* tiff, const TiffHeader& header, Samples& samples) {
    std::uint16_t* maps[3] = {};
    if (TIFFGetField(tiff, TIFFTAG_COLORMAP, &maps[0], &maps[1], &maps[2]) != 1)
        return file.corrupt("its TIFF palette is missing");
    const std::size_t entries = std::size_t{1} << header.bitsPerSample;
    bool isWide = false;
    for (const std::uint16_t* map : maps)
        isWide = isWide || std::any_of(map, map + entries, [](std::uint16_t value) { return value > 255; });
    const std::vector<std::uint8_t> indices = std::move(samples.u8);
    samples.u8.assign(indices.size() * 3, 0);
    for (std::size_t i = 0; i < indices.size(); ++i)
        for (int channel = 0; channel < 3; ++channel) {
            const std::uint32_t value = maps[channel][indices[i]];
            samples.u8[i * 3 + channel] =
                static_cast<std::uint8_t>(isWide ? (value * 255 + 32895) >> 16 : value);
        }
    samples.channels = 3;
    samples.model = ColourModel::Rgb;
    return {};
}

} // namespace

Result<Samples> decodeTiff(const FileBytes& file, const TiffHeader& header) {
    Stream stream{&file, 0, {}};
    const TiffHandle tiff = openTiff(stream);
    if (!tiff || TIFFSetDirectory(tiff.get(), static_cast<tdir_t>(header.directory)) != 1)
        return file.corrupt("the TIFF decoder says: " + stream.message);
    std::uint32_t width = 0;
    std::uint32_t height = 0;
    TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
    std::uint16_t bits = 0;
    std::uint16_t samplesPerPixel = 0;
    std::uint16_t planar = 0;
    TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, &samplesPerPixel);
    TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_PLANARCONFIG, &planar);
    const bool agrees = width == static_cast<std::uint32_t>(header.size.width) &&
                        height == static_cast<std::uint32_t>(header.size.height) &&
                        bits == header.bitsPerSample && samplesPerPixel == header.samplesPerPixel &&
                        (header.samplesPerPixel == 1 || (planar == 2) == header.isPlanar) &&
                        (TIFFIsTiled(tiff.get()) != 0) == header.isTiled;
    if (!agrees)
        return file.corrupt("its TIFF tags contradict each other");

    const bool isJpegColour = header.compression == COMPRESSION_JPEG &&
                              header.photometric == PHOTOMETRIC_YCBCR && header.bitsPerSample == 8 &&
                              header.samplesPerPixel == 3 && !header.isPlanar;
    if (isJpegColour)
        TIFFSetField(tiff.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    const int photometric = isJpegColour ? PHOTOMETRIC_RGB : header.photometric;
    const bool isPalette = photometric == PHOTOMETRIC_PALETTE;
    const bool isGrey = photometric == PHOTOMETRIC_MINISBLACK || photometric == PHOTOMETRIC_MINISWHITE;
    const bool isCmyk = photometric == PHOTOMETRIC_SEPARATED;
    if (!isGrey && !isPalette && !isCmyk && photometric != PHOTOMETRIC_RGB)
        return decodeAsRgba(file, header, tiff.get(), stream);
    const bool isFloat = header.bitsPerSample == 32 || header.bitsPerSample == 64;
    const bool formatFits =
        header.bitsPerSample == 64   ? header.sampleFormat == 3
        : header.bitsPerSample == 32 ? header.sampleFormat >= 1 && header.sampleFormat <= 4
        : header.bitsPerSample == 16
            ? header.sampleFormat == 1 || header.sampleFormat == 2 || header.sampleFormat == 4
            : header.bitsPerSample < 16 && (header.sampleFormat == 1 || header.sampleFormat == 4);
    if (!formatFits || (isPalette && header.bitsPerSample > 8))
        return file.notHandled("TIFF samples of " + std::to_string(header.bitsPerSample) +
                               " bits in the sample format " + std::to_string(header.sampleFormat));

    Samples samples;
    samples.size = header.size;
    const int colours = isGrey || isPalette ? 1 : isCmyk ? 4 : 3;
    samples.hasAlpha = !isCmyk && !isPalette && (header.extraSample == 1 || header.extraSample == 2);
    samples.channels = colours + (samples.hasAlpha ? 1 : 0);
    samples.isPremultiplied = header.extraSample == 1;
    samples.isInverted = photometric == PHOTOMETRIC_MINISWHITE;
    samples.model = isGrey ? ColourModel::Grey : isCmyk ? ColourModel::Cmyk : ColourModel::Rgb;
    const std::size_t count = header.size.pixels() * samples.channels;
    const int planes = header.isPlanar ? samples.channels : 1;
    const bool isStraight = !header.isTiled && !header.isPlanar && samples.channels == header.samplesPerPixel;

    bool done = false;
    if (isFloat) {
        resizeLarge(samples.f32, count);
        done = eachChunk(tiff.get(), header, planes,
                         [&](const Chunk& chunk) { spread(chunk, header, samples.channels, samples.f32); });
    } else if (header.bitsPerSample > 8) {
        samples.bitsStored = header.bitsPerSample < 16 ? header.bitsPerSample : 0;
        if (isStraight && header.bitsPerSample == 16 && header.sampleFormat != 2 &&
            hasSmallStrips(tiff.get())) {
            done = appendStrips(tiff.get(), header, samples);
        } else {
            resizeLarge(samples.u16, count);
            done = isStraight && header.bitsPerSample == 16
                       ? readStrips(tiff.get(), header, reinterpret_cast<std::uint8_t*>(samples.u16.data()))
                       : eachChunk(tiff.get(), header, planes, [&](const Chunk& chunk) {
                             spread(chunk, header, samples.channels, samples.u16);
                         });
        }
        if (header.sampleFormat == 2) {
            samples.isOffset = true;
            for (std::uint16_t& value : samples.u16)
                value ^= 0x8000;
        }
    } else {
        resizeLarge(samples.u8, count);
        done = isStraight && header.bitsPerSample == 8
                   ? readStrips(tiff.get(), header, samples.u8.data())
                   : eachChunk(tiff.get(), header, planes, [&](const Chunk& chunk) {
                         spread(chunk, header, samples.channels, samples.u8);
                     });
        if (header.bitsPerSample < 8 && !isPalette) {
            const int top = (1 << header.bitsPerSample) - 1;
            for (std::uint8_t& value : samples.u8)
                value = static_cast<std::uint8_t>((value * 255 + top / 2) / top);
        }
    }
    if (!done)
        return file.corrupt("the TIFF decoder says: " +
                            (stream.message.empty() ? "the picture data are not complete" : stream.message));
    if (isPalette) {
        if (Result<void> mapped = applyPalette(file, tiff.get(), header, samples); !mapped)
            return mapped.error();
    }
    return samples;
}

} // namespace limn::images
