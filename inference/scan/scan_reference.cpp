// SPDX-License-Identifier: GPL-3.0-or-later
// The selective scan as it is defined: one step after the other in double precision, on the calling thread.
// Slow; for tests and as a baseline.
#include "inference/scan/selective_scan.h"

#include "inference/scan/scan_tile.h"

#include <cmath>
#include <vector>

namespace limn {

void selectiveScanForwardReference(const ScanShape& shape, const ScanInputs& inputs, float* y) {
    const std::int64_t length = shape.length();
    const std::int64_t channels = shape.channels;
    std::vector<double> sums(static_cast<std::size_t>(length * channels));
    std::vector<double> states(static_cast<std::size_t>(channels * kScanStates));
    for (std::int64_t item = 0; item < shape.batch; ++item) {
        std::fill(sums.begin(), sums.end(), 0.0);
        for (int k = 0; k < shape.directions; ++k) {
            std::fill(states.begin(), states.end(), 0.0);
            for (std::int64_t t = 0; t < length; ++t) {
                std::int64_t row = 0;
                scan::pathPlaces(shape, k, t, 1, shape.width, &row);
                const float* slice = inputs.projected + (item * length + row) * shape.projectedWidth() +
                                     k * shape.sliceWidth();
                const float* b = slice + shape.rankStride;
                const float* c = b + kScanStates;
                for (std::int64_t d = 0; d < channels; ++d) {
                    const std::int64_t kd = k * channels + d;
                    double argument = inputs.dtBias[kd];
                    for (std::int64_t r = 0; r < shape.rank; ++r)
                        argument += static_cast<double>(inputs.dtWeight[kd * shape.rank + r]) * slice[r];
                    const double delta =
                        std::fmax(argument, 0.0) + std::log1p(std::exp(-std::fabs(argument)));
                    const double u = inputs.u[(item * length + row) * channels + d];
                    double sum = inputs.d[kd] * u;
                    double* h = states.data() + d * kScanStates;
                    for (int n = 0; n < kScanStates; ++n) {
                        h[n] = std::exp(delta * inputs.a[kd * kScanStates + n]) * h[n] + delta * u * b[n];
                        sum += c[n] * h[n];
                    }
                    sums[static_cast<std::size_t>(row * channels + d)] += sum;
                }
            }
        }
        float* out = y + item * length * channels;
        for (std::size_t i = 0; i < sums.size(); ++i)
            out[i] = static_cast<float>(sums[i]);
    }
}

} // namespace limn
