// SPDX-License-Identifier: GPL-3.0-or-later
// Runs a network on a GPU through recorded graphs: one for each (batch, height, width), recorded when first
// needed and bounded in number. One thread at a time. LibTorch's headers stay inside inference/.
#pragma once

#include "inference/network/fused_network.h"

#include <list>
#include <optional>

namespace limn {

class GraphRunner {
public:
    // fused: run FusedNetwork (bfloat16), which must support the network, in place of the network itself.
    explicit GraphRunner(VmUnetV2 network, bool fused = false);
    ~GraphRunner();
    GraphRunner(const GraphRunner&) = delete;
    GraphRunner& operator=(const GraphRunner&) = delete;

    // images: [b, c, h, w] float32 on the processor or the network's GPU. Gives the probabilities on the GPU,
    // valid until the next call. Where recording fails, this and all later runs do without a graph. Throws
    // c10::Error.
    at::Tensor probabilities(const at::Tensor& images);

    void forget(); // frees all graphs and their memory

    // Why the last recording failed; empty: none did.
    const std::string& failure() const { return m_failure; }

private:
    struct Recorded {
        std::vector<std::int64_t> shape;
        bool tf32 = false;
        at::Tensor input;
        at::Tensor output;
        void* graph = nullptr;
    };
    void release(Recorded& recorded);
    at::Tensor compute(const at::Tensor& images);

    VmUnetV2 m_network;
    std::optional<FusedNetwork> m_fused;
    std::string m_failure;
    std::list<Recorded> m_recorded; // most recently used first
};

} // namespace limn
