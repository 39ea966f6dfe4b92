// SPDX-License-Identifier: GPL-3.0-or-later
// Numbers of 16 bits are converted exactly and rounded once; safetensors files come back as they were
// written, and everything that the format forbids gets a sentence. Files are made here, byte by byte where
// need be.
#include "inference/plain/tensor_file.h"

#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>

using namespace limn;

namespace {

// The value of a binary16 by its definition (IEEE 754-2008, 3.4).
double halfByDefinition(std::uint16_t half) {
    const int exponent = (half >> 10) & 31;
    const int fraction = half & 1023;
    const double sign = half & 0x8000 ? -1.0 : 1.0;
    if (exponent == 31)
        return fraction ? std::numeric_limits<double>::quiet_NaN() : sign * INFINITY;
    if (exponent == 0)
        return sign * std::ldexp(fraction, -24);
    return sign * std::ldexp(1024 + fraction, exponent - 25);
}

std::vector<unsigned char> fileOf(const std::string& header, std::size_t dataBytes) {
    const std::uint64_t length = header.size();
    std::vector<unsigned char> bytes(8 + header.size() + dataBytes);
    std::memcpy(bytes.data(), &length, 8);
    std::memcpy(bytes.data() + 8, header.data(), header.size());
    return bytes;
}

StoredTensor tensorOf(const std::string& name, DType dtype, std::vector<std::int64_t> shape) {
    StoredTensor tensor{name, dtype, std::move(shape), {}};
    tensor.bytes.resize(static_cast<std::size_t>(tensor.count()) * sizeOf(dtype));
    for (std::size_t i = 0; i < tensor.bytes.size(); ++i)
        tensor.bytes[i] = static_cast<unsigned char>(i * 37 + 11);
    return tensor;
}

} // namespace

class TestTensorFile : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyHalfIsConvertedExactly();
    void floatsAreRoundedToTheNearestHalf();
    void doublesAreRoundedOnce();
    void bfloatsAreRoundedToNearest();
    void numbersComeOutInEveryKind();
    void numbersAreCopiedOnlyWhereTheyFit();
    void filesComeBackAsWritten();
    void dataLieAtMultiplesOfTheirWidth();
    void namesAloneCanBeRead();
    void forbiddenHeadersGetASentence_data();
    void forbiddenHeadersGetASentence();
    void everyTruncationGetsASentence();
    void writingNeedsConsistentTensors();
    void failedWritingLeavesTheOldFile();
    void missingFilesAndFoldersGetASentence();
};

void TestTensorFile::everyHalfIsConvertedExactly() {
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        const auto half = static_cast<std::uint16_t>(bits);
        const float value = halfToFloat(half);
        const double expected = halfByDefinition(half);
        if (std::isnan(expected)) {
            QVERIFY2(std::isnan(value), qPrintable(QString::number(bits, 16)));
            QVERIFY2(std::isnan(halfToFloat(floatToHalf(value))), qPrintable(QString::number(bits, 16)));
            continue;
        }
        if (static_cast<double>(value) != expected || std::signbit(value) != std::signbit(expected) ||
            floatToHalf(value) != half)
            QFAIL(qPrintable(QStringLiteral("half 0x%1 gives %2").arg(bits, 0, 16).arg(double(value))));
    }
}

// Between each two neighbouring halves lie: the middle (to the even one), and its neighbours on either side.
// Rounding is monotonous, so that this decides every float.
void TestTensorFile::floatsAreRoundedToTheNearestHalf() {
    for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
        const auto low = static_cast<std::uint16_t>(bits);
        const auto high = static_cast<std::uint16_t>(bits + 1);
        // The step beyond the largest half is the one that would come next: 65536.
        const double above = high == 0x7c00 ? 65536.0 : halfByDefinition(high);
        const auto middle = static_cast<float>((halfByDefinition(low) + above) / 2);
        const std::uint16_t even = bits % 2 == 0 ? low : high;
        const float under = std::nextafter(middle, 0.0f);
        const float over = std::nextafter(middle, INFINITY);
        if (floatToHalf(middle) != even || floatToHalf(under) != low || floatToHalf(over) != high ||
            floatToHalf(-middle) != (even | 0x8000) || floatToHalf(-over) != (high | 0x8000))
            QFAIL(qPrintable(QStringLiteral("around half 0x%1").arg(bits, 0, 16)));
    }
    QCOMPARE(floatToHalf(1e30f), std::uint16_t(0x7c00));
    QCOMPARE(floatToHalf(-INFINITY), std::uint16_t(0xfc00));
    QCOMPARE(floatToHalf(1e-30f), std::uint16_t(0));

    std::vector<float> values(1001);
    std::vector<std::uint16_t> halves(values.size());
    std::vector<float> back(values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = std::ldexp(static_cast<float>(i) - 500.5f, static_cast<int>(i % 40) - 30);
    floatToHalf(values, halves);
    halfToFloat(halves, back);
    for (std::size_t i = 0; i < values.size(); ++i) {
        QCOMPARE(halves[i], floatToHalf(values[i]));
        QCOMPARE(back[i], halfToFloat(halves[i]));
    }
}

