// SPDX-License-Identifier: GPL-3.0-or-later
// Label tables and provenance sources of an annotation as JSON texts, as the store keeps them. Any thread.
#pragma once

#include "io/store/records.h"

#include <optional>
#include <string>
#include <vector>

namespace limn {

std::string labelTableToJson(const std::vector<LabelRecord>& labels);
std::string provenanceToJson(const std::vector<ProvenanceRecord>& sources);
// Empty when the text is not what the functions above write.
std::optional<std::vector<LabelRecord>> labelTableFromJson(const std::string& text);
std::optional<std::vector<ProvenanceRecord>> provenanceFromJson(const std::string& text);

} // namespace limn
