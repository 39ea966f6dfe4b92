// SPDX-License-Identifier: GPL-3.0-or-later
// Comments and the flag's note.
#include "ui/panels/comment_panel.h"

#include "ui/panels/history_panel.h"
#include "ui/theme/theme.h"

#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QVBoxLayout>

namespace limn {
namespace {

constexpr int kLines = 400; // of history, in which the comments stand

} // namespace

CommentPanel::CommentPanel(ReviewSession& session, QWidget* parent) : QWidget(parent), m_session(session) {
    setObjectName(QStringLiteral("commentPanel"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(6);
    m_flagNote = new QLineEdit;
    m_flagNote->setObjectName(QStringLiteral("flagNote"));
    m_flagNote->setPlaceholderText(tr("Why it is flagged"));
    m_flagNote->setAccessibleName(tr("Why the image is flagged"));
    m_flagNote->addAction(Theme::icon(QStringLiteral("flag"), "warn"), QLineEdit::LeadingPosition);
    layout->addWidget(m_flagNote);
    m_rows = new QVBoxLayout;
    m_rows->setSpacing(6);
    layout->addLayout(m_rows);
    m_entry = new QLineEdit;
    m_entry->setObjectName(QStringLiteral("commentEntry"));
    m_entry->setPlaceholderText(tr("Add a comment, then Enter"));
    m_entry->setAccessibleName(tr("New comment"));
    layout->addWidget(m_entry);
    connect(m_entry, &QLineEdit::returnPressed, this, [this] {
        m_session.addComment(m_entry->text());
        m_entry->clear();
        Q_EMIT finished();
    });
    connect(m_flagNote, &QLineEdit::returnPressed, this, &CommentPanel::finished);
    connect(m_flagNote, &QLineEdit::editingFinished, this, [this] {
        const ImageRecord* r = m_session.currentRecord();
        if (r && r->flagged && m_flagNote->text().toStdString() != r->flagNote)
            m_session.setFlagNote(m_flagNote->text());
    });
    m_timer.setSingleShot(true);
    m_timer.setInterval(100);
    connect(&m_timer, &QTimer::timeout, this, &CommentPanel::load);
    const auto later = [this] { m_timer.start(); };
    connect(&session, &ReviewSession::currentChanged, this, [this] {
        m_entry->clear();
        show({});
        refreshFlag();
        m_timer.start();
    });
    // A new comment is in the store when nothing waits any more.
    connect(&session, &ReviewSession::saveStatusChanged, this, later);
    connect(&session, &ReviewSession::recordsChanged, this, &CommentPanel::refreshFlag);
    refreshFlag();
}

void CommentPanel::refreshFlag() {
    const ImageRecord* r = m_session.currentRecord();
    m_flagNote->setVisible(r && r->flagged);
    m_entry->setEnabled(r != nullptr);
    if (r && !m_flagNote->hasFocus())
        m_flagNote->setText(QString::fromStdString(r->flagNote));
}

void CommentPanel::load() {
    if (!m_session.hasProject() || m_session.current() == 0) {
        show({});
        return;
    }
    const ImageId id = m_session.current();
    const QPointer<CommentPanel> self(this);
    m_session.project()->loadHistory(
        id, kLines, [this, self, id](const Result<std::vector<HistoryRecord>>& lines) {
            if (!self || !m_session.hasProject() || id != m_session.current() || !lines)
                return;
            std::vector<HistoryRecord> comments = *lines;
            std::erase_if(comments, [](const HistoryRecord& line) { return line.what != "comment"; });
            show(comments);
        });
}

void CommentPanel::show(const std::vector<HistoryRecord>& comments) {
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    // Oldest first, as a conversation is read.
    for (auto line = comments.rbegin(); line != comments.rend(); ++line) {
        auto* label =
            new QLabel(QStringLiteral("%1<br><small>%2</small>")
                           .arg(QString::fromStdString(line->note).toHtmlEscaped(),
                                personAndTime(m_session, line->person, line->timeMs).toHtmlEscaped()));
        label->setObjectName(QStringLiteral("comment"));
        label->setTextFormat(Qt::RichText);
        label->setWordWrap(true);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
        label->setFocusPolicy(Qt::NoFocus);
        m_rows->addWidget(label);
    }
}

} // namespace limn
