// SPDX-License-Identifier: GPL-3.0-or-later
// Tasks, runs and messages.
#include "ui/window/activity_panel.h"

#include "ui/panels/elided_label.h"
#include "ui/session/sentences.h"
#include "ui/theme/theme.h"

#include <QApplication>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QListWidget>
#include <QLocale>
#include <QProgressBar>
#include <QTabBar>
#include <QTabWidget>
#include <QToolButton>
#include <QTreeWidget>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

namespace limn {
namespace {

constexpr int kWidth = 560;
constexpr int kHeight = 420;
constexpr int kKeptMessages = 300;

} // namespace

ActivityPanel::ActivityPanel(ReviewSession& session, QWidget* parent) : QFrame(parent), m_session(session) {
    setObjectName(QStringLiteral("activityPanel"));
    setAccessibleName(tr("Tasks and messages"));
    setFocusPolicy(Qt::StrongFocus);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(10, 8, 10, 10);
    layout->setSpacing(8);
    m_tabs = new QTabWidget;
    m_tabs->setObjectName(QStringLiteral("activityTabs"));
    m_tabs->setDocumentMode(true);
    m_tabs->tabBar()->setDrawBase(false);
    layout->addWidget(m_tabs);

    auto* work = new QWidget;
    auto* workLayout = new QVBoxLayout(work);
    workLayout->setContentsMargins(2, 10, 2, 0);
    workLayout->setSpacing(10);
    m_nothing = new QLabel(tr("Nothing is running."));
    m_nothing->setProperty("muted", true);
    workLayout->addWidget(m_nothing);
    m_tasks = new QVBoxLayout;
    m_tasks->setSpacing(10);
    workLayout->addLayout(m_tasks);
    auto* heading = new QLabel(tr("Last proposals, in milliseconds"));
    heading->setProperty("heading", true);
    workLayout->addWidget(heading);
    m_runs = new QTreeWidget;
    m_runs->setObjectName(QStringLiteral("activityRuns"));
    m_runs->setAccessibleName(tr("Last proposals"));
    m_runs->setRootIsDecorated(false);
    m_runs->setUniformRowHeights(true);
    m_runs->setSelectionMode(QAbstractItemView::NoSelection);
    m_runs->setHeaderLabels(
        {tr("Image"), tr("Model"), tr("Device"), tr("Prepare"), tr("Network"), tr("Finish"), tr("Total")});
    m_runs->header()->setStretchLastSection(false);
    m_runs->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
    m_runs->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    for (int column = 3; column < 7; ++column)
        m_runs->headerItem()->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
    workLayout->addWidget(m_runs, 1);
    m_tabs->addTab(work, tr("Tasks"));

    m_list = new QListWidget;
    m_list->setObjectName(QStringLiteral("activityMessages"));
    m_list->setAccessibleName(tr("Messages since the start, the newest first"));
    m_list->setWordWrap(true);
    m_list->setTextElideMode(Qt::ElideNone);
    m_list->setResizeMode(QListView::Adjust);
    m_list->setIconSize({16, 16});
    m_list->setSelectionMode(QAbstractItemView::SingleSelection);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_list->setSpacing(2);
    m_tabs->addTab(m_list, tr("Messages"));

    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
        if (isVisible() && now && now != this && !isAncestorOf(now))
            hide();
    });
    parent->installEventFilter(this);
    hide();
}

ActivityPanel::Row ActivityPanel::makeRow(const QString& id) {
    Row row{id, new QWidget, new QLabel, new ElidedLabel, new QProgressBar, new QToolButton, {}};
    auto* layout = new QVBoxLayout(row.widget);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    auto* line = new QHBoxLayout;
    line->setSpacing(10);
    row.title->setProperty("heading", true);
    row.detail->setProperty("muted", true);
    row.progress->setTextVisible(false);
    row.progress->setFixedHeight(6);
    row.cancel->setText(tr("Cancel"));
    row.cancel->setObjectName(QStringLiteral("cancelTask:") + id);
    line->addWidget(row.title);
    line->addWidget(row.detail, 1);
    line->addWidget(row.cancel);
    layout->addLayout(line);
    layout->addWidget(row.progress);
    m_tasks->addWidget(row.widget);
    return row;
}

