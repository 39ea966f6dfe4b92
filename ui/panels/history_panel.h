// SPDX-License-Identifier: GPL-3.0-or-later
// Who did what to the shown image, newest first, and the versions that were kept: each can be compared with
// the annotation, and restored as a new step. What other people made stands there too, as far as it may be
// seen. GUI thread.
#pragma once

#include "ui/session/comparison.h"
#include "ui/session/image_versions.h"

#include <QTimer>
#include <QWidget>

class QVBoxLayout;

namespace limn {

class HistoryPanel : public QWidget {
    Q_OBJECT

public:
    HistoryPanel(ReviewSession& session, ImageVersions& versions, QWidget* parent = nullptr);

Q_SIGNALS:
    void compareRequested(const limn::CompareSource& source);

private:
    void load();
    void rebuild();
    void restore(std::int64_t kept);
    void addVersionRow(const QString& text, const CompareSource& source);

    ReviewSession& m_session;
    ImageVersions& m_versions;
    std::vector<HistoryRecord> m_lines;
    bool m_all = false; // not only the latest lines
    QVBoxLayout* m_rows;
    QTimer m_timer;
};

// A line's person and time, such as "Ana · 14:05" today and "Ana · 12/5/26" before.
QString personAndTime(const ReviewSession& session, PersonId person, TimeMs time);

} // namespace limn
