// SPDX-License-Identifier: GPL-3.0-or-later
// Annotations of a project as files that other programs read, and the check of everything a project holds.
// Opens the store for reading alone; prints nothing.
#pragma once

#include "io/core/result.h"
#include "io/store/project_store.h"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace limn {

// The folder that the images' paths are relative to. Errors: those of the store.
Result<std::string> imageFolderOf(ProjectStore& store);

// Of an image's annotations the agreed one, else the last editor's, else the newest. Null: there is none.
const AnnotationInfo* shownAnnotation(const ImageRecord& image,
                                      const std::vector<AnnotationInfo>& annotations);

struct ProjectExportOptions {
    std::string output; // folder; made when missing
    std::string person; // whose annotations; empty: the agreed one, else the last editor's, else the newest
    std::vector<ReviewState> states; // empty: all
};

struct ProjectExportSummary {
    std::size_t images = 0;      // of the states asked for
    std::size_t written = 0;     // annotations
    std::size_t unannotated = 0; // images without one
    std::vector<std::pair<std::string, Error>> failed;
};

// Writes NAME_labels.png (values of the label map), NAME_mask.png (0 and 255) and annotations.csv: a row for
// each label of each annotation, with state, areas by provenance, person, times, threshold and models; images
// without an annotation have a row too. `goOn` false ends early with Cancelled. Errors: those of the store,
// FileNotWritable, DiskFull, InvalidArgument (no such person). One image that fails stands in the summary.
Result<ProjectExportSummary>
exportProject(ProjectStore& store, const ProjectExportOptions& options,
              const std::function<bool(std::size_t done, std::size_t total)>& goOn = {});

// Findings of ProjectStore::verify(), and for each image whether its file is there and has the recorded hash.
Result<std::vector<std::string>>
verifyProject(ProjectStore& store, const std::function<bool(std::size_t done, std::size_t total)>& goOn = {});

} // namespace limn
