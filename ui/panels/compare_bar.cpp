// SPDX-License-Identifier: GPL-3.0-or-later
// Choices and figures of a comparison.
#include "ui/panels/compare_bar.h"

#include "ui/panels/elided_combo_box.h"
#include "ui/theme/theme.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QToolButton>
#include <QVBoxLayout>

namespace limn {
namespace {

// As the difference is drawn: filled white, hatched either way in the colours of the two sides.
QPixmap keyOf(int which, qreal ratio) {
    QPixmap pixmap(QSize(14, 14) * ratio);
    pixmap.setDevicePixelRatio(ratio);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    static const QColor colors[] = {QColor(0xFF, 0xFF, 0xFF), QColor(0x56, 0xB4, 0xE9),
                                    QColor(0xE6, 0x9F, 0x00)};
    painter.setPen(QPen(QColor(0x10, 0x10, 0x10), 1));
    painter.setBrush(which == 0 ? colors[0] : colors[which].darker(190));
    painter.drawRoundedRect(QRectF(0.5, 0.5, 13, 13), 3, 3);
    if (which != 0) {
        painter.setPen(QPen(colors[which], 1.6));
        painter.setClipRect(QRectF(1, 1, 12, 12));
        for (int i = -14; i < 28; i += 5)
            which == 1 ? painter.drawLine(i, 14, i + 14, 0) : painter.drawLine(i, 0, i + 14, 14);
    }
    return pixmap;
}

} // namespace

CompareBar::CompareBar(Comparison& comparison, QWidget* parent) : QFrame(parent), m_comparison(comparison) {
    setObjectName(QStringLiteral("compareBar"));
    // Two rows, so that the canvas keeps its width beside narrow panes.
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(12, 5, 8, 6);
    rows->setSpacing(5);
    auto* layout = new QHBoxLayout;
    layout->setSpacing(8);
    rows->addLayout(layout);
    auto* second = new QHBoxLayout;
    second->setSpacing(10);
    rows->addLayout(second);
    const QString names[] = {tr("A"), tr("B")};
    for (const Comparison::Side side : {Comparison::A, Comparison::B}) {
        auto* letter = new QLabel(names[side]);
        letter->setProperty("heading", true);
        m_boxes[side] = new ElidedComboBox(8);
        m_boxes[side]->setObjectName(side == Comparison::A ? QStringLiteral("compareA")
                                                           : QStringLiteral("compareB"));
        m_boxes[side]->setAccessibleName(side == Comparison::A ? tr("Side A of the comparison")
                                                               : tr("Side B of the comparison"));
        m_boxes[side]->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
        m_boxes[side]->setMaximumWidth(320);
        layout->addWidget(letter);
        layout->addWidget(m_boxes[side], 2);
        connect(m_boxes[side], &QComboBox::activated, this, [this, side](int index) {
            const auto& sources = m_comparison.sources();
            if (index >= 0 && index < static_cast<int>(sources.size()))
                m_comparison.choose(side, sources[static_cast<std::size_t>(index)]);
        });
    }
    m_figures = new QLabel;
    m_figures->setObjectName(QStringLiteral("compareFigures"));
    m_figures->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_figures->setFocusPolicy(Qt::NoFocus);
    layout->addStretch(1);
    second->addWidget(m_figures);
    second->addStretch(1);
    for (int i = 0; i < 3; ++i) {
        auto* picture = new QLabel;
        picture->setPixmap(keyOf(i, devicePixelRatioF()));
        m_keys[i] = picture;
        const QString words[] = {tr("Both"), tr("Only A"), tr("Only B")};
        picture->setToolTip(words[i]);
        picture->setAccessibleName(words[i]);
        auto* text = new QLabel(words[i]);
        text->setProperty("muted", true);
        text->setBuddy(picture);
        auto* pair = new QWidget;
        auto* row = new QHBoxLayout(pair);
        row->setContentsMargins(0, 0, 0, 0);
        row->setSpacing(5);
        row->addWidget(picture);
        row->addWidget(text);
        m_keys[i] = picture;
        second->addWidget(pair);
    }
    auto* close = new QToolButton;
    close->setIcon(Theme::icon(QStringLiteral("close")));
    close->setToolTip(tr("End the comparison"));
    close->setAccessibleName(tr("End the comparison"));
    Theme::sizeButton(close, {28, 28});
    layout->addWidget(close);
    connect(close, &QToolButton::clicked, this, &CompareBar::closed);
    connect(&comparison, &Comparison::sourcesChanged, this, &CompareBar::refreshChoices);
    connect(&comparison, &Comparison::changed, this, &CompareBar::refreshChoices);
    connect(&comparison, &Comparison::figuresChanged, this, &CompareBar::refreshFigures);
    refreshChoices();
    refreshFigures();
    setDifferenceShown(false);
}

void CompareBar::setDifferenceShown(bool on) {
    m_difference = on;
    for (QLabel* key : m_keys)
        key->parentWidget()->setVisible(on);
}

void CompareBar::refreshChoices() {
    for (const Comparison::Side side : {Comparison::A, Comparison::B}) {
        QComboBox* box = m_boxes[side];
        box->clear();
        int chosen = -1;
        for (const CompareSource& source : m_comparison.sources()) {
            if (source.same(m_comparison.chosen(side)))
                chosen = box->count();
            box->addItem(source.name);
        }
        if (chosen < 0) {
            // Nothing of it on this image: the name stays, and the side is empty.
            box->addItem(tr("%1 (nothing here)").arg(m_comparison.chosen(side).name));
            chosen = box->count() - 1;
        }
        box->setCurrentIndex(chosen);
        box->setToolTip(box->currentText());
    }
}

void CompareBar::refreshFigures() {
    const std::optional<Agreement>& figures = m_comparison.figures();
    if (!figures) {
        m_figures->clear();
        return;
    }
    const bool emptyA = figures->both + figures->onlyFirst == 0;
    const bool emptyB = figures->both + figures->onlySecond == 0;
    if (emptyA || emptyB) {
        m_figures->setText(emptyA && emptyB ? tr("Both sides are empty.")
                           : emptyA         ? tr("A is empty: there is nothing to compare B with.")
                                            : tr("B is empty: there is nothing to compare A with."));
        m_figures->setToolTip({});
        return;
    }
    const QLocale locale;
    m_figures->setText(tr("Dice %1   IoU %2   HD95 %3 px")
                           .arg(locale.toString(figures->dice, 'f', 3), locale.toString(figures->iou, 'f', 3),
                                locale.toString(figures->hd95Px, 'f', 1)));
    m_figures->setToolTip(tr("Both %1 px, only A %2 px, only B %3 px")
                              .arg(locale.toString(qulonglong(figures->both)),
                                   locale.toString(qulonglong(figures->onlyFirst)),
                                   locale.toString(qulonglong(figures->onlySecond))));
}

} // namespace limn
