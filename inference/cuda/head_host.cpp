// SPDX-License-Identifier: GPL-3.0-or-later
// One function per launch, in the launches' order.
#include "inference/cuda/head_host.h"

#include "inference/cuda/head_math.h"
#include "inference/cuda/head_weights.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace limn::gpu {

namespace {

constexpr int kAccepted = 0;
constexpr int kInvalidValue = 1; // cudaErrorInvalidValue

using Bits = std::uint16_t;
using Pixel = std::array<float, kDecoder>;

struct Context {
    const HeadProblem& problem;
    HeadScratch plan;
    std::byte* scratch;
    float* probabilities;

    int height(int level) const { return problem.height >> (level + 2); }
    int width(int level) const { return problem.width >> (level + 2); }
    int pixels(int level) const { return height(level) * width(level); }
    const HeadWeights& weights() const { return *problem.weights; }
    float* floats(std::int64_t offset) const { return reinterpret_cast<float*>(scratch + offset); }
    Bits* bits(std::int64_t offset) const { return reinterpret_cast<Bits*>(scratch + offset); }
    // An image's part of an array with `perImage` values per image.
    float* floats(std::int64_t offset, int image, std::int64_t perImage) const {
        return floats(offset) + image * perImage;
    }
    Bits* maps(std::int64_t offset, int image, int level) const {
        return bits(offset) + static_cast<std::int64_t>(image) * pixels(level) * kDecoder;
    }
    const float* feature(int image, int level) const {
        return problem.features[static_cast<std::size_t>(level)] +
               static_cast<std::int64_t>(image) * pixels(level) * headChannels(level);
    }
};

// A matrix operand out of its fragments: rows of k, `kTiles * 8` columns.
template<int kSteps, int kTiles>
std::vector<float> unpack(const Fragments<kSteps, kTiles>& from, int firstStep, int steps) {
    constexpr int kColumns = kTiles * 8;
    std::vector<float> out(static_cast<std::size_t>(steps * kStepK * kColumns));
    for (int step = 0; step < steps; ++step)
        for (int tile = 0; tile < kTiles; ++tile)
            for (int lane = 0; lane < kLanes; ++lane)
                for (int r = 0; r < 2; ++r) {
                    const std::uint32_t pair = from.at[firstStep + step][tile][lane][r];
                    const int k = step * kStepK + fragmentK(lane, r);
                    const int n = tile * 8 + fragmentN(lane);
                    out[static_cast<std::size_t>(k * kColumns + n)] = lowBf16(pair);
                    out[static_cast<std::size_t>((k + 1) * kColumns + n)] = highBf16(pair);
                }
    return out;
}

// sum[n] += value[k] * operand[k][n] over kDecoder values of k.
void accumulate(Pixel& sum, const float* values, const float* operand) {
    for (int k = 0; k < kDecoder; ++k)
        for (int n = 0; n < kDecoder; ++n)
            sum[static_cast<std::size_t>(n)] += values[k] * operand[k * kDecoder + n];
}

void store(const Pixel& pixel, Bits* target) {
    for (int n = 0; n < kDecoder; ++n)
        target[n] = toBf16(pixel[static_cast<std::size_t>(n)]);
}

void pool(const Context& c, int image, int level) {
    const int channels = headChannels(level);
    const int pixels = c.pixels(level);
    const int chunks = poolChunks(level, pixels);
    const float* feature = c.feature(image, level);
    for (int chunk = 0; chunk < chunks; ++chunk) {
        float* out = c.floats(c.plan.partial[static_cast<std::size_t>(level)], image,
                              static_cast<std::int64_t>(chunks) * 2 * channels) +
                     static_cast<std::int64_t>(chunk) * 2 * channels;
        const int begin = chunk * poolRows(level);
        const int end = std::min(pixels, begin + poolRows(level));
        for (int channel = 0; channel < channels; ++channel) {
            float sum = 0.0f;
            float largest = -HUGE_VALF;
            for (int row = begin; row < end; ++row) {
                const float value = feature[static_cast<std::int64_t>(row) * channels + channel];
                sum += value;
                largest = std::max(largest, value);
            }
            out[channel] = sum;
            out[channels + channel] = largest;
        }
    }
}

void gate(const Context& c, int image, int level) {
    const int channels = headChannels(level);
    const int hidden = channels / 16;
    const int chunks = poolChunks(level, c.pixels(level));
    const float* partial = c.floats(c.plan.partial[static_cast<std::size_t>(level)], image,
                                    static_cast<std::int64_t>(chunks) * 2 * channels);
    std::vector<float> mean(static_cast<std::size_t>(channels), 0.0f);
    std::vector<float> largest(static_cast<std::size_t>(channels), -HUGE_VALF);
    for (int chunk = 0; chunk < chunks; ++chunk)
        for (int channel = 0; channel < channels; ++channel) {
            const auto i = static_cast<std::size_t>(channel);
            mean[i] += partial[chunk * 2 * channels + channel];
            largest[i] = std::max(largest[i], partial[(chunk * 2 + 1) * channels + channel]);
        }
    for (float& value : mean)
        value /= static_cast<float>(c.pixels(level));
    float* out = c.floats(c.plan.gate, image, kGates) + firstGate(level);
    std::vector<float> before(static_cast<std::size_t>(channels), 0.0f);
    const Bits* fc1 = c.weights().fc1 + firstSqueezeWeight(level);
    const Bits* fc2 = c.weights().fc2 + firstExciteWeight(level);
    for (int h = 0; h < hidden; ++h) {
        float ofMean = 0.0f;
        float ofLargest = 0.0f;
        for (int channel = 0; channel < channels; ++channel) {
            const float weight = fromBf16(fc1[h * channels + channel]);
            ofMean += weight * mean[static_cast<std::size_t>(channel)];
            ofLargest += weight * largest[static_cast<std::size_t>(channel)];
        }
        // fc2 is linear and has no bias: its two results are summed before it.
        const float both = std::max(ofMean, 0.0f) + std::max(ofLargest, 0.0f);
        for (int channel = 0; channel < channels; ++channel)
            before[static_cast<std::size_t>(channel)] +=
                fromBf16(fc2[(h / 8 * channels + channel) * 8 + h % 8]) * both;
    }
    for (int channel = 0; channel < channels; ++channel)
        out[channel] = sigmoid(before[static_cast<std::size_t>(channel)]);
}

void squeeze(const Context& c, int image, int level) {
    const auto slot = static_cast<std::size_t>(level);
    const int channels = headChannels(level);
    const std::vector<float> operand =
        unpack(c.weights().squeeze, firstSqueezeStep(level), channels / kStepK);
    const float* gates = c.floats(c.plan.gate, image, kGates) + firstGate(level);
    float* stats = c.floats(c.plan.stats[slot], image, 2 * c.pixels(level));
    Bits* squeezed = c.maps(c.plan.squeezed[slot], image, level);
    std::vector<float> gated(static_cast<std::size_t>(channels));
    for (int pixel = 0; pixel < c.pixels(level); ++pixel) {
        const float* row = c.feature(image, level) + static_cast<std::int64_t>(pixel) * channels;
        float sum = 0.0f;
        float largest = -HUGE_VALF;
        Pixel out{};
        for (int channel = 0; channel < channels; ++channel) {
            const float value = row[channel] * gates[channel];
            sum += value;
            largest = std::max(largest, value);
            gated[static_cast<std::size_t>(channel)] = roundBf16(value);
        }
        for (int k = 0; k < channels; ++k) {
            const float value =
                gated[static_cast<std::size_t>(k / kStepK * kStepK + squeezeChannel(k % kStepK))];
            for (int n = 0; n < kDecoder; ++n)
                out[static_cast<std::size_t>(n)] +=
                    value * operand[static_cast<std::size_t>(k * kDecoder + n)];
        }
        stats[2 * pixel] = sum / static_cast<float>(channels);
        stats[2 * pixel + 1] = largest;
        store(out, squeezed + static_cast<std::int64_t>(pixel) * kDecoder);
    }
}

// The spatial gate, BatchNorm's shift, and the means of 2x2, 4x4 and 8x8 blocks of the unrounded result.
void pyramid(const Context& c, int image) {
    std::array<std::vector<float>, kHeadLevels> values;
    for (int level = 0; level < kHeadLevels; ++level) {
        const auto slot = static_cast<std::size_t>(level);
        const int height = c.height(level);
        const int width = c.width(level);
        const float* stats = c.floats(c.plan.stats[slot], image, 2 * c.pixels(level));
        const Bits* squeezed = c.maps(c.plan.squeezed[slot], image, level);
        Bits* translated = c.maps(c.plan.translated[slot], image, level);
        values[slot].resize(static_cast<std::size_t>(c.pixels(level) * kDecoder));
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                float sum = 0.0f;
                for (int tap = 0; tap < 49; ++tap) {
                    const int row = y + tap / 7 - 3;
                    const int column = x + tap % 7 - 3;
                    if (row < 0 || row >= height || column < 0 || column >= width)
                        continue;
                    const float* both = stats + 2 * (row * width + column);
                    sum += c.weights().spatial[level][tap][0] * both[0] +
                           c.weights().spatial[level][tap][1] * both[1];
                }
                const float spatial = sigmoid(sum);
                for (int n = 0; n < kDecoder; ++n) {
                    const int i = (y * width + x) * kDecoder + n;
                    const float value = spatial * fromBf16(squeezed[i]) + c.weights().squeezeBias[level][n];
                    values[slot][static_cast<std::size_t>(i)] = value;
                    translated[i] = toBf16(value);
                }
            }
    }
    for (int source = 0; source < kHeadLevels - 1; ++source) {
        std::vector<float> sums = values[static_cast<std::size_t>(source)];
        for (int level = source + 1; level < kHeadLevels; ++level) {
            const int height = c.height(level);
            const int width = c.width(level);
            const float area = static_cast<float>(1 << 2 * (level - source));
            Bits* out =
                c.maps(c.plan.pooled[static_cast<std::size_t>(pooledPair(source, level))], image, level);
            std::vector<float> next(static_cast<std::size_t>(height * width * kDecoder));
            for (int y = 0; y < height; ++y)
                for (int x = 0; x < width; ++x)
                    for (int n = 0; n < kDecoder; ++n) {
                        const auto at = [&](int dy, int dx) {
                            return sums[static_cast<std::size_t>(
                                ((2 * y + dy) * 2 * width + 2 * x + dx) * kDecoder + n)];
                        };
                        const float sum = (at(0, 0) + at(0, 1)) + (at(1, 0) + at(1, 1));
                        const int i = (y * width + x) * kDecoder + n;
                        next[static_cast<std::size_t>(i)] = sum;
                        out[i] = toBf16(sum / area);
                    }
            sums = std::move(next);
        }
    }
}

