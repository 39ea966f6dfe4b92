// SPDX-License-Identifier: GPL-3.0-or-later
// DICOM data sets (PS3.5 section 7), walked with the bounded cursor before DCMTK or OpenJPEG see the file:
// every length lies inside its parent, and the pixel data are as long as rows, columns and frames demand.
#include "io/images/decoding.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

namespace limn::images {

namespace {

constexpr std::uint32_t tagOf(std::uint32_t group, std::uint32_t element) {
    return group << 16 | element;
}

constexpr std::uint32_t kTransferSyntax = tagOf(0x0002, 0x0010);
constexpr std::uint32_t kSopClass = tagOf(0x0008, 0x0016);
constexpr std::uint32_t kNominalScannedSpacing = tagOf(0x0018, 0x2010);
constexpr std::uint32_t kSamplesPerPixel = tagOf(0x0028, 0x0002);
constexpr std::uint32_t kPhotometric = tagOf(0x0028, 0x0004);
constexpr std::uint32_t kPlanar = tagOf(0x0028, 0x0006);
constexpr std::uint32_t kFrames = tagOf(0x0028, 0x0008);
constexpr std::uint32_t kRows = tagOf(0x0028, 0x0010);
constexpr std::uint32_t kColumns = tagOf(0x0028, 0x0011);
constexpr std::uint32_t kPixelSpacing = tagOf(0x0028, 0x0030);
constexpr std::uint32_t kBitsAllocated = tagOf(0x0028, 0x0100);
constexpr std::uint32_t kBitsStored = tagOf(0x0028, 0x0101);
constexpr std::uint32_t kHighBit = tagOf(0x0028, 0x0102);
constexpr std::uint32_t kPixelRepresentation = tagOf(0x0028, 0x0103);
constexpr std::uint32_t kWindowCenter = tagOf(0x0028, 0x1050);
constexpr std::uint32_t kWindowWidth = tagOf(0x0028, 0x1051);
constexpr std::uint32_t kRescaleIntercept = tagOf(0x0028, 0x1052);
constexpr std::uint32_t kRescaleSlope = tagOf(0x0028, 0x1053);
constexpr std::uint32_t kRedDescriptor = tagOf(0x0028, 0x1101);
constexpr std::uint32_t kRedData = tagOf(0x0028, 0x1201);
constexpr std::uint32_t kSegmentedRedData = tagOf(0x0028, 0x1221);
constexpr std::uint32_t kIccProfile = tagOf(0x0028, 0x2000);
constexpr std::uint32_t kPixelData = tagOf(0x7FE0, 0x0010);
constexpr std::uint32_t kItem = tagOf(0xFFFE, 0xE000);
constexpr std::uint32_t kItemEnd = tagOf(0xFFFE, 0xE00D);
constexpr std::uint32_t kSequenceEnd = tagOf(0xFFFE, 0xE0DD);
constexpr std::uint32_t kUndefined = 0xFFFFFFFF;

constexpr int kMaxDepth = 16;
constexpr int kMaxElements = 1000000;
constexpr std::uint64_t kMaxValueBytes = 16u << 20;
constexpr std::size_t kMaxFragments = 1000000;

bool isWanted(std::uint32_t tag) {
    static const std::set<std::uint32_t> kTags = {kTransferSyntax,
                                                  kSopClass,
                                                  kNominalScannedSpacing,
                                                  kSamplesPerPixel,
                                                  kPhotometric,
                                                  kPlanar,
                                                  kFrames,
                                                  kRows,
                                                  kColumns,
                                                  kPixelSpacing,
                                                  kBitsAllocated,
                                                  kBitsStored,
                                                  kHighBit,
                                                  kPixelRepresentation,
                                                  kWindowCenter,
                                                  kWindowWidth,
                                                  kRescaleIntercept,
                                                  kRescaleSlope,
                                                  kRedDescriptor,
                                                  kRedDescriptor + 1,
                                                  kRedDescriptor + 2,
                                                  kRedData,
                                                  kRedData + 1,
                                                  kRedData + 2,
                                                  kSegmentedRedData,
                                                  kIccProfile};
    return kTags.count(tag) != 0;
}

// These may also stand in the functional groups of enhanced objects, or in the optical path.
bool isWantedInside(std::uint32_t tag) {
    return tag == kPixelSpacing || tag == kWindowCenter || tag == kWindowWidth || tag == kRescaleIntercept ||
           tag == kRescaleSlope || tag == kIccProfile;
}

bool hasLongLength(const std::string& vr) {
    static const std::set<std::string> kLong = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                "SV", "UC", "UN", "UR", "UT", "UV"};
    return kLong.count(vr) != 0;
}

bool isVr(const std::string& vr) {
    return vr.size() == 2 && vr[0] >= 'A' && vr[0] <= 'Z' && vr[1] >= 'A' && vr[1] <= 'Z';
}

struct Encoding {
    std::endian order = std::endian::little;
    bool isExplicit = true;
};

class DatasetWalker {
public:
    explicit DatasetWalker(const FileBytes& file) : m_file(file) {}

