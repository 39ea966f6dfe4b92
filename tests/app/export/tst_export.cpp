// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the export writes the right person's pixels, a row for each label with areas by provenance, and
// in every format shapes that give the same pixels back; files that are there are treated as asked; one
// broken image is a line of the report and no more; a cancelled or stopped export leaves whole files alone; a
// window's job and limn-cli's function write the same bytes. verify names a changed, a missing and only such
// a file. Projects are made in a temporary folder.
#include "app/document/shapes.h"
#include "app/export/csv.h"
#include "app/export/export_job.h"
#include "app/export/exported_annotation.h"
#include "app/project/file_scan.h"
#include "app/project/project_check.h"
#include "io/export/coco_runs.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"
#include "tests/app/cli/fake_engine.h"
#include "tests/app/document/document_builders.h"

#include <QDateTime>
#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QImage>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <sstream>

using namespace limn;

namespace {

constexpr Size kSize{40, 30};

QByteArray bytesOf(const std::string& path) {
    QFile file(QString::fromStdString(path));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// Every file below a folder but the reports, which hold times, and its bytes.
std::map<std::string, QByteArray> filesOf(const std::string& folder) {
    std::map<std::string, QByteArray> files;
    const QDir dir(QString::fromStdString(folder));
    QDirIterator each(dir.path(), QDir::Files | QDir::Hidden, QDirIterator::Subdirectories);
    while (each.hasNext()) {
        const std::string path = each.next().toStdString();
        const std::string name = dir.relativeFilePath(QString::fromStdString(path)).toStdString();
        if (name.rfind("export_report", 0) != 0)
            files[name] = bytesOf(path);
    }
    return files;
}

class Bench {
    QTemporaryDir m_dir; // goes last
public:
    Bench() {
        Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(at("p.limn"), {.person = "Ana"});
        if (opened)
            store = std::move(*opened);
    }
    std::string at(const std::string& name) const {
        return m_dir.filePath(QString::fromStdString(name)).toStdString();
    }

    // A project image with a file of its own.
    ImageId addImage(const std::string& name, Size size = kSize) {
        const QString path = QString::fromStdString(at(name));
        QDir().mkpath(QFileInfo(path).path());
        if (!writePng(at(name),
                      pictureWith(size, intersected({1, 1, 3, 3}, {0, 0, size.width, size.height}))))
            return 0;
        ImageRecord record;
        record.path = name;
        record.size = size;
        record.spacing = Spacing{0.1, 0.2, "a test"};
        if (Result<std::string> hash = fileSha256(at(name), [] { return true; }))
            record.sha256 = *hash;
        Result<std::vector<ImageId>> ids = store->addImages(std::span(&record, 1), kNobody);
        return ids ? ids->front() : 0;
    }
    bool annotate(ImageId image, const std::string& person, const LabelMap& labels, const LabelMap& sources,
                  std::vector<ProvenanceRecord> provenance) {
        Result<PersonId> id = store->person(person);
        StoredAnnotation annotation;
        annotation.image = image;
        annotation.person = id ? *id : kNobody;
        annotation.labels = tilesFromLabelMap(labels);
        annotation.provenanceMap = tilesFromLabelMap(sources);
        annotation.labelTable = {{1, "Lesion", 0xff0000, "SCT", "52988006", "Lesion"},
                                 {2, "Hair", 0x00ff00, "", "", ""}};
        annotation.provenance = std::move(provenance);
        annotation.threshold = 0.6; // moved, after a proposal was used if any was
        return id && store->saveAnnotation(annotation).ok();
    }
    // Label 1 on the map's own pixels, all by hand.
    bool annotate(ImageId image, const LabelMap& labels) {
        LabelMap sources(labels.size);
        std::transform(labels.labels.begin(), labels.labels.end(), sources.labels.begin(),
                       [](std::uint8_t value) { return static_cast<std::uint8_t>(value != 0); });
        return annotate(image, "Ana", labels, sources, {{1, Origin::Manual, "", "", -1.0, "Ana", 1, 2}});
    }
    ExportOptions options(std::vector<ExportFormat> formats) const {
        ExportOptions options;
        options.folder = at("out");
        options.formats = std::move(formats);
        return options;
    }
    Result<ExportReport> run(const std::string& person = {}, std::vector<ReviewState> states = {}) {
        ExportOptions options;
        options.folder = at("out");
        options.person = person;
        options.states = std::move(states);
        return runExport(*store, options);
    }
    std::vector<CsvRow> table() const {
        Result<std::vector<CsvRow>> rows = readCsv(at("out/annotations.csv"));
        return rows ? *rows : std::vector<CsvRow>{};
    }

    std::unique_ptr<ProjectStore> store;
};

std::string cell(const std::vector<CsvRow>& table, std::size_t row, const std::string& column) {
    for (std::size_t i = 0; i < table[0].size(); ++i)
        if (table[0][i] == column)
            return table[row][i];
    return "no such column";
}

std::vector<ExportFormat> allFormats() {
    return {allExportFormats().begin(), allExportFormats().end()};
}

} // namespace

class TestExport : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void areasByLabelAndProvenance() {
        Bench bench;
        QVERIFY(bench.store != nullptr);
        const ImageId image = bench.addImage("a.png");
        bench.addImage("b.png");
        // 6 x 5 pixels of label 1, of which 2 columns are by hand; 4 pixels of label 2 from the model.
        LabelMap labels = maskWith(kSize, {10, 10, 6, 5});
        LabelMap sources = maskWith(kSize, {10, 10, 6, 5});
        for (int y = 10; y < 15; ++y)
            sources.at(14, y) = sources.at(15, y) = 2;
        for (int x = 0; x < 4; ++x) {
            labels.at(x, 0) = 2;
            sources.at(x, 0) = 1;
        }
        QVERIFY(bench.annotate(image, "Ana", labels, sources,
                               {{1, Origin::Model, "dermoscopy", std::string(64, 'c'), 0.4, "Ana", 1, 2},
                                {2, Origin::Manual, "", "", -1.0, "Ana", 1, 2}}));
        Result<ExportReport> report = bench.run();
        QVERIFY2(report.ok(), report.ok() ? "" : report.error().message().c_str());
        QCOMPARE(report->images.size(), std::size_t{2});
        QCOMPARE(report->count(ExportResult::Written), std::size_t{1});
        QCOMPARE(report->count(ExportResult::Unannotated), std::size_t{1});
        QVERIFY(report->allWell());
        QCOMPARE(report->images[0].models, std::vector<std::string>{std::string(64, 'c')});
        QCOMPARE(report->images[0].spacingSource, std::string("a test"));

