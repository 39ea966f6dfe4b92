// SPDX-License-Identifier: GPL-3.0-or-later
// Measuring and showing.
#include "ui/panels/measure_panel.h"

#include "ui/session/work_pools.h"
#include "ui/theme/isolated.h"

#include <QEvent>
#include <QLabel>
#include <QLocale>
#include <QMenu>
#include <QPushButton>
#include <QStyle>
#include <QVBoxLayout>

#include <algorithm>

namespace limn {
namespace {

constexpr int kDelayMs = 30; // an edit's figures follow within 100 ms

enum RowIndex {
    Area,
    Share,
    Perimeter,
    Longest,
    Across,
    Equivalent,
    Asymmetry,
    Circularity,
    Irregularity,
    Parts,
    MeanColor,
    kRows
};

constexpr int kBetween = 8; // columns
constexpr int kLeading = 2; // lines

} // namespace

FigureTable::FigureTable(QWidget* parent) : QWidget(parent) {
    QSizePolicy policy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

const FigureTable::Row& FigureTable::addRow(const QString& name, const QString& tip) {
    Row row{new QLabel(name, this), new QLabel(this), new QLabel(this)};
    row.name->setProperty("muted", true);
    for (QLabel* label : {row.name, row.px, row.mm})
        label->setToolTip(tip);
    for (QLabel* label : {row.px, row.mm}) {
        label->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
        label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    }
    m_rows.push_back(row);
    return m_rows.back();
}

FigureTable::Columns FigureTable::columns() const {
    Columns widest;
    for (const Row& row : m_rows) {
        widest.name = std::max(widest.name, row.name->sizeHint().width());
        widest.px = std::max(widest.px, row.px->sizeHint().width());
        if (!row.mm->text().isEmpty())
            widest.mm = std::max(widest.mm, row.mm->sizeHint().width());
    }
    return widest;
}

bool FigureTable::stacked(int width) const {
    const Columns c = columns();
    return c.mm > 0 && c.name + kBetween + c.px + kBetween + c.mm > width;
}

int FigureTable::place(int width, bool really) const {
    const Columns c = columns();
    const bool above = stacked(width);
    const auto put = [&](QLabel* label, const QRect& there) {
        if (really)
            label->setGeometry(QStyle::visualRect(layoutDirection(), QRect(0, 0, width, height()), there));
    };
    int y = 0;
    for (const Row& row : m_rows) {
        const int line = row.name->sizeHint().height();
        put(row.name, {0, y, c.name, line});
        const bool both = !row.mm->text().isEmpty();
        if (above) {
            const int room = width - c.name - kBetween;
            put(row.mm, both ? QRect(width - room, y, room, line) : QRect());
            y += both ? line : 0;
            put(row.px, {width - room, y, room, line});
        } else {
            const int mm = c.mm > 0 ? c.mm + kBetween : 0;
            put(row.px, {width - mm - c.px, y, c.px, line});
            put(row.mm, {width - c.mm, y, c.mm, line});
        }
        if (really) {
            // One of the two figures is the first to be read.
            const bool muted = above && both;
            if (row.px->property("muted").toBool() != muted) {
                row.px->setProperty("muted", muted);
                row.px->style()->unpolish(row.px);
                row.px->style()->polish(row.px);
            }
        }
        y += line + kLeading;
    }
    return std::max(0, y - kLeading);
}

int FigureTable::heightForWidth(int width) const {
    return place(width, false);
}

QSize FigureTable::sizeHint() const {
    const Columns c = columns();
    const int width = c.name + kBetween + c.px + (c.mm > 0 ? kBetween + c.mm : 0);
    return {width, heightForWidth(width)};
}

QSize FigureTable::minimumSizeHint() const {
    const Columns c = columns();
    const int width = c.name + kBetween + std::max(c.px, c.mm);
    return {width, heightForWidth(std::max(width, this->width()))};
}

void FigureTable::resizeEvent(QResizeEvent*) {
    place(width(), true);
}

bool FigureTable::event(QEvent* event) {
    // A figure has become longer or shorter.
    if (event->type() == QEvent::LayoutRequest) {
        updateGeometry();
        place(width(), true);
        return true;
    }
    return QWidget::event(event);
}

MeasurePanel::MeasurePanel(ReviewSession& session, QWidget* parent) : QWidget(parent), m_session(session) {
    setObjectName(QStringLiteral("measurePanel"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(4);
    m_empty = new QLabel(tr("Nothing is drawn in this label yet."));
    m_empty->setProperty("muted", true);
    m_empty->setWordWrap(true);
    layout->addWidget(m_empty);
    m_table = new FigureTable;
    const QStringList names = {tr("Area"),         tr("Share of image"), tr("Perimeter"),  tr("Longest ⌀"),
                               tr("Width across"), tr("Equivalent ⌀"),   tr("Asymmetry"),  tr("Circularity"),
                               tr("Irregularity"), tr("Parts, holes"),   tr("Mean colour")};
    const QStringList tips = {
        tr("Number of pixels"),
        tr("Area in % of the image"),
        tr("Length of the edge, holes included"),
        tr("Greatest distance between two points"),
        tr("Width at right angles to the longest diameter"),
        tr("Diameter of the disc of the same area"),
        tr("Area that does not cover itself when folded along the two principal axes, mean of both"),
        tr("4π · area / perimeter²: 1 for a disc"),
        tr("Perimeter² / (4π · area), outer edge: 1 for a disc"),
        tr("Connected parts and holes in them"),
        tr("Mean red, green, blue inside")};
    for (int i = 0; i < kRows; ++i) {
        const FigureTable::Row& row = m_table->addRow(names[i], tips[i]);
        for (QLabel* label : {row.name, row.px, row.mm}) {
            label->installEventFilter(this);
            label->setProperty("row", i);
        }
    }
    layout->addWidget(m_table);
    m_unit = new QPushButton;
    m_unit->setProperty("link", true);
    m_unit->setObjectName(QStringLiteral("unitChip"));
    layout->addWidget(m_unit, 0, Qt::AlignLeft);
    connect(m_unit, &QPushButton::clicked, this, &MeasurePanel::unitClicked);
    m_onePlane = new QLabel(tr("Endoscopy: millimetres hold in one plane only."));
    m_onePlane->setObjectName(QStringLiteral("onePlane"));
    m_onePlane->setProperty("warn", true);
    m_onePlane->setWordWrap(true);
    m_onePlane->setToolTip(
        tr("The image has no single scale: what is nearer to the endoscope looks larger. The "
           "figures hold at the distance of what was measured with the ruler."));
    layout->addWidget(m_onePlane);

    m_timer.setSingleShot(true);
    m_timer.setInterval(kDelayMs);
    connect(&m_timer, &QTimer::timeout, this, &MeasurePanel::compute);
    connect(&session, &ReviewSession::documentChanged, this, [this](const DocumentChange& change) {
        // A stroke's end brings new content; its pixels were announced while it was drawn. Figures of what
        // was there before would only keep a core busy.
        if (change.content) {
            stop();
            m_timer.start();
        }
    });
    connect(&session, &ReviewSession::documentReady, this, [this] { m_timer.start(); });
    connect(&session, &ReviewSession::activeLabelChanged, this, [this] { m_timer.start(); });
    connect(&session, &ReviewSession::spacingChanged, this, [this] { m_timer.start(); });
    connect(&session, &ReviewSession::currentChanged, this, [this] {
        m_measurements.reset();
        m_again = false;
        stop();
        show();
    });
    show();
}

MeasurePanel::~MeasurePanel() {
    stop();
}

void MeasurePanel::unitClicked() {
    if (!m_session.spacing()) {
        Q_EMIT calibrateRequested();
        return;
    }
    auto* menu = new QMenu(this);
    menu->setAttribute(Qt::WA_DeleteOnClose);
    menu->setObjectName(QStringLiteral("unitMenu"));
    menu->addAction(tr("Calibrate with the ruler…"), this, &MeasurePanel::calibrateRequested);
    QAction* remove =
        menu->addAction(tr("Remove the calibration"), &m_session, &ReviewSession::removeCalibration);
    remove->setObjectName(QStringLiteral("removeCalibration"));
    const std::optional<CalibrationRecord>& calibration = m_session.calibration();
    remove->setEnabled(calibration.has_value());
    if (!calibration)
        remove->setText(tr("The scale given by the file cannot be removed"));
    else if (calibration->image == 0)
        remove->setText(
            tr("Remove the calibration of all %n images of this size", nullptr, m_session.imagesOfCamera()));
    menu->popup(m_unit->mapToGlobal(QPoint(0, m_unit->height())));
}

void MeasurePanel::compute() {
    if (!m_session.ready())
        return;
    // Figures of what is no longer there interest nobody.
    if (m_computing) {
        m_again = true;
        m_computing->cancel();
        return;
    }
    m_computing = std::make_shared<CancelToken>();
    const TileMap labels = m_session.document()->labels();
    const std::uint8_t label = m_session.activeLabel();
    const std::optional<Spacing> spacing = m_session.spacing();
    const ImagePtr image = m_session.pyramid()->image;
    m_session.pools()
        .measuring
        .run([labels, label, spacing, image, cancel = m_computing] {
            MeasureOptions options;
            options.spacing = spacing;
            options.image = image.get();
            return measureLabel(labels, label, options, cancel.get());
        })
        .then(this, [this, cancel = m_computing](const LabelMeasurements& measurements) {
            m_computing.reset();
            if (!cancel->cancelled()) {
                m_measurements = measurements;
                show();
                Q_EMIT measured();
            }
            if (std::exchange(m_again, false))
                compute();
        });
}

void MeasurePanel::stop() {
    if (m_computing)
        m_computing->cancel();
}

void MeasurePanel::show() {
    const bool any = m_measurements && m_measurements->area.px > 0;
    m_table->setVisible(any);
    m_empty->setVisible(!any);
    m_unit->setVisible(m_session.ready());
    const std::optional<Spacing> spacing = m_session.spacing();
    m_unit->setText(spacing ? tr("mm, %1").arg(QString::fromStdString(spacing->source))
                            : tr("px · Calibrate…"));
    m_unit->setToolTip(spacing ? tr("Where the millimetres come from; a click changes or removes them")
                               : tr("Choose the ruler and click both ends of a known length"));
    m_onePlane->setVisible(spacing && m_session.imageKind() == ImageKind::Endoscopy);
    if (!any)
        return;
    const QLocale locale;
    const LabelMeasurements& m = *m_measurements;
    const auto set = [&](int row, const Measure& measure, bool area) {
        const FigureTable::Row& labels = m_table->rows()[static_cast<std::size_t>(row)];
        labels.px->setText(isolated(tr("%1 px").arg(locale.toString(measure.px, 'f', area ? 0 : 1))));
        labels.mm->setText(!measure.mm ? QString()
                           : area      ? isolated(tr("%1 mm²").arg(locale.toString(*measure.mm, 'f', 2)))
                                       : isolated(tr("%1 mm").arg(locale.toString(*measure.mm, 'f', 2))));
    };
    const auto text = [&](int row, const QString& value) {
        m_table->rows()[static_cast<std::size_t>(row)].px->setText(isolated(value));
        m_table->rows()[static_cast<std::size_t>(row)].mm->clear();
    };
    set(Area, m.area, true);
    text(Share, tr("%1 %").arg(locale.toString(m.percentOfImage, 'f', 2)));
    set(Perimeter, m.perimeter, false);
    set(Longest, m.longestDiameter.length, false);
    set(Across, m.widthAcross.length, false);
    set(Equivalent, m.equivalentDiameter, false);
    text(Asymmetry, tr("%1 %").arg(locale.toString(m.asymmetryPercent, 'f', 1)));
    text(Circularity, locale.toString(m.circularity, 'f', 2));
    text(Irregularity, locale.toString(m.borderIrregularity, 'f', 2));
    text(Parts, QStringLiteral("%1, %2").arg(locale.toString(m.parts), locale.toString(m.holes)));
    if (m.inside)
        text(MeanColor, QStringLiteral("%1 %2 %3")
                            .arg(qRound(m.inside->meanRgb[0]))
                            .arg(qRound(m.inside->meanRgb[1]))
                            .arg(qRound(m.inside->meanRgb[2])));
}

QString MeasurePanel::tableText() const {
    QStringList lines;
    for (const FigureTable::Row& row : m_table->rows())
        lines.append(QStringLiteral("%1\t%2\t%3").arg(row.name->text(), row.px->text(), row.mm->text()));
    return withoutIsolates(lines.join(QLatin1Char('\n')));
}

MeasureMark MeasurePanel::markOf(int row) const {
    const LabelMeasurements& m = *m_measurements;
    const auto line = [](const Axis& axis) { return QLineF(axis.from.x, axis.from.y, axis.to.x, axis.to.y); };
    MeasureMark mark;
    switch (row) {
    case Area:
    case Share:
    case MeanColor:
        mark.inside = true;
        break;
    case Perimeter:
    case Circularity:
    case Irregularity:
    case Parts:
        mark.edge = true;
        break;
    case Longest:
        mark.lines = {line(m.longestDiameter)};
        break;
    case Across:
        mark.lines = {line(m.widthAcross)};
        break;
    case Equivalent:
        mark.center = QPointF(m.centroid.x, m.centroid.y);
        mark.diameter = m.equivalentDiameter.px;
        break;
    case Asymmetry: {
        // The axes on which the area is folded, a little longer than it is.
        const QPointF center(m.centroid.x, m.centroid.y);
        const double reach = 0.6 * m.longestDiameter.length.px;
        for (const Point& axis : m.principalAxes) {
            const QPointF along = reach * QPointF(axis.x, axis.y);
            mark.lines.append(QLineF(center - along, center + along));
        }
        break;
    }
    default:
        break;
    }
    return mark;
}

bool MeasurePanel::eventFilter(QObject* watched, QEvent* event) {
    if (event->type() == QEvent::Enter && m_measurements)
        Q_EMIT pointedAt(markOf(watched->property("row").toInt()));
    else if (event->type() == QEvent::Leave)
        Q_EMIT pointedAt({});
    return QWidget::eventFilter(watched, event);
}

} // namespace limn
