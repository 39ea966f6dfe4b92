// SPDX-License-Identifier: GPL-3.0-or-later
// Dialog of the keys.
#include "ui/dialogs/keys_dialog.h"

#include <QFile>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QKeySequenceEdit>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTreeWidget>
#include <QVBoxLayout>

namespace limn {
namespace {

QString plain(QString text) {
    text.remove(QLatin1Char('&'));
    return text;
}

} // namespace

KeysDialog::KeysDialog(Commands& commands, QWidget* parent) : QDialog(parent), m_commands(commands) {
    setWindowTitle(tr("Keys"));
    setObjectName(QStringLiteral("keysDialog"));
    resize(620, 640);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 16, 16, 16);
    layout->setSpacing(10);
    m_search = new QLineEdit;
    m_search->setObjectName(QStringLiteral("keysSearch"));
    m_search->setPlaceholderText(tr("Search commands and keys"));
    m_search->setAccessibleName(tr("Search commands and keys"));
    m_search->setClearButtonEnabled(true);
    layout->addWidget(m_search);
    m_tree = new QTreeWidget;
    m_tree->setObjectName(QStringLiteral("keysTree"));
    m_tree->setColumnCount(2);
    m_tree->setAccessibleName(tr("Commands and their keys"));
    m_tree->setHeaderLabels({tr("Command"), tr("Keys")});
    m_tree->header()->setSectionResizeMode(0, QHeaderView::Stretch);
    m_tree->header()->setSectionResizeMode(1, QHeaderView::ResizeToContents);
    m_tree->header()->setStretchLastSection(false);
    m_tree->setRootIsDecorated(false);
    m_tree->setIndentation(14);
    layout->addWidget(m_tree, 1);
    auto* row = new QHBoxLayout;
    row->addWidget(new QLabel(tr("New key:")));
    m_record = new QKeySequenceEdit;
    m_record->setObjectName(QStringLiteral("recordKey"));
    m_record->setAccessibleName(tr("New key"));
    // Qt's own words may be there in English alone.
    if (auto* field = m_record->findChild<QLineEdit*>())
        field->setPlaceholderText(tr("Press the new key"));
    m_set = new QPushButton(tr("Set"));
    m_set->setObjectName(QStringLiteral("keysSet"));
    m_set->setProperty("primary", true);
    m_swap = new QPushButton(tr("Swap"));
    m_swap->setObjectName(QStringLiteral("keysSwap"));
    m_swap->hide();
    m_clear = new QPushButton(tr("No key"));
    m_clear->setObjectName(QStringLiteral("keysClear"));
    row->addWidget(m_record, 1);
    row->addWidget(m_set);
    row->addWidget(m_swap);
    row->addWidget(m_clear);
    layout->addLayout(row);
    m_message = new QLabel(tr("Choose a command, then press its new key."));
    m_message->setObjectName(QStringLiteral("keysMessage"));
    m_message->setProperty("muted", true);
    m_message->setWordWrap(true);
    layout->addWidget(m_message);
    auto* bottom = new QHBoxLayout;
    auto* reset = new QPushButton(tr("Reset all"));
    reset->setObjectName(QStringLiteral("keysReset"));
    auto* import = new QPushButton(tr("Import…"));
    auto* exportButton = new QPushButton(tr("Export…"));
    auto* close = new QPushButton(tr("Close"));
    bottom->addWidget(reset);
    bottom->addWidget(import);
    bottom->addWidget(exportButton);
    bottom->addStretch();
    bottom->addWidget(close);
    layout->addLayout(bottom);
    connect(close, &QPushButton::clicked, this, &QDialog::close);
    connect(reset, &QPushButton::clicked, &m_commands, &Commands::resetKeys);
    connect(exportButton, &QPushButton::clicked, this, [this] {
        const QString path = QFileDialog::getSaveFileName(
            this, tr("Export keys"), QStringLiteral("limn-keys.json"), tr("JSON (*.json)"));
        if (path.isEmpty())
            return;
        QFile file(path);
        const QByteArray bytes = m_commands.exportKeys();
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
            m_message->setText(tr("%1 could not be written: %2").arg(path, file.errorString()));
    });
    connect(import, &QPushButton::clicked, this, [this] {
        const QString path = QFileDialog::getOpenFileName(this, tr("Import keys"), {}, tr("JSON (*.json)"));
        if (path.isEmpty())
            return;
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly) || !m_commands.importKeys(file.read(1 << 20)))
            m_message->setText(tr("%1 contains no keys of Limn.").arg(path));
    });
    connect(m_search, &QLineEdit::textChanged, this, &KeysDialog::filter);
    connect(m_tree, &QTreeWidget::currentItemChanged, this, &KeysDialog::choose);
    connect(m_record, &QKeySequenceEdit::keySequenceChanged, this, &KeysDialog::choose);
    connect(m_set, &QPushButton::clicked, this, [this] { apply(false); });
    connect(m_swap, &QPushButton::clicked, this, [this] { apply(true); });
    connect(m_clear, &QPushButton::clicked, this, [this] {
        const QTreeWidgetItem* item = m_tree->currentItem();
        const QString id = item ? item->data(0, Qt::UserRole).toString() : QString();
        if (!id.isEmpty())
            m_commands.setKeys(id, {});
    });
    connect(&m_commands, &Commands::keysChanged, this, &KeysDialog::fill);
    fill();
}

