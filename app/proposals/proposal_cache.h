// SPDX-License-Identifier: GPL-3.0-or-later
// Joins the proposal queue to the project's store, so that a proposal is computed once for each image
// content, model and settings. Any thread.
#pragma once

#include "app/project/saver.h"
#include "app/proposals/proposal_queue.h"

namespace limn {

// Sets hooks.find and hooks.keep. `saver` must live longer than the queue. Keeping is done once and not
// repeated: a full disk costs a cached proposal, never a stroke.
void cacheInStore(ProposalHooks& hooks, Saver& saver);

} // namespace limn
