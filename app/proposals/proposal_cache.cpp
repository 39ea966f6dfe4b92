// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/proposals/proposal_cache.h"

namespace limn {

void cacheInStore(ProposalHooks& hooks, Saver& saver) {
    hooks.find = [&saver](const ProposalKey& key) {
        std::shared_ptr<const ProposalRecord> found;
        saver.wait([&](const Result<ProjectStore*>& store) {
            if (!store)
                return;
            if (Result<std::shared_ptr<const ProposalRecord>> record = (*store)->proposal(key); record)
                found = *record;
        });
        return found;
    };
    hooks.keep = [&saver](ProposalRecord record) {
        auto kept = std::make_shared<const ProposalRecord>(std::move(record));
        saver.read([kept](const Result<ProjectStore*>& store) {
            if (store)
                (void)(*store)->setProposal(*kept).ok();
        });
    };
}

} // namespace limn
