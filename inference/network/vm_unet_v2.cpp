// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/vm_unet_v2.h"

#include "inference/network/processor_network.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Functions.h>
#include <torch/nn/functional.h>
#include <torch/nn/init.h>
#include <torch/utils.h>

#include <cmath>

namespace limn {

namespace {

namespace nn = torch::nn;
namespace F = torch::nn::functional;
using at::Tensor;

constexpr std::int64_t kPatch = 4;
constexpr std::int64_t kAlign = 32; // four-fold patches, then three mergings
constexpr int kLevels = 4;

nn::LayerNorm layerNorm(std::int64_t channels) {
    return nn::LayerNorm(nn::LayerNormOptions({channels}).eps(kLayerNormEpsilon));
}

nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t padding,
                       bool bias) {
    return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).padding(padding).bias(bias));
}

// Modules that only give their children a name, so that parameters carry the released names.
std::shared_ptr<nn::Module> named(nn::Module& parent, const std::string& name) {
    return parent.register_module(name, std::make_shared<nn::Module>());
}

Tensor channelsFirst(const Tensor& x) {
    return x.permute({0, 3, 1, 2});
}

} // namespace

Ss2dImpl::Ss2dImpl(std::int64_t modelChannels, std::int64_t rank) {
    const std::int64_t inner = 2 * modelChannels;
    xProjection = register_parameter("x_proj_weight", torch::empty({4, rank + 2 * kStateSize, inner}));
    dtWeight = register_parameter("dt_projs_weight", torch::empty({4, inner, rank}));
    dtBias = register_parameter("dt_projs_bias", torch::empty({4, inner}));
    logRates = register_parameter("A_logs", torch::empty({4 * inner, kStateSize}));
    skip = register_parameter("Ds", torch::empty({4 * inner}));
    in_proj = register_module("in_proj", nn::Linear(nn::LinearOptions(modelChannels, 2 * inner).bias(false)));
    conv2d =
        register_module("conv2d", nn::Conv2d(nn::Conv2dOptions(inner, inner, 3).padding(1).groups(inner)));
    out_norm = register_module("out_norm", layerNorm(inner));
    out_proj = register_module("out_proj", nn::Linear(nn::LinearOptions(inner, modelChannels).bias(false)));
}

Tensor Ss2dImpl::forward(const Tensor& x) {
    return ss2dBranch(x, weightsAfter({}, {}));
}

Tensor Ss2dImpl::forwardAfter(const nn::LayerNorm& norm, const Tensor& x) {
    return ss2dBranch(x, weightsAfter(norm->weight, norm->bias));
}

Ss2dWeights Ss2dImpl::weightsAfter(const Tensor& inputNormWeight, const Tensor& inputNormBias) const {
    return {inputNormWeight,  inputNormBias,  in_proj->weight, conv2d->weight, conv2d->bias,
            xProjection,      dtWeight,       dtBias,          logRates,       skip,
            out_norm->weight, out_norm->bias, out_proj->weight};
}

VssBlockImpl::VssBlockImpl(std::int64_t channels, std::int64_t rank, double dropPathIn)
    : dropPath(dropPathIn) {
    ln_1 = register_module("ln_1", layerNorm(channels));
    self_attention = register_module("self_attention", Ss2d(channels, rank));
}

Tensor VssBlockImpl::forward(const Tensor& x) {
    const Tensor branch = self_attention->forwardAfter(ln_1, x);
    if (!is_training() || dropPath <= 0.0)
        return x + branch;
    // Stochastic depth (Huang et al. 2016): kept samples are scaled so that the expectation stays.
    const double keep = 1.0 - dropPath;
    const Tensor mask = torch::empty({x.size(0), 1, 1, 1}, x.options()).bernoulli_(keep).div_(keep);
    return at::addcmul(x, branch, mask);
}

PatchMergingImpl::PatchMergingImpl(std::int64_t channels) {
    reduction =
        register_module("reduction", nn::Linear(nn::LinearOptions(4 * channels, 2 * channels).bias(false)));
    norm = register_module("norm", layerNorm(4 * channels));
}

Tensor PatchMergingImpl::forward(const Tensor& x) {
    const std::int64_t batch = x.size(0);
    const std::int64_t height = x.size(1) / 2;
    const std::int64_t width = x.size(2) / 2;
    const std::int64_t channels = x.size(3);
    // The released order of the four neighbours is (0,0), (1,0), (0,1), (1,1) as (row, column).
    const Tensor neighbours = x.view({batch, height, 2, width, 2, channels})
                                  .permute({0, 1, 3, 4, 2, 5})
                                  .reshape({batch, height, width, 4 * channels});
    return reduction(norm(neighbours));
}

