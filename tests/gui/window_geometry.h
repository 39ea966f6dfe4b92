// SPDX-License-Identifier: GPL-3.0-or-later
// What of a window is cut, covered or drawn too coarsely: one line for each, naming the widget. Asked by the
// tests of languages, text sizes, screens and directions. GUI thread.
#pragma once

#include <QString>
#include <QStringList>

class QWidget;

namespace limn {

// The text that a label, a button or a box of a group shows.
QString textOf(const QWidget* widget);
// "parent/parent/widget "text"", for messages of tests.
QString nameOf(const QWidget* widget);

// Texts that are wider or higher than the place they have, widgets that stick out of their parents, menus and
// tabs that are behind an arrow, fields that cannot show their longest number.
QStringList cutTexts(QWidget* root);
// Widgets of one layout that lie on each other.
QStringList overlaps(QWidget* root);
// Icons and pictures with fewer pixels than the place where they are drawn has.
QStringList coarseIcons(QWidget* root);

} // namespace limn
