// SPDX-License-Identifier: GPL-3.0-or-later
// Learning from corrections: which images and annotations of a project training may use, and whether the new
// weights may take the old ones' place. Proposals are never looked at. Prints nothing; one thread (the
// store's).
#pragma once

#include "app/cli/evaluation.h"
#include "io/core/result.h"
#include "io/store/project_store.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace limn {

// What an accepted image serves for. The image's SHA-256 decides, so that an image stays where it is for
// ever, under any name.
enum class TrainingPart {
    Learning,  // seven in ten
    Choosing,  // one in ten: picks the epoch
    Comparing, // two in ten: seen by nothing before old and new weights are compared on them
};
TrainingPart partOf(const std::string& sha256);

struct AcceptedImage {
    std::string name; // path in the project
    std::string path; // absolute
    std::string sha256;
    ImageId image = 0;
    PersonId person = kNobody; // whose annotation: the agreed one, else the last editor's, else the newest
    int version = 0;
    TrainingPart part = TrainingPart::Learning;
};

struct AcceptedImages {
    std::vector<AcceptedImage> images;
    std::vector<std::string> problems; // sentences: accepted images that cannot be used, and why
    std::size_t count(TrainingPart part) const;
};

// Images in state Accepted with their annotations; those with an explicit "no lesion" too. A file that is
// missing or not the one that was annotated is a problem, not an error. `goOn` false: Cancelled. Errors:
// those of the store.
Result<AcceptedImages> acceptedImages(ProjectStore& store, const std::function<bool()>& goOn = {});

// The annotation: any label is inside (1). Errors: those of the store.
Result<LabelMap> acceptedMask(ProjectStore& store, const AcceptedImage& image);

// Fewer say nothing about a model.
inline constexpr std::size_t kLeastCompared = 8;

struct ComparisonVerdict {
    bool isOffered = false;
    std::string sentence;
};

// The new weights are offered when both models were scored on the same images, at least kLeastCompared, and
// neither the mean Dice over images nor the dsc over all pixels is lower than before, and one is higher.
ComparisonVerdict judge(const Evaluation& before, const Evaluation& after);

// Both models' figures side by side, for reading.
std::string comparisonTable(const Evaluation& before, const Evaluation& after);

// Both evaluations whole, with the verdict.
std::string comparisonJson(const Evaluation& before, const Evaluation& after,
                           const ComparisonVerdict& verdict);

// Writes comparison.csv (a row for each image) and comparison.json. Errors: FileNotWritable, DiskFull.
Result<void> writeComparison(const std::string& folder, const Evaluation& before, const Evaluation& after,
                             const ComparisonVerdict& verdict);

} // namespace limn
