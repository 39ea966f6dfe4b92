// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/segment_batch.h"

#include "app/cli/result_record.h"
#include "app/export/csv.h"
#include "app/export/overlay.h"
#include "inference/plain/resample.h"
#include "io/images/atomic_file.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <thread>

namespace limn {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kMask = "_mask.png";
constexpr const char* kProbability = "_probability.png";
constexpr const char* kOverlay = "_overlay.jpg";

const CsvRow kColumns = {"image",        "name",       "status",
                         "width",        "height",     "area_px",
                         "area_percent", "area_mm2",   "mean_probability_inside",
                         "threshold",    "model",      "model_sha256",
                         "device",       "input_size", "resize",
                         "flip_average", "error"};

std::string number(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string nameOf(ResizeMode mode) {
    return mode == ResizeMode::Plain ? "plain" : "antialias";
}

struct Figures {
    Size size;
    std::size_t area = 0;
    std::optional<double> areaMm2;
    double meanInside = 0.0;
};

// 1 where a value is at least `inside`, else 0. Adds the values inside to `sum`; returns how many they are.
std::size_t thresholdRow(const std::uint16_t* values, std::size_t width, std::uint32_t inside,
                         std::uint8_t* labels, std::uint64_t& sum) {
    // In pieces whose sum fits into 32 bits, which lets the compiler use whole vectors.
    constexpr std::size_t kPiece = 32768;
    std::size_t area = 0;
    for (std::size_t first = 0; first < width; first += kPiece) {
        const std::size_t count = std::min(kPiece, width - first);
        std::uint32_t pieceArea = 0;
        std::uint32_t pieceSum = 0;
        for (std::size_t i = first; i < first + count; ++i) {
            const std::uint32_t value = values[i];
            const std::uint32_t in = value >= inside ? 1 : 0;
            labels[i] = static_cast<std::uint8_t>(in);
            pieceArea += in;
            pieceSum += in * value;
        }
        area += pieceArea;
        sum += pieceSum;
    }
    return area;
}

class Batch {
public:
    Batch(const std::vector<SegmentEngine>& engines, const std::vector<InputImage>& images,
          const SegmentOptions& options, CancelToken& cancel,
          const std::function<void(std::size_t, std::size_t)>& progress)
        : m_engines(engines)
        , m_images(images)
        , m_options(options)
        , m_cancel(cancel)
        , m_progress(progress)
        , m_rows(images.size())
        , m_errors(images.size())
        , m_inputs(images.size())
        , m_figures(images.size())
        , m_engineOf(images.size(), engines.size() == 1 ? 0 : kNone) {
        if (options.saveMask)
            m_endings.push_back(kMask);
        if (options.saveProbability)
            m_endings.push_back(kProbability);
        if (options.saveOverlay)
            m_endings.push_back(kOverlay);
    }

    Result<SegmentSummary> run() {
        if (Result<void> made = makeFolder(); !made)
            return made.error();
        const nlohmann::json settings = settingsOfRun();
        if (Result<void> same = settleSettings(settings); !same)
            return same.error();
        Result<std::unique_ptr<ResultRecord>> record = ResultRecord::open(m_options.output, settings.dump());
        if (!record)
            return record.error();
        m_record = std::move(*record);
        m_summary.images = m_images.size();
        m_summary.byEngine.assign(m_engines.size(), 0);

        std::map<std::string, CsvRow> before;
        if (m_options.resume && !m_options.report.empty())
            before = earlierRows();
        const std::vector<char> complete = lookAtResults();
        for (std::size_t i = 0; i < m_images.size(); ++i) {
            if (m_errors[i]) {
                fail(i, *m_errors[i]);
            } else if (complete[i] != 0) {
                ++m_summary.skipped;
                const auto row = before.find(m_images[i].name);
                m_rows[i] = row != before.end() ? row->second : rowOf(i, "complete before");
                m_rows[i][0] = m_images[i].path; // it may have moved
            } else {
                m_work.push_back(i);
            }
        }
        // An unwritable report must not come out after an hour of work.
        if (Result<void> written = writeReport(); !written)
            return written.error();
        if (m_progress)
            m_progress(m_summary.skipped + failures(), failures());

        PipelineOptions pipeline = m_options.pipeline;
        pipeline.keepPixels = m_options.saveOverlay;
        PipelineSteps steps;
        if (m_options.saveOverlay) {
            steps.read = [this](std::size_t item) { return readWhole(m_work[item]); };
            if (m_engines.size() > 1)
                steps.choose = [this](std::size_t item, const Image& image) {
                    return m_engineOf[m_work[item]] =
                               engineFor(guessImageKind(image, m_images[m_work[item]].endoscopyOdds));
                };
        } else {
            steps.prepare = [this](std::size_t item) { return prepare(m_work[item]); };
        }
        steps.finishMap = [this](std::size_t item, Image image, const FloatMap& network) {
            return finish(m_work[item], std::move(image), network);
        };
        steps.done = [this](std::size_t item, const std::optional<Error>& error) {
            done(m_work[item], error);
        };
        std::vector<Engine*> engines;
        for (const SegmentEngine& one : m_engines)
            engines.push_back(one.engine);
        m_summary.times = runPipeline(engines, m_work.size(), pipeline, steps, &m_cancel);

        if (Result<void> written = writeReport(); !written)
            return written.error();
        for (std::size_t i = 0; i < m_images.size(); ++i)
            if (m_errors[i])
                m_summary.failed.emplace_back(m_images[i].path, *m_errors[i]);
        return m_summary;
    }

private:
    std::string fileOf(const InputImage& image, const std::string& ending) const {
        return m_options.output + "/" + image.name + ending;
    }

    // Which images' results are complete; m_errors gets those whose results cannot be written. With several
    // threads: a drive in the network takes its time for each look.
    std::vector<char> lookAtResults() {
        std::vector<char> complete(m_images.size(), 0);
        std::atomic<std::size_t> next = 0;
        const auto work = [&] {
            for (std::size_t i = next++; i < m_images.size() && !m_cancel.cancelled(); i = next++) {
                m_errors[i] = m_images[i].problem;
                Result<InputFile> input = InputFile::at(m_images[i].path);
                if (m_errors[i] || !input)
                    continue; // reading it says why
                const std::string& name = m_images[i].name;
                complete[i] =
                    m_options.resume && !m_endings.empty() && m_record->isComplete(name, m_endings, *input);
                if (complete[i] == 0)
                    m_errors[i] = m_record->obstacle(name, m_endings, *input);
            }
        };
        constexpr std::size_t kImagesPerThread = 64;
        const std::size_t threads = std::min<std::size_t>(std::max(1u, std::thread::hardware_concurrency()),
                                                          m_images.size() / kImagesPerThread);
        std::vector<std::jthread> helpers;
        for (std::size_t i = 1; i < threads; ++i)
            helpers.emplace_back(work);
        work();
        helpers.clear();
        return complete;
    }

    Result<void> makeFolder() const {
        const QString folder = QString::fromStdString(m_options.output);
        if (!QDir().mkpath(folder)) {
            const bool taken = QFileInfo::exists(folder);
            return Error{ErrorCode::FileNotWritable,
                         {m_options.output,
                          taken ? "there is a file of this name" : "the folder cannot be made here"}};
        }
        // Of a run that was killed.
        removeAbandonedFiles(m_options.output);
        if (!m_options.report.empty())
            removeAbandonedFiles(QFileInfo(QString::fromStdString(m_options.report)).path().toStdString());
        return {};
    }

    std::size_t engineFor(ImageKind kind) const {
        for (std::size_t i = 0; i < m_engines.size(); ++i)
            if (m_engines[i].kind == kind)
                return i;
        return 0;
    }
    double thresholdOf(std::size_t engine) const {
        return m_options.threshold.value_or(
            static_cast<double>(m_engines[engine].engine->model().defaultThreshold));
    }

    // What changes a mask.
    nlohmann::json settingsOfRun() const {
        const PredictOptions& predict = m_options.pipeline.predict;
        nlohmann::json models = nlohmann::json::array();
        bool sameThreshold = true;
        for (std::size_t i = 0; i < m_engines.size(); ++i) {
            const ModelIdentity& identity = m_engines[i].engine->model().identity;
            models.push_back({{"name", identity.name}, {"sha256", identity.sha256}});
            sameThreshold &= thresholdOf(i) == thresholdOf(0);
        }
        for (std::size_t i = 0; i < m_engines.size() && !sameThreshold; ++i)
            models[i]["threshold"] = thresholdOf(i);
        return {
            {"model", models.size() == 1 ? models[0] : nlohmann::json{{"name", "auto"}, {"models", models}}},
            {"threshold", sameThreshold ? nlohmann::json(thresholdOf(0)) : nlohmann::json()},
            {"input_size", predict.inputSize},
            {"resize", nameOf(predict.resize)},
            {"flip_average", predict.flipAverage}};
    }

    // A run that is continued must have the same settings, or old and new results would be mixed.
    Result<void> settleSettings(const nlohmann::json& now) const {
        const std::string path = m_options.output + "/segment.json";
        QFile file(QString::fromStdString(path));
        if (file.exists()) {
            nlohmann::json old;
            if (file.open(QIODevice::ReadOnly) && file.size() < 65536) {
                const QByteArray bytes = file.readAll();
                old = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
            }
            if (!old.is_object() || !old.contains("model") || !old.contains("input_size"))
                return Error{ErrorCode::FileNotWritable,
                             {path, "limn-cli segment keeps its settings under this name, and did not write "
                                    "the file that is there; give another --output, or move it away"}};
            if (m_options.resume) {
                for (const auto& [key, value] : now.items()) {
                    if (!old.contains(key) || old[key] == value)
                        continue;
                    const bool isModel = key == "model";
                    const auto shown = [&](const nlohmann::json& v) {
                        if (!isModel)
                            return v.dump();
                        if (!v.is_object())
                            return v.dump();
                        std::string text;
                        for (const nlohmann::json& one : v.value("models", nlohmann::json::array({v})))
                            text += (text.empty() ? "" : " and ") + one.value("name", std::string()) +
                                    " (SHA-256 " + one.value("sha256", std::string()).substr(0, 12) + "...)";
                        return text;
                    };
                    return Error{ErrorCode::InvalidArgument,
                                 {"The setting " + key, shown(value),
                                  shown(old[key]) + " as in the run that --resume continues (" + path +
                                      "); or leave --resume away to compute all again"}};
                }
            }
        }
        const std::string text = now.dump(2) + "\n";
        return writeFileAtomically(path, {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
    }

    // What is kept of an image beside its results: how its file was when it was read.
    Result<Image> readWhole(std::size_t index) {
        return reading(index, [this, index] { return readImage(m_images[index].path); });
    }
    template<typename Read>
    Result<Image> reading(std::size_t index, const Read& read) {
        Result<InputFile> input = InputFile::at(m_images[index].path);
        if (!input)
            return input.error();
        Result<Image> image = read();
        if (image && !m_endings.empty()) {
            input->keepHashOfWhatWasRead();
            m_inputs[index] = std::move(*input);
        }
        return image;
    }

    // The network's input made while the rows come from the file.
    Result<PreparedImage> prepare(std::size_t index) {
        const std::string& path = m_images[index].path;
        const PredictOptions& predict = m_options.pipeline.predict;
        if (Result<void> valid = checkInputSize(predict.inputSize); !valid)
            return valid.error();
        std::optional<InputRows> rows;
        std::optional<LookSampler> look;
        const RowSink sink = {[&](Size size) {
                                  rows.emplace(size, predict.inputSize, predict.resize);
                                  if (m_engines.size() > 1)
                                      look.emplace(size);
                              },
                              [&](const std::uint8_t* rgb, int count) {
                                  rows->add(rgb, count);
                                  if (look)
                                      look->add(rgb, count);
                              }};
        Result<Image> image = reading(index, [&] { return readImageRows(path, sink); });
        if (!image)
            return image.error();
        if (look)
            m_engineOf[index] = engineFor(look->kind(m_images[index].endoscopyOdds));
        return PreparedImage{std::move(*image), rows->finish(), m_engineOf[index]};
    }

    // A row at a time from the network's map to the mask's file: what is not asked for as a whole is never in
    // memory as a whole.
    Result<void> finish(std::size_t index, Image image, const FloatMap& network) {
        const InputImage& input = m_images[index];
        const Size size = image.size;
        const std::size_t width = static_cast<std::size_t>(size.width);
        const std::uint32_t inside = ProbabilityMap::firstInside(thresholdOf(m_engineOf[index]));
        ProbabilityRows rows(network, size, m_options.saveProbability ? 0 : inside);
        ProbabilityMap map;
        map.size = size;
        if (m_options.saveProbability)
            map.values.resize(size.pixels());
        LabelMap mask;
        if (m_options.saveOverlay)
            mask = LabelMap(size);
        std::vector<std::uint16_t> line(width);
        Figures figures;
        figures.size = size;
        std::uint64_t sum = 0;
        const auto makeRow = [&](int y, std::uint8_t* labels) {
            const std::size_t first = static_cast<std::size_t>(y) * width;
            std::uint16_t* values = m_options.saveProbability ? map.values.data() + first : line.data();
            const Columns columns = rows.make(y, values);
            std::fill(labels, labels + columns.begin, std::uint8_t{0});
            figures.area +=
                thresholdRow(values + columns.begin, static_cast<std::size_t>(columns.end - columns.begin),
                             inside, labels + columns.begin, sum);
            std::fill(labels + columns.end, labels + width, std::uint8_t{0});
            if (m_options.saveOverlay)
                std::copy_n(labels, width, mask.labels.data() + first);
        };

        std::vector<ResultFile> files;
        const auto add = [&](const char* ending, Result<std::vector<unsigned char>> bytes) -> Result<void> {
            if (!bytes)
                return bytes.error();
            files.push_back({ending, std::move(*bytes)});
            return {};
        };
        if (m_options.saveMask) {
            if (Result<void> added = add(kMask, encodedMask(fileOf(input, kMask), size, makeRow)); !added)
                return added;
        } else {
            std::vector<std::uint8_t> labels(width);
            for (int y = 0; y < size.height; ++y)
                makeRow(y, labels.data());
        }
        if (figures.area > 0)
            figures.meanInside =
                static_cast<double>(sum) / ProbabilityMap::kScale / static_cast<double>(figures.area);
        if (image.spacing)
            figures.areaMm2 = static_cast<double>(figures.area) * image.spacing->xMm * image.spacing->yMm;

        if (m_options.saveProbability) {
            if (Result<void> added = add(kProbability, encodedProbability(fileOf(input, kProbability), map));
                !added)
                return added;
            map = {};
        }
        if (m_options.saveOverlay) {
            drawOverlay(image, mask);
            if (Result<void> added = add(kOverlay, encodedJpeg(fileOf(input, kOverlay), image)); !added)
                return added;
        }
        if (!files.empty())
            if (Result<void> written = m_record->write(input.name, *m_inputs[index], files); !written)
                return written;
        m_inputs[index].reset();
        m_figures[index] = figures;
        return {};
    }

    // The pipeline never calls this twice at once.
    void done(std::size_t index, const std::optional<Error>& error) {
        if (!error) {
            ++m_summary.done;
            ++m_summary.byEngine[m_engineOf[index]];
            m_rows[index] = rowOf(index, "done");
        } else if (error->code == ErrorCode::Cancelled) {
            ++m_summary.cancelled;
            m_rows[index] = rowOf(index, "cancelled");
        } else {
            fail(index, *error);
            // The others would fail as well, after all their work.
            if (error->code == ErrorCode::DiskFull)
                m_cancel.cancel();
        }
        if (m_progress)
            m_progress(m_summary.done + m_summary.skipped + failures(), failures());
        // Now and then, and never for more than a twentieth of the time.
        const double quiet = std::chrono::duration<double>(Clock::now() - m_reportAt).count();
        if (quiet > std::max(2.0, 20.0 * m_reportSeconds)) {
            // A failure here shows again at the end, where it is reported.
            if (!writeReport())
                m_reportSeconds *= 2.0;
        }
    }

    void fail(std::size_t index, const Error& error) {
        ++m_failures;
        m_errors[index] = error;
        m_rows[index] = rowOf(index, "failed");
    }
    std::size_t failures() const { return m_failures; }

    CsvRow rowOf(std::size_t index, const std::string& status) const {
        const InputImage& image = m_images[index];
        CsvRow row(kColumns.size());
        row[0] = image.path;
        row[1] = image.name;
        row[2] = status;
        if (const std::optional<Figures>& figures = m_figures[index]) {
            const double pixels = static_cast<double>(figures->size.pixels());
            row[3] = std::to_string(figures->size.width);
            row[4] = std::to_string(figures->size.height);
            row[5] = std::to_string(figures->area);
            row[6] = number("%.4f", 100.0 * static_cast<double>(figures->area) / pixels);
            row[7] = figures->areaMm2 ? number("%.3f", *figures->areaMm2) : "";
            row[8] = number("%.4f", figures->meanInside);
        }
        const PredictOptions& predict = m_options.pipeline.predict;
        // Of an image that was not read, nobody knows for which of several models it is.
        if (const std::size_t engine = m_engineOf[index]; engine != kNone) {
            row[9] = number("%g", thresholdOf(engine));
            row[10] = m_engines[engine].engine->model().identity.name;
            row[11] = m_engines[engine].engine->model().identity.sha256;
        }
        row[12] = m_engines.front().engine->device().id;
        row[13] = std::to_string(predict.inputSize);
        row[14] = nameOf(predict.resize);
        row[15] = predict.flipAverage ? "yes" : "no";
        row[16] = m_errors[index] ? m_errors[index]->message() : "";
        return row;
    }

    // Rows of images that were done, by the name of their results.
    std::map<std::string, CsvRow> earlierRows() const {
        std::map<std::string, CsvRow> rows;
        Result<std::vector<CsvRow>> table = readCsv(m_options.report);
        if (!table || table->empty() || table->front() != kColumns)
            return rows;
        for (CsvRow& row : *table)
            if (row.size() == kColumns.size() && row[2] == "done")
                rows[row[1]] = std::move(row);
        return rows;
    }

    Result<void> writeReport() {
        if (m_options.report.empty())
            return {};
        const Clock::time_point begin = Clock::now();
        std::vector<CsvRow> table{kColumns};
        for (const CsvRow& row : m_rows)
            if (!row.empty())
                table.push_back(row);
        Result<void> written = writeCsv(m_options.report, table);
        m_reportAt = Clock::now();
        m_reportSeconds = std::chrono::duration<double>(m_reportAt - begin).count();
        return written;
    }

    static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

    const std::vector<SegmentEngine>& m_engines;
    const std::vector<InputImage>& m_images;
    const SegmentOptions& m_options;
    CancelToken& m_cancel;
    const std::function<void(std::size_t, std::size_t)>& m_progress;
    std::vector<std::string> m_endings; // of the results that were asked for
    std::unique_ptr<ResultRecord> m_record;
    std::vector<std::size_t> m_work;
    std::vector<CsvRow> m_rows;                     // in the order of the input; empty: not known yet
    std::vector<std::optional<Error>> m_errors;     // likewise
    std::vector<std::optional<InputFile>> m_inputs; // each written by one reader, then read by one finisher
    std::vector<std::optional<Figures>> m_figures;  // each written by one finisher, then read by done()
    std::vector<std::size_t> m_engineOf;            // each written by one reader
    SegmentSummary m_summary;
    std::size_t m_failures = 0;
    Clock::time_point m_reportAt = Clock::now();
    double m_reportSeconds = 0.0;
};

} // namespace

Result<SegmentSummary> segmentImages(Engine& engine, const std::vector<InputImage>& images,
                                     const SegmentOptions& options, CancelToken& cancel,
                                     const std::function<void(std::size_t, std::size_t)>& progress) {
    return segmentImages(std::vector<SegmentEngine>{{&engine, ImageKind::Unknown}}, images, options, cancel,
                         progress);
}

Result<SegmentSummary> segmentImages(const std::vector<SegmentEngine>& engines,
                                     const std::vector<InputImage>& images, const SegmentOptions& options,
                                     CancelToken& cancel,
                                     const std::function<void(std::size_t, std::size_t)>& progress) {
    return Batch(engines, images, options, cancel, progress).run();
}

} // namespace limn
