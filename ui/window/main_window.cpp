// SPDX-License-Identifier: GPL-3.0-or-later
// The window's making and its connections.
#include "ui/window/main_window.h"

#include "ui/canvas/canvas_view.h"
#include "ui/panels/agreement_bar.h"
#include "ui/panels/clean_up_bar.h"
#include "ui/panels/comment_panel.h"
#include "ui/panels/compare_bar.h"
#include "ui/panels/elided_label.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/key_button.h"
#include "ui/panels/label_panel.h"
#include "ui/panels/measure_panel.h"
#include "ui/panels/option_bar.h"
#include "ui/panels/proposal_panel.h"
#include "ui/panels/section.h"
#include "ui/panels/start_page.h"
#include "ui/panels/worklist_pane.h"
#include "ui/session/sentences.h"
#include "ui/session/small_outlines.h"
#include "ui/theme/theme.h"
#include "ui/window/activity_panel.h"
#include "ui/window/banner_bar.h"
#include "ui/window/reject_popover.h"

#include <QApplication>
#include <QButtonGroup>
#include <QCloseEvent>
#include <QDesktopServices>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QListView>
#include <QMenuBar>
#include <QProgressBar>
#include <QPushButton>
#include <QScreen>
#include <QScrollArea>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QStatusBar>
#include <QStyledItemDelegate>
#include <QToolButton>
#include <QUrl>
#include <QVBoxLayout>

#include <numeric>