void TestTensorFile::doublesAreRoundedOnce() {
    // A hair above the middle between 1 and the next half: as a float it would be the middle itself, and go
    // down.
    const double justAboveMiddle = 1.0 + std::ldexp(1.0, -11) + std::ldexp(1.0, -40);
    QCOMPARE(doubleToHalf(justAboveMiddle), std::uint16_t(0x3c01));
    QCOMPARE(floatToHalf(static_cast<float>(justAboveMiddle)), std::uint16_t(0x3c00));
    QCOMPARE(doubleToHalf(-justAboveMiddle), std::uint16_t(0xbc01));
    QCOMPARE(doubleToHalf(65520.0 - 1e-9), std::uint16_t(0x7bff));
    QCOMPARE(doubleToHalf(1e300), std::uint16_t(0x7c00));
    QCOMPARE(doubleToHalf(std::ldexp(1.0, -25) * (1 + 1e-15)), std::uint16_t(1));
    QVERIFY(std::isnan(halfToFloat(doubleToHalf(std::nan("")))));
}

void TestTensorFile::bfloatsAreRoundedToNearest() {
    for (std::uint32_t bits = 0; bits < 65536; ++bits) {
        const auto value = static_cast<std::uint16_t>(bits);
        const float wide = bfloat16ToFloat(value);
        if (std::isnan(wide)) {
            QVERIFY(std::isnan(bfloat16ToFloat(floatToBfloat16(wide))));
            continue;
        }
        QCOMPARE(floatToBfloat16(wide), value);
        if (!std::isfinite(wide) || (bits & 0x7fff) == 0x7f7f)
            continue;
        const std::uint32_t middle = (bits << 16) | 0x8000u;
        const auto even = static_cast<std::uint16_t>(bits + bits % 2);
        QCOMPARE(floatToBfloat16(std::bit_cast<float>(middle)), even);
        QCOMPARE(floatToBfloat16(std::bit_cast<float>(middle - 1)), value);
        QCOMPARE(floatToBfloat16(std::bit_cast<float>(middle + 1)), std::uint16_t(bits + 1));
    }
    QCOMPARE(floatToBfloat16(std::numeric_limits<float>::max()), std::uint16_t(0x7f80));
}

void TestTensorFile::numbersComeOutInEveryKind() {
    const std::vector<float> values{-2.0f, 0.0f, 1.0f, 100.0f};
    for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
        const StoredTensor tensor = StoredTensor::fromFloat("w", {2, 2}, values, dtype);
        QCOMPARE(tensor.bytes.size(), values.size() * sizeOf(dtype));
        QVERIFY(tensor.toFloat() == values);
        QVERIFY(tensor.toDouble() == std::vector<double>(values.begin(), values.end()));
        QVERIFY(tensor.toInt64() == (std::vector<std::int64_t>{-2, 0, 1, 100}));
        for (const DType other : {DType::F64, DType::F32, DType::F16, DType::BF16})
            QVERIFY(tensor.converted(other).toFloat() == values);
    }
    const StoredTensor negative{"i", DType::I16, {2}, {0xff, 0xff, 0x00, 0x80}};
    QVERIFY(negative.toInt64() == (std::vector<std::int64_t>{-1, -32768}));
    QVERIFY(negative.toFloat() == (std::vector<float>{-1.0f, -32768.0f}));
    const StoredTensor truth{"b", DType::Bool, {3}, {0, 1, 7}};
    QVERIFY(truth.toInt64() == (std::vector<std::int64_t>{0, 1, 1}));
    const StoredTensor wide = StoredTensor::fromFloat("f", {3}, std::vector<float>{NAN, 1e30f, -1e30f});
    QVERIFY(wide.toInt64() == (std::vector<std::int64_t>{0, INT64_MAX, INT64_MIN}));
    QCOMPARE(StoredTensor{}.count(), std::int64_t(1));
}

