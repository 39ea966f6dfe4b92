// SPDX-License-Identifier: GPL-3.0-or-later
// Export dialog.
#include "ui/dialogs/export_dialog.h"

#include "app/proposals/time_left.h"
#include "ui/panels/elided_label.h"
#include "ui/session/sentences.h"
#include "ui/session/state_words.h"
#include "ui/theme/isolated.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QClipboard>
#include <QCloseEvent>
#include <QComboBox>
#include <QDesktopServices>
#include <QDir>
#include <QFileDialog>
#include <QFormLayout>
#include <QGridLayout>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QScreen>
#include <QScrollArea>
#include <QSettings>
#include <QSpinBox>
#include <QStackedWidget>
#include <QStyle>
#include <QTimer>
#include <QTreeWidget>
#include <QUrl>
#include <QVBoxLayout>

#include <algorithm>

namespace limn {
namespace {

constexpr QLatin1String kPresets("exportPresets");
constexpr QLatin1String kLast("exportLast");
constexpr int kPathRole = Qt::UserRole;
constexpr int kShortHash = 8;
constexpr int kWidth = 620, kHeight = 600;
constexpr int kFrame = 40; // what the desktop draws around a window

QString formatTitle(ExportFormat format) {
    switch (format) {
    case ExportFormat::Masks:
        return ExportDialog::tr("Masks, 0 and 255");
    case ExportFormat::LabelMaps:
        return ExportDialog::tr("Label maps");
    case ExportFormat::Table:
        return ExportDialog::tr("Table of labels and states");
    case ExportFormat::Coco:
        return ExportDialog::tr("COCO");
    case ExportFormat::Labelme:
        return ExportDialog::tr("labelme");
    case ExportFormat::Yolo:
        return ExportDialog::tr("YOLO segmentation");
    case ExportFormat::Overlays:
        return ExportDialog::tr("Overlays");
    case ExportFormat::Probability:
        return ExportDialog::tr("Probability maps");
    case ExportFormat::Images:
        return ExportDialog::tr("Images without metadata");
    }
    return QString::fromUtf8(exportFormatName(format).data());
}

QString formatHint(ExportFormat format) {
    switch (format) {
    case ExportFormat::Masks:
        return ExportDialog::tr(
            "One PNG per image: 255 inside any label, 0 elsewhere, as in the ISIC archive");
    case ExportFormat::LabelMaps:
        return ExportDialog::tr("One PNG per image with the labels' values");
    case ExportFormat::Table:
        return ExportDialog::tr(
            "annotations.csv: a row for each label of each image, with state, area, shape, "
            "people and models");
    case ExportFormat::Coco:
        return ExportDialog::tr("coco.json for all images: polygons, or run lengths where there are holes");
    case ExportFormat::Labelme:
        return ExportDialog::tr("One JSON file per image, as labelme reads it");
    case ExportFormat::Yolo:
        return ExportDialog::tr("Polygons in text files with data.yaml");
    case ExportFormat::Overlays:
        return ExportDialog::tr("One JPEG per image with the outlines drawn in");
    case ExportFormat::Probability:
        return ExportDialog::tr("One 16-bit PNG per image: the model's probability times 65535, also for "
                                "images that nobody has annotated");
    case ExportFormat::Images:
        return ExportDialog::tr("The image as it is shown, as PNG, without EXIF or other metadata");
    }
    return {};
}

QString resultWord(ExportResult result) {
    switch (result) {
    case ExportResult::Written:
        return ExportDialog::tr("written");
    case ExportResult::Skipped:
        return ExportDialog::tr("already there, skipped");
    case ExportResult::Unannotated:
        return ExportDialog::tr("no annotation");
    case ExportResult::Failed:
        return ExportDialog::tr("not written");
    case ExportResult::NotReached:
        return ExportDialog::tr("not reached");
    }
    return {};
}

// Several controls that are one row of the form.
QHBoxLayout* rowIn(QWidget* page) {
    auto* row = new QHBoxLayout(page);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(8);
    return row;
}

} // namespace

ExportDialog::ExportDialog(ReviewSession& session, std::vector<ImageId> selected, bool startWithSelection,
                           QWidget* parent)
    : QDialog(parent), m_session(session), m_selected(std::move(selected)) {
    setWindowTitle(tr("Export"));
    setObjectName(QStringLiteral("exportDialog"));
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 14, 16, 16);
    layout->setSpacing(12);
    m_pages = new QStackedWidget;
    layout->addWidget(m_pages, 1);
    makeForm();
    makeResults();

    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(8);
    m_copy = new QPushButton(tr("Copy as limn-cli"));
    m_copy->setObjectName(QStringLiteral("exportCopy"));
    m_copy->setToolTip(tr("The command that writes the same files without the window"));
    m_back = new QPushButton(tr("Back"));
    m_back->setObjectName(QStringLiteral("exportBack"));
    m_openFolder = new QPushButton(tr("Open folder"));
    m_openFolder->setObjectName(QStringLiteral("exportOpenFolder"));
    m_retry = new QPushButton(tr("Retry these"));
    m_retry->setObjectName(QStringLiteral("exportRetry"));
    m_cancel = new QPushButton(tr("Close"));
    m_cancel->setObjectName(QStringLiteral("exportCancel"));
    m_start = new QPushButton(tr("Export"));
    m_start->setObjectName(QStringLiteral("exportStart"));
    m_start->setProperty("primary", true);
    m_start->setDefault(true);
    for (QPushButton* button : {m_copy, m_back, m_openFolder, m_retry})
        buttons->addWidget(button);
    buttons->addStretch();
    buttons->addWidget(m_cancel);
    buttons->addWidget(m_start);
    layout->addLayout(buttons);
    for (QPushButton* button : {m_back, m_openFolder, m_retry})
        button->hide();
    connect(m_copy, &QPushButton::clicked, this, [this] {
        QGuiApplication::clipboard()->setText(
            QString::fromStdString(exportCommandLine(m_session.project()->filePath(), options())));
        m_plan->setText(tr("The command is on the clipboard."));
    });
    connect(m_back, &QPushButton::clicked, this, [this] {
        m_pages->setCurrentIndex(0);
        for (QPushButton* button : {m_back, m_openFolder, m_retry})
            button->hide();
        m_copy->show();
        m_start->show();
        refreshPlan();
    });
    connect(m_openFolder, &QPushButton::clicked, this, [this] {
        if (m_last)
            QDesktopServices::openUrl(QUrl::fromLocalFile(QString::fromStdString(m_last->folder)));
    });
    connect(m_retry, &QPushButton::clicked, this, [this] {
        if (!m_last)
            return;
        ExportOptions again = m_last->options;
        again.folder = m_last->folder;
        again.states.clear();
        again.images = m_last->failed();
        again.existing = ExistingFiles::Replace;
        start(again);
    });
    connect(m_start, &QPushButton::clicked, this, [this] { start(options()); });
    connect(m_cancel, &QPushButton::clicked, this, [this] {
        if (isRunning())
            cancelJob();
        else
            close();
    });

