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
constexpr int kInvalidValue = 1; // cudaErrorInvalidValue
constexpr int kWarpChannels = 8;
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
    return p.rank > kMaxRank || p.element != Element::Float32;
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
        , projected(static_cast<const float*>(problem.projected) +
                    static_cast<std::int64_t>(imageIndex) * length * projectedWidth +
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
    float deltaSum[kForwardChannels] = {};
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
                            if (quad == 0)
                                deltaSum[local] += delta;
                            for (int n = 0; n < kQuadStates; ++n)
                                states[n] = exp2Unit(delta * rates[n]) * states[n] + deltaU * b[n];
                        } else {
                            Four c;
                            tile.quadC(row, step, quad, c);
                            part[quad][j] = (j & 1) != 0
                                                ? stepStates<true>(states, rates, delta, deltaU, b, c)
                                                : stepStates<false>(states, rates, delta, deltaU, b, c);
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
            arrays.chunkDelta[index] = deltaSum[local];
        }
    }
}

template<bool kStatesOnly>
void forwardRun(const ScanProblem& p, const ForwardArrays& arrays, Tile<kForwardChannels>& tile) {
    for (int image = 0; image < p.batch; ++image)
        for (int path = 0; path < p.directions; ++path) {
            const Row row(p, image, path);
            for (int chunk = 0; chunk < arrays.chunks; ++chunk)
                for (int first = 0; first < p.channels; first += kForwardChannels)
                    forwardBlock<kStatesOnly>(row, arrays, first, chunk, tile);
        }
}

struct BackwardArrays {
    const float* dy;
    const float* saved;
    float* gradDt;
    float* gradU;
    float* partialBc;
    float* partialSums;
};

// What a block of the backward kernel holds in shared memory and in its threads' registers.
struct BackwardBlock {
    Tile<kBackwardChannels> tile;
    float dy[kTileSteps][kBackwardChannels];
    Four a[kBackwardChannels][kQuads];
    Four gradA[kBackwardChannels][kQuads];
    Four carried[kBackwardChannels][kQuads];
    Four noted[kBackwardChannels][kQuads][kGroups]; // states before every 8th step of the tile
    float gradSkip[kBackwardChannels][kQuads];
    float gradBias[kBackwardChannels][kQuads];
    float bc[kBackwardChannels][kReverseSteps][2 * kStates];

    void start(const Row& row, int firstChannel);
    void loadTile(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin);
    void noteStates(const Row& row, const BackwardArrays& arrays, int firstChannel, int tileIndex);
    void reverseGroup(const Row& row, const BackwardArrays& arrays, int channel, int local, int begin,
                      int group);
    void sumBc(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin, int group) const;
    void finish(const Row& row, const BackwardArrays& arrays, int firstChannel) const;
};

void BackwardBlock::start(const Row& row, int firstChannel) {
    for (int local = 0; local < kBackwardChannels; ++local)
        for (int quad = 0; quad < kQuads; ++quad) {
            const bool valid = firstChannel + local < row.p.channels;
            for (int n = 0; n < kQuadStates; ++n) {
                a[local][quad][n] =
                    valid ? row.p.a[row.channelIndex(firstChannel + local) * kStates + quad * kQuadStates + n]
                          : 0.0f;
                gradA[local][quad][n] = carried[local][quad][n] = 0.0f;
            }
            gradSkip[local][quad] = gradBias[local][quad] = 0.0f;
        }
}

void BackwardBlock::loadTile(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin) {
    tile.load(row, firstChannel, begin, row.length);
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
                    h[n] = exp2Unit(tile.delta[step][local] * (a[local][quad][n] * kLog2E)) * h[n] +
                           tile.deltaU[step][local] * b[n];
            }
        }
}

