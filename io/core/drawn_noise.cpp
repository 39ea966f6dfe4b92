// SPDX-License-Identifier: GPL-3.0-or-later
// Noise tables and raster operations of the drawing code (see drawn_noise.h). Gradient noise follows K.
// Perlin, "Improving noise" (2002); cell noise follows S. Worley, "A cellular texture basis function" (1996).
#include "io/core/drawn_noise.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace limn::drawn {

namespace {

std::uint64_t hash(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    return Random(a * 0x9E3779B97F4A7C15ull ^ b * 0xC2B2AE3D27D4EB4Full ^ c * 0x165667B19E3779F9ull).next();
}

float unit(std::uint64_t bits) {
    return static_cast<float>(bits >> 40) * (1.0f / 16777216.0f);
}

// One octave with `cells` waves a side, added with a weight.
void addOctave(std::vector<float>& out, int cells, float weight, std::uint64_t seed) {
    const int side = Table::kSide;
    std::vector<float> gx(static_cast<std::size_t>(cells) * cells);
    std::vector<float> gy(gx.size());
    for (int j = 0; j < cells; ++j) {
        for (int i = 0; i < cells; ++i) {
            const float turn = unit(hash(seed, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j)));
            gx[static_cast<std::size_t>(j) * cells + i] = cosTurns(turn);
            gy[static_cast<std::size_t>(j) * cells + i] = sinTurns(turn);
        }
    }
    const float step = static_cast<float>(cells) / static_cast<float>(side);
    for (int y = 0; y < side; ++y) {
        const float v = static_cast<float>(y) * step;
        const int j = static_cast<int>(v);
        const float fy = v - static_cast<float>(j);
        const float wy = fy * fy * fy * (fy * (fy * 6.0f - 15.0f) + 10.0f);
        const std::size_t r0 = static_cast<std::size_t>(j % cells) * cells;
        const std::size_t r1 = static_cast<std::size_t>((j + 1) % cells) * cells;
        for (int x = 0; x < side; ++x) {
            const float u = static_cast<float>(x) * step;
            const int i = static_cast<int>(u);
            const float fx = u - static_cast<float>(i);
            const float wx = fx * fx * fx * (fx * (fx * 6.0f - 15.0f) + 10.0f);
            const std::size_t c0 = static_cast<std::size_t>(i % cells);
            const std::size_t c1 = static_cast<std::size_t>((i + 1) % cells);
            const float a = gx[r0 + c0] * fx + gy[r0 + c0] * fy;
            const float b = gx[r0 + c1] * (fx - 1.0f) + gy[r0 + c1] * fy;
            const float c = gx[r1 + c0] * fx + gy[r1 + c0] * (fy - 1.0f);
            const float d = gx[r1 + c1] * (fx - 1.0f) + gy[r1 + c1] * (fy - 1.0f);
            out[static_cast<std::size_t>(y) * side + x] += weight * mix(mix(a, b, wx), mix(c, d, wx), wy);
        }
    }
}

void buildFractal(Table& table, int firstCells, float gain, std::uint64_t seed) {
    const std::size_t count = static_cast<std::size_t>(Table::kSide) * Table::kSide;
    std::vector<float> values(count, 0.0f);
    float weight = 1.0f;
    for (int cells = firstCells; cells <= 128; cells *= 2, weight *= gain)
        addOctave(values, cells, weight, seed + static_cast<std::uint64_t>(cells));
    double sum = 0.0;
    double squares = 0.0;
    for (const float v : values) {
        sum += v;
        squares += static_cast<double>(v) * v;
    }
    const double mean = sum / static_cast<double>(count);
    const double deviation = std::sqrt(squares / static_cast<double>(count) - mean * mean);
    for (float& v : values)
        v = static_cast<float>((v - mean) / deviation);
    table.levels[0] = std::move(values);
    table.buildLevels();
}

