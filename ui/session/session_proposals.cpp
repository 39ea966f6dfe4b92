// SPDX-License-Identifier: GPL-3.0-or-later
// The session's half that deals with models and proposals.
#include "ui/session/review_session.h"

#include "app/document/proposal_ops.h"

#include <QSettings>
#include <QtConcurrent>

#include <algorithm>
#include <cmath>

namespace limn {

void ReviewSession::setModels(std::vector<ModelChoice> models) {
    m_models = std::move(models);
    const QString wanted = QSettings().value(QStringLiteral("model")).toString();
    int index = m_models.empty() ? -1 : 0;
    for (std::size_t i = 0; i < m_models.size(); ++i) {
        if (m_models[i].name == wanted)
            index = static_cast<int>(i);
    }
    m_modelIndex = -1;
    setModelIndex(index);
}

void ReviewSession::setModelIndex(int index) {
    if (index < 0 || index >= static_cast<int>(m_models.size())) {
        m_modelIndex = -1;
        Q_EMIT modelChanged();
        return;
    }
    if (index == m_modelIndex)
        return;
    if (m_modelIndex >= 0)
        QSettings().setValue(QStringLiteral("model"), m_models[static_cast<std::size_t>(index)].name);
    m_modelIndex = index;
    m_modelInfo.reset();
    m_modelError.reset();
    m_queue->setModel(m_models[static_cast<std::size_t>(index)].load);
    // Proposals of the model before stay with the images they were made for; the shown image gets a new one.
    Q_EMIT modelChanged();
    requestProposals();
}

void ReviewSession::setPredictOptions(const PredictOptions& options) {
    m_predictOptions = options;
    QSettings settings;
    settings.setValue(QStringLiteral("inputSize"), options.inputSize);
    settings.setValue(QStringLiteral("flipAverage"), options.flipAverage);
    requestProposals();
}

void ReviewSession::requestProposals() {
    if (!m_project || m_current == 0 || m_modelIndex < 0)
        return;
    const auto requestFor = [this](ImageId id, ProposalPriority priority) {
        ProposalRequest request;
        request.image = id;
        if (const ImageRecord* r = record(id))
            request.imageSha256 = r->sha256;
        request.options = m_predictOptions;
        request.priority = priority;
        return request;
    };
    std::vector<ProposalRequest> next;
    for (const ImageId id : neighbours()) {
        const ImageRecord* r = record(id);
        if (r && r->trouble.empty())
            next.push_back(requestFor(id, ProposalPriority::Neighbour));
    }
    m_pending = m_queue->cached(m_current, m_predictOptions) == nullptr;
    m_proposalError.reset();
    m_queue->show(requestFor(m_current, ProposalPriority::Shown), std::move(next));
    Q_EMIT proposalsChanged();
}

void ReviewSession::runProposal() {
    if (m_modelIndex < 0 || m_current == 0)
        return;
    m_queue->forgetFailure(m_current);
    requestProposals();
}

void ReviewSession::runProposalIn(const Rect& region) {
    if (m_modelIndex < 0 || !m_pyramid || region.empty())
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
    m_pending = true;
    m_queue->request(std::move(request));
    Q_EMIT proposalsChanged();
}

void ReviewSession::runModelOn(const std::vector<ImageId>& ids) {
    if (m_modelIndex < 0 || !m_project)
        return;
    std::vector<ProposalRequest> requests;
    for (const ImageId id : ids) {
        const ImageRecord* r = record(id);
        if (!r || !r->trouble.empty())
            continue;
        requests.push_back({.image = id,
                            .imageSha256 = r->sha256,
                            .options = m_predictOptions,
                            .priority = ProposalPriority::Batch});
    }
    m_queue->request(std::move(requests));
}

void ReviewSession::cancelRuns() {
    m_queue->cancelAll();
    m_pending = false;
    Q_EMIT proposalsChanged();
    Q_EMIT said(tr("Stopped. Proposals that were made are kept."));
}

void ReviewSession::proposalFinished(const ProposalOutcome& outcome) {
    const ImageId id = outcome.request.image;
    if (!m_project || !record(id))
        return;
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
            m_lastProposalMs = outcome.milliseconds;
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
        if (ProposalPtr cached = m_queue->cached(id, m_predictOptions))
            it->second.proposals.push_back(cached);
    }
    m_proposals = it->second.proposals;
    if (!it->second.document->proposal() && !m_proposals.empty())
        it->second.document->setProposal(m_proposals.front());
    if (it->second.document->proposal())
        m_pending = false;
    Q_EMIT proposalsChanged();
}

void ReviewSession::chooseProposal(int index) {
    if (!m_document || index < 0 || index >= static_cast<int>(m_proposals.size()))
        return;
    m_document->setProposal(m_proposals[static_cast<std::size_t>(index)]);
    Q_EMIT proposalsChanged();
}

} // namespace limn
