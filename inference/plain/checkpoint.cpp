// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/checkpoint.h"

#include "inference/engine.h"
#include "inference/plain/byte_source.h"
#include "inference/plain/pickle_checkpoint.h"
#include "inference/plain/sha256.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>

namespace limn {

namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxInputChannels = 64;
constexpr int kMaxClasses = 255;
constexpr std::size_t kNamedMismatches = 20; // in one sentence; a whole network has hundreds of tensors
constexpr std::size_t kStages = 4;

std::string shapeText(const std::vector<std::int64_t>& shape) {
    std::string text = "[";
    for (std::size_t i = 0; i < shape.size(); ++i) {
        if (i > 0)
            text += ", ";
        text += std::to_string(shape[i]);
    }
    return text + "]";
}

// What data-parallel training puts before names, and what a profiler leaves behind.
Result<TensorFile> tidied(Result<TensorFile> read) {
    if (!read)
        return read;
    TensorFile& file = *read;
    std::unordered_set<std::string> names;
    std::vector<StoredTensor> kept;
    kept.reserve(file.tensors.size());
    for (StoredTensor& tensor : file.tensors) {
        constexpr std::string_view kParallel = "module.";
        while (tensor.name.starts_with(kParallel))
            tensor.name.erase(0, kParallel.size());
        const std::string last = tensor.name.substr(tensor.name.find_last_of('.') + 1);
        if (last == "total_ops" || last == "total_params")
            continue;
        if (!names.insert(tensor.name).second)
            return Error{ErrorCode::CheckpointInvalid,
                         {file.source, "the tensor " + shownName(tensor.name) + " is there twice"}};
        kept.push_back(std::move(tensor));
    }
    file.tensors = std::move(kept);
    return read;
}

enum class Format { Safetensors, Zip, OldPickle, Unknown };

Result<Format> formatOf(const ByteSource& source) {
    unsigned char head[10] = {};
    const std::size_t there = std::min<std::uint64_t>(source.size(), sizeof(head));
    if (Result<void> read = source.read(0, std::span(head).first(there)); !read)
        return read.error();
    if (head[0] == 'P' && head[1] == 'K')
        return Format::Zip;
    if (there == sizeof(head) && head[8] == '{')
        return Format::Safetensors;
    if (head[0] == 0x80 && head[1] >= 1 && head[1] <= 5 && head[2] >= 0x20)
        return Format::OldPickle;
    return Format::Unknown;
}

Error unknownFormat(const std::string& name) {
    return {ErrorCode::FormatUnknown,
            {name, "it is neither a .safetensors file nor a zip of PyTorch's torch.save"}};
}

std::optional<int> intFrom(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos)
            return parts;
        text.remove_prefix(at + 1);
    }
}

std::string joined(const std::vector<int>& numbers) {
    std::string text;
    for (const int number : numbers) {
        if (!text.empty())
            text += ',';
        text += std::to_string(number);
    }
    return text;
}

// Numbers S and B of "vmunet.layers.S.blocks.B.REST".
struct BlockPlace {
    int stage = 0;
    int block = 0;
};
std::optional<BlockPlace> blockPlaceOf(std::string_view name) {
    constexpr std::string_view kLayers = "vmunet.layers.";
    if (!name.starts_with(kLayers))
        return std::nullopt;
    const std::vector<std::string_view> parts = split(name.substr(kLayers.size()), '.');
    if (parts.size() < 4 || parts[1] != "blocks")
        return std::nullopt;
    const std::optional<int> stage = intFrom(parts[0]);
    const std::optional<int> block = intFrom(parts[2]);
    if (!stage || !block)
        return std::nullopt;
    return BlockPlace{*stage, *block};
}

// Collects specs in the order of the Python state dict: modules in the order of their creation, parameters of
// a module before those of its parts.
class SpecList {
public:
    std::vector<TensorSpec> specs;

