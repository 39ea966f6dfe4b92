// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/mask_files.h"

#include "io/images/atomic_file.h"
#include "io/images/decoding.h"
#include "io/images/format_guess.h"
#include "io/images/image_reader.h"
#include "io/images/run_deflate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <csetjmp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include <jpeglib.h>
#include <png.h>
#include <zlib.h>

namespace limn {

using namespace images;

namespace {

// Fast settings: label maps compress well with any, and a full search costs a second on a large photograph.
constexpr int kPngLevel = 3;

struct PngTarget {
    std::vector<unsigned char> bytes;
    std::jmp_buf jump;
    char message[128] = {};
};

void onPngError(png_structp png, png_const_charp message) {
    auto* target = static_cast<PngTarget*>(png_get_error_ptr(png));
    std::strncpy(target->message, message, sizeof target->message - 1);
    std::longjmp(target->jump, 1);
}

void onPngWarning(png_structp, png_const_charp) {}

void onPngWrite(png_structp png, png_bytep data, png_size_t count) {
    auto* target = static_cast<PngTarget*>(png_get_io_ptr(png));
    try {
        target->bytes.insert(target->bytes.end(), data, data + count);
        return;
    } catch (const std::bad_alloc&) {
    }
    png_error(png, "too little memory");
}

void onPngFlush(png_structp) {}

struct PngPixels {
    Size size;
    int bits;       // 8 or 16 (native byte order)
    int colourType; // PNG_COLOR_TYPE_GRAY or _RGB
    std::function<const void*(int y)> row;
    bool isPicture; // photographs are filtered, label values are not
};

std::function<const void*(int)> rowsOf(const void* first, std::size_t rowBytes) {
    return [first, rowBytes](int y) {
        return static_cast<const unsigned char*>(first) + static_cast<std::size_t>(y) * rowBytes;
    };
}

// Everything with a destructor lives in the caller: longjmp passes over this frame.
bool encodePng(PngTarget& target, const PngPixels& pixels) {
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &target, onPngError, onPngWarning);
    png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
    if (info == nullptr) {
        png_destroy_write_struct(&png, nullptr);
        return false;
    }
    if (setjmp(target.jump)) {
        png_destroy_write_struct(&png, &info);
        return false;
    }
    png_set_write_fn(png, &target, onPngWrite, onPngFlush);
    png_set_IHDR(png, info, static_cast<png_uint_32>(pixels.size.width),
                 static_cast<png_uint_32>(pixels.size.height), pixels.bits, pixels.colourType,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_compression_level(png, kPngLevel);
    png_set_filter(png, PNG_FILTER_TYPE_BASE,
                   pixels.isPicture ? PNG_FILTER_SUB | PNG_FILTER_UP : PNG_FILTER_NONE);
    if (pixels.isPicture)
        png_set_sRGB(png, info, PNG_sRGB_INTENT_RELATIVE);
    png_write_info(png, info);
    if (pixels.bits == 16 && std::endian::native == std::endian::little)
        png_set_swap(png);
    for (int y = 0; y < pixels.size.height; ++y)
        png_write_row(png, static_cast<png_const_bytep>(pixels.row(y)));
    png_write_end(png, nullptr);
    png_destroy_write_struct(&png, &info);
    return true;
}

PngPixels labelPixels(const LabelMap& labels) {
    return {labels.size, 8, PNG_COLOR_TYPE_GRAY,
            rowsOf(labels.labels.data(), static_cast<std::size_t>(labels.size.width)), false};
}

// Sizes are checked once for all writers: the buffer must hold what the size says.
Result<void> checkPixels(Size size, std::size_t samples, std::size_t perPixel) {
    if (size.width <= 0 || size.height <= 0 || size.pixels() > kMaxImagePixels ||
        samples != size.pixels() * perPixel)
        return Error{ErrorCode::InvalidArgument,
                     {"the picture to write",
                      std::to_string(size.width) + " x " + std::to_string(size.height) + " with " +
                          std::to_string(samples) + " samples",
                      "of at least one pixel, with " + std::to_string(perPixel) + " samples each"}};
    return {};
}

// `what` names the picture in sentences: a path as a rule.
Result<std::unique_ptr<PngTarget>> encodedPng(const std::string& what, const PngPixels& pixels) {
    try {
        auto target = std::make_unique<PngTarget>();
        if (!encodePng(*target, pixels))
            return Error{ErrorCode::FileNotWritable, {what, target->message}};
        return target;
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory, {"writing " + what, "the packed picture does not fit"}};
    }
}

// A chunk of a PNG file: length, type, data, and the check sum of the last two.
void addChunk(std::vector<unsigned char>& png, const char (&type)[5], std::span<const unsigned char> data) {
    const auto addWord = [&png](std::size_t word) {
        for (int shift = 24; shift >= 0; shift -= 8)
            png.push_back(static_cast<unsigned char>(word >> shift));
    };
    addWord(data.size());
    const std::size_t begin = png.size();
    png.insert(png.end(), type, type + 4);
    png.insert(png.end(), data.begin(), data.end());
    addWord(crc32_z(0, png.data() + begin, png.size() - begin));
}

// The first of row[x .. width) that is zero, or not zero; width where there is none.
std::size_t nextZero(const std::uint8_t* row, std::size_t x, std::size_t width) {
    const void* found = std::memchr(row + x, 0, width - x);
    return found ? static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - row) : width;
}

