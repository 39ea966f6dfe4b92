// SPDX-License-Identifier: GPL-3.0-or-later
// The check of everything a project holds. The store's thread; prints nothing.
#pragma once

#include "io/core/result.h"
#include "io/store/project_store.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace limn {

// Findings of ProjectStore::verify(), and for each image whether its file is there and has the recorded hash.
// `goOn` false ends early with Cancelled.
Result<std::vector<std::string>>
verifyProject(ProjectStore& store, const std::function<bool(std::size_t done, std::size_t total)>& goOn = {});

} // namespace limn
