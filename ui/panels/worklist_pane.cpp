// SPDX-License-Identifier: GPL-3.0-or-later
// Worklist model, row painter and pane.
#include "ui/panels/worklist_pane.h"

#include "ui/panels/elided_combo_box.h"
#include "ui/panels/icon_button.h"
#include "ui/theme/theme.h"

#include <QButtonGroup>
#include <QComboBox>
#include <QFileInfo>
#include <QFontMetrics>
#include <QHBoxLayout>
#include <QItemSelectionModel>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QLocale>
#include <QMenu>
#include <QPainter>
#include <QProgressBar>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

namespace limn {
namespace {

constexpr int kRowHeight = 62;
constexpr int kThumb = 48;

// What a row says of its image below the name.
QString wordOf(const ImageRecord& r) {
    return !r.trouble.empty() ? WorklistPane::tr("cannot be read")
           : r.noLesion       ? WorklistPane::tr("%1, no lesion").arg(stateWord(r.state))
                              : stateWord(r.state);
}

class WorklistDelegate : public QStyledItemDelegate {
public:
    WorklistDelegate(WorklistModel* model, QObject* parent) : QStyledItemDelegate(parent), m_model(model) {}

    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override {
        return {160, std::max(kRowHeight, QFontMetrics(option.font).height() * 2 + 26)};
    }

    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const ImageRecord* r = m_model->recordAt(index.row());
        if (!r)
            return;
        const Theme& theme = Theme::instance();
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        // Laid out from left to right, and mirrored as a whole where the language is.
        const QRect row = option.rect.adjusted(6, 2, -4, -2);
        const auto placed = [&](const QRect& r) {
            return QStyle::visualRect(option.direction, option.rect, r);
        };
        const bool selected = option.state & QStyle::State_Selected;
        if (selected || option.state & QStyle::State_MouseOver) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(theme.color(selected ? "accentSoft" : "raised"));
            painter->drawRoundedRect(placed(row), 6, 6);
        }
        if (selected) {
            painter->setBrush(theme.color("accent"));
            painter->drawRoundedRect(QRectF(placed(QRect(row.left(), row.top() + 8, 3, row.height() - 16))),
                                     1.5, 1.5);
        }
        if (option.state & QStyle::State_HasFocus && option.state & QStyle::State_KeyboardFocusChange) {
            painter->setPen(QPen(theme.color("focus"), 2));
            painter->setBrush(Qt::NoBrush);
            painter->drawRoundedRect(QRectF(placed(row)).adjusted(1, 1, -1, -1), 6, 6);
        }

        const QRect thumbPlace(row.left() + 9, row.center().y() - kThumb / 2 + 1, kThumb, kThumb);
        const QRect thumb = placed(thumbPlace);
        QPainterPath rounded;
        rounded.addRoundedRect(thumb, 4, 4);
        painter->setClipPath(rounded);
        painter->fillRect(thumb, theme.color("raised"));
        const QImage image = m_model->thumbnailAt(index.row());
        if (image.width() > 1) {
            const QSize size = image.size().scaled(thumb.size(), Qt::KeepAspectRatioByExpanding);
            QRect target(QPoint(0, 0), size);
            target.moveCenter(thumb.center());
            painter->setRenderHint(QPainter::SmoothPixmapTransform);
            painter->drawImage(target, image);
            const QImage outline = m_model->outlineAt(index.row());
            if (!outline.isNull())
                painter->drawImage(target, outline);
        }
        painter->setClipping(false);

