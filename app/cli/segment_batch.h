// SPDX-License-Identifier: GPL-3.0-or-later
// Images in, files of masks out: what `limn-cli segment` does once options are read and the model is loaded.
// Prints nothing.
#pragma once

#include "app/cli/inputs.h"
#include "app/cli/prediction_pipeline.h"
#include "app/images/image_kind.h"
#include "inference/engine.h"
#include "io/core/result.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace limn {

struct SegmentOptions {
    std::string output; // folder; made when missing
    bool saveMask = true;
    bool saveProbability = false;
    bool saveOverlay = false;
    std::optional<double> threshold; // none: the model's own
    bool resume = false;             // leave out what is complete for the image as it is now
    std::string report;              // CSV file; empty: none
    PipelineOptions pipeline;
};

// A model, and the kind of image that it is for: with several, each image goes to the one of its look, and
// what is of none of their kinds to the first.
struct SegmentEngine {
    Engine* engine = nullptr;
    ImageKind kind = ImageKind::Unknown;
};

struct SegmentSummary {
    std::size_t images = 0;
    std::size_t done = 0;
    std::size_t skipped = 0;                           // complete before (resume)
    std::vector<std::pair<std::string, Error>> failed; // image, why; in the order of the input
    std::size_t cancelled = 0;
    PipelineTimes times;
    std::vector<std::size_t> byEngine; // images done, in the order of the engines
};

// Writes into options.output, each file in one step (a kill leaves none half written), and replaces nothing
// but results of the same image: where there is another image's, or a file that is no result or was edited
// since, the image fails and the file stays (result_record.h):
//   NAME_mask.png         0 and 255
//   NAME_probability.png  16 bit, probability x 65535 rounded
//   NAME_overlay.jpg      the picture with the mask's outline
//   segment.json          the model's name and SHA-256 (of several: of each), and the settings that change a
//                         result
//   segment.record/       which image each result is of
// and the report: a row for each image (columns in segment_batch.cpp), brought up to date every few seconds.
// With resume the rows of images that are skipped are taken over from the report that stands there.
//
// `progress` is called after each image, never twice at once. On a full disk the rest is cancelled.
// Errors: InvalidArgument (resume of a run that had other settings), FileNotWritable, DiskFull (before the
// first image). A failure of one image is no error of the batch: it stands in the summary.
Result<SegmentSummary>
segmentImages(Engine& engine, const std::vector<InputImage>& images, const SegmentOptions& options,
              CancelToken& cancel,
              const std::function<void(std::size_t done, std::size_t failed)>& progress = {});
// The same with several models, at least one, all on one device.
Result<SegmentSummary>
segmentImages(const std::vector<SegmentEngine>& engines, const std::vector<InputImage>& images,
              const SegmentOptions& options, CancelToken& cancel,
              const std::function<void(std::size_t done, std::size_t failed)>& progress = {});

} // namespace limn
