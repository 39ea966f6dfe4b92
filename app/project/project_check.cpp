// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/project/project_check.h"

#include "app/export/exported_annotation.h"
#include "app/project/file_scan.h"

#include <QDir>

namespace limn {

Result<std::vector<std::string>> verifyProject(ProjectStore& store,
                                               const std::function<bool(std::size_t, std::size_t)>& goOn) {
    Result<std::vector<ImageRecord>> images = store.images();
    if (!images)
        return images.error();
    Result<std::string> folder = imageFolderOf(store);
    if (!folder)
        return folder.error();
    std::size_t done = 0;
    const auto proceed = [&] { return !goOn || goOn(done, images->size()); };
    Result<std::vector<StoreFinding>> stored = store.verify(proceed);
    if (!stored)
        return stored.error();
    std::vector<std::string> findings;
    for (const StoreFinding& finding : *stored)
        findings.push_back(finding.text);

    const QDir base(QString::fromStdString(*folder));
    for (const ImageRecord& image : *images) {
        if (!proceed())
            return Error{ErrorCode::Cancelled, {"The check"}};
        ++done;
        const std::string path = base.absoluteFilePath(QString::fromStdString(image.path)).toStdString();
        Result<std::string> hash = fileSha256(path, proceed);
        if (!hash) {
            if (hash.error().code == ErrorCode::Cancelled)
                return hash.error();
            findings.push_back(hash.error().message());
        } else if (!image.sha256.empty() && *hash != image.sha256) {
            findings.push_back(path +
                               " was changed since it was added: its SHA-256 is not the recorded one.");
        }
    }
    return findings;
}

} // namespace limn
