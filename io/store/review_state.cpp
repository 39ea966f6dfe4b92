// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/store/review_state.h"

#include <cstddef>

namespace limn {

namespace {

constexpr std::array<std::string_view, kReviewStates.size()> kNames = {"new",       "proposed", "in-progress",
                                                                       "submitted", "accepted", "rejected"};

// Rows: from; columns: to; in the order of the enumeration.
constexpr bool kAllowed[kReviewStates.size()][kReviewStates.size()] = {
    // new, proposed, in progress, submitted, accepted, rejected
    {false, true, true, true, true, true},   // new
    {true, false, true, true, true, true},   // proposed
    {true, true, false, true, true, true},   // in progress
    {false, false, true, false, true, true}, // submitted
    {false, false, true, true, false, true}, // accepted
    {true, true, true, true, true, false},   // rejected
};

} // namespace

std::string_view reviewStateName(ReviewState state) {
    return kNames[static_cast<std::size_t>(state)];
}

std::optional<ReviewState> reviewStateFromName(std::string_view name) {
    for (ReviewState state : kReviewStates) {
        if (reviewStateName(state) == name)
            return state;
    }
    return std::nullopt;
}

std::optional<ReviewState> reviewStateFromNumber(int number) {
    if (number < 0 || number >= static_cast<int>(kReviewStates.size()))
        return std::nullopt;
    return static_cast<ReviewState>(number);
}

bool mayFollow(ReviewState from, ReviewState to) {
    return kAllowed[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

} // namespace limn
