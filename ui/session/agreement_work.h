// SPDX-License-Identifier: GPL-3.0-or-later
// Making one agreed annotation of two people's: areas in which they differ, largest first, each taken from
// the one or the other side or drawn by hand. The originals are read alone. Each taking is one undo step of
// the agreed annotation. Decisions are kept in the project, so that the work goes on later. GUI thread.
#pragma once

#include "app/measure/agreement.h"
#include "ui/session/image_versions.h"

#include <QObject>

#include <memory>
#include <vector>

namespace limn {

class AgreementWork : public QObject {
    Q_OBJECT

public:
    enum class Decision { Open, First, Second, ByHand };

    AgreementWork(ReviewSession& session, ImageVersions& versions, QObject* parent = nullptr);

    // Two people's annotations of the shown image are there to be agreed on.
    bool possible() const;
    // Reads both in the background; changed() follows when active() is true, or the session says why not.
    void begin();
    // Back to the person's own annotation. Nothing is lost: begin() goes on where this stopped.
    void leave();
    bool active() const { return m_session.agreeing(); }

    PersonId first() const { return m_people.first; }
    PersonId second() const { return m_people.second; }
    const std::vector<DisputedArea>& areas() const { return m_areas; }
    int index() const { return m_index; } // -1: the two are equal
    void step(int by);
    Decision decision(int index) const { return m_decisions[static_cast<std::size_t>(index)]; }
    int openAreas() const;
    // Decides the shown area and goes on to the next open one.
    void take(Decision decision);

Q_SIGNALS:
    void changed();     // begun, ended, or a decision
    void areaChanged(); // another area is shown

private:
    void start(const AnnotationSnapshot& first, const AnnotationSnapshot& second,
               const std::optional<AnnotationSnapshot>& agreed);
    void readDecisions(bool resumed);
    void keepDecisions();
    // What the pixels of an area say, given what was decided.
    Decision seen(std::size_t index, Decision decided) const;

    ReviewSession& m_session;
    ImageVersions& m_versions;
    std::pair<PersonId, PersonId> m_people{kNobody, kNobody};
    AnnotationSnapshot m_first;
    AnnotationSnapshot m_second;
    std::vector<DisputedArea> m_areas;
    std::vector<Decision> m_decisions;
    int m_index = -1;
    bool m_beginning = false;
};

} // namespace limn