void buildCells(Table& edges, Table& blobs, std::uint64_t seed) {
    const int side = Table::kSide;
    const int cells = static_cast<int>(kCellsPerTile);
    struct Site {
        float x, y, radius;
    };
    std::vector<Site> sites(static_cast<std::size_t>(cells) * cells);
    for (int j = 0; j < cells; ++j) {
        for (int i = 0; i < cells; ++i) {
            Random random(hash(seed, static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(j)));
            Site& s = sites[static_cast<std::size_t>(j) * cells + i];
            s.x = random.range(0.08f, 0.92f);
            s.y = random.range(0.08f, 0.92f);
            s.radius = random.chance(0.2f) ? 0.05f : random.range(0.2f, 0.48f);
        }
    }
    std::vector<float> edge(static_cast<std::size_t>(side) * side);
    std::vector<float> blob(edge.size());
    for (int y = 0; y < side; ++y) {
        const float v = static_cast<float>(y) * kCellsPerTile / static_cast<float>(side);
        const int cj = static_cast<int>(v);
        for (int x = 0; x < side; ++x) {
            const float u = static_cast<float>(x) * kCellsPerTile / static_cast<float>(side);
            const int ci = static_cast<int>(u);
            float first = 100.0f;
            float second = 100.0f;
            float inside = -1.0f;
            for (int dj = -2; dj <= 2; ++dj) {
                for (int di = -2; di <= 2; ++di) {
                    const int i = (ci + di + cells) % cells;
                    const int j = (cj + dj + cells) % cells;
                    const Site& s = sites[static_cast<std::size_t>(j) * cells + i];
                    const float dx = static_cast<float>(ci + di) + s.x - u;
                    const float dy = static_cast<float>(cj + dj) + s.y - v;
                    const float d = std::sqrt(dx * dx + dy * dy);
                    if (d < first) {
                        second = first;
                        first = d;
                    } else if (d < second) {
                        second = d;
                    }
                    inside = std::max(inside, 1.0f - d / s.radius);
                }
            }
            edge[static_cast<std::size_t>(y) * side + x] = second - first;
            blob[static_cast<std::size_t>(y) * side + x] = inside;
        }
    }
    edges.levels[0] = std::move(edge);
    edges.buildLevels();
    blobs.levels[0] = std::move(blob);
    blobs.buildLevels();
}

Tables buildTables() {
    Tables t;
    buildFractal(t.soft, 4, 0.5f, 101);
    buildFractal(t.fine, 16, 0.75f, 202);
    buildCells(t.edges, t.blobs, 303);
    return t;
}

} // namespace

void Table::buildLevels() {
    for (int level = 1; level < kLevels; ++level) {
        const int side = kSide >> level;
        const std::vector<float>& above = levels[level - 1];
        std::vector<float>& here = levels[level];
        here.resize(static_cast<std::size_t>(side) * side);
        for (int y = 0; y < side; ++y) {
            const float* a = above.data() + static_cast<std::size_t>(2 * y) * side * 2;
            const float* b = a + static_cast<std::size_t>(side) * 2;
            for (int x = 0; x < side; ++x)
                here[static_cast<std::size_t>(y) * side + x] =
                    0.25f * (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1]);
        }
    }
}

const Tables& tables() {
    static const Tables built = buildTables();
    return built;
}

Layer::Layer(const Table& table, float tileSize, float pixel, Random& random, float stretch, float turn) {
    const float texels = static_cast<float>(Table::kSide) / tileSize;
    const int level = levelFor(texels * pixel);
    m_side = Table::kSide >> level;
    m_data = table.levels[level].data();
    const float scale = static_cast<float>(m_side) / tileSize;
    const float angle = turn < 0.0f ? random.uniform() : turn;
    const float c = cosTurns(angle);
    const float s = sinTurns(angle);
    m_xx = c * scale / stretch;
    m_xy = s * scale / stretch;
    m_yx = -s * scale;
    m_yy = c * scale;
    m_x0 = (random.uniform() + kTilesBefore) * static_cast<float>(m_side);
    m_y0 = (random.uniform() + kTilesBefore) * static_cast<float>(m_side);
}

Frame::Frame(Size s) : size(s) {
    const float w = static_cast<float>(s.width);
    const float h = static_cast<float>(s.height);
    if (w > h * kSceneWidth) {
        stepX = stepY = 1.0f / h;
    } else if (w >= h) {
        stepX = kSceneWidth / w;
        stepY = 1.0f / h;
    } else {
        stepX = kSceneWidth / w;
        stepY = 1.0f / w;
    }
    left = (kSceneWidth - w * stepX) * 0.5f;
    top = (1.0f - h * stepY) * 0.5f;
}