        Result<LabelMap> exported = readLabelMap(bench.at("out/a_labels.png"));
        QVERIFY(exported.ok());
        QVERIFY(*exported == labels);
        Result<LabelMap> mask = readMask(bench.at("out/a_mask.png"));
        QVERIFY(mask.ok());
        for (std::size_t i = 0; i < labels.labels.size(); ++i)
            if ((labels.labels[i] != 0) != (mask->labels[i] != 0))
                QFAIL(qPrintable(QString::number(i)));

        const std::vector<CsvRow> table = bench.table();
        QCOMPARE(table.size(), std::size_t{4});
        QCOMPARE(cell(table, 1, "label_name"), std::string("Lesion"));
        QCOMPARE(cell(table, 1, "code"), std::string("SCT 52988006 Lesion"));
        QCOMPARE(cell(table, 1, "area_px"), std::string("30"));
        QCOMPARE(cell(table, 1, "area_mm2"), std::string("0.600"));
        QCOMPARE(cell(table, 1, "model_px"), std::string("20"));
        QCOMPARE(cell(table, 1, "manual_px"), std::string("10"));
        QCOMPARE(cell(table, 1, "person"), std::string("Ana"));
        QCOMPARE(cell(table, 1, "threshold"), std::string("0.4"));
        QCOMPARE(cell(table, 1, "models"), "dermoscopy " + std::string(64, 'c') + " at 0.4");
        QCOMPARE(cell(table, 2, "label_name"), std::string("Hair"));
        QCOMPARE(cell(table, 2, "area_px"), std::string("4"));
        QCOMPARE(cell(table, 3, "image"), std::string("b.png"));
        QCOMPARE(cell(table, 3, "mask"), std::string());
    }

