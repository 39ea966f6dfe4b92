// SPDX-License-Identifier: GPL-3.0-or-later
// What the window shows, without a widget: the open project, the listed images, the shown image with its
// document and proposals, decisions, and everything that happens in the background. GUI thread; work on
// disks, decoders and networks is done in other threads and comes back by signals.
//
// What always holds: results for an image that is no longer shown go into caches and never into the view; a
// document lives as long as its undo history is wanted; every change of content is handed to the project's
// saver at once.
#pragma once

#include "app/document/annotation_document.h"
#include "app/document/wand.h"
#include "app/images/image_kind.h"
#include "app/project/project.h"
#include "app/proposals/proposal_queue.h"
#include "ui/session/image_cache.h"

#include <QDateTime>
#include <QObject>
#include <QString>
#include <QStringList>
#include <QThreadPool>
#include <QTimer>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace limn {

// How many people an image needs. Kept in the project ("review": one, two, independent).
enum class ReviewMode {
    OneStep,     // submitting is accepting
    TwoSteps,    // another person accepts what was submitted
    Independent, // each person annotates without seeing the others; two then agree on one
};

// Where proposals come from: the engine of a model file. Tests give another.
struct ModelChoice {
    QString name;
    QString path; // for the log and the tooltip
    ProposalQueue::LoadEngine load;
    ImageKind kind = ImageKind::Unknown; // what it was trained on
};

// One proposal that came, or did not: what made it, where, and how long each stage took.
struct FinishedRun {
    ImageId image = 0;
    QString model;
    QString device;
    StageTimes times;
    bool kept = false; // it was in memory or in the project already: nothing was computed
    std::optional<Error> error;
    QDateTime when;
};

// Work that goes on beside the window and that a person waits for or may lose.
struct BackgroundWork {
    int proposalsDone = 0; // of the images that were asked for together
    int proposalsTotal = 0;
    int filesDone = 0; // of those being read and hashed
    int filesTotal = 0;
};

struct WorkPools;

class ReviewSession : public QObject {
    Q_OBJECT

public:
    enum class Decision { Done, NotReady, NeedsNoLesionConfirmation, Failed };

    explicit ReviewSession(QObject* parent = nullptr);
    ~ReviewSession() override;

    // --- Project ---
    // A folder, a project file, or image files (of which the folder of the first is opened and the first
    // shown).
    void open(const QStringList& paths);
    void addFiles(const QStringList& paths);
    // Looks in a folder for images whose files are missing; located() follows.
    void locate(const QString& folder);
    void closeProject();
    Project* project() const { return m_project.get(); }
    bool hasProject() const { return m_project != nullptr && m_project->isOpen(); }
    // Waits at most this long until everything is on disk. On leaving the program.
    SaveStatus waitUntilSaved(int timeoutMs);
    QString personName() const;
    void setPersonName(const QString& name);
    bool personConfirmed() const;

    // --- List ---
    const std::vector<ImageId>& list() const { return m_list; }
    const WorklistFilter& filter() const { return m_filter; }
    WorklistOrder order() const { return m_order; }
    bool descending() const { return m_descending; }
    void setFilter(const WorklistFilter& filter);
    void setOrder(WorklistOrder order, bool descending);
    // The list stays frozen while states and figures change; true when sorting again would change it.
    bool listIsOld() const;
    void refreshList();
    // Images that wait for the current person.
    std::size_t todoCount() const;
    const ImageRecord* record(ImageId id) const;
    const ImageRecord* currentRecord() const { return record(m_current); }

