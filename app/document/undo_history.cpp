// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/undo_history.h"

#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace limn {

namespace {

// Fast levels: the deltas are mostly runs, and finishing a stroke must not be felt.
constexpr int kCompressionLevel = 1;

// Differences of tiles from which on threads pay, at about a tenth of a millisecond each.
constexpr std::size_t kWorthThreads = 12;
constexpr std::size_t kMostThreads = 4; // memory bandwidth is used up by then

constexpr std::uint64_t kLowBits = 0x0101010101010101u;
// A product with it gathers the lowest bits of eight bytes in the top byte, the first byte's lowest.
constexpr std::uint64_t kGatherBits = 0x0102040810204080u;

struct Row {
    StepKind kind;
    std::string_view name;
};

constexpr Row kNames[] = {
    {StepKind::BrushStroke, "brush stroke"},
    {StepKind::EraserStroke, "eraser stroke"},
    {StepKind::Lasso, "lasso"},
    {StepKind::KeepInside, "keep inside"},
    {StepKind::Polygon, "polygon"},
    {StepKind::Wand, "wand"},
    {StepKind::ContourPush, "contour push"},
    {StepKind::FillHoles, "fill holes"},
    {StepKind::KeepLargest, "keep largest part"},
    {StepKind::RemoveSpecks, "remove specks"},
    {StepKind::Clean, "clean"},
    {StepKind::Smooth, "smooth"},
    {StepKind::Grow, "grow"},
    {StepKind::Shrink, "shrink"},
    {StepKind::ClearLabel, "clear label"},
    {StepKind::ReplaceLabel, "replace label"},
    {StepKind::UseProposal, "use proposal"},
    {StepKind::MarkNoLesion, "mark as no lesion"},
    {StepKind::RemoveNoLesionMark, "remove no-lesion mark"},
    {StepKind::RestoreVersion, "restore version"},
    {StepKind::ImportAnnotation, "import annotation"},
    {StepKind::TakeArea, "take area"},
};

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

std::vector<std::uint8_t> compressed(const std::vector<std::uint8_t>& raw) {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    thread_local std::vector<std::uint8_t> buffer;
    buffer.resize(ZSTD_compressBound(raw.size()));
    const std::size_t size = ZSTD_compressCCtx(context.get(), buffer.data(), buffer.size(), raw.data(),
                                               raw.size(), kCompressionLevel);
    assert(!ZSTD_isError(size)); // the buffer has the bound's size
    return std::vector<std::uint8_t>(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
}

void decompress(const std::vector<std::uint8_t>& bytes, std::vector<std::uint8_t>& raw) {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    [[maybe_unused]] const std::size_t size =
        ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), bytes.data(), bytes.size());
    assert(size == raw.size()); // our own bytes, never from a file
}

// The eight bits of a byte as eight bytes of 0 or 1, lowest bit first.
const std::array<std::uint64_t, 256>& spreadBits() {
    static const std::array<std::uint64_t, 256> table = [] {
        std::array<std::uint64_t, 256> t{};
        for (std::size_t value = 0; value < 256; ++value)
            for (std::size_t bit = 0; bit < 8; ++bit)
                t[value] |= std::uint64_t{(value >> bit) & 1u} << (8 * bit);
        return t;
    }();
    return table;
}

std::uint64_t load(const std::uint8_t* p) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    return word;
}

// 1 in each byte that is not 0.
std::uint64_t onesOf(std::uint64_t word) {
    word |= word >> 4;
    word |= word >> 2;
    word |= word >> 1;
    return word & kLowBits;
}

// Smallest rectangle of the tile, with x and width multiples of 8, that holds every differing byte.
Rect differingRect(const std::uint8_t* a, const std::uint8_t* b) {
    int top = 0;
    int bottom = kTileSize;
    const auto rowsEqual = [&](int y) {
        const std::size_t offset = static_cast<std::size_t>(y) * kTileSize;
        return std::memcmp(a + offset, b + offset, kTileSize) == 0;
    };
    while (top < bottom && rowsEqual(top))
        ++top;
    while (bottom > top && rowsEqual(bottom - 1))
        --bottom;
    if (top == bottom)
        return {};
    std::array<std::uint64_t, kTileSize / 8> columns{};
    for (int y = top; y < bottom; ++y) {
        const std::size_t offset = static_cast<std::size_t>(y) * kTileSize;
        for (std::size_t i = 0; i < columns.size(); ++i)
            columns[i] |= load(a + offset + 8 * i) ^ load(b + offset + 8 * i);
    }
    std::size_t left = 0;
    std::size_t right = columns.size();
    while (columns[left] == 0)
        ++left;
    while (columns[right - 1] == 0)
        --right;
    return {static_cast<int>(8 * left), top, static_cast<int>(8 * (right - left)), bottom - top};
}

