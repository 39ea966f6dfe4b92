// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/models/model_lookup.h"

#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <map>

namespace limn {

namespace {

const char* const kDefaultName = "dermoscopy";

bool looksLikePath(const QString& text) {
    return text.contains(QLatin1Char('/')) || text.endsWith(QLatin1String(".safetensors")) ||
           text.endsWith(QLatin1String(".pth"));
}

} // namespace

std::vector<std::string> modelFolders() {
    QStringList wanted;
    const QString own = qEnvironmentVariable("LIMN_MODELS");
    if (!own.isEmpty())
        wanted << own;
    if (QCoreApplication::instance()) {
        const QString program = QCoreApplication::applicationDirPath();
        wanted << program + QLatin1String("/../share/limn/models") << program + QLatin1String("/models")
               << program + QLatin1String("/../models");
    }
    wanted << QString::fromUtf8(LIMN_SOURCE_MODELS);

    std::vector<std::string> folders;
    for (const QString& path : wanted) {
        const QString folder = QFileInfo(path).canonicalFilePath(); // empty when it does not exist
        if (folder.isEmpty() || !QFileInfo(folder).isDir())
            continue;
        const std::string text = folder.toStdString();
        if (std::find(folders.begin(), folders.end(), text) == folders.end())
            folders.push_back(text);
    }
    return folders;
}

std::vector<ModelFile> listModels() {
    std::map<std::string, std::string> byName;
    for (const std::string& folder : modelFolders()) {
        const QDir dir(QString::fromStdString(folder));
        for (const QFileInfo& file : dir.entryInfoList({QStringLiteral("*.safetensors")}, QDir::Files))
            byName.try_emplace(file.completeBaseName().toStdString(), file.absoluteFilePath().toStdString());
    }
    std::vector<ModelFile> models;
    models.reserve(byName.size());
    for (const auto& [name, path] : byName)
        models.push_back({name, path});
    return models;
}

Result<ModelFile> findModel(const std::string& nameOrFile) {
    const QString text = QString::fromStdString(nameOrFile);
    if (!text.isEmpty()) {
        const QFileInfo file(text);
        if (file.isFile())
            return ModelFile{file.completeBaseName().toStdString(), file.absoluteFilePath().toStdString()};
        if (looksLikePath(text))
            return Error{ErrorCode::FileNotFound, {nameOrFile}};
    }
    const std::vector<ModelFile> models = listModels();
    const std::string name = nameOrFile.empty() ? kDefaultName : nameOrFile;
    for (const ModelFile& model : models)
        if (model.name == name)
            return model;
    if (nameOrFile.empty() && !models.empty())
        return models.front();

    std::string looked;
    for (const std::string& folder : modelFolders())
        looked += (looked.empty() ? "" : ", ") + folder;
    return Error{ErrorCode::ModelNotFound, {name, looked.empty() ? "no folder: none exists" : looked}};
}

} // namespace limn
