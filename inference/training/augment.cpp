// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/training/augment.h"

#include "inference/plain/resample.h"
#include "io/core/drawn_artefacts.h"
#include "io/core/hashing.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

namespace limn {

namespace {

// splitmix64 (Steele et al. 2014): a counter-based stream, equal on every machine.
class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed) {}

    std::uint64_t next() { return splitMixNext(m_state); }
    double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    double within(double limit) { return (2.0 * unit() - 1.0) * limit; }
    bool happens(double probability) { return unit() < probability; }

private:
    std::uint64_t m_state;
};

// Destination pixel centre -> source position, both in pixels.
struct Affine {
    double xx = 1, xy = 0, x0 = 0;
    double yx = 0, yy = 1, y0 = 0;
};

Affine randomAffine(const AugmentOptions& o, Size source, int side, Random& random) {
    // In units of the picture's side, about its centre: scale to the picture, shear, turn, flip.
    double angle = 0.0;
    if (random.happens(o.rotationProbability))
        angle = random.within(o.rotationDegrees) * std::numbers::pi / 180.0;
    const double zoom = std::exp(random.within(o.logScale));
    const double aspect = std::exp(0.5 * random.within(o.logAspect));
    const double shear = random.within(o.shear);
    const double flipX = random.happens(o.flipProbability) ? -1.0 : 1.0;
    const double flipY = random.happens(o.flipProbability) ? -1.0 : 1.0;
    const double shiftX = random.within(o.shift);
    const double shiftY = random.within(o.shift);
    const double c = std::cos(angle);
    const double s = std::sin(angle);
    const double ax = flipX * aspect / zoom;
    const double ay = flipY / (aspect * zoom);
    const double m00 = c * ax;
    const double m01 = (c * shear - s) * ay;
    const double m10 = s * ax;
    const double m11 = (s * shear + c) * ay;
    Affine t;
    const double toUnit = 1.0 / side;
    t.xx = m00 * toUnit * source.width;
    t.xy = m01 * toUnit * source.width;
    t.yx = m10 * toUnit * source.height;
    t.yy = m11 * toUnit * source.height;
    const double half = 0.5 * side;
    t.x0 = (0.5 + shiftX) * source.width - t.xx * half - t.xy * half;
    t.y0 = (0.5 + shiftY) * source.height - t.yx * half - t.yy * half;
    return t;
}

int mirrored(int i, int length) {
    // ... 2 1 0 | 0 1 2 ... n-1 | n-1 n-2 ...
    const int period = 2 * length;
    i %= period;
    if (i < 0)
        i += period;
    return i < length ? i : period - 1 - i;
}

void warp(const TrainingSample& sample, const Affine& t, int side, std::vector<std::uint8_t>& rgb,
          std::span<std::uint8_t> mask) {
    const int width = sample.size.width;
    const int height = sample.size.height;
    rgb.resize(static_cast<std::size_t>(side) * side * 3);
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            const double sx = t.xx * (x + 0.5) + t.xy * (y + 0.5) + t.x0 - 0.5;
            const double sy = t.yx * (x + 0.5) + t.yy * (y + 0.5) + t.y0 - 0.5;
            const int ix = static_cast<int>(std::floor(sx));
            const int iy = static_cast<int>(std::floor(sy));
            const float fx = static_cast<float>(sx - ix);
            const float fy = static_cast<float>(sy - iy);
            int x0 = ix;
            int x1 = ix + 1;
            int y0 = iy;
            int y1 = iy + 1;
            if (ix < 0 || iy < 0 || x1 >= width || y1 >= height) {
                x0 = mirrored(x0, width);
                x1 = mirrored(x1, width);
                y0 = mirrored(y0, height);
                y1 = mirrored(y1, height);
            }
            const std::size_t p00 = static_cast<std::size_t>(y0) * width + x0;
            const std::size_t p01 = static_cast<std::size_t>(y0) * width + x1;
            const std::size_t p10 = static_cast<std::size_t>(y1) * width + x0;
            const std::size_t p11 = static_cast<std::size_t>(y1) * width + x1;
            const float w00 = (1 - fx) * (1 - fy);
            const float w01 = fx * (1 - fy);
            const float w10 = (1 - fx) * fy;
            const float w11 = fx * fy;
            const std::size_t target = static_cast<std::size_t>(y) * side + x;
            for (int c = 0; c < 3; ++c) {
                const float value = w00 * sample.rgb[p00 * 3 + c] + w01 * sample.rgb[p01 * 3 + c] +
                                    w10 * sample.rgb[p10 * 3 + c] + w11 * sample.rgb[p11 * 3 + c];
                rgb[target * 3 + c] = static_cast<std::uint8_t>(value + 0.5f);
            }
            const float inside = w00 * sample.mask[p00] + w01 * sample.mask[p01] + w10 * sample.mask[p10] +
                                 w11 * sample.mask[p11];
            mask[target] = static_cast<std::uint8_t>(inside * 255.0f + 0.5f);
        }
    }
}

