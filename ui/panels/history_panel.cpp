// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of history.
#include "ui/panels/history_panel.h"

#include "ui/panels/worklist_pane.h"

#include <QDateTime>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPointer>
#include <QPushButton>
#include <QVBoxLayout>

namespace limn {
namespace {

constexpr int kLines = 12;

QString stateText(const std::string& name) {
    const std::optional<ReviewState> state = reviewStateFromName(name);
    return state ? stateWord(*state) : QString::fromStdString(name);
}

QString describe(const HistoryRecord& line) {
    if (line.what == "state") {
        const QString reason =
            line.note.empty() ? QString() : QStringLiteral(": ") + QString::fromStdString(line.note);
        return stateText(line.to) + reason;
    }
    if (line.what == "edited")
        return HistoryPanel::tr("edited");
    if (line.what == "added")
        return HistoryPanel::tr("added to the project");
    if (line.what == "flag")
        return line.to.empty() || line.to == "0" ? HistoryPanel::tr("flag removed")
                                                 : HistoryPanel::tr("flagged");
    if (line.what == "assigned")
        return HistoryPanel::tr("assigned");
    if (line.what == "moved")
        return HistoryPanel::tr("file moved");
    return QString::fromStdString(line.what);
}

} // namespace

HistoryPanel::HistoryPanel(ReviewSession& session, QWidget* parent) : QWidget(parent), m_session(session) {
    setObjectName(QStringLiteral("historyPanel"));
    m_rows = new QVBoxLayout(this);
    m_rows->setContentsMargins(0, 0, 0, 0);
    m_rows->setSpacing(4);
    m_timer.setSingleShot(true);
    m_timer.setInterval(150);
    connect(&m_timer, &QTimer::timeout, this, &HistoryPanel::load);
    const auto later = [this] { m_timer.start(); };
    connect(&session, &ReviewSession::currentChanged, this, later);
    connect(&session, &ReviewSession::saveStatusChanged, this, later);
    connect(&session, &ReviewSession::decided, this, later);
}

void HistoryPanel::load() {
    if (!m_session.hasProject() || m_session.current() == 0) {
        show({}, {});
        return;
    }
    const ImageId id = m_session.current();
    const QPointer<HistoryPanel> self(this);
    m_session.project()->loadHistory(
        id, kLines, [this, self, id](const Result<std::vector<HistoryRecord>>& lines) {
            if (!self || !m_session.hasProject() || id != m_session.current() || !lines)
                return;
            const std::vector<HistoryRecord> kept = *lines;
            m_session.project()->listKeptVersions(
                id, [this, self, id, kept](const Result<std::vector<KeptVersion>>& versions) {
                    if (self && id == m_session.current())
                        show(kept, versions ? *versions : std::vector<KeptVersion>{});
                });
        });
}

void HistoryPanel::show(const std::vector<HistoryRecord>& lines, const std::vector<KeptVersion>& versions) {
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    const QLocale locale;
    const auto when = [&](TimeMs ms) {
        const QDateTime time = QDateTime::fromMSecsSinceEpoch(ms);
        return time.date() == QDate::currentDate() ? locale.toString(time.time(), QLocale::ShortFormat)
                                                   : locale.toString(time.date(), QLocale::ShortFormat);
    };
    for (const HistoryRecord& line : lines) {
        const QString person = m_session.project()
                                   ? QString::fromStdString(m_session.project()->personName(line.person))
                                   : QString();
        auto* label =
            new QLabel(tr("<b>%1</b><br><span>%2</span>")
                           .arg(describe(line).toHtmlEscaped(),
                                (person.isEmpty() ? when(line.timeMs)
                                                  : person + QStringLiteral(" · ") + when(line.timeMs))
                                    .toHtmlEscaped()));
        label->setTextFormat(Qt::RichText);
        label->setWordWrap(true);
        label->setProperty("muted", true);
        m_rows->addWidget(label);
    }
    for (const KeptVersion& version : versions) {
        auto* row = new QWidget;
        auto* layout = new QHBoxLayout(row);
        layout->setContentsMargins(0, 0, 0, 0);
        auto* label = new QLabel(tr("Version: %1, %2").arg(stateText(version.what), when(version.timeMs)));
        label->setProperty("muted", true);
        auto* restore = new QPushButton(tr("Restore"));
        restore->setProperty("link", true);
        connect(restore, &QPushButton::clicked, this, [this, kept = version.id] {
            const ImageId id = m_session.current();
            const QPointer<HistoryPanel> self(this);
            m_session.project()->loadKeptVersion(
                kept, [this, self, id](const Result<std::optional<LoadedAnnotation>>& loaded) {
                    if (!self || id != m_session.current() || !m_session.document() || !loaded ||
                        !loaded->has_value())
                        return;
                    const Result<void> restored = m_session.document()->restore((*loaded)->snapshot);
                    if (!restored)
                        Q_EMIT m_session.said(QString::fromStdString(restored.error().message()));
                });
        });
        layout->addWidget(label, 1);
        layout->addWidget(restore);
        m_rows->addWidget(row);
    }
    if (lines.empty() && versions.empty()) {
        auto* label = new QLabel(tr("Nothing yet."));
        label->setProperty("muted", true);
        m_rows->addWidget(label);
    }
}

} // namespace limn
