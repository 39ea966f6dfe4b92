// SPDX-License-Identifier: GPL-3.0-or-later
// Rows first, then columns: the sum over rows runs along memory, and only one row of sums lives at a time.
// The stretch to 0..255 is affine and every output's weights add up to one, so that it is applied after
// resizing, to the few numbers that are left.
#include "inference/plain/resample.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <thread>
#include <utility>

// The loops over samples are compiled for AVX2 too, and chosen when the program starts. Neither version
// contracts a * b + c, so that every processor computes the same numbers. Sanitizers cannot follow the
// choice.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) &&     \
    !defined(__SANITIZE_THREAD__)
#define LIMN_FOR_EACH_CPU __attribute__((target_clones("avx2", "default")))
#else
#define LIMN_FOR_EACH_CPU
#endif

namespace limn {

namespace {

constexpr int kMinInputSize = 32;
constexpr int kMaxInputSize = 4096;

// Weights of all outputs along one axis: output i is the sum of weights[i * most + j] * input[first[i] + j].
struct Filter {
    std::vector<int> first;
    std::vector<int> count;
    std::vector<float> weights;
    int most = 0;
};

Filter plainFilter(int in, int out) {
    Filter filter;
    filter.most = 2;
    filter.weights.assign(static_cast<std::size_t>(out) * 2, 0.0f);
    const double scale = static_cast<double>(in) / out;
    for (int i = 0; i < out; ++i) {
        const double position = std::max(0.0, scale * (i + 0.5) - 0.5);
        const int low = std::min(static_cast<int>(position), in - 1);
        const bool hasNext = low + 1 < in;
        const double share = hasNext ? position - low : 0.0;
        filter.first.push_back(low);
        filter.count.push_back(hasNext ? 2 : 1);
        filter.weights[static_cast<std::size_t>(i) * 2] = static_cast<float>(1.0 - share);
        filter.weights[static_cast<std::size_t>(i) * 2 + 1] = static_cast<float>(share);
    }
    return filter;
}

Filter triangleFilter(int in, int out) {
    const double scale = static_cast<double>(in) / out;
    const double halfWidth = std::max(1.0, scale);
    Filter filter;
    filter.most = static_cast<int>(std::ceil(halfWidth)) * 2 + 1;
    filter.weights.assign(static_cast<std::size_t>(out) * filter.most, 0.0f);
    std::vector<double> weights(static_cast<std::size_t>(filter.most));
    for (int i = 0; i < out; ++i) {
        const double center = scale * (i + 0.5);
        const int begin = std::max(0, static_cast<int>(center - halfWidth + 0.5));
        const int end = std::min(in, static_cast<int>(center + halfWidth + 0.5));
        const int count = std::min(end - begin, filter.most);
        double sum = 0.0;
        for (int j = 0; j < count; ++j) {
            weights[j] = std::max(0.0, 1.0 - std::fabs((begin + j + 0.5 - center) / halfWidth));
            sum += weights[j];
        }
        for (int j = 0; j < count; ++j)
            filter.weights[static_cast<std::size_t>(i) * filter.most + j] =
                static_cast<float>(weights[j] / sum);
        filter.first.push_back(begin);
        filter.count.push_back(count);
    }
    return filter;
}

Filter filterOf(int in, int out, ResizeMode mode) {
    return mode == ResizeMode::Plain ? plainFilter(in, out) : triangleFilter(in, out);
}

// sums[i] = w0 * a[i] + w1 * b[i] + w2 * c[i] + w3 * d[i], added to what was there.
LIMN_FOR_EACH_CPU
void addFourRows(const std::array<const std::uint8_t*, 4>& rows, const std::array<float, 4>& weights,
                 float* __restrict sums, std::size_t count) {
    const std::uint8_t* __restrict a = rows[0];
    const std::uint8_t* __restrict b = rows[1];
    const std::uint8_t* __restrict c = rows[2];
    const std::uint8_t* __restrict d = rows[3];
    const float wa = weights[0];
    const float wb = weights[1];
    const float wc = weights[2];
    const float wd = weights[3];
    for (std::size_t i = 0; i < count; ++i) {
        sums[i] += (wa * static_cast<float>(a[i]) + wb * static_cast<float>(b[i])) +
                   (wc * static_cast<float>(c[i]) + wd * static_cast<float>(d[i]));
    }
}

// Row by row, the first one first: risen[i] += sums[i]; sums[i] += row[i].
LIMN_FOR_EACH_CPU
void countRows(const std::uint8_t* rows, std::size_t stride, int rowCount, std::uint16_t* sums,
               std::uint16_t* risen, std::size_t count) {
    constexpr std::size_t kBlock = 2048; // stays in the first-level cache while the rows pass
    for (std::size_t first = 0; first < count; first += kBlock) {
        const std::size_t some = std::min(kBlock, count - first);
        std::uint16_t* __restrict s = sums + first;
        std::uint16_t* __restrict r = risen + first;
        for (int y = 0; y < rowCount; ++y) {
            const std::uint8_t* __restrict row = rows + static_cast<std::size_t>(y) * stride + first;
            for (std::size_t i = 0; i < some; ++i) {
                r[i] = static_cast<std::uint16_t>(r[i] + s[i]);
                s[i] = static_cast<std::uint16_t>(s[i] + row[i]);
            }
        }
    }
}

// What countRows() summed, weighted with `last` for the last row and `step` less for each row before it, is
// added to `rise`, and the rest to `fall`; the sums begin anew, and `rise` too where this is its first part.
LIMN_FOR_EACH_CPU
void shareOut(std::uint16_t* __restrict sums, std::uint16_t* __restrict risen, float last, float step,
              bool isFirst, float* __restrict rise, float* __restrict fall, std::size_t count) {
    const float kept = isFirst ? 0.0f : 1.0f;
    for (std::size_t i = 0; i < count; ++i) {
        const float all = static_cast<float>(sums[i]);
        const float rising = last * all - step * static_cast<float>(risen[i]);
        rise[i] = kept * rise[i] + rising;
        fall[i] += all - rising;
        sums[i] = 0;
        risen[i] = 0;
    }
}

LIMN_FOR_EACH_CPU
void widenRange(const std::uint8_t* values, std::size_t count, std::uint8_t& low, std::uint8_t& high) {
    std::uint8_t least = 255;
    std::uint8_t most = 0;
    for (std::size_t i = 0; i < count; ++i) {
        least = std::min(least, values[i]);
        most = std::max(most, values[i]);
    }
    low = std::min(low, least);
    high = std::max(high, most);
}

// Rounded to nearest: the values are not negative.
LIMN_FOR_EACH_CPU
void blendTo16(const float* __restrict upper, const float* __restrict lower, float share,
               std::uint16_t* __restrict out, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const float value = upper[i] + (lower[i] - upper[i]) * share;
        out[i] = static_cast<std::uint16_t>(static_cast<std::int32_t>(value + 0.5f));
    }
}

LIMN_FOR_EACH_CPU
void blend(const float* __restrict upper, const float* __restrict lower, float share, float* __restrict out,
           std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
        out[i] = upper[i] + (lower[i] - upper[i]) * share;
}

// One row of sums, each times `share`, to one row of each output plane. One float after the sums is read.
template<int Channels>
void resizeRow(const float* sums, float share, const Filter& filter, float offset, float gain, float* out,
               std::size_t planeStride) {
    for (std::size_t x = 0; x < filter.first.size(); ++x) {
        const float* from = sums + static_cast<std::size_t>(filter.first[x]) * Channels;
        const float* weights = filter.weights.data() + x * filter.most;
        std::array<float, 4> value{};
#ifdef __GNUC__
        if constexpr (Channels == 3) {
            using Four = float __attribute__((vector_size(16)));
            Four four{};
            for (int j = 0; j < filter.count[x]; ++j) {
                Four pixel;
                std::memcpy(&pixel, from + j * Channels, sizeof pixel);
                four += weights[j] * pixel;
            }
            std::memcpy(value.data(), &four, sizeof four);
        } else
#endif
            for (int j = 0; j < filter.count[x]; ++j) {
                for (int c = 0; c < Channels; ++c)
                    value[c] += weights[j] * from[j * Channels + c];
            }
        for (int c = 0; c < Channels; ++c)
            out[c * planeStride + x] = (value[c] * share - offset) * gain;
    }
}

// Sums over rows by the triangle filter where a picture becomes much smaller, of rows that come one after the
// other. Between the centres of two outputs a row's weights for them add up to one, and from row to row they
// change by the same step: whole numbers suffice, of the rows and of their running sums.
class TriangleRows {
public:
    static bool suit(int in, int out, ResizeMode mode) {
        return mode == ResizeMode::Antialias && in >= 4 * out;
    }

