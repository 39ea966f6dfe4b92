// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/console.h"

#include <csignal>
#include <cstdio>
#include <unistd.h>

#include <algorithm>
#include <cmath>

namespace limn {

namespace {

CancelToken g_interrupt;

void onSignal(int) {
    g_interrupt.cancel();
}

std::string formatted(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

} // namespace

void printLine(const std::string& text) {
    std::fprintf(stdout, "%s\n", text.c_str());
    std::fflush(stdout);
}

void printProblem(const std::string& text) {
    std::fprintf(stderr, "limn-cli: %s\n", text.c_str());
}

int reportError(const Error& error) {
    printProblem(error.message());
    return error.code == ErrorCode::Cancelled ? kExitCancelled : kExitFailed;
}

std::string imageCount(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " image" : " images");
}

std::string durationText(double seconds) {
    if (seconds < 1.0)
        return formatted("%.0f ms", seconds * 1000.0);
    if (seconds < 60.0)
        return formatted("%.1f s", seconds);
    const long whole = std::lround(seconds);
    char text[64];
    if (whole < 3600)
        std::snprintf(text, sizeof text, "%ld min %02ld s", whole / 60, whole % 60);
    else
        std::snprintf(text, sizeof text, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    return text;
}

std::string speedText(double imagesPerSecond) {
    return formatted(imagesPerSecond < 100.0 ? "%.1f images/s" : "%.0f images/s", imagesPerSecond);
}

CancelToken& interruptToken() {
    static const bool installed = [] {
        struct sigaction action = {};
        action.sa_handler = onSignal;
        action.sa_flags = static_cast<int>(SA_RESETHAND); // the second one has its usual effect
        sigemptyset(&action.sa_mask);
        sigaction(SIGINT, &action, nullptr);
        sigaction(SIGTERM, &action, nullptr);
        return true;
    }();
    static_cast<void>(installed);
    return g_interrupt;
}

ProgressBar::ProgressBar(std::size_t total, std::string unit)
    : m_total(total)
    , m_unit(std::move(unit))
    , m_terminal(isatty(STDERR_FILENO) == 1)
    , m_begin(Clock::now())
    , m_last(m_begin - std::chrono::seconds(1)) {}

ProgressBar::~ProgressBar() {
    wipe();
}

void ProgressBar::show(std::size_t done, std::size_t failed) {
    if (!m_terminal || m_total == 0)
        return;
    const Clock::time_point now = Clock::now();
    if (now - m_last < std::chrono::milliseconds(100) && done != m_total)
        return;
    m_last = now;
    constexpr std::size_t kWidth = 30;
    const std::size_t filled = std::min(kWidth, done * kWidth / m_total);
    const double seconds = std::chrono::duration<double>(now - m_begin).count();
    std::string line = "[" + std::string(filled, '#') + std::string(kWidth - filled, '.') + "] " +
                       std::to_string(done) + "/" + std::to_string(m_total) + " " + m_unit;
    if (done > 0 && seconds > 0.5) {
        const double rate = static_cast<double>(done) / seconds;
        line += formatted(rate < 10.0 ? "  %.2f/s" : "  %.0f/s", rate);
        line += "  " + durationText(static_cast<double>(m_total - done) / rate) + " left";
    }
    if (failed > 0)
        line += "  " + std::to_string(failed) + " failed";
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    m_drawn = true;
}

void ProgressBar::wipe() {
    if (!m_drawn)
        return;
    std::fprintf(stderr, "\r\033[K");
    std::fflush(stderr);
    m_drawn = false;
}

} // namespace limn
