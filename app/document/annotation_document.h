// SPDX-License-Identifier: GPL-3.0-or-later
// The annotation of one person over one image while it is edited: label map with provenance, labels, the
// shown proposal with its live threshold, the "no lesion" mark, undo and redo. It draws nothing and saves
// nothing: the window and the saver observe it.
//
//     AnnotationDocument document(image->size);
//     auto stroke = document.beginStroke(StepKind::BrushStroke, {.label = 1});
//     stroke->paint(brushArea(brush, from, to, document.bounds()));  // as often as the pointer moves
//     stroke->finish();                                              // exactly one undo step
//
// Threads: one thread (the GUI's) calls everything here. snapshot() is cheap and its result may be read and
// kept anywhere. What always holds: the label map changes only through a stroke, a command, undo, redo or
// restore; each finished gesture that changed something is exactly one named step; a cancelled one leaves
// every byte as it was; a proposal and its threshold never change the label map until useProposal(); the
// pixels of locked labels never change but by undo and redo of steps made before the lock.
#pragma once

#include "app/document/labels.h"
#include "app/document/mask_ops.h"
#include "app/document/pixel_area.h"
#include "app/document/tile_map.h"
#include "app/document/undo_history.h"
#include "inference/engine.h"
#include "io/core/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn {

// What may be painted over. Locked labels are never painted over.
enum class Over { Anything, Background };

struct EditRules {
    std::uint8_t label = 1; // the active label: what paint() writes; 0 is refused
    Over over = Over::Anything;
    // Erasing takes pixels of `label` alone; else of every unlocked label.
    bool eraseLabelOnly = false;
    // Nothing outside it changes; null: the whole image.
    std::shared_ptr<const PixelArea> scope = nullptr;
};

struct EditOutcome {
    std::size_t changedPixels = 0;   // label value is another than before
    std::size_t protectedPixels = 0; // would have changed but for a locked label or the "over" rule
};

// What a saver stores and restore() takes: a value that never changes.
struct AnnotationSnapshot {
    TileMap labels;
    TileMap provenance; // indices into sources
    std::vector<Label> labelTable;
    std::vector<ProvenanceSource> sources; // entry 0 is None; at most 256
    bool noLesion = false;
    std::optional<float> threshold; // the live threshold, when a person moved it on this image
    std::uint64_t revision = 0;     // of the document when taken
};

// Told to observers after each change, in the editing thread. Observers may read the document but not edit
// it.
struct DocumentChange {
    bool pixels = false;     // the label map (or provenance) inside `dirty`: draw again
    bool content = false;    // snapshot() differs from before: save. Not during a stroke, but at its end
    bool labels = false;     // label table
    bool proposal = false;   // another proposal, or none
    bool threshold = false;  // live threshold
    bool mark = false;       // "no lesion" mark
    bool history = false;    // undo or redo names and availability
    std::vector<Rect> dirty; // image pixels, at most one rectangle a tile
};

class AnnotationDocument;

// One gesture of a tool = one undo step. It begins with AnnotationDocument::beginStroke(), is extended by
// paint(), erase() and apply(), and ends with finish() or cancel(); a stroke that is destroyed unfinished is
// cancelled. Its edits are visible in the document at once. After its end (or the document's) all calls do
// nothing.
class Stroke {
public:
    ~Stroke();
    Stroke(const Stroke&) = delete;
    Stroke& operator=(const Stroke&) = delete;

    bool active() const { return m_document != nullptr; }
    // Gives the label to the pixels, or makes them background, under the stroke's rules.
    EditOutcome paint(const PixelArea& area);
    EditOutcome erase(const PixelArea& area);
    // Adds edit.add to the label and removes edit.remove from it (from the label alone).
    EditOutcome apply(const MaskEdit& edit);
    // The document's label map as it was when the stroke began.
    const TileMap& labelsBefore() const;
    // Sum over all calls.
    EditOutcome total() const { return m_total; }

    // True when something changed, so that a step was recorded.
    bool finish();
    void cancel();

private:
    friend class AnnotationDocument;
    Stroke(AnnotationDocument* document, StepKind kind, EditRules rules);