void Coverage::stroke(float x0, float y0, float x1, float y1, float width0, float width1, float opacity,
                      float soft) {
    const float pixel = m_frame.pixel();
    const float widest = std::max(width0, width1);
    const float reach = 0.5f * widest + soft + pixel;
    const auto column = [&](float x) {
        return static_cast<int>(std::clamp(m_frame.column(x), -1.0f, static_cast<float>(m_frame.size.width)));
    };
    const auto line = [&](float y) {
        return static_cast<int>(std::clamp(m_frame.row(y), -1.0f, static_cast<float>(m_frame.size.height)));
    };
    const int c0 = std::max(0, column(std::min(x0, x1) - reach));
    const int c1 = std::min(m_frame.size.width - 1, column(std::max(x0, x1) + reach) + 1);
    const int r0 = std::max(0, line(std::min(y0, y1) - reach));
    const int r1 = std::min(m_frame.size.height - 1, line(std::max(y0, y1) + reach) + 1);
    const float dx = x1 - x0;
    const float dy = y1 - y0;
    const float length2 = dx * dx + dy * dy;
    const float inverse = length2 > 0.0f ? 1.0f / length2 : 0.0f;
    const float rim = 0.5f * pixel + soft;
    for (int r = r0; r <= r1; ++r) {
        const float py = m_frame.y(r) - y0;
        std::uint8_t* out = m_values.data() + static_cast<std::size_t>(r) * m_frame.size.width;
        for (int c = c0; c <= c1; ++c) {
            const float px = m_frame.x(c) - x0;
            const float t = clamp01((px * dx + py * dy) * inverse);
            const float ex = px - t * dx;
            const float ey = py - t * dy;
            const float d2 = ex * ex + ey * ey;
            if (d2 > reach * reach)
                continue;
            const float half = 0.5f * mix(width0, width1, t);
            // Share of a band of the pixel's width that the stroke covers.
            const float d = std::sqrt(d2);
            const float covered = std::min(d + rim, half) - std::max(d - rim, -half);
            if (covered <= 0.0f)
                continue;
            const float share = std::min(1.0f, covered / (2.0f * rim));
            const auto value = static_cast<std::uint8_t>(share * opacity * 255.0f + 0.5f);
            out[c] = std::max(out[c], value);
        }
    }
}

void Coverage::box(float x0, float y0, float x1, float y1, float opacity) {
    const auto width = static_cast<float>(m_frame.size.width);
    const auto height = static_cast<float>(m_frame.size.height);
    const float left = std::clamp(m_frame.column(x0) + 0.5f, 0.0f, width);
    const float right = std::clamp(m_frame.column(x1) + 0.5f, 0.0f, width);
    const float top = std::clamp(m_frame.row(y0) + 0.5f, 0.0f, height);
    const float bottom = std::clamp(m_frame.row(y1) + 0.5f, 0.0f, height);
    for (int r = static_cast<int>(top); r < m_frame.size.height && static_cast<float>(r) < bottom; ++r) {
        const float high = std::min(bottom, static_cast<float>(r + 1)) - std::max(top, static_cast<float>(r));
        for (int c = static_cast<int>(left); c < m_frame.size.width && static_cast<float>(c) < right; ++c) {
            const float wide =
                std::min(right, static_cast<float>(c + 1)) - std::max(left, static_cast<float>(c));
            std::uint8_t& out = m_values[static_cast<std::size_t>(r) * m_frame.size.width + c];
            out = std::max(out, static_cast<std::uint8_t>(high * wide * opacity * 255.0f + 0.5f));
        }
    }
}

void Coverage::blend(std::uint8_t* rgb, Color color) const {
    const int ink[3] = {toByte(color.r), toByte(color.g), toByte(color.b)};
    for (std::size_t i = 0; i < m_values.size(); ++i) {
        const int a = m_values[i];
        if (a == 0)
            continue;
        for (int k = 0; k < 3; ++k)
            rgb[3 * i + k] = static_cast<std::uint8_t>((rgb[3 * i + k] * (255 - a) + ink[k] * a + 127) / 255);
    }
}

void Coverage::multiply(std::uint8_t* rgb, Color color) const {
    const int ink[3] = {toByte(color.r), toByte(color.g), toByte(color.b)};
    for (std::size_t i = 0; i < m_values.size(); ++i) {
        const int a = m_values[i];
        if (a == 0)
            continue;
        for (int k = 0; k < 3; ++k) {
            const int through = 255 * 255 - a * (255 - ink[k]);
            rgb[3 * i + k] = static_cast<std::uint8_t>(rgb[3 * i + k] * through / (255 * 255));
        }
    }
}

