// SPDX-License-Identifier: GPL-3.0-or-later
// The options that every command with a model shares, and loading the engine they ask for.
#pragma once

#include "app/cli/prediction_pipeline.h"
#include "app/images/image_kind.h"
#include "inference/engine.h"
#include "io/core/result.h"

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace limn {

struct EngineChoice {
    std::string model; // name or file; empty: the default model
    EngineOptions engine;
    std::string resize = "antialias";
    int inputSize = 256;
    int batch = 0; // 0: by device
    int jobs = 0;  // threads of each outer stage
    bool flipAverage = false;
};

// Adds --model, --device, --precision, --threads, --input-size, --resize, --batch, --jobs, --flip-average.
// `without` completes the help of --model: what is taken when it is not given.
void addEngineOptions(CLI::App& command, EngineChoice& choice,
                      const std::string& without = "without it dermoscopy");

// Finds the model and loads it. Errors: those of findModel() and Engine::load().
Result<std::unique_ptr<Engine>> loadEngine(const EngineChoice& choice);

struct LoadedModel {
    std::unique_ptr<Engine> engine;
    ImageKind kind = ImageKind::Unknown;
};

// Those that images are shared out to by their look, as in the window: every kind's first model by name, the
// default model in front. A model that is chosen stands alone. Errors: as loadEngine().
Result<std::vector<LoadedModel>> loadEngines(const EngineChoice& choice);

// What the pipeline runs with on the device that was loaded.
PipelineOptions pipelineOptions(const EngineChoice& choice, const Engine& engine);

} // namespace limn
