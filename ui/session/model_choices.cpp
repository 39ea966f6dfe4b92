// SPDX-License-Identifier: GPL-3.0-or-later
// Model files to choices.
#include "ui/session/model_choices.h"

#include "app/models/model_lookup.h"

namespace limn {

std::vector<ModelChoice> findModelChoices(const QString& device) {
    std::vector<ModelChoice> choices;
    for (const ModelFile& file : listModels()) {
        ModelChoice choice;
        choice.name = QString::fromStdString(file.name);
        choice.path = QString::fromStdString(file.path);
        choice.load = [path = file.path, wanted = device.toStdString()] {
            EngineOptions options;
            options.device = wanted;
            return Engine::load(path, options);
        };
        choices.push_back(std::move(choice));
    }
    return choices;
}

} // namespace limn
