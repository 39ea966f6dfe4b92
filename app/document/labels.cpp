// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/document/labels.h"

namespace limn {

namespace {

// Okabe and Ito's palette in the order of least confusion beside skin and mucosa; yellow stays free for
// proposals and white for the agreed annotation.
constexpr std::array<Color, 6> kPalette{{{0x56, 0xB4, 0xE9},
                                         {0xE6, 0x9F, 0x00},
                                         {0x00, 0x9E, 0x73},
                                         {0xCC, 0x79, 0xA7},
                                         {0xD5, 0x5E, 0x00},
                                         {0x00, 0x72, 0xB2}}};

} // namespace

Color paletteColor(int index) {
    const int count = static_cast<int>(kPalette.size());
    return kPalette[static_cast<std::size_t>(((index % count) + count) % count)];
}

std::vector<Label> defaultLabels() {
    Label lesion;
    lesion.value = 1;
    lesion.name = "Lesion";
    lesion.color = paletteColor(0);
    return {lesion};
}

} // namespace limn
