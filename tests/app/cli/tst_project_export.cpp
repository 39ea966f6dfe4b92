// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the export writes the right person's pixels and a row for each label with areas by provenance;
// verify names a changed, a missing and only such a file. Projects are made in a temporary folder.
#include "app/cli/csv.h"
#include "app/cli/project_export.h"
#include "app/project/file_scan.h"
#include "io/images/mask_files.h"
#include "tests/app/cli/fake_engine.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace limn;

namespace {

constexpr Size kSize{40, 30};

class Bench {
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
    ImageId addImage(const std::string& name) {
        const QString path = QString::fromStdString(at(name));
        QDir().mkpath(QFileInfo(path).path());
        if (!writePng(at(name), pictureWith(kSize, {1, 1, 3, 3})))
            return 0;
        ImageRecord record;
        record.path = name;
        record.size = kSize;
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
        annotation.threshold = 0.4;
        return id && store->saveAnnotation(annotation).ok();
    }
    Result<ProjectExportSummary> run(const std::string& person = {}, std::vector<ReviewState> states = {}) {
        return exportProject(*store, {at("out"), person, std::move(states)});
    }
    std::vector<CsvRow> table() const {
        Result<std::vector<CsvRow>> rows = readCsv(at("out/annotations.csv"));
        return rows ? *rows : std::vector<CsvRow>{};
    }

    std::unique_ptr<ProjectStore> store;

private:
    QTemporaryDir m_dir;
};

std::string cell(const std::vector<CsvRow>& table, std::size_t row, const std::string& column) {
    for (std::size_t i = 0; i < table[0].size(); ++i)
        if (table[0][i] == column)
            return table[row][i];
    return "no such column";
}

} // namespace

class ProjectExportTest : public QObject {
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
        Result<ProjectExportSummary> summary = bench.run();
        QVERIFY2(summary.ok(), summary.ok() ? "" : summary.error().message().c_str());
        QCOMPARE(summary->images, std::size_t{2});
        QCOMPARE(summary->written, std::size_t{1});
        QCOMPARE(summary->unannotated, std::size_t{1});

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
        Result<ProjectExportSummary> nobody = bench.run("Zoe");
        QVERIFY(!nobody.ok());
        QCOMPARE(nobody.error().code, ErrorCode::InvalidArgument);
    }

    void statesChooseImages() {
        Bench bench;
        const ImageId a = bench.addImage("a.png");
        bench.addImage("b.png");
        QVERIFY(bench.store->setState(std::span(&a, 1), ReviewState::Rejected, "blurred", kNobody).ok());
        Result<ProjectExportSummary> summary = bench.run({}, {ReviewState::Rejected});
        QVERIFY(summary.ok());
        QCOMPARE(summary->images, std::size_t{1});
        QCOMPARE(cell(bench.table(), 1, "state"), std::string("rejected"));
        QCOMPARE(cell(bench.table(), 1, "reason"), std::string("blurred"));
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

QTEST_GUILESS_MAIN(ProjectExportTest)
#include "tst_project_export.moc"