        const int left = thumbPlace.right() + 10;
        const int right = row.right() - 6;
        const QFontMetrics metrics(option.font);
        const int lineHeight = metrics.height();
        const int icon = theme.scaled(13);
        int nameRight = right;
        if (r->flagged) {
            Theme::icon(QStringLiteral("flag"), "warn")
                .paint(painter,
                       placed(QRect(right - icon, row.top() + 7 + (lineHeight - icon) / 2, icon, icon)));
            nameRight -= icon + 5;
        }
        painter->setFont(option.font);
        painter->setPen(theme.color("text"));
        const QString name = index.data(Qt::DisplayRole).toString();
        int y = row.top() + 7;
        painter->drawText(placed(QRect(left, y, nameRight - left, lineHeight)),
                          Qt::AlignLeft | Qt::AlignVCenter,
                          metrics.elidedText(name, Qt::ElideMiddle, nameRight - left));
        y += lineHeight + 3;
        const bool broken = !r->trouble.empty();
        const char* token = broken ? "error" : stateToken(r->state);
        Theme::icon(broken ? QStringLiteral("state-broken") : stateIcon(r->state), token)
            .paint(painter, placed(QRect(left, y + (lineHeight - icon) / 2, icon, icon)));
        const int wordLeft = left + icon + 5;
        QFont small = option.font;
        small.setPointSizeF(small.pointSizeF() * 0.92);
        painter->setFont(small);
        painter->setPen(theme.color("muted"));
        const QString word = wordOf(*r);
        painter->drawText(placed(QRect(wordLeft, y, right - wordLeft, lineHeight)),
                          Qt::AlignLeft | Qt::AlignVCenter,
                          QFontMetrics(small).elidedText(word, Qt::ElideRight, right - wordLeft));
        y += lineHeight + 5;
        if (r->uncertainty >= 0 && !broken) {
            const QRectF track(placed(QRect(left, y, right - left, 3)));
            painter->setPen(Qt::NoPen);
            painter->setBrush(theme.color(selected ? "hover" : "raised"));
            painter->drawRoundedRect(track, 1.5, 1.5);
            QRectF bar = track;
            bar.setWidth(std::max(3.0, track.width() * std::min(1.0, r->uncertainty / 100.0)));
            if (option.direction == Qt::RightToLeft)
                bar.moveRight(track.right());
            painter->setBrush(theme.color(r->uncertainty >= 50 ? "warn" : "accent"));
            painter->drawRoundedRect(bar, 1.5, 1.5);
        }
        painter->restore();
    }

private:
    WorklistModel* m_model;
};

} // namespace

QString stateIcon(ReviewState state) {
    switch (state) {
    case ReviewState::New:
        return QStringLiteral("state-new");
    case ReviewState::Proposed:
        return QStringLiteral("state-proposed");
    case ReviewState::InProgress:
        return QStringLiteral("state-progress");
    case ReviewState::Submitted:
        return QStringLiteral("state-submitted");
    case ReviewState::Accepted:
        return QStringLiteral("state-accepted");
    case ReviewState::Rejected:
        return QStringLiteral("state-rejected");
    }
    return {};
}

const char* stateToken(ReviewState state) {
    switch (state) {
    case ReviewState::New:
        return "muted";
    case ReviewState::Proposed:
        return "muted";
    case ReviewState::InProgress:
        return "accent";
    case ReviewState::Submitted:
        return "accent";
    case ReviewState::Accepted:
        return "ok";
    case ReviewState::Rejected:
        return "error";
    }
    return "muted";
}

WorklistModel::WorklistModel(ReviewSession& session, Thumbnails& thumbnails, QObject* parent)
    : QAbstractListModel(parent), m_session(session), m_thumbnails(thumbnails) {
    const auto reindex = [this] {
        beginResetModel();
        m_rows.clear();
        const std::vector<ImageId>& list = m_session.list();
        m_rows.reserve(static_cast<qsizetype>(list.size()));
        for (std::size_t i = 0; i < list.size(); ++i)
            m_rows.insert(list[i], static_cast<int>(i));
        endResetModel();
    };
    connect(&session, &ReviewSession::listChanged, this, reindex);
    connect(&session, &ReviewSession::recordsChanged, this, [this](const std::vector<ImageId>& ids) {
        if (ids.size() > 50 && rowCount() > 0) {
            Q_EMIT dataChanged(index(0), index(rowCount() - 1));
            return;
        }
        for (const ImageId id : ids) {
            const int row = m_rows.value(id, -1);
            if (row >= 0)
                Q_EMIT dataChanged(index(row), index(row));
        }
    });
    connect(&thumbnails, &Thumbnails::changed, this, [this](ImageId id) {
        const int row = m_rows.value(id, -1);
        if (row >= 0)
            Q_EMIT dataChanged(index(row), index(row));
    });
}

int WorklistModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(m_session.list().size());
}

ImageId WorklistModel::idAt(int row) const {
    return row >= 0 && row < rowCount() ? m_session.list()[static_cast<std::size_t>(row)] : 0;
}

const ImageRecord* WorklistModel::recordAt(int row) const {
    return m_session.record(idAt(row));
}

