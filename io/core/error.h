// SPDX-License-Identifier: GPL-3.0-or-later
// The vocabulary of failure: a code, its arguments, and one English sentence for each code. Plain C++20, any
// thread. The window translates by code; the command line and the tests use message().
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace limn {

// Every code has one row in the table of error.cpp. Its comment names the arguments, in order.
enum class ErrorCode {
    // Files
    FileNotFound,      // file
    FileNotReadable,   // file, reason from the system
    NotAFile,          // path
    FileEmpty,         // file
    FileTruncated,     // file, what is missing
    FormatUnknown,     // file, what was found
    FormatMismatch,    // file, claimed format, found format
    FileCorrupt,       // file, what is wrong
    FileTooLarge,      // file, found, allowed
    FeatureNotHandled, // file, feature
    FileChanged,       // file
    FileNotWritable,   // file, reason from the system
    DiskFull,          // file
    // Checkpoints and models
    CheckpointInvalid,  // file, what is wrong
    CheckpointMismatch, // file, list of tensors with expected and found shapes
    ModelNotFound,      // name, where was looked
    DeviceNotAvailable, // device, reason
    OutOfMemory,        // what was being done, how much was asked for
    ComputationFailed,  // what was being done, reason
    // Stores
    StoreInvalid,  // file, what is wrong
    StoreTooNew,   // file, found version, highest version known
    StoreHeld,     // file, who holds it
    StoreReadOnly, // file
    StoreStale,    // what, whose change came first
    StoreBusy,     // file
    // Everything else
    InvalidArgument, // what, found, allowed
    Cancelled,       // what
    ListOfFailures,  // count, first failures
};

// All codes, for tests and for the window's translation table.
const std::vector<ErrorCode>& allErrorCodes();

// Stable identifier of a code such as "file-not-found", for logs and JSON.
std::string_view errorCodeName(ErrorCode code);

// The sentence of a code with places %1, %2, ... for its arguments.
std::string_view errorTemplate(ErrorCode code);

struct Error {
    ErrorCode code = ErrorCode::InvalidArgument;
    std::vector<std::string> arguments;

    // The English sentence with the arguments filled in.
    std::string message() const;
};

} // namespace limn
