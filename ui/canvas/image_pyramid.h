// SPDX-License-Identifier: GPL-3.0-or-later
// An image with its halved copies, so that a zoomed-out view touches few pixels and stays smooth. Built once,
// on a worker thread; never changed afterwards.
#pragma once

#include "io/core/image.h"

#include <memory>
#include <vector>

namespace limn {

struct ImagePyramid {
    struct Level {
        Size size;
        const std::uint8_t* rgb = nullptr; // interleaved, rows without padding; owned by image or storage
    };

    ImagePtr image;
    std::vector<Level> levels; // level k is the image halved k times; level 0 is the image itself
    std::vector<std::vector<std::uint8_t>> storage;

    // The level whose pixels come nearest to device pixels without being coarser than them.
    int levelFor(double zoom) const;
};

using ImagePyramidPtr = std::shared_ptr<const ImagePyramid>;

// Halves until the longer side is at most 512. Any thread; about 1 ms per megapixel.
ImagePyramidPtr buildPyramid(ImagePtr image);

} // namespace limn
