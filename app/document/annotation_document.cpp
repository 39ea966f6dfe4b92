// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/annotation_document.h"

#include "app/document/proposal_ops.h"
#include "io/core/hashing.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cstring>
#include <utility>

namespace limn {

namespace {

constexpr std::uint64_t kEveryByte = 0x0101010101010101u;
constexpr std::size_t kMostSources = 256;

std::int64_t systemClock() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Error invalid(std::string what, std::string found, std::string allowed) {
    return {ErrorCode::InvalidArgument, {std::move(what), std::move(found), std::move(allowed)}};
}

std::string text(Size size) {
    return std::to_string(size.width) + " x " + std::to_string(size.height);
}

std::uint64_t load(const std::uint8_t* p) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
}

bool isHand(ProvenanceKind kind) {
    return kind == ProvenanceKind::Manual || kind == ProvenanceKind::ModelEdited;
}

// Of every byte that undo would change. Words at a time: a large annotation takes some milliseconds.
std::uint64_t hashOf(const AnnotationPlanes& planes, bool mark) {
    std::uint64_t hash = kFnvBasis ^ static_cast<std::uint64_t>(mark);
    const auto take = [&hash](std::uint64_t word) { hash = (hash ^ word) * 0x100000001B3ull; };
    for (const TileMap* map : {&planes.labels, &planes.provenance}) {
        take(static_cast<std::uint64_t>(map->size().width));
        take(static_cast<std::uint64_t>(map->size().height));
        for (int i = 0; i < map->tileCount(); ++i) {
            const TilePtr& tile = map->tile(i);
            if (!tile || isZero(*tile))
                continue;
            take(static_cast<std::uint64_t>(i) + 1);
            for (std::size_t at = 0; at < kTilePixels; at += sizeof(std::uint64_t)) {
                std::uint64_t word;
                std::memcpy(&word, tile->data() + at, sizeof word);
                take(word);
            }
        }
    }
    return splitMixNumber(hash);
}

} // namespace

struct AnnotationDocument::OpenStroke {
    AnnotationPlanes before;
    bool markBefore = false;
    Stroke* handle = nullptr;     // null for commands
    std::vector<Tile*> ownLabels; // by tile: the copy that this stroke writes to
    std::vector<Tile*> ownSources;
    std::vector<int> tiles;        // that were touched
    std::vector<Rect> dirty;       // by tile: what changed so far
    std::array<int, 256> handEdit; // table entry after a hand edit, by entry before; -1: not asked for yet
};

Stroke::Stroke(AnnotationDocument* document, StepKind kind, EditRules rules)
    : m_document(document), m_kind(kind), m_rules(std::move(rules)) {}

Stroke::~Stroke() {
    cancel();
}

EditOutcome Stroke::paint(const PixelArea& area) {
    if (!m_document)
        return {};
    const EditOutcome outcome = m_document->edit(area, m_rules.scope.get(), m_document->paintEdit(m_rules));
    m_total.changedPixels += outcome.changedPixels;
    m_total.protectedPixels += outcome.protectedPixels;
    return outcome;
}

EditOutcome Stroke::erase(const PixelArea& area) {
    if (!m_document)
        return {};
    const EditOutcome outcome =
        m_document->edit(area, m_rules.scope.get(), m_document->eraseEdit(m_rules, m_rules.eraseLabelOnly));
    m_total.changedPixels += outcome.changedPixels;
    m_total.protectedPixels += outcome.protectedPixels;
    return outcome;
}

EditOutcome Stroke::apply(const MaskEdit& edit) {
    if (!m_document)
        return {};
    EditOutcome outcome = paint(edit.add);
    const EditOutcome removed =
        m_document->edit(edit.remove, m_rules.scope.get(), m_document->eraseEdit(m_rules, true));
    m_total.changedPixels += removed.changedPixels;
    m_total.protectedPixels += removed.protectedPixels;
    outcome.changedPixels += removed.changedPixels;
    outcome.protectedPixels += removed.protectedPixels;
    return outcome;
}

const TileMap& Stroke::labelsBefore() const {
    static const TileMap none;
    return m_document ? m_document->m_stroke->before.labels : none;
}

bool Stroke::finish() {
    if (!m_document)
        return false;
    return m_document->finishStroke(m_kind);
}

void Stroke::cancel() {
    if (m_document)
        m_document->cancelStroke();
}

AnnotationDocument::AnnotationDocument(Size size, std::vector<Label> labels)
    : m_planes{TileMap(size), TileMap(size)}
    , m_labels(std::move(labels))
    , m_sources(1)
    , m_clock(systemClock) {
    rebuildLocks();
}

AnnotationDocument::~AnnotationDocument() {
    if (m_stroke && m_stroke->handle)
        m_stroke->handle->m_document = nullptr;
}

