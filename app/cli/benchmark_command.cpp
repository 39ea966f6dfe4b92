// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli benchmark: how fast the network runs here, as a table or as JSON.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/option_help.h"
#include "app/cli/passive_waiting.h"
#include "app/models/model_lookup.h"
#include "inference/benchmark.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

namespace limn {

namespace {

struct BenchmarkCommand {
    BenchmarkOptions options;
    bool all = false;
    bool json = false;
};

nlohmann::json jsonOf(const Times& times) {
    return {{"median_ms", times.medianMs}, {"minimum_ms", times.minimumMs}, {"maximum_ms", times.maximumMs}};
}

nlohmann::json jsonOf(const BenchmarkReport& r) {
    nlohmann::json stages = nlohmann::json::array();
    for (const StageScan& stage : r.stages)
        stages.push_back({{"length", stage.length},
                          {"channels", stage.channels},
                          {"blocks", stage.blocks},
                          {"forward", jsonOf(stage.forward)}});
    nlohmann::json out = {{"device", r.device},
                          {"precision", r.precision},
                          {"batch", r.batch},
                          {"input_size", r.inputSize},
                          {"network", jsonOf(r.network)},
                          {"without_scan", jsonOf(r.withoutScan)},
                          {"products_alone", jsonOf(r.productsAlone)},
                          {"scans_alone", jsonOf(r.scansAlone)},
                          {"scan_stages", stages},
                          {"images_per_second", r.imagesPerSecond},
                          {"peak_memory_bytes", r.peakMemoryBytes},
                          {"multiply_adds", r.multiplyAdds},
                          {"scan_states", r.scanStates}};
    if (r.threads > 0) {
        out["threads"] = r.threads;
        out["instruction_set"] = r.instructionSet;
    }
    if (r.trainingStep.medianMs > 0.0) {
        out["training_forward"] = jsonOf(r.trainingForward);
        out["training_forward_backward"] = jsonOf(r.forwardBackward);
        out["training_step"] = jsonOf(r.trainingStep);
        out["training_peak_memory_bytes"] = r.trainingPeakMemoryBytes;
    }
    for (const SizeTimes& size : r.scaling)
        out["scaling"].push_back({{"input_size", size.inputSize},
                                  {"network", jsonOf(size.network)},
                                  {"times_this_size", size.network.medianMs / r.network.medianMs},
                                  {"peak_memory_bytes", size.peakMemoryBytes}});
    if (r.sequentialScanMs > 0.0)
        out["sequential_scan_ms"] = r.sequentialScanMs;
    if (!r.recordingFailure.empty())
        out["recording_failure"] = r.recordingFailure;
    if (r.exponentialLimitMs > 0.0)
        out["exponential_limit_ms"] = r.exponentialLimitMs;
    if (r.memoryLimitMs > 0.0) {
        out["bytes"] = r.bytes;
        out["memory_limit_ms"] = r.memoryLimitMs;
    }
    return out;
}

void printRow(const char* name, const Times& times) {
    char line[160];
    std::snprintf(line, sizeof line, "  %-34s %10.3f %10.3f %10.3f", name, times.medianMs, times.minimumMs,
                  times.maximumMs);
    printLine(line);
}

void printText(const char* format, double a, double b = 0.0) {
    char line[200];
    std::snprintf(line, sizeof line, format, a, b);
    printLine(line);
}

// Of the right thing: on the processor there is no other account than the process's.
std::string memoryText(const BenchmarkReport& r, std::int64_t bytes) {
    char text[80];
    std::snprintf(text, sizeof text, "%s %.2f GB",
                  r.threads > 0 ? "peak memory of the process" : "peak memory",
                  static_cast<double>(bytes) / 1e9);
    return text;
}

void printTable(const BenchmarkReport& r) {
    std::string title = "VM-UNetV2 on " + r.device + ", " + r.precision;
    if (r.threads > 0)
        title += r.threads == 1 ? ", on 1 thread" : ", on " + std::to_string(r.threads) + " threads";
    printLine(title + ", batch " + std::to_string(r.batch) + ", " + std::to_string(r.inputSize) + " x " +
              std::to_string(r.inputSize));
    if (!r.recordingFailure.empty())
        printLine("  Runs could not be recorded as a graph (" + r.recordingFailure +
                  "); each kernel was started by itself.");
    printLine("  ms                                     median    minimum    maximum");
    printRow("whole network", r.network);
    printRow("the same without the scan", r.withoutScan);
    printRow("its products and convolutions alone", r.productsAlone);
    printRow("its scans alone", r.scansAlone);
    for (const StageScan& stage : r.stages) {
        const std::string name = "  one scan of " + std::to_string(stage.length) + " x " +
                                 std::to_string(stage.channels) + " (" + std::to_string(stage.blocks) +
                                 " blocks)";
        printRow(name.c_str(), stage.forward);
    }
    if (r.trainingStep.medianMs > 0.0) {
        printRow("training: forward", r.trainingForward);
        printRow("training: forward and backward", r.forwardBackward);
        printRow("training: step with AdamW", r.trainingStep);
        printText("  training: forward and backward / forward: %.2f",
                  r.forwardBackward.medianMs / r.trainingForward.medianMs);
        printLine("  training: " + speedText(1000.0 * r.batch / r.trainingStep.medianMs) + ", " +
                  memoryText(r, r.trainingPeakMemoryBytes));
    }
    printLine("  " + speedText(r.imagesPerSecond) + ", " + memoryText(r, r.peakMemoryBytes));
    printText("  whole / without scan: %.2f; without scan / products alone: %.2f",
              r.network.medianMs / r.withoutScan.medianMs, r.withoutScan.medianMs / r.productsAlone.medianMs);
    for (const SizeTimes& size : r.scaling) {
        char line[160];
        std::snprintf(line, sizeof line, "  %d x %d: %.0f ms, %.2f times as long, %s", size.inputSize,
                      size.inputSize, size.network.medianMs, size.network.medianMs / r.network.medianMs,
                      memoryText(r, size.peakMemoryBytes).c_str());
        printLine(line);
    }
    if (r.sequentialScanMs > 0.0)
        printText("  the scan step after step (one image): %.0f ms, %.0f times this scan", r.sequentialScanMs,
                  r.sequentialScanMs * r.batch / r.scansAlone.medianMs);
    printText("  roofline: %.2f billion multiply-adds, %.0f million scan states", r.multiplyAdds / 1e9,
              r.scanStates / 1e6);
    if (r.exponentialLimitMs > 0.0)
        printText("  exponentials at the special-function rate: %.3f ms, %.0f %% of the scans' time",
                  r.exponentialLimitMs, 100.0 * r.exponentialLimitMs / r.scansAlone.medianMs);
    if (r.memoryLimitMs > 0.0) {
        printText("  %.2f GB between the steps: %.3f ms at the memory's rate", r.bytes / 1e9,
                  r.memoryLimitMs);
        printText("  share of the limit: %.0f %% of the exponentials' and the memory's time together",
                  100.0 * (r.memoryLimitMs + r.exponentialLimitMs) / r.network.medianMs);
    }
}

int runBenchmark(BenchmarkCommand& command) {
    if (command.options.training)
        waitWithoutSpinning();
    if (!command.options.model.empty()) {
        const Result<ModelFile> model = findModel(command.options.model);
        if (!model)
            return reportError(model.error());
        command.options.model = model->path;
    }
    std::vector<BenchmarkOptions> runs(1, command.options);
    if (command.all) {
        runs.clear();
        for (const auto& [batch, training] :
             {std::pair{1, false}, std::pair{32, false}, std::pair{80, true}}) {
            runs.push_back(command.options);
            runs.back().batch = batch;
            runs.back().training = training;
        }
    }
    nlohmann::json all = nlohmann::json::array();
    for (const BenchmarkOptions& options : runs) {
        const Result<BenchmarkReport> report = benchmark(options);
        if (!report)
            return reportError(report.error());
        if (command.json)
            all.push_back(jsonOf(*report));
        else
            printTable(*report);
    }
    if (command.json)
        printLine((command.all ? all : all.front()).dump(2));
    return kExitDone;
}

} // namespace

void addBenchmarkCommand(CLI::App& program, ChosenCommand& chosen) {
    const auto command = std::make_shared<BenchmarkCommand>();
    CLI::App* sub = program.add_subcommand("benchmark", "Time the network on this machine");
    sub->add_option("--device", command->options.device, "auto, cpu, cuda or cuda:N")
        ->type_name("DEVICE")
        ->capture_default_str();
    sub->add_option("--precision", command->options.precision,
                    "Numbers that a GPU computes with; auto is bf16")
        ->check(oneOf({"auto", "bf16", "tf32", "fp32"}))
        ->capture_default_str();
    sub->add_option("--batch", command->options.batch, "Images at once")
        ->type_name("NUMBER")
        ->capture_default_str();
    sub->add_option("--input-size", command->options.inputSize, "Side of the network's input")
        ->type_name("PIXELS")
        ->capture_default_str();
    sub->add_option("--runs", command->options.runs, "Counted runs")
        ->check(between(20, 1000000))
        ->capture_default_str();
    sub->add_option("--threads", command->options.threads, "Processor threads; 0: all")
        ->check(between(0, 1024))
        ->capture_default_str();
    sub->add_option("--model", command->options.model, "Model name or file; random weights without it")
        ->type_name("NAME|FILE");
    sub->add_flag("--training", command->options.training, "Also a training step at this batch");
    sub->add_flag("--all", command->all,
                  "One image, 32 images, and a training step of 80 images, one after the other")
        ->excludes("--batch")
        ->excludes("--training");
    sub->add_flag("--sequential", command->options.sequential,
                  "Processor: also the scan one step after the other, as its definition has it");
    sub->add_flag("--scaling", command->options.scaling,
                  "Processor: also the network at 2, 4 and 8 times the side, with the memory that it takes");
    sub->add_flag("--json", command->json, "Figures as JSON");
    sub->callback([command, &chosen] { chosen = [command] { return runBenchmark(*command); }; });
}

} // namespace limn
