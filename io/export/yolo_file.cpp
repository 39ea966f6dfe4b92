// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/export/yolo_file.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace limn {

namespace {

std::string share(int value, int whole) {
    char text[32];
    std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value) / whole);
    return text;
}

} // namespace

std::string yoloText(const ExportedImageFacts& image, const std::vector<ExportedRegion>& regions,
                     const std::vector<int>& classes) {
    std::string text;
    for (std::size_t i = 0; i < regions.size(); ++i) {
        for (const CornerRing& ring : regions[i].outers) {
            text += std::to_string(classes[i]);
            for (const Corner& corner : ring) {
                text += ' ' + share(corner.x, image.size.width);
                text += ' ' + share(corner.y, image.size.height);
            }
            text += '\n';
        }
    }
    return text;
}

std::string yoloDataText(const std::vector<std::string>& names) {
    std::string text = "path: .\ntrain: images/train\nval: images/train\nnames:\n";
    // A JSON string is a YAML string.
    for (std::size_t i = 0; i < names.size(); ++i)
        text += "  " + std::to_string(i) + ": " + nlohmann::json(names[i]).dump() + "\n";
    return text;
}

} // namespace limn