namespace limn {
namespace {

constexpr int kWorklistWidth = 208;
constexpr int kSideWidth = 260;
constexpr int kRailButton = 36, kRailIcon = 22, kRailMargin = 4, kRailSpacing = 2; // at the usual text size
constexpr int kLeastRailButton = 28;
constexpr int kFrameWidth = 8, kFrameHeight = 44;
constexpr QSize kCard(172, 168); // at the usual text size

// A card's lines of text: its name, and its state.
int cardLine(const QFontMetrics& metrics) {
    return std::max(18, metrics.height() + 2);
}

// Grid of pictures: the worklist's rows as cards.
class CardDelegate : public QStyledItemDelegate {
public:
    CardDelegate(WorklistModel* model, QObject* parent) : QStyledItemDelegate(parent), m_model(model) {}
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override {
        return kCard + QSize(0, 2 * (cardLine(QFontMetrics(option.font)) - 18));
    }
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override {
        const ImageRecord* r = m_model->recordAt(index.row());
        if (!r)
            return;
        const Theme& theme = Theme::instance();
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        painter->setRenderHint(QPainter::SmoothPixmapTransform);
        const QRect card = option.rect.adjusted(5, 5, -5, -5);
        const bool selected = option.state & QStyle::State_Selected;
        painter->setPen(selected ? QPen(theme.color("accent"), 2) : QPen(theme.color("line"), 1));
        painter->setBrush(theme.color(selected ? "accentSoft" : "panel"));
        painter->drawRoundedRect(QRectF(card).adjusted(1, 1, -1, -1), 8, 8);
        const QFontMetrics metrics(option.font);
        const int line = cardLine(metrics);
        const auto placed = [&](const QRect& r) { return QStyle::visualRect(option.direction, card, r); };
        const QRect area = card.adjusted(8, 8, -8, -2 * line - 8);
        const QImage image = m_model->thumbnailAt(index.row());
        if (image.width() > 1) {
            QRect target(QPoint(0, 0), image.size().scaled(area.size(), Qt::KeepAspectRatio));
            target.moveCenter(area.center());
            painter->drawImage(target, image);
            const QImage outline = m_model->outlineAt(index.row());
            if (!outline.isNull())
                painter->drawImage(target, outline);
        }
        painter->setPen(theme.color("text"));
        int y = area.bottom() + 4;
        painter->drawText(QRect(area.left(), y, area.width(), line), Qt::AlignLeft | Qt::AlignVCenter,
                          metrics.elidedText(index.data().toString(), Qt::ElideMiddle, area.width()));
        y += line;
        const int icon = theme.scaled(13);
        const int textWidth = area.width() - (icon + 5) * (r->flagged ? 2 : 1);
        Theme::icon(stateIcon(r->state), stateToken(r->state))
            .paint(painter, placed(QRect(area.left(), y + (line - icon) / 2, icon, icon)));
        painter->setPen(theme.color("muted"));
        painter->drawText(placed(QRect(area.left() + icon + 5, y, textWidth, line)),
                          Qt::AlignLeft | Qt::AlignVCenter,
                          metrics.elidedText(stateWord(r->state), Qt::ElideRight, textWidth));
        if (r->flagged)
            Theme::icon(QStringLiteral("flag"), "warn")
                .paint(painter, placed(QRect(area.right() - icon, y + (line - icon) / 2, icon, icon)));
        painter->restore();
    }

private:
    WorklistModel* m_model;
};

} // namespace

MainWindow::MainWindow(QWidget* parent)
    : QMainWindow(parent)
    , m_session(std::make_unique<ReviewSession>())
    , m_versions(new ImageVersions(*m_session, this))
    , m_comparison(new Comparison(*m_session, *m_versions, this))
    , m_agreement(new AgreementWork(*m_session, *m_versions, this))
    , m_commands(new Commands(this))
    , m_thumbnails(new Thumbnails(this))
    , m_outlines(new SmallOutlines(*m_session, Thumbnails::kSide, this)) {
    setObjectName(QStringLiteral("mainWindow"));
    setWindowTitle(tr("Limn"));
    setWindowIcon(QIcon(QStringLiteral(":/icons/limn.svg")));
    setAcceptDrops(true);
    m_toolSettings.load();
    const QSettings settings;
    m_style = static_cast<Style>(std::clamp(settings.value(QStringLiteral("view/style"), 0).toInt(), 0, 2));
    m_opacity = std::clamp(settings.value(QStringLiteral("view/opacity"), 0.25).toDouble(), 0.05, 1.0);
    m_keepZoom = settings.value(QStringLiteral("view/keepZoom"), false).toBool();

    makeCommands();
    makeLayout();
    makeMenus();
    m_commands->loadKeys();
    connectSession();

    m_host.session = m_session.get();
    m_host.settings = &m_toolSettings;
    m_host.say = [this](const QString& text, const QString& remedy, std::function<void()> run) {
        say(text, remedy, std::move(run));
    };
    m_host.redraw = [this] { m_canvas->updateDecorations(); };
    m_host.preview = [this](PixelArea area) { setPreview(std::move(area)); };
    m_host.usedProposalFirst = [this] {
        m_stepsBeforeUse = m_session->document()->history().undoCount() - 1;
        m_toast->show(usedFirstText(), tr("Undo both"), [this] {
            AnnotationDocument* document = m_session->document();
            while (document && m_stepsBeforeUse && document->history().undoCount() > *m_stepsBeforeUse)
                document->undo();
        });
    };
    m_host.locked = [this] { sayLocked(); };
    m_host.measured = [this](const QLineF& line) { m_options->setRuler(line.length()); };
    m_host.visible = [this] { return m_canvas->view().visibleImageRect(); };
    m_host.optionsChanged = [this] { m_options->refresh(); };
    m_tools[ToolId::Brush] = std::make_unique<BrushTool>(m_host, false);
    m_tools[ToolId::Eraser] = std::make_unique<BrushTool>(m_host, true);
    m_tools[ToolId::Lasso] = std::make_unique<LassoTool>(m_host);
    m_tools[ToolId::Polygon] = std::make_unique<PolygonTool>(m_host);
    m_tools[ToolId::Wand] = std::make_unique<WandTool>(m_host);
    m_tools[ToolId::Contour] = std::make_unique<ContourTool>(m_host);
    m_tools[ToolId::Region] = std::make_unique<RegionTool>(m_host);
    m_tools[ToolId::Ruler] = std::make_unique<RulerTool>(m_host);
    setTool(ToolId::Brush);

    qApp->installEventFilter(this);
    connect(&Theme::instance(), &Theme::changed, this, [this] {
        placeSavedLabel();
        fitToolRail();
        fitZoomButton();
        placeViewBar();
        m_canvas->setBackground(Theme::instance().color("canvas"));
        m_second->setBackground(Theme::instance().color("canvas"));
    });
    m_canvas->setBackground(Theme::instance().color("canvas"));
    m_second->setBackground(Theme::instance().color("canvas"));
    m_canvas->setWheelPans(settings.value(QStringLiteral("view/wheelPans"), false).toBool());
    m_messageTimer.setSingleShot(true);
    connect(&m_messageTimer, &QTimer::timeout, this, [this] { m_messageLabel->clear(); });

    connect(m_options, &OptionBar::rebuilt, this, &MainWindow::refreshTabOrder);
    readLayout();
    refreshTabOrder();
    refreshPage();
    refreshAgreement();
    refreshRecent();
    refreshTitle();
    refreshReview();
    refreshModelLine();
    refreshHistoryActions();
}

MainWindow::~MainWindow() {
    qApp->removeEventFilter(this);
    m_canvas->setTool(nullptr);
    m_canvas->overlay().setLayers({});
    m_canvas->secondOverlay().setLayers({});
    m_second->overlay().setLayers({});
    m_tools.clear();
    cancelCleanUps();
    // Views are told nothing while the session goes.
    disconnect(m_session.get(), nullptr, nullptr, nullptr);
    for (QWidget* widget : {static_cast<QWidget*>(m_worklist), m_sidePane, static_cast<QWidget*>(m_grid),
                            static_cast<QWidget*>(m_compareBar), static_cast<QWidget*>(m_cleanUpBar),
                            static_cast<QWidget*>(m_agreementBar)})
        delete widget;
    delete m_outlines;
    delete m_agreement;
    delete m_comparison;
    delete m_versions;
    m_session.reset();
}

void MainWindow::makeLayout() {
    auto* central = new QWidget;
    auto* outer = new QVBoxLayout(central);
    outer->setContentsMargins(0, 0, 0, 0);
    outer->setSpacing(0);
    m_options = new OptionBar(m_toolSettings);
    outer->addWidget(m_options);
    m_splitter = new QSplitter(Qt::Horizontal);
    m_splitter->setObjectName(QStringLiteral("mainSplitter"));
    m_splitter->setHandleWidth(1);
    m_splitter->setChildrenCollapsible(false);
    outer->addWidget(m_splitter, 1);
    setCentralWidget(central);

    m_worklist = new WorklistPane(*m_session, *m_thumbnails);
    m_splitter->addWidget(m_worklist);

    auto* middle = new QWidget;
    auto* middleLayout = new QHBoxLayout(middle);
    middleLayout->setContentsMargins(0, 0, 0, 0);
    middleLayout->setSpacing(0);
    m_toolRail = new QWidget;
    m_toolRail->setObjectName(QStringLiteral("toolRail"));
    m_toolRail->setAttribute(Qt::WA_StyledBackground);
    auto* rail = new QVBoxLayout(m_toolRail);
    rail->setContentsMargins(kRailMargin, 6, kRailMargin, 6);
    rail->setSpacing(kRailSpacing);
    const auto addTool = [&](const char* id) {
        auto* button = new QToolButton;
        button->setDefaultAction(m_commands->action(QLatin1String(id)));
        button->setFocusPolicy(Qt::TabFocus);
        rail->addWidget(button);
        m_railButtons.push_back(button);
    };
    for (const char* id : {"brush", "eraser", "lasso", "polygon", "wand", "contour", "region", "ruler"})
        addTool(id);
    auto* line = new QFrame;
    line->setFixedHeight(1);
    line->setStyleSheet(QStringLiteral("background: palette(mid);"));
    rail->addSpacing(5);
    rail->addWidget(line);
    rail->addSpacing(5);
    for (const char* id : {"fillHoles", "keepLargest", "smooth", "specks", "clean"})
        addTool(id);
    rail->addStretch();
    for (const char* id : {"undo", "redo"})
        addTool(id);
    // The window may be lower than the largest tools demand.
    m_toolRail->setMinimumHeight(static_cast<int>(m_railButtons.size()) * (kLeastRailButton + kRailSpacing) +
                                 34);
    fitToolRail();
    m_toolRail->installEventFilter(this);
    middleLayout->addWidget(m_toolRail);

    auto* column = new QWidget;
    auto* columnLayout = new QVBoxLayout(column);
    columnLayout->setContentsMargins(0, 0, 0, 0);
    columnLayout->setSpacing(0);
    // Before the bars in the order of Tab, but over the canvas: an image that moved under the hand when a
    // message comes would spoil the stroke.
    m_banners = new BannerBar(column);
    connect(m_banners, &BannerBar::left, this, [this] { m_canvas->setFocus(); });
    connect(m_banners, &BannerBar::changed, this, &MainWindow::placeBanner);
    m_compareBar = new CompareBar(*m_comparison);
    m_compareBar->hide();
    columnLayout->addWidget(m_compareBar);
    m_agreementBar = new AgreementBar(*m_agreement, *m_versions, *m_commands);
    columnLayout->addWidget(m_agreementBar);
    m_cleanUpBar = new CleanUpBar(*m_session);
    columnLayout->addWidget(m_cleanUpBar);
    m_bannerRoom = new QWidget;
    m_bannerRoom->setFixedHeight(0);
    columnLayout->addWidget(m_bannerRoom);
    m_pages = new QStackedWidget;
    columnLayout->addWidget(m_pages, 1);
    middleLayout->addWidget(column, 1);
    m_splitter->addWidget(middle);

    m_start = new StartPage;
    m_pages->addWidget(m_start);
    m_canvasPage = new QWidget;
    auto* canvasLayout = new QHBoxLayout(m_canvasPage);
    canvasLayout->setContentsMargins(0, 0, 0, 0);
    canvasLayout->setSpacing(1);
    m_canvas = new CanvasView;
    m_canvas->setObjectName(QStringLiteral("canvas"));
    m_canvas->setAccessibleName(tr("Canvas"));
    m_second = new CanvasView;
    m_second->setObjectName(QStringLiteral("secondCanvas"));
    m_second->setAccessibleName(tr("Second side of the comparison"));
    // Languages that run from right to left mirror what is around an image, never the image.
    m_canvas->setLayoutDirection(Qt::LeftToRight);
    m_second->setLayoutDirection(Qt::LeftToRight);
    canvasLayout->addWidget(m_canvas, 1);
    canvasLayout->addWidget(m_second, 1);
    m_second->hide();
    m_pages->addWidget(m_canvasPage);

    m_grid = new QListView;
    m_grid->setObjectName(QStringLiteral("grid"));
    m_grid->setModel(m_worklist->model());
    m_grid->setSelectionModel(m_worklist->view()->selectionModel());
    m_grid->setItemDelegate(new CardDelegate(m_worklist->model(), this));
    m_grid->setViewMode(QListView::IconMode);
    m_grid->setResizeMode(QListView::Adjust);
    m_grid->setMovement(QListView::Static);
    m_grid->setUniformItemSizes(true);
    m_grid->setSelectionMode(QAbstractItemView::ExtendedSelection);
    m_grid->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    connect(m_grid, &QListView::doubleClicked, this,
            [this] { m_commands->action(QStringLiteral("grid"))->setChecked(false); });
    m_pages->addWidget(m_grid);

    auto* errorPage = new QWidget;
    auto* errorLayout = new QVBoxLayout(errorPage);
    errorLayout->setContentsMargins(60, 40, 60, 40);
    errorLayout->setSpacing(12);
    auto* errorIcon = new QLabel;
    errorIcon->setAlignment(Qt::AlignCenter);
    errorIcon->setObjectName(QStringLiteral("errorIcon"));
    const auto showErrorIcon = [this, errorIcon] {
        errorIcon->setPixmap(Theme::pixmap(QStringLiteral("warning"), "warn", 40, devicePixelRatioF()));
    };
    showErrorIcon();
    connect(&Theme::instance(), &Theme::changed, errorIcon, showErrorIcon);
    m_errorText = new QLabel;
    m_errorText->setObjectName(QStringLiteral("errorText"));
    m_errorText->setAlignment(Qt::AlignCenter);
    m_errorText->setWordWrap(true);
    m_errorText->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* errorButtons = new QHBoxLayout;
    auto* nextButton = new QPushButton(tr("Next image"));
    m_errorNext = nextButton;
    nextButton->setProperty("primary", true);
    connect(nextButton, &QPushButton::clicked, m_commands->action(QStringLiteral("next")), &QAction::trigger);
    auto* showFile = new QPushButton(tr("Show file"));
    m_errorShow = showFile;
    connect(showFile, &QPushButton::clicked, m_commands->action(QStringLiteral("showFile")),
            &QAction::trigger);
    errorButtons->addStretch();
    errorButtons->addWidget(nextButton);
    errorButtons->addWidget(showFile);
    m_errorOpen = new QPushButton(tr("Open another folder"));
    m_errorOpen->setObjectName(QStringLiteral("openAnotherFolder"));
    connect(m_errorOpen, &QPushButton::clicked, m_commands->action(QStringLiteral("openFolder")),
            &QAction::trigger);
    errorButtons->addWidget(m_errorOpen);
    m_errorClear = new QPushButton(tr("Clear filter"));
    m_errorClear->setObjectName(QStringLiteral("clearFilterOnPage"));
    connect(m_errorClear, &QPushButton::clicked, m_worklist, &WorklistPane::clearFilter);
    errorButtons->addWidget(m_errorClear);
    m_errorLocate = new QPushButton(tr("Locate…"));
    m_errorLocate->setObjectName(QStringLiteral("locateMissing"));
    m_errorLocate->setToolTip(tr("Choose the folder where the missing images are now; they are recognised by "
                                 "their content, even if they were renamed"));
    connect(m_errorLocate, &QPushButton::clicked, this, &MainWindow::chooseMissing);
    errorButtons->addWidget(m_errorLocate);
    errorButtons->addStretch();
    errorLayout->addStretch(2);
    errorLayout->addWidget(errorIcon);
    errorLayout->addWidget(m_errorText);
    errorLayout->addLayout(errorButtons);
    errorLayout->addStretch(3);
    m_pages->addWidget(errorPage);

    // Right side
    m_sidePane = new QWidget;
    auto* sideLayout = new QVBoxLayout(m_sidePane);
    sideLayout->setContentsMargins(0, 0, 0, 0);
    sideLayout->setSpacing(0);
    auto* scroll = m_panelScroll = new QScrollArea;
    scroll->setObjectName(QStringLiteral("sidePane"));
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setFocusPolicy(Qt::NoFocus);
    auto* panels = new QWidget;
    auto* panelLayout = new QVBoxLayout(panels);
    panelLayout->setContentsMargins(0, 4, 0, 4);
    panelLayout->setSpacing(2);
    const auto addSection = [&](const char* id, const QString& title, QWidget* body) {
        auto* section = new Section(QLatin1String(id), title);
        section->body()->addWidget(body);
        panelLayout->addWidget(section);
        return section;
    };
    m_labels = new LabelPanel(*m_session);
    Section* labels = addSection("labels", tr("Labels"), m_labels);
    labels->addToHeader(m_labels->addButton());
    connect(m_labels, &LabelPanel::finished, this, [this] { m_canvas->setFocus(); });
    m_proposal = new ProposalPanel(*m_session, *m_commands);
    m_proposalSection = addSection("proposal", tr("Proposal"), m_proposal);
    m_measure = new MeasurePanel(*m_session);
    Section* measure = addSection("measure", tr("Measure"), m_measure);
    auto* copy = new QToolButton;
    copy->setDefaultAction(m_commands->action(QStringLiteral("copyMeasurements")));
    Theme::sizeButton(copy, {28, 28}, 15);
    measure->addToHeader(copy);
    m_comments = new CommentPanel(*m_session);
    m_commentSection = addSection("comments", tr("Comments"), m_comments);
    m_history = new HistoryPanel(*m_session, *m_versions);
    addSection("history", tr("History"), m_history);
    panelLayout->addStretch();
    scroll->setWidget(panels);
    sideLayout->addWidget(scroll, 1);

    auto* review = new QWidget;
    m_reviewBar = review;
    review->setObjectName(QStringLiteral("reviewBar"));
    review->setAttribute(Qt::WA_StyledBackground);
    auto* reviewLayout = new QVBoxLayout(review);
    reviewLayout->setContentsMargins(12, 10, 12, 12);
    reviewLayout->setSpacing(8);
    m_acceptButton = new KeyButton(m_commands->action(QStringLiteral("accept")));
    m_acceptButton->setObjectName(QStringLiteral("acceptButton"));
    m_acceptButton->setProperty("primary", true);
    m_acceptButton->setMinimumHeight(34);
    m_acceptButton->setIcon(Theme::icon(QStringLiteral("check"), "onAccent"));
    auto* second = new QHBoxLayout;
    second->setSpacing(8);
    m_rejectButton = new KeyButton(m_commands->action(QStringLiteral("reject")));
    m_rejectButton->setIcon(Theme::icon(QStringLiteral("close")));
    m_rejectButton->setText(tr("Reject"));
    m_rejectButton->setObjectName(QStringLiteral("rejectButton"));
    auto* flag = new QToolButton;
    flag->setDefaultAction(m_commands->action(QStringLiteral("flag")));
    Theme::sizeButton(flag, {32, 30});
    m_acceptButton->setFocusPolicy(Qt::TabFocus);
    m_rejectButton->setFocusPolicy(Qt::TabFocus);
    second->addWidget(m_rejectButton, 1);
    second->addWidget(flag);
    reviewLayout->addWidget(m_acceptButton);
    reviewLayout->addLayout(second);
    sideLayout->addWidget(review);
    // Never narrower than what is in it, whatever the text size and the length of figures.
    panels->installEventFilter(this);
    m_panels = panels;
    m_splitter->addWidget(m_sidePane);
    m_splitter->setStretchFactor(0, 0);
    m_splitter->setStretchFactor(1, 1);
    m_splitter->setStretchFactor(2, 0);

    // Over the canvas
    m_viewBar = new QWidget(m_canvasPage);
    m_viewBar->setObjectName(QStringLiteral("viewBar"));
    m_viewBar->setAttribute(Qt::WA_StyledBackground);
    auto* bar = new QHBoxLayout(m_viewBar);
    bar->setContentsMargins(4, 3, 4, 3);
    bar->setSpacing(2);
    const auto addSmall = [&](const char* id) {
        auto* button = new QToolButton;
        button->setDefaultAction(m_commands->action(QLatin1String(id)));
        Theme::sizeButton(button, {28, 28}, 18);
        button->setFocusPolicy(Qt::NoFocus);
        bar->addWidget(button);
        return button;
    };
    addSmall("zoomOut");
    m_zoomButton = new QToolButton;
    m_zoomButton->setObjectName(QStringLiteral("zoomLabel"));
    m_zoomButton->setToolTip(tr("Zoom: 100 % and back to the whole image (Z)"));
    m_zoomButton->setFocusPolicy(Qt::NoFocus);
    connect(m_zoomButton, &QToolButton::clicked, m_commands->action(QStringLiteral("toggleFit")),
            &QAction::trigger);
    bar->addWidget(m_zoomButton);
    fitZoomButton();
    addSmall("zoomIn");
    addSmall("fit");
    bar->addSpacing(6);
    addSmall("outlineStyle");
    bar->addSpacing(6);
    m_compareGroup = new QButtonGroup(this);
    for (const char* id : {"compareOff", "compareSide", "compareSwipe", "compareDifference"})
        addSmall(id);

    m_miniBar = new QWidget(m_canvasPage);
    m_miniBar->setObjectName(QStringLiteral("miniBar"));
    m_miniBar->setAttribute(Qt::WA_StyledBackground);
    auto* mini = new QHBoxLayout(m_miniBar);
    mini->setContentsMargins(6, 3, 6, 3);
    mini->setSpacing(2);
    for (const char* id : {"useProposal", "runHere", "fillHoles", "keepLargest", "clearLabel"}) {
        auto* button = new QToolButton;
        button->setDefaultAction(m_commands->action(QLatin1String(id)));
        Theme::sizeButton(button, {30, 30}, 18);
        button->setFocusPolicy(Qt::NoFocus);
        mini->addWidget(button);
    }
    m_miniBar->hide();
    m_canvasPage->installEventFilter(this);
    m_focusRing = new QWidget(m_canvasPage);
    m_focusRing->setObjectName(QStringLiteral("focusRing"));
    m_focusRing->setAttribute(Qt::WA_StyledBackground);
    m_focusRing->setAttribute(Qt::WA_TransparentForMouseEvents);
    m_focusRing->hide();

    m_dropFrame = new QLabel(this);
    m_dropFrame->setObjectName(QStringLiteral("dropFrame"));
    m_dropFrame->setAlignment(Qt::AlignCenter);
    m_dropFrame->setAttribute(Qt::WA_TransparentForMouseEvents);
    m_dropFrame->hide();

    m_rejectPopover = new RejectPopover(this);
    m_toast = new Toast(this, m_pages);
    m_activity = new ActivityPanel(*m_session, this);
    connect(m_toast, &Toast::told, this,
            [this](const QString& text) { m_activity->addMessage(Banner::Kind::Info, text); });
    connect(m_banners, &BannerBar::told, m_activity, &ActivityPanel::addMessage);

    // Status line
    m_pointerLabel = new QLabel;
    m_pointerLabel->setObjectName(QStringLiteral("pointerLabel"));
    m_messageLabel = new QLabel;
    m_messageLabel->setObjectName(QStringLiteral("messageLabel"));
    m_messageLabel->setTextFormat(Qt::RichText);
    connect(m_messageLabel, &QLabel::linkActivated, this, [this] {
        m_messageLabel->clear();
        if (const std::function<void()> run = std::exchange(m_remedy, nullptr))
            run();
    });
    // What the pointer is at has its room first; a long message is whole in the tool tip.
    m_messageLabel->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    m_modelButton = new QToolButton;
    m_modelButton->setObjectName(QStringLiteral("modelButton"));
    m_modelButton->setToolTip(tr("Model and device; a click changes the model"));
    m_modelButton->setAutoRaise(true);
    m_modelButton->setPopupMode(QToolButton::InstantPopup);
    m_modelButton->setFocusPolicy(Qt::NoFocus); // the Image menu has the same for the keyboard
    m_taskLabel = new QLabel;
    m_taskLabel->setObjectName(QStringLiteral("taskLabel"));
    m_taskLabel->hide();
    m_taskProgress = new QProgressBar;
    m_taskProgress->setObjectName(QStringLiteral("taskProgress"));
    m_taskProgress->setAccessibleName(tr("Progress of what is running"));
    m_taskProgress->setFixedWidth(110);
    m_taskProgress->setTextVisible(false);
    m_taskProgress->setFixedHeight(6);
    m_taskProgress->hide();
    m_activityButton = new QToolButton;
    m_activityButton->setObjectName(QStringLiteral("activityButton"));
    m_activityButton->setDefaultAction(m_commands->action(QStringLiteral("activity")));
    Theme::sizeButton(m_activityButton, {28, 28}, 16);
    m_activityButton->setFocusPolicy(Qt::NoFocus); // the Help menu has the same for the keyboard
    m_cancelTasks = new QToolButton;
    m_cancelTasks->setText(tr("Cancel"));
    m_cancelTasks->setObjectName(QStringLiteral("cancelTasks"));
    m_cancelTasks->hide();
    connect(m_cancelTasks, &QToolButton::clicked, this, &MainWindow::cancelTasks);
    m_taskTimer.setSingleShot(true);
    connect(&m_taskTimer, &QTimer::timeout, this, &MainWindow::refreshTasks);
    m_taskLabel->setCursor(Qt::PointingHandCursor);
    m_taskProgress->setCursor(Qt::PointingHandCursor);
    statusBar()->setSizeGripEnabled(false);
    statusBar()->setContentsMargins(10, 0, 8, 0);
    statusBar()->addWidget(m_pointerLabel);
    statusBar()->addWidget(m_messageLabel, 1);
    for (QWidget* widget : {static_cast<QWidget*>(m_taskLabel), static_cast<QWidget*>(m_taskProgress),
                            static_cast<QWidget*>(m_cancelTasks), static_cast<QWidget*>(m_modelButton),
                            static_cast<QWidget*>(m_activityButton)})
        statusBar()->addPermanentWidget(widget);
    m_savedLabel = new ElidedLabel({}, Qt::ElideMiddle);
    m_savedLabel->setObjectName(QStringLiteral("savedLabel"));
    m_savedLabel->setProperty("muted", true);
    m_savedLabel->setContentsMargins(8, 0, 12, 0);
    m_savedLabel->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    m_savedLabel->setParent(menuBar());

    const auto runs = [this](void (StartPage::*wanted)(), const char* command) {
        connect(m_start, wanted, this,
                [this, command] { m_commands->action(QLatin1String(command))->trigger(); });
    };
    runs(&StartPage::openFolder, "openFolder");
    runs(&StartPage::openFiles, "openFiles");
    runs(&StartPage::openProject, "openProject");
    runs(&StartPage::openDemo, "openDemo");
    connect(m_start, &StartPage::openRecent, this, [this](const QString& path) { open({path}); });
    connect(m_start, &StartPage::locateRecent, this, &MainWindow::locateRecent);
    connect(m_options, &OptionBar::changed, this, [this] {
        m_toolSettings.save();
        m_canvas->toolChanged();
    });
    connect(m_options, &OptionBar::finished, this, [this] { m_canvas->setFocus(); });
    connect(m_options, &OptionBar::calibrated, this, [this](double mm) {
        auto* ruler = static_cast<RulerTool*>(m_tools[ToolId::Ruler].get());
        const double px = ruler->line().length();
        if (px <= 0)
            return;
        Spacing spacing;
        spacing.xMm = spacing.yMm = mm / px;
        spacing.source =
            tr("by %1, %2")
                .arg(m_session->personName(), QLocale().toString(QDate::currentDate(), QLocale::ShortFormat))
                .toStdString();
        m_session->calibrate(spacing, false);
        askCamera(spacing);
        m_canvas->setFocus();
    });
    connect(m_measure, &MeasurePanel::calibrateRequested, this, [this] { setTool(ToolId::Ruler); });
    connect(m_measure, &MeasurePanel::pointedAt, this, [this](const MeasureMark& mark) {
        m_canvas->setMarked(mark.lines, mark.center, mark.diameter);
        const bool wasMarked = m_markEdge || m_markInside;
        m_markEdge = mark.edge;
        m_markInside = mark.inside;
        if (wasMarked || m_markEdge || m_markInside)
            refreshOverlay();
    });
    connect(m_rejectPopover, &RejectPopover::rejected, this, &MainWindow::rejectImages);
    connect(m_comments, &CommentPanel::finished, this, [this] { m_canvas->setFocus(); });
    connect(m_history, &HistoryPanel::compareRequested, this, [this](const CompareSource& source) {
        m_comparison->choose(Comparison::A,
                             {CompareSource::Kind::Annotation, kNobody, 0, 0, tr("Annotation")});
        m_comparison->choose(Comparison::B, source);
        if (m_compare == Compare::Off)
            setCompare(Compare::Difference);
    });
    connect(m_compareBar, &CompareBar::closed, this, [this] { setCompare(Compare::Off); });
    connect(m_comparison, &Comparison::changed, this, &MainWindow::refreshCompare);
    connect(m_cleanUpBar, &CleanUpBar::previewChanged, this,
            [this](const MaskEdit& change) { setPreview(change.add, change.remove); });
    connect(m_cleanUpBar, &CleanUpBar::applied, this, &MainWindow::applyCleanUp);
    connect(m_cleanUpBar, &CleanUpBar::ended, this, [this] { m_canvas->setFocus(); });
    connect(m_versions, &ImageVersions::changed, this, &MainWindow::refreshAgreement);
    connect(m_agreement, &AgreementWork::changed, this, &MainWindow::refreshAgreement);
    connect(m_agreement, &AgreementWork::areaChanged, this, [this] {
        refreshOverlay();
        if (m_agreement->active() && m_agreement->index() >= 0) {
            const Rect area =
                m_agreement->areas()[static_cast<std::size_t>(m_agreement->index())].area.bounds();
            m_canvas->reveal(area, true);
        }
    });
    connect(m_canvas, &CanvasView::viewChanged, this, [this] {
        linkViews(m_canvas, m_second);
        const QSize viewport = m_canvas->view().viewport();
        m_session->setViewSide(std::max(viewport.width(), viewport.height()));
        refreshStatus();
    });
    connect(m_second, &CanvasView::viewChanged, this, [this] { linkViews(m_second, m_canvas); });
    connect(m_canvas, &CanvasView::pointerMoved, this, &MainWindow::refreshPointer);
    connect(m_canvas, &CanvasView::toolWheel, this, [this](int steps) { resizeTool(steps); });
    connect(m_canvas, &CanvasView::imagePainted, this, [this] {
        m_imagePainted = true;
        announcePainted();
    });
    connect(m_canvas, &CanvasView::contextMenuRequested, this, [this](const QPoint& at) {
        QMenu menu;
        for (const char* id : {"useProposal", "", "undo", "redo", "", "fillHoles", "keepLargest", "smooth",
                               "clearLabel", "", "noLesion", "flag", "", "fit", "actualSize"}) {
            if (*id == 0)
                menu.addSeparator();
            else
                menu.addAction(m_commands->action(QLatin1String(id)));
        }
        menu.exec(at);
    });
    connect(m_worklist->model(), &WorklistModel::outlineWanted, m_outlines, &SmallOutlines::ask);
    connect(m_outlines, &SmallOutlines::ready, this, [this](ImageId id, const QImage& outline) {
        if (m_thumbnails->outline(id).isNull()) // else it was shown meanwhile, and that one is newer
            m_thumbnails->setOutline(id, outline);
    });
    connect(m_worklist, &WorklistPane::menuRequested, this, [this](const QPoint& at) {
        QMenu menu;
        fillAssignMenu();
        for (const char* id :
             {"runSelected", "exportSelected", "", "acceptSelected", "submitSelected", "rejectSelected",
              "reopenSelected", "", "flagSelected", "unflagSelected", "assign", "", "showFile"}) {
            if (*id == 0)
                menu.addSeparator();
            else if (QLatin1String(id) == QLatin1String("assign"))
                menu.addMenu(m_assignMenu);
            else
                menu.addAction(m_commands->action(QLatin1String(id)));
        }
        menu.exec(at);
    });
}

// Tools grow with the text, as far as all of them have room above each other.
void MainWindow::fitToolRail() {
    const int count = static_cast<int>(m_railButtons.size());
    const int wanted = std::max(Theme::instance().scaled(kRailButton), Theme::instance().target());
    const int others =
        m_toolRail->layout()->minimumSize().height() -
        std::accumulate(m_railButtons.begin(), m_railButtons.end(), 0,
                        [](int sum, const QToolButton* b) { return sum + b->minimumHeight(); });
    const int room = m_toolRail->height() > others ? (m_toolRail->height() - others) / count : wanted;
    const int side = std::clamp(room, kLeastRailButton, wanted);
    if (m_railButtons.front()->width() == side && m_railButtons.front()->minimumWidth() == side)
        return;
    for (QToolButton* button : m_railButtons) {
        button->setFixedSize(side, side);
        button->setIconSize(QSize(side, side) * kRailIcon / kRailButton);
    }
    m_toolRail->setFixedWidth(side + 2 * kRailMargin);
}

void MainWindow::fitZoomButton() {
    m_zoomButton->setMinimumWidth(Theme::instance().scaled(56));
    m_zoomButton->setFixedHeight(std::max(Theme::instance().scaled(28), Theme::instance().target()));
}

void MainWindow::connectSession() {
    ReviewSession* s = m_session.get();
    connect(s, &ReviewSession::projectOpened, this, [this] {
        rememberProject();
        m_banners->clear();
        m_thumbnails->clear();
        m_fallbackTold = false;
        refreshPage();
        refreshTitle();
        refreshModelBanner();
    });
    connect(s, &ReviewSession::projectClosed, this, [this] {
        m_banners->clear(); // what they offer is about its images
        m_thumbnails->clear();
        refreshPage();
        refreshTitle();
        refreshReview();
    });
    connect(s, &ReviewSession::openFailed, this, [this](const QString& sentence) {
        m_banners->show({QStringLiteral("openFailed"),
                         Banner::Kind::Error,
                         sentence,
                         {{tr("Open another folder"), [this] { chooseFolder(); }, false}},
                         {},
                         {},
                         {}});
        refreshPage();
    });
    connect(s, &ReviewSession::listChanged, this, [this] {
        refreshPage();
        refreshReview();
    });
    connect(s, &ReviewSession::recordsChanged, this, &MainWindow::refreshReview);
    connect(s, &ReviewSession::currentChanged, this, [this] {
        m_imagePainted = false;
        m_previewShown = false;
        endUndoBoth();
        for (const auto& [id, tool] : m_tools)
            tool->leaveImage();
        m_options->setRuler(0);
        m_canvas->cancelGesture();
        cancelCleanUps();
        m_preview = {};
        m_previewRemoved = {};
        m_labelSource.reset();
        for (const char* id : {"noLesion", "useMode", "rejectedReason", "reopened", "camera"})
            m_banners->remove(QLatin1String(id));
        if (m_session->current() == 0) {
            m_canvas->setImage(nullptr, false);
            m_second->setImage(nullptr, false);
        }
        m_canvas->overlay().setLayers({});
        m_canvas->secondOverlay().setLayers({});
        m_second->overlay().setLayers({});
        refreshPage();
        refreshReview();
        refreshTitle();
        refreshHistoryActions();
        showRejection();
    });
    connect(s, &ReviewSession::previewReady, this, [this](const ImagePyramidPtr& preview) {
        m_previewShown = true;
        m_canvas->setImage(preview, m_keepZoom);
        if (m_compare == Compare::Side)
            m_second->setImage(preview, m_keepZoom);
    });
    connect(s, &ReviewSession::imageReady, this, [this] {
        const ImagePyramidPtr pyramid = m_session->pyramid();
        m_imagePainted = false; // a preview is nothing to decide on
        // Whoever has moved the preview stays there.
        const bool keepView = m_keepZoom || m_previewShown;
        m_previewShown = false;
        m_canvas->setImage(pyramid, keepView);
        if (m_compare == Compare::Side)
            m_second->setImage(pyramid, keepView);
        refreshTitle();
        if (pyramid) {
            const std::optional<Spacing> spacing = m_session->spacing();
            m_canvas->setScaleBarSpacing(spacing ? spacing->xMm : 0);
            for (const std::string& note : pyramid->image->notes)
                say(QString::fromStdString(note));
        }
        refreshPage();
        refreshStatus();
        prepareTool();
    });
    connect(s, &ReviewSession::documentReady, this, [this] {
        m_labelSource.reset();
        refreshOverlay();
        refreshHistoryActions();
        refreshReview();
        announcePainted();
    });
    connect(s, &ReviewSession::documentChanged, this, [this](const DocumentChange& change) {
        for (const Rect& rect : change.dirty) {
            if (m_labelSource)
                m_labelSource->changed(rect);
        }
        if (change.labels)
            m_canvas->toolChanged(); // a lock bars the cursor
        if (change.labels || change.proposal || change.mark || change.threshold ||
            m_othersDrawn != m_session->showsOthers())
            refreshOverlay();
        else if (change.pixels) {
            for (const Rect& rect : change.dirty) {
                m_canvas->overlayChanged(rect);
                if (m_second->isVisible())
                    m_second->overlayChanged(rect);
            }
        }
        if (change.content) {
            refreshReview();
            if (!m_session->personConfirmed())
                askPerson();
        }
        if (change.history) {
            refreshHistoryActions();
            // "Undo both" is these two steps and nothing that came after them.
            const std::size_t steps = m_session->document()->history().undoCount();
            if (m_stepsBeforeUse && (steps <= *m_stepsBeforeUse || steps > *m_stepsBeforeUse + 2))
                endUndoBoth();
        }
        if (change.content)
            updateThumbnailOutline(m_session->current());
    });
    connect(s, &ReviewSession::proposalsChanged, this, [this] {
        refreshOverlay();
        refreshReview();
        refreshTasks();
        announcePainted();
        if (m_session->document() && m_session->document()->untouched())
            updateThumbnailOutline(m_session->current());
    });
    connect(s, &ReviewSession::activeLabelChanged, this, [this] {
        m_canvas->toolChanged();
        refreshOverlay();
    });
    connect(s, &ReviewSession::scopeChanged, this, [this] {
        m_miniBar->setVisible(m_session->scope() != nullptr);
        placeViewBar();
        refreshOverlay();
    });
    connect(s, &ReviewSession::spacingChanged, this, [this] {
        const std::optional<Spacing> spacing = m_session->spacing();
        m_canvas->setScaleBarSpacing(spacing ? spacing->xMm : 0);
    });
    connect(s, &ReviewSession::progressChanged, this, &MainWindow::refreshTasks);
    connect(s, &ReviewSession::progressChanged, this, &MainWindow::refreshPage);
    connect(s, &ReviewSession::saveStatusChanged, this, &MainWindow::refreshTasks);
    connect(s, &ReviewSession::modelChanged, this, &MainWindow::refreshTasks);
    connect(s, &ReviewSession::modelChanged, this, &MainWindow::refreshModelLine);
    connect(s, &ReviewSession::modelChanged, this, &MainWindow::refreshModelBanner);
    connect(s, &ReviewSession::proposalsChanged, this, &MainWindow::refreshModelBanner);
    connect(s, &ReviewSession::currentChanged, this, &MainWindow::refreshModelLine);
    connect(s, &ReviewSession::saveStatusChanged, this, &MainWindow::refreshTitle);
    connect(s, &ReviewSession::said, this, [this](const QString& text) { say(text); });
    connect(s, &ReviewSession::paintedChanged, this, &MainWindow::refreshReview);
    connect(s, &ReviewSession::allDone, this, [this] {
        // What the export begins with: the accepted ones.
        const int count = static_cast<int>(
            m_session->project()->worklist().counts().byState[static_cast<int>(ReviewState::Accepted)]);
        m_banners->show({QStringLiteral("allDone"),
                         Banner::Kind::Info,
                         tr("All images are decided."),
                         {{count > 0 ? tr("Export %n", nullptr, count) : tr("Export…"),
                           [this] { m_commands->action(QStringLiteral("export"))->trigger(); }, false}},
                         {},
                         {},
                         {}});
    });
    connect(s, &ReviewSession::decided, this, [this](ImageId id, ReviewState state) {
        m_banners->remove(QStringLiteral("reopened"));
        const ImageRecord* r = m_session->record(id);
        const QString name = r ? QFileInfo(QString::fromStdString(r->path)).completeBaseName() : QString();
        const QString text = state == ReviewState::Rejected    ? tr("%1 was rejected.").arg(name)
                             : state == ReviewState::Submitted ? tr("%1 was submitted.").arg(name)
                                                               : tr("%1 was accepted.").arg(name);
        m_toast->show(text, tr("Take back"), [this] { m_session->takeBack(); });
    });
    m_missingTimer.setSingleShot(true);
    m_missingTimer.setInterval(100);
    connect(&m_missingTimer, &QTimer::timeout, this, &MainWindow::tellMissing);
    connect(s, &ReviewSession::reopened, this, &MainWindow::tellReopened);
    connect(s, &ReviewSession::located, this, [this](int found, int stillMissing) {
        m_foundAgain = 0;
        QString text = found > 0 ? tr("%n images were found again.", nullptr, found)
                                 : tr("None of the missing images is there.");
        if (found > 0 && stillMissing > 0)
            text += QLatin1Char(' ') + tr("%n are still missing.", nullptr, stillMissing);
        m_toast->show(text);
        tellMissing();
    });
    connect(s, &ReviewSession::noticed, this, [this](const ProjectNotice& notice) {
        using Kind = ProjectNotice::Kind;
        if (notice.kind == Kind::SecondVersion) {
            showSecondVersion(notice);
            return;
        }
        // There may be thousands of them.
        if (notice.kind == Kind::FileMissing || notice.kind == Kind::FileMoved) {
            m_foundAgain += notice.kind == Kind::FileMoved;
            m_missingTimer.start();
            return;
        }
        const bool warn = notice.kind != Kind::ProjectElsewhere && notice.kind != Kind::StrokesTaken;
        Banner banner;
        banner.id = QStringLiteral("notice%1").arg(static_cast<int>(notice.kind));
        banner.kind = warn ? Banner::Kind::Warning : Banner::Kind::Info;
        banner.text = noticeText(notice);
        if (notice.kind == Kind::FilesSkipped)
            tellSkipped(banner);
        m_banners->show(std::move(banner));
    });
}

// One file is named with what is wrong with it; several are counted and listed.
void MainWindow::tellSkipped(Banner& banner) {
    const std::vector<Project::Skipped>& skipped = m_session->project()->skippedFiles();
    if (skipped.size() == 1) {
        const QString path = QString::fromStdString(skipped.front().path);
        Error reason = skipped.front().reason;
        if (!reason.arguments.empty() && reason.arguments.front() == skipped.front().path)
            reason.arguments.front() = QFileInfo(path).fileName().toStdString();
        banner.text = errorText(reason);
        const int others = static_cast<int>(m_session->project()->worklist().size()) - 1;
        if (others > 0)
            banner.text += QLatin1Char(' ') + tr("The other %n are fine.", nullptr, others);
        banner.actions.push_back(
            {tr("Show file"),
             [path] { QDesktopServices::openUrl(QUrl::fromLocalFile(QFileInfo(path).absolutePath())); },
             true});
        return;
    }
    banner.actions.push_back(
        {tr("Show them"),
         [this] {
             QStringList lines;
             for (const Project::Skipped& one : m_session->project()->skippedFiles())
                 lines.append(errorText(one.reason));
             auto* box =
                 new QMessageBox(QMessageBox::Information, tr("Files that were left out"),
                                 tr("%n files could not be used.", nullptr, static_cast<int>(lines.size())),
                                 QMessageBox::NoButton, this);
             box->addButton(tr("Close"), QMessageBox::RejectRole);
             box->setDetailedText(lines.join(QLatin1Char('\n')));
             box->setAttribute(Qt::WA_DeleteOnClose);
             box->setModal(false);
             box->show();
         },
         true});
}

QString MainWindow::usedFirstText() const {
    return tr("The proposal was used first, then your stroke was drawn.");
}

void MainWindow::endUndoBoth() {
    if (std::exchange(m_stepsBeforeUse, std::nullopt))
        m_toast->withdraw(usedFirstText());
}

void MainWindow::tellMissing() {
    if (!m_session->hasProject())
        return;
    if (const int found = std::exchange(m_foundAgain, 0); found > 0)
        m_toast->show(tr("%n images were found again.", nullptr, found));
    const std::vector<ImageId> missing = m_session->project()->missingImages();
    const QString id = QStringLiteral("missing");
    if (missing.empty()) {
        m_banners->remove(id);
        return;
    }
    const ProjectNotice one{ProjectNotice::Kind::FileMissing, missing.front(),
                            m_session->project()->absolutePath(missing.front())};
    m_banners->show({id,
                     Banner::Kind::Warning,
                     missing.size() == 1 ? noticeText(one)
                                         : tr("%n images are no longer where they were. Their annotations "
                                              "are kept.",
                                              nullptr, static_cast<int>(missing.size())),
                     {{tr("Locate…"), [this] { chooseMissing(); }, true}},
                     {},
                     {},
                     {}});
}

void MainWindow::tellReopened(ReviewState before) {
    m_banners->show({QStringLiteral("reopened"),
                     Banner::Kind::Info,
                     before == ReviewState::Submitted
                         ? tr("This image was submitted; your edit opened it again.")
                         : tr("This image was accepted; your edit opened it again."),
                     {{before == ReviewState::Submitted ? tr("Submit again") : tr("Accept again"),
                       [this] { m_commands->action(QStringLiteral("accept"))->trigger(); }, true}},
                     {},
                     {},
                     {}});
}

void MainWindow::askCamera(const Spacing& spacing) {
    const QString made = tr("One pixel of this image is %1 mm.").arg(QLocale().toString(spacing.xMm, 'g', 4));
    const bool endoscopy = m_session->imageKind() == ImageKind::Endoscopy;
    const int others = m_session->imagesOfCamera() - 1;
    Banner banner{QStringLiteral("camera"), Banner::Kind::Info, made, {}, {}, {}, {}};
    if (endoscopy) {
        banner.kind = Banner::Kind::Warning;
        banner.text +=
            QLatin1Char(' ') +
            tr("In an endoscopy image this holds in one plane only, at the distance of what was measured.");
    } else if (others > 0) {
        const Size size = m_session->pyramid()->image->size;
        banner.text +=
            QLatin1Char(' ') + tr("Do the %n others of %1 × %2 pixels have the same scale?", nullptr, others)
                                   .arg(size.width)
                                   .arg(size.height);
        banner.actions.push_back(
            {tr("Use it for all of them"),
             [this, spacing] {
                 m_session->removeCalibration();
                 m_session->calibrate(spacing, true);
                 say(tr("Calibrated: all images of this size, unless they have a calibration of their own."));
             },
             false});
        banner.actions.push_back({tr("Only this image"), [] {}, false});
    } else {
        m_toast->show(made); // nothing to ask, nothing to warn of
        return;
    }
    m_banners->show(std::move(banner));
}

void MainWindow::readLayout() {
    const QSettings settings;
    const QSize screenSize = screen() ? screen()->size() : QSize(1280, 800);
    const QString group = QStringLiteral("layout/%1x%2/").arg(screenSize.width()).arg(screenSize.height());
    if (!restoreGeometry(settings.value(group + QStringLiteral("geometry")).toByteArray()))
        resetLayout();
    else
        m_splitter->restoreState(settings.value(group + QStringLiteral("splitter")).toByteArray());
    const bool panels = settings.value(group + QStringLiteral("panels"), true).toBool();
    m_commands->action(QStringLiteral("panels"))->setChecked(panels);
}

void MainWindow::resetLayout() {
    const QRect available = screen() ? screen()->availableGeometry() : QRect(0, 0, 1280, 800);
    // The frame that the desktop draws around the window has to be on the screen, too.
    resize(std::min(1440, available.width() - kFrameWidth), std::min(900, available.height() - kFrameHeight));
    // What does not fit into these widths widens them.
    m_splitter->setSizes({kWorklistWidth, width() - kWorklistWidth - kSideWidth, kSideWidth});
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QMainWindow::resizeEvent(event);
    placeSavedLabel();
    // Two screens full of the grid, so that scrolling back finds them.
    const int columns = width() / kCard.width() + 1;
    const int rows = height() / kCard.height() + 2;
    m_thumbnails->setKept(2 * columns * rows);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    endEdits();
    if (!mayStopTasks(tr("Stop and quit"))) {
        event->ignore();
        return;
    }
    const SaveStatus left = m_session->waitUntilSaved(5000);
    if (left.trouble) {
        // The one question that prevents loss.
        QMessageBox box(
            QMessageBox::Warning, tr("Edits are not saved"),
            tr("%1 They stay in memory only as long as the program runs.").arg(errorText(*left.trouble)),
            QMessageBox::NoButton, this);
        QPushButton* elsewhere = box.addButton(tr("Save elsewhere…"), QMessageBox::AcceptRole);
        QPushButton* quit = box.addButton(tr("Quit and lose them"), QMessageBox::DestructiveRole);
        box.addButton(tr("Keep working"), QMessageBox::RejectRole);
        box.exec();
        if (box.clickedButton() == elsewhere)
            m_commands->action(QStringLiteral("saveElsewhere"))->trigger();
        if (box.clickedButton() != quit) {
            event->ignore();
            return;
        }
    }
    QSettings settings;
    const QSize screenSize = screen() ? screen()->size() : QSize(1280, 800);
    const QString group = QStringLiteral("layout/%1x%2/").arg(screenSize.width()).arg(screenSize.height());
    settings.setValue(group + QStringLiteral("geometry"), saveGeometry());
    if (m_session->hasProject())
        settings.setValue(group + QStringLiteral("splitter"), m_splitter->saveState());
    settings.setValue(group + QStringLiteral("panels"),
                      m_commands->action(QStringLiteral("panels"))->isChecked());
    m_toolSettings.save();
    event->accept();
}

} // namespace limn
