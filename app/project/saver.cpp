// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/saver.h"

#include "io/store/stroke_journal.h"

#include <QDateTime>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace limn {

namespace {

using Clock = std::chrono::steady_clock;
using Key = std::tuple<ImageId, PersonId, int>; // image, person, version as the caller knows it

constexpr int kFlushOnExitMs = 5000;
// Annotations whose tiles are kept to tell what changed since; of others the revision alone is.
constexpr std::size_t kTilesKept = 4;

// What may go away by itself: the change waits and is tried again.
bool mayPass(ErrorCode code) {
    return code == ErrorCode::DiskFull || code == ErrorCode::FileNotWritable ||
           code == ErrorCode::StoreBusy || code == ErrorCode::StoreHeld || code == ErrorCode::StoreReadOnly;
}

Key keyOf(const StoredAnnotation& annotation) {
    return {annotation.image, annotation.person, annotation.version};
}

// One thing to do with the store: a snapshot, a decision, or a change. The first two are numbered as they
// come.
struct Item {
    std::uint64_t id = 0;
    StoredAnnotationPtr snapshot; // the newest; null: something else
    std::uint64_t first = 0;      // number of the first snapshot that this stands for
    std::uint64_t last = 0;       // and of the newest
    StoredAnnotationPtr written;  // the newest of them that is in the journal
    std::uint64_t writtenNumber = 0;
    DecisionPtr decision;
    bool decisionWritten = false; // in the journal
    Saver::Change change;
    Saver::Done done;
};

// A snapshot or decision on its way into the journal; a newer snapshot that takes its place in the item does
// so here too. Each state that may come into the store is thus a state of the journal's chain: records lead
// from one such state to the next and would go astray from any other.
struct Pending {
    std::uint64_t item = 0;
    StoredAnnotationPtr snapshot;
    std::uint64_t number = 0;
    std::int64_t count = 0; // snapshots that it stands for
    DecisionPtr decision;
};

// What is in the journal and not yet on the disk: one of both.
struct Unsynced {
    StoredAnnotationPtr snapshot;
    DecisionPtr decision;
};

// What is known of an annotation.
struct Known {
    std::int64_t revision = 0; // stored
    int version = 0;
    StoredAnnotationPtr stored; // as the store has it; null: not kept
    std::uint64_t saved = 0;    // number of the newest snapshot in the store

    StoredAnnotationPtr journaled;     // as the end of its chain in the journal has it; null: not kept
    std::uint64_t journaledNumber = 0; // > saved: the journal is ahead of the store
    std::int64_t chainBase = 0;        // the revision that the chain begins at
    std::uint64_t lastUse = 0;
};

} // namespace

struct Saver::State {
    Saver::Open open;
    SaverCallbacks callbacks;
    SaverOptions options;

    mutable std::mutex mutex;
    std::condition_variable wake;    // of the saver's thread
    std::condition_variable changed; // of flush()
    std::deque<Item> items;
    std::deque<std::function<void()>> reads; // run on the saver's thread
    bool running = false;                    // an item is at the store
    bool stopping = false;
    bool reopening = false;
    std::optional<Error> trouble;
    Clock::time_point retryAt;
    std::size_t failures = 0;  // tries that failed, ever
    std::uint64_t numbers = 0; // of snapshots and decisions
    TimeMs lastDecisionTime = 0;
    std::map<Key, Known> known;

    // The journal. Without one, snapshots go to the store alone.
    std::shared_ptr<StrokeJournal> journal;
    std::condition_variable toWrite; // of the thread that writes
    std::condition_variable toSync;  // of the thread that syncs
    std::deque<Pending> pending;
    std::vector<Unsynced> unsynced;
    bool journalStopping = false;
    bool syncStopping = false;

    // The saver's thread alone.
    std::unique_ptr<ProjectStore> store;
    std::optional<Error> openError;
    SaveStatus reported;
    bool checkedFully = false;

    std::thread thread;
    std::thread journalThread;
    std::thread syncThread;

