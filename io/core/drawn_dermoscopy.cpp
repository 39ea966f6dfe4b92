// SPDX-License-Identifier: GPL-3.0-or-later
// Draws skin through a dermatoscope with one lesion on it. The colour of a point follows from how much
// melanin and blood light crosses there (Beer-Lambert: reflectance = base * exp(-density)), which gives skin
// tones and browns their natural relation; everything else is shapes and noise. Lengths are in scene units:
// the picture's height is 1.
#include "io/core/drawn_dermoscopy.h"

#include "io/core/drawn_noise.h"

#include <algorithm>
#include <array>

namespace limn::drawn {

namespace {

constexpr float kPi = 3.14159265f;

// The outline: a smooth union of ellipses in coordinates that noise has bent.
struct Shape {
    float x = 0.0f, y = 0.0f; // centre
    float radius = 0.1f;      // of the circle of the same area
    float reach = 1.0f;       // in radii: nothing of the lesion lies farther out
    float bend = 0.0f, ripple = 0.0f;
    float level = 0.0f;
    int lobeCount = 1;
    std::array<Lobe, 5> lobes{};
    Layer bendX, bendY, rippleX, rippleY;

    // Above 0 inside; 1 in a lobe's middle, falling by about 1 a radius.
    float at(float px, float py) const {
        float qx = (px - x) / radius;
        float qy = (py - y) / radius;
        if (qx * qx + qy * qy > reach * reach)
            return -reach;
        qx += bend * bendX.at(px, py) + ripple * rippleX.at(px, py);
        qy += bend * bendY.at(px, py) + ripple * rippleY.at(px, py);
        float best = -100.0f;
        for (int i = 0; i < lobeCount; ++i) {
            const Lobe& lobe = lobes[static_cast<std::size_t>(i)];
            const float dx = qx - lobe.x;
            const float dy = qy - lobe.y;
            const float u = lobe.xx * dx + lobe.xy * dy;
            const float v = lobe.yx * dx + lobe.yy * dy;
            const float d = 1.0f - std::sqrt(u * u + v * v);
            // Smooth maximum (polynomial, width 0.35).
            const float h = clamp01(0.5f + 0.5f * (d - best) / 0.35f);
            best = mix(best, d, h) + 0.35f * h * (1.0f - h);
        }
        return best - level;
    }
};

// The border of a round field of view; radius 0: the picture shows none.
struct Rim {
    float x = 0.0f, y = 0.0f;
    float radius = 0.0f;
    float soft = 0.0f;
};

Rim makeRim(Random& random) {
    Rim rim;
    const float kind = random.uniform();
    if (kind < 0.38f) {
        rim.radius = kind < 0.06f ? random.range(0.42f, 0.52f) : random.range(0.58f, 0.8f);
        rim.soft = random.chance(0.5f) ? random.range(0.004f, 0.02f) : random.range(0.03f, 0.12f);
        rim.x = Frame::kSceneWidth * 0.5f + 0.03f * random.bell();
        rim.y = 0.5f + 0.03f * random.bell();
    }
    return rim;
}

Shape makeShape(Random& random, float share, bool regular, const Rim& rim) {
    Shape shape;
    float area = share * Frame::kSceneWidth;
    if (rim.radius > 0.0f)
        area = std::min(area, 0.6f * kPi * rim.radius * rim.radius);
    shape.radius = std::sqrt(area / kPi);
    // Large lesions stay near the middle; small ones may lie anywhere.
    const float roomX = std::max(0.0f, Frame::kSceneWidth * 0.5f - shape.radius * 0.9f) + 0.04f;
    const float roomY = std::max(0.0f, 0.5f - shape.radius * 0.9f) + 0.04f;
    float wander = random.chance(0.6f) ? 0.28f : 0.85f;
    if (rim.radius > 0.0f)
        wander *= rim.radius < 0.55f ? 0.3f : 0.6f;
    shape.x = Frame::kSceneWidth * 0.5f + roomX * wander * random.range(-1.0f, 1.0f);
    shape.y = 0.5f + roomY * wander * random.range(-1.0f, 1.0f);
    shape.lobeCount = regular ? 1 + random.below(2) : 1 + random.below(5);
    const float long0 = random.range(1.0f, 1.45f);
    const float axis = random.uniform();
    for (int i = 0; i < shape.lobeCount; ++i) {
        const float size = i == 0 ? 1.0f : random.range(0.35f, 0.8f);
        const float turn = i == 0 ? axis : random.uniform();
        const float stretch = i == 0 ? long0 : random.range(1.0f, 1.6f);
        const float away = i == 0 ? 0.0f : random.range(0.4f, 1.05f);
        const float where = random.uniform();
        shape.lobes[static_cast<std::size_t>(i)] = lobeAt(away, where, size, stretch, turn);
    }
    shape.bend = regular ? random.range(0.03f, 0.09f) : random.range(0.06f, 0.2f);
    shape.ripple = regular ? random.range(0.0f, 0.015f) : random.range(0.005f, 0.035f);
    const float r = shape.radius;
    // The outline must be the same at every size: its layers use one level, chosen by the lesion's size.
    // Leaving out the finest octaves also keeps it from looking like a coast.
    const auto outlineLayer = [&](float low, float high) {
        const float tile = r * random.range(low, high);
        return Layer(tables().soft, tile, tile / 128.0f, random);
    };
    shape.bendX = outlineLayer(6.0f, 10.0f);
    shape.bendY = outlineLayer(6.0f, 10.0f);
    shape.rippleX = outlineLayer(1.0f, 2.2f);
    shape.rippleY = outlineLayer(1.0f, 2.2f);
    // A point so far out is outside even where the noise is at its highest (3.5 deviations).
    float out = 0.0f;
    for (int i = 0; i < shape.lobeCount; ++i) {
        const Lobe& lobe = shape.lobes[static_cast<std::size_t>(i)];
        const float a = std::sqrt(lobe.xx * lobe.xx + lobe.xy * lobe.xy);
        const float b = std::sqrt(lobe.yx * lobe.yx + lobe.yy * lobe.yy);
        out = std::max(out, std::sqrt(lobe.x * lobe.x + lobe.y * lobe.y) + 1.0f / std::min(a, b));
    }
    shape.reach = out + 3.5f * (shape.bend + shape.ripple) + 0.7f;
    // Move the threshold until the area is the wanted one, measured on a grid of the scene alone, so that
    // every picture size gets the same outline.
    constexpr int kGrid = 40;
    std::array<float, kGrid * kGrid> samples{};
    const float half = 2.6f * r;
    for (int j = 0; j < kGrid; ++j)
        for (int i = 0; i < kGrid; ++i)
            samples[static_cast<std::size_t>(j * kGrid + i)] =
                shape.at(shape.x + half * ((static_cast<float>(i) + 0.5f) / (0.5f * kGrid) - 1.0f),
                         shape.y + half * ((static_cast<float>(j) + 0.5f) / (0.5f * kGrid) - 1.0f));
    const float cell = 4.0f * half * half / static_cast<float>(kGrid * kGrid);
    const auto inside = std::min<std::size_t>(static_cast<std::size_t>(area / cell), samples.size() - 1);
    std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(inside), samples.end(),
                     std::greater<float>());
    shape.level = std::clamp(samples[inside], -0.6f, 0.6f);
    return shape;
}

// How a lesion looks. Densities add to those of the skin; 0 switches a feature off.
struct Look {
    float melanin = 0.6f; // even pigment
    float mottle = 0.2f;  // its unevenness
    float centre = 0.0f;  // > 0: darker middle; < 0: darker rim
    float blotch = 0.0f;  // dark areas
    float blood = 0.1f;   // redness
    float bloodMottle = 0.1f;
    float network = 0.0f;  // brown net
    float globules = 0.0f; // round brown clods
    float dots = 0.0f;     // small dark dots
    float streaks = 0.0f;  // how far radial streaks reach over the border, in radii
    float veil = 0.0f;     // blue-white haze
    float veilAt = 0.6f;   // noise level above which the haze lies; low = everywhere
    float scar = 0.0f;     // white areas
    float vessels = 0.0f;
    float cysts = 0.0f;    // yellow-white dots
    float openings = 0.0f; // brown-black plugs
    float lacunae = 0.0f;  // red lakes with pale walls
    float crust = 0.0f;    // yellow-brown scale
    float furrows = 0.0f;  // brain-like ridges
    float edge = 0.03f;    // softness of the border, in radii
    float fray = 0.05f;    // unevenness of the border, in radii
    float halo = 0.0f;     // redness around
    bool regular = true;
};

Look makeLook(Random& r) {
    Look k;
    k.mottle = r.range(0.1f, 0.4f);
    k.edge = r.chance(0.3f) ? r.range(0.09f, 0.16f) : r.range(0.14f, 0.45f);
    k.fray = r.range(0.03f, 0.12f);
    k.centre = 0.2f + 0.35f * r.bell();
    k.blood = r.range(-0.05f, 0.16f);
    k.halo = r.chance(0.3f) ? r.range(0.02f, 0.2f) : 0.0f;
    const float which = r.uniform();
    if (which < 0.24f) { // mole with a net
        k.melanin = r.range(0.2f, 0.75f);
        k.network = r.range(0.3f, 0.9f);
        k.globules = r.chance(0.3f) ? r.range(0.2f, 0.6f) : 0.0f;
        k.blotch = r.chance(0.4f) ? r.range(0.3f, 1.0f) : 0.0f;
        k.edge = r.range(0.2f, 0.55f);
        k.fray = r.range(0.06f, 0.2f);
        k.regular = r.chance(0.7f);
    } else if (which < 0.38f) { // mole with clods
        k.melanin = r.range(0.25f, 0.9f);
        k.globules = r.range(0.4f, 1.1f);
        k.dots = r.chance(0.4f) ? r.range(0.3f, 0.8f) : 0.0f;
        k.blotch = r.chance(0.4f) ? r.range(0.2f, 0.9f) : 0.0f;
    } else if (which < 0.5f) { // even brown
        k.melanin = r.range(0.25f, 1.3f);
        k.furrows = r.chance(0.3f) ? r.range(0.1f, 0.4f) : 0.0f;
        k.network = r.chance(0.3f) ? r.range(0.1f, 0.3f) : 0.0f;
    } else if (which < 0.72f) { // many colours
        k.regular = r.chance(0.15f);
        k.melanin = r.range(0.4f, 1.4f);
        k.mottle = r.range(0.25f, 0.6f);
        k.blotch = r.range(0.6f, 2.2f);
        k.network = r.chance(0.6f) ? r.range(0.3f, 1.0f) : 0.0f;
        k.globules = r.chance(0.4f) ? r.range(0.4f, 1.0f) : 0.0f;
        k.dots = r.chance(0.5f) ? r.range(0.4f, 1.0f) : 0.0f;
        k.streaks = r.chance(0.4f) ? r.range(0.1f, 0.3f) : 0.0f;
        k.veil = r.chance(0.55f) ? r.range(0.3f, 0.75f) : 0.0f;
        k.veilAt = r.range(-0.2f, 0.9f);
        k.scar = r.chance(0.3f) ? r.range(0.2f, 0.7f) : 0.0f;
        k.blood = r.range(0.0f, 0.35f);
        k.bloodMottle = r.range(0.1f, 0.4f);
        k.vessels = r.chance(0.25f) ? r.range(0.2f, 0.5f) : 0.0f;
        k.crust = r.chance(0.12f) ? r.range(0.3f, 0.8f) : 0.0f;
        k.fray = r.range(0.05f, 0.2f);
    } else if (which < 0.76f) { // blue
        k.melanin = r.range(1.0f, 2.0f);
        k.veil = r.range(0.5f, 0.8f);
        k.veilAt = -3.0f;
        k.mottle = r.range(0.05f, 0.2f);
        k.blood = 0.05f;
        k.fray = 0.03f;
    } else if (which < 0.86f) { // pale pink, hardly to be told from the skin
        k.regular = r.chance(0.4f);
        k.melanin = r.range(0.02f, 0.2f);
        k.mottle = r.range(0.3f, 0.8f);
        k.blood = r.range(0.12f, 0.5f);
        k.bloodMottle = r.range(0.2f, 0.6f);
        k.vessels = r.chance(0.6f) ? r.range(0.2f, 0.7f) : 0.0f;
        k.scar = r.chance(0.3f) ? r.range(0.2f, 0.5f) : 0.0f;
        k.crust = r.chance(0.2f) ? r.range(0.3f, 0.8f) : 0.0f;
        k.edge = r.range(0.1f, 0.35f);
    } else if (which < 0.95f) { // keratosis
        k.regular = r.chance(0.4f);
        k.melanin = r.range(0.2f, 1.0f);
        k.cysts = r.chance(0.5f) ? r.range(0.2f, 0.55f) : 0.0f;
        k.openings = r.chance(0.5f) ? r.range(0.3f, 1.0f) : 0.0f;
        k.furrows = r.chance(0.6f) ? r.range(0.1f, 0.4f) : 0.0f;
        k.crust = r.chance(0.25f) ? r.range(0.2f, 0.6f) : 0.0f;
        k.edge = r.range(0.06f, 0.14f);
        k.fray = r.range(0.03f, 0.1f);
        k.veil = r.chance(0.3f) ? r.range(0.15f, 0.35f) : 0.0f;
        k.veilAt = -0.3f;
    } else { // red lakes
        k.melanin = r.range(0.05f, 0.5f);
        k.blood = r.range(0.35f, 0.9f);
        k.bloodMottle = r.range(0.2f, 0.4f);
        k.lacunae = r.range(0.3f, 0.9f);
        k.edge = r.range(0.08f, 0.2f);
    }
    return k;
}

// Stickers, ink and the rim of the contact plate.
void drawSticker(std::uint8_t* rgb, const Frame& frame, Random& random) {
    static constexpr Color kPaper[] = {{0.10f, 0.52f, 0.22f},
                                       {0.93f, 0.84f, 0.25f},
                                       {0.93f, 0.50f, 0.12f},
                                       {0.10f, 0.42f, 0.66f},
                                       {0.80f, 0.20f, 0.20f}};
    const Color outer = kPaper[random.below(5)];
    const Color inner = kPaper[random.below(5)];
    const float radius = random.range(0.18f, 0.34f);
    const float place = random.uniform();
    const bool sides = random.chance(0.7f);
    const float x = sides ? (random.chance(0.5f) ? -0.4f * radius : Frame::kSceneWidth + 0.4f * radius)
                          : random.range(0.1f, 1.2f);
    const float y = sides ? place : (random.chance(0.5f) ? -0.45f * radius : 1.0f + 0.45f * radius);
    const Layer weave{tables().fine, 0.16f, frame.pixel(), random};
    const float hole = radius * random.range(0.4f, 0.6f);
    const float soft = 0.002f + frame.pixel();
    for (int row = 0; row < frame.size.height; ++row) {
        const float py = frame.y(row) - y;
        for (int column = 0; column < frame.size.width; ++column) {
            const float px = frame.x(column) - x;
            const float d = std::sqrt(px * px + py * py);
            if (d > radius + soft)
                continue;
            const float a = ramp(radius + soft, radius - soft, d);
            const float light = 0.82f + 0.07f * weave.at(px, py);
            const Color c = mix(outer, inner, ramp(hole + soft, hole - soft, d)) * light;
            std::uint8_t* p = rgb + (static_cast<std::size_t>(row) * frame.size.width + column) * 3;
            p[0] = toByte(mix(p[0] / 255.0f, c.r, a));
            p[1] = toByte(mix(p[1] / 255.0f, c.g, a));
            p[2] = toByte(mix(p[2] / 255.0f, c.b, a));
        }
    }
}

void drawInk(std::uint8_t* rgb, const Frame& frame, Random& random, const Shape& shape) {
    Coverage ink(frame);
    const int marks = 1 + random.below(4);
    const float far = shape.radius * 1.3f + random.range(0.08f, 0.2f);
    for (int i = 0; i < marks; ++i) {
        const float turn = random.uniform();
        const float x = shape.x + far * cosTurns(turn);
        const float y = shape.y + far * sinTurns(turn);
        const float lean = random.uniform();
        const float longness = random.range(0.03f, 0.16f);
        const int strokes = 30 + random.below(60);
        for (int k = 0; k < strokes; ++k) {
            const float t = random.range(-1.0f, 1.0f) * longness;
            const float w = 0.02f * random.bell();
            const float x0 = x + t * cosTurns(lean) - w * sinTurns(lean);
            const float y0 = y + t * sinTurns(lean) + w * cosTurns(lean);
            const float dir = random.uniform();
            const float length = random.range(0.008f, 0.03f);
            ink.stroke(x0, y0, x0 + length * cosTurns(dir), y0 + length * sinTurns(dir), 0.005f, 0.002f,
                       random.range(0.25f, 0.85f));
        }
    }
    ink.multiply(rgb, {random.range(0.4f, 0.6f), random.range(0.22f, 0.4f), random.range(0.7f, 0.85f)});
}

} // namespace

