// SPDX-License-Identifier: GPL-3.0-or-later
// Draws the inside of a bowel as an endoscope shows it, with one or two polyps. The bowel is a tube around
// the z axis whose radius narrows at folds; the camera sits at the origin and looks along the tube, its lamp
// beside it. The first visible wall along every ray is tabulated once in polar coordinates about the lumen;
// pixels look it up and add texture, polyps, wet reflections and what the processor of the instrument does to
// the picture. Lengths in the picture are in scene units (its height is 1), those in the tube in radii of the
// tube.
#include "io/core/drawn_endoscopy.h"

#include "io/core/drawn_noise.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace limn::drawn {

namespace {

constexpr float kTurn = 6.2831853f;
constexpr float kFoldShadow = 0.62f; // share of the light that a fold keeps from the wall right behind it

// What a ray meets, over angle about the lumen (turns) and distance from its middle.
struct Wall {
    struct Sample {
        float light;  // of a white wall
        float logZ;   // logarithm of the depth along the axis
        float facing; // cosine between wall and view
    };
    int angles = 0;
    int distances = 0;
    float reach = 1.0f; // scene distance of the last column
    std::vector<Sample> samples;

    Sample at(float turns, float distance) const {
        const float u = (turns + 1.0f) * static_cast<float>(angles);
        const float v = std::min(distance / reach * static_cast<float>(distances),
                                 static_cast<float>(distances) - 1.001f);
        const int iu = static_cast<int>(u);
        const int iv = static_cast<int>(v);
        const float fu = u - static_cast<float>(iu);
        const float fv = v - static_cast<float>(iv);
        const int a0 = iu % angles;
        const int a1 = (iu + 1) % angles;
        const Sample* p = samples.data() + static_cast<std::size_t>(a0) * distances + iv;
        const Sample* q = samples.data() + static_cast<std::size_t>(a1) * distances + iv;
        Sample s;
        s.light = mix(mix(p[0].light, p[1].light, fv), mix(q[0].light, q[1].light, fv), fu);
        s.logZ = mix(mix(p[0].logZ, p[1].logZ, fv), mix(q[0].logZ, q[1].logZ, fv), fu);
        s.facing = mix(mix(p[0].facing, p[1].facing, fv), mix(q[0].facing, q[1].facing, fv), fu);
        return s;
    }
};

Wall::Sample blended(const Wall::Sample& a, const Wall::Sample& b, float share) {
    return {mix(a.light, b.light, share), mix(a.logZ, b.logZ, share), mix(a.facing, b.facing, share)};
}

struct Fold {
    float z, height, width, lobes, phase, uneven;
    float shift, shiftPhase; // of the opening off the axis
};

struct Tube {
    float middleX = 0.0f, middleY = 0.0f; // of the lumen in the picture
    float field = 2.0f;                   // tangent of the view angle at distance 1
    float falloff = 1.3f;
    float tilt = 0.0f, tiltPhase = 0.0f;
    float bend = 0.0f, bendPhase = 0.0f;
    float squash = 0.0f, squashPhase = 0.0f;
    float bumps = 0.03f;
    float shiftU = 0.0f, shiftV = 0.0f; // of the wall's textures
    float lampX = 0.0f, lampY = 0.0f;
    std::vector<Fold> folds;
};

Tube makeTube(Random& random) {
    Tube t;
    const float view = random.uniform();
    const float x0 = Frame::kSceneWidth * 0.5f;
    if (view < 0.5f) { // the lumen is in the picture
        t.middleX = x0 + random.range(-0.32f, 0.32f);
        t.middleY = 0.5f + random.range(-0.3f, 0.3f);
    } else { // it is at the border or outside: a look at the wall
        const float a = random.uniform();
        const float away = random.range(0.35f, 0.8f);
        t.middleX = x0 + away * cosTurns(a);
        t.middleY = 0.5f + away * sinTurns(a);
    }
    t.field = random.range(1.3f, 3.0f);
    t.falloff = random.range(1.4f, 2.3f);
    t.tilt = random.range(0.0f, 0.5f);
    t.tiltPhase = random.uniform();
    t.bend = random.range(0.0f, 0.10f);
    t.bendPhase = random.uniform();
    t.squash = random.range(0.0f, 0.22f);
    t.squashPhase = random.uniform();
    t.bumps = random.range(0.015f, 0.07f);
    t.shiftU = random.range(0.0f, 512.0f);
    t.shiftV = random.range(0.0f, 512.0f);
    t.lampX = random.range(-0.35f, 0.35f);
    t.lampY = random.range(-0.35f, 0.35f);
    const float gap = random.range(0.35f, 1.3f);
    const float height = random.range(0.06f, 0.42f);
    float z = random.range(0.3f, 1.2f);
    while (z < 11.0f && t.folds.size() < 16) {
        Fold f;
        f.z = z;
        f.height = height * random.range(0.4f, 1.35f);
        f.width = random.range(0.05f, 0.14f) * (1.0f + 0.25f * z);
        f.lobes = random.chance(0.5f) ? 3.0f : 1.0f + static_cast<float>(random.below(3));
        f.phase = random.uniform();
        f.uneven = random.range(0.1f, 0.75f);
        f.shift = random.range(0.0f, 0.22f);
        f.shiftPhase = random.uniform();
        t.folds.push_back(f);
        z += gap * random.range(0.6f, 1.5f) * (1.0f + 0.18f * z);
    }
    return t;
}

Wall makeWall(const Tube& tube, const Frame& frame, float reach) {
    const Tables& t = tables();
    Wall wall;
    const float pixel = frame.pixel();
    wall.angles = std::clamp(static_cast<int>(1.2f / pixel), 128, 2048);
    wall.distances = std::clamp(static_cast<int>(0.9f * reach / pixel), 64, 3000);
    wall.reach = reach;
    wall.samples.resize(static_cast<std::size_t>(wall.angles) * wall.distances);

    // Depths, evenly spaced in their logarithm.
    const int steps = std::clamp(wall.distances * 2, 256, 4096);
    const float nearest = 0.45f / (tube.field * reach);
    const float farthest = 16.0f;
    const float logStep = logarithm(farthest / nearest) / static_cast<float>(steps - 1);
    std::vector<float> depth(static_cast<std::size_t>(steps));
    std::vector<float> logDepth(depth.size());
    // Each depth knows the two folds that matter there and how far they reach in.
    struct Near {
        int first = 0;
        float share0 = 0.0f, share1 = 0.0f;
    };
    std::vector<Near> nears(depth.size());
    for (std::size_t i = 0; i < depth.size(); ++i) {
        logDepth[i] = logarithm(nearest) + logStep * static_cast<float>(i);
        depth[i] = exponential(logDepth[i]);
        Near& n = nears[i];
        while (n.first + 2 < static_cast<int>(tube.folds.size()) &&
               depth[i] > 0.5f * (tube.folds[static_cast<std::size_t>(n.first)].z +
                                  tube.folds[static_cast<std::size_t>(n.first) + 2].z))
            ++n.first;
        const auto profile = [&](const Fold& f) {
            const float q = (depth[i] - f.z) / f.width;
            return 1.0f / ((1.0f + q * q) * (1.0f + 0.4f * q * q));
        };
        n.share0 = profile(tube.folds[static_cast<std::size_t>(n.first)]);
        n.share1 = profile(tube.folds[static_cast<std::size_t>(n.first) + 1]);
    }

    std::vector<float> heights(tube.folds.size());
    std::vector<float> last(depth.size());
    std::vector<float> radius(depth.size());
    const float angleStep = kTurn / static_cast<float>(wall.angles);
    const int noiseLevel = levelFor(512.0f / static_cast<float>(wall.angles));
    for (int a = -1; a < wall.angles; ++a) {
        const float turns = static_cast<float>(a) / static_cast<float>(wall.angles);
        for (std::size_t k = 0; k < heights.size(); ++k) {
            const Fold& f = tube.folds[k];
            heights[k] = f.height * (1.0f + f.uneven * cosTurns(f.lobes * turns + f.phase)) +
                         f.shift * cosTurns(turns - f.shiftPhase);
        }
        const float around = 1.0f + tube.squash * cosTurns(2.0f * (turns - tube.squashPhase));
        const float tilt = tube.tilt * cosTurns(turns - tube.tiltPhase) / logStep;
        const float bend = tube.bend * cosTurns(turns - tube.bendPhase);
        for (int i = 0; i < steps; ++i) {
            const std::size_t s = static_cast<std::size_t>(i);
            const float z = depth[s];
            // Tilted folds: a step in z at this angle, as a shift of the index (the shift shrinks with
            // depth).
            const float shifted = std::clamp(static_cast<float>(i) + tilt / (1.0f + 2.0f * z), 0.0f,
                                             static_cast<float>(steps) - 1.01f);
            const Near& n = nears[static_cast<std::size_t>(shifted)];
            const Near& m = nears[static_cast<std::size_t>(shifted) + 1];
            const float part =
                n.first == m.first ? shifted - static_cast<float>(static_cast<int>(shifted)) : 0.0f;
            const float noise = sampleTable(t.soft, noiseLevel, turns * 512.0f + tube.shiftU,
                                            logDepth[s] * (512.0f / kTurn) + tube.shiftV);
            radius[s] = around + bend * z + tube.bumps * noise -
                        heights[static_cast<std::size_t>(n.first)] * mix(n.share0, m.share0, part) -
                        heights[static_cast<std::size_t>(n.first) + 1] * mix(n.share1, m.share1, part);
        }
        if (a >= 0) {
            // From near to far; a ray keeps the first wall it meets.
            Wall::Sample* row = wall.samples.data() + static_cast<std::size_t>(a) * wall.distances;
            const float toColumn = static_cast<float>(wall.distances) / (reach * tube.field);
            const float lamp = tube.lampX * cosTurns(turns) + tube.lampY * sinTurns(turns);
            int filled = wall.distances;                     // columns from here on are known
            float edge = static_cast<float>(wall.distances); // the nearest known point, between columns
            bool hidden = false;
            float crest = 0.0f;      // depth where the last fold began to hide the wall,
            float shadowFrom = 1e6f; // where it stopped,
            float shadow = 0.0f;     // and how dark its shadow is: more behind higher folds
            Wall::Sample before{};
            float columnBefore = edge + 1.0f;
            for (int i = 1; i < steps && filled > 0; ++i) {
                const std::size_t s = static_cast<std::size_t>(i);
                const float z = depth[s];
                const float r = std::max(radius[s], 0.02f);
                const float column = r / z * toColumn;
                if (column >= edge) {
                    if (!hidden && column > edge + 0.5f) {
                        hidden = true;
                        crest = z;
                    }
                    continue;
                }
                const float alongZ = (radius[s] - radius[s - 1]) / (depth[s] - depth[s - 1]);
                const float alongTurn = (radius[s] - last[s]) / (angleStep * r);
                const float distance = std::sqrt(r * r + z * z);
                const float facing = std::max(0.0f, r - z * alongZ) /
                                     (distance * std::sqrt(1.0f + alongZ * alongZ + alongTurn * alongTurn));
                Wall::Sample here;
                here.facing = facing;
                here.logZ = logDepth[s];
                // A rounded crest still glows: light goes some way through the mucosa.
                here.light = (0.26f + 0.74f * facing) * (1.0f + lamp * (1.0f - facing)) *
                             exponential(-tube.falloff * logarithm(0.35f + distance));
                // The lamp is not where the lens is: a fold throws a shadow on the wall behind it.
                if (z > shadowFrom)
                    here.light *= 1.0f - shadow * ramp(0.5f, 0.0f, (z - shadowFrom) / (0.3f + 0.6f * z));
                const Wall::Sample nearer = before;
                const float nearerEdge = edge;
                const int nearerFilled = filled;
                const bool border = hidden && filled < wall.distances;
                if (hidden) {
                    hidden = false;
                    shadowFrom = z;
                    shadow = kFoldShadow * ramp(0.0f, 0.4f, logDepth[s] - logarithm(crest));
                    here.light *= 1.0f - shadow;
                    before = here;
                    columnBefore = edge;
                }
                const int first = static_cast<int>(column) + 1; // the first column at or beyond the point
                const float span = columnBefore - column;
                for (int c = filled - 1; c >= first; --c)
                    row[c] =
                        blended(before, here,
                                span > 1e-6f ? clamp01((columnBefore - static_cast<float>(c)) / span) : 1.0f);
                filled = std::min(filled, first);
                if (border) {
                    // A fold ends between two columns: each shows it for the share that it covers.
                    const float over = static_cast<float>(nearerFilled) + 0.5f - nearerEdge;
                    row[nearerFilled] = blended(here, row[nearerFilled], clamp01(over));
                    if (filled < nearerFilled)
                        row[nearerFilled - 1] = blended(row[nearerFilled - 1], nearer, clamp01(over - 1.0f));
                }
                edge = column;
                before = here;
                columnBefore = column;
            }
            for (int c = filled - 1; c >= 0; --c)
                row[c] = {0.0f, logDepth.back(), 0.0f};
        }
        last.swap(radius);
    }
    return wall;
}

// A polyp: a few round bodies that grew together, drawn as heights over the picture's plane.
struct Polyp {
    float x = 0.0f, y = 0.0f;
    float radius = 0.1f;
    float bend = 0.0f;
    float level = 0.0f;
    float reach = 1.0f; // in radii: nothing of the polyp or its shadow lies farther out
    int lobeCount = 1;
    std::array<Lobe, 7> lobes{};
    Layer bendX, bendY;
    float flat = 1.0f; // 1: a ball; 0: a disc
    float light = 1.0f;
    float soften = 0.0f; // how far the border blends with the wall
    float stalkTurn = 0.0f;
    float stalkLength = 0.0f;
    float stalkWidth = 0.0f;
    Color albedo;
    float pattern = 0.0f;
    float redness = 0.0f;
    float outX = 0.0f, outY = 0.0f; // from the lumen outwards
    float gradient = 0.0f;
    float cap = 0.0f; // pale or red top

