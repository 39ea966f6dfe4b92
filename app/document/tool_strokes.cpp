// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/tool_strokes.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace limn {

namespace {

Rect widened(const Rect& rect, int by) {
    return rect.empty() ? rect : Rect{rect.x - by, rect.y - by, rect.width + 2 * by, rect.height + 2 * by};
}

// Largest radius of a disc around a point, at most `most`, whose pixels all are inside the label (or all
// outside): the distance to the nearest pixel centre of the other kind.
double freeRadius(const TileMap& labels, std::uint8_t label, bool inside, Point centre, double most) {
    const Rect box = intersected({static_cast<int>(std::floor(centre.x - most)),
                                  static_cast<int>(std::floor(centre.y - most)),
                                  static_cast<int>(2 * most) + 2, static_cast<int>(2 * most) + 2},
                                 labels.bounds());
    double nearest = most * most;
    const LabelMap map = labels.crop(box);
    for (int y = 0; y < box.height; ++y) {
        const double dy = box.y + y + 0.5 - centre.y;
        if (dy * dy >= nearest)
            continue;
        for (int x = 0; x < box.width; ++x) {
            if ((map.at(x, y) == label) == inside)
                continue;
            const double dx = box.x + x + 0.5 - centre.x;
            nearest = std::min(nearest, dx * dx + dy * dy);
        }
    }
    return std::sqrt(nearest);
}

} // namespace

BrushStroke::BrushStroke(std::unique_ptr<Stroke> stroke, Effect effect, const Brush& brush,
                         const Rect& bounds, const BrushSample& first)
    : m_stroke(std::move(stroke)), m_effect(effect), m_brush(brush), m_bounds(bounds), m_last(first) {}

std::unique_ptr<BrushStroke> BrushStroke::begin(AnnotationDocument& document, Effect effect,
                                                const Brush& brush, const EditRules& rules,
                                                const BrushSample& first) {
    std::unique_ptr<Stroke> stroke =
        document.beginStroke(effect == Effect::Paint ? StepKind::BrushStroke : StepKind::EraserStroke, rules);
    if (!stroke)
        return nullptr;
    std::unique_ptr<BrushStroke> brushStroke(
        new BrushStroke(std::move(stroke), effect, brush, document.bounds(), first));
    brushStroke->cover(first, first);
    return brushStroke;
}

EditOutcome BrushStroke::extend(const BrushSample& next) {
    if (!std::isfinite(next.position.x) || !std::isfinite(next.position.y))
        return {};
    const EditOutcome outcome = cover(m_last, next);
    m_last = next;
    return outcome;
}

EditOutcome BrushStroke::cover(const BrushSample& from, const BrushSample& to) {
    const PixelArea area = brushArea(m_brush, from, to, m_bounds);
    return m_effect == Effect::Paint ? m_stroke->paint(area) : m_stroke->erase(area);
}

ContourPush::ContourPush(AnnotationDocument& document, std::unique_ptr<Stroke> stroke, bool outwards,
                         const Brush& brush, const ContourOptions& options, const EditRules& rules,
                         Point first)
    : m_document(document)
    , m_stroke(std::move(stroke))
    , m_outwards(outwards)
    , m_brush(brush)
    , m_options(options)
    , m_rules(rules)
    , m_last{first, 1.0} {}

std::unique_ptr<ContourPush> ContourPush::begin(AnnotationDocument& document, const ContourOptions& options,
                                                const EditRules& rules, Point first) {
    if (!std::isfinite(first.x) || !std::isfinite(first.y))
        return nullptr;
    const TileMap& labels = document.labels();
    const Point clamped{std::clamp(first.x, -1e6, 1e6), std::clamp(first.y, -1e6, 1e6)};
    const bool outwards = labels.atOrZero(static_cast<int>(std::floor(clamped.x)),
                                          static_cast<int>(std::floor(clamped.y))) == rules.label;
    EditRules pushRules = rules;
    pushRules.eraseLabelOnly = true;
    std::unique_ptr<Stroke> stroke = document.beginStroke(StepKind::ContourPush, pushRules);
    if (!stroke)
        return nullptr;
    Brush brush;
    brush.diameterPx = options.diameterPx;
    const double most = brushDiameter(brush, 1.0) / 2.0;
    // A hair less than the distance, so that the disc does not hold the nearest centre itself.
    const double radius = freeRadius(labels, rules.label, outwards, clamped, most);
    brush.diameterPx = std::max(1.0, 2.0 * (radius < most ? radius * (1.0 - 1e-9) : most));
    return std::unique_ptr<ContourPush>(
        new ContourPush(document, std::move(stroke), outwards, brush, options, pushRules, first));
}

EditOutcome ContourPush::extend(Point next) {
    if (!m_stroke->active() || !std::isfinite(next.x) || !std::isfinite(next.y))
        return {};
    const BrushSample sample{next, 1.0};
    const PixelArea area = brushArea(m_brush, m_last, sample, m_document.bounds());
    m_last = sample;
    const EditOutcome outcome = m_outwards ? m_stroke->paint(area) : m_stroke->erase(area);
    if (outcome.changedPixels > 0)
        m_touched = united(m_touched, area.bounds());
    return outcome;
}

bool ContourPush::finish() {
    if (m_stroke->active() && !m_touched.empty())
        tidy();
    return m_stroke->finish();
}

void ContourPush::tidy() {
    const std::uint8_t label = m_rules.label;
    const TileMap& before = m_stroke->labelsBefore();
    const TileMap& labels = m_document.labels();

    if (m_options.smoothingPx > 0.0) {
        const double sigma = std::min(m_options.smoothingPx, 5.0);
        const Rect arc =
            intersected(widened(m_touched, static_cast<int>(std::ceil(2 * sigma))), labels.bounds());
        const PixelArea scope = PixelArea::rectangle(arc);
        // What the gesture changed, and a rim around it: smoothing ends softly and the far edge keeps its
        // detail.
        const PixelArea was = areaOf(before, label, &scope);
        const PixelArea is = areaOf(labels, label, &scope);
        const PixelArea changed = was.subtracted(is).united(is.subtracted(was));
        const PixelArea touched = grown(changed, std::ceil(2 * sigma), labels.bounds());
        m_stroke->apply(smooth(labels, label, sigma, &touched));
    }

    if (m_outwards) {
        // Holes that the gesture closed; those that were there stay.
        const PixelArea now = areaOf(labels, label);
        const PixelArea holes = holesOf(now, labels.bounds());
        if (!holes.empty())
            m_stroke->paint(holes.subtracted(holesOf(areaOf(before, label), labels.bounds())));
    }
    // Pieces of one former part: the largest stays.
    const PixelArea now = areaOf(labels, label);
    const std::vector<PixelArea> pieces = connectedParts(now);
    const std::vector<PixelArea> parts = connectedParts(areaOf(before, label));
    if (pieces.size() <= 1 || pieces.size() <= parts.size())
        return;
    std::vector<bool> partKept(parts.size(), false);
    for (const PixelArea& piece : pieces) { // largest first
        const Span& span = piece.spans().front();
        const auto part = std::find_if(parts.begin(), parts.end(), [&](const PixelArea& candidate) {
            return candidate.contains(span.begin, span.y);
        });
        if (part == parts.end())
            continue;
        const auto index = static_cast<std::size_t>(part - parts.begin());
        if (partKept[index])
            m_stroke->erase(piece);
        partKept[index] = true;
    }
}

} // namespace limn
