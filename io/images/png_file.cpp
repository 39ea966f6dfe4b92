// SPDX-License-Identifier: GPL-3.0-or-later
// PNG by libpng, the library that ITK's PNGImageIO wraps. ITK's class is not used: it prints libpng's
// messages to the terminal, even for files that read well, and gives neither the colour profile nor EXIF.
#include "io/images/decoding.h"

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <memory>

#include <png.h>
#include <zlib.h>

namespace limn::images {

namespace {

constexpr std::size_t kMaxIccBytes = 16u << 20;
constexpr std::uint64_t kMaxExifBytes = 1u << 20;
// The longest run of one Deflate symbol pair: no stream unpacks to more than 1032 times its size (zlib's
// manual).
constexpr std::uint64_t kMaxDeflateRatio = 1032;

// Unpacks a zlib stream of a header chunk; empty when damaged or larger than the limit.
std::vector<unsigned char> inflated(const unsigned char* data, std::size_t size) {
    std::vector<unsigned char> result;
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK)
        return result;
    stream.next_in = const_cast<unsigned char*>(data);
    stream.avail_in = static_cast<uInt>(size);
    int state = Z_OK;
    while (state == Z_OK && result.size() < kMaxIccBytes) {
        const std::size_t before = result.size();
        result.resize(before + 64 * 1024);
        stream.next_out = result.data() + before;
        stream.avail_out = 64 * 1024;
        state = inflate(&stream, Z_NO_FLUSH);
        result.resize(result.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    if (state != Z_STREAM_END)
        result.clear();
    return result;
}

std::vector<unsigned char> profileOf(const std::vector<unsigned char>& chunk) {
    // name, 0, compression method 0, zlib stream
    const auto end = std::find(chunk.begin(), chunk.end(), 0);
    if (chunk.end() - end < 3 || *(end + 1) != 0)
        return {};
    const std::size_t start = static_cast<std::size_t>(end - chunk.begin()) + 2;
    return inflated(chunk.data() + start, chunk.size() - start);
}

struct Reader {
    const FileBytes* file;
    std::uint64_t position;
    std::jmp_buf jump;
    char message[128];
};

void onError(png_structp png, png_const_charp message) {
    auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
    std::strncpy(reader->message, message, sizeof reader->message - 1);
    std::longjmp(reader->jump, 1);
}

void onWarning(png_structp, png_const_charp) {}

void onRead(png_structp png, png_bytep out, png_size_t count) {
    auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
    if (!reader->file->read(reader->position, out, count))
        png_error(png, "the data end too early");
    reader->position += count;
}

struct Wanted {
    bool labels; // stored values, one byte each, nothing scaled or looked up
    bool shift;  // 16-bit samples back to their significant bits
    std::size_t rowBytes;
};

// Everything with a destructor lives in the caller: longjmp passes over this frame.
bool decodeInto(Reader& reader, const Wanted& wanted, png_bytep* rows) {
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, onError, onWarning);
    png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
    if (info == nullptr) {
        std::strcpy(reader.message, "too little memory");
        png_destroy_read_struct(&png, nullptr, nullptr);
        return false;
    }
    if (setjmp(reader.jump)) {
        png_destroy_read_struct(&png, &info, nullptr);
        return false;
    }
    png_set_read_fn(png, &reader, onRead);
    // Colour profiles are converted by our own step, and text is never shown.
    static const png_byte kIgnored[] = "iCCP\0zTXt\0iTXt\0tEXt\0eXIf\0sPLT\0hIST";
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kIgnored, 7);
    png_read_info(png, info);
    if (wanted.labels) {
        png_set_packing(png);
    } else {
        png_set_expand(png); // palette to RGB, grey to 8 bits, tRNS to alpha
        if (wanted.shift) {
            png_color_8p bits = nullptr;
            if (png_get_sBIT(png, info, &bits) != 0)
                png_set_shift(png, bits);
        }
        if constexpr (std::endian::native == std::endian::little)
            png_set_swap(png);
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_rowbytes(png, info) != wanted.rowBytes) {
        std::strcpy(reader.message, "its chunks contradict each other");
        png_destroy_read_struct(&png, &info, nullptr);
        return false;
    }
    png_read_image(png, rows);
    png_read_end(png, nullptr);
    png_destroy_read_struct(&png, &info, nullptr);
    return true;
}

Result<void> decode(const FileBytes& file, const PngHeader& header, const Wanted& wanted,
                    std::uint8_t* target) {
    const auto reader = std::make_unique<Reader>();
    reader->file = &file;
    reader->position = 0;
    std::memset(reader->message, 0, sizeof reader->message);
    std::vector<png_bytep> rows(static_cast<std::size_t>(header.size.height));
    for (std::size_t y = 0; y < rows.size(); ++y)
        rows[y] = target + y * wanted.rowBytes;
    if (!decodeInto(*reader, wanted, rows.data()))
        return file.corrupt(std::string("the PNG decoder says: ") + reader->message);
    return {};
}

} // namespace

