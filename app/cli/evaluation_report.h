// SPDX-License-Identifier: GPL-3.0-or-later
// An evaluation as JSON and as one HTML page with its pictures. The page needs no network and no script.
#pragma once

#include "app/cli/evaluation.h"
#include "inference/engine.h"
#include "io/core/result.h"

#include <string>

namespace limn {

// Keys: miou, dsc, accuracy, specificity, sensitivity (all pixels at 256 x 256); mean_dice, mean_iou,
// mean_hd95, mean_boundary_f (over images at full size), each with NAME_interval [low, high] at 95 %; count,
// failed, model, model_sha256, device, threshold, input_size, resize, flip_average, milliseconds_per_image,
// network_milliseconds_per_image, calibration_error, and images: the scores of each.
std::string evaluationJson(const Evaluation& evaluation);

// Writes FOLDER/index.html, FOLDER/cases/*.jpg (the ten worst and ten median images by Dice, predicted anew)
// and FOLDER/scores.csv. Errors: FileNotWritable, DiskFull, and those of the engine.
Result<void> writeEvaluationReport(const std::string& folder, const Evaluation& evaluation, Engine& engine);

} // namespace limn
