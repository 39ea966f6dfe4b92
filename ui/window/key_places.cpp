// SPDX-License-Identifier: GPL-3.0-or-later
// Places of keys.
#include "ui/window/key_places.h"

#include <QKeyEvent>

namespace limn {
namespace {

constexpr quint32 kPlaceOf1 = 10; // evdev's number and 8; the digits follow

} // namespace

int latinKey(const QKeyEvent& event) {
    if (event.key() < 0x80 || !QChar::isLetter(static_cast<char32_t>(event.key())))
        return 0;
    struct Row {
        quint32 first;
        const char* letters;
    };
    for (const Row& row : {Row{24, "QWERTYUIOP"}, Row{38, "ASDFGHJKL"}, Row{52, "ZXCVBNM"}}) {
        const quint32 at = event.nativeScanCode() - row.first;
        if (event.nativeScanCode() >= row.first && at < qstrlen(row.letters))
            return row.letters[at];
    }
    return 0;
}

int digitKey(const QKeyEvent& event) {
    if (event.key() >= Qt::Key_1 && event.key() <= Qt::Key_9)
        return event.key() - Qt::Key_0;
    const quint32 code = event.nativeScanCode();
    if (event.modifiers() == Qt::NoModifier && code >= kPlaceOf1 && code < kPlaceOf1 + 9)
        return static_cast<int>(code - kPlaceOf1) + 1;
    return 0;
}

} // namespace limn
