// SPDX-License-Identifier: GPL-3.0-or-later
// The project's source files: finding, adding, hashing, following them. Functions run in the owner's thread;
// what they hand to the worker runs in its thread and comes back through toOwner().
#include "app/project/project_state.h"

#include <algorithm>

namespace limn {

namespace {

// Records of files are handed over in portions, so that the list fills while files are still being read.
constexpr std::size_t kFactsPortion = 64;

} // namespace

// Looks for image files in the background, for what the kind of search says.
void Project::State::search(std::vector<std::string> paths, Search how) {
    struct Known {
        ImageId id;
        std::string sha256;
        std::int64_t bytes;
        std::string path;
    };
    auto known = std::make_shared<std::unordered_set<std::string>>();
    auto candidates = std::make_shared<std::vector<Known>>();
    for (ImageId id : now.worklist.select({})) {
        const ImageRecord* record = now.worklist.find(id);
        const std::string path = absolutePath(record->path);
        known->insert(path);
        if (how != Search::Add && !record->sha256.empty())
            candidates->push_back({id, record->sha256, record->fileBytes, path});
    }
    beginScan();
    worker->post([this, known, candidates, how, paths = std::move(paths)](const GoOn& goOn) {
        // By size: only a file of a missing image's size is read to tell whether it is that image.
        std::unordered_multimap<std::int64_t, const Known*> missing;
        for (const Known& file : *candidates) {
            if (!goOn())
                return;
            if (!fileStamp(file.path))
                missing.emplace(file.bytes, &file);
        }
        const std::size_t missingBefore = missing.size();
        const auto missingThatIs = [&](const std::string& file) -> const Known* {
            const Result<FileStamp> stamp = missing.empty() ? Result<FileStamp>(Error{}) : fileStamp(file);
            if (!stamp || missing.count(stamp->bytes) == 0)
                return nullptr;
            const Result<std::string> hash = fileSha256(file, goOn);
            if (!hash)
                return nullptr;
            const auto [first, last] = missing.equal_range(stamp->bytes);
            const auto same =
                std::find_if(first, last, [&](const auto& entry) { return entry.second->sha256 == *hash; });
            if (same == last)
                return nullptr;
            const Known* image = same->second;
            missing.erase(same);
            return image;
        };
        const auto portion = [&](std::vector<std::string> files) {
            std::vector<std::string> fresh;
            std::vector<std::pair<ImageId, std::string>> moved;
            for (std::string& file : files) {
                if (known->count(file))
                    continue;
                if (const Known* image = missingThatIs(file))
                    moved.emplace_back(image->id, std::move(file));
                else if (how != Search::Follow)
                    fresh.push_back(std::move(file));
            }
            toOwner([this, fresh = std::move(fresh), moved = std::move(moved)]() mutable {
                follow(moved);
                found(fresh);
            });
        };
        listImageFiles(paths, portion, goOn);
        std::vector<ImageId> gone;
        for (const auto& [bytes, image] : missing)
            gone.push_back(image->id);
        std::sort(gone.begin(), gone.end());
        toOwner([this, gone, how, foundAgain = static_cast<int>(missingBefore - missing.size())] {
            noteGone(gone);
            if (how == Search::Follow)
                Q_EMIT project->located(foundAgain, static_cast<int>(gone.size()));
            endScan();
        });
    });
}

// Images whose files were found again at other places.
void Project::State::follow(const std::vector<std::pair<ImageId, std::string>>& moved) {
    if (moved.empty())
        return;
    std::vector<ImageId> ids;
    std::vector<std::pair<ImageId, std::string>> relative;
    for (const auto& [id, path] : moved) {
        ids.push_back(id);
        relative.emplace_back(id, relativePath(path));
        edit(id, [&](ImageRecord& record) {
            record.path = relative.back().second;
            record.trouble.clear();
        });
    }
    change(
        [relative](ProjectStore& store, PersonId by) -> Result<void> {
            for (const auto& [id, path] : relative) {
                if (Result<void> done = store.moveImage(id, path, by); !done)
                    return done;
            }
            return {};
        },
        ids);
    std::vector<ImageRecord> facts;
    for (const ImageId id : ids) {
        if (const ImageRecord* record = now.worklist.find(id))
            facts.push_back(*record);
    }
    looked(std::move(facts)); // that there is no trouble any more
    for (const auto& [id, path] : moved)
        notice({ProjectNotice::Kind::FileMoved, id, path});
}

// Images whose files are not where they were.
void Project::State::noteGone(const std::vector<ImageId>& ids) {
    std::vector<ImageRecord> changed;
    for (ImageId id : ids) {
        const ImageRecord* record = now.worklist.find(id);
        if (!record || !record->trouble.empty())
            continue;
        changed.push_back(*record);
        changed.back().trouble = Error{ErrorCode::FileNotFound, {absolutePath(record->path)}}.message();
    }
    looked(changed);
    for (const ImageRecord& record : changed)
        notice({ProjectNotice::Kind::FileMissing, record.id, absolutePath(record.path)});
}

// Adds files to the store; their records come to the worklist when they have their numbers.
void Project::State::found(const std::vector<std::string>& paths) {
    std::vector<ImageRecord> records;
    for (const std::string& path : paths) {
        ImageRecord record;
        record.path = relativePath(path);
        if (now.worklist.findPath(record.path) || !waitingPaths.insert(record.path).second)
            continue;
        records.push_back(std::move(record));
    }
    if (records.empty())
        return;
    beginScan();
    auto added = std::make_shared<std::vector<ImageRecord>>();
    auto wanted = std::make_shared<const std::vector<ImageRecord>>(std::move(records));
    const auto finish = [this, added, wanted](const Result<void>&) {
        toOwner([this, added, wanted] {
            for (const ImageRecord& record : *wanted)
                waitingPaths.erase(record.path);
            std::vector<ImageId> ids;
            for (const ImageRecord& record : *added)
                ids.push_back(record.id);
            now.worklist.add(std::move(*added));
            if (!ids.empty()) {
                Q_EMIT project->imagesAdded(ids);
                lookAt(ids, false);
            }
            endScan();
        });
    };
    saver->post(
        [added, wanted, actor = actor()](ProjectStore& store) -> Result<void> {
            added->clear();
            const Result<PersonId> by = actor.in(store);
            if (!by)
                return by.error();
            const Result<std::vector<ImageId>> ids = store.addImages(*wanted, *by);
            if (!ids)
                return ids.error();
            for (ImageId id : *ids) {
                if (id == 0)
                    continue;
                const Result<std::optional<ImageRecord>> record = store.image(id);
                if (!record)
                    return record.error();
                if (*record)
                    added->push_back(**record);
            }
            return {};
        },
        finish);
}

// Size, spacing and hash of files, in the background.
void Project::State::lookAt(const std::vector<ImageId>& ids, bool urgent) {
    struct File {
        ImageRecord record;
        std::string path;
    };
    auto files = std::make_shared<std::vector<File>>();
    for (ImageId id : ids) {
        if (const ImageRecord* record = now.worklist.find(id))
            files->push_back({*record, absolutePath(record->path)});
    }
    if (files->empty())
        return;
    beginScan();
    filesToLookAt += static_cast<int>(files->size());
    BackgroundWorker::Job job = [this, files, probe = options.probe](const GoOn& goOn) {
        std::vector<ImageRecord> done;
        std::vector<Skipped> broken;
        const auto give = [&](bool last) {
            toOwner([this, done = std::move(done), broken = std::move(broken), last]() mutable {
                filesLookedAt += static_cast<int>(done.size());
                for (Skipped& one : broken)
                    skipped.push_back(std::move(one));
                if (!broken.empty())
                    notice({ProjectNotice::Kind::FilesSkipped, 0, std::to_string(skipped.size())});
                looked(std::move(done));
                Q_EMIT project->scanProgress(filesLookedAt, filesToLookAt);
                if (last)
                    endScan();
            });
            done.clear();
            broken.clear();
        };
        for (const File& file : *files) {
            if (!goOn())
                return;
            ImageRecord record = file.record;
            const Result<FileStamp> stamp = fileStamp(file.path);
            const Result<FileFacts> facts = stamp ? probe(file.path) : Result<FileFacts>(stamp.error());
            const Result<std::string> hash =
                facts ? fileSha256(file.path, goOn) : Result<std::string>(facts.error());
            if (hash) {
                record.trouble.clear();
                record.fileBytes = stamp->bytes;
                record.fileModifiedMs = stamp->modifiedMs;
                record.sha256 = *hash;
                record.size = facts->size;
                record.spacing = facts->spacing;
                if (record.modality.empty())
                    record.modality = facts->modality;
            } else {
                record.trouble = hash.error().message();
                broken.push_back({file.path, hash.error()});
            }
            done.push_back(std::move(record));
            if (done.size() >= kFactsPortion)
                give(false);
        }
        give(true);
    };
    if (urgent)
        worker->postUrgent(std::move(job));
    else
        worker->post(std::move(job));
}

// Takes facts of files into worklist and store. Other members may have changed meanwhile: they stay.
void Project::State::looked(std::vector<ImageRecord> records) {
    if (records.empty())
        return;
    std::vector<ImageId> ids;
    for (const ImageRecord& record : records) {
        ids.push_back(record.id);
        edit(record.id, [&](ImageRecord& mine) {
            mine.sha256 = record.sha256;
            mine.size = record.size;
            mine.spacing = record.spacing;
            mine.modality = record.modality;
            mine.fileBytes = record.fileBytes;
            mine.fileModifiedMs = record.fileModifiedMs;
            mine.trouble = record.trouble;
        });
    }
    auto facts = std::make_shared<const std::vector<ImageRecord>>(std::move(records));
    change([facts](ProjectStore& store, PersonId) { return store.updateFileFacts(*facts); });
    Q_EMIT project->imagesChanged(ids);
}

// Compares source files with what was noted of them.
void Project::State::checkKnown(const std::vector<ImageId>& ids, bool saysMissing) {
    struct File {
        ImageRecord record;
        std::string path;
    };
    auto files = std::make_shared<std::vector<File>>();
    std::vector<ImageId> neverLookedAt;
    for (ImageId id : ids) {
        const ImageRecord* record = now.worklist.find(id);
        if (!record)
            continue;
        if (record->sha256.empty())
            neverLookedAt.push_back(id);
        else
            files->push_back({*record, absolutePath(record->path)});
    }
    lookAt(neverLookedAt, false);
    if (files->empty())
        return;
    beginScan();
    worker->postUrgent([this, files, saysMissing](const GoOn& goOn) {
        std::vector<ImageRecord> changed;
        std::vector<ImageId> toRead;
        std::vector<ProjectNotice> news;
        for (const File& file : *files) {
            if (!goOn())
                return;
            const Result<FileStamp> stamp = fileStamp(file.path);
            ImageRecord record = file.record;
            if (!stamp && !saysMissing)
                continue;
            if (!stamp) {
                record.trouble = stamp.error().message();
                if (record.trouble != file.record.trouble) {
                    changed.push_back(record);
                    news.push_back({ProjectNotice::Kind::FileMissing, record.id, file.path});
                }
                continue;
            }
            const bool sameStamp = *stamp == FileStamp{record.fileBytes, record.fileModifiedMs};
            if (sameStamp && record.trouble.empty())
                continue;
            const Result<std::string> hash = fileSha256(file.path, goOn);
            if (!hash) {
                record.trouble = hash.error().message();
                if (record.trouble != file.record.trouble)
                    changed.push_back(record);
                continue;
            }
            if (*hash == record.sha256) {
                // Touched or brought back, not changed.
                record.trouble.clear();
                record.fileBytes = stamp->bytes;
                record.fileModifiedMs = stamp->modifiedMs;
                changed.push_back(record);
            } else if (record.lastEditMs == 0) {
                toRead.push_back(record.id); // nobody annotated it: it is simply read again
            } else {
                record.trouble = Error{ErrorCode::FileChanged, {file.path}}.message();
                if (record.trouble != file.record.trouble) {
                    changed.push_back(record);
                    news.push_back({ProjectNotice::Kind::FileChanged, record.id, file.path});
                }
            }
        }
        toOwner([this, changed, toRead, news] {
            looked(changed);
            lookAt(toRead, true);
            for (const ProjectNotice& one : news)
                notice(one);
            endScan();
        });
    });
}

} // namespace limn
