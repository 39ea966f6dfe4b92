// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic of the CUDA kernels, written so that it also compiles for the host: the host versions in
// scan_host.cpp walk the same tiles and pieces with these functions, and are compared with golden values on
// machines that have no GPU.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define LIMN_HOST_DEVICE __host__ __device__ __forceinline__
#else
#include <cmath>
#define LIMN_HOST_DEVICE inline
#endif

namespace limn::gpu {

inline constexpr int kStates = 16;    // states per channel
inline constexpr int kQuads = 4;      // threads that share a channel
inline constexpr int kQuadStates = 4; // states of one thread
inline constexpr int kTileSteps =
    32; // steps staged in shared memory at a time; saved states lie at its multiples
inline constexpr int kReverseSteps = 4; // steps whose states the backward pass holds in registers at a time
inline constexpr int kPair = 2;         // neighbouring channels of one thread of the backward pass

inline constexpr float kLog2E = 1.4426950408889634f;
inline constexpr float kLn2 = 0.6931471805599453f;
// Inputs beyond this magnitude are clamped, so that no sum over a row can overflow to infinity and then to
// NaN.
inline constexpr float kInputLimit = 1.0e9f;

LIMN_HOST_DEVICE float clampInput(float value) {
#if defined(__CUDACC__)
    // fminf takes the number of a number and a NaN: NaN falls on a limit and does not spread.
    return fmaxf(fminf(value, kInputLimit), -kInputLimit);
#else
    return std::fmax(std::fmin(value, kInputLimit), -kInputLimit);
#endif
}

LIMN_HOST_DEVICE float bitsToFloat(std::uint32_t bits) {
#if defined(__CUDA_ARCH__)
    return __uint_as_float(bits);
#else
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
#endif
}

LIMN_HOST_DEVICE std::uint32_t floatToBits(float value) {
#if defined(__CUDA_ARCH__)
    return __float_as_uint(value);
#else
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
#endif
}

// 2^x on the special-function unit.
LIMN_HOST_DEVICE float exp2Unit(float x) {
#if defined(__CUDA_ARCH__)
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#elif defined(__CUDACC__)
    return exp2f(x);
#else
    return std::exp2(x);
#endif
}

// 2^x for x <= 0 without the special-function unit, within 2e-7; exactly 1 for 0, 2^-126 below -126. x is a
// whole number, which becomes the exponent, and a rest of at most 1/2, for which a polynomial stands: the one
// of degree 5 and constant term 1 whose largest relative error is least.
LIMN_HOST_DEVICE float exp2Polynomial(float x) {
    constexpr float kRound = 12582912.0f; // 1.5 * 2^23: sums with it have no fraction
#if defined(__CUDACC__)
    const float bounded = fmaxf(x, -126.0f);
#else
    const float bounded = std::fmax(x, -126.0f);
#endif
    const float shifted = bounded + kRound;
    const float rest = bounded - (shifted - kRound);
    float value = 0.001326472731307149f;
    value = value * rest + 0.009671512991189957f;
    value = value * rest + 0.05550733581185341f;
    value = value * rest + 0.24022242426872253f;
    value = value * rest + 0.6931470036506653f;
    value = value * rest + 1.0f;
    return bitsToFloat(floatToBits(value) + (floatToBits(shifted) << 23));
}

LIMN_HOST_DEVICE float log2Unit(float x) {
#if defined(__CUDA_ARCH__)
    float result;
    asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
#elif defined(__CUDACC__)
    return log2f(x);
#else
    return std::log2(x);
#endif
}

// log(1 + exp(x)) as PyTorch has it: x itself above 20. For small e = exp(x) the logarithm's absolute error
// would show, so a series takes over: e (1 - e/2 + e^2/3 - e^3/4 + e^4/5), error below e^5/6 = 5e-9 at e =
// 1/32.
LIMN_HOST_DEVICE float softplus(float x) {
    const float e = exp2Unit(x * kLog2E);
    const float series = e * (1.0f - e * (0.5f - e * (0.33333333f - e * (0.25f - e * 0.2f))));
    const float logarithm = log2Unit(1.0f + e) * kLn2;
    const float smooth = e < 0.03125f ? series : logarithm;
    return x > 20.0f ? x : smooth;
}

// The derivative of softplus, from its value: 1 - exp(-delta), by a series where that would cancel.
LIMN_HOST_DEVICE float softplusSlope(float delta) {
    const float series =
        delta *
        (1.0f - delta * (0.5f - delta * (0.16666667f - delta * (0.041666667f - delta * 0.0083333333f))));
    const float direct = 1.0f - exp2Unit(-delta * kLog2E);
    return delta < 0.125f ? series : direct;
}

// A quotient within 2 units in the last place; the denominator is at least 1. Beyond 2^126 (infinity too) the
// result is 0.
LIMN_HOST_DEVICE float quotient(float numerator, float denominator) {
#if defined(__CUDA_ARCH__)
    return __fdividef(numerator, denominator);
#else
    return numerator / denominator;
#endif
}

LIMN_HOST_DEVICE float sigmoid(float x) {
    return quotient(1.0f, 1.0f + exp2Unit(-x * kLog2E));
}

LIMN_HOST_DEVICE float silu(float x) {
    // exp(-x) overflows to infinity below -88: x / infinity = 0, the right limit.
    return quotient(x, 1.0f + exp2Unit(-x * kLog2E));
}

// d silu(x) / dx
LIMN_HOST_DEVICE float siluSlope(float x) {
    const float s = sigmoid(x);
    return s * (1.0f + x * (1.0f - s));
}

// Row index in raster order of step t along path k: 0 rows, 1 columns, 2 and 3 their reverses.
LIMN_HOST_DEVICE int rasterRow(int path, int step, int height, int width) {
    const int length = height * width;
    const int forward = path >= 2 ? length - 1 - step : step;
    if ((path & 1) == 0)
        return forward;
    const int column = forward / height;
    return (forward - column * height) * width + column;
}

// One step of four of a channel's sixteen states. a2 holds A * log2(e), at most 0. kPolynomial of the four
// decays come from the multiply-add pipes instead of the special-function unit.
template<int kPolynomial>
LIMN_HOST_DEVICE void advanceStates(float (&h)[kQuadStates], const float (&a2)[kQuadStates], float delta,
                                    float deltaU, const float (&b)[kQuadStates]) {
    for (int n = 0; n < kQuadStates; ++n) {
        const float decay = n < kPolynomial ? exp2Polynomial(delta * a2[n]) : exp2Unit(delta * a2[n]);
        h[n] = decay * h[n] + deltaU * b[n];
    }
}

// The same, and the four states' share of y.
template<int kPolynomial>
LIMN_HOST_DEVICE float stepStates(float (&h)[kQuadStates], const float (&a2)[kQuadStates], float delta,
                                  float deltaU, const float (&b)[kQuadStates],
                                  const float (&c)[kQuadStates]) {
    advanceStates<kPolynomial>(h, a2, delta, deltaU, b);
    float y = c[0] * h[0];
    for (int n = 1; n < kQuadStates; ++n)
        y += c[n] * h[n];
    return y;
}

// What one thread adds for one step of the reverse run.
struct ReverseSums {
    float deltaU; // dL / d(delta u): sum of dh * B
    float delta;  // dL / d delta through the decay, over ln 2: sum of dh * decay * h[t-1] * A log2(e)
};

// `carried` is dL/dh of the following step times its decay; a2 holds A * log2(e). kAdd: gradB and gradC
// already hold the share of the thread's first channel.
template<bool kAdd>
LIMN_HOST_DEVICE ReverseSums reverseStates(float (&carried)[kQuadStates], float (&gradA)[kQuadStates],
                                           float (&gradB)[kQuadStates], float (&gradC)[kQuadStates],
                                           const float (&h)[kQuadStates], const float (&before)[kQuadStates],
                                           const float (&decay)[kQuadStates], const float (&a2)[kQuadStates],
                                           const float (&b)[kQuadStates], const float (&c)[kQuadStates],
                                           float delta, float deltaU, float dy) {
    ReverseSums sums{0.0f, 0.0f};
    for (int n = 0; n < kQuadStates; ++n) {
        const float dh = carried[n] + dy * c[n];
        gradC[n] = kAdd ? gradC[n] + dy * h[n] : dy * h[n];
        gradB[n] = kAdd ? gradB[n] + dh * deltaU : dh * deltaU;
        carried[n] = dh * decay[n];
        const float throughDecay = carried[n] * before[n];
        gradA[n] += throughDecay * delta;
        sums.deltaU = n == 0 ? dh * b[n] : sums.deltaU + dh * b[n];
        sums.delta = n == 0 ? throughDecay * a2[n] : sums.delta + throughDecay * a2[n];
    }
    return sums;
}

} // namespace limn::gpu
