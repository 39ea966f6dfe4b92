// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: limn-cli train names bad pairs before it begins, stops and goes on, and after learning from a
// project says whether the new weights are worth having. Drives the real program as a child process, with
// drawn images and a shallow network.
#include "inference/plain/tensor_set.h"
#include "io/core/drawn_image.h"
#include "io/images/mask_files.h"
#include "io/store/project_store.h"
#include "tests/app/cli/run_cli.h"
#include "tests/inference/small_model.h"

#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QProcessEnvironment>
#include <QTemporaryDir>
#include <QTest>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{48, 36};

// The shortest run that trains at all.
QStringList smallRun(const QString& output) {
    return {text("--output"), output,    text("--device"), text("cpu"), text("--input-size"), text("32"),
            text("--batch"),  text("2"), text("--epochs"), text("2"),   text("--workers"),    text("1")};
}

} // namespace

class TrainCommandTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        m_model = in("small.safetensors");
        const Result<void> written = writeSmallModel(m_model.toStdString());
        QVERIFY2(written.ok(), written.ok() ? "" : written.error().message().c_str());
    }

    void wrongCommandLines_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::newRow("nothing") << QStringList{};
        QTest::newRow("imagesWithoutMasks") << QStringList{text("--images"), text("a")};
        QTest::newRow("projectWithImages") << QStringList{
            text("--project"), text("p.limn"), text("--images"), text("a"), text("--masks"), text("b")};
        QTest::newRow("projectWithoutModel") << QStringList{text("--project"), text("p.limn")};
    }
    void wrongCommandLines() {
        QFETCH(QStringList, arguments);
        const Run run = limnCli(QStringList{text("train"), text("--output"), in("none")} + arguments);
        LIMN_COMPARE_EXIT(run, 2);
        QVERIFY(run.err.startsWith("limn-cli: "));
        QVERIFY(!QDir(in("none")).exists());
    }

    // OpenMP's threads do not spin, unless the person wants them to: libgomp tells its settings when asked.
    void threadsWaitWithoutSpinning_data() {
        QTest::addColumn<QStringList>("command");
        QTest::newRow("train") << QStringList{text("train"), text("--images"), in("no such"), text("--masks"),
                                              in("no such"), text("--output"), in("none")};
        QTest::newRow("benchmark") << QStringList{text("benchmark"), text("--training"), text("--model"),
                                                  in("no such")};
    }
    void threadsWaitWithoutSpinning() {
        QFETCH(QStringList, command);
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.remove(text("OMP_WAIT_POLICY"));
        environment.insert(text("OMP_DISPLAY_ENV"), text("VERBOSE"));
        const Run run = limnCli(command, environment);
        LIMN_COMPARE_EXIT(run, 1);
        QVERIFY2(run.err.contains("GOMP_SPINCOUNT = '0'"), run.err.constData());
        QVERIFY2(run.err.contains("no such"), run.err.constData()); // the arguments are the same
        environment.insert(text("OMP_WAIT_POLICY"), text("active"));
        const Run active = limnCli(command, environment);
        LIMN_COMPARE_EXIT(active, 1);
        QVERIFY2(!active.err.contains("GOMP_SPINCOUNT = '0'"), active.err.constData());
    }

    void badPairsAreNamedAndTheRunGoesOn() {
        QVERIFY(QDir().mkpath(in("images")) && QDir().mkpath(in("masks")));
        for (int i = 0; i < 8; ++i) {
            DrawnImage drawn = drawImage(DrawnKind::Endoscopy, kSize, static_cast<std::uint64_t>(i));
            const QString name = QStringLiteral("pic%1.png").arg(i);
            QVERIFY(writePng(in("images/" + name.toUtf8()).toStdString(), drawn.image).ok());
            if (i == 0)
                continue; // no mask
            if (i == 1)
                drawn.mask = LabelMap({20, 20}, 1); // of another size
            if (i == 2)
                drawn.mask = LabelMap(kSize); // empty
            QVERIFY(writeMask(in("masks/" + name.toUtf8()).toStdString(), drawn.mask).ok());
        }
        const QStringList command =
            QStringList{text("train"), text("--images"), in("images"), text("--masks"),
                        in("masks"),   text("--from"),   m_model} +
            smallRun(in("run"));
        const Run run = limnCli(command + QStringList{text("--minutes"), text("0.0000001")});
        LIMN_COMPARE_EXIT(run, 0);
        for (const char* name : {"pic0", "pic1", "pic2"})
            QVERIFY2(run.err.contains(name), run.err.constData());
        QVERIFY2(!run.err.contains("pic3"), run.err.constData());
        QVERIFY2(run.out.contains("3 left out"), run.out.constData());
        QVERIFY2(run.out.contains("Stopped") && run.out.contains("--resume"), run.out.constData());
        QVERIFY(QFile::exists(in("run/last/index.json")));

        const Run rest = limnCli(command + QStringList{text("--resume")});
        LIMN_COMPARE_EXIT(rest, 0);
        QVERIFY2(rest.out.contains("Finished after 2 epochs"), rest.out.constData());
        QVERIFY(QFile::exists(in("run/best.safetensors")));

        const Run other = limnCli(command + QStringList{text("--resume"), text("--seed"), text("7")});
        LIMN_COMPARE_EXIT(other, 1);
        QVERIFY2(other.err.contains("seed"), other.err.constData());
    }

    // The same for programs: figures alone on standard output, what happens on the way beside them.
    void figuresForPrograms() {
        const QStringList command =
            QStringList{text("train"), text("--images"), in("images"), text("--masks"),
                        in("masks"),   text("--from"),   m_model,      text("--json")} +
            smallRun(in("json-run"));
        const Run stopped = limnCli(command + QStringList{text("--minutes"), text("0.0000001")});
        LIMN_COMPARE_EXIT(stopped, 0);
        QJsonObject json = QJsonDocument::fromJson(stopped.out).object();
        QVERIFY2(!json.isEmpty(), stopped.out.constData());
        QCOMPARE(json.value(text("finished")), QJsonValue(false));
        QCOMPARE(json.value(text("state")).toString(), in("json-run/last"));
        QCOMPARE(json.value(text("left_out")).toArray().size(), 3);
        QVERIFY(json.value(text("left_out")).toArray().at(0).toString().contains(text("pic0")));

        const Run run = limnCli(command + QStringList{text("--resume")});
        LIMN_COMPARE_EXIT(run, 0);
        json = QJsonDocument::fromJson(run.out).object();
        QVERIFY2(!json.isEmpty(), run.out.constData());
        QCOMPARE(json.value(text("finished")), QJsonValue(true));
        QCOMPARE(json.value(text("epochs_done")).toInt(), 2);
        QCOMPARE(json.value(text("training")).toInt() + json.value(text("validation")).toInt(), 5);
        QCOMPARE(json.value(text("batch")).toInt(), 2);
        QVERIFY(!json.value(text("device")).toString().isEmpty());
        QVERIFY(json.value(text("seconds")).toDouble() > 0.0);
        QVERIFY(json.value(text("images_per_second")).toDouble() > 0.0);
        QCOMPARE(json.value(text("weights")).toString(), in("json-run/best.safetensors"));
        QVERIFY(QFile::exists(json.value(text("weights")).toString()));
        if (json.value(text("validation")).toInt() > 0)
            QVERIFY(json.value(text("best")).toObject().value(text("dsc")).isDouble());
        QVERIFY2(run.err.contains("epoch 2/2"), run.err.constData());
    }

    // Killed after its second epoch and gone on with, a run ends with the weights of one that was left alone.
    void aKilledRunGoesOnToTheSameWeights() {
        QVERIFY(QDir().mkpath(in("kill/images")) && QDir().mkpath(in("kill/masks")));
        for (int i = 0; i < 5; ++i) {
            const DrawnImage drawn =
                drawImage(DrawnKind::Endoscopy, kSize, static_cast<std::uint64_t>(50 + i));
            const QByteArray name = "pic" + QByteArray::number(i) + ".png";
            QVERIFY(writePng(in("kill/images/" + name).toStdString(), drawn.image).ok());
            QVERIFY(writeMask(in("kill/masks/" + name).toStdString(), drawn.mask).ok());
        }
        const auto command = [&](const QByteArray& output) {
            QStringList run = smallRun(in(output));
            run[run.indexOf(text("--epochs")) + 1] = text("4");
            return QStringList{text("train"),   text("--images"),     in("kill/images"),
                               text("--masks"), in("kill/masks"),     text("--from"),
                               m_model,         text("--save-every"), text("0")} +
                   run;
        };
        LIMN_COMPARE_EXIT(limnCli(command("left-alone")), 0);

        QProcess process;
        process.start(QStringLiteral(LIMN_CLI), command("killed"));
        QByteArray out;
        while (!out.contains("epoch 2/4")) {
            QVERIFY2(process.waitForReadyRead(kPatienceMs), out.constData());
            out += process.readAllStandardOutput();
        }
        process.kill();
        QVERIFY(process.waitForFinished(kPatienceMs));
        QCOMPARE(process.exitStatus(), QProcess::CrashExit);

        const Run rest = limnCli(command("killed") + QStringList{text("--resume")});
        LIMN_COMPARE_EXIT(rest, 0);
        QVERIFY2(!rest.out.contains("epoch 1/4"), rest.out.constData()); // it did not begin anew
        QVERIFY2(rest.out.contains("Finished after 4 epochs"), rest.out.constData());
        const auto bytesOf = [this](const char* name) {
            QFile file(in(name));
            return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
        };
        QVERIFY(!bytesOf("killed/best.safetensors").isEmpty());
        QVERIFY(bytesOf("killed/best.safetensors") == bytesOf("left-alone/best.safetensors"));
        const Result<TensorFile> killed = readTensorSet(in("killed/last").toStdString());
        const Result<TensorFile> alone = readTensorSet(in("left-alone/last").toStdString());
        QVERIFY(killed.ok() && alone.ok());
        QCOMPARE(killed->tensors.size(), alone->tensors.size());
        for (std::size_t i = 0; i < alone->tensors.size(); ++i)
            QVERIFY2(killed->tensors[i].bytes == alone->tensors[i].bytes, alone->tensors[i].name.c_str());
    }

    void learnsFromAProject() {
        QVERIFY(makeProject("enough", 60));
        const Run run = limnCli(QStringList{text("train"), text("--project"), in("enough/p.limn"),
                                            text("--from"), m_model, text("--json")} +
                                smallRun(in("tuned")));
        QFile file(in("tuned/comparison.json"));
        QVERIFY2(file.open(QIODevice::ReadOnly), (run.out + run.err).constData());
        const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
        const bool isOffered = json.value(text("offered")).toBool();
        LIMN_COMPARE_EXIT(run, isOffered ? 0 : 1);
        QCOMPARE(QFile::exists(in("tuned/tuned.safetensors")), isOffered);
        const QJsonObject before = json.value(text("old")).toObject();
        const QJsonObject after = json.value(text("new")).toObject();
        QVERIFY(before.value(text("count")).toInt() >= 8);
        QCOMPARE(before.value(text("count")).toInt(), after.value(text("count")).toInt());
        QCOMPARE(before.value(text("failed")).toInt(), 0);
        QVERIFY(before.value(text("model_sha256")) != after.value(text("model_sha256")));
        QVERIFY(QFile::exists(in("tuned/comparison.csv")));
        QVERIFY2(run.err.contains("mean dice"), run.err.constData());
        // The same figures, and where the weights are if they are worth having.
        const QJsonObject printed = QJsonDocument::fromJson(run.out).object();
        QVERIFY2(printed.value(text("comparison")).toObject() == json, run.out.constData());
        QCOMPARE(printed.value(text("weights")).toString(),
                 isOffered ? in("tuned/tuned.safetensors") : QString());
        QVERIFY(printed.value(text("compared")).toInt() >= 8);
        const bool isBetter =
            after.value(text("mean_dice")).toDouble() >= before.value(text("mean_dice")).toDouble() &&
            after.value(text("dsc")).toDouble() >= before.value(text("dsc")).toDouble();
        QVERIFY(isBetter || !isOffered);
    }

    // The shipped polyp network learns skin lesions from accepted annotations, at half its input size and in
    // few steps: far better on images that it never saw, and offered. Images with a proposal alone, however
    // wrong, are not learned from. Half a minute: with LIMN_FULL=1.
    void theShippedNetworkLearnsFromRealImages() {
        if (qEnvironmentVariableIntValue("LIMN_FULL") != 1)
            QSKIP("Set LIMN_FULL=1 to train the shipped network.");
        const QString data = text(LIMN_SHARED_DIR "/data/dermoscopy/isic2017-train-256");
        const QDir images(data + text("/images"));
        const QStringList names = images.entryList({text("*.jpg")}, QDir::Files, QDir::Name).mid(0, 110);
        if (names.isEmpty())
            QSKIP("shared/data is not beside the project.");
        QCOMPARE(names.size(), 110);
        QVERIFY(QDir().mkpath(in("real")));
        constexpr int kAccepted = 90;
        {
            Result<std::unique_ptr<ProjectStore>> store =
                ProjectStore::open(in("real/p.limn").toStdString(), {.person = "Ana"});
            QVERIFY(store.ok());
            const Result<PersonId> ana = (*store)->person("Ana");
            QVERIFY(ana.ok());
            for (int i = 0; i < names.size(); ++i) {
                const QString path = in("real/" + names[i].toUtf8());
                QVERIFY(QFile::copy(images.filePath(names[i]), path));
                const QString stem = QFileInfo(path).completeBaseName();
                const QStringList masks =
                    QDir(data + text("/masks")).entryList({stem + text("*.png")}, QDir::Files);
                QCOMPARE(masks.size(), 1);
                const Result<LabelMap> mask = readMask((data + text("/masks/") + masks[0]).toStdString());
                QVERIFY(mask.ok());
                ImageRecord record;
                record.path = names[i].toStdString();
                record.size = mask->size;
                const Result<std::vector<ImageId>> ids = (*store)->addImages(std::span(&record, 1), *ana);
                QVERIFY(ids.ok());
                const bool isAccepted = i < kAccepted;
                StoredAnnotation annotation;
                annotation.image = ids->front();
                annotation.person = *ana;
                // Not accepted: begun, and all wrong.
                annotation.labels = tilesFromLabelMap(isAccepted ? *mask : LabelMap(mask->size, 1));
                annotation.labelTable = {{1, "Lesion", 0xff0000, "", "", ""}};
                QVERIFY((*store)->saveAnnotation(annotation).ok());
                if (isAccepted)
                    QVERIFY(
                        (*store)->setState(std::span(ids->data(), 1), ReviewState::Accepted, "", *ana).ok());
            }
        }
        const Run run =
            limnCli({text("train"), text("--project"), in("real/p.limn"), text("--from"),
                     text(LIMN_SOURCE_DIR "/resources/models/polyp.safetensors"), text("--output"),
                     in("real-run"), text("--device"), text("cpu"), text("--input-size"), text("128"),
                     text("--epochs"), text("3"), text("--learning-rate"), text("3e-4")});
        qInfo("%s%s", run.out.constData(), run.err.constData());
        LIMN_COMPARE_EXIT(run, 0);
        QFile file(in("real-run/comparison.json"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QJsonObject json = QJsonDocument::fromJson(file.readAll()).object();
        const QJsonObject before = json.value(text("old")).toObject();
        const QJsonObject after = json.value(text("new")).toObject();
        QVERIFY(json.value(text("offered")).toBool());
        // Compared at the size that proposals are made at, not at the training's.
        QCOMPARE(after.value(text("input_size")).toInt(), 256);
        QVERIFY(after.value(text("count")).toInt() >= 8 &&
                after.value(text("count")).toInt() < kAccepted / 2);
        QVERIFY(after.value(text("dsc")).toDouble() > before.value(text("dsc")).toDouble() + 0.05);
        QVERIFY(after.value(text("mean_dice")).toDouble() >
                before.value(text("mean_dice")).toDouble() + 0.05);
        QVERIFY(QFile::exists(in("real-run/tuned.safetensors")));
        // Every accepted image has its place, and no other.
        const QByteArray counted = run.out.left(run.out.indexOf("left out"));
        int sum = 0;
        for (const char* part : {" accepted images to train on", " to choose the epoch", " to compare"}) {
            const qsizetype end = counted.indexOf(part);
            QVERIFY2(end > 0, run.out.constData());
            const qsizetype begin = counted.lastIndexOf(' ', end - 1) + 1;
            sum += counted.mid(begin, end - begin).trimmed().toInt();
        }
        QCOMPARE(sum, kAccepted);
    }

    void tooFewAcceptedImages() {
        QVERIFY(makeProject("few", 6));
        const Run run =
            limnCli(QStringList{text("train"), text("--project"), in("few/p.limn"), text("--from"), m_model} +
                    smallRun(in("untrained")));
        LIMN_COMPARE_EXIT(run, 1);
        QVERIFY2(run.err.contains("6 usable accepted images"), run.err.constData());
        QVERIFY(!QFile::exists(in("untrained/last")));
    }

private:
    QString in(const QByteArray& name) const { return m_dir.filePath(QString::fromUtf8(name)); }

    // A folder with this many accepted images and their true masks as annotations.
    bool makeProject(const QByteArray& folder, int count) {
        if (!QDir().mkpath(in(folder)))
            return false;
        Result<std::unique_ptr<ProjectStore>> store =
            ProjectStore::open(in(folder + "/p.limn").toStdString(), {.person = "Ana"});
        if (!store)
            return false;
        const Result<PersonId> ana = (*store)->person("Ana");
        if (!ana)
            return false;
        for (int i = 0; i < count; ++i) {
            const DrawnImage drawn =
                drawImage(DrawnKind::Dermoscopy, kSize, static_cast<std::uint64_t>(1000 + i));
            const QByteArray name = "image" + QByteArray::number(i) + ".png";
            ImageRecord record;
            record.path = name.toStdString();
            record.size = kSize;
            if (!writePng(in(folder + "/" + name).toStdString(), drawn.image))
                return false;
            const Result<std::vector<ImageId>> ids = (*store)->addImages(std::span(&record, 1), *ana);
            if (!ids)
                return false;
            StoredAnnotation annotation;
            annotation.image = ids->front();
            annotation.person = *ana;
            annotation.labels = tilesFromLabelMap(drawn.mask);
            annotation.labelTable = {{1, "Lesion", 0xff0000, "", "", ""}};
            if (!(*store)->saveAnnotation(annotation) ||
                !(*store)->setState(std::span(ids->data(), 1), ReviewState::Accepted, "", *ana))
                return false;
        }
        return true;
    }

    QTemporaryDir m_dir;
    QString m_model;
};

QTEST_GUILESS_MAIN(TrainCommandTest)
#include "tst_train_command.moc"
