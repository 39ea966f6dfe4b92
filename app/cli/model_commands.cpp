// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli model list, info and convert, and limn-cli devices.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/option_help.h"
#include "app/models/model_lookup.h"
#include "inference/engine.h"
#include "inference/plain/checkpoint.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <memory>
#include <system_error>

namespace limn {

namespace {

std::string depthsText(const std::vector<int>& depths) {
    std::string text;
    for (int depth : depths)
        text += (text.empty() ? "" : ", ") + std::to_string(depth);
    return text;
}

std::string millions(std::int64_t count) {
    char text[64];
    std::snprintf(text, sizeof text, "%.2f million", static_cast<double>(count) / 1e6);
    return text;
}

int showModels(bool json) {
    nlohmann::json list = nlohmann::json::array();
    const std::vector<ModelFile> models = listModels();
    for (const ModelFile& model : models) {
        if (json)
            list.push_back({{"name", model.name}, {"path", model.path}});
        else
            printLine(model.name + "  " + model.path);
    }
    if (json) {
        printLine(list.dump(2));
    } else if (models.empty()) {
        printProblem("no model is installed; --model takes a .safetensors or .pth file.");
        return kExitFailed;
    }
    return kExitDone;
}

// What is shown of a file that no network can be loaded from is true, but it is no model.
int exitOf(const ModelInfo& info) {
    if (info.mismatch.empty())
        return kExitDone;
    return reportError({ErrorCode::CheckpointMismatch, {info.path, info.mismatch}});
}

int showModel(const std::string& nameOrFile, bool json) {
    Result<ModelFile> file = findModel(nameOrFile);
    if (!file)
        return reportError(file.error());
    Result<ModelInfo> info = readModelInfo(file->path);
    if (!info)
        return reportError(info.error());
    if (json) {
        nlohmann::json facts = nlohmann::json::object();
        for (const auto& [name, value] : info->facts)
            facts[name] = value;
        const nlohmann::json out = {{"name", info->identity.name},
                                    {"sha256", info->identity.sha256},
                                    {"path", info->path},
                                    {"depths", info->depths},
                                    {"input_channels", info->inputChannels},
                                    {"classes", info->classes},
                                    {"taps", info->taps},
                                    {"parameters", info->parameters},
                                    {"live_parameters", info->liveParameters},
                                    {"precision", info->precision},
                                    {"threshold", info->defaultThreshold},
                                    {"facts", facts},
                                    {"mismatch", info->mismatch}};
        printLine(out.dump(2));
        return exitOf(*info);
    }
    printLine("Name:        " + info->identity.name);
    printLine("File:        " + info->path);
    printLine("SHA-256:     " + info->identity.sha256);
    printLine("Network:     VM-UNetV2, depths " + depthsText(info->depths) + ", taps " + info->taps);
    printLine("Input:       " + std::to_string(info->inputChannels) + " channels");
    printLine("Classes:     " + std::to_string(info->classes));
    printLine("Parameters:  " + millions(info->parameters) + " stored as " + info->precision + ", " +
              millions(info->liveParameters) + " reach the output");
    char threshold[64];
    std::snprintf(threshold, sizeof threshold, "Threshold:   %g",
                  static_cast<double>(info->defaultThreshold));
    printLine(threshold);
    for (const auto& [name, value] : info->facts)
        printLine("  " + name + ": " + value);
    return exitOf(*info);
}

int convertModel(const std::string& in, const std::string& out, const std::string& precision, bool json) {
    if (!out.ends_with(".safetensors"))
        return reportError({ErrorCode::InvalidArgument, {"The file to write", out, "NAME.safetensors"}});
    Result<ModelFile> file = findModel(in);
    if (!file)
        return reportError(file.error());
    Result<TensorFile> full = readCheckpoint(file->path);
    if (!full)
        return reportError(full.error());
    Result<NetworkConfig> config = configOf(*full);
    if (!config)
        return reportError(config.error());
    const StoredPrecision stored = precision == "fp16" ? StoredPrecision::F16 : StoredPrecision::F32;
    Result<TensorFile> packed = packForShipping(*full, *config, stored, full->metadata);
    if (!packed)
        return reportError(packed.error());
    if (Result<void> written = writeSafetensors(out, *packed); !written)
        return reportError(written.error());
    Result<ModelInfo> info = readModelInfo(out);
    if (!info)
        return reportError(info.error());
    if (json) {
        std::error_code unknown;
        const std::uintmax_t bytes = std::filesystem::file_size(out, unknown);
        const nlohmann::json figures = {
            {"path", info->path},
            {"sha256", info->identity.sha256},
            {"bytes", unknown ? nlohmann::json() : nlohmann::json(bytes)},
            {"tensors", packed->tensors.size()},
            {"parameters", info->parameters},
            {"precision", info->precision},
        };
        printLine(figures.dump(2));
        return kExitDone;
    }
    printLine(out + ": " + std::to_string(packed->tensors.size()) + " tensors, " +
              millions(info->parameters) + " parameters as " + info->precision + ", SHA-256 " +
              info->identity.sha256);
    return kExitDone;
}

int showDevices(bool json) {
    nlohmann::json list = nlohmann::json::array();
    for (const DeviceInfo& device : listDevices()) {
        if (json) {
            list.push_back({{"id", device.id},
                            {"name", device.name},
                            {"usable", device.usable},
                            {"reason", device.reason},
                            {"memory_bytes", device.memoryBytes}});
            continue;
        }
        std::string line = device.id + "  " + device.name;
        if (device.memoryBytes > 0) {
            char memory[64];
            std::snprintf(memory, sizeof memory, ", %.1f GB", static_cast<double>(device.memoryBytes) / 1e9);
            line += memory;
        }
        if (!device.usable)
            line += (device.name.empty() ? "cannot be used: " : ", cannot be used: ") + device.reason;
        printLine(line);
    }
    if (json)
        printLine(list.dump(2));
    return kExitDone;
}

} // namespace

void addModelCommands(CLI::App& program, ChosenCommand& chosen) {
    struct State {
        std::string in;
        std::string out;
        std::string precision = "fp16";
        bool json = false;
    };
    auto state = std::make_shared<State>();
    CLI::App* model = program.add_subcommand("model", "Show and convert models");
    model->require_subcommand(1);

    CLI::App* list = model->add_subcommand("list", "The models that are known by name");
    list->add_flag("--json", state->json, "Print JSON");
    list->callback([state, &chosen] { chosen = [state] { return showModels(state->json); }; });

    CLI::App* info = model->add_subcommand("info", "What a model file holds");
    info->add_option("file", state->in, "Name of a model, or a .safetensors or .pth file")
        ->required()
        ->type_name("NAME|FILE");
    info->add_flag("--json", state->json, "Print JSON");
    info->callback([state, &chosen] { chosen = [state] { return showModel(state->in, state->json); }; });

    CLI::App* convert =
        model->add_subcommand("convert", "Write a model as .safetensors, with only what reaches the output");
    convert->add_option("in", state->in, "A .pth or .safetensors file, or the name of a model")
        ->required()
        ->type_name("IN");
    convert->add_option("out", state->out, "The .safetensors file to write")->required()->type_name("OUT");
    convert->add_option("--precision", state->precision, "How numbers are stored")
        ->check(oneOf({"fp16", "fp32"}))
        ->capture_default_str();
    convert->add_flag("--json", state->json, "Print JSON");
    convert->callback([state, &chosen] {
        chosen = [state] { return convertModel(state->in, state->out, state->precision, state->json); };
    });
}

void addDevicesCommand(CLI::App& program, ChosenCommand& chosen) {
    auto json = std::make_shared<bool>(false);
    CLI::App* devices = program.add_subcommand("devices", "Processors and GPUs that the network can run on");
    devices->add_flag("--json", *json, "Print JSON");
    devices->callback([json, &chosen] { chosen = [json] { return showDevices(*json); }; });
}

} // namespace limn
