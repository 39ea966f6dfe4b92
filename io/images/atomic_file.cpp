// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace limn {

namespace {

Error writeError(const std::string& path, int number) {
    if (number == ENOSPC || number == EDQUOT)
        return {ErrorCode::DiskFull, {path}};
    return {ErrorCode::FileNotWritable, {path, std::strerror(number)}};
}

// The file that `path` stands for: the end of a chain of symbolic links, or the path itself.
std::string resolvedPath(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode))
        return path;
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    return real ? std::string(real.get()) : path;
}

std::string folderOf(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos)
        return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

constexpr std::string_view kPrefix = ".limn-";
constexpr std::string_view kSuffix = ".part";

// Tells the running system from other machines and from itself before a restart; empty where nothing does.
const std::string& bootName() {
    static const std::string name = [] {
        char text[8] = {};
        const int descriptor = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        const bool isRead = descriptor >= 0 && ::read(descriptor, text, sizeof text) == sizeof text;
        if (descriptor >= 0)
            ::close(descriptor);
        return isRead ? std::string(text, sizeof text) : std::string();
    }();
    return name;
}

// A temporary file that vanishes unless it was given its final name. Without any name from the start where
// the file system can, so that even a kill leaves nothing. A name that it has is locked for as long as this
// process lives: removeAbandonedFiles() asks for the lock.
class TemporaryFile {
public:
    ~TemporaryFile() {
        if (!m_path.empty())
            ::unlink(m_path.c_str());
        if (m_descriptor >= 0)
            ::close(m_descriptor);
    }

    // All give 0 or the system's error number.
    int open(const std::string& folder, bool withName = false) {
        m_folder = folder;
        if (!withName) {
            m_descriptor = ::open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
            if (m_descriptor >= 0)
                return 0;
        }
        for (int attempt = 0; attempt < kAttempts; ++attempt) {
            const std::string path = nextName();
            m_descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (m_descriptor < 0 && errno != EEXIST)
                return errno;
            if (m_descriptor < 0)
                continue;
            m_path = path;
            if (lock())
                return 0;
            // Another process took it for abandoned, between the two calls.
            ::close(m_descriptor);
            m_path.clear();
        }
        return EEXIST;
    }

    int write(std::span<const unsigned char> bytes) {
        while (!bytes.empty()) {
            const ssize_t count = ::write(m_descriptor, bytes.data(), bytes.size());
            if (count < 0) {
                if (errno == EINTR)
                    continue;
                return errno;
            }
            bytes = bytes.subspan(static_cast<std::size_t>(count));
        }
        return 0;
    }

    int setMode(mode_t mode) { return ::fchmod(m_descriptor, mode) == 0 ? 0 : errno; }

    int flush() { return ::fsync(m_descriptor) == 0 ? 0 : errno; }

    int lastChange(timespec& time) const {
        struct stat info {};
        if (::fstat(m_descriptor, &info) != 0)
            return errno;
        time = info.st_mtim;
        return 0;
    }

    int replace(const std::string& target) {
        if (m_path.empty()) {
            // A name is never given over another file, so that where there is one it takes two steps.
            if (const int number = addName(target); number != EEXIST)
                return number;
            lock(); // before anybody can see it
            int number = EEXIST;
            for (int attempt = 0; attempt < kAttempts && number == EEXIST; ++attempt) {
                m_path = nextName();
                number = addName(m_path);
            }
            if (number != 0) {
                m_path.clear();
                return number;
            }
        }
        if (::rename(m_path.c_str(), target.c_str()) != 0)
            return errno;
        m_path.clear();
        return 0;
    }