    AnnotationDocument* m_document;
    StepKind m_kind;
    EditRules m_rules;
    EditOutcome m_total;
};

enum class UseMode {
    Add,     // the proposal's pixels get the label
    Replace, // and pixels of the label that the proposal leaves out (inside its extent and the scope) lose it
};

class AnnotationDocument {
public:
    // Milliseconds since 1970, UTC; tests give their own.
    using Clock = std::function<std::int64_t()>;

    explicit AnnotationDocument(Size size, std::vector<Label> labels = defaultLabels());
    ~AnnotationDocument();
    AnnotationDocument(const AnnotationDocument&) = delete;
    AnnotationDocument& operator=(const AnnotationDocument&) = delete;

    // A document as it was saved, with an empty history. Errors: InvalidArgument when planes, table and size
    // do not fit each other.
    static Result<std::unique_ptr<AnnotationDocument>> open(Size size, const AnnotationSnapshot& snapshot);

    Size size() const { return m_planes.labels.size(); }
    Rect bounds() const { return m_planes.labels.bounds(); }
    // The live maps, with an open stroke's edits in them; for drawing and reading in the editing thread.
    const TileMap& labels() const { return m_planes.labels; }
    const TileMap& provenance() const { return m_planes.provenance; }
    const std::vector<ProvenanceSource>& sources() const { return m_sources; }
    const ProvenanceSource& sourceAt(int x, int y) const; // inside the image

    // The state after the last finished step: an open stroke is not in it.
    AnnotationSnapshot snapshot() const;
    // Grows with every change of content, undo and redo included.
    std::uint64_t revision() const { return m_revision; }
    // No step was ever made, no pixel is set and no mark stands: the first stroke may use the proposal first.
    bool untouched() const;

    // Who edits from now on, for provenance.
    void setPerson(std::string person) { m_person = std::move(person); }
    const std::string& person() const { return m_person; }
    void setClock(Clock clock) { m_clock = std::move(clock); }

    // Labels. Changes of the table are content, but no undo steps.
    const std::vector<Label>& labelTable() const { return m_labels; }
    const Label* findLabel(std::uint8_t value) const; // null when the table has none
    bool isLocked(std::uint8_t value) const { return m_locked[value]; }
    // Adds a label, or replaces the one of the same value. Error: InvalidArgument for value 0.
    Result<void> setLabel(Label label);
    // Error: InvalidArgument while pixels of it exist, in the map or in the history, or when it is the last
    // one.
    Result<void> removeLabel(std::uint8_t value);
    // Lowest value that is free, with a palette colour; nothing when all 255 are taken.
    std::optional<Label> suggestLabel() const;

    // Proposal and threshold: beside the annotation, never in it.
    void setProposal(ProposalPtr proposal); // null: none. The threshold becomes the model's own, unless moved
    const ProposalPtr& proposal() const { return m_proposal; }
    float threshold() const;
    void setThreshold(float threshold); // clamped to 0..1
    void resetThreshold();              // the model's own
    bool thresholdMoved() const { return m_threshold.has_value(); }

    // Strokes. Null while another stroke is open. The step is named when it finishes.
    std::unique_ptr<Stroke> beginStroke(StepKind kind, EditRules rules);
    bool strokeOpen() const { return m_stroke != nullptr; }

    // Commands: each is a stroke of its own (a step when something changed) and does nothing while a stroke
    // is open.
    EditOutcome paint(StepKind kind, const EditRules& rules, const PixelArea& area);
    EditOutcome erase(StepKind kind, const EditRules& rules, const PixelArea& area);
    EditOutcome apply(StepKind kind, const EditRules& rules, const MaskEdit& edit);
    EditOutcome clearLabel(const EditRules& rules);
    // Pixels of `from` become rules.label.
    EditOutcome replaceLabel(std::uint8_t from, const EditRules& rules);
    // The shown proposal at the shown threshold becomes rules.label; the whole, or what lies in rules.scope.
    EditOutcome useProposal(const EditRules& rules, UseMode mode);
    // One connected part, the one that holds pixel (x, y).
    EditOutcome useProposalPart(const EditRules& rules, int x, int y);
    // True when using the proposal would meet pixels that a person painted or changed: the window then asks.
    bool hasHandEdits(const PixelArea* scope = nullptr) const;

