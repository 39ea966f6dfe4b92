// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/processor_head.h"

#include "inference/scan/thread_pool.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <cmath>

namespace limn {

namespace {

using at::Tensor;

constexpr std::int64_t kWidth = 48; // channels of the decoder
constexpr std::int64_t kRows = 64;  // pixels of a unit of work; sums over pixels are made in such pieces

const float* in(const Tensor& tensor) {
    return tensor.const_data_ptr<float>();
}

float* out(Tensor& tensor) {
    return tensor.mutable_data_ptr<float>();
}

float sigmoid(float x) {
    return 1.0f / (1.0f + std::exp(-x));
}

// Calls body(first, last) for runs of [0, count).
template<typename Body>
void overRuns(std::int64_t count, int threads, const Body& body) {
    scan::runParallel(threads, (count + kRows - 1) / kRows, [&](std::int64_t unit, int) {
        body(unit * kRows, std::min(count, (unit + 1) * kRows));
    });
}

// A map [batch, height, width, channels].
struct Map {
    explicit Map(const Tensor& tensor)
        : values(in(tensor))
        , batch(tensor.size(0))
        , height(tensor.size(1))
        , width(tensor.size(2))
        , channels(tensor.size(3)) {}
    std::int64_t pixels() const { return height * width; }
    std::int64_t rows() const { return batch * pixels(); }
    const float* row(std::int64_t index) const { return values + index * channels; }

    const float* values;
    std::int64_t batch, height, width, channels;
};

// Factors of the channels of one image: from their means and their largest values.
std::vector<float> channelFactors(const ProcessorHead::Level& level, const Map& x, std::int64_t item,
                                  int threads) {
    const std::size_t channels = static_cast<std::size_t>(x.channels);
    const std::int64_t runs = (x.pixels() + kRows - 1) / kRows;
    std::vector<float> sums(static_cast<std::size_t>(runs) * channels);
    std::vector<float> largest(sums.size());
    overRuns(x.pixels(), threads, [&](std::int64_t first, std::int64_t last) {
        const std::size_t at = static_cast<std::size_t>(first / kRows) * channels;
        const float* row = x.row(item * x.pixels() + first);
        float* sum = sums.data() + at;
        float* most = largest.data() + at;
        std::copy_n(row, channels, most);
        for (std::int64_t pixel = first; pixel < last; ++pixel, row += channels)
            for (std::size_t c = 0; c < channels; ++c) {
                sum[c] += row[c];
                most[c] = std::max(most[c], row[c]);
            }
    });
    for (std::int64_t run = 1; run < runs; ++run)
        for (std::size_t c = 0; c < channels; ++c) {
            const std::size_t at = static_cast<std::size_t>(run) * channels + c;
            sums[c] += sums[at];
            largest[c] = std::max(largest[c], largest[at]);
        }
    for (std::size_t c = 0; c < channels; ++c)
        sums[c] /= static_cast<float>(x.pixels());

    std::vector<float> factors(channels);
    const float* squeeze = in(level.squeeze);
    const float* excite = in(level.excite);
    const std::size_t hidden = static_cast<std::size_t>(level.squeeze.size(0));
    for (const std::vector<float>* pooled : {&sums, &largest})
        for (std::size_t j = 0; j < hidden; ++j) {
            float value = 0.0f;
            for (std::size_t c = 0; c < channels; ++c)
                value += squeeze[j * channels + c] * (*pooled)[c];
            value = std::max(value, 0.0f);
            for (std::size_t c = 0; c < channels; ++c)
                factors[c] += excite[c * hidden + j] * value;
        }
    std::transform(factors.begin(), factors.end(), factors.begin(), sigmoid);
    return factors;
}

// Factors of the pixels of one image: a 7 x 7 convolution over mean and largest value of their channels.
std::vector<float> pixelFactors(const ProcessorHead::Level& level, const Map& x, std::int64_t item,
                                const std::vector<float>& channelFactor, int threads) {
    constexpr std::int64_t kReach = 3;
    constexpr std::int64_t kSide = 2 * kReach + 1;
    // Both planes with a border of zeros.
    const std::int64_t stride = x.width + 2 * kReach;
    const std::int64_t plane = stride * (x.height + 2 * kReach);
    std::vector<float> pooled(static_cast<std::size_t>(2 * plane));
    overRuns(x.pixels(), threads, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t pixel = first; pixel < last; ++pixel) {
            const float* row = x.row(item * x.pixels() + pixel);
            // Eight sums side by side, so that the compiler may use vectors.
            float sums[8] = {};
            float most[8];
            for (int i = 0; i < 8; ++i)
                most[i] = row[i] * channelFactor[static_cast<std::size_t>(i)];
            for (std::int64_t c = 0; c < x.channels; c += 8)
                for (int i = 0; i < 8; ++i) {
                    const float value = row[c + i] * channelFactor[static_cast<std::size_t>(c + i)];
                    sums[i] += value;
                    most[i] = std::max(most[i], value);
                }
            const std::size_t to =
                static_cast<std::size_t>((pixel / x.width + kReach) * stride + pixel % x.width + kReach);
            float sum = 0.0f;
            for (int i = 0; i < 8; ++i)
                sum += sums[i];
            pooled[to] = sum / static_cast<float>(x.channels);
            pooled[to + static_cast<std::size_t>(plane)] = *std::max_element(most, most + 8);
        }
    });
    std::vector<float> factors(static_cast<std::size_t>(x.pixels()));
    const float* weights = in(level.spatial);
    scan::runParallel(threads, x.height, [&](std::int64_t y, int) {
        float* to = factors.data() + y * x.width;
        for (std::int64_t tap = 0; tap < 2 * kSide * kSide; ++tap) {
            const float weight = weights[tap];
            const float* from = pooled.data() + tap / (kSide * kSide) * plane +
                                (y + tap / kSide % kSide) * stride + tap % kSide;
            for (std::int64_t column = 0; column < x.width; ++column)
                to[column] += weight * from[column];
        }
        std::transform(to, to + x.width, to, sigmoid);
    });
    return factors;
}

