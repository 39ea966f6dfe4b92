// SPDX-License-Identifier: GPL-3.0-or-later
// The network for proposals on the processor: the same arithmetic as the modules of vm_unet_v2, without
// gradients, on our own threads from the image to the logits: those of OpenMP wait by spinning, which stops
// the whole network as soon as something else wants a core. Weights are packed once for the products;
// LayerNorm, gate and the block's input are drawn into them. LibTorch's headers stay inside inference/.
#pragma once

#include "inference/network/processor_head.h"
#include "inference/scan/linear.h"

#include <ATen/core/Tensor.h>

#include <vector>

namespace limn {

class ProcessorNetwork {
public:
    struct Norm {
        at::Tensor weight;
        at::Tensor bias;
    };
    struct Block {
        std::int64_t channels = 0; // of the block's input
        std::int64_t rank = 0;
        Norm norm;             // before the input projection
        PackedWeights input;   // [4 channels][channels]
        at::Tensor convWeight; // [2 channels, 1, 3, 3]
        at::Tensor convBias;
        PackedWeights projection; // [4 (rank + 32)][2 channels]
        at::Tensor dtWeight;      // [4, 2 channels, rank]
        at::Tensor dtBias;
        at::Tensor rates;     // [8 channels, 16], negative
        at::Tensor skip;      // [8 channels]
        Norm outputNorm;      // of the scan's result
        PackedWeights output; // [channels][2 channels]
    };
    struct Merge {
        Norm norm;
        PackedWeights reduction; // [2 channels][4 channels]
    };
    struct Stage {
        std::vector<Block> blocks;
        std::vector<Merge> merge; // one, or none after the last stage
    };
    // Tensors are contiguous float32 on the processor and must not change afterwards.
    struct Parts {
        PackedWeights patch; // [channels][input channels x 4 x 4]
        at::Tensor patchBias;
        Norm patchNorm;
        std::vector<Stage> stages;
        bool stageOutputs = false; // which maps feed the decoder
    };
    ProcessorNetwork(Parts encoder, ProcessorHead::Parts head)
        : m_parts(std::move(encoder)), m_head(std::move(head)) {}

    // images: [batch, channels, height, width] float32, sides multiples of 32. Result: the four feature maps
    // that feed the decoder, [batch, h, w, c]. `threads` work on it.
    std::vector<at::Tensor> encode(const at::Tensor& images, int threads) const;
    // What ProcessorHead::logits() makes of them.
    at::Tensor decode(const std::vector<at::Tensor>& features, int threads,
                      DecoderSteps* steps = nullptr) const {
        return m_head.logits(features, threads, steps);
    }

    // Result: [batch, classes, height, width]. As long as there are images enough each thread takes one from
    // the beginning to the end, so that none waits for another between two layers; all share those that are
    // left.
    at::Tensor logits(const at::Tensor& images, int threads) const;

private:
    void logitsInto(const at::Tensor& images, int threads, float* to) const;

    Parts m_parts;
    ProcessorHead m_head;
};

} // namespace limn
