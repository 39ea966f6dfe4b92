// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/project.h"

#include "app/project/annotation_conversion.h"
#include "app/project/project_state.h"
#include "io/images/image_reader.h"

#include <QDateTime>

#include <algorithm>

namespace limn {

namespace {

// Whose annotation it is when nobody gave a name.
const std::string kUnnamed = "Unnamed";

Result<FileFacts> probeFile(const std::string& path) {
    const Result<ImageProbe> probe = probeImage(path);
    if (!probe)
        return probe.error();
    return FileFacts{probe->size, probe->spacing, {}};
}

} // namespace

std::string ProjectNotice::sentence() const {
    switch (kind) {
    case Kind::ProjectElsewhere:
        return "The folder cannot be written to, so the project is kept in " + argument + ".";
    case Kind::HeldByOther:
        return "This project is open elsewhere (" + argument +
               "). You can look at everything; changes stay in memory until it is closed there.";
    case Kind::ReadOnly:
        return argument + " is read-only: changes stay in memory until it can be written to.";
    case Kind::InMemoryAlone:
        return "No place was found to keep the project: " + argument +
               " Everything stays in memory until you save it elsewhere.";
    case Kind::Recovered:
        return "The project file was damaged. What could be read is here; the damaged file was kept as " +
               argument + ".";
    case Kind::NewerSchema:
        return argument + " was made by a newer version of this program; it can be looked at, not changed.";
    case Kind::FilesSkipped:
        return argument + " of the files could not be read as images. The others are fine.";
    case Kind::FileChanged:
        return argument +
               " was changed by another program after it was annotated. Check whether the annotation still "
               "fits.";
    case Kind::FileMissing:
        return argument + " is no longer where it was. Its annotations are kept.";
    case Kind::FileMoved:
        return "An image was found again at " + argument + ".";
    case Kind::SecondVersion:
        return "This annotation was saved by " + argument +
               " meanwhile. Yours is kept as a second version beside it.";
    case Kind::StrokesTaken:
        return "The program ended before everything was in the project file. The last changes (" + argument +
               ") were taken from its journal: nothing is lost.";
    }
    return {};
}

std::string cameraOf(const ImageRecord& image) {
    return std::to_string(image.size.width) + " x " + std::to_string(image.size.height);
}

void Project::State::notice(const ProjectNotice& notice) {
    notices.push_back(notice);
    Q_EMIT project->noticed(notice);
}

void Project::State::change(std::function<Result<void>(ProjectStore&, PersonId by)> act,
                            std::vector<ImageId> touched) {
    saver->post(
        [act = std::move(act), actor = actor()](ProjectStore& store) -> Result<void> {
            const Result<PersonId> by = actor.in(store);
            if (!by)
                return by.error();
            return act(store, *by);
        },
        [this, touched = std::move(touched)](const Result<void>& result) {
            if (!result && !touched.empty())
                toOwner([this, touched] { reload(touched); });
        });
}

void Project::State::decide(DecisionRecord decision) {
    decision.person = now.person;
    decision.personName = options.person;
    std::vector<ImageId> images = decision.images;
    saver->decide(std::move(decision), [this, images = std::move(images)](const Result<void>& result) {
        if (!result)
            toOwner([this, images] { reload(images); });
    });
}

// On the saver's thread.
Result<void> Project::State::readPeople(ProjectStore& store, const std::string& name) {
    const Result<std::vector<PersonRecord>> people = store.people();
    if (!people)
        return people.error();
    toOwner([this, name, people = *people] {
        now.people = people;
        for (const PersonRecord& person : people) {
            if (person.name == name && options.person == name)
                now.person = person.id;
        }
        Q_EMIT project->peopleChanged();
    });
    return {};
}

void Project::State::refreshPeople() {
    saver->read([this, name = options.person](const Result<ProjectStore*>& store) {
        // What cannot be read now is read at the next opening.
        if (store)
            (void)readPeople(**store, name).ok();
    });
}

void Project::State::reload(std::vector<ImageId> ids) {
    saver->read([this, ids = std::move(ids)](const Result<ProjectStore*>& store) {
        if (!store)
            return;
        std::vector<ImageRecord> records;
        for (ImageId id : ids) {
            const Result<std::optional<ImageRecord>> record = (*store)->image(id);
            if (record && *record)
                records.push_back(**record);
        }
        toOwner([this, ids, records] {
            for (const ImageRecord& record : records)
                now.worklist.update(record);
            Q_EMIT project->imagesChanged(ids);
        });
    });
}

// Changes one record of the worklist; the caller tells.
void Project::State::edit(ImageId id, const std::function<void(ImageRecord&)>& change) {
    if (const ImageRecord* record = now.worklist.find(id)) {
        ImageRecord changed = *record;
        change(changed);
        now.worklist.update(changed);
    }
}

void Project::State::endScan() {
    if (--scans == 0) {
        filesToLookAt = 0;
        filesLookedAt = 0;
        Q_EMIT project->scanFinished();
    }
}

Project::Project(std::unique_ptr<State> state) : m_state(std::move(state)) {
    m_state->project = this;
    // Values of queued signals.
    qRegisterMetaType<limn::Error>("limn::Error");
    qRegisterMetaType<limn::SaveStatus>("limn::SaveStatus");
    qRegisterMetaType<limn::ProjectNotice>("limn::ProjectNotice");
    qRegisterMetaType<std::vector<limn::ImageId>>("std::vector<limn::ImageId>");

    State* const s = m_state.get();
    SaverCallbacks callbacks;
    callbacks.opened = [s](const Result<ProjectStore*>& store) { s->readStore(store); };
    callbacks.saved = [s](const StoredAnnotation& snapshot, const SavedAnnotation& saved,
                          bool asSecondVersion) {
        s->toOwner([s, image = snapshot.image, person = snapshot.person, saved, asSecondVersion] {
            s->edit(image, [&](ImageRecord& record) { record.lastEditMs = saved.savedMs; });
            if (person == kUnnumbered)
                s->refreshPeople();
            if (asSecondVersion)
                s->notice({ProjectNotice::Kind::SecondVersion, image, "another program"});
            Q_EMIT s->project->annotationSaved(image, person, saved.revision);
        });
    };
    callbacks.refused = [s](const Error& error) {
        s->toOwner([s, error] { Q_EMIT s->project->changeRefused(error); });
    };
    callbacks.status = [s](const SaveStatus& status) {
        s->toOwner([s, status] {
            s->saveStatus = status;
            Q_EMIT s->project->saveStatusChanged(status);
        });
    };
    s->worker = std::make_unique<BackgroundWorker>();
    s->saver = std::make_unique<Saver>([s](bool fullCheck) { return s->openStore(fullCheck); },
                                       std::move(callbacks), s->options.saver);
}

std::unique_ptr<Project> Project::open(const std::string& path, const ProjectOptions& options) {
    auto state = std::make_unique<State>();
    state->askedPath = absolutePathOf(path);
    state->options = options;
    if (!state->options.probe)
        state->options.probe = probeFile;
    return std::unique_ptr<Project>(new Project(std::move(state)));
}

Project::~Project() {
    // The threads first: they call into the state.
    m_state->worker.reset();
    m_state->saver.reset();
}

bool Project::event(QEvent* event) {
    if (event->type() != kDelivery)
        return QObject::event(event);
    m_state->deliverOne(); // a wait function may have delivered it already
    return true;
}

Result<void> Project::waitUntilOpen() {
    m_state->deliverUntil([this] { return m_state->open || m_state->openError; }, {});
    if (m_state->openError)
        return *m_state->openError;
    return {};
}

Result<void> Project::waitUntilSettled(std::optional<int> timeoutMs) {
    const auto settled = [this] {
        const SaveStatus status = m_state->saver->status();
        return m_state->scans == 0 && (status.waiting == 0 || status.trouble);
    };
    if (!m_state->deliverUntil(settled, timeoutMs))
        return Error{ErrorCode::Cancelled, {"Waiting for the project's files"}};
    return {};
}

SaveStatus Project::waitUntilSaved(int timeoutMs) {
    return m_state->saver->flush(timeoutMs);
}

bool Project::isOpen() const {
    return m_state->open;
}

std::string Project::name() const {
    const std::string& path = m_state->now.filePath.empty() ? m_state->askedPath : m_state->now.filePath;
    return QFileInfo(fromUtf8(path)).completeBaseName().toStdString();
}

std::string Project::filePath() const {
    return m_state->now.filePath;
}

std::string Project::imageFolder() const {
    return m_state->now.imageFolder;
}

StoreAccess Project::access() const {
    return m_state->now.access;
}

const std::vector<ProjectNotice>& Project::notices() const {
    return m_state->notices;
}

SaveStatus Project::saveStatus() const {
    return m_state->saveStatus;
}

const Worklist& Project::worklist() const {
    return m_state->now.worklist;
}

std::string Project::absolutePath(ImageId image) const {
    const ImageRecord* record = m_state->now.worklist.find(image);
    return record ? m_state->absolutePath(record->path) : std::string();
}

const std::vector<PersonRecord>& Project::people() const {
    return m_state->now.people;
}

PersonId Project::currentPerson() const {
    return m_state->now.person;
}

void Project::setPerson(const std::string& name) {
    m_state->options.person = name;
    m_state->now.person = name.empty() ? kNobody : kUnnumbered;
    for (const PersonRecord& person : m_state->now.people) {
        if (person.name == name)
            m_state->now.person = person.id;
    }
    if (m_state->now.person == kUnnumbered) {
        State* const s = m_state.get();
        s->saver->post([s, actor = s->actor()](ProjectStore& store) -> Result<void> {
            if (const Result<PersonId> taken = actor.in(store); !taken)
                return taken.error();
            return s->readPeople(store, actor.name);
        });
    }
    Q_EMIT peopleChanged();
}

std::string Project::personName(PersonId id) const {
    for (const PersonRecord& person : m_state->now.people) {
        if (person.id == id)
            return person.name;
    }
    return {};
}

std::string Project::setting(const std::string& name, const std::string& fallback) const {
    const auto found = m_state->now.settings.find(name);
    return found == m_state->now.settings.end() ? fallback : found->second;
}

void Project::setSetting(const std::string& name, const std::string& value) {
    m_state->now.settings[name] = value;
    m_state->change([name, value](ProjectStore& store, PersonId) { return store.setSetting(name, value); });
}

const std::vector<LabelSetRecord>& Project::labelSets() const {
    return m_state->now.labelSets;
}

void Project::setLabelSet(const LabelSetRecord& set) {
    auto& sets = m_state->now.labelSets;
    const auto found = std::find_if(sets.begin(), sets.end(),
                                    [&](const LabelSetRecord& one) { return one.name == set.name; });
    if (found == sets.end())
        sets.push_back(set);
    else
        *found = set;
    m_state->change([set](ProjectStore& store, PersonId) { return store.setLabelSet(set); });
    Q_EMIT labelSetsChanged();
}

void Project::addFiles(std::vector<std::string> paths) {
    m_state->search(std::move(paths), State::Search::Add);
}

void Project::removeImages(std::vector<ImageId> ids) {
    std::erase_if(ids, [this](ImageId id) { return !m_state->now.worklist.find(id); });
    if (ids.empty())
        return;
    m_state->now.worklist.remove(ids);
    m_state->change([ids](ProjectStore& store, PersonId by) { return store.removeImages(ids, by); });
    Q_EMIT imagesRemoved(ids);
}

void Project::rescan() {
    const bool canSearch = QFileInfo(fromUtf8(m_state->now.imageFolder)).isDir();
    m_state->checkKnown(m_state->now.worklist.select({}), !canSearch);
    if (canSearch)
        m_state->search({m_state->now.imageFolder}, State::Search::AddOrFollow);
}

void Project::locate(const std::string& folder) {
    m_state->search({absolutePathOf(folder)}, State::Search::Follow);
}

std::vector<ImageId> Project::missingImages() const {
    std::vector<ImageId> missing;
    for (ImageId id : m_state->now.worklist.select({})) {
        const ImageRecord* record = m_state->now.worklist.find(id);
        if (!record->trouble.empty() &&
            record->trouble == Error{ErrorCode::FileNotFound, {absolutePath(id)}}.message())
            missing.push_back(id);
    }
    return missing;
}

void Project::checkSource(ImageId image) {
    m_state->checkKnown({image}, true);
}

void Project::acceptSource(ImageId image) {
    m_state->lookAt({image}, true);
}

const std::vector<Project::Skipped>& Project::skippedFiles() const {
    return m_state->skipped;
}

bool Project::isScanning() const {
    return m_state->scans > 0;
}

Result<void> Project::setState(const std::vector<ImageId>& ids, ReviewState to, const std::string& reason) {
    if (to == ReviewState::Rejected && reason.empty())
        return Error{ErrorCode::InvalidArgument, {"the reason of a rejection", "empty", "given"}};
    for (ImageId id : ids) {
        const ImageRecord* record = m_state->now.worklist.find(id);
        if (!record)
            return Error{ErrorCode::InvalidArgument,
                         {"the image", std::to_string(id), "one that the project holds"}};
        if (!mayFollow(record->state, to))
            return Error{ErrorCode::InvalidArgument,
                         {"the new state of " + record->path, std::string(reviewStateName(to)),
                          "one that may follow " + std::string(reviewStateName(record->state))}};
    }
    for (ImageId id : ids) {
        m_state->edit(id, [&](ImageRecord& record) {
            record.state = to;
            record.reason = to == ReviewState::Rejected ? reason : std::string();
            record.rejectedBy = to == ReviewState::Rejected ? m_state->now.person : kNobody;
        });
    }
    DecisionRecord decision;
    decision.kind = DecisionRecord::Kind::State;
    decision.images = ids;
    decision.state = to;
    decision.note = reason;
    m_state->decide(std::move(decision));
    Q_EMIT imagesChanged(ids);
    return {};
}

void Project::setFlag(ImageId image, bool flagged, const std::string& note) {
    m_state->edit(image, [&](ImageRecord& record) {
        record.flagged = flagged;
        record.flagNote = note;
    });
    DecisionRecord decision;
    decision.kind = DecisionRecord::Kind::Flag;
    decision.images = {image};
    decision.flagged = flagged;
    decision.note = note;
    m_state->decide(std::move(decision));
    Q_EMIT imagesChanged({image});
}

void Project::assign(const std::vector<ImageId>& ids, PersonId person) {
    for (ImageId id : ids)
        m_state->edit(id, [&](ImageRecord& record) { record.assignee = person; });
    DecisionRecord decision;
    decision.kind = DecisionRecord::Kind::Assignment;
    decision.images = ids;
    decision.assignee = person;
    decision.assigneeName = m_state->options.person; // the only one who can be without a number
    m_state->decide(std::move(decision));
    Q_EMIT imagesChanged(ids);
}

void Project::setFigures(ImageId image, const ImageFigures& figures) {
    m_state->edit(image, [&](ImageRecord& record) {
        record.uncertainty = figures.uncertainty.value_or(record.uncertainty);
        record.areaPixels = figures.areaPixels.value_or(record.areaPixels);
        record.change = figures.change.value_or(record.change);
    });
    m_state->change(
        [image, figures](ProjectStore& store, PersonId) { return store.setFigures(image, figures); });
    Q_EMIT imagesChanged({image});
}

void Project::noteProposal(ImageId image, double uncertainty) {
    ImageFigures figures;
    figures.uncertainty = uncertainty;
    setFigures(image, figures);
    const ImageRecord* record = m_state->now.worklist.find(image);
    if (record && record->state == ReviewState::New)
        (void)setState({image}, ReviewState::Proposed).ok(); // New may become Proposed
}

void Project::saveAnnotation(ImageId image, const AnnotationSnapshot& snapshot, const ImageFigures& figures) {
    // Without a name the work is kept as somebody's of its own: person 0 is the agreed annotation's.
    const PersonId person = m_state->now.person == kNobody ? kUnnumbered : m_state->now.person;
    auto stored = std::make_shared<StoredAnnotation>(toStored(snapshot, image, person));
    stored->personName = m_state->options.person.empty() ? kUnnamed : m_state->options.person;
    stored->figures = figures;
    m_state->saver->save(stored);
    const ImageRecord* record = m_state->now.worklist.find(image);
    if (!record)
        return;
    const ReviewState before = record->state;
    m_state->edit(image, [&](ImageRecord& mine) {
        mine.noLesion = snapshot.noLesion;
        mine.lastEditor = m_state->now.person;
        mine.lastEditMs = QDateTime::currentMSecsSinceEpoch();
        mine.uncertainty = figures.uncertainty.value_or(mine.uncertainty);
        mine.areaPixels = figures.areaPixels.value_or(mine.areaPixels);
        mine.change = figures.change.value_or(mine.change);
    });
    if (before != ReviewState::InProgress)
        (void)setState({image}, ReviewState::InProgress).ok(); // every state may go there
    else
        Q_EMIT imagesChanged({image});
}

void Project::saveAnnotationOf(ImageId image, PersonId person, const AnnotationSnapshot& snapshot) {
    m_state->saver->save(std::make_shared<StoredAnnotation>(toStored(snapshot, image, person)));
}

namespace {

Result<std::optional<LoadedAnnotation>> loadedFrom(const Result<StoredAnnotationPtr>& stored) {
    if (!stored)
        return stored.error();
    if (!*stored)
        return std::optional<LoadedAnnotation>();
    const StoredAnnotation& found = **stored;
    LoadedAnnotation loaded;
    loaded.info = {found.id,       found.image,     found.person,   found.version,
                   found.revision, found.threshold, found.noLesion, found.savedMs};
    loaded.snapshot = fromStored(found);
    return std::optional<LoadedAnnotation>(std::move(loaded));
}

} // namespace

void Project::loadAnnotation(ImageId image, PersonId person, int version,
                             std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done) {
    State* const s = m_state.get();
    s->saver->load(
        image, person, version, [s, done = std::move(done)](const Result<StoredAnnotationPtr>& stored) {
            auto loaded = std::make_shared<const Result<std::optional<LoadedAnnotation>>>(loadedFrom(stored));
            s->toOwner([loaded, done] { done(*loaded); });
        });
}

void Project::listAnnotations(ImageId image,
                              std::function<void(const Result<std::vector<AnnotationInfo>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, done = std::move(done)](const Result<ProjectStore*>& store) {
        Result<std::vector<AnnotationInfo>> list =
            store ? (*store)->annotationsOf(image) : Result<std::vector<AnnotationInfo>>(store.error());
        s->toOwner([list = std::move(list), done] { done(list); });
    });
}