    void add(const std::string& name, std::vector<std::int64_t> shape, bool isParameter = true) {
        specs.push_back({name, std::move(shape), isParameter});
    }
    void addAffine(const std::string& module, std::vector<std::int64_t> weight, std::int64_t bias) {
        add(module + ".weight", std::move(weight));
        add(module + ".bias", {bias});
    }
    void addNorm(const std::string& module, std::int64_t channels) {
        addAffine(module, {channels}, channels);
    }
    void addBatchNorm(const std::string& module, std::int64_t channels) {
        addNorm(module, channels);
        add(module + ".running_mean", {channels}, false);
        add(module + ".running_var", {channels}, false);
        add(module + ".num_batches_tracked", {}, false);
    }
    void addBlock(const std::string& block, std::int64_t channels, std::int64_t rank) {
        const std::int64_t inner = 2 * channels;
        constexpr std::int64_t kDirections = 4;
        addNorm(block + ".ln_1", channels);
        const std::string scan = block + ".self_attention";
        add(scan + ".x_proj_weight", {kDirections, rank + 2 * kStateSize, inner});
        add(scan + ".dt_projs_weight", {kDirections, inner, rank});
        add(scan + ".dt_projs_bias", {kDirections, inner});
        add(scan + ".A_logs", {kDirections * inner, kStateSize});
        add(scan + ".Ds", {kDirections * inner});
        add(scan + ".in_proj.weight", {2 * inner, channels});
        addAffine(scan + ".conv2d", {inner, 1, 3, 3}, inner);
        addNorm(scan + ".out_norm", inner);
        add(scan + ".out_proj.weight", {channels, inner});
    }
};

// The heads that only supervision of all four outputs wants.
bool isEarlyHead(std::string_view name) {
    return name.starts_with("seg_outs.0.") || name.starts_with("seg_outs.1.");
}

int depthOf(const NetworkConfig& config, std::size_t stage) {
    return stage < config.depths.size() ? config.depths[stage] : 0;
}

std::string ordinal(const char* module, std::size_t number) {
    return module + std::to_string(number);
}

} // namespace

std::string_view nameOf(Taps taps) {
    return taps == Taps::StageInputs ? "stage-inputs" : "stage-outputs";
}

std::vector<TensorSpec> expectedTensors(const NetworkConfig& config) {
    SpecList list;
    const std::int64_t classes = config.classes;
    for (std::size_t i = 0; i < kStages; ++i) {
        const std::int64_t channels = kStageChannels[i];
        const std::int64_t squeezed = channels / 16;
        list.add(ordinal("ca_", i + 1) + ".fc1.weight", {squeezed, channels, 1, 1});
        list.add(ordinal("ca_", i + 1) + ".fc2.weight", {channels, squeezed, 1, 1});
        list.add(ordinal("sa_", i + 1) + ".conv1.weight", {1, 2, 7, 7});
    }
    for (std::size_t i = 0; i < kStages; ++i) {
        const std::string layer = ordinal("Translayer_", i + 1);
        list.add(layer + ".conv.weight", {kDecoderChannels, kStageChannels[i], 1, 1});
        list.addBatchNorm(layer + ".bn", kDecoderChannels);
    }
    for (std::size_t i = 0; i < kStages; ++i) {
        for (std::size_t j = 0; j < kStages; ++j) {
            list.addAffine(ordinal("sdi_", i + 1) + ordinal(".convs.", j),
                           {kDecoderChannels, kDecoderChannels, 3, 3}, kDecoderChannels);
        }
    }
    for (std::size_t j = 0; j < kStages; ++j)
        list.addAffine(ordinal("seg_outs.", j), {classes, kDecoderChannels, 1, 1}, classes);
    for (std::size_t i = 2; i <= 5; ++i)
        list.add(ordinal("deconv", i) + ".weight", {kDecoderChannels, kDecoderChannels, 4, 4});
    list.addAffine("deconv6", {1, 1, 3, 3}, 1);

    list.addAffine("vmunet.patch_embed.proj", {kStageChannels[0], config.inputChannels, 4, 4},
                   kStageChannels[0]);
    list.addNorm("vmunet.patch_embed.norm", kStageChannels[0]);
    for (std::size_t s = 0; s < kStages; ++s) {
        const std::string layer = ordinal("vmunet.layers.", s);
        const std::int64_t channels = kStageChannels[s];
        for (int b = 0; b < depthOf(config, s); ++b)
            list.addBlock(layer + ".blocks." + std::to_string(b), channels, kStageRanks[s]);
        if (s + 1 < kStages) {
            list.add(layer + ".downsample.reduction.weight", {2 * channels, 4 * channels});
            list.addNorm(layer + ".downsample.norm", 4 * channels);
        }
    }
    return list.specs;
}

