// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of history.
#include "ui/panels/history_panel.h"

#include "ui/session/sentences.h"
#include "ui/session/state_words.h"

#include <QDateTime>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPointer>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace limn {
namespace {

constexpr int kLines = 400; // that are read; comments among them have a panel of their own
constexpr int kShown = 12;  // until the rest is asked for

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
        return line.to.empty() ? HistoryPanel::tr("no longer assigned")
                               : HistoryPanel::tr("assigned to %1").arg(QString::fromStdString(line.to));
    if (line.what == "moved")
        return HistoryPanel::tr("file moved");
    if (line.what == "restored")
        return HistoryPanel::tr("version restored");
    if (line.what == "calibrated")
        return HistoryPanel::tr("calibrated");
    if (line.what == "calibration removed")
        return HistoryPanel::tr("calibration removed");
    if (line.what == "kept as second version")
        return HistoryPanel::tr("kept as a second version");
    return QString::fromStdString(line.what);
}

} // namespace

QString personAndTime(const ReviewSession& session, PersonId person, TimeMs ms) {
    const QLocale locale;
    const QDateTime time = QDateTime::fromMSecsSinceEpoch(ms);
    const QString when = time.date() == QDate::currentDate()
                             ? locale.toString(time.time(), QLocale::ShortFormat)
                             : locale.toString(time.date(), QLocale::ShortFormat);
    const QString name =
        session.project() ? QString::fromStdString(session.project()->personName(person)) : QString();
    return name.isEmpty() ? when : QStringLiteral("%1 · %2").arg(name, when);
}

HistoryPanel::HistoryPanel(ReviewSession& session, ImageVersions& versions, QWidget* parent)
    : QWidget(parent), m_session(session), m_versions(versions) {
    setObjectName(QStringLiteral("historyPanel"));
    m_rows = new QVBoxLayout(this);
    m_rows->setContentsMargins(0, 0, 0, 0);
    m_rows->setSpacing(4);
    m_timer.setSingleShot(true);
    m_timer.setInterval(150);
    connect(&m_timer, &QTimer::timeout, this, &HistoryPanel::load);
    const auto later = [this] { m_timer.start(); };
    connect(&session, &ReviewSession::currentChanged, this, [this] {
        m_all = false;
        m_timer.start();
    });
    connect(&session, &ReviewSession::saveStatusChanged, this, later);
    connect(&session, &ReviewSession::decided, this, later);
    connect(&versions, &ImageVersions::changed, this, &HistoryPanel::rebuild);
}

void HistoryPanel::load() {
    if (!m_session.hasProject() || m_session.current() == 0) {
        m_lines.clear();
        rebuild();
        return;
    }
    const ImageId id = m_session.current();
    const QPointer<HistoryPanel> self(this);
    m_session.project()->loadHistory(
        id, kLines, [this, self, id](const Result<std::vector<HistoryRecord>>& lines) {
            if (!self || !m_session.hasProject() || id != m_session.current() || !lines)
                return;
            m_lines = *lines;
            std::erase_if(m_lines, [](const HistoryRecord& line) { return line.what == "comment"; });
            rebuild();
        });
}

void HistoryPanel::restore(std::int64_t kept) {
    const ImageId id = m_session.current();
    const QPointer<HistoryPanel> self(this);
    m_session.project()->loadKeptVersion(kept, [this, self,
                                                id](const Result<std::optional<LoadedAnnotation>>& loaded) {
        if (!self || id != m_session.current() || !m_session.document() || !loaded || !loaded->has_value())
            return;
        const Result<void> restored = m_session.document()->restore((*loaded)->snapshot);
        Q_EMIT m_session.said(restored ? tr("The version was restored; undo brings back what was there.")
                                       : errorText(restored.error()));
    });
}

void HistoryPanel::addVersionRow(const QString& text, const CompareSource& source) {
    auto* row = new QWidget;
    auto* lines = new QVBoxLayout(row);
    lines->setContentsMargins(0, 0, 0, 2);
    lines->setSpacing(0);
    auto* label = new QLabel(text);
    label->setWordWrap(true);
    label->setProperty("muted", true);
    lines->addWidget(label);
    auto* layout = new QHBoxLayout;
    layout->setSpacing(6);
    lines->addLayout(layout);
    const auto link = [&](const QString& name, const QString& accessible, const char* object,
                          std::function<void()> run) {
        auto* button = new QPushButton(name);
        button->setProperty("link", true);
        button->setObjectName(QLatin1String(object));
        button->setAccessibleName(accessible);
        connect(button, &QPushButton::clicked, this, std::move(run));
        layout->addWidget(button);
    };
    link(tr("Compare"), tr("Compare with %1").arg(text), "compareVersion",
         [this, source] { Q_EMIT compareRequested(source); });
    if (source.kind == CompareSource::Kind::Kept)
        link(tr("Restore"), tr("Restore %1").arg(text), "restoreVersion",
             [this, source] { restore(source.kept); });
    layout->addStretch();
    m_rows->addWidget(row);
}

void HistoryPanel::rebuild() {
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    for (const AnnotationInfo& info : m_versions.others()) {
        CompareSource source{CompareSource::Kind::Person, info.person, info.version, 0,
                             m_versions.personName(info.person)};
        addVersionRow(info.version == 0
                          ? tr("Annotation: %1").arg(source.name)
                          : tr("Second version: %1").arg(personAndTime(m_session, info.person, info.savedMs)),
                      source);
    }
    if (!m_versions.hidden().empty()) {
        QStringList names;
        for (const PersonId person : m_versions.hidden())
            names.append(m_versions.personName(person));
        auto* label = new QLabel(tr("Also annotated by %1; shown when both have submitted.")
                                     .arg(names.join(QStringLiteral(", "))));
        label->setWordWrap(true);
        label->setProperty("muted", true);
        m_rows->addWidget(label);
    }
    for (const KeptVersion& kept : m_versions.kept()) {
        const QString text = QStringLiteral("%1, %2").arg(stateText(kept.what),
                                                          personAndTime(m_session, kept.person, kept.timeMs));
        addVersionRow(tr("Version: %1").arg(text), {CompareSource::Kind::Kept, kNobody, 0, kept.id, text});
    }
    const std::size_t shown = m_all ? m_lines.size() : std::min<std::size_t>(m_lines.size(), kShown);
    for (std::size_t i = 0; i < shown; ++i) {
        const HistoryRecord& line = m_lines[i];
        auto* label =
            new QLabel(tr("<b>%1</b><br><span>%2</span>")
                           .arg(describe(line).toHtmlEscaped(),
                                personAndTime(m_session, line.person, line.timeMs).toHtmlEscaped()));
        label->setObjectName(QStringLiteral("historyLine"));
        label->setTextFormat(Qt::RichText);
        label->setWordWrap(true);
        label->setProperty("muted", true);
        m_rows->addWidget(label);
    }
    if (shown < m_lines.size()) {
        auto* more =
            new QPushButton(tr("Show %n earlier", nullptr, static_cast<int>(m_lines.size() - shown)));
        more->setProperty("link", true);
        more->setObjectName(QStringLiteral("historyMore"));
        connect(more, &QPushButton::clicked, this, [this] {
            m_all = true;
            rebuild();
        });
        m_rows->addWidget(more, 0, Qt::AlignLeft);
    }
    if (m_rows->count() == 0) {
        auto* label = new QLabel(tr("Nothing yet."));
        label->setProperty("muted", true);
        m_rows->addWidget(label);
    }
}

} // namespace limn