    // As it was left the last time, in the folder of this project.
    if (const Result<ExportOptions> last =
            exportPresetFromJson(QSettings().value(kLast).toString().toStdString()))
        applyOptions(*last);
    m_which->setCurrentIndex(
        m_which->findData(static_cast<int>(startWithSelection ? Which::Selected : Which::Accepted)));
    refreshPresets();
    refreshPlan();
    fitForm();
    connect(&Theme::instance(), &Theme::changed, this, [this] { fitForm(); });
    // The job reads the project.
    connect(&m_session, &ReviewSession::projectClosing, this, [this] { m_job.reset(); });
    connect(&m_session, &ReviewSession::projectClosed, this, &QDialog::close);
}

// As large as the form is, as far as the screen is.
void ExportDialog::fitForm() {
    ensurePolished();
    const QSize least = m_form->minimumSizeHint();
    const int width = least.width() + style()->pixelMetric(QStyle::PM_ScrollBarExtent, nullptr, this);
    m_pages->setMinimumWidth(width);
    const QMargins margins = layout()->contentsMargins();
    const int others = layout()->minimumSize().height() - m_pages->minimumSizeHint().height();
    resize(std::max(kWidth, width + margins.left() + margins.right()),
           std::min(screen()->availableSize().height() - kFrame, std::max(kHeight, least.height() + others)));
}

