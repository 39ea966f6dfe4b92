// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/core/error.h"

#include <array>
#include <cstddef>

namespace limn {

namespace {

struct Row {
    ErrorCode code;
    std::string_view name;
    std::string_view sentence;
};

// In the order of the enumeration; rowOf() relies on it and a test checks it.
constexpr std::array kRows = {
    Row{ErrorCode::FileNotFound, "file-not-found",
        "%1 does not exist. Check the path, or whether the file was moved."},
    Row{ErrorCode::FileNotReadable, "file-not-readable", "%1 could not be opened: %2."},
    Row{ErrorCode::NotAFile, "not-a-file", "%1 is not a file. Give the path of one image."},
    Row{ErrorCode::FileEmpty, "file-empty", "%1 is empty (0 bytes)."},
    Row{ErrorCode::FileTruncated, "file-truncated",
        "%1 ends too early: %2. The copy may have been interrupted."},
    Row{ErrorCode::FormatUnknown, "format-unknown", "%1 is not a kind of file that can be read here: %2."},
    Row{ErrorCode::FormatMismatch, "format-mismatch", "%1 claims to be %2 but holds %3."},
    Row{ErrorCode::FileCorrupt, "file-corrupt", "%1 is damaged: %2."},
    Row{ErrorCode::FileTooLarge, "file-too-large",
        "%1 is too large: it claims %2, and at most %3 is allowed."},
    Row{ErrorCode::FeatureNotHandled, "feature-not-handled",
        "%1 uses something that cannot be read here: %2."},
    Row{ErrorCode::FileChanged, "file-changed", "%1 was changed by another program since it was read."},
    Row{ErrorCode::FileNotWritable, "file-not-writable", "%1 could not be written: %2."},
    Row{ErrorCode::DiskFull, "disk-full",
        "%1 could not be written: the disk is full. Free some space and try again."},
    Row{ErrorCode::CheckpointInvalid, "checkpoint-invalid", "%1 cannot be used as a model: %2."},
    Row{ErrorCode::CheckpointMismatch, "checkpoint-mismatch", "%1 does not fit this network: %2."},
    Row{ErrorCode::ModelNotFound, "model-not-found", "The model %1 was not found; it was looked for in %2."},
    Row{ErrorCode::DeviceNotAvailable, "device-not-available", "The device %1 cannot be used: %2."},
    Row{ErrorCode::OutOfMemory, "out-of-memory", "There is too little memory for %1 (%2)."},
    Row{ErrorCode::ComputationFailed, "computation-failed", "%1 failed: %2."},
    Row{ErrorCode::StoreInvalid, "store-invalid", "The project %1 cannot be read: %2."},
    Row{ErrorCode::StoreTooNew, "store-too-new",
        "The project %1 was made by a newer version (its schema is %2, this program knows up to %3)."},
    Row{ErrorCode::StoreHeld, "store-held",
        "The project %1 is open in another program (%2); it can be read, not changed."},
    Row{ErrorCode::StoreReadOnly, "store-read-only",
        "The project %1 is read-only; changes are kept only in memory."},
    Row{ErrorCode::StoreStale, "store-stale",
        "%1 was saved by %2 meanwhile. Yours is kept as a second version."},
    Row{ErrorCode::StoreBusy, "store-busy",
        "The project %1 is locked by another program at the moment; saving is tried again."},
    Row{ErrorCode::InvalidArgument, "invalid-argument", "%1 is %2, but must be %3."},
    Row{ErrorCode::Cancelled, "cancelled", "%1 was cancelled."},
    Row{ErrorCode::ListOfFailures, "list-of-failures", "%1 items failed: %2"},
};

static_assert(kRows.size() == static_cast<std::size_t>(ErrorCode::ListOfFailures) + 1,
              "every error code needs its row");

const Row& rowOf(ErrorCode code) {
    return kRows[static_cast<std::size_t>(code)];
}

} // namespace

const std::vector<ErrorCode>& allErrorCodes() {
    static const std::vector<ErrorCode> codes = [] {
        std::vector<ErrorCode> all;
        all.reserve(std::size(kRows));
        for (const Row& row : kRows)
            all.push_back(row.code);
        return all;
    }();
    return codes;
}

std::string_view errorCodeName(ErrorCode code) {
    return rowOf(code).name;
}

std::string_view errorTemplate(ErrorCode code) {
    return rowOf(code).sentence;
}

std::string Error::message() const {
    const std::string_view sentence = errorTemplate(code);
    std::string text;
    for (std::size_t i = 0; i < sentence.size(); ++i) {
        const bool isPlace =
            sentence[i] == '%' && i + 1 < sentence.size() && sentence[i + 1] >= '1' && sentence[i + 1] <= '9';
        if (!isPlace) {
            text += sentence[i];
            continue;
        }
        const std::size_t index = static_cast<std::size_t>(sentence[++i] - '1');
        text += index < arguments.size() ? arguments[index] : std::string("?");
    }
    return text;
}

} // namespace limn
