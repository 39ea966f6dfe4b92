// SPDX-License-Identifier: GPL-3.0-or-later
// The store and its stroke journal: making one, and taking over what a killed program left in one.
#include "io/store/sql_project_store.h"
#include "io/store/stroke_journal.h"

#include <QFile>
#include <QFileInfo>
#include <QUuid>

#include <algorithm>
#include <limits>
#include <utility>

namespace limn {

namespace {

const std::string kIdentitySetting = "store-id";

bool sameAnnotation(const StoredAnnotation& a, const StoredAnnotation& b) {
    return sameContent(a.labels, b.labels) && sameContent(a.provenanceMap, b.provenanceMap) &&
           a.labelTable == b.labelTable && a.provenance == b.provenance && a.threshold == b.threshold &&
           a.noLesion == b.noLesion;
}

} // namespace

// Tells the journal of this project from that of another one that had the same path.
Result<std::string> SqlProjectStore::identity() {
    const Result<std::optional<std::string>> there = setting(kIdentitySetting);
    if (!there)
        return there.error();
    if (*there)
        return **there;
    const std::string fresh = QUuid::createUuid().toString(QUuid::WithoutBraces).toStdString();
    if (Result<void> set = setSetting(kIdentitySetting, fresh); !set)
        return set.error();
    return fresh;
}

Result<std::unique_ptr<StrokeJournal>> SqlProjectStore::startJournal() {
    if (m_access != StoreAccess::ReadWrite || m_path.empty())
        return Error{ErrorCode::StoreReadOnly, {m_path}};
    const std::string path = StrokeJournal::pathOf(m_path);
    if (m_journalIsNeeded)
        return Error{ErrorCode::FileNotWritable, {path, "it holds strokes that could not be saved yet"}};
    const Result<std::string> mine = identity();
    if (!mine)
        return mine.error();
    return StrokeJournal::open(path, *mine);
}

// Brings an annotation to the end of its chain. The store is at some state of it: a chain may be applied to
// any of them.
Result<void> SqlProjectStore::replayChain(Chain& chain) {
    if (!std::exchange(chain.hasNews, false) || !chain.records.front()->startsChain)
        return {}; // without its beginning nothing is known of what it follows
    const StoredAnnotation& head = chain.records.front()->annotation;
    // What was removed was removed by somebody, after these strokes.
    const Result<std::optional<ImageRecord>> there = image(head.image);
    if (!there)
        return there.error();
    if (!*there)
        return {};
    const Result<StoredAnnotationPtr> stored = annotation(head.image, head.person, head.version);
    if (!stored)
        return stored.error();
    const std::int64_t base = chain.records.front()->baseRevision;
    if (!*stored && base > 0)
        return {};
    StoredAnnotation next = *stored ? **stored : StoredAnnotation();
    const std::int64_t revision = next.revision;
    if (!*stored) {
        next.labels = LabelTiles(head.labels.size, head.labels.tileSize);
        if (!head.provenanceMap.empty())
            next.provenanceMap = LabelTiles(next.labels.size, next.labels.tileSize);
    }
    for (const JournalRecord* record : chain.records) {
        if (!applyRecord(*record, next))
            break;
    }
    if (*stored && sameAnnotation(next, **stored))
        return {};
    // Other revisions than those that the journal's program made: somebody's save came between.
    const bool ours = revision >= base && revision <= base + chain.saves;
    next.revision = revision;
    const Result<SavedAnnotation> saved = ours ? saveAnnotation(next, stored->get()) : saveAsVersion(next);
    if (!saved)
        return saved.error();
    m_strokesReplayed += static_cast<int>(chain.records.size());
    return {};
}

// A decision that the store has was followed there by later strokes, perhaps: annotations are brought up to
// it only when the store does not have it.
Result<void> SqlProjectStore::replayDecision(const DecisionRecord& decision,
                                             std::map<AnnotationKey, Chain>& chains) {
    const Result<PersonId> by = personOf(decision.person, decision.personName);
    if (!by)
        return by.error();
    DecisionRecord open = decision;
    open.images.clear();
    for (ImageId id : decision.images) {
        const Result<std::optional<ImageRecord>> there = image(id);
        if (!there)
            return there.error();
        const Result<bool> done = isDecided(decision, id, *by);
        if (!done)
            return done.error();
        if (*there && !*done)
            open.images.push_back(id);
    }
    if (open.images.empty())
        return {};
    for (ImageId id : open.images) {
        const AnnotationKey first{id, std::numeric_limits<PersonId>::min(), 0};
        for (auto it = chains.lower_bound(first); it != chains.end() && std::get<0>(it->first) == id; ++it) {
            if (Result<void> replayed = replayChain(it->second); !replayed)
                return replayed;
        }
    }
    if (Result<void> decided = decide(open); !decided)
        return decided;
    ++m_decisionsReplayed;
    return {};
}

Result<void> SqlProjectStore::replayJournal() {
    const std::string path = StrokeJournal::pathOf(m_path);
    if (m_path.empty() || !QFileInfo::exists(QString::fromStdString(path)))
        return {};
    Result<JournalContent> journal = readJournal(path);
    if (!journal)
        return journal.error();
    if (journal->records.empty())
        return {};
    const Result<std::string> mine = identity();
    if (!mine)
        return mine.error();
    if (journal->project != *mine) {
        // Somebody's strokes all the same: they are kept, beside.
        QFile::rename(QString::fromStdString(path), QString::fromStdString(path + "-of-" + journal->project));
        return {};
    }

    bool refused = false;
    // What can never be taken must not keep the rest from it.
    const auto mayGoOn = [&](const Result<void>& replayed) {
        refused = refused || (!replayed && replayed.error().code == ErrorCode::InvalidArgument);
        return replayed || replayed.error().code == ErrorCode::InvalidArgument;
    };
    std::map<AnnotationKey, Chain> chains;
    for (JournalRecord& record : journal->records) {
        if (record.decision) {
            if (Result<void> replayed = replayDecision(*record.decision, chains); !mayGoOn(replayed))
                return replayed;
            continue;
        }
        StoredAnnotation& annotation = record.annotation;
        const Result<PersonId> author = personOf(annotation.person, annotation.personName);
        if (!author)
            return author.error();
        annotation.person = *author;
        Chain& chain = chains[{annotation.image, annotation.person, annotation.version}];
        if (record.startsChain)
            chain.records.clear();
        chain.records.push_back(&record);
        chain.saves += record.saves;
        chain.hasNews = true;
    }
    for (auto& [key, chain] : chains) {
        if (Result<void> replayed = replayChain(chain); !mayGoOn(replayed))
            return replayed;
    }
    if (refused)
        QFile::copy(QString::fromStdString(path),
                    QString::fromStdString(path + "-refused-" + std::to_string(nowMs())));
    return {};
}

} // namespace limn
