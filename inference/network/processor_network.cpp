// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/network/processor_network.h"

#include "inference/network/ss2d_core.h"
#include "inference/scan/selective_scan.h"
#include "inference/scan/thread_pool.h"

#include <ATen/Functions.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <optional>

namespace limn {

namespace {

using at::Tensor;

const float* in(const Tensor& tensor) {
    return tensor.const_data_ptr<float>();
}

float* out(Tensor& tensor) {
    return tensor.mutable_data_ptr<float>();
}

constexpr std::int64_t kPatch = 4;

// What the blocks of a stage write to on their way, kept for all of them.
struct Workspace {
    Workspace(std::int64_t rows, const ProcessorNetwork::Block& block)
        : xz(at::empty({rows, 4 * block.channels}, at::kFloat))
        , u(at::empty({rows, 2 * block.channels}, at::kFloat))
        , projected(at::empty({rows, block.projection.outputs()}, at::kFloat))
        , y(at::empty({rows, 2 * block.channels}, at::kFloat)) {}
    Tensor xz, u, projected, y;
};

Tensor embed(const ProcessorNetwork::Parts& parts, const Tensor& images, int threads) {
    const std::int64_t channels = images.size(1), height = images.size(2) / kPatch,
                       width = images.size(3) / kPatch;
    Tensor result = at::empty({images.size(0), height, width, parts.patch.outputs()}, at::kFloat);
    LinearRows rows;
    rows.rows = images.size(0) * height * width;
    rows.bias = in(parts.patchBias);
    rows.out = out(result);
    rows.outStride = parts.patch.outputs();
    const float* pixels = in(images);
    rows.make = [=](std::int64_t first, std::int64_t last, float* to) {
        for (std::int64_t row = first; row < last; ++row) {
            const std::int64_t item = row / (height * width), y = row / width % height, x = row % width;
            for (std::int64_t line = 0; line < channels * kPatch; ++line, to += kPatch)
                std::copy_n(
                    pixels +
                        ((item * channels + line / kPatch) * height * kPatch + y * kPatch + line % kPatch) *
                            width * kPatch +
                        x * kPatch,
                    kPatch, to);
        }
    };
    linearForwardCpu(rows, parts.patch, threads);
    constexpr std::int64_t kRows = 64;
    scan::runParallel(threads, (rows.rows + kRows - 1) / kRows, [&](std::int64_t unit, int) {
        const std::int64_t first = unit * kRows;
        float* at = rows.out + first * rows.outStride;
        layerNormRows(std::min(kRows, rows.rows - first), rows.outStride, at, in(parts.patchNorm.weight),
                      in(parts.patchNorm.bias), at);
    });
    return result;
}

// result may be x.
void runBlock(const ProcessorNetwork::Block& block, const Tensor& x, Tensor& result, Workspace& space,
              int threads) {
    const std::int64_t channels = block.channels, inner = 2 * channels;
    const std::int64_t rows = x.size(0) * x.size(1) * x.size(2);

    LinearRows input;
    input.rows = rows;
    input.make = [&, from = in(x)](std::int64_t first, std::int64_t last, float* to) {
        layerNormRows(last - first, channels, from + first * channels, in(block.norm.weight),
                      in(block.norm.bias), to);
    };
    input.out = out(space.xz);
    input.outStride = 2 * inner;
    linearForwardCpu(input, block.input, threads);
    depthwiseSiluForwardCpu(x.size(0), x.size(1), x.size(2), inner, in(space.xz), 2 * inner,
                            in(block.convWeight), in(block.convBias), out(space.u), threads);

    LinearRows projection;
    projection.rows = rows;
    projection.x = in(space.u);
    projection.xStride = inner;
    projection.out = out(space.projected);
    projection.outStride = block.projection.outputs();
    linearForwardCpu(projection, block.projection, threads);

    ScanShape shape;
    shape.batch = x.size(0);
    shape.height = x.size(1);
    shape.width = x.size(2);
    shape.channels = inner;
    shape.rank = shape.rankStride = block.rank;
    const float* y = in(space.y);
    if (scanIsLeftOut())
        y = in(space.u);
    else
        selectiveScanForwardCpu(shape,
                                {in(space.u), in(space.projected), in(block.dtWeight), in(block.dtBias),
                                 in(block.rates), in(block.skip)},
                                out(space.y), threads);

    LinearRows output;
    output.rows = rows;
    output.make = [&, z = in(space.xz) + inner](std::int64_t first, std::int64_t last, float* to) {
        normGateRowsInto(first, last, inner, y, z, 2 * inner, in(block.outputNorm.weight),
                         in(block.outputNorm.bias), to);
    };
    output.add = in(x);
    output.out = out(result);
    output.outStride = channels;
    linearForwardCpu(output, block.output, threads);
}

Tensor mergePatches(const ProcessorNetwork::Merge& merge, const Tensor& x, int threads) {
    const std::int64_t height = x.size(1) / 2, width = x.size(2) / 2, channels = x.size(3);
    Tensor result = at::empty({x.size(0), height, width, merge.reduction.outputs()}, at::kFloat);
    LinearRows rows;
    rows.rows = x.size(0) * height * width;
    rows.make = [&, from = in(x)](std::int64_t first, std::int64_t last, float* to) {
        for (std::int64_t row = first; row < last; ++row) {
            // The released order of the four neighbours is (0,0), (1,0), (0,1), (1,1) as (row, column).
            const std::int64_t corner = row / width * 4 * width + row % width * 2;
            float* own = to + (row - first) * 4 * channels;
            for (int i = 0; i < 4; ++i)
                std::copy_n(from + (corner + i % 2 * 2 * width + i / 2) * channels, channels,
                            own + i * channels);
        }
        layerNormRows(last - first, 4 * channels, to, in(merge.norm.weight), in(merge.norm.bias), to);
    };
    rows.out = out(result);
    rows.outStride = merge.reduction.outputs();
    linearForwardCpu(rows, merge.reduction, threads);
    return result;
}

} // namespace

Tensor ProcessorNetwork::logits(const Tensor& imagesIn, int threads) const {
    const Tensor images = imagesIn.contiguous();
    const std::int64_t batch = images.size(0);
    Tensor result = at::empty({batch, m_head.classes(), images.size(2), images.size(3)}, at::kFloat);
    float* const to = out(result);
    const std::int64_t each = batch > 0 ? result.numel() / batch : 0;
    const std::int64_t alone = threads > 1 ? batch / threads * threads : 0;
    const bool withoutScan = scanIsLeftOut(); // said to this thread alone
    std::exception_ptr failure;               // memory may run out
    std::mutex failureMutex;
    scan::runParallel(threads, alone, [&](std::int64_t item, int) {
        try {
            std::optional<ScanLeftOut> leftOut;
            if (withoutScan)
                leftOut.emplace();
            logitsInto(images.narrow(0, item, 1), 1, to + item * each);
        } catch (...) {
            const std::lock_guard lock(failureMutex);
            failure = std::current_exception();
        }
    });
    if (failure)
        std::rethrow_exception(failure);
    if (alone < batch)
        logitsInto(images.narrow(0, alone, batch - alone), threads, to + alone * each);
    return result;
}

void ProcessorNetwork::logitsInto(const Tensor& images, int threads, float* to) const {
    const Tensor logits = decode(encode(images, threads), threads);
    std::copy_n(in(logits), logits.numel(), to);
}

std::vector<Tensor> ProcessorNetwork::encode(const Tensor& imagesIn, int threads) const {
    const Tensor images = imagesIn.contiguous();
    Tensor x = embed(m_parts, images, threads);
    std::vector<Tensor> features;
    if (!m_parts.stageOutputs)
        features.push_back(x);
    for (const Stage& stage : m_parts.stages) {
        if (!stage.blocks.empty()) {
            Workspace space(x.numel() / x.size(3), stage.blocks.front());
            // The stage's input stays as it is: it feeds the decoder too.
            Tensor result = at::empty_like(x);
            for (const Block& block : stage.blocks) {
                runBlock(block, x, result, space, threads);
                x = result;
            }
        }
        if (m_parts.stageOutputs)
            features.push_back(x);
        if (!stage.merge.empty()) {
            x = mergePatches(stage.merge.front(), x, threads);
            if (!m_parts.stageOutputs)
                features.push_back(x);
        }
    }
    return features;
}

} // namespace limn
