// SPDX-License-Identifier: GPL-3.0-or-later
// Vector arithmetic that the scan's kernels share, compiled once for each instruction set: powers, softplus,
// SiLU, loads and stores of incomplete vectors, sums over lanes. Included by the kernels only; pure
// functions.

// The guard alternates, because foreach_target.h includes this file once for each instruction set.
#if defined(LIMN_SCAN_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef LIMN_SCAN_MATH_INL_H
#undef LIMN_SCAN_MATH_INL_H
#else
#define LIMN_SCAN_MATH_INL_H
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace limn::scan {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// At most 16 lanes: the layouts in scratch memory are padded to that.
using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;

// What follows takes several vectors at a time, and takes every step for all of them before the next step: a
// processor looks only so far ahead for work that fills the waits of a polynomial.

// Polynomials of x by Horner's rule, the coefficient of the highest power first.
template<int kCount, std::size_t kTerms>
HWY_INLINE void polynomials(Tag d, const float (&terms)[kTerms], const Vec (&x)[kCount],
                            Vec (&sums)[kCount]) {
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        sums[i] = hn::MulAdd(x[i], hn::Set(d, terms[0]), hn::Set(d, terms[1]));
#pragma GCC unroll 16
    for (std::size_t k = 2; k < kTerms; ++k)
#pragma GCC unroll 16
        for (int i = 0; i < kCount; ++i)
            sums[i] = hn::MulAdd(sums[i], x[i], hn::Set(d, terms[k]));
}

// Smallest exponent of powersOfTwo() that does not give 0.
inline constexpr float kSmallestPower = -125.5f;

// 2^x for kSmallestPower <= x <= 0, relative error 1.7e-7; any value beyond. Steps that hardly decay keep
// their small difference from 1: at x = 0 the result is 1, and nothing is rounded to a coarser grid beside
// it.
#if HWY_TARGET <= HWY_AVX3
// The bits of 2^(j/32) without j << 18.
alignas(64) inline constexpr std::array<std::int32_t, 32> kRoots = [] {
    std::array<std::int32_t, 32> bits = {
        0x3f800000, 0x3f82cd87, 0x3f85aac3, 0x3f88980f, 0x3f8b95c2, 0x3f8ea43a, 0x3f91c3d3, 0x3f94f4f0,
        0x3f9837f0, 0x3f9b8d3a, 0x3f9ef532, 0x3fa27043, 0x3fa5fed7, 0x3fa9a15b, 0x3fad583f, 0x3fb123f6,
        0x3fb504f3, 0x3fb8fbaf, 0x3fbd08a4, 0x3fc12c4d, 0x3fc5672a, 0x3fc9b9be, 0x3fce248c, 0x3fd2a81e,
        0x3fd744fd, 0x3fdbfbb8, 0x3fe0ccdf, 0x3fe5b907, 0x3feac0c7, 0x3fefe4ba, 0x3ff5257d, 0x3ffa83b3};
    for (int j = 0; j < 32; ++j)
        bits[static_cast<std::size_t>(j)] -= j << 18;
    return bits;
}();

// 2^k where k is the multiple of 1/32 nearest to x and `sum` is x + 1.5 * 2^18, which leaves 32 k in the
// sum's low bits: 2^(j/32) comes from kRoots in two registers; the sum's bits, shifted, add the whole part of
// k to the exponent and j << 18 back.
HWY_INLINE Vec powerOfNearest(Tag d, Vec sum) {
    const hn::RebindToSigned<Tag> di;
    const auto bits = hn::BitCast(di, sum);
    // The table's index is the low five bits; Highway would have us mask the others away first.
    const hn::Vec<decltype(di)> root{_mm512_permutex2var_epi32(hn::Load(di, kRoots.data()).raw, bits.raw,
                                                               hn::Load(di, kRoots.data() + 16).raw)};
    return hn::BitCast(d, hn::Add(root, hn::ShiftLeft<18>(bits)));
}

// x = k + f with |f| <= 1/64. 1 + f q(f) is a least-maximum fit of the relative error (5.5e-8) of 2^f with
// the constant fixed to 1. Multiplications are what limits the scan: these are three fewer than the
// polynomial over |f| <= 1/2 takes.
HWY_INLINE Vec powerOfTwoInRangeAlone(Tag d, Vec x) {
    const Vec scale = powerOfNearest(d, hn::Add(x, hn::Set(d, 393216.0f)));
    const Vec f{_mm512_reduce_ps(x.raw, 5 << 4)}; // x less its nearest multiple of 2^-5
    const Vec more = hn::Mul(hn::MulAdd(f, hn::Set(d, 0.240228906f), hn::Set(d, 0.693157554f)), f);
    return hn::MulAdd(scale, more, scale);
}

template<int kCount>
HWY_INLINE void powersOfTwoInRange(Tag d, const Vec (&x)[kCount], Vec (&powers)[kCount]) {
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        powers[i] = powerOfTwoInRangeAlone(d, x[i]);
}

// exp(x) for -87 <= x <= 0.
template<int kCount>
HWY_INLINE void expInRange(Tag d, const Vec (&x)[kCount], Vec (&powers)[kCount]) {
    const Vec magic = hn::Set(d, 393216.0f);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
        const Vec sum = hn::MulAdd(x[i], hn::Set(d, 1.44269504f), magic);
        const Vec k = hn::Sub(sum, magic);
        Vec f = hn::NegMulAdd(k, hn::Set(d, 0.693359375f), x[i]);
        f = hn::NegMulAdd(k, hn::Set(d, -2.12194440e-4f), f);
        const Vec scale = powerOfNearest(d, sum);
        const Vec more = hn::Mul(hn::MulAdd(f, hn::Set(d, 0.500005f), hn::Set(d, 1.00001496f)), f);
        powers[i] = hn::MulAdd(scale, more, scale);
    }
}

