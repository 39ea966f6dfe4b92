// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: folders are searched for images and nothing else, output names never clash and do not depend on
// order, shards cut the list into parts without rest; tables come back as they were written. Files are made
// in a temporary folder.
#include "app/cli/inputs.h"
#include "app/export/csv.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <set>

using namespace limn;

namespace {

class Folder {
public:
    std::string operator/(const char* name) const {
        return m_dir.filePath(QString::fromUtf8(name)).toStdString();
    }
    std::string path() const { return m_dir.path().toStdString(); }
    // An empty file; its folders are made.
    void add(const char* name) const {
        const QString path = m_dir.filePath(QString::fromUtf8(name));
        QDir().mkpath(QFileInfo(path).path());
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
    }

private:
    QTemporaryDir m_dir;
};

std::vector<std::string> namesOf(const std::vector<InputImage>& images) {
    std::vector<std::string> names;
    for (const InputImage& image : images)
        names.push_back(image.name);
    return names;
}

} // namespace

class InputsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void foldersAreSearchedForImages() {
        Folder folder;
        for (const char* name : {"b.JPG", "a.png", "deep/er/c.tiff", "notes.txt", ".hidden.png",
                                 "noExtension", "d.dcm", "Ünï.jpeg"})
            folder.add(name);
        Result<std::vector<InputImage>> images = collectImages({folder.path()}, folder / "out");
        QVERIFY(images.ok());
        QCOMPARE(namesOf(*images), (std::vector<std::string>{"a", "b", "d", "c", "Ünï"}));
        QCOMPARE(images->front().path, folder / "a.png");
    }

    void filesAreTakenAsGiven() {
        Folder folder;
        folder.add("z.png");
        folder.add("oddly.named");
        // A missing file stays: it fails when it is read, and the others go on.
        Result<std::vector<InputImage>> images = collectImages(
            {folder / "z.png", folder / "oddly.named", folder / "missing.png", folder / "z.png"}, {});
        QVERIFY(images.ok());
        QCOMPARE(namesOf(*images), (std::vector<std::string>{"z", "oddly", "missing"}));
    }

    void nothingToDoIsAnError() {
        Folder folder;
        folder.add("notes.txt");
        Result<std::vector<InputImage>> images = collectImages({folder.path()}, {});
        QVERIFY(!images.ok());
        QCOMPARE(images.error().code, ErrorCode::InvalidArgument);
        QVERIFY(images.error().message().find(folder.path()) != std::string::npos);
    }

    void resultsAreNotInputs() {
        Folder folder;
        for (const char* name : {"a.png", "a_mask.png", "results/a_mask.png", "results/b.png"})
            folder.add(name);
        // Another output folder inside: all of it is left out. The same folder: our own files alone.
        Result<std::vector<InputImage>> inside = collectImages({folder.path()}, folder / "results");
        QVERIFY(inside.ok());
        QCOMPARE(namesOf(*inside), (std::vector<std::string>{"a", "a_mask"}));
        Result<std::vector<InputImage>> same = collectImages({folder.path()}, folder.path());
        QVERIFY(same.ok());
        QCOMPARE(namesOf(*same), (std::vector<std::string>{"a", "b"}));
    }

    // Masks that a project exported beside its images. An export into the images' own folder hides none of
    // them.
    void exportsAreNotInputs() {
        Folder folder;
        for (const char* name : {"a.png", "sub/b.png", "sub/export/masks/b.png", "sub/export/b_overlay.jpg",
                                 "sub/export_report.json"})
            folder.add(name);
        QFile report(QString::fromStdString(folder / "sub/export/export_report.json"));
        QVERIFY(report.open(QIODevice::WriteOnly));
        report.write(R"({"images": [{"files": ["masks/b.png", "b_overlay.jpg"]}]})");
        report.close();
        Result<std::vector<InputImage>> images = collectImages({folder.path()}, {});
        QVERIFY(images.ok());
        QCOMPARE(namesOf(*images), (std::vector<std::string>{"a", "b"}));
        // Named, it is what is asked for.
        images = collectImages({folder / "sub/export"}, {});
        QVERIFY(images.ok());
        QCOMPARE(images->size(), std::size_t{2});
    }

    void stemsThatCollideGetDistinctNames() {
        Folder folder;
        for (const char* name : {"p1/scan.png", "p2/scan.png", "p2/scan.jpg", "p3/other.png", "p1_scan.png"})
            folder.add(name);
        Result<std::vector<InputImage>> forward = collectImages({folder.path()}, {});
        QVERIFY(forward.ok());
        const std::vector<std::string> names = namesOf(*forward);
        QCOMPARE(std::set<std::string>(names.begin(), names.end()).size(), std::size_t{5});
        QVERIFY(std::find(names.begin(), names.end(), "other") != names.end());

        std::vector<std::string> paths;
        for (const InputImage& image : *forward)
            paths.insert(paths.begin(), image.path);
        Result<std::vector<InputImage>> backward = collectImages(paths, {});
        QVERIFY(backward.ok());
        for (const InputImage& image : *forward) {
            const auto same = std::find_if(backward->begin(), backward->end(),
                                           [&](const InputImage& other) { return other.path == image.path; });
            QVERIFY(same != backward->end());
            QCOMPARE(same->name, image.name);
        }
    }

    // Results are found again when images are mounted elsewhere.
    void namesDoNotDependOnWhereAllOfItLies() {
        std::vector<std::vector<std::string>> names;
        for (int i = 0; i < 2; ++i) {
            Folder folder;
            for (const char* name : {"p1/images/scan.png", "p2/images/scan.png", "p2/images/scan.jpg",
                                     "p1/other.png", "p11/images/scan.png"})
                folder.add(name);
            Result<std::vector<InputImage>> images = collectImages({folder.path()}, {});
            QVERIFY(images.ok());
            names.push_back(namesOf(*images));
            QCOMPARE(std::set<std::string>(names.back().begin(), names.back().end()).size(), std::size_t{5});
        }
        QCOMPARE(names[0], names[1]);
    }

    void shardsCutTheListWithoutRest() {
        std::vector<InputImage> images(10);
        for (std::size_t i = 0; i < images.size(); ++i)
            images[i].name = std::to_string(i);
        std::multiset<std::string> seen;
        for (int i = 1; i <= 3; ++i)
            for (const InputImage& image : shardOf(images, {i, 3}))
                seen.insert(image.name);
        QCOMPARE(seen.size(), std::size_t{10});
        QCOMPARE(std::set<std::string>(seen.begin(), seen.end()).size(), std::size_t{10});
        QCOMPARE(namesOf(shardOf(images, {2, 3})), (std::vector<std::string>{"1", "4", "7"}));
        QVERIFY(shardOf(images, {11, 11}).empty());
    }

    void shardTexts_data() {
        QTest::addColumn<QString>("text");
        QTest::addColumn<bool>("good");
        QTest::newRow("first") << QStringLiteral("1/1") << true;
        QTest::newRow("last") << QStringLiteral("8/8") << true;
        for (const char* bad : {"0/4", "5/4", "1", "1/0", "a/b", "-1/2", "1/2/3", "1/9999999", ""})
            QTest::newRow(bad) << QString::fromUtf8(bad) << false;
    }
    void shardTexts() {
        QFETCH(QString, text);
        QFETCH(bool, good);
        Result<Shard> shard = parseShard(text.toStdString());
        QCOMPARE(shard.ok(), good);
        if (!good)
            QCOMPARE(shard.error().code, ErrorCode::InvalidArgument);
    }

    void tablesComeBackAsWritten() {
        const std::vector<CsvRow> rows{{"plain", "with, comma", "with \"quotes\""},
                                       {"line\nbreak", "", "-12.5"},
                                       {"ümläut", "two  spaces", "end"}};
        QCOMPARE(parseCsv(csvText(rows)), rows);
        // A spreadsheet must not take a file's name for a formula.
        QCOMPARE(csvText({{"=cmd()", "-1.5", "-x"}}), std::string("'=cmd(),-1.5,'-x\r\n"));
        QCOMPARE(parseCsv("a,b\r\nc,\"d"), (std::vector<CsvRow>{{"a", "b"}}));
        QCOMPARE(parseCsv("a,b\nc,d"), (std::vector<CsvRow>{{"a", "b"}, {"c", "d"}}));
        QVERIFY(parseCsv("").empty());
    }
};

QTEST_GUILESS_MAIN(InputsTest)
#include "tst_inputs.moc"
