// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/export_options.h"

#include "app/export/exported_annotation.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_set>
#include <utility>

namespace limn {

namespace {

constexpr std::array kFormats = {ExportFormat::Masks,    ExportFormat::LabelMaps,   ExportFormat::Table,
                                 ExportFormat::Coco,     ExportFormat::Labelme,     ExportFormat::Yolo,
                                 ExportFormat::Overlays, ExportFormat::Probability, ExportFormat::Images};
constexpr std::array<std::string_view, kFormats.size()> kFormatNames = {
    "masks", "labels", "table", "coco", "labelme", "yolo", "overlays", "probability", "images"};
constexpr std::array<std::string_view, 3> kExistingNames = {"replace", "skip", "new-folder"};
constexpr std::array<std::string_view, 3> kNamesNames = {"suffix", "isic", "folders"};

template<typename E, std::size_t N>
std::optional<E> fromName(const std::array<std::string_view, N>& names, std::string_view name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        return std::nullopt;
    return static_cast<E>(found - names.begin());
}

bool isAnnotated(const ImageRecord& record) {
    return record.areaPixels >= 0 || record.noLesion || record.lastEditMs > 0;
}

// Bytes of one file, by pixels and by the length of an outline around an area (of which a guess is made where
// the area is not known). Measured on photographs of 1 to 12 megapixels.
double aboutBytes(ExportFormat format, double pixels, double outline) {
    switch (format) {
    case ExportFormat::Masks:
    case ExportFormat::LabelMaps:
        return 200.0 + pixels / 400.0 + outline * 2.0;
    case ExportFormat::Table:
        return 400.0;
    case ExportFormat::Coco:
        return 300.0 + outline * 8.0;
    case ExportFormat::Labelme:
        return 400.0 + outline * 40.0;
    case ExportFormat::Yolo:
        return 20.0 + outline * 20.0;
    case ExportFormat::Overlays:
        return 2000.0 + pixels * 0.35;
    case ExportFormat::Probability:
        return 1000.0 + pixels * 0.6;
    case ExportFormat::Images:
        return 2000.0 + pixels * 1.6;
    }
    return 0.0;
}

std::string shellQuoted(const std::string& text) {
    const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("_-./,:=+@%").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (plain)
        return text;
    std::string quoted = "'";
    for (char c : text)
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return quoted + "'";
}

template<typename T, typename F>
std::string joined(const std::vector<T>& values, F nameOf) {
    std::string text;
    for (const T& value : values)
        text += (text.empty() ? "" : ",") + std::string(nameOf(value));
    return text;
}

Error badPreset(const std::string& found) {
    return {ErrorCode::InvalidArgument, {"the export preset", found, "JSON as Limn writes it"}};
}

} // namespace

std::span<const ExportFormat> allExportFormats() {
    return kFormats;
}

std::string_view exportFormatName(ExportFormat format) {
    return kFormatNames[static_cast<std::size_t>(format)];
}

std::optional<ExportFormat> exportFormatFromName(std::string_view name) {
    return fromName<ExportFormat>(kFormatNames, name);
}

std::string_view existingFilesName(ExistingFiles existing) {
    return kExistingNames[static_cast<std::size_t>(existing)];
}

std::optional<ExistingFiles> existingFilesFromName(std::string_view name) {
    return fromName<ExistingFiles>(kExistingNames, name);
}

std::string_view exportNamesName(ExportNames names) {
    return kNamesNames[static_cast<std::size_t>(names)];
}

std::optional<ExportNames> exportNamesFromName(std::string_view name) {
    return fromName<ExportNames>(kNamesNames, name);
}

bool ExportOptions::has(ExportFormat format) const {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
}

ExportPlan planExport(const Worklist& worklist, const ExportOptions& options) {
    ExportPlan plan;
    const std::unordered_set<ImageId> wanted(options.images.begin(), options.images.end());
    WorklistFilter filter;
    filter.states = options.states;
    double bytes = 0.0;
    for (ImageId id : worklist.select(filter)) {
        if (!wanted.empty() && !wanted.count(id))
            continue;
        plan.images.push_back(id);
        const ImageRecord& record = *worklist.find(id);
        const Size size = sizeWithin(record.size, options.longestSide);
        // An image has an uncertainty when it has a proposal.
        const bool proposed = record.uncertainty >= 0.0 && options.has(ExportFormat::Probability);
        if (proposed) {
            ++plan.files;
            bytes += aboutBytes(ExportFormat::Probability, static_cast<double>(size.pixels()), 0.0);
        }
        if (!isAnnotated(record)) {
            ++plan.unannotated;
            continue;
        }
        ++plan.annotated;
        plan.empty += record.noLesion;
        const double scale = record.size.pixels() == 0 ? 1.0
                                                       : static_cast<double>(size.pixels()) /
                                                             static_cast<double>(record.size.pixels());
        const double area = record.areaPixels >= 0 ? static_cast<double>(record.areaPixels) * scale
                                                   : static_cast<double>(size.pixels()) / 5.0;
        for (ExportFormat format : options.formats) {
            if (format == ExportFormat::Probability)
                continue;
            if (format != ExportFormat::Table && format != ExportFormat::Coco)
                ++plan.files;
            bytes += aboutBytes(format, static_cast<double>(size.pixels()), 4.5 * std::sqrt(area));
        }
    }
    plan.leftOut = worklist.size() - plan.images.size();
    plan.files += options.has(ExportFormat::Table) + options.has(ExportFormat::Coco) +
                  (options.has(ExportFormat::Yolo) ? 2u : 0u);
    plan.aboutBytes = static_cast<std::int64_t>(bytes);
    return plan;
}

std::string imageIdRanges(const std::vector<ImageId>& ids) {
    std::vector<ImageId> sorted = ids;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    std::string text;
    for (std::size_t i = 0; i < sorted.size();) {
        std::size_t end = i + 1;
        while (end < sorted.size() && sorted[end] == sorted[end - 1] + 1)
            ++end;
        text += (text.empty() ? "" : ",") + std::to_string(sorted[i]);
        if (end > i + 1)
            text += "-" + std::to_string(sorted[end - 1]);
        i = end;
    }
    return text;
}

Result<std::vector<ImageId>> imageIdsFromRanges(const std::string& text) {
    constexpr ImageId kMostIds = 10'000'000;
    std::vector<ImageId> ids;
    const auto bad = [&] {
        return Error{ErrorCode::InvalidArgument,
                     {"the list of image numbers", text, "ascending numbers and ranges such as 1,4-9,12"}};
    };
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
        ImageId first = 0;
        auto read = std::from_chars(at, end, first);
        if (read.ec != std::errc() || first < 1)
            return bad();
        ImageId last = first;
        if (read.ptr < end && *read.ptr == '-')
            read = std::from_chars(read.ptr + 1, end, last);
        if (read.ec != std::errc() || last < first || last - first >= kMostIds ||
            (!ids.empty() && first <= ids.back()))
            return bad();
        for (ImageId id = first; id <= last; ++id)
            ids.push_back(id);
        if (read.ptr < end && (*read.ptr != ',' || read.ptr + 1 == end))
            return bad();
        at = read.ptr < end ? read.ptr + 1 : end;
    }
    if (ids.empty())
        return bad();
    return ids;
}

