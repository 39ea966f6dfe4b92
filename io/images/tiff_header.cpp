// SPDX-License-Identifier: GPL-3.0-or-later
// TIFF 6.0 and BigTIFF directories, judged with the bounded cursor before libtiff sees the file.
#include "io/images/decoding.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

namespace limn::images {

namespace {

// TIFF 6.0, section 2 and appendix A, unless said otherwise.
enum Tag {
    kSubfileType = 254,
    kWidth = 256,
    kHeight = 257,
    kBits = 258,
    kCompression = 259,
    kPhotometric = 262,
    kDescription = 270,
    kStripOffsets = 273,
    kOrientation = 274,
    kSamplesPerPixel = 277,
    kRowsPerStrip = 278,
    kStripByteCounts = 279,
    kXResolution = 282,
    kYResolution = 283,
    kPlanar = 284,
    kResolutionUnit = 296,
    kTileWidth = 322,
    kTileHeight = 323,
    kTileOffsets = 324,
    kTileByteCounts = 325,
    kExtraSamples = 338,
    kSampleFormat = 339,
    kIccProfile = 34675, // ICC.1, B.4
};

constexpr std::size_t kMaxDirectories = 65536;
constexpr std::uint64_t kMaxChunkBytes = 64u << 20; // one tile, or one strip that is not read in place
constexpr std::uint64_t kMaxIccBytes = 16u << 20;

struct Entry {
    int type = 0;
    std::uint64_t count = 0;
    std::uint64_t position = 0; // of the first value
};

int typeBytes(int type) {
    constexpr int kBytes[] = {0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type >= 1 && type <= 18 ? kBytes[type] : 0;
}

struct Layout {
    std::endian order = std::endian::little;
    bool isBig = false;
    std::uint64_t first = 0;
};

using Directory = std::map<int, Entry>;

class Walker {
public:
    explicit Walker(const FileBytes& file) : m_file(file) {}

    Result<void> begin(std::uint64_t& first) {
        char mark[2] = {};
        m_file.read(0, mark, 2);
        m_layout.order = mark[0] == 'M' ? std::endian::big : std::endian::little;
        ByteCursor cursor(m_file, 2, m_layout.order);
        m_layout.isBig = cursor.u16() == 43;
        if (m_layout.isBig) {
            if (cursor.u16() != 8 || cursor.u16() != 0)
                return m_file.corrupt("its BigTIFF header is not valid");
            first = cursor.u64();
        } else {
            first = cursor.u32();
        }
        if (cursor.failed())
            return m_file.truncated("its TIFF header is cut off");
        return {};
    }

    // Reads the directory at `position` and moves `position` on to the next one (0 at the end).
    Result<Directory> read(std::uint64_t& position) {
        ByteCursor cursor(m_file, position, m_layout.order);
        const std::uint64_t count = m_layout.isBig ? cursor.u64() : cursor.u16();
        const std::uint64_t entryBytes = m_layout.isBig ? 20 : 12;
        if (cursor.failed() || count > cursor.left() / entryBytes)
            return m_file.truncated("a TIFF directory lies behind its end");
        Directory directory;
        for (std::uint64_t i = 0; i < count; ++i) {
            const int tag = cursor.u16();
            Entry entry;
            entry.type = cursor.u16();
            entry.count = m_layout.isBig ? cursor.u64() : cursor.u32();
            const std::uint64_t inlineBytes = m_layout.isBig ? 8 : 4;
            entry.position = cursor.position();
            const std::uint64_t pointed = m_layout.isBig ? cursor.u64() : cursor.u32();
            const std::optional<std::uint64_t> bytes = multiplied(entry.count, typeBytes(entry.type));
            if (!bytes)
                return m_file.corrupt("the TIFF tag " + std::to_string(tag) + " claims too many values");
            if (*bytes > inlineBytes)
                entry.position = pointed;
            if (*bytes > m_file.size() || entry.position > m_file.size() - *bytes)
                return m_file.truncated("the values of its TIFF tag " + std::to_string(tag) +
                                        " lie behind its end");
            directory.emplace(tag, entry);
        }
        // Some writers leave the last link out; that is the end of the chain as well.
        const std::uint64_t next = m_layout.isBig ? cursor.u64() : cursor.u32();
        position = cursor.failed() ? 0 : next;
        return directory;
    }

    // Whole numbers of a tag; empty when it is missing or of another type.
    std::vector<std::uint64_t> numbers(const Directory& directory, int tag) const {
        const auto found = directory.find(tag);
        if (found == directory.end())
            return {};
        const Entry& entry = found->second;
        const int bytes = typeBytes(entry.type);
        const bool isWhole = entry.type == 1 || entry.type == 3 || entry.type == 4 || entry.type == 16;
        if (!isWhole)
            return {};
        ByteCursor cursor(m_file, entry.position, m_layout.order);
        std::vector<std::uint64_t> values;
        values.reserve(static_cast<std::size_t>(entry.count));
        for (std::uint64_t i = 0; i < entry.count; ++i)
            values.push_back(bytes == 1   ? cursor.u8()
                             : bytes == 2 ? cursor.u16()
                             : bytes == 4 ? cursor.u32()
                                          : cursor.u64());
        return values;
    }

    std::uint64_t number(const Directory& directory, int tag, std::uint64_t missing) const {
        const std::vector<std::uint64_t> values = numbers(directory, tag);
        return values.empty() ? missing : values[0];
    }

    double rational(const Directory& directory, int tag) const {
        const auto found = directory.find(tag);
        if (found == directory.end() || found->second.type != 5 || found->second.count < 1)
            return 0.0;
        ByteCursor cursor(m_file, found->second.position, m_layout.order);
        const double numerator = cursor.u32();
        const double denominator = cursor.u32();
        return denominator > 0.0 ? numerator / denominator : 0.0;
    }

    std::vector<unsigned char> raw(const Directory& directory, int tag, std::uint64_t limit) const {
        const auto found = directory.find(tag);
        if (found == directory.end() || typeBytes(found->second.type) != 1 || found->second.count > limit)
            return {};
        ByteCursor cursor(m_file, found->second.position, m_layout.order);
        return cursor.bytes(found->second.count);
    }

private:
    const FileBytes& m_file;
    Layout m_layout;
};

bool isPrintResolution(double dotsPerInch) {
    for (double usual : {72.0,  75.0,  90.0,  96.0,  100.0, 120.0, 144.0, 150.0,  180.0,  192.0,  200.0,
                         240.0, 300.0, 350.0, 360.0, 400.0, 600.0, 720.0, 1200.0, 1440.0, 2400.0, 4800.0})
        if (std::abs(dotsPerInch - usual) < 0.6)
            return true;
    return false;
}

// "unit=mm" lines of ImageJ's description give the unit of its resolution, which TIFF itself calls "none".
double imageJUnitMm(const std::string& description) {
    if (description.rfind("ImageJ=", 0) != 0)
        return 0.0;
    const std::size_t at = description.find("\nunit=");
    if (at == std::string::npos)
        return 0.0;
    const std::string unit = description.substr(at + 6, description.find('\n', at + 6) - at - 6);
    if (unit == "mm")
        return 1.0;
    if (unit == "cm")
        return 10.0;
    if (unit == "um" || unit == "micron" || unit == "\xC2\xB5m" || unit == "\\u00B5m")
        return 0.001;
    return 0.0;
}

std::optional<Spacing> spacingOf(const Walker& walker, const Directory& directory) {
    const double x = walker.rational(directory, kXResolution);
    const double y = walker.rational(directory, kYResolution);
    if (!(x > 0.0) || !(y > 0.0))
        return std::nullopt;
    const std::vector<unsigned char> text = walker.raw(directory, kDescription, 1u << 20);
    double unitMm = imageJUnitMm({text.begin(), text.end()});
    const bool isImageJ = unitMm > 0.0;
    if (!isImageJ) {
        const std::uint64_t unit = walker.number(directory, kResolutionUnit, 2);
        unitMm = unit == 2 ? 25.4 : unit == 3 ? 10.0 : 0.0;
    }
    if (unitMm == 0.0 || (!isImageJ && isPrintResolution(x * 25.4 / unitMm)))
        return std::nullopt;
    const Spacing spacing{unitMm / x, unitMm / y, isImageJ ? "ImageJ TIFF resolution" : "TIFF resolution"};
    // Coarser than 10 mm a pixel is a writer's filler such as one dot per inch.
    if (spacing.xMm > 10.0 || spacing.yMm > 10.0)
        return std::nullopt;
    return spacing;
}

// Bytes out of one byte in, at most: 0 where there is no useful bound.
std::uint64_t maxRatio(int compression) {
    switch (compression) {
    case 1:
        return 1;
    case 5: // LZW: a 12-bit code stands for at most 3840 bytes
        return 2560;
    case 8:
    case 32946: // Deflate
        return 1032;
    case 32773: // PackBits
        return 64;
    case 6:
    case 7: // JPEG: one bit a block of 64 samples, twice for subsampled colour
        return 1024;
    default:
        return 0;
    }
}

Result<void> checkChunks(const FileBytes& file, const Walker& walker, const Directory& directory,
                         const TiffHeader& header) {
    const std::uint64_t width = static_cast<std::uint64_t>(header.size.width);
    const std::uint64_t height = static_cast<std::uint64_t>(header.size.height);
    const std::uint64_t planes = header.isPlanar ? static_cast<std::uint64_t>(header.samplesPerPixel) : 1;
    const std::uint64_t inPlane = header.isPlanar ? 1 : static_cast<std::uint64_t>(header.samplesPerPixel);
    std::uint64_t expected = 0;
    std::uint64_t chunkBytes = 0;
    if (header.isTiled) {
        const std::uint64_t tileWidth = walker.number(directory, kTileWidth, 0);
        const std::uint64_t tileHeight = walker.number(directory, kTileHeight, 0);
        if (tileWidth == 0 || tileHeight == 0 || tileWidth > (1u << 20) || tileHeight > (1u << 20))
            return file.corrupt("its TIFF tiles have an impossible size");
        expected = ((width + tileWidth - 1) / tileWidth) * ((height + tileHeight - 1) / tileHeight) * planes;
        chunkBytes = tileWidth * tileHeight * inPlane * header.bitsPerSample / 8;
    } else {
        const std::uint64_t rows =
            std::min(height, std::max<std::uint64_t>(1, walker.number(directory, kRowsPerStrip, height)));
        expected = ((height + rows - 1) / rows) * planes;
    }
    if (chunkBytes > kMaxChunkBytes)
        return file.error(ErrorCode::FileTooLarge, "tiles of " + std::to_string(chunkBytes) + " bytes",
                          std::to_string(kMaxChunkBytes) + " bytes");

    const std::vector<std::uint64_t> offsets =
        walker.numbers(directory, header.isTiled ? kTileOffsets : kStripOffsets);
    std::vector<std::uint64_t> counts =
        walker.numbers(directory, header.isTiled ? kTileByteCounts : kStripByteCounts);
    if (offsets.size() < expected)
        return file.corrupt("it names " + std::to_string(offsets.size()) + " TIFF strips or tiles of " +
                            std::to_string(expected));
    const std::uint64_t rowBytes = (width * inPlane * header.bitsPerSample + 7) / 8;
    const std::uint64_t decoded = rowBytes * height * planes;
    if (counts.empty() && header.compression == 1 && expected == 1)
        counts = {decoded};
    if (counts.size() < expected)
        return file.corrupt("the lengths of its TIFF strips or tiles are missing");
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < expected; ++i) {
        if (counts[i] > file.size() || offsets[i] > file.size() - counts[i])
            return file.truncated("TIFF picture data from byte " + std::to_string(offsets[i]) + " to " +
                                  std::to_string(offsets[i] + counts[i]) + " lie behind its end");
        total += counts[i];
    }
    total = std::min(total, file.size()); // strips that overlap hold no more than the file
    const std::uint64_t ratio = maxRatio(header.compression);
    // Subsampled colour, stored uncompressed, takes as little as half of what it shows.
    const std::uint64_t needed = ratio == 0 ? 0 : decoded / ratio / (header.photometric == 6 ? 2 : 1);
    if (total < needed)
        return file.truncated("a picture of " + sizeText(width, height) + " needs at least " +
                              std::to_string(needed) + " bytes of data, " + std::to_string(total) +
                              " are there");
    return {};
}

} // namespace

Result<TiffHeader> readTiffHeader(const FileBytes& file, int page) {
    Walker walker(file);
    std::uint64_t position = 0;
    if (Result<void> begun = walker.begin(position); !begun)
        return begun.error();

    // The chain of directories; reduced-resolution ones (bit 0 of NewSubfileType) are thumbnails, not pages.
    std::set<std::uint64_t> seen;
    std::optional<Directory> wanted;
    std::optional<Directory> first;
    TiffHeader header;
    header.format = "TIFF";
    int pages = 0;
    int index = 0;
    while (position != 0) {
        if (!seen.insert(position).second || seen.size() > kMaxDirectories)
            return file.corrupt("its TIFF directories form a circle");
        Result<Directory> directory = walker.read(position);
        if (!directory)
            return directory.error();
        if (!first)
            first = *directory;
        if ((walker.number(*directory, kSubfileType, 0) & 1) == 0) {
            if (pages == page) {
                wanted = *directory;
                header.directory = index;
            }
            ++pages;
        }
        ++index;
    }
    if (!first)
        return file.corrupt("it holds no TIFF directory");
    if (pages == 0) {
        pages = 1;
        if (page == 0)
            wanted = first;
    }
    header.frameCount = pages;
    if (Result<void> frame = checkFrame(file, page, pages); !frame)
        return frame.error();

    const Directory& directory = *wanted;
    const std::uint64_t width = walker.number(directory, kWidth, 0);
    const std::uint64_t height = walker.number(directory, kHeight, 0);
    if (Result<void> size = checkSize(file, width, height); !size)
        return size.error();
    header.size = {static_cast<int>(width), static_cast<int>(height)};
    header.samplesPerPixel =
        static_cast<int>(std::min<std::uint64_t>(walker.number(directory, kSamplesPerPixel, 1), 1000));
    if (header.samplesPerPixel < 1 || header.samplesPerPixel > 16)
        return file.notHandled("TIFF with " + std::to_string(header.samplesPerPixel) + " samples a pixel");
    const std::vector<std::uint64_t> bits = walker.numbers(directory, kBits);
    for (std::uint64_t value : bits)
        if (value != bits[0])
            return file.notHandled("TIFF with channels of different depths");
    header.bitsPerSample = bits.empty() ? 1 : static_cast<int>(std::min<std::uint64_t>(bits[0], 1000));
    if (header.bitsPerSample < 1 || header.bitsPerSample > 64)
        return file.corrupt("it claims " + std::to_string(header.bitsPerSample) + " bits a sample");
    header.compression = static_cast<int>(walker.number(directory, kCompression, 1));
    header.photometric =
        static_cast<int>(walker.number(directory, kPhotometric, header.samplesPerPixel >= 3 ? 2 : 1));
    header.isPlanar = walker.number(directory, kPlanar, 1) == 2 && header.samplesPerPixel > 1;
    header.isTiled = directory.count(kTileWidth) != 0;
    header.sampleFormat = static_cast<int>(walker.number(directory, kSampleFormat, 1));
    const int colours = header.photometric == 2 || header.photometric == 6 || header.photometric == 8 ? 3
                        : header.photometric == 5                                                     ? 4
                                                                                                      : 1;
    if (header.samplesPerPixel < colours)
        return file.corrupt("its TIFF colours need " + std::to_string(colours) + " samples a pixel, it has " +
                            std::to_string(header.samplesPerPixel));
    if (header.samplesPerPixel > colours)
        header.extraSample = static_cast<int>(walker.number(directory, kExtraSamples, 0));
    const bool hasAlpha = header.extraSample == 1 || header.extraSample == 2;
    header.channels = std::min(4, colours + (hasAlpha ? 1 : 0));
    const std::uint64_t orientation = walker.number(directory, kOrientation, 1);
    header.orientation = orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
    header.spacing = spacingOf(walker, directory);
    header.iccProfile = walker.raw(directory, kIccProfile, kMaxIccBytes);
    if (Result<void> chunks = checkChunks(file, walker, directory, header); !chunks)
        return chunks.error();
    return header;
}

} // namespace limn::images