bool isLive(const NetworkConfig& config, std::string_view name) {
    if (isEarlyHead(name) || name.starts_with("deconv5."))
        return false;
    if (name.ends_with(".num_batches_tracked"))
        return false;
    return config.taps == Taps::StageOutputs || !name.starts_with("vmunet.layers.3.");
}

Result<TensorFile> readCheckpoint(const std::string& path, Contents contents) {
    Result<Format> format = Format::Unknown;
    {
        const Result<ByteSource> source = ByteSource::open(path);
        if (!source)
            return source.error();
        format = formatOf(*source);
    }
    if (!format)
        return format.error();
    switch (*format) {
    case Format::Safetensors:
        return tidied(readSafetensors(path, contents));
    case Format::Zip:
    case Format::OldPickle:
        return tidied(readTorchCheckpoint(path, contents));
    case Format::Unknown:
        break;
    }
    return unknownFormat(path);
}

Result<TensorFile> parseCheckpoint(std::span<const unsigned char> bytes, const std::string& name,
                                   Contents contents) {
    if (bytes.empty())
        return Error{ErrorCode::FileEmpty, {name}};
    const Result<Format> format = formatOf(ByteSource::over(bytes, name));
    if (!format)
        return format.error();
    switch (*format) {
    case Format::Safetensors:
        return tidied(parseSafetensors(bytes, name, contents));
    case Format::Zip:
    case Format::OldPickle:
        return tidied(parseTorchCheckpoint(bytes, name, contents));
    case Format::Unknown:
        break;
    }
    return unknownFormat(name);
}