Tensor channelsFirst(const Tensor& map) {
    return map.permute({0, 3, 1, 2}).contiguous();
}

// The level's map after attention and Translayer; steps as in ProcessorHead::logits().
Tensor translate(const ProcessorHead::Parts& parts, std::size_t number, const Tensor& feature, int threads,
                 DecoderSteps* steps) {
    const ProcessorHead::Level& level = parts.levels[number];
    const Map x(feature);
    Tensor result = at::empty({x.batch, x.height, x.width, kWidth}, at::kFloat);
    if (steps != nullptr) {
        steps->channelFactors[number] = at::empty({x.batch, x.channels, 1, 1}, at::kFloat);
        steps->pixelFactors[number] = at::empty({x.batch, 1, x.height, x.width}, at::kFloat);
    }
    for (std::int64_t item = 0; item < x.batch; ++item) {
        const std::vector<float> channelFactor = channelFactors(level, x, item, threads);
        const std::vector<float> pixelFactor = pixelFactors(level, x, item, channelFactor, threads);
        if (steps != nullptr) {
            std::copy(channelFactor.begin(), channelFactor.end(),
                      out(steps->channelFactors[number]) + item * x.channels);
            std::copy(pixelFactor.begin(), pixelFactor.end(),
                      out(steps->pixelFactors[number]) + item * x.pixels());
        }
        LinearRows rows;
        rows.rows = x.pixels();
        rows.make = [&](std::int64_t first, std::int64_t last, float* to) {
            for (std::int64_t pixel = first; pixel < last; ++pixel, to += x.channels) {
                const float* row = x.row(item * x.pixels() + pixel);
                const float factor = pixelFactor[static_cast<std::size_t>(pixel)];
                for (std::int64_t c = 0; c < x.channels; ++c)
                    to[c] = row[c] * channelFactor[static_cast<std::size_t>(c)] * factor;
            }
        };
        rows.bias = in(level.translation.bias);
        rows.out = out(result) + item * x.pixels() * kWidth;
        rows.outStride = kWidth;
        linearForwardCpu(rows, level.translation.weights, threads);
    }
    if (steps != nullptr)
        steps->translated[number] = channelsFirst(result);
    return result;
}

