// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: what several runs write at once is known to the next; a kill at any instant leaves nothing that
// is taken for a result it is not; computing the same again adds nothing. Files are made here. (What a whole
// run makes of it: tst_segment_batch.)
#include "app/cli/result_record.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

using namespace limn;

namespace {

const std::vector<std::string> kEndings{"_mask.png"};

class Folder {
public:
    std::string at(const std::string& name) const { return m_dir.path().toStdString() + "/" + name; }
    InputFile image(const std::string& name, const QByteArray& bytes) const {
        put(name, bytes);
        return *InputFile::at(at(name));
    }
    void put(const std::string& name, const QByteArray& bytes) const {
        QFile file(QString::fromStdString(at(name)));
        QVERIFY(file.open(QIODevice::WriteOnly));
        QCOMPARE(file.write(bytes), bytes.size());
    }
    std::unique_ptr<ResultRecord> open(const std::string& settings = "{}") const {
        auto record = ResultRecord::open(at(""), settings);
        return record ? std::move(*record) : nullptr;
    }
    QStringList recordFiles() const {
        return QDir(QString::fromStdString(at("segment.record"))).entryList(QDir::Files);
    }

private:
    QTemporaryDir m_dir;
};

std::vector<ResultFile> mask(const char* text) {
    const std::string all = std::string(text) + std::string("IEND\xAE\x42\x60\x82", 8);
    return {{"_mask.png", {all.begin(), all.end()}}};
}

} // namespace

class ResultRecordTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void severalRunsAtOnce() {
        Folder folder;
        InputFile a = folder.image("a.jpg", "a");
        InputFile b = folder.image("b.jpg", "b");
        const auto one = folder.open();
        const auto two = folder.open();
        a.keepHashOfWhatWasRead();
        b.keepHashOfWhatWasRead();
        QVERIFY(one->write("a", a, mask("a")).ok());
        QVERIFY(two->write("b", b, mask("b")).ok());
        // The same image in both, as when a command is begun twice.
        QVERIFY(two->write("a", a, mask("a")).ok());
        const auto next = folder.open();
        for (InputFile* image : {&a, &b}) {
            const std::string name = image == &a ? "a" : "b";
            QVERIFY(next->isComplete(name, kEndings, *image));
            QVERIFY(!next->obstacle(name, kEndings, *image));
        }
        QVERIFY(!next->isComplete("a", {"_mask.png", "_overlay.jpg"}, a));
        QVERIFY(next->obstacle("a", kEndings, b));
        QVERIFY(!folder.open("{\"threshold\": 0.7}")->isComplete("a", kEndings, a));
    }

    void halfALineSaysNothing() {
        Folder folder;
        InputFile a = folder.image("a.jpg", "a");
        a.keepHashOfWhatWasRead();
        QVERIFY(folder.open()->write("a", a, mask("a")).ok());
        const std::string path = "segment.record/" + folder.recordFiles().first().toStdString();
        QFile file(QString::fromStdString(folder.at(path)));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray whole = file.readAll();
        file.close();
        for (qsizetype length = 0; length <= whole.size(); ++length) {
            folder.put(path, whole.left(length));
            const auto record = folder.open();
            QVERIFY(record != nullptr);
            // Without its line end it is whole.
            QCOMPARE(record->isComplete("a", kEndings, a), length >= whole.size() - 1);
        }
        for (const char* line :
             {"[]\n", "{\"name\": 1}\n", "\xff\n", "{\"name\":\"a\",\"files\":[1]}\n", "\n\n"}) {
            folder.put(path, line + whole + line);
            QVERIFY2(folder.open()->isComplete("a", kEndings, a), line);
        }
    }

    void aLineBeforeItsResultSaysNothing() {
        Folder folder;
        InputFile a = folder.image("a.jpg", "a");
        a.keepHashOfWhatWasRead();
        QVERIFY(folder.open()->write("a", a, mask("a")).ok());
        QVERIFY(QFile::remove(QString::fromStdString(folder.at("a_mask.png"))));
        QVERIFY(!folder.open()->isComplete("a", kEndings, a));
        QVERIFY(!folder.open()->obstacle("a", kEndings, a));

        // The image was replaced, and the run killed between the new line and the new result, which is as
        // long as the old one.
        QVERIFY(folder.open()->write("a", a, mask("a")).ok());
        a = folder.image("a.jpg", "A");
        a.keepHashOfWhatWasRead();
        QVERIFY(folder.open()->write("a", a, mask("A")).ok());
        QVERIFY(folder.open()->isComplete("a", kEndings, a));
        const std::vector<ResultFile> old = mask("a");
        folder.put("a_mask.png", QByteArray(reinterpret_cast<const char*>(old[0].bytes.data()),
                                            static_cast<qsizetype>(old[0].bytes.size())));
        QVERIFY(!folder.open()->isComplete("a", kEndings, a));
        QVERIFY(folder.open()->write("a", a, mask("A")).ok());
        QVERIFY(folder.open()->isComplete("a", kEndings, a));
    }

    // Nobody knows of what the result was made then.
    void anImageThatChangesWhileItIsRead() {
        Folder folder;
        InputFile a = folder.image("a.jpg", "a");
        folder.put("a.jpg", "longer");
        a.keepHashOfWhatWasRead();
        QVERIFY(folder.open()->write("a", a, mask("a")).ok());
        a = *InputFile::at(folder.at("a.jpg"));
        QVERIFY(!folder.open()->isComplete("a", kEndings, a));
        QVERIFY(!folder.open()->obstacle("a", kEndings, a));
    }

    // It is read once; after that its place, size and time say enough.
    void aMovedImageIsReadOnce() {
        Folder folder;
        InputFile a = folder.image("a.jpg", "a");
        a.keepHashOfWhatWasRead();
        QVERIFY(folder.open()->write("a", a, mask("a")).ok());
        InputFile moved = folder.image("moved.jpg", "a");
        QVERIFY(folder.open()->isComplete("a", kEndings, moved));
        QVERIFY(!moved.sha256.empty());
        moved = *InputFile::at(moved.path);
        QVERIFY(folder.open()->isComplete("a", kEndings, moved));
        QVERIFY(moved.sha256.empty());
        // Another one of the same size is another one.
        InputFile other = folder.image("other.jpg", "b");
        QVERIFY(!folder.open()->isComplete("a", kEndings, other));
        QVERIFY(folder.open()->obstacle("a", kEndings, other));
    }

    void theSameAgainAddsNothing() {
        Folder folder;
        InputFile a = folder.image("a.jpg", "a");
        a.keepHashOfWhatWasRead();
        for (int i = 0; i < 3; ++i)
            QVERIFY(folder.open()->write("a", a, mask("a")).ok());
        QCOMPARE(folder.recordFiles().size(), 1);
    }
};

QTEST_GUILESS_MAIN(ResultRecordTest)
#include "tst_result_record.moc"
