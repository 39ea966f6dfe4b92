// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: masks, probabilities and overlays lie where they belong with the right pixels; one bad file stops
// nothing; the report has a row for each image; resume leaves out what is complete and refuses other
// settings; no run replaces what is another image's or somebody else's. Images are drawn here; the engine
// makes dark pixels probable.
#include "app/cli/segment_batch.h"
#include "app/export/csv.h"
#include "io/core/drawn_image.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"
#include "tests/app/cli/fake_engine.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

using namespace limn;

namespace {

constexpr Size kSize{80, 60};
constexpr Rect kDark{10, 20, 30, 15};
constexpr Rect kOther{4, 6, 50, 31};

class Bench {
public:
    Bench() {
        options.pipeline.predict.inputSize = 120;
        options.pipeline.batch = 2;
        options.pipeline.readers = 2;
        options.pipeline.finishers = 2;
        options.output = out("");
    }

    std::string in(const std::string& name) const {
        return m_dir.path().toStdString() + "/in" + (name.empty() ? "" : "/" + name);
    }
    std::string out(const std::string& name) const {
        return m_dir.path().toStdString() + "/out" + (name.empty() ? "" : "/" + name);
    }
    QString path(const std::string& name) const { return m_dir.filePath(QString::fromStdString(name)); }

    void addImage(const std::string& name) { addImage(name, pictureWith(kSize, kDark)); }
    void addImage(const std::string& name, const Image& image) {
        QDir().mkpath(QString::fromStdString(in("")));
        QVERIFY(writePng(in(name), image).ok());
        inputs.push_back(
            {in(name), QString::fromStdString(name).section(QLatin1Char('.'), 0, 0).toStdString(), {}});
    }
    // One that is taken for what it is.
    void addDrawnImage(const std::string& name, DrawnKind drawn, ImageKind kind) {
        Image image;
        for (std::uint64_t seed = 0; guessImageKind(image) != kind; ++seed)
            image = drawImage(drawn, {160, 120}, seed).image;
        addImage(name, image);
    }
    void addBadImage(const std::string& name) {
        QDir().mkpath(QString::fromStdString(in("")));
        QFile file(QString::fromStdString(in(name)));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("this is no image");
        inputs.push_back(
            {in(name), QString::fromStdString(name).section(QLatin1Char('.'), 0, 0).toStdString(), {}});
    }
    // One more of a name that is taken from nothing but its file.
    void addImageIn(const std::string& folder, const std::string& file, const Rect& dark) {
        QDir().mkpath(QString::fromStdString(in(folder)));
        addImage(folder + "/" + file, pictureWith(kSize, dark));
        inputs.back().name = QFileInfo(QString::fromStdString(file)).completeBaseName().toStdString();
    }
    QByteArray bytesOf(const std::string& file) const {
        QFile opened(QString::fromStdString(file));
        return opened.open(QIODevice::ReadOnly) ? opened.readAll() : QByteArray();
    }
    QStringList files() const {
        return QDir(QString::fromStdString(out(""))).entryList(QDir::Files | QDir::Hidden, QDir::Name);
    }
    Result<SegmentSummary> run() {
        CancelToken cancel;
        return segmentImages(engine, inputs, options, cancel);
    }

    FakeEngine engine;
    std::vector<InputImage> inputs;
    SegmentOptions options;

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

class SegmentBatchTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void writesWhatWasAskedFor() {
        Bench bench;
        bench.addImage("a.png");
        bench.addImage("b.png");
        bench.options.saveProbability = true;
        bench.options.saveOverlay = true;
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->done, std::size_t{2});
        QCOMPARE(bench.files(),
                 (QStringList{QStringLiteral("a_mask.png"), QStringLiteral("a_overlay.jpg"),
                              QStringLiteral("a_probability.png"), QStringLiteral("b_mask.png"),
                              QStringLiteral("b_overlay.jpg"), QStringLiteral("b_probability.png"),
                              QStringLiteral("segment.json")}));
        Result<LabelMap> mask = readMask(bench.out("a_mask.png"));
        QVERIFY(mask.ok());
        QVERIFY(*mask == maskWith(kSize, kDark));
        Result<Image> probability = readImage(bench.out("a_probability.png"));
        QVERIFY(probability.ok());
        QCOMPARE(probability->size, kSize);
        QVERIFY(probability->deep != nullptr);
        QCOMPARE(probability->deep->samples[0], std::uint16_t{0});
        QCOMPARE(probability->deep->samples[static_cast<std::size_t>(kDark.y) * kSize.width + kDark.x],
                 std::uint16_t{65535});
        Result<Image> overlay = readImage(bench.out("a_overlay.jpg"));
        QVERIFY(overlay.ok());
        QCOMPARE(overlay->size, kSize);
    }

