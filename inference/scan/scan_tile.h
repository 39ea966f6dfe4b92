// SPDX-License-Identifier: GPL-3.0-or-later
// Scratch memory of the scan: what a thread keeps of one group of channels, one direction and one tile of
// steps while it works on them. Plain C++, no vector types, internal to the scan. Threads keep it for their
// next calls too: with many threads, fresh memory from the system costs more than the work in it.
#pragma once

#include "inference/scan/selective_scan.h"
#include "inference/scan/thread_pool.h"

#include <algorithm>

#include "hwy/aligned_allocator.h"

namespace limn::scan {

// Steps that are worked on together: their decays and states stay in the first-level cache.
inline constexpr int kTile = 32;
// States that are worked on together: they stay in registers.
inline constexpr int kStateBlock = 4;
// Widest vector, in floats; groups of channels are multiples of it.
inline constexpr int kMostLanes = 16;

// Inputs beyond these magnitudes count as these magnitudes, so that no product or sum of the forward scan can
// overflow, and therefore never becomes NaN: 16 states x 10^6 steps x 10^12 (step x input) x 10^9 (B) x 10^9
// (C) stays below the largest float. Trained networks are many orders of magnitude away.
inline constexpr float kMostStepInput = 1e15f;  // step features, their weights and bias
inline constexpr float kMostStep = 1e12f;       // a step after softplus
inline constexpr float kMostValue = 1e12f;      // u, D, dy, step x u
inline constexpr float kMostCoefficient = 1e9f; // B, C
inline constexpr float kMostRate = 1e18f;       // -A
// For the backward scan, of which more inputs are factors. With the same bounds: dy x C summed over the steps
// and times step x u over all channels (dB), and dy x state over all channels (dC) stay below 1e38; so do the
// limited products below times a step (dA), times 16 rates (a step's gradient) and times u, and the limited
// gradient of softplus's argument times a feature over all steps (dW).
inline constexpr float kMostOutputGradient = 1e6f; // dy
inline constexpr float kMostProduct = 1e18f;       // exp(delta A) dh h, and sum_n B dh
inline constexpr float kMostArgumentGradient = 1e15f;

// Where the pixels of steps [first, first + count) of a direction's path lie, if the image's rows lie `pitch`
// pixels apart.
inline void pathPlaces(const ScanShape& shape, int direction, std::int64_t first, int count,
                       std::int64_t pitch, std::int64_t* places) {
    const std::int64_t last = shape.length() - 1;
    const bool backwards = direction >= 2;
    const bool alongRows = direction % 2 == 0;
    const std::int64_t start = backwards ? last - first : first;
    const std::int64_t side = alongRows ? shape.width : shape.height;
    const std::int64_t step = (alongRows ? 1 : pitch) * (backwards ? -1 : 1);
    const std::int64_t turn = (alongRows ? pitch : 1) * (backwards ? -1 : 1) - (side - 1) * step;
    const std::int64_t line = start / side;
    const std::int64_t along = start % side;
    std::int64_t place = alongRows ? line * pitch + along : along * pitch + line;
    std::int64_t left = backwards ? along : side - 1 - along; // steps before the path turns
    for (int i = 0; i < count; ++i) {
        places[i] = place;
        if (left-- == 0) {
            place += turn;
            left = side - 1;
        } else {
            place += step;
        }
    }
}

inline std::int64_t tileCount(const ScanShape& shape) {
    return (shape.length() + kTile - 1) / kTile;
}

// Where the states before a tile lie in `borders`: [16][channels].
inline std::int64_t borderOffset(const ScanShape& shape, std::int64_t batchItem, int direction,
                                 std::int64_t tile) {
    return ((batchItem * shape.directions + direction) * tileCount(shape) + tile) * kScanStates *
           shape.channels;
}

// Directions [first, end) of a unit of work.
struct Directions {
    int first = 0;
    int end = 0;
};

// Adds `count` floats of each of `sources` arrays, `stride` apart, to `to`, in order.
inline void addInOrder(float* to, const float* from, std::int64_t sources, std::int64_t stride,
                       std::int64_t first, std::int64_t count) {
    for (std::int64_t s = 0; s < sources; ++s) {
        const float* source = from + s * stride + first;
        for (std::int64_t i = 0; i < count; ++i)
            to[first + i] += source[i];
    }
}

// The same over `size` floats of the whole, shared out among the threads.
inline void addAllInOrder(int threads, float* to, const float* from, std::int64_t sources,
                          std::int64_t size) {
    constexpr std::int64_t kPiece = 1 << 15;
    runParallel(threads, (size + kPiece - 1) / kPiece, [&](std::int64_t piece, int) {
        const std::int64_t first = piece * kPiece;
        addInOrder(to, from, sources, size, first, std::min(kPiece, size - first));
    });
}

// Floats of an array per step of a tile. The few beyond the steps keep such arrays, one after the other, from
// lying a multiple of 4096 bytes apart: there a load waits for a store to the other array, and the
// first-level cache holds no more than eight.
template<int kGroup>
inline constexpr int kTileFloats = kTile* kGroup + kMostLanes;

// A group of kGroup channels (the last ones of an incomplete group are 0) in one direction.
template<int kGroup>
struct StagedGroup {
    // Makes room for a call's shape.
    void fit(const ScanShape& shape) {
        paddedRank = static_cast<int>((std::max<std::int64_t>(shape.rank, 1) + kMostLanes - 1) / kMostLanes *
                                      kMostLanes);
        if (paddedRank > m_roomForRank) {
            weight = hwy::AllocateAligned<float>(static_cast<std::size_t>(paddedRank) * kGroup);
            features = hwy::AllocateAligned<float>(static_cast<std::size_t>(paddedRank) * kTile);
            m_roomForRank = paddedRank;
        }
        std::fill_n(features.get(), static_cast<std::size_t>(paddedRank) * kTile, 0.0f);
    }

    std::int64_t batchItem = 0;
    std::int64_t firstChannel = 0;
    int channels = 0; // of the group's kGroup, those that exist
    int direction = 0;
    int paddedRank = 0;

    // Per channel.
    hwy::AlignedFreeUniquePtr<float[]> weight;     // [paddedRank][kGroup]
    alignas(64) float rates[kScanStates * kGroup]; // [16][kGroup], A / ln 2
    alignas(64) float bias[kGroup];
    alignas(64) float skip[kGroup]; // D

    // u of the group's image and first channel, whose pixels lie uStride floats apart and its rows `pitch`
    // pixels. Where u is not the caller's, but a copy that stays in the caches, nothing is asked for in time.
    const float* uSource = nullptr;
    std::int64_t uStride = 0;
    std::int64_t pitch = 0;
    bool uIsNear = false;

    // Per step of the tile.
    int steps = 0;
    int nextSteps = 0; // of the next tile, which is worked on after this one
    // The raster rows of this tile's steps, and from kTile on those of the next tile.
    std::int64_t rows[2 * kTile];
    std::int64_t places[kTile];                  // of this tile's steps in uSource
    hwy::AlignedFreeUniquePtr<float[]> features; // [kTile][paddedRank]: the dt part of `projected`
    alignas(64) float coefficients[kTile * 2 * kScanStates]; // [kTile][B | C]
    alignas(64) float u[kTileFloats<kGroup>];
    alignas(64) float step[kTileFloats<kGroup>];
    alignas(64) float stepInput[kTileFloats<kGroup>]; // step * u
    alignas(64) float decays[kTile * kStateBlock * kMostLanes];

private:
    int m_roomForRank = 0;
};

} // namespace limn::scan
