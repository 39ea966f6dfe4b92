// SPDX-License-Identifier: GPL-3.0-or-later
#include "inference/plain/whole_file.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

namespace limn {

WholeFile::WholeFile(std::string target) : m_target(std::move(target)) {
    static std::atomic<unsigned> counter{0};
    m_path = m_target + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
    m_descriptor = ::open(m_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (m_descriptor < 0)
        m_failure = errno;
}

WholeFile::~WholeFile() {
    if (m_descriptor >= 0) {
        ::close(m_descriptor);
        ::unlink(m_path.c_str());
    }
}

bool WholeFile::write(const void* data, std::size_t size) {
    const char* from = static_cast<const char*>(data);
    while (size > 0 && m_failure == 0) {
        const ssize_t done = ::write(m_descriptor, from, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0) {
            m_failure = errno;
            break;
        }
        from += done;
        size -= static_cast<std::size_t>(done);
    }
    return m_failure == 0;
}

Result<void> WholeFile::finish() {
    if (m_failure == 0 && (::fsync(m_descriptor) != 0 || ::rename(m_path.c_str(), m_target.c_str()) != 0))
        m_failure = errno;
    if (m_failure == ENOSPC || m_failure == EDQUOT)
        return Error{ErrorCode::DiskFull, {m_target}};
    if (m_failure != 0)
        return Error{ErrorCode::FileNotWritable, {m_target, std::strerror(m_failure)}};
    ::close(m_descriptor);
    m_descriptor = -1;
    // The rename itself reaches the disk with its folder; some file systems cannot do that, and lose nothing.
    const std::size_t slash = m_target.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "." : m_target.substr(0, slash + 1);
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        ::fsync(descriptor);
        ::close(descriptor);
    }
    return {};
}

Result<void> writeWholeFile(const std::string& path, std::span<const unsigned char> bytes) {
    WholeFile file(path);
    file.write(bytes.data(), bytes.size());
    return file.finish();
}

} // namespace limn
