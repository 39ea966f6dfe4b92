// SPDX-License-Identifier: GPL-3.0-or-later
// The window's commands: what each does, its default keys, and the menus that hold it.
#include "ui/window/main_window.h"

#include "ui/canvas/canvas_view.h"
#include "ui/dialogs/keys_dialog.h"
#include "ui/dialogs/settings_dialog.h"
#include "ui/panels/clean_up_bar.h"
#include "ui/panels/comment_panel.h"
#include "ui/panels/label_panel.h"
#include "ui/panels/measure_panel.h"
#include "ui/panels/option_bar.h"
#include "ui/panels/proposal_panel.h"
#include "ui/panels/section.h"
#include "ui/panels/start_page.h"
#include "ui/panels/worklist_pane.h"
#include "ui/session/model_choices.h"
#include "ui/session/sentences.h"
#include "ui/session/work_pools.h"
#include "ui/theme/theme.h"
#include "ui/window/banner_bar.h"
#include "ui/window/key_places.h"
#include "ui/window/reject_popover.h"

#include <QActionGroup>
#include <QApplication>
#include <QClipboard>
#include <QDesktopServices>
#include <QDir>
#include <QDragEnterEvent>
#include <QEventLoop>
#include <QFileDialog>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QMenu>
#include <QMenuBar>
#include <QMessageBox>
#include <QMimeData>
#include <QScrollArea>
#include <QSettings>
#include <QSlider>
#include <QSplitter>
#include <QStandardPaths>
#include <QUrl>
#include <QtConcurrent>

