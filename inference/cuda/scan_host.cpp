// SPDX-License-Identifier: GPL-3.0-or-later
// A kernel's block becomes a call here, its threads become loops over channels and quads, its shared memory a
// struct, and its shuffles sums in the order that the shuffles make.
#include "inference/cuda/scan_host.h"

#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace limn::gpu {

namespace {

constexpr int kAccepted = 0;
constexpr int kInvalidValue = 1;  // cudaErrorInvalidValue
constexpr int kWarpChannels = 16; // of the backward kernel
constexpr int kGroups = kTileSteps / kReverseSteps;

bool empty(const ScanProblem& p) {
    return p.batch <= 0 || p.height <= 0 || p.width <= 0 || p.channels <= 0;
}

bool refused(const ScanProblem& p) {
    return p.rank > kMaxRank || p.element != Element::Float32 || !offsetsFit(p);
}

using Four = float[kQuadStates];

void copyFour(const float* from, Four& to) {
    std::copy_n(from, kQuadStates, to);
}

// One path of one image, as a block sees it.
struct Row {
    Row(const ScanProblem& problem, int imageIndex, int pathIndex)
        : p(problem)
        , image(imageIndex)
        , path(pathIndex)
        , length(problem.height * problem.width)
        , tiles((length + kTileSteps - 1) / kTileSteps)
        , rank(paddedRank(problem.rank))
        , projectedWidth(static_cast<std::int64_t>(problem.directions) * (problem.rankStride + 2 * kStates))
        , imagePath(static_cast<std::int64_t>(imageIndex) * problem.directions + pathIndex)
        , pathRows((static_cast<std::int64_t>(pathIndex) * problem.batch + imageIndex) * length)
        , u(static_cast<const float*>(problem.u) +
            static_cast<std::int64_t>(imageIndex) * length * problem.channels)
        , projected(problem.projected + static_cast<std::int64_t>(imageIndex) * length * projectedWidth +
                    static_cast<std::int64_t>(pathIndex) * (problem.rankStride + 2 * kStates)) {}

    // Of the parameters' rows.
    std::int64_t channelIndex(int channel) const {
        return static_cast<std::int64_t>(path) * p.channels + channel;
    }
    std::int64_t savedIndex(int tile, int channel, int quad) const {
        return ((imagePath * tiles + tile) * p.channels + channel) * kStates + quad * kQuadStates;
    }

    const ScanProblem& p;
    int image;
    int path;
    int length;
    int tiles;
    int rank; // padded
    std::int64_t projectedWidth;
    std::int64_t imagePath;
    std::int64_t pathRows; // rows of the arrays that have a part per direction, before this path's
    const float* u;
    const float* projected;
};

// What a block stages in shared memory.
template<int kChannels>
struct Tile {
    float projected[kTileSteps][kMaxRank + 2 * kStates]; // dt padded to Row::rank, then 16 of B, 16 of C
    float delta[kTileSteps][kChannels];
    float deltaU[kTileSteps][kChannels];
    float u[kTileSteps][kChannels];
    int row[kTileSteps];

    void quadB(const Row& from, int step, int quad, Four& b) const {
        copyFour(projected[step] + from.rank + quad * kQuadStates, b);
    }
    void quadC(const Row& from, int step, int quad, Four& c) const {
        copyFour(projected[step] + from.rank + kStates + quad * kQuadStates, c);
    }