void KeysDialog::fill() {
    const QString current =
        m_tree->currentItem() ? m_tree->currentItem()->data(0, Qt::UserRole).toString() : QString();
    m_tree->clear();
    QHash<QString, QTreeWidgetItem*> groups;
    const auto groupItem = [&](const QString& name) {
        QTreeWidgetItem*& item = groups[name];
        if (!item) {
            item = new QTreeWidgetItem(m_tree, {name});
            QFont font = item->font(0);
            font.setWeight(QFont::DemiBold);
            item->setFont(0, font);
            item->setFlags(Qt::ItemIsEnabled);
            item->setExpanded(true);
        }
        return item;
    };
    // Commands without an icon have the room of one, so that names stand below each other.
    QPixmap nothing(m_tree->iconSize().isValid() ? m_tree->iconSize() : QSize(16, 16));
    nothing.fill(Qt::transparent);
    for (const Command& c : m_commands.all()) {
        auto* item = new QTreeWidgetItem(groupItem(c.group));
        item->setText(0, plain(c.action->text()));
        item->setText(1, QKeySequence::listToString(c.action->shortcuts(), QKeySequence::NativeText)
                             .replace(QLatin1String("; "), QLatin1String("  ")));
        item->setData(0, Qt::UserRole, c.id);
        item->setIcon(0, c.action->icon().isNull() ? QIcon(nothing) : c.action->icon());
        if (c.id == current)
            m_tree->setCurrentItem(item);
    }
    for (const HeldKey& held : m_commands.held()) {
        auto* item = new QTreeWidgetItem(groupItem(held.group));
        item->setText(0, held.what);
        item->setIcon(0, QIcon(nothing));
        item->setText(1, held.keys);
        item->setFlags(Qt::ItemIsEnabled);
    }
    filter(m_search->text());
    choose();
}

void KeysDialog::filter(const QString& text) {
    for (int g = 0; g < m_tree->topLevelItemCount(); ++g) {
        QTreeWidgetItem* group = m_tree->topLevelItem(g);
        bool any = false;
        for (int i = 0; i < group->childCount(); ++i) {
            QTreeWidgetItem* item = group->child(i);
            const bool show = text.isEmpty() || item->text(0).contains(text, Qt::CaseInsensitive) ||
                              item->text(1).contains(text, Qt::CaseInsensitive);
            item->setHidden(!show);
            any = any || show;
        }
        group->setHidden(!any);
    }
}

void KeysDialog::choose() {
    const QTreeWidgetItem* item = m_tree->currentItem();
    const QString id = item ? item->data(0, Qt::UserRole).toString() : QString();
    const QKeySequence key = m_record->keySequence();
    m_set->setEnabled(!id.isEmpty() && !key.isEmpty());
    m_clear->setEnabled(!id.isEmpty());
    const Command* clash = key.isEmpty() ? nullptr : m_commands.commandFor(key, id);
    m_swap->setVisible(clash && !id.isEmpty());
    m_set->setVisible(!clash);
    if (clash)
        m_message->setText(tr("%1 is already used for \"%2\".")
                               .arg(key.toString(QKeySequence::NativeText), plain(clash->action->text())));
    else
        m_message->setText(tr("Choose a command, then press its new key."));
}

void KeysDialog::apply(bool swap) {
    const QTreeWidgetItem* item = m_tree->currentItem();
    const QString id = item ? item->data(0, Qt::UserRole).toString() : QString();
    const QKeySequence key = m_record->keySequence();
    QAction* action = m_commands.action(id);
    if (!action || key.isEmpty())
        return;
    if (swap) {
        if (const Command* clash = m_commands.commandFor(key, id)) {
            QList<QKeySequence> theirs = clash->action->shortcuts();
            theirs.removeAll(key);
            if (!action->shortcut().isEmpty())
                theirs.prepend(action->shortcut());
            m_commands.setKeys(clash->id, theirs);
        }
    }
    m_commands.setKeys(id, {key});
    m_record->clear();
}

} // namespace limn
