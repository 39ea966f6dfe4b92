// SPDX-License-Identifier: GPL-3.0-or-later
// The labels of the shown image: choose the active one, show, lock, name, colour, add, remove. GUI thread.
#pragma once

#include "ui/session/review_session.h"

#include <QFrame>

class QVBoxLayout;
class QToolButton;

namespace limn {

class LabelPanel : public QWidget {
    Q_OBJECT

public:
    explicit LabelPanel(ReviewSession& session, QWidget* parent = nullptr);
    QToolButton* addButton() const { return m_add; }
    void setLocked(std::uint8_t value, bool locked);

private:
    void rebuild();
    void edit(std::uint8_t value, const std::function<void(Label&)>& change);
    void keepAsProjectLabels();

    ReviewSession& m_session;
    QVBoxLayout* m_rows;
    QToolButton* m_add;
    bool m_building = false;
};

} // namespace limn
