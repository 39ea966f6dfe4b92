// SPDX-License-Identifier: GPL-3.0-or-later
// The commands of limn-cli. Each adds its options to the parser and, when the person chose it, puts its work
// into `chosen`; main() runs it after parsing and exits with what it returns (see console.h).
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace limn {

using ChosenCommand = std::function<int()>;

void addSegmentCommand(CLI::App& program, ChosenCommand& chosen);
void addEvaluateCommand(CLI::App& program, ChosenCommand& chosen);
void addModelCommands(CLI::App& program, ChosenCommand& chosen);
void addDevicesCommand(CLI::App& program, ChosenCommand& chosen);
void addProjectCommands(CLI::App& program, ChosenCommand& chosen);
void addDemoCommand(CLI::App& program, ChosenCommand& chosen);
void addBenchmarkCommand(CLI::App& program, ChosenCommand& chosen);
void addTrainCommand(CLI::App& program, ChosenCommand& chosen);

} // namespace limn