std::size_t nextSet(const std::uint8_t* row, std::size_t x, std::size_t width) {
    std::uint64_t eight = 0;
    for (; x + sizeof eight <= width; x += sizeof eight) {
        std::memcpy(&eight, row + x, sizeof eight);
        if (eight != 0)
            break;
    }
    while (x < width && row[x] == 0)
        ++x;
    return x;
}

// A mask is a few runs a row: libpng and zlib would look at each of its bytes several times.
std::vector<unsigned char> packedMask(Size size,
                                      const std::function<void(int y, std::uint8_t* row)>& makeRow) {
    constexpr std::size_t kMostChunkBytes = 0x7FFFFFFF;
    const std::size_t width = static_cast<std::size_t>(size.width);
    std::vector<std::uint8_t> row(width);
    RunDeflater packed;
    for (int y = 0; y < size.height; ++y) {
        makeRow(y, row.data());
        packed.add(PNG_FILTER_VALUE_NONE, 1);
        for (std::size_t x = 0; x < width;) {
            const std::size_t begin = nextSet(row.data(), x, width);
            packed.add(0, begin - x);
            x = begin < width ? nextZero(row.data(), begin, width) : width;
            packed.add(255, x - begin);
        }
    }
    const std::vector<unsigned char> data = packed.finish();

    std::vector<unsigned char> png = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    std::array<unsigned char, 13> header{};
    for (std::size_t i = 0; i < 4; ++i) {
        header[i] = static_cast<unsigned char>(size.width >> (24 - 8 * i));
        header[4 + i] = static_cast<unsigned char>(size.height >> (24 - 8 * i));
    }
    header[8] =
        8; // bits; what follows is 0: grey, the only compression and filters there are, not interlaced
    addChunk(png, "IHDR", header);
    for (std::size_t at = 0; at < data.size(); at += kMostChunkBytes)
        addChunk(png, "IDAT", {data.data() + at, std::min(kMostChunkBytes, data.size() - at)});
    addChunk(png, "IEND", {});
    return png;
}

Result<void> writePngFile(const std::string& path, const PngPixels& pixels) {
    const Result<std::unique_ptr<PngTarget>> encoded = encodedPng(path, pixels);
    if (!encoded)
        return encoded.error();
    return writeFileAtomically(path, (*encoded)->bytes);
}

Result<void> writeEncoded(const std::string& path, const Result<std::vector<unsigned char>>& encoded) {
    if (!encoded)
        return encoded.error();
    return writeFileAtomically(path, *encoded);
}

