// SPDX-License-Identifier: GPL-3.0-or-later
// How the kernels' work is cut into blocks, for the kernels and for their host versions: no CUDA header is
// needed. The functions of kernels.h that only count (planScan, scanBackwardSizes, depthwisePartials,
// normPartials) stand in scan_plan.cpp. Pure.
#pragma once

#include "inference/cuda/scan_math.h"

namespace limn::gpu {

struct ScanProblem;

// Whether every offset within one image's u and projected rows fits 32 bits: the kernels' limit (some 8
// million pixels of a stage), beyond which the launchers refuse.
bool offsetsFit(const ScanProblem& problem);

inline constexpr int kRowChannels = 64;   // channels of a block of the forward kernel that walks whole rows
inline constexpr int kPieceChannels = 32; // of a block of the one that cuts rows into pieces: a lane each
inline constexpr int kPieceWarps = 8;     // pieces that such a block computes at a time
inline constexpr int kPieceGroup = 4;     // steps of a piece that are computed together
// Of a row's first four decays in a piece, from the multiply-add pipes: pieces are read twice, and the
// exponential unit is what limits them.
inline constexpr int kPolynomialDecays = 1;
inline constexpr int kMaxClusterBlocks = 8;  // most blocks that share a row (a cluster that every GPU allows)
inline constexpr int kBackwardChannels = 64; // of the backward kernel: 128 threads, two channels each
inline constexpr int kMaxRank = 48;          // largest rank that the kernels are compiled for
inline constexpr int kPartialSums = 18;      // per channel: gradients of A (16), of D, of the bias

// Of the kernels around the scan.
inline constexpr int kThreads = 128;
inline constexpr int kStrip = 8; // pixels of a row that one thread of the depthwise kernels makes
inline constexpr int kMaxPartialWarps = 4096;
inline constexpr int kMaxNormChannels = 1536;
inline constexpr float kNormEpsilon = 1e-5f; // of every LayerNorm of the released network

} // namespace limn::gpu
