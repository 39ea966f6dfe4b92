// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/proposals/proposal_queue.h"

#include "app/document/proposal_ops.h"
#include "app/proposals/time_left.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include <unistd.h>

namespace limn {

namespace {

using Clock = std::chrono::steady_clock;

// What a proposal is known by inside the queue.
using Key = std::pair<ImageId, std::string>;

Key keyOf(ImageId image, const PredictOptions& options, const std::string& model) {
    return {image, proposalSettings(options) + ";model=" + model};
}

Key keyOf(const ProposalRequest& request) {
    return keyOf(request.image, request.options, request.model);
}

std::size_t bytesOf(const Proposal& proposal) {
    std::size_t bytes = proposal.probability.values.size() * sizeof(std::uint16_t) +
                        proposal.network.values.size() * sizeof(float);
    if (proposal.spread)
        bytes += proposal.spread->values.size() * sizeof(float);
    return bytes;
}

// Proposals in memory, the least recently used ones leave first.
class MemoryCache {
public:
    MemoryCache(std::size_t limit, std::size_t most)
        : m_limit(limit), m_most(std::max<std::size_t>(1, most)) {}

    ProposalPtr find(const Key& key) {
        const auto found = m_index.find(key);
        if (found == m_index.end())
            return nullptr;
        m_entries.splice(m_entries.begin(), m_entries, found->second);
        return found->second->second;
    }

    void put(const Key& key, const ProposalPtr& proposal) {
        remove(key);
        const std::size_t bytes = bytesOf(*proposal);
        if (bytes > m_limit)
            return;
        while (m_bytes + bytes > m_limit || m_entries.size() >= m_most)
            remove(Key(m_entries.back().first));
        m_entries.emplace_front(key, proposal);
        m_index[key] = m_entries.begin();
        m_bytes += bytes;
    }

    void clear() {
        m_entries.clear();
        m_index.clear();
        m_bytes = 0;
    }

private:
    void remove(const Key& key) {
        const auto found = m_index.find(key);
        if (found == m_index.end())
            return;
        m_bytes -= bytesOf(*found->second->second);
        m_entries.erase(found->second);
        m_index.erase(found);
    }

    std::size_t m_limit;
    std::size_t m_most;
    std::size_t m_bytes = 0;
    std::list<std::pair<Key, ProposalPtr>> m_entries; // most recently used first
    std::map<Key, std::list<std::pair<Key, ProposalPtr>>::iterator> m_index;
};

} // namespace

std::string proposalSettings(const PredictOptions& options) {
    std::string text = "input=" + std::to_string(options.inputSize);
    text += options.resize == ResizeMode::Antialias ? ";resize=antialias" : ";resize=plain";
    text += options.flipAverage ? ";flips=4" : ";flips=1";
    if (options.region) {
        const Rect& r = *options.region;
        text += ";region=" + std::to_string(r.x) + "," + std::to_string(r.y) + "," + std::to_string(r.width) +
                "," + std::to_string(r.height);
    }
    return text;
}

ProposalKey proposalKey(const std::string& imageSha256, const ModelIdentity& model,
                        const PredictOptions& options) {
    return {imageSha256, model.sha256, proposalSettings(options)};
}

ProposalRecord toRecord(const Proposal& proposal, const std::string& imageSha256) {
    ProposalRecord record;
    record.key = proposalKey(imageSha256, proposal.model, proposal.options);
    record.extent = proposal.extent;
    record.probability = proposal.probability;
    record.network = proposal.network;
    record.spread = proposal.spread;
    record.modelName = proposal.model.name;
    record.device = proposal.device;
    record.precision = proposal.precision;
    record.defaultThreshold = proposal.defaultThreshold;
    record.uncertainty = proposalUncertainty(proposal);
    return record;
}

Proposal fromRecord(const ProposalRecord& record, const PredictOptions& options) {
    Proposal proposal;
    proposal.extent = record.extent;
    proposal.probability = record.probability;
    proposal.network = record.network;
    proposal.spread = record.spread;
    proposal.model = {record.modelName, record.key.modelSha256};
    proposal.options = options;
    proposal.device = record.device;
    proposal.precision = record.precision;
    proposal.defaultThreshold = static_cast<float>(record.defaultThreshold);
    return proposal;
}

struct ProposalQueue::State {
    struct Running {
        ProposalRequest request;
        std::shared_ptr<CancelToken> cancel;
        bool again = false; // cancelled only to let another go first: waits again
    };

