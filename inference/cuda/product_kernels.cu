// SPDX-License-Identifier: GPL-3.0-or-later
// Matrix products with few rows on the tensor cores. A block holds its rows and its columns' weights in
// shared memory over the whole depth, so that there is one wait for memory: the weights come while the kernel
// before still runs, the rows all at once after it.
#include "inference/cuda/kernel_tools.cuh"
#include "inference/cuda/product_kernels.h"
#include "inference/cuda/product_plan.h"
#include "inference/cuda/scan_plan.h"

#include <cooperative_groups.h>

namespace limn::gpu {

namespace {

using Half = __nv_bfloat16;

constexpr int kProductThreads = 32 * kProductWarps;
constexpr int kVector = 8;      // elements of a 16-byte copy
constexpr int kPartPadding = 4; // floats behind a row of sums over a part of the depth
// A row of shared memory is 16 bytes longer than the depth: eight rows, which an instruction reads at the
// same place, then lie on all banks.
template<int kDepth>
constexpr int kSharedRow = kDepth + kVector;

struct ProductArguments {
    const Half* a;
    const Half* weight;
    void* out;
    std::int64_t rows;
    int columns;
};

// kRows rows from `first` on of a matrix with `rows` rows, kColumns columns from firstColumn on, to shared
// rows; zeros for rows that do not exist. By kThreads threads.
template<int kDepth, int kRows, int kColumns, int kThreads>
__device__ __forceinline__ void copyRows(Half* target, const Half* source, std::int64_t first,
                                         std::int64_t rows, int firstColumn, int thread) {
    constexpr int kRowVectors = kColumns / kVector;
    constexpr int kVectors = kRows * kRowVectors;
#pragma unroll 16
    for (int i = 0; i < (kVectors + kThreads - 1) / kThreads; ++i) {
        const int index = thread + i * kThreads;
        if (kVectors % kThreads != 0 && index >= kVectors)
            break;
        const int row = index / kRowVectors;
        const int column = firstColumn + index % kRowVectors * kVector;
        const bool exists = first + row < rows;
        copyOrClear(target + row * kSharedRow<kDepth> + column,
                    source + (exists ? first + row : 0) * kDepth + column, exists);
    }
}

// What a warp makes: 16 kGroups x 32 numbers as kGroups x 4 of the instruction's 16 x 8. Lane l holds of each
// rows l / 4 and l / 4 + 8, columns l % 4 * 2 and the next.
template<int kGroups>
struct WarpTile {
    float sum[kGroups][4][4] = {};

    // rows, columns: the warp's first in shared memory, from the first of kSteps steps on.
    template<int kDepth, int kSteps>
    __device__ __forceinline__ void add(const Half* rows, const Half* columns, int lane) {
        constexpr int kRow = kSharedRow<kDepth>;
        const Half* ownRow = rows + lane % 16 * kRow + lane / 16 * kVector;
        const Half* ownColumn = columns + (lane % 8 + lane / 16 * 8) * kRow + lane / 8 % 2 * kVector;
#pragma unroll
        for (int step = 0; step < kSteps; ++step) {
            std::uint32_t a[kGroups][4];
            std::uint32_t b[2][4];
#pragma unroll
            for (int i = 0; i < kGroups; ++i)
                loadOperand(a[i], sharedAddress(ownRow + i * 16 * kRow + step * kProductStep));
#pragma unroll
            for (int i = 0; i < 2; ++i)
                loadOperand(b[i], sharedAddress(ownColumn + i * 16 * kRow + step * kProductStep));
#pragma unroll
            for (int i = 0; i < kGroups; ++i)
#pragma unroll
                for (int j = 0; j < 4; ++j)
                    multiply(sum[i][j], a[i], make_uint2(b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]));
        }
    }

