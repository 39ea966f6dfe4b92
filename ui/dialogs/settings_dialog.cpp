// SPDX-License-Identifier: GPL-3.0-or-later
// Dialog of the settings.
#include "ui/dialogs/settings_dialog.h"

#include "ui/session/model_choices.h"
#include "ui/session/review_session.h"
#include "ui/theme/isolated.h"
#include "ui/theme/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QSettings>
#include <QSlider>
#include <QTabWidget>
#include <QVBoxLayout>
#include <QtConcurrent>

namespace limn {

SettingsDialog::SettingsDialog(ReviewSession& session, QWidget* parent) : QDialog(parent) {
    setWindowTitle(tr("Settings"));
    setObjectName(QStringLiteral("settingsDialog"));
    resize(520, 420);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(16, 12, 16, 16);
    layout->setSpacing(12);
    auto* tabs = new QTabWidget;
    layout->addWidget(tabs, 1);
    const auto page = [&](const QString& title) {
        auto* widget = new QWidget;
        auto* form = new QFormLayout(widget);
        form->setContentsMargins(4, 16, 4, 8);
        form->setVerticalSpacing(12);
        form->setHorizontalSpacing(16);
        tabs->addTab(widget, title);
        return form;
    };
    const auto check = [this](const QString& text, const QString& key, bool fallback,
                              std::function<void(bool)> apply) {
        auto* box = new QCheckBox(text);
        box->setChecked(QSettings().value(key, fallback).toBool());
        connect(box, &QCheckBox::toggled, this, [key, apply](bool on) {
            QSettings().setValue(key, on);
            if (apply)
                apply(on);
        });
        return box;
    };

    QFormLayout* look = page(tr("Appearance"));
    auto* theme = new QComboBox;
    theme->addItem(tr("Same as the system"), static_cast<int>(Theme::Mode::System));
    theme->addItem(tr("Dark"), static_cast<int>(Theme::Mode::Dark));
    theme->addItem(tr("Light"), static_cast<int>(Theme::Mode::Light));
    theme->setCurrentIndex(theme->findData(static_cast<int>(Theme::instance().mode())));
    connect(theme, &QComboBox::activated, this,
            [theme] { Theme::instance().setMode(static_cast<Theme::Mode>(theme->currentData().toInt())); });
    look->addRow(tr("Colours"), theme);
    auto* size = new QComboBox;
    for (const int percent : {100, 125, 150, 175, 200})
        size->addItem(isolated(tr("%1 %").arg(percent)), percent);
    size->setCurrentIndex(std::max(0, size->findData(Theme::instance().textPercent())));
    connect(size, &QComboBox::activated, this,
            [size] { Theme::instance().setTextPercent(size->currentData().toInt()); });
    look->addRow(tr("Text size"), size);
    auto* fingers = new QCheckBox(tr("Larger buttons, for fingers"));
    fingers->setObjectName(QStringLiteral("forFingers"));
    fingers->setChecked(Theme::instance().forFingers());
    connect(fingers, &QCheckBox::toggled, this, [](bool on) { Theme::instance().setForFingers(on); });
    look->addRow(QString(), fingers);
    auto* language = new QComboBox;
    language->addItem(tr("Same as the system"), QString());
    language->addItem(QStringLiteral("English"), QStringLiteral("en"));
    language->addItem(QStringLiteral("Deutsch"), QStringLiteral("de"));
    language->setCurrentIndex(
        std::max(0, language->findData(QSettings().value(QStringLiteral("language")).toString())));
    connect(language, &QComboBox::activated, this,
            [language] { QSettings().setValue(QStringLiteral("language"), language->currentData()); });
    look->addRow(tr("Language (after a restart)"), language);
    auto* opacity = new QSlider(Qt::Horizontal);
    opacity->setRange(5, 100);
    opacity->setValue(
        static_cast<int>(QSettings().value(QStringLiteral("view/opacity"), 0.25).toDouble() * 100));
    connect(opacity, &QSlider::valueChanged, this, [this](int v) {
        QSettings().setValue(QStringLiteral("view/opacity"), v / 100.0);
        Q_EMIT viewChanged();
    });
    look->addRow(tr("Opacity of fills"), opacity);

    QFormLayout* work = page(tr("Working"));
    auto* name = new QLineEdit(session.personName());
    connect(name, &QLineEdit::editingFinished, this,
            [&session, name] { session.setPersonName(name->text()); });
    work->addRow(tr("Your name"), name);
    work->addRow(check(tr("Show the next image after a decision"), QStringLiteral("autoAdvance"), true,
                       [&session](bool on) { session.setAutoAdvance(on); }));
    auto* review = new QComboBox;
    review->setObjectName(QStringLiteral("reviewMode"));
    review->addItem(tr("One step: an accepted image is done"), static_cast<int>(ReviewMode::OneStep));
    review->addItem(tr("Two steps: another person accepts"), static_cast<int>(ReviewMode::TwoSteps));
    review->addItem(tr("Two people independently, then agreement"),
                    static_cast<int>(ReviewMode::Independent));
    review->setCurrentIndex(review->findData(static_cast<int>(session.reviewMode())));
    connect(review, &QComboBox::activated, this, [review, &session] {
        session.setReviewMode(static_cast<ReviewMode>(review->currentData().toInt()));
    });
    work->addRow(tr("Review of this project"), review);
    work->addRow(check(tr("The first stroke on an image uses the proposal first"),
                       QStringLiteral("useProposalFirst"), true,
                       [&session](bool on) { session.setUsesProposalFirst(on); }));
    work->addRow(check(tr("Keep zoom and position on the next image"), QStringLiteral("view/keepZoom"), false,
                       [this](bool) { Q_EMIT viewChanged(); }));
    work->addRow(check(tr("The wheel pans (Ctrl + wheel zooms)"), QStringLiteral("view/wheelPans"), false,
                       [this](bool) { Q_EMIT viewChanged(); }));

    QFormLayout* model = page(tr("Model"));
    auto* choice = new QComboBox;
    choice->addItem(tr("Automatic: by what each image shows"), ReviewSession::kAutomatic);
    for (const ModelChoice& m : session.models())
        choice->addItem(m.name, choice->count() - 1);
    choice->setEnabled(choice->count() > 1);
    choice->setCurrentIndex(choice->findData(session.chosenModel()));
    connect(choice, &QComboBox::activated, this,
            [&session, choice] { session.chooseModel(choice->currentData().toInt()); });
    model->addRow(tr("Model"), choice);
    auto* device = new QComboBox;
    device->addItem(tr("Automatic"), QStringLiteral("auto"));
    device->addItem(tr("Processor"), QStringLiteral("cpu"));
    const QPointer<QComboBox> devices(device);
    device->setCurrentIndex(std::max(0, device->findData(session.deviceChoice())));
    // Looking for GPUs may take a while.
    QtConcurrent::run([] {
        return listDevices();
    }).then(this, [devices, &session](const std::vector<DeviceInfo>& list) {
        if (!devices)
            return;
        for (const DeviceInfo& d : list) {
            if (d.id != "cpu" && d.usable)
                devices->addItem(QString::fromStdString(d.name), QString::fromStdString(d.id));
        }
        devices->setCurrentIndex(std::max(0, devices->findData(session.deviceChoice())));
    });
    connect(device, &QComboBox::activated, this, [device, &session] {
        QSettings().setValue(QStringLiteral("device"), device->currentData());
        session.setModels(findModelChoices(device->currentData().toString()));
    });
    model->addRow(tr("Device"), device);
    auto* input = new QComboBox;
    for (const int side : {256, 384, 512, 768})
        input->addItem(isolated(tr("%1 px").arg(side)), side);
    input->setCurrentIndex(std::max(0, input->findData(session.predictOptions().inputSize)));
    connect(input, &QComboBox::activated, this, [input, &session] {
        PredictOptions options = session.predictOptions();
        options.inputSize = input->currentData().toInt();
        session.setPredictOptions(options);
    });
    model->addRow(tr("Input size"), input);
    auto* flips = new QCheckBox(tr("Average over four mirrored copies (four times slower)"));
    flips->setChecked(session.predictOptions().flipAverage);
    connect(flips, &QCheckBox::toggled, this, [&session](bool on) {
        PredictOptions options = session.predictOptions();
        options.flipAverage = on;
        session.setPredictOptions(options);
    });
    model->addRow(flips);

    auto* close = new QPushButton(tr("Close"));
    close->setProperty("primary", true);
    connect(close, &QPushButton::clicked, this, &QDialog::close);
    auto* row = new QHBoxLayout;
    row->addStretch();
    row->addWidget(close);
    layout->addLayout(row);
}

} // namespace limn
