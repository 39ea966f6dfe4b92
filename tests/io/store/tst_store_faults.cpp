// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: a damaged file is copied aside and what can be read is recovered; a newer one is refused; a
// second program is told who holds the file and may read; a full disk, a read-only folder and a lock are said
// at once and change nothing. Other programs are child processes of this one; damage is written into files
// made here.
#include "io/store/project_store.h"
#include "io/store/schema.h"
#include "io/store/sqlite_file.h"
#include "tests/io/store/store_testing.h"

#include <QCoreApplication>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <cstring>
#include <functional>

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace limn;
using namespace limn::testing;

namespace {

constexpr Size kSize{600, 600};

// A child process that runs `work` and then waits until the parent lets it go. What it writes to the pipe
// comes back from start().
class Child {
public:
    std::string start(const std::function<std::string()>& work) {
        int answer[2];
        int go[2];
        if (::pipe(answer) != 0 || ::pipe(go) != 0)
            return "no pipe";
        m_process = ::fork();
        if (m_process == 0) {
            ::close(answer[0]);
            ::close(go[1]);
            std::string text;
            try {
                text = work();
            } catch (const std::exception& error) {
                text = std::string("failed: ") + error.what();
            }
            (void)!::write(answer[1], text.data(), text.size());
            ::close(answer[1]);
            char byte = 0;
            (void)!::read(go[0], &byte, 1);
            ::_exit(0);
        }
        ::close(answer[1]);
        ::close(go[0]);
        m_go = go[1];
        std::string text;
        char buffer[512];
        for (ssize_t got = 0; (got = ::read(answer[0], buffer, sizeof buffer)) > 0;)
            text.append(buffer, static_cast<std::size_t>(got));
        ::close(answer[0]);
        return text;
    }
    void kill() {
        if (m_process > 0)
            ::kill(m_process, SIGKILL);
        end();
    }
    void end() {
        if (m_process <= 0)
            return;
        ::close(m_go);
        ::waitpid(m_process, nullptr, 0);
        m_process = 0;
    }
    pid_t process() const { return m_process; }
    ~Child() { end(); }

private:
    pid_t m_process = 0;
    int m_go = -1;
};

// Annotated images enough for some hundred pages.
void fill(const std::string& path, int images) {
    const auto store = take(ProjectStore::open(path, {}));
    const PersonId ana = take(store->person("Ana"));
    const std::vector<ImageId> ids = take(store->addImages(imageRecords(images, kSize), ana));
    Random random(9);
    for (ImageId id : ids) {
        LabelMap map(kSize);
        for (int i = 0; i < 3000; ++i)
            map.labels[static_cast<std::size_t>(random.below(360000))] =
                static_cast<std::uint8_t>(1 + random.below(3));
        (void)take(store->saveAnnotation(annotationOf(id, ana, map)));
    }
}

QByteArray contentOf(const std::string& path) {
    QFile file(QString::fromStdString(path));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void overwrite(const std::string& path, qint64 at, const QByteArray& bytes) {
    QFile file(QString::fromStdString(path));
    if (!file.open(QIODevice::ReadWrite) || !file.seek(at) || file.write(bytes) != bytes.size())
        throw std::runtime_error("the test could not damage its file");
}

} // namespace

class TestStoreFaults : public QObject {
    Q_OBJECT
private:
    QTemporaryDir m_dir;
    int m_count = 0;
    std::string newPath() { return m_dir.filePath(QStringLiteral("p%1.limn").arg(++m_count)).toStdString(); }

private Q_SLOTS:
    void aDestroyedHeaderKeepsTheFileAside() {
        const std::string path = newPath();
        fill(path, 2);
        overwrite(path, 0, QByteArray(200, 'x'));
        const QByteArray damaged = contentOf(path);
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(store->recovery());
        QVERIFY(contentOf(store->recovery()->damagedCopy) == damaged);
        QVERIFY(!store->recovery()->cause.empty());
        // Usable at once.
        QCOMPARE(take(store->addImages(imageRecords(1, kSize), kNobody)).size(), std::size_t(1));
    }

    void aCutOffFileGivesBackItsRest() {
        const std::string path = newPath();
        fill(path, 30);
        QFile file(QString::fromStdString(path));
        const qint64 bytes = file.size();
        QVERIFY(file.resize(bytes * 6 / 10));
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(store->recovery());
        QVERIFY(store->recovery()->cause.find("ends after") != std::string::npos);
        QCOMPARE(QFileInfo(QString::fromStdString(store->recovery()->damagedCopy)).size(), bytes * 6 / 10);
        QVERIFY(!store->recovery()->tablesWithLosses.empty());
        QVERIFY(take(store->images()).size() >= 1);
        QVERIFY(take(store->verify()).empty());
    }