QString ExportDialog::folder() const {
    return m_job ? QString::fromStdString(m_job->options().folder) : QString();
}

std::optional<double> ExportDialog::secondsLeft() const {
    if (!isRunning())
        return std::nullopt;
    return limn::secondsLeft(static_cast<double>(m_clock.elapsed()) / 1000.0, m_lastProgress.done,
                             m_lastProgress.total - m_lastProgress.done);
}

void ExportDialog::cancelJob() {
    if (isRunning())
        m_job->cancel();
}

void ExportDialog::reject() {
    if (isRunning())
        hide();
    else
        QDialog::reject();
}

void ExportDialog::closeEvent(QCloseEvent* event) {
    if (!isRunning()) {
        QDialog::closeEvent(event);
        return;
    }
    hide();
    event->ignore();
}

void ExportDialog::makeForm() {
    auto* page = new QWidget;
    auto* form = new QFormLayout(page);
    form->setContentsMargins(0, 0, 0, 0);
    form->setHorizontalSpacing(16);
    form->setVerticalSpacing(10);
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);

    // One row: the presets, or the name of a new one.
    auto* presetRows = new QStackedWidget;
    presetRows->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    auto* presetPage = new QWidget;
    QHBoxLayout* presetRow = rowIn(presetPage);
    m_preset = new QComboBox;
    m_preset->setObjectName(QStringLiteral("exportPreset"));
    m_preset->setAccessibleName(tr("Preset"));
    auto* saveAs = new QPushButton(tr("Save as…"));
    saveAs->setObjectName(QStringLiteral("exportSaveAs"));
    m_removePreset = new QPushButton(tr("Remove"));
    m_removePreset->setObjectName(QStringLiteral("exportRemovePreset"));
    presetRow->addWidget(m_preset, 1);
    presetRow->addWidget(saveAs);
    presetRow->addWidget(m_removePreset);
    presetRows->addWidget(presetPage);
    auto* namePage = new QWidget;
    QHBoxLayout* nameRow = rowIn(namePage);
    m_presetName = new QLineEdit;
    m_presetName->setObjectName(QStringLiteral("exportPresetName"));
    m_presetName->setPlaceholderText(tr("Name of the preset"));
    m_presetName->setAccessibleName(tr("Name of the preset"));
    m_presetName->installEventFilter(this);
    auto* save = new QPushButton(tr("Save"));
    save->setObjectName(QStringLiteral("exportSavePreset"));
    save->setEnabled(false);
    auto* notNow = new QPushButton(tr("Cancel"));
    nameRow->addWidget(m_presetName, 1);
    nameRow->addWidget(save);
    nameRow->addWidget(notNow);
    presetRows->addWidget(namePage);
    m_presetRows = presetRows;
    form->addRow(tr("Preset"), presetRows);
    connect(m_preset, &QComboBox::activated, this, [this] {
        usePreset(m_preset->currentData().toString());
        m_removePreset->setEnabled(m_preset->currentIndex() > 0);
    });
    connect(saveAs, &QPushButton::clicked, this, [this] {
        m_presetName->setText(m_preset->currentData().toString());
        m_presetRows->setCurrentIndex(1);
        m_presetName->setFocus();
        m_presetName->selectAll();
    });
    connect(m_presetName, &QLineEdit::textChanged, save,
            [save](const QString& name) { save->setEnabled(!name.trimmed().isEmpty()); });
    connect(save, &QPushButton::clicked, this, &ExportDialog::savePreset);
    connect(notNow, &QPushButton::clicked, this, &ExportDialog::leavePresetName);
    connect(m_removePreset, &QPushButton::clicked, this, &ExportDialog::removePreset);

    m_which = new QComboBox;
    m_which->setObjectName(QStringLiteral("exportWhich"));
    m_which->addItem(tr("Accepted images"), static_cast<int>(Which::Accepted));
    m_which->addItem(tr("Accepted and submitted images"), static_cast<int>(Which::AcceptedAndSubmitted));
    m_which->addItem(tr("Listed images (%1)").arg(m_session.list().size()), static_cast<int>(Which::Listed));
    if (!m_selected.empty())
        m_which->addItem(tr("Selected images (%1)").arg(m_selected.size()),
                         static_cast<int>(Which::Selected));
    m_which->addItem(tr("All images"), static_cast<int>(Which::Everything));
    form->addRow(tr("Images"), m_which);
    m_person = new QComboBox;
    m_person->setObjectName(QStringLiteral("exportPerson"));
    m_person->addItem(tr("The agreed one, else the last edited"), QString());
    for (const PersonRecord& person : m_session.project()->people())
        m_person->addItem(QString::fromStdString(person.name), QString::fromStdString(person.name));
    form->addRow(tr("Whose annotation"), m_person);
    m_person->setEnabled(m_person->count() > 2);

    auto* formats = new QGridLayout;
    formats->setHorizontalSpacing(18);
    formats->setVerticalSpacing(0);
    int at = 0;
    for (const ExportFormat format : allExportFormats()) {
        auto* box = new QCheckBox(formatTitle(format));
        box->setObjectName(QStringLiteral("exportFormat-%1")
                               .arg(QString::fromUtf8(exportFormatName(format).data(),
                                                      static_cast<int>(exportFormatName(format).size()))));
        box->setToolTip(formatHint(format));
        box->setChecked(ExportOptions().has(format));
        formats->addWidget(box, at / 2, at % 2);
        ++at;
        m_formats.emplace_back(format, box);
        connect(box, &QCheckBox::toggled, this, &ExportDialog::refreshPlan);
    }
    form->addRow(tr("Formats"), formats);

    m_labels = new QComboBox;
    m_labels->setObjectName(QStringLiteral("exportLabels"));
    m_labels->addItem(tr("All labels"), QString());
    for (const LabelSetRecord& set : m_session.project()->labelSets()) {
        if (set.name != "project")
            continue;
        for (const LabelRecord& label : set.labels)
            m_labels->addItem(tr("Only %1").arg(QString::fromStdString(label.name)),
                              QString::fromStdString(label.name));
    }
    m_labels->setEnabled(m_labels->count() > 1);
    form->addRow(tr("Labels"), m_labels);
    m_names = new QComboBox;
    m_names->setObjectName(QStringLiteral("exportNames"));
    m_names->addItem(tr("NAME_mask.png"), static_cast<int>(ExportNames::Suffix));
    m_names->addItem(tr("NAME_segmentation.png, as in the ISIC archive"),
                     static_cast<int>(ExportNames::Isic));
    m_names->addItem(tr("masks/NAME.png, a folder for each format"), static_cast<int>(ExportNames::Folders));
    form->addRow(tr("File names"), m_names);
    m_longestSide = new QSpinBox;
    m_longestSide->setObjectName(QStringLiteral("exportLongestSide"));
    m_longestSide->setRange(0, 20000);
    m_longestSide->setSingleStep(128);
    m_longestSide->setSpecialValueText(tr("same as the images"));
    setUnit(m_longestSide, tr(" px, longest side"));
    form->addRow(tr("Size"), m_longestSide);
    m_withoutPeople = new QCheckBox(tr("Without names of people, notes and times"));
    m_withoutPeople->setObjectName(QStringLiteral("exportWithoutPeople"));
    m_wholeLabels = new QCheckBox(tr("COCO, labelme: one object per label, not per part"));
    m_wholeLabels->setObjectName(QStringLiteral("exportWholeLabels"));
    auto* options = new QVBoxLayout;
    options->setSpacing(0);
    options->addWidget(m_withoutPeople);
    options->addWidget(m_wholeLabels);
    form->addRow(QString(), options);

    auto* folderRow = new QWidget;
    QHBoxLayout* row = rowIn(folderRow);
    m_folder = new QLineEdit(QDir::toNativeSeparators(
        QString::fromStdString(m_session.project()->imageFolder()) + QStringLiteral("/export")));
    m_folder->setObjectName(QStringLiteral("exportFolder"));
    m_folder->setAccessibleName(tr("Folder"));
    auto* choose = new QPushButton(tr("Choose…"));
    row->addWidget(m_folder, 1);
    row->addWidget(choose);
    form->addRow(tr("Folder"), folderRow);
    m_existing = new QComboBox;
    m_existing->setObjectName(QStringLiteral("exportExisting"));
    m_existing->addItem(tr("Replace them"), static_cast<int>(ExistingFiles::Replace));
    m_existing->addItem(tr("Keep and skip them"), static_cast<int>(ExistingFiles::Skip));
    m_existing->addItem(tr("Keep them, export into a new folder"),
                        static_cast<int>(ExistingFiles::NewFolder));
    form->addRow(tr("Existing files"), m_existing);
    m_plan = new QLabel;
    m_plan->setObjectName(QStringLiteral("exportPlan"));
    m_plan->setWordWrap(true);
    // Room for two lines, since a form gives none to what wraps later.
    m_plan->setMinimumHeight(2 * m_plan->fontMetrics().lineSpacing());
    form->addRow(QString(), m_plan);
    // Where a screen is too low for all of it, at the largest text and for fingers.
    auto* scroll = new QScrollArea;
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setFocusPolicy(Qt::NoFocus);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidgetResizable(true);
    scroll->setWidget(page);
    m_form = page;
    m_pages->addWidget(scroll);

    connect(choose, &QPushButton::clicked, this, [this] {
        const QString folder = QFileDialog::getExistingDirectory(this, tr("Export into"), m_folder->text());
        if (!folder.isEmpty())
            m_folder->setText(QDir::toNativeSeparators(folder));
    });
    for (QComboBox* box : {m_which, m_person, m_labels, m_names, m_existing})
        connect(box, &QComboBox::currentIndexChanged, this, &ExportDialog::refreshPlan);
    connect(m_longestSide, &QSpinBox::valueChanged, this, &ExportDialog::refreshPlan);
    connect(m_folder, &QLineEdit::textChanged, this, &ExportDialog::refreshPlan);
}

