// SPDX-License-Identifier: GPL-3.0-or-later
// Proposal panel and histogram.
#include "ui/panels/proposal_panel.h"

#include "app/document/proposal_ops.h"
#include "ui/canvas/slider_keys.h"
#include "ui/panels/key_button.h"
#include "ui/session/sentences.h"
#include "ui/theme/theme.h"
#include "ui/window/commands.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPainter>
#include <QPainterPath>
#include <QPointer>
#include <QPushButton>
#include <QSlider>
#include <QToolButton>
#include <QVBoxLayout>
#include <QtConcurrent>

#include <algorithm>
#include <cmath>

namespace limn {
namespace {

constexpr int kBins = 64;

} // namespace

HistogramView::HistogramView(QWidget* parent) : QWidget(parent) {
    setFixedHeight(40);
    setAccessibleName(tr("Histogram of the proposal's probabilities"));
}

void HistogramView::setCounts(std::vector<std::size_t> counts) {
    m_counts = std::move(counts);
    update();
}

void HistogramView::setThreshold(double threshold) {
    m_threshold = threshold;
    update();
}

void HistogramView::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const Theme& theme = Theme::instance();
    // The slider's handle is 14 px wide: its middle runs from 7 to width - 7.
    const QRectF area(7, 2, width() - 14, height() - 3);
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.color("window"));
    painter.drawRoundedRect(QRectF(rect()), 5, 5);
    if (m_counts.empty())
        return;
    // The ends, background and sure inside, would hide everything else: the scale follows what is between.
    std::size_t highest = 1;
    for (std::size_t i = 1; i + 1 < m_counts.size(); ++i)
        highest = std::max(highest, m_counts[i]);
    const double step = area.width() / static_cast<double>(m_counts.size());
    for (std::size_t i = 0; i < m_counts.size(); ++i) {
        const double h =
            area.height() *
            std::min(1.0, std::sqrt(static_cast<double>(m_counts[i]) / static_cast<double>(highest)));
        const double middle = (static_cast<double>(i) + 0.5) / static_cast<double>(m_counts.size());
        painter.setBrush(theme.color(middle >= m_threshold ? "accent" : "border"));
        painter.drawRect(QRectF(area.left() + static_cast<double>(i) * step, area.bottom() - h,
                                std::max(1.0, step - 0.6), h));
    }
    painter.setPen(QPen(theme.color("text"), 1.4));
    const double x = area.left() + m_threshold * area.width();
    painter.drawLine(QPointF(x, 1), QPointF(x, height() - 1));
}

ProposalPanel::ProposalPanel(ReviewSession& session, Commands& commands, QWidget* parent)
    : QWidget(parent), m_session(session) {
    setObjectName(QStringLiteral("proposalPanel"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(6);
    m_choice = new QComboBox;
    m_choice->setObjectName(QStringLiteral("proposalChoice"));
    m_choice->setAccessibleName(tr("Which proposal is shown"));
    layout->addWidget(m_choice);
    m_status = new QLabel;
    m_status->setObjectName(QStringLiteral("proposalStatus"));
    m_status->setWordWrap(true);
    m_status->setProperty("muted", true);
    m_status->setOpenExternalLinks(false);
    layout->addWidget(m_status);

    m_chooseModel = new QPushButton(tr("Choose a model…"));
    m_chooseModel->setObjectName(QStringLiteral("chooseModel"));
    connect(m_chooseModel, &QPushButton::clicked, commands.action(QStringLiteral("chooseModel")),
            &QAction::trigger);
    layout->addWidget(m_chooseModel);

    m_controls = new QWidget;
    auto* controls = new QVBoxLayout(m_controls);
    controls->setContentsMargins(0, 0, 0, 0);
    controls->setSpacing(3);
    m_histogram = new HistogramView;
    controls->addWidget(m_histogram);
    m_slider = new QSlider(Qt::Horizontal);
    m_slider->setObjectName(QStringLiteral("threshold"));
    m_slider->setLayoutDirection(Qt::LeftToRight); // under the histogram, which is not mirrored
    m_slider->setAccessibleName(tr("Threshold"));
    m_slider->setToolTip(tr("Threshold (T). A double click restores the model's own"));
    m_slider->setRange(0, 100);
    m_slider->setSingleStep(1);
    m_slider->setPageStep(10);
    m_slider->installEventFilter(this);
    m_value = new QDoubleSpinBox;
    m_value->setRange(0, 1);
    m_value->setDecimals(2);
    m_value->setSingleStep(0.01);
    m_value->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_value->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    m_value->setAlignment(Qt::AlignRight);
    m_value->setAccessibleName(tr("Threshold"));
    m_value->setObjectName(QStringLiteral("thresholdValue"));
    auto* line = new QHBoxLayout;
    line->setContentsMargins(0, 0, 0, 0);
    line->addWidget(m_slider, 1);
    line->addWidget(m_value);
    controls->addLayout(line);
    layout->addWidget(m_controls);

    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(6);
    QAction* use = commands.action(QStringLiteral("useProposal"));
    m_use = new KeyButton(use);
    m_use->setIcon(Theme::icon(QStringLiteral("use")));
    m_use->setText(tr("Use"));
    m_use->setObjectName(QStringLiteral("useButton"));
    m_use->setToolTip(use->toolTip());
    m_run = new QToolButton;
    m_run->setDefaultAction(commands.action(QStringLiteral("runProposal")));
    Theme::sizeButton(m_run, {30, 30});
    auto* more = new QToolButton;
    more->setDefaultAction(commands.action(QStringLiteral("uncertaintyLayer")));
    Theme::sizeButton(more, {30, 30});
    buttons->addWidget(m_use, 1);
    buttons->addWidget(m_run);
    buttons->addWidget(more);
    layout->addLayout(buttons);

    connect(m_slider, &QSlider::valueChanged, this, [this](int value) {
        if (!m_updating && m_session.document())
            m_session.document()->setThreshold(static_cast<float>(value) / 100.0f);
    });
    connect(m_value, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        if (!m_updating && m_session.document())
            m_session.document()->setThreshold(static_cast<float>(value));
    });
    connect(m_choice, &QComboBox::activated, this, [this](int index) { m_session.chooseProposal(index); });
    connect(&session, &ReviewSession::proposalsChanged, this, &ProposalPanel::refresh);
    connect(&session, &ReviewSession::modelChanged, this, &ProposalPanel::refresh);
    connect(&session, &ReviewSession::currentChanged, this, &ProposalPanel::refresh);
    connect(&session, &ReviewSession::documentReady, this, &ProposalPanel::refresh);
    connect(&session, &ReviewSession::documentChanged, this, [this](const DocumentChange& change) {
        if (change.proposal)
            refresh();
        if (change.threshold || change.proposal)
            refreshThreshold();
    });
    refresh();
}

bool ProposalPanel::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_slider && event->type() == QEvent::MouseButtonDblClick && m_session.document()) {
        m_session.document()->resetThreshold();
        return true;
    }
    if (watched == m_slider && keepsSliderKey(event))
        return true;
    return QWidget::eventFilter(watched, event);
}