Result<NetworkConfig> configOf(const TensorFile& file) {
    const auto invalid = [&](std::string what) {
        return Error{ErrorCode::CheckpointInvalid, {file.source, std::move(what)}};
    };
    NetworkConfig config;
    config.depths.assign(kStages, 0);
    bool anyBlock = false;
    for (const StoredTensor& tensor : file.tensors) {
        const std::optional<BlockPlace> place = blockPlaceOf(tensor.name);
        if (!place)
            continue;
        if (place->stage < 0 || place->stage >= static_cast<int>(kStages) || place->block < 0 ||
            place->block >= kMaxDepth) {
            return invalid("it has the tensor " + shownName(tensor.name) + "; at most " +
                           std::to_string(kStages) + " stages of " + std::to_string(kMaxDepth) +
                           " blocks are allowed");
        }
        int& depth = config.depths[static_cast<std::size_t>(place->stage)];
        depth = std::max(depth, place->block + 1);
        anyBlock = true;
    }
    if (!anyBlock) {
        const std::string holds = file.tensors.empty() ? std::string("nothing")
                                                       : shownName(file.tensors.front().name) + " and others";
        return invalid(
            "its tensors are not those of VM-UNetV2 (vmunet.layers.0.blocks.0... is missing); it holds " +
            holds);
    }

    if (const auto found = file.metadata.find("taps"); found != file.metadata.end()) {
        if (found->second == nameOf(Taps::StageOutputs))
            config.taps = Taps::StageOutputs;
        else if (found->second != nameOf(Taps::StageInputs))
            return invalid("its metadata say taps " + shownName(found->second) +
                           ", which is neither stage-inputs nor stage-outputs");
    }
    if (const auto found = file.metadata.find("depths"); found != file.metadata.end()) {
        const std::vector<std::string_view> parts = split(found->second, ',');
        bool fits = parts.size() == kStages;
        for (std::size_t s = 0; fits && s < kStages; ++s) {
            const std::optional<int> said = intFrom(parts[s]);
            fits = said && *said >= 0 && *said <= kMaxDepth;
            if (fits && s == 3 && config.depths[s] == 0)
                config.depths[s] = *said;
            fits = fits && *said == config.depths[s];
        }
        if (!fits)
            return invalid("its metadata say depths " + shownName(found->second) + ", and its tensors " +
                           joined(config.depths));
    }
    if (const StoredTensor* embed = file.find("vmunet.patch_embed.proj.weight");
        embed && embed->shape.size() == 4) {
        if (embed->shape[1] < 1 || embed->shape[1] > kMaxInputChannels)
            return invalid("it takes " + std::to_string(embed->shape[1]) + " input channels; 1 to " +
                           std::to_string(kMaxInputChannels) + " are allowed");
        config.inputChannels = static_cast<int>(embed->shape[1]);
    }
    if (const StoredTensor* out = file.find("seg_outs.3.weight"); out && out->shape.size() == 4) {
        if (out->shape[0] < 1 || out->shape[0] > kMaxClasses)
            return invalid("it has " + std::to_string(out->shape[0]) + " classes; 1 to " +
                           std::to_string(kMaxClasses) + " are allowed");
        config.classes = static_cast<int>(out->shape[0]);
    }
    return config;
}

namespace {

// What of the file does not fit, as checkAgainst() says it; empty when all does.
std::string mismatchOf(const NetworkConfig& config, const TensorFile& file, bool allOutputs) {
    std::unordered_map<std::string_view, const StoredTensor*> found;
    for (const StoredTensor& tensor : file.tensors)
        found.emplace(tensor.name, &tensor);
    std::string wrong;
    std::size_t count = 0;
    const auto complain = [&](const std::string& sentence) {
        if (++count <= kNamedMismatches)
            wrong += (wrong.empty() ? "" : "; ") + sentence;
    };
    for (const TensorSpec& spec : expectedTensors(config)) {
        const bool live = isLive(config, spec.name);
        if (!live && !(allOutputs && isEarlyHead(spec.name)))
            continue;
        const auto at = found.find(spec.name);
        if (at == found.end() && !live)
            continue;
        if (at == found.end())
            complain(spec.name + " is missing (expected " + shapeText(spec.shape) + ")");
        else if (at->second->shape != spec.shape)
            complain(spec.name + " is " + shapeText(at->second->shape) + " (expected " +
                     shapeText(spec.shape) + ")");
        else if (!isFloating(at->second->dtype))
            complain(spec.name + " holds " + std::string(nameOf(at->second->dtype)) +
                     " (expected floating-point numbers)");
    }
    for (std::size_t s = 0; s < kStages; ++s) {
        const std::string blocks = ordinal("vmunet.layers.", s) + ".blocks.";
        if (depthOf(config, s) < 1 && isLive(config, blocks))
            complain(blocks + "0 is missing (expected at least one block)");
    }
    if (count > kNamedMismatches)
        wrong += "; and " + std::to_string(count - kNamedMismatches) + " more";
    return wrong;
}

} // namespace

Result<void> checkAgainst(const NetworkConfig& config, const TensorFile& file, bool allOutputs) {
    std::string wrong = mismatchOf(config, file, allOutputs);
    if (wrong.empty())
        return {};
    return Error{ErrorCode::CheckpointMismatch, {file.source, std::move(wrong)}};
}

