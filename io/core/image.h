// SPDX-License-Identifier: GPL-3.0-or-later
// Pixel types that every layer shares. Plain C++20; values are passed between threads as shared pointers to
// const.
//
// Pixel convention (everywhere): pixel (x, y) covers [x, x+1) x [y, y+1), origin top left, rows stored top to
// bottom without padding, index = y * width + x. Masks and label maps have exactly the image's size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn {

struct Size {
    int width = 0;
    int height = 0;

    std::size_t pixels() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(height); }
    bool operator==(const Size&) const = default;
};

// Half-open rectangle of whole pixels: columns [x, x + width), rows [y, y + height).
struct Rect {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;

    bool empty() const { return width <= 0 || height <= 0; }
    int right() const { return x + width; }
    int bottom() const { return y + height; }
    bool operator==(const Rect&) const = default;
};

Rect intersected(const Rect& a, const Rect& b);
// Smallest rectangle that holds both; an empty one counts as nothing.
Rect united(const Rect& a, const Rect& b);

// Millimetres per pixel along x (columns) and y (rows), with where the figures come from
// ("DICOM Pixel Spacing", "TIFF resolution", a person's calibration, ...). x belongs to ITK's first axis, and
// is DICOM's second value.
struct Spacing {
    double xMm = 0.0;
    double yMm = 0.0;
    std::string source;
};

// Samples deeper than 8 bits as the file gave them, kept for measuring; orientation applied as in the Image.
struct DeepPixels {
    int channels = 0;                   // 1 or 3, interleaved
    int bitsStored = 0;                 // 9..16 significant bits
    std::vector<std::uint16_t> samples; // width * height * channels
};

// The pixels as a person sees them: EXIF orientation applied, sRGB, 8-bit RGB interleaved, alpha laid over
// white.
struct Image {
    Size size;
    std::vector<std::uint8_t> rgb; // size.pixels() * 3
    std::optional<Spacing> spacing;
    std::shared_ptr<const DeepPixels> deep; // null for 8-bit files
    std::string path;                       // UTF-8, as given by the caller; empty for drawn images
    std::string format;                     // "JPEG", "PNG", "TIFF", "BMP", "NRRD", "MetaImage", "DICOM"
    int frame = 0;                          // which page or frame this is, from 0
    int frameCount = 1;
    std::vector<std::string> notes; // sentences a person should know ("The first of 3 pages is shown.")

    const std::uint8_t* pixel(int x, int y) const {
        return rgb.data() + (static_cast<std::size_t>(y) * size.width + x) * 3;
    }
};

using ImagePtr = std::shared_ptr<const Image>;

// 8-bit label map: 0 = background. A mask is a label map that holds 0 and one other value.
struct LabelMap {
    Size size;
    std::vector<std::uint8_t> labels; // size.pixels()

    LabelMap() = default;
    explicit LabelMap(Size s, std::uint8_t value = 0) : size(s), labels(s.pixels(), value) {}
    std::uint8_t at(int x, int y) const { return labels[static_cast<std::size_t>(y) * size.width + x]; }
    std::uint8_t& at(int x, int y) { return labels[static_cast<std::size_t>(y) * size.width + x]; }
    bool operator==(const LabelMap&) const = default;
};

// Probability in 16 bits: value / 65535, rounded to nearest. Half the memory of float, and exactly what
// STEM_probability.png stores.
struct ProbabilityMap {
    Size size;
    std::vector<std::uint16_t> values; // size.pixels()

    static constexpr float kScale = 65535.0f;
    float at(int x, int y) const { return values[static_cast<std::size_t>(y) * size.width + x] / kScale; }
    // Smallest stored value that counts as inside at this threshold (inside means probability >= threshold).
    static std::uint32_t firstInside(double threshold);
};

// Float map in row-major order, such as the network's own output.
struct FloatMap {
    Size size;
    std::vector<float> values;
};

} // namespace limn
