// SPDX-License-Identifier: GPL-3.0-or-later
// Between the document's snapshot and what the store keeps. Plain functions, any thread.
#pragma once

#include "app/document/annotation_document.h"
#include "io/store/records.h"

namespace limn {

// Shares the tiles: one pointer a tile, no bytes are copied.
StoredAnnotation toStored(const AnnotationSnapshot& snapshot, ImageId image, PersonId person);
// Copies the tiles' bytes when they do not have the document's tile size, else shares nothing either way.
AnnotationSnapshot fromStored(const StoredAnnotation& stored);

LabelRecord toRecord(const Label& label);
Label fromRecord(const LabelRecord& record);

} // namespace limn