// Calls work(i) for every i below count: each tile's difference is by itself. Those of a large part of a
// large image are shared among threads, since a person waits for them.
template<typename Work>
void overTiles(std::size_t count, Work work) {
    std::atomic<std::size_t> next{0};
    const auto some = [&] {
        for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1))
            work(i);
    };
    std::vector<std::thread> helpers;
    if (count >= kWorthThreads) {
        const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
        for (std::size_t i = 1; i < std::min(cores, kMostThreads); ++i) {
            try {
                helpers.emplace_back(some);
            } catch (const std::system_error&) {
                break; // no thread to be had: the rest is done here
            }
        }
    }
    some();
    for (std::thread& helper : helpers)
        helper.join();
}

} // namespace

std::string_view stepName(StepKind kind) {
    for (const Row& row : kNames)
        if (row.kind == kind)
            return row.name;
    assert(false);
    return {};
}

const std::vector<StepKind>& allStepKinds() {
    static const std::vector<StepKind> kinds = [] {
        std::vector<StepKind> all;
        for (const Row& row : kNames)
            all.push_back(row.kind);
        return all;
    }();
    return kinds;
}

bool UndoHistory::record(StepKind kind, const AnnotationPlanes& before, const AnnotationPlanes& after,
                         const std::vector<int>& tiles, bool markBefore, bool markAfter) {
    Step step;
    step.kind = kind;
    step.markBefore = markBefore;
    step.markAfter = markAfter;
    step.bytes = sizeof(Step);
    for (const int tile : tiles)
        for (const bool provenance : {false, true}) {
            const TileMap& old = provenance ? before.provenance : before.labels;
            const TileMap& now = provenance ? after.provenance : after.labels;
            if (old.tile(tile) != now.tile(tile))
                step.deltas.push_back({tile, provenance, {}, {}, {}});
        }
    overTiles(step.deltas.size(), [&](std::size_t i) {
        TileDelta& delta = step.deltas[i];
        const std::uint8_t* a = (delta.provenance ? before.provenance : before.labels).tileBytes(delta.tile);
        const std::uint8_t* b = (delta.provenance ? after.provenance : after.labels).tileBytes(delta.tile);
        delta.rect = differingRect(a, b);
        if (!delta.rect.empty())
            encode(a, b, delta);
    });
    std::erase_if(step.deltas, [](const TileDelta& delta) { return delta.rect.empty(); });
    for (const TileDelta& delta : step.deltas)
        step.bytes += sizeof(TileDelta) + delta.bytes.size();
    if (step.deltas.empty() && markBefore == markAfter)
        return false;
    while (m_steps.size() > m_position) {
        m_bytes -= m_steps.back().bytes;
        m_steps.pop_back();
    }
    m_bytes += step.bytes;
    m_steps.push_back(std::move(step));
    m_position = m_steps.size();
    forgetOldest();
    return true;
}

UndoHistory::Change UndoHistory::undo(AnnotationPlanes& planes) {
    assert(canUndo());
    const Step& step = m_steps[--m_position];
    Change change = applyStep(step, planes);
    change.mark = step.markBefore;
    return change;
}

UndoHistory::Change UndoHistory::redo(AnnotationPlanes& planes) {
    assert(canRedo());
    const Step& step = m_steps[m_position++];
    Change change = applyStep(step, planes);
    change.mark = step.markAfter;
    return change;
}

std::vector<StepKind> UndoHistory::undoKinds() const {
    std::vector<StepKind> kinds;
    for (std::size_t i = m_position; i > 0; --i)
        kinds.push_back(m_steps[i - 1].kind);
    return kinds;
}

std::vector<StepKind> UndoHistory::redoKinds() const {
    std::vector<StepKind> kinds;
    for (std::size_t i = m_position; i < m_steps.size(); ++i)
        kinds.push_back(m_steps[i].kind);
    return kinds;
}

void UndoHistory::setLimitBytes(std::size_t bytes) {
    m_limitBytes = bytes;
    forgetOldest();
}

void UndoHistory::clear() {
    m_steps.clear();
    m_position = 0;
    m_bytes = 0;
}

