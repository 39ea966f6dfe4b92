// SPDX-License-Identifier: GPL-3.0-or-later
// The engine as the rest of the program sees it: proposals of the image's size, the stages alone, regions,
// batches, mirrorings, cancelling, several engines at once; results that depend on nothing that ran before;
// and refusals that are sentences.
#include "inference/benchmark.h"
#include "inference/engine.h"
#include "inference/plain/resample.h"
#include "inference/plain/sha256.h"
#include "tests/inference/plain/torch_file.h"
#include "tests/inference/small_model.h"
#include "tests/inference/verify_result.h"
#include "tests/resident_growth.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <thread>

using namespace limn;

namespace {

constexpr int kSide = 64;

Image noise(Size size, unsigned seed) {
    Image image;
    image.size = size;
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < size.pixels() * 3; ++i)
        image.rgb.push_back(static_cast<std::uint8_t>(20 + random() % 200));
    return image;
}

PredictOptions atSide(int side) {
    PredictOptions options;
    options.inputSize = side;
    return options;
}

// Turns planes of kSide x kSide values.
std::vector<float> mirrored(const std::vector<float>& planes, bool alongX, bool alongY) {
    std::vector<float> result(planes.size());
    for (std::size_t i = 0; i < planes.size(); ++i) {
        const std::size_t x = i % kSide;
        const std::size_t y = i / kSide % kSide;
        const std::size_t plane = i / (kSide * kSide);
        result[(plane * kSide + (alongY ? kSide - 1 - y : y)) * kSide + (alongX ? kSide - 1 - x : x)] =
            planes[i];
    }
    return result;
}

const char* storageOf(DType dtype) {
    switch (dtype) {
    case DType::F64:
        return "DoubleStorage";
    case DType::F16:
        return "HalfStorage";
    case DType::BF16:
        return "BFloat16Storage";
    default:
        return "FloatStorage";
    }
}

// As torch.save writes a state dict that lay on a GPU, after a profiler had left its counters: bare, as a
// model's or within a training state; with the names that data-parallel training gives. Stored is what
// reaches the output; counters of batch normalisation are added.
Result<void> writeTorchFile(const std::string& path, const TensorFile& file, const std::string& form,
                            bool parallel) {
    torchfile::Pickle pickle;
    std::vector<torchfile::Bytes> storages;
    const std::string prefix = parallel ? "module." : "";
    const auto add = [&](const std::string& name, const char* storage, std::int64_t count,
                         const std::vector<std::int64_t>& shape, const torchfile::Bytes& bytes) {
        std::vector<std::int64_t> stride(shape.size(), 1);
        for (std::size_t i = shape.size(); i-- > 1;)
            stride[i - 1] = stride[i] * shape[i];
        pickle.text(prefix + name).tensor(storage, std::to_string(storages.size()), count, shape, stride);
        storages.push_back(bytes);
    };
    if (form == "model_state_dict")
        pickle.op("}(").text("epoch").integer(299).text("optimizer_state_dict").op("}").text(form);
    else if (!form.empty())
        pickle.op("}(").text(form);
    pickle.orderedDict().op("(");
    for (const StoredTensor& tensor : file.tensors) {
        add(tensor.name, storageOf(tensor.dtype), tensor.count(), tensor.shape, tensor.bytes);
        if (tensor.name.ends_with("bn.running_var"))
            add(tensor.name.substr(0, tensor.name.size() - 11) + "num_batches_tracked", "LongStorage", 1, {},
                torchfile::Bytes(8, 1));
    }
    add("total_ops", "DoubleStorage", 1, {1}, torchfile::Bytes(8));
    pickle.op(form.empty() ? "u" : "uu");
    const torchfile::Bytes bytes = torchfile::fileOf(pickle.done(), storages);
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush())
        return Error{ErrorCode::FileNotWritable, {path, "the test's folder"}};
    return {};
}

} // namespace