Result<std::unique_ptr<AnnotationDocument>> AnnotationDocument::open(Size size,
                                                                     const AnnotationSnapshot& snapshot) {
    for (const TileMap* map : {&snapshot.labels, &snapshot.provenance})
        if (map->size() != size)
            return invalid("the annotation's size", text(map->size()), text(size) + ", as the image");
    if (snapshot.sources.empty() || snapshot.sources.size() > kMostSources ||
        snapshot.sources.front().kind != ProvenanceKind::None)
        return invalid("the annotation's table of sources",
                       std::to_string(snapshot.sources.size()) + " entries",
                       "1 to 256 entries, the first one without a source");
    const std::array<std::size_t, 256> used = snapshot.provenance.histogram();
    for (std::size_t i = snapshot.sources.size(); i < used.size(); ++i)
        if (used[i] > 0)
            return invalid("a source of the annotation", std::to_string(i),
                           "0 to " + std::to_string(snapshot.sources.size() - 1));
    for (const Label& label : snapshot.labelTable)
        if (label.value == 0)
            return invalid("a label's value", "0", "1 to 255");

    auto document = std::make_unique<AnnotationDocument>(
        size, snapshot.labelTable.empty() ? defaultLabels() : snapshot.labelTable);
    document->m_planes = {snapshot.labels, snapshot.provenance};
    document->m_sources = snapshot.sources;
    document->m_noLesion = snapshot.noLesion;
    document->m_threshold = snapshot.threshold;
    document->m_revision = snapshot.revision;
    // Any edit leaves an entry in the table.
    document->m_everEdited = snapshot.sources.size() > 1 || snapshot.noLesion;
    document->ensureLabels(document->m_planes.labels, {document->bounds()});
    return document;
}

const ProvenanceSource& AnnotationDocument::sourceAt(int x, int y) const {
    return m_sources[m_planes.provenance.at(x, y)];
}

AnnotationSnapshot AnnotationDocument::snapshot() const {
    const AnnotationPlanes& planes = m_stroke ? m_stroke->before : m_planes;
    AnnotationSnapshot snapshot;
    snapshot.labels = planes.labels;
    snapshot.provenance = planes.provenance;
    snapshot.labelTable = m_labels;
    snapshot.sources = m_sources;
    snapshot.noLesion = m_stroke ? m_stroke->markBefore : m_noLesion;
    snapshot.threshold = m_threshold;
    snapshot.revision = m_revision;
    return snapshot;
}

bool AnnotationDocument::untouched() const {
    return !m_everEdited && !m_noLesion && m_planes.labels.allZero();
}

const Label* AnnotationDocument::findLabel(std::uint8_t value) const {
    const auto found =
        std::find_if(m_labels.begin(), m_labels.end(), [value](const Label& l) { return l.value == value; });
    return found == m_labels.end() ? nullptr : &*found;
}

Result<void> AnnotationDocument::setLabel(Label label) {
    if (label.value == 0)
        return invalid("a label's value", "0", "1 to 255");
    const auto place = std::find_if(m_labels.begin(), m_labels.end(),
                                    [&](const Label& l) { return l.value >= label.value; });
    if (place != m_labels.end() && place->value == label.value) {
        if (*place == label)
            return {};
        *place = std::move(label);
    } else {
        m_labels.insert(place, std::move(label));
    }
    rebuildLocks();
    ++m_revision;
    DocumentChange change;
    change.labels = true;
    change.content = true;
    notify(change);
    return {};
}

Result<void> AnnotationDocument::removeLabel(std::uint8_t value) {
    const auto place =
        std::find_if(m_labels.begin(), m_labels.end(), [value](const Label& l) { return l.value == value; });
    if (place == m_labels.end())
        return invalid("a label's value", std::to_string(value), "one of the label list");
    if (m_labels.size() == 1)
        return invalid("the label to remove", place->name, "any but the last one");
    const std::size_t pixels = m_planes.labels.histogram()[value];
    if (pixels > 0)
        return invalid("the label to remove", place->name + " with " + std::to_string(pixels) + " pixels",
                       "a label without pixels");
    std::erase_if(m_removedLabels, [value](const Label& l) { return l.value == value; });
    m_removedLabels.push_back(*place);
    m_labels.erase(place);
    rebuildLocks();
    ++m_revision;
    DocumentChange change;
    change.labels = true;
    change.content = true;
    notify(change);
    return {};
}

std::optional<Label> AnnotationDocument::suggestLabel() const {
    for (int value = 1; value < 256; ++value)
        if (!findLabel(static_cast<std::uint8_t>(value))) {
            Label label;
            label.value = static_cast<std::uint8_t>(value);
            label.name = "Label " + std::to_string(value);
            label.color = paletteColor(value - 1);
            return label;
        }
    return std::nullopt;
}

void AnnotationDocument::setProposal(ProposalPtr proposal) {
    if (proposal == m_proposal)
        return;
    const float before = threshold();
    m_proposal = std::move(proposal);
    DocumentChange change;
    change.proposal = true;
    change.threshold = threshold() != before;
    notify(change);
}