    TriangleRows(int in, int out, std::size_t samples)
        : m_in(in)
        , m_out(out)
        , m_scale(static_cast<double>(in) / out)
        , m_end(endOf(0))
        , m_samples(samples)
        , m_sums(samples)
        , m_risen(samples)
        , m_rise(samples + 1)
        , m_fall(samples + 1) {}

    // Calls made(y, sums, share) for each output row that is complete with these rows.
    template<typename Made>
    void add(const std::uint8_t* rows, std::size_t stride, int count, const Made& made) {
        while (count > 0) {
            const int some = std::min({count, m_end - m_row, kMostRows - m_counted});
            countRows(rows, stride, some, m_sums.data(), m_risen.data(), m_samples);
            rows += stride * static_cast<std::size_t>(some);
            count -= some;
            m_row += some;
            m_counted += some;
            if (m_counted < kMostRows && m_row < m_end)
                continue;
            const double last = 1.0 - (centreOf(m_next) - (m_row - 0.5)) / m_scale;
            shareOut(m_sums.data(), m_risen.data(), static_cast<float>(last),
                     static_cast<float>(1.0 / m_scale), m_riseIsNew, m_rise.data(), m_fall.data(), m_samples);
            m_counted = 0;
            m_riseIsNew = m_row == m_end;
            if (m_row < m_end)
                continue;
            if (m_next > 0)
                made(m_next - 1, m_fall.data(), shareOf(m_next - 1));
            std::swap(m_rise, m_fall);
            m_end = endOf(++m_next);
        }
    }

private:
    // Of which the running sums of bytes fit into 16 bits.
    static constexpr int kMostRows = 23;