void strokeText(Coverage& coverage, float x, float y, float height, const char* text, float turn) {
    // Seven-segment strokes for digits and the letters that burnt-in captions need. Bits: 0 top, 1 upper
    // right, 2 lower right, 3 bottom, 4 lower left, 5 upper left, 6 middle.
    static constexpr std::array<std::uint8_t, 10> kDigits = {0x3F, 0x06, 0x5B, 0x4F, 0x66,
                                                             0x6D, 0x7D, 0x07, 0x7F, 0x6F};
    const float w = height * 0.55f;
    const float pen = height * 0.16f;
    const float c = cosTurns(turn);
    const float s = sinTurns(turn);
    const auto line = [&](float x0, float y0, float x1, float y1) {
        coverage.stroke(x + c * x0 - s * y0, y + s * x0 + c * y0, x + c * x1 - s * y1, y + s * x1 + c * y1,
                        pen, pen, 1.0f);
    };
    float at = 0.0f;
    for (const char* p = text; *p; ++p, at += height * 0.85f) {
        std::uint8_t bits = 0;
        if (*p >= '0' && *p <= '9')
            bits = kDigits[static_cast<std::size_t>(*p - '0')];
        else if (*p == 'A')
            bits = 0x77;
        else if (*p == 'C')
            bits = 0x39;
        else if (*p == 'P')
            bits = 0x73;
        else if (*p == 'S')
            bits = 0x6D;
        const float h = height * 0.5f;
        if (bits & 1)
            line(at, 0.0f, at + w, 0.0f);
        if (bits & 2)
            line(at + w, 0.0f, at + w, h);
        if (bits & 4)
            line(at + w, h, at + w, height);
        if (bits & 8)
            line(at, height, at + w, height);
        if (bits & 16)
            line(at, h, at, height);
        if (bits & 32)
            line(at, 0.0f, at, h);
        if (bits & 64)
            line(at, h, at + w, h);
        if (*p == ':') {
            line(at + 0.4f * w, 0.25f * height, at + 0.4f * w, 0.3f * height);
            line(at + 0.4f * w, 0.7f * height, at + 0.4f * w, 0.75f * height);
        } else if (*p == '/') {
            line(at, height, at + w, 0.0f);
        } else if (*p == 'm') {
            line(at, 0.3f * height, at, height);
            line(at, 0.3f * height, at + w, 0.3f * height);
            line(at + 0.5f * w, 0.3f * height, at + 0.5f * w, height);
            line(at + w, 0.3f * height, at + w, height);
        }
    }
}