void TestTensorFile::numbersAreCopiedOnlyWhereTheyFit() {
    const std::vector<float> values{1.0f, -2.0f, 0.5f, 4.0f};
    for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16}) {
        const StoredTensor tensor = StoredTensor::fromFloat("w", {2, 2}, values, dtype);
        std::vector<float> out(6, 7.0f);
        for (const std::size_t places : {0, 3, 5, 6})
            QVERIFY(!tensor.copyTo(std::span(out).first(places)));
        QVERIFY(out == std::vector<float>(6, 7.0f));
        QVERIFY(tensor.copyTo(std::span(out).first(4)));
        QVERIFY(out == (std::vector<float>{1.0f, -2.0f, 0.5f, 4.0f, 7.0f, 7.0f}));
    }
    // Of a file whose names and shapes alone were read.
    std::vector<float> out(4);
    QVERIFY(!(StoredTensor{"w", DType::F32, {2, 2}, {}}.copyTo(out)));
}

void TestTensorFile::filesComeBackAsWritten() {
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("ä model.safetensors")).toStdString();
    TensorFile file;
    file.metadata = {{"taps", "stage-inputs"}, {"a \"quoted\" key", "line\nbreak, ü"}, {"", ""}};
    int dimension = 0;
    for (const DType dtype : {DType::Bool, DType::F16, DType::F64, DType::I8, DType::BF16, DType::F32,
                              DType::U8, DType::I64, DType::I16, DType::I32}) {
        file.tensors.push_back(tensorOf("t." + std::string(nameOf(dtype)), dtype, {3, ++dimension}));
    }
    file.tensors.push_back(tensorOf("scalar", DType::F32, {}));
    file.tensors.push_back(tensorOf("empty", DType::F32, {0, 4}));
    file.tensors.push_back(tensorOf("weird \"name\"\\", DType::F16, {1, 1, 1, 1, 1, 1, 1, 5}));

    const Result<void> written = writeSafetensors(path, file);
    QVERIFY2(written.ok(), written.ok() ? "" : written.error().message().c_str());
    const Result<TensorFile> read = readSafetensors(path);
    QVERIFY2(read.ok(), read.ok() ? "" : read.error().message().c_str());
    QCOMPARE(read->source, path);
    QVERIFY(read->metadata == file.metadata);
    QCOMPARE(read->tensors.size(), file.tensors.size());
    for (std::size_t i = 0; i < file.tensors.size(); ++i) {
        QCOMPARE(read->tensors[i].name, file.tensors[i].name);
        QVERIFY(read->tensors[i].dtype == file.tensors[i].dtype);
        QVERIFY(read->tensors[i].shape == file.tensors[i].shape);
        QVERIFY(read->tensors[i].bytes == file.tensors[i].bytes);
    }
    QVERIFY(read->find("scalar") == &read->tensors[10]);
    QVERIFY(read->find("none") == nullptr);

    // Written twice over an old file; the bytes are the same, and nothing is left beside it.
    std::filesystem::copy_file(path, path + ".old");
    QVERIFY(writeSafetensors(path, *read).ok());
    std::ifstream first(path, std::ios::binary);
    std::ifstream second(path + ".old", std::ios::binary);
    const std::string firstBytes(std::istreambuf_iterator<char>(first), {});
    const std::string secondBytes(std::istreambuf_iterator<char>(second), {});
    QVERIFY(firstBytes == secondBytes);
    const Result<std::vector<unsigned char>> packed = packSafetensors(file);
    QVERIFY(std::equal(packed->begin(), packed->end(), firstBytes.begin(), firstBytes.end(),
                       [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); }));
    QCOMPARE(std::distance(std::filesystem::directory_iterator(folder.path().toStdString()), {}), 2);
}

