// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/evaluation.h"

#include "app/cli/inputs.h"
#include "inference/plain/resample.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <QFileInfo>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace limn {

namespace {

constexpr std::array kMaskEndings = {"", "_segmentation", "_Segmentation", "_mask"};

std::string stemOf(const std::string& path) {
    return QFileInfo(QString::fromStdString(path)).completeBaseName().toStdString();
}

bool endsLikeMask(const std::string& stem) {
    return std::any_of(kMaskEndings.begin() + 1, kMaskEndings.end(),
                       [&](const char* ending) { return stem.ends_with(ending); });
}

std::string sizeText(Size size) {
    return std::to_string(size.width) + " x " + std::to_string(size.height);
}

// The true mask at kPaperSize.
std::vector<std::uint8_t> smallTruth(const LabelMap& truth, ResizeMode mode) {
    std::vector<float> values(kPaperSize * kPaperSize);
    resizePlane(truth.labels, truth.size, {0, 0, truth.size.width, truth.size.height},
                {kPaperSize, kPaperSize}, mode, values);
    std::vector<std::uint8_t> small(values.size());
    std::transform(values.begin(), values.end(), small.begin(), [](float value) { return value >= 0.5f; });
    return small;
}

MeanInterval meanOf(const std::vector<ImageEvaluation>& images, double ImageScores::*score) {
    std::vector<double> values;
    for (const ImageEvaluation& image : images)
        if (!image.error)
            values.push_back(image.scores.*score);
    return bootstrapMean(values);
}

} // namespace

Result<PairedFiles> pairMasks(const std::string& imageFolder, const std::string& maskFolder) {
    for (const std::string& folder : {imageFolder, maskFolder})
        if (!QFileInfo::exists(QString::fromStdString(folder)))
            return Error{ErrorCode::FileNotFound, {folder}};
    Result<std::vector<InputImage>> images = collectImages({imageFolder}, {});
    if (!images)
        return images.error();
    Result<std::vector<InputImage>> masks = collectImages({maskFolder}, {});
    if (!masks)
        return masks.error();
    const bool sameFolder = QFileInfo(QString::fromStdString(imageFolder)).canonicalFilePath() ==
                            QFileInfo(QString::fromStdString(maskFolder)).canonicalFilePath();
    std::map<std::string, std::string> maskOf;
    for (const InputImage& mask : *masks)
        maskOf.try_emplace(stemOf(mask.path), mask.path);

    PairedFiles files;
    for (const InputImage& image : *images) {
        const std::string stem = stemOf(image.path);
        if (sameFolder && endsLikeMask(stem))
            continue;
        const std::string* mask = nullptr;
        for (const char* ending : kMaskEndings) {
            const auto found = maskOf.find(stem + ending);
            if (found != maskOf.end() && found->second != image.path) {
                mask = &found->second;
                break;
            }
        }
        if (mask)
            files.pairs.push_back({image.path, *mask, stem});
        else
            files.imagesWithoutMask.push_back(image.path);
    }
    if (files.pairs.empty())
        return Error{
            ErrorCode::InvalidArgument,
            {"The folder of masks", maskFolder + ", which has no mask for any image of " + imageFolder,
             "one with files named as the images (also with _segmentation, _Segmentation or _mask behind)"}};
    return files;
}

Evaluation evaluatePairs(Engine& engine, const std::vector<EvaluationPair>& pairs, double threshold,
                         const PipelineOptions& options, const CancelToken& cancel,
                         const std::function<void(std::size_t, std::size_t)>& progress) {
    Evaluation evaluation;
    evaluation.threshold = threshold;
    evaluation.predict = options.predict;
    evaluation.model = engine.model().identity;
    evaluation.device = engine.device().id;
    evaluation.images.resize(pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i)
        evaluation.images[i].pair = pairs[i];

    std::mutex histogramMutex;
    std::size_t failed = 0;
    std::size_t done = 0;
    PipelineSteps steps;
    steps.read = [&](std::size_t item) { return readImage(pairs[item].image); };
    steps.finish = [&](std::size_t item, const Image& image, Proposal proposal) -> Result<void> {
        Result<LabelMap> truth = readMask(pairs[item].mask);
        if (!truth)
            return truth.error();
        if (truth->size != image.size)
            return Error{ErrorCode::InvalidArgument,
                         {"The mask " + pairs[item].mask, sizeText(truth->size) + " pixels",
                          sizeText(image.size) + " as its image " + pairs[item].image}};
        ImageEvaluation& out = evaluation.images[item];
        out.size = image.size;
        const Size paper{kPaperSize, kPaperSize};
        const FloatMap small =
            proposal.network.size == paper ? std::move(proposal.network) : resized(proposal.network, paper);
        const std::vector<std::uint8_t> truthSmall = smallTruth(*truth, options.predict.resize);
        out.small = confusionOf(small.values, truthSmall, threshold);

        const std::uint32_t inside = ProbabilityMap::firstInside(threshold);
        LabelMap mask(proposal.probability.size);
        std::transform(proposal.probability.values.begin(), proposal.probability.values.end(),
                       mask.labels.begin(), [inside](std::uint16_t value) { return value >= inside; });
        Result<ImageScores> scores = scoreMask(mask, *truth);
        if (!scores)
            return scores.error();
        out.scores = *scores;
        std::lock_guard lock(histogramMutex);
        evaluation.histogram.add(small.values, truthSmall);
        return {};
    };
    steps.done = [&](std::size_t item, const std::optional<Error>& error) {
        evaluation.images[item].error = error;
        if (error && error->code == ErrorCode::Cancelled)
            evaluation.cancelled = true;
        failed += error.has_value();
        ++done;
        if (progress)
            progress(done, failed);
    };
    evaluation.times = runPipeline(engine, pairs.size(), options, steps, &cancel);

    for (const ImageEvaluation& image : evaluation.images) {
        if (image.error)
            continue;
        ++evaluation.scored;
        evaluation.paper += image.small;
    }
    evaluation.dice = meanOf(evaluation.images, &ImageScores::dice);
    evaluation.iou = meanOf(evaluation.images, &ImageScores::iou);
    evaluation.hd95 = meanOf(evaluation.images, &ImageScores::hd95);
    evaluation.boundaryF = meanOf(evaluation.images, &ImageScores::boundaryF);
    return evaluation;
}

} // namespace limn