namespace {

// Weighted sums in 8.8 fixed point over bytes that lie `step` apart. `in` points into a buffer that reaches
// far enough to both sides.
void convolveBytes(const std::uint8_t* in, std::ptrdiff_t step, std::size_t count,
                   const std::vector<int>& weights, std::uint16_t* sums, std::uint8_t* out) {
    const auto w0 = static_cast<std::uint16_t>(weights[0]);
    for (std::size_t i = 0; i < count; ++i)
        sums[i] = static_cast<std::uint16_t>(w0 * in[i] + 128);
    for (std::size_t k = 1; k < weights.size(); ++k) {
        const auto w = static_cast<std::uint16_t>(weights[k]);
        const std::uint8_t* p = in - static_cast<std::ptrdiff_t>(k) * step;
        const std::uint8_t* q = in + static_cast<std::ptrdiff_t>(k) * step;
        for (std::size_t i = 0; i < count; ++i)
            sums[i] = static_cast<std::uint16_t>(sums[i] + w * (p[i] + q[i]));
    }
    for (std::size_t i = 0; i < count; ++i)
        out[i] = static_cast<std::uint8_t>(sums[i] >> 8);
}

// Moving average over 2 * radius + 1 pixels, ends repeated.
void boxLine(const std::uint8_t* in, int count, int radius, std::uint8_t* out) {
    const int width = 2 * radius + 1;
    const int reciprocal = (1 << 20) / width;
    for (int k = 0; k < 3; ++k) {
        int sum = (radius + 1) * in[k];
        for (int i = 1; i <= radius; ++i)
            sum += in[3 * std::min(count - 1, i) + k];
        for (int i = 0; i < count; ++i) {
            out[3 * i + k] = static_cast<std::uint8_t>(
                std::min<std::int64_t>(255, (static_cast<std::int64_t>(sum) * reciprocal + (1 << 19)) >> 20));
            sum += in[3 * std::min(count - 1, i + radius + 1) + k] - in[3 * std::max(0, i - radius) + k];
        }
    }
}

std::vector<int> gaussWeights(float sigma) {
    const int radius = std::max(1, static_cast<int>(sigma * 2.6f + 0.5f));
    std::vector<float> w(static_cast<std::size_t>(radius) + 1);
    float sum = 0.0f;
    for (int i = 0; i <= radius; ++i) {
        w[static_cast<std::size_t>(i)] = exponential(-0.5f * static_cast<float>(i * i) / (sigma * sigma));
        sum += w[static_cast<std::size_t>(i)] * (i == 0 ? 1.0f : 2.0f);
    }
    std::vector<int> weights(w.size());
    int rest = 256;
    for (std::size_t i = 1; i < w.size(); ++i) {
        weights[i] = static_cast<int>(w[i] / sum * 256.0f + 0.5f);
        rest -= 2 * weights[i];
    }
    weights[0] = rest;
    return weights;
}

// Above this, three moving averages come close enough to a Gaussian and cost the same for every width.
constexpr float kLargeSigma = 2.5f;

void blurAcrossSmall(std::uint8_t* rgb, Size size, float sigma) {
    const std::vector<int> weights = gaussWeights(sigma);
    const std::size_t stride = static_cast<std::size_t>(size.width) * 3;
    const std::size_t margin = (weights.size() - 1) * 3;
    std::vector<std::uint8_t> line(stride + 2 * margin);
    std::vector<std::uint16_t> sums(stride);
    for (int y = 0; y < size.height; ++y) {
        std::uint8_t* row = rgb + static_cast<std::size_t>(y) * stride;
        std::memcpy(line.data() + margin, row, stride);
        for (std::size_t i = 0; i < margin; ++i) {
            line[i] = row[i % 3];
            line[margin + stride + i] = row[stride - 3 + i % 3];
        }
        convolveBytes(line.data() + margin, 3, stride, weights, sums.data(), row);
    }
}

void blurDownSmall(std::uint8_t* rgb, Size size, float sigma) {
    const std::vector<int> weights = gaussWeights(sigma);
    const std::size_t stride = static_cast<std::size_t>(size.width) * 3;
    const int radius = static_cast<int>(weights.size()) - 1;
    // The untouched rows around the current one, in a window that moves down.
    const int window = 2 * radius + 1;
    constexpr int kRowsAtOnce = 64;
    std::vector<std::uint8_t> rows(static_cast<std::size_t>(window - 1 + kRowsAtOnce) * stride);
    std::vector<std::uint16_t> sums(stride);
    const auto source = [&](int y) {
        return rgb + static_cast<std::size_t>(std::clamp(y, 0, size.height - 1)) * stride;
    };
    for (int i = 0; i < 2 * radius; ++i)
        std::memcpy(rows.data() + static_cast<std::size_t>(i) * stride, source(i - radius), stride);
    for (int y0 = 0; y0 < size.height; y0 += kRowsAtOnce) {
        const int count = std::min(kRowsAtOnce, size.height - y0);
        for (int i = 0; i < count; ++i)
            std::memcpy(rows.data() + static_cast<std::size_t>(2 * radius + i) * stride,
                        source(y0 + i + radius), stride);
        for (int i = 0; i < count; ++i)
            convolveBytes(rows.data() + static_cast<std::size_t>(radius + i) * stride,
                          static_cast<std::ptrdiff_t>(stride), stride, weights, sums.data(), source(y0 + i));
        std::memmove(rows.data(), rows.data() + static_cast<std::size_t>(count) * stride,
                     static_cast<std::size_t>(2 * radius) * stride);
    }
}

void blurLineLarge(std::vector<std::uint8_t>& line, std::vector<std::uint8_t>& spare, int count,
                   float sigma) {
    const int radius = std::min(static_cast<int>(sigma + 0.5f), count);
    for (int pass = 0; pass < 3; ++pass) {
        boxLine(line.data(), count, radius, spare.data());
        line.swap(spare);
    }
}

void blurAcrossLarge(std::uint8_t* rgb, Size size, float sigma) {
    const std::size_t stride = static_cast<std::size_t>(size.width) * 3;
    std::vector<std::uint8_t> line(stride);
    std::vector<std::uint8_t> spare(stride);
    for (int y = 0; y < size.height; ++y) {
        std::uint8_t* row = rgb + static_cast<std::size_t>(y) * stride;
        std::memcpy(line.data(), row, stride);
        blurLineLarge(line, spare, size.width, sigma);
        std::memcpy(row, line.data(), stride);
    }
}

void blurDownLarge(std::uint8_t* rgb, Size size, float sigma) {
    const std::size_t stride = static_cast<std::size_t>(size.width) * 3;
    const std::size_t height = static_cast<std::size_t>(size.height) * 3;
    // Sixteen columns at a time, so that each cache line that is touched is used whole.
    constexpr int kColumns = 16;
    std::vector<std::vector<std::uint8_t>> lines(kColumns, std::vector<std::uint8_t>(height));
    std::vector<std::uint8_t> spare(height);
    for (int x0 = 0; x0 < size.width; x0 += kColumns) {
        const int columns = std::min(kColumns, size.width - x0);
        for (int y = 0; y < size.height; ++y) {
            const std::uint8_t* p = rgb + static_cast<std::size_t>(y) * stride + 3 * x0;
            for (int c = 0; c < columns; ++c)
                std::memcpy(lines[static_cast<std::size_t>(c)].data() + 3 * y, p + 3 * c, 3);
        }
        for (int c = 0; c < columns; ++c)
            blurLineLarge(lines[static_cast<std::size_t>(c)], spare, size.height, sigma);
        for (int y = 0; y < size.height; ++y) {
            std::uint8_t* p = rgb + static_cast<std::size_t>(y) * stride + 3 * x0;
            for (int c = 0; c < columns; ++c)
                std::memcpy(p + 3 * c, lines[static_cast<std::size_t>(c)].data() + 3 * y, 3);
        }
    }
}

} // namespace

