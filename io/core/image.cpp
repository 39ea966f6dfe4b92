// SPDX-License-Identifier: GPL-3.0-or-later
#include "io/core/image.h"

#include <algorithm>
#include <cmath>

namespace limn {

Rect intersected(const Rect& a, const Rect& b) {
    const int x = std::max(a.x, b.x);
    const int y = std::max(a.y, b.y);
    const int right = std::min(a.right(), b.right());
    const int bottom = std::min(a.bottom(), b.bottom());
    if (a.empty() || b.empty() || right <= x || bottom <= y)
        return {};
    return {x, y, right - x, bottom - y};
}

Rect united(const Rect& a, const Rect& b) {
    if (a.empty())
        return b;
    if (b.empty())
        return a;
    const int x = std::min(a.x, b.x);
    const int y = std::min(a.y, b.y);
    return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
}

std::uint32_t ProbabilityMap::firstInside(double threshold) {
    // value / 65535 >= threshold  <=>  value >= ceil(threshold * 65535); the small offset keeps thresholds
    // that are themselves stored values (such as 0.2) on their own side in spite of binary rounding.
    const double scaled = std::ceil(threshold * 65535.0 - 1e-6);
    return static_cast<std::uint32_t>(std::clamp(scaled, 0.0, 65536.0));
}

} // namespace limn
