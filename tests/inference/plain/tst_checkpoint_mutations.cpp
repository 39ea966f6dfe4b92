// SPDX-License-Identifier: GPL-3.0-or-later
// 100,000 seeded mutations of good checkpoints: each is read or refused with a sentence that names it, and
// memory stays within 64 MB over the file's size. Memory is counted in operator new, so that it is exact; the
// same programs run under the address and undefined-behaviour sanitizers.
#include "inference/engine.h"
#include "inference/plain/checkpoint.h"
#include "torch_file.h"

#include <QtCore/QDir>
#include <QtCore/QElapsedTimer>
#include <QtCore/QFileInfo>
#include <QtCore/QTemporaryDir>
#include <QtTest/QTest>

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <new>
#include <random>

namespace {

std::atomic<std::int64_t> heldBytes{0};
std::atomic<std::int64_t> mostBytes{0};

} // namespace

// Counts what the program holds. All forms that a sanitizer brings along are replaced together, so that each
// piece of memory is given back the way it was taken.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    void* memory = std::malloc(size);
    if (!memory)
        return nullptr;
    const std::int64_t held = heldBytes += static_cast<std::int64_t>(malloc_usable_size(memory));
    if (held > mostBytes)
        mostBytes = held;
    return memory;
}

void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow))
        return memory;
    throw std::bad_alloc();
}

void* operator new[](std::size_t size) {
    return operator new(size);
}

void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return operator new(size, std::nothrow);
}

void operator delete(void* memory) noexcept {
    heldBytes -= static_cast<std::int64_t>(malloc_usable_size(memory));
    std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
    operator delete(memory);
}

void operator delete(void* memory, const std::nothrow_t&) noexcept {
    operator delete(memory);
}

void operator delete[](void* memory) noexcept {
    operator delete(memory);
}

void operator delete[](void* memory, std::size_t) noexcept {
    operator delete(memory);
}

void operator delete[](void* memory, const std::nothrow_t&) noexcept {
    operator delete(memory);
}

using namespace limn;
using torchfile::Bytes;
using torchfile::Pickle;

namespace {

constexpr int kMutations = 100000;
constexpr std::int64_t kAllowance = 64 << 20;

// What `work` held at most, beyond what was held before.
template<typename Work>
std::int64_t peakOf(const Work& work) {
    const std::int64_t before = heldBytes;
    mostBytes = before;
    work();
    return mostBytes - before;
}

// A training state with one tensor of each kind, views, a scalar, an empty tensor and opaque values. Its
// checksums are left out, so that mutations get past them.
Bytes torchSeed(bool zip64) {
    Pickle pickle;
    pickle.op("}q").op(std::string(1, '\0')).op("(").text("loss");
    pickle.global("numpy.core.multiarray", "scalar").op("q\x03").global("numpy", "dtype").text("f8");
    pickle.op("\x89\x88\x87R(K\x03")
        .text("<")
        .op("NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK")
        .op(std::string(1, '\0'));
    pickle.op("tb").global("_codecs", "encode").text("abcdefgh").text("latin1").op("\x86R\x86R");
    pickle.text("model_state_dict").orderedDict().op("(");
    const std::vector<std::string> kinds{"DoubleStorage", "FloatStorage", "HalfStorage",  "BFloat16Storage",
                                         "LongStorage",   "IntStorage",   "ShortStorage", "CharStorage",
                                         "ByteStorage",   "BoolStorage"};
    const std::vector<std::size_t> widths{8, 4, 2, 2, 8, 4, 2, 1, 1, 1};
    std::vector<Bytes> storages;
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        const std::string number = std::to_string(i);
        pickle.text(std::string("module.t").append(number)).tensor(kinds[i], number, 12, {3, 4}, {4, 1});
        storages.emplace_back(12 * widths[i], static_cast<unsigned char>(i * 17 + 1));
    }
    pickle.text("transposed").tensor("FloatStorage", "1", 12, {4, 3}, {1, 4});
    pickle.text("view").tensor("FloatStorage", "1", 12, {2, 2}, {4, 1}, 3);
    pickle.text("scalar").tensor("LongStorage", "4", 12, {}, {}, 2);
    pickle.text("empty").tensor("FloatStorage", "1", 12, {0, 4}, {4, 1});
    pickle.op("u").text("epoch").integer(3).text("list").op("](K\x01K\x02M\x01\x02").op("eu");
    Bytes bytes = torchfile::fileOf(pickle.done(), storages, zip64);
    for (std::size_t i = 0; i + 46 <= bytes.size(); ++i) {
        if (std::memcmp(bytes.data() + i, "PK\x01\x02", 4) == 0)
            std::memset(bytes.data() + i + 16, 0, 4);
    }
    return bytes;
}