void ExportDialog::makeResults() {
    auto* page = new QWidget;
    auto* layout = new QVBoxLayout(page);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(10);
    m_summary = new QLabel;
    m_summary->setObjectName(QStringLiteral("exportSummary"));
    m_summary->setWordWrap(true);
    m_summary->setProperty("heading", true);
    m_where = new ElidedLabel({}, Qt::ElideMiddle);
    m_where->setObjectName(QStringLiteral("exportWhere"));
    m_where->setProperty("muted", true);
    m_where->setTextInteractionFlags(Qt::TextSelectableByMouse);
    m_progress = new QProgressBar;
    m_progress->setTextVisible(false);
    m_progress->setFixedHeight(6);
    m_progress->setAccessibleName(tr("Progress of the export"));
    m_failuresOnly = new QCheckBox(tr("Show only what was not written"));
    m_report = new QTreeWidget;
    m_report->setObjectName(QStringLiteral("exportReport"));
    m_report->setAccessibleName(tr("Result for each image"));
    m_report->setRootIsDecorated(false);
    m_report->setUniformRowHeights(true);
    m_report->setHeaderLabels({tr("Image"), tr("State"), tr("Result"), tr("Reason"), tr("Model"),
                               tr("Threshold"), tr("Source of millimetres")});
    m_report->header()->setStretchLastSection(true);
    m_report->setColumnWidth(0, 190);
    m_report->setColumnWidth(3, 200);
    layout->addWidget(m_summary);
    layout->addWidget(m_where);
    layout->addWidget(m_progress);
    layout->addWidget(m_failuresOnly);
    layout->addWidget(m_report, 1);
    layout->addStretch();
    m_report->hide();
    m_failuresOnly->hide();
    connect(m_failuresOnly, &QCheckBox::toggled, this, &ExportDialog::showFailures);
    m_pages->addWidget(page);
}

