// SPDX-License-Identifier: GPL-3.0-or-later
// Inference on a GPU in bfloat16: the same network as VmUnetV2 in fewer, fused steps. Matrix products take
// bfloat16 and sum in float32; the scan's state, the residual stream, LayerNorms and what the scan's steps
// are made of stay float32. LibTorch's headers stay inside inference/.
#pragma once

#include "inference/network/vm_unet_v2.h"

namespace limn {

// What a network computes in on a device: "fp32", "tf32" or "bf16" (FusedNetwork). asked: one of these or
// "auto", the fastest whose outlines on real images agree with float32's. The processor always computes in
// float32. Errors: InvalidArgument (another word; bf16 for a network that FusedNetwork does not support).
Result<std::string> choosePrecision(const std::string& asked, c10::Device device,
                                    const NetworkConfig& config);

class FusedNetwork {
public:
    // The fused steps know colour images and one class.
    static bool supports(const NetworkConfig& config);

    // network: on a GPU, in evaluation mode; its weights are copied in the form that the steps want.
    explicit FusedNetwork(const VmUnetV2& network);

    // images: [b, 3, h, w] float32 on the GPU, 0..255, any size. Gives the probabilities [b, 1, h, w]
    // float32. May be recorded into a graph. Obeys ScanLeftOut. Throws c10::Error.
    at::Tensor probabilities(const at::Tensor& images) const;

private:
    struct Norm {
        at::Tensor weight, bias;
    };
    struct Block {
        Norm before;                                        // ln_1
        at::Tensor inProjection, outProjection, projection; // bfloat16 [out, in]
        at::Tensor convWeight, convBias, dtWeight, dtBias, rates, skip;
        Norm after; // out_norm
    };
    struct Stage {
        std::vector<Block> blocks;
        Norm mergeNorm;
        at::Tensor reduction; // bfloat16 [out, in]; undefined for the last stage
    };
    struct Shape {
        std::int64_t batch, height, width, channels;
        std::int64_t rows() const { return batch * height * width; }
    };

    at::Tensor gatedOf(const Block& block, const Shape& shape, at::Tensor normalised) const;
    std::vector<at::Tensor> encode(const at::Tensor& images) const;

    at::Tensor m_headWeights; // gpu::HeadWeights as bytes
    bool m_stageOutputs;
    at::Tensor m_patchWeight, m_patchBias;
    Norm m_patchNorm;
    std::vector<Stage> m_stages;
};

} // namespace limn
