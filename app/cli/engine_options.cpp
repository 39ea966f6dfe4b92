// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/engine_options.h"

#include "app/cli/option_help.h"
#include "app/models/model_lookup.h"
#include "inference/plain/suitable_batch.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace limn {

void addEngineOptions(CLI::App& command, EngineChoice& choice, const std::string& without) {
    command
        .add_option("--model", choice.model, "Name of a model, or a .safetensors or .pth file; " + without)
        ->type_name("NAME|FILE");
    command.add_option("--device", choice.engine.device, "auto, cpu, cuda or cuda:N")
        ->type_name("DEVICE")
        ->capture_default_str();
    command
        .add_option("--precision", choice.engine.precision,
                    "Numbers that a GPU computes with; the processor uses fp32")
        ->check(oneOf({"auto", "fp32", "tf32", "bf16"}))
        ->capture_default_str();
    command
        .add_option("--threads", choice.engine.threads,
                    "Threads of the network on the processor; 0: all cores")
        ->check(between(0, 1024))
        ->capture_default_str();
    command
        .add_option("--input-size", choice.inputSize, "Side of the square that the network sees, in pixels")
        ->check(between(32, 4096))
        ->capture_default_str();
    command.add_option("--resize", choice.resize, "How images are brought to that size")
        ->check(oneOf({"antialias", "plain"}))
        ->capture_default_str();
    command.add_option("--batch", choice.batch, "Images in one run of the network; 0: what suits the device")
        ->check(between(0, 1024))
        ->capture_default_str();
    command
        .add_option("--jobs", choice.jobs, "Threads that read, and as many that write; 0: one for each core")
        ->check(between(0, 256))
        ->capture_default_str();
    command.add_flag("--flip-average", choice.flipAverage, "Mean over the four mirrorings: slower, steadier");
}

Result<std::unique_ptr<Engine>> loadEngine(const EngineChoice& choice) {
    Result<ModelFile> model = findModel(choice.model);
    if (!model)
        return model.error();
    return Engine::load(model->path, choice.engine);
}

Result<std::vector<LoadedModel>> loadEngines(const EngineChoice& choice) {
    Result<ModelFile> first = findModel(choice.model);
    if (!first)
        return first.error();
    std::vector<ModelFile> files{*first};
    std::vector<ImageKind> kinds{modelKind(first->name)};
    if (choice.model.empty() && kinds.front() != ImageKind::Unknown)
        for (const ModelFile& file : listModels())
            if (const ImageKind kind = modelKind(file.name);
                kind != ImageKind::Unknown && std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
                files.push_back(file);
                kinds.push_back(kind);
            }
    std::vector<LoadedModel> models;
    for (std::size_t i = 0; i < files.size(); ++i) {
        Result<std::unique_ptr<Engine>> engine = Engine::load(files[i].path, choice.engine);
        if (!engine)
            return engine.error();
        models.push_back({std::move(*engine), kinds[i]});
    }
    return models;
}

PipelineOptions pipelineOptions(const EngineChoice& choice, const Engine& engine) {
    PipelineOptions options;
    options.predict.inputSize = choice.inputSize;
    options.predict.resize = choice.resize == "plain" ? ResizeMode::Plain : ResizeMode::Antialias;
    options.predict.flipAverage = choice.flipAverage;
    options.batch = choice.batch;
    if (options.batch == 0)
        options.batch = suitableBatch(engine.device().id, choice.inputSize, choice.engine.threads);
    options.readers = choice.jobs;
    options.finishers = choice.jobs;
    return options;
}

} // namespace limn
