// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/evaluation_report.h"

#include "app/export/csv.h"
#include "app/export/overlay.h"
#include "io/images/atomic_file.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <QDir>
#include <QFileInfo>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace limn {

namespace {

constexpr std::size_t kCases = 10;
constexpr int kPictureSide = 480;
// A tint as well: where both outlines lie on each other the model's covers it.
constexpr OverlayStyle kTruthStyle{{0, 220, 120}, 0.2};
constexpr OverlayStyle kModelStyle{{255, 221, 0}, 0.0};

// Charts are drawn in these units of the picture's own.
constexpr int kChartWidth = 360;
constexpr int kChartHeight = 240;
constexpr int kLeft = 44;
constexpr int kBottom = 34;
constexpr int kTop = 24; // the vertical axis' name stands above it
constexpr int kRight = 12;

std::string number(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string escaped(const std::string& text) {
    std::string out;
    for (char c : text) {
        switch (c) {
        case '&':
            out += "&amp;";
            break;
        case '<':
            out += "&lt;";
            break;
        case '>':
            out += "&gt;";
            break;
        case '"':
            out += "&quot;";
            break;
        default:
            out += c;
        }
    }
    return out;
}

double chartX(double share) {
    return kLeft + share * (kChartWidth - kLeft - kRight);
}
double chartY(double share) {
    return kChartHeight - kBottom - share * (kChartHeight - kBottom - kTop);
}

std::string textAt(double x, double y, const std::string& anchor, const std::string& text) {
    return "<text x=\"" + number("%.1f", x) + "\" y=\"" + number("%.1f", y) + "\" text-anchor=\"" + anchor +
           "\">" + escaped(text) + "</text>";
}

// Frame with marks at both ends and the middle of each axis.
std::string chart(const std::string& title, const std::string& xName, double xEnd, const std::string& yName,
                  double yEnd, const std::string& inside) {
    std::string svg = "<figure><figcaption>" + escaped(title) + "</figcaption><svg viewBox=\"0 0 " +
                      std::to_string(kChartWidth) + " " + std::to_string(kChartHeight) +
                      "\" role=\"img\" aria-label=\"" + escaped(title) + "\">";
    for (double share : {0.0, 0.5, 1.0}) {
        svg += "<line class=\"grid\" x1=\"" + number("%.1f", chartX(0)) + "\" x2=\"" +
               number("%.1f", chartX(1)) + "\" y1=\"" + number("%.1f", chartY(share)) + "\" y2=\"" +
               number("%.1f", chartY(share)) + "\"/>";
        svg += textAt(chartX(0) - 5, chartY(share) + 4, "end", number("%.3g", share * yEnd));
        svg += textAt(chartX(share), chartY(0) + 15, "middle", number("%.3g", share * xEnd));
    }
    svg += textAt(chartX(0.5), kChartHeight - 4, "middle", xName);
    svg += textAt(4, kTop - 12, "start", yName);
    return svg + inside + "</svg></figure>\n";
}

std::string bar(double from, double to, double height) {
    return "<rect class=\"bar\" x=\"" + number("%.2f", chartX(from) + 0.5) + "\" y=\"" +
           number("%.2f", chartY(height)) + "\" width=\"" + number("%.2f", chartX(to) - chartX(from) - 1.0) +
           "\" height=\"" + number("%.2f", chartY(0) - chartY(height)) + "\"/>";
}

std::string polyline(const std::string& cssClass, const std::vector<std::pair<double, double>>& points) {
    std::string svg = "<polyline class=\"" + cssClass + "\" points=\"";
    for (const auto& [x, y] : points)
        svg += number("%.2f", chartX(x)) + "," + number("%.2f", chartY(y)) + " ";
    return svg + "\"/>";
}

// The least of 1, 2, 5, 10, 20, 50, ... that is not below the value: an axis that ends there has round marks.
double roundEnd(double value) {
    double end = std::pow(10.0, std::floor(std::log10(value)));
    for (const double times : {1.0, 2.0, 5.0})
        if (times * end >= value)
            return times * end;
    return 10.0 * end;
}

std::string histogramChart(const Evaluation& evaluation, const std::string& title, double ImageScores::*score,
                           double end) {
    constexpr std::size_t kBins = 20;
    std::vector<std::size_t> bins(kBins, 0);
    for (const ImageEvaluation& image : evaluation.images) {
        if (image.error)
            continue;
        const double share = std::clamp(image.scores.*score / end, 0.0, 1.0);
        ++bins[std::min(kBins - 1, static_cast<std::size_t>(share * kBins))];
    }
    // Even: half of it is a number of images too.
    const std::size_t highest = std::max<std::size_t>(1, *std::max_element(bins.begin(), bins.end()));
    const std::size_t most = (highest + 1) / 2 * 2;
    std::string bars;
    for (std::size_t i = 0; i < kBins; ++i)
        bars += bar(static_cast<double>(i) / kBins, static_cast<double>(i + 1) / kBins,
                    static_cast<double>(bins[i]) / static_cast<double>(most));
    return chart(title, "score of an image", end, "images", static_cast<double>(most), bars);
}

std::string thresholdChart(const Evaluation& evaluation) {
    std::vector<std::pair<double, double>> dsc;
    std::vector<std::pair<double, double>> miou;
    for (const ProbabilityHistogram::Point& point : evaluation.histogram.thresholdCurve()) {
        dsc.emplace_back(point.threshold, point.confusion.dsc());
        miou.emplace_back(point.threshold, point.confusion.miou());
    }
    const double x = evaluation.threshold;
    return chart("Threshold: DSC (solid), IoU (dashed) of all pixels", "threshold", 1.0, "", 1.0,
                 polyline("line", dsc) + polyline("line dashed", miou) +
                     polyline("mark", {{x, 0.0}, {x, 1.0}}));
}

std::string calibrationChart(const Evaluation& evaluation) {
    std::string bars;
    for (const ProbabilityHistogram::Bin& bin : evaluation.histogram.calibration())
        if (bin.count > 0)
            bars += bar(bin.low, bin.high, bin.positiveShare);
    return chart("Calibration: share truly inside at each probability", "probability", 1.0, "truly inside",
                 1.0, bars + polyline("mark", {{0.0, 0.0}, {1.0, 1.0}}));
}

// Scored images, worst Dice first; equal ones by name, so that the page is the same every time.
std::vector<const ImageEvaluation*> ranked(const Evaluation& evaluation) {
    std::vector<const ImageEvaluation*> images;
    for (const ImageEvaluation& image : evaluation.images)
        if (!image.error)
            images.push_back(&image);
    std::sort(images.begin(), images.end(), [](const ImageEvaluation* a, const ImageEvaluation* b) {
        return a->scores.dice != b->scores.dice ? a->scores.dice < b->scores.dice
                                                : a->pair.image < b->pair.image;
    });
    return images;
}

// The image with the true outline and the model's, small enough for the page.
Result<Image> casePicture(const ImageEvaluation& item, const Evaluation& evaluation, Engine& engine) {
    Result<Image> image = readImage(item.pair.image);
    if (!image)
        return image.error();
    Result<LabelMap> truth = readMask(item.pair.mask);
    if (!truth)
        return truth.error();
    Result<Proposal> proposal = engine.predict(*image, evaluation.predict);
    if (!proposal)
        return proposal.error();
    const std::uint32_t inside = ProbabilityMap::firstInside(evaluation.threshold);
    LabelMap mask(proposal->probability.size);
    std::transform(proposal->probability.values.begin(), proposal->probability.values.end(),
                   mask.labels.begin(), [inside](std::uint16_t value) { return value >= inside; });
    Image picture = reducedImage(*image, kPictureSide);
    drawOverlay(picture, reducedMask(*truth, kPictureSide), kTruthStyle);
    drawOverlay(picture, reducedMask(mask, kPictureSide), kModelStyle);
    return picture;
}

Result<std::string> caseGallery(const std::string& folder, const std::string& kind,
                                const std::vector<const ImageEvaluation*>& cases,
                                const Evaluation& evaluation, Engine& engine) {
    std::string html = "<div class=\"cases\">\n";
    for (std::size_t i = 0; i < cases.size(); ++i) {
        Result<Image> picture = casePicture(*cases[i], evaluation, engine);
        if (!picture)
            return picture.error();
        const std::string file = "cases/" + kind + "-" + std::to_string(i + 1) + ".jpg";
        if (Result<void> written = writeJpeg(folder + "/" + file, *picture, 85); !written)
            return written.error();
        const ImageScores& scores = cases[i]->scores;
        html += "<figure><img src=\"" + file + "\" alt=\"\"><figcaption>" + escaped(cases[i]->pair.name) +
                "<br>Dice " + number("%.3f", scores.dice) + ", IoU " + number("%.3f", scores.iou) +
                ", HD95 " + number("%.1f", scores.hd95) + " px</figcaption></figure>\n";
    }
    return html + "</div>\n";
}

std::string intervalRow(const std::string& name, const MeanInterval& value, const char* format) {
    return "<tr><th>" + name + "</th><td>" + number(format, value.mean) + "</td><td>" +
           number(format, value.low) + " to " + number(format, value.high) + "</td></tr>\n";
}

std::string plainRow(const std::string& name, const std::string& value) {
    return "<tr><th>" + escaped(name) + "</th><td>" + escaped(value) + "</td></tr>\n";
}

double millisecondsPerImage(const Evaluation& evaluation, double ms) {
    return evaluation.scored > 0 ? ms / static_cast<double>(evaluation.scored) : 0.0;
}

// Where the images lie.
std::string foldersOf(const Evaluation& evaluation) {
    std::set<std::string> folders;
    for (const ImageEvaluation& image : evaluation.images)
        folders.insert(QFileInfo(QString::fromStdString(image.pair.image)).absolutePath().toStdString());
    std::string text;
    for (const std::string& folder : folders)
        text += (text.empty() ? "" : ", ") + folder;
    return text;
}

std::string resizeName(const Evaluation& evaluation) {
    return evaluation.predict.resize == ResizeMode::Plain ? "plain" : "antialias";
}

constexpr const char* kStyle = R"(<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1120px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 0.5em 2em 1.5em 0; display: inline-table; vertical-align: top; }
th, td { text-align: left; padding: 2px 14px 2px 0; border-bottom: 1px solid #8884; font-weight: normal; }
td { font-variant-numeric: tabular-nums; }
caption { text-align: left; white-space: nowrap; font-weight: 600; padding-bottom: 2px; }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top; max-width: 340px; }
figcaption { font-size: 13px; overflow-wrap: anywhere; }
svg { width: 340px; display: block; }
svg text { font-size: 11px; fill: currentColor; }
.grid { stroke: #8886; stroke-width: 1; }
.bar { fill: #3a86c8; }
.line { fill: none; stroke: #3a86c8; stroke-width: 2; }
.dashed { stroke-dasharray: 5 4; }
.mark { fill: none; stroke: #d1495b; stroke-width: 1.5; }
.cases figure { width: 204px; }
.cases img { width: 100%; display: block; }
.truth { color: #0a9a56; } .model { background: #444; color: #ffdd00; padding: 0 0.3em; }
</style>)";

Result<void> makeFolder(const std::string& folder) {
    if (!QDir().mkpath(QString::fromStdString(folder)))
        return Error{ErrorCode::FileNotWritable, {folder, "the folder cannot be made here"}};
    removeAbandonedFiles(folder); // of a run that was killed
    return {};
}

Result<void> writeScores(const std::string& path, const Evaluation& evaluation) {
    std::vector<CsvRow> rows{
        {"image", "mask", "width", "height", "dice", "iou", "hd95_px", "boundary_f", "error"}};
    for (const ImageEvaluation& image : evaluation.images) {
        CsvRow row{image.pair.image, image.pair.mask, "", "", "", "", "", "", ""};
        if (image.error) {
            row[8] = image.error->message();
        } else {
            row[2] = std::to_string(image.size.width);
            row[3] = std::to_string(image.size.height);
            row[4] = number("%.6f", image.scores.dice);
            row[5] = number("%.6f", image.scores.iou);
            row[6] = number("%.3f", image.scores.hd95);
            row[7] = number("%.6f", image.scores.boundaryF);
        }
        rows.push_back(std::move(row));
    }
    return writeCsv(path, rows);
}

} // namespace

std::string evaluationJson(const Evaluation& evaluation) {
    nlohmann::ordered_json json;
    json["miou"] = evaluation.paper.miou();
    json["dsc"] = evaluation.paper.dsc();
    json["accuracy"] = evaluation.paper.accuracy();
    json["specificity"] = evaluation.paper.specificity();
    json["sensitivity"] = evaluation.paper.sensitivity();
    const auto mean = [&](const char* name, const MeanInterval& value) {
        json[name] = value.mean;
        json[std::string(name) + "_interval"] = {value.low, value.high};
    };
    mean("mean_dice", evaluation.dice);
    mean("mean_iou", evaluation.iou);
    mean("mean_hd95", evaluation.hd95);
    mean("mean_boundary_f", evaluation.boundaryF);
    json["count"] = evaluation.scored;
    json["failed"] = evaluation.images.size() - evaluation.scored;
    json["model"] = evaluation.model.name;
    json["model_sha256"] = evaluation.model.sha256;
    json["device"] = evaluation.device;
    json["threshold"] = evaluation.threshold;
    json["input_size"] = evaluation.predict.inputSize;
    json["resize"] = resizeName(evaluation);
    json["flip_average"] = evaluation.predict.flipAverage;
    json["milliseconds_per_image"] = millisecondsPerImage(evaluation, evaluation.times.wallMs);
    json["network_milliseconds_per_image"] = millisecondsPerImage(evaluation, evaluation.times.networkMs);
    json["calibration_error"] = evaluation.histogram.expectedCalibrationError();
    json["images"] = nlohmann::ordered_json::array();
    for (const ImageEvaluation& image : evaluation.images) {
        nlohmann::ordered_json item;
        item["image"] = image.pair.image;
        if (image.error) {
            item["error"] = image.error->message();
        } else {
            item["dice"] = image.scores.dice;
            item["iou"] = image.scores.iou;
            item["hd95"] = image.scores.hd95;
            item["boundary_f"] = image.scores.boundaryF;
        }
        json["images"].push_back(std::move(item));
    }
    return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

Result<void> writeEvaluationReport(const std::string& folder, const Evaluation& evaluation, Engine& engine) {
    if (Result<void> made = makeFolder(folder + "/cases"); !made)
        return made;
    if (Result<void> written = writeScores(folder + "/scores.csv", evaluation); !written)
        return written;

    const std::vector<const ImageEvaluation*> order = ranked(evaluation);
    const std::size_t count = std::min(kCases, order.size());
    const std::vector<const ImageEvaluation*> worst(order.begin(),
                                                    order.begin() + static_cast<std::ptrdiff_t>(count));
    const std::size_t middle = (order.size() - count) / 2;
    const std::vector<const ImageEvaluation*> median(order.begin() + static_cast<std::ptrdiff_t>(middle),
                                                     order.begin() +
                                                         static_cast<std::ptrdiff_t>(middle + count));
    Result<std::string> worstHtml = caseGallery(folder, "worst", worst, evaluation, engine);
    if (!worstHtml)
        return worstHtml.error();
    Result<std::string> medianHtml = caseGallery(folder, "median", median, evaluation, engine);
    if (!medianHtml)
        return medianHtml.error();

    double farthest = 1.0;
    for (const ImageEvaluation* image : order)
        farthest = std::max(farthest, image->scores.hd95);

    std::string html =
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Evaluation of " +
        escaped(evaluation.model.name) + "</title>\n" + kStyle + "</head><body>\n<h1>Evaluation of " +
        escaped(evaluation.model.name) + "</h1>\n<table>\n";
    html += plainRow("Images scored",
                     std::to_string(evaluation.scored) + " of " + std::to_string(evaluation.images.size()));
    html += plainRow("Folder", foldersOf(evaluation));
    html += plainRow("Model", evaluation.model.name + ", SHA-256 " + evaluation.model.sha256);
    html += plainRow("Device", evaluation.device);
    html +=
        plainRow("Input", std::to_string(evaluation.predict.inputSize) + " x " +
                              std::to_string(evaluation.predict.inputSize) + ", " + resizeName(evaluation) +
                              (evaluation.predict.flipAverage ? ", mean over four mirrorings" : ""));
    html += plainRow("Threshold", number("%g", evaluation.threshold));
    html += plainRow("Time per image",
                     number("%.1f ms", millisecondsPerImage(evaluation, evaluation.times.wallMs)) +
                         " with reading and scoring, " +
                         number("%.1f ms", millisecondsPerImage(evaluation, evaluation.times.networkMs)) +
                         " in the network");
    html += "</table>\n<h2>Figures</h2>\n<table><caption>Over images, at full size: mean and 95 % "
            "interval</caption>\n";
    html += intervalRow("Dice", evaluation.dice, "%.4f") + intervalRow("IoU", evaluation.iou, "%.4f") +
            intervalRow("95 % Hausdorff distance (px)", evaluation.hd95, "%.2f") +
            intervalRow("Boundary F", evaluation.boundaryF, "%.4f");
    html += "</table>\n<table><caption>Over all pixels, at 256 x 256</caption>\n";
    html += plainRow("DSC", number("%.4f", evaluation.paper.dsc())) +
            plainRow("mIoU", number("%.4f", evaluation.paper.miou())) +
            plainRow("Accuracy", number("%.4f", evaluation.paper.accuracy())) +
            plainRow("Specificity", number("%.4f", evaluation.paper.specificity())) +
            plainRow("Sensitivity", number("%.4f", evaluation.paper.sensitivity())) +
            plainRow("Calibration error", number("%.4f", evaluation.histogram.expectedCalibrationError()));
    html += "</table>\n<h2>Distributions</h2>\n";
    html +=
        histogramChart(evaluation, "Dice", &ImageScores::dice, 1.0) +
        histogramChart(evaluation, "Boundary F", &ImageScores::boundaryF, 1.0) +
        histogramChart(evaluation, "95 % Hausdorff distance (px)", &ImageScores::hd95, roundEnd(farthest)) +
        thresholdChart(evaluation) + calibrationChart(evaluation);
    html += "<h2>The worst images</h2>\n<p><span class=\"truth\">Green: the true area.</span> <span "
            "class=\"model\">Yellow: the "
            "model's outline.</span> All scores: <a href=\"scores.csv\">scores.csv</a></p>\n" +
            *worstHtml + "<h2>Images about the median</h2>\n" + *medianHtml;
    std::string failures;
    for (const ImageEvaluation& image : evaluation.images)
        if (image.error)
            failures += "<li>" + escaped(image.error->message()) + "</li>\n";
    if (!failures.empty())
        html += "<h2>Failed</h2>\n<ul>" + failures + "</ul>\n";
    html += "</body></html>\n";
    return writeFileAtomically(folder + "/index.html",
                               {reinterpret_cast<const unsigned char*>(html.data()), html.size()});
}

} // namespace limn
