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

} // namespace

int ImagePyramid::levelFor(double zoom) const {
    int level = 0;
    while (level + 1 < static_cast<int>(levels.size()) && zoom * (1 << (level + 1)) <= 1.0)
        ++level;
    return level;
}

ImagePyramidPtr buildPyramid(ImagePtr image) {
    auto pyramid = std::make_shared<ImagePyramid>();
    pyramid->levels.push_back({image->size, image->rgb.data()});
    while (std::max(pyramid->levels.back().size.width, pyramid->levels.back().size.height) > kSmallestLevel) {
        const ImagePyramid::Level from = pyramid->levels.back();
        const Size to{(from.size.width + 1) / 2, (from.size.height + 1) / 2};
        pyramid->storage.push_back(halve(from, to));
        pyramid->levels.push_back({to, pyramid->storage.back().data()});
    }
    pyramid->image = std::move(image);
    return pyramid;
}

} // namespace limn