    void badPagesCostTheirRowsAlone() {
        const std::string path = newPath();
        fill(path, 60);
        const qint64 pages = QFileInfo(QString::fromStdString(path)).size() / 4096;
        // Every 40th page from the 20th on.
        for (qint64 page = 20; page < pages; page += 40)
            overwrite(path, page * 4096, QByteArray(4096, '\x5a'));
        const QByteArray damaged = contentOf(path);
        StoreOptions options;
        options.fullCheck = true;
        const auto store = take(ProjectStore::open(path, options));
        QVERIFY(store->recovery());
        QVERIFY(contentOf(store->recovery()->damagedCopy) == damaged);
        const std::vector<ImageRecord> images = take(store->images());
        QVERIFY2(images.size() >= 45, qPrintable(QString::number(images.size())));
        QVERIFY(take(store->verify()).empty());
        bool noted = false;
        for (const HistoryRecord& line : take(store->history(0, 5)))
            noted = noted || line.what == "recovered";
        QVERIFY(noted);
        // The recovered file is sound: it opens without recovery.
        QVERIFY(store->path() == path);
    }

    void anEmptyFileIsANewProject() {
        const std::string path = newPath();
        QFile file(QString::fromStdString(path));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.close();
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(!store->recovery());
        QVERIFY(take(store->images()).empty());
    }

    void anotherProgramsDatabaseIsNotTouched() {
        const std::string path = newPath();
        {
            const auto other = take(openSqliteFile(path, SqliteMode::Write, 100));
            (void)take(other->run("CREATE TABLE theirs (a INTEGER)"));
        }
        const QByteArray before = contentOf(path);
        const Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(path, {});
        QVERIFY(!opened && opened.error().code == ErrorCode::StoreInvalid);
        QVERIFY(contentOf(path) == before);
    }

    void aNewerSchemaIsRefusedOrReadAsItSays() {
        for (const bool readable : {false, true}) {
            const std::string path = newPath();
            fill(path, 1);
            {
                const auto sql = take(openSqliteFile(path, SqliteMode::Write, 100));
                (void)take(
                    sql->run("INSERT INTO schema_versions (version, description, oldest_reader, applied_ms) "
                             "VALUES (99, 'later', ?, 1)",
                             {readable ? 1 : 99}));
            }
            const Result<std::unique_ptr<ProjectStore>> opened = ProjectStore::open(path, {});
            if (!readable) {
                QVERIFY(!opened && opened.error().code == ErrorCode::StoreTooNew);
                QVERIFY(opened.error().message().find("99") != std::string::npos);
                continue;
            }
            QVERIFY(opened.ok());
            QVERIFY((*opened)->access() == StoreAccess::ReadOnlyNewer);
            QCOMPARE(take((*opened)->images()).size(), std::size_t(1));
            QVERIFY((*opened)->setSetting("a", "b").error().code == ErrorCode::StoreReadOnly);
        }
    }

    void theSecondProgramIsToldWhoHoldsItAndMayRead() {
        const std::string path = newPath();
        fill(path, 2);
        Child child;
        std::unique_ptr<ProjectStore> theirs;
        QCOMPARE(child.start([&] {
            theirs = take(ProjectStore::open(path, {.person = "Ana"}));
            take(theirs->setSetting("who", "child"));
            return std::string("open");
        }),
                 std::string("open"));
        const auto store = take(ProjectStore::open(path, {.person = "Ben"}));
        QVERIFY(store->access() == StoreAccess::ReadOnlyHeld);
        QVERIFY(store->holder());
        QCOMPARE(store->holder()->person, std::string("Ana"));
        QCOMPARE(store->holder()->processId, std::int64_t(child.process()));
        QVERIFY(!store->holder()->host.empty());
        QCOMPARE(take(store->images()).size(), std::size_t(2));
        QCOMPARE(*take(store->setting("who")), std::string("child"));
        const Result<void> refused = store->setSetting("who", "me");
        QVERIFY(refused.error().code == ErrorCode::StoreHeld);
        QVERIFY(refused.error().message().find("Ana") != std::string::npos);
        QVERIFY(!store->tryToHold().ok());
        // The other program dies: the file can be held at once.
        child.kill();
        take(store->tryToHold());
        QVERIFY(store->access() == StoreAccess::ReadWrite);
        take(store->setSetting("who", "me"));
    }