    State(ProposalHooks h, ProposalQueueOptions o)
        : hooks(std::move(h)), options(o), cache(o.memoryBytes, o.memoryCount) {}

    ProposalHooks hooks;
    ProposalQueueOptions options;

    mutable std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable idle;
    std::list<ProposalRequest> waiting; // by priority, then in order of asking
    std::optional<Running> running;
    std::optional<std::vector<Model>> newModels; // set, and not yet taken over by the inference thread
    bool loading = false;
    bool telling = false; // what came out, to hooks.finished
    std::string firstModel;
    std::vector<std::string> usable;       // models that are loaded, or were not tried yet
    std::map<ImageId, std::string> chosen; // by hooks.chooseModel
    bool stopping = false;
    mutable MemoryCache cache;
    std::map<ImageId, Error> failures;
    std::size_t done = 0;
    std::size_t failed = 0;
    Clock::time_point begun;

    // The inference thread alone.
    std::vector<Model> models;
    std::map<std::string, std::unique_ptr<Engine>> engines;

    std::thread thread;

    Clock::time_point now() const { return hooks.now ? hooks.now() : Clock::now(); }
    // Nothing: it has to be chosen first.
    std::optional<std::string> modelOf(const ProposalRequest& request) const {
        if (request.model != kAutomaticModel)
            return request.model.empty() ? firstModel : request.model;
        const auto found = chosen.find(request.image);
        return found == chosen.end() ? std::nullopt : std::optional<std::string>(found->second);
    }
    std::list<ProposalRequest>::iterator nextWorkable() {
        return std::find_if(waiting.begin(), waiting.end(), [this](const ProposalRequest& request) {
            const std::optional<std::string> model = modelOf(request);
            return model ? std::find(usable.begin(), usable.end(), *model) != usable.end() : !usable.empty();
        });
    }
    bool canWork() { return newModels || nextWorkable() != waiting.end(); }
    void insert(ProposalRequest request, bool inFront);
    void add(ProposalRequest request);
    template<typename Drop>
    void drop(Drop unwanted);
    ProposalProgress progressLocked() const;
    void report();
    bool step();
    bool takeModels();
    Engine* engineFor(const std::string& name);
    bool readyModel();
    ProposalOutcome make(const ProposalRequest& request, Engine& engine, const CancelToken& cancel);
    void run();
};

// Behind those of the same priority, or before them.
void ProposalQueue::State::insert(ProposalRequest request, bool inFront) {
    const auto at = std::find_if(waiting.begin(), waiting.end(), [&](const ProposalRequest& other) {
        return inFront ? other.priority >= request.priority : other.priority > request.priority;
    });
    waiting.insert(at, std::move(request));
}

void ProposalQueue::State::add(ProposalRequest request) {
    const Key key = keyOf(request);
    if (request.priority == ProposalPriority::Shown)
        failures.erase(request.image);
    if (running && keyOf(running->request) == key && (!running->cancel->cancelled() || running->again)) {
        running->request.priority = std::min(running->request.priority, request.priority);
        return;
    }
    const auto same = std::find_if(waiting.begin(), waiting.end(),
                                   [&](const ProposalRequest& other) { return keyOf(other) == key; });
    if (same != waiting.end()) {
        if (same->priority <= request.priority)
            return;
        waiting.erase(same);
    }
    if (waiting.empty() && !running) {
        begun = now();
        done = 0;
        failed = 0;
    }
    const bool goesFirst = request.priority == ProposalPriority::Shown;
    insert(std::move(request), false);
    if (goesFirst && options.preempt && running && running->request.priority != ProposalPriority::Shown &&
        !running->cancel->cancelled()) {
        running->again = true;
        running->cancel->cancel();
    }
}

template<typename Drop>
void ProposalQueue::State::drop(Drop unwanted) {
    waiting.remove_if(unwanted);
    if (running && unwanted(running->request)) {
        running->again = false;
        running->cancel->cancel();
    }
}

ProposalProgress ProposalQueue::State::progressLocked() const {
    ProposalProgress progress;
    progress.waiting = waiting.size();
    progress.done = done;
    progress.failed = failed;
    if (running)
        progress.running = running->request.image;
    progress.secondsLeft = secondsLeft(std::chrono::duration<double>(now() - begun).count(), done,
                                       waiting.size() + (running ? 1 : 0));
    return progress;
}

void ProposalQueue::State::report() {
    if (!hooks.progress)
        return;
    ProposalProgress progress;
    {
        const std::lock_guard lock(mutex);
        progress = progressLocked();
    }
    hooks.progress(progress);
}

// True when there were new models.
bool ProposalQueue::State::takeModels() {
    {
        const std::lock_guard lock(mutex);
        if (!newModels)
            return false;
        models = std::move(*newModels);
        newModels.reset();
        firstModel = models.empty() ? std::string() : models.front().name;
        chosen.clear();
        usable.clear();
        for (const Model& model : models)
            usable.push_back(model.name);
        cache.clear();
        failures.clear();
    }
    // The old ones first: two networks may not fit a device's memory.
    engines.clear();
    if (!models.empty())
        engineFor(models.front().name);
    return true;
}

// Loads it when that was not done. Null: it could not be loaded, and requests for it wait from now on.
Engine* ProposalQueue::State::engineFor(const std::string& name) {
    if (const auto found = engines.find(name); found != engines.end())
        return found->second.get();
    const auto model =
        std::find_if(models.begin(), models.end(), [&](const Model& one) { return one.name == name; });
    {
        const std::lock_guard lock(mutex);
        loading = true;
    }
    Result<std::unique_ptr<Engine>> loaded = model->load();
    const Result<ModelInfo> info =
        loaded ? Result<ModelInfo>((*loaded)->model()) : Result<ModelInfo>(loaded.error());
    {
        const std::lock_guard lock(mutex);
        loading = false;
        if (!loaded)
            std::erase(usable, name);
    }
    Engine* engine = nullptr;
    if (loaded)
        engine = engines.emplace(name, std::move(*loaded)).first->second.get();
    if (hooks.modelReady)
        hooks.modelReady(name, info);
    return engine;
}

// The model of the first request that can be worked on is chosen and loaded, before the request counts as
// running. False: nothing can be worked on.
bool ProposalQueue::State::readyModel() {
    for (;;) {
        std::optional<std::string> name;
        ImageId image = 0;
        {
            const std::lock_guard lock(mutex);
            const auto next = nextWorkable();
            if (next == waiting.end())
                return false;
            name = modelOf(*next);
            image = next->image;
        }
        if (!name) {
            name = hooks.chooseModel ? hooks.chooseModel(image) : std::string();
            const std::lock_guard lock(mutex);
            const bool known = std::any_of(models.begin(), models.end(),
                                           [&](const Model& model) { return model.name == *name; });
            chosen[image] = known ? *name : firstModel;
            continue;
        }
        if (engineFor(*name))
            return true;
        idle.notify_all();
    }
}

ProposalOutcome ProposalQueue::State::make(const ProposalRequest& request, Engine& engine,
                                           const CancelToken& cancel) {
    ProposalOutcome outcome;
    outcome.request = request;
    const Key key = keyOf(request);
    {
        const std::lock_guard lock(mutex);
        outcome.proposal = cache.find(key);
        if (const auto failure = failures.find(request.image); !outcome.proposal && failure != failures.end())
            outcome.error = failure->second;
    }
    outcome.fromCache = outcome.proposal != nullptr;
    if (outcome.proposal || outcome.error)
        return outcome;
    const ProposalKey stored = proposalKey(request.imageSha256, engine.model().identity, request.options);
    if (hooks.find && !request.imageSha256.empty()) {
        if (const std::shared_ptr<const ProposalRecord> record = hooks.find(stored)) {
            outcome.proposal = std::make_shared<const Proposal>(fromRecord(*record, request.options));
            outcome.fromCache = true;
            return outcome;
        }
    }
    const Error cancelled{ErrorCode::Cancelled, {"The proposal"}};
    if (cancel.cancelled()) {
        outcome.error = cancelled;
        return outcome;
    }
    const Result<ImagePtr> image = hooks.readImage(request.image);
    // Reading may have taken long.
    if (!image || cancel.cancelled()) {
        outcome.error = image ? cancelled : image.error();
        return outcome;
    }
    Result<Proposal> made = engine.predict(**image, request.options, &cancel);
    if (!made) {
        outcome.error = made.error();
        return outcome;
    }
    // The key is made of what was asked for, whatever the engine notes in its answer.
    made->options = request.options;
    outcome.proposal = std::make_shared<const Proposal>(std::move(*made));
    if (hooks.keep && !request.imageSha256.empty())
        hooks.keep(toRecord(*outcome.proposal, request.imageSha256));
    return outcome;
}

bool ProposalQueue::State::step() {
    if (takeModels()) {
        report();
        idle.notify_all();
        return true;
    }
    if (!readyModel())
        return false;
    ProposalRequest request;
    Engine* engine = nullptr;
    std::shared_ptr<CancelToken> cancel = std::make_shared<CancelToken>();
    {
        const std::lock_guard lock(mutex);
        // Another one may have come to the front meanwhile: its model is loaded, or it is left to the next
        // step.
        const auto next = nextWorkable();
        if (newModels || next == waiting.end())
            return true;
        const auto found = engines.find(modelOf(*next).value_or(std::string()));
        if (found == engines.end())
            return true;
        engine = found->second.get();
        request = std::move(*next);
        waiting.erase(next);
        running = Running{request, cancel, false};
    }
    report();
    const Clock::time_point start = now();
    ProposalOutcome outcome = make(request, *engine, *cancel);
    outcome.milliseconds = std::chrono::duration<double, std::milli>(now() - start).count();
    bool tell = true;
    {
        const std::lock_guard lock(mutex);
        outcome.request.priority = running->request.priority; // it may have become more urgent meanwhile
        const bool cancelled = !outcome.proposal && outcome.error->code == ErrorCode::Cancelled;
        const bool ofOldModel = newModels.has_value();
        if (cancelled || ofOldModel) {
            tell = false;
            if (running->again)
                insert(running->request, true);
        } else if (outcome.proposal) {
            // Even when nobody waits for it any more: it was paid for.
            cache.put(keyOf(request), outcome.proposal);
            tell = !cancel->cancelled() || running->again;
        } else {
            failures[request.image] = *outcome.error;
        }
        if (tell) {
            ++done;
            failed += outcome.error.has_value();
        }
        running.reset();
        telling = tell;
    }
    if (tell) {
        hooks.finished(outcome);
        const std::lock_guard lock(mutex);
        telling = false;
    }
    report();
    idle.notify_all();
    return true;
}

void ProposalQueue::State::run() {
    // Threads inherit it from the one that starts them.
    if (options.niceness != 0)
        (void)nice(options.niceness); // Linux: of this thread alone, counted from what it began with
    for (;;) {
        {
            std::unique_lock lock(mutex);
            wake.wait(lock, [this] { return stopping || canWork(); });
            if (stopping)
                return;
        }
        step();
    }
}

ProposalQueue::ProposalQueue(ProposalHooks hooks, ProposalQueueOptions options)
    : m_state(std::make_unique<State>(std::move(hooks), options)) {
    if (options.startThread)
        m_state->thread = std::thread([state = m_state.get()] { state->run(); });
}

ProposalQueue::~ProposalQueue() {
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->stopping = true;
        m_state->waiting.clear();
        if (m_state->running) {
            m_state->running->again = false;
            m_state->running->cancel->cancel();
        }
    }
    m_state->wake.notify_all();
    if (m_state->thread.joinable())
        m_state->thread.join();
}

