// SPDX-License-Identifier: GPL-3.0-or-later
// What people decide about images, each decision in one transaction: states, flags, comments, assignments.
#include "io/store/sql_project_store.h"

namespace limn {

namespace {

// The word of a decision's lines in the history.
const char* wordOf(DecisionRecord::Kind kind) {
    switch (kind) {
    case DecisionRecord::Kind::State:
        return "state";
    case DecisionRecord::Kind::Flag:
        return "flag";
    case DecisionRecord::Kind::Comment:
        return "comment";
    case DecisionRecord::Kind::Assignment:
        return "assigned";
    }
    return "";
}

} // namespace

Result<bool> SqlProjectStore::isDecided(const DecisionRecord& decision, ImageId id, PersonId by) {
    if (decision.timeMs == 0)
        return false;
    Result<QSqlQuery> query =
        m_sql->run("SELECT 1 FROM history WHERE image_id = ? AND time_ms = ? AND person_id = ? AND what = ?",
                   {number(id), number(decision.timeMs), number(by), text(wordOf(decision.kind))});
    if (!query)
        return query.error();
    return query->next();
}

Result<PersonId> SqlProjectStore::personOf(PersonId id, const std::string& name) {
    return id == kUnnumbered ? person(name) : Result<PersonId>(id);
}

Result<void> SqlProjectStore::decideOne(const DecisionRecord& decision, ImageId id, PersonId by,
                                        PersonId assignee) {
    using Kind = DecisionRecord::Kind;
    switch (decision.kind) {
    case Kind::State: {
        const bool keeps = decision.state == ReviewState::Submitted ||
                           decision.state == ReviewState::Accepted || decision.state == ReviewState::Rejected;
        const Result<std::vector<AnnotationInfo>> annotations =
            keeps ? annotationsOf(id) : std::vector<AnnotationInfo>();
        if (!annotations)
            return annotations.error();
        for (const AnnotationInfo& info : *annotations) {
            if (info.person != by || info.version != 0)
                continue;
            const Result<std::int64_t> kept =
                addKeptVersion(info.id, std::string(reviewStateName(decision.state)), by, decision.timeMs);
            if (!kept)
                return kept.error();
        }
        return changeState(id, decision.state, decision.note, by, decision.timeMs);
    }
    case Kind::Flag:
        return changeFlag(id, decision.flagged, decision.note, by, decision.timeMs);
    case Kind::Comment:
        if (const Result<std::string> path = imagePath(id); !path)
            return path.error();
        return note({0, decision.timeMs, by, id, wordOf(decision.kind), "", "", decision.note});
    case Kind::Assignment:
        return changeAssignee(id, assignee, by, decision.timeMs);
    }
    return {};
}

Result<void> SqlProjectStore::decide(const DecisionRecord& decision) {
    using Kind = DecisionRecord::Kind;
    if (decision.kind == Kind::State && decision.state == ReviewState::Rejected && decision.note.empty())
        return Error{ErrorCode::InvalidArgument, {"the reason of a rejection", "empty", "given"}};
    if (decision.kind == Kind::Comment && decision.note.empty())
        return Error{ErrorCode::InvalidArgument, {"a comment", "empty", "at least one letter"}};
    const Result<PersonId> by = personOf(decision.person, decision.personName);
    if (!by)
        return by.error();
    const Result<PersonId> assignee = personOf(decision.assignee, decision.assigneeName);
    if (!assignee)
        return assignee.error();
    return write([&]() -> Result<void> {
        for (ImageId id : decision.images) {
            const Result<bool> done = isDecided(decision, id, *by);
            if (!done)
                return done.error();
            if (*done)
                continue;
            if (Result<void> decided = decideOne(decision, id, *by, *assignee); !decided)
                return decided;
        }
        return {};
    });
}

} // namespace limn