    // Steps from `begin` up to 32 or to `end`. Those past the end change nothing: a decay of 1 and nothing
    // added.
    void load(const Row& from, int firstChannel, int begin, int end) {
        const ScanProblem& p = from.p;
        for (int step = 0; step < kTileSteps; ++step) {
            const int t = begin + step;
            const bool inside = t < end;
            row[step] = rasterRow(from.path, inside ? t : end - 1, p.height, p.width);
            const float* source = from.projected + row[step] * from.projectedWidth;
            for (int column = 0; column < from.rank + 2 * kStates; ++column) {
                const bool isStep = column < from.rank;
                const bool exists = inside && (!isStep || column < p.rank);
                const float value =
                    exists ? source[isStep ? column : column - from.rank + p.rankStride] : 0.0f;
                projected[step][column] = isStep ? value : clampInput(value);
            }
            for (int local = 0; local < kChannels; ++local) {
                const int channel = firstChannel + local;
                const bool valid = inside && channel < p.channels;
                delta[step][local] = deltaU[step][local] = u[step][local] = 0.0f;
                if (!valid)
                    continue;
                const std::int64_t index = from.channelIndex(channel);
                float raw = p.dtBias[index];
                for (int r = 0; r < p.rank; ++r)
                    raw += p.dtWeight[index * p.rank + r] * projected[step][r];
                const float uValue = from.u[static_cast<std::int64_t>(row[step]) * p.channels + channel];
                delta[step][local] = softplus(raw);
                deltaU[step][local] = clampInput(delta[step][local] * uValue);
                u[step][local] = uValue;
            }
        }
    }
};

// What one run over a row brings; some channels side by side, as many as a warp has lanes.
constexpr int kForwardChannels = 32;
using ForwardTile = Tile<kForwardChannels>;
using RowStates = std::array<std::array<float, kStates>, kForwardChannels>;
using RowSizes = std::array<float, kForwardChannels>;

struct ForwardBlock {
    ForwardBlock(const Row& ofRow, int first, float* yArray, float* savedArray, ForwardTile& scratch)
        : row(ofRow)
        , firstChannel(first)
        , channels(std::min(kForwardChannels, ofRow.p.channels - first))
        , y(yArray)
        , saved(savedArray)
        , tile(scratch) {
        for (int local = 0; local < channels; ++local)
            for (int n = 0; n < kStates; ++n)
                a2[local][n] = row.p.a[row.channelIndex(first + local) * kStates + n] * kLog2E;
    }

    // Up to 32 steps. kOutput: also y; else only the states and the sum of the steps' sizes.
    // kPolynomial: of the first four states' decays (see kPolynomialDecays).
    template<bool kOutput, int kPolynomial>
    void walk(int begin, int end, RowStates& states, RowSizes& deltaSum) const {
        tile.load(row, firstChannel, begin, end);
        for (int local = 0; local < channels; ++local) {
            const int channel = firstChannel + local;
            const float skip = row.p.d[row.channelIndex(channel)];
            for (int step = 0; step < end - begin; ++step) {
                const float delta = tile.delta[step][local];
                const float deltaU = tile.deltaU[step][local];
                float part[kQuads];
                for (int vector = 0; vector < kQuads; ++vector) {
                    Four h;
                    Four rates;
                    Four b;
                    Four c;
                    copyFour(states[local].data() + vector * kQuadStates, h);
                    copyFour(a2[local].data() + vector * kQuadStates, rates);
                    tile.quadB(row, step, vector, b);
                    tile.quadC(row, step, vector, c);
                    part[vector] = vector == 0 ? stepStates<kPolynomial>(h, rates, delta, deltaU, b, c)
                                               : stepStates<0>(h, rates, delta, deltaU, b, c);
                    std::copy_n(h, kQuadStates, states[local].data() + vector * kQuadStates);
                }
                deltaSum[local] += delta;
                if constexpr (kOutput)
                    y[(row.pathRows + tile.row[step]) * row.p.channels + channel] =
                        ((part[0] + part[1]) + (part[2] + part[3])) + skip * tile.u[step][local];
            }
        }
    }

    void save(int begin, const RowStates& states) const {
        if (saved == nullptr)
            return;
        for (int local = 0; local < channels; ++local)
            std::copy_n(states[local].data(), kStates,
                        saved + row.savedIndex(begin / kTileSteps, firstChannel + local, 0));
    }

