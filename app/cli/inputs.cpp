// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/inputs.h"

#include "app/export/distinct_names.h"
#include "app/project/file_scan.h"
#include "io/images/image_reader.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>
#include <QHash>
#include <QRegularExpression>
#include <QSet>

namespace limn {

namespace {

// Our own files, where results are written into the folder that is read.
bool isOutputOfOurs(const QString& fileName) {
    return fileName.endsWith(QLatin1String("_mask.png")) ||
           fileName.endsWith(QLatin1String("_probability.png")) ||
           fileName.endsWith(QLatin1String("_overlay.jpg"));
}

// Whether a folder below the given one, or one above it down there, was exported into.
bool liesInExport(const QString& folder, const QString& given, QHash<QString, bool>& known) {
    if (folder.size() <= given.size())
        return false;
    const auto it = known.constFind(folder);
    if (it != known.constEnd())
        return *it;
    const bool inside = isExportFolder(folder.toStdString()) ||
                        liesInExport(folder.left(folder.lastIndexOf(QLatin1Char('/'))), given, known);
    known.insert(folder, inside);
    return inside;
}

QStringList imagesIn(const QString& folder, const QString& outputFolder) {
    QStringList found;
    const QString given = QDir::cleanPath(QFileInfo(folder).absoluteFilePath());
    QHash<QString, bool> exports;
    const QString output = QFileInfo(outputFolder).canonicalFilePath();
    const bool sameFolder = !output.isEmpty() && output == QFileInfo(folder).canonicalFilePath();
    QDirIterator files(folder, QDir::Files, QDirIterator::Subdirectories | QDirIterator::FollowSymlinks);
    while (files.hasNext()) {
        files.next();
        const QFileInfo file = files.fileInfo();
        if (file.fileName().startsWith(QLatin1Char('.')) ||
            liesInExport(QDir::cleanPath(file.absolutePath()), given, exports))
            continue;
        if (!output.isEmpty()) {
            const bool inside = file.canonicalFilePath().startsWith(output + QLatin1Char('/'));
            if (inside && (!sameFolder || isOutputOfOurs(file.fileName())))
                continue;
        }
        const std::string path = file.filePath().toStdString();
        if (hasImageEnding(path)) {
            found << file.filePath();
        } else if (file.suffix().isEmpty()) {
            // DICOM objects often have no extension.
            if (probeImage(path))
                found << file.filePath();
        }
    }
    found.sort();
    return found;
}

} // namespace

Result<std::vector<InputImage>> collectImages(const std::vector<std::string>& paths,
                                              const std::string& outputFolder) {
    std::vector<InputImage> images;
    QSet<QString> seen;
    const auto add = [&](const QString& path, std::optional<Error> problem) {
        const QString canonical = QFileInfo(path).canonicalFilePath();
        const QString key = canonical.isEmpty() ? path : canonical;
        if (seen.contains(key))
            return;
        seen.insert(key);
        images.push_back({path.toStdString(), {}, std::move(problem)});
    };
    for (const std::string& given : paths) {
        const QString path = QString::fromStdString(given);
        const QFileInfo info(path);
        if (!info.isDir()) {
            add(path, std::nullopt);
        } else if (!info.isReadable()) {
            add(path, Error{ErrorCode::FileNotReadable, {given, "the folder may not be listed"}});
        } else {
            for (const QString& file : imagesIn(path, QString::fromStdString(outputFolder)))
                add(file, std::nullopt);
        }
    }
    if (images.empty()) {
        std::string all;
        for (const std::string& path : paths)
            all += (all.empty() ? "" : ", ") + path;
        return Error{ErrorCode::InvalidArgument,
                     {"The input (" + all + ")", "without any image",
                      "at least one image, or a folder with images in it"}};
    }
    std::vector<std::string> found;
    found.reserve(images.size());
    for (const InputImage& image : images)
        found.push_back(image.path);
    const std::vector<std::string> names = distinctNames(found);
    for (std::size_t i = 0; i < images.size(); ++i)
        images[i].name = names[i];
    return images;
}

Result<Shard> parseShard(const std::string& text) {
    static const QRegularExpression form(QStringLiteral("^([0-9]{1,6})/([0-9]{1,6})$"));
    const QRegularExpressionMatch match = form.match(QString::fromStdString(text));
    const Shard shard{match.captured(1).toInt(), match.captured(2).toInt()};
    if (!match.hasMatch() || shard.index < 1 || shard.index > shard.count)
        return Error{ErrorCode::InvalidArgument, {"--shard", text, "I/N with I from 1 to N, such as 2/8"}};
    return shard;
}

std::vector<InputImage> shardOf(std::vector<InputImage> images, const Shard& shard) {
    std::vector<InputImage> part;
    for (std::size_t i = static_cast<std::size_t>(shard.index - 1); i < images.size();
         i += static_cast<std::size_t>(shard.count))
        part.push_back(std::move(images[i]));
    return part;
}

} // namespace limn
