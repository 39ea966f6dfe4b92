// SPDX-License-Identifier: GPL-3.0-or-later
// JPEG by libjpeg-turbo, the library that ITK's JPEGImageIO wraps. ITK's class is not used: it prints
// libjpeg's messages, returns half a picture without an error when the data end early, and drops Adobe's mark
// on CMYK.
#include "io/images/decoding.h"
#include "io/images/large_memory.h"
#include "io/images/row_follower.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>

#include <jpeglib.h>

#include <jerror.h> // needs jpeglib.h's settings

namespace limn::images {

namespace {

// Ordinary progressive files have about ten scans; thousands over a large picture are an attack on our time.
constexpr int kMaxScans = 200;
constexpr std::size_t kMaxIccBytes = 16u << 20;

bool isFrameMarker(int marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

bool standsAlone(int marker) {
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD9);
}

// One frame header with its components' sampling factors.
struct FrameHeader {
    int kind = -1; // low nibble of the marker
    int bits = 0;
    int width = 0;
    int height = 0;
    int components = 0;
    std::uint64_t blocks = 0; // 8 x 8 blocks over all components, rounded down
};

Result<FrameHeader> readFrameHeader(const FileBytes& file, ByteCursor cursor, int marker) {
    FrameHeader frame;
    frame.kind = marker & 15;
    frame.bits = cursor.u8();
    frame.height = cursor.u16();
    frame.width = cursor.u16();
    frame.components = cursor.u8();
    int horizontal[4] = {};
    int vertical[4] = {};
    int maxHorizontal = 1;
    int maxVertical = 1;
    for (int i = 0; i < frame.components && i < 4; ++i) {
        cursor.skip(1);
        const int factors = cursor.u8();
        cursor.skip(1);
        horizontal[i] = factors >> 4;
        vertical[i] = factors & 15;
        if (horizontal[i] < 1 || horizontal[i] > 4 || vertical[i] < 1 || vertical[i] > 4)
            return file.corrupt("the sampling factors of its JPEG frame header are impossible");
        maxHorizontal = std::max(maxHorizontal, horizontal[i]);
        maxVertical = std::max(maxVertical, vertical[i]);
    }
    if (cursor.failed())
        return file.truncated("its JPEG frame header is cut off");
    for (int i = 0; i < frame.components && i < 4; ++i) {
        const std::uint64_t columns = std::uint64_t(frame.width) * horizontal[i] / maxHorizontal / 8;
        const std::uint64_t rows = std::uint64_t(frame.height) * vertical[i] / maxVertical / 8;
        frame.blocks += columns * rows;
    }
    return frame;
}

// Position of the next marker that is neither a stuffed byte nor a restart, or the limit.
std::uint64_t endOfScan(const FileBytes& file, std::uint64_t position) {
    constexpr std::size_t kChunk = 256 * 1024;
    std::vector<unsigned char> chunk(
        static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, file.size() - position)));
    while (position < file.size()) {
        const std::size_t count = file.readSome(position, chunk.data(), chunk.size());
        if (count < 2)
            break;
        std::size_t at = 0;
        while (at + 1 < count) {
            const void* found = std::memchr(chunk.data() + at, 0xFF, count - 1 - at);
            if (found == nullptr)
                break;
            at = static_cast<std::size_t>(static_cast<const unsigned char*>(found) - chunk.data());
            const int next = chunk[at + 1];
            if (next != 0x00 && next != 0xFF && !(next >= 0xD0 && next <= 0xD7))
                return position + at;
            ++at;
        }
        position += count - 1; // the last byte may be the first half of a marker
    }
    return file.size();
}

struct IccParts {
    std::vector<std::vector<unsigned char>> parts;
    std::size_t bytes = 0;

    void add(std::vector<unsigned char> segment) {
        // "ICC_PROFILE\0", number from 1, count
        if (segment.size() < 14 || std::memcmp(segment.data(), "ICC_PROFILE", 12) != 0)
            return;
        const std::size_t number = segment[12];
        bytes += segment.size();
        if (number == 0 || bytes > kMaxIccBytes)
            return;
        if (parts.size() < number)
            parts.resize(number);
        parts[number - 1].assign(segment.begin() + 14, segment.end());
    }

    std::vector<unsigned char> joined() const {
        std::vector<unsigned char> all;
        for (const std::vector<unsigned char>& part : parts)
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }
};

struct ErrorManager {
    jpeg_error_mgr base;
    std::jmp_buf jump;
    char message[JMSG_LENGTH_MAX];
};