// Most steps set one value on one ground, so that the difference of a tile has a single value besides zero:
// one bit a pixel. Other differences take one bit a pixel for each binary digit that occurs in them.
void UndoHistory::encode(const std::uint8_t* a, const std::uint8_t* b, TileDelta& delta) {
    thread_local std::vector<std::uint8_t> raw;
    thread_local std::vector<std::uint64_t> difference;
    const Rect& rect = delta.rect;
    const std::size_t words = static_cast<std::size_t>(rect.width) / 8;
    const std::size_t planeBytes = words * static_cast<std::size_t>(rect.height);
    difference.resize(planeBytes);
    std::uint64_t digits = 0;
    std::uint64_t value = 0;
    bool single = true;
    for (int y = 0; y < rect.height; ++y) {
        const std::size_t offset = static_cast<std::size_t>(rect.y + y) * kTileSize + rect.x;
        std::uint64_t* out = difference.data() + static_cast<std::size_t>(y) * words;
        for (std::size_t i = 0; i < words; ++i) {
            const std::uint64_t word = load(a + offset + 8 * i) ^ load(b + offset + 8 * i);
            out[i] = word;
            if (word == 0)
                continue;
            digits |= word;
            for (int byte = 0; byte < 8 && value == 0; ++byte)
                value = (word >> (8 * byte)) & 0xff;
            single = single && word == onesOf(word) * value;
        }
    }
    raw.clear();
    raw.reserve(planeBytes);
    const auto addPlane = [&](std::uint8_t planeValue, auto onesOfWord) {
        delta.values.push_back(planeValue);
        for (const std::uint64_t word : difference)
            raw.push_back(static_cast<std::uint8_t>((onesOfWord(word) * kGatherBits) >> 56));
    };
    if (single) {
        addPlane(static_cast<std::uint8_t>(value), onesOf);
    } else {
        for (int digit = 0; digit < 8; ++digit)
            if ((digits >> digit) & kLowBits)
                addPlane(static_cast<std::uint8_t>(1u << digit),
                         [digit](std::uint64_t word) { return (word >> digit) & kLowBits; });
    }
    delta.bytes = compressed(raw);
}

// A tile with the difference applied; null where nothing but zeros is left. The old one may belong to a
// snapshot that is being saved: always a copy.
TilePtr UndoHistory::changedTile(const TileDelta& delta, const AnnotationPlanes& planes) {
    thread_local std::vector<std::uint8_t> raw;
    const std::array<std::uint64_t, 256>& spread = spreadBits();
    const TileMap& map = delta.provenance ? planes.provenance : planes.labels;
    const Rect& rect = delta.rect;
    std::shared_ptr<Tile> tile = newTile();
    std::memcpy(tile->data(), map.tileBytes(delta.tile), kTilePixels);
    const std::size_t words = static_cast<std::size_t>(rect.width) / 8;
    const std::size_t planeBytes = words * static_cast<std::size_t>(rect.height);
    raw.resize(planeBytes * delta.values.size());
    decompress(delta.bytes, raw);
    for (std::size_t plane = 0; plane < delta.values.size(); ++plane)
        for (int y = 0; y < rect.height; ++y) {
            std::uint8_t* row = tile->data() + static_cast<std::size_t>(rect.y + y) * kTileSize + rect.x;
            const std::uint8_t* bits = raw.data() + plane * planeBytes + static_cast<std::size_t>(y) * words;
            for (std::size_t i = 0; i < words; ++i) {
                const std::uint64_t word = load(row + 8 * i) ^ (spread[bits[i]] * delta.values[plane]);
                std::memcpy(row + 8 * i, &word, 8);
            }
        }
    if (isZero(*tile))
        return nullptr;
    return tile;
}

UndoHistory::Change UndoHistory::applyStep(const Step& step, AnnotationPlanes& planes) const {
    std::vector<TilePtr> tiles(step.deltas.size());
    overTiles(tiles.size(), [&](std::size_t i) { tiles[i] = changedTile(step.deltas[i], planes); });

    Change change;
    change.kind = step.kind;
    for (std::size_t i = 0; i < tiles.size(); ++i) {
        const TileDelta& delta = step.deltas[i];
        TileMap& map = delta.provenance ? planes.provenance : planes.labels;
        map.setTile(delta.tile, std::move(tiles[i]));

        const Rect tileRect = map.tileRect(delta.tile);
        const Rect& rect = delta.rect;
        const Rect dirty =
            intersected({tileRect.x + rect.x, tileRect.y + rect.y, rect.width, rect.height}, tileRect);
        // Both planes of a tile follow each other.
        if (!change.dirty.empty() &&
            map.tileIndex(change.dirty.back().x, change.dirty.back().y) == delta.tile)
            change.dirty.back() = united(change.dirty.back(), dirty);
        else
            change.dirty.push_back(dirty);
    }
    return change;
}

void UndoHistory::forgetOldest() {
    // The newest step stays whatever its size: a person may always take back what was just done. Steps that
    // wait to be redone go only after all older ones.
    while (m_bytes > m_limitBytes && m_steps.size() > 1 && m_position > 1) {
        m_bytes -= m_steps.front().bytes;
        m_steps.pop_front();
        --m_position;
    }
    while (m_bytes > m_limitBytes && m_steps.size() > 1 && m_position < m_steps.size()) {
        m_bytes -= m_steps.back().bytes;
        m_steps.pop_back();
    }
}

} // namespace limn
