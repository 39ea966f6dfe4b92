// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a training sample from a picture and its mask: geometry, colour, blur, noise and drawn artefacts, all
// from one seed. Plain C++20, pure functions, any number of threads at once.
#pragma once

#include "io/core/image.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace limn {

// What training works on: decoded, at most a few hundred pixels a side (see shrunkForTraining()).
struct TrainingSample {
    std::string name; // stem; decides by its hash whether the sample is held out
    Size size;
    std::vector<std::uint8_t> rgb;  // interleaved
    std::vector<std::uint8_t> mask; // 0 or 1
};

// How strongly pictures are changed; a strength of 0 leaves that part out.
struct AugmentOptions {
    double flipProbability = 0.5; // each of left-right and top-bottom
    double rotationProbability = 0.5;
    double rotationDegrees = 180.0; // uniform within +-
    double logScale = 0.0;          // zoom is exp(uniform +-logScale)
    double logAspect = 0.0;         // width against height
    double shift = 0.0;             // of the side, uniform +-
    double shear = 0.0;
    double colour = 0.0; // 1: gains, gamma, saturation, hue and contrast as strong as cameras differ
    double blurProbability = 0.0;
    double noiseProbability = 0.0;
    double artefactProbability = 0.0; // of each of hairs, lights, ruler, bubbles
    double cutoutProbability = 0.0;   // a rectangle of one colour; the mask stays
    double pasteProbability = 0.0;    // that another picture's marked area is pasted in (see augment())
};

AugmentOptions paperAugmentation(); // flips and rotation, as the released recipe
AugmentOptions strongAugmentation();
// The same, weaker, for a run's last part: nothing pasted, drawn in or cut out, half the geometry, colours
// nearly as they are. Flips and turns stay.
AugmentOptions calmAugmentation(AugmentOptions options);

// Writes planes R, G, B of side x side bytes, and side x side mask bytes (255 times the area's share where a
// border crosses a pixel). The stretch to 0..255 by the picture's own least and greatest value is the
// caller's: it is done for the whole batch on the device. Beyond the picture its mirror image continues.
//
// With a donor, its marked area lands on the picture, moved and turned by itself, with a soft edge and its
// colours brought nearer to those around its new place; the mask is then of both. Nothing is pasted where the
// area would be too small to see, would fill the picture, or would lie in a dark corner.
void augment(const TrainingSample& sample, const AugmentOptions& options, int side, std::uint64_t seed,
             std::span<std::uint8_t> planes, std::span<std::uint8_t> mask,
             const TrainingSample* donor = nullptr);

// Validation: nothing but the network's own preprocessing. Planes stretched to 0..255, mask in [0, 1].
void plainSample(const TrainingSample& sample, int side, std::span<float> planes, std::span<float> mask);

// Whether a stem belongs to the fixed tenth that is kept for choosing (FNV-1a of the stem, modulo 10).
bool isHeldOut(const std::string& stem);

} // namespace limn
