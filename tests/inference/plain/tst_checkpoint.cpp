// SPDX-License-Identifier: GPL-3.0-or-later
// Checkpoints of either format come out as they were saved, hostile ones are refused with a sentence, and the
// list of tensors is that of a released checkpoint. Golden files where they are at hand; all others are made
// here by torch_file.h.
#include "inference/engine.h"
#include "inference/plain/checkpoint.h"
#include "inference/plain/pickle_checkpoint.h"
#include "inference/plain/sha256.h"
#include "tests/inference/parity_table.h"
#include "torch_file.h"

#include <QtCore/QDir>
#include <QtCore/QFile>
#include <QtCore/QFileInfo>
#include <QtCore/QJsonArray>
#include <QtCore/QJsonDocument>
#include <QtCore/QJsonObject>
#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>

using namespace limn;
using torchfile::Bytes;
using torchfile::Part;
using torchfile::Pickle;

namespace {

const QString kGolden = QStringLiteral(LIMN_SHARED_DIR "/golden");

bool goldenIsHere() {
    return QFileInfo::exists(kGolden);
}

std::string goldenFile(const char* name) {
    return (kGolden + QLatin1Char('/') + QLatin1String(name)).toStdString();
}

QStringList namesIn(const TensorFile& file, const char* key) {
    QStringList names;
    const QJsonDocument list = QJsonDocument::fromJson(QByteArray::fromStdString(file.metadata.at(key)));
    for (const QJsonValue& name : list.array())
        names << name.toString();
    return names;
}

Bytes floats(const std::vector<float>& values) {
    Bytes bytes(values.size() * sizeof(float));
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

// One tensor "w" of 2 x 3 under whatever surrounds it.
Pickle& oneTensor(Pickle& pickle, const std::string& name = "w") {
    return pickle.text(name).tensor("FloatStorage", "0", 6, {2, 3}, {3, 1}).op("s");
}
const std::vector<float> kSix{1, 2, 3, 4, 5, 6};

Result<TensorFile> parsed(const Bytes& bytes) {
    return parseCheckpoint(bytes, "best.pth");
}

std::string messageOf(const Result<TensorFile>& result) {
    return result.ok() ? std::string("it was read") : result.error().message();
}

bool says(const Result<TensorFile>& result, ErrorCode code, const std::string& part) {
    const bool right = !result.ok() && result.error().code == code &&
                       messageOf(result).starts_with("best.pth") &&
                       messageOf(result).find(part) != std::string::npos;
    if (!right)
        qWarning("wanted \"%s\", got \"%s\"", part.c_str(), messageOf(result).c_str());
    return right;
}

// A checkpoint of zeros.
TensorFile emptyNetwork(const NetworkConfig& config, DType dtype = DType::F32) {
    TensorFile file;
    file.source = "network";
    for (const TensorSpec& spec : expectedTensors(config)) {
        StoredTensor tensor{spec.name, spec.isParameter ? dtype : DType::F32, spec.shape, {}};
        tensor.bytes.resize(static_cast<std::size_t>(tensor.count()) * sizeOf(tensor.dtype));
        file.tensors.push_back(std::move(tensor));
    }
    return file;
}

} // namespace

class TestCheckpoint : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void goldenCheckpointsComeOutExactly();
    void hostileFilesAreRefused();
    void expectedTensorsCountAsAReleasedCheckpointDoes();
    void expectedTensorsAreThoseOfAReleasedCheckpoint();
    void deadParametersAreThoseWithoutGradient();
    void otherDepthsHaveTheirCounts();
    void classesShapeTheHeadsAlone();
    void stateDictsAreFoundInEveryForm();
    void namesAreTidied();
    void viewsComeOutContiguous();
    void zip64FilesAreRead();
    void opaqueValuesAreRefusedOnlyAmongWeights();
    void brokenTensorsGetASentence_data();
    void brokenTensorsGetASentence();
    void otherFilesGetASentence();
    void bombsAreRefused();
    void configurationIsReadOffTheFile();
    void contradictionsInTheConfigurationAreRefused();
    void everyMismatchIsNamed();
    void longListsAreCut();
    void stagesWithoutBlocksAreRefused();
    void shippedFilesHoldTheLiveTensors();
    void tooLargeNumbersStayWide();
    void modelInfoIsRead();
};

