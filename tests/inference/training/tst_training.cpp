// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: training learns; a stopped and resumed run ends with the weights of an unbroken one, bit for bit,
// for any number of threads; what it writes is whole, and nothing bad replaces what was good. A shallow
// network of random start on a few drawn images, on the processor.
#include "inference/engine.h"
#include "inference/plain/tensor_set.h"
#include "inference/training/curve.h"
#include "inference/training/train.h"
#include "tests/inference/verify_result.h"
#include "tests/resident_growth.h"

#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>
#include <QXmlStreamReader>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

using namespace limn;

namespace {

constexpr int kStepsPerEpoch = 3;
constexpr int kEpochs = 2;

TrainingSample scene(std::uint64_t seed) {
    DrawnImage drawn = drawImage(DrawnKind::Dermoscopy, {40, 40}, seed);
    return {"scene-" + std::to_string(seed), drawn.image.size, std::move(drawn.image.rgb),
            std::move(drawn.mask.labels)};
}

TrainingSet smallSet() {
    TrainingSet set;
    for (std::uint64_t seed = 1; seed <= 2 * kStepsPerEpoch; ++seed)
        set.training.push_back(scene(seed));
    for (std::uint64_t seed = 21; seed <= 22; ++seed)
        set.validation.push_back(scene(seed));
    return set;
}

// The whole of recipe "best", small.
TrainOptions smallOptions(const QTemporaryDir& dir, const char* name) {
    TrainOptions options = recipeOptions(Recipe::Best);
    options.outputFolder = dir.filePath(QString::fromUtf8(name)).toStdString();
    options.config.depths = {1, 1, 1, 0};
    options.device = "cpu";
    options.epochs = kEpochs;
    options.batch = 2;
    options.inputSize = 32;
    options.sizeSchedule.clear();
    options.workers = 1;
    options.warmUpSteps = 2;
    options.averaging = 0.9;
    options.saveEverySeconds = 0.0;
    return options;
}

// Asks to stop after some steps; train() asks after each one.
class Observer : public TrainObserver {
public:
    explicit Observer(int steps = std::numeric_limits<int>::max()) : m_left(steps) {}
    void progress(const TrainProgress& progress) override {
        if (progress.validated)
            epochs.push_back(progress);
    }
    bool stopAsked() const override { return --m_left <= 0; }

    std::vector<TrainProgress> epochs;

private:
    mutable int m_left;
};

QByteArray bytesOf(const std::string& path) {
    QFile file(QString::fromStdString(path));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

// Empty when both runs ended in the same state, bit for bit; otherwise the first tensor that differs.
std::string difference(const TrainOptions& a, const TrainOptions& b) {
    const Result<TensorFile> first = readTensorSet(a.outputFolder + "/last");
    const Result<TensorFile> second = readTensorSet(b.outputFolder + "/last");
    if (!first || !second)
        return first ? second.error().message() : first.error().message();
    if (first->tensors.size() != second->tensors.size())
        return "another number of tensors";
    for (const StoredTensor& tensor : first->tensors) {
        const StoredTensor* other = second->find(tensor.name);
        if (other == nullptr || other->shape != tensor.shape || other->bytes != tensor.bytes)
            return tensor.name;
    }
    return {};
}

std::string in(const TrainOptions& options, const char* file) {
    return options.outputFolder + "/" + file;
}

} // namespace

class TrainingTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // The run that others are compared with.
    void initTestCase() {
        QVERIFY(m_dir.isValid());
        m_unbroken = smallOptions(m_dir, "unbroken");
        m_unbroken.facts["recipe"] = "best";
        Observer observer;
        const Result<TrainReport> report = train(m_set, m_unbroken, observer);
        LIMN_VERIFY_OK(report);
        QVERIFY(report->finished);
        QCOMPARE(report->epochsDone, kEpochs);
        QCOMPARE(observer.epochs.size(), std::size_t{kEpochs});
        QCOMPARE(report->bestPath, in(m_unbroken, "best.safetensors"));
        QVERIFY(report->bestEpoch >= 1);
    }

