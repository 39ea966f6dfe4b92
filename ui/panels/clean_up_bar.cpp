// SPDX-License-Identifier: GPL-3.0-or-later
// Parameters of clean-ups.
#include "ui/panels/clean_up_bar.h"

#include "app/document/mask_ops.h"
#include "ui/panels/line_layout.h"
#include "ui/session/work_pools.h"
#include "ui/theme/isolated.h"
#include "ui/theme/theme.h"

#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QPushButton>
#include <QSettings>
#include <QSlider>
#include <QVBoxLayout>

#include <cmath>

namespace limn {
namespace {

constexpr int kSteps = 200;

struct Range {
    double least;
    double most;
    int decimals;
    const char* setting;
};

// Smoothing by the edge's radius, specks and holes by the pixels they have.
Range rangeOf(StepKind kind) {
    switch (kind) {
    case StepKind::Smooth:
        return {0.5, 50.0, 1, "clean/smoothPx"};
    case StepKind::FillHoles:
        return {2.0, 200000.0, 0, "clean/holePixels"};
    default:
        return {2.0, 200000.0, 0, "clean/speckPixels"};
    }
}

double fallbackOf(StepKind kind, Size size) {
    switch (kind) {
    case StepKind::Smooth:
        return std::max(1.5, std::max(size.width, size.height) / 800.0);
    case StepKind::FillHoles:
        return 0; // of any size
    default:
        return static_cast<double>(std::max<std::size_t>(16, size.pixels() / 20000));
    }
}

} // namespace

CleanUpBar::CleanUpBar(ReviewSession& session, QWidget* parent) : QFrame(parent), m_session(session) {
    setObjectName(QStringLiteral("cleanUpBar"));
    auto* rows = new QVBoxLayout(this);
    rows->setContentsMargins(12, 6, 8, 6);
    rows->setSpacing(5);
    auto* head = new QHBoxLayout;
    head->setSpacing(12);
    rows->addLayout(head);
    auto* layout = new LineLayout;
    layout->setSpacing(10);
    rows->addLayout(layout);
    m_title = new QLabel;
    m_title->setProperty("heading", true);
    m_name = new QLabel;
    m_name->setProperty("muted", true);
    m_slider = new QSlider(Qt::Horizontal);
    m_slider->setRange(0, kSteps);
    m_slider->setFixedWidth(140);
    m_slider->setObjectName(QStringLiteral("cleanUpSlider"));
    m_value = new QDoubleSpinBox;
    m_value->setObjectName(QStringLiteral("cleanUpValue"));
    m_value->setAlignment(Qt::AlignRight);
    m_value->setButtonSymbols(QAbstractSpinBox::NoButtons);
    m_value->setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
    m_value->setKeyboardTracking(false);
    m_effect = new QLabel;
    m_effect->setObjectName(QStringLiteral("cleanUpEffect"));
    m_effect->setProperty("muted", true);
    m_apply = new QPushButton(tr("Apply (Enter)"));
    m_apply->setObjectName(QStringLiteral("cleanUpApply"));
    m_apply->setProperty("primary", true);
    auto* cancel = new QPushButton(tr("Cancel"));
    head->addWidget(m_title);
    head->addWidget(m_effect);
    head->addStretch();
    auto* size = new QWidget;
    auto* sizeRow = new QHBoxLayout(size);
    sizeRow->setContentsMargins(0, 0, 0, 0);
    sizeRow->setSpacing(10);
    for (QWidget* widget :
         {static_cast<QWidget*>(m_name), static_cast<QWidget*>(m_slider), static_cast<QWidget*>(m_value)})
        sizeRow->addWidget(widget);
    layout->addWidget(size);
    layout->addStretch();
    layout->addWidget(m_apply);
    layout->addWidget(cancel);
    connect(m_apply, &QPushButton::clicked, this, &CleanUpBar::apply);
    connect(cancel, &QPushButton::clicked, this, &CleanUpBar::cancel);
    connect(m_slider, &QSlider::valueChanged, this, [this](int step) {
        if (m_updating)
            return;
        m_value->setValue(valueOf(step));
    });
    connect(m_value, &QDoubleSpinBox::valueChanged, this, [this](double value) {
        m_updating = true;
        m_slider->setValue(stepOf(value));
        m_updating = false;
        if (m_active)
            m_timer.start();
    });
    m_timer.setSingleShot(true);
    m_timer.setInterval(30);
    connect(&m_timer, &QTimer::timeout, this, &CleanUpBar::compute);
    connect(&session, &ReviewSession::currentChanged, this, &CleanUpBar::cancel);
    connect(&session, &ReviewSession::agreeingChanged, this, &CleanUpBar::cancel);
    connect(&session, &ReviewSession::activeLabelChanged, &m_timer, qOverload<>(&QTimer::start));
    connect(&session, &ReviewSession::scopeChanged, &m_timer, qOverload<>(&QTimer::start));
    connect(&session, &ReviewSession::documentChanged, this, [this](const DocumentChange& change) {
        if (m_active && change.content && change.pixels)
            m_timer.start();
    });
    setVisible(false);
}

CleanUpBar::~CleanUpBar() {
    stop();
}

void CleanUpBar::begin(StepKind kind) {
    if (!m_session.document())
        return;
    if (m_active && m_kind == kind) {
        apply();
        return;
    }
    m_kind = kind;
    const Range range = rangeOf(kind);
    const bool holes = kind == StepKind::FillHoles;
    m_title->setText(kind == StepKind::Smooth ? tr("Smooth edge")
                     : holes                  ? tr("Fill holes")
                                              : tr("Remove specks"));
    const QString name = kind == StepKind::Smooth ? tr("Radius") : holes ? tr("Up to") : tr("Smaller than");
    m_name->setText(name);
    m_slider->setAccessibleName(name);
    m_value->setAccessibleName(name);
    // Before the range: what is kept from the last tool may not fit into it.
    m_value->setSpecialValueText(holes ? tr("any size") : QString());
    m_value->setRange(holes ? 0 : range.least, range.most);
    m_value->setDecimals(range.decimals);
    setUnit(m_value, tr(" px"));
    m_active = true;
    m_applyWhenReady = false;
    m_value->setValue(QSettings()
                          .value(QLatin1String(range.setting), fallbackOf(kind, m_session.document()->size()))
                          .toDouble());
    m_effect->clear();
    setVisible(true);
    compute();
}

// Any size of a hole stands at the slider's end, and as 0 in the field.
int CleanUpBar::stepOf(double value) const {
    const Range range = rangeOf(m_kind);
    if (value < range.least)
        return kSteps;
    return static_cast<int>(
        std::lround(kSteps * std::log(value / range.least) / std::log(range.most / range.least)));
}

double CleanUpBar::valueOf(int step) const {
    const Range range = rangeOf(m_kind);
    if (m_kind == StepKind::FillHoles && step == kSteps)
        return 0;
    return range.least * std::pow(range.most / range.least, step / double(kSteps));
}

void CleanUpBar::compute() {
    AnnotationDocument* document = m_session.document();
    if (!m_active || !document)
        return;
    // Nobody waits for the value before it any more.
    stop();
    m_computing = std::make_shared<CancelToken>();
    m_session.pools()
        .cleaning
        .run([labels = document->snapshot().labels, label = m_session.activeLabel(),
              scope = m_session.scope(), kind = m_kind, value = m_value->value(), cancel = m_computing] {
            switch (kind) {
            case StepKind::Smooth:
                return smooth(labels, label, value, scope.get(), cancel.get());
            case StepKind::FillHoles:
                return fillHoles(labels, label, scope.get(), static_cast<std::size_t>(value), cancel.get());
            default:
                return removeSmall(labels, label, static_cast<std::size_t>(value), scope.get(), cancel.get());
            }
        })
        .then(this, [this, cancel = m_computing](const MaskEdit& change) {
            if (cancel->cancelled())
                return;
            m_computing.reset();
            show(change);
            if (m_applyWhenReady)
                apply();
        });
}

void CleanUpBar::stop() {
    if (m_computing)
        m_computing->cancel();
    m_computing.reset();
}

void CleanUpBar::show(const MaskEdit& change) {
    m_change = change;
    const QLocale locale;
    m_effect->setText(change.empty() ? tr("changes nothing")
                                     : tr("adds %1 px, removes %2 px")
                                           .arg(locale.toString(qulonglong(change.add.pixels())),
                                                locale.toString(qulonglong(change.remove.pixels()))));
    Q_EMIT previewChanged(change);
}

void CleanUpBar::apply() {
    if (!m_active)
        return;
    if (m_timer.isActive()) {
        m_timer.stop();
        compute();
    }
    // What is applied is what the value says, even if its preview is still being computed.
    if (m_computing) {
        m_applyWhenReady = true;
        return;
    }
    QSettings().setValue(QLatin1String(rangeOf(m_kind).setting), m_value->value());
    const MaskEdit change = m_change;
    const StepKind kind = m_kind;
    end();
    Q_EMIT applied(kind, change);
}

void CleanUpBar::cancel() {
    if (m_active)
        end();
}

void CleanUpBar::end() {
    m_active = false;
    m_applyWhenReady = false;
    m_timer.stop();
    stop();
    m_change = {};
    setVisible(false);
    Q_EMIT previewChanged({});
    Q_EMIT ended();
}

} // namespace limn