float AnnotationDocument::threshold() const {
    if (m_threshold)
        return *m_threshold;
    return m_proposal ? m_proposal->defaultThreshold : 0.5f;
}

void AnnotationDocument::setThreshold(float threshold) {
    // Written so that NaN becomes 0.
    const float clamped = threshold > 0.0f ? std::min(threshold, 1.0f) : 0.0f;
    if (m_threshold == clamped)
        return;
    m_threshold = clamped;
    DocumentChange change;
    change.threshold = true;
    notify(change);
}

void AnnotationDocument::resetThreshold() {
    if (!m_threshold)
        return;
    m_threshold.reset();
    DocumentChange change;
    change.threshold = true;
    notify(change);
}

std::unique_ptr<Stroke> AnnotationDocument::beginStroke(StepKind kind, EditRules rules) {
    if (m_stroke)
        return nullptr;
    std::unique_ptr<Stroke> stroke(new Stroke(this, kind, std::move(rules)));
    beginOpenStroke(stroke.get());
    return stroke;
}

EditOutcome AnnotationDocument::paint(StepKind kind, const EditRules& rules, const PixelArea& area) {
    if (m_stroke)
        return {};
    beginOpenStroke(nullptr);
    const EditOutcome outcome = edit(area, rules.scope.get(), paintEdit(rules));
    finishStroke(kind);
    return outcome;
}

EditOutcome AnnotationDocument::erase(StepKind kind, const EditRules& rules, const PixelArea& area) {
    if (m_stroke)
        return {};
    beginOpenStroke(nullptr);
    const EditOutcome outcome = edit(area, rules.scope.get(), eraseEdit(rules, rules.eraseLabelOnly));
    finishStroke(kind);
    return outcome;
}

EditOutcome AnnotationDocument::apply(StepKind kind, const EditRules& rules, const MaskEdit& maskEdit) {
    if (m_stroke)
        return {};
    beginOpenStroke(nullptr);
    EditOutcome outcome = edit(maskEdit.add, rules.scope.get(), paintEdit(rules));
    const EditOutcome removed = edit(maskEdit.remove, rules.scope.get(), eraseEdit(rules, true));
    outcome.changedPixels += removed.changedPixels;
    outcome.protectedPixels += removed.protectedPixels;
    finishStroke(kind);
    return outcome;
}

EditOutcome AnnotationDocument::clearLabel(const EditRules& rules) {
    MaskEdit all;
    all.remove = PixelArea::rectangle(m_planes.labels.boundsOf(rules.label));
    return apply(StepKind::ClearLabel, rules, all);
}

EditOutcome AnnotationDocument::replaceLabel(std::uint8_t from, const EditRules& rules) {
    if (m_stroke || from == 0 || rules.label == 0 || from == rules.label)
        return {};
    PixelEdit what;
    what.newValue = rules.label;
    what.byValue[from] = m_locked[from] || m_locked[rules.label] ? Action::Protected : Action::Set;
    beginOpenStroke(nullptr);
    const EditOutcome outcome =
        edit(PixelArea::rectangle(m_planes.labels.boundsOf(from)), rules.scope.get(), what);
    finishStroke(StepKind::ReplaceLabel);
    return outcome;
}

EditOutcome AnnotationDocument::useProposal(const EditRules& rules, UseMode mode) {
    if (m_stroke || !m_proposal)
        return {};
    return useProposalArea(
        rules, proposalArea(*m_proposal, static_cast<double>(threshold()), rules.scope.get()), mode);
}

EditOutcome AnnotationDocument::useProposalPart(const EditRules& rules, int x, int y) {
    if (m_stroke || !m_proposal)
        return {};
    return useProposalArea(
        rules, proposalPart(*m_proposal, static_cast<double>(threshold()), x, y, rules.scope.get()),
        UseMode::Add);
}

bool AnnotationDocument::hasHandEdits(const PixelArea* scope) const {
    std::array<bool, 256> hand{};
    for (std::size_t i = 0; i < m_sources.size(); ++i)
        hand[i] = isHand(m_sources[i].kind);
    const TileMap& map = m_planes.provenance;
    if (scope) {
        const PixelArea inside = scope->intersected(bounds());
        for (const Span& span : inside.spans())
            for (int x = span.begin; x < span.end; ++x)
                if (hand[map.at(x, span.y)])
                    return true;
        return false;
    }
    const std::array<std::size_t, 256> used = map.histogram();
    for (std::size_t i = 0; i < used.size(); ++i)
        if (used[i] > 0 && hand[i])
            return true;
    return false;
}

bool AnnotationDocument::markNoLesion() {
    if (m_stroke)
        return false;
    if (m_noLesion)
        return true;
    const std::array<std::size_t, 256> counts = m_planes.labels.histogram();
    for (std::size_t value = 1; value < 256; ++value)
        if (counts[value] > 0 && m_locked[value])
            return false;
    beginOpenStroke(nullptr);
    edit(PixelArea::rectangle(bounds()), nullptr, eraseEdit({}, false));
    m_noLesion = true;
    finishStroke(StepKind::MarkNoLesion);
    return true;
}

