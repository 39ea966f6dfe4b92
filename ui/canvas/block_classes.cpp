// SPDX-License-Identifier: GPL-3.0-or-later
// Making and looking up of block summaries.
#include "ui/canvas/block_classes.h"

#include <cstring>
#include <map>
#include <mutex>

namespace limn {
namespace {

constexpr int kSide = BlockClasses::kSide;
constexpr int kGroup = BlockClasses::kGroup;
static_assert(kTileSize % (kSide * kGroup) == 0, "groups lie in one tile");

int blocksAlong(int pixels, int side) {
    return (pixels + side - 1) / side;
}

} // namespace

BlockClasses::BlockClasses(Size plane)
    : m_columns(blocksAlong(plane.width, kSide))
    , m_rows(blocksAlong(plane.height, kSide))
    , m_groupColumns(blocksAlong(m_columns, kGroup))
    , m_groupRows(blocksAlong(m_rows, kGroup)) {}

// ------------------------------------------------------------------------------------------------- labels

void LabelBlocks::markStale(const Rect& rect) {
    const Rect inside = intersected(rect, {0, 0, m_size.width, m_size.height});
    if (inside.empty())
        return;
    const int c0 = inside.x / kSide, c1 = (inside.right() - 1) / kSide;
    const int r0 = inside.y / kSide, r1 = (inside.bottom() - 1) / kSide;
    for (int r = r0; r <= r1; ++r) {
        std::int16_t* row = m_blocks.data() + static_cast<std::size_t>(r) * m_grid.columns();
        std::fill(row + c0, row + c1 + 1, kStale);
    }
    for (int r = r0 / kGroup; r <= r1 / kGroup; ++r) {
        std::int16_t* row = m_groups.data() + static_cast<std::size_t>(r) * m_grid.groupColumns();
        std::fill(row + c0 / kGroup, row + c1 / kGroup + 1, kStale);
    }
}

void LabelBlocks::refresh(const TileMap& map, const Rect& rect) {
    if (!(map.size() == m_size)) {
        m_size = map.size();
        m_grid = BlockClasses(m_size);
        m_blocks.assign(static_cast<std::size_t>(m_grid.columns()) * m_grid.rows(), kStale);
        m_groups.assign(static_cast<std::size_t>(m_grid.groupColumns()) * m_grid.groupRows(), kStale);
    }
    const Rect inside = intersected(rect, map.bounds());
    if (inside.empty())
        return;
    constexpr int kGroupPixels = kSide * kGroup;
    for (int gr = inside.y / kGroupPixels; gr <= (inside.bottom() - 1) / kGroupPixels; ++gr) {
        for (int gc = inside.x / kGroupPixels; gc <= (inside.right() - 1) / kGroupPixels; ++gc) {
            if (m_groups[static_cast<std::size_t>(gr) * m_grid.groupColumns() + gc] != kStale)
                continue;
            const bool empty = !map.tile(map.tileIndex(gc * kGroupPixels, gr * kGroupPixels));
            for (int r = gr * kGroup; r < std::min(m_grid.rows(), (gr + 1) * kGroup); ++r) {
                for (int c = gc * kGroup; c < std::min(m_grid.columns(), (gc + 1) * kGroup); ++c) {
                    std::int16_t& block = m_blocks[static_cast<std::size_t>(r) * m_grid.columns() + c];
                    if (empty)
                        block = 0;
                    else if (block == kStale)
                        refreshBlock(map, c, r);
                }
            }
            refreshGroup(gc, gr);
        }
    }
}

void LabelBlocks::refreshBlock(const TileMap& map, int column, int row) {
    const int x = column * kSide;
    const int y = row * kSide;
    const int width = std::min(kSide, m_size.width - x);
    const int height = std::min(kSide, m_size.height - y);
    const std::uint8_t* bytes = map.tileBytes(map.tileIndex(x, y)) +
                                static_cast<std::size_t>(y % kTileSize) * kTileSize + x % kTileSize;
    std::uint8_t wanted[kSide];
    std::memset(wanted, bytes[0], sizeof wanted);
    std::int16_t found = bytes[0];
    for (int i = 0; i < height; ++i, bytes += kTileSize) {
        if (std::memcmp(bytes, wanted, static_cast<std::size_t>(width)) != 0) {
            found = BlockClasses::kMixed;
            break;
        }
    }
    m_blocks[static_cast<std::size_t>(row) * m_grid.columns() + column] = found;
}

void LabelBlocks::refreshGroup(int column, int row) {
    const int c0 = column * kGroup, c1 = std::min(m_grid.columns(), c0 + kGroup);
    const int r0 = row * kGroup, r1 = std::min(m_grid.rows(), r0 + kGroup);
    const std::int16_t first = m_blocks[static_cast<std::size_t>(r0) * m_grid.columns() + c0];
    std::int16_t found = first;
    for (int r = r0; r < r1 && found != BlockClasses::kMixed; ++r) {
        for (int c = c0; c < c1; ++c) {
            if (m_blocks[static_cast<std::size_t>(r) * m_grid.columns() + c] != first) {
                found = BlockClasses::kMixed;
                break;
            }
        }
    }
    m_groups[static_cast<std::size_t>(row) * m_grid.groupColumns() + column] = found;
}

int LabelBlocks::classOf(const Rect& rect) const {
    if (rect.empty() || rect.right() > m_size.width || rect.bottom() > m_size.height)
        return BlockClasses::kMixed;
    // Stale counts as mixed: one more look costs little, a wrong answer would be drawn.
    return m_grid.classOf(
        rect,
        [this](int c, int r) {
            const int v = m_groups[static_cast<std::size_t>(r) * m_grid.groupColumns() + c];
            return v < 0 ? BlockClasses::kMixed : v;
        },
        [this](int c, int r) {
            const int v = m_blocks[static_cast<std::size_t>(r) * m_grid.columns() + c];
            return v < 0 ? BlockClasses::kMixed : v;
        });
}

// ---------------------------------------------------------------------------------------------- proposals

ProbabilityBlocks::ProbabilityBlocks(const ProbabilityMap& map) : m_grid(map.size) {
    m_blocks.resize(static_cast<std::size_t>(m_grid.columns()) * m_grid.rows());
    m_groups.resize(static_cast<std::size_t>(m_grid.groupColumns()) * m_grid.groupRows());
    for (int y = 0; y < map.size.height; ++y) {
        const std::uint16_t* row = map.values.data() + static_cast<std::size_t>(y) * map.size.width;
        Range* blocks = m_blocks.data() + static_cast<std::size_t>(y / kSide) * m_grid.columns();
        for (int c = 0; c < m_grid.columns(); ++c) {
            const int end = std::min(map.size.width, (c + 1) * kSide);
            std::uint16_t least = blocks[c].least;
            std::uint16_t greatest = blocks[c].greatest;
            for (int x = c * kSide; x < end; ++x) {
                least = std::min(least, row[x]);
                greatest = std::max(greatest, row[x]);
            }
            blocks[c] = {least, greatest};
        }
    }
    for (int r = 0; r < m_grid.rows(); ++r) {
        for (int c = 0; c < m_grid.columns(); ++c) {
            const Range& block = m_blocks[static_cast<std::size_t>(r) * m_grid.columns() + c];
            Range& group =
                m_groups[static_cast<std::size_t>(r / kGroup) * m_grid.groupColumns() + c / kGroup];
            group.least = std::min(group.least, block.least);
            group.greatest = std::max(group.greatest, block.greatest);
        }
    }
}

int ProbabilityBlocks::classOf(const Rect& rect, std::uint32_t firstInside) const {
    const auto classOfRange = [firstInside](const Range& range) {
        return range.least >= firstInside ? 1 : range.greatest < firstInside ? 0 : BlockClasses::kMixed;
    };
    return m_grid.classOf(
        rect,
        [&](int c, int r) {
            return classOfRange(m_groups[static_cast<std::size_t>(r) * m_grid.groupColumns() + c]);
        },
        [&](int c, int r) {
            return classOfRange(m_blocks[static_cast<std::size_t>(r) * m_grid.columns() + c]);
        });
}

std::shared_ptr<const ProbabilityBlocks> ProbabilityBlocks::of(const ProposalPtr& proposal) {
    using Kept = std::map<std::weak_ptr<const Proposal>, std::shared_ptr<const ProbabilityBlocks>,
                          std::owner_less<std::weak_ptr<const Proposal>>>;
    static std::mutex mutex;
    static Kept kept;
    {
        const std::lock_guard lock(mutex);
        if (const auto it = kept.find(proposal); it != kept.end())
            return it->second;
    }
    auto made = std::make_shared<const ProbabilityBlocks>(proposal->probability);
    const std::lock_guard lock(mutex);
    std::erase_if(kept, [](const auto& entry) { return entry.first.expired(); });
    return kept.try_emplace(proposal, std::move(made)).first->second;
}

} // namespace limn
