// SPDX-License-Identifier: GPL-3.0-or-later
// The project store: everything that a project keeps, behind one interface; all SQL lies in io/store/*.cpp.
// The implementation here keeps one SQLite file, NAME.limn, through Qt SQL; the schema and the statements are
// written so that they run on PostgreSQL too (io/store/sql_dialect.h has the differences).
//
//     auto store = ProjectStore::open("nevi.limn", {.person = "Ana"});
//     if (!store)
//         return store.error();
//     auto images = (*store)->images();
//
// Threads: a store is used by the thread that opened it, and closed there (app/project/saver.h runs one).
// Any number of stores may be open, in different threads.
//
// Every function that changes something is one transaction: after an Error the stored state is what it was.
// When it returns without Error, the change is on disk (WAL, synchronous=FULL).
//
// Errors of all functions, besides those named:
//   DiskFull, FileNotWritable   nothing was changed; try again later
//   StoreReadOnly, StoreHeld    opened for reading alone
//   StoreBusy                   another process holds the database's own lock; try again later
//   StoreInvalid                the file is damaged (or a value in it makes no sense)
#pragma once

#include "io/core/result.h"
#include "io/store/records.h"

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace limn {

class StrokeJournal;

// Who has a project open for writing.
struct StoreHolder {
    std::string host;
    std::int64_t processId = 0;
    std::string person;
    TimeMs sinceMs = 0;
    // "Ana on workstation7, process 4711"
    std::string text() const;
};

enum class StoreAccess {
    ReadWrite,
    ReadOnlyHeld,   // another program holds it: holder() says who
    ReadOnlyFolder, // the file or its folder cannot be written to
    ReadOnlyNewer,  // a newer schema that says it can still be read by this program
};

struct StoreOptions {
    std::string person;      // name of who works; recorded as holder. May be empty
    bool create = true;      // make the file when it does not exist
    bool readOnly = false;   // never write, hold nothing
    bool takeOver = false;   // ignore a holder on another host (a person decided so)
    bool fullCheck = false;  // read the whole file for damage before using it; without, damage is noticed
                             // when it lies in what opening reads, or the file was cut off
    int busyTimeoutMs = 200; // how long one statement waits for another process's lock
};

// What recovery did with a damaged file.
struct StoreRecovery {
    std::string damagedCopy; // where the damaged file lies now
    std::string cause;       // what was wrong
    std::int64_t rowsRead = 0;
    std::vector<std::string> tablesWithLosses; // tables with rows that could not be read
};

// One finding of verify().
struct StoreFinding {
    ImageId image = 0; // 0: not about one image
    std::string text;  // a whole sentence
};

class ProjectStore {
public:
    // Opens or makes a project file, brings an older schema up to date (the file is copied to
    // NAME.limn.schema-N before) and takes hold of it; when another program holds it, or the folder cannot be
    // written to, opens for reading alone (access() says so). A damaged file is copied aside and rebuilt from
    // what can be read: recovery() says so. Errors: FileNotFound (create == false), StoreTooNew,
    // StoreInvalid, StoreBusy, DiskFull, FileNotWritable.
    static Result<std::unique_ptr<ProjectStore>> open(const std::string& path, const StoreOptions& options);
    // A store in memory alone, for when no file can be written anywhere. Keep it with copyTo().
    static Result<std::unique_ptr<ProjectStore>> openInMemory(const StoreOptions& options);

    virtual ~ProjectStore() = default;

    virtual const std::string& path() const = 0; // empty: in memory
    virtual StoreAccess access() const = 0;
    // Another program that had it open for writing when this one opened it.
    virtual const std::optional<StoreHolder>& holder() const = 0;
    virtual const std::optional<StoreRecovery>& recovery() const = 0;
    // How many states of annotations, and how many decisions, opening took from the journal of a program that
    // ended before it could bring them here.
    virtual int strokesReplayed() const = 0;
    virtual int decisionsReplayed() const = 0;
    // Makes the journal beside the file, emptied, for who writes here. Its chains begin at what this store
    // holds. Errors: StoreReadOnly (not opened for writing, or in memory), DiskFull, FileNotWritable (also
    // while an older journal is there whose strokes could not be taken yet).
    virtual Result<std::unique_ptr<StrokeJournal>> startJournal() = 0;
    // Tries to become the writer after ReadOnlyHeld or ReadOnlyFolder. Ok: access() is ReadWrite now.
    virtual Result<void> tryToHold() = 0;
    // A complete copy at another place, such as on a disk with room. An existing file there is an Error
    // (FileNotWritable). Works while this store cannot be written to.
    virtual Result<void> copyTo(const std::string& path) = 0;

    // --- Settings of the project: short texts by name ---

    virtual Result<std::optional<std::string>> setting(const std::string& name) = 0;
    virtual Result<std::map<std::string, std::string>> settings() = 0;
    virtual Result<void> setSetting(const std::string& name, const std::string& value) = 0;

    // --- People ---

    virtual Result<std::vector<PersonRecord>> people() = 0;
    // The person of this name, made when new. InvalidArgument: empty name.
    virtual Result<PersonId> person(const std::string& name) = 0;

    // --- Images ---

    // All, in
    // project order. 100,000 in well under a second.
    virtual Result<std::vector<ImageRecord>> images() = 0;
    virtual Result<std::optional<ImageRecord>> image(ImageId id) = 0;
    // Adds images in one transaction (position 0: behind the last). Paths that are already there are left
    // out: the result has one id for each record, 0 for those left out.
    virtual Result<std::vector<ImageId>> addImages(std::span<const ImageRecord> records, PersonId by) = 0;
    // Removes images with their annotations. Source files stay. History keeps its lines.
    virtual Result<void> removeImages(std::span<const ImageId> ids, PersonId by) = 0;
    // What was found in the files: sha256, size, spacing, modality, fileBytes, fileModifiedMs, trouble.
    // Found by id; other members are ignored.
    virtual Result<void> updateFileFacts(std::span<const ImageRecord> records) = 0;
    // A file that was found again at another place.
    virtual Result<void> moveImage(ImageId id, const std::string& newPath, PersonId by) = 0;
    virtual Result<std::vector<ImageId>> imagesWithHash(const std::string& sha256) = 0;
    virtual Result<void> setFigures(ImageId id, const ImageFigures& figures) = 0;

    // --- Review ---

    // Carries out what a person decided. Submitted, Accepted and Rejected first keep a version of that
    // person's annotation. May be called twice with the same decision: images whose history has its line
    // already are left as they are. InvalidArgument: no such image or person, an empty comment, and as
    // setState(); nothing is changed then.
    virtual Result<void> decide(const DecisionRecord& decision) = 0;
    // Sets the
    // state of images and writes a line of history for each. InvalidArgument: a transition that mayFollow()
    // forbids, or Rejected without reason; none of the images is changed then.
    virtual Result<void> setState(std::span<const ImageId> ids, ReviewState to, const std::string& reason,
                                  PersonId by) = 0;
    virtual Result<void> setFlag(ImageId id, bool flagged, const std::string& note, PersonId by) = 0;
    virtual Result<void> assign(std::span<const ImageId> ids, PersonId to, PersonId by) = 0;
    // Up to `count` unassigned images in state New or Proposed, in project order, now assigned to `to`. Two
    // people who take at once never get the same image.
    virtual Result<std::vector<ImageId>> takeNext(PersonId to, int count) = 0;

    // --- Annotations ---

    // Saves a
    // snapshot; `previous` is what the store holds, when the caller knows it (shared tiles are not looked
    // at): only tiles that differ from it are written. Without it, all tiles are. Errors: StoreStale (its
    // revision is not the stored one; nothing was changed), InvalidArgument (no such image; sizes that do not
    // fit).
    virtual Result<SavedAnnotation> saveAnnotation(const StoredAnnotation& snapshot,
                                                   const StoredAnnotation* previous = nullptr) = 0;
    // After StoreStale: keeps the snapshot beside the stored one as the next version of the same person.
    virtual Result<SavedAnnotation> saveAsVersion(const StoredAnnotation& snapshot) = 0;
    // Null when this person has none.
    virtual Result<StoredAnnotationPtr> annotation(ImageId image, PersonId person, int version = 0) = 0;
    virtual Result<std::vector<AnnotationInfo>> annotationsOf(ImageId image) = 0;
    virtual Result<std::vector<AnnotationInfo>> allAnnotations() = 0;
    virtual Result<void> removeAnnotation(AnnotationId id, PersonId by) = 0;
    // Keeps a copy of the annotation as it is now. InvalidArgument: no such annotation.
    virtual Result<std::int64_t> keepVersion(AnnotationId id, const std::string& what, PersonId by) = 0;
    virtual Result<std::vector<KeptVersion>> keptVersions(ImageId image) = 0;
    // As it was then; id and revision are those of the annotation now, so that saving it restores it.
    virtual Result<StoredAnnotationPtr> keptAnnotation(std::int64_t keptId) = 0;

    // --- Labels ---

    virtual Result<std::vector<LabelSetRecord>> labelSets() = 0;
    // Replaces the set of this name. InvalidArgument: a value outside 1..255, or twice.
    virtual Result<void> setLabelSet(const LabelSetRecord& set) = 0;
    virtual Result<void> removeLabelSet(const std::string& name) = 0;

    // --- Proposals (a cache: may be emptied at any time without loss) ---

    // Null: none. A key without a model finds the newest of any.
    virtual Result<std::shared_ptr<const ProposalRecord>> proposal(const ProposalKey& key) = 0;
    // Of those of the whole image (of this size) that are kept: the newest one of this model, else of any.
    virtual Result<std::shared_ptr<const ProposalRecord>>
    newestProposal(const std::string& imageSha256, Size size, const std::string& modelSha256) = 0;
    virtual Result<void> setProposal(const ProposalRecord& record) = 0;
    // Removes the oldest until at most this many bytes are kept.
    virtual Result<void> pruneProposals(std::int64_t maxBytes) = 0;

    // --- Calibrations ---

    virtual Result<std::int64_t> addCalibration(const CalibrationRecord& record) = 0;
    // The newest for this image, else the newest for this camera.
    virtual Result<std::optional<CalibrationRecord>> calibration(ImageId image,
                                                                 const std::string& camera) = 0;
    virtual Result<void> removeCalibration(std::int64_t id, PersonId by) = 0;

    // --- History ---

    // Newest
    // first. image == 0: of the whole project. beforeId > 0: lines older than that one.
    virtual Result<std::vector<HistoryRecord>> history(ImageId image, int limit,
                                                       std::int64_t beforeId = 0) = 0;
    // timeMs 0: now. Lines can never be changed or removed, by nobody.
    virtual Result<void> addHistory(const HistoryRecord& record) = 0;

    // --- Checking ---

    // Reads
    // everything: the database's own check, every tile's check sum and size. Findings, empty when all is
    // well. `goOn` is asked now and then; false stops (ErrorCode::Cancelled).
    virtual Result<std::vector<StoreFinding>> verify(const std::function<bool()>& goOn = {}) = 0;
};

} // namespace limn