// Bits are copied, and widening is exact: no tolerance.
void TestCheckpoint::goldenCheckpointsComeOutExactly() {
    if (!goldenIsHere())
        QSKIP("The golden values (../shared/golden) are not here.");
    const Result<TensorFile> expected = readCheckpoint(goldenFile("checkpoint_expected.safetensors"));
    QVERIFY(expected.ok());
    testing::ParityTable parity;
    for (const char* name : {"checkpoint_plain.pth", "checkpoint_model_key.pth", "checkpoint_training.pth"}) {
        const Result<TensorFile> read = readCheckpoint(goldenFile(name));
        QVERIFY2(read.ok(), messageOf(read).c_str());
        const bool training = std::string(name) == "checkpoint_training.pth";
        QCOMPARE(read->tensors.size(), training ? std::size_t(1) : expected->tensors.size() - 1);
        for (const StoredTensor& tensor : read->tensors) {
            const StoredTensor* wanted = expected->find(training ? "training." + tensor.name : tensor.name);
            QVERIFY2(wanted, tensor.name.c_str());
            QVERIFY2(tensor.shape == wanted->shape, tensor.name.c_str());
            parity.add(name, tensor.name, tensor.toDouble(), wanted->toDouble());
            if (wanted->dtype == DType::I64)
                QVERIFY2(tensor.toInt64() == wanted->toInt64(), tensor.name.c_str());
            else
                QVERIFY2(tensor.toDouble() == wanted->toDouble(), tensor.name.c_str());
        }
        const Result<TensorFile> names = readCheckpoint(goldenFile(name), Contents::NamesAndShapes);
        QVERIFY(names.ok() && names->tensors.size() == read->tensors.size());
        QVERIFY(names->tensors[0].shape == read->tensors[0].shape && names->tensors[0].bytes.empty());
    }
    parity.print();
}

void TestCheckpoint::hostileFilesAreRefused() {
    if (!goldenIsHere())
        QSKIP("The golden values (../shared/golden) are not here.");
    const QTemporaryDir folder;
    const QString before = QDir::currentPath();
    QVERIFY(QDir::setCurrent(folder.path()));
    const QStringList files = QDir(kGolden).entryList({QStringLiteral("hostile_*")}, QDir::Files);
    QVERIFY(files.size() >= 6);
    for (const QString& file : files) {
        const std::string path = (kGolden + QLatin1Char('/') + file).toStdString();
        const Result<TensorFile> read = readCheckpoint(path);
        QVERIFY2(!read.ok(), qPrintable(file));
        QVERIFY2(messageOf(read).starts_with(path), messageOf(read).c_str());
        QVERIFY2(!readModelInfo(path).ok(), qPrintable(file));
    }
    QVERIFY(QDir(folder.path()).isEmpty());
    QVERIFY(QDir::setCurrent(before));
}

void TestCheckpoint::expectedTensorsCountAsAReleasedCheckpointDoes() {
    const std::vector<TensorSpec> specs = expectedTensors({});
    QCOMPARE(specs.size(), std::size_t(290));
    std::int64_t parameters = 0;
    std::int64_t live = 0;
    for (const TensorSpec& spec : specs) {
        std::int64_t count = spec.isParameter ? 1 : 0;
        for (const std::int64_t extent : spec.shape)
            count *= extent;
        parameters += count;
        live += isLive({}, spec.name) ? count : 0;
    }
    // Counted from a released checkpoint.
    QCOMPARE(parameters, std::int64_t(22770934));
    QCOMPARE(live, std::int64_t(13822100));
}

void TestCheckpoint::expectedTensorsAreThoseOfAReleasedCheckpoint() {
    if (!goldenIsHere())
        QSKIP("The golden values (../shared/golden) are not here.");
    const std::vector<TensorSpec> specs = expectedTensors({});
    QFile file(kGolden + QStringLiteral("/state_dict.json"));
    QVERIFY(file.open(QIODevice::ReadOnly));
    // The file is sorted by name; the order of creation is that of the gradients in the next test.
    const QJsonObject expected = QJsonDocument::fromJson(file.readAll()).object();
    QCOMPARE(expected.size(), 290);
    std::set<std::string> names;
    for (const TensorSpec& spec : specs) {
        QVERIFY2(names.insert(spec.name).second, spec.name.c_str());
        const QJsonValue shape = expected.value(QString::fromStdString(spec.name));
        QVERIFY2(shape.isArray(), spec.name.c_str());
        std::vector<std::int64_t> extents;
        for (const QJsonValue& extent : shape.toArray())
            extents.push_back(extent.toInteger());
        QVERIFY2(extents == spec.shape, spec.name.c_str());
    }
}

void TestCheckpoint::deadParametersAreThoseWithoutGradient() {
    if (!goldenIsHere())
        QSKIP("The golden values (../shared/golden) are not here.");
    const Result<TensorFile> golden = readSafetensors(goldenFile("train_step_128.safetensors"));
    QVERIFY(golden.ok());
    const QStringList live = namesIn(*golden, "grad_norm_names");
    const QStringList dead = namesIn(*golden, "without_gradient");
    QCOMPARE(dead.size(), 31);
    QStringList liveHere;
    QStringList deadHere;
    for (const TensorSpec& spec : expectedTensors({})) {
        if (spec.isParameter)
            (isLive({}, spec.name) ? liveHere : deadHere) << QString::fromStdString(spec.name);
    }
    // In order, too.
    QCOMPARE(liveHere, live);
    QCOMPARE(deadHere, dead);

    NetworkConfig outputs;
    outputs.taps = Taps::StageOutputs;
    QVERIFY(isLive(outputs, "vmunet.layers.3.blocks.1.self_attention.Ds"));
    QVERIFY(!isLive(outputs, "deconv5.weight") && !isLive(outputs, "seg_outs.1.bias"));
    QVERIFY(!isLive({}, "Translayer_1.bn.num_batches_tracked") && isLive({}, "Translayer_1.bn.running_var"));
}

