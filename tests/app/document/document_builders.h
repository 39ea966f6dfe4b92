// SPDX-License-Identifier: GPL-3.0-or-later
// Inputs for the tests of the annotation document: random masks and areas from a seed, and comparisons in
// bulk that name the first difference.
#pragma once

#include "app/document/labels.h"
#include "app/document/pixel_area.h"
#include "app/document/tile_map.h"
#include "inference/engine.h"

#include <QByteArray>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <thread>

namespace limn::test {

using Random = std::mt19937;

inline int between(Random& random, int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(random);
}
inline double between(Random& random, double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
}

inline Label label(std::uint8_t value, bool locked = false) {
    Label result;
    result.value = value;
    result.name = QByteArray::number(value).prepend('L').toStdString();
    result.locked = locked;
    return result;
}

// Every pixel by itself: the hardest case for runs, parts and holes.
inline LabelMap noise(Random& random, Size size, int values, double share) {
    LabelMap map(size);
    for (std::uint8_t& value : map.labels)
        if (between(random, 0.0, 1.0) < share)
            value = static_cast<std::uint8_t>(between(random, 1, values));
    return map;
}

// Discs and rectangles over each other, some cut out again.
inline LabelMap blobs(Random& random, Size size, int values, int count) {
    LabelMap map(size);
    for (int i = 0; i < count; ++i) {
        const auto value = static_cast<std::uint8_t>(between(random, 0, values));
        const double x = between(random, -2.0, size.width + 2.0);
        const double y = between(random, -2.0, size.height + 2.0);
        const double radius = between(random, 0.5, std::max(size.width, size.height) / 3.0 + 1.0);
        const bool disc = between(random, 0, 1) == 0;
        for (int row = 0; row < size.height; ++row)
            for (int column = 0; column < size.width; ++column) {
                const double dx = std::abs(column + 0.5 - x);
                const double dy = std::abs(row + 0.5 - y);
                if (disc ? dx * dx + dy * dy <= radius * radius : std::max(dx, dy * 1.7) <= radius)
                    map.at(column, row) = value;
            }
    }
    return map;
}

// Sizes that matter: one pixel, one row, one column, odd, and beyond one tile.
inline Size randomSize(Random& random) {
    switch (between(random, 0, 5)) {
    case 0:
        return {1, 1};
    case 1:
        return {between(random, 1, 40), 1};
    case 2:
        return {1, between(random, 1, 40)};
    default:
        return {between(random, 1, 40), between(random, 1, 40)};
    }
}

// Empty when equal; else the first pixel that differs with both values.
inline QByteArray difference(const LabelMap& found, const LabelMap& expected) {
    if (found.size != expected.size)
        return QByteArray::fromStdString("size " + std::to_string(found.size.width) + " x " +
                                         std::to_string(found.size.height));
    const auto at = std::mismatch(found.labels.begin(), found.labels.end(), expected.labels.begin());
    if (at.first == found.labels.end())
        return {};
    const auto index = static_cast<int>(at.first - found.labels.begin());
    return QByteArray::fromStdString("pixel (" + std::to_string(index % found.size.width) + ", " +
                                     std::to_string(index / found.size.width) + ") of " +
                                     std::to_string(found.size.width) + " x " +
                                     std::to_string(found.size.height) + ": found " +
                                     std::to_string(*at.first) + ", expected " + std::to_string(*at.second));
}

inline Rect whole(Size size) {
    return {0, 0, size.width, size.height};
}

inline QByteArray difference(const PixelArea& found, const LabelMap& expectedMask) {
    return difference(found.toMask(whole(expectedMask.size)), expectedMask);
}

inline ProposalPtr proposal(Rect extent, std::vector<float> probabilities, std::string name = "model") {
    auto result = std::make_shared<Proposal>();
    result->extent = extent;
    result->probability.size = {extent.width, extent.height};
    for (const float p : probabilities)
        result->probability.values.push_back(static_cast<std::uint16_t>(std::lround(p * 65535.0f)));
    result->model = {std::move(name), std::string(64, 'a')};
    return result;
}

// How long work(token) takes undisturbed, and how long it goes on after the token was set a third of the way.
struct StopTimes {
    double wholeMs = 0;
    double afterStopMs = 0;
};
template<typename Work>
StopTimes stopTimes(Work work) {
    using Clock = std::chrono::steady_clock;
    const auto msSince = [](Clock::time_point from) {
        return std::chrono::duration<double, std::milli>(Clock::now() - from).count();
    };
    StopTimes times;
    Clock::time_point from = Clock::now();
    work(nullptr);
    times.wholeMs = msSince(from);
    CancelToken token;
    std::thread worker([&] { work(&token); });
    std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(times.wholeMs / 3));
    token.cancel();
    from = Clock::now();
    worker.join();
    times.afterStopMs = msSince(from);
    return times;
}

} // namespace limn::test