VmUnetV2Impl::VmUnetV2Impl(const VmUnetV2Options& options) : m_options(options) {
    const NetworkConfig& config = m_options.config;
    const bool stageOutputs = config.taps == Taps::StageOutputs;
    const int stages = stageOutputs ? kLevels : kLevels - 1;

    for (int level = 0; level < kLevels; ++level) {
        const std::int64_t channels = kStageChannels[level];
        const std::string number = std::to_string(level + 1);
        Attention attention;
        const auto ca = named(*this, "ca_" + number);
        attention.fc1 = ca->register_module("fc1", convolution(channels, channels / 16, 1, 0, false));
        attention.fc2 = ca->register_module("fc2", convolution(channels / 16, channels, 1, 0, false));
        const auto sa = named(*this, "sa_" + number);
        attention.spatial = sa->register_module("conv1", convolution(2, 1, 7, 3, false));
        const auto translayer = named(*this, "Translayer_" + number);
        attention.conv =
            translayer->register_module("conv", convolution(channels, kDecoderChannels, 1, 0, false));
        attention.norm = translayer->register_module("bn", nn::BatchNorm2d(kDecoderChannels));
        m_attention.push_back(attention);
    }
    for (int level = 0; level < kLevels; ++level) {
        const auto convs = named(*named(*this, "sdi_" + std::to_string(level + 1)), "convs");
        std::vector<nn::Conv2d> list;
        for (int source = 0; source < kLevels; ++source)
            list.push_back(convs->register_module(
                std::to_string(source), convolution(kDecoderChannels, kDecoderChannels, 3, 1, true)));
        m_sdi.push_back(list);
    }
    const auto heads = named(*this, "seg_outs");
    for (int head = 0; head < kLevels; ++head) {
        nn::Conv2d module{nullptr};
        if (head >= 2 || m_options.allOutputs)
            module = heads->register_module(
                std::to_string(head), nn::Conv2d(nn::Conv2dOptions(kDecoderChannels, config.classes, 1)));
        m_heads.push_back(module);
    }
    for (int number = 2; number <= 4; ++number)
        m_deconv.push_back(register_module(
            "deconv" + std::to_string(number),
            nn::ConvTranspose2d(nn::ConvTranspose2dOptions(kDecoderChannels, kDecoderChannels, 4)
                                    .stride(2)
                                    .padding(1)
                                    .bias(false))));
    m_deconv6 = register_module(
        "deconv6",
        nn::ConvTranspose2d(nn::ConvTranspose2dOptions(1, 1, 3).stride(2).padding(1).output_padding(1)));

    const auto encoder = named(*this, "vmunet");
    const auto patch = named(*encoder, "patch_embed");
    m_patchEmbed = patch->register_module(
        "proj",
        nn::Conv2d(nn::Conv2dOptions(config.inputChannels, kStageChannels[0], kPatch).stride(kPatch)));
    m_patchNorm = patch->register_module("norm", layerNorm(kStageChannels[0]));
    int blocksTotal = 0;
    for (int stage = 0; stage < stages; ++stage)
        blocksTotal += config.depths[stage];
    const auto layers = named(*encoder, "layers");
    int block = 0;
    for (int stage = 0; stage < stages; ++stage) {
        const auto layer = named(*layers, std::to_string(stage));
        const auto blocks = named(*layer, "blocks");
        std::vector<VssBlock> list;
        for (int i = 0; i < config.depths[stage]; ++i, ++block) {
            const double drop = blocksTotal > 1 ? m_options.dropPath * block / (blocksTotal - 1) : 0.0;
            list.push_back(blocks->register_module(
                std::to_string(i), VssBlock(kStageChannels[stage], kStageRanks[stage], drop)));
        }
        m_stages.push_back(list);
        if (stage < kLevels - 1)
            m_merges.push_back(layer->register_module("downsample", PatchMerging(kStageChannels[stage])));
    }
}

bool VmUnetV2Impl::usesPackedWeights(const Tensor& images) const {
    return m_processor != nullptr && images.is_cpu() && !at::GradMode::is_enabled() && !is_training();
}

std::vector<Tensor> VmUnetV2Impl::encode(const Tensor& images) {
    if (usesPackedWeights(images))
        return m_processor->encode(images, at::get_num_threads());
    Tensor x = m_patchNorm(m_patchEmbed(images).permute({0, 2, 3, 1}).contiguous());
    std::vector<Tensor> features;
    const bool stageOutputs = m_options.config.taps == Taps::StageOutputs;
    if (!stageOutputs)
        features.push_back(x);
    for (std::size_t stage = 0; stage < m_stages.size(); ++stage) {
        for (auto& block : m_stages[stage])
            x = block(x);
        if (stageOutputs)
            features.push_back(x);
        if (stage < m_merges.size()) {
            x = m_merges[stage](x);
            if (!stageOutputs)
                features.push_back(x);
        }
    }
    return features;
}

