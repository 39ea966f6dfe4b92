// SPDX-License-Identifier: GPL-3.0-or-later
// The images of a project in memory, for searching, filtering and ordering without the store: 100,000 images
// within 100 ms for any question. Holds values alone. Used by one thread (the one that shows it); a copy may
// be handed to another.
#pragma once

#include "io/store/records.h"

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace limn {

// A text whose plain byte order is the natural order of names: letters of either case are equal, and "img2"
// comes before "img10".
std::string naturalSortKey(const std::string& name);

enum class WorklistOrder {
    Project, // as added
    Name,    // natural: "img2" before "img10"; letters of either case are equal
    State,
    Uncertainty,
    Area,
    Change,
    LastEdit,
    Added,
};

// Whether an image waits for this person. Files that cannot be used wait for nobody, accepted images neither,
// and images assigned to somebody else do not wait for this one. New, proposed and begun images wait for
// anybody; submitted ones for anybody but their author; rejected ones for their author where somebody else
// rejected them (see sentBack()).
bool waitsFor(const ImageRecord& record, PersonId person);

// Rejected and to be corrected by its author. Not what the author rejected, nor a proposal that nobody
// edited: there the rejection is the decision, and nothing is left to do.
bool sentBack(const ImageRecord& record);

struct WorklistFilter {
    std::vector<ReviewState> states;  // empty: all
    std::optional<bool> flagged;      // empty: both
    std::optional<bool> noLesion;     // empty: both
    std::optional<bool> unusable;     // true: only files that cannot be used; false: only those that can
    std::optional<PersonId> assignee; // kNobody: the unassigned
    std::optional<PersonId> editor;   // last editor
    std::optional<PersonId> mine;     // assigned to this person, or unassigned and last edited by them
    std::optional<PersonId> todoOf;   // waits for this person: see waitsFor()
    std::string text;                 // every word must be in the path; case does not matter
};

struct WorklistCounts {
    std::size_t total = 0;
    std::array<std::size_t, kReviewStates.size()> byState{}; // index: the state's number
    std::size_t flagged = 0;
    std::size_t noLesion = 0;
    std::size_t unusable = 0;
    std::size_t sentBack = 0; // of the rejected ones: see sentBack()
    // Somebody has to do something before they can be submitted.
    std::size_t todo() const { return byState[0] + byState[1] + byState[2] + sentBack; }
};

class Worklist {
public:
    // Replaces everything.
    void reset(std::vector<ImageRecord> records);
    void add(std::vector<ImageRecord> records);
    void remove(std::span<const ImageId> ids);
    // Replaces the record of this id. False: no such image.
    bool update(const ImageRecord& record);

    std::size_t size() const { return m_records.size(); }
    const ImageRecord* find(ImageId id) const; // null: none; valid until the next change
    const ImageRecord* findPath(const std::string& path) const;

    // Ids that pass the filter, ordered; ties in project order. Unknown figures (< 0) come last in both
    // directions.
    std::vector<ImageId> select(const WorklistFilter& filter, WorklistOrder order = WorklistOrder::Project,
                                bool descending = false) const;
    // Of those that pass the filter; the default counts all.
    WorklistCounts counts(const WorklistFilter& filter = {}) const;

    // Grows with every change; tells a view that its list may be out of date.
    std::size_t changeNumber() const { return m_changeNumber; }

private:
    struct Row {
        std::string folded; // path in lower case, for searching
        std::uint32_t nameRank = 0;
    };
    void index();
    void rankNames() const;

    std::vector<ImageRecord> m_records; // project order
    mutable std::vector<Row> m_rows;    // same index
    std::unordered_map<ImageId, std::uint32_t> m_byId;
    std::unordered_multimap<std::size_t, std::uint32_t> m_byPath; // by the path's hash
    mutable bool m_ranksAreOld = true;
    std::size_t m_changeNumber = 0;
};

} // namespace limn
