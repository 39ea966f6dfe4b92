// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/fused_network.h"

#include "inference/cuda/head_weights.h"
#include "inference/network/cuda_plugin.h"
#include "inference/network/ss2d_core.h"

#include <ATen/Functions.h>
#include <torch/utils.h>

#include <map>

namespace limn {

namespace {

using at::Tensor;

const float* in(const Tensor& tensor) {
    return tensor.const_data_ptr<float>();
}

// x W^T for weights [out, in] as stored.
Tensor productOf(const Tensor& x, const Tensor& weight, at::ScalarType type = at::kBFloat16) {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    const std::int64_t rows = x.size(0);
    const auto columns = static_cast<int>(weight.size(0));
    const auto depth = static_cast<int>(weight.size(1));
    if (!plugin->shape().clusters || !plugin->isSmallProduct(rows, columns, depth))
        return at::mm(x, weight.t(), type);
    Tensor out = at::empty({rows, columns}, x.options().dtype(type));
    checkLaunch(plugin->smallProduct(type == at::kFloat ? gpu::Element::Float32 : gpu::Element::BFloat16,
                                     rows, columns, depth, x.const_data_ptr(), weight.const_data_ptr(),
                                     out.mutable_data_ptr(), plugin->currentStream()),
                "matrix product");
    return out;
}

// The decoder's weights in the order that its kernels want, on the network's GPU.
Tensor packedHead(const VmUnetV2& network) {
    std::map<std::string, Tensor> tensors;
    for (const auto& item : network->named_parameters())
        tensors[item.key()] = item.value().detach().to(at::kCPU, at::kFloat).contiguous();
    for (const auto& item : network->named_buffers())
        if (item.value().is_floating_point())
            tensors[item.key()] = item.value().detach().to(at::kCPU, at::kFloat).contiguous();
    Tensor bytes = at::empty({static_cast<std::int64_t>(sizeof(gpu::HeadWeights))}, at::kByte);
    const auto find = [&tensors](const std::string& name, std::int64_t count) -> const float* {
        const auto known = tensors.find(name);
        return known != tensors.end() && known->second.numel() == count ? in(known->second) : nullptr;
    };
    const std::string missing =
        gpu::packHeadWeights(find, *static_cast<gpu::HeadWeights*>(bytes.mutable_data_ptr()));
    TORCH_CHECK(missing.empty(), "the decoder's tensor ", missing, " is missing");
    return bytes.to(network->parameters().front().device());
}

} // namespace

Result<std::string> choosePrecision(const std::string& asked, c10::Device device,
                                    const NetworkConfig& config) {
    const bool known = asked == "auto" || asked == "fp32" || asked == "tf32" || asked == "bf16";
    const bool fused = FusedNetwork::supports(config);
    if (!known || (asked == "bf16" && device.is_cuda() && !fused))
        return Error{ErrorCode::InvalidArgument,
                     {"The precision", asked,
                      fused ? "auto, fp32, tf32 or bf16"
                            : "auto, fp32 or tf32 (bf16 is for colour images and one class)"}};
    if (!device.is_cuda())
        return std::string("fp32");
    if (asked == "auto")
        return std::string(fused ? "bf16" : "tf32");
    return asked;
}

bool FusedNetwork::supports(const NetworkConfig& config) {
    return config.inputChannels == 3 && config.classes == 1;
}

FusedNetwork::FusedNetwork(const VmUnetV2& network)
    : m_stageOutputs(network->config().taps == Taps::StageOutputs) {
    const torch::NoGradGuard noGradients;
    const auto parameters = network->named_parameters();
    const auto floats = [&](const std::string& name) { return parameters[name].detach().contiguous(); };
    const auto norm = [&](const std::string& name) {
        return Norm{floats(name + ".weight"), floats(name + ".bias")};
    };
    // [out, in] as stored
    const auto matrix = [&](const std::string& name, std::int64_t inputs) {
        return floats(name).view({-1, inputs}).to(at::kBFloat16).contiguous();
    };
    m_patchWeight = floats("vmunet.patch_embed.proj.weight");
    m_patchBias = floats("vmunet.patch_embed.proj.bias");
    m_patchNorm = norm("vmunet.patch_embed.norm");
    for (std::size_t number = 0;; ++number) {
        const std::string layer = "vmunet.layers." + std::to_string(number);
        const std::int64_t channels = number < kStageChannels.size() ? kStageChannels[number] : 0;
        Stage stage;
        for (std::size_t i = 0;; ++i) {
            const std::string name = layer + ".blocks." + std::to_string(i);
            if (!parameters.contains(name + ".ln_1.weight"))
                break;
            const std::string inner = name + ".self_attention.";
            Block block;
            block.before = norm(name + ".ln_1");
            block.inProjection = matrix(inner + "in_proj.weight", channels);
            block.outProjection = matrix(inner + "out_proj.weight", 2 * channels);
            block.projection = matrix(inner + "x_proj_weight", 2 * channels);
            block.convWeight = floats(inner + "conv2d.weight");
            block.convBias = floats(inner + "conv2d.bias");
            block.dtWeight = floats(inner + "dt_projs_weight");
            block.dtBias = floats(inner + "dt_projs_bias");
            block.rates = floats(inner + "A_logs").exp().neg();
            block.skip = floats(inner + "Ds");
            block.after = norm(inner + "out_norm");
            stage.blocks.push_back(std::move(block));
        }
        if (stage.blocks.empty())
            break;
        if (parameters.contains(layer + ".downsample.reduction.weight")) {
            stage.mergeNorm = norm(layer + ".downsample.norm");
            stage.reduction = matrix(layer + ".downsample.reduction.weight", 4 * channels);
        }
        m_stages.push_back(std::move(stage));
    }
    m_headWeights = packedHead(network);
}

// A block up to its last product, bfloat16 [rows, 2 channels].
Tensor FusedNetwork::gatedOf(const Block& block, const Shape& shape, Tensor normalised) const {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    const gpu::Stream stream = plugin->currentStream();
    const std::int64_t inner = 2 * shape.channels;
    const std::int64_t rows = shape.rows();
    const auto half = normalised.options();
    const auto innerChannels = static_cast<int>(inner);

    const Tensor xz = productOf(normalised, block.inProjection); // [rows, 2 inner]
    normalised.reset();                                          // the memory serves the next arrays
    const auto elementsIn = [](const Tensor& tensor) {
        return static_cast<const at::BFloat16*>(tensor.const_data_ptr());
    };
    Tensor u = at::empty({rows, inner}, half);
    checkLaunch(plugin->depthwiseSiluForward(gpu::Element::BFloat16, static_cast<int>(shape.batch),
                                             static_cast<int>(shape.height), static_cast<int>(shape.width),
                                             innerChannels, elementsIn(xz), 2 * inner, in(block.convWeight),
                                             in(block.convBias), u.mutable_data_ptr(), stream),
                "depthwise convolution");
    // The result takes u's place, which nobody reads after the scan.
    Tensor gated = scanIsLeftOut() ? at::empty_like(u) : u;
    const auto normGate = [&](const Tensor& y, int parts) {
        checkLaunch(plugin->normGateForward(gpu::Element::BFloat16, rows, innerChannels, parts,
                                            y.const_data_ptr(), elementsIn(xz) + inner, 2 * inner,
                                            in(block.after.weight), in(block.after.bias),
                                            gated.mutable_data_ptr(), nullptr, stream),
                    "normalisation and gate");
    };
    if (scanIsLeftOut()) {
        productOf(u, block.projection, at::kFloat);
        normGate(u, 1);
        return gated;
    }
    const Tensor projected = productOf(u, block.projection, at::kFloat);
    gpu::ScanProblem problem;
    problem.batch = static_cast<int>(shape.batch);
    problem.height = static_cast<int>(shape.height);
    problem.width = static_cast<int>(shape.width);
    problem.channels = innerChannels;
    problem.rank = problem.rankStride = static_cast<int>(block.dtWeight.size(2));
    problem.element = gpu::Element::BFloat16;
    problem.u = u.const_data_ptr();
    problem.projected = in(projected);
    problem.dtWeight = in(block.dtWeight);
    problem.dtBias = in(block.dtBias);
    problem.a = in(block.rates);
    problem.d = in(block.skip);
    const gpu::ScanPlan plan = plugin->planScan(problem, plugin->shape(), false);
    Tensor parts = at::empty({4, rows, inner}, half);
    checkLaunch(plugin->scanForward(problem, plan, parts.mutable_data_ptr(), nullptr, stream),
                "selective scan");
    normGate(parts, 4);
    return gated;
}

std::vector<Tensor> FusedNetwork::encode(const Tensor& images) const {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    const gpu::Stream stream = plugin->currentStream();
    const auto options = images.options();
    Shape shape{images.size(0), images.size(2) / gpu::kPatchSide, images.size(3) / gpu::kPatchSide,
                gpu::kPatchChannels};
    const auto mapOf = [&](const Tensor& rows) {
        return rows.view({shape.batch, shape.height, shape.width, shape.channels});
    };
    const auto halfRows = [&](std::int64_t rows, std::int64_t channels) {
        return at::empty({rows, channels}, options.dtype(at::kBFloat16));
    };
    // The residual stream is x, and a branch that whatever reads x next adds to it; x normalised for the next
    // block where that is known already.
    Tensor x = at::empty({shape.rows(), shape.channels}, options);
    Tensor branch;
    Tensor normalised;
    checkLaunch(plugin->patchEmbed(static_cast<int>(shape.batch), static_cast<int>(images.size(2)),
                                   static_cast<int>(images.size(3)), in(images), in(m_patchWeight),
                                   in(m_patchBias), in(m_patchNorm.weight), in(m_patchNorm.bias),
                                   x.mutable_data_ptr<float>(), stream),
                "patch embedding");
    std::vector<Tensor> features;
    if (!m_stageOutputs)
        features.push_back(mapOf(x));
    // Where a sum with x goes: an array of its own where x is a feature map that the decoder still wants.
    const auto sumOfX = [&] {
        return !features.empty() && x.data_ptr() == features.back().data_ptr() ? at::empty_like(x) : x;
    };
    // a W^T, where that and the LayerNorm after it are one step: x and normalised. Else false.
    const auto smallProductNorm = [&](const Tensor& a, const Tensor& weight, bool addsX, const Norm* norm) {
        const std::int64_t rows = a.size(0);
        const auto channels = static_cast<int>(weight.size(0));
        if (!plugin->shape().clusters ||
            !plugin->isSmallProductNorm(rows, channels, static_cast<int>(weight.size(1))))
            return false;
        Tensor sum = addsX ? sumOfX() : at::empty({rows, channels}, options);
        normalised = norm != nullptr ? halfRows(rows, channels) : Tensor();
        checkLaunch(plugin->smallProductNorm(
                        rows, channels, a.const_data_ptr(), weight.const_data_ptr(), addsX ? in(x) : nullptr,
                        norm != nullptr ? in(norm->weight) : nullptr,
                        norm != nullptr ? in(norm->bias) : nullptr, sum.mutable_data_ptr<float>(),
                        norm != nullptr ? normalised.mutable_data_ptr() : nullptr, stream),
                    "matrix product with normalisation");
        x = sum;
        return true;
    };
    for (std::size_t number = 0; number < m_stages.size(); ++number) {
        const Stage& stage = m_stages[number];
        const auto channels = static_cast<int>(shape.channels);
        for (std::size_t i = 0; i < stage.blocks.size(); ++i) {
            const Block& block = stage.blocks[i];
            if (!normalised.defined()) {
                normalised = halfRows(shape.rows(), shape.channels);
                Tensor sum;
                if (branch.defined())
                    sum = sumOfX();
                checkLaunch(plugin->addNorm(shape.rows(), channels, in(x),
                                            branch.defined() ? branch.const_data_ptr() : nullptr,
                                            in(block.before.weight), in(block.before.bias),
                                            sum.defined() ? sum.mutable_data_ptr<float>() : nullptr,
                                            normalised.mutable_data_ptr(), stream),
                            "residual sum and normalisation");
                if (sum.defined())
                    x = sum;
            }
            branch.reset();
            const Tensor gated = gatedOf(block, shape, std::move(normalised));
            normalised.reset();
            const Norm* next = i + 1 < stage.blocks.size() ? &stage.blocks[i + 1].before : nullptr;
            if (!smallProductNorm(gated, block.outProjection, true, next))
                branch = productOf(gated, block.outProjection);
        }
        if (m_stageOutputs)
            features.push_back(mapOf(branch.defined() ? at::add(x, branch) : x));
        if (!stage.reduction.defined())
            break;
        const Tensor merged = halfRows(shape.rows() / 4, 4 * shape.channels);
        checkLaunch(plugin->mergeNorm(static_cast<int>(shape.batch), static_cast<int>(shape.height),
                                      static_cast<int>(shape.width), channels, in(x),
                                      branch.defined() ? branch.const_data_ptr() : nullptr,
                                      in(stage.mergeNorm.weight), in(stage.mergeNorm.bias),
                                      merged.mutable_data_ptr(), stream),
                    "patch merging");
        branch.reset();
        const Norm* next =
            number + 1 < m_stages.size() ? &m_stages[number + 1].blocks.front().before : nullptr;
        if (!smallProductNorm(merged, stage.reduction, false, next))
            x = productOf(merged, stage.reduction, at::kFloat);
        shape = {shape.batch, shape.height / 2, shape.width / 2, 2 * shape.channels};
        if (!m_stageOutputs)
            features.push_back(mapOf(x));
    }
    return features;
}

Tensor FusedNetwork::probabilities(const Tensor& images) const {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    const PaddedImages padded(images);
    const std::vector<Tensor> features = encode(padded.images.contiguous());
    gpu::HeadProblem problem;
    problem.batch = static_cast<int>(images.size(0));
    problem.height = static_cast<int>(padded.images.size(2));
    problem.width = static_cast<int>(padded.images.size(3));
    for (std::size_t level = 0; level < features.size(); ++level)
        problem.features[level] = in(features[level]);
    problem.weights = static_cast<const gpu::HeadWeights*>(m_headWeights.const_data_ptr());
    Tensor scratch = at::empty({plugin->planHeadScratch(problem.batch, problem.height, problem.width).bytes},
                               m_headWeights.options());
    Tensor result = at::empty({problem.batch, 1, problem.height, problem.width}, images.options());
    checkLaunch(plugin->headForward(problem, scratch.mutable_data_ptr(), result.mutable_data_ptr<float>(),
                                    plugin->currentStream(), 0, gpu::kHeadSteps),
                "decoder");
    return padded.crop(result);
}

} // namespace limn
