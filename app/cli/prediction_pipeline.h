// SPDX-License-Identifier: GPL-3.0-or-later
// Many images through one engine, with reading, network and finishing side by side: a folder of large
// photographs runs at the speed of the slowest stage. Knows neither files nor tables; segment and evaluate
// give the two outer steps.
#pragma once

#include "inference/engine.h"
#include "io/core/image.h"
#include "io/core/result.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace limn {

struct PipelineOptions {
    PredictOptions predict;
    int batch = 1;           // images in one run of the network
    int readers = 0;         // threads that read and preprocess; 0: as many as there are cores, at most 16
    int finishers = 0;       // likewise
    bool keepPixels = false; // finish() gets the pixels too; otherwise only what else an Image holds
};

// An image and what the network takes of it.
struct PreparedImage {
    Image image;
    std::vector<float> input; // as of Engine::preprocess()
    std::size_t engine = 0;   // which of the pipeline's engines it is for
};

struct PipelineSteps {
    // On a reader's thread. One of the two is set: what prepare() gives is not preprocessed any more.
    std::function<Result<Image>(std::size_t item)> read;
    std::function<Result<PreparedImage>(std::size_t item)> prepare;
    // With read(): which of the engines an image is for. Not set: the first.
    std::function<std::size_t(std::size_t item, const Image& image)> choose;
    // On a finisher's thread, for each item that has a proposal. One of the two is set: finishMap() takes the
    // network's own map, and brings it to the image's size itself.
    std::function<Result<void>(std::size_t item, Image image, Proposal proposal)> finish;
    std::function<Result<void>(std::size_t item, Image image, FloatMap network)> finishMap;
    // Once for each item, never two at a time, on any thread. No error: it worked. Cancelled: it was not
    // begun.
    std::function<void(std::size_t item, const std::optional<Error>& error)> done;
};

// Time that the stages were at work, summed over their threads.
struct PipelineTimes {
    double readMs = 0.0;    // reading, decoding, preprocessing
    double networkMs = 0.0; // the network
    double finishMs = 0.0;  // resampling to the image's size, and finish() or finishMap()
    double wallMs = 0.0;
};

// Runs items 0 .. items-1; returns when done() was called for each of them. The network runs on the caller's
// thread, the engine's thread-safe functions on the others. An item's failure touches no other one: a batch
// that fails is tried image by image. After a cancel, what has been through the network is still finished.
PipelineTimes runPipeline(Engine& engine, std::size_t items, const PipelineOptions& options,
                          const PipelineSteps& steps, const CancelToken* cancel = nullptr);
// The same with several engines, all of one device: each image goes to one of them, and a batch holds images
// of one.
PipelineTimes runPipeline(const std::vector<Engine*>& engines, std::size_t items,
                          const PipelineOptions& options, const PipelineSteps& steps,
                          const CancelToken* cancel = nullptr);

} // namespace limn