void Project::loadHistory(ImageId image, int limit,
                          std::function<void(const Result<std::vector<HistoryRecord>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, limit, done = std::move(done)](const Result<ProjectStore*>& store) {
        Result<std::vector<HistoryRecord>> lines =
            store ? (*store)->history(image, limit) : Result<std::vector<HistoryRecord>>(store.error());
        s->toOwner([lines = std::move(lines), done] { done(lines); });
    });
}

void Project::listKeptVersions(ImageId image,
                               std::function<void(const Result<std::vector<KeptVersion>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, done = std::move(done)](const Result<ProjectStore*>& store) {
        Result<std::vector<KeptVersion>> list =
            store ? (*store)->keptVersions(image) : Result<std::vector<KeptVersion>>(store.error());
        s->toOwner([list = std::move(list), done] { done(list); });
    });
}

void Project::loadKeptVersion(std::int64_t keptId,
                              std::function<void(const Result<std::optional<LoadedAnnotation>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, keptId, done = std::move(done)](const Result<ProjectStore*>& store) {
        const Result<StoredAnnotationPtr> stored =
            store ? (*store)->keptAnnotation(keptId) : Result<StoredAnnotationPtr>(store.error());
        auto loaded = std::make_shared<const Result<std::optional<LoadedAnnotation>>>(loadedFrom(stored));
        s->toOwner([loaded, done] { done(*loaded); });
    });
}

