// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: masks are found by their stems, figures follow from hand-made cases, an image that cannot be
// scored is named and left out, the report is one page with its pictures. Images are drawn here; the engine
// makes dark pixels probable.
#include "app/cli/evaluation.h"
#include "app/cli/evaluation_report.h"
#include "app/export/csv.h"
#include "io/images/mask_files.h"
#include "tests/app/cli/fake_engine.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <cmath>

using namespace limn;

namespace {

// Of the paper's size, so that figures at full size and at 256 x 256 are the same by hand.
constexpr Size kSize{256, 256};

class Bench {
public:
    Bench() {
        QDir(m_dir.path()).mkpath(QStringLiteral("images"));
        QDir(m_dir.path()).mkpath(QStringLiteral("masks"));
    }
    std::string images() const { return m_dir.filePath(QStringLiteral("images")).toStdString(); }
    std::string masks() const { return m_dir.filePath(QStringLiteral("masks")).toStdString(); }
    std::string report() const { return m_dir.filePath(QStringLiteral("report")).toStdString(); }

    // The engine finds `dark`; the truth is `inside`.
    void add(const std::string& name, const Rect& dark, const Rect& inside, const std::string& ending = "") {
        QVERIFY(writePng(images() + "/" + name + ".png", pictureWith(kSize, dark)).ok());
        QVERIFY(writeMask(masks() + "/" + name + ending + ".png", maskWith(kSize, inside)).ok());
    }
    Evaluation run(const std::vector<EvaluationPair>& pairs) {
        PipelineOptions options;
        options.readers = options.finishers = 2;
        return evaluatePairs(engine, pairs, 0.5, options, {});
    }

    FakeEngine engine;

private:
    QTemporaryDir m_dir;
};

} // namespace

class EvaluationTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void masksPairByStem() {
        Bench bench;
        const Rect any{10, 10, 20, 20};
        bench.add("plain", any, any);
        bench.add("isic", any, any, "_segmentation");
        bench.add("ours", any, any, "_mask");
        bench.add("capital", any, any, "_Segmentation");
        QVERIFY(writePng(bench.images() + "/alone.png", pictureWith(kSize, any)).ok());
        Result<PairedFiles> files = pairMasks(bench.images(), bench.masks());
        QVERIFY(files.ok());
        QCOMPARE(files->pairs.size(), std::size_t{4});
        QCOMPARE(files->pairs[1].name, std::string("isic"));
        QCOMPARE(files->pairs[1].mask, bench.masks() + "/isic_segmentation.png");
        QCOMPARE(files->imagesWithoutMask, (std::vector<std::string>{bench.images() + "/alone.png"}));
    }

    void imagesAndMasksInOneFolder() {
        Bench bench;
        QVERIFY(writePng(bench.images() + "/a.png", pictureWith(kSize, {0, 0, 9, 9})).ok());
        QVERIFY(writeMask(bench.images() + "/a_mask.png", maskWith(kSize, {0, 0, 9, 9})).ok());
        Result<PairedFiles> files = pairMasks(bench.images(), bench.images());
        QVERIFY(files.ok());
        QCOMPARE(files->pairs.size(), std::size_t{1});
        QCOMPARE(files->pairs[0].mask, bench.images() + "/a_mask.png");
        QVERIFY(files->imagesWithoutMask.empty());
    }

    void noMaskAtAllIsAnError() {
        Bench bench;
        QVERIFY(writePng(bench.images() + "/a.png", pictureWith(kSize, {0, 0, 9, 9})).ok());
        QVERIFY(writePng(bench.masks() + "/b.png", pictureWith(kSize, {0, 0, 9, 9})).ok());
        Result<PairedFiles> files = pairMasks(bench.images(), bench.masks());
        QVERIFY(!files.ok());
        QCOMPARE(files.error().code, ErrorCode::InvalidArgument);
    }

    void figuresOfHandMadeCases() {
        Bench bench;
        bench.add("exact", {50, 60, 40, 20}, {50, 60, 40, 20});
        // 800 found, 800 true, 400 common: Dice 0.5, IoU 1/3.
        bench.add("half", {50, 60, 40, 20}, {70, 60, 40, 20});
        Result<PairedFiles> files = pairMasks(bench.images(), bench.masks());
        QVERIFY(files.ok());
        const Evaluation evaluation = bench.run(files->pairs);
        QCOMPARE(evaluation.scored, std::size_t{2});
        QCOMPARE(evaluation.images[0].scores.dice, 1.0);
        QCOMPARE(evaluation.images[1].scores.dice, 0.5);
        QCOMPARE(evaluation.dice.mean, 0.75);
        QCOMPARE(evaluation.iou.mean, (1.0 + 1.0 / 3.0) / 2.0);
        // All pixels together: 1200 common, 400 found wrongly, 400 missed.
        QCOMPARE(evaluation.paper.truePositive, std::uint64_t{1200});
        QCOMPARE(evaluation.paper.dsc(), 0.75);
        QCOMPARE(evaluation.paper.miou(), 0.6);
        QCOMPARE(evaluation.paper.total(), std::uint64_t{2 * 256 * 256});
    }

    void whatCannotBeScoredIsLeftOut() {
        Bench bench;
        bench.add("good", {5, 5, 50, 50}, {5, 5, 50, 50});
        bench.add("other", {5, 5, 50, 50}, {5, 5, 50, 50});
        QVERIFY(writeMask(bench.masks() + "/other.png", LabelMap({100, 100}, 1)).ok()); // of another size
        Result<PairedFiles> files = pairMasks(bench.images(), bench.masks());
        QVERIFY(files.ok());
        const Evaluation evaluation = bench.run(files->pairs);
        QCOMPARE(evaluation.scored, std::size_t{1});
        QVERIFY(evaluation.images[1].error);
        QVERIFY(evaluation.images[1].error->message().find("100 x 100") != std::string::npos);
        QCOMPARE(evaluation.paper.dsc(), 1.0);
        QCOMPARE(evaluation.paper.total(), std::uint64_t{256 * 256});
    }

    void reportIsOnePageWithPictures() {
        Bench bench;
        for (int i = 0; i < 12; ++i)
            bench.add("case" + std::to_string(i) + "<&>", {50, 60, 40, 20}, {50 + i, 60, 40, 20});
        Result<PairedFiles> files = pairMasks(bench.images(), bench.masks());
        QVERIFY(files.ok());
        const Evaluation evaluation = bench.run(files->pairs);
        QVERIFY(writeEvaluationReport(bench.report(), evaluation, bench.engine).ok());

        QFile page(QString::fromStdString(bench.report() + "/index.html"));
        QVERIFY(page.open(QIODevice::ReadOnly));
        const QByteArray html = page.readAll();
        QCOMPARE(html.count("<img "), 20);
        QCOMPARE(html.count("<svg "), 5);
        QVERIFY(html.contains("case11&lt;&amp;&gt;"));
        QVERIFY(!html.contains("case11<"));
        QVERIFY(!html.contains("http")); // nothing is fetched
        QVERIFY(html.contains(QDir(QString::fromStdString(bench.images())).absolutePath().toUtf8()));
        // The axis that counts images has whole marks: 0, half and the end.
        const QByteArray histogram =
            html.mid(html.indexOf("<svg "), html.indexOf("</svg>") - html.indexOf("<svg "));
        QList<double> marks;
        for (qsizetype at = histogram.indexOf("\"end\">"); at >= 0;
             at = histogram.indexOf("\"end\">", at + 1)) {
            const qsizetype begin = at + 6;
            marks.append(histogram.mid(begin, histogram.indexOf('<', begin) - begin).toDouble());
        }
        QCOMPARE(marks.size(), 3);
        QVERIFY(marks[2] >= 2.0);
        for (const double mark : marks)
            QCOMPARE(mark, std::floor(mark));
        // The worst one, shifted the most, comes first.
        QVERIFY(html.indexOf("case11&lt;") < html.indexOf("case10&lt;"));
        QCOMPARE(QDir(QString::fromStdString(bench.report() + "/cases")).entryList(QDir::Files).size(), 20);
        Result<std::vector<CsvRow>> scores = readCsv(bench.report() + "/scores.csv");
        QVERIFY(scores.ok());
        QCOMPARE(scores->size(), std::size_t{13});

        const std::string json = evaluationJson(evaluation);
        for (const char* key : {"\"miou\"", "\"dsc\"", "\"accuracy\"", "\"specificity\"", "\"sensitivity\"",
                                "\"mean_dice\"", "\"mean_iou\"", "\"mean_hd95\"", "\"mean_boundary_f\"",
                                "\"count\": 12", "\"model\": \"fake\"", "\"device\": \"cpu\""})
            QVERIFY2(json.find(key) != std::string::npos, key);
    }
};

QTEST_GUILESS_MAIN(EvaluationTest)
#include "tst_evaluation.moc"
