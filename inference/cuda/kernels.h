// SPDX-License-Identifier: GPL-3.0-or-later
// Launchers of the CUDA kernels as plain functions over device pointers: no LibTorch, no CUDA header needed
// here. All arrays lie in device memory; a stream is a cudaStream_t. Each launcher returns 0 or the
// cudaError_t of its launch, so that the caller can fall back to the processor. Results are the same from run
// to run.
#pragma once

#include <cstdint>

namespace limn::gpu {

using Stream = void*;

// Float16: results beyond its range become its largest number, 65504.
enum class Element { Float32, BFloat16, Float16 };

struct ScanProblem {
    int batch = 1;
    int height = 1;
    int width = 1;
    int channels = 1;
    int rank = 1;       // <= 48
    int rankStride = 1; // elements between a slice's dt part and its B part
    int directions = 4;
    Element element = Element::Float32; // of u and y

    const void* u = nullptr;          // [batch][length][channels]
    const float* projected = nullptr; // [batch][length][directions][rankStride + 32]
    const float* dtWeight = nullptr;  // [directions][channels][rank]
    const float* dtBias = nullptr;    // [directions][channels]
    const float* a = nullptr;         // [directions][channels][16], none above 0
    const float* d = nullptr;         // [directions][channels]
};

// What matters about a GPU for cutting the work.
struct GpuShape {
    int multiprocessors = 1;
    bool clusters = false; // blocks of a cluster read each other's shared memory (compute capability 9.0)
    int sharedBytes = 48 * 1024; // most that a block can have
    // Clusters of 1, 2, 4 and 8 blocks that run at once when a block fills a multiprocessor, and when two do.
    // A cluster lies within one of the parts that a GPU's multiprocessors come in, and these are not all of
    // one size.
    int activeClusters[4] = {1, 0, 0, 0};
    int activePairs[4] = {2, 0, 0, 0};
};

// Fills activeClusters and activePairs for the current device. Returns 0 or an error code.
int countActiveClusters(GpuShape& gpu);

// Where there are too few rows (batch x directions x channels) to keep a GPU busy, a row is cut into pieces,
// which are computed at the same time by the warps of `clusterBlocks` blocks.
struct ScanPlan {
    int clusterBlocks = 0;        // 0: rows are not cut
    int pieceShape = 0;           // of kPieceShapes (scan_plan.h)
    int pieceSteps = 0;           // of a piece: at most 32
    std::int64_t savedFloats = 0; // of `saved` below
};
// keepStates: the plan is for a run with `saved`.
ScanPlan planScan(const ScanProblem& problem, const GpuShape& gpu, bool keepStates);

// y: [directions][batch][length][channels], one part per direction (normGateForward sums them).
// saved: null, or the states at every 32nd step for the backward run.
int scanForward(const ScanProblem& problem, const ScanPlan& plan, void* y, float* saved, Stream stream);

struct ScanBackwardSizes {
    std::int64_t gradU = 0;            // floats: [directions][batch][length][channels]
    std::int64_t partialProjected = 0; // [channel blocks][batch][length][directions][rankStride + 32]
    std::int64_t partialSums = 0;      // [batch][directions][channels][18 + rank]
};
ScanBackwardSizes scanBackwardSizes(const ScanProblem& problem);

// Float32 only. dy: [batch][length][channels]. Writes gradU per direction (through this direction, D
// included); partialProjected: dL/dprojected, summed over blocks of 64 channels; partialSums, per image:
// dL/dA (16), dL/dD, dL/dbias and, `rank` values, dL/d(step weights).
int scanBackward(const ScanProblem& problem, const float* dy, const float* saved, float* gradU,
                 float* partialProjected, float* partialSums, Stream stream);

// Sums partialProjected over its blocks: gradProjected [batch][length][directions][rankStride + 32], zero in
// the columns between rank and rankStride.
int sumPartialProjected(const ScanProblem& problem, const float* partialProjected, float* gradProjected,
                        Stream stream);

// Depthwise 3x3, zero padding, bias, SiLU, channels-last. `channels` and strides are even. x has `xStride`
// elements a row.
int depthwiseSiluForward(Element element, int batch, int height, int width, int channels, const void* x,
                         std::int64_t xStride, const float* weight, const float* bias, void* out,
                         Stream stream);
// gradOut: [parts][batch][length][channels], 1 or 4 parts, of which the sum is meant; gradPre: scratch
// [batch][length][channels], which may be a part of gradOut; partial: [depthwisePartials()][channels][10] (9
// weights, bias).
int depthwisePartials(int batch, int height);
int depthwiseSiluBackward(int batch, int height, int width, int channels, const float* x,
                          std::int64_t xStride, const float* weight, const float* bias, const float* gradOut,
                          int parts, float* gradPre, float* gradX, std::int64_t gradXStride, float* partial,
                          Stream stream);

// LayerNorm (epsilon 1e-5) of the sum of `parts` arrays, times SiLU(z).
//   y: [parts][rows][channels], 1 or 4 parts, channels even; z: rows of zStride elements; sum (may be null):
//   the summed y as float
int normGateForward(Element element, std::int64_t rows, int channels, int parts, const void* y, const void* z,
                    std::int64_t zStride, const float* weight, const float* bias, void* out, float* sum,
                    Stream stream);
// out: what the forward run gave, once more. partial: [normPartials()][channels][2] (weight, bias). channels
// and strides even.
int normPartials(std::int64_t rows);
int normGateBackward(std::int64_t rows, int channels, const float* y, const float* z, std::int64_t zStride,
                     const float* weight, const float* bias, const float* gradOut, float* out, float* gradY,
                     float* gradZ, std::int64_t gradZStride, float* partial, Stream stream);

// LayerNorm (epsilon 1e-5) of rows of even `channels`. The backward run finds mean and variance again.
//   partial: [normPartials()][channels][2] (weight, bias)
int layerNormForward(std::int64_t rows, int channels, const float* x, const float* weight, const float* bias,
                     float* out, Stream stream);
int layerNormBackward(std::int64_t rows, int channels, const float* x, const float* weight,
                      const float* gradOut, float* gradX, float* partial, Stream stream);

} // namespace limn::gpu