Bytes safetensorsSeed() {
    TensorFile file;
    file.metadata = {{"taps", "stage-inputs"}, {"depths", "2,2,9,2"}};
    int size = 1;
    for (const DType dtype : {DType::F64, DType::F32, DType::F16, DType::BF16, DType::I64, DType::I32,
                              DType::I16, DType::I8, DType::U8, DType::Bool}) {
        StoredTensor tensor{"module.t." + std::string(nameOf(dtype)), dtype, {2, size++}, {}};
        tensor.bytes.assign(static_cast<std::size_t>(tensor.count()) * sizeOf(dtype), 3);
        file.tensors.push_back(std::move(tensor));
    }
    file.tensors.push_back({"scalar", DType::F32, {}, {0, 0, 0, 0}});
    file.tensors.push_back({"empty", DType::F32, {0, 3}, {}});
    return *packSafetensors(file);
}

// One to three changes: a bit, a byte, a telling number, a cut, a copied, removed or repeated piece.
void mutate(Bytes& bytes, std::mt19937_64& random) {
    constexpr std::array<std::uint64_t, 10> kTelling = {
        0,          1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, 0xffffffffffffffff,
        0x100000000};
    const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
    for (std::uint64_t changes = 1 + below(3); changes > 0 && !bytes.empty(); --changes) {
        const std::size_t at = below(bytes.size());
        const std::size_t length = std::min<std::size_t>(1 + below(40), bytes.size() - at);
        const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        switch (below(9)) {
        case 0:
        case 1:
            bytes[at] ^= static_cast<unsigned char>(1u << below(8));
            break;
        case 2:
        case 3:
            bytes[at] = static_cast<unsigned char>(random());
            break;
        case 4: {
            const std::uint64_t number = kTelling[below(kTelling.size())];
            const std::size_t width = std::min<std::size_t>(std::size_t(1) << below(4), bytes.size() - at);
            std::memcpy(bytes.data() + at, &number, width);
            break;
        }
        case 5:
            if (below(4) == 0)
                bytes.resize(at);
            break;
        case 6: {
            const Bytes piece(begin, begin + static_cast<std::ptrdiff_t>(length));
            bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())), piece.begin(),
                         piece.end());
            break;
        }
        case 7:
            bytes.erase(begin, begin + static_cast<std::ptrdiff_t>(length));
            break;
        default: {
            const std::size_t to = below(bytes.size() - length + 1);
            std::memmove(bytes.data() + to, bytes.data() + at, length);
            break;
        }
        }
    }
}

std::vector<Bytes> seeds() {
    std::vector<Bytes> all{torchSeed(false), torchSeed(true), safetensorsSeed()};
    const QDir golden(QStringLiteral(LIMN_SHARED_DIR "/golden"));
    const QStringList files = golden.entryList({QStringLiteral("checkpoint_*")}, QDir::Files);
    for (const QString& name : files) {
        std::ifstream file(golden.filePath(name).toStdString(), std::ios::binary);
        all.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    return all;
}

// Read with all that a program would do with it; false when a promise was broken.
bool keepsPromises(const Bytes& bytes, bool& wasRead) {
    const Result<TensorFile> file = parseCheckpoint(bytes, "mutant.pth");
    wasRead = file.ok();
    if (!file.ok()) {
        const std::string message = file.error().message();
        return message.starts_with("mutant.pth") && message.size() < 2000;
    }
    for (const StoredTensor& tensor : file->tensors) {
        if (tensor.bytes.size() != static_cast<std::size_t>(tensor.count()) * sizeOf(tensor.dtype) ||
            tensor.toFloat().size() != static_cast<std::size_t>(tensor.count()))
            return false;
    }
    const Result<NetworkConfig> config = configOf(*file);
    return !config.ok() || expectedTensors(*config).size() < 10000;
}

} // namespace

