// SPDX-License-Identifier: GPL-3.0-or-later
// Times what a person feels while editing a 4096 x 4096 image and prints a table. Not a test: run it on a
// quiet machine, built for release.
#include "app/document/annotation_document.h"
#include "app/document/proposal_ops.h"
#include "app/document/tool_strokes.h"
#include "app/document/wand.h"
#include "tests/app/document/document_builders.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>

using namespace limn;
using namespace limn::test;

namespace {

constexpr Size kSize{4096, 4096};

double milliseconds() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

class Times {
public:
    template<typename Work>
    void take(Work work) {
        const double begin = milliseconds();
        work();
        m_values.push_back(milliseconds() - begin);
    }
    void print(const char* name, double budget) {
        if (m_values.empty())
            return;
        std::sort(m_values.begin(), m_values.end());
        const auto at = [&](double share) {
            return m_values[static_cast<std::size_t>(share * static_cast<double>(m_values.size() - 1))];
        };
        std::printf("%-44s %8.3f %8.3f %8.3f  %6.0f  %zu\n", name, at(0.5), at(0.95), m_values.back(), budget,
                    m_values.size());
    }
    double median() const {
        std::vector<double> sorted = m_values;
        std::sort(sorted.begin(), sorted.end());
        return sorted[sorted.size() / 2];
    }

private:
    std::vector<double> m_values;
};

double residentMb() {
    std::ifstream status("/proc/self/status");
    std::string line;
    while (std::getline(status, line))
        if (line.rfind("VmRSS:", 0) == 0)
            return std::stod(line.substr(6)) / 1024.0;
    return 0.0;
}

ImagePtr skin(Random& random) {
    auto image = std::make_shared<Image>();
    image->size = kSize;
    image->rgb.resize(kSize.pixels() * 3);
    for (int y = 0; y < kSize.height; ++y)
        for (int x = 0; x < kSize.width; ++x) {
            const double distance = std::hypot(x - 2048.0, y - 2048.0) / 1400.0;
            const double dark = 1.0 / (1.0 + std::exp((distance - 1.0) * 20.0));
            std::uint8_t* rgb = &image->rgb[(static_cast<std::size_t>(y) * kSize.width + x) * 3];
            const int grain = static_cast<int>(random() % 13) - 6;
            rgb[0] = static_cast<std::uint8_t>(210 - 120 * dark + grain);
            rgb[1] = static_cast<std::uint8_t>(160 - 110 * dark + grain);
            rgb[2] = static_cast<std::uint8_t>(140 - 90 * dark + grain);
        }
    return image;
}

ProposalPtr discProposal() {
    auto result = std::make_shared<Proposal>();
    result->extent = whole(kSize);
    result->probability.size = kSize;
    result->probability.values.resize(kSize.pixels());
    for (int y = 0; y < kSize.height; ++y)
        for (int x = 0; x < kSize.width; ++x) {
            const double distance = std::hypot(x - 2048.0, y - 2048.0) / 1500.0;
            const double p = 1.0 / (1.0 + std::exp((distance - 1.0) * 12.0));
            result->probability.values[static_cast<std::size_t>(y) * kSize.width + x] =
                static_cast<std::uint16_t>(std::lround(p * 65535.0));
        }
    result->model.name = "disc";
    return result;
}

} // namespace

