// SPDX-License-Identifier: GPL-3.0-or-later
// Annotations and kept versions of the shown image.
#include "ui/session/image_versions.h"

#include <QPointer>

#include <algorithm>
#include <map>

namespace limn {

ImageVersions::ImageVersions(ReviewSession& session, QObject* parent) : QObject(parent), m_session(session) {
    m_timer.setSingleShot(true);
    m_timer.setInterval(120);
    connect(&m_timer, &QTimer::timeout, this, &ImageVersions::reload);
    const auto later = [this] { m_timer.start(); };
    connect(&session, &ReviewSession::currentChanged, this, [this] {
        take({}, {});
        m_timer.start();
    });
    // The store knows of a save or a decision when nothing waits any more.
    connect(&session, &ReviewSession::saveStatusChanged, this, later);
    connect(&session, &ReviewSession::decided, this, later);
    connect(&session, &ReviewSession::reviewModeChanged, this, later);
}

QString ImageVersions::personName(PersonId person) const {
    if (person == kAgreed)
        return tr("Agreed");
    const QString name =
        m_session.project() ? QString::fromStdString(m_session.project()->personName(person)) : QString();
    return name.isEmpty() ? tr("Somebody") : name;
}

void ImageVersions::reload() {
    if (!m_session.hasProject() || m_session.current() == 0) {
        take({}, {});
        return;
    }
    const ImageId id = m_session.current();
    const QPointer<ImageVersions> self(this);
    m_session.project()->listAnnotations(
        id, [this, self, id](const Result<std::vector<AnnotationInfo>>& annotations) {
            if (!self || !annotations || !m_session.hasProject() || id != m_session.current())
                return;
            m_session.project()->listKeptVersions(
                id, [this, self, id, all = *annotations](const Result<std::vector<KeptVersion>>& kept) {
                    if (self && id == m_session.current())
                        take(all, kept ? *kept : std::vector<KeptVersion>{});
                });
        });
}

void ImageVersions::take(const std::vector<AnnotationInfo>& all, const std::vector<KeptVersion>& kept) {
    const PersonId me = m_session.project() ? m_session.project()->currentPerson() : kNobody;
    // Submitted: a version was kept of the annotation as it is now.
    const auto submitted = [&](PersonId person) {
        return std::any_of(all.begin(), all.end(), [&](const AnnotationInfo& info) {
            return info.person == person && info.version == 0 &&
                   std::any_of(kept.begin(), kept.end(), [&](const KeptVersion& k) {
                       return k.annotation == info.id && k.revision == info.revision &&
                              (k.what == "submitted" || k.what == "accepted");
                   });
        });
    };
    const bool blind = m_session.reviewMode() == ReviewMode::Independent;
    const bool mineIsIn = submitted(me);
    std::map<AnnotationId, PersonId> authors;
    m_others.clear();
    m_hidden.clear();
    for (const AnnotationInfo& info : all) {
        authors[info.id] = info.person;
        if (info.person == me && info.version == 0)
            continue;
        const bool hides =
            blind && info.person != me && info.person != kAgreed && !(mineIsIn && submitted(info.person));
        if (!hides)
            m_others.push_back(info);
        else if (std::find(m_hidden.begin(), m_hidden.end(), info.person) == m_hidden.end())
            m_hidden.push_back(info.person);
    }
    m_kept.clear();
    for (const KeptVersion& k : kept) {
        const auto author = authors.find(k.annotation);
        const bool hides = author != authors.end() &&
                           std::find(m_hidden.begin(), m_hidden.end(), author->second) != m_hidden.end();
        if (!hides)
            m_kept.push_back(k);
    }
    std::vector<PersonId> people;
    for (const AnnotationInfo& info : all) {
        const bool counts = info.version == 0 && info.person != kAgreed && (!blind || submitted(info.person));
        if (counts)
            people.push_back(info.person);
    }
    std::stable_sort(people.begin(), people.end(),
                     [me](PersonId a, PersonId b) { return (a == me) != (b == me) ? a == me : a < b; });
    m_pair = {kNobody, kNobody};
    if (people.size() >= 2 && m_hidden.empty())
        m_pair = {people[0], people[1]};
    Q_EMIT changed();
}

} // namespace limn