bool AnnotationDocument::removeNoLesionMark() {
    if (m_stroke || !m_noLesion)
        return false;
    beginOpenStroke(nullptr);
    m_noLesion = false;
    finishStroke(StepKind::RemoveNoLesionMark);
    return true;
}

Result<void> AnnotationDocument::restore(const AnnotationSnapshot& version, StepKind kind) {
    if (m_stroke)
        return invalid("restoring a version", "an unfinished stroke", "no stroke");
    if (version.labels.size() != size() || version.provenance.size() != size())
        return invalid("the version's size", text(version.labels.size()), text(size()) + ", as the image");
    const std::array<std::size_t, 256> used = version.provenance.histogram();
    std::array<std::uint8_t, 256> entry{};
    for (std::size_t i = 1; i < used.size(); ++i) {
        if (used[i] == 0)
            continue;
        if (i >= version.sources.size())
            return invalid("a source of the version", std::to_string(i),
                           "0 to " + std::to_string(version.sources.size()));
        // The version's own times are kept where its source is new to the table.
        entry[i] = sourceIndex(version.sources[i]);
    }
    AnnotationPlanes next{version.labels, version.provenance};
    for (int index = 0; index < next.provenance.tileCount(); ++index) {
        if (!next.provenance.tile(index))
            continue;
        std::shared_ptr<Tile> tile = newTile();
        const std::uint8_t* bytes = next.provenance.tileBytes(index);
        for (std::size_t i = 0; i < kTilePixels; ++i)
            (*tile)[i] = entry[bytes[i]];
        next.provenance.setTile(index, std::move(tile));
    }
    bool labelsChanged = false;
    for (const Label& label : version.labelTable)
        if (label.value != 0 && !findLabel(label.value)) {
            m_labels.push_back(label);
            labelsChanged = true;
        }
    std::sort(m_labels.begin(), m_labels.end(),
              [](const Label& a, const Label& b) { return a.value < b.value; });
    rebuildLocks();
    finishReplacement(kind, std::move(next), version.noLesion, labelsChanged);
    return {};
}

Result<void> AnnotationDocument::import(const LabelMap& map) {
    if (m_stroke)
        return invalid("importing an annotation", "an unfinished stroke", "no stroke");
    if (map.size != size() || map.labels.size() != map.size.pixels())
        return invalid("the annotation's size", text(map.size), text(size()) + ", as the image");
    ProvenanceSource manual;
    manual.kind = ProvenanceKind::Manual;
    manual.person = m_person;
    const std::uint8_t source = sourceIndex(manual);
    AnnotationPlanes next{TileMap(map), m_planes.provenance};
    for (int index = 0; index < next.labels.tileCount(); ++index) {
        const std::uint8_t* was = m_planes.labels.tileBytes(index);
        const std::uint8_t* is = next.labels.tileBytes(index);
        if (std::memcmp(was, is, kTilePixels) == 0)
            continue;
        std::shared_ptr<Tile> tile = newTile();
        const std::uint8_t* sources = m_planes.provenance.tileBytes(index);
        std::uint8_t* to = tile->data();
        // Without a branch, which a mask of scattered pixels would mispredict at every second one.
        for (std::size_t i = 0; i < kTilePixels; ++i) {
            const auto kept = static_cast<std::uint8_t>(was[i] == is[i] ? 0xff : 0);
            to[i] = static_cast<std::uint8_t>((sources[i] & kept) | (source & ~kept));
        }
        next.provenance.setTile(index, std::move(tile));
    }
    const bool mark = m_noLesion && next.labels.allZero();
    finishReplacement(StepKind::ImportAnnotation, std::move(next), mark, false);
    return {};
}