// Camera differences: gain per channel, gamma, then saturation and contrast about grey, and a small hue turn.
void recolour(std::vector<std::uint8_t>& rgb, double strength, Random& random) {
    std::array<std::array<float, 256>, 3> curve;
    const double commonGain = std::exp(random.within(0.35) * strength);
    const double gamma = std::exp(random.within(0.35) * strength);
    for (auto& channel : curve) {
        const double gain = commonGain * std::exp(random.within(0.15) * strength);
        for (int v = 0; v < 256; ++v)
            channel[v] = static_cast<float>(255.0 * std::pow(std::min(1.0, v / 255.0 * gain), gamma));
    }
    const float saturation = static_cast<float>(std::exp(random.within(0.5) * strength));
    const float contrast = static_cast<float>(std::exp(random.within(0.3) * strength));
    const float middle = static_cast<float>(128.0 + random.within(30.0) * strength);
    const double hue = random.within(0.15) * strength;
    // Turn about the grey axis (Rodrigues' formula for the axis (1, 1, 1) / sqrt 3).
    const double cosine = std::cos(hue);
    const double third = (1.0 - cosine) / 3.0;
    const double root = std::sin(hue) / std::sqrt(3.0);
    const float same = static_cast<float>(cosine + third);
    const float next = static_cast<float>(third - root);
    const float previous = static_cast<float>(third + root);
    const bool grey = random.happens(0.05 * strength);
    for (std::size_t i = 0; i + 2 < rgb.size(); i += 3) {
        const float r0 = curve[0][rgb[i]];
        const float g0 = curve[1][rgb[i + 1]];
        const float b0 = curve[2][rgb[i + 2]];
        const float r1 = same * r0 + next * g0 + previous * b0;
        const float g1 = previous * r0 + same * g0 + next * b0;
        const float b1 = next * r0 + previous * g0 + same * b0;
        const float luma = 0.299f * r1 + 0.587f * g1 + 0.114f * b1;
        const float s = grey ? 0.0f : saturation;
        const float base = (luma - middle) * contrast + middle;
        const std::array<float, 3> value = {base + (r1 - luma) * s, base + (g1 - luma) * s,
                                            base + (b1 - luma) * s};
        for (int c = 0; c < 3; ++c)
            rgb[i + c] = static_cast<std::uint8_t>(std::clamp(value[c], 0.0f, 255.0f) + 0.5f);
    }
}

// A box along a line, by running sums with the border repeated.
void blurLine(std::uint8_t* first, std::size_t step, int side, int radius, std::vector<std::uint8_t>& line) {
    const int span = 2 * radius + 1;
    for (int i = 0; i < side; ++i)
        line[i] = first[i * step];
    int sum = 0;
    for (int i = -radius; i <= radius; ++i)
        sum += line[std::clamp(i, 0, side - 1)];
    for (int i = 0; i < side; ++i) {
        first[i * step] = static_cast<std::uint8_t>((sum + span / 2) / span);
        sum += line[std::min(i + radius + 1, side - 1)] - line[std::max(i - radius, 0)];
    }
}

