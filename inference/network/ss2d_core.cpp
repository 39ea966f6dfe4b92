// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/ss2d_core.h"

#include "inference/network/cuda_plugin.h"
#include "inference/scan/selective_scan.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

namespace limn {

namespace {

using at::Tensor;

thread_local bool t_scanLeftOut = false;

struct Shape {
    std::int64_t batch;
    std::int64_t height;
    std::int64_t width;
    std::int64_t channels;
    std::int64_t rank;

    std::int64_t rows() const { return batch * height * width; }
};

Shape shapeOf(const Tensor& xz, const Tensor& dtWeight) {
    TORCH_CHECK(xz.dim() == 4 && xz.size(3) % 2 == 0,
                "SS2D: the input must be [batch, height, width, 2 d], not ", xz.sizes());
    TORCH_CHECK(xz.scalar_type() == at::kFloat, "SS2D: the input must be float32, not ", xz.scalar_type());
    TORCH_CHECK(dtWeight.dim() == 3 && dtWeight.size(0) == 4 && dtWeight.size(1) == xz.size(3) / 2,
                "SS2D: the step projection must be [4, d, r], not ", dtWeight.sizes());
    return {xz.size(0), xz.size(1), xz.size(2), xz.size(3) / 2, dtWeight.size(2)};
}

ScanShape cpuShape(const Shape& s) {
    ScanShape shape;
    shape.batch = s.batch;
    shape.height = s.height;
    shape.width = s.width;
    shape.channels = s.channels;
    shape.rank = s.rank;
    shape.rankStride = s.rank;
    shape.directions = 4;
    return shape;
}

const float* in(const Tensor& tensor) {
    return tensor.const_data_ptr<float>();
}

float* out(Tensor& tensor) {
    return tensor.mutable_data_ptr<float>();
}

// What the backward run needs of the forward run.
struct Kept {
    Tensor u;         // [rows, d]
    Tensor projected; // [rows, 4 (r + 32)]
    Tensor rates;     // [4 d, 16], negative
    Tensor y;         // [rows, d], summed over the paths
    Tensor states;    // at every 32nd step: GPU, and the processor's borders
};

struct Weights {
    Tensor convWeight, convBias, projection, dtWeight, dtBias, logRates, skip, normWeight, normBias;
};

Weights contiguousWeights(const Ss2dWeights& w) {
    return {w.convWeight.contiguous(), w.convBias.contiguous(),   w.projection.contiguous(),
            w.dtWeight.contiguous(),   w.dtBias.contiguous(),     w.logRates.contiguous(),
            w.skip.contiguous(),       w.normWeight.contiguous(), w.normBias.contiguous()};
}

gpu::ScanProblem gpuProblem(const Shape& s, const Kept& kept, const Weights& w) {
    gpu::ScanProblem problem;
    problem.batch = static_cast<int>(s.batch);
    problem.height = static_cast<int>(s.height);
    problem.width = static_cast<int>(s.width);
    problem.channels = static_cast<int>(s.channels);
    problem.rank = static_cast<int>(s.rank);
    problem.rankStride = problem.rank;
    problem.u = in(kept.u);
    problem.projected = in(kept.projected);
    problem.dtWeight = in(w.dtWeight);
    problem.dtBias = in(w.dtBias);
    problem.a = in(kept.rates);
    problem.d = in(w.skip);
    return problem;
}

Tensor forwardGpu(const Shape& s, const Tensor& xz, const Weights& w, Kept& kept, bool keep) {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    TORCH_CHECK(plugin != nullptr, "the GPU cannot be used: ", cudaSupport().reason);
    const gpu::Stream stream = plugin->currentStream();
    const auto options = xz.options();
    const auto zStride = 2 * s.channels;

    kept.u = at::empty({s.rows(), s.channels}, options);
    checkLaunch(plugin->depthwiseSiluForward(gpu::Element::Float32, static_cast<int>(s.batch),
                                             static_cast<int>(s.height), static_cast<int>(s.width),
                                             static_cast<int>(s.channels), in(xz), zStride, in(w.convWeight),
                                             in(w.convBias), out(kept.u), stream),
                "depthwise convolution");
    kept.projected = at::mm(kept.u, w.projection.view({-1, s.channels}).t());
    kept.rates = w.logRates.exp().neg_();
    gpu::ScanProblem problem = gpuProblem(s, kept, w);
    const gpu::ScanPlan plan = plugin->planScan(problem, plugin->multiprocessors());
    Tensor parts = at::empty({4, s.rows(), s.channels}, options);
    if (t_scanLeftOut) {
        Tensor result = at::empty({s.batch, s.height, s.width, s.channels}, options);
        checkLaunch(plugin->normGateForward(gpu::Element::Float32, s.rows(), static_cast<int>(s.channels), 1,
                                            in(kept.u), in(xz) + s.channels, zStride, in(w.normWeight),
                                            in(w.normBias), out(result), nullptr, stream),
                    "normalisation and gate");
        return result;
    }
    Tensor scratch = at::empty({plan.scratchFloats}, options);
    if (keep)
        kept.states = at::empty({plan.savedFloats}, options);
    checkLaunch(plugin->scanForward(problem, plan, out(parts), keep ? out(kept.states) : nullptr,
                                    out(scratch), stream),
                "selective scan");
    if (keep)
        kept.y = at::empty({s.rows(), s.channels}, options);
    Tensor result = at::empty({s.batch, s.height, s.width, s.channels}, options);
    checkLaunch(plugin->normGateForward(gpu::Element::Float32, s.rows(), static_cast<int>(s.channels), 4,
                                        in(parts), in(xz) + s.channels, zStride, in(w.normWeight),
                                        in(w.normBias), out(result), keep ? out(kept.y) : nullptr, stream),
                "normalisation and gate");
    return result;
}

ScanInputs cpuInputs(const Kept& kept, const Weights& w) {
    return {in(kept.u), in(kept.projected), in(w.dtWeight), in(w.dtBias), in(kept.rates), in(w.skip)};
}

Tensor forwardCpu(const Shape& s, const Tensor& xz, const Weights& w, Kept& kept, bool keep) {
    const int threads = at::get_num_threads();
    kept.u = at::empty({s.rows(), s.channels}, xz.options());
    depthwiseSiluForwardCpu(s.batch, s.height, s.width, s.channels, in(xz), 2 * s.channels, in(w.convWeight),
                            in(w.convBias), out(kept.u), threads);
    kept.projected = at::mm(kept.u, w.projection.view({-1, s.channels}).t());
    kept.rates = w.logRates.exp().neg_();
    kept.y = at::empty({s.rows(), s.channels}, xz.options());
    if (keep)
        kept.states = at::empty({scanBorderCount(cpuShape(s))}, xz.options());
    if (t_scanLeftOut)
        at::mul_out(kept.y, kept.u, w.skip.view({4, s.channels}).sum(0));
    else
        selectiveScanForwardCpu(cpuShape(s), cpuInputs(kept, w), out(kept.y), threads,
                                keep ? out(kept.states) : nullptr);
    Tensor result = at::empty({s.batch, s.height, s.width, s.channels}, xz.options());
    normGateForwardCpu(s.rows(), s.channels, in(kept.y), in(xz) + s.channels, 2 * s.channels,
                       in(w.normWeight), in(w.normBias), out(result), threads);
    return result;
}

struct Gradients {
    Tensor xz, convWeight, convBias, projection, dtWeight, dtBias, logRates, skip, normWeight, normBias;
};

Gradients backwardCpu(const Shape& s, const Tensor& xz, const Weights& w, const Kept& kept,
                      const Tensor& gradOut) {
    const int threads = at::get_num_threads();
    Gradients g;
    g.xz = at::empty_like(xz);
    g.normWeight = at::empty_like(w.normWeight);
    g.normBias = at::empty_like(w.normBias);
    Tensor gradY = at::empty_like(kept.y);
    normGateBackwardCpu(s.rows(), s.channels, in(kept.y), in(xz) + s.channels, 2 * s.channels,
                        in(w.normWeight), in(w.normBias), in(gradOut), out(gradY), out(g.xz) + s.channels,
                        out(g.normWeight), out(g.normBias), threads);
    Tensor gradU = at::empty_like(kept.u);
    Tensor gradProjected = at::empty_like(kept.projected);
    Tensor gradRates = at::empty_like(kept.rates);
    g.dtWeight = at::empty_like(w.dtWeight);
    g.dtBias = at::empty_like(w.dtBias);
    g.skip = at::empty_like(w.skip);
    const ScanGradients gradients{out(gradU),    out(gradProjected), out(g.dtWeight),
                                  out(g.dtBias), out(gradRates),     out(g.skip)};
    selectiveScanBackwardCpu(cpuShape(s), cpuInputs(kept, w), in(gradY), gradients, threads, in(kept.states));
    g.logRates = gradRates.mul_(kept.rates);
    gradU.addmm_(gradProjected, w.projection.view({-1, s.channels}));
    g.projection = at::mm(gradProjected.t(), kept.u).view_as(w.projection);
    g.convWeight = at::empty_like(w.convWeight);
    g.convBias = at::empty_like(w.convBias);
    depthwiseSiluBackwardCpu(s.batch, s.height, s.width, s.channels, in(xz), 2 * s.channels, in(w.convWeight),
                             in(w.convBias), in(gradU), out(g.xz), out(g.convWeight), out(g.convBias),
                             threads);
    return g;
}

Gradients backwardGpu(const Shape& s, const Tensor& xz, const Weights& w, const Kept& kept,
                      const Tensor& gradOut) {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    const gpu::Stream stream = plugin->currentStream();
    const auto options = xz.options();
    const auto channels = static_cast<int>(s.channels);
    const auto zStride = 2 * s.channels;
    Gradients g;
    g.xz = at::empty_like(xz);

    Tensor gradY = at::empty_like(kept.y);
    Tensor normParts = at::empty({plugin->normGatePartials(s.rows()), s.channels, 2}, options);
    checkLaunch(plugin->normGateBackward(s.rows(), channels, in(kept.y), in(xz) + s.channels, zStride,
                                         in(w.normWeight), in(w.normBias), in(gradOut), out(gradY),
                                         out(g.xz) + s.channels, zStride, out(normParts), stream),
                "normalisation and gate, backward");
    const Tensor normSums = normParts.sum(0);
    g.normWeight = normSums.select(1, 0).contiguous();
    g.normBias = normSums.select(1, 1).contiguous();

    const gpu::ScanProblem problem = gpuProblem(s, kept, w);
    const gpu::ScanBackwardSizes sizes = plugin->scanBackwardSizes(problem);
    Tensor gradUParts = at::empty({4, s.rows(), s.channels}, options);
    Tensor partialProjected = at::empty({sizes.partialProjected}, options);
    Tensor partialSums = at::empty({s.batch, 4 * s.channels, 18 + s.rank}, options);
    checkLaunch(plugin->scanBackward(problem, in(gradY), in(kept.states), out(gradUParts),
                                     out(partialProjected), out(partialSums), stream),
                "selective scan, backward");
    Tensor gradProjected = at::empty_like(kept.projected);
    checkLaunch(plugin->sumPartialProjected(problem, in(partialProjected), out(gradProjected), stream),
                "sum over blocks of channels");

    const Tensor sums = partialSums.sum(0);
    g.logRates = sums.narrow(1, 0, kScanStates).mul(kept.rates);
    g.skip = sums.select(1, 16).contiguous();
    g.dtBias = sums.select(1, 17).contiguous().view({4, s.channels});
    g.dtWeight = sums.narrow(1, 18, s.rank).contiguous().view_as(w.dtWeight);

    Tensor gradU = at::empty_like(kept.u);
    checkLaunch(plugin->sumFour(in(gradUParts), gradU.numel(), out(gradU), stream), "sum of directions");
    gradU.addmm_(gradProjected, w.projection.view({-1, s.channels}));
    g.projection = at::mm(gradProjected.t(), kept.u).view_as(w.projection);

    // gradY has done its work; its memory serves as the scratch of the convolution's backward run.
    Tensor convParts = at::empty(
        {plugin->depthwisePartials(static_cast<int>(s.batch), static_cast<int>(s.height)), s.channels, 10},
        options);
    checkLaunch(plugin->depthwiseSiluBackward(static_cast<int>(s.batch), static_cast<int>(s.height),
                                              static_cast<int>(s.width), channels, in(xz), zStride,
                                              in(w.convWeight), in(w.convBias), in(gradU), out(gradY),
                                              out(g.xz), zStride, out(convParts), stream),
                "depthwise convolution, backward");
    const Tensor convSums = convParts.sum(0);
    g.convWeight = convSums.narrow(1, 0, 9).contiguous().view_as(w.convWeight);
    g.convBias = convSums.select(1, 9).contiguous();
    return g;
}

class Ss2dFunction : public torch::autograd::Function<Ss2dFunction> {
public:
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& xzIn,
                          const Tensor& convWeight, const Tensor& convBias, const Tensor& projection,
                          const Tensor& dtWeight, const Tensor& dtBias, const Tensor& logRates,
                          const Tensor& skip, const Tensor& normWeight, const Tensor& normBias) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const Tensor xz = xzIn.contiguous();
        const Weights w = contiguousWeights(
            {convWeight, convBias, projection, dtWeight, dtBias, logRates, skip, normWeight, normBias});
        const Shape s = shapeOf(xz, w.dtWeight);
        Kept kept;
        Tensor result = xz.is_cuda() ? forwardGpu(s, xz, w, kept, true) : forwardCpu(s, xz, w, kept, true);
        context->save_for_backward({xz, w.convWeight, w.convBias, w.projection, w.dtWeight, w.dtBias,
                                    w.logRates, w.skip, w.normWeight, w.normBias, kept.u, kept.projected,
                                    kept.rates, kept.y, kept.states});
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradOutputs) {
        const auto saved = context->get_saved_variables();
        const Tensor& xz = saved[0];
        const Weights w{saved[1], saved[2], saved[3], saved[4], saved[5],
                        saved[6], saved[7], saved[8], saved[9]};
        const Kept kept{saved[10], saved[11], saved[12], saved[13], saved[14]};
        const Shape s = shapeOf(xz, w.dtWeight);
        const Tensor gradOut = gradOutputs[0].contiguous();
        const Gradients g =
            xz.is_cuda() ? backwardGpu(s, xz, w, kept, gradOut) : backwardCpu(s, xz, w, kept, gradOut);
        return {g.xz,     g.convWeight, g.convBias, g.projection, g.dtWeight,
                g.dtBias, g.logRates,   g.skip,     g.normWeight, g.normBias};
    }
};

} // namespace

Tensor ss2dCore(const Tensor& xz, const Ss2dWeights& weights) {
    if (at::GradMode::is_enabled() && !c10::InferenceMode::is_enabled())
        return Ss2dFunction::apply(xz, weights.convWeight, weights.convBias, weights.projection,
                                   weights.dtWeight, weights.dtBias, weights.logRates, weights.skip,
                                   weights.normWeight, weights.normBias);
    const Tensor rows = xz.contiguous();
    const Weights w = contiguousWeights(weights);
    const Shape s = shapeOf(rows, w.dtWeight);
    Kept kept;
    return rows.is_cuda() ? forwardGpu(s, rows, w, kept, false) : forwardCpu(s, rows, w, kept, false);
}

ScanLeftOut::ScanLeftOut() {
    t_scanLeftOut = true;
}

ScanLeftOut::~ScanLeftOut() {
    t_scanLeftOut = false;
}

bool scanIsLeftOut() {
    return t_scanLeftOut;
}

} // namespace limn