// Means of blocks.
Tensor shrunk(const Tensor& map, std::int64_t factor, int threads) {
    const Map x(map);
    Tensor result = at::empty({x.batch, x.height / factor, x.width / factor, x.channels}, at::kFloat);
    const Map small(result);
    float* values = out(result);
    overRuns(small.rows(), threads, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t pixel = first; pixel < last; ++pixel) {
            float* to = values + pixel * x.channels;
            std::fill_n(to, x.channels, 0.0f);
            const std::int64_t line = pixel / small.width * factor, column = pixel % small.width * factor;
            for (std::int64_t i = 0; i < factor * factor; ++i) {
                const float* row = x.row((line + i / factor) * x.width + column + i % factor);
                for (std::int64_t c = 0; c < x.channels; ++c)
                    to[c] += row[c];
            }
            for (std::int64_t c = 0; c < x.channels; ++c)
                to[c] /= static_cast<float>(factor * factor);
        }
    });
    return result;
}

// Bilinear, the corners' centres on the corners' centres.
Tensor grown(const Tensor& map, std::int64_t height, std::int64_t width, int threads) {
    const Map x(map);
    Tensor result = at::empty({x.batch, height, width, x.channels}, at::kFloat);
    float* values = out(result);
    const auto ratio = [](std::int64_t from, std::int64_t to) {
        return to > 1 ? static_cast<float>(from - 1) / static_cast<float>(to - 1) : 0.0f;
    };
    const float down = ratio(x.height, height), across = ratio(x.width, width);
    scan::runParallel(threads, x.batch * height, [&](std::int64_t line, int) {
        const float y = down * static_cast<float>(line % height);
        const std::int64_t top = static_cast<std::int64_t>(y);
        const std::int64_t item = line / height * x.pixels();
        const float* upper = x.row(item + top * x.width);
        const float* lower = x.row(item + std::min(top + 1, x.height - 1) * x.width);
        const float low = y - static_cast<float>(top), high = 1.0f - low;
        float* to = values + line * width * x.channels;
        for (std::int64_t column = 0; column < width; ++column, to += x.channels) {
            const float position = across * static_cast<float>(column);
            const std::int64_t first = static_cast<std::int64_t>(position);
            const std::int64_t left = first * x.channels;
            const std::int64_t right = std::min(first + 1, x.width - 1) * x.channels;
            const float after = position - static_cast<float>(first), before = 1.0f - after;
            for (std::int64_t c = 0; c < x.channels; ++c)
                to[c] = high * (before * upper[left + c] + after * upper[right + c]) +
                        low * (before * lower[left + c] + after * lower[right + c]);
        }
    });
    return result;
}

// Writes the pixels [x, x + count) of line y of an image to `to`; zeros for those outside.
void copyPixels(const Map& map, std::int64_t item, std::int64_t y, std::int64_t x, std::int64_t count,
                float* to) {
    const std::int64_t first = std::max<std::int64_t>(x, 0), last = std::min(x + count, map.width);
    if (y < 0 || y >= map.height || first >= last) {
        std::fill_n(to, count * map.channels, 0.0f);
        return;
    }
    std::fill_n(to, (first - x) * map.channels, 0.0f);
    std::copy_n(map.row(item * map.pixels() + y * map.width + first), (last - first) * map.channels,
                to + (first - x) * map.channels);
    std::fill_n(to + (last - x) * map.channels, (x + count - last) * map.channels, 0.0f);
}

// The neighbourhoods of pixels [first, last): lines from `top` and columns from `left` beside the pixel,
// `side` of each.
void copyNeighbourhoods(const Map& map, std::int64_t top, std::int64_t left, std::int64_t side,
                        std::int64_t first, std::int64_t last, float* to) {
    for (std::int64_t row = first; row < last; ++row) {
        const std::int64_t item = row / map.pixels(), y = row % map.pixels() / map.width, x = row % map.width;
        for (std::int64_t i = 0; i < side; ++i, to += side * map.channels)
            copyPixels(map, item, y + top + i, x + left, side, to);
    }
}