// Interleaved channels, along rows, then along columns.
void blur(std::span<std::uint8_t> pixels, std::size_t channels, int side, int radius) {
    std::vector<std::uint8_t> line(static_cast<std::size_t>(side));
    const std::size_t row = static_cast<std::size_t>(side) * channels;
    for (int i = 0; i < side; ++i)
        for (std::size_t c = 0; c < channels; ++c)
            blurLine(pixels.data() + i * row + c, channels, side, radius, line);
    for (int i = 0; i < side; ++i)
        for (std::size_t c = 0; c < channels; ++c)
            blurLine(pixels.data() + i * channels + c, row, side, radius, line);
}

void addNoise(std::vector<std::uint8_t>& rgb, double deviation, Random& random) {
    for (std::size_t i = 0; i < rgb.size(); i += 4) {
        // Four bytes of one draw for four samples: two uniforms each would be wasted on noise.
        std::uint64_t bits = random.next();
        for (std::size_t j = i; j < std::min(i + 4, rgb.size()); ++j, bits >>= 16) {
            const double a =
                static_cast<double>(bits & 0xff) + static_cast<double>((bits >> 8) & 0xff) - 255.0;
            // The sum of two uniforms of width 256 has a deviation of 104.5.
            const double value = rgb[j] + a * deviation / 104.5;
            rgb[j] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
        }
    }
}

void cutOut(std::vector<std::uint8_t>& rgb, int side, Random& random) {
    const int width = 1 + static_cast<int>(random.unit() * side * 0.3);
    const int height = 1 + static_cast<int>(random.unit() * side * 0.3);
    const int x0 = static_cast<int>(random.unit() * (side - width));
    const int y0 = static_cast<int>(random.unit() * (side - height));
    const std::array<std::uint8_t, 3> colour = {static_cast<std::uint8_t>(random.next()),
                                                static_cast<std::uint8_t>(random.next()),
                                                static_cast<std::uint8_t>(random.next())};
    for (int y = y0; y < y0 + height; ++y)
        for (int x = x0; x < x0 + width; ++x)
            for (int c = 0; c < 3; ++c)
                rgb[(static_cast<std::size_t>(y) * side + x) * 3 + c] = colour[c];
}

// Limits of what is worth pasting: the area's share of the picture, and how bright its new surroundings are.
constexpr double kLeastPasted = 0.004;
constexpr double kMostPasted = 0.35;
constexpr double kDarkCorner = 30.0;

void paste(const TrainingSample& donor, const AugmentOptions& options, int side, Random& random,
           std::vector<std::uint8_t>& rgb, std::span<std::uint8_t> mask) {
    std::vector<std::uint8_t> area(mask.size());
    std::vector<std::uint8_t> from;
    warp(donor, randomAffine(options, donor.size, side, random), side, from, area);
    const double share = std::accumulate(area.begin(), area.end(), 0.0) / (255.0 * area.size());
    const double matching = random.unit();
    const int softness = 1 + static_cast<int>(random.unit() * 2.0);
    if (share < kLeastPasted || share > kMostPasted)
        return;

    // The mean colours of both pictures in a ring about the area.
    std::vector<std::uint8_t> around(area);
    blur(around, 1, side, std::max(2, side / 20));
    std::array<double, 3> hereSum{};
    std::array<double, 3> thereSum{};
    double weightSum = 0.0;
    for (std::size_t i = 0; i < area.size(); ++i) {
        const double weight = around[i] * (255 - area[i]);
        weightSum += weight;
        for (std::size_t c = 0; c < 3; ++c) {
            hereSum[c] += weight * rgb[i * 3 + c];
            thereSum[c] += weight * from[i * 3 + c];
        }
    }
    if (weightSum <= 0.0 ||
        std::accumulate(hereSum.begin(), hereSum.end(), 0.0) < 3.0 * kDarkCorner * weightSum)
        return;
    std::array<float, 3> shift;
    for (std::size_t c = 0; c < 3; ++c)
        shift[c] = static_cast<float>(matching * (hereSum[c] - thereSum[c]) / weightSum);

    std::vector<std::uint8_t> soft(area);
    blur(soft, 1, side, softness);
    for (std::size_t i = 0; i < area.size(); ++i) {
        const float part = soft[i] / 255.0f;
        for (std::size_t c = 0; c < 3; ++c) {
            const float there = std::clamp(from[i * 3 + c] + shift[c], 0.0f, 255.0f);
            const float here = rgb[i * 3 + c];
            rgb[i * 3 + c] = static_cast<std::uint8_t>(here + part * (there - here) + 0.5f);
        }
        mask[i] = std::max(mask[i], area[i]);
    }
}

} // namespace

