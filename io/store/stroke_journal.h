// SPDX-License-Identifier: GPL-3.0-or-later
// The journal beside a project file, NAME.limn-strokes: each stroke's difference, appended the moment the
// stroke ends and before its tiles go into the database; and each decision, between the strokes that it was
// made between. A record that was written outlives the end of the
// program at any instant; one that was synced outlives a power failure too. The next opening of the project
// for writing takes what the database does not have yet from here.
//
// The file is laid out beforehand, so that a record is one write into blocks that exist: 256 kB in which
// records follow each other from a fixed place. When the database has everything, the next record begins at
// that place again; a record's number tells it from what an earlier round left behind it. Records have a
// check sum: a torn one ends the list. (NAME.limn-journal would be SQLite's own, which removes it.)
//
// Records of one annotation form a chain: the first says which stored revision it follows (or holds the whole
// annotation), the others follow the one before. Each states values, not differences of values, so that a
// chain may be applied to any state between its base and its end.
//
// Threads: append(), restart() and the last*() belong to one thread; sync() may run in another at the same
// time.
#pragma once

#include "io/core/result.h"
#include "io/store/records.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

class QByteArray;

namespace limn {

// One record as it is read back: what has to be done to an annotation, or what was decided.
struct JournalRecord {
    std::uint64_t number = 0;
    std::optional<DecisionRecord> decision; // when set, the record is about nothing else
    // Everything but the tiles as it was at the stroke's end. labels and provenanceMap have the right sizes;
    // their tiles are those of a whole record, else empty.
    StoredAnnotation annotation;
    std::int64_t baseRevision = 0; // the stored revision that the chain begins at
    std::int64_t saves = 1;        // how many states it stands for: the store may count as many revisions
    bool startsChain = false;
    bool whole = false; // the record holds the whole annotation

    // Values of a run of pixels of one tile.
    struct Run {
        int layer = 0; // 0: labels, 1: provenance
        int tile = 0;
        std::uint32_t first = 0; // index in the tile
        std::vector<std::uint8_t> values;
    };
    std::vector<Run> runs;
};

class StrokeJournal {
public:
    static std::string pathOf(const std::string& projectFile);

    // Makes the file, or takes an existing one whose records are no longer needed: it is emptied.
    // `project` is the project's own identity (see readJournal). Errors: DiskFull, FileNotWritable.
    static Result<std::unique_ptr<StrokeJournal>> open(const std::string& path, const std::string& project);
    ~StrokeJournal();
    StrokeJournal(const StrokeJournal&) = delete;
    StrokeJournal& operator=(const StrokeJournal&) = delete;

    // How a record follows what was before it.
    struct Place {
        const StoredAnnotation* before =
            nullptr;              // the state that the record begins at; null: the whole of `now`
        bool startsChain = false; // `before` is what the store holds at baseRevision
        std::int64_t baseRevision = 0;
        std::int64_t saves = 1;
    };
    // Appends the way to `now`. When this returns without Error the record is the operating system's: the end
    // of the program does not undo it. Errors: DiskFull, FileNotWritable (nothing was appended), OutOfMemory.
    Result<void> append(const StoredAnnotation& now, const Place& place);
    // Appends a decision; the same holds.
    Result<void> append(const DecisionRecord& decision);
    // What was appended is on the disk when this returns.
    Result<void> sync();
    // The store has everything: the next record begins the file again.
    void restart();
    std::uint64_t bytes() const { return m_end; } // of the file, up to the last record
    // Closes and removes the file: everything is in the store.
    void remove();

private:
    Result<void> appendPayload(const QByteArray& payload);

    StrokeJournal(std::string path, int descriptor) : m_path(std::move(path)), m_descriptor(descriptor) {}

    std::string m_path;
    int m_descriptor = -1;
    std::uint64_t m_end = 0;
    std::uint64_t m_number = 0; // of the last record
};

struct JournalContent {
    std::string project; // identity of the project that it belongs to; empty: the file is no journal
    std::vector<JournalRecord> records;
};
// What a journal holds; a missing file holds nothing. At most 1 GB is looked at; sizes are checked before
// anything is allocated. Errors: FileNotReadable.
Result<JournalContent> readJournal(const std::string& path);

// Sets the runs of a record in an annotation of the same size, and takes over everything else of it.
// False, and no change: the sizes do not fit.
bool applyRecord(const JournalRecord& record, StoredAnnotation& annotation);

} // namespace limn