// The product over all levels of their maps, brought to this level's size and convolved.
Tensor infuse(const ProcessorHead::Parts& parts, const std::vector<Tensor>& translated, int level,
              int threads) {
    const Tensor& own = translated[static_cast<std::size_t>(level)];
    Tensor result = at::empty_like(own);
    for (int source = 0; source < ProcessorHead::kLevels; ++source) {
        Tensor map = translated[static_cast<std::size_t>(source)];
        if (source < level)
            map = shrunk(map, std::int64_t{1} << (level - source), threads);
        else if (source > level)
            map = grown(map, own.size(1), own.size(2), threads);
        const ProcessorHead::Product& product =
            parts.infusions[static_cast<std::size_t>(level)][static_cast<std::size_t>(source)];
        const Map x(map);
        LinearRows rows;
        rows.rows = x.rows();
        rows.make = [&x](std::int64_t first, std::int64_t last, float* to) {
            copyNeighbourhoods(x, -1, -1, 3, first, last, to);
        };
        rows.bias = in(product.bias);
        rows.times = source > 0 ? in(result) : nullptr;
        rows.out = out(result);
        rows.outStride = kWidth;
        linearForwardCpu(rows, product.weights, threads);
    }
    return result;
}

// Adds the transposed convolution of `map` to `to`, which is twice as high and wide.
void addDeconvolution(const std::array<PackedWeights, 4>& weights, const Tensor& map, Tensor& to,
                      int threads) {
    const Map x(map);
    // [pixel][parity of y][parity of x][48]
    Tensor phases = at::empty({x.rows(), 4 * kWidth}, at::kFloat);
    for (int phase = 0; phase < 4; ++phase) {
        LinearRows rows;
        rows.rows = x.rows();
        rows.make = [&x, phase](std::int64_t first, std::int64_t last, float* neighbours) {
            copyNeighbourhoods(x, phase / 2 - 1, phase % 2 - 1, 2, first, last, neighbours);
        };
        rows.out = out(phases) + phase * kWidth;
        rows.outStride = 4 * kWidth;
        linearForwardCpu(rows, weights[static_cast<std::size_t>(phase)], threads);
    }
    float* values = out(to);
    const float* from = in(phases);
    scan::runParallel(threads, x.batch * 2 * x.height, [&](std::int64_t line, int) {
        float* own = values + line * 2 * x.width * kWidth;
        for (std::int64_t column = 0; column < 2 * x.width; ++column, own += kWidth) {
            const float* phase =
                from + (line / 2 * x.width + column / 2) * 4 * kWidth + (line % 2 * 2 + column % 2) * kWidth;
            for (std::int64_t c = 0; c < kWidth; ++c)
                own[c] += phase[c];
        }
    });
}

Tensor segment(const ProcessorHead::Product& product, const Tensor& map, int threads) {
    const std::int64_t classes = product.weights.outputs();
    Tensor result = at::empty({map.size(0), map.size(1), map.size(2), classes}, at::kFloat);
    LinearRows rows;
    rows.rows = map.numel() / kWidth;
    rows.x = in(map);
    rows.xStride = kWidth;
    rows.bias = in(product.bias);
    rows.out = out(result);
    rows.outStride = classes;
    linearForwardCpu(rows, product.weights, threads);
    return result.permute({0, 3, 1, 2}).contiguous();
}

// Four times as high and wide, bilinear over the pixels' areas. planes: [count][height][width]
std::vector<float> enlarged(const float* planes, std::int64_t count, std::int64_t height, std::int64_t width,
                            int threads) {
    constexpr std::int64_t kScale = 4;
    const auto sourceOf = [](std::int64_t to) {
        return std::max(0.25f * (static_cast<float>(to) + 0.5f) - 0.5f, 0.0f);
    };
    std::vector<float> result(static_cast<std::size_t>(count * height * width * kScale * kScale));
    scan::runParallel(threads, count * height * kScale, [&](std::int64_t line, int) {
        const float y = sourceOf(line % (height * kScale));
        const std::int64_t top = static_cast<std::int64_t>(y);
        const float low = y - static_cast<float>(top), high = 1.0f - low;
        const float* upper = planes + (line / (height * kScale) * height + top) * width;
        const float* lower = top + 1 < height ? upper + width : upper;
        float* to = result.data() + line * width * kScale;
        for (std::int64_t column = 0; column < width * kScale; ++column) {
            const float x = sourceOf(column);
            const std::int64_t left = static_cast<std::int64_t>(x), right = std::min(left + 1, width - 1);
            const float after = x - static_cast<float>(left), before = 1.0f - after;
            to[column] = high * (before * upper[left] + after * upper[right]) +
                         low * (before * lower[left] + after * lower[right]);
        }
    });
    return result;
}

