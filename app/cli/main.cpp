// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli: the contract for scripts. Only reads the command line; each command is in a file of its own.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/option_help.h"

#include <CLI/CLI.hpp>

#include <QCoreApplication>

#include <cstdio>
#include <exception>

namespace {

int run(int argc, char** argv) {
    QCoreApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("limn-cli"));
    QCoreApplication::setApplicationVersion(QStringLiteral(LIMN_VERSION));

    CLI::App program("Segments dermoscopy and endoscopy images, and tells how well.", "limn-cli");
    program.set_version_flag("--version", "limn-cli " LIMN_VERSION);
    program.formatter(limn::helpFormatter());
    program.require_subcommand(1);
    program.footer(
        "Exit codes: 0 everything worked, 1 something failed, 2 the command line is wrong, 130 cancelled.");

    limn::ChosenCommand chosen;
    limn::addSegmentCommand(program, chosen);
    limn::addEvaluateCommand(program, chosen);
    limn::addModelCommands(program, chosen);
    limn::addDevicesCommand(program, chosen);
    limn::addProjectCommands(program, chosen);
    limn::addDemoCommand(program, chosen);
    limn::addBenchmarkCommand(program, chosen);
    limn::addTrainCommand(program, chosen);

    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)
            return program.exit(error); // --help and --version, on standard output
        limn::printProblem(limn::sentenceOf(program, error));
        std::fputs("limn-cli --help, or limn-cli COMMAND --help, shows what can be given.\n", stderr);
        return limn::kExitUsage;
    }
    return chosen();
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        // A last resort for what libraries throw: a sentence, never a crash. Not by printProblem(), whose
        // string could throw itself.
        std::fprintf(stderr, "limn-cli: an unexpected problem ended the command: %s\n", error.what());
        return limn::kExitFailed;
    }
}
