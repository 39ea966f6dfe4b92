// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the shown image comes before its neighbours and these before the batch; stale work is dropped,
// running work is cancelled for the shown image and done again; results come from memory, then from the
// store; a failing image is marked and holds up nothing. A fake engine and a fake clock; the queue is stepped
// by hand, so the expected order of events is a plain list. One test runs the real thread.
#include "app/document/proposal_ops.h"
#include "app/proposals/proposal_queue.h"

#include <QTest>

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

using namespace limn;

namespace {

// Gives each image's id (its width) as probability; notes what it ran, and does what a test hangs in.
class FakeEngine : public Engine {
public:
    FakeEngine(std::string sha256, std::vector<std::string>& events, std::set<int> bad)
        : m_events(events), m_bad(std::move(bad)) {
        m_info.identity = {"fake", std::move(sha256)};
    }
    const ModelInfo& model() const override { return m_info; }
    DeviceInfo device() const override { return m_device; }
    Result<void> warmUp(int, int) override { return {}; }
    Result<Proposal> predict(const Image& image, const PredictOptions& options,
                             const CancelToken* cancel) override {
        const int id = image.size.width;
        m_events.push_back("run " + std::to_string(id));
        if (during)
            during(id);
        if (cancel && cancel->cancelled())
            return Error{ErrorCode::Cancelled, {"predict"}};
        if (m_bad.count(id))
            return Error{ErrorCode::ComputationFailed, {"image " + std::to_string(id), "it is bad"}};
        return finish(image, {}, options);
    }
    std::vector<Result<Proposal>> predictBatch(std::span<const ImagePtr> images,
                                               const PredictOptions& options,
                                               const CancelToken* cancel) override {
        std::vector<Result<Proposal>> all;
        for (const ImagePtr& image : images)
            all.push_back(predict(*image, options, cancel));
        return all;
    }
    Result<std::vector<float>> preprocess(const Image&, const PredictOptions&) const override {
        return std::vector<float>();
    }
    Result<std::vector<FloatMap>> run(std::span<const std::vector<float>>, const PredictOptions&,
                                      const CancelToken*) override {
        return std::vector<FloatMap>();
    }
    Proposal finish(const Image& image, FloatMap, const PredictOptions& options) const override {
        Proposal proposal;
        proposal.extent = {0, 0, image.size.width, image.size.height};
        proposal.probability.size = image.size;
        proposal.probability.values.assign(image.size.pixels(), static_cast<std::uint16_t>(image.size.width));
        proposal.model = m_info.identity;
        proposal.options = options;
        return proposal;
    }

    std::function<void(int)> during;

private:
    ModelInfo m_info;
    DeviceInfo m_device;
    std::vector<std::string>& m_events;
    std::set<int> m_bad;
};

// A queue with everything around it faked.
struct Bench {
    std::vector<std::string> events;
    std::chrono::steady_clock::time_point clock{std::chrono::hours(1)};
    std::chrono::milliseconds perImage{0};
    std::map<std::string, ProposalRecord> store; // by image hash and model
    std::map<ImageId, ProposalPtr> results;
    std::set<int> bad;
    std::set<int> unreadable;
    std::function<void()> whileReading;
    FakeEngine* engine = nullptr;
    std::map<ImageId, std::string> choice; // of hooks.chooseModel
    int asked = 0;                         // how often it was called
    ProposalQueueOptions options{256u << 20, true, false};
    std::unique_ptr<ProposalQueue> queue;

