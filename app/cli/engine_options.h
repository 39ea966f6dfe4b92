// SPDX-License-Identifier: GPL-3.0-or-later
// The options that every command with a model shares, and loading the engine they ask for.
#pragma once

#include "app/cli/prediction_pipeline.h"
#include "inference/engine.h"
#include "io/core/result.h"

#include <memory>
#include <string>

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
void addEngineOptions(CLI::App& command, EngineChoice& choice);

// Finds the model and loads it. Errors: those of findModel() and Engine::load().
Result<std::unique_ptr<Engine>> loadEngine(const EngineChoice& choice);

// What the pipeline runs with on the device that was loaded.
PipelineOptions pipelineOptions(const EngineChoice& choice, const Engine& engine);

} // namespace limn
