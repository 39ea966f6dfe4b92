// SPDX-License-Identifier: GPL-3.0-or-later
// Decoded images of the neighbourhood of the shown one, shared by the window and the inference thread, so
// that no file is decoded twice. Any thread.
#pragma once

#include "app/project/worklist.h"
#include "io/core/result.h"
#include "ui/canvas/image_pyramid.h"

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>

namespace limn {

class ImageCache {
public:
    explicit ImageCache(std::size_t limitBytes = std::size_t{768} << 20) : m_limitBytes(limitBytes) {}

    // Null: not decoded (or dropped since).
    ImagePyramidPtr find(ImageId id) const;
    // Decodes the file unless that was done; callers that ask for the same image at once wait for one
    // decoding.
    Result<ImagePyramidPtr> read(ImageId id, const std::string& path);
    void clear();

private:
    struct Entry {
        std::mutex reading;
        ImagePyramidPtr pyramid;
        std::size_t bytes = 0;
    };
    void trim(ImageId kept); // with m_mutex held

    mutable std::mutex m_mutex;
    std::map<ImageId, std::shared_ptr<Entry>> m_entries;
    std::list<ImageId> m_order; // most recently used first
    std::size_t m_bytes = 0;
    std::size_t m_limitBytes;
};

} // namespace limn