    struct Point {
        float f;      // above 0 inside
        float nx, ny; // outward, unit length near the border
        float crease; // 1 in the furrow between two lobes
    };
    Point at(float px, float py) const {
        Point out{-1.0f, 0.0f, 0.0f, 0.0f};
        float qx = (px - x) / radius;
        float qy = (py - y) / radius;
        if (qx * qx + qy * qy > reach * reach)
            return out;
        qx += bend * bendX.at(px, py);
        qy += bend * bendY.at(px, py);
        float best = -100.0f;
        float second = -100.0f;
        float gx = 0.0f;
        float gy = 0.0f;
        for (int i = 0; i < lobeCount; ++i) {
            const Lobe& lobe = lobes[static_cast<std::size_t>(i)];
            const float dx = qx - lobe.x;
            const float dy = qy - lobe.y;
            const float u = lobe.xx * dx + lobe.xy * dy;
            const float v = lobe.yx * dx + lobe.yy * dy;
            const float length = std::sqrt(u * u + v * v);
            const float d = 1.0f - length;
            const float inverse = length > 1e-4f ? 1.0f / length : 0.0f;
            const float nx = (lobe.xx * u + lobe.yx * v) * inverse;
            const float ny = (lobe.xy * u + lobe.yy * v) * inverse;
            const float h = i == 0 ? 1.0f : clamp01(0.5f + 0.5f * (d - best) / 0.35f);
            second = i == 0 ? -100.0f : std::max(second, std::min(best, d));
            best = i == 0 ? d : mix(best, d, h) + 0.35f * h * (1.0f - h);
            gx = mix(gx, nx, h);
            gy = mix(gy, ny, h);
        }
        const float g = std::sqrt(gx * gx + gy * gy);
        if (g > 1e-4f) {
            out.nx = gx / g;
            out.ny = gy / g;
        }
        out.f = best - level;
        out.crease = lobeCount > 1 ? ramp(0.3f, 0.0f, best - second) : 0.0f;
        return out;
    }
};

Polyp makePolyp(Random& random, float share, float pixel) {
    Polyp p;
    const float area = share * Frame::kSceneWidth;
    p.radius = std::sqrt(area / 3.14159265f);
    const float form = random.uniform();
    p.lobeCount = form < 0.55f ? 1 : (form < 0.86f ? 2 + random.below(2) : 4 + random.below(4));
    const float turn0 = random.uniform();
    const float stretch0 = random.range(1.0f, 1.4f);
    for (int i = 0; i < p.lobeCount; ++i) {
        const float size = i == 0 ? 1.0f : random.range(0.35f, 0.75f);
        const float stretch = i == 0 ? stretch0 : random.range(1.0f, 1.35f);
        const float turn = i == 0 ? turn0 : random.uniform();
        const float away = i == 0 ? 0.0f : random.range(0.35f, 1.0f);
        const float where = random.uniform();
        p.lobes[static_cast<std::size_t>(i)] = lobeAt(away, where, size, stretch, turn);
        p.reach = std::max(p.reach, away + size * stretch);
    }
    p.bend = random.range(0.02f, 0.09f);
    p.reach += 3.5f * p.bend + 0.5f;
    p.bendX = Layer(tables().soft, p.radius * random.range(5.0f, 9.0f), pixel, random);
    p.bendY = Layer(tables().soft, p.radius * random.range(5.0f, 9.0f), pixel, random);
    p.flat = random.chance(0.22f) ? random.range(0.25f, 0.5f) : random.range(0.6f, 1.0f);
    p.soften = p.flat < 0.55f || random.chance(0.4f) ? random.range(0.15f, 0.5f) : random.range(0.02f, 0.06f);
    p.pattern = random.chance(0.6f) ? random.rangeLow(0.04f, 0.3f) : 0.0f;
    p.redness = random.chance(0.55f) ? random.range(0.05f, 0.55f) : random.range(-0.06f, 0.05f);
    p.cap = random.chance(0.3f) ? random.range(-0.08f, 0.5f) : 0.0f;
    // The wanted area, measured on the scene.
    constexpr int kGrid = 28;
    std::array<float, kGrid * kGrid> samples{};
    const float half = 2.2f * p.radius;
    for (int j = 0; j < kGrid; ++j)
        for (int i = 0; i < kGrid; ++i)
            samples[static_cast<std::size_t>(j * kGrid + i)] =
                p.at(p.x + half * ((static_cast<float>(i) + 0.5f) / (0.5f * kGrid) - 1.0f),
                     p.y + half * ((static_cast<float>(j) + 0.5f) / (0.5f * kGrid) - 1.0f))
                    .f;
    const float cell = 4.0f * half * half / static_cast<float>(kGrid * kGrid);
    const auto inside = std::min<std::size_t>(static_cast<std::size_t>(area / cell), samples.size() - 1);
    std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(inside), samples.end(),
                     std::greater<float>());
    p.level = std::clamp(samples[inside], -0.4f, 0.5f);
    return p;
}