    // --- Shown image ---
    ImageId current() const { return m_current; }
    int currentRow() const;
    void show(ImageId id);
    void step(int rows);
    void stepUndone(int direction);
    ImagePyramidPtr pyramid() const { return m_pyramid; }
    // Pixels along the longer side of the view: what a preview has to show.
    void setViewSide(int pixels) { m_viewSide = pixels; }
    // Null until the annotation was loaded.
    AnnotationDocument* document() const { return m_document; }
    // What an annotation of the image begins with: the person's own, or, unless people are to annotate
    // without seeing each other's work, what the last editor made.
    void loadBeginning(ImageId id, std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done);
    // The image's proposal of the whole image in memory or else in the project, with the threshold it is
    // looked at with; null: none.
    void findProposal(ImageId id, std::function<void(const ProposalPtr&, double threshold)> done);
    // What is shown as the annotation is another person's still: this one has changed nothing.
    bool showsOthers() const;
    // Why the shown image cannot be shown; empty when it can.
    const std::optional<Error>& imageError() const { return m_imageError; }
    bool ready() const { return m_pyramid && m_document; }
    std::shared_ptr<const LabImage> labImage() const { return m_lab; }
    // Computes it in the background, so that no selection by colour waits for it.
    void prepareLabImage();
    // For work behind the shown image; its owner stops what it started.
    WorkPools& pools() { return *m_pools; }
    std::optional<Spacing> spacing() const;
    // For the shown image, or for all images of its camera (cameraOf()), of which images of its own
    // calibration are an exception.
    void calibrate(const Spacing& spacing, bool forCamera);
    // What calibrates the shown image by a person's hand; none: the file's own spacing, or none at all.
    const std::optional<CalibrationRecord>& calibration() const { return m_calibration; }
    void removeCalibration();
    // How many images of the project are of the shown image's camera.
    int imagesOfCamera() const;
    // What the shown image shows; Unknown while it is not there.
    ImageKind imageKind() const;

    // --- Proposals ---
    const std::vector<ModelChoice>& models() const { return m_models; }
    void setModels(std::vector<ModelChoice> models);
    // The model chosen for all images; kAutomatic: by what each image shows, which is the default where there
    // are models for several kinds of images.
    static constexpr int kAutomatic = -1;
    int chosenModel() const { return m_chosenModel; }
    void chooseModel(int index);
    // The exception for the shown image, kept with the project; kAutomatic: none.
    int imageModel() const;
    void chooseImageModel(int index);
    // The model that works on the shown image; -1: not known yet, or none is there.
    int modelIndex() const;
    bool modelIsAutomatic() const { return m_chosenModel == kAutomatic && imageModel() == kAutomatic; }
    // Of that model, or of the first that will be loaded. Null: not loaded (yet). modelError() says why not.
    std::optional<ModelInfo> modelInfo() const;
    std::optional<Error> modelError() const;
    QString modelDevice() const; // what it computes on; empty: not loaded (yet)
    const QString& deviceChoice() const { return m_deviceChoice; }
    PredictOptions predictOptions() const { return m_predictOptions; }
    void setPredictOptions(const PredictOptions& options);
    const std::vector<ProposalPtr>& proposals() const { return m_proposals; }
    void chooseProposal(int index);
    bool proposalPending() const { return m_pending; }
    std::optional<Error> proposalError() const { return m_proposalError; }
    void runProposal();
    void runProposalIn(const Rect& region);
    // In the background, behind the shown image and its neighbours.
    void runModelOn(const std::vector<ImageId>& ids);
    void cancelRuns();
    const ProposalProgress& proposalProgress() const { return m_progress; }
    // The newest first, at most kKeptRuns.
    const std::deque<FinishedRun>& finishedRuns() const { return m_runs; }
    static constexpr std::size_t kKeptRuns = 50;
    // Proposals asked for with runModelOn(), and files being looked at. All zero: nothing goes on.
    BackgroundWork backgroundWork() const;

    // --- Editing helpers ---
    std::uint8_t activeLabel() const { return m_activeLabel; }
    void setActiveLabel(std::uint8_t value);
    bool usesProposalFirst() const { return m_useFirst; }
    void setUsesProposalFirst(bool on);
    // Before the first stroke on an untouched image: uses the shown proposal when that is wanted. True when
    // it was used.
    bool useProposalBeforeFirstStroke();
    const std::shared_ptr<const PixelArea>& scope() const { return m_scope; }
    void setScope(std::shared_ptr<const PixelArea> scope);