// Adds the transposed convolution of planes [count][height][width], 3 x 3 with stride 2, to planes of twice
// that size.
void addRefinement(const std::vector<float>& planes, std::int64_t count, std::int64_t height,
                   std::int64_t width, const float* weights, float bias, float* to, int threads) {
    scan::runParallel(threads, count * 2 * height, [&](std::int64_t line, int) {
        const std::int64_t y = line % (2 * height) / 2;
        const float* here = planes.data() + (line / (2 * height) * height + y) * width;
        float* out = to + line * 2 * width;
        const auto add = [&](const float* row, const float* taps) {
            for (std::int64_t x = 0; x < width; ++x) {
                out[2 * x] += row[x] * taps[1];
                out[2 * x + 1] += row[x] * taps[2] + (x + 1 < width ? row[x + 1] * taps[0] : 0.0f);
            }
        };
        for (std::int64_t x = 0; x < 2 * width; ++x)
            out[x] += bias;
        if (line % 2 == 0) {
            add(here, weights + 3);
        } else {
            add(here, weights + 6);
            if (y + 1 < height)
                add(here + width, weights);
        }
    });
}

} // namespace

PackedWeights ProcessorHead::packConvolution(const Tensor& weight) {
    const Tensor rows = weight.permute({0, 2, 3, 1}).contiguous();
    return PackedWeights(in(rows), kWidth, 9 * kWidth);
}

// Output line 2 m + p takes kernel lines 3 and 1 from input lines m - 1 and m where p = 0, and kernel lines 2
// and 0 from m and m + 1 where p = 1; columns likewise.
std::array<PackedWeights, 4> ProcessorHead::packDeconvolution(const Tensor& weight) {
    std::array<PackedWeights, 4> packed;
    for (int phase = 0; phase < 4; ++phase) {
        Tensor rows = at::empty({kWidth, 2, 2, kWidth}, at::kFloat);
        for (int i = 0; i < 2; ++i)
            for (int j = 0; j < 2; ++j)
                rows.select(1, i).select(1, j).copy_(
                    weight.select(2, 3 - phase / 2 - 2 * i).select(2, 3 - phase % 2 - 2 * j).t());
        packed[static_cast<std::size_t>(phase)] = PackedWeights(in(rows), kWidth, 4 * kWidth);
    }
    return packed;
}

Tensor ProcessorHead::logits(const std::vector<Tensor>& features, int threads, DecoderSteps* steps) const {
    std::vector<Tensor> translated;
    for (std::size_t level = 0; level < kLevels; ++level)
        translated.push_back(translate(m_parts, level, features[level], threads, steps));
    Tensor eighth;
    Tensor y;
    for (int level = kLevels - 1; level >= 0; --level) {
        Tensor next = infuse(m_parts, translated, level, threads);
        if (steps != nullptr)
            steps->infused[static_cast<std::size_t>(level)] = channelsFirst(next);
        if (level < kLevels - 1)
            addDeconvolution(m_parts.deconvolutions[static_cast<std::size_t>(kLevels - 2 - level)], y, next,
                             threads);
        y = next;
        if (level == 1)
            eighth = segment(m_parts.eighth, y, threads);
    }
    const Tensor quarter = segment(m_parts.quarter, y, threads);
    const std::int64_t planes = quarter.size(0) * quarter.size(1);
    const std::int64_t height = quarter.size(2), width = quarter.size(3);
    const std::vector<float> whole = enlarged(in(quarter), planes, height, width, threads);
    Tensor result = at::empty({quarter.size(0), quarter.size(1), 4 * height, 4 * width}, at::kFloat);
    std::copy(whole.begin(), whole.end(), out(result));
    const std::vector<float> half = enlarged(in(eighth), planes, height / 2, width / 2, threads);
    const auto refine = [&](Tensor& to) {
        addRefinement(half, planes, 2 * height, 2 * width, in(m_parts.refinement), m_parts.refinementBias,
                      out(to), threads);
    };
    refine(result);
    if (steps != nullptr) {
        steps->refinement = at::zeros_like(result);
        refine(steps->refinement);
    }
    return result;
}

} // namespace limn