    // A rectangle's figures, in millimetres by a person's calibration, which comes before the file's spacing.
    void shapesInTheTable() {
        Bench bench;
        const ImageId image = bench.addImage("a.png", {200, 100});
        QVERIFY(bench.annotate(image, maskWith({200, 100}, {20, 10, 100, 50})));
        const ImageId other = bench.addImage("b.png", {200, 100});
        QVERIFY(bench.annotate(other, maskWith({200, 100}, {20, 10, 100, 50})));
        CalibrationRecord calibration;
        calibration.image = image;
        calibration.spacing = {0.5, 0.5, "by Ana"};
        QVERIFY(bench.store->addCalibration(calibration).ok());
        QVERIFY(bench.run().ok());
        std::vector<CsvRow> table = bench.table();
        QCOMPARE(cell(table, 1, "area_px"), std::string("5000"));
        QCOMPARE(cell(table, 1, "percent_of_image"), std::string("25.0000"));
        QCOMPARE(cell(table, 1, "longest_px"), std::string("111.80")); // of corners: sqrt(100^2 + 50^2)
        QCOMPARE(cell(table, 1, "equivalent_px"), std::string("79.79"));
        QCOMPARE(cell(table, 1, "asymmetry_percent"), std::string("0.00"));
        QCOMPARE(cell(table, 1, "parts"), std::string("1"));
        QCOMPARE(cell(table, 1, "holes"), std::string("0"));
        QCOMPARE(cell(table, 1, "area_mm2"), std::string("1250.000"));
        QCOMPARE(cell(table, 1, "longest_mm"), std::string("55.902"));
        QCOMPARE(cell(table, 1, "spacing_source"), std::string("by Ana"));
        QCOMPARE(cell(table, 2, "area_mm2"), std::string("100.000")); // 0.1 x 0.2 mm, from the file
        QCOMPARE(cell(table, 2, "spacing_source"), std::string("a test"));
        // A name of somebody stands in a calibration's source.
        ExportOptions options = bench.options({ExportFormat::Table});
        options.withoutPeople = true;
        QVERIFY(runExport(*bench.store, options).ok());
        table = bench.table();
        QCOMPARE(cell(table, 1, "spacing_source"), std::string("calibrated"));
        QCOMPARE(cell(table, 1, "longest_mm"), std::string("55.902"));
    }

    void probabilityMaps() {
        Bench bench;
        const ImageId annotated = bench.addImage("a.png");
        // Of other sizes: pictures of the same content share their proposals.
        const Size otherSize{kSize.width + 2, kSize.height};
        const Size bareSize{kSize.width + 4, kSize.height};
        const ImageId other = bench.addImage("b.png", otherSize);
        const ImageId bare = bench.addImage("c.png", bareSize);
        QVERIFY(bench.annotate(annotated, maskWith(kSize, {1, 1, 4, 4})));
        QVERIFY(bench.annotate(bare, maskWith(bareSize, {1, 1, 4, 4})));
        // Two of the first image: the newer one is what is exported, and one of a region never is.
        const auto propose = [&](ImageId image, char model, std::uint16_t value, Rect extent) {
            ProposalRecord record;
            const auto stored = bench.store->image(image);
            record.key = {(*stored)->sha256, std::string(64, model),
                          "x" + std::to_string(extent.width) + std::to_string(value)};
            record.extent = extent;
            record.probability.size = {extent.width, extent.height};
            record.probability.values.assign(record.probability.size.pixels(), value);
            record.probability.values[0] = 7;
            return bench.store->setProposal(record).ok();
        };
        const Rect all{0, 0, kSize.width, kSize.height};
        QVERIFY(propose(annotated, 'a', 1000, all));
        QVERIFY(propose(annotated, 'b', 2000, all));
        QVERIFY(propose(annotated, 'b', 3000, {0, 0, 8, 8}));
        QVERIFY(propose(other, 'a', 4000, {0, 0, otherSize.width, otherSize.height}));
        ExportOptions options = bench.options({ExportFormat::Probability});
        Result<ExportReport> report = runExport(*bench.store, options);
        QVERIFY(report.ok());
        QImage map = QImage(QString::fromStdString(bench.at("out/a_probability.png")));
        QCOMPARE(map.format(), QImage::Format_Grayscale16);
        QCOMPARE(map.size(), QSize(kSize.width, kSize.height));
        const auto value = [&map](int x) {
            return int(reinterpret_cast<const quint16*>(map.constScanLine(0))[x]);
        };
        QCOMPARE(value(0), 7);
        QCOMPARE(value(1), 2000);
        // Nobody annotated the second image, and the third has no proposal.
        map = QImage(QString::fromStdString(bench.at("out/b_probability.png")));
        QCOMPARE(value(1), 4000);
        QVERIFY(report->images[1].result == ExportResult::Written);
        QVERIFY(report->images[2].result == ExportResult::Skipped);
        QCOMPARE(report->images[2].reason, std::string("No proposal of it is kept."));
        QVERIFY(!QFileInfo::exists(QString::fromStdString(bench.at("out/c_probability.png"))));
        // Smaller ones are means.
        options.longestSide = kSize.width / 2;
        options.names = ExportNames::Folders;
        QVERIFY(runExport(*bench.store, options).ok());
        map = QImage(QString::fromStdString(bench.at("out/probability/a.png")));
        QCOMPARE(map.size(), QSize(kSize.width / 2, kSize.height / 2));
        QCOMPARE(value(0), 1502); // of 7 and three times 2000
        QCOMPARE(value(1), 2000);
    }