void TestCheckpoint::otherDepthsHaveTheirCounts() {
    NetworkConfig config;
    config.depths = {2, 2, 2, 2};
    QCOMPARE(expectedTensors(config).size(), std::size_t(199));
    config.depths = {2, 2, 27, 2};
    QCOMPARE(expectedTensors(config).size(), std::size_t(524));
}

// The released network has a refinement of one channel, which serves every class.
void TestCheckpoint::classesShapeTheHeadsAlone() {
    NetworkConfig one;
    NetworkConfig many;
    many.classes = 3;
    const std::vector<TensorSpec> narrow = expectedTensors(one);
    const std::vector<TensorSpec> wide = expectedTensors(many);
    QCOMPARE(wide.size(), narrow.size());
    for (std::size_t i = 0; i < wide.size(); ++i) {
        TensorSpec spec = narrow[i];
        if (spec.name.starts_with("seg_outs."))
            spec.shape[0] = 3;
        QVERIFY2(wide[i] == spec, spec.name.c_str());
    }
}

void TestCheckpoint::stateDictsAreFoundInEveryForm() {
    const std::vector<Bytes> storages{floats(kSix)};
    const auto check = [](const Result<TensorFile>& read) {
        if (!read.ok())
            qWarning("%s", messageOf(read).c_str());
        return read.ok() && read->tensors.size() == 1 && read->tensors[0].name == "w" &&
               read->tensors[0].toFloat() == kSix;
    };
    Pickle bare;
    bare.op("}").text("epoch").integer(3).op("s");
    QVERIFY(check(parsed(torchfile::fileOf(oneTensor(bare).done(), storages))));
    for (const char* key : {"model", "model_state_dict", "state_dict"}) {
        Pickle nested;
        nested.op("}(").text("other").tensor("FloatStorage", "0", 6, {6}, {1}).text(key).orderedDict();
        oneTensor(nested).op("u");
        QVERIFY(check(parsed(torchfile::fileOf(nested.done(), storages))));
    }
    // A tensor that is named like one of the forms is a tensor.
    Pickle odd;
    odd.op("}");
    const Result<TensorFile> named = parsed(torchfile::fileOf(oneTensor(odd, "model").done(), storages));
    QVERIFY(named.ok() && named->tensors[0].name == "model");
    // Equal keys: the last one holds, as in Python.
    Pickle twice;
    twice.op("}").text("w").tensor("FloatStorage", "0", 6, {1}, {1}).op("s");
    QVERIFY(check(parsed(torchfile::fileOf(oneTensor(twice).done(), storages))));
    // Attributes of the dictionary, and a parameter around the tensor.
    Pickle parameter;
    parameter.orderedDict().text("w").global("torch._utils", "_rebuild_parameter").op("(");
    parameter.tensor("FloatStorage", "0", 6, {2, 3}, {3, 1}).op("\x88").orderedDict().op("tRs");
    parameter.op("}").text("_metadata").orderedDict().op("sb");
    QVERIFY(check(parsed(torchfile::fileOf(parameter.done(), storages))));
    // The file may lie on the disk, too.
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("model.bin")).toStdString();
    Pickle plain;
    plain.op("}");
    const Bytes bytes = torchfile::fileOf(oneTensor(plain).done(), storages);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    QVERIFY(check(readCheckpoint(path)));
    QVERIFY(check(readTorchCheckpoint(path)));
}

void TestCheckpoint::namesAreTidied() {
    Pickle pickle;
    pickle.op("}");
    for (const char* name : {"module.w", "module.module.v", "total_ops", "module.ca_1.total_params",
                             "sdi_1.convs.total_ops", "my_total_ops"})
        oneTensor(pickle, name);
    const Bytes bytes = torchfile::fileOf(pickle.done(), {floats(kSix)});
    const Result<TensorFile> read = parsed(bytes);
    QVERIFY2(read.ok(), messageOf(read).c_str());
    QStringList names;
    for (const StoredTensor& tensor : read->tensors)
        names << QString::fromStdString(tensor.name);
    QCOMPARE(names.join(QLatin1Char(' ')), QStringLiteral("w v my_total_ops"));
    // As stored, for those who ask for the format alone.
    QCOMPARE(parseTorchCheckpoint(bytes, "best.pth")->tensors.size(), std::size_t(6));

    Pickle clash;
    clash.op("}");
    oneTensor(oneTensor(clash, "module.w"), "w");
    QVERIFY(
        says(parsed(torchfile::fileOf(clash.done(), {floats(kSix)})), ErrorCode::CheckpointInvalid, "twice"));
}

