// SPDX-License-Identifier: GPL-3.0-or-later
// Embedded ICC profiles to sRGB by Little CMS 2: relative colorimetric with black point compensation, which
// keeps white white and is what browsers do.
#include "io/images/decoding.h"
#include "io/images/parallel.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
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

    void run(const void* input, std::uint8_t* output, std::size_t pixels) const {
        cmsDoTransform(m_transform.get(), input, output, static_cast<cmsUInt32Number>(pixels));
    }

    // Whole pictures, in parts on several threads. Input and output may be the same buffer of RGB.
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

// A grid over the cube of colours tells whether the profile is sRGB under whatever name.
bool changesNothing(const ToSrgb& transform) {
    constexpr int kSteps[] = {0, 20, 51, 85, 119, 153, 187, 221, 255};
    std::vector<std::uint8_t> before;
    for (int red : kSteps)
        for (int green : kSteps)
            for (int blue : kSteps)
                for (int value : {red, green, blue})
                    before.push_back(static_cast<std::uint8_t>(value));
    std::vector<std::uint8_t> after(before.size());
    transform.run(before.data(), after.data(), before.size() / 3);
    for (std::size_t i = 0; i < before.size(); ++i)
        if (std::abs(before[i] - after[i]) > 1)
            return false;
    return true;
}

} // namespace

ProfileUse convertToSrgb(std::vector<std::uint8_t>& rgb, const std::vector<unsigned char>& iccProfile) {
    if (iccProfile.empty())
        return ProfileUse::None;
    const ToSrgb transform(iccProfile, cmsSigRgbData, TYPE_RGB_8);
    if (!transform.works())
        return ProfileUse::Unusable;
    if (changesNothing(transform))
        return ProfileUse::None;
    transform.runAll(rgb.data(), 3, rgb.data(), rgb.size() / 3);
    return ProfileUse::Converted;
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
    rgb.resize(grey.size() * 3);
    inParallel(grey.size(), [&](std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i)
            std::copy_n(table.data() + std::size_t{grey[i]} * 3, 3, rgb.data() + i * 3);
    });
    return ProfileUse::Converted;
}

ProfileUse cmykToSrgb(const std::vector<std::uint8_t>& cmyk, std::vector<std::uint8_t>& rgb,
                      const std::vector<unsigned char>& iccProfile) {
    const std::size_t pixels = cmyk.size() / 4;
    rgb.resize(pixels * 3);
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
