// SPDX-License-Identifier: GPL-3.0-or-later
// Tensors as a folder of safetensors files of limited size, for states that are too large for one file where
// they have to travel. Plain C++20, any thread; one writer a folder at a time.
//
//     FOLDER/index.json                 format, metadata, and each part's name, bytes and SHA-256
//     FOLDER/7-part-01.safetensors ...  the parts of set 7
//
// The index is written last and names a whole set; only then is the set before it removed. A writer that dies
// at any instant leaves the set that the index names, whole.
#pragma once

#include "inference/plain/tensor_file.h"

namespace limn {

// Below 16 MB by any reckoning, and a part's header too.
inline constexpr std::size_t kLargestPart = 15'000'000;

// A part holds as many tensors, in order, as fit into `largestPart` bytes; a larger tensor is a part by
// itself. The folder is made where it is missing. Errors: those of writeSafetensors().
Result<void> writeTensorSet(const std::string& folder, const TensorFile& file,
                            std::size_t largestPart = kLargestPart);

// The tensors part by part, with the metadata; `source` is the folder. Errors: FileNotFound (no
// index), CheckpointInvalid (an index or a part that is not what was written), and those of
// readSafetensors().
Result<TensorFile> readTensorSet(const std::string& folder);

// Whether a set was written to the end there.
bool hasTensorSet(const std::string& folder);

} // namespace limn