std::vector<Tensor> VmUnetV2Impl::translate(const std::vector<Tensor>& features, DecoderSteps* steps) {
    std::vector<Tensor> translated;
    for (int level = 0; level < kLevels; ++level) {
        Attention& a = m_attention[level];
        Tensor x = channelsFirst(features[level]);
        const auto squeeze = [&a](const Tensor& pooled) { return a.fc2(at::relu(a.fc1(pooled))); };
        const Tensor channelFactors =
            at::sigmoid(squeeze(x.mean({2, 3}, true)) + squeeze(x.amax({2, 3}, true)));
        x = x * channelFactors;
        const Tensor pixelFactors = at::sigmoid(a.spatial(at::cat({x.mean(1, true), x.amax(1, true)}, 1)));
        x = x * pixelFactors;
        translated.push_back(a.norm(a.conv(x)));
        if (steps != nullptr) {
            steps->channelFactors[level] = channelFactors;
            steps->pixelFactors[level] = pixelFactors;
            steps->translated[level] = translated.back();
        }
    }
    return translated;
}

Tensor VmUnetV2Impl::infuse(const std::vector<Tensor>& translated, int level) {
    const std::int64_t height = translated[level].size(2);
    const std::int64_t width = translated[level].size(3);
    Tensor product;
    for (int source = 0; source < kLevels; ++source) {
        Tensor x = translated[source];
        if (source < level)
            // Sizes are multiples of each other here: the same as adaptive pooling, which is slow on GPUs.
            x = at::avg_pool2d(x, {x.size(2) / height, x.size(3) / width});
        else if (source > level)
            x = at::upsample_bilinear2d(x, {height, width}, true);
        const Tensor term = m_sdi[level][source](x);
        product = product.defined() ? product * term : term;
    }
    return product;
}

PaddedImages::PaddedImages(const Tensor& given)
    : images(given), m_height(given.size(2)), m_width(given.size(3)) {
    const std::int64_t padY = (kAlign - m_height % kAlign) % kAlign;
    const std::int64_t padX = (kAlign - m_width % kAlign) % kAlign;
    if (padX != 0 || padY != 0)
        images = at::replication_pad2d(images, {0, padX, 0, padY});
}

Tensor PaddedImages::crop(const Tensor& map) const {
    return map.size(2) == m_height && map.size(3) == m_width
               ? map
               : map.narrow(2, 0, m_height).narrow(3, 0, m_width);
}

VmUnetV2Impl::Output VmUnetV2Impl::forward(const Tensor& imagesIn) {
    Tensor images = imagesIn;
    // As the released code: a grey image feeds all colour channels.
    if (images.size(1) == 1 && m_options.config.inputChannels == 3)
        images = images.expand({images.size(0), 3, images.size(2), images.size(3)});
    TORCH_CHECK(images.size(1) == m_options.config.inputChannels, "the network takes ",
                m_options.config.inputChannels, " channels, and the images have ", images.size(1));
    const PaddedImages padded(images);
    Output output;
    if (usesPackedWeights(padded.images))
        output.logits = m_processor->logits(padded.images, at::get_num_threads());
    else
        output = decode(encode(padded.images));
    output.logits = padded.crop(output.logits);
    return output;
}

VmUnetV2Impl::Output VmUnetV2Impl::decode(const std::vector<Tensor>& features, DecoderSteps* steps) {
    Output output;
    if (usesPackedWeights(features.front())) {
        output.logits = m_processor->decode(features, at::get_num_threads(), steps);
        return output;
    }
    const std::vector<Tensor> translated = translate(features, steps);
    Tensor y;
    Tensor eighth;
    for (int head = 0; head < kLevels; ++head) {
        const Tensor infused = infuse(translated, 3 - head);
        if (steps != nullptr)
            steps->infused[3 - head] = infused;
        y = head > 0 ? m_deconv[head - 1](y) + infused : infused;
        if (m_heads[head].is_empty())
            continue;
        const Tensor map = m_heads[head](y);
        if (head == 2)
            eighth = map;
        if (m_options.allOutputs)
            output.heads.push_back(map);
        if (head == 3)
            output.logits = map;
    }
    const auto upsample = [](const Tensor& map) {
        return at::upsample_bilinear2d(map, {map.size(2) * 4, map.size(3) * 4}, false, 4.0, 4.0);
    };
    const Tensor half = upsample(eighth);
    // deconv6 has one channel: it serves every class alike.
    const Tensor refined = m_deconv6(half.reshape({-1, 1, half.size(2), half.size(3)}));
    const Tensor refinement = refined.view({half.size(0), half.size(1), refined.size(2), refined.size(3)});
    if (steps != nullptr)
        steps->refinement = refinement;
    output.logits = upsample(output.logits) + refinement;
    return output;
}

