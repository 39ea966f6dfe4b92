// SPDX-License-Identifier: GPL-3.0-or-later
// The parity table: how far this code is from the golden values, a line for each golden file. A test adds
// what it compares and prints its lines at its end; inference/README.md says which command shows them all.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace limn::testing {

class ParityTable {
public:
    // Arrays of equal size; `what` names the quantity within the golden file.
    template<typename Found, typename Expected>
    void add(const std::string& file, const std::string& what, const std::vector<Found>& found,
             const std::vector<Expected>& expected) {
        double largest = 0.0;
        for (const Expected value : expected)
            largest = std::max(largest, std::fabs(static_cast<double>(value)));
        Row& row = m_rows[file];
        ++row.arrays;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double wanted = static_cast<double>(expected[i]);
            double absolute = std::fabs(static_cast<double>(found.at(i)) - wanted);
            if (std::isnan(absolute))
                absolute = std::numeric_limits<double>::infinity();
            if (absolute >= row.absolute) {
                row.absolute = absolute;
                row.absoluteIn = what;
                row.absoluteLargest = largest;
            }
            // Near zero a relative error says nothing.
            if (std::fabs(wanted) >= kNearZero * largest && wanted != 0.0 &&
                absolute / std::fabs(wanted) >= row.relative) {
                row.relative = absolute / std::fabs(wanted);
                row.relativeIn = what;
            }
        }
    }

    void print() const {
        for (const auto& [file, row] : m_rows) {
            std::printf("parity | %s | %zu arrays | ", file.c_str(), row.arrays);
            if (row.absolute == 0.0)
                std::printf("equal\n");
            else
                std::printf("absolute %.2g in %s, whose largest value is %.3g | relative %.2g in %s\n",
                            row.absolute, row.absoluteIn.c_str(), row.absoluteLargest, row.relative,
                            row.relativeIn.c_str());
        }
        std::fflush(stdout);
    }

private:
    static constexpr double kNearZero = 0.01; // of an array's largest value

    struct Row {
        std::size_t arrays = 0;
        double absolute = 0.0;
        std::string absoluteIn;
        double absoluteLargest = 0.0;
        double relative = 0.0;
        std::string relativeIn;
    };
    std::map<std::string, Row> m_rows;
};

} // namespace limn::testing
