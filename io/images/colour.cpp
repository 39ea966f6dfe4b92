// SPDX-License-Identifier: GPL-3.0-or-later
// Embedded ICC profiles to sRGB by Little CMS 2: relative colorimetric with black point compensation, which
// keeps white white and is what browsers do.
#include "io/images/decoding.h"
#include "io/images/large_memory.h"
#include "io/images/parallel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>
#include <type_traits>

#include <lcms2.h>

namespace limn::images {

namespace {

struct ContextDeleter {
    void operator()(void* context) const { cmsDeleteContext(static_cast<cmsContext>(context)); }
};
struct ProfileDeleter {
    void operator()(void* profile) const { cmsCloseProfile(profile); }
};
struct TransformDeleter {
    void operator()(void* transform) const { cmsDeleteTransform(transform); }
};

void ignoreMessage(cmsContext, cmsUInt32Number, const char*) {}

// A transform to 8-bit sRGB that several threads may run at once (no cache inside).
class ToSrgb {
public:
    ToSrgb(const std::vector<unsigned char>& profile, cmsColorSpaceSignature space,
           cmsUInt32Number inputFormat, cmsUInt32Number flags = 0)
        : m_context(cmsCreateContext(nullptr, nullptr)) {
        if (!m_context)
            return;
        cmsSetLogErrorHandlerTHR(m_context.get(), ignoreMessage);
        m_input.reset(cmsOpenProfileFromMemTHR(m_context.get(), profile.data(),
                                               static_cast<cmsUInt32Number>(profile.size())));
        m_output.reset(cmsCreate_sRGBProfileTHR(m_context.get()));
        if (!m_input || !m_output || cmsGetColorSpace(m_input.get()) != space)
            return;
        m_transform.reset(cmsCreateTransformTHR(m_context.get(), m_input.get(), inputFormat, m_output.get(),
                                                TYPE_RGB_8, INTENT_RELATIVE_COLORIMETRIC,
                                                cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE | flags));
    }

    bool works() const { return m_transform != nullptr; }
    cmsContext context() const { return m_context.get(); }
    cmsHPROFILE input() const { return m_input.get(); }

    void run(const void* input, std::uint8_t* output, std::size_t pixels) const {
        cmsDoTransform(m_transform.get(), input, output, static_cast<cmsUInt32Number>(pixels));
    }