    // The mask is made a row at a time; what else is written must not change it, nor the figures.
    void masksAndFiguresAreTheSameWhateverElseIsWritten() {
        const auto run = [](Bench& bench, std::vector<CsvRow>& report, LabelMap& mask) {
            bench.addImage("a.png");
            bench.options.report = bench.out("report.csv");
            QVERIFY(bench.run().ok());
            Result<LabelMap> written = readMask(bench.out("a_mask.png"));
            Result<std::vector<CsvRow>> table = readCsv(bench.options.report);
            QVERIFY(written.ok() && table.ok());
            mask = *written;
            report = *table;
        };
        Bench maskAlone, withProbability, withOverlay;
        withProbability.options.saveProbability = true;
        withOverlay.options.saveOverlay = true;
        std::vector<CsvRow> report, probabilityReport, overlayReport;
        LabelMap mask, probabilityMask, overlayMask;
        run(maskAlone, report, mask);
        run(withProbability, probabilityReport, probabilityMask);
        run(withOverlay, overlayReport, overlayMask);
        QVERIFY(mask == maskWith(kSize, kDark));
        QVERIFY(probabilityMask == mask);
        QVERIFY(overlayMask == mask);
        QCOMPARE(cell(report, 1, "area_px"), std::to_string(kDark.width * kDark.height));
        QCOMPARE(cell(overlayReport, 1, "area_px"), cell(report, 1, "area_px"));
        for (const char* column : {"area_px", "area_percent", "mean_probability_inside", "width", "height"})
            QCOMPARE(cell(probabilityReport, 1, column), cell(report, 1, column));
    }

    void figuresWithoutAnyFile() {
        Bench bench;
        bench.addImage("a.png");
        bench.options.saveMask = false;
        bench.options.report = bench.out("report.csv");
        QVERIFY(bench.run().ok());
        Result<std::vector<CsvRow>> report = readCsv(bench.options.report);
        QVERIFY(report.ok());
        QCOMPARE(cell(*report, 1, "area_px"), std::to_string(kDark.width * kDark.height));
        QVERIFY(!bench.files().contains(QStringLiteral("a_mask.png")));
    }

    // Of several models each image gets that of its kind, whether its rows or its pixels are looked at;
    // report and segment.json say which, and --resume knows them again.
    void eachImageItsModel() {
        for (const bool overlays : {false, true}) {
            Bench bench;
            bench.addDrawnImage("skin.png", DrawnKind::Dermoscopy, ImageKind::Dermoscopy);
            bench.addDrawnImage("gut.png", DrawnKind::Endoscopy, ImageKind::Endoscopy);
            bench.addBadImage("bad.png");
            bench.options.saveOverlay = overlays;
            bench.options.report = bench.out("") + "-report.csv";
            FakeEngine polyp;
            bench.engine.setModelName("dermoscopy");
            polyp.setModelName("polyp");
            polyp.setModelHash('b');
            const std::vector<SegmentEngine> engines = {{&bench.engine, ImageKind::Dermoscopy},
                                                        {&polyp, ImageKind::Endoscopy}};
            CancelToken cancel;
            Result<SegmentSummary> summary = segmentImages(engines, bench.inputs, bench.options, cancel);
            QVERIFY(summary.ok());
            QCOMPARE(summary->byEngine, (std::vector<std::size_t>{1, 1}));
            QCOMPARE(summary->failed.size(), std::size_t{1});
            QCOMPARE(bench.engine.batches.size(), std::size_t{1});
            QCOMPARE(polyp.batches.size(), std::size_t{1});
            Result<std::vector<CsvRow>> table = readCsv(bench.options.report);
            QVERIFY(table.ok());
            QCOMPARE(cell(*table, 1, "model"), std::string("dermoscopy"));
            QCOMPARE(cell(*table, 1, "model_sha256"), std::string(64, 'a'));
            QCOMPARE(cell(*table, 2, "model"), std::string("polyp"));
            QCOMPARE(cell(*table, 2, "model_sha256"), std::string(64, 'b'));
            QCOMPARE(cell(*table, 3, "model"), std::string()); // it was never seen
            QFile settings(QString::fromStdString(bench.out("segment.json")));
            QVERIFY(settings.open(QIODevice::ReadOnly));
            const QByteArray json = settings.readAll();
            QVERIFY(json.contains("\"auto\"") && json.contains("\"polyp\"") &&
                    json.contains(QByteArray(64, 'b')));

            bench.options.resume = true;
            summary = segmentImages(engines, bench.inputs, bench.options, cancel);
            QVERIFY(summary.ok());
            QCOMPARE(summary->skipped, std::size_t{2});
            polyp.setModelHash('c');
            QCOMPARE(segmentImages(engines, bench.inputs, bench.options, cancel).error().code,
                     ErrorCode::InvalidArgument);
            const Error other = bench.run().error();
            QCOMPARE(other.code, ErrorCode::InvalidArgument);
            QVERIFY2(other.message().find("polyp (SHA-256 bbbbbbbbbbbb...)") != std::string::npos,
                     other.message().c_str());
        }
    }

