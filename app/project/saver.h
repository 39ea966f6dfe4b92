// SPDX-License-Identifier: GPL-3.0-or-later
// The store's thread: it owns the ProjectStore and does everything with it, so that nobody else ever waits
// for a disk. Snapshots of annotations are handed over by pointer. Two further threads write each into the
// project's journal the moment it comes (io/store/stroke_journal.h), and bring that to the disk; then the
// store takes it, where a newer one of the same annotation replaces a waiting one. So it is with decisions.
// What cannot be written (full disk, read-only folder, a lock) stays in memory and is tried again.
//
//     Saver saver(openStore, callbacks);
//     saver.save(snapshot);            // returns at once
//     saver.decide(decision);          // in order with the saves
//     saver.post({...});               // any other change, in order with both
//     saver.flush(5000);               // on exit: waits until all is on disk, or says what is not
//
// Threads: all public functions may be called from any thread, and return at once except flush(), wait() and
// the destructor. Callbacks come on the saver's own threads and must not call flush() or wait().
#pragma once

#include "io/core/result.h"
#include "io/store/project_store.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace limn {

// How saving stands; one value is enough to word a title bar or a banner.
struct SaveStatus {
    std::size_t waiting = 0;      // snapshots and changes not yet on disk
    std::optional<Error> trouble; // why they are not; empty: all is well
    bool operator==(const SaveStatus& other) const {
        return waiting == other.waiting && trouble.has_value() == other.trouble.has_value() &&
               (!trouble ||
                (trouble->code == other.trouble->code && trouble->arguments == other.trouble->arguments));
    }
};

struct SaverCallbacks {
    // The store is open, or could be held after it was open for reading alone; or opening failed: then every
    // save waits in memory, and opening is tried again.
    std::function<void(const Result<ProjectStore*>&)> opened;
    // A snapshot is in the journal: the end of the program does not take it any more; with onDisk a power
    // failure neither. On two threads of their own. Not every snapshot: a newer one stands for older ones.
    std::function<void(const StoredAnnotation&, bool onDisk)> journaled;
    std::function<void(const DecisionRecord&, bool onDisk)> decisionJournaled; // the same of a decision
    // A snapshot is in the project file. `asSecondVersion`: somebody else's save came first, so this one was
    // kept beside it, and later snapshots of the same document go to that version.
    std::function<void(const StoredAnnotation&, const SavedAnnotation&, bool asSecondVersion)> saved;
    // A snapshot or change can never be stored as it is (such as a size that does not fit): it was dropped.
    std::function<void(const Error&)> refused;
    // After each try to write, and when the number of waiting things changes.
    std::function<void(const SaveStatus&)> status;
};

struct SaverOptions {
    std::chrono::milliseconds retryAfter{2000}; // between two tries after a failure
};

class Saver {
public:
    // Called on the saver's thread; fullCheck as in StoreOptions: set after the store was found damaged.
    using Open = std::function<Result<std::unique_ptr<ProjectStore>>(bool fullCheck)>;
    // A change of the store. When it gives DiskFull, FileNotWritable, StoreBusy, StoreHeld or StoreReadOnly
    // it is called again later; other errors go to `done` and it is dropped.
    using Change = std::function<Result<void>(ProjectStore&)>;
    using Done = std::function<void(const Result<void>&)>; // on the saver's thread; may be empty

    Saver(Open open, SaverCallbacks callbacks, SaverOptions options = {});
    // Writes what can be written within 5 s. Strokes and decisions that the store could not take stay in the
    // journal, where there is one, for the next opening; other changes are lost with the program: call
    // flush() before, and tell the person.
    ~Saver();
    Saver(const Saver&) = delete;
    Saver& operator=(const Saver&) = delete;

    // Takes the newest state of an annotation, known by image, person and version. After a load() or a save
    // of the same annotation the saver knows its revision itself: the one inside is used before that alone.
    void save(StoredAnnotationPtr snapshot);
    // The annotation as the newest waiting snapshot or the store has it; null: none. A save that follows is
    // made against what was given here. `done` comes on the saver's thread.
    void load(ImageId image, PersonId person, int version,
              std::function<void(const Result<StoredAnnotationPtr>&)> done);
    // Takes a decision, and sets its time: now, but later than the one before.
    void decide(DecisionRecord decision, Done done = {});
    // Changes run in the order of posting, and after all snapshots that were handed over before.
    void post(Change change, Done done = {});
    // Reads run as soon as the current statement is over, before waiting changes; never repeated. With no
    // open store they get its Error.
    void read(std::function<void(const Result<ProjectStore*>&)> reader);

    // Tries to write now, after trouble.
    void retryNow();
    // Closes the store and goes on with another (such as a copy elsewhere); what waits goes there.
    void reopen(Open open);
    // Waits until nothing waits, trouble comes up, or the time is over. Returns what is left then.
    SaveStatus flush(int timeoutMs);
    // Runs a reader on the saver's thread and waits for it. For programs without a window.
    void wait(std::function<void(const Result<ProjectStore*>&)> reader);

    SaveStatus status() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace limn
