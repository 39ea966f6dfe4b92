// SPDX-License-Identifier: GPL-3.0-or-later
// Which format a file holds, by its first bytes, and which one its name claims. Internal to io/images.
#pragma once

#include "io/images/file_bytes.h"

#include <string>

namespace limn::images {

enum class Format { Unknown, Png, Jpeg, Tiff, Bmp, Nrrd, MetaImage, Dicom };

Format formatByContent(const FileBytes& file);
Format formatByName(const std::string& path); // Unknown for no or another ending
const char* formatName(Format format);

// What a file of no known format seems to be, for a sentence: "plain text", "a PDF document", "the bytes 12
// 34".
std::string describeContent(const FileBytes& file);

} // namespace limn::images
