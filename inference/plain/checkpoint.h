// SPDX-License-Identifier: GPL-3.0-or-later
// What a checkpoint of VM-UNetV2 holds: reading either format, the network's configuration read off names and
// shapes, the list of tensors that a configuration asks for, and packing for shipping. The tensors are not
// made into a network here. Plain C++20, any thread. readModelInfo() of inference/engine.h is implemented
// here too.
#pragma once

#include "inference/plain/tensor_file.h"

#include <array>

namespace limn {

// Which of the encoder's feature maps feed attention, Translayer and SDI.
enum class Taps {
    StageInputs,  // the released code: every stage's input, so that stage 4 does not reach the output
    StageOutputs, // the paper's drawing: every stage's output before its patch merging; stage 4 is used
};
std::string_view nameOf(Taps taps); // "stage-inputs", "stage-outputs"

struct NetworkConfig {
    // VSS blocks of the four stages, each 1..64; the fourth is 0 when the file does not hold that stage (it
    // need not with StageInputs).
    std::vector<int> depths{2, 2, 9, 2};
    int inputChannels = 3; // 1..64
    int classes = 1;       // 1..255
    Taps taps = Taps::StageInputs;

    bool operator==(const NetworkConfig&) const = default;
};

// Channels of the four stages, and ranks of their step-size projections.
inline constexpr std::array<int, 4> kStageChannels{96, 192, 384, 768};
inline constexpr std::array<int, 4> kStageRanks{6, 12, 24, 48};
inline constexpr int kStateSize = 16;
inline constexpr int kDecoderChannels = 48;

struct TensorSpec {
    std::string name;
    std::vector<std::int64_t> shape;
    bool isParameter = true; // false: a buffer of batch normalisation

    bool operator==(const TensorSpec&) const = default;
};

// Names and shapes of a whole released checkpoint (290 for 2,2,9,2), in the order of the Python state dict.
// Only seg_outs.* scale with the classes ([classes, 48, 1, 1]); deconv6 ([1, 1, 3, 3]) serves each alike.
std::vector<TensorSpec> expectedTensors(const NetworkConfig& config);

// Whether this tensor reaches the output. Not: seg_outs.0 and .1, deconv5, num_batches_tracked, and with
// StageInputs all of vmunet.layers.3.
bool isLive(const NetworkConfig& config, std::string_view name);

// Reads .safetensors or .pth by content, not by extension; takes "module." off the names and leaves out the
// total_ops and total_params that a profiler added. Errors: those of readSafetensors() and
// readTorchCheckpoint(), FormatUnknown.
Result<TensorFile> readCheckpoint(const std::string& path, Contents contents = Contents::Everything);
Result<TensorFile> parseCheckpoint(std::span<const unsigned char> bytes, const std::string& name,
                                   Contents contents = Contents::Everything);

// Depths from the names, input channels and classes from the shapes, taps from the metadata "taps"
// (StageInputs where there is none), the fourth depth from the metadata "depths" where the stage is not
// stored. Error: CheckpointInvalid when these are no names of this network or the metadata say otherwise.
Result<NetworkConfig> configOf(const TensorFile& file);

// CheckpointMismatch that names every live tensor which is missing, mis-shaped (expected and found shape) or
// not made of floating-point numbers, and every live stage without blocks: twenty, and how many more there
// are. Dead tensors may be missing or anything, extra tensors are ignored; but with `allOutputs`, for a
// network that has seg_outs.0 and .1 as well, these must fit where they are there. Ask before a network is
// made: a file of some hundred bytes can name one of gigabytes.
Result<void> checkAgainst(const NetworkConfig& config, const TensorFile& file, bool allOutputs = false);

enum class StoredPrecision { F32, F16 };

// The live tensors alone, rounded to the precision (a tensor with a number beyond binary16's range stays
// F32), in expectedTensors() order, with the configuration ("network", "taps", "depths", "input_channels",
// "classes") added to the metadata. Error: CheckpointMismatch.
Result<TensorFile> packForShipping(const TensorFile& full, const NetworkConfig& config,
                                   StoredPrecision precision, std::map<std::string, std::string> metadata);

} // namespace limn
