// SPDX-License-Identifier: GPL-3.0-or-later
// What the tests of the scan share: random arrays, comparison of whole arrays with one sentence about the
// first difference, finite differences, and the run-time choice of an instruction set.
#pragma once

#include "inference/scan/selective_scan.h"

#include "hwy/targets.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace limn::test {

inline std::vector<float> randomFloats(std::int64_t count, float low, float high, unsigned seed) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> values(low, high);
    std::vector<float> out(static_cast<std::size_t>(count));
    std::generate(out.begin(), out.end(), [&] { return values(generator); });
    return out;
}

// All arrays of one scan; dy: the gradient of its output.
struct ScanArrays {
    ScanShape shape;
    std::vector<float> u, projected, dtWeight, dtBias, a, d, dy;
};

// Values in the ranges of a trained network: rates between 0.5 and 15; steps as their bias makes them.
inline ScanArrays randomScan(const ScanShape& shape, float lowBias, float highBias, unsigned seed) {
    ScanArrays out;
    out.shape = shape;
    const std::int64_t rows = shape.batch * shape.length();
    const std::int64_t kc = shape.directions * shape.channels;
    out.u = randomFloats(rows * shape.channels, -2, 2, seed);
    out.projected = randomFloats(rows * shape.projectedWidth(), -1, 1, seed + 1);
    out.dtWeight = randomFloats(kc * shape.rank, -1, 1, seed + 2);
    out.dtBias = randomFloats(kc, lowBias, highBias, seed + 3);
    out.a = randomFloats(kc * kScanStates, -15, -0.5f, seed + 4);
    out.d = randomFloats(kc, 0.5f, 1.5f, seed + 5);
    out.dy = randomFloats(rows * shape.channels, -1, 1, seed + 6);
    return out;
}

// Makes each element 0, plus or minus `size`, or leaves it; rates become -size or stay.
inline void roughen(ScanArrays& arrays, float size) {
    std::mt19937 generator(61);
    for (std::vector<float>* values :
         {&arrays.u, &arrays.projected, &arrays.dtWeight, &arrays.dtBias, &arrays.d})
        for (float& value : *values) {
            const unsigned kind = generator() % 4;
            if (kind < 3)
                value = kind == 0 ? 0.0f : (kind == 1 ? size : -size);
        }
    for (float& rate : arrays.a)
        rate = generator() % 2 == 0 ? -size : rate;
}

inline bool allFinite(const std::vector<float>& values) {
    return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

template<typename T>
double largestMagnitude(const std::vector<T>& values) {
    double largest = 0.0;
    for (const T value : values)
        largest = std::max(largest, std::fabs(static_cast<double>(value)));
    return largest;
}

struct Comparison {
    double absolute = 0.0; // largest difference
    double relative = 0.0; // largest difference over its allowed absolute part plus |expected|
    std::string failure;   // empty when every element is within |difference| <= atol + rtol |expected|
};

template<typename A, typename B>
Comparison compare(const std::string& what, const std::vector<A>& found, const std::vector<B>& expected,
                   double rtol, double atol) {
    Comparison result;
    if (found.size() != expected.size()) {
        result.failure = what + ": sizes differ";
        return result;
    }
    for (std::size_t i = 0; i < found.size(); ++i) {
        const double f = static_cast<double>(found[i]);
        const double e = static_cast<double>(expected[i]);
        const double difference = std::fabs(f - e);
        const double allowed = atol + rtol * std::fabs(e);
        if (!(difference <= allowed) && result.failure.empty())
            result.failure = what + "[" + std::to_string(i) + "]: found " + std::to_string(f) +
                             ", expected " + std::to_string(e) + ", allowed difference " +
                             std::to_string(allowed * 1e6) + "e-6";
        result.absolute = std::max(result.absolute, difference);
        if (allowed > 0)
            result.relative = std::max(result.relative, difference / allowed * rtol);
    }
    return result;
}

inline bool sameBits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Central difference of `loss` in one element.
inline double differenceQuotient(std::vector<double>& values, std::size_t element,
                                 const std::function<double()>& loss) {
    const double before = values[element];
    const double step = 1e-5 * std::max(1.0, std::fabs(before));
    values[element] = before + step;
    const double above = loss();
    values[element] = before - step;
    const double below = loss();
    values[element] = before;
    return (above - below) / (2.0 * step);
}

// Of `count` elements all, or `most` of them spread evenly with the last one among them.
inline std::vector<std::size_t> someElements(std::size_t count, std::size_t most) {
    std::vector<std::size_t> out;
    if (count <= most) {
        for (std::size_t i = 0; i < count; ++i)
            out.push_back(i);
    } else {
        for (std::size_t i = 0; i < most; ++i)
            out.push_back(i * (count - 1) / (most - 1));
    }
    return out;
}

inline std::vector<double> widened(const std::vector<float>& values) {
    return std::vector<double>(values.begin(), values.end());
}

// Makes dispatch choose among `targets` alone until the object dies.
class OnlyTargets {
public:
    explicit OnlyTargets(std::int64_t targets) { choose(targets); }
    ~OnlyTargets() { choose(0); }
    OnlyTargets(const OnlyTargets&) = delete;
    OnlyTargets& operator=(const OnlyTargets&) = delete;

private:
    static void choose(std::int64_t targets) {
        hwy::SetSupportedTargetsForTest(targets);
        hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    }
};

// Each instruction set that this machine has and the kernels were compiled for, by its bit.
inline std::vector<std::int64_t> availableTargets() {
    std::vector<std::int64_t> out;
    for (std::int64_t rest = hwy::SupportedTargets() & HWY_TARGETS; rest != 0; rest &= rest - 1)
        out.push_back(rest & -rest);
    return out;
}

} // namespace limn::test