    void make() {
        ProposalHooks hooks;
        hooks.now = [this] { return clock; };
        hooks.readImage = [this](ImageId id) -> Result<ImagePtr> {
            clock += perImage;
            if (whileReading)
                whileReading();
            if (unreadable.count(static_cast<int>(id)))
                return Error{ErrorCode::FileNotFound, {"image " + std::to_string(id)}};
            auto image = std::make_shared<Image>();
            image->size = {static_cast<int>(id), 10};
            return ImagePtr(image);
        };
        hooks.finished = [this](const ProposalOutcome& outcome) {
            events.push_back((outcome.proposal ? outcome.fromCache ? "cached " : "done " : "failed ") +
                             std::to_string(outcome.request.image));
            results[outcome.request.image] = outcome.proposal;
        };
        hooks.find = [this](const ProposalKey& key) -> std::shared_ptr<const ProposalRecord> {
            const auto found = store.find(key.imageSha256 + key.modelSha256 + key.settings);
            return found == store.end() ? nullptr : std::make_shared<const ProposalRecord>(found->second);
        };
        hooks.keep = [this](ProposalRecord record) {
            store[record.key.imageSha256 + record.key.modelSha256 + record.key.settings] = record;
        };
        hooks.modelReady = [this](const std::string&, const Result<ModelInfo>& info) {
            events.push_back(info ? "model " + info->identity.sha256 : "no model");
        };
        hooks.chooseModel = [this](ImageId id) {
            ++asked;
            return choice[id];
        };
        queue = std::make_unique<ProposalQueue>(std::move(hooks), options);
    }
    // Each is known by its name; "broken" cannot be loaded.
    void setModels(const std::vector<std::string>& names) {
        std::vector<ProposalQueue::Model> models;
        for (const std::string& name : names)
            models.push_back({name, [this, name]() -> Result<std::unique_ptr<Engine>> {
                                  if (name == "broken")
                                      return Error{ErrorCode::ModelNotFound, {name, "y"}};
                                  return std::unique_ptr<Engine>(
                                      std::make_unique<FakeEngine>(name, events, bad));
                              }});
        queue->setModels(std::move(models));
    }
    void setModel(const std::string& sha256) {
        queue->setModel([this, sha256]() -> Result<std::unique_ptr<Engine>> {
            auto fresh = std::make_unique<FakeEngine>(sha256, events, bad);
            engine = fresh.get();
            return std::unique_ptr<Engine>(std::move(fresh));
        });
    }
    void start() {
        make();
        setModel("m1");
        queue->runOne();
        events.clear();
    }
    std::vector<std::string> drain() {
        while (queue->runOne()) {
        }
        return std::exchange(events, {});
    }
    static ProposalRequest ask(ImageId id, ProposalPriority priority = ProposalPriority::Batch) {
        return {id, "hash" + std::to_string(id), {}, priority};
    }
};

using Events = std::vector<std::string>;

} // namespace