void ProposalQueue::setModels(std::vector<Model> models) {
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->newModels = std::move(models);
        if (m_state->running && !m_state->running->cancel->cancelled()) {
            m_state->running->again = true;
            m_state->running->cancel->cancel();
        }
    }
    m_state->wake.notify_all();
}

void ProposalQueue::request(ProposalRequest request) {
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->add(std::move(request));
    }
    m_state->wake.notify_all();
}

void ProposalQueue::request(std::vector<ProposalRequest> requests) {
    {
        const std::lock_guard lock(m_state->mutex);
        for (ProposalRequest& one : requests)
            m_state->add(std::move(one));
    }
    m_state->wake.notify_all();
}

void ProposalQueue::show(ProposalRequest shown, std::vector<ProposalRequest> neighbours) {
    shown.priority = ProposalPriority::Shown;
    std::vector<Key> wanted = {keyOf(shown)};
    for (ProposalRequest& neighbour : neighbours) {
        neighbour.priority = ProposalPriority::Neighbour;
        wanted.push_back(keyOf(neighbour));
    }
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->drop([&](const ProposalRequest& other) {
            return other.priority != ProposalPriority::Batch &&
                   std::find(wanted.begin(), wanted.end(), keyOf(other)) == wanted.end();
        });
        // What stays of the old view takes its new place.
        m_state->waiting.remove_if(
            [](const ProposalRequest& other) { return other.priority != ProposalPriority::Batch; });
        m_state->add(std::move(shown));
        for (ProposalRequest& neighbour : neighbours)
            m_state->add(std::move(neighbour));
    }
    m_state->wake.notify_all();
}

