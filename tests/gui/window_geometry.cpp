// SPDX-License-Identifier: GPL-3.0-or-later
// Looking for what is cut, covered or coarse.
#include "tests/gui/window_geometry.h"

#include "ui/panels/elided_label.h"

#include <QAbstractButton>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QGroupBox>
#include <QLabel>
#include <QLayout>
#include <QLineEdit>
#include <QMainWindow>
#include <QMenuBar>
#include <QScrollArea>
#include <QSpinBox>
#include <QSplitter>
#include <QStackedWidget>
#include <QStyle>
#include <QStyleOptionComboBox>
#include <QTabBar>
#include <QToolButton>

#include <algorithm>
#include <functional>

namespace limn {
namespace {

bool shown(const QWidget* widget, const QWidget* root) {
    return widget->isVisibleTo(root) && widget->window() == root->window();
}

QString widths(int needed, int there) {
    return QStringLiteral(" %1 in %2").arg(needed).arg(there);
}

// Width that the longest number of a field needs; -1: no such field.
int longestNumber(const QAbstractSpinBox* field) {
    QStringList texts;
    if (auto* real = qobject_cast<const QDoubleSpinBox*>(field))
        texts = {real->textFromValue(real->minimum()) + real->suffix(),
                 real->textFromValue(real->maximum()) + real->suffix(), real->specialValueText()};
    else if (auto* whole = qobject_cast<const QSpinBox*>(field))
        texts = {QString::number(whole->maximum()) + whole->suffix(), whole->specialValueText()};
    int widest = -1;
    for (const QString& text : texts)
        widest = std::max(widest, field->fontMetrics().horizontalAdvance(text));
    return widest;
}

} // namespace

QString textOf(const QWidget* widget) {
    if (auto* label = qobject_cast<const QLabel*>(widget))
        return label->text();
    if (auto* button = qobject_cast<const QAbstractButton*>(widget))
        return button->text();
    if (auto* box = qobject_cast<const QGroupBox*>(widget))
        return box->title();
    return {};
}

QString nameOf(const QWidget* widget) {
    QStringList path;
    for (const QWidget* w = widget; w && path.size() < 4; w = w->parentWidget())
        path.prepend(w->objectName().isEmpty() ? QString::fromLatin1(w->metaObject()->className())
                                               : w->objectName());
    return path.join(QLatin1Char('/')) + QStringLiteral(" \"") + textOf(widget) + QLatin1Char('"');
}

QStringList cutTexts(QWidget* root) {
    QStringList found;
    for (QWidget* widget : root->findChildren<QWidget*>()) {
        if (!shown(widget, root))
            continue;
        // Qt's own ways out: a menu or a tab that has no room is behind an arrow.
        if (qobject_cast<QMenuBar*>(widget->parentWidget()) &&
            widget->objectName() == QLatin1String("qt_menubar_ext_button"))
            found.append(QStringLiteral("menus behind an arrow"));
        if (qobject_cast<QTabBar*>(widget->parentWidget()) && qobject_cast<QToolButton*>(widget))
            found.append(nameOf(widget->parentWidget()) + QStringLiteral(": tabs behind an arrow"));
        if (auto* field = qobject_cast<QAbstractSpinBox*>(widget)) {
            const auto* line = field->findChild<QLineEdit*>();
            const int needed = longestNumber(field) + 4; // QLineEdit's own margins
            if (line && needed > line->width())
                found.append(nameOf(widget) + widths(needed, line->width()));
        }
        if (auto* box = qobject_cast<QComboBox*>(widget);
            box && box->sizeAdjustPolicy() != QComboBox::AdjustToMinimumContentsLengthWithIcon) {
            QStyleOptionComboBox option;
            option.initFrom(box);
            const int room =
                box->style()
                    ->subControlRect(QStyle::CC_ComboBox, &option, QStyle::SC_ComboBoxEditField, box)
                    .width();
            const int needed = box->fontMetrics().horizontalAdvance(box->currentText());
            if (needed > room)
                found.append(nameOf(widget) + box->currentText() + widths(needed, room));
        }
        if ((qobject_cast<QAbstractSpinBox*>(widget) || qobject_cast<QComboBox*>(widget) ||
             qobject_cast<QLineEdit*>(widget)) &&
            !qobject_cast<QAbstractSpinBox*>(widget->parentWidget()) &&
            widget->fontMetrics().height() > widget->height())
            found.append(nameOf(widget) + QStringLiteral(" too low"));
        if (auto* area = qobject_cast<QScrollArea*>(widget);
            area && area->widget() && area->horizontalScrollBarPolicy() == Qt::ScrollBarAlwaysOff &&
            area->widget()->width() > area->viewport()->width())
            found.append(nameOf(widget) + QStringLiteral(": content") +
                         widths(area->widget()->width(), area->viewport()->width()));
        auto* tool = qobject_cast<QToolButton*>(widget);
        const bool iconAlone =
            tool && tool->toolButtonStyle() == Qt::ToolButtonIconOnly && !tool->icon().isNull();
        if (textOf(widget).isEmpty() || iconAlone)
            continue;
        if (auto* label = qobject_cast<QLabel*>(widget)) {
            // Labels that give way on purpose show the whole text as a tool tip or wrap.
            if (label->sizePolicy().horizontalPolicy() == QSizePolicy::Ignored ||
                qobject_cast<ElidedLabel*>(label))
                continue;
            if (label->wordWrap()) {
                if (label->heightForWidth(label->width()) > label->height() + 1)
                    found.append(nameOf(widget) + QStringLiteral(" lines"));
                continue;
            }
        }
        if (widget->sizeHint().width() > widget->width() + 1)
            found.append(nameOf(widget) + widths(widget->sizeHint().width(), widget->width()));
        if (widget->fontMetrics().height() > widget->height())
            found.append(nameOf(widget) + QStringLiteral(" too low"));
        // A widget may itself stick out of its parent.
        const QWidget* parent = widget->parentWidget();
        if (parent && !parent->rect().adjusted(-1, -1, 1, 1).contains(widget->geometry()) &&
            parent->objectName() != QLatin1String("qt_scrollarea_viewport"))
            found.append(nameOf(widget) + QStringLiteral(" outside"));
    }
    return found;
}

QStringList overlaps(QWidget* root) {
    QStringList found;
    QList<QWidget*> parents = root->findChildren<QWidget*>();
    parents.append(root);
    for (QWidget* parent : parents) {
        if (!parent->layout() || (parent != root && !shown(parent, root)) ||
            qobject_cast<QMainWindow*>(parent) || qobject_cast<QStackedWidget*>(parent))
            continue;
        QList<QWidget*> laid;
        const std::function<void(QLayout*)> collect = [&](QLayout* layout) {
            for (int i = 0; i < layout->count(); ++i) {
                QLayoutItem* item = layout->itemAt(i);
                if (item->layout())
                    collect(item->layout());
                else if (item->widget() && shown(item->widget(), root))
                    laid.append(item->widget());
            }
        };
        collect(parent->layout());
        for (qsizetype i = 0; i < laid.size(); ++i) {
            for (qsizetype k = i + 1; k < laid.size(); ++k) {
                if (laid[i]->geometry().intersects(laid[k]->geometry()))
                    found.append(nameOf(laid[i]) + QStringLiteral(" on ") + nameOf(laid[k]));
            }
        }
    }
    return found;
}

QStringList coarseIcons(QWidget* root) {
    QStringList found;
    const qreal ratio = root->devicePixelRatioF();
    for (QWidget* widget : root->findChildren<QWidget*>()) {
        if (!shown(widget, root))
            continue;
        if (auto* button = qobject_cast<QAbstractButton*>(widget);
            button && !button->icon().isNull() && !button->objectName().startsWith(QLatin1String("qt_"))) {
            const QSize wanted = QSizeF(QSizeF(button->iconSize()) * ratio).toSize();
            const QSize there = button->icon().pixmap(button->iconSize(), ratio).size();
            if (there.width() < wanted.width() && there.height() < wanted.height())
                found.append(nameOf(widget) + widths(wanted.width(), there.width()));
        }
        if (auto* label = qobject_cast<QLabel*>(widget)) {
            const QPixmap picture = label->pixmap(Qt::ReturnByValue);
            if (!picture.isNull() && picture.devicePixelRatio() < ratio)
                found.append(nameOf(widget) + QStringLiteral(": a picture for another screen"));
        }
    }
    return found;
}

} // namespace limn
