// SPDX-License-Identifier: GPL-3.0-or-later
// Things that lie over a lesion in real pictures, drawn onto an existing 8-bit RGB picture: used when
// training and in tests. The true mask does not change: they cover what they cover. Plain C++20, no library;
// each call touches only the pixels it is given, so any number of threads may draw on different pictures.
//
// rgb: interleaved, size.width * size.height * 3 bytes, rows top to bottom without padding; changed in place.
// Lengths and widths scale with the picture's shorter side, so that one seed draws the same thing at every
// size. The same seed gives the same bytes on every machine. A size with a side below 1 changes nothing.
#pragma once

#include "io/core/image.h"

#include <cstdint>

namespace limn {

// Three to thirty-odd curved hairs of one person: mostly dark, sometimes blond or grey, of varying thickness.
void drawHairs(std::uint8_t* rgb, Size size, std::uint64_t seed);

// Mirror-like reflections of the lamp: clusters of small saturated spots with soft rims.
void drawSpecularLights(std::uint8_t* rgb, Size size, std::uint64_t seed);

// A ruler with engraved ticks along a border, or ticks alone as a dermatoscope's contact plate shows them.
void drawRulerMarks(std::uint8_t* rgb, Size size, std::uint64_t seed);

// Bubbles in the immersion gel or in fluid: thin bright rims with a darker inside and a small reflection.
void drawBubbles(std::uint8_t* rgb, Size size, std::uint64_t seed);

} // namespace limn