Result<PngHeader> readPngHeader(const FileBytes& file) {
    PngHeader header;
    header.format = "PNG";
    ByteCursor cursor(file, 8, std::endian::big);
    const std::uint32_t length = cursor.u32();
    const std::string first = cursor.text(4);
    const std::uint32_t width = cursor.u32();
    const std::uint32_t height = cursor.u32();
    const int bits = cursor.u8();
    const int colour = cursor.u8();
    cursor.skip(2);
    const int interlace = cursor.u8();
    cursor.skip(4);
    if (cursor.failed())
        return file.truncated("its PNG header is cut off");
    if (first != "IHDR" || length != 13)
        return file.corrupt("its first PNG chunk is no header");
    if (Result<void> size = checkSize(file, width, height); !size)
        return size.error();
    const bool bitsFit = colour == 0   ? bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16
                         : colour == 3 ? bits == 1 || bits == 2 || bits == 4 || bits == 8
                                       : bits == 8 || bits == 16;
    if ((colour != 0 && colour != 2 && colour != 3 && colour != 4 && colour != 6) || !bitsFit)
        return file.corrupt("its PNG header has no valid colour type and depth");
    if (interlace > 1)
        return file.corrupt("its PNG header has no valid interlace method");

    header.size = {static_cast<int>(width), static_cast<int>(height)};
    header.bitsPerSample = bits;
    header.isPalette = colour == 3;
    header.channels = colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1;

    std::uint64_t dataBytes = 0;
    bool isSrgb = false;
    bool hasPalette = false;
    bool ended = false;
    while (!ended) {
        const std::uint32_t count = cursor.u32();
        const std::string name = cursor.text(4);
        if (cursor.failed() || count > cursor.left() || cursor.left() - count < 4)
            return file.truncated(name.size() == 4 ? "its PNG chunk " + name + " is cut off"
                                                   : std::string("its end chunk is missing"));
        if (count > 0x7FFFFFFF)
            return file.corrupt("a PNG chunk has an impossible length");
        const std::uint64_t next = cursor.position() + count + 4;
        if (name == "IDAT") {
            dataBytes += count;
        } else if (name == "IEND") {
            ended = true;
        } else if (name == "PLTE") {
            hasPalette = true;
        } else if (name == "tRNS") {
            header.hasTransparency = true;
        } else if (name == "sRGB") {
            isSrgb = true;
        } else if (name == "sBIT" && count <= 4) {
            const std::vector<unsigned char> significant = cursor.bytes(count);
            const bool equal = !significant.empty() &&
                               std::all_of(significant.begin(), significant.end(),
                                           [&](unsigned char value) { return value == significant[0]; });
            if (equal && significant[0] > 8 && significant[0] < 16 && bits == 16)
                header.significantBits = significant[0];
        } else if (name == "iCCP" && count <= kMaxIccBytes && dataBytes == 0) {
            header.iccProfile = profileOf(cursor.bytes(count));
        } else if (name == "eXIf" && count <= kMaxExifBytes) {
            header.orientation = exifOrientation(cursor.bytes(count));
        }
        cursor = ByteCursor(file, next, std::endian::big);
    }
    if (isSrgb)
        header.iccProfile.clear();
    if (header.isPalette && !hasPalette)
        return file.corrupt("its PNG palette is missing");
    const std::uint64_t rowBytes = (std::uint64_t{width} * header.channels * bits + 7) / 8 + 1;
    const std::uint64_t needed = rowBytes * height / kMaxDeflateRatio;
    if (dataBytes == 0 || dataBytes < needed)
        return file.truncated("a picture of " + sizeText(width, height) + " needs at least " +
                              std::to_string(std::max<std::uint64_t>(needed, 1)) + " bytes of data, " +
                              std::to_string(dataBytes) + " are there");
    return header;
}

Result<Samples> decodePng(const FileBytes& file, const PngHeader& header) {
    Samples samples;
    samples.size = header.size;
    samples.channels = header.isPalette ? 3 : header.channels;
    samples.hasAlpha = header.channels == 2 || header.channels == 4 || header.hasTransparency;
    if (header.hasTransparency && (header.isPalette || header.channels == 1 || header.channels == 3))
        ++samples.channels;
    samples.model = samples.channels <= 2 ? ColourModel::Grey : ColourModel::Rgb;
    const std::size_t count = header.size.pixels() * samples.channels;
    const bool isDeep = header.bitsPerSample == 16;
    Wanted wanted{false, header.significantBits != 0,
                  static_cast<std::size_t>(header.size.width) * samples.channels * (isDeep ? 2 : 1)};
    if (isDeep) {
        samples.bitsStored = header.significantBits != 0 ? header.significantBits : 0;
        samples.u16.resize(count);
    } else {
        samples.u8.resize(count);
    }
    std::uint8_t* target = isDeep ? reinterpret_cast<std::uint8_t*>(samples.u16.data()) : samples.u8.data();
    if (Result<void> done = decode(file, header, wanted, target); !done)
        return done.error();
    return samples;
}

Result<LabelMap> decodePngLabels(const FileBytes& file, const PngHeader& header) {
    LabelMap labels(header.size);
    const Wanted wanted{true, false, static_cast<std::size_t>(header.size.width)};
    if (Result<void> done = decode(file, header, wanted, labels.labels.data()); !done)
        return done.error();
    return labels;
}

} // namespace limn::images