// A source resized to a level, as float32 of bfloat16 values.
std::vector<float> resized(const Context& c, int image, int level, int source) {
    const int height = c.height(level);
    const int width = c.width(level);
    std::vector<float> out(static_cast<std::size_t>(height * width * kDecoder));
    if (source <= level) {
        const std::int64_t offset = source == level
                                        ? c.plan.translated[static_cast<std::size_t>(level)]
                                        : c.plan.pooled[static_cast<std::size_t>(pooledPair(source, level))];
        const Bits* map = c.maps(offset, image, level);
        for (std::size_t i = 0; i < out.size(); ++i)
            out[i] = fromBf16(map[i]);
        return out;
    }
    const Bits* map = c.maps(c.plan.translated[static_cast<std::size_t>(source)], image, source);
    const int sourceWidth = c.width(source);
    const float scaleY = alignedScale(c.height(source), height);
    const float scaleX = alignedScale(sourceWidth, width);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const Lerp down = alignedLerp(y, scaleY, c.height(source));
            const Lerp right = alignedLerp(x, scaleX, sourceWidth);
            for (int n = 0; n < kDecoder; ++n) {
                const auto at = [&](int row, int column) {
                    return fromBf16(map[(row * sourceWidth + column) * kDecoder + n]);
                };
                out[static_cast<std::size_t>((y * width + x) * kDecoder + n)] = roundBf16(bilinear(
                    at(down.first, right.first), at(down.first, right.second), at(down.second, right.first),
                    at(down.second, right.second), right.weight, down.weight));
            }
        }
    return out;
}

