// SPDX-License-Identifier: GPL-3.0-or-later
// Commands and their keys.
#include "ui/window/commands.h"

#include "ui/theme/theme.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSettings>
#include <QWidget>

namespace limn {

QAction* Commands::add(const QString& group, const char* id, const QString& text, const QString& icon,
                       const char* keys, std::function<void()> run) {
    auto* action = new QAction(text, this);
    action->setObjectName(QLatin1String(id));
    if (!icon.isEmpty())
        action->setIcon(Theme::icon(icon));
    Command command{QLatin1String(id), group, action, {}};
    for (const QString& key : QString::fromLatin1(keys).split(QLatin1Char(' '), Qt::SkipEmptyParts))
        command.defaults.append(QKeySequence(key, QKeySequence::PortableText));
    action->setShortcuts(command.defaults);
    action->setShortcutContext(Qt::WindowShortcut);
    if (run)
        connect(action, &QAction::triggered, this, [run] { run(); });
    m_commands.push_back(command);
    updateToolTip(m_commands.back());
    if (auto* window = qobject_cast<QWidget*>(parent()))
        window->addAction(action);
    return action;
}

void Commands::addHeld(const QString& keys, const QString& group, const QString& what) {
    m_held.push_back({keys, group, what});
}

QAction* Commands::action(const QString& id) const {
    for (const Command& c : m_commands) {
        if (c.id == id)
            return c.action;
    }
    return nullptr;
}

void Commands::updateToolTip(Command& command) {
    QString plain = command.action->text();
    plain.remove(QLatin1Char('&'));
    if (plain.endsWith(QStringLiteral("…")))
        plain.chop(1);
    const QString key = command.action->shortcut().toString(QKeySequence::NativeText);
    command.action->setToolTip(key.isEmpty() ? plain : QStringLiteral("%1  (%2)").arg(plain, key));
}

void Commands::setKeys(const QString& id, const QList<QKeySequence>& keys) {
    QSettings settings;
    for (Command& c : m_commands) {
        if (c.id != id)
            continue;
        c.action->setShortcuts(keys);
        updateToolTip(c);
        const QString name = QStringLiteral("keys/%1").arg(id);
        if (keys == c.defaults)
            settings.remove(name);
        else
            settings.setValue(name, QKeySequence::listToString(keys, QKeySequence::PortableText));
    }
    Q_EMIT keysChanged();
}

void Commands::resetKeys() {
    QSettings().remove(QStringLiteral("keys"));
    for (Command& c : m_commands) {
        c.action->setShortcuts(c.defaults);
        updateToolTip(c);
    }
    Q_EMIT keysChanged();
}

const Command* Commands::commandFor(const QKeySequence& key, const QString& except) const {
    for (const Command& c : m_commands) {
        if (c.id != except && c.action->shortcuts().contains(key))
            return &c;
    }
    return nullptr;
}

void Commands::loadKeys() {
    const QSettings settings;
    for (Command& c : m_commands) {
        const QString name = QStringLiteral("keys/%1").arg(c.id);
        if (settings.contains(name)) {
            c.action->setShortcuts(
                QKeySequence::listFromString(settings.value(name).toString(), QKeySequence::PortableText));
            updateToolTip(c);
        }
    }
}

QByteArray Commands::exportKeys() const {
    QJsonObject keys;
    for (const Command& c : m_commands)
        keys.insert(c.id, QKeySequence::listToString(c.action->shortcuts(), QKeySequence::PortableText));
    return QJsonDocument(QJsonObject{{QStringLiteral("limnKeys"), keys}}).toJson();
}

bool Commands::importKeys(const QByteArray& json) {
    const QJsonValue keys = QJsonDocument::fromJson(json).object().value(QStringLiteral("limnKeys"));
    if (!keys.isObject())
        return false;
    const QJsonObject object = keys.toObject();
    for (auto it = object.begin(); it != object.end(); ++it) {
        if (action(it.key()))
            setKeys(it.key(),
                    QKeySequence::listFromString(it.value().toString(), QKeySequence::PortableText));
    }
    return true;
}

} // namespace limn
