// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/metrics.h"
#include "io/core/hashing.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <string>

namespace limn {

namespace {

constexpr std::size_t kLevels = 65536;

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Squared distances to the nearest feature, one row at a time: `consume(y, row)`. There is at least one
// feature. Names as in the paper: g is the distance within the column, s and t are the lower envelope's
// parabolas and where each begins to rule.
template<typename Consume>
void eachRowOfDistances(std::span<const std::uint8_t> features, Size size, const Consume& consume) {
    const int width = size.width;
    const int height = size.height;
    const auto stride = static_cast<std::size_t>(width);
    const std::int32_t farAway = width + height;
    std::vector<std::int32_t> columns(size.pixels());
    for (int y = 0; y < height; ++y) {
        const std::uint8_t* from = features.data() + y * stride;
        std::int32_t* to = columns.data() + y * stride;
        if (y == 0) {
            for (int x = 0; x < width; ++x)
                to[x] = from[x] ? 0 : farAway;
            continue;
        }
        const std::int32_t* above = to - stride;
        for (int x = 0; x < width; ++x)
            to[x] = from[x] ? 0 : std::min(above[x] + 1, farAway);
    }
    for (int y = height - 2; y >= 0; --y) {
        std::int32_t* to = columns.data() + y * stride;
        const std::int32_t* below = to + stride;
        for (int x = 0; x < width; ++x)
            to[x] = std::min(to[x], below[x] + 1);
    }

    std::vector<int> s(stride);
    std::vector<int> t(stride);
    std::vector<std::int64_t> row(stride);
    for (int y = 0; y < height; ++y) {
        const std::int32_t* g = columns.data() + y * stride;
        const auto f = [g](std::int64_t x, std::int64_t i) {
            return (x - i) * (x - i) + static_cast<std::int64_t>(g[i]) * g[i];
        };
        int q = 0;
        s[0] = 0;
        t[0] = 0;
        for (int u = 1; u < width; ++u) {
            while (q >= 0 && f(t[q], s[q]) > f(t[q], u))
                --q;
            if (q < 0) {
                q = 0;
                s[0] = u;
                t[0] = 0;
                continue;
            }
            // First column where u rules over s[q]; the numerator is not negative here.
            const std::int64_t i = s[q];
            const std::int64_t numerator = static_cast<std::int64_t>(u) * u - i * i +
                                           static_cast<std::int64_t>(g[u]) * g[u] -
                                           static_cast<std::int64_t>(g[i]) * g[i];
            const std::int64_t begin = 1 + numerator / (2 * (u - i));
            if (begin < width) {
                ++q;
                s[q] = u;
                t[q] = static_cast<int>(begin);
            }
        }
        for (int x = width - 1; x >= 0; --x) {
            row[x] = f(x, s[q]);
            if (x == t[q])
                --q;
        }
        consume(y, row);
    }
}

bool anyInside(std::span<const std::uint8_t> mask) {
    return std::any_of(mask.begin(), mask.end(), [](std::uint8_t value) { return value != 0; });
}

// The smallest rectangle around everything that is inside either mask, which is not empty.
Rect insideOf(const LabelMap& a, const LabelMap& b) {
    const Size size = a.size;
    Rect box;
    for (int y = 0; y < size.height; ++y) {
        const std::size_t row = static_cast<std::size_t>(y) * size.width;
        int first = 0;
        while (first < size.width && (a.labels[row + first] | b.labels[row + first]) == 0)
            ++first;
        if (first == size.width)
            continue;
        int last = size.width - 1;
        while ((a.labels[row + last] | b.labels[row + last]) == 0)
            --last;
        box = united(box, {first, y, last + 1 - first, 1});
    }
    return box;
}

// Boundary pixels within the box, which holds all that is inside.
std::vector<std::uint8_t> boundaryOf(const LabelMap& mask, const Rect& box) {
    const auto inside = [&](int x, int y) {
        return x >= 0 && y >= 0 && x < mask.size.width && y < mask.size.height && mask.at(x, y) != 0;
    };
    std::vector<std::uint8_t> boundary(Size{box.width, box.height}.pixels());
    std::size_t i = 0;
    for (int y = box.y; y < box.bottom(); ++y) {
        for (int x = box.x; x < box.right(); ++x, ++i) {
            boundary[i] = inside(x, y) &&
                          !(inside(x - 1, y) && inside(x + 1, y) && inside(x, y - 1) && inside(x, y + 1));
        }
    }
    return boundary;
}

std::vector<std::int64_t> distancesBetween(std::span<const std::uint8_t> from,
                                           std::span<const std::uint8_t> to, Size size) {
    std::vector<std::int64_t> squares;
    eachRowOfDistances(to, size, [&](int y, const std::vector<std::int64_t>& row) {
        const std::size_t begin = static_cast<std::size_t>(y) * size.width;
        for (std::size_t x = 0; x < row.size(); ++x) {
            if (from[begin + x])
                squares.push_back(row[x]);
        }
    });
    return squares;
}

// Linear between ranks, as the usual definition (Hyndman and Fan 1996, type 7); reorders the values.
template<typename T, typename Convert>
double percentile(std::vector<T>& values, double share, const Convert& convert) {
    const double rank = share * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(rank);
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(low), values.end());
    const double below = convert(values[low]);
    if (low + 1 == values.size())
        return below;
    const double above =
        convert(*std::min_element(values.begin() + static_cast<std::ptrdiff_t>(low) + 1, values.end()));
    return below + (above - below) * (rank - static_cast<double>(low));
}

double shareWithin(std::span<const std::int64_t> squares, double tolerance) {
    const double most = tolerance * tolerance;
    const auto near = std::count_if(squares.begin(), squares.end(),
                                    [&](std::int64_t square) { return static_cast<double>(square) <= most; });
    return ratio(static_cast<std::uint64_t>(near), squares.size());
}

// splitmix64 (Steele, Lea, Flood 2014): the same numbers from every compiler.
class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed) {}
    std::uint64_t below(std::uint64_t count) { // count < 2^32
        return ((splitMixNext(m_state) >> 32) * count) >> 32;
    }

