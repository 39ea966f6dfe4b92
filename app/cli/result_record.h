// SPDX-License-Identifier: GPL-3.0-or-later
// Which image each result in an output folder was made of. With it a run replaces nothing but results of its
// own images, and --resume leaves out nothing but what is complete for this image as it is now.
//
// An image is known again by its path, or by its bytes where it was moved or is mounted elsewhere. A result
// is what limn-cli wrote: a file that was edited since is none any more; one that ends too early is, as an
// interrupted copy leaves it.
//
// The record is the folder segment.record in the output folder. Each run that writes results has a file of
// its own there, so that runs on several computers can share a folder, over a network too, without locks.
// An image's line is on the disk before its results are, so that whatever a kill or a power cut leaves is
// known; a line whose results are not there says nothing.
#pragma once

#include "io/core/result.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace limn {

// An image as it was when it was looked at.
struct InputFile {
    std::string path; // absolute, links resolved
    std::int64_t bytes = 0;
    std::int64_t modifiedMs = 0;
    std::string sha256; // empty until it was needed; then of the whole file

    // Errors: FileNotFound, NotAFile.
    static Result<InputFile> at(const std::string& path);
    // Reads the file if that was not done yet; empty where it cannot be read.
    const std::string& hash();
    // After the image was read for its results: where the file was changed in between, the hash stays empty,
    // and nobody takes the results for those of the file as it is then.
    void keepHashOfWhatWasRead();
    bool operator==(const InputFile&) const = default;
};

struct ResultFile {
    std::string ending; // "_mask.png", of a file NAME_mask.png
    std::vector<unsigned char> bytes;
};

class ResultRecord {
public:
    // Reads what all runs so far have written. `settings` are what changes a result, as JSON. Errors:
    // FileNotReadable.
    static Result<std::unique_ptr<ResultRecord>> open(const std::string& folder, const std::string& settings);
    ~ResultRecord();

    // What stands in the way of making the results of `image` under `name`: a file of another image, or one
    // that is no result. Quick: looks at sizes, and reads the image only if it is of the same size as one of
    // another path that `name` was made of. Any thread.
    std::optional<Error> obstacle(const std::string& name, const std::vector<std::string>& endings,
                                  InputFile& image) const;
    // Whether all results are there, whole, of this image as it is now and with these settings. As quick; an
    // image that had to be read is known at its new place from then on. Any thread.
    bool isComplete(const std::string& name, const std::vector<std::string>& endings, InputFile& image);

    // Writes the results of an image, each in one step, and keeps that they are its own. Once for each name.
    // Any thread. Errors: FileNotWritable (also for what obstacle() finds, by the bytes of the files),
    // DiskFull.
    Result<void> write(const std::string& name, InputFile& image, const std::vector<ResultFile>& files);

private:
    struct Contents;
    explicit ResultRecord(std::unique_ptr<Contents> contents);
    std::unique_ptr<Contents> m_contents;
};

} // namespace limn