void TestCheckpoint::viewsComeOutContiguous() {
    std::vector<float> values(24);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<float>(i);
    const auto read = [&](const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& stride,
                          std::int64_t offset) {
        Pickle pickle;
        pickle.op("}").text("w").tensor("FloatStorage", "0", 24, shape, stride, offset).op("s");
        const Result<TensorFile> file = parsed(torchfile::fileOf(pickle.done(), {floats(values)}));
        if (!file.ok()) {
            qWarning("%s", messageOf(file).c_str());
            return std::vector<float>();
        }
        return file->tensors[0].toFloat();
    };
    QVERIFY(read({24}, {1}, 0) == values);
    QVERIFY(read({3}, {1}, 21) == (std::vector<float>{21, 22, 23}));
    QVERIFY(read({2, 3}, {1, 2}, 4) == (std::vector<float>{4, 6, 8, 5, 7, 9}));
    QVERIFY(read({2, 2, 2}, {12, 1, 6}, 1) == (std::vector<float>{1, 7, 2, 8, 13, 19, 14, 20}));
    QVERIFY(read({2, 3}, {0, 0}, 23) == (std::vector<float>(6, 23.0f)));
    QVERIFY(read({}, {}, 5) == (std::vector<float>{5}));
    // A stride says nothing about a dimension of one.
    QVERIFY(read({1, 2}, {99999, 1}, 3) == (std::vector<float>{3, 4}));
    QVERIFY(read({0, 1000000000000}, {1, 1}, 0).empty());
}

void TestCheckpoint::zip64FilesAreRead() {
    Pickle pickle;
    pickle.op("}");
    const Bytes bytes = torchfile::fileOf(oneTensor(pickle).done(), {floats(kSix)}, true);
    const Result<TensorFile> read = parsed(bytes);
    QVERIFY2(read.ok(), messageOf(read).c_str());
    QVERIFY(read->tensors[0].toFloat() == kSix);
}

void TestCheckpoint::opaqueValuesAreRefusedOnlyAmongWeights() {
    const std::vector<Bytes> storages{floats(kSix)};
    Pickle beside;
    beside.op("}(").text("args").global("argparse", "Namespace").op(")\x81}").text("lr").op("G");
    beside.bytes.insert(beside.bytes.end(), 8, 0);
    beside.op("sb").text("model").op("}");
    const Result<TensorFile> read = parsed(torchfile::fileOf(oneTensor(beside).op("u").done(), storages));
    QVERIFY2(read.ok(), messageOf(read).c_str());
    QCOMPARE(read->tensors.size(), std::size_t(1));

    Pickle among;
    oneTensor(among.op("}")).text("x").global("somewhere", "function").op(")Rs");
    QVERIFY(says(parsed(torchfile::fileOf(among.done(), storages)), ErrorCode::CheckpointInvalid,
                 "\"somewhere.function\""));
    Pickle whole;
    whole.global("models.vmunet", "VMUNetV2").op(")\x81}b");
    QVERIFY(says(parsed(torchfile::fileOf(whole.done(), storages)), ErrorCode::CheckpointInvalid,
                 "state_dict()"));
    Pickle wholeModel;
    wholeModel.op("}").text("model").global("models.vmunet", "VMUNetV2").op(")\x81}bs");
    QVERIFY(says(parsed(torchfile::fileOf(wholeModel.done(), storages)), ErrorCode::CheckpointInvalid,
                 "models.vmunet.VMUNetV2"));
    // What only wants to run something is refused wherever it stands.
    Pickle hidden;
    hidden.op("}(").text("optimizer").global("os", "system").text("true").op("\x85R").text("model").op("}");
    QVERIFY(says(parsed(torchfile::fileOf(oneTensor(hidden).op("u").done(), storages)),
                 ErrorCode::CheckpointInvalid, "os.system"));
}

void TestCheckpoint::brokenTensorsGetASentence_data() {
    QTest::addColumn<QByteArray>("storage");
    QTest::addColumn<QString>("key");
    QTest::addColumn<qint64>("count");
    QTest::addColumn<QList<qint64>>("shape");
    QTest::addColumn<QList<qint64>>("stride");
    QTest::addColumn<qint64>("offset");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char* name, const char* storage, const char* key, qint64 count,
                        const QList<qint64>& shape, const QList<qint64>& stride, qint64 offset,
                        const char* part) {
        QTest::newRow(name) << QByteArray(storage) << QString::fromLatin1(key) << count << shape << stride
                            << offset << QByteArray(part);
    };
    const qint64 huge = qint64(1) << 62;
    row("leavesTheStorage", "FloatStorage", "0", 6, {7}, {1}, 0, "reaches number 6");
    row("offsetBeyond", "FloatStorage", "0", 6, {1}, {1}, 6, "reaches number 6");
    row("hugeOffset", "FloatStorage", "0", 6, {2}, {1}, INT64_MAX, "reaches number 9223372036854775808");
    row("overflowingShape", "FloatStorage", "0", 6, {huge, huge}, {0, 0}, 0, "overflows");
    row("overflowingStride", "FloatStorage", "0", 6, {huge}, {huge}, 0, "overflows");
    row("hugeExpansion", "FloatStorage", "0", 6, {qint64(1) << 40}, {0}, 0, "more bytes than the file");
    row("negativeShape", "FloatStorage", "0", 6, {-1}, {1}, 0, "no positive number");
    row("negativeStride", "FloatStorage", "0", 6, {1}, {-1}, 0, "no positive number");
    row("moreStrides", "FloatStorage", "0", 6, {1}, {1, 1}, 0, "1 dimensions and 2 strides");
    row("nineDimensions", "FloatStorage", "0", 6, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, 0,
        "more than 8");
    row("storageMissing", "FloatStorage", "7", 6, {6}, {1}, 0, "are missing");
    row("storageShorter", "FloatStorage", "0", 7, {6}, {1}, 0, "should hold 7 numbers");
    row("storageOfOtherKind", "DoubleStorage", "0", 6, {6}, {1}, 0, "should hold 6 numbers");
    row("negativeCount", "FloatStorage", "0", -6, {6}, {1}, 0, "described wrongly");
    row("complexNumbers", "ComplexFloatStorage", "0", 3, {3}, {1}, 0, "torch.ComplexFloatStorage");
    row("keyLeavesTheFolder", "FloatStorage", "../version", 6, {6}, {1}, 0, "are missing");
}

