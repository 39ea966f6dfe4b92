// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/proposal_ops.h"

#include "app/document/runs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace limn {

namespace {

// Probabilities that count towards the uncertainty.
constexpr double kUnsureFrom = 0.3;
constexpr double kUnsureTo = 0.7;
constexpr double kMiddle = 0.5;

const std::uint16_t* rowOf(const Proposal& proposal, int imageY) {
    return proposal.probability.values.data() +
           static_cast<std::size_t>(imageY - proposal.extent.y) * proposal.probability.size.width;
}

// The extent, as far as there are values for it.
Rect extentOf(const Proposal& proposal) {
    return {proposal.extent.x, proposal.extent.y,
            std::min(proposal.extent.width, proposal.probability.size.width),
            std::min(proposal.extent.height, proposal.probability.size.height)};
}

} // namespace

void thresholdTile(const Proposal& proposal, double threshold, const Rect& rect, LabelMap& out) {
    const Size wanted{std::max(0, rect.width), std::max(0, rect.height)};
    const Rect part = intersected(rect, extentOf(proposal));
    out.size = wanted;
    // Only a part that reaches beyond the extent has pixels that the loop below does not set.
    if (part == rect)
        out.labels.resize(wanted.pixels());
    else
        out.labels.assign(wanted.pixels(), 0);
    const std::uint32_t first = ProbabilityMap::firstInside(threshold);
    if (first > 65535u) {
        std::fill(out.labels.begin(), out.labels.end(), std::uint8_t{0});
        return;
    }
    const auto least = static_cast<std::uint16_t>(first);
    for (int y = part.y; y < part.bottom(); ++y) {
        const std::uint16_t* values = rowOf(proposal, y) + (part.x - proposal.extent.x);
        std::uint8_t* row = &out.at(part.x - rect.x, y - rect.y);
        for (int x = 0; x < part.width; ++x)
            row[x] = values[x] >= least ? 1 : 0;
    }
}

PixelArea proposalArea(const Proposal& proposal, double threshold, const PixelArea* scope) {
    const Rect extent = extentOf(proposal);
    const std::uint32_t first = ProbabilityMap::firstInside(threshold);
    std::vector<Span> spans;
    if (extent.empty() || first > 65535u)
        return {};
    const auto least = static_cast<std::uint16_t>(first);
    std::vector<std::uint8_t> inside(static_cast<std::size_t>(extent.width));
    for (int y = extent.y; y < extent.bottom(); ++y) {
        const std::uint16_t* values = rowOf(proposal, y);
        for (std::size_t x = 0; x < inside.size(); ++x)
            inside[x] = values[x] >= least ? 1 : 0;
        int x = 0;
        while (x < extent.width) {
            const int begin = firstEqual(inside.data(), x, extent.width, 1);
            if (begin == extent.width)
                break;
            x = firstOther(inside.data(), begin, extent.width, 1);
            spans.push_back({y, extent.x + begin, extent.x + x});
        }
    }
    PixelArea area = PixelArea::fromCanonical(std::move(spans));
    return scope ? area.intersected(*scope) : area;
}

PixelArea proposalPart(const Proposal& proposal, double threshold, int x, int y, const PixelArea* scope) {
    return connectedPart(proposalArea(proposal, threshold, scope), x, y);
}

float probabilityAt(const Proposal& proposal, int x, int y) {
    if (intersected(extentOf(proposal), {x, y, 1, 1}).empty())
        return -1.0f;
    return static_cast<float>(rowOf(proposal, y)[x - proposal.extent.x]) / ProbabilityMap::kScale;
}

double proposalUncertainty(const Proposal& proposal) {
    const std::uint32_t low = ProbabilityMap::firstInside(kUnsureFrom);
    const std::uint32_t middle = ProbabilityMap::firstInside(kMiddle);
    const std::uint32_t high = ProbabilityMap::firstInside(kUnsureTo);
    std::size_t changing = 0;
    std::size_t inside = 0;
    for (const std::uint16_t value : proposal.probability.values) {
        changing += value >= low && value < high ? 1 : 0;
        inside += value >= middle ? 1 : 0;
    }
    if (changing == 0)
        return 0.0;
    return inside == 0 ? 100.0 : 100.0 * static_cast<double>(changing) / static_cast<double>(inside);
}

std::vector<std::size_t> probabilityHistogram(const Proposal& proposal, int bins) {
    const auto count = static_cast<std::uint32_t>(std::clamp(bins, 1, 65536));
    std::vector<std::size_t> histogram(count, 0);
    for (const std::uint16_t value : proposal.probability.values)
        ++histogram[value * count / 65536u];
    return histogram;
}

} // namespace limn