    // Whole pictures, in parts on several threads.
    void runAll(const std::uint8_t* input, int inputChannels, std::uint8_t* output,
                std::size_t pixels) const {
        inParallel(pixels, [&](std::size_t begin, std::size_t end) {
            run(input + begin * inputChannels, output + begin * 3, end - begin);
        });
    }

private:
    std::unique_ptr<std::remove_pointer_t<cmsContext>, ContextDeleter> m_context;
    std::unique_ptr<void, ProfileDeleter> m_input;
    std::unique_ptr<void, ProfileDeleter> m_output;
    std::unique_ptr<void, TransformDeleter> m_transform;
};

// A grid over the cube of colours, three samples each.
std::vector<std::uint8_t> colourGrid() {
    constexpr int kSteps[] = {0, 20, 51, 85, 119, 153, 187, 221, 255};
    std::vector<std::uint8_t> grid;
    for (int red : kSteps)
        for (int green : kSteps)
            for (int blue : kSteps)
                for (int value : {red, green, blue})
                    grid.push_back(static_cast<std::uint8_t>(value));
    return grid;
}

bool agree(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (std::abs(a[i] - b[i]) > 1)
            return false;
    return true;
}

// What a curve-and-matrix profile does to one channel's value: how much it adds to linear red, green and
// blue. Taken from Little CMS itself by asking for linear light in floating point, so that adaptation and
// black point are its own.
struct LinearShares {
    std::array<double, 3> black{};
    std::vector<std::array<double, 3>> shares; // [channel * 256 + value]
};

std::optional<LinearShares> linearShares(cmsContext context, cmsHPROFILE input) {
    if (cmsIsMatrixShaper(input) == 0)
        return std::nullopt;
    // Tables of colours take precedence over curves and matrix.
    for (cmsTagSignature tag : {cmsSigAToB0Tag, cmsSigAToB1Tag, cmsSigDToB0Tag, cmsSigDToB1Tag})
        if (cmsIsTag(input, tag) != 0)
            return std::nullopt;
    const cmsCIExyY white{0.3127, 0.3290, 1.0}; // sRGB's white and primaries (IEC 61966-2-1)
    const cmsCIExyYTRIPLE primaries{{0.6400, 0.3300, 1.0}, {0.3000, 0.6000, 1.0}, {0.1500, 0.0600, 1.0}};
    cmsToneCurve* straight = cmsBuildGamma(context, 1.0);
    if (straight == nullptr)
        return std::nullopt;
    cmsToneCurve* const curves[3] = {straight, straight, straight};
    const std::unique_ptr<void, ProfileDeleter> linear(
        cmsCreateRGBProfileTHR(context, &white, &primaries, curves));
    cmsFreeToneCurve(straight);
    if (!linear)
        return std::nullopt;
    const std::unique_ptr<void, TransformDeleter> transform(cmsCreateTransformTHR(
        context, input, TYPE_RGB_FLT, linear.get(), TYPE_RGB_FLT, INTENT_RELATIVE_COLORIMETRIC,
        cmsFLAGS_BLACKPOINTCOMPENSATION | cmsFLAGS_NOCACHE | cmsFLAGS_NOOPTIMIZE));
    if (!transform)
        return std::nullopt;
    LinearShares found;
    found.shares.resize(3 * 256);
    for (std::size_t i = 0; i < found.shares.size(); ++i) {
        float colour[3] = {};
        colour[i / 256] = static_cast<float>(i % 256) / 255.0f;
        float light[3] = {};
        cmsDoTransform(transform.get(), colour, light, 1);
        for (std::size_t out = 0; out < 3; ++out) {
            if (!(std::abs(light[out]) < 8.0f)) // NaN too: a damaged profile
                return std::nullopt;
            if (i == 0)
                found.black[out] = light[out];
            found.shares[i][out] = light[out] - found.black[out];
        }
    }
    return found;
}

double srgbEncoded(double linear) {
    if (linear <= 0.0)
        return 0.0;
    if (linear >= 1.0)
        return 1.0;
    return linear <= 0.0031308 ? 12.92 * linear : 1.055 * std::pow(linear, 1.0 / 2.4) - 0.055;
}

} // namespace

// The profiles of cameras and screens are curves and a matrix. For those three table look-ups are added and
// the sum is looked up in sRGB's curve, which takes a fraction of Little CMS's time; all others go through
// Little CMS.
class RgbToSrgb::Impl {
public:
    explicit Impl(const std::vector<unsigned char>& iccProfile)
        : m_transform(iccProfile, cmsSigRgbData, TYPE_RGB_8) {
        if (!m_transform.works())
            return;
        const std::vector<std::uint8_t> grid = colourGrid();
        std::vector<std::uint8_t> exact(grid.size());
        m_transform.run(grid.data(), exact.data(), grid.size() / 3);
        if (agree(grid, exact)) {
            m_use = ProfileUse::None;
            return;
        }
        m_use = ProfileUse::Converted;
        buildTables();
        if (m_curve.empty())
            return;
        std::vector<std::uint8_t> fast = grid;
        convertByTables(fast.data(), fast.size() / 3);
        if (!agree(fast, exact))
            m_curve.clear();
    }

    ProfileUse use() const { return m_use; }

    void convert(std::uint8_t* rgb, std::size_t pixels) const {
        if (!m_curve.empty())
            convertByTables(rgb, pixels);
        else
            m_transform.run(rgb, rgb, pixels);
    }

private:
    // Sums are in 2^-20 of full light, the curve has a value for every 2^-14.
    static constexpr int kUnit = 1 << 20;
    static constexpr int kCurveShift = 6;

    struct Share {
        std::int32_t red, green, blue;
    };

    void buildTables() {
        const std::optional<LinearShares> found = linearShares(m_transform.context(), m_transform.input());
        if (!found)
            return;
        // The lowest sum gets index 0, so that nothing needs to be clamped.
        double low = 0.0;
        double high = 0.0;
        for (std::size_t out = 0; out < 3; ++out) {
            double least = found->black[out];
            double most = found->black[out];
            for (std::size_t channel = 0; channel < 3; ++channel) {
                double channelLeast = 0.0;
                double channelMost = 0.0;
                for (std::size_t value = 0; value < 256; ++value) {
                    channelLeast = std::min(channelLeast, found->shares[channel * 256 + value][out]);
                    channelMost = std::max(channelMost, found->shares[channel * 256 + value][out]);
                }
                least += channelLeast;
                most += channelMost;
            }
            low = std::min(low, least);
            high = std::max(high, most);
        }
        constexpr double kStep = static_cast<double>(1 << kCurveShift) / kUnit;
        const double start = (std::floor(low / kStep) - 1.0) * kStep;
        m_shares.resize(found->shares.size());
        for (std::size_t i = 0; i < m_shares.size(); ++i) {
            const auto fixed = [&](std::size_t out) {
                const double base = i < 256 ? found->black[out] - start : 0.0;
                return static_cast<std::int32_t>(std::lround((found->shares[i][out] + base) * kUnit));
            };
            m_shares[i] = {fixed(0), fixed(1), fixed(2)};
        }
        m_curve.resize(static_cast<std::size_t>((high - start) / kStep) + 3);
        for (std::size_t i = 0; i < m_curve.size(); ++i)
            m_curve[i] = static_cast<std::uint8_t>(
                std::lround(srgbEncoded(start + (static_cast<double>(i) + 0.5) * kStep) * 255.0));
    }