// a / b for 1 <= b <= 3, relative error 2e-7: by a reciprocal of fourteen bits and one step of Newton's; a
// division takes as long as ten multiplications.
HWY_INLINE Vec quotient(Tag d, Vec a, Vec b) {
    const Vec guess{_mm512_rcp14_ps(b.raw)};
    return hn::Mul(a, hn::Mul(guess, hn::NegMulAdd(b, guess, hn::Set(d, 2.0f))));
}
#else
// What the others do alike: powersAtNearest() makes 2^(k + f) of the sum x + kNearest, which leaves k in its
// low bits, and of f.
#if HWY_TARGET == HWY_AVX2
// The bits of 2^(j/8) without j << 20.
alignas(32) inline constexpr std::array<std::int32_t, 8> kRoots = [] {
    std::array<std::int32_t, 8> bits = {0x3f800000, 0x3f8b95c2, 0x3f9837f0, 0x3fa5fed7,
                                        0x3fb504f3, 0x3fc5672a, 0x3fd744fd, 0x3feac0c7};
    for (int j = 0; j < 8; ++j)
        bits[static_cast<std::size_t>(j)] -= j << 20;
    return bits;
}();

// As above with the multiples of 1/8 and 1.5 * 2^20: eight roots fill one register.
inline constexpr float kNearest = 1572864.0f;

HWY_INLINE Vec powerOfNearest(Tag d, Vec sum) {
    const hn::RebindToSigned<Tag> di;
    const auto bits = hn::BitCast(di, sum);
    const hn::Vec<decltype(di)> root{_mm256_permutevar8x32_epi32(hn::Load(di, kRoots.data()).raw, bits.raw)};
    return hn::BitCast(d, hn::Add(root, hn::ShiftLeft<20>(bits)));
}

// 2^f - 1 is f times this for |f| <= 1/16: a least-maximum fit of the relative error (2.5e-8) of 2^f.
inline constexpr float kPowerTerms[] = {0.05549622179f, 0.2402576298f, 0.6931472143f};
// exp()'s, which needs no more.
inline constexpr auto& kExpTerms = kPowerTerms;

template<int kCount, std::size_t kTerms>
HWY_INLINE void powersAtNearest(Tag d, const float (&terms)[kTerms], const Vec (&sums)[kCount],
                                const Vec (&f)[kCount], Vec (&powers)[kCount]) {
    polynomials(d, terms, f, powers);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
        const Vec scale = powerOfNearest(d, sums[i]);
        powers[i] = hn::MulAdd(scale, hn::Mul(powers[i], f[i]), scale);
    }
}
#else
inline constexpr float kNearest = 12582912.0f; // 1.5 * 2^23: whole numbers

// For |f| <= 1/2. 1 + f q(f) is a least-maximum fit of the relative error (9.2e-8) of 2^f with the constant
// fixed to 1.
inline constexpr float kPowerTerms[] = {0.001326472731307149f, 0.009671512991189957f, 0.05550733581185341f,
                                        0.24022242426872253f,  0.6931470036506653f,   1.0f};
