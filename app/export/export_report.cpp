// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/export_report.h"

#include "app/export/csv.h"

#include <nlohmann/json.hpp>

#include <QDateTime>

#include <algorithm>
#include <cstdio>

namespace limn {

namespace {

std::string joined(const std::vector<std::string>& parts, const char* between) {
    std::string text;
    for (const std::string& part : parts)
        text += (text.empty() ? "" : between) + part;
    return text;
}

std::string thresholdText(const std::optional<double>& threshold) {
    if (!threshold)
        return {};
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", *threshold);
    return text;
}

} // namespace

std::string_view exportResultName(ExportResult result) {
    switch (result) {
    case ExportResult::Written:
        return "written";
    case ExportResult::Skipped:
        return "skipped";
    case ExportResult::Unannotated:
        return "unannotated";
    case ExportResult::Failed:
        return "failed";
    case ExportResult::NotReached:
        return "not-reached";
    }
    return "";
}

std::size_t ExportReport::count(ExportResult result) const {
    return static_cast<std::size_t>(std::count_if(
        images.begin(), images.end(), [&](const ExportedImage& image) { return image.result == result; }));
}

std::vector<ImageId> ExportReport::failed() const {
    std::vector<ImageId> ids;
    for (const ExportedImage& image : images)
        if (image.result == ExportResult::Failed || image.result == ExportResult::NotReached)
            ids.push_back(image.image);
    return ids;
}

bool ExportReport::allWell() const {
    return !cancelled && !stopped && failed().empty();
}

std::string exportReportCsv(const ExportReport& report) {
    std::vector<CsvRow> rows = {
        {"image", "result", "reason", "files", "state", "model_sha256", "threshold", "spacing_source"}};
    for (const ExportedImage& image : report.images)
        rows.push_back({image.path, std::string(exportResultName(image.result)), image.reason,
                        joined(image.files, " "), std::string(reviewStateName(image.state)),
                        joined(image.models, " "), thresholdText(image.threshold), image.spacingSource});
    return csvText(rows);
}

std::string exportReportJson(const ExportReport& report) {
    using Json = nlohmann::ordered_json;
    Json images = Json::array();
    for (const ExportedImage& image : report.images) {
        images.push_back({{"image", image.path},
                          {"id", image.image},
                          {"result", exportResultName(image.result)},
                          {"reason", image.reason},
                          {"files", image.files},
                          {"state", reviewStateName(image.state)},
                          {"model_sha256", image.models},
                          {"threshold", image.threshold ? Json(*image.threshold) : Json()},
                          {"spacing_source", image.spacingSource}});
    }
    Json counts;
    for (ExportResult result : {ExportResult::Written, ExportResult::Skipped, ExportResult::Unannotated,
                                ExportResult::Failed, ExportResult::NotReached})
        counts[std::string(exportResultName(result))] = report.count(result);
    const std::string finished =
        QDateTime::fromMSecsSinceEpoch(report.finishedMs, Qt::UTC).toString(Qt::ISODateWithMs).toStdString();
    const Json json = {{"project", report.project},
                       {"folder", report.folder},
                       {"finished", finished},
                       {"command", exportCommandLine(report.project, report.options)},
                       {"cancelled", report.cancelled},
                       {"stopped", report.stopped ? Json(report.stopped->message()) : Json()},
                       {"counts", std::move(counts)},
                       {"left_out", report.leftOut},
                       {"bytes", report.bytes},
                       {"files", report.files},
                       {"notes", report.notes},
                       {"images", std::move(images)}};
    return json.dump(1) + "\n";
}

} // namespace limn
