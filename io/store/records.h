// SPDX-License-Identifier: GPL-3.0-or-later
// What a project store keeps, as plain values: images, annotations, proposals, labels, people, calibrations,
// history. No SQL here. Texts are UTF-8; times are milliseconds since 1970-01-01 UTC (0: never). Any thread.
#pragma once

#include "io/core/image.h"
#include "io/store/label_tiles.h"
#include "io/store/review_state.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace limn {

using ImageId = std::int64_t;      // > 0; never used again after removal
using PersonId = std::int64_t;     // > 0; 0: nobody
using AnnotationId = std::int64_t; // > 0
using TimeMs = std::int64_t;

constexpr PersonId kNobody = 0;
// Somebody whose name the store could not take yet; the saver asks for the number when it writes.
constexpr PersonId kUnnumbered = -1;
// Owner of the annotation that two people agreed on.
constexpr PersonId kAgreed = 0;

struct ImageRecord {
    ImageId id = 0;
    std::string path;   // relative to the project's image folder with '/', or absolute when on another volume
    std::string sha256; // 64 lower-case hexadecimal digits; empty until the file was hashed
    Size size;          // 0 x 0 until the file was probed
    std::optional<Spacing> spacing;
    std::string modality;       // "dermoscopy", "endoscopy", ...; free text, may be empty
    std::int64_t fileBytes = 0; // of the source file when it was hashed
    TimeMs fileModifiedMs = 0;  // of the source file when it was hashed
    std::int64_t position = 0;  // project order
    std::string trouble;        // why the file cannot be used ("" when it can): a whole sentence
    ReviewState state = ReviewState::New;
    std::string reason;            // of a rejection: code or text
    PersonId rejectedBy = kNobody; // who rejected it, while it is rejected; out of the history
    bool flagged = false;          // stands beside the state
    std::string flagNote;
    bool noLesion = false; // the shown annotation is explicitly "no lesion"
    PersonId assignee = kNobody;
    double uncertainty = -1.0;    // 0..100 %; < 0: not known
    std::int64_t areaPixels = -1; // of the last saved annotation, all labels; < 0: none
    double change = -1.0;         // 100 % * (1 - Dice) of annotation against proposal; < 0: not known
    PersonId lastEditor = kNobody;
    TimeMs lastEditMs = 0;
    TimeMs addedMs = 0;
};

// Figures of an image that follow from proposal and annotation; kept so that the worklist can order by them.
// An empty one stays as it is.
struct ImageFigures {
    std::optional<double> uncertainty;
    std::optional<std::int64_t> areaPixels;
    std::optional<double> change;
};

struct PersonRecord {
    PersonId id = 0;
    std::string name; // unique within the project
};

struct LabelRecord {
    int value = 0; // 1..255
    std::string name;
    std::uint32_t colour = 0; // 0xRRGGBB
    std::string codeScheme;   // "SCT"
    std::string codeValue;    // "52988006"
    std::string codeMeaning;  // "Lesion"
    bool locked = false;
    bool visible = true;
    bool operator==(const LabelRecord&) const = default;
};

// Labels by name; the project's own is called "project". People keep others to choose from.
struct LabelSetRecord {
    std::string name;
    std::vector<LabelRecord> labels;
};

enum class Origin { // stored: never renumber
    None = 0,
    Model = 1,
    ModelEdited = 2, // made by a model, then edited by hand
    Manual = 3,
};

// Where an area of an annotation comes from. `index` is the value that its pixels hold in the annotation's
// provenance layer (0..255).
struct ProvenanceRecord {
    int index = 0;
    Origin origin = Origin::None;
    std::string modelName;   // empty for None and Manual
    std::string modelSha256; // empty for None and Manual
    double threshold = -1.0; // < 0 for None and Manual
    std::string person;      // name
    TimeMs firstTimeMs = 0;
    TimeMs lastTimeMs = 0;
    bool operator==(const ProvenanceRecord&) const = default;
};

