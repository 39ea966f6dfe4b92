// SPDX-License-Identifier: GPL-3.0-or-later
// The steps that all formats share, from a codec's samples to the picture as a person sees it: window, alpha,
// colour, orientation. Each step works in place or frees what it consumed, so that little more than the
// result is held at once.
#include "io/images/decoding.h"
#include "io/images/large_memory.h"
#include "io/images/parallel.h"

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <mutex>

namespace limn::images {

namespace {

std::string number(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
}

std::uint16_t largest(const std::vector<std::uint16_t>& values) {
    std::atomic<int> result{0};
    inParallel(values.size(), [&](std::size_t begin, std::size_t end) {
        std::uint16_t top = 0;
        for (std::size_t i = begin; i < end; ++i)
            top = std::max(top, values[i]);
        int seen = result.load();
        while (seen < top && !result.compare_exchange_weak(seen, top)) {
        }
    });
    return static_cast<std::uint16_t>(result.load());
}

// Smallest and largest finite value; alpha is left out.
template<typename T>
Window range(const std::vector<T>& values, int channels, int colourChannels) {
    Window found{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
    std::mutex mutex;
    inParallel(values.size() / channels, [&](std::size_t begin, std::size_t end) {
        double low = std::numeric_limits<double>::infinity();
        double high = -low;
        for (std::size_t i = begin; i < end; ++i) {
            for (int channel = 0; channel < colourChannels; ++channel) {
                const double value = values[i * channels + channel];
                if (!std::isfinite(value))
                    continue;
                low = std::min(low, value);
                high = std::max(high, value);
            }
        }
        const std::lock_guard lock(mutex);
        found.low = std::min(found.low, low);
        found.high = std::max(found.high, high);
    });
    if (!(found.low <= found.high))
        return {0.0, 1.0};
    return found;
}

std::uint8_t windowed(double value, const Window& window) {
    if (!(value > window.low)) // NaN is black
        return 0;
    if (value >= window.high)
        return 255;
    return static_cast<std::uint8_t>(std::lround((value - window.low) / (window.high - window.low) * 255.0));
}

int depthFor(int top) {
    for (int bits : {10, 12, 14})
        if (top < 1 << bits)
            return bits;
    return 16;
}

std::string windowNote(const Window& window, const std::string& what) {
    return what + " are shown from " + number(window.low) + " (black) to " + number(window.high) +
           " (white).";
}

// 16-bit samples to 8 bits, through a table unless the window is [0, 65535].
void windowDeep(Samples& samples, int colourChannels) {
    Window window{};
    if (samples.window) {
        window = *samples.window;
    } else if (samples.isOffset) {
        window = range(samples.u16, samples.channels, colourChannels);
    } else {
        if (samples.bitsStored < 9 || samples.bitsStored > 16)
            samples.bitsStored = depthFor(samples.largest >= 0 ? samples.largest : largest(samples.u16));
        window = {0.0, static_cast<double>((1 << samples.bitsStored) - 1)};
    }
    if (samples.bitsStored == 0)
        samples.bitsStored = 16;
    const double shift = samples.isOffset ? 32768.0 : 0.0;
    if (samples.window || samples.isOffset || samples.bitsStored != 16)
        samples.notes.push_back(
            windowNote({window.low - shift, window.high - shift}, "The file's deep samples"));

    const bool isFull = window.low == 0.0 && window.high == 65535.0;
    if (isFull && samples.largest >= 0)
        return; // shown on the way
    if (isFull) {
        resizeLarge(samples.u8, samples.u16.size());
        // round(v * 255 / 65535) = round(v / 257), exact in integers: (v * 255 + 32895) >> 16
        inParallel(samples.u16.size(), [&](std::size_t begin, std::size_t end) {
            const std::uint16_t* from = samples.u16.data();
            std::uint8_t* to = samples.u8.data();
            for (std::size_t i = begin; i < end; ++i)
                to[i] = static_cast<std::uint8_t>((from[i] * 255u + 32895u) >> 16);
        });
        return;
    }
    std::vector<std::uint8_t> table(65536);
    for (int value = 0; value < 65536; ++value)
        table[value] = windowed(value, window);
    if (!samples.rgb.empty()) { // shown on the way, but from 0 to 65535
        inParallel(samples.u16.size(), [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i)
                std::fill_n(samples.rgb.data() + i * 3, 3, table[samples.u16[i]]);
        });
        return;
    }
    resizeLarge(samples.u8, samples.u16.size());
    // Alpha keeps its own scale: the full range of the samples.
    std::vector<std::uint8_t> alphaTable;
    if (samples.hasAlpha) {
        alphaTable.resize(65536);
        const Window full{0.0, static_cast<double>((1 << samples.bitsStored) - 1)};
        for (int value = 0; value < 65536; ++value)
            alphaTable[value] = windowed(value, full);
    }
    inParallel(samples.u16.size() / samples.channels, [&](std::size_t begin, std::size_t end) {
        const std::uint16_t* from = samples.u16.data();
        const std::uint8_t* shown = table.data();
        std::uint8_t* to = samples.u8.data();
        const std::size_t last = end * samples.channels;
        for (std::size_t i = begin * samples.channels; i < last; ++i)
            to[i] = shown[from[i]];
        if (samples.hasAlpha)
            for (std::size_t i = begin; i < end; ++i) {
                const std::size_t at = (i + 1) * samples.channels - 1;
                samples.u8[at] = alphaTable[samples.u16[at]];
            }
    });
}

void windowFloats(Samples& samples, int colourChannels) {
    Window window = samples.window ? *samples.window : range(samples.f32, samples.channels, colourChannels);
    // Values between 0 and 1 have a meaning of their own, such as probabilities or linear light.
    if (!samples.window && window.low >= 0.0 && window.high <= 1.0)
        window = {0.0, 1.0};
    samples.notes.push_back(windowNote(window, "The file's values") +
                            " Measurements of brightness use what is shown.");
    resizeLarge(samples.u8, samples.f32.size());
    const Window alphaWindow{0.0, window.high <= 1.0 ? 1.0 : window.high};
    inParallel(samples.f32.size() / samples.channels, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            for (int channel = 0; channel < samples.channels; ++channel) {
                const std::size_t at = i * samples.channels + channel;
                const bool isAlpha = samples.hasAlpha && channel == samples.channels - 1;
                samples.u8[at] = windowed(samples.f32[at], isAlpha ? alphaWindow : window);
            }
    });
    samples.f32 = {};
}

// Lays 8-bit colour over white and drops the alpha channel.
void overWhite(Samples& samples) {
    const int colours = samples.channels - 1;
    std::vector<std::uint8_t>& data = samples.u8;
    const std::size_t pixels = samples.size.pixels();
    for (std::size_t i = 0; i < pixels; ++i) {
        const std::uint8_t* from = data.data() + i * samples.channels;
        std::uint8_t* to = data.data() + i * colours; // never ahead of `from`
        const int alpha = from[colours];
        for (int channel = 0; channel < colours; ++channel) {
            const int over = samples.isPremultiplied ? from[channel] : (from[channel] * alpha + 127) / 255;
            to[channel] = static_cast<std::uint8_t>(std::min(255, over + 255 - alpha));
        }
    }
    data.resize(pixels * colours);
    samples.channels = colours;
    samples.hasAlpha = false;
}

void dropLastChannel(std::vector<std::uint16_t>& values, std::size_t pixels, int channels) {
    for (std::size_t i = 1; i < pixels; ++i)
        for (int channel = 0; channel + 1 < channels; ++channel)
            values[i * (channels - 1) + channel] = values[i * channels + channel];
    values.resize(pixels * (channels - 1));
    values.shrink_to_fit();
}

// Four RGB pixels, one below the other, side by side; backwards where `isMirrored`. Reads one byte behind
// each pixel.
inline void columnToLine(const std::uint8_t* column, std::size_t rowBytes, bool isMirrored,
                         std::uint8_t* line) {
    static_assert(std::endian::native == std::endian::little);
    std::uint32_t pixel[4];
    for (std::size_t i = 0; i < 4; ++i) {
        std::memcpy(&pixel[isMirrored ? 3 - i : i], column + i * rowBytes, 4);
        pixel[isMirrored ? 3 - i : i] &= 0xFFFFFF;
    }
    const std::uint32_t words[3] = {pixel[0] | pixel[1] << 24, pixel[1] >> 8 | pixel[2] << 16,
                                    pixel[2] >> 16 | pixel[3] << 8};
    std::memcpy(line, words, sizeof words);
}

template<int kChannels, typename T>
void placeRows(const T* rows, int first, int count, Size stored, int orientation, T* picture) {
    const auto width = static_cast<std::size_t>(stored.width);
    if (orientation < 5) {
        for (int row = 0; row < count; ++row) {
            const T* from = rows + static_cast<std::size_t>(row) * width * kChannels;
            const int y = first + row;
            const int toY = orientation == 3 || orientation == 4 ? stored.height - 1 - y : y;
            T* to = picture + static_cast<std::size_t>(toY) * width * kChannels;
            if (orientation == 2 || orientation == 3)
                for (std::size_t x = 0; x < width; ++x)
                    std::copy_n(from + x * kChannels, kChannels, to + (width - 1 - x) * kChannels);
            else
                std::copy_n(from, width * kChannels, to);
        }
        return;
    }
    // Where the stored pixel (column, row) goes, by EXIF 2.32, 4.6.4 A, Orientation: 5 mirrors along the main
    // diagonal, 6 needs a quarter turn clockwise, 7 mirrors along the other diagonal, 8 a quarter turn back.
    const bool mirrorsX = orientation == 6 || orientation == 7;
    const bool mirrorsY = orientation == 7 || orientation == 8;
    constexpr int kBlock = 32; // both pictures' lines of a block stay in the first cache
    for (int top = 0; top < count; top += kBlock)
        for (int left = 0; left < stored.width; left += kBlock)
            for (int x = left; x < std::min(left + kBlock, stored.width); ++x) {
                const int toY = mirrorsY ? stored.width - 1 - x : x;
                T* line = picture + static_cast<std::size_t>(toY) * stored.height * kChannels;
                const int bottom = std::min(top + kBlock, count);
                int row = top;
                if constexpr (kChannels == 3 && sizeof(T) == 1) {
                    // Four pixels of a column at once. Each is read with the byte behind it, which the last
                    // has not.
                    for (; x + 1 < stored.width && row + 4 <= bottom; row += 4) {
                        const int y = first + row;
                        const int toX = mirrorsX ? stored.height - 4 - y : y;
                        columnToLine(rows + (static_cast<std::size_t>(row) * width + x) * 3, width * 3,
                                     mirrorsX, line + static_cast<std::size_t>(toX) * 3);
                    }
                }
                for (; row < bottom; ++row) {
                    const int y = first + row;
                    const int toX = mirrorsX ? stored.height - 1 - y : y;
                    std::copy_n(rows + (static_cast<std::size_t>(row) * width + x) * kChannels, kChannels,
                                line + static_cast<std::size_t>(toX) * kChannels);
                }
            }
}

template<int kChannels, typename T>
void orientSamples(std::vector<T>& samples, Size size, int orientation) {
    if (orientation < 2 || orientation > 8)
        return;
    std::vector<T> result;
    resizeLarge(result, samples.size());
    inParallel(samples.size() / kChannels, [&](std::size_t begin, std::size_t end) {
        // Parts of whole rows: the rows whose first pixel lies in [begin, end).
        const auto width = static_cast<std::size_t>(size.width);
        const std::size_t first = (begin + width - 1) / width;
        const std::size_t last = (end + width - 1) / width;
        placeRows<kChannels>(samples.data() + first * width * kChannels, static_cast<int>(first),
                             static_cast<int>(last - first), size, orientation, result.data());
    });
    samples = std::move(result);
}

void invert(Samples& samples, int colourChannels) {
    std::uint8_t* values = samples.u8.data();
    const std::size_t pixels = samples.size.pixels();
    for (std::size_t i = 0; i < pixels; ++i)
        for (int channel = 0; channel < colourChannels; ++channel) {
            std::uint8_t& value = values[i * samples.channels + channel];
            value = static_cast<std::uint8_t>(255 - value);
        }
}

} // namespace

