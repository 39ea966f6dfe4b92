// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli train: reads the pairs, says which are unusable before anything begins, and shows how training
// goes.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/evaluation.h"
#include "inference/training/train.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <CLI/CLI.hpp>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace limn {

namespace {

// Pictures are kept in memory at most this much larger than the network's input.
constexpr double kSpareForZoom = 1.25;

struct TrainCommand {
    std::vector<std::string> images;
    std::vector<std::string> masks;
    std::string recipe = "best";
    int epochs = 0;
    int batch = 0;
    int inputSize = 0;
    double learningRate = 0.0;
    double drawnShare = -1.0;
    double dropPath = -1.0;
    std::string sizes;
    std::vector<int> depths;
    std::string taps;
    bool everything = false;
    TrainOptions options;
};

class ConsoleObserver : public TrainObserver {
public:
    void progress(const TrainProgress& p) override {
        char line[256];
        if (p.validated) {
            std::snprintf(line, sizeof line,
                          "epoch %d/%d  loss %.4f  validation dsc %.4f miou %.4f loss %.4f%s  %.0f images/s  "
                          "device idle %.0f %%  %s left",
                          p.epoch, p.epochs, p.loss, p.scores.dsc, p.scores.miou, p.scores.loss,
                          p.isBest ? " (best)" : "", p.imagesPerSecond, 100.0 * p.deviceIdleShare,
                          durationText(p.secondsLeft).c_str());
            printLine(line);
            std::fflush(stdout);
        } else if (isatty(STDERR_FILENO) != 0) {
            std::fprintf(stderr, "\rstep %lld  size %d  loss %.4f  rate %.2e  %.0f images/s  %s left   ",
                         static_cast<long long>(p.step), p.inputSize, p.loss, p.learningRate,
                         p.imagesPerSecond, durationText(p.secondsLeft).c_str());
        }
    }
    bool stopAsked() const override { return interruptToken().cancelled(); }
};

std::string problemOf(const EvaluationPair& pair, const Image& image, const LabelMap& mask) {
    if (mask.size != image.size)
        return pair.mask + " is " + std::to_string(mask.size.width) + " x " +
               std::to_string(mask.size.height) + " pixels, its image " + std::to_string(image.size.width) +
               " x " + std::to_string(image.size.height) + ".";
    for (const std::uint8_t label : mask.labels)
        if (label != 0)
            return {};
    return pair.mask + " is empty: no pixel is marked.";
}

struct Loaded {
    std::vector<TrainingSample> samples;
    std::vector<std::string> problems;
};

Loaded loadPairs(const std::vector<EvaluationPair>& pairs, int longest) {
    std::vector<TrainingSample> samples(pairs.size());
    std::vector<std::string> problems(pairs.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
        for (std::size_t i = next++; i < pairs.size(); i = next++) {
            const Result<Image> image = readImage(pairs[i].image);
            if (!image) {
                problems[i] = image.error().message();
                continue;
            }
            const Result<LabelMap> mask = readMask(pairs[i].mask);
            if (!mask) {
                problems[i] = mask.error().message();
                continue;
            }
            problems[i] = problemOf(pairs[i], *image, *mask);
            if (problems[i].empty())
                samples[i] = shrunkForTraining(pairs[i].name, *image, *mask, longest);
        }
    };
    std::vector<std::jthread> threads;
    for (unsigned int i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
        threads.emplace_back(work);
    threads.clear();
    Loaded loaded;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        if (problems[i].empty())
            loaded.samples.push_back(std::move(samples[i]));
        else
            loaded.problems.push_back(problems[i]);
    }
    return loaded;
}

// "0:192,0.4:256": from which share of the run on which input size.
Result<std::vector<std::pair<double, int>>> parseSizes(const std::string& text) {
    std::vector<std::pair<double, int>> sizes;
    std::size_t begin = 0;
    while (begin < text.size()) {
        const std::size_t end = std::min(text.find(',', begin), text.size());
        double from = 0.0;
        int size = 0;
        if (std::sscanf(text.substr(begin, end - begin).c_str(), "%lf:%d", &from, &size) != 2)
            return Error{ErrorCode::InvalidArgument, {"--sizes", text, "such as 0:192,0.4:256"}};
        sizes.emplace_back(from, size);
        begin = end + 1;
    }
    return sizes;
}

Result<TrainOptions> optionsOf(const TrainCommand& command) {
    TrainOptions options = recipeOptions(command.recipe == "paper" ? Recipe::Paper : Recipe::Best);
    options.outputFolder = command.options.outputFolder;
    options.resume = command.options.resume;
    options.initialModel = command.options.initialModel;
    options.device = command.options.device;
    options.seed = command.options.seed;
    options.workers = command.options.workers;
    options.timeLimitMinutes = command.options.timeLimitMinutes;
    options.validateEvery = command.options.validateEvery;
    options.facts["recipe"] = command.recipe;
    if (command.epochs > 0)
        options.epochs = command.epochs;
    if (command.batch > 0)
        options.batch = command.batch;
    if (command.inputSize > 0) {
        options.inputSize = command.inputSize;
        options.sizeSchedule.clear();
    }
    if (!command.sizes.empty()) {
        Result<std::vector<std::pair<double, int>>> sizes = parseSizes(command.sizes);
        if (!sizes)
            return sizes.error();
        options.sizeSchedule = *sizes;
    }
    if (command.learningRate > 0.0)
        options.learningRate = command.learningRate;
    if (command.drawnShare >= 0.0)
        options.drawnShare = command.drawnShare;
    if (command.dropPath >= 0.0)
        options.dropPath = command.dropPath;
    if (command.depths.size() == 4)
        options.config.depths = command.depths;
    if (command.taps == "stage-outputs")
        options.config.taps = Taps::StageOutputs;
    return options;
}

int runTraining(const TrainCommand& command) {
    if (command.images.size() != command.masks.size()) {
        printProblem(
            "give --masks as often as --images: the first folder of masks belongs to the first of images.");
        return kExitUsage;
    }
    Result<TrainOptions> options = optionsOf(command);
    if (!options)
        return reportError(options.error());
    std::vector<EvaluationPair> pairs;
    std::vector<std::string> problems;
    for (std::size_t i = 0; i < command.images.size(); ++i) {
        Result<PairedFiles> found = pairMasks(command.images[i], command.masks[i]);
        if (!found)
            return reportError(found.error());
        for (const std::string& image : found->imagesWithoutMask)
            problems.push_back("There is no mask for " + image + ".");
        // Stems may repeat between folders ("1.jpg"): the folder's name tells them apart in messages.
        pairs.insert(pairs.end(), found->pairs.begin(), found->pairs.end());
    }
    int largest = options->inputSize;
    for (const auto& [from, size] : options->sizeSchedule)
        largest = std::max(largest, size);
    Loaded loaded = loadPairs(pairs, static_cast<int>(largest * kSpareForZoom));
    problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
    for (const std::string& problem : problems)
        printProblem(problem);

    TrainingSet set;
    for (TrainingSample& sample : loaded.samples)
        (!command.everything && isHeldOut(sample.name) ? set.validation : set.training)
            .push_back(std::move(sample));
    printLine(std::to_string(set.training.size()) + " pairs to train on, " +
              std::to_string(set.validation.size()) + " held out, " + std::to_string(problems.size()) +
              " left out. Recipe " + command.recipe + ", " + std::to_string(options->epochs) +
              " epochs of batch " + std::to_string(options->batch) + ".");
    std::fflush(stdout);

    ConsoleObserver observer;
    const Result<TrainReport> report = train(set, *options, observer);
    if (!report)
        return reportError(report.error());
    char line[256];
    std::snprintf(
        line, sizeof line,
        "%s after %d epochs, %s in all on %s: %.0f images/s, device idle %.1f %%. Best: epoch %d, dsc %.4f, "
        "miou %.4f.",
        report->finished ? "Finished" : "Stopped", report->epochsDone, durationText(report->seconds).c_str(),
        report->device.c_str(), report->imagesPerSecond, 100.0 * report->deviceIdleShare, report->bestEpoch,
        report->best.dsc, report->best.miou);
    printLine(line);
    printLine("Weights: " + report->bestPath + (report->finished ? "" : "; go on with --resume"));
    if (interruptToken().cancelled())
        return kExitCancelled;
    return kExitDone;
}

} // namespace

