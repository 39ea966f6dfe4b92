// SPDX-License-Identifier: GPL-3.0-or-later
// What the network's tests share: golden files, formula weights in modules, and comparisons that say where
// they fail.
#pragma once

#include "inference/network/vm_unet_v2.h"
#include "inference/plain/tensor_file.h"
#include "tests/inference/formula_weights.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <QString>

#include <filesystem>

namespace limn::testing {

inline std::string goldenPath(const char* name) {
    return std::string(LIMN_SHARED_DIR) + "/golden/" + name;
}

inline bool hasGolden(const char* name) {
    return std::filesystem::exists(goldenPath(name));
}

inline at::Tensor tensorOf(const TensorFile& file, const std::string& name) {
    const StoredTensor* stored = file.find(name);
    TORCH_CHECK(stored != nullptr, "the golden file lacks ", name);
    const std::vector<double> values = stored->toDouble();
    return at::from_blob(const_cast<double*>(values.data()), stored->shape, at::kDouble).clone();
}

inline at::Tensor formula(const std::string& name, const std::vector<std::int64_t>& shape) {
    const std::vector<float> values = formulaTensor(name, shape);
    return at::from_blob(const_cast<float*>(values.data()), shape, at::kFloat).clone();
}

inline void fillByFormula(torch::nn::Module& module, const std::string& prefix) {
    const torch::NoGradGuard noGradients;
    for (const auto& item : module.named_parameters())
        item.value().copy_(formula(prefix + item.key(), item.value().sizes().vec()));
    for (const auto& item : module.named_buffers())
        if (item.value().scalar_type() == at::kFloat)
            item.value().copy_(formula(prefix + item.key(), item.value().sizes().vec()));
}

// Largest absolute difference, and that over the expected tensor's largest magnitude.
struct Difference {
    double absolute = 0.0;
    double relative = 0.0;
};

inline Difference differenceOf(const at::Tensor& found, const at::Tensor& expected) {
    const at::Tensor f = found.detach().to(at::kCPU).to(at::kDouble).flatten();
    const at::Tensor e = expected.detach().to(at::kCPU).to(at::kDouble).flatten();
    TORCH_CHECK(f.numel() == e.numel(), "sizes differ: ", f.numel(), " and ", e.numel());
    Difference difference;
    if (f.numel() == 0)
        return difference;
    difference.absolute = (f - e).abs().max().item<double>();
    if (!std::isfinite(difference.absolute))
        difference.absolute = 1e300; // NaN must never pass a comparison
    difference.relative = difference.absolute / std::max(1e-30, e.abs().max().item<double>());
    return difference;
}

inline QString sentence(const char* what, const Difference& difference) {
    return QStringLiteral("%1: largest difference %2, %3 of the largest value")
        .arg(QString::fromUtf8(what))
        .arg(difference.absolute, 0, 'g', 3)
        .arg(difference.relative, 0, 'g', 3);
}

} // namespace limn::testing