    void theLossFalls() {
        TrainOptions options = smallOptions(m_dir, "falls");
        options.augmentation = {0.0, 0.0};
        options.drawnShare = 0.0;
        options.dropPath = 0.0;
        options.epochs = 8;
        Observer observer;
        LIMN_VERIFY_OK(train(m_set, options, observer));
        const double first = observer.epochs.front().loss;
        const double last = observer.epochs.back().loss;
        QVERIFY2(last < 0.85 * first, qPrintable(QStringLiteral("%1 -> %2").arg(first).arg(last)));
    }

    void thePaperRecipeLearnsToo() {
        TrainOptions options = recipeOptions(Recipe::Paper);
        const TrainOptions small = smallOptions(m_dir, "paper");
        options.outputFolder = small.outputFolder;
        options.config = small.config;
        options.device = small.device;
        options.batch = 2;
        options.inputSize = 32;
        options.epochs = 6;
        Observer observer;
        LIMN_VERIFY_OK(train(m_set, options, observer));
        // At its learning rate a single epoch of so few pairs can jump: in which epoch is a matter of
        // rounding.
        double least = observer.epochs.back().loss;
        for (std::size_t i = observer.epochs.size() / 2; i < observer.epochs.size(); ++i)
            least = std::min(least, observer.epochs[i].loss);
        const double first = observer.epochs.front().loss;
        QVERIFY2(least < 0.99 * first, qPrintable(QStringLiteral("%1 -> %2").arg(first).arg(least)));
        QCOMPARE(observer.epochs.front().learningRate, 1e-3);
    }

    void theNumberOfThreadsChangesNothing() {
        TrainOptions options = m_unbroken;
        options.outputFolder = m_dir.filePath(QStringLiteral("threads")).toStdString();
        options.workers = 4;
        Observer observer;
        LIMN_VERIFY_OK(train(m_set, options, observer));
        QCOMPARE(difference(options, m_unbroken), std::string());
        QVERIFY(bytesOf(in(options, "best.safetensors")) == bytesOf(in(m_unbroken, "best.safetensors")));
    }

    void resumedRunsEndAsUnbrokenOnes_data() {
        QTest::addColumn<int>("stepsOfAPiece");
        QTest::addColumn<int>("workers");
        QTest::newRow("middleOfAnEpoch") << 2 << 1;
        QTest::newRow("endOfAnEpoch") << kStepsPerEpoch << 1;
        QTest::newRow("secondEpochManyThreads") << kStepsPerEpoch + 1 << 3;
        QTest::newRow("timeLimit") << 0 << 2;
    }
    void resumedRunsEndAsUnbrokenOnes() {
        QFETCH(int, stepsOfAPiece);
        QFETCH(int, workers);
        TrainOptions options = m_unbroken;
        options.outputFolder = m_dir.filePath(QString::fromUtf8(QTest::currentDataTag())).toStdString();
        options.workers = workers;
        options.resume = true; // the first time there is nothing to go on from
        if (stepsOfAPiece == 0)
            options.timeLimitMinutes = 1e-9; // one step a piece
        int pieces = 0;
        bool finished = false;
        while (!finished && pieces < 20) {
            Observer observer(stepsOfAPiece > 0 ? stepsOfAPiece : std::numeric_limits<int>::max());
            const Result<TrainReport> report = train(m_set, options, observer);
            LIMN_VERIFY_OK(report);
            finished = report->finished;
            ++pieces;
        }
        const int steps = kEpochs * kStepsPerEpoch;
        const int each = stepsOfAPiece > 0 ? stepsOfAPiece : 1;
        QCOMPARE(pieces, (steps + each - 1) / each);
        QCOMPARE(difference(options, m_unbroken), std::string());
        QVERIFY(bytesOf(in(options, "best.safetensors")) == bytesOf(in(m_unbroken, "best.safetensors")));

        const std::vector<CurvePoint> points = readCurve(in(options, "metrics.csv"), kEpochs);
        const std::vector<CurvePoint> wanted = readCurve(in(m_unbroken, "metrics.csv"), kEpochs);
        QCOMPARE(points.size(), wanted.size());
        for (std::size_t i = 0; i < points.size(); ++i) {
            QCOMPARE(points[i].epoch, wanted[i].epoch);
            QVERIFY(std::abs(points[i].trainingLoss - wanted[i].trainingLoss) < 2e-6);
            QCOMPARE(points[i].validationLoss, wanted[i].validationLoss);
            QCOMPARE(points[i].dsc, wanted[i].dsc);
            QCOMPARE(points[i].learningRate, wanted[i].learningRate);
        }
    }

