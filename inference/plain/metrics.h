// SPDX-License-Identifier: GPL-3.0-or-later
// Figures that say how well a mask agrees with the true one: the paper's (one confusion matrix over all
// pixels), per-image overlap and boundary figures, and what an evaluation report needs of probabilities.
// "Inside" is any label but 0. Plain C++20, any thread.
#pragma once

#include "io/core/image.h"
#include "io/core/result.h"

#include <cstdint>
#include <span>
#include <vector>

namespace limn {

// Counts of pixels, as the released Python code adds them up over a whole set. A ratio without a denominator
// is 0, as there.
struct Confusion {
    std::uint64_t truePositive = 0;
    std::uint64_t falsePositive = 0;
    std::uint64_t trueNegative = 0;
    std::uint64_t falseNegative = 0;

    Confusion& operator+=(const Confusion& other);
    bool operator==(const Confusion&) const = default;
    std::uint64_t total() const { return truePositive + falsePositive + trueNegative + falseNegative; }

    double miou() const;        // TP / (TP + FP + FN): foreground IoU (the paper's code calls it mIoU)
    double dsc() const;         // 2 TP / (2 TP + FP + FN)
    double accuracy() const;    // (TP + TN) / all
    double specificity() const; // TN / (TN + FP)
    double sensitivity() const; // TP / (TP + FN)
};

// Spans of one size (a precondition). A probability >= threshold is inside; NaN is outside.
Confusion confusionOf(std::span<const float> probability, std::span<const std::uint8_t> truth,
                      double threshold = 0.5);
Confusion confusionOf(const ProbabilityMap& probability, const LabelMap& truth, double threshold = 0.5);
Confusion confusionOf(std::span<const std::uint8_t> mask, std::span<const std::uint8_t> truth);

// One image at full size. Where both masks are empty they agree: dice = iou = boundaryF = 1, hd95 = 0. Where
// one alone is empty: dice = iou = boundaryF = 0, hd95 = the image's diagonal (the largest distance there
// is).
struct ImageScores {
    double dice = 0.0;
    double iou = 0.0;
    // 95th percentile (linear between ranks) of the distances, both ways pooled, from each boundary pixel of
    // one mask to the nearest boundary pixel of the other; pixels, Euclidean, exact. A boundary pixel is an
    // inside pixel with an outside one among its 4 neighbours; beyond the image is outside.
    double hd95 = 0.0;
    // Harmonic mean of the shares of either boundary that lie within the tolerance of the other one.
    double boundaryF = 0.0;
};

// Tolerance as a share of the image's diagonal: the value of Martin, Fowlkes and Malik, "Learning to detect
// natural image boundaries", IEEE TPAMI 26(5), 2004; the boundary F itself as Csurka et al., BMVC 2013,
// and Perazzi et al., CVPR 2016 use it (matching by distance alone).
inline constexpr double kBoundaryTolerance = 0.0075;

// Error: InvalidArgument when the sizes differ or are empty, or the tolerance is negative.
Result<ImageScores> scoreMask(const LabelMap& mask, const LabelMap& truth,
                              double boundaryTolerance = kBoundaryTolerance);

// Exact squared Euclidean distance of each pixel to the nearest pixel that is not 0, in linear time
// (Meijster, Roerdink, Hesselink, "A general algorithm for computing distance transforms in linear time",
// 2000). Without such a pixel every value is kNoFeature.
inline constexpr std::int64_t kNoFeature = INT64_MAX;
std::vector<std::int64_t> squaredDistances(std::span<const std::uint8_t> features, Size size);

// Mean with the percentile-bootstrap interval (Efron, Tibshirani 1993, chapter 13) at 95 %.
struct MeanInterval {
    double mean = 0.0;
    double low = 0.0;
    double high = 0.0;
};
// The same seed gives the same interval everywhere. No values: all 0; one value: no width.
MeanInterval bootstrapMean(std::span<const double> values, std::uint64_t seed = 42, int resamples = 2000);

// Probabilities against the truth, counted by their 16-bit value: gives the confusion at every threshold and
// the calibration without keeping any image. About 1 MB; one per thread, then +=.
class ProbabilityHistogram {
public:
    ProbabilityHistogram();

    // Sizes equal (a precondition). Floats are clamped to [0, 1] and rounded to 1/65535; NaN counts as 0.
    void add(const ProbabilityMap& probability, const LabelMap& truth);
    void add(std::span<const float> probability, std::span<const std::uint8_t> truth);
    ProbabilityHistogram& operator+=(const ProbabilityHistogram& other);

    Confusion at(double threshold) const;

    struct Point {
        double threshold = 0.0;
        Confusion confusion;
    };
    // Thresholds 1/steps, 2/steps, ... (steps - 1)/steps; steps >= 2.
    std::vector<Point> thresholdCurve(int steps = 100) const;

    struct Bin {
        double low = 0.0; // probabilities [low, high), the last bin with its end
        double high = 0.0;
        std::uint64_t count = 0;
        double meanProbability = 0.0; // 0 where count is 0
        double positiveShare = 0.0;   // of the truth; 0 where count is 0
    };
    std::vector<Bin> calibration(int bins = 10) const;
    // Sum over bins of count / total * |mean probability - positive share| (Naeini et al., AAAI 2015).
    double expectedCalibrationError(int bins = 10) const;

private:
    std::vector<std::uint64_t> m_inside;  // per 16-bit value: pixels inside the truth
    std::vector<std::uint64_t> m_outside; // and outside
};

} // namespace limn