    void personsAreTakenByName() {
        Bench bench;
        const ImageId image = bench.addImage("a.png");
        const LabelMap ana = maskWith(kSize, {1, 1, 4, 4});
        const LabelMap ben = maskWith(kSize, {20, 5, 7, 3});
        const std::vector<ProvenanceRecord> manual{{1, Origin::Manual, "", "", -1.0, "", 1, 2}};
        QVERIFY(bench.annotate(image, "Ana", ana, ana, manual));
        QVERIFY(bench.annotate(image, "Ben", ben, ben, manual));
        for (const auto& [name, expected] : {std::pair<std::string, LabelMap>{"Ana", ana}, {"Ben", ben}}) {
            QVERIFY(bench.run(name).ok());
            Result<LabelMap> exported = readLabelMap(bench.at("out/a_labels.png"));
            QVERIFY(exported.ok());
            QVERIFY2(*exported == expected, name.c_str());
        }
        Result<ExportReport> nobody = bench.run("Zoe");
        QVERIFY(!nobody.ok());
        QCOMPARE(nobody.error().code, ErrorCode::InvalidArgument);
    }

    void statesChooseImages() {
        Bench bench;
        const ImageId a = bench.addImage("a.png");
        bench.addImage("b.png");
        QVERIFY(bench.store->setState(std::span(&a, 1), ReviewState::Rejected, "blurred", kNobody).ok());
        Result<ExportReport> report = bench.run({}, {ReviewState::Rejected});
        QVERIFY(report.ok());
        QCOMPARE(report->images.size(), std::size_t{1});
        QCOMPARE(report->leftOut, std::size_t{1});
        QCOMPARE(cell(bench.table(), 1, "state"), std::string("rejected"));
        QCOMPARE(cell(bench.table(), 1, "reason"), std::string("blurred"));
        QCOMPARE(cell(bench.table(), 1, "state_by"), std::string());
        QVERIFY(!cell(bench.table(), 1, "state_time").empty());
    }

