// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export/distinct_names.h"

#include <QCryptographicHash>
#include <QDir>
#include <QFileInfo>

#include <functional>
#include <unordered_map>

namespace limn {

namespace {

QString stemOf(const QString& path) {
    return QFileInfo(path).completeBaseName();
}

// Gives every path whose name is not its own alone another one.
void rename(const std::vector<std::string>& paths, std::vector<std::string>& names,
            const std::function<QString(const QString& path)>& nameOf) {
    std::unordered_map<std::string, int> count;
    for (const std::string& name : names)
        ++count[name];
    for (std::size_t i = 0; i < names.size(); ++i)
        if (count[names[i]] > 1)
            names[i] = nameOf(QString::fromStdString(paths[i])).toStdString();
}

// The folder that all files lie in, with a slash at its end.
QString sharedFolder(const std::vector<std::string>& paths) {
    QString shared;
    for (const std::string& path : paths) {
        const QString folder = QFileInfo(QString::fromStdString(path)).absolutePath() + QLatin1Char('/');
        if (shared.isNull())
            shared = folder;
        while (!folder.startsWith(shared))
            shared.truncate(shared.lastIndexOf(QLatin1Char('/'), -2) + 1);
    }
    return shared;
}

} // namespace

std::vector<std::string> distinctNames(const std::vector<std::string>& paths) {
    std::vector<std::string> names;
    names.reserve(paths.size());
    for (const std::string& path : paths)
        names.push_back(stemOf(QString::fromStdString(path)).toStdString());
    rename(paths, names, [](const QString& path) {
        return QFileInfo(path).absoluteDir().dirName() + QLatin1Char('_') + stemOf(path);
    });
    const QString shared = sharedFolder(paths);
    rename(paths, names, [&shared](const QString& path) {
        const QByteArray own = QFileInfo(path).absoluteFilePath().mid(shared.size()).toUtf8();
        const QByteArray hash = QCryptographicHash::hash(own, QCryptographicHash::Sha256).toHex().left(12);
        return stemOf(path) + QLatin1Char('_') + QFileInfo(path).suffix() + QLatin1Char('_') +
               QString::fromLatin1(hash);
    });
    return names;
}

} // namespace limn
