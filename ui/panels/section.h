// SPDX-License-Identifier: GPL-3.0-or-later
// A titled part of the side pane that folds away and remembers it. GUI thread.
#pragma once

#include <QHBoxLayout>
#include <QWidget>

class QToolButton;
class QVBoxLayout;

namespace limn {

class Section : public QWidget {
    Q_OBJECT

public:
    // `id` names the setting that keeps it folded or open.
    Section(const QString& id, const QString& title, QWidget* parent = nullptr);
    QVBoxLayout* body() const { return m_bodyLayout; }
    // Buttons at the right end of the title.
    void addToHeader(QWidget* widget);
    bool isOpen() const;
    void setOpen(bool open);

Q_SIGNALS:
    void toggled(bool open);

private:
    void showArrow();

    QString m_id;
    QToolButton* m_title;
    QHBoxLayout* m_header;
    QWidget* m_body;
    QVBoxLayout* m_bodyLayout;
};

} // namespace limn