    // States are written after some time, and at the end; each piece of the run counts its own.
    void statesAreNotWrittenTooOften() {
        TrainOptions options = smallOptions(m_dir, "seldom");
        options.saveEverySeconds = 1e6;
        const QString index = QString::fromStdString(in(options, "last/index.json"));
        class Watch : public Observer {
        public:
            explicit Watch(QString path) : m_path(std::move(path)) {}
            void progress(const TrainProgress& progress) override {
                if (progress.validated)
                    seen.push_back(QFile::exists(m_path) ? 1 : 0);
            }
            std::vector<int> seen;

        private:
            QString m_path;
        } watch(index);
        LIMN_VERIFY_OK(train(m_set, options, watch));
        QCOMPARE(watch.seen, (std::vector<int>{0, 1}));
    }

    // What may be added to the recipe: broken in two it ends as unbroken, too.
    void pastingCalmAndPooledDiceResumeToo() {
        TrainOptions whole = smallOptions(m_dir, "all-options");
        whole.drawnShare = 0.0;
        whole.augmentation.pasteProbability = 0.7;
        whole.calmFrom = 0.5;
        whole.pooledDice = 0.5;
        Observer observer;
        LIMN_VERIFY_OK(train(m_set, whole, observer));
        TrainOptions pieces = whole;
        pieces.outputFolder += "-in-pieces";
        pieces.resume = true;
        Observer first(kStepsPerEpoch + 1);
        LIMN_VERIFY_OK(train(m_set, pieces, first));
        Observer second;
        LIMN_VERIFY_OK(train(m_set, pieces, second));
        QCOMPARE(difference(pieces, whole), std::string());
        QVERIFY(difference(whole, m_unbroken) != std::string());
        const Result<ModelInfo> info = readModelInfo(in(whole, "best.safetensors"));
        LIMN_VERIFY_OK(info);
        const std::map<std::string, std::string> facts(info->facts.begin(), info->facts.end());
        QVERIFY2(facts.at("augmentation").find("paste 0.7, calm from 0.5") != std::string::npos,
                 facts.at("augmentation").c_str());
        QVERIFY(facts.at("loss_weights").find("pooled Dice 0.5") != std::string::npos);
    }

    void resumingAFinishedRunDoesNothing() {
        TrainOptions options = m_unbroken;
        options.resume = true;
        const QByteArray before = bytesOf(in(options, "last/index.json"));
        Observer observer;
        const Result<TrainReport> report = train(m_set, options, observer);
        LIMN_VERIFY_OK(report);
        QVERIFY(report->finished);
        QVERIFY(bytesOf(in(options, "last/index.json")) == before);
    }

    void resumingWithOtherSettingsIsRefused_data() {
        QTest::addColumn<QString>("what");
        for (const char* what :
             {"loss weights", "calm part", "learning rate", "batch", "epochs", "seed", "augmentation",
              "drop path", "drawn images", "averaging", "input sizes", "training pairs", "network"})
            QTest::newRow(what) << QString::fromUtf8(what);
    }
    void resumingWithOtherSettingsIsRefused() {
        QFETCH(QString, what);
        TrainOptions options = m_unbroken;
        options.resume = true;
        TrainingSet set = m_set;
        if (what == QLatin1String("loss weights"))
            options.pooledDice = 0.5;
        else if (what == QLatin1String("calm part"))
            options.calmFrom = 0.5;
        else if (what == QLatin1String("learning rate"))
            options.learningRate *= 2.0;
        else if (what == QLatin1String("batch"))
            options.batch = 1;
        else if (what == QLatin1String("epochs"))
            options.epochs += 1;
        else if (what == QLatin1String("seed"))
            options.seed += 1;
        else if (what == QLatin1String("augmentation"))
            options.augmentation.logScale = 0.1;
        else if (what == QLatin1String("drop path"))
            options.dropPath = 0.05;
        else if (what == QLatin1String("drawn images"))
            options.drawnShare = 0.1;
        else if (what == QLatin1String("averaging"))
            options.averaging = 0.8;
        else if (what == QLatin1String("input sizes"))
            options.inputSize = 48;
        else if (what == QLatin1String("training pairs"))
            set.training.back().name = "another";
        else
            options.config.taps = Taps::StageOutputs, options.config.depths = {1, 1, 1, 1};
        const QByteArray before = bytesOf(in(options, "last/index.json"));
        Observer observer;
        const Result<TrainReport> report = train(set, options, observer);
        QVERIFY(!report.ok());
        QVERIFY2(report.error().code == ErrorCode::CheckpointMismatch, report.error().message().c_str());
        const std::string name = what == QLatin1String("calm part") ? "augmentation" : what.toStdString();
        QVERIFY2(report.error().message().find(name + ":") != std::string::npos,
                 report.error().message().c_str());
        QVERIFY(bytesOf(in(options, "last/index.json")) == before);
    }

