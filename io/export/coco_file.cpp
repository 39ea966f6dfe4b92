// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/export/coco_file.h"

#include <nlohmann/json.hpp>

namespace limn {

namespace {

using Json = nlohmann::ordered_json;

void append(std::string& list, const Json& entry) {
    list += list.empty() ? "\n" : ",\n";
    list += entry.dump();
}

Json polygonsOf(const ExportedRegion& region) {
    Json polygons = Json::array();
    for (const CornerRing& ring : region.outers) {
        Json flat = Json::array();
        for (const Corner& corner : ring) {
            flat.push_back(corner.x);
            flat.push_back(corner.y);
        }
        polygons.push_back(std::move(flat));
    }
    return polygons;
}

} // namespace

void CocoFile::addImage(const ExportedImageFacts& image, const std::vector<Piece>& pieces) {
    append(m_images, {{"id", image.id},
                      {"width", image.size.width},
                      {"height", image.size.height},
                      {"file_name", image.file}});
    for (const Piece& piece : pieces) {
        const ExportedRegion& region = piece.region;
        Json segmentation;
        if (region.holes.empty()) {
            segmentation = polygonsOf(region);
        } else {
            segmentation["size"] = {image.size.height, image.size.width};
            if (m_counts == CocoCounts::Text)
                segmentation["counts"] = cocoRunText(piece.runs);
            else
                segmentation["counts"] = piece.runs;
        }
        const Rect& box = region.bounds;
        append(m_annotations, {{"id", m_nextId++},
                               {"image_id", image.id},
                               {"category_id", region.category},
                               {"segmentation", std::move(segmentation)},
                               {"area", static_cast<double>(region.areaPixels)},
                               {"bbox", {box.x, box.y, box.width, box.height}},
                               {"iscrowd", 0}});
    }
}

std::string CocoFile::text(const std::vector<CocoCategory>& categories, const std::string& description,
                           const std::string& date) const {
    const Json info = {
        {"description", description}, {"version", "1.0"}, {"contributor", "Limn"}, {"date_created", date}};
    Json list = Json::array();
    for (const CocoCategory& category : categories)
        list.push_back(
            {{"id", category.id}, {"name", category.name}, {"supercategory", category.supercategory}});
    return "{\n\"info\": " + info.dump() + ",\n\"licenses\": [],\n\"categories\": " + list.dump() +
           ",\n\"images\": [" + m_images + "\n],\n\"annotations\": [" + m_annotations + "\n]\n}\n";
}

} // namespace limn
