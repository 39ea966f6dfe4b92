// SPDX-License-Identifier: GPL-3.0-or-later
// From what stands on the command line to a list of images with distinct output names. Opens no image except
// to tell whether a file without an extension is one. Any thread.
#pragma once

#include "io/core/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace limn {

struct InputImage {
    std::string path;             // UTF-8, as given or found
    std::string name;             // stem of its output files; no two images of a list share one
    std::optional<Error> problem; // known already: the folder cannot be listed, ...
    double endoscopyOdds = 0.0;   // what its folder says about its kind (folder_kind.h)
};

// Files as given; folders searched through (hidden files and `outputFolder` left out) for names that end like
// an image, and for DICOM objects without an extension. Ordered by path within a folder; the same file twice
// counts once.
//
// Names are those of app/export/distinct_names.h. A file that does not exist stays in the list: reading it
// fails, the others go on. Error: InvalidArgument when there is no image at all.
Result<std::vector<InputImage>> collectImages(const std::vector<std::string>& paths,
                                              const std::string& outputFolder);

// Part `index` (from 1) of `count`, told by position: every count-th image.
struct Shard {
    int index = 1;
    int count = 1;
};
// "2/8". Error: InvalidArgument.
Result<Shard> parseShard(const std::string& text);
std::vector<InputImage> shardOf(std::vector<InputImage> images, const Shard& shard);

} // namespace limn
