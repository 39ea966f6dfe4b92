// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: the program as scripts see it: exit codes, files, sentences on standard error, nothing that
// flickers in a pipe, whole files after a kill. Drives the real program as a child process, with drawn images
// and a small network of random numbers.
#include "app/cli/console.h"
#include "app/export/csv.h"
#include "app/export/export_job.h"
#include "io/images/image_reader.h"
#include "io/images/mask_files.h"
#include "tests/app/cli/fake_engine.h"
#include "tests/app/cli/run_cli.h"
#include "tests/inference/small_model.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QTest>

#include <cstdlib>
#include <memory>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{96, 64};

QByteArray bytesOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

class LimnCliTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() {
        m_model = m_dir.filePath(text("small.safetensors"));
        Result<void> written = writeSmallModel(m_model.toStdString());
        QVERIFY2(written.ok(), written.ok() ? "" : written.error().message().c_str());
        QVERIFY(QDir(m_dir.path()).mkpath(text("in")));
        for (int i = 0; i < 5; ++i)
            QVERIFY(writePng(in("image%1.png", i).toStdString(), pictureWith(kSize, {10 + 5 * i, 12, 30, 40}))
                        .ok());
    }

    void helpAndVersion() {
        const Run help = limnCli({text("--help")});
        LIMN_COMPARE_EXIT(help, 0);
        for (const char* command : {"segment", "evaluate", "model", "devices", "demo", "benchmark"})
            QVERIFY2(help.out.contains(command), command);
        QVERIFY(help.err.isEmpty());
        const Run version = limnCli({text("--version")});
        LIMN_COMPARE_EXIT(version, 0);
        QVERIFY(version.out.startsWith("limn-cli "));
    }

    // What may be given stands beside each option, without the parser's own words, in lines that fit.
    void helpOfEveryCommand_data() {
        QTest::addColumn<QStringList>("command");
        for (const char* words : {"segment", "evaluate", "demo", "devices", "benchmark", "train",
                                  "model list", "model info", "model convert", "project create",
                                  "project add", "project status", "project export", "project verify"})
            QTest::newRow(words) << text(words).split(QLatin1Char(' '));
    }
    void helpOfEveryCommand() {
        QFETCH(QStringList, command);
        const Run help = limnCli(command + QStringList{text("--help")});
        LIMN_COMPARE_EXIT(help, 0);
        QVERIFY(help.out.contains("Usage: limn-cli " + command.join(QLatin1Char(' ')).toUtf8()));
        for (const char* word : {"INT", "FLOAT", "TEXT", "REQUIRED", "Needs:", " in [", "NONNEGATIVE"})
            QVERIFY2(!help.out.contains(word), help.out.constData());
        for (const QByteArray& line : help.out.split('\n'))
            QVERIFY2(line.size() <= 130, line.constData());
    }

    void wrongCommandLines_data() {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QByteArray>("said");
        const auto row = [](const char* name, const QStringList& arguments, const char* said) {
            QTest::newRow(name) << arguments << QByteArray(said);
        };
        const auto segmentWith = [](const char* option, const char* value) {
            return QStringList{text("segment"), text("a.png"), text("--output"),
                               text("o"),       text(option),  text(value)};
        };
        row("nothing", {}, "A command is missing: segment, evaluate, ");
        row("unknownCommand", {text("fly")}, "fly is no command here: give segment, evaluate, ");
        row("unknownPart", {text("model"), text("fly")},
            "fly is no command here: give list, info or convert.");
        row("unknownOption", {text("devices"), text("--fly")}, "--fly");
        row("missingOutput", {text("segment"), text("a.png")}, "--output is required.");
        row("threshold", segmentWith("--threshold", "1.5"), "--threshold: 1.5 is no number from 0 to 1.");
        row("noNumber", segmentWith("--jobs", "many"), "--jobs: many is no number from 0 to 256.");
        row("save", segmentWith("--save", "mask,poem"), "--save: poem is not mask, probability or overlay.");
        row("tooFewRuns", {text("benchmark"), text("--runs"), text("19")},
            "--runs: 19 is no number from 20 to ");
        row("inputSize", segmentWith("--input-size", "7"), "--input-size: 7 is no number from 32 to 4096.");
    }
    void wrongCommandLines() {
        QFETCH(QStringList, arguments);
        QFETCH(QByteArray, said);
        const Run run = limnCli(arguments);
        LIMN_COMPARE_EXIT(run, 2);
        QVERIFY(run.out.isEmpty());
        QVERIFY(run.err.startsWith("limn-cli: "));
        QVERIFY2(run.err.contains(said), run.err.constData());
        QVERIFY(run.err.endsWith("limn-cli --help, or limn-cli COMMAND --help, shows what can be given.\n"));
    }

    void missingAndUnfitFoldersAreNamed() {
        const QString missing = m_dir.filePath(text("no-such-folder"));
        for (const auto& [images, masks] :
             {std::pair(missing, m_dir.path()), std::pair(m_dir.filePath(text("in")), missing)}) {
            const Run run = limnCli({text("evaluate"), text("--images"), images, text("--masks"), masks});
            LIMN_COMPARE_EXIT(run, 1);
            QVERIFY2(run.err.contains("no-such-folder does not exist."), run.err.constData());
        }
        QVERIFY(QDir(m_dir.path()).mkpath(text("others")));
        QVERIFY(
            writePng(m_dir.filePath(text("others/other.png")).toStdString(), pictureWith(kSize, {1, 1, 2, 2}))
                .ok());
        const Run unfit = limnCli({text("evaluate"), text("--images"), m_dir.filePath(text("in")),
                                   text("--masks"), m_dir.filePath(text("others"))});
        LIMN_COMPARE_EXIT(unfit, 1);
        QVERIFY2(unfit.err.contains("others, which has no mask for any image of "), unfit.err.constData());
    }

    void convertWritesNoOtherFormat() {
        const QString out = m_dir.filePath(text("converted.pth"));
        const Run run = limnCli({text("model"), text("convert"), m_model, out});
        LIMN_COMPARE_EXIT(run, 1);
        QVERIFY2(run.err.contains("converted.pth, but must be NAME.safetensors"), run.err.constData());
        QVERIFY(!QFile::exists(out));
    }

    void segmentsAFolder() {
        const QString out = m_dir.filePath(text("folder"));
        const Run run = segment({m_dir.filePath(text("in"))}, out,
                                {text("--save"), text("mask,probability,overlay"), text("--json")});
        LIMN_COMPARE_EXIT(run, 0);
        QVERIFY2(run.err.isEmpty(), run.err.constData()); // no progress bar in a pipe
        const QJsonObject json = QJsonDocument::fromJson(run.out).object();
        QCOMPARE(json.value(text("done")).toInt(), 5);
        QCOMPARE(json.value(text("failed")).toInt(), 0);
        QCOMPARE(json.value(text("device")).toString(), text("cpu"));
        QCOMPARE(json.value(text("model")).toObject().value(text("sha256")).toString().size(), 64);
        for (int i = 0; i < 5; ++i) {
            const std::string stem = (out + text("/image%1").arg(i)).toStdString();
            Result<LabelMap> mask = readMask(stem + "_mask.png");
            QVERIFY(mask.ok());
            QCOMPARE(mask->size, kSize);
            Result<Image> probability = readImage(stem + "_probability.png");
            QVERIFY(probability.ok());
            QVERIFY(probability->deep != nullptr);
            // The mask is the probability at the model's threshold.
            const std::uint32_t inside = ProbabilityMap::firstInside(0.5);
            for (std::size_t p = 0; p < kSize.pixels(); ++p)
                if ((mask->labels[p] != 0) != (probability->deep->samples[p] >= inside))
                    QFAIL(qPrintable(text("image %1, pixel %2").arg(i).arg(p)));
            Result<Image> overlay = readImage(stem + "_overlay.jpg");
            QVERIFY(overlay.ok());
            QCOMPARE(overlay->size, kSize);
        }
    }

    void aTerminalShowsProgress() {
        const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
        if (terminal < 0)
            QSKIP("This system gives no terminal.");
        QVERIFY(::grantpt(terminal) == 0 && ::unlockpt(terminal) == 0);
        QProcess process;
        process.setStandardErrorFile(QString::fromUtf8(::ptsname(terminal)));
        process.start(QStringLiteral(LIMN_CLI),
                      {text("segment"), m_dir.filePath(text("in")), text("--output"),
                       m_dir.filePath(text("terminal")), text("--model"), m_model, text("--input-size"),
                       text("64"), text("--device"), text("cpu")});
        // While it runs: what nobody takes off a terminal stops its writer, and some systems drop it at the
        // end.
        QByteArray shown;
        char part[4096];
        bool ended = false;
        do {
            ended = process.waitForFinished(20) || process.state() == QProcess::NotRunning;
            for (ssize_t count = ::read(terminal, part, sizeof part); count > 0;
                 count = ::read(terminal, part, sizeof part))
                shown.append(part, count);
        } while (!ended);
        ::close(terminal);
        QCOMPARE(process.exitCode(), 0);
        QVERIFY2(shown.contains("5/5 images"), shown.constData());
        QVERIFY2(shown.endsWith("\r\033[K"), shown.constData()); // wiped
        QVERIFY2(process.readAllStandardOutput().startsWith("5 images segmented"), "no summary");
    }

    void batchesAndShardsChangeNothing() {
        const QString one = m_dir.filePath(text("one"));
        const QString three = m_dir.filePath(text("three"));
        const QStringList save{text("--save"), text("mask,probability")};
        LIMN_COMPARE_EXIT(
            segment({m_dir.filePath(text("in"))}, one, save + QStringList{text("--batch"), text("1")}), 0);
        for (const char* shard : {"1/2", "2/2"})
            LIMN_COMPARE_EXIT(
                segment({m_dir.filePath(text("in"))}, three,
                        save + QStringList{text("--batch"), text("3"), text("--shard"), text(shard)}),
                0);
        for (int i = 0; i < 5; ++i) {
            for (const char* kind : {"mask", "probability"}) {
                const QString name = text("/image%1_").arg(i) + text(kind) + text(".png");
                QVERIFY(!bytesOf(one + name).isEmpty());
                QVERIFY2(bytesOf(one + name) == bytesOf(three + name), qPrintable(name));
            }
        }
    }

    // The reference's way takes two samples an axis: from 128 to 32 the second and third of four. What lies
    // between them changes nothing then; antialiased it does.
    void plainResizingIsTheReferences() {
        const Size size{128, 128};
        Image image = pictureWith(size, {30, 20, 60, 70});
        QVERIFY(writePng(m_dir.filePath(text("even.png")).toStdString(), image).ok());
        for (int y = 0; y < size.height; ++y)
            for (int x = 0; x < size.width; ++x)
                if (x % 4 == 0 || x % 4 == 3 || y % 4 == 0 || y % 4 == 3)
                    image.rgb[3 * (static_cast<std::size_t>(y) * 128 + static_cast<std::size_t>(x))] ^= 0x60;
        QVERIFY(writePng(m_dir.filePath(text("uneven.png")).toStdString(), image).ok());
        for (const char* mode : {"plain", "antialias"}) {
            const QString out = m_dir.filePath(text("resized ") + text(mode));
            const QString report = m_dir.filePath(text("resized.csv"));
            LIMN_COMPARE_EXIT(
                limnCli({text("segment"), m_dir.filePath(text("even.png")),
                         m_dir.filePath(text("uneven.png")), text("--output"), out, text("--model"), m_model,
                         text("--input-size"), text("32"), text("--device"), text("cpu"), text("--resize"),
                         text(mode), text("--save"), text("mask,probability"), text("--report"), report}),
                0);
            const bool isPlain = text(mode) == text("plain");
            const QByteArray even = bytesOf(out + text("/even_probability.png"));
            QVERIFY(!even.isEmpty());
            QCOMPARE(even == bytesOf(out + text("/uneven_probability.png")), isPlain);
            QVERIFY(bytesOf(report).contains(isPlain ? ",plain," : ",antialias,"));
            QVERIFY(bytesOf(out + text("/segment.json")).contains(mode));
            const Run other = limnCli({text("segment"), m_dir.filePath(text("even.png")), text("--output"),
                                       out, text("--model"), m_model, text("--input-size"), text("32"),
                                       text("--device"), text("cpu"), text("--resize"),
                                       text(isPlain ? "antialias" : "plain"), text("--resume")});
            LIMN_COMPARE_EXIT(other, 1);
            QVERIFY2(other.err.contains("The setting resize is "), other.err.constData());
        }
    }

    // Parts that run at once in one folder; afterwards all of it is known to be complete.
    void partsAtOnce() {
        const QString out = m_dir.filePath(text("at once"));
        std::vector<std::unique_ptr<QProcess>> parts;
        for (const char* shard : {"1/3", "2/3", "3/3"}) {
            parts.push_back(std::make_unique<QProcess>());
            parts.back()->start(QStringLiteral(LIMN_CLI),
                                {text("segment"), m_dir.filePath(text("in")), text("--output"), out,
                                 text("--model"), m_model, text("--input-size"), text("64"), text("--device"),
                                 text("cpu"), text("--threads"), text("1"), text("--shard"), text(shard)});
        }
        for (const auto& part : parts) {
            QVERIFY(part->waitForFinished(kPatienceMs));
            QCOMPARE(part->exitCode(), 0);
        }
        const Run run = segment({m_dir.filePath(text("in"))}, out, {text("--resume"), text("--json")});
        LIMN_COMPARE_EXIT(run, 0);
        QCOMPARE(QJsonDocument::fromJson(run.out).object().value(text("skipped")).toInt(), 5);
    }

    // Two folders with images of one name, one after the other into one folder.
    void anotherImagesResultIsNotReplaced() {
        const QString out = m_dir.filePath(text("patients"));
        for (const char* folder : {"p1", "p2"}) {
            QVERIFY(QDir(m_dir.path()).mkpath(text(folder)));
            QVERIFY(QFile::copy(in("image%1.png", folder[1] == '1' ? 0 : 1),
                                m_dir.filePath(text(folder) + text("/scan.png"))));
        }
        LIMN_COMPARE_EXIT(segment({m_dir.filePath(text("p1"))}, out, {}), 0);
        const QByteArray first = bytesOf(out + text("/scan_mask.png"));
        for (const QStringList& more : {QStringList(), QStringList(text("--resume"))}) {
            const Run run = segment({m_dir.filePath(text("p2"))}, out, more);
            LIMN_COMPARE_EXIT(run, 1);
            QVERIFY2(
                run.err.contains("scan_mask.png could not be written: it is the result of another image, ") &&
                    run.err.contains("p1/scan.png; give another --output"),
                run.err.constData());
            QVERIFY(bytesOf(out + text("/scan_mask.png")) == first);
        }
        LIMN_COMPARE_EXIT(segment({m_dir.filePath(text("p1"))}, out, {}), 0);
    }

    void oneBadFileFailsTheRunAndStopsNothing() {
        QFile bad(m_dir.filePath(text("bad.jpg")));
        QVERIFY(bad.open(QIODevice::WriteOnly));
        bad.write("text called .jpg");
        bad.close();
        const QString out = m_dir.filePath(text("bad-out"));
        const QString report = m_dir.filePath(text("report.csv"));
        const Run run = segment({bad.fileName(), in("image%1.png", 0), m_dir.filePath(text("missing.png"))},
                                out, {text("--report"), report});
        LIMN_COMPARE_EXIT(run, 1);
        QVERIFY(run.err.contains("2 images failed"));
        QVERIFY(run.err.contains("bad.jpg"));
        QVERIFY(run.err.contains("missing.png does not exist"));
        QVERIFY(QFile::exists(out + text("/image0_mask.png")));
        Result<std::vector<CsvRow>> table = readCsv(report.toStdString());
        QVERIFY(table.ok());
        QCOMPARE(table->size(), std::size_t{4});
    }

    void missingModelIsASentence() {
        const Run run = limnCli({text("segment"), in("image%1.png", 0), text("--output"),
                                 m_dir.filePath(text("none")), text("--model"), text("no-such-model")});
        LIMN_COMPARE_EXIT(run, 1);
        QVERIFY(run.err.contains("The model no-such-model was not found"));
        QVERIFY(!QFile::exists(m_dir.filePath(text("none"))));
    }

    // Without --model each image gets the one made for what it shows.
    void withoutAModelEachImageGetsItsOwn() {
        const QString demo = text(LIMN_SOURCE_DIR "/resources/demo/");
        const QString out = m_dir.filePath(text("auto"));
        const QString report = m_dir.filePath(text("auto.csv"));
        const Run run =
            limnCli({text("segment"), demo + text("derm_01.jpg"), demo + text("endo_01.jpg"),
                     text("--output"), out, text("--report"), report, text("--device"), text("cpu")});
        LIMN_COMPARE_EXIT(run, 0);
        QVERIFY2(run.out.contains("with dermoscopy (1) and polyp (1) on cpu"), run.out.constData());
        QFile file(report);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QList<QByteArray> lines = file.readAll().split('\n');
        QVERIFY(lines.size() > 2 && lines[1].contains("derm_01") && lines[1].contains(",dermoscopy,") &&
                lines[2].contains("endo_01") && lines[2].contains(",polyp,"));
    }

    void modelNamesAreLookedUp() {
        QVERIFY(QDir(m_dir.path()).mkpath(text("models")));
        QVERIFY(QFile::copy(m_model, m_dir.filePath(text("models/mine.safetensors"))));
        qputenv("LIMN_MODELS", m_dir.filePath(text("models")).toUtf8());
        const Run list = limnCli({text("model"), text("list")});
        const Run info = limnCli({text("model"), text("info"), text("mine"), text("--json")});
        qunsetenv("LIMN_MODELS");
        LIMN_COMPARE_EXIT(list, 0);
        QVERIFY(list.out.contains("mine  "));
        LIMN_COMPARE_EXIT(info, 0);
        const QJsonObject json = QJsonDocument::fromJson(info.out).object();
        QCOMPARE(json.value(text("name")).toString(), text("mine"));
        QCOMPARE(json.value(text("depths")).toArray().size(), 4);
        QCOMPARE(json.value(text("taps")).toString(), text("stage-inputs"));
    }

    void infoSaysWhatAnIncompleteFileLacks() {
        Result<TensorFile> file = readSafetensors(m_model.toStdString());
        QVERIFY(file.ok());
        std::erase_if(file->tensors, [](const StoredTensor& tensor) {
            return tensor.name == "deconv2.weight" || tensor.name == "ca_1.fc1.weight";
        });
        const QString path = m_dir.filePath(text("incomplete.safetensors"));
        QVERIFY(writeSafetensors(path.toStdString(), *file).ok());
        const Run shown = limnCli({text("model"), text("info"), path});
        LIMN_COMPARE_EXIT(shown, 1);
        QVERIFY(shown.out.contains("incomplete") && shown.out.contains("depths 1, 1, 1, 1"));
        QVERIFY2(shown.err.contains("ca_1.fc1.weight is missing (expected [6, 96, 1, 1]); deconv2.weight is "
                                    "missing (expected [48, 48, 4, 4])."),
                 shown.err.constData());
        const Run json = limnCli({text("model"), text("info"), path, text("--json")});
        LIMN_COMPARE_EXIT(json, 1);
        QVERIFY(QJsonDocument::fromJson(json.out)
                    .object()
                    .value(text("mismatch"))
                    .toString()
                    .contains(text("deconv2.weight is missing")));
    }

    void convertKeepsWhatTheNetworkSays() {
        const QString half = m_dir.filePath(text("half.safetensors"));
        LIMN_COMPARE_EXIT(
            limnCli({text("model"), text("convert"), m_model, half, text("--precision"), text("fp16")}), 0);
        QVERIFY(QFile(half).size() < QFile(m_model).size() * 6 / 10);
        const Run run =
            limnCli({text("segment"), in("image%1.png", 1), text("--output"), m_dir.filePath(text("half")),
                     text("--model"), half, text("--input-size"), text("64"), text("--device"), text("cpu")});
        LIMN_COMPARE_EXIT(run, 0);
        QVERIFY(QFile::exists(m_dir.filePath(text("half/image1_mask.png"))));
    }

    void convertGivesItsFiguresToPrograms() {
        const QString out = m_dir.filePath(text("figures.safetensors"));
        const Run run = limnCli({text("model"), text("convert"), m_model, out, text("--precision"),
                                 text("fp32"), text("--json")});
        LIMN_COMPARE_EXIT(run, 0);
        const QJsonObject json = QJsonDocument::fromJson(run.out).object();
        const QJsonObject info =
            QJsonDocument::fromJson(limnCli({text("model"), text("info"), out, text("--json")}).out).object();
        QVERIFY(!info.isEmpty());
        for (const char* key : {"path", "sha256", "parameters", "precision"})
            QVERIFY2(json.value(text(key)) == info.value(text(key)), run.out.constData());
        QVERIFY(json.value(text("tensors")).toInt() > 100);
        QCOMPARE(json.value(text("bytes")).toInteger(), QFile(out).size());
    }

    void convertRefusesWhatIsNoModel() {
        const Run run = limnCli(
            {text("model"), text("convert"), in("image%1.png", 0), m_dir.filePath(text("no.safetensors"))});
        LIMN_COMPARE_EXIT(run, 1);
        QVERIFY(run.err.contains("image0.png"));
        QVERIFY(!QFile::exists(m_dir.filePath(text("no.safetensors"))));
    }

    void devicesBeginWithTheProcessor() {
        const Run run = limnCli({text("devices"), text("--json")});
        LIMN_COMPARE_EXIT(run, 0);
        const QJsonArray devices = QJsonDocument::fromJson(run.out).array();
        QVERIFY(!devices.isEmpty());
        QCOMPARE(devices.first().toObject().value(text("id")).toString(), text("cpu"));
        QVERIFY(devices.first().toObject().value(text("usable")).toBool());
    }

    void benchmarkAccountsForWhatItMeasured() {
        const QStringList command = {text("benchmark"), text("--device"), text("cpu"),
                                     text("--model"),   m_model,          text("--input-size"),
                                     text("32"),        text("--runs"),   text("20"),
                                     text("--threads"), text("1"),        text("--training"),
                                     text("--batch"),   text("2"),        text("--scaling")};
        const Run run = limnCli(command + QStringList{text("--json")});
        LIMN_COMPARE_EXIT(run, 0);
        const QJsonObject figures = QJsonDocument::fromJson(run.out).object();
        QCOMPARE(figures.value(text("threads")).toInt(), 1);
        QVERIFY(!figures.value(text("instruction_set")).toString().isEmpty());
        QVERIFY(figures.value(text("device"))
                    .toString()
                    .endsWith(figures.value(text("instruction_set")).toString()));
        for (const char* times : {"network", "without_scan", "products_alone", "scans_alone",
                                  "training_forward", "training_forward_backward", "training_step"}) {
            const QJsonObject each = figures.value(text(times)).toObject();
            const double median = each.value(text("median_ms")).toDouble();
            QVERIFY2(median > 0.0, times);
            QVERIFY2(each.value(text("minimum_ms")).toDouble() <= median, times);
            QVERIFY2(each.value(text("maximum_ms")).toDouble() >= median, times);
        }
        // Two images, the network and its gradients are some megabytes; LibTorch's code is more.
        const double peak = figures.value(text("peak_memory_bytes")).toDouble();
        const double trainingPeak = figures.value(text("training_peak_memory_bytes")).toDouble();
        QVERIFY2(peak > 5e6, qPrintable(QString::number(peak)));
        QVERIFY2(trainingPeak > 5e6 && trainingPeak < 1e11, qPrintable(QString::number(trainingPeak)));

        const QJsonArray sizes = figures.value(text("scaling")).toArray();
        QCOMPARE(sizes.size(), 3);
        double before = 32.0;
        for (const QJsonValue& each : sizes) {
            QCOMPARE(each[text("input_size")].toDouble(), 2.0 * before);
            before *= 2.0;
            QVERIFY(each[text("times_this_size")].toDouble() > 0.0);
            QVERIFY(each[text("peak_memory_bytes")].toDouble() > 5e6);
        }

        const Run table = limnCli(command);
        LIMN_COMPARE_EXIT(table, 0);
        const QRegularExpression speed(
            text("training: [0-9]+[.]?[0-9]* images/s, peak memory of the process [0-9.]+ GB"));
        QVERIFY2(speed.match(QString::fromUtf8(table.out)).hasMatch(), table.out.constData());
        QVERIFY2(!table.out.contains(" 0.00 GB"), table.out.constData());
        QVERIFY2(table.out.contains("256 x 256: "), table.out.constData());
    }

    void slowSpeedsKeepADigit() {
        QCOMPARE(speedText(3.6349), std::string("3.6 images/s"));
        QCOMPARE(speedText(99.94), std::string("99.9 images/s"));
        QCOMPARE(speedText(811.7), std::string("812 images/s"));
    }

    void drawnImagesCanBeEvaluated() {
        const QString demo = m_dir.filePath(text("demo"));
        LIMN_COMPARE_EXIT(limnCli({text("demo"), text("--output"), demo, text("--count"), text("2"),
                                   text("--width"), text("160"), text("--height"), text("120")}),
                          0);
        const QString json = m_dir.filePath(text("figures.json"));
        const Run run = limnCli({text("evaluate"), text("--images"), demo + text("/images"), text("--masks"),
                                 demo + text("/masks"), text("--model"), m_model, text("--device"),
                                 text("cpu"), text("--input-size"), text("64"), text("--json"), json,
                                 text("--report"), m_dir.filePath(text("page"))});
        LIMN_COMPARE_EXIT(run, 0);
        const QJsonObject figures = QJsonDocument::fromJson(bytesOf(json)).object();
        QCOMPARE(figures.value(text("count")).toInt(), 4);
        for (const char* key : {"miou", "dsc", "accuracy", "specificity", "sensitivity", "mean_dice",
                                "mean_iou", "mean_boundary_f"}) {
            const double value = figures.value(text(key)).toDouble(-1.0);
            QVERIFY2(value >= 0.0 && value <= 1.0, key);
        }
        QVERIFY(QFile::exists(m_dir.filePath(text("page/index.html"))));
    }

    void projectsFromTheCommandLine() {
        const QString folder = m_dir.filePath(text("project"));
        QVERIFY(QDir().mkpath(folder));
        for (int i = 0; i < 3; ++i)
            QVERIFY(QFile::copy(in("image%1.png", i), folder + text("/p%1.png").arg(i)));
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("create"), folder, text("--person"), text("Ana")}),
                          0);
        const QString file = folder + text("/project.limn");
        QVERIFY(QFile::exists(file));
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("add"), file, in("image%1.png", 4)}), 0);
        const Run status = limnCli({text("project"), text("status"), folder, text("--json")});
        LIMN_COMPARE_EXIT(status, 0);
        const QJsonObject json = QJsonDocument::fromJson(status.out).object();
        QCOMPARE(json.value(text("images")).toInt(), 4);
        QCOMPARE(json.value(text("states")).toObject().value(text("new")).toInt(), 4);
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("verify"), file}), 0);
        const QString out = m_dir.filePath(text("exported"));
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("export"), file, text("--output"), out}), 0);
        Result<std::vector<CsvRow>> table = readCsv((out + text("/annotations.csv")).toStdString());
        QVERIFY(table.ok());
        QCOMPARE(table->size(), std::size_t{5});

        // What the window copies as a command writes the bytes that the window writes.
        {
            const auto store = ProjectStore::open(file.toStdString(), {.person = "Ana"});
            QVERIFY(store.ok());
            StoredAnnotation annotation;
            annotation.image = (*store)->images()->at(1).id;
            annotation.person = *(*store)->person("Ana");
            LabelMap labels((*store)->images()->at(1).size);
            for (int y = 10; y < 40; ++y)
                for (int x = 20; x < 50; ++x)
                    labels.at(x, y) = x > 30 && x < 35 && y > 20 && y < 25 ? 0 : 1;
            annotation.labels = tilesFromLabelMap(labels);
            annotation.labelTable = {{1, "Lesion", 0x56b4e9, "", "", ""}};
            QVERIFY((*store)->saveAnnotation(annotation).ok());
            ExportOptions options;
            options.folder = m_dir.filePath(text("as asked")).toStdString();
            options.formats = {allExportFormats().begin(), allExportFormats().end()};
            options.images = {annotation.image};
            options.longestSide = 64;
            options.withoutPeople = true;
            QVERIFY(runExport(**store, options).ok());
            options.folder = m_dir.filePath(text("as copied")).toStdString();
            QStringList arguments;
            for (const std::string& one : exportArguments(file.toStdString(), options))
                arguments.append(QString::fromStdString(one));
            LIMN_COMPARE_EXIT(limnCli(arguments), 0);
        }
        QStringList names;
        QDirIterator files(m_dir.filePath(text("as asked")), QDir::Files, QDirIterator::Subdirectories);
        while (files.hasNext()) {
            const QString asked = files.next();
            QString copied = asked;
            copied.replace(text("as asked"), text("as copied"));
            names.append(files.fileName());
            if (!files.fileName().startsWith(text("export_report")))
                QVERIFY2(bytesOf(asked) == bytesOf(copied), qPrintable(asked));
        }
        QCOMPARE(names.size(), 12); // 6 of the image, 4 tables, 2 reports

        QVERIFY(QFile::remove(folder + text("/p1.png")));
        const Run broken = limnCli({text("project"), text("verify"), file});
        LIMN_COMPARE_EXIT(broken, 1);
        QVERIFY(broken.err.contains("p1.png"));
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("status"), in("image%1.png", 0)}), 1);
    }

    // The whole way on photographs as cameras make them, in a copy of their folder.
    // What goes wrong with a project is said at once, with the way out, and nothing waits for ever.
    void projectsInTrouble() {
        const QString folder = m_dir.filePath(text("trouble"));
        QVERIFY(QDir().mkpath(folder + text("/sub")));
        for (int i = 0; i < 3; ++i)
            QVERIFY(QFile::copy(in("image%1.png", i), folder + text("/p%1.png").arg(i)));
        const QString file = folder + text("/trouble.limn");
        const auto project = [&](const char* command, const QStringList& more = {}) {
            return limnCli(QStringList{text("project"), text(command), folder} + more);
        };
        const Run none = project("status");
        LIMN_COMPARE_EXIT(none, 1);
        QVERIFY2(none.err.contains("project create"), none.err.constData());
        LIMN_COMPARE_EXIT(project("create"), 0);
        {
            const auto holder = ProjectStore::open(file.toStdString(), {.person = "Ana"});
            QVERIFY(holder.ok());
            for (const Run& run : {project("add", {in("image%1.png", 4)}), project("create")}) {
                LIMN_COMPARE_EXIT(run, 1);
                QVERIFY2(run.err.contains("open in another program (Ana"), run.err.constData());
            }
            const Run status = project("status", {text("--list")});
            LIMN_COMPARE_EXIT(status, 0);
            QVERIFY2(status.out.contains("new\tp1.png"), status.out.constData());
            QVERIFY2(status.err.contains("open in another program (Ana"), status.err.constData());
        }
        QVERIFY(project("status").err.isEmpty());

        // Moved and vanished files are said once each.
        QVERIFY(QFile::rename(folder + text("/p0.png"), folder + text("/sub/elsewhere.png")));
        QVERIFY(QFile::remove(folder + text("/p2.png")));
        const Run moved = project("create");
        LIMN_COMPARE_EXIT(moved, 0);
        QVERIFY2(moved.err.contains("found again at ") && moved.err.contains("sub/elsewhere.png"),
                 moved.err.constData());
        QVERIFY2(moved.err.contains("p2.png is no longer where it was"), moved.err.constData());
        QVERIFY2(!moved.err.contains("p0.png"), moved.err.constData());

        // A damaged file is left alone by who only reads; making the project again recovers it, and its copy
        // does not stand in the way.
        QFile damaged(file);
        QVERIFY(damaged.open(QIODevice::WriteOnly));
        QVERIFY(damaged.write("hello") == 5);
        damaged.close();
        for (const char* command : {"status", "verify"}) {
            const Run run = project(command);
            LIMN_COMPARE_EXIT(run, 1);
            QVERIFY2(run.err.contains("what can be read is recovered"), run.err.constData());
            // What is wrong comes before the way out.
            QVERIFY2(run.err.startsWith("limn-cli: The project "), run.err.constData());
            QCOMPARE(bytesOf(file), QByteArray("hello"));
        }
        const Run recovered = project("create");
        LIMN_COMPARE_EXIT(recovered, 0);
        QVERIFY2(recovered.err.contains("trouble.damaged-"), recovered.err.constData());
        QCOMPARE(QDir(folder).entryList({text("trouble.damaged-*.limn")}).size(), 1);
        LIMN_COMPARE_EXIT(project("verify"), 0);
    }

    void projectsOfRealPhotographs() {
        const QDir samples(text(LIMN_SHARED_DIR "/data/fullres-samples"));
        const QStringList photographs = samples.entryList({text("*.jpg")}, QDir::Files, QDir::Name).mid(0, 3);
        if (photographs.isEmpty())
            QSKIP(qPrintable(text("There are no photographs in %1.").arg(samples.path())));
        const QString folder = m_dir.filePath(text("photographs"));
        QVERIFY(QDir().mkpath(folder));
        for (const QString& name : photographs)
            QVERIFY(QFile::copy(samples.filePath(name), folder + text("/") + name));
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("create"), folder, text("--person"), text("Ana")}),
                          0);
        const std::string file = (folder + text("/photographs.limn")).toStdString();
        Size size;
        {
            const auto store = ProjectStore::open(file, {.person = "Ana"});
            QVERIFY(store.ok());
            const std::vector<ImageRecord> images = *(*store)->images();
            QCOMPARE(images.size(), static_cast<std::size_t>(photographs.size()));
            StoredAnnotation annotation;
            annotation.image = images[0].id;
            annotation.person = *(*store)->person("Ana");
            size = images[0].size;
            LabelMap labels(size);
            for (int y = size.height / 4; y < size.height / 2; ++y)
                for (int x = size.width / 4; x < size.width / 2; ++x)
                    labels.at(x, y) = 1;
            annotation.labels = tilesFromLabelMap(labels);
            annotation.labelTable = {{1, "Lesion", 0x56b4e9, "SCT", "52988006", "Lesion"}};
            QVERIFY((*store)->saveAnnotation(annotation).ok());
            QVERIFY((*store)->setState(std::span(&images[0].id, 1), ReviewState::InProgress, "", 0).ok());
            QVERIFY((*store)->setState(std::span(&images[0].id, 1), ReviewState::Submitted, "", 0).ok());
            QVERIFY((*store)
                        ->setState(std::span(&images[0].id, 1), ReviewState::Accepted, "", annotation.person)
                        .ok());
        }
        const QString out = m_dir.filePath(text("photographs out"));
        const Run exported =
            limnCli({text("project"), text("export"), folder, text("--output"), out, text("--state"),
                     text("accepted"), text("--names"), text("isic"), text("--formats"),
                     text("masks,labels,table,coco,labelme,yolo,overlays")});
        LIMN_COMPARE_EXIT(exported, 0);
        QVERIFY(exported.out.contains("1 image written") && exported.out.contains("2 left out"));
        const std::string stem =
            (out + text("/") + QFileInfo(photographs.front()).completeBaseName()).toStdString();
        const Result<LabelMap> mask = readMask(stem + "_segmentation.png");
        const Result<Image> overlay = readImage(stem + "_overlay.jpg");
        QVERIFY(mask.ok() && mask->size == size);
        QVERIFY(overlay.ok() && overlay->size == size);
        const std::size_t area = static_cast<std::size_t>(size.width / 2 - size.width / 4) *
                                 static_cast<std::size_t>(size.height / 2 - size.height / 4);
        const QJsonObject coco = QJsonDocument::fromJson(bytesOf(out + text("/coco.json"))).object();
        QCOMPARE(coco.value(text("annotations")).toArray().at(0).toObject().value(text("area")).toDouble(),
                 static_cast<double>(area));
        const Result<std::vector<CsvRow>> table = readCsv((out + text("/annotations.csv")).toStdString());
        QVERIFY(table.ok());
        QCOMPARE(table->size(), std::size_t{2});
        const CsvRow& row = table->at(1);
        const auto column = [&](const char* name) {
            const CsvRow& names = table->front();
            return row[static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
        };
        QCOMPARE(column("state"), std::string("accepted"));
        QCOMPARE(column("state_by"), std::string("Ana"));
        QCOMPARE(column("person"), std::string("Ana"));
        QCOMPARE(column("area_px"), std::to_string(area));
        QCOMPARE(column("code"), std::string("SCT 52988006 Lesion"));
        LIMN_COMPARE_EXIT(limnCli({text("project"), text("verify"), folder}), 0);
        // The photographs are as they were.
        for (const QString& name : photographs)
            QVERIFY(bytesOf(folder + text("/") + name) == bytesOf(samples.filePath(name)));
    }

    // Killed while it writes: what lies there is whole, and --resume ends the work.
    void killLeavesNoHalfFile() {
        const QString input = m_dir.filePath(text("many"));
        QVERIFY(QDir().mkpath(input));
        const int count = 40;
        for (int i = 0; i < count; ++i)
            QVERIFY(QFile::copy(in("image%1.png", i % 5), input + text("/m%1.png").arg(i)));
        const QString out = m_dir.filePath(text("killed"));
        const QStringList arguments{
            text("segment"),  input,       text("--output"),     out,
            text("--model"),  m_model,     text("--input-size"), text("64"),
            text("--device"), text("cpu"), text("--save"),       text("mask,probability")};
        const auto masks = [&] { return QDir(out).entryList({text("*_mask.png")}, QDir::Files); };
        QProcess process;
        process.start(QStringLiteral(LIMN_CLI), arguments);
        QVERIFY(process.waitForStarted());
        QTRY_VERIFY_WITH_TIMEOUT(!masks().isEmpty(), kPatienceMs);
        process.kill();
        QVERIFY(process.waitForFinished());
        for (const QString& name : QDir(out).entryList(QDir::Files | QDir::Hidden)) {
            if (name == text("segment.json"))
                continue;
            Result<Image> image = readImage((out + text("/") + name).toStdString());
            QVERIFY2(image.ok(), qPrintable(name));
            QCOMPARE(image->size, kSize);
        }
        // As a network drive keeps one of a killed run.
        const pid_t dead = static_cast<pid_t>(process.processId());
        QFile boot(text("/proc/sys/kernel/random/boot_id"));
        QVERIFY(boot.open(QIODevice::ReadOnly));
        QFile part(out + text("/.limn-%1-%2-0.part").arg(QString::fromLatin1(boot.read(8))).arg(dead));
        QVERIFY(part.open(QIODevice::WriteOnly));
        part.close();
        LIMN_COMPARE_EXIT(limnCli(arguments + QStringList{text("--resume")}), 0);
        QCOMPARE(masks().size(), count);
        const QStringList all = QDir(out).entryList(QDir::Files | QDir::Hidden);
        QCOMPARE(all.size(), 2 * count + 1); // and segment.json
    }

private:
    QString in(const char* pattern, int i) const {
        return m_dir.filePath(text("in/") + text(pattern).arg(i));
    }
    Run segment(const QStringList& inputs, const QString& out, const QStringList& more) const {
        return limnCli(QStringList{text("segment")} + inputs +
                       QStringList{text("--output"), out, text("--model"), m_model, text("--input-size"),
                                   text("64"), text("--device"), text("cpu")} +
                       more);
    }

    QTemporaryDir m_dir;
    QString m_model;
};

QTEST_GUILESS_MAIN(LimnCliTest)
#include "tst_limn_cli.moc"
