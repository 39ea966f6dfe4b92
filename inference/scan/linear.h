// SPDX-License-Identifier: GPL-3.0-or-later
// Products of channels-last rows with a weight matrix on the processor, with what stands before and after
// them in the network drawn in: LayerNorm, LayerNorm and gate, the addition of the block's input. No LibTorch
// here.
//
// Threads: pure and reentrant. Every sum goes over the inputs from the first to the last, so that the bits do
// not depend on the number of threads, the split of a batch or the rows beside a row.
#pragma once

#include "hwy/aligned_allocator.h"

#include <cstdint>
#include <functional>

namespace limn {

// A weight matrix [outputs][inputs] in the order that the product reads it: panels of 32 outputs,
// [panel][input][32], the last one padded with 0.
class PackedWeights {
public:
    static constexpr std::int64_t kPanel = 32;

    PackedWeights() = default;
    PackedWeights(const float* weight, std::int64_t outputs, std::int64_t inputs);

    std::int64_t outputs() const { return m_outputs; }
    std::int64_t inputs() const { return m_inputs; }
    std::int64_t panels() const { return (m_outputs + kPanel - 1) / kPanel; }
    const float* panel(std::int64_t index) const { return m_values.get() + index * m_inputs * kPanel; }

private:
    std::int64_t m_outputs = 0;
    std::int64_t m_inputs = 0;
    hwy::AlignedFreeUniquePtr<float[]> m_values;
};

struct LinearRows {
    std::int64_t rows = 0;
    // [rows][xStride], of which `inputs` columns are read; or null, and `make` makes them.
    const float* x = nullptr;
    std::int64_t xStride = 0;
    // Writes rows [first, last), `inputs` floats each, to `to`. Called on several threads, for a row perhaps
    // more than once.
    std::function<void(std::int64_t first, std::int64_t last, float* to)> make;
    const float* bias = nullptr; // [outputs]; may be null
    // [rows][outStride], added to the result, or multiplied with it; may be null, and may be `out`.
    const float* add = nullptr;
    const float* times = nullptr;
    float* out = nullptr; // [rows][outStride], the first `outputs` columns
    std::int64_t outStride = 0;
};

// out = (x W^T + bias + add) * times
void linearForwardCpu(const LinearRows& rows, const PackedWeights& weights, int threads);

// LayerNorm over the `channels` of each row (epsilon 1e-5), on the calling thread:
//     x: [rows][channels]; out: [rows][channels], may be x
void layerNormRows(std::int64_t rows, std::int64_t channels, const float* x, const float* weight,
                   const float* bias, float* out);

// LayerNorm of y times SiLU(z) for rows [first, last), on the calling thread:
//     y: [..][channels]; z: [..][zStride]; to: row `first` goes to its beginning
void normGateRowsInto(std::int64_t first, std::int64_t last, std::int64_t channels, const float* y,
                      const float* z, std::int64_t zStride, const float* weight, const float* bias,
                      float* to);

} // namespace limn
