// SPDX-License-Identifier: GPL-3.0-or-later
// ProjectStore over a Qt SQL connection: every statement of the store is in the sql_project_*.cpp files, by
// subject. Inside io/store alone (and its tests); the thread that opened it.
#pragma once

#include "io/store/project_store.h"
#include "io/store/sql_connection.h"
#include "io/store/sqlite_file.h"
#include "io/store/stroke_journal.h"

#include <QTemporaryDir>

#include <map>
#include <set>
#include <tuple>
#include <vector>

namespace limn {

using AnnotationKey = std::tuple<ImageId, PersonId, int>; // the last: version

class SqlProjectStore final : public ProjectStore {
public:
    static Result<std::unique_ptr<SqlProjectStore>> openFile(const std::string& path,
                                                             const StoreOptions& options);
    // Over a connection that is open already, with or without the schema: in memory, or PostgreSQL.
    static Result<std::unique_ptr<SqlProjectStore>> openConnection(std::unique_ptr<SqlConnection> connection,
                                                                   const StoreOptions& options);
    ~SqlProjectStore() override;

    const std::string& path() const override { return m_path; }
    StoreAccess access() const override { return m_access; }
    const std::optional<StoreHolder>& holder() const override { return m_holder; }
    const std::optional<StoreRecovery>& recovery() const override { return m_recovery; }
    int strokesReplayed() const override { return m_strokesReplayed; }
    int decisionsReplayed() const override { return m_decisionsReplayed; }
    Result<std::unique_ptr<StrokeJournal>> startJournal() override;
    Result<void> tryToHold() override;
    Result<void> copyTo(const std::string& path) override;

    Result<std::optional<std::string>> setting(const std::string& name) override;
    Result<std::map<std::string, std::string>> settings() override;
    Result<void> setSetting(const std::string& name, const std::string& value) override;

    Result<std::vector<PersonRecord>> people() override;
    Result<PersonId> person(const std::string& name) override;

    Result<std::vector<ImageRecord>> images() override;
    Result<std::optional<ImageRecord>> image(ImageId id) override;
    Result<std::vector<ImageId>> addImages(std::span<const ImageRecord> records, PersonId by) override;
    Result<void> removeImages(std::span<const ImageId> ids, PersonId by) override;
    Result<void> updateFileFacts(std::span<const ImageRecord> records) override;
    Result<void> moveImage(ImageId id, const std::string& newPath, PersonId by) override;
    Result<std::vector<ImageId>> imagesWithHash(const std::string& sha256) override;
    Result<void> setFigures(ImageId id, const ImageFigures& figures) override;

    Result<void> decide(const DecisionRecord& decision) override;
    Result<void> setState(std::span<const ImageId> ids, ReviewState to, const std::string& reason,
                          PersonId by) override;
    Result<void> setFlag(ImageId id, bool flagged, const std::string& note, PersonId by) override;
    Result<void> assign(std::span<const ImageId> ids, PersonId to, PersonId by) override;
    Result<std::vector<ImageId>> takeNext(PersonId to, int count) override;

    Result<SavedAnnotation> saveAnnotation(const StoredAnnotation& snapshot,
                                           const StoredAnnotation* previous) override;
    Result<SavedAnnotation> saveAsVersion(const StoredAnnotation& snapshot) override;
    Result<StoredAnnotationPtr> annotation(ImageId image, PersonId person, int version) override;
    Result<std::vector<AnnotationInfo>> annotationsOf(ImageId image) override;
    Result<std::vector<AnnotationInfo>> allAnnotations() override;
    Result<void> removeAnnotation(AnnotationId id, PersonId by) override;
    Result<std::int64_t> keepVersion(AnnotationId id, const std::string& what, PersonId by) override;
    Result<std::vector<KeptVersion>> keptVersions(ImageId image) override;
    Result<StoredAnnotationPtr> keptAnnotation(std::int64_t keptId) override;

    Result<std::vector<LabelSetRecord>> labelSets() override;
    Result<void> setLabelSet(const LabelSetRecord& set) override;
    Result<void> removeLabelSet(const std::string& name) override;