    // What the folder says counts, whether rows or pixels are looked at.
    void aFolderSpeaksForItsImages() {
        for (const bool overlays : {false, true}) {
            Bench bench;
            bench.addDrawnImage("gut.png", DrawnKind::Endoscopy, ImageKind::Endoscopy);
            bench.options.saveOverlay = overlays;
            bench.inputs.back().endoscopyOdds = -1000.0;
            FakeEngine polyp;
            CancelToken cancel;
            const Result<SegmentSummary> summary =
                segmentImages({{&bench.engine, ImageKind::Dermoscopy}, {&polyp, ImageKind::Endoscopy}},
                              bench.inputs, bench.options, cancel);
            QVERIFY(summary.ok());
            QCOMPARE(summary->byEngine, (std::vector<std::size_t>{1, 0}));
        }
    }

    void oneBadFileStopsNothing() {
        Bench bench;
        bench.addImage("a.png");
        bench.addBadImage("bad.png");
        bench.addImage("c.png");
        bench.inputs.push_back({bench.in("missing.png"), "missing", {}});
        bench.options.report = bench.out("") + "-report.csv";
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->done, std::size_t{2});
        QCOMPARE(summary->failed.size(), std::size_t{2});
        QCOMPARE(summary->failed[0].first, bench.in("bad.png"));
        QCOMPARE(summary->failed[1].second.code, ErrorCode::FileNotFound);
        QCOMPARE(bench.files(), (QStringList{QStringLiteral("a_mask.png"), QStringLiteral("c_mask.png"),
                                             QStringLiteral("segment.json")}));