// An annotation as it is handed to the store and read from it: a value that nobody changes any more.
struct StoredAnnotation {
    AnnotationId id = 0; // 0: not yet stored
    ImageId image = 0;
    PersonId person = kNobody; // author; kAgreed for the agreed one
    std::string personName;    // of the author when person is kUnnumbered; not read back
    int version = 0;           // 0: the person's own; 1, 2, ...: saves kept beside it after a stale save
    std::int64_t revision =
        0;             // the stored revision this one was made from; 0: none. Grows by 1 with each save
    LabelTiles labels; // the image's size
    LabelTiles provenanceMap; // same size and tile size, or empty
    std::vector<LabelRecord> labelTable;
    std::vector<ProvenanceRecord> provenance;
    std::optional<double> threshold; // the threshold that it was made at
    bool noLesion = false;           // explicit mark; the labels are then all 0
    TimeMs savedMs = 0;              // set by the store
    ImageFigures figures;            // for the worklist, when the caller knows them; not read back
};
using StoredAnnotationPtr = std::shared_ptr<const StoredAnnotation>;

// What a save gave back: what the next snapshot must carry.
struct SavedAnnotation {
    AnnotationId id = 0;
    int version = 0;
    std::int64_t revision = 0;
    TimeMs savedMs = 0;
    int tilesWritten = 0;
};

// One line of a list of annotations, without the tiles.
struct AnnotationInfo {
    AnnotationId id = 0;
    ImageId image = 0;
    PersonId person = kNobody;
    int version = 0;
    std::int64_t revision = 0;
    std::optional<double> threshold;
    bool noLesion = false;
    TimeMs savedMs = 0;
};

// An annotation as it was at a named moment (submitted, accepted, before a restore).
struct KeptVersion {
    std::int64_t id = 0;
    AnnotationId annotation = 0;
    std::int64_t revision = 0;
    PersonId person = kNobody; // who kept it
    std::string what;          // "submitted", "accepted", ...
    TimeMs timeMs = 0;
};

// What a cached proposal is found by.
struct ProposalKey {
    std::string imageSha256;
    std::string modelSha256;
    std::string settings; // canonical text of everything that changes the result; see app/proposals
    bool operator==(const ProposalKey&) const = default;
};

struct ProposalRecord {
    ProposalKey key;
    Rect extent;                // in image pixels
    ProbabilityMap probability; // the extent's size
    FloatMap network;           // may be empty
    std::optional<FloatMap> spread;
    std::string modelName;
    std::string device;
    std::string precision;
    double defaultThreshold = 0.5;
    double uncertainty = -1.0; // %, < 0: not computed
    TimeMs timeMs = 0;         // set by the store
};

struct CalibrationRecord {
    std::int64_t id = 0;
    ImageId image = 0;  // 0: for the whole camera
    std::string camera; // make, model and size, as the caller words it; empty for one image
    Spacing spacing;    // with its source
    PersonId person = kNobody;
    TimeMs timeMs = 0;
};

// What a person decided about images: one instant, one transaction of the store, a line of history for each
// image.
struct DecisionRecord {
    enum class Kind { State, Flag, Comment, Assignment };
    Kind kind = Kind::State;
    std::vector<ImageId> images;
    PersonId person = kNobody; // who decided
    std::string personName;    // of kUnnumbered
    TimeMs timeMs = 0;         // when; together with person, kind and image it is one of its kind. 0: now
    ReviewState state = ReviewState::New; // State: the new one
    bool flagged = false;                 // Flag
    PersonId assignee = kNobody;          // Assignment
    std::string assigneeName;             // of kUnnumbered
    std::string note;                     // the reason of a rejection, the note of a flag, the comment
    bool operator==(const DecisionRecord&) const = default;
};
using DecisionPtr = std::shared_ptr<const DecisionRecord>;

// One line of the append-only history.
struct HistoryRecord {
    std::int64_t id = 0;
    TimeMs timeMs = 0;
    PersonId person = kNobody;
    ImageId image = 0; // 0: the project as a whole; a removed image's number stays
    std::string what;  // "state", "flag", "comment", "assigned", "edited", "added", "removed", "moved", ...
    std::string from;
    std::string to;
    std::string note; // such as the reason of a rejection
};

} // namespace limn