void TestTensorFile::dataLieAtMultiplesOfTheirWidth() {
    TensorFile file;
    file.tensors = {tensorOf("a", DType::U8, {3}), tensorOf("b", DType::F16, {3}),
                    tensorOf("c", DType::F64, {1}), tensorOf("d", DType::F32, {1})};
    const Result<std::vector<unsigned char>> packed = packSafetensors(file);
    QVERIFY(packed.ok());
    std::uint64_t length = 0;
    std::memcpy(&length, packed->data(), 8);
    QCOMPARE(length % 8, std::uint64_t(0));
    const std::string header(packed->begin() + 8, packed->begin() + 8 + static_cast<std::ptrdiff_t>(length));
    QVERIFY(header.find(R"("c":{"dtype":"F64","shape":[1],"data_offsets":[0,8]})") != std::string::npos);
    QVERIFY(header.find(R"("d":{"dtype":"F32","shape":[1],"data_offsets":[8,12]})") != std::string::npos);
    QVERIFY(header.find(R"("b":{"dtype":"F16","shape":[3],"data_offsets":[12,18]})") != std::string::npos);
    QVERIFY(header.find(R"("a":{"dtype":"U8","shape":[3],"data_offsets":[18,21]})") != std::string::npos);
    QCOMPARE(packed->size(), 8 + length + 21);
}

void TestTensorFile::namesAloneCanBeRead() {
    TensorFile file;
    file.tensors = {tensorOf("a", DType::F32, {5, 7})};
    const Result<std::vector<unsigned char>> packed = packSafetensors(file);
    const Result<TensorFile> read = parseSafetensors(*packed, "memory", Contents::NamesAndShapes);
    QVERIFY(read.ok());
    QCOMPARE(read->tensors[0].count(), std::int64_t(35));
    QVERIFY(read->tensors[0].bytes.empty());
    QVERIFY(read->tensors[0].toFloat().empty());
}

void TestTensorFile::forbiddenHeadersGetASentence_data() {
    QTest::addColumn<QByteArray>("header");
    QTest::addColumn<int>("dataBytes");
    QTest::addColumn<int>("code");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const char* header, int dataBytes, ErrorCode code,
                        const char* says) {
        QTest::newRow(name) << QByteArray(header) << dataBytes << static_cast<int>(code) << QByteArray(says);
    };
    const ErrorCode corrupt = ErrorCode::FileCorrupt;
    row("noJson", "{\"a\":", 0, corrupt, "not valid JSON");
    row("nothingBehind", "", 0, corrupt, "not valid JSON");
    row("aList", "[]", 0, corrupt, "a list");
    row("aNumber", "7", 0, corrupt, "a number");
    row("deepNesting", "{\"a\":{\"dtype\":{\"x\":{}}}}", 0, corrupt, "an object");
    row("garbageAfter", "{} x", 0, corrupt, "not valid JSON");
    row("unknownKind", R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1,
        ErrorCode::FeatureNotHandled, "F8_E4M3");
    row("noShape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, corrupt, "lacks");
    row("keyTwice", R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1, corrupt,
        "twice");
    row("unknownKey", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1, corrupt, "\"x\"");
    row("nameTwice",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
        2, corrupt, "twice");
    row("negativeShape", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, corrupt, "negative");
    row("fractionalShape", R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1, corrupt,
        "fraction");
    row("nineDimensions", R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
        corrupt, "more than 8");
    row("hugeDimension", R"({"a":{"dtype":"U8","shape":[18446744073709551615],"data_offsets":[0,1]}})", 1,
        corrupt, "out of range");
    row("overflowingShape",
        R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,16]}})", 16, corrupt,
        "overflows");
    row("countBeyondSigned", R"({"a":{"dtype":"U8","shape":[4294967296,2147483648],"data_offsets":[0,16]}})",
        16, corrupt, "overflows");
    row("threeOffsets", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1, corrupt,
        "more than two");
    row("oneOffset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, corrupt, "lacks");
    row("offsetsReversed", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, corrupt,
        "needs 1 bytes");
    row("wrongSize", R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, corrupt,
        "needs 8 bytes");
    row("dataMissing", R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", 8,
        ErrorCode::FileTruncated, "byte 9 of 8");
    row("overlap",
        R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
        3, corrupt, "overlap");
    row("hole",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
        3, corrupt, "hole");
    row("bytesLeftOver", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 3, corrupt,
        "2 bytes follow");
    row("metadataNumber", R"({"__metadata__":{"a":1}})", 0, corrupt, "a number");
    row("metadataTwice", R"({"__metadata__":{"a":"1","a":"2"}})", 0, corrupt, "twice");
}