LabelProvenance AnnotationDocument::labelProvenance(std::uint8_t value) const {
    std::array<std::size_t, 256> of{};
    std::array<std::size_t, 256> background{};
    for (int index = 0; index < m_planes.labels.tileCount(); ++index) {
        if (!m_planes.labels.tile(index) && !m_planes.provenance.tile(index))
            continue;
        const Rect rect = m_planes.labels.tileRect(index);
        const std::uint8_t* labels = m_planes.labels.tileBytes(index);
        const std::uint8_t* sources = m_planes.provenance.tileBytes(index);
        for (int y = 0; y < rect.height; ++y) {
            const std::size_t row = static_cast<std::size_t>(y) * kTileSize;
            // Runs, because a label's pixels and their sources come in long ones.
            int x = 0;
            while (x < rect.width) {
                const std::uint8_t label = labels[row + static_cast<std::size_t>(x)];
                const std::uint8_t source = sources[row + static_cast<std::size_t>(x)];
                const int begin = x;
                while (x < rect.width && labels[row + static_cast<std::size_t>(x)] == label &&
                       sources[row + static_cast<std::size_t>(x)] == source)
                    ++x;
                if (label == value)
                    of[source] += static_cast<std::size_t>(x - begin);
                else if (label == 0)
                    background[source] += static_cast<std::size_t>(x - begin);
            }
        }
    }
    LabelProvenance result;
    for (std::size_t i = 0; i < m_sources.size(); ++i) {
        const ProvenanceKind kind = m_sources[i].kind;
        result.pixels[static_cast<std::size_t>(kind)] += of[i];
        if (of[i] > 0)
            result.sources.push_back(static_cast<std::uint8_t>(i));
        if (kind == ProvenanceKind::ModelEdited)
            result.erasedModelPixels += background[i];
    }
    const std::size_t model = result.pixels[static_cast<std::size_t>(ProvenanceKind::Model)];
    const std::size_t edited = result.pixels[static_cast<std::size_t>(ProvenanceKind::ModelEdited)];
    const std::size_t manual = result.pixels[static_cast<std::size_t>(ProvenanceKind::Manual)];
    if (model + edited + manual == 0)
        result.kind = ProvenanceKind::None;
    else if (model + edited == 0)
        result.kind = ProvenanceKind::Manual;
    else if (edited + manual + result.erasedModelPixels == 0)
        result.kind = ProvenanceKind::Model;
    else
        result.kind = ProvenanceKind::ModelEdited;
    return result;
}

bool AnnotationDocument::undo() {
    if (m_stroke || !m_history.canUndo())
        return false;
    return stepThrough(m_history.undo(m_planes));
}

bool AnnotationDocument::redo() {
    if (m_stroke || !m_history.canRedo())
        return false;
    return stepThrough(m_history.redo(m_planes));
}

AnnotationDocument::RestingHistory AnnotationDocument::restHistory() {
    RestingHistory resting{std::exchange(m_history, UndoHistory(m_history.limitBytes())),
                           hashOf(m_planes, m_noLesion), m_sources, m_removedLabels};
    DocumentChange change;
    change.history = true;
    notify(change);
    return resting;
}

bool AnnotationDocument::resumeHistory(RestingHistory resting) {
    if (m_stroke || m_history.canUndo() || m_history.canRedo() ||
        resting.annotation != hashOf(m_planes, m_noLesion))
        return false;
    m_history = std::move(resting.history);
    // Steps that were undone may name sources that no pixel has at the moment.
    m_sources = std::move(resting.sources);
    m_removedLabels = std::move(resting.removedLabels);
    m_everEdited = m_everEdited || m_history.canUndo() || m_history.canRedo();
    DocumentChange change;
    change.history = true;
    notify(change);
    return true;
}

void AnnotationDocument::setUndoLimit(std::size_t bytes) {
    m_history.setLimitBytes(bytes);
    DocumentChange change;
    change.history = true;
    notify(change);
}

int AnnotationDocument::addObserver(Observer observer) {
    m_observers.emplace_back(m_nextObserver, std::move(observer));
    return m_nextObserver++;
}

void AnnotationDocument::removeObserver(int id) {
    std::erase_if(m_observers, [id](const auto& entry) { return entry.first == id; });
}

AnnotationDocument::PixelEdit AnnotationDocument::paintEdit(const EditRules& rules) const {
    PixelEdit what;
    what.newValue = rules.label;
    for (std::size_t value = 0; value < 256; ++value) {
        const bool closed = rules.label == 0 || m_locked[rules.label] || m_locked[value] ||
                            (rules.over == Over::Background && value != 0);
        what.byValue[value] = closed ? Action::Protected : Action::Set;
    }
    what.byValue[rules.label] = Action::Keep;
    return what;
}

AnnotationDocument::PixelEdit AnnotationDocument::eraseEdit(const EditRules& rules, bool labelOnly) const {
    PixelEdit what;
    what.newValue = 0;
    for (std::size_t value = 1; value < 256; ++value)
        if (!labelOnly || value == rules.label)
            what.byValue[value] = m_locked[value] ? Action::Protected : Action::Set;
    return what;
}

void AnnotationDocument::beginOpenStroke(Stroke* handle) {
    m_stroke = std::make_unique<OpenStroke>();
    m_stroke->before = m_planes;
    m_stroke->markBefore = m_noLesion;
    m_stroke->handle = handle;
    const auto tiles = static_cast<std::size_t>(m_planes.labels.tileCount());
    m_stroke->ownLabels.assign(tiles, nullptr);
    m_stroke->ownSources.assign(tiles, nullptr);
    m_stroke->dirty.assign(tiles, {});
    m_stroke->handEdit.fill(-1);
}

