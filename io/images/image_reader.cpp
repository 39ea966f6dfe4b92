// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/image_reader.h"

#include "io/images/decoding.h"
#include "io/images/format_guess.h"

#include <algorithm>
#include <exception>
#include <new>
#include <type_traits>

namespace limn {

using namespace images;

namespace {

// The file, opened, with a format that its content and its name agree on.
struct Opened {
    FileBytes file;
    Format format;
};

Result<Opened> openImage(const std::string& path) {
    Result<FileBytes> file = FileBytes::open(path);
    if (!file)
        return file.error();
    const Format found = formatByContent(*file);
    const Format claimed = formatByName(path);
    if (claimed != Format::Unknown && found != claimed)
        return file->error(ErrorCode::FormatMismatch, formatName(claimed),
                           found == Format::Unknown ? describeContent(*file) : formatName(found));
    if (found == Format::Unknown)
        return file->error(ErrorCode::FormatUnknown, "it holds " + describeContent(*file));
    return Opened{std::move(*file), found};
}

// Calls use(header) with the header of the format's own type; its errors and the reader's come back alike.
template<typename T, typename Use>
Result<T> withHeader(const FileBytes& file, Format format, HeaderUse purpose, int frame, const Use& use) {
    const auto pass = [&](auto header) -> Result<T> {
        if (!header)
            return header.error();
        if (Result<void> inside = checkFrame(file, frame, header->frameCount); !inside)
            return inside.error();
        return use(*header);
    };
    switch (format) {
    case Format::Png:
        return pass(readPngHeader(file));
    case Format::Jpeg:
        return pass(readJpegHeader(file, purpose));
    case Format::Tiff:
        return pass(readTiffHeader(file, frame));
    case Format::Bmp:
        return pass(readBmpHeader(file));
    case Format::Nrrd:
        return pass(readNrrdHeader(file));
    case Format::MetaImage:
        return pass(readMetaHeader(file));
    case Format::Dicom:
        return pass(readDicomHeader(file));
    case Format::Unknown:
        break;
    }
    return file.error(ErrorCode::FormatUnknown, describeContent(file));
}

Result<Samples> decodeAny(const FileBytes& file, const PngHeader& header, int) {
    return decodePng(file, header);
}
Result<Samples> decodeAny(const FileBytes& file, const JpegHeader& header, int) {
    return decodeJpeg(file, header);
}
Result<Samples> decodeAny(const FileBytes& file, const TiffHeader& header, int) {
    return decodeTiff(file, header);
}
Result<Samples> decodeAny(const FileBytes& file, const BmpHeader& header, int) {
    return decodeBmp(file, header);
}
Result<Samples> decodeAny(const FileBytes& file, const ItkHeader& header, int frame) {
    return decodeWithItk(file, header, frame);
}
Result<Samples> decodeAny(const FileBytes& file, const DicomHeader& header, int frame) {
    return decodeDicom(file, header, frame);
}

// A format that can gives its rows to the sink.
template<typename AnyHeader>
Result<Samples> decodeAny(const FileBytes& file, const AnyHeader& header, int frame, const RowSink* sink) {
    if constexpr (std::is_same_v<AnyHeader, JpegHeader>)
        return decodeJpeg(file, header, 0, sink);
    else
        return decodeAny(file, header, frame);
}

// Codec libraries and containers may throw; nothing passes the public functions.
template<typename T, typename Work>
Result<T> guarded(const std::string& path, const Work& work) {
    try {
        return work();
    } catch (const std::bad_alloc&) {
        return Error{ErrorCode::OutOfMemory, {"reading " + path, "the picture does not fit"}};
    } catch (const std::exception& problem) {
        return Error{ErrorCode::FileCorrupt, {path, problem.what()}};
    }
}

} // namespace

Result<Image> readImage(const std::string& path, const ReadOptions& options) {
    return guarded<Image>(path, [&]() -> Result<Image> {
        const Result<Opened> opened = openImage(path);
        if (!opened)
            return opened.error();
        const FileBytes& file = opened->file;
        return withHeader<Image>(file, opened->format, HeaderUse::Decode, options.frame,
                                 [&](const auto& header) -> Result<Image> {
                                     Result<Samples> samples = decodeAny(file, header, options.frame);
                                     if (!samples)
                                         return samples.error();
                                     return present(file, header, std::move(*samples), options.frame);
                                 });
    });
}

Result<Image> readImageRows(const std::string& path, const RowSink& sink, const ReadOptions& options) {
    const auto handOn = [&](Image image) {
        sink.begin(image.size);
        sink.rows(image.rgb.data(), image.size.height);
        image.rgb = {};
        return image;
    };
    return guarded<Image>(path, [&]() -> Result<Image> {
        const Result<Opened> opened = openImage(path);
        if (!opened)
            return opened.error();
        const FileBytes& file = opened->file;
        return withHeader<Image>(
            file, opened->format, HeaderUse::Decode, options.frame, [&](const auto& header) -> Result<Image> {
                Result<Samples> samples = decodeAny(file, header, options.frame, &sink);
                if (!samples)
                    return samples.error();
                const bool isHandedOn = samples->isHandedOn;
                Result<Image> image = present(file, header, std::move(*samples), options.frame);
                if (!image || isHandedOn)
                    return image;
                return handOn(std::move(*image));
            });
    });
}

namespace {

// Halvings that still show `longestSide` pixels; large pictures are halved once in any case.
int previewHalvings(Size size, int orientation, int longestSide) {
    constexpr std::size_t kSmall = 500'000;
    constexpr std::size_t kLarge = 4'000'000;
    constexpr int kMostHalvings = 3; // an eighth is what a JPEG's blocks give
    if (size.pixels() < kSmall)
        return 0;
    int halvings = size.pixels() >= kLarge ? 1 : 0;
    while (halvings < kMostHalvings && std::max(size.width, size.height) >> (halvings + 1) >= longestSide)
        ++halvings;
    // The codec's pixels begin at the stored left and upper border. Where turning mirrors that border away,
    // they fit the image's grid only if none of them is cut.
    const auto fits = [&](int h) {
        const int part = (1 << h) - 1;
        const bool mirrorsX = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        const bool mirrorsY = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        return !(mirrorsX && (size.width & part) != 0) && !(mirrorsY && (size.height & part) != 0);
    };
    while (halvings > 0 && !fits(halvings))
        --halvings;
    return halvings;
}

} // namespace

std::optional<ImagePreview> readImagePreview(const std::string& path, int longestSide) {
    const Result<ImagePreview> preview = guarded<ImagePreview>(path, [&]() -> Result<ImagePreview> {
        const Result<Opened> opened = openImage(path);
        if (!opened)
            return opened.error();
        const FileBytes& file = opened->file;
        if (opened->format != Format::Jpeg)
            return file.notHandled("a preview of this format");
        Result<JpegHeader> header = readJpegHeader(file, HeaderUse::Probe);
        if (!header)
            return header.error();
        ImagePreview result;
        result.imageSize = orientedSize(header->size, header->orientation);
        result.halvings = previewHalvings(header->size, header->orientation, longestSide);
        if (result.halvings == 0)
            return file.notHandled("a preview of so small a picture");
        Result<Samples> samples = decodeJpeg(file, *header, result.halvings);
        if (!samples)
            return samples.error();
        header->size = samples->size;
        Result<Image> image = present(file, *header, std::move(*samples), 0);
        if (!image)
            return image.error();
        result.size = image->size;
        result.rgb = std::move(image->rgb);
        return result;
    });
    if (!preview)
        return std::nullopt;
    return *preview;
}

Result<ImageProbe> probeImage(const std::string& path) {
    return guarded<ImageProbe>(path, [&]() -> Result<ImageProbe> {
        const Result<Opened> opened = openImage(path);
        if (!opened)
            return opened.error();
        return withHeader<ImageProbe>(opened->file, opened->format, HeaderUse::Probe, 0,
                                      [&](const Header& header) -> Result<ImageProbe> {
                                          ImageProbe probe;
                                          probe.size = orientedSize(header.size, header.orientation);
                                          probe.format = header.format;
                                          probe.spacing = orientedSpacing(header.spacing, header.orientation);
                                          probe.orientation = header.orientation;
                                          probe.bitsPerSample = header.bitsPerSample;
                                          probe.channels = header.channels;
                                          probe.frameCount = header.frameCount;
                                          return probe;
                                      });
    });
}

} // namespace limn