    double centreOf(int y) const { return m_scale * (y + 0.5); }
    // The first row whose centre does not lie before that of output row y.
    int endOf(int y) const {
        return y >= m_out ? m_in : std::clamp(static_cast<int>(std::ceil(centreOf(y) - 0.5)), 0, m_in);
    }
    float shareOf(int y) const {
        double sum = 0.0;
        const int end = std::min(m_in, static_cast<int>(centreOf(y) + m_scale) + 1);
        for (int row = std::max(0, static_cast<int>(centreOf(y) - m_scale) - 1); row < end; ++row)
            sum += std::max(0.0, 1.0 - std::fabs((row + 0.5 - centreOf(y)) / m_scale));
        return static_cast<float>(1.0 / sum);
    }

    const int m_in;
    const int m_out;
    const double m_scale;
    int m_row = 0;     // rows so far
    int m_next = 0;    // the output row whose centre comes next
    int m_end;         // the first row that does not lie before it
    int m_counted = 0; // rows in the sums
    bool m_riseIsNew = true;
    const std::size_t m_samples;
    std::vector<std::uint16_t> m_sums;
    std::vector<std::uint16_t> m_risen;
    std::vector<float> m_rise; // the part of output row m_next
    std::vector<float> m_fall; // of the one before
};

// The weighted sum of the rows that output row y is made of; rowAt(i) gives input row i.
template<typename RowAt>
void sumRows(const Filter& rows, int y, const RowAt& rowAt, std::size_t samples, std::vector<float>& sums) {
    std::fill(sums.begin(), sums.end(), 0.0f);
    const float* weights = rows.weights.data() + static_cast<std::size_t>(y) * rows.most;
    for (int j = 0; j < rows.count[y]; j += 4) {
        std::array<const std::uint8_t*, 4> four{};
        std::array<float, 4> fourWeights{};
        for (int k = 0; k < 4; ++k) {
            // The last group is filled up with its own first row at weight 0.
            const bool there = j + k < rows.count[y];
            four[k] = rowAt(rows.first[y] + (there ? j + k : j));
            fourWeights[k] = there ? weights[j + k] : 0.0f;
        }
        addFourRows(four, fourWeights, sums.data(), samples);
    }
}

// Planes of (resized value - offset) * gain.
template<int Channels>
void resize(std::span<const std::uint8_t> samples, Size size, const Rect& region, Size out, ResizeMode mode,
            float offset, float gain, std::span<float> planes) {
    assert(samples.size() == size.pixels() * Channels && planes.size() == out.pixels() * Channels);
    assert(!region.empty() && region.x >= 0 && region.y >= 0 && region.right() <= size.width &&
           region.bottom() <= size.height);
    const Filter columns = filterOf(region.width, out.width, mode);
    const std::size_t rowSamples = static_cast<std::size_t>(region.width) * Channels;
    const auto rowAt = [&](int y) {
        return samples.data() + (static_cast<std::size_t>(region.y + y) * size.width + region.x) * Channels;
    };
    const auto made = [&](int y, const float* sums, float share) {
        resizeRow<Channels>(sums, share, columns, offset, gain,
                            planes.data() + static_cast<std::size_t>(y) * out.width, out.pixels());
    };
    if (TriangleRows::suit(region.height, out.height, mode)) {
        TriangleRows(region.height, out.height, rowSamples)
            .add(rowAt(0), static_cast<std::size_t>(size.width) * Channels, region.height, made);
        return;
    }
    const Filter rows = filterOf(region.height, out.height, mode);
    std::vector<float> sums(rowSamples + 1);
    for (int y = 0; y < out.height; ++y) {
        sumRows(rows, y, rowAt, rowSamples, sums);
        made(y, sums.data(), 1.0f);
    }
}

// Two-tap bilinear of a float map, row by row; a source row is widened once.
class MapResizer {
public:
    // What is made of values below `least` alone need not be made.
    MapResizer(const FloatMap& map, Size out, float least)
        : m_map(map)
        , m_rows(plainFilter(map.size.height, out.height))
        , m_columns(plainFilter(map.size.width, out.width))
        , m_upper(static_cast<std::size_t>(out.width))
        , m_lower(m_upper.size()) {
        for (int row = 0; row < map.size.height; ++row)
            m_reach.push_back(reachOf(row, least));
    }

