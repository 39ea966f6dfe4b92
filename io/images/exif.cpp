// SPDX-License-Identifier: GPL-3.0-or-later
// EXIF by exiv2, which sees nothing but the bounded block that our own reader cut out of the file.
#include "io/images/decoding.h"

#include <mutex>

#include <exiv2/error.hpp>
#include <exiv2/exif.hpp>

namespace limn::images {

int exifOrientation(const std::vector<unsigned char>& exif) {
    static std::once_flag muted;
    std::call_once(muted, [] { Exiv2::LogMsg::setLevel(Exiv2::LogMsg::mute); });
    if (exif.size() < 8)
        return 1;
    try {
        Exiv2::ExifData data;
        Exiv2::ExifParser::decode(data, exif.data(), static_cast<std::uint32_t>(exif.size()));
        const auto found = data.findKey(Exiv2::ExifKey("Exif.Image.Orientation"));
        if (found == data.end() || found->count() != 1)
            return 1;
        const long value = found->toLong();
        return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    } catch (const std::exception&) {
        return 1; // a damaged EXIF block does not make the picture unreadable
    }
}

} // namespace limn::images