void infuse(const Context& c, int image, int level) {
    const int height = c.height(level);
    const int width = c.width(level);
    // (term 0 * term 1) * (term 2 * term 3)
    std::array<std::vector<Pixel>, 2> products;
    products.fill(std::vector<Pixel>(static_cast<std::size_t>(height * width)));
    for (int source = 0; source < kHeadLevels; ++source) {
        const std::vector<float> map = resized(c, image, level, source);
        std::array<std::vector<float>, 9> operands;
        for (std::size_t tap = 0; tap < 9; ++tap)
            operands[tap] = unpack(c.weights().sdi[level][source][tap], 0, kTapSteps);
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                Pixel sum;
                std::copy_n(c.weights().sdiBias[level][source], kDecoder, sum.begin());
                for (int tap = 0; tap < 9; ++tap) {
                    const int row = y + tap / 3 - 1;
                    const int column = x + tap % 3 - 1;
                    if (row >= 0 && row < height && column >= 0 && column < width)
                        accumulate(sum, &map[static_cast<std::size_t>((row * width + column) * kDecoder)],
                                   operands[static_cast<std::size_t>(tap)].data());
                }
                Pixel& out =
                    products[static_cast<std::size_t>(source / 2)][static_cast<std::size_t>(y * width + x)];
                for (std::size_t n = 0; n < kDecoder; ++n)
                    out[n] = source % 2 == 0 ? sum[n] : out[n] * sum[n];
            }
    }
    for (int pixel = 0; pixel < height * width; ++pixel) {
        Pixel values = products[0][static_cast<std::size_t>(pixel)];
        for (std::size_t n = 0; n < kDecoder; ++n)
            values[n] *= products[1][static_cast<std::size_t>(pixel)][n];
        if (level > 0) {
            store(values, c.maps(c.plan.infused[static_cast<std::size_t>(level)], image, level) +
                              static_cast<std::int64_t>(pixel) * kDecoder);
            continue;
        }
        float sum = 0.0f;
        for (int n = 0; n < kDecoder; ++n)
            sum += c.weights().quarterHead[n] * values[static_cast<std::size_t>(n)];
        c.floats(c.plan.quarter, image, c.pixels(0))[pixel] = sum;
    }
}

