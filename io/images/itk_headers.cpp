// SPDX-License-Identifier: GPL-3.0-or-later
// Headers of NRRD and MetaImage, judged before ITK's readers see the files: every number is in range,
// the pixel data are there, and a header that names another file names one in its own folder or below.
#include "io/images/decoding.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include <sys/stat.h>

namespace limn::images {

namespace {

constexpr std::size_t kMaxTextHeader = 1u << 20;
constexpr std::uint64_t kMaxDeflateRatio = 1032;
// A volume is read whole and cut down to a slice.
constexpr std::uint64_t kMaxVolumeBytes = std::uint64_t{1} << 31;

std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos)
        return {};
    return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// A value from the file for a sentence: bytes that are no plain text would spoil the message.
std::string quoted(const std::string& text) {
    std::string shown = text.substr(0, 60);
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < 32 || static_cast<unsigned char>(c) > 126)
            c = '_';
    return "\"" + shown + "\"";
}

std::string lowered(std::string text) {
    for (char& c : text)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
}

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> result;
    for (std::string word; stream >> word;)
        result.push_back(word);
    return result;
}

std::optional<std::uint64_t> wholeNumber(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<double> realNumber(const std::string& text) {
    double value = 0.0;
    const char* start = text.data() + (!text.empty() && text[0] == '+' ? 1 : 0);
    const auto [end, problem] = std::from_chars(start, text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
        return std::nullopt;
    return value;
}

// Lines of a text header up to `isLast`, with the position behind the last one.
struct Lines {
    std::vector<std::string> lines;
    std::uint64_t end = 0;
    bool complete = false;
};

template<typename IsLast>
Lines readLines(const FileBytes& file, const IsLast& isLast) {
    std::string head(static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), kMaxTextHeader)), '\0');
    head.resize(file.readSome(0, head.data(), head.size()));
    Lines result;
    std::size_t start = 0;
    while (start < head.size()) {
        const std::size_t newline = head.find('\n', start);
        const std::size_t end = newline == std::string::npos ? head.size() : newline;
        std::string line = head.substr(start, end - start);
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
        start = newline == std::string::npos ? head.size() : newline + 1;
        result.end = start;
        result.lines.push_back(line);
        if (isLast(line)) {
            result.complete = true;
            break;
        }
    }
    return result;
}

struct Detached {
    std::string path;
    std::uint64_t bytes = 0;
};

// The pixel file that a header names. A header must not be a way to any other file of the computer.
Result<Detached> detachedFile(const FileBytes& file, const std::string& name) {
    if (name.empty() || name[0] == '/' || name.find('%') != std::string::npos ||
        name.find('\\') != std::string::npos || name.find("..") != std::string::npos ||
        lowered(name).rfind("list", 0) == 0)
        return file.notHandled("pixels in " + quoted(name) + " (only one file in the same folder is)");
    const std::size_t slash = file.path().rfind('/');
    const std::string path =
        (slash == std::string::npos ? std::string() : file.path().substr(0, slash + 1)) + name;
    Result<FileBytes> pixels = FileBytes::open(path);
    if (!pixels)
        return file.corrupt(
            "it keeps its pixels in the file " + quoted(name) + ", which " +
            (pixels.error().code == ErrorCode::FileNotFound ? "is missing" : "cannot be read"));
    return Detached{path, pixels->size()};
}

// Shared last checks: the bytes that the header claims against those that are there.
Result<void> checkVolume(const FileBytes& file, ItkHeader& header, int sampleBytes, std::uint64_t available,
                         std::uint64_t ratio) {
    if (Result<void> size = checkSize(file, static_cast<std::uint64_t>(header.size.width),
                                      static_cast<std::uint64_t>(header.size.height));
        !size)
        return size.error();
    const std::optional<std::uint64_t> bytes = multiplied(
        header.size.pixels() * header.channels * sampleBytes, static_cast<std::uint64_t>(header.slices));
    if (!bytes || *bytes > kMaxVolumeBytes)
        return file.error(ErrorCode::FileTooLarge,
                          sizeText(header.size.width, header.size.height) + " in " +
                              std::to_string(header.slices) + " slices",
                          std::to_string(kMaxVolumeBytes >> 20) + " MB in all slices together");
    header.unpackedBytes = *bytes;
    if (available < *bytes / ratio)
        return file.truncated("its pixels need " + std::to_string(*bytes / ratio) + " bytes of data, " +
                              std::to_string(available) + " are there");
    return {};
}

