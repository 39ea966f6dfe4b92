// SPDX-License-Identifier: GPL-3.0-or-later
// What the window shows of the session: overlays, pages, status line, buttons.
#include "ui/window/main_window.h"

#include "app/document/proposal_ops.h"
#include "ui/canvas/canvas_view.h"
#include "ui/panels/clean_up_bar.h"
#include "ui/panels/compare_bar.h"
#include "ui/panels/elided_label.h"
#include "ui/panels/option_bar.h"
#include "ui/panels/start_page.h"
#include "ui/panels/thumbnails.h"
#include "ui/panels/worklist_pane.h"
#include "ui/session/sentences.h"
#include "ui/session/small_outlines.h"
#include "ui/theme/isolated.h"
#include "ui/theme/theme.h"
#include "ui/window/banner_bar.h"

#include <QActionGroup>
#include <QButtonGroup>
#include <QDir>
#include <QFileInfo>
#include <QLabel>
#include <QListView>
#include <QLocale>
#include <QMenu>
#include <QMenuBar>
#include <QPointer>
#include <QProgressBar>
#include <QPushButton>
#include <QSplitter>
#include <QStackedWidget>
#include <QStyle>
#include <QToolButton>
#include <QtConcurrent>

#include <cmath>

namespace limn {
namespace {

constexpr QRgb kProposalColor = qRgb(0xF0, 0xE4, 0x42);
constexpr QRgb kFirstColor = qRgb(0x56, 0xB4, 0xE9);
constexpr QRgb kSecondColor = qRgb(0xE6, 0x9F, 0x00);
constexpr QRgb kScopeColor = qRgb(0xFF, 0xFF, 0xFF);

// A sequential scale that reads in grey as well: dark violet over green to yellow.
QRgb heatColor(double t) {
    static const double stops[5][3] = {
        {68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};
    const double at = std::clamp(t, 0.0, 1.0) * 4;
    const int i = std::min(3, static_cast<int>(at));
    const double f = at - i;
    const auto mix = [&](int c) {
        return static_cast<int>(std::lround(stops[i][c] * (1 - f) + stops[i + 1][c] * f));
    };
    return qRgb(mix(0), mix(1), mix(2));
}

} // namespace

// ---------------------------------------------------------------------------------------------- overlays

void MainWindow::refreshOverlay() {
    m_othersDrawn = m_session->showsOthers();
    OverlayKind main = OverlayKind::Everything;
    if (m_agreement->active())
        main = OverlayKind::Agreement;
    else if (m_compare == Compare::Difference)
        main = OverlayKind::Difference;
    else if (m_compare != Compare::Off)
        main = OverlayKind::SideA;
    if (m_holdProposal)
        main = OverlayKind::Proposal;
    if (m_holdBare)
        main = OverlayKind::Bare;
    refreshOverlayOf(main, m_canvas, false);
    std::vector<QRgb> legend;
    if (m_probabilityLayer && m_session->document() && m_session->document()->proposal() &&
        main != OverlayKind::Bare) {
        for (int i = 0; i <= 8; ++i)
            legend.push_back(heatColor(i / 8.0));
    }
    m_canvas->setLegend(std::move(legend), tr("background 0"), tr("1 inside"));
    if (m_compare == Compare::Swipe)
        refreshOverlayOf(m_holdBare ? OverlayKind::Bare : OverlayKind::SideB, m_canvas, true);
    if (m_compare == Compare::Side)
        refreshOverlayOf(m_holdBare ? OverlayKind::Bare : OverlayKind::SideB, m_second, false);
}

OverlayLayer MainWindow::layerOfSide(Comparison::Side side, int fill) const {
    OverlayLayer layer;
    layer.source = m_comparison->classes(side);
    if (!layer.source)
        layer.source = std::make_shared<AreaSource>(PixelArea());
    const CompareSource::Kind kind = m_comparison->chosen(side).kind;
    if (kind == CompareSource::Kind::Proposal) {
        layer.setAll(kProposalColor, fill, LineStyle::Dashed);
        return layer;
    }
    // One's own is solid; what somebody else drew, or was drawn earlier, is dotted.
    const LineStyle style = m_style == Style::Fill                    ? LineStyle::None
                            : kind == CompareSource::Kind::Annotation ? LineStyle::Solid
                                                                      : LineStyle::Dotted;
    for (const Label& label : m_comparison->labels(side)) {
        if (!label.visible)
            continue;
        layer.color[label.value] = qRgb(label.color.red, label.color.green, label.color.blue);
        layer.fill[label.value] = static_cast<std::uint8_t>(fill);
        layer.line[label.value] = style;
    }
    return layer;
}

void MainWindow::addDifferenceLayer(std::vector<OverlayLayer>& layers) const {
    const auto sideOrNothing = [this](Comparison::Side side) -> ClassSourcePtr {
        ClassSourcePtr source = m_comparison->classes(side);
        return source ? source : std::make_shared<AreaSource>(PixelArea());
    };
    OverlayLayer difference;
    difference.source =
        std::make_shared<DifferenceSource>(sideOrNothing(Comparison::A), sideOrNothing(Comparison::B));
    difference.color[DifferenceSource::kBoth] = qRgb(255, 255, 255);
    difference.color[DifferenceSource::kOnlyFirst] = kFirstColor;
    difference.color[DifferenceSource::kOnlySecond] = kSecondColor;
    difference.fill[DifferenceSource::kBoth] = 40;
    difference.fill[DifferenceSource::kOnlyFirst] = 90;
    difference.fill[DifferenceSource::kOnlySecond] = 90;
    difference.hatch[DifferenceSource::kOnlyFirst] = 1;
    difference.hatch[DifferenceSource::kOnlySecond] = 2;
    difference.line[DifferenceSource::kBoth] = LineStyle::Solid;
    difference.line[DifferenceSource::kOnlyFirst] = LineStyle::Solid;
    difference.line[DifferenceSource::kOnlySecond] = LineStyle::Dashed;
    layers.push_back(std::move(difference));
}

void MainWindow::addAgreementLayers(std::vector<OverlayLayer>& layers) const {
    // Open areas are hatched in the colours of the sides that hold something there.
    std::vector<Span> ofFirst, ofSecond;
    const std::vector<DisputedArea>& areas = m_agreement->areas();
    for (std::size_t i = 0; i < areas.size(); ++i) {
        if (m_agreement->decision(static_cast<int>(i)) != AgreementWork::Decision::Open)
            continue;
        std::vector<Span>& spans = areas[i].first != 0 ? ofFirst : ofSecond;
        spans.insert(spans.end(), areas[i].area.spans().begin(), areas[i].area.spans().end());
    }
    const auto hatched = [&](std::vector<Span> spans, QRgb color, std::uint8_t hatch, LineStyle style) {
        OverlayLayer layer;
        layer.source = std::make_shared<AreaSource>(PixelArea(std::move(spans)));
        layer.setAll(color, 70, style);
        layer.hatch[1] = hatch;
        layers.push_back(std::move(layer));
    };
    hatched(std::move(ofFirst), kFirstColor, 1, LineStyle::Dotted);
    hatched(std::move(ofSecond), kSecondColor, 2, LineStyle::Dotted);
    if (m_agreement->index() >= 0) {
        OverlayLayer shown;
        shown.source =
            std::make_shared<AreaSource>(areas[static_cast<std::size_t>(m_agreement->index())].area);
        shown.setAll(qRgb(255, 255, 255), 0, LineStyle::Dashed);
        layers.push_back(std::move(shown));
    }
}

void MainWindow::refreshOverlayOf(OverlayKind kind, CanvasView* canvas, bool second) {
    std::vector<OverlayLayer> layers;
    const AnnotationDocument* document = m_session->document();
    if (document && m_session->pyramid() && kind != OverlayKind::Bare) {
        const ProposalPtr proposal = document->proposal();
        const ImageId id = m_session->current();
        // One for the document's time on the screen, since it remembers what it has looked at.
        if (!m_labelSource)
            m_labelSource = std::make_shared<LabelSource>([this, id]() -> const TileMap& {
                static const TileMap none;
                return m_session->document() && m_session->current() == id ? m_session->document()->labels()
                                                                           : none;
            });
        const std::shared_ptr<LabelSource> labels = m_labelSource;
        const int fill = m_style == Style::Outline ? 0
                         : m_style == Style::Fill  ? static_cast<int>(255 * std::max(0.4, m_opacity))
                                                   : static_cast<int>(255 * m_opacity);
        const bool lines = m_style != Style::Fill;
        if (m_probabilityLayer && proposal) {
            OverlayLayer heat;
            heat.source = std::make_shared<ProbabilitySource>(proposal);
            heat.bands = true;
            for (int i = 1; i < 256; ++i) {
                heat.color[static_cast<std::size_t>(i)] = heatColor((i - 1) / 254.0);
                heat.fill[static_cast<std::size_t>(i)] = 140;
            }
            layers.push_back(std::move(heat));
        }
        if (kind == OverlayKind::Difference) {
            addDifferenceLayer(layers);
        } else if (kind == OverlayKind::SideA || kind == OverlayKind::SideB) {
            layers.push_back(layerOfSide(kind == OverlayKind::SideA ? Comparison::A : Comparison::B, fill));
        } else {
            if (proposal) {
                OverlayLayer dashed;
                dashed.source = std::make_shared<ThresholdSource>(proposal, document->threshold());
                dashed.setAll(kProposalColor, kind == OverlayKind::Proposal ? fill : 0, LineStyle::Dashed);
                layers.push_back(std::move(dashed));
            }
            if (kind != OverlayKind::Proposal) {
                OverlayLayer solid;
                solid.source = labels;
                for (const Label& label : document->labelTable()) {
                    if (!label.visible)
                        continue;
                    solid.color[label.value] = qRgb(label.color.red, label.color.green, label.color.blue);
                    solid.fill[label.value] = static_cast<std::uint8_t>(fill);
                    solid.line[label.value] = !lines                     ? LineStyle::None
                                              : m_session->showsOthers() ? LineStyle::Dotted
                                                                         : LineStyle::Solid;
                }
                layers.push_back(std::move(solid));
            }
            if (kind == OverlayKind::Agreement)
                addAgreementLayers(layers);
        }
        if ((m_markEdge || m_markInside) && !second && canvas == m_canvas) {
            OverlayLayer marked;
            marked.source = labels;
            const std::uint8_t active = m_session->activeLabel();
            marked.color[active] = qRgb(255, 255, 255);
            marked.fill[active] = m_markInside ? 130 : 0;
            marked.line[active] = LineStyle::Solid;
            layers.push_back(std::move(marked));
        }
        if (m_session->scope() && !second && canvas == m_canvas) {
            OverlayLayer scope;
            scope.source = std::make_shared<AreaSource>(*m_session->scope());
            scope.setAll(kScopeColor, 0, LineStyle::Dotted);
            layers.push_back(std::move(scope));
        }
        if (!second && canvas == m_canvas) {
            const auto preview = [&](const PixelArea& area, QRgb color, std::uint8_t hatch) {
                if (area.empty())
                    return;
                OverlayLayer layer;
                layer.source = std::make_shared<AreaSource>(area);
                layer.setAll(color, 70, LineStyle::Dashed);
                layer.hatch[1] = hatch;
                layers.push_back(std::move(layer));
            };
            preview(m_preview, qRgb(255, 255, 255), 0);
            preview(m_previewRemoved, kSecondColor, 2);
        }
    }
    (second ? canvas->secondOverlay() : canvas->overlay()).setLayers(std::move(layers));
    canvas->overlayChanged();
}

void MainWindow::setPreview(PixelArea area, PixelArea removed) {
    if (area.empty() && m_preview.empty() && removed.empty() && m_previewRemoved.empty())
        return;
    m_preview = std::move(area);
    m_previewRemoved = std::move(removed);
    refreshOverlay();
}

void MainWindow::setCompare(Compare compare) {
    m_compare = compare;
    const char* id = compare == Compare::Off     ? "compareOff"
                     : compare == Compare::Side  ? "compareSide"
                     : compare == Compare::Swipe ? "compareSwipe"
                                                 : "compareDifference";
    m_commands->action(QLatin1String(id))->setChecked(true);
    m_canvas->setDivider(compare == Compare::Swipe ? 0.5 : -1.0);
    m_second->setVisible(compare == Compare::Side);
    if (compare == Compare::Side && m_session->pyramid()) {
        m_second->setImage(m_session->pyramid(), false);
        m_second->setScaleBarVisible(false);
    }
    m_comparison->setActive(compare != Compare::Off);
    m_compareBar->setDifferenceShown(compare == Compare::Difference);
    refreshCompare();
    refreshPage();
}

void MainWindow::refreshCompare() {
    const bool sides = m_compare == Compare::Side || m_compare == Compare::Swipe;
    const QString a = m_comparison->chosen(Comparison::A).name;
    const QString b = m_comparison->chosen(Comparison::B).name;
    m_canvas->setCaptions(sides ? a : QString(), m_compare == Compare::Swipe ? b : QString());
    m_second->setCaptions(b, {});
    refreshOverlay();
    placeViewBar();
}

void MainWindow::refreshAgreement() {
    const bool active = m_agreement->active();
    QAction* agree = m_commands->action(QStringLiteral("agree"));
    agree->setEnabled(active || m_agreement->possible());
    agree->setText(active ? tr("Leave the a&greement") : tr("A&gree on one annotation"));
    for (const char* id : {"nextArea", "previousArea", "takeFirst", "takeSecond", "takeByHand"})
        m_commands->action(QLatin1String(id))->setEnabled(active);
    if (active && m_compare != Compare::Off)
        setCompare(Compare::Off);
    if (!active && m_agreement->possible() && m_session->reviewMode() == ReviewMode::Independent &&
        m_session->currentRecord() && m_session->currentRecord()->state != ReviewState::Accepted)
        m_banners->show({QStringLiteral("agree"),
                         Banner::Kind::Info,
                         tr("%1 and %2 have submitted this image.")
                             .arg(m_versions->personName(m_versions->pair().first),
                                  m_versions->personName(m_versions->pair().second)),
                         {{tr("Agree on one annotation"), [this] { m_agreement->begin(); }, false}},
                         {},
                         {},
                         {}});
    else
        m_banners->remove(QStringLiteral("agree"));
    refreshReview();
    // Every save comes by here: without areas to agree on, there is nothing to draw again.
    if (active || m_agreementShown)
        refreshOverlay();
    m_agreementShown = active;
}

void MainWindow::refreshModelBanner() {
    if (!m_session->hasProject())
        return;
    const auto tell = [this](Banner::Kind kind, const QString& text) {
        m_banners->show({QStringLiteral("model"),
                         kind,
                         text,
                         {{tr("Choose a model…"), [this] { chooseModel(); }, true}},
                         {},
                         {},
                         {}});
    };
    if (m_session->models().empty())
        tell(Banner::Kind::Info, tr("No model was found, so there are no proposals. Drawing by hand works."));
    else if (m_session->modelError())
        tell(Banner::Kind::Warning,
             tr("There are no proposals: %1").arg(errorText(*m_session->modelError())));
    else
        m_banners->remove(QStringLiteral("model"));
    // A run that could not be done on the graphics card says so in its notes: told once a project.
    const AnnotationDocument* document = m_session->document();
    if (m_fallbackTold || !document || !document->proposal() || document->proposal()->notes.empty())
        return;
    m_fallbackTold = true;
    QStringList notes;
    for (const std::string& note : document->proposal()->notes)
        notes.append(QString::fromStdString(note));
    m_banners->show(
        {QStringLiteral("fallback"),
         Banner::Kind::Warning,
         notes.join(QLatin1Char(' ')),
         {{tr("Settings…"), [this] { m_commands->action(QStringLiteral("settings"))->trigger(); }, true}},
         {},
         {},
         {}});
}

void MainWindow::showSecondVersion(const ProjectNotice& notice) {
    const ImageRecord* r = m_session->record(notice.image);
    const QString name = r ? QFileInfo(QString::fromStdString(r->path)).completeBaseName() : QString();
    m_banners->show(
        {QStringLiteral("secondVersion"),
         Banner::Kind::Warning,
         tr("%1 was saved by another program meanwhile. Yours is kept as a second version.").arg(name),
         {{tr("Compare"),
           [this, id = notice.image] {
               m_session->show(id);
               m_versions->reload();
               // The document on the screen is the second version; the other one stands beside it.
               m_comparison->choose(Comparison::A,
                                    {CompareSource::Kind::Annotation, kNobody, 0, 0, tr("Annotation")});
               m_comparison->choose(Comparison::B,
                                    {CompareSource::Kind::Person, m_session->project()->currentPerson(), 0, 0,
                                     tr("Saved by the other program")});
               setCompare(Compare::Difference);
           },
           false}},
         {},
         {},
         {}});
}

void MainWindow::showRejection() {
    const ImageRecord* r = m_session->currentRecord();
    if (!r || r->state != ReviewState::Rejected || r->reason.empty())
        return;
    const auto tell = [this, reason = QString::fromStdString(r->reason)](const QString& by) {
        m_banners->show(
            {QStringLiteral("rejectedReason"),
             Banner::Kind::Warning,
             by.isEmpty() ? tr("Rejected: %1").arg(reason) : tr("Rejected by %1: %2").arg(by, reason),
             {},
             {},
             {},
             {}});
    };
    tell({});
    // Who it was stands in the history.
    m_session->project()->loadHistory(
        r->id, 50,
        [this, tell, id = r->id,
         self = QPointer<MainWindow>(this)](const Result<std::vector<HistoryRecord>>& lines) {
            if (!self || !lines || id != m_session->current() ||
                !m_banners->contains(QStringLiteral("rejectedReason")))
                return;
            for (const HistoryRecord& line : *lines) {
                if (line.what == "state" && line.to == reviewStateName(ReviewState::Rejected)) {
                    tell(QString::fromStdString(m_session->project()->personName(line.person)));
                    return;
                }
            }
        });
}

void MainWindow::linkViews(CanvasView* from, CanvasView* to) {
    if (m_linking || m_compare != Compare::Side || !to->isVisible())
        return;
    m_linking = true;
    to->setView(from->view());
    m_linking = false;
}

void MainWindow::placeViewBar() {
    m_viewBar->adjustSize();
    m_viewBar->move(std::max(4, m_canvasPage->width() - m_viewBar->width() - 12),
                    m_canvasPage->height() - m_viewBar->height() - 12);
    m_viewBar->raise();
    m_canvas->setCornerTaken(m_viewBar->geometry().translated(-m_canvas->pos()));
    m_miniBar->adjustSize();
    m_miniBar->move(12, 12 + m_canvas->topTaken());
    m_miniBar->raise();
    placeFocusRing();
}

// Over the image, which stays where it is; above every other page.
void MainWindow::placeBanner() {
    const bool overImage = m_pages->currentWidget() == m_canvasPage;
    int height = 0;
    if (!m_banners->isHidden()) {
        const int forWidth = m_banners->heightForWidth(m_pages->width());
        height = forWidth > 0 ? forWidth : m_banners->sizeHint().height();
    }
    m_bannerRoom->setFixedHeight(overImage ? 0 : height);
    m_canvas->setTopTaken(overImage ? height : 0);
    m_second->setTopTaken(overImage ? height : 0);
    const int top = overImage ? m_pages->y() : m_bannerRoom->y();
    m_banners->setGeometry(m_pages->x(), top, m_pages->width(), height);
    m_banners->raise();
    placeViewBar();
}

void MainWindow::fitSidePane() {
    const int scrollBar = style()->pixelMetric(QStyle::PM_ScrollBarExtent, nullptr, m_panels);
    m_sidePane->setMinimumWidth(std::max(
        {236, m_panels->minimumSizeHint().width() + scrollBar, m_reviewBar->minimumSizeHint().width()}));
}

// What the menus leave of their bar, at most.
void MainWindow::placeSavedLabel() {
    int menus = 0;
    const QFontMetrics metrics(menuBar()->font());
    for (const QAction* menu : menuBar()->actions())
        menus += metrics.horizontalAdvance(menu->text()) + 24;
    const int room = std::clamp(menuBar()->width() - menus, 80, metrics.averageCharWidth() * 56);
    const QRect place(menuBar()->width() - room, 0, room, menuBar()->height());
    m_savedLabel->setGeometry(QStyle::visualRect(layoutDirection(), menuBar()->rect(), place));
}

void MainWindow::placeFocusRing() {
    if (!m_focusRing->isVisible())
        return;
    // Only the ring itself is painted, so that it costs a stroke nothing.
    const QRect around = m_canvas->geometry();
    m_focusRing->setGeometry(around);
    const QRect inner(QPoint(2, 2), around.size() - QSize(4, 4));
    m_focusRing->setMask(QRegion(QRect(QPoint(0, 0), around.size())) - QRegion(inner));
    m_focusRing->raise();
}

void MainWindow::announcePainted() {
    // Decisions wait until image and outline were seen: the outline is painted with the next event.
    if (!m_imagePainted || !m_session->ready())
        return;
    const ImageId id = m_session->current();
    QTimer::singleShot(0, this, [this, id] {
        if (m_session->current() == id && m_session->ready())
            m_session->setPainted(true);
    });
}

void MainWindow::updateThumbnailOutline(ImageId id) {
    if (id == 0 || id != m_session->current())
        return;
    if (const QImage outline = m_outlines->ofShown(); !outline.isNull())
        m_thumbnails->setOutline(id, outline);
}

// ------------------------------------------------------------------------------------- pages and buttons

// The folder was looked through, and none of its files can be read as an image. Files that are missing are
// another matter: they can be located.
bool MainWindow::nothingToShow() const {
    if (!m_session->hasProject() || m_session->project()->isScanning())
        return false;
    const Worklist& images = m_session->project()->worklist();
    if (images.size() == 0)
        return true;
    if (!m_session->imageError())
        return false;
    const std::vector<ImageId> ids = images.select({});
    return std::all_of(ids.begin(), ids.end(),
                       [&](ImageId id) { return !images.find(id)->trouble.empty(); }) &&
           m_session->project()->missingImages().empty();
}

void MainWindow::refreshPage() {
    const bool open = m_session->project() != nullptr;
    const bool panels = m_commands->action(QStringLiteral("panels"))->isChecked();
    m_worklist->setVisible(open);
    m_sidePane->setVisible(open && panels);
    m_toolRail->setVisible(open);
    m_options->setVisible(open);
    const bool grid = open && m_commands->action(QStringLiteral("grid"))->isChecked();
    int page = 0;
    if (grid)
        page = 2;
    else if (open && m_session->imageError())
        page = 3;
    else if (open)
        page = 1;
    const bool nothing = nothingToShow();
    const bool noHit = !nothing && (page == 2 || m_session->current() == 0) && m_session->list().empty() &&
                       m_session->hasProject() && m_session->project()->worklist().size() > 0;
    if (noHit) {
        page = 3;
        m_errorText->setText(tr("No image matches this filter."));
    } else if (nothing) {
        page = 3;
        QStringList lines = {
            tr("No image in %1 could be read.")
                .arg(QDir::toNativeSeparators(QString::fromStdString(m_session->project()->imageFolder())))};
        const std::vector<Project::Skipped>& skipped = m_session->project()->skippedFiles();
        for (std::size_t i = 0; i < std::min<std::size_t>(skipped.size(), 6); ++i)
            lines.append(errorText(skipped[i].reason));
        if (skipped.size() > 6)
            lines.append(tr("and %n more", nullptr, static_cast<int>(skipped.size() - 6)));
        m_errorText->setText(lines.join(QLatin1Char('\n')));
    } else if (page == 3) {
        m_errorText->setText(errorText(*m_session->imageError()));
    }
    m_errorNext->setVisible(!nothing && !noHit);
    m_errorShow->setVisible(!nothing && !noHit);
    m_errorOpen->setVisible(nothing);
    m_errorClear->setVisible(noHit);
    m_errorLocate->setVisible(!nothing && !noHit && m_session->imageError() &&
                              m_session->imageError()->code == ErrorCode::FileNotFound);
    // Only the page that is shown says how wide the window must be.
    for (int i = 0; i < m_pages->count(); ++i)
        m_pages->widget(i)->setSizePolicy(i == page ? QSizePolicy::Preferred : QSizePolicy::Ignored,
                                          i == page ? QSizePolicy::Preferred : QSizePolicy::Ignored);
    if (m_pages->currentIndex() != page) {
        m_pages->setCurrentIndex(page);
        // Keys go to the image as soon as there is one.
        if (page == 1)
            m_canvas->setFocus();
        placeBanner();
    }
    m_miniBar->setVisible(m_session->scope() != nullptr);
    m_compareBar->setVisible(page == 1 && m_compare != Compare::Off);
    // Its preview is on the image.
    if (page != 1)
        m_cleanUpBar->cancel();
    const bool any = open && m_session->current() != 0;
    m_canvas->setEmptyText(!open || m_session->pyramid() ? QString() : tr("Opening…"));
    for (const char* id : {"accept",
                           "reject",
                           "flag",
                           "next",
                           "previous",
                           "nextUndone",
                           "previousUndone",
                           "export",
                           "closeProject",
                           "saveNow",
                           "saveElsewhere",
                           "useProposal",
                           "runHere",
                           "runAll",
                           "runProposal",
                           "fillHoles",
                           "keepLargest",
                           "smooth",
                           "specks",
                           "clean",
                           "clearLabel",
                           "noLesion",
                           "copyMeasurements",
                           "comment",
                           "runSelected",
                           "exportSelected",
                           "acceptSelected",
                           "submitSelected",
                           "rejectSelected",
                           "reopenSelected",
                           "flagSelected",
                           "unflagSelected",
                           "assignToMe",
                           "assignToNobody",
                           "showFile",
                           "grid"})
        m_commands->action(QLatin1String(id))
            ->setEnabled(any || (QLatin1String(id) == QLatin1String("closeProject") && open));
    placeViewBar();
}

void MainWindow::refreshReview() {
    const ImageRecord* r = m_session->currentRecord();
    const bool ready = r && m_session->ready() && m_session->painted();
    m_acceptButton->setEnabled(ready);
    m_rejectButton->setEnabled(r != nullptr);
    QAction* flag = m_commands->action(QStringLiteral("flag"));
    flag->setChecked(r && r->flagged);
    QString text = tr("Accept");
    if (m_session->agreeing()) {
        text = tr("Accept as agreed");
        m_acceptButton->setEnabled(m_agreement->openAreas() == 0);
    } else if (r) {
        const bool accepts = m_session->acceptTarget() == ReviewState::Accepted;
        const AnnotationDocument* d = m_session->document();
        if (d && d->noLesion())
            text = accepts ? tr("Accept: no lesion") : tr("Submit: no lesion");
        else if (d && d->untouched() && d->proposal())
            text = accepts ? tr("Use proposal and accept") : tr("Use proposal and submit");
        else if (r->state == ReviewState::Accepted && accepts)
            text = tr("Accepted: next");
        else
            text = accepts ? tr("Accept and next") : tr("Submit and next");
    }
    m_acceptButton->setText(text);
    fitSidePane();
    QAction* action = m_commands->action(QStringLiteral("accept"));
    const QString key = action->shortcut().toString(QKeySequence::NativeText);
    m_acceptButton->setToolTip(QStringLiteral("%1  (%2)").arg(text, key));
}

void MainWindow::refreshHistoryActions() {
    const AnnotationDocument* d = m_session->document();
    QAction* undo = m_commands->action(QStringLiteral("undo"));
    QAction* redo = m_commands->action(QStringLiteral("redo"));
    const auto name = [this](StepKind kind) {
        switch (kind) {
        case StepKind::BrushStroke:
            return tr("brush stroke");
        case StepKind::EraserStroke:
            return tr("eraser stroke");
        case StepKind::Lasso:
            return tr("lasso");
        case StepKind::KeepInside:
            return tr("keep inside");
        case StepKind::Polygon:
            return tr("polygon");
        case StepKind::Wand:
            return tr("wand");
        case StepKind::ContourPush:
            return tr("contour push");
        case StepKind::FillHoles:
            return tr("fill holes");
        case StepKind::KeepLargest:
            return tr("keep largest part");
        case StepKind::RemoveSpecks:
            return tr("remove specks");
        case StepKind::Clean:
            return tr("clean");
        case StepKind::Smooth:
            return tr("smooth");
        case StepKind::Grow:
            return tr("grow");
        case StepKind::Shrink:
            return tr("shrink");
        case StepKind::ClearLabel:
            return tr("clear label");
        case StepKind::ReplaceLabel:
            return tr("replace label");
        case StepKind::UseProposal:
            return tr("use proposal");
        case StepKind::MarkNoLesion:
            return tr("mark as no lesion");
        case StepKind::RemoveNoLesionMark:
            return tr("remove the no lesion mark");
        case StepKind::RestoreVersion:
            return tr("restore version");
        case StepKind::ImportAnnotation:
            return tr("import");
        case StepKind::TakeArea:
            return tr("take area");
        }
        return QString();
    };
    const bool canUndo = d && d->history().canUndo();
    const bool canRedo = d && d->history().canRedo();
    undo->setEnabled(canUndo);
    redo->setEnabled(canRedo);
    undo->setText(canUndo ? tr("&Undo %1").arg(name(d->history().undoKind())) : tr("&Undo"));
    redo->setText(canRedo ? tr("&Redo %1").arg(name(d->history().redoKind())) : tr("&Redo"));
    undo->setToolTip(
        QStringLiteral("%1  (%2)")
            .arg(undo->text().remove(QLatin1Char('&')), undo->shortcut().toString(QKeySequence::NativeText)));
    redo->setToolTip(
        QStringLiteral("%1  (%2)")
            .arg(redo->text().remove(QLatin1Char('&')), redo->shortcut().toString(QKeySequence::NativeText)));
}

// -------------------------------------------------------------------------------------------- read-outs

void MainWindow::refreshStatus() {
    const double zoom = m_canvas->view().zoom() * 100;
    m_zoomButton->setText(m_session->pyramid()
                              ? isolated(tr("%1 %").arg(QLocale().toString(zoom, 'f', zoom < 10 ? 1 : 0)))
                              : QStringLiteral("–"));
    if (m_zoomButton->sizeHint().width() > m_zoomButton->width())
        placeViewBar();
}

void MainWindow::refreshPointer() {
    const std::optional<QPoint> pixel = m_canvas->pointerPixel();
    if (!pixel || !m_session->pyramid() || !m_commands->action(QStringLiteral("readOut"))->isChecked()) {
        m_pointerLabel->clear();
        return;
    }
    const Image& image = *m_session->pyramid()->image;
    const std::uint8_t* rgb = image.pixel(pixel->x(), pixel->y());
    QString text =
        tr("x %1  y %2   RGB %3 %4 %5").arg(pixel->x()).arg(pixel->y()).arg(rgb[0]).arg(rgb[1]).arg(rgb[2]);
    if (const AnnotationDocument* d = m_session->document()) {
        if (d->proposal()) {
            const float p = probabilityAt(*d->proposal(), pixel->x(), pixel->y());
            if (p >= 0)
                text += tr("   p %1").arg(QLocale().toString(p, 'f', 2));
        }
        const std::uint8_t value = d->labels().at(pixel->x(), pixel->y());
        if (value != 0) {
            const Label* label = d->findLabel(value);
            text += QStringLiteral("   ") +
                    (label ? QString::fromStdString(label->name) : QString::number(value));
            switch (d->sourceAt(pixel->x(), pixel->y()).kind) {
            case ProvenanceKind::Model:
                text += tr(" (model)");
                break;
            case ProvenanceKind::ModelEdited:
                text += tr(" (model, edited)");
                break;
            case ProvenanceKind::Manual:
                text += tr(" (by hand)");
                break;
            case ProvenanceKind::None:
                break;
            }
        }
    }
    m_pointerLabel->setText(text);
}

void MainWindow::refreshModelLine() {
    const QLocale locale;
    QString line;
    QString page;
    if (m_session->models().empty()) {
        line = tr("no model");
        page = tr("No model was found: there will be no proposals. Models are files NAME.safetensors in the "
                  "folder \"models\" beside the program.");
    } else {
        const int index = m_session->modelIndex();
        ModelChoice choice = m_session->models()[static_cast<std::size_t>(std::max(0, index))];
        page = tr("Model: %1").arg(choice.name);
        // Who chose is part of the name: an automatic choice may be wrong, and is changed in this menu.
        if (m_session->models().size() > 1 && m_session->modelIsAutomatic()) {
            choice.name = index < 0 ? tr("automatic model") : tr("%1 (automatic)").arg(choice.name);
            page = tr("Model: chosen for each image by what it shows");
        } else if (m_session->models().size() > 1 && m_session->imageModel() >= 0) {
            choice.name = tr("%1 (this image)").arg(choice.name);
        }
        line = choice.name;
        if (const QString device = m_session->modelDevice(); !device.isEmpty())
            page += QStringLiteral(" · ") + tr("Device: %1").arg(device);
        if (m_session->modelError()) {
            line = tr("%1: not loaded").arg(choice.name);
            page = errorText(*m_session->modelError());
        } else if (!m_session->modelInfo()) {
            line = tr("%1: loading…").arg(choice.name);
        } else {
            const AnnotationDocument* d = m_session->document();
            if (d && d->proposal())
                line = tr("%1 · %2 · %3 ms")
                           .arg(choice.name, QString::fromStdString(d->proposal()->device),
                                locale.toString(d->proposal()->times.preprocessMs +
                                                    d->proposal()->times.networkMs +
                                                    d->proposal()->times.postprocessMs,
                                                'f', 0));
            if (m_session->proposalPending())
                line = tr("%1: computing…").arg(choice.name);
        }
    }
    m_modelButton->setText(line);
    m_start->setModelLine(page);
}

void MainWindow::setModels(std::vector<ModelChoice> models) {
    m_session->setModels(std::move(models));
    m_modelMenu->setEnabled(!m_session->models().empty());
    m_modelButton->setEnabled(!m_session->models().empty());
    refreshModelLine();
}

// Made anew whenever it opens: what is checked depends on the shown image.
void MainWindow::fillModelMenu() {
    m_modelMenu->clear();
    const auto add = [this](QActionGroup* group, const QString& text, bool checked, auto choose) {
        QAction* action = m_modelMenu->addAction(text);
        action->setCheckable(true);
        action->setChecked(checked);
        group->addAction(action);
        connect(action, &QAction::triggered, this, choose);
        return action;
    };
    const auto& models = m_session->models();
    m_modelMenu->addAction(tr("For all images"))->setEnabled(false);
    auto* all = new QActionGroup(m_modelMenu);
    if (models.size() > 1)
        add(all, tr("Automatic: by what each image shows"),
            m_session->chosenModel() == ReviewSession::kAutomatic,
            [this] { m_session->chooseModel(ReviewSession::kAutomatic); })
            ->setObjectName(QStringLiteral("modelAutomatic"));
    for (int i = 0; i < static_cast<int>(models.size()); ++i) {
        const ModelChoice& choice = models[static_cast<std::size_t>(i)];
        QAction* action = add(all, choice.name, m_session->chosenModel() == i || models.size() == 1,
                              [this, i] { m_session->chooseModel(i); });
        action->setToolTip(choice.path);
        action->setObjectName(QStringLiteral("model:") + choice.name);
    }
    if (models.size() < 2 || m_session->current() == 0)
        return;
    m_modelMenu->addSeparator();
    m_modelMenu->addAction(tr("For this image alone"))->setEnabled(false);
    auto* one = new QActionGroup(m_modelMenu);
    add(one, tr("As for all images"), m_session->imageModel() == ReviewSession::kAutomatic, [this] {
        m_session->chooseImageModel(ReviewSession::kAutomatic);
    })->setObjectName(QStringLiteral("imageModelAsAll"));
    for (int i = 0; i < static_cast<int>(models.size()); ++i) {
        const ModelChoice& choice = models[static_cast<std::size_t>(i)];
        add(one, choice.name, m_session->imageModel() == i, [this, i] {
            m_session->chooseImageModel(i);
        })->setObjectName(QStringLiteral("imageModel:") + choice.name);
    }
}

void MainWindow::refreshTitle() {
    Project* project = m_session->project();
    if (!project || !project->isOpen()) {
        setWindowTitle(tr("Limn"));
        m_savedLabel->setText({});
        m_banners->remove(QStringLiteral("saving"));
        return;
    }
    const QString name = QString::fromStdString(project->name());
    const SaveStatus status = project->saveStatus();
    const QString state = status.trouble       ? tr("not saved")
                          : status.waiting > 0 ? tr("saving…")
                                               : tr("all saved");
    m_savedLabel->setText(QStringLiteral("%1 · %2").arg(name, state));
    const ImageRecord* r = m_session->currentRecord();
    setWindowTitle(
        r ? QStringLiteral("%1 – %2").arg(QFileInfo(QString::fromStdString(r->path)).fileName(), name)
          : name);
    refreshCanvasDescription();
    if (status.trouble) {
        const QString sentence = errorText(*status.trouble);
        if (!m_banners->contains(QStringLiteral("saving")))
            m_banners->show(
                {QStringLiteral("saving"),
                 Banner::Kind::Error,
                 tr("Edits are not being saved: %1 They stay in memory until that is solved.").arg(sentence),
                 {{tr("Try now"),
                   [this] {
                       if (m_session->project())
                           m_session->project()->retrySaving();
                   },
                   true},
                  {tr("Save elsewhere…"),
                   [this] { m_commands->action(QStringLiteral("saveElsewhere"))->trigger(); }, true}},
                 {},
                 {},
                 {}});
    } else {
        m_banners->remove(QStringLiteral("saving"));
    }
}

void MainWindow::refreshCanvasDescription() {
    const ImageRecord* r = m_session->currentRecord();
    if (!r) {
        m_canvas->setAccessibleDescription({});
        return;
    }
    QStringList parts = {tr("Image %1").arg(QString::fromStdString(r->path)), stateWord(r->state)};
    if (const AnnotationDocument* d = m_session->document()) {
        const Label* label = d->findLabel(m_session->activeLabel());
        if (d->noLesion())
            parts.append(tr("no lesion"));
        else if (label)
            parts.append(tr("label %1").arg(QString::fromStdString(label->name)));
        if (r->areaPixels > 0)
            parts.append(tr("%n pixels annotated", nullptr, static_cast<int>(r->areaPixels)));
        if (d->untouched() && d->proposal())
            parts.append(tr("a proposal is shown"));
    }
    m_canvas->setAccessibleDescription(parts.join(QStringLiteral(", ")));
}

QString MainWindow::statusText() const {
    return m_messageLabel->text();
}

QString MainWindow::bannerText() const {
    return m_banners->currentText();
}

} // namespace limn
