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

ImageLook lookOf(const Image& image) {
    ImageLook look;
    if (image.size.pixels() == 0)
        return look;
    double blue = 0, saturation = 0, brightness = 0;
    int dark = 0, corners = 0, darkCorners = 0;
    const auto nearEdge = [](int v) { return v < kPoints / 8 || v >= kPoints - kPoints / 8; };
    for (int j = 0; j < kPoints; ++j) {
        const int y = static_cast<int>((j + 0.5) * image.size.height / kPoints);
        for (int i = 0; i < kPoints; ++i) {
            const int x = static_cast<int>((i + 0.5) * image.size.width / kPoints);
            const std::uint8_t* p = image.pixel(x, y);
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

ImageKind guessImageKind(const Image& image) {
    if (image.size.pixels() == 0)
        return ImageKind::Unknown;
    return endoscopyScore(lookOf(image)) > 0 ? ImageKind::Endoscopy : ImageKind::Dermoscopy;
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
