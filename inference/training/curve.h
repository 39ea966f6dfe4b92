// SPDX-License-Identifier: GPL-3.0-or-later
// The course of a training run as metrics.csv and as a picture, curve.svg. Plain C++20.
#pragma once

#include "io/core/result.h"

#include <string>
#include <vector>

namespace limn {

// The three figures of validation are NaN where no pair is held out: empty cells, and no line in the picture.
struct CurvePoint {
    int epoch = 0;
    double trainingLoss = 0.0;
    double validationLoss = 0.0;
    double dsc = 0.0;
    double miou = 0.0;
    double learningRate = 0.0;
    double imagesPerSecond = 0.0;
    double deviceIdleShare = 0.0;
};

// Writes both files anew (whole or not at all). Errors: FileNotWritable.
Result<void> writeCurve(const std::string& folder, const std::vector<CurvePoint>& points);

// The points of an earlier piece of the run, up to an epoch; empty when there is no such file.
std::vector<CurvePoint> readCurve(const std::string& csvPath, int lastEpoch);

} // namespace limn