AugmentOptions paperAugmentation() {
    return {};
}

AugmentOptions strongAugmentation() {
    AugmentOptions options;
    options.rotationProbability = 0.8;
    options.logScale = 0.4;
    options.logAspect = 0.3;
    options.shift = 0.15;
    options.shear = 0.15;
    options.colour = 1.0;
    options.blurProbability = 0.2;
    options.noiseProbability = 0.2;
    options.artefactProbability = 0.08;
    options.cutoutProbability = 0.2;
    return options;
}

AugmentOptions calmAugmentation(AugmentOptions options) {
    options.logScale *= 0.5;
    options.logAspect *= 0.5;
    options.shift *= 0.5;
    options.shear *= 0.5;
    options.colour *= 0.3;
    options.blurProbability *= 0.5;
    options.noiseProbability *= 0.5;
    options.artefactProbability = 0.0;
    options.cutoutProbability = 0.0;
    options.pasteProbability = 0.0;
    return options;
}

void augment(const TrainingSample& sample, const AugmentOptions& options, int side, std::uint64_t seed,
             std::span<std::uint8_t> planes, std::span<std::uint8_t> mask, const TrainingSample* donor) {
    Random random(seed);
    std::vector<std::uint8_t> rgb;
    warp(sample, randomAffine(options, sample.size, side, random), side, rgb, mask);
    if (donor != nullptr) {
        Random own(random.next());
        paste(*donor, options, side, own, rgb, mask);
    }
    const Size size{side, side};
    using Draw = void (*)(std::uint8_t*, Size, std::uint64_t);
    for (const Draw draw : {&drawHairs, &drawSpecularLights, &drawRulerMarks, &drawBubbles}) {
        const std::uint64_t drawSeed = random.next();
        if (random.happens(options.artefactProbability))
            draw(rgb.data(), size, drawSeed);
    }
    if (random.happens(options.cutoutProbability))
        cutOut(rgb, side, random);
    if (options.colour > 0.0)
        recolour(rgb, options.colour, random);
    if (random.happens(options.blurProbability))
        blur(rgb, 3, side, 1 + static_cast<int>(random.unit() * 2.5));
    if (random.happens(options.noiseProbability))
        addNoise(rgb, 1.0 + 9.0 * random.unit(), random);
    const std::size_t pixels = size.pixels();
    for (std::size_t i = 0; i < pixels; ++i)
        for (std::size_t c = 0; c < 3; ++c)
            planes[c * pixels + i] = rgb[i * 3 + c];
}

void plainSample(const TrainingSample& sample, int side, std::span<float> planes, std::span<float> mask) {
    preprocess(sample.rgb, sample.size, {0, 0, sample.size.width, sample.size.height}, {side, side},
               ResizeMode::Antialias, planes);
    std::vector<std::uint8_t> scaled(sample.mask.size());
    std::transform(sample.mask.begin(), sample.mask.end(), scaled.begin(),
                   [](std::uint8_t value) { return static_cast<std::uint8_t>(value * 255); });
    resizePlane(scaled, sample.size, {0, 0, sample.size.width, sample.size.height}, {side, side},
                ResizeMode::Antialias, mask);
    for (float& value : mask)
        value /= 255.0f;
}

bool isHeldOut(const std::string& stem) {
    return fnv1a(stem) % 10 == 0;
}

} // namespace limn
