// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/overlay.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace limn {

namespace {

constexpr std::array<std::uint8_t, 3> kCasing{20, 20, 20};

// Smallest rectangle that holds the mask, enlarged by a margin and cut to the image; empty for an empty mask.
Rect boundsOf(const LabelMap& mask, int margin) {
    int left = mask.size.width;
    int right = -1;
    int top = mask.size.height;
    int bottom = -1;
    for (int y = 0; y < mask.size.height; ++y) {
        const std::uint8_t* row = mask.labels.data() + static_cast<std::size_t>(y) * mask.size.width;
        const std::uint8_t* end = row + mask.size.width;
        const std::uint8_t* first = std::find_if(row, end, [](std::uint8_t v) { return v != 0; });
        if (first == end)
            continue;
        int last = mask.size.width - 1;
        while (row[last] == 0)
            --last;
        left = std::min(left, static_cast<int>(first - row));
        right = std::max(right, last);
        top = std::min(top, y);
        bottom = y;
    }
    if (right < 0)
        return {};
    return intersected(
        {left - margin, top - margin, right - left + 1 + 2 * margin, bottom - top + 1 + 2 * margin},
        {0, 0, mask.size.width, mask.size.height});
}

// For every pixel of `area`: how many inside pixels the square of (2 radius + 1)^2 around it holds. Two
// passes of running sums. Beyond the image counts as outside.
std::vector<std::uint32_t> boxCounts(const LabelMap& mask, const Rect& area, int radius) {
    const auto inside = [&](int x, int y) {
        return x >= area.x && y >= area.y && x < area.right() && y < area.bottom() && mask.at(x, y) != 0;
    };
    const std::size_t width = static_cast<std::size_t>(area.width);
    std::vector<std::uint32_t> rows(width * area.height);
    for (int y = 0; y < area.height; ++y) {
        std::uint32_t sum = 0;
        for (int x = -radius; x < area.width; ++x) {
            sum += inside(area.x + x + radius, area.y + y);
            if (x > 0)
                sum -= inside(area.x + x - radius - 1, area.y + y);
            if (x >= 0)
                rows[y * width + x] = sum;
        }
    }
    std::vector<std::uint32_t> counts(width * area.height);
    std::vector<std::uint32_t> sums(width, 0);
    for (int y = -radius; y < area.height; ++y) {
        const int enters = y + radius;
        const int leaves = y - radius - 1;
        for (std::size_t x = 0; x < width; ++x) {
            if (enters < area.height)
                sums[x] += rows[enters * width + x];
            if (leaves >= 0)
                sums[x] -= rows[leaves * width + x];
            if (y >= 0)
                counts[y * width + x] = sums[x];
        }
    }
    return counts;
}

int blockOf(Size size, int longestSide) {
    const int longest = std::max(size.width, size.height);
    return std::max(1, (longest + longestSide - 1) / std::max(1, longestSide));
}

} // namespace

void drawOverlay(Image& image, const LabelMap& mask, const OverlayStyle& style) {
    const int longest = std::max(image.size.width, image.size.height);
    const int core = std::max(1, static_cast<int>(std::lround(longest / 1500.0)));
    const int casing = 2 * core;
    const Rect area = boundsOf(mask, casing + 1);
    if (area.empty())
        return;
    const std::vector<std::uint32_t> near = boxCounts(mask, area, core);
    const std::vector<std::uint32_t> far = boxCounts(mask, area, casing);
    const std::uint32_t nearFull = (2 * core + 1) * (2 * core + 1);
    const std::uint32_t farFull = (2 * casing + 1) * (2 * casing + 1);
    for (int y = 0; y < area.height; ++y) {
        for (int x = 0; x < area.width; ++x) {
            const std::size_t at = static_cast<std::size_t>(y) * area.width + x;
            std::uint8_t* pixel =
                image.rgb.data() + (static_cast<std::size_t>(area.y + y) * image.size.width + area.x + x) * 3;
            if (near[at] > 0 && near[at] < nearFull) {
                std::copy(style.color.begin(), style.color.end(), pixel);
            } else if (far[at] > 0 && far[at] < farFull) {
                std::copy(kCasing.begin(), kCasing.end(), pixel);
            } else if (far[at] == farFull) {
                for (int c = 0; c < 3; ++c)
                    pixel[c] = static_cast<std::uint8_t>(
                        std::lround(pixel[c] + (style.color[c] - pixel[c]) * style.tint));
            }
        }
    }
}

Image reducedImage(const Image& image, int longestSide) {
    const int block = blockOf(image.size, longestSide);
    if (block == 1)
        return image;
    Image small;
    small.size = {(image.size.width + block - 1) / block, (image.size.height + block - 1) / block};
    small.rgb.resize(small.size.pixels() * 3);
    for (int y = 0; y < small.size.height; ++y) {
        for (int x = 0; x < small.size.width; ++x) {
            std::array<std::uint32_t, 3> sum{};
            const int right = std::min(image.size.width, (x + 1) * block);
            const int bottom = std::min(image.size.height, (y + 1) * block);
            for (int v = y * block; v < bottom; ++v)
                for (int u = x * block; u < right; ++u)
                    for (int c = 0; c < 3; ++c)
                        sum[c] += image.pixel(u, v)[c];
            const std::uint32_t count =
                static_cast<std::uint32_t>((right - x * block) * (bottom - y * block));
            for (int c = 0; c < 3; ++c)
                small.rgb[(static_cast<std::size_t>(y) * small.size.width + x) * 3 + c] =
                    static_cast<std::uint8_t>((sum[c] + count / 2) / count);
        }
    }
    return small;
}

LabelMap reducedMask(const LabelMap& mask, int longestSide) {
    const int block = blockOf(mask.size, longestSide);
    if (block == 1)
        return mask;
    LabelMap small({(mask.size.width + block - 1) / block, (mask.size.height + block - 1) / block});
    for (int y = 0; y < small.size.height; ++y) {
        for (int x = 0; x < small.size.width; ++x) {
            int inside = 0;
            const int right = std::min(mask.size.width, (x + 1) * block);
            const int bottom = std::min(mask.size.height, (y + 1) * block);
            for (int v = y * block; v < bottom; ++v)
                for (int u = x * block; u < right; ++u)
                    inside += mask.at(u, v) != 0;
            small.at(x, y) = 2 * inside >= (right - x * block) * (bottom - y * block);
        }
    }
    return small;
}

} // namespace limn