    void resumingFromSomethingElseIsRefused() {
        TrainOptions options = m_unbroken;
        options.outputFolder = m_dir.filePath(QStringLiteral("other")).toStdString();
        options.resume = true;
        TensorFile other;
        other.metadata = {{"format", "something else"}};
        LIMN_VERIFY_OK(writeTensorSet(in(options, "last"), other));
        Observer observer;
        const Result<TrainReport> report = train(m_set, options, observer);
        QVERIFY(!report.ok());
        QVERIFY2(report.error().code == ErrorCode::CheckpointInvalid, report.error().message().c_str());

        QFile file(QString::fromStdString(in(options, "last/index.json")));
        QVERIFY(file.resize(20)); // cut off
        const Result<TrainReport> cut = train(m_set, options, observer);
        QVERIFY(!cut.ok());
        QVERIFY(cut.error().message().find(in(options, "last")) != std::string::npos);
    }

    void figuresAreWritten() {
        const QByteArray csv = bytesOf(in(m_unbroken, "metrics.csv"));
        const QList<QByteArray> lines = csv.trimmed().split('\n');
        QCOMPARE(lines.size(), kEpochs + 1);
        QCOMPARE(lines[0], QByteArray("epoch,training_loss,validation_loss,dsc,miou,learning_rate,"
                                      "images_per_second,device_idle_share"));
        for (int i = 1; i <= kEpochs; ++i) {
            const QList<QByteArray> cells = lines[i].split(',');
            QCOMPARE(cells.size(), 8);
            QCOMPARE(cells[0].toInt(), i);
            for (const QByteArray& cell : cells) {
                bool isNumber = false;
                QVERIFY2(std::isfinite(cell.toDouble(&isNumber)) && isNumber, cell.constData());
            }
            QVERIFY(cells[1].toDouble() > 0.0);
            QVERIFY(cells[6].toDouble() > 0.0);
        }
        QXmlStreamReader svg(bytesOf(in(m_unbroken, "curve.svg")));
        int lineCount = 0;
        while (!svg.atEnd())
            if (svg.readNext() == QXmlStreamReader::StartElement && svg.name() == QLatin1String("polyline")) {
                ++lineCount;
                const QStringList places = svg.attributes()
                                               .value(QLatin1String("points"))
                                               .toString()
                                               .split(QLatin1Char(' '), Qt::SkipEmptyParts);
                QCOMPARE(places.size(), kEpochs);
            }
        QVERIFY2(!svg.hasError(), qPrintable(svg.errorString()));
        QCOMPARE(lineCount, 4);
    }

    void nothingHalfWrittenIsLeft() {
        const QDir run(QString::fromStdString(m_unbroken.outputFolder));
        QCOMPARE(run.entryList(QDir::Files | QDir::Hidden, QDir::Name),
                 QStringList({QStringLiteral("best.safetensors"), QStringLiteral("curve.svg"),
                              QStringLiteral("metrics.csv")}));
        const QFileInfoList state =
            QDir(run.filePath(QStringLiteral("last"))).entryInfoList(QDir::Files | QDir::Hidden, QDir::Name);
        QVERIFY(state.size() >= 2);
        for (const QFileInfo& file : state) {
            QVERIFY2(file.suffix() == QLatin1String("safetensors") ||
                         file.fileName() == QLatin1String("index.json"),
                     qPrintable(file.fileName()));
            QVERIFY2(file.size() <= 16'000'000, qPrintable(file.fileName()));
        }
    }