    // The mark clears the map in the same step; the first painted pixel takes it away in its own step. False
    // (and no change) while a stroke is open or pixels of a locked label are there.
    bool markNoLesion();
    bool removeNoLesionMark();
    bool noLesion() const { return m_noLesion; }

    // An earlier version, or an imported label map (without provenance: the person is its source), as one
    // step. Locked labels are replaced too. Errors: InvalidArgument for another size, or while a stroke is
    // open.
    Result<void> restore(const AnnotationSnapshot& version, StepKind kind = StepKind::RestoreVersion);
    Result<void> import(const LabelMap& map);

    LabelProvenance labelProvenance(std::uint8_t value) const;

    // Undo is an edit like any other: revision grows, observers are told. False when there is nothing, or
    // while a stroke is open. lastChange() says where, so that the window can pan there.
    bool undo();
    bool redo();
    const UndoHistory& history() const { return m_history; }
    void setUndoLimit(std::size_t bytes);

    // What can be undone, without the annotation itself, while this is out of memory: a small part of it.
    // Taken of a document that goes, and given to the next one over the same annotation.
    struct RestingHistory {
        UndoHistory history;
        std::uint64_t annotation = 0; // a hash of what the steps belong to
        std::vector<ProvenanceSource> sources;
        std::vector<Label> removedLabels;
    };
    RestingHistory restHistory();
    // False, and nothing changes, when this document holds another annotation, or steps of its own.
    bool resumeHistory(RestingHistory resting);
    // Smallest rectangle around what the last step, undo or redo changed.
    Rect lastChange() const { return m_lastChange; }

    using Observer = std::function<void(const DocumentChange&)>;
    int addObserver(Observer observer); // an id for removeObserver
    void removeObserver(int id);

private:
    friend class Stroke;
    struct OpenStroke;

    // What an edit does to a pixel, by its present value.
    enum class Action : std::uint8_t { Keep, Set, Protected };
    struct PixelEdit {
        std::array<Action, 256> byValue{};
        std::uint8_t newValue = 0;
        // Table entry given to the pixels; none: what a hand edit makes of the present one.
        std::optional<std::uint8_t> source;
        // Pixels that have the new value already get the source too.
        bool claimEqual = false;
    };

    PixelEdit paintEdit(const EditRules& rules) const;
    PixelEdit eraseEdit(const EditRules& rules, bool labelOnly) const;
    void beginOpenStroke(Stroke* handle);
    EditOutcome edit(const PixelArea& area, const PixelArea* scope, const PixelEdit& what);
    bool finishStroke(StepKind kind);
    void cancelStroke();
    Tile& writableTile(TileMap& map, std::vector<Tile*>& owned, int index);
    std::uint8_t sourceIndex(ProvenanceSource source);
    std::uint8_t handEditOf(std::uint8_t source);
    std::uint8_t modelSource();
    EditOutcome useProposalArea(const EditRules& rules, const PixelArea& add, UseMode mode);
    bool stepThrough(UndoHistory::Change change);
    void ensureLabels(const TileMap& map, const std::vector<Rect>& rects);
    void rebuildLocks();
    void finishReplacement(StepKind kind, AnnotationPlanes next, bool mark, bool labelsChanged);
    void notify(const DocumentChange& change);

    AnnotationPlanes m_planes;
    std::vector<Label> m_labels;
    std::vector<Label> m_removedLabels;
    std::array<bool, 256> m_locked{};
    std::vector<ProvenanceSource> m_sources;
    ProposalPtr m_proposal;
    std::optional<float> m_threshold;
    bool m_noLesion = false;
    std::string m_person;
    Clock m_clock;
    UndoHistory m_history;
    bool m_everEdited = false;
    std::uint64_t m_revision = 0;
    Rect m_lastChange;
    std::unique_ptr<OpenStroke> m_stroke;
    std::vector<std::pair<int, Observer>> m_observers;
    int m_nextObserver = 1;
};

} // namespace limn
