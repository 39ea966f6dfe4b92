// SPDX-License-Identifier: GPL-3.0-or-later
// A thread's work becomes a loop's body, and a warp's sum the halving that its shuffles make.
#include "inference/cuda/block_host.h"

#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace limn::gpu {

namespace {

constexpr int kAccepted = 0;
constexpr int kInvalidValue = 1; // cudaErrorInvalidValue
constexpr int kWarp = 32;
constexpr int kLanePair = 2; // channels

// One channel of one image, rows `stride` elements apart; zeros around it.
struct Plane {
    const float* first;
    std::int64_t stride;
    int height;
    int width;

    float at(int row, int column) const {
        const bool inside = row >= 0 && row < height && column >= 0 && column < width;
        return inside ? first[(static_cast<std::int64_t>(row) * width + column) * stride] : 0.0f;
    }
    // The 3x3 sum in the kernels' order: the bias, then the window's rows.
    float convolve(int row, int column, const float* weight, float bias) const {
        float sum = bias;
        for (int r = 0; r < 3; ++r)
            for (int c = 0; c < 3; ++c)
                sum += weight[r * 3 + c] * at(row + r - 1, column + c - 1);
        return sum;
    }
};

// Calls function with the first pixel of each strip of up to 8 pixels of a row, and its end.
template<typename Function>
void eachStrip(int height, int width, Function function) {
    const int strips = (width + kStrip - 1) / kStrip;
    for (int strip = 0; strip < strips * height; ++strip) {
        const int row = strip / strips;
        const int begin = (strip - row * strips) * kStrip;
        function(row, begin, std::min(begin + kStrip, width));
    }
}

// Each lane sums its channels (of each 32 * perLane a group of perLane neighbours); the lanes are then halved
// five times.
template<typename Value>
float sumOverWarp(int channels, int perLane, Value value) {
    std::array<float, kWarp> lanes{};
    for (int channel = 0; channel < channels; ++channel)
        lanes[static_cast<std::size_t>(channel / perLane % kWarp)] += value(channel);
    for (std::size_t offset = kWarp / 2; offset > 0; offset /= 2)
        for (std::size_t lane = 0; lane < offset; ++lane)
            lanes[lane] += lanes[lane + offset];
    return lanes[0];
}

struct Moments {
    float mean;
    float scale; // 1 / sqrt(variance + epsilon)
};

Moments momentsOf(const float* row, int channels, int perLane) {
    const auto count = static_cast<float>(channels);
    Moments out{};
    out.mean = sumOverWarp(channels, perLane, [&](int c) { return row[c]; }) / count;
    const float squares = sumOverWarp(channels, perLane, [&](int c) {
        const float difference = row[c] - out.mean;
        return difference * difference;
    });
    out.scale = 1.0f / std::sqrt(squares / count + kNormEpsilon);
    return out;
}

} // namespace

int depthwiseSiluForwardHost(int batch, int height, int width, int channels, const float* x,
                             std::int64_t xStride, const float* weight, const float* bias, float* out) {
    if (batch <= 0 || height <= 0 || width <= 0 || channels <= 0)
        return kAccepted;
    for (int image = 0; image < batch; ++image)
        for (int channel = 0; channel < channels; ++channel) {
            const std::int64_t firstRow = static_cast<std::int64_t>(image) * height * width;
            const Plane plane{x + firstRow * xStride + channel, xStride, height, width};
            eachStrip(height, width, [&](int row, int begin, int end) {
                for (int column = begin; column < end; ++column)
                    out[(firstRow + static_cast<std::int64_t>(row) * width + column) * channels + channel] =
                        silu(plane.convolve(row, column, weight + channel * 9, bias[channel]));
            });
        }
    return kAccepted;
}

