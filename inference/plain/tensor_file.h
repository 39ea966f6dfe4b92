// SPDX-License-Identifier: GPL-3.0-or-later
// Named tensors as a checkpoint file holds them, and the safetensors format: read (from a file or from bytes)
// and written. Nothing here knows the network; see checkpoint.h for that. Plain C++20, any thread.
//
// Format: https://github.com/huggingface/safetensors, "Format": u64 little endian header length, a JSON
// header {name: {dtype, shape, data_offsets}}, with an optional "__metadata__" map of strings, then the
// numbers: little endian, C order, without holes or overlaps.
#pragma once

#include "io/core/result.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limn {

enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

// Bytes of one number.
std::size_t sizeOf(DType dtype);
// The name in a safetensors header: "F32", "BF16", "BOOL", ...
std::string_view nameOf(DType dtype);
// F64, F32, F16 or BF16.
bool isFloating(DType dtype);

struct StoredTensor {
    std::string name;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;  // empty: a scalar (one number)
    std::vector<unsigned char> bytes; // C order, contiguous, little endian; empty when only names were read

    // Product of the shape (1 for a scalar). Every reader here has checked that it does not overflow.
    std::int64_t count() const;
    // All numbers, converted (64-bit integers round to nearest in float). Empty when only names were read.
    std::vector<float> toFloat() const;
    std::vector<double> toDouble() const;
    std::vector<std::int64_t> toInt64() const; // fractions are cut off; NaN gives 0, too large saturates
    // Writes all numbers as floats, without an intermediate copy. False, and nothing is written, where there
    // are not exactly as many numbers here as places in `out`.
    [[nodiscard]] bool copyTo(std::span<float> out) const;

    static StoredTensor fromFloat(std::string name, std::vector<std::int64_t> shape,
                                  std::span<const float> values, DType dtype = DType::F32);
    // The same numbers as F64, F32, F16 or BF16, each rounded once, to nearest even.
    StoredTensor converted(DType floating) const;
};

struct TensorFile {
    std::string source;                          // what messages call it: the path as given
    std::vector<StoredTensor> tensors;           // in the file's order, names unique
    std::map<std::string, std::string> metadata; // of safetensors; empty for .pth

    const StoredTensor* find(std::string_view name) const; // null when there is none
};

enum class Contents {
    Everything,
    NamesAndShapes, // StoredTensor::bytes stay empty; quick, for listing
};

// Limits, checked before anything is allocated.
inline constexpr std::size_t kMaxTensors = 16384;
inline constexpr std::size_t kMaxTensorNameBytes = 512;
inline constexpr std::size_t kMaxDimensions = 8;
inline constexpr std::size_t kMaxSafetensorsHeaderBytes = 8u << 20;

// Errors: FileNotFound, FileNotReadable, FileEmpty, FileTruncated, FileCorrupt, FileTooLarge,
// FeatureNotHandled (a kind of number that is not in DType). Memory: the tensors, and less than 64 MB.
Result<TensorFile> readSafetensors(const std::string& path, Contents contents = Contents::Everything);
// The same from memory; `name` stands for the path in messages.
Result<TensorFile> parseSafetensors(std::span<const unsigned char> bytes, const std::string& name,
                                    Contents contents = Contents::Everything);

// Writes a file that appears complete or not at all: a temporary file beside it, fsync, rename. Data begin at
// a multiple of 8 bytes and every tensor at a multiple of its number's size (wide numbers lie first).
// Errors: InvalidArgument (a name twice, bytes that do not fit the shape), FileNotWritable, DiskFull.
Result<void> writeSafetensors(const std::string& path, const TensorFile& file);
// The bytes that writeSafetensors() would write.
Result<std::vector<unsigned char>> packSafetensors(const TensorFile& file);

// IEEE 754 binary16 and bfloat16. To 16 bits: round to nearest even, overflow to infinity, NaN stays NaN.
// To float: exact.
float halfToFloat(std::uint16_t half);
std::uint16_t floatToHalf(float value);
std::uint16_t doubleToHalf(double value); // rounded once
float bfloat16ToFloat(std::uint16_t value);
std::uint16_t floatToBfloat16(float value);
void halfToFloat(std::span<const std::uint16_t> in, std::span<float> out);
void floatToHalf(std::span<const float> in, std::span<std::uint16_t> out);

} // namespace limn
