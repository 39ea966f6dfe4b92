// SPDX-License-Identifier: GPL-3.0-or-later
// A line of text that gives way: what has no room ends in an ellipsis, and the whole of it is the tool tip.
// GUI thread.
#pragma once

#include <QLabel>

namespace limn {

class ElidedLabel : public QLabel {
    Q_OBJECT

public:
    explicit ElidedLabel(const QString& text = {}, Qt::TextElideMode mode = Qt::ElideRight,
                         QWidget* parent = nullptr);
    // Plain text, shown as it is; hides QLabel's.
    void setText(const QString& text);
    QSize minimumSizeHint() const override;
    // Whether an ellipsis stands for a part of the text.
    bool elided() const { return m_elided; }

protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    void fit();

    Qt::TextElideMode m_mode;
    bool m_elided = false;
};

} // namespace limn