    void theBestWeightsLoad() {
        const std::string path = in(m_unbroken, "best.safetensors");
        const Result<TensorFile> file = readSafetensors(path);
        LIMN_VERIFY_OK(file);
        for (const StoredTensor& tensor : file->tensors)
            QVERIFY2(isLive(m_unbroken.config, tensor.name), tensor.name.c_str());
        const Result<std::unique_ptr<Engine>> engine = Engine::load(path, {"cpu", "auto", 1});
        LIMN_VERIFY_OK(engine);
        const ModelInfo& info = (*engine)->model();
        QVERIFY(info.depths == m_unbroken.config.depths);
        QCOMPARE(info.precision, std::string("fp16"));
        std::map<std::string, std::string> facts(info.facts.begin(), info.facts.end());
        QCOMPARE(facts["recipe"], std::string("best"));
        QCOMPARE(facts["training_samples"], std::string("6"));
        QCOMPARE(facts["validation_samples"], std::string("2"));
        QVERIFY(facts.count("validation_dsc") == 1);

        PredictOptions predict;
        predict.inputSize = 32;
        const Result<Proposal> proposal =
            (*engine)->predict(drawImage(DrawnKind::Dermoscopy, {50, 40}, 5).image, predict);
        LIMN_VERIFY_OK(proposal);
        QVERIFY((proposal->probability.size == Size{50, 40}));
    }

    void withoutHeldOutPairsNoFigureIsClaimed() {
        TrainOptions options = smallOptions(m_dir, "all");
        options.epochs = 1;
        TrainingSet set = m_set;
        set.validation.clear();
        Observer observer;
        LIMN_VERIFY_OK(train(set, options, observer));
        const Result<ModelInfo> info = readModelInfo(in(options, "best.safetensors"));
        LIMN_VERIFY_OK(info);
        for (const auto& [name, value] : info->facts)
            QVERIFY2(name != "validation_dsc" && name != "validation_miou", name.c_str());
        const QList<QByteArray> cells =
            bytesOf(in(options, "metrics.csv")).trimmed().split('\n').last().split(',');
        QCOMPARE(cells.size(), 8);
        QVERIFY(!cells[1].isEmpty() && cells[2].isEmpty() && cells[3].isEmpty() && cells[4].isEmpty());
        QCOMPARE(bytesOf(in(options, "curve.svg")).count("<polyline"), 1);
        const std::vector<CurvePoint> points = readCurve(in(options, "metrics.csv"), 1);
        QCOMPARE(points.size(), std::size_t{1});
        QVERIFY(std::isnan(points[0].dsc) && points[0].trainingLoss > 0.0);
    }

    void beginsFromGivenWeights() {
        TrainOptions options = smallOptions(m_dir, "from");
        options.initialModel = in(m_unbroken, "best.safetensors");
        // So small a step moves nothing that shows: the first scores are those of the given weights.
        options.learningRate = 1e-12;
        options.finalLearningRate = 1e-12;
        options.averaging = 0.0;
        options.epochs = 1;
        Observer observer;
        LIMN_VERIFY_OK(train(m_set, options, observer));
        const Result<TensorFile> before = readSafetensors(options.initialModel);
        const Result<TensorFile> after = readTensorSet(in(options, "last"));
        LIMN_VERIFY_OK(before);
        LIMN_VERIFY_OK(after);
        const std::string name = "vmunet.patch_embed.proj.weight";
        QVERIFY(before->find(name) != nullptr && after->find(name) != nullptr);
        const std::vector<float> a = before->find(name)->toFloat();
        const std::vector<float> b = after->find(name)->toFloat();
        QCOMPARE(a.size(), b.size());
        for (std::size_t i = 0; i < a.size(); ++i)
            if (std::abs(a[i] - b[i]) > 1e-6f)
                QFAIL(qPrintable(QString::number(i)));

        options.config.depths = {2, 1, 1, 0};
        const Result<TrainReport> other = train(m_set, options, observer);
        QVERIFY(!other.ok());
        QVERIFY(other.error().code == ErrorCode::CheckpointMismatch);
    }

