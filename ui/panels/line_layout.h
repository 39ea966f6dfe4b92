// SPDX-License-Identifier: GPL-3.0-or-later
// Controls beside each other, as wide as each wants to be or as narrow as it can; what then has no room
// begins another line. GUI thread.
#pragma once

#include <QLayout>
#include <QList>

namespace limn {

class LineLayout : public QLayout {
public:
    using QLayout::QLayout;
    ~LineLayout() override;

    // What follows stands at the far edge of its line.
    void addStretch();

    void addItem(QLayoutItem* item) override { m_items.append(item); }
    int count() const override { return static_cast<int>(m_items.size()); }
    QLayoutItem* itemAt(int index) const override { return m_items.value(index); }
    QLayoutItem* takeAt(int index) override;
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;
    QSize sizeHint() const override;
    QSize minimumSize() const override;
    void setGeometry(const QRect& rect) override;

private:
    int place(const QRect& rect, bool really) const; // the height

    QList<QLayoutItem*> m_items;
};

} // namespace limn
