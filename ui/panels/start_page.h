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
    // The newest first; those that are missing offer to be located.
    void setRecent(const QStringList& paths);
    void setModelLine(const QString& text);

Q_SIGNALS:
    void openFolder();
    void openFiles();
    void openProject();
    void openDemo();
    void openRecent(const QString& path);
    void locateRecent(const QString& path);

private:
    void showRecent(const QStringList& missing);

    QStringList m_paths;
    QVBoxLayout* m_recent;
    QWidget* m_recentCard;
    QLabel* m_model;
};

} // namespace limn
