// SPDX-License-Identifier: GPL-3.0-or-later
// Errors and notices as sentences in the person's language. Without a translation they are word for word what
// Error::message() and ProjectNotice::sentence() say. GUI thread.
#pragma once

#include "app/project/project.h"

#include <QString>

namespace limn {

QString errorText(const Error& error);
QString noticeText(const ProjectNotice& notice);
// "40 s left", "3 min left".
QString timeLeftText(double seconds);

} // namespace limn