// The four threads of one channel over one group of 8 steps.
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
                decays[j][n] = exp2Unit(tile.delta[first + j][local] * (a[local][quad][n] * kLog2E));
                states[j + 1][n] = decays[j][n] * states[j][n] + tile.deltaU[first + j][local] * b[n];
            }
        }
        for (int j = kReverseSteps - 1; j >= 0; --j) {
            Four b, c, gradB, gradC;
            tile.quadB(row, first + j, quad, b);
            tile.quadC(row, first + j, quad, c);
            sums[quad][j] =
                reverseStates(carried[local][quad], gradA[local][quad], gradB, gradC, states[j + 1],
                              states[j], decays[j], a[local][quad], b, c, tile.delta[first + j][local],
                              tile.deltaU[first + j][local], dy[first + j][local]);
            std::copy_n(gradB, kQuadStates, bc[local][j] + quad * kQuadStates);
            std::copy_n(gradC, kQuadStates, bc[local][j] + kStates + quad * kQuadStates);
        }
    }
    if (channel >= row.p.channels)
        return;
    const float skip = row.p.d[row.channelIndex(channel)];
    // Thread q of the quad keeps steps 4 + q and q.
    for (int half = 1; half >= 0; --half)
        for (int quad = 0; quad < kQuads; ++quad) {
            const int j = half * 4 + quad;
            const int step = first + j;
            if (begin + step >= row.length)
                continue;
            const float ownDeltaU =
                (sums[0][j].deltaU + sums[1][j].deltaU) + (sums[2][j].deltaU + sums[3][j].deltaU);
            const float ownDelta =
                (sums[0][j].delta + sums[1][j].delta) + (sums[2][j].delta + sums[3][j].delta);
            const float delta = tile.delta[step][local];
            const float uValue = tile.u[step][local];
            const float gradRaw = (ownDelta + uValue * ownDeltaU) * softplusSlope(delta);
            const std::int64_t index = (row.pathRows + tile.row[step]) * row.p.channels + channel;
            arrays.gradDt[index] = gradRaw;
            arrays.gradU[index] = delta * ownDeltaU + skip * dy[step][local];
            gradBias[local][quad] += gradRaw;
            gradSkip[local][quad] += dy[step][local] * uValue;
        }
}

// A warp's 8 channels are halved three times, by channel bits 2, 1 and 0; then the warps follow one another.
void BackwardBlock::sumBc(const Row& row, const BackwardArrays& arrays, int firstChannel, int begin,
                          int group) const {
    const std::int64_t block = firstChannel / kBackwardChannels;
    const std::int64_t firstRow = (block * row.p.batch + row.image) * row.length;
    for (int j = 0; j < kReverseSteps; ++j) {
        const int step = group * kReverseSteps + j;
        if (begin + step >= row.length)
            break;
        float* target =
            arrays.partialBc + ((firstRow + tile.row[step]) * row.p.directions + row.path) * (2 * kStates);
        for (int column = 0; column < 2 * kStates; ++column) {
            float sum = 0.0f;
            for (int warp = 0; warp < kBackwardChannels; warp += kWarpChannels) {
                const auto value = [&](int c) { return bc[warp + c][j][column]; };
                sum += ((value(0) + value(4)) + (value(2) + value(6))) +
                       ((value(1) + value(5)) + (value(3) + value(7)));
            }
            target[column] = sum;
        }
    }
}

void BackwardBlock::finish(const Row& row, const BackwardArrays& arrays, int firstChannel) const {
    const int channels = std::min(kBackwardChannels, row.p.channels - firstChannel);
    for (int local = 0; local < channels; ++local) {
        float* target =
            arrays.partialSums + (row.imagePath * row.p.channels + firstChannel + local) * kPartialSums;
        for (int quad = 0; quad < kQuads; ++quad)
            std::copy_n(gradA[local][quad], kQuadStates, target + quad * kQuadStates);
        const auto overQuad = [](const float(&part)[kQuads]) {
            return (part[0] + part[1]) + (part[2] + part[3]);
        };
        target[kStates] = overQuad(gradSkip[local]);
        target[kStates + 1] = overQuad(gradBias[local]);
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

int scanBackwardHost(const ScanProblem& problem, const float* dy, const float* saved, float* gradDt,
                     float* gradU, float* partialBc, float* partialSums) {
    if (empty(problem))
        return kAccepted;
    if (refused(problem))
        return kInvalidValue;
    const BackwardArrays arrays{dy, saved, gradDt, gradU, partialBc, partialSums};
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
                }
                block->finish(row, arrays, first);
            }
        }
    return kAccepted;
}

int sumPartialBcHost(const ScanProblem& problem, const float* partialBc, float* gradProjected) {
    if (empty(problem))
        return kAccepted;
    const std::int64_t rowsTimesPaths =
        static_cast<std::int64_t>(problem.batch) * problem.height * problem.width * problem.directions;
    const int blocks = (problem.channels + kBackwardChannels - 1) / kBackwardChannels;
    const int slice = problem.rankStride + 2 * kStates;
    for (std::int64_t rowPath = 0; rowPath < rowsTimesPaths; ++rowPath)
        for (int column = 0; column < 2 * kStates; ++column) {
            float sum = 0.0f;
            for (int block = 0; block < blocks; ++block)
                sum += partialBc[(block * rowsTimesPaths + rowPath) * (2 * kStates) + column];
            gradProjected[rowPath * slice + problem.rankStride + column] = sum;
        }
    return kAccepted;
}

} // namespace limn::gpu