private:
    std::uint64_t m_state;
};

std::size_t levelOf(float probability) {
    // Written so that NaN falls on 0.
    const float clamped = probability > 0.0f ? std::min(probability, 1.0f) : 0.0f;
    return static_cast<std::size_t>(clamped * ProbabilityMap::kScale + 0.5f);
}

template<typename IsInside>
Confusion counted(std::span<const std::uint8_t> truth, const IsInside& isInside) {
    std::uint64_t both = 0;
    std::uint64_t predicted = 0;
    std::uint64_t actual = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
        const bool inside = isInside(i);
        const bool real = truth[i] != 0;
        both += inside && real;
        predicted += inside;
        actual += real;
    }
    return {both, predicted - both, truth.size() + both - predicted - actual, actual - both};
}

} // namespace

Confusion& Confusion::operator+=(const Confusion& other) {
    truePositive += other.truePositive;
    falsePositive += other.falsePositive;
    trueNegative += other.trueNegative;
    falseNegative += other.falseNegative;
    return *this;
}

double Confusion::miou() const {
    return ratio(truePositive, truePositive + falsePositive + falseNegative);
}

double Confusion::dsc() const {
    return ratio(2 * truePositive, 2 * truePositive + falsePositive + falseNegative);
}

double Confusion::accuracy() const {
    return ratio(truePositive + trueNegative, total());
}

double Confusion::specificity() const {
    return ratio(trueNegative, trueNegative + falsePositive);
}

double Confusion::sensitivity() const {
    return ratio(truePositive, truePositive + falseNegative);
}

