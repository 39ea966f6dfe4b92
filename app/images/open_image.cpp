// SPDX-License-Identifier: GPL-3.0-or-later
// Hands on to io/images.
#include "app/images/open_image.h"

#include "io/images/image_reader.h"

namespace limn {

Result<Image> openImage(const std::string& path) {
    return readImage(path);
}

std::optional<ImagePreview> openImagePreview(const std::string& path, int longestSide) {
    return readImagePreview(path, longestSide);
}

} // namespace limn