    // Columns of output row y outside of which only values below `least` go into it.
    Columns columns(int y) const {
        const int upper = m_rows.first[y];
        return joined(m_reach[upper], m_reach[upper + m_rows.count[y] - 1]);
    }

    // The widened source rows above and below output row y, and the lower one's share. Right in columns(y).
    float prepare(int y) {
        const int upper = m_rows.first[y];
        const int lower = upper + m_rows.count[y] - 1;
        if (upper == m_lowerRow) {
            std::swap(m_upper, m_lower);
            std::swap(m_upperRow, m_lowerRow);
        }
        widen(upper, m_upper, m_upperRow);
        widen(lower, m_lower, m_lowerRow);
        return m_rows.weights[static_cast<std::size_t>(y) * 2 + 1];
    }
    const float* upper() const { return m_upper.data(); }
    const float* lower() const { return m_lower.data(); }

private:
    static Columns joined(Columns a, Columns b) {
        if (a.begin >= a.end)
            return b;
        return b.begin >= b.end ? a : Columns{std::min(a.begin, b.begin), std::max(a.end, b.end)};
    }

    // Output columns that a value of source row `row` that is not below `least` goes into.
    Columns reachOf(int row, float least) const {
        const int width = m_map.size.width;
        const float* from = m_map.values.data() + static_cast<std::size_t>(row) * width;
        const auto counts = [least](float value) { return !(value < least); };
        const int first = static_cast<int>(std::find_if(from, from + width, counts) - from);
        if (first == width)
            return {};
        int last = width - 1;
        while (!counts(from[last]))
            --last;
        // A column is made of the source columns left and left + 1.
        const std::vector<int>& left = m_columns.first;
        return {static_cast<int>(std::lower_bound(left.begin(), left.end(), first - 1) - left.begin()),
                static_cast<int>(std::upper_bound(left.begin(), left.end(), last) - left.begin())};
    }

    void widen(int row, std::vector<float>& to, int& holds) const {
        if (holds == row)
            return;
        holds = row;
        const float* from = m_map.values.data() + static_cast<std::size_t>(row) * m_map.size.width;
        // With what the rows above and below reach, for it goes into output rows between them too.
        Columns reach = m_reach[row];
        if (row > 0)
            reach = joined(reach, m_reach[row - 1]);
        if (row + 1 < m_map.size.height)
            reach = joined(reach, m_reach[row + 1]);
        for (int x = reach.begin; x < reach.end; ++x) {
            const int left = m_columns.first[x];
            const int right = left + m_columns.count[x] - 1;
            to[x] = from[left] +
                    (from[right] - from[left]) * m_columns.weights[static_cast<std::size_t>(x) * 2 + 1];
        }
    }

    const FloatMap& m_map;
    Filter m_rows;
    Filter m_columns;
    std::vector<Columns> m_reach; // of each source row
    std::vector<float> m_upper;
    std::vector<float> m_lower;
    int m_upperRow = -1;
    int m_lowerRow = -1;
};

// Clamped to [0, 1], in units of the stored values.
FloatMap scaledToStored(const FloatMap& map) {
    FloatMap scaled{map.size, map.values};
    for (float& value : scaled.values) {
        // Written so that NaN falls on 0.
        value = value > 0.0f ? std::min(value, 1.0f) * ProbabilityMap::kScale : 0.0f;
    }
    return scaled;
}

} // namespace

