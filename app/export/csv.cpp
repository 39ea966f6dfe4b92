// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/csv.h"

#include "io/images/atomic_file.h"

#include <QFile>

#include <cstdlib>

namespace limn {

namespace {

constexpr qint64 kMaxBytes = qint64{256} << 20;

bool isNumber(const std::string& text) {
    char* end = nullptr;
    std::strtod(text.c_str(), &end);
    return end == text.c_str() + text.size();
}

std::string fieldText(const std::string& field) {
    std::string text = field;
    if (!text.empty() && std::string("=+-@").find(text[0]) != std::string::npos && !isNumber(text))
        text.insert(text.begin(), '\'');
    if (text.find_first_of(",\"\r\n") == std::string::npos)
        return text;
    std::string quoted = "\"";
    for (char c : text) {
        if (c == '"')
            quoted += '"';
        quoted += c;
    }
    return quoted + '"';
}

} // namespace

std::string csvText(const std::vector<CsvRow>& rows) {
    std::string text;
    for (const CsvRow& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i)
            text += (i == 0 ? "" : ",") + fieldText(row[i]);
        text += "\r\n";
    }
    return text;
}

std::vector<CsvRow> parseCsv(const std::string& text) {
    std::vector<CsvRow> rows;
    CsvRow row;
    std::string field;
    bool quoted = false;
    bool any = false; // something of the row was read
    const auto endRow = [&] {
        row.push_back(field);
        rows.push_back(row);
        row.clear();
        field.clear();
        any = false;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c != '"') {
                field += c;
            } else if (i + 1 < text.size() && text[i + 1] == '"') {
                field += '"';
                ++i;
            } else {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
            any = true;
        } else if (c == ',') {
            row.push_back(field);
            field.clear();
            any = true;
        } else if (c == '\n') {
            endRow();
        } else if (c != '\r') {
            field += c;
            any = true;
        }
    }
    if (any && !quoted)
        endRow();
    return rows;
}

Result<void> writeCsv(const std::string& path, const std::vector<CsvRow>& rows) {
    const std::string text = csvText(rows);
    return writeFileAtomically(path, {reinterpret_cast<const unsigned char*>(text.data()), text.size()});
}

Result<std::vector<CsvRow>> readCsv(const std::string& path) {
    QFile file(QString::fromStdString(path));
    if (!file.exists())
        return Error{ErrorCode::FileNotFound, {path}};
    if (!file.open(QIODevice::ReadOnly))
        return Error{ErrorCode::FileNotReadable, {path, file.errorString().toStdString()}};
    if (file.size() > kMaxBytes)
        return Error{ErrorCode::FileTooLarge, {path, std::to_string(file.size()) + " bytes", "256 MB"}};
    return parseCsv(file.readAll().toStdString());
}

} // namespace limn
