// SPDX-License-Identifier: GPL-3.0-or-later
// Buttons of the agreement.
#include "ui/panels/agreement_bar.h"

#include "ui/panels/line_layout.h"
#include "ui/theme/theme.h"
#include "ui/window/commands.h"

#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QToolButton>

namespace limn {

AgreementBar::AgreementBar(AgreementWork& work, ImageVersions& versions, Commands& commands, QWidget* parent)
    : QFrame(parent), m_work(work), m_versions(versions) {
    setObjectName(QStringLiteral("agreementBar"));
    auto* layout = new LineLayout(this);
    layout->setContentsMargins(12, 5, 8, 5);
    layout->setSpacing(8);
    m_text = new QLabel;
    m_text->setObjectName(QStringLiteral("agreementText"));
    layout->addWidget(m_text);
    const auto step = [&](const char* id) {
        auto* button = new QToolButton;
        button->setDefaultAction(commands.action(QLatin1String(id)));
        Theme::sizeButton(button, {28, 28});
        layout->addWidget(button);
    };
    step("previousArea");
    step("nextArea");
    layout->addStretch();
    const auto decide = [&](const char* name, const char* id) {
        auto* button = new QPushButton;
        button->setObjectName(QLatin1String(name));
        button->setCheckable(true);
        QAction* action = commands.action(QLatin1String(id));
        button->setToolTip(action->toolTip());
        connect(button, &QPushButton::clicked, action, &QAction::trigger);
        layout->addWidget(button);
        return button;
    };
    m_first = decide("takeFirst", "takeFirst");
    m_second = decide("takeSecond", "takeSecond");
    m_byHand = decide("takeByHand", "takeByHand");
    m_byHand->setText(tr("By hand"));
    auto* close = new QToolButton;
    close->setIcon(Theme::icon(QStringLiteral("close")));
    close->setToolTip(tr("Leave; decisions made so far are kept"));
    close->setAccessibleName(tr("Leave the agreement"));
    Theme::sizeButton(close, {28, 28});
    layout->addWidget(close);
    connect(close, &QToolButton::clicked, &work, &AgreementWork::leave);
    connect(&work, &AgreementWork::changed, this, &AgreementBar::refresh);
    connect(&work, &AgreementWork::areaChanged, this, &AgreementBar::refresh);
    refresh();
}

void AgreementBar::refresh() {
    setVisible(m_work.active());
    if (!m_work.active())
        return;
    const QLocale locale;
    const int count = static_cast<int>(m_work.areas().size());
    const int open = m_work.openAreas();
    if (m_work.index() < 0) {
        m_text->setText(tr("The two annotations are identical."));
    } else {
        const DisputedArea& area = m_work.areas()[static_cast<std::size_t>(m_work.index())];
        m_text->setText(tr("Area %1 of %2, %3 px · %4")
                            .arg(locale.toString(m_work.index() + 1), locale.toString(count),
                                 locale.toString(qulonglong(area.area.pixels())),
                                 open == 0 ? tr("all decided") : tr("%n open", nullptr, open)));
    }
    using Decision = AgreementWork::Decision;
    const Decision decision = m_work.index() < 0 ? Decision::Open : m_work.decision(m_work.index());
    m_first->setText(tr("A: %1").arg(m_versions.personName(m_work.first())));
    m_second->setText(tr("B: %1").arg(m_versions.personName(m_work.second())));
    for (QPushButton* button : {m_first, m_second, m_byHand})
        button->setEnabled(m_work.index() >= 0);
    m_first->setChecked(decision == Decision::First);
    m_second->setChecked(decision == Decision::Second);
    m_byHand->setChecked(decision == Decision::ByHand);
}

} // namespace limn