void ProposalQueue::cancel(ImageId image) {
    const std::lock_guard lock(m_state->mutex);
    m_state->drop([&](const ProposalRequest& other) { return other.image == image; });
    m_state->idle.notify_all();
}

void ProposalQueue::cancelAll() {
    const std::lock_guard lock(m_state->mutex);
    m_state->drop([](const ProposalRequest&) { return true; });
    m_state->idle.notify_all();
}

void ProposalQueue::cancelBatch() {
    const std::lock_guard lock(m_state->mutex);
    m_state->drop([](const ProposalRequest& other) { return other.priority == ProposalPriority::Batch; });
    m_state->idle.notify_all();
}

ProposalPtr ProposalQueue::cached(ImageId image, const PredictOptions& options,
                                  const std::string& model) const {
    const std::lock_guard lock(m_state->mutex);
    return m_state->cache.find(keyOf(image, options, model));
}

std::optional<Error> ProposalQueue::failure(ImageId image) const {
    const std::lock_guard lock(m_state->mutex);
    const auto found = m_state->failures.find(image);
    return found == m_state->failures.end() ? std::nullopt : std::optional<Error>(found->second);
}

void ProposalQueue::forgetFailure(ImageId image) {
    const std::lock_guard lock(m_state->mutex);
    m_state->failures.erase(image);
}

ProposalProgress ProposalQueue::progress() const {
    const std::lock_guard lock(m_state->mutex);
    return m_state->progressLocked();
}

bool ProposalQueue::runOne() {
    return m_state->step();
}

void ProposalQueue::waitUntilIdle() {
    std::unique_lock lock(m_state->mutex);
    m_state->idle.wait(lock, [this] {
        return !m_state->running && !m_state->loading && !m_state->telling && !m_state->canWork();
    });
}

} // namespace limn
