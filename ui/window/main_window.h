// SPDX-License-Identifier: GPL-3.0-or-later
// The window: puts canvas, tools, worklist and panels around a ReviewSession, and turns commands into calls
// of it. Rules of reviewing live in the session, rules of editing in the annotation document. GUI thread.
#pragma once

#include "ui/canvas/overlay_compositor.h"
#include "ui/session/agreement_work.h"
#include "ui/session/comparison.h"
#include "ui/session/image_versions.h"
#include "ui/session/review_session.h"
#include "ui/tools/edit_tools.h"
#include "ui/window/commands.h"

#include <QElapsedTimer>
#include <QMainWindow>
#include <QPointer>

#include <functional>
#include <map>
#include <memory>

class QButtonGroup;
class QComboBox;
class QLabel;
class QListView;
class QProgressBar;
class QPushButton;
class QScrollArea;
class QSplitter;
class QStackedWidget;
class QToolButton;

namespace limn {

class ActivityPanel;
class AgreementBar;
class BannerBar;
class CanvasView;
class CleanUpBar;
class CommentPanel;
class CompareBar;
class ElidedLabel;
class ExportDialog;
class HistoryPanel;
class LabelPanel;
class LabelSource;
class MeasurePanel;
class OptionBar;
class ProposalPanel;
class RejectPopover;
class Section;
class SmallOutlines;
class StartPage;
class Thumbnails;
struct Banner;
struct Task;
class Toast;
class WorklistPane;

// What a canvas shows over the image.
enum class OverlayKind { Everything, Proposal, SideA, SideB, Difference, Agreement, Bare };

class MainWindow : public QMainWindow {
    Q_OBJECT

public:
    enum class Style { Outline, OutlineAndFill, Fill };
    enum class Compare { Off, Side, Swipe, Difference };

    explicit MainWindow(QWidget* parent = nullptr);
    ~MainWindow() override;

