// SPDX-License-Identifier: GPL-3.0-or-later
// Which kind of photograph an image is, by its look, so that each gets the model that was made for it. A
// guess: the window shows what it led to, and a person changes it in one click. Any thread.
#pragma once

#include "io/core/image.h"

#include <cstdint>
#include <string>
#include <vector>

namespace limn {

enum class ImageKind { Unknown, Dermoscopy, Endoscopy };

// What the guess looks at, from 64 x 64 sample points; all in 0..1.
struct ImageLook {
    double blueShare = 0;   // B / (R + G + B), mean over points that are not dark
    double saturation = 0;  // (max - min) / max, the same mean
    double brightness = 0;  // the same mean
    double darkShare = 0;   // points darker than 40 in every channel
    double darkCorners = 0; // share of them in the four corners (an eighth of the side each)
};

// Of an image that comes from a decoder row by row.
class LookSampler {
public:
    explicit LookSampler(Size size);
    LookSampler(Size size, const std::uint8_t* rgb); // of a whole picture
    void add(const std::uint8_t* rgb, int rows);     // the next ones, from the top
    ImageLook look() const;
    ImageKind kind(double endoscopyOdds = 0.0) const; // as guessImageKind()

private:
    Size m_size;
    std::vector<std::uint8_t> m_points;
    int m_row = 0;  // rows so far
    int m_next = 0; // row of points
};

ImageLook lookOf(const Image& image);

// Unknown for an empty image alone: otherwise the likelier of the two kinds. Under 1 ms. endoscopyOdds: the
// logarithm of how much likelier endoscopy is before one has looked (folder_kind.h).
ImageKind guessImageKind(const Image& image, double endoscopyOdds = 0.0);

// The kind that a model of this name was trained on, by the words in it ("dermoscopy", "polyp-2026").
ImageKind modelKind(const std::string& modelName);

} // namespace limn
