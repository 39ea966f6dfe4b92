// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/ss2d_core.h"

#include "inference/network/cuda_plugin.h"
#include "inference/scan/selective_scan.h"
#include "inference/scan/thread_pool.h"

#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <tuple>
#include <utility>

#ifndef _OPENMP
#error "Without OpenMP at::parallel_for() runs on one thread."
#endif

namespace limn {

namespace {

using at::Tensor;

thread_local bool t_scanLeftOut = false;

struct Shape {
    std::int64_t batch;
    std::int64_t height;
    std::int64_t width;
    std::int64_t modelChannels;
    std::int64_t channels; // d
    std::int64_t rank;

    std::int64_t rows() const { return batch * height * width; }
};

Shape shapeOf(const Tensor& x, const Ss2dWeights& w) {
    TORCH_CHECK(x.dim() == 4, "SS2D: the input must be [batch, height, width, c], not ", x.sizes());
    TORCH_CHECK(x.scalar_type() == at::kFloat, "SS2D: the input must be float32, not ", x.scalar_type());
    TORCH_CHECK(w.inProjection.dim() == 2 && w.inProjection.size(0) % 2 == 0 &&
                    w.inProjection.size(1) == x.size(3),
                "SS2D: the input projection must be [2 d, c], not ", w.inProjection.sizes());
    const std::int64_t channels = w.inProjection.size(0) / 2;
    TORCH_CHECK(w.dtWeight.dim() == 3 && w.dtWeight.size(0) == 4 && w.dtWeight.size(1) == channels,
                "SS2D: the step projection must be [4, d, r], not ", w.dtWeight.sizes());
    return {x.size(0), x.size(1), x.size(2), x.size(3), channels, w.dtWeight.size(2)};
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

// What a run makes on its way, all of which the backward run needs.
struct Run {
    // Made again there from the input and the weights: that takes a few passes over memory, keeping all would
    // take most of the memory of a training step. What is kept of the first three depends on the device: on
    // a GPU the first and the last, the processor keeps the second, since products cost more there.
    Tensor normalised; // [rows, c]; the input itself where it is not normalised
    Tensor xz;         // [rows, 2 d]
    Tensor u;          // [rows, d]
    Tensor mean, rstd; // [rows, 1], of the input; not on a GPU
    Tensor gated;      // [rows, d]
    // Kept.
    Tensor projected; // [rows, 4 (r + 32)]
    Tensor rates;     // [4 d, 16], negative
    Tensor y;         // [rows, d], summed over the paths
    Tensor states;    // at every 32nd step: GPU, and the processor's borders
};

Ss2dWeights contiguousWeights(const Ss2dWeights& w) {
    return {w.inputNormWeight.contiguous(), w.inputNormBias.contiguous(),
            w.inProjection.contiguous(),    w.convWeight.contiguous(),
            w.convBias.contiguous(),        w.projection.contiguous(),
            w.dtWeight.contiguous(),        w.dtBias.contiguous(),
            w.logRates.contiguous(),        w.skip.contiguous(),
            w.normWeight.contiguous(),      w.normBias.contiguous(),
            w.outProjection.contiguous()};
}

bool normalises(const Ss2dWeights& w) {
    return w.inputNormWeight.numel() > 0;
}

const gpu::Plugin* gpuPlugin() {
    const gpu::Plugin* plugin = cudaSupport().plugin;
    TORCH_CHECK(plugin != nullptr, "the GPU cannot be used: ", cudaSupport().reason);
    return plugin;
}

void projectInput(const Shape& s, const Tensor& x, const Ss2dWeights& w, Run& run) {
    const Tensor rows = x.view({s.rows(), s.modelChannels});
    if (!normalises(w)) {
        run.normalised = rows;
    } else if (!x.is_cuda()) {
        std::tie(run.normalised, run.mean, run.rstd) = at::native_layer_norm(
            rows, {s.modelChannels}, w.inputNormWeight, w.inputNormBias, kLayerNormEpsilon);
    } else if (!run.normalised.defined()) {
        const gpu::Plugin* plugin = gpuPlugin();
        run.normalised = at::empty_like(rows);
        checkLaunch(plugin->layerNormForward(s.rows(), static_cast<int>(s.modelChannels), in(rows),
                                             in(w.inputNormWeight), in(w.inputNormBias), out(run.normalised),
                                             plugin->currentStream()),
                    "normalisation");
    }
    if (!run.xz.defined())
        run.xz = at::mm(run.normalised, w.inProjection.t());
}

gpu::ScanProblem gpuProblem(const Shape& s, const Run& run, const Ss2dWeights& w) {
    gpu::ScanProblem problem;
    problem.batch = static_cast<int>(s.batch);
    problem.height = static_cast<int>(s.height);
    problem.width = static_cast<int>(s.width);
    problem.channels = static_cast<int>(s.channels);
    problem.rank = static_cast<int>(s.rank);
    problem.rankStride = problem.rank;
    problem.u = in(run.u);
    problem.projected = in(run.projected);
    problem.dtWeight = in(w.dtWeight);
    problem.dtBias = in(w.dtBias);
    problem.a = in(run.rates);
    problem.d = in(w.skip);
    return problem;
}

void convolve(const Shape& s, const Ss2dWeights& w, Run& run) {
    if (run.u.defined())
        return;
    run.u = at::empty({s.rows(), s.channels}, run.xz.options());
    if (!run.xz.is_cuda()) {
        depthwiseSiluForwardCpu(s.batch, s.height, s.width, s.channels, in(run.xz), 2 * s.channels,
                                in(w.convWeight), in(w.convBias), out(run.u), at::get_num_threads());
        return;
    }
    const gpu::Plugin* plugin = gpuPlugin();
    checkLaunch(plugin->depthwiseSiluForward(
                    gpu::Element::Float32, static_cast<int>(s.batch), static_cast<int>(s.height),
                    static_cast<int>(s.width), static_cast<int>(s.channels), in(run.xz), 2 * s.channels,
                    in(w.convWeight), in(w.convBias), out(run.u), plugin->currentStream()),
                "depthwise convolution");
}

// The gate over `parts` parts of y, whose sum goes to `sum` if that is defined.
void gateGpu(const Shape& s, const Ss2dWeights& w, Run& run, const Tensor& y, int parts, Tensor sum) {
    const gpu::Plugin* plugin = gpuPlugin();
    run.gated = at::empty({s.rows(), s.channels}, run.xz.options());
    checkLaunch(plugin->normGateForward(gpu::Element::Float32, s.rows(), static_cast<int>(s.channels), parts,
                                        in(y), in(run.xz) + s.channels, 2 * s.channels, in(w.normWeight),
                                        in(w.normBias), out(run.gated), sum.defined() ? out(sum) : nullptr,
                                        plugin->currentStream()),
                "normalisation and gate");
}

void gateCpu(const Shape& s, const Ss2dWeights& w, Run& run) {
    run.gated = at::empty({s.rows(), s.channels}, run.xz.options());
    normGateForwardCpu(s.rows(), s.channels, in(run.y), in(run.xz) + s.channels, 2 * s.channels,
                       in(w.normWeight), in(w.normBias), out(run.gated), at::get_num_threads());
}

void scanAndGateGpu(const Shape& s, const Ss2dWeights& w, Run& run, bool keep) {
    if (t_scanLeftOut) {
        gateGpu(s, w, run, run.u, 1, {});
        return;
    }
    const gpu::Plugin* plugin = gpuPlugin();
    const auto options = run.xz.options();
    const gpu::ScanProblem problem = gpuProblem(s, run, w);
    const gpu::ScanPlan plan = plugin->planScan(problem, plugin->shape(), keep);
    Tensor parts = at::empty({4, s.rows(), s.channels}, options);
    if (keep) {
        run.states = at::empty({plan.savedFloats}, options);
        run.y = at::empty({s.rows(), s.channels}, options);
    }
    checkLaunch(plugin->scanForward(problem, plan, out(parts), keep ? out(run.states) : nullptr,
                                    plugin->currentStream()),
                "selective scan");
    gateGpu(s, w, run, parts, 4, run.y);
}

ScanInputs cpuInputs(const Run& run, const Ss2dWeights& w) {
    return {in(run.u), in(run.projected), in(w.dtWeight), in(w.dtBias), in(run.rates), in(w.skip)};
}

void scanAndGateCpu(const Shape& s, const Ss2dWeights& w, Run& run, bool keep) {
    run.y = at::empty({s.rows(), s.channels}, run.xz.options());
    if (keep)
        run.states = at::empty({scanBorderCount(cpuShape(s))}, run.xz.options());
    if (t_scanLeftOut)
        at::mul_out(run.y, run.u, w.skip.view({4, s.channels}).sum(0));
    else
        selectiveScanForwardCpu(cpuShape(s), cpuInputs(run, w), out(run.y), at::get_num_threads(),
                                keep ? out(run.states) : nullptr);
    gateCpu(s, w, run);
}

// Between LibTorch's operators our own run on its threads.
void onLibTorchThreads(int participants, const std::function<void(int)>& work) {
    at::parallel_for(0, participants, 1, [&work](std::int64_t from, std::int64_t to) {
        for (std::int64_t i = from; i < to; ++i)
            work(static_cast<int>(i));
    });
}

Tensor forwardRun(const Shape& s, const Tensor& x, const Ss2dWeights& w, Run& run, bool keep) {
    const scan::LentThreads lent(onLibTorchThreads);
    projectInput(s, x, w, run);
    convolve(s, w, run);
    run.projected = at::mm(run.u, w.projection.view({-1, s.channels}).t());
    run.rates = w.logRates.exp().neg_();
    if (x.is_cuda())
        scanAndGateGpu(s, w, run, keep);
    else
        scanAndGateCpu(s, w, run, keep);
    return at::mm(run.gated, w.outProjection.t()).view(x.sizes());
}

struct Gradients {
    Tensor x;
    Ss2dWeights w;
};

// From dL/dgated to dL/dy and, in gradXz, dL/dz; makes run.gated again.
Tensor gateBackwardCpu(const Shape& s, const Ss2dWeights& w, Run& run, const Tensor& gradGated,
                       Tensor& gradXz, Ss2dWeights& g) {
    gateCpu(s, w, run);
    Tensor gradY = at::empty_like(run.y);
    g.normWeight = at::empty_like(w.normWeight);
    g.normBias = at::empty_like(w.normBias);
    normGateBackwardCpu(s.rows(), s.channels, in(run.y), in(run.xz) + s.channels, 2 * s.channels,
                        in(w.normWeight), in(w.normBias), in(gradGated), out(gradY), out(gradXz) + s.channels,
                        out(g.normWeight), out(g.normBias), at::get_num_threads());
    return gradY;
}

Tensor gateBackwardGpu(const Shape& s, const Ss2dWeights& w, Run& run, const Tensor& gradGated,
                       Tensor& gradXz, Ss2dWeights& g) {
    const gpu::Plugin* plugin = gpuPlugin();
    run.gated = at::empty_like(run.y);
    Tensor gradY = at::empty_like(run.y);
    Tensor parts = at::empty({plugin->normPartials(s.rows()), s.channels, 2}, run.xz.options());
    checkLaunch(plugin->normGateBackward(s.rows(), static_cast<int>(s.channels), in(run.y),
                                         in(run.xz) + s.channels, 2 * s.channels, in(w.normWeight),
                                         in(w.normBias), in(gradGated), out(run.gated), out(gradY),
                                         out(gradXz) + s.channels, 2 * s.channels, out(parts),
                                         plugin->currentStream()),
                "normalisation and gate, backward");
    const Tensor sums = parts.sum(0);
    g.normWeight = sums.select(1, 0).contiguous();
    g.normBias = sums.select(1, 1).contiguous();
    return gradY;
}

// From dL/dy to dL/dx in gradXz.
void scanBackwardCpu(const Shape& s, const Ss2dWeights& w, const Run& run, Tensor gradY, Tensor& gradXz,
                     Ss2dWeights& g) {
    const int threads = at::get_num_threads();
    Tensor gradU = at::empty_like(run.u);
    Tensor gradProjected = at::empty_like(run.projected);
    Tensor gradRates = at::empty_like(run.rates);
    g.dtWeight = at::empty_like(w.dtWeight);
    g.dtBias = at::empty_like(w.dtBias);
    g.skip = at::empty_like(w.skip);
    const ScanGradients gradients{out(gradU),    out(gradProjected), out(g.dtWeight),
                                  out(g.dtBias), out(gradRates),     out(g.skip)};
    selectiveScanBackwardCpu(cpuShape(s), cpuInputs(run, w), in(gradY), gradients, threads, in(run.states));
    g.logRates = gradRates.mul_(run.rates);
    gradU.addmm_(gradProjected, w.projection.view({-1, s.channels}));
    g.projection = at::mm(gradProjected.t(), run.u).view_as(w.projection);
    g.convWeight = at::empty_like(w.convWeight);
    g.convBias = at::empty_like(w.convBias);
    depthwiseSiluBackwardCpu(s.batch, s.height, s.width, s.channels, in(run.xz), 2 * s.channels,
                             in(w.convWeight), in(w.convBias), in(gradU), out(gradXz), out(g.convWeight),
                             out(g.convBias), threads);
}

void scanBackwardGpu(const Shape& s, const Ss2dWeights& w, const Run& run, Tensor gradY, Tensor& gradXz,
                     Ss2dWeights& g) {
    const gpu::Plugin* plugin = gpuPlugin();
    const gpu::Stream stream = plugin->currentStream();
    const auto options = run.xz.options();
    const auto zStride = 2 * s.channels;

    const gpu::ScanProblem problem = gpuProblem(s, run, w);
    const gpu::ScanBackwardSizes sizes = plugin->scanBackwardSizes(problem);
    Tensor gradUParts = at::empty({4, s.rows(), s.channels}, options); // one per direction
    Tensor gradProjected = at::empty_like(run.projected);
    {
        Tensor partialProjected = at::empty({sizes.partialProjected}, options);
        Tensor partialSums = at::empty({s.batch, 4 * s.channels, 18 + s.rank}, options);
        checkLaunch(plugin->scanBackward(problem, in(gradY), in(run.states), out(gradUParts),
                                         out(partialProjected), out(partialSums), stream),
                    "selective scan, backward");
        checkLaunch(plugin->sumPartialProjected(problem, in(partialProjected), out(gradProjected), stream),
                    "sum over blocks of channels");

        const Tensor sums = partialSums.sum(0);
        g.logRates = sums.narrow(1, 0, kScanStates).mul(run.rates);
        g.skip = sums.select(1, 16).contiguous();
        g.dtBias = sums.select(1, 17).contiguous().view({4, s.channels});
        g.dtWeight = sums.narrow(1, 18, s.rank).contiguous().view_as(w.dtWeight);
    }
    gradUParts.select(0, 0).addmm_(gradProjected, w.projection.view({-1, s.channels}));
    g.projection = at::mm(gradProjected.t(), run.u).view_as(w.projection);

    // gradY has done its work; its memory serves as the scratch of the convolution's backward run.
    Tensor convParts = at::empty(
        {plugin->depthwisePartials(static_cast<int>(s.batch), static_cast<int>(s.height)), s.channels, 10},
        options);
    checkLaunch(plugin->depthwiseSiluBackward(
                    static_cast<int>(s.batch), static_cast<int>(s.height), static_cast<int>(s.width),
                    static_cast<int>(s.channels), in(run.xz), zStride, in(w.convWeight), in(w.convBias),
                    in(gradUParts), 4, out(gradY), out(gradXz), zStride, out(convParts), stream),
                "depthwise convolution, backward");
    const Tensor convSums = convParts.sum(0);
    g.convWeight = convSums.narrow(1, 0, 9).contiguous().view_as(w.convWeight);
    g.convBias = convSums.select(1, 9).contiguous();
}

Tensor normBackwardGpu(const Shape& s, const Tensor& rows, const Ss2dWeights& w, const Tensor& gradNormalised,
                       Ss2dWeights& g) {
    const gpu::Plugin* plugin = gpuPlugin();
    Tensor gradRows = at::empty_like(rows);
    Tensor parts = at::empty({plugin->normPartials(s.rows()), s.modelChannels, 2}, rows.options());
    checkLaunch(plugin->layerNormBackward(s.rows(), static_cast<int>(s.modelChannels), in(rows),
                                          in(w.inputNormWeight), in(gradNormalised), out(gradRows),
                                          out(parts), plugin->currentStream()),
                "normalisation, backward");
    const Tensor sums = parts.sum(0);
    g.inputNormWeight = sums.select(1, 0).contiguous();
    g.inputNormBias = sums.select(1, 1).contiguous();
    return gradRows;
}

Gradients backwardRun(const Shape& s, const Tensor& x, const Ss2dWeights& w, Run& run,
                      const Tensor& gradOut) {
    const auto gateBackward = x.is_cuda() ? gateBackwardGpu : gateBackwardCpu;
    const auto scanBackward = x.is_cuda() ? scanBackwardGpu : scanBackwardCpu;
    const scan::LentThreads lent(onLibTorchThreads);
    Gradients g;
    projectInput(s, x, w, run);
    Tensor gradXz = at::empty_like(run.xz);
    const Tensor gradRows = gradOut.view({s.rows(), s.modelChannels});
    Tensor gradY = gateBackward(s, w, run, at::mm(gradRows, w.outProjection), gradXz, g.w);
    g.w.outProjection = at::mm(gradRows.t(), run.gated);
    run.gated.reset();
    convolve(s, w, run);
    scanBackward(s, w, run, std::move(gradY), gradXz, g.w);
    g.w.inProjection = at::mm(gradXz.t(), run.normalised);
    const Tensor gradNormalised = at::mm(gradXz, w.inProjection);
    const Tensor rows = x.view({s.rows(), s.modelChannels});
    if (!normalises(w))
        g.x = gradNormalised;
    else if (x.is_cuda())
        g.x = normBackwardGpu(s, rows, w, gradNormalised, g.w);
    else
        std::tie(g.x, g.w.inputNormWeight, g.w.inputNormBias) =
            at::native_layer_norm_backward(gradNormalised, rows, {s.modelChannels}, run.mean, run.rstd,
                                           w.inputNormWeight, w.inputNormBias, {true, true, true});
    g.x = g.x.view(x.sizes());
    return g;
}

class Ss2dFunction : public torch::autograd::Function<Ss2dFunction> {
public:
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& xIn,
                          const Tensor& inputNormWeight, const Tensor& inputNormBias,
                          const Tensor& inProjection, const Tensor& convWeight, const Tensor& convBias,
                          const Tensor& projection, const Tensor& dtWeight, const Tensor& dtBias,
                          const Tensor& logRates, const Tensor& skip, const Tensor& normWeight,
                          const Tensor& normBias, const Tensor& outProjection) {
        const at::AutoDispatchBelowADInplaceOrView below;
        const Tensor x = xIn.contiguous();
        const Ss2dWeights w =
            contiguousWeights({inputNormWeight, inputNormBias, inProjection, convWeight, convBias, projection,
                               dtWeight, dtBias, logRates, skip, normWeight, normBias, outProjection});
        Run run;
        Tensor result = forwardRun(shapeOf(x, w), x, w, run, true);
        context->save_for_backward({x,
                                    w.inputNormWeight,
                                    w.inputNormBias,
                                    w.inProjection,
                                    w.convWeight,
                                    w.convBias,
                                    w.projection,
                                    w.dtWeight,
                                    w.dtBias,
                                    w.logRates,
                                    w.skip,
                                    w.normWeight,
                                    w.normBias,
                                    w.outProjection,
                                    run.projected,
                                    run.rates,
                                    run.y,
                                    run.states,
                                    x.is_cuda() ? Tensor() : run.xz,
                                    x.is_cuda() ? run.normalised : Tensor(),
                                    x.is_cuda() ? run.u : Tensor()});
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradOutputs) {
        const auto saved = context->get_saved_variables();
        const Tensor& x = saved[0];
        const Ss2dWeights w{saved[1], saved[2], saved[3],  saved[4],  saved[5],  saved[6], saved[7],
                            saved[8], saved[9], saved[10], saved[11], saved[12], saved[13]};
        Run run;
        run.projected = saved[14];
        run.rates = saved[15];
        run.y = saved[16];
        run.states = saved[17];
        run.xz = saved[18];
        run.normalised = saved[19];
        run.u = saved[20];
        const Gradients g = backwardRun(shapeOf(x, w), x, w, run, gradOutputs[0].contiguous());
        return {g.x,          g.w.inputNormWeight, g.w.inputNormBias, g.w.inProjection, g.w.convWeight,
                g.w.convBias, g.w.projection,      g.w.dtWeight,      g.w.dtBias,       g.w.logRates,
                g.w.skip,     g.w.normWeight,      g.w.normBias,      g.w.outProjection};
    }
};

} // namespace

Tensor ss2dBranch(const Tensor& x, const Ss2dWeights& weights) {
    Ss2dWeights w = weights;
    if (!w.inputNormWeight.defined())
        // autograd wants every input defined.
        w.inputNormWeight = w.inputNormBias = at::empty({0}, x.options());
    if (at::GradMode::is_enabled() && !c10::InferenceMode::is_enabled())
        return Ss2dFunction::apply(x, w.inputNormWeight, w.inputNormBias, w.inProjection, w.convWeight,
                                   w.convBias, w.projection, w.dtWeight, w.dtBias, w.logRates, w.skip,
                                   w.normWeight, w.normBias, w.outProjection);
    const Tensor rows = x.contiguous();
    w = contiguousWeights(w);
    Run run;
    return forwardRun(shapeOf(rows, w), rows, w, run, false);
}

ScanLeftOut::ScanLeftOut() : m_before(std::exchange(t_scanLeftOut, true)) {}

ScanLeftOut::~ScanLeftOut() {
    t_scanLeftOut = m_before;
}

bool scanIsLeftOut() {
    return t_scanLeftOut;
}

} // namespace limn
