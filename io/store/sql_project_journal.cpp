// SPDX-License-Identifier: GPL-3.0-or-later
// The store and its stroke journal: making one, and taking over what a killed program left in one.
#include "io/store/sql_project_store.h"
#include "io/store/stroke_journal.h"

#include <QFile>
#include <QFileInfo>
#include <QUuid>

#include <algorithm>
#include <map>
#include <tuple>

namespace limn {

namespace {

const std::string kIdentitySetting = "store-id";

// Records of one annotation, oldest first.
using Chain = std::vector<const JournalRecord*>;

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

    std::map<std::tuple<ImageId, PersonId, int>, Chain> chains;
    for (JournalRecord& record : journal->records) {
        StoredAnnotation& annotation = record.annotation;
        if (annotation.person == kUnnumbered) {
            const Result<PersonId> id = person(annotation.personName);
            if (!id)
                return id.error();
            annotation.person = *id;
        }
        chains[{annotation.image, annotation.person, annotation.version}].push_back(&record);
    }
    for (auto& [key, chain] : chains) {
        const auto& [image, person, version] = key;
        // What was removed was removed by somebody, after these strokes.
        const Result<std::optional<ImageRecord>> there = this->image(image);
        if (!there)
            return there.error();
        if (!*there)
            continue;
        std::int64_t saves = 0;
        for (const JournalRecord* record : chain)
            saves += record->saves;
        auto first = std::find_if(chain.rbegin(), chain.rend(),
                                  [](const JournalRecord* record) { return record->startsChain; });
        if (first == chain.rend())
            continue; // its beginning is torn: nothing is known of what it follows
        chain.erase(chain.begin(), std::prev(first.base()));

        const Result<StoredAnnotationPtr> stored = annotation(image, person, version);
        if (!stored)
            return stored.error();
        const std::int64_t base = chain.front()->baseRevision;
        if (!*stored && base > 0)
            continue;
        StoredAnnotation next = *stored ? **stored : StoredAnnotation();
        const std::int64_t revision = next.revision;
        if (!*stored) {
            next.labels =
                LabelTiles(chain.front()->annotation.labels.size, chain.front()->annotation.labels.tileSize);
            if (!chain.front()->annotation.provenanceMap.empty())
                next.provenanceMap = LabelTiles(next.labels.size, next.labels.tileSize);
        }
        for (const JournalRecord* record : chain) {
            if (!applyRecord(*record, next))
                break;
        }
        if (*stored && sameAnnotation(next, **stored))
            continue;
        // Other revisions than those that the journal's program made: somebody's save came between.
        const bool ours = revision >= base && revision <= base + saves;
        next.revision = revision;
        const Result<SavedAnnotation> saved =
            ours ? saveAnnotation(next, stored->get()) : saveAsVersion(next);
        if (!saved)
            return saved.error();
        m_strokesReplayed += static_cast<int>(chain.size());
    }
    return {};
}

} // namespace limn
