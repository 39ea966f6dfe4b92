// SPDX-License-Identifier: GPL-3.0-or-later
// Short summaries of large planes: for each block of 16 x 16 pixels whether all of them are of one class, and
// the same for 128 x 128. Overlays look here first, so that drawing an outline costs its length and not the
// area of the image, and a threshold step over a map of 4096 x 4096 reads a few of its 32 MB.
#pragma once

#include "app/document/tile_map.h"
#include "inference/engine.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace limn {

// The two levels of blocks over a plane, and the walk through them.
class BlockClasses {
public:
    static constexpr int kMixed = -1;
    static constexpr int kSide = 16;
    static constexpr int kGroup = 8; // blocks a side of the coarser level

    BlockClasses() = default;
    explicit BlockClasses(Size plane);

    int columns() const { return m_columns; }
    int rows() const { return m_rows; }
    int groupColumns() const { return m_groupColumns; }
    int groupRows() const { return m_groupRows; }

    // The class of a rectangle inside the plane, given functions (column, row) -> class or kMixed of groups
    // and blocks.
    template<typename GroupClass, typename BlockClass>
    int classOf(const Rect& rect, GroupClass groupClass, BlockClass blockClass) const;

private:
    int m_columns = 0;
    int m_rows = 0;
    int m_groupColumns = 0;
    int m_groupRows = 0;
};

// Of a label map that is edited: blocks are looked at again after markStale(), when refresh() reaches them.
// One thread writes.
class LabelBlocks {
public:
    void markStale(const Rect& rect);
    void refresh(const TileMap& map, const Rect& rect);
    // Of a rectangle inside the map; kMixed as well where blocks are stale.
    int classOf(const Rect& rect) const;

private:
    static constexpr std::int16_t kStale = -2;
    void refreshBlock(const TileMap& map, int column, int row);
    void refreshGroup(int column, int row);

    Size m_size;
    BlockClasses m_grid;
    std::vector<std::int16_t> m_blocks; // class, kMixed or kStale
    std::vector<std::int16_t> m_groups;
};

// Of a probability map, which never changes: the least and the greatest value of each block, good for every
// threshold.
class ProbabilityBlocks {
public:
    explicit ProbabilityBlocks(const ProbabilityMap& map);
    // 1 when every value of the rectangle (inside the map) is at least `firstInside`, 0 when none is.
    int classOf(const Rect& rect, std::uint32_t firstInside) const;

    // Of a proposal's map, made once for each proposal and kept as long as it lives. About 1 ms for every 4
    // million pixels where it has to be made. Any thread: whoever makes or loads proposals asks first, so
    // that the GUI thread finds it done.
    static std::shared_ptr<const ProbabilityBlocks> of(const ProposalPtr& proposal);

private:
    struct Range {
        std::uint16_t least = 65535;
        std::uint16_t greatest = 0;
    };
    BlockClasses m_grid;
    std::vector<Range> m_blocks;
    std::vector<Range> m_groups;
};

template<typename GroupClass, typename BlockClass>
int BlockClasses::classOf(const Rect& rect, GroupClass groupClass, BlockClass blockClass) const {
    const int c0 = rect.x / kSide;
    const int c1 = (rect.right() - 1) / kSide;
    const int r0 = rect.y / kSide;
    const int r1 = (rect.bottom() - 1) / kSide;
    int found = kMixed;
    const auto agrees = [&found](int c) {
        if (c == kMixed || (found != kMixed && c != found))
            return false;
        found = c;
        return true;
    };
    for (int gr = r0 / kGroup; gr <= r1 / kGroup; ++gr) {
        for (int gc = c0 / kGroup; gc <= c1 / kGroup; ++gc) {
            const int whole = groupClass(gc, gr);
            if (whole != kMixed) {
                if (!agrees(whole))
                    return kMixed;
                continue;
            }
            for (int r = std::max(r0, gr * kGroup); r <= std::min(r1, gr * kGroup + kGroup - 1); ++r) {
                for (int c = std::max(c0, gc * kGroup); c <= std::min(c1, gc * kGroup + kGroup - 1); ++c) {
                    if (!agrees(blockClass(c, r)))
                        return kMixed;
                }
            }
        }
    }
    return found;
}

} // namespace limn
