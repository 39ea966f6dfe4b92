// SPDX-License-Identifier: GPL-3.0-or-later
// What the images of a folder say about each of them: a folder is nearly always of one kind, and an image
// that alone would be taken for the other kind by a little is taken for what its neighbours are. Any thread.
#pragma once

#include <string>
#include <vector>

namespace limn {

// For each file the odds to hand to guessImageKind() and LookSampler::kind(). Of each folder with four or
// more of the files up to nine, evenly spread, are looked at: log((endoscopy + 1) / (dermoscopy + 1)) of what
// they are by themselves. 0 for files of smaller folders. Files that cannot be read do not count. Reads with
// several threads; does not depend on their number.
std::vector<double> folderOdds(const std::vector<std::string>& files);

} // namespace limn
