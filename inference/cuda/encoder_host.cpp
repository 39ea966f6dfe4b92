// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/encoder_host.h"

#include "inference/cuda/head_math.h"
#include "inference/cuda/scan_plan.h"

#include <cmath>
#include <vector>

namespace limn::gpu {

namespace {

constexpr int kAccepted = 0;
constexpr int kInvalidValue = 1; // cudaErrorInvalidValue

struct Moments {
    float mean;
    float scale; // 1 / sqrt(variance + epsilon)
};

Moments momentsOf(const std::vector<float>& row) {
    const auto count = static_cast<float>(row.size());
    float sum = 0.0f;
    for (const float value : row)
        sum += value;
    const float mean = sum / count;
    float squares = 0.0f;
    for (const float value : row)
        squares += (value - mean) * (value - mean);
    return {mean, 1.0f / std::sqrt(squares / count + kNormEpsilon)};
}

void normaliseAndStore(const std::vector<float>& row, const float* weight, const float* bias,
                       std::uint16_t* out) {
    const Moments moments = momentsOf(row);
    for (std::size_t c = 0; c < row.size(); ++c)
        out[c] = toBf16((row[c] - moments.mean) * moments.scale * weight[c] + bias[c]);
}

} // namespace

int patchEmbedHost(int batch, int height, int width, const float* images, const float* weight,
                   const float* bias, const float* normWeight, const float* normBias, float* out) {
    const int rows = height / kPatchSide;
    const int columns = width / kPatchSide;
    std::vector<float> values(kPatchChannels);
    for (int image = 0; image < batch; ++image)
        for (int row = 0; row < rows; ++row)
            for (int column = 0; column < columns; ++column) {
                for (int channel = 0; channel < kPatchChannels; ++channel) {
                    float sum = bias[channel];
                    for (int i = 0; i < kPatchInputs; ++i) {
                        const int plane = i / (kPatchSide * kPatchSide);
                        const int y = row * kPatchSide + i / kPatchSide % kPatchSide;
                        const int x = column * kPatchSide + i % kPatchSide;
                        const std::int64_t pixel =
                            ((static_cast<std::int64_t>(image) * 3 + plane) * height + y) * width + x;
                        sum += weight[channel * kPatchInputs + i] * images[pixel];
                    }
                    values[static_cast<std::size_t>(channel)] = sum;
                }
                const Moments moments = momentsOf(values);
                float* target = out + ((static_cast<std::int64_t>(image) * rows + row) * columns + column) *
                                          kPatchChannels;
                for (int channel = 0; channel < kPatchChannels; ++channel)
                    target[channel] = (values[static_cast<std::size_t>(channel)] - moments.mean) *
                                          moments.scale * normWeight[channel] +
                                      normBias[channel];
            }
    return kAccepted;
}

int addNormHost(std::int64_t rows, int channels, const float* x, const std::uint16_t* branch,
                const float* weight, const float* bias, float* sum, std::uint16_t* out) {
    if (channels % 2 != 0 || channels > kMaxNormChannels)
        return kInvalidValue;
    std::vector<float> values(static_cast<std::size_t>(channels));
    for (std::int64_t row = 0; row < rows; ++row) {
        for (int channel = 0; channel < channels; ++channel) {
            const std::int64_t index = row * channels + channel;
            const float value = x[index] + (branch != nullptr ? fromBf16(branch[index]) : 0.0f);
            values[static_cast<std::size_t>(channel)] = value;
            if (sum != nullptr)
                sum[index] = value;
        }
        normaliseAndStore(values, weight, bias, out + row * channels);
    }
    return kAccepted;
}

int mergeNormHost(int batch, int height, int width, int channels, const float* x, const std::uint16_t* branch,
                  const float* weight, const float* bias, std::uint16_t* out) {
    if (channels % 2 != 0 || 4 * channels > kMaxNormChannels || height % 2 != 0 || width % 2 != 0)
        return kInvalidValue;
    std::vector<float> values(static_cast<std::size_t>(4 * channels));
    for (int image = 0; image < batch; ++image)
        for (int row = 0; row < height / 2; ++row)
            for (int column = 0; column < width / 2; ++column) {
                for (int neighbour = 0; neighbour < 4; ++neighbour) {
                    const int y = 2 * row + neighbour % 2;
                    const int xPlace = 2 * column + neighbour / 2;
                    const std::int64_t first =
                        ((static_cast<std::int64_t>(image) * height + y) * width + xPlace) * channels;
                    for (int channel = 0; channel < channels; ++channel)
                        values[static_cast<std::size_t>(neighbour * channels + channel)] =
                            x[first + channel] +
                            (branch != nullptr ? fromBf16(branch[first + channel]) : 0.0f);
                }
                const std::int64_t target =
                    (static_cast<std::int64_t>(image) * (height / 2) + row) * (width / 2) + column;
                normaliseAndStore(values, weight, bias, out + target * 4 * channels);
            }
    return kAccepted;
}

} // namespace limn::gpu