void VmUnetV2Impl::packForProcessor() {
    TORCH_CHECK(!m_options.allOutputs && !is_training(),
                "only a network for proposals is packed: its fused output alone, in evaluation mode");
    const torch::NoGradGuard noGradients;
    const auto plain = [](const Tensor& value) { return value.detach().to(at::kCPU).clone().contiguous(); };
    const auto pack = [&plain](const Tensor& value, std::int64_t outputs) {
        const Tensor rows = plain(value);
        return PackedWeights(rows.const_data_ptr<float>(), outputs, rows.numel() / outputs);
    };
    const auto normOf = [&plain](const nn::LayerNorm& norm) {
        return ProcessorNetwork::Norm{plain(norm->weight), plain(norm->bias)};
    };
    ProcessorNetwork::Parts parts;
    parts.patch = pack(m_patchEmbed->weight, m_patchEmbed->weight.size(0));
    parts.patchBias = plain(m_patchEmbed->bias);
    parts.patchNorm = normOf(m_patchNorm);
    parts.stageOutputs = m_options.config.taps == Taps::StageOutputs;
    for (std::size_t i = 0; i < m_stages.size(); ++i) {
        ProcessorNetwork::Stage stage;
        for (const VssBlock& block : m_stages[i]) {
            const Ss2d& ss2d = block->self_attention;
            ProcessorNetwork::Block packed;
            packed.channels = ss2d->in_proj->weight.size(1);
            packed.rank = ss2d->dtWeight.size(2);
            packed.norm = normOf(block->ln_1);
            packed.input = pack(ss2d->in_proj->weight, 4 * packed.channels);
            packed.convWeight = plain(ss2d->conv2d->weight);
            packed.convBias = plain(ss2d->conv2d->bias);
            packed.projection = pack(ss2d->xProjection, 4 * ss2d->xProjection.size(1));
            packed.dtWeight = plain(ss2d->dtWeight);
            packed.dtBias = plain(ss2d->dtBias);
            packed.rates = plain(ss2d->logRates).exp_().neg_();
            packed.skip = plain(ss2d->skip);
            packed.outputNorm = normOf(ss2d->out_norm);
            packed.output = pack(ss2d->out_proj->weight, packed.channels);
            stage.blocks.push_back(std::move(packed));
        }
        if (i < m_merges.size())
            stage.merge.push_back(
                {normOf(m_merges[i]->norm), pack(m_merges[i]->reduction->weight, 2 * kStageChannels[i])});
        parts.stages.push_back(std::move(stage));
    }

    ProcessorHead::Parts head;
    const auto productOf = [&](const nn::Conv2d& convolution) {
        return ProcessorHead::Product{pack(convolution->weight, convolution->weight.size(0)),
                                      plain(convolution->bias)};
    };
    for (std::size_t level = 0; level < kLevels; ++level) {
        const Attention& a = m_attention[level];
        // (x - mean) / sqrt(variance + epsilon) * weight + bias, drawn into the product before it.
        const Tensor gain =
            plain(a.norm->weight) / at::sqrt(plain(a.norm->running_var) + a.norm->options.eps());
        head.levels[level].squeeze = plain(a.fc1->weight);
        head.levels[level].excite = plain(a.fc2->weight);
        head.levels[level].spatial = plain(a.spatial->weight);
        head.levels[level].translation = {pack(a.conv->weight * gain.view({-1, 1, 1, 1}), kDecoderChannels),
                                          plain(a.norm->bias) - plain(a.norm->running_mean) * gain};
        for (std::size_t source = 0; source < kLevels; ++source)
            head.infusions[level][source] = {
                ProcessorHead::packConvolution(plain(m_sdi[level][source]->weight)),
                plain(m_sdi[level][source]->bias)};
        if (level < m_deconv.size())
            head.deconvolutions[level] = ProcessorHead::packDeconvolution(plain(m_deconv[level]->weight));
    }
    head.eighth = productOf(m_heads[2]);
    head.quarter = productOf(m_heads[3]);
    head.refinement = plain(m_deconv6->weight);
    head.refinementBias = m_deconv6->bias.item<float>();
    m_processor = std::make_shared<const ProcessorNetwork>(std::move(parts), std::move(head));
}

