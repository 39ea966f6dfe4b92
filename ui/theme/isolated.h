// SPDX-License-Identifier: GPL-3.0-or-later
// Figures and their units where the language around them runs from right to left. GUI thread.
#pragma once

#include <QGuiApplication>
#include <QString>

namespace limn {

// Unicode's marks around what keeps an order of its own (UAX 9).
constexpr QChar kIsolateEnd{u'\u2069'};
// From left to right, unless the unit's own letters run the other way. (The mark that finds out by itself
// takes a figure without letters, "100 %", for one of the language around.)
inline QChar isolateBegin(const QString& figure) {
    return QChar{figure.isRightToLeft() ? u'\u2067' : u'\u2066'};
}

// "100 px" stays "100 px": without the marks the number, which has no direction, goes to the other side.
inline QString isolated(const QString& figure) {
    return QGuiApplication::isRightToLeft() ? isolateBegin(figure) + figure + kIsolateEnd : figure;
}

// For what leaves the screen.
inline QString withoutIsolates(QString text) {
    return text.remove(QChar{u'\u2066'}).remove(QChar{u'\u2067'}).remove(kIsolateEnd);
}

// The same in a field for numbers.
template<typename SpinBox>
void setUnit(SpinBox* field, const QString& suffix) {
    if (QGuiApplication::isRightToLeft())
        field->setPrefix(isolateBegin(suffix));
    field->setSuffix(QGuiApplication::isRightToLeft() ? suffix + kIsolateEnd : suffix);
}

} // namespace limn
