// SPDX-License-Identifier: GPL-3.0-or-later
// How many images the network had better take at once. Pure; any thread.
#pragma once

#include <string>

namespace limn {

// Images in one run of the network for a device ("cpu" or that of a GPU) and that many threads (0: all
// cores). A GPU needs several to be busy. On the processor each core takes whole images, two a run so that
// none waits long for the last one; what they need at once grows with the input, which leaves fewer of large
// ones.
int suitableBatch(const std::string& device, int inputSize, int threads);

} // namespace limn
