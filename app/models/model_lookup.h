// SPDX-License-Identifier: GPL-3.0-or-later
// Finds a model's weights by name or by path, for the command line and the window alike. Looks at file names
// alone; the engine reads the files. Any thread, after the program's QCoreApplication exists (its folder is
// searched).
#pragma once

#include "io/core/result.h"

#include <string>
#include <vector>

namespace limn {

struct ModelFile {
    std::string name; // the file's name without .safetensors: "dermoscopy"
    std::string path; // absolute, UTF-8
};

// Where models are looked for, in this order; folders that do not exist are left out:
//   LIMN_MODELS (environment), PROGRAM/../share/limn/models (installed), PROGRAM/models and PROGRAM/../models
//   (a bundle), resources/models of the source tree that the program was built from.
std::vector<std::string> modelFolders();

// Every NAME.safetensors in these folders, ordered by name; of one name the first folder's file.
std::vector<ModelFile> listModels();

// `nameOrFile` is a path when it names an existing file, holds a slash or ends with .safetensors or .pth;
// otherwise a name. Empty: the default model, which is "dermoscopy", or the first of listModels() where there
// is none. Errors: FileNotFound (a path), ModelNotFound (a name; says where was looked).
Result<ModelFile> findModel(const std::string& nameOrFile);

} // namespace limn
