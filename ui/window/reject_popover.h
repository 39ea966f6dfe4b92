// SPDX-License-Identifier: GPL-3.0-or-later
// Why an image is rejected: a reason by digit, or words. A popover that holds up nothing. GUI thread.
#pragma once

#include <QFrame>

class QLineEdit;
class QListWidget;

namespace limn {

class RejectPopover : public QFrame {
    Q_OBJECT

public:
    explicit RejectPopover(QWidget* parent);
    // Beside the anchor, with the focus.
    void popUp(const QRect& anchorInParent);

Q_SIGNALS:
    void rejected(const QString& reason);

protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

private:
    void finish();

    QListWidget* m_reasons;
    QLineEdit* m_text;
};

} // namespace limn