    void anotherProcessesLockIsSaidAtOnceAndPasses() {
        const std::string path = newPath();
        fill(path, 1);
        StoreOptions options;
        options.busyTimeoutMs = 20;
        const auto store = take(ProjectStore::open(path, options));
        Child child;
        std::unique_ptr<SqlConnection> theirs;
        QCOMPARE(child.start([&] {
            theirs = take(SqlConnection::openSqlite(QString::fromStdString(path), QString(), path));
            (void)take(theirs->run("BEGIN IMMEDIATE"));
            return std::string("locked");
        }),
                 std::string("locked"));
        QVERIFY(store->setSetting("a", "b").error().code == ErrorCode::StoreBusy);
        QCOMPARE(take(store->images()).size(), std::size_t(1)); // reading goes on
        child.kill();
        take(store->setSetting("a", "b"));
    }

    void aFullDiskChangesNothing() {
        const std::string path = newPath();
        fill(path, 3);
        Child child;
        // The limit on the size of files stands in for a full disk: SQLite's write fails in the same place.
        const std::string answer = child.start([&]() -> std::string {
            std::signal(SIGXFSZ, SIG_IGN);
            const auto store = take(ProjectStore::open(path, {}));
            const rlimit limit{65536, 65536};
            ::setrlimit(RLIMIT_FSIZE, &limit);
            LabelMap noise(kSize);
            Random random(3);
            for (std::uint8_t& value : noise.labels)
                value = static_cast<std::uint8_t>(random.below(256));
            StoredAnnotation annotation = annotationOf(1, take(store->people())[0].id, noise);
            annotation.revision = 1;
            const Result<SavedAnnotation> saved = store->saveAnnotation(annotation);
            if (saved)
                return "saved";
            const StoredAnnotationPtr kept = take(store->annotation(1, annotation.person));
            return std::string(errorCodeName(saved.error().code)) + " " + std::to_string(kept->revision);
        });
        child.end();
        QVERIFY2(answer == "file-not-writable 1" || answer == "disk-full 1", answer.c_str());
        const auto store = take(ProjectStore::open(path, {}));
        QVERIFY(!store->recovery());
        QVERIFY(take(store->verify()).empty());
    }

    void aFullFileSystemIsCalledFull() {
        const std::string path = newPath();
        const auto sql = take(openSqliteFile(path, SqliteMode::Write, 100));
        (void)take(sql->run("CREATE TABLE t (data BLOB)"));
        (void)take(sql->run("PRAGMA max_page_count = 4"));
        const Result<QSqlQuery> full = sql->run("INSERT INTO t VALUES (?)", {QByteArray(100000, 'x')});
        QVERIFY(!full);
        QVERIFY(full.error().code == ErrorCode::DiskFull);
        QVERIFY(full.error().message().find(path) != std::string::npos);
    }

    void aReadOnlyFolderIsReadAndSaidSo() {
        const std::string folder = m_dir.filePath(QStringLiteral("readonly")).toStdString();
        QVERIFY(QDir().mkpath(QString::fromStdString(folder)));
        const std::string path = folder + "/p.limn";
        fill(path, 2);
        // A child without root's rights: root may write anywhere.
        ::chmod(m_dir.path().toUtf8().constData(), 0755);
        ::chmod(path.c_str(), 0444);
        ::chmod(folder.c_str(), 0555);
        Child child;
        const std::string answer = child.start([&]() -> std::string {
            if (::geteuid() == 0 && ::seteuid(65534) != 0)
                return "no other user";
            const auto store = take(ProjectStore::open(path, {}));
            if (store->access() != StoreAccess::ReadOnlyFolder)
                return "writable";
            const Result<void> refused = store->setSetting("a", "b");
            const Result<std::unique_ptr<ProjectStore>> fresh = ProjectStore::open(folder + "/new.limn", {});
            return std::to_string(take(store->images()).size()) + " " +
                   std::string(errorCodeName(refused.error().code)) + " " +
                   std::string(errorCodeName(fresh.error().code));
        });
        child.end();
        ::chmod(folder.c_str(), 0755);
        ::chmod(path.c_str(), 0644);
        QCOMPARE(answer, std::string("2 store-read-only file-not-writable"));
    }
};

QTEST_GUILESS_MAIN(TestStoreFaults)
#include "tst_store_faults.moc"