QImage WorklistModel::thumbnailAt(int row) const {
    const ImageRecord* r = recordAt(row);
    if (!r || !r->trouble.empty())
        return {};
    return m_thumbnails.find(r->id, QString::fromStdString(m_session.project()->absolutePath(r->id)),
                             r->fileModifiedMs);
}

QImage WorklistModel::outlineAt(int row) {
    const QImage outline = m_thumbnails.outline(idAt(row));
    if (outline.isNull())
        Q_EMIT outlineWanted(idAt(row));
    return outline;
}

QVariant WorklistModel::data(const QModelIndex& index, int role) const {
    const ImageRecord* r = recordAt(index.row());
    if (!r)
        return {};
    const QString name = QFileInfo(QString::fromStdString(r->path)).completeBaseName();
    switch (role) {
    case Qt::DisplayRole:
        return name;
    case Qt::ToolTipRole: {
        QString text = QString::fromStdString(r->path);
        if (!r->trouble.empty())
            return QString::fromStdString(r->trouble);
        if (r->uncertainty >= 0)
            text += QLatin1Char('\n') +
                    WorklistPane::tr("Uncertainty %1 % (area that changes between thresholds 0.3 and 0.7)")
                        .arg(QLocale().toString(r->uncertainty, 'f', 0));
        if (!r->reason.empty() && r->state == ReviewState::Rejected)
            text +=
                QLatin1Char('\n') + WorklistPane::tr("Rejected: %1").arg(QString::fromStdString(r->reason));
        if (r->flagged && !r->flagNote.empty())
            text += QLatin1Char('\n') + WorklistPane::tr("Flag: %1").arg(QString::fromStdString(r->flagNote));
        return text;
    }
    case Qt::AccessibleTextRole:
        return WorklistPane::tr("%1, %2").arg(
            name, r->flagged ? WorklistPane::tr("%1, flagged").arg(wordOf(*r)) : wordOf(*r));
    default:
        return {};
    }
}

