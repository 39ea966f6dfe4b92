// SPDX-License-Identifier: GPL-3.0-or-later
// Areas, decisions and the agreed document.
#include "ui/session/agreement_work.h"

#include "app/document/agreed_annotation.h"
#include "ui/session/sentences.h"

#include <QPointer>

#include <algorithm>

namespace limn {
namespace {

std::string settingOf(ImageId id) {
    return "agreement." + std::to_string(id);
}

// One letter a decision, in the order of the areas.
constexpr char kLetters[] = {'.', 'A', 'B', 'H'};

std::uint8_t valueAt(const TileMap& map, const Span& span) {
    return map.at(span.begin, span.y);
}

} // namespace

AgreementWork::AgreementWork(ReviewSession& session, ImageVersions& versions, QObject* parent)
    : QObject(parent), m_session(session), m_versions(versions) {
    connect(&session, &ReviewSession::agreeingChanged, this, &AgreementWork::changed);
    connect(&session, &ReviewSession::currentChanged, this, [this] { m_beginning = false; });
    connect(&session, &ReviewSession::documentChanged, this, [this](const DocumentChange& change) {
        // Drawing in an area decides it by hand, and undo opens it again.
        if (!active() || !change.content || !change.pixels)
            return;
        bool other = false;
        for (std::size_t i = 0; i < m_areas.size(); ++i) {
            const Decision now = seen(i, m_decisions[i]);
            other = other || now != m_decisions[i];
            m_decisions[i] = now;
        }
        if (other) {
            keepDecisions();
            Q_EMIT changed();
        }
    });
}

bool AgreementWork::possible() const {
    return m_session.ready() && m_versions.pair().first != kNobody;
}

void AgreementWork::begin() {
    if (!possible() || active() || m_beginning)
        return;
    m_beginning = true;
    m_people = m_versions.pair();
    const ImageId id = m_session.current();
    struct Loaded {
        std::optional<AnnotationSnapshot> part[3]; // first, second, agreed
        int waiting = 3;
    };
    const auto loaded = std::make_shared<Loaded>();
    const QPointer<AgreementWork> self(this);
    const PersonId people[3] = {m_people.first, m_people.second, kAgreed};
    for (int i = 0; i < 3; ++i) {
        m_session.project()->loadAnnotation(
            id, people[i], 0,
            [this, self, id, i, loaded](const Result<std::optional<LoadedAnnotation>>& result) {
                if (!self)
                    return;
                m_beginning = m_beginning && loaded->waiting > 1;
                if (id != m_session.current() || !m_session.ready())
                    return;
                if (!result)
                    Q_EMIT m_session.said(errorText(result.error()));
                else if (result->has_value())
                    loaded->part[i] = (*result)->snapshot;
                if (--loaded->waiting == 0 && loaded->part[0] && loaded->part[1])
                    start(*loaded->part[0], *loaded->part[1], loaded->part[2]);
            });
    }
}

void AgreementWork::start(const AnnotationSnapshot& first, const AnnotationSnapshot& second,
                          const std::optional<AnnotationSnapshot>& agreed) {
    const Size size = m_session.document()->size();
    if (first.labels.size() != size || second.labels.size() != size) {
        Q_EMIT m_session.said(tr("The two annotations do not have the image's size."));
        return;
    }
    const bool resumed = agreed && agreed->labels.size() == size;
    Result<std::unique_ptr<AnnotationDocument>> document =
        AnnotationDocument::open(size, resumed ? *agreed : commonPart(first, second));
    if (!document) {
        Q_EMIT m_session.said(errorText(document.error()));
        return;
    }
    m_first = first;
    m_second = second;
    m_areas = disputedAreas(first.labels, second.labels);
    m_decisions.assign(m_areas.size(), Decision::Open);
    m_index = m_areas.empty() ? -1 : 0;
    m_session.beginAgreed(std::move(*document));
    readDecisions(resumed);
    const auto open = std::find(m_decisions.begin(), m_decisions.end(), Decision::Open);
    if (open != m_decisions.end())
        m_index = static_cast<int>(open - m_decisions.begin());
    Q_EMIT changed();
    Q_EMIT areaChanged();
}

void AgreementWork::leave() {
    if (!active())
        return;
    m_session.endAgreed();
}

AgreementWork::Decision AgreementWork::seen(std::size_t index, Decision decided) const {
    const TileMap& labels = m_session.document()->labels();
    const DisputedArea& area = m_areas[index];
    bool allFirst = true, allSecond = true, untouched = true;
    for (const Span& span : area.area.spans()) {
        for (int x = span.begin; x < span.end && (allFirst || allSecond || untouched); ++x) {
            const std::uint8_t value = labels.at(x, span.y);
            allFirst = allFirst && value == area.first;
            allSecond = allSecond && value == area.second;
            untouched = untouched && value == 0;
        }
    }
    // Background is both what one side may hold and what nobody decided yet: the decision tells them apart.
    if ((decided == Decision::First && allFirst) || (decided == Decision::Second && allSecond) ||
        (decided == Decision::ByHand && untouched))
        return decided;
    if (allFirst && area.first != 0)
        return Decision::First;
    if (allSecond && area.second != 0)
        return Decision::Second;
    return untouched ? Decision::Open : Decision::ByHand;
}

void AgreementWork::readDecisions(bool resumed) {
    if (!resumed)
        return;
    const std::string kept = m_session.project()->setting(settingOf(m_session.current()));
    for (std::size_t i = 0; i < m_decisions.size(); ++i) {
        Decision decided = Decision::Open;
        if (kept.size() == m_decisions.size()) {
            for (int k = 0; k < 4; ++k) {
                if (kept[i] == kLetters[k])
                    decided = static_cast<Decision>(k);
            }
        }
        m_decisions[i] = seen(i, decided);
    }
}

void AgreementWork::keepDecisions() {
    std::string letters;
    for (const Decision decision : m_decisions)
        letters += kLetters[static_cast<int>(decision)];
    m_session.project()->setSetting(settingOf(m_session.current()), letters);
}

int AgreementWork::openAreas() const {
    return static_cast<int>(std::count(m_decisions.begin(), m_decisions.end(), Decision::Open));
}

void AgreementWork::step(int by) {
    if (!active() || m_areas.empty())
        return;
    const int count = static_cast<int>(m_areas.size());
    m_index = ((m_index + by) % count + count) % count;
    Q_EMIT areaChanged();
}

void AgreementWork::take(Decision decision) {
    if (!active() || m_index < 0 || m_session.document()->strokeOpen())
        return;
    const std::size_t index = static_cast<std::size_t>(m_index);
    m_decisions[index] = decision;
    AnnotationDocument* document = m_session.document();
    if (decision == Decision::First || decision == Decision::Second) {
        const AnnotationSnapshot& side = decision == Decision::First ? m_first : m_second;
        const Span& some = m_areas[index].area.spans().front();
        const bool differs = [&] {
            for (const Span& span : m_areas[index].area.spans()) {
                for (int x = span.begin; x < span.end; ++x) {
                    if (document->labels().at(x, span.y) != valueAt(side.labels, some))
                        return true;
                }
            }
            return false;
        }();
        // An undo step only where a pixel changes.
        if (differs) {
            const Result<void> taken = document->restore(
                withAreaOf(document->snapshot(), side, m_areas[index].area), StepKind::TakeArea);
            if (!taken)
                Q_EMIT m_session.said(errorText(taken.error()));
        }
    }
    keepDecisions();
    // On to the next open area, in order of size.
    for (std::size_t k = 1; k <= m_areas.size(); ++k) {
        const std::size_t next = (index + k) % m_areas.size();
        if (m_decisions[next] == Decision::Open) {
            m_index = static_cast<int>(next);
            break;
        }
    }
    Q_EMIT changed();
    Q_EMIT areaChanged();
}

} // namespace limn