    void shapesGiveTheSamePixelsBack() {
        Bench bench;
        std::mt19937 random(3);
        std::vector<ImageId> ids;
        std::vector<LabelMap> maps;
        for (int i = 0; i < 24; ++i) {
            const Size size{1 + static_cast<int>(random() % 90), 1 + static_cast<int>(random() % 90)};
            maps.push_back(i % 3 == 0 ? test::noise(random, size, 2, 0.4) : test::blobs(random, size, 2, 12));
            ids.push_back(bench.addImage("i" + std::to_string(i) + ".png", size));
            QVERIFY(bench.annotate(ids.back(), maps.back()));
        }
        for (const bool whole : {false, true}) {
            ExportOptions options =
                bench.options({ExportFormat::Coco, ExportFormat::Labelme, ExportFormat::Yolo});
            options.wholeLabels = whole;
            options.cocoLists = whole;
            const Result<ExportReport> report = runExport(*bench.store, options);
            QVERIFY(report.ok() && report->allWell());
            const auto coco = nlohmann::json::parse(bytesOf(bench.at("out/coco.json")).toStdString());
            for (std::size_t i = 0; i < maps.size(); ++i) {
                const Rect all{0, 0, maps[i].size.width, maps[i].size.height};
                LabelMap fromCoco(maps[i].size);
                std::size_t area = 0;
                for (const auto& one : coco["annotations"]) {
                    if (one["image_id"] != ids[i])
                        continue;
                    area += one["area"].get<std::size_t>();
                    PixelArea pixels;
                    if (one["segmentation"].is_array()) {
                        std::vector<Ring> rings;
                        for (const auto& flat : one["segmentation"]) {
                            rings.emplace_back();
                            for (std::size_t k = 0; k < flat.size(); k += 2)
                                rings.back().push_back({flat[k].get<double>(), flat[k + 1].get<double>()});
                        }
                        pixels = polygonArea(rings, FillRule::NonZero, all);
                    } else {
                        const auto& counts = one["segmentation"]["counts"];
                        const Result<CocoRuns> runs = counts.is_string()
                                                          ? cocoRunsFromText(counts.get<std::string>())
                                                          : Result<CocoRuns>(counts.get<CocoRuns>());
                        pixels = PixelArea::ofMask(*maskFromCocoRuns(*runs, maps[i].size));
                    }
                    const Rect box = pixels.bounds();
                    QVERIFY(one["bbox"] == nlohmann::json({box.x, box.y, box.width, box.height}));
                    QCOMPARE(pixels.pixels(), one["area"].get<std::size_t>());
                    for (const Span& span : pixels.spans())
                        for (int x = span.begin; x < span.end; ++x)
                            fromCoco.at(x, span.y) = one["category_id"].get<std::uint8_t>();
                }
                QVERIFY(fromCoco == maps[i]);
                QCOMPARE(area, PixelArea::ofMask(maps[i]).pixels());

                const std::string stem = bench.at("out/") + "i" + std::to_string(i);
                const auto labelme = nlohmann::json::parse(bytesOf(stem + ".json").toStdString());
                QCOMPARE(labelme["imagePath"].get<std::string>(), "../i" + std::to_string(i) + ".png");
                LabelMap fromLabelme(maps[i].size);
                for (const auto& shape : labelme["shapes"]) {
                    const std::uint8_t value = shape["label"] == "Lesion" ? 1 : 2;
                    const auto& points = shape["points"];
                    if (shape["shape_type"] == "polygon") {
                        Ring ring;
                        for (const auto& point : points)
                            ring.push_back({point[0].get<double>(), point[1].get<double>()});
                        const PixelArea area = polygonArea(ring, FillRule::NonZero, all);
                        for (const Span& span : area.spans())
                            for (int x = span.begin; x < span.end; ++x)
                                fromLabelme.at(x, span.y) = value;
                        continue;
                    }
                    QFile file(QString::fromStdString(bench.at("patch.png")));
                    QVERIFY(file.open(QIODevice::WriteOnly));
                    file.write(
                        QByteArray::fromBase64(QByteArray::fromStdString(shape["mask"].get<std::string>())));
                    file.close();
                    const Result<LabelMap> patch = readLabelMap(bench.at("patch.png"));
                    QVERIFY(patch.ok());
                    const int left = points[0][0].get<int>();
                    const int top = points[0][1].get<int>();
                    QCOMPARE(patch->size.width, points[1][0].get<int>() - left + 1);
                    QCOMPARE(patch->size.height, points[1][1].get<int>() - top + 1);
                    for (int y = 0; y < patch->size.height; ++y)
                        for (int x = 0; x < patch->size.width; ++x)
                            if (patch->at(x, y))
                                fromLabelme.at(left + x, top + y) = value;
                }
                QVERIFY(fromLabelme == maps[i]);
            }
            // YOLO cannot say holes: the pixels come back with every part's holes filled.
            for (std::size_t i = 0; i < maps.size(); ++i) {
                const Rect all{0, 0, maps[i].size.width, maps[i].size.height};
                std::istringstream lines(
                    bytesOf(bench.at("out/labels/train/i" + std::to_string(i) + ".txt")).toStdString());
                std::array<PixelArea, 2> read;
                for (std::string line; std::getline(lines, line);) {
                    std::istringstream numbers(line);
                    std::size_t category = 9;
                    numbers >> category;
                    QVERIFY(category < 2);
                    Ring ring;
                    for (double x = 0.0, y = 0.0; numbers >> x >> y;)
                        ring.push_back({x * all.width, y * all.height});
                    read[category] = read[category].united(polygonArea(ring, FillRule::NonZero, all));
                }
                for (std::uint8_t value : {std::uint8_t{1}, std::uint8_t{2}}) {
                    const PixelArea area = PixelArea::ofValue(maps[i], value);
                    const PixelArea holes = holesOf(area, all);
                    QVERIFY(area.subtracted(read[value - 1u]).empty());
                    QVERIFY(read[value - 1u].subtracted(area.united(holes)).empty());
                }
            }
        }
    }

    void brokenImagesAreLinesOfTheReport() {
        Bench bench;
        std::vector<ImageId> ids;
        const int count = qEnvironmentVariableIsSet("LIMN_FULL") ? 1000 : 45;
        for (int i = 0; i < count; ++i) {
            ids.push_back(bench.addImage("i" + std::to_string(i) + ".png"));
            QVERIFY(bench.annotate(ids.back(), maskWith(kSize, {i % 30, 3, 8, 9})));
        }
        QVERIFY(QFile::remove(QString::fromStdString(bench.at("i7.png"))));
        QFile cut(QString::fromStdString(bench.at("i20.png")));
        QVERIFY(cut.resize(60));
        QVERIFY(writePng(bench.at("i41.png"), pictureWith(kSize, {9, 9, 9, 9})).ok()); // another image
        const Result<ExportReport> report =
            runExport(*bench.store, bench.options({ExportFormat::Masks, ExportFormat::Overlays}));
        QVERIFY(report.ok());
        QCOMPARE(report->count(ExportResult::Written), static_cast<std::size_t>(count - 3));
        QCOMPARE(report->failed(), (std::vector<ImageId>{ids[7], ids[20], ids[41]}));
        QVERIFY(report->images[7].reason.find("does not exist") != std::string::npos);
        QVERIFY(report->images[20].reason.find("i20.png") != std::string::npos);
        QVERIFY(report->images[41].reason.find("changed") != std::string::npos);
        // What does not need the image is there.
        QCOMPARE(report->images[7].files, std::vector<std::string>{"i7_mask.png"});
        const auto json = nlohmann::json::parse(bytesOf(bench.at("out/export_report.json")).toStdString());
        QCOMPARE(json["counts"]["failed"].get<int>(), 3);
        QVERIFY(json["images"][41]["reason"] == report->images[41].reason);
        const Result<std::vector<CsvRow>> rows = readCsv(bench.at("out/export_report.csv"));
        QVERIFY(rows.ok());
        QCOMPARE(rows->size(), static_cast<std::size_t>(count + 1));
        QCOMPARE((*rows)[8][1], std::string("failed"));
        // "Retry these", after the file is back.
        QVERIFY(writePng(bench.at("i7.png"), pictureWith(kSize, {1, 1, 3, 3})).ok());
        ExportOptions again = bench.options({ExportFormat::Masks, ExportFormat::Overlays});
        again.images = report->failed();
        const Result<ExportReport> second = runExport(*bench.store, again);
        QVERIFY(second.ok());
        QCOMPARE(second->images.size(), std::size_t{3});
        QCOMPARE(second->count(ExportResult::Written), std::size_t{1});
    }