void blur(std::uint8_t* rgb, Size size, float sigmaX, float sigmaY) {
    if (sigmaX > kLargeSigma)
        blurAcrossLarge(rgb, size, sigmaX);
    else if (sigmaX >= 0.3f)
        blurAcrossSmall(rgb, size, sigmaX);
    if (sigmaY > kLargeSigma)
        blurDownLarge(rgb, size, sigmaY);
    else if (sigmaY >= 0.3f)
        blurDownSmall(rgb, size, sigmaY);
}

void sharpen(std::uint8_t* rgb, Size size, float sigmaPixels, float amount) {
    if (amount <= 0.0f || sigmaPixels < 0.3f)
        return;
    std::vector<std::uint8_t> smooth(rgb, rgb + size.pixels() * 3);
    blur(smooth.data(), size, sigmaPixels, sigmaPixels);
    const int gain = static_cast<int>(amount * 256.0f);
    for (std::size_t i = 0; i < smooth.size(); ++i) {
        const int v = rgb[i] + (((rgb[i] - smooth[i]) * gain) >> 8);
        rgb[i] = static_cast<std::uint8_t>(std::clamp(v, 0, 255));
    }
}

namespace {

// Bell-shaped deviates with standard deviation 32.
const std::vector<std::int8_t>& deviates() {
    static const std::vector<std::int8_t> table = [] {
        std::vector<std::int8_t> t(1 << 15);
        Random random(404);
        for (std::int8_t& v : t)
            v = static_cast<std::int8_t>(std::clamp(random.bell() * 32.0f, -127.0f, 127.0f));
        return t;
    }();
    return table;
}

} // namespace

void addNoise(std::uint8_t* rgb, Size size, float luma, float chroma, std::uint64_t seed) {
    // Gains in 1/2048: 64 of them a grey value for a deviate of 32.
    const auto lumaGain = static_cast<int>(luma * 64.0f);
    const auto chromaGain = static_cast<int>(chroma * 64.0f);
    const std::vector<std::int8_t>& table = deviates();
    Random random(seed);
    // Runs of the table from random places, so that no pattern repeats along the rows.
    constexpr int kRun = 512;
    const int places = static_cast<int>(table.size()) - 3 * kRun;
    std::array<int, static_cast<std::size_t>(3 * kRun)> shift{};
    for (int y = 0; y < size.height; ++y) {
        for (int x0 = 0; x0 < size.width; x0 += kRun) {
            const int count = std::min(kRun, size.width - x0);
            const std::int8_t* common = table.data() + random.below(places);
            const std::int8_t* own = table.data() + random.below(places);
            std::uint8_t* p = rgb + (static_cast<std::size_t>(y) * size.width + x0) * 3;
            for (int i = 0; i < count; ++i)
                shift[static_cast<std::size_t>(3 * i)] = shift[static_cast<std::size_t>(3 * i + 1)] =
                    shift[static_cast<std::size_t>(3 * i + 2)] = common[i] * lumaGain + 1024;
            for (int i = 0; i < 3 * count; ++i) {
                const int v = p[i] + ((shift[static_cast<std::size_t>(i)] + own[i] * chromaGain) >> 11);
                p[i] = static_cast<std::uint8_t>(v < 0 ? 0 : (v > 255 ? 255 : v));
            }
        }
    }
}

} // namespace limn::drawn