// Walks the spans tile row by tile row. Within a span, eight pixels are looked at together: most of a brush's
// disc was painted by the event before, and most of the rest is one value over one source.
EditOutcome AnnotationDocument::edit(const PixelArea& wanted, const PixelArea* scope, const PixelEdit& what) {
    OpenStroke& stroke = *m_stroke;
    const PixelArea inScope = scope ? wanted.intersected(*scope) : PixelArea();
    const PixelArea& area = scope ? inScope : wanted;
    const int width = size().width;
    const int height = size().height;
    EditOutcome outcome;
    std::vector<std::pair<int, Rect>> dirty; // the tiles of this call, few
    bool painted = false;

    std::size_t first = 0;
    const std::vector<Span>& spans = area.spans();
    while (first < spans.size() && spans[first].y < 0)
        ++first;
    while (first < spans.size() && spans[first].y < height) {
        // The spans of one row of tiles.
        const int tileRow = spans[first].y / kTileSize;
        std::size_t last = first;
        int left = width;
        int right = 0;
        while (last < spans.size() && spans[last].y < std::min(height, (tileRow + 1) * kTileSize)) {
            left = std::min(left, spans[last].begin);
            right = std::max(right, spans[last].end);
            ++last;
        }
        left = std::max(left, 0);
        right = std::min(right, width);
        for (int column = left / kTileSize; left < right && column <= (right - 1) / kTileSize; ++column) {
            const int index = tileRow * m_planes.labels.tileColumns() + column;
            const Rect rect = m_planes.labels.tileRect(index);
            const std::uint8_t* labels = m_planes.labels.tileBytes(index);
            const std::uint8_t* sources = m_planes.provenance.tileBytes(index);
            std::uint8_t* ownLabels = nullptr;
            std::uint8_t* ownSources = nullptr;
            const auto own = [&] {
                ownLabels = writableTile(m_planes.labels, stroke.ownLabels, index).data();
                ownSources = writableTile(m_planes.provenance, stroke.ownSources, index).data();
                labels = ownLabels;
                sources = ownSources;
            };
            int minX = rect.right();
            int maxX = rect.x - 1;
            int minY = rect.bottom();
            int maxY = rect.y - 1;
            for (std::size_t s = first; s < last; ++s) {
                const Span& span = spans[s];
                const int begin = std::max(span.begin, rect.x);
                const int end = std::min(span.end, rect.right());
                if (begin >= end)
                    continue;
                const std::size_t row = static_cast<std::size_t>(span.y - rect.y) * kTileSize;
                int changedFrom = end;
                int changedTo = begin;
                const auto one = [&](int x) {
                    const std::size_t at = row + static_cast<std::size_t>(x - rect.x);
                    const std::uint8_t value = labels[at];
                    const Action action = what.byValue[value];
                    const bool claim =
                        what.claimEqual && value == what.newValue && sources[at] != *what.source;
                    if (action == Action::Protected)
                        ++outcome.protectedPixels;
                    if (action != Action::Set && !claim)
                        return;
                    if (!ownLabels)
                        own();
                    ownSources[at] = what.source ? *what.source : handEditOf(sources[at]);
                    ownLabels[at] = what.newValue;
                    outcome.changedPixels += action == Action::Set ? 1 : 0;
                    changedFrom = std::min(changedFrom, x);
                    changedTo = std::max(changedTo, x + 1);
                };
                int x = begin;
                for (; x + 8 <= end; x += 8) {
                    const std::size_t at = row + static_cast<std::size_t>(x - rect.x);
                    const std::uint64_t word = load(labels + at);
                    const std::uint8_t value = static_cast<std::uint8_t>(word);
                    const std::uint64_t source = load(sources + at);
                    if (word != value * kEveryByte ||
                        source != static_cast<std::uint8_t>(source) * kEveryByte) {
                        for (int i = 0; i < 8; ++i)
                            one(x + i);
                        continue;
                    }
                    const Action action = what.byValue[value];
                    const bool claim = what.claimEqual && value == what.newValue &&
                                       static_cast<std::uint8_t>(source) != *what.source;
                    if (action == Action::Protected)
                        outcome.protectedPixels += 8;
                    if (action != Action::Set && !claim)
                        continue;
                    if (!ownLabels)
                        own();
                    const std::uint8_t next =
                        what.source ? *what.source : handEditOf(static_cast<std::uint8_t>(source));
                    std::memset(ownSources + at, next, 8);
                    std::memset(ownLabels + at, what.newValue, 8);
                    outcome.changedPixels += action == Action::Set ? 8 : 0;
                    changedFrom = std::min(changedFrom, x);
                    changedTo = std::max(changedTo, x + 8);
                }
                for (; x < end; ++x)
                    one(x);
                if (changedFrom < changedTo) {
                    minX = std::min(minX, changedFrom);
                    maxX = std::max(maxX, changedTo - 1);
                    minY = std::min(minY, span.y);
                    maxY = std::max(maxY, span.y);
                }
            }
            if (minX <= maxX) {
                const Rect changed{minX, minY, maxX - minX + 1, maxY - minY + 1};
                dirty.emplace_back(index, changed);
                if (stroke.dirty[static_cast<std::size_t>(index)].empty())
                    stroke.tiles.push_back(index);
                stroke.dirty[static_cast<std::size_t>(index)] =
                    united(stroke.dirty[static_cast<std::size_t>(index)], changed);
                painted = painted || what.newValue != 0;
            }
        }
        first = last;
    }
    if (dirty.empty())
        return outcome;
    DocumentChange change;
    change.pixels = true;
    if (painted && m_noLesion) {
        m_noLesion = false;
        change.mark = true;
    }
    for (const auto& [index, rect] : dirty)
        change.dirty.push_back(rect);
    notify(change);
    return outcome;
}