void onError(j_common_ptr info) {
    auto* manager = reinterpret_cast<ErrorManager*>(info->err);
    info->err->format_message(info, manager->message);
    std::longjmp(manager->jump, 1);
}

// Warnings about lost picture data are errors here: a picture with invented parts must not be judged by
// anyone.
void onMessage(j_common_ptr info, int level) {
    if (level >= 0)
        return;
    switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
        onError(info);
        break;
    default:
        break;
    }
}

void onOutput(j_common_ptr) {}

struct Source {
    jpeg_source_mgr base;
    const FileBytes* file;
    std::uint64_t position;
    std::uint64_t end;
    unsigned char buffer[64 * 1024];
};

void startSource(j_decompress_ptr) {}
void endSource(j_decompress_ptr) {}

boolean fillSource(j_decompress_ptr info) {
    auto* source = reinterpret_cast<Source*>(info->src);
    const std::size_t wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(sizeof source->buffer, source->end - source->position));
    const std::size_t count = source->file->readSome(source->position, source->buffer, wanted);
    if (count == 0) {
        WARNMS(info, JWRN_JPEG_EOF); // does not come back: see onMessage
        return FALSE;
    }
    source->position += count;
    source->base.next_input_byte = source->buffer;
    source->base.bytes_in_buffer = count;
    return TRUE;
}

void skipSource(j_decompress_ptr info, long count) {
    auto* source = reinterpret_cast<Source*>(info->src);
    if (count <= 0)
        return;
    const auto bytes = static_cast<std::size_t>(count);
    if (bytes <= source->base.bytes_in_buffer) {
        source->base.next_input_byte += bytes;
        source->base.bytes_in_buffer -= bytes;
        return;
    }
    source->position =
        std::min<std::uint64_t>(source->end, source->position + (bytes - source->base.bytes_in_buffer));
    source->base.bytes_in_buffer = 0;
}

struct Decompressor {
    jpeg_decompress_struct info{};
    ~Decompressor() { jpeg_destroy_decompress(&info); }
};

// Where rows go: straight into the picture, through a follower, or a few at a time to `use`.
struct Target {
    std::uint8_t* picture = nullptr;
    RowFollower* follower = nullptr;
    std::uint8_t* few = nullptr; // room for kFewRows
    std::function<void(std::uint8_t* rows, int count)> use{};
    std::size_t rowBytes = 0;
};

constexpr int kFewRows = 16; // what a decoder makes at once where colours have half the resolution

void readRows(jpeg_decompress_struct& info, const Target& target) {
    while (info.output_scanline < info.output_height) {
        const JDIMENSION wanted =
            target.follower ? static_cast<JDIMENSION>(target.follower->rowsPerBand()) : kFewRows;
        const JDIMENSION count = std::min(wanted, info.output_height - info.output_scanline);
        std::uint8_t* first = target.follower ? target.follower->nextBand()
                              : target.few    ? target.few
                                              : target.picture + target.rowBytes * info.output_scanline;
        for (JDIMENSION done = 0; done < count;) {
            JSAMPROW rows[kFewRows];
            const JDIMENSION some = std::min<JDIMENSION>(kFewRows, count - done);
            for (JDIMENSION i = 0; i < some; ++i)
                rows[i] = first + target.rowBytes * (done + i);
            done += jpeg_read_scanlines(&info, rows, some);
        }
        if (target.follower)
            target.follower->bandIsFull(static_cast<int>(count));
        else if (target.few)
            target.use(first, static_cast<int>(count));
    }
}

Size halved(Size size, int times) {
    const int more = (1 << times) - 1;
    return {(size.width + more) >> times, (size.height + more) >> times};
}

// Everything with a destructor lives in the caller: longjmp passes over this frame. Returns false with the
// message.
bool decodeInto(jpeg_decompress_struct& info, Source& source, ErrorManager& errors, J_COLOR_SPACE wanted,
                const Target& target, Size size, int halvings) {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = onError;
    errors.base.emit_message = onMessage;
    errors.base.output_message = onOutput;
    if (setjmp(errors.jump))
        return false;
    jpeg_create_decompress(&info);
    source.base.init_source = startSource;
    source.base.fill_input_buffer = fillSource;
    source.base.skip_input_data = skipSource;
    source.base.resync_to_restart = jpeg_resync_to_restart;
    source.base.term_source = endSource;
    source.base.bytes_in_buffer = 0;
    source.base.next_input_byte = nullptr;
    info.src = &source.base;
    jpeg_read_header(&info, TRUE);
    if (info.image_width != static_cast<JDIMENSION>(size.width) ||
        info.image_height != static_cast<JDIMENSION>(size.height)) {
        std::strcpy(errors.message, "its frame headers contradict each other");
        return false;
    }
    info.out_color_space = wanted;
    info.scale_num = 1;
    info.scale_denom = 1u << halvings;
    jpeg_start_decompress(&info);
    const Size scaled = halved(size, halvings);
    if (info.output_width != static_cast<JDIMENSION>(scaled.width) ||
        info.output_height != static_cast<JDIMENSION>(scaled.height)) {
        std::strcpy(errors.message, "its size cannot be scaled");
        return false;
    }
    readRows(info, target);
    jpeg_finish_decompress(&info);
    return true;
}