void TestCheckpoint::brokenTensorsGetASentence() {
    QFETCH(QByteArray, storage);
    QFETCH(QString, key);
    QFETCH(qint64, count);
    QFETCH(QList<qint64>, shape);
    QFETCH(QList<qint64>, stride);
    QFETCH(qint64, offset);
    QFETCH(QByteArray, part);
    Pickle pickle;
    oneTensor(pickle.op("}"), "good")
        .text("w")
        .tensor(storage.toStdString(), key.toStdString(), count, {shape.begin(), shape.end()},
                {stride.begin(), stride.end()}, offset);
    const Result<TensorFile> read = parsed(torchfile::fileOf(pickle.op("s").done(), {floats(kSix)}));
    QVERIFY(!read.ok());
    QVERIFY2(messageOf(read).starts_with("best.pth"), messageOf(read).c_str());
    QVERIFY2(messageOf(read).find(part.toStdString()) != std::string::npos, messageOf(read).c_str());
}

void TestCheckpoint::otherFilesGetASentence() {
    QVERIFY(says(parsed({}), ErrorCode::FileEmpty, "empty"));
    QVERIFY(
        says(parsed(torchfile::textBytes("hello, this is no model")), ErrorCode::FormatUnknown, "neither"));
    QVERIFY(says(parsed({0}), ErrorCode::FormatUnknown, "neither"));
    // The format before 1.6 begins with a pickled magic number.
    Bytes old{0x80, 2, 0x8a, 10};
    old.insert(old.end(), 200, 0x6c);
    QVERIFY(says(parsed(old), ErrorCode::CheckpointInvalid, "before version 1.6"));

    Pickle pickle;
    pickle.op("}");
    const Bytes weights = oneTensor(pickle).done();
    const Part numbers{"best/data/0", floats(kSix)};
    QVERIFY(parsed(torchfile::zipOf({{"data.pkl", weights}, {"data/0", floats(kSix)}})).ok());
    QVERIFY(
        says(parsed(torchfile::zipOf({{"photo.png", {1}}})), ErrorCode::CheckpointInvalid, "no data.pkl"));
    QVERIFY(says(parsed(torchfile::zipOf({{"a/data.pkl", weights}, {"b/data.pkl", weights}})),
                 ErrorCode::CheckpointInvalid, "more than one"));
    QVERIFY(says(parsed(torchfile::zipOf({{"m/data.pkl", weights}, {"m/constants.pkl", {1}}})),
                 ErrorCode::CheckpointInvalid, "TorchScript"));
    QVERIFY(says(parsed(torchfile::zipOf(
                     {{"best/data.pkl", weights}, {"best/byteorder", torchfile::textBytes("big")}, numbers})),
                 ErrorCode::FeatureNotHandled, "byte order"));
    QVERIFY(says(parsed(torchfile::zipOf({{"best/data.pkl", weights, 8}, numbers})),
                 ErrorCode::FeatureNotHandled, "compressed"));
    QVERIFY(says(parsed(torchfile::zipOf({{"best/data.pkl", weights, 0, 1}, numbers})),
                 ErrorCode::FileCorrupt, "checksum"));
    QVERIFY(says(parsed(torchfile::zipOf({{"best/data.pkl", weights}, {"best/data/0", floats(kSix), 0, 1}})),
                 ErrorCode::FileCorrupt, "\"best/data/0\""));
    QVERIFY(says(parsed(torchfile::zipOf({{"best/data.pkl", weights}, numbers, numbers})),
                 ErrorCode::FileCorrupt, "twice"));
    QVERIFY(says(parsed(torchfile::fileOf(Pickle().op("}").done(), {})), ErrorCode::CheckpointInvalid,
                 "no weights were found"));
    QVERIFY(says(parsed(torchfile::fileOf(Pickle().op("N").done(), {})), ErrorCode::CheckpointInvalid,
                 "no dictionary"));
    // Everything that is cut off is refused.
    const Bytes whole = torchfile::fileOf(weights, {floats(kSix)});
    for (std::size_t size = 1; size < whole.size(); ++size)
        QVERIFY(!parseCheckpoint(std::span(whole).first(size), "cut").ok());
}

