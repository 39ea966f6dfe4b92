// SPDX-License-Identifier: GPL-3.0-or-later
// Banner and toast.
#include "ui/window/banner_bar.h"

#include "ui/theme/theme.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QStyle>
#include <QToolButton>

#include <algorithm>

namespace limn {
namespace {

constexpr int kToastMs = 6000;

} // namespace

BannerBar::BannerBar(QWidget* parent) : QFrame(parent) {
    setObjectName(QStringLiteral("banner"));
    m_layout = new QHBoxLayout(this);
    m_layout->setContentsMargins(12, 6, 8, 6);
    m_layout->setSpacing(10);
    m_icon = new QLabel;
    m_icon->setObjectName(QStringLiteral("bannerIcon"));
    m_text = new QLabel;
    m_text->setWordWrap(true);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_text->setFocusPolicy(Qt::NoFocus);
    m_entry = new QLineEdit;
    m_entry->setObjectName(QStringLiteral("bannerEntry"));
    m_entry->setFixedWidth(170);
    m_actions = new QHBoxLayout;
    m_actions->setSpacing(6);
    m_more = new QLabel;
    m_more->setObjectName(QStringLiteral("bannerMore"));
    m_more->setProperty("muted", true);
    m_close = new QToolButton;
    m_close->setIcon(Theme::icon(QStringLiteral("close")));
    m_close->setObjectName(QStringLiteral("bannerClose"));
    m_close->setToolTip(tr("Close"));
    m_close->setFocusPolicy(Qt::TabFocus);
    m_close->setAccessibleName(tr("Close this message"));
    Theme::sizeButton(m_close, {28, 28});
    m_layout->addWidget(m_icon);
    m_layout->addWidget(m_text, 1);
    m_layout->addWidget(m_entry);
    m_layout->addLayout(m_actions);
    m_layout->addWidget(m_more);
    m_layout->addWidget(m_close);
    connect(m_close, &QToolButton::clicked, this, [this] {
        if (m_banners.empty())
            return;
        const std::function<void()> closed = m_banners.back().closed;
        m_banners.pop_back();
        rebuild();
        if (closed)
            closed();
    });
    connect(m_entry, &QLineEdit::returnPressed, this, [this] {
        if (m_banners.empty() || !m_banners.back().entered)
            return;
        const auto entered = m_banners.back().entered;
        const QString text = m_entry->text();
        m_banners.pop_back();
        rebuild();
        entered(text);
    });
    connect(&Theme::instance(), &Theme::changed, this, &BannerBar::showIcon);
    setVisible(false);
}

void BannerBar::showIcon() {
    if (m_banners.empty())
        return;
    const Banner::Kind kind = m_banners.back().kind;
    const char* token = kind == Banner::Kind::Error     ? "error"
                        : kind == Banner::Kind::Warning ? "warn"
                                                        : "accent";
    const QString icon = kind == Banner::Kind::Error     ? QStringLiteral("error")
                         : kind == Banner::Kind::Warning ? QStringLiteral("warning")
                                                         : QStringLiteral("info");
    m_icon->setPixmap(Theme::pixmap(icon, token, Theme::instance().scaled(18), devicePixelRatioF()));
}

void BannerBar::show(Banner banner) {
    // The same again stays where it is: its buttons do not flicker, nor does it come before others.
    const auto same = std::find_if(m_banners.begin(), m_banners.end(), [&](const Banner& b) {
        return b.id == banner.id && b.text == banner.text && b.kind == banner.kind &&
               b.actions.size() == banner.actions.size();
    });
    if (same != m_banners.end()) {
        *same = std::move(banner);
        return;
    }
    std::erase_if(m_banners, [&](const Banner& b) { return b.id == banner.id; });
    m_banners.push_back(std::move(banner));
    rebuild();
    Q_EMIT told(m_banners.back().kind, m_banners.back().text);
}

void BannerBar::remove(const QString& id) {
    if (std::erase_if(m_banners, [&](const Banner& b) { return b.id == id; }) > 0)
        rebuild();
}

void BannerBar::clear() {
    m_banners.clear();
    rebuild();
}

bool BannerBar::contains(const QString& id) const {
    return std::any_of(m_banners.begin(), m_banners.end(), [&](const Banner& b) { return b.id == id; });
}

QString BannerBar::currentText() const {
    return m_banners.empty() ? QString() : m_banners.back().text;
}

bool BannerBar::activate(int action) {
    if (m_banners.empty() || action < 0 || action >= static_cast<int>(m_banners.back().actions.size()))
        return false;
    const BannerAction chosen = m_banners.back().actions[static_cast<std::size_t>(action)];
    if (!chosen.keepsBanner) {
        m_banners.pop_back();
        rebuild();
    }
    chosen.run();
    return true;
}

void BannerBar::rebuild() {
    const QWidget* focus = window()->focusWidget();
    const bool hadFocus = focus && focus != this && isAncestorOf(focus);
    while (QLayoutItem* item = m_actions->takeAt(0)) {
        if (item->widget()) {
            item->widget()->hide();
            item->widget()->setObjectName({});
            item->widget()->deleteLater();
        }
        delete item;
    }
    setVisible(!m_banners.empty());
    if (hadFocus)
        Q_EMIT left();
    if (m_banners.empty()) {
        Q_EMIT changed();
        return;
    }
    const Banner& banner = m_banners.back();
    setProperty("kind", banner.kind == Banner::Kind::Error     ? QStringLiteral("error")
                        : banner.kind == Banner::Kind::Warning ? QStringLiteral("warning")
                                                               : QStringLiteral("info"));
    style()->unpolish(this);
    style()->polish(this);
    showIcon();
    m_text->setText(banner.text);
    m_entry->setVisible(static_cast<bool>(banner.entered));
    if (banner.entered)
        m_entry->setText(banner.entry);
    for (std::size_t i = 0; i < banner.actions.size(); ++i) {
        auto* button = new QPushButton(banner.actions[i].text);
        button->setObjectName(QStringLiteral("bannerAction%1").arg(i));
        button->setFocusPolicy(Qt::TabFocus); // a click leaves the keys where they were
        connect(button, &QPushButton::clicked, this, [this, i] { activate(static_cast<int>(i)); });
        m_actions->addWidget(button);
        button->show(); // a layout would show it at the next turn of the loop
    }
    m_more->setText(QStringLiteral("+%1").arg(m_banners.size() - 1));
    m_more->setVisible(m_banners.size() > 1);
    Q_EMIT changed();
}

Toast::Toast(QWidget* parent, QWidget* over) : QFrame(parent), m_over(over) {
    setObjectName(QStringLiteral("toast"));
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(14, 8, 10, 8);
    layout->setSpacing(10);
    m_text = new QLabel;
    m_text->setObjectName(QStringLiteral("toastText"));
    m_action = new QPushButton;
    m_action->setProperty("link", true);
    m_action->setObjectName(QStringLiteral("toastAction"));
    m_action->setFocusPolicy(Qt::NoFocus);
    layout->addWidget(m_text);
    layout->addWidget(m_action);
    m_timer.setSingleShot(true);
    connect(&m_timer, &QTimer::timeout, this, &QWidget::hide);
    connect(m_action, &QPushButton::clicked, this, [this] {
        hide();
        if (m_run)
            m_run();
    });
    parent->installEventFilter(this);
    hide();
}

void Toast::show(const QString& text, const QString& actionText, std::function<void()> action) {
    Q_EMIT told(text);
    m_text->setText(text);
    m_run = std::move(action);
    m_action->setText(actionText);
    m_action->setVisible(!actionText.isEmpty());
    place();
    QFrame::show();
    raise();
    m_timer.start(kToastMs);
}

void Toast::withdraw(const QString& text) {
    if (isVisible() && m_text->text() == text)
        hide();
}

void Toast::place() {
    // Two lines where one would cover what is beside.
    const int room = m_over->width() - 60 - (m_action->isHidden() ? 0 : m_action->sizeHint().width() + 10);
    const bool wraps = m_text->fontMetrics().horizontalAdvance(m_text->text()) > room;
    m_text->setWordWrap(wraps);
    m_text->setMinimumWidth(wraps ? room : 0);
    m_text->setMaximumWidth(wraps ? room : QWIDGETSIZE_MAX);
    layout()->activate();
    adjustSize();
    const QPoint middle = m_over->mapTo(parentWidget(), m_over->rect().center());
    move(middle.x() - width() / 2, parentWidget()->height() - height() - 88);
}

bool Toast::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Resize && isVisible())
        place();
    return QFrame::eventFilter(watched, event);
}

void Toast::enterEvent(QEnterEvent* event) {
    m_timer.stop();
    QFrame::enterEvent(event);
}

void Toast::leaveEvent(QEvent* event) {
    m_timer.start(kToastMs);
    QFrame::leaveEvent(event);
}

} // namespace limn
