// SPDX-License-Identifier: GPL-3.0-or-later
// runExport(): reads annotations in order in the store's thread, makes files of some images at a time in
// several threads, and takes the results in order again, so that tables do not depend on the threads.
#include "app/export/csv.h"
#include "app/export/distinct_names.h"
#include "app/export/export_job.h"
#include "app/export/exported_annotation.h"
#include "app/export/overlay.h"
#include "app/measure/measurements.h"
#include "app/project/file_scan.h"
#include "app/project/project.h"
#include "io/export/coco_file.h"
#include "io/export/labelme_file.h"
#include "io/export/yolo_file.h"
#include "io/images/atomic_file.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"

#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QTemporaryFile>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

namespace limn {

namespace {

const CsvRow kColumns = {"image",
                         "image_sha256",
                         "state",
                         "state_by",
                         "state_time",
                         "reason",
                         "flagged",
                         "flag_note",
                         "width",
                         "height",
                         "spacing_x_mm",
                         "spacing_y_mm",
                         "spacing_source",
                         "person",
                         "version",
                         "revision",
                         "saved",
                         "no_lesion",
                         "label",
                         "label_name",
                         "code",
                         "area_px",
                         "area_mm2",
                         "model_px",
                         "model_edited_px",
                         "manual_px",
                         "threshold",
                         "models",
                         "mask",
                         "percent_of_image",
                         "perimeter_px",
                         "perimeter_mm",
                         "longest_px",
                         "longest_mm",
                         "across_px",
                         "across_mm",
                         "equivalent_px",
                         "equivalent_mm",
                         "asymmetry_percent",
                         "circularity",
                         "border_irregularity",
                         "parts",
                         "holes"};
constexpr std::size_t kWidth = 43;

// Indices of kColumns that rows are filled by.
enum Column : std::size_t {
    ImagePath,
    ImageHash,
    State,
    StateBy,
    StateTime,
    Reason,
    Flagged,
    FlagNote,
    Width,
    Height,
    SpacingX,
    SpacingY,
    SpacingSource,
    Person,
    Version,
    Revision,
    Saved,
    NoLesion,
    LabelValue,
    LabelName,
    Code,
    AreaPx,
    AreaMm2,
    ModelPx,
    ModelEditedPx,
    ManualPx,
    Threshold,
    Models,
    Mask,
    PercentOfImage,
    PerimeterPx,
    PerimeterMm,
    LongestPx,
    LongestMm,
    AcrossPx,
    AcrossMm,
    EquivalentPx,
    EquivalentMm,
    AsymmetryPercent,
    Circularity,
    BorderIrregularity,
    Parts,
    Holes
};
static_assert(Holes + 1 == kWidth);

// Images whose pixels are in memory together, and the most of them.
constexpr std::size_t kMostPixelsAtOnce = std::size_t{96} << 20;
constexpr std::size_t kMostThreads = 8;
constexpr int kHistoryLines = 64;

std::string number(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string timeText(TimeMs ms) {
    return ms == 0 ? ""
                   : QDateTime::fromMSecsSinceEpoch(ms, Qt::UTC).toString(Qt::ISODateWithMs).toStdString();
}

std::string codeText(const LabelRecord& label) {
    return label.codeValue.empty() ? "" : label.codeScheme + " " + label.codeValue + " " + label.codeMeaning;
}

Result<void> writeText(const std::string& path, const std::string& text) {
    return writeFileAtomically(path, {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

bool exists(const std::string& path) {
    return QFileInfo::exists(QString::fromStdString(path));
}

// The classes of an export: the project's own labels in order of their values, then others as they are met.
class Categories {
public:
    struct Entry {
        CocoCategory coco;
        std::string code;
    };

    int classOf(const LabelRecord& label) {
        for (std::size_t i = 0; i < m_entries.size(); ++i)
            if (m_entries[i].coco.name == label.name)
                return static_cast<int>(i);
        int id = label.value;
        const auto taken = [&](int wanted) {
            return std::any_of(m_entries.begin(), m_entries.end(),
                               [&](const Entry& entry) { return entry.coco.id == wanted; });
        };
        if (taken(id))
            for (id = 256; taken(id);)
                ++id;
        m_entries.push_back({{id, label.name, codeText(label)}, codeText(label)});
        return static_cast<int>(m_entries.size()) - 1;
    }
    const Entry& at(int index) const { return m_entries[static_cast<std::size_t>(index)]; }
    std::vector<CocoCategory> coco() const {
        std::vector<CocoCategory> all;
        for (const Entry& entry : m_entries)
            all.push_back(entry.coco);
        return all;
    }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const Entry& entry : m_entries)
            all.push_back(entry.coco.name);
        return all;
    }

private:
    std::vector<Entry> m_entries;
};

// A label of one annotation as it goes into the files.
struct UsedLabel {
    LabelRecord record;
    int category = 1; // COCO's id
    int yolo = 0;     // class
};

// What is read of the store for one image.
struct Item {
    const ImageRecord* image = nullptr;
    std::string name; // of its files
    StoredAnnotationPtr annotation;
    std::string person;
    std::string stateBy;
    TimeMs stateMs = 0;
    std::optional<Spacing> spacing; // a person's calibration, else the file's
    bool calibrated = false;
    std::shared_ptr<const ProposalRecord> proposal;
    std::map<int, UsedLabel> labels; // of the label table that are exported, by value
};

// What came of it.
struct Outcome {
    ExportedImage entry;
    std::vector<CsvRow> rows;
    ExportedImageFacts coco;
    std::vector<CocoFile::Piece> pieces;
    std::string yoloImage; // line of train.txt
    std::int64_t bytes = 0;
    std::optional<Error> failure;
};

// Makes the files of one image. Its functions may run in several threads at once.
class ImageWriter {
public:
    ImageWriter(const ExportOptions& options, std::string folder, const std::string& imageFolder)
        : m_options(options), m_folder(std::move(folder)), m_base(QString::fromStdString(imageFolder)) {}

    std::string source(const ImageRecord& image) const {
        return QDir::cleanPath(m_base.absoluteFilePath(QString::fromStdString(image.path))).toStdString();
    }

    // Relative to the folder; empty for formats without a file of each image.
    std::string fileOf(ExportFormat format, const std::string& name) const {
        const bool folders = m_options.names == ExportNames::Folders;
        switch (format) {
        case ExportFormat::Masks:
            if (folders)
                return "masks/" + name + ".png";
            return name + (m_options.names == ExportNames::Isic ? "_segmentation.png" : "_mask.png");
        case ExportFormat::LabelMaps:
            return folders ? "label-maps/" + name + ".png" : name + "_labels.png";
        case ExportFormat::Labelme:
            return (folders ? "labelme/" : "") + name + ".json";
        case ExportFormat::Yolo:
            return "labels/train/" + name + ".txt";
        case ExportFormat::Overlays:
            return folders ? "overlays/" + name + ".jpg" : name + "_overlay.jpg";
        case ExportFormat::Probability:
            return folders ? "probability/" + name + ".png" : name + "_probability.png";
        case ExportFormat::Images:
            return (m_options.has(ExportFormat::Yolo) ? "images/train/" : "images/") + name + ".png";
        case ExportFormat::Table:
        case ExportFormat::Coco:
            break;
        }
        return {};
    }

    Outcome write(const Item& item) const {
        Outcome outcome;
        const ImageRecord& image = *item.image;
        outcome.entry = {image.id, image.path, ExportResult::Unannotated,
                         {},       {},         image.state,
                         {},       {},         item.spacing ? item.spacing->source : std::string()};
        if (!item.annotation) {
            outcome.rows.push_back(rowOf(item));
            if (m_options.has(ExportFormat::Probability) && item.proposal)
                writeProposal(item, outcome);
            return outcome;
        }
        const StoredAnnotation& annotation = *item.annotation;
        outcome.entry.threshold = thresholdOf(annotation);
        outcome.entry.models = modelsOf(annotation);
        try {
            writeFiles(item, outcome);
        } catch (const std::bad_alloc&) {
            fail(outcome,
                 Error{ErrorCode::OutOfMemory, {"exporting " + image.path, "its pixels do not fit"}});
        }
        return outcome;
    }

private:
    static std::vector<std::string> modelsOf(const StoredAnnotation& annotation) {
        std::set<std::string> models;
        for (const ProvenanceRecord& record : annotation.provenance)
            if (!record.modelSha256.empty())
                models.insert(record.modelSha256);
        return {models.begin(), models.end()};
    }

    // At which a model's proposal was used last. Not the annotation's own: that is where a person moved the
    // outline to, if they did, perhaps after using it.
    static std::optional<double> thresholdOf(const StoredAnnotation& annotation) {
        const ProvenanceRecord* last = nullptr;
        for (const ProvenanceRecord& record : annotation.provenance)
            if (record.threshold >= 0.0 && (!last || record.lastTimeMs >= last->lastTimeMs))
                last = &record;
        return last ? std::optional(last->threshold) : std::nullopt;
    }

    static void fail(Outcome& outcome, const Error& error) {
        if (outcome.failure)
            return;
        outcome.failure = error;
        outcome.entry.result = ExportResult::Failed;
        outcome.entry.reason = error.message();
    }

    // Of an image that nobody annotated yet: the proposal is all there is of it.
    void writeProposal(const Item& item, Outcome& outcome) const {
        const std::string file = fileOf(ExportFormat::Probability, item.name);
        outcome.entry.models = {item.proposal->key.modelSha256};
        if (m_options.existing == ExistingFiles::Skip && exists(m_folder + "/" + file)) {
            outcome.entry.result = ExportResult::Skipped;
            outcome.entry.reason = "All its files were there.";
            return;
        }
        if (const Result<void> written = writeMap(file, *item.proposal); !written) {
            fail(outcome, written.error());
            return;
        }
        outcome.entry.result = ExportResult::Written;
        outcome.entry.files.push_back(file);
        outcome.bytes += QFileInfo(QString::fromStdString(m_folder + "/" + file)).size();
        say(outcome, "Nobody has annotated it: its proposal was written.");
    }

    Result<void> writeMap(const std::string& file, const ProposalRecord& proposal) const {
        const Size size = sizeWithin(proposal.probability.size, m_options.longestSide);
        return limn::writeProbability(m_folder + "/" + file,
                                      size == proposal.probability.size
                                          ? proposal.probability
                                          : shrunkProbability(proposal.probability, size));
    }

    void writeFiles(const Item& item, Outcome& outcome) const {
        std::vector<ExportFormat> wanted;
        bool anyThere = false;
        bool noMap = false;
        for (ExportFormat format : m_options.formats) {
            const std::string file = fileOf(format, item.name);
            if (file.empty())
                continue;
            if (format == ExportFormat::Probability && !item.proposal)
                noMap = true;
            else if (m_options.existing == ExistingFiles::Skip && exists(m_folder + "/" + file))
                anyThere = true;
            else
                wanted.push_back(format);
        }
        const bool nothingToWrite = wanted.empty() && (anyThere || noMap);
        outcome.entry.result = nothingToWrite ? ExportResult::Skipped : ExportResult::Written;
        if (nothingToWrite && anyThere)
            outcome.entry.reason = "All its files were there.";
        if (noMap)
            say(outcome, "No proposal of it is kept.");

        LabelMap labels = labelMapFromTiles(item.annotation->labels);
        keepChosen(item, labels);
        outcome.rows = rowsOf(item, labels);
        const bool nothing = std::all_of(labels.labels.begin(), labels.labels.end(),
                                         [](std::uint8_t value) { return value == 0; });
        if (nothing && !item.annotation->noLesion)
            say(outcome, "Its annotation is empty.");
        labels = resizedLabels(labels, sizeWithin(labels.size, m_options.longestSide));

        const auto wants = [&](ExportFormat format) {
            return std::find(wanted.begin(), wanted.end(), format) != wanted.end();
        };
        const auto target = [&](ExportFormat format) { return m_folder + "/" + fileOf(format, item.name); };
        const auto wrote = [&](ExportFormat format, const Result<void>& written) {
            if (!written) {
                fail(outcome, written.error());
                return;
            }
            outcome.entry.files.push_back(fileOf(format, item.name));
            outcome.bytes += QFileInfo(QString::fromStdString(target(format))).size();
        };
        if (wants(ExportFormat::Masks))
            wrote(ExportFormat::Masks, writeMask(target(ExportFormat::Masks), labels));
        if (wants(ExportFormat::LabelMaps))
            wrote(ExportFormat::LabelMaps, writeLabelMap(target(ExportFormat::LabelMaps), labels));
        if (wants(ExportFormat::Probability))
            wrote(ExportFormat::Probability,
                  writeMap(fileOf(ExportFormat::Probability, item.name), *item.proposal));

        Shapes shapes;
        if (m_options.has(ExportFormat::Coco) || wants(ExportFormat::Labelme) || wants(ExportFormat::Yolo))
            shapes = shapesOf(item, labels);
        if (m_options.has(ExportFormat::Coco))
            makeCoco(item, labels.size, shapes, outcome);
        if (m_options.has(ExportFormat::Yolo))
            outcome.yoloImage = "./" + yoloImage(item);
        if (wants(ExportFormat::Labelme)) {
            const Result<std::string> text = labelmeOf(item, labels.size, shapes);
            wrote(ExportFormat::Labelme,
                  text ? writeText(target(ExportFormat::Labelme), *text) : Result<void>(text.error()));
        }
        if (wants(ExportFormat::Yolo)) {
            std::vector<int> classes;
            std::size_t holes = 0;
            for (const ExportedRegion& region : shapes.regions) {
                classes.push_back(item.labels.at(region.value).yolo);
                holes += region.holes.size();
            }
            wrote(ExportFormat::Yolo,
                  writeText(target(ExportFormat::Yolo),
                            yoloText({image(item).id, "", labels.size}, shapes.regions, classes)));
            if (holes > 0)
                say(outcome, "YOLO's polygons cannot have holes: " + std::to_string(holes) +
                                 (holes == 1 ? " hole was filled there." : " holes were filled there."));
        }
        if (wants(ExportFormat::Overlays) || wants(ExportFormat::Images))
            writePictures(item, labels, wants(ExportFormat::Overlays), wants(ExportFormat::Images), outcome,
                          wrote);
    }

    static const ImageRecord& image(const Item& item) { return *item.image; }

    static void say(Outcome& outcome, const std::string& sentence) {
        outcome.entry.reason += (outcome.entry.reason.empty() ? "" : " ") + sentence;
    }

    static void keepChosen(const Item& item, LabelMap& labels) {
        std::array<std::uint8_t, 256> kept{};
        for (const auto& [value, label] : item.labels)
            kept[static_cast<std::size_t>(value)] = static_cast<std::uint8_t>(value);
        for (std::uint8_t& value : labels.labels)
            value = kept[value];
    }

    struct Shapes {
        std::vector<ExportedRegion> regions;
        std::vector<PixelArea> areas; // of each region
    };

    Shapes shapesOf(const Item& item, const LabelMap& labels) const {
        Shapes shapes;
        for (const auto& [value, label] : item.labels) {
            const std::uint8_t byte = static_cast<std::uint8_t>(value);
            for (ExportedRegion& region :
                 regionsOf(PixelArea::ofValue(labels, byte), byte, m_options.wholeLabels, shapes.areas)) {
                region.label = label.record.name;
                region.category = label.category;
                shapes.regions.push_back(std::move(region));
            }
        }
        return shapes;
    }

    // The picture that goes with the shapes: the copy where there is one, else the source.
    std::string pictureFile(const Item& item) const {
        return m_options.has(ExportFormat::Images) ? fileOf(ExportFormat::Images, item.name)
                                                   : image(item).path;
    }

    std::string yoloImage(const Item& item) const {
        if (m_options.has(ExportFormat::Images))
            return fileOf(ExportFormat::Images, item.name);
        const QString suffix = QFileInfo(QString::fromStdString(image(item).path)).suffix();
        return "images/train/" + item.name + (suffix.isEmpty() ? "" : "." + suffix.toStdString());
    }

    void makeCoco(const Item& item, Size size, const Shapes& shapes, Outcome& outcome) const {
        outcome.coco = {image(item).id, pictureFile(item), size};
        for (std::size_t i = 0; i < shapes.regions.size(); ++i) {
            CocoFile::Piece piece{shapes.regions[i], {}};
            if (!piece.region.holes.empty())
                piece.runs = cocoRuns(shapes.areas[i].toMask(piece.region.bounds), piece.region.bounds.x,
                                      piece.region.bounds.y, size);
            outcome.pieces.push_back(std::move(piece));
        }
    }

    Result<std::string> labelmeOf(const Item& item, Size size, const Shapes& shapes) const {
        const QFileInfo file(
            QString::fromStdString(m_folder + "/" + fileOf(ExportFormat::Labelme, item.name)));
        const std::string picture = m_options.has(ExportFormat::Images)
                                        ? m_folder + "/" + fileOf(ExportFormat::Images, item.name)
                                        : source(image(item));
        const ExportedImageFacts facts = {
            image(item).id, file.dir().relativeFilePath(QString::fromStdString(picture)).toStdString(), size};
        std::vector<LabelmeShape> all;
        for (std::size_t i = 0; i < shapes.regions.size(); ++i) {
            LabelmeShape shape;
            shape.region = shapes.regions[i];
            if (m_options.wholeLabels)
                shape.group = shape.region.value;
            if (!shape.region.holes.empty())
                shape.patch = shapes.areas[i].toMask(shape.region.bounds);
            shape.description = codeText(item.labels.at(shape.region.value).record);
            all.push_back(std::move(shape));
        }
        std::vector<std::string> flags;
        if (item.annotation->noLesion)
            flags.emplace_back("no_lesion");
        if (image(item).flagged)
            flags.emplace_back("flagged");
        return labelmeText(facts, all, flags);
    }

    template<typename F>
    void writePictures(const Item& item, const LabelMap& labels, bool overlay, bool copy, Outcome& outcome,
                       F wrote) const {
        Result<Image> picture = readImage(source(image(item)));
        if (!picture) {
            fail(outcome, picture.error());
            return;
        }
        if (picture->size != item.annotation->labels.size || changedSince(image(item))) {
            fail(outcome, Error{ErrorCode::FileChanged, {source(image(item))}});
            return;
        }
        if (picture->size != labels.size)
            *picture = shrunkImage(*picture, labels.size);
        if (copy)
            wrote(ExportFormat::Images,
                  writePng(m_folder + "/" + fileOf(ExportFormat::Images, item.name), *picture));
        if (!overlay)
            return;
        for (const auto& [value, label] : item.labels) {
            LabelMap mask(labels.size);
            std::transform(labels.labels.begin(), labels.labels.end(), mask.labels.begin(),
                           [value = value](std::uint8_t one) {
                               return static_cast<std::uint8_t>(one == value ? 1 : 0);
                           });
            const std::uint32_t colour = label.record.colour;
            drawOverlay(*picture, mask,
                        {{static_cast<std::uint8_t>(colour >> 16), static_cast<std::uint8_t>(colour >> 8),
                          static_cast<std::uint8_t>(colour)}});
        }
        wrote(ExportFormat::Overlays,
              writeJpeg(m_folder + "/" + fileOf(ExportFormat::Overlays, item.name), *picture));
    }

    // Whether the source file is another than the one that was annotated. Its date alone says nothing.
    bool changedSince(const ImageRecord& image) const {
        if (image.sha256.empty())
            return false;
        const Result<FileStamp> stamp = fileStamp(source(image));
        if (stamp && *stamp == FileStamp{image.fileBytes, image.fileModifiedMs})
            return false;
        const Result<std::string> hash = fileSha256(source(image), [] { return true; });
        return !hash || *hash != image.sha256;
    }

    CsvRow rowOf(const Item& item) const {
        const ImageRecord& image = *item.image;
        CsvRow row(kWidth);
        row[ImagePath] = image.path;
        row[ImageHash] = image.sha256;
        row[State] = reviewStateName(image.state);
        row[Flagged] = image.flagged ? "yes" : "no";
        if (!m_options.withoutPeople) {
            row[StateBy] = item.stateBy;
            row[StateTime] = timeText(item.stateMs);
            row[Reason] = image.reason;
            row[FlagNote] = image.flagNote;
        }
        row[Width] = std::to_string(image.size.width);
        row[Height] = std::to_string(image.size.height);
        if (item.spacing) {
            row[SpacingX] = number("%.9g", item.spacing->xMm);
            row[SpacingY] = number("%.9g", item.spacing->yMm);
            // Whose calibration it is, is somebody's name.
            row[SpacingSource] =
                m_options.withoutPeople && item.calibrated ? "calibrated" : item.spacing->source;
        }
        return row;
    }

    std::vector<CsvRow> rowsOf(const Item& item, const LabelMap& labels) const {
        const StoredAnnotation& annotation = *item.annotation;
        CsvRow row = rowOf(item);
        row[Version] = std::to_string(annotation.version);
        row[Revision] = std::to_string(annotation.revision);
        if (!m_options.withoutPeople) {
            row[Person] = item.person;
            row[Saved] = timeText(annotation.savedMs);
        }
        row[NoLesion] = annotation.noLesion ? "yes" : "no";
        const std::optional<double> threshold = thresholdOf(annotation);
        row[Threshold] = threshold ? number("%.6g", *threshold) : "";
        row[Models] = modelsText(annotation);
        if (m_options.has(ExportFormat::Masks))
            row[Mask] = fileOf(ExportFormat::Masks, item.name);
        std::vector<CsvRow> rows;
        for (const auto& [value, area] : areasOf(annotation, labels)) {
            CsvRow line = row;
            line[LabelValue] = std::to_string(value);
            line[LabelName] = item.labels.at(value).record.name;
            line[Code] = codeText(item.labels.at(value).record);
            line[AreaPx] = std::to_string(area.all);
            const std::optional<Spacing>& spacing = item.spacing;
            if (spacing)
                line[AreaMm2] = number("%.3f", static_cast<double>(area.all) * spacing->xMm * spacing->yMm);
            line[ModelPx] = std::to_string(area.byOrigin[static_cast<std::size_t>(Origin::Model)]);
            line[ModelEditedPx] =
                std::to_string(area.byOrigin[static_cast<std::size_t>(Origin::ModelEdited)]);
            line[ManualPx] = std::to_string(area.byOrigin[static_cast<std::size_t>(Origin::Manual)]);
            if (m_options.has(ExportFormat::Table))
                addShape(line, labels, static_cast<std::uint8_t>(value), spacing);
            rows.push_back(std::move(line));
        }
        if (rows.empty()) {
            row[AreaPx] = "0";
            rows.push_back(std::move(row));
        }
        return rows;
    }

    static void addShape(CsvRow& line, const LabelMap& labels, std::uint8_t value,
                         const std::optional<Spacing>& spacing) {
        MeasureOptions options;
        options.spacing = spacing;
        const LabelMeasurements m = measureArea(PixelArea::ofValue(labels, value), labels.size, options);
        const auto put = [&](Column px, Column mm, const Measure& measure) {
            line[px] = number("%.2f", measure.px);
            if (measure.mm)
                line[mm] = number("%.3f", *measure.mm);
        };
        line[PercentOfImage] = number("%.4f", m.percentOfImage);
        put(PerimeterPx, PerimeterMm, m.perimeter);
        put(LongestPx, LongestMm, m.longestDiameter.length);
        put(AcrossPx, AcrossMm, m.widthAcross.length);
        put(EquivalentPx, EquivalentMm, m.equivalentDiameter);
        line[AsymmetryPercent] = number("%.2f", m.asymmetryPercent);
        line[Circularity] = number("%.4f", m.circularity);
        line[BorderIrregularity] = number("%.4f", m.borderIrregularity);
        line[Parts] = std::to_string(m.parts);
        line[Holes] = std::to_string(m.holes);
    }

    struct LabelAreas {
        std::size_t all = 0;
        std::array<std::size_t, 4> byOrigin{};
    };

    static std::map<int, LabelAreas> areasOf(const StoredAnnotation& annotation, const LabelMap& labels) {
        std::array<Origin, 256> origins{};
        for (const ProvenanceRecord& record : annotation.provenance)
            if (record.index >= 0 && record.index < 256)
                origins[static_cast<std::size_t>(record.index)] = record.origin;
        LabelMap sources;
        if (!annotation.provenanceMap.empty())
            sources = labelMapFromTiles(annotation.provenanceMap);
        std::array<LabelAreas, 256> byValue{};
        for (std::size_t i = 0; i < labels.labels.size(); ++i) {
            if (labels.labels[i] == 0)
                continue;
            LabelAreas& area = byValue[labels.labels[i]];
            ++area.all;
            const Origin origin = i < sources.labels.size() ? origins[sources.labels[i]] : Origin::None;
            ++area.byOrigin[static_cast<std::size_t>(origin)];
        }
        std::map<int, LabelAreas> areas;
        for (int value = 1; value < 256; ++value)
            if (byValue[static_cast<std::size_t>(value)].all > 0)
                areas[value] = byValue[static_cast<std::size_t>(value)];
        return areas;
    }

    static std::string modelsText(const StoredAnnotation& annotation) {
        std::set<std::string> models;
        for (const ProvenanceRecord& record : annotation.provenance)
            if (!record.modelName.empty())
                models.insert(record.modelName + " " + record.modelSha256 + " at " +
                              number("%.6g", record.threshold));
        std::string text;
        for (const std::string& model : models)
            text += (text.empty() ? "" : "; ") + model;
        return text;
    }

    const ExportOptions& m_options;
    std::string m_folder;
    QDir m_base;
};

class Export {
public:
    Export(ProjectStore& store, const ExportOptions& options,
           const std::function<bool(const ExportProgress&)>& goOn)
        : m_store(store), m_options(options), m_goOn(goOn) {}

    Result<ExportReport> run(std::vector<std::string> notes) {
        m_report.notes = std::move(notes);
        if (Result<void> ready = prepare(); !ready)
            return ready.error();
        bool asked = true;
        while (m_next < m_images.size() && asked && !m_report.stopped) {
            const std::vector<Item> items = readSome();
            const std::vector<Outcome> outcomes = writeAll(items);
            for (const Outcome& outcome : outcomes)
                take(outcome);
            asked = !m_goOn || m_goOn(m_progress);
        }
        m_report.cancelled = !asked && m_next < m_images.size();
        for (std::size_t i = m_report.images.size(); i < m_images.size(); ++i) {
            const ImageRecord& image = *m_images[i];
            m_report.images.push_back({image.id,
                                       image.path,
                                       ExportResult::NotReached,
                                       {},
                                       {},
                                       image.state,
                                       {},
                                       {},
                                       image.spacing ? image.spacing->source : std::string()});
        }
        if (!m_report.cancelled && !m_report.stopped)
            writeTables();
        finish();
        return std::move(m_report);
    }

private:
    Result<void> prepare() {
        if (m_options.formats.empty())
            return Error{ErrorCode::InvalidArgument, {"the list of formats", "empty", "one format or more"}};
        if (m_options.longestSide < 0)
            return Error{ErrorCode::InvalidArgument,
                         {"the longest side", std::to_string(m_options.longestSide), "0 or more pixels"}};
        if (Result<void> read = readPeople(); !read)
            return read;
        if (Result<void> read = readImages(); !read)
            return read;
        if (Result<void> made = makeFolder(); !made)
            return made;
        m_report.folder = m_folder;
        m_report.project = m_store.path();
        m_report.options = m_options;
        const Result<std::vector<LabelSetRecord>> sets = m_store.labelSets();
        if (!sets)
            return sets.error();
        for (const LabelSetRecord& set : *sets) {
            if (set.name != "project")
                continue;
            std::vector<LabelRecord> labels = set.labels;
            std::sort(labels.begin(), labels.end(),
                      [](const LabelRecord& a, const LabelRecord& b) { return a.value < b.value; });
            for (const LabelRecord& label : labels)
                if (isChosen(label.name))
                    (void)m_categories.classOf(label);
        }
        m_writer = std::make_unique<ImageWriter>(m_options, m_folder, m_imageFolder);
        m_coco = CocoFile(m_options.cocoLists ? CocoCounts::List : CocoCounts::Text);
        return {};
    }

    bool isChosen(const std::string& label) const {
        return m_options.labels.empty() ||
               std::find(m_options.labels.begin(), m_options.labels.end(), label) != m_options.labels.end();
    }

    Result<void> readPeople() {
        Result<std::vector<PersonRecord>> people = m_store.people();
        if (!people)
            return people.error();
        m_people[kAgreed] = "(agreed)";
        for (const PersonRecord& person : *people) {
            m_people[person.id] = person.name;
            if (!m_options.person.empty() && person.name == m_options.person)
                m_person = person.id;
        }
        if (!m_options.person.empty() && !m_person)
            return Error{ErrorCode::InvalidArgument,
                         {"the person", m_options.person, "the name of somebody in this project"}};
        return {};
    }

    Result<void> readImages() {
        Result<std::vector<ImageRecord>> records = m_store.images();
        if (!records)
            return records.error();
        const Result<std::string> folder = imageFolderOf(m_store);
        if (!folder)
            return folder.error();
        m_imageFolder = *folder;
        // Names are told apart among all images, so that they do not depend on which are exported.
        const QDir base(QString::fromStdString(m_imageFolder));
        std::vector<std::string> paths;
        for (const ImageRecord& record : *records)
            paths.push_back(
                QDir::cleanPath(base.absoluteFilePath(QString::fromStdString(record.path))).toStdString());
        const std::vector<std::string> names = distinctNames(paths);
        for (std::size_t i = 0; i < records->size(); ++i)
            m_names[(*records)[i].id] = names[i];
        m_worklist.reset(std::move(*records));
        const ExportPlan plan = planExport(m_worklist, m_options);
        m_report.leftOut = plan.leftOut;
        for (ImageId id : plan.images)
            m_images.push_back(m_worklist.find(id));
        m_progress.total = m_images.size();
        return {};
    }

    Result<void> makeFolder() {
        m_folder = QDir::cleanPath(QFileInfo(QString::fromStdString(m_options.folder)).absoluteFilePath())
                       .toStdString();
        const std::string wanted = m_folder;
        const auto isTaken = [](const std::string& path) {
            const QFileInfo info(QString::fromStdString(path));
            return info.exists() &&
                   !(info.isDir() &&
                     QDir(info.filePath()).isEmpty(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot));
        };
        if (m_options.existing == ExistingFiles::NewFolder)
            for (int i = 2; isTaken(m_folder); ++i)
                m_folder = wanted + "-" + std::to_string(i);
        std::set<std::string> folders{m_folder};
        const ImageWriter names(m_options, m_folder, m_imageFolder);
        for (ExportFormat format : m_options.formats) {
            const std::string file = names.fileOf(format, "x");
            if (const std::size_t slash = file.rfind('/'); slash != std::string::npos)
                folders.insert(m_folder + "/" + file.substr(0, slash));
        }
        for (const std::string& folder : folders) {
            if (!QDir().mkpath(QString::fromStdString(folder)))
                return Error{ErrorCode::FileNotWritable, {folder, "the folder cannot be made here"}};
            // Said once and before the work, not for each of a thousand images.
            QTemporaryFile trial(QString::fromStdString(folder) + QStringLiteral("/.limn-XXXXXX"));
            if (!trial.open())
                return Error{ErrorCode::FileNotWritable, {folder, trial.errorString().toStdString()}};
            removeAbandonedFiles(folder); // of an export that was killed
        }
        return {};
    }

    // The next images with their annotations, as many as are made at a time.
    std::vector<Item> readSome() {
        const std::size_t most = 2 * threads();
        std::vector<Item> items;
        std::size_t pixels = 0;
        while (m_next < m_images.size() && items.size() < most &&
               (items.empty() || pixels < kMostPixelsAtOnce)) {
            const ImageRecord& image = *m_images[m_next++];
            items.emplace_back();
            items.back().image = &image;
            items.back().name = m_names.at(image.id);
            pixels += image.size.pixels();
            if (Result<void> read = readItem(items.back()); !read)
                m_unread[image.id] = read.error();
        }
        return items;
    }

    Result<void> readItem(Item& item) {
        const ImageRecord& image = *item.image;
        const Result<std::vector<AnnotationInfo>> annotations = m_store.annotationsOf(image.id);
        if (!annotations)
            return annotations.error();
        if (m_options.has(ExportFormat::Table)) {
            const Result<std::vector<HistoryRecord>> lines = m_store.history(image.id, kHistoryLines);
            if (!lines)
                return lines.error();
            for (const HistoryRecord& line : *lines) {
                if (line.what != "state")
                    continue;
                const auto person = m_people.find(line.person);
                item.stateBy = line.person == kNobody || person == m_people.end() ? "" : person->second;
                item.stateMs = line.timeMs;
                break;
            }
        }
        const Result<std::optional<CalibrationRecord>> calibration =
            m_store.calibration(image.id, cameraOf(image));
        if (!calibration)
            return calibration.error();
        item.calibrated = calibration->has_value();
        item.spacing = *calibration ? std::optional((*calibration)->spacing) : image.spacing;
        const AnnotationInfo* info = shownAnnotation(image, *annotations, m_person);
        if (!info)
            return readProposal(item);
        Result<StoredAnnotationPtr> annotation = m_store.annotation(image.id, info->person, info->version);
        if (!annotation)
            return annotation.error();
        if (!*annotation)
            return Error{ErrorCode::StoreInvalid,
                         {m_store.path(), "the annotation of " + image.path + " is missing"}};
        item.annotation = *annotation;
        const auto person = m_people.find(info->person);
        item.person = person == m_people.end() ? "" : person->second;
        m_newestMs = std::max(m_newestMs, item.annotation->savedMs);
        nameLabels(item);
        return readProposal(item);
    }

    // The proposal that the annotation was made of, else the newest.
    Result<void> readProposal(Item& item) {
        const ImageRecord& image = *item.image;
        if (!m_options.has(ExportFormat::Probability) || image.sha256.empty())
            return {};
        std::string model;
        if (item.annotation) {
            for (const ProvenanceRecord& record : item.annotation->provenance)
                model = record.modelSha256.empty() ? model : record.modelSha256;
        }
        auto proposal = m_store.newestProposal(image.sha256, image.size, model);
        if (!proposal)
            return proposal.error();
        item.proposal = std::move(*proposal);
        return {};
    }

    // Labels by value; pixels whose value has no label in the table have a made-up one, so that no area is
    // lost silently.
    void nameLabels(Item& item) {
        std::array<bool, 256> used{};
        for (const TileBytes& tile : item.annotation->labels.tiles) {
            const std::size_t count = static_cast<std::size_t>(item.annotation->labels.tileSize) *
                                      static_cast<std::size_t>(item.annotation->labels.tileSize);
            for (std::size_t i = 0; tile && i < count; ++i)
                used[tile.get()[i]] = true;
        }
        std::vector<LabelRecord> table = item.annotation->labelTable;
        for (int value = 1; value < 256; ++value) {
            const bool known = std::any_of(table.begin(), table.end(),
                                           [&](const LabelRecord& label) { return label.value == value; });
            if (used[static_cast<std::size_t>(value)] && !known)
                table.push_back({value, "label " + std::to_string(value), 0xffdd00, "", "", ""});
        }
        std::sort(table.begin(), table.end(),
                  [](const LabelRecord& a, const LabelRecord& b) { return a.value < b.value; });
        for (const LabelRecord& label : table) {
            if (!isChosen(label.name))
                continue;
            m_met.insert(label.name);
            const int index = m_categories.classOf(label);
            item.labels[label.value] = {label, m_categories.at(index).coco.id, index};
        }
    }

    static std::size_t threads() {
        return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads);
    }

    std::vector<Outcome> writeAll(const std::vector<Item>& items) {
        std::vector<Outcome> outcomes(items.size());
        std::atomic<std::size_t> next{0};
        const auto work = [&] {
            for (std::size_t i = next++; i < items.size(); i = next++) {
                const auto unread = m_unread.find(items[i].image->id);
                outcomes[i] = m_writer->write(items[i]);
                if (unread != m_unread.end()) {
                    outcomes[i].entry.result = ExportResult::Failed;
                    outcomes[i].entry.reason = unread->second.message();
                }
            }
        };
        std::vector<std::thread> helpers;
        for (std::size_t i = 1; i < std::min(threads(), items.size()); ++i)
            helpers.emplace_back(work);
        work();
        for (std::thread& helper : helpers)
            helper.join();
        m_unread.clear();
        return outcomes;
    }

    void take(const Outcome& outcome) {
        const ExportedImage& entry = outcome.entry;
        m_report.images.push_back(entry);
        m_report.bytes += outcome.bytes;
        m_table.insert(m_table.end(), outcome.rows.begin(), outcome.rows.end());
        if (outcome.coco.id != 0)
            m_coco.addImage(outcome.coco, outcome.pieces);
        if (!outcome.yoloImage.empty())
            m_train += outcome.yoloImage + "\n";
        ++m_progress.done;
        m_progress.failed += entry.result == ExportResult::Failed;
        m_progress.files += entry.files.size();
        m_progress.bytes = m_report.bytes;
        m_progress.image = entry.path;
        // A disk without room fails every further image: one sentence, and what was not reached.
        if (outcome.failure && outcome.failure->code == ErrorCode::DiskFull && !m_report.stopped)
            m_report.stopped = outcome.failure;
    }

    void writeTable(const std::string& file, const std::string& text) {
        const std::string path = m_folder + "/" + file;
        if (m_options.existing == ExistingFiles::Skip && exists(path)) {
            m_report.notes.push_back(file + " was there and was left as it is.");
            return;
        }
        if (const Result<void> written = writeText(path, text); !written) {
            m_report.stopped = written.error();
            return;
        }
        m_report.files.push_back(file);
        m_report.bytes += static_cast<std::int64_t>(text.size());
    }

    void writeTables() {
        if (m_options.has(ExportFormat::Table))
            writeTable("annotations.csv", csvText(m_table));
        if (m_options.has(ExportFormat::Coco)) {
            const std::string name =
                QFileInfo(QString::fromStdString(m_store.path())).completeBaseName().toStdString();
            writeTable("coco.json", m_coco.text(m_categories.coco(), name,
                                                m_options.withoutPeople ? "" : timeText(m_newestMs)));
        }
        if (m_options.has(ExportFormat::Yolo)) {
            writeTable("data.yaml", yoloDataText(m_categories.names()));
            writeTable("train.txt", m_train);
        }
    }

    void finish() {
        for (const std::string& label : m_options.labels)
            if (!m_met.count(label))
                m_report.notes.push_back("No annotation has a label called " + label + ".");
        const bool shapes = m_options.has(ExportFormat::Coco) || m_options.has(ExportFormat::Yolo);
        if (m_options.longestSide > 0 && shapes && !m_options.has(ExportFormat::Images))
            m_report.notes.emplace_back("Shapes are those of smaller images, which were not written: choose "
                                        "images too, or full size.");
        m_report.finishedMs = QDateTime::currentMSecsSinceEpoch();
        // The report about a full disk may not fit either: then the window and the terminal alone say it.
        for (const auto& [file, text] : {std::pair{"/export_report.csv", exportReportCsv(m_report)},
                                         std::pair{"/export_report.json", exportReportJson(m_report)}}) {
            if (const Result<void> written = writeText(m_folder + file, text); !written && !m_report.stopped)
                m_report.stopped = written.error();
        }
    }

    ProjectStore& m_store;
    const ExportOptions& m_options;
    const std::function<bool(const ExportProgress&)>& m_goOn;
    std::string m_folder;
    std::string m_imageFolder;
    Worklist m_worklist;
    std::vector<const ImageRecord*> m_images;
    std::size_t m_next = 0;
    std::unordered_map<ImageId, std::string> m_names;
    std::unordered_map<ImageId, Error> m_unread;
    std::map<PersonId, std::string> m_people;
    std::optional<PersonId> m_person;
    Categories m_categories;
    std::unordered_set<std::string> m_met; // labels of annotations
    TimeMs m_newestMs = 0;
    std::unique_ptr<ImageWriter> m_writer;
    std::vector<CsvRow> m_table{kColumns};
    CocoFile m_coco;
    std::string m_train;
    ExportProgress m_progress;
    ExportReport m_report;
};

} // namespace

Result<ExportReport> runExport(ProjectStore& store, const ExportOptions& options,
                               const std::function<bool(const ExportProgress&)>& goOn,
                               std::vector<std::string> notes) {
    return Export(store, options, goOn).run(std::move(notes));
}

} // namespace limn
