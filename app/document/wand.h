// SPDX-License-Identifier: GPL-3.0-or-later
// The wand: pixels whose colour is near that of a seed in CIELAB. LabImage is computed lazily, tile by tile,
// and may be read and prepared in several threads at once; selection is a pure function.
#pragma once

#include "app/document/pixel_area.h"
#include "app/document/tile_map.h"
#include "io/core/image.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace limn {

// CIELAB (CIE 15:2004) of an sRGB colour (IEC 61966-2-1), white point D65, 2-degree observer. L* 0..100.
struct Lab {
    float lightness = 0.0f;
    float a = 0.0f;
    float b = 0.0f;
};
Lab labOfSrgb(std::uint8_t red, std::uint8_t green, std::uint8_t blue);

// The image in CIELAB, 16 bits a channel in steps of 1 / kScale, planes L*, a*, b* per tile. Six bytes a
// pixel of the tiles that were asked for.
class LabImage {
public:
    static constexpr float kScale = 64.0f;

    explicit LabImage(ImagePtr image); // not null
    LabImage(const LabImage&) = delete;
    LabImage& operator=(const LabImage&) = delete;

    Size size() const { return m_image->size; }
    // Three planes of kTilePixels each; values beyond the image are 0. Computed on the first call.
    const std::int16_t* tile(int index) const;
    int tileColumns() const { return m_columns; }
    int tileCount() const { return m_columns * m_rows; }
    // Computes every tile; call it in a background thread to spare the first click the wait. Ends soon when
    // the token is set meanwhile.
    void prepareAll(const CancelToken* cancel = nullptr) const;
    // Every tile is there: nothing has to be computed any more.
    bool prepared() const { return m_computed.load() == tileCount(); }
    // Mean colour of the size x size square (1, 3, 5) around a pixel, clipped to the image.
    Lab mean(int x, int y, int sampleSize) const;

private:
    struct Slot {
        std::once_flag once;
        std::unique_ptr<std::int16_t[]> planes;
    };
    void compute(int index) const;

    ImagePtr m_image;
    int m_columns = 0;
    int m_rows = 0;
    std::unique_ptr<Slot[]> m_slots;
    mutable std::atomic<int> m_computed{0};
};

struct WandOptions {
    double tolerance = 10.0;    // dE*ab (CIE76): Euclidean distance in CIELAB; inside when <= tolerance
    int sampleSize = 1;         // the seed's colour is the mean of 1x1, 3x3 or 5x5 pixels
    bool connected = true;      // only pixels joined to the seed by 4-neighbours; else all in the limits
    bool fillHoles = false;     // holes of the selection are taken in
    double smoothingPx = 0.0;   // edge smoothing as smoothed() of mask_ops.h; 0: none
    std::optional<Rect> limits; // such as the part of the image in view; default: the whole image
    bool operator==(const WandOptions&) const = default;
};

// Empty when the seed lies outside the image or the limits. With connected, the seed pixel itself is always
// inside (its own colour may differ from the mean by more than the tolerance). A token that is set meanwhile
// ends it soon; what it gives then is of no use.
PixelArea wandArea(const LabImage& image, int seedX, int seedY, const WandOptions& options,
                   const CancelToken* cancel = nullptr);

} // namespace limn