WorklistPane::WorklistPane(ReviewSession& session, Thumbnails& thumbnails, QWidget* parent)
    : QFrame(parent), m_session(session) {
    setObjectName(QStringLiteral("worklistPane"));
    m_model = new WorklistModel(session, thumbnails, this);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 8, 0, 0);
    layout->setSpacing(6);

    m_search = new QLineEdit;
    m_search->setObjectName(QStringLiteral("worklistSearch"));
    m_search->setPlaceholderText(tr("Find by name"));
    m_search->setAccessibleName(tr("Find images by name"));
    m_search->setClearButtonEnabled(true);
    m_search->setAcceptDrops(false); // what is dropped on the window is no word to search for
    m_search->setMinimumWidth(164);  // the pane's least width, unless its words need more
    m_search->addAction(Theme::icon(QStringLiteral("search"), "muted"), QLineEdit::LeadingPosition);
    auto* searchRow = new QHBoxLayout;
    searchRow->setContentsMargins(8, 0, 8, 0);
    searchRow->addWidget(m_search);
    layout->addLayout(searchRow);

    auto* chips = new QGridLayout;
    chips->setContentsMargins(8, 0, 8, 0);
    chips->setSpacing(4);
    // One of the four, and "mine" and "flagged" on top of it.
    auto* group = new QButtonGroup(this);
    const auto newChip = [&](const char* name, int row, int column) -> QPushButton* {
        auto* button = new IconButton;
        button->setObjectName(QLatin1String(name));
        button->setProperty("chip", true);
        button->setCheckable(true);
        const auto sizeIcon = [button] {
            const int side = Theme::instance().scaled(13);
            button->setIconSize({side, side});
        };
        sizeIcon();
        connect(&Theme::instance(), &Theme::changed, button, sizeIcon);
        chips->addWidget(button, row, column);
        return button;
    };
    const auto addChip = [&](Chip chip, const char* name, int row, int column) {
        QPushButton* button = newChip(name, row, column);
        button->setChecked(chip == Chip::All);
        group->addButton(button);
        m_chips.emplace_back(chip, button);
        connect(button, &QPushButton::clicked, this, [this, chip] {
            m_chip = chip;
            m_states->setChecked(false);
            applyFilter();
        });
    };
    // Two a row, wide enough for thousands and for longer languages.
    addChip(Chip::All, "chipAll", 0, 0);
    addChip(Chip::Todo, "chipTodo", 0, 1);
    addChip(Chip::Accepted, "chipAccepted", 1, 0);
    addChip(Chip::Rejected, "chipRejected", 1, 1);
    m_mine = newChip("chipMine", 2, 0);
    m_flagged = newChip("chipFlagged", 2, 1);
    m_mine->setToolTip(tr("Assigned to you, or last edited by you"));
    for (QPushButton* button : {m_mine, m_flagged})
        connect(button, &QPushButton::toggled, this, &WorklistPane::applyFilter);
    layout->addLayout(chips);

    auto* orderRow = new QHBoxLayout;
    orderRow->setContentsMargins(8, 0, 8, 0);
    orderRow->setSpacing(4);
    m_order = new ElidedComboBox(6); // filter and direction are beside it
    m_order->setObjectName(QStringLiteral("worklistOrder"));
    m_order->setAccessibleName(tr("Order of the list"));
    m_order->addItem(tr("Project order"), static_cast<int>(WorklistOrder::Project));
    m_order->addItem(tr("Name"), static_cast<int>(WorklistOrder::Name));
    m_order->addItem(tr("State"), static_cast<int>(WorklistOrder::State));
    m_order->addItem(tr("Most unsure"), static_cast<int>(WorklistOrder::Uncertainty));
    m_order->addItem(tr("Area"), static_cast<int>(WorklistOrder::Area));
    m_order->addItem(tr("Change"), static_cast<int>(WorklistOrder::Change));
    m_order->addItem(tr("Last edit"), static_cast<int>(WorklistOrder::LastEdit));
    m_direction = new QToolButton;
    m_direction->setIcon(Theme::icon(QStringLiteral("sort"), "muted"));
    m_direction->setCheckable(true);
    m_direction->setToolTip(tr("Reverse the order"));
    m_direction->setAccessibleName(tr("Reverse the order"));
    Theme::sizeButton(m_direction, {28, 28}, 16);
    m_states = new QToolButton;
    m_states->setObjectName(QStringLiteral("stateFilter"));
    m_states->setCheckable(true);
    m_states->setPopupMode(QToolButton::InstantPopup);
    m_stateMenu = new QMenu(this);
    m_states->setMenu(m_stateMenu);
    connect(m_stateMenu, &QMenu::aboutToShow, this, &WorklistPane::fillStateMenu);
    Theme::sizeButton(m_states, {28, 28}, 16);
    orderRow->addWidget(m_order, 1);
    orderRow->addWidget(m_states);
    orderRow->addWidget(m_direction);
    layout->addLayout(orderRow);
    const auto applyOrder = [this] {
        const auto order = static_cast<WorklistOrder>(m_order->currentData().toInt());
        // "Most unsure" begins with the largest figure, as do the other figures.
        const bool figures = order == WorklistOrder::Uncertainty || order == WorklistOrder::Area ||
                             order == WorklistOrder::Change || order == WorklistOrder::LastEdit;
        m_session.setOrder(order, figures != m_direction->isChecked());
    };
    connect(m_order, &QComboBox::activated, this, applyOrder);
    connect(m_direction, &QToolButton::toggled, this, applyOrder);

    m_resort = new QPushButton(tr("Order changed: sort again"));
    m_resort->setObjectName(QStringLiteral("sortAgain"));
    m_resort->setProperty("link", true);
    m_resort->hide();
    layout->addWidget(m_resort);
    connect(m_resort, &QPushButton::clicked, this, [this] { m_session.refreshList(); });

    m_view = new QListView;
    m_view->setObjectName(QStringLiteral("worklist"));
    m_view->setAccessibleName(tr("Worklist"));
    m_view->setModel(m_model);
    m_view->setItemDelegate(new WorklistDelegate(m_model, this));
    m_view->setUniformItemSizes(true);
    m_view->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_view->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    m_view->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_view->setMouseTracking(true);
    m_view->setContextMenuPolicy(Qt::CustomContextMenu);
    connect(m_view, &QListView::customContextMenuRequested, this,
            [this](const QPoint& p) { Q_EMIT menuRequested(m_view->viewport()->mapToGlobal(p)); });
    connect(m_view->selectionModel(), &QItemSelectionModel::currentChanged, this,
            [this](const QModelIndex& now) {
                if (!m_following && now.isValid())
                    m_session.show(m_model->idAt(now.row()));
            });
    layout->addWidget(m_view, 1);

    m_empty = new QLabel;
    m_empty->setAlignment(Qt::AlignCenter);
    m_empty->setWordWrap(true);
    m_empty->setProperty("muted", true);
    m_empty->setContentsMargins(16, 24, 16, 8);
    m_clearFilter = new QPushButton(tr("Clear filter"));
    m_clearFilter->setObjectName(QStringLiteral("clearFilter"));
    auto* emptyRow = new QHBoxLayout;
    emptyRow->addStretch();
    emptyRow->addWidget(m_clearFilter);
    emptyRow->addStretch();
    layout->addWidget(m_empty);
    layout->addLayout(emptyRow);
    connect(m_clearFilter, &QPushButton::clicked, this, &WorklistPane::clearFilter);

    auto* footer = new QVBoxLayout;
    footer->setContentsMargins(10, 4, 10, 8);
    footer->setSpacing(5);
    m_position = new QLabel;
    m_position->setProperty("muted", true);
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(6);
    m_progress->setAccessibleName(tr("Decided images"));
    footer->addWidget(m_position);
    footer->addWidget(m_progress);
    layout->addLayout(footer);

    connect(m_search, &QLineEdit::textChanged, this, &WorklistPane::applyFilter);
    connect(m_search, &QLineEdit::returnPressed, m_view, qOverload<>(&QWidget::setFocus));
    connect(&session, &ReviewSession::listChanged, this, &WorklistPane::refresh);
    connect(&session, &ReviewSession::recordsChanged, this, &WorklistPane::refreshCounts);
    connect(&session, &ReviewSession::currentChanged, this, &WorklistPane::followCurrent);
    refresh();
}

