// SPDX-License-Identifier: GPL-3.0-or-later
// What the command line shows: sentences of failure on standard error, a progress bar on a terminal and
// nothing in a pipe, and Ctrl-C as a cancel. The only part of the project that prints.
#pragma once

#include "inference/engine.h"
#include "io/core/error.h"

#include <chrono>
#include <cstddef>
#include <string>

namespace limn {

// Exit codes of the program.
inline constexpr int kExitDone = 0;        // every item worked
inline constexpr int kExitFailed = 1;      // something failed; said on standard error
inline constexpr int kExitUsage = 2;       // the command line itself is wrong
inline constexpr int kExitCancelled = 130; // Ctrl-C

void printLine(const std::string& text);    // standard output
void printProblem(const std::string& text); // standard error, begins with "limn-cli: "
// Prints the error; gives the exit code that belongs to it.
int reportError(const Error& error);

std::string imageCount(std::size_t count); // "1 image", "5 images"

// "850 ms", "12.3 s", "4 min 05 s", "2 h 07 min".
std::string durationText(double seconds);
// "3.6 images/s", "812 images/s".
std::string speedText(double imagesPerSecond);

// Ctrl-C (and a polite kill) sets this token; a second Ctrl-C ends the program at once.
CancelToken& interruptToken();

// One line on standard error, drawn anew at most ten times a second, wiped at the end. Silent when standard
// error is not a terminal. One thread at a time.
class ProgressBar {
public:
    // `unit` is what is counted: "images".
    ProgressBar(std::size_t total, std::string unit);
    ~ProgressBar();
    void show(std::size_t done, std::size_t failed);
    // Wipes the line, so that a sentence can be printed; the next show() draws it again.
    void wipe();

private:
    using Clock = std::chrono::steady_clock;
    std::size_t m_total;
    std::string m_unit;
    bool m_terminal;
    bool m_drawn = false;
    Clock::time_point m_begin;
    Clock::time_point m_last;
};

} // namespace limn