// Bands that stay in a processor's second cache and still give quarter turns long runs to write.
int bandRows(std::size_t rowBytes) {
    return rowBytes * 64 <= (std::size_t{1} << 20) ? 64 : 32;
}

} // namespace

std::optional<JpegFrame> findJpegFrame(const FileBytes& file, std::uint64_t offset, std::uint64_t length) {
    ByteCursor cursor(file, offset, std::endian::big, offset + length);
    if (cursor.u16() != 0xFFD8)
        return std::nullopt;
    while (!cursor.failed()) {
        if (cursor.u8() != 0xFF)
            return std::nullopt;
        int marker = cursor.u8();
        while (marker == 0xFF && !cursor.failed())
            marker = cursor.u8();
        if (standsAlone(marker))
            continue;
        if (marker == 0xDA)
            return std::nullopt;
        const int segment = cursor.u16();
        // JPEG-LS frames (0xF7) have the same layout.
        if (isFrameMarker(marker) || marker == 0xF7) {
            JpegFrame frame;
            frame.bits = cursor.u8();
            frame.height = cursor.u16();
            frame.width = cursor.u16();
            frame.components = cursor.u8();
            if (cursor.failed())
                return std::nullopt;
            return frame;
        }
        if (segment < 2)
            return std::nullopt;
        cursor.skip(static_cast<std::uint64_t>(segment - 2));
    }
    return std::nullopt;
}

Result<JpegHeader> readJpegHeader(const FileBytes& file, HeaderUse use) {
    JpegHeader header;
    header.format = "JPEG";
    std::optional<FrameHeader> frame;
    IccParts icc;
    int scans = 0;
    std::uint64_t scanBytes = 0;
    std::uint64_t position = 2;
    for (;;) {
        ByteCursor cursor(file, position, std::endian::big);
        if (cursor.atEnd())
            return file.truncated(frame ? "the end mark of its JPEG data is missing"
                                        : "its JPEG frame header is missing");
        if (cursor.u8() != 0xFF) {
            // Some cameras pad between segments; libjpeg skips such bytes, and so do we.
            ++position;
            if (!frame && position > 65536)
                return file.corrupt("no JPEG frame header follows its start mark");
            continue;
        }
        int marker = cursor.u8();
        while (marker == 0xFF && !cursor.failed())
            marker = cursor.u8();
        if (cursor.failed())
            return file.truncated("the end mark of its JPEG data is missing");
        if (marker == 0xD9)
            break;
        if (standsAlone(marker) || marker == 0x00) {
            position = cursor.position();
            continue;
        }
        const std::uint64_t start = cursor.position();
        const int length = cursor.u16();
        if (cursor.failed() || start + length > file.size())
            return file.truncated("a JPEG segment of " + std::to_string(length) + " bytes is cut off");
        if (length < 2)
            return file.corrupt("a JPEG segment has no length");
        position = start + length;
        const auto body = static_cast<std::uint64_t>(length - 2);
        if (isFrameMarker(marker)) {
            if (frame)
                return file.corrupt("it holds two JPEG frame headers");
            Result<FrameHeader> found = readFrameHeader(file, cursor, marker);
            if (!found)
                return found.error();
            frame = *found;
            if (Result<void> size = checkSize(file, frame->width, frame->height); !size)
                return size.error();
        } else if (marker == 0xE1 && body > 6) {
            const std::vector<unsigned char> segment = cursor.bytes(body);
            if (segment.size() > 6 && std::memcmp(segment.data(), "Exif\0", 6) == 0)
                header.orientation = exifOrientation({segment.begin() + 6, segment.end()});
        } else if (marker == 0xE2) {
            icc.add(cursor.bytes(body));
        } else if (marker == 0xEE && body >= 12) {
            header.isAdobe = header.isAdobe || cursor.text(5) == "Adobe";
        } else if (marker == 0xDA) {
            if (!frame)
                return file.corrupt("its JPEG data begin before the frame header");
            if (++scans > kMaxScans)
                return file.corrupt("it has more than " + std::to_string(kMaxScans) + " scans");
            if (use == HeaderUse::Probe) // what follows says nothing about the picture, and is the whole file
                break;
            const std::uint64_t end = endOfScan(file, position);
            scanBytes += end - position;
            position = end;
        }
    }
    if (!frame)
        return file.corrupt("its JPEG frame header is missing");
    if (scans == 0)
        return file.truncated("its JPEG picture data are missing");
    if (frame->kind > 2 && frame->kind != 9 && frame->kind != 10)
        return file.notHandled("JPEG of a lossless or hierarchical kind");
    if (frame->bits != 8)
        return file.notHandled("JPEG with " + std::to_string(frame->bits) + " bits a sample");
    if (frame->components != 1 && frame->components != 3 && frame->components != 4)
        return file.notHandled("JPEG with " + std::to_string(frame->components) + " components");
    // Huffman coding spends at least one bit on each block; arithmetic coding may spend about a hundredth.
    const std::uint64_t needed = frame->blocks / 8 / (frame->kind >= 9 ? 100 : 1);
    if (use == HeaderUse::Decode && scanBytes < needed)
        return file.truncated("a picture of " + sizeText(frame->width, frame->height) + " needs at least " +
                              std::to_string(needed) + " bytes of data, " + std::to_string(scanBytes) +
                              " are there");
    header.size = {frame->width, frame->height};
    header.channels = frame->components;
    header.iccProfile = icc.joined();
    return header;
}

