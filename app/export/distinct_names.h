// SPDX-License-Identifier: GPL-3.0-or-later
// Names for the files that are made of images. Plain functions, any thread.
#pragma once

#include <string>
#include <vector>

namespace limn {

// For each path a name that no other path of the list has: the file's stem. Files that share a stem all get
// FOLDER_STEM instead, and where that is not enough STEM_EXTENSION and a number of their own made of the
// path below the folder that all of them share, so that a name depends neither on the order of files nor on
// where that folder lies.
std::vector<std::string> distinctNames(const std::vector<std::string>& paths);

} // namespace limn
