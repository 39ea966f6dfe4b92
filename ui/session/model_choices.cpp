// SPDX-License-Identifier: GPL-3.0-or-later
// Model files to choices.
#include "ui/session/model_choices.h"

#include "app/images/image_kind.h"
#include "app/models/model_lookup.h"

namespace limn {

ModelChoice modelChoiceOf(const QString& name, const QString& path, const QString& device) {
    ModelChoice choice;
    choice.name = name;
    choice.path = path;
    choice.kind = modelKind(name.toStdString());
    choice.load = [path = path.toStdString(), wanted = device.toStdString()] {
        EngineOptions options;
        options.device = wanted;
        return Engine::load(path, options);
    };
    return choice;
}

std::vector<ModelChoice> findModelChoices(const QString& device) {
    std::vector<ModelChoice> choices;
    for (const ModelFile& file : listModels())
        choices.push_back(
            modelChoiceOf(QString::fromStdString(file.name), QString::fromStdString(file.path), device));
    return choices;
}

} // namespace limn
