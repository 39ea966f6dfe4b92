// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli demo: writes drawn images with their true masks, to try the program with or to test a pipeline.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/option_help.h"
#include "io/core/drawn_image.h"
#include "io/images/mask_files.h"

#include <CLI/CLI.hpp>

#include <QDir>

#include <memory>

namespace limn {

namespace {

struct DemoCommand {
    std::string output;
    std::vector<std::string> kinds{"dermoscopy", "endoscopy"};
    int count = 6;
    int width = 0;
    int height = 0;
    std::uint64_t seed = 1;
};

// What cameras give: 12 megapixels of a dermatoscope, 2 of an endoscope.
constexpr Size kDermoscopySize{4000, 3000};
constexpr Size kEndoscopySize{1920, 1080};

int drawDemo(const DemoCommand& command) {
    const QString folder = QString::fromStdString(command.output);
    for (const char* part : {"images", "masks"}) {
        const QString path = folder + QLatin1Char('/') + QLatin1String(part);
        if (!QDir().mkpath(path))
            return reportError(
                Error{ErrorCode::FileNotWritable, {path.toStdString(), "the folder cannot be made here"}});
    }
    const std::size_t total = command.kinds.size() * static_cast<std::size_t>(command.count);
    ProgressBar bar(total, "images");
    std::size_t done = 0;
    for (const std::string& name : command.kinds) {
        const DrawnKind kind = name == "endoscopy" ? DrawnKind::Endoscopy : DrawnKind::Dermoscopy;
        Size size = kind == DrawnKind::Endoscopy ? kEndoscopySize : kDermoscopySize;
        if (command.width > 0)
            size.width = command.width;
        if (command.height > 0)
            size.height = command.height;
        for (int i = 0; i < command.count; ++i) {
            if (interruptToken().cancelled())
                return reportError(Error{ErrorCode::Cancelled, {"Drawing"}});
            const std::uint64_t seed = command.seed + static_cast<std::uint64_t>(i);
            const DrawnImage drawn = drawImage(kind, size, seed);
            const std::string stem = name + "_" + std::to_string(seed);
            if (Result<void> written = writeJpeg(command.output + "/images/" + stem + ".jpg", drawn.image);
                !written)
                return reportError(written.error());
            if (Result<void> written = writeMask(command.output + "/masks/" + stem + "_mask.png", drawn.mask);
                !written)
                return reportError(written.error());
            bar.show(++done, 0);
        }
    }
    bar.wipe();
    printLine(std::to_string(total) + " drawn images lie in " + command.output +
              "/images, their true masks in " + command.output + "/masks");
    return kExitDone;
}

} // namespace

void addDemoCommand(CLI::App& program, ChosenCommand& chosen) {
    auto state = std::make_shared<DemoCommand>();
    CLI::App* command = program.add_subcommand("demo", "Draw images with true masks, to try things with");
    command->add_option("--output", state->output, "Folder; gets images/ and masks/")
        ->required()
        ->type_name("DIR");
    command->add_option("--kind", state->kinds, "One of them, or both separated by a comma; without it both")
        ->delimiter(',')
        ->check(oneOf({"dermoscopy", "endoscopy"}));
    command->add_option("--count", state->count, "Images of each kind")
        ->check(between(1, 100000))
        ->capture_default_str();
    command->add_option("--width", state->width, "Pixels; without it a camera's")->check(between(32, 16384));
    command->add_option("--height", state->height, "Pixels; without it a camera's")
        ->check(between(32, 16384));
    command->add_option("--seed", state->seed, "Of the first image; each next one is one more")
        ->type_name("NUMBER")
        ->capture_default_str();
    command->callback([state, &chosen] { chosen = [state] { return drawDemo(*state); }; });
}

} // namespace limn
