// SPDX-License-Identifier: GPL-3.0-or-later
// Rows of labels.
#include "ui/panels/label_panel.h"

#include "ui/panels/elided_label.h"
#include "ui/theme/theme.h"

#include <QColorDialog>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMouseEvent>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

namespace limn {
namespace {

// A row that answers a click anywhere.
class LabelRow : public QFrame {
public:
    LabelRow(std::function<void()> chosen, std::function<void()> renamed)
        : m_chosen(std::move(chosen)), m_renamed(std::move(renamed)) {
        setObjectName(QStringLiteral("labelRow"));
        setAttribute(Qt::WA_Hover);
    }

protected:
    void mousePressEvent(QMouseEvent* event) override {
        if (event->button() == Qt::LeftButton)
            m_chosen();
    }
    void mouseDoubleClickEvent(QMouseEvent*) override { m_renamed(); }

private:
    std::function<void()> m_chosen;
    std::function<void()> m_renamed;
};

QIcon swatch(const QColor& color, qreal ratio) {
    const int side = Theme::instance().scaled(16);
    QPixmap pixmap(QSize(side, side) * ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.scale(ratio * side / 16, ratio * side / 16);
    painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 1));
    painter.setBrush(color);
    painter.drawRoundedRect(QRectF(1, 1, 14, 14), 3.5, 3.5);
    painter.end();
    pixmap.setDevicePixelRatio(ratio);
    return QIcon(pixmap);
}

QToolButton* smallButton(const QString& icon, const char* token, const QString& tip) {
    auto* button = new QToolButton;
    button->setIcon(Theme::icon(icon, token));
    Theme::sizeButton(button, {28, 28}, 15);
    button->setToolTip(tip);
    button->setAccessibleName(tip);
    return button;
}

} // namespace

LabelPanel::LabelPanel(ReviewSession& session, QWidget* parent) : QWidget(parent), m_session(session) {
    setObjectName(QStringLiteral("labelPanel"));
    m_rows = new QVBoxLayout(this);
    m_rows->setContentsMargins(0, 0, 0, 0);
    m_rows->setSpacing(1);
    m_add = smallButton(QStringLiteral("plus"), "muted", tr("Add a label"));
    m_add->setObjectName(QStringLiteral("addLabel"));
    connect(m_add, &QToolButton::clicked, this, [this] {
        AnnotationDocument* document = m_session.document();
        if (!document)
            return;
        if (std::optional<Label> label = document->suggestLabel()) {
            label->name = tr("Label %1").arg(label->value).toStdString();
            if (document->setLabel(*label).ok()) {
                m_session.setActiveLabel(label->value);
                keepAsProjectLabels();
                rename(label->value);
            }
        }
    });
    connect(&session, &ReviewSession::documentReady, this, &LabelPanel::rebuild);
    connect(&session, &ReviewSession::currentChanged, this, [this] {
        m_renaming.reset();
        rebuild();
    });
    connect(&session, &ReviewSession::activeLabelChanged, this, &LabelPanel::rebuild);
    connect(&session, &ReviewSession::documentChanged, this, [this](const DocumentChange& change) {
        if (change.labels)
            rebuild();
    });
    connect(&Theme::instance(), &Theme::changed, this, &LabelPanel::rebuild);
}

void LabelPanel::edit(std::uint8_t value, const std::function<void(Label&)>& change) {
    AnnotationDocument* document = m_session.document();
    const Label* found = document ? document->findLabel(value) : nullptr;
    if (!found)
        return;
    Label label = *found;
    change(label);
    if (document->setLabel(label).ok())
        keepAsProjectLabels();
}

void LabelPanel::setLocked(std::uint8_t value, bool locked) {
    edit(value, [&](Label& label) { label.locked = locked; });
}

void LabelPanel::keepAsProjectLabels() {
    // New images of the project begin with the same labels.
    if (!m_session.hasProject() || !m_session.document())
        return;
    LabelSetRecord set;
    set.name = "project";
    for (const Label& label : m_session.document()->labelTable()) {
        LabelRecord record;
        record.value = label.value;
        record.name = label.name;
        record.colour = static_cast<std::uint32_t>(label.color.red) << 16 |
                        static_cast<std::uint32_t>(label.color.green) << 8 | label.color.blue;
        record.codeScheme = label.code.scheme;
        record.codeValue = label.code.value;
        record.codeMeaning = label.code.meaning;
        set.labels.push_back(std::move(record));
    }
    m_session.project()->setLabelSet(set);
}