bool AnnotationDocument::finishStroke(StepKind kind) {
    const std::unique_ptr<OpenStroke> stroke = std::move(m_stroke);
    if (stroke->handle)
        stroke->handle->m_document = nullptr;
    const bool markChanged = stroke->markBefore != m_noLesion;
    if (!m_history.record(kind, stroke->before, m_planes, stroke->tiles, stroke->markBefore, m_noLesion)) {
        // Painted and taken back within one gesture: the old tiles hold the same bytes.
        m_planes = stroke->before;
        return false;
    }
    m_everEdited = true;
    ++m_revision;
    m_lastChange = {};
    for (const int index : stroke->tiles)
        m_lastChange = united(m_lastChange, stroke->dirty[static_cast<std::size_t>(index)]);
    DocumentChange change;
    change.content = true;
    change.history = true;
    change.mark = markChanged;
    notify(change);
    return true;
}

void AnnotationDocument::cancelStroke() {
    const std::unique_ptr<OpenStroke> stroke = std::move(m_stroke);
    if (stroke->handle)
        stroke->handle->m_document = nullptr;
    m_planes = stroke->before;
    DocumentChange change;
    change.mark = m_noLesion != stroke->markBefore;
    m_noLesion = stroke->markBefore;
    change.pixels = !stroke->tiles.empty();
    for (const int index : stroke->tiles)
        change.dirty.push_back(stroke->dirty[static_cast<std::size_t>(index)]);
    if (change.pixels || change.mark)
        notify(change);
}

Tile& AnnotationDocument::writableTile(TileMap& map, std::vector<Tile*>& owned, int index) {
    Tile*& tile = owned[static_cast<std::size_t>(index)];
    if (!tile) {
        std::shared_ptr<Tile> copy = newTile();
        std::memcpy(copy->data(), map.tileBytes(index), kTilePixels);
        tile = copy.get();
        map.setTile(index, std::move(copy));
    }
    return *tile;
}

// The table holds 255 sources. Should more come together on one image, the new one shares the entry of the
// nearest: same kind and model, else same kind, else the last one.
std::uint8_t AnnotationDocument::sourceIndex(ProvenanceSource source) {
    const std::int64_t now = m_clock();
    if (source.firstTimeMs == 0) {
        source.firstTimeMs = now;
        source.lastTimeMs = now;
    }
    const auto find = [&](auto same) {
        for (std::size_t i = 1; i < m_sources.size(); ++i)
            if (same(m_sources[i])) {
                m_sources[i].firstTimeMs = std::min(m_sources[i].firstTimeMs, source.firstTimeMs);
                m_sources[i].lastTimeMs = std::max(m_sources[i].lastTimeMs, source.lastTimeMs);
                return static_cast<int>(i);
            }
        return -1;
    };
    if (source.kind == ProvenanceKind::None)
        return 0;
    int found = find([&](const ProvenanceSource& s) {
        return s.kind == source.kind && s.model == source.model && s.threshold == source.threshold &&
               s.person == source.person;
    });
    if (found < 0 && m_sources.size() < kMostSources) {
        m_sources.push_back(std::move(source));
        return static_cast<std::uint8_t>(m_sources.size() - 1);
    }
    if (found < 0)
        found =
            find([&](const ProvenanceSource& s) { return s.kind == source.kind && s.model == source.model; });
    if (found < 0)
        found = find([&](const ProvenanceSource& s) { return s.kind == source.kind; });
    return found < 0 ? static_cast<std::uint8_t>(kMostSources - 1) : static_cast<std::uint8_t>(found);
}

std::uint8_t AnnotationDocument::handEditOf(std::uint8_t source) {
    int& next = m_stroke->handEdit[source];
    if (next < 0) {
        const ProvenanceSource& old = m_sources[source];
        ProvenanceSource edited;
        const bool fromModel = old.kind == ProvenanceKind::Model || old.kind == ProvenanceKind::ModelEdited;
        edited.kind = fromModel ? ProvenanceKind::ModelEdited : ProvenanceKind::Manual;
        if (fromModel) {
            edited.model = old.model;
            edited.threshold = old.threshold;
        }
        edited.person = m_person;
        next = sourceIndex(std::move(edited));
    }
    return static_cast<std::uint8_t>(next);
}

std::uint8_t AnnotationDocument::modelSource() {
    ProvenanceSource source;
    source.kind = ProvenanceKind::Model;
    source.model = m_proposal->model;
    source.threshold = threshold();
    source.person = m_person;
    return sourceIndex(std::move(source));
}