    void run();
    void openStore(bool fullCheck);
    void startJournal();
    void refreshKnown();
    void report(bool always = false);
    void work();
    Result<void> doItem(const Item& item);
    Result<void> doSave(const StoredAnnotation& snapshot, std::uint64_t number);
    Result<ProjectStore*> reading() const {
        if (store)
            return store.get();
        return openError.value_or(Error{ErrorCode::Cancelled, {"Opening the project"}});
    }

    void runJournal();
    void runSync();
    // With the lock held:
    void journalDecision(std::unique_lock<std::mutex>& lock, const Pending& one, StrokeJournal& mine);
    void queueForJournal(const Item& item);
    bool journalIsNeeded() const;
    void forgetTiles(std::vector<StoredAnnotationPtr>& forgotten);
};

void Saver::State::queueForJournal(const Item& item) {
    if (!journal)
        return;
    const auto same =
        std::find_if(pending.begin(), pending.end(), [&](const Pending& one) { return one.item == item.id; });
    if (same == pending.end())
        pending.push_back({item.id, item.snapshot, item.last, 1, item.decision});
    else
        *same = {item.id, item.snapshot, item.last, same->count + 1, nullptr};
    toWrite.notify_one();
}

// Whether the journal holds anything that the store does not.
bool Saver::State::journalIsNeeded() const {
    return std::any_of(known.begin(), known.end(),
                       [](const auto& one) { return one.second.journaledNumber > one.second.saved; }) ||
           std::any_of(items.begin(), items.end(), [](const Item& item) { return item.decisionWritten; });
}

void Saver::State::forgetTiles(std::vector<StoredAnnotationPtr>& forgotten) {
    const auto keepsTiles = [](const auto& one) { return one.second.stored || one.second.journaled; };
    while (static_cast<std::size_t>(std::count_if(known.begin(), known.end(), keepsTiles)) > kTilesKept) {
        Known* oldest = nullptr;
        for (auto& one : known) {
            Known& entry = one.second;
            const bool inUse = entry.journaledNumber > entry.saved;
            if (keepsTiles(one) && !inUse && (!oldest || entry.lastUse < oldest->lastUse))
                oldest = &entry;
        }
        if (!oldest)
            return;
        forgotten.push_back(std::move(oldest->stored));
        forgotten.push_back(std::move(oldest->journaled));
        oldest->stored.reset();
        oldest->journaled.reset();
    }
}

// Writes what was handed over into the journal, at once and one after the other: from here on the end of the
// program takes nothing of it. Bringing it to the disk is the other thread's, so that the next stroke need
// not wait for that.
void Saver::State::runJournal() {
    std::unique_lock lock(mutex);
    for (;;) {
        toWrite.wait(lock, [&] { return !pending.empty() || journalStopping; });
        if (pending.empty())
            return;
        const Pending one = std::move(pending.front());
        pending.pop_front();
        const std::shared_ptr<StrokeJournal> mine = journal;
        if (!mine)
            continue;
        if (one.decision) {
            journalDecision(lock, one, *mine);
            continue;
        }
        const Key key = keyOf(*one.snapshot);
        Known& entry = known[key];
        if (!journalIsNeeded())
            mine->restart();
        StrokeJournal::Place place;
        place.startsChain = entry.saved >= entry.journaledNumber || !entry.journaled;
        const StoredAnnotationPtr before = place.startsChain ? entry.stored : entry.journaled;
        // A chain that was broken off while the store is behind begins again with everything.
        const bool storeIsBehind = entry.saved < entry.journaledNumber;
        place.before = place.startsChain && storeIsBehind ? nullptr : before.get();
        place.baseRevision = place.startsChain ? entry.revision : entry.chainBase;
        place.saves = one.count;
        StoredAnnotation now = *one.snapshot;
        now.version = entry.version != 0 ? entry.version : now.version;
        lock.unlock();
        const Result<void> appended = mine->append(now, place);
        lock.lock();
        if (journal != mine)
            continue; // another store was opened: what waits was queued again
        Known& after = known[key];
        // Tiles are freed without the lock: who draws may wait for it.
        StoredAnnotationPtr old = std::exchange(after.journaled, appended ? one.snapshot : nullptr);
        after.journaledNumber = one.number;
        after.chainBase = place.baseRevision;
        after.lastUse = one.number;
        // The store may have it now.
        for (Item& item : items) {
            if (item.id == one.item) {
                item.written = one.snapshot;
                item.writtenNumber = one.number;
            }
        }
        if (appended)
            unsynced.push_back({one.snapshot, nullptr});
        wake.notify_all();
        toSync.notify_one();
        lock.unlock();
        old.reset();
        if (appended && callbacks.journaled)
            callbacks.journaled(*one.snapshot, false);
        lock.lock();
    }
}

