// SPDX-License-Identifier: GPL-3.0-or-later
// One annotation out of two: what both people hold, and area by area what the one or the other holds there.
// The two originals are read alone. Pixels keep the provenance that they had in the annotation they come
// from. Pure functions, any thread. Precondition of all: equal sizes.
#pragma once

#include "app/document/annotation_document.h"

namespace limn {

// The pixels in which both hold the same label, as the first one has them; background elsewhere. The label
// table holds the labels of both.
AnnotationSnapshot commonPart(const AnnotationSnapshot& first, const AnnotationSnapshot& second);

// `into` with the pixels of `area` as `from` has them.
AnnotationSnapshot withAreaOf(const AnnotationSnapshot& into, const AnnotationSnapshot& from,
                              const PixelArea& area);

} // namespace limn