    void filesThatAreThere() {
        Bench bench;
        const ImageId a = bench.addImage("a.png");
        const ImageId b = bench.addImage("b.png");
        QVERIFY(bench.annotate(a, maskWith(kSize, {1, 1, 5, 5})));
        ExportOptions options = bench.options({ExportFormat::Masks, ExportFormat::Table});
        QVERIFY(runExport(*bench.store, options).ok());
        const auto before = filesOf(options.folder);
        QVERIFY(bench.annotate(b, maskWith(kSize, {1, 1, 5, 5})));
        StoredAnnotation changed = **bench.store->annotation(a, *bench.store->person("Ana"), 0);
        changed.labels = tilesFromLabelMap(maskWith(kSize, {9, 9, 2, 2}));
        QVERIFY(bench.store->saveAnnotation(changed).ok());

        options.existing = ExistingFiles::Skip;
        Result<ExportReport> report = runExport(*bench.store, options);
        QVERIFY(report.ok() && report->allWell());
        QCOMPARE(report->images[0].result, ExportResult::Skipped);
        QCOMPARE(report->images[1].result, ExportResult::Written);
        QVERIFY(report->notes.front().find("annotations.csv") != std::string::npos);
        auto after = filesOf(options.folder);
        QVERIFY(after.at("a_mask.png") == before.at("a_mask.png"));
        QVERIFY(after.at("annotations.csv") == before.at("annotations.csv"));
        QVERIFY(after.count("b_mask.png"));

        options.existing = ExistingFiles::NewFolder;
        for (const char* folder : {"out-2", "out-3"}) {
            report = runExport(*bench.store, options);
            QVERIFY(report.ok());
            QCOMPARE(report->folder, bench.at(folder));
            QVERIFY(filesOf(bench.at(folder)).at("a_mask.png") != before.at("a_mask.png"));
        }
        QVERIFY(filesOf(options.folder) == after);

        options.existing = ExistingFiles::Replace;
        QVERIFY(runExport(*bench.store, options).ok());
        QVERIFY(filesOf(options.folder) == filesOf(bench.at("out-2")));
    }

    void cancelLeavesWholeFiles() {
        Bench bench;
        for (int i = 0; i < 40; ++i)
            QVERIFY(bench.annotate(bench.addImage("i" + std::to_string(i) + ".png"),
                                   maskWith(kSize, {i % 30, 3, 8, 9})));
        const ExportOptions options =
            bench.options({ExportFormat::Masks, ExportFormat::Labelme, ExportFormat::Table});
        const Result<ExportReport> report = runExport(
            *bench.store, options, [](const ExportProgress& progress) { return progress.done < 10; });
        QVERIFY(report.ok());
        QVERIFY(report->cancelled && !report->allWell());
        const std::size_t written = report->count(ExportResult::Written);
        QVERIFY(written >= 10 && written < 40);
        QCOMPARE(report->count(ExportResult::NotReached), 40 - written);
        const auto files = filesOf(options.folder);
        QCOMPARE(files.size(), 2 * written); // no table, nothing temporary
        for (const auto& [name, bytes] : files) {
            if (name.find(".png") != std::string::npos)
                QVERIFY2(readLabelMap(options.folder + "/" + name).ok(), name.c_str());
            else
                QVERIFY2(nlohmann::json::accept(bytes.toStdString()), name.c_str());
        }
    }