void addTrainCommand(CLI::App& program, ChosenCommand& chosen) {
    const auto command = std::make_shared<TrainCommand>();
    CLI::App* sub = program.add_subcommand("train", "Train the network on images with their true masks");
    sub->add_option("--images", command->images, "Folder of images; may be given several times")->required();
    sub->add_option("--masks", command->masks, "Folder of their masks, in the same order")->required();
    sub->add_option("--output", command->options.outputFolder,
                    "Folder of the run: best.safetensors, last.safetensors, metrics.csv, curve.svg")
        ->required();
    sub->add_option("--recipe", command->recipe, "paper (the released code's) or best (ours)")
        ->check(CLI::IsMember({"paper", "best"}))
        ->capture_default_str();
    sub->add_flag("--resume", command->options.resume, "Go on where the run in --output stopped");
    sub->add_option("--from", command->options.initialModel, "Weights to begin with instead of random ones");
    sub->add_option("--epochs", command->epochs, "Length of the run");
    sub->add_option("--batch", command->batch, "Pictures a step");
    sub->add_option("--input-size", command->inputSize, "Side of the network's input, for the whole run");
    sub->add_option("--sizes", command->sizes, "Progressive input size, such as 0:192,0.4:256");
    sub->add_option("--learning-rate", command->learningRate, "Highest learning rate");
    sub->add_option("--drawn", command->drawnShare, "Share of drawn pictures at the start, 0 to 1");
    sub->add_option("--drop-path", command->dropPath, "Probability that the last block is skipped");
    sub->add_option("--depths", command->depths, "VSS blocks of the four stages, such as 2 2 9 2")
        ->expected(4);
    sub->add_option("--taps", command->taps,
                    "stage-inputs (released code) or stage-outputs (the paper's drawing)")
        ->check(CLI::IsMember({"stage-inputs", "stage-outputs"}));
    sub->add_option("--device", command->options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    sub->add_option("--seed", command->options.seed, "Same seed, same result on one device")
        ->capture_default_str();
    sub->add_option("--workers", command->options.workers, "Threads that prepare batches; 0: chosen");
    sub->add_option("--minutes", command->options.timeLimitMinutes, "Stop after this long; --resume goes on");
    sub->add_option("--validate-every", command->options.validateEvery, "Epochs between validations")
        ->capture_default_str();
    sub->add_flag("--no-holdout", command->everything, "Train on the held-out tenth too; no validation");
    sub->callback([command, &chosen] { chosen = [command] { return runTraining(*command); }; });
}

} // namespace limn
