// SPDX-License-Identifier: GPL-3.0-or-later
// Every command of the program: one QAction each, shared by menu, button and key, with its default keys and
// the keys that the person chose instead. GUI thread.
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <QString>

#include <functional>
#include <vector>

namespace limn {

struct Command {
    QString id;    // stable: settings and tests use it; also the action's object name
    QString group; // as listed in the keys' dialog
    QAction* action = nullptr;
    QList<QKeySequence> defaults;
};

// A key that works while it is held; no QAction, but listed beside them.
struct HeldKey {
    QString keys;
    QString group;
    QString what;
};

class Commands : public QObject {
    Q_OBJECT

public:
    explicit Commands(QObject* parent) : QObject(parent) {}

    // `keys` in portable text, several separated by blanks.
    QAction* add(const QString& group, const char* id, const QString& text, const QString& icon,
                 const char* keys, std::function<void()> run);
    void addHeld(const QString& keys, const QString& group, const QString& what);
    // Null: no such command.
    QAction* action(const QString& id) const;
    const std::vector<Command>& all() const { return m_commands; }
    const std::vector<HeldKey>& held() const { return m_held; }

    // Keys chosen by the person replace the defaults and are kept. An empty list takes the keys away.
    void setKeys(const QString& id, const QList<QKeySequence>& keys);
    void resetKeys();
    // The command that has this key; null: none.
    const Command* commandFor(const QKeySequence& key, const QString& except = {}) const;
    void loadKeys();
    QByteArray exportKeys() const;
    // False: not a file of keys.
    bool importKeys(const QByteArray& json);

Q_SIGNALS:
    void keysChanged();

private:
    void updateToolTip(Command& command);

    std::vector<Command> m_commands;
    std::vector<HeldKey> m_held;
};

} // namespace limn
