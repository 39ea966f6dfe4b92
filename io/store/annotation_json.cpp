// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/annotation_json.h"

#include <nlohmann/json.hpp>

namespace limn {

using nlohmann::json;

namespace {

// Text out of other programs may hold bytes that are not UTF-8: they are replaced rather than thrown at us.
std::string written(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string labelTableToJson(const std::vector<LabelRecord>& labels) {
    json list = json::array();
    for (const LabelRecord& label : labels) {
        json entry = {{"value", label.value}, {"name", label.name}, {"colour", label.colour}};
        if (!label.codeScheme.empty() || !label.codeValue.empty() || !label.codeMeaning.empty())
            entry["code"] = {label.codeScheme, label.codeValue, label.codeMeaning};
        if (label.locked)
            entry["locked"] = true;
        if (!label.visible)
            entry["visible"] = false;
        list.push_back(std::move(entry));
    }
    return written(list);
}

std::string provenanceToJson(const std::vector<ProvenanceRecord>& sources) {
    json list = json::array();
    for (const ProvenanceRecord& source : sources) {
        json entry = {{"index", source.index},
                      {"origin", static_cast<int>(source.origin)},
                      {"person", source.person},
                      {"first", source.firstTimeMs},
                      {"last", source.lastTimeMs}};
        if (source.origin == Origin::Model || source.origin == Origin::ModelEdited) {
            entry["model"] = source.modelName;
            entry["sha256"] = source.modelSha256;
            entry["threshold"] = source.threshold;
        }
        list.push_back(std::move(entry));
    }
    return written(list);
}

std::optional<std::vector<LabelRecord>> labelTableFromJson(const std::string& text) {
    try {
        std::vector<LabelRecord> labels;
        for (const json& entry : json::parse(text)) {
            LabelRecord label;
            label.value = entry.at("value").get<int>();
            if (label.value < 1 || label.value > 255)
                return std::nullopt;
            label.name = entry.at("name").get<std::string>();
            label.colour = entry.at("colour").get<std::uint32_t>();
            if (entry.contains("code")) {
                label.codeScheme = entry.at("code").at(0).get<std::string>();
                label.codeValue = entry.at("code").at(1).get<std::string>();
                label.codeMeaning = entry.at("code").at(2).get<std::string>();
            }
            label.locked = entry.value("locked", false);
            label.visible = entry.value("visible", true);
            labels.push_back(std::move(label));
        }
        return labels;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

std::optional<std::vector<ProvenanceRecord>> provenanceFromJson(const std::string& text) {
    try {
        std::vector<ProvenanceRecord> sources;
        for (const json& entry : json::parse(text)) {
            ProvenanceRecord source;
            source.index = entry.at("index").get<int>();
            const int origin = entry.at("origin").get<int>();
            if (source.index < 0 || source.index > 255 || origin < 0 ||
                origin > static_cast<int>(Origin::Manual))
                return std::nullopt;
            source.origin = static_cast<Origin>(origin);
            source.person = entry.at("person").get<std::string>();
            source.firstTimeMs = entry.at("first").get<TimeMs>();
            source.lastTimeMs = entry.at("last").get<TimeMs>();
            source.modelName = entry.value("model", std::string());
            source.modelSha256 = entry.value("sha256", std::string());
            source.threshold = entry.value("threshold", -1.0);
            sources.push_back(std::move(source));
        }
        return sources;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

} // namespace limn
