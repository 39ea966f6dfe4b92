// SPDX-License-Identifier: GPL-3.0-or-later
// How options are shown by --help and refused: what may be given stands beside the option, and what may not
// is said in a sentence without the parser's own words.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class FormatterBase;
class ParseError;
class Validator;
} // namespace CLI

namespace limn {

// A number from `least` to `most`; shown as "0..1".
CLI::Validator between(double least, double most);
// One of these words; shown as "mask|overlay".
CLI::Validator oneOf(std::vector<std::string> words);

// For the program, before its commands are added: each takes it over.
std::shared_ptr<CLI::FormatterBase> helpFormatter();

// What is wrong with the command line, for printProblem().
std::string sentenceOf(const CLI::App& program, const CLI::ParseError& error);

} // namespace limn
