// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli segment: options, loading, the progress bar and the summary. The work is in segment_batch.cpp.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/engine_options.h"
#include "app/cli/option_help.h"
#include "app/cli/segment_batch.h"
#include "app/images/folder_kind.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <memory>

namespace limn {

namespace {

// Failures that are named one by one at the end; the rest is counted, and stands in the report.
constexpr std::size_t kFailuresShown = 50;

struct SegmentCommand {
    std::vector<std::string> inputs;
    EngineChoice choice;
    SegmentOptions options;
    std::vector<std::string> save{"mask"};
    double threshold = -1.0;
    std::string shard;
    bool json = false;
};

void weighByFolder(std::vector<InputImage>& images) {
    std::vector<std::string> paths;
    paths.reserve(images.size());
    for (const InputImage& image : images)
        paths.push_back(image.path);
    const std::vector<double> odds = folderOdds(paths);
    for (std::size_t i = 0; i < images.size(); ++i)
        images[i].endoscopyOdds = odds[i];
}

nlohmann::json modelsOf(const SegmentSummary& summary, const std::vector<LoadedModel>& models) {
    nlohmann::json list = nlohmann::json::array();
    for (std::size_t i = 0; i < models.size(); ++i) {
        const ModelIdentity& identity = models[i].engine->model().identity;
        list.push_back({{"name", identity.name}, {"sha256", identity.sha256}});
        if (models.size() > 1)
            list.back()["images"] = summary.byEngine[i];
    }
    return list.size() == 1 ? list[0] : nlohmann::json{{"name", "auto"}, {"models", list}};
}

// "dermoscopy", or of several "dermoscopy (6) and polyp (6)"; those that no image was for are not named,
// unless there was no image at all.
std::string modelsText(const SegmentSummary& summary, const std::vector<LoadedModel>& models) {
    if (models.size() == 1)
        return models.front().engine->model().identity.name;
    std::string text;
    for (std::size_t i = 0; i < models.size(); ++i)
        if (summary.byEngine[i] > 0 || summary.done == 0)
            text += (text.empty() ? "" : " and ") + models[i].engine->model().identity.name + " (" +
                    std::to_string(summary.byEngine[i]) + ")";
    return text;
}

nlohmann::json jsonOf(const SegmentSummary& summary, const SegmentCommand& command,
                      const std::vector<LoadedModel>& models, double seconds) {
    nlohmann::json notes = nlohmann::json::array();
    for (const LoadedModel& model : models)
        for (const std::string& note : model.engine->notes())
            notes.push_back(note);
    nlohmann::json failures = nlohmann::json::array();
    for (const auto& [image, error] : summary.failed)
        failures.push_back(
            {{"image", image}, {"code", errorCodeName(error.code)}, {"error", error.message()}});
    const double wall = summary.times.wallMs / 1000.0;
    return {{"images", summary.images},
            {"done", summary.done},
            {"skipped", summary.skipped},
            {"failed", summary.failed.size()},
            {"cancelled", summary.cancelled},
            {"seconds", seconds},
            {"pipeline_seconds", wall},
            {"images_per_second", wall > 0.0 ? static_cast<double>(summary.done) / wall : 0.0},
            {"busy_seconds",
             {{"read", summary.times.readMs / 1000.0},
              {"network", summary.times.networkMs / 1000.0},
              {"write", summary.times.finishMs / 1000.0}}},
            {"model", modelsOf(summary, models)},
            {"device", models.front().engine->device().id},
            {"notes", notes},
            {"output", command.options.output},
            {"failures", failures}};
}

int segment(SegmentCommand& command) {
    const auto begin = std::chrono::steady_clock::now();
    command.options.saveMask = command.options.saveProbability = command.options.saveOverlay = false;
    for (const std::string& kind : command.save) {
        command.options.saveMask |= kind == "mask";
        command.options.saveProbability |= kind == "probability";
        command.options.saveOverlay |= kind == "overlay";
    }
    if (command.threshold >= 0.0)
        command.options.threshold = command.threshold;

    Result<std::vector<InputImage>> images = collectImages(command.inputs, command.options.output);
    if (!images)
        return reportError(images.error());
    Shard part;
    if (!command.shard.empty()) {
        const Result<Shard> shard = parseShard(command.shard);
        if (!shard) {
            reportError(shard.error());
            return kExitUsage;
        }
        part = *shard;
    }
    Result<std::vector<LoadedModel>> models = loadEngines(command.choice);
    if (!models)
        return reportError(models.error());
    // Before the parts are told apart: an image's model is the same in any of them.
    if (models->size() > 1)
        weighByFolder(*images);
    *images = shardOf(std::move(*images), part);
    command.options.pipeline = pipelineOptions(command.choice, *models->front().engine);
    std::vector<SegmentEngine> engines;
    for (const LoadedModel& model : *models)
        engines.push_back({model.engine.get(), model.kind});

    CancelToken& cancel = interruptToken();
    ProgressBar bar(images->size(), "images");
    Result<SegmentSummary> summary =
        segmentImages(engines, *images, command.options, cancel,
                      [&bar](std::size_t done, std::size_t failed) { bar.show(done, failed); });
    bar.wipe();
    if (!summary)
        return reportError(summary.error());

    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (command.json) {
        printLine(jsonOf(*summary, command, *models, seconds).dump(2));
    } else {
        std::string line = imageCount(summary->done) + " segmented in " + durationText(seconds) + " with " +
                           modelsText(*summary, *models) + " on " + models->front().engine->device().id;
        if (summary->skipped > 0)
            line += "; " + std::to_string(summary->skipped) + " complete before";
        if (!summary->failed.empty())
            line += "; " + std::to_string(summary->failed.size()) + " failed";
        if (summary->cancelled > 0)
            line += "; " + std::to_string(summary->cancelled) + " not begun";
        printLine(line + ". Results: " + command.options.output);
    }
    for (const LoadedModel& model : *models)
        for (const std::string& note : model.engine->notes())
            printProblem(note);
    if (!summary->failed.empty()) {
        printProblem(imageCount(summary->failed.size()) + " failed:");
        for (std::size_t i = 0; i < summary->failed.size() && i < kFailuresShown; ++i)
            std::fprintf(stderr, "  %s\n", summary->failed[i].second.message().c_str());
        if (summary->failed.size() > kFailuresShown)
            std::fprintf(stderr, "  and %zu more; --report FILE.csv lists them all.\n",
                         summary->failed.size() - kFailuresShown);
    }
    if (!summary->failed.empty())
        return kExitFailed;
    if (summary->cancelled > 0) {
        printProblem("cancelled; the same command with --resume goes on from here.");
        return kExitCancelled;
    }
    return kExitDone;
}

} // namespace

void addSegmentCommand(CLI::App& program, ChosenCommand& chosen) {
    auto state = std::make_shared<SegmentCommand>();
    CLI::App* command = program.add_subcommand("segment", "Make masks of images");
    command->add_option("inputs", state->inputs, "Images, and folders that are searched for images")
        ->required()
        ->type_name("IMAGE|FOLDER");
    command->add_option("--output", state->options.output, "Folder for the results; made when missing")
        ->required()
        ->type_name("DIR");
    addEngineOptions(*command, state->choice, "without it, by the look of image and folder");
    command
        ->add_option("--threshold", state->threshold,
                     "Probability from which a pixel is inside; without it the model's own")
        ->check(between(0.0, 1.0));
    command->add_option("--save", state->save, "What to write, separated by commas")
        ->delimiter(',')
        ->check(oneOf({"mask", "probability", "overlay"}))
        ->capture_default_str();
    command
        ->add_option("--shard", state->shard, "Only part I of N of the images, for N computers side by side")
        ->type_name("I/N");
    command->add_flag("--resume", state->options.resume, "Leave out images whose results are complete");
    command->add_option("--report", state->options.report, "Table of all images with areas and failures")
        ->type_name("FILE.csv");
    command->add_flag("--json", state->json, "Print the summary as JSON");
    command->callback([state, &chosen] { chosen = [state] { return segment(*state); }; });
}

} // namespace limn
