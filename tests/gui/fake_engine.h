// SPDX-License-Identifier: GPL-3.0-or-later
// An engine for window tests: its proposal is a disc in the middle of the image with a soft edge, made after
// a delay that tests choose. Everything else of Engine is as small as its contract allows.
#pragma once

#include "inference/engine.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>

namespace limn {

class FakeEngine : public Engine {
public:
    explicit FakeEngine(int delayMs, const std::string& name = "drawn-disc") : m_delayMs(delayMs) {
        m_info.identity = {name, std::string(64, name.empty() ? 'a' : name.front())};
        m_device.id = "cpu";
        m_device.name = "test";
    }
    const ModelInfo& model() const override { return m_info; }
    DeviceInfo device() const override { return m_device; }
    Result<void> warmUp(int, int) override { return {}; }
    Result<Proposal> predict(const Image& image, const PredictOptions& options,
                             const CancelToken* cancel) override {
        for (int waited = 0; waited < m_delayMs; waited += 5) {
            if (cancel && cancel->cancelled())
                return Error{ErrorCode::Cancelled, {"proposal"}};
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return finish(image, {}, options);
    }
    std::vector<Result<Proposal>> predictBatch(std::span<const ImagePtr> images,
                                               const PredictOptions& options,
                                               const CancelToken* cancel) override {
        std::vector<Result<Proposal>> results;
        for (const ImagePtr& image : images)
            results.push_back(predict(*image, options, cancel));
        return results;
    }
    Result<std::vector<float>> preprocess(const Image&, const PredictOptions& options) const override {
        return std::vector<float>(static_cast<std::size_t>(options.inputSize) * options.inputSize * 3, 0.0f);
    }
    Result<std::vector<FloatMap>> run(std::span<const std::vector<float>> inputs,
                                      const PredictOptions& options, const CancelToken*) override {
        FloatMap map;
        map.size = {options.inputSize, options.inputSize};
        map.values.assign(map.size.pixels(), 0.0f);
        return std::vector<FloatMap>(inputs.size(), map);
    }
    // Probability 0.5 at radius, falling over a fifth of it.
    Proposal finish(const Image& image, FloatMap network, const PredictOptions& options) const override {
        Proposal p;
        p.extent = options.region.value_or(Rect{0, 0, image.size.width, image.size.height});
        p.probability.size = {p.extent.width, p.extent.height};
        p.probability.values.resize(p.probability.size.pixels());
        const double radius = radiusFor(image.size);
        for (int y = 0; y < p.extent.height; ++y) {
            for (int x = 0; x < p.extent.width; ++x) {
                const double d = std::hypot(p.extent.x + x + 0.5 - image.size.width / 2.0,
                                            p.extent.y + y + 0.5 - image.size.height / 2.0);
                const double probability = std::clamp(0.5 + (radius - d) / (radius * 0.4), 0.0, 1.0);
                p.probability.values[static_cast<std::size_t>(y) * p.extent.width + x] =
                    static_cast<std::uint16_t>(std::lround(probability * 65535));
            }
        }
        p.network = std::move(network);
        p.model = m_info.identity;
        p.options = options;
        p.device = "cpu";
        p.precision = "fp32";
        p.times = {1, static_cast<double>(m_delayMs), 1};
        return p;
    }
    static double radiusFor(Size size) { return std::min(size.width, size.height) * 0.25; }

private:
    int m_delayMs;
    ModelInfo m_info;
    DeviceInfo m_device;
};

} // namespace limn
