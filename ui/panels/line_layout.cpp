// SPDX-License-Identifier: GPL-3.0-or-later
// Lines of controls.
#include "ui/panels/line_layout.h"

#include <QSpacerItem>
#include <QStyle>
#include <QWidget>

#include <algorithm>
#include <utility>

namespace limn {
namespace {

constexpr int kBetweenLines = 4;

} // namespace

LineLayout::~LineLayout() {
    qDeleteAll(m_items);
}

void LineLayout::addStretch() {
    addItem(new QSpacerItem(0, 0, QSizePolicy::Expanding));
}

QLayoutItem* LineLayout::takeAt(int index) {
    return index >= 0 && index < m_items.size() ? m_items.takeAt(index) : nullptr;
}

int LineLayout::heightForWidth(int width) const {
    return place(QRect(0, 0, width, 0), false);
}

QSize LineLayout::sizeHint() const {
    int width = -spacing();
    for (const QLayoutItem* item : m_items)
        width += item->sizeHint().width() + spacing();
    width += contentsMargins().left() + contentsMargins().right();
    return {width, heightForWidth(width)};
}

QSize LineLayout::minimumSize() const {
    QSize least;
    for (const QLayoutItem* item : m_items)
        least = least.expandedTo(item->minimumSize());
    return least.grownBy(contentsMargins());
}

void LineLayout::setGeometry(const QRect& rect) {
    QLayout::setGeometry(rect);
    place(rect, true);
}

int LineLayout::place(const QRect& rect, bool really) const {
    const QRect area = rect.marginsRemoved(contentsMargins());
    int y = area.top() + (really ? std::max(0, (rect.height() - heightForWidth(rect.width())) / 2) : 0);
    const int top = y;
    for (qsizetype first = 0, end = 0; first < m_items.size(); first = end) {
        int least = 0, height = 0, wanted = 0;
        for (end = first; end < m_items.size(); ++end) {
            const int between = end > first ? spacing() : 0;
            const int narrow = m_items[end]->minimumSize().width();
            if (end > first && least + between + narrow > area.width())
                break;
            least += between + narrow;
            wanted += between + std::max(narrow, m_items[end]->sizeHint().width());
            height = std::max(height, m_items[end]->sizeHint().height());
        }
        int extra = std::max(0, area.width() - least); // to be as wide as wanted
        int free = std::max(0, area.width() - wanted); // for a stretch
        int x = area.left();
        for (qsizetype i = first; really && i < end; ++i) {
            if (m_items[i]->spacerItem()) {
                x += std::exchange(free, 0) + spacing();
                continue;
            }
            const QSize hint = m_items[i]->sizeHint();
            const int narrow = m_items[i]->minimumSize().width();
            const int more = std::min(extra, std::max(0, hint.width() - narrow));
            extra -= more;
            const QRect there(x, y + (height - hint.height()) / 2, narrow + more, hint.height());
            m_items[i]->setGeometry(QStyle::visualRect(parentWidget()->layoutDirection(), rect, there));
            x += narrow + more + spacing();
        }
        y += height + (end < m_items.size() ? kBetweenLines : 0);
    }
    return y - top + contentsMargins().top() + contentsMargins().bottom();
}

} // namespace limn
