// SPDX-License-Identifier: GPL-3.0-or-later
// Labels, and where the pixels of a label come from. Plain values, any thread.
#pragma once

#include "inference/engine.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace limn {

struct Color {
    std::uint8_t red = 0;
    std::uint8_t green = 0;
    std::uint8_t blue = 0;
    bool operator==(const Color&) const = default;
};

// A code of a terminology, such as {"SCT", "95324001", "Skin lesion"} (DICOM's triplet); empty when none.
struct TerminologyCode {
    std::string scheme;
    std::string value;
    std::string meaning;
    bool operator==(const TerminologyCode&) const = default;
};

struct Label {
    std::uint8_t value = 1; // 1..255; 0 is the background
    std::string name;
    Color color;
    TerminologyCode code;
    bool locked = false; // no edit adds or removes its pixels
    bool visible = true; // drawn or not; hidden labels are edited all the same
    bool operator==(const Label&) const = default;
};

// The colours of the label palette, chosen to stay apart under colour-vision deficiency; repeated after the
// last one.
Color paletteColor(int index);
// One label "Lesion" with value 1.
std::vector<Label> defaultLabels();

enum class ProvenanceKind : std::uint8_t {
    None,        // nobody decided: background from the beginning
    Model,       // as a model proposed it
    ModelEdited, // a person changed what a model had proposed
    Manual,      // a person, with no model before
};

// Who decided the value of a pixel. The provenance plane holds an index into a table of these; entry 0 is
// None.
struct ProvenanceSource {
    ProvenanceKind kind = ProvenanceKind::None;
    ModelIdentity model;          // Model and ModelEdited
    float threshold = 0.0f;       // Model and ModelEdited: at which the proposal was used
    std::string person;           // who used the proposal, or edited
    std::int64_t firstTimeMs = 0; // UTC, milliseconds since 1970: first and last edit of this source
    std::int64_t lastTimeMs = 0;
    bool operator==(const ProvenanceSource&) const = default;
};

// The provenance of a label's area, for exports and the layer list.
struct LabelProvenance {
    // None: the label has no pixel (or none with a source). Model: all its pixels are as a model proposed,
    // and no proposed pixel of the image was erased by hand. Manual: no model had a share. Else ModelEdited.
    ProvenanceKind kind = ProvenanceKind::None;
    std::array<std::size_t, 4> pixels{}; // of the label, by ProvenanceKind
    std::size_t erasedModelPixels = 0;   // background now, set by a model before (whichever label)
    std::vector<std::uint8_t> sources;   // table entries that occur, ascending
};

} // namespace limn
