// SPDX-License-Identifier: GPL-3.0-or-later
// What else was made of the shown image: annotations of other people, the agreed one, versions kept when
// something was submitted, accepted, rejected or restored. Knows which of them the current person may see:
// where two people work independently, nobody sees the other's work before both have submitted. GUI thread;
// the store is read in its own.
#pragma once

#include "ui/session/review_session.h"

#include <QObject>
#include <QTimer>

#include <functional>
#include <vector>

namespace limn {

class ImageVersions : public QObject {
    Q_OBJECT

public:
    explicit ImageVersions(ReviewSession& session, QObject* parent = nullptr);

    // Of the shown image, as far as the current person may see them; their own annotation is the document.
    const std::vector<AnnotationInfo>& others() const { return m_others; }
    const std::vector<KeptVersion>& kept() const { return m_kept; }
    // People whose work on this image is there, and hidden until both have submitted.
    const std::vector<PersonId>& hidden() const { return m_hidden; }
    // Two people whose annotations can be agreed on, the current person first where they are one of them;
    // kNobody twice when there are no two.
    std::pair<PersonId, PersonId> pair() const { return m_pair; }

    QString personName(PersonId person) const;
    void reload();

Q_SIGNALS:
    void changed();

private:
    void take(const std::vector<AnnotationInfo>& all, const std::vector<KeptVersion>& kept);

    ReviewSession& m_session;
    QTimer m_timer;
    std::vector<AnnotationInfo> m_others;
    std::vector<KeptVersion> m_kept;
    std::vector<PersonId> m_hidden;
    std::pair<PersonId, PersonId> m_pair{kNobody, kNobody};
};

} // namespace limn
