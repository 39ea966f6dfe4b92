// SPDX-License-Identifier: GPL-3.0-or-later
// Box-filtered halving. The last odd row or column joins its neighbour's average by being counted twice.
#include "ui/canvas/image_pyramid.h"

#include <algorithm>

namespace limn {
namespace {

constexpr int kSmallestLevel = 512;

std::vector<std::uint8_t> halve(const ImagePyramid::Level& from, Size to) {
    std::vector<std::uint8_t> out(to.pixels() * 3);
    const std::size_t stride = static_cast<std::size_t>(from.size.width) * 3;
    for (int y = 0; y < to.height; ++y) {
        const std::uint8_t* a = from.rgb + static_cast<std::size_t>(2 * y) * stride;
        const std::uint8_t* b = 2 * y + 1 < from.size.height ? a + stride : a;
        std::uint8_t* o = out.data() + static_cast<std::size_t>(y) * to.width * 3;
        const int pairs = from.size.width / 2;
        for (int x = 0; x < pairs; ++x, a += 6, b += 6, o += 3) {
            o[0] = static_cast<std::uint8_t>((a[0] + a[3] + b[0] + b[3] + 2) >> 2);
            o[1] = static_cast<std::uint8_t>((a[1] + a[4] + b[1] + b[4] + 2) >> 2);
            o[2] = static_cast<std::uint8_t>((a[2] + a[5] + b[2] + b[5] + 2) >> 2);
        }
        if (to.width > pairs) {
            for (int c = 0; c < 3; ++c)
                o[c] = static_cast<std::uint8_t>((a[c] + b[c] + 1) >> 1);
        }
    }
    return out;
}

Size halved(Size size, int times = 1) {
    const int more = (1 << times) - 1;
    return {(size.width + more) >> times, (size.height + more) >> times};
}

// Below the last level that is there.
void addHalves(ImagePyramid& pyramid) {
    while (std::max(pyramid.levels.back().size.width, pyramid.levels.back().size.height) > kSmallestLevel) {
        const ImagePyramid::Level from = pyramid.levels.back();
        const Size to = halved(from.size);
        pyramid.storage.push_back(halve(from, to));
        pyramid.levels.push_back({to, pyramid.storage.back().data()});
    }
}

} // namespace

int ImagePyramid::levelFor(double zoom) const {
    int level = firstLevel;
    while (level + 1 < static_cast<int>(levels.size()) && zoom * (1 << (level + 1)) <= 1.0)
        ++level;
    return level;
}

ImagePyramidPtr buildPyramid(ImagePtr image) {
    auto pyramid = std::make_shared<ImagePyramid>();
    pyramid->size = image->size;
    pyramid->levels.push_back({image->size, image->rgb.data()});
    addHalves(*pyramid);
    pyramid->image = std::move(image);
    return pyramid;
}

ImagePyramidPtr buildPreviewPyramid(ImagePreview preview) {
    auto pyramid = std::make_shared<ImagePyramid>();
    pyramid->size = preview.imageSize;
    pyramid->firstLevel = preview.halvings;
    for (int k = 0; k < preview.halvings; ++k)
        pyramid->levels.push_back({halved(preview.imageSize, k), nullptr});
    pyramid->storage.push_back(std::move(preview.rgb));
    pyramid->levels.push_back({preview.size, pyramid->storage.back().data()});
    addHalves(*pyramid);
    return pyramid;
}

} // namespace limn