Confusion confusionOf(std::span<const float> probability, std::span<const std::uint8_t> truth,
                      double threshold) {
    assert(probability.size() == truth.size());
    return counted(truth, [&](std::size_t i) { return static_cast<double>(probability[i]) >= threshold; });
}

Confusion confusionOf(const ProbabilityMap& probability, const LabelMap& truth, double threshold) {
    assert(probability.size == truth.size);
    const std::uint32_t first = ProbabilityMap::firstInside(threshold);
    return counted(truth.labels, [&](std::size_t i) { return probability.values[i] >= first; });
}

Confusion confusionOf(std::span<const std::uint8_t> mask, std::span<const std::uint8_t> truth) {
    assert(mask.size() == truth.size());
    return counted(truth, [&](std::size_t i) { return mask[i] != 0; });
}

Result<ImageScores> scoreMask(const LabelMap& mask, const LabelMap& truth, double boundaryTolerance) {
    const auto text = [](Size size) {
        return std::to_string(size.width) + " x " + std::to_string(size.height);
    };
    if (mask.size != truth.size || mask.size.pixels() == 0)
        return Error{ErrorCode::InvalidArgument,
                     {"The mask's size", text(mask.size), "that of the true mask, " + text(truth.size)}};
    if (!(boundaryTolerance >= 0.0))
        return Error{ErrorCode::InvalidArgument,
                     {"The boundary tolerance", std::to_string(boundaryTolerance), "0 or more"}};
    const double diagonal = std::hypot(mask.size.width, mask.size.height);
    const bool empty = !anyInside(mask.labels);
    const bool trulyEmpty = !anyInside(truth.labels);
    if (empty && trulyEmpty)
        return ImageScores{1.0, 1.0, 0.0, 1.0};
    if (empty || trulyEmpty)
        return ImageScores{0.0, 0.0, diagonal, 0.0};

    ImageScores scores;
    const Confusion confusion = confusionOf(mask.labels, truth.labels);
    scores.dice = confusion.dsc();
    scores.iou = confusion.miou();

    // Distances between boundaries do not change when everything around them is cut off.
    const Rect box = insideOf(mask, truth);
    const Size boxSize{box.width, box.height};
    const std::vector<std::uint8_t> boundary = boundaryOf(mask, box);
    const std::vector<std::uint8_t> trueBoundary = boundaryOf(truth, box);
    std::vector<std::int64_t> squares = distancesBetween(boundary, trueBoundary, boxSize);
    const std::vector<std::int64_t> back = distancesBetween(trueBoundary, boundary, boxSize);

    const double tolerance = boundaryTolerance * diagonal;
    const double precision = shareWithin(squares, tolerance);
    const double recall = shareWithin(back, tolerance);
    scores.boundaryF = precision + recall > 0.0 ? 2.0 * precision * recall / (precision + recall) : 0.0;
    squares.insert(squares.end(), back.begin(), back.end());
    scores.hd95 =
        percentile(squares, 0.95, [](std::int64_t square) { return std::sqrt(static_cast<double>(square)); });
    return scores;
}

std::vector<std::int64_t> squaredDistances(std::span<const std::uint8_t> features, Size size) {
    assert(features.size() == size.pixels());
    if (!anyInside(features))
        return std::vector<std::int64_t>(features.size(), kNoFeature);
    std::vector<std::int64_t> squares;
    squares.reserve(features.size());
    eachRowOfDistances(features, size, [&](int, const std::vector<std::int64_t>& row) {
        squares.insert(squares.end(), row.begin(), row.end());
    });
    return squares;
}