    // --- Agreeing ---
    // While two people's annotations are made into one, document() is the agreed annotation: tools edit it,
    // its undo is its own, and it is saved as kAgreed. The person's own document waits.
    void beginAgreed(std::unique_ptr<AnnotationDocument> document);
    void endAgreed();
    bool agreeing() const { return m_agreed != nullptr; }
    // All areas are decided: the image is accepted as agreed, and the next one is shown.
    Decision acceptAgreed();

    // Edits that are computed in another thread: between the two calls the image stays, and what would leave
    // or decide it waits, so that the edit is neither lost nor comes after the decision. What editBegins()
    // gave ends that edit; one of a project that was closed meanwhile has ended with it.
    using EditTicket = std::uint64_t;
    EditTicket editBegins();
    void editEnds(EditTicket ticket);
    bool editPending() const { return !m_editsPending.empty(); }
    // Runs it when no edit is pending; a later call takes the place of one that still waits.
    void afterEdits(std::function<void()> act);

    // --- Decisions ---
    // Submits or accepts the shown image; on an untouched one the proposal is used first, and with nothing
    // there "no lesion" has to be confirmed. said() tells why when it is not ready.
    Decision accept(bool noLesionConfirmed = false);
    Decision reject(const QString& reason);
    bool takeBack();
    void toggleFlag();
    void setFlagNote(const QString& note);
    void addComment(const QString& text);
    // Several images at once. Those that may not take the state (or have no annotation to accept or submit)
    // are left as they are; the result says how many were changed.
    int setStates(const std::vector<ImageId>& ids, ReviewState to, const QString& reason = {});
    int setFlags(const std::vector<ImageId>& ids, bool flagged);
    int assign(const std::vector<ImageId>& ids, PersonId person);
    // Takes the last call of these three back, for images that nobody changed since. The number of images; 0:
    // there is nothing to take back.
    int takeBackSeveral();
    // Of the open project; without one, what the next project begins with.
    ReviewMode reviewMode() const;
    void setReviewMode(ReviewMode mode);
    ReviewState acceptTarget() const;
    // Set by the view when image and outline were painted; decisions wait for it.
    void setPainted(bool painted);
    bool painted() const { return m_painted; }
    bool autoAdvance() const { return m_autoAdvance; }
    void setAutoAdvance(bool on);

Q_SIGNALS:
    void projectOpened();
    void projectClosing(); // it is still there: what works on it ends now
    void projectClosed();
    void openFailed(const QString& sentence);
    void listChanged();
    void recordsChanged(const std::vector<limn::ImageId>& ids);
    void currentChanged(); // another image is being shown
    // To look at until imageReady(). It may not come.
    void previewReady(const limn::ImagePyramidPtr& preview);
    void imageReady(); // pyramid() or imageError() is there
    void documentReady();
    void documentChanged(const limn::DocumentChange& change);
    void proposalsChanged(); // list, choice, pending or error
    void progressChanged();
    void modelChanged();
    void activeLabelChanged();
    void scopeChanged();
    void saveStatusChanged();
    void noticed(const limn::ProjectNotice& notice);
    void decided(limn::ImageId id, limn::ReviewState state);
    void said(const QString& sentence); // a remark for the status line
    void spacingChanged();
    void paintedChanged();
    void allDone();
    void located(int found, int stillMissing);
    void reopened(limn::ReviewState before); // an edit opened the shown image, which was decided
    void agreeingChanged();
    void reviewModeChanged();

private:
    struct OpenDocument {
        std::unique_ptr<AnnotationDocument> document;
        int observer = 0;
        std::vector<ProposalPtr> proposals;
        bool others = false; // begins with another person's annotation, and nothing was changed
    };
    struct ModelState {
        std::optional<ModelInfo> info;
        std::optional<Error> error;
        QString device;
    };
    struct Shared;