// The black surround that the instrument's processor lays over the picture.
struct Mask {
    float x0, x1, y0, y1; // rectangle
    float cut;            // of the corners; 0 = none
    float circle;         // radius of a round field; 0 = none
    float soft;
    Color black;

    // 1 in the picture, 0 in the surround.
    float at(float x, float y, float pixel) const {
        const float cx = 0.5f * (x0 + x1);
        const float cy = 0.5f * (y0 + y1);
        const float dx = std::fabs(x - cx) - 0.5f * (x1 - x0);
        const float dy = std::fabs(y - cy) - 0.5f * (y1 - y0);
        float d = std::max(dx, dy);
        if (cut > 0.0f)
            d = std::max(d, (dx + dy + cut) * 0.70710678f);
        if (circle > 0.0f)
            d = std::max(d, std::sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy)) - circle);
        return 1.0f - ramp(-soft - pixel, soft + pixel, d);
    }
};

Mask makeMask(Random& random) {
    Mask m{-9.0f, 9.0f, -9.0f, 9.0f, 0.0f, 0.0f, random.range(0.0005f, 0.004f), {}};
    const float w = Frame::kSceneWidth;
    const float kind = random.uniform();
    if (kind < 0.5f) { // octagon that fills the picture
        const float side = random.range(0.0f, 0.03f);
        m.x0 = side;
        m.x1 = w - random.range(0.0f, 0.03f);
        m.y0 = 0.0f;
        m.y1 = 1.0f;
        m.cut = random.range(0.24f, 0.44f);
    } else if (kind < 0.75f) { // smaller octagon in a wide surround
        const float x = random.range(0.08f, 0.16f);
        const float y = random.range(0.02f, 0.06f);
        m.x0 = x + random.range(-0.02f, 0.04f);
        m.x1 = w - x + random.range(-0.02f, 0.02f);
        m.y0 = y;
        m.y1 = 1.0f - y;
        m.cut = random.range(0.12f, 0.3f);
    } else if (kind < 0.85f) {
        m.x0 = 0.03f;
        m.x1 = w - 0.03f;
        m.y0 = 0.0f;
        m.y1 = 1.0f;
        m.circle = random.range(0.52f, 0.66f);
    } else { // corners hardly cut, or the plain rectangle
        m.x0 = 0.0f;
        m.x1 = w;
        m.y0 = 0.0f;
        m.y1 = 1.0f;
        m.cut = random.chance(0.5f) ? random.range(0.03f, 0.12f) : 0.0f;
    }
    const float grey = random.chance(0.6f) ? random.range(0.0f, 0.02f) : random.range(0.02f, 0.06f);
    m.black = {grey, grey, grey * random.range(1.0f, 1.4f)};
    return m;
}

