// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/training/curve.h"

#include "inference/plain/whole_file.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

namespace limn {

namespace {

constexpr const char* kHeader =
    "epoch,training_loss,validation_loss,dsc,miou,learning_rate,images_per_second,device_idle_share";

std::string csvOf(const std::vector<CurvePoint>& points) {
    std::string text = std::string(kHeader) + "\n";
    const auto cell = [](const char* format, double value) -> std::string {
        char number[64];
        std::snprintf(number, sizeof number, format, value);
        return std::isfinite(value) ? number : "";
    };
    for (const CurvePoint& p : points)
        text += std::to_string(p.epoch) + "," + cell("%.6f", p.trainingLoss) + "," +
                cell("%.6f", p.validationLoss) + "," + cell("%.6f", p.dsc) + "," + cell("%.6f", p.miou) +
                "," + cell("%.8f", p.learningRate) + "," + cell("%.2f", p.imagesPerSecond) + "," +
                cell("%.4f", p.deviceIdleShare) + "\n";
    return text;
}

std::string polyline(const std::vector<CurvePoint>& points, double CurvePoint::*value, double low,
                     double high, const char* colour) {
    if (std::none_of(points.begin(), points.end(),
                     [value](const CurvePoint& p) { return std::isfinite(p.*value); }))
        return {};
    std::ostringstream svg;
    svg << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
    const double lastEpoch = std::max(1, points.back().epoch);
    for (const CurvePoint& p : points) {
        if (!std::isfinite(p.*value))
            continue;
        const double share = std::clamp((p.*value - low) / (high - low), 0.0, 1.0);
        svg << 60.0 + 620.0 * p.epoch / lastEpoch << "," << 360.0 - 320.0 * share << " ";
    }
    svg << "\"/>\n";
    return svg.str();
}

std::string svgOf(const std::vector<CurvePoint>& points) {
    double highestLoss = 1e-9;
    for (const CurvePoint& p : points)
        highestLoss = std::max({highestLoss, p.trainingLoss, p.validationLoss});
    std::ostringstream svg;
    svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"420\" "
           "font-family=\"sans-serif\" "
           "font-size=\"12\">\n<rect width=\"760\" height=\"420\" fill=\"white\"/>\n";
    for (int i = 0; i <= 10; i += 2) {
        const double y = 360.0 - 32.0 * i;
        char loss[32];
        std::snprintf(loss, sizeof loss, "%.3g", highestLoss * i / 10.0);
        svg << "<line x1=\"60\" x2=\"680\" y1=\"" << y << "\" y2=\"" << y << "\" stroke=\"#dddddd\"/>\n"
            << "<text x=\"52\" y=\"" << y + 4 << "\" text-anchor=\"end\">" << i / 10.0 << "</text>\n"
            << "<text x=\"688\" y=\"" << y + 4 << "\">" << loss << "</text>\n";
    }
    svg << "<text x=\"60\" y=\"380\">0</text><text x=\"680\" y=\"380\" text-anchor=\"end\">epoch "
        << points.back().epoch << "</text>\n";
    svg << polyline(points, &CurvePoint::dsc, 0.0, 1.0, "#0072B2")
        << polyline(points, &CurvePoint::miou, 0.0, 1.0, "#56B4E9")
        << polyline(points, &CurvePoint::trainingLoss, 0.0, highestLoss, "#D55E00")
        << polyline(points, &CurvePoint::validationLoss, 0.0, highestLoss, "#E69F00");
    const std::pair<const char*, const char*> legend[] = {{"#0072B2", "validation DSC (left)"},
                                                          {"#56B4E9", "validation mIoU (left)"},
                                                          {"#D55E00", "training loss (right)"},
                                                          {"#E69F00", "validation loss (right)"}};
    double x = 60.0;
    for (const auto& [colour, text] : legend) {
        svg << "<rect x=\"" << x << "\" y=\"396\" width=\"12\" height=\"12\" fill=\"" << colour
            << "\"/><text x=\"" << x + 18 << "\" y=\"406\">" << text << "</text>\n";
        x += 170.0;
    }
    svg << "</svg>\n";
    return svg.str();
}

} // namespace

Result<void> writeCurve(const std::string& folder, const std::vector<CurvePoint>& points) {
    if (points.empty())
        return {};
    const auto write = [&folder](const char* name, const std::string& text) {
        return writeWholeFile((std::filesystem::path(folder) / name).string(),
                              {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
    };
    if (Result<void> written = write("metrics.csv", csvOf(points)); !written)
        return written;
    return write("curve.svg", svgOf(points));
}

std::vector<CurvePoint> readCurve(const std::string& csvPath, int lastEpoch) {
    std::vector<CurvePoint> points;
    std::ifstream file(csvPath);
    std::string line;
    std::getline(file, line);
    while (std::getline(file, line)) {
        // An empty cell is no number.
        std::vector<double> cells;
        std::istringstream row(line);
        std::string cell;
        while (std::getline(row, cell, ','))
            cells.push_back(cell.empty() ? std::numeric_limits<double>::quiet_NaN()
                                         : std::strtod(cell.c_str(), nullptr));
        if (cells.size() != 8 || !(cells[0] >= 0.0 && cells[0] <= lastEpoch))
            continue;
        points.push_back({static_cast<int>(cells[0]), cells[1], cells[2], cells[3], cells[4], cells[5],
                          cells[6], cells[7]});
    }
    return points;
}

} // namespace limn