ExportOptions ExportDialog::options() const {
    ExportOptions options;
    options.folder = m_folder->text().trimmed().toStdString();
    options.formats.clear();
    for (const auto& [format, box] : m_formats) {
        if (box->isChecked())
            options.formats.push_back(format);
    }
    switch (static_cast<Which>(m_which->currentData().toInt())) {
    case Which::Accepted:
        options.states = {ReviewState::Accepted};
        break;
    case Which::AcceptedAndSubmitted:
        options.states = {ReviewState::Submitted, ReviewState::Accepted};
        break;
    case Which::Listed:
        options.images = m_session.list();
        break;
    case Which::Selected:
        options.images = m_selected;
        break;
    case Which::Everything:
        break;
    }
    std::sort(options.images.begin(), options.images.end());
    options.person = m_person->currentData().toString().toStdString();
    if (const QString label = m_labels->currentData().toString(); !label.isEmpty())
        options.labels = {label.toStdString()};
    options.names = static_cast<ExportNames>(m_names->currentData().toInt());
    options.longestSide = m_longestSide->value();
    options.withoutPeople = m_withoutPeople->isChecked();
    options.wholeLabels = m_wholeLabels->isChecked();
    options.existing = static_cast<ExistingFiles>(m_existing->currentData().toInt());
    return options;
}