Result<void> checkSize(const FileBytes& file, std::uint64_t width, std::uint64_t height) {
    if (width == 0 || height == 0)
        return file.corrupt("it claims a size of " + sizeText(width, height));
    const std::optional<std::uint64_t> pixels = multiplied(width, height);
    constexpr std::uint64_t kMaxSide = std::numeric_limits<int>::max() / 16;
    if (!pixels || *pixels > kMaxImagePixels || width > kMaxSide || height > kMaxSide)
        return file.error(ErrorCode::FileTooLarge, sizeText(width, height),
                          std::to_string(kMaxImagePixels / 1000000) + " megapixels");
    return {};
}

Result<void> checkFrame(const FileBytes& file, int frame, int count) {
    if (frame >= 0 && frame < count)
        return {};
    return Error{
        ErrorCode::InvalidArgument,
        {"the frame asked of " + file.path(), std::to_string(frame), "0 to " + std::to_string(count - 1)}};
}

Size orientedSize(Size size, int orientation) {
    return orientation >= 5 && orientation <= 8 ? Size{size.height, size.width} : size;
}

std::optional<Spacing> orientedSpacing(const std::optional<Spacing>& spacing, int orientation) {
    if (!spacing || orientation < 5 || orientation > 8)
        return spacing;
    return Spacing{spacing->yMm, spacing->xMm, spacing->source};
}

