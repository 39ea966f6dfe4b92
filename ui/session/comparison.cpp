// SPDX-License-Identifier: GPL-3.0-or-later
// Sides of a comparison.
#include "ui/session/comparison.h"

#include "app/document/proposal_ops.h"
#include "ui/session/sentences.h"
#include "ui/session/state_words.h"

#include <QDateTime>
#include <QLocale>
#include <QPointer>
#include <QtConcurrent>

#include <algorithm>
#include <variant>

namespace limn {
namespace {

// A side's pixels for another thread.
using SideMask = std::variant<TileMap, std::pair<ProposalPtr, double>>;

TileMap maskOf(const SideMask& side, Size size) {
    if (const auto* map = std::get_if<TileMap>(&side))
        return *map;
    const auto& [proposal, threshold] = std::get<1>(side);
    return TileMap(proposalArea(*proposal, threshold).toMask({0, 0, size.width, size.height}));
}

} // namespace

Comparison::Comparison(ReviewSession& session, ImageVersions& versions, QObject* parent)
    : QObject(parent), m_session(session), m_versions(versions) {
    reset();
    m_timer.setSingleShot(true);
    m_timer.setInterval(150);
    connect(&m_timer, &QTimer::timeout, this, &Comparison::compute);
    connect(&session, &ReviewSession::currentChanged, this, [this] {
        // Versions are those of one image; kinds that every image has stay chosen.
        for (SideState& side : m_sides) {
            side.loaded.reset();
            side.request = ++m_requests;
        }
        if (m_sides[A].source.kind == CompareSource::Kind::Kept)
            m_sides[A].source = {CompareSource::Kind::Annotation, kNobody, 0, 0, tr("Annotation")};
        if (m_sides[B].source.kind == CompareSource::Kind::Kept)
            m_sides[B].source = {CompareSource::Kind::Proposal, kNobody, 0, 0, tr("Proposal")};
        m_figures.reset();
        Q_EMIT figuresChanged();
        rebuildSources();
    });
    connect(&versions, &ImageVersions::changed, this, &Comparison::rebuildSources);
    connect(&session, &ReviewSession::proposalsChanged, this, &Comparison::rebuildSources);
    connect(&session, &ReviewSession::documentReady, this, [this] { m_timer.start(); });
    connect(&session, &ReviewSession::documentChanged, this, [this] {
        if (m_active)
            m_timer.start();
    });
}

void Comparison::reset() {
    m_sides[A] = {{CompareSource::Kind::Annotation, kNobody, 0, 0, tr("Annotation")}, nullptr, ++m_requests};
    m_sides[B] = {{CompareSource::Kind::Proposal, kNobody, 0, 0, tr("Proposal")}, nullptr, ++m_requests};
    rebuildSources();
    Q_EMIT changed();
}

void Comparison::setActive(bool on) {
    m_active = on;
    if (!on)
        return;
    for (const Side side : {A, B}) {
        if (!m_sides[side].loaded)
            load(side);
    }
    m_timer.start();
}

void Comparison::rebuildSources() {
    using Kind = CompareSource::Kind;
    std::vector<CompareSource> sources = {{Kind::Annotation, kNobody, 0, 0, tr("Annotation")},
                                          {Kind::Proposal, kNobody, 0, 0, tr("Proposal")},
                                          {Kind::Image, kNobody, 0, 0, tr("Image")}};
    const QLocale locale;
    for (const AnnotationInfo& info : m_versions.others()) {
        const QString name = m_versions.personName(info.person);
        sources.push_back({Kind::Person, info.person, info.version, 0,
                           info.version == 0 ? name : tr("%1, version %2").arg(name).arg(info.version + 1)});
    }
    for (const KeptVersion& kept : m_versions.kept()) {
        const std::optional<ReviewState> state = reviewStateFromName(kept.what);
        const QString what = state ? stateWord(*state) : QString::fromStdString(kept.what);
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(kept.timeMs);
        sources.push_back({Kind::Kept, kNobody, 0, kept.id,
                           tr("%1, %2 (%3)")
                               .arg(what, locale.toString(time, QLocale::ShortFormat),
                                    m_versions.personName(kept.person))});
    }
    m_sources = std::move(sources);
    // A person who has nothing on this image stays chosen: the side is then empty, and the box says who.
    for (const Side side : {A, B}) {
        SideState& state = m_sides[side];
        const bool there = std::any_of(m_sources.begin(), m_sources.end(),
                                       [&](const CompareSource& s) { return s.same(state.source); });
        if (there && m_active && !state.loaded)
            load(side);
    }
    Q_EMIT sourcesChanged();
}

void Comparison::choose(Side side, const CompareSource& source) {
    SideState& state = m_sides[side];
    state.source = source;
    state.loaded.reset();
    state.request = ++m_requests;
    m_figures.reset();
    load(side);
    Q_EMIT changed();
    Q_EMIT figuresChanged();
    m_timer.start();
}

void Comparison::load(Side side) {
    using Kind = CompareSource::Kind;
    SideState& state = m_sides[side];
    if (!m_session.hasProject() || (state.source.kind != Kind::Person && state.source.kind != Kind::Kept))
        return;
    const std::uint64_t request = state.request = ++m_requests;
    const ImageId id = m_session.current();
    const QPointer<Comparison> self(this);
    const auto take = [this, self, side, request, id](const Result<std::optional<LoadedAnnotation>>& loaded) {
        if (!self || m_sides[side].request != request || id != m_session.current())
            return;
        if (!loaded) {
            Q_EMIT m_session.said(errorText(loaded.error()));
            return;
        }
        if (!loaded->has_value())
            return;
        m_sides[side].loaded = std::make_shared<const AnnotationSnapshot>((*loaded)->snapshot);
        Q_EMIT changed();
        m_timer.start();
    };
    if (state.source.kind == Kind::Kept)
        m_session.project()->loadKeptVersion(state.source.kept, take);
    else
        m_session.project()->loadAnnotation(id, state.source.person, state.source.version, take);
}

ClassSourcePtr Comparison::classes(Side side) const {
    const SideState& state = m_sides[side];
    const AnnotationDocument* document = m_session.document();
    switch (state.source.kind) {
    case CompareSource::Kind::Image:
        return nullptr;
    case CompareSource::Kind::Proposal:
        if (!document || !document->proposal())
            return nullptr;
        return std::make_shared<ThresholdSource>(document->proposal(), document->threshold());
    case CompareSource::Kind::Annotation: {
        if (!document)
            return nullptr;
        const ImageId id = m_session.current();
        return std::make_shared<LabelSource>([session = &m_session, id]() -> const TileMap& {
            static const TileMap none;
            return session->document() && session->current() == id ? session->document()->labels() : none;
        });
    }
    case CompareSource::Kind::Person:
    case CompareSource::Kind::Kept:
        if (!state.loaded)
            return nullptr;
        return std::make_shared<LabelSource>(
            [loaded = state.loaded]() -> const TileMap& { return loaded->labels; });
    }
    return nullptr;
}

std::vector<Label> Comparison::labels(Side side) const {
    const SideState& state = m_sides[side];
    if (state.source.kind == CompareSource::Kind::Annotation && m_session.document())
        return m_session.document()->labelTable();
    return state.loaded ? state.loaded->labelTable : std::vector<Label>{};
}

bool Comparison::hasMask(Side side) const {
    const SideState& state = m_sides[side];
    switch (state.source.kind) {
    case CompareSource::Kind::Image:
        return false;
    case CompareSource::Kind::Proposal:
        return m_session.document() && m_session.document()->proposal();
    case CompareSource::Kind::Annotation:
        return m_session.document() != nullptr;
    default:
        return state.loaded && m_session.document() &&
               state.loaded->labels.size() == m_session.document()->size();
    }
}

void Comparison::compute() {
    if (!m_active)
        return;
    if (!hasMask(A) || !hasMask(B)) {
        m_figures.reset();
        Q_EMIT figuresChanged();
        return;
    }
    const AnnotationDocument& document = *m_session.document();
    const auto maskFor = [&](Side side) -> SideMask {
        const SideState& state = m_sides[side];
        if (state.source.kind == CompareSource::Kind::Proposal)
            return std::pair{document.proposal(), static_cast<double>(document.threshold())};
        if (state.source.kind == CompareSource::Kind::Annotation)
            return document.labels();
        return state.loaded->labels;
    };
    const std::uint64_t number = ++m_computing;
    const Size size = document.size();
    QtConcurrent::run([a = maskFor(A), b = maskFor(B), size] {
        return agreementOf(maskOf(a, size), maskOf(b, size));
    }).then(this, [this, number, id = m_session.current()](const Agreement& agreement) {
        if (number != m_computing || id != m_session.current())
            return;
        m_figures = agreement;
        Q_EMIT figuresChanged();
    });
}

} // namespace limn