void ExportDialog::applyOptions(const ExportOptions& options) {
    for (const auto& [format, box] : m_formats)
        box->setChecked(options.has(format));
    const auto choose = [](QComboBox* box, const QVariant& data) {
        box->setCurrentIndex(std::max(0, box->findData(data)));
    };
    choose(m_person, QString::fromStdString(options.person));
    choose(m_labels, options.labels.empty() ? QString() : QString::fromStdString(options.labels.front()));
    choose(m_names, static_cast<int>(options.names));
    choose(m_existing, static_cast<int>(options.existing));
    const bool submitted = std::find(options.states.begin(), options.states.end(), ReviewState::Submitted) !=
                           options.states.end();
    choose(m_which, static_cast<int>(submitted                ? Which::AcceptedAndSubmitted
                                     : options.states.empty() ? Which::Everything
                                                              : Which::Accepted));
    m_longestSide->setValue(options.longestSide);
    m_withoutPeople->setChecked(options.withoutPeople);
    m_wholeLabels->setChecked(options.wholeLabels);
}

void ExportDialog::refreshPlan() {
    if (!m_session.hasProject())
        return;
    const ExportOptions chosen = options();
    // For the job no images means all of them.
    const Which which = static_cast<Which>(m_which->currentData().toInt());
    const bool choseNone = (which == Which::Listed || which == Which::Selected) && chosen.images.empty();
    const bool mayStart = !choseNone && !chosen.formats.empty() && !chosen.folder.empty();
    const ExportPlan plan = planExport(m_session.project()->worklist(), chosen);
    const QLocale locale;
    QString text;
    if (choseNone) {
        text = which == Which::Listed ? tr("The list is empty: no image matches its filter.")
                                      : tr("No image is selected in the list.");
    } else if (chosen.formats.empty()) {
        text = tr("Choose at least one format.");
    } else if (chosen.folder.empty()) {
        text = tr("Choose a folder.");
    } else if (plan.images.empty() && chosen.states == std::vector{ReviewState::Accepted}) {
        text = tr("No image is accepted yet. Accept some, or choose other images above.");
    } else {
        text = tr("%n images", nullptr, static_cast<int>(plan.images.size())) + QStringLiteral(", ") +
               tr("%n files", nullptr, static_cast<int>(plan.files)) + QStringLiteral(", ") +
               tr("about %1").arg(locale.formattedDataSize(plan.aboutBytes, 0, QLocale::DataSizeSIFormat));
        if (const int leftOut = static_cast<int>(plan.leftOut); leftOut > 0)
            text += QStringLiteral("; ") +
                    (which == Which::Accepted ? tr("%n not accepted left out", nullptr, leftOut)
                     : which == Which::AcceptedAndSubmitted
                         ? tr("%n neither accepted nor submitted left out", nullptr, leftOut)
                         : tr("%n left out", nullptr, leftOut));
        if (plan.empty > 0)
            text += QStringLiteral("; ") + tr("%n empty", nullptr, static_cast<int>(plan.empty));
        if (plan.unannotated > 0)
            text += QStringLiteral("; ") +
                    tr("%n without annotation", nullptr, static_cast<int>(plan.unannotated));
    }
    m_plan->setText(text);
    m_start->setEnabled(mayStart && !plan.images.empty());
    m_copy->setEnabled(mayStart && !m_session.project()->filePath().empty());
    m_wholeLabels->setEnabled(chosen.has(ExportFormat::Coco) || chosen.has(ExportFormat::Labelme));
}

