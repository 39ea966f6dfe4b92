// SPDX-License-Identifier: GPL-3.0-or-later
// Reasons of a rejection.
#include "ui/window/reject_popover.h"

#include "ui/theme/theme.h"
#include "ui/window/key_places.h"

#include <QApplication>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace limn {

RejectPopover::RejectPopover(QWidget* parent) : QFrame(parent) {
    setObjectName(QStringLiteral("popover"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(12, 10, 12, 12);
    layout->setSpacing(8);
    auto* title = new QLabel(tr("Reject because"));
    title->setProperty("heading", true);
    layout->addWidget(title);
    m_reasons = new QListWidget;
    m_reasons->setObjectName(QStringLiteral("rejectReasons"));
    m_reasons->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_reasons->setAccessibleName(tr("Reason"));
    const QStringList reasons = {tr("Not gradable"),
                                 tr("Wrong outline"),
                                 tr("Wrong label"),
                                 tr("Artefact"),
                                 tr("Out of focus"),
                                 tr("Not the lesion"),
                                 tr("Wrong patient or image"),
                                 tr("Duplicate"),
                                 tr("Another reason")};
    int number = 1;
    for (const QString& reason : reasons) {
        auto* item = new QListWidgetItem(QStringLiteral("%1   %2").arg(number++).arg(reason), m_reasons);
        item->setData(Qt::UserRole, reason);
    }
    m_reasons->setCurrentRow(0);
    m_reasons->installEventFilter(this);
    layout->addWidget(m_reasons);
    m_text = new QLineEdit;
    m_text->setObjectName(QStringLiteral("rejectText"));
    m_text->setPlaceholderText(tr("Details (optional), then Enter"));
    m_text->setAccessibleName(tr("Details"));
    m_text->installEventFilter(this);
    layout->addWidget(m_text);
    connect(m_reasons, &QListWidget::itemDoubleClicked, this, &RejectPopover::finish);
    connect(qApp, &QApplication::focusChanged, this, [this](QWidget*, QWidget* now) {
        if (isVisible() && now && now != m_reasons && now != m_text)
            hide();
    });
    hide();
}

void RejectPopover::popUp(const QRect& anchor) {
    // As large as its texts are at the text size of the moment.
    const QFontMetrics metrics(m_reasons->font());
    const int row = std::max(Theme::instance().target(), metrics.height() + 10);
    int widest = 0;
    for (int i = 0; i < m_reasons->count(); ++i) {
        QListWidgetItem* item = m_reasons->item(i);
        widest = std::max(widest, metrics.horizontalAdvance(item->text()));
        item->setSizeHint({widest, row});
    }
    widest = std::max(widest, metrics.horizontalAdvance(m_text->placeholderText()));
    m_reasons->setFixedHeight(m_reasons->count() * row + 8);
    setFixedWidth(std::max(280, widest + 60));
    adjustSize();
    move(std::max(8, anchor.right() - width() + 1), std::max(8, anchor.top() - height() - 6));
    m_text->clear();
    m_reasons->setCurrentRow(0);
    show();
    raise();
    m_reasons->setFocus(Qt::PopupFocusReason);
}

void RejectPopover::finish() {
    const QListWidgetItem* item = m_reasons->currentItem();
    QString reason = item ? item->data(Qt::UserRole).toString() : QString();
    const QString words = m_text->text().trimmed();
    if (!words.isEmpty())
        reason = reason.isEmpty() ? words : reason + QStringLiteral(": ") + words;
    hide();
    if (!reason.isEmpty())
        Q_EMIT rejected(reason);
}

bool RejectPopover::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::ShortcutOverride && watched == m_reasons) {
        // Digits choose a reason here and no label, letters no tool.
        event->accept();
        return true;
    }
    if (event->type() == QEvent::KeyPress) {
        auto* key = static_cast<QKeyEvent*>(event);
        if (key->key() == Qt::Key_Escape) {
            hide();
            if (parentWidget())
                parentWidget()->setFocus();
            return true;
        }
        if (key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter) {
            finish();
            return true;
        }
        if (watched == m_reasons) {
            if (const int digit = digitKey(*key); digit != 0) {
                m_reasons->setCurrentRow(std::min(digit, m_reasons->count()) - 1);
                return true;
            }
            // Whoever begins to write means the details.
            const QString words = key->text();
            if (!words.isEmpty() && words.front().isLetter() &&
                !(key->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier))) {
                m_text->setFocus();
                m_text->insert(words);
                return true;
            }
        }
    }
    return QFrame::eventFilter(watched, event);
}

} // namespace limn