    std::map<std::uint32_t, std::vector<unsigned char>> values;
    DicomFragment pixels;
    std::vector<DicomFragment> fragments;
    bool hasPixels = false;
    bool isEncapsulated = false;

    // Walks elements from `position` to `end`, or to an item's end mark. Returns the position behind.
    Result<std::uint64_t> walk(std::uint64_t position, std::uint64_t end, Encoding encoding, int depth,
                               bool onlyGroup2) {
        if (depth > kMaxDepth)
            return m_file.corrupt("its DICOM sequences are nested more than " + std::to_string(kMaxDepth) +
                                  " deep");
        while (position < end) {
            ByteCursor cursor(m_file, position, encoding.order, end);
            const std::uint32_t group = cursor.u16();
            const std::uint32_t tag = tagOf(group, cursor.u16());
            if (onlyGroup2 && !cursor.failed() && group != 2)
                return position;
            if (++m_elements > kMaxElements)
                return m_file.corrupt("it has more than a million DICOM elements");
            std::string vr;
            std::uint32_t length = 0;
            if (group == 0xFFFE) {
                cursor.skip(4); // its length
                if (tag == kItemEnd && depth > 0)
                    return cursor.position();
                return m_file.corrupt("a DICOM item mark stands outside of a sequence");
            }
            if (encoding.isExplicit) {
                vr = cursor.text(2);
                if (!cursor.failed() && !isVr(vr))
                    return m_file.corrupt("the DICOM element " + tagText(tag) +
                                          " has no value representation");
                if (hasLongLength(vr)) {
                    cursor.skip(2);
                    length = cursor.u32();
                } else {
                    length = cursor.u16();
                }
            } else {
                length = cursor.u32();
            }
            if (cursor.failed())
                return m_file.truncated("its DICOM element " + tagText(tag) + " is cut off");

            if (length == kUndefined) {
                if (tag == kPixelData && depth == 0) {
                    Result<std::uint64_t> next = walkFragments(cursor.position(), end, encoding.order);
                    if (!next)
                        return next;
                    position = *next;
                    continue;
                }
                // PS3.5 6.2.2: UN of undefined length is a sequence in implicit encoding.
                Encoding inside = encoding;
                if (vr == "UN")
                    inside = {std::endian::little, false};
                Result<std::uint64_t> next = walkItems(cursor.position(), end, inside, depth + 1, true);
                if (!next)
                    return next;
                position = *next;
                continue;
            }
            if (length > cursor.left())
                return m_file.truncated("its DICOM element " + tagText(tag) + " claims " +
                                        std::to_string(length) + " bytes, " + std::to_string(cursor.left()) +
                                        " are there");
            const std::uint64_t next = cursor.position() + length;
            if (tag == kPixelData && depth == 0) {
                hasPixels = true;
                pixels = {cursor.position(), length};
            } else if (vr == "SQ" ||
                       (!encoding.isExplicit && startsWithItem(cursor.position(), next, encoding.order))) {
                Result<std::uint64_t> inside = walkItems(cursor.position(), next, encoding, depth + 1, false);
                if (!inside)
                    return inside;
            } else if (depth == 0 ? isWanted(tag) : isWantedInside(tag)) {
                if (length <= kMaxValueBytes && (depth == 0 || values.count(tag) == 0))
                    values[tag] = cursor.bytes(length);
            }
            position = next;
        }
        if (position > end)
            return m_file.corrupt("its DICOM elements overlap");
        return position;
    }

private:
    static std::string tagText(std::uint32_t tag) {
        char text[16];
        std::snprintf(text, sizeof text, "(%04X,%04X)", tag >> 16, tag & 0xFFFF);
        return text;
    }