    Result<std::shared_ptr<const ProposalRecord>> proposal(const ProposalKey& key) override;
    Result<std::shared_ptr<const ProposalRecord>> newestProposal(const std::string& imageSha256, Size size,
                                                                 const std::string& modelSha256) override;
    Result<void> setProposal(const ProposalRecord& record) override;
    Result<void> pruneProposals(std::int64_t maxBytes) override;

    Result<std::int64_t> addCalibration(const CalibrationRecord& record) override;
    Result<std::optional<CalibrationRecord>> calibration(ImageId image, const std::string& camera) override;
    Result<void> removeCalibration(std::int64_t id, PersonId by) override;

    Result<std::vector<HistoryRecord>> history(ImageId image, int limit, std::int64_t beforeId) override;
    Result<void> addHistory(const HistoryRecord& record) override;

    Result<std::vector<StoreFinding>> verify(const std::function<bool()>& goOn) override;

private:
    SqlProjectStore() = default;

    Result<void> openHeld();
    Result<void> openForReading();
    Result<void> openCopyForReading();
    Result<void> bringUpToDate(bool mayCopyAside);
    Result<void> recover(const std::string& cause);
    Result<std::string> identity();
    Result<void> replayJournal();
    // One annotation's records of a journal, from the last one that starts a chain on.
    struct Chain {
        std::vector<const JournalRecord*> records;
        std::int64_t saves = 0; // of all its records
        bool hasNews = false;   // since it was replayed
    };
    Result<void> replayChain(Chain& chain);
    Result<void> replayDecision(const DecisionRecord& decision, std::map<AnnotationKey, Chain>& chains);
    void noteHolder();
    void readHolder();

    // Runs the body in a transaction; refuses when the store is open for reading alone.
    Result<void> write(const std::function<Result<void>()>& body);
    Result<void> run(const std::string& sql, std::initializer_list<QVariant> values);
    Result<void> note(const HistoryRecord& record);
    // Within a transaction. timeMs 0: now.
    Result<void> changeState(ImageId id, ReviewState to, const std::string& reason, PersonId by,
                             TimeMs timeMs);
    Result<void> changeFlag(ImageId id, bool flagged, const std::string& flagNote, PersonId by,
                            TimeMs timeMs);
    Result<void> changeAssignee(ImageId id, PersonId to, PersonId by, TimeMs timeMs);
    Result<std::int64_t> addKeptVersion(AnnotationId id, const std::string& what, PersonId by, TimeMs timeMs);
    Result<void> decideOne(const DecisionRecord& decision, ImageId id, PersonId by, PersonId assignee);
    // Whether the image's history has the decision's line.
    Result<bool> isDecided(const DecisionRecord& decision, ImageId id, PersonId by);
    // Of kUnnumbered, the person of that name, made when new.
    Result<PersonId> personOf(PersonId id, const std::string& name);
    Result<void> writeTiles(AnnotationId id, int layer, const LabelTiles& tiles,
                            const std::vector<int>& which, int& written);
    Result<void> readTiles(const std::string& table, const std::string& owner, std::int64_t id, int layer,
                           const std::string& imagePath, LabelTiles& tiles);
    Result<SavedAnnotation> saveRow(const StoredAnnotation& snapshot, const StoredAnnotation* previous,
                                    bool asVersion);
    Result<std::string> imagePath(ImageId id);
    Error notThere(const std::string& what, std::int64_t id) const;

    // In the order in which they must go: the connection first.
    std::unique_ptr<QTemporaryDir> m_scratch;
    std::unique_ptr<QLockFile> m_lock;
    std::string m_path;
    StoreOptions m_options;
    StoreAccess m_access = StoreAccess::ReadWrite;
    std::optional<StoreHolder> m_holder;
    std::optional<StoreRecovery> m_recovery;
    int m_strokesReplayed = 0;
    int m_decisionsReplayed = 0;
    bool m_journalIsNeeded = false;  // its strokes could not be taken
    std::set<AnnotationId> m_edited; // that have their "edited" line of this sitting
    std::unique_ptr<SqlConnection> m_sql;
};

} // namespace limn
