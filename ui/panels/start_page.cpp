// SPDX-License-Identifier: GPL-3.0-or-later
// Start page.
#include "ui/panels/start_page.h"

#include "ui/panels/elided_label.h"
#include "ui/panels/icon_button.h"
#include "ui/theme/theme.h"

#include <QDir>
#include <QFileInfo>
#include <QFontMetrics>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QScrollArea>
#include <QVBoxLayout>
#include <QtConcurrent>

namespace limn {

StartPage::StartPage(QWidget* parent) : QFrame(parent) {
    setObjectName(QStringLiteral("startPage"));
    // Larger text and many projects may need more room than a small screen has.
    auto* frame = new QVBoxLayout(this);
    frame->setContentsMargins(0, 0, 0, 0);
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    auto* page = new QWidget;
    scroll->setWidget(page);
    frame->addWidget(scroll);
    auto* outer = new QVBoxLayout(page);
    outer->setContentsMargins(32, 24, 32, 20);
    outer->addStretch(2);
    auto* column = new QWidget;
    const auto fitWidth = [column] { column->setMaximumWidth(Theme::instance().scaled(760)); };
    fitWidth();
    connect(&Theme::instance(), &Theme::changed, column, fitWidth);
    column->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
    auto* layout = new QVBoxLayout(column);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(14);

    auto* head = new QHBoxLayout;
    head->setSpacing(14);
    auto* logo = new QLabel;
    logo->setPixmap(QIcon(QStringLiteral(":/icons/limn.svg")).pixmap(QSize(52, 52), devicePixelRatioF()));
    auto* titles = new QVBoxLayout;
    titles->setSpacing(1);
    auto* title = new QLabel(tr("Limn"));
    title->setProperty("title", true);
    auto* subtitle = new QLabel(tr("Review and correct segmentations of dermoscopy and endoscopy images"));
    subtitle->setProperty("muted", true);
    subtitle->setWordWrap(true);
    titles->addWidget(title);
    titles->addWidget(subtitle);
    head->addWidget(logo);
    head->addLayout(titles, 1);
    layout->addLayout(head);

    auto* area = new QFrame;
    area->setObjectName(QStringLiteral("dropArea"));
    area->setMinimumHeight(190);
    auto* drop = new QVBoxLayout(area);
    drop->setContentsMargins(24, 22, 24, 22);
    drop->setSpacing(12);
    auto* icon = new QLabel;
    icon->setAlignment(Qt::AlignCenter);
    const auto setIcon = [icon, this] {
        icon->setPixmap(Theme::pixmap(QStringLiteral("image"), "muted", 40, devicePixelRatioF()));
    };
    setIcon();
    connect(&Theme::instance(), &Theme::changed, icon, setIcon);
    auto* text = new QLabel(tr("Drop images, a folder or a project here"));
    text->setAlignment(Qt::AlignCenter);
    QFont font = text->font();
    font.setPointSizeF(font.pointSizeF() * 1.15);
    text->setFont(font);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    const auto addButton = [&](const QString& text, const QString& iconName, const char* name, bool primary,
                               auto signal) {
        auto* button = new IconButton(Theme::icon(iconName, primary ? "onAccent" : "text"), text);
        button->setObjectName(QLatin1String(name));
        button->setProperty("primary", primary);
        connect(button, &QPushButton::clicked, this, signal);
        buttons->addWidget(button);
    };
    buttons->addStretch();
    addButton(tr("Open folder"), QStringLiteral("folder"), "startOpenFolder", true, &StartPage::openFolder);
    addButton(tr("Open project"), QStringLiteral("project"), "startOpenProject", false,
              &StartPage::openProject);
    addButton(tr("Try demo images"), QStringLiteral("sample"), "startDemo", false, &StartPage::openDemo);
    buttons->addStretch();
    drop->addStretch();
    drop->addWidget(icon);
    drop->addWidget(text);
    drop->addLayout(buttons);
    drop->addStretch();
    layout->addWidget(area);

    m_recentCard = new QWidget;
    auto* recentLayout = new QVBoxLayout(m_recentCard);
    recentLayout->setContentsMargins(0, 0, 0, 0);
    recentLayout->setSpacing(2);
    auto* recentTitle = new QLabel(tr("Recent"));
    recentTitle->setProperty("heading", true);
    recentLayout->addWidget(recentTitle);
    m_recent = new QVBoxLayout;
    m_recent->setSpacing(0);
    recentLayout->addLayout(m_recent);
    layout->addWidget(m_recentCard);

    m_model = new QLabel;
    m_model->setProperty("muted", true);
    m_model->setWordWrap(true);
    layout->addWidget(m_model);
    auto* notice = new QLabel(tr("Limn assists; it makes no diagnosis. Images stay on this computer."));
    notice->setProperty("muted", true);
    notice->setWordWrap(true);
    layout->addWidget(notice);

    auto* center = new QHBoxLayout;
    center->addStretch(1);
    center->addWidget(column, 6);
    center->addStretch(1);
    outer->addLayout(center);
    outer->addStretch(3);
    setRecent({});
}

void StartPage::setRecent(const QStringList& paths) {
    m_paths = paths;
    showRecent({});
    // A path on a disk of the network may take its time to answer.
    QtConcurrent::run([paths] {
        QStringList missing;
        for (const QString& path : paths) {
            if (!QFileInfo::exists(path))
                missing.append(path);
        }
        return missing;
    }).then(this, [this, paths](const QStringList& missing) {
        if (paths == m_paths && !missing.isEmpty())
            showRecent(missing);
    });
}

void StartPage::showRecent(const QStringList& missing) {
    while (QLayoutItem* item = m_recent->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    m_recentCard->setVisible(!m_paths.isEmpty());
    for (const QString& path : m_paths) {
        const bool exists = !missing.contains(path);
        const bool project = path.endsWith(QLatin1String(".limn"), Qt::CaseInsensitive);
        auto* row = new QWidget;
        row->setObjectName(QStringLiteral("recentRow"));
        auto* layout = new QHBoxLayout(row);
        layout->setContentsMargins(0, 0, 0, 0);
        const QFileInfo info(path);
        auto* button = new QPushButton(
            Theme::icon(project ? QStringLiteral("project") : QStringLiteral("folder"), "muted"),
            project ? info.completeBaseName() : info.fileName());
        button->setProperty("link", true);
        button->setEnabled(exists);
        connect(button, &QPushButton::clicked, this, [this, path] { Q_EMIT openRecent(path); });
        QString where = QDir::toNativeSeparators(info.absolutePath());
        auto* label = new ElidedLabel(exists ? where : tr("missing: %1").arg(where), Qt::ElideMiddle);
        label->setProperty("muted", true);
        layout->addWidget(button);
        layout->addWidget(label, 1);
        if (!exists) {
            auto* locate = new QPushButton(tr("Locate…"));
            locate->setProperty("link", true);
            connect(locate, &QPushButton::clicked, this, [this, path] { Q_EMIT locateRecent(path); });
            layout->addWidget(locate);
        }
        m_recent->addWidget(row);
    }
}

void StartPage::setModelLine(const QString& text) {
    m_model->setText(text);
}

} // namespace limn
