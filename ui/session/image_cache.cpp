// SPDX-License-Identifier: GPL-3.0-or-later
// Least recently used cache of decoded images.
#include "ui/session/image_cache.h"

#include "app/images/open_image.h"

#include <algorithm>

namespace limn {

ImagePyramidPtr ImageCache::find(ImageId id) const {
    const std::lock_guard lock(m_mutex);
    const auto it = m_entries.find(id);
    return it == m_entries.end() ? nullptr : it->second->pyramid;
}

Result<ImagePyramidPtr> ImageCache::read(ImageId id, const std::string& path) {
    std::shared_ptr<Entry> entry;
    {
        const std::lock_guard lock(m_mutex);
        auto& slot = m_entries[id];
        if (!slot)
            slot = std::make_shared<Entry>();
        entry = slot;
        m_order.remove(id);
        m_order.push_front(id);
        if (entry->pyramid)
            return entry->pyramid;
    }
    const std::lock_guard reading(entry->reading);
    {
        const std::lock_guard lock(m_mutex);
        if (entry->pyramid)
            return entry->pyramid;
    }
    Result<Image> image = openImage(path);
    if (!image) {
        const std::lock_guard lock(m_mutex);
        m_entries.erase(id);
        m_order.remove(id);
        return image.error();
    }
    ImagePyramidPtr pyramid = buildPyramid(std::make_shared<const Image>(std::move(*image)));
    const std::lock_guard lock(m_mutex);
    entry->pyramid = pyramid;
    entry->bytes = pyramid->image->rgb.size() * 4 / 3 +
                   (pyramid->image->deep ? pyramid->image->deep->samples.size() * 2 : 0);
    if (m_entries.count(id) != 0)
        m_bytes += entry->bytes;
    trim(id);
    return pyramid;
}

void ImageCache::clear() {
    const std::lock_guard lock(m_mutex);
    m_entries.clear();
    m_order.clear();
    m_bytes = 0;
}

void ImageCache::trim(ImageId kept) {
    // At least four images stay, whatever their size: the shown one, two ahead, one behind. More than a few
    // dozen are never looked at again.
    constexpr std::size_t kMostImages = 24;
    while ((m_bytes > m_limitBytes || m_order.size() > kMostImages) && m_order.size() > 4) {
        const ImageId last = m_order.back();
        if (last == kept)
            return;
        m_order.pop_back();
        const auto it = m_entries.find(last);
        if (it != m_entries.end()) {
            m_bytes -= std::min(m_bytes, it->second->bytes);
            m_entries.erase(it);
        }
    }
}

} // namespace limn