void TestCheckpoint::bombsAreRefused() {
    const auto repeated = [](const std::string& opcodes, int times) {
        Pickle pickle;
        for (int i = 0; i < times; ++i)
            pickle.op(opcodes);
        return torchfile::fileOf(pickle.done(), {});
    };
    QVERIFY(says(parsed(repeated("}0", 1000000)), ErrorCode::CheckpointInvalid, "far more objects"));
    QVERIFY(says(parsed(repeated("N", 1000000)), ErrorCode::CheckpointInvalid, "piles up"));
    QVERIFY(says(parsed(repeated("(", 1000000)), ErrorCode::CheckpointInvalid, "nested too deeply"));
    QVERIFY(says(parsed(repeated("N0", 3000000)), ErrorCode::FileTooLarge, "pickle of"));
    // Lists that hold themselves are never walked.
    Pickle loop;
    oneTensor(loop.op("}").text("a").op("]q\x01").op("h\x01").op("as"));
    QVERIFY(parsed(torchfile::fileOf(loop.done(), {floats(kSix)})).ok());
    // 10,000 names for one large storage.
    Pickle shared;
    shared.op("}");
    for (int i = 0; i < 10000; ++i)
        shared.text("w" + std::to_string(i)).tensor("FloatStorage", "0", 250000, {250000}, {1}).op("s");
    QVERIFY(says(parsed(torchfile::fileOf(shared.done(), {Bytes(1000000)})), ErrorCode::FileTooLarge,
                 "more bytes than the file"));
}

void TestCheckpoint::configurationIsReadOffTheFile() {
    for (const std::vector<int>& depths :
         {std::vector<int>{2, 2, 9, 2}, {1, 1, 1, 1}, {2, 2, 27, 2}, {64, 1, 12, 3}}) {
        NetworkConfig config;
        config.depths = depths;
        config.classes = depths[0] + 3;
        config.inputChannels = depths[1];
        TensorFile file;
        for (const TensorSpec& spec : expectedTensors(config))
            file.tensors.push_back({spec.name, DType::F32, spec.shape, {}});
        const Result<NetworkConfig> found = configOf(file);
        QVERIFY(found.ok());
        QVERIFY(*found == config);
        QVERIFY(checkAgainst(config, file).ok());
        config.taps = Taps::StageOutputs;
        file.metadata["taps"] = "stage-outputs";
        QVERIFY(*configOf(file) == config);
        // Without the fourth stage its depth comes from the metadata, or is none.
        std::erase_if(file.tensors,
                      [](const StoredTensor& t) { return t.name.starts_with("vmunet.layers.3."); });
        QCOMPARE(configOf(file)->depths[3], 0);
        file.metadata["depths"] = std::to_string(depths[0]) + "," + std::to_string(depths[1]) + "," +
                                  std::to_string(depths[2]) + "," + std::to_string(depths[3]);
        QVERIFY(*configOf(file) == config);
    }
}

void TestCheckpoint::contradictionsInTheConfigurationAreRefused() {
    const auto fileWith = [](const std::map<std::string, std::string>& metadata,
                             const std::string& extra = "") {
        TensorFile file;
        file.source = "best.pth";
        file.metadata = metadata;
        for (const TensorSpec& spec : expectedTensors({}))
            file.tensors.push_back({spec.name, DType::F32, spec.shape, {}});
        if (!extra.empty())
            file.tensors.push_back({extra, DType::F32, {1}, {}});
        return file;
    };
    for (const TensorFile& file :
         {TensorFile{}, fileWith({{"taps", "both"}}), fileWith({{"depths", "2,2,9,3"}}),
          fileWith({{"depths", "2,2,9"}}), fileWith({{"depths", "2,2,9,2,"}}), fileWith({{"depths", ""}}),
          fileWith({}, "vmunet.layers.0.blocks.64.ln_1.bias"),
          fileWith({}, "vmunet.layers.4.blocks.0.ln_1.bias"),
          fileWith({}, "vmunet.layers.0.blocks.-1.ln_1.bias")}) {
        const Result<NetworkConfig> found = configOf(file);
        QVERIFY(!found.ok());
        QVERIFY(found.error().code == ErrorCode::CheckpointInvalid);
    }
    TensorFile classes = fileWith({});
    for (StoredTensor& tensor : classes.tensors) {
        if (tensor.name == "seg_outs.3.weight")
            tensor.shape[0] = 256;
    }
    QVERIFY(!configOf(classes).ok());
}

