// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli train: reads the pairs, or a project's accepted annotations, says which are unusable before
// anything begins, and shows how training goes. After training on a project it compares old and new weights.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/engine_options.h"
#include "app/cli/evaluation.h"
#include "app/cli/option_help.h"
#include "app/cli/passive_waiting.h"
#include "app/cli/project_training.h"
#include "app/models/model_lookup.h"
#include "inference/training/train.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <unistd.h>

namespace limn {

namespace {

// Pictures are kept in memory at most this much larger than the network's input.
constexpr double kSpareForZoom = 1.25;

// Fine-tuning on a project: few images, weights that are good already.
constexpr int kTuningEpochs = 30;
constexpr int kTuningBatch = 16;
constexpr double kTuningRate = 1e-4;
constexpr double kTuningAveraging = 0.99;
constexpr double kTuningDropPath = 0.1;
constexpr double kTuningWarmUpSteps = 50;
constexpr double kTuningWarmUpShare = 0.1; // of the run at most: small projects have few steps

constexpr std::size_t kProblemsShown = 50;

struct TrainCommand {
    std::vector<std::string> images;
    std::vector<std::string> masks;
    std::string project;
    std::string recipe = "best";
    int epochs = 0;
    int batch = 0;
    int inputSize = 0;
    double learningRate = 0.0;
    double drawnShare = -1.0;
    double dropPath = -1.0;
    double pasted = -1.0;
    double calmFrom = -1.0;
    double pooledDice = -1.0;
    std::string sizes;
    std::vector<int> depths;
    std::string taps;
    bool everything = false;
    bool json = false;
    TrainOptions options;
};

// What is told on the way. With --json standard output is for the figures alone.
void tell(const std::string& text, bool json) {
    if (json)
        std::fprintf(stderr, "%s\n", text.c_str());
    else
        printLine(text);
}

class ConsoleObserver : public TrainObserver {
public:
    ConsoleObserver(bool hasValidation, bool json) : m_hasValidation(hasValidation), m_json(json) {}
    void progress(const TrainProgress& p) override {
        char line[256];
        if (p.validated) {
            char scores[128] = "";
            if (m_hasValidation)
                std::snprintf(scores, sizeof scores, "  validation dsc %.4f miou %.4f loss %.4f%s",
                              p.scores.dsc, p.scores.miou, p.scores.loss, p.isBest ? " (best)" : "");
            // After the last one nothing is left.
            const std::string left = p.epoch < p.epochs ? "  " + durationText(p.secondsLeft) + " left" : "";
            std::snprintf(line, sizeof line, "epoch %d/%d  loss %.4f%s  %s  device idle %.0f %%%s", p.epoch,
                          p.epochs, p.loss, scores, speedText(p.imagesPerSecond).c_str(),
                          100.0 * p.deviceIdleShare, left.c_str());
            tell(line, m_json);
        } else if (isatty(STDERR_FILENO) != 0) {
            std::fprintf(stderr, "\rstep %lld  size %d  loss %.4f  rate %.2e  %s  %s left   ",
                         static_cast<long long>(p.step), p.inputSize, p.loss, p.learningRate,
                         speedText(p.imagesPerSecond).c_str(), durationText(p.secondsLeft).c_str());
        }
    }
    bool stopAsked() const override { return interruptToken().cancelled(); }

private:
    bool m_hasValidation; // otherwise there is no score to show
    bool m_json;
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
            if (interruptToken().cancelled())
                return;
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

// Weights to begin with by name or file, with the network that they are of.
Result<void> beginFrom(const TrainCommand& command, TrainOptions& options) {
    const Result<ModelFile> model = findModel(command.options.initialModel);
    if (!model)
        return model.error();
    const Result<TensorFile> file = readCheckpoint(model->path, Contents::NamesAndShapes);
    if (!file)
        return file.error();
    const Result<NetworkConfig> config = configOf(*file);
    if (!config)
        return config.error();
    options.initialModel = model->path;
    options.config = *config;
    return {};
}

Result<TrainOptions> optionsOf(const TrainCommand& command) {
    TrainOptions options = recipeOptions(command.recipe == "paper" ? Recipe::Paper : Recipe::Best);
    if (!command.project.empty()) {
        options.epochs = kTuningEpochs;
        options.batch = kTuningBatch;
        options.learningRate = kTuningRate;
        options.averaging = kTuningAveraging;
        options.dropPath = kTuningDropPath;
        options.warmUpSteps = kTuningWarmUpSteps;
        options.drawnShare = 0.0;
        options.sizeSchedule.clear();
    }
    options.outputFolder = command.options.outputFolder;
    options.resume = command.options.resume;
    if (!command.options.initialModel.empty())
        if (Result<void> begun = beginFrom(command, options); !begun)
            return begun.error();
    options.device = command.options.device;
    options.seed = command.options.seed;
    options.workers = command.options.workers;
    options.timeLimitMinutes = command.options.timeLimitMinutes;
    options.validateEvery = command.options.validateEvery;
    options.saveEverySeconds = command.options.saveEverySeconds;
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
    if (command.pasted >= 0.0)
        options.augmentation.pasteProbability = command.pasted;
    if (command.calmFrom >= 0.0)
        options.calmFrom = command.calmFrom;
    if (command.pooledDice >= 0.0)
        options.pooledDice = command.pooledDice;
    if (command.depths.size() == 4)
        options.config.depths = command.depths;
    if (command.taps == "stage-outputs")
        options.config.taps = Taps::StageOutputs;
    return options;
}

// As many as are useful to read; the rest by number.
void printProblems(const std::vector<std::string>& problems) {
    for (std::size_t i = 0; i < problems.size() && i < kProblemsShown; ++i)
        printProblem(problems[i]);
    if (problems.size() > kProblemsShown)
        printProblem("and " + std::to_string(problems.size() - kProblemsShown) + " more are left out.");
}

// The longer side that pictures are kept at in memory.
int longestKept(const TrainOptions& options) {
    int largest = options.inputSize;
    for (const auto& [from, size] : options.sizeSchedule)
        largest = std::max(largest, size);
    return static_cast<int>(largest * kSpareForZoom);
}

Result<TrainReport> trainShowing(const TrainingSet& set, const TrainOptions& options, bool json) {
    ConsoleObserver observer(!set.validation.empty(), json);
    Result<TrainReport> report = train(set, options, observer);
    if (!report)
        return report;
    char line[256];
    std::snprintf(line, sizeof line, "%s after %d epochs, %s in all on %s: %s, device idle %.1f %%.",
                  report->finished ? "Finished" : "Stopped", report->epochsDone,
                  durationText(report->seconds).c_str(), report->device.c_str(),
                  speedText(report->imagesPerSecond).c_str(), 100.0 * report->deviceIdleShare);
    std::string text = line;
    if (!set.validation.empty() && report->bestEpoch > 0) {
        std::snprintf(line, sizeof line, " Best: epoch %d, dsc %.4f, miou %.4f.", report->bestEpoch,
                      report->best.dsc, report->best.miou);
        text += line;
    }
    tell(text, json);
    if (!report->finished)
        tell("State: " + report->lastPath + "; go on with --resume", json);
    return report;
}

nlohmann::ordered_json figuresOf(const TrainReport& report, const TrainingSet& set,
                                 const TrainOptions& options, const std::vector<std::string>& problems) {
    nlohmann::ordered_json figures = {
        {"finished", report.finished},
        {"epochs_done", report.epochsDone},
        {"epochs", options.epochs},
        {"batch", options.batch},
        {"training", set.training.size()},
        {"validation", set.validation.size()},
        {"left_out", problems},
        {"seconds", report.seconds},
        {"images_per_second", report.imagesPerSecond},
        {"device", report.device},
        {"device_idle_share", report.deviceIdleShare},
    };
    if (!set.validation.empty() && report.bestEpoch > 0)
        figures["best"] = {{"epoch", report.bestEpoch},
                           {"dsc", report.best.dsc},
                           {"miou", report.best.miou},
                           {"loss", report.best.loss}};
    if (!report.finished)
        figures["state"] = report.lastPath;
    return figures;
}

void printFigures(const nlohmann::ordered_json& figures) {
    printLine(figures.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
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
    Loaded loaded = loadPairs(pairs, longestKept(*options));
    if (interruptToken().cancelled())
        return reportError(Error{ErrorCode::Cancelled, {"Reading the pairs"}});
    problems.insert(problems.end(), loaded.problems.begin(), loaded.problems.end());
    for (const std::string& problem : problems)
        printProblem(problem);

    TrainingSet set;
    for (TrainingSample& sample : loaded.samples)
        (!command.everything && isHeldOut(sample.name) ? set.validation : set.training)
            .push_back(std::move(sample));
    tell(std::to_string(set.training.size()) + " pairs to train on, " +
             std::to_string(set.validation.size()) + " held out, " + std::to_string(problems.size()) +
             " left out. Recipe " + command.recipe + ", " + std::to_string(options->epochs) +
             " epochs of batch " + std::to_string(options->batch) + ".",
         command.json);

    const Result<TrainReport> report = trainShowing(set, *options, command.json);
    if (!report)
        return reportError(report.error());
    if (report->bestEpoch > 0)
        tell("Weights: " + report->bestPath, command.json);
    if (command.json) {
        nlohmann::ordered_json figures = figuresOf(*report, set, *options, problems);
        if (report->bestEpoch > 0)
            figures["weights"] = report->bestPath;
        printFigures(figures);
    }
    return interruptToken().cancelled() ? kExitCancelled : kExitDone;
}

// At the input size that proposals are made at, whatever the training's was: the comparison is of what
// people will see.
Result<Evaluation> evaluateModel(const std::string& model, const std::string& device,
                                 const std::vector<EvaluationPair>& pairs) {
    EngineChoice choice;
    choice.model = model;
    choice.engine.device = device;
    Result<std::unique_ptr<Engine>> engine = loadEngine(choice);
    if (!engine)
        return engine.error();
    ProgressBar bar(pairs.size(), "images");
    Evaluation evaluation =
        evaluatePairs(**engine, pairs, static_cast<double>((*engine)->model().defaultThreshold),
                      pipelineOptions(choice, **engine), interruptToken(),
                      [&bar](std::size_t done, std::size_t failed) { bar.show(done, failed); });
    bar.wipe();
    if (evaluation.cancelled)
        return Error{ErrorCode::Cancelled, {"The comparison"}};
    return evaluation;
}

// Under its final name whole or not at all.
Result<void> copyWhole(const std::filesystem::path& from, const std::filesystem::path& to) {
    const std::filesystem::path part = to.string() + ".part";
    std::error_code failure;
    std::filesystem::copy_file(from, part, std::filesystem::copy_options::overwrite_existing, failure);
    if (!failure)
        std::filesystem::rename(part, to, failure);
    if (!failure)
        return {};
    std::error_code ignored;
    std::filesystem::remove(part, ignored);
    return Error{ErrorCode::FileNotWritable, {to.string(), failure.message()}};
}

struct ProjectData {
    TrainingSet set;
    std::vector<EvaluationPair> compared; // masks written into the run's folder
    std::vector<std::string> problems;
};

Result<ProjectData> readProject(const TrainCommand& command, const TrainOptions& options) {
    StoreOptions storeOptions;
    storeOptions.create = false;
    storeOptions.readOnly = true;
    Result<std::unique_ptr<ProjectStore>> store = ProjectStore::open(command.project, storeOptions);
    if (!store)
        return store.error();
    const auto goOn = [] { return !interruptToken().cancelled(); };
    Result<AcceptedImages> accepted = acceptedImages(**store, goOn);
    if (!accepted)
        return accepted.error();
    ProjectData data;
    data.problems = std::move(accepted->problems);
    const std::size_t compared = accepted->count(TrainingPart::Comparing);
    if (compared < kLeastCompared)
        return Error{ErrorCode::InvalidArgument,
                     {"The project " + command.project,
                      std::to_string(accepted->images.size()) + " usable accepted images, of which " +
                          std::to_string(compared) + " are held out to compare old and new weights",
                      "at least " + std::to_string(kLeastCompared) + " held out, about " +
                          std::to_string(5 * kLeastCompared) + " accepted"}};
    const std::filesystem::path folder = std::filesystem::path(options.outputFolder) / "held-out";
    std::error_code failure;
    std::filesystem::create_directories(folder, failure);
    if (failure)
        return Error{ErrorCode::FileNotWritable, {folder.string(), failure.message()}};
    for (const AcceptedImage& item : accepted->images) {
        if (!goOn())
            return Error{ErrorCode::Cancelled, {"Reading the project"}};
        const Result<LabelMap> mask = acceptedMask(**store, item);
        if (!mask)
            return mask.error();
        if (item.part == TrainingPart::Comparing) {
            const std::string path = (folder / (item.sha256 + "_mask.png")).string();
            if (Result<void> written = writeMask(path, *mask); !written)
                return written.error();
            data.compared.push_back({item.path, path, item.name});
            continue;
        }
        const Result<Image> image = readImage(item.path);
        if (!image) {
            data.problems.push_back(image.error().message());
            continue;
        }
        if (image->size != mask->size) {
            data.problems.push_back(item.path + " and its annotation differ in size.");
            continue;
        }
        (item.part == TrainingPart::Choosing ? data.set.validation : data.set.training)
            .push_back(shrunkForTraining(item.name, *image, *mask, longestKept(options)));
    }
    return data;
}

int runProjectTraining(const TrainCommand& command) {
    if (command.options.initialModel.empty()) {
        printProblem("--project needs --from: the model whose weights are to learn more.");
        return kExitUsage;
    }
    Result<TrainOptions> options = optionsOf(command);
    if (!options)
        return reportError(options.error());
    Result<ProjectData> data = readProject(command, *options);
    if (!data)
        return reportError(data.error());
    printProblems(data->problems);
    // Small projects: a step takes what there is.
    options->batch = std::clamp(static_cast<int>(data->set.training.size()), 1, options->batch);
    const std::size_t stepsPerEpoch = std::max<std::size_t>(1, data->set.training.size() / options->batch);
    options->warmUpSteps = std::min(
        kTuningWarmUpSteps, kTuningWarmUpShare * static_cast<double>(stepsPerEpoch) * options->epochs);
    options->facts["tuned_from"] = std::filesystem::path(options->initialModel).stem().string();
    tell(std::to_string(data->set.training.size()) + " accepted images to train on, " +
             std::to_string(data->set.validation.size()) + " to choose the epoch, " +
             std::to_string(data->compared.size()) + " to compare old and new weights, " +
             std::to_string(data->problems.size()) + " left out. " + std::to_string(options->epochs) +
             " epochs of batch " + std::to_string(options->batch) + ".",
         command.json);

    // An earlier offer does not outlive a new run.
    const std::filesystem::path offered = std::filesystem::path(options->outputFolder) / "tuned.safetensors";
    std::error_code ignored;
    std::filesystem::remove(offered, ignored);
    const Result<TrainReport> report = trainShowing(data->set, *options, command.json);
    if (!report)
        return reportError(report.error());
    nlohmann::ordered_json figures = figuresOf(*report, data->set, *options, data->problems);
    figures["compared"] = data->compared.size();
    if (!report->finished) {
        if (command.json)
            printFigures(figures);
        return interruptToken().cancelled() ? kExitCancelled : kExitDone;
    }

    const Result<Evaluation> before = evaluateModel(options->initialModel, options->device, data->compared);
    if (!before)
        return reportError(before.error());
    const Result<Evaluation> after = evaluateModel(report->bestPath, options->device, data->compared);
    if (!after)
        return reportError(after.error());
    const ComparisonVerdict verdict = judge(*before, *after);
    if (Result<void> written = writeComparison(options->outputFolder, *before, *after, verdict); !written)
        return reportError(written.error());
    tell(comparisonTable(*before, *after), command.json);
    if (verdict.isOffered) {
        if (Result<void> copied = copyWhole(report->bestPath, offered); !copied)
            return reportError(copied.error());
        tell(verdict.sentence + " Weights: " + offered.string(), command.json);
        figures["weights"] = offered.string();
    } else {
        printProblem(verdict.sentence);
    }
    if (command.json) {
        figures["comparison"] = nlohmann::ordered_json::parse(comparisonJson(*before, *after, verdict));
        printFigures(figures);
    }
    return verdict.isOffered ? kExitDone : kExitFailed;
}

} // namespace

void addTrainCommand(CLI::App& program, ChosenCommand& chosen) {
    const auto command = std::make_shared<TrainCommand>();
    CLI::App* sub = program.add_subcommand("train", "Train the network on images with their true masks");
    CLI::Option* images =
        sub->add_option("--images", command->images, "Folder of images; may be given several times")
            ->type_name("DIR");
    CLI::Option* masks =
        sub->add_option("--masks", command->masks, "Folder of their masks, in the same order")
            ->type_name("DIR")
            ->needs(images);
    images->needs(masks);
    sub->add_option("--project", command->project,
                    "Learn from the accepted annotations of this .limn file instead; needs --from")
        ->type_name("FILE")
        ->excludes(images)
        ->excludes(masks);
    sub->add_option("--output", command->options.outputFolder,
                    "Folder of the run: best.safetensors, last/ (to go on from), metrics.csv, curve.svg")
        ->type_name("DIR")
        ->required();
    sub->add_option("--recipe", command->recipe, "paper (the released code's) or best (ours)")
        ->check(oneOf({"paper", "best"}))
        ->capture_default_str();
    sub->add_flag("--resume", command->options.resume, "Go on where the run in --output stopped");
    sub->add_option("--from", command->options.initialModel,
                    "Name or file of the weights to begin with instead of random ones")
        ->type_name("NAME|FILE");
    sub->add_option("--epochs", command->epochs, "Length of the run")->type_name("NUMBER");
    sub->add_option("--batch", command->batch, "Pictures a step")->type_name("NUMBER");
    sub->add_option("--input-size", command->inputSize, "Side of the network's input, for the whole run")
        ->type_name("PIXELS");
    sub->add_option("--sizes", command->sizes, "Progressive input size, such as 0:192,0.4:256")
        ->type_name("LIST");
    sub->add_option("--learning-rate", command->learningRate, "Highest learning rate")->type_name("NUMBER");
    sub->add_option("--drawn", command->drawnShare, "Share of drawn pictures at the start")
        ->type_name("0..1");
    sub->add_option("--drop-path", command->dropPath, "Probability that the last block is skipped")
        ->type_name("0..1");
    sub->add_option("--paste", command->pasted, "Probability that another picture's marked area is pasted in")
        ->type_name("0..1");
    sub->add_option("--calm-from", command->calmFrom,
                    "Share of the run after which pictures are changed little")
        ->type_name("0..1");
    sub->add_option("--pooled-dice", command->pooledDice, "Share of the Dice loss over all pixels of a batch")
        ->type_name("0..1");
    sub->add_option("--depths", command->depths, "VSS blocks of the four stages, such as 2 2 9 2")
        ->type_name("NUMBER")
        ->expected(4);
    sub->add_option("--taps", command->taps,
                    "stage-inputs (released code) or stage-outputs (the paper's drawing)")
        ->check(oneOf({"stage-inputs", "stage-outputs"}));
    sub->add_option("--device", command->options.device, "auto, cpu, cuda or cuda:N")
        ->type_name("DEVICE")
        ->capture_default_str();
    sub->add_option("--seed", command->options.seed, "Same seed, same result on one device")
        ->type_name("NUMBER")
        ->capture_default_str();
    sub->add_option("--workers", command->options.workers, "Threads that prepare batches; 0: chosen")
        ->type_name("NUMBER");
    sub->add_option("--minutes", command->options.timeLimitMinutes, "Stop after this long; --resume goes on")
        ->type_name("NUMBER");
    sub->add_option("--validate-every", command->options.validateEvery, "Epochs between validations")
        ->type_name("NUMBER")
        ->capture_default_str();
    sub->add_option("--save-every", command->options.saveEverySeconds,
                    "Least seconds between two states in last/; 0: one after each validation")
        ->type_name("NUMBER")
        ->capture_default_str();
    sub->add_flag("--json", command->json, "Figures as JSON; what happens on the way goes to standard error");
    sub->add_flag("--no-holdout", command->everything, "Train on the held-out tenth too; no validation");
    sub->callback([command, &chosen] {
        if (command->project.empty() && command->images.empty())
            throw CLI::RequiredError("--images with --masks, or --project,");
        chosen = [command] {
            waitWithoutSpinning();
            return command->project.empty() ? runTraining(*command) : runProjectTraining(*command);
        };
    });
}

} // namespace limn
