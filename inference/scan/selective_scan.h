// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan over an image in four directions (SS2D's core), as plain arrays: forward and backward on
// the processor. The same layouts are used by the CUDA kernels. No LibTorch here.
//
// For direction k, channel d and step t along the direction's path (network.md, section 3; Gu and Dao 2023,
// eq. 2):
//     delta[t] = softplus(bias[k][d] + sum_r W[k][d][r] * dt[t][k][r])
//     h[n]    <- exp(delta[t] * A[k][d][n]) * h[n] + delta[t] * u[t][d] * B[t][k][n]      (h starts at 0)
//     y[t][d] += sum_n C[t][k][n] * h[n] + D[k][d] * u[t][d]                              (summed over k)
// Paths: k = 0 raster order (rows left to right, top to bottom); 1 columns (top to bottom, left to right);
// 2 the reverse of 0; 3 the reverse of 1. All arrays stay in raster order: nothing is flipped or transposed.
//
// Threads: functions are pure and reentrant; they use at most the given number of threads, and give the same
// bits for any number of threads and any split of a batch.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limn {

inline constexpr int kScanStates = 16; // states per channel; fewer are made by zero B and C

struct ScanShape {
    std::int64_t batch = 1;
    std::int64_t height = 1;
    std::int64_t width = 1;
    std::int64_t channels = 1;   // d
    std::int64_t rank = 1;       // r of the step projection
    std::int64_t rankStride = 1; // >= rank: floats between the start of a row's dt part and its B part
    std::int64_t directions = 4; // 1: path 0 alone; 2: paths 0 and 1; 4: all

    std::int64_t length() const { return height * width; }
    // Width of one direction's slice of `projected`: [dt (rankStride) | B (16) | C (16)].
    std::int64_t sliceWidth() const { return rankStride + 2 * kScanStates; }
    std::int64_t projectedWidth() const { return directions * sliceWidth(); }
};

struct ScanInputs {
    const float* u = nullptr;         // [batch][length][channels]
    const float* projected = nullptr; // [batch][length][directions][sliceWidth]
    const float* dtWeight = nullptr;  // [directions][channels][rank]
    const float* dtBias = nullptr;    // [directions][channels]
    const float* a = nullptr;         // [directions][channels][16], negative rates
    const float* d = nullptr;         // [directions][channels]
};

// Every array is overwritten (not added to). `projected` padding between rank and rankStride gets 0.
struct ScanGradients {
    float* u = nullptr;
    float* projected = nullptr;
    float* dtWeight = nullptr;
    float* dtBias = nullptr;
    float* a = nullptr;
    float* d = nullptr;
};

// Magnitudes beyond 1e12 (u, d, steps), 1e9 (B, C), 1e15 (step features, their weights and bias), 1e18
// (rates) and 1e6 (dy) count as these, and rates above 0 as 0; so do, in the backward run, products of three
// of them beyond 1e18. y and all gradients are finite for any finite input, of up to a million steps.

// Floats in `borders`: the states before every 32nd step, [batch][directions][tiles][16][channels], about
// twice the size of u in four directions.
std::int64_t scanBorderCount(const ScanShape& shape);

// y: [batch][length][channels], overwritten. threads <= 0: as many as there are cores. `borders`, where
// given, is filled for a backward run with the same inputs.
void selectiveScanForwardCpu(const ScanShape& shape, const ScanInputs& inputs, float* y, int threads,
                             float* borders = nullptr);

// Gradients of sum(y * dy). States are recomputed: from the forward run's `borders`, or without them (a third
// slower, same bits) from the beginning.
void selectiveScanBackwardCpu(const ScanShape& shape, const ScanInputs& inputs, const float* dy,
                              const ScanGradients& gradients, int threads, const float* borders = nullptr);

// The definition: one step after the other in double precision, one thread. For tests and as the baseline
// that the speed of the others is measured against.
void selectiveScanForwardReference(const ScanShape& shape, const ScanInputs& inputs, float* y);

// Depthwise 3x3 convolution (zero padding 1) with bias, then SiLU, on channels-last rows.
//     x: [batch][length][xStride], of which the first `channels` columns are read; weight: [channels][9];
//     bias: [channels] out: [batch][length][channels]
void depthwiseSiluForwardCpu(std::int64_t batch, std::int64_t height, std::int64_t width,
                             std::int64_t channels, const float* x, std::int64_t xStride, const float* weight,
                             const float* bias, float* out, int threads);
// dx has the stride xStride too (other columns untouched); dWeight, dBias are overwritten.
void depthwiseSiluBackwardCpu(std::int64_t batch, std::int64_t height, std::int64_t width,
                              std::int64_t channels, const float* x, std::int64_t xStride,
                              const float* weight, const float* bias, const float* dOut, float* dx,
                              float* dWeight, float* dBias, int threads);

// LayerNorm over the channels of y (epsilon 1e-5), times SiLU(z):
//     y: [rows][channels]; z: [rows][zStride], first `channels` columns; out: [rows][channels]
void normGateForwardCpu(std::int64_t rows, std::int64_t channels, const float* y, const float* z,
                        std::int64_t zStride, const float* weight, const float* bias, float* out,
                        int threads);
// dz has the stride zStride (other columns untouched).
void normGateBackwardCpu(std::int64_t rows, std::int64_t channels, const float* y, const float* z,
                         std::int64_t zStride, const float* weight, const float* bias, const float* dOut,
                         float* dy, float* dz, float* dWeight, float* dBias, int threads);

// Names the instruction set that run-time dispatch chose: "AVX2", "AVX3", "SSE4", ...
const char* scanInstructionSet();

} // namespace limn