void TestTensorFile::forbiddenHeadersGetASentence() {
    QFETCH(QByteArray, header);
    QFETCH(int, dataBytes);
    QFETCH(int, code);
    QFETCH(QByteArray, says);
    const std::vector<unsigned char> bytes =
        fileOf(header.toStdString(), static_cast<std::size_t>(dataBytes));
    const Result<TensorFile> read = parseSafetensors(bytes, "bad.safetensors");
    QVERIFY(!read.ok());
    const std::string message = read.error().message();
    QVERIFY2(static_cast<int>(read.error().code) == code, message.c_str());
    QVERIFY2(message.starts_with("bad.safetensors"), message.c_str());
    QVERIFY2(message.find(says.toStdString()) != std::string::npos, message.c_str());
}

void TestTensorFile::everyTruncationGetsASentence() {
    TensorFile file;
    file.tensors = {tensorOf("a", DType::F32, {3}), tensorOf("b", DType::U8, {5})};
    const Result<std::vector<unsigned char>> packed = packSafetensors(file);
    for (std::size_t size = 0; size < packed->size(); ++size) {
        const Result<TensorFile> read = parseSafetensors(std::span(*packed).first(size), "cut");
        QVERIFY2(!read.ok(), qPrintable(QString::number(size)));
        QVERIFY(read.error().code == (size == 0 ? ErrorCode::FileEmpty : ErrorCode::FileTruncated));
    }
    // One byte too large a header, and one that the limit forbids although the bytes would be there.
    std::vector<unsigned char> large(kMaxSafetensorsHeaderBytes + 9, ' ');
    const std::uint64_t length = kMaxSafetensorsHeaderBytes + 1;
    std::memcpy(large.data(), &length, 8);
    const Result<TensorFile> tooLarge = parseSafetensors(large, "large");
    QVERIFY(!tooLarge.ok() && tooLarge.error().code == ErrorCode::FileTooLarge);
}

void TestTensorFile::writingNeedsConsistentTensors() {
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("x.safetensors")).toStdString();
    TensorFile file;
    file.tensors = {tensorOf("a", DType::F32, {3})};
    file.tensors[0].bytes.pop_back();
    QVERIFY(writeSafetensors(path, file).error().code == ErrorCode::InvalidArgument);
    file.tensors = {tensorOf("a", DType::F32, {3}), tensorOf("a", DType::F32, {3})};
    QVERIFY(writeSafetensors(path, file).error().code == ErrorCode::InvalidArgument);
    file.tensors = {StoredTensor{"a", DType::F32, {-1}, {}}};
    QVERIFY(writeSafetensors(path, file).error().code == ErrorCode::InvalidArgument);
    QVERIFY(!std::filesystem::exists(path));
}

void TestTensorFile::failedWritingLeavesTheOldFile() {
    const QTemporaryDir folder;
    TensorFile file;
    file.tensors = {tensorOf("a", DType::F32, {3})};
    const std::string nowhere = folder.filePath(QStringLiteral("missing/x.safetensors")).toStdString();
    const Result<void> missing = writeSafetensors(nowhere, file);
    QVERIFY(!missing.ok() && missing.error().code == ErrorCode::FileNotWritable);
    // The target is a folder: the rename fails, and the temporary file goes.
    const std::string taken = folder.filePath(QStringLiteral("taken")).toStdString();
    std::filesystem::create_directory(taken);
    const Result<void> refused = writeSafetensors(taken, file);
    QVERIFY(!refused.ok() && refused.error().code == ErrorCode::FileNotWritable);
    QVERIFY(std::filesystem::is_directory(taken));
    QCOMPARE(std::distance(std::filesystem::directory_iterator(folder.path().toStdString()), {}), 1);
}

void TestTensorFile::missingFilesAndFoldersGetASentence() {
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("none.safetensors")).toStdString();
    QVERIFY(readSafetensors(path).error().code == ErrorCode::FileNotFound);
    QVERIFY(readSafetensors(folder.path().toStdString()).error().code == ErrorCode::FileNotReadable);
    std::ofstream(path).close();
    QVERIFY(readSafetensors(path).error().code == ErrorCode::FileEmpty);
}

QTEST_APPLESS_MAIN(TestTensorFile)
#include "tst_tensor_file.moc"