struct JpegErrors {
    jpeg_error_mgr base;
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
};

void onJpegError(j_common_ptr info) {
    auto* errors = reinterpret_cast<JpegErrors*>(info->err);
    info->err->format_message(info, errors->message);
    std::longjmp(errors->jump, 1);
}

void onJpegOutput(j_common_ptr) {}

// libjpeg allocates `bytes` with malloc; the caller frees it, also after a failure.
bool encodeJpeg(const Image& image, int quality, unsigned char** bytes, unsigned long* count,
                JpegErrors& errors) {
    jpeg_compress_struct info;
    std::memset(&info, 0, sizeof info);
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = onJpegError;
    errors.base.output_message = onJpegOutput;
    if (setjmp(errors.jump)) {
        jpeg_destroy_compress(&info);
        return false;
    }
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, bytes, count);
    info.image_width = static_cast<JDIMENSION>(image.size.width);
    info.image_height = static_cast<JDIMENSION>(image.size.height);
    info.input_components = 3;
    info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, quality, TRUE);
    info.comp_info[0].h_samp_factor = 1; // outlines drawn on the picture keep their colour
    info.comp_info[0].v_samp_factor = 1;
    jpeg_start_compress(&info, TRUE);
    while (info.next_scanline < info.image_height) {
        auto* row = const_cast<JSAMPROW>(image.pixel(0, static_cast<int>(info.next_scanline)));
        jpeg_write_scanlines(&info, &row, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    return true;
}

} // namespace

Result<void> writeLabelMap(const std::string& path, const LabelMap& labels) {
    if (Result<void> fits = checkPixels(labels.size, labels.labels.size(), 1); !fits)
        return fits;
    return writePngFile(path, labelPixels(labels));
}

Result<std::vector<unsigned char>> encodedLabelMap(const LabelMap& labels) {
    if (Result<void> fits = checkPixels(labels.size, labels.labels.size(), 1); !fits)
        return fits.error();
    Result<std::unique_ptr<PngTarget>> encoded = encodedPng("a label map", labelPixels(labels));
    if (!encoded)
        return encoded.error();
    return std::move((*encoded)->bytes);
}

Result<void> writeMask(const std::string& path, const LabelMap& labels) {
    if (Result<void> fits = checkPixels(labels.size, labels.labels.size(), 1); !fits)
        return fits;
    const std::size_t width = static_cast<std::size_t>(labels.size.width);
    return writeMask(path, labels.size, [&](int y, std::uint8_t* row) {
        std::copy_n(labels.labels.data() + static_cast<std::size_t>(y) * width, width, row);
    });
}

Result<void> writeMask(const std::string& path, Size size,
                       const std::function<void(int y, std::uint8_t* row)>& makeRow) {
    return writeEncoded(path, encodedMask(path, size, makeRow));
}

Result<std::vector<unsigned char>> encodedMask(const std::string& path, Size size,
                                               const std::function<void(int y, std::uint8_t* row)>& makeRow) {
    if (Result<void> fits = checkPixels(size, size.pixels(), 1); !fits)
        return fits.error();
    try {
        return packedMask(size, makeRow);
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory, {"writing " + path, "the packed picture does not fit"}};
    }
}

Result<void> writeProbability(const std::string& path, const ProbabilityMap& probability) {
    return writeEncoded(path, encodedProbability(path, probability));
}

Result<std::vector<unsigned char>> encodedProbability(const std::string& path,
                                                      const ProbabilityMap& probability) {
    if (Result<void> fits = checkPixels(probability.size, probability.values.size(), 1); !fits)
        return fits.error();
    Result<std::unique_ptr<PngTarget>> encoded = encodedPng(
        path,
        {probability.size, 16, PNG_COLOR_TYPE_GRAY,
         rowsOf(probability.values.data(), static_cast<std::size_t>(probability.size.width) * 2), true});
    if (!encoded)
        return encoded.error();
    return std::move((*encoded)->bytes);
}

