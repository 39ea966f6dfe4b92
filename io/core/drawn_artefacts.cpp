// SPDX-License-Identifier: GPL-3.0-or-later
// Hairs, reflections, rulers and bubbles over an existing picture (see drawn_artefacts.h).
#include "io/core/drawn_artefacts.h"

#include "io/core/drawn_noise.h"

#include <algorithm>

namespace limn::drawn {

namespace {

// A hair: a quadratic curve, thick at its root and pointed at its tip, with a little waviness.
void hair(Coverage& coverage, Random& random, float x, float y, float turn, float length, float bend,
          float width, float opacity) {
    const float tx = cosTurns(turn);
    const float ty = sinTurns(turn);
    const float wave = random.range(0.0f, 0.012f) * length;
    const float phase = random.uniform();
    const float waves = random.range(0.5f, 2.0f);
    constexpr int kPieces = 20;
    float lastX = x;
    float lastY = y;
    float lastWidth = width;
    for (int i = 1; i <= kPieces; ++i) {
        const float t = static_cast<float>(i) / kPieces;
        const float side = bend * length * t * t + wave * (sinTurns(phase + waves * t) - sinTurns(phase));
        const float px = x + tx * length * t - ty * side;
        const float py = y + ty * length * t + tx * side;
        const float w = width * (1.0f - 0.85f * t * t * t);
        coverage.stroke(lastX, lastY, px, py, lastWidth, w, opacity);
        lastX = px;
        lastY = py;
        lastWidth = w;
    }
}

} // namespace

void hairsOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random) {
    struct Style {
        int count;
        float length, width, opacity, bend, spread;
    };
    static constexpr Color kDark[] = {{0.10f, 0.07f, 0.06f},
                                      {0.20f, 0.12f, 0.08f},
                                      {0.27f, 0.18f, 0.10f},
                                      {0.06f, 0.05f, 0.06f},
                                      {0.33f, 0.24f, 0.15f}};
    static constexpr Color kLight[] = {{0.62f, 0.47f, 0.28f}, {0.70f, 0.58f, 0.42f}, {0.55f, 0.50f, 0.45f}};
    Style style{};
    Color color;
    const float kindOfHair = random.uniform();
    if (kindOfHair < 0.42f) { // a few long ones
        style = {3 + random.below(12),       random.range(0.35f, 1.0f), random.range(0.004f, 0.010f),
                 random.range(0.75f, 0.97f), random.range(0.1f, 0.5f),  random.range(0.04f, 0.3f)};
        color = kDark[random.below(5)];
    } else if (kindOfHair < 0.62f) { // dense
        style = {18 + random.below(40),     random.range(0.25f, 0.7f), random.range(0.0035f, 0.008f),
                 random.range(0.7f, 0.95f), random.range(0.1f, 0.6f),  random.range(0.06f, 0.35f)};
        color = kDark[random.below(5)];
    } else if (kindOfHair < 0.84f) { // down
        style = {10 + random.below(50),     random.range(0.12f, 0.5f), random.range(0.002f, 0.0038f),
                 random.range(0.25f, 0.6f), random.range(0.1f, 0.5f),  random.range(0.05f, 0.25f)};
        color = random.chance(0.5f) ? kLight[random.below(3)] : kDark[random.below(5)];
    } else { // stubble
        style = {8 + random.below(25),     random.range(0.015f, 0.06f), random.range(0.003f, 0.007f),
                 random.range(0.6f, 0.9f), random.range(0.0f, 0.2f),    random.range(0.03f, 0.15f)};
        color = kDark[random.below(5)];
    }
    Coverage coverage(frame);
    const float main = random.uniform();
    for (int i = 0; i < style.count; ++i) {
        const float lean = style.spread * random.bell() * 0.5f;
        const float turn = main + lean + (random.chance(0.5f) ? 0.5f : 0.0f);
        const float length = style.length * random.range(0.5f, 1.4f);
        const float x = random.range(-0.15f, Frame::kSceneWidth + 0.15f) - 0.4f * length * cosTurns(turn);
        const float y = random.range(-0.15f, 1.15f) - 0.4f * length * sinTurns(turn);
        const float bent = style.bend * (random.chance(0.7f) ? 1.0f : -1.0f);
        const float bend = bent * random.range(0.2f, 1.3f);
        const float width = style.width * random.range(0.55f, 1.3f);
        hair(coverage, random, x, y, turn, length, bend, width, style.opacity * random.range(0.7f, 1.0f));
    }
    coverage.blend(rgb, color);
}

void specularOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random) {
    Coverage glow(frame);
    Coverage core(frame);
    const int clusters = 1 + random.below(6);
    for (int i = 0; i < clusters; ++i) {
        const float cx = random.range(0.05f, Frame::kSceneWidth - 0.05f);
        const float cy = random.range(0.05f, 0.95f);
        const float spread = random.range(0.01f, 0.07f);
        const float turn = random.uniform();
        const int spots = 1 + random.below(9);
        for (int k = 0; k < spots; ++k) {
            const float along = spread * random.bell();
            const float across = 0.4f * spread * random.bell();
            const float x = cx + along * cosTurns(turn) - across * sinTurns(turn);
            const float y = cy + along * sinTurns(turn) + across * cosTurns(turn);
            const float length = random.rangeLow(0.002f, 0.022f);
            const float width = random.rangeLow(0.003f, 0.014f);
            const float lean = turn + 0.12f * random.bell();
            const float ex = x + length * cosTurns(lean);
            const float ey = y + length * sinTurns(lean);
            glow.stroke(x, y, ex, ey, width * 2.2f, width * 1.6f, 0.4f, width * 0.8f);
            core.stroke(x, y, ex, ey, width, width * 0.6f, 1.0f);
        }
    }
    glow.blend(rgb, {0.97f, 0.93f, 0.90f});
    core.blend(rgb, {1.0f, 1.0f, 0.99f});
}

void rulerOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random) {
    Coverage coverage(frame);
    const float step = random.range(0.018f, 0.075f);
    const bool bar = random.chance(0.6f);
    const float pen = random.range(0.0028f, 0.0055f);
    const float tick = random.range(0.018f, 0.04f);
    // Along a side of the picture, a little turned.
    const int side = random.below(3); // below, left, anywhere turned
    const int count = bar ? 10 + 5 * random.below(2) : 6 + random.below(14);
    float turn = 0.02f * random.bell();
    float x = random.range(0.12f, 0.5f);
    float y = random.range(0.84f, 0.95f);
    if (side == 1) {
        turn += 0.25f;
        x = random.range(0.03f, 0.12f);
        y = random.range(0.05f, 0.3f);
    } else if (side == 2) {
        turn = random.range(-0.12f, 0.12f);
        x = random.range(0.1f, 0.8f);
        y = random.range(0.7f, 0.95f);
    }
    const float c = cosTurns(turn);
    const float s = sinTurns(turn);
    const float up = random.chance(0.8f) ? -1.0f : 1.0f;
    const float opacity = random.range(0.55f, 0.95f);
    for (int i = 0; i <= count; ++i) {
        const float a = step * static_cast<float>(i);
        const float h = up * tick * (i % 10 == 0 ? 1.6f : (i % 5 == 0 ? 1.3f : 1.0f));
        coverage.stroke(x + c * a, y + s * a, x + c * a - s * h, y + s * a + c * h, pen, pen, opacity);
    }
    if (bar) {
        const float a = step * static_cast<float>(count);
        coverage.stroke(x, y, x + c * a, y + s * a, pen, pen, opacity);
        const float d = -up * 0.014f - (up > 0.0f ? 0.024f : 0.0f);
        strokeText(coverage, x - s * d, y + c * d, 0.024f, "mm", turn);
    }
    coverage.blend(rgb, {0.10f, 0.09f, 0.09f});
}

void bubblesOnFrame(std::uint8_t* rgb, const Frame& frame, Random& random) {
    Coverage dark(frame);
    Coverage bright(frame);
    const int clusters = 1 + random.below(3);
    for (int i = 0; i < clusters; ++i) {
        const float cx = random.range(0.0f, Frame::kSceneWidth);
        const float cy = random.range(0.0f, 1.0f);
        const float spread = random.range(0.04f, 0.22f);
        const int count = 3 + random.below(16);
        for (int k = 0; k < count; ++k) {
            const float x = cx + spread * random.bell();
            const float y = cy + spread * random.bell();
            const float radius = random.rangeLow(0.0035f, 0.022f);
            constexpr int kSides = 20;
            for (int a = 0; a < kSides; ++a) {
                const float t0 = static_cast<float>(a) / kSides;
                const float t1 = static_cast<float>(a + 1) / kSides;
                // The rim is brightest towards the lamp and dark opposite.
                const float lit = 0.5f + 0.5f * cosTurns(t0 - 0.62f);
                const float x0 = x + radius * cosTurns(t0);
                const float y0 = y + radius * sinTurns(t0);
                const float x1 = x + radius * cosTurns(t1);
                const float y1 = y + radius * sinTurns(t1);
                const float pen = radius * 0.2f;
                dark.stroke(x0, y0, x1, y1, pen, pen, 0.55f * (1.0f - lit) + 0.1f);
                bright.stroke(x + 0.8f * (x0 - x), y + 0.8f * (y0 - y), x + 0.8f * (x1 - x),
                              y + 0.8f * (y1 - y), pen, pen, 0.75f * lit);
            }
            bright.stroke(x - 0.35f * radius, y - 0.4f * radius, x - 0.25f * radius, y - 0.45f * radius,
                          radius * 0.3f, radius * 0.3f, 0.95f);
        }
    }
    dark.blend(rgb, {0.18f, 0.12f, 0.10f});
    bright.blend(rgb, {1.0f, 0.99f, 0.97f});
}

namespace {

void onFrame(std::uint8_t* rgb, Size size, std::uint64_t seed,
             void (*draw)(std::uint8_t*, const Frame&, Random&)) {
    if (size.width < 1 || size.height < 1)
        return;
    Random random(seed);
    draw(rgb, Frame(size), random);
}

} // namespace

} // namespace limn::drawn

namespace limn {

void drawHairs(std::uint8_t* rgb, Size size, std::uint64_t seed) {
    drawn::onFrame(rgb, size, seed, drawn::hairsOnFrame);
}
void drawSpecularLights(std::uint8_t* rgb, Size size, std::uint64_t seed) {
    drawn::onFrame(rgb, size, seed, drawn::specularOnFrame);
}
void drawRulerMarks(std::uint8_t* rgb, Size size, std::uint64_t seed) {
    drawn::onFrame(rgb, size, seed, drawn::rulerOnFrame);
}
void drawBubbles(std::uint8_t* rgb, Size size, std::uint64_t seed) {
    drawn::onFrame(rgb, size, seed, drawn::bubblesOnFrame);
}

} // namespace limn
