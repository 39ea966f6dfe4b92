// SPDX-License-Identifier: GPL-3.0-or-later
// Image files for the window, which knows no file formats: the one decode path of io/images, handed on. Any
// thread; calls may run at the same time.
#pragma once

#include "io/core/image.h"
#include "io/core/image_preview.h"
#include "io/core/result.h"

#include <optional>
#include <string>

namespace limn {

// The image as everything in the program sees it. Errors as readImage() of io/images/image_reader.h, each
// naming the file.
Result<Image> openImage(const std::string& path);

// The same picture small and soon, to look at until openImage() is done; nothing where that would not be
// sooner. As readImagePreview().
std::optional<ImagePreview> openImagePreview(const std::string& path, int longestSide);

} // namespace limn
