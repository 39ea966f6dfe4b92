// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/project_export.h"

#include "app/cli/csv.h"
#include "app/cli/inputs.h"
#include "app/project/file_scan.h"
#include "io/images/mask_files.h"

#include <QDateTime>
#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>

namespace limn {

namespace {

const CsvRow kColumns = {
    "image",    "image_sha256",    "state",        "reason",         "flagged", "flag_note", "width",
    "height",   "spacing_x_mm",    "spacing_y_mm", "spacing_source", "person",  "version",   "revision",
    "saved",    "no_lesion",       "label",        "label_name",     "code",    "area_px",   "area_mm2",
    "model_px", "model_edited_px", "manual_px",    "threshold",      "models",  "mask"};

std::string number(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

std::string timeText(TimeMs ms) {
    return ms == 0 ? ""
                   : QDateTime::fromMSecsSinceEpoch(ms, Qt::UTC).toString(Qt::ISODateWithMs).toStdString();
}

struct LabelAreas {
    std::size_t all = 0;
    std::array<std::size_t, 4> byOrigin{};
};

std::map<int, LabelAreas> areasOf(const StoredAnnotation& annotation, const LabelMap& labels) {
    std::array<Origin, 256> origins{};
    for (const ProvenanceRecord& record : annotation.provenance)
        if (record.index >= 0 && record.index < 256)
            origins[static_cast<std::size_t>(record.index)] = record.origin;
    LabelMap sources;
    if (!annotation.provenanceMap.empty())
        sources = labelMapFromTiles(annotation.provenanceMap);
    std::map<int, LabelAreas> areas;
    for (std::size_t i = 0; i < labels.labels.size(); ++i) {
        if (labels.labels[i] == 0)
            continue;
        LabelAreas& area = areas[labels.labels[i]];
        ++area.all;
        const Origin origin = i < sources.labels.size() ? origins[sources.labels[i]] : Origin::None;
        ++area.byOrigin[static_cast<std::size_t>(origin)];
    }
    return areas;
}

std::string modelsOf(const StoredAnnotation& annotation) {
    std::set<std::string> models;
    for (const ProvenanceRecord& record : annotation.provenance)
        if (!record.modelName.empty())
            models.insert(record.modelName + " " + record.modelSha256 + " at " +
                          number("%g", record.threshold));
    std::string text;
    for (const std::string& model : models)
        text += (text.empty() ? "" : "; ") + model;
    return text;
}

// Which of an image's annotations is exported.
const AnnotationInfo* chosenOf(const ImageRecord& image, const std::vector<AnnotationInfo>& annotations,
                               bool anyPerson, PersonId person) {
    const AnnotationInfo* best = nullptr;
    const auto rank = [&](const AnnotationInfo& info) {
        if (info.person == kAgreed)
            return 2;
        return info.person == image.lastEditor && info.version == 0 ? 1 : 0;
    };
    for (const AnnotationInfo& info : annotations) {
        if (!anyPerson && info.person != person)
            continue;
        if (!best || rank(info) > rank(*best) || (rank(info) == rank(*best) && info.savedMs > best->savedMs))
            best = &info;
    }
    return best;
}

class Export {
public:
    Export(ProjectStore& store, const ProjectExportOptions& options) : m_store(store), m_options(options) {}

    Result<ProjectExportSummary> run(const std::function<bool(std::size_t, std::size_t)>& goOn) {
        if (!QDir().mkpath(QString::fromStdString(m_options.output)))
            return Error{ErrorCode::FileNotWritable, {m_options.output, "the folder cannot be made here"}};
        if (Result<void> read = readPeople(); !read)
            return read.error();
        Result<std::vector<ImageRecord>> images = m_store.images();
        if (!images)
            return images.error();
        if (!m_options.states.empty())
            std::erase_if(*images, [&](const ImageRecord& image) {
                return std::find(m_options.states.begin(), m_options.states.end(), image.state) ==
                       m_options.states.end();
            });
        std::vector<InputImage> names;
        for (const ImageRecord& image : *images)
            names.push_back({image.path, {}, {}});
        giveDistinctNames(names);

        ProjectExportSummary summary;
        summary.images = images->size();
        for (std::size_t i = 0; i < images->size(); ++i) {
            if (goOn && !goOn(i, images->size()))
                return Error{ErrorCode::Cancelled, {"The export"}};
            Result<bool> written = exportImage((*images)[i], names[i].name);
            if (!written)
                summary.failed.emplace_back((*images)[i].path, written.error());
            else if (*written)
                ++summary.written;
            else
                ++summary.unannotated;
        }
        if (Result<void> table = writeCsv(m_options.output + "/annotations.csv", m_table); !table)
            return table.error();
        return summary;
    }

private:
    Result<void> readPeople() {
        Result<std::vector<PersonRecord>> people = m_store.people();
        if (!people)
            return people.error();
        m_people[kAgreed] = "(agreed)";
        bool found = m_options.person.empty();
        for (const PersonRecord& person : *people) {
            m_people[person.id] = person.name;
            if (person.name == m_options.person) {
                m_person = person.id;
                found = true;
            }
        }
        if (!found)
            return Error{ErrorCode::InvalidArgument,
                         {"--person", m_options.person, "the name of somebody in this project"}};
        return {};
    }

    // True: an annotation was written; false: there is none.
    Result<bool> exportImage(const ImageRecord& image, const std::string& name) {
        Result<std::vector<AnnotationInfo>> annotations = m_store.annotationsOf(image.id);
        if (!annotations)
            return annotations.error();
        const AnnotationInfo* info = chosenOf(image, *annotations, m_options.person.empty(), m_person);
        if (!info) {
            m_table.push_back(rowOf(image));
            return false;
        }
        Result<StoredAnnotationPtr> annotation = m_store.annotation(image.id, info->person, info->version);
        if (!annotation)
            return annotation.error();
        if (!*annotation)
            return Error{ErrorCode::StoreInvalid,
                         {m_store.path(), "the annotation of " + image.path + " is missing"}};
        const StoredAnnotation& stored = **annotation;
        const LabelMap labels = labelMapFromTiles(stored.labels);
        if (Result<void> written = writeLabelMap(m_options.output + "/" + name + "_labels.png", labels);
            !written)
            return written.error();
        if (Result<void> written = writeMask(m_options.output + "/" + name + "_mask.png", labels); !written)
            return written.error();
        addRows(image, stored, labels, name + "_mask.png");
        return true;
    }

    CsvRow rowOf(const ImageRecord& image) const {
        CsvRow row(kColumns.size());
        row[0] = image.path;
        row[1] = image.sha256;
        row[2] = reviewStateName(image.state);
        row[3] = image.reason;
        row[4] = image.flagged ? "yes" : "no";
        row[5] = image.flagNote;
        row[6] = std::to_string(image.size.width);
        row[7] = std::to_string(image.size.height);
        if (image.spacing) {
            row[8] = number("%.9g", image.spacing->xMm);
            row[9] = number("%.9g", image.spacing->yMm);
            row[10] = image.spacing->source;
        }
        return row;
    }

    void addRows(const ImageRecord& image, const StoredAnnotation& stored, const LabelMap& labels,
                 const std::string& file) {
        CsvRow row = rowOf(image);
        const auto person = m_people.find(stored.person);
        row[11] = person != m_people.end() ? person->second : "";
        row[12] = std::to_string(stored.version);
        row[13] = std::to_string(stored.revision);
        row[14] = timeText(stored.savedMs);
        row[15] = stored.noLesion ? "yes" : "no";
        row[24] = stored.threshold ? number("%g", *stored.threshold) : "";
        row[25] = modelsOf(stored);
        row[26] = file;
        const std::map<int, LabelAreas> areas = areasOf(stored, labels);
        if (areas.empty()) {
            row[19] = "0";
            m_table.push_back(row);
            return;
        }
        for (const auto& [value, area] : areas) {
            CsvRow line = row;
            line[16] = std::to_string(value);
            for (const LabelRecord& label : stored.labelTable) {
                if (label.value != value)
                    continue;
                line[17] = label.name;
                if (!label.codeValue.empty())
                    line[18] = label.codeScheme + " " + label.codeValue + " " + label.codeMeaning;
            }
            line[19] = std::to_string(area.all);
            if (image.spacing)
                line[20] =
                    number("%.3f", static_cast<double>(area.all) * image.spacing->xMm * image.spacing->yMm);
            line[21] = std::to_string(area.byOrigin[static_cast<std::size_t>(Origin::Model)]);
            line[22] = std::to_string(area.byOrigin[static_cast<std::size_t>(Origin::ModelEdited)]);
            line[23] = std::to_string(area.byOrigin[static_cast<std::size_t>(Origin::Manual)]);
            m_table.push_back(line);
        }
    }

    ProjectStore& m_store;
    const ProjectExportOptions& m_options;
    PersonId m_person = kNobody;
    std::map<PersonId, std::string> m_people;
    std::vector<CsvRow> m_table{kColumns};
};

} // namespace

Result<std::string> imageFolderOf(ProjectStore& store) {
    Result<std::optional<std::string>> folder = store.setting("image-folder");
    if (!folder)
        return folder.error();
    if (*folder)
        return **folder;
    return QFileInfo(QString::fromStdString(store.path())).absolutePath().toStdString();
}

const AnnotationInfo* shownAnnotation(const ImageRecord& image,
                                      const std::vector<AnnotationInfo>& annotations) {
    return chosenOf(image, annotations, true, kNobody);
}

Result<ProjectExportSummary> exportProject(ProjectStore& store, const ProjectExportOptions& options,
                                           const std::function<bool(std::size_t, std::size_t)>& goOn) {
    return Export(store, options).run(goOn);
}

Result<std::vector<std::string>> verifyProject(ProjectStore& store,
                                               const std::function<bool(std::size_t, std::size_t)>& goOn) {
    Result<std::vector<ImageRecord>> images = store.images();
    if (!images)
        return images.error();
    Result<std::string> folder = imageFolderOf(store);
    if (!folder)
        return folder.error();
    std::size_t done = 0;
    const auto proceed = [&] { return !goOn || goOn(done, images->size()); };
    Result<std::vector<StoreFinding>> stored = store.verify(proceed);
    if (!stored)
        return stored.error();
    std::vector<std::string> findings;
    for (const StoreFinding& finding : *stored)
        findings.push_back(finding.text);

    const QDir base(QString::fromStdString(*folder));
    for (const ImageRecord& image : *images) {
        if (!proceed())
            return Error{ErrorCode::Cancelled, {"The check"}};
        ++done;
        const std::string path = base.absoluteFilePath(QString::fromStdString(image.path)).toStdString();
        Result<std::string> hash = fileSha256(path, proceed);
        if (!hash) {
            if (hash.error().code == ErrorCode::Cancelled)
                return hash.error();
            findings.push_back(hash.error().message());
        } else if (!image.sha256.empty() && *hash != image.sha256) {
            findings.push_back(path +
                               " was changed since it was added: its SHA-256 is not the recorded one.");
        }
    }
    return findings;
}

} // namespace limn
