// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/project_training.h"

#include "app/cli/evaluation_report.h"
#include "app/export/csv.h"
#include "app/export/exported_annotation.h"
#include "app/project/file_scan.h"
#include "io/images/atomic_file.h"

#include <nlohmann/json.hpp>

#include <QDir>

#include <algorithm>
#include <cstdio>

namespace limn {

namespace {

std::string number(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

struct Figure {
    const char* name;
    double before;
    double after;
};

std::vector<Figure> figuresOf(const Evaluation& before, const Evaluation& after) {
    return {{"dsc", before.paper.dsc(), after.paper.dsc()},
            {"miou", before.paper.miou(), after.paper.miou()},
            {"sensitivity", before.paper.sensitivity(), after.paper.sensitivity()},
            {"specificity", before.paper.specificity(), after.paper.specificity()},
            {"mean dice", before.dice.mean, after.dice.mean},
            {"mean iou", before.iou.mean, after.iou.mean},
            {"mean hd95", before.hd95.mean, after.hd95.mean},
            {"mean boundary f", before.boundaryF.mean, after.boundaryF.mean}};
}

// Whether both scored the same images.
bool scoredAlike(const Evaluation& before, const Evaluation& after) {
    return std::equal(before.images.begin(), before.images.end(), after.images.begin(), after.images.end(),
                      [](const ImageEvaluation& a, const ImageEvaluation& b) {
                          return a.pair.image == b.pair.image && a.error.has_value() == b.error.has_value();
                      });
}

} // namespace

TrainingPart partOf(const std::string& sha256) {
    unsigned long bits = 0;
    for (const char c : sha256.substr(0, 8))
        bits = bits * 16 +
               static_cast<unsigned long>(c >= '0' && c <= '9' ? c - '0' : (c >= 'a' ? c - 'a' + 10 : 0));
    switch (bits % 10) {
    case 0:
    case 1:
        return TrainingPart::Comparing;
    case 2:
        return TrainingPart::Choosing;
    default:
        return TrainingPart::Learning;
    }
}

std::size_t AcceptedImages::count(TrainingPart part) const {
    return static_cast<std::size_t>(std::count_if(
        images.begin(), images.end(), [part](const AcceptedImage& image) { return image.part == part; }));
}

Result<AcceptedImages> acceptedImages(ProjectStore& store, const std::function<bool()>& goOn) {
    Result<std::vector<ImageRecord>> records = store.images();
    if (!records)
        return records.error();
    Result<std::string> folder = imageFolderOf(store);
    if (!folder)
        return folder.error();
    const QDir base(QString::fromStdString(*folder));
    AcceptedImages accepted;
    for (const ImageRecord& record : *records) {
        if (record.state != ReviewState::Accepted)
            continue;
        if (goOn && !goOn())
            return Error{ErrorCode::Cancelled, {"Reading the project"}};
        Result<std::vector<AnnotationInfo>> annotations = store.annotationsOf(record.id);
        if (!annotations)
            return annotations.error();
        const AnnotationInfo* info = shownAnnotation(record, *annotations);
        if (info == nullptr) {
            accepted.problems.push_back(record.path + " is accepted, and has no annotation.");
            continue;
        }
        const std::string path = base.absoluteFilePath(QString::fromStdString(record.path)).toStdString();
        const Result<std::string> hash = fileSha256(path, [&] { return !goOn || goOn(); });
        if (!hash) {
            if (hash.error().code == ErrorCode::Cancelled)
                return hash.error();
            accepted.problems.push_back(hash.error().message());
            continue;
        }
        if (!record.sha256.empty() && *hash != record.sha256) {
            accepted.problems.push_back(
                path + " was changed since it was added: its annotation may not fit any more.");
            continue;
        }
        accepted.images.push_back(
            {record.path, path, *hash, record.id, info->person, info->version, partOf(*hash)});
    }
    return accepted;
}

Result<LabelMap> acceptedMask(ProjectStore& store, const AcceptedImage& image) {
    Result<StoredAnnotationPtr> annotation = store.annotation(image.image, image.person, image.version);
    if (!annotation)
        return annotation.error();
    if (!*annotation)
        return Error{ErrorCode::StoreInvalid,
                     {store.path(), "the annotation of " + image.name + " is missing"}};
    LabelMap mask = labelMapFromTiles((*annotation)->labels);
    for (std::uint8_t& label : mask.labels)
        label = label != 0 ? 1 : 0;
    return mask;
}

ComparisonVerdict judge(const Evaluation& before, const Evaluation& after) {
    if (!scoredAlike(before, after) || before.scored != after.scored)
        return {false, "The new weights are not offered: the two models were not scored on the same images."};
    if (after.scored < kLeastCompared)
        return {false, "The new weights are not offered: " + std::to_string(after.scored) +
                           " held-out images could be scored, and fewer than " +
                           std::to_string(kLeastCompared) + " say nothing."};
    const double dice = after.dice.mean - before.dice.mean;
    const double dsc = after.paper.dsc() - before.paper.dsc();
    const std::string change = "mean Dice " + number("%+.4f", dice) + ", dsc " + number("%+.4f", dsc) +
                               " on " + std::to_string(after.scored) + " held-out images";
    if (dice < 0.0 || dsc < 0.0)
        return {false, "The new weights are not offered: they are worse (" + change + ")."};
    if (dice == 0.0 && dsc == 0.0)
        return {false, "The new weights are not offered: they are not better (" + change + ")."};
    return {true, "The new weights are better: " + change + "."};
}

std::string comparisonTable(const Evaluation& before, const Evaluation& after) {
    char line[128];
    std::snprintf(line, sizeof line, "  %-16s %10s %10s %10s", "", "old", "new", "change");
    std::string table = line;
    for (const Figure& figure : figuresOf(before, after)) {
        std::snprintf(line, sizeof line, "\n  %-16s %10.4f %10.4f %+10.4f", figure.name, figure.before,
                      figure.after, figure.after - figure.before);
        table += line;
    }
    return table;
}

std::string comparisonJson(const Evaluation& before, const Evaluation& after,
                           const ComparisonVerdict& verdict) {
    nlohmann::ordered_json json;
    json["offered"] = verdict.isOffered;
    json["verdict"] = verdict.sentence;
    json["least_images"] = kLeastCompared;
    json["old"] = nlohmann::ordered_json::parse(evaluationJson(before));
    json["new"] = nlohmann::ordered_json::parse(evaluationJson(after));
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<void> writeComparison(const std::string& folder, const Evaluation& before, const Evaluation& after,
                             const ComparisonVerdict& verdict) {
    std::vector<CsvRow> rows = {{"image", "dice_old", "dice_new", "iou_old", "iou_new", "hd95_old",
                                 "hd95_new", "boundary_f_old", "boundary_f_new", "problem"}};
    for (std::size_t i = 0; i < before.images.size() && i < after.images.size(); ++i) {
        const ImageEvaluation& a = before.images[i];
        const ImageEvaluation& b = after.images[i];
        CsvRow row(rows.front().size());
        row[0] = a.pair.name;
        if (a.error || b.error) {
            row[9] = a.error ? a.error->message() : b.error->message();
        } else {
            std::size_t column = 1;
            for (double ImageScores::*score :
                 {&ImageScores::dice, &ImageScores::iou, &ImageScores::hd95, &ImageScores::boundaryF}) {
                row[column++] = number("%.6f", a.scores.*score);
                row[column++] = number("%.6f", b.scores.*score);
            }
        }
        rows.push_back(std::move(row));
    }
    if (Result<void> written = writeCsv(folder + "/comparison.csv", rows); !written)
        return written;
    const std::string text = comparisonJson(before, after, verdict);
    return writeFileAtomically(folder + "/comparison.json",
                               {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

} // namespace limn
