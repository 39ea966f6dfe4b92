// SPDX-License-Identifier: GPL-3.0-or-later
// Builders that the store's tests share: values out of results, annotations, whole small projects. Test
// programs alone.
#pragma once

#include "io/core/result.h"
#include "io/store/project_store.h"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace limn::testing {

// The value, or the test ends with the sentence of the error.
template<typename T>
T take(Result<T> result) {
    if (!result)
        throw std::runtime_error(result.error().message());
    return std::move(*result);
}
inline void take(const Result<void>& result) {
    if (!result)
        throw std::runtime_error(result.error().message());
}

// A small generator with a fixed sequence on every platform (xorshift64*, Vigna 2016).
class Random {
public:
    explicit Random(std::uint64_t seed) : m_state(seed * 2685821657736338717ull + 1) {}
    std::uint64_t next() {
        m_state ^= m_state >> 12;
        m_state ^= m_state << 25;
        m_state ^= m_state >> 27;
        return m_state * 2685821657736338717ull;
    }
    int below(int limit) { return static_cast<int>((next() >> 33) % static_cast<std::uint64_t>(limit)); }

private:
    std::uint64_t m_state;
};

inline void fillRect(LabelMap& map, const Rect& rect, std::uint8_t value) {
    const Rect inside = intersected(rect, {0, 0, map.size.width, map.size.height});
    for (int y = inside.y; y < inside.bottom(); ++y) {
        for (int x = inside.x; x < inside.right(); ++x)
            map.at(x, y) = value;
    }
}

inline StoredAnnotation annotationOf(ImageId image, PersonId person, const LabelMap& map,
                                     const LabelTiles* previous = nullptr) {
    StoredAnnotation annotation;
    annotation.image = image;
    annotation.person = person;
    annotation.labels = tilesFromLabelMap(map, previous);
    annotation.labelTable = {{1, "Lesion", 0x56B4E9, "SCT", "52988006", "Lesion", false, true},
                             {2, "Haar; \"quoted\" \xc3\xa4", 0xE69F00, "", "", "", true, false}};
    annotation.provenance = {
        {0, Origin::None, "", "", -1.0, "", 0, 0},
        {1, Origin::ModelEdited, "dermoscopy", std::string(64, 'a'), 0.45, "Ana", 1000, 2000}};
    return annotation;
}

inline std::vector<ImageRecord> imageRecords(int count, Size size) {
    std::vector<ImageRecord> records;
    for (int i = 0; i < count; ++i) {
        ImageRecord record;
        record.path = "img" + std::to_string(i + 1) + ".png";
        record.size = size;
        records.push_back(record);
    }
    return records;
}

} // namespace limn::testing
