// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/cuda/head_weights.h"

#include <cmath>

namespace limn::gpu {

namespace {

constexpr double kBatchNormEpsilon = 1e-5;

// value(k, n) gives the operand; columns beyond `columns` become zeros.
template<int kSteps, int kTiles, typename Value>
void packFragments(Fragments<kSteps, kTiles>& out, int firstStep, int steps, int columns, Value value) {
    const auto operand = [&](int k, int n) { return n < columns ? static_cast<float>(value(k, n)) : 0.0f; };
    for (int step = 0; step < steps; ++step)
        for (int tile = 0; tile < kTiles; ++tile)
            for (int lane = 0; lane < kLanes; ++lane)
                for (int r = 0; r < 2; ++r) {
                    const int k = step * kStepK + fragmentK(lane, r);
                    const int n = tile * 8 + fragmentN(lane);
                    out.at[firstStep + step][tile][lane][r] = packBf16(operand(k, n), operand(k + 1, n));
                }
}

// Finds tensors and remembers the first that is missing.
class Finder {
public:
    explicit Finder(const FindTensor& find) : m_find(find) {}

    const float* operator()(const std::string& name, std::int64_t count) {
        const float* values = m_find(name, count);
        if (values == nullptr && m_missing.empty())
            m_missing = name;
        return values;
    }
    const std::string& missing() const { return m_missing; }

private:
    const FindTensor& m_find;
    std::string m_missing;
};

void copy(const float* from, int count, float* to) {
    for (int i = 0; from != nullptr && i < count; ++i)
        to[i] = from[i];
}

void packAttention(Finder& find, int level, HeadWeights& out) {
    const std::string number = std::to_string(level + 1);
    const int channels = headChannels(level);
    const int hidden = channels / 16;
    const float* fc1 = find("ca_" + number + ".fc1.weight", hidden * channels);
    const float* fc2 = find("ca_" + number + ".fc2.weight", hidden * channels);
    const float* spatial = find("sa_" + number + ".conv1.weight", 2 * 49);
    for (int i = 0; fc1 != nullptr && i < hidden * channels; ++i)
        out.fc1[firstSqueezeWeight(level) + i] = toBf16(fc1[i]);
    for (int i = 0; fc2 != nullptr && i < exciteGroups(level) * 8 * channels; ++i) {
        const int h = i / (8 * channels) * 8 + i % 8;
        const int channel = i / 8 % channels;
        out.fc2[firstExciteWeight(level) + i] = h < hidden ? toBf16(fc2[channel * hidden + h]) : toBf16(0.0f);
    }
    for (int i = 0; spatial != nullptr && i < 2 * 49; ++i)
        out.spatial[level][i % 49][i / 49] = spatial[i];

    const std::string layer = "Translayer_" + number;
    const float* weight = find(layer + ".conv.weight", kDecoder * channels);
    const float* scale = find(layer + ".bn.weight", kDecoder);
    const float* shift = find(layer + ".bn.bias", kDecoder);
    const float* mean = find(layer + ".bn.running_mean", kDecoder);
    const float* variance = find(layer + ".bn.running_var", kDecoder);
    if (!find.missing().empty())
        return;
    double factor[kDecoder];
    for (int n = 0; n < kDecoder; ++n) {
        factor[n] = scale[n] / std::sqrt(variance[n] + kBatchNormEpsilon);
        out.squeezeBias[level][n] = static_cast<float>(shift[n] - mean[n] * factor[n]);
    }
    packFragments(out.squeeze, firstSqueezeStep(level), channels / kStepK, kDecoder, [&](int k, int n) {
        // k and k + 1 stand for neighbouring channels in the squeezing order too.
        const int channel = k / kStepK * kStepK + squeezeChannel(k % kStepK);
        return weight[n * channels + channel] * factor[n];
    });
}

void packInfusion(Finder& find, int level, int source, HeadWeights& out) {
    const std::string name = "sdi_" + std::to_string(level + 1) + ".convs." + std::to_string(source);
    const float* weight = find(name + ".weight", kDecoder * kDecoder * 9);
    const float* bias = find(name + ".bias", kDecoder);
    copy(bias, kDecoder, out.sdiBias[level][source]);
    for (int tap = 0; weight != nullptr && tap < 9; ++tap)
        packFragments(out.sdi[level][source][tap], 0, kTapSteps, kDecoder,
                      [&](int k, int n) { return weight[(n * kDecoder + k) * 9 + tap]; });
}

void packDeconvolution(const float* weight, Fragments<4 * kTapSteps, kDecoderTiles> (&out)[4]) {
    for (int phase = 0; phase < 4; ++phase)
        for (int tap = 0; tap < 4; ++tap) {
            const int row = deconvIndex(phase / 2, tap / 2);
            const int column = deconvIndex(phase % 2, tap % 2);
            // packFragments counts k from firstStep on.
            packFragments(out[phase], tap * kTapSteps, kTapSteps, kDecoder,
                          [&](int k, int n) { return weight[((k * kDecoder + n) * 4 + row) * 4 + column]; });
        }
}

} // namespace

std::string packHeadWeights(const FindTensor& findTensor, HeadWeights& out) {
    Finder find(findTensor);
    for (int level = 0; level < kHeadLevels; ++level) {
        packAttention(find, level, out);
        for (int source = 0; source < kHeadLevels; ++source)
            packInfusion(find, level, source, out);
    }
    constexpr int kDeconvWeights = kDecoder * kDecoder * 16;
    const float* deconv[3] = {find("deconv2.weight", kDeconvWeights), find("deconv3.weight", kDeconvWeights),
                              find("deconv4.weight", kDeconvWeights)};
    const float* eighth = find("seg_outs.2.weight", kDecoder);
    const float* quarter = find("seg_outs.3.weight", kDecoder);
    const float* eighthBias = find("seg_outs.2.bias", 1);
    const float* quarterBias = find("seg_outs.3.bias", 1);
    const float* halfKernel = find("deconv6.weight", 9);
    const float* halfBias = find("deconv6.bias", 1);
    if (!find.missing().empty())
        return find.missing();

    packDeconvolution(deconv[0], out.deconv[0]);
    packDeconvolution(deconv[1], out.deconv[1]);
    packFragments(out.functionals, 0, kTapSteps, kFunctionals, [&](int k, int n) {
        if (n == 16)
            return static_cast<double>(eighth[k]);
        double sum = 0.0;
        for (int o = 0; o < kDecoder; ++o)
            sum += static_cast<double>(quarter[o]) * deconv[2][(k * kDecoder + o) * 16 + n];
        return sum;
    });
    copy(quarter, kDecoder, out.quarterHead);
    copy(halfKernel, 9, out.halfKernel);
    out.eighthBias = *eighthBias;
    out.quarterBias = *quarterBias;
    out.halfBias = *halfBias;
    return {};
}

} // namespace limn::gpu
