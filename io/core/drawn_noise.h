// SPDX-License-Identifier: GPL-3.0-or-later
// Inner tools of the drawing code: random numbers, elementary functions, tileable noise tables and small
// raster operations, all giving the same bits on every machine. Not for use outside io/core. Plain C++20; the
// tables are built once, on first use, and are read-only afterwards, so any thread may use everything here.
#pragma once

#include "io/core/hashing.h"
#include "io/core/image.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

namespace limn::drawn {

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
// The order of draws is part of a picture: no expression may draw twice where the language leaves the order
// of evaluation open (function arguments, operands); braces and the conditional operator are in order.
class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed) {}

    std::uint64_t next() { return splitMixNext(m_state); }
    // [0, 1), 24 bits.
    float uniform() { return static_cast<float>(next() >> 40) * (1.0f / 16777216.0f); }
    float range(float low, float high) { return low + (high - low) * uniform(); }
    // Low values are likelier: the square of a uniform number, stretched to [low, high).
    float rangeLow(float low, float high) {
        const float u = uniform();
        return low + (high - low) * u * u;
    }
    // Bell-shaped, mean 0, standard deviation 1, within +-3.5.
    float bell() {
        float sum = 0.0f;
        for (int i = 0; i < 4; ++i)
            sum += uniform();
        return (sum - 2.0f) * 1.7320508f;
    }
    bool chance(float probability) { return uniform() < probability; }
    // 0 .. count - 1
    int below(int count) {
        return static_cast<int>((next() >> 32) * static_cast<std::uint64_t>(count) >> 32);
    }

private:
    std::uint64_t m_state;
};

inline float clamp01(float x) {
    return x < 0.0f ? 0.0f : (x > 1.0f ? 1.0f : x);
}
inline float mix(float a, float b, float t) {
    return a + (b - a) * t;
}
// 0 below `low`, 1 above `high`, a smooth cubic between.
inline float ramp(float low, float high, float x) {
    const float t = clamp01((x - low) / (high - low));
    return t * t * (3.0f - 2.0f * t);
}
inline int floorToInt(float x) {
    const int i = static_cast<int>(x);
    return i - (x < static_cast<float>(i) ? 1 : 0);
}

// exp(x) to about 1e-4 relative, for |x| < 80: a power of two by its bits times a polynomial.
inline float exponential(float x) {
    const float t = (x < -80.0f ? -80.0f : (x > 80.0f ? 80.0f : x)) * 1.44269504f;
    const int whole = floorToInt(t);
    const float f = t - static_cast<float>(whole);
    const float p = 1.0f + f * (0.6951786f + f * (0.2276447f + f * 0.0771767f));
    return p * std::bit_cast<float>((whole + 127) << 23);
}
// Natural logarithm to about 1e-4, x > 0: the exponent's bits, then atanh's series.
inline float logarithm(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const int exponent = static_cast<int>(bits >> 23) - 127;
    const float m = std::bit_cast<float>((bits & 0x007FFFFFu) | 0x3F800000u);
    const float s = (m - 1.4142135f) / (m + 1.4142135f);
    const float q = s * s;
    return 0.34657359f + static_cast<float>(exponent) * 0.69314718f +
           2.0f * s * (1.0f + q * (0.33333333f + q * (0.2f + q * 0.14285714f)));
}
inline float power(float x, float y) {
    return x <= 0.0f ? 0.0f : exponential(y * logarithm(x));
}
// sin(2 pi t) to about 1e-3: Bhaskara-like parabola with one correction.
inline float sinTurns(float t) {
    const float x = t - static_cast<float>(floorToInt(t + 0.5f)); // [-0.5, 0.5)
    const float p = 8.0f * x - 16.0f * x * std::fabs(x);
    return p + 0.225f * (p * std::fabs(p) - p);
}
inline float cosTurns(float t) {
    return sinTurns(t + 0.25f);
}

// An ellipse of which outlines are made: one of the round bodies of a lesion or a polyp.
struct Lobe {
    float x, y;           // centre, relative to the body's
    float xx, xy, yx, yy; // to the unit circle
};