void TestCheckpoint::everyMismatchIsNamed() {
    NetworkConfig config;
    config.depths = {1, 1, 1, 1};
    TensorFile file;
    file.source = "best.pth";
    for (const TensorSpec& spec : expectedTensors(config))
        file.tensors.push_back({spec.name, DType::BF16, spec.shape, {}});
    file.tensors.push_back({"something.else", DType::U8, {3}, {}});
    QVERIFY(checkAgainst(config, file).ok());
    std::erase_if(file.tensors, [](const StoredTensor& tensor) {
        return tensor.name == "ca_2.fc1.weight" || tensor.name == "vmunet.patch_embed.norm.bias" ||
               tensor.name == "deconv5.weight" || tensor.name.starts_with("vmunet.layers.3.") ||
               tensor.name.ends_with("num_batches_tracked");
    });
    for (StoredTensor& tensor : file.tensors) {
        if (tensor.name == "deconv2.weight")
            tensor.shape = {48, 48, 3, 3};
        if (tensor.name == "deconv6.bias")
            tensor.dtype = DType::I64;
        if (tensor.name == "seg_outs.0.weight")
            tensor.shape = {7};
    }
    const Result<void> checked = checkAgainst(config, file);
    QVERIFY(!checked.ok());
    QVERIFY(checked.error().code == ErrorCode::CheckpointMismatch);
    QCOMPARE(
        checked.error().message(),
        std::string(
            "best.pth does not fit this network: ca_2.fc1.weight is missing (expected [12, 192, 1, 1]); "
            "deconv2.weight is [48, 48, 3, 3] (expected [48, 48, 4, 4]); deconv6.bias holds I64 "
            "(expected floating-point numbers); vmunet.patch_embed.norm.bias is missing (expected [96])."));
    config.taps = Taps::StageOutputs;
    QVERIFY(checkAgainst(config, file).error().message().find("vmunet.layers.3.blocks.0.ln_1.weight") !=
            std::string::npos);
}

// A network of which nothing is there has thousands of tensors to name.
void TestCheckpoint::longListsAreCut() {
    NetworkConfig config;
    config.depths = {64, 64, 64, 0};
    TensorFile file;
    file.source = "best.pth";
    std::size_t live = 0;
    for (const TensorSpec& spec : expectedTensors(config))
        live += isLive(config, spec.name);
    const std::string all = checkAgainst(config, file).error().message();
    QVERIFY2(all.ends_with("; and " + std::to_string(live - 20) + " more."), all.c_str());
    QCOMPARE(QString::fromStdString(all).count(QLatin1String(" is missing ")), 20);
    QVERIFY(all.size() < 4000);
    // Twenty are all named.
    for (const TensorSpec& spec : expectedTensors(config))
        if (isLive(config, spec.name) && live-- > 20)
            file.tensors.push_back({spec.name, DType::F32, spec.shape, {}});
    const std::string some = checkAgainst(config, file).error().message();
    QCOMPARE(QString::fromStdString(some).count(QLatin1String(" is missing ")), 20);
    QVERIFY2(!some.ends_with(" more."), some.c_str());
}

// No network of this kind has a stage that does nothing.
void TestCheckpoint::stagesWithoutBlocksAreRefused() {
    for (const int stage : {0, 1, 2, 3}) {
        NetworkConfig config;
        config.depths = {1, 1, 1, 1};
        config.taps = Taps::StageOutputs;
        TensorFile file;
        file.source = "best.pth";
        file.metadata["taps"] = "stage-outputs";
        const std::string blocks = "vmunet.layers." + std::to_string(stage) + ".blocks.";
        for (const TensorSpec& spec : expectedTensors(config))
            if (!spec.name.starts_with(blocks))
                file.tensors.push_back({spec.name, DType::F32, spec.shape, {}});
        const Result<NetworkConfig> found = configOf(file);
        QVERIFY(found.ok());
        const Result<void> checked = checkAgainst(*found, file);
        QVERIFY(!checked.ok());
        QCOMPARE(checked.error().message(), "best.pth does not fit this network: " + blocks +
                                                "0 is missing (expected at least one block).");
    }
}