class TestCheckpointMutations : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theSeedsAreGood();
    void mutationsAreReadOrRefused();
    void bombsStayWithinTheAllowance_data();
    void bombsStayWithinTheAllowance();
    void hostileFilesAreRefusedInLittleMemory_data();
    void hostileFilesAreRefusedInLittleMemory();
    void largeFilesAreHeldOnce();
};

void TestCheckpointMutations::theSeedsAreGood() {
    for (const Bytes& seed : seeds()) {
        const Result<TensorFile> file = parseCheckpoint(seed, "seed");
        QVERIFY2(file.ok(), file.ok() ? "" : file.error().message().c_str());
        QVERIFY(!file->tensors.empty());
    }
}

void TestCheckpointMutations::mutationsAreReadOrRefused() {
    const std::vector<Bytes> good = seeds();
    QElapsedTimer timer;
    timer.start();
    std::int64_t most = 0;
    int read = 0;
    qint64 slowest = 0;
    for (int i = 0; i < kMutations; ++i) {
        std::mt19937_64 random(static_cast<std::uint64_t>(i));
        Bytes bytes = good[static_cast<std::size_t>(i) % good.size()];
        mutate(bytes, random);
        bool kept = false;
        bool wasRead = false;
        const qint64 begin = timer.nsecsElapsed();
        most = std::max(most, peakOf([&] { kept = keepsPromises(bytes, wasRead); }));
        slowest = std::max(slowest, timer.nsecsElapsed() - begin);
        read += wasRead;
        if (!kept || most > kAllowance)
            QFAIL(qPrintable(QStringLiteral("mutation %1: %2, %3 bytes held").arg(i).arg(kept).arg(most)));
    }
    qInfo("%d mutations in %lld ms: %d read, %d refused; at most %lld KB held, slowest %.2f ms", kMutations,
          static_cast<long long>(timer.elapsed()), read, kMutations - read,
          static_cast<long long>(most / 1024), static_cast<double>(slowest) * 1e-6);
    // Both happen often, or the mutations would test little.
    QVERIFY(read > kMutations / 100 && read < kMutations * 9 / 10);
}