    bool startsWithItem(std::uint64_t position, std::uint64_t end, std::endian order) const {
        ByteCursor cursor(m_file, position, order, end);
        const std::uint32_t group = cursor.u16();
        return tagOf(group, cursor.u16()) == kItem;
    }

    Result<std::uint64_t> walkItems(std::uint64_t position, std::uint64_t end, Encoding encoding, int depth,
                                    bool isUndefined) {
        while (position < end) {
            ByteCursor cursor(m_file, position, encoding.order, end);
            const std::uint32_t group = cursor.u16();
            const std::uint32_t tag = tagOf(group, cursor.u16());
            const std::uint32_t length = cursor.u32();
            if (cursor.failed())
                return m_file.truncated("a DICOM sequence is cut off");
            if (tag == kSequenceEnd && isUndefined)
                return cursor.position();
            if (tag != kItem)
                return m_file.corrupt("a DICOM sequence holds " + tagText(tag) + " in place of an item");
            if (++m_elements > kMaxElements)
                return m_file.corrupt("it has more than a million DICOM elements");
            std::uint64_t itemEnd = end;
            if (length != kUndefined) {
                if (length > cursor.left())
                    return m_file.truncated("a DICOM item claims " + std::to_string(length) + " bytes, " +
                                            std::to_string(cursor.left()) + " are there");
                itemEnd = cursor.position() + length;
            }
            Result<std::uint64_t> next = walk(cursor.position(), itemEnd, encoding, depth, false);
            if (!next)
                return next;
            if (length == kUndefined && *next == end && isUndefined)
                return m_file.truncated("the end of a DICOM item is missing");
            position = length == kUndefined ? *next : itemEnd;
        }
        if (isUndefined)
            return m_file.truncated("the end of a DICOM sequence is missing");
        return position;
    }

    // PS3.5 A.4: an offset table, then fragments, then the end mark.
    Result<std::uint64_t> walkFragments(std::uint64_t position, std::uint64_t end, std::endian order) {
        hasPixels = true;
        isEncapsulated = true;
        bool isTable = true;
        while (true) {
            ByteCursor cursor(m_file, position, order, end);
            const std::uint32_t group = cursor.u16();
            const std::uint32_t tag = tagOf(group, cursor.u16());
            const std::uint32_t length = cursor.u32();
            if (cursor.failed())
                return m_file.truncated("the end of its compressed pixel data is missing");
            if (tag == kSequenceEnd)
                return cursor.position();
            if (tag != kItem || length == kUndefined)
                return m_file.corrupt("its compressed pixel data hold " + tagText(tag) +
                                      " in place of a fragment");
            if (length > cursor.left())
                return m_file.truncated("a fragment of its compressed pixel data claims " +
                                        std::to_string(length) + " bytes, " + std::to_string(cursor.left()) +
                                        " are there");
            if (!isTable)
                fragments.push_back({cursor.position(), length});
            if (fragments.size() > kMaxFragments)
                return m_file.corrupt("its pixel data have more than a million fragments");
            isTable = false;
            position = cursor.position() + length;
        }
    }

