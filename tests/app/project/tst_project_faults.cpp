// SPDX-License-Identifier: GPL-3.0-or-later
// Promised, for a full disk, a file system that became read-only, a folder that may not be written to, and a
// source image that vanished or changed: the person is told in a sentence, editing goes on in memory, and it
// is saved when the cause is gone. Disks are small tmpfs mounts of this test, in a user namespace where it is
// not root; it skips, saying so, only where the system allows neither. Images are small files made here.
#include "app/project/project.h"
#include "tests/io/store/store_testing.h"

#include <QDir>
#include <QFile>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{1024, 1024};
constexpr int kPatienceMs = 20000;

void writeFile(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        throw std::runtime_error("the test could not write its file");
}

AnnotationSnapshot noise(std::uint64_t seed) {
    Random random(seed);
    LabelMap map(kSize);
    for (std::uint8_t& value : map.labels)
        value = static_cast<std::uint8_t>(random.below(2));
    AnnotationSnapshot snapshot;
    snapshot.labels = TileMap(map);
    snapshot.provenance = TileMap(LabelMap(kSize, 1));
    snapshot.labelTable = defaultLabels();
    snapshot.sources.resize(2);
    snapshot.sources[1].kind = ProvenanceKind::Manual;
    return snapshot;
}

// A file system of some megabytes, gone with the object.
class SmallDisk {
public:
    SmallDisk(const QString& folder, int megabytes) : m_folder(QFile::encodeName(folder)) {
        QDir().mkpath(folder);
        const QByteArray options = "size=" + QByteArray::number(megabytes) + "m";
        if (::mount("limn-test", m_folder.constData(), "tmpfs", 0, options.constData()) != 0)
            m_problem = QStringLiteral("This system lets the test mount no small disk, not even in a user "
                                       "namespace (%1); run it as root.")
                            .arg(QString::fromLocal8Bit(std::strerror(errno)));
    }
    ~SmallDisk() {
        if (m_problem.isEmpty())
            ::umount2(m_folder.constData(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    const QString& problem() const { return m_problem; }
    bool setReadOnly(bool readOnly) {
        unsigned long flags = MS_REMOUNT;
        if (readOnly)
            flags |= MS_RDONLY;
        return ::mount("limn-test", m_folder.constData(), "tmpfs", flags, nullptr) == 0;
    }

private:
    QByteArray m_folder;
    QString m_problem;
};

// Who is not root may mount in a user namespace of the program's own. Before the first thread; a system that
// allows none is noticed by the mount that fails.
void allowMounts() {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (user == 0 || ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return;
    std::ofstream("/proc/self/setgroups") << "deny";
    std::ofstream("/proc/self/uid_map") << user << ' ' << user << " 1";
    std::ofstream("/proc/self/gid_map") << group << ' ' << group << " 1";
}

} // namespace

class TestProjectFaults : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir;
    int m_count = 0;

    QString newFolder() { return m_dir.filePath(QStringLiteral("faults%1").arg(++m_count)); }
    ProjectOptions options() {
        ProjectOptions all;
        all.person = "Ana";
        all.fallbackFolder = m_dir.filePath(QStringLiteral("elsewhere")).toStdString();
        all.saver.retryAfter = std::chrono::milliseconds(20);
        all.probe = [](const std::string&) -> Result<FileFacts> {
            return FileFacts{kSize, std::nullopt, "dermoscopy"};
        };
        return all;
    }
    std::unique_ptr<Project> opened(const QString& path) {
        std::unique_ptr<Project> project = Project::open(path.toStdString(), options());
        take(project->waitUntilOpen());
        take(project->waitUntilSettled(kPatienceMs));
        return project;
    }
    static AnnotationSnapshot loaded(Project& project, ImageId image) {
        std::optional<std::optional<LoadedAnnotation>> result;
        project.loadAnnotation(
            image, project.currentPerson(), 0,
            [&](const Result<std::optional<LoadedAnnotation>>& read) { result = take(read); });
        while (!result)
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        if (!*result)
            throw std::runtime_error("there is no annotation");
        return (*result)->snapshot;
    }
    static bool saysTrouble(Project& project, ErrorCode code) {
        return QTest::qWaitFor(
            [&] {
                const std::optional<Error> trouble = project.saver().status().trouble;
                return trouble && trouble->code == code;
            },
            kPatienceMs);
    }

private Q_SLOTS:
    void aFullDiskIsSaidAndPasses() {
        const QString folder = newFolder();
        const SmallDisk disk(folder, 4);
        if (!disk.problem().isEmpty())
            QSKIP(qPrintable(disk.problem()));
        writeFile(folder + QStringLiteral("/a.png"), "image a");
        auto project = opened(folder);
        const ImageId image = project->worklist().select({}).front();
        project->saveAnnotation(image, noise(1));
        QCOMPARE(project->waitUntilSaved(kPatienceMs).waiting, std::size_t(0));
        // Somebody fills the disk.
        QFile filler(folder + QStringLiteral("/filler"));
        QVERIFY(filler.open(QIODevice::WriteOnly | QIODevice::Unbuffered));
        while (filler.write(QByteArray(4096, 'x')) == 4096) {
        }
        for (std::uint64_t seed = 2; seed < 20; ++seed) {
            project->saveAnnotation(image, noise(seed));
            (void)project->waitUntilSaved(500);
        }
        QVERIFY(saysTrouble(*project, ErrorCode::DiskFull));
        const std::string sentence = project->saver().status().trouble->message();
        QVERIFY2(sentence.find("the disk is full") != std::string::npos &&
                     sentence.find(project->filePath()) != std::string::npos,
                 sentence.c_str());
        // Editing goes on, and what is looked at is the newest.
        project->saveAnnotation(image, noise(99));
        QVERIFY(loaded(*project, image).labels == noise(99).labels);
        filler.close();
        QVERIFY(filler.remove());
        QTRY_COMPARE_WITH_TIMEOUT(project->saver().status().waiting, std::size_t(0), kPatienceMs);
        QVERIFY(!project->saver().status().trouble);
        project.reset();
        auto again = opened(folder);
        QVERIFY(loaded(*again, image).labels == noise(99).labels);
        bool sound = false;
        again->saver().wait(
            [&](const Result<ProjectStore*>& store) { sound = take((*store)->verify()).empty(); });
        QVERIFY(sound);
    }

    void aProgramThatEndsOnAFullDiskLosesNoStroke() {
        const QString folder = newFolder();
        const SmallDisk disk(folder, 6);
        if (!disk.problem().isEmpty())
            QSKIP(qPrintable(disk.problem()));
        writeFile(folder + QStringLiteral("/a.png"), "image a");
        AnnotationSnapshot small = noise(1);
        small.labels = TileMap(LabelMap(kSize));
        ImageId image = 0;
        {
            auto project = opened(folder);
            image = project->worklist().select({}).front();
            project->saveAnnotation(image, small);
            QCOMPARE(project->waitUntilSaved(kPatienceMs).waiting, std::size_t(0));
            QFile filler(folder + QStringLiteral("/filler"));
            QVERIFY(filler.open(QIODevice::WriteOnly | QIODevice::Unbuffered));
            while (filler.write(QByteArray(4096, 'x')) == 4096) {
            }
            // The database has no room for its log; the journal's was set aside.
            LabelMap map(kSize);
            for (int i = 0; i < 40 && !project->saver().status().trouble; ++i) {
                fillRect(map, {10 * i, 10, 300, 300}, static_cast<std::uint8_t>(1));
                small.labels = TileMap(map);
                project->saveAnnotation(image, small);
                (void)project->waitUntilSaved(1000);
            }
            QVERIFY(saysTrouble(*project, ErrorCode::DiskFull));
            fillRect(map, {600, 600, 20, 20}, 1);
            small.labels = TileMap(map);
            project->saveAnnotation(image, small);
        } // closes with strokes that are not in the project file
        QVERIFY(QFile::exists(folder + QStringLiteral("/") + QDir(folder).dirName() +
                              QStringLiteral(".limn-strokes")));
        QVERIFY(QFile::remove(folder + QStringLiteral("/filler")));
        auto again = opened(folder);
        QVERIFY(loaded(*again, image).labels == small.labels);
        QVERIFY(std::any_of(again->notices().begin(), again->notices().end(), [](const ProjectNotice& one) {
            return one.kind == ProjectNotice::Kind::StrokesTaken &&
                   one.sentence().find("nothing is lost") != std::string::npos;
        }));
    }

    void aReadOnlyFileSystemIsSaidAndPasses() {
        const QString folder = newFolder();
        SmallDisk disk(folder, 8);
        if (!disk.problem().isEmpty())
            QSKIP(qPrintable(disk.problem()));
        writeFile(folder + QStringLiteral("/a.png"), "image a");
        ImageId image = 0;
        {
            auto project = opened(folder);
            image = project->worklist().select({}).front();
            project->saveAnnotation(image, noise(1));
            QCOMPARE(project->waitUntilSaved(kPatienceMs).waiting, std::size_t(0));
        }
        QVERIFY(disk.setReadOnly(true));
        auto project = opened(folder);
        QVERIFY(project->access() == StoreAccess::ReadOnlyFolder);
        const auto notice =
            std::find_if(project->notices().begin(), project->notices().end(),
                         [](const ProjectNotice& one) { return one.kind == ProjectNotice::Kind::ReadOnly; });
        QVERIFY(notice != project->notices().end());
        QVERIFY(notice->sentence().find("stay in memory") != std::string::npos);
        QVERIFY(loaded(*project, image).labels == noise(1).labels);
        project->saveAnnotation(image, noise(2));
        QVERIFY(saysTrouble(*project, ErrorCode::StoreReadOnly));
        QVERIFY(project->saver().status().trouble->message().find("read-only") != std::string::npos);
        QVERIFY(loaded(*project, image).labels == noise(2).labels);
        QVERIFY(disk.setReadOnly(false));
        QTRY_COMPARE_WITH_TIMEOUT(project->saver().status().waiting, std::size_t(0), kPatienceMs);
        project.reset();
        auto again = opened(folder);
        QVERIFY(loaded(*again, image).labels == noise(2).labels);
        QVERIFY(again->access() == StoreAccess::ReadWrite);
    }

    void aFolderOnAReadOnlyFileSystemHasItsProjectElsewhere() {
        const QString folder = newFolder();
        SmallDisk disk(folder, 4);
        if (!disk.problem().isEmpty())
            QSKIP(qPrintable(disk.problem()));
        writeFile(folder + QStringLiteral("/a.png"), "image a");
        QVERIFY(disk.setReadOnly(true));
        auto project = opened(folder);
        const auto notice =
            std::find_if(project->notices().begin(), project->notices().end(), [](const ProjectNotice& one) {
                return one.kind == ProjectNotice::Kind::ProjectElsewhere;
            });
        QVERIFY(notice != project->notices().end());
        QVERIFY(notice->sentence().find(project->filePath()) != std::string::npos);
        const ImageId image = project->worklist().select({}).front();
        project->saveAnnotation(image, noise(3));
        QCOMPARE(project->waitUntilSaved(kPatienceMs).waiting, std::size_t(0));
        project.reset();
        QVERIFY(loaded(*opened(folder), image).labels == noise(3).labels);
    }

    void aSourceThatVanishedOrChangedStopsNoEdit() {
        const QString folder = newFolder();
        QDir().mkpath(folder);
        writeFile(folder + QStringLiteral("/a.png"), "image a");
        writeFile(folder + QStringLiteral("/b.png"), "image b");
        auto project = opened(folder);
        const std::vector<ImageId> ids = project->worklist().select({});
        for (ImageId id : ids)
            project->saveAnnotation(id, noise(static_cast<std::uint64_t>(id)));
        QVERIFY(QFile::remove(folder + QStringLiteral("/a.png")));
        writeFile(folder + QStringLiteral("/b.png"), "image b, another one");
        for (ImageId id : ids)
            project->checkSource(id);
        take(project->waitUntilSettled(kPatienceMs));
        QStringList said;
        for (const ProjectNotice& notice : project->notices())
            said.append(QString::fromStdString(notice.sentence()));
        const QString all = said.join(QLatin1Char('\n'));
        QVERIFY2(all.contains(QStringLiteral("a.png is no longer where it was")), qPrintable(all));
        QVERIFY2(all.contains(QStringLiteral("b.png was changed by another program")), qPrintable(all));
        for (ImageId id : ids)
            project->saveAnnotation(id, noise(static_cast<std::uint64_t>(id) + 50));
        QCOMPARE(project->waitUntilSaved(kPatienceMs).waiting, std::size_t(0));
        project.reset();
        auto again = opened(folder);
        for (ImageId id : ids)
            QVERIFY(loaded(*again, id).labels == noise(static_cast<std::uint64_t>(id) + 50).labels);
    }
};

int main(int argc, char** argv) {
    allowMounts();
    QCoreApplication application(argc, argv);
    TestProjectFaults test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_project_faults.moc"