    // Calls function(row, column, pair) with each pair of neighbours.
    template<typename Function>
    __device__ __forceinline__ void eachPair(int lane, Function function) const {
#pragma unroll
        for (int i = 0; i < kGroups; ++i)
#pragma unroll
            for (int j = 0; j < 4; ++j)
#pragma unroll
                for (int half = 0; half < 2; ++half)
                    function(i * 16 + half * 8 + lane / 4, j * 8 + lane % 4 * 2,
                             make_float2(sum[i][j][half * 2], sum[i][j][half * 2 + 1]));
    }
};

// Four warps, a quarter of the block's 64 x 64 each.
template<typename Out, int kDepth>
__global__ void __launch_bounds__(kProductThreads)
    wideProductKernel(const __grid_constant__ ProductArguments arguments) {
    constexpr int kTile = 2 * kWarpTile;
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    Half* rows = reinterpret_cast<Half*>(sharedBytes);
    Half* columns = rows + kTile * kSharedRow<kDepth>;
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.y) * kTile;
    const int firstColumn = blockIdx.x * kTile;
    allowNext();
    copyRows<kDepth, kTile, kDepth, kProductThreads>(columns, arguments.weight, firstColumn,
                                                     arguments.columns, 0, threadIdx.x);
    waitForPrevious();
    // In two halves of the depth: the first is worked on while the second is under way.
    constexpr int kHalf = kDepth / 2;
    static_assert(kHalf % kProductStep == 0);
    copyRows<kDepth, kTile, kHalf, kProductThreads>(rows, arguments.a, firstRow, arguments.rows, 0,
                                                    threadIdx.x);
    closeGroup();
    copyRows<kDepth, kTile, kHalf, kProductThreads>(rows, arguments.a, firstRow, arguments.rows, kHalf,
                                                    threadIdx.x);
    closeGroup();
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    const int rowOfWarp = warp / 2 * kWarpTile;
    const int columnOfWarp = warp % 2 * kWarpTile;
    const Half* ownRows = rows + rowOfWarp * kSharedRow<kDepth>;
    const Half* ownColumns = columns + columnOfWarp * kSharedRow<kDepth>;
    WarpTile<2> tile;
    waitForGroups<1>();
    __syncthreads();
    tile.add<kDepth, kHalf / kProductStep>(ownRows, ownColumns, lane);
    waitForGroups<0>();
    __syncthreads();
    tile.add<kDepth, kHalf / kProductStep>(ownRows + kHalf, ownColumns + kHalf, lane);
    Out* out = static_cast<Out*>(arguments.out);
    tile.eachPair(lane, [&](int row, int column, float2 pair) {
        const std::int64_t ownRow = firstRow + rowOfWarp + row;
        const int ownColumn = firstColumn + columnOfWarp + column;
        if (ownRow < arguments.rows && ownColumn < arguments.columns)
            storePair(out + ownRow * arguments.columns + ownColumn, pair);
    });
}

// Four warps, a quarter of the depth each, which they fetch by themselves.
template<typename Out, int kDepth>
__global__ void __launch_bounds__(kProductThreads)
    deepProductKernel(const __grid_constant__ ProductArguments arguments) {
    constexpr int kTile = kWarpTile;
    constexpr int kQuarter = kDepth / kProductWarps;
    constexpr int kPartRow = kTile + kPartPadding;
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    Half* rows = reinterpret_cast<Half*>(sharedBytes);
    Half* columns = rows + kTile * kSharedRow<kDepth>;
    float* parts = reinterpret_cast<float*>(columns + kTile * kSharedRow<kDepth>); // [warps][kTile][kPartRow]
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.y) * kTile;
    const int firstColumn = blockIdx.x * kTile;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    allowNext();
    copyRows<kDepth, kTile, kQuarter, 32>(columns, arguments.weight, firstColumn, arguments.columns,
                                          warp * kQuarter, lane);
    waitForPrevious();
    copyRows<kDepth, kTile, kQuarter, 32>(rows, arguments.a, firstRow, arguments.rows, warp * kQuarter, lane);
    waitForCopies();
    __syncwarp();
    WarpTile<2> tile;
    tile.add<kDepth, kQuarter / kProductStep>(rows + warp * kQuarter, columns + warp * kQuarter, lane);
    tile.eachPair(lane, [&](int row, int column, float2 pair) {
        storePair(parts + (warp * kTile + row) * kPartRow + column, pair);
    });
    __syncthreads();

    constexpr int kOwn = kTile * kTile / kProductThreads; // neighbouring columns
    const int row = threadIdx.x * kOwn / kTile;
    const int column = threadIdx.x * kOwn % kTile;
    if (firstRow + row >= arguments.rows || firstColumn + column >= arguments.columns)
        return;
    Out* out = static_cast<Out*>(arguments.out) + (firstRow + row) * arguments.columns + firstColumn + column;
#pragma unroll
    for (int i = 0; i < kOwn; i += 2) {
        float2 sum = loadPair(parts + row * kPartRow + column + i);
#pragma unroll
        for (int other = 1; other < kProductWarps; ++other) {
            const float2 part = loadPair(parts + (other * kTile + row) * kPartRow + column + i);
            sum.x += part.x;
            sum.y += part.y;
        }
        storePair(out + i, sum);
    }
}

struct ProductNormArguments {
    const Half* a;
    const Half* weight;
    const float* x;
    const float* normWeight;
    const float* normBias;
    float* sum;
    Half* out;
    std::int64_t rows;
};

constexpr int kNormThreads = kNormWarpsAcross * kProductWarps * 32;

