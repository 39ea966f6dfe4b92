// SPDX-License-Identifier: GPL-3.0-or-later
// Folding part of the side pane.
#include "ui/panels/section.h"

#include "ui/theme/theme.h"

#include <QSettings>
#include <QToolButton>
#include <QVBoxLayout>

namespace limn {

Section::Section(const QString& id, const QString& title, QWidget* parent) : QWidget(parent), m_id(id) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 4);
    layout->setSpacing(0);
    m_header = new QHBoxLayout;
    m_header->setContentsMargins(6, 0, 8, 0);
    m_header->setSpacing(2);
    m_title = new QToolButton;
    m_title->setProperty("section", true);
    m_title->setText(title);
    m_title->setCheckable(false);
    m_title->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    m_title->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    m_title->setObjectName(QStringLiteral("section-%1").arg(id));
    m_header->addWidget(m_title, 1);
    layout->addLayout(m_header);
    m_body = new QWidget;
    m_bodyLayout = new QVBoxLayout(m_body);
    m_bodyLayout->setContentsMargins(12, 2, 12, 6);
    m_bodyLayout->setSpacing(6);
    layout->addWidget(m_body);
    connect(m_title, &QToolButton::clicked, this, [this] { setOpen(!isOpen()); });
    const bool open = QSettings().value(QStringLiteral("sections/%1").arg(id), true).toBool();
    m_body->setVisible(open);
    showArrow();
    const auto sizeArrow = [this] {
        const int side = Theme::instance().scaled(13);
        m_title->setIconSize({side, side});
    };
    sizeArrow();
    connect(&Theme::instance(), &Theme::changed, this, sizeArrow);
}

void Section::addToHeader(QWidget* widget) {
    m_header->addWidget(widget);
}

bool Section::isOpen() const {
    return !m_body->isHidden();
}

void Section::setOpen(bool open) {
    m_body->setVisible(open);
    showArrow();
    QSettings().setValue(QStringLiteral("sections/%1").arg(m_id), open);
    Q_EMIT toggled(open);
}

void Section::showArrow() {
    const QString closed = layoutDirection() == Qt::RightToLeft ? QStringLiteral("chevron-left")
                                                                : QStringLiteral("chevron-right");
    m_title->setIcon(Theme::icon(isOpen() ? QStringLiteral("chevron-down") : closed, "muted"));
}

} // namespace limn
