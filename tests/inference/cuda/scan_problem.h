// SPDX-License-Identifier: GPL-3.0-or-later
// A scan's shape as the CUDA kernels and their host versions take it.
#pragma once

#include "inference/cuda/kernels.h"
#include "inference/scan/selective_scan.h"

namespace limn::test {

// Without arrays.
inline gpu::ScanProblem problemOf(const ScanShape& shape, gpu::Element element) {
    gpu::ScanProblem problem;
    problem.batch = static_cast<int>(shape.batch);
    problem.height = static_cast<int>(shape.height);
    problem.width = static_cast<int>(shape.width);
    problem.channels = static_cast<int>(shape.channels);
    problem.rank = static_cast<int>(shape.rank);
    problem.rankStride = static_cast<int>(shape.rankStride);
    problem.directions = static_cast<int>(shape.directions);
    problem.element = element;
    return problem;
}

} // namespace limn::test