template<int kColumns>
struct ProductNormShared {
    static constexpr int kRow = kSharedRow<2 * kColumns>;
    Half columns[kNormTileColumns][kRow];
    Half rows[kNormTileRows][kRow];
    float parts[kProductWarps][kNormTileRows][kNormTileColumns + kPartPadding];
    float2 moments[kNormTileRows]; // of the block's columns: mean, sum of squared differences
};

// The blocks of a cluster have the same rows and, together, all columns.
template<int kColumns>
__global__ void __launch_bounds__(kNormThreads)
    productNormKernel(const __grid_constant__ ProductNormArguments arguments) {
    constexpr int kDepth = 2 * kColumns;
    constexpr int kQuarter = kDepth / kProductWarps;
    [[maybe_unused]] constexpr int kBlocks = kColumns / kNormTileColumns; // not before compute capability 9.0
    constexpr int kWarps = kNormThreads / 32;
    constexpr int kOwnRows = (kNormTileRows + kWarps - 1) / kWarps;
    constexpr int kOwnColumns = kNormTileColumns / 32;
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    auto& s = *reinterpret_cast<ProductNormShared<kColumns>*>(sharedBytes);
    const std::int64_t firstRow = static_cast<std::int64_t>(blockIdx.y) * kNormTileRows;
    const int firstColumn = blockIdx.x * kNormTileColumns;
    const int warp = threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    const bool normalises = arguments.out != nullptr;
    allowNext();
    copyRows<kDepth, kNormTileColumns, kDepth, kNormThreads>(&s.columns[0][0], arguments.weight, firstColumn,
                                                             kColumns, 0, threadIdx.x);
    float scale[kOwnColumns] = {};
    float shift[kOwnColumns] = {};
#pragma unroll
    for (int i = 0; i < kOwnColumns; ++i)
        if (normalises) {
            scale[i] = arguments.normWeight[firstColumn + lane + 32 * i];
            shift[i] = arguments.normBias[firstColumn + lane + 32 * i];
        }
    waitForPrevious();
    copyRows<kDepth, kNormTileRows, kDepth, kNormThreads>(&s.rows[0][0], arguments.a, firstRow,
                                                          arguments.rows, 0, threadIdx.x);
    // Of the rows that this warp finishes.
    float value[kOwnRows][kOwnColumns] = {};
    const auto rowOf = [&](int own) { return warp + kWarps * own; };
    const auto exists = [&](int own) {
        return rowOf(own) < kNormTileRows && firstRow + rowOf(own) < arguments.rows;
    };
    const auto indexOf = [&](int own) { return (firstRow + rowOf(own)) * kColumns + firstColumn + lane; };
#pragma unroll
    for (int own = 0; own < kOwnRows; ++own)
#pragma unroll
        for (int i = 0; i < kOwnColumns; ++i)
            if (arguments.x != nullptr && exists(own))
                value[own][i] = arguments.x[indexOf(own) + 32 * i];
    waitForCopies();
    __syncthreads();
    {
        const int across = warp % kNormWarpsAcross * kWarpTile;
        const int part = warp / kNormWarpsAcross;
        WarpTile<1> tile;
        tile.add<kDepth, kQuarter / kProductStep>(&s.rows[0][part * kQuarter],
                                                  &s.columns[across][part * kQuarter], lane);
        tile.eachPair(lane, [&](int row, int column, float2 pair) {
            storePair(&s.parts[part][row][across + column], pair);
        });
    }
    __syncthreads();
#pragma unroll
    for (int own = 0; own < kOwnRows; ++own) {
        if (!exists(own))
            continue;
        float sum = 0.0f;
#pragma unroll
        for (int i = 0; i < kOwnColumns; ++i) {
            float product = 0.0f;
#pragma unroll
            for (int part = 0; part < kProductWarps; ++part)
                product += s.parts[part][rowOf(own)][lane + 32 * i];
            value[own][i] += product;
            arguments.sum[indexOf(own) + 32 * i] = value[own][i];
            sum += value[own][i];
        }
        const float mean = sumOverWarp(sum) / kNormTileColumns;
        float squares = 0.0f;
#pragma unroll
        for (int i = 0; i < kOwnColumns; ++i)
            squares += (value[own][i] - mean) * (value[own][i] - mean);
        squares = sumOverWarp(squares);
        if (lane == 0)
            s.moments[rowOf(own)] = make_float2(mean, squares);
    }
    if (!normalises)
        return;
#if __CUDA_ARCH__ >= 900
    if constexpr (kBlocks > 1)
        cooperative_groups::this_cluster().sync();
    else
        __syncwarp();
#pragma unroll
    for (int own = 0; own < kOwnRows; ++own) {
        if (!exists(own))
            continue;
        float2 of[kBlocks];
        float mean = 0.0f;
#pragma unroll
        for (int block = 0; block < kBlocks; ++block) {
            float2* moments = &s.moments[rowOf(own)];
            if constexpr (kBlocks > 1)
                moments = cooperative_groups::this_cluster().map_shared_rank(moments, block);
            of[block] = *moments;
            mean += of[block].x / kBlocks;
        }
        float squares = 0.0f;
#pragma unroll
        for (int block = 0; block < kBlocks; ++block)
            squares += of[block].y + kNormTileColumns * (of[block].x - mean) * (of[block].x - mean);
        const float factor = rsqrtf(squares / kColumns + kNormEpsilon);
#pragma unroll
        for (int i = 0; i < kOwnColumns; ++i)
            arguments.out[indexOf(own) + 32 * i] =
                fromFloat<Half>((value[own][i] - mean) * factor * scale[i] + shift[i]);
    }
    if constexpr (kBlocks > 1)
        cooperative_groups::this_cluster().sync(); // others may still read this block's moments
#endif
}