    // No network is made, and no folder, for a file that does not hold it.
    void weightsToBeginFromAreCheckedFirst() {
        TrainOptions options = smallOptions(m_dir, "deep");
        options.config.depths = {64, 64, 64, 64};
        options.config.taps = Taps::StageOutputs;
        options.initialModel = in(m_unbroken, "best.safetensors");
        Observer observer;
        Result<TrainReport> report = TrainReport{};
        const std::int64_t growth =
            testing::residentGrowth([&] { report = train(m_set, options, observer); });
        QVERIFY(!report.ok());
        QVERIFY(report.error().code == ErrorCode::CheckpointMismatch);
        QVERIFY(!QFile::exists(QString::fromStdString(options.outputFolder)));
        if (growth > (64 << 20) + QFileInfo(QString::fromStdString(options.initialModel)).size())
            QFAIL(qPrintable(QStringLiteral("%1 MB").arg(growth >> 20)));
    }

    // A rate of 1e30 with nothing written before: no file claims to hold weights.
    void noNumberInTheFirstEpoch() {
        TrainOptions options = smallOptions(m_dir, "nan");
        options.learningRate = 1e30;
        options.warmUpSteps = 0;
        Observer observer;
        const Result<TrainReport> report = train(m_set, options, observer);
        QVERIFY(!report.ok());
        QVERIFY(report.error().code == ErrorCode::ComputationFailed);
        const std::string message = report.error().message();
        for (const char* part : {"step ", "learning rate 9.33e+29", "no weights"})
            QVERIFY2(message.find(part) != std::string::npos, message.c_str());
        QVERIFY(!QFile::exists(QString::fromStdString(in(options, "last"))));
        QVERIFY(!QFile::exists(QString::fromStdString(in(options, "best.safetensors"))));
    }

    // The only step of a run spoils the weights after its loss was still a number.
    void weightsThatAreNoNumbersAreNotWritten() {
        TrainOptions options = smallOptions(m_dir, "nan-last");
        options.learningRate = 1e38;
        options.warmUpSteps = 0;
        options.epochs = 1;
        TrainingSet set = m_set;
        set.training.resize(2);
        Observer observer;
        const Result<TrainReport> report = train(set, options, observer);
        QVERIFY(!report.ok());
        QVERIFY2(report.error().code == ErrorCode::ComputationFailed, report.error().message().c_str());
        QVERIFY(!QFile::exists(QString::fromStdString(in(options, "last"))));
        QVERIFY(!QFile::exists(QString::fromStdString(in(options, "best.safetensors"))));
    }

    // The released schedule swings between two rates over 50 epochs: here from 0 in the first to 1e27 in the
    // second.
    void theLastGoodWeightsStay() {
        TrainOptions options = smallOptions(m_dir, "nan-later");
        options.cosineOverWholeRun = false;
        options.finalLearningRate = 1e30;
        options.warmUpSteps = 0;
        Observer observer;
        const Result<TrainReport> report = train(m_set, options, observer);
        QVERIFY(!report.ok());
        QVERIFY(report.error().code == ErrorCode::ComputationFailed);
        const std::string message = report.error().message();
        for (const char* part : {"step ", "learning rate", "samples ", "nan-later/last", "after 1 whole"})
            QVERIFY2(message.find(part) != std::string::npos, message.c_str());
        QCOMPARE(observer.epochs.size(), std::size_t{1});
        const Result<TensorFile> best = readSafetensors(in(options, "best.safetensors"));
        const Result<TensorFile> state = readTensorSet(in(options, "last"));
        LIMN_VERIFY_OK(best);
        LIMN_VERIFY_OK(state);
        for (const Result<TensorFile>* file : {&best, &state})
            for (const StoredTensor& tensor : (*file)->tensors)
                for (const float value : tensor.toFloat())
                    if (!std::isfinite(value))
                        QFAIL(tensor.name.c_str());
        QCOMPARE(state->metadata.at("step"), std::to_string(kStepsPerEpoch));
    }

