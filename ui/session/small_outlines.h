// SPDX-License-Identifier: GPL-3.0-or-later
// Outlines over small pictures, as the worklist and the grid show them: of the annotation, or of the proposal
// while nobody has edited the image. Those of images that are not shown come out of the project, one after
// the other, the newest wish first. GUI thread; they are read and drawn in others.
#pragma once

#include "ui/session/review_session.h"

#include <QImage>
#include <QObject>
#include <QSet>

#include <vector>

namespace limn {

class SmallOutlines : public QObject {
    Q_OBJECT

public:
    // `side`: pixels of the longer side of the pictures.
    SmallOutlines(ReviewSession& session, int side, QObject* parent = nullptr);

    // Of the shown image as it is now, of Format_Indexed8; null: it is not there.
    QImage ofShown() const;
    // ready() follows where the image has one. Asking again does nothing until its record has changed.
    void ask(ImageId id);

Q_SIGNALS:
    void ready(limn::ImageId id, const QImage& outline);

private:
    void next();
    void finish(ImageId id, quint64 generation, const QImage& outline);
    void readProposal(ImageId id, quint64 generation);

    ReviewSession& m_session;
    int m_side;
    std::vector<ImageId> m_wishes;
    QSet<ImageId> m_asked;
    bool m_running = false;
    quint64 m_generation = 0; // of the project
};

} // namespace limn
