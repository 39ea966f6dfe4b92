// SPDX-License-Identifier: GPL-3.0-or-later
// Promised: a file is replaced in one step or left as it was; what is new replaces nothing; a kill leaves
// nothing behind where the file system can, and elsewhere what the next run removes, never a file that
// somebody still writes. Other file systems are played by a child process that is refused system calls.
#include "io/images/atomic_file.h"
#include "sample_files.h"

#include <QDir>
#include <QFile>
#include <QSet>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <cstddef>
#include <functional>
#include <vector>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace limn;
using namespace limn::testing;

namespace {

// A system call that fails when one of its arguments has one of these bits.
struct Refusal {
    unsigned int call;
    unsigned int argument;
    unsigned int bits; // 0: always
    unsigned int error;
};

constexpr unsigned int kUnnamed = O_TMPFILE & ~O_DIRECTORY;
// NFS: no unnamed files, no renaming that replaces nothing. FAT: no second names either.
const std::vector<Refusal> kLikeNfs = {{SYS_openat, 2, kUnnamed, EOPNOTSUPP}, {SYS_renameat2, 4, 1, EINVAL}};
const std::vector<Refusal> kLikeFat = {{SYS_openat, 2, kUnnamed, EOPNOTSUPP},
                                       {SYS_renameat2, 4, 1, EINVAL},
#ifdef SYS_link
                                       {SYS_link, 0, 0, EPERM},
#endif
                                       {SYS_linkat, 0, 0, EPERM}};
// A container without /proc.
const std::vector<Refusal> kWithoutProc = {{SYS_linkat, 0, 0, ENOENT}};

bool refuse(const std::vector<Refusal>& refusals) {
    std::vector<sock_filter> filter;
    for (const Refusal& refusal : refusals) {
        const auto argument =
            static_cast<unsigned int>(offsetof(seccomp_data, args)) + 8 * refusal.argument; // its low half
        filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
        filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, refusal.call, 0, 3));
        filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument));
        filter.push_back(refusal.bits != 0
                             ? sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, refusal.bits, 0, 1)
                             : sock_filter BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0));
        filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | refusal.error));
    }
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

// What became of a child process that ran `work`, as waitpid() says it.
int child(const std::function<bool()>& work) {
    const pid_t process = ::fork();
    if (process == 0)
        ::_exit(work() ? 0 : 1);
    int status = -1;
    ::waitpid(process, &status, 0);
    return status;
}

// Killed while it writes a file: by the system, at a byte that is known.
bool dieWriting(const std::string& path) {
    rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    rlimit small{100000, 100000};
    ::setrlimit(RLIMIT_FSIZE, &small);
    std::signal(SIGXFSZ, SIG_DFL);
    return writeFileAtomically(path, Bytes(500000, 1)).ok();
}

} // namespace

class TestAtomicFile : public QObject {
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    std::string file(const std::string& name) const { return m_folder.path().toStdString() + "/" + name; }
    QStringList files() const {
        return QDir(m_folder.path()).entryList(QDir::Files | QDir::Hidden | QDir::System, QDir::Name);
    }
    qsizetype fileCount() const { return files().size(); }

private Q_SLOTS:
    void init() {
        for (const QString& name : files())
            QVERIFY(QFile::remove(m_folder.filePath(name)));
    }

