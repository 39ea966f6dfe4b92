// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/tensor_file.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

namespace limn {

static_assert(std::endian::native == std::endian::little, "stored numbers are little endian");

namespace {

// Calls `consume(index, number)` for each stored number, in its own type (16-bit floats come as float).
template<typename Stored, typename Consume>
void eachAs(std::span<const unsigned char> bytes, const Consume& consume) {
    const std::size_t count = bytes.size() / sizeof(Stored);
    const unsigned char* from = bytes.data();
    for (std::size_t i = 0; i < count; ++i) {
        Stored value;
        std::memcpy(&value, from + i * sizeof(Stored), sizeof(Stored));
        consume(i, value);
    }
}

template<typename Consume>
void eachNumber(const StoredTensor& tensor, const Consume& consume) {
    const std::span<const unsigned char> bytes = tensor.bytes;
    switch (tensor.dtype) {
    case DType::F64:
        return eachAs<double>(bytes, consume);
    case DType::F32:
        return eachAs<float>(bytes, consume);
    case DType::F16:
        return eachAs<std::uint16_t>(
            bytes, [&](std::size_t i, std::uint16_t half) { consume(i, halfToFloat(half)); });
    case DType::BF16:
        return eachAs<std::uint16_t>(
            bytes, [&](std::size_t i, std::uint16_t value) { consume(i, bfloat16ToFloat(value)); });
    case DType::I64:
        return eachAs<std::int64_t>(bytes, consume);
    case DType::I32:
        return eachAs<std::int32_t>(bytes, consume);
    case DType::I16:
        return eachAs<std::int16_t>(bytes, consume);
    case DType::I8:
        return eachAs<std::int8_t>(bytes, consume);
    case DType::U8:
        return eachAs<std::uint8_t>(bytes, consume);
    case DType::Bool:
        return eachAs<std::uint8_t>(bytes, [&](std::size_t i, std::uint8_t value) {
            consume(i, static_cast<std::uint8_t>(value != 0));
        });
    }
}

void writeFloats(const StoredTensor& tensor, float* to) {
    if (tensor.dtype == DType::F32 && !tensor.bytes.empty())
        std::memcpy(to, tensor.bytes.data(), tensor.bytes.size() / sizeof(float) * sizeof(float));
    else
        eachNumber(tensor, [to](std::size_t i, auto value) { to[i] = static_cast<float>(value); });
}

// Round to odd: the result, rounded once more to a much narrower format, is the double rounded to it directly
// (Boldo, Melquiond 2008), because an inexact float never sits on one of the narrow format's ties.
float roundedToOdd(double value) {
    const float nearest = static_cast<float>(value);
    if (!std::isfinite(value) || static_cast<double>(nearest) == value)
        return nearest;
    std::uint32_t bits = std::bit_cast<std::uint32_t>(nearest);
    if (std::fabs(static_cast<double>(nearest)) > std::fabs(value))
        --bits; // toward zero; from infinity to the largest finite float
    return std::bit_cast<float>(bits | 1u);
}

std::uint16_t doubleToBfloat16(double value) {
    return floatToBfloat16(roundedToOdd(value));
}

template<typename Stored>
std::vector<unsigned char> bytesOf(std::span<const Stored> values) {
    std::vector<unsigned char> bytes(values.size() * sizeof(Stored));
    if (!values.empty())
        std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

} // namespace

std::size_t sizeOf(DType dtype) {
    switch (dtype) {
    case DType::F64:
    case DType::I64:
        return 8;
    case DType::F32:
    case DType::I32:
        return 4;
    case DType::F16:
    case DType::BF16:
    case DType::I16:
        return 2;
    case DType::I8:
    case DType::U8:
    case DType::Bool:
        return 1;
    }
    return 1;
}

std::string_view nameOf(DType dtype) {
    switch (dtype) {
    case DType::F64:
        return "F64";
    case DType::F32:
        return "F32";
    case DType::F16:
        return "F16";
    case DType::BF16:
        return "BF16";
    case DType::I64:
        return "I64";
    case DType::I32:
        return "I32";
    case DType::I16:
        return "I16";
    case DType::I8:
        return "I8";
    case DType::U8:
        return "U8";
    case DType::Bool:
        return "BOOL";
    }
    return "";
}

bool isFloating(DType dtype) {
    return dtype == DType::F64 || dtype == DType::F32 || dtype == DType::F16 || dtype == DType::BF16;
}

std::int64_t StoredTensor::count() const {
    // A dimension of 0 first: the others may then be as large as they like.
    if (std::find(shape.begin(), shape.end(), 0) != shape.end())
        return 0;
    std::int64_t product = 1;
    for (const std::int64_t extent : shape)
        product *= extent;
    return product;
}

std::vector<float> StoredTensor::toFloat() const {
    std::vector<float> values(bytes.size() / sizeOf(dtype));
    writeFloats(*this, values.data());
    return values;
}

bool StoredTensor::copyTo(std::span<float> out) const {
    if (bytes.size() / sizeOf(dtype) != out.size())
        return false;
    writeFloats(*this, out.data());
    return true;
}

std::vector<double> StoredTensor::toDouble() const {
    std::vector<double> values(bytes.size() / sizeOf(dtype));
    double* to = values.data();
    eachNumber(*this, [to](std::size_t i, auto value) { to[i] = static_cast<double>(value); });
    return values;
}

std::vector<std::int64_t> StoredTensor::toInt64() const {
    std::vector<std::int64_t> values(bytes.size() / sizeOf(dtype));
    eachNumber(*this, [&values](std::size_t i, auto value) {
        if constexpr (std::is_floating_point_v<decltype(value)>) {
            constexpr double kLimit = 9223372036854775808.0; // 2^63
            const double wide = static_cast<double>(value);
            if (std::isnan(wide))
                values[i] = 0;
            else if (wide >= kLimit)
                values[i] = std::numeric_limits<std::int64_t>::max();
            else if (wide < -kLimit)
                values[i] = std::numeric_limits<std::int64_t>::min();
            else
                values[i] = static_cast<std::int64_t>(wide);
        } else {
            values[i] = static_cast<std::int64_t>(value);
        }
    });
    return values;
}

StoredTensor StoredTensor::fromFloat(std::string name, std::vector<std::int64_t> shape,
                                     std::span<const float> values, DType dtype) {
    StoredTensor tensor{std::move(name), DType::F32, std::move(shape), bytesOf(values)};
    return dtype == DType::F32 ? tensor : tensor.converted(dtype);
}

StoredTensor StoredTensor::converted(DType floating) const {
    assert(isFloating(floating));
    if (floating == dtype)
        return *this;
    StoredTensor to{name, floating, shape, {}};
    const std::size_t count = bytes.size() / sizeOf(dtype);
    if (floating == DType::F64) {
        to.bytes = bytesOf(std::span<const double>(toDouble()));
    } else if (floating == DType::F32) {
        to.bytes = bytesOf(std::span<const float>(toFloat()));
    } else if (dtype == DType::F32 && floating == DType::F16) {
        std::vector<std::uint16_t> narrow(count);
        floatToHalf(toFloat(), narrow);
        to.bytes = bytesOf(std::span<const std::uint16_t>(narrow));
    } else {
        std::vector<std::uint16_t> narrow(count);
        const bool half = floating == DType::F16;
        eachNumber(*this, [&](std::size_t i, auto value) {
            const double wide = static_cast<double>(value);
            narrow[i] = half ? doubleToHalf(wide) : doubleToBfloat16(wide);
        });
        to.bytes = bytesOf(std::span<const std::uint16_t>(narrow));
    }
    return to;
}

const StoredTensor* TensorFile::find(std::string_view name) const {
    const auto found = std::find_if(tensors.begin(), tensors.end(),
                                    [&](const StoredTensor& tensor) { return tensor.name == name; });
    return found == tensors.end() ? nullptr : &*found;
}

// The three conversions below have no branches that depend on data, so that loops over them vectorise.

float halfToFloat(std::uint16_t half) {
    const std::uint32_t magnitude = half & 0x7fffu;
    // Read as a float, the shifted bits are the half's value times 2^-112, subnormal halves included.
    const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112f;
    const std::uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0u; // infinity and NaN
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(scaled) | special | sign);
}

std::uint16_t floatToHalf(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    // From 2^-14 on: drop 13 bits, to nearest even, and move the exponent's bias from 127 to 15.
    const std::uint32_t even = (magnitude >> 13) & 1u;
    const std::uint32_t normal = (magnitude - (112u << 23) + 0xfffu + even) >> 13;
    // Below: adding 0.5 makes the adder itself round to 0.5's last place, 2^-24, a half's smallest step.
    const float raised = std::bit_cast<float>(magnitude) + 0.5f;
    const std::uint32_t subnormal = std::bit_cast<std::uint32_t>(raised) - 0x3f000000u;
    const std::uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
    std::uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
    result = magnitude >= 0x477ff000u ? 0x7c00u : result; // 65520 and more round to infinity
    result = magnitude > 0x7f800000u ? nan : result;
    return static_cast<std::uint16_t>(result | sign);
}

std::uint16_t doubleToHalf(double value) {
    return floatToHalf(roundedToOdd(value));
}

float bfloat16ToFloat(std::uint16_t value) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

std::uint16_t floatToBfloat16(float value) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const std::uint32_t nan = (bits >> 16) | 0x40u;
    return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}

void halfToFloat(std::span<const std::uint16_t> in, std::span<float> out) {
    assert(in.size() == out.size());
    const std::uint16_t* from = in.data();
    float* to = out.data();
    for (std::size_t i = 0; i < in.size(); ++i)
        to[i] = halfToFloat(from[i]);
}

void floatToHalf(std::span<const float> in, std::span<std::uint16_t> out) {
    assert(in.size() == out.size());
    const float* from = in.data();
    std::uint16_t* to = out.data();
    for (std::size_t i = 0; i < in.size(); ++i)
        to[i] = floatToHalf(from[i]);
}

} // namespace limn