    void convertByTables(std::uint8_t* rgb, std::size_t pixels) const {
        const Share* red = m_shares.data();
        const Share* green = red + 256;
        const Share* blue = green + 256;
        const std::uint8_t* curve = m_curve.data();
        for (std::size_t i = 0; i < pixels; ++i, rgb += 3) {
            const Share& r = red[rgb[0]];
            const Share& g = green[rgb[1]];
            const Share& b = blue[rgb[2]];
            rgb[0] = curve[(r.red + g.red + b.red) >> kCurveShift];
            rgb[1] = curve[(r.green + g.green + b.green) >> kCurveShift];
            rgb[2] = curve[(r.blue + g.blue + b.blue) >> kCurveShift];
        }
    }

    ToSrgb m_transform;
    ProfileUse m_use = ProfileUse::Unusable;
    std::vector<Share> m_shares; // [channel * 256 + value]
    std::vector<std::uint8_t> m_curve;
};

RgbToSrgb::RgbToSrgb(const std::vector<unsigned char>& iccProfile)
    : m_impl(iccProfile.empty() ? nullptr : std::make_unique<const Impl>(iccProfile)) {}

RgbToSrgb::~RgbToSrgb() = default;

ProfileUse RgbToSrgb::use() const {
    return m_impl ? m_impl->use() : ProfileUse::None;
}

void RgbToSrgb::convert(std::uint8_t* rgb, std::size_t pixels) const {
    if (use() == ProfileUse::Converted)
        m_impl->convert(rgb, pixels);
}

ProfileUse convertToSrgb(std::vector<std::uint8_t>& rgb, const std::vector<unsigned char>& iccProfile) {
    const RgbToSrgb converter(iccProfile);
    if (converter.use() == ProfileUse::Converted)
        inParallel(rgb.size() / 3, [&](std::size_t begin, std::size_t end) {
            converter.convert(rgb.data() + begin * 3, end - begin);
        });
    return converter.use();
}

ProfileUse greyToSrgb(const std::vector<std::uint8_t>& grey, std::vector<std::uint8_t>& rgb,
                      const std::vector<unsigned char>& iccProfile) {
    if (iccProfile.empty())
        return ProfileUse::None;
    const ToSrgb transform(iccProfile, cmsSigGrayData, TYPE_GRAY_16, cmsFLAGS_NOOPTIMIZE);
    if (!transform.works())
        return ProfileUse::Unusable;
    // 256 values are few enough for the slow, exact way.
    std::vector<std::uint16_t> values(256);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<std::uint16_t>(i * 257);
    std::vector<std::uint8_t> table(256 * 3);
    transform.run(values.data(), table.data(), values.size());
    resizeLarge(rgb, grey.size() * 3);
    inParallel(grey.size(), [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            std::copy_n(table.data() + std::size_t{grey[i]} * 3, 3, rgb.data() + i * 3);
    });
    return ProfileUse::Converted;
}

ProfileUse cmykToSrgb(const std::vector<std::uint8_t>& cmyk, std::vector<std::uint8_t>& rgb,
                      const std::vector<unsigned char>& iccProfile) {
    const std::size_t pixels = cmyk.size() / 4;
    resizeLarge(rgb, pixels * 3);
    if (!iccProfile.empty()) {
        const ToSrgb transform(iccProfile, cmsSigCmykData, TYPE_CMYK_8);
        if (transform.works()) {
            transform.runAll(cmyk.data(), 4, rgb.data(), pixels);
            return ProfileUse::Converted;
        }
    }
    inParallel(pixels, [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            const std::uint8_t* ink = cmyk.data() + i * 4;
            const int light = 255 - ink[3];
            for (int channel = 0; channel < 3; ++channel)
                rgb[i * 3 + channel] = static_cast<std::uint8_t>(((255 - ink[channel]) * light + 127) / 255);
        }
    });
    return iccProfile.empty() ? ProfileUse::None : ProfileUse::Unusable;
}

} // namespace limn::images
