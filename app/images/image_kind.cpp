// SPDX-License-Identifier: GPL-3.0-or-later
// The look of an image, and a weighted sum of it.
#include "app/images/image_kind.h"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <initializer_list>

namespace limn {
namespace {

constexpr int kPoints = 64;
constexpr int kDark = 40;

// Logistic regression on half of the images of ISIC 2017 (dermoscopy), Kvasir-SEG and CVC-ClinicDB
// (endoscopy), with drawn images and, at a tenth of the weight, the real ones cut to their middle. On the
// other half 13 of 1,006 and 1 of 725 are wrong. Above zero is endoscopy: dark corners around a saturated
// field with little blue.
double endoscopyScore(const ImageLook& look) {
    return 8.636 - 51.982 * look.blueShare + 6.344 * look.saturation + 2.745 * look.darkShare -
           2.965 * look.brightness + 5.091 * look.darkCorners;
}

} // namespace

LookSampler::LookSampler(Size size) : m_size(size), m_points(size.pixels() > 0 ? 3 * kPoints * kPoints : 0) {}

void LookSampler::add(const std::uint8_t* rgb, int rows) {
    if (m_points.empty())
        return;
    const auto place = [](int point, int side) { return static_cast<int>((point + 0.5) * side / kPoints); };
    for (; m_next < kPoints; ++m_next) {
        const int y = place(m_next, m_size.height);
        if (y >= m_row + rows)
            break;
        const std::uint8_t* row = rgb + std::size_t{3} * static_cast<std::size_t>(y - m_row) *
                                            static_cast<std::size_t>(m_size.width);
        for (int i = 0; i < kPoints; ++i)
            std::copy_n(row + std::size_t{3} * static_cast<std::size_t>(place(i, m_size.width)), 3,
                        m_points.data() + 3 * (m_next * kPoints + i));
    }
    m_row += rows;
}

ImageLook LookSampler::look() const {
    ImageLook look;
    if (m_points.empty())
        return look;
    double blue = 0, saturation = 0, brightness = 0;
    int dark = 0, corners = 0, darkCorners = 0;
    const auto nearEdge = [](int v) { return v < kPoints / 8 || v >= kPoints - kPoints / 8; };
    for (int j = 0; j < kPoints; ++j) {
        for (int i = 0; i < kPoints; ++i) {
            const std::uint8_t* p = m_points.data() + 3 * (j * kPoints + i);
            const int most = std::max({p[0], p[1], p[2]});
            const int least = std::min({p[0], p[1], p[2]});
            const bool isDark = most < kDark;
            if (nearEdge(i) && nearEdge(j)) {
                ++corners;
                darkCorners += isDark;
            }
            if (isDark) {
                ++dark;
                continue;
            }
            const double total = p[0] + p[1] + p[2];
            blue += p[2] / total;
            saturation += static_cast<double>(most - least) / most;
            brightness += total / 3;
        }
    }
    const double lit = std::max(1, kPoints * kPoints - dark);
    look.blueShare = blue / lit;
    look.saturation = saturation / lit;
    look.brightness = brightness / lit / 255;
    look.darkShare = static_cast<double>(dark) / (kPoints * kPoints);
    look.darkCorners = static_cast<double>(darkCorners) / corners;
    return look;
}

ImageKind LookSampler::kind(double endoscopyOdds) const {
    if (m_points.empty())
        return ImageKind::Unknown;
    return endoscopyScore(look()) + endoscopyOdds > 0 ? ImageKind::Endoscopy : ImageKind::Dermoscopy;
}

LookSampler::LookSampler(Size size, const std::uint8_t* rgb) : LookSampler(size) {
    add(rgb, size.height);
}

ImageLook lookOf(const Image& image) {
    return LookSampler(image.size, image.rgb.data()).look();
}

ImageKind guessImageKind(const Image& image, double endoscopyOdds) {
    return LookSampler(image.size, image.rgb.data()).kind(endoscopyOdds);
}

ImageKind modelKind(const std::string& modelName) {
    std::string name = modelName;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto has = [&name](std::initializer_list<const char*> words) {
        return std::any_of(words.begin(), words.end(),
                           [&name](const char* word) { return name.find(word) != std::string::npos; });
    };
    if (has({"derm", "skin", "melanoma", "isic"}))
        return ImageKind::Dermoscopy;
    if (has({"polyp", "endo", "colon", "gastro", "kvasir"}))
        return ImageKind::Endoscopy;
    return ImageKind::Unknown;
}

} // namespace limn
