// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/export/coco_runs.h"

#include <limits>
#include <numeric>

namespace limn {

namespace {

constexpr int kGroupBits = 5;
constexpr int kFirstCharacter = 48;
constexpr std::int64_t kMore = 0x20;
constexpr std::int64_t kSign = 0x10;

Error badText(const std::string& found) {
    return {ErrorCode::InvalidArgument, {"the text of run lengths", found, "groups of five bits from '0'"}};
}

} // namespace

CocoRuns cocoRuns(const LabelMap& patch, int left, int top, Size image) {
    CocoRuns runs;
    const std::size_t height = static_cast<std::size_t>(image.height);
    std::size_t begun = 0; // number of the pixel that the present run began with
    bool inside = false;
    const auto turn = [&](std::size_t at) {
        runs.push_back(static_cast<std::uint32_t>(at - begun));
        begun = at;
        inside = !inside;
    };
    for (int x = 0; x < patch.size.width; ++x) {
        const std::size_t column = static_cast<std::size_t>(left + x) * height;
        if (inside && top > 0)
            turn(column); // what lies above the patch is background
        for (int y = 0; y < patch.size.height; ++y) {
            if ((patch.at(x, y) != 0) != inside)
                turn(column + static_cast<std::size_t>(top + y));
        }
        if (inside && top + patch.size.height < image.height)
            turn(column + static_cast<std::size_t>(top + patch.size.height));
    }
    if (inside && left + patch.size.width < image.width)
        turn(static_cast<std::size_t>(left + patch.size.width) * height);
    if (image.pixels() > begun || runs.empty())
        runs.push_back(static_cast<std::uint32_t>(image.pixels() - begun));
    return runs;
}

CocoRuns cocoRuns(const LabelMap& mask) {
    return cocoRuns(mask, 0, 0, mask.size);
}

Result<LabelMap> maskFromCocoRuns(const CocoRuns& runs, Size size) {
    const std::uint64_t sum = std::accumulate(runs.begin(), runs.end(), std::uint64_t{0});
    if (sum != size.pixels())
        return Error{ErrorCode::InvalidArgument,
                     {"the sum of the runs", std::to_string(sum), std::to_string(size.pixels())}};
    LabelMap mask(size);
    std::size_t at = 0;
    const std::size_t height = static_cast<std::size_t>(size.height);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const std::size_t end = at + runs[i];
        for (; i % 2 == 1 && at < end; ++at)
            mask.at(static_cast<int>(at / height), static_cast<int>(at % height)) = 1;
        at = end;
    }
    return mask;
}

std::string cocoRunText(const CocoRuns& runs) {
    std::string text;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        std::int64_t rest = runs[i];
        if (i > 2)
            rest -= runs[i - 2];
        for (bool more = true; more;) {
            std::int64_t group = rest & (kMore - 1);
            rest >>= kGroupBits;
            more = (group & kSign) ? rest != -1 : rest != 0;
            if (more)
                group |= kMore;
            text += static_cast<char>(group + kFirstCharacter);
        }
    }
    return text;
}

Result<CocoRuns> cocoRunsFromText(const std::string& text) {
    constexpr int kMostBits = 35; // a difference of two 32-bit runs needs 33 with its sign
    CocoRuns runs;
    for (std::size_t at = 0; at < text.size();) {
        std::int64_t number = 0;
        int bits = 0;
        for (bool more = true; more;) {
            if (at == text.size())
                return badText("cut off");
            const std::int64_t group = static_cast<unsigned char>(text[at++]) - kFirstCharacter;
            if (group < 0 || group >= 2 * kMore || bits >= kMostBits)
                return badText(std::string(1, text[at - 1]) + " at " + std::to_string(at - 1));
            number |= (group & (kMore - 1)) << bits;
            bits += kGroupBits;
            more = (group & kMore) != 0;
            if (!more && (group & kSign))
                number |= -(std::int64_t{1} << bits);
        }
        if (runs.size() > 2)
            number += runs[runs.size() - 2];
        if (number < 0 || number > std::numeric_limits<std::uint32_t>::max())
            return badText("a run of " + std::to_string(number) + " pixels");
        runs.push_back(static_cast<std::uint32_t>(number));
    }
    return runs;
}

} // namespace limn
