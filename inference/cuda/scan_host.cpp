// SPDX-License-Identifier: GPL-3.0-or-later
// A kernel's block becomes a call here, its threads become loops over channels and quads, its shared memory a
// struct, and its shuffles sums in the order that the shuffles make.
#include "inference/cuda/scan_host.h"

#include "inference/cuda/scan_math.h"
#include "inference/cuda/scan_plan.h"

#include <algorithm>
#include <memory>

namespace limn::gpu {

namespace {

constexpr int kAccepted = 0;
constexpr int kInvalidValue = 1;  // cudaErrorInvalidValue
constexpr int kWarpChannels = 16; // of the backward kernel
constexpr int kGroups = kTileSteps / kReverseSteps;

// The kernels are compiled for these ranks; smaller ones are padded with zeros.
int paddedRank(int rank) {
    for (const int compiled : {8, 12, 24})
        if (rank <= compiled)
            return compiled;
    return kMaxRank;
}

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

struct ForwardArrays {
    int chunks;
    int chunkSteps;
    float* y;
    float* saved;
    float* chunkState; // [batch][directions][chunks][channels][16]
    float* chunkDelta; // [batch][directions][chunks][channels]

    std::int64_t chunkIndex(const Row& row, int chunk, int channel) const {
        return (row.imagePath * chunks + chunk) * row.p.channels + channel;
    }
};

// kStatesOnly: the first of the two runs over a chunked row.
template<bool kStatesOnly>
void forwardBlock(const Row& row, const ForwardArrays& arrays, int firstChannel, int chunk,
                  Tile<kForwardChannels>& tile) {
    const ScanProblem& p = row.p;
    const int channels = std::min(kForwardChannels, p.channels - firstChannel);
    Four a2[kForwardChannels][kQuads];
    Four h[kForwardChannels][kQuads] = {};
    float deltaSum[kForwardChannels][kQuads] = {}; // each thread sums its own steps
    for (int local = 0; local < channels; ++local)
        for (int quad = 0; quad < kQuads; ++quad)
            for (int n = 0; n < kQuadStates; ++n) {
                const int state = quad * kQuadStates + n;
                a2[local][quad][n] = p.a[row.channelIndex(firstChannel + local) * kStates + state] * kLog2E;
                if constexpr (!kStatesOnly) {
                    float& value = h[local][quad][n];
                    for (int before = 0; before < chunk; ++before) {
                        const std::int64_t index = arrays.chunkIndex(row, before, firstChannel + local);
                        value = exp2Unit(arrays.chunkDelta[index] * a2[local][quad][n]) * value +
                                arrays.chunkState[index * kStates + state];
                    }
                }
            }

    const int begin = chunk * arrays.chunkSteps;
    const int end = std::min(row.length, begin + arrays.chunkSteps);
    for (int first = begin; first < end; first += kTileSteps) {
        tile.load(row, firstChannel, first, end);
        for (int local = 0; local < channels; ++local) {
            const int channel = firstChannel + local;
            if constexpr (!kStatesOnly) {
                if (arrays.saved != nullptr)
                    for (int quad = 0; quad < kQuads; ++quad)
                        std::copy_n(h[local][quad], kQuadStates,
                                    arrays.saved + row.savedIndex(first / kTileSteps, channel, quad));
            }
            for (int group = 0; group < kTileSteps; group += 4) {
                float part[kQuads][4];
                for (int quad = 0; quad < kQuads; ++quad)
                    for (int j = 0; j < 4; ++j) {
                        const int step = group + j;
                        const float delta = tile.delta[step][local];
                        const float deltaU = tile.deltaU[step][local];
                        Four& states = h[local][quad];
                        const Four& rates = a2[local][quad];
                        Four b;
                        tile.quadB(row, step, quad, b);
                        if constexpr (kStatesOnly) {
                            if (quad == j)
                                deltaSum[local][quad] += delta;
                            for (int n = 0; n < kQuadStates; ++n)
                                states[n] = exp2Unit(delta * rates[n]) * states[n] + deltaU * b[n];
                        } else {
                            Four c;
                            tile.quadC(row, step, quad, c);
                            part[quad][j] = stepStates(states, rates, delta, deltaU, b, c);
                        }
                    }
                if constexpr (!kStatesOnly) {
                    const float skip = p.d[row.channelIndex(channel)];
                    for (int j = 0; j < 4 && first + group + j < end; ++j) {
                        const int step = group + j;
                        const float own = (part[0][j] + part[1][j]) + (part[2][j] + part[3][j]);
                        arrays.y[(row.pathRows + tile.row[step]) * p.channels + channel] =
                            own + skip * tile.u[step][local];
                    }
                }
            }
        }
    }

    if constexpr (kStatesOnly) {
        for (int local = 0; local < channels; ++local) {
            const std::int64_t index = arrays.chunkIndex(row, chunk, firstChannel + local);
            for (int quad = 0; quad < kQuads; ++quad)
                std::copy_n(h[local][quad], kQuadStates,
                            arrays.chunkState + index * kStates + quad * kQuadStates);
            const float(&sums)[kQuads] = deltaSum[local];
            arrays.chunkDelta[index] = (sums[0] + sums[1]) + (sums[2] + sums[3]);
        }
    }
}

template<bool kStatesOnly>
void forwardRun(const ScanProblem& p, const ForwardArrays& arrays, Tile<kForwardChannels>& tile) {
    for (int image = 0; image < p.batch; ++image)
        for (int path = 0; path < p.directions; ++path) {
            const Row row(p, image, path);
            // Nobody asks what state the last chunk ends with.
            for (int chunk = 0; chunk < (kStatesOnly ? arrays.chunks - 1 : arrays.chunks); ++chunk)
                for (int first = 0; first < p.channels; first += kForwardChannels)
                    forwardBlock<kStatesOnly>(row, arrays, first, chunk, tile);
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

int scanForwardHost(const ScanProblem& problem, const ScanPlan& plan, float* y, float* saved,
                    float* scratch) {
    if (empty(problem))
        return kAccepted;
    if (refused(problem))
        return kInvalidValue;
    ForwardArrays arrays{plan.chunks, plan.chunkSteps, y, saved, nullptr, nullptr};
    const auto tile = std::make_unique<Tile<kForwardChannels>>();
    if (plan.chunks > 1) {
        arrays.chunkState = scratch;
        arrays.chunkDelta = scratch + static_cast<std::int64_t>(problem.batch) * problem.directions *
                                          problem.channels * plan.chunks * kStates;
        forwardRun<true>(problem, arrays, *tile);
    }
    forwardRun<false>(problem, arrays, *tile);
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
