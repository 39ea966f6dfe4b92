// SPDX-License-Identifier: GPL-3.0-or-later
// Clean-up of one label as pure functions: an immutable label map in, the pixels to add and to remove out.
// The window shows the result as a preview, or hands it to AnnotationDocument::apply(), where locked labels
// and the "over" rule are respected. Any thread (give a snapshot's map).
//
// `scope`, where given, limits what changes. Parts are those of the label inside the scope; holes, smoothing,
// growing and shrinking look at the whole label and change only what lies inside the scope. Beyond the image
// nothing is known: a label that touches the image's border is not shrunk or smoothed from there.
//
// A token that is set meanwhile ends them soon (within some milliseconds on the largest images); what they
// give then is of no use.
#pragma once

#include "app/document/pixel_area.h"
#include "app/document/tile_map.h"

#include <cstddef>
#include <cstdint>

namespace limn {

// Pixels that get the label, and pixels of the label that become background. Disjoint.
struct MaskEdit {
    PixelArea add;
    PixelArea remove;
    bool empty() const { return add.empty() && remove.empty(); }
};

// The pixels of a label (inside the scope).
PixelArea areaOf(const TileMap& labels, std::uint8_t label, const PixelArea* scope = nullptr,
                 const CancelToken* cancel = nullptr);

// Fills what the label encloses: pixels from which no path of 4-neighbours leads to the image's border
// without crossing the label. maxHolePixels > 0 leaves larger holes open.
MaskEdit fillHoles(const TileMap& labels, std::uint8_t label, const PixelArea* scope = nullptr,
                   std::size_t maxHolePixels = 0, const CancelToken* cancel = nullptr);

// Removes every 8-connected part but the largest.
MaskEdit keepLargest(const TileMap& labels, std::uint8_t label, const PixelArea* scope = nullptr,
                     const CancelToken* cancel = nullptr);

// Removes 8-connected parts of fewer than minPixels pixels ("specks").
MaskEdit removeSmall(const TileMap& labels, std::uint8_t label, std::size_t minPixels,
                     const PixelArea* scope = nullptr, const CancelToken* cancel = nullptr);

// Keeps the largest part, with its holes filled.
MaskEdit clean(const TileMap& labels, std::uint8_t label, const PixelArea* scope = nullptr,
               const CancelToken* cancel = nullptr);

// Rounds the edge: a Gaussian of this standard deviation over the mask, cut at one half; 0 < sigmaPx <= 100.
// Beyond the image the mask continues as at its border.
MaskEdit smooth(const TileMap& labels, std::uint8_t label, double sigmaPx, const PixelArea* scope = nullptr,
                const CancelToken* cancel = nullptr);

// Adds pixels whose centre is at most `px` from the centre of a pixel of the label (Euclidean, exact), px >
// 0.
MaskEdit grow(const TileMap& labels, std::uint8_t label, double px, const PixelArea* scope = nullptr);

// Removes pixels whose centre is at most `px` from the centre of a pixel inside the image that is not of the
// label.
MaskEdit shrink(const TileMap& labels, std::uint8_t label, double px, const PixelArea* scope = nullptr);

// Removes what lies outside the area (lasso with Shift).
MaskEdit keepInside(const TileMap& labels, std::uint8_t label, const PixelArea& area,
                    const PixelArea* scope = nullptr);

// The same smoothing, growing and shrinking for a set of pixels within bounds.
PixelArea smoothed(const PixelArea& area, double sigmaPx, const Rect& bounds,
                   const CancelToken* cancel = nullptr);
PixelArea grown(const PixelArea& area, double px, const Rect& bounds, const CancelToken* cancel = nullptr);
PixelArea shrunk(const PixelArea& area, double px, const Rect& bounds);

} // namespace limn