// `where` (in turns) is the direction in which it lies `away`; `size` is the radius of the circle of its
// area.
inline Lobe lobeAt(float away, float where, float size, float stretch, float turn) {
    const float c = cosTurns(turn);
    const float s = sinTurns(turn);
    const float a = 1.0f / (size * stretch);
    const float b = stretch / size;
    return {away * cosTurns(where), away * sinTurns(where), c * a, s * a, -s * b, c * b};
}

// Angle of (x, y) in turns, [-0.5, 0.5], to about 1e-4 turns.
inline float angleTurns(float y, float x) {
    const float ax = std::fabs(x);
    const float ay = std::fabs(y);
    const float high = ax > ay ? ax : ay;
    if (high <= 0.0f)
        return 0.0f;
    const float q = (ax > ay ? ay : ax) / high;
    float a = q * (0.125f + (1.0f - q) * (0.0389f + 0.0105f * q));
    if (ay > ax)
        a = 0.25f - a;
    if (x < 0.0f)
        a = 0.5f - a;
    return y < 0.0f ? -a : a;
}

// A tileable square of noise with its mip levels (each the average of 2 x 2 of the one before).
struct Table {
    static constexpr int kSide = 512;
    static constexpr int kLevels = 8;
    std::vector<float> levels[kLevels];

    void buildLevels();
};

struct Tables {
    Table soft; // sum of six octaves of gradient noise; mean 0, standard deviation 1; coarsest wave: 1/4 side
    Table fine; // the same from 1/16 of the side on: less even, more grain
    Table edges; // distance from the borders of irregular cells, in cells: 0 on a border; 24 cells a side
    Table blobs; // 1 in the middle of a round blob, 0 at its rim, down to -1 between; 24 cells a side
};
constexpr float kCellsPerTile = 24.0f;

const Tables& tables();

// Bilinear, tiled; x, y in texels of the level. Coordinates are expected above -kTilesBefore tiles.
inline float sampleLevel(const float* data, int side, float x, float y) {
    const int ix = static_cast<int>(x);
    const int iy = static_cast<int>(y);
    const float fx = x - static_cast<float>(ix);
    const float fy = y - static_cast<float>(iy);
    const int mask = side - 1;
    const float* row0 = data + (iy & mask) * side;
    const float* row1 = data + ((iy + 1) & mask) * side;
    const int x0 = ix & mask;
    const int x1 = (ix + 1) & mask;
    const float top = row0[x0] + (row0[x1] - row0[x0]) * fx;
    const float bottom = row1[x0] + (row1[x1] - row1[x0]) * fx;
    return top + (bottom - top) * fy;
}

// So many whole tiles are added to every coordinate, so that truncation is the same as rounding down.
constexpr float kTilesBefore = 16.0f;

// The same with u, v in texels of level 0.
inline float sampleTable(const Table& table, int level, float u, float v) {
    const float scale = std::bit_cast<float>((127 - level) << 23);
    constexpr float before = kTilesBefore * Table::kSide;
    return sampleLevel(table.levels[level].data(), Table::kSide >> level, (u + before) * scale,
                       (v + before) * scale);
}

// Mip level for a step of so many texels between neighbouring pixels.
inline int levelFor(float texelsPerPixel) {
    if (!(texelsPerPixel > 1.0f))
        return 0;
    const int level = static_cast<int>(std::bit_cast<std::uint32_t>(texelsPerPixel) >> 23) - 127;
    return level < Table::kLevels - 1 ? level : Table::kLevels - 1;
}

// A table laid over the scene at a random place and turn.
class Layer {
public:
    Layer() = default;
    // tileSize: length of the table's side in scene units; pixel: scene units per pixel; stretch: how much
    // longer structures are along the layer's own x axis; turn: of that axis, in turns, random when negative.
    Layer(const Table& table, float tileSize, float pixel, Random& random, float stretch = 1.0f,
          float turn = -1.0f);

