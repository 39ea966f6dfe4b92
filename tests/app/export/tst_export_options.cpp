// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the plan counts what an export will write; options become a command line that a shell takes
// apart again, and a preset that is read back; bad texts are refused with a sentence. No disk.
#include "app/export/export_options.h"

#include <QTest>

using namespace limn;

namespace {

Worklist worklist() {
    std::vector<ImageRecord> records;
    for (int i = 1; i <= 10; ++i) {
        ImageRecord record;
        record.id = i;
        record.path = "a" + std::to_string(i) + ".png";
        record.position = i;
        record.size = {1000, 800};
        if (i <= 6) {
            record.state = i <= 4 ? ReviewState::Accepted : ReviewState::Submitted;
            record.areaPixels = 1000;
            record.lastEditMs = 1;
        }
        records.push_back(record);
    }
    records[1].areaPixels = 0; // accepted as without a lesion
    records[1].noLesion = true;
    records[3].areaPixels = -1; // accepted without an annotation
    records[3].lastEditMs = 0;
    Worklist list;
    list.reset(std::move(records));
    return list;
}

} // namespace

class TestExportOptions : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void thePlan() {
        ExportOptions options;
        options.states = {ReviewState::Accepted};
        ExportPlan plan = planExport(worklist(), options);
        QCOMPARE(plan.images, (std::vector<ImageId>{1, 2, 3, 4}));
        QCOMPARE(plan.annotated, std::size_t{3});
        QCOMPARE(plan.unannotated, std::size_t{1});
        QCOMPARE(plan.empty, std::size_t{1});
        QCOMPARE(plan.leftOut, std::size_t{6});
        QCOMPARE(plan.files, std::size_t{7}); // two of each annotated image, one table
        QVERIFY(plan.aboutBytes > 0);
        options.images = {2, 4, 9};
        options.formats = {ExportFormat::Yolo, ExportFormat::Coco, ExportFormat::Overlays};
        const std::int64_t before = plan.aboutBytes;
        plan = planExport(worklist(), options);
        QCOMPARE(plan.images, (std::vector<ImageId>{2, 4}));
        QCOMPARE(plan.files, std::size_t{5}); // its text and overlay, data.yaml, train.txt, coco.json
        QVERIFY(plan.aboutBytes > before);    // photographs
    }

    void ranges() {
        QCOMPARE(imageIdRanges({12, 4, 5, 6, 1, 5}), std::string("1,4-6,12"));
        QCOMPARE(*imageIdsFromRanges("1,4-6,12"), (std::vector<ImageId>{1, 4, 5, 6, 12}));
        for (const char* text : {"", "0", "3-1", "1,1", "2,1", "1-", "-3", "1,", "1 2", "x", "1-99999999999"})
            QVERIFY2(!imageIdsFromRanges(text).ok(), text);
    }

    void theCommandLine() {
        ExportOptions options;
        options.folder = "/data/Ana's masks";
        options.formats = {ExportFormat::Masks, ExportFormat::Coco};
        options.states = {ReviewState::Accepted, ReviewState::InProgress};
        options.images = {1, 2, 3};
        options.person = "Ana Maria";
        options.labels = {"Lesion", "Hair"};
        options.longestSide = 512;
        options.names = ExportNames::Isic;
        options.existing = ExistingFiles::NewFolder;
        options.wholeLabels = true;
        options.withoutPeople = true;
        QCOMPARE(exportCommandLine("/data/nevi.limn", options),
                 std::string("limn-cli project export /data/nevi.limn --output '/data/Ana'\\''s masks' "
                             "--formats masks,coco --state accepted,in-progress --ids 1-3 "
                             "--person 'Ana Maria' --label Lesion --label Hair --longest-side 512 "
                             "--names isic --existing new-folder --whole-labels --without-people"));
    }

    void presets() {
        ExportOptions options;
        options.formats = {ExportFormat::Yolo, ExportFormat::Images};
        options.states = {ReviewState::Submitted};
        options.labels = {"Lesion"};
        options.longestSide = 640;
        options.names = ExportNames::Folders;
        options.existing = ExistingFiles::Skip;
        options.cocoLists = true;
        const Result<ExportOptions> read = exportPresetFromJson(exportPresetToJson(options));
        QVERIFY(read.ok());
        QVERIFY(*read == options);
        for (const char* text : {"", "[]", "{}", "{\"formats\": [\"gif\"]}", "{\"formats\": 3}"}) {
            const Result<ExportOptions> bad = exportPresetFromJson(text);
            QVERIFY2(!bad.ok() && bad.error().code == ErrorCode::InvalidArgument, text);
        }
    }

    void everyNameIsReadBack() {
        for (ExportFormat format : allExportFormats())
            QVERIFY(exportFormatFromName(exportFormatName(format)) == format);
        for (ExistingFiles one : {ExistingFiles::Replace, ExistingFiles::Skip, ExistingFiles::NewFolder})
            QVERIFY(existingFilesFromName(existingFilesName(one)) == one);
        for (ExportNames one : {ExportNames::Suffix, ExportNames::Isic, ExportNames::Folders})
            QVERIFY(exportNamesFromName(exportNamesName(one)) == one);
        QVERIFY(!exportFormatFromName("masks "));
    }
};

QTEST_GUILESS_MAIN(TestExportOptions)
#include "tst_export_options.moc"
