// SPDX-License-Identifier: GPL-3.0-or-later
// Looking at a proposal through a threshold, without touching any annotation. Pure functions, any thread.
// Coordinates are image pixels; outside its extent a proposal says nothing. Inside means probability >=
// threshold (ProbabilityMap::firstInside).
#pragma once

#include "app/document/pixel_area.h"
#include "inference/engine.h"

namespace limn {

// What the window draws: 1 where inside, 0 elsewhere (also outside the extent), for the pixels of rect. `out`
// is resized to rect's size; rect may reach beyond the image.
void thresholdTile(const Proposal& proposal, double threshold, const Rect& rect, LabelMap& out);

// The proposal's pixels at a threshold, inside the scope where given.
PixelArea proposalArea(const Proposal& proposal, double threshold, const PixelArea* scope = nullptr);

// The 8-connected part of it that holds pixel (x, y); empty when the pixel is not inside.
PixelArea proposalPart(const Proposal& proposal, double threshold, int x, int y,
                       const PixelArea* scope = nullptr);

// Probability at an image pixel; negative outside the extent.
float probabilityAt(const Proposal& proposal, int x, int y);

// Area that changes between the thresholds 0.3 and 0.7, in % of the area at 0.5; 100 when only the latter is
// 0, 0 when nothing changes. May exceed 100.
double proposalUncertainty(const Proposal& proposal);

// Counts of probabilities in `bins` equal steps from 0 to 1, for the histogram over the threshold slider.
// bins from 1 to 65536.
std::vector<std::size_t> probabilityHistogram(const Proposal& proposal, int bins);

} // namespace limn
