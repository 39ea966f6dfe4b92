// SPDX-License-Identifier: GPL-3.0-or-later
// What to export, how and where, as a plain value; what that will come to; and the same as a command line or
// as a preset. Pure functions but where a comment says otherwise; any thread.
#pragma once

#include "app/project/worklist.h"
#include "io/core/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace limn {

enum class ExportFormat {
    Masks,       // NAME_mask.png: 0 and 255, as the ISIC archive stores masks
    LabelMaps,   // NAME_labels.png: the labels' values
    Table,       // annotations.csv: a row for each label of each annotation, with its measurements
    Coco,        // coco.json: polygons, run lengths where there are holes
    Labelme,     // NAME.json
    Yolo,        // labels/train/NAME.txt, data.yaml, train.txt
    Overlays,    // NAME_overlay.jpg: the image with outlines
    Probability, // NAME_probability.png: the proposal, 16 bit, probability x 65535
    Images,      // images/NAME.png (with YOLO images/train/NAME.png): what is seen, without any metadata
};

// All, in the order in which they are offered.
std::span<const ExportFormat> allExportFormats();
// "masks", "labels", "table", "coco", "labelme", "yolo", "overlays", "probability", "images": on command
// lines, in presets.
std::string_view exportFormatName(ExportFormat format);
std::optional<ExportFormat> exportFormatFromName(std::string_view name);

// What becomes of files that are there already.
enum class ExistingFiles {
    Replace,   // "replace"
    Skip,      // "skip": they stay as they are, and are listed as skipped
    NewFolder, // "new-folder": into FOLDER-2, FOLDER-3, ... when FOLDER holds anything
};
std::string_view existingFilesName(ExistingFiles existing);
std::optional<ExistingFiles> existingFilesFromName(std::string_view name);

enum class ExportNames {
    Suffix,  // "suffix": NAME_mask.png, NAME_labels.png, NAME_overlay.jpg, NAME.json
    Isic,    // "isic": the same, but NAME_segmentation.png for masks
    Folders, // "folders": masks/NAME.png, label-maps/NAME.png, overlays/NAME.jpg, labelme/NAME.json,
             // probability/NAME.png
};
std::string_view exportNamesName(ExportNames names);
std::optional<ExportNames> exportNamesFromName(std::string_view name);

struct ExportOptions {
    std::string folder; // made when missing
    std::vector<ExportFormat> formats{ExportFormat::Masks, ExportFormat::LabelMaps, ExportFormat::Table};

    // Which images: all of these conditions. Order is the project's.
    std::vector<ReviewState> states; // empty: any
    std::vector<ImageId> images;     // empty: any
    // Whose annotation of each; empty: the agreed one, else the last editor's, else the newest.
    std::string person;

    std::vector<std::string> labels; // names; empty: all. Pixels of other labels count as background
    int longestSide = 0;             // > 0: smaller results; masks by nearest pixel, images by area
    ExportNames names = ExportNames::Suffix;
    ExistingFiles existing = ExistingFiles::Replace;
    bool wholeLabels = false;   // COCO, labelme: a label is one object, not each connected part one
    bool cocoLists = false;     // COCO run lengths as lists of numbers, not as compressed text
    bool withoutPeople = false; // no names of people, notes and times in any file

    bool has(ExportFormat format) const;
    bool operator==(const ExportOptions&) const = default;
};

// What an export will come to, for a line such as "180 images, 360 files, 24 MB; 34 left out; 2 empty".
struct ExportPlan {
    std::vector<ImageId> images; // that pass, in project order
    std::size_t annotated = 0;   // of them: with an annotation
    std::size_t empty = 0;       // of these: marked as without a lesion, so that their masks are empty
    std::size_t unannotated = 0; // of them: without one; a row in the table and a proposal come of them
    std::size_t leftOut = 0;     // images of the project that do not pass
    std::size_t files = 0;       // with the tables, without the report
    std::int64_t aboutBytes = 0; // an estimate: what files of such sizes took in the past
};
// Touches no disk; 100,000 images within 20 ms.
ExportPlan planExport(const Worklist& worklist, const ExportOptions& options);

// The arguments of limn-cli that export the same: "project", "export", PROJECT, "--output", ...
std::vector<std::string> exportArguments(const std::string& projectFile, const ExportOptions& options);
// The same as one line for a POSIX shell, beginning with limn-cli.
std::string exportCommandLine(const std::string& projectFile, const ExportOptions& options);
// "1,4-9,12" of ascending numbers, and back. Error: InvalidArgument.
std::string imageIdRanges(const std::vector<ImageId>& ids);
Result<std::vector<ImageId>> imageIdsFromRanges(const std::string& text);

// A preset: JSON with everything but the folder and the images. Error: InvalidArgument, naming what is wrong.
std::string exportPresetToJson(const ExportOptions& options);
Result<ExportOptions> exportPresetFromJson(const std::string& json);

} // namespace limn