namespace limn {
namespace {

constexpr int kMostRecent = 10;
constexpr int kLongestEditMs = 5000; // that leaving waits for

// Where the demo images lie: installed beside the program, or in the source tree it was built from.
QString demoFolder() {
    const QString program = QCoreApplication::applicationDirPath();
    for (const QString& folder :
         {program + QStringLiteral("/../share/limn/demo"), program + QStringLiteral("/demo"),
          program + QStringLiteral("/../demo"), QStringLiteral(LIMN_DEMO_DIR)}) {
        if (QDir(folder).exists())
            return QDir(folder).canonicalPath();
    }
    return {};
}

bool typing() {
    const QWidget* focus = QApplication::focusWidget();
    return qobject_cast<const QLineEdit*>(focus) || qobject_cast<const QAbstractSpinBox*>(focus) ||
           qobject_cast<const QPlainTextEdit*>(focus) || qobject_cast<const QKeySequenceEdit*>(focus) ||
           (focus && focus->objectName() == QLatin1String("rejectReasons"));
}

} // namespace

void MainWindow::makeCommands() {
    Commands& c = *m_commands;
    const QString file = tr("Window");
    const QString edit = tr("Mask");
    const QString toolGroup = tr("Tools");
    const QString model = tr("Model");
    const QString view = tr("View");
    const QString move = tr("Move");
    const QString decide = tr("Decide");

    c.add(file, "openFolder", tr("Open &folder…"), QStringLiteral("folder"), "Ctrl+O",
          [this] { chooseFolder(); });
    c.add(file, "openFiles", tr("Open &images…"), QStringLiteral("image"), "", [this] { chooseFiles(); });
    c.add(file, "openProject", tr("Open &project…"), QStringLiteral("project"), "Ctrl+Shift+O",
          [this] { chooseProject(); });
    c.add(file, "openDemo", tr("Try &demo images"), QStringLiteral("sample"), "", [this] { openDemo(); });
    c.add(file, "closeProject", tr("&Close project"), {}, "Ctrl+W", [this] {
        endEdits();
        if (!mayStopTasks(tr("Stop and close")))
            return;
        m_session->waitUntilSaved(5000);
        m_session->closeProject();
    });
    c.add(file, "saveNow", tr("&Save now"), {}, "Ctrl+S", [this] {
        if (!m_session->hasProject())
            return;
        m_session->project()->retrySaving();
        const SaveStatus status = m_session->project()->saveStatus();
        say(status.trouble        ? errorText(*status.trouble)
            : status.waiting == 0 ? tr("Everything is saved; Limn saves by itself.")
                                  : tr("Saving…"));
    });
    c.add(file, "saveElsewhere", tr("Save project &elsewhere…"), {}, "", [this] {
        if (!m_session->hasProject())
            return;
        const QString path = QFileDialog::getSaveFileName(
            this, tr("Save project elsewhere"),
            QDir::homePath() + QLatin1Char('/') + QString::fromStdString(m_session->project()->name()) +
                QStringLiteral(".limn"),
            tr("Limn projects (*.limn)"));
        if (path.isEmpty())
            return;
        m_session->project()->saveElsewhere(path.toStdString(), [this, path](const Result<void>& done) {
            say(done ? tr("The project continues at its new place.") : errorText(done.error()));
            if (done)
                remember(path);
            refreshTitle();
        });
    });
    c.add(file, "export", tr("E&xport…"), QStringLiteral("export"), "Ctrl+E", [this] {
        if (!m_session->hasProject()) {
            say(tr("Open images first: there is nothing to export yet."), tr("Open folder"),
                [this] { chooseFolder(); });
            return;
        }
        showExport(false);
    });
    c.add(file, "find", tr("&Find image"), QStringLiteral("search"), "Ctrl+F", [this] {
        m_worklist->search()->setFocus();
        m_worklist->search()->selectAll();
    });
    c.add(file, "nextPane", tr("Next pane"), {}, "F6", [this] { focusPane(1); });
    c.add(file, "previousPane", tr("Previous pane"), {}, "Shift+F6", [this] { focusPane(-1); });
    c.add(file, "keys", tr("&Keys…"), QStringLiteral("keyboard"), "F1", [this] {
        auto* dialog = new KeysDialog(*m_commands, this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        dialog->show();
    });
    QAction* panels = c.add(file, "panels", tr("Side &panels"), {}, "F9", {});
    panels->setCheckable(true);
    panels->setChecked(true);
    connect(panels, &QAction::toggled, this, [this] { refreshPage(); });
    QAction* full = c.add(file, "fullScreen", tr("F&ull screen"), {}, "F11", {});
    full->setCheckable(true);
    connect(full, &QAction::toggled, this, [this](bool on) { on ? showFullScreen() : showNormal(); });
    c.add(file, "resetLayout", tr("Reset &layout"), {}, "", [this] {
        if (isFullScreen() || isMaximized())
            showNormal();
        m_commands->action(QStringLiteral("panels"))->setChecked(true);
        for (Section* section : m_panels->findChildren<Section*>())
            section->setOpen(true);
        resetLayout();
    });
    c.add(file, "settings", tr("Se&ttings…"), QStringLiteral("settings"), "Ctrl+,", [this] {
        auto* dialog = new SettingsDialog(*m_session, this);
        dialog->setAttribute(Qt::WA_DeleteOnClose);
        connect(dialog, &SettingsDialog::viewChanged, this, [this] {
            const QSettings s;
            m_keepZoom = s.value(QStringLiteral("view/keepZoom"), false).toBool();
            m_opacity = s.value(QStringLiteral("view/opacity"), 0.25).toDouble();
            m_canvas->setWheelPans(s.value(QStringLiteral("view/wheelPans"), false).toBool());
            refreshOverlay();
        });
        dialog->show();
    });
    c.add(file, "about", tr("&About Limn"), {}, "", [this] {
        auto* box = new QMessageBox(
            QMessageBox::NoIcon, tr("About Limn"),
            tr("<h3>Limn 0.1</h3><p>Review and correction of segmentations of dermoscopy and endoscopy "
               "images.</p><p>Limn assists; it makes no diagnosis. It sends nothing over any network.</p>"
               "<p>Free software under the GNU General Public License, version 3 or later.</p>"),
            QMessageBox::NoButton, this);
        box->addButton(tr("Close"), QMessageBox::RejectRole);
        box->setIconPixmap(windowIcon().pixmap(QSize(48, 48), devicePixelRatioF()));
        box->setAttribute(Qt::WA_DeleteOnClose);
        box->setModal(false);
        box->show();
    });
    c.add(file, "activity", tr("Tasks and &messages"), QStringLiteral("activity"), "Ctrl+J",
          [this] { showActivity(); });
    c.add(file, "quit", tr("&Quit"), {}, "Ctrl+Q", [this] { close(); });

    // Tools
    auto* tools = new QActionGroup(this);
    const auto addTool = [&](ToolId id, const char* name, const QString& text, const char* key) {
        QAction* action = c.add(toolGroup, name, text, QLatin1String(name), key, [this, id] { setTool(id); });
        action->setCheckable(true);
        tools->addAction(action);
    };
    addTool(ToolId::Brush, "brush", tr("Brush"), "B");
    addTool(ToolId::Eraser, "eraser", tr("Eraser"), "E");
    addTool(ToolId::Lasso, "lasso", tr("Lasso"), "L");
    addTool(ToolId::Polygon, "polygon", tr("Polygon"), "P");
    addTool(ToolId::Wand, "wand", tr("Wand"), "W");
    addTool(ToolId::Contour, "contour", tr("Contour"), "C");
    addTool(ToolId::Region, "region", tr("Region"), "R");
    addTool(ToolId::Ruler, "ruler", tr("Ruler"), "M");
    c.add(toolGroup, "smaller", tr("Smaller tool"), {}, "S [", [this] { resizeTool(-1); });
    c.add(toolGroup, "larger", tr("Larger tool"), {}, "D ]", [this] { resizeTool(1); });
    for (int i = 1; i <= 9; ++i) {
        const QByteArray id = "label" + QByteArray::number(i);
        const QByteArray key = QByteArray::number(i) + " Num+" + QByteArray::number(i);
        c.add(toolGroup, id.constData(), tr("Label %1").arg(i), {}, key.constData(),
              [this, i] { chooseLabel(i - 1); });
    }

    // Mask
    c.add(edit, "undo", tr("&Undo"), QStringLiteral("undo"), "Ctrl+Z", [this] { undoRedo(true); });
    c.add(edit, "redo", tr("&Redo"), QStringLiteral("redo"), "Ctrl+Shift+Z Ctrl+Y",
          [this] { undoRedo(false); });
    c.add(edit, "fillHoles", tr("&Fill holes…"), QStringLiteral("fill-holes"), "F", [this] {
        if (mayCommand())
            m_cleanUpBar->begin(StepKind::FillHoles);
    });
    c.add(edit, "keepLargest", tr("&Keep largest part"), QStringLiteral("keep-largest"), "K",
          [this] { cleanUp(StepKind::KeepLargest); });
    c.add(edit, "smooth", tr("&Smooth edge…"), QStringLiteral("smooth"), "Shift+F", [this] {
        if (mayCommand())
            m_cleanUpBar->begin(StepKind::Smooth);
    });
    c.add(edit, "specks", tr("Remove s&pecks…"), QStringLiteral("specks"), "Shift+K", [this] {
        if (mayCommand())
            m_cleanUpBar->begin(StepKind::RemoveSpecks);
    });
    c.add(edit, "clean", tr("&Clean: largest part, holes filled"), QStringLiteral("clean"), "",
          [this] { cleanUp(StepKind::Clean); });
    c.add(edit, "clearLabel", tr("Clear &label"), QStringLiteral("trash"), "Del", [this] {
        if (mayCommand())
            m_host.explain(m_session->document()->clearLabel(m_host.rules()));
    });
    c.add(edit, "noLesion", tr("Mark as &no lesion"), {}, "", [this] {
        AnnotationDocument* d = m_session->document();
        if (!d)
            return;
        if (d->noLesion())
            d->removeNoLesionMark();
        else if (!d->markNoLesion())
            say(tr("No effect: a locked label is in the way."), tr("Unlock"), [this] {
                if (!m_session->document())
                    return;
                const std::vector<Label> labels = m_session->document()->labelTable();
                for (const Label& label : labels)
                    if (label.locked)
                        m_labels->setLocked(label.value, false);
            });
    });
    c.add(edit, "copyMeasurements", tr("Copy &measurements"), QStringLiteral("copy"), "Ctrl+Shift+C",
          [this] { copyMeasurements(); });

    // Model
    c.add(model, "threshold", tr("&Threshold"), QStringLiteral("threshold"), "T", [this] {
        if (m_session->document() && m_session->document()->proposal())
            bringUp(m_proposalSection, m_proposal->slider());
        else
            sayNoProposal(tr("There is no proposal whose threshold could be moved."));
    });
    c.add(model, "useProposal", tr("&Use proposal"), QStringLiteral("use"), "U", [this] { useProposal(); });
    QAction* layer =
        c.add(model, "uncertaintyLayer", tr("&Probability layer"), QStringLiteral("heat"), "V", {});
    layer->setCheckable(true);
    connect(layer, &QAction::toggled, this, [this](bool on) {
        m_probabilityLayer = on;
        refreshOverlay();
    });
    c.add(model, "runProposal", tr("&Run model"), QStringLiteral("run"), "F5", [this] {
        if (m_session->models().empty()) {
            sayNoProposal(tr("No model was found; the Proposal panel says where model files belong."));
            return;
        }
        m_session->runProposal();
        if (!m_session->proposalPending())
            say(tr("The model's proposal for the whole image is there already."));
    });
    c.add(model, "runHere", tr("Run model in the &region"), QStringLiteral("run"), "Shift+F5", [this] {
        if (m_session->models().empty()) {
            sayNoProposal(tr("No model was found; the Proposal panel says where model files belong."));
            return;
        }
        Rect region;
        if (m_session->scope())
            region = m_session->scope()->bounds();
        else
            region = m_canvas->view().visibleImageRect();
        m_session->runProposalIn(region);
        say(tr("The model was trained on whole images; a part of one may look different to it."));
    });
    c.add(model, "runAll", tr("Run model on &all listed images"), {}, "",
          [this] { m_session->runModelOn(m_session->list()); });
    c.add(model, "chooseModel", tr("&Choose a model file…"), {}, "", [this] { chooseModel(); });
    c.add(model, "cancelRuns", tr("&Stop running"), QStringLiteral("stop"), "",
          [this] { m_session->cancelRuns(); });

    // View
    c.add(view, "outlineStyle", tr("Outline or fill"), QStringLiteral("layers"), "O", [this] {
        m_style = static_cast<Style>((static_cast<int>(m_style) + 1) % 3);
        QSettings().setValue(QStringLiteral("view/style"), static_cast<int>(m_style));
        say(m_style == Style::Outline          ? tr("Outline")
            : m_style == Style::OutlineAndFill ? tr("Outline and fill")
                                               : tr("Fill"));
        refreshOverlay();
    });
    QAction* readOut = c.add(view, "readOut", tr("Pixel read-out"), {}, "I", {});
    readOut->setCheckable(true);
    readOut->setChecked(true);
    connect(readOut, &QAction::toggled, this, [this] { refreshPointer(); });
    auto* compare = new QActionGroup(this);
    const auto addCompare = [&](Compare mode, const char* id, const QString& text, const char* icon) {
        QAction* action = c.add(view, id, text, QLatin1String(icon), "", [this, mode] { setCompare(mode); });
        action->setCheckable(true);
        action->setChecked(mode == Compare::Off);
        compare->addAction(action);
    };
    addCompare(Compare::Off, "compareOff", tr("One image"), "single");
    addCompare(Compare::Side, "compareSide", tr("Side by side"), "side-by-side");
    addCompare(Compare::Swipe, "compareSwipe", tr("Swipe"), "swipe");
    addCompare(Compare::Difference, "compareDifference", tr("Difference"), "difference");
    c.add(view, "compareNext", tr("Next comparison"), {}, "Y",
          [this] { setCompare(static_cast<Compare>((static_cast<int>(m_compare) + 1) % 4)); });
    c.add(view, "comparePrevious", tr("Previous comparison"), {}, "Shift+Y",
          [this] { setCompare(static_cast<Compare>((static_cast<int>(m_compare) + 3) % 4)); });
    QAction* grid = c.add(view, "grid", tr("Grid of images"), QStringLiteral("grid"), "G", {});
    grid->setCheckable(true);
    connect(grid, &QAction::toggled, this, [this] { refreshPage(); });
    c.add(view, "toggleFit", tr("Switch between 100 % and whole image"), {}, "Z",
          [this] { m_canvas->toggleFit(); });
    c.add(view, "actualSize", tr("100 %"), QStringLiteral("one-to-one"), "Ctrl+1",
          [this] { m_canvas->zoomTo(1.0); });
    c.add(view, "fit", tr("Whole image"), QStringLiteral("fit"), "Home", [this] { m_canvas->fit(); });
    c.add(view, "zoomIn", tr("Zoom in"), QStringLiteral("zoom-in"),
          "Ctrl++ Ctrl+=", [this] { m_canvas->zoomStep(1); });
    c.add(view, "zoomOut", tr("Zoom out"), QStringLiteral("zoom-out"), "Ctrl+-",
          [this] { m_canvas->zoomStep(-1); });
    c.addHeld(tr("hold H"), view, tr("Image without outlines"));
    c.addHeld(tr("hold Q"), view, tr("Proposal instead of annotation"));
    c.addHeld(tr("hold Space"), view, tr("Pan"));
    c.addHeld(tr("hold T + wheel"), model, tr("Move the threshold"));
    c.addHeld(tr("Shift + wheel"), toolGroup, tr("Tool size"));
    c.addHeld(tr("Ctrl or right button"), toolGroup, tr("The opposite: subtract instead of add"));
    c.addHeld(tr("Enter, Esc, Backspace"), toolGroup, tr("Finish a gesture, drop it, go one step back"));

    // Move
    c.add(move, "next", tr("&Next image"), QStringLiteral("chevron-right"), "Right PgDown",
          [this] { m_session->step(1); });
    c.add(move, "previous", tr("&Previous image"), QStringLiteral("chevron-left"), "Left PgUp",
          [this] { m_session->step(-1); });
    c.add(move, "nextUndone", tr("Next &undone image"), {}, "N", [this] { m_session->stepUndone(1); });
    c.add(move, "previousUndone", tr("Previous un&done image"), {}, "Shift+N",
          [this] { m_session->stepUndone(-1); });
    c.add(move, "showFile", tr("&Show file"), {}, "", [this] {
        if (m_session->hasProject() && m_session->current() != 0)
            QDesktopServices::openUrl(QUrl::fromLocalFile(
                QFileInfo(QString::fromStdString(m_session->project()->absolutePath(m_session->current())))
                    .absolutePath()));
    });

    // Decide: a held key decides one image
    c.add(decide, "accept", tr("&Accept and next"), QStringLiteral("check"), "A", [this] {
         accept(false);
     })->setAutoRepeat(false);
    c.add(decide, "reject", tr("&Reject…"), QStringLiteral("close"), "X", [this] {
         askReject();
     })->setAutoRepeat(false);
    c.add(decide, "takeBack", tr("&Take back the last decision"), QStringLiteral("history"), "Shift+A",
          [this] {
              if (!m_session->takeBack())
                  say(tr("There is no decision to take back."));
          })
        ->setAutoRepeat(false);
    QAction* flag = c.add(decide, "flag", tr("&Flag"), QStringLiteral("flag"), "Shift+X",
                          [this] { m_session->toggleFlag(); });
    flag->setAutoRepeat(false);
    flag->setCheckable(true);
    c.add(decide, "comment", tr("Add a c&omment"), QStringLiteral("comment"), "Shift+C",
          [this] { bringUp(m_commentSection, m_comments->entry()); });

    // Two annotations into one; the keys are free while nobody agrees.
    const QString agree = tr("Agree");
    c.add(agree, "agree", tr("A&gree on one annotation"), QStringLiteral("person"), "",
          [this] { m_agreement->active() ? m_agreement->leave() : m_agreement->begin(); });
    c.add(agree, "nextArea", tr("Next area"), QStringLiteral("chevron-down"), "Down",
          [this] { m_agreement->step(1); });
    c.add(agree, "previousArea", tr("Previous area"), QStringLiteral("chevron-up"), "Up",
          [this] { m_agreement->step(-1); });
    c.add(agree, "takeFirst", tr("Take A"), {}, "Ctrl+Left",
          [this] { m_agreement->take(AgreementWork::Decision::First); });
    c.add(agree, "takeSecond", tr("Take B"), {}, "Ctrl+Right",
          [this] { m_agreement->take(AgreementWork::Decision::Second); });
    c.add(agree, "takeByHand", tr("As drawn by hand"), {}, "Ctrl+Down",
          [this] { m_agreement->take(AgreementWork::Decision::ByHand); });

    // What is selected in the list
    const QString selection = tr("Selected images");
    c.add(selection, "runSelected", tr("Run model on selected images"), QStringLiteral("run"), "",
          [this] { m_session->runModelOn(selectedImages()); });
    c.add(selection, "exportSelected", tr("Export selected images…"), QStringLiteral("export"), "",
          [this] { showExport(true); });
    c.add(selection, "acceptSelected", tr("Accept selected images"), QStringLiteral("check"), "",
          [this] { setStateOfSelected(ReviewState::Accepted); });
    c.add(selection, "submitSelected", tr("Submit selected images"), {}, "",
          [this] { setStateOfSelected(ReviewState::Submitted); });
    c.add(selection, "rejectSelected", tr("Reject selected images…"), QStringLiteral("close"), "", [this] {
        m_rejectTargets = selectedImages();
        askReject();
    });
    c.add(selection, "reopenSelected", tr("Reopen selected images"), {}, "",
          [this] { setStateOfSelected(ReviewState::InProgress); });
    c.add(selection, "flagSelected", tr("Flag selected images"), QStringLiteral("flag"), "", [this] {
        const int done = m_session->setFlags(selectedImages(), true);
        tellSeveral(done, tr("%n images were flagged.", nullptr, done));
    });
    c.add(selection, "unflagSelected", tr("Remove the flag from selected images"), {}, "", [this] {
        const int done = m_session->setFlags(selectedImages(), false);
        tellSeveral(done, tr("%n flags were removed.", nullptr, done));
    });
    c.add(selection, "assignToMe", tr("Assign selected images to me"), QStringLiteral("person"), "", [this] {
        if (m_session->hasProject())
            assignSelected(m_session->project()->currentPerson());
    });
    c.add(selection, "assignToNobody", tr("Assign selected images to no one"), {}, "",
          [this] { assignSelected(kNobody); });
}

void MainWindow::makeMenus() {
    const auto fill = [this](QMenu* menu, std::initializer_list<const char*> ids) {
        for (const char* id : ids) {
            if (*id == 0)
                menu->addSeparator();
            else
                menu->addAction(m_commands->action(QLatin1String(id)));
        }
    };
    QMenu* file = menuBar()->addMenu(tr("&File"));
    fill(file, {"openFolder", "openFiles", "openProject", "openDemo"});
    m_recentMenu = file->addMenu(Theme::icon(QStringLiteral("history")), tr("&Recent"));
    fill(file, {"", "saveNow", "saveElsewhere", "export", "", "closeProject", "quit"});
    QMenu* edit = menuBar()->addMenu(tr("&Edit"));
    fill(edit, {"undo", "redo", "", "fillHoles", "keepLargest", "smooth", "specks", "clean", "", "clearLabel",
                "noLesion", "", "copyMeasurements", "find", "", "keys", "settings"});
    QMenu* view = menuBar()->addMenu(tr("&View"));
    fill(view, {"fit", "actualSize", "toggleFit", "zoomIn", "zoomOut", "", "outlineStyle", "uncertaintyLayer",
                "readOut", "", "compareOff", "compareSide", "compareSwipe", "compareDifference", "", "grid",
                "panels", "fullScreen", "resetLayout"});
    QMenu* image = menuBar()->addMenu(tr("&Image"));
    fill(image, {"next", "previous", "nextUndone", "previousUndone", "", "runProposal", "runHere", "runAll",
                 "cancelRuns"});
    m_modelMenu = image->addMenu(tr("&Model"));
    connect(m_modelMenu, &QMenu::aboutToShow, this, &MainWindow::fillModelMenu);
    m_modelButton->setMenu(m_modelMenu);
    fill(image, {"chooseModel", "", "showFile"});
    QMenu* tools = menuBar()->addMenu(tr("&Tools"));
    fill(tools, {"brush", "eraser", "lasso", "polygon", "wand", "contour", "region", "ruler", "", "smaller",
                 "larger"});
    QMenu* review = menuBar()->addMenu(tr("&Review"));
    fill(review, {"accept", "reject", "takeBack", "flag", "comment", "", "useProposal", "threshold", "",
                  "agree", "nextArea", "previousArea", "takeFirst", "takeSecond", "takeByHand", ""});
    QMenu* selected = review->addMenu(tr("&Selected images"));
    fill(selected, {"runSelected", "exportSelected", "", "acceptSelected", "submitSelected", "rejectSelected",
                    "reopenSelected", "", "flagSelected", "unflagSelected"});
    m_assignMenu = selected->addMenu(Theme::icon(QStringLiteral("person")), tr("&Assign to"));
    connect(m_assignMenu, &QMenu::aboutToShow, this, &MainWindow::fillAssignMenu);
    QMenu* help = menuBar()->addMenu(tr("&Help"));
    fill(help, {"keys", "activity", "", "about"});
}

void MainWindow::setTool(ToolId tool) {
    m_tool = tool;
    static const std::map<ToolId, const char*> names = {
        {ToolId::Brush, "brush"},     {ToolId::Eraser, "eraser"}, {ToolId::Lasso, "lasso"},
        {ToolId::Polygon, "polygon"}, {ToolId::Wand, "wand"},     {ToolId::Contour, "contour"},
        {ToolId::Region, "region"},   {ToolId::Ruler, "ruler"}};
    QAction* action = m_commands->action(QLatin1String(names.at(tool)));
    action->setChecked(true);
    m_options->setTool(tool, action->text());
    m_canvas->setTool(m_tools[tool].get());
    setPreview({});
    prepareTool();
}

// What the tool needs of the shown image before the first press.
void MainWindow::prepareTool() {
    if (m_tool == ToolId::Wand)
        m_session->prepareLabImage();
}

// --------------------------------------------------------------------------------------------- opening

void MainWindow::open(const QStringList& paths) {
    if (paths.isEmpty())
        return;
    endEdits();
    if (!mayStopTasks(tr("Stop and open")))
        return;
    if (m_session->hasProject())
        m_session->waitUntilSaved(5000);
    m_session->open(paths);
    m_canvas->setFocus();
}

void MainWindow::chooseFolder() {
    const QString start = QSettings().value(QStringLiteral("lastFolder"), QDir::homePath()).toString();
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Open a folder of images"), start);
    if (!folder.isEmpty())
        open({folder});
}

void MainWindow::chooseModel() {
    const QString file = QFileDialog::getOpenFileName(
        this, tr("Choose a model file"),
        QSettings().value(QStringLiteral("lastModelFolder"), QDir::homePath()).toString(),
        tr("Models (*.safetensors *.pth);;All files (*)"));
    if (file.isEmpty())
        return;
    QSettings().setValue(QStringLiteral("lastModelFolder"), QFileInfo(file).absolutePath());
    std::vector<ModelChoice> models = m_session->models();
    models.push_back(modelChoiceOf(QFileInfo(file).completeBaseName(), file, m_session->deviceChoice()));
    const int chosen = static_cast<int>(models.size()) - 1;
    setModels(std::move(models));
    m_session->chooseModel(chosen);
}

// ------------------------------------------------------------------------------------------------ focus

QList<QWidget*> MainWindow::panes() const {
    return {m_worklist, m_toolRail, m_options, m_canvas, m_sidePane};
}

void MainWindow::refreshTabOrder() {
    QWidget* last = nullptr;
    for (QWidget* pane : panes()) {
        QList<QWidget*> stops = pane->findChildren<QWidget*>();
        if (pane == m_canvas)
            stops.prepend(m_canvas);
        for (QWidget* stop : stops) {
            // Popups of boxes are windows of their own.
            if (!(stop->focusPolicy() & Qt::TabFocus) || stop->focusProxy() || stop->window() != this)
                continue;
            if (last)
                setTabOrder(last, stop);
            last = stop;
        }
    }
}

void MainWindow::focusPane(int direction) {
    // The side pane counts twice: its panels, and the review buttons below them.
    QList<QWidget*> all = panes();
    all.append(m_reviewBar);
    const QWidget* focus = QApplication::focusWidget();
    int at = -1;
    for (int i = 0; i < all.size(); ++i) {
        if (focus && (all[i] == focus || all[i]->isAncestorOf(focus)))
            at = i;
    }
    if (at < 0)
        at = direction > 0 ? -1 : static_cast<int>(all.size());
    for (int k = 1; k <= all.size(); ++k) {
        const int count = static_cast<int>(all.size());
        QWidget* pane = all[((at + direction * k) % count + count) % count];
        QList<QWidget*> stops = pane->findChildren<QWidget*>();
        // The list itself is what a person wants of the worklist's pane.
        stops.prepend(pane == m_worklist ? static_cast<QWidget*>(m_worklist->view()) : pane);
        for (QWidget* stop : stops) {
            if ((stop->focusPolicy() & Qt::TabFocus) && stop->isVisible() && stop->isEnabled()) {
                stop->setFocus(Qt::TabFocusReason);
                return;
            }
        }
    }
}

void MainWindow::chooseMissing() {
    const QString start = QSettings().value(QStringLiteral("lastFolder"), QDir::homePath()).toString();
    const QString folder =
        QFileDialog::getExistingDirectory(this, tr("Where are the missing images now?"), start);
    if (folder.isEmpty())
        return;
    say(tr("Looking for the missing images in %1…").arg(QDir::toNativeSeparators(folder)));
    m_session->locate(folder);
}

// A folder or project that is no longer where it was takes the place of the old entry.
void MainWindow::locateRecent(const QString& path) {
    const bool project = path.endsWith(QLatin1String(".limn"), Qt::CaseInsensitive);
    const QString title = tr("Where is %1 now?").arg(QFileInfo(path).fileName());
    const QString chosen =
        project ? QFileDialog::getOpenFileName(this, title, QDir::homePath(), tr("Limn projects (*.limn)"))
                : QFileDialog::getExistingDirectory(this, title, QDir::homePath());
    if (chosen.isEmpty())
        return;
    QStringList list = recent();
    list.removeAll(path);
    QSettings().setValue(QStringLiteral("recent"), list);
    open({chosen});
}

void MainWindow::chooseFiles() {
    const QString start = QSettings().value(QStringLiteral("lastFolder"), QDir::homePath()).toString();
    const QStringList files = QFileDialog::getOpenFileNames(
        this, tr("Open images"), start,
        tr("Images (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.nrrd *.mha *.mhd *.dcm);;All files (*)"));
    if (!files.isEmpty())
        open(files);
}

void MainWindow::chooseProject() {
    const QString start = QSettings().value(QStringLiteral("lastFolder"), QDir::homePath()).toString();
    const QString file =
        QFileDialog::getOpenFileName(this, tr("Open a project"), start, tr("Limn projects (*.limn)"));
    if (!file.isEmpty())
        open({file});
}

void MainWindow::openDemo() {
    const QString source = demoFolder();
    const QString target =
        QStandardPaths::writableLocation(QStandardPaths::AppDataLocation) + QStringLiteral("/demo");
    if (source.isEmpty() && !QDir(target).exists()) {
        m_banners->show(
            {QStringLiteral("demo"),
             Banner::Kind::Warning,
             tr("The demo images are not installed: the folder \"demo\" is missing beside the program. "
                "Open a folder of your own instead."),
             {{tr("Open folder"), [this] { chooseFolder(); }, false}},
             {},
             {},
             {}});
        return;
    }
    // A copy of one's own, so that edits have a place.
    QtConcurrent::run([source, target] {
        QDir().mkpath(target);
        for (const QFileInfo& file : QDir(source).entryInfoList(QDir::Files)) {
            const QString to = target + QLatin1Char('/') + file.fileName();
            if (file.suffix() != QLatin1String("limn") && !file.fileName().contains(QLatin1String("_mask")) &&
                !QFile::exists(to))
                QFile::copy(file.filePath(), to);
        }
    }).then(this, [this, target] { open({target}); });
}

QStringList MainWindow::recent() const {
    return QSettings().value(QStringLiteral("recent")).toStringList();
}

void MainWindow::remember(const QString& path) {
    QStringList list = recent();
    list.removeAll(path);
    list.prepend(path);
    while (list.size() > kMostRecent)
        list.removeLast();
    QSettings settings;
    settings.setValue(QStringLiteral("recent"), list);
    settings.setValue(QStringLiteral("lastFolder"),
                      path.endsWith(QLatin1String(".limn")) ? QFileInfo(path).absolutePath() : path);
    refreshRecent();
}

// By its folder of images, where opening that would find it.
void MainWindow::rememberProject() {
    const Project& project = *m_session->project();
    const QString folder = QString::fromStdString(project.imageFolder());
    const QString file = QString::fromStdString(project.filePath());
    const bool kept =
        std::any_of(project.notices().begin(), project.notices().end(), [](const ProjectNotice& notice) {
            return notice.kind == ProjectNotice::Kind::ProjectElsewhere;
        });
    remember(file.isEmpty() || kept || QFileInfo(file).absolutePath() == folder ? folder : file);
}

void MainWindow::refreshRecent() {
    const QStringList list = recent();
    m_recentMenu->clear();
    for (const QString& path : list)
        m_recentMenu->addAction(QDir::toNativeSeparators(path), this, [this, path] {
            if (QFileInfo::exists(path))
                open({path});
            else
                locateRecent(path);
        });
    m_recentMenu->setEnabled(!list.isEmpty());
    m_start->setRecent(list);
}

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
    if (!event->mimeData()->hasUrls())
        return;
    m_pendingDrop.clear();
    for (const QUrl& url : event->mimeData()->urls()) {
        if (url.isLocalFile())
            m_pendingDrop.append(url.toLocalFile());
    }
    if (m_pendingDrop.isEmpty())
        return;
    event->acceptProposedAction();
    const bool one = m_pendingDrop.size() == 1;
    const QFileInfo info(m_pendingDrop.first());
    const bool project = one && info.suffix().compare(QLatin1String("limn"), Qt::CaseInsensitive) == 0;
    const int count = static_cast<int>(m_pendingDrop.size());
    const int looked = std::min(count, 100); // thousands would hold up the drag
    const bool folders = std::any_of(m_pendingDrop.begin(), m_pendingDrop.begin() + looked,
                                     [](const QString& path) { return QFileInfo(path).isDir(); });
    showDropFrame(project || (one && folders && !m_session->hasProject()) ? tr("Open %1").arg(info.fileName())
                  : one && folders ? tr("Add the images of %1").arg(info.fileName())
                  : folders        ? tr("Add %n files and folders", nullptr, count)
                                   : tr("Add %n images", nullptr, count));
}

void MainWindow::showDropFrame(const QString& text) {
    m_dropFrame->setText(text);
    m_dropFrame->setVisible(!text.isEmpty());
    m_dropFrame->setGeometry(rect());
    m_dropFrame->raise();
}

void MainWindow::dragLeaveEvent(QDragLeaveEvent*) {
    showDropFrame({});
}

void MainWindow::dropEvent(QDropEvent* event) {
    showDropFrame({});
    event->acceptProposedAction();
    const QStringList paths = std::exchange(m_pendingDrop, {});
    if (paths.isEmpty())
        return;
    const bool project =
        paths.size() == 1 && paths.first().endsWith(QLatin1String(".limn"), Qt::CaseInsensitive);
    if (!m_session->hasProject() || project) {
        open(paths);
        return;
    }
    m_banners->show({QStringLiteral("drop"),
                     Banner::Kind::Info,
                     tr("%n dropped: add to this project, or open as a new one?", nullptr,
                        static_cast<int>(paths.size())),
                     {{tr("Add here"), [this, paths] { m_session->addFiles(paths); }, false},
                      {tr("New project"), [this, paths] { open(paths); }, false}},
                     {},
                     {},
                     {}});
}

// -------------------------------------------------------------------------------------------- commands

void MainWindow::say(const QString& text, const QString& remedy, std::function<void()> run) {
    // The remedy is there whatever the room.
    const QFontMetrics metrics(m_messageLabel->font());
    const int room = m_messageLabel->width() - metrics.horizontalAdvance(remedy) - 16;
    const QString shown =
        remedy.isEmpty() ? text : metrics.elidedText(text, Qt::ElideRight, std::max(room, 60));
    QString html = shown.toHtmlEscaped();
    if (!remedy.isEmpty())
        html += QStringLiteral(" <a href=\"remedy\">%1</a>").arg(remedy.toHtmlEscaped());
    m_messageLabel->setText(html);
    m_messageLabel->setToolTip(text);
    m_remedy = std::move(run);
    m_messageTimer.start(remedy.isEmpty() ? 7000 : 10000);
}

void MainWindow::sayLocked() {
    const Label* label =
        m_session->document() ? m_session->document()->findLabel(m_session->activeLabel()) : nullptr;
    if (label)
        say(tr("No effect: %1 is locked.").arg(QString::fromStdString(label->name)), tr("Unlock"),
            [this, value = label->value] { m_labels->setLocked(value, false); });
}

void MainWindow::sayNoProposal(const QString& text) {
    const bool models = !m_session->models().empty();
    say(text, models ? tr("Run model") : tr("Choose a model…"), [this, models] {
        m_commands->action(models ? QStringLiteral("runProposal") : QStringLiteral("chooseModel"))->trigger();
    });
}

bool MainWindow::mayCommand() {
    if (m_canvas->gestureActive()) {
        say(tr("A gesture is still going on: release the button first, or drop it with Esc."));
        return false;
    }
    return m_host.mayEdit();
}

void MainWindow::useProposal() {
    if (!mayCommand())
        return;
    AnnotationDocument* d = m_session->document();
    if (!d->proposal()) {
        if (m_session->proposalPending())
            say(tr("The proposal is still being computed."));
        else
            sayNoProposal(tr("There is no proposal to use."));
        return;
    }
    if (!m_session->scope() && d->hasHandEdits()) {
        m_banners->show({QStringLiteral("useMode"),
                         Banner::Kind::Info,
                         tr("This image has edits by hand. Add the proposal to them, or replace them?"),
                         {{tr("Add (Enter)"), [this] { useProposal(UseMode::Add); }, false},
                          {tr("Replace"), [this] { useProposal(UseMode::Replace); }, false},
                          {tr("Cancel"), [] {}, false}},
                         {},
                         {},
                         {}});
        return;
    }
    useProposal(m_session->scope() ? UseMode::Replace : UseMode::Add);
}

void MainWindow::useProposal(UseMode mode) {
    AnnotationDocument* d = m_session->document();
    if (!d || !d->proposal())
        return;
    const EditOutcome outcome = d->useProposal(m_host.rules(), mode);
    m_host.explain(outcome);
    if (outcome.changedPixels > 0)
        say(tr("The proposal was used at threshold %1.").arg(QLocale().toString(d->threshold(), 'f', 2)));
    else if (outcome.protectedPixels == 0)
        say(tr("The proposal changes nothing here."));
}

void MainWindow::applyCleanUp(StepKind kind, const MaskEdit& change) {
    if (!mayCommand())
        return;
    if (change.empty())
        say(tr("There was nothing to change."));
    else
        m_host.explain(m_session->document()->apply(kind, m_host.rules(), change));
}

void MainWindow::cleanUp(StepKind kind) {
    if (!mayCommand())
        return;
    AnnotationDocument* d = m_session->document();
    const TileMap labels = d->labels();
    const std::uint8_t label = m_session->activeLabel();
    const std::shared_ptr<const PixelArea> scope = m_session->scope();
    const std::uint64_t revision = d->revision();
    // On a worker, since a large image may take a while; an edit made meanwhile wins.
    const ReviewSession::EditTicket ticket = m_session->editBegins();
    const auto cancel = std::make_shared<CancelToken>();
    m_cleanUps.push_back(cancel);
    m_session->pools()
        .cleaning
        .run([labels, label, scope, kind, cancel] {
            return kind == StepKind::KeepLargest ? keepLargest(labels, label, scope.get(), cancel.get())
                                                 : clean(labels, label, scope.get(), cancel.get());
        })
        .then(this, [this, d, revision, kind, ticket, cancel](const MaskEdit& change) {
            std::erase(m_cleanUps, cancel);
            const bool wanted = !cancel->cancelled() && m_session->document() == d;
            if (wanted && (d->revision() != revision || d->strokeOpen()))
                say(tr("The mask was changed meanwhile: nothing was cleaned up."));
            else if (wanted)
                applyCleanUp(kind, change);
            m_session->editEnds(ticket);
        });
}

// Before leaving: a gesture in progress is dropped; what was done and is still computed is waited for.
void MainWindow::endEdits() {
    m_canvas->dropGesture();
    QElapsedTimer clock;
    clock.start();
    QEventLoop loop;
    QTimer poll;
    connect(&poll, &QTimer::timeout, &loop, [&] {
        if (!m_session->editPending() || clock.elapsed() > kLongestEditMs)
            loop.quit();
    });
    poll.start(5);
    if (m_session->editPending())
        loop.exec(QEventLoop::ExcludeUserInputEvents);
}

// Drops clean-ups that are still computed. True when there were any.
bool MainWindow::cancelCleanUps() {
    for (const std::shared_ptr<CancelToken>& cancel : m_cleanUps)
        cancel->cancel();
    return !std::exchange(m_cleanUps, {}).empty();
}

void MainWindow::undoRedo(bool undo) {
    if (m_canvas->cancelGesture() || cancelCleanUps())
        return;
    AnnotationDocument* d = m_session->document();
    if (!d)
        return;
    const bool done = undo ? d->undo() : d->redo();
    if (!done) {
        say(undo ? tr("There is nothing to undo.") : tr("There is nothing to redo."));
        return;
    }
    const Rect where = d->lastChange();
    if (!where.empty())
        m_canvas->reveal(where, true);
}

void MainWindow::accept(bool noLesionConfirmed) {
    if (!mayDecide())
        return;
    if (m_session->agreeing()) {
        acceptAgreed();
        return;
    }
    if (m_session->editPending()) {
        say(tr("The image will be decided as soon as its last edit is finished."));
        m_session->afterEdits([this, noLesionConfirmed] { accept(noLesionConfirmed); });
        return;
    }
    const ImageId id = m_session->current();
    switch (m_session->accept(noLesionConfirmed)) {
    case ReviewSession::Decision::Done:
        updateThumbnailOutline(id);
        break;
    case ReviewSession::Decision::NotReady:
        break;
    case ReviewSession::Decision::NeedsNoLesionConfirmation:
        m_banners->show({QStringLiteral("noLesion"),
                         Banner::Kind::Info,
                         tr("Nothing is outlined. Mark as no lesion?"),
                         {{tr("Mark as no lesion (Enter)"), [this] { accept(true); }, false},
                          {tr("Cancel"), [] {}, false}},
                         {},
                         {},
                         {}});
        break;
    case ReviewSession::Decision::Failed:
        break;
    }
}

void MainWindow::acceptAgreed() {
    const int open = m_agreement->openAreas();
    if (open > 0) {
        say(tr("%n areas are not decided yet.", nullptr, open), tr("Next area"),
            [this] { m_agreement->step(1); });
        return;
    }
    (void)m_session->acceptAgreed(); // says itself why not
}

// Whether a decision may leave the image now; says why not.
bool MainWindow::mayDecide() {
    if (m_canvas->gestureActive()) {
        say(tr("Nothing was decided: a gesture is still going on. Release the button first, or drop it with "
               "Esc."));
        return false;
    }
    if (m_canvas->tool() && m_canvas->tool()->unfinished()) {
        say(tr("Nothing was decided: an outline is not closed yet. Enter closes it, Esc drops it."),
            tr("Close it"), [this] { m_canvas->finishGesture(); });
        return false;
    }
    return true;
}

void MainWindow::askReject() {
    if (m_session->current() == 0 || !mayDecide())
        return;
    const QRect anchor(m_rejectButton->mapTo(this, QPoint(0, 0)), m_rejectButton->size());
    m_rejectPopover->popUp(m_rejectButton->isVisible() ? anchor
                                                       : QRect(width() - 300, height() - 60, 280, 20));
}

void MainWindow::rejectImages(const QString& reason) {
    m_canvas->setFocus();
    const std::vector<ImageId> several = std::exchange(m_rejectTargets, {});
    if (several.size() > 1) {
        const int done = m_session->setStates(several, ReviewState::Rejected, reason);
        tellSeveral(done, tr("%n images were rejected.", nullptr, done));
        return;
    }
    m_session->afterEdits([this, reason] {
        const ImageId id = m_session->current();
        if (m_session->reject(reason) == ReviewSession::Decision::Done)
            updateThumbnailOutline(id);
    });
}

std::vector<ImageId> MainWindow::selectedImages() const {
    std::vector<ImageId> ids = m_worklist->selected();
    if (ids.empty() && m_session->current() != 0)
        ids.push_back(m_session->current());
    return ids;
}

void MainWindow::setStateOfSelected(ReviewState state) {
    const std::vector<ImageId> ids = selectedImages();
    const int done = m_session->setStates(ids, state);
    const int left = static_cast<int>(ids.size()) - done;
    QString text = state == ReviewState::Accepted    ? tr("%n images were accepted.", nullptr, done)
                   : state == ReviewState::Submitted ? tr("%n images were submitted.", nullptr, done)
                                                     : tr("%n images are open again.", nullptr, done);
    if (left > 0)
        text += QLatin1Char(' ') +
                (state == ReviewState::InProgress
                     ? tr("%n were left as they are.", nullptr, left)
                     : tr("%n were left as they are: nobody has annotated them, or they are already decided.",
                          nullptr, left));
    tellSeveral(done, text);
}

void MainWindow::assignSelected(PersonId person) {
    if (!m_session->hasProject())
        return;
    const int done = m_session->assign(selectedImages(), person);
    tellSeveral(done, person == kNobody
                          ? tr("%n images are no longer assigned to anyone.", nullptr, done)
                          : tr("%n images were assigned to %1.", nullptr, done)
                                .arg(QString::fromStdString(m_session->project()->personName(person))));
}

void MainWindow::tellSeveral(int done, const QString& text) {
    if (done == 0) {
        say(text);
        return;
    }
    m_toast->show(text, tr("Undo"), [this] {
        const int back = m_session->takeBackSeveral();
        say(tr("%n images are again as they were.", nullptr, back));
    });
}

void MainWindow::fillAssignMenu() {
    m_assignMenu->clear();
    m_assignMenu->addAction(m_commands->action(QStringLiteral("assignToMe")));
    m_assignMenu->addAction(m_commands->action(QStringLiteral("assignToNobody")));
    if (!m_session->hasProject())
        return;
    m_assignMenu->addSeparator();
    for (const PersonRecord& person : m_session->project()->people()) {
        if (person.id != m_session->project()->currentPerson())
            m_assignMenu->addAction(QString::fromStdString(person.name), this,
                                    [this, id = person.id] { assignSelected(id); });
    }
}

void MainWindow::resizeTool(int steps) {
    const auto scaled = [steps](double v) {
        for (int i = 0; i < std::abs(steps); ++i) {
            const double step = v < 10 ? 1.0 : std::round(v * 0.12);
            v = steps > 0 ? v + step : v - std::max(1.0, v <= 10 ? 1.0 : std::round(v * 0.107));
        }
        return std::clamp(v, kSmallestBrushPx, kLargestBrushPx);
    };
    if (m_tool == ToolId::Eraser)
        m_toolSettings.eraserPx = scaled(m_toolSettings.eraserPx);
    else if (m_tool == ToolId::Contour)
        m_toolSettings.contour.diameterPx = std::max(2.0, scaled(m_toolSettings.contour.diameterPx));
    else
        m_toolSettings.brushPx = scaled(m_toolSettings.brushPx);
    m_options->refresh();
    m_canvas->toolChanged();
}

void MainWindow::chooseLabel(int index) {
    const AnnotationDocument* d = m_session->document();
    if (!d)
        return;
    if (index < static_cast<int>(d->labelTable().size()))
        m_session->setActiveLabel(d->labelTable()[static_cast<std::size_t>(index)].value);
    else
        say(tr("There is no label %1.").arg(index + 1), tr("Add a label"),
            [this] { m_labels->addButton()->click(); });
}

void MainWindow::copyMeasurements() {
    QApplication::clipboard()->setText(m_measure->tableText());
    say(tr("The measurements are on the clipboard."));
}

void MainWindow::askPerson() {
    if (m_banners->contains(QStringLiteral("person")))
        return;
    Banner banner;
    banner.id = QStringLiteral("person");
    banner.text = tr("Your edits are saved under this name. Is it right?");
    banner.entry = m_session->personName();
    banner.entered = [this](const QString& name) {
        m_session->setPersonName(name);
        m_canvas->setFocus();
    };
    banner.actions.push_back({tr("Yes"),
                              [this] {
                                  auto* entry = findChild<QLineEdit*>(QStringLiteral("bannerEntry"));
                                  m_session->setPersonName(entry ? entry->text() : m_session->personName());
                              },
                              false});
    banner.closed = [this] { m_session->setPersonName(m_session->personName()); };
    m_banners->show(std::move(banner));
}

// A field of the side pane: seen, and with the keys going there.
void MainWindow::bringUp(Section* section, QWidget* field) {
    m_commands->action(QStringLiteral("panels"))->setChecked(true);
    section->setOpen(true);
    field->setFocus(Qt::ShortcutFocusReason);
    QTimer::singleShot(0, field, [this, field] { m_panelScroll->ensureWidgetVisible(field); });
}

// ------------------------------------------------------------------------------------------- held keys

void MainWindow::endHeldKeys() {
    m_holdThreshold = false;
    if (!m_holdBare && !m_holdProposal)
        return;
    m_holdBare = m_holdProposal = false;
    refreshOverlay();
}

void MainWindow::finishGesture() {
    if (m_cleanUpBar->active()) {
        m_cleanUpBar->apply();
        return;
    }
    for (const char* id : {"noLesion", "useMode"}) {
        if (m_banners->contains(QLatin1String(id))) {
            m_banners->activate(0);
            return;
        }
    }
    m_canvas->finishGesture();
}

void MainWindow::cancelGesture() {
    if (m_cleanUpBar->active()) {
        m_cleanUpBar->cancel();
        return;
    }
    for (const char* id : {"noLesion", "useMode"}) {
        if (m_banners->contains(QLatin1String(id))) {
            m_banners->remove(QLatin1String(id));
            return;
        }
    }
    if (m_canvas->cancelGesture() || cancelCleanUps())
        return;
    if (m_session->scope())
        m_session->setScope(nullptr);
    else if (m_commands->action(QStringLiteral("grid"))->isChecked())
        m_commands->action(QStringLiteral("grid"))->setChecked(false);
    else
        m_canvas->setFocus();
}

void MainWindow::keyPressEvent(QKeyEvent* event) {
    switch (event->key()) {
    case Qt::Key_Return:
    case Qt::Key_Enter:
        finishGesture();
        return;
    case Qt::Key_Escape:
        cancelGesture();
        return;
    case Qt::Key_Backspace:
        if (m_canvas->tool())
            m_canvas->tool()->stepBack();
        return;
    default:
        break;
    }
    // Layouts without Latin letters, and those that need Shift for digits: the command of what other layouts
    // have at this place.
    if (!typing() && !event->isAutoRepeat()) {
        int key = latinKey(*event);
        if (const int digit = digitKey(*event); key == 0 && digit != 0)
            key = Qt::Key_0 + digit;
        const Command* command =
            key == 0 ? nullptr
                     : m_commands->commandFor(
                           QKeySequence(QKeyCombination(event->modifiers(), static_cast<Qt::Key>(key))));
        if (command) {
            command->action->trigger();
            return;
        }
    }
    QMainWindow::keyPressEvent(event);
}

void MainWindow::offerLargerButtons() {
    const QString offered = QStringLiteral("fingersOffered");
    if (Theme::instance().forFingers() || QSettings().value(offered, false).toBool())
        return;
    QSettings().setValue(offered, true);
    m_banners->show({QStringLiteral("fingers"),
                     Banner::Kind::Info,
                     tr("Larger buttons are easier to hit with a finger."),
                     {{tr("Use them"), [] { Theme::instance().setForFingers(true); }, false},
                      {tr("Not now"), [] {}, false}},
                     {},
                     {},
                     {}});
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
    if (watched == m_canvasPage && event->type() == QEvent::Resize) {
        placeViewBar();
        return false;
    }
    if ((watched == m_pages && (event->type() == QEvent::Resize || event->type() == QEvent::Move)) ||
        (watched == m_banners && event->type() == QEvent::LayoutRequest)) {
        placeBanner();
        return false;
    }
    if (watched == m_toolRail && event->type() == QEvent::Resize) {
        fitToolRail();
        return false;
    }
    if (watched == m_panels && event->type() == QEvent::LayoutRequest) {
        fitSidePane();
        return false;
    }
    // Whoever comes with a finger is offered what a finger can hit, once; not while it draws.
    if (event->type() == QEvent::TouchEnd && watched->isWidgetType())
        offerLargerButtons();
    // Progress says what is running when it is clicked.
    if ((watched == m_taskLabel || watched == m_taskProgress) && event->type() == QEvent::MouseButtonPress) {
        showActivity();
        return true;
    }
    // A ring shows that keys go to the canvas, for those who came by keys.
    if (watched == m_canvas && event->type() == QEvent::FocusIn) {
        const Qt::FocusReason reason = static_cast<QFocusEvent*>(event)->reason();
        m_focusRing->setVisible(reason == Qt::TabFocusReason || reason == Qt::BacktabFocusReason);
        placeFocusRing();
    } else if (watched == m_canvas &&
               (event->type() == QEvent::FocusOut || event->type() == QEvent::MouseButtonPress)) {
        m_focusRing->hide();
    }
    // Lists look for names by the letters typed into them: here letters and digits are commands.
    if ((watched == m_worklist->view() || watched == m_grid) && event->type() == QEvent::KeyPress) {
        auto* key = static_cast<QKeyEvent*>(event);
        if (latinKey(*key) != 0 || digitKey(*key) != 0) {
            keyPressEvent(key);
            return true;
        }
    }
    switch (event->type()) {
    case QEvent::ShortcutOverride:
    case QEvent::KeyPress:
    case QEvent::KeyRelease: {
        if (!isActiveWindow() || typing())
            break;
        auto* key = static_cast<QKeyEvent*>(event);
        const int latin = latinKey(*key);
        const int pressed = latin != 0 ? latin : key->key();
        if (pressed == Qt::Key_T && !key->isAutoRepeat())
            m_holdThreshold = event->type() != QEvent::KeyRelease;
        if ((pressed != Qt::Key_H && pressed != Qt::Key_Q) || key->modifiers() != Qt::NoModifier)
            break;
        if (event->type() == QEvent::ShortcutOverride) {
            event->accept();
            return true;
        }
        if (key->isAutoRepeat())
            return true;
        const bool down = event->type() == QEvent::KeyPress;
        bool& held = pressed == Qt::Key_H ? m_holdBare : m_holdProposal;
        if (held != down) {
            held = down;
            refreshOverlay();
        }
        return true;
    }
    case QEvent::Wheel:
        if (m_holdThreshold && watched == m_canvas && m_session->document() &&
            m_session->document()->proposal()) {
            const int delta = static_cast<QWheelEvent*>(event)->angleDelta().y();
            m_session->document()->setThreshold(m_session->document()->threshold() +
                                                (delta > 0 ? 0.01f : -0.01f));
            return true;
        }
        break;
    case QEvent::WindowDeactivate:
    case QEvent::ApplicationDeactivate:
        endHeldKeys();
        break;
    case QEvent::FocusIn:
        if (typing()) // the keys' release is a letter's there
            endHeldKeys();
        break;
    default:
        break;
    }
    return QMainWindow::eventFilter(watched, event);
}

void MainWindow::changeEvent(QEvent* event) {
    QMainWindow::changeEvent(event);
    if (event->type() == QEvent::WindowStateChange) {
        QAction* full = m_commands->action(QStringLiteral("fullScreen"));
        const QSignalBlocker blocker(full);
        full->setChecked(isFullScreen());
    }
}

} // namespace limn