class TestProposalQueue : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void shownThenNeighboursThenBatch() {
        Bench bench;
        bench.start();
        bench.queue->request({Bench::ask(1), Bench::ask(2)});
        bench.queue->show(Bench::ask(5), {Bench::ask(6), Bench::ask(4)});
        bench.queue->request(Bench::ask(3));
        QCOMPARE(bench.drain(), (Events{"run 5", "done 5", "run 6", "done 6", "run 4", "done 4", "run 1",
                                        "done 1", "run 2", "done 2", "run 3", "done 3"}));
    }

    void staleRequestsAreDropped() {
        Bench bench;
        bench.start();
        bench.queue->request(Bench::ask(9));
        bench.queue->show(Bench::ask(1), {Bench::ask(2)});
        bench.queue->show(Bench::ask(2), {Bench::ask(3)});
        bench.queue->show(Bench::ask(5), {Bench::ask(6)});
        QCOMPARE(bench.drain(), (Events{"run 5", "done 5", "run 6", "done 6", "run 9", "done 9"}));
    }

    void nothingRunsTwice() {
        Bench bench;
        bench.start();
        bench.queue->request({Bench::ask(1), Bench::ask(1), Bench::ask(1, ProposalPriority::Neighbour)});
        QCOMPARE(bench.drain(), (Events{"run 1", "done 1"}));
        bench.queue->request(Bench::ask(1));
        QCOMPARE(bench.drain(), Events{"cached 1"});
        QVERIFY(bench.queue->cached(1, {}));
        PredictOptions other;
        other.flipAverage = true;
        QVERIFY(!bench.queue->cached(1, other));
    }

    void theShownImageGoesBeforeRunningWork() {
        Bench bench;
        bench.start();
        bench.engine->during = [&](int id) {
            if (id == 1 && bench.events.size() == 1)
                bench.queue->request(Bench::ask(7, ProposalPriority::Shown));
        };
        bench.queue->request({Bench::ask(1), Bench::ask(2)});
        QCOMPARE(bench.drain(), (Events{"run 1", "run 7", "done 7", "run 1", "done 1", "run 2", "done 2"}));
    }

    void runningWorkThatNobodyWantsIsCancelled() {
        Bench bench;
        bench.start();
        bench.engine->during = [&](int id) {
            if (id == 1)
                bench.queue->show(Bench::ask(8), {});
        };
        bench.queue->show(Bench::ask(1), {Bench::ask(2)});
        QCOMPARE(bench.drain(), (Events{"run 1", "run 8", "done 8"}));
        bench.engine->during = [&](int) { bench.queue->cancelAll(); };
        bench.queue->request({Bench::ask(3), Bench::ask(4)});
        QCOMPARE(bench.drain(), Events{"run 3"});
        bench.engine->during = nullptr;
        bench.queue->request({Bench::ask(3), Bench::ask(4), Bench::ask(5, ProposalPriority::Neighbour)});
        bench.queue->cancel(3);
        QCOMPARE(bench.drain(), (Events{"run 5", "done 5", "run 4", "done 4"}));
        bench.queue->request({Bench::ask(10), Bench::ask(11, ProposalPriority::Neighbour)});
        bench.queue->cancelBatch();
        QCOMPARE(bench.drain(), (Events{"run 11", "done 11"}));
        // A large file takes long to read: the network is not begun for one that was dropped meanwhile.
        bench.whileReading = [&] { bench.queue->cancelAll(); };
        bench.queue->request(Bench::ask(12));
        QCOMPARE(bench.drain(), Events{});
    }

    void anUpgradeOfTheRunningRequestDoesNotCancelIt() {
        Bench bench;
        bench.start();
        bench.engine->during = [&](int id) {
            if (id == 1)
                bench.queue->show(Bench::ask(1), {});
        };
        bench.queue->request(Bench::ask(1));
        QCOMPARE(bench.drain(), (Events{"run 1", "done 1"}));
    }

    void theStoreIsAskedBeforeTheEngine() {
        Bench bench;
        bench.start();
        bench.queue->request(Bench::ask(12));
        (void)bench.drain();
        QCOMPARE(bench.store.size(), std::size_t(1));
        Bench later;
        later.store = bench.store;
        later.start();
        later.queue->request(Bench::ask(12));
        QCOMPARE(later.drain(), Events{"cached 12"});
        QVERIFY(later.results[12]->probability.values == bench.results[12]->probability.values);
        QCOMPARE(later.results[12]->model.sha256, std::string("m1"));
        // Another model: computed again.
        later.setModel("m2");
        later.queue->request(Bench::ask(12));
        QCOMPARE(later.drain(), (Events{"model m2", "run 12", "done 12"}));
        QCOMPARE(later.store.size(), std::size_t(2));
    }

    void aFailingImageIsMarkedAndHoldsUpNothing() {
        Bench bench;
        bench.bad = {2};
        bench.unreadable = {3};
        bench.start();
        bench.queue->request({Bench::ask(1), Bench::ask(2), Bench::ask(3), Bench::ask(4)});
        QCOMPARE(bench.drain(),
                 (Events{"run 1", "done 1", "run 2", "failed 2", "failed 3", "run 4", "done 4"}));
        QVERIFY(bench.queue->failure(2)->code == ErrorCode::ComputationFailed);
        QVERIFY(bench.queue->failure(3)->code == ErrorCode::FileNotFound);
        QVERIFY(!bench.queue->failure(1));
        QCOMPARE(bench.queue->progress().failed, std::size_t(2));
        QCOMPARE(bench.queue->progress().done, std::size_t(4));
        // Not again in a batch; again when a person looks at it.
        bench.queue->request(Bench::ask(2));
        QCOMPARE(bench.drain(), Events{"failed 2"});
        bench.queue->request(Bench::ask(2, ProposalPriority::Shown));
        QCOMPARE(bench.drain(), (Events{"run 2", "failed 2"}));
        bench.queue->forgetFailure(2);
        QVERIFY(!bench.queue->failure(2));
    }

    void aNewModelDoesRunningWorkAgain() {
        Bench bench;
        bench.start();
        bench.engine->during = [&](int) { bench.setModel("m2"); };
        bench.queue->request(Bench::ask(1));
        QCOMPARE(bench.drain(), (Events{"run 1", "model m2", "run 1", "done 1"}));
        QCOMPARE(bench.results[1]->model.sha256, std::string("m2"));
    }

    void withoutAModelRequestsWait() {
        Bench bench;
        bench.make();
        bench.queue->request(Bench::ask(1));
        QVERIFY(!bench.queue->runOne());
        bench.queue->setModel([]() -> Result<std::unique_ptr<Engine>> {
            return Error{ErrorCode::ModelNotFound, {"x", "y"}};
        });
        QCOMPARE(bench.drain(), Events{"no model"});
        QCOMPARE(bench.queue->progress().waiting, std::size_t(1));
        bench.setModel("m1");
        QCOMPARE(bench.drain(), (Events{"model m1", "run 1", "done 1"}));
    }

    void severalModelsAreLoadedWhenNeededAndKept() {
        Bench bench;
        bench.choice = {{3, "b"}, {4, "gone"}};
        bench.make();
        bench.setModels({"a", "b", "c"});
        QCOMPARE(bench.drain(), Events{"model a"});
        const auto ask = [](ImageId id, const char* model) {
            ProposalRequest request = Bench::ask(id);
            request.model = model;
            return request;
        };
        bench.queue->request({ask(1, ""), ask(2, "b"), ask(3, kAutomaticModel), ask(4, kAutomaticModel)});
        QCOMPARE(bench.drain(), (Events{"run 1", "done 1", "model b", "run 2", "done 2", "run 3", "done 3",
                                        "run 4", "done 4"}));
        QCOMPARE(bench.results[1]->model.sha256, std::string("a"));
        QCOMPARE(bench.results[2]->model.sha256, std::string("b"));
        QCOMPARE(bench.results[3]->model.sha256, std::string("b"));
        QCOMPARE(bench.results[4]->model.sha256, std::string("a")); // a choice that is not there: the first
        // The same image with another model is another proposal; chosen once for each image.
        bench.queue->request({ask(2, "a"), ask(3, kAutomaticModel)});
        QCOMPARE(bench.drain(), (Events{"run 2", "done 2", "cached 3"}));
        QCOMPARE(bench.asked, 2);
        QVERIFY(bench.queue->cached(2, {}, "a") != bench.queue->cached(2, {}, "b"));
    }

    void aModelThatCannotBeLoadedHoldsUpNoOther() {
        Bench bench;
        bench.choice = {{1, "broken"}};
        bench.make();
        bench.setModels({"a", "broken"});
        (void)bench.drain();
        ProposalRequest automatic = Bench::ask(1, ProposalPriority::Shown);
        automatic.model = kAutomaticModel;
        bench.queue->request({automatic, Bench::ask(2)});
        QCOMPARE(bench.drain(), (Events{"no model", "run 2", "done 2"}));
        QCOMPARE(bench.queue->progress().waiting, std::size_t(1));
        bench.choice.clear();
        bench.setModels({"a"});
        QCOMPARE(bench.drain(), (Events{"model a", "run 1", "done 1"}));
    }

    void theNumberInMemoryIsBounded() {
        Bench bench;
        bench.options.memoryCount = 2;
        bench.start();
        bench.queue->request({Bench::ask(1), Bench::ask(2), Bench::ask(3)});
        (void)bench.drain();
        QVERIFY(!bench.queue->cached(1, {}));
        QVERIFY(bench.queue->cached(2, {}) && bench.queue->cached(3, {}));
    }

    void memoryIsBounded() {
        Bench bench;
        // Proposals of image n hold n * 10 * 2 bytes: two of about 100 fit.
        bench.options.memoryBytes = 4100;
        bench.start();
        bench.queue->request({Bench::ask(100), Bench::ask(101)});
        (void)bench.drain();
        QVERIFY(bench.queue->cached(100, {})); // now the more recently used one
        bench.queue->request(Bench::ask(102));
        (void)bench.drain();
        QVERIFY(bench.queue->cached(100, {}));
        QVERIFY(!bench.queue->cached(101, {}));
        QVERIFY(bench.queue->cached(102, {}));
        bench.queue->request(Bench::ask(500)); // larger than all: not kept
        (void)bench.drain();
        QVERIFY(!bench.queue->cached(500, {}));
        QVERIFY(bench.queue->cached(100, {}));
    }

    void theTimeLeftIsToldAfterTenSeconds() {
        Bench bench;
        bench.perImage = std::chrono::seconds(4);
        bench.start();
        std::vector<ProposalRequest> all;
        for (ImageId id = 1; id <= 10; ++id)
            all.push_back(Bench::ask(id));
        bench.queue->request(all);
        QVERIFY(bench.queue->runOne() && bench.queue->runOne());
        QVERIFY(!bench.queue->progress().secondsLeft); // 8 s
        QVERIFY(bench.queue->runOne());
        QCOMPARE(*bench.queue->progress().secondsLeft, 28.0); // 12 s for 3, 7 left
    }

    void settingsNameEverythingThatChangesTheResult() {
        std::set<std::string> texts;
        PredictOptions options;
        texts.insert(proposalSettings(options));
        options.inputSize = 512;
        texts.insert(proposalSettings(options));
        options.resize = ResizeMode::Plain;
        texts.insert(proposalSettings(options));
        options.flipAverage = true;
        texts.insert(proposalSettings(options));
        options.region = Rect{1, 2, 3, 4};
        texts.insert(proposalSettings(options));
        options.region = Rect{1, 2, 34, 4};
        texts.insert(proposalSettings(options));
        QCOMPARE(texts.size(), std::size_t(6));
    }

    void recordsRoundTrip() {
        Events events;
        const FakeEngine engine("m1", events, {});
        Image image;
        image.size = {40, 10};
        Proposal proposal = engine.finish(image, {}, {});
        proposal.probability.values.assign(400, 20000); // 0.305: inside at 0.3 alone
        proposal.spread = FloatMap{{1, 1}, {0.5f}};
        proposal.network = FloatMap{{1, 1}, {0.25f}};
        proposal.device = "cpu";
        proposal.defaultThreshold = 0.4f;
        const ProposalRecord record = toRecord(proposal, "hash");
        QCOMPARE(record.uncertainty, proposalUncertainty(proposal));
        const Proposal again = fromRecord(record, proposal.options);
        QVERIFY(again.probability.values == proposal.probability.values);
        QVERIFY(again.extent == proposal.extent);
        QVERIFY(again.model == proposal.model);
        QVERIFY(again.spread->values == proposal.spread->values);
        QCOMPARE(again.defaultThreshold, 0.4f);
    }

    void theRealThreadDoesItAll() {
        Bench bench;
        bench.options.startThread = true;
        bench.make();
        bench.setModel("m1");
        for (ImageId id = 1; id <= 50; ++id)
            bench.queue->request(Bench::ask(id));
        bench.queue->waitUntilIdle();
        QCOMPARE(bench.results.size(), std::size_t(50));
        bench.queue->request(Bench::ask(51));
        bench.queue.reset(); // ends at once, whatever runs
        QVERIFY(bench.results.size() >= 50);
    }

    // Idle is who has also told what came out: the last of a batch would be missing otherwise.
    void idleMeansThatAllWasTold() {
        std::atomic<bool> telling = false;
        std::atomic<bool> told = false;
        ProposalHooks hooks;
        hooks.readImage = [](ImageId) -> Result<ImagePtr> {
            auto image = std::make_shared<Image>();
            image->size = {10, 10};
            return ImagePtr(image);
        };
        hooks.finished = [&](const ProposalOutcome&) {
            telling = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            told = true;
        };
        std::vector<std::string> events; // outlives the queue
        ProposalQueue queue(std::move(hooks), {256u << 20, true, true});
        queue.setModel([&events]() -> Result<std::unique_ptr<Engine>> {
            return std::unique_ptr<Engine>(std::make_unique<FakeEngine>("m1", events, std::set<int>{}));
        });
        queue.request(Bench::ask(1));
        QTRY_VERIFY_WITH_TIMEOUT(telling.load(), 5000);
        queue.waitUntilIdle();
        QVERIFY(told.load());
    }
};

QTEST_APPLESS_MAIN(TestProposalQueue)
#include "tst_proposal_queue.moc"