void placeRgbRows(const std::uint8_t* rows, int first, int count, Size stored, int orientation,
                  std::uint8_t* picture) {
    placeRows<3>(rows, first, count, stored, orientation, picture);
}

void orient(std::vector<std::uint8_t>& samples, Size size, int channels, int orientation) {
    if (channels == 1)
        orientSamples<1>(samples, size, orientation);
    else
        orientSamples<3>(samples, size, orientation);
}

void orient(std::vector<std::uint16_t>& samples, Size size, int channels, int orientation) {
    if (channels == 1)
        orientSamples<1>(samples, size, orientation);
    else
        orientSamples<3>(samples, size, orientation);
}

Result<Image> present(const FileBytes& file, const Header& header, Samples samples, int frame) {
    Image image;
    image.size = orientedSize(header.size, header.orientation);
    image.spacing = orientedSpacing(header.spacing, header.orientation);
    image.path = file.path();
    image.format = header.format;
    image.frame = frame;
    image.frameCount = header.frameCount;
    if (header.frameCount > 1) {
        const std::string what = header.format == "TIFF"    ? "page"
                                 : header.format == "DICOM" ? "frame"
                                                            : "slice";
        image.notes.push_back(frame == 0 ? "The first of " + std::to_string(header.frameCount) + " " + what +
                                               "s is shown."
                                         : "The " + what + " " + std::to_string(frame + 1) + " of " +
                                               std::to_string(header.frameCount) + " is shown.");
    }

    int colourChannels = samples.hasAlpha ? samples.channels - 1 : samples.channels;
    if (!samples.u16.empty()) {
        windowDeep(samples, colourChannels);
        if (samples.model != ColourModel::Cmyk) {
            auto deep = std::make_shared<DeepPixels>();
            deep->channels = colourChannels;
            deep->bitsStored = samples.bitsStored;
            if (samples.hasAlpha)
                dropLastChannel(samples.u16, samples.size.pixels(), samples.channels);
            deep->samples = std::move(samples.u16);
            orient(deep->samples, header.size, deep->channels, header.orientation);
            if (samples.isInverted)
                samples.notes.push_back("In the file's deep samples 0 is white.");
            if (samples.isOffset)
                samples.notes.push_back("The file's samples are signed; they are kept with 32768 added.");
            image.deep = std::move(deep);
        }
        samples.u16 = {};
    } else if (!samples.f32.empty()) {
        windowFloats(samples, colourChannels);
    }

    if (samples.model == ColourModel::Cmyk && samples.channels > 4)
        return file.notHandled("CMYK with further channels");
    if (samples.isInverted)
        invert(samples, colourChannels);
    if (samples.hasAlpha)
        overWhite(samples);

    ProfileUse profile = ProfileUse::None;
    switch (samples.model) {
    case ColourModel::Rgb:
        if (samples.isFinished) {
            profile = samples.profile;
            image.rgb = std::move(samples.rgb);
        } else {
            profile = convertToSrgb(samples.u8, header.iccProfile);
            image.rgb = std::move(samples.u8);
        }
        break;
    case ColourModel::Cmyk:
        profile = cmykToSrgb(samples.u8, image.rgb, header.iccProfile);
        image.notes.push_back(profile == ProfileUse::Converted
                                  ? "The file's printing colours (CMYK) were converted by its profile."
                                  : "The file's printing colours (CMYK) were converted without a profile; "
                                    "colours may be off.");
        break;
    case ColourModel::Grey:
        if (!samples.rgb.empty()) {
            image.rgb = std::move(samples.rgb);
            break;
        }
        profile = greyToSrgb(samples.u8, image.rgb, header.iccProfile);
        if (profile != ProfileUse::Converted) {
            resizeLarge(image.rgb, samples.u8.size() * 3);
            inParallel(samples.u8.size(), [&](std::size_t begin, std::size_t end) {
                const std::uint8_t* from = samples.u8.data();
                std::uint8_t* to = image.rgb.data();
                for (std::size_t i = begin; i < end; ++i) {
                    const std::uint8_t value = from[i];
                    to[i * 3] = value;
                    to[i * 3 + 1] = value;
                    to[i * 3 + 2] = value;
                }
            });
        }
        break;
    }
    if (profile == ProfileUse::Unusable && samples.model != ColourModel::Cmyk)
        image.notes.push_back("The colour profile in the file cannot be used; colours are shown as stored.");
    if (!samples.isFinished)
        orient(image.rgb, header.size, 3, header.orientation);
    image.notes.insert(image.notes.end(), samples.notes.begin(), samples.notes.end());
    return image;
}

} // namespace limn::images
