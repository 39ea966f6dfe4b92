// SPDX-License-Identifier: GPL-3.0-or-later
// How well a model does on images whose true masks are known: pairs files, runs the model, scores. Prints
// nothing and draws nothing; evaluation_report.h makes a page of it.
#pragma once

#include "app/cli/prediction_pipeline.h"
#include "inference/engine.h"
#include "inference/plain/metrics.h"
#include "io/core/result.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace limn {

struct EvaluationPair {
    std::string image;
    std::string mask;
    std::string name; // the image's stem
};

struct PairedFiles {
    std::vector<EvaluationPair> pairs; // ordered by image
    std::vector<std::string> imagesWithoutMask;
};

// Images of a folder with the masks of another one (it may be the same): a mask's stem is the image's, or
// that with _segmentation, _Segmentation or _mask behind. Both folders are searched through. Error:
// InvalidArgument when a folder holds no image, or no image has a mask.
Result<PairedFiles> pairMasks(const std::string& imageFolder, const std::string& maskFolder);

struct ImageEvaluation {
    EvaluationPair pair;
    Size size;
    Confusion small;    // at kPaperSize
    ImageScores scores; // at the image's size
    std::optional<Error> error;
};

// Side of the square at which the paper's figures are counted.
inline constexpr int kPaperSize = 256;

struct Evaluation {
    std::vector<ImageEvaluation> images; // in the order of the pairs
    std::size_t scored = 0;
    Confusion paper;                // all pixels of all images at kPaperSize
    ProbabilityHistogram histogram; // of the same pixels
    MeanInterval dice;              // over images, at full size
    MeanInterval iou;
    MeanInterval hd95;
    MeanInterval boundaryF;
    PipelineTimes times;
    double threshold = 0.5;
    PredictOptions predict;
    ModelIdentity model;
    std::string device;
    bool cancelled = false;
};

// Runs every pair through the engine. A prediction >= threshold is inside; a mask is resized bilinearly (as
// the images are: antialiased or plain) and inside from one half on. An image that fails (or whose mask has
// another size) keeps its error.
Evaluation evaluatePairs(Engine& engine, const std::vector<EvaluationPair>& pairs, double threshold,
                         const PipelineOptions& options, const CancelToken& cancel,
                         const std::function<void(std::size_t done, std::size_t failed)>& progress = {});

} // namespace limn