void ProposalPanel::refresh() {
    AnnotationDocument* document = m_session.document();
    const ProposalPtr proposal = document ? document->proposal() : nullptr;
    m_controls->setVisible(proposal != nullptr);
    m_use->setEnabled(proposal != nullptr);
    QString status;
    if (m_session.models().empty()) {
        status = tr("No model was found, so there are no proposals. Drawing by hand works. "
                    "Models are files NAME.safetensors in the folder \"models\" beside the program.");
    } else if (m_session.modelError()) {
        status = tr("The model could not be loaded: %1").arg(errorText(*m_session.modelError()));
    } else if (!m_session.hasProject()) {
        status = tr("Open images to see proposals.");
    } else if (m_session.proposalError() && !proposal) {
        status = errorText(*m_session.proposalError());
    } else if (m_session.proposalPending()) {
        status = m_session.modelInfo() ? tr("Computing a proposal…") : tr("Loading the model…");
    } else if (!proposal) {
        status = tr("No proposal for this image yet.");
    }
    m_status->setText(status);
    m_status->setVisible(!status.isEmpty());
    m_chooseModel->setVisible(m_session.models().empty() || m_session.modelError());
    m_choice->clear();
    int index = 0;
    const QLocale locale;
    for (const ProposalPtr& p : m_session.proposals()) {
        QString name = QString::fromStdString(p->model.name);
        const Size size = document ? document->size() : Size{};
        if (p->extent.width != size.width || p->extent.height != size.height)
            name += tr(" · detail %1×")
                        .arg(locale.toString(static_cast<double>(size.width) / std::max(1, p->extent.width),
                                             'f', 1));
        if (p->options.inputSize != 256)
            name += QStringLiteral(" · %1 px").arg(p->options.inputSize);
        if (p->options.flipAverage)
            name += tr(" · 4 mirrored copies");
        m_choice->addItem(name);
        if (p == proposal)
            m_choice->setCurrentIndex(index);
        ++index;
    }
    m_choice->setVisible(m_session.proposals().size() > 1);
    refreshThreshold();
    if (proposal && proposal != m_counted) {
        m_counted = proposal;
        m_histogram->setCounts({});
        QtConcurrent::run([proposal] {
            return probabilityHistogram(*proposal, kBins);
        }).then(this, [this, proposal](const std::vector<std::size_t>& counts) {
            if (m_counted == proposal)
                m_histogram->setCounts(counts);
        });
    } else if (!proposal) {
        m_counted.reset();
    }
}

void ProposalPanel::refreshThreshold() {
    const AnnotationDocument* document = m_session.document();
    if (!document)
        return;
    m_updating = true;
    const double threshold = document->threshold();
    m_slider->setValue(static_cast<int>(std::lround(threshold * 100)));
    m_value->setValue(threshold);
    m_histogram->setThreshold(threshold);
    m_updating = false;
}

} // namespace limn