void VmUnetV2Impl::initialise(std::uint64_t seed) {
    const torch::NoGradGuard noGradients;
    const at::Generator generator = at::detail::createCPUGenerator(seed);
    const auto uniform = [&generator](const Tensor& target, double low, double high) {
        target.copy_(at::empty(target.sizes(), at::kFloat).uniform_(low, high, generator));
    };
    for (const auto& item : named_parameters()) {
        const std::string& name = item.key();
        const Tensor& value = item.value();
        const auto endsWith = [&name](const char* end) { return name.ends_with(end); };
        if (endsWith("A_logs")) {
            // S4D-real: A = -1, -2, ..., -16 for every channel.
            value.copy_(at::arange(1, kStateSize + 1, at::kFloat).log().expand_as(value));
        } else if (endsWith("Ds")) {
            value.fill_(1.0);
        } else if (endsWith("dt_projs_weight")) {
            const double bound = 1.0 / std::sqrt(static_cast<double>(value.size(2)));
            uniform(value, -bound, bound);
        } else if (endsWith("dt_projs_bias")) {
            // softplus(bias) is log-uniform in [0.001, 0.1].
            uniform(value, std::log(0.001), std::log(0.1));
            const Tensor step = value.exp().clamp_min(1e-4);
            value.copy_(step + (-(-step).expm1()).log());
        } else if (endsWith("x_proj_weight")) {
            const double bound = 1.0 / std::sqrt(static_cast<double>(value.size(2)));
            uniform(value, -bound, bound);
        } else if (endsWith("in_proj.weight") || endsWith("out_proj.weight") ||
                   endsWith("reduction.weight")) {
            // Truncated normal, 0.02; cutting at 5 deviations as the released initialiser does (its bounds
            // are +-2).
            value.copy_(at::empty(value.sizes(), at::kFloat).normal_(0.0, 0.02, generator));
        } else if (value.dim() == 1 && endsWith("weight")) {
            value.fill_(1.0); // LayerNorm, BatchNorm
        } else if (name.find("norm") != std::string::npos || name.find("ln_1") != std::string::npos ||
                   name.find(".bn.") != std::string::npos) {
            value.zero_();
        } else {
            // LibTorch's convolution default: uniform within 1 / sqrt(fan-in), for the bias too.
            std::int64_t fanIn = 1;
            if (value.dim() > 1) {
                for (std::int64_t i = 1; i < value.dim(); ++i)
                    fanIn *= value.size(i);
            } else {
                const Tensor weight = named_parameters()[name.substr(0, name.size() - 4) + "weight"];
                for (std::int64_t i = 1; i < weight.dim(); ++i)
                    fanIn *= weight.size(i);
            }
            const double bound = 1.0 / std::sqrt(static_cast<double>(fanIn));
            uniform(value, -bound, bound);
        }
    }
}

Result<void> loadWeights(VmUnetV2& network, const TensorFile& file) {
    if (Result<void> fits = checkAgainst(network->config(), file, network->hasAllOutputs()); !fits)
        return fits;
    const torch::NoGradGuard noGradients;
    std::string wrong;
    const auto copyInto = [&](const std::string& name, const Tensor& target) {
        const StoredTensor* stored = file.find(name);
        if (stored == nullptr || target.scalar_type() != at::kFloat)
            return;
        Tensor values = at::empty(target.sizes(), at::kFloat);
        if (stored->copyTo({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())}))
            target.copy_(values);
        else if (wrong.empty())
            wrong = name;
    };
    for (const auto& item : network->named_parameters())
        copyInto(item.key(), item.value());
    for (const auto& item : network->named_buffers())
        copyInto(item.key(), item.value());
    if (!wrong.empty())
        return Error{ErrorCode::CheckpointInvalid,
                     {file.source, "the tensor " + wrong + " has not as many numbers as its place takes"}};
    return {};
}

TensorFile storeWeights(const VmUnetV2& network) {
    TensorFile file;
    const auto add = [&file](const std::string& name, const Tensor& value) {
        if (value.scalar_type() != at::kFloat)
            return;
        const Tensor copy = value.detach().to(at::kCPU).contiguous();
        file.tensors.push_back(StoredTensor::fromFloat(
            name, copy.sizes().vec(), {copy.data_ptr<float>(), static_cast<std::size_t>(copy.numel())}));
    };
    for (const auto& item : network->named_parameters())
        add(item.key(), item.value());
    for (const auto& item : network->named_buffers())
        add(item.key(), item.value());
    return file;
}

} // namespace limn
