// SPDX-License-Identifier: GPL-3.0-or-later
// The session's half that deals with models and proposals.
#include "ui/session/review_session.h"

#include "app/document/proposal_ops.h"

#include <QCoreApplication>
#include <QPointer>
#include <QSettings>
#include <QtConcurrent>

#include <algorithm>
#include <cmath>

namespace limn {

namespace {

std::string imageModelSetting(ImageId id) {
    return "model." + std::to_string(id);
}

} // namespace

int ReviewSession::modelNamed(const QString& name) const {
    for (std::size_t i = 0; i < m_models.size(); ++i) {
        if (m_models[i].name == name)
            return static_cast<int>(i);
    }
    return kAutomatic;
}

void ReviewSession::chooseModel(int index) {
    if (index >= static_cast<int>(m_models.size()) || index == m_chosenModel)
        return;
    m_chosenModel = std::max(index, kAutomatic);
    QSettings().setValue(QStringLiteral("model"),
                         m_chosenModel < 0 ? QLatin1String(kAutomaticModel)
                                           : m_models[static_cast<std::size_t>(m_chosenModel)].name);
    // Proposals of the model before stay with the images they were made for; the shown image gets a new one.
    Q_EMIT modelChanged();
    requestProposals();
}

int ReviewSession::imageModel() const {
    return m_project && m_current != 0
               ? modelNamed(QString::fromStdString(m_project->setting(imageModelSetting(m_current))))
               : kAutomatic;
}

void ReviewSession::chooseImageModel(int index) {
    if (!m_project || m_current == 0 || index >= static_cast<int>(m_models.size()))
        return;
    m_project->setSetting(imageModelSetting(m_current),
                          index < 0 ? std::string()
                                    : m_models[static_cast<std::size_t>(index)].name.toStdString());
    Q_EMIT modelChanged();
    requestProposals();
}

std::string ReviewSession::modelFor(ImageId id) const {
    const QString own =
        m_project ? QString::fromStdString(m_project->setting(imageModelSetting(id))) : QString();
    const int index = modelNamed(own) != kAutomatic ? modelNamed(own) : m_chosenModel;
    return index < 0 ? std::string(kAutomaticModel)
                     : m_models[static_cast<std::size_t>(index)].name.toStdString();
}

int ReviewSession::modelIndex() const {
    const std::string name = modelFor(m_current);
    if (name != kAutomaticModel)
        return modelNamed(QString::fromStdString(name));
    if (const auto it = m_automaticModels.find(m_current); it != m_automaticModels.end())
        return modelNamed(QString::fromStdString(it->second));
    // Chosen in an earlier run of the program.
    if (m_document && m_document->proposal())
        return modelNamed(QString::fromStdString(m_document->proposal()->model.name));
    return m_models.size() == 1 ? 0 : kAutomatic;
}

const ReviewSession::ModelState* ReviewSession::modelState() const {
    if (m_models.empty())
        return nullptr;
    const int index = std::max(0, modelIndex());
    const auto it = m_modelStates.find(m_models[static_cast<std::size_t>(index)].name.toStdString());
    return it == m_modelStates.end() ? nullptr : &it->second;
}

std::optional<ModelInfo> ReviewSession::modelInfo() const {
    const ModelState* state = modelState();
    return state ? state->info : std::nullopt;
}

std::optional<Error> ReviewSession::modelError() const {
    const ModelState* state = modelState();
    return state ? state->error : std::nullopt;
}

QString ReviewSession::modelDevice() const {
    const ModelState* state = modelState();
    return state ? state->device : QString();
}

void ReviewSession::setPredictOptions(const PredictOptions& options) {
    m_predictOptions = options;
    QSettings settings;
    settings.setValue(QStringLiteral("inputSize"), options.inputSize);
    settings.setValue(QStringLiteral("flipAverage"), options.flipAverage);
    requestProposals();
}

void ReviewSession::requestProposals() {
    if (!m_project || m_current == 0 || m_models.empty())
        return;
    const auto requestFor = [this](ImageId id, ProposalPriority priority) {
        ProposalRequest request;
        request.image = id;
        if (const ImageRecord* r = record(id))
            request.imageSha256 = r->sha256;
        request.options = m_predictOptions;
        request.priority = priority;
        request.model = modelFor(id);
        return request;
    };
    std::vector<ProposalRequest> next;
    for (const ImageId id : neighbours()) {
        const ImageRecord* r = record(id);
        if (r && r->trouble.empty())
            next.push_back(requestFor(id, ProposalPriority::Neighbour));
    }
    m_pending = m_queue->cached(m_current, m_predictOptions, modelFor(m_current)) == nullptr;
    m_proposalError.reset();
    m_queue->show(requestFor(m_current, ProposalPriority::Shown), std::move(next));
    Q_EMIT proposalsChanged();
}

void ReviewSession::runProposal() {
    if (m_models.empty() || m_current == 0)
        return;
    m_queue->forgetFailure(m_current);
    requestProposals();
}

void ReviewSession::runProposalIn(const Rect& region) {
    if (m_models.empty() || !m_pyramid || region.empty())
        return;
    // Squared with a margin: the network takes squares, and wants to see what lies around.
    const Size size = m_pyramid->image->size;
    const int longest = std::max(region.width, region.height);
    const int side = std::min({static_cast<int>(std::lround(longest * 1.25)), size.width, size.height});
    Rect square{region.x + region.width / 2 - side / 2, region.y + region.height / 2 - side / 2, side, side};
    square.x = std::clamp(square.x, 0, size.width - side);
    square.y = std::clamp(square.y, 0, size.height - side);
    ProposalRequest request;
    request.image = m_current;
    if (const ImageRecord* r = currentRecord())
        request.imageSha256 = r->sha256;
    request.options = m_predictOptions;
    request.options.region = square;
    request.priority = ProposalPriority::Shown;
    request.model = modelFor(m_current);
    m_pending = true;
    m_queue->request(std::move(request));
    Q_EMIT proposalsChanged();
}

void ReviewSession::runModelOn(const std::vector<ImageId>& ids) {
    if (m_models.empty() || !m_project)
        return;
    std::vector<ProposalRequest> requests;
    for (const ImageId id : ids) {
        const ImageRecord* r = record(id);
        if (!r || !r->trouble.empty())
            continue;
        requests.push_back({.image = id,
                            .imageSha256 = r->sha256,
                            .options = m_predictOptions,
                            .priority = ProposalPriority::Batch,
                            .model = modelFor(id)});
    }
    // What is still under way counts on; a run from nothing begins anew.
    if (m_batch.empty())
        m_batchTotal = 0;
    for (const ProposalRequest& request : requests)
        m_batchTotal += m_batch.insert(request.image).second;
    m_queue->request(std::move(requests));
}

BackgroundWork ReviewSession::backgroundWork() const {
    BackgroundWork work;
    if (!m_batch.empty()) {
        work.proposalsTotal = m_batchTotal;
        work.proposalsDone = m_batchTotal - static_cast<int>(m_batch.size());
    }
    if (hasProject() && m_project->isScanning() && m_filesTotal > 0) {
        work.filesTotal = m_filesTotal;
        work.filesDone = m_filesDone;
    }
    return work;
}

void ReviewSession::cancelRuns() {
    m_queue->cancelAll();
    m_batch.clear();
    m_pending = false;
    Q_EMIT proposalsChanged();
    Q_EMIT progressChanged();
    Q_EMIT said(tr("Stopped. Proposals that were made are kept."));
}

void ReviewSession::proposalFinished(const ProposalOutcome& outcome) {
    const ImageId id = outcome.request.image;
    if (!m_project || !record(id))
        return;
    if (!outcome.request.options.region)
        m_batch.erase(id);
    FinishedRun run;
    run.image = id;
    run.model = QString::fromStdString(outcome.request.model);
    if (outcome.proposal) {
        run.model = QString::fromStdString(outcome.proposal->model.name);
        run.device = QString::fromStdString(outcome.proposal->device);
        run.times = outcome.proposal->times;
    }
    run.kept = outcome.fromCache;
    run.error = outcome.error;
    run.when = QDateTime::currentDateTime();
    m_runs.push_front(std::move(run));
    if (m_runs.size() > kKeptRuns)
        m_runs.pop_back();
    if (outcome.proposal) {
        const bool whole = !outcome.request.options.region.has_value();
        auto it = m_documents.find(id);
        if (it != m_documents.end()) {
            std::vector<ProposalPtr>& list = it->second.proposals;
            std::erase_if(list, [&](const ProposalPtr& p) {
                return p->model == outcome.proposal->model && p->extent == outcome.proposal->extent &&
                       p->options.inputSize == outcome.proposal->options.inputSize &&
                       p->options.flipAverage == outcome.proposal->options.flipAverage;
            });
            list.insert(whole ? list.begin() : list.end(), outcome.proposal);
        }
        if (whole) {
            QtConcurrent::run(&m_readers, [proposal = outcome.proposal] {
                ImageFigures figures;
                figures.uncertainty = proposalUncertainty(*proposal);
                return figures;
            }).then(this, [this, id](const ImageFigures& figures) {
                if (m_project && record(id))
                    m_project->setFigures(id, figures);
            });
            if (record(id)->state == ReviewState::New)
                (void)m_project->setState({id}, ReviewState::Proposed).ok();
        }
        if (id == m_current) {
            m_pending = false;
            m_proposalError.reset();
            if (it != m_documents.end()) {
                m_proposals = it->second.proposals;
                it->second.document->setProposal(outcome.proposal);
            }
            Q_EMIT proposalsChanged();
        }
        return;
    }
    if (id == m_current) {
        m_pending = false;
        m_proposalError = outcome.error;
        Q_EMIT proposalsChanged();
    }
}

void ReviewSession::applyProposals(ImageId id) {
    auto it = m_documents.find(id);
    if (it == m_documents.end())
        return;
    if (it->second.proposals.empty()) {
        if (ProposalPtr cached = m_queue->cached(id, m_predictOptions, modelFor(id)))
            it->second.proposals.push_back(cached);
    }
    m_proposals = it->second.proposals;
    if (!it->second.document->proposal() && !m_proposals.empty())
        it->second.document->setProposal(m_proposals.front());
    if (it->second.document->proposal())
        m_pending = false;
    Q_EMIT proposalsChanged();
}

void ReviewSession::findProposal(ImageId id, std::function<void(const ProposalPtr&, double)> done) {
    const ImageRecord* r = record(id);
    if (!r)
        return;
    const std::optional<float> kept = keptThreshold(id);
    if (const ProposalPtr cached = m_queue->cached(id, m_predictOptions, modelFor(id))) {
        done(cached, kept.value_or(cached->defaultThreshold));
        return;
    }
    const ProposalKey key = proposalKey(r->sha256, {}, m_predictOptions);
    m_project->saver().read([self = QPointer<ReviewSession>(this), key, options = m_predictOptions, kept,
                             done = std::move(done)](const Result<ProjectStore*>& store) {
        ProposalPtr proposal;
        if (store && !key.imageSha256.empty()) {
            if (const auto found = (*store)->proposal(key); found && *found)
                proposal = std::make_shared<const Proposal>(fromRecord(**found, options));
        }
        QMetaObject::invokeMethod(
            qApp,
            [self, proposal, kept, done] {
                if (self)
                    done(proposal, kept.value_or(proposal ? proposal->defaultThreshold : 0.5f));
            },
            Qt::QueuedConnection);
    });
}

void ReviewSession::chooseProposal(int index) {
    if (!m_document || index < 0 || index >= static_cast<int>(m_proposals.size()))
        return;
    m_document->setProposal(m_proposals[static_cast<std::size_t>(index)]);
    Q_EMIT proposalsChanged();
}

} // namespace limn