// A transposed convolution (deconv2, 3) of a map at level + 1, plus SDI's product at `level`, rounded.
std::vector<float> deconvolve(const Context& c, int image, int level, const std::vector<float>& coarse) {
    const int height = c.height(level);
    const int width = c.width(level);
    const auto& weights = c.weights().deconv[2 - level];
    std::array<std::vector<float>, 4> operands;
    for (std::size_t phase = 0; phase < 4; ++phase)
        operands[phase] = unpack(weights[phase], 0, 4 * kTapSteps);
    const Bits* infused = c.maps(c.plan.infused[static_cast<std::size_t>(level)], image, level);
    std::vector<float> out(static_cast<std::size_t>(height * width * kDecoder));
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            Pixel sum{};
            for (int tap = 0; tap < 4; ++tap) {
                const int row = (y + 1) / 2 - 1 + tap / 2;
                const int column = (x + 1) / 2 - 1 + tap % 2;
                if (row < 0 || row >= height / 2 || column < 0 || column >= width / 2)
                    continue;
                accumulate(sum, &coarse[static_cast<std::size_t>((row * (width / 2) + column) * kDecoder)],
                           &operands[static_cast<std::size_t>(y % 2 * 2 + x % 2)]
                                    [static_cast<std::size_t>(tap * kDecoder * kDecoder)]);
            }
            for (int n = 0; n < kDecoder; ++n) {
                const int i = (y * width + x) * kDecoder + n;
                out[static_cast<std::size_t>(i)] =
                    roundBf16(sum[static_cast<std::size_t>(n)] + fromBf16(infused[i]));
            }
        }
    return out;
}

void refine(const Context& c, int image) {
    const Bits* coarsest = c.maps(c.plan.infused[3], image, 3);
    std::vector<float> y(static_cast<std::size_t>(c.pixels(3) * kDecoder));
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = fromBf16(coarsest[i]);
    y = deconvolve(c, image, 2, y);
    y = deconvolve(c, image, 1, y);
    const std::vector<float> functionals = unpack(c.weights().functionals, 0, kTapSteps);
    float* out = c.floats(c.plan.refined, image, static_cast<std::int64_t>(c.pixels(1)) * kFunctionalStride);
    for (int pixel = 0; pixel < c.pixels(1); ++pixel)
        for (int n = 0; n < kFunctionals; ++n) {
            float sum = 0.0f;
            for (int k = 0; k < kDecoder; ++k)
                sum += y[static_cast<std::size_t>(pixel * kDecoder + k)] *
                       functionals[static_cast<std::size_t>(k * kFunctionalTiles * 8 + n)];
            out[pixel * kFunctionalStride + n] = sum;
        }
}

