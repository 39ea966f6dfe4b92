// SPDX-License-Identifier: GPL-3.0-or-later
// How the kernels' work is cut into blocks, for the kernels and for their host versions: no CUDA header is
// needed. The functions of kernels.h that only count (planScan, scanBackwardSizes, depthwisePartials,
// normPartials) stand in scan_plan.cpp. Pure.
#pragma once

#include "inference/cuda/scan_math.h"

#include <cstdint>

namespace limn::gpu {

struct ScanProblem;
struct ScanPlan;

// Whether every offset within one image's u and projected rows fits 32 bits: the kernels' limit (some 8
// million pixels of a stage), beyond which the launchers refuse.
bool offsetsFit(const ScanProblem& problem);

inline constexpr int kRowChannels = 64; // channels of a block of the forward kernel that walks whole rows
// A block of the one that cuts rows into pieces: warps across have other channels of the same pieces, those
// along other pieces; a warp has 32 / lanePieces channels of lanePieces pieces.
struct PieceShape {
    int across;
    int along;
    int lanePieces;

    constexpr int warps() const { return across * along; }
    constexpr int threads() const { return warps() * 32; }
    constexpr int pieces() const { return along * lanePieces; }
    constexpr int channels() const { return across * 32 / lanePieces; }
    // Of a block, for elements of elementBytes bytes and a padded rank: what is staged of a piece, what each
    // lane has of its steps, and what goes from piece to piece and from block to block.
    constexpr std::int64_t sharedBytes(int elementBytes, int rank) const;
};
// The network's channels, and so the sizes of grids, are 3 times a power of two, and so nearly are the
// multiprocessors of large GPUs: with three warps across, one block each keeps nearly all of them busy. Which
// lanePieces: as few as the size of clusters allows, since lanes of other pieces read other words. Of the
// last shape two blocks fit on a multiprocessor, which helps where clusters have to be large.
inline constexpr PieceShape kPieceShapes[] = {{3, 4, 1}, {3, 4, 2}, {3, 4, 4}, {1, 8, 1}};
inline constexpr int kPieceShapeCount = 4;
inline constexpr int kPairedShape = 3;  // the last
inline constexpr int kPiecePadding = 4; // floats after what is staged of a piece: a warp's lie on other banks

constexpr std::int64_t PieceShape::sharedBytes(int elementBytes, int rank) const {
    const std::int64_t dt = kTileSteps * rank + kPiecePadding;
    const std::int64_t states = kStates * channels();
    const std::int64_t staged = (dt > states ? dt : states) + kTileSteps * (2 * kStates + 1) + kPiecePadding;
    const std::int64_t ofLanes = std::int64_t{kTileSteps} * threads() * (4 + elementBytes);
    return (pieces() * staged + channels() * 2 * (pieces() + 1) + 3 * states) * 4 + ofLanes;
}
// Whether the kernels can run by a plan; keepStates: also keep the states at every 32nd step.
bool isPossible(const ScanPlan& plan, bool keepStates);
inline constexpr int kPieceGroup = 4; // steps of a piece that are computed together
// Of a row's first four decays in a piece, from the multiply-add pipes: pieces are read twice, and the
// exponential unit is what limits them.
inline constexpr int kPolynomialDecays = 1;
inline constexpr int kMaxClusterBlocks = 8;  // most blocks that share a row (a cluster that every GPU allows)
inline constexpr int kBackwardChannels = 64; // of the backward kernel: 128 threads, two channels each
inline constexpr int kMaxRank = 48;          // largest rank that the kernels are compiled for
// The kernels are compiled for the ranks of the network's stages (6, 12, 24, 48) rounded up to a multiple of
// 4; others are padded with zeros to the next of them.
constexpr int paddedRank(int rank) {
    return rank <= 8 ? 8 : rank <= 12 ? 12 : rank <= 24 ? 24 : kMaxRank;
}
inline constexpr int kPartialSums = 18; // per channel: gradients of A (16), of D, of the bias

// Of the kernels around the scan.
inline constexpr int kThreads = 128;
inline constexpr int kStrip = 8; // pixels of a row that one thread of the depthwise kernels makes
inline constexpr int kMaxPartialWarps = 4096;
inline constexpr int kMaxNormChannels = 1536;
inline constexpr float kNormEpsilon = 1e-5f; // of every LayerNorm of the released network

} // namespace limn::gpu