    // states <- the states after steps of size sum `delta` that end with `end` when they begin with zero.
    void pass(const RowSizes& delta, const RowStates& end, RowStates& states) const {
        for (int local = 0; local < channels; ++local)
            for (int n = 0; n < kStates; ++n)
                states[local][n] = exp2Unit(delta[local] * a2[local][n]) * states[local][n] + end[local][n];
    }

    const Row& row;
    int firstChannel;
    int channels;
    float* y;
    float* saved;
    ForwardTile& tile;
    RowStates a2;
};

// scanRowsKernel
void walkRow(const ForwardBlock& block) {
    RowStates states = {};
    RowSizes unused = {};
    for (int begin = 0; begin < block.row.length; begin += kTileSteps) {
        block.save(begin, states);
        block.walk<true, 0>(begin, std::min(begin + kTileSteps, block.row.length), states, unused);
    }
}

// scanPiecesKernel, all blocks of a cluster
void walkPieces(const ForwardBlock& block, const ScanPlan& plan) {
    struct Piece {
        RowStates before; // from the state before its block
        RowSizes delta;
        RowSizes deltaBefore; // in its block
    };
    const int length = block.row.length;
    const int blockPieces = kPieceShapes[plan.pieceShape].pieces();
    const int blockSteps = blockPieces * plan.pieceSteps;
    RowStates rowState = {};
    const auto at = [](int index) { return static_cast<std::size_t>(index); };
    std::vector<Piece> pieces(at(plan.clusterBlocks * blockPieces));
    std::vector<RowStates> starts(at(plan.clusterBlocks));
    for (int round = 0; round < length; round += plan.clusterBlocks * blockSteps) {
        const auto beginOf = [&](int which, int number) {
            return std::min(round + which * blockSteps + number * plan.pieceSteps, length);
        };
        const auto endOf = [&](int begin) { return std::min(begin + plan.pieceSteps, length); };
        for (int which = 0; which < plan.clusterBlocks; ++which) {
            RowStates ofBlock = {};
            RowSizes blockDelta = {};
            for (int number = 0; number < blockPieces; ++number) {
                Piece& piece = pieces[at(which * blockPieces + number)];
                RowStates end = {};
                piece.delta = {};
                const int begin = beginOf(which, number);
                if (begin < length)
                    block.walk<false, kPolynomialDecays>(begin, endOf(begin), end, piece.delta);
                piece.before = ofBlock;
                piece.deltaBefore = blockDelta;
                block.pass(piece.delta, end, ofBlock);
                for (int local = 0; local < kForwardChannels; ++local)
                    blockDelta[local] += piece.delta[local];
            }
            starts[at(which)] = rowState;
            block.pass(blockDelta, ofBlock, rowState);
        }
        for (int which = 0; which < plan.clusterBlocks; ++which)
            for (int number = 0; number < blockPieces; ++number) {
                const Piece& piece = pieces[at(which * blockPieces + number)];
                const int begin = beginOf(which, number);
                if (begin >= length)
                    continue;
                RowStates states = starts[at(which)];
                block.pass(piece.deltaBefore, piece.before, states);
                block.save(begin, states);
                RowSizes unused = {};
                block.walk<true, kPolynomialDecays>(begin, endOf(begin), states, unused);
            }
    }
}

struct BackwardArrays {
    const float* dy;
    const float* saved;
    float* gradU;
    float* partialProjected;
    float* partialSums;

    // The part that a block of channels has for step `step` of its tile.
    float* projectedRow(const Row& row, int firstChannel, int rasterRowOfStep) const {
        const std::int64_t block = firstChannel / kBackwardChannels;
        return partialProjected +
               ((block * row.p.batch + row.image) * row.length + rasterRowOfStep) * row.projectedWidth +
               static_cast<std::int64_t>(row.path) * (row.p.rankStride + 2 * kStates);
    }
};

// What a block of the backward kernel holds in shared memory and in its threads' registers.
struct BackwardBlock {
    Tile<kBackwardChannels> tile;
    float dy[kTileSteps][kBackwardChannels];
    Four a2[kBackwardChannels][kQuads];
    Four gradA[kBackwardChannels][kQuads];
    Four carried[kBackwardChannels][kQuads];
    Four noted[kBackwardChannels][kQuads][kGroups]; // states before every 4th step of the tile
    float gradRaw[kTileSteps][kBackwardChannels];   // dL/d(step before softplus)
    float gradWeight[kBackwardChannels][kMaxRank];
    float gradSkip[kBackwardChannels][kQuads];
    float gradBias[kBackwardChannels][kQuads];
    float bc[kBackwardChannels / kPair][kReverseSteps][2 * kStates]; // of a thread's two channels