    void replacesAndKeepsPermissions() {
        const Bytes old{1, 2, 3};
        const Bytes fresh{4, 5, 6, 7};
        const std::string path = file("\xC3\xBC.bin");
        QVERIFY(writeFileAtomically(path, old).ok());
        QCOMPARE(::chmod(path.c_str(), 0640), 0);
        const qsizetype before = fileCount();
        QVERIFY(writeFileAtomically(path, fresh).ok());
        QVERIFY(readBytes(path) == fresh);
        struct stat info {};
        QCOMPARE(::stat(path.c_str(), &info), 0);
        QCOMPARE(int(info.st_mode & 07777), 0640);
        QCOMPARE(fileCount(), before);
    }
    void linkStaysALink() {
        const std::string target = file("target.bin");
        const std::string link = file("to_target.bin");
        QVERIFY(writeFileAtomically(target, Bytes{1}).ok());
        QCOMPARE(::symlink("target.bin", link.c_str()), 0);
        QVERIFY(writeFileAtomically(link, Bytes{2, 3}).ok());
        struct stat info {};
        QCOMPARE(::lstat(link.c_str(), &info), 0);
        QVERIFY(S_ISLNK(info.st_mode));
        QVERIFY((readBytes(target) == Bytes{2, 3}));
    }
    void aNewFileReplacesNothing() {
        const std::string path = file("new.bin");
        const qsizetype before = fileCount();
        Result<bool> written = writeNewFile(path, Bytes{1, 2});
        QVERIFY(written.ok() && *written);
        QVERIFY((readBytes(path) == Bytes{1, 2}));
        written = writeNewFile(path, Bytes{3});
        QVERIFY(written.ok() && !*written);
        QVERIFY((readBytes(path) == Bytes{1, 2}));
        QCOMPARE(fileCount(), before + 1);
        // Nor does it write through a link that leads nowhere.
        QCOMPARE(::symlink("nowhere.bin", file("nowhere").c_str()), 0);
        written = writeNewFile(file("nowhere"), Bytes{3});
        QVERIFY(written.ok() && !*written);
        QVERIFY(!QFile::exists(QString::fromStdString(file("nowhere.bin"))));
        written = writeNewFile(file("no/such/a.bin"), Bytes{1});
        QVERIFY(!written.ok() && written.error().code == ErrorCode::FileNotWritable);
    }
    void missingFolderAndFolder() {
        const Result<void> missing = writeFileAtomically(file("no/such/a.bin"), Bytes{1});
        QVERIFY(!missing.ok());
        QVERIFY(missing.error().code == ErrorCode::FileNotWritable);
        QVERIFY(missing.error().message().find("a.bin") != std::string::npos);
        const Result<void> folder = writeFileAtomically(m_folder.path().toStdString(), Bytes{1});
        QVERIFY(!folder.ok() && folder.error().code == ErrorCode::NotAFile);
    }
    void failedWriteLeavesTheOldFile() {
        // A file size limit makes write() fail half way, as a full disk does.
        const std::string path = file("limited.bin");
        const Bytes old{9, 8, 7};
        QVERIFY(writeFileAtomically(path, old).ok());
        const qsizetype before = fileCount();
        rlimit saved{};
        QCOMPARE(::getrlimit(RLIMIT_FSIZE, &saved), 0);
        const auto handler = std::signal(SIGXFSZ, SIG_IGN);
        rlimit small = saved;
        small.rlim_cur = 100000;
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &small), 0);
        const Result<void> written = writeFileAtomically(path, Bytes(500000, 1));
        QCOMPARE(::setrlimit(RLIMIT_FSIZE, &saved), 0);
        std::signal(SIGXFSZ, handler);
        QVERIFY(!written.ok());
        QVERIFY(written.error().code == ErrorCode::FileNotWritable);
        QVERIFY(readBytes(path) == old);
        QCOMPARE(fileCount(), before);
    }
    void fullDisk() {
        // /dev/full is no regular file, so that the writer refuses it before a byte is lost.
        const Result<void> written = writeFileAtomically("/dev/full", Bytes{1});
        QVERIFY(!written.ok() && written.error().code == ErrorCode::NotAFile);
    }

    void aKillLeavesNothing() {
        QVERIFY(writeFileAtomically(file("old.bin"), Bytes{1}).ok());
        for (const char* name : {"old.bin", "new.bin"}) {
            const int status = child([&] { return dieWriting(file(name)); });
            QVERIFY(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ);
            QCOMPARE(files(), QStringList{QStringLiteral("old.bin")});
        }
        QVERIFY((readBytes(file("old.bin")) == Bytes{1}));
    }

    void elsewhereTheNextRunRemovesIt() {
        const int status = child([&] { return refuse(kLikeNfs) && dieWriting(file("new.bin")); });
        if (!WIFSIGNALED(status))
            QSKIP("This system lets no program refuse itself system calls.");
        QCOMPARE(fileCount(), 1);
        QVERIFY(files().first().startsWith(QLatin1String(".limn-")));
        removeAbandonedFiles(m_folder.path().toStdString());
        QCOMPARE(files(), QStringList());
    }

    void otherFileSystems_data() {
        QTest::addColumn<int>("kind");
        QTest::newRow("nfs") << 0;
        QTest::newRow("fat") << 1;
        QTest::newRow("withoutProc") << 2;
    }
    void otherFileSystems() {
        QFETCH(int, kind);
        const std::vector<Refusal>& refusals = kind == 0 ? kLikeNfs : kind == 1 ? kLikeFat : kWithoutProc;
        if (child([&] { return refuse(refusals); }) != 0)
            QSKIP("This system lets no program refuse itself system calls.");
        const int status = child([&] {
            if (!refuse(refusals) || !writeFileAtomically(file("a.bin"), Bytes{1}) ||
                !writeFileAtomically(file("a.bin"), Bytes{2, 3}))
                return false;
            const Result<bool> added = writeNewFile(file("b.bin"), Bytes{4});
            const Result<bool> refused = writeNewFile(file("b.bin"), Bytes{5});
            return added.ok() && *added && refused.ok() && !*refused;
        });
        QCOMPARE(status, 0);
        QCOMPARE(files(), (QStringList{QStringLiteral("a.bin"), QStringLiteral("b.bin")}));
        QVERIFY((readBytes(file("a.bin")) == Bytes{2, 3}));
        QVERIFY((readBytes(file("b.bin")) == Bytes{4}));
    }

    // What another machine may still write, what a living process writes, and what is none of ours.
    void onlyWhatIsAbandonedIsRemoved() {
        QFile boot(QStringLiteral("/proc/sys/kernel/random/boot_id"));
        QVERIFY(boot.open(QIODevice::ReadOnly));
        const std::string here = boot.readAll().left(8).toStdString();
        const std::string held = ".limn-" + here + "-1-2.part";
        writeBytes(file(held), Bytes{1});
        writeBytes(file(".limn-" + here + "-1-1.part"), Bytes{1});
        for (const char* name :
             {".limn-1-1.part", ".limn-ffffffff-1-1.part", ".limn-old.part", ".limn-notes.txt", "x.part"})
            writeBytes(file(name), Bytes{1});
        QVERIFY(QDir(m_folder.path()).mkpath(QStringLiteral(".limn-folder.part")));
        const timespec longAgo[2] = {{1000000, 0}, {1000000, 0}};
        for (const char* name : {".limn-old.part", ".limn-notes.txt", "x.part"})
            QCOMPARE(::utimensat(AT_FDCWD, file(name).c_str(), longAgo, 0), 0);
        const int lock = ::open(file(held).c_str(), O_RDWR | O_CLOEXEC);
        QCOMPARE(::flock(lock, LOCK_EX), 0);
        removeAbandonedFiles(m_folder.path().toStdString());
        const QStringList left = files();
        QCOMPARE(QSet<QString>(left.begin(), left.end()),
                 (QSet<QString>{QString::fromStdString(held), QStringLiteral(".limn-1-1.part"),
                                QStringLiteral(".limn-ffffffff-1-1.part"), QStringLiteral(".limn-notes.txt"),
                                QStringLiteral("x.part")}));
        ::close(lock);
        removeAbandonedFiles(m_folder.path().toStdString());
        QVERIFY(!files().contains(QString::fromStdString(held)));
        removeAbandonedFiles(file("no such folder"));
        QVERIFY(QDir(m_folder.path()).rmdir(QStringLiteral(".limn-folder.part")));
    }

    // Runs that begin while others write into the same folder, on a network drive.
    void removingDisturbsNobody() {
        if (child([&] { return refuse(kLikeNfs); }) != 0)
            QSKIP("This system lets no program refuse itself system calls.");
        const pid_t remover = ::fork();
        if (remover == 0) {
            for (;;)
                removeAbandonedFiles(m_folder.path().toStdString());
        }
        const int status = child([&] {
            if (!refuse(kLikeNfs))
                return false;
            for (int i = 0; i < 300; ++i) {
                if (!writeFileAtomically(file("a.bin"), Bytes(1000, 1)) ||
                    !writeNewFile(file("b" + std::to_string(i)), Bytes(1000, 1)))
                    return false;
            }
            return true;
        });
        ::kill(remover, SIGKILL);
        ::waitpid(remover, nullptr, 0);
        QCOMPARE(status, 0);
        QCOMPARE(fileCount(), 301);
    }
};

QTEST_GUILESS_MAIN(TestAtomicFile)
#include "tst_atomic_file.moc"