    void badOptionsGetASentence_data() {
        QTest::addColumn<QString>("what");
        for (const char* what : {"batch",
                                 "epochs",
                                 "input size",
                                 "schedule",
                                 "share of the run",
                                 "learning rate",
                                 "decay",
                                 "warm-up",
                                 "drop path",
                                 "averaged",
                                 "drawn pictures",
                                 "workers",
                                 "depths",
                                 "channels",
                                 "pixel data",
                                 "training pairs",
                                 "folder of the run",
                                 "time limit",
                                 "two states",
                                 "changed little",
                                 "pasted",
                                 "pooled Dice"})
            QTest::newRow(what) << QString::fromUtf8(what);
    }
    void badOptionsGetASentence() {
        QFETCH(QString, what);
        TrainOptions o = smallOptions(m_dir, "bad");
        TrainingSet set = m_set;
        const std::map<QString, std::function<void()>> spoil = {
            {QStringLiteral("batch"), [&] { o.batch = 0; }},
            {QStringLiteral("epochs"), [&] { o.epochs = 0; }},
            {QStringLiteral("input size"), [&] { o.inputSize = 16; }},
            {QStringLiteral("schedule"),
             [&] {
                 o.sizeSchedule = {{0.0, 5000}};
             }},
            {QStringLiteral("share of the run"),
             [&] {
                 o.sizeSchedule = {{1.5, 64}};
             }},
            {QStringLiteral("learning rate"), [&] { o.learningRate = std::nan(""); }},
            {QStringLiteral("decay"), [&] { o.weightDecay = -1.0; }},
            {QStringLiteral("warm-up"), [&] { o.warmUpSteps = -1.0; }},
            {QStringLiteral("drop path"), [&] { o.dropPath = 1.0; }},
            {QStringLiteral("averaged"), [&] { o.averaging = 1.0; }},
            {QStringLiteral("drawn pictures"), [&] { o.drawnShare = 1.5; }},
            {QStringLiteral("workers"), [&] { o.workers = -1; }},
            {QStringLiteral("depths"),
             [&] {
                 o.config.depths = {1, 1};
             }},
            {QStringLiteral("channels"), [&] { o.config.inputChannels = 1; }},
            {QStringLiteral("pixel data"), [&] { set.validation[0].rgb.resize(10); }},
            {QStringLiteral("training pairs"), [&] { set.training.clear(); }},
            {QStringLiteral("folder of the run"), [&] { o.outputFolder.clear(); }},
            {QStringLiteral("time limit"), [&] { o.timeLimitMinutes = -1.0; }},
            {QStringLiteral("two states"), [&] { o.saveEverySeconds = -1.0; }},
            {QStringLiteral("changed little"), [&] { o.calmFrom = 2.0; }},
            {QStringLiteral("pasted"), [&] { o.augmentation.pasteProbability = 1.5; }},
            {QStringLiteral("pooled Dice"), [&] { o.pooledDice = -0.5; }},
        };
        spoil.at(what)();
        Observer observer;
        const Result<TrainReport> report = train(set, o, observer);
        QVERIFY(!report.ok());
        QVERIFY(report.error().code == ErrorCode::InvalidArgument);
        const QString message = QString::fromStdString(report.error().message());
        QVERIFY2(message.contains(what, Qt::CaseInsensitive), qPrintable(message));
    }

    void aFolderThatCannotBeMade() {
        TrainOptions options = smallOptions(m_dir, "file");
        QFile file(QString::fromStdString(options.outputFolder));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.close();
        options.outputFolder += "/run";
        Observer observer;
        const Result<TrainReport> report = train(m_set, options, observer);
        QVERIFY(!report.ok());
        QVERIFY2(report.error().code == ErrorCode::FileNotWritable, report.error().message().c_str());
    }

    void shrinkingKeepsShapeAndArea() {
        const DrawnImage big = drawImage(DrawnKind::Endoscopy, {200, 120}, 4);
        const TrainingSample same = shrunkForTraining("a", big.image, big.mask, 200);
        QVERIFY(same.size == big.image.size && same.rgb == big.image.rgb);
        const TrainingSample small = shrunkForTraining("a", big.image, big.mask, 100);
        QVERIFY((small.size == Size{100, 60}));
        QCOMPARE(small.rgb.size(), small.size.pixels() * 3);
        double before = 0.0;
        double after = 0.0;
        for (const std::uint8_t label : big.mask.labels)
            before += label != 0;
        for (const std::uint8_t label : small.mask) {
            QVERIFY(label <= 1);
            after += label;
        }
        QVERIFY(std::abs(before / 4.0 - after) < 0.03 * before / 4.0 + 2.0);
    }

private:
    QTemporaryDir m_dir;
    TrainingSet m_set = smallSet();
    TrainOptions m_unbroken;
};

QTEST_GUILESS_MAIN(TrainingTest)
#include "tst_training.moc"