    void connectProject();
    void startPrefetch();
    void readShown(ImageId id);
    void imageLoaded(ImageId id, const Result<ImagePyramidPtr>& result);
    void attachDocument(ImageId id);
    void prefetchDocument(ImageId id);
    void loadDocument(ImageId id, Size size);
    void openDocument(ImageId id, Size size, const LoadedAnnotation* loaded);
    void onDocumentChanged(ImageId id, const DocumentChange& change);
    void requestProposals();
    void proposalFinished(const ProposalOutcome& outcome);
    void applyProposals(ImageId id);
    void updateFigures(ImageId id);
    void keepThreshold(ImageId id);
    std::optional<float> keptThreshold(ImageId id) const; // where a person moved it
    void findCalibration();
    std::string shownCamera() const;
    void trimDocuments();
    void forgetDocuments();
    static std::size_t bytesOf(const OpenDocument& entry);
    void forgetLabImage();
    void advance();
    Decision decide(ImageRecord before, ReviewState to, const QString& reason = {});
    bool takeStateBack(const ImageRecord& before);
    std::vector<ImageId> neighbours() const;
    int modelNamed(const QString& name) const;
    std::string modelFor(ImageId id) const; // for requests: a name, or kAutomaticModel
    const ModelState* modelState() const;

    std::unique_ptr<Project> m_project;
    std::string m_pendingFirstPath;
    std::vector<ImageId> m_list;
    WorklistFilter m_filter;
    WorklistOrder m_order = WorklistOrder::Project;
    bool m_descending = false;

    std::shared_ptr<ImageCache> m_cache;
    QThreadPool m_readers;
    QThreadPool m_previewReaders; // of their own, so that no prefetching delays them
    int m_viewSide = 1024;
    ImageId m_current = 0;
    ImagePyramidPtr m_pyramid;
    AnnotationDocument* m_document = nullptr;
    std::unique_ptr<AnnotationDocument> m_agreed;
    std::optional<Error> m_imageError;
    std::shared_ptr<const LabImage> m_lab;
    std::shared_ptr<CancelToken> m_preparing; // of m_lab; null: not asked for
    std::optional<CalibrationRecord> m_calibration;
    mutable std::optional<ImageKind> m_kind;
    std::map<ImageId, OpenDocument> m_documents;
    std::vector<ImageId> m_documentOrder; // most recently used last
    // Of documents that were dropped, most recently dropped last.
    std::deque<std::pair<ImageId, AnnotationDocument::RestingHistory>> m_histories;
    std::set<ImageId> m_loadingDocuments;
    QTimer m_figuresTimer;

    std::vector<ModelChoice> m_models;
    int m_chosenModel = kAutomatic;
    std::map<std::string, ModelState> m_modelStates;  // by name
    std::map<ImageId, std::string> m_automaticModels; // what the automatic choice was
    QString m_deviceChoice;
    PredictOptions m_predictOptions;
    std::shared_ptr<Shared> m_shared;
    std::unique_ptr<ProposalQueue> m_queue;
    std::vector<ProposalPtr> m_proposals;
    bool m_pending = false;
    std::optional<Error> m_proposalError;
    ProposalProgress m_progress;
    std::deque<FinishedRun> m_runs;
    std::set<ImageId> m_batch; // asked for with runModelOn(), and not there yet
    int m_batchTotal = 0;
    int m_filesDone = 0;
    int m_filesTotal = 0;

    std::set<EditTicket> m_editsPending;
    EditTicket m_lastEdit = 0;
    std::function<void()> m_afterEdits;
    std::uint8_t m_activeLabel = 1;
    bool m_useFirst = true;
    std::shared_ptr<const PixelArea> m_scope;
    bool m_autoAdvance = true;
    bool m_painted = false;
    std::vector<ImageRecord> m_taken; // decided images as they were before, the last decision last
    // As the images were before the last change of several at once, and what it made of them.
    struct Several {
        enum class Kind { State, Flag, Assignee } kind = Kind::State;
        std::vector<ImageRecord> before;
        ReviewState state = ReviewState::New;
        bool flagged = false;
        PersonId assignee = kNobody;
    };
    std::optional<Several> m_several;
    std::unique_ptr<WorkPools> m_pools;
};

} // namespace limn