int depthwiseSiluBackwardHost(int batch, int height, int width, int channels, const float* x,
                              std::int64_t xStride, const float* weight, const float* bias,
                              const float* gradOut, int parts, float* gradPre, float* gradX,
                              std::int64_t gradXStride, float* partial) {
    if (batch <= 0 || height <= 0 || width <= 0 || channels <= 0)
        return kAccepted;
    if (parts != 1 && parts != 4)
        return kInvalidValue;
    const std::int64_t partSize = static_cast<std::int64_t>(batch) * height * width * channels;
    for (int image = 0; image < batch; ++image)
        for (int channel = 0; channel < channels; ++channel) {
            const std::int64_t firstRow = static_cast<std::int64_t>(image) * height * width;
            const float* own = weight + channel * 9;
            const Plane plane{x + firstRow * xStride + channel, xStride, height, width};
            for (int row = 0; row < height; ++row) {
                float* sums =
                    partial + ((static_cast<std::int64_t>(image) * height + row) * channels + channel) * 10;
                std::fill_n(sums, 10, 0.0f);
                for (int column = 0; column < width; ++column) {
                    const std::int64_t index =
                        (firstRow + static_cast<std::int64_t>(row) * width + column) * channels + channel;
                    const float* part = gradOut + index;
                    const float out =
                        parts == 4 ? (part[0] + part[partSize]) + (part[2 * partSize] + part[3 * partSize])
                                   : part[0];
                    const float grad = out * siluSlope(plane.convolve(row, column, own, bias[channel]));
                    gradPre[index] = grad;
                    for (int r = 0; r < 3; ++r)
                        for (int c = 0; c < 3; ++c)
                            sums[r * 3 + c] += grad * plane.at(row + r - 1, column + c - 1);
                    sums[9] += grad;
                }
            }
            // The input's gradient is the correlation with the turned kernel.
            std::array<float, 9> turned{};
            std::reverse_copy(own, own + 9, turned.begin());
            const Plane gradPlane{gradPre + firstRow * channels + channel, channels, height, width};
            eachStrip(height, width, [&](int row, int begin, int end) {
                for (int column = begin; column < end; ++column)
                    gradX[(firstRow + static_cast<std::int64_t>(row) * width + column) * gradXStride +
                          channel] = gradPlane.convolve(row, column, turned.data(), 0.0f);
            });
        }
    return kAccepted;
}

int normGateForwardHost(std::int64_t rows, int channels, int parts, const float* y, const float* z,
                        std::int64_t zStride, const float* weight, const float* bias, float* out,
                        float* sum) {
    if (rows <= 0 || channels <= 0)
        return kAccepted;
    if (channels > kMaxNormChannels)
        return kInvalidValue;
    std::vector<float> value(static_cast<std::size_t>(channels));
    for (std::int64_t row = 0; row < rows; ++row) {
        for (int channel = 0; channel < channels; ++channel) {
            float& own = value[static_cast<std::size_t>(channel)];
            own = 0.0f;
            for (int part = 0; part < parts; ++part)
                own += y[(part * rows + row) * channels + channel];
            if (sum != nullptr)
                sum[row * channels + channel] = own;
        }
        const Moments moments = momentsOf(value.data(), channels, kLanePair);
        for (int channel = 0; channel < channels; ++channel) {
            const float normalised =
                (value[static_cast<std::size_t>(channel)] - moments.mean) * moments.scale * weight[channel] +
                bias[channel];
            out[row * channels + channel] = normalised * silu(z[row * zStride + channel]);
        }
    }
    return kAccepted;
}

