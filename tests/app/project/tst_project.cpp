// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: a folder becomes a project in one step; files are found, hashed, and found again when they moved;
// changed and missing ones are said; states, annotations and history survive a restart; a read-only folder's
// project lies elsewhere; two programs share one project file politely. Images are small files made here,
// read by a reader of the test, so that no codec is involved.
#include "app/project/file_scan.h"
#include "app/project/project.h"
#include "app/proposals/proposal_cache.h"
#include "tests/io/store/store_testing.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{600, 500};

void writeFile(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        throw std::runtime_error("the test could not write its file");
}

AnnotationSnapshot snapshotOf(std::uint8_t value) {
    AnnotationSnapshot snapshot;
    snapshot.labels = TileMap(LabelMap(kSize, value));
    snapshot.provenance = TileMap(LabelMap(kSize, 1));
    snapshot.labelTable = defaultLabels();
    snapshot.sources.resize(2);
    snapshot.sources[1].kind = ProvenanceKind::Manual;
    snapshot.sources[1].person = "Ana";
    snapshot.sources[1].firstTimeMs = 1000;
    snapshot.sources[1].lastTimeMs = 2000;
    snapshot.threshold = 0.25f;
    return snapshot;
}

} // namespace

class TestProject : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir;
    int m_count = 0;

    // Three images, one in a folder below, and a file that is none.
    QString newFolder() {
        const QString folder = m_dir.filePath(QStringLiteral("nevi%1").arg(++m_count));
        QDir().mkpath(folder + QStringLiteral("/sub"));
        writeFile(folder + QStringLiteral("/img10.png"), "image ten");
        writeFile(folder + QStringLiteral("/img2.png"), "image two");
        writeFile(folder + QStringLiteral("/sub/a.JPG"), "image a");
        writeFile(folder + QStringLiteral("/notes.txt"), "no image");
        return folder;
    }
    ProjectOptions options(const std::string& person = "Ana") {
        ProjectOptions all;
        all.person = person;
        all.fallbackFolder = m_dir.filePath(QStringLiteral("elsewhere")).toStdString();
        all.saver.retryAfter = std::chrono::milliseconds(5);
        all.probe = [](const std::string& path) -> Result<FileFacts> {
            QFile file(QString::fromStdString(path));
            if (!file.open(QIODevice::ReadOnly))
                return Error{ErrorCode::FileNotReadable, {path, "x"}};
            if (!file.readAll().startsWith("image"))
                return Error{ErrorCode::FormatUnknown, {path, "text"}};
            return FileFacts{kSize, std::nullopt, "dermoscopy"};
        };
        return all;
    }
    std::unique_ptr<Project> opened(const QString& path, const ProjectOptions& with) {
        std::unique_ptr<Project> project = Project::open(path.toStdString(), with);
        take(project->waitUntilOpen());
        take(project->waitUntilSettled(20000));
        return project;
    }
    static ImageId idOf(const Project& project, const std::string& path) {
        const ImageRecord* record = project.worklist().findPath(path);
        return record ? record->id : 0;
    }
    static std::optional<LoadedAnnotation> loaded(Project& project, ImageId image, PersonId person,
                                                  int version = 0) {
        std::optional<std::optional<LoadedAnnotation>> result;
        project.loadAnnotation(
            image, person, version,
            [&](const Result<std::optional<LoadedAnnotation>>& read) { result = take(read); });
        while (!result)
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        return *result;
    }
    static bool hasNotice(const Project& project, ProjectNotice::Kind kind) {
        return std::any_of(project.notices().begin(), project.notices().end(),
                           [&](const ProjectNotice& notice) { return notice.kind == kind; });
    }