void drawCaption(std::uint8_t* rgb, const Frame& frame, Random& random) {
    Coverage text(frame);
    const float height = random.range(0.016f, 0.022f);
    const float x = random.range(0.005f, 0.03f);
    float y = random.range(0.25f, 0.36f);
    const int lines = 3 + random.below(4);
    char words[16];
    for (int i = 0; i < lines; ++i) {
        int n = 0;
        const int length = 4 + random.below(7);
        const char mark = random.chance(0.5f) ? '/' : ':';
        for (int k = 0; k < length; ++k)
            words[n++] = (k == 2 || k == 5) ? mark : static_cast<char>('0' + random.below(10));
        words[n] = 0;
        strokeText(text, x, y, height, words);
        y += height * random.range(1.5f, 2.6f);
    }
    if (random.chance(0.6f)) {
        const float side = height * 1.1f;
        const int boxes = 4 + random.below(4);
        for (int i = 0; i < boxes; ++i)
            text.box(x + 1.4f * side * static_cast<float>(i), 0.61f,
                     x + 1.4f * side * static_cast<float>(i) + side, 0.61f + side, 0.85f);
    }
    text.blend(rgb, {0.82f, 0.84f, 0.84f});
}

} // namespace

DrawnImage drawEndoscopy(Size size, std::uint64_t seed) {
    Random random(seed ^ 0xE7D05C0B1ull);
    const Frame frame(size);
    const float pixel = frame.pixel();
    const Tables& t = tables();

    const Tube tube = makeTube(random);
    const Mask mask = makeMask(random);
    const float farX = std::max(tube.middleX - std::max(0.0f, mask.x0),
                                std::min(Frame::kSceneWidth, mask.x1) - tube.middleX);
    const float farY = std::max(tube.middleY, 1.0f - tube.middleY);
    const float reach = std::sqrt(farX * farX + farY * farY) * 1.02f;
    const Wall wall = makeWall(tube, frame, reach);

    // Mucosa: light pink, salmon, orange, grey-olive, purple.
    static constexpr Color kMucosa[] = {{0.88f, 0.50f, 0.42f}, {0.90f, 0.47f, 0.31f}, {0.82f, 0.55f, 0.47f},
                                        {0.70f, 0.54f, 0.38f}, {0.80f, 0.42f, 0.38f}, {0.90f, 0.56f, 0.33f},
                                        {0.92f, 0.43f, 0.29f}};
    Color mucosa = kMucosa[random.below(7)];
    const Color other = kMucosa[random.below(7)];
    mucosa = mix(mucosa, other, random.uniform());
    mucosa = mucosa * random.range(0.9f, 1.1f);
    const float exposure = random.range(2.8f, 6.5f);
    const float redFall = random.range(0.0f, 0.25f); // the far wall looks browner
    const float vesselAmount = random.chance(0.65f) ? random.range(0.1f, 0.45f) : 0.0f;
    const float branchAmount = vesselAmount * random.range(0.3f, 0.8f);
    const float mottle = random.range(0.03f, 0.13f);
    const float relief = random.range(0.08f, 0.26f);
    const float grainAmount = random.range(0.01f, 0.06f);
    const float wetness = random.chance(0.8f) ? random.range(0.75f, 1.0f) : 0.0f;
    const float wetAt = random.range(2.4f, 3.9f);
    const float dropAt = random.range(0.35f, 0.6f);
    const float residue = random.chance(0.22f) ? random.range(0.4f, 0.95f) : 0.0f;
    const float residueAt = random.range(0.4f, 1.4f);
    const Color residueColor = mix(Color{0.92f, 0.62f, 0.12f}, Color{0.62f, 0.42f, 0.12f}, random.uniform());
    const float dye = random.chance(0.03f) ? random.range(0.3f, 0.7f) : 0.0f;
    const int tiles = random.chance(0.5f) ? 1 : 2;
    const float texels = static_cast<float>(Table::kSide * tiles);
    const float vesselV = random.range(0.0f, 512.0f);
    const float vesselWidth = random.range(0.05f, 0.1f);
    const Layer grain{t.fine, random.range(0.3f, 0.6f), pixel, random};
    const Layer wet{t.blobs, random.range(0.5f, 1.2f), pixel, random, random.range(1.0f, 2.5f)};
    const Layer ripple{t.soft, random.range(0.8f, 1.6f), pixel, random};
    const Layer stains{t.soft, random.range(0.6f, 1.5f), pixel, random};

    // Polyps, where the picture shows wall that is neither black nor too far away.
    std::array<Polyp, 2> polyps;
    const int wanted = random.chance(0.16f) ? 2 : 1;
    for (int i = 0; i < wanted; ++i) {
        float share = std::clamp(0.085f * exponential(0.85f * random.bell()), 0.012f, 0.6f);
        if (wanted == 2)
            share = std::min(share * 0.6f, 0.15f);
        Polyp p = makePolyp(random, share, pixel);
        const float spread = std::max(0.12f, 0.4f - 0.6f * p.radius);
        float bestScore = -100.0f;
        float bestX = 0.6f;
        float bestY = 0.5f;
        for (int tries = 0; tries < 14; ++tries) {
            const float x = Frame::kSceneWidth * 0.5f + random.range(-1.1f, 1.1f) * spread;
            const float y = 0.5f + random.range(-1.0f, 1.0f) * spread;
            const float dx = x - tube.middleX;
            const float dy = y - tube.middleY;
            const Wall::Sample s = wall.at(angleTurns(dy, dx), std::sqrt(dx * dx + dy * dy));
            float score = 0.6f * random.uniform() - std::fabs(s.logZ - 0.1f) * 0.7f -
                          5.0f * std::max(0.0f, 0.2f - s.light);
            if (mask.at(x, y, 0.0f) < 0.5f)
                score -= 20.0f;
            if (i == 1) {
                const float ex = x - polyps[0].x;
                const float ey = y - polyps[0].y;
                const float apart = std::sqrt(ex * ex + ey * ey) - 1.3f * (p.radius + polyps[0].radius);
                score += std::min(0.0f, apart) * 10.0f;
            }
            if (score > bestScore) {
                bestScore = score;
                bestX = x;
                bestY = y;
            }
        }
        p.x = bestX;
        p.y = bestY;
        const float dx = p.x - tube.middleX;
        const float dy = p.y - tube.middleY;
        const float away = std::sqrt(dx * dx + dy * dy) + 1e-3f;
        p.outX = dx / away;
        p.outY = dy / away;
        p.gradient = random.range(0.05f, 0.4f);
        const Wall::Sample base = wall.at(angleTurns(dy, dx), std::sqrt(dx * dx + dy * dy));
        // A body that stands out of the wall is nearer to the lamp.
        p.light = std::clamp(base.light, 0.22f, 0.85f) * random.range(1.1f, 2.1f);
        // The processor steers the exposure so that what lies in the middle is rarely burnt out.
        if (!random.chance(0.1f)) {
            const float least = random.range(0.9f, 1.4f) / exposure;
            const float most = random.range(1.5f, 2.4f) / exposure;
            p.light = std::clamp(p.light, least, most);
        }
        if (random.chance(0.12f))
            p.light *= 0.55f;
        const Color own = kMucosa[random.below(7)];
        const Color albedo = mix(mucosa, own, random.range(0.0f, 0.7f));
        p.albedo =
            mix(albedo, Color{0.93f, 0.74f, 0.62f}, random.chance(0.3f) ? random.range(0.2f, 0.6f) : 0.0f);
        if (random.chance(0.25f)) {
            // Grows out of the wall on a stalk, which leads outwards to the near wall.
            p.stalkTurn = angleTurns(dy, dx) + 0.08f * random.bell();
            p.stalkLength = random.range(1.2f, 2.4f);
            p.stalkWidth = random.range(0.3f, 0.55f);
            p.soften = 0.05f;
        }
        polyps[static_cast<std::size_t>(i)] = p;
    }
    const Layer pits{t.blobs, std::max(0.1f, polyps[0].radius) * random.range(1.2f, 2.6f), pixel, random};
    const Layer gyri{t.edges, std::max(0.08f, polyps[0].radius) * random.range(4.0f, 8.0f), pixel, random};
    const bool pitted = random.chance(0.5f);
    const float crook = 0.05f * polyps[0].radius;
    const float lampX = tube.lampX;
    const float lampY = tube.lampY;
    const float lampAway = std::sqrt(lampX * lampX + lampY * lampY) + 1e-3f;
    const float slopeX = 0.045f * lampX / lampAway;
    const float slopeY = 0.045f * lampY / lampAway;

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
            const float shown = mask.at(x, y, pixel);
            if (shown <= 0.0f) {
                line[3 * column] = toByte(mask.black.r);
                line[3 * column + 1] = toByte(mask.black.g);
                line[3 * column + 2] = toByte(mask.black.b);
                continue;
            }
            const float rx = x - tube.middleX;
            const float ry = y - tube.middleY;
            const float distance = std::sqrt(rx * rx + ry * ry);
            const float turns = angleTurns(ry, rx);
            const Wall::Sample s = wall.at(turns, distance);
            const float fine = grain.at(x, y);

            // Textures lie on the wall: (angle, log depth) keeps their shape at every depth.
            const float u = turns * texels + tube.shiftU;
            const float v = s.logZ * (texels / kTurn) + vesselV;
            const int level = levelFor(texels * pixel / (kTurn * std::max(distance, 0.01f)));
            const float patches = sampleTable(t.soft, level, u, v);
            float blood = mottle * patches;
            if (vesselAmount > 0.0f) {
                const float wobble = 6.0f * patches + 0.25f * fine;
                const float trunk =
                    sampleTable(t.edges, level, 0.5f * (u + wobble) * (tiles == 1 ? 2.0f : 1.0f),
                                0.5f * (v - wobble) * (tiles == 1 ? 2.0f : 1.0f));
                blood += vesselAmount *
                         (1.0f - ramp(0.2f * vesselWidth, vesselWidth * (1.4f + 0.5f * patches), trunk)) *
                         ramp(-0.6f, 0.5f, patches);
                const float thin = branchAmount * ramp(0.5f, -0.6f, patches);
                if (thin > 0.0f) {
                    const float twig = sampleTable(t.edges, std::min(level + 1, Table::kLevels - 1),
                                                   2.0f * u + wobble, 2.0f * v + wobble);
                    blood += thin * (1.0f - ramp(0.0f, 1.3f * vesselWidth, twig));
                }
            }
            blood = std::max(blood, -0.08f);
            float light = s.light * (1.0f + grainAmount * fine);
            float facing = s.facing;
            Color albedo = mucosa;
            float wetHere = wetness;
            const float bumps = ripple.at(x, y);
            // Shallow waves of the wall, lit from the lamp's side: their slope, not their height, is seen.
            light *= std::max(0.4f, 1.0f + relief * (ripple.at(x + slopeX, y + slopeY) - bumps));
            const float stain = stains.at(x, y);
            if (residue > 0.0f) {
                const float a =
                    residue * ramp(residueAt, residueAt + 0.9f, stain + 1.2f * (y - 0.5f) + 0.1f * fine);
                albedo = mix(albedo, residueColor * (1.0f + 0.12f * fine), a);
                blood *= 1.0f - a;
            }
            if (dye > 0.0f)
                albedo = mix(albedo, {0.25f, 0.42f, 0.62f}, dye * ramp(-0.6f, 1.8f, stain + 0.4f * bumps));

            bool inPolyp = false;
            float top = 0.0f;
            for (int i = 0; i < wanted; ++i) {
                const Polyp& p = polyps[static_cast<std::size_t>(i)];
                const Polyp::Point at = p.at(x, y);
                if (at.f > -0.45f) {
                    // The polyp keeps light from the wall beside it, more on the side away from the lamp.
                    const float away = 0.5f - 0.55f * (lampX * at.nx + lampY * at.ny) / lampAway;
                    light *= 1.0f - 0.8f * clamp01(away) * p.flat * ramp(-0.4f, 0.02f, at.f) *
                                        ramp(0.9f, 0.1f, p.soften);
                }
                if (at.f > 0.0f) {
                    inPolyp = true;
                    const float inner = clamp01(at.f / (1.0f - p.level));
                    const float slope = (1.0f - inner) * 0.96f * p.flat;
                    const float nz = std::sqrt(std::max(0.0f, 1.0f - slope * slope));
                    float shade = 0.16f + 0.84f * nz * (0.35f + 0.65f * nz) +
                                  (0.9f + 0.35f / lampAway) * (lampX * at.nx + lampY * at.ny) * slope;
                    shade = std::max(0.05f, shade) * (1.0f + 0.05f * bumps);
                    shade *= 1.0f - 0.25f * at.crease;
                    // The side towards the camera gets more light than the one towards the lumen.
                    shade *= std::max(0.4f, 1.0f + p.gradient * ((x - p.x) * p.outX + (y - p.y) * p.outY) /
                                                       p.radius);
                    float own = 0.0f;
                    if (p.pattern > 0.0f) {
                        own = pitted ? ramp(-0.2f, 0.5f, pits.at(x, y) + 0.1f * fine)
                                     : 0.6f - 0.6f * ramp(0.0f, 0.6f,
                                                          gyri.at(x + crook * (bumps + 0.4f * fine),
                                                                  y - crook * (stain + 0.4f * fine)));
                    }
                    const float body = ramp(0.0f, p.soften, at.f);
                    const float polypLight = p.light * shade * (1.0f - 0.5f * p.pattern * own) *
                                             (1.0f + 1.3f * grainAmount * fine);
                    light = mix(light, polypLight, body);
                    // The lamp's mirror image lies a little off the top, towards the lamp.
                    const float ox = at.nx * (1.0f - inner) - 1.1f * lampX;
                    const float oy = at.ny * (1.0f - inner) - 1.1f * lampY;
                    top = 2.2f * ramp(0.6f, 0.0f, std::sqrt(ox * ox + oy * oy)) * body;
                    facing = mix(facing, 0.2f + 0.55f * shade, body);
                    albedo = mix(albedo, p.albedo, body);
                    blood = mix(blood,
                                p.redness * (1.0f + 0.5f * patches) + p.pattern * own +
                                    p.cap * ramp(0.3f, 0.9f, inner + 0.15f * stain),
                                body);
                }
                if (at.f <= 0.0f && p.stalkLength > 0.0f) {
                    const float c = cosTurns(p.stalkTurn);
                    const float sn = sinTurns(p.stalkTurn);
                    const float along = ((x - p.x) * c + (y - p.y) * sn) / p.radius;
                    const float across = (-(x - p.x) * sn + (y - p.y) * c) / p.radius;
                    const float width = p.stalkWidth * (1.0f + 0.5f * ramp(0.6f, p.stalkLength, along));
                    const float q = std::fabs(across + 0.12f * bumps) / width;
                    if (along > 0.0f && along < p.stalkLength && q < 1.0f) {
                        const float here =
                            ramp(1.0f, 0.85f, q) * ramp(p.stalkLength, 0.4f * p.stalkLength, along);
                        const float round = std::sqrt(std::max(0.0f, 1.0f - q * q));
                        const float reached = mix(0.8f * p.light, s.light, ramp(0.2f, p.stalkLength, along));
                        light = mix(light, reached * (0.45f + 0.6f * round), here);
                        facing = mix(facing, 0.3f + 0.6f * round, here);
                        blood = mix(blood, 0.5f * mottle * patches, here);
                    }
                }
            }
            if (inPolyp && shown >= 0.5f)
                out.mask.labels[static_cast<std::size_t>(row) * size.width + column] = 1;

            const float dim = redFall * (1.0f - clamp01(2.0f * light));
            const float l = exposure * light;
            // The processor's tone curve: it saturates softly, and what is far too bright turns yellow-white.
            const float tone = 1.04f * (1.0f - exponential(-l));
            const float over = l > 1.6f ? 1.0f - exponential(0.55f * (1.6f - l)) : 0.0f;
            const float absorbed = exponential(-0.72f * blood - dim);
            Color c = {albedo.r * (1.0f - 0.09f * blood), albedo.g * absorbed,
                       albedo.b * absorbed * (1.0f - 0.35f * dim)};
            c = mix(c, {1.0f, 0.95f, 0.86f}, over) * tone;
            if (wetHere > 0.0f) {
                float mirror = 0.0f;
                // Wet surfaces mirror the lamp where ripples turn them towards it: drops in groups.
                const float group = 1.0f * bumps + 0.7f * stain + 2.2f * facing + top - wetAt;
                if (group > 0.0f) {
                    const float drop = wet.at(x + 0.006f * stain, y + 0.006f * bumps) + 0.06f * fine;
                    mirror = wetHere * ramp(dropAt, dropAt + 0.3f, drop + 0.35f * std::min(group, 1.5f)) *
                             ramp(0.05f, 0.25f, light) * ramp(0.0f, 0.4f, group);
                }
                c = mix(c, {1.0f, 0.99f, 0.97f}, clamp01(mirror));
            }
            line[3 * column] = toByte(mix(mask.black.r, 0.01f + c.r, shown));
            line[3 * column + 1] = toByte(mix(mask.black.g, 0.01f + c.g, shown));
            line[3 * column + 2] = toByte(mix(mask.black.b, 0.01f + c.b, shown));
        }
    }

    const float focus = random.chance(0.75f) ? random.range(0.0f, 0.0014f) : random.range(0.0014f, 0.0045f);
    blur(rgb, size, focus / frame.stepX, focus / frame.stepY);
    if (random.chance(0.35f))
        sharpen(rgb, size, 0.004f / pixel, random.range(0.3f, 1.0f));
    if (random.chance(0.35f))
        drawCaption(rgb, frame, random);
    const float noise = random.range(0.8f, 3.2f) * std::clamp(0.0013f / pixel, 0.45f, 1.0f);
    addNoise(rgb, size, noise, 0.5f * noise, random.next());
    return out;
}

} // namespace limn::drawn