// Writers without a spacing put 1 there, so that exactly 1 in both directions says nothing.
std::optional<Spacing> realSpacing(double x, double y, const char* source) {
    if (!(x > 0.0) || !(y > 0.0) || (x == 1.0 && y == 1.0))
        return std::nullopt;
    return Spacing{x, y, source};
}

struct SampleKind {
    int bytes = 0;
};

std::optional<SampleKind> nrrdKind(const std::string& name) {
    static const std::map<std::string, int> kKinds = {{"signed char", 1},
                                                      {"int8", 1},
                                                      {"int8_t", 1},
                                                      {"uchar", 1},
                                                      {"unsigned char", 1},
                                                      {"uint8", 1},
                                                      {"uint8_t", 1},
                                                      {"short", 2},
                                                      {"short int", 2},
                                                      {"signed short", 2},
                                                      {"signed short int", 2},
                                                      {"int16", 2},
                                                      {"int16_t", 2},
                                                      {"ushort", 2},
                                                      {"unsigned short", 2},
                                                      {"unsigned short int", 2},
                                                      {"uint16", 2},
                                                      {"uint16_t", 2},
                                                      {"int", 4},
                                                      {"signed int", 4},
                                                      {"int32", 4},
                                                      {"int32_t", 4},
                                                      {"uint", 4},
                                                      {"unsigned int", 4},
                                                      {"uint32", 4},
                                                      {"uint32_t", 4},
                                                      {"float", 4},
                                                      {"double", 8}};
    const auto found = kKinds.find(name);
    if (found == kKinds.end())
        return std::nullopt;
    return SampleKind{found->second};
}

double unitInMm(std::string unit) {
    unit.erase(std::remove(unit.begin(), unit.end(), '"'), unit.end());
    if (unit == "um" || unit == "\xC2\xB5m" || unit == "micron" || unit == "micrometer" || unit == "microns")
        return 0.001;
    if (unit == "cm")
        return 10.0;
    if (unit == "m")
        return 1000.0;
    if (unit.empty() || unit == "mm" || unit == "millimeter" || unit == "millimeters" || unit == "???")
        return 1.0;
    return 0.0; // pixels, seconds, ...
}

// Lengths of "(a,b,c) (d,e,f)" vectors; "none" entries give 0.
std::vector<double> vectorLengths(const std::string& text) {
    std::vector<double> lengths;
    std::size_t at = 0;
    while (at < text.size()) {
        if (text[at] == '(') {
            const std::size_t close = text.find(')', at);
            if (close == std::string::npos)
                break;
            std::string inside = text.substr(at + 1, close - at - 1);
            std::replace(inside.begin(), inside.end(), ',', ' ');
            double sum = 0.0;
            for (const std::string& word : words(inside)) {
                const double value = realNumber(word).value_or(0.0);
                sum += value * value;
            }
            lengths.push_back(std::sqrt(sum));
            at = close + 1;
        } else if (text.compare(at, 4, "none") == 0) {
            lengths.push_back(0.0);
            at += 4;
        } else {
            ++at;
        }
    }
    return lengths;
}

// Meaning of the axes: [channels,] x, y [, slices].
Result<void> setAxes(const FileBytes& file, ItkHeader& header, const std::vector<std::uint64_t>& sizes,
                     bool hasChannelAxis) {
    const std::size_t x = hasChannelAxis ? 1 : 0;
    if (sizes.size() < x + 2 || sizes.size() > x + 3)
        return file.notHandled("pixels along " + std::to_string(sizes.size()) + " axes");
    if (hasChannelAxis && (sizes[0] < 1 || sizes[0] > 4))
        return file.notHandled(std::to_string(sizes[0]) + " channels");
    if (Result<void> size = checkSize(file, sizes[x], sizes[x + 1]); !size)
        return size.error();
    header.size = {static_cast<int>(sizes[x]), static_cast<int>(sizes[x + 1])};
    header.channels = hasChannelAxis ? static_cast<int>(sizes[0]) : 1;
    const std::uint64_t slices = sizes.size() == x + 3 ? sizes[x + 2] : 1;
    if (slices < 1 || slices > 1000000)
        return file.corrupt("it claims " + std::to_string(slices) + " slices");
    header.slices = static_cast<int>(slices);
    header.frameCount = header.slices;
    return {};
}

} // namespace