private Q_SLOTS:
    void aFolderBecomesAProject() {
        const QString folder = newFolder();
        auto project = opened(folder, options());
        QCOMPARE(project->filePath(), (folder + QStringLiteral("/nevi1.limn")).toStdString());
        QCOMPARE(project->name(), std::string("nevi1"));
        QVERIFY(project->access() == StoreAccess::ReadWrite);
        QCOMPARE(project->worklist().size(), std::size_t(3));
        const std::vector<ImageId> ids = project->worklist().select({});
        QCOMPARE(project->worklist().find(ids[0])->path, std::string("img2.png"));
        QCOMPARE(project->worklist().find(ids[1])->path, std::string("img10.png"));
        QCOMPARE(project->worklist().find(ids[2])->path, std::string("sub/a.JPG"));
        const ImageRecord& record = *project->worklist().find(ids[0]);
        QVERIFY(record.size == kSize);
        QCOMPARE(record.modality, std::string("dermoscopy"));
        QCOMPARE(record.sha256,
                 QCryptographicHash::hash("image two", QCryptographicHash::Sha256).toHex().toStdString());
        QVERIFY(record.trouble.empty());
        QVERIFY(QFile::exists(QString::fromStdString(project->absolutePath(ids[2]))));
        QCOMPARE(project->personName(project->currentPerson()), std::string("Ana"));
        project.reset();
        // Opening the folder or the file again finds the same project.
        QCOMPARE(opened(folder, options())->worklist().select({}), ids);
        QCOMPARE(opened(folder + QStringLiteral("/nevi1.limn"), options())->worklist().select({}), ids);
    }

    // Whoever asks at the first moment learns that the files are still being looked for.
    void aProjectThatJustOpenedIsScanning() {
        const QString folder = newFolder();
        std::unique_ptr<Project> project = Project::open(folder.toStdString(), options());
        std::vector<bool> scanning;
        std::vector<std::size_t> images;
        connect(project.get(), &Project::opened, this, [&] { scanning.push_back(project->isScanning()); });
        connect(project.get(), &Project::scanFinished, this,
                [&] { images.push_back(project->worklist().size()); });
        take(project->waitUntilOpen());
        QCOMPARE(scanning, std::vector<bool>{true});
        take(project->waitUntilSettled(20000));
        QCOMPARE(images, std::vector<std::size_t>{3});
        // Without looking at the folder there is nothing to wait for.
        ProjectOptions quiet = options();
        quiet.scanFolder = false;
        project = Project::open(newFolder().toStdString(), quiet);
        take(project->waitUntilOpen());
        QVERIFY(!project->isScanning());
    }

    void workSurvivesARestart() {
        const QString folder = newFolder();
        ImageId image = 0;
        PersonId ana = 0;
        {
            auto project = opened(folder, options());
            QSignalSpy saved(project.get(), &Project::annotationSaved);
            image = idOf(*project, "img2.png");
            ana = project->currentPerson();
            ImageFigures figures;
            figures.areaPixels = 300000;
            project->saveAnnotation(image, snapshotOf(1), figures);
            QVERIFY(project->worklist().find(image)->state == ReviewState::InProgress);
            QVERIFY(!project->waitUntilSaved(20000).trouble);
            take(project->waitUntilSettled(20000));
            QTRY_COMPARE(saved.count(), 1);
            take(project->setState({image}, ReviewState::Submitted));
            take(project->setState({image}, ReviewState::Rejected, "Wrong outline"));
            project->setFlag(image, true, "border");
            QVERIFY(!project->setState({image}, ReviewState::Rejected).ok());
        }
        auto project = opened(folder, options());
        const ImageRecord& record = *project->worklist().find(image);
        QVERIFY(record.state == ReviewState::Rejected);
        QCOMPARE(record.reason, std::string("Wrong outline"));
        QVERIFY(record.flagged);
        QCOMPARE(record.areaPixels, std::int64_t(300000));
        const std::optional<LoadedAnnotation> read = loaded(*project, image, ana);
        QVERIFY(read);
        const AnnotationSnapshot expected = snapshotOf(1);
        QVERIFY(read->snapshot.labels == expected.labels);
        QVERIFY(read->snapshot.provenance == expected.provenance);
        QVERIFY(read->snapshot.labelTable == expected.labelTable);
        QVERIFY(read->snapshot.sources == expected.sources);
        QVERIFY(read->snapshot.threshold == expected.threshold);
        QVERIFY(AnnotationDocument::open(kSize, read->snapshot).ok());
        QVERIFY(!loaded(*project, image, ana, 1));
        QVERIFY(!loaded(*project, idOf(*project, "img10.png"), ana));

        std::vector<std::string> states;
        bool told = false;
        project->loadHistory(image, 50, [&](const Result<std::vector<HistoryRecord>>& lines) {
            for (const HistoryRecord& line : take(lines)) {
                if (line.what == "state")
                    states.push_back(line.to);
            }
            told = true;
        });
        QTRY_VERIFY(told);
        QCOMPARE(states, (std::vector<std::string>{"rejected", "submitted", "in-progress"}));
        std::vector<std::string> kept;
        project->listKeptVersions(image, [&](const Result<std::vector<KeptVersion>>& versions) {
            for (const KeptVersion& version : take(versions))
                kept.push_back(version.what);
        });
        QTRY_COMPARE(kept, (std::vector<std::string>{"submitted", "rejected"}));
        // A stroke reopens it.
        project->saveAnnotation(image, snapshotOf(2));
        QVERIFY(record.state == ReviewState::InProgress);
        QVERIFY(!project->waitUntilSaved(20000).trouble);
        QVERIFY(!hasNotice(*project, ProjectNotice::Kind::SecondVersion));
    }

    void movedFilesAreFoundByTheirContent() {
        const QString folder = newFolder();
        ImageId image = 0;
        {
            auto project = opened(folder, options());
            image = idOf(*project, "img2.png");
            project->saveAnnotation(image, snapshotOf(1));
        }
        QVERIFY(
            QFile::rename(folder + QStringLiteral("/img2.png"), folder + QStringLiteral("/sub/renamed.png")));
        auto project = opened(folder, options());
        QCOMPARE(project->worklist().size(), std::size_t(3));
        QCOMPARE(project->worklist().find(image)->path, std::string("sub/renamed.png"));
        QVERIFY(project->worklist().find(image)->trouble.empty());
        QVERIFY(hasNotice(*project, ProjectNotice::Kind::FileMoved));
        QVERIFY(loaded(*project, image, project->currentPerson()));
    }

    void changedAndMissingFilesAreSaid() {
        const QString folder = newFolder();
        auto project = opened(folder, options());
        const ImageId annotated = idOf(*project, "img2.png");
        const ImageId untouched = idOf(*project, "img10.png");
        const ImageId gone = idOf(*project, "sub/a.JPG");
        const std::string before = project->worklist().find(annotated)->sha256;
        project->saveAnnotation(annotated, snapshotOf(1));
        writeFile(folder + QStringLiteral("/img2.png"), "image two, changed");
        writeFile(folder + QStringLiteral("/img10.png"), "image ten, changed");
        QVERIFY(QFile::remove(folder + QStringLiteral("/sub/a.JPG")));
        project->rescan();
        take(project->waitUntilSettled(20000));
        QVERIFY(hasNotice(*project, ProjectNotice::Kind::FileChanged));
        QVERIFY(hasNotice(*project, ProjectNotice::Kind::FileMissing));
        QVERIFY(!project->worklist().find(annotated)->trouble.empty());
        QCOMPARE(project->worklist().find(annotated)->sha256, before);
        // Nobody annotated the other: it is read again without a word.
        QVERIFY(project->worklist().find(untouched)->trouble.empty());
        QCOMPARE(
            project->worklist().find(untouched)->sha256,
            QCryptographicHash::hash("image ten, changed", QCryptographicHash::Sha256).toHex().toStdString());
        QVERIFY(project->worklist().find(gone)->trouble.find("does not exist") != std::string::npos);
        QVERIFY(loaded(*project, annotated, project->currentPerson())); // the work is there
        project->acceptSource(annotated);
        take(project->waitUntilSettled(20000));
        QVERIFY(project->worklist().find(annotated)->trouble.empty());
        QVERIFY(project->worklist().find(annotated)->sha256 != before);
        // The file comes back: as if nothing had been.
        writeFile(folder + QStringLiteral("/sub/a.JPG"), "image a");
        project->checkSource(gone);
        take(project->waitUntilSettled(20000));
        QVERIFY(project->worklist().find(gone)->trouble.empty());
    }

    void filesAreAddedAndRemoved() {
        const QString folder = newFolder();
        const QString other = m_dir.filePath(QStringLiteral("other%1").arg(m_count));
        QDir().mkpath(other);
        writeFile(other + QStringLiteral("/x.png"), "image x");
        writeFile(other + QStringLiteral("/broken.png"), "text");
        auto project = opened(folder, options());
        QSignalSpy added(project.get(), &Project::imagesAdded);
        QSignalSpy removed(project.get(), &Project::imagesRemoved);
        project->addFiles({other.toStdString(), (folder + QStringLiteral("/img2.png")).toStdString()});
        take(project->waitUntilSettled(20000));
        QCOMPARE(project->worklist().size(), std::size_t(5)); // img2.png was there
        QCOMPARE(added.count(), 1);
        QCOMPARE(project->skippedFiles().size(), std::size_t(1));
        QVERIFY(project->skippedFiles()[0].reason.code == ErrorCode::FormatUnknown);
        QVERIFY(hasNotice(*project, ProjectNotice::Kind::FilesSkipped));
        WorklistFilter broken;
        broken.unusable = true;
        const std::vector<ImageId> unusable = project->worklist().select(broken);
        QCOMPARE(unusable.size(), std::size_t(1));
        project->removeImages(unusable);
        QCOMPARE(removed.count(), 1);
        QCOMPARE(project->worklist().size(), std::size_t(4));
        QVERIFY(QFile::exists(other + QStringLiteral("/broken.png"))); // source files stay
    }

    void aSecondProgramReadsAndItsEditsWait() {
        const QString folder = newFolder();
        auto first = opened(folder, options("Ana"));
        const ImageId image = idOf(*first, "img2.png");
        auto second = opened(folder, options("Ana"));
        QVERIFY(second->access() == StoreAccess::ReadOnlyHeld);
        QVERIFY(hasNotice(*second, ProjectNotice::Kind::HeldByOther));
        QCOMPARE(second->worklist().size(), std::size_t(3));
        second->saveAnnotation(image, snapshotOf(2));
        const SaveStatus status = second->waitUntilSaved(20000);
        QVERIFY(status.trouble && status.trouble->code == ErrorCode::StoreHeld);
        QVERIFY(status.waiting >= 1);
        first->saveAnnotation(image, snapshotOf(1));
        first.reset();
        // Now it can be written: the other's work stays, this one's is kept beside it.
        take(second->waitUntilSettled(20000));
        QTRY_COMPARE_WITH_TIMEOUT(second->saver().status().waiting, std::size_t(0), 20000);
        take(second->waitUntilSettled(20000));
        QVERIFY(hasNotice(*second, ProjectNotice::Kind::SecondVersion));
        const PersonId ana = second->currentPerson();
        second.reset();
        auto third = opened(folder, options("Ana"));
        QVERIFY(loaded(*third, image, ana)->snapshot.labels == snapshotOf(1).labels);
        QVERIFY(loaded(*third, image, ana, 1)->snapshot.labels == snapshotOf(2).labels);
    }

    void savingElsewhereGoesOnThere() {
        const QString folder = newFolder();
        auto first = opened(folder, options());
        auto second = opened(folder, options()); // cannot write
        const ImageId image = idOf(*second, "img2.png");
        second->saveAnnotation(image, snapshotOf(3));
        QVERIFY(second->waitUntilSaved(20000).trouble);
        const QString target = m_dir.filePath(QStringLiteral("copy%1.limn").arg(m_count));
        bool copied = false;
        second->saveElsewhere(target.toStdString(), [&](const Result<void>& done) { copied = done.ok(); });
        QTRY_VERIFY_WITH_TIMEOUT(copied && second->saver().status().waiting == 0, 20000);
        take(second->waitUntilSettled(20000));
        QCOMPARE(second->filePath(), target.toStdString());
        QVERIFY(second->access() == StoreAccess::ReadWrite);
        const PersonId person = second->currentPerson();
        second.reset();
        auto again = opened(target, options());
        QCOMPARE(QDir::cleanPath(QString::fromStdString(again->imageFolder())), QDir::cleanPath(folder));
        QVERIFY(QFile::exists(QString::fromStdString(again->absolutePath(image))));
        QVERIFY(loaded(*again, image, person)->snapshot.labels == snapshotOf(3).labels);
    }

    void badPathsAreSaid() {
        auto missing = Project::open(m_dir.filePath(QStringLiteral("none.limn")).toStdString(), options());
        QCOMPARE(missing->waitUntilOpen().error().code == ErrorCode::FileNotFound, true);
        const QString text = m_dir.filePath(QStringLiteral("text.txt"));
        writeFile(text, "x");
        auto wrong = Project::open(text.toStdString(), options());
        QVERIFY(wrong->waitUntilOpen().error().code == ErrorCode::StoreInvalid);
    }

    void settingsPeopleAndLabels() {
        const QString folder = newFolder();
        {
            auto project = opened(folder, options());
            project->setSetting("model", "dermoscopy");
            project->setLabelSet({"project", {{1, "Lesion", 1, "", "", "", false, true}}});
            project->setPerson("Ben");
            take(project->waitUntilSettled(20000));
            QCOMPARE(project->personName(project->currentPerson()), std::string("Ben"));
            project->noteProposal(idOf(*project, "img2.png"), 12.5);
        }
        auto project = opened(folder, options());
        QCOMPARE(project->setting("model"), std::string("dermoscopy"));
        QCOMPARE(project->setting("absent", "x"), std::string("x"));
        QCOMPARE(project->labelSets()[0].labels[0].name, std::string("Lesion"));
        QCOMPARE(project->people().size(), std::size_t(2));
        const ImageRecord* record = project->worklist().findPath("img2.png");
        QVERIFY(record->state == ReviewState::Proposed);
        QCOMPARE(record->uncertainty, 12.5);
    }

    void proposalsAreCachedThroughTheSaver() {
        const QString folder = newFolder();
        auto project = opened(folder, options());
        ProposalHooks hooks;
        cacheInStore(hooks, project->saver());
        ProposalRecord record;
        record.key = {"image", "model", "settings"};
        record.extent = {0, 0, 4, 4};
        record.probability = {{4, 4}, std::vector<std::uint16_t>(16, 7)};
        QVERIFY(!hooks.find(record.key));
        hooks.keep(record);
        QVERIFY(hooks.find(record.key)->probability.values == record.probability.values);
    }

    // What was exported beside the images is not added to them, wherever the export went.
    void exportsAreNoImages() {
        const QString folder = m_dir.filePath(QStringLiteral("exported"));
        QDir().mkpath(folder + QStringLiteral("/export/masks"));
        QDir().mkpath(folder + QStringLiteral("/second"));
        for (const char* name : {"a.png", "a_mask.png", "second/b.png", "export/masks/a.png", "export/a.jpg"})
            writeFile(folder + QLatin1Char('/') + QLatin1String(name), "image");
        writeFile(folder + QStringLiteral("/export/export_report.json"),
                  R"({"images": [{"files": ["a.jpg"]}]})");
        const auto listed = [&](const QString& of) {
            QStringList all;
            listImageFiles(
                {of.toStdString()},
                [&](std::vector<std::string> files) {
                    for (const std::string& file : files)
                        all << QDir(folder).relativeFilePath(QString::fromStdString(file));
                },
                [] { return true; });
            return all.join(QLatin1Char(' '));
        };
        QCOMPARE(listed(folder), QStringLiteral("a.png a_mask.png second/b.png"));
        // Into the images' own folder: those that its report names.
        writeFile(folder + QStringLiteral("/export_report.json"),
                  R"({"images": [{"image": "a.png", "files": ["a_mask.png", "second/b.png"]}]})");
        QCOMPARE(listed(folder), QStringLiteral("a.png"));
        // A folder that is nothing but an export is shown when it is named.
        QCOMPARE(listed(folder + QStringLiteral("/export")),
                 QStringLiteral("export/a.jpg export/masks/a.png"));
        writeFile(folder + QStringLiteral("/export/export_report.json"),
                  R"({"images": [{"image": "a.png", "files": ["a.jpg", "masks/a.png"]}]})");
        QCOMPARE(listed(folder + QStringLiteral("/export")),
                 QStringLiteral("export/a.jpg export/masks/a.png"));
        // Nor does an export into the folder of other images take these away.
        writeFile(folder + QStringLiteral("/second/b_mask.png"), "image");
        writeFile(folder + QStringLiteral("/second/export_report.json"),
                  R"({"images": [{"image": "b.png", "files": ["b_mask.png"]}]})");
        writeFile(folder + QStringLiteral("/export_report.json"), "{}");
        QCOMPARE(listed(folder), QStringLiteral("a.png a_mask.png second/b.png"));
        QVERIFY(QFile::remove(folder + QStringLiteral("/second/b_mask.png")));
        // A damaged report hides nothing.
        writeFile(folder + QStringLiteral("/export_report.json"), "{\"images\": [{]");
        QCOMPARE(listed(folder), QStringLiteral("a.png a_mask.png second/b.png"));
    }

    void endingsAndPortions() {
        QVERIFY(hasImageEnding("a.PNG") && hasImageEnding("b.c.tiff") && hasImageEnding("x.dcm"));
        QVERIFY(!hasImageEnding("png") && !hasImageEnding("a.limn") && !hasImageEnding("a.png.txt"));
        const QString folder = m_dir.filePath(QStringLiteral("many"));
        QDir().mkpath(folder);
        for (int i = 0; i < 700; ++i)
            writeFile(folder + QStringLiteral("/%1.png").arg(i), "image");
        std::vector<std::size_t> portions;
        std::vector<std::string> all;
        listImageFiles(
            {folder.toStdString()},
            [&](std::vector<std::string> files) {
                portions.push_back(files.size());
                all.insert(all.end(), files.begin(), files.end());
            },
            [] { return true; });
        QCOMPARE(portions, (std::vector<std::size_t>{16, 500, 184}));
        QVERIFY(QString::fromStdString(all[2]).endsWith(QStringLiteral("/2.png")));
        listImageFiles(
            {folder.toStdString()}, [&](std::vector<std::string>) { QVERIFY(false); }, [] { return false; });
    }
};

QTEST_GUILESS_MAIN(TestProject)
#include "tst_project.moc"