void Project::addComment(ImageId image, const std::string& text) {
    const std::string trimmed = fromUtf8(text).trimmed().toStdString();
    if (trimmed.empty())
        return;
    DecisionRecord decision;
    decision.kind = DecisionRecord::Kind::Comment;
    decision.images = {image};
    decision.note = trimmed;
    m_state->decide(std::move(decision));
    Q_EMIT commentAdded(image);
}

void Project::addCalibration(const CalibrationRecord& record) {
    m_state->change([record](ProjectStore& store, PersonId by) -> Result<void> {
        CalibrationRecord mine = record;
        mine.person = by;
        const Result<std::int64_t> added = store.addCalibration(mine);
        if (!added)
            return added.error();
        return {};
    });
}

void Project::removeCalibration(ImageId image, const std::string& camera) {
    m_state->change([image, camera](ProjectStore& store, PersonId by) -> Result<void> {
        std::optional<ImageId> of; // what the first one was for: all of that go
        for (;;) {
            const Result<std::optional<CalibrationRecord>> found = store.calibration(image, camera);
            if (!found)
                return found.error();
            if (!*found || (of && *of != (*found)->image))
                return {};
            of = (*found)->image;
            if (Result<void> removed = store.removeCalibration((*found)->id, by); !removed)
                return removed;
        }
    });
}

