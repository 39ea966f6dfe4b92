// SPDX-License-Identifier: GPL-3.0-or-later
// The worklist: rows with thumbnail, name, state, uncertainty and flag; search, filter chips with counts,
// order. Shows what the session lists; decides nothing. GUI thread.
#pragma once

#include "ui/panels/thumbnails.h"
#include "ui/session/review_session.h"
#include "ui/session/state_words.h"

#include <QAbstractListModel>
#include <QFrame>

class QComboBox;
class QLabel;
class QLineEdit;
class QListView;
class QMenu;
class QProgressBar;
class QPushButton;
class QToolButton;

namespace limn {

// Icon and colour token of a state, the same everywhere.
QString stateIcon(ReviewState state);
const char* stateToken(ReviewState state);

class WorklistModel : public QAbstractListModel {
    Q_OBJECT

public:
    WorklistModel(ReviewSession& session, Thumbnails& thumbnails, QObject* parent);
    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    ImageId idAt(int row) const;
    const ImageRecord* recordAt(int row) const;
    QImage thumbnailAt(int row) const;
    QImage outlineAt(int row);

Q_SIGNALS:
    void outlineWanted(limn::ImageId id); // of a picture that has none

private:
    ReviewSession& m_session;
    Thumbnails& m_thumbnails;
    QHash<ImageId, int> m_rows;
};

class WorklistPane : public QFrame {
    Q_OBJECT

public:
    WorklistPane(ReviewSession& session, Thumbnails& thumbnails, QWidget* parent = nullptr);
    QLineEdit* search() const { return m_search; }
    QListView* view() const { return m_view; }
    WorklistModel* model() const { return m_model; }
    std::vector<ImageId> selected() const;
    void clearFilter();

Q_SIGNALS:
    void menuRequested(const QPoint& globalPosition);

private:
    enum class Chip { All, Todo, Accepted, Rejected, OneState };
    void fillStateMenu();
    void chooseState(ReviewState state);
    void applyFilter();
    void refresh();
    void refreshCounts();
    void followCurrent();

    ReviewSession& m_session;
    WorklistModel* m_model;
    QLineEdit* m_search;
    std::vector<std::pair<Chip, QPushButton*>> m_chips;
    Chip m_chip = Chip::All;
    ReviewState m_state = ReviewState::New; // of Chip::OneState
    QToolButton* m_states;
    QMenu* m_stateMenu;
    QPushButton* m_mine;
    QPushButton* m_flagged;
    QComboBox* m_order;
    QToolButton* m_direction;
    QPushButton* m_resort;
    QListView* m_view;
    QLabel* m_empty;
    QPushButton* m_clearFilter;
    QLabel* m_position;
    QProgressBar* m_progress;
    bool m_following = false;
};

} // namespace limn
