// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli evaluate: options, the progress bar and the summary. The work is in evaluation.cpp and
// evaluation_report.cpp.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/engine_options.h"
#include "app/cli/evaluation.h"
#include "app/cli/evaluation_report.h"
#include "app/cli/option_help.h"
#include "io/images/atomic_file.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace limn {

namespace {

constexpr std::size_t kProblemsShown = 50;

struct EvaluateCommand {
    std::vector<std::string> images;
    std::vector<std::string> masks;
    EngineChoice choice;
    double threshold = -1.0;
    std::string json;
    std::string report;
};

void printFigure(const char* name, double value) {
    char line[128];
    std::snprintf(line, sizeof line, "  %-14s %.4f", name, value);
    printLine(line);
}

void printMean(const char* name, const MeanInterval& value) {
    char line[128];
    std::snprintf(line, sizeof line, "  %-14s %.4f  (%.4f to %.4f)", name, value.mean, value.low, value.high);
    printLine(line);
}

void printSummary(const Evaluation& evaluation) {
    printLine(std::to_string(evaluation.scored) + " images, " + evaluation.model.name + " on " +
              evaluation.device + ", all pixels at 256 x 256:");
    printFigure("miou", evaluation.paper.miou());
    printFigure("dsc", evaluation.paper.dsc());
    printFigure("accuracy", evaluation.paper.accuracy());
    printFigure("specificity", evaluation.paper.specificity());
    printFigure("sensitivity", evaluation.paper.sensitivity());
    printLine("Mean over images at full size, with its 95 % interval:");
    printMean("dice", evaluation.dice);
    printMean("iou", evaluation.iou);
    printMean("hd95 (pixels)", evaluation.hd95);
    printMean("boundary f", evaluation.boundaryF);
}

int evaluate(const EvaluateCommand& command) {
    if (command.images.size() != command.masks.size()) {
        printProblem(
            "give --masks as often as --images: the first folder of masks belongs to the first of images.");
        return kExitUsage;
    }
    PairedFiles files;
    for (std::size_t i = 0; i < command.images.size(); ++i) {
        Result<PairedFiles> more = pairMasks(command.images[i], command.masks[i]);
        if (!more)
            return reportError(more.error());
        files.pairs.insert(files.pairs.end(), more->pairs.begin(), more->pairs.end());
        files.imagesWithoutMask.insert(files.imagesWithoutMask.end(), more->imagesWithoutMask.begin(),
                                       more->imagesWithoutMask.end());
    }
    for (std::size_t i = 0; i < files.imagesWithoutMask.size() && i < kProblemsShown; ++i)
        printProblem("there is no mask for " + files.imagesWithoutMask[i]);
    if (files.imagesWithoutMask.size() > kProblemsShown)
        printProblem("and none for " + std::to_string(files.imagesWithoutMask.size() - kProblemsShown) +
                     " more.");

    Result<std::unique_ptr<Engine>> engine = loadEngine(command.choice);
    if (!engine)
        return reportError(engine.error());
    const double threshold = command.threshold >= 0.0
                                 ? command.threshold
                                 : static_cast<double>((*engine)->model().defaultThreshold);

    ProgressBar bar(files.pairs.size(), "images");
    const Evaluation evaluation = evaluatePairs(
        **engine, files.pairs, threshold, pipelineOptions(command.choice, **engine), interruptToken(),
        [&bar](std::size_t done, std::size_t failed) { bar.show(done, failed); });
    bar.wipe();
    if (evaluation.cancelled)
        return reportError(Error{ErrorCode::Cancelled, {"The evaluation"}});

    std::size_t failed = 0;
    for (const ImageEvaluation& image : evaluation.images) {
        if (image.error && ++failed <= kProblemsShown)
            printProblem(image.error->message());
    }
    printSummary(evaluation);
    if (!command.json.empty()) {
        const std::string text = evaluationJson(evaluation);
        if (Result<void> written = writeFileAtomically(
                command.json, {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
            !written)
            return reportError(written.error());
    }
    if (!command.report.empty()) {
        if (Result<void> written = writeEvaluationReport(command.report, evaluation, **engine); !written)
            return reportError(written.error());
        printLine("Report: " + command.report + "/index.html");
    }
    return failed == 0 && files.imagesWithoutMask.empty() ? kExitDone : kExitFailed;
}

} // namespace

void addEvaluateCommand(CLI::App& program, ChosenCommand& chosen) {
    auto state = std::make_shared<EvaluateCommand>();
    CLI::App* command = program.add_subcommand("evaluate", "Measure a model on images with true masks");
    command->add_option("--images", state->images, "Folder of images; may be given several times")
        ->required()
        ->type_name("DIR");
    command
        ->add_option("--masks", state->masks,
                     "Folder of their masks: same stem, also with _segmentation or _mask")
        ->required()
        ->type_name("DIR");
    addEngineOptions(*command, state->choice);
    command
        ->add_option("--threshold", state->threshold,
                     "Probability from which a pixel is inside; without it the model's own")
        ->check(between(0.0, 1.0));
    command->add_option("--json", state->json, "Write all figures to this file")->type_name("FILE");
    command->add_option("--report", state->report, "Write a page with charts and pictures into this folder")
        ->type_name("DIR");
    command->callback([state, &chosen] { chosen = [state] { return evaluate(*state); }; });
}

} // namespace limn
