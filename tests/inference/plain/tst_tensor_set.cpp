// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: what is written as parts comes back bit for bit, no part is larger than asked for, and a writer
// that is killed at any instant leaves a whole set: the one before it, or its own.
#include "inference/plain/tensor_set.h"
#include "tests/inference/verify_result.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <chrono>
#include <csignal>
#include <cstring>
#include <random>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace limn;

namespace {

constexpr int kTensors = 24;
constexpr std::int64_t kNumbers = 3000;
constexpr std::size_t kSmallPart = 40000; // three tensors

// All numbers of a set are its version.
TensorFile versionOf(int version) {
    TensorFile file;
    file.metadata = {{"version", std::to_string(version)}, {"text", "\"quoted\" \\ \n"}};
    const std::vector<float> values(kNumbers, static_cast<float>(version));
    for (int i = 0; i < kTensors; ++i)
        file.tensors.push_back(
            StoredTensor::fromFloat("tensor." + std::to_string(i), {kNumbers / 3, 3}, values));
    return file;
}

// The version that a set holds whole; -1 when it is mixed or incomplete.
int wholeVersion(const TensorFile& file) {
    const int version = std::atoi(file.metadata.at("version").c_str());
    if (file.tensors.size() != kTensors)
        return -1;
    for (const StoredTensor& tensor : file.tensors)
        for (const float value : tensor.toFloat())
            if (value != static_cast<float>(version))
                return -1;
    return version;
}

QStringList partsIn(const QString& folder) {
    return QDir(folder).entryList({QStringLiteral("*-part-*")}, QDir::Files, QDir::Name);
}

} // namespace

class TensorSetTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void init() { m_dir = std::make_unique<QTemporaryDir>(); }

    void whatIsWrittenComesBack() {
        const QString folder = m_dir->filePath(QStringLiteral("new/folder"));
        const TensorFile written = versionOf(7);
        QVERIFY(!hasTensorSet(folder.toStdString()));
        LIMN_VERIFY_OK(writeTensorSet(folder.toStdString(), written, kSmallPart));
        QVERIFY(hasTensorSet(folder.toStdString()));
        const Result<TensorFile> read = readTensorSet(folder.toStdString());
        LIMN_VERIFY_OK(read);
        QVERIFY(read->metadata == written.metadata);
        QCOMPARE(read->source, folder.toStdString());
        QCOMPARE(read->tensors.size(), written.tensors.size());
        for (std::size_t i = 0; i < written.tensors.size(); ++i) {
            QCOMPARE(read->tensors[i].name, written.tensors[i].name);
            QVERIFY(read->tensors[i].shape == written.tensors[i].shape);
            QVERIFY(read->tensors[i].bytes == written.tensors[i].bytes);
        }
        const QStringList parts = partsIn(folder);
        QCOMPARE(parts.size(), kTensors / 3);
        for (const QString& part : parts) {
            const qint64 size = QFile(folder + QLatin1Char('/') + part).size();
            QVERIFY2(size <= static_cast<qint64>(kSmallPart), qPrintable(part));
        }
    }

    void aTensorLargerThanAPartIsOneByItself() {
        const std::string folder = m_dir->path().toStdString();
        LIMN_VERIFY_OK(writeTensorSet(folder, versionOf(3), 100));
        QCOMPARE(partsIn(m_dir->path()).size(), kTensors);
        const Result<TensorFile> read = readTensorSet(folder);
        LIMN_VERIFY_OK(read);
        QCOMPARE(wholeVersion(*read), 3);
    }

    void theSetBeforeIsRemoved() {
        const std::string folder = m_dir->path().toStdString();
        for (int version = 1; version <= 3; ++version) {
            LIMN_VERIFY_OK(writeTensorSet(folder, versionOf(version), kSmallPart));
            QCOMPARE(partsIn(m_dir->path()).size(), kTensors / 3);
            const Result<TensorFile> read = readTensorSet(folder);
            LIMN_VERIFY_OK(read);
            QCOMPARE(wholeVersion(*read), version);
        }
        // Nothing else lies there: parts and index.
        QCOMPARE(QDir(m_dir->path()).entryList(QDir::Files | QDir::Hidden).size(), kTensors / 3 + 1);
    }

    // A child writes version after version and is killed after a random time.
    void aKilledWriterLeavesAWholeSet() {
        const std::string folder = m_dir->path().toStdString();
        LIMN_VERIFY_OK(writeTensorSet(folder, versionOf(1), kSmallPart));
        std::mt19937 random(5);
        int before = 1;
        bool leftHalf = false;
        for (int kill = 0; kill < 40; ++kill) {
            const pid_t child = ::fork();
            QVERIFY(child >= 0);
            if (child == 0) {
                for (int version = before + 1;; ++version)
                    if (!writeTensorSet(folder, versionOf(version), kSmallPart))
                        ::_exit(1);
            }
            std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 25000));
            QCOMPARE(::kill(child, SIGKILL), 0);
            int status = 0;
            QCOMPARE(::waitpid(child, &status, 0), child);
            QVERIFY(WIFSIGNALED(status));
            const Result<TensorFile> read = readTensorSet(folder);
            LIMN_VERIFY_OK(read);
            const int version = wholeVersion(*read);
            QVERIFY2(version >= before, qPrintable(QStringLiteral("%1 after %2").arg(version).arg(before)));
            before = version;
            leftHalf = leftHalf || partsIn(m_dir->path()).size() != kTensors / 3;
        }
        QVERIFY2(leftHalf, "no kill fell between two parts");
        LIMN_VERIFY_OK(writeTensorSet(folder, versionOf(before + 1), kSmallPart));
        QCOMPARE(partsIn(m_dir->path()).size(), kTensors / 3); // what was half written is gone
    }

    void damageIsNamed_data() {
        QTest::addColumn<QString>("what");
        for (const char* what : {"changed", "cut", "missing", "index", "elsewhere", "other"})
            QTest::newRow(what) << QString::fromUtf8(what);
    }
    void damageIsNamed() {
        QFETCH(QString, what);
        const std::string folder = m_dir->path().toStdString();
        LIMN_VERIFY_OK(writeTensorSet(folder, versionOf(1), kSmallPart));
        const QString part = m_dir->filePath(partsIn(m_dir->path()).at(2));
        const QString index = m_dir->filePath(QStringLiteral("index.json"));
        QFile file(what == QLatin1String("changed") || what == QLatin1String("cut") ? part : index);
        QVERIFY(file.open(QIODevice::ReadWrite));
        QByteArray bytes = file.readAll();
        if (what == QLatin1String("changed"))
            bytes[bytes.size() - 3] = 'x';
        else if (what == QLatin1String("cut"))
            bytes.chop(1);
        else if (what == QLatin1String("index"))
            bytes.truncate(bytes.size() / 2);
        else if (what == QLatin1String("elsewhere"))
            bytes.replace("1-part-03", "1-part-/../1-part-03");
        else if (what == QLatin1String("other"))
            bytes = "{\"format\": \"another\"}";
        else
            QVERIFY(QFile::remove(part));
        QVERIFY(file.resize(0) && file.seek(0));
        QCOMPARE(file.write(bytes), bytes.size());
        file.close();
        const Result<TensorFile> read = readTensorSet(folder);
        QVERIFY(!read.ok());
        const ErrorCode expected =
            what == QLatin1String("missing") ? ErrorCode::FileNotFound : ErrorCode::CheckpointInvalid;
        QVERIFY2(read.error().code == expected, read.error().message().c_str());
        QVERIFY(read.error().message().find(folder) != std::string::npos);
    }

    void aFolderThatCannotBeWritten() {
        QFile file(m_dir->filePath(QStringLiteral("file")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        const Result<void> written =
            writeTensorSet(m_dir->filePath(QStringLiteral("file/set")).toStdString(), versionOf(1));
        QVERIFY(!written.ok());
        QVERIFY(written.error().code == ErrorCode::FileNotWritable);
    }

private:
    std::unique_ptr<QTemporaryDir> m_dir;
};

QTEST_GUILESS_MAIN(TensorSetTest)
#include "tst_tensor_set.moc"