    float at(float x, float y) const {
        return sampleLevel(m_data, m_side, m_xx * x + m_xy * y + m_x0, m_yx * x + m_yy * y + m_y0);
    }

private:
    const float* m_data = nullptr;
    int m_side = 1;
    float m_xx = 0.0f, m_xy = 0.0f, m_x0 = 0.0f;
    float m_yx = 0.0f, m_yy = 0.0f, m_y0 = 0.0f;
};

// Where pixel centres lie in the scene. The scene is the rectangle [0, 4/3] x [0, 1]. Sizes between 1:1 and
// 4:3 show exactly it (squeezed sideways when narrower than 4:3); wider ones show more at the sides, upright
// ones more above and below.
struct Frame {
    static constexpr float kSceneWidth = 4.0f / 3.0f;
    Size size;
    float stepX = 0.0f, stepY = 0.0f; // scene units per pixel
    float left = 0.0f, top = 0.0f;

    explicit Frame(Size size);
    float x(int column) const { return left + (static_cast<float>(column) + 0.5f) * stepX; }
    float y(int row) const { return top + (static_cast<float>(row) + 0.5f) * stepY; }
    float column(float sceneX) const { return (sceneX - left) / stepX - 0.5f; }
    float row(float sceneY) const { return (sceneY - top) / stepY - 0.5f; }
    float right() const { return left + stepX * static_cast<float>(size.width); }
    float bottom() const { return top + stepY * static_cast<float>(size.height); }
    float pixel() const { return std::sqrt(stepX * stepY); }
};

struct Color {
    float r = 0.0f, g = 0.0f, b = 0.0f; // 0 .. 1
};
inline Color operator*(Color c, float k) {
    return {c.r * k, c.g * k, c.b * k};
}
inline Color mix(Color a, Color b, float t) {
    return {mix(a.r, b.r, t), mix(a.g, b.g, t), mix(a.b, b.b, t)};
}
inline std::uint8_t toByte(float v) { // 0 .. 1 -> 0 .. 255
    return static_cast<std::uint8_t>(clamp01(v) * 255.0f + 0.5f);
}

// How much of each pixel a set of thin strokes covers: 0 .. 255. The highest of all strokes counts, so that
// the joints of a polyline do not darken.
class Coverage {
public:
    explicit Coverage(const Frame& frame) : m_frame(frame), m_values(frame.size.pixels(), 0) {}

    // A stroke between two points of the scene whose width goes from one value to another; thinner than a
    // pixel it gets paler instead. soft: extra blur of its borders. All in scene units.
    void stroke(float x0, float y0, float x1, float y1, float width0, float width1, float opacity,
                float soft = 0.0f);
    // A filled axis-parallel rectangle.
    void box(float x0, float y0, float x1, float y1, float opacity);

    void blend(std::uint8_t* rgb, Color color) const;
    // Lets the picture shine through as through ink.
    void multiply(std::uint8_t* rgb, Color color) const;
    const std::vector<std::uint8_t>& values() const { return m_values; }

private:
    Frame m_frame;
    std::vector<std::uint8_t> m_values;
};

// Rows of small digits and letters, drawn from strokes; `height` in scene units.
void strokeText(Coverage& coverage, float x, float y, float height, const char* text, float turn = 0.0f);

// The artefacts of drawn_artefacts.h on a known frame.
void hairsOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random);
void specularOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random);
void rulerOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random);
void bubblesOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random);

// Gaussian-like blur; sigmas in pixels, below 0.3 nothing happens.
void blur(std::uint8_t* rgb, Size size, float sigmaX, float sigmaY);
// amount > 0 makes edges steeper by that share of the difference from a blur of sigma pixels.
void sharpen(std::uint8_t* rgb, Size size, float sigmaPixels, float amount);
// Noise of the sensor: brightness and colour, standard deviations in grey values.
void addNoise(std::uint8_t* rgb, Size size, float luma, float chroma, std::uint64_t seed);

} // namespace limn::drawn