int normGateBackwardHost(std::int64_t rows, int channels, const float* y, const float* z,
                         std::int64_t zStride, const float* weight, const float* bias, const float* gradOut,
                         float* out, float* gradY, float* gradZ, std::int64_t gradZStride, float* partial) {
    if (rows <= 0 || channels <= 0)
        return kAccepted;
    if (channels > kMaxNormChannels)
        return kInvalidValue;
    const int warps = normPartials(rows);
    const std::int64_t rowsPerWarp = (rows + warps - 1) / warps;
    const auto count = static_cast<float>(channels);
    std::vector<float> value(static_cast<std::size_t>(channels));
    std::vector<float> gradNormalised(static_cast<std::size_t>(channels));
    for (std::int64_t part = 0; part < warps; ++part) {
        float* sums = partial + part * channels * 2;
        std::fill_n(sums, channels * 2, 0.0f);
        for (std::int64_t row = part * rowsPerWarp; row < std::min(rows, (part + 1) * rowsPerWarp); ++row) {
            const Moments moments = momentsOf(y + row * channels, channels, kLanePair);
            for (int channel = 0; channel < channels; ++channel) {
                const auto at = static_cast<std::size_t>(channel);
                value[at] = (y[row * channels + channel] - moments.mean) * moments.scale;
                const float zValue = z[row * zStride + channel];
                const float grad = gradOut[row * channels + channel];
                const float normalised = value[at] * weight[channel] + bias[channel];
                const float gate = silu(zValue);
                out[row * channels + channel] = normalised * gate;
                gradZ[row * gradZStride + channel] = grad * normalised * siluSlope(zValue);
                const float gradAfter = grad * gate;
                sums[channel * 2] += gradAfter * value[at];
                sums[channel * 2 + 1] += gradAfter;
                gradNormalised[at] = gradAfter * weight[channel];
            }
            const auto meanOf = [&](auto term) { return sumOverWarp(channels, kLanePair, term) / count; };
            const float meanGrad = meanOf([&](int c) { return gradNormalised[static_cast<std::size_t>(c)]; });
            const float meanGradValue = meanOf([&](int c) {
                return gradNormalised[static_cast<std::size_t>(c)] * value[static_cast<std::size_t>(c)];
            });
            for (int channel = 0; channel < channels; ++channel) {
                const auto at = static_cast<std::size_t>(channel);
                gradY[row * channels + channel] =
                    moments.scale * (gradNormalised[at] - meanGrad - value[at] * meanGradValue);
            }
        }
    }
    return kAccepted;
}

int layerNormForwardHost(std::int64_t rows, int channels, const float* x, const float* weight,
                         const float* bias, float* out) {
    if (rows <= 0 || channels <= 0)
        return kAccepted;
    if (channels > kMaxNormChannels || channels % kLanePair != 0)
        return kInvalidValue;
    for (std::int64_t row = 0; row < rows; ++row) {
        const float* own = x + row * channels;
        const Moments moments = momentsOf(own, channels, kLanePair);
        for (int channel = 0; channel < channels; ++channel)
            out[row * channels + channel] =
                (own[channel] - moments.mean) * moments.scale * weight[channel] + bias[channel];
    }
    return kAccepted;
}

int layerNormBackwardHost(std::int64_t rows, int channels, const float* x, const float* weight,
                          const float* gradOut, float* gradX, float* partial) {
    if (rows <= 0 || channels <= 0)
        return kAccepted;
    if (channels > kMaxNormChannels || channels % kLanePair != 0)
        return kInvalidValue;
    const int warps = normPartials(rows);
    const std::int64_t rowsPerWarp = (rows + warps - 1) / warps;
    const auto count = static_cast<float>(channels);
    for (std::int64_t part = 0; part < warps; ++part) {
        float* sums = partial + part * channels * 2;
        std::fill_n(sums, channels * 2, 0.0f);
        for (std::int64_t row = part * rowsPerWarp; row < std::min(rows, (part + 1) * rowsPerWarp); ++row) {
            const float* own = x + row * channels;
            const float* grad = gradOut + row * channels;
            const Moments moments = momentsOf(own, channels, kLanePair);
            const auto value = [&](int c) { return (own[c] - moments.mean) * moments.scale; };
            for (int channel = 0; channel < channels; ++channel) {
                sums[channel * 2] += grad[channel] * value(channel);
                sums[channel * 2 + 1] += grad[channel];
            }
            const float meanGrad =
                sumOverWarp(channels, kLanePair, [&](int c) { return grad[c] * weight[c]; }) / count;
            const float meanGradValue =
                sumOverWarp(channels, kLanePair, [&](int c) { return grad[c] * weight[c] * value(c); }) /
                count;
            for (int channel = 0; channel < channels; ++channel)
                gradX[row * channels + channel] = moments.scale * (grad[channel] * weight[channel] -
                                                                   meanGrad - value(channel) * meanGradValue);
        }
    }
    return kAccepted;
}

} // namespace limn::gpu
