// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/images/atomic_file.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

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

// A temporary file that vanishes unless it was renamed.
class TemporaryFile {
public:
    ~TemporaryFile() {
        close();
        if (!m_path.empty())
            ::unlink(m_path.c_str());
    }

    // Returns 0 or the system's error number.
    int open(const std::string& folder) {
        static std::atomic<unsigned> counter{0};
        for (int attempt = 0; attempt < 100; ++attempt) {
            const std::string path = folder + "/.limn-" + std::to_string(::getpid()) + "-" +
                                     std::to_string(counter.fetch_add(1)) + ".part";
            m_descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
            if (m_descriptor >= 0) {
                m_path = path;
                return 0;
            }
            if (errno != EEXIST)
                return errno;
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

    int close() {
        if (m_descriptor < 0)
            return 0;
        const int result = ::close(m_descriptor) == 0 ? 0 : errno;
        m_descriptor = -1;
        return result;
    }

    int renameTo(const std::string& target) {
        if (::rename(m_path.c_str(), target.c_str()) != 0)
            return errno;
        m_path.clear();
        return 0;
    }

    // EEXIST where there is something at `target`.
    int renameToNew(const std::string& target) {
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
        return ::lstat(target.c_str(), &info) == 0 ? EEXIST : renameTo(target);
    }

private:
    int m_descriptor = -1;
    std::string m_path;
};

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
    TemporaryFile file;
    if (const int number = file.open(folder))
        return number;
    if (const int number = file.write(bytes))
        return number;
    prepare(file);
    if (const int number = file.flush())
        return number;
    if (const int number = file.close())
        return number;
    if (const int number = place(file))
        return number;
    return flushFolder(folder);
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
    const auto rename = [&](TemporaryFile& file) { return file.renameTo(target); };
    if (const int number = writeThrough(target, bytes, keepMode, rename))
        return writeError(path, number);
    return {};
}

Result<bool> writeNewFile(const std::string& path, std::span<const unsigned char> bytes) {
    const auto asItIs = [](TemporaryFile&) {};
    const auto rename = [&](TemporaryFile& file) { return file.renameToNew(path); };
    const int number = writeThrough(path, bytes, asItIs, rename);
    if (number == EEXIST)
        return false;
    if (number != 0)
        return writeError(path, number);
    return true;
}

} // namespace limn
