// SPDX-License-Identifier: GPL-3.0-or-later
// A Result that must not be an error; else the test fails with the error's sentence.
#pragma once

#include <QTest>

// Looks at its argument once: it may be a call.
#define LIMN_VERIFY_OK(result)                                                                               \
    do {                                                                                                     \
        const auto& once = (result);                                                                         \
        QVERIFY2(once.ok(), once.ok() ? "" : once.error().message().c_str());                                \
    } while (false)
