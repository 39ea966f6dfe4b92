// SPDX-License-Identifier: GPL-3.0-or-later
// How fast a folder of 12-megapixel photographs is segmented, beside what each stage reaches alone with all
// cores. A program to run by hand (bench_segment MODEL [photographs] [device]); no test. Photographs are
// drawn.
#include "app/cli/segment_batch.h"
#include "inference/plain/resample.h"
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

int run(const std::string& model, int count, const std::string& device) {
    const QTemporaryDir folder;
    const Result<std::vector<InputImage>> images = drawPhotographs(folder.path(), count);
    if (!images)
        return fail(images.error());
    EngineOptions engineOptions;
    engineOptions.device = device;
    Result<std::unique_ptr<Engine>> engine = Engine::load(model, engineOptions);
    if (!engine)
        return fail(engine.error());
    PipelineOptions pipeline;
    const PredictOptions& predict = pipeline.predict;
    pipeline.batch = suitableBatch((*engine)->device().id, predict.inputSize, 0);
    if (Result<void> warm = (*engine)->warmUp(predict.inputSize, 1); !warm)
        return fail(warm.error());

    std::vector<std::vector<float>> inputs(images->size());
    std::vector<FloatMap> maps(images->size());
    std::atomic<int> problems{0};
    const double read = secondsOnAllCores(images->size(), [&](std::size_t i) {
        std::optional<InputRows> rows;
        const RowSink sink = {[&](Size size) { rows.emplace(size, predict.inputSize, predict.resize); },
                              [&](const std::uint8_t* rgb, int rowCount) { rows->add(rgb, rowCount); }};
        if (readImageRows((*images)[i].path, sink))
            inputs[i] = rows->finish();
        else
            ++problems;
    });
    const auto begin = std::chrono::steady_clock::now();
    const auto batch = static_cast<std::size_t>(pipeline.batch);
    for (std::size_t i = 0; i < inputs.size() && problems == 0; i += batch) {
        const std::size_t some = std::min(batch, inputs.size() - i);
        Result<std::vector<FloatMap>> made = (*engine)->run({&inputs[i], some}, predict);
        if (!made)
            return fail(made.error());
        std::move(made->begin(), made->end(), maps.begin() + static_cast<std::ptrdiff_t>(i));
    }
    const double network = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    const std::string alone = (folder.path() + QStringLiteral("/alone%1.png")).toStdString();
    const double write = secondsOnAllCores(images->size(), [&](std::size_t i) {
        const std::uint32_t inside = ProbabilityMap::firstInside(0.5);
        ProbabilityRows rows(maps[i], kPhotograph, inside);
        std::vector<std::uint16_t> line(static_cast<std::size_t>(kPhotograph.width));
        const auto makeRow = [&](int y, std::uint8_t* labels) {
            const Columns columns = rows.make(y, line.data());
            std::fill_n(labels, line.size(), std::uint8_t{0});
            std::transform(line.begin() + columns.begin, line.begin() + columns.end, labels + columns.begin,
                           [inside](std::uint16_t value) { return value >= inside; });
        };
        const QString path = QString::fromStdString(alone).arg(i);
        if (!writeMask(path.toStdString(), kPhotograph, makeRow))
            ++problems;
    });

    SegmentOptions options;
    options.output = (folder.path() + QStringLiteral("/masks")).toStdString();
    options.pipeline = pipeline;
    CancelToken cancel;
    const Result<SegmentSummary> summary = segmentImages(**engine, *images, options, cancel);
    if (!summary)
        return fail(summary.error());
    if (problems > 0 || !summary->failed.empty()) {
        std::fprintf(stderr, "bench_segment: some images failed\n");
        return 1;
    }
    const double all = summary->times.wallMs / 1000.0;
    const double slowest = std::max({read, network, write});
    std::printf("%d photographs of %d x %d on %s, %u cores\n", count, kPhotograph.width, kPhotograph.height,
                (*engine)->device().name.c_str(), std::thread::hardware_concurrency());
    const auto row = [count](const char* name, double seconds) {
        std::printf("  %-34s %8.2f s  %7.2f images/s\n", name, seconds, count / seconds);
    };
    row("reading and preparing alone", read);
    row("network alone", network);
    row("resampling and writing alone", write);
    row("segment, all stages side by side", all);
    std::printf("  segment / slowest stage alone: %.0f %%\n", 100.0 * slowest / all);
    if ((*engine)->device().id == "cpu")
        std::printf("  segment / all three stages after each other: %.0f %% (each of them keeps every core "
                    "busy: 100 %% is the processor's limit)\n",
                    100.0 * (read + network + write) / all);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "bench_segment MODEL [photographs] [device]\n");
        return 2;
    }
    return run(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 50, argc > 3 ? argv[3] : "auto");
}
