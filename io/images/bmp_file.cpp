// SPDX-License-Identifier: GPL-3.0-or-later
// Uncompressed BMP. ITK's BMPImageIO is not used: it takes the unused fourth byte of 32-bit pixels for a
// colour.
#include "io/images/decoding.h"

#include <cstdlib>

namespace limn::images {

Result<BmpHeader> readBmpHeader(const FileBytes& file) {
    ByteCursor cursor(file, 10, std::endian::little);
    const std::uint64_t dataStart = cursor.u32();
    const std::uint32_t headerBytes = cursor.u32();
    const auto width = static_cast<std::int32_t>(cursor.u32());
    const auto signedHeight = static_cast<std::int32_t>(cursor.u32());
    cursor.skip(2);
    const int bits = cursor.u16();
    const std::uint32_t compression = cursor.u32();
    cursor.skip(12);
    const std::uint32_t colours = cursor.u32();
    cursor.skip(4);
    if (cursor.failed())
        return file.truncated("its BMP header is cut off");
    if (headerBytes < 40 || headerBytes > 256)
        return file.notHandled("BMP with a header of " + std::to_string(headerBytes) + " bytes");
    const std::uint64_t height =
        static_cast<std::uint64_t>(std::abs(static_cast<std::int64_t>(signedHeight)));
    if (width < 0)
        return file.corrupt("it claims a width of " + std::to_string(width));
    if (Result<void> size = checkSize(file, static_cast<std::uint64_t>(width), height); !size)
        return size.error();
    if (bits != 8 && bits != 24 && bits != 32)
        return file.notHandled("BMP with " + std::to_string(bits) + " bits a pixel");
    if (compression != 0)
        return file.notHandled("BMP with compression " + std::to_string(compression));
    if (colours > 256)
        return file.corrupt("it claims " + std::to_string(colours) + " palette colours");
    const std::uint64_t paletteBytes = bits == 8 ? (colours == 0 ? 256 : colours) * 4 : 0;
    if (dataStart < 14 + headerBytes + paletteBytes)
        return file.corrupt("its BMP palette and pixels overlap");
    const std::uint64_t rowBytes = (static_cast<std::uint64_t>(width) * bits + 31) / 32 * 4;
    if (dataStart > file.size() || file.size() - dataStart < rowBytes * height)
        return file.truncated("its pixels need " + std::to_string(rowBytes * height) + " bytes from byte " +
                              std::to_string(dataStart) + " on, the file has " + std::to_string(file.size()));
    BmpHeader header;
    header.format = "BMP";
    header.size = {width, static_cast<int>(height)};
    header.channels = bits == 8 ? 1 : 3;
    header.bitsPerPixel = bits;
    header.isTopDown = signedHeight < 0;
    header.paletteStart = 14 + headerBytes;
    header.paletteColours = bits == 8 ? (colours == 0 ? 256 : static_cast<int>(colours)) : 0;
    header.dataStart = dataStart;
    return header;
}

Result<Samples> decodeBmp(const FileBytes& file, const BmpHeader& header) {
    Samples samples;
    samples.size = header.size;
    samples.channels = 3;
    samples.model = ColourModel::Rgb;
    std::vector<std::uint8_t> palette(std::size_t{256} *
                                      4); // blue, green, red, unused; missing entries are black
    if (header.paletteColours > 0 &&
        !file.read(header.paletteStart, palette.data(), static_cast<std::size_t>(header.paletteColours) * 4))
        return file.truncated("its BMP palette is cut off");
    const auto width = static_cast<std::size_t>(header.size.width);
    const std::size_t pixelBytes = static_cast<std::size_t>(header.bitsPerPixel) / 8;
    const std::size_t rowBytes = (width * pixelBytes + 3) / 4 * 4;
    std::vector<std::uint8_t> row(rowBytes);
    samples.u8.resize(header.size.pixels() * 3);
    for (int stored = 0; stored < header.size.height; ++stored) {
        if (!file.read(header.dataStart + rowBytes * static_cast<std::uint64_t>(stored), row.data(),
                       rowBytes))
            return file.truncated("its BMP pixels are cut off");
        const int y = header.isTopDown ? stored : header.size.height - 1 - stored;
        std::uint8_t* to = samples.u8.data() + static_cast<std::size_t>(y) * width * 3;
        for (std::size_t x = 0; x < width; ++x, to += 3) {
            const std::uint8_t* from =
                pixelBytes == 1 ? palette.data() + std::size_t{row[x]} * 4 : row.data() + x * pixelBytes;
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
        }
    }
    return samples;
}

} // namespace limn::images