    void anUnusableFolderIsSaidBeforeTheWork() {
        Bench bench;
        QVERIFY(bench.annotate(bench.addImage("a.png"), maskWith(kSize, {1, 1, 5, 5})));
        ExportOptions options = bench.options({ExportFormat::Masks});
        options.folder = bench.at("a.png"); // a file
        Result<ExportReport> report = runExport(*bench.store, options);
        QVERIFY(!report.ok());
        QCOMPARE(report.error().code, ErrorCode::FileNotWritable);
        QVERIFY(report.error().message().find("a.png") != std::string::npos);
        options.formats.clear();
        QCOMPARE(runExport(*bench.store, options).error().code, ErrorCode::InvalidArgument);
    }

    void chosenLabelsAndSmallerSizes() {
        Bench bench;
        LabelMap labels = maskWith(kSize, {10, 10, 20, 10});
        for (int x = 0; x < 8; ++x)
            labels.at(x, 0) = 2;
        const ImageId image = bench.addImage("a.png");
        QVERIFY(bench.annotate(image, labels));
        ExportOptions options = bench.options(allFormats());
        options.labels = {"Lesion", "Scar"};
        options.longestSide = 20;
        options.names = ExportNames::Folders;
        const Result<ExportReport> report = runExport(*bench.store, options);
        QVERIFY(report.ok() && report->allWell());
        QCOMPARE(report->notes, std::vector<std::string>{"No annotation has a label called Scar."});
        const Result<LabelMap> small = readLabelMap(bench.at("out/label-maps/a.png"));
        QVERIFY(small.ok());
        QVERIFY(*small == maskWith({20, 15}, {5, 5, 10, 5}));
        const Result<Image> copy = readImage(bench.at("out/images/train/a.png"));
        QVERIFY(copy.ok());
        QVERIFY((copy->size == Size{20, 15}));
        // White with black at [1, 4) x [1, 4): the first new pixel is a quarter black, the next wholly.
        QCOMPARE(int(copy->pixel(0, 0)[0]), 191);
        QCOMPARE(int(copy->pixel(1, 1)[0]), 0);
        QCOMPARE(int(copy->pixel(10, 10)[0]), 255);
        const auto coco = nlohmann::json::parse(bytesOf(bench.at("out/coco.json")).toStdString());
        QVERIFY(coco["annotations"][0]["segmentation"] == nlohmann::json::parse("[[5,5,15,5,15,10,5,10]]"));
        QCOMPARE(coco["images"][0]["file_name"].get<std::string>(), std::string("images/train/a.png"));
        QCOMPARE(bytesOf(bench.at("out/train.txt")), QByteArray("./images/train/a.png\n"));
        QCOMPARE(bytesOf(bench.at("out/labels/train/a.txt")),
                 QByteArray("0 0.25 0.333333333 0.75 0.333333333 0.75 0.666666667 0.25 0.666666667\n"));
        QVERIFY(readImage(bench.at("out/overlays/a.jpg")).ok());
        // Areas in the table are those of the annotation, not of the smaller copy.
        const std::vector<CsvRow> table = bench.table();
        QCOMPARE(table.size(), std::size_t{2});
        QCOMPARE(cell(table, 1, "area_px"), std::string("200"));
        QCOMPARE(cell(table, 1, "mask"), std::string("masks/a.png"));
    }

    void withoutPeopleNobodyIsNamed() {
        Bench bench;
        const ImageId image = bench.addImage("a.png");
        QVERIFY(bench.annotate(image, maskWith(kSize, {1, 1, 5, 5})));
        QVERIFY(bench.store->setFlag(image, true, "asked Ana", *bench.store->person("Ana")).ok());
        ExportOptions options = bench.options(allFormats());
        QVERIFY(runExport(*bench.store, options).ok());
        QVERIFY(bytesOf(bench.at("out/annotations.csv")).contains("Ana"));
        options.withoutPeople = true;
        QVERIFY(runExport(*bench.store, options).ok());
        for (const auto& [name, bytes] : filesOf(options.folder))
            QVERIFY2(!bytes.contains("Ana"), name.c_str());
        QVERIFY(cell(bench.table(), 1, "saved").empty());
    }