    void start(const Row& row, int firstChannel);
    void loadTile(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin);
    void noteStates(const Row& row, const BackwardArrays& arrays, int firstChannel, int tileIndex);
    void reverseGroup(const Row& row, const BackwardArrays& arrays, int channel, int local, int begin,
                      int group);
    void sumBc(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin, int group) const;
    void projectSteps(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin);
    void finish(const Row& row, const BackwardArrays& arrays, int firstChannel) const;
};

void BackwardBlock::start(const Row& row, int firstChannel) {
    for (int local = 0; local < kBackwardChannels; ++local)
        for (int quad = 0; quad < kQuads; ++quad) {
            const bool valid = firstChannel + local < row.p.channels;
            for (int n = 0; n < kQuadStates; ++n) {
                a2[local][quad][n] =
                    valid
                        ? row.p.a[row.channelIndex(firstChannel + local) * kStates + quad * kQuadStates + n] *
                              kLog2E
                        : 0.0f;
                gradA[local][quad][n] = carried[local][quad][n] = 0.0f;
            }
            gradSkip[local][quad] = gradBias[local][quad] = 0.0f;
        }
    for (auto& weights : gradWeight)
        std::fill(std::begin(weights), std::end(weights), 0.0f);
}

void BackwardBlock::loadTile(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin) {
    tile.load(row, firstChannel, begin, row.length);
    for (auto& steps : gradRaw)
        std::fill(std::begin(steps), std::end(steps), 0.0f);
    const float* source = arrays.dy + static_cast<std::int64_t>(row.image) * row.length * row.p.channels;
    for (int step = 0; step < kTileSteps; ++step)
        for (int local = 0; local < kBackwardChannels; ++local) {
            const bool inside = begin + step < row.length && firstChannel + local < row.p.channels;
            dy[step][local] = inside ? source[static_cast<std::int64_t>(tile.row[step]) * row.p.channels +
                                              firstChannel + local]
                                     : 0.0f;
        }
}

void BackwardBlock::noteStates(const Row& row, const BackwardArrays& arrays, int firstChannel,
                               int tileIndex) {
    for (int local = 0; local < kBackwardChannels; ++local)
        for (int quad = 0; quad < kQuads; ++quad) {
            Four h = {};
            if (firstChannel + local < row.p.channels)
                copyFour(arrays.saved + row.savedIndex(tileIndex, firstChannel + local, quad), h);
            for (int step = 0; step < kTileSteps; ++step) {
                if (step % kReverseSteps == 0)
                    copyFour(h, noted[local][quad][step / kReverseSteps]);
                Four b;
                tile.quadB(row, step, quad, b);
                for (int n = 0; n < kQuadStates; ++n)
                    h[n] = exp2Unit(tile.delta[step][local] * a2[local][quad][n]) * h[n] +
                           tile.deltaU[step][local] * b[n];
            }
        }
}

// The four threads of one channel over one group of steps.
void BackwardBlock::reverseGroup(const Row& row, const BackwardArrays& arrays, int channel, int local,
                                 int begin, int group) {
    const int first = group * kReverseSteps;
    ReverseSums sums[kQuads][kReverseSteps];
    for (int quad = 0; quad < kQuads; ++quad) {
        Four states[kReverseSteps + 1];
        Four decays[kReverseSteps];
        copyFour(noted[local][quad][group], states[0]);
        for (int j = 0; j < kReverseSteps; ++j) {
            Four b;
            tile.quadB(row, first + j, quad, b);
            for (int n = 0; n < kQuadStates; ++n) {
                decays[j][n] = exp2Unit(tile.delta[first + j][local] * a2[local][quad][n]);
                states[j + 1][n] = decays[j][n] * states[j][n] + tile.deltaU[first + j][local] * b[n];
            }
        }
        for (int j = kReverseSteps - 1; j >= 0; --j) {
            float* shared = bc[local / kPair][j] + quad * kQuadStates;
            Four b, c, gradB, gradC;
            tile.quadB(row, first + j, quad, b);
            tile.quadC(row, first + j, quad, c);
            copyFour(shared, gradB);
            copyFour(shared + kStates, gradC);
            const auto reverse = local % kPair == 0 ? reverseStates<false> : reverseStates<true>;
            sums[quad][j] = reverse(carried[local][quad], gradA[local][quad], gradB, gradC, states[j + 1],
                                    states[j], decays[j], a2[local][quad], b, c, tile.delta[first + j][local],
                                    tile.deltaU[first + j][local], dy[first + j][local]);
            std::copy_n(gradB, kQuadStates, shared);
            std::copy_n(gradC, kQuadStates, shared + kStates);
        }
    }
    if (channel >= row.p.channels)
        return;
    const float skip = row.p.d[row.channelIndex(channel)];
    // Thread q of the quad keeps step q.
    for (int quad = 0; quad < kQuads; ++quad) {
        const int step = first + quad;
        if (begin + step >= row.length)
            continue;
        const float ownDeltaU =
            (sums[0][quad].deltaU + sums[1][quad].deltaU) + (sums[2][quad].deltaU + sums[3][quad].deltaU);
        const float ownDelta =
            (sums[0][quad].delta + sums[1][quad].delta) + (sums[2][quad].delta + sums[3][quad].delta);
        const float delta = tile.delta[step][local];
        const float uValue = tile.u[step][local];
        const float raw = (ownDelta * kLn2 + uValue * ownDeltaU) * softplusSlope(delta);
        const std::int64_t index = (row.pathRows + tile.row[step]) * row.p.channels + channel;
        gradRaw[step][local] = raw;
        arrays.gradU[index] = delta * ownDeltaU + skip * dy[step][local];
        gradBias[local][quad] += raw;
        gradSkip[local][quad] += dy[step][local] * uValue;
    }
}

// A warp's eight pairs of channels follow one another, then the warps.
void BackwardBlock::sumBc(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin,
                          int group) const {
    constexpr int kWarpPairs = kWarpChannels / kPair;
    for (int j = 0; j < kReverseSteps; ++j) {
        const int step = group * kReverseSteps + j;
        if (begin + step >= row.length)
            break;
        float* target = arrays.projectedRow(row, firstChannel, tile.row[step]) + row.p.rankStride;
        for (int column = 0; column < 2 * kStates; ++column) {
            float sum = 0.0f;
            for (int warp = 0; warp < kBackwardChannels / kPair; warp += kWarpPairs) {
                float ofWarp = 0.0f;
                for (int pair = warp; pair < warp + kWarpPairs; ++pair)
                    ofWarp += bc[pair][j][column];
                sum += ofWarp;
            }
            target[column] = sum;
        }
    }
}

// The tile's dL/d(step before softplus) times the weights, and times dt.
void BackwardBlock::projectSteps(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin) {
    const int channels = std::min(kBackwardChannels, row.p.channels - firstChannel);
    for (int step = 0; step < kTileSteps && begin + step < row.length; ++step) {
        float* target = arrays.projectedRow(row, firstChannel, tile.row[step]);
        for (int r = 0; r < row.p.rank; ++r) {
            float sum = 0.0f;
            for (int local = 0; local < channels; ++local) {
                const float weight = row.p.dtWeight[row.channelIndex(firstChannel + local) * row.p.rank + r];
                sum += gradRaw[step][local] * weight;
                gradWeight[local][r] += gradRaw[step][local] * tile.projected[step][r];
            }
            target[r] = sum;
        }
    }
}

void BackwardBlock::finish(const Row& row, const BackwardArrays& arrays, int firstChannel) const {
    const int channels = std::min(kBackwardChannels, row.p.channels - firstChannel);
    for (int local = 0; local < channels; ++local) {
        float* target = arrays.partialSums +
                        (row.imagePath * row.p.channels + firstChannel + local) * (kPartialSums + row.p.rank);
        for (int quad = 0; quad < kQuads; ++quad)
            std::copy_n(gradA[local][quad], kQuadStates, target + quad * kQuadStates);
        const auto overQuad = [](const float(&part)[kQuads]) {
            return (part[0] + part[1]) + (part[2] + part[3]);
        };
        target[kStates] = overQuad(gradSkip[local]);
        target[kStates + 1] = overQuad(gradBias[local]);
        std::copy_n(gradWeight[local], row.p.rank, target + kPartialSums);
    }
}

} // namespace