void Saver::State::journalDecision(std::unique_lock<std::mutex>& lock, const Pending& one,
                                   StrokeJournal& mine) {
    const auto waiting = [&] {
        return std::find_if(items.begin(), items.end(),
                            [&](const Item& item) { return item.id == one.item; });
    };
    if (waiting() == items.end())
        return; // the store was faster
    if (!journalIsNeeded())
        mine.restart();
    lock.unlock();
    const Result<void> appended = mine.append(*one.decision);
    lock.lock();
    if (!appended || journal.get() != &mine)
        return;
    if (const auto item = waiting(); item != items.end())
        item->decisionWritten = true;
    unsynced.push_back({nullptr, one.decision});
    toSync.notify_one();
    lock.unlock();
    if (callbacks.decisionJournaled)
        callbacks.decisionJournaled(*one.decision, false);
    lock.lock();
}

void Saver::State::runSync() {
    std::unique_lock lock(mutex);
    for (;;) {
        toSync.wait(lock, [&] { return !unsynced.empty() || syncStopping; });
        if (unsynced.empty())
            return;
        const std::vector<Unsynced> batch = std::move(unsynced);
        unsynced.clear();
        const std::shared_ptr<StrokeJournal> mine = journal;
        if (!mine)
            continue;
        lock.unlock();
        const Result<void> synced = mine->sync();
        for (const Unsynced& one : synced ? batch : std::vector<Unsynced>()) {
            if (one.snapshot && callbacks.journaled)
                callbacks.journaled(*one.snapshot, true);
            if (one.decision && callbacks.decisionJournaled)
                callbacks.decisionJournaled(*one.decision, true);
        }
        lock.lock();
    }
}

// After each opening for writing. A journal that cannot be made is no trouble of its own: the store's is
// said when it cannot be written to.
void Saver::State::startJournal() {
    std::shared_ptr<StrokeJournal> fresh;
    if (store && store->access() == StoreAccess::ReadWrite) {
        if (Result<std::unique_ptr<StrokeJournal>> made = store->startJournal(); made)
            fresh = std::move(*made);
    }
    const std::lock_guard lock(mutex);
    journal = std::move(fresh);
    pending.clear();
    unsynced.clear();
    for (auto& one : known) {
        one.second.journaled.reset();
        one.second.journaledNumber = one.second.saved;
    }
    for (Item& item : items) {
        item.written.reset();
        item.decisionWritten = false;
        if (item.snapshot || item.decision)
            queueForJournal(item);
    }
}

// The same project again, such as a copy at another place, or what was recovered: it was ours alone all the
// time, so what it holds now is what our next saves follow.
void Saver::State::refreshKnown() {
    std::map<Key, Known> before;
    {
        const std::lock_guard lock(mutex);
        before = known;
    }
    for (auto& [key, entry] : before) {
        const Result<std::vector<AnnotationInfo>> there = store->annotationsOf(std::get<0>(key));
        std::int64_t revision = 0;
        for (const AnnotationInfo& info : there ? *there : std::vector<AnnotationInfo>()) {
            if (info.person == std::get<1>(key) && info.version == entry.version)
                revision = info.revision;
        }
        if (revision != entry.revision)
            entry.stored.reset();
        entry.revision = revision;
    }
    const std::lock_guard lock(mutex);
    known = std::move(before);
}

