// SPDX-License-Identifier: GPL-3.0-or-later
// VM-UNetV2 as the released code computes it, as a LibTorch module whose parameters carry the released names.
// LibTorch's headers stay inside inference/.
//
// Input [batch, inputChannels or 1, height, width] float32, 0..255; any height and width (padded to a
// multiple of 32 inside by repeating the border, cropped after). Images are in raster order, origin top left.
#pragma once

#include "inference/network/decoder_steps.h"
#include "inference/network/ss2d_core.h"
#include "inference/plain/checkpoint.h"

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

namespace limn {

class ProcessorNetwork;

// One VSS block's inner part; parameters as in a released checkpoint under `self_attention`.
struct Ss2dImpl : torch::nn::Module {
    explicit Ss2dImpl(std::int64_t modelChannels, std::int64_t rank);
    at::Tensor forward(const at::Tensor& x); // [b, h, w, c] -> the same
    // forward(norm(x)), without keeping norm(x) for the backward run.
    at::Tensor forwardAfter(const torch::nn::LayerNorm& norm, const at::Tensor& x);

    torch::nn::Linear in_proj{nullptr};
    torch::nn::Linear out_proj{nullptr};
    torch::nn::Conv2d conv2d{nullptr};
    torch::nn::LayerNorm out_norm{nullptr};
    at::Tensor xProjection, dtWeight, dtBias, logRates, skip;

private:
    Ss2dWeights weightsAfter(const at::Tensor& inputNormWeight, const at::Tensor& inputNormBias) const;
};
TORCH_MODULE(Ss2d);

struct VssBlockImpl : torch::nn::Module {
    VssBlockImpl(std::int64_t channels, std::int64_t rank, double dropPath);
    at::Tensor forward(const at::Tensor& x);

    torch::nn::LayerNorm ln_1{nullptr};
    Ss2d self_attention{nullptr};
    double dropPath; // probability that a training sample skips the block
};
TORCH_MODULE(VssBlock);

struct PatchMergingImpl : torch::nn::Module {
    explicit PatchMergingImpl(std::int64_t channels);
    at::Tensor forward(const at::Tensor& x); // [b, h, w, c] -> [b, h/2, w/2, 2c]

    torch::nn::Linear reduction{nullptr};
    torch::nn::LayerNorm norm{nullptr};
};
TORCH_MODULE(PatchMerging);

// Images with their sides padded to multiples of 32 by repeating the border.
class PaddedImages {
public:
    explicit PaddedImages(const at::Tensor& given); // [b, c, h, w]
    at::Tensor images;
    at::Tensor crop(const at::Tensor& map) const; // [b, c, h, w] of the padded size -> of the given one

private:
    std::int64_t m_height;
    std::int64_t m_width;
};

struct VmUnetV2Options {
    NetworkConfig config;
    double dropPath = 0.0; // rises linearly from 0 at the first block to this at the last
    // Modules that cannot reach the output are left out, and forward() makes the fused output alone. Training
    // with supervision of all four outputs wants them.
    bool allOutputs = false;
};

struct VmUnetV2Impl : torch::nn::Module {
    explicit VmUnetV2Impl(const VmUnetV2Options& options);

    struct Output {
        at::Tensor logits; // [b, classes, h, w]; the released network's output is its sigmoid
        // With allOutputs: the four segmentation heads at 1/32, 1/16, 1/8, 1/4 of the input size, before
        // upsampling.
        std::vector<at::Tensor> heads;
    };
    Output forward(const at::Tensor& images);

    // The two halves of forward(), for sides that are multiples of 32: the four feature maps that feed the
    // decoder, channels-last, and what the decoder makes of them, with what it makes on its way where that is
    // asked for.
    std::vector<at::Tensor> encode(const at::Tensor& images);
    Output decode(const std::vector<at::Tensor>& features, DecoderSteps* steps = nullptr);

    // Packs the weights for proposals on the processor: forward(), encode() and decode() use them for images
    // there when no gradients are asked for. In evaluation mode; call it again when weights have changed.
    void packForProcessor();

    // Random initial values as the released code draws them, from our own seed.
    void initialise(std::uint64_t seed);

    const NetworkConfig& config() const { return m_options.config; }
    bool hasAllOutputs() const { return m_options.allOutputs; }

private:
    bool usesPackedWeights(const at::Tensor& images) const;
    // Feature maps after attention and Translayer, channels-first.
    std::vector<at::Tensor> translate(const std::vector<at::Tensor>& features, DecoderSteps* steps);
    // sdi(level) of the four translated maps.
    at::Tensor infuse(const std::vector<at::Tensor>& translated, int level);

    VmUnetV2Options m_options;
    torch::nn::Conv2d m_patchEmbed{nullptr};
    torch::nn::LayerNorm m_patchNorm{nullptr};
    std::vector<std::vector<VssBlock>> m_stages;
    std::vector<PatchMerging> m_merges;
    struct Attention {
        torch::nn::Conv2d fc1{nullptr};
        torch::nn::Conv2d fc2{nullptr};
        torch::nn::Conv2d spatial{nullptr};
        torch::nn::Conv2d conv{nullptr};
        torch::nn::BatchNorm2d norm{nullptr};
    };
    std::vector<Attention> m_attention;
    std::vector<std::vector<torch::nn::Conv2d>> m_sdi;
    std::vector<torch::nn::Conv2d> m_heads;
    std::vector<torch::nn::ConvTranspose2d> m_deconv; // deconv2, 3, 4, (5)
    torch::nn::ConvTranspose2d m_deconv6{nullptr};
    std::shared_ptr<const ProcessorNetwork> m_processor;
};
TORCH_MODULE(VmUnetV2);

// Copies a checkpoint's tensors into the network (converted to float32); names and shapes of all that is
// copied are checked first. Errors: CheckpointMismatch (as checkAgainst()), CheckpointInvalid (a file of
// which names and shapes alone were read).
Result<void> loadWeights(VmUnetV2& network, const TensorFile& file);

// Every parameter and buffer by its released name, float32.
TensorFile storeWeights(const VmUnetV2& network);

} // namespace limn