Result<TensorFile> packForShipping(const TensorFile& full, const NetworkConfig& config,
                                   StoredPrecision precision, std::map<std::string, std::string> metadata) {
    if (Result<void> fits = checkAgainst(config, full); !fits)
        return fits.error();
    std::unordered_map<std::string_view, const StoredTensor*> found;
    for (const StoredTensor& tensor : full.tensors)
        found.emplace(tensor.name, &tensor);

    TensorFile packed;
    packed.source = full.source;
    packed.metadata = std::move(metadata);
    packed.metadata["network"] = "VM-UNetV2";
    packed.metadata["taps"] = nameOf(config.taps);
    packed.metadata["depths"] = joined(config.depths);
    packed.metadata["input_channels"] = std::to_string(config.inputChannels);
    packed.metadata["classes"] = std::to_string(config.classes);
    for (const TensorSpec& spec : expectedTensors(config)) {
        if (!isLive(config, spec.name))
            continue;
        const StoredTensor& tensor = *found.at(spec.name);
        constexpr double kBeyondHalf = 65520.0; // rounds to infinity
        bool narrow = precision == StoredPrecision::F16;
        if (narrow && tensor.dtype != DType::F16) {
            const std::vector<float> values = tensor.toFloat();
            narrow = std::none_of(values.begin(), values.end(), [](float value) {
                return std::isfinite(value) && std::fabs(value) >= kBeyondHalf;
            });
        }
        packed.tensors.push_back(tensor.converted(narrow ? DType::F16 : DType::F32));
    }
    return packed;
}

Result<ModelInfo> readModelInfo(const std::string& path) {
    const Result<TensorFile> file = readCheckpoint(path, Contents::NamesAndShapes);
    if (!file)
        return file.error();
    const Result<NetworkConfig> config = configOf(*file);
    if (!config)
        return config.error();
    Result<std::string> sha256 = sha256OfFile(path);
    if (!sha256)
        return sha256.error();

    ModelInfo info;
    info.identity = {std::filesystem::path(path).stem().string(), std::move(*sha256)};
    info.path = path;
    info.depths = config->depths;
    info.inputChannels = config->inputChannels;
    info.classes = config->classes;
    info.taps = nameOf(config->taps);
    info.mismatch = mismatchOf(*config, *file, false);

    std::unordered_map<std::string_view, const StoredTensor*> found;
    for (const StoredTensor& tensor : file->tensors)
        found.emplace(tensor.name, &tensor);
    std::map<DType, std::int64_t> numbersOf;
    for (const TensorSpec& spec : expectedTensors(*config)) {
        const auto at = found.find(spec.name);
        if (at == found.end() || !spec.isParameter)
            continue;
        const std::int64_t count = at->second->count();
        info.parameters += count;
        if (isLive(*config, spec.name)) {
            info.liveParameters += count;
            numbersOf[at->second->dtype] += count;
        }
    }
    const auto most = std::max_element(numbersOf.begin(), numbersOf.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most != numbersOf.end()) {
        switch (most->first) {
        case DType::F64:
            info.precision = "fp64";
            break;
        case DType::F32:
            info.precision = "fp32";
            break;
        case DType::F16:
            info.precision = "fp16";
            break;
        case DType::BF16:
            info.precision = "bf16";
            break;
        default:
            info.precision = nameOf(most->first);
        }
    }
    for (const auto& [key, value] : file->metadata) {
        if (key != "threshold") {
            info.facts.emplace_back(key, value);
            continue;
        }
        float threshold = 0.0f;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), threshold);
        if (error != std::errc() || end != value.data() + value.size() ||
            !(threshold > 0.0f && threshold < 1.0f))
            return Error{
                ErrorCode::CheckpointInvalid,
                {path, "its metadata say threshold " + shownName(value) + ", which is not between 0 and 1"}};
        info.defaultThreshold = threshold;
    }
    return info;
}

} // namespace limn