        Result<std::vector<CsvRow>> table = readCsv(bench.options.report);
        QVERIFY(table.ok());
        QCOMPARE(table->size(), std::size_t{5});
        QCOMPARE(cell(*table, 1, "status"), std::string("done"));
        QCOMPARE(cell(*table, 1, "area_px"), std::to_string(kDark.width * kDark.height));
        QCOMPARE(cell(*table, 1, "area_percent"), std::string("9.3750"));
        QCOMPARE(cell(*table, 1, "model_sha256"), std::string(64, 'a'));
        QCOMPARE(cell(*table, 2, "status"), std::string("failed"));
        QVERIFY(cell(*table, 2, "error").find("bad.png") != std::string::npos);
        QCOMPARE(cell(*table, 4, "status"), std::string("failed"));
    }

    void resumeLeavesOutWhatIsComplete() {
        Bench bench;
        bench.addImage("a.png");
        bench.addImage("b.png");
        bench.options.saveOverlay = true;
        bench.options.report = bench.out("") + "-report.csv";
        QVERIFY(bench.run().ok());
        Result<std::vector<CsvRow>> first = readCsv(bench.options.report);
        QVERIFY(first.ok());
        // As a kill between the two files of an image leaves it.
        QVERIFY(QFile::remove(QString::fromStdString(bench.out("b_mask.png"))));

        bench.engine.batches.clear();
        bench.options.resume = true;
        bench.addImage("c.png");
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->skipped, std::size_t{1});
        QCOMPARE(summary->done, std::size_t{2});
        std::size_t predicted = 0;
        for (std::size_t size : bench.engine.batches)
            predicted += size;
        QCOMPARE(predicted, std::size_t{2});
        QVERIFY(bench.files().contains(QStringLiteral("b_mask.png")));
        // The report of both runs is whole.
        Result<std::vector<CsvRow>> table = readCsv(bench.options.report);
        QVERIFY(table.ok());
        QCOMPARE(table->size(), std::size_t{4});
        QCOMPARE((*table)[1], (*first)[1]);
        QCOMPARE(cell(*table, 3, "status"), std::string("done"));
    }

    void resumeRefusesOtherSettings() {
        Bench bench;
        bench.addImage("a.png");
        QVERIFY(bench.run().ok());
        bench.options.resume = true;
        bench.options.threshold = 0.7;
        Result<SegmentSummary> other = bench.run();
        QVERIFY(!other.ok());
        QCOMPARE(other.error().code, ErrorCode::InvalidArgument);
        QVERIFY(other.error().message().find("threshold") != std::string::npos);
        QVERIFY(other.error().message().find("0.7") != std::string::npos);

        bench.options.threshold.reset();
        bench.engine.setModelHash('b');
        QVERIFY(!bench.run().ok());
        // Without resume all is computed again.
        bench.options.resume = false;
        Result<SegmentSummary> anew = bench.run();
        QVERIFY(anew.ok());
        QCOMPARE(anew->done, std::size_t{1});
    }

    // Two runs into one folder, with images of one name: the second says whose result is there.
    void anotherImagesResultIsLeft() {
        for (const bool resume : {false, true}) {
            Bench bench;
            bench.addImageIn("p1", "scan.png", kDark);
            QVERIFY(bench.run().ok());
            const QByteArray first = bench.bytesOf(bench.out("scan_mask.png"));
            const std::vector<InputImage> p1 = bench.inputs;
            bench.inputs.clear();
            bench.addImageIn("p2", "scan.png", kOther);
            bench.options.resume = resume;
            bench.options.report = bench.out("") + "-report.csv";
            bench.engine.batches.clear();
            Result<SegmentSummary> summary = bench.run();
            QVERIFY(summary.ok());
            QCOMPARE(summary->skipped, std::size_t{0});
            QCOMPARE(summary->failed.size(), std::size_t{1});
            const std::string sentence = summary->failed[0].second.message();
            QVERIFY2(sentence.find("out/scan_mask.png") != std::string::npos &&
                         sentence.find("p1/scan.png") != std::string::npos &&
                         sentence.find("--output") != std::string::npos,
                     sentence.c_str());
            QVERIFY(bench.engine.batches.empty()); // known before the work
            QCOMPARE(bench.bytesOf(bench.out("scan_mask.png")), first);
            Result<std::vector<CsvRow>> table = readCsv(bench.options.report);
            QVERIFY(table.ok());
            QCOMPARE(cell(*table, 1, "status"), std::string("failed"));
            // The first one's are still its own.
            bench.inputs = p1;
            summary = bench.run();
            QVERIFY(summary.ok());
            QCOMPARE(resume ? summary->skipped : summary->done, std::size_t{1});
        }
    }

    // The same command again computes all again, whatever became of images and results.
    void theSameAgainReplacesItsOwn() {
        Bench bench;
        bench.addImage("a.png");
        bench.addImage("b.png");
        bench.addImage("c.png");
        bench.options.saveProbability = true;
        bench.options.saveOverlay = true;
        QVERIFY(bench.run().ok());
        QVERIFY(writePng(bench.in("a.png"), pictureWith(kSize, kOther)).ok());
        QVERIFY(QFile::resize(QString::fromStdString(bench.out("b_probability.png")), 50));
        QVERIFY(QFile::remove(QString::fromStdString(bench.out("c_overlay.jpg"))));
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->done, std::size_t{3});
        QVERIFY(*readMask(bench.out("a_mask.png")) == maskWith(kSize, kOther));
        QVERIFY(readImage(bench.out("b_probability.png")).ok());
        QVERIFY(readImage(bench.out("c_overlay.jpg")).ok());
        // With other settings too.
        bench.options.threshold = 0.7;
        QCOMPARE(bench.run()->done, std::size_t{3});
    }

    void resumeComputesAReplacedImageAgain() {
        Bench bench;
        bench.addImage("a.png");
        bench.addImage("b.png");
        QVERIFY(bench.run().ok());
        QVERIFY(writePng(bench.in("a.png"), pictureWith(kSize, kOther)).ok());
        // Merely copied anew: the same picture with another time.
        QFile touched(QString::fromStdString(bench.in("b.png")));
        QVERIFY(touched.open(QIODevice::ReadWrite));
        QVERIFY(
            touched.setFileTime(QDateTime::currentDateTime().addDays(-3), QFileDevice::FileModificationTime));
        touched.close();
        bench.options.resume = true;
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->done, std::size_t{1});
        QCOMPARE(summary->skipped, std::size_t{1});
        QVERIFY(*readMask(bench.out("a_mask.png")) == maskWith(kSize, kOther));
        QCOMPARE(bench.run()->skipped, std::size_t{2});
    }

    void resumeTakesACutMaskForIncomplete() {
        Bench bench;
        bench.addImage("a.png");
        QVERIFY(bench.run().ok());
        for (const qint64 bytes : {0, 50}) {
            QVERIFY(QFile::resize(QString::fromStdString(bench.out("a_mask.png")), bytes));
            bench.options.resume = true;
            Result<SegmentSummary> summary = bench.run();
            QVERIFY(summary.ok());
            QCOMPARE(summary->done, std::size_t{1});
            QVERIFY(*readMask(bench.out("a_mask.png")) == maskWith(kSize, kDark));
        }
    }

    // What limn-cli did not write, or what was edited since, is nobody's to replace.
    void somebodyElsesFilesAreLeft() {
        for (const bool resume : {false, true}) {
            Bench bench;
            bench.addImage("a.png");
            bench.addImage("b.png");
            bench.addImage("c.png");
            bench.options.resume = resume;
            QDir().mkpath(QString::fromStdString(bench.out("")));
            QVERIFY(writeMask(bench.out("a_mask.png"), maskWith(kSize, kOther)).ok());
            const QByteArray own = bench.bytesOf(bench.out("a_mask.png"));
            Result<SegmentSummary> summary = bench.run();
            QVERIFY(summary.ok());
            QCOMPARE(summary->done, std::size_t{2});
            QCOMPARE(summary->failed.size(), std::size_t{1});
            std::string sentence = summary->failed[0].second.message();
            QVERIFY2(sentence.find("out/a_mask.png") != std::string::npos &&
                         sentence.find("no result of limn-cli segment") != std::string::npos,
                     sentence.c_str());
            QCOMPARE(bench.bytesOf(bench.out("a_mask.png")), own);

            QVERIFY(writePng(bench.out("b_mask.png"), pictureWith(kSize, kOther)).ok());
            const QByteArray edited = bench.bytesOf(bench.out("b_mask.png"));
            summary = bench.run();
            QVERIFY(summary.ok());
            QCOMPARE(summary->failed.size(), std::size_t{2});
            sentence = summary->failed[1].second.message();
            QVERIFY2(sentence.find("out/b_mask.png") != std::string::npos &&
                         sentence.find("changed") != std::string::npos,
                     sentence.c_str());
            QCOMPARE(bench.bytesOf(bench.out("b_mask.png")), edited);
        }
    }

    // As long as ours, so that only its bytes tell.
    void anEditOfTheSameLengthIsLeft() {
        Bench bench;
        bench.addImage("a.png");
        QVERIFY(bench.run().ok());
        QByteArray edited = bench.bytesOf(bench.out("a_mask.png"));
        edited[edited.size() / 2] = static_cast<char>(~edited[edited.size() / 2]);
        QFile file(QString::fromStdString(bench.out("a_mask.png")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(edited);
        file.close();
        QCOMPARE(bench.run()->failed.size(), std::size_t{1});
        QCOMPARE(bench.bytesOf(bench.out("a_mask.png")), edited);
    }

    // A file that appears under a result's name while the run is at work.
    void whatAppearsMeanwhileIsLeft() {
        Bench bench;
        bench.addImage("a.png");
        bench.engine.beforeRun = [&](std::size_t) {
            return writeMask(bench.out("a_mask.png"), maskWith(kSize, kOther));
        };
        QCOMPARE(bench.run()->failed.size(), std::size_t{1});
        QVERIFY(*readMask(bench.out("a_mask.png")) == maskWith(kSize, kOther));
    }

    // Images and results are still each other's when both folders are somewhere else.
    void movedFoldersAreKnownAgain() {
        Bench bench;
        bench.addImage("a.png");
        bench.addImage("b.png");
        QVERIFY(bench.run().ok());
        QVERIFY(QDir().rename(QString::fromStdString(bench.in("")), bench.path("mounted")));
        QVERIFY(QDir().rename(QString::fromStdString(bench.out("")), bench.path("results")));
        for (InputImage& image : bench.inputs)
            image.path = bench.path("mounted/" + image.name + ".png").toStdString();
        bench.options.output = bench.path("results").toStdString();
        bench.options.resume = true;
        bench.engine.batches.clear();
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->skipped, std::size_t{2});
        QVERIFY(bench.engine.batches.empty());
        bench.options.resume = false;
        QCOMPARE(bench.run()->done, std::size_t{2});
    }

    // Two runs with other settings left results side by side; each knows its own.
    void resumeLeavesOutResultsOfTheseSettingsAlone() {
        Bench bench;
        bench.addImage("a.png");
        QVERIFY(bench.run().ok());
        const std::vector<InputImage> a = bench.inputs;
        bench.inputs.clear();
        bench.addImage("b.png");
        bench.options.threshold = 0.7;
        QVERIFY(bench.run().ok());
        bench.inputs.push_back(a.front());
        bench.options.resume = true;
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(summary.ok());
        QCOMPARE(summary->done, std::size_t{1});
        QCOMPARE(summary->skipped, std::size_t{1});
    }

    void aSettingsFileOfSomebodyElseIsLeft() {
        Bench bench;
        bench.addImage("a.png");
        QDir().mkpath(QString::fromStdString(bench.out("")));
        QFile file(QString::fromStdString(bench.out("segment.json")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("[1, 2, 3]");
        file.close();
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(!summary.ok());
        QCOMPARE(summary.error().code, ErrorCode::FileNotWritable);
        QCOMPARE(bench.bytesOf(bench.out("segment.json")), QByteArray("[1, 2, 3]"));
    }

    void outputThatCannotBeMade() {
        Bench bench;
        bench.addImage("a.png");
        bench.options.output = bench.in("a.png"); // a file stands there
        Result<SegmentSummary> summary = bench.run();
        QVERIFY(!summary.ok());
        QCOMPARE(summary.error().code, ErrorCode::FileNotWritable);
        QVERIFY(summary.error().message().find(bench.in("a.png")) != std::string::npos);
    }

    void reportThatCannotBeWritten() {
        Bench bench;
        bench.addImage("a.png");
        bench.options.report = bench.in("no/such/folder/report.csv");
        QVERIFY(!bench.run().ok());
        QVERIFY(bench.engine.batches.empty()); // said before the work, not after it
    }

    void cancelLeavesTheRestUndone() {
        Bench bench;
        for (int i = 0; i < 40; ++i)
            bench.addImage(std::to_string(i) + ".png");
        CancelToken cancel;
        Result<SegmentSummary> summary = segmentImages(bench.engine, bench.inputs, bench.options, cancel,
                                                       [&cancel](std::size_t done, std::size_t) {
                                                           if (done == 1)
                                                               cancel.cancel();
                                                       });
        QVERIFY(summary.ok());
        QVERIFY(summary->cancelled > 0);
        QCOMPARE(summary->done + summary->cancelled, std::size_t{40});
        QVERIFY(summary->failed.empty());
        // Nothing but whole files.
        QCOMPARE(bench.files().size(), static_cast<qsizetype>(summary->done) + 1);
    }
};

QTEST_GUILESS_MAIN(SegmentBatchTest)
#include "tst_segment_batch.moc"