void Project::findCalibration(ImageId image, const std::string& camera,
                              std::function<void(const Result<std::optional<CalibrationRecord>>&)> done) {
    State* const s = m_state.get();
    s->saver->read([s, image, camera, done = std::move(done)](const Result<ProjectStore*>& store) {
        Result<std::optional<CalibrationRecord>> found =
            store ? (*store)->calibration(image, camera)
                  : Result<std::optional<CalibrationRecord>>(store.error());
        s->toOwner([found = std::move(found), done] { done(found); });
    });
}

void Project::retrySaving() {
    m_state->saver->retryNow();
}

void Project::saveElsewhere(const std::string& path, std::function<void(const Result<void>&)> done) {
    State* const s = m_state.get();
    const std::string target = absolutePathOf(path);
    const std::string folder = s->now.imageFolder;
    s->saver->read([s, target, folder, done = std::move(done)](const Result<ProjectStore*>& store) {
        Result<void> copied = store ? (*store)->copyTo(target) : Result<void>(store.error());
        if (copied) {
            s->saver->reopen([s, target, folder](bool fullCheck) -> Result<std::unique_ptr<ProjectStore>> {
                s->openNotices.clear();
                s->openPath = target;
                s->openFolder = folder;
                StoreOptions options;
                options.person = s->options.person;
                options.create = false;
                options.fullCheck = fullCheck;
                Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(target, options);
                // Paths of images are relative to the folder they were in.
                if (opened) {
                    if (Result<void> set = (*opened)->setSetting(kImageFolderSetting, folder); !set)
                        return set.error();
                }
                return opened;
            });
        }
        s->toOwner([copied, done] { done(copied); });
    });
}

Saver& Project::saver() {
    return *m_state->saver;
}

} // namespace limn