class TestEngine : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        m_path = path("small.safetensors");
        LIMN_VERIFY_OK(writeSmallModel(m_path));
        m_engine = load(m_path);
        QVERIFY(m_engine);
    }
    void cleanupTestCase() { m_engine.reset(); }

    void proposalsTellWhatTheyAre() {
        const Image image = noise({50, 40}, 1);
        const Result<Proposal> proposal = m_engine->predict(image, atSide(kSide));
        LIMN_VERIFY_OK(proposal);
        QVERIFY((proposal->extent == Rect{0, 0, 50, 40}));
        QVERIFY((proposal->network.size == Size{kSide, kSide}));
        const auto [least, most] =
            std::minmax_element(proposal->network.values.begin(), proposal->network.values.end());
        QVERIFY(*least >= 0.0f && *most <= 1.0f && *least < *most);
        QVERIFY(proposal->probability.values == toProbabilityMap(proposal->network, {50, 40}).values);
        QVERIFY(!proposal->spread);
        QVERIFY((proposal->model == ModelIdentity{"small", *sha256OfFile(m_path)}));
        QCOMPARE(proposal->options.inputSize, kSide);
        QCOMPARE(proposal->device, std::string("cpu"));
        QCOMPARE(proposal->precision, std::string("fp32"));
        QVERIFY(proposal->times.preprocessMs > 0.0 && proposal->times.networkMs > 0.0 &&
                proposal->times.postprocessMs > 0.0);
        QVERIFY(proposal->notes.empty());
    }

    // A pipeline runs the stages on threads of its own.
    void stagesAloneGiveTheSame() {
        const Image image = noise({90, 31}, 2);
        for (const ResizeMode mode : {ResizeMode::Antialias, ResizeMode::Plain}) {
            PredictOptions options = atSide(kSide);
            options.resize = mode;
            const Result<Proposal> whole = m_engine->predict(image, options);
            const Result<std::vector<float>> input = m_engine->preprocess(image, options);
            LIMN_VERIFY_OK(whole);
            LIMN_VERIFY_OK(input);
            QVERIFY(*input == *preprocess(image, options));
            const Result<std::vector<FloatMap>> maps = m_engine->run({&*input, 1}, options);
            LIMN_VERIFY_OK(maps);
            QCOMPARE(maps->size(), std::size_t(1));
            QVERIFY(maps->front().values == whole->network.values);
            QVERIFY(m_engine->finish(image, maps->front(), options).probability.values ==
                    whole->probability.values);
        }
    }

    void aRegionIsSeenAlone() {
        const Image image = noise({80, 60}, 3);
        const Rect part{30, 20, 40, 25};
        Image cut;
        cut.size = {part.width, part.height};
        for (int y = part.y; y < part.bottom(); ++y)
            cut.rgb.insert(cut.rgb.end(), image.pixel(part.x, y), image.pixel(part.x, y) + 3 * part.width);
        PredictOptions options = atSide(kSide);
        const Result<Proposal> alone = m_engine->predict(cut, options);
        options.region = part;
        const Result<Proposal> within = m_engine->predict(image, options);
        LIMN_VERIFY_OK(alone);
        LIMN_VERIFY_OK(within);
        QVERIFY(within->extent == part);
        QVERIFY(within->probability.values == alone->probability.values);
        // What lies beside the image is cut off; where nothing is left, that is said.
        options.region = Rect{60, 50, 100, 100};
        const Result<Proposal> clipped = m_engine->predict(image, options);
        LIMN_VERIFY_OK(clipped);
        QVERIFY((clipped->extent == Rect{60, 50, 20, 10}));
        options.region = Rect{80, 0, 10, 10};
        const Result<Proposal> outside = m_engine->predict(image, options);
        QVERIFY(!outside.ok() && outside.error().code == ErrorCode::InvalidArgument);
    }

    void mirroringsAreAveraged() {
        const Image image = noise({64, 64}, 4);
        PredictOptions options = atSide(kSide);
        const std::vector<float> input = *preprocess(image, options);
        std::vector<std::vector<float>> maps;
        for (const auto& [alongX, alongY] :
             {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
            const std::vector<float> turned = mirrored(input, alongX, alongY);
            const Result<std::vector<FloatMap>> map = m_engine->run({&turned, 1}, options);
            LIMN_VERIFY_OK(map);
            maps.push_back(mirrored(map->front().values, alongX, alongY));
        }
        options.flipAverage = true;
        const Result<Proposal> proposal = m_engine->predict(image, options);
        LIMN_VERIFY_OK(proposal);
        QVERIFY(proposal->spread && proposal->spread->values.size() == maps[0].size());
        double widest = 0.0;
        for (std::size_t i = 0; i < maps[0].size(); ++i) {
            double mean = 0.0;
            double squares = 0.0;
            for (const std::vector<float>& map : maps)
                mean += static_cast<double>(map[i]) / 4.0;
            for (const std::vector<float>& map : maps)
                squares += (map[i] - mean) * (map[i] - mean) / 4.0;
            // Float32 sums of four values up to 1.
            QVERIFY(std::fabs(proposal->network.values[i] - mean) <= 1e-6);
            QVERIFY(std::fabs(proposal->spread->values[i] - std::sqrt(squares)) <= 1e-6);
            widest = std::max(widest, std::sqrt(squares));
        }
        QVERIFY(widest > 1e-5); // the mirrorings do differ
    }

    void batchesAreTheirImages() {
        const std::vector<ImagePtr> images = {std::make_shared<const Image>(noise({50, 40}, 5)), nullptr,
                                              std::make_shared<const Image>(noise({20, 70}, 6)),
                                              std::make_shared<const Image>(Image{}),
                                              std::make_shared<const Image>(noise({64, 64}, 7))};
        const std::vector<Result<Proposal>> all = m_engine->predictBatch(images, atSide(kSide));
        QCOMPARE(all.size(), images.size());
        for (const std::size_t i : {0, 2, 4}) {
            LIMN_VERIFY_OK(all[i]);
            QVERIFY(all[i]->probability.values ==
                    m_engine->predict(*images[i], atSide(kSide))->probability.values);
        }
        for (const std::size_t i : {1, 3})
            QVERIFY(!all[i].ok() && all[i].error().code == ErrorCode::InvalidArgument);
    }

    void cancelledWorkIsNoProposal() {
        CancelToken cancel;
        cancel.cancel();
        const Image image = noise({50, 40}, 8);
        const Result<Proposal> one = m_engine->predict(image, atSide(kSide), &cancel);
        QVERIFY(!one.ok() && one.error().code == ErrorCode::Cancelled);
        const std::vector<ImagePtr> images(3, std::make_shared<const Image>(image));
        for (const Result<Proposal>& each : m_engine->predictBatch(images, atSide(kSide), &cancel))
            QVERIFY(!each.ok() && each.error().code == ErrorCode::Cancelled);
        const Result<Proposal> before = m_engine->predict(image, atSide(kSide));
        LIMN_VERIFY_OK(before);
        // In the middle of the network: long before the time that the whole of it takes.
        const auto begin = std::chrono::steady_clock::now();
        LIMN_VERIFY_OK(m_engine->predict(image, atSide(1024)));
        const auto whole = std::chrono::steady_clock::now() - begin;
        CancelToken soon;
        std::jthread other([&soon, whole] {
            std::this_thread::sleep_for(whole / 8);
            soon.cancel();
        });
        const Result<Proposal> ended = m_engine->predict(image, atSide(1024), &soon);
        QVERIFY(!ended.ok() && ended.error().code == ErrorCode::Cancelled);
        QVERIFY(m_engine->predict(image, atSide(kSide))->network.values == before->network.values);
    }

    // What is finished is kept, and the rest is not begun.
    void aCancelledBatchKeepsWhatIsFinished() {
        const std::vector<ImagePtr> images(200, std::make_shared<const Image>(noise({50, 40}, 8)));
        const auto begin = std::chrono::steady_clock::now();
        const std::vector<Result<Proposal>> few =
            m_engine->predictBatch(std::span(images).first(20), atSide(128));
        const auto tenth = std::chrono::steady_clock::now() - begin;
        CancelToken soon;
        std::jthread other([&soon, tenth] {
            std::this_thread::sleep_for(2 * tenth);
            soon.cancel();
        });
        const std::vector<Result<Proposal>> some = m_engine->predictBatch(images, atSide(128), &soon);
        const auto firstMissing =
            std::find_if(some.begin(), some.end(), [](const auto& r) { return !r.ok(); });
        QVERIFY(firstMissing != some.begin());
        QVERIFY(firstMissing != some.end());
        for (auto each = some.begin(); each != firstMissing; ++each)
            QVERIFY((*each)->network.values == few.front()->network.values);
        for (auto each = firstMissing; each != some.end(); ++each)
            QVERIFY(!each->ok() && each->error().code == ErrorCode::Cancelled);
    }

    // As in a pipeline: images are prepared and maps finished while the network runs.
    void stagesWorkSideBySide() {
        const Image image = noise({50, 40}, 13);
        const PredictOptions options = atSide(kSide);
        const Result<Proposal> expected = m_engine->predict(image, options);
        LIMN_VERIFY_OK(expected);
        std::atomic<bool> enough{false};
        std::atomic<int> different{0};
        std::vector<std::jthread> others;
        for (int i = 0; i < 2; ++i)
            others.emplace_back([&] {
                while (!enough) {
                    const Result<std::vector<float>> input = m_engine->preprocess(image, options);
                    const Proposal proposal = m_engine->finish(image, expected->network, options);
                    if (!input.ok() || proposal.probability.values != expected->probability.values ||
                        proposal.device != m_engine->device().id)
                        ++different;
                }
            });
        const Result<std::vector<float>> input = m_engine->preprocess(image, options);
        LIMN_VERIFY_OK(input);
        for (int run = 0; run < 20; ++run) {
            const Result<std::vector<FloatMap>> maps = m_engine->run({&*input, 1}, options);
            if (!maps.ok() || maps->front().values != expected->network.values)
                ++different;
        }
        enough = true;
        others.clear();
        QCOMPARE(different.load(), 0);
    }

    void whatRanBeforeDoesNotMatter() {
        const Image image = noise({50, 40}, 9);
        const Result<Proposal> first = m_engine->predict(image, atSide(kSide));
        LIMN_VERIFY_OK(first);
        LIMN_VERIFY_OK(m_engine->warmUp(96, 2));
        LIMN_VERIFY_OK(m_engine->predict(noise({200, 10}, 10), atSide(160)));
        QVERIFY(m_engine->predict(image, atSide(kSide))->network.values == first->network.values);
        const std::unique_ptr<Engine> fresh = load(m_path);
        QVERIFY(fresh);
        QVERIFY(fresh->predict(image, atSide(kSide))->network.values == first->network.values);
    }

    void enginesWorkSideBySide() {
        const Image image = noise({50, 40}, 11);
        const Result<Proposal> expected = m_engine->predict(image, atSide(kSide));
        LIMN_VERIFY_OK(expected);
        std::atomic<int> different{0};
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                const std::unique_ptr<Engine> own = load(m_path);
                for (int run = 0; run < 10; ++run) {
                    const Result<Proposal> proposal = own->predict(image, atSide(kSide));
                    if (!proposal.ok() || proposal->network.values != expected->network.values)
                        ++different;
                }
            });
        threads.clear();
        QCOMPARE(different.load(), 0);
    }

    void wrongRequestsAreRefused() {
        const Image image = noise({50, 40}, 12);
        for (const int side : {-1, 0, 31, 4097}) {
            const Result<Proposal> proposal = m_engine->predict(image, atSide(side));
            QVERIFY(!proposal.ok() && proposal.error().code == ErrorCode::InvalidArgument);
        }
        const std::vector<float> shorter(10);
        const Result<std::vector<FloatMap>> maps = m_engine->run({&shorter, 1}, atSide(kSide));
        QVERIFY(!maps.ok() && maps.error().code == ErrorCode::InvalidArgument);
        const Result<std::unique_ptr<Engine>> toaster = Engine::load(m_path, {"toaster", "auto", 0});
        QVERIFY(!toaster.ok() && toaster.error().code == ErrorCode::InvalidArgument);
        const Result<std::unique_ptr<Engine>> nowhere = Engine::load(path("no such"), {"cpu", "auto", 0});
        QVERIFY(!nowhere.ok() && nowhere.error().code == ErrorCode::FileNotFound);
    }

    // Every picture has three channels; the processor's kernels would read or write beside the others.
    void otherInputChannelsAreRefused() {
        for (const int channels : {1, 2, 4}) {
            NetworkConfig config = smallConfig();
            config.inputChannels = channels;
            const std::string file = path("channels.safetensors");
            LIMN_VERIFY_OK(writeSmallModel(file, config));
            const Result<std::unique_ptr<Engine>> engine = Engine::load(file, {"cpu", "auto", 0});
            QVERIFY(!engine.ok());
            QCOMPARE(engine.error().code, ErrorCode::CheckpointMismatch);
            const std::string sentence = engine.error().message();
            QVERIFY2(sentence.find(std::to_string(channels) + " channel") != std::string::npos,
                     sentence.c_str());
        }
    }

    // What training in Python leaves behind, in each of its forms and kinds of numbers: the same proposal, to
    // the bit, as of our own file with the same numbers.
    void filesOfTorchSaveAreLoaded_data() {
        QTest::addColumn<QString>("form");
        QTest::addColumn<DType>("dtype");
        QTest::addColumn<bool>("parallel");
        QTest::newRow("bare, double precision") << "" << DType::F64 << false;
        QTest::newRow("model, from several GPUs") << "model" << DType::F32 << true;
        QTest::newRow("training state, bfloat16") << "model_state_dict" << DType::BF16 << false;
        QTest::newRow("bare, half precision, from several GPUs") << "" << DType::F16 << true;
    }

    void filesOfTorchSaveAreLoaded() {
        QFETCH(QString, form);
        QFETCH(DType, dtype);
        QFETCH(bool, parallel);
        const Result<TensorFile> small = readSafetensors(m_path);
        LIMN_VERIFY_OK(small);
        TensorFile stored = *small;
        for (StoredTensor& tensor : stored.tensors)
            tensor = tensor.converted(dtype);
        const std::string own = path("own.safetensors"), torch = path("torch.pth");
        LIMN_VERIFY_OK(writeSafetensors(own, stored));
        LIMN_VERIFY_OK(writeTorchFile(torch, stored, form.toStdString(), parallel));
        const Result<ModelInfo> info = readModelInfo(torch);
        LIMN_VERIFY_OK(info);
        QCOMPARE(info->mismatch, std::string());
        const std::unique_ptr<Engine> expected = load(own), found = load(torch);
        QVERIFY(expected && found);
        const Image image = noise({50, 40}, 14);
        const Result<Proposal> wanted = expected->predict(image, atSide(kSide));
        const Result<Proposal> proposal = found->predict(image, atSide(kSide));
        LIMN_VERIFY_OK(wanted);
        LIMN_VERIFY_OK(proposal);
        QVERIFY(proposal->network.values == wanted->network.values);
        QCOMPARE(proposal->model.name, std::string("torch"));
        if (dtype == DType::F64) // the same numbers as in the file that it was made of
            QVERIFY(proposal->network.values == m_engine->predict(image, atSide(kSide))->network.values);
    }

    // The names of a file of some hundred bytes may ask for a network of gigabytes: it is refused before one
    // is made.
    void filesThatAskForMuchAreRefusedFirst() {
        const std::string file = path("deep.safetensors");
        TensorFile deep;
        for (const char* stage : {"0", "1", "2", "3"})
            deep.tensors.push_back(
                {std::string("vmunet.layers.") + stage + ".blocks.63.ln_1.bias", DType::U8, {0}, {}});
        deep.metadata["taps"] = "stage-outputs";
        LIMN_VERIFY_OK(writeSafetensors(file, deep));
        const std::vector<std::pair<const char*, std::function<std::optional<Error>()>>> ways{
            {"load",
             [&]() -> std::optional<Error> {
                 const Result<std::unique_ptr<Engine>> engine = Engine::load(file, {"cpu", "auto", 2});
                 return engine.ok() ? std::nullopt : std::optional(engine.error());
             }},
            {"benchmark", [&]() -> std::optional<Error> {
                 BenchmarkOptions options;
                 options.device = "cpu";
                 options.model = file;
                 const Result<BenchmarkReport> report = benchmark(options);
                 return report.ok() ? std::nullopt : std::optional(report.error());
             }}};
        for (const auto& [name, run] : ways) {
            std::optional<Error> error;
            const std::int64_t growth = testing::residentGrowth([&, &run = run] { error = run(); });
            QVERIFY2(error && error->code == ErrorCode::CheckpointMismatch, name);
            QVERIFY2(error->message().starts_with(file), error->message().c_str());
            QVERIFY2(error->message().size() < 4000, name);
            if (growth > (64 << 20))
                QFAIL(qPrintable(QStringLiteral("%1: %2 MB").arg(QLatin1String(name)).arg(growth >> 20)));
        }
    }

    void networksOfSeveralClassesAreTimed() {
        NetworkConfig config = smallConfig();
        config.classes = 3;
        BenchmarkOptions options;
        options.device = "cpu";
        options.model = path("timed.safetensors");
        options.inputSize = 64;
        options.runs = 20;
        options.training = true;
        LIMN_VERIFY_OK(writeSmallModel(options.model, config));
        const Result<BenchmarkReport> report = benchmark(options);
        LIMN_VERIFY_OK(report);
        QVERIFY(report->network.medianMs > 0.0 && report->trainingStep.medianMs > 0.0);
    }

    void warmUpRefusesWhatPredictRefuses() {
        for (const int side : {-1, 0, 31, 4097, std::numeric_limits<int>::max()}) {
            const Result<void> warm = m_engine->warmUp(side, 1);
            QVERIFY(!warm.ok());
            QCOMPARE(warm.error().code, ErrorCode::InvalidArgument);
        }
        for (const int batch : {-1, 0, 1025, std::numeric_limits<int>::max()}) {
            const Result<void> warm = m_engine->warmUp(32, batch);
            QVERIFY(!warm.ok());
            QCOMPARE(warm.error().code, ErrorCode::InvalidArgument);
        }
        LIMN_VERIFY_OK(m_engine->warmUp(32, 3));
    }

    // Of several classes the first is the proposal.
    void severalClassesAreTaken() {
        for (const int classes : {2, 3, 255})
            for (const StoredPrecision precision : {StoredPrecision::F16, StoredPrecision::F32}) {
                NetworkConfig config = smallConfig();
                config.classes = classes;
                config.taps = Taps::StageOutputs;
                const std::string file = path("classes.safetensors");
                LIMN_VERIFY_OK(writeSmallModel(file, config, precision));
                const std::unique_ptr<Engine> engine = load(file);
                QVERIFY(engine);
                QCOMPARE(engine->model().classes, classes);
                QCOMPARE(engine->model().taps, std::string("stage-outputs"));
                const Result<Proposal> proposal = engine->predict(noise({33, 70}, 13), atSide(kSide));
                LIMN_VERIFY_OK(proposal);
                QVERIFY((proposal->probability.size == Size{33, 70}));
            }
    }

    void devicesBeginWithTheProcessor() {
        const std::vector<DeviceInfo> devices = listDevices();
        QVERIFY(devices.size() >= 2); // a GPU, or why there is none
        QCOMPARE(devices.front().id, std::string("cpu"));
        QVERIFY(devices.front().usable);
        QVERIFY(devices[1].usable || !devices[1].reason.empty());
        QCOMPARE(m_engine->device().id, std::string("cpu"));
    }

private:
    std::string path(const char* name) const {
        return m_folder.filePath(QString::fromUtf8(name)).toStdString();
    }
    static std::unique_ptr<Engine> load(const std::string& file) {
        Result<std::unique_ptr<Engine>> engine = Engine::load(file, {"cpu", "auto", 2});
        return engine ? std::move(*engine) : nullptr;
    }

    QTemporaryDir m_folder;
    std::string m_path;
    std::unique_ptr<Engine> m_engine;
};

QTEST_APPLESS_MAIN(TestEngine)
#include "tst_engine.moc"
