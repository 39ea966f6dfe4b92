// SPDX-License-Identifier: GPL-3.0-or-later
// The cases of shared/golden/selective_scan.safetensors as problems that every implementation of the scan can
// take, and its results in the golden arrays' order.
#pragma once

#include "inference/plain/tensor_file.h"
#include "tests/inference/scan/scan_test_tools.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace limn::test {

// What came out; y and u [batch][length][channels], summed over directions.
struct ScanResults {
    std::vector<float> y, gradU, gradProjected, gradA, gradD, gradBias;
};

// A golden case has groups of channels with B and C of their own: each group is a scan of its own here, over
// a 1 x l image in one direction, with the steps as features and the identity for their weights.
class GoldenScan {
public:
    static constexpr int kCases = 8;
    static const char* path() { return LIMN_SHARED_DIR "/golden/selective_scan.safetensors"; }

    // Throws std::runtime_error when the file lacks an array.
    GoldenScan(const TensorFile& file, int number)
        : m_file(file), m_prefix("case" + std::to_string(number) + ".") {
        const StoredTensor& u = tensor("u");
        const StoredTensor& b = tensor("B");
        m_batch = u.shape[0];
        m_channels = u.shape[1];
        m_length = u.shape[2];
        m_groups = b.shape[1];
        m_states = b.shape[2];
        m_own = m_channels / m_groups;
        for (std::size_t i = 0; i < kResults.size(); ++i)
            m_found[i].resize(tensor(kResults[i]).toFloat().size());
    }

    std::int64_t groups() const { return m_groups; }

    ScanArrays group(std::int64_t g) const {
        ScanArrays out;
        ScanShape& shape = out.shape;
        shape.batch = m_batch;
        shape.height = 1;
        shape.width = m_length;
        shape.channels = shape.rank = shape.rankStride = m_own;
        shape.directions = 1;
        const std::int64_t slice = shape.sliceWidth();
        const std::int64_t rows = m_batch * m_length;
        out.u.resize(index(rows * m_own));
        out.dy.resize(index(rows * m_own));
        out.projected.resize(index(rows * slice));
        out.dtWeight.resize(index(m_own * m_own));
        out.dtBias.resize(index(m_own));
        // States that the case does not have decay and receive nothing: their B is zero.
        out.a.assign(index(m_own * kScanStates), -1.0f);
        out.d.resize(index(m_own));
        const std::vector<float> u = tensor("u").toFloat(), delta = tensor("delta").toFloat(),
                                 a = tensor("A").toFloat(), b = tensor("B").toFloat(),
                                 c = tensor("C").toFloat(), d = tensor("D").toFloat(),
                                 bias = tensor("delta_bias").toFloat(), dy = tensor("dy").toFloat();
        for (std::int64_t local = 0; local < m_own; ++local) {
            const std::int64_t channel = g * m_own + local;
            out.d[index(local)] = d[index(channel)];
            out.dtBias[index(local)] = bias[index(channel)];
            out.dtWeight[index(local * m_own + local)] = 1.0f;
            for (std::int64_t n = 0; n < m_states; ++n)
                out.a[index(local * kScanStates + n)] = a[index(channel * m_states + n)];
            eachStep(channel, [&](std::size_t from, std::int64_t row) {
                out.u[index(row * m_own + local)] = u[from];
                out.dy[index(row * m_own + local)] = dy[from];
                out.projected[index(row * slice + local)] = delta[from];
            });
        }
        eachCoefficient(g, slice, [&](std::size_t from, std::size_t to) {
            out.projected[to] = b[from];
            out.projected[to + kScanStates] = c[from];
        });
        return out;
    }

    void add(std::int64_t g, const ScanResults& r) {
        auto& [y, gradU, gradDelta, gradA, gradB, gradC, gradD, gradBias] = m_found;
        const std::int64_t slice = m_own + 2 * kScanStates;
        for (std::int64_t local = 0; local < m_own; ++local) {
            const std::int64_t channel = g * m_own + local;
            gradD[index(channel)] = r.gradD[index(local)];
            gradBias[index(channel)] = r.gradBias[index(local)];
            for (std::int64_t n = 0; n < m_states; ++n)
                gradA[index(channel * m_states + n)] = r.gradA[index(local * kScanStates + n)];
            eachStep(channel,
                     [&, &y = y, &gradU = gradU, &gradDelta = gradDelta](std::size_t to, std::int64_t row) {
                         y[to] = r.y[index(row * m_own + local)];
                         gradU[to] = r.gradU[index(row * m_own + local)];
                         gradDelta[to] = r.gradProjected[index(row * slice + local)];
                     });
        }
        eachCoefficient(g, slice, [&, &gradB = gradB, &gradC = gradC](std::size_t to, std::size_t from) {
            gradB[to] = r.gradProjected[from];
            gradC[to] = r.gradProjected[from + kScanStates];
        });
    }

    // Calls function(name, found, expected) for y and the seven gradients, once all groups were added.
    template<typename Function>
    void eachResult(Function function) const {
        for (std::size_t i = 0; i < kResults.size(); ++i)
            function(m_prefix + kResults[i], m_found[i], tensor(kResults[i]).toDouble());
    }

private:
    static constexpr std::array kResults = {"y",      "grad_u", "grad_delta", "grad_A",
                                            "grad_B", "grad_C", "grad_D",     "grad_delta_bias"};

    static std::size_t index(std::int64_t value) { return static_cast<std::size_t>(value); }

    const StoredTensor& tensor(const char* name) const {
        const StoredTensor* found = m_file.find(m_prefix + name);
        if (found == nullptr)
            throw std::runtime_error("the golden file lacks " + m_prefix + name);
        return *found;
    }
    // Calls with the index into the golden [batch][channels][length] and the row of the problem.
    template<typename Function>
    void eachStep(std::int64_t channel, Function function) const {
        for (std::int64_t i = 0; i < m_batch; ++i)
            for (std::int64_t t = 0; t < m_length; ++t)
                function(index((i * m_channels + channel) * m_length + t), i * m_length + t);
    }
    // With the index into the golden [batch][groups][states][length] and that of B in `projected`.
    template<typename Function>
    void eachCoefficient(std::int64_t g, std::int64_t slice, Function function) const {
        for (std::int64_t i = 0; i < m_batch; ++i)
            for (std::int64_t t = 0; t < m_length; ++t)
                for (std::int64_t n = 0; n < m_states; ++n)
                    function(index(((i * m_groups + g) * m_states + n) * m_length + t),
                             index((i * m_length + t) * slice + m_own + n));
    }

    const TensorFile& m_file;
    std::string m_prefix;
    std::int64_t m_batch = 0, m_channels = 0, m_length = 0, m_groups = 0, m_states = 0, m_own = 0;
    std::array<std::vector<float>, kResults.size()> m_found;
};

} // namespace limn::test