DrawnImage drawDermoscopy(Size size, std::uint64_t seed) {
    Random random(seed ^ 0xDE12A05C0F1ull);
    const Frame frame(size);
    const float pixel = frame.pixel();
    const Tables& t = tables();

    // The lesion.
    Look look = makeLook(random);
    float share = 0.0f;
    {
        // Median near 13 % of the picture, between 2 and 80 %.
        const float u = random.bell();
        share = std::clamp(0.12f * exponential(1.05f * u), 0.015f, 0.72f);
    }
    const Rim rim = makeRim(random);
    const Shape shape = makeShape(random, share, look.regular, rim);
    const float r = shape.radius;
    // Faint to strong.
    const float strength = random.chance(0.22f) ? random.range(0.3f, 0.6f) : random.range(0.75f, 1.2f);

    // The skin.
    const float tone = random.uniform();
    const float skinMelanin = tone < 0.78f
                                  ? random.range(0.01f, 0.2f)
                                  : (tone < 0.95f ? random.range(0.2f, 0.5f) : random.range(0.5f, 1.1f));
    const float skinBlood = random.chance(0.12f) ? random.range(0.16f, 0.36f) : random.range(0.01f, 0.13f);
    const Color base = {0.98f, random.range(0.92f, 0.97f), random.range(0.86f, 0.97f)};
    const float melaninR = random.range(0.30f, 0.52f);
    const float melaninB = random.range(1.25f, 1.6f);
    const float exposure = random.chance(0.2f) ? random.range(0.6f, 0.8f) : random.range(0.8f, 1.1f);
    Color cast = {1.0f, 1.0f, 1.0f};
    if (random.chance(0.5f)) {
        const float warm = 0.08f * random.bell();
        const float green = 0.03f * random.bell();
        cast = {1.0f + 0.5f * warm, 1.0f + green, 1.0f - warm};
    }
    const float lightTurn = random.uniform();
    const float lightTilt = random.range(0.0f, 0.14f);
    const float fall = random.chance(0.5f) ? random.range(0.0f, 0.15f) : random.range(0.15f, 0.55f);
    const float lightX = cosTurns(lightTurn) * lightTilt;
    const float lightY = sinTurns(lightTurn) * lightTilt;

    const float mottleMelanin = random.range(0.03f, 0.16f);
    const float mottleBlood = random.rangeLow(0.04f, 0.4f);
    const Layer skinMelaninLayer{t.soft, random.range(0.5f, 1.6f), pixel, random};
    const Layer skinBloodLayer{t.soft, random.range(0.3f, 1.2f), pixel, random};
    const Layer grain{t.fine, random.range(0.25f, 0.5f), pixel, random, random.range(1.0f, 1.8f)};
    const float grainAmount = random.rangeLow(0.004f, 0.03f);
    const Layer lines{t.edges, random.range(0.5f, 1.1f), pixel, random, random.range(1.0f, 2.2f)};
    const float lineAmount = random.chance(0.6f) ? random.rangeLow(0.005f, 0.06f) : 0.0f;
    const Layer freckles{t.blobs, random.range(1.2f, 3.2f), pixel, random};
    const float freckleAmount = random.chance(0.14f) ? random.range(0.06f, 0.3f) : 0.0f;
    const Layer skinVessels{t.edges, random.range(1.6f, 3.0f), pixel, random};
    const float skinVesselAmount = random.chance(0.12f) ? random.range(0.05f, 0.25f) : 0.0f;

    // Textures of the lesion. Their size follows the magnification, not only the lesion's size.
    const float zoom = std::clamp(r, 0.1f, 0.42f);
    const Layer blotches{t.soft, r * random.range(2.2f, 5.0f), pixel, random};
    const Layer mottles{t.soft, r * random.range(0.9f, 2.0f), pixel, random};
    const float frayTile = r * random.range(0.6f, 1.4f);
    const Layer fray{t.soft, frayTile, std::max(pixel, frayTile / 128.0f), random};
    const Layer net{t.edges, zoom * random.range(1.2f, 2.4f), pixel, random, random.range(1.0f, 1.25f)};
    const Layer clods{t.blobs, zoom * random.range(1.6f, 3.4f), pixel, random};
    const Layer dots{t.blobs, zoom * random.range(1.0f, 1.8f), pixel, random};
    const Layer spots{t.blobs, r * random.range(4.0f, 8.0f), pixel, random};
    const Layer ridges{t.edges, r * random.range(3.0f, 5.0f), pixel, random, random.range(1.0f, 2.0f)};
    const Layer veils{t.soft, r * random.range(2.5f, 4.5f), pixel, random};
    const Layer bloods{t.soft, r * random.range(1.5f, 4.0f), pixel, random};
    const Layer vessels{t.edges, zoom * random.range(3.0f, 6.0f), pixel, random, random.range(1.0f, 1.6f)};
    const Layer streakNoise{t.soft, 1.0f, 0.0f, random, 1.0f, 0.0f};
    const float streakCount = random.range(1.6f, 3.2f);
    const float veilPale = random.uniform();
    const Color veilColor =
        mix(Color{0.42f, 0.46f, 0.58f}, Color{0.62f, 0.62f, 0.70f}, veilPale) * random.range(0.7f, 1.0f);
    const float warp = zoom * random.range(0.015f, 0.035f);
    const float blotchAt = random.range(0.1f, 0.9f);
    const float blotchSoft = random.range(0.4f, 1.0f);
    const float netWidth = random.range(0.18f, 0.34f);
    const float blotchX = random.range(-0.5f, 0.5f);
    const float blotchY = random.range(-0.5f, 0.5f);

    DrawnImage out;
    out.image.size = size;
    out.image.rgb.resize(size.pixels() * 3);
    out.mask = LabelMap(size);
    std::uint8_t* rgb = out.image.rgb.data();

    for (int row = 0; row < size.height; ++row) {
        const float y = frame.y(row);
        std::uint8_t* line = rgb + static_cast<std::size_t>(row) * size.width * 3;
        for (int column = 0; column < size.width; ++column) {
            const float x = frame.x(column);
            const float fine = grain.at(x, y);
            float melanin = skinMelanin * (1.0f + 0.5f * mottleMelanin * skinMelaninLayer.at(x, y)) +
                            0.06f * mottleMelanin;
            const float bloodNoise = skinBloodLayer.at(x, y);
            float blood = skinBlood * std::max(0.2f, 1.0f + mottleBlood * bloodNoise);
            float light = 1.0f + grainAmount * fine;
            if (lineAmount > 0.0f)
                light -= lineAmount * (1.0f - ramp(0.0f, 0.3f, lines.at(x, y)));
            if (freckleAmount > 0.0f)
                melanin +=
                    freckleAmount *
                    ramp(0.1f, 0.7f, freckles.at(x, y) + 0.08f * fine + 0.2f * skinMelaninLayer.at(y, x));
            if (skinVesselAmount > 0.0f)
                blood +=
                    skinVesselAmount *
                    (1.0f - ramp(0.0f, 0.14f,
                                 skinVessels.at(x + 0.012f * bloodNoise, y + 0.004f * fine) + 0.03f * fine)) *
                    ramp(-0.2f, 1.6f, bloodNoise);
            Color shine{};
            float shineShare = 0.0f;

            const float f = shape.at(x, y);
            if (f > 0.0f)
                out.mask.labels[static_cast<std::size_t>(row) * size.width + column] = 1;
            if (f > -0.7f) {
                float depth = f + look.fray * 0.5f * fray.at(x, y);
                if (look.streaks > 0.0f) {
                    const float angle = angleTurns(y - shape.y, x - shape.x);
                    const float s = streakNoise.at(angle * streakCount, 0.04f * f);
                    depth += look.streaks * s * 0.5f * ramp(0.5f, 0.0f, std::fabs(f));
                }
                // The border's middle lies a little inside the mask: people outline what they can see.
                const float inside = ramp(-0.25f * look.edge, 0.9f * look.edge, depth) * strength;
                if (look.halo > 0.0f)
                    blood += look.halo * ramp(-0.6f, 0.0f, f);
                if (inside > 0.0f) {
                    const float big = blotches.at(x, y);
                    const float small = mottles.at(x, y);
                    const float core = ramp(0.0f, 0.9f, f);
                    // Cells would look like tiles without this: everything grows a little crooked.
                    const float wx = x + warp * (small + 0.5f * big);
                    const float wy = y + warp * (0.6f * small - 0.8f * big) + 0.3f * warp * fine;
                    float m =
                        look.melanin * (1.0f + look.centre * (core - 0.5f)) *
                        std::max(0.15f, 1.0f + look.mottle * (0.7f * big + 0.5f * small) + 0.06f * fine);
                    if (look.blotch > 0.0f) {
                        const float place = 0.8f * big + 0.35f * small + 0.12f * fine -
                                            0.9f * (std::fabs((x - shape.x) / r - blotchX) +
                                                    std::fabs((y - shape.y) / r - blotchY)) +
                                            0.7f;
                        m += look.blotch * ramp(blotchAt - blotchSoft, blotchAt + blotchSoft, place);
                    }
                    if (look.network > 0.0f) {
                        const float d = net.at(wx, wy) + 0.05f * fine;
                        const float where = 0.35f + 0.65f * ramp(-0.8f, 0.6f, small - 0.3f * big);
                        m += look.network * where * (1.0f - ramp(0.02f, netWidth, d)) -
                             0.25f * look.network * where * ramp(netWidth, netWidth + 0.3f, d);
                    }
                    if (look.globules > 0.0f)
                        m += look.globules * ramp(0.0f, 0.45f, clods.at(wx, wy) + 0.1f * fine) *
                             ramp(-1.0f, 0.2f, small + 0.5f);
                    if (look.dots > 0.0f)
                        m += look.dots * ramp(0.35f, 0.75f, dots.at(wx, wy)) * ramp(-0.3f, 0.7f, -big);
                    if (look.openings > 0.0f)
                        m += look.openings * ramp(0.1f, 0.5f, clods.at(wy, wx) + 0.1f * fine - 0.15f) *
                             ramp(-0.4f, 0.9f, big);
                    if (look.furrows > 0.0f) {
                        const float d = ridges.at(wx + 0.07f * r * small, wy + 0.09f * r * big);
                        m += look.furrows * (1.0f - ramp(0.0f, 0.5f, d)) - 0.3f * look.furrows;
                    }
                    float b = look.blood + look.blood * look.bloodMottle * bloods.at(x, y);
                    if (look.vessels > 0.0f)
                        b += look.vessels *
                             (1.0f - ramp(0.0f, 0.11f, vessels.at(wx, wy) + 0.05f * fine + 0.05f * small)) *
                             ramp(-0.8f, 0.6f, small);
                    if (look.lacunae > 0.0f)
                        b += look.lacunae *
                                 ramp(0.02f, 0.45f, ridges.at(wx + 0.07f * r * small, wy + 0.09f * r * big)) -
                             0.35f * look.lacunae;
                    m = std::max(m, 0.0f);
                    b = std::max(b, -0.6f * blood);
                    float scar = 0.0f;
                    if (look.scar > 0.0f) {
                        scar = look.scar * ramp(0.3f, 1.4f, -big + 0.3f * small) * core;
                        m *= 1.0f - scar;
                    }
                    melanin = melanin * (1.0f - 0.4f * scar) + m * inside;
                    blood += b * inside;
                    if (look.veil > 0.0f) {
                        shine = veilColor * (1.0f - 0.35f * clamp01(m * 0.5f));
                        shineShare =
                            look.veil * inside *
                            ramp(look.veilAt - 0.3f, look.veilAt + 0.7f, veils.at(x, y) + 0.5f * core);
                    }
                    if (look.cysts > 0.0f) {
                        const float c = look.cysts * inside * ramp(0.3f, 0.8f, spots.at(wx, wy)) *
                                        ramp(0.1f, 1.1f, small - 0.3f * big);
                        if (c > shineShare) {
                            shine = {0.92f, 0.86f, 0.70f};
                            shineShare = c;
                        }
                    }
                    if (look.crust > 0.0f) {
                        const float c = look.crust * inside * ramp(1.8f, 0.8f, m) *
                                        ramp(0.7f, 1.5f, veils.at(y, x) + 0.35f * small + 0.15f * fine);
                        if (c > shineShare) {
                            shine = Color{0.86f, 0.62f, 0.30f} * (1.0f - 0.1f * fine);
                            shineShare = c;
                        }
                    }
                }
            }

            // Dense melanin turns from brown to black: its colour evens out.
            const float dense = std::max(0.0f, melanin - 0.8f);
            const float dr = melaninR * melanin + 0.42f * dense + 0.06f * blood;
            const float dg = melanin - 0.22f * dense + 0.85f * blood;
            const float db = melaninB * melanin - 0.60f * dense + 0.62f * blood;
            const float vx = x - Frame::kSceneWidth * 0.5f;
            const float vy = y - 0.5f;
            light *= exposure * (1.0f + lightX * vx + lightY * vy) * (1.0f - fall * (vx * vx + vy * vy));
            Color c = {base.r * exponential(-dr), base.g * exponential(-dg), base.b * exponential(-db)};
            c = mix(c, shine, shineShare);
            // A little stray light: black is never quite black.
            line[3 * column] = toByte((0.02f + 0.98f * c.r) * light * cast.r);
            line[3 * column + 1] = toByte((0.02f + 0.98f * c.g) * light * cast.g);
            line[3 * column + 2] = toByte((0.022f + 0.98f * c.b) * light * cast.b);
        }
    }

    // What lies over the skin.
    if (random.chance(0.07f))
        drawInk(rgb, frame, random, shape);
    if (random.chance(0.06f))
        drawSticker(rgb, frame, random);
    if (random.chance(0.42f))
        hairsOnFrame(rgb, frame, random);
    if (random.chance(0.12f))
        bubblesOnFrame(rgb, frame, random);
    const float focus = random.chance(0.75f) ? random.range(0.0f, 0.0016f) : random.range(0.0016f, 0.005f);
    blur(rgb, size, focus / frame.stepX, focus / frame.stepY);
    if (random.chance(0.2f))
        rulerOnFrame(rgb, frame, random);
    if (random.chance(0.05f))
        specularOnFrame(rgb, frame, random);

    if (rim.radius > 0.0f) {
        const float clear = std::max(0.0f, rim.radius - 1.2f * rim.soft);
        const Color dark = {random.range(0.0f, 0.09f), random.range(0.0f, 0.07f), random.range(0.0f, 0.09f)};
        const Color tint = {random.range(0.7f, 1.0f), random.range(0.6f, 0.85f), random.range(0.6f, 0.95f)};
        for (int row = 0; row < size.height; ++row) {
            const float dy = frame.y(row) - rim.y;
            for (int column = 0; column < size.width; ++column) {
                const float dx = frame.x(column) - rim.x;
                const float d2 = dx * dx + dy * dy;
                if (d2 < clear * clear)
                    continue;
                const float d = std::sqrt(d2);
                const float a = ramp(rim.radius - rim.soft, rim.radius + rim.soft + pixel, d);
                const float glow = ramp(clear, rim.radius, d);
                const std::size_t index = static_cast<std::size_t>(row) * size.width + column;
                if (a > 0.5f)
                    out.mask.labels[index] = 0;
                std::uint8_t* p = rgb + index * 3;
                p[0] = toByte(mix(p[0] / 255.0f * mix(1.0f, tint.r, glow), dark.r, a));
                p[1] = toByte(mix(p[1] / 255.0f * mix(1.0f, tint.g, glow), dark.g, a));
                p[2] = toByte(mix(p[2] / 255.0f * mix(1.0f, tint.b, glow), dark.b, a));
            }
        }
    }
    // Averaging pixels averages their noise: small pictures carry less.
    const float noise = random.rangeLow(0.5f, 2.6f) * std::clamp(0.0013f / pixel, 0.4f, 1.0f);
    addNoise(rgb, size, noise, 0.5f * noise, random.next());
    return out;
}

} // namespace limn::drawn
