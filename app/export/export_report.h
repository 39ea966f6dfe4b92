// SPDX-License-Identifier: GPL-3.0-or-later
// What an export did, image by image. Plain values, any thread.
#pragma once

#include "app/export/export_options.h"
#include "io/core/error.h"
#include "io/store/records.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace limn {

enum class ExportResult {
    Written,     // "written"
    Skipped,     // "skipped": all its files were there (ExistingFiles::Skip)
    Unannotated, // "unannotated": there is no annotation to write
    Failed,      // "failed": the reason says why; none or some of its files were written, each whole
    NotReached,  // "not-reached": the export was cancelled, or could not go on, before
};
std::string_view exportResultName(ExportResult result);

struct ExportedImage {
    ImageId image = 0;
    std::string path; // as in the project
    ExportResult result = ExportResult::NotReached;
    std::string reason;             // a sentence: why it failed, or what a reader should know of it
    std::vector<std::string> files; // written, relative to the folder
    ReviewState state = ReviewState::New;
    std::vector<std::string> models; // SHA-256 of the models that had a share in the annotation
    std::optional<double> threshold; // at which a model's proposal was used last; none: no model had a share
    std::string spacingSource;       // empty: no millimetres
};

struct ExportReport {
    std::string folder; // where the files really are (see ExistingFiles::NewFolder)
    std::string project;
    ExportOptions options;
    std::vector<ExportedImage> images; // every image of the plan, in project order
    std::vector<std::string> files;    // about all images: annotations.csv, coco.json, ...; relative
    std::vector<std::string> notes;    // sentences about the whole export
    std::size_t leftOut = 0;           // images of the project that were not asked for
    std::int64_t bytes = 0;            // written
    TimeMs finishedMs = 0;
    bool cancelled = false;
    std::optional<Error> stopped; // why the export could not go on (the disk is full, ...)

    std::size_t count(ExportResult result) const;
    std::vector<ImageId> failed() const; // for "Retry these"
    bool allWell() const;                // nothing failed, was cancelled or stopped
};

// One row an image: image, result, reason, files, state, models, threshold, spacing source.
std::string exportReportCsv(const ExportReport& report);
// Everything.
std::string exportReportJson(const ExportReport& report);

} // namespace limn
