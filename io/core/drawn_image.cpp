// SPDX-License-Identifier: GPL-3.0-or-later
// Chooses the drawing for a kind (see drawn_image.h).
#include "io/core/drawn_image.h"

#include "io/core/drawn_dermoscopy.h"
#include "io/core/drawn_endoscopy.h"

namespace limn {

DrawnImage drawImage(DrawnKind kind, Size size, std::uint64_t seed) {
    if (size.width < 1 || size.height < 1)
        return {};
    return kind == DrawnKind::Dermoscopy ? drawn::drawDermoscopy(size, seed)
                                         : drawn::drawEndoscopy(size, seed);
}

} // namespace limn