void Saver::State::openStore(bool fullCheck) {
    {
        const std::lock_guard lock(mutex);
        journal.reset();
        pending.clear();
    }
    store.reset();
    Result<std::unique_ptr<ProjectStore>> result = open(fullCheck);
    if (result) {
        store = std::move(*result);
        openError.reset();
        refreshKnown();
        startJournal();
    } else {
        openError = result.error();
    }
    if (callbacks.opened)
        callbacks.opened(reading());
}

// Tells how saving stands when that is news, or always: something that was taken and written since the last
// report changes no number, but who waits for it must hear of it.
void Saver::State::report(bool always) {
    SaveStatus now;
    {
        const std::lock_guard lock(mutex);
        now = {items.size(), trouble};
    }
    if (now == reported && !always)
        return;
    reported = now;
    if (callbacks.status)
        callbacks.status(now);
}

Result<void> Saver::State::doSave(const StoredAnnotation& snapshot, std::uint64_t number) {
    StoredAnnotation now = snapshot;
    if (now.person == kUnnumbered) {
        const Result<PersonId> person = store->person(now.personName);
        if (!person)
            return person.error();
        now.person = *person;
    }
    const Key key = keyOf(now);
    StoredAnnotationPtr previous;
    {
        const std::lock_guard lock(mutex);
        const auto found = known.find(key);
        // A caller that knows a later revision than we do has read it elsewhere.
        if (found != known.end() && found->second.revision >= snapshot.revision) {
            previous = found->second.stored;
            now.version = found->second.version;
            now.revision = found->second.revision;
        }
    }
    bool asSecondVersion = false;
    Result<SavedAnnotation> saved = store->saveAnnotation(now, previous.get());
    if (!saved && saved.error().code == ErrorCode::StoreStale) {
        asSecondVersion = true;
        saved = store->saveAsVersion(now);
    }
    if (!saved)
        return saved.error();
    auto stored = std::make_shared<StoredAnnotation>(std::move(now));
    stored->id = saved->id;
    stored->version = saved->version;
    stored->revision = saved->revision;
    stored->savedMs = saved->savedMs;
    std::vector<StoredAnnotationPtr> old; // freed without the lock: who draws may wait for it
    {
        const std::lock_guard lock(mutex);
        // Under both names of somebody whose number was new.
        for (const Key& one : {key, keyOf(snapshot)}) {
            Known& entry = known[one];
            entry.revision = saved->revision;
            entry.version = saved->version;
            old.push_back(std::exchange(entry.stored, stored));
            entry.saved = number;
            entry.lastUse = std::max(entry.lastUse, number);
        }
        forgetTiles(old);
    }
    if (callbacks.saved)
        callbacks.saved(snapshot, *saved, asSecondVersion);
    return {};
}

Result<void> Saver::State::doItem(const Item& item) {
    if (!store)
        return *openError;
    if (item.decision)
        return store->decide(*item.decision);
    return item.snapshot ? doSave(*item.snapshot, item.last) : item.change(*store);
}

// One item. Called without the lock; the item stays in front until it is done, so that status() counts it.
void Saver::State::work() {
    Item item;
    {
        const std::lock_guard lock(mutex);
        item = items.front();
        // What is not in the journal yet comes later: the store is never ahead of the journal.
        if (item.snapshot && journal) {
            item.snapshot = item.written;
            item.last = item.writtenNumber;
        }
        running = true;
    }
    // A try after trouble: perhaps the file is there now, or can be held.
    if (!store) {
        openStore(false);
    } else if (store->access() != StoreAccess::ReadWrite && store->tryToHold()) {
        // What is known stays known: a save of who held it meanwhile shows as another revision.
        startJournal();
        if (callbacks.opened)
            callbacks.opened(reading());
    }

    Result<void> result = doItem(item);
    if (!result && result.error().code == ErrorCode::StoreInvalid && store && !checkedFully) {
        // Damage that opening did not meet: open again, with a look at every page, which recovers.
        checkedFully = true;
        openStore(true);
        result = doItem(item);
    }
    const bool again = !result && (mayPass(result.error().code) || !store);
    {
        const std::lock_guard lock(mutex);
        running = false;
        if (again) {
            trouble = result.error();
            ++failures;
            retryAt = Clock::now() + options.retryAfter;
        } else {
            trouble.reset();
            if (!result && item.snapshot) {
                // It will never be stored: the journal need not keep it.
                Known& entry = known[keyOf(*item.snapshot)];
                entry.saved = std::max(entry.saved, item.last);
            }
            Item& front = items.front();
            if (front.snapshot && front.last > item.last)
                front.first = item.last + 1; // a newer one took its place before it was in the journal
            else
                items.pop_front();
        }
    }
    if (!again) {
        if (item.done)
            item.done(result);
        if (!result && callbacks.refused)
            callbacks.refused(result.error());
    }
    changed.notify_all();
}