void preprocess(std::span<const std::uint8_t> rgb, Size size, const Rect& region, Size out, ResizeMode mode,
                std::span<float> planes) {
    std::uint8_t low = 255;
    std::uint8_t high = 0;
    for (int y = region.y; y < region.bottom() && (low > 0 || high < 255); ++y) {
        const std::size_t begin = (static_cast<std::size_t>(y) * size.width + region.x) * 3;
        widenRange(rgb.data() + begin, static_cast<std::size_t>(region.width) * 3, low, high);
    }
    if (high <= low) {
        std::fill(planes.begin(), planes.end(), 0.0f);
        return;
    }
    resize<3>(rgb, size, region, out, mode, static_cast<float>(low), 255.0f / static_cast<float>(high - low),
              planes);
}

Result<void> checkInputSize(int inputSize) {
    if (inputSize >= kMinInputSize && inputSize <= kMaxInputSize)
        return {};
    return Error{ErrorCode::InvalidArgument,
                 {"The input size", std::to_string(inputSize),
                  std::to_string(kMinInputSize) + " to " + std::to_string(kMaxInputSize)}};
}

struct InputRows::State {
    State(Size pictureSize, int side, ResizeMode mode)
        : size(pictureSize)
        , out{side, side}
        , columns(filterOf(size.width, side, mode))
        , rowBytes(static_cast<std::size_t>(size.width) * 3)
        , planes(out.pixels() * 3) {
        if (TriangleRows::suit(size.height, side, mode)) {
            triangle.emplace(size.height, side, rowBytes);
            return;
        }
        rows = filterOf(size.height, side, mode);
        kept.resize(rowBytes * static_cast<std::size_t>(rows.most));
        sums.resize(rowBytes + 1);
    }

    void make(int y, const float* from, float share) {
        resizeRow<3>(from, share, columns, 0.0f, 1.0f,
                     planes.data() + static_cast<std::size_t>(y) * out.width, out.pixels());
        ++made;
    }

    std::uint8_t* keptRow(int row) {
        return kept.data() + rowBytes * static_cast<std::size_t>(row % rows.most);
    }

    Size size;
    Size out;
    Filter columns;
    std::size_t rowBytes;
    std::optional<TriangleRows> triangle; // or the following three
    Filter rows;
    std::vector<std::uint8_t> kept; // the last rows.most rows of the picture, going round
    std::vector<float> sums;
    std::vector<float> planes;
    int given = 0; // rows of the picture
    int made = 0;  // rows of the planes
    std::uint8_t low = 255;
    std::uint8_t high = 0;
};

InputRows::InputRows(Size size, int inputSize, ResizeMode mode)
    : m_state(std::make_unique<State>(size, inputSize, mode)) {}

InputRows::~InputRows() = default;

void InputRows::add(const std::uint8_t* rgb, int count) {
    State& s = *m_state;
    const std::uint8_t* row = rgb;
    for (int i = 0; i < count && (s.low > 0 || s.high < 255); ++i, row += s.rowBytes)
        widenRange(row, s.rowBytes, s.low, s.high);
    if (s.triangle) {
        s.given += count;
        s.triangle->add(rgb, s.rowBytes, count,
                        [&s](int y, const float* sums, float share) { s.make(y, sums, share); });
        return;
    }
    for (int i = 0; i < count; ++i, rgb += s.rowBytes) {
        std::copy_n(rgb, s.rowBytes, s.keptRow(s.given));
        ++s.given;
        while (s.made < s.out.height && s.rows.first[s.made] + s.rows.count[s.made] <= s.given) {
            sumRows(
                s.rows, s.made, [&](int index) { return s.keptRow(index); }, s.rowBytes, s.sums);
            s.make(s.made, s.sums.data(), 1.0f);
        }
    }
}

std::vector<float> InputRows::finish() {
    State& s = *m_state;
    assert(s.given == s.size.height && s.made == s.out.height);
    if (s.high <= s.low) {
        std::fill(s.planes.begin(), s.planes.end(), 0.0f);
    } else {
        const float offset = static_cast<float>(s.low);
        const float gain = 255.0f / static_cast<float>(s.high - s.low);
        for (float& value : s.planes)
            value = (value - offset) * gain;
    }
    return std::move(s.planes);
}

