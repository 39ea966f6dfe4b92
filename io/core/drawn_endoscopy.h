// SPDX-License-Identifier: GPL-3.0-or-later
// The endoscopy half of drawImage(). Not for use outside io/core. Plain C++20, pure, any thread.
#pragma once

#include "io/core/drawn_image.h"

namespace limn::drawn {

DrawnImage drawEndoscopy(Size size, std::uint64_t seed);

} // namespace limn::drawn
