// SPDX-License-Identifier: GPL-3.0-or-later
// One tile of an overlay, drawn from the layers' sources. Values in, a picture out: any thread, as long as
// nobody writes to the data behind the sources.
#pragma once

#include "ui/canvas/class_source.h"

#include <QColor>
#include <QImage>
#include <QPoint>

#include <array>
#include <cstdint>
#include <vector>

namespace limn {

enum class LineStyle { None, Solid, Dashed, Dotted };

struct OverlayLayer {
    ClassSourcePtr source;
    std::array<QRgb, 256> color{};         // opaque; of outline and fill
    std::array<std::uint8_t, 256> fill{};  // opacity of the fill, 0..255
    std::array<LineStyle, 256> line{};     // outline style per class
    std::array<std::uint8_t, 256> hatch{}; // 0 none, 1 rising, 2 falling: adds to the fill
    bool bands = false;                    // classes are steps of one quantity: no outlines, fill only

    // The same style for every class from 1 on.
    void setAll(QRgb rgb, int fillAlpha, LineStyle style);
};

// What a tile shows: a picture of its part that shows anything, or one colour all over, or nothing.
struct OverlayTile {
    static constexpr int kSide = 256; // device pixels

    QImage image;   // premultiplied; null: nothing but `solid`
    QPoint offset;  // of the picture in the tile
    QRgb solid = 0; // premultiplied; 0: none
};

// Where a tile lies: device pixels of the view count from the image's top left corner.
struct OverlayTilePlace {
    int column = 0; // times kSide
    int row = 0;
    double zoom = 1.0; // device pixels per image pixel
    Size image;
    qreal pixelRatio = 1.0;
};

OverlayTile drawOverlayTile(const std::vector<OverlayLayer>& layers, const OverlayTilePlace& place);

// The part of the image that such a tile looks at: what lies under it, and under lines that reach into it.
Rect overlayTileImageRect(const OverlayTilePlace& place);

// How far beyond its pixels, in device pixels, a change may alter what is drawn.
int overlayReach(qreal pixelRatio);

} // namespace limn