std::vector<std::string> exportArguments(const std::string& projectFile, const ExportOptions& options) {
    std::vector<std::string> arguments = {"project", "export", projectFile, "--output", options.folder};
    const auto add = [&](const std::string& name, const std::string& value) {
        if (!value.empty())
            arguments.insert(arguments.end(), {name, value});
    };
    add("--formats", joined(options.formats, exportFormatName));
    add("--state", joined(options.states, reviewStateName));
    if (!options.images.empty())
        add("--ids", imageIdRanges(options.images));
    add("--person", options.person);
    for (const std::string& label : options.labels)
        add("--label", label);
    if (options.longestSide > 0)
        add("--longest-side", std::to_string(options.longestSide));
    add("--names", std::string(exportNamesName(options.names)));
    add("--existing", std::string(existingFilesName(options.existing)));
    if (options.wholeLabels)
        arguments.emplace_back("--whole-labels");
    if (options.cocoLists)
        arguments.emplace_back("--coco-lists");
    if (options.withoutPeople)
        arguments.emplace_back("--without-people");
    return arguments;
}

std::string exportCommandLine(const std::string& projectFile, const ExportOptions& options) {
    std::string line = "limn-cli";
    for (const std::string& argument : exportArguments(projectFile, options))
        line += ' ' + shellQuoted(argument);
    return line;
}

std::string exportPresetToJson(const ExportOptions& options) {
    nlohmann::ordered_json json;
    for (ExportFormat format : options.formats)
        json["formats"].push_back(exportFormatName(format));
    json["states"] = nlohmann::ordered_json::array();
    for (ReviewState state : options.states)
        json["states"].push_back(reviewStateName(state));
    json["person"] = options.person;
    json["labels"] = options.labels;
    json["longest_side"] = options.longestSide;
    json["names"] = exportNamesName(options.names);
    json["existing"] = existingFilesName(options.existing);
    json["whole_labels"] = options.wholeLabels;
    json["coco_lists"] = options.cocoLists;
    json["without_people"] = options.withoutPeople;
    return json.dump();
}

Result<ExportOptions> exportPresetFromJson(const std::string& text) {
    const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object())
        return badPreset("no JSON object");
    ExportOptions options;
    options.formats.clear();
    try {
        for (const std::string& name : json.at("formats").get<std::vector<std::string>>()) {
            const std::optional<ExportFormat> format = exportFormatFromName(name);
            if (!format)
                return badPreset("with the format " + name);
            options.formats.push_back(*format);
        }
        for (const std::string& name : json.at("states").get<std::vector<std::string>>()) {
            const std::optional<ReviewState> state = reviewStateFromName(name);
            if (!state)
                return badPreset("with the state " + name);
            options.states.push_back(*state);
        }
        const std::string names = json.at("names").get<std::string>();
        const std::string existing = json.at("existing").get<std::string>();
        if (!exportNamesFromName(names) || !existingFilesFromName(existing))
            return badPreset("with names " + names + " and existing files " + existing);
        options.names = *exportNamesFromName(names);
        options.existing = *existingFilesFromName(existing);
        options.person = json.at("person").get<std::string>();
        options.labels = json.at("labels").get<std::vector<std::string>>();
        options.longestSide = json.at("longest_side").get<int>();
        options.wholeLabels = json.at("whole_labels").get<bool>();
        options.cocoLists = json.at("coco_lists").get<bool>();
        options.withoutPeople = json.at("without_people").get<bool>();
    } catch (const nlohmann::json::exception& problem) {
        return badPreset(problem.what());
    }
    return options;
}

} // namespace limn