void TestCheckpoint::shippedFilesHoldTheLiveTensors() {
    NetworkConfig config;
    config.depths = {1, 2, 1, 1};
    config.classes = 3;
    TensorFile full = emptyNetwork(config);
    for (StoredTensor& tensor : full.tensors) {
        std::vector<float> values(static_cast<std::size_t>(tensor.count()));
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = 0.001f * static_cast<float>(i % 1000) - 0.5f;
        tensor = StoredTensor::fromFloat(tensor.name, tensor.shape, values);
    }
    std::reverse(full.tensors.begin(), full.tensors.end());
    for (const Taps taps : {Taps::StageInputs, Taps::StageOutputs}) {
        config.taps = taps;
        for (const StoredPrecision precision : {StoredPrecision::F16, StoredPrecision::F32}) {
            const Result<TensorFile> packed = packForShipping(full, config, precision, {{"epochs", "12"}});
            QVERIFY(packed.ok());
            const Result<std::vector<unsigned char>> bytes = packSafetensors(*packed);
            const Result<TensorFile> back = parseCheckpoint(*bytes, "shipped.safetensors");
            QVERIFY2(back.ok(), messageOf(back).c_str());
            QCOMPARE(back->metadata.at("epochs"), std::string("12"));
            QVERIFY(*configOf(*back) == config);
            QVERIFY(checkAgainst(config, *back).ok());
            std::size_t i = 0;
            for (const TensorSpec& spec : expectedTensors(config)) {
                if (!isLive(config, spec.name))
                    continue;
                QVERIFY2(i < back->tensors.size() && back->tensors[i].name == spec.name, spec.name.c_str());
                const StoredTensor& tensor = back->tensors[i++];
                QVERIFY(tensor.dtype == (precision == StoredPrecision::F16 ? DType::F16 : DType::F32));
                std::vector<float> expected = full.find(spec.name)->toFloat();
                if (precision == StoredPrecision::F16) {
                    for (float& value : expected)
                        value = halfToFloat(floatToHalf(value));
                }
                QVERIFY2(tensor.toFloat() == expected, spec.name.c_str());
            }
            QCOMPARE(i, back->tensors.size());
        }
    }
    full.tensors.pop_back();
    QVERIFY(packForShipping(full, config, StoredPrecision::F32, {}).error().code ==
            ErrorCode::CheckpointMismatch);
}

void TestCheckpoint::tooLargeNumbersStayWide() {
    NetworkConfig config;
    config.depths = {1, 1, 1, 1};
    TensorFile full = emptyNetwork(config);
    StoredTensor& variance =
        *std::find_if(full.tensors.begin(), full.tensors.end(), [](const StoredTensor& tensor) {
            return tensor.name == "Translayer_1.bn.running_var";
        });
    std::vector<float> values(48, 1.0f);
    values[7] = 65520.0f;
    variance = StoredTensor::fromFloat(variance.name, variance.shape, values);
    const Result<TensorFile> packed = packForShipping(full, config, StoredPrecision::F16, {});
    QVERIFY(packed.ok());
    QVERIFY(packed->find("Translayer_1.bn.running_var")->dtype == DType::F32);
    QVERIFY(packed->find("Translayer_1.bn.running_var")->toFloat() == values);
    QVERIFY(packed->find("Translayer_2.bn.running_var")->dtype == DType::F16);
}

void TestCheckpoint::modelInfoIsRead() {
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("polyp.v2.safetensors")).toStdString();
    NetworkConfig config;
    config.depths = {1, 1, 1, 1};
    const TensorFile full = emptyNetwork(config);
    Result<TensorFile> packed =
        packForShipping(full, config, StoredPrecision::F16, {{"threshold", "0.42"}, {"epochs", "7"}});
    QVERIFY(packed.ok() && writeSafetensors(path, *packed).ok());
    const Result<ModelInfo> info = readModelInfo(path);
    QVERIFY(info.ok());
    QCOMPARE(info->identity.name, std::string("polyp.v2"));
    QCOMPARE(info->identity.sha256, *sha256OfFile(path));
    QCOMPARE(info->path, path);
    QVERIFY(info->depths == config.depths);
    QVERIFY(info->inputChannels == 3 && info->classes == 1);
    QCOMPARE(info->taps, std::string("stage-inputs"));
    QCOMPARE(info->precision, std::string("fp16"));
    QCOMPARE(info->defaultThreshold, 0.42f);
    QCOMPARE(info->parameters, info->liveParameters);
    QCOMPARE(info->mismatch, std::string());
    QVERIFY(std::find(info->facts.begin(), info->facts.end(),
                      std::pair<std::string, std::string>("epochs", "7")) != info->facts.end());

    TensorFile whole = full;
    whole.metadata.clear();
    QVERIFY(writeSafetensors(path, whole).ok());
    const Result<ModelInfo> wholeInfo = readModelInfo(path);
    QVERIFY(wholeInfo.ok() && wholeInfo->precision == "fp32");
    QCOMPARE(wholeInfo->liveParameters, info->liveParameters);
    QVERIFY(wholeInfo->parameters > wholeInfo->liveParameters);
    QCOMPARE(wholeInfo->defaultThreshold, 0.5f);

    TensorFile incomplete = *packed;
    std::erase_if(incomplete.tensors, [](const StoredTensor& t) { return t.name == "deconv2.weight"; });
    QVERIFY(writeSafetensors(path, incomplete).ok());
    const Result<ModelInfo> incompleteInfo = readModelInfo(path);
    QVERIFY(incompleteInfo.ok());
    QCOMPARE(incompleteInfo->mismatch, std::string("deconv2.weight is missing (expected [48, 48, 4, 4])"));

    packed->metadata["threshold"] = "1.5";
    QVERIFY(writeSafetensors(path, *packed).ok());
    QVERIFY(readModelInfo(path).error().code == ErrorCode::CheckpointInvalid);
    QVERIFY(readModelInfo(path + ".none").error().code == ErrorCode::FileNotFound);
}

QTEST_APPLESS_MAIN(TestCheckpoint)
#include "tst_checkpoint.moc"
