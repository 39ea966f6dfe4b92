// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/graph_runner.h"

#include "inference/network/cuda_plugin.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

namespace limn {

namespace {

// A folder is segmented with one full batch size and one remainder; a window adds single images and regions.
constexpr std::size_t kMostGraphs = 6;

} // namespace

GraphRunner::GraphRunner(VmUnetV2 network, bool fused) : m_network(std::move(network)) {
    if (fused)
        m_fused.emplace(m_network);
}

GraphRunner::~GraphRunner() {
    forget();
}

void GraphRunner::release(Recorded& recorded) {
    if (recorded.graph != nullptr)
        cudaSupport().plugin->releaseGraph(recorded.graph);
    recorded.graph = nullptr;
}

void GraphRunner::forget() {
    for (Recorded& recorded : m_recorded)
        release(recorded);
    m_recorded.clear();
}

at::Tensor GraphRunner::compute(const at::Tensor& images) {
    return m_fused ? m_fused->probabilities(images) : at::sigmoid(m_network->forward(images).logits);
}

at::Tensor GraphRunner::probabilities(const at::Tensor& images) {
    const c10::InferenceMode inference;
    const c10::Device device = m_network->parameters().front().device();
    if (!m_failure.empty())
        return compute(images.to(device, at::kFloat));
    const bool tf32 = at::globalContext().allowTF32CuBLAS();
    const auto known = std::find_if(m_recorded.begin(), m_recorded.end(), [&](const Recorded& recorded) {
        return recorded.shape == images.sizes().vec() && recorded.tf32 == tf32;
    });
    if (known != m_recorded.end()) {
        m_recorded.splice(m_recorded.begin(), m_recorded, known);
    } else {
        if (m_recorded.size() >= kMostGraphs) {
            release(m_recorded.back());
            m_recorded.pop_back();
        }
        Recorded recorded;
        recorded.shape = images.sizes().vec();
        recorded.tf32 = tf32;
        recorded.input = images.to(device, at::kFloat, false, true);
        struct Body {
            GraphRunner* self;
            Recorded* recorded;
        } body{this, &recorded};
        char reason[1024] = {};
        recorded.graph = cudaSupport().plugin->captureGraph(
            [](void* context) {
                const c10::InferenceMode inferenceOfRun;
                const Body& b = *static_cast<Body*>(context);
                b.recorded->output = b.self->compute(b.recorded->input);
            },
            &body, reason, sizeof reason);
        if (recorded.graph == nullptr) {
            m_failure = reason;
            return compute(recorded.input);
        }
        m_recorded.push_front(std::move(recorded));
    }
    Recorded& recorded = m_recorded.front();
    recorded.input.copy_(images);
    const int code = cudaSupport().plugin->replayGraph(recorded.graph);
    TORCH_CHECK(code == 0, "the recorded run could not be started: ", cudaSupport().plugin->errorText(code));
    return recorded.output;
}

} // namespace limn
