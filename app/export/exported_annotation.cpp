// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/exported_annotation.h"

#include "app/document/outline.h"

#include <QFileInfo>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace limn {

namespace {

CornerRing cornersOf(const Ring& ring) {
    CornerRing corners;
    corners.reserve(ring.size());
    for (const Point& point : ring)
        corners.push_back({static_cast<int>(point.x), static_cast<int>(point.y)});
    return corners;
}

bool readingOrder(const PixelArea& a, const PixelArea& b) {
    const Span& first = a.spans().front();
    const Span& second = b.spans().front();
    return first.y != second.y ? first.y < second.y : first.begin < second.begin;
}

void addPart(ExportedRegion& region, const PixelArea& part) {
    for (const PolygonPart& outline : outlinesOf(part)) {
        region.outers.push_back(cornersOf(outline.outer));
        for (const Ring& hole : outline.holes)
            region.holes.push_back(cornersOf(hole));
    }
    region.bounds = united(region.bounds, part.bounds());
    region.areaPixels += part.pixels();
}

// How much of each old pixel of one axis a new pixel covers.
struct Cover {
    int first = 0;
    std::vector<float> weights; // sum 1
};

std::vector<Cover> coversOf(int before, int after) {
    std::vector<Cover> covers(static_cast<std::size_t>(after));
    const double scale = static_cast<double>(before) / after;
    for (int i = 0; i < after; ++i) {
        const double begin = i * scale;
        const double end = std::min<double>(before, (i + 1) * scale);
        Cover& cover = covers[static_cast<std::size_t>(i)];
        cover.first = static_cast<int>(begin);
        for (int at = cover.first; at < end && at < before; ++at) {
            const double share = std::min<double>(end, at + 1) - std::max<double>(begin, at);
            if (share > 0.0)
                cover.weights.push_back(static_cast<float>(share / (end - begin)));
        }
    }
    return covers;
}

} // namespace

Result<std::string> imageFolderOf(ProjectStore& store) {
    Result<std::optional<std::string>> folder = store.setting("image-folder");
    if (!folder)
        return folder.error();
    if (*folder)
        return **folder;
    return QFileInfo(QString::fromStdString(store.path())).absolutePath().toStdString();
}

const AnnotationInfo* shownAnnotation(const ImageRecord& image,
                                      const std::vector<AnnotationInfo>& annotations,
                                      std::optional<PersonId> person) {
    const AnnotationInfo* best = nullptr;
    const auto rank = [&](const AnnotationInfo& info) {
        if (info.person == kAgreed)
            return 2;
        return info.person == image.lastEditor && info.version == 0 ? 1 : 0;
    };
    for (const AnnotationInfo& info : annotations) {
        if (person && info.person != *person)
            continue;
        if (!best || rank(info) > rank(*best) || (rank(info) == rank(*best) && info.savedMs > best->savedMs))
            best = &info;
    }
    return best;
}

std::vector<ExportedRegion> regionsOf(const PixelArea& area, std::uint8_t value, bool wholeLabel,
                                      std::vector<PixelArea>& areas) {
    std::vector<ExportedRegion> regions;
    if (area.empty())
        return regions;
    std::vector<PixelArea> parts = connectedParts(area, Connectivity::Eight);
    std::sort(parts.begin(), parts.end(), readingOrder);
    for (PixelArea& part : parts) {
        if (!wholeLabel || regions.empty()) {
            regions.emplace_back();
            regions.back().value = value;
        }
        addPart(regions.back(), part);
        if (!wholeLabel)
            areas.push_back(std::move(part));
    }
    if (wholeLabel)
        areas.push_back(area);
    return regions;
}

LabelMap resizedLabels(const LabelMap& map, Size size) {
    if (size == map.size)
        return map;
    LabelMap resized(size);
    std::vector<int> columns(static_cast<std::size_t>(size.width));
    for (int x = 0; x < size.width; ++x)
        columns[static_cast<std::size_t>(x)] =
            static_cast<int>((2LL * x + 1) * map.size.width / (2LL * size.width));
    for (int y = 0; y < size.height; ++y) {
        const int row = static_cast<int>((2LL * y + 1) * map.size.height / (2LL * size.height));
        for (int x = 0; x < size.width; ++x)
            resized.at(x, y) = map.at(columns[static_cast<std::size_t>(x)], row);
    }
    return resized;
}

namespace {

// Rows of interleaved samples; each new pixel is the mean of what it covers.
template<typename T>
std::vector<T> shrunkSamples(const std::vector<T>& samples, Size from, Size to, std::size_t channels) {
    std::vector<T> shrunk(to.pixels() * channels);
    const std::vector<Cover> columns = coversOf(from.width, to.width);
    const std::vector<Cover> rows = coversOf(from.height, to.height);
    std::vector<float> line(static_cast<std::size_t>(from.width) * channels);
    for (int y = 0; y < to.height; ++y) {
        const Cover& cover = rows[static_cast<std::size_t>(y)];
        std::fill(line.begin(), line.end(), 0.0f);
        for (std::size_t i = 0; i < cover.weights.size(); ++i) {
            const T* row = samples.data() + (static_cast<std::size_t>(cover.first) + i) * line.size();
            for (std::size_t at = 0; at < line.size(); ++at)
                line[at] += cover.weights[i] * static_cast<float>(row[at]);
        }
        for (int x = 0; x < to.width; ++x) {
            const Cover& across = columns[static_cast<std::size_t>(x)];
            for (std::size_t c = 0; c < channels; ++c) {
                float sum = 0.0f;
                for (std::size_t i = 0; i < across.weights.size(); ++i)
                    sum +=
                        across.weights[i] * line[(static_cast<std::size_t>(across.first) + i) * channels + c];
                shrunk[(static_cast<std::size_t>(y) * to.width + x) * channels + c] = static_cast<T>(
                    std::clamp(std::lround(sum), 0L, static_cast<long>(std::numeric_limits<T>::max())));
            }
        }
    }
    return shrunk;
}

} // namespace

Image shrunkImage(const Image& image, Size size) {
    Image shrunk;
    shrunk.size = size;
    shrunk.rgb = shrunkSamples(image.rgb, image.size, size, 3);
    return shrunk;
}

ProbabilityMap shrunkProbability(const ProbabilityMap& map, Size size) {
    ProbabilityMap shrunk;
    shrunk.size = size;
    shrunk.values = shrunkSamples(map.values, map.size, size, 1);
    return shrunk;
}

Size sizeWithin(Size size, int longestSide) {
    const int longest = std::max(size.width, size.height);
    if (longestSide <= 0 || longest <= longestSide)
        return size;
    const auto scaled = [&](int side) {
        return std::max(1, static_cast<int>(std::lround(static_cast<double>(side) * longestSide / longest)));
    };
    return {scaled(size.width), scaled(size.height)};
}

} // namespace limn
