// SPDX-License-Identifier: GPL-3.0-or-later
// Project, list and shown image of the session.
#include "ui/session/review_session.h"

#include "app/document/proposal_ops.h"
#include "app/images/open_image.h"
#include "ui/canvas/block_classes.h"
#include "ui/session/sentences.h"
#include "ui/session/work_pools.h"

#include <QDir>
#include <QFileInfo>
#include <QFuture>
#include <QPointer>
#include <QSettings>
#include <QtConcurrent>

#include <algorithm>
#include <atomic>

namespace limn {
namespace {

constexpr QLatin1String kReviewSetting("review");
constexpr int kAhead = 2;
constexpr int kBehind = 1;
constexpr std::size_t kKeptDocuments = 30; // whole; of others what can be undone is kept
// Some hundred images' steps: little enough that memory stays flat over a day.
constexpr std::size_t kKeptHistoryBytes = std::size_t{8} << 20;
// Proposals in memory: the neighbourhood. Others come back from the project's store in milliseconds.
constexpr std::size_t kKeptProposals = 16;
constexpr std::size_t kKeptProposalBytes = std::size_t{192} << 20;
constexpr std::size_t kKeptDocumentBytes = std::size_t{256} << 20; // label maps and undo steps of all of them
constexpr std::size_t kLeastDocuments = 4; // the shown one and its neighbours, whatever their size

std::string thresholdSetting(ImageId id) {
    return "threshold." + std::to_string(id);
}

QString defaultPerson() {
    const QString kept = QSettings().value(QStringLiteral("person")).toString();
    if (!kept.isEmpty())
        return kept;
    for (const char* variable : {"USER", "LOGNAME", "USERNAME"}) {
        const QString name = qEnvironmentVariable(variable);
        if (!name.isEmpty())
            return name;
    }
    return QObject::tr("Me");
}

} // namespace

// What the inference thread may ask for; outlives the queue's thread.
struct ReviewSession::Shared {
    std::mutex mutex;
    std::atomic<ImageId> current{0};
    std::map<ImageId, std::string> paths;
    std::vector<std::pair<ImageKind, std::string>> models; // by what they were trained on
    std::map<std::string, std::string> devices;            // where each loaded model computes
    std::shared_ptr<ImageCache> cache;
    // Apart, because looking into the store may wait for a disk.
    std::mutex saverMutex;
    Saver* saver = nullptr;
};

ReviewSession::ReviewSession(QObject* parent)
    : QObject(parent)
    , m_cache(std::make_shared<ImageCache>())
    , m_shared(std::make_shared<Shared>())
    , m_pools(std::make_unique<WorkPools>()) {
    m_readers.setMaxThreadCount(2);
    m_previewReaders.setMaxThreadCount(1);
    m_shared->cache = m_cache;
    const QSettings settings;
    m_useFirst = settings.value(QStringLiteral("useProposalFirst"), true).toBool();
    m_autoAdvance = settings.value(QStringLiteral("autoAdvance"), true).toBool();
    m_deviceChoice = settings.value(QStringLiteral("device"), QStringLiteral("auto")).toString();
    m_predictOptions.inputSize =
        std::clamp(settings.value(QStringLiteral("inputSize"), 256).toInt(), 32, 4096);
    m_predictOptions.flipAverage = settings.value(QStringLiteral("flipAverage"), false).toBool();
    m_figuresTimer.setSingleShot(true);
    m_figuresTimer.setInterval(400);
    connect(&m_figuresTimer, &QTimer::timeout, this, [this] { updateFigures(m_current); });

    const QPointer<ReviewSession> self(this);
    ProposalHooks hooks;
    const std::shared_ptr<Shared> shared = m_shared;
    hooks.readImage = [shared](ImageId id) -> Result<ImagePtr> {
        std::string path;
        {
            const std::lock_guard lock(shared->mutex);
            const auto it = shared->paths.find(id);
            if (it == shared->paths.end())
                return Error{ErrorCode::Cancelled, {"image"}};
            path = it->second;
        }
        Result<ImagePyramidPtr> pyramid = shared->cache->read(id, path);
        if (!pyramid)
            return pyramid.error();
        return (*pyramid)->image;
    };
    hooks.chooseModel = [self, shared](ImageId id) {
        std::string path;
        std::vector<std::pair<ImageKind, std::string>> models;
        {
            const std::lock_guard lock(shared->mutex);
            if (const auto it = shared->paths.find(id); it != shared->paths.end())
                path = it->second;
            models = shared->models;
        }
        const Result<ImagePyramidPtr> pyramid = shared->cache->read(id, path);
        if (!pyramid)
            return std::string();
        const ImageKind kind = guessImageKind(*(*pyramid)->image);
        const auto model = std::find_if(models.begin(), models.end(),
                                        [kind](const auto& entry) { return entry.first == kind; });
        std::string name = model == models.end() ? std::string() : model->second;
        QMetaObject::invokeMethod(
            qApp,
            [self, id, name] {
                if (!self || name.empty())
                    return;
                self->m_automaticModels[id] = name;
                if (id == self->m_current)
                    Q_EMIT self->modelChanged();
            },
            Qt::QueuedConnection);
        return name;
    };
    hooks.finished = [self](const ProposalOutcome& outcome) {
        // Here, so that drawing its outline waits for nothing.
        if (outcome.proposal)
            (void)ProbabilityBlocks::of(outcome.proposal);
        QMetaObject::invokeMethod(
            qApp,
            [self, outcome] {
                if (self)
                    self->proposalFinished(outcome);
            },
            Qt::QueuedConnection);
    };
    hooks.progress = [self](const ProposalProgress& progress) {
        QMetaObject::invokeMethod(
            qApp,
            [self, progress] {
                if (!self)
                    return;
                self->m_progress = progress;
                // Idle now (what is told here may be old): what was dropped on the way does not come any
                // more.
                const ProposalProgress now = self->m_queue->progress();
                if (now.waiting == 0 && !now.running)
                    self->m_batch.clear();
                Q_EMIT self->progressChanged();
            },
            Qt::QueuedConnection);
    };
    hooks.modelReady = [self](const std::string& model, const Result<ModelInfo>& info) {
        QMetaObject::invokeMethod(
            qApp,
            [self, model, info] {
                if (!self)
                    return;
                ModelState& state = self->m_modelStates[model];
                state = {};
                if (info) {
                    const std::lock_guard lock(self->m_shared->mutex);
                    state.info = *info;
                    state.device = QString::fromStdString(self->m_shared->devices[model]);
                } else {
                    state.error = info.error();
                }
                Q_EMIT self->modelChanged();
            },
            Qt::QueuedConnection);
    };
    hooks.find = [shared](const ProposalKey& key) -> std::shared_ptr<const ProposalRecord> {
        const std::lock_guard lock(shared->saverMutex);
        if (!shared->saver)
            return nullptr;
        std::shared_ptr<const ProposalRecord> found;
        shared->saver->wait([&](const Result<ProjectStore*>& store) {
            if (!store)
                return;
            if (auto record = (*store)->proposal(key))
                found = *record;
        });
        return found;
    };
    hooks.keep = [shared](ProposalRecord record) {
        const std::lock_guard lock(shared->saverMutex);
        if (!shared->saver)
            return;
        shared->saver->post(
            [record = std::move(record)](ProjectStore& store) { return store.setProposal(record); });
    };
    ProposalQueueOptions options;
    options.memoryBytes = kKeptProposalBytes;
    options.memoryCount = kKeptProposals;
    options.niceness = 10;
    m_queue = std::make_unique<ProposalQueue>(std::move(hooks), options);
}

ReviewSession::~ReviewSession() {
    closeProject();
    forgetLabImage();
    m_queue.reset();
    m_readers.waitForDone();
    m_previewReaders.waitForDone();
}

void ReviewSession::setModels(std::vector<ModelChoice> models) {
    m_models = std::move(models);
    m_modelStates.clear();
    m_automaticModels.clear();
    m_chosenModel = modelNamed(QSettings().value(QStringLiteral("model")).toString());
    std::vector<ProposalQueue::Model> list;
    {
        const std::lock_guard lock(m_shared->mutex);
        m_shared->models.clear();
        for (const ModelChoice& choice : m_models) {
            const std::string name = choice.name.toStdString();
            list.push_back({name, [name, load = choice.load, shared = m_shared] {
                                Result<std::unique_ptr<Engine>> engine = load();
                                const std::lock_guard lock(shared->mutex);
                                if (engine)
                                    shared->devices[name] = (*engine)->device().name;
                                return engine;
                            }});
            m_shared->models.emplace_back(choice.kind, choice.name.toStdString());
        }
    }
    // The first is loaded before anybody asks.
    if (m_chosenModel > 0)
        std::rotate(list.begin(), list.begin() + m_chosenModel, list.begin() + m_chosenModel + 1);
    m_queue->setModels(std::move(list));
    Q_EMIT modelChanged();
    requestProposals();
}

// ----------------------------------------------------------------------------------------------- project

void ReviewSession::open(const QStringList& paths) {
    if (paths.isEmpty())
        return;
    closeProject();
    QStringList files;
    QString target = paths.first();
    for (const QString& path : paths) {
        const QFileInfo info(path);
        if (info.isFile() && info.suffix().compare(QLatin1String("limn"), Qt::CaseInsensitive) != 0)
            files.append(info.absoluteFilePath());
    }
    ProjectOptions options;
    options.person = defaultPerson().toStdString();
    if (!files.isEmpty() && files.size() == paths.size()) {
        target = QFileInfo(files.first()).absolutePath();
        m_pendingFirstPath = QFileInfo(files.first()).fileName().toStdString();
        // One file opens its folder; several are what the person wants to see.
        options.scanFolder = files.size() == 1;
    }
    m_project = Project::open(QFileInfo(target).absoluteFilePath().toStdString(), options);
    connectProject();
    if (files.size() > 1) {
        std::vector<std::string> list;
        for (const QString& file : files)
            list.push_back(file.toStdString());
        connect(m_project.get(), &Project::opened, this, [this, list] { m_project->addFiles(list); });
    }
}

void ReviewSession::connectProject() {
    Project* p = m_project.get();
    const auto indexPaths = [this] {
        const std::lock_guard lock(m_shared->mutex);
        for (const ImageId id : m_project->worklist().select({}))
            m_shared->paths[id] = m_project->absolutePath(id);
    };
    connect(p, &Project::opened, this, [this, indexPaths] {
        m_project->setPerson(defaultPerson().toStdString());
        {
            const std::lock_guard lock(m_shared->saverMutex);
            m_shared->saver = &m_project->saver();
        }
        indexPaths();
        Q_EMIT projectOpened();
        refreshList();
    });
    connect(p, &Project::openFailed, this, [this](const Error& error) {
        Q_EMIT openFailed(errorText(error));
        QTimer::singleShot(0, this, &ReviewSession::closeProject);
    });
    connect(p, &Project::imagesAdded, this, [this, indexPaths](const std::vector<ImageId>&) {
        indexPaths();
        refreshList();
    });
    connect(p, &Project::imagesRemoved, this, [this](const std::vector<ImageId>& ids) {
        const bool shownGone = std::find(ids.begin(), ids.end(), m_current) != ids.end();
        const int row = currentRow();
        refreshList();
        if (shownGone && !m_list.empty())
            show(m_list[static_cast<std::size_t>(std::clamp(row, 0, static_cast<int>(m_list.size()) - 1))]);
    });
    connect(p, &Project::imagesChanged, this,
            [this](const std::vector<ImageId>& ids) { Q_EMIT recordsChanged(ids); });
    connect(p, &Project::saveStatusChanged, this, [this](const SaveStatus&) { Q_EMIT saveStatusChanged(); });
    connect(p, &Project::annotationSaved, this, [this] { Q_EMIT saveStatusChanged(); });
    connect(p, &Project::noticed, this, [this](const ProjectNotice& notice) {
        if (notice.kind == ProjectNotice::Kind::FileMoved) {
            {
                const std::lock_guard lock(m_shared->mutex);
                m_shared->paths[notice.image] = m_project->absolutePath(notice.image);
            }
            if (notice.image == m_current && m_imageError) {
                m_current = 0;
                show(notice.image);
            }
        }
        Q_EMIT noticed(notice);
    });
    connect(p, &Project::located, this, &ReviewSession::located);
    connect(p, &Project::changeRefused, this, [this](const Error& error) { Q_EMIT said(errorText(error)); });
    connect(p, &Project::scanFinished, this, [this] {
        refreshList();
        Q_EMIT progressChanged();
    });
    connect(p, &Project::scanProgress, this, [this](int done, int total) {
        m_filesDone = done;
        m_filesTotal = total;
        Q_EMIT progressChanged();
    });
}

void ReviewSession::addFiles(const QStringList& paths) {
    if (!hasProject()) {
        open(paths);
        return;
    }
    std::vector<std::string> list;
    for (const QString& path : paths)
        list.push_back(QFileInfo(path).absoluteFilePath().toStdString());
    m_project->addFiles(std::move(list));
}

void ReviewSession::locate(const QString& folder) {
    if (hasProject())
        m_project->locate(QFileInfo(folder).absoluteFilePath().toStdString());
}

void ReviewSession::closeProject() {
    if (!m_project)
        return;
    Q_EMIT projectClosing();
    keepThreshold(m_current);
    m_queue->cancelAll();
    {
        const std::lock_guard lock(m_shared->saverMutex);
        m_shared->saver = nullptr;
    }
    {
        const std::lock_guard lock(m_shared->mutex);
        m_shared->paths.clear();
    }
    endAgreed();
    m_pyramid.reset();
    m_document = nullptr;
    m_documents.clear();
    m_documentOrder.clear();
    m_loadingDocuments.clear();
    m_histories.clear();
    m_editsPending.clear();
    m_afterEdits = nullptr;
    forgetLabImage();
    m_proposals.clear();
    m_scope.reset();
    m_list.clear();
    m_taken.clear();
    m_several.reset();
    m_runs.clear();
    m_batch.clear();
    m_automaticModels.clear();
    m_current = 0;
    m_shared->current = 0;
    m_imageError.reset();
    m_pendingFirstPath.clear();
    m_cache->clear();
    m_project.reset();
    Q_EMIT listChanged();
    Q_EMIT currentChanged();
    Q_EMIT projectClosed();
}

SaveStatus ReviewSession::waitUntilSaved(int timeoutMs) {
    keepThreshold(m_current);
    return m_project ? m_project->waitUntilSaved(timeoutMs) : SaveStatus{};
}

QString ReviewSession::personName() const {
    return defaultPerson();
}

bool ReviewSession::personConfirmed() const {
    return !QSettings().value(QStringLiteral("person")).toString().isEmpty();
}

void ReviewSession::setPersonName(const QString& name) {
    const QString trimmed = name.trimmed();
    if (trimmed.isEmpty())
        return;
    // A name that was asked for corrects the guess; after that another name is another person, whose
    // annotations are others.
    const bool another = personConfirmed() && trimmed != personName();
    QSettings().setValue(QStringLiteral("person"), trimmed);
    if (m_project)
        m_project->setPerson(trimmed.toStdString());
    for (auto& [id, entry] : m_documents)
        entry.document->setPerson(trimmed.toStdString());
    if (another && m_project) {
        const ImageId shown = m_current;
        forgetDocuments();
        refreshList();
        if (record(shown))
            show(shown);
    }
}

// -------------------------------------------------------------------------------------------------- list

void ReviewSession::setFilter(const WorklistFilter& filter) {
    m_filter = filter;
    refreshList();
}

void ReviewSession::setOrder(WorklistOrder order, bool descending) {
    m_order = order;
    m_descending = descending;
    refreshList();
}

bool ReviewSession::listIsOld() const {
    return m_project && m_project->worklist().select(m_filter, m_order, m_descending) != m_list;
}

void ReviewSession::refreshList() {
    m_list =
        m_project ? m_project->worklist().select(m_filter, m_order, m_descending) : std::vector<ImageId>{};
    Q_EMIT listChanged();
    if (m_project && !m_pendingFirstPath.empty()) {
        for (const ImageId id : m_list) {
            const ImageRecord* r = record(id);
            if (r &&
                (r->path == m_pendingFirstPath ||
                 QFileInfo(QString::fromStdString(r->path)).fileName().toStdString() == m_pendingFirstPath)) {
                m_pendingFirstPath.clear();
                show(id);
                return;
            }
        }
        if (m_project->isScanning())
            return;
        m_pendingFirstPath.clear();
    }
    if (m_current == 0 && !m_list.empty()) {
        // The image that was last looked at, else the first that waits.
        const ImageId last = std::atoll(m_project->setting("lastImage", "0").c_str());
        if (std::find(m_list.begin(), m_list.end(), last) != m_list.end())
            show(last);
        else
            show(m_list.front());
    } else if (m_current != 0) {
        startPrefetch();
    }
}

std::size_t ReviewSession::todoCount() const {
    if (!hasProject())
        return 0;
    WorklistFilter filter;
    filter.todoOf = m_project->currentPerson();
    return m_project->worklist().counts(filter).total;
}

const ImageRecord* ReviewSession::record(ImageId id) const {
    return m_project && id != 0 ? m_project->worklist().find(id) : nullptr;
}

int ReviewSession::currentRow() const {
    const auto it = std::find(m_list.begin(), m_list.end(), m_current);
    return it == m_list.end() ? -1 : static_cast<int>(it - m_list.begin());
}

void ReviewSession::step(int rows) {
    if (m_list.empty())
        return;
    const int row = currentRow();
    const int next = row < 0 ? 0 : row + rows;
    if (next < 0 || next >= static_cast<int>(m_list.size())) {
        Q_EMIT said(rows > 0 ? tr("This is the last image of the list.")
                             : tr("This is the first image of the list."));
        return;
    }
    show(m_list[static_cast<std::size_t>(next)]);
}

void ReviewSession::stepUndone(int direction) {
    const int count = static_cast<int>(m_list.size());
    const int row = std::max(0, currentRow());
    for (int k = 1; k < count; ++k) {
        const int at = (row + direction * k + count * 2) % count;
        const ImageRecord* r = record(m_list[static_cast<std::size_t>(at)]);
        if (r && waitsFor(*r, m_project->currentPerson())) {
            show(r->id);
            return;
        }
    }
    Q_EMIT allDone();
}

// ------------------------------------------------------------------------------------------- shown image

std::vector<ImageId> ReviewSession::neighbours() const {
    std::vector<ImageId> ids;
    const int row = currentRow();
    if (row < 0)
        return ids;
    const auto add = [&](int r) {
        if (r >= 0 && r < static_cast<int>(m_list.size()))
            ids.push_back(m_list[static_cast<std::size_t>(r)]);
    };
    for (int k = 1; k <= kAhead; ++k)
        add(row + k);
    for (int k = 1; k <= kBehind; ++k)
        add(row - k);
    return ids;
}

void ReviewSession::show(ImageId id) {
    if (!m_project || id == m_current || !record(id))
        return;
    if (m_document && m_document->strokeOpen()) {
        Q_EMIT said(tr("A stroke is being drawn: end it first, or drop it with Esc."));
        return;
    }
    if (editPending()) {
        afterEdits([this, id] { show(id); });
        return;
    }
    keepThreshold(m_current);
    if (m_figuresTimer.isActive()) {
        m_figuresTimer.stop();
        updateFigures(m_current);
    }
    endAgreed();
    m_current = id;
    m_shared->current = id;
    m_pyramid.reset();
    m_document = nullptr;
    m_imageError.reset();
    forgetLabImage();
    m_calibration.reset();
    m_kind.reset();
    m_proposals.clear();
    m_proposalError.reset();
    m_pending = false;
    m_scope.reset();
    m_painted = false;
    m_project->setSetting("lastImage", std::to_string(id));
    Q_EMIT currentChanged();
    Q_EMIT scopeChanged();

    if (ImagePyramidPtr ready = m_cache->find(id)) {
        imageLoaded(id, ready);
    } else {
        readShown(id);
    }
    requestProposals();
}

// The whole image, and before it what can be had sooner. Both are left when another image is asked for
// meanwhile: whoever pages through a folder waits for the last one alone.
void ReviewSession::readShown(ImageId id) {
    const std::string path = m_project->absolutePath(id);
    const std::shared_ptr<Shared> shared = m_shared;
    QtConcurrent::run(&m_readers, [shared, id, path]() -> Result<ImagePyramidPtr> {
        if (shared->current != id)
            return Error{ErrorCode::Cancelled, {path}};
        return shared->cache->read(id, path);
    }).then(this, [this, id](const Result<ImagePyramidPtr>& result) {
        if (result || result.error().code != ErrorCode::Cancelled)
            imageLoaded(id, result);
    });
    QtConcurrent::run(&m_previewReaders, [shared, id, path, side = m_viewSide]() -> ImagePyramidPtr {
        if (shared->current != id || shared->cache->find(id))
            return nullptr;
        std::optional<ImagePreview> preview = openImagePreview(path, side);
        return preview ? buildPreviewPyramid(std::move(*preview)) : nullptr;
    }).then(this, [this, id](const ImagePyramidPtr& preview) {
        if (!preview || id != m_current || !m_project || m_pyramid || m_imageError)
            return;
        Q_EMIT previewReady(preview);
        // The annotation needs no pixels.
        loadDocument(id, preview->size);
    });
}

void ReviewSession::imageLoaded(ImageId id, const Result<ImagePyramidPtr>& result) {
    if (id != m_current || !m_project)
        return;
    if (!result) {
        m_imageError = result.error();
        Q_EMIT imageReady();
        startPrefetch();
        return;
    }
    m_pyramid = *result;
    forgetLabImage();
    m_lab = std::make_shared<const LabImage>(m_pyramid->image);
    Q_EMIT imageReady();
    findCalibration();
    const auto it = m_documents.find(id);
    if (it != m_documents.end())
        attachDocument(id);
    else
        loadDocument(id, m_pyramid->image->size);
    startPrefetch();
}

void ReviewSession::prepareLabImage() {
    if (!m_lab || m_preparing)
        return;
    m_preparing = std::make_shared<CancelToken>();
    m_pools->preparing.run([lab = m_lab, cancel = m_preparing] { lab->prepareAll(cancel.get()); });
}

void ReviewSession::forgetLabImage() {
    if (m_preparing)
        m_preparing->cancel();
    m_preparing.reset();
    m_lab.reset();
}

void ReviewSession::startPrefetch() {
    if (!m_project)
        return;
    const QPointer<ReviewSession> self(this);
    for (const ImageId id : neighbours()) {
        if (m_cache->find(id)) {
            prefetchDocument(id);
            continue;
        }
        const ImageRecord* r = record(id);
        if (!r || !r->trouble.empty())
            continue;
        const std::string path = m_project->absolutePath(id);
        m_readers.start(
            [cache = m_cache, id, path, self] {
                if (!cache->read(id, path))
                    return;
                QMetaObject::invokeMethod(
                    qApp,
                    [self, id] {
                        if (self)
                            self->prefetchDocument(id);
                    },
                    Qt::QueuedConnection);
            },
            -1);
    }
}

// The annotation of a neighbour, so that showing it waits for no disk.
void ReviewSession::prefetchDocument(ImageId id) {
    const std::vector<ImageId> near = neighbours();
    const ImagePyramidPtr pyramid = m_cache->find(id);
    if (pyramid && std::find(near.begin(), near.end(), id) != near.end())
        loadDocument(id, pyramid->image->size);
}

void ReviewSession::loadDocument(ImageId id, Size size) {
    if (!m_project || m_documents.count(id) != 0 || !m_loadingDocuments.insert(id).second)
        return;
    const QPointer<ReviewSession> self(this);
    const auto opened = [this, self, id, size](const Result<std::optional<LoadedAnnotation>>& loaded) {
        if (!self || !m_project || m_loadingDocuments.erase(id) == 0)
            return;
        if (!loaded && id == m_current)
            Q_EMIT said(errorText(loaded.error()));
        openDocument(id, size, loaded && loaded->has_value() ? &loaded->value() : nullptr);
    };
    loadBeginning(id, opened);
}

void ReviewSession::loadBeginning(ImageId id,
                                  std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done) {
    if (!m_project)
        return;
    m_project->loadAnnotation(id, m_project->currentPerson(), 0,
                              [this, self = QPointer<ReviewSession>(this), id, done = std::move(done)](
                                  const Result<std::optional<LoadedAnnotation>>& loaded) {
                                  if (!self || !m_project)
                                      return;
                                  const ImageRecord* r = record(id);
                                  if (loaded && !loaded->has_value() && r &&
                                      reviewMode() != ReviewMode::Independent && r->lastEditor != kNobody &&
                                      r->lastEditor != m_project->currentPerson())
                                      m_project->loadAnnotation(id, r->lastEditor, 0, done);
                                  else
                                      done(loaded);
                              });
}

void ReviewSession::openDocument(ImageId id, Size size, const LoadedAnnotation* loaded) {
    OpenDocument entry;
    if (loaded) {
        Result<std::unique_ptr<AnnotationDocument>> document =
            AnnotationDocument::open(size, loaded->snapshot);
        if (document) {
            entry.document = std::move(*document);
            entry.others = loaded->info.person != m_project->currentPerson();
        } else
            Q_EMIT said(tr("The saved annotation does not fit the image and is left as it is: %1")
                            .arg(errorText(document.error())));
    }
    if (!entry.document) {
        entry.document = std::make_unique<AnnotationDocument>(size);
        for (const LabelSetRecord& set : m_project->labelSets()) {
            if (set.name != "project")
                continue;
            for (const LabelRecord& label : set.labels) {
                Label l;
                l.value = static_cast<std::uint8_t>(label.value);
                l.name = label.name;
                l.color = {static_cast<std::uint8_t>(label.colour >> 16),
                           static_cast<std::uint8_t>(label.colour >> 8),
                           static_cast<std::uint8_t>(label.colour)};
                l.code = {label.codeScheme, label.codeValue, label.codeMeaning};
                l.locked = label.locked;
                (void)entry.document->setLabel(l).ok();
            }
        }
        if (const std::optional<float> kept = keptThreshold(id))
            entry.document->setThreshold(*kept);
    }
    entry.document->setPerson(personName().toStdString());
    const auto resting = std::find_if(m_histories.begin(), m_histories.end(),
                                      [id](const auto& kept) { return kept.first == id; });
    if (resting != m_histories.end()) {
        (void)entry.document->resumeHistory(std::move(resting->second)); // not if another program saved it
        m_histories.erase(resting);
    }
    AnnotationDocument* document = entry.document.get();
    entry.observer =
        document->addObserver([this, id](const DocumentChange& change) { onDocumentChanged(id, change); });
    m_documents[id] = std::move(entry);
    if (id == m_current && m_pyramid)
        attachDocument(id);
    else
        m_documentOrder.insert(m_documentOrder.end() - (m_documentOrder.empty() ? 0 : 1), id);
}

void ReviewSession::attachDocument(ImageId id) {
    const auto it = m_documents.find(id);
    if (it == m_documents.end())
        return;
    m_document = it->second.document.get();
    std::erase(m_documentOrder, id);
    m_documentOrder.push_back(id);
    trimDocuments();
    applyProposals(id);
    if (!m_document->findLabel(m_activeLabel))
        m_activeLabel = m_document->labelTable().front().value;
    Q_EMIT documentReady();
    Q_EMIT activeLabelChanged();
}

void ReviewSession::forgetDocuments() {
    endAgreed();
    m_document = nullptr;
    m_documents.clear();
    m_documentOrder.clear();
    m_loadingDocuments.clear();
    m_histories.clear();
    m_editsPending.clear();
    m_afterEdits = nullptr;
    m_taken.clear();
    m_current = 0;
    m_shared->current = 0;
    Q_EMIT currentChanged();
}

void ReviewSession::trimDocuments() {
    // Far from the shown image only what no cache could bring back is kept: annotations with their undo
    // steps, and proposals of a region.
    std::size_t bytes = 0;
    const std::vector<ImageId> near = neighbours();
    for (auto& [id, entry] : m_documents) {
        const bool far = id != m_current && std::find(near.begin(), near.end(), id) == near.end();
        const Rect all{0, 0, entry.document->size().width, entry.document->size().height};
        if (far && std::all_of(entry.proposals.begin(), entry.proposals.end(),
                               [&](const ProposalPtr& p) { return p->extent == all; })) {
            entry.proposals.clear();
            entry.document->setProposal(nullptr);
        }
        bytes += bytesOf(entry);
    }
    while (m_documentOrder.size() > kLeastDocuments &&
           (m_documentOrder.size() > kKeptDocuments || bytes > kKeptDocumentBytes)) {
        const ImageId oldest = m_documentOrder.front();
        AnnotationDocument& document = *m_documents[oldest].document;
        bytes -= bytesOf(m_documents[oldest]);
        // The annotation comes back from the project, but not what can be undone of it.
        if (document.history().canUndo() || document.history().canRedo())
            m_histories.emplace_back(oldest, document.restHistory());
        m_documents.erase(oldest);
        m_documentOrder.erase(m_documentOrder.begin());
    }
    std::size_t resting = 0;
    for (const auto& [id, kept] : m_histories)
        resting += kept.history.memoryBytes();
    while (!m_histories.empty() && resting > kKeptHistoryBytes) {
        resting -= m_histories.front().second.history.memoryBytes();
        m_histories.pop_front();
    }
}

std::size_t ReviewSession::bytesOf(const OpenDocument& entry) {
    std::size_t bytes = entry.document->history().memoryBytes() + entry.document->labels().memoryBytes() +
                        entry.document->provenance().memoryBytes();
    for (const ProposalPtr& p : entry.proposals)
        bytes += p->probability.values.size() * sizeof(std::uint16_t);
    return bytes;
}

void ReviewSession::onDocumentChanged(ImageId id, const DocumentChange& change) {
    if (change.content && m_project) {
        const auto it = m_documents.find(id);
        const ImageRecord* r = record(id);
        const bool onlyThreshold = change.threshold && !change.pixels && !change.labels && !change.mark;
        // A threshold alone is a way of looking: it does not reopen what was decided, nor begin an
        // annotation.
        if (it != m_documents.end() && r && !(onlyThreshold && r->state != ReviewState::InProgress)) {
            const ReviewState before = r->state;
            ImageFigures figures;
            m_project->saveAnnotation(id, it->second.document->snapshot(), figures);
            it->second.others = false;
            const bool decided = before == ReviewState::Submitted || before == ReviewState::Accepted;
            if (decided && id == m_current && record(id)->state == ReviewState::InProgress)
                Q_EMIT reopened(before);
            m_figuresTimer.start();
            Q_EMIT saveStatusChanged();
        }
    }
    if (id == m_current)
        Q_EMIT documentChanged(change);
}

bool ReviewSession::showsOthers() const {
    const auto it = m_documents.find(m_current);
    return !m_agreed && it != m_documents.end() && it->second.others;
}

void ReviewSession::keepThreshold(ImageId id) {
    const auto it = m_documents.find(id);
    if (!m_project || it == m_documents.end() || !it->second.document->thresholdMoved())
        return;
    m_project->setSetting(thresholdSetting(id), std::to_string(it->second.document->threshold()));
}

std::optional<float> ReviewSession::keptThreshold(ImageId id) const {
    const std::string kept = m_project ? m_project->setting(thresholdSetting(id)) : std::string();
    return kept.empty() ? std::nullopt : std::optional(std::strtof(kept.c_str(), nullptr));
}

void ReviewSession::updateFigures(ImageId id) {
    const auto it = m_documents.find(id);
    if (!m_project || it == m_documents.end())
        return;
    const AnnotationDocument& document = *it->second.document;
    const TileMap labels = document.labels();
    const ProposalPtr proposal = document.proposal();
    const double threshold = document.threshold();
    const QPointer<ReviewSession> self(this);
    QtConcurrent::run(&m_readers, [labels, proposal, threshold] {
        ImageFigures figures;
        const auto histogram = labels.histogram();
        std::size_t area = 0;
        for (std::size_t v = 1; v < histogram.size(); ++v)
            area += histogram[v];
        figures.areaPixels = static_cast<std::int64_t>(area);
        if (proposal) {
            const PixelArea proposed = proposalArea(*proposal, threshold);
            std::size_t common = 0;
            for (const Span& span : proposed.spans()) {
                for (int x = span.begin; x < span.end; ++x)
                    common += labels.at(x, span.y) != 0;
            }
            const std::size_t sum = proposed.pixels() + area;
            figures.change =
                sum == 0 ? 0.0 : 100.0 * (1.0 - 2.0 * static_cast<double>(common) / static_cast<double>(sum));
        }
        return figures;
    }).then(this, [this, self, id](const ImageFigures& figures) {
        if (self && m_project && record(id))
            m_project->setFigures(id, figures);
    });
}

std::optional<Spacing> ReviewSession::spacing() const {
    if (m_calibration)
        return m_calibration->spacing;
    if (m_pyramid && m_pyramid->image->spacing)
        return m_pyramid->image->spacing;
    return std::nullopt;
}

void ReviewSession::calibrate(const Spacing& spacing, bool forCamera) {
    if (!m_project || m_current == 0)
        return;
    CalibrationRecord made;
    made.image = forCamera ? 0 : m_current;
    if (forCamera)
        made.camera = shownCamera();
    made.spacing = spacing;
    made.person = m_project->currentPerson();
    m_project->addCalibration(made);
    m_calibration = made;
    Q_EMIT spacingChanged();
}

void ReviewSession::removeCalibration() {
    if (!m_project || !m_calibration)
        return;
    m_project->removeCalibration(m_current, shownCamera());
    // Behind an image's own there may be one of its camera: it counts again when it was read.
    m_calibration.reset();
    Q_EMIT spacingChanged();
    const ImageId id = m_current;
    m_project->saver().post([](ProjectStore&) -> Result<void> { return {}; },
                            [this, id, self = QPointer<ReviewSession>(this)](const Result<void>&) {
                                QMetaObject::invokeMethod(
                                    qApp,
                                    [this, id, self] {
                                        if (self && id == m_current && !m_calibration)
                                            findCalibration();
                                    },
                                    Qt::QueuedConnection);
                            });
}

void ReviewSession::findCalibration() {
    const QPointer<ReviewSession> self(this);
    const auto read = [this, self, id = m_current, camera = shownCamera()] {
        if (!self || id != m_current)
            return;
        m_project->findCalibration(id, camera,
                                   [this, self, id](const Result<std::optional<CalibrationRecord>>& found) {
                                       if (!self || id != m_current || !found || !found->has_value())
                                           return;
                                       m_calibration = **found;
                                       Q_EMIT spacingChanged();
                                   });
    };
    read();
    // Reads come before changes that wait: one of those may be the calibration.
    if (m_project->saver().status().waiting == 0)
        return;
    m_project->saver().post(
        [](ProjectStore&) -> Result<void> { return {}; },
        [read](const Result<void>&) { QMetaObject::invokeMethod(qApp, read, Qt::QueuedConnection); });
}

// Of the pixels, which may be there before the project has looked at the file.
std::string ReviewSession::shownCamera() const {
    if (!m_pyramid)
        return {};
    ImageRecord image;
    image.size = m_pyramid->image->size;
    return cameraOf(image);
}

int ReviewSession::imagesOfCamera() const {
    if (!m_project || !m_pyramid)
        return 0;
    const Worklist& all = m_project->worklist();
    const std::vector<ImageId> ids = all.select({});
    return static_cast<int>(std::count_if(
        ids.begin(), ids.end(), [&](ImageId id) { return all.find(id)->size == m_pyramid->image->size; }));
}

ImageKind ReviewSession::imageKind() const {
    if (!m_kind && m_pyramid)
        m_kind = guessImageKind(*m_pyramid->image);
    return m_kind.value_or(ImageKind::Unknown);
}

// ----------------------------------------------------------------------------------------------- editing

void ReviewSession::setActiveLabel(std::uint8_t value) {
    if (value == m_activeLabel || !m_document || !m_document->findLabel(value))
        return;
    m_activeLabel = value;
    Q_EMIT activeLabelChanged();
}

void ReviewSession::setUsesProposalFirst(bool on) {
    m_useFirst = on;
    QSettings().setValue(QStringLiteral("useProposalFirst"), on);
}

bool ReviewSession::useProposalBeforeFirstStroke() {
    if (!m_useFirst || !m_document || !m_document->untouched() || !m_document->proposal())
        return false;
    const EditOutcome outcome =
        m_document->useProposal({.label = m_activeLabel, .over = Over::Anything}, UseMode::Add);
    return outcome.changedPixels > 0;
}

void ReviewSession::setScope(std::shared_ptr<const PixelArea> scope) {
    m_scope = std::move(scope);
    Q_EMIT scopeChanged();
}

// --------------------------------------------------------------------------------------------- decisions

ReviewMode ReviewSession::reviewMode() const {
    const QString fallback = QSettings().value(kReviewSetting, QStringLiteral("one")).toString();
    const std::string mode = hasProject() ? m_project->setting(kReviewSetting.data(), fallback.toStdString())
                                          : fallback.toStdString();
    return mode == "two"           ? ReviewMode::TwoSteps
           : mode == "independent" ? ReviewMode::Independent
                                   : ReviewMode::OneStep;
}

void ReviewSession::setReviewMode(ReviewMode mode) {
    const char* name = mode == ReviewMode::TwoSteps      ? "two"
                       : mode == ReviewMode::Independent ? "independent"
                                                         : "one";
    QSettings().setValue(kReviewSetting, QLatin1String(name));
    if (hasProject())
        m_project->setSetting(kReviewSetting.data(), name);
    Q_EMIT reviewModeChanged();
}

ReviewState ReviewSession::acceptTarget() const {
    const ImageRecord* r = currentRecord();
    if (!m_project || !r)
        return ReviewState::Accepted;
    switch (reviewMode()) {
    case ReviewMode::OneStep:
        return ReviewState::Accepted;
    case ReviewMode::Independent:
        return ReviewState::Submitted;
    case ReviewMode::TwoSteps:
        break;
    }
    const bool others = r->lastEditor != kNobody && r->lastEditor != m_project->currentPerson();
    return others && r->state == ReviewState::Submitted ? ReviewState::Accepted : ReviewState::Submitted;
}

// -------------------------------------------------------------------------------------------- agreeing

void ReviewSession::beginAgreed(std::unique_ptr<AnnotationDocument> document) {
    if (!ready() || m_document->strokeOpen() || !document || document->size() != m_document->size())
        return;
    m_agreed = std::move(document);
    m_agreed->setPerson(personName().toStdString());
    m_agreed->addObserver([this, id = m_current](const DocumentChange& change) {
        if (change.content && m_project) {
            m_project->saveAnnotationOf(id, kAgreed, m_agreed->snapshot());
            Q_EMIT saveStatusChanged();
        }
        if (id == m_current)
            Q_EMIT documentChanged(change);
    });
    m_document = m_agreed.get();
    Q_EMIT agreeingChanged();
    Q_EMIT documentReady();
}

void ReviewSession::endAgreed() {
    if (!m_agreed)
        return;
    const auto own = m_documents.find(m_current);
    m_document = own != m_documents.end() ? own->second.document.get() : nullptr;
    m_agreed.reset();
    Q_EMIT agreeingChanged();
    if (m_document)
        Q_EMIT documentReady();
}

ReviewSession::Decision ReviewSession::acceptAgreed() {
    const ImageRecord* r = currentRecord();
    if (!m_agreed || !r || m_agreed->strokeOpen())
        return Decision::NotReady;
    m_project->saveAnnotationOf(m_current, kAgreed, m_agreed->snapshot());
    return decide(*r, ReviewState::Accepted);
}

ReviewSession::Decision ReviewSession::accept(bool noLesionConfirmed) {
    const ImageRecord* r = currentRecord();
    if (m_agreed)
        return Decision::NotReady;
    const auto notReady = [this](const QString& why) {
        Q_EMIT said(why);
        return Decision::NotReady;
    };
    if (!r)
        return notReady(tr("No image is shown that could be accepted."));
    if (m_imageError)
        return notReady(
            tr("An image that cannot be read cannot be accepted. It can be rejected with a reason."));
    if (!ready() || !m_painted)
        return notReady(
            tr("The image is not on the screen yet. Nothing was decided: press again when it is."));
    if (m_document->strokeOpen())
        return notReady(tr("A stroke is being drawn: end it first, or drop it with Esc."));
    if (editPending())
        return notReady(
            tr("An edit is still being computed. Nothing was decided: press again when it is there."));
    const ImageRecord before = *r;
    if (m_document->untouched()) {
        bool used = false;
        if (m_document->proposal() && !noLesionConfirmed)
            used = m_document->useProposal({.label = m_activeLabel}, UseMode::Add).changedPixels > 0;
        if (!used) {
            if (m_pending && !noLesionConfirmed)
                return notReady(
                    tr("The proposal is still being computed. Nothing was decided: press again when "
                       "its outline is there."));
            if (!noLesionConfirmed)
                return Decision::NeedsNoLesionConfirmation;
            m_document->markNoLesion();
        }
    } else if (m_document->labels().allZero() && !m_document->noLesion()) {
        if (!noLesionConfirmed)
            return Decision::NeedsNoLesionConfirmation;
        m_document->markNoLesion();
    }
    return decide(before, acceptTarget());
}

// The shown image, which was `before` when the person decided, gets this state, and the next one comes.
ReviewSession::Decision ReviewSession::decide(ImageRecord before, ReviewState to, const QString& reason) {
    if (currentRecord()->state != to) {
        const Result<void> changed = m_project->setState({m_current}, to, reason.toStdString());
        if (!changed) {
            Q_EMIT said(errorText(changed.error()));
            return Decision::Failed;
        }
    }
    m_taken.push_back(std::move(before));
    Q_EMIT decided(m_current, to);
    endAgreed();
    advance();
    return Decision::Done;
}

ReviewSession::EditTicket ReviewSession::editBegins() {
    m_editsPending.insert(++m_lastEdit);
    return m_lastEdit;
}

void ReviewSession::editEnds(EditTicket ticket) {
    if (m_editsPending.erase(ticket) > 0 && m_editsPending.empty() && m_afterEdits)
        std::exchange(m_afterEdits, nullptr)();
}

void ReviewSession::afterEdits(std::function<void()> act) {
    if (m_editsPending.empty())
        act();
    else
        m_afterEdits = std::move(act);
}

ReviewSession::Decision ReviewSession::reject(const QString& reason) {
    const ImageRecord* r = currentRecord();
    if (!r || reason.trimmed().isEmpty())
        return Decision::NotReady;
    if (m_document && m_document->strokeOpen()) {
        Q_EMIT said(tr("A stroke is being drawn: end it first, or drop it with Esc."));
        return Decision::NotReady;
    }
    return decide(*r, ReviewState::Rejected, reason.trimmed());
}

void ReviewSession::advance() {
    if (!m_autoAdvance)
        return;
    const int row = currentRow();
    if (row >= 0 && row + 1 < static_cast<int>(m_list.size()))
        show(m_list[static_cast<std::size_t>(row + 1)]);
    else if (todoCount() == 0)
        Q_EMIT allDone();
    else
        Q_EMIT said(tr("This was the last image of the list."));
}

bool ReviewSession::takeBack() {
    if (m_taken.empty() || !m_project)
        return false;
    const ImageRecord last = m_taken.back();
    m_taken.pop_back();
    if (!record(last.id))
        return false;
    (void)takeStateBack(last);
    show(last.id);
    return true;
}

void ReviewSession::toggleFlag() {
    if (const ImageRecord* r = currentRecord())
        m_project->setFlag(m_current, !r->flagged, r->flagNote);
}

void ReviewSession::setFlagNote(const QString& note) {
    if (currentRecord())
        m_project->setFlag(m_current, true, note.toStdString());
}

void ReviewSession::addComment(const QString& text) {
    if (currentRecord())
        m_project->addComment(m_current, text.toStdString());
}

int ReviewSession::setStates(const std::vector<ImageId>& ids, ReviewState to, const QString& reason) {
    if (!m_project)
        return 0;
    const bool needsWork = to == ReviewState::Accepted || to == ReviewState::Submitted;
    std::vector<ImageId> able;
    Several several;
    several.state = to;
    for (const ImageId id : ids) {
        const ImageRecord* r = record(id);
        const bool worked = r && (r->lastEditor != kNobody || r->noLesion);
        if (r && r->trouble.empty() && mayFollow(r->state, to) && (worked || !needsWork)) {
            able.push_back(id);
            several.before.push_back(*r);
        }
    }
    if (able.empty())
        return 0;
    const Result<void> changed = m_project->setState(able, to, reason.trimmed().toStdString());
    if (!changed) {
        Q_EMIT said(errorText(changed.error()));
        return 0;
    }
    m_several = std::move(several);
    return static_cast<int>(able.size());
}

int ReviewSession::setFlags(const std::vector<ImageId>& ids, bool flagged) {
    Several several;
    several.kind = Several::Kind::Flag;
    several.flagged = flagged;
    for (const ImageId id : ids) {
        const ImageRecord* r = record(id);
        if (!r || r->flagged == flagged)
            continue;
        several.before.push_back(*r);
        m_project->setFlag(id, flagged, r->flagNote);
    }
    const int count = static_cast<int>(several.before.size());
    if (count > 0)
        m_several = std::move(several);
    return count;
}

int ReviewSession::assign(const std::vector<ImageId>& ids, PersonId person) {
    Several several;
    several.kind = Several::Kind::Assignee;
    several.assignee = person;
    std::vector<ImageId> others;
    for (const ImageId id : ids) {
        const ImageRecord* r = record(id);
        if (!r || r->assignee == person)
            continue;
        several.before.push_back(*r);
        others.push_back(id);
    }
    if (others.empty())
        return 0;
    m_project->assign(others, person);
    m_several = std::move(several);
    return static_cast<int>(others.size());
}

int ReviewSession::takeBackSeveral() {
    if (!m_several || !m_project)
        return 0;
    const Several several = *std::exchange(m_several, std::nullopt);
    int count = 0;
    for (const ImageRecord& before : several.before) {
        const ImageRecord* now = record(before.id);
        if (!now)
            continue;
        switch (several.kind) {
        case Several::Kind::Flag:
            if (now->flagged != several.flagged)
                continue;
            m_project->setFlag(before.id, before.flagged, before.flagNote);
            break;
        case Several::Kind::Assignee:
            if (now->assignee != several.assignee)
                continue;
            m_project->assign({before.id}, before.assignee);
            break;
        case Several::Kind::State:
            if (now->state != several.state || !takeStateBack(before))
                continue;
            break;
        }
        ++count;
    }
    return count;
}

// What was decided is open again; a state before any work cannot follow every decision.
bool ReviewSession::takeStateBack(const ImageRecord& before) {
    const ImageRecord* now = record(before.id);
    const ReviewState back = mayFollow(now->state, before.state) ? before.state : ReviewState::InProgress;
    if (now->state == back)
        return true;
    const std::string reason = !before.reason.empty() ? before.reason
                               : now->reason.empty()  ? std::string("taken back")
                                                      : now->reason;
    const Result<void> changed = m_project->setState({before.id}, back, reason);
    if (!changed)
        Q_EMIT said(errorText(changed.error()));
    return changed.ok();
}

void ReviewSession::setAutoAdvance(bool on) {
    m_autoAdvance = on;
    QSettings().setValue(QStringLiteral("autoAdvance"), on);
}

void ReviewSession::setPainted(bool painted) {
    if (painted == m_painted)
        return;
    m_painted = painted;
    Q_EMIT paintedChanged();
}

} // namespace limn