void TestCheckpointMutations::bombsStayWithinTheAllowance_data() {
    QTest::addColumn<QByteArray>("bytes");
    const auto torch = [](const char* name, const std::string& opcodes, std::size_t times,
                          std::size_t storage = 0) {
        Pickle pickle;
        for (std::size_t i = 0; i < times; ++i)
            pickle.op(opcodes);
        const Bytes file = torchfile::fileOf(pickle.done(), {Bytes(storage)});
        QTest::newRow(name) << QByteArray(reinterpret_cast<const char*>(file.data()), qsizetype(file.size()));
    };
    torch("dictionaries", "}0", 1900000);
    torch("lists", "]0", 1900000);
    torch("tuples", ")0", 1900000);
    torch("oneTuples", "N\x85", 1900000);
    torch("none", "N", 3900000);
    torch("marks", "(", 3900000);
    torch("memo",
          "Nr\1\1\1\1r\2\1\1\1r\3\1\1\1r\4\1\1\1"
          "0",
          180000);
    torch("names", "ca\nb\n0", 600000);
    torch("growingList", "](" + std::string(60000, 'N') + "e", 60);
    torch("growingDict", "}(" + std::string(60000, 'N') + "u", 60);
    // As many entries of the zip's directory as a directory may have, and more.
    for (const std::size_t entries : {30000u, 60000u}) {
        std::vector<torchfile::Part> parts(entries);
        for (std::size_t i = 0; i < entries; ++i)
            parts[i].name = std::string(entries == 30000 ? 80 : 1, 'x').append(std::to_string(i));
        const Bytes file = torchfile::zipOf(parts);
        QTest::newRow(entries == 30000 ? "fullDirectory" : "overfullDirectory")
            << QByteArray(reinterpret_cast<const char*>(file.data()), qsizetype(file.size()));
    }
    // Many tensors with long names, all of one storage.
    {
        Pickle pickle;
        pickle.op("}")
            .tensor("FloatStorage", "0", 1, {1}, {1})
            .op("r")
            .op(std::string("\0\0\0\1", 4))
            .op("0");
        for (int i = 0; i < 7000; ++i)
            pickle.text(std::to_string(i) + std::string(500, 'n'))
                .op("j")
                .op(std::string("\0\0\0\1", 4))
                .op("s");
        const Bytes file = torchfile::fileOf(pickle.done(), {Bytes(4)});
        QTest::newRow("longNames") << QByteArray(reinterpret_cast<const char*>(file.data()),
                                                 qsizetype(file.size()));
    }
    const auto json = [](const char* name, const std::string& header) {
        Bytes file;
        torchfile::put<std::uint64_t>(file, header.size());
        torchfile::put(file, header);
        QTest::newRow(name) << QByteArray(reinterpret_cast<const char*>(file.data()), qsizetype(file.size()));
    };
    json("nestedLists", "{\"a\":" + std::string(7 << 20, '['));
    json("nestedObjects", [] {
        std::string text;
        for (int i = 0; i < 1 << 20; ++i)
            text += "{\"a\":";
        return text;
    }());
    json("longString", "{\"" + std::string(7 << 20, 'a') + "\":");
    json("longNumber", "{\"a\":{\"dtype\":\"U8\",\"shape\":[" + std::string(7 << 20, '9'));
    json("manyTensors", [] {
        std::string text = "{";
        for (int i = 0; i < 120000; ++i)
            text.append("\"").append(std::to_string(i)) +=
                "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},";
        return text;
    }());
    json("muchMetadata", [] {
        std::string text = "{\"__metadata__\":{";
        for (int i = 0; i < 600000; ++i)
            text.append("\"").append(std::to_string(i)) += "\":\"\",";
        return text;
    }());
    json("largeMetadata", "{\"__metadata__\":{\"a\":\"" + std::string(7 << 20, 'a') + "\"}}");
}

void TestCheckpointMutations::bombsStayWithinTheAllowance() {
    QFETCH(QByteArray, bytes);
    const QTemporaryDir folder;
    const std::string path = folder.filePath(QStringLiteral("bomb")).toStdString();
    std::ofstream(path, std::ios::binary).write(bytes.constData(), bytes.size());
    QElapsedTimer timer;
    timer.start();
    // From the disk: the file's own bytes count as well, and may.
    const std::int64_t peak = peakOf([&] {
        const Result<TensorFile> file = readCheckpoint(path);
        QVERIFY(file.ok() || file.error().message().starts_with(path));
    });
    const qint64 elapsed = timer.elapsed();
    if (peak > kAllowance + bytes.size())
        QFAIL(qPrintable(
            QStringLiteral("%1 MB held for a file of %2 MB").arg(peak >> 20).arg(bytes.size() >> 20)));
    QVERIFY2(elapsed < 10000, qPrintable(QStringLiteral("%1 ms").arg(elapsed)));
}

