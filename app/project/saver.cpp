// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/saver.h"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

namespace limn {

namespace {

using Clock = std::chrono::steady_clock;
using Key = std::tuple<ImageId, PersonId, int>; // image, person, version as the caller knows it

constexpr int kFlushOnExitMs = 5000;

// What may go away by itself: the change waits and is tried again.
bool mayPass(ErrorCode code) {
    return code == ErrorCode::DiskFull || code == ErrorCode::FileNotWritable ||
           code == ErrorCode::StoreBusy || code == ErrorCode::StoreHeld || code == ErrorCode::StoreReadOnly;
}

Key keyOf(const StoredAnnotation& annotation) {
    return {annotation.image, annotation.person, annotation.version};
}

// One thing to do with the store: a snapshot, or a change.
struct Item {
    StoredAnnotationPtr snapshot; // null: a change
    Saver::Change change;
    Saver::Done done;
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
    std::size_t failures = 0; // tries that failed, ever

    // The saver's thread alone.
    std::unique_ptr<ProjectStore> store;
    std::optional<Error> openError;
    std::map<Key, StoredAnnotationPtr> known; // as the store holds them
    SaveStatus reported;
    bool checkedFully = false;

    std::thread thread;

    void run();
    void openStore(bool fullCheck);
    void report(bool always = false);
    void work();
    Result<void> doItem(const Item& item);
    Result<void> doSave(const StoredAnnotation& snapshot);
    Result<ProjectStore*> reading() const {
        if (store)
            return store.get();
        return openError.value_or(Error{ErrorCode::Cancelled, {"Opening the project"}});
    }
};

void Saver::State::openStore(bool fullCheck) {
    store.reset();
    known.clear();
    Result<std::unique_ptr<ProjectStore>> result = open(fullCheck);
    if (result) {
        store = std::move(*result);
        openError.reset();
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

Result<void> Saver::State::doSave(const StoredAnnotation& snapshot) {
    StoredAnnotation now = snapshot;
    if (now.person == kUnnumbered) {
        const Result<PersonId> person = store->person(now.personName);
        if (!person)
            return person.error();
        now.person = *person;
    }
    const Key key = keyOf(now);
    const auto found = known.find(key);
    // A caller that knows a later revision than we do has read it elsewhere.
    const bool ours = found != known.end() && found->second->revision >= snapshot.revision;
    const StoredAnnotation* previous = ours ? found->second.get() : nullptr;
    if (previous) {
        now.version = previous->version;
        now.revision = previous->revision;
    }
    bool asSecondVersion = false;
    Result<SavedAnnotation> saved = store->saveAnnotation(now, previous);
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
    known[key] = stored;
    if (callbacks.saved)
        callbacks.saved(snapshot, *saved, asSecondVersion);
    return {};
}

Result<void> Saver::State::doItem(const Item& item) {
    if (!store)
        return *openError;
    return item.snapshot ? doSave(*item.snapshot) : item.change(*store);
}

// One item. Called without the lock; the item stays in front until it is done, so that status() counts it.
void Saver::State::work() {
    Item item;
    {
        const std::lock_guard lock(mutex);
        item = items.front();
        running = true;
    }
    // A try after trouble: perhaps the file is there now, or can be held.
    if (!store) {
        openStore(false);
    } else if (store->access() != StoreAccess::ReadWrite && store->tryToHold() && callbacks.opened) {
        // What is known stays known: a save of who held it meanwhile shows as another revision.
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
                return !items.empty() && (!trouble || Clock::now() >= retryAt);
            };
            const std::size_t reportedWaiting = reported.waiting;
            const auto due = [&] { return ready() || items.size() != reportedWaiting; };
            if (!due()) {
                if (trouble && !items.empty())
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
}

Saver::~Saver() {
    (void)flush(kFlushOnExitMs);
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->stopping = true;
    }
    m_state->wake.notify_all();
    m_state->thread.join();
}

void Saver::save(StoredAnnotationPtr snapshot) {
    const Key key = keyOf(*snapshot);
    {
        const std::lock_guard lock(m_state->mutex);
        auto& items = m_state->items;
        // The newest of the same annotation takes the waiting one's place, unless a change was posted behind
        // that one: the change must find what was there when it was posted. The front may be at the store.
        for (std::size_t i = items.size(); i > (m_state->running ? 1u : 0u); --i) {
            Item& waiting = items[i - 1];
            if (!waiting.snapshot)
                break;
            if (keyOf(*waiting.snapshot) == key) {
                waiting.snapshot = std::move(snapshot);
                return;
            }
        }
        items.push_back({std::move(snapshot), {}, {}});
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
        if (read && *read)
            state->known[key] = *read;
        else if (read)
            state->known.erase(key);
        done(read);
    });
}

void Saver::post(Change change, Done done) {
    {
        const std::lock_guard lock(m_state->mutex);
        m_state->items.push_back({nullptr, std::move(change), std::move(done)});
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
