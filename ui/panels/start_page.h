// SPDX-License-Identifier: GPL-3.0-or-later
// What is shown while no project is open: where to drop, open, demo, recent. GUI thread.
#pragma once

#include <QFrame>
#include <QStringList>

class QLabel;
class QVBoxLayout;

namespace limn {

class StartPage : public QFrame {
    Q_OBJECT

public:
    explicit StartPage(QWidget* parent = nullptr);
    void setRecent(const QStringList& paths);
    void setModelLine(const QString& text);
    void setDropHint(const QString& text); // empty: nothing is dragged over the window

Q_SIGNALS:
    void openFolder();
    void openFiles();
    void openProject();
    void openDemo();
    void openRecent(const QString& path);
    void locateRecent(const QString& path);

private:
    QFrame* m_drop;
    QLabel* m_dropText;
    QVBoxLayout* m_recent;
    QWidget* m_recentCard;
    QLabel* m_model;
};

} // namespace limn