void TestCheckpointMutations::hostileFilesAreRefusedInLittleMemory_data() {
    QTest::addColumn<QByteArray>("words");
    std::map<std::string, QByteArray> words{
        {"hostile_header_length.safetensors", "its header claims 1152921504606846976 bytes, and 2 are there"},
        {"hostile_huge_shape.pth", "\"a.weight\" reaches number 8589934584 of a storage of 12"},
        {"hostile_offsets.safetensors", "\"w\" needs 16 bytes, but its data_offsets are 0 to 1099511627776"},
        {"hostile_overflow_shape.safetensors", "the shape of \"w\" overflows"},
        {"hostile_reduce.pth", "it asks Python to call \"posix.system\""},
        {"hostile_truncated.pth", "the zip directory that belongs at its end is missing"}};
    const QDir golden(QStringLiteral(LIMN_SHARED_DIR "/golden"));
    for (const QString& name : golden.entryList({QStringLiteral("hostile_*")}, QDir::Files))
        words.try_emplace(name.toStdString(), "(this file's sentence belongs into the list above)");
    for (const auto& [name, part] : words)
        QTest::newRow(name.c_str()) << part;
}

// From the disk, with what a program reads first; the sentence is made within the allowance, too.
void TestCheckpointMutations::hostileFilesAreRefusedInLittleMemory() {
    QFETCH(QByteArray, words);
    const QString path = QStringLiteral(LIMN_SHARED_DIR "/golden/") + QLatin1String(QTest::currentDataTag());
    if (!QFileInfo::exists(path))
        QSKIP("The golden values (../shared/golden) are not here.");
    const std::string file = path.toStdString();
    for (const auto& [name, read] : std::vector<std::pair<const char*, std::function<std::string()>>>{
             {"readCheckpoint",
              [&] {
                  const Result<TensorFile> result = readCheckpoint(file);
                  return result.ok() ? std::string() : result.error().message();
              }},
             {"names alone",
              [&] {
                  const Result<TensorFile> result = readCheckpoint(file, Contents::NamesAndShapes);
                  return result.ok() ? std::string() : result.error().message();
              }},
             {"readModelInfo", [&] {
                  const Result<ModelInfo> result = readModelInfo(file);
                  return result.ok() ? std::string() : result.error().message();
              }}}) {
        std::string message;
        const std::int64_t peak = peakOf([&, &read = read] { message = read(); });
        QVERIFY2(message.starts_with(file) && message.size() < file.size() + 300, message.c_str());
        QVERIFY2(message.find(words.toStdString()) != std::string::npos, message.c_str());
        if (peak > kAllowance + QFileInfo(path).size())
            QFAIL(qPrintable(QStringLiteral("%1: %2 MB held").arg(QLatin1String(name)).arg(peak >> 20)));
    }
}

// A large checkpoint's numbers go straight into their tensors: no second copy of the file at any time.
void TestCheckpointMutations::largeFilesAreHeldOnce() {
    const QTemporaryDir folder;
    const std::size_t size = 40 << 20;
    Pickle pickle;
    pickle.op("}").text("w").tensor("FloatStorage", "0", size / 4,
                                    {1024, static_cast<std::int64_t>(size / 4096)},
                                    {static_cast<std::int64_t>(size / 4096), 1});
    std::vector<std::pair<std::string, Bytes>> files;
    files.emplace_back("large.pth", torchfile::fileOf(pickle.op("s").done(), {Bytes(size, 7)}));
    TensorFile tensors;
    tensors.tensors.push_back({"w", DType::F32, {static_cast<std::int64_t>(size / 4)}, Bytes(size, 7)});
    files.emplace_back("large.safetensors", *packSafetensors(tensors));
    for (const auto& [name, bytes] : files) {
        const std::string path = folder.filePath(QString::fromStdString(name)).toStdString();
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        std::size_t found = 0;
        const std::int64_t peak = peakOf([&, &path = path] {
            const Result<TensorFile> file = readCheckpoint(path);
            if (file.ok())
                found = file->tensors[0].bytes.size();
        });
        QCOMPARE(found, size);
        if (peak > static_cast<std::int64_t>(bytes.size()) + (2 << 20))
            QFAIL(qPrintable(QStringLiteral("%1 MB held").arg(peak >> 20)));
    }
}

QTEST_APPLESS_MAIN(TestCheckpointMutations)
#include "tst_checkpoint_mutations.moc"