Result<Samples> decodeJpeg(const FileBytes& file, const JpegHeader& header, int halvings,
                           const RowSink* sink) {
    const Size size = halved(header.size, halvings);
    Samples samples;
    samples.size = size;
    samples.channels = header.channels;
    samples.model = header.channels == 1   ? ColourModel::Grey
                    : header.channels == 3 ? ColourModel::Rgb
                                           : ColourModel::Cmyk;
    samples.isInverted = header.channels == 4 && header.isAdobe;
    const std::size_t rowBytes = static_cast<std::size_t>(size.width) * header.channels;

    const auto source = std::make_unique<Source>();
    source->file = &file;
    source->position = 0;
    source->end = file.size();
    const auto errors = std::make_unique<ErrorManager>();
    errors->message[0] = 0;
    const J_COLOR_SPACE wanted = header.channels == 1   ? JCS_GRAYSCALE
                                 : header.channels == 3 ? JCS_RGB
                                                        : JCS_CMYK;
    const auto decode = [&](const Target& target) -> Result<void> {
        Decompressor decompressor;
        if (!decodeInto(decompressor.info, *source, *errors, wanted, target, header.size, halvings))
            return file.corrupt(std::string("the JPEG decoder says: ") + errors->message);
        return {};
    };

    if (sink != nullptr && header.channels == 3 && header.orientation == 1) {
        const RgbToSrgb colours(header.iccProfile);
        samples.profile = colours.use();
        samples.isFinished = true;
        samples.isHandedOn = true;
        std::vector<std::uint8_t> few(rowBytes * kFewRows);
        const auto use = [&](std::uint8_t* rows, int count) {
            colours.convert(rows, static_cast<std::size_t>(size.width) * count);
            sink->rows(rows, count);
        };
        sink->begin(size);
        if (Result<void> decoded = decode({.few = few.data(), .use = use, .rowBytes = rowBytes}); !decoded)
            return decoded.error();
        return samples;
    }
    if (header.channels == 3 && (header.orientation != 1 || !header.iccProfile.empty())) {
        const RgbToSrgb colours(header.iccProfile);
        samples.profile = colours.use();
        samples.isFinished = true;
        RowFollower follower(rowBytes, bandRows(rowBytes), [&](std::uint8_t* rows, int first, int count) {
            if (first == 0)
                resizeLarge(samples.rgb, size.pixels() * 3);
            colours.convert(rows, static_cast<std::size_t>(size.width) * count);
            placeRgbRows(rows, first, count, size, header.orientation, samples.rgb.data());
        });
        if (Result<void> decoded = decode({.follower = &follower, .rowBytes = rowBytes}); !decoded)
            return decoded.error();
        follower.finish();
        return samples;
    }
    resizeLarge(samples.u8, size.pixels() * header.channels);
    if (Result<void> decoded = decode({.picture = samples.u8.data(), .rowBytes = rowBytes}); !decoded)
        return decoded.error();
    return samples;
}

} // namespace limn::images
