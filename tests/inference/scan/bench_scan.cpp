// SPDX-License-Identifier: GPL-3.0-or-later
// How long the scans of one 256 x 256 image take on the processor, stage by stage, against the sequential
// reference. A program to run by hand (bench_scan [threads] [repetitions] [AVX2|SSE4]); no test. With a third
// argument no better instruction set than this one is used, as on machines that have none.
#include "inference/scan/selective_scan.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "hwy/targets.h"

using namespace limn;

namespace {

std::vector<float> randomFloats(std::size_t count, float low, float high, unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> values(low, high);
    std::vector<float> out(count);
    std::generate(out.begin(), out.end(), [&] { return values(generator); });
    return out;
}

// Median milliseconds of a call.
double timeOf(int repetitions, const std::function<void()>& call) {
    std::vector<double> times;
    call();
    for (int i = 0; i < repetitions; ++i) {
        const auto start = std::chrono::steady_clock::now();
        call();
        times.push_back(
            std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::nth_element(times.begin(), times.begin() + repetitions / 2, times.end());
    return times[static_cast<std::size_t>(repetitions / 2)];
}

struct Stage {
    const char* name;
    std::int64_t side;
    std::int64_t channels;
    std::int64_t rank;
    int blocks; // of this size in the network
};

// False if this machine, or this program, has no instruction set of that name.
bool useNoneBetterThan(const char* name) {
    for (std::int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
        const std::int64_t target = left & -left; // better ones have lower bits
        if (std::strcmp(hwy::TargetName(target), name) == 0) {
            hwy::DisableTargets(target - 1);
            return std::strcmp(scanInstructionSet(), name) == 0;
        }
    }
    return false;
}

constexpr Stage kStages[] = {{"1", 64, 192, 6, 2}, {"2", 32, 384, 12, 2}, {"3", 16, 768, 24, 9}};

} // namespace

int main(int argc, char** argv) {
    const int threads = argc > 1 ? std::atoi(argv[1]) : 0;
    const int repetitions = argc > 2 ? std::max(1, std::atoi(argv[2])) : 21;
    if (argc > 3 && !useNoneBetterThan(argv[3])) {
        std::fprintf(stderr, "bench_scan: this machine has no instruction set %s\n", argv[3]);
        return 1;
    }
    std::printf("instruction set %s, threads %d (0: all cores), median of %d\n", scanInstructionSet(),
                threads, repetitions);
    std::printf("%-6s %9s %9s %9s %9s %9s | %8s %8s | %8s %8s | %9s\n", "stage", "states M", "fwd ms", "G/s",
                "bwd ms", "bwd/fwd", "dw fwd", "dw bwd", "gate fwd", "gate bwd", "ref ratio");
    double forwardSum = 0, backwardSum = 0, depthwiseSum = 0, depthwiseBackSum = 0, gateSum = 0,
           gateBackSum = 0, states = 0;
    for (const Stage& stage : kStages) {
        ScanShape shape;
        shape.height = shape.width = stage.side;
        shape.channels = stage.channels;
        shape.rank = stage.rank;
        shape.rankStride = (stage.rank + 7) / 8 * 8;
        const std::size_t rows = static_cast<std::size_t>(shape.length());
        const std::size_t values = rows * static_cast<std::size_t>(stage.channels);
        const std::size_t kc = static_cast<std::size_t>(4 * stage.channels);
        const std::size_t rank = static_cast<std::size_t>(stage.rank);
        const std::size_t projectedSize = rows * static_cast<std::size_t>(shape.projectedWidth());
        const auto u = randomFloats(values, -1, 1, 1);
        const auto projected = randomFloats(projectedSize, -1, 1, 2);
        const auto weight = randomFloats(kc * rank, -0.5f, 0.5f, 3);
        const auto bias = randomFloats(kc, -6.75f, -2.25f, 4);
        const auto a = randomFloats(kc * kScanStates, -15, -1, 5);
        const auto d = randomFloats(kc, 0.5f, 1.5f, 6);
        const auto dy = randomFloats(values, -1, 1, 7);
        const ScanInputs inputs{u.data(), projected.data(), weight.data(), bias.data(), a.data(), d.data()};
        std::vector<float> y(values), du(values), dProjected(projectedSize), dWeight(kc * rank), dBias(kc),
            da(kc * kScanStates), dd(kc);
        const ScanGradients gradients{du.data(),    dProjected.data(), dWeight.data(),
                                      dBias.data(), da.data(),         dd.data()};
        const double forward =
            timeOf(repetitions, [&] { selectiveScanForwardCpu(shape, inputs, y.data(), threads); });
        std::vector<float> borders(static_cast<std::size_t>(scanBorderCount(shape)));
        selectiveScanForwardCpu(shape, inputs, y.data(), threads, borders.data());
        const double backward = timeOf(repetitions, [&] {
            selectiveScanBackwardCpu(shape, inputs, dy.data(), gradients, threads, borders.data());
        });
        const double reference = timeOf(1, [&] { selectiveScanForwardReference(shape, inputs, y.data()); });

        const auto wide = randomFloats(2 * values, -1, 1, 8); // both halves of the input projection
        const auto kernel = randomFloats(static_cast<std::size_t>(stage.channels) * 9, -1, 1, 9);
        std::vector<float> dWide(2 * values), dKernel(kernel.size());
        const std::int64_t c = stage.channels;
        const double depthwise = timeOf(repetitions, [&] {
            depthwiseSiluForwardCpu(1, stage.side, stage.side, c, wide.data(), 2 * c, kernel.data(), d.data(),
                                    y.data(), threads);
        });
        const double depthwiseBack = timeOf(repetitions, [&] {
            depthwiseSiluBackwardCpu(1, stage.side, stage.side, c, wide.data(), 2 * c, kernel.data(),
                                     d.data(), dy.data(), dWide.data(), dKernel.data(), dd.data(), threads);
        });
        const std::int64_t n = shape.length();
        const double gate = timeOf(repetitions, [&] {
            normGateForwardCpu(n, c, u.data(), wide.data() + c, 2 * c, d.data(), bias.data(), y.data(),
                               threads);
        });
        const double gateBack = timeOf(repetitions, [&] {
            normGateBackwardCpu(n, c, u.data(), wide.data() + c, 2 * c, d.data(), bias.data(), dy.data(),
                                du.data(), dWide.data() + c, dd.data(), dBias.data(), threads);
        });
        const double million = 4.0 * kScanStates * static_cast<double>(values) / 1e6;
        std::printf("%dx %-3s %9.1f %9.2f %9.2f %9.2f %9.2f | %8.3f %8.3f | %8.3f %8.3f | %9.1f\n",
                    stage.blocks, stage.name, million, forward, million / forward, backward,
                    backward / forward, depthwise, depthwiseBack, gate, gateBack, reference / forward);
        forwardSum += stage.blocks * forward;
        backwardSum += stage.blocks * backward;
        depthwiseSum += stage.blocks * depthwise;
        depthwiseBackSum += stage.blocks * depthwiseBack;
        gateSum += stage.blocks * gate;
        gateBackSum += stage.blocks * gateBack;
        states += stage.blocks * million;
    }
    std::printf("image  %9.1f %9.2f %9.2f %9.2f %9.2f | %8.3f %8.3f | %8.3f %8.3f |\n", states, forwardSum,
                states / forwardSum, backwardSum, backwardSum / forwardSum, depthwiseSum, depthwiseBackSum,
                gateSum, gateBackSum);
    return 0;
}
