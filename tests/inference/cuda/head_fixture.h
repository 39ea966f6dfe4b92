// SPDX-License-Identifier: GPL-3.0-or-later
// A network with random decoder weights and BatchNorm statistics, feature maps for it, and the decoder's
// packed weights.
#pragma once

#include "inference/cuda/head_kernels.h"
#include "inference/cuda/head_weights.h"
#include "tests/inference/network/network_fixture.h"

#include <list>
#include <memory>

namespace limn::testing {

// Every weight and statistic of the decoder gets values of its own, of a size that keeps the probabilities
// spread between 0 and 1.
inline VmUnetV2 networkWithRandomDecoder() {
    const torch::NoGradGuard noGradients;
    VmUnetV2Options options;
    options.config.depths = {1, 1, 1, 0};
    VmUnetV2 network(options);
    network->initialise(11);
    at::manual_seed(12);
    for (auto& item : network->named_parameters()) {
        const std::string& name = item.key();
        at::Tensor& value = item.value();
        if (name.starts_with("vmunet."))
            continue;
        if (value.dim() == 1) { // biases, and BatchNorm's scale and shift
            value.copy_(at::randn_like(value).mul_(0.3));
            if (name.ends_with("bn.weight"))
                value.add_(1.0);
            continue;
        }
        // Each output of a transposed convolution has 4 of the 16 taps.
        const std::int64_t fanIn =
            name.starts_with("deconv") ? 4 * value.size(0) : value.numel() / value.size(0);
        value.copy_(at::randn_like(value).mul_(1.6 / std::sqrt(static_cast<double>(fanIn))));
    }
    for (auto& item : network->named_buffers()) {
        if (item.key().ends_with("running_mean"))
            item.value().copy_(at::randn_like(item.value()).mul_(0.3));
        else if (item.key().ends_with("running_var"))
            item.value().copy_(at::rand_like(item.value()).add_(0.5));
    }
    network->eval();
    return network;
}

inline std::vector<at::Tensor> randomFeatures(std::int64_t batch, std::int64_t height, std::int64_t width) {
    std::vector<at::Tensor> features;
    for (int level = 0; level < 4; ++level)
        features.push_back(at::randn({batch, height >> (level + 2), width >> (level + 2),
                                      kStageChannels[static_cast<std::size_t>(level)]}));
    return features;
}

// Finds a checkpoint's tensors for packHeadWeights(); keeps what it handed out.
class TensorSource {
public:
    explicit TensorSource(TensorFile file) : m_file(std::move(file)) {}

    const float* find(const std::string& name, std::int64_t count) {
        const StoredTensor* stored = m_file.find(name);
        if (stored == nullptr || stored->count() != count)
            return nullptr;
        return m_values.emplace_back(stored->toFloat()).data();
    }

private:
    TensorFile m_file;
    std::list<std::vector<float>> m_values;
};

inline std::unique_ptr<gpu::HeadWeights> packedWeights(const VmUnetV2& network) {
    TensorSource source(storeWeights(network));
    auto weights = std::make_unique<gpu::HeadWeights>();
    const std::string missing = gpu::packHeadWeights(
        [&source](const std::string& name, std::int64_t count) { return source.find(name, count); },
        *weights);
    TORCH_CHECK(missing.empty(), "the network lacks ", missing);
    return weights;
}

} // namespace limn::testing