MeanInterval bootstrapMean(std::span<const double> values, std::uint64_t seed, int resamples) {
    if (values.empty())
        return {};
    const auto meanOf = [&](const auto& valueAt) {
        double sum = 0.0;
        for (std::size_t i = 0; i < values.size(); ++i)
            sum += valueAt(i);
        return sum / static_cast<double>(values.size());
    };
    MeanInterval interval;
    interval.mean = meanOf([&](std::size_t i) { return values[i]; });
    Random random(seed);
    std::vector<double> means(static_cast<std::size_t>(std::max(1, resamples)));
    for (double& mean : means)
        mean = meanOf([&](std::size_t) { return values[random.below(values.size())]; });
    const auto same = [](double mean) { return mean; };
    interval.low = percentile(means, 0.025, same);
    interval.high = percentile(means, 0.975, same);
    return interval;
}

ProbabilityHistogram::ProbabilityHistogram() : m_inside(kLevels), m_outside(kLevels) {}

void ProbabilityHistogram::add(const ProbabilityMap& probability, const LabelMap& truth) {
    assert(probability.size == truth.size);
    for (std::size_t i = 0; i < truth.labels.size(); ++i)
        ++(truth.labels[i] ? m_inside : m_outside)[probability.values[i]];
}

void ProbabilityHistogram::add(std::span<const float> probability, std::span<const std::uint8_t> truth) {
    assert(probability.size() == truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i)
        ++(truth[i] ? m_inside : m_outside)[levelOf(probability[i])];
}

ProbabilityHistogram& ProbabilityHistogram::operator+=(const ProbabilityHistogram& other) {
    for (std::size_t level = 0; level < kLevels; ++level) {
        m_inside[level] += other.m_inside[level];
        m_outside[level] += other.m_outside[level];
    }
    return *this;
}

Confusion ProbabilityHistogram::at(double threshold) const {
    const std::size_t first = std::min<std::size_t>(ProbabilityMap::firstInside(threshold), kLevels);
    Confusion confusion;
    for (std::size_t level = 0; level < kLevels; ++level) {
        (level >= first ? confusion.truePositive : confusion.falseNegative) += m_inside[level];
        (level >= first ? confusion.falsePositive : confusion.trueNegative) += m_outside[level];
    }
    return confusion;
}

std::vector<ProbabilityHistogram::Point> ProbabilityHistogram::thresholdCurve(int steps) const {
    assert(steps >= 2);
    std::vector<Point> points;
    for (int i = 1; i < steps; ++i) {
        const double threshold = static_cast<double>(i) / steps;
        points.push_back({threshold, at(threshold)});
    }
    return points;
}

std::vector<ProbabilityHistogram::Bin> ProbabilityHistogram::calibration(int bins) const {
    assert(bins >= 1);
    const auto count = static_cast<std::size_t>(bins);
    std::vector<Bin> result(count);
    std::vector<double> levelSums(count);
    std::vector<std::uint64_t> positives(count);
    for (std::size_t level = 0; level < kLevels; ++level) {
        const std::size_t bin = std::min(count - 1, level * count / (kLevels - 1));
        const std::uint64_t pixels = m_inside[level] + m_outside[level];
        result[bin].count += pixels;
        positives[bin] += m_inside[level];
        levelSums[bin] += static_cast<double>(level) * static_cast<double>(pixels);
    }
    for (std::size_t bin = 0; bin < count; ++bin) {
        Bin& out = result[bin];
        out.low = static_cast<double>(bin) / bins;
        out.high = static_cast<double>(bin + 1) / bins;
        out.positiveShare = ratio(positives[bin], out.count);
        if (out.count > 0)
            out.meanProbability = levelSums[bin] / (static_cast<double>(ProbabilityMap::kScale) *
                                                    static_cast<double>(out.count));
    }
    return result;
}

double ProbabilityHistogram::expectedCalibrationError(int bins) const {
    double sum = 0.0;
    std::uint64_t total = 0;
    for (const Bin& bin : calibration(bins)) {
        sum += static_cast<double>(bin.count) * std::fabs(bin.meanProbability - bin.positiveShare);
        total += bin.count;
    }
    return total == 0 ? 0.0 : sum / static_cast<double>(total);
}

} // namespace limn