void Saver::State::run() {
    openStore(false);
    for (;;) {
        report();
        std::function<void()> read;
        bool reopen = false;
        {
            std::unique_lock lock(mutex);
            const auto ready = [&] {
                if (stopping || reopening || !reads.empty())
                    return true;
                if (items.empty() || (trouble && Clock::now() < retryAt))
                    return false;
                const Item& front = items.front();
                return !front.snapshot || !journal || (front.written && front.writtenNumber >= front.first);
            };
            const std::size_t reportedWaiting = reported.waiting;
            const auto due = [&] { return ready() || items.size() != reportedWaiting; };
            if (!due()) {
                if (trouble && !items.empty() && Clock::now() < retryAt)
                    wake.wait_until(lock, retryAt, due);
                else
                    wake.wait(lock, due);
            }
            if (!ready())
                continue; // only the number of waiting things changed
            if (!reads.empty()) {
                read = std::move(reads.front());
                reads.pop_front();
            } else if (stopping) {
                break;
            } else if (reopening) {
                reopening = false;
                reopen = true;
            }
        }
        if (read) {
            read();
            continue;
        }
        if (reopen) {
            checkedFully = false;
            openStore(false);
            const std::lock_guard lock(mutex);
            if (store)
                trouble.reset();
            continue;
        }
        work();
        report(true);
    }
    store.reset();
}

Saver::Saver(Open open, SaverCallbacks callbacks, SaverOptions options) : m_state(std::make_unique<State>()) {
    m_state->open = std::move(open);
    m_state->callbacks = std::move(callbacks);
    m_state->options = options;
    m_state->thread = std::thread([state = m_state.get()] { state->run(); });
    m_state->journalThread = std::thread([state = m_state.get()] { state->runJournal(); });
    m_state->syncThread = std::thread([state = m_state.get()] { state->runSync(); });
}

Saver::~Saver() {
    (void)flush(kFlushOnExitMs);
    const auto end = [this](bool& flag, std::condition_variable& thread) {
        {
            const std::lock_guard lock(m_state->mutex);
            flag = true;
        }
        thread.notify_all();
    };
    // What could not go to the store is in the journal at least, and comes back when the project is opened.
    end(m_state->journalStopping, m_state->toWrite);
    m_state->journalThread.join();
    end(m_state->syncStopping, m_state->toSync);
    m_state->syncThread.join();
    end(m_state->stopping, m_state->wake);
    m_state->thread.join();
    if (m_state->journal && m_state->items.empty())
        m_state->journal->remove();
}

void Saver::save(StoredAnnotationPtr snapshot) {
    const Key key = keyOf(*snapshot);
    {
        const std::lock_guard lock(m_state->mutex);
        const std::uint64_t number = ++m_state->numbers;
        auto& items = m_state->items;
        // The newest of the same annotation takes the waiting one's place, unless a change was posted behind
        // that one: the change must find what was there when it was posted. The front may be at the store.
        Item* mine = nullptr;
        for (std::size_t i = items.size(); i > (m_state->running ? 1u : 0u) && !mine; --i) {
            Item& waiting = items[i - 1];
            if (!waiting.snapshot)
                break;
            if (keyOf(*waiting.snapshot) == key)
                mine = &waiting;
        }
        if (mine) {
            mine->snapshot = std::move(snapshot);
            mine->last = number;
        } else {
            mine = &items.emplace_back();
            mine->id = number;
            mine->snapshot = std::move(snapshot);
            mine->first = number;
            mine->last = number;
        }
        m_state->queueForJournal(*mine);
    }
    m_state->wake.notify_all();
}

