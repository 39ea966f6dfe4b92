// SPDX-License-Identifier: GPL-3.0-or-later
// All commands with their keys: search, record another key, clashes named, reset, import, export. GUI thread.
#pragma once

#include "ui/window/commands.h"

#include <QDialog>

class QKeySequenceEdit;
class QLabel;
class QLineEdit;
class QPushButton;
class QTreeWidget;

namespace limn {

class KeysDialog : public QDialog {
    Q_OBJECT

public:
    explicit KeysDialog(Commands& commands, QWidget* parent = nullptr);

private:
    void fill();
    void filter(const QString& text);
    void choose();
    void apply(bool swap);

    Commands& m_commands;
    QLineEdit* m_search;
    QTreeWidget* m_tree;
    QKeySequenceEdit* m_record;
    QPushButton* m_set;
    QPushButton* m_swap;
    QPushButton* m_clear;
    QLabel* m_message;
};

} // namespace limn
