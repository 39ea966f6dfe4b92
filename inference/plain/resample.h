// SPDX-License-Identifier: GPL-3.0-or-later
// Image to network input, and network output to image size. Separable bilinear resampling with half-pixel
// centres: output i has its centre at (i + 0.5) * in / out - 0.5 in input samples. Plain C++20, any thread.
#pragma once

#include "inference/engine.h"
#include "io/core/image.h"

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace limn {

// The network's input: per-image min-max over all three channels of the region to 0..255, then bilinear to
// `out`. Three planes R, G, B of out.pixels() floats each.
//   ResizeMode::Plain      two taps, as PyTorch's interpolate(bilinear, align_corners=False)
//   ResizeMode::Antialias  triangle filter of half width max(1, in / out), weights normalised at the borders,
//   as
//                          the same with antialias=True, and as Pillow's BILINEAR in float
// A constant region has no range to stretch and gives 0 everywhere.
// Preconditions: rgb has size.pixels() * 3 bytes, region is not empty and lies inside, out is not empty,
// planes has 3 * out.pixels() places.
void preprocess(std::span<const std::uint8_t> rgb, Size size, const Rect& region, Size out, ResizeMode mode,
                std::span<float> planes);

// The whole of it for an Image: the region clipped to the image (the whole image where there is none).
// Error: InvalidArgument (input size outside 32..4096, a region without a pixel of the image, an empty
// image).
Result<std::vector<float>> preprocess(const Image& image, const PredictOptions& options);

// InvalidArgument unless inputSize is one that a network's input may have (32..4096).
Result<void> checkInputSize(int inputSize);

// preprocess() of a whole picture whose rows come one after the other: the same values. One thread at a time.
class InputRows {
public:
    // Precondition: checkInputSize(inputSize), and `size` is not empty.
    InputRows(Size size, int inputSize, ResizeMode mode);
    ~InputRows();
    InputRows(const InputRows&) = delete;
    InputRows& operator=(const InputRows&) = delete;

    // The next `count` rows of the picture, size.width * 3 bytes each.
    void add(const std::uint8_t* rgb, int count);
    // After the last row: 3 * inputSize * inputSize floats.
    std::vector<float> finish();

private:
    struct State;
    std::unique_ptr<State> m_state;
};

// Resizes one plane of bytes (a mask: 0 and 1 or 0 and 255) without any stretching; values stay in 0..255.
// Preconditions as above, with one byte a pixel.
void resizePlane(std::span<const std::uint8_t> plane, Size size, const Rect& region, Size out,
                 ResizeMode mode, std::span<float> values);

// Resizes interleaved RGB bytes without any stretching to planes R, G, B in 0..255.
void resizeRgb(std::span<const std::uint8_t> rgb, Size size, const Rect& region, Size out, ResizeMode mode,
               std::span<float> planes);

// Two-tap bilinear from the network's resolution to `out`, rounded to nearest 1/65535. Values are clamped to
// [0, 1]; NaN gives 0. `threads` <= 1 runs in the caller's thread; the result does not depend on it.
// Precondition: map.values has map.size.pixels() values, and neither size is empty.
ProbabilityMap toProbabilityMap(const FloatMap& map, Size out, int threads = 1);

// Half-open range of columns of a row.
struct Columns {
    int begin = 0;
    int end = 0;
};

// toProbabilityMap() a row at a time, for maps that are used once and need not lie in memory as a whole: the
// same values. One thread at a time.
class ProbabilityRows {
public:
    // Values below `least` are of no interest: rows and columns that have no others are not computed.
    ProbabilityRows(const FloatMap& map, Size out, std::uint32_t least = 0);
    ~ProbabilityRows();
    ProbabilityRows(const ProbabilityRows&) = delete;
    ProbabilityRows& operator=(const ProbabilityRows&) = delete;

    // Fills to[begin .. end) with that part of row y outside of which every value is below `least`, and
    // leaves the rest of `to` as it was. Fastest from the first row to the last.
    Columns make(int y, std::uint16_t* to);

private:
    struct State;
    std::unique_ptr<State> m_state;
};

// Two-tap bilinear of a float map to another size (the spread, a probability map at 256 x 256).
FloatMap resized(const FloatMap& map, Size out);

} // namespace limn