int main() {
    Random random(7);
    AnnotationDocument document(kSize);
    document.setProposal(discProposal());
    std::printf("%-44s %8s %8s %8s  %6s  %s\n", "4096 x 4096, milliseconds", "median", "95 %", "most",
                "budget", "n");

    Brush brush;
    brush.diameterPx = 500.0;
    Times events, finishes, gestures, undos, redos;
    const double before = residentMb();
    double mapsMb = 0.0;
    double historyMb = 0.0;
    for (int stroke = 0; stroke < 1000; ++stroke) {
        EditRules rules;
        BrushSample at{{between(random, 0.0, 4096.0), between(random, 0.0, 4096.0)}, 1.0};
        const double direction = between(random, 0.0, 6.28);
        const BrushStroke::Effect effect =
            stroke % 3 == 2 ? BrushStroke::Effect::Erase : BrushStroke::Effect::Paint;
        gestures.take([&] {
            std::unique_ptr<BrushStroke> gesture;
            events.take([&] { gesture = BrushStroke::begin(document, effect, brush, rules, at); });
            for (int event = 0; event < 30; ++event) {
                at.position.x += 25.0 * std::cos(direction + 0.05 * event);
                at.position.y += 25.0 * std::sin(direction + 0.05 * event);
                events.take([&] { gesture->extend(at); });
            }
            finishes.take([&] { gesture->finish(); });
        });
    }
    mapsMb = static_cast<double>(document.labels().memoryBytes() + document.provenance().memoryBytes()) /
             1048576.0;
    historyMb = static_cast<double>(document.history().memoryBytes()) / 1048576.0;
    const double after = residentMb();
    events.print("brush 500 px, one event", 16);
    finishes.print("brush 500 px, end of the stroke", 16);
    std::printf("%-44s %8.1f\n", "strokes of 31 events a second", 1000.0 / gestures.median());
    while (document.history().canUndo())
        undos.take([&] { document.undo(); });
    while (document.history().canRedo())
        redos.take([&] { document.redo(); });
    undos.print("undo of a stroke", 30);
    redos.print("redo of a stroke", 30);

    Times wideEvents;
    brush.diameterPx = 2000.0;
    for (int stroke = 0; stroke < 20; ++stroke) {
        BrushSample at{{between(random, 0.0, 4096.0), between(random, 0.0, 4096.0)}, 1.0};
        auto gesture = BrushStroke::begin(
            document, stroke % 2 ? BrushStroke::Effect::Paint : BrushStroke::Effect::Erase, brush, {}, at);
        for (int event = 0; event < 10; ++event) {
            at.position.x += 60.0;
            wideEvents.take([&] { gesture->extend(at); });
        }
        gesture->finish();
    }
    wideEvents.print("brush 2000 px, one event", 16);

    Times noisy, noisyUndo;
    for (int i = 0; i < 4; ++i) {
        const LabelMap map = noise(random, kSize, 1, 0.3 + 0.1 * i);
        noisy.take([&] { static_cast<void>(document.import(map).ok()); });
        noisyUndo.take([&] { document.undo(); });
        noisyUndo.take([&] { document.redo(); });
    }
    noisy.print("import of noise, whole image", 100);
    noisyUndo.print("undo, redo of noise, whole image", 30);

    Times whole1, thresholds, used;
    LabelMap tile;
    for (int step = 0; step < 40; ++step)
        thresholds.take([&] {
            thresholdTile(*document.proposal(), 0.1 + 0.02 * step, {0, 0, kSize.width, kSize.height}, tile);
        });
    thresholds.print("threshold step, whole image", 16);
    for (int i = 0; i < 6; ++i) {
        document.setThreshold(0.2f + 0.1f * static_cast<float>(i));
        used.take([&] { document.useProposal({}, UseMode::Replace); });
    }
    used.print("use proposal, whole image", 50);
    whole1.take([&] { static_cast<void>(document.snapshot()); });
    whole1.print("snapshot", 1);

    const ImagePtr image = skin(random);
    {
        LabImage lab(image);
        Times prepare;
        prepare.take([&] { lab.prepareAll(); });
        prepare.print("CIELAB of the whole image, once", 1000);
        Times wand;
        std::size_t most = 0;
        for (int step = 0; step < 30; ++step) {
            WandOptions options;
            options.tolerance = 1.0 + 2.0 * step;
            options.sampleSize = 5;
            wand.take([&] { most = std::max(most, wandArea(lab, 2048, 2048, options).pixels()); });
        }
        wand.print("wand preview, connected", 100);
        Times smoothedWand;
        for (int step = 0; step < 10; ++step) {
            WandOptions options;
            options.tolerance = 15.0 + 3.0 * step;
            options.sampleSize = 3;
            options.fillHoles = true;
            options.smoothingPx = 1.0;
            smoothedWand.take([&] { most = std::max(most, wandArea(lab, 2048, 2048, options).pixels()); });
        }
        smoothedWand.print("wand preview, holes filled, smoothed by 1 px", 100);
        Times global;
        for (int step = 0; step < 10; ++step) {
            WandOptions options;
            options.tolerance = 4.0 + 4.0 * step;
            options.connected = false;
            global.take([&] { most = std::max(most, wandArea(lab, 2048, 2048, options).pixels()); });
        }
        global.print("wand preview, everywhere", 100);
        std::printf("%-44s %8zu\n", "largest selection, pixels", most);
    }
    {
        LabImage fresh(image);
        Times first;
        WandOptions options;
        options.tolerance = 80.0;
        first.take([&] { static_cast<void>(wandArea(fresh, 2048, 2048, options)); });
        first.print("wand, first click without preparation", 100);
    }

    Times operations;
    const TileMap map = document.snapshot().labels;
    std::size_t touched = 0;
    const auto operation = [&](const char* name, auto work) {
        Times times;
        for (int i = 0; i < 3; ++i)
            times.take([&] { touched += work().add.pixels(); });
        times.print(name, 100);
    };
    operation("fill holes", [&] { return fillHoles(map, 1); });
    operation("keep largest", [&] { return keepLargest(map, 1); });
    operation("clean", [&] { return clean(map, 1); });
    operation("grow by 10 px", [&] { return grow(map, 1, 10.0); });
    operation("shrink by 10 px", [&] { return shrink(map, 1, 10.0); });
    operation("smooth, sigma 3", [&] { return smooth(map, 1, 3.0); });

    std::printf("\nmemory after 1,000 strokes: maps %.0f MB, history %.1f MB of %.0f MB; process %.0f MB "
                "before, %.0f MB "
                "after\n",
                mapsMb, historyMb, static_cast<double>(document.history().limitBytes()) / 1048576.0, before,
                after);
    return touched == 0 ? 1 : 0;
}
