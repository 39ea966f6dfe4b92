// SPDX-License-Identifier: GPL-3.0-or-later
// What is looked at while an image is still being decoded. Plain C++20.
#pragma once

#include "io/core/image.h"

#include <cstdint>
#include <vector>

namespace limn {

// An image in a half, a quarter or an eighth of its size, right way up and in its colours. Its pixel (x, y)
// covers the image's [x * 2^halvings, (x + 1) * 2^halvings) and the same along y, cut at the right and lower
// border. For the eye alone: nothing is measured in it and no model sees it.
struct ImagePreview {
    Size imageSize; // of the whole image
    int halvings = 1;
    Size size; // imageSize halved that often, rounded up
    std::vector<std::uint8_t> rgb;
};

} // namespace limn