void Saver::load(ImageId image, PersonId person, int version,
                 std::function<void(const Result<StoredAnnotationPtr>&)> done) {
    const Key key{image, person, version};
    read([state = m_state.get(), key, done = std::move(done)](const Result<ProjectStore*>& store) {
        StoredAnnotationPtr waiting;
        {
            const std::lock_guard lock(state->mutex);
            for (const Item& item : state->items) {
                if (item.snapshot && keyOf(*item.snapshot) == key)
                    waiting = item.snapshot;
            }
        }
        if (waiting) {
            done(waiting);
            return;
        }
        if (!store) {
            done(store.error());
            return;
        }
        Result<StoredAnnotationPtr> read =
            (*store)->annotation(std::get<0>(key), std::get<1>(key), std::get<2>(key));
        if (read) {
            std::vector<StoredAnnotationPtr> forgotten;
            const std::lock_guard lock(state->mutex);
            Known& entry = state->known[key];
            entry.revision = *read ? (*read)->revision : 0;
            entry.version = std::get<2>(key);
            entry.stored = *read;
            entry.lastUse = ++state->numbers;
            state->forgetTiles(forgotten);
        }
        done(read);
    });
}

void Saver::decide(DecisionRecord decision, Done done) {
    {
        const std::lock_guard lock(m_state->mutex);
        decision.timeMs =
            std::max<TimeMs>(QDateTime::currentMSecsSinceEpoch(), m_state->lastDecisionTime + 1);
        m_state->lastDecisionTime = decision.timeMs;
        Item& item = m_state->items.emplace_back();
        item.id = ++m_state->numbers;
        item.decision = std::make_shared<const DecisionRecord>(std::move(decision));
        item.done = std::move(done);
        m_state->queueForJournal(item);
    }
    m_state->wake.notify_all();
}

void Saver::post(Change change, Done done) {
    {
        const std::lock_guard lock(m_state->mutex);
        Item& item = m_state->items.emplace_back();
        item.change = std::move(change);
        item.done = std::move(done);
    }
    m_state->wake.notify_all();
}

void Saver::read(std::function<void(const Result<ProjectStore*>&)> reader) {
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->reads.push_back(
            [state = m_state.get(), reader = std::move(reader)] { reader(state->reading()); });
    }
    m_state->wake.notify_all();
}

void Saver::retryNow() {
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->retryAt = Clock::now();
    }
    m_state->wake.notify_all();
}

void Saver::reopen(Open open) {
    {
        const std::lock_guard lock(m_state->mutex);
        // Behind the reads that were asked for before; the saver's thread is the only one that calls `open`.
        m_state->reads.push_back([state = m_state.get(), open = std::move(open)]() mutable {
            state->open = std::move(open);
            const std::lock_guard inner(state->mutex);
            state->reopening = true;
        });
    }
    m_state->wake.notify_all();
}

SaveStatus Saver::flush(int timeoutMs) {
    std::unique_lock lock(m_state->mutex);
    const std::size_t failuresBefore = m_state->failures;
    m_state->retryAt = Clock::now();
    m_state->wake.notify_all();
    m_state->changed.wait_for(lock, std::chrono::milliseconds(timeoutMs),
                              [&] { return m_state->items.empty() || m_state->failures > failuresBefore; });
    return {m_state->items.size(), m_state->trouble};
}

void Saver::wait(std::function<void(const Result<ProjectStore*>&)> reader) {
    std::mutex mutex;
    std::condition_variable done;
    bool isDone = false;
    read([&](const Result<ProjectStore*>& store) {
        reader(store);
        // Notified under the lock: `done` must not go away before notify_all() has returned.
        const std::lock_guard lock(mutex);
        isDone = true;
        done.notify_all();
    });
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return isDone; });
}

SaveStatus Saver::status() const {
    const std::lock_guard lock(m_state->mutex);
    return {m_state->items.size(), m_state->trouble};
}

} // namespace limn
