// SPDX-License-Identifier: GPL-3.0-or-later
// The states of an image in a review and which may follow which. Plain C++20, any thread.
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace limn {

// The numbers are stored in project files: never renumber.
enum class ReviewState {
    New = 0,        // nothing made yet
    Proposed = 1,   // a model made a proposal, nobody drew
    InProgress = 2, // somebody drew, or took a decision back
    Submitted = 3,  // its author says it is done
    Accepted = 4,
    Rejected = 5, // with a reason
};

inline constexpr std::array kReviewStates = {ReviewState::New,        ReviewState::Proposed,
                                             ReviewState::InProgress, ReviewState::Submitted,
                                             ReviewState::Accepted,   ReviewState::Rejected};

// "new", "proposed", "in-progress", "submitted", "accepted", "rejected": stable, for history, CSV and JSON.
std::string_view reviewStateName(ReviewState state);
std::optional<ReviewState> reviewStateFromName(std::string_view name);
std::optional<ReviewState> reviewStateFromNumber(int number);

// New        -> Proposed, InProgress, Submitted, Accepted, Rejected
// Proposed   -> New (its proposal was discarded), InProgress, Submitted, Accepted, Rejected
// InProgress -> Submitted, Accepted, Rejected, and New or Proposed when all edits were undone
// Submitted  -> Accepted, Rejected, InProgress (reopened)
// Accepted   -> InProgress (reopened), Submitted (taken back), Rejected
// Rejected   -> InProgress (corrected), Submitted (sent again), Accepted, and New or Proposed (taken back)
// A state never follows itself. Rejected needs a reason.
bool mayFollow(ReviewState from, ReviewState to);

} // namespace limn