void ExportDialog::refreshPresets() {
    const QString shown = m_preset->currentData().toString();
    m_preset->clear();
    m_preset->addItem(tr("Same as last time"), QString());
    QSettings settings;
    settings.beginGroup(kPresets);
    for (const QString& name : settings.childKeys())
        m_preset->addItem(name, name);
    m_preset->setCurrentIndex(std::max(0, m_preset->findData(shown)));
    m_removePreset->setEnabled(m_preset->currentIndex() > 0);
}

void ExportDialog::usePreset(const QString& name) {
    const QString json = name.isEmpty() ? QSettings().value(kLast).toString()
                                        : QSettings().value(kPresets + QLatin1Char('/') + name).toString();
    const Result<ExportOptions> preset = exportPresetFromJson(json.toStdString());
    if (preset)
        applyOptions(*preset);
    else if (!name.isEmpty())
        m_plan->setText(errorText(preset.error()));
}

void ExportDialog::savePreset() {
    QString name = m_presetName->text().trimmed();
    name.replace(QLatin1Char('/'), QLatin1Char('-'));
    if (name.isEmpty())
        return;
    QSettings().setValue(kPresets + QLatin1Char('/') + name,
                         QString::fromStdString(exportPresetToJson(options())));
    refreshPresets();
    m_preset->setCurrentIndex(std::max(0, m_preset->findData(name)));
    m_removePreset->setEnabled(true);
    leavePresetName();
}

void ExportDialog::leavePresetName() {
    m_presetRows->setCurrentIndex(0);
    m_preset->setFocus();
}

// Enter and Escape belong to the name while it is written: they neither export nor close the dialog.
bool ExportDialog::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_presetName && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent*>(event)->key();
        if (key == Qt::Key_Return || key == Qt::Key_Enter) {
            savePreset();
            return true;
        }
        if (key == Qt::Key_Escape) {
            leavePresetName();
            return true;
        }
    }
    return QDialog::eventFilter(watched, event);
}

void ExportDialog::removePreset() {
    const QString name = m_preset->currentData().toString();
    if (!name.isEmpty())
        QSettings().remove(kPresets + QLatin1Char('/') + name);
    refreshPresets();
}

void ExportDialog::start(const ExportOptions& chosen) {
    if (!m_session.hasProject() || isRunning())
        return;
    QSettings().setValue(kLast, QString::fromStdString(exportPresetToJson(chosen)));
    m_job = std::make_unique<ExportJob>(*m_session.project(), chosen);
    connect(m_job.get(), &ExportJob::progressed, this, &ExportDialog::showProgress);
    connect(m_job.get(), &ExportJob::finished, this, &ExportDialog::showReport);
    m_pages->setCurrentIndex(1);
    m_summary->setText(tr("Exporting…"));
    m_where->setText(QDir::toNativeSeparators(QString::fromStdString(chosen.folder)));
    m_progress->setRange(0, 0);
    m_progress->show();
    m_report->hide();
    m_failuresOnly->hide();
    for (QPushButton* button : {m_back, m_openFolder, m_retry, m_copy, m_start})
        button->hide();
    m_cancel->setText(tr("Cancel"));
    m_lastProgress = {};
    m_clock.start();
    m_job->start();
    Q_EMIT progressed();
}

void ExportDialog::showProgress(const ExportProgress& progress) {
    m_lastProgress = progress;
    m_progress->setRange(0, static_cast<int>(progress.total));
    m_progress->setValue(static_cast<int>(progress.done));
    const QLocale locale;
    QString text =
        tr("%1 of %2 images, %3 files, %4")
            .arg(locale.toString(qulonglong(progress.done)), locale.toString(qulonglong(progress.total)),
                 locale.toString(qulonglong(progress.files)),
                 locale.formattedDataSize(progress.bytes, 1, QLocale::DataSizeSIFormat));
    if (progress.failed > 0)
        text += QStringLiteral("; ") + tr("%n not written", nullptr, static_cast<int>(progress.failed));
    if (const std::optional<double> left = secondsLeft())
        text += QStringLiteral(" · ") + timeLeftText(*left);
    m_summary->setText(text);
    Q_EMIT progressed();
}