void ActivityPanel::setTasks(const std::vector<Task>& tasks) {
    std::erase_if(m_rows, [&](const std::unique_ptr<Row>& row) {
        const bool gone =
            std::none_of(tasks.begin(), tasks.end(), [&](const Task& task) { return task.id == row->id; });
        if (gone) {
            row->widget->hide();
            row->widget->deleteLater();
        }
        return gone;
    });
    for (const Task& task : tasks) {
        auto found = std::find_if(m_rows.begin(), m_rows.end(),
                                  [&](const std::unique_ptr<Row>& row) { return row->id == task.id; });
        if (found == m_rows.end()) {
            m_rows.push_back(std::make_unique<Row>(makeRow(task.id)));
            found = m_rows.end() - 1;
            connect((*found)->cancel, &QToolButton::clicked, this, [this, id = task.id] {
                for (const std::unique_ptr<Row>& row : m_rows) {
                    if (row->id == id && row->run) {
                        const std::function<void()> run = row->run;
                        run();
                        return;
                    }
                }
            });
        }
        Row& row = **found;
        row.title->setText(task.title);
        QStringList detail = {task.detail};
        if (task.secondsLeft)
            detail.append(timeLeftText(*task.secondsLeft));
        detail.removeAll(QString());
        row.detail->setText(detail.join(QStringLiteral(" · ")));
        row.progress->setAccessibleName(task.title);
        row.progress->setRange(0, task.total);
        row.progress->setValue(task.done);
        row.cancel->setVisible(static_cast<bool>(task.cancel));
        row.cancel->setAccessibleName(tr("Cancel: %1").arg(task.title));
        row.run = task.cancel;
    }
    m_nothing->setVisible(tasks.empty());
}

void ActivityPanel::refreshRuns() {
    const std::deque<FinishedRun>& runs = m_session.finishedRuns();
    const QDateTime newest = runs.empty() ? QDateTime() : runs.front().when;
    const bool same = newest == m_newestRun && m_runs->topLevelItemCount() == static_cast<int>(runs.size());
    if (!isVisible() || same)
        return;
    m_newestRun = newest;
    m_runs->clear();
    QList<QTreeWidgetItem*> items;
    const QLocale locale;
    for (const FinishedRun& run : m_session.finishedRuns()) {
        const ImageRecord* record = m_session.record(run.image);
        auto* item = new QTreeWidgetItem;
        items.append(item);
        item->setText(0, record ? QFileInfo(QString::fromStdString(record->path)).completeBaseName()
                                : QString::number(run.image));
        item->setText(1, run.model);
        item->setText(2, run.device);
        if (run.error) {
            item->setText(0, item->text(0) + QStringLiteral(": ") + errorText(*run.error));
            item->setToolTip(0, errorText(*run.error));
            continue;
        }
        const double all = run.times.preprocessMs + run.times.networkMs + run.times.postprocessMs;
        const std::pair<int, double> columns[] = {
            {3, run.times.preprocessMs}, {4, run.times.networkMs}, {5, run.times.postprocessMs}, {6, all}};
        for (const auto& [column, ms] : columns) {
            item->setText(column, locale.toString(ms, 'f', 0));
            item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
        }
        const QString when = locale.toString(run.when.time(), QLocale::ShortFormat);
        item->setToolTip(0, run.kept ? tr("%1: made earlier, with these times").arg(when) : when);
    }
    // Together: each insertion measures the columns anew.
    m_runs->addTopLevelItems(items);
}

void ActivityPanel::addMessage(Banner::Kind kind, const QString& text) {
    if (!m_messages.isEmpty() && m_messages.last() == text)
        return;
    m_messages.append(text);
    const bool trouble = kind != Banner::Kind::Info;
    auto* item = new QListWidgetItem(
        Theme::icon(kind == Banner::Kind::Error ? QStringLiteral("error")
                    : trouble                   ? QStringLiteral("warning")
                                                : QStringLiteral("info"),
                    kind == Banner::Kind::Error ? "error"
                    : trouble                   ? "warn"
                                                : "muted"),
        QStringLiteral("%1   %2").arg(QLocale().toString(QTime::currentTime(), QLocale::ShortFormat), text));
    m_list->insertItem(0, item);
    if (m_messages.size() > kKeptMessages) {
        m_messages.removeFirst();
        delete m_list->takeItem(m_list->count() - 1);
    }
}

void ActivityPanel::popUp(const QPoint& bottomRight) {
    const QSize room = parentWidget()->size();
    const double larger = Theme::instance().textPercent() / 100.0;
    resize(std::min(static_cast<int>(kWidth * larger), room.width() - 16),
           std::min(static_cast<int>(kHeight * larger), bottomRight.y() - 16));
    move(std::clamp(bottomRight.x() - width(), 8, std::max(8, room.width() - width() - 8)),
         bottomRight.y() - height());
    show();
    raise();
    refreshRuns();
    setFocus(Qt::PopupFocusReason);
}

void ActivityPanel::leave() {
    hide();
    parentWidget()->setFocus();
}

bool ActivityPanel::eventFilter(QObject* watched, QEvent* event) {
    if (watched == parentWidget() && event->type() == QEvent::Resize)
        hide();
    return QFrame::eventFilter(watched, event);
}

void ActivityPanel::keyPressEvent(QKeyEvent* event) {
    if (event->key() == Qt::Key_Escape)
        leave();
    else
        QFrame::keyPressEvent(event);
}

} // namespace limn