std::vector<ImageId> WorklistPane::selected() const {
    std::vector<ImageId> ids;
    QModelIndexList rows = m_view->selectionModel()->selectedIndexes();
    std::sort(rows.begin(), rows.end());
    for (const QModelIndex& row : rows)
        ids.push_back(m_model->idAt(row.row()));
    return ids;
}

void WorklistPane::clearFilter() {
    for (QPushButton* button : {m_mine, m_flagged}) {
        const QSignalBlocker blocker(button);
        button->setChecked(false);
    }
    {
        const QSignalBlocker blocker(m_search);
        m_search->clear();
    }
    m_chip = Chip::All;
    m_chips.front().second->setChecked(true);
    m_states->setChecked(false);
    applyFilter();
}

// One state alone, in the place of the chips above; the menu says how many images are in each.
void WorklistPane::fillStateMenu() {
    m_stateMenu->clear();
    const WorklistCounts counts =
        m_session.hasProject() ? m_session.project()->worklist().counts() : WorklistCounts{};
    for (const ReviewState state : kReviewStates) {
        const std::size_t count = counts.byState[static_cast<std::size_t>(state)];
        QAction* action = m_stateMenu->addAction(
            Theme::icon(stateIcon(state), stateToken(state)),
            QStringLiteral("%1  %2").arg(stateWord(state), QLocale().toString(qulonglong(count))), this,
            [this, state] { chooseState(state); });
        action->setCheckable(true);
        action->setChecked(m_chip == Chip::OneState && m_state == state);
    }
}

void WorklistPane::chooseState(ReviewState state) {
    const bool again = m_chip == Chip::OneState && m_state == state; // takes it away
    m_chip = again ? Chip::All : Chip::OneState;
    m_state = state;
    m_states->setChecked(!again);
    QButtonGroup* group = m_chips.front().second->group();
    group->setExclusive(false);
    for (const auto& [chip, button] : m_chips)
        button->setChecked(chip == m_chip);
    group->setExclusive(true);
    applyFilter();
}

void WorklistPane::applyFilter() {
    WorklistFilter filter;
    filter.text = m_search->text().toStdString();
    switch (m_chip) {
    case Chip::All:
        break;
    case Chip::Todo:
        filter.todoOf = m_session.project() ? m_session.project()->currentPerson() : kNobody;
        break;
    case Chip::Accepted:
        filter.states = {ReviewState::Accepted, ReviewState::Submitted};
        break;
    case Chip::Rejected:
        filter.states = {ReviewState::Rejected};
        break;
    case Chip::OneState:
        filter.states = {m_state};
        break;
    }
    if (m_mine->isChecked() && m_session.project())
        filter.mine = m_session.project()->currentPerson();
    if (m_flagged->isChecked())
        filter.flagged = true;
    m_session.setFilter(filter);
}

