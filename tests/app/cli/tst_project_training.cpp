// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: training on a project takes accepted annotations and nothing else, keeps the images that compare
// models out of it for ever, and offers new weights only where they are better on enough of those.
#include "app/cli/project_training.h"
#include "app/export/csv.h"
#include "app/project/file_scan.h"
#include "io/images/mask_files.h"
#include "tests/app/cli/fake_engine.h"

#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTemporaryDir>
#include <QTest>

using namespace limn;

namespace {

constexpr Size kSize{40, 30};
constexpr Rect kLesion{5, 5, 10, 8};

class Bench {
    QTemporaryDir m_dir; // outlives the store

public:
    Bench() {
        Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(at("p.limn"), {.person = "Ana"});
        if (opened) {
            store = std::move(*opened);
            if (Result<PersonId> person = store->person("Ana"))
                ana = *person;
        }
    }
    std::string at(const std::string& name) const {
        return m_dir.filePath(QString::fromStdString(name)).toStdString();
    }
    // A file of its own for each number, with its hash in the project.
    ImageId add(const std::string& name, int number) {
        if (!writePng(at(name), pictureWith(kSize, {number % 20, number % 15, 3, 4})))
            return 0;
        ImageRecord record;
        record.path = name;
        record.size = kSize;
        if (Result<std::string> hash = fileSha256(at(name), [] { return true; }))
            record.sha256 = *hash;
        Result<std::vector<ImageId>> ids = store->addImages(std::span(&record, 1), kNobody);
        return ids ? ids->front() : 0;
    }
    bool annotate(ImageId image, std::uint8_t label = 1) {
        LabelMap labels = maskWith(kSize, kLesion);
        for (std::uint8_t& value : labels.labels)
            value = value != 0 ? label : 0;
        StoredAnnotation annotation;
        annotation.image = image;
        annotation.person = ana;
        annotation.labels = tilesFromLabelMap(labels);
        annotation.labelTable = {{label, "Lesion", 0xff0000, "", "", ""}};
        return store->saveAnnotation(annotation).ok();
    }
    bool setState(ImageId image, ReviewState to) {
        for (const ReviewState state : {ReviewState::InProgress, ReviewState::Submitted, to}) {
            const Result<std::optional<ImageRecord>> now = store->image(image);
            if (!now || !*now)
                return false;
            if ((*now)->state != state && !store->setState(std::span(&image, 1), state, "poor", ana))
                return false;
            if (state == to)
                break;
        }
        return true;
    }

    std::unique_ptr<ProjectStore> store;
    PersonId ana = kNobody;
};

// `count` images, each with this Dice; the dsc over all pixels is made to match.
Evaluation evaluationWith(std::size_t count, double dice, std::uint64_t truePositives) {
    Evaluation evaluation;
    for (std::size_t i = 0; i < count; ++i) {
        ImageEvaluation image;
        image.pair = {"/x/" + std::to_string(i) + ".png", "/x/m.png", std::to_string(i)};
        image.scores.dice = dice;
        image.scores.iou = dice / (2.0 - dice);
        evaluation.images.push_back(image);
    }
    evaluation.scored = count;
    evaluation.dice = {dice, dice, dice};
    evaluation.paper = {truePositives, 100, 1000, 100};
    evaluation.model = {"m", std::string(64, 'b')};
    return evaluation;
}

} // namespace

class ProjectTrainingTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void partsAreFixedByTheHash() {
        QVERIFY(partOf("00000000ff") == TrainingPart::Comparing);
        QVERIFY(partOf("00000001ff") == TrainingPart::Comparing);
        QVERIFY(partOf("00000002ff") == TrainingPart::Choosing);
        QVERIFY(partOf("00000003ff") == TrainingPart::Learning);
        QVERIFY(partOf("0000000aff") == TrainingPart::Comparing); // 10
        QVERIFY(partOf("ffffffff00") == TrainingPart::Learning);  // 4294967295
        std::size_t compared = 0;
        for (unsigned int i = 0; i < 2000; ++i) {
            char hash[16];
            std::snprintf(hash, sizeof hash, "%08x", i * 2654435761u);
            compared += partOf(hash) == TrainingPart::Comparing ? 1 : 0;
        }
        QVERIFY2(compared > 340 && compared < 460, qPrintable(QString::number(compared)));
    }

    void acceptedAnnotationsAlone() {
        Bench bench;
        QVERIFY(bench.store != nullptr);
        const ImageId accepted = bench.add("accepted.png", 1);
        QVERIFY(bench.annotate(accepted, 3) && bench.setState(accepted, ReviewState::Accepted));
        const ImageId submitted = bench.add("submitted.png", 2);
        QVERIFY(bench.annotate(submitted) && bench.setState(submitted, ReviewState::Submitted));
        const ImageId rejected = bench.add("rejected.png", 3);
        QVERIFY(bench.annotate(rejected) && bench.setState(rejected, ReviewState::Rejected));
        bench.add("new.png", 4);
        // Accepted without anybody's annotation: its proposal must not stand in.
        const ImageId bare = bench.add("bare.png", 5);
        QVERIFY(bench.setState(bare, ReviewState::Accepted));
        ProposalRecord proposal;
        const Result<std::optional<ImageRecord>> record = bench.store->image(bare);
        QVERIFY(record.ok() && *record);
        proposal.key = {(*record)->sha256, std::string(64, 'c'), "plain"};
        proposal.extent = {0, 0, kSize.width, kSize.height};
        proposal.probability = {kSize, std::vector<std::uint16_t>(kSize.pixels(), 65535)};
        QVERIFY(bench.store->setProposal(proposal).ok());

        const Result<AcceptedImages> found = acceptedImages(*bench.store);
        QVERIFY2(found.ok(), found.ok() ? "" : found.error().message().c_str());
        QCOMPARE(found->images.size(), std::size_t{1});
        QCOMPARE(found->images[0].name, std::string("accepted.png"));
        QCOMPARE(found->images[0].path, bench.at("accepted.png"));
        QVERIFY(found->images[0].part == partOf(found->images[0].sha256));
        QCOMPARE(found->problems.size(), std::size_t{1});
        QVERIFY(found->problems[0].find("bare.png") != std::string::npos);

        const Result<LabelMap> mask = acceptedMask(*bench.store, found->images[0]);
        QVERIFY(mask.ok());
        LabelMap wanted = maskWith(kSize, kLesion);
        for (std::uint8_t& label : wanted.labels)
            label = label != 0 ? 1 : 0;
        QVERIFY(*mask == wanted);
    }

    void changedAndMissingFilesAreNamed() {
        Bench bench;
        for (const char* name : {"changed.png", "missing.png", "good.png"}) {
            const ImageId image = bench.add(name, static_cast<int>(name[0]));
            QVERIFY(bench.annotate(image) && bench.setState(image, ReviewState::Accepted));
        }
        QVERIFY(writePng(bench.at("changed.png"), pictureWith(kSize, {0, 0, 30, 20})).ok());
        QVERIFY(QFile::remove(QString::fromStdString(bench.at("missing.png"))));
        const Result<AcceptedImages> found = acceptedImages(*bench.store);
        QVERIFY(found.ok());
        QCOMPARE(found->images.size(), std::size_t{1});
        QCOMPARE(found->images[0].name, std::string("good.png"));
        QCOMPARE(found->problems.size(), std::size_t{2});
        QVERIFY(found->problems[0].find("changed.png") != std::string::npos);
        QVERIFY(found->problems[1].find("missing.png") != std::string::npos);
        const Result<AcceptedImages> cancelled = acceptedImages(*bench.store, [] { return false; });
        QVERIFY(!cancelled.ok() && cancelled.error().code == ErrorCode::Cancelled);
    }

    void newWeightsMustBeBetterOnEnoughImages() {
        const Evaluation old = evaluationWith(10, 0.80, 500);
        QVERIFY(judge(old, evaluationWith(10, 0.85, 520)).isOffered);
        QVERIFY(judge(old, evaluationWith(10, 0.85, 500)).isOffered);
        const ComparisonVerdict worse = judge(old, evaluationWith(10, 0.79, 520));
        QVERIFY(!worse.isOffered);
        QVERIFY2(worse.sentence.find("worse") != std::string::npos, worse.sentence.c_str());
        QVERIFY(!judge(old, evaluationWith(10, 0.85, 480)).isOffered); // better on images, worse on pixels
        QVERIFY(!judge(old, old).isOffered);
        const ComparisonVerdict few = judge(evaluationWith(7, 0.5, 100), evaluationWith(7, 0.9, 900));
        QVERIFY(!few.isOffered);
        QVERIFY2(few.sentence.find("7 held-out") != std::string::npos, few.sentence.c_str());
        Evaluation partly = evaluationWith(10, 0.9, 600);
        partly.images[3].error = Error{ErrorCode::FileNotFound, {"3.png"}};
        partly.scored = 9;
        QVERIFY(!judge(old, partly).isOffered);
    }

    void theComparisonIsWritten() {
        QTemporaryDir dir;
        Evaluation before = evaluationWith(9, 0.80, 500);
        Evaluation after = evaluationWith(9, 0.90, 600);
        before.images[2].error = Error{ErrorCode::FileNotFound, {"2.png"}};
        const ComparisonVerdict verdict{true, "Better."};
        const std::string folder = dir.path().toStdString();
        QVERIFY(writeComparison(folder, before, after, verdict).ok());
        const Result<std::vector<CsvRow>> rows = readCsv(folder + "/comparison.csv");
        QVERIFY(rows.ok());
        QCOMPARE(rows->size(), std::size_t{10});
        QCOMPARE((*rows)[1][1], std::string("0.800000"));
        QCOMPARE((*rows)[1][2], std::string("0.900000"));
        QVERIFY((*rows)[3][1].empty() && !(*rows)[3][9].empty());
        QFile file(dir.filePath(QStringLiteral("comparison.json")));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
        QCOMPARE(json.value(QLatin1String("offered")).toBool(), true);
        for (const char* side : {"old", "new"})
            QCOMPARE(json.value(QLatin1String(side)).toObject().value(QLatin1String("mean_dice")).toDouble(),
                     side == std::string("old") ? 0.8 : 0.9);
        const std::string table = comparisonTable(before, after);
        QVERIFY2(table.find("mean dice            0.8000     0.9000    +0.1000") != std::string::npos,
                 table.c_str());
    }
};

QTEST_GUILESS_MAIN(ProjectTrainingTest)
#include "tst_project_training.moc"
