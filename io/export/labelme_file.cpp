// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/export/labelme_file.h"

#include "io/images/mask_files.h"

#include <QByteArray>

#include <nlohmann/json.hpp>

namespace limn {

namespace {

using Json = nlohmann::ordered_json;

// The labelme release whose format this is; labelme compares it with its own.
constexpr const char* kVersion = "7.1.0";

Json shapeOf(const LabelmeShape& shape, const char* type, Json points) {
    return {{"label", shape.region.label},
            {"points", std::move(points)},
            {"group_id", shape.group ? Json(*shape.group) : Json()},
            {"description", shape.description},
            {"shape_type", type},
            {"flags", Json::object()},
            {"mask", Json()}};
}

} // namespace

Result<std::string> labelmeText(const ExportedImageFacts& image, const std::vector<LabelmeShape>& shapes,
                                const std::vector<std::string>& flags) {
    Json list = Json::array();
    for (const LabelmeShape& shape : shapes) {
        if (shape.region.holes.empty()) {
            for (const CornerRing& ring : shape.region.outers) {
                Json points = Json::array();
                for (const Corner& corner : ring)
                    points.push_back({static_cast<double>(corner.x), static_cast<double>(corner.y)});
                list.push_back(shapeOf(shape, "polygon", std::move(points)));
            }
            continue;
        }
        const Result<std::vector<unsigned char>> png = encodedLabelMap(shape.patch);
        if (!png)
            return png.error();
        const Rect& box = shape.region.bounds;
        Json entry = shapeOf(shape, "mask",
                             {{static_cast<double>(box.x), static_cast<double>(box.y)},
                              {static_cast<double>(box.right() - 1), static_cast<double>(box.bottom() - 1)}});
        entry["mask"] = QByteArray::fromRawData(reinterpret_cast<const char*>(png->data()),
                                                static_cast<qsizetype>(png->size()))
                            .toBase64()
                            .toStdString();
        list.push_back(std::move(entry));
    }
    Json marks = Json::object();
    for (const std::string& flag : flags)
        marks[flag] = true;
    const Json file = {{"version", kVersion},           {"flags", std::move(marks)},
                       {"shapes", std::move(list)},     {"imagePath", image.file},
                       {"imageData", Json()},           {"imageHeight", image.size.height},
                       {"imageWidth", image.size.width}};
    return file.dump(2) + "\n";
}

} // namespace limn