Result<std::vector<float>> preprocess(const Image& image, const PredictOptions& options) {
    if (Result<void> valid = checkInputSize(options.inputSize); !valid)
        return valid.error();
    if (image.size.width <= 0 || image.size.height <= 0 || image.rgb.size() != image.size.pixels() * 3) {
        return Error{ErrorCode::InvalidArgument,
                     {"The image " + image.path,
                      std::to_string(image.size.width) + " x " + std::to_string(image.size.height) +
                          " with " + std::to_string(image.rgb.size()) + " bytes",
                      "of 3 bytes a pixel and not empty"}};
    }
    const Rect whole{0, 0, image.size.width, image.size.height};
    const Rect region = options.region ? intersected(*options.region, whole) : whole;
    if (region.empty())
        return Error{ErrorCode::InvalidArgument,
                     {"The region of " + image.path, "outside the image", "at least one pixel of it"}};
    const Size out{options.inputSize, options.inputSize};
    std::vector<float> planes(out.pixels() * 3);
    preprocess(image.rgb, image.size, region, out, options.resize, planes);
    return planes;
}

void resizePlane(std::span<const std::uint8_t> plane, Size size, const Rect& region, Size out,
                 ResizeMode mode, std::span<float> values) {
    resize<1>(plane, size, region, out, mode, 0.0f, 1.0f, values);
}

void resizeRgb(std::span<const std::uint8_t> rgb, Size size, const Rect& region, Size out, ResizeMode mode,
               std::span<float> planes) {
    resize<3>(rgb, size, region, out, mode, 0.0f, 1.0f, planes);
}

ProbabilityMap toProbabilityMap(const FloatMap& map, Size out, int threads) {
    assert(map.values.size() == map.size.pixels() && map.size.pixels() > 0 && out.pixels() > 0);
    const FloatMap scaled = scaledToStored(map);
    ProbabilityMap result;
    result.size = out;
    result.values.resize(out.pixels());
    const auto fillRows = [&](int begin, int end) {
        MapResizer resizer(scaled, out, 0.0f);
        const auto width = static_cast<std::size_t>(out.width);
        for (int y = begin; y < end; ++y) {
            const float share = resizer.prepare(y);
            blendTo16(resizer.upper(), resizer.lower(), share, result.values.data() + y * width, width);
        }
    };
    const int parts = std::clamp(threads, 1, out.height);
    std::vector<std::jthread> others;
    for (int i = 1; i < parts; ++i) {
        others.emplace_back(fillRows, static_cast<int>(static_cast<std::int64_t>(out.height) * i / parts),
                            static_cast<int>(static_cast<std::int64_t>(out.height) * (i + 1) / parts));
    }
    fillRows(0, out.height / parts);
    return result;
}

struct ProbabilityRows::State {
    // A row's value is at most the largest that goes into it, but for the rounding of floats of this size
    // (below 0.02) and then to a whole number (a half).
    State(const FloatMap& map, Size out, std::uint32_t least)
        : scaled(scaledToStored(map)), resizer(scaled, out, static_cast<float>(least) - 1.0f) {}
    FloatMap scaled;
    MapResizer resizer;
};

ProbabilityRows::ProbabilityRows(const FloatMap& map, Size out, std::uint32_t least)
    : m_state(std::make_unique<State>(map, out, least)) {
    assert(map.values.size() == map.size.pixels() && map.size.pixels() > 0 && out.pixels() > 0);
}

ProbabilityRows::~ProbabilityRows() = default;

Columns ProbabilityRows::make(int y, std::uint16_t* to) {
    MapResizer& resizer = m_state->resizer;
    const Columns columns = resizer.columns(y);
    if (columns.begin < columns.end) {
        const float share = resizer.prepare(y);
        blendTo16(resizer.upper() + columns.begin, resizer.lower() + columns.begin, share, to + columns.begin,
                  static_cast<std::size_t>(columns.end - columns.begin));
    }
    return columns;
}

FloatMap resized(const FloatMap& map, Size out) {
    assert(map.values.size() == map.size.pixels() && map.size.pixels() > 0 && out.pixels() > 0);
    FloatMap result{out, std::vector<float>(out.pixels())};
    MapResizer resizer(map, out, -std::numeric_limits<float>::infinity());
    const auto width = static_cast<std::size_t>(out.width);
    for (int y = 0; y < out.height; ++y) {
        const float share = resizer.prepare(y);
        blend(resizer.upper(), resizer.lower(), share, result.values.data() + y * width, width);
    }
    return result;
}

} // namespace limn