Result<ItkHeader> readNrrdHeader(const FileBytes& file) {
    const Lines text = readLines(file, [](const std::string& line) { return line.empty(); });
    std::map<std::string, std::string> fields;
    for (std::size_t i = 1; i < text.lines.size(); ++i) {
        const std::string& line = text.lines[i];
        if (line.empty() || line[0] == '#')
            continue;
        const std::size_t colon = line.find(':');
        if (colon == std::string::npos || line.size() > 100000)
            return file.corrupt("its NRRD header has a line that is no field");
        if (colon + 1 < line.size() && line[colon + 1] == '=')
            continue; // a key with a value: free text
        if (line.find('\0') != std::string::npos)
            return file.corrupt("its NRRD header holds binary data");
        const auto [at, isNew] =
            fields.emplace(lowered(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
        if (!isNew)
            return file.corrupt("its NRRD header gives " + quoted(at->first) + " twice");
    }
    static const std::set<std::string> kKnown = {"type",
                                                 "dimension",
                                                 "sizes",
                                                 "encoding",
                                                 "endian",
                                                 "content",
                                                 "spacings",
                                                 "thicknesses",
                                                 "axis mins",
                                                 "axis maxs",
                                                 "axismins",
                                                 "axismaxs",
                                                 "centers",
                                                 "centerings",
                                                 "labels",
                                                 "units",
                                                 "kinds",
                                                 "min",
                                                 "max",
                                                 "old min",
                                                 "old max",
                                                 "oldmin",
                                                 "oldmax",
                                                 "data file",
                                                 "datafile",
                                                 "line skip",
                                                 "lineskip",
                                                 "byte skip",
                                                 "byteskip",
                                                 "number",
                                                 "sample units",
                                                 "sampleunits",
                                                 "space",
                                                 "space dimension",
                                                 "space units",
                                                 "space origin",
                                                 "space directions",
                                                 "measurement frame"};
    for (const auto& [name, value] : fields)
        if (kKnown.count(name) == 0)
            return file.corrupt("its NRRD header has an unknown field " + quoted(name));
    for (const char* name : {"type", "dimension", "sizes", "encoding"})
        if (fields.count(name) == 0)
            return file.error(text.complete ? ErrorCode::FileCorrupt : ErrorCode::FileTruncated,
                              std::string("its NRRD header has no field \"") + name + "\"");
    const bool isDetached = fields.count("data file") + fields.count("datafile") != 0;
    if (!text.complete && !isDetached)
        return file.truncated("the end of its NRRD header is missing");

    const std::optional<SampleKind> kind = nrrdKind(lowered(fields["type"]));
    if (!kind)
        return file.notHandled("NRRD samples of the type " + quoted(fields["type"]));
    std::vector<std::uint64_t> sizes;
    for (const std::string& word : words(fields["sizes"]))
        sizes.push_back(wholeNumber(word).value_or(0));
    const std::uint64_t dimension = wholeNumber(fields["dimension"]).value_or(0);
    if (dimension != sizes.size() || dimension < 2 || dimension > 4)
        return file.corrupt("its NRRD dimension and sizes do not fit each other");

    ItkHeader header;
    header.format = "NRRD";
    header.bitsPerSample = kind->bytes * 8;
    const std::vector<std::string> kinds = words(lowered(fields["kinds"]));
    const auto isColour = [](const std::string& name) {
        return name == "rgb-color" || name == "rgba-color" || name == "3-color" || name == "4-color" ||
               name == "vector" || name == "list" || name == "point" || name == "2-vector" ||
               name == "3-vector" || name == "4-vector";
    };
    for (std::size_t i = 1; i < kinds.size(); ++i)
        if (isColour(kinds[i]))
            return file.notHandled("NRRD with its channels on another axis than the first");
    const bool hasChannels =
        kinds.empty() ? sizes.size() >= 3 && (sizes[0] == 3 || sizes[0] == 4) : isColour(kinds[0]);
    if (Result<void> axes = setAxes(file, header, sizes, hasChannels); !axes)
        return axes.error();

    for (const char* name : {"line skip", "lineskip", "byte skip", "byteskip"})
        if (fields.count(name) != 0 && fields[name] != "0")
            return file.notHandled(std::string("NRRD with a ") + name);
    const std::string encoding = lowered(fields["encoding"]);
    std::uint64_t ratio = 1;
    if (encoding == "gzip" || encoding == "gz")
        ratio = kMaxDeflateRatio;
    else if (encoding == "ascii" || encoding == "text" || encoding == "txt")
        ratio = static_cast<std::uint64_t>(kind->bytes); // a digit and a space would be two bytes, or one
    else if (encoding != "raw")
        return file.notHandled("NRRD with the encoding " + quoted(encoding));
    const std::string endian = lowered(fields["endian"]);
    if (kind->bytes > 1 && ratio != static_cast<std::uint64_t>(kind->bytes) && endian != "little" &&
        endian != "big")
        return file.corrupt("its NRRD header does not say the byte order");
    std::uint64_t available = file.size() - text.end;
    const bool isPacked = encoding == "gzip" || encoding == "gz";
    if (isPacked) {
        header.packedPath = file.path();
        header.packedOffset = text.end;
    }
    if (isDetached) {
        const Result<Detached> pixels =
            detachedFile(file, fields.count("data file") != 0 ? fields["data file"] : fields["datafile"]);
        if (!pixels)
            return pixels.error();
        available = pixels->bytes;
        if (isPacked) {
            header.packedPath = pixels->path;
            header.packedOffset = 0;
        }
    }
    if (Result<void> volume = checkVolume(file, header, kind->bytes, available, ratio); !volume)
        return volume.error();

    const std::size_t x = hasChannels ? 1 : 0;
    std::vector<double> lengths = vectorLengths(fields["space directions"]);
    const bool fromSpace = !lengths.empty();
    if (!fromSpace)
        for (const std::string& word : words(fields["spacings"]))
            lengths.push_back(realNumber(word).value_or(0.0));
    // Space directions may leave the channel axis out or call it "none"; spacings always have one entry an
    // axis.
    const std::size_t skip = lengths.size() == sizes.size() ? x : 0;
    if (lengths.size() >= skip + 2) {
        const std::vector<std::string> units = words(fields[fromSpace ? "space units" : "units"]);
        const std::size_t unitAt = fromSpace ? 0 : x;
        const double xMm = lengths[skip] * (units.size() > unitAt ? unitInMm(units[unitAt]) : 1.0);
        const double yMm =
            lengths[skip + 1] * (units.size() > unitAt + 1 ? unitInMm(units[unitAt + 1]) : 1.0);
        header.spacing = realSpacing(xMm, yMm, "NRRD spacing");
    }
    return header;
}

Result<ItkHeader> readMetaHeader(const FileBytes& file) {
    const Lines text = readLines(file, [](const std::string& line) {
        return line.find('=') != std::string::npos &&
               trimmed(line.substr(0, line.find('='))) == "ElementDataFile";
    });
    std::map<std::string, std::string> fields;
    for (const std::string& line : text.lines) {
        if (trimmed(line).empty())
            continue;
        const std::size_t equals = line.find('=');
        // MetaIO reads names and values into buffers of fixed size; ours are far below them.
        if (equals == std::string::npos || equals > 100 || line.size() > 1000 ||
            std::any_of(line.begin(), line.end(),
                        [](char c) { return c != '\t' && static_cast<unsigned char>(c) < 32; }))
            return file.corrupt("its MetaImage header has a line that is no field");
        const auto [at, isNew] =
            fields.emplace(trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
        if (!isNew)
            return file.corrupt("its MetaImage header gives " + quoted(at->first) + " twice");
        // Free text is the only value that may be long.
        if (at->second.size() > 250 && at->first != "Comment")
            return file.corrupt("its MetaImage header has a value of " + std::to_string(at->second.size()) +
                                " characters");
    }
    static const std::set<std::string> kKnown = {"Comment",
                                                 "ObjectType",
                                                 "ObjectSubType",
                                                 "TransformType",
                                                 "NDims",
                                                 "Name",
                                                 "ID",
                                                 "ParentID",
                                                 "AcquisitionDate",
                                                 "CompressedData",
                                                 "CompressedDataSize",
                                                 "CompressionLevel",
                                                 "BinaryData",
                                                 "BinaryDataByteOrderMSB",
                                                 "ElementByteOrderMSB",
                                                 "Color",
                                                 "Position",
                                                 "Origin",
                                                 "Offset",
                                                 "TransformMatrix",
                                                 "Rotation",
                                                 "Orientation",
                                                 "CenterOfRotation",
                                                 "DistanceUnits",
                                                 "AnatomicalOrientation",
                                                 "ElementSpacing",
                                                 "DimSize",
                                                 "HeaderSize",
                                                 "Modality",
                                                 "SequenceID",
                                                 "ElementMin",
                                                 "ElementMax",
                                                 "ElementNumberOfChannels",
                                                 "ElementSize",
                                                 "ElementNBits",
                                                 "ElementType",
                                                 "ElementToIntensityFunctionSlope",
                                                 "ElementToIntensityFunctionOffset",
                                                 "ElementDataFile"};
    for (const auto& [name, value] : fields)
        if (kKnown.count(name) == 0)
            return file.notHandled("the MetaImage field " + quoted(name));
    if (!text.complete)
        return file.truncated("its MetaImage header has no ElementDataFile");
    if (fields.count("ObjectType") != 0 && fields["ObjectType"] != "Image")
        return file.notHandled("MetaIO objects of the type " + quoted(fields["ObjectType"]));
    const std::uint64_t dimension = wholeNumber(fields["NDims"]).value_or(0);
    std::vector<std::uint64_t> sizes;
    for (const std::string& word : words(fields["DimSize"]))
        sizes.push_back(wholeNumber(word).value_or(0));
    if (dimension != sizes.size() || dimension < 2 || dimension > 3)
        return file.corrupt("its MetaImage NDims and DimSize do not fit each other");
    static const std::map<std::string, int> kTypes = {{"MET_CHAR", 1},   {"MET_UCHAR", 1}, {"MET_SHORT", 2},
                                                      {"MET_USHORT", 2}, {"MET_INT", 4},   {"MET_UINT", 4},
                                                      {"MET_FLOAT", 4},  {"MET_DOUBLE", 8}};
    const auto type = kTypes.find(fields["ElementType"]);
    if (type == kTypes.end())
        return file.notHandled("MetaImage samples of the type " + quoted(fields["ElementType"]));

    // Numbers that MetaIO reads into arrays of one entry an axis.
    const auto countOf = [&](const char* name) { return words(fields[name]).size(); };
    for (const char* name :
         {"Position", "Origin", "Offset", "CenterOfRotation", "ElementSpacing", "ElementSize", "SequenceID"})
        if (fields.count(name) != 0 && countOf(name) != dimension)
            return file.corrupt(std::string("its MetaImage field ") + name + " has another count than NDims");
    for (const char* name : {"TransformMatrix", "Rotation", "Orientation"})
        if (fields.count(name) != 0 && countOf(name) != dimension * dimension)
            return file.corrupt(std::string("its MetaImage field ") + name + " has another count than NDims");
    for (const char* name : {"Position", "Origin", "Offset", "CenterOfRotation", "ElementSpacing",
                             "ElementSize", "TransformMatrix", "Rotation", "Orientation"})
        for (const std::string& word : words(fields[name]))
            if (!realNumber(word))
                return file.corrupt(std::string("its MetaImage field ") + name + " is no number");

    ItkHeader header;
    header.format = "MetaImage";
    header.bitsPerSample = type->second * 8;
    const std::uint64_t channels = fields.count("ElementNumberOfChannels") != 0
                                       ? wholeNumber(fields["ElementNumberOfChannels"]).value_or(0)
                                       : 1;
    if (channels < 1 || channels > 4)
        return file.notHandled("MetaImage with " + quoted(fields["ElementNumberOfChannels"]) + " channels");
    if (Result<void> axes = setAxes(file, header, sizes, false); !axes)
        return axes.error();
    header.channels = static_cast<int>(channels);
    if (fields.count("BinaryData") != 0 && lowered(fields["BinaryData"]) != "true")
        return file.notHandled("MetaImage with pixels as text");
    if (fields.count("HeaderSize") != 0 && fields["HeaderSize"] != "0")
        return file.notHandled("MetaImage with a HeaderSize");
    const bool isCompressed = lowered(fields["CompressedData"]) == "true";
    std::uint64_t available = file.size() - text.end;
    if (isCompressed) {
        header.packedPath = file.path();
        header.packedOffset = text.end;
    }
    const std::string where = fields["ElementDataFile"];
    if (where != "LOCAL" && where != "Local" && where != "local") { // as MetaIO compares it
        const Result<Detached> pixels = detachedFile(file, where);
        if (!pixels)
            return pixels.error();
        available = pixels->bytes;
        if (isCompressed) {
            header.packedPath = pixels->path;
            header.packedOffset = 0;
        }
    }
    if (fields.count("CompressedDataSize") != 0) {
        const std::optional<std::uint64_t> claimed = wholeNumber(fields["CompressedDataSize"]);
        if (!claimed || *claimed > available)
            return file.truncated("it claims " + quoted(fields["CompressedDataSize"]) +
                                  " bytes of compressed pixels, " + std::to_string(available) + " are there");
    }
    if (Result<void> volume =
            checkVolume(file, header, type->second, available, isCompressed ? kMaxDeflateRatio : 1);
        !volume)
        return volume.error();
    const std::vector<std::string> spacing =
        words(fields.count("ElementSpacing") != 0 ? fields["ElementSpacing"] : fields["ElementSize"]);
    if (spacing.size() >= 2) {
        const double unit =
            fields.count("DistanceUnits") != 0 ? unitInMm(lowered(fields["DistanceUnits"])) : 1.0;
        header.spacing = realSpacing(realNumber(spacing[0]).value_or(0.0) * unit,
                                     realNumber(spacing[1]).value_or(0.0) * unit, "MetaImage spacing");
    }
    return header;
}

} // namespace limn::images
