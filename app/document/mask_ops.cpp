// SPDX-License-Identifier: GPL-3.0-or-later
// Parts and holes work on runs of pixels (pixel_area.h) and growing on the rows of the disc: their cost
// follows the length of the edges, where image filters visit every pixel several times. The tests hold both
// against ITK's filters. Wide Gaussians are ITK's.
#include "app/document/mask_ops.h"

#include "app/document/runs.h"
#include "inference/engine.h"

#include <itkImage.h>
#include <itkSmoothingRecursiveGaussianImageFilter.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

namespace limn {

namespace {

constexpr double kLargestSigmaPx = 100.0;
// Beyond four standard deviations a Gaussian moves no value across one half.
constexpr double kSigmasOfReach = 4.0;

Rect widened(const Rect& rect, int by) {
    return rect.empty() ? rect : Rect{rect.x - by, rect.y - by, rect.width + 2 * by, rect.height + 2 * by};
}

// Blocks that the edge does not come near are copied; the Gaussian runs on the others alone.
constexpr int kSmoothingBlock = 128;

// Up to here the sum over the Gaussian's own samples is faster than the recursive filter: a wand preview
// smooths its whole edge within its 100 ms.
constexpr double kLargestDirectSigmaPx = 5.0;

// The block's rows and columns of the Gaussian over `source`, by sums over its samples up to the reach.
// Beyond the mask its border goes on.
std::vector<float> blurredDirectly(const LabelMap& mask, const Rect& block, double sigma) {
    const int reach = static_cast<int>(std::ceil(kSigmasOfReach * sigma));
    std::vector<float> kernel;
    double sum = 0.0;
    for (int d = -reach; d <= reach; ++d)
        sum += std::exp(-d * d / (2.0 * sigma * sigma));
    for (int d = -reach; d <= reach; ++d)
        kernel.push_back(static_cast<float>(std::exp(-d * d / (2.0 * sigma * sigma)) / sum));

    const auto width = static_cast<std::size_t>(block.width);
    const int rows = block.height + 2 * reach;
    std::vector<float> across(width * static_cast<std::size_t>(rows));
    std::vector<float> line(width + 2 * static_cast<std::size_t>(reach));
    for (int row = 0; row < rows; ++row) {
        const int y = std::clamp(block.y + row - reach, 0, mask.size.height - 1);
        for (std::size_t i = 0; i < line.size(); ++i)
            line[i] = mask.at(std::clamp(block.x - reach + static_cast<int>(i), 0, mask.size.width - 1), y);
        float* out = &across[static_cast<std::size_t>(row) * width];
        for (std::size_t k = 0; k < kernel.size(); ++k)
            for (std::size_t x = 0; x < width; ++x)
                out[x] += kernel[k] * line[x + k];
    }
    std::vector<float> blurred(width * static_cast<std::size_t>(block.height));
    for (int row = 0; row < block.height; ++row) {
        float* out = &blurred[static_cast<std::size_t>(row) * width];
        for (std::size_t k = 0; k < kernel.size(); ++k) {
            const float* in = &across[(static_cast<std::size_t>(row) + k) * width];
            for (std::size_t x = 0; x < width; ++x)
                out[x] += kernel[k] * in[x];
        }
    }
    return blurred;
}

// The same by ITK's recursive filter, whose cost does not grow with sigma.
std::vector<float> blurredRecursively(const LabelMap& mask, const Rect& block, const Rect& source,
                                      double sigma) {
    // The filter wants at least four pixels in each direction; a narrower image is continued as at its
    // border, which is what the filter does beyond it anyway.
    const int width = std::max(4, source.width);
    const int height = std::max(4, source.height);
    using Plane = itk::Image<float, 2>;
    const auto image = Plane::New();
    image->SetRegions(
        Plane::SizeType{{static_cast<itk::SizeValueType>(width), static_cast<itk::SizeValueType>(height)}});
    image->Allocate();
    float* values = image->GetBufferPointer();
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            values[static_cast<std::size_t>(y) * width + x] =
                mask.at(source.x + std::min(x, source.width - 1), source.y + std::min(y, source.height - 1));

    const auto filter = itk::SmoothingRecursiveGaussianImageFilter<Plane, Plane>::New();
    filter->SetInput(image);
    filter->SetSigma(sigma);
    filter->SetNormalizeAcrossScale(false);
    filter->Update();

    std::vector<float> blurred;
    blurred.reserve(static_cast<std::size_t>(block.width) * static_cast<std::size_t>(block.height));
    for (int y = block.y; y < block.bottom(); ++y) {
        const float* row = filter->GetOutput()->GetBufferPointer() +
                           static_cast<std::size_t>(y - source.y) * static_cast<std::size_t>(width) +
                           (block.x - source.x);
        blurred.insert(blurred.end(), row, row + block.width);
    }
    return blurred;
}

// Smooths one block of a mask of 0 and 1; `source` is the block with the Gaussian's reach around it.
void smoothBlock(const LabelMap& mask, const Rect& block, const Rect& source, double sigma, LabelMap& out) {
    const std::uint8_t first = mask.at(source.x, source.y);
    bool uniform = true;
    for (int y = source.y; y < source.bottom() && uniform; ++y)
        uniform = firstOther(&mask.labels[static_cast<std::size_t>(y) * mask.size.width], source.x,
                             source.right(), first) == source.right();
    if (uniform) {
        for (int y = block.y; y < block.bottom(); ++y)
            std::memset(&out.at(block.x, y), first, static_cast<std::size_t>(block.width));
        return;
    }
    const std::vector<float> blurred = sigma <= kLargestDirectSigmaPx
                                           ? blurredDirectly(mask, block, sigma)
                                           : blurredRecursively(mask, block, source, sigma);
    std::size_t i = 0;
    for (int y = block.y; y < block.bottom(); ++y)
        for (int x = block.x; x < block.right(); ++x)
            out.at(x, y) = blurred[i++] < 0.5f ? 0 : 1;
}

PixelArea within(const PixelArea& area, const PixelArea* scope) {
    return scope ? area.intersected(*scope) : area;
}

} // namespace

PixelArea areaOf(const TileMap& labels, std::uint8_t label, const PixelArea* scope,
                 const CancelToken* cancel) {
    std::vector<Span> spans;
    for (int tileRow = 0; tileRow < labels.tileRows() && !wasCancelled(cancel); ++tileRow) {
        const int firstTile = tileRow * labels.tileColumns();
        const Rect rowRect = labels.tileRect(firstTile);
        for (int y = rowRect.y; y < rowRect.bottom(); ++y)
            for (int column = 0; column < labels.tileColumns(); ++column) {
                if (label != 0 && !labels.tile(firstTile + column))
                    continue;
                const Rect rect = labels.tileRect(firstTile + column);
                const std::uint8_t* row =
                    labels.tileBytes(firstTile + column) + static_cast<std::size_t>(y - rect.y) * kTileSize;
                int x = 0;
                while (x < rect.width) {
                    const int begin = firstEqual(row, x, rect.width, label);
                    if (begin == rect.width)
                        break;
                    x = firstOther(row, begin, rect.width, label);
                    // A run that goes on from the tile before.
                    if (!spans.empty() && spans.back().y == y && spans.back().end == rect.x + begin)
                        spans.back().end = rect.x + x;
                    else
                        spans.push_back({y, rect.x + begin, rect.x + x});
                }
            }
    }
    return within(PixelArea::fromCanonical(std::move(spans)), scope);
}

MaskEdit fillHoles(const TileMap& labels, std::uint8_t label, const PixelArea* scope,
                   std::size_t maxHolePixels, const CancelToken* cancel) {
    PixelArea holes = holesOf(areaOf(labels, label, nullptr, cancel), labels.bounds(), cancel);
    if (maxHolePixels > 0)
        holes = partsUpTo(holes, maxHolePixels, Connectivity::Four, cancel);
    return {within(std::move(holes), scope), {}};
}

MaskEdit keepLargest(const TileMap& labels, std::uint8_t label, const PixelArea* scope,
                     const CancelToken* cancel) {
    const PixelArea area = areaOf(labels, label, scope, cancel);
    return {{}, area.subtracted(largestPart(area, Connectivity::Eight, cancel))};
}

MaskEdit removeSmall(const TileMap& labels, std::uint8_t label, std::size_t minPixels, const PixelArea* scope,
                     const CancelToken* cancel) {
    if (minPixels == 0)
        return {};
    return {{}, partsUpTo(areaOf(labels, label, scope, cancel), minPixels - 1, Connectivity::Eight, cancel)};
}

MaskEdit clean(const TileMap& labels, std::uint8_t label, const PixelArea* scope, const CancelToken* cancel) {
    const PixelArea area = areaOf(labels, label, scope, cancel);
    const PixelArea largest = largestPart(area, Connectivity::Eight, cancel);
    const PixelArea holes = within(holesOf(largest, labels.bounds(), cancel), scope);
    MaskEdit edit;
    edit.add = holes.subtracted(area);
    edit.remove = area.subtracted(largest).subtracted(holes);
    return edit;
}

MaskEdit smooth(const TileMap& labels, std::uint8_t label, double sigmaPx, const PixelArea* scope,
                const CancelToken* cancel) {
    const double sigma = std::clamp(std::isfinite(sigmaPx) ? sigmaPx : 0.0, 0.0, kLargestSigmaPx);
    PixelArea area;
    if (scope) {
        // Pixels further from the scope than the Gaussian's reach have no say in it.
        const int reach = static_cast<int>(std::ceil(kSigmasOfReach * sigma));
        const Rect box = intersected(widened(scope->bounds(), reach), labels.bounds());
        area = PixelArea::ofValue(labels.crop(box), label, box.x, box.y);
        const PixelArea rounded = smoothed(area, sigma, box, cancel);
        return {rounded.subtracted(area).intersected(*scope), area.subtracted(rounded).intersected(*scope)};
    }
    area = areaOf(labels, label, nullptr, cancel);
    const PixelArea rounded = smoothed(area, sigma, labels.bounds(), cancel);
    return {rounded.subtracted(area), area.subtracted(rounded)};
}

MaskEdit grow(const TileMap& labels, std::uint8_t label, double px, const PixelArea* scope) {
    const PixelArea area = areaOf(labels, label);
    return {within(grown(area, px, labels.bounds()).subtracted(area), scope), {}};
}

MaskEdit shrink(const TileMap& labels, std::uint8_t label, double px, const PixelArea* scope) {
    const PixelArea area = areaOf(labels, label);
    return {{}, within(area.subtracted(shrunk(area, px, labels.bounds())), scope)};
}

MaskEdit keepInside(const TileMap& labels, std::uint8_t label, const PixelArea& area,
                    const PixelArea* scope) {
    return {{}, areaOf(labels, label, scope).subtracted(area)};
}

PixelArea smoothed(const PixelArea& area, double sigmaPx, const Rect& bounds, const CancelToken* cancel) {
    const double sigma = std::clamp(std::isfinite(sigmaPx) ? sigmaPx : 0.0, 0.0, kLargestSigmaPx);
    const int reach = static_cast<int>(std::ceil(kSigmasOfReach * sigma));
    const Rect box = intersected(widened(area.bounds(), reach), bounds);
    if (sigma <= 0.0 || box.empty())
        return area.intersected(bounds);
    const LabelMap mask = area.toMask(box);
    LabelMap rounded(mask.size);
    for (int y = 0; y < box.height; y += kSmoothingBlock)
        for (int x = 0; x < box.width && !wasCancelled(cancel); x += kSmoothingBlock) {
            const Rect whole{0, 0, box.width, box.height};
            const Rect block = intersected({x, y, kSmoothingBlock, kSmoothingBlock}, whole);
            smoothBlock(mask, block, intersected(widened(block, reach), whole), sigma, rounded);
        }
    return PixelArea::ofMask(rounded, box.x, box.y);
}

// Row y of the result is the union of the rows y + dy of the area, each run widened by the disc's half width
// at dy. A count of openings and closings per column makes the union without sorting.
PixelArea grown(const PixelArea& area, double px, const Rect& bounds, const CancelToken* cancel) {
    if (!(px > 0.0) || area.empty() || bounds.empty())
        return area.intersected(bounds);
    const double radius = std::min(px, 2.0 * std::hypot(bounds.width, bounds.height));
    const int reach = static_cast<int>(std::floor(radius));
    std::vector<int> halfWidth(static_cast<std::size_t>(reach) + 1);
    for (int dy = 0; dy <= reach; ++dy) {
        const double square = radius * radius - static_cast<double>(dy) * dy;
        int half = static_cast<int>(std::sqrt(square));
        // The root may round across a whole number.
        while (static_cast<double>(half + 1) * (half + 1) <= square)
            ++half;
        while (static_cast<double>(half) * half > square)
            --half;
        halfWidth[static_cast<std::size_t>(dy)] = half;
    }

    const std::vector<Span>& spans = area.spans();
    const Rect rows = intersected(widened(area.bounds(), reach), bounds);
    const int top = area.bounds().y;
    const int bottom = area.bounds().bottom();
    std::vector<std::size_t> rowStart(static_cast<std::size_t>(bottom - top) + 1, spans.size());
    for (std::size_t i = spans.size(); i-- > 0;)
        rowStart[static_cast<std::size_t>(spans[i].y - top)] = i;
    for (std::size_t row = rowStart.size() - 1; row-- > 0;)
        rowStart[row] = std::min(rowStart[row], rowStart[row + 1]);

    std::vector<Span> result;
    std::vector<int> balance(static_cast<std::size_t>(bounds.width) + 1);
    for (int y = rows.y; y < rows.bottom() && !wasCancelled(cancel); ++y) {
        std::fill(balance.begin(), balance.end(), 0);
        bool any = false;
        for (int source = std::max(top, y - reach); source < std::min(bottom, y + reach + 1); ++source) {
            const int half = halfWidth[static_cast<std::size_t>(std::abs(source - y))];
            for (std::size_t i = rowStart[static_cast<std::size_t>(source - top)];
                 i < rowStart[static_cast<std::size_t>(source - top) + 1]; ++i) {
                const int begin = std::max(spans[i].begin - half, bounds.x);
                const int end = std::min(spans[i].end + half, bounds.right());
                if (begin < end) {
                    ++balance[static_cast<std::size_t>(begin - bounds.x)];
                    --balance[static_cast<std::size_t>(end - bounds.x)];
                    any = true;
                }
            }
        }
        if (!any)
            continue;
        int open = 0;
        int begin = 0;
        for (int x = 0; x <= bounds.width; ++x) {
            const int next = open + balance[static_cast<std::size_t>(x)];
            if (open == 0 && next > 0)
                begin = x;
            else if (open > 0 && next == 0)
                result.push_back({y, bounds.x + begin, bounds.x + x});
            open = next;
        }
    }
    return PixelArea::fromCanonical(std::move(result));
}

PixelArea shrunk(const PixelArea& area, double px, const Rect& bounds) {
    PixelArea inside = area.intersected(bounds);
    if (!(px > 0.0) || inside.empty())
        return inside;
    // Only what lies within reach of the area can eat into it.
    const int reach = static_cast<int>(std::min(std::ceil(px), 1e6));
    const Rect near = intersected(widened(inside.bounds(), reach), bounds);
    const PixelArea others = PixelArea::rectangle(near).subtracted(inside);
    return inside.subtracted(grown(others, px, near));
}

} // namespace limn
