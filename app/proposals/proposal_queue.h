// SPDX-License-Identifier: GPL-3.0-or-later
// Proposals in the background: one inference thread, a queue that knows priority (the shown image, then its
// neighbours, then the batch), a bounded cache in memory before the cache in the store, cancel, and dropping
// of what nobody wants any more. An image that fails is marked with its Error and does not hold up the next.
//
//     ProposalQueue queue(hooks, options);
//     queue.setModel([path] { return Engine::load(path, {}); });
//     queue.request({.image = id, .imageSha256 = hash, .priority = ProposalPriority::Shown});
//
// Several models may be there at once (setModels()), each loaded when a request first names it: a folder that
// mixes kinds of images changes from one to the other without loading anything again.
//
// Threads: public functions may be called from any thread and return at once (except the destructor, which
// waits for the running stage to notice the cancel). All hooks are called on the inference thread.
#pragma once

#include "inference/engine.h"
#include "io/core/result.h"
#include "io/store/records.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn {

enum class ProposalPriority { Shown = 0, Neighbour = 1, Batch = 2 };

struct ProposalRequest {
    ImageId image = 0;
    std::string imageSha256; // empty: not cached in the store
    PredictOptions options;
    ProposalPriority priority = ProposalPriority::Batch;
    std::string model{}; // by name; empty: the first; kAutomaticModel: the one that hooks.chooseModel gives
};

inline constexpr const char* kAutomaticModel = "auto";

// Everything that changes the result, as a short canonical text: part of the cache's key.
std::string proposalSettings(const PredictOptions& options);
ProposalKey proposalKey(const std::string& imageSha256, const ModelIdentity& model,
                        const PredictOptions& options);

// To and from what the store keeps; the uncertainty (proposalUncertainty()) is computed on the way.
ProposalRecord toRecord(const Proposal& proposal, const std::string& imageSha256);
Proposal fromRecord(const ProposalRecord& record, const PredictOptions& options);

struct ProposalOutcome {
    ProposalRequest request;
    ProposalPtr proposal;       // null on failure
    std::optional<Error> error; // on failure; Cancelled is not reported
    bool fromCache = false;     // of memory or store
    double milliseconds = 0.0;  // of reading and computing
};

struct ProposalProgress {
    std::size_t waiting = 0;
    std::size_t done = 0;   // since the queue was last empty
    std::size_t failed = 0; // of those done
    std::optional<ImageId> running;
    std::optional<double> secondsLeft; // after the first 10 s of a run
};

struct ProposalHooks {
    std::function<Result<ImagePtr>(ImageId)> readImage;   // needed
    std::function<void(const ProposalOutcome&)> finished; // needed
    std::function<void(const ProposalProgress&)> progress;
    // The cache in the store; both may be empty. `find` gives null for "none".
    std::function<std::shared_ptr<const ProposalRecord>(const ProposalKey&)> find;
    std::function<void(ProposalRecord)> keep;
    // The model of this name is ready, or why not.
    std::function<void(const std::string& model, const Result<ModelInfo>&)> modelReady;
    // Which model fits an image, for requests with kAutomaticModel; asked once for each image and set of
    // models. Empty, or an empty answer: the first model.
    std::function<std::string(ImageId)> chooseModel;
    std::function<std::chrono::steady_clock::time_point()> now; // empty: the real clock
};

struct ProposalQueueOptions {
    std::size_t memoryBytes = 256u << 20; // of proposals kept in memory
    bool preempt = true;     // a request for the shown image cancels other running work, which waits again
    bool startThread = true; // false: nothing runs until runOne() is called, on the caller's thread
    std::size_t memoryCount = 10000; // of proposals kept in memory
    // How much the inference thread, and the threads that it starts for its computing, give way to others:
    // 0 not at all, 19 most. For programs with a window, which has to answer while a network takes every
    // core.
    int niceness = 0;
};

class ProposalQueue {
public:
    using LoadEngine = std::function<Result<std::unique_ptr<Engine>>()>; // called on the inference thread
    struct Model {
        std::string name;
        LoadEngine load;
    };

    ProposalQueue(ProposalHooks hooks, ProposalQueueOptions options = {});
    ~ProposalQueue();
    ProposalQueue(const ProposalQueue&) = delete;
    ProposalQueue& operator=(const ProposalQueue&) = delete;

    // Sets or changes the models. The first is loaded at once, the others when a request names them. Running
    // work of the old ones is cancelled and done again; failures are forgotten. Requests for a model that
    // could not be loaded, or that is not there, wait.
    void setModels(std::vector<Model> models);
    // One, without a name.
    void setModel(LoadEngine load) { setModels({{{}, std::move(load)}}); }

    // Asks for a proposal. The same image and settings again: the higher priority counts. An image that
    // failed is tried again only when asked for as Shown, or after forgetFailure().
    void request(ProposalRequest request);
    void request(std::vector<ProposalRequest> requests);
    // The person looks at `shown` now, and probably next at `neighbours`, in this order: requests of these
    // priorities that are not among them are dropped (a running one is cancelled); the batch stays.
    void show(ProposalRequest shown, std::vector<ProposalRequest> neighbours);

    void cancel(ImageId image);
    void cancelAll();
    void cancelBatch();

    // Of the cache in memory; null: none there.
    ProposalPtr cached(ImageId image, const PredictOptions& options, const std::string& model = {}) const;
    std::optional<Error> failure(ImageId image) const;
    void forgetFailure(ImageId image);
    ProposalProgress progress() const;

    // Does one step (loads a model, or one request) on this thread; false: nothing to do. Only with
    // startThread == false.
    bool runOne();
    // Waits until nothing waits or runs and the last outcome was told. For programs without a window.
    void waitUntilIdle();

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace limn
