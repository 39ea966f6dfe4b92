// SPDX-License-Identifier: GPL-3.0-or-later
// The models that this machine has, as choices for the session. Names LibTorch nowhere. GUI thread.
#pragma once

#include "ui/session/review_session.h"

namespace limn {

// A model file that a person chose.
ModelChoice modelChoiceOf(const QString& name, const QString& path, const QString& device);

// Every model file that is found, loading on `device` ("auto", "cpu", "cuda:0"). Empty: none was found.
std::vector<ModelChoice> findModelChoices(const QString& device);

} // namespace limn