    const FileBytes& m_file;
    int m_elements = 0;
};

// Values by tag, as text or numbers.
class Values {
public:
    Values(const DatasetWalker& walker, std::endian order) : m_walker(walker), m_order(order) {}

    bool has(std::uint32_t tag) const { return m_walker.values.count(tag) != 0; }

    const std::vector<unsigned char>& raw(std::uint32_t tag) const {
        static const std::vector<unsigned char> kNone;
        const auto found = m_walker.values.find(tag);
        return found == m_walker.values.end() ? kNone : found->second;
    }

    std::string text(std::uint32_t tag) const {
        const std::vector<unsigned char>& bytes = raw(tag);
        std::string result(bytes.begin(), bytes.end());
        while (!result.empty() && (result.back() == ' ' || result.back() == '\0'))
            result.pop_back();
        return result.substr(0, 64);
    }

    int word(std::uint32_t tag, std::size_t index, int missing) const {
        const std::vector<unsigned char>& bytes = raw(tag);
        if (bytes.size() < index * 2 + 2)
            return missing;
        const int first = bytes[index * 2];
        const int second = bytes[index * 2 + 1];
        return m_order == std::endian::little ? first | second << 8 : first << 8 | second;
    }

    // The index-th of decimal strings that stand between backslashes.
    std::optional<double> decimal(std::uint32_t tag, int index) const {
        const std::vector<unsigned char>& bytes = raw(tag);
        const std::string all(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(
                                                                 std::min<std::size_t>(bytes.size(), 256)));
        std::size_t start = 0;
        for (int i = 0; i < index; ++i) {
            start = all.find('\\', start);
            if (start == std::string::npos)
                return std::nullopt;
            ++start;
        }
        start = all.find_first_not_of(" +", start);
        if (start == std::string::npos)
            return std::nullopt;
        double value = 0.0;
        const auto [end, problem] = std::from_chars(all.data() + start, all.data() + all.size(), value);
        if (problem != std::errc() || end == all.data() + start || !std::isfinite(value))
            return std::nullopt;
        return value;
    }

private:
    const DatasetWalker& m_walker;
    std::endian m_order;
};

// Row spacing comes first in DICOM (PS3.3 10.7.1.3), so that the first value is along y.
std::optional<Spacing> spacingOf(const Values& values) {
    for (const auto& [tag, name] :
         {std::pair{kPixelSpacing, "DICOM Pixel Spacing"},
          std::pair{kNominalScannedSpacing, "DICOM Nominal Scanned Pixel Spacing"}}) {
        const std::optional<double> y = values.decimal(tag, 0);
        const std::optional<double> x = values.decimal(tag, 1);
        if (x && y && *x > 0.0 && *y > 0.0)
            return Spacing{*x, *y, name};
    }
    return std::nullopt;
}

// The linear window of PS3.3 C.11.2.1.2.1, moved to stored values by the rescale of C.11.1.1.2.
std::optional<Window> windowOf(const Values& values) {
    const std::optional<double> center = values.decimal(kWindowCenter, 0);
    const std::optional<double> width = values.decimal(kWindowWidth, 0);
    if (!center || !width || *width < 1.0)
        return std::nullopt;
    const double slope = values.decimal(kRescaleSlope, 0).value_or(1.0);
    const double intercept = values.decimal(kRescaleIntercept, 0).value_or(0.0);
    if (!(slope > 0.0))
        return std::nullopt;
    const double low = *center - 0.5 - (*width - 1.0) / 2.0;
    const double high = *center - 0.5 + (*width - 1.0) / 2.0;
    Window window{(low - intercept) / slope, (high - intercept) / slope};
    if (!(window.low < window.high))
        window.high = window.low + 0.5; // a width of 1 is a threshold
    return window;
}

Result<DicomPalette> paletteOf(const FileBytes& file, const Values& values, int channel) {
    const std::uint32_t descriptor = kRedDescriptor + static_cast<std::uint32_t>(channel);
    const std::uint32_t data = kRedData + static_cast<std::uint32_t>(channel);
    int count = values.word(descriptor, 0, -1);
    const int bits = values.word(descriptor, 2, 0);
    if (count < 0 || (bits != 8 && bits != 16) || !values.has(data))
        return file.corrupt("its DICOM palette is missing or damaged");
    if (count == 0)
        count = 65536;
    const std::vector<unsigned char>& raw = values.raw(data);
    DicomPalette palette;
    palette.first = values.word(descriptor, 1, 0);
    const auto entries = static_cast<std::size_t>(count);
    if (bits == 8 && raw.size() >= entries && raw.size() < entries * 2) {
        palette.entries.assign(raw.begin(), raw.begin() + count);
        return palette;
    }
    if (raw.size() < entries * 2)
        return file.truncated("its DICOM palette has " + std::to_string(raw.size()) + " bytes of " +
                              std::to_string(entries * 2));
    std::vector<int> wide(entries);
    int top = 0;
    for (std::size_t i = 0; i < entries; ++i) {
        wide[i] = values.word(data, i, 0);
        top = std::max(top, wide[i]);
    }
    // Some writers declare 16 bits and fill 8 of them.
    for (int value : wide)
        palette.entries.push_back(static_cast<std::uint8_t>(bits == 8 || top < 256 ? value : value >> 8));
    return palette;
}

std::string sopClassText(const std::string& uid) {
    if (uid.rfind("1.2.840.10008.5.1.4.1.1.88.", 0) == 0)
        return "a DICOM structured report, which has no pixels";
    if (uid == "1.2.840.10008.1.3.10")
        return "a DICOM directory file, which has no pixels";
    return "a DICOM object without pixel data (class " + (uid.empty() ? "not given" : uid) + ")";
}

} // namespace

