// SPDX-License-Identifier: GPL-3.0-or-later
// The labels of the shown image: choose the active one, show, lock, name, colour, add, remove. GUI thread.
#pragma once

#include "ui/session/review_session.h"

#include <QFrame>

#include <optional>

class QVBoxLayout;
class QToolButton;

namespace limn {

class LabelPanel : public QWidget {
    Q_OBJECT

public:
    explicit LabelPanel(ReviewSession& session, QWidget* parent = nullptr);
    QToolButton* addButton() const { return m_add; }
    void setLocked(std::uint8_t value, bool locked);
    // Puts a field in place of the name; Enter or leaving it keeps what was typed, Esc drops it.
    void rename(std::uint8_t value);

Q_SIGNALS:
    // A field was left by Enter or Esc.
    void finished();

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void endRenaming(const QString& name);
    void chooseColor(std::uint8_t value);
    void rebuild();
    void edit(std::uint8_t value, const std::function<void(Label&)>& change);
    void keepAsProjectLabels();

    ReviewSession& m_session;
    QVBoxLayout* m_rows;
    QToolButton* m_add;
    std::optional<std::uint8_t> m_renaming; // the label whose name is being typed
    bool m_building = false;
};

} // namespace limn