template<int kColumns>
int launchProductNorm(const ProductNormArguments& arguments, Stream stream) {
    LaunchShape shape;
    shape.clusterBlocks = kColumns / kNormTileColumns;
    shape.grid = dim3(static_cast<unsigned>(shape.clusterBlocks),
                      static_cast<unsigned>(blocksFor(arguments.rows, kNormTileRows)));
    shape.block = dim3(kNormThreads);
    shape.sharedBytes = static_cast<int>(sizeof(ProductNormShared<kColumns>));
    return launchEarly(&productNormKernel<kColumns>, shape, stream, arguments);
}

template<typename Out, int kDepth>
int launchProduct(const ProductArguments& arguments, Stream stream) {
    const ProductPlan plan = planProduct(arguments.rows, arguments.columns, kDepth);
    LaunchShape shape;
    shape.grid = dim3(static_cast<unsigned>(plan.blocksAcross), static_cast<unsigned>(plan.blocksDown));
    shape.block = dim3(kProductThreads);
    shape.sharedBytes = static_cast<int>(2 * plan.tile * kSharedRow<kDepth> * sizeof(Half));
    if constexpr (kDepth % (kProductWarps * kProductStep) == 0)
        if (plan.sumsShared) {
            shape.sharedBytes +=
                static_cast<int>(kProductWarps * kWarpTile * (kWarpTile + kPartPadding) * sizeof(float));
            return launchEarly(&deepProductKernel<Out, kDepth>, shape, stream, arguments);
        }
    return launchEarly(&wideProductKernel<Out, kDepth>, shape, stream, arguments);
}

template<typename Out>
int launchProductOfDepth(int depth, const ProductArguments& arguments, Stream stream) {
    switch (depth) {
    case 96:
        return launchProduct<Out, 96>(arguments, stream);
    case 192:
        return launchProduct<Out, 192>(arguments, stream);
    case 384:
        return launchProduct<Out, 384>(arguments, stream);
    case 768:
        return launchProduct<Out, 768>(arguments, stream);
    default:
        return static_cast<int>(cudaErrorInvalidValue);
    }
}

} // namespace

int smallProduct(Element element, std::int64_t rows, int columns, int depth, const void* a,
                 const void* weight, void* out, Stream stream) {
    if (rows <= 0 || columns <= 0)
        return 0;
    if (!isSmallProduct(rows, columns, depth))
        return static_cast<int>(cudaErrorInvalidValue);
    const ProductArguments arguments{static_cast<const Half*>(a), static_cast<const Half*>(weight), out, rows,
                                     columns};
    switch (element) {
    case Element::Float32:
        return launchProductOfDepth<float>(depth, arguments, stream);
    case Element::BFloat16:
        return launchProductOfDepth<Half>(depth, arguments, stream);
    case Element::Float16:
        break; // its operands are bfloat16, and so is what goes on from it
    }
    return static_cast<int>(cudaErrorInvalidValue);
}

int smallProductNorm(std::int64_t rows, int columns, const void* a, const void* weight, const float* x,
                     const float* normWeight, const float* normBias, float* sum, void* out, Stream stream) {
    if (rows <= 0 || columns <= 0)
        return 0;
    if (!isSmallProductNorm(rows, columns, 2 * columns))
        return static_cast<int>(cudaErrorInvalidValue);
    const ProductNormArguments arguments{static_cast<const Half*>(a),
                                         static_cast<const Half*>(weight),
                                         x,
                                         normWeight,
                                         normBias,
                                         sum,
                                         static_cast<Half*>(out),
                                         rows};
    switch (columns / kNormTileColumns) {
    case 1:
        return launchProductNorm<kNormTileColumns>(arguments, stream);
    case 2:
        return launchProductNorm<2 * kNormTileColumns>(arguments, stream);
    default:
        return launchProductNorm<4 * kNormTileColumns>(arguments, stream);
    }
}

} // namespace limn::gpu