// A map upsampled four-fold.
float upsampled(const std::vector<float>& map, int height, int width, int y, int x) {
    const auto at = [&](int row, int column) {
        row = std::clamp(row, 0, height - 1);
        column = std::clamp(column, 0, width - 1);
        return map[static_cast<std::size_t>(row * width + column)];
    };
    const int row = y / 4 + upsampleFirst(y % 4);
    const int column = x / 4 + upsampleFirst(x % 4);
    return bilinear(at(row, column), at(row, column + 1), at(row + 1, column), at(row + 1, column + 1),
                    upsampleWeight(x % 4), upsampleWeight(y % 4));
}

void assemble(const Context& c, int image) {
    const HeadWeights& weights = c.weights();
    const int quarterHeight = c.height(0);
    const int quarterWidth = c.width(0);
    const int eighthHeight = c.height(1);
    const int eighthWidth = c.width(1);
    const float* infused = c.floats(c.plan.quarter, image, c.pixels(0));
    const float* refined =
        c.floats(c.plan.refined, image, static_cast<std::int64_t>(c.pixels(1)) * kFunctionalStride);
    std::vector<float> quarter(static_cast<std::size_t>(c.pixels(0)));
    for (int y = 0; y < quarterHeight; ++y)
        for (int x = 0; x < quarterWidth; ++x) {
            float sum = infused[y * quarterWidth + x] + weights.quarterBias;
            for (int tap = 0; tap < 4; ++tap) {
                const int row = (y + 1) / 2 - 1 + tap / 2;
                const int column = (x + 1) / 2 - 1 + tap % 2;
                if (row < 0 || row >= eighthHeight || column < 0 || column >= eighthWidth)
                    continue;
                sum += refined[(row * eighthWidth + column) * kFunctionalStride +
                               deconvIndex(y % 2, tap / 2) * 4 + deconvIndex(x % 2, tap % 2)];
            }
            quarter[static_cast<std::size_t>(y * quarterWidth + x)] = sum;
        }
    std::vector<float> eighth(static_cast<std::size_t>(c.pixels(1)));
    for (std::size_t i = 0; i < eighth.size(); ++i)
        eighth[i] = refined[i * kFunctionalStride + 16] + weights.eighthBias;

    const int height = c.problem.height;
    const int width = c.problem.width;
    std::vector<float> half(static_cast<std::size_t>(height / 2 * (width / 2)));
    for (int y = 0; y < height / 2; ++y)
        for (int x = 0; x < width / 2; ++x)
            half[static_cast<std::size_t>(y * (width / 2) + x)] =
                upsampled(eighth, eighthHeight, eighthWidth, y, x);
    float* out = c.probabilities + static_cast<std::int64_t>(image) * height * width;
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            // deconv6: kernel 3, stride 2, padding 1, one more row and column at the end: y = 2 i - 1 + k.
            float sum = weights.halfBias;
            for (int i = y / 2; i <= (y + 1) / 2; ++i)
                for (int j = x / 2; j <= (x + 1) / 2; ++j)
                    if (i < height / 2 && j < width / 2)
                        sum += weights.halfKernel[(y + 1 - 2 * i) * 3 + x + 1 - 2 * j] *
                               half[static_cast<std::size_t>(i * (width / 2) + j)];
            out[y * width + x] = sigmoid(upsampled(quarter, quarterHeight, quarterWidth, y, x) + sum);
        }
}

} // namespace

int headForwardHost(const HeadProblem& problem, void* scratch, float* probabilities, int firstStep,
                    int endStep) {
    if (problem.batch < 1 || problem.batch > kMaxHeadBatch || problem.height < 32 || problem.width < 32 ||
        problem.height % 32 != 0 || problem.width % 32 != 0)
        return kInvalidValue;
    const Context c{problem, planHeadScratch(problem.batch, problem.height, problem.width),
                    static_cast<std::byte*>(scratch), probabilities};
    for (int step = firstStep; step < endStep; ++step)
        for (int image = 0; image < problem.batch; ++image) {
            for (int level = 0; level < kHeadLevels; ++level) {
                if (step == 0)
                    pool(c, image, level);
                else if (step == 1)
                    gate(c, image, level);
                else if (step == 2)
                    squeeze(c, image, level);
                else if (step == 4)
                    infuse(c, image, level);
            }
            if (step == 3)
                pyramid(c, image);
            else if (step == 5)
                refine(c, image);
            else if (step == 6)
                assemble(c, image);
        }
    return kAccepted;
}

} // namespace limn::gpu
