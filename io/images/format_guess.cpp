// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/format_guess.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace limn::images {

namespace {

std::string head(const FileBytes& file, std::size_t count) {
    std::string bytes(count, '\0');
    bytes.resize(file.readSome(0, bytes.data(), count));
    return bytes;
}

bool startsWith(const std::string& bytes, std::string_view mark) {
    return bytes.compare(0, mark.size(), mark) == 0;
}

bool isUpper(char c) {
    return c >= 'A' && c <= 'Z';
}

} // namespace

Format formatByContent(const FileBytes& file) {
    using namespace std::string_view_literals;
    const std::string bytes = head(file, 256);
    if (startsWith(bytes, "\x89PNG\r\n\x1A\n"sv))
        return Format::Png;
    if (startsWith(bytes, "\xFF\xD8\xFF"sv))
        return Format::Jpeg;
    if (startsWith(bytes, "II*\0"sv) || startsWith(bytes, "MM\0*"sv) || startsWith(bytes, "II+\0"sv) ||
        startsWith(bytes, "MM\0+"sv))
        return Format::Tiff;
    if (startsWith(bytes, "NRRD00"sv))
        return Format::Nrrd;
    if (bytes.size() >= 132 && bytes.compare(128, 4, "DICM") == 0)
        return Format::Dicom;
    // DICOM without its preamble begins with a tag of group 2 or 8 and a value representation of two letters.
    if (bytes.size() >= 8 && (bytes[0] == 2 || bytes[0] == 8) && bytes[1] == 0 && bytes[3] == 0 &&
        isUpper(bytes[4]) && isUpper(bytes[5]))
        return Format::Dicom;
    // "BM", then a file size, four reserved bytes and the length of the second header.
    if (startsWith(bytes, "BM"sv) && bytes.size() >= 18 && bytes[15] == 0 && bytes[16] == 0 && bytes[17] == 0)
        return Format::Bmp;
    if (startsWith(bytes, "BM"sv) && bytes.size() < 18 &&
        std::any_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; }))
        return Format::Bmp;
    const std::size_t start = bytes.find_first_not_of(" \t\r\n");
    if (start != std::string::npos)
        for (std::string_view key : {"ObjectType"sv, "NDims"sv, "Comment"sv})
            if (bytes.compare(start, key.size(), key) == 0) {
                const std::size_t next = bytes.find_first_not_of(" \t", start + key.size());
                if (next != std::string::npos && bytes[next] == '=')
                    return Format::MetaImage;
            }
    return Format::Unknown;
}

Format formatByName(const std::string& path) {
    const std::size_t dot = path.rfind('.');
    if (dot == std::string::npos || path.find('/', dot) != std::string::npos)
        return Format::Unknown;
    std::string ending = path.substr(dot + 1);
    for (char& c : ending)
        c = isUpper(c) ? static_cast<char>(c - 'A' + 'a') : c;
    if (ending == "png")
        return Format::Png;
    if (ending == "jpg" || ending == "jpeg" || ending == "jpe" || ending == "jfif")
        return Format::Jpeg;
    if (ending == "tif" || ending == "tiff")
        return Format::Tiff;
    if (ending == "bmp" || ending == "dib")
        return Format::Bmp;
    if (ending == "nrrd" || ending == "nhdr")
        return Format::Nrrd;
    if (ending == "mha" || ending == "mhd")
        return Format::MetaImage;
    if (ending == "dcm" || ending == "dicom")
        return Format::Dicom;
    return Format::Unknown;
}

const char* formatName(Format format) {
    switch (format) {
    case Format::Png:
        return "PNG";
    case Format::Jpeg:
        return "JPEG";
    case Format::Tiff:
        return "TIFF";
    case Format::Bmp:
        return "BMP";
    case Format::Nrrd:
        return "NRRD";
    case Format::MetaImage:
        return "MetaImage";
    case Format::Dicom:
        return "DICOM";
    case Format::Unknown:
        break;
    }
    return "an unknown format";
}

std::string describeContent(const FileBytes& file) {
    using namespace std::string_view_literals;
    const std::string bytes = head(file, 512);
    if (startsWith(bytes, "GIF8"sv))
        return "a GIF picture";
    if (startsWith(bytes, "%PDF"sv))
        return "a PDF document";
    if (startsWith(bytes, "PK\x03\x04"sv))
        return "a ZIP archive";
    if (startsWith(bytes, "RIFF"sv) && bytes.size() >= 12 && bytes.compare(8, 4, "WEBP") == 0)
        return "a WebP picture";
    if (bytes.size() >= 12 && bytes.compare(4, 4, "ftyp") == 0)
        return "a HEIF, AVIF or video file";
    const bool isText = std::all_of(bytes.begin(), bytes.end(), [](char c) {
        const auto value = static_cast<unsigned char>(c);
        return value >= 32 || c == '\n' || c == '\r' || c == '\t';
    });
    if (isText)
        return "plain text";
    std::string text = "the bytes";
    for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 4); ++i) {
        char hex[8];
        std::snprintf(hex, sizeof hex, " %02X", static_cast<unsigned char>(bytes[i]));
        text += hex;
    }
    return text;
}

} // namespace limn::images
