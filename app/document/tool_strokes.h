// SPDX-License-Identifier: GPL-3.0-or-later
// The tools that edit while the pointer moves, as objects with begin, extend, finish and cancel. The window
// feeds them positions; they hold no widget and no cursor. Editing thread. Destroying an unfinished one
// cancels it. begin() gives null while another stroke is open in the document.
#pragma once

#include "app/document/annotation_document.h"
#include "app/document/shapes.h"

#include <memory>

namespace limn {

// Brush and eraser.
class BrushStroke {
public:
    enum class Effect { Paint, Erase };

    // Marks the first sample at once (one dab).
    static std::unique_ptr<BrushStroke> begin(AnnotationDocument& document, Effect effect, const Brush& brush,
                                              const EditRules& rules, const BrushSample& first);
    // Everything between the last sample and this one.
    EditOutcome extend(const BrushSample& next);
    bool finish() { return m_stroke->finish(); }
    void cancel() { m_stroke->cancel(); }
    bool active() const { return m_stroke->active(); }
    // Where the last sample was: a line from there begins a further stroke (Shift + click).
    const BrushSample& lastSample() const { return m_last; }
    EditOutcome total() const { return m_stroke->total(); }

private:
    BrushStroke(std::unique_ptr<Stroke> stroke, Effect effect, const Brush& brush, const Rect& bounds,
                const BrushSample& first);
    EditOutcome cover(const BrushSample& from, const BrushSample& to);

    std::unique_ptr<Stroke> m_stroke;
    Effect m_effect;
    Brush m_brush;
    Rect m_bounds;
    BrushSample m_last;
};

struct ContourOptions {
    double diameterPx = 60.0; // 1..2000
    double smoothingPx = 1.0; // 0..5: Gaussian over the touched arc at the end; 0: none
};

// Pushes a label's edge: begun inside the label the disc moves the edge outwards, begun outside it moves the
// edge inwards. The disc is shrunk at the press so that it does not reach over the edge yet: a press alone
// changes nothing. At the end the touched arc is smoothed, and the gesture's own pieces are put right: it
// leaves no new holes (they are filled), and of a part that it cut through only the largest piece stays, so
// that the label has no more parts than before.
class ContourPush {
public:
    static std::unique_ptr<ContourPush> begin(AnnotationDocument& document, const ContourOptions& options,
                                              const EditRules& rules, Point first);
    EditOutcome extend(Point next);
    bool finish();
    void cancel() { m_stroke->cancel(); }
    bool active() const { return m_stroke->active(); }
    bool pushesOut() const { return m_outwards; }
    double diameterPx() const { return m_brush.diameterPx; } // as shrunk at the press

private:
    ContourPush(AnnotationDocument& document, std::unique_ptr<Stroke> stroke, bool outwards,
                const Brush& brush, const ContourOptions& options, const EditRules& rules, Point first);
    void tidy();

    AnnotationDocument& m_document;
    std::unique_ptr<Stroke> m_stroke;
    bool m_outwards;
    Brush m_brush;
    ContourOptions m_options;
    EditRules m_rules;
    BrushSample m_last;
    Rect m_touched;
};

} // namespace limn