// exp()'s, with one more term.
inline constexpr float kExpTerms[] = {0.00015353361959569156f,
                                      0.0013398875016719103f,
                                      0.00961843691766262f,
                                      0.055503323674201965f,
                                      0.24022647738456726f,
                                      0.6931471824645996f,
                                      1.0f};

template<int kCount, std::size_t kTerms>
HWY_INLINE void powersAtNearest(Tag d, const float (&terms)[kTerms], const Vec (&sums)[kCount],
                                const Vec (&f)[kCount], Vec (&powers)[kCount]) {
    const hn::RebindToSigned<Tag> di;
    polynomials(d, terms, f, powers);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        powers[i] =
            hn::BitCast(d, hn::Add(hn::BitCast(di, powers[i]), hn::ShiftLeft<23>(hn::BitCast(di, sums[i]))));
}
#endif

// x = k + f.
template<int kCount>
HWY_INLINE void powersOfTwoInRange(Tag d, const Vec (&x)[kCount], Vec (&powers)[kCount]) {
    const Vec magic = hn::Set(d, kNearest);
    Vec sums[kCount], f[kCount];
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        sums[i] = hn::Add(x[i], magic);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        f[i] = hn::Sub(x[i], hn::Sub(sums[i], magic));
    powersAtNearest(d, kPowerTerms, sums, f, powers);
}

// exp(x) for -87 <= x <= 0.
template<int kCount>
HWY_INLINE void expInRange(Tag d, const Vec (&x)[kCount], Vec (&powers)[kCount]) {
    const Vec magic = hn::Set(d, kNearest);
    Vec sums[kCount], f[kCount];
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        sums[i] = hn::MulAdd(x[i], hn::Set(d, 1.44269504f), magic);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
        const Vec k = hn::Sub(sums[i], magic);
#if HWY_NATIVE_FMA
        // x / ln 2 - k: only the difference is rounded.
        f[i] = hn::MulSub(x[i], hn::Set(d, 1.44269504f), k);
        f[i] = hn::MulAdd(x[i], hn::Set(d, 1.92596299e-8f), f[i]);
#else
        f[i] = hn::NegMulAdd(k, hn::Set(d, 0.693359375f), x[i]);
        f[i] = hn::NegMulAdd(k, hn::Set(d, -2.12194440e-4f), f[i]);
        f[i] = hn::Mul(f[i], hn::Set(d, 1.44269504f));
#endif
    }
    powersAtNearest(d, kExpTerms, sums, f, powers);
}

HWY_INLINE Vec quotient(Tag, Vec a, Vec b) {
    return hn::Div(a, b);
}
#endif

// 2^x for x <= 0: the same bits, and 0 below kSmallestPower.
template<int kCount>
HWY_INLINE void powersOfTwo(Tag d, const Vec (&x)[kCount], Vec (&powers)[kCount]) {
    powersOfTwoInRange(d, x, powers);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        powers[i] = hn::IfThenElseZero(hn::Ge(x[i], hn::Set(d, kSmallestPower)), powers[i]);
}

// exp(-|x|), relative error 2e-7; exp(-87) for everything beyond 87. All reductions subtract in two parts
// (Cody and Waite), so that the error does not grow with |x|.
template<int kCount>
HWY_INLINE void expOfMinusAbs(Tag d, const Vec (&x)[kCount], Vec (&powers)[kCount]) {
    Vec limited[kCount];
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        limited[i] = hn::Max(hn::Neg(hn::Abs(x[i])), hn::Set(d, -87.0f));
    expInRange(d, limited, powers);
}

// The sigmoid of x, given exp(-|x|).
HWY_INLINE Vec sigmoidOf(Tag d, Vec x, Vec power) {
    const Vec one = hn::Set(d, 1.0f);
    return quotient(d, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), power, one), hn::Add(one, power));
}

// softplus(x) = log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), and where wanted its derivative, the sigmoid
// of x. log1p(e) = e p(e), with p a least-maximum fit of the relative error (3e-8): small steps keep their
// relative accuracy (3e-7), large ones are x itself.
inline constexpr float kLogTerms[] = {0.0052326923f, -0.02950523f, 0.07822593f,  -0.13663244f, 0.19106006f,
                                      -0.24842982f,  0.33319097f,  -0.49999493f, 0.99999997f};

