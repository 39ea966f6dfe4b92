// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the tensors of a checkpoint that Python's torch.save wrote (.pth, .pt: a zip of a pickle and raw
// storages). The pickle is parsed by a small machine that knows tuples, dictionaries and tensors; no name in
// it is ever looked up or called: whatever else the file builds stays an opaque value. Plain C++20, any
// thread.
#pragma once

#include "inference/plain/tensor_file.h"

namespace limn {

// Finds the state dict under "model", "model_state_dict" or "state_dict", or takes the file's own dictionary.
// Views come out contiguous (offset and stride are honoured), device tags such as cuda:0 are ignored, and
// tensors outside the state dict (an optimiser's) are not read. Names are as stored.
//
// Errors: FileNotFound, FileNotReadable, FileEmpty, FileTruncated, FileCorrupt, FileTooLarge,
// CheckpointInvalid (not a zip of torch.save, the format before PyTorch 1.6, a TorchScript program, a whole
// Python object in place of weights, a call of a function among the weights, a tensor that leaves its
// storage). Memory: the tensors (together at most the file's size + 4 MB), and less than 60 MB. Time: every
// byte of the pickle once, and at most four times the file's size read.
Result<TensorFile> readTorchCheckpoint(const std::string& path, Contents contents = Contents::Everything);
// The same from memory; `name` stands for the path in messages.
Result<TensorFile> parseTorchCheckpoint(std::span<const unsigned char> bytes, const std::string& name,
                                        Contents contents = Contents::Everything);

} // namespace limn
