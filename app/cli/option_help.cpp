// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/option_help.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace limn {

namespace {

std::string numberText(double number) {
    char text[32];
    std::snprintf(text, sizeof text, "%.10g", number);
    return text;
}

std::string joined(const std::vector<std::string>& words, const char* between, const char* beforeLast) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0)
            text += i + 1 == words.size() ? beforeLast : between;
        text += words[i];
    }
    return text;
}

// CLI11 shows "INT:INT in [0 - 1024]=0" and "REQUIRED" after it; here "0..1024", and the rest behind the
// description.
class HelpFormatter : public CLI::Formatter {
public:
    std::string make_option_opts(const CLI::Option* option) const override {
        if (option->get_type_size() == 0) // a flag
            return {};
        const std::string type = option->get_type_name();
        const std::size_t colon = type.find(':'); // what checks say follows the type's own name
        std::string text = " " + (colon == std::string::npos ? type : type.substr(colon + 1));
        if (option->get_expected_max() == CLI::detail::expected_max_vector_size)
            text += " ...";
        else if (option->get_expected_min() > 1)
            text += " x " + std::to_string(option->get_expected_min());
        return text;
    }

    std::string make_option_desc(const CLI::Option* option) const override {
        std::string text = option->get_description();
        std::string usual = option->get_default_str();
        if (usual.size() > 1 && usual.front() == '[' && usual.back() == ']') // of a list
            usual = usual.substr(1, usual.size() - 2);
        if (!usual.empty())
            text += " (default: " + usual + ")";
        if (option->get_required())
            text += " (required)";
        return text;
    }
};

} // namespace

CLI::Validator between(double least, double most) {
    return {[least, most](std::string& text) {
                char* end = nullptr;
                const double number = std::strtod(text.c_str(), &end);
                const bool isNumber = end != text.c_str() && *end == 0;
                return isNumber && number >= least && number <= most
                           ? std::string()
                           : text + " is no number from " + numberText(least) + " to " + numberText(most);
            },
            numberText(least) + ".." + numberText(most)};
}

CLI::Validator oneOf(std::vector<std::string> words) {
    const std::string shown = joined(words, "|", "|");
    return {[words = std::move(words)](std::string& text) {
                return std::find(words.begin(), words.end(), text) != words.end()
                           ? std::string()
                           : text + " is not " + joined(words, ", ", " or ");
            },
            shown};
}

std::shared_ptr<CLI::FormatterBase> helpFormatter() {
    auto formatter = std::make_shared<HelpFormatter>();
    formatter->column_width(34);
    return formatter;
}

std::string sentenceOf(const CLI::App& program, const CLI::ParseError& error) {
    const CLI::App* command = &program;
    while (!command->get_subcommands().empty())
        command = command->get_subcommands().front();
    std::vector<std::string> known;
    for (const CLI::App* one : command->get_subcommands([](const CLI::App*) { return true; }))
        known.push_back(one->get_name());
    if (known.empty())
        return std::string(error.what()) + ".";
    // What is not understood stands before the missing command.
    const std::vector<std::string> rest = program.remaining(true);
    return (rest.empty() ? "A command is missing: " : rest.front() + " is no command here: give ") +
           joined(known, ", ", " or ") + ".";
}

} // namespace limn