template<int kCount>
HWY_INLINE void softplus(Tag d, const Vec (&x)[kCount], Vec (&steps)[kCount], Vec* sigmoids) {
    Vec powers[kCount];
    expOfMinusAbs(d, x, powers);
    polynomials(d, kLogTerms, powers, steps);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        steps[i] = hn::MulAdd(steps[i], powers[i], hn::Max(x[i], hn::Zero(d)));
    if (sigmoids == nullptr)
        return;
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i)
        sigmoids[i] = sigmoidOf(d, x[i], powers[i]);
}

HWY_INLINE Vec sigmoid(Tag d, Vec x) {
    const Vec alone[1] = {x};
    Vec power[1];
    expOfMinusAbs(d, alone, power);
    return sigmoidOf(d, x, power[0]);
}

// Derivative of x sigmoid(x), given the sigmoid.
HWY_INLINE Vec siluSlope(Tag d, Vec x, Vec sigmoidOfX) {
    const Vec one = hn::Set(d, 1.0f);
    return hn::Mul(sigmoidOfX, hn::MulAdd(x, hn::Sub(one, sigmoidOfX), one));
}

HWY_INLINE Vec clampTo(Tag d, Vec x, float limit) {
    return hn::Min(hn::Max(x, hn::Set(d, -limit)), hn::Set(d, limit));
}

// The first `count` lanes from memory, 0 in the others; nothing beyond `count` is read.
HWY_INLINE Vec loadPart(Tag d, const float* from, std::size_t count) {
    if (count >= hn::Lanes(d))
        return hn::LoadU(d, from);
    HWY_ALIGN float lanes[16] = {};
    std::memcpy(lanes, from, count * sizeof(float));
    return hn::Load(d, lanes);
}

// The first `count` lanes to memory; nothing beyond them is written.
HWY_INLINE void storePart(Tag d, Vec v, float* to, std::size_t count) {
    if (count >= hn::Lanes(d)) {
        hn::StoreU(v, d, to);
        return;
    }
    HWY_ALIGN float lanes[16];
    hn::Store(v, d, lanes);
    std::memcpy(to, lanes, count * sizeof(float));
}

// Adds the sums over the lanes of four vectors to four numbers in memory.
#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void addSumsOfFour(Tag, Vec v0, Vec v1, Vec v2, Vec v3, float* to) {
    to[0] += hn::GetLane(v0);
    to[1] += hn::GetLane(v1);
    to[2] += hn::GetLane(v2);
    to[3] += hn::GetLane(v3);
}
#else
HWY_INLINE void addSumsOfFour(Tag d, Vec v0, Vec v1, Vec v2, Vec v3, float* to) {
    const hn::Repartition<std::uint64_t, Tag> d64;
    // In each block of four lanes: (v0[0]+v0[2], v1[0]+v1[2], v0[1]+v0[3], v1[1]+v1[3]), likewise v2 and v3.
    const Vec low = hn::Add(hn::InterleaveLower(d, v0, v1), hn::InterleaveUpper(d, v0, v1));
    const Vec high = hn::Add(hn::InterleaveLower(d, v2, v3), hn::InterleaveUpper(d, v2, v3));
    const auto low64 = hn::BitCast(d64, low);
    const auto high64 = hn::BitCast(d64, high);
    const Vec even = hn::BitCast(d, hn::InterleaveLower(d64, low64, high64));
    const Vec odd = hn::BitCast(d, hn::InterleaveUpper(d64, low64, high64));
    const Vec blocks = hn::Add(even, odd);
    const hn::CappedTag<float, 4> d4;
#if HWY_TARGET <= HWY_AVX3
    const hn::Half<Tag> d8;
    const auto half = hn::Add(hn::LowerHalf(d8, blocks), hn::UpperHalf(d8, blocks));
    const auto sums = hn::Add(hn::LowerHalf(d4, half), hn::UpperHalf(d4, half));
#elif HWY_TARGET == HWY_AVX2
    const auto sums = hn::Add(hn::LowerHalf(d4, blocks), hn::UpperHalf(d4, blocks));
#else
    const auto sums = blocks;
#endif
    hn::StoreU(hn::Add(hn::LoadU(d4, to), sums), d4, to);
}
#endif

} // namespace HWY_NAMESPACE
} // namespace limn::scan
HWY_AFTER_NAMESPACE();

#endif