Result<DicomHeader> readDicomHeader(const FileBytes& file) {
    char mark[4] = {};
    const bool hasPreamble = file.read(128, mark, 4) && std::equal(mark, mark + 4, "DICM");
    const std::uint64_t start = hasPreamble ? 132 : 0;
    DatasetWalker walker(file);
    Result<std::uint64_t> metaEnd = walker.walk(start, file.size(), {}, 0, true);
    if (!metaEnd)
        return metaEnd.error();

    DicomHeader header;
    header.format = "DICOM";
    header.transferSyntax = Values(walker, std::endian::little).text(kTransferSyntax);
    Encoding encoding;
    if (header.transferSyntax == "1.2.840.10008.1.2") {
        encoding.isExplicit = false;
    } else if (header.transferSyntax == "1.2.840.10008.1.2.2") {
        encoding.order = std::endian::big;
    } else if (header.transferSyntax == "1.2.840.10008.1.2.1.99") {
        return file.notHandled("a deflated DICOM data set");
    } else if (header.transferSyntax.empty()) {
        header.transferSyntax = "1.2.840.10008.1.2.1";
    }
    header.order = encoding.order;
    Result<std::uint64_t> end = walker.walk(*metaEnd, file.size(), encoding, 0, false);
    if (!end)
        return end.error();
    const Values values(walker, encoding.order);
    if (!walker.hasPixels)
        return file.error(ErrorCode::FormatUnknown, sopClassText(values.text(kSopClass)));

    const int rows = values.word(kRows, 0, 0);
    const int columns = values.word(kColumns, 0, 0);
    if (Result<void> size =
            checkSize(file, static_cast<std::uint64_t>(columns), static_cast<std::uint64_t>(rows));
        !size)
        return size.error();
    header.size = {columns, rows};
    header.samplesPerPixel = values.word(kSamplesPerPixel, 0, 1);
    header.photometric = values.text(kPhotometric);
    header.isPlanar = values.word(kPlanar, 0, 0) == 1 && header.samplesPerPixel > 1;
    header.bitsAllocated = values.word(kBitsAllocated, 0, 0);
    header.bitsStored = values.word(kBitsStored, 0, header.bitsAllocated);
    header.isSigned = values.word(kPixelRepresentation, 0, 0) == 1;
    header.bitsPerSample = header.bitsStored;
    header.channels = header.samplesPerPixel;
    if (header.samplesPerPixel != 1 && header.samplesPerPixel != 3)
        return file.notHandled("DICOM with " + std::to_string(header.samplesPerPixel) + " samples a pixel");
    if (header.bitsAllocated != 8 && header.bitsAllocated != 16)
        return file.notHandled("DICOM with " + std::to_string(header.bitsAllocated) +
                               " bits allocated a sample");
    if (header.bitsStored < 1 || header.bitsStored > header.bitsAllocated ||
        values.word(kHighBit, 0, header.bitsStored - 1) != header.bitsStored - 1)
        return file.notHandled("DICOM samples that do not begin at bit 0");
    const bool isOneSample = header.photometric == "MONOCHROME1" || header.photometric == "MONOCHROME2" ||
                             header.photometric == "PALETTE COLOR";
    const bool isThreeSamples = header.photometric == "RGB" || header.photometric == "YBR_FULL" ||
                                header.photometric == "YBR_FULL_422" || header.photometric == "YBR_ICT" ||
                                header.photometric == "YBR_RCT";
    if (!isOneSample && !isThreeSamples)
        return file.notHandled("the DICOM photometric interpretation \"" + header.photometric + "\"");
    if (isOneSample != (header.samplesPerPixel == 1))
        return file.corrupt("its photometric interpretation " + header.photometric + " does not fit " +
                            std::to_string(header.samplesPerPixel) + " samples a pixel");
    if (header.photometric.rfind("YBR", 0) == 0 && header.bitsAllocated != 8)
        return file.notHandled("DICOM " + header.photometric + " with 16 bits a sample");

    std::uint64_t frames = 1;
    if (values.has(kFrames)) {
        const double claimed = values.decimal(kFrames, 0).value_or(1.0);
        if (!(claimed >= 1.0) || claimed > 1e6)
            return file.corrupt("it claims " + values.text(kFrames) + " frames");
        frames = static_cast<std::uint64_t>(claimed);
    }
    header.frameCount = static_cast<int>(frames);
    header.spacing = spacingOf(values);
    if (header.samplesPerPixel == 1 && header.photometric != "PALETTE COLOR")
        header.window = windowOf(values);
    header.iccProfile = values.raw(kIccProfile);
    if (header.photometric == "PALETTE COLOR") {
        if (values.has(kSegmentedRedData))
            return file.notHandled("a segmented DICOM palette");
        for (int channel = 0; channel < 3; ++channel) {
            Result<DicomPalette> palette = paletteOf(file, values, channel);
            if (!palette)
                return palette.error();
            header.palette[static_cast<std::size_t>(channel)] = std::move(*palette);
        }
    }

    if (walker.isEncapsulated) {
        header.fragments = std::move(walker.fragments);
        if (header.fragments.size() < frames)
            return file.truncated("it claims " + std::to_string(frames) + " frames, pixel data for " +
                                  std::to_string(header.fragments.size()) + " are there");
    } else {
        header.pixels = walker.pixels;
        const std::uint64_t samples = header.photometric == "YBR_FULL_422" ? 2 : header.samplesPerPixel;
        const std::uint64_t needed = header.size.pixels() * samples * (header.bitsAllocated / 8) * frames;
        if (header.pixels.length < needed)
            return file.truncated("its pixels need " + std::to_string(needed) + " bytes, " +
                                  std::to_string(header.pixels.length) + " are there");
    }
    return header;
}

} // namespace limn::images