Result<void> writeJpeg(const std::string& path, const Image& image, int quality) {
    return writeEncoded(path, encodedJpeg(path, image, quality));
}

Result<std::vector<unsigned char>> encodedJpeg(const std::string& path, const Image& image, int quality) {
    if (Result<void> fits = checkPixels(image.size, image.rgb.size(), 3); !fits)
        return fits.error();
    if (quality < 1 || quality > 100)
        return Error{ErrorCode::InvalidArgument, {"the JPEG quality", std::to_string(quality), "1 to 100"}};
    if (image.size.width > JPEG_MAX_DIMENSION || image.size.height > JPEG_MAX_DIMENSION)
        return Error{ErrorCode::InvalidArgument,
                     {"the size of " + path, sizeText(image.size.width, image.size.height),
                      "at most " + std::to_string(JPEG_MAX_DIMENSION) + " a side in JPEG"}};
    unsigned char* bytes = nullptr;
    unsigned long count = 0;
    const auto errors = std::make_unique<JpegErrors>();
    errors->message[0] = 0;
    const bool encoded = encodeJpeg(image, quality, &bytes, &count, *errors);
    const std::unique_ptr<unsigned char, decltype(&std::free)> owner(bytes, &std::free);
    if (!encoded)
        return Error{ErrorCode::FileNotWritable, {path, errors->message}};
    try {
        return std::vector<unsigned char>(bytes, bytes + count);
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory, {"writing " + path, "the packed picture does not fit"}};
    }
}

Result<void> writePng(const std::string& path, const Image& image) {
    if (Result<void> fits = checkPixels(image.size, image.rgb.size(), 3); !fits)
        return fits;
    return writePngFile(path,
                        {image.size, 8, PNG_COLOR_TYPE_RGB,
                         rowsOf(image.rgb.data(), static_cast<std::size_t>(image.size.width) * 3), true});
}

Result<LabelMap> readLabelMap(const std::string& path) {
    try {
        Result<FileBytes> file = FileBytes::open(path);
        if (!file)
            return file.error();
        const Format format = formatByContent(*file);
        if (format != Format::Png)
            return file->error(ErrorCode::FormatMismatch, "a label map (PNG)",
                               format == Format::Unknown ? describeContent(*file) : formatName(format));
        const Result<PngHeader> header = readPngHeader(*file);
        if (!header)
            return header.error();
        if (header->channels != 1 || header->bitsPerSample > 8)
            return file->notHandled("a label map in colour, with alpha or deeper than 8 bits");
        return decodePngLabels(*file, *header);
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory, {"reading " + path, "the label map does not fit"}};
    }
}

Result<LabelMap> readMask(const std::string& path) {
    // Masks stored as 0 and 1 in a grey PNG would be nearly black as a picture, so such files are read as
    // labels.
    Result<LabelMap> stored = readLabelMap(path);
    if (stored) {
        const std::uint8_t top = stored->labels.empty()
                                     ? std::uint8_t{0}
                                     : *std::max_element(stored->labels.begin(), stored->labels.end());
        if (top <= 1)
            return stored;
    }
    Result<Image> image = readImage(path);
    if (!image)
        return image.error();
    LabelMap mask(image->size);
    int top = 0;
    for (std::uint8_t value : image->rgb)
        top = std::max<int>(top, value);
    const int least = top <= 1 ? 1 : 128;
    for (std::size_t i = 0; i < mask.labels.size(); ++i) {
        // Rec. 601 luma in integers; for grey it is the value itself.
        const int luma =
            (image->rgb[i * 3] * 299 + image->rgb[i * 3 + 1] * 587 + image->rgb[i * 3 + 2] * 114 + 500) /
            1000;
        mask.labels[i] = luma >= least ? 1 : 0;
    }
    return mask;
}

} // namespace limn