void ExportDialog::showReport(const Result<ExportReport>& report) {
    m_progress->hide();
    m_cancel->setText(tr("Close"));
    m_back->show();
    m_report->clear();
    if (!report) {
        m_last.reset();
        m_summary->setText(errorText(report.error()));
        tellEnd(true);
        return;
    }
    m_last = *report;
    m_where->setText(QDir::toNativeSeparators(QString::fromStdString(m_last->folder)));
    const QLocale locale;
    const int written = static_cast<int>(report->count(ExportResult::Written));
    const int failed = static_cast<int>(report->failed().size());
    QString text = tr("%n written", nullptr, written);
    if (failed > 0)
        text += QStringLiteral(", ") + tr("%n not", nullptr, failed);
    const int skipped = static_cast<int>(report->count(ExportResult::Skipped));
    const int unannotated = static_cast<int>(report->count(ExportResult::Unannotated));
    if (skipped > 0)
        text += QStringLiteral(", ") + tr("%n skipped", nullptr, skipped);
    if (unannotated > 0)
        text += QStringLiteral(", ") + tr("%n without annotation", nullptr, unannotated);
    text +=
        QStringLiteral(" (%1)").arg(locale.formattedDataSize(report->bytes, 1, QLocale::DataSizeSIFormat));
    if (report->cancelled)
        text += QStringLiteral(". ") + tr("Stopped. Files already written are complete and stay.");
    if (report->stopped)
        text += QStringLiteral(". ") + errorText(*report->stopped);
    for (const std::string& note : report->notes)
        text += QLatin1Char('\n') + QString::fromStdString(note);
    m_summary->setText(text);
    for (const ExportedImage& image : report->images) {
        QStringList models; // by the beginnings of their hashes, which say enough to tell them apart
        QStringList whole;
        for (const std::string& model : image.models) {
            whole.append(QString::fromStdString(model));
            models.append(whole.last().left(kShortHash));
        }
        auto* item = new QTreeWidgetItem(
            {QString::fromStdString(image.path), stateWord(image.state), resultWord(image.result),
             QString::fromStdString(image.reason), models.join(QLatin1Char(' ')),
             image.threshold ? locale.toString(*image.threshold, 'f', 2) : QString(),
             QString::fromStdString(image.spacingSource)});
        item->setData(0, kPathRole, image.result == ExportResult::Failed);
        item->setToolTip(3, QString::fromStdString(image.reason));
        item->setToolTip(4, whole.join(QLatin1Char('\n')));
        m_report->addTopLevelItem(item);
    }
    // Reasons need room where there are some.
    m_report->setColumnHidden(3,
                              std::all_of(report->images.begin(), report->images.end(),
                                          [](const ExportedImage& image) { return image.reason.empty(); }));
    for (int column = 0; column < m_report->columnCount(); ++column)
        if (column != 3)
            m_report->resizeColumnToContents(column);
    m_report->setColumnWidth(0, std::min(m_report->columnWidth(0), 260)); // paths may be long
    m_report->show();
    m_failuresOnly->setVisible(failed > 0);
    m_failuresOnly->setChecked(failed > 0);
    showFailures();
    m_openFolder->setVisible(!report->files.empty() || written > 0);
    m_retry->setVisible(failed > 0);
    tellEnd(failed > 0 || report->stopped.has_value());
}

void ExportDialog::tellEnd(bool trouble) {
    Q_EMIT progressed();
    if (!isVisible())
        Q_EMIT endedUnseen(m_summary->text(), trouble);
}

void ExportDialog::showFailures() {
    for (int i = 0; i < m_report->topLevelItemCount(); ++i) {
        QTreeWidgetItem* item = m_report->topLevelItem(i);
        item->setHidden(m_failuresOnly->isChecked() && !item->data(0, kPathRole).toBool());
    }
}

} // namespace limn