    void noLesionAndNamesakes() {
        Bench bench;
        const ImageId one = bench.addImage("x/same.png");
        const ImageId two = bench.addImage("y/same.png");
        QVERIFY(bench.annotate(one, maskWith(kSize, {1, 1, 5, 5})));
        StoredAnnotation none;
        none.image = two;
        none.person = *bench.store->person("Ana");
        none.labels = LabelTiles(kSize);
        none.labelTable = {{1, "Lesion", 0xff0000, "", "", ""}};
        none.noLesion = true;
        QVERIFY(bench.store->saveAnnotation(none).ok());
        ExportOptions options = bench.options(
            {ExportFormat::Masks, ExportFormat::Yolo, ExportFormat::Labelme, ExportFormat::Coco});
        options.images = {two}; // the name is the same as when both are exported
        const Result<ExportReport> report = runExport(*bench.store, options);
        QVERIFY(report.ok());
        QVERIFY(report->images[0].reason.empty()); // "no lesion" is no mistake
        const auto files = filesOf(options.folder);
        QVERIFY(files.count("y_same_mask.png"));
        QCOMPARE(files.at("labels/train/y_same.txt"), QByteArray());
        QVERIFY(nlohmann::json::parse(files.at("y_same.json").toStdString())["flags"]["no_lesion"] == true);
        const auto coco = nlohmann::json::parse(files.at("coco.json").toStdString());
        QCOMPARE(coco["images"].size(), std::size_t{1});
        QVERIFY(coco["annotations"].empty());
    }

    // What a killed export left on a network drive.
    void abandonedFilesGo() {
        Bench bench;
        QVERIFY(bench.annotate(bench.addImage("a.png"), maskWith(kSize, {1, 1, 5, 5})));
        QVERIFY(QDir().mkpath(QString::fromStdString(bench.at("out"))));
        QFile part(QString::fromStdString(bench.at("out/.limn-1-1.part")));
        QVERIFY(part.open(QIODevice::WriteOnly));
        QVERIFY(
            part.setFileTime(QDateTime::currentDateTime().addDays(-2), QFileDevice::FileModificationTime));
        part.close();
        QVERIFY(runExport(*bench.store, bench.options({ExportFormat::Masks})).ok());
        QVERIFY(QFile::exists(QString::fromStdString(bench.at("out/a_mask.png"))));
        QVERIFY(!part.exists());
    }

    void theJobWritesTheSameBytes() {
        Bench bench;
        for (int i = 0; i < 5; ++i)
            QVERIFY(bench.annotate(bench.addImage("i" + std::to_string(i) + ".png"),
                                   maskWith(kSize, {i, 3, 8, 9})));
        ExportOptions options = bench.options(allFormats());
        QVERIFY(runExport(*bench.store, options).ok());
        bench.store.reset();
        ProjectOptions asAna;
        asAna.person = "Ana";
        const auto project = Project::open(bench.at("p.limn"), asAna);
        QVERIFY(project->waitUntilOpen().ok());
        options.folder = bench.at("job");
        ExportJob job(*project, options);
        QSignalSpy progress(&job, &ExportJob::progressed);
        std::optional<Result<ExportReport>> report;
        connect(&job, &ExportJob::finished, this, [&](const Result<ExportReport>& one) { report = one; });
        job.start();
        QVERIFY(job.isRunning());
        QTRY_VERIFY_WITH_TIMEOUT(report.has_value(), 30000);
        QVERIFY(report->ok() && (*report)->allWell());
        QVERIFY(!job.isRunning());
        QVERIFY(progress.count() >= 1);
        QVERIFY(filesOf(bench.at("job")) == filesOf(bench.at("out")));

        // Cancelled before it began: the report still comes.
        options.folder = bench.at("none");
        ExportJob cancelled(*project, options);
        report.reset();
        connect(&cancelled, &ExportJob::finished, this,
                [&](const Result<ExportReport>& one) { report = one; });
        cancelled.cancel();
        cancelled.start();
        QTRY_VERIFY_WITH_TIMEOUT(report.has_value(), 30000);
        QVERIFY(report->ok());
        QVERIFY((*report)->cancelled || (*report)->count(ExportResult::Written) == 5);
    }

    void verifyNamesWhatIsWrong() {
        Bench bench;
        bench.addImage("fine.png");
        bench.addImage("changed.png");
        bench.addImage("gone.png");
        Result<std::vector<std::string>> whole = verifyProject(*bench.store);
        QVERIFY(whole.ok());
        QVERIFY2(whole->empty(), whole->empty() ? "" : whole->front().c_str());

        QVERIFY(writePng(bench.at("changed.png"), pictureWith(kSize, {9, 9, 9, 9})).ok());
        QVERIFY(QFile::remove(QString::fromStdString(bench.at("gone.png"))));
        Result<std::vector<std::string>> findings = verifyProject(*bench.store);
        QVERIFY(findings.ok());
        QCOMPARE(findings->size(), std::size_t{2});
        QVERIFY(findings->at(0).find("changed.png") != std::string::npos);
        QVERIFY(findings->at(1).find("gone.png") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestExport)
#include "tst_export.moc"
