// SPDX-License-Identifier: GPL-3.0-or-later
// The steps of one annotation for undo and redo: named, compressed by tile, bounded by memory. It stores
// differences and knows nothing of tools; AnnotationDocument owns one. One thread.
//
// A step keeps, for each touched tile of each plane, the exclusive or of before and after over the smallest
// rectangle that differs, as bits, compressed with Zstandard. Exclusive
// or is its own inverse: the same bytes undo and redo, and undoing then redoing gives the same bytes by
// construction.
#pragma once

#include "app/document/tile_map.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

namespace limn {

// What a step did. stepName() gives the English name; the window translates by kind.
enum class StepKind {
    BrushStroke,
    EraserStroke,
    Lasso,
    KeepInside,
    Polygon,
    Wand,
    ContourPush,
    FillHoles,
    KeepLargest,
    RemoveSpecks,
    Clean,
    Smooth,
    Grow,
    Shrink,
    ClearLabel,
    ReplaceLabel,
    UseProposal,
    MarkNoLesion,
    RemoveNoLesionMark,
    RestoreVersion,
    ImportAnnotation,
    TakeArea, // of one of two annotations, into the agreed one
};

// "brush stroke", "use proposal": completes "Undo ...".
std::string_view stepName(StepKind kind);
const std::vector<StepKind>& allStepKinds();

constexpr std::size_t kDefaultUndoBytes = std::size_t{256} << 20;

// The two planes that are edited together.
struct AnnotationPlanes {
    TileMap labels;
    TileMap provenance;
    bool operator==(const AnnotationPlanes&) const = default;
};

class UndoHistory {
public:
    explicit UndoHistory(std::size_t limitBytes = kDefaultUndoBytes) : m_limitBytes(limitBytes) {}

    // Records a finished step and forgets what could be redone. `tiles` names the tiles that may differ. The
    // oldest steps go when the memory limit is passed; the newest step always stays. False, and nothing is
    // recorded or forgotten, when neither a byte nor the mark differs.
    bool record(StepKind kind, const AnnotationPlanes& before, const AnnotationPlanes& after,
                const std::vector<int>& tiles, bool markBefore, bool markAfter);

    struct Change {
        StepKind kind = StepKind::BrushStroke;
        std::vector<Rect> dirty; // image pixels, at most one a tile
        bool mark = false;       // the "no lesion" mark after it
    };
    bool canUndo() const { return m_position > 0; }
    bool canRedo() const { return m_position < m_steps.size(); }
    // Only when canUndo() / canRedo(). `planes` must be as the step left them.
    Change undo(AnnotationPlanes& planes);
    Change redo(AnnotationPlanes& planes);

    StepKind undoKind() const { return m_steps[m_position - 1].kind; }
    StepKind redoKind() const { return m_steps[m_position].kind; }
    // Names for a menu with a list: the next to be undone first.
    std::vector<StepKind> undoKinds() const;
    std::vector<StepKind> redoKinds() const;

    std::size_t undoCount() const { return m_position; }
    std::size_t redoCount() const { return m_steps.size() - m_position; }
    std::size_t memoryBytes() const { return m_bytes; }
    std::size_t limitBytes() const { return m_limitBytes; }
    void setLimitBytes(std::size_t bytes);
    void clear();

private:
    struct TileDelta {
        int tile = 0;
        bool provenance = false;
        Rect rect; // inside the tile, tile coordinates
        // One bit a pixel for each of these values, one after the other; where set, the value is part of the
        // difference. A single one where the difference has one value, else the powers of two that occur.
        std::vector<std::uint8_t> values;
        std::vector<std::uint8_t> bytes; // compressed
    };
    struct Step {
        StepKind kind = StepKind::BrushStroke;
        bool markBefore = false;
        bool markAfter = false;
        std::vector<TileDelta> deltas;
        std::size_t bytes = 0;
    };
    static void encode(const std::uint8_t* a, const std::uint8_t* b, TileDelta& delta);
    static TilePtr changedTile(const TileDelta& delta, const AnnotationPlanes& planes);
    Change applyStep(const Step& step, AnnotationPlanes& planes) const;
    void forgetOldest();

    std::deque<Step> m_steps;
    std::size_t m_position = 0; // steps before it are done, from it on undone
    std::size_t m_bytes = 0;
    std::size_t m_limitBytes;
};

} // namespace limn