void WorklistPane::refresh() {
    followCurrent();
    refreshCounts();
}

void WorklistPane::refreshCounts() {
    const bool open = m_session.hasProject();
    const WorklistCounts counts = open ? m_session.project()->worklist().counts() : WorklistCounts{};
    const QLocale locale;
    for (auto& [chip, button] : m_chips) {
        const auto state = [&](ReviewState s) { return counts.byState[static_cast<std::size_t>(s)]; };
        switch (chip) {
        case Chip::All:
            button->setText(tr("All %1").arg(locale.toString(qulonglong(counts.total))));
            break;
        case Chip::Todo:
            button->setText(tr("To do %1").arg(locale.toString(qulonglong(m_session.todoCount()))));
            break;
        case Chip::Accepted: {
            const std::size_t done = state(ReviewState::Accepted) + state(ReviewState::Submitted);
            button->setText(tr("Done %1").arg(locale.toString(qulonglong(done))));
            break;
        }
        case Chip::Rejected:
            button->setText(locale.toString(qulonglong(state(ReviewState::Rejected))));
            button->setIcon(Theme::icon(stateIcon(ReviewState::Rejected), stateToken(ReviewState::Rejected)));
            button->setToolTip(tr("Rejected"));
            button->setAccessibleName(tr("Rejected: %1").arg(state(ReviewState::Rejected)));
            break;
        case Chip::OneState:
            break;
        }
    }
    const bool one = m_chip == Chip::OneState;
    m_states->setIcon(one ? Theme::icon(stateIcon(m_state), stateToken(m_state))
                          : Theme::icon(QStringLiteral("filter"), "muted"));
    const QString tip =
        one ? tr("Only images that are: %1").arg(stateWord(m_state)) : tr("Only images of one state");
    m_states->setToolTip(tip);
    m_states->setAccessibleName(tip);
    WorklistFilter mine;
    mine.mine = open ? m_session.project()->currentPerson() : kNobody;
    const std::size_t own = open ? m_session.project()->worklist().counts(mine).total : 0;
    m_mine->setText(tr("Mine %1").arg(locale.toString(qulonglong(own))));
    m_flagged->setText(locale.toString(qulonglong(counts.flagged)));
    m_flagged->setIcon(Theme::icon(QStringLiteral("flag"), "warn"));
    m_flagged->setToolTip(tr("Flagged"));
    m_flagged->setAccessibleName(tr("Flagged: %1").arg(counts.flagged));
    const int decided = static_cast<int>(counts.total - counts.todo());
    m_progress->setRange(0, std::max<int>(1, static_cast<int>(counts.total)));
    m_progress->setValue(decided);
    m_progress->setVisible(open);
    const int row = m_session.currentRow();
    const int listed = static_cast<int>(m_session.list().size());
    m_position->setText(
        !open      ? QString()
        : row >= 0 ? tr("%1 of %2 · %3 done")
                         .arg(locale.toString(row + 1), locale.toString(listed), locale.toString(decided))
                   : tr("%n listed", nullptr, listed));
    const bool nothing = open && listed == 0;
    m_view->setVisible(!nothing);
    m_empty->setVisible(nothing);
    const bool filtered = counts.total > 0;
    m_empty->setText(filtered ? tr("No image matches this filter.")
                     : m_session.hasProject() && m_session.project()->isScanning()
                         ? tr("Looking for images…")
                         : tr("No image in this folder could be read."));
    m_clearFilter->setVisible(nothing && filtered);
    m_resort->setVisible(open && listed > 0 && m_session.listIsOld());
}

void WorklistPane::followCurrent() {
    m_following = true;
    const int row = m_session.currentRow();
    if (row >= 0) {
        const QModelIndex index = m_model->index(row);
        if (m_view->currentIndex() != index || !m_view->selectionModel()->isSelected(index))
            m_view->setCurrentIndex(index);
        m_view->scrollTo(index);
    } else {
        m_view->clearSelection();
    }
    m_following = false;
    refreshCounts();
}

} // namespace limn
