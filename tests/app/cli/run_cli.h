// SPDX-License-Identifier: GPL-3.0-or-later
// Runs limn-cli as a person would, for tests of its commands. LIMN_CLI is the program's path.
#pragma once

#include <QProcess>
#include <QProcessEnvironment>
#include <QtTest>

namespace limn::testing {

inline constexpr int kPatienceMs = 240000; // of a child process; a sanitizer build is slow

struct Run {
    int exitCode = -1; // also of a program that crashed or did not end
    QByteArray out;
    QByteArray err;
};

inline Run limnCli(const QStringList& arguments, const QProcessEnvironment& environment = {}) {
    QProcess process;
    if (!environment.isEmpty())
        process.setProcessEnvironment(environment);
    process.start(QStringLiteral(LIMN_CLI), arguments);
    Run run;
    if (!process.waitForFinished(kPatienceMs)) {
        process.kill();
        process.waitForFinished();
        return run;
    }
    if (process.exitStatus() == QProcess::NormalExit)
        run.exitCode = process.exitCode();
    run.out = process.readAllStandardOutput();
    run.err = process.readAllStandardError();
    return run;
}

inline QString text(const char* utf8) {
    return QString::fromUtf8(utf8);
}

} // namespace limn::testing

#define LIMN_COMPARE_EXIT(run, expected)                                                                     \
    QVERIFY2((run).exitCode == (expected), qPrintable(QString::number((run).exitCode) + QLatin1Char('\n') +  \
                                                      QString::fromUtf8((run).out + (run).err)))
