// SPDX-License-Identifier: GPL-3.0-or-later
// Tables as comma-separated values (RFC 4180): written whole and atomically, read back for a run that is
// continued. Any thread.
#pragma once

#include "io/core/result.h"

#include <string>
#include <vector>

namespace limn {

using CsvRow = std::vector<std::string>;

// Quotes a field when it holds a comma, a quote or a line break. A field that a spreadsheet would take for a
// formula (it begins with =, +, -, @ and is no number) gets a leading apostrophe.
std::string csvText(const std::vector<CsvRow>& rows);

// The rows of a text; a last line that is cut off within quotes is left out.
std::vector<CsvRow> parseCsv(const std::string& text);

Result<void> writeCsv(const std::string& path, const std::vector<CsvRow>& rows);
// At most 256 MB. Errors: FileNotFound, FileNotReadable, FileTooLarge.
Result<std::vector<CsvRow>> readCsv(const std::string& path);

} // namespace limn
