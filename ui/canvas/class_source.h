// SPDX-License-Identifier: GPL-3.0-or-later
// What an overlay shows, reduced to one small number per image pixel: a label map's values, a proposal at a
// threshold, the bands of a probability map, or how two of them differ. Sources never change the data behind
// them.
//
// Threads: changed() and prepare() belong to the GUI thread. Between two of their calls uniformClass() and
// sampleRow() may be called from several threads at once, while nobody writes to the data.
#pragma once

#include "app/document/pixel_area.h"
#include "app/document/tile_map.h"
#include "inference/engine.h"
#include "io/core/image.h"
#include "ui/canvas/block_classes.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace limn {

class ClassSource {
public:
    static constexpr int kMixed = BlockClasses::kMixed;

    virtual ~ClassSource() = default;
    // Classes of the pixels (xs[i], y); both lie in the image, and xs do not decrease. 0 means nothing here.
    virtual void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const = 0;
    // Outside this rectangle (image pixels) every class is 0.
    virtual Rect bounds() const = 0;
    // The one class of all pixels of this rectangle of the image, or kMixed where they differ or finding out
    // would mean looking at each. What is of one class is never sampled.
    virtual int uniformClass(const Rect& rect) const;
    // The data inside this rectangle changed.
    virtual void changed(const Rect& rect);
    // This rectangle is going to be drawn: brings up to date what uniformClass() looks at.
    virtual void prepare(const Rect& rect);
};

using ClassSourcePtr = std::shared_ptr<ClassSource>;

// The values of a label map. The map is asked for at every read, so that edits on the GUI thread are seen;
// changed() has to be told of them.
class LabelSource : public ClassSource {
public:
    explicit LabelSource(std::function<const TileMap&()> map) : m_map(std::move(map)) {}
    void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const override;
    Rect bounds() const override { return m_map().bounds(); }
    int uniformClass(const Rect& rect) const override;
    void changed(const Rect& rect) override { m_blocks.markStale(rect); }
    void prepare(const Rect& rect) override { m_blocks.refresh(m_map(), rect); }

private:
    std::function<const TileMap&()> m_map;
    LabelBlocks m_blocks;
};

// 1 inside a set of pixels: previews of the wand and of clean-up operations.
class AreaSource : public ClassSource {
public:
    explicit AreaSource(PixelArea area);
    void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const override;
    Rect bounds() const override { return m_bounds; }

private:
    PixelArea m_area;
    Rect m_bounds;
    std::vector<std::size_t> m_firstOfRow; // index of the first span of each row of m_bounds, and the end
};

// 1 where the proposal's probability reaches the threshold.
class ThresholdSource : public ClassSource {
public:
    ThresholdSource(ProposalPtr proposal, double threshold);
    void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const override;
    Rect bounds() const override { return m_proposal->extent; }
    int uniformClass(const Rect& rect) const override;

private:
    ProposalPtr m_proposal;
    std::shared_ptr<const ProbabilityBlocks> m_blocks;
    std::uint32_t m_firstInside;
};

// Probability in steps of 1/254: class = 1 + round(254 * p), for colour-mapped views.
class ProbabilitySource : public ClassSource {
public:
    explicit ProbabilitySource(ProposalPtr proposal) : m_proposal(std::move(proposal)) {}
    void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const override;
    Rect bounds() const override { return m_proposal->extent; }

private:
    ProposalPtr m_proposal;
};

// How two sources differ: 1 both, 2 only the first, 3 only the second.
class DifferenceSource : public ClassSource {
public:
    static constexpr std::uint8_t kBoth = 1;
    static constexpr std::uint8_t kOnlyFirst = 2;
    static constexpr std::uint8_t kOnlySecond = 3;

    DifferenceSource(ClassSourcePtr first, ClassSourcePtr second)
        : m_first(std::move(first)), m_second(std::move(second)) {}
    void sampleRow(int y, const int* xs, int count, std::uint8_t* out) const override;
    Rect bounds() const override { return united(m_first->bounds(), m_second->bounds()); }
    int uniformClass(const Rect& rect) const override;
    void changed(const Rect& rect) override;
    void prepare(const Rect& rect) override;

private:
    ClassSourcePtr m_first;
    ClassSourcePtr m_second;
};

} // namespace limn
