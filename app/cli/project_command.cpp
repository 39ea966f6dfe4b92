// SPDX-License-Identifier: GPL-3.0-or-later
// limn-cli project create, add, status, export and verify.
#include "app/cli/commands.h"
#include "app/cli/console.h"
#include "app/cli/project_export.h"
#include "app/project/project.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <QDir>
#include <QFileInfo>

#include <cstdio>
#include <memory>

namespace limn {

namespace {

constexpr std::size_t kProblemsShown = 50;
constexpr int kSavePatienceMs = 60000;
constexpr int kTurnMs = 100;

struct ProjectCommand {
    std::string project;
    std::vector<std::string> inputs;
    std::string person;
    std::string output;
    std::vector<std::string> states;
    bool json = false;
};

std::string absolute(const std::string& path) {
    return QFileInfo(QString::fromStdString(path)).absoluteFilePath().toStdString();
}

// Waits for the scan and the disk, and says what was left out.
int settle(Project& project, const std::string& what) {
    // In short turns, so that Ctrl-C is noticed.
    while (!project.waitUntilSettled(kTurnMs))
        if (interruptToken().cancelled())
            return reportError(Error{ErrorCode::Cancelled, {"The project's scan"}});
    const SaveStatus saved = project.waitUntilSaved(kSavePatienceMs);
    if (saved.trouble)
        return reportError(*saved.trouble);
    for (const ProjectNotice& notice : project.notices())
        printProblem(notice.sentence());
    printLine(what + " " + project.filePath() + " with " + std::to_string(project.worklist().size()) +
              " images.");
    const std::vector<Project::Skipped>& skipped = project.skippedFiles();
    for (std::size_t i = 0; i < skipped.size() && i < kProblemsShown; ++i)
        printProblem(skipped[i].reason.message());
    if (skipped.size() > kProblemsShown)
        printProblem("and " + std::to_string(skipped.size() - kProblemsShown) + " more files were left out.");
    return skipped.empty() ? kExitDone : kExitFailed;
}

int createProject(const ProjectCommand& command) {
    const QFileInfo folder(QString::fromStdString(command.project));
    if (!folder.isDir())
        return reportError(Error{ErrorCode::FileNotFound, {command.project}});
    ProjectOptions options;
    options.person = command.person;
    std::unique_ptr<Project> project = Project::open(absolute(command.project), options);
    if (Result<void> opened = project->waitUntilOpen(); !opened)
        return reportError(opened.error());
    return settle(*project, "Project");
}

int addToProject(const ProjectCommand& command) {
    if (!QFileInfo::exists(QString::fromStdString(command.project)))
        return reportError(Error{ErrorCode::FileNotFound, {command.project}});
    ProjectOptions options;
    options.person = command.person;
    options.scanFolder = false;
    std::unique_ptr<Project> project = Project::open(absolute(command.project), options);
    if (Result<void> opened = project->waitUntilOpen(); !opened)
        return reportError(opened.error());
    std::vector<std::string> inputs;
    bool missing = false;
    for (const std::string& input : command.inputs) {
        if (QFileInfo::exists(QString::fromStdString(input))) {
            inputs.push_back(absolute(input));
        } else {
            missing = true;
            reportError(Error{ErrorCode::FileNotFound, {input}});
        }
    }
    project->addFiles(inputs);
    const int exitCode = settle(*project, "Project");
    return missing && exitCode == kExitDone ? kExitFailed : exitCode;
}

// The project file itself, or the one in a folder.
Result<std::unique_ptr<ProjectStore>> openForReading(const std::string& path) {
    const QFileInfo info(QString::fromStdString(path));
    std::string file = path;
    if (info.isDir()) {
        const QDir folder(info.absoluteFilePath());
        const QStringList found = folder.entryList({QStringLiteral("*.limn")}, QDir::Files, QDir::Name);
        if (found.size() != 1)
            return Error{ErrorCode::InvalidArgument,
                         {"The folder " + path, "with " + std::to_string(found.size()) + " project files",
                          "one with exactly one; or give the .limn file itself"}};
        file = folder.absoluteFilePath(found.front()).toStdString();
    }
    StoreOptions options;
    options.create = false;
    options.readOnly = true;
    return ProjectStore::open(absolute(file), options);
}

int showStatus(const ProjectCommand& command) {
    Result<std::unique_ptr<ProjectStore>> store = openForReading(command.project);
    if (!store)
        return reportError(store.error());
    Result<std::vector<ImageRecord>> images = (*store)->images();
    if (!images)
        return reportError(images.error());
    Worklist worklist;
    worklist.reset(std::move(*images));
    const WorklistCounts counts = worklist.counts();
    if (command.json) {
        nlohmann::ordered_json states;
        for (ReviewState state : kReviewStates)
            states[std::string(reviewStateName(state))] = counts.byState[static_cast<std::size_t>(state)];
        const nlohmann::ordered_json json = {
            {"project", (*store)->path()}, {"images", counts.total},       {"states", states},
            {"flagged", counts.flagged},   {"no_lesion", counts.noLesion}, {"unusable", counts.unusable},
            {"to_do", counts.todo()}};
        printLine(json.dump(2));
        return kExitDone;
    }
    printLine((*store)->path() + ": " + std::to_string(counts.total) + " images");
    const auto line = [](std::string_view name, std::size_t count) {
        char text[96];
        std::snprintf(text, sizeof text, "  %-12.*s %zu", static_cast<int>(name.size()), name.data(), count);
        printLine(text);
    };
    for (ReviewState state : kReviewStates)
        line(reviewStateName(state), counts.byState[static_cast<std::size_t>(state)]);
    line("flagged", counts.flagged);
    line("no lesion", counts.noLesion);
    line("unusable", counts.unusable);
    return kExitDone;
}

int exportAnnotations(const ProjectCommand& command) {
    ProjectExportOptions options;
    options.output = command.output;
    options.person = command.person;
    for (const std::string& name : command.states)
        if (const std::optional<ReviewState> state = reviewStateFromName(name))
            options.states.push_back(*state);
    Result<std::unique_ptr<ProjectStore>> store = openForReading(command.project);
    if (!store)
        return reportError(store.error());
    const CancelToken& cancel = interruptToken();
    std::unique_ptr<ProgressBar> bar;
    Result<ProjectExportSummary> summary =
        exportProject(**store, options, [&](std::size_t done, std::size_t total) {
            if (!bar)
                bar = std::make_unique<ProgressBar>(total, "images");
            bar->show(done, 0);
            return !cancel.cancelled();
        });
    bar.reset();
    if (!summary)
        return reportError(summary.error());
    printLine(std::to_string(summary->written) + " annotations of " + std::to_string(summary->images) +
              " images written to " + command.output + " (" + std::to_string(summary->unannotated) +
              " images have none); annotations.csv lists them all.");
    for (std::size_t i = 0; i < summary->failed.size() && i < kProblemsShown; ++i)
        printProblem(summary->failed[i].first + ": " + summary->failed[i].second.message());
    return summary->failed.empty() ? kExitDone : kExitFailed;
}

int verifyAll(const ProjectCommand& command) {
    Result<std::unique_ptr<ProjectStore>> store = openForReading(command.project);
    if (!store)
        return reportError(store.error());
    const CancelToken& cancel = interruptToken();
    std::unique_ptr<ProgressBar> bar;
    Result<std::vector<std::string>> findings =
        verifyProject(**store, [&](std::size_t done, std::size_t total) {
            if (!bar)
                bar = std::make_unique<ProgressBar>(total, "images");
            bar->show(done, 0);
            return !cancel.cancelled();
        });
    bar.reset();
    if (!findings)
        return reportError(findings.error());
    for (const std::string& finding : *findings)
        printProblem(finding);
    printLine(findings->empty() ? (*store)->path() + ": everything is whole."
                                : (*store)->path() + ": " + std::to_string(findings->size()) + " findings.");
    return findings->empty() ? kExitDone : kExitFailed;
}

} // namespace

void addProjectCommands(CLI::App& program, ChosenCommand& chosen) {
    auto state = std::make_shared<ProjectCommand>();
    CLI::App* project = program.add_subcommand("project", "Make projects, look at them, export from them");
    project->require_subcommand(1);
    const auto run = [state, &chosen](CLI::App* command, int (*function)(const ProjectCommand&)) {
        command->callback(
            [state, &chosen, function] { chosen = [state, function] { return function(*state); }; });
    };
    const auto takesProject = [state](CLI::App* command) {
        command->add_option("project", state->project, "The .limn file, or the folder it lies in")
            ->required()
            ->type_name("FILE|FOLDER");
    };

    CLI::App* create = project->add_subcommand("create", "Make a project of a folder of images");
    create->add_option("folder", state->project, "Folder with images")->required()->type_name("FOLDER");
    create->add_option("--person", state->person, "Who works")->type_name("NAME");
    run(create, createProject);

    CLI::App* add = project->add_subcommand("add", "Add images to a project");
    takesProject(add);
    add->add_option("inputs", state->inputs, "Images and folders")->required()->type_name("IMAGE|FOLDER");
    add->add_option("--person", state->person, "Who works")->type_name("NAME");
    run(add, addToProject);

    CLI::App* status = project->add_subcommand("status", "How many images are in which state");
    takesProject(status);
    status->add_flag("--json", state->json, "Print JSON");
    run(status, showStatus);

    CLI::App* exporting = project->add_subcommand("export", "Write label maps, masks and a table");
    takesProject(exporting);
    exporting->add_option("--output", state->output, "Folder for the results; made when missing")
        ->required()
        ->type_name("DIR");
    exporting
        ->add_option("--person", state->person,
                     "Whose annotations; without it the agreed or the last edited ones")
        ->type_name("NAME");
    exporting->add_option("--state", state->states, "Only images in these states, separated by commas")
        ->delimiter(',')
        ->check(CLI::IsMember({"new", "proposed", "in-progress", "submitted", "accepted", "rejected"}));
    run(exporting, exportAnnotations);

    CLI::App* verify = project->add_subcommand("verify", "Check every stored value, and every image's hash");
    takesProject(verify);
    run(verify, verifyAll);
}

} // namespace limn