void LabelPanel::rebuild() {
    if (m_building)
        return;
    m_building = true;
    while (QLayoutItem* item = m_rows->takeAt(0)) {
        if (item->widget()) {
            for (QObject* field : item->widget()->findChildren<QLineEdit*>()) {
                field->disconnect(this);
                field->setObjectName({}); // it is there until the loop goes round
            }
            item->widget()->hide();
            item->widget()->deleteLater();
        }
        delete item;
    }
    AnnotationDocument* document = m_session.document();
    m_add->setEnabled(document != nullptr);
    if (document) {
        int number = 0;
        for (const Label& label : document->labelTable()) {
            ++number;
            const std::uint8_t value = label.value;
            auto* row = new LabelRow([this, value] { m_session.setActiveLabel(value); },
                                     [this, value] { rename(value); });
            const bool active = value == m_session.activeLabel();
            row->setProperty("active", active);
            auto* layout = new QHBoxLayout(row);
            layout->setContentsMargins(6, 1, 2, 1);
            layout->setSpacing(4);
            auto* digit = new QLabel(number <= 9 ? QString::number(number) : QString());
            digit->setProperty("muted", true);
            digit->setMinimumWidth(12);
            digit->setToolTip(tr("Press %1 to choose this label").arg(number));
            auto* color = new QToolButton;
            color->setIcon(
                swatch(QColor(label.color.red, label.color.green, label.color.blue), devicePixelRatioF()));
            Theme::sizeButton(color, {28, 28}, 16);
            color->setToolTip(tr("Colour"));
            color->setAccessibleName(tr("Colour of %1").arg(QString::fromStdString(label.name)));
            connect(color, &QToolButton::clicked, this, [this, value] { chooseColor(value); });
            QWidget* name = nullptr;
            if (m_renaming == value) {
                auto* field = new QLineEdit(QString::fromStdString(label.name));
                field->setObjectName(QStringLiteral("labelName"));
                field->setAccessibleName(tr("Name of the label"));
                field->installEventFilter(this);
                connect(field, &QLineEdit::editingFinished, this,
                        [this, field] { endRenaming(field->text()); });
                name = field;
            } else {
                auto* text = new ElidedLabel(QString::fromStdString(label.name));
                QFont font = text->font();
                font.setWeight(active ? QFont::DemiBold : QFont::Normal);
                text->setFont(font);
                name = text;
            }
            auto* eye =
                smallButton(label.visible ? QStringLiteral("eye") : QStringLiteral("eye-off"),
                            label.visible ? "muted" : "warn", label.visible ? tr("Hide") : tr("Show"));
            connect(eye, &QToolButton::clicked, this, [this, value, visible = label.visible] {
                edit(value, [&](Label& x) { x.visible = !visible; });
            });
            auto* lock =
                smallButton(label.locked ? QStringLiteral("lock") : QStringLiteral("unlock"),
                            label.locked ? "warn" : "muted", label.locked ? tr("Unlock") : tr("Lock"));
            lock->setObjectName(QStringLiteral("lock%1").arg(value));
            connect(lock, &QToolButton::clicked, this,
                    [this, value, locked = label.locked] { setLocked(value, !locked); });
            layout->addWidget(digit);
            layout->addWidget(color);
            layout->addWidget(name, 1);
            layout->addWidget(eye);
            layout->addWidget(lock);
            row->setContextMenuPolicy(Qt::CustomContextMenu);
            connect(row, &QWidget::customContextMenuRequested, this, [this, row, value](const QPoint& p) {
                QMenu menu;
                menu.addAction(tr("Rename"), this, [this, value] { rename(value); });
                menu.addAction(Theme::icon(QStringLiteral("trash")), tr("Remove"), this, [this, value] {
                    if (m_session.document()) {
                        const Result<void> removed = m_session.document()->removeLabel(value);
                        if (removed)
                            keepAsProjectLabels();
                        else
                            Q_EMIT m_session.said(
                                tr("This label is in use and stays: clear its area first."));
                    }
                });
                menu.exec(row->mapToGlobal(p));
            });
            m_rows->addWidget(row);
        }
    }
    m_building = false;
}

void LabelPanel::rename(std::uint8_t value) {
    m_renaming = value;
    rebuild();
    if (auto* field = findChild<QLineEdit*>(QStringLiteral("labelName"))) {
        field->setFocus();
        field->selectAll();
    }
}

void LabelPanel::endRenaming(const QString& name) {
    // The field goes now, and its loss of the focus would say the same once more.
    const std::optional<std::uint8_t> value = std::exchange(m_renaming, std::nullopt);
    if (!value)
        return;
    if (!name.trimmed().isEmpty())
        edit(*value, [&](Label& x) { x.name = name.trimmed().toStdString(); });
    rebuild();
}

void LabelPanel::chooseColor(std::uint8_t value) {
    const Label* label = m_session.document() ? m_session.document()->findLabel(value) : nullptr;
    if (!label)
        return;
    const Color before = label->color;
    const auto set = [this, value](Color color) { edit(value, [&](Label& x) { x.color = color; }); };
    // Beside the image, which shows each colour while it is looked for.
    auto* dialog = new QColorDialog(QColor(before.red, before.green, before.blue), this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(tr("Colour of %1").arg(QString::fromStdString(label->name)));
    dialog->setModal(false);
    connect(dialog, &QColorDialog::currentColorChanged, this, [set](const QColor& color) {
        set({static_cast<std::uint8_t>(color.red()), static_cast<std::uint8_t>(color.green()),
             static_cast<std::uint8_t>(color.blue())});
    });
    connect(dialog, &QDialog::rejected, this, [set, before] { set(before); });
    connect(&m_session, &ReviewSession::currentChanged, dialog, [this, dialog] {
        dialog->disconnect(this); // what was chosen so far stays with the image it was chosen on
        dialog->close();
    });
    dialog->show();
}

bool LabelPanel::eventFilter(QObject* watched, QEvent* event) {
    auto* field = qobject_cast<QLineEdit*>(watched);
    if (field && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Escape || key == Qt::Key_Return || key == Qt::Key_Enter) {
            endRenaming(key == Qt::Key_Escape ? QString() : field->text());
            Q_EMIT finished();
            return true;
        }
    }
    return QWidget::eventFilter(watched, event);
}

} // namespace limn
