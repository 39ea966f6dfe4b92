// SPDX-License-Identifier: GPL-3.0-or-later
// An image with its halved copies, so that a zoomed-out view touches few pixels and stays smooth. Built once,
// on a worker thread; never changed afterwards.
#pragma once

#include "io/core/image.h"
#include "io/core/image_preview.h"

#include <memory>
#include <vector>

namespace limn {

struct ImagePyramid {
    struct Level {
        Size size;
        const std::uint8_t* rgb = nullptr; // interleaved, rows without padding; owned by image or storage
    };

    Size size;      // of the image
    ImagePtr image; // null in a preview
    // Level k is the image halved k times, sizes rounded up; level 0 is the image itself. A preview has no
    // pixels in the levels before the first.
    std::vector<Level> levels;
    int firstLevel = 0;
    std::vector<std::vector<std::uint8_t>> storage;

    // The level whose pixels come nearest to device pixels without being coarser than them, where it is
    // there.
    int levelFor(double zoom) const;
};

using ImagePyramidPtr = std::shared_ptr<const ImagePyramid>;

// Halves until the longer side is at most 512. Any thread; about 1 ms per megapixel.
ImagePyramidPtr buildPyramid(ImagePtr image);
// Of what is there while the image is decoded: shown like the image, at its coordinates.
ImagePyramidPtr buildPreviewPyramid(ImagePreview preview);

} // namespace limn