EditOutcome AnnotationDocument::useProposalArea(const EditRules& rules, const PixelArea& add, UseMode mode) {
    beginOpenStroke(nullptr);
    const std::uint8_t source = modelSource();
    PixelEdit paintIt = paintEdit(rules);
    paintIt.source = source;
    // Replacing, the model decides every pixel of the label; adding, it decides the pixels that it adds.
    paintIt.claimEqual = mode == UseMode::Replace && rules.label != 0 && !m_locked[rules.label];
    EditOutcome outcome = edit(add, rules.scope.get(), paintIt);
    if (mode == UseMode::Replace) {
        PixelEdit eraseIt = eraseEdit(rules, true);
        eraseIt.source = source;
        const Rect extent = intersected(m_proposal->extent, bounds());
        const EditOutcome removed =
            edit(PixelArea::rectangle(extent).subtracted(add), rules.scope.get(), eraseIt);
        outcome.changedPixels += removed.changedPixels;
        outcome.protectedPixels += removed.protectedPixels;
    }
    finishStroke(StepKind::UseProposal);
    return outcome;
}

bool AnnotationDocument::stepThrough(UndoHistory::Change step) {
    ++m_revision;
    DocumentChange change;
    change.pixels = !step.dirty.empty();
    change.content = true;
    change.history = true;
    change.mark = m_noLesion != step.mark;
    m_noLesion = step.mark;
    m_lastChange = {};
    for (const Rect& rect : step.dirty)
        m_lastChange = united(m_lastChange, rect);
    if (!m_removedLabels.empty()) {
        const std::size_t before = m_labels.size();
        ensureLabels(m_planes.labels, step.dirty);
        change.labels = m_labels.size() != before;
    }
    change.dirty = std::move(step.dirty);
    notify(change);
    return true;
}

// Every value that occurs in the rectangles has a row in the label table afterwards.
void AnnotationDocument::ensureLabels(const TileMap& map, const std::vector<Rect>& rects) {
    std::array<bool, 256> known{};
    known[0] = true;
    for (const Label& label : m_labels)
        known[label.value] = true;
    std::array<bool, 256> used{};
    std::vector<std::uint8_t> row;
    for (const Rect& rect : rects)
        for (int y = rect.y; y < rect.bottom(); ++y) {
            row.resize(static_cast<std::size_t>(rect.width));
            map.read({rect.x, y, rect.width, 1}, row.data(), row.size());
            for (const std::uint8_t value : row)
                used[value] = true;
        }
    for (std::size_t value = 1; value < 256; ++value) {
        if (!used[value] || known[value])
            continue;
        Label label;
        label.value = static_cast<std::uint8_t>(value);
        label.name = "Label " + std::to_string(value);
        label.color = paletteColor(static_cast<int>(value) - 1);
        const auto removed = std::find_if(m_removedLabels.begin(), m_removedLabels.end(),
                                          [value](const Label& l) { return l.value == value; });
        if (removed != m_removedLabels.end()) {
            label = *removed;
            m_removedLabels.erase(removed);
        }
        m_labels.push_back(std::move(label));
    }
    std::sort(m_labels.begin(), m_labels.end(),
              [](const Label& a, const Label& b) { return a.value < b.value; });
    rebuildLocks();
}

void AnnotationDocument::rebuildLocks() {
    m_locked.fill(false);
    for (const Label& label : m_labels)
        m_locked[label.value] = label.locked;
}

void AnnotationDocument::finishReplacement(StepKind kind, AnnotationPlanes next, bool mark,
                                           bool labelsChanged) {
    std::vector<int> tiles = TileMap::differentTiles(m_planes.labels, next.labels);
    for (const int index : TileMap::differentTiles(m_planes.provenance, next.provenance))
        tiles.push_back(index);
    std::sort(tiles.begin(), tiles.end());
    tiles.erase(std::unique(tiles.begin(), tiles.end()), tiles.end());

    DocumentChange change;
    change.labels = labelsChanged;
    if (m_history.record(kind, m_planes, next, tiles, m_noLesion, mark)) {
        m_planes = std::move(next);
        m_everEdited = true;
        change.pixels = !tiles.empty();
        change.history = true;
        change.mark = mark != m_noLesion;
        m_noLesion = mark;
        m_lastChange = {};
        for (const int index : tiles) {
            change.dirty.push_back(m_planes.labels.tileRect(index));
            m_lastChange = united(m_lastChange, change.dirty.back());
        }
        const std::size_t before = m_labels.size();
        ensureLabels(m_planes.labels, change.dirty);
        change.labels = change.labels || m_labels.size() != before;
    }
    change.content = change.history || change.labels;
    if (!change.content)
        return;
    ++m_revision;
    notify(change);
}

void AnnotationDocument::notify(const DocumentChange& change) {
    // A copy, so that an observer may remove itself.
    const std::vector<std::pair<int, Observer>> observers = m_observers;
    for (const auto& [id, observer] : observers)
        observer(change);
}

} // namespace limn
