// SPDX-License-Identifier: GPL-3.0-or-later
// An engine without a network: a pixel's probability is how dark it is. Lets the pipeline's tests say what
// must come out, and fail, wait or cancel on purpose.
#pragma once

#include "inference/engine.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace limn {

class FakeEngine : public Engine {
public:
    FakeEngine() {
        m_model.identity = {"fake", std::string(64, 'a')};
        m_device.id = "cpu";
        m_device.name = "none";
    }

    // Called with the number of images before each run; an error fails the run.
    std::function<Result<void>(std::size_t images)> beforeRun;
    std::vector<std::size_t> batches; // images in each run that was begun

    void setModelName(const std::string& name) { m_model.identity.name = name; }
    void setModelHash(char digit) { m_model.identity.sha256 = std::string(64, digit); }

    const ModelInfo& model() const override { return m_model; }
    DeviceInfo device() const override { return m_device; }
    Result<void> warmUp(int, int) override { return {}; }

    Result<Proposal> predict(const Image& image, const PredictOptions& options,
                             const CancelToken* cancel) override {
        Result<std::vector<float>> input = preprocess(image, options);
        if (!input)
            return input.error();
        Result<std::vector<FloatMap>> maps = run(std::span(&*input, 1), options, cancel);
        if (!maps)
            return maps.error();
        return finish(image, std::move(maps->front()), options);
    }

    std::vector<Result<Proposal>> predictBatch(std::span<const ImagePtr> images,
                                               const PredictOptions& options,
                                               const CancelToken* cancel) override {
        std::vector<Result<Proposal>> proposals;
        for (const ImagePtr& image : images)
            proposals.push_back(predict(*image, options, cancel));
        return proposals;
    }

    // Nearest pixel of the square's centres.
    Result<std::vector<float>> preprocess(const Image& image, const PredictOptions& options) const override {
        const std::size_t side = static_cast<std::size_t>(options.inputSize);
        std::vector<float> planes(side * side * 3);
        for (std::size_t y = 0; y < side; ++y)
            for (std::size_t x = 0; x < side; ++x)
                for (std::size_t c = 0; c < 3; ++c)
                    planes[(c * side + y) * side + x] =
                        image.pixel(static_cast<int>((2 * x + 1) * image.size.width / (2 * side)),
                                    static_cast<int>((2 * y + 1) * image.size.height / (2 * side)))[c];
        return planes;
    }

    Result<std::vector<FloatMap>> run(std::span<const std::vector<float>> inputs,
                                      const PredictOptions& options, const CancelToken*) override {
        batches.push_back(inputs.size());
        if (beforeRun)
            if (Result<void> ready = beforeRun(inputs.size()); !ready)
                return ready.error();
        std::vector<FloatMap> maps;
        for (const std::vector<float>& input : inputs) {
            FloatMap map{{options.inputSize, options.inputSize}, std::vector<float>(input.size() / 3)};
            for (std::size_t i = 0; i < map.values.size(); ++i)
                map.values[i] = 1.0f - input[i] / 255.0f;
            maps.push_back(std::move(map));
        }
        return maps;
    }

    Proposal finish(const Image& image, FloatMap network, const PredictOptions& options) const override {
        Proposal proposal;
        proposal.extent = {0, 0, image.size.width, image.size.height};
        proposal.probability.size = image.size;
        proposal.probability.values.resize(image.size.pixels());
        for (int y = 0; y < image.size.height; ++y)
            for (int x = 0; x < image.size.width; ++x) {
                const int u = x * network.size.width / image.size.width;
                const int v = y * network.size.height / image.size.height;
                const float p = network.values[static_cast<std::size_t>(v) * network.size.width + u];
                proposal.probability.values[static_cast<std::size_t>(y) * image.size.width + x] =
                    static_cast<std::uint16_t>(p * 65535.0f + 0.5f);
            }
        proposal.network = std::move(network);
        proposal.model = m_model.identity;
        proposal.options = options;
        proposal.device = "cpu";
        return proposal;
    }

private:
    ModelInfo m_model;
    DeviceInfo m_device;
};

// White with a black rectangle.
inline Image pictureWith(Size size, const Rect& dark) {
    Image image;
    image.size = size;
    image.rgb.assign(size.pixels() * 3, 255);
    for (int y = dark.y; y < dark.bottom(); ++y)
        for (int x = dark.x; x < dark.right(); ++x)
            std::fill_n(image.rgb.begin() + (static_cast<std::ptrdiff_t>(y) * size.width + x) * 3, 3,
                        std::uint8_t{0});
    return image;
}

inline LabelMap maskWith(Size size, const Rect& inside) {
    LabelMap mask(size);
    for (int y = inside.y; y < inside.bottom(); ++y)
        for (int x = inside.x; x < inside.right(); ++x)
            mask.at(x, y) = 1;
    return mask;
}

} // namespace limn