    // EEXIST where there is something at `target`.
    int add(const std::string& target) {
        if (m_path.empty())
            return addName(target);
        if (::renameat2(AT_FDCWD, m_path.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
            m_path.clear();
            return 0;
        }
        if (errno != EINVAL && errno != ENOSYS)
            return errno;
        // Network drives know no such renaming, but a second name never replaces anything either.
        if (::link(m_path.c_str(), target.c_str()) == 0)
            return 0; // the first name goes with this object
        if (errno != EPERM && errno != ENOTSUP && errno != ENOSYS)
            return errno;
        // Nor second names: there is nothing better than to look.
        struct stat info {};
        return ::lstat(target.c_str(), &info) == 0 ? EEXIST : replace(target);
    }

    // Whether a file without a name is of no use here: names are given through /proc, which a container may
    // lack or forbid.
    bool isNameRefused() const { return m_isNameRefused; }

private:
    static constexpr int kAttempts = 100;

    std::string nextName() const {
        static std::atomic<unsigned> counter{0};
        std::string name = m_folder + "/";
        name += kPrefix;
        if (!bootName().empty())
            name += bootName() + "-";
        name += std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
        name += kSuffix;
        return name;
    }

    // False where another process has the lock or removed the file. A file system without locks has nobody
    // who asks for one either.
    bool lock() {
        if (::flock(m_descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
            return false;
        struct stat info {};
        return ::fstat(m_descriptor, &info) != 0 || info.st_nlink > 0;
    }

    int addName(const std::string& path) {
        const std::string self = "/proc/self/fd/" + std::to_string(m_descriptor);
        if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0)
            return 0;
        m_isNameRefused = errno != EEXIST;
        return errno;
    }

    int m_descriptor = -1;
    std::string m_folder;
    std::string m_path; // empty: it has no name
    bool m_isNameRefused = false;
};

// Removes the temporary file `name` if nobody writes it any more. `now` is the folder's own time, which
// another machine may set.
void removeIfAbandoned(const std::string& folder, const std::string& name, const timespec& now) {
    constexpr time_t kDay = 24 * 60 * 60;
    const std::string path = folder + "/" + name;
    // Writable: some network drives lock nothing else.
    const int descriptor = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0)
        return;
    struct stat held {};
    struct stat named {};
    const bool isHere = !bootName().empty() && name.starts_with(std::string(kPrefix) + bootName() + "-");
    if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0 && ::fstat(descriptor, &held) == 0 &&
        S_ISREG(held.st_mode) && (isHere || now.tv_sec - held.st_mtim.tv_sec > kDay) &&
        ::lstat(path.c_str(), &named) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino)
        ::unlink(path.c_str());
    ::close(descriptor);
}

// Without this a power cut may forget the rename. File systems that cannot flush a folder say EINVAL.
int flushFolder(const std::string& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return errno == EACCES ? 0 : errno; // a folder that may be written to but not listed
    const int result = ::fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
    ::close(descriptor);
    return result;
}

// Makes the file under a temporary name and gives it to `place`, which gives it its final one. Both give the
// system's error number or 0.
template<typename Prepare, typename Place>
int writeThrough(const std::string& target, std::span<const unsigned char> bytes, const Prepare& prepare,
                 const Place& place) {
    const std::string folder = folderOf(target);
    for (const bool withName : {false, true}) {
        TemporaryFile file;
        if (const int number = file.open(folder, withName))
            return number;
        if (const int number = file.write(bytes))
            return number;
        prepare(file);
        if (const int number = file.flush())
            return number;
        const int number = place(file);
        if (number != 0 && file.isNameRefused())
            continue;
        return number != 0 ? number : flushFolder(folder);
    }
    return EPERM;
}

} // namespace

Result<void> writeFileAtomically(const std::string& path, std::span<const unsigned char> bytes) {
    const std::string target = resolvedPath(path);
    struct stat info {};
    const bool replaces = ::stat(target.c_str(), &info) == 0;
    if (replaces && !S_ISREG(info.st_mode))
        return Error{ErrorCode::NotAFile, {path}};
    // Renaming would replace even a file that its owner made read-only; that wish is respected.
    if (replaces && ::access(target.c_str(), W_OK) != 0)
        return writeError(path, errno);

    const auto keepMode = [&](TemporaryFile& file) {
        if (replaces)
            file.setMode(info.st_mode & 07777); // kept where the file system can
    };
    const auto replace = [&](TemporaryFile& file) { return file.replace(target); };
    if (const int number = writeThrough(target, bytes, keepMode, replace))
        return writeError(path, number);
    return {};
}

Result<bool> writeNewFile(const std::string& path, std::span<const unsigned char> bytes) {
    const auto asItIs = [](TemporaryFile&) {};
    const auto add = [&](TemporaryFile& file) { return file.add(path); };
    const int number = writeThrough(path, bytes, asItIs, add);
    if (number == EEXIST)
        return false;
    if (number != 0)
        return writeError(path, number);
    return true;
}

void removeAbandonedFiles(const std::string& folder) {
    DIR* const listed = ::opendir(folder.c_str());
    if (listed == nullptr)
        return;
    std::vector<std::string> found;
    while (const dirent* entry = ::readdir(listed)) {
        const std::string_view name = entry->d_name;
        if (name.starts_with(kPrefix) && name.ends_with(kSuffix))
            found.emplace_back(name);
    }
    ::closedir(listed);
    if (found.empty())
        return;
    timespec now{};
    TemporaryFile probe;
    if (probe.open(folder) != 0 || probe.lastChange(now) != 0)
        return;
    for (const std::string& name : found)
        removeIfAbandoned(folder, name, now);
}

} // namespace limn