int scanForwardHost(const ScanProblem& problem, const ScanPlan& plan, float* y, float* saved) {
    if (empty(problem))
        return kAccepted;
    if (refused(problem) || !isPossible(plan, saved != nullptr))
        return kInvalidValue;
    const auto tile = std::make_unique<ForwardTile>();
    for (int image = 0; image < problem.batch; ++image)
        for (int path = 0; path < problem.directions; ++path) {
            const Row row(problem, image, path);
            for (int first = 0; first < problem.channels; first += kForwardChannels) {
                const ForwardBlock block(row, first, y, saved, *tile);
                if (plan.clusterBlocks > 0)
                    walkPieces(block, plan);
                else
                    walkRow(block);
            }
        }
    return kAccepted;
}

int scanBackwardHost(const ScanProblem& problem, const float* dy, const float* saved, float* gradU,
                     float* partialProjected, float* partialSums) {
    if (empty(problem))
        return kAccepted;
    if (refused(problem))
        return kInvalidValue;
    const BackwardArrays arrays{dy, saved, gradU, partialProjected, partialSums};
    const auto block = std::make_unique<BackwardBlock>();
    for (int image = 0; image < problem.batch; ++image)
        for (int path = 0; path < problem.directions; ++path) {
            const Row row(problem, image, path);
            for (int first = 0; first < problem.channels; first += kBackwardChannels) {
                block->start(row, first);
                for (int tile = row.tiles - 1; tile >= 0; --tile) {
                    const int begin = tile * kTileSteps;
                    block->loadTile(row, arrays, first, begin);
                    block->noteStates(row, arrays, first, tile);
                    for (int group = kGroups - 1; group >= 0; --group) {
                        for (int local = 0; local < kBackwardChannels; ++local)
                            block->reverseGroup(row, arrays, first + local, local, begin, group);
                        block->sumBc(row, arrays, first, begin, group);
                    }
                    block->projectSteps(row, arrays, first, begin);
                }
                block->finish(row, arrays, first);
            }
        }
    return kAccepted;
}

int sumPartialProjectedHost(const ScanProblem& problem, const float* partialProjected, float* gradProjected) {
    if (empty(problem))
        return kAccepted;
    const std::int64_t slice = problem.rankStride + 2 * kStates;
    const std::int64_t count = static_cast<std::int64_t>(problem.batch) * problem.height * problem.width *
                               problem.directions * slice;
    const int blocks = (problem.channels + kBackwardChannels - 1) / kBackwardChannels;
    for (std::int64_t index = 0; index < count; ++index) {
        const std::int64_t column = index % slice;
        float sum = 0.0f;
        if (column < problem.rank || column >= problem.rankStride)
            for (int block = 0; block < blocks; ++block)
                sum += partialProjected[block * count + index];
        gradProjected[index] = sum;
    }
    return kAccepted;
}

} // namespace limn::gpu
