// SPDX-License-Identifier: GPL-3.0-or-later
// How fast a folder of 12-megapixel photographs is segmented, beside what each stage reaches alone; on the
// processor with the network on all cores, as `segment` runs it, and on all but one. A program to run by hand
// (bench_segment MODEL [photographs] [device]); no test. Photographs are drawn.
#include "app/cli/segment_batch.h"
#include "inference/plain/resample.h"
#include "inference/plain/suitable_batch.h"
#include "io/core/drawn_image.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <optional>
#include <thread>

using namespace limn;

namespace {

constexpr Size kPhotograph{4000, 3000};
constexpr int kScenes = 5; // drawing takes seconds; the others are copies

int fail(const Error& error) {
    std::fprintf(stderr, "bench_segment: %s\n", error.message().c_str());
    return 1;
}

// Seconds for all items, handed out to one thread for each core.
double secondsOnAllCores(std::size_t items, const std::function<void(std::size_t)>& work) {
    const auto begin = std::chrono::steady_clock::now();
    std::atomic<std::size_t> next{0};
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i)
        threads.emplace_back([&] {
            for (std::size_t item = next++; item < items; item = next++)
                work(item);
        });
    threads.clear();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

Result<std::vector<InputImage>> drawPhotographs(const QString& folder, int count) {
    std::vector<InputImage> images;
    for (int i = 0; i < count; ++i) {
        const QString path = folder + QStringLiteral("/photograph%1.jpg").arg(i);
        if (i < kScenes) {
            const DrawnImage drawn =
                drawImage(DrawnKind::Dermoscopy, kPhotograph, static_cast<std::uint64_t>(i + 1));
            if (Result<void> written = writeJpeg(path.toStdString(), drawn.image); !written)
                return written.error();
        } else if (!QFile::copy(QString::fromStdString(images[static_cast<std::size_t>(i % kScenes)].path),
                                path)) {
            return Error{ErrorCode::FileNotWritable, {path.toStdString(), "the copy failed"}};
        }
        images.push_back({path.toStdString(), "photograph" + std::to_string(i), {}});
    }
    return images;
}

// What reading and preparing, and resampling and writing take alone, with the inputs and maps between them.
struct OuterStages {
    double read = 0.0;
    double write = 0.0;
    std::vector<std::vector<float>> inputs;
};

// The photographs' way to the network's inputs, as `segment` reads them. Nothing where one cannot be read.
std::optional<OuterStages> readAlone(const std::vector<InputImage>& images, const PredictOptions& predict) {
    OuterStages stages;
    stages.inputs.resize(images.size());
    std::atomic<int> problems{0};
    stages.read = secondsOnAllCores(images.size(), [&](std::size_t i) {
        std::optional<InputRows> rows;
        const RowSink sink = {[&](Size size) { rows.emplace(size, predict.inputSize, predict.resize); },
                              [&](const std::uint8_t* rgb, int rowCount) { rows->add(rgb, rowCount); }};
        if (readImageRows(images[i].path, sink))
            stages.inputs[i] = rows->finish();
        else
            ++problems;
    });
    if (problems > 0)
        return std::nullopt;
    return stages;
}

// Seconds from the network's maps to masks on the disk; negative where one cannot be written.
double writeAlone(const std::vector<FloatMap>& maps, const QString& folder) {
    std::atomic<int> problems{0};
    const double seconds = secondsOnAllCores(maps.size(), [&](std::size_t i) {
        const std::uint32_t inside = ProbabilityMap::firstInside(0.5);
        ProbabilityRows rows(maps[i], kPhotograph, inside);
        std::vector<std::uint16_t> line(static_cast<std::size_t>(kPhotograph.width));
        const auto makeRow = [&](int y, std::uint8_t* labels) {
            const Columns columns = rows.make(y, line.data());
            std::fill_n(labels, line.size(), std::uint8_t{0});
            std::transform(line.begin() + columns.begin, line.begin() + columns.end, labels + columns.begin,
                           [inside](std::uint16_t value) { return value >= inside; });
        };
        const QString path = folder + QStringLiteral("/alone%1.png").arg(i);
        if (!writeMask(path.toStdString(), kPhotograph, makeRow))
            ++problems;
    });
    return problems > 0 ? -1.0 : seconds;
}

void printRow(const char* name, std::size_t count, double seconds) {
    std::printf("  %-34s %8.2f s  %7.2f images/s\n", name, seconds, static_cast<double>(count) / seconds);
}

// The network on `threads` of the processor's cores (0: all), alone and with the other stages beside it.
int measure(const std::string& model, const std::string& device, int threads,
            const std::vector<InputImage>& images, const QString& folder) {
    EngineOptions engineOptions;
    engineOptions.device = device;
    engineOptions.threads = threads;
    Result<std::unique_ptr<Engine>> engine = Engine::load(model, engineOptions);
    if (!engine)
        return fail(engine.error());
    PipelineOptions pipeline;
    const PredictOptions& predict = pipeline.predict;
    pipeline.batch = suitableBatch((*engine)->device().id, predict.inputSize, threads);
    if (Result<void> warm = (*engine)->warmUp(predict.inputSize, 1); !warm)
        return fail(warm.error());

    std::optional<OuterStages> outer = readAlone(images, predict);
    if (!outer) {
        std::fprintf(stderr, "bench_segment: a drawn photograph in %s cannot be read\n", qPrintable(folder));
        return 1;
    }
    std::vector<FloatMap> maps;
    const auto begin = std::chrono::steady_clock::now();
    const auto batch = static_cast<std::size_t>(pipeline.batch);
    for (std::size_t i = 0; i < images.size(); i += batch) {
        const std::size_t some = std::min(batch, images.size() - i);
        Result<std::vector<FloatMap>> made = (*engine)->run({&outer->inputs[i], some}, predict);
        if (!made)
            return fail(made.error());
        std::move(made->begin(), made->end(), std::back_inserter(maps));
    }
    const double network = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    outer->write = writeAlone(maps, folder);
    if (outer->write < 0.0) {
        std::fprintf(stderr, "bench_segment: a mask cannot be written to %s\n", qPrintable(folder));
        return 1;
    }

    SegmentOptions options;
    options.output = (folder + QStringLiteral("/masks%1").arg(threads)).toStdString();
    options.pipeline = pipeline;
    CancelToken cancel;
    const Result<SegmentSummary> summary = segmentImages(**engine, images, options, cancel);
    if (!summary)
        return fail(summary.error());
    if (!summary->failed.empty())
        return fail(summary->failed.front().second);
    const double all = summary->times.wallMs / 1000.0;
    const double slowest = std::max({outer->read, network, outer->write});
    std::printf("%zu photographs of %d x %d on %s\n", images.size(), kPhotograph.width, kPhotograph.height,
                (*engine)->device().name.c_str());
    printRow("reading and preparing alone", images.size(), outer->read);
    printRow("network alone", images.size(), network);
    printRow("resampling and writing alone", images.size(), outer->write);
    printRow("segment, all stages side by side", images.size(), all);
    std::printf("  segment / slowest stage alone: %.0f %%\n", 100.0 * slowest / all);
    if ((*engine)->device().id == "cpu" && threads == 0)
        std::printf("  segment / all three stages after each other: %.0f %% (each of them keeps every core "
                    "busy: 100 %% is the processor's limit)\n",
                    100.0 * (outer->read + network + outer->write) / all);
    return 0;
}

int run(const std::string& model, int count, const std::string& device) {
    const QTemporaryDir folder;
    const Result<std::vector<InputImage>> images = drawPhotographs(folder.path(), count);
    if (!images)
        return fail(images.error());
    if (const int failed = measure(model, device, 0, *images, folder.path()); failed != 0)
        return failed;
    // Stages that do not share cores show whether they really run side by side.
    const int others = static_cast<int>(std::thread::hardware_concurrency()) - 1;
    if (device != "cpu" || others < 1)
        return 0;
    return measure(model, device, others, *images, folder.path());
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "bench_segment MODEL [photographs] [device]\n");
        return 2;
    }
    return run(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 50, argc > 3 ? argv[3] : "auto");
}
