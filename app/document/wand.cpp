// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/wand.h"

#include "app/document/mask_ops.h"
#include "inference/engine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <utility>

namespace limn {

namespace {

// IEC 61966-2-1, with the inverse transfer function's break at 0.04045.
constexpr std::array<std::array<double, 3>, 3> kXyzOfLinear{
    {{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}}};
// CIE 15: the linear part of f below (6 / 29)^3.
constexpr double kBreak = 216.0 / 24389.0;
constexpr double kSlope = 24389.0 / 27.0;

double linearOf(int value) {
    const double v = value / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

double cubeRootOf(double t) {
    return t > kBreak ? std::cbrt(t) : (kSlope * t + 16.0) / 116.0;
}

// f over [0, 1] in steps fine enough that straight lines between them err by less than 0.003 in a* and b*.
constexpr int kSteps = 4096;

struct Tables {
    // X / Xn, Y / Yn, Z / Zn of a channel's value, scaled by kSteps; their sum over the channels is the
    // index.
    std::array<std::array<std::array<float, 3>, 256>, 3> part{};
    std::array<float, kSteps + 2> f{};

    Tables() {
        for (std::size_t i = 0; i < f.size(); ++i)
            f[i] = static_cast<float>(cubeRootOf(static_cast<double>(i) / kSteps));
        for (std::size_t row = 0; row < 3; ++row) {
            // White is the sum of the row, so that r = g = b gives exactly a* = b* = 0.
            const double white = kXyzOfLinear[row][0] + kXyzOfLinear[row][1] + kXyzOfLinear[row][2];
            for (std::size_t channel = 0; channel < 3; ++channel)
                for (int value = 0; value < 256; ++value)
                    part[channel][static_cast<std::size_t>(value)][row] =
                        static_cast<float>(kSteps * kXyzOfLinear[row][channel] / white * linearOf(value));
        }
    }
};

const Tables& tables() {
    static const Tables t;
    return t;
}

float between(const Tables& t, float scaled) {
    const int index = static_cast<int>(scaled);
    const float rest = scaled - static_cast<float>(index);
    const float low = t.f[static_cast<std::size_t>(index)];
    return low + rest * (t.f[static_cast<std::size_t>(index) + 1] - low);
}

Lab labOf(const Tables& t, const std::uint8_t* rgb) {
    const auto& red = t.part[0][rgb[0]];
    const auto& green = t.part[1][rgb[1]];
    const auto& blue = t.part[2][rgb[2]];
    const float x = between(t, red[0] + green[0] + blue[0]);
    const float y = between(t, red[1] + green[1] + blue[1]);
    const float z = between(t, red[2] + green[2] + blue[2]);
    return {116.0f * y - 16.0f, 500.0f * (x - y), 200.0f * (y - z)};
}

std::int16_t scaled(float value) {
    return static_cast<std::int16_t>(std::lround(value * LabImage::kScale));
}

// The pixels within the tolerance, a bit each, found out 512 of a row at a time when first asked for. Bits
// are taken away as the filling claims them.
class Candidates {
public:
    Candidates(const LabImage& image, const Lab& seed, double tolerance, const Rect& limits)
        : m_image(image)
        , m_limits(limits)
        , m_seed{scaled(seed.lightness), scaled(seed.a), scaled(seed.b)}
        , m_columns(image.tileColumns())
        , m_words(static_cast<std::size_t>(m_columns) * kWordsPerTile)
        , m_bits(m_words * static_cast<std::size_t>(limits.height))
        , m_known(static_cast<std::size_t>(m_columns) * static_cast<std::size_t>(limits.height), 0) {
        const double reach = std::clamp(std::isfinite(tolerance) ? tolerance : 0.0, 0.0, 400.0);
        m_most = static_cast<std::int32_t>(std::floor(reach * LabImage::kScale * reach * LabImage::kScale));
    }

    bool test(int x, int y) { return (word(x, y) >> (x & 63)) & 1u; }
    void set(int x, int y) {
        word(x, y);
        m_bits[place(x, y)] |= std::uint64_t{1} << (x & 63);
    }

    // First x' >= x with the wanted value, at most `end`.
    int next(int x, int end, int y, bool wanted) {
        while (x < end) {
            std::uint64_t bits = word(x, y);
            if (!wanted)
                bits = ~bits;
            bits >>= (x & 63);
            if (bits != 0)
                return std::min(end, x + std::countr_zero(bits));
            x = (x | 63) + 1;
        }
        return end;
    }
    // Smallest begin such that [begin, x) all are candidates, not below `low`.
    int runBegin(int x, int low, int y) {
        while (x > low) {
            const int last = x - 1;
            // Bits above `last` are shifted out; the run that ends at `last` is counted from the top.
            const std::uint64_t bits = word(last, y) << (63 - (last & 63));
            const int ones = std::countl_one(bits);
            const int here = (last & 63) + 1;
            if (ones < here)
                return std::max(low, x - ones);
            x -= here;
        }
        return low;
    }
    void clear(int begin, int end, int y) {
        while (begin < end) {
            const int stop = std::min(end, (begin | 63) + 1);
            const int count = stop - begin;
            const std::uint64_t mask = (count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1)
                                       << (begin & 63);
            m_bits[place(begin, y)] &= ~mask;
            begin = stop;
        }
    }

private:
    static constexpr std::size_t kWordsPerTile = kTileSize / 64;

    std::size_t place(int x, int y) const {
        return static_cast<std::size_t>(y - m_limits.y) * m_words + static_cast<std::size_t>(x / 64);
    }
    std::uint64_t word(int x, int y) {
        const int column = x / kTileSize;
        std::uint8_t& known =
            m_known[static_cast<std::size_t>(y - m_limits.y) * static_cast<std::size_t>(m_columns) +
                    static_cast<std::size_t>(column)];
        if (!known) {
            known = 1;
            compare(column, y);
        }
        return m_bits[place(x, y)];
    }
    void compare(int column, int y) {
        const std::int16_t* planes = m_image.tile((y / kTileSize) * m_columns + column);
        const std::size_t row = static_cast<std::size_t>(y % kTileSize) * kTileSize;
        const std::int16_t* lightness = planes + row;
        const std::int16_t* a = planes + kTilePixels + row;
        const std::int16_t* b = planes + 2 * kTilePixels + row;
        std::array<std::uint8_t, kTileSize> inside;
        // Differences fit 16 bits (a*, b* stay within +-128 * 64 = +-8192), their squares' sum 31.
        for (std::size_t x = 0; x < kTileSize; ++x) {
            const auto dl = static_cast<std::int16_t>(lightness[x] - m_seed[0]);
            const auto da = static_cast<std::int16_t>(a[x] - m_seed[1]);
            const auto db = static_cast<std::int16_t>(b[x] - m_seed[2]);
            const std::int32_t square = std::int32_t{dl} * dl + std::int32_t{da} * da + std::int32_t{db} * db;
            inside[x] = square <= m_most ? 1 : 0;
        }
        const int left = column * kTileSize;
        const int from = std::max(0, m_limits.x - left);
        const int to = std::min(kTileSize, m_limits.right() - left);
        std::fill(inside.begin(), inside.begin() + std::min(from, kTileSize), std::uint8_t{0});
        std::fill(inside.begin() + std::max(to, 0), inside.end(), std::uint8_t{0});
        std::uint64_t* out = &m_bits[place(left, y)];
        for (std::size_t i = 0; i < kTileSize; i += 8) {
            std::uint64_t bytes;
            std::memcpy(&bytes, inside.data() + i, 8);
            // Eight bytes of 0 or 1 to eight bits, lowest byte first.
            out[i / 64] |= ((bytes * 0x0102040810204080u) >> 56) << (i % 64);
        }
    }

    const LabImage& m_image;
    Rect m_limits;
    std::array<std::int16_t, 3> m_seed;
    std::int32_t m_most = 0;
    int m_columns;
    std::size_t m_words;
    std::vector<std::uint64_t> m_bits;
    std::vector<std::uint8_t> m_known;
};

std::vector<Span> everywhere(Candidates& candidates, const Rect& limits, const CancelToken* cancel) {
    std::vector<Span> spans;
    for (int y = limits.y; y < limits.bottom() && !wasCancelled(cancel); ++y) {
        int x = limits.x;
        while (x < limits.right()) {
            const int begin = candidates.next(x, limits.right(), y, true);
            if (begin == limits.right())
                break;
            const int end = candidates.next(begin, limits.right(), y, false);
            spans.push_back({y, begin, end});
            x = end;
        }
    }
    return spans;
}

// Scanline filling: every run is claimed once, and the rows above and below it are searched along its length.
std::vector<Span> fromSeed(Candidates& candidates, const Rect& limits, int seedX, int seedY,
                           const CancelToken* cancel) {
    std::vector<Span> spans;
    std::vector<Span> search{{seedY, seedX, seedX + 1}};
    while (!search.empty() && !wasCancelled(cancel)) {
        const Span range = search.back();
        search.pop_back();
        int x = range.begin;
        while (x < range.end) {
            int begin = candidates.next(x, range.end, range.y, true);
            if (begin == range.end)
                break;
            if (begin == range.begin)
                begin = candidates.runBegin(begin, limits.x, range.y);
            const int end = candidates.next(begin, limits.right(), range.y, false);
            candidates.clear(begin, end, range.y);
            spans.push_back({range.y, begin, end});
            if (range.y > limits.y)
                search.push_back({range.y - 1, begin, end});
            if (range.y + 1 < limits.bottom())
                search.push_back({range.y + 1, begin, end});
            x = end;
        }
    }
    return spans;
}

} // namespace

Lab labOfSrgb(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
    const std::array<std::uint8_t, 3> rgb{red, green, blue};
    return labOf(tables(), rgb.data());
}

LabImage::LabImage(ImagePtr image)
    : m_image(std::move(image))
    , m_columns((m_image->size.width + kTileSize - 1) / kTileSize)
    , m_rows((m_image->size.height + kTileSize - 1) / kTileSize)
    , m_slots(
          std::make_unique<Slot[]>(static_cast<std::size_t>(m_columns) * static_cast<std::size_t>(m_rows))) {}

const std::int16_t* LabImage::tile(int index) const {
    Slot& slot = m_slots[static_cast<std::size_t>(index)];
    std::call_once(slot.once, [this, index] { compute(index); });
    return slot.planes.get();
}

void LabImage::prepareAll(const CancelToken* cancel) const {
    for (int index = 0; index < tileCount() && !wasCancelled(cancel); ++index)
        tile(index);
}

Lab LabImage::mean(int x, int y, int sampleSize) const {
    const int half = std::clamp(sampleSize, 1, 5) / 2;
    const Rect square =
        intersected({x - half, y - half, 2 * half + 1, 2 * half + 1}, {0, 0, size().width, size().height});
    double lightness = 0.0;
    double a = 0.0;
    double b = 0.0;
    for (int row = square.y; row < square.bottom(); ++row)
        for (int column = square.x; column < square.right(); ++column) {
            const Lab lab = labOf(tables(), m_image->pixel(column, row));
            lightness += lab.lightness;
            a += lab.a;
            b += lab.b;
        }
    const double count = std::max(1, square.width * square.height);
    return {static_cast<float>(lightness / count), static_cast<float>(a / count),
            static_cast<float>(b / count)};
}

void LabImage::compute(int index) const {
    const Tables& t = tables();
    auto planes = std::make_unique<std::int16_t[]>(3 * kTilePixels);
    const int left = (index % m_columns) * kTileSize;
    const int top = (index / m_columns) * kTileSize;
    const int width = std::min(kTileSize, m_image->size.width - left);
    const int height = std::min(kTileSize, m_image->size.height - top);
    // Adding one half and cutting rounds to nearest above the offset, which keeps every value positive.
    constexpr float kOffset = 512.0f * kScale + 0.5f;
    constexpr int kWhole = static_cast<int>(512.0f * kScale);
    for (int y = 0; y < height; ++y) {
        const std::uint8_t* rgb = m_image->pixel(left, top + y);
        std::int16_t* out = planes.get() + static_cast<std::size_t>(y) * kTileSize;
        for (int x = 0; x < width; ++x, rgb += 3) {
            const Lab lab = labOf(t, rgb);
            out[x] = static_cast<std::int16_t>(static_cast<int>(lab.lightness * kScale + kOffset) - kWhole);
            out[kTilePixels + static_cast<std::size_t>(x)] =
                static_cast<std::int16_t>(static_cast<int>(lab.a * kScale + kOffset) - kWhole);
            out[2 * kTilePixels + static_cast<std::size_t>(x)] =
                static_cast<std::int16_t>(static_cast<int>(lab.b * kScale + kOffset) - kWhole);
        }
    }
    m_slots[static_cast<std::size_t>(index)].planes = std::move(planes);
    ++m_computed;
}

PixelArea wandArea(const LabImage& image, int seedX, int seedY, const WandOptions& options,
                   const CancelToken* cancel) {
    const Rect whole{0, 0, image.size().width, image.size().height};
    const Rect limits = options.limits ? intersected(*options.limits, whole) : whole;
    if (intersected(limits, {seedX, seedY, 1, 1}).empty())
        return {};
    Candidates candidates(image, image.mean(seedX, seedY, options.sampleSize), options.tolerance, limits);
    if (options.connected)
        candidates.set(seedX, seedY);
    PixelArea area(options.connected ? fromSeed(candidates, limits, seedX, seedY, cancel)
                                     : everywhere(candidates, limits, cancel));
    if (options.smoothingPx > 0.0)
        area = smoothed(area, options.smoothingPx, limits, cancel);
    if (options.fillHoles)
        area = area.united(holesOf(area, limits, cancel));
    return area;
}

} // namespace limn