    void open(const QStringList& paths);
    ReviewSession& session() { return *m_session; }
    Commands& commands() { return *m_commands; }
    Comparison& comparison() { return *m_comparison; }
    ImageVersions& versions() { return *m_versions; }
    AgreementWork& agreement() { return *m_agreement; }
    CanvasView& canvas() { return *m_canvas; }
    ToolSettings& toolSettings() { return m_toolSettings; }
    ToolId tool() const { return m_tool; }
    void setTool(ToolId tool);
    QString statusText() const;
    QString bannerText() const;
    // The models that were found; the window looks for none itself.
    void setModels(std::vector<ModelChoice> models);

protected:
    void resizeEvent(QResizeEvent* event) override;
    void closeEvent(QCloseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    void dragEnterEvent(QDragEnterEvent* event) override;
    void dragLeaveEvent(QDragLeaveEvent* event) override;
    void dropEvent(QDropEvent* event) override;
    void changeEvent(QEvent* event) override;

private:
    // Construction
    void makeCommands();
    void makeMenus();
    void makeLayout();
    void connectSession();
    void readLayout();
    void resetLayout();

    // Opening
    void chooseFolder();
    void chooseFiles();
    void chooseProject();
    void chooseMissing();
    void locateRecent(const QString& path);
    void tellMissing();
    void tellSkipped(Banner& banner);
    void tellReopened(ReviewState before);
    void askCamera(const Spacing& spacing);
    void openDemo();
    void remember(const QString& path);
    void rememberProject();
    QStringList recent() const;
    void refreshRecent();

    // View
    void refreshOverlay();
    void refreshOverlayOf(OverlayKind kind, CanvasView* canvas, bool second);
    void refreshPage();
    bool nothingToShow() const;
    void refreshStatus();
    void refreshPointer();
    void refreshTasks();
    // What a person waits for; with `all` also what is no task of theirs, such as saving.
    std::vector<Task> tasks(bool all) const;
    void cancelTasks();
    // Work that would be lost is going on: asks whether to stop it. True: nothing goes on any more, or the
    // person agreed.
    bool mayStopTasks(const QString& stop);
    void showActivity();
    void tellSeveral(int done, const QString& text);
    void refreshTitle();
    void refreshCanvasDescription();
    void refreshReview();
    void refreshHistoryActions();
    void refreshModelLine();
    OverlayLayer layerOfSide(Comparison::Side side, int fill) const;
    void addDifferenceLayer(std::vector<OverlayLayer>& layers) const;
    void addAgreementLayers(std::vector<OverlayLayer>& layers) const;
    void fillModelMenu();
    void setCompare(Compare compare);
    void refreshCompare();
    void refreshAgreement();
    void setPreview(PixelArea area, PixelArea removed = {});
    void showRejection();
    void refreshModelBanner();
    void showSecondVersion(const ProjectNotice& notice);
    void chooseModel();
    // The panes in the order in which Tab and F6 visit them.
    QList<QWidget*> panes() const;
    void refreshTabOrder();
    void focusPane(int direction);
    void placeFocusRing();
    void linkViews(CanvasView* from, CanvasView* to);
    void showDropFrame(const QString& text); // empty: hides it
    void placeViewBar();
    void placeBanner();
    void placeSavedLabel();
    void fitSidePane();
    QString usedFirstText() const;
    void endUndoBoth();
    void fitToolRail();
    void fitZoomButton();
    void announcePainted();
    void updateThumbnailOutline(ImageId id);

    // Commands
    void useProposal();
    void useProposal(UseMode mode);
    void cleanUp(StepKind kind);
    bool cancelCleanUps();
    void endEdits();
    void prepareTool();
    void undoRedo(bool undo);
    void applyCleanUp(StepKind kind, const MaskEdit& change);
    void accept(bool noLesionConfirmed);
    void acceptAgreed();
    void askReject();
    void rejectImages(const QString& reason);
    void setStateOfSelected(ReviewState state);
    std::vector<ImageId> selectedImages() const;
    void assignSelected(PersonId person);
    void fillAssignMenu();
    void showExport(bool selection);
    void resizeTool(int steps);
    void chooseLabel(int index);
    void copyMeasurements();
    void finishGesture();
    void cancelGesture();
    void offerLargerButtons();
    // In the status line; the remedy, where there is one, as a link behind it.
    void say(const QString& text, const QString& remedy = {}, std::function<void()> run = {});
    void sayLocked();
    void sayNoProposal(const QString& text);
    void bringUp(Section* section, QWidget* field);
    void endHeldKeys();
    void askPerson();
    bool mayCommand();
    bool mayDecide();

    ToolSettings m_toolSettings;
    ToolHost m_host;
    std::unique_ptr<ReviewSession> m_session;
    ImageVersions* m_versions;
    Comparison* m_comparison;
    AgreementWork* m_agreement;
    Commands* m_commands;
    Thumbnails* m_thumbnails;
    SmallOutlines* m_outlines;
    std::map<ToolId, std::unique_ptr<CanvasTool>> m_tools;
    ToolId m_tool = ToolId::Brush;

    QSplitter* m_splitter;
    WorklistPane* m_worklist;
    std::optional<std::size_t>
        m_stepsBeforeUse; // of the shown image, where the first stroke used its proposal
    QWidget* m_toolRail;
    std::vector<QToolButton*> m_railButtons;
    OptionBar* m_options;
    BannerBar* m_banners;
    QWidget* m_bannerRoom; // where it pushes what is shown down instead of lying over it
    Toast* m_toast;
    QStackedWidget* m_pages;
    StartPage* m_start;
    QWidget* m_canvasPage;
    CanvasView* m_canvas;
    CanvasView* m_second;
    QListView* m_grid;
    QLabel* m_errorText;
    QWidget* m_sidePane;
    QScrollArea* m_panelScroll;
    QWidget* m_panels; // in it, scrolled
    LabelPanel* m_labels;
    ProposalPanel* m_proposal;
    MeasurePanel* m_measure;
    Section* m_proposalSection;
    CommentPanel* m_comments;
    Section* m_commentSection;
    HistoryPanel* m_history;
    CompareBar* m_compareBar;
    CleanUpBar* m_cleanUpBar;
    AgreementBar* m_agreementBar;
    QPushButton* m_acceptButton;
    QPushButton* m_rejectButton;
    RejectPopover* m_rejectPopover;
    QWidget* m_viewBar;
    QWidget* m_focusRing;
    QLabel* m_dropFrame;
    QWidget* m_reviewBar;
    QPushButton* m_errorNext;
    QPushButton* m_errorShow;
    QPushButton* m_errorOpen;
    QPushButton* m_errorClear;
    QPushButton* m_errorLocate;
    QToolButton* m_zoomButton;
    QButtonGroup* m_compareGroup;
    QWidget* m_miniBar;
    ElidedLabel* m_savedLabel;
    QLabel* m_pointerLabel;
    QLabel* m_messageLabel;
    QToolButton* m_modelButton;
    QLabel* m_taskLabel;
    QProgressBar* m_taskProgress;
    QToolButton* m_activityButton;
    ActivityPanel* m_activity;
    QPointer<ExportDialog> m_export;
    QElapsedTimer m_busy;
    QTimer m_taskTimer;
    QToolButton* m_cancelTasks;
    QMenu* m_recentMenu;
    QMenu* m_modelMenu;
    QMenu* m_assignMenu;
    QTimer m_messageTimer;
    std::function<void()> m_remedy; // of what is said
    QTimer m_missingTimer;          // one banner for many files

    Style m_style = Style::Outline;
    Compare m_compare = Compare::Off;
    double m_opacity = 0.25;
    bool m_probabilityLayer = false;
    bool m_holdBare = false;
    bool m_holdProposal = false;
    bool m_holdThreshold = false;
    bool m_keepZoom = false;
    bool m_markEdge = false; // of the active label, whose figures are pointed at
    bool m_markInside = false;
    bool m_imagePainted = false;
    bool m_previewShown = false;
    bool m_othersDrawn = false; // the annotation, as another person's
    bool m_agreementShown = false;
    bool m_linking = false;
    bool m_fallbackTold = false;
    int m_foundAgain = 0; // files that were told of and not yet shown
    PixelArea m_preview;
    PixelArea m_previewRemoved;
    std::vector<ImageId> m_rejectTargets;                 // empty: the shown image
    std::shared_ptr<LabelSource> m_labelSource;           // of the shown document
    std::vector<std::shared_ptr<CancelToken>> m_cleanUps; // being computed
    QStringList m_pendingDrop;
};

} // namespace limn
